//! GrowthBook's wire format: the payload a stock SDK evaluates, and the exposures its tracking plugin sends (STATISTICS §5).

use model::experiment::{Experiment, HashKind, Status};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A tracking request may hold so many events.
pub const TRACKED_MAX: usize = 1_000;

/// Who evaluates a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Sdk,
    /// Ours, which knows the hash of scenarios too.
    Server,
}

/// The features of a payload, one per name that a site asks for.
///
/// A test by another hash than SDKs have is without a rule here: it is evaluated on the server ([`rule`] is what that evaluates). So is a
/// test that is not running; everybody gets its default.
pub fn features<'a>(
    experiments: impl IntoIterator<Item = &'a Experiment>,
    reader: Reader,
    default: impl Fn(&Experiment) -> Value,
) -> Map<String, Value> {
    let mut features = Map::new();
    for experiment in experiments {
        let feature = features
            .entry(experiment.feature().to_string())
            .or_insert_with(|| json!({ "defaultValue": default(experiment), "rules": [] }));
        if experiment.status == Status::Running
            && (reader == Reader::Server || experiment.hash == HashKind::GrowthBook2)
            && let Some(rules) = feature["rules"].as_array_mut()
        {
            rules.push(rule(experiment));
        }
    }
    features
}

/// An experiment as a rule.
pub fn rule(experiment: &Experiment) -> Value {
    let mut rule = json!({
        "id": format!("exp_{}", experiment.experiment),
        "key": experiment.experiment,
        "seed": experiment.seed(),
        "phase": "0",
        "name": experiment.title.en,
        "hashAttribute": experiment.attribute,
        "hashVersion": 2,
        "coverage": experiment.coverage,
        "weights": experiment.weights(),
        "variations": experiment.arms.iter().map(|arm| arm.value.clone()).collect::<Vec<_>>(),
        "meta": experiment.arms.iter().map(|arm| json!({ "key": arm.id, "name": arm.id })).collect::<Vec<_>>(),
    });
    if !experiment.targeting.is_null() {
        rule["condition"] = experiment.targeting.clone();
    }
    if let Some(sticky) = &experiment.sticky {
        rule["bucketVersion"] = sticky.version.into();
        rule["minBucketVersion"] = sticky.version_min.into();
        if let Some(fallback) = &sticky.fallback {
            rule["fallbackAttribute"] = fallback.as_str().into();
        }
    }
    match (&experiment.layer, experiment.hash) {
        (Some(layer), HashKind::GrowthBook2) => rule["namespace"] = json!([layer.name, layer.from, layer.until]),
        (Some(layer), HashKind::Sha256) => {
            let range = [bucketed(layer.from), bucketed(layer.until)];
            rule["filters"] =
                json!([{ "attribute": experiment.attribute, "seed": layer.name, "hashVersion": SHA256, "ranges": [range] }]);
        }
        (None, _) => {}
    }
    if experiment.hash == HashKind::Sha256 {
        rule["hashVersion"] = json!(SHA256);
        rule["ranges"] = sha256_ranges(experiment).into();
    }
    rule
}

/// `hashVersion` of the hash of scenarios, known to our own evaluation only.
const SHA256: u64 = 256;
const BUCKETS: f64 = 10_000.0;

/// The whole bucket nearest to a share, as a share again.
fn bucketed(share: f64) -> f64 {
    (share * BUCKETS).round() / BUCKETS
}

/// The arms' stretches on whole buckets, as scenarios have them; what rounding leaves at the end is the last arm's.
fn sha256_ranges(experiment: &Experiment) -> Vec<Value> {
    let mut start = 0.0;
    let mut ranges: Vec<[f64; 2]> = experiment
        .arms
        .iter()
        .map(|arm| {
            let range = [bucketed(start), bucketed(start + arm.weight * experiment.coverage)];
            start += arm.weight;
            range
        })
        .collect();
    if let Some(last) = ranges.last_mut().filter(|_| experiment.coverage >= 1.0) {
        last[1] = 1.0;
    }
    ranges.into_iter().map(|range| json!(range)).collect()
}

/// That a unit met an arm, as a client tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewed {
    pub experiment: String,
    /// The arm's id.
    pub arm: String,
    pub attribute: String,
    pub unit: String,
    pub user_id: Option<String>,
}

/// What a tracking request held.
#[derive(Debug, Default, PartialEq)]
pub struct Tracked {
    pub viewed: Vec<Viewed>,
    /// Of other kinds (`Feature Evaluated`, a shop's own), which are not kept.
    pub other: usize,
    /// Places in the list of what could not be read, with the reason.
    pub refused: Vec<(usize, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTracked {
    #[error("the body is not a JSON list of events")]
    NotAList,
    #[error("the body holds more than {TRACKED_MAX} events")]
    TooMany,
}

#[derive(Deserialize)]
struct Line {
    event_name: String,
    #[serde(default)]
    properties_json: Value,
    #[serde(default)]
    user_id: Option<String>,
}

/// Reads the body of `POST /track`, which browsers send as plain text.
pub fn tracked(body: &[u8]) -> Result<Tracked, NotTracked> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let lines: Vec<Value> = match serde_json::from_slice(body) {
        Ok(Value::Array(lines)) => lines,
        // One event without its list.
        Ok(line @ Value::Object(_)) => vec![line],
        _ => return Err(NotTracked::NotAList),
    };
    if lines.len() > TRACKED_MAX {
        return Err(NotTracked::TooMany);
    }
    let mut tracked = Tracked::default();
    for (index, line) in lines.into_iter().enumerate() {
        let Ok(line) = serde_json::from_value::<Line>(line) else {
            tracked.refused.push((index, "it is no event with an event_name"));
            continue;
        };
        if line.event_name != "Experiment Viewed" {
            tracked.other += 1;
            continue;
        }
        // Some clients send the properties as a text.
        let properties = match line.properties_json {
            Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
            other => other,
        };
        let text = |name: &str| match &properties[name] {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        match (text("experimentId"), text("variationId"), text("hashValue")) {
            (Some(experiment), Some(arm), Some(unit)) => tracked.viewed.push(Viewed {
                experiment,
                arm,
                attribute: text("hashAttribute").unwrap_or_else(|| "id".into()),
                unit,
                user_id: line.user_id.filter(|user| !user.is_empty()),
            }),
            _ => tracked.refused.push((index, "it names no experimentId, variationId or hashValue")),
        }
    }
    Ok(tracked)
}

/// What a client asks the server to evaluate.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EvalRequest {
    pub attributes: Map<String, Value>,
    pub forced_variations: Map<String, Value>,
    /// Pairs of a feature and its value.
    pub forced_features: Vec<(String, Value)>,
    pub url: String,
    /// What the client has kept of earlier visits; none where it keeps nothing.
    pub sticky_bucket_assignment_docs: Option<Map<String, Value>>,
}

/// A request may hold so many members of each kind.
pub const EVAL_MEMBERS_MAX: usize = 1_000;

impl EvalRequest {
    /// `None` where it cannot be read, or holds too much.
    pub fn read(body: &[u8]) -> Option<EvalRequest> {
        let read: EvalRequest = serde_json::from_slice(body).ok()?;
        let kept = read.sticky_bucket_assignment_docs.as_ref().map_or(0, Map::len);
        let sizes = [read.attributes.len(), read.forced_variations.len(), read.forced_features.len(), kept];
        sizes.iter().all(|size| *size <= EVAL_MEMBERS_MAX).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(lines: &str) -> Experiment {
        let text = format!(
            "experiment = \"button\"\ntitle = {{ ja = \"ボタン\", en = \"Button\" }}\nstart = 2026-11-01T00:00:00+09:00\n\
             goal = {{ metric = \"conversion\" }}\n{lines}\n[[arm]]\nid = \"a\"\nweight = 0.5\nvalue = \"blue\"\n[[arm]]\nid = \"b\"\nweight = 0.5\nvalue = \"red\""
        );
        Experiment::parse("button.toml", &text).expect("an experiment")
    }

    #[test]
    fn an_experiment_is_served_as_a_rule() {
        let running = experiment(
            "status = \"running\"\ncoverage = 0.8\ntargeting = { country = \"JP\" }\nlayer = { name = \"l\", from = 0.0, until = 0.5 }",
        );
        let served = features([&running], Reader::Sdk, |_| "blue".into());
        assert_eq!(
            Value::Object(served),
            json!({"button": {"defaultValue": "blue", "rules": [{
                "id": "exp_button", "key": "button", "seed": "button", "phase": "0", "name": "Button", "hashAttribute": "id",
                "hashVersion": 2, "coverage": 0.8, "weights": [0.5, 0.5], "variations": ["blue", "red"],
                "meta": [{"key": "a", "name": "a"}, {"key": "b", "name": "b"}], "condition": {"country": "JP"},
                "namespace": ["l", 0.0, 0.5],
            }]}})
        );
        for lines in ["", "status = \"stopped\"", "status = \"running\"\nhash = \"sha256\""] {
            assert_eq!(features([&experiment(lines)], Reader::Sdk, |_| "blue".into())["button"]["rules"], json!([]), "{lines}");
        }
    }

    #[test]
    fn arms_stick_where_the_test_says_so() {
        let check = |lines: &str, expect: Value| {
            let rule = rule(&experiment(lines));
            let found: Vec<&Value> = ["bucketVersion", "minBucketVersion", "fallbackAttribute"].map(|name| &rule[name]).into();
            assert_eq!(json!(found), expect, "{lines}");
        };
        check("", json!([null, null, null]));
        check("sticky = {}", json!([0, 0, null]));
        check("sticky = { fallback = \"device\", version = 3, version_min = 2 }", json!([3, 2, "device"]));
    }

    #[test]
    fn the_hash_of_scenarios_is_for_our_own_evaluation() {
        let test = experiment("status = \"running\"\nhash = \"sha256\"\nlayer = { name = \"l\", from = 0.1, until = 0.5 }");
        let served = features([&test], Reader::Server, |_| "blue".into());
        let rule = &served["button"]["rules"][0];
        assert_eq!((&rule["hashVersion"], &rule["ranges"]), (&json!(256), &json!([[0.0, 0.5], [0.5, 1.0]])));
        assert_eq!(rule["filters"][0]["ranges"], json!([[0.1, 0.5]]));
    }

    #[test]
    fn exposures_are_read_as_clients_send_them() {
        let viewed = r#"{"event_name":"Experiment Viewed","properties_json":{"experimentId":"button","variationId":"b","hashAttribute":"id","hashValue":"m1"},"user_id":"u9","device_id":"m1"}"#;
        let expect = Viewed {
            experiment: "button".into(),
            arm: "b".into(),
            attribute: "id".into(),
            unit: "m1".into(),
            user_id: Some("u9".into()),
        };
        let text = viewed.replace(
            r#"{"experimentId":"button","variationId":"b","hashAttribute":"id","hashValue":"m1"}"#,
            r#""{\"experimentId\":\"button\",\"variationId\":\"b\",\"hashValue\":\"m1\"}""#,
        );
        for body in [viewed.to_string(), format!("[{viewed}]"), format!("\u{feff}[{text}]")] {
            assert_eq!(tracked(body.as_bytes()).unwrap().viewed, std::slice::from_ref(&expect), "{body}");
        }
        let mixed = format!(
            r#"[1, {{"event_name":"Feature Evaluated"}}, {{"event_name":"Experiment Viewed","properties_json":{{}}}}, {viewed}]"#
        );
        let read = tracked(mixed.as_bytes()).unwrap();
        assert_eq!(
            (read.viewed.len(), read.other, read.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>()),
            (1, 1, vec![0, 2])
        );
        assert_eq!(tracked(b"1"), Err(NotTracked::NotAList));
        assert_eq!(tracked(format!("[{}1]", "1,".repeat(TRACKED_MAX)).as_bytes()), Err(NotTracked::TooMany));
    }
}
