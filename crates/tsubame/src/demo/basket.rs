//! What is in an order, and what it comes to.

use model::{Currency, Instant, Money, Order, OrderLine, OrderStatus};

use super::{
    calendar::{DAY, HOUR, Moment, date, day_of, instant, short_date, when_awake},
    catalogue::{Catalogue, Product},
    draw::Draws,
    life::{Fate, Purchase},
    person::customer_id,
};

/// The source of the shop's orders, in the files and in the live month alike, so that later revisions meet their order.
pub const ORDER_SOURCE: &str = "shop";

/// One revision of an order with its lines. `occurred_at` is when it was placed, or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedOrder {
    pub occurred_at: Instant,
    pub order: Order,
    pub lines: Vec<OrderLine>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BasketLine<'a> {
    pub product: &'a Product,
    pub quantity: i64,
}

const FREE_SHIPPING_FROM: i64 = 5_000;
const SHIPPING: i64 = 600;
/// A discount is a coupon's, or (without a code) the members' or the subscription's own.
const DISCOUNTS: [(Option<&str>, i64); 6] =
    [(Some("TSUBAME10"), 10), (Some("SHINCHA15"), 15), (Some("TANOSHIMI5"), 5), (None, 10), (None, 5), (Some("KANSHA20"), 20)];

/// The goods of a basket: usually few, now and then many.
pub fn basket<'a>(catalogue: &'a Catalogue, purchase: &Purchase) -> Vec<BasketLine<'a>> {
    let mut draws = Draws::new(purchase.basket, "basket", 0);
    if purchase.shipment.is_some() {
        // The same tea every time: the basket of a contract is the customer's, not the shipment's.
        return vec![BasketLine { product: catalogue.subscription(&mut draws), quantity: 1 + draws.below(2) as i64 }];
    }
    goods(catalogue, purchase.basket, purchase.filled)
}

/// The goods of a basket filled at a moment.
pub fn goods(catalogue: &Catalogue, basket: u64, at: Moment) -> Vec<BasketLine<'_>> {
    let mut draws = Draws::new(basket, "basket", 0);
    let gift_month = matches!(chrono::Datelike::month(&date(day_of(at))), 7 | 12);
    let mut lines: Vec<BasketLine> = Vec::new();
    loop {
        let product = catalogue.any(gift_month, &mut draws);
        let quantity = 1 + (0.55 / (1.0 - draws.unit()).powf(0.6)) as i64;
        if !lines.iter().any(|line| line.product.code == product.code) {
            lines.push(BasketLine { product, quantity: quantity.min(20) });
        }
        if lines.len() >= 8 || !draws.chance(0.45) {
            return lines;
        }
    }
}

pub fn value(lines: &[BasketLine]) -> i64 {
    lines.iter().map(|line| line.product.price * line.quantity).sum()
}

pub fn order_id(who: u32, purchase: &Purchase) -> String {
    format!("{}-{:06}-{}", short_date(day_of(purchase.at)), who + 1, purchase.of_day)
}

/// An order as placed, under the given id.
pub fn placed(catalogue: &Catalogue, who: u32, purchase: &Purchase, order_id: String, send_id: Option<&str>) -> PlacedOrder {
    let lines = basket(catalogue, purchase);
    let mut draws = Draws::new(purchase.basket, "price", 0);
    let gross = if purchase.fate == Fate::Sample { 0 } else { value(&lines) };
    let (coupon, percent) = match purchase.discounted {
        true if purchase.shipment.is_some() => (None, 10),
        true => *draws.pick(&DISCOUNTS),
        false => (None, 0),
    };
    let discount = gross * percent / 100;
    let shipping = if gross == 0 || gross - discount >= FREE_SHIPPING_FROM || purchase.shipment.is_some() { 0 } else { SHIPPING };
    let of_rate = |rate: i64| -> i64 {
        let goods = lines.iter().filter(|line| line.product.tax_percent == rate);
        goods.map(|line| line.product.price * line.quantity).sum::<i64>() * (100 - percent) / 100
    };
    let tax = if gross == 0 { 0 } else { of_rate(8) * 8 / 100 + (of_rate(10) + shipping) * 10 / 100 };
    let order = Order {
        order_id,
        revision_id: String::new(),
        source: ORDER_SOURCE.into(),
        customer_id: Some(customer_id(who)),
        ordered_at: instant(purchase.at),
        status: OrderStatus::Completed,
        gross: yen(gross),
        discount: yen(discount),
        refunded: Money::ZERO,
        net: yen(gross - discount),
        tax: yen(tax),
        shipping: yen(shipping),
        fee: Money::ZERO,
        points_used: Money::ZERO,
        total: None,
        shipped_on: None,
        currency: Currency::jpy(),
        coupon: coupon.map(String::from),
        sales_channel: Some(purchase.channel.name().into()),
        subscription_id: purchase.shipment.map(|_| format!("S{:06}", who + 1)),
        subscription_count: purchase.shipment,
        send_id: send_id.map(String::from),
    };
    let lines = lines.iter().enumerate().map(|(index, line)| {
        let price = if gross == 0 { 0 } else { line.product.price };
        OrderLine {
            order_id: order.order_id.clone(),
            revision_id: String::new(),
            source: ORDER_SOURCE.into(),
            line_no: index as i64 + 1,
            product_id: Some(line.product.code.clone()),
            sku: Some(line.product.code.clone()),
            name: Some(line.product.name.into()),
            category: Some(line.product.category.into()),
            quantity: line.quantity,
            unit_price: yen(price),
            amount: yen(price * line.quantity),
        }
    });
    let lines = lines.collect();
    revision(instant(purchase.at), order, lines)
}

/// What becomes of it some days later, if anything does.
pub fn aftermath(placed: &PlacedOrder, purchase: &Purchase) -> Option<PlacedOrder> {
    let mut draws = Draws::new(purchase.basket, "aftermath", 0);
    let mut order = placed.order.clone();
    let net = order.net.scaled() / model::money::SCALE;
    let after = match purchase.fate {
        Fate::Kept | Fate::Sample => return None,
        Fate::Cancelled => {
            order.status = OrderStatus::Cancelled;
            draws.between(HOUR, DAY)
        }
        Fate::Returned => {
            order.status = OrderStatus::Returned;
            (order.refunded, order.net) = (order.net, Money::ZERO);
            draws.between(3 * DAY, 7 * DAY)
        }
        Fate::PartlyRefunded => {
            let refunded = net * draws.between(10, 60) / 100;
            (order.refunded, order.net) = (yen(refunded), yen(net - refunded));
            draws.between(3 * DAY, 8 * DAY)
        }
    };
    Some(revision(instant(when_awake(purchase.at + after)), order, placed.lines.clone()))
}

/// What the customer pays for the goods when the order is placed, without tax.
pub fn received(order: &Order) -> Money {
    order.gross.minus(order.discount).expect("a discount is less than the goods")
}

pub fn yen(amount: i64) -> Money {
    Money::whole(amount).expect("the demo shop has no order of a quadrillion yen")
}

/// Gives a revision its id: a hash of its content.
fn revision(occurred_at: Instant, mut order: Order, mut lines: Vec<OrderLine>) -> PlacedOrder {
    order.revision_id = String::new();
    let content = format!(
        "{}|{:?}|{}|{}|{}|{}|{}",
        order.order_id, order.status, order.gross, order.discount, order.refunded, order.tax, order.shipping
    );
    order.revision_id = model::id::hex(&model::id_bytes(&content));
    for line in &mut lines {
        line.revision_id.clone_from(&order.revision_id);
    }
    PlacedOrder { occurred_at, order, lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{
        calendar::{Calendar, Span},
        life::Life,
    };

    #[test]
    fn the_sums_of_an_order_agree() {
        let (catalogue, calendar) = (Catalogue::new(), Calendar::new(Span::MONTH));
        let mut tails = 0;
        for who in 0..3_000 {
            for purchase in &Life::of(5, who, &calendar).purchases {
                let first = placed(&catalogue, who, purchase, order_id(who, purchase), None);
                for PlacedOrder { order, lines, .. } in [Some(first.clone()), aftermath(&first, purchase)].into_iter().flatten() {
                    assert_eq!(Money::sum(lines.iter().map(|line| line.amount)).unwrap(), order.gross);
                    assert_eq!(order.gross.minus(order.discount).unwrap().minus(order.refunded).unwrap(), order.net);
                    assert_eq!(order.discount > Money::ZERO, purchase.discounted && order.gross > Money::ZERO);
                    assert_eq!(
                        order.net > Money::ZERO,
                        !matches!(purchase.fate, Fate::Returned | Fate::Sample)
                            || order.refunded == Money::ZERO && purchase.fate == Fate::Returned
                    );
                    assert!(lines.iter().all(|line| line.revision_id == order.revision_id));
                    tails += usize::from(order.gross > yen(20_000));
                }
            }
        }
        assert!(tails > 20, "{tails} orders above 20,000 yen");
    }
}
