//! The events that scenarios look at, and which of their conditions each fulfils.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use decide::tick::{Happening, Trigger, Window, exit_key, wait_key};
use model::{CustomerId, Instant, Money, Scenario};
use query::{Mode, ParamValue, Params, Value};
use serde_json::{Map, Value as Json, json};

use super::{LATE_MAX, Rows, told};
use crate::{fault::Fault, workspace::Workspace};

/// A row of `system/happenings`: there may be very many, so what many have in common they share.
#[derive(Clone)]
pub struct Happened {
    pub customer: CustomerId,
    pub name: Arc<str>,
    pub at: Instant,
    pub known_at: Instant,
    /// Its values of the key columns of scenarios, and its send, by column.
    keys: Box<[(Arc<str>, Box<str>)]>,
    /// The conditions that are true of it, by their keys.
    fulfils: Box<[Arc<str>]>,
    value: Option<Money>,
    /// What messages and waits of the scenarios ask of it.
    told: Option<Box<Map<String, Json>>>,
}

impl Happened {
    /// As it is decided on.
    pub fn happening(&self) -> Happening {
        Happening {
            name: self.name.to_string(),
            at: self.at,
            known_at: self.known_at,
            keys: self.keys.iter().map(|(column, value)| (column.to_string(), value.to_string())).collect(),
            fulfils: self.fulfils.iter().map(|key| key.to_string()).collect(),
        }
    }

    /// Whether it is the entry's event and the entry's `where` is true of it.
    pub fn lets_into(&self, scenario: &Scenario) -> bool {
        let is_true = || {
            let wanted = entry_key(scenario);
            self.fulfils.iter().any(|key| **key == *wanted)
        };
        scenario.entry.on.as_deref() == Some(&*self.name) && (scenario.entry.condition.is_none() || is_true())
    }

    /// Whether the window sees it for the first time, and it lets somebody in.
    pub fn enters(&self, scenario: &Scenario, window: &Window) -> bool {
        let seen_at = window.seen_at(self.at, self.known_at);
        // However far back others make it necessary to look: what is too late for a short window is so for a long one.
        let is_in_time = seen_at - self.at <= LATE_MAX;
        is_in_time && seen_at > window.from && seen_at <= window.to && self.lets_into(scenario)
    }

    /// `wanted` is what the scenario asks of what let somebody in.
    pub fn trigger(&self, scenario: &Scenario, wanted: &BTreeSet<String>) -> Trigger {
        let key = scenario.entry.key.as_ref().and_then(|name| self.keys.iter().find(|(column, _)| **column == **name));
        let told = self.told.iter().flat_map(|told| told.iter()).filter(|(name, _)| wanted.contains(*name));
        let mut context: Map<String, Json> = told.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(value) = self.value {
            context.insert("cart_value".into(), json!(value));
        }
        for (column, value) in self.keys.iter().filter(|(column, _)| **column != *SEND_ID) {
            context.insert(column.to_string(), json!(value));
        }
        Trigger {
            scenario: scenario.scenario.clone(),
            entry_key: key.map_or_else(|| self.customer.to_string(), |(_, value)| value.to_string()),
            at: self.at,
            known_at: self.known_at,
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
    let asked: Vec<(Arc<str>, &str)> =
        scenarios.iter().flat_map(|scenario| conditions_of(scenario)).map(|(key, condition)| (key.into(), condition)).collect();
    let conditions: Vec<&str> = asked.iter().map(|(_, condition)| *condition).collect();
    let asks = |scenario: &&&Scenario| scenario.entry.on.is_some();
    let wanted: BTreeSet<String> =
        scenarios.iter().filter(asks).flat_map(|scenario| told::wanted(&workspace.files, scenario)).collect();
    let keys: BTreeSet<&str> = scenarios.iter().filter_map(|scenario| scenario.entry.key.as_deref()).chain([SEND_ID]).collect();
    let own = ["customer_id", "name", "occurred_at", "known_at", "value"].into_iter();
    let told = wanted.iter().map(String::as_str).chain((!wanted.is_empty()).then_some("properties"));
    let columns: BTreeSet<&str> = own.chain(keys.iter().copied()).chain(told).collect();
    let columns: Vec<&str> = columns.into_iter().collect();
    let answer = desk.ask_with_conditions("system/happenings", &params, &conditions, &columns).await?;
    let rows = Rows::new(&answer);
    let holds = rows.conditions(asked.len());
    let keys: Vec<Arc<str>> = keys.into_iter().map(Arc::from).collect();
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    (0..answer.rows.len())
        .map(|row| {
            let name = rows.needed(row, "name")?;
            let name = match names.get(name.as_str()) {
                Some(known) => known.clone(),
                None => {
                    let name: Arc<str> = name.into();
                    names.insert(name.clone());
                    name
                }
            };
            let value = |key: &Arc<str>| Some((key.clone(), rows.text(row, key)?.into_boxed_str()));
            let told = told::of_event(&answer, row, &wanted);
            Ok(Happened {
                customer: CustomerId::stored(rows.needed(row, "customer_id")?),
                name,
                at: rows.instant(row, "occurred_at")?,
                known_at: rows.instant(row, "known_at")?,
                keys: keys.iter().filter_map(value).collect(),
                fulfils: holds
                    .iter()
                    .filter(|(_, column)| rows.holds(row, *column))
                    .map(|(index, _)| asked[*index].0.clone())
                    .collect(),
                value: match answer.get(row, "value") {
                    Some(Value::Money(value)) => Some(*value),
                    _ => None,
                },
                told: (!told.is_empty()).then(|| Box::new(told)),
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
