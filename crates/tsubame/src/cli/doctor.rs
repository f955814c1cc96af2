//! Says whether a shop is well, and what to do where it is not.

use std::sync::Arc;

use clap::Args;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::flush::flush,
    progress::Progress,
    workspace::{Access, Workspace},
};

/// Look the shop over: files, journal, ledger, tables, dead letters
///
/// Exits with 4 when it finds damage in the lake, and names every damaged file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame doctor --shop my-shop\n  tsubame doctor --scrub\n  tsubame doctor --repair")]
pub struct Doctor {
    /// Read every byte of the lake and compare it with what was written
    #[arg(long)]
    scrub: bool,
    /// Make damage at the end of a table's log good from the journal, as every command that writes does when it starts
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Doctor {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(if self.repair { Access::Write } else { Access::Read }).await?;
        if self.repair {
            println!("repair     {} rows landed", flush(&workspace).await?);
        }
        let problems = query::check(&Arc::new((*workspace.library).clone()), workspace.shop().timezone).await;
        println!("files      {} problems", problems.len());
        let journal = workspace.state.journal();
        println!(
            "journal    position {}, {} bytes not in the lake yet",
            journal.last_position().await?,
            journal.bytes_after(workspace.landed_from().await?).await?
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
        let mut damage = 0;
        for damaged in workspace.lake.damaged().await {
            println!("damaged    {damaged}\n           {}", damaged.remedy);
            damage += 1;
        }
        if self.scrub {
            damage += scrub(&workspace).await?;
        }
        if damage > 0 {
            return Err(Fault::new(Exit::Data, format!("the lake is damaged in {damage} places"))
                .remedy("`tsubame doctor --repair` makes good what the journal has; put the other files back from a backup"));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Fault::problems(&problems)),
        }
    }
}

/// Places that are damaged.
async fn scrub(workspace: &Workspace) -> Result<usize, Fault> {
    let progress = Progress::new("scrub", "files", 0);
    let scrubbed = workspace.lake.scrub(&mut |_| progress.add(1)).await?;
    progress.finish(&format!("{} files", scrubbed.files));
    println!("scrubbed   {} files, {} bytes, {} without a checksum", scrubbed.files, scrubbed.bytes, scrubbed.unsealed);
    for found in &scrubbed.found {
        println!("damaged    {}: `{}` {}", found.table, found.file, found.what);
    }
    Ok(scrubbed.found.len())
}
