//! Makes an audience's files by hand, for now or for a day gone by; the night makes those of today.

use clap::Args;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::{export, flush::flush},
    workspace::Access,
};

/// Export an audience of tsubame.toml as files with a manifest
///
/// The same name, day and SQL again change nothing. `_SUCCESS` is written last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame export dormant-top\n  tsubame export dormant-top --date 2026-06-30")]
pub struct Export {
    /// An export of tsubame.toml
    name: String,
    /// The audience at the end of this day; without it, now
    #[arg(long)]
    date: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Export {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        let at = super::instant_or_now(&workspace, self.date.as_deref())?;
        let named = export::find(&workspace, &self.name)?.clone();
        let report = export::export(&workspace, &named, at).await?;
        flush(&workspace).await?;
        workspace.state.close().await;
        if let Some(why) = report.held {
            return Err(Fault::new(Exit::Data, format!("{} was not exported: {why}", report.name))
                .remedy("look at the segment; if it is right, raise the limit under [[exports]] in tsubame.toml"));
        }
        let again = if report.was_done { " (made before)" } else { "" };
        println!(
            "{} members, {} added, {} removed{again}: {}",
            report.members,
            report.added,
            report.removed,
            report.folder.display()
        );
        Ok(())
    }
}
