//! Contacts that may earn credit, the credit itself, and the fact that a unit met its arm.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Channel, CustomerId, Money, Record, time::Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchKind {
    /// Weakest first: at equal times the stronger kind ranks later.
    Delivered,
    Opened,
    Clicked,
    Coupon,
}

impl TouchKind {
    pub fn name(self) -> &'static str {
        match self {
            TouchKind::Delivered => "delivered",
            TouchKind::Opened => "opened",
            TouchKind::Clicked => "clicked",
            TouchKind::Coupon => "coupon",
        }
    }
}

/// A contact that may earn credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    pub touch_id: String,
    pub customer_id: CustomerId,
    pub send_id: String,
    pub scenario: String,
    pub channel: Channel,
    pub kind: TouchKind,
    #[serde(with = "crate::time::instant")]
    pub touched_at: Instant,
    #[serde(with = "crate::time::instant")]
    pub sent_at: Instant,
    /// The last instant at which an order may still credit it.
    #[serde(with = "crate::time::instant")]
    pub credit_until: Instant,
}

impl Record for Touch {
    const TABLE: &'static str = "touches";
    fn key(&self) -> String {
        self.touch_id.clone()
    }
}

/// A touch's share of an order under a model. A refund adds a row with the difference, dated at the refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    pub order_id: String,
    /// The order revision whose net amount this row brings the credit up to.
    pub revision_id: String,
    pub touch_id: String,
    pub send_id: String,
    pub customer_id: CustomerId,
    pub scenario: String,
    pub channel: Channel,
    /// `last`, `linear`, …
    pub model: String,
    pub model_version: String,
    /// Share of the order as placed; zero on later rows.
    pub gross: Money,
    /// Share of the net change.
    pub net: Money,
    pub booked_on: NaiveDate,
    #[serde(with = "crate::time::instant")]
    pub ordered_at: Instant,
}

impl Record for Credit {
    const TABLE: &'static str = "credits";
    fn key(&self) -> String {
        format!("{}|{}|{}|{}|{}", self.model, self.model_version, self.order_id, self.revision_id, self.touch_id)
    }
}

/// The fact that a unit met its arm. Only the first per experiment and unit is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    pub experiment: String,
    pub version: String,
    /// The unit that was bucketed.
    pub unit: String,
    /// Of a visitor not known yet: whom they turn out to be is an [`crate::Identity`].
    pub customer_id: Option<CustomerId>,
    pub arm: String,
    /// Where it was met: the scenario and step of a message test.
    pub scenario: Option<String>,
    pub step: Option<String>,
    pub send_id: Option<String>,
    pub source: String,
}

impl Record for Exposure {
    const TABLE: &'static str = "exposures";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.experiment, self.version, self.unit)
    }
}
