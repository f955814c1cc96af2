//! Segments that let people into scenarios: who is in one at each of its evaluations, who has left it, and whom a broadcast leaves out.

use std::collections::{BTreeMap, BTreeSet};

use decide::tick::{Absence, Trigger, Window, duplicates, schedule};
use model::{
    Channel, CustomerId, Instant, Scenario,
    scenario::{Reentry, Start},
};
use query::{Mode, Value};
use serde_json::Value as Json;

use super::{Rows, params_of, told};
use crate::{fault::Fault, reachable::Reachable, workspace::Workspace};

#[derive(Default)]
pub struct Evaluated {
    pub triggers: Vec<(CustomerId, Trigger)>,
    pub absences: Vec<(CustomerId, Absence)>,
}

/// A scenario's segment at each of its evaluations in the window. `inside` are those who are under way in the scenario.
pub async fn evaluate(
    workspace: &Workspace,
    window: &Window,
    scenario: &Scenario,
    inside: &BTreeSet<CustomerId>,
    reachable: &Reachable,
) -> Result<Evaluated, Fault> {
    let zone = workspace.shop().timezone;
    let entry = &scenario.entry;
    let may_leave = scenario.exits.iter().any(|exit| exit.leave.as_deref() == Some("audience"));
    // Whether they were in it before matters to those who come in again, and to a scenario that starts with nobody.
    let asks_before = entry.reentry == Reentry::Rematch || scenario.start == Start::FutureOnly;
    let wanted = told::wanted(&workspace.files, scenario);
    let mut evaluated = Evaluated::default();
    for at in schedule::evaluations(entry, zone, window.from, window.to) {
        let entering = entering(workspace, scenario, window.executed_at(at), &wanted, reachable).await?;
        let audience: BTreeSet<&CustomerId> = entering.keys().map(|(customer, _)| customer).collect();
        let before = match schedule::evaluation_before(entry, zone, at).filter(|_| asks_before) {
            Some(before) => entering_keys(workspace, scenario, window.executed_at(before), reachable).await?,
            None => BTreeSet::new(),
        };
        let mut excluded: BTreeMap<CustomerId, String> = BTreeMap::new();
        for segment in &entry.exclude {
            for customer in members(workspace, segment, &BTreeMap::new(), window.executed_at(at), reachable).await? {
                excluded.entry(customer).or_insert_with(|| segment.clone());
            }
        }
        if scenario.is_broadcast() {
            let told = audience.iter().copied().filter(|customer| !excluded.contains_key(*customer));
            let twice = duplicates(scenario, &addresses(workspace, scenario, told.collect()).await?);
            for (customer, other) in twice {
                excluded.insert(customer, format!("the address of {other}"));
            }
        }
        let absence = || Absence { scenario: scenario.scenario.clone(), at };
        let left = inside.iter().filter(|customer| may_leave && !audience.contains(*customer));
        evaluated.absences.extend(left.map(|customer| (customer.clone(), absence())));
        let day = zone.day(at).to_string();
        evaluated.triggers.extend(entering.into_iter().map(|(member, context)| {
            let was_in_audience_before = before.contains(&member);
            let (customer, key) = member;
            let trigger = Trigger {
                scenario: scenario.scenario.clone(),
                entry_key: key.unwrap_or_else(|| day.clone()),
                at,
                known_at: at,
                was_in_audience_before,
                excluded_by: excluded.get(&customer).cloned(),
                context,
            };
            (customer, trigger)
        }));
    }
    Ok(evaluated)
}

/// A customer in a segment, and what tells their passes apart where the entry has a `key`.
pub type Member = (CustomerId, Option<String>);

/// The members of the entry's segment, each with what its messages and waits ask of them. Where the entry has a key, a row without one
/// lets nobody in.
async fn entering(
    workspace: &Workspace,
    scenario: &Scenario,
    as_of: Instant,
    wanted: &BTreeSet<String>,
    reachable: &Reachable,
) -> Result<BTreeMap<Member, Json>, Fault> {
    let entry = &scenario.entry;
    let segment = entry.segment.as_deref().unwrap_or_default();
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let params = params_of(desk.query(segment)?, &entry.params)?;
    let answer = desk.ask(segment, &params).await?;
    let rows = Rows::new(&answer);
    let foreseen = workspace.foreseen();
    let mut members: Vec<Member> = Vec::new();
    let mut entering = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        let key = entry.key.as_ref().map(|key| answer.get(row, key).and_then(key_of));
        if key != Some(None) {
            let context = told::of_segment(&answer, row, wanted);
            let key = key.flatten();
            if foreseen.is_some() {
                members.push((customer.clone(), key.clone()));
            }
            entering.entry((reachable.survivor(customer), key)).or_insert(context);
        }
    }
    if let Some(foreseen) = foreseen {
        foreseen.keep_members(scenario, as_of, members);
    }
    Ok(entering)
}

async fn entering_keys(
    workspace: &Workspace,
    scenario: &Scenario,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<BTreeSet<Member>, Fault> {
    // An evaluation before was made by an earlier window, and nothing of a past that is foreseen has changed since.
    if let Some(members) = workspace.foreseen().and_then(|foreseen| foreseen.members(scenario, as_of)) {
        return Ok(members.into_iter().map(|(customer, key)| (reachable.survivor(customer), key)).collect());
    }
    Ok(entering(workspace, scenario, as_of, &BTreeSet::new(), reachable).await?.into_keys().collect())
}

/// A value that can be a key. `|` separates the parts that ids are made of.
fn key_of(value: &Value) -> Option<String> {
    let key = match value {
        Value::Text(text) => text.replace('|', "/"),
        Value::Int(number) => number.to_string(),
        Value::Date(day) => day.to_string(),
        _ => return None,
    };
    (!key.is_empty()).then_some(key)
}

async fn members(
    workspace: &Workspace,
    segment: &str,
    params: &BTreeMap<String, toml::Value>,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<BTreeSet<CustomerId>, Fault> {
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let query = desk.query(segment)?;
    let params = params_of(query, params)?;
    let answer = desk.ask(segment, &params).await?;
    let rows = Rows::new(&answer);
    let member = |row| rows.needed(row, "customer_id").map(|id| reachable.survivor(CustomerId::stored(id)));
    (0..answer.rows.len()).map(member).collect()
}

/// The addresses of recipients as hashes, on the channels that the broadcast tries.
async fn addresses(
    workspace: &Workspace,
    scenario: &Scenario,
    recipients: BTreeSet<&CustomerId>,
) -> Result<BTreeMap<CustomerId, BTreeMap<Channel, String>>, Fault> {
    let channels: BTreeSet<Channel> = scenario.sends().flat_map(|send| send.channels.iter().copied()).collect();
    let mut addresses = BTreeMap::new();
    for flags in workspace.state.vault().flags().await? {
        if recipients.contains(&flags.customer_id) {
            let hash = |channel: &Channel| Some((*channel, flags.kinds.get(&channel.contact_kind()?)?.clone()));
            let hashes = channels.iter().filter_map(hash).collect();
            addresses.insert(flags.customer_id, hashes);
        }
    }
    Ok(addresses)
}
