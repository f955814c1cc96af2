//! When a segment is evaluated for entries, and when a date's day begins.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use model::{Instant, ShopZone, scenario::Entry, time::TimeOfDay};

/// No schedule lets more days pass between two evaluations.
const DAYS_BETWEEN_MAX: i64 = 62;

/// The evaluations in `(from, to]`, in order.
pub fn evaluations(entry: &Entry, zone: ShopZone, from: Instant, to: Instant) -> Vec<Instant> {
    if let Some(once) = entry.once {
        let at = zone.instant(once.0);
        return if from < at && at <= to { vec![at] } else { Vec::new() };
    }
    let days = std::iter::successors(Some(zone.day(from)), NaiveDate::succ_opt).take_while(|day| *day <= zone.day(to));
    let mut evaluations: Vec<Instant> = days.flat_map(|day| of_day(entry, zone, day)).collect();
    evaluations.retain(|at| *at > from && *at <= to);
    evaluations
}

/// The evaluation before that of `at`, whether or not the scenario was there by then. A broadcast has none.
pub fn evaluation_before(entry: &Entry, zone: ShopZone, at: Instant) -> Option<Instant> {
    if entry.once.is_some() {
        return None;
    }
    let day = |back: i64| zone.day(at).checked_sub_signed(TimeDelta::days(back));
    let last_of = |day: NaiveDate| of_day(entry, zone, day).into_iter().rfind(|earlier| *earlier < at);
    (0..=DAYS_BETWEEN_MAX).filter_map(day).find_map(last_of)
}

/// 09:00 where nothing else is said.
pub fn time_of(at: Option<TimeOfDay>) -> NaiveTime {
    at.map_or_else(|| NaiveTime::from_hms_opt(9, 0, 0).expect("a time of day"), |at| at.0)
}

/// The evaluations of a shop day, in order: one at its time, or from it on until the day ends.
fn of_day(entry: &Entry, zone: ShopZone, day: NaiveDate) -> Vec<Instant> {
    if !is_day(entry, day) {
        return Vec::new();
    }
    let first = day.and_time(time_of(entry.at));
    let next = |local: &NaiveDateTime| local.checked_add_signed(entry.every?.0).filter(|local| local.date() == day);
    let mut evaluations: Vec<Instant> = std::iter::successors(Some(first), next).map(|local| zone.instant(local)).collect();
    evaluations.dedup(); // Two times of an hour that the clock leaves out are one moment.
    evaluations
}

fn is_day(entry: &Entry, day: NaiveDate) -> bool {
    let is_last = day.succ_opt().is_none_or(|next| next.day() == 1);
    let of_month = || entry.days.iter().any(|wanted| *wanted == day.day() || (is_last && *wanted > day.day()));
    (entry.weekdays.is_empty() || entry.weekdays.contains(&day.weekday())) && (entry.days.is_empty() || of_month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::examples::{at, exit_on_order, scenario, shown_at};

    #[test]
    fn every_day_some_days_or_once() {
        let check = |schedule: &str, from: &str, to: &str, expect: &[&str], before: Option<&str>| {
            let steps = format!("{}[[step]]\nid = \"s\"\nwait = {{ for = \"1h\" }}\n", exit_on_order());
            let entry = scenario("s", &format!("segment = \"x\"\n{schedule}"), &steps).entry;
            let found = evaluations(&entry, ShopZone::tokyo(), at(from), at(to));
            assert_eq!(found.iter().map(|at| shown_at(*at)).collect::<Vec<_>>(), expect, "{schedule}");
            let first = *found.first().expect("an evaluation");
            assert_eq!(evaluation_before(&entry, ShopZone::tokyo(), first), before.map(at), "{schedule}");
        };
        check("", "01T09:00", "03T09:00", &["02T09:00", "03T09:00"], Some("01T09:00"));
        check("at = \"23:30\"", "02T09:00", "04T09:00", &["02T23:30", "03T23:30"], Some("01T23:30"));
        check("weekdays = [\"mon\", \"thu\"]", "03T00:00", "10T00:00", &["05T09:00", "09T09:00"], Some("02T09:00"));
        check("days = [1, 31]", "02T00:00", "31T23:00", &["31T09:00"], Some("01T09:00"));
        check("every = \"6h\"", "01T09:00", "02T15:00", &["01T15:00", "01T21:00", "02T09:00", "02T15:00"], Some("01T09:00"));
        check("every = \"6h\"", "01T21:00", "02T09:00", &["02T09:00"], Some("01T21:00"));
        check("once = \"2026-03-05T10:30\"", "01T00:00", "10T00:00", &["05T10:30"], None);
    }
}
