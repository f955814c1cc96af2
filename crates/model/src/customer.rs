//! A person the shop knows: the profile (no addresses), consents and suppressions.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Channel, CustomerId, Purpose, Record, time::Instant};

/// A person the shop knows by a stable key.
pub type Customer = CustomerId;

/// What we know of a customer at a moment: a revision of the profile, without addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub customer_id: CustomerId,
    pub revision_id: String,
    pub source: String,
    pub birthday: Option<NaiveDate>,
    /// `female`, `male`, `other`.
    pub gender: Option<String>,
    pub prefecture: Option<String>,
    pub registered_on: Option<NaiveDate>,
    pub acquisition: Option<String>,
    /// Whatever else the source tells. A `timezone` (an IANA name) is where the customer lives: for quiet hours, best hours and waits until a time
    /// of day.
    #[serde(with = "crate::event::json_text")]
    pub attributes: Value,
}

impl Record for Profile {
    const TABLE: &'static str = "customers";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.customer_id, self.revision_id)
    }
}

/// That a customer has, or no longer has, an address of a kind. The address itself is in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactFlag {
    pub customer_id: CustomerId,
    /// A [`crate::ContactKind`] by name.
    pub kind: String,
    /// Keyed hash: equal addresses meet.
    pub address_hash: String,
    pub active: bool,
    pub source: String,
    #[serde(with = "crate::time::instant")]
    pub changed_at: Instant,
}

impl Record for ContactFlag {
    const TABLE: &'static str = "contacts";
    fn key(&self) -> String {
        let changed_at = self.changed_at.timestamp_micros();
        format!("{}|{}|{}|{}|{changed_at}", self.customer_id, self.kind, self.address_hash, self.active)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    Granted,
    Revoked,
}

/// A change of a permission, with its evidence. The state at t is the last change up to t; a revocation wins a tie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub purpose: Purpose,
    pub state: ConsentState,
    pub source: String,
    /// Which text the person agreed to.
    pub wording: Option<String>,
    pub evidence: Option<String>,
    #[serde(with = "crate::time::instant")]
    pub changed_at: Instant,
}

impl Record for Consent {
    const TABLE: &'static str = "consents";
    fn key(&self) -> String {
        format!(
            "{}|{}|{}|{:?}|{}",
            self.customer_id,
            self.channel,
            self.purpose.name(),
            self.state,
            self.changed_at.timestamp_micros()
        )
    }
}

/// A channel that must not be used for a customer: blocked, bounced, complained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub customer_id: CustomerId,
    pub channel: Channel,
    /// `blocked`, `bounced`, `complained`, `manual`.
    pub reason: String,
    /// False lifts it (a LINE user who unblocked).
    pub active: bool,
    pub source: String,
    #[serde(with = "crate::time::instant")]
    pub changed_at: Instant,
}

impl Record for Suppression {
    const TABLE: &'static str = "suppressions";
    fn key(&self) -> String {
        format!("{}|{}|{}|{}|{}", self.customer_id, self.channel, self.reason, self.active, self.changed_at.timestamp_micros())
    }
}

/// Per-customer values that depend on no other customer and on no clock: one revision, appended when any of them changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerFacts {
    pub customer_id: CustomerId,
    pub revision_id: String,
    pub first_ordered_on: Option<NaiveDate>,
    pub second_ordered_on: Option<NaiveDate>,
    pub last_ordered_on: Option<NaiveDate>,
    pub orders: i64,
    pub purchase_days: i64,
    pub discounted_orders: i64,
    pub gross_revenue: crate::Money,
    pub net_revenue: crate::Money,
}

impl Record for CustomerFacts {
    const TABLE: &'static str = "customer_facts";
    fn key(&self) -> String {
        format!("{}|{}", self.customer_id, self.revision_id)
    }
}
