//! A second person's word on what goes to many, from a terminal: they prove by their password that they are another.

use std::{
    io::IsTerminal,
    process::{Command, Stdio},
};

use clap::Args;
use state::Secret;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::approval::{self, Approval},
    workspace::{Access, Workspace},
};

/// Approve a scenario or broadcast that goes to more people than the shop says, or ask for it
///
/// `[approval] above = N` in tsubame.toml asks for the approval of a second account before anything goes to more than N people: neither who asked nor
/// who edited last may give it, and any change of a text voids it. Until then nobody enters and nothing leaves. The account's password is read from the
/// terminal, or from the first line of the input. Without a name it lists how far approval has come.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame approve\n  tsubame approve spring-sale --by hanako --ask\n  tsubame approve spring-sale --by admin"
)]
pub struct Approve {
    scenario: Option<String>,
    /// The account that does it
    #[arg(long, value_name = "ACCOUNT", requires = "scenario")]
    by: Option<String>,
    /// Ask for approval instead
    #[arg(long, requires = "by", conflicts_with = "withdraw")]
    ask: bool,
    /// Take a request or an approval back instead
    #[arg(long, requires = "by")]
    withdraw: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Approve {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        match (&self.scenario, &self.by) {
            (None, _) => {
                for scenario in &workspace.files.scenarios {
                    let approval = approval::status(&workspace, &scenario.scenario).await?;
                    println!("{:<24} {}", scenario.scenario, approval.said());
                }
            }
            (Some(name), None) => println!("{name}: {}", approval::status(&workspace, name).await?.said()),
            (Some(name), Some(by)) => {
                workspace.scenario(name)?;
                let approval = self.act(&workspace, name, by).await?;
                println!("{name}: {}", approval.said());
            }
        }
        workspace.state.close().await;
        Ok(())
    }

    async fn act(&self, workspace: &Workspace, name: &str, by: &str) -> Result<Approval, Fault> {
        let password = password_of(by)?;
        let Some(account) = workspace.state.accounts().verify(by, &password).await? else {
            return Err(Fault::new(Exit::Data, format!("the account `{by}` or its password is not right"))
                .remedy("`tsubame account list` shows the accounts; `tsubame account password NAME` makes a new password"));
        };
        match (self.ask, self.withdraw) {
            (true, _) => approval::ask(workspace, name, &account.name).await,
            (_, true) => approval::withdraw(workspace, name, &account.name).await,
            _ => approval::approve(workspace, name, &account.name).await,
        }
    }
}

/// Typed unseen on a terminal.
fn password_of(account: &str) -> Result<Secret, Fault> {
    let stdin = std::io::stdin();
    let is_typed = stdin.is_terminal();
    if is_typed {
        eprint!("password of {account}: ");
    }
    let is_hidden = is_typed && echo("-echo");
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    if is_hidden {
        echo("echo");
        eprintln!();
    }
    read.map_err(|source| Fault::io("could not read the password", source))?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).into()))
}

/// Whether the terminal does so from now on.
fn echo(setting: &str) -> bool {
    Command::new("stty").arg(setting).stdin(Stdio::inherit()).status().is_ok_and(|status| status.success())
}
