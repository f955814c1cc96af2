//! One customer's life with the shop, as it goes without any message: when they buy, leave a cart, come back, or do not.
//!
//! The planted truths are decided here. Each is one draw compared with a probability, and what surrounds it keeps other causes away:
//!
//! - **F2**: the second purchase day is 2..=88 days after the first with probability 0.31, else 95 days or later, or never.
//! - **Cart**: around the one cart a customer leaves in what is lived nothing else is bought. [`Cart::luck`] below the base rate brings
//!   them back by themselves; the band above it is for the message, in `respond`.
//! - **Follow-up**: who has not come back 30 days after a first purchase buys in the 16 days after that only by [`FollowUp::luck`].
//! - **Discounts**: the kind that buys only with one never buys without; the other kind's first order is never discounted.
//! - **Subscriptions**: some begin with one, some make their second purchase one, and each goes on to a second shipment or does not.

use super::{
    calendar::{Calendar, DAY, END, HOUR, Moment, SEASON_MAX, Span, day_of, shopping_time, when_awake},
    draw::Draws,
    truth,
};

/// Everything one customer does of their own accord.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// In order of time.
    pub purchases: Vec<Purchase>,
    pub cart: Option<Cart>,
    pub follow_up: Option<FollowUp>,
    pub discount_only: bool,
    /// Visits without a purchase: when, and whether a cart was left.
    pub browsing: Vec<(Moment, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Purchase {
    pub at: Moment,
    /// Which of the customer's orders of that day it is, from 1.
    pub of_day: u32,
    /// Tells baskets apart: a recovered cart has the basket that was left.
    pub basket: u64,
    /// When it was filled.
    pub filled: Moment,
    pub discounted: bool,
    pub channel: SalesChannel,
    /// Which shipment of the customer's subscription it is, from 1.
    pub shipment: Option<i64>,
    pub fate: Fate,
    pub visit: Visit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalesChannel {
    Pc,
    Smartphone,
    Phone,
    Subscription,
}

impl SalesChannel {
    pub fn name(self) -> &'static str {
        match self {
            SalesChannel::Pc => "PC",
            SalesChannel::Smartphone => "スマホ",
            SalesChannel::Phone => "電話",
            SalesChannel::Subscription => "定期",
        }
    }
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept,
    /// Part of the goods come back; some always stay.
    PartlyRefunded,
    /// An order more than the customer's purchases, so that it counts for nothing.
    Cancelled,
    /// Likewise.
    Returned,
    /// A zero-yen sample, before the first purchase.
    Sample,
}

/// How an order shows on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    None,
    /// Looks, fills a cart, checks out.
    Cart,
    /// Straight to the checkout: no cart is updated.
    Direct,
}

/// The one cart a customer leaves in what is lived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cart {
    /// Its last update.
    pub at: Moment,
    pub basket: u64,
    pub luck: f64,
}

/// What is decided for a first buyer who has not come back by the 30th day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FollowUp {
    pub day: i64,
    pub luck: f64,
}

const FOLLOW_UP_AFTER_DAYS: i64 = 30;
/// Share of first buyers of the follow-up cohorts who are back before it.
const EARLY: f64 = 0.11;
/// What is left for days 48..=88, so that these cohorts too come to 31 % in the end.
const LATE: f64 = ((truth::F2_90D - EARLY) / (1.0 - EARLY) - truth::FOLLOW_UP_BASE) / (1.0 - truth::FOLLOW_UP_BASE);
const BY_PHONE: f64 = 0.06;

impl Life {
    pub fn of(seed: u64, who: u32, calendar: &Calendar) -> Life {
        let draws = |what: &str| Draws::new(seed, what, u64::from(who));
        let discount_only = draws("discount only").chance(truth::DISCOUNT_ONLY);
        let mut life = Life { purchases: Vec::new(), cart: None, follow_up: None, discount_only, browsing: Vec::new() };
        let mut first = draws("first purchase");
        if first.chance(0.96) {
            let first_day = calendar.first_day(&mut first);
            let second_day = life.begin(first_day, seed, who, calendar.span);
            if let Some(second_day) = second_day.filter(|day| *day < END) {
                let stays = draws("second shipment").chance(truth::SECOND_SHIPMENT);
                life.repeat(first_day, second_day, stays, draws("repeat"), calendar);
                life.leave_cart(second_day, seed, who, calendar.span);
            }
            life.finish(draws("order"), calendar.span);
        }
        life.browse(draws("browse"), calendar.span);
        life
    }

    /// The first purchase, and the day of the second.
    fn begin(&mut self, first_day: i64, seed: u64, who: u32, span: Span) -> Option<i64> {
        let mut draws = Draws::new(seed, "second purchase", u64::from(who));
        self.buy(shopping_time(first_day, &mut draws));
        let luck = Draws::new(seed, "f2", u64::from(who)).unit();
        if first_day + FOLLOW_UP_AFTER_DAYS < span.from {
            let gap = match luck < truth::F2_90D {
                // Some begin with a subscription, whose second shipment is the second purchase.
                true if draws.chance(truth::BEGIN_SUBSCRIBED) => {
                    self.subscribe(first_day, first_day + 30, &mut draws);
                    return Some(first_day + 30);
                }
                // And some give it up after the first.
                false if Draws::new(seed, "given up", u64::from(who)).chance(truth::GIVEN_UP) => {
                    self.purchases[0].shipment = Some(1);
                    return None;
                }
                true => 2 + (87.0 * draws.unit().powf(1.3)) as i64,
                false if draws.chance(0.3) => 95 + draws.exponential(140.0) as i64,
                false => return None,
            };
            self.buy(shopping_time(first_day + gap, &mut draws));
            return Some(first_day + gap);
        }
        if luck < EARLY {
            let day = first_day + draws.between(2, 28);
            self.buy(shopping_time(day, &mut draws));
            return Some(day);
        }
        let follow_up =
            FollowUp { day: first_day + FOLLOW_UP_AFTER_DAYS, luck: Draws::new(seed, "follow-up", u64::from(who)).unit() };
        self.follow_up = Some(follow_up);
        let day = if follow_up.luck < truth::FOLLOW_UP_BASE {
            follow_up.day + draws.between(1, 12)
        } else if draws.chance(LATE) {
            first_day + draws.between(48, 88)
        } else {
            return None;
        };
        self.buy(shopping_time(day, &mut draws));
        Some(day)
    }

    /// After the second purchase: gaps and loyalty differ so much between people that order counts have a long tail.
    fn repeat(&mut self, first_day: i64, second_day: i64, stays: bool, mut draws: Draws, calendar: &Calendar) {
        let subscribes = self.purchases.iter().any(|purchase| purchase.shipment.is_some());
        let (gap_mean, leaves) = (13.0 + 158.0 * draws.unit().powf(1.5), 0.009 + 0.28 * draws.unit().powi(2));
        let mut at = second_day as f64;
        loop {
            at += 1.0 + draws.exponential(gap_mean / SEASON_MAX);
            let day = at as i64;
            if day >= END {
                break;
            }
            if !draws.chance(calendar.season(day) / SEASON_MAX) {
                continue;
            }
            if draws.chance(leaves) {
                break;
            }
            self.buy(shopping_time(day, &mut draws));
        }
        if !subscribes && first_day + FOLLOW_UP_AFTER_DAYS < calendar.span.from && draws.chance(truth::TURN_TO_SUBSCRIPTION) {
            // Who does not stay has had the last shipment with the first.
            self.subscribe(second_day, if stays { second_day + 30 } else { END }, &mut draws);
        }
    }

    /// Shipments every 30 days until it is given up; `from` is the order that begins it.
    fn subscribe(&mut self, from: i64, second: i64, draws: &mut Draws) {
        if let Some(order) = self.purchases.iter_mut().find(|purchase| day_of(purchase.at) == from) {
            order.shipment = Some(1);
        }
        let (mut day, mut shipment) = (second, 2);
        while day < END {
            let at = day * DAY + 5 * HOUR + draws.between(0, HOUR - 1);
            self.purchases.push(Purchase {
                shipment: Some(shipment),
                channel: SalesChannel::Subscription,
                visit: Visit::None,
                ..Purchase::at(at)
            });
            if !draws.chance(0.93) {
                break;
            }
            (day, shipment) = (day + 30, shipment + 1);
        }
    }

    /// One abandoned cart of a customer with two purchase days behind them, and nothing bought near it but by its own luck.
    fn leave_cart(&mut self, second_day: i64, seed: u64, who: u32, span: Span) {
        let mut draws = Draws::new(seed, "cart", u64::from(who));
        let luck = draws.unit();
        // From 06:30 to 16:45: three hours later it is neither night nor nearly.
        let day = span.from + draws.between(0, span.days() + 5);
        let at = day * DAY + 6 * HOUR + 1_800 + draws.between(0, 10 * HOUR + 900);
        let subscribed =
            self.purchases.iter().any(|purchase| purchase.shipment.is_some() && day_of(purchase.at) > span.from - 40);
        if !draws.chance(0.74) || subscribed || second_day > day - 9 {
            return;
        }
        let basket = draws.bits();
        self.purchases.retain(|purchase| !(day - 1..=day + 7).contains(&day_of(purchase.at)));
        // A cart update shortly before would be the one that enters, and then bar this one.
        for purchase in self.purchases.iter_mut().filter(|purchase| (day - 9..=day + 8).contains(&day_of(purchase.at))) {
            purchase.visit = Visit::Direct;
        }
        self.cart = Some(Cart { at, basket, luck });
        if luck < truth::CART_BASE {
            // Never before the first message is certainly out or certainly not.
            let back = when_awake(at + 5 * HOUR + draws.between(0, 4 * DAY - 5 * HOUR));
            self.purchases.push(Purchase { basket, filled: at, visit: Visit::Direct, ..Purchase::at(back) });
        }
    }

    fn buy(&mut self, at: Moment) {
        self.purchases.push(Purchase::at(at));
    }

    /// Gives every purchase its particulars, and adds the orders that count for nothing.
    fn finish(&mut self, mut draws: Draws, span: Span) {
        self.purchases.sort_by_key(|purchase| purchase.at);
        let quiet = |day: i64| day < span.from || (self.cart.is_none() && self.follow_up.is_none());
        let repeats = self.purchases.get(1).is_some_and(|purchase| day_of(purchase.at) < span.from);
        let first_at = self.purchases[0].at;
        // A contract ships the same goods every time.
        let contract = draws.bits();
        let mut extra = Vec::new();
        for (index, purchase) in self.purchases.iter_mut().enumerate() {
            let day = day_of(purchase.at);
            purchase.discounted = self.discount_only || (index > 0 && draws.chance(0.26));
            let basket = draws.bits();
            match (purchase.shipment, purchase.basket) {
                (Some(_), _) => purchase.basket = contract,
                (None, 0) => purchase.basket = basket,
                (None, _) => {}
            }
            let by = draws.unit();
            match purchase.visit {
                Visit::Cart if by < BY_PHONE => (purchase.channel, purchase.visit) = (SalesChannel::Phone, Visit::None),
                Visit::Cart | Visit::Direct if by < 0.34 => purchase.channel = SalesChannel::Pc,
                _ => {}
            }
            if draws.chance(0.015) {
                purchase.fate = Fate::PartlyRefunded;
            }
            // Beside some orders stands another: one more of the same day, a cancelled first try, one that came back.
            let (beside, basket) = (draws.unit(), draws.bits());
            let more = Purchase { discounted: purchase.discounted, basket, ..purchase.clone() };
            let more = Purchase { shipment: None, fate: Fate::Kept, visit: Visit::None, ..more };
            let undisturbed = day < span.from || (quiet(day) && repeats);
            if !undisturbed || purchase.channel == SalesChannel::Subscription {
                continue;
            }
            match beside {
                x if x < 0.02 => extra.push(Purchase { at: purchase.at + 1_200, ..more }),
                x if x < 0.05 => extra.push(Purchase { at: purchase.at - 900, fate: Fate::Cancelled, ..more }),
                x if x < 0.06 => extra.push(Purchase { at: purchase.at - 300, fate: Fate::Returned, ..more }),
                _ => {}
            }
        }
        if first_at < span.from * DAY && first_at > 30 * DAY && draws.chance(0.02) {
            let at = first_at - DAY * draws.between(5, 20);
            extra.push(Purchase { basket: draws.bits(), visit: Visit::None, fate: Fate::Sample, ..Purchase::at(at) });
        }
        self.purchases.append(&mut extra);
        self.purchases.sort_by_key(|purchase| purchase.at);
        self.purchases.retain(|purchase| purchase.at < END * DAY);
        let (mut day, mut of_day) = (i64::MIN, 0);
        for purchase in &mut self.purchases {
            of_day = if day_of(purchase.at) == day { of_day + 1 } else { 1 };
            (day, purchase.of_day) = (day_of(purchase.at), of_day);
        }
    }

    /// Visits that end without an order. In the past some leave a cart; in what is lived only [`Cart`] does, so that each entry is planned.
    fn browse(&mut self, mut draws: Draws, span: Span) {
        let between_days = match self.purchases.len() {
            0 => 60.0,
            1 => 55.0,
            2..=5 => 30.0,
            _ => 20.0,
        };
        let mut day = span.visits_from() as f64;
        loop {
            day += draws.exponential(between_days);
            if day >= END as f64 {
                return;
            }
            let (at, leaves) = (shopping_time(day as i64, &mut draws), draws.chance(0.12));
            self.browsing.push((at, leaves && (day as i64) < span.from - 3));
        }
    }
}

impl Purchase {
    fn at(at: Moment) -> Self {
        Purchase {
            at,
            of_day: 1,
            basket: 0,
            filled: at,
            discounted: false,
            channel: SalesChannel::Smartphone,
            shipment: None,
            fate: Fate::Kept,
            visit: Visit::Cart,
        }
    }

    /// An order that a message brought about.
    pub fn caused(at: Moment, basket: u64, filled: Moment, discounted: bool, refunded: bool) -> Self {
        let fate = if refunded { Fate::PartlyRefunded } else { Fate::Kept };
        Purchase { basket, filled, discounted, fate, visit: Visit::Direct, ..Purchase::at(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(purchase: &&Purchase) -> bool {
        matches!(purchase.fate, Fate::Kept | Fate::PartlyRefunded)
    }

    /// What the planted truths stand on, looked at customer by customer.
    #[test]
    fn nothing_else_happens_where_a_truth_is_decided() {
        for months in [1, 3, 12] {
            is_undisturbed(&Calendar::new(Span::months(months)));
        }
    }

    fn is_undisturbed(calendar: &Calendar) {
        for who in 0..30_000 {
            let life = Life::of(3, who, calendar);
            let days: Vec<i64> = life.purchases.iter().filter(counts).map(|purchase| day_of(purchase.at)).collect();
            let mut distinct = days.clone();
            distinct.dedup();
            if let [first, second, ..] = distinct[..] {
                assert!(second - first <= 88 || second - first >= 95, "{who}: F2 after {} days", second - first);
            }
            if let Some(cart) = life.cart {
                let near: Vec<&Purchase> =
                    life.purchases.iter().filter(|purchase| (cart.at - DAY..=cart.at + 6 * DAY).contains(&purchase.at)).collect();
                assert_eq!(near.len(), usize::from(cart.luck < truth::CART_BASE), "{who}");
                assert!(
                    near.iter().all(|purchase| purchase.at >= cart.at + 5 * HOUR && purchase.at < cart.at + 4 * DAY + 8 * HOUR)
                );
                assert!(distinct[1] < day_of(cart.at), "{who}: two purchase days before the cart");
                assert!((9 * HOUR..20 * HOUR).contains(&((cart.at + 3 * HOUR) % DAY)));
            }
            if let Some(follow_up) = life.follow_up.filter(|follow_up| follow_up.day + 16 < END) {
                assert_eq!(distinct[0] + 30, follow_up.day, "{who}");
                let send = follow_up.day * DAY + 10 * HOUR;
                let until = life
                    .purchases
                    .iter()
                    .filter(|purchase| day_of(purchase.at) > distinct[0] && purchase.at < send + 16 * DAY)
                    .filter(counts)
                    .count();
                let days: usize = usize::from(follow_up.luck < truth::FOLLOW_UP_BASE);
                assert!(until >= days && (days == 1 || until == 0), "{who}: {until}");
            }
            let discounts: Vec<bool> = life.purchases.iter().filter(counts).map(|purchase| purchase.discounted).collect();
            assert!(discounts.iter().all(|discounted| *discounted) == life.discount_only || discounts.is_empty(), "{who}");
        }
    }
}
