//! The events that scenarios look at, and which of their conditions each fulfils.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use decide::tick::{Happening, Trigger, Window, exit_key, wait_key};
use model::{CustomerId, Instant, Money, Scenario};
use query::{Mode, ParamValue, Params, Value};
use serde_json::{Map, Value as Json, json};

use super::{Rows, told};
use crate::{fault::Fault, workspace::Workspace};

/// A row of `system/happenings`.
#[derive(Clone)]
pub struct Happened {
    pub customer: CustomerId,
    pub happening: Happening,
    value: Option<Money>,
    /// What messages and waits of the scenarios ask of it.
    told: Map<String, Json>,
}

impl Happened {
    /// Whether the entry's `where` is true of it.
    pub fn lets_into(&self, scenario: &Scenario) -> bool {
        scenario.entry.condition.is_none() || self.happening.fulfils.contains(&entry_key(scenario))
    }

    /// `wanted` is what the scenario asks of what let somebody in.
    pub fn trigger(&self, scenario: &Scenario, wanted: &BTreeSet<String>) -> Trigger {
        let key = scenario.entry.key.as_ref().and_then(|column| self.happening.keys.get(column));
        let told = self.told.iter().filter(|(name, _)| wanted.contains(*name));
        let mut context: Map<String, Json> = told.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(value) = self.value {
            context.insert("cart_value".into(), json!(value));
        }
        for (column, value) in self.happening.keys.iter().filter(|(column, _)| *column != SEND_ID) {
            context.insert(column.clone(), json!(value));
        }
        Trigger {
            scenario: scenario.scenario.clone(),
            entry_key: key.cloned().unwrap_or_else(|| self.customer.to_string()),
            at: self.happening.at,
            known_at: self.happening.known_at,
            was_in_audience_before: false,
            excluded_by: None,
            context: Json::Object(context),
        }
    }
}

/// The message that an event came from.
const SEND_ID: &str = "send_id";

/// Everything of these scenarios' names that happened since, up to the window's end, by customer and time.
pub async fn ask(
    workspace: &Workspace,
    window: &Window,
    since: Instant,
    scenarios: &[&Scenario],
) -> Result<Vec<Happened>, Fault> {
    if let Some(foreseen) = workspace.foreseen()
        && let Some(happened) = foreseen.happened(window, since, scenarios)
    {
        return Ok(happened);
    }
    let names = scenarios.iter().flat_map(|scenario| names_of(scenario)).collect();
    ask_names(workspace, window.executed_at(window.to), (since, window.to), names, scenarios).await
}

/// The same up to a moment, of one scenario, for many windows to take theirs from.
pub async fn until(
    workspace: &Workspace,
    as_of: Instant,
    (since, until): (Instant, Instant),
    scenario: &Scenario,
) -> Result<Vec<Happened>, Fault> {
    ask_names(workspace, as_of, (since, until), names_of(scenario).into_iter().collect(), &[scenario]).await
}

/// Every exit event that happened since, up to now.
pub async fn until_now(workspace: &Workspace, since: Instant, scenarios: &[Scenario]) -> Result<Vec<Happened>, Fault> {
    let scenarios: Vec<&Scenario> = scenarios.iter().collect();
    let exits = scenarios.iter().flat_map(|scenario| scenario.exits.iter().filter_map(|exit| exit.on.as_deref()));
    let now = workspace.now();
    ask_names(workspace, now, (since, now), exits.collect(), &scenarios).await
}

/// The events since then that would let somebody into a scenario, by customer and time.
pub async fn entries_since(workspace: &Workspace, since: Instant, scenario: &Scenario) -> Result<Vec<Happened>, Fault> {
    let now = workspace.now();
    let names = scenario.entry.on.as_deref().into_iter().collect();
    let mut happened = ask_names(workspace, now, (since, now), names, &[scenario]).await?;
    happened.retain(|row| row.lets_into(scenario));
    Ok(happened)
}

async fn ask_names(
    workspace: &Workspace,
    as_of: Instant,
    (since, until): (Instant, Instant),
    names: BTreeSet<&str>,
    scenarios: &[&Scenario],
) -> Result<Vec<Happened>, Fault> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let params: Params = [
        ("from_at".to_string(), ParamValue::Instant(since)),
        ("to_at".to_string(), ParamValue::Instant(until + TimeDelta::microseconds(1))),
        ("names".to_string(), ParamValue::Text(names.into_iter().collect::<Vec<_>>().join(","))),
    ]
    .into();
    let asked: Vec<(String, &str)> = scenarios.iter().flat_map(|scenario| conditions_of(scenario)).collect();
    let conditions: Vec<&str> = asked.iter().map(|(_, condition)| *condition).collect();
    let answer = desk.ask_with_conditions("system/happenings", &params, &conditions).await?;
    let rows = Rows::new(&answer);
    let asks = |scenario: &&&Scenario| scenario.entry.on.is_some();
    let wanted: BTreeSet<String> =
        scenarios.iter().filter(asks).flat_map(|scenario| told::wanted(&workspace.files, scenario)).collect();
    let keys: BTreeSet<&str> = scenarios.iter().filter_map(|scenario| scenario.entry.key.as_deref()).chain([SEND_ID]).collect();
    (0..answer.rows.len())
        .map(|row| {
            let mut values = BTreeMap::new();
            for key in &keys {
                if let Some(value) = rows.text(row, key) {
                    values.insert(key.to_string(), value);
                }
            }
            let is_true = |index: &usize| rows.is_true(row, &format!("c{index}"));
            Ok(Happened {
                customer: CustomerId::stored(rows.needed(row, "customer_id")?),
                happening: Happening {
                    name: rows.needed(row, "name")?,
                    at: rows.instant(row, "occurred_at")?,
                    known_at: rows.instant(row, "known_at")?,
                    keys: values,
                    fulfils: (0..asked.len()).filter(is_true).map(|index| asked[index].0.clone()).collect(),
                },
                value: match answer.get(row, "value") {
                    Some(Value::Money(value)) => Some(*value),
                    _ => None,
                },
                told: told::of_event(&answer, row, &wanted),
            })
        })
        .collect()
}

/// The events a scenario looks at: its entry, its exits, and what its waits count from or wait for.
fn names_of(scenario: &Scenario) -> Vec<&str> {
    let waits = || scenario.steps.iter().filter_map(|step| step.wait.as_ref());
    let exits = scenario.exits.iter().filter_map(|exit| exit.on.as_deref());
    let waited_for = waits().filter_map(|wait| wait.event.as_deref());
    let since = waits().filter_map(|wait| wait.since_event());
    scenario.entry.on.as_deref().into_iter().chain(exits).chain(waited_for).chain(since).collect()
}

/// Every `where` of a scenario, with the key by which it is looked up.
pub fn conditions_of(scenario: &Scenario) -> Vec<(String, &str)> {
    let entry = scenario.entry.condition.as_deref().map(|condition| (entry_key(scenario), condition));
    let exits = scenario.exits.iter().enumerate();
    let exits = exits.filter_map(|(index, exit)| Some((exit_key(scenario, index), exit.condition.as_deref()?)));
    let waits = scenario.steps.iter();
    let waits = waits.filter_map(|step| Some((wait_key(scenario, &step.id), step.wait.as_ref()?.condition.as_deref()?)));
    entry.into_iter().chain(exits).chain(waits).collect()
}

fn entry_key(scenario: &Scenario) -> String {
    format!("{}@{}", scenario.scenario, scenario.version)
}
