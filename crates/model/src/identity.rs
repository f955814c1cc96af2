//! Who is who: visitors who turned out to be customers, and customers who turned out to be one person.

use serde::{Deserialize, Serialize};

use crate::{CustomerId, Record, time::Instant};

/// A link between two ids of one person, or its undoing. Links are facts: the state of a pair is its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What `from_id` is: `visitor`, or `customer` for a merge of two people.
    pub kind: String,
    pub from_id: String,
    /// Whom it belongs to. Never itself merged into another at that moment: chains are resolved when a link is recorded.
    pub survivor_id: CustomerId,
    /// Why: `identify`, `alias`, `click`, `line_link`, `guest_member`, `same_id`, `manual`.
    pub rule: String,
    /// False undoes it.
    pub linked: bool,
    pub source: String,
    pub evidence: Option<String>,
    #[serde(with = "crate::time::instant")]
    pub changed_at: Instant,
}

impl Record for Identity {
    const TABLE: &'static str = "identities";
    fn key(&self) -> String {
        format!("{}|{}|{}|{}|{}", self.kind, self.from_id, self.survivor_id, self.linked, self.changed_at.timestamp_micros())
    }
}

/// Somebody's word that two ids are one person, before it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// `visitor` or `customer`.
    pub kind: &'static str,
    pub from_id: String,
    pub customer_id: CustomerId,
    /// As [`Identity::rule`].
    pub rule: &'static str,
    /// False for what a public key said: it may tie a visitor to a customer, never two customers.
    pub trusted: bool,
    pub at: Instant,
    pub source: String,
    pub evidence: Option<String>,
}
