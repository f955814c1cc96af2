//! What scenarios ask of a person beside what they did: dates, the hours they click at, and whether they are erased.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use decide::tick::{CLICKS_FOR, Click, CustomerDate, Window, schedule};
use model::{CustomerId, Instant, Scenario};
use query::{Mode, ParamValue, Params};

use super::Rows;
use crate::{fault::Fault, reachable::Reachable, workspace::Workspace};

/// A send that was put off may have fallen due this long before the window, and its best time is as of then.
const PUT_OFF_MAX: Duration = Duration::days(14);

/// The dates that some wait counts to, and those that let somebody in during the window.
pub async fn dates(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Vec<CustomerDate>>, Fault> {
    let zone = workspace.shop().timezone;
    let is_day = |scenario: &&&Scenario| !schedule::evaluations(&scenario.entry, zone, window.from, window.to).is_empty();
    let entries = scenarios.iter().filter(is_day).filter_map(|scenario| Some(scenario.entry.date.as_ref()?.of.as_str()));
    let waits = scenarios.iter().flat_map(|scenario| &scenario.steps).filter_map(|step| step.wait.as_ref()?.date.as_deref());
    let names: BTreeSet<&str> = entries.chain(waits).collect();
    let mut dates: BTreeMap<CustomerId, Vec<CustomerDate>> = BTreeMap::new();
    if names.is_empty() {
        return Ok(dates);
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let names = ParamValue::Text(names.into_iter().collect::<Vec<_>>().join(","));
    let answer = desk.ask("system/customer_dates", &Params::from([("names".to_string(), names)])).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        dates.entry(customer).or_default().push(CustomerDate {
            name: rows.needed(row, "name")?,
            key: rows.text(row, "of_what").unwrap_or_default(),
            on: rows.date(row, "day"),
            at: rows.instant(row, "occurred_at")?,
            known_at: rows.instant(row, "known_at")?,
        });
    }
    Ok(dates)
}

/// Clicks of everybody, where some step asks for the best time.
pub async fn clicks(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Vec<Click>>, Fault> {
    let mut clicks: BTreeMap<CustomerId, Vec<Click>> = BTreeMap::new();
    if !scenarios.iter().flat_map(|scenario| scenario.sends()).any(|send| send.best_time.is_some()) {
        return Ok(clicks);
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let since = ParamValue::Instant(window.from - CLICKS_FOR - PUT_OFF_MAX);
    let answer = desk.ask("system/clicks_since", &Params::from([("from_at".to_string(), since)])).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        let click = Click { at: rows.instant(row, "clicked_at")?, known_at: rows.instant(row, "known_at")? };
        clicks.entry(customer).or_default().push(click);
    }
    Ok(clicks)
}

/// Who was erased since, and not known again.
pub async fn erased(
    workspace: &Workspace,
    window: &Window,
    since: Instant,
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Instant>, Fault> {
    if workspace.foreseen().is_some_and(|foreseen| foreseen.nobody_erased((since, window.to))) {
        return Ok(BTreeMap::new());
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let since = ParamValue::Instant(since);
    let answer = desk.ask("system/erased_since", &Params::from([("from_at".to_string(), since)])).await?;
    let rows = Rows::new(&answer);
    let mut erased = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        let can_be_reached = reachable.reach.get(&customer).is_some_and(|reach| reach.values().any(|reach| reach.has_address));
        if !can_be_reached {
            erased.insert(customer, rows.instant(row, "erased_at")?);
        }
    }
    Ok(erased)
}
