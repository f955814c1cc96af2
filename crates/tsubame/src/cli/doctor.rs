//! Says whether a shop is well, and what to do where it is not.

use std::sync::Arc;

use clap::Args;

use super::ShopFolder;
use crate::{fault::Fault, workspace::Access};

/// Look the shop over: files, journal, ledger, tables, dead letters
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tsubame doctor --shop my-shop")]
pub struct Doctor {
    #[command(flatten)]
    shop: ShopFolder,
}

impl Doctor {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let problems = query::check(&Arc::new((*workspace.library).clone()), workspace.shop().timezone).await;
        println!("files      {} problems", problems.len());
        let journal = workspace.state.journal();
        println!(
            "journal    position {}, {} bytes not in the lake yet",
            journal.last_position().await?,
            journal.pending_bytes().await?
        );
        for (state, count) in workspace.state.ledger().counts().await? {
            println!("sends      {:<10} {count}", state.name());
        }
        let parked = workspace.state.ledger().parked().await?;
        if !parked.is_empty() {
            println!("parked     {} sends wait for a person: their outcome is unknown", parked.len());
        }
        println!("lake       {}", workspace.lake.url());
        for table in workspace.lake.status().await? {
            println!(
                "table      {:<16} version {:<5} {:>3} files {:>9} rows {:>11} bytes",
                table.table, table.version, table.files, table.rows, table.bytes
            );
        }
        let letters = workspace.state.vault().dead_letters(workspace.now(), 5).await?;
        for letter in &letters {
            println!("dead letter {} line {}: {}", letter.file, letter.line, letter.reason);
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Fault::problems(&problems)),
        }
    }
}
