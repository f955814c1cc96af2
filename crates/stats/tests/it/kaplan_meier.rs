//! Kaplan-Meier curves against the reference numbers.

use proptest::prelude::*;
use stats::{Alpha, DayCount, KaplanMeier, NotComputable};

use crate::{
    cdnow,
    reference::{Case, check_family},
};

/// The reference lists this many steps at most.
const STEPS_LISTED_MAX: usize = 60;

#[test]
fn kaplan_meier_meets_the_reference() {
    // F27, not of this file.
    check_family("f2_kaplan_meier", &["naive_90", "matured_90", "matured_n"], |case, check| {
        let curve = KaplanMeier::new(follow_ups(case)).unwrap();
        check.exactly("/n", curve.n());
        check.exactly("/events", curve.events());
        check.number("/median", &curve.median().map(f64::from));
        let listed = case.expected["steps"].as_array().unwrap().len();
        assert!(listed == curve.steps().len() || listed == STEPS_LISTED_MAX && listed < curve.steps().len());
        for (at, step) in curve.steps().iter().enumerate() {
            check.exactly(&format!("/steps/{at}/t"), step.day);
            check.exactly(&format!("/steps/{at}/at_risk"), step.at_risk);
            check.exactly(&format!("/steps/{at}/events"), step.events);
            check.exactly(&format!("/steps/{at}/censored"), step.censored);
            check.number(&format!("/steps/{at}/survival"), &Ok::<_, NotComputable>(step.survival));
        }
        for (at, horizon) in case.list("horizons").iter().enumerate() {
            let horizon = horizon.as_u64().unwrap() as u32;
            let (known, converted) = match curve.conversion_at(horizon, Alpha::FIVE_PERCENT) {
                Ok(conversion) => (conversion.clone(), conversion.converted),
                // The lower bound is the curve where following ended, with its interval.
                Err(NotComputable::NotFollowed { longest, at_least, .. }) => {
                    (curve.conversion_at(longest, Alpha::FIVE_PERCENT).unwrap(), at_least)
                }
                Err(other) => panic!("{other}"),
            };
            check.exactly(&format!("/at/{at}/horizon"), horizon);
            check.exactly(&format!("/at/{at}/beyond_follow_up"), known.horizon != horizon);
            check.number(&format!("/at/{at}/converted"), &Ok::<_, NotComputable>(converted));
            check.exactly(&format!("/at/{at}/at_risk_after"), known.at_risk_after);
            check.number(&format!("/at/{at}/greenwood_se"), &known.se);
            check.interval(&format!("/at/{at}/ci95_loglog"), &known.interval);
        }
    });
}

fn follow_ups(case: &Case) -> Vec<DayCount> {
    if case.inputs.get("durations").is_some() {
        let people = case.list("durations").iter().zip(case.list("events"));
        return people.map(|(day, event)| one(day.as_u64().unwrap() as u32, event.as_u64() == Some(1))).collect();
    }
    let end = cdnow::day(case.text("observation_end"));
    let month = case.text("cohort").strip_prefix("first purchase in ");
    assert!(month.is_some() || case.text("cohort") == "all customers");
    let in_cohort =
        |first: i64| month.is_none_or(|month| (cdnow::day(&format!("{month}-01"))..next_month(month)).contains(&first));
    let customers = cdnow::orders(case.text("dataset"));
    let mut people = Vec::new();
    for orders in customers.values() {
        let mut days: Vec<i64> = orders.iter().map(|order| order.day).filter(|&day| day <= end).collect();
        if case.text("same_day_orders") == "merge" {
            days.dedup();
        }
        match days.as_slice() {
            [first, ..] if !in_cohort(*first) => {}
            [first, second, ..] => people.push(one((second - first) as u32, true)),
            [first] => people.push(one((end - first) as u32, false)),
            [] => {}
        }
    }
    people
}

fn next_month(month: &str) -> i64 {
    let (year, of_year) = month.split_once('-').unwrap();
    let (year, of_year): (i64, i64) = (year.parse().unwrap(), of_year.parse().unwrap());
    cdnow::day(&format!("{}-{:02}-01", year + of_year / 12, of_year % 12 + 1))
}

fn one(day: u32, event: bool) -> DayCount {
    DayCount { day, events: u64::from(event), censored: u64::from(!event) }
}

#[test]
fn what_was_not_followed_is_not_printed_as_the_rate() {
    let curve = KaplanMeier::new([one(30, true), one(30, false), one(60, false), one(60, false)]).unwrap();
    let check = |got: Result<f64, NotComputable>, expect: &str| assert_eq!(got.unwrap_err().to_string(), expect);
    let at = |horizon| curve.conversion_at(horizon, Alpha::FIVE_PERCENT);
    check(at(61).map(|at| at.converted), "nobody was followed to day 61 (the longest is day 60): it is at least 0.2500");
    check(at(29).unwrap().interval.map(|interval| interval.low), "nothing happened by day 29, so the estimate has no interval");
    check(curve.median().map(f64::from), "half was never reached: by day 60 it had happened to 0.2500 of them");
    check(KaplanMeier::new([]).map(|_| 0.0), "there is nobody to compute it from");
    assert_eq!(at(60).unwrap().converted, 0.25);
}

#[test]
fn the_median_is_not_missed_by_a_bit() {
    for n in 2..200 {
        let curve = KaplanMeier::new((1..=n).map(|day| one(day, true))).unwrap();
        assert_eq!(curve.median(), Ok(n.div_ceil(2)), "of {n}, one a day");
    }
}

proptest! {
    #[test]
    fn without_censoring_it_is_the_plain_share(days in prop::collection::vec(0u32..50, 1..200), horizon in 0u32..60) {
        let curve = KaplanMeier::new(days.iter().map(|&day| one(day, true))).unwrap();
        let share = days.iter().filter(|&&day| day <= horizon).count() as f64 / days.len() as f64;
        let got = curve.conversion_at(horizon, Alpha::FIVE_PERCENT).unwrap();
        prop_assert!((got.converted - share).abs() <= 1e-12);
        prop_assert_eq!(got.at_risk_after, days.iter().filter(|&&day| day > horizon).count() as u64);
        if let Ok(interval) = got.interval {
            prop_assert!(0.0 <= interval.low && interval.low <= share && share <= interval.high && interval.high <= 1.0);
        }
    }
}
