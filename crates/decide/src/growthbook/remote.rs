//! Remote evaluation: a payload without its rules. Each feature has the value of one unit, and the exposures that its client is to track.

use serde_json::{Map, Value, json};

use super::evaluate::{Context, Feature};

/// The features of a context as one unit sees them. `forced` are values a tester asked for.
pub fn evaluated(context: &Context, forced: &Map<String, Value>) -> Map<String, Value> {
    let one = |id: &String| {
        let feature = match forced.get(id) {
            Some(value) => json!({ "defaultValue": value }),
            None => shown(id, context.feature(id), context),
        };
        (id.clone(), feature)
    };
    context.features.keys().map(one).collect()
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
                        "featureId": id, "stickyBucketUsed": false,
                    },
                }]);
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
        let here = evaluated(&context("JP"), &Map::new());
        assert_eq!(here["plain"], json!({"defaultValue": 3}));
        let force = &here["button"]["rules"][0];
        assert_eq!((&force["force"], &force["tracks"][0]["experiment"]["key"]), (&json!("red"), &json!("button")));
        assert_eq!(force["tracks"][0]["result"]["key"], "b");
        assert!(!serde_json::to_string(&here).unwrap().contains("country"), "a rule leaked");
        assert_eq!(evaluated(&context("US"), &Map::new())["button"], json!({"defaultValue": "blue"}));
        let forced = Map::from_iter([("button".to_string(), json!("green"))]);
        assert_eq!(evaluated(&context("JP"), &forced)["button"], json!({"defaultValue": "green"}));
    }
}
