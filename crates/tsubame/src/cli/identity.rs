//! Who is who, for people: what rules merged, what they may not decide, and the way back.

use clap::{Args, Subcommand};
use model::{CustomerId, Text};

use super::ShopFolder;
use crate::{fault::Fault, jobs::identity, pages::identity::reason, workspace::Access};

/// List which customers are one person, and decide where no rule may
///
/// Two customers are merged by themselves when they have the same verified LINE link, or are guest and member of one e-mail address. Equal
/// phones or postal addresses only propose: a person decides. Of two who are one the member survives, else whom the shop has known longer.
/// Every merge can be undone.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame identity proposals\n  tsubame identity merge m-1001 m-2002\n  tsubame identity decline m-1001 m-2002\n  tsubame identity undo m-2002"
)]
pub struct Identity {
    #[command(subcommand)]
    command: Sub,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// List who was merged
    List,
    /// List who may be one person
    Proposals,
    /// The two are one
    Merge { a: String, b: String },
    /// The merged one is somebody of their own after all
    Undo { customer: String },
    /// The two are not one: do not ask again
    Decline { a: String, b: String },
    /// Show whom an id belongs to, and who was merged into them
    Show { customer: String },
}

impl Identity {
    pub async fn run(self) -> Result<(), Fault> {
        let reads = matches!(self.command, Sub::List | Sub::Proposals | Sub::Show { .. });
        let workspace = self.shop.open(if reads { Access::Read } else { Access::Write }).await?;
        let identities = workspace.state.identities();
        match self.command {
            Sub::List => {
                let merged = identities.merged_all().await?;
                for merged in &merged {
                    let at = model::time::rfc3339(merged.changed_at);
                    println!(
                        "{} → {}  {}  {at}  {}",
                        merged.customer_id,
                        merged.survivor_id,
                        in_english(&merged.rule),
                        merged.source
                    );
                }
                println!("{} merged", merged.len());
            }
            Sub::Proposals => {
                let (proposals, facts, count) = identity::compared(&workspace).await?;
                for proposal in &proposals {
                    let reasons: Vec<String> = proposal.reasons.iter().map(|rule| in_english(rule)).collect();
                    println!("{} ? {}  {}", proposal.a, proposal.b, reasons.join(", "));
                    for customer in [&proposal.a, &proposal.b] {
                        println!("    {customer}: {}", told(facts.get(customer)));
                    }
                }
                println!("{count} proposed{}", if count > proposals.len() { ", the first are shown" } else { "" });
            }
            Sub::Merge { a, b } => {
                let survivor = identity::merge(&workspace, &a, &b, "command line").await?;
                println!("merged: {survivor} survives");
            }
            Sub::Undo { customer } => {
                let survivor = identity::undo(&workspace, &customer, "command line").await?;
                println!("undone: no longer {survivor}");
            }
            Sub::Decline { a, b } => {
                identity::decline(&workspace, &a, &b, "command line").await?;
                println!("kept apart");
            }
            Sub::Show { customer } => {
                let customer = identity::parsed(&workspace, &customer)?;
                let survivor = identities.survivor_of(&customer).await?;
                show(&workspace, &customer, &survivor).await?;
            }
        }
        workspace.state.close().await;
        Ok(())
    }
}

async fn show(workspace: &crate::workspace::Workspace, customer: &CustomerId, survivor: &CustomerId) -> Result<(), Fault> {
    let identities = workspace.state.identities();
    match customer == survivor {
        true => println!("{customer} stands for themselves"),
        false => println!("{customer} is {survivor}"),
    }
    for merged in identities.merged_into(survivor).await? {
        println!("  {} merged: {} ({})", merged.customer_id, in_english(&merged.rule), merged.source);
    }
    println!("  {} browsers", identities.visitors_of(customer).await?);
    let facts = identity::facts_of(workspace, &[survivor.as_str()]).await?;
    println!("  {}", told(facts.get(survivor)));
    Ok(())
}

fn told(facts: Option<&identity::Facts>) -> String {
    let Some(facts) = facts else { return "no profile, no purchases".into() };
    let day = |day: Option<chrono::NaiveDate>| day.map_or("-".into(), |day| day.to_string());
    format!(
        "registered {}, {} orders, {} to {}, {}, born {}",
        day(facts.registered_on),
        facts.orders,
        day(facts.first_ordered_on),
        day(facts.last_ordered_on),
        facts.prefecture.as_deref().unwrap_or("-"),
        day(facts.birthday),
    )
}

fn in_english(rule: &str) -> String {
    let text: Text = reason(rule);
    text.get("en").to_string()
}
