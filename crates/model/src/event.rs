//! Something a visitor or customer did, under Segment's names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CustomerId, Money, Record};

/// Columns are what queries use; everything else a client sent stays in `properties`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub event_id: String,
    /// `product_viewed`, `cart_updated`, `checkout_started`, `order_placed`, …
    pub name: String,
    pub source: String,
    pub customer_id: Option<CustomerId>,
    pub visitor_id: Option<String>,
    pub session_id: Option<String>,
    pub cart_id: Option<String>,
    pub order_id: Option<String>,
    pub product_id: Option<String>,
    pub category: Option<String>,
    /// The cart's value after the event, or the order's.
    pub value: Option<Money>,
    pub url: Option<String>,
    /// The send whose link led here.
    pub send_id: Option<String>,
    /// JSON text; its own members have no fixed types.
    #[serde(with = "json_text")]
    pub properties: Value,
}

impl Record for Event {
    const TABLE: &'static str = "events";
    fn key(&self) -> String {
        format!("{}|{}", self.source, self.event_id)
    }
}

/// A JSON value as text inside a JSON row.
pub(crate) mod json_text {
    use serde::{Deserialize, Deserializer, Serializer, ser::Error};
    use serde_json::Value;

    pub fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Value::Null => serializer.serialize_none(),
            // In one piece: escaped token by token it takes several times as long.
            value => serializer.serialize_str(&serde_json::to_string(value).map_err(S::Error::custom)?),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            None => Ok(Value::Null),
            Some(text) => serde_json::from_str(&text).map_err(serde::de::Error::custom),
        }
    }
}
