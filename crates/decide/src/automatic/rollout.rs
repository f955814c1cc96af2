//! Sends the winner of a test of messages to the rest. A share of the audience is the test; when everybody in it was followed for the declared
//! wait, each arm is compared with each other one (F4b, F4; Holm's correction over all pairs, F16), or by its chance to be the best (F12, F14).
//! A higher number alone never wins (SEMANTICS §10): where nobody does, the declared tie is what the rest gets, and the record says so.

use model::{
    Arm, Instant,
    automatic::{Rollout, Tie, WinnerRule},
    scenario::MessageExperiment,
};
use serde::{Deserialize, Serialize};
use stats::{
    Alpha, ArmCount, Correction, NotComputable, Proportion, Summary, adjusted, bandit, bayes_beta_binomial, srm, two_proportion,
    welch,
};

use super::{Action, Outcome, Rule, Seen, Taken, Why};
use crate::{
    bucket,
    readout::{EXPECTED_MIN, PEOPLE_MIN},
};

/// What came of the test, arms in the order of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// When the last message of the test was sent; none while some are still to go.
    pub sent_until: Option<Instant>,
    /// When to ask again while they are.
    pub asked_again_at: Instant,
    pub arms: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub rule: WinnerRule,
    /// What it is held against: the level of the p-values, or the chance asked for.
    pub threshold: f64,
    pub arms: Vec<ArmEvidence>,
    /// Of `significant`: each pair, the better one first.
    pub pairs: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmEvidence {
    pub arm: String,
    pub units: u64,
    pub mean: f64,
    /// Of `likeliest`: the chance to be the best.
    pub chance: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    pub better: String,
    pub worse: String,
    /// In the unit of the metric, and turned so that more is better.
    pub gain: f64,
    /// After correction.
    pub p: f64,
}

/// Where a unit is before the decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'a> {
    Test(&'a Arm),
    /// It waits for the decision.
    Rest,
}

/// Computed from the test's salt, apart from the arm, so that neither says anything of the other.
pub fn part<'a>(test: &'a MessageExperiment, rollout: &Rollout, unit: &str) -> Part<'a> {
    let is_tested = bucket::bucket(&format!("{}/test", test.salt), unit) < bucket::boundary(rollout.share);
    match bucket::arm(&test.salt, unit, &test.arms) {
        Some(arm) if is_tested => Part::Test(arm),
        _ => Part::Rest,
    }
}

/// The arm that a unit of the rest gets once it was decided; none while it waits or gets nothing.
pub fn arm_of_rest<'a>(test: &'a MessageExperiment, action: &Action, unit: &str) -> Option<&'a Arm> {
    match action {
        Action::SendRest { arm } => test.arms.iter().find(|known| known.id == *arm),
        Action::SplitRest => bucket::arm(&test.salt, unit, &test.arms),
        _ => None,
    }
}

/// What the rest gets.
pub fn roll_out(test: &MessageExperiment, rollout: &Rollout, version: &str, tested: &Tested, now: Instant) -> Taken {
    let taken = |action, why| Taken::new(Rule::Rollout, &test.name, version, now, action, why);
    let Some(sent_until) = tested.sent_until else {
        return taken(Action::Wait { until: tested.asked_again_at }, Why::NotDue);
    };
    let due = sent_until + rollout.wait.0;
    if now < due {
        return taken(Action::Wait { until: due }, Why::NotDue);
    }
    // What is not of this test's arms, in their order, cannot be judged by it: a person has to look.
    let weights: Option<Vec<f64>> = (tested.arms.len() == test.arms.len()).then(|| {
        test.arms.iter().zip(&tested.arms).filter(|(arm, seen)| arm.id == seen.arm).map(|(arm, _)| arm.weight).collect()
    });
    let Some(weights) = weights.filter(|weights| weights.len() == test.arms.len()) else {
        return taken(Action::HoldRest, Why::NotComputable { what: "the arms counted are not those of the test".into() });
    };
    let counts: Vec<ArmCount> =
        tested.arms.iter().zip(weights).map(|(seen, weight)| ArmCount { seen: seen.sent, weight }).collect();
    match srm(&counts) {
        // Whatever kept people out of an arm may be in the message.
        Ok(srm) if srm.mismatch => {
            return taken(Action::HoldRest, Why::SplitBroken { chi_square: srm.chi_square, p: srm.p_value });
        }
        Ok(_) | Err(NotComputable::Empty) => {}
        Err(what) => return taken(Action::HoldRest, Why::NotComputable { what: what.to_string() }),
    }
    let tie = |ahead: Option<&str>| match (rollout.tie, ahead) {
        (Tie::Split, _) => Action::SplitRest,
        (Tie::Nobody, _) => Action::HoldRest,
        (Tie::Ahead, Some(arm)) => Action::SendRest { arm: arm.into() },
        (Tie::Control | Tie::Ahead, _) => match test.arms.first() {
            Some(arm) => Action::SendRest { arm: arm.id.clone() },
            None => Action::HoldRest,
        },
    };
    if let Some(few) = too_few(&tested.arms) {
        return taken(tie(None), few);
    }
    match judge(rollout, &tested.arms) {
        Err(what) => taken(tie(None), Why::NotComputable { what: what.to_string() }),
        Ok((Some(arm), by)) => taken(Action::SendRest { arm: arm.clone() }, Why::Won { arm, by }),
        Ok((None, by)) => {
            let gain = |arm: &ArmEvidence| if rollout.lower_is_better { -arm.mean } else { arm.mean };
            // Of equal arms the first.
            let ahead = by.arms.iter().rev().max_by(|one, other| gain(one).total_cmp(&gain(other)));
            taken(tie(ahead.map(|arm| arm.arm.as_str())), Why::NoneShown { by })
        }
    }
}

/// The smallest arm, if it says nothing: of people, and of conversions or their absence.
fn too_few(arms: &[Seen]) -> Option<Why> {
    let followed = |seen: &Seen| seen.outcome.as_ref().map_or(0, |outcome| outcome.summary().n());
    let smallest = arms.iter().min_by_key(|seen| followed(seen))?;
    if followed(smallest) < PEOPLE_MIN {
        return Some(Why::TooFew { arm: smallest.arm.clone(), units: followed(smallest), needed: PEOPLE_MIN });
    }
    let rates: Vec<Proportion> = arms
        .iter()
        .filter_map(|seen| match seen.outcome {
            Ok(Outcome::Rate(rate)) => Some(rate),
            _ => None,
        })
        .collect();
    let (people, converted) = rates.iter().fold((0.0, 0.0), |(n, x), rate| (n + rate.n() as f64, x + rate.x() as f64));
    let expected = f64::min(converted, people - converted) * followed(smallest) as f64 / people;
    // Without rates it is not a number, and not below.
    (expected < EXPECTED_MIN).then(|| Why::TooFew {
        arm: smallest.arm.clone(),
        units: expected as u64,
        needed: EXPECTED_MIN as u64,
    })
}

fn judge(rollout: &Rollout, arms: &[Seen]) -> Result<(Option<String>, Evidence), NotComputable> {
    let outcomes: Vec<Outcome> = arms.iter().map(|seen| seen.outcome.clone()).collect::<Result<_, _>>()?;
    let means: Vec<Summary> = outcomes.iter().map(Outcome::summary).collect();
    let evidence =
        |arm: usize, chance| ArmEvidence { arm: arms[arm].arm.clone(), units: means[arm].n(), mean: means[arm].mean(), chance };
    match rollout.rule {
        WinnerRule::Significant => {
            let pairs = pairs(rollout, arms, &outcomes)?;
            let wins = |arm: &str| pairs.iter().filter(|pair| pair.better == arm && pair.p < rollout.alpha).count();
            let winner = arms.iter().find(|seen| wins(&seen.arm) + 1 == arms.len()).map(|seen| seen.arm.clone());
            let arms = (0..arms.len()).map(|arm| evidence(arm, None)).collect();
            Ok((winner, Evidence { rule: rollout.rule, threshold: rollout.alpha, arms, pairs }))
        }
        WinnerRule::Likeliest => {
            let chances = chances(rollout, &outcomes)?;
            let winner = chances.iter().position(|chance| *chance >= rollout.chance_min).map(|arm| arms[arm].arm.clone());
            let arms = chances.iter().enumerate().map(|(arm, chance)| evidence(arm, Some(*chance))).collect();
            Ok((winner, Evidence { rule: rollout.rule, threshold: rollout.chance_min, arms, pairs: Vec::new() }))
        }
    }
}

fn pairs(rollout: &Rollout, arms: &[Seen], outcomes: &[Outcome]) -> Result<Vec<Pair>, NotComputable> {
    let alpha = Alpha::new(rollout.alpha)?;
    let mut pairs = Vec::new();
    for first in 0..arms.len() {
        for second in first + 1..arms.len() {
            let (effect, p) = match (outcomes[first], outcomes[second]) {
                (Outcome::Rate(a), Outcome::Rate(b)) => {
                    let found = two_proportion(a, b, alpha)?;
                    (found.difference, found.p_two_sided)
                }
                (a, b) => {
                    let found = welch(&a.summary(), &b.summary(), alpha)?;
                    (found.effect, found.p_two_sided)
                }
            };
            let gain = if rollout.lower_is_better { -effect } else { effect };
            let (better, worse) = if gain > 0.0 { (second, first) } else { (first, second) };
            pairs.push(Pair { better: arms[better].arm.clone(), worse: arms[worse].arm.clone(), gain: gain.abs(), p });
        }
    }
    let p_values: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    for (pair, p) in pairs.iter_mut().zip(adjusted(&p_values, Correction::Holm)?) {
        pair.p = p;
    }
    Ok(pairs)
}

/// Of each arm to be the best, under a uniform prior for rates and a flat one for means.
fn chances(rollout: &Rollout, outcomes: &[Outcome]) -> Result<Vec<f64>, NotComputable> {
    let rates: Option<Vec<Proportion>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            // Where fewer is better, those who did not are counted.
            Outcome::Rate(rate) if rollout.lower_is_better => Proportion::new(rate.n() - rate.x(), rate.n()).ok(),
            Outcome::Rate(rate) => Some(*rate),
            Outcome::Mean(_) => None,
        })
        .collect();
    if let Some(rates) = rates {
        return Ok(bayes_beta_binomial(&rates, (1.0, 1.0))?.0.iter().map(|posterior| posterior.best).collect());
    }
    let sign = if rollout.lower_is_better { -1.0 } else { 1.0 };
    let posteriors: Vec<(f64, f64)> =
        outcomes.iter().map(Outcome::summary).map(|mean| (sign * mean.mean(), mean.variance_of_mean())).collect();
    Ok(bandit(&posteriors, 0.0)?.best)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use serde_json::{Value, json};

    use super::*;

    fn sent() -> Instant {
        DateTime::parse_from_rfc3339("2026-11-29T09:00:00+09:00").expect("an instant").to_utc()
    }

    fn test(arms: usize, lines: Value) -> (MessageExperiment, Rollout) {
        let arms: Vec<Value> =
            ["a", "b", "c", "d"][..arms].iter().map(|id| json!({"id": id, "weight": 1.0 / arms as f64})).collect();
        let test = json!({"name": "subject", "salt": "s", "arm": arms, "rollout": lines});
        let test: MessageExperiment = serde_json::from_value(test).expect("a test");
        let rollout = test.rollout.clone().expect("a roll-out");
        (test, rollout)
    }

    fn tested(outcomes: Vec<(u64, Result<Outcome, NotComputable>)>) -> Tested {
        let arms = ["a", "b", "c", "d"].into_iter().zip(outcomes);
        let arms = arms.map(|(id, (sent, outcome))| Seen { arm: id.into(), sent, outcome }).collect();
        Tested { sent_until: Some(sent()), asked_again_at: sent(), arms }
    }

    fn rates(of: &[(u64, u64)]) -> Tested {
        tested(of.iter().map(|&(x, n)| (n, Proportion::new(x, n).map(Outcome::Rate))).collect())
    }

    fn said(lines: Value, tested: &Tested, hours: i64) -> String {
        let (test, rollout) = test(tested.arms.len(), lines);
        let taken = roll_out(&test, &rollout, "v1", tested, sent() + TimeDelta::hours(hours));
        let action = match &taken.action {
            Action::SendRest { arm } => arm.clone(),
            Action::SplitRest => "split".into(),
            Action::HoldRest => "hold".into(),
            Action::Wait { until } => format!("wait {}", (*until - sent()).num_hours()),
            other => panic!("{other:?}"),
        };
        let why = match &taken.why {
            Why::Won { arm, .. } => format!("{arm} won"),
            Why::NoneShown { .. } => "none shown".into(),
            Why::NotDue => "not due".into(),
            Why::TooFew { arm, units, needed } => format!("{units} of {needed} in {arm}"),
            Why::SplitBroken { .. } => "split broken".into(),
            Why::NotComputable { what } => what.clone(),
            other => panic!("{other:?}"),
        };
        format!("{action}: {why}")
    }

    #[test]
    fn the_rest_gets_the_winner_or_the_declared_tie() {
        let check = |lines: Value, of: &[(u64, u64)], expect: &str| {
            assert_eq!(said(lines.clone(), &rates(of), 4), expect, "{lines} {of:?}");
        };
        check(json!({}), &[(200, 2_000), (260, 2_000)], "b: b won"); // p = 0.003
        check(json!({}), &[(260, 2_000), (200, 2_000)], "a: a won");
        check(json!({"lower_is_better": true}), &[(260, 2_000), (200, 2_000)], "b: b won");
        // Higher, and that may be chance: p = 0.08.
        check(json!({}), &[(200, 2_000), (234, 2_000)], "a: none shown");
        check(json!({"tie": "ahead"}), &[(200, 2_000), (234, 2_000)], "b: none shown");
        check(json!({"tie": "ahead"}), &[(200, 2_000), (200, 2_000)], "a: none shown");
        check(json!({"tie": "split"}), &[(200, 2_000), (234, 2_000)], "split: none shown");
        check(json!({"tie": "nobody"}), &[(200, 2_000), (234, 2_000)], "hold: none shown");
        check(json!({"alpha": 0.1}), &[(200, 2_000), (234, 2_000)], "b: b won");
        // The chance to be better is 0.96.
        check(json!({"rule": "likeliest"}), &[(200, 2_000), (234, 2_000)], "b: b won");
        check(json!({"rule": "likeliest", "chance_min": 0.99}), &[(200, 2_000), (234, 2_000)], "a: none shown");
        check(json!({"rule": "likeliest", "lower_is_better": true}), &[(200, 2_000), (234, 2_000)], "a: a won");
        // A winner beats each other arm: c beats a and not b.
        check(json!({}), &[(200, 2_000), (250, 2_000), (270, 2_000)], "a: none shown");
        check(json!({}), &[(200, 2_000), (200, 2_000), (280, 2_000)], "c: c won");
        check(json!({"tie": "ahead"}), &[(20, 29), (20, 30)], "a: 29 of 30 in a");
        check(json!({"tie": "split"}), &[(4, 2_000), (4, 2_000)], "split: 4 of 5 in a");
        check(json!({}), &[(200, 2_000), (300, 2_300)], "hold: split broken");
    }

    #[test]
    fn it_waits_until_everybody_was_followed() {
        let check = |wait: &str, hours: i64, expect: &str| {
            assert_eq!(said(json!({"wait": wait}), &rates(&[(200, 2_000), (280, 2_000)]), hours), expect, "{wait} {hours}");
        };
        check("4h", 3, "wait 4: not due");
        check("4h", 4, "b: b won");
        check("2d", 47, "wait 48: not due");
        let sending = Tested { sent_until: None, asked_again_at: sent() + TimeDelta::hours(9), ..rates(&[(0, 10), (0, 10)]) };
        assert_eq!(said(json!({}), &sending, 100), "wait 9: not due");
    }

    #[test]
    fn money_is_compared_by_its_means() {
        let mean = |n, mean, sd: f64| (n, Summary::new(n, mean, sd * sd).map(Outcome::Mean));
        let check = |lines: Value, means: [f64; 2], expect: &str| {
            let seen = tested(vec![mean(2_000, means[0], 1_000.0), mean(2_000, means[1], 1_000.0)]);
            assert_eq!(said(lines.clone(), &seen, 4), expect, "{lines} {means:?}");
        };
        check(json!({}), [500.0, 600.0], "b: b won"); // z = 3.2
        check(json!({}), [500.0, 550.0], "a: none shown"); // z = 1.6
        check(json!({"rule": "likeliest", "chance_min": 0.9}), [500.0, 550.0], "b: b won");
        let unknown = tested(vec![(2_000, Err(NotComputable::Empty)), mean(2_000, 500.0, 1_000.0)]);
        assert_eq!(said(json!({}), &unknown, 4), "a: 0 of 30 in a");
    }

    #[test]
    fn the_evidence_is_kept_and_the_same_look_is_one_decision() {
        let (test, rollout) = test(2, json!({}));
        let take =
            |hours: i64| roll_out(&test, &rollout, "v1", &rates(&[(200, 2_000), (260, 2_000)]), sent() + TimeDelta::hours(hours));
        let (one, again, later) = (take(4), take(4), take(5));
        assert_eq!(one, again);
        assert!(one.id != later.id && one.id.len() == 32);
        let kept = serde_json::to_value(&one).expect("JSON");
        assert_eq!(
            (&kept["rule"], &kept["action"]["do"], &kept["why"]["why"]),
            (&json!("rollout"), &json!("send_rest"), &json!("won"))
        );
        assert_eq!(kept["why"]["by"]["arms"][1]["mean"], json!(0.13));
        assert_eq!(serde_json::from_value::<Taken>(kept).expect("a decision"), one);
    }

    #[test]
    fn the_test_is_a_share_and_the_rest_waits() {
        let (test, rollout) = test(2, json!({"share": 0.3}));
        let (mut tested, mut in_b) = (0, 0);
        for unit in (0..20_000).map(|n| format!("u{n}")) {
            let (winner, split) = (Action::SendRest { arm: "b".into() }, Action::SplitRest);
            match part(&test, &rollout, &unit) {
                Part::Test(arm) => {
                    tested += 1;
                    in_b += u32::from(arm.id == "b");
                }
                Part::Rest => {
                    assert_eq!(arm_of_rest(&test, &winner, &unit).map(|arm| arm.id.as_str()), Some("b"));
                    assert_eq!(arm_of_rest(&test, &split, &unit), bucket::arm("s", &unit, &test.arms));
                    assert!(arm_of_rest(&test, &Action::HoldRest, &unit).is_none());
                    assert!(arm_of_rest(&test, &Action::Wait { until: sent() }, &unit).is_none());
                }
            }
        }
        assert!(
            (5_800..6_200).contains(&tested) && (0.48..0.52).contains(&(f64::from(in_b) / f64::from(tested))),
            "{tested} {in_b}"
        );
    }

    /// Four alike messages, 1,000 times: somebody wins in at most 5 % of them.
    #[test]
    fn luck_rarely_wins() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut convert = |n: u64| {
            let one = |_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                u64::from(state % 1_000 < 200)
            };
            (0..n).map(one).sum::<u64>()
        };
        let (test, rollout) = test(4, json!({}));
        let wins = (0..1_000).filter(|_| {
            let of: Vec<(u64, u64)> = (0..4).map(|_| (convert(1_000), 1_000)).collect();
            matches!(roll_out(&test, &rollout, "v1", &rates(&of), sent() + TimeDelta::hours(4)).why, Why::Won { .. })
        });
        let wins = wins.count();
        println!("1,000 tests of four messages alike: {wins} winners");
        assert!(wins <= 50);
    }
}
