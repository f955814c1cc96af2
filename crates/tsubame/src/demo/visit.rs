//! What somebody does on the site in one visit, as the shop's tag would report it.

use model::{Event, Money};

use super::{
    basket::{BasketLine, goods, value, yen},
    calendar::{DAY, Moment, day_of, shopping_time},
    catalogue::Catalogue,
    draw::Draws,
    person::customer_id,
};

/// The source of the shop's events, in the file and in the live month alike.
pub const EVENT_SOURCE: &str = "web";

#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub visitor: Visitor,
    pub kind: Kind,
    /// For a visit without cart or order when it begins, else when the cart is last updated or the order placed.
    pub at: Moment,
    /// The send whose link led here.
    pub send_id: Option<String>,
    /// The order a visit that buys ends in, and its value.
    pub order: Option<(String, Money)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    Member(u32),
    /// A member who is not one yet: the same browser, without a name.
    Future(u32),
    Stranger(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Look,
    /// Fills a cart and leaves it.
    Leave {
        basket: u64,
    },
    /// Fills a cart and buys.
    Buy {
        basket: u64,
    },
    /// Comes back and buys what was chosen at `filled`.
    BuyDirect {
        basket: u64,
        filled: Moment,
    },
}

/// Visits by people whom the shop never learns the names of. Only theirs may leave carts in the live month besides the planned ones.
pub fn strangers(seed: u64, customers: u32, day: i64) -> impl Iterator<Item = Session> {
    (0..u64::from(customers) / 130).map(move |index| {
        let mut draws = Draws::new(seed, "stranger", (day as u64) << 32 | index);
        let at = shopping_time(day, &mut draws);
        let kind = if draws.chance(0.15) { Kind::Leave { basket: draws.bits() } } else { Kind::Look };
        Session { visitor: Visitor::Stranger(draws.bits()), kind, at, send_id: None, order: None }
    })
}

/// The events of a visit, in order of time, all on the day of `at`.
pub fn events(seed: u64, catalogue: &Catalogue, session: &Session) -> Vec<(Moment, Event)> {
    let (what, subject) = match session.visitor {
        Visitor::Member(who) | Visitor::Future(who) => ("device", u64::from(who)),
        Visitor::Stranger(key) => ("strange device", key),
    };
    let mut draws = Draws::new(seed ^ session.at as u64, what, subject);
    let mut visit = Script {
        customer: match session.visitor {
            Visitor::Member(who) => Some(customer_id(who)),
            _ => None,
        },
        visitor_id: format!("v{}", Draws::new(seed, what, subject).hex()),
        session_id: format!("s{}", draws.hex()),
        draws,
        send_id: session.send_id.as_deref(),
        events: Vec::new(),
    };
    match session.kind {
        Kind::Look => visit.look(catalogue, session.at),
        Kind::Leave { basket } => visit.fill(&goods(catalogue, basket, session.at), basket, session.at, false),
        Kind::Buy { basket } => {
            let filled = session.at - visit.draws.between(90, 240);
            visit.fill(&goods(catalogue, basket, session.at), basket, filled, true);
        }
        Kind::BuyDirect { basket, filled } => visit.come_back(&goods(catalogue, basket, filled), basket, session.at),
    }
    if let Some((order_id, value)) = &session.order {
        let event = visit.event("order_placed", "thanks".into());
        visit.events.push((session.at, Event { order_id: Some(order_id.clone()), value: Some(*value), ..event }));
    }
    // A visit late in the evening is cut short rather than counted to the next day.
    let last = (day_of(session.at) + 1) * DAY - 1;
    visit.events.iter_mut().for_each(|(at, event)| {
        *at = (*at).min(last);
        event.source = EVENT_SOURCE.into();
    });
    visit.events
}

struct Script<'a> {
    customer: Option<model::CustomerId>,
    visitor_id: String,
    session_id: String,
    draws: Draws,
    send_id: Option<&'a str>,
    events: Vec<(Moment, Event)>,
}

impl Script<'_> {
    fn look(&mut self, catalogue: &Catalogue, from: Moment) {
        let mut at = from;
        self.page(at);
        for _ in 0..self.draws.between(1, 5) {
            at += self.draws.between(8, 90);
            let product = catalogue.any(false, &mut self.draws);
            self.view(at, product.code.clone(), product.category);
        }
    }

    /// Each line is looked at and put into the cart; the last at `until`.
    fn fill(&mut self, lines: &[BasketLine], basket: u64, until: Moment, buys: bool) {
        let pace = self.draws.between(30, 75);
        let from = until - pace * (lines.len() as i64 - 1);
        let landed = from - self.draws.between(40, 120);
        self.page(landed);
        for (index, line) in lines.iter().enumerate() {
            let at = from + pace * index as i64;
            let viewed = at - self.draws.between(5, 25);
            self.view(viewed, line.product.code.clone(), line.product.category);
            self.cart("cart_updated", at, &lines[..=index], basket, "cart");
        }
        if buys || self.draws.chance(0.4) {
            let at = until + self.draws.between(20, 80);
            self.cart("checkout_started", at, lines, basket, "checkout");
        }
    }

    fn come_back(&mut self, lines: &[BasketLine], basket: u64, bought: Moment) {
        let (landed, viewed) = (bought - self.draws.between(150, 300), bought - self.draws.between(90, 140));
        let checkout = bought - self.draws.between(30, 80);
        self.page(landed);
        self.view(viewed, lines[0].product.code.clone(), lines[0].product.category);
        self.cart("checkout_started", checkout, lines, basket, "checkout");
    }

    fn page(&mut self, at: Moment) {
        let event = self.event("page", String::new());
        self.events.push((at, event));
    }

    fn view(&mut self, at: Moment, code: String, category: &str) {
        let event = self.event("product_viewed", format!("products/{code}"));
        self.events.push((at, Event { product_id: Some(code), category: Some(category.into()), ..event }));
    }

    fn cart(&mut self, name: &str, at: Moment, lines: &[BasketLine], basket: u64, path: &str) {
        let event = self.event(name, path.into());
        let last = lines.last().map(|line| (line.product.code.clone(), line.product.category.to_string()));
        let (product_id, category) = last.unzip();
        let cart_id = Some(cart_id(basket));
        self.events.push((at, Event { cart_id, product_id, category, value: Some(yen(value(lines))), ..event }));
    }

    fn event(&mut self, name: &str, path: String) -> Event {
        Event {
            event_id: format!("e{}", self.draws.hex()),
            name: name.into(),
            customer_id: self.customer.clone(),
            visitor_id: Some(self.visitor_id.clone()),
            session_id: Some(self.session_id.clone()),
            url: Some(format!("https://shop.example.jp/{path}")),
            // The link is where the visit begins.
            send_id: self.send_id.filter(|_| self.events.is_empty()).map(String::from),
            ..Event::default()
        }
    }
}

pub fn cart_id(basket: u64) -> String {
    format!("cart-{basket:016x}")
}
