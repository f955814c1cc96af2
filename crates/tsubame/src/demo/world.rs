//! The demo shop as one value: who its customers are, what they did, and what they will do on each day of the live month.

use model::{CustomerId, Event, Instant};

use super::{
    basket::{PlacedOrder, aftermath, order_id, placed, received},
    calendar::{Calendar, END, Moment, Span, date, day_of, instant, moment},
    catalogue::Catalogue,
    life::{Fate, Life, Purchase, Visit},
    person::{self, Person},
    visit::{Kind, Session, Visitor, events, strangers},
};

pub const CUSTOMERS_DEFAULT: u32 = 20_000;

/// A demo shop. Everything is a function of the seed and the number of customers, and of a customer's number alone where it is theirs.
#[derive(Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) customers: u32,
    pub(super) calendar: Calendar,
    pub(super) catalogue: Catalogue,
    /// From the first day lived to the end of the tail.
    live: Vec<LiveDay>,
}

/// What happens on one shop day without any message, in order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayActivity {
    pub events: Vec<(Instant, Event)>,
    pub orders: Vec<PlacedOrder>,
    /// Later revisions of orders placed in the live month: refunds, cancellations, returns.
    pub revisions: Vec<PlacedOrder>,
}

#[derive(Debug, Default)]
struct LiveDay {
    orders: Vec<(u32, Purchase)>,
    sessions: Vec<Session>,
    /// Purchases that change on this day.
    changed: Vec<(u32, Purchase)>,
}

impl World {
    pub fn new(seed: u64, customers: u32, span: Span) -> World {
        let (calendar, catalogue) = (Calendar::new(span), Catalogue::new());
        let mut world = World { seed, customers, calendar, catalogue, live: Vec::new() };
        let mut live: Vec<LiveDay> = (span.from..END).map(|_| LiveDay::default()).collect();
        let index = |at: Moment| usize::try_from(day_of(at) - span.from).ok();
        for who in 0..customers {
            let life = world.life(who);
            for session in world.sessions(who, &life).into_iter().filter(|session| day_of(session.at) >= span.from) {
                if let Some(day) = index(session.at).and_then(|index| live.get_mut(index)) {
                    day.sessions.push(session);
                }
            }
            for purchase in life.purchases.into_iter().filter(|purchase| day_of(purchase.at) >= span.from) {
                if purchase.fate != Fate::Kept
                    && let Some(changed) = aftermath(&world.placed(who, &purchase), &purchase)
                    && let Some(day) = index(moment(changed.occurred_at)).and_then(|index| live.get_mut(index))
                {
                    day.changed.push((who, purchase.clone()));
                }
                if let Some(day) = index(purchase.at).and_then(|index| live.get_mut(index)) {
                    day.orders.push((who, purchase));
                }
            }
        }
        world.live = live;
        world
    }

    /// The shop day that [`World::day`] means by a number; day 0 is the first that is lived.
    pub fn date(&self, day: u32) -> chrono::NaiveDate {
        date(self.calendar.span.from + i64::from(day))
    }

    /// What happens by itself on a day that is lived (0..30 of a month) or of the tail after it (30..46); nothing later.
    pub fn day(&self, day: u32) -> DayActivity {
        let Some(live) = self.live.get(day as usize) else { return DayActivity::default() };
        let strange = strangers(self.seed, self.customers, self.calendar.span.from + i64::from(day));
        let mut happened: Vec<(Moment, Event)> = Vec::new();
        for session in live.sessions.iter().cloned().chain(strange) {
            happened.extend(events(self.seed, &self.catalogue, &session));
        }
        happened.sort_by(|a, b| (a.0, &a.1.event_id).cmp(&(b.0, &b.1.event_id)));
        let events = happened.into_iter().map(|(at, event)| (instant(at), event)).collect();
        let sorted = |mut orders: Vec<PlacedOrder>| {
            orders.sort_by(|a, b| (a.occurred_at, &a.order.order_id).cmp(&(b.occurred_at, &b.order.order_id)));
            orders
        };
        let orders = live.orders.iter().map(|(who, purchase)| self.placed(*who, purchase)).collect();
        let revisions =
            live.changed.iter().filter_map(|(who, purchase)| aftermath(&self.placed(*who, purchase), purchase)).collect();
        DayActivity { events, orders: sorted(orders), revisions: sorted(revisions) }
    }

    pub(super) fn life(&self, who: u32) -> Life {
        Life::of(self.seed, who, &self.calendar)
    }

    pub(super) fn who(&self, id: &CustomerId) -> Option<u32> {
        person::who(id, self.customers)
    }

    /// A customer's visits since the tag was put in, in order of time.
    pub(super) fn sessions(&self, who: u32, life: &Life) -> Vec<Session> {
        let registered = Person::of(self.seed, who, life, self.calendar.span).registered;
        let member = |at: Moment, kind: Kind| {
            let visitor = if at < registered { Visitor::Future(who) } else { Visitor::Member(who) };
            Session { visitor, kind, at, send_id: None, order: None }
        };
        let mut sessions = Vec::new();
        for (at, leaves) in &life.browsing {
            sessions
                .push(member(*at, if *leaves { Kind::Leave { basket: *at as u64 ^ u64::from(who) << 32 } } else { Kind::Look }));
        }
        let visits_from = self.calendar.span.visits_from();
        for purchase in life.purchases.iter().filter(|purchase| day_of(purchase.at) >= visits_from) {
            let basket = purchase.basket;
            let kind = match purchase.visit {
                Visit::None => continue,
                Visit::Cart => Kind::Buy { basket },
                Visit::Direct => Kind::BuyDirect { basket, filled: purchase.filled },
            };
            let order = self.placed(who, purchase).order;
            let order = Some((order.order_id.clone(), received(&order)));
            sessions.push(Session { order, ..member(purchase.at, kind) });
        }
        if let Some(cart) = life.cart {
            sessions.push(member(cart.at, Kind::Leave { basket: cart.basket }));
        }
        sessions.sort_by_key(|session| session.at);
        sessions
    }

    pub(super) fn placed(&self, who: u32, purchase: &Purchase) -> PlacedOrder {
        placed(&self.catalogue, who, purchase, order_id(who, purchase), None)
    }
}
