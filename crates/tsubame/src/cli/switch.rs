//! Switching a scenario on or off from a terminal, by the one word of its file that says so.

use clap::{Args, ValueEnum};

use super::{ShopFolder, pause::TERMINAL};
use crate::{fault::Fault, jobs::switch, workspace::Access};

/// Switch a scenario on or off in its file
///
/// Only `enabled` changes there. Refused (exit code 4) while an approval is missing. Off, nobody enters, and who is under way waits where they are. A server
/// that runs goes by it within a minute.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame switch cart-recovery on\n  tsubame switch cart-recovery off --shop my-shop")]
pub struct Switch {
    scenario: String,
    to: To,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    On,
    Off,
}

impl Switch {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let name = &self.scenario;
        let (switched, word) = match self.to {
            To::On => (switch::switch_on(&workspace, name, TERMINAL).await?, "on"),
            To::Off => (switch::switch_off(&workspace, name, TERMINAL).await?, "off"),
        };
        match switched {
            true => println!("{name} is switched {word}"),
            false => println!("{name} was {word} already"),
        }
        workspace.state.close().await;
        Ok(())
    }
}
