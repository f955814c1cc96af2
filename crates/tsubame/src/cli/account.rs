//! Lets people in and out of the pages: whoever has the shop's folder decides who has an account.

use clap::{Args, Subcommand, ValueEnum};
use state::{Grant, Role, Secret};

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    workspace::Access,
};

/// Add people, give them new passwords, list or remove them
///
/// Passwords are made here and printed once. A new one signs the person out everywhere.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame account add hanako --role marketer\n  tsubame account password admin\n  tsubame account sql-token hanako\n  tsubame account grant hanako --hours 8 --reason 'birthday campaign'\n  tsubame account list"
)]
pub struct Account {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Add a person
    Add {
        name: String,
        #[arg(long, value_enum, default_value = "marketer")]
        role: Named,
    },
    /// Give a person a new password
    Password { name: String },
    /// Give an analyst or admin a new token for psql, drivers and BI tools
    ///
    /// It is the password there, and is printed once; the one before it is no longer good. A new password of the account, or its
    /// removal, takes the token away.
    SqlToken {
        name: String,
        /// Take the token away instead
        #[arg(long)]
        remove: bool,
    },
    /// Remove a person
    Remove { name: String },
    /// List everybody
    List,
    /// Let an analyst or admin see personal columns in SQL for some hours
    Grant {
        name: String,
        /// For how long
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: u32,
        /// What for: it is written down, as is each use
        #[arg(long)]
        reason: String,
    },
    /// Mask personal columns again before the hours are over
    Withdraw { name: String },
    /// Who was granted personal columns, and who read them
    PersonalLog {
        /// The newest lines
        #[arg(long, default_value_t = 100)]
        most: u32,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    Admin,
    Analyst,
    Marketer,
}

impl Account {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let accounts = workspace.state.accounts();
        match self.command {
            Sub::Add { name, role } => {
                let role = match role {
                    Named::Admin => Role::Admin,
                    Named::Analyst => Role::Analyst,
                    Named::Marketer => Role::Marketer,
                };
                let password = password()?;
                accounts.create(&name, role, &password, Clock::Real.now()).await?;
                println!("{name} ({}) password: {}", role.name(), password.expose());
            }
            Sub::Password { name } => {
                let password = password()?;
                accounts.change_password(&name, &password).await?;
                println!("{name} password: {}", password.expose());
            }
            Sub::SqlToken { name, remove: false } => {
                let token = workspace.state.sql_tokens().create(&name, Clock::Real.now()).await?;
                println!("{name} SQL token: {}", token.expose());
            }
            Sub::SqlToken { name, remove: true } => match workspace.state.sql_tokens().remove(&name).await? {
                true => println!("{name}: SQL token removed"),
                false => println!("{name} had no SQL token"),
            },
            Sub::Remove { name } => {
                accounts.remove(&name).await?;
                println!("{name} removed");
            }
            Sub::List => {
                for account in accounts.list().await? {
                    println!("{:<24} {}", account.name, account.role.name());
                }
            }
            Sub::Grant { name, hours, reason } => {
                let now = Clock::Real.now();
                let grant = Grant { account: name, until: now + chrono::TimeDelta::hours(hours.into()), reason };
                workspace.state.grants().grant(&grant, now).await?;
                println!("{} may see personal columns until {}", grant.account, model::time::rfc3339(grant.until));
            }
            Sub::Withdraw { name } => match workspace.state.grants().withdraw(&name, Clock::Real.now()).await? {
                true => println!("{name} sees personal columns masked"),
                false => println!("{name} had no grant"),
            },
            Sub::PersonalLog { most } => {
                for noted in workspace.state.grants().log(most).await? {
                    println!("{}  {:<24} {:<10} {}", model::time::rfc3339(noted.at), noted.account, noted.act, noted.detail);
                }
            }
        }
        workspace.state.close().await;
        Ok(())
    }
}

fn password() -> Result<Secret, Fault> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| Fault::new(Exit::Failed, format!("could not make a password: {error}")))?;
    Ok(Secret::new(model::id::hex(&bytes)))
}
