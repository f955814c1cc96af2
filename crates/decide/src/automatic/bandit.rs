//! Gives the better arms of a message that is sent for ever more of the units (F14). Each arm's mean is taken across the periods between two
//! changes, each weighted by all of its units, because arms that grew in a good week would look good; then top-two Thompson weights by
//! quadrature, without draws, with a floor per arm (of two arms each is always among the top two: there the chance to be the best counts). A share of the units stays as declared: it is the read-out.

use model::{Arm, Instant, automatic::Bandit, scenario::MessageExperiment};
use serde::{Deserialize, Serialize};
use stats::{ArmCount, ArmInPeriod, NotComputable, Summary, across_periods, bandit, srm};

use super::{Action, Rule, Seen, Taken, Weight, Why};
use crate::bucket;

/// The time between two changes of the weights, arms in the order of the test's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// In force in it, of all units ([`shares`]).
    pub weights: Vec<f64>,
    pub arms: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    pub arm: String,
    pub units: u64,
    /// Across periods, and the error of that.
    pub mean: f64,
    pub se: f64,
    pub chance_best: f64,
    pub chance_second: f64,
    pub weight: f64,
}

/// The arm that a unit meets: the untouched ones by the declared weights, the others by those in force.
pub fn arm<'a>(test: &'a MessageExperiment, bandit: &Bandit, weights: &[Weight], unit: &str) -> Option<&'a Arm> {
    let is_untouched = bucket::bucket(&format!("{}/untouched", test.salt), unit) < bucket::boundary(bandit.untouched);
    if is_untouched || weights.is_empty() {
        return bucket::arm(&test.salt, unit, &test.arms);
    }
    let weighed = |arm: &Arm| {
        let weight = weights.iter().find(|weight| weight.arm == arm.id).map_or(0.0, |weight| weight.weight);
        Arm { weight, ..arm.clone() }
    };
    let arms: Vec<Arm> = test.arms.iter().map(weighed).collect();
    let met = bucket::arm(&test.salt, unit, &arms)?;
    test.arms.iter().find(|arm| arm.id == met.id)
}

/// Of all units, untouched ones too: what a period under these weights means to send.
pub fn shares(test: &MessageExperiment, bandit: &Bandit, weights: &[Weight]) -> Vec<f64> {
    let total: f64 = test.arms.iter().map(|arm| arm.weight).sum();
    let share = |arm: &Arm| {
        let declared = arm.weight / total;
        let weight = weights.iter().find(|weight| weight.arm == arm.id).map_or(declared, |weight| weight.weight);
        bandit.untouched * declared + (1.0 - bandit.untouched) * weight
    };
    test.arms.iter().map(share).collect()
}

/// The shares of the arms from now on.
pub fn reweigh(
    test: &MessageExperiment,
    bandit: &Bandit,
    version: &str,
    periods: &[Period],
    changed_at: Option<Instant>,
    now: Instant,
) -> Taken {
    let taken = |action, why| Taken::new(Rule::Bandit, &test.name, version, now, action, why);
    if let Some(due) = changed_at.map(|at| at + bandit.every.0).filter(|due| now < *due) {
        return taken(Action::Wait { until: due }, Why::NotDue);
    }
    let fits = |period: &Period| {
        let ids = period.arms.iter().map(|seen| &seen.arm);
        period.weights.len() == test.arms.len() && ids.eq(test.arms.iter().map(|arm| &arm.id))
    };
    if !periods.iter().all(fits) {
        return taken(Action::Keep, Why::NotComputable { what: "the arms counted are not those of the test".into() });
    }
    let units = |arm: usize| -> u64 { periods.iter().map(|period| followed(&period.arms[arm])).sum() };
    let smallest = (0..test.arms.len()).map(|arm| (units(arm), arm)).min();
    let Some((fewest, smallest)) = smallest else {
        return taken(Action::Keep, Why::NotComputable { what: NotComputable::Empty.to_string() });
    };
    if fewest < bandit.units_min {
        let arm = test.arms[smallest].id.clone();
        return taken(Action::Keep, Why::TooFew { arm, units: fewest, needed: bandit.units_min });
    }
    match split(periods, test.arms.len()) {
        Ok(srm) if srm.mismatch => {
            return taken(Action::Keep, Why::SplitBroken { chi_square: srm.chi_square, p: srm.p_value });
        }
        Ok(_) => {}
        Err(what) => return taken(Action::Keep, Why::NotComputable { what: what.to_string() }),
    }
    match learn(test, bandit, periods, units) {
        Ok(arms) => {
            let weights = arms.iter().map(|learned| Weight { arm: learned.arm.clone(), weight: learned.weight }).collect();
            taken(Action::Weigh { weights }, Why::Learned { arms })
        }
        Err(what) => taken(Action::Keep, Why::NotComputable { what: what.to_string() }),
    }
}

fn followed(seen: &Seen) -> u64 {
    seen.outcome.as_ref().map_or(0, |outcome| outcome.summary().n())
}

/// All periods together: what was sent against what the weights in force meant to send.
fn split(periods: &[Period], arms: usize) -> Result<stats::Srm, NotComputable> {
    let sent = |period: &Period| period.arms.iter().map(|seen| seen.sent).sum::<u64>() as f64;
    let counts: Vec<ArmCount> = (0..arms)
        .map(|arm| ArmCount {
            seen: periods.iter().map(|period| period.arms[arm].sent).sum(),
            weight: periods.iter().map(|period| period.weights[arm] * sent(period)).sum(),
        })
        .collect();
    srm(&counts)
}

fn learn(
    test: &MessageExperiment,
    declared: &Bandit,
    periods: &[Period],
    units: impl Fn(usize) -> u64,
) -> Result<Vec<Learned>, NotComputable> {
    let sign = if declared.lower_is_better { -1.0 } else { 1.0 };
    let mut posteriors = Vec::new();
    for arm in 0..test.arms.len() {
        let parts = periods.iter().filter_map(|period| {
            let arm = period.arms[arm].outcome.as_ref().ok()?.summary();
            Some(ArmInPeriod { units_of_all: period.arms.iter().map(followed).sum(), arm })
        });
        let (mean, variance) = across_periods(&parts.collect::<Vec<_>>())?;
        // In an arm in which nobody did anything yet there is no scatter to go by: it is taken to be that of everybody.
        let variance = if variance > 0.0 { variance } else { scatter(periods)? / units(arm) as f64 };
        posteriors.push((sign * mean, variance));
    }
    let shares = bandit(&posteriors, declared.floor)?;
    let weights = if posteriors.len() == 2 { &shares.thompson } else { &shares.top_two };
    let learned = test.arms.iter().enumerate().map(|(at, arm)| Learned {
        arm: arm.id.clone(),
        units: units(at),
        mean: sign * posteriors[at].0,
        se: posteriors[at].1.sqrt(),
        chance_best: shares.best[at],
        chance_second: shares.second[at],
        weight: weights[at],
    });
    Ok(learned.collect())
}

/// The variance of a unit over all arms and periods.
fn scatter(periods: &[Period]) -> Result<f64, NotComputable> {
    let all = || periods.iter().flat_map(|period| &period.arms).filter_map(|seen| Some(seen.outcome.as_ref().ok()?.summary()));
    let n: f64 = all().map(|arm| arm.n() as f64).sum();
    let mean = all().map(|arm| arm.n() as f64 * arm.mean()).sum::<f64>() / n;
    let squares = |arm: Summary| arm.n() as f64 * (arm.variance() + (arm.mean() - mean).powi(2));
    let variance = all().map(squares).sum::<f64>() / n;
    if variance > 0.0 { Ok(variance) } else { Err(NotComputable::NoVariance) }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};
    use stats::Proportion;

    use super::*;
    use crate::automatic::Outcome;

    fn at(day: u32) -> Instant {
        DateTime::parse_from_rfc3339(&format!("2026-11-{day:02}T00:00:00Z")).expect("an instant").to_utc()
    }

    fn test(lines: Value) -> (MessageExperiment, Bandit) {
        let arms = json!([{"id": "a", "weight": 0.5}, {"id": "b", "weight": 0.25}, {"id": "c", "weight": 0.25}]);
        let test = json!({"name": "subject", "salt": "s", "arm": arms, "bandit": lines});
        let test: MessageExperiment = serde_json::from_value(test).expect("a test");
        let bandit = test.bandit.clone().expect("a bandit");
        (test, bandit)
    }

    /// Conversions of so many sent, per arm, under weights.
    fn period(weights: [f64; 3], arms: [(u64, u64); 3]) -> Period {
        let seen = |(id, (x, n)): (&str, (u64, u64))| Seen {
            arm: id.into(),
            sent: n,
            outcome: Proportion::new(x, n).map(Outcome::Rate),
        };
        Period { weights: weights.to_vec(), arms: ["a", "b", "c"].into_iter().zip(arms).map(seen).collect() }
    }

    const DECLARED: [f64; 3] = [0.5, 0.25, 0.25];

    /// The shares of all units in per cent, or why all stays.
    fn said(lines: Value, periods: &[Period], changed: Option<u32>) -> String {
        let (test, bandit) = test(lines);
        let taken = reweigh(&test, &bandit, "v1", periods, changed.map(at), at(10));
        match (&taken.action, &taken.why) {
            (Action::Weigh { weights }, Why::Learned { arms }) => {
                assert!((weights.iter().map(|weight| weight.weight).sum::<f64>() - 1.0).abs() < 1e-9, "{weights:?}");
                assert!(weights.iter().all(|weight| weight.weight >= bandit.floor) && arms.len() == 3);
                let shares = shares(&test, &bandit, weights);
                shares.iter().map(|share| format!("{:.0}", 100.0 * share)).collect::<Vec<_>>().join(" ")
            }
            (Action::Wait { .. }, Why::NotDue) => "wait".into(),
            (Action::Keep, Why::TooFew { arm, units, needed }) => format!("{units} of {needed} in {arm}"),
            (Action::Keep, Why::SplitBroken { .. }) => "split broken".into(),
            (Action::Keep, Why::NotComputable { what }) => what.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_better_arms_get_more() {
        let check = |lines: Value, arms: [(u64, u64); 3], expect: &str| {
            assert_eq!(said(lines.clone(), &[period(DECLARED, arms)], None), expect, "{lines} {arms:?}");
        };
        // Alike: each has its chance, and the untouched tenth its declared weights.
        check(json!({}), [(400, 4_000), (200, 2_000), (200, 2_000)], "36 32 32");
        check(json!({}), [(400, 4_000), (300, 2_000), (200, 2_000)], "29 45 26");
        check(json!({"lower_is_better": true}), [(400, 4_000), (300, 2_000), (200, 2_000)], "48 7 45");
        check(json!({"floor": 0.2, "untouched": 0.0}), [(400, 4_000), (400, 2_000), (200, 2_000)], "30 40 30");
        // Nobody yet in an arm: it scatters as everybody, so it loses its share and not its chance.
        check(json!({}), [(200, 4_000), (0, 2_000), (100, 2_000)], "48 7 45");
        check(
            json!({}),
            [(0, 4_000), (0, 2_000), (0, 2_000)],
            "everybody has the same value, so there is no scatter to measure a difference against",
        );
        check(json!({}), [(20, 200), (9, 99), (10, 100)], "99 of 100 in b");
        check(json!({}), [(400, 4_000), (300, 3_000), (200, 1_000)], "split broken");
    }

    #[test]
    fn of_two_arms_the_better_one_gets_nearly_all() {
        let (mut test, bandit) = test(json!({}));
        test.arms.pop();
        test.arms.iter_mut().for_each(|arm| arm.weight = 0.5);
        let mut week = period(DECLARED, [(200, 2_000), (300, 2_000), (0, 0)]);
        (week.weights, week.arms) = (vec![0.5, 0.5], week.arms[..2].to_vec());
        let Action::Weigh { weights } = reweigh(&test, &bandit, "v1", &[week], None, at(10)).action else { panic!("no weights") };
        assert!((weights[1].weight - 0.95).abs() < 1e-3, "{weights:?}");
    }

    #[test]
    fn it_is_asked_on_its_schedule() {
        let arms = [(400, 4_000), (200, 2_000), (200, 2_000)];
        let check = |every: &str, changed: Option<u32>, expect: &str| {
            assert_eq!(said(json!({"every": every}), &[period(DECLARED, arms)], changed), expect, "{every} {changed:?}");
        };
        check("1d", Some(10), "wait");
        check("1d", Some(9), "36 32 32");
        check("7d", Some(4), "wait");
        check("7d", None, "36 32 32");
        assert_eq!(said(json!({}), &[], None), "0 of 100 in a");
    }

    /// All arms are alike in each week; the second was good, and B had most of it. A plain mean would call B better.
    #[test]
    fn a_good_week_is_nobodys_merit() {
        let weeks = [
            period(DECLARED, [(200, 4_000), (100, 2_000), (100, 2_000)]),
            period([0.1, 0.8, 0.1], [(200, 1_000), (1_600, 8_000), (200, 1_000)]),
        ];
        let (test, bandit) = test(json!({}));
        let Why::Learned { arms } = reweigh(&test, &bandit, "v1", &weeks, None, at(10)).why else { panic!("nothing learned") };
        assert!(arms.iter().all(|arm| (arm.mean - arms[0].mean).abs() < 1e-12), "{arms:?}");
    }

    #[test]
    fn the_untouched_meet_the_declared_arms() {
        let (test, bandit) = test(json!({"untouched": 0.2}));
        let weights: Vec<Weight> =
            [("a", 0.05), ("b", 0.9), ("c", 0.05)].map(|(arm, weight)| Weight { arm: arm.into(), weight }).to_vec();
        let (mut met, mut untouched, mut kept) = ([0u32; 3], 0, 0);
        for unit in (0..20_000).map(|n| format!("u{n}")) {
            let arm = arm(&test, &bandit, &weights, &unit).expect("an arm");
            met[test.arms.iter().position(|known| known.id == arm.id).expect("known")] += 1;
            if bucket::bucket("s/untouched", &unit) < 2_000 {
                untouched += 1;
                kept += u32::from(bucket::arm("s", &unit, &test.arms).expect("an arm").id == arm.id);
            }
        }
        assert_eq!(untouched, kept);
        for (met, share) in met.iter().zip(shares(&test, &bandit, &weights)) {
            assert!((f64::from(*met) / 20_000.0 - share).abs() < 0.01, "{met} of 20,000 is not {share}");
        }
    }
}
