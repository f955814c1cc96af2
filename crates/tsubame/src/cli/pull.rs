//! Fetches what a shop's webhooks missed, or says where it and we differ.

use clap::Args;
use model::Source;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::pull::{pull, reconcile},
    workspace::{Access, Workspace},
};

/// Pull customers, products and orders of a Shopify shop since the last pull
///
/// Fetching twice changes nothing, and a pull that was cut short goes on where it stopped. With --reconcile nothing is fetched: the orders
/// of the last days are counted at the shop and here, and days that differ are listed (exit code 4).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame pull my-shopify\n  tsubame pull my-shopify --since 2026-01-01\n  tsubame pull my-shopify --reconcile 7"
)]
pub struct Pull {
    /// A source of kind shopify with an admin_token
    source: String,
    /// Begin anew with what changed since this day or moment
    #[arg(long, value_name = "WHEN", conflicts_with = "reconcile")]
    since: Option<String>,
    /// Compare this many days before today
    #[arg(long, value_name = "DAYS")]
    reconcile: Option<i64>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Pull {
    pub async fn run(self) -> Result<(), Fault> {
        let access = if self.reconcile.is_some() { Access::Read } else { Access::Write };
        let workspace = self.shop.open(access).await?;
        let source = source(&workspace, &self.source)?.clone();
        if let Some(days) = self.reconcile {
            return compare(&workspace, &source, days).await;
        }
        let since = self.since.as_deref().map(|text| start(&workspace, text)).transpose()?;
        let pulled = pull(&workspace, &source, since, u32::MAX).await?;
        crate::jobs::flush::flush(&workspace).await?;
        workspace.state.close().await;
        let kept = &pulled.kept;
        println!("{} listed on {} pages", pulled.listed, pulled.pages);
        println!("changed: {}, known: {}, new facts: {}", kept.changed, kept.repeated, kept.stored);
        println!("left out: {}, refused: {}", kept.left_out, kept.refused);
        if kept.refunds_cut > 0 {
            println!("note: {} refunds above what was paid for the goods were cut", kept.refunds_cut);
        }
        if kept.addresses_dropped > 0 {
            println!("note: {} addresses that cannot be read were left out", kept.addresses_dropped);
        }
        pulled.notes.iter().for_each(|note| println!("note: {note}"));
        match kept.refused {
            0 => Ok(()),
            refused => Err(Fault::new(Exit::Partial, format!("{refused} were refused"))
                .remedy("`tsubame quarantine list` has the reasons, `tsubame quarantine show ID` what came")),
        }
    }
}

async fn compare(workspace: &Workspace, source: &Source, days: i64) -> Result<(), Fault> {
    let differences = reconcile(workspace, source, days).await?;
    if differences.is_empty() {
        println!("the last {days} days agree");
        return Ok(());
    }
    for one in &differences {
        println!("{}: {} at the shop, {} here", one.day, one.at_shop, one.ours);
        for (what, ids) in [("not here", &one.missing), ("not at the shop", &one.surplus)] {
            if !ids.is_empty() {
                let more = if ids.len() > 10 { format!(" and {} more", ids.len() - 10) } else { String::new() };
                println!("  {what}: {}{more}", ids.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", "));
            }
        }
    }
    Err(Fault::new(Exit::Data, format!("{} days differ", differences.len()))
        .remedy(format!("`tsubame pull {} --since {}` fetches what is missing", source.name, differences[0].day)))
}

fn source<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Source, Fault> {
    let sources = &workspace.shop().sources;
    sources.iter().find(|source| source.name == name).ok_or_else(|| {
        let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        let remedy = match known.is_empty() {
            true => "add it as [[sources]] to tsubame.toml".into(),
            false => format!("the shop has: {}", known.join(", ")),
        };
        Fault::new(Exit::Config, format!("there is no source `{name}`")).remedy(remedy)
    })
}

/// A day means its beginning.
fn start(workspace: &Workspace, text: &str) -> Result<model::Instant, Fault> {
    match text.parse::<chrono::NaiveDate>() {
        Ok(day) => Ok(workspace.shop().timezone.start_of(day)),
        Err(_) => crate::workspace::parse_instant(text),
    }
}
