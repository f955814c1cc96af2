//! Remote evaluation: a payload without its rules. Each feature has the value of one unit, and the exposures that its client is to track.

use serde_json::{Map, Value, json};

use super::{
    evaluate::{Context, Feature},
    sticky::Assignments,
};

/// What one unit sees.
#[derive(Debug, Default, PartialEq)]
pub struct Evaluated {
    pub features: Map<String, Value>,
    /// Where its client keeps arms: all that it is to have kept from now on.
    pub kept: Option<Assignments>,
}

/// The features of a context as one unit sees them. `forced` are values a tester asked for.
pub fn evaluated(context: &Context, forced: &Map<String, Value>) -> Evaluated {
    let mut evaluated = Evaluated { features: Map::new(), kept: context.sticky.clone() };
    for id in context.features.keys() {
        let shown = match forced.get(id) {
            Some(value) => json!({ "defaultValue": value }),
            None => {
                let feature = context.feature(id);
                let keep = feature.outcome.as_ref().and_then(|outcome| outcome.keep.clone());
                if let (Some(kept), Some((key, document))) = (&mut evaluated.kept, keep) {
                    added(kept, key, document);
                }
                shown(id, feature, context)
            }
        };
        evaluated.features.insert(id.clone(), shown);
    }
    evaluated
}

/// Two tests of one unit are kept in one document.
fn added(kept: &mut Assignments, key: String, document: Value) {
    match kept.get_mut(&key).and_then(|known| known["assignments"].as_object_mut()) {
        Some(known) => known.extend(document["assignments"].as_object().cloned().unwrap_or_default()),
        None => _ = kept.insert(key, document),
    }
}

fn shown(id: &str, feature: Feature, context: &Context) -> Value {
    let Feature { value, rule, outcome, .. } = feature;
    match outcome {
        // By chance, and so to be tracked; the experiment is named, its weights are not.
        Some(outcome) => {
            let experiment =
                rules(context, id).iter().find(|candidate| candidate["id"].as_str() == Some(rule.as_str()) || rule.is_empty());
            let variations = experiment.map_or(json!([]), |rule| rule["variations"].clone());
            let key = experiment.and_then(|rule| rule["key"].as_str()).unwrap_or(id).to_string();
            let mut force = json!({ "id": rule, "force": value });
            if outcome.hash_used {
                force["tracks"] = json!([{
                    "experiment": { "key": key, "variations": variations },
                    "result": {
                        "key": outcome.key, "variationId": outcome.variation, "value": value, "inExperiment": outcome.in_experiment,
                        "hashUsed": outcome.hash_used, "hashAttribute": outcome.hash_attribute, "hashValue": outcome.hash_value,
                        "featureId": id, "stickyBucketUsed": outcome.sticky_used,
                    },
                }]);
                // Who reads results by context needs to know by which weights an arm was drawn.
                if let Some(Value::Object(bandit)) = outcome.bandit {
                    bandit.into_iter().for_each(|(name, value)| force["tracks"][0]["result"][name] = value);
                }
            }
            json!({ "defaultValue": Value::Null, "rules": [force] })
        }
        None => json!({ "defaultValue": value }),
    }
}

fn rules<'a>(context: &'a Context, id: &str) -> &'a [Value] {
    context.features.get(id).and_then(|feature| feature["rules"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_hidden_and_exposures_told() {
        let rule = json!({"id": "exp_button", "key": "button", "hashVersion": 2, "variations": ["blue", "red"], "weights": [0.0, 1.0],
                          "condition": {"country": "JP"}, "meta": [{"key": "a"}, {"key": "b"}]});
        let features = json!({"button": {"defaultValue": "blue", "rules": [rule]}, "plain": {"defaultValue": 3}});
        let context = |country: &str| Context {
            attributes: json!({"id": "u1", "country": country}),
            features: features.as_object().unwrap().clone(),
            ..Context::default()
        };
        let here = evaluated(&context("JP"), &Map::new()).features;
        assert_eq!(here["plain"], json!({"defaultValue": 3}));
        let force = &here["button"]["rules"][0];
        assert_eq!((&force["force"], &force["tracks"][0]["experiment"]["key"]), (&json!("red"), &json!("button")));
        assert_eq!(force["tracks"][0]["result"]["key"], "b");
        assert!(!serde_json::to_string(&here).unwrap().contains("country"), "a rule leaked");
        assert_eq!(evaluated(&context("US"), &Map::new()).features["button"], json!({"defaultValue": "blue"}));
        let forced = Map::from_iter([("button".to_string(), json!("green"))]);
        assert_eq!(evaluated(&context("JP"), &forced).features["button"], json!({"defaultValue": "green"}));
    }

    #[test]
    fn arms_of_several_tests_are_kept_together() {
        let rule = |key: &str| json!({"key": key, "hashVersion": 2, "variations": [0, 1], "weights": [0.0, 1.0], "meta": [{"key": "a"}, {"key": "b"}]});
        let feature = |key: &str| json!({"defaultValue": 0, "rules": [rule(key)]});
        let features = json!({"one": feature("one"), "two": feature("two")}).as_object().unwrap().clone();
        let of =
            |assignments: Value| json!({"id||u": {"attributeName": "id", "attributeValue": "u", "assignments": assignments}});
        let check = |kept: Option<Value>, expect: Option<Value>, shown: i64| {
            let sticky = kept.map(|kept| kept.as_object().unwrap().clone());
            let context = Context { attributes: json!({"id": "u"}), features: features.clone(), sticky, ..Context::default() };
            let evaluated = evaluated(&context, &Map::new());
            assert_eq!(evaluated.kept.map(Value::Object), expect);
            assert_eq!(evaluated.features["one"]["rules"][0]["force"], json!(shown));
        };
        check(None, None, 1);
        check(Some(json!({})), Some(of(json!({"one__0": "b", "two__0": "b"}))), 1);
        check(Some(of(json!({"one__0": "a"}))), Some(of(json!({"one__0": "a", "two__0": "b"}))), 0);
    }
}
