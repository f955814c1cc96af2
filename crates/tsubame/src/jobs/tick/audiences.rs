//! Segments that let people into scenarios: who is in one at each of its evaluations, who has left it, and whom a broadcast leaves out.

use std::collections::{BTreeMap, BTreeSet};

use decide::tick::{Absence, Trigger, Window, duplicates, schedule};
use model::{
    Channel, CustomerId, Instant, Scenario,
    scenario::{Reentry, Start},
};
use query::Mode;
use serde_json::json;

use super::{Rows, params_of};
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
    let segment = entry.segment.as_deref().unwrap_or_default();
    let may_leave = scenario.exits.iter().any(|exit| exit.leave.as_deref() == Some("audience"));
    // Whether they were in it before matters to those who come in again, and to a scenario that starts with nobody.
    let asks_before = entry.reentry == Reentry::Rematch || scenario.start == Start::FutureOnly;
    let mut evaluated = Evaluated::default();
    for at in schedule::evaluations(entry, zone, window.from, window.to) {
        let audience = members(workspace, segment, &entry.params, window.executed_at(at), reachable).await?;
        let before = match schedule::evaluation_before(entry, zone, at).filter(|_| asks_before) {
            Some(before) => members(workspace, segment, &entry.params, window.executed_at(before), reachable).await?,
            None => BTreeSet::new(),
        };
        let mut excluded: BTreeMap<CustomerId, String> = BTreeMap::new();
        for segment in &entry.exclude {
            for customer in members(workspace, segment, &BTreeMap::new(), window.executed_at(at), reachable).await? {
                excluded.entry(customer).or_insert_with(|| segment.clone());
            }
        }
        if scenario.is_broadcast() {
            let told = audience.iter().filter(|customer| !excluded.contains_key(*customer));
            let twice = duplicates(scenario, &addresses(workspace, scenario, told.collect()).await?);
            for (customer, other) in twice {
                excluded.insert(customer, format!("the address of {other}"));
            }
        }
        let absence = || Absence { scenario: scenario.scenario.clone(), at };
        let left = inside.iter().filter(|customer| may_leave && !audience.contains(*customer));
        evaluated.absences.extend(left.map(|customer| (customer.clone(), absence())));
        let key = zone.day(at).to_string();
        evaluated.triggers.extend(audience.into_iter().map(|customer| {
            let trigger = Trigger {
                scenario: scenario.scenario.clone(),
                entry_key: key.clone(),
                at,
                known_at: at,
                was_in_audience_before: before.contains(&customer),
                excluded_by: excluded.get(&customer).cloned(),
                context: json!({}),
            };
            (customer, trigger)
        }));
    }
    Ok(evaluated)
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
