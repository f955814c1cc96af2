//! Sends whose outcome nobody knows wait here for a person.

use clap::{Args, Subcommand};
use state::Settling;

use super::ShopFolder;
use crate::{
    fault::Fault,
    jobs::parked::{self, Looked},
    workspace::Access,
};

/// List the messages whose outcome is unknown, and decide about each
///
/// A message that was handed to a provider without an answer is never sent again by itself: it may have arrived. An advertisement is dropped
/// when it would be too late to be of use.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame sends parked\n  tsubame sends look-up f6a986968992ca7a7e39220fb9cd6397\n  tsubame sends look-up f6a986968992ca7a7e39220fb9cd6397 --absent --by anna\n  tsubame sends drop f6a986968992ca7a7e39220fb9cd6397\n  tsubame sends resend f6a986968992ca7a7e39220fb9cd6397"
)]
pub struct Sends {
    #[command(subcommand)]
    command: Sub,
    /// Who decides: it is written down with the decision
    #[arg(long, global = true, value_name = "NAME", default_value = "command line")]
    by: String,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// List them
    Parked,
    /// It may be sent once more, even if it arrives twice
    Resend { send_id: String },
    /// It is not to be sent again
    Drop { send_id: String },
    /// Ask the provider whether it has it, or say what its own pages say
    ///
    /// What the provider has counts as accepted; what it surely does not have leaves as if for the first time.
    LookUp {
        send_id: String,
        /// The provider has it, under this id
        #[arg(long, value_name = "PROVIDER_ID", conflicts_with = "absent")]
        found: Option<String>,
        /// The provider surely does not have it
        #[arg(long)]
        absent: bool,
    },
}

impl Sends {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        let by = self.by.as_str();
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
                let report = parked::resend(&workspace, &send_id, by).await?;
                println!(
                    "accepted {}, failed {}, unknown {}, stopped {}",
                    report.accepted, report.failed, report.unknown, report.stopped
                );
            }
            Sub::Drop { send_id } => {
                parked::settle(&workspace, &send_id, Settling::Drop, by).await?;
                println!("{send_id} dropped");
            }
            Sub::LookUp { send_id, found: Some(provider_id), .. } => {
                parked::settle(&workspace, &send_id, Settling::Found { provider_id: Some(provider_id) }, by).await?;
                println!("{send_id} counts as accepted");
            }
            Sub::LookUp { send_id, absent: true, .. } => {
                parked::settle(&workspace, &send_id, Settling::Absent, by).await?;
                println!("{send_id} leaves with the next run");
            }
            Sub::LookUp { send_id, .. } => match parked::look_up(&workspace, &send_id, by).await? {
                Looked::Found => println!("the provider has {send_id}: it counts as accepted"),
                Looked::CannotTell => println!("the provider cannot tell whether it has {send_id}: {SAY}"),
                Looked::NoLookUp => println!("this sender cannot ask its provider about {send_id}: {SAY}"),
            },
        }
        workspace.state.close().await;
        Ok(())
    }
}

const SAY: &str = "look at the provider's own pages, and say --found PROVIDER_ID or --absent";
