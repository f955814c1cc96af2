//! Sends whose outcome nobody knows wait here for a person.

use clap::{Args, Subcommand};

use super::ShopFolder;
use crate::{fault::Fault, jobs::deliver, workspace::Access};

/// List the messages whose outcome is unknown, and decide about each
///
/// A message that was handed to a provider without an answer is never sent again by itself: it may have arrived.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame sends parked\n  tsubame sends drop f6a986968992ca7a7e39220fb9cd6397\n  tsubame sends resend f6a986968992ca7a7e39220fb9cd6397"
)]
pub struct Sends {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// List them
    Parked,
    /// It may be sent once more
    Resend { send_id: String },
    /// It is not to be sent again
    Drop { send_id: String },
}

impl Sends {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        match self.command {
            Sub::Parked => {
                let parked = workspace.state.ledger().parked().await?;
                for held in &parked {
                    let send = &held.send;
                    let at = held.handed_at.map(model::time::rfc3339).unwrap_or_default();
                    let why = send.detail.as_deref().unwrap_or("");
                    println!(
                        "{}  {}  {}/{}  {}  handed {at}  {why}",
                        send.send_id, send.channel, send.scenario, send.step, send.customer_id
                    );
                }
                println!("{} parked", parked.len());
            }
            Sub::Resend { send_id } => {
                let report = deliver::resend(&workspace, &send_id).await?;
                println!(
                    "accepted {}, failed {}, unknown {}, stopped {}",
                    report.accepted, report.failed, report.unknown, report.stopped
                );
            }
            Sub::Drop { send_id } => {
                workspace.state.ledger().drop_parked(&send_id, workspace.now()).await?;
                println!("{send_id} dropped");
            }
        }
        workspace.state.close().await;
        Ok(())
    }
}
