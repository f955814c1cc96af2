//! Whether a unit's attributes meet a targeting condition: GrowthBook's subset of MongoDB's language, with JavaScript's idea of
//! equality. An operator nobody knows is false, so a condition from a later version targets nobody rather than everybody.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::javascript::{compare, identical, number, text, truthy};

/// The saved groups of a payload: lists of values by id.
pub type Groups = Map<String, Value>;

pub fn meets(attributes: &Value, condition: &Value, groups: &Groups) -> bool {
    let Value::Object(condition) = condition else { return true };
    let any = |conditions: &Value| {
        conditions.as_array().is_none_or(|all| all.is_empty() || all.iter().any(|one| meets(attributes, one, groups)))
    };
    condition.iter().all(|(key, value)| match key.as_str() {
        "$or" => any(value),
        "$nor" => !any(value),
        "$and" => value.as_array().is_none_or(|all| all.iter().all(|one| meets(attributes, one, groups))),
        "$not" => !meets(attributes, value, groups),
        path => value_meets(at(attributes, path), value, groups, false),
    })
}

/// The value at a dotted path; what is not there is null.
fn at<'a>(attributes: &'a Value, path: &str) -> &'a Value {
    let step = |value: &'a Value, key: &str| match value {
        Value::Object(members) => members.get(key),
        Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => None,
    };
    path.split('.').try_fold(attributes, step).unwrap_or(&Value::Null)
}

/// Every key is an operator.
fn operators(condition: &Value) -> Option<&Map<String, Value>> {
    condition.as_object().filter(|members| !members.is_empty() && members.keys().all(|key| key.starts_with('$')))
}

fn value_meets(actual: &Value, condition: &Value, groups: &Groups, fold: bool) -> bool {
    match condition {
        Value::String(expected) if fold => text(actual).to_lowercase() == expected.to_lowercase(),
        Value::String(expected) => text(actual) == *expected,
        Value::Number(expected) => number(actual).is_some_and(|actual| Some(actual) == expected.as_f64()),
        Value::Bool(expected) => !actual.is_null() && truthy(actual) == *expected,
        Value::Null => actual.is_null(),
        _ => match operators(condition) {
            Some(operators) => operators.iter().all(|(operator, expected)| holds(operator, actual, expected, groups)),
            // As JSON texts, because there the order of members counts.
            None => [actual, condition].map(Value::to_string).windows(2).all(|pair| pair[0] == pair[1]),
        },
    }
}

fn holds(operator: &str, actual: &Value, expected: &Value, groups: &Groups) -> bool {
    let order = |allowed: &[Ordering]| compare(actual, expected).is_some_and(|order| allowed.contains(&order));
    let version = |allowed: &[Ordering]| {
        allowed.contains(&padded_version(actual).encode_utf16().cmp(padded_version(expected).encode_utf16()))
    };
    let group = || groups.get(&text(expected)).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let list = expected.as_array();
    use Ordering::{Equal, Greater, Less};
    match operator {
        "$eq" => identical(actual, expected),
        "$ne" => !identical(actual, expected),
        "$lt" => order(&[Less]),
        "$lte" => order(&[Less, Equal]),
        "$gt" => order(&[Greater]),
        "$gte" => order(&[Greater, Equal]),
        "$veq" => version(&[Equal]),
        "$vne" => version(&[Less, Greater]),
        "$vlt" => version(&[Less]),
        "$vlte" => version(&[Less, Equal]),
        "$vgt" => version(&[Greater]),
        "$vgte" => version(&[Greater, Equal]),
        "$exists" => truthy(expected) != actual.is_null(),
        "$in" => list.is_some_and(|list| is_in(actual, list, false)),
        "$nin" => list.is_some_and(|list| !is_in(actual, list, false)),
        "$ini" => list.is_some_and(|list| is_in(actual, list, true)),
        "$nini" => list.is_some_and(|list| !is_in(actual, list, true)),
        "$inGroup" => is_in(actual, group(), false),
        "$notInGroup" => !is_in(actual, group(), false),
        "$all" => list.is_some_and(|list| has_all(actual, list, groups, false)),
        "$alli" => list.is_some_and(|list| has_all(actual, list, groups, true)),
        "$not" => !value_meets(actual, expected, groups, false),
        "$size" => actual.as_array().is_some_and(|items| value_meets(&items.len().into(), expected, groups, false)),
        "$elemMatch" => actual.as_array().is_some_and(|items| {
            items.iter().any(|item| {
                truthy(item)
                    && match operators(expected) {
                        Some(_) => value_meets(item, expected, groups, false),
                        None => meets(item, expected, groups),
                    }
            })
        }),
        "$regex" => matches(expected, actual, false),
        "$regexi" => matches(expected, actual, true),
        "$type" => expected.as_str() == Some(type_of(actual)),
        _ => false,
    }
}

fn is_in(actual: &Value, list: &[Value], fold: bool) -> bool {
    let folded = |a: &Value, b: &Value| match (a, b) {
        (Value::String(a), Value::String(b)) if fold => a.to_lowercase() == b.to_lowercase(),
        _ => identical(a, b),
    };
    let one = |actual: &Value| list.iter().any(|expected| folded(actual, expected));
    match actual {
        Value::Array(items) => items.iter().any(one),
        actual => one(actual),
    }
}

fn has_all(actual: &Value, list: &[Value], groups: &Groups, fold: bool) -> bool {
    let items = actual.as_array();
    items.is_some_and(|items| list.iter().all(|expected| items.iter().any(|item| value_meets(item, expected, groups, fold))))
}

/// A pattern that cannot be read, or that needs to look around, matches nothing.
fn matches(pattern: &Value, actual: &Value, fold: bool) -> bool {
    let pattern = regex::RegexBuilder::new(&text(pattern)).case_insensitive(fold).build();
    pattern.is_ok_and(|pattern| pattern.is_match(&text(actual)))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A version as a text that sorts as versions do: numbers padded, build information dropped, and a release after its candidates.
fn padded_version(value: &Value) -> String {
    let version = match value {
        Value::Number(_) => text(value),
        Value::String(version) if !version.is_empty() => version.clone(),
        _ => "0".into(),
    };
    let version = version.strip_prefix('v').unwrap_or(&version);
    let version = version.split('+').next().unwrap_or_default();
    let mut parts: Vec<&str> = version.split(['-', '.']).collect();
    if parts.len() == 3 {
        parts.push("~");
    }
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = |part: &&str| if numeric(part) { format!("{part:>5}") } else { (*part).to_owned() };
    parts.iter().map(padded).collect::<Vec<_>>().join("-")
}
