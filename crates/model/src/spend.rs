//! What advertising cost, so that an acquired customer has a price.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Money, Record};

/// What advertising cost on one day from one source, as last stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdSpend {
    pub spend_id: String,
    pub revision_id: String,
    pub source: String,
    pub spent_on: NaiveDate,
    pub medium: String,
    pub campaign: Option<String>,
    pub cost: Money,
    pub impressions: Option<i64>,
    pub clicks: Option<i64>,
}

impl Record for AdSpend {
    const TABLE: &'static str = "ad_spend";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.spend_id, self.revision_id)
    }
}
