//! What a test of messages may decide by itself. It is declared before the first send, or a person decides.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// A share of those to be sent to is the test; the rest waits, and gets the winner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Share of the units that are the test, above 0 and below 1.
    #[serde(default = "a_fifth")]
    pub share: f64,
    /// From the last send of the test to the decision: everybody was followed so long.
    #[serde(default = "four_hours")]
    pub wait: Span,
    /// A query of `queries/metrics`.
    #[serde(default = "conversion")]
    pub metric: String,
    #[serde(default)]
    pub lower_is_better: bool,
    #[serde(default)]
    pub rule: WinnerRule,
    /// Of `significant`: the chance of any false winner.
    #[serde(default = "five_percent")]
    pub alpha: f64,
    /// Of `likeliest`: how sure it must be.
    #[serde(default = "ninety_five_percent")]
    pub chance_min: f64,
    /// What the rest gets where nobody wins.
    #[serde(default)]
    pub tie: Tie,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WinnerRule {
    /// Better than each other arm, after Holm's correction over all pairs.
    #[default]
    Significant,
    /// Best with a chance of `chance_min`.
    Likeliest,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// The first arm, as if there had been no test.
    #[default]
    Control,
    /// The arm that is ahead, though that may be chance.
    Ahead,
    /// All arms, by their weights.
    Split,
    /// Nothing: a person decides.
    Nobody,
}

/// Arms of a message that is sent for ever get more or less, by what is known so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandit {
    #[serde(default = "conversion")]
    pub metric: String,
    #[serde(default)]
    pub lower_is_better: bool,
    /// How often weights are set.
    #[serde(default = "a_day")]
    pub every: Span,
    /// Nothing is changed before each arm has so many units.
    #[serde(default = "hundred")]
    pub units_min: u64,
    /// No arm gets less than this share.
    #[serde(default = "five_percent")]
    pub floor: f64,
    /// A share of the units that always meets the arms by their declared weights: the read-out that learning does not bias.
    #[serde(default = "ten_percent")]
    pub untouched: f64,
}

fn a_fifth() -> f64 {
    0.2
}
fn four_hours() -> Span {
    Span(chrono::TimeDelta::hours(4))
}
fn a_day() -> Span {
    Span(chrono::TimeDelta::days(1))
}
fn conversion() -> String {
    "metrics/conversion".into()
}
fn five_percent() -> f64 {
    0.05
}
fn ten_percent() -> f64 {
    0.1
}
fn ninety_five_percent() -> f64 {
    0.95
}
fn hundred() -> u64 {
    100
}

/// What is wrong, with its remedy.
pub type Wrong = (String, &'static str);

impl Rollout {
    pub fn problems(&self, test: &str, arms: usize) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut needs = |is: bool, message: String, remedy: &'static str| {
            if !is {
                wrong.push((message, remedy));
            }
        };
        needs(
            self.share > 0.0 && self.share < 1.0,
            format!("the roll-out of `{test}` tests on a share of {}", self.share),
            "give a share above 0 and below 1, e.g. 0.2",
        );
        needs(
            self.wait.0 > chrono::TimeDelta::zero(),
            format!("the roll-out of `{test}` waits for nothing"),
            "give the time in which people answer, e.g. wait = \"4h\"",
        );
        needs(
            self.alpha > 0.0 && self.alpha < 0.5,
            format!("the roll-out of `{test}` has alpha = {}", self.alpha),
            "leave it out for 0.05",
        );
        // Of several arms one may always have more than an equal share.
        needs(
            self.chance_min > 1.0 / arms.max(2) as f64 && self.chance_min < 1.0,
            format!("the roll-out of `{test}` is sure at {}", self.chance_min),
            "leave it out for 0.95",
        );
        wrong
    }
}

impl Bandit {
    pub fn problems(&self, test: &str, arms: usize) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if !(self.floor >= 0.0 && self.floor * (arms as f64) < 1.0) {
            wrong.push((format!("the bandit of `{test}` keeps {} for each of {arms} arms", self.floor), "0.05 is usual"));
        }
        if !(0.0..1.0).contains(&self.untouched) {
            wrong.push((format!("the bandit of `{test}` leaves a share of {} untouched", self.untouched), "0.1 is usual"));
        }
        if self.every.0 <= chrono::TimeDelta::zero() {
            wrong.push((format!("the bandit of `{test}` is never due"), "give a time, e.g. every = \"1d\""));
        }
        wrong
    }
}
