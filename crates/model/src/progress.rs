//! Where each customer stands in each scenario, who was in which audience, and what was run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CustomerId, Record, time::Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryStatus {
    /// Waiting at `step` until `due_at`.
    Waiting,
    /// Left by an exit rule, the goal, or consent.
    Exited,
    /// Walked to the end.
    Finished,
}

impl EntryStatus {
    pub fn name(self) -> &'static str {
        match self {
            EntryStatus::Waiting => "waiting",
            EntryStatus::Exited => "exited",
            EntryStatus::Finished => "finished",
        }
    }
}

/// One customer's progress through one pass of a scenario: a row per move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStep {
    /// H(scenario, subject, entry_key).
    pub entry_id: String,
    pub run_id: String,
    pub scenario: String,
    pub scenario_version: String,
    pub customer_id: CustomerId,
    pub entry_key: String,
    #[serde(with = "crate::time::instant")]
    pub entered_at: Instant,
    pub status: EntryStatus,
    /// The step waited at, or the last one.
    pub step: String,
    #[serde(with = "crate::time::instant")]
    pub due_at: Instant,
    /// True in the holdout: walks the same steps, gets ghosts.
    pub held_out: bool,
    /// Why it left.
    pub reason: Option<String>,
    /// What the message may use (cart value, …), as a JSON object.
    #[serde(with = "crate::event::json_text")]
    pub context: Value,
}

impl Record for EntryStep {
    const TABLE: &'static str = "entries";
    fn key(&self) -> String {
        format!("{}|{}|{}|{}", self.entry_id, self.status.name(), self.step, self.due_at.timestamp_micros())
    }
}

/// One member of an audience: a segment's answer at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub run_id: String,
    pub segment: String,
    /// sha256 of the segment's SQL.
    pub definition: String,
    #[serde(with = "crate::time::instant")]
    pub as_of: Instant,
    pub customer_id: CustomerId,
}

impl Record for Membership {
    const TABLE: &'static str = "audiences";
    fn key(&self) -> String {
        format!("{}|{}", self.run_id, self.customer_id)
    }
}

/// A customer who entered a segment or left it, as a night found: who was in it on a night are those whose last change by then was to enter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentChange {
    pub run_id: String,
    pub segment: String,
    /// sha256 of the segment's SQL.
    pub definition: String,
    #[serde(with = "crate::time::instant")]
    pub as_of: Instant,
    pub customer_id: CustomerId,
    /// Otherwise they left.
    pub entered: bool,
}

impl Record for SegmentChange {
    const TABLE: &'static str = "segment_changes";
    fn key(&self) -> String {
        format!("{}|{}", self.run_id, self.customer_id)
    }
}

/// One evaluation of a scenario tick, an export or an attribution, keyed by kind, name and logical time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub run_id: String,
    /// `tick`, `export`, `attribute`, `facts`, `import`, `segment`.
    pub kind: String,
    pub name: String,
    #[serde(with = "crate::time::instant")]
    pub logical_at: Instant,
    /// sha256 of what was run.
    pub definition: String,
    pub members: i64,
    /// Counts by result, as a JSON object.
    #[serde(with = "crate::event::json_text")]
    pub counts: Value,
}

impl Record for Run {
    const TABLE: &'static str = "runs";
    fn key(&self) -> String {
        self.run_id.clone()
    }
}
