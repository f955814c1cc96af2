//! The state of one order, put together from deliveries that come in any order and any number of times.
//!
//! A document is a join semilattice: [`OrderDocument::merge`] is commutative, associative and idempotent, so what is known in the end
//! depends on *which* deliveries came and on nothing else. What one delivery says is a document too, with that part alone.
//!
//! | part | joined by |
//! |---|---|
//! | base: money, lines, customer, status | the later `updated_at`; of two at one instant, the greater by content |
//! | refunds, shipments | by id; of two with one id, the later, then the greater by content |
//! | cancellation, return of everything | the later |
//! | when it was first told of | the earlier |
//!
//! Of the instants at which something happened none gives way to an earlier one. So the latest instant of a document only rises, and the revision that is written last
//! is also the one that happened last, which is what the current state of an order goes by.
//!
//! **Money** (SEMANTICS §14). `gross` is the goods before discounts and without tax; `refunded` is goods alone, without tax and shipping:
//! what a shop refunded of the order as a whole is shared out as the order's total is made up. Refunds never exceed what was paid for the
//! goods; more is cut, and said.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use model::{Currency, CustomerId, Fact, Instant, Money, Order, OrderLine, OrderStatus, ShopZone, id::hex, id_bytes};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDocument {
    pub base: Option<Base>,
    pub refunds: BTreeMap<String, Refund>,
    pub shipments: BTreeMap<String, Shipped>,
    pub cancelled_at: Option<Instant>,
    /// When the order was first told of, where no delivery says when it was placed.
    pub first_told_at: Option<Instant>,
    /// When everything was refunded, as told without lines or amounts.
    pub returned_at: Option<Instant>,
}

/// The order as one payload had it, without what is joined apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Not before `ordered_at`.
    pub updated_at: Instant,
    pub ordered_at: Instant,
    pub status: OrderStatus,
    pub customer_id: Option<CustomerId>,
    /// Goods before discounts, without tax.
    pub gross: Money,
    /// On goods; with `points_used`.
    pub discount: Money,
    /// The prices contain the tax: so do the amounts of refunded goods.
    pub tax_included: bool,
    pub tax: Money,
    pub shipping: Money,
    pub fee: Money,
    pub points_used: Money,
    pub total: Option<Money>,
    pub currency: Currency,
    pub coupon: Option<String>,
    pub sales_channel: Option<String>,
    pub subscription_id: Option<String>,
    pub subscription_count: Option<i64>,
    pub send_id: Option<String>,
    pub shipped_on: Option<NaiveDate>,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub product_id: Option<String>,
    pub sku: Option<String>,
    pub name: Option<String>,
    pub category: Option<String>,
    pub quantity: i64,
    pub unit_price: Money,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub at: Instant,
    pub of: RefundOf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundOf {
    /// Goods as they were priced, after discounts, and the tax on them where it is known.
    Goods { amount: Money, tax: Option<Money> },
    /// Of everything that was paid: goods, tax, shipping.
    Total(Money),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    pub at: Instant,
    /// Not before `at`.
    pub updated_at: Instant,
    /// False for one that failed or was called off.
    pub counts: bool,
}

/// What one delivery says about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDelta {
    pub order_id: String,
    pub document: OrderDocument,
}

/// A document as the lake knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRevision {
    /// The latest instant of what the document holds.
    pub occurred_at: Instant,
    pub order: Order,
    pub lines: Vec<OrderLine>,
    /// More was refunded than was paid for the goods.
    pub refund_cut: bool,
}

impl OrderDocument {
    pub fn read(bytes: &[u8]) -> Result<OrderDocument, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Equal documents have equal bytes.
    pub fn bytes(&self) -> Vec<u8> {
        canonical(self).into_bytes()
    }

    pub fn merge(self, other: OrderDocument) -> OrderDocument {
        OrderDocument {
            base: either(self.base, other.base, |base| (base.updated_at, canonical(base))),
            refunds: join(self.refunds, other.refunds, |refund| (refund.at, canonical(refund))),
            shipments: join(self.shipments, other.shipments, |shipped| (shipped.updated_at, canonical(shipped))),
            cancelled_at: self.cancelled_at.max(other.cancelled_at),
            returned_at: self.returned_at.max(other.returned_at),
            first_told_at: self.first_told_at.into_iter().chain(other.first_told_at).min(),
        }
    }

    /// `None` until the order itself has come: a refund may be told first.
    pub fn revision(&self, source: &str, order_id: &str, zone: ShopZone) -> Option<OrderRevision> {
        let base = self.base.as_ref()?;
        let occurred_at = self.instants().max()?;
        let revision_id = hex(&id_bytes(&format!("{source}|{order_id}|{}", canonical(self))));
        let paid = base.gross.scaled() - base.discount.scaled();
        let (refunded, refund_cut) = self.refunded(base, paid);
        let is_returned = base.status == OrderStatus::Returned || (paid > 0 && refunded >= paid);
        let shipped = self.shipments.values().filter(|shipped| shipped.counts).map(|shipped| zone.day(shipped.at)).min();
        let money = |units| Money::from_scaled(units).expect("a part of checked amounts");
        let order = Order {
            order_id: order_id.into(),
            revision_id: revision_id.clone(),
            source: source.into(),
            customer_id: base.customer_id.clone(),
            ordered_at: self.first_told_at.map_or(base.ordered_at, |told_at| told_at.min(base.ordered_at)),
            status: match (self.cancelled_at, is_returned) {
                (Some(_), _) => OrderStatus::Cancelled,
                (None, _) if base.status == OrderStatus::Cancelled => OrderStatus::Cancelled,
                (None, true) => OrderStatus::Returned,
                (None, false) => OrderStatus::Completed,
            },
            gross: base.gross,
            discount: base.discount,
            refunded: money(refunded),
            net: money(paid - refunded),
            tax: base.tax,
            shipping: base.shipping,
            fee: base.fee,
            points_used: base.points_used,
            total: base.total,
            shipped_on: base.shipped_on.into_iter().chain(shipped).min(),
            currency: base.currency.clone(),
            coupon: base.coupon.clone(),
            sales_channel: base.sales_channel.clone(),
            subscription_id: base.subscription_id.clone(),
            subscription_count: base.subscription_count,
            send_id: base.send_id.clone(),
        };
        let line = |(index, line): (usize, &Line)| OrderLine {
            order_id: order_id.into(),
            revision_id: revision_id.clone(),
            source: source.into(),
            line_no: index as i64 + 1,
            product_id: line.product_id.clone(),
            sku: line.sku.clone(),
            name: line.name.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount: line.amount,
        };
        let lines = base.lines.iter().enumerate().map(line).collect();
        Some(OrderRevision { occurred_at, order, lines, refund_cut })
    }

    /// The document as it must have been at each instant it tells of, oldest first and itself last: the past of an order that is fetched
    /// long after. Edits of the base left no trace, so every stage has the base of today.
    pub fn history(&self) -> Vec<OrderDocument> {
        let Some(base) = &self.base else { return Vec::new() };
        let mut instants: Vec<Instant> = self.refunds.values().map(|refund| refund.at).collect();
        instants.extend(self.shipments.values().map(|shipped| shipped.at));
        instants.extend([base.ordered_at].into_iter().chain(self.cancelled_at).chain(self.returned_at));
        let last = self.instants().max().unwrap_or(base.ordered_at);
        instants.retain(|at| *at < last);
        instants.sort();
        instants.dedup();
        let stage = |at: &Instant| OrderDocument {
            base: Some(Base {
                updated_at: base.ordered_at.min(*at),
                status: OrderStatus::Completed,
                shipped_on: None,
                ..base.clone()
            }),
            refunds: self
                .refunds
                .iter()
                .filter(|(_, part)| part.at <= *at)
                .map(|(id, part)| (id.clone(), part.clone()))
                .collect(),
            shipments: self
                .shipments
                .iter()
                .filter(|(_, part)| part.at <= *at)
                .map(|(id, part)| (id.clone(), Shipped { updated_at: part.at, ..part.clone() }))
                .collect(),
            cancelled_at: self.cancelled_at.filter(|cancelled| cancelled <= at),
            returned_at: self.returned_at.filter(|returned| returned <= at),
            first_told_at: self.first_told_at,
        };
        instants.iter().map(stage).chain([self.clone()]).collect()
    }

    /// The goods' part of all refunds, and whether it had to be cut. In 1/10,000.
    fn refunded(&self, base: &Base, paid: i64) -> (i64, bool) {
        if self.returned_at.is_some() || (base.status == OrderStatus::Returned && self.refunds.is_empty()) {
            return (paid.max(0), false);
        }
        let (paid_wide, tax) = (paid as i128, base.tax.scaled() as i128);
        let (mut goods, mut untold, mut of_total) = (0_i128, 0_i128, 0_i128);
        for refund in self.refunds.values() {
            match &refund.of {
                RefundOf::Goods { amount, tax: Some(tax) } if base.tax_included => {
                    goods += amount.scaled() as i128 - tax.scaled() as i128;
                }
                RefundOf::Goods { amount, tax: None } if base.tax_included => untold += amount.scaled() as i128,
                RefundOf::Goods { amount, .. } => goods += amount.scaled() as i128,
                RefundOf::Total(amount) => of_total += amount.scaled() as i128,
            }
        }
        let made_up = paid_wide + tax + base.shipping.scaled() as i128 + base.fee.scaled() as i128;
        let everything = base.total.map(|total| total.scaled() as i128).filter(|total| *total > 0).unwrap_or(made_up);
        // Sums are shared, not each refund, so that refunds of everything come to everything.
        let unit = base.currency.minor_unit().scaled() as i128;
        goods += share(untold, paid_wide, paid_wide + tax, unit) + share(of_total, paid_wide, everything, unit);
        let most = paid_wide.max(0);
        (goods.clamp(0, most) as i64, goods > most)
    }

    fn instants(&self) -> impl Iterator<Item = Instant> {
        let base = self.base.iter().map(|base| base.updated_at);
        let refunds = self.refunds.values().map(|refund| refund.at);
        let shipments = self.shipments.values().map(|shipped| shipped.updated_at);
        base.chain(refunds).chain(shipments).chain(self.cancelled_at).chain(self.returned_at)
    }
}

impl OrderRevision {
    pub fn facts(&self, known_at: Instant) -> Vec<Fact> {
        let lines = self.lines.iter().map(|line| Fact::new(line, self.occurred_at, known_at));
        [Fact::new(&self.order, self.occurred_at, known_at)].into_iter().chain(lines).collect()
    }
}

/// `amount` × `part` ÷ `whole`, to the nearest `unit`; all of it where there is no whole to share.
fn share(amount: i128, part: i128, whole: i128, unit: i128) -> i128 {
    if whole <= 0 || part >= whole {
        return amount;
    }
    let units = (amount * part.max(0) * 2 + whole * unit).div_euclid(whole * unit * 2);
    units * unit
}

fn canonical<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("documents are plain JSON")
}

fn either<T, K: Ord>(one: Option<T>, other: Option<T>, rank: impl Fn(&T) -> K) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if rank(&other) > rank(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

fn join<T, K: Ord>(mut one: BTreeMap<String, T>, other: BTreeMap<String, T>, rank: impl Fn(&T) -> K) -> BTreeMap<String, T> {
    for (id, part) in other {
        let known = one.remove(&id);
        one.extend(either(known, Some(part), &rank).map(|part| (id, part)));
    }
    one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    fn yen(units: i64) -> Money {
        Money::whole(units).unwrap()
    }

    fn base(gross: i64, tax: i64, tax_included: bool) -> Base {
        Base {
            updated_at: at(0),
            ordered_at: at(0),
            status: OrderStatus::Completed,
            customer_id: None,
            gross: yen(gross),
            discount: Money::ZERO,
            tax_included,
            tax: yen(tax),
            shipping: yen(500),
            fee: Money::ZERO,
            points_used: Money::ZERO,
            total: None,
            currency: Currency::jpy(),
            coupon: None,
            sales_channel: None,
            subscription_id: None,
            subscription_count: None,
            send_id: None,
            shipped_on: None,
            lines: Vec::new(),
        }
    }

    #[test]
    fn refunds_are_goods_alone_and_never_above_what_was_paid() {
        let goods = |amount, tax: Option<i64>| RefundOf::Goods { amount: yen(amount), tax: tax.map(yen) };
        let check = |tax_included, refunds: &[RefundOf], expect: (&str, OrderStatus, bool)| {
            let mut document = OrderDocument { base: Some(base(1000, 100, tax_included)), ..OrderDocument::default() };
            for (index, of) in refunds.iter().enumerate() {
                document.refunds.insert(index.to_string(), Refund { at: at(1), of: of.clone() });
            }
            let revision = document.revision("s", "1", ShopZone::tokyo()).unwrap();
            let got = (revision.order.refunded.to_string(), revision.order.status, revision.refund_cut);
            assert_eq!((got.0.as_str(), got.1, got.2), expect, "{refunds:?}, tax included: {tax_included}");
        };
        use OrderStatus::*;
        check(true, &[], ("0", Completed, false));
        check(true, &[goods(550, Some(50))], ("500", Completed, false));
        check(true, &[goods(550, None)], ("500", Completed, false));
        check(false, &[goods(500, Some(50))], ("500", Completed, false));
        check(true, &[goods(1100, Some(100))], ("1000", Returned, false));
        check(false, &[goods(1600, None)], ("1000", Returned, true));
        check(false, &[RefundOf::Total(yen(1600))], ("1000", Returned, false));
        // Thirds do not divide; together they are the whole all the same.
        check(
            false,
            &[RefundOf::Total(yen(533)), RefundOf::Total(yen(533)), RefundOf::Total(yen(534))],
            ("1000", Returned, false),
        );
        check(false, &[RefundOf::Total(yen(800))], ("500", Completed, false));
        check(false, &[RefundOf::Total(yen(-800))], ("0", Completed, false));
    }

    #[test]
    fn the_past_of_an_order_fetched_late() {
        let mut document = OrderDocument { base: Some(base(1000, 100, true)), ..OrderDocument::default() };
        document.base.as_mut().unwrap().updated_at = at(90);
        document.refunds.insert("r".into(), Refund { at: at(60), of: RefundOf::Goods { amount: yen(550), tax: Some(yen(50)) } });
        document.shipments.insert("s".into(), Shipped { at: at(30), updated_at: at(40), counts: true });
        let stages = document.history().into_iter().map(|stage| {
            let revision = stage.revision("s", "1", ShopZone::tokyo()).unwrap();
            let minutes = (revision.occurred_at - at(0)).num_minutes();
            (minutes, revision.order.net.to_string(), revision.order.shipped_on.is_some())
        });
        let expect = [(0, "1000", false), (30, "1000", true), (60, "500", true), (90, "500", true)];
        assert_eq!(stages.collect::<Vec<_>>(), expect.map(|(minute, net, shipped)| (minute, net.to_string(), shipped)));
    }

    /// Few instants and ids, so that they meet.
    fn documents() -> impl Strategy<Value = OrderDocument> {
        let instant = || (0_i64..4).prop_map(at);
        let of = prop_oneof![
            (0_i64..3, proptest::option::of(0_i64..2))
                .prop_map(|(amount, tax)| RefundOf::Goods { amount: yen(amount * 600), tax: tax.map(yen) }),
            (0_i64..3).prop_map(|amount| RefundOf::Total(yen(amount * 600))),
        ];
        let refund = (instant(), of).prop_map(|(at, of)| Refund { at, of });
        let shipped = (instant(), 0_i64..4, any::<bool>()).prop_map(|(at, later, counts)| Shipped {
            at,
            updated_at: at + chrono::TimeDelta::minutes(later),
            counts,
        });
        let base = (instant(), 0_i64..3).prop_map(|(updated_at, gross)| Base { updated_at, ..base(gross * 500, 0, true) });
        let refunds = proptest::collection::btree_map("[ab]", refund, 0..3);
        (
            proptest::option::of(base),
            refunds,
            proptest::collection::btree_map("[ab]", shipped, 0..3),
            proptest::option::of(instant()),
            proptest::option::of(instant()),
        )
            .prop_map(|(base, refunds, shipments, cancelled_at, returned_at)| OrderDocument {
                base,
                refunds,
                shipments,
                cancelled_at,
                first_told_at: returned_at.filter(|at| at.timestamp() % 120 == 0),
                returned_at,
            })
    }

    proptest! {
        #[test]
        fn documents_are_a_semilattice(a in documents(), b in documents(), c in documents()) {
            let join = |one: &OrderDocument, other: &OrderDocument| one.clone().merge(other.clone());
            prop_assert_eq!(join(&a, &b), join(&b, &a));
            prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            prop_assert_eq!(join(&a, &a), a.clone());
            prop_assert_eq!(OrderDocument::read(&a.bytes()).unwrap(), a.clone());
            prop_assert!(join(&a, &b).instants().max() >= a.instants().max());
        }
    }
}
