//! What scenarios ask of a person beside what they did: dates, the hours they click at, where they live, and whether they are erased.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use decide::tick::{CLICKS_FOR, Click, CustomerDate, Window, schedule};
use model::{CustomerId, Instant, Scenario, ShopZone};
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

/// Where customers live, as it is known at a moment. Whoever has no zone, or names one that there is not, lives by the shop's.
pub async fn zones(
    workspace: &Workspace,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, ShopZone>, Fault> {
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let answer = desk.ask("system/customer_zones", &Params::new()).await?;
    let rows = Rows::new(&answer);
    let mut zones = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        let Ok(zone) = ShopZone::parse(&rows.needed(row, "timezone")?) else { continue };
        let survivor = reachable.survivor(customer.clone());
        // The survivor's own word comes first.
        if survivor == customer {
            zones.insert(survivor, zone);
        } else {
            zones.entry(survivor).or_insert(zone);
        }
    }
    Ok(zones)
}

/// Who was erased since, and not known again.
pub async fn erased(
    workspace: &Workspace,
    window: &Window,
    since: Instant,
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Instant>, Fault> {
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

#[cfg(test)]
mod tests {
    use model::{Fact, Profile};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        jobs::made::{at, customer, shop},
        workspace::deep,
    };

    #[test]
    fn the_zone_that_was_last_stated() {
        deep(async {
            let (_folder, workspace) = shop(|own| own.into(), &[], at("09:00")).await;
            let told = |index: usize, time: &str, attributes: Value| {
                let profile = Profile {
                    customer_id: customer(index),
                    revision_id: time.into(),
                    source: "made".into(),
                    birthday: None,
                    gender: None,
                    prefecture: None,
                    registered_on: None,
                    acquisition: None,
                    attributes,
                };
                Fact::new(&profile, at(time), at(time))
            };
            let facts = vec![
                told(0, "08:00", json!({"timezone": "America/New_York"})),
                told(0, "08:30", json!({"plan": "gold"})),
                told(1, "08:00", json!({"timezone": "Europe/Paris"})),
                told(1, "07:00", json!({"timezone": "Asia/Seoul"})),
                told(2, "08:00", json!({"timezone": "Mars/Olympus"})),
                told(3, "08:00", json!({"timezone": null})),
                told(4, "08:00", Value::Null),
            ];
            workspace.state.journal().append(facts, workspace.now()).await.unwrap();
            let reachable = workspace.reachable().await.unwrap();
            let zones = zones(&workspace, workspace.now(), &reachable).await.unwrap();
            let names: Vec<(&str, &str)> = zones.iter().map(|(customer, zone)| (customer.as_str(), zone.name())).collect();
            assert_eq!(names, [("c0000", "America/New_York"), ("c0001", "Europe/Paris")]);
        });
    }
}
