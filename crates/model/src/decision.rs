//! That a test decided something by itself.

use serde::{Deserialize, Serialize};

use crate::{Record, time::Instant};

/// What was done by a rule that a test declared, and all that it was seen from: both as the rule said them, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Derived from rule, test, version and time.
    pub decision_id: String,
    /// `stop_at_harm`, `rollout` or `bandit`.
    pub rule: String,
    pub test: String,
    /// Of the definition that declared the rule.
    pub version: String,
    /// From when on it counts.
    #[serde(with = "crate::time::instant")]
    pub decided_at: Instant,
    pub action: String,
    pub why: String,
}

impl Record for Decision {
    const TABLE: &'static str = "decisions";
    fn key(&self) -> String {
        self.decision_id.clone()
    }
}
