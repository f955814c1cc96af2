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
mod record;
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

    pub fn parse(name: &str) -> Option<Rule> {
        [Rule::StopAtHarm, Rule::Rollout, Rule::Bandit].into_iter().find(|rule| rule.name() == name)
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

    /// Whether it tells nothing that `last` did not: again nothing is done, for the same reason, whatever the numbers behind it are by now.
    pub fn repeats(&self, last: &Taken) -> bool {
        matches!(self.action, Action::Keep | Action::Wait { .. })
            && (self.rule, &self.test, &self.version) == (last.rule, &last.test, &last.version)
            && self.action == last.action
            && std::mem::discriminant(&self.why) == std::mem::discriminant(&last.why)
    }
}

/// What the units of one arm did, followed equally long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Rate(Proportion),
    Mean(Summary),
}

impl Outcome {
    /// Of a mean of nothing but 0 and 1 the rate.
    ///
    /// # Errors
    /// As [`Proportion::new`].
    pub fn of(mean: Summary, is_rate: bool) -> Result<Outcome, NotComputable> {
        if !is_rate {
            return Ok(Outcome::Mean(mean));
        }
        Proportion::new((mean.mean() * mean.n() as f64).round() as u64, mean.n()).map(Outcome::Rate)
    }

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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn what_says_nothing_new_is_told_from_what_does() {
        let at = |hours: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let few = |units: u64| Why::TooFew { arm: "a".into(), units, needed: 30 };
        let check = |before: (Action, Why), now: (Action, Why), expect: bool| {
            let taken = |hours, (action, why): (Action, Why)| Taken::new(Rule::Rollout, "subject", "v1", at(hours), action, why);
            let (before, now) = (taken(0, before), taken(24, now));
            assert_eq!(now.repeats(&before), expect, "{before:?} {now:?}");
            assert!(!Taken { version: "v2".into(), ..now }.repeats(&before));
        };
        check((Action::Keep, few(3)), (Action::Keep, few(20)), true);
        check((Action::Keep, few(3)), (Action::Keep, Why::NoHarm), false);
        check((Action::Wait { until: at(9) }, Why::NotDue), (Action::Wait { until: at(9) }, Why::NotDue), true);
        check((Action::Wait { until: at(9) }, Why::NotDue), (Action::Wait { until: at(10) }, Why::NotDue), false);
        // What is done is told each time.
        check((Action::Stop, Why::NoHarm), (Action::Stop, Why::NoHarm), false);
    }

    #[test]
    fn ones_and_noughts_are_a_rate() {
        let mean = Summary::new(3, 1.0 / 3.0, 1.0 / 3.0).expect("a summary");
        assert_eq!(Outcome::of(mean, true), Proportion::new(1, 3).map(Outcome::Rate));
        assert_eq!(Outcome::of(mean, false), Ok(Outcome::Mean(mean)));
    }
}
