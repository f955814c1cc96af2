//! What people may ask of a shop about themselves, from a terminal.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use state::{DEAD_LETTER_DAYS, Role};

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::{
        disclose, identity,
        people::{self, Erasable},
    },
    workspace::{Access, Workspace, write_secret},
};

/// Show or erase what is held about a customer who asks for it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame customer show C000123\n  tsubame customer show C000123 --out C000123.json --by admin\n  tsubame customer erase C000123 --dry-run\n  tsubame customer erase C000123 --by admin"
)]
pub struct Customer {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Say what the shop holds about a customer, as one JSON document (開示請求)
    ///
    /// Of them and of everybody they are one person with: ids, addresses and names, profile, consents with evidence, suppressions, orders, contracts,
    /// points, coupons, messages and why others were not sent, events, and what is predicted. It answers an access request under the APPI or the GDPR.
    #[command(
        after_help = "Examples:\n  tsubame customer show C000123\n  tsubame customer show C000123 --out C000123.json --by admin"
    )]
    Show {
        customer: String,
        /// A new file that you alone can read. Addresses and names are in it; without it all is printed, and they are masked
        #[arg(long, value_name = "FILE", requires = "by")]
        out: Option<PathBuf>,
        /// The admin who was asked: who read the addresses is written down (`tsubame account personal-log`)
        #[arg(long, value_name = "ACCOUNT", requires = "out")]
        by: Option<String>,
    },
    /// Destroy the addresses of a customer, and of everybody they are one person with
    ///
    /// The keys their addresses and names are sealed under, the addresses, and calls kept for a repeat are deleted; what they agreed to is revoked, and the
    /// next run ends what they are in. It is what Shopify's `customers/redact` does. Erase them in the shop's own system too: an address that it
    /// tells of later is that of somebody who came back. It cannot be undone.
    #[command(after_help = "Examples:\n  tsubame customer erase C000123 --dry-run\n  tsubame customer erase C000123 --by admin")]
    Erase {
        customer: String,
        /// The admin who was asked: it is written down with the permissions that are revoked
        #[arg(long, value_name = "ACCOUNT", required_unless_present = "dry_run")]
        by: Option<String>,
        /// Count what would be erased, and leave it
        #[arg(long)]
        dry_run: bool,
    },
}

impl Customer {
    pub async fn run(self) -> Result<(), Fault> {
        let access = match &self.command {
            Sub::Show { .. } | Sub::Erase { dry_run: true, .. } => Access::Read,
            Sub::Erase { .. } => Access::Write,
        };
        let workspace = self.shop.open(access).await?;
        match self.command {
            Sub::Show { customer, out, by } => show(&workspace, &customer, out.as_deref().zip(by.as_deref())).await?,
            Sub::Erase { customer, by, dry_run } => erase(&workspace, &customer, by.filter(|_| !dry_run).as_deref()).await?,
        }
        workspace.state.close().await;
        Ok(())
    }
}

/// Prints what is held about a customer, or writes it to a file for whoever was asked.
async fn show(workspace: &Workspace, customer: &str, told: Option<(&Path, &str)>) -> Result<(), Fault> {
    let customer = identity::parsed(workspace, customer)?;
    let Some((path, by)) = told else {
        let document = disclose::disclosed(workspace, &customer, None).await?;
        // A reader that has seen enough (`| head`) is no failure.
        let _ = writeln!(std::io::stdout(), "{document:#}");
        return Ok(());
    };
    refuse_others(workspace, by, "read addresses").await?;
    if path.exists() {
        return Err(Fault::new(Exit::Config, format!("{} is there already", path.display()))
            .remedy("name a new file: others may be able to read that one"));
    }
    let document = disclose::disclosed(workspace, &customer, Some(by)).await?;
    write_secret(path, format!("{document:#}\n").as_bytes())
        .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
    println!("written to {}, addresses among it: hand it over and delete it", path.display());
    Ok(())
}

/// Erases a customer because the account `by` was asked to; without it counts what there is.
async fn erase(workspace: &Workspace, customer: &str, by: Option<&str>) -> Result<(), Fault> {
    let customer = identity::parsed(workspace, customer)?;
    let (found, is_done) = match by {
        Some(by) => {
            refuse_others(workspace, by, "erase").await?;
            (people::erase_asked(workspace, &customer, by).await?, true)
        }
        None => (people::erasable(workspace, &customer).await?, false),
    };
    let waiting = workspace.state.vault().letter_counts(workspace.now()).await?;
    let letters = waiting.iter().map(|count| count.letters).sum::<u64>();
    for line in said(&found, is_done, letters) {
        println!("{line}");
    }
    Ok(())
}

/// Only admins do this. What was typed is not said again: it may be an address.
async fn refuse_others(workspace: &Workspace, by: &str, act: &str) -> Result<(), Fault> {
    let accounts = workspace.state.accounts().list().await?;
    match accounts.iter().any(|account| account.name == by && account.role == Role::Admin) {
        true => Ok(()),
        false => Err(Fault::new(Exit::Data, format!("no admin has this account name, and only admins {act}"))
            .remedy("`tsubame account list` shows who is an admin")),
    }
}

/// What was erased, or would be, and what stays.
fn said(found: &Erasable, is_done: bool, letters: u64) -> Vec<String> {
    let verb = if is_done { "erased" } else { "would erase" };
    let mut lines = Vec::new();
    if let Some(at) = found.gone_at() {
        lines.push(format!("had been erased as of {}: no address has come since", model::time::rfc3339(at)));
    }
    lines.extend([
        format!(
            "{verb}: {} addresses and names, under {} ids (merged and guest ids among them); {} calls kept for a repeat",
            found.of.addresses,
            found.of.customers.len(),
            found.of.calls
        ),
        format!("permissions that held: {}; open entries, which the next run ends: {}", found.granted.len(), found.open),
        "stays: orders, events, profile, consents and messages, under the customer id and without an address".into(),
        format!("stays: {letters} dead letters of anybody, sealed; each is gone {DEAD_LETTER_DAYS} days after it came (`tsubame quarantine list`)"),
        "stays: what copies made by `tsubame backup` hold; delete those".into(),
    ]);
    lines
}
