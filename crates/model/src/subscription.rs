//! 定期: contracts, and what became of each shipment.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{CustomerId, Money, Record, time::Instant};

/// A 定期 contract: one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub subscription_id: String,
    pub revision_id: String,
    pub source: String,
    pub customer_id: Option<CustomerId>,
    pub plan: Option<String>,
    pub product_id: Option<String>,
    /// `active`, `paused`, `cancelled`, `finished`.
    pub status: String,
    pub started_on: Option<NaiveDate>,
    pub next_shipment_on: Option<NaiveDate>,
    pub interval_days: Option<i64>,
    pub shipments: Option<i64>,
    pub amount: Option<Money>,
    pub ended_on: Option<NaiveDate>,
    pub reason: Option<String>,
}

impl Record for Subscription {
    const TABLE: &'static str = "subscriptions";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.subscription_id, self.revision_id)
    }
}

/// What became of one shipment of a contract or order: one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    pub shipment_id: String,
    pub revision_id: String,
    pub source: String,
    pub customer_id: Option<CustomerId>,
    pub subscription_id: Option<String>,
    pub order_id: Option<String>,
    pub count: Option<i64>,
    /// `planned`, `shipped`, `delivered`, `skipped`, `cancelled`, `returned`.
    pub status: String,
    pub planned_on: Option<NaiveDate>,
    #[serde(with = "crate::time::instant_or_none")]
    pub shipped_at: Option<Instant>,
    #[serde(with = "crate::time::instant_or_none")]
    pub delivered_at: Option<Instant>,
}

impl Record for Shipment {
    const TABLE: &'static str = "shipments";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.shipment_id, self.revision_id)
    }
}
