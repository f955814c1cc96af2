//! Orders told as events (`Order Completed`, …) by a server that is trusted with them. They are deltas of the same documents as the orders
//! of webhooks, so events that come twice or late change nothing.
//!
//! `revenue` is the goods after discounts, without tax and shipping; `subtotal` the same; `total` is everything. An `Order Updated` without any
//! money or product would wipe out what is known, so it makes no order. An `Order Refunded` with neither products nor an amount is of all.

use model::{Currency, CustomerId, Instant, Money, OrderStatus};
use serde_json::{Map, Value};

use super::{
    OrderDelta, OrderDocument,
    members::{Bad, Members},
    order_document::{Base, Line, Refund, RefundOf},
    sound,
};

/// An event, as the collecting side has read it.
#[derive(Clone, Copy)]
pub struct OrderEvent<'a> {
    /// As the client says it: `Order Completed`, or `order_completed`.
    pub name: &'a str,
    pub event_id: &'a str,
    pub at: Instant,
    pub customer_id: Option<&'a CustomerId>,
    pub properties: &'a Map<String, Value>,
    /// The send whose link led to the order, where the event tells.
    pub send_id: Option<&'a str>,
    pub currency: &'a Currency,
    /// See [`model::Source::tax_included`].
    pub tax_included: bool,
}

/// What an event says about an order; `None` for other events, and for those whose order cannot be read.
pub fn segment_order(event: &OrderEvent<'_>) -> Option<OrderDelta> {
    let name = event.name.trim().to_lowercase().replace(['_', '-'], " ");
    let properties = Members(event.properties);
    let order_id = properties.id("order_id").ok().flatten()?;
    let mut document = OrderDocument::default();
    match name.as_str() {
        "order completed" | "completed order" | "order updated" => {
            document.base = Some(base(event, properties).ok()??);
            document.first_told_at = Some(event.at);
        }
        "order cancelled" | "order canceled" => document.cancelled_at = Some(event.at),
        "order refunded" => match refund(event, properties).ok()? {
            Some(of) => {
                document.refunds.insert(event.event_id.into(), Refund { at: event.at, of });
            }
            None => document.returned_at = Some(event.at),
        },
        _ => return None,
    }
    Some(OrderDelta { order_id, document })
}

fn base(event: &OrderEvent<'_>, told: Members<'_>) -> Result<Option<Base>, Bad> {
    let lines = lines(told)?;
    let (tax, shipping, discount) = (told.amount("tax")?, told.amount("shipping")?, told.amount("discount")?);
    let total = told.money("total")?;
    let after = match told.money("revenue")? {
        Some(revenue) => Some(revenue),
        None => told.money("subtotal")?,
    };
    let gross = match (after, total) {
        (Some(after), _) => after.plus(discount)?,
        (None, Some(total)) => total.minus(tax)?.minus(shipping)?.plus(discount)?,
        (None, None) if lines.is_empty() => return Ok(None),
        (None, None) => {
            let goods = Money::sum(lines.iter().map(|line| line.amount))?;
            if event.tax_included { goods.minus(tax)? } else { goods }
        }
    };
    let currency = told.text("currency").and_then(|text| Currency::parse(&text).ok());
    sound(Base {
        updated_at: event.at,
        ordered_at: event.at,
        status: OrderStatus::Completed,
        customer_id: event.customer_id.cloned(),
        gross,
        discount,
        tax_included: event.tax_included,
        tax,
        shipping,
        fee: Money::ZERO,
        points_used: Money::ZERO,
        total,
        currency: currency.unwrap_or_else(|| event.currency.clone()),
        coupon: told.free("coupon"),
        sales_channel: told.free("affiliation"),
        subscription_id: None,
        subscription_count: None,
        send_id: event.send_id.map(String::from),
        shipped_on: None,
        lines,
    })
    .map(Some)
}

fn lines(told: Members<'_>) -> Result<Vec<Line>, Bad> {
    told.list("products")
        .map(|product| {
            let quantity = product.count("quantity")?.unwrap_or(1);
            let unit_price = product.amount("price")?;
            Ok(Line {
                product_id: product.id("product_id")?,
                sku: product.free("sku"),
                name: product.free("name"),
                category: product.free("category"),
                quantity,
                unit_price,
                amount: unit_price.times(quantity)?,
            })
        })
        .collect()
}

fn refund(event: &OrderEvent<'_>, told: Members<'_>) -> Result<Option<RefundOf>, Bad> {
    let returned = lines(told)?;
    if !returned.is_empty() {
        let amount = Money::sum(returned.iter().map(|line| line.amount))?;
        let tax = if event.tax_included { told.money("tax")? } else { Some(told.amount("tax")?) };
        return Ok(Some(RefundOf::Goods { amount, tax }));
    }
    let total = match told.money("total")? {
        Some(total) => Some(total),
        None => told.money("refund_amount")?,
    };
    Ok(total.filter(|total| *total != Money::ZERO).map(RefundOf::Total))
}

#[cfg(test)]
mod tests {
    use model::ShopZone;
    use serde_json::json;

    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    /// Order, gross, discount, refunded, net, status of what the events come to, each a minute after the one before.
    fn check(events: &[(&str, Value)], expect: &str) {
        let mut document = OrderDocument::default();
        for (minute, (name, properties)) in events.iter().enumerate() {
            let event = OrderEvent {
                name,
                event_id: &format!("e{minute}"),
                at: at(minute as i64),
                customer_id: None,
                properties: properties.as_object().unwrap(),
                send_id: None,
                currency: &Currency::jpy(),
                tax_included: true,
            };
            if let Some(delta) = segment_order(&event) {
                assert_eq!(delta.order_id, "A-1");
                document = document.merge(delta.document);
            }
        }
        let got = document.revision("web", "A-1", ShopZone::tokyo()).map_or("none".into(), |revision| {
            let order = revision.order;
            assert_eq!(order.ordered_at, at(0), "{events:?}");
            let money = [order.gross, order.discount, order.refunded, order.net].map(|money| money.to_string());
            format!("{} {:?}, {} lines", money.join(" "), order.status, revision.lines.len())
        });
        assert_eq!(got, expect, "{events:?}");
    }

    #[test]
    fn order_events_are_revisions_of_one_order() {
        let placed = json!({ "order_id": "A-1", "revenue": 900, "discount": "100", "tax": 90, "shipping": 500, "total": 1490,
            "products": [{ "product_id": "p", "price": 550, "quantity": 2 }] });
        let completed = || ("Order Completed", placed.clone());
        check(&[completed()], "1000 100 0 900 Completed, 1 lines");
        check(&[("completed_order", placed.clone())], "1000 100 0 900 Completed, 1 lines");
        let bare = json!({ "order_id": "A-1" });
        check(&[completed(), ("Order Refunded", bare.clone())], "1000 100 900 0 Returned, 1 lines");
        check(&[completed(), ("Order Cancelled", bare.clone())], "1000 100 0 900 Cancelled, 1 lines");
        check(&[completed(), ("Order Updated", bare.clone())], "1000 100 0 900 Completed, 1 lines");
        let smaller = json!({ "order_id": "A-1", "revenue": 450 });
        check(&[completed(), ("Order Updated", smaller)], "450 0 0 450 Completed, 0 lines");
        let one_back = json!({ "order_id": "A-1", "products": [{ "product_id": "p", "price": 550, "quantity": 1 }] });
        check(&[completed(), ("Order Refunded", one_back)], "1000 100 500 400 Completed, 1 lines");
        let some_back = json!({ "order_id": "A-1", "total": 149 });
        check(&[completed(), ("Order Refunded", some_back)], "1000 100 90 810 Completed, 1 lines");
        let lines_alone = json!({ "order_id": "A-1", "tax": 100, "products": [{ "price": 550, "quantity": 2 }] });
        check(&[("Order Completed", lines_alone)], "1000 0 0 1000 Completed, 1 lines");
        check(&[("Product Viewed", placed.clone())], "none");
        check(&[("Order Refunded", bare)], "none");
        check(&[("Order Completed", json!({ "revenue": 900 }))], "none");
    }
}
