//! What a message does to the one who gets it: it arrives, is opened, clicked, or is too much; and some buy because of it.
//!
//! Whether somebody buys because of a message is decided in their life (`Cart::luck`, `FollowUp::luck`), not here, so treated and held out
//! differ by the planted effect and by nothing else. The rest is drawn per send.

use model::{Channel, CustomerId, Event, Instant, Receipt, ReceiptKind};

use super::{
    basket::{PlacedOrder, aftermath, placed, received},
    calendar::{DAY, HOUR, Moment, day_of, instant, moment, short_date, when_awake},
    draw::Draws,
    life::{Life, Purchase},
    truth,
    visit::{Kind, Session, Visitor, events},
    world::World,
};

/// The scenario whose first message brings back carts, and the step that sends it.
pub const CART_SCENARIO: &str = "cart-recovery";
pub const CART_STEP: &str = "remind";
/// The scenario that tests two subjects on first buyers.
pub const FOLLOW_UP_SCENARIO: &str = "f2-followup";
/// The source of receipts: the built-in sink.
pub const RECEIPT_SOURCE: &str = "sink";

/// A message that the sink was handed.
#[derive(Debug, Clone, PartialEq)]
pub struct SentMessage {
    pub send_id: String,
    pub customer_id: CustomerId,
    pub scenario: String,
    pub step: String,
    /// The arm of the step's experiment.
    pub arm: Option<String>,
    pub channel: Channel,
    pub sent_at: Instant,
    pub accepted: bool,
}

/// Something that follows from a message, at a time after it.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    Receipt(Instant, Receipt),
    Event(Instant, Event),
    /// An order the message brought about, or a later revision of one.
    Order(PlacedOrder),
}

impl Response {
    pub fn at(&self) -> Instant {
        match self {
            Response::Receipt(at, _) | Response::Event(at, _) => *at,
            Response::Order(placed) => placed.occurred_at,
        }
    }
}

impl World {
    /// What follows from a message, in order of time. The same message always gets the same answer.
    pub fn respond(&self, sent: &SentMessage) -> Vec<Response> {
        let Some(who) = self.who(&sent.customer_id).filter(|_| sent.accepted) else { return Vec::new() };
        let life = self.life(who);
        let mut draws = Draws::about(self.seed, "respond", &sent.send_id);
        let sent_at = moment(sent.sent_at);
        let order = caused(&life, sent).map(|basket| {
            let longest = if sent.scenario == CART_SCENARIO { 3 * DAY } else { 6 * DAY };
            let at = when_awake(sent_at + 20 * 60 + (draws.unit().powi(3) * longest as f64) as Moment);
            let (basket, filled) = basket.unwrap_or_else(|| (draws.bits(), at));
            let discounted = life.discount_only || draws.chance(0.26);
            Purchase::caused(at, basket, filled, discounted, draws.chance(0.02))
        });
        let (receipts, clicked_at) = receipts(sent, sent_at, order.as_ref().map(|order| order.at), &life, &mut draws);
        let mut responses: Vec<Response> = receipts;
        let mut order_placed = None;
        if let Some(purchase) = &order {
            let id = format!("{}-{:06}-{}", short_date(day_of(purchase.at)), who + 1, if is_cart(sent) { "C" } else { "F" });
            let send_id = clicked_at.map(|_| sent.send_id.as_str());
            let placed = placed(&self.catalogue, who, purchase, id, send_id);
            order_placed = Some((placed.order.order_id.clone(), received(&placed.order)));
            responses.extend(aftermath(&placed, purchase).map(Response::Order));
            responses.push(Response::Order(placed));
        }
        // Who clicks is seen on the site; who buys without a click comes back by themselves.
        let visit = match (&order, clicked_at) {
            (Some(purchase), _) => Some((purchase.at, Kind::BuyDirect { basket: purchase.basket, filled: purchase.filled })),
            (None, Some(at)) => Some((at, Kind::Look)),
            (None, None) => None,
        };
        if let Some((at, kind)) = visit {
            let send_id = clicked_at.map(|_| sent.send_id.clone());
            let session = Session { visitor: Visitor::Member(who), kind, at, send_id, order: order_placed };
            let seen = events(self.seed, &self.catalogue, &session);
            responses.extend(seen.into_iter().map(|(at, event)| Response::Event(instant(at), event)));
        }
        responses.sort_by_key(Response::at);
        responses
    }
}

fn is_cart(sent: &SentMessage) -> bool {
    sent.scenario == CART_SCENARIO
}

/// Whether the message makes them buy; and which basket, filled when, if that is settled already.
fn caused(life: &Life, sent: &SentMessage) -> Option<Option<(u64, Moment)>> {
    let sent_at = moment(sent.sent_at);
    match sent.scenario.as_str() {
        CART_SCENARIO if sent.step == CART_STEP => {
            let cart = life.cart.filter(|cart| (cart.at..cart.at + DAY).contains(&sent_at))?;
            let band = truth::CART_BASE..truth::CART_BASE + truth::CART_EFFECT;
            band.contains(&cart.luck).then_some(Some((cart.basket, cart.at)))
        }
        FOLLOW_UP_SCENARIO => {
            let follow_up = life.follow_up.filter(|follow_up| (0..=2).contains(&(day_of(sent_at) - follow_up.day)))?;
            let with_message = match sent.arm.as_deref() {
                Some("a") => truth::FOLLOW_UP_A,
                Some("b") => truth::FOLLOW_UP_B,
                _ => truth::FOLLOW_UP_BASE,
            };
            (truth::FOLLOW_UP_BASE..with_message).contains(&follow_up.luck).then_some(None)
        }
        _ => None,
    }
}

/// The receipts, and when they clicked, if a person did.
fn receipts(
    sent: &SentMessage,
    sent_at: Moment,
    ordered_at: Option<Moment>,
    life: &Life,
    draws: &mut Draws,
) -> (Vec<Response>, Option<Moment>) {
    let mut receipts = Vec::new();
    let mut say = |at: Moment, kind: ReceiptKind, human: bool| {
        receipts.push(Response::Receipt(instant(at), receipt(sent, kind, human)));
    };
    let (opens, clicks, leaves) = match sent.channel {
        Channel::Email => (0.36, 0.06, 0.004),
        Channel::Line => (0.0, 0.11, 0.007),
        _ => (0.0, 0.05, 0.003),
    };
    let email = sent.channel == Channel::Email;
    // LINE tells nobody of a delivery; the others do, except for a few.
    let arrives = draws.chance(if email { 0.992 } else { 0.97 }) || ordered_at.is_some();
    let delivered_at = sent_at + draws.between(2, 40);
    match sent.channel {
        Channel::Line => {}
        _ if arrives => say(delivered_at, ReceiptKind::Delivered, true),
        _ => {
            say(delivered_at, ReceiptKind::Bounced, true);
            return (receipts, None);
        }
    }
    // Mail proxies open and link scanners click within seconds: not people.
    if email && draws.chance(0.12) {
        say(delivered_at + 2, ReceiptKind::Opened, false);
    }
    if email && draws.chance(0.02) {
        say(delivered_at + 4, ReceiptKind::Clicked, false);
    }
    // Who comes back to a cart anyway clicks too: attributed is more than added.
    let anyway = is_cart(sent) && life.cart.is_some_and(|cart| cart.luck < truth::CART_BASE);
    let clicks = if ordered_at.is_some() {
        0.85
    } else if anyway {
        0.3
    } else {
        clicks
    };
    let human_click = draws.chance(clicks);
    let seen_at = match ordered_at {
        Some(ordered_at) => ordered_at - draws.between(330, 900),
        None => when_awake(sent_at + 120 + draws.exponential(5.0 * HOUR as f64) as Moment),
    };
    let seen_at = seen_at.max(delivered_at + 6);
    if email && (human_click || draws.chance(opens)) {
        say(seen_at, ReceiptKind::Opened, true);
    }
    let clicked_at = seen_at + draws.between(5, 25);
    if human_click {
        say(clicked_at, ReceiptKind::Clicked, true);
    } else if ordered_at.is_none() && draws.chance(leaves) {
        let kind = if sent.channel == Channel::Line { ReceiptKind::Blocked } else { ReceiptKind::Unsubscribed };
        say(clicked_at, kind, true);
    }
    (receipts, human_click.then_some(clicked_at))
}

fn receipt(sent: &SentMessage, kind: ReceiptKind, human: bool) -> Receipt {
    let link = (kind == ReceiptKind::Clicked).then(|| "https://shop.example.jp/".to_string());
    Receipt {
        receipt_id: format!("{}-{}-{}", sent.send_id, kind.name(), if human { "h" } else { "m" }),
        send_id: sent.send_id.clone(),
        customer_id: sent.customer_id.clone(),
        channel: sent.channel,
        kind,
        human,
        link,
        source: RECEIPT_SOURCE.into(),
    }
}
