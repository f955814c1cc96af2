//! Reads what a scenario or a test has added, in a terminal or a script.

use clap::Args;
use query::Mode;

use super::ShopFolder;
use crate::{
    fault::Fault,
    readout::{self, Effect},
    workspace::Access,
};

/// Read a scenario against its holdout, or a message test arm against arm
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame readout cart-recovery\n  tsubame readout f2-subject --json")]
pub struct Readout {
    /// A scenario, or an experiment of one of its steps
    name: String,
    /// What was known at this moment: a time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Readout {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let as_of = match &self.as_of {
            Some(text) => super::instant(&workspace, text)?,
            None => workspace.now(),
        };
        let desk = workspace.desk(as_of, Mode::AsKnown).await?;
        let scenarios = &workspace.files.scenarios;
        let effects = match scenarios.iter().find(|scenario| scenario.scenario == self.name) {
            Some(scenario) => readout::scenario(&desk, workspace.shop(), scenario).await?.effects,
            None => readout::experiment(&desk, scenarios, &self.name).await?.effects,
        };
        for effect in effects {
            match self.json {
                true => println!("{}", serde_json::to_string(&effect).expect("an effect is plain JSON")),
                false => println!("{}", words(&effect)),
            }
        }
        Ok(())
    }
}

fn words(effect: &Effect) -> String {
    let group = |group: &readout::Group| {
        let mean = group.mean.map_or("-".into(), |mean| format!("{mean:.4}"));
        format!("{} {mean} over {} ({} not matured)", group.name, group.people, group.immature)
    };
    let numbers = match (effect.difference, effect.low, effect.high, effect.p) {
        (Some(difference), Some(low), Some(high), Some(p)) => {
            format!("difference {difference:+.4}, 95 % interval {low:+.4} .. {high:+.4}, p {p:.2e}")
        }
        _ => "cannot say yet".into(),
    };
    let why = effect.why.as_ref().map_or(String::new(), |why| format!(": {}", why.en));
    let from = effect.from.map_or(String::new(), |day| format!(", from {day}"));
    format!(
        "{} {}: {}; {}; {numbers} [{}{why}{from}]",
        effect.name,
        effect.metric,
        group(&effect.treated),
        group(&effect.held_out),
        effect.verdict
    )
}
