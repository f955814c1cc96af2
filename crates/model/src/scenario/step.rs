//! The steps of a scenario: waits, branches, splits and sends.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Channel, Purpose, ShopZone,
    automatic::{Bandit, Rollout},
    time::{Instant, Span, TimeOfDay},
};

use super::Matching;

/// Exactly one of wait, send, branch and split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: String,
    pub wait: Option<Wait>,
    pub send: Option<SendStep>,
    pub branch: Option<Vec<BranchArm>>,
    /// The step after this one; without it the next in the file. `end` ends.
    pub next: Option<String>,
    /// A test of different ways through the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// One of four: `for` a while, `until` a time of day, for an `event`, or to a `date`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Counted from the step's logical time, or from `since`.
    #[serde(rename = "for")]
    pub duration: Option<Span>,
    /// `last(EVENT)`: restarts whenever the subject does EVENT again.
    pub since: Option<String>,
    /// The next such time of day where the customer lives, else shop time.
    pub until: Option<TimeOfDay>,
    /// The wait is over when the subject does EVENT, or after `timeout`; an event at the very instant of the timeout wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Which events count.
    #[serde(default, rename = "match", skip_serializing_if = "is_default")]
    pub matching: Matching,
    /// SQL over the columns of the event.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How long an event is waited for (needed), or a date that is not known yet (30 days without it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// A date that the trigger told (`coupon_expires`), or one of the customer's (`next_shipment`), which may yet move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// So many days after the date, or before it when negative.
    #[serde(default, skip_serializing_if = "is_default")]
    pub days: i64,
    /// The time of that day, shop time; default 09:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<TimeOfDay>,
    /// The way onward if the event did not come, or the date was not known in time or its moment was over; without it there is one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<String>,
}

impl Wait {
    /// The event of `since = "last(EVENT)"`.
    pub fn since_event(&self) -> Option<&str> {
        self.since.as_deref()?.strip_prefix("last(")?.strip_suffix(')')
    }
}

/// First true row in file order; NULL is not true; `else` is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchArm {
    /// SQL over the columns of `customer_ranks` (one row per customer).
    pub when: Option<String>,
    pub to: Option<String>,
    #[serde(rename = "else")]
    pub otherwise: Option<String>,
}

/// A test whose arms lead to different steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub name: String,
    pub salt: String,
    #[serde(rename = "arm")]
    pub arms: Vec<SplitArm>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitArm {
    pub id: String,
    /// Share of units, 0..1; the arms' weights sum to 1.
    pub weight: f64,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendStep {
    #[serde(default)]
    pub purpose: Purpose,
    /// Channels in the order they are tried.
    #[serde(rename = "try")]
    pub channels: Vec<Channel>,
    pub template: String,
    /// Counted from the step's logical time; past it the send is dropped.
    pub valid_for: Option<Span>,
    #[serde(default)]
    pub on_cap: OnCap,
    #[serde(default)]
    pub on_quiet: OnQuiet,
    /// A test inside the step: each arm may have its own template.
    pub experiment: Option<MessageExperiment>,
    /// What the message is about, for caps of `tag:NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// A transactional message uses up caps, though none stops it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub counts: bool,
    /// No cap stops it: it is urgent to everybody. It uses them up all the same.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_caps: bool,
    /// Templates that take the place of `template` during a season of the shop; an arm's own template goes before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seasons: BTreeMap<String, String>,
    /// Sends at the hour at which the customer reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_time: Option<BestTime>,
    /// A code that goes with the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<StepCoupon>,
}

impl SendStep {
    /// Every template that a message of this step may have.
    pub fn templates(&self) -> impl Iterator<Item = &String> {
        let arms = self.experiment.iter().flat_map(|experiment| &experiment.arms).filter_map(|arm| arm.template.as_ref());
        arms.chain(self.seasons.values()).chain([&self.template])
    }

    /// Whether a send of this step uses up caps.
    pub fn counts_for_caps(&self) -> bool {
        self.purpose != Purpose::Transactional || self.counts
    }
}

/// `unique`: a code of its own for each send, which credits orders to it; or one `code` for everybody, which credits nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepCoupon {
    #[serde(default)]
    pub unique: bool,
    pub code: Option<String>,
    /// Counted from when the message is due; the code is good to the end of that shop day.
    pub expires: Option<Span>,
}

impl StepCoupon {
    /// The last shop day on which the code of a message that is due at `due_at` is good.
    pub fn expires_on(&self, due_at: Instant, zone: ShopZone) -> Option<NaiveDate> {
        self.expires.map(|expires| zone.day(due_at + expires.0))
    }

    /// Whether it fills this hole of a message.
    pub fn fills(&self, hole: &str) -> bool {
        hole == "coupon" || (hole == "coupon_expires_on" && self.expires.is_some())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCap {
    #[default]
    Skip,
    NextChannel,
    Defer,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnQuiet {
    #[default]
    Defer,
    NextChannel,
    Drop,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageExperiment {
    pub name: String,
    pub salt: String,
    /// The first arm is the control.
    #[serde(rename = "arm")]
    pub arms: Vec<Arm>,
    /// The winner goes to the rest by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The arms' shares follow what is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandit: Option<Bandit>,
}

impl MessageExperiment {
    /// A test that decides nothing by itself.
    pub(super) fn plain(name: &str, salt: &str, arms: Vec<Arm>) -> MessageExperiment {
        MessageExperiment { name: name.into(), salt: salt.into(), arms, rollout: None, bandit: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    pub id: String,
    /// Share of units, 0..1; the arms' weights sum to 1.
    pub weight: f64,
    /// Instead of the step's template.
    pub template: Option<String>,
}

/// The hour with the most clicks of the customer in 90 days, for a random half of those who have one: the other half proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestTime {
    /// The experiment's name; its arms are [`BestTime::ARMS`].
    pub name: String,
    pub salt: String,
    /// When everybody else is sent to, where they live, else shop time; without it at once.
    pub otherwise: Option<TimeOfDay>,
}

impl BestTime {
    /// The usual time is what the best one is compared with.
    pub const ARMS: [&str; 2] = ["usual", "best"];
}

/// Left out of the canonical form, so that files written before keep their version.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
