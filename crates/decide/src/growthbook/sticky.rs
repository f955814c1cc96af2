//! Sticky buckets: the arm that a unit met once stays its arm, whatever becomes of weights and targeting since, until the test's version is raised. The
//! client keeps what was assigned, a document per attribute and value, and hands it in; what is to be kept from now on is handed back.

use serde_json::{Map, Value, json};

use super::javascript::text;

/// By `attribute||value`, as clients keep them.
pub type Assignments = Map<String, Value>;

/// What is known of a unit in one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    Arm(usize),
    /// It met a version that may not go on.
    Blocked,
}

pub(super) fn id(attribute: &str, value: &Value) -> String {
    format!("{attribute}||{}", plain(value))
}

/// Attributes as texts: what is none is written as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| text(value), str::to_owned)
}

fn version(experiment: &Value, name: &str) -> u64 {
    experiment[name].as_u64().unwrap_or(0)
}

fn key(experiment: &str, version: u64) -> String {
    format!("{experiment}__{version}")
}

/// The arm that was kept for the first of these documents that names the test; `documents` are those of the attribute and of its fallback.
pub(super) fn kept(experiment: &Value, name: &str, documents: &[Option<&Value>]) -> Kept {
    let assigned = |version: u64| {
        let key = key(name, version);
        documents.iter().flatten().find_map(|document| document["assignments"].get(&key))
    };
    if (0..version(experiment, "minBucketVersion")).any(|blocked| assigned(blocked).is_some()) {
        return Kept::Blocked;
    }
    let Some(arm) = assigned(version(experiment, "bucketVersion")) else { return Kept::Nothing };
    let place = experiment["meta"].as_array().and_then(|all| all.iter().position(|meta| &meta["key"] == arm));
    place.map_or(Kept::Nothing, Kept::Arm)
}

/// The document to be kept from now on, if it is another than the one there is.
pub(super) fn keep(
    experiment: &Value,
    name: &str,
    (attribute, value): (&str, &Value),
    known: Option<&Value>,
    arm: &str,
) -> Option<(String, Value)> {
    let mut assignments = known.and_then(|known| known["assignments"].as_object().cloned()).unwrap_or_default();
    let before = assignments.insert(key(name, version(experiment, "bucketVersion")), arm.into());
    let document = json!({ "attributeName": attribute, "attributeValue": plain(value), "assignments": assignments });
    (before.as_ref().and_then(Value::as_str) != Some(arm)).then(|| (id(attribute, value), document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_counts_before_its_fallback() {
        let experiment = json!({"bucketVersion": 2, "minBucketVersion": 1, "meta": [{"key": "a"}, {"key": "b"}]});
        let of = |assignments: Value| json!({ "assignments": assignments });
        let check = |own: Option<Value>, fallback: Option<Value>, expect: Kept| {
            let documents = [own.as_ref(), fallback.as_ref()];
            assert_eq!(kept(&experiment, "test", &documents), expect, "{documents:?}");
        };
        check(None, None, Kept::Nothing);
        check(Some(of(json!({"test__2": "b"}))), None, Kept::Arm(1));
        check(Some(of(json!({"test__2": "b"}))), Some(of(json!({"test__2": "a"}))), Kept::Arm(1));
        check(Some(of(json!({"other__2": "b"}))), Some(of(json!({"test__2": "a"}))), Kept::Arm(0));
        check(Some(of(json!({"test__1": "b"}))), None, Kept::Nothing);
        check(Some(of(json!({"test__0": "b", "test__2": "b"}))), None, Kept::Blocked);
        check(Some(of(json!({"test__2": "no such arm"}))), None, Kept::Nothing);
    }

    #[test]
    fn what_is_known_already_is_not_kept_again() {
        let experiment = json!({"bucketVersion": 1});
        let check = |known: Option<Value>, expect: Option<Value>| {
            let found = keep(&experiment, "test", ("id", &json!(7)), known.as_ref(), "b");
            assert_eq!(found, expect.map(|expect| ("id||7".to_string(), expect)), "{known:?}");
        };
        let of = |assignments: Value| json!({"attributeName": "id", "attributeValue": "7", "assignments": assignments});
        check(None, Some(of(json!({"test__1": "b"}))));
        check(Some(of(json!({"test__1": "b"}))), None);
        check(Some(of(json!({"test__0": "b"}))), Some(of(json!({"test__0": "b", "test__1": "b"}))));
        check(Some(of(json!({"test__1": "a"}))), Some(of(json!({"test__1": "b"}))));
    }
}
