//! What is kept per customer, and how facts that arrive change it.
//!
//! Kept values are those of `queries/system/views/{purchase_days,customer_facts}.sql`, worked out by other means for the customers whom new
//! facts touch: a revision touches whoever had the order before and whoever has it now, a link both sides of a merge. An order stands at
//! its last revision whatever the order in which revisions come, and however often: states join as a semilattice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::{Instant, Money, money::MoneyError};

/// Source and number: what tells orders apart.
pub type OrderKey = (String, String);

/// What kept values depend on in one revision of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub source: String,
    pub order_id: String,
    /// As the order says, before any merge.
    pub customer_id: Option<String>,
    /// When the revision happened, and its place in the journal.
    pub occurred_at: Instant,
    pub position: i64,
    pub ordered_on: NaiveDate,
    /// Whether it is a purchase: completed, with money left.
    pub purchase: bool,
    pub discounted: bool,
    pub gross: Money,
    pub net: Money,
    pub refunded: Money,
}

/// Orders, each at the last revision known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderStates(BTreeMap<OrderKey, OrderState>);

impl OrderStates {
    pub fn learn(&mut self, state: OrderState) {
        let key = (state.source.clone(), state.order_id.clone());
        match self.0.get_mut(&key) {
            Some(known) if (known.occurred_at, known.position) >= (state.occurred_at, state.position) => {}
            Some(known) => *known = state,
            None => {
                self.0.insert(key, state);
            }
        }
    }

    pub fn get(&self, key: &OrderKey) -> Option<&OrderState> {
        self.0.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&OrderKey, &OrderState)> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<OrderState> for OrderStates {
    fn extend<T: IntoIterator<Item = OrderState>>(&mut self, states: T) {
        states.into_iter().for_each(|state| self.learn(state));
    }
}

/// The last word on whose earlier self a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub survivor_id: String,
    /// False: the merge was undone.
    pub linked: bool,
    pub occurred_at: Instant,
    pub position: i64,
}

/// Links by the customer who was merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links(BTreeMap<String, Link>);

impl Links {
    pub fn learn(&mut self, from_id: String, link: Link) {
        match self.0.get_mut(&from_id) {
            Some(known) if (known.occurred_at, known.position) >= (link.occurred_at, link.position) => {}
            Some(known) => *known = link,
            None => {
                self.0.insert(from_id, link);
            }
        }
    }

    pub fn survivor<'a>(&'a self, customer: &'a str) -> &'a str {
        self.0.get(customer).filter(|link| link.linked).map_or(customer, |link| &link.survivor_id)
    }
}

/// What became visible since values were kept.
#[derive(Debug, Clone, Default)]
pub struct News {
    pub orders: OrderStates,
    /// Who was whose survivor then, and who is now.
    pub before: Links,
    pub after: Links,
}

impl News {
    /// The customers whose values may have changed. `kept` holds at least the states, as they were kept, of the orders that are in the news.
    pub fn touched(&self, kept: &OrderStates) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        for (key, state) in self.orders.iter() {
            let owners = kept.get(key).into_iter().chain([state]).filter_map(|state| state.customer_id.as_deref());
            touched.extend(owners.map(|owner| self.after.survivor(owner).to_string()));
        }
        for from in self.before.0.keys().chain(self.after.0.keys()) {
            let (then, now) = (self.before.survivor(from), self.after.survivor(from));
            if then != now {
                touched.extend([then, now].map(String::from));
            }
        }
        touched
    }

    /// The ids under which orders of these customers may stand.
    pub fn owners(&self, customers: &BTreeSet<String>) -> BTreeSet<String> {
        let merged = self.after.0.keys().filter(|from| customers.contains(self.after.survivor(from)));
        merged.chain(customers).cloned().collect()
    }
}

/// One shop day on which a customer bought: orders of one day are one purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseDay {
    pub customer_id: String,
    pub ordered_on: NaiveDate,
    /// 1 for F1, 2 for F2, and so on.
    pub nth: i64,
    pub orders: i64,
    pub discounted_orders: i64,
    pub gross: Money,
    pub net: Money,
    pub refunded: Money,
    pub first_ordered_on: NaiveDate,
    pub previous_ordered_on: Option<NaiveDate>,
    pub next_ordered_on: Option<NaiveDate>,
}

/// The purchase days of some customers, by customer and day. `states` holds every order that may stand under one of their ids.
pub fn purchase_days(states: &OrderStates, links: &Links, customers: &BTreeSet<String>) -> Result<Vec<PurchaseDay>, MoneyError> {
    let mut by_customer: BTreeMap<&str, BTreeMap<NaiveDate, PurchaseDay>> = BTreeMap::new();
    for (_, state) in states.iter().filter(|(_, state)| state.purchase) {
        let Some(customer) = state.customer_id.as_deref().map(|owner| links.survivor(owner)) else { continue };
        if !customers.contains(customer) {
            continue;
        }
        let day = by_customer.entry(customer).or_default().entry(state.ordered_on).or_insert_with(|| PurchaseDay {
            customer_id: customer.into(),
            ordered_on: state.ordered_on,
            nth: 0,
            orders: 0,
            discounted_orders: 0,
            gross: Money::ZERO,
            net: Money::ZERO,
            refunded: Money::ZERO,
            first_ordered_on: state.ordered_on,
            previous_ordered_on: None,
            next_ordered_on: None,
        });
        day.orders += 1;
        day.discounted_orders += i64::from(state.discounted);
        day.gross = day.gross.plus(state.gross)?;
        day.net = day.net.plus(state.net)?;
        day.refunded = day.refunded.plus(state.refunded)?;
    }
    let mut days: Vec<PurchaseDay> = Vec::new();
    for (_, bought) in by_customer {
        let start = days.len();
        days.extend(bought.into_values());
        let dates: Vec<NaiveDate> = days[start..].iter().map(|day| day.ordered_on).collect();
        for (index, day) in days[start..].iter_mut().enumerate() {
            day.nth = index as i64 + 1;
            day.first_ordered_on = dates[0];
            day.previous_ordered_on = index.checked_sub(1).map(|before| dates[before]);
            day.next_ordered_on = dates.get(index + 1).copied();
        }
    }
    Ok(days)
}

/// What a customer's purchases add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    pub customer_id: String,
    pub first_ordered_on: NaiveDate,
    pub second_ordered_on: Option<NaiveDate>,
    pub last_ordered_on: NaiveDate,
    pub orders: i64,
    pub purchase_days: i64,
    pub discounted_orders: i64,
    pub gross_revenue: Money,
    pub net_revenue: Money,
}

/// One buyer per customer; `days` come by customer and day.
pub fn buyers(days: &[PurchaseDay]) -> Result<Vec<Buyer>, MoneyError> {
    let of_one = days.chunk_by(|a, b| a.customer_id == b.customer_id);
    of_one
        .map(|days| {
            Ok(Buyer {
                customer_id: days[0].customer_id.clone(),
                first_ordered_on: days[0].ordered_on,
                second_ordered_on: days.get(1).map(|day| day.ordered_on),
                last_ordered_on: days[days.len() - 1].ordered_on,
                orders: days.iter().map(|day| day.orders).sum(),
                purchase_days: days.len() as i64,
                discounted_orders: days.iter().map(|day| day.discounted_orders).sum(),
                gross_revenue: Money::sum(days.iter().map(|day| day.gross))?,
                net_revenue: Money::sum(days.iter().map(|day| day.net))?,
            })
        })
        .collect()
}

/// A number for a text, the same for ever (FNV-1a): columns of numbers are searched where texts would cost ten times as much. Two texts may
/// share one, so whoever finds by it compares the texts too.
pub fn search_key(text: &str) -> i64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Fact {
        Order(OrderState),
        Link(String, Link),
    }

    /// What is kept, as a store would have it: every state ever stored, in no order, and the values of each customer.
    #[derive(Default)]
    struct Store {
        states: Vec<OrderState>,
        links: Links,
        days: BTreeMap<String, Vec<PurchaseDay>>,
    }

    impl Store {
        fn refresh(&mut self, facts: &[Fact]) {
            let mut news = News { before: self.links.clone(), after: self.links.clone(), ..News::default() };
            for fact in facts {
                match fact {
                    Fact::Order(state) => news.orders.learn(state.clone()),
                    Fact::Link(from, link) => news.after.learn(from.clone(), link.clone()),
                }
            }
            let same_order = |state: &&OrderState| news.orders.get(&(state.source.clone(), state.order_id.clone())).is_some();
            let mut known = OrderStates::default();
            known.extend(self.states.iter().filter(same_order).cloned());
            let touched = news.touched(&known);
            let owners = news.owners(&touched);
            let is_owned = |state: &&OrderState| state.customer_id.as_ref().is_some_and(|owner| owners.contains(owner));
            known.extend(self.states.iter().filter(is_owned).cloned());
            // What an owner had once, somebody else may have by now.
            let names: BTreeSet<OrderKey> = known.iter().map(|(key, _)| key.clone()).collect();
            let is_named = |state: &&OrderState| names.contains(&(state.source.clone(), state.order_id.clone()));
            known.extend(self.states.iter().filter(is_named).cloned());
            known.extend(news.orders.iter().map(|(_, state)| state.clone()));
            for customer in &touched {
                self.days.remove(customer);
            }
            for day in purchase_days(&known, &news.after, &touched).unwrap() {
                self.days.entry(day.customer_id.clone()).or_default().push(day);
            }
            self.states.extend(news.orders.iter().map(|(_, state)| state.clone()));
            self.links = news.after;
        }
    }

    fn from_scratch(facts: &[Fact]) -> BTreeMap<String, Vec<PurchaseDay>> {
        let (mut states, mut links) = (OrderStates::default(), Links::default());
        for fact in facts {
            match fact {
                Fact::Order(state) => states.learn(state.clone()),
                Fact::Link(from, link) => links.learn(from.clone(), link.clone()),
            }
        }
        let everybody = states.iter().filter_map(|(_, state)| Some(links.survivor(state.customer_id.as_deref()?).to_string()));
        let mut days: BTreeMap<String, Vec<PurchaseDay>> = BTreeMap::new();
        for day in purchase_days(&states, &links, &everybody.collect()).unwrap() {
            days.entry(day.customer_id.clone()).or_default().push(day);
        }
        days
    }

    fn at(hour: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_750_000_000 + hour * 3_600, 0).unwrap()
    }

    /// Few customers, orders and days, so that they meet: revisions, refunds, cancellations, orders that change hands, merges and their undoing.
    fn fact() -> impl Strategy<Value = Fact> {
        let customer = || (0_u8..6).prop_map(|number| format!("c{number}"));
        let order = (0_u8..12, proptest::option::of(customer()), 0_i64..40, 0_u64..9, any::<bool>(), any::<bool>(), 0_i64..900)
            .prop_map(|(order, customer_id, hour, day, completed, discounted, yen)| {
                let money = |yen| Money::whole(yen).unwrap();
                Fact::Order(OrderState {
                    source: "shop".into(),
                    order_id: format!("o{order}"),
                    customer_id,
                    occurred_at: at(hour),
                    position: 0,
                    ordered_on: NaiveDate::default() + chrono::Days::new(20_000 + day),
                    purchase: completed && yen > 100,
                    discounted,
                    gross: money(1_000),
                    net: money(yen),
                    refunded: money(900 - yen),
                })
            });
        let link = (customer(), customer(), 0_i64..40, any::<bool>()).prop_map(|(from, survivor_id, hour, linked)| {
            Fact::Link(from, Link { survivor_id, linked, occurred_at: at(hour), position: 0 })
        });
        prop_oneof![4 => order, 1 => link]
    }

    proptest! {
        /// In whatever order facts come, cut into refreshes at whatever places, some of them twice: what is kept is what a computation of all
        /// of them gives.
        #[test]
        fn kept_is_recomputed(
            mut facts in prop::collection::vec(fact(), 1..60),
            cuts in prop::collection::vec(0_usize..60, 0..8),
            again in prop::collection::vec(0_usize..60, 0..6),
        ) {
            for (position, fact) in (1..).zip(&mut facts) {
                match fact {
                    Fact::Order(state) => state.position = position,
                    Fact::Link(_, link) => link.position = position,
                }
            }
            let mut stream = facts.clone();
            stream.extend(again.iter().filter_map(|index| facts.get(*index).cloned()));
            let mut ends: Vec<usize> = cuts.iter().copied().filter(|cut| *cut < stream.len()).chain([stream.len()]).collect();
            ends.sort_unstable();
            let (mut store, mut from) = (Store::default(), 0);
            for end in ends {
                store.refresh(&stream[from..end]);
                from = end;
            }
            let expected = from_scratch(&facts);
            prop_assert_eq!(&store.days, &expected);
            let (kept, fresh): (Vec<_>, Vec<_>) = (store.days.into_values().flatten().collect(), expected.into_values().flatten().collect());
            prop_assert_eq!(buyers(&kept).unwrap(), buyers(&fresh).unwrap());
        }
    }

    fn state(order: &str, customer: &str, day: u64, yen: i64) -> OrderState {
        OrderState {
            source: "shop".into(),
            order_id: order.into(),
            customer_id: Some(customer.into()),
            occurred_at: at(0),
            position: 1,
            ordered_on: NaiveDate::default() + chrono::Days::new(day),
            purchase: yen > 0,
            discounted: false,
            gross: Money::whole(1_000).unwrap(),
            net: Money::whole(yen).unwrap(),
            refunded: Money::ZERO,
        }
    }

    #[test]
    fn a_buyer_is_what_the_days_add_up_to() {
        let mut states = OrderStates::default();
        states.extend([state("1", "a", 3, 500), state("2", "a", 3, 200), state("3", "a", 7, 100), state("4", "a", 9, 0)]);
        let days = purchase_days(&states, &Links::default(), &["a".to_string()].into()).unwrap();
        let shown: Vec<_> = days.iter().map(|day| (day.nth, day.orders, day.net.scaled() / crate::money::SCALE)).collect();
        assert_eq!(shown, [(1, 2, 700), (2, 1, 100)], "orders of one day are one purchase, what was refunded is none");
        let [buyer] = &buyers(&days).unwrap()[..] else { panic!("one customer is one buyer") };
        assert_eq!((buyer.orders, buyer.purchase_days), (3, 2));
        assert_eq!((buyer.second_ordered_on, buyer.last_ordered_on), (Some(days[1].ordered_on), days[1].ordered_on));
    }

    #[test]
    fn both_sides_of_a_merge_are_touched() {
        let linked = |linked| {
            let mut links = Links::default();
            links.learn("guest".into(), Link { survivor_id: "member".into(), linked, occurred_at: at(1), position: 1 });
            links
        };
        let check = |before: Links, after: Links, expect: &[&str]| {
            let news = News { orders: OrderStates::default(), before, after };
            assert_eq!(news.touched(&OrderStates::default()), expect.iter().map(|name| name.to_string()).collect());
        };
        check(Links::default(), linked(true), &["guest", "member"]);
        check(linked(true), linked(false), &["guest", "member"]);
        check(Links::default(), linked(false), &[]);
        check(linked(true), linked(true), &[]);
    }
}
