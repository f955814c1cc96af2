//! Which product an inventory item is, and how many of it are at each place: a shop tells the two apart, in any order.

use std::collections::BTreeMap;

use model::{Fact, Instant, Stock};
use serde::{Deserialize, Serialize};

/// Joined as orders are: the later wins, of two at one instant the greater.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockDocument {
    pub item: Option<Item>,
    /// By place.
    pub levels: BTreeMap<String, Level>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    pub at: Instant,
    pub product_id: String,
    pub sku: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Level {
    pub at: Instant,
    pub quantity: i64,
}

/// What one delivery says about one inventory item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockDelta {
    pub item_id: String,
    pub document: StockDocument,
}

impl StockDocument {
    pub fn read(bytes: &[u8]) -> Result<StockDocument, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Equal documents have equal bytes.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("documents are plain JSON")
    }

    pub fn merge(mut self, other: StockDocument) -> StockDocument {
        for (place, level) in other.levels {
            let known = self.levels.entry(place).or_insert(level);
            *known = level.max(*known);
        }
        self.item = self.item.max(other.item);
        self
    }

    /// Every level as a fact, once it is known of what. Those that were told before are dropped by their keys.
    pub fn facts(&self, source: &str, known_at: Instant) -> Vec<Fact> {
        let Some(item) = &self.item else { return Vec::new() };
        let fact = |(place, level): (&String, &Level)| {
            let stock = Stock {
                product_id: item.product_id.clone(),
                sku: item.sku.clone(),
                source: source.into(),
                location: Some(place.clone()),
                quantity: level.quantity,
                changed_at: level.at,
            };
            Fact::new(&stock, level.at, known_at.max(level.at))
        };
        self.levels.iter().map(fact).collect()
    }
}
