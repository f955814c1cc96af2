//! Which arm of an experiment a unit meets, and why it meets none. Computed from the definition and the unit alone, so that the SDK in a
//! browser, the server, the command line and SQL say the same; nothing is drawn and no assignment is stored as truth.

use model::experiment::{Experiment, ExperimentArm, HashKind, Status};
use serde_json::Value;

use crate::{
    bucket,
    growthbook::{Groups, bucket_ranges, choose_variation, hash, in_namespace, meets},
};

/// Why a unit meets no arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Out {
    #[error("the test is a draft")]
    Draft,
    #[error("the test is stopped")]
    Stopped,
    #[error("there is no unit")]
    NoUnit,
    #[error("the unit is not in the test's stretch of its layer")]
    Layer,
    #[error("the unit does not meet the test's targeting")]
    Targeting,
    #[error("the unit is outside the test's coverage")]
    Coverage,
}

/// The arm of a unit with these attributes, in the order of checks of stock SDKs.
pub fn assign<'a>(experiment: &'a Experiment, unit: &str, attributes: &Value) -> Result<&'a ExperimentArm, Out> {
    match experiment.status {
        Status::Draft => return Err(Out::Draft),
        Status::Stopped => return Err(Out::Stopped),
        Status::Running => {}
    }
    if unit.is_empty() {
        return Err(Out::NoUnit);
    }
    if let Some(layer) = &experiment.layer {
        let is_in = match experiment.hash {
            HashKind::GrowthBook2 => in_namespace(unit, &layer.name, (layer.from, layer.until)),
            HashKind::Sha256 => {
                let bucket = bucket::bucket(&layer.name, unit);
                (bucket::boundary(layer.from)..bucket::boundary(layer.until)).contains(&bucket)
            }
        };
        if !is_in {
            return Err(Out::Layer);
        }
    }
    if !meets(attributes, &experiment.targeting, &Groups::new()) {
        return Err(Out::Targeting);
    }
    by_hash(experiment, unit).ok_or(Out::Coverage)
}

/// The arm by hash alone: what SQL has, which knows no attributes. `None` outside the coverage.
pub fn by_hash<'a>(experiment: &'a Experiment, unit: &str) -> Option<&'a ExperimentArm> {
    let weights = experiment.weights();
    match experiment.hash {
        HashKind::GrowthBook2 => {
            let point = hash(experiment.seed(), unit, 2)?;
            let ranges = bucket_ranges(weights.len(), experiment.coverage, Some(&weights));
            choose_variation(point, &ranges).and_then(|index| experiment.arms.get(index))
        }
        HashKind::Sha256 => {
            let bucket = bucket::bucket(experiment.seed(), unit);
            let mut start = 0.0;
            let found = experiment.arms.iter().find(|arm| {
                // The coverage takes from the start of the arm's own stretch: raising it moves nobody.
                let (from, until) = (bucket::boundary(start), bucket::boundary(start + arm.weight * experiment.coverage));
                start += arm.weight;
                (from..until).contains(&bucket)
            });
            // What rounding leaves at the end is the last arm's.
            found.or_else(|| experiment.arms.last().filter(|_| experiment.coverage >= 1.0))
        }
    }
}

/// What everybody gets who is in no arm: the winner's value of a stopped test, else the control's.
pub fn value_outside(experiment: &Experiment) -> &Value {
    let winner = experiment.winner.as_deref().filter(|_| experiment.status == Status::Stopped);
    let arm = winner.and_then(|winner| experiment.arm(winner)).or(experiment.arms.first());
    arm.map_or(&Value::Null, value_of)
}

/// What a site gets for an arm.
pub fn value_of(arm: &ExperimentArm) -> &Value {
    &arm.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bucket::arm as scenario_arm, growthbook::Context};
    use proptest::prelude::*;
    use serde_json::json;

    fn experiment(lines: &str) -> Experiment {
        let text = format!(
            "experiment = \"button\"\ntitle = {{ ja = \"ボタン\", en = \"Button\" }}\nstart = 2026-11-01T00:00:00+09:00\n\
             goal = {{ metric = \"conversion\" }}\n{lines}\n[[arm]]\nid = \"a\"\nweight = 0.3\nvalue = 1\n[[arm]]\nid = \"b\"\nweight = 0.7\nvalue = 2"
        );
        Experiment::parse("button.toml", &text).expect("an experiment")
    }

    #[test]
    fn who_is_out_is_told_why() {
        let check = |lines: &str, unit: &str, attributes: Value, expect: Result<&str, Out>| {
            let experiment = experiment(lines);
            assert_eq!(assign(&experiment, unit, &attributes).map(|arm| arm.id.as_str()), expect, "{lines} {unit}");
        };
        let running = "status = \"running\"";
        check("", "u1", json!({}), Err(Out::Draft));
        check("status = \"stopped\"", "u1", json!({}), Err(Out::Stopped));
        check(running, "", json!({}), Err(Out::NoUnit));
        check(&format!("{running}\ncoverage = 0.0"), "u1", json!({}), Err(Out::Coverage));
        let japan = format!("{running}\ntargeting = {{ country = \"JP\" }}");
        check(&japan, "u1", json!({"country": "US"}), Err(Out::Targeting));
        check(&japan, "u1", json!({}), Err(Out::Targeting));
        check(&japan, "u1", json!({"country": "JP"}), Ok("a"));
    }

    #[test]
    fn everybody_gets_the_winner_once_it_is_stopped() {
        let check = |lines: &str, expect: Value| assert_eq!(*value_outside(&experiment(lines)), expect, "{lines}");
        check("status = \"running\"", json!(1));
        check("status = \"stopped\"", json!(1));
        check("status = \"stopped\"\nwinner = \"b\"", json!(2));
    }

    #[test]
    fn the_hash_of_scenarios_gives_the_arms_of_scenarios() {
        let experiment = experiment("status = \"running\"\nhash = \"sha256\"\nseed = \"exp-cart-01\"");
        let arms: Vec<model::Arm> =
            experiment.arms.iter().map(|arm| model::Arm { id: arm.id.clone(), weight: arm.weight, template: None }).collect();
        for unit in (1..=1_000).map(|n| format!("c-{n:04}")) {
            let here = by_hash(&experiment, &unit).map(|arm| arm.id.as_str());
            assert_eq!(here, scenario_arm("exp-cart-01", &unit, &arms).map(|arm| arm.id.as_str()), "{unit}");
        }
    }

    #[test]
    fn layers_share_nobody_and_leave_nobody_out() {
        for hash in ["growthbook-2", "sha256"] {
            let half = |from: f64, until: f64| {
                experiment(&format!(
                    "status = \"running\"\nhash = \"{hash}\"\nlayer = {{ name = \"l\", from = {from:?}, until = {until:?} }}"
                ))
            };
            let (one, other) = (half(0.0, 0.4), half(0.4, 1.0));
            let mut in_one = 0;
            for unit in (0..2_000).map(|n| n.to_string()) {
                let (first, second) = (assign(&one, &unit, &json!({})).is_ok(), assign(&other, &unit, &json!({})).is_ok());
                assert!(first != second, "{hash} {unit}");
                in_one += u32::from(first);
            }
            assert!((700..900).contains(&in_one), "{in_one} of 2,000 in 40 %");
        }
    }

    proptest! {
        /// The evaluation that is held to the stock suite agrees, whatever the unit is called.
        #[test]
        fn a_stock_sdk_says_the_same(unit in ".{1,20}", coverage in 0.0f64..=1.0, seed in "[a-z]{0,6}", country in "(JP|US)") {
            let mut experiment = experiment("status = \"running\"\ntargeting = { country = \"JP\" }\nlayer = { name = \"l\", from = 0.0, until = 0.8 }");
            (experiment.coverage, experiment.seed) = (coverage, Some(seed));
            let attributes = json!({"id": unit, "country": country});
            let features = connect_free_rule(&experiment);
            let sdk = Context { attributes: attributes.clone(), features, ..Context::default() }.feature("button");
            let here = assign(&experiment, &unit, &attributes);
            prop_assert_eq!(here.map(|arm| arm.id.clone()).ok(), sdk.outcome.map(|outcome| outcome.key));
        }
    }

    /// The rule that a site is served (`connect/serving` writes it; this crate may not depend on it).
    fn connect_free_rule(experiment: &Experiment) -> serde_json::Map<String, Value> {
        let layer = experiment.layer.as_ref().expect("a layer");
        let rule = json!({
            "key": experiment.experiment, "seed": experiment.seed(), "hashAttribute": "id", "hashVersion": 2,
            "coverage": experiment.coverage, "weights": experiment.weights(), "condition": experiment.targeting,
            "namespace": [layer.name, layer.from, layer.until], "variations": [1, 2], "meta": [{"key": "a"}, {"key": "b"}],
        });
        [("button".to_string(), json!({"defaultValue": 1, "rules": [rule]}))].into_iter().collect()
    }
}
