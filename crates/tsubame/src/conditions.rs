//! The SQL expressions of scenario files (`where`, `when`), planned without data: a wrong one would stop every tick.

use std::sync::Arc;

use lake::ReadView;
use model::{Problem, Scenario};
use query::{Desk, Library, Mode, Moment};

use crate::workspace::ShopFiles;

/// What is wrong with the conditions of these scenarios. `text_of` has the text of a file, in which the line is looked up.
pub async fn problems(files: &ShopFiles, library: &Arc<Library>, text_of: impl Fn(&str) -> String) -> Vec<Problem> {
    let moment = Moment { as_of: Default::default(), mode: Mode::AsKnown, zone: files.shop.timezone };
    let desk = Desk::new(library.clone(), ReadView::empty(), moment);
    let mut problems = Vec::new();
    for scenario in &files.scenarios {
        let file = format!("scenarios/{}.toml", scenario.scenario);
        for (relation, condition) in conditions_of(scenario) {
            if let Err(error) = desk.check_condition(relation, condition).await {
                let table = relation.rsplit('/').next().unwrap_or(relation);
                let (message, remedy) = match error.mistake() {
                    Some(mistake) => (format!("condition `{condition}`: {}", mistake.message), mistake.remedy.clone()),
                    None => (error.to_string(), format!("use columns of {table}")),
                };
                let line = line_of(&text_of(&file), condition);
                problems.push(Problem::new(&file, line, message).with_remedy(remedy));
            }
        }
    }
    problems
}

/// Each with the relation whose columns it may name.
fn conditions_of(scenario: &Scenario) -> Vec<(&'static str, &str)> {
    let waits = scenario.steps.iter().filter_map(|step| step.wait.as_ref()?.condition.as_deref());
    let exits = scenario.exits.iter().filter_map(|exit| exit.condition.as_deref());
    let of_events = scenario.entry.condition.as_deref().into_iter().chain(exits).chain(waits);
    let branches = scenario.steps.iter().flat_map(|step| step.branch.iter().flatten()).filter_map(|arm| arm.when.as_deref());
    let of_customers = branches.chain(scenario.exits.iter().filter_map(|exit| exit.when.as_deref()));
    let of_events = of_events.map(|condition| ("system/happenings", condition));
    of_events.chain(of_customers.map(|condition| ("system/views/customer_ranks", condition))).collect()
}

/// The line on which a condition is written; 1 where it is written over several.
fn line_of(text: &str, condition: &str) -> usize {
    text.lines().position(|line| line.contains(condition)).map_or(1, |index| index + 1)
}
