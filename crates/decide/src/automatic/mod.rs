//! What is decided without a person, and only because a test declared it before it began. A rule is a pure function: what was counted and a
//! logical time in, a [`Taken`] out, which is recorded as it is: what was done, by which rule of which version, and all that it was seen from. To do
//! nothing is a decision, too, with its reason.
//!
//! | rule | declared as | does |
//! |---|---|---|
//! | [`harm`] | `stop_at_harm` of a guardrail | stops a test whose guardrail is worse, at any look |
//! | [`rollout`] | `rollout` of a test of messages | sends the winner to the rest |
//! | [`bandit`] | `bandit` of a test of messages | gives the better arms more |

pub mod bandit;
pub mod harm;
pub mod rollout;

use model::{Instant, derive_id, time::rfc3339};
use serde::{Deserialize, Serialize};
use stats::{NotComputable, Proportion, Summary};

/// A decision with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Derived from rule, test, version and time: the same look is one decision.
    pub id: String,
    pub rule: Rule,
    pub test: String,
    /// Of the definition that declared the rule.
    pub version: String,
    pub at: Instant,
    pub action: Action,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    StopAtHarm,
    Rollout,
    Bandit,
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Rule::StopAtHarm => "stop_at_harm",
            Rule::Rollout => "rollout",
            Rule::Bandit => "bandit",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Nobody new takes part, everybody gets the control.
    Stop,
    /// The rest gets this arm.
    SendRest { arm: String },
    /// The rest gets all arms, by their declared weights.
    SplitRest,
    /// The rest gets nothing until a person says what.
    HoldRest,
    /// Shares of the arms from now on, of the units that are not left untouched; they sum to 1.
    Weigh { weights: Vec<Weight> },
    /// Asked again then.
    Wait { until: Instant },
    /// All stays as it is.
    Keep,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    pub arm: String,
    pub weight: f64,
}

/// What it was seen from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// A guardrail of an arm is worse: its confidence sequence leaves no doubt at the level.
    Harm(harm::Evidence),
    /// No guardrail that may stop the test has shown any.
    NoHarm,
    /// One arm is better than each other one.
    Won {
        arm: String,
        by: rollout::Evidence,
    },
    /// None is.
    NoneShown {
        by: rollout::Evidence,
    },
    /// Shares by what is known of each arm.
    Learned {
        arms: Vec<bandit::Learned>,
    },
    /// It is not time yet.
    NotDue,
    TooFew {
        arm: String,
        units: u64,
        needed: u64,
    },
    /// The arms do not have the sizes they were meant to have, so their numbers say nothing.
    SplitBroken {
        chi_square: f64,
        p: f64,
    },
    NotComputable {
        what: String,
    },
}

impl Taken {
    fn new(rule: Rule, test: &str, version: &str, at: Instant, action: Action, why: Why) -> Taken {
        // A name with a separator in it has an id all the same.
        let parts = [rule.name(), test, version, &rfc3339(at)].map(|part| part.replace('|', "%7C"));
        let id = derive_id(&parts.each_ref().map(String::as_str)).expect("no part has a `|`");
        Taken { id, rule, test: test.into(), version: version.into(), at, action, why }
    }
}

/// What the units of one arm did, followed equally long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Rate(Proportion),
    Mean(Summary),
}

impl Outcome {
    pub fn summary(&self) -> Summary {
        match self {
            Outcome::Rate(rate) => rate.summary(),
            Outcome::Mean(mean) => *mean,
        }
    }
}

/// An arm of a test of messages with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub arm: String,
    /// Sends, answered or not: what the split is judged by.
    pub sent: u64,
    pub outcome: Result<Outcome, NotComputable>,
}
