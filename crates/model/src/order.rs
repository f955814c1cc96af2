//! A purchase with lines and money. Each change of it is a new revision; the state of an order is its last one.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Currency, CustomerId, Money, Record, time::Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Completed,
    Cancelled,
    /// Wholly returned: like a cancelled order it is not a purchase.
    Returned,
}

impl OrderStatus {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "completed" => Some(OrderStatus::Completed),
            "cancelled" => Some(OrderStatus::Cancelled),
            "returned" => Some(OrderStatus::Returned),
            _ => None,
        }
    }
}

/// One revision of an order. `gross` is the goods before discounts, `net` = gross - discount - refunded, all without tax and shipping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    /// Hash of the revision's content: the same content again is no new revision.
    pub revision_id: String,
    pub source: String,
    /// Empty for a guest without an address.
    pub customer_id: Option<CustomerId>,
    /// When the order was placed; `occurred_at` of the row is when this revision happened.
    #[serde(with = "crate::time::instant")]
    pub ordered_at: Instant,
    pub status: OrderStatus,
    pub gross: Money,
    pub discount: Money,
    pub refunded: Money,
    pub net: Money,
    pub tax: Money,
    pub shipping: Money,
    /// 手数料: payment and gift-wrapping fees.
    pub fee: Money,
    /// The part of `discount` that was paid with points.
    pub points_used: Money,
    /// What the customer pays, as the shop states it: reports are reconciled with it.
    pub total: Option<Money>,
    /// Shop date of the (first) shipment.
    pub shipped_on: Option<NaiveDate>,
    pub currency: Currency,
    pub coupon: Option<String>,
    pub sales_channel: Option<String>,
    /// The contract of a subscription order (定期), and which shipment of it this is.
    pub subscription_id: Option<String>,
    pub subscription_count: Option<i64>,
    /// The send whose link or coupon led here, where the shop tells us.
    pub send_id: Option<String>,
}

impl Order {
    /// A completed order in yen, in its first revision, of which nothing else is known: all money is zero, what may be missing is. A caller
    /// states what it knows in front of it: `Order { gross, net, ..Order::new(source, id, at) }`.
    pub fn new(source: impl Into<String>, order_id: impl Into<String>, ordered_at: Instant) -> Self {
        Order {
            order_id: order_id.into(),
            revision_id: "1".into(),
            source: source.into(),
            customer_id: None,
            ordered_at,
            status: OrderStatus::Completed,
            gross: Money::ZERO,
            discount: Money::ZERO,
            refunded: Money::ZERO,
            net: Money::ZERO,
            tax: Money::ZERO,
            shipping: Money::ZERO,
            fee: Money::ZERO,
            points_used: Money::ZERO,
            total: None,
            shipped_on: None,
            currency: Currency::jpy(),
            coupon: None,
            sales_channel: None,
            subscription_id: None,
            subscription_count: None,
            send_id: None,
        }
    }
}

impl Record for Order {
    const TABLE: &'static str = "orders";
    fn key(&self) -> String {
        format!("{}|{}|{}", self.source, self.order_id, self.revision_id)
    }
}

/// One line of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub order_id: String,
    pub revision_id: String,
    pub source: String,
    pub line_no: i64,
    pub product_id: Option<String>,
    pub sku: Option<String>,
    pub name: Option<String>,
    pub category: Option<String>,
    pub quantity: i64,
    pub unit_price: Money,
    /// What the line adds to the order's gross.
    pub amount: Money,
}

impl Record for OrderLine {
    const TABLE: &'static str = "order_lines";
    fn key(&self) -> String {
        format!("{}|{}|{}|{}", self.source, self.order_id, self.revision_id, self.line_no)
    }
}
