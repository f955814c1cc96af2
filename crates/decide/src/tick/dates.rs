//! Dates of a customer: those that let people in (a birthday, the next shipment), and those that waits count to.
//!
//! A date may move: what counts at a moment is its last revision seen by then.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta};
use model::{Instant, Scenario, ShopZone, scenario::DateEntry};
use serde_json::{Map, Value, json};

use super::{CustomerDate, Trigger, Window, schedule};

/// The days of the customer that let them into a scenario, each at its time of day. A date that becomes known after its moment lets
/// nobody in.
pub fn triggers(dates: &[CustomerDate], scenarios: &[Scenario], zone: ShopZone, window: &Window) -> Vec<Trigger> {
    let mut found = Vec::new();
    if dates.is_empty() {
        return found;
    }
    for (index, scenario) in scenarios.iter().enumerate() {
        let is_current = scenarios[index + 1..].iter().all(|later| later.scenario != scenario.scenario);
        if let (Some(date), true) = (&scenario.entry.date, is_current) {
            of_scenario(dates, scenario, date, zone, window, &mut found);
        }
    }
    found
}

/// Whether some date of a customer lets them in, for whoever gathers: all others need not be planned for.
pub fn comes_in_by_date(dates: &[CustomerDate], scenarios: &[Scenario], zone: ShopZone, window: &Window) -> bool {
    !triggers(dates, scenarios, zone, window).is_empty()
}

fn of_scenario(
    dates: &[CustomerDate],
    scenario: &Scenario,
    date: &DateEntry,
    zone: ShopZone,
    window: &Window,
    found: &mut Vec<Trigger>,
) {
    for at in schedule::evaluations(&scenario.entry, zone, window.from, window.to) {
        let Some(wanted) = date.days.checked_neg().and_then(|days| shift(zone.day(at), days)) else { continue };
        for (key, on) in latest(dates, &date.of, at, window) {
            if on.is_some_and(|on| is_on(date, on, wanted)) {
                let mut context = Map::from_iter([(date.of.clone(), json!(wanted))]);
                if !key.is_empty() {
                    context.insert("key".into(), json!(key));
                }
                found.push(Trigger {
                    scenario: scenario.scenario.clone(),
                    entry_key: if key.is_empty() { wanted.to_string() } else { format!("{key}@{wanted}") },
                    at,
                    known_at: at,
                    was_in_audience_before: false,
                    excluded_by: None,
                    context: Value::Object(context),
                });
            }
        }
    }
}

/// The date of that name which an entry's wait counts to, as seen at `now`: of the entry's own contract, order or coupon if one of its
/// values names it, else the next one of the customer's from the entry on. One of the person (the first order) is it whenever it was: its
/// moment may be yet to come; a birthday is the next one. Without any, what the trigger told.
pub fn of_entry(
    dates: &[CustomerDate],
    name: &str,
    (entered_at, entry_key, context): (Instant, &str, &Value),
    now: Instant,
    window: &Window,
    zone: ShopZone,
) -> Option<NaiveDate> {
    let latest = latest(dates, name, now, window);
    if latest.is_empty() {
        let told = context.get(name)?.as_str()?;
        let day = || told.parse::<Instant>().ok().map(|at| zone.day(at));
        return told.parse().ok().or_else(day);
    }
    let told = |key: &str| context.as_object().is_some_and(|all| all.values().any(|value| value.as_str() == Some(key)));
    let is_own = |key: &str| !key.is_empty() && (key == entry_key || told(key));
    let has_own = latest.keys().any(|key| is_own(key));
    let entered_on = zone.day(entered_at);
    let candidates = latest.iter().filter(|(key, _)| !has_own || is_own(key)).filter_map(|(key, on)| Some((key, (*on)?)));
    let candidates = candidates.filter(|(key, on)| key.is_empty() || *on >= entered_on).map(|(_, on)| on);
    let candidates = candidates.filter_map(|on| if name == "birthday" { next_birthday(on, entered_on) } else { Some(on) });
    candidates.min()
}

/// From a day on, that day included; of 29 February on the 28th of other years.
fn next_birthday(born: NaiveDate, from: NaiveDate) -> Option<NaiveDate> {
    let in_year = |year: i32| born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 2, 28));
    [from.year(), from.year() + 1].into_iter().filter_map(in_year).find(|day| *day >= from)
}

/// `days` after a day, or before it when negative.
pub fn shift(day: NaiveDate, days: i64) -> Option<NaiveDate> {
    day.checked_add_signed(TimeDelta::try_days(days)?)
}

/// The last revision of each date of that name, by key.
fn latest<'a>(dates: &'a [CustomerDate], name: &str, now: Instant, window: &Window) -> BTreeMap<&'a str, Option<NaiveDate>> {
    let mut last: BTreeMap<&str, &CustomerDate> = BTreeMap::new();
    let seen = |date: &&CustomerDate| date.name == name && window.seen_at(date.at, date.known_at) <= now;
    for date in dates.iter().filter(seen) {
        let newest = last.entry(&date.key).or_insert(date);
        if (date.at, date.known_at, date.on) > (newest.at, newest.known_at, newest.on) {
            *newest = date;
        }
    }
    last.into_iter().map(|(key, date)| (key, date.on)).collect()
}

/// A yearly day comes round from the year after on, one of 29 February on the 28th of other years.
fn is_on(date: &DateEntry, on: NaiveDate, wanted: NaiveDate) -> bool {
    if !date.is_yearly() {
        return on == wanted;
    }
    let is_same = (on.month(), on.day()) == (wanted.month(), wanted.day());
    let is_leap_day = (on.month(), on.day()) == (2, 29) && (wanted.month(), wanted.day()) == (2, 28) && !wanted.leap_year();
    wanted.year() > on.year() && (is_same || is_leap_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_round() {
        let check = |of: &str, on: &str, wanted: &str, expect: bool| {
            let day = |text: &str| text.parse().expect("a date");
            let date = DateEntry { of: of.into(), days: 0 };
            assert_eq!(is_on(&date, day(on), day(wanted)), expect, "{of} {on} {wanted}");
        };
        check("birthday", "1990-03-10", "2026-03-10", true);
        check("birthday", "1990-03-10", "2026-03-11", false);
        check("birthday", "1992-02-29", "2026-02-28", true);
        check("birthday", "1992-02-29", "2028-02-28", false);
        check("birthday", "1992-02-29", "2028-02-29", true);
        check("registration", "2026-03-10", "2026-03-10", false);
        check("registration", "2025-03-10", "2026-03-10", true);
        check("next_shipment", "2026-03-10", "2026-03-10", true);
        check("next_shipment", "2025-03-10", "2026-03-10", false);
    }

    #[test]
    fn the_next_birthday() {
        let check = |born: &str, from: &str, expect: &str| {
            let day = |text: &str| text.parse().expect("a date");
            assert_eq!(next_birthday(day(born), day(from)), Some(day(expect)), "{born} {from}");
        };
        check("1990-03-10", "2026-03-10", "2026-03-10");
        check("1990-03-10", "2026-03-11", "2027-03-10");
        check("1992-02-29", "2026-02-28", "2026-02-28");
        check("1992-02-29", "2026-03-01", "2027-02-28");
        check("1992-02-29", "2028-02-28", "2028-02-29");
    }
}
