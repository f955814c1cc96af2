//! Stopping what is sent, and letting it go on. It is only written down here: a server that delivers looks before each call.

use clap::Args;

use super::ShopFolder;
use crate::{fault::Fault, jobs::pause, workspace::Access};

/// Under which it is noted what was done here.
pub const TERMINAL: &str = "(terminal)";

/// Pause a scenario, or stop every message of the shop
///
/// Nobody enters and nothing leaves, also while `tsubame serve` runs: it stops before the next call to a provider. What falls due meanwhile is sent on `tsubame resume` if it is still valid by then. Who must leave a
/// scenario leaves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame pause cart-recovery\n  tsubame pause")]
pub struct Pause {
    /// Without it everything is stopped
    scenario: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

/// Let a paused scenario, or all messages, go on
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame resume cart-recovery\n  tsubame resume")]
pub struct Resume {
    /// Without it the stop of everything is lifted; scenarios that were paused by name stay paused
    scenario: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Pause {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let what = self.scenario.as_deref().unwrap_or("everything");
        match pause::pause(&workspace, self.scenario.as_deref(), TERMINAL).await? {
            true => println!("{what} is paused"),
            false => println!("{what} was paused already"),
        }
        workspace.state.close().await;
        Ok(())
    }
}

impl Resume {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let what = self.scenario.as_deref().unwrap_or("everything");
        match pause::resume(&workspace, self.scenario.as_deref(), TERMINAL).await? {
            true => println!("{what} goes on"),
            false => println!("{what} was not paused"),
        }
        workspace.state.close().await;
        Ok(())
    }
}
