//! Loyalty points.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{CustomerId, Record};

/// Points given, used, expired, or a balance as the shop states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointChange {
    pub change_id: String,
    pub source: String,
    pub customer_id: CustomerId,
    pub change: Option<i64>,
    pub balance: Option<i64>,
    pub reason: Option<String>,
    pub order_id: Option<String>,
    pub expires_on: Option<NaiveDate>,
}

impl Record for PointChange {
    const TABLE: &'static str = "points";
    fn key(&self) -> String {
        format!("{}|{}", self.source, self.change_id)
    }
}
