//! Finds every mistake in a shop's files at once, before a night or a customer meets one.

use std::sync::Arc;

use clap::Args;
use model::Problem;
use query::{Desk, Mode, Moment};

use super::{Language, ShopFolder};
use crate::{fault::Fault, lint, secrets, workspace::read_files};

/// Check every file of a shop and report every problem at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame check --shop my-shop\n  tsubame check --strict --lang ja")]
pub struct Check {
    /// Fail at warnings too: fields that some members lack, words that a law may have something against
    #[arg(long)]
    strict: bool,
    /// The language of warnings
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Check {
    pub async fn run(self) -> Result<(), Fault> {
        let (files, library, mut problems) = read_files(&self.shop.folder)?;
        let library = Arc::new(library);
        problems.extend(secrets::problems(&self.shop.folder, &files.shop));
        problems.extend(query::check(&library, files.shop.timezone).await);
        let moment = Moment { as_of: Default::default(), mode: Mode::AsKnown, zone: files.shop.timezone };
        let desk = Desk::new(library.clone(), lake::ReadView::empty(), moment);
        for scenario in &files.scenarios {
            let file = format!("scenarios/{}.toml", scenario.scenario);
            let waits = scenario.steps.iter().filter_map(|step| step.wait.as_ref()?.condition.as_ref());
            let exits = scenario.exits.iter().filter_map(|exit| exit.condition.as_ref());
            let of_events = scenario.entry.condition.iter().chain(exits).chain(waits);
            let branches =
                scenario.steps.iter().flat_map(|step| step.branch.iter().flatten()).filter_map(|arm| arm.when.as_ref());
            let of_customers = branches.chain(scenario.exits.iter().filter_map(|exit| exit.when.as_ref()));
            let of_events = of_events.map(|condition| ("system/happenings", condition));
            for (relation, condition) in of_events.chain(of_customers.map(|condition| ("system/views/customer_ranks", condition)))
            {
                if let Err(error) = desk.check_condition(relation, condition).await {
                    let table = relation.rsplit('/').next().unwrap_or(relation);
                    let (message, remedy) = match error.mistake() {
                        Some(mistake) => (format!("condition `{condition}`: {}", mistake.message), mistake.remedy.clone()),
                        None => (error.to_string(), format!("use columns of {table}")),
                    };
                    problems.push(
                        Problem::new(&file, line_of(&self.shop.folder.join(&file), condition), message).with_remedy(remedy),
                    );
                }
            }
        }
        let warnings = lint::warnings(&self.shop.folder, &files, &library, self.lang.name());
        if self.strict {
            problems.extend(warnings);
        } else {
            for warning in &warnings {
                println!("warning: {warning}");
            }
        }
        if problems.is_empty() {
            println!(
                "no problems: {} queries, {} dashboards, {} scenarios, {} experiments, {} messages",
                library.queries.len(),
                library.dashboards.len(),
                files.scenarios.len(),
                files.experiments.len(),
                files.templates.len()
            );
            return Ok(());
        }
        Err(Fault::problems(&problems))
    }
}

/// The line of a scenario's file on which a condition is written; 1 where it is written over several.
fn line_of(file: &std::path::Path, condition: &str) -> usize {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().position(|line| line.contains(condition)).map_or(1, |index| index + 1)
}
