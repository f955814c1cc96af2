//! The catalogue: products with price and cost, and how many are left.

use serde::{Deserialize, Serialize};

use crate::{Money, Record, time::Instant};

/// A product or variant as the catalogue had it: one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub product_id: String,
    pub revision_id: String,
    pub source: String,
    pub sku: Option<String>,
    pub name: Option<String>,
    pub category: Option<String>,
    pub price: Option<Money>,
    pub cost: Option<Money>,
    pub url: Option<String>,
    pub image_url: Option<String>,
    /// `active`, `hidden`, `deleted`.
    pub status: String,
}

impl Record for Product {
    const TABLE: &'static str = "products";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.product_id, self.revision_id)
    }
}

/// How many of a product (or of one SKU of it) are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub product_id: String,
    pub sku: Option<String>,
    pub source: String,
    pub location: Option<String>,
    pub quantity: i64,
    #[serde(with = "crate::time::instant")]
    pub changed_at: Instant,
}

impl Record for Stock {
    const TABLE: &'static str = "stock";
    fn key(&self) -> String {
        format!(
            "{}|{}|{}|{}|{}|{}",
            self.source,
            self.product_id,
            self.sku.as_deref().unwrap_or(""),
            self.location.as_deref().unwrap_or(""),
            self.quantity,
            self.changed_at.timestamp_micros()
        )
    }
}
