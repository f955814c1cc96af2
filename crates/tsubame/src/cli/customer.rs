//! What people may ask of a shop about themselves, from a terminal.

use clap::{Args, Subcommand};
use state::{DEAD_LETTER_DAYS, Role};

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::{
        identity,
        people::{self, Erasable},
    },
    workspace::{Access, Workspace},
};

/// Erase a customer who asks for it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame customer erase C000123 --dry-run\n  tsubame customer erase C000123 --by admin")]
pub struct Customer {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
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
        let Sub::Erase { customer, by, dry_run } = self.command;
        let workspace = self.shop.open(if dry_run { Access::Read } else { Access::Write }).await?;
        let customer = identity::parsed(&workspace, &customer)?;
        let (found, is_done) = match by.filter(|_| !dry_run) {
            Some(by) => {
                refuse_others(&workspace, &by).await?;
                (people::erase_asked(&workspace, &customer, &by).await?, true)
            }
            None => (people::erasable(&workspace, &customer).await?, false),
        };
        let waiting = workspace.state.vault().letter_counts(workspace.now()).await?;
        let letters = waiting.iter().map(|count| count.letters).sum::<u64>();
        for line in said(&found, is_done, letters) {
            println!("{line}");
        }
        workspace.state.close().await;
        Ok(())
    }
}

/// Only admins erase. What was typed is not said again: it may be an address.
async fn refuse_others(workspace: &Workspace, by: &str) -> Result<(), Fault> {
    let accounts = workspace.state.accounts().list().await?;
    match accounts.iter().any(|account| account.name == by && account.role == Role::Admin) {
        true => Ok(()),
        false => Err(Fault::new(Exit::Data, "no admin has this account name, and only admins erase")
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
