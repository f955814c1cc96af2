//! Reads a family of reference numbers and holds a statistic to all of it: every field a case expects is either checked, at the
//! case's own tolerance, or named as not of this crate. A field nobody knows fails the test.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;
use stats::{Interval, NotComputable};

#[derive(Deserialize)]
struct Family {
    name: String,
    set: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
pub struct Case {
    name: String,
    pub inputs: Value,
    pub expected: Value,
    tolerance: Tolerance,
}

#[derive(Deserialize)]
struct Tolerance {
    rel: f64,
    abs: f64,
}

impl Case {
    pub fn float(&self, input: &str) -> f64 {
        self.inputs[input].as_f64().unwrap_or_else(|| panic!("{}: no number {input}", self.name))
    }

    pub fn count(&self, input: &str) -> u64 {
        self.inputs[input].as_u64().unwrap_or_else(|| panic!("{}: no count {input}", self.name))
    }

    pub fn text(&self, input: &str) -> &str {
        self.inputs[input].as_str().unwrap_or_else(|| panic!("{}: no text {input}", self.name))
    }

    pub fn list(&self, input: &str) -> &[Value] {
        self.inputs[input].as_array().unwrap_or_else(|| panic!("{}: no list {input}", self.name))
    }
}

/// The folder of the reference numbers.
pub fn folder() -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/reference");
    std::env::var_os("TSUBAME_REFERENCE_DIR").map_or(ours, PathBuf::from)
}

/// Holds `compute` to every case of a family; `skipped` are the names of fields that are not of this crate.
pub fn check_family(name: &str, skipped: &[&str], compute: impl Fn(&Case, &mut Check)) {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()));
    let family: Family = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(family.name, name);
    assert!(!family.cases.is_empty(), "{name} has no cases");

    let (mut checked, mut left) = (0, 0);
    for case in &family.cases {
        let mut check = Check { case, seen: BTreeSet::new() };
        compute(case, &mut check);
        let mut fields = Vec::new();
        fields_of(&case.expected, String::new(), &mut fields);
        for field in fields {
            if check.seen.contains(&field) {
                checked += 1;
            } else {
                assert!(field.split('/').any(|part| skipped.contains(&part)), "{name}, {}: nobody checks {field:?}", case.name);
                left += 1;
            }
        }
    }
    println!("{name} ({}): {} cases, {checked} values checked, {left} skipped by name", family.set, family.cases.len());
    assert!(checked > 0, "{name}: nothing was checked");
}

fn fields_of(value: &Value, path: String, fields: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| fields_of(value, format!("{path}/{key}"), fields)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| fields_of(value, format!("{path}/{at}"), fields)),
        _ => fields.push(path),
    }
}

/// The expectations of one case, and which of them were looked at.
pub struct Check<'a> {
    case: &'a Case,
    seen: BTreeSet<String>,
}

impl Check<'_> {
    /// A number, or the reason there is none where `null` is expected. A field this case does not have is not an expectation.
    pub fn number<E: std::fmt::Debug>(&mut self, path: &str, got: &Result<f64, E>) {
        let Some(want) = self.want(path) else { return };
        let Tolerance { rel, abs } = self.case.tolerance;
        let passes = match (&want, got) {
            (Value::Null, got) => got.is_err(),
            (Value::Number(want), Ok(got)) => {
                let want = want.as_f64().expect("a number");
                (got - want).abs() <= abs.max(rel * want.abs())
            }
            _ => false,
        };
        assert!(passes, "{}{path}: got {got:?}, want {want} within {abs} or {rel} of it", self.case.name);
    }

    pub fn interval(&mut self, path: &str, got: &Result<Interval, NotComputable>) {
        self.number(&format!("{path}/0"), &got.clone().map(|interval| interval.low));
        self.number(&format!("{path}/1"), &got.clone().map(|interval| interval.high));
    }

    /// A count, a word or a yes or no, to be met exactly.
    pub fn exactly(&mut self, path: &str, got: impl Into<Value>) {
        let Some(want) = self.want(path) else { return };
        let got = got.into();
        let same = match (want.as_f64(), got.as_f64()) {
            (Some(want), Some(got)) => want == got, // 5 and 5.0 are one count.
            _ => want == got,
        };
        assert!(same, "{}{path}: got {got}, want {want}", self.case.name);
    }

    /// What is expected at the path. A `null` above it stands for all below.
    fn want(&mut self, path: &str) -> Option<Value> {
        let (mut value, mut at) = (&self.case.expected, String::new());
        for part in path.split('/').skip(1) {
            if value.is_null() {
                break;
            }
            value = match value {
                Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
                other => other.get(part)?,
            };
            at = format!("{at}/{part}");
        }
        let value = value.clone();
        self.seen.insert(at);
        Some(value)
    }
}
