//! The codes of orders that sends issued: whose they were, and what they are among the touches.

use std::collections::BTreeMap;

use model::{Coupon, CouponUse, CustomerId, Order, ShopZone, Touch, TouchKind, coupon::codes};

use super::Revision;

/// Which of the issued coupons, by their code, these orders were placed with. An order's codes are those of its first revision that names a
/// customer, so that what is booked stays, and whose it is the last one says; of an order without a customer nobody can say whether the code
/// leaked.
pub fn coupon_uses(revisions: &[Revision], issued: &BTreeMap<String, Coupon>, zone: ShopZone) -> Vec<CouponUse> {
    let mut placed: BTreeMap<(&str, &str), (&Revision, &Revision)> = BTreeMap::new();
    for revision in revisions.iter().filter(|revision| revision.order.customer_id.is_some()) {
        let order = &revision.order;
        let (first, last) = placed.entry((order.source.as_str(), order.order_id.as_str())).or_insert((revision, revision));
        if revision.at < first.at {
            *first = revision;
        }
        if revision.at >= last.at {
            *last = revision;
        }
    }
    let owned = |(first, last): &(&Revision, &Revision)| of_order(&first.order, last.order.customer_id.as_ref(), issued, zone);
    placed.values().flat_map(owned).collect()
}

fn of_order(order: &Order, owner: Option<&CustomerId>, issued: &BTreeMap<String, Coupon>, zone: ShopZone) -> Vec<CouponUse> {
    let (Some(text), Some(customer)) = (&order.coupon, owner) else { return Vec::new() };
    let names = codes(text);
    let used = names.iter().filter_map(|code| issued.get(code));
    used.map(|coupon| CouponUse {
        code: coupon.code.clone(),
        send_id: coupon.send_id.clone(),
        scenario: coupon.scenario.clone(),
        channel: coupon.channel,
        issued_at: coupon.issued_at,
        source: order.source.clone(),
        order_id: order.order_id.clone(),
        customer_id: customer.clone(),
        ordered_at: order.ordered_at,
        by_owner: coupon.customer_id == *customer,
        in_time: zone.day(order.ordered_at) <= coupon.expires_on,
    })
    .collect()
}

/// The touches that an order has by codes of its own customer, at the time of the order.
pub(super) fn touches(uses: &[CouponUse], order: &Order) -> Vec<Touch> {
    let is_of = |used: &&CouponUse| (&used.source, &used.order_id) == (&order.source, &order.order_id);
    let earning = uses.iter().filter(is_of).filter(|used| used.earns());
    earning
        .map(|used| Touch {
            touch_id: format!("coupon {} {} {}", used.source, used.order_id, used.send_id),
            customer_id: used.customer_id.clone(),
            send_id: used.send_id.clone(),
            scenario: used.scenario.clone(),
            channel: used.channel,
            kind: TouchKind::Coupon,
            touched_at: order.ordered_at,
            sent_at: used.issued_at,
            credit_until: order.ordered_at,
        })
        .collect()
}
