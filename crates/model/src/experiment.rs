//! A comparison's definition, as written in `experiments/*.toml`: who takes part, which arm they meet, what is measured and when it
//! ends. All of it is fixed before the start; what changes is a new version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Problem, Text,
    id::hex,
    time::{Instant, Span},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The id: `[a-z][a-z0-9-]*`.
    pub experiment: String,
    pub title: Text,
    /// What is believed, and why.
    #[serde(default)]
    pub hypothesis: Text,
    #[serde(default)]
    pub status: Status,
    #[serde(default, skip_serializing_if = "Mode::is_comparison")]
    pub mode: Mode,
    #[serde(default)]
    pub unit: Unit,
    #[serde(default)]
    pub hash: HashKind,
    /// What the hash is salted with; default the id. Two tests with one seed put a unit in the same place of both.
    pub seed: Option<String>,
    /// The name under which sites ask for a value; default the id.
    pub feature: Option<String>,
    /// The attribute of an SDK that holds the unit.
    #[serde(default = "id_attribute")]
    pub attribute: String,
    /// Share of the units that take part, 0..1; raising it moves nobody.
    #[serde(default = "whole")]
    pub coverage: f64,
    /// Tests of one layer whose stretches do not overlap never share a unit.
    pub layer: Option<Layer>,
    /// Attributes a unit must have: GrowthBook's conditions, as a table.
    #[serde(default, deserialize_with = "json", skip_serializing_if = "serde_json::Value::is_null")]
    pub targeting: serde_json::Value,
    /// How long an arm sticks to whom has met it, for clients that keep what they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// From when exposures count.
    #[serde(default, deserialize_with = "optional_instant", serialize_with = "shown_instant")]
    pub start: Option<Instant>,
    #[serde(default, deserialize_with = "optional_instant", serialize_with = "shown_instant")]
    pub end: Option<Instant>,
    /// The first arm is the control.
    #[serde(rename = "arm")]
    pub arms: Vec<ExperimentArm>,
    /// Whose value everybody gets once the test is stopped; without one that of the control.
    pub winner: Option<String>,
    pub goal: Metric,
    #[serde(default)]
    pub secondary: Vec<Metric>,
    #[serde(default, rename = "guardrail")]
    pub guardrails: Vec<Guardrail>,
    #[serde(default)]
    pub plan: TestPlan,
    /// Columns of `reports` of units by which results are shown apart: `device`, `channel`, ….
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// sha256 of the canonical form, 16 hex digits; a read-out names it.
    #[serde(skip)]
    pub version: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody takes part.
    #[default]
    Draft,
    Running,
    /// Nobody new takes part; everybody gets the winner's value.
    Stopped,
}

/// What a test is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To find out whether arms differ.
    #[default]
    Ab,
    /// To find out whether the testing is sound: every arm gets the same, so nothing may be found.
    Aa,
}

impl Mode {
    fn is_comparison(&self) -> bool {
        *self == Mode::Ab
    }
}

/// Sticky buckets: a client keeps the arm it was given, and meets it again though weights or targeting have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sticky {
    /// An attribute that stands in for the test's own while that is not known, such as a device before somebody signs in.
    pub fallback: Option<String>,
    /// Raising it lets everybody be drawn anew.
    #[serde(default)]
    pub version: u32,
    /// Who has met a version before this one takes part no more.
    #[serde(default)]
    pub version_min: u32,
}

/// Whose arm it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A browser or an app, before anybody signs in.
    #[default]
    Visitor,
    Customer,
}

/// How a unit finds its arm. One per experiment, everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashKind {
    /// FNV-1a over UTF-16 units, version 2: stock SDKs agree with it.
    #[default]
    #[serde(rename = "growthbook-2")]
    GrowthBook2,
    /// As scenarios and holdouts.
    #[serde(rename = "sha256")]
    Sha256,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    pub name: String,
    pub from: f64,
    pub until: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentArm {
    pub id: String,
    /// Share of those who take part, 0..1; the arms' weights sum to 1.
    pub weight: f64,
    /// What a site gets; default the id.
    #[serde(default, deserialize_with = "json", skip_serializing_if = "serde_json::Value::is_null")]
    pub value: serde_json::Value,
    /// Of a test of messages: instead of the step's template.
    pub template: Option<String>,
}

/// A query of `queries/metrics` and the time a unit is followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub metric: String,
    #[serde(default = "two_weeks")]
    pub within: Span,
    #[serde(default)]
    pub lower_is_better: bool,
    /// Unit totals above this quantile of all arms' count as that much.
    pub cap: Option<f64>,
}

/// A metric that must not get worse by more than a share of the control's mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    pub metric: String,
    #[serde(default = "two_weeks")]
    pub within: Span,
    #[serde(default)]
    pub lower_is_better: bool,
    pub margin: f64,
    /// The test is stopped when harm is shown by the confidence sequence.
    #[serde(default)]
    pub stop_at_harm: bool,
}

/// When the test may be read, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPlan {
    /// Units in all arms together.
    #[serde(default = "planned_units")]
    pub units: u64,
    #[serde(default)]
    pub rule: Rule,
    /// Of `group_sequential`: so many looks at equal distances.
    #[serde(default = "looks")]
    pub looks: u32,
    #[serde(default = "five_percent")]
    pub alpha: f64,
    #[serde(default = "eighty_percent")]
    pub power: f64,
    /// The smallest relative change worth knowing.
    #[serde(default = "ten_percent")]
    pub lift_min: f64,
    #[serde(default)]
    pub correction: Correction,
    /// How long before the first exposure the same metric is looked up, to take chance differences off (CUPED); none without.
    pub lookback: Option<Span>,
}

impl Default for TestPlan {
    fn default() -> Self {
        TestPlan {
            units: planned_units(),
            rule: Rule::default(),
            looks: looks(),
            alpha: five_percent(),
            power: eighty_percent(),
            lift_min: ten_percent(),
            correction: Correction::default(),
            lookback: None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Read once, when the planned units are there.
    Fixed,
    /// May be read at any time: the confidence sequence decides.
    #[default]
    Anytime,
    GroupSequential,
}

/// Over goal metrics × arms; guardrails are outside the family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    None,
    #[default]
    Holm,
    BenjaminiHochberg,
    /// The goal gets most of the level, the others share the rest; intervals are honest (F17).
    Preferential,
}

fn id_attribute() -> String {
    "id".into()
}
fn whole() -> f64 {
    1.0
}
fn two_weeks() -> Span {
    Span(chrono::TimeDelta::days(14))
}
fn planned_units() -> u64 {
    20_000
}
fn looks() -> u32 {
    5
}
fn five_percent() -> f64 {
    0.05
}
fn eighty_percent() -> f64 {
    0.8
}
fn ten_percent() -> f64 {
    0.1
}

/// A TOML value as JSON: its dates become texts.
fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<serde_json::Value, D::Error> {
    fn of(value: toml::Value) -> serde_json::Value {
        match value {
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(is) => is.into(),
            toml::Value::Datetime(at) => at.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(of).collect(),
            toml::Value::Table(members) => members.into_iter().map(|(name, value)| (name, of(value))).collect(),
        }
    }
    toml::Value::deserialize(deserializer).map(of)
}

fn optional_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    // Written with or without quotes; JSON has null where TOML has nothing.
    let raw = match Option::<toml::Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(toml::Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let at = chrono::DateTime::parse_from_rfc3339(&raw).map_err(|_| {
        serde::de::Error::custom(format!("`{raw}` is not an instant with its offset, such as 2026-11-01T00:00:00+09:00"))
    })?;
    Ok(Some(at.to_utc()))
}

fn shown_instant<S: serde::Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(crate::time::rfc3339).serialize(serializer)
}

impl Experiment {
    /// Reads and checks one file; every problem at once, each with its line where it is known.
    pub fn parse(file: &str, text: &str) -> Result<Experiment, Vec<Problem>> {
        let mut experiment: Experiment = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1).unwrap_or(0);
            vec![
                Problem::new(file, line, error.message().to_string())
                    .with_remedy("`tsubame experiment new NAME` writes an example"),
            ]
        })?;
        experiment.version = version_of(&experiment.kept());
        let problems = experiment.problems(file, text);
        if problems.is_empty() { Ok(experiment) } else { Err(problems) }
    }

    /// The canonical form, of which the version is the hash: what is kept when the file moves on.
    pub fn kept(&self) -> String {
        serde_json::to_string(self).expect("an experiment is plain JSON")
    }

    /// Reads what was kept; `None` if that is not the definition of this version.
    pub fn read_kept(version: &str, text: &str) -> Option<Experiment> {
        let read: Experiment = serde_json::from_str(text).ok()?;
        (version_of(&read.kept()) == version).then(|| Experiment { version: version.into(), ..read })
    }

    pub fn seed(&self) -> &str {
        self.seed.as_deref().filter(|seed| !seed.is_empty()).unwrap_or(&self.experiment)
    }

    pub fn feature(&self) -> &str {
        self.feature.as_deref().unwrap_or(&self.experiment)
    }

    pub fn weights(&self) -> Vec<f64> {
        self.arms.iter().map(|arm| arm.weight).collect()
    }

    pub fn arm(&self, id: &str) -> Option<&ExperimentArm> {
        self.arms.iter().find(|arm| arm.id == id)
    }

    /// Every metric once: the goal, the others, the guardrails.
    pub fn metrics(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        std::iter::once(self.goal.metric.as_str())
            .chain(self.secondary.iter().map(|metric| metric.metric.as_str()))
            .chain(self.guardrails.iter().map(|guardrail| guardrail.metric.as_str()))
            .filter(|metric| seen.insert(*metric))
            .collect()
    }

    fn problems(&self, file: &str, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |needle: &str, message: String, remedy: &str| {
            let line = text.lines().position(|line| !needle.is_empty() && line.contains(needle)).map_or(0, |index| index + 1);
            problems.push(Problem::new(file, line, message).with_remedy(remedy));
        };
        let is_id = |id: &str| {
            id.starts_with(|c: char| c.is_ascii_lowercase())
                && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !is_id(&self.experiment) {
            say("experiment", format!("`{}` is not an experiment id", self.experiment), "use lower-case letters, digits and `-`");
        }
        if self.arms.len() < 2 {
            say("[[arm]]", "a comparison needs two arms or more".into(), "the first [[arm]] is the control");
        }
        let mut ids = BTreeSet::new();
        for arm in &self.arms {
            if arm.id.is_empty() || !ids.insert(arm.id.as_str()) {
                say(&format!("\"{}\"", arm.id), format!("arm id `{}` is empty or taken", arm.id), "name each arm once");
            }
            if !(arm.weight > 0.0 && arm.weight <= 1.0) {
                say(
                    &format!("\"{}\"", arm.id),
                    format!("arm `{}` has the weight {}", arm.id, arm.weight),
                    "give a share between 0 and 1",
                );
            }
        }
        let total: f64 = self.arms.iter().map(|arm| arm.weight).sum();
        if self.arms.len() > 1 && (total - 1.0).abs() > 1e-9 {
            say("weight", format!("the arms' weights sum to {total}"), "let them sum to 1, e.g. 0.5 and 0.5");
        }
        if !(0.0..=1.0).contains(&self.coverage) {
            say("coverage", format!("a coverage of {} is no share", self.coverage), "give a share between 0 and 1");
        }
        if let Some(layer) = &self.layer
            && !(0.0 <= layer.from && layer.from < layer.until && layer.until <= 1.0)
        {
            say("layer", format!("layer `{}` goes from {} to {}", layer.name, layer.from, layer.until), "0 <= from < until <= 1");
        }
        if let (Some(start), Some(end)) = (self.start, self.end)
            && end <= start
        {
            say("end", "the test ends before it starts".into(), "let `end` be after `start`");
        }
        if self.status == Status::Running && self.start.is_none() {
            say(
                "status",
                "a running test has no start".into(),
                "add `start = 2026-11-01T00:00:00+09:00`: exposures count from then",
            );
        }
        if let Some(winner) = &self.winner {
            if self.arm(winner).is_none() {
                say("winner", format!("the winner `{winner}` is no arm"), "name one of the arms");
            }
            if self.status != Status::Stopped {
                say("winner", "only a stopped test has a winner".into(), "set `status = \"stopped\"`, or remove `winner`");
            }
        }
        if let Some(sticky) = &self.sticky {
            if sticky.version_min > sticky.version {
                let (least, now) = (sticky.version_min, sticky.version);
                say(
                    "version_min",
                    format!("version_min = {least} is above version = {now}: nobody could take part"),
                    "raise `version` too",
                );
            }
            if sticky.fallback.as_ref().is_some_and(|fallback| *fallback == self.attribute || fallback.is_empty()) {
                say(
                    "fallback",
                    "the fallback is the test's own attribute, or empty".into(),
                    "name another attribute, or leave it out",
                );
            }
        }
        if self.mode == Mode::Aa
            && self.arms.iter().any(|arm| arm.value != self.arms[0].value || arm.template != self.arms[0].template)
        {
            say(
                "mode",
                "the arms of an A/A test get different things".into(),
                "give every [[arm]] the same `value` and `template`",
            );
        }
        for (what, value, range) in [
            ("alpha", self.plan.alpha, 0.0..0.5),
            ("power", self.plan.power, 0.5..1.0),
            ("lift_min", self.plan.lift_min, 0.0..10.0),
        ] {
            if !(value > range.start && value < range.end) {
                say(
                    what,
                    format!("{what} = {value} is outside {} and {}", range.start, range.end),
                    "leave it out for the default",
                );
            }
        }
        if self.plan.units == 0 {
            say("units", "a plan of 0 units says nothing".into(), "`tsubame experiment design` tells how many are needed");
        }
        for guardrail in &self.guardrails {
            if !(guardrail.margin >= 0.0 && guardrail.margin < 1.0) {
                say(
                    "margin",
                    format!("the margin of `{}` is {}", guardrail.metric, guardrail.margin),
                    "give a share of the control's mean, e.g. 0.02",
                );
            }
        }
        for cap in std::iter::once(&self.goal).chain(&self.secondary).filter_map(|metric| metric.cap) {
            if !(cap > 0.5 && cap < 1.0) {
                say("cap", format!("a cap at the quantile {cap} is outside 0.5 and 1"), "0.99 is usual");
            }
        }
        let mut named = BTreeMap::new();
        for metric in std::iter::once(&self.goal).chain(&self.secondary) {
            if named.insert((metric.metric.as_str(), metric.within.0), ()).is_some() {
                say(&metric.metric, format!("metric `{}` is there twice", metric.metric), "remove one of them");
            }
        }
        problems
    }
}

fn version_of(canonical: &str) -> String {
    hex(&Sha256::digest(canonical.as_bytes())[..8])
}

/// Tests of one layer whose stretches overlap: the units there would be in both.
pub fn overlapping(experiments: &[Experiment]) -> Vec<(&str, &str, &str)> {
    let laid: Vec<(&Experiment, &Layer)> = experiments
        .iter()
        .filter(|experiment| experiment.status == Status::Running)
        .filter_map(|experiment| Some((experiment, experiment.layer.as_ref()?)))
        .collect();
    let mut found = Vec::new();
    for (at, (one, layer)) in laid.iter().enumerate() {
        for (other, against) in &laid[at + 1..] {
            if layer.name == against.name && layer.from < against.until && against.from < layer.until {
                found.push((layer.name.as_str(), one.experiment.as_str(), other.experiment.as_str()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
experiment = "checkout-button"
title = { ja = "購入ボタンの色", en = "Checkout button" }
status = "running"
start = 2026-11-01T00:00:00+09:00
targeting = { country = "JP", visits = { "$gt" = 3 } }
layer = { name = "checkout", from = 0.0, until = 0.5 }
goal = { metric = "metrics/conversion", within = "14d" }
[[arm]]
id = "control"
weight = 0.5
value = "blue"
[[arm]]
id = "red"
weight = 0.5
value = { colour = "red", bold = true }
[[guardrail]]
metric = "metrics/net_revenue"
margin = 0.02
[plan]
units = 40000
rule = "group_sequential"
lookback = "14d"
"#;

    #[test]
    fn an_experiment_is_read_and_its_version_is_its_content() {
        let read = Experiment::parse("x.toml", GOOD).unwrap();
        assert_eq!(read.targeting, serde_json::json!({"country": "JP", "visits": {"$gt": 3}}));
        assert_eq!(
            (read.seed(), read.feature(), read.arms[1].value["bold"].as_bool()),
            ("checkout-button", "checkout-button", Some(true))
        );
        assert_eq!(read.start.map(crate::time::rfc3339).as_deref(), Some("2026-10-31T15:00:00.000000Z"));
        assert_eq!(read.metrics(), ["metrics/conversion", "metrics/net_revenue"]);
        let reformatted = GOOD.replace("units = 40000", "# a note\nunits   =   40_000");
        assert_eq!(Experiment::parse("x", &reformatted).unwrap().version, read.version);
        assert_ne!(Experiment::parse("x", &GOOD.replace("40000", "40001")).unwrap().version, read.version);
    }

    #[test]
    fn it_is_handed_over_whole() {
        for text in
            [GOOD.to_string(), GOOD.replace("status = \"running\"\n", "").replace("start = 2026-11-01T00:00:00+09:00\n", "")]
        {
            let read = Experiment::parse("x.toml", &text).unwrap();
            let handed: Experiment = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
            assert_eq!(Experiment { version: read.version.clone(), ..handed }, read);
            assert_eq!(Experiment::read_kept(&read.version, &read.kept()).as_ref(), Some(&read));
            for (version, kept) in [
                ("0123456789abcdef", read.kept()),
                (&read.version, read.kept().replace("40000", "40001")),
                (&read.version, "{".into()),
            ] {
                assert_eq!(Experiment::read_kept(version, &kept), None, "{version} {kept}");
            }
        }
    }

    #[test]
    fn every_problem_at_once_with_its_line() {
        let check = |from: &str, to: &str, expect: &[&str]| {
            let problems = Experiment::parse("x.toml", &GOOD.replacen(from, to, 1)).err().unwrap_or_default();
            let found: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
            assert_eq!(found, expect, "{to}");
        };
        let running = "status = \"running\"";
        let with = |line: &str| format!("{line}\n{running}");
        check(running, &with("mode = \"aa\""), &["4: the arms of an A/A test get different things"]);
        check(
            running,
            &with("sticky = { version_min = 2 }"),
            &["4: version_min = 2 is above version = 0: nobody could take part"],
        );
        check(running, &with("sticky = { fallback = \"id\" }"), &["4: the fallback is the test's own attribute, or empty"]);
        check(running, &with("sticky = { fallback = \"device\", version = 2, version_min = 2 }"), &[]);
        check("weight = 0.5", "weight = 0.6", &["11: the arms' weights sum to 1.1"]);
        check("id = \"red\"", "id = \"control\"", &["10: arm id `control` is empty or taken"]);
        check("until = 0.5", "until = 1.5", &["7: layer `checkout` goes from 0 to 1.5"]);
        check("start = 2026-11-01T00:00:00+09:00\n", "", &["4: a running test has no start"]);
        check(
            "status = \"running\"",
            "status = \"running\"\nwinner = \"green\"",
            &["5: the winner `green` is no arm", "5: only a stopped test has a winner"],
        );
        check("margin = 0.02", "margin = 2", &["19: the margin of `metrics/net_revenue` is 2"]);
        check(
            "rule = \"group_sequential\"",
            "rule = \"weekly\"",
            &["22: unknown variant `weekly`, expected one of `fixed`, `anytime`, `group_sequential`"],
        );
        check("+09:00", "", &["5: `2026-11-01T00:00:00` is not an instant with its offset, such as 2026-11-01T00:00:00+09:00"]);
    }

    #[test]
    fn layers_that_overlap_are_named() {
        let one = Experiment::parse("x", GOOD).unwrap();
        let with = |id: &str, from: f64, until: f64| {
            let layer = Some(Layer { name: "checkout".into(), from, until });
            Experiment { experiment: id.into(), layer, ..one.clone() }
        };
        assert_eq!(overlapping(&[with("a", 0.0, 0.5), with("b", 0.5, 1.0)]), []);
        assert_eq!(overlapping(&[with("a", 0.0, 0.5), with("b", 0.4, 1.0)]), [("checkout", "a", "b")]);
    }
}
