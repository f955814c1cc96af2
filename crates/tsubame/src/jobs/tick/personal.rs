//! What scenarios ask of a person beside what they did: dates, the hours they click at, and whether they are erased.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use decide::tick::{self, CLICKS_FOR, Click, CustomerDate, Window, schedule};
use model::{CustomerId, Instant, Scenario};
use query::{Mode, ParamValue, Params};

use super::Rows;
use crate::{
    fault::Fault,
    reachable::{Reachable, Ways},
    workspace::Workspace,
};

/// A send that was put off may have fallen due this long before the window, and its best time is as of then.
const PUT_OFF_MAX: Duration = Duration::days(14);

/// The dates that some wait counts to, and those that let somebody in during the window; by customer.
pub async fn dates(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    reachable: &Reachable,
) -> Result<Vec<(CustomerId, CustomerDate)>, Fault> {
    let zone = workspace.shop().timezone;
    let is_day = |scenario: &&&Scenario| !schedule::evaluations(&scenario.entry, zone, window.from, window.to).is_empty();
    let entries = scenarios.iter().filter(is_day).filter_map(|scenario| Some(scenario.entry.date.as_ref()?.of.as_str()));
    let waits = scenarios.iter().flat_map(|scenario| &scenario.steps).filter_map(|step| step.wait.as_ref()?.date.as_deref());
    let names: BTreeSet<&str> = entries.chain(waits).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let names = ParamValue::Text(names.into_iter().collect::<Vec<_>>().join(","));
    let answer = desk.ask("system/customer_dates", &Params::from([("names".to_string(), names)])).await?;
    let rows = Rows::new(&answer);
    let date = |row| -> Result<(CustomerId, CustomerDate), Fault> {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        let date = CustomerDate {
            name: rows.needed(row, "name")?,
            key: rows.text(row, "of_what").unwrap_or_default(),
            on: rows.date(row, "day"),
            at: rows.instant(row, "occurred_at")?,
            known_at: rows.instant(row, "known_at")?,
        };
        Ok((customer, date))
    };
    let mut dates = (0..answer.rows.len()).map(date).collect::<Result<Vec<_>, Fault>>()?;
    dates.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(dates)
}

/// Whom a date of theirs lets in during the window, of customers with their dates in order.
pub fn dated(workspace: &Workspace, window: &Window, dates: &[(CustomerId, CustomerDate)]) -> Vec<CustomerId> {
    let (scenarios, zone) = (&workspace.files.scenarios, workspace.shop().timezone);
    let is_day = |scenario: &Scenario| {
        scenario.entry.date.is_some() && !schedule::evaluations(&scenario.entry, zone, window.from, window.to).is_empty()
    };
    if !scenarios.iter().any(is_day) {
        return Vec::new();
    }
    let comes_in = |of_one: &&[(CustomerId, CustomerDate)]| {
        let dates: Vec<CustomerDate> = of_one.iter().map(|(_, date)| date.clone()).collect();
        tick::comes_in_by_date(&dates, scenarios, zone, window)
    };
    let of_each = dates.chunk_by(|(one, _), (other, _)| one == other);
    of_each.filter(comes_in).map(|of_one| of_one[0].0.clone()).collect()
}

/// Clicks of everybody, where some step asks for the best time.
pub async fn clicks(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    reachable: &Reachable,
) -> Result<Vec<(CustomerId, Click)>, Fault> {
    if !scenarios.iter().flat_map(|scenario| scenario.sends()).any(|send| send.best_time.is_some()) {
        return Ok(Vec::new());
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let since = ParamValue::Instant(window.from - CLICKS_FOR - PUT_OFF_MAX);
    let answer = desk.ask("system/clicks_since", &Params::from([("from_at".to_string(), since)])).await?;
    let rows = Rows::new(&answer);
    let click = |row| -> Result<(CustomerId, Click), Fault> {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        Ok((customer, Click { at: rows.instant(row, "clicked_at")?, known_at: rows.instant(row, "known_at")? }))
    };
    (0..answer.rows.len()).map(click).collect()
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
        if !reachable.reach.get(&customer).is_some_and(Ways::has_address) {
            erased.insert(customer, rows.instant(row, "erased_at")?);
        }
    }
    Ok(erased)
}
