//! What a unit gets for a feature, and whether an experiment takes it in: the order of checks of GrowthBook's specification
//! 0.8.0, which decides who is counted. Encryption is not undone here: who serves a payload has it plain.

use serde_json::{Map, Value};

use super::{
    condition::{Groups, meets},
    hash::{bucket_ranges, choose_variation, equal_weights, hash, in_namespace, in_range},
    javascript::{text, truthy},
    pages::is_targeted,
    sticky::{self, Assignments, Kept},
};

/// One unit against one payload.
#[derive(Default)]
pub struct Context {
    pub attributes: Value,
    pub features: Map<String, Value>,
    pub groups: Groups,
    /// Variations by experiment that a tester asked for.
    pub forced: Map<String, Value>,
    pub url: String,
    pub disabled: bool,
    /// Nobody is taken in by chance.
    pub qa: bool,
    /// What the client has kept of earlier visits; none where it keeps nothing.
    pub sticky: Option<Assignments>,
    /// Weights by context, for rules that name one.
    pub bandits: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Of the variation: its own, else its index.
    pub key: String,
    pub variation: usize,
    pub value: Value,
    pub in_experiment: bool,
    /// By chance, and so to be counted.
    pub hash_used: bool,
    pub hash_attribute: String,
    /// As the attribute has it: a number stays one.
    pub hash_value: Value,
    pub bucket: Option<f64>,
    pub passthrough: bool,
    pub name: Option<String>,
    /// The arm is the one that was kept, or that was kept forbids any.
    pub sticky_used: bool,
    /// What the client is to keep from now on, by its key, if that is another.
    pub keep: Option<(String, Value)>,
    /// By which weights of a contextual bandit it was chosen: `leafId`, `variationWeights` and, if it has one, `banditVersion`.
    pub bandit: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub value: Value,
    /// Why: `defaultValue`, `force`, `experiment`, `unknownFeature`, `prerequisite` or `cyclicPrerequisite`.
    pub source: &'static str,
    pub rule: String,
    pub outcome: Option<Outcome>,
}

impl Feature {
    fn because(source: &'static str, value: Value) -> Self {
        Feature { value, source, rule: String::new(), outcome: None }
    }
}

enum Parents {
    Met,
    Unmet { gate: bool },
    Cyclic,
}

impl Context {
    pub fn feature(&self, id: &str) -> Feature {
        self.feature_below(id, &[])
    }

    pub fn run(&self, experiment: &Value) -> Outcome {
        self.run_below(experiment, &[])
    }

    /// `above` are the features whose prerequisites led here.
    fn feature_below(&self, id: &str, above: &[&str]) -> Feature {
        if above.contains(&id) {
            return Feature::because("cyclicPrerequisite", Value::Null);
        }
        let above = [above, &[id]].concat();
        let Some(feature) = self.features.get(id) else { return Feature::because("unknownFeature", Value::Null) };
        for rule in list(&feature["rules"]) {
            match self.parents(rule, &above) {
                Parents::Met => {}
                Parents::Cyclic => return Feature::because("cyclicPrerequisite", Value::Null),
                Parents::Unmet { gate: true } => return Feature::because("prerequisite", Value::Null),
                Parents::Unmet { gate: false } => continue,
            }
            if self.filtered_out(rule) {
                continue;
            }
            let named = text_or(&rule["id"], "");
            if let Some(value) = rule.get("force") {
                if meets(&self.attributes, &rule["condition"], &self.groups) && self.rolled_out(rule, id) {
                    return Feature { rule: named, ..Feature::because("force", value.clone()) };
                }
            } else if rule["variations"].is_array() || rule["contextualVariations"].is_array() {
                let mut experiment = self.as_experiment(rule);
                experiment["key"] = text_or(&rule["key"], id).into();
                // Those of the rule are met already; looked at again they would only cost time.
                experiment["parentConditions"] = Value::Null;
                let outcome = self.run_below(&experiment, &above);
                if outcome.in_experiment && !outcome.passthrough {
                    let value = outcome.value.clone();
                    return Feature { value, source: "experiment", rule: named, outcome: Some(outcome) };
                }
            }
        }
        Feature::because("defaultValue", feature["defaultValue"].clone())
    }

    /// A rule as the experiment it runs. Pages are a matter of experiments that change pages; a rule's own targeting is its condition.
    fn as_experiment(&self, rule: &Value) -> Value {
        let mut experiment = rule.clone();
        experiment["urlPatterns"] = Value::Null;
        if rule["contextualVariations"].is_array() {
            experiment["variations"] = rule["contextualVariations"].clone();
        }
        if let Some(bandit) = self.bandits.get(&text_or(&rule["contextualBanditRef"], "")) {
            // The first context that a unit meets; who meets none has the weights of all.
            let leaf = list(&bandit["contexts"]).iter().find(|leaf| meets(&self.attributes, &leaf["condition"], &self.groups));
            let mut chosen_by = Map::new();
            chosen_by.insert("leafId".into(), leaf.map_or((-1).into(), |leaf| leaf["leafId"].clone()));
            let weights = match (leaf, &rule["weights"]) {
                (Some(leaf), _) => leaf["weights"].clone(),
                (None, Value::Null) => equal_weights(list(&experiment["variations"]).len()).into(),
                (None, weights) => weights.clone(),
            };
            chosen_by.insert("variationWeights".into(), weights.clone());
            if let Some(version) = bandit.get("banditVersion") {
                chosen_by.insert("banditVersion".into(), version.clone());
            }
            experiment["weights"] = weights;
            experiment["contextualBandit"] = chosen_by.into();
        }
        experiment
    }

    fn run_below(&self, experiment: &Value, above: &[&str]) -> Outcome {
        let variations = list(&experiment["variations"]);
        let key = text_or(&experiment["key"], "");
        let (attribute, unit) = self.hashed(experiment);
        let outcome = |chosen: Option<usize>, hash_used: bool, bucket: Option<f64>| {
            let chosen = chosen.filter(|chosen| *chosen < variations.len());
            let variation = chosen.unwrap_or(0);
            let meta = &experiment["meta"][variation];
            let hash_used = hash_used && chosen.is_some();
            Outcome {
                key: text_or(&meta["key"], &variation.to_string()),
                variation,
                value: variations.get(variation).cloned().unwrap_or(Value::Null),
                in_experiment: chosen.is_some(),
                hash_used,
                hash_attribute: attribute.clone(),
                hash_value: if unit.is_empty() { "".into() } else { self.attributes[&attribute].clone() },
                bucket: bucket.filter(|_| chosen.is_some()),
                passthrough: truthy(&meta["passthrough"]),
                name: meta["name"].as_str().map(str::to_owned),
                sticky_used: false,
                keep: None,
                bandit: experiment.get("contextualBandit").filter(|_| hash_used).cloned(),
            }
        };
        let out = || outcome(None, false, None);
        if variations.len() < 2 || self.disabled {
            return out();
        }
        if experiment["urlPatterns"].is_array() && !is_targeted(&self.url, list(&experiment["urlPatterns"])) {
            return out();
        }
        if let Some(asked) = query_override(&key, &self.url, variations.len()) {
            return outcome(Some(asked), false, None);
        }
        if let Some(forced) = self.forced.get(&key) {
            return outcome(index(forced), false, None);
        }
        if experiment["active"] == Value::Bool(false) || experiment["status"] == "draft" || unit.is_empty() {
            return out();
        }
        let documents = self.documents(experiment, &attribute);
        let kept = documents.as_ref().map_or(Kept::Nothing, |documents| sticky::kept(experiment, &key, documents));
        // Whom a test has once taken in is asked nothing again.
        if !matches!(kept, Kept::Arm(_)) && !self.takes_in(experiment, &unit, above) {
            return out();
        }
        let seed = text_or(&experiment["seed"], &key);
        let Some(point) = hash(&seed, &unit, version(experiment, 1)) else { return out() };
        let chosen = match kept {
            Kept::Blocked => return Outcome { sticky_used: true, ..out() },
            Kept::Arm(arm) => Some(arm),
            Kept::Nothing => choose_variation(point, &ranges(experiment, variations.len())),
        };
        let Some(chosen) = chosen else { return out() };
        if let Some(forced) = experiment.get("force") {
            return outcome(index(forced), false, None);
        }
        if self.qa || experiment["status"] == "stopped" {
            return out();
        }
        let found = outcome(Some(chosen), true, Some(point));
        let keep = documents.filter(|_| found.in_experiment).and_then(|_| {
            let known = self.sticky.as_ref()?.get(&sticky::id(&attribute, &self.attributes[&attribute]));
            sticky::keep(experiment, &key, (&attribute, &self.attributes[&attribute]), known, &found.key)
        });
        Outcome { sticky_used: matches!(kept, Kept::Arm(_)), keep, ..found }
    }

    /// Layer, targeting and prerequisites of an experiment.
    fn takes_in(&self, experiment: &Value, unit: &str, above: &[&str]) -> bool {
        let filters = truthy(&experiment["filters"]);
        let in_layer = if filters { !self.filtered_out(experiment) } else { in_namespace_of(experiment, unit) };
        in_layer
            && meets(&self.attributes, &experiment["condition"], &self.groups)
            && matches!(self.parents(experiment, above), Parents::Met)
    }

    fn is_sticky(&self, rule: &Value) -> bool {
        self.sticky.is_some() && !truthy(&rule["disableStickyBucketing"])
    }

    /// The attribute a unit is known by, and its value. Another may stand in for it where arms stick.
    fn hashed(&self, rule: &Value) -> (String, String) {
        let attribute = text_or(&rule["hashAttribute"], "id");
        let unit = self.unit(&attribute);
        let fallback = text_or(&rule["fallbackAttribute"], "");
        if unit.is_empty() && self.is_sticky(rule) && !fallback.is_empty() {
            let stand_in = self.unit(&fallback);
            if !stand_in.is_empty() {
                return (fallback, stand_in);
            }
        }
        (attribute, unit)
    }

    /// What was kept for the unit, and for its other attribute; none where arms do not stick.
    fn documents(&self, experiment: &Value, attribute: &str) -> Option<[Option<&Value>; 2]> {
        let kept = self.sticky.as_ref().filter(|_| self.is_sticky(experiment))?;
        let of = |attribute: &str| kept.get(&sticky::id(attribute, &self.attributes[attribute]));
        let own = text_or(&experiment["hashAttribute"], attribute);
        let fallback = text_or(&experiment["fallbackAttribute"], "id");
        let stand_in = if self.unit(&fallback).is_empty() { None } else { of(&fallback) };
        Some([of(&own), stand_in])
    }

    fn parents(&self, rule: &Value, above: &[&str]) -> Parents {
        for parent in list(&rule["parentConditions"]) {
            let feature = self.feature_below(&text_or(&parent["id"], ""), above);
            if feature.source == "cyclicPrerequisite" {
                return Parents::Cyclic;
            }
            let value = Value::Object(Map::from_iter([("value".to_owned(), feature.value)]));
            if !meets(&value, &parent["condition"], &self.groups) {
                return Parents::Unmet { gate: truthy(&parent["gate"]) };
            }
        }
        Parents::Met
    }

    /// The value a unit is known by; what JavaScript calls false is no value.
    fn unit(&self, attribute: &str) -> String {
        Some(&self.attributes[attribute]).filter(|value| truthy(value)).map(text).unwrap_or_default()
    }

    fn filtered_out(&self, rule: &Value) -> bool {
        list(&rule["filters"]).iter().any(|filter| {
            let unit = self.unit(&text_or(&filter["attribute"], "id"));
            let point = hash(&text_or(&filter["seed"], ""), &unit, version(filter, 2)).filter(|_| !unit.is_empty());
            !point.is_some_and(|point| list(&filter["ranges"]).iter().any(|one| in_range(point, range(one))))
        })
    }

    fn rolled_out(&self, rule: &Value, feature: &str) -> bool {
        let coverage = rule["coverage"].as_f64();
        let ranged = rule["range"].is_array();
        if !ranged && coverage.is_none() {
            return true;
        }
        let (_, unit) = self.hashed(rule);
        if unit.is_empty() || !ranged && coverage == Some(0.0) {
            return false;
        }
        let point = hash(&text_or(&rule["seed"], feature), &unit, version(rule, 1));
        point.is_some_and(|point| {
            if ranged { in_range(point, range(&rule["range"])) } else { coverage.is_some_and(|share| point <= share) }
        })
    }
}

/// A variation asked for in the address of the page: `?key=1`.
pub fn query_override(key: &str, url: &str, variations: usize) -> Option<usize> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next()?;
    let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)?;
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|asked| digits && *asked < variations)
}

/// The stretch of each variation.
fn ranges(experiment: &Value, variations: usize) -> Vec<(f64, f64)> {
    match experiment["ranges"].as_array() {
        Some(ranges) => ranges.iter().map(range).collect(),
        None => {
            let weights: Option<Vec<f64>> =
                experiment["weights"].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect());
            bucket_ranges(variations, experiment["coverage"].as_f64().unwrap_or(1.0), weights.as_deref())
        }
    }
}

fn in_namespace_of(experiment: &Value, unit: &str) -> bool {
    let namespace = &experiment["namespace"];
    let range = (namespace[1].as_f64().unwrap_or(0.0), namespace[2].as_f64().unwrap_or(0.0));
    namespace.is_null() || in_namespace(unit, &text(&namespace[0]), range)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_or(value: &Value, otherwise: &str) -> String {
    if truthy(value) { text(value) } else { otherwise.to_owned() }
}

fn version(rule: &Value, otherwise: u64) -> u64 {
    if truthy(&rule["hashVersion"]) { rule["hashVersion"].as_u64().unwrap_or(0) } else { otherwise }
}

fn range(value: &Value) -> (f64, f64) {
    (value[0].as_f64().unwrap_or(0.0), value[1].as_f64().unwrap_or(0.0))
}

fn index(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|index| usize::try_from(index).ok())
}
