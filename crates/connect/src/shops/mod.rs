//! What shop systems and LINE tell: webhook deliveries and pages of their APIs, in; facts, addresses, consents and parts of documents, out.
//!
//! | file | is |
//! |---|---|
//! | [`signature`] | who may deliver |
//! | [`order_document`] | the state of an order, whatever order its deliveries come in |
//! | [`shopify`], [`woocommerce`] | their payloads |
//! | [`signed_json`] | our own shape, for any other cart |
//! | [`line`] | who blocks the shop's LINE account, and who adds it again |
//! | [`segment`] | orders told as events by a trusted server |
//! | [`stock_document`] | which product an inventory item is, and how many are where |
//!
//! Orders and stock levels leave as deltas: the caller merges each into what it has of that thing, in the transaction that journals what
//! came of it. Everything else leaves as facts, whose keys make a second delivery a no-op.

pub mod line;
mod members;
pub mod order_document;
pub mod segment;
pub mod shopify;
pub mod signature;
pub mod signed_json;
pub mod stock_document;
pub mod woocommerce;

use std::collections::BTreeMap;

use model::{
    Consent, Contact, ContactKind, Currency, CustomerId, Email, Fact, IdKey, Instant, Phone, Profile, Record, ShopZone, Source,
    SourceKind, SuppressedAddress, id::hex, id_bytes,
};

pub use order_document::{OrderDelta, OrderDocument};
pub use segment::segment_order;
pub use signature::{Headers, Unsigned, verify};
pub use stock_document::{StockDelta, StockDocument};

use crate::collect::Refused;
use members::Bad;

/// How far ahead of its arrival a delivery's times may lie: clocks differ, years should not.
const AHEAD_HOURS_MAX: i64 = 24;

/// Where a delivery comes from, and what it is read by.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    pub source: &'a Source,
    pub key: &'a IdKey,
    pub currency: &'a Currency,
    pub zone: ShopZone,
    pub received_at: Instant,
}

/// What came of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Things whose state is put together from several deliveries.
    pub orders: Vec<OrderDelta>,
    pub stock: Vec<StockDelta>,
    pub facts: Vec<Fact>,
    /// Each with the instant since which it is good.
    pub contacts: Vec<(Contact, Instant)>,
    pub consents: Vec<(Consent, Instant)>,
    /// Whose addresses are to be destroyed, each as of when.
    pub erased: Vec<(CustomerId, Instant)>,
    /// Addresses whose owner blocked us.
    pub blocked: Vec<SuppressedAddress>,
    /// Those where that is over.
    pub unblocked: Vec<SuppressedAddress>,
    pub refused: Vec<Refused>,
    /// What was left out on purpose, by why: `test_order`, `ignored_topic`.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Addresses that could not be read, by kind: dropped, the rest kept.
    pub addresses_dropped: BTreeMap<&'static str, u64>,
}

/// Reads a delivery whose signature fits. What cannot be read is refused with its bytes: the shop is not to be told, since it would take
/// the subscription away.
pub fn read(door: &Door<'_>, headers: Headers<'_>, body: &[u8]) -> Delivered {
    let mut delivered = Delivered::default();
    let done = match door.source.kind {
        SourceKind::Shopify => shopify::delivery(door, headers, body, &mut delivered),
        SourceKind::Woocommerce => woocommerce::delivery(door, headers, body, &mut delivered),
        SourceKind::SignedJson => signed_json::delivery(door, body, &mut delivered),
        SourceKind::Line => line::delivery(door, body, &mut delivered),
        SourceKind::Browser | SourceKind::Server | SourceKind::Ga4 => Err(Bad::unknown_topic()),
    };
    if let Err(bad) = done {
        delivered.refuse(0, bad, body);
    }
    delivered
}

impl Delivered {
    fn refuse(&mut self, index: usize, bad: Bad, raw: &[u8]) {
        self.refused.push(Refused { index, code: bad.code, reason: bad.reason, remedy: bad.remedy, raw: raw.into() });
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    fn fact<R: Record>(&mut self, door: &Door<'_>, record: &R, occurred_at: Instant) {
        self.facts.push(Fact::new(record, occurred_at, door.received_at.max(occurred_at)));
    }

    /// A revision of a profile. Its id holds the time too: a customer who goes back to an earlier state has a third revision.
    fn profile(&mut self, door: &Door<'_>, mut profile: Profile, occurred_at: Instant) {
        profile.revision_id = revision_id(&profile, occurred_at);
        self.fact(door, &profile, occurred_at);
    }

    fn addresses(&mut self, person: &Person, since: Instant) {
        for kind in &person.dropped {
            *self.addresses_dropped.entry(kind).or_default() += 1;
        }
        let Some(customer_id) = &person.customer_id else { return };
        for (kind, address) in &person.contacts {
            let contact = Contact { customer_id: customer_id.clone(), kind: *kind, address: address.clone() };
            self.contacts.push((contact, since));
        }
    }
}

/// Somebody a payload names, and the addresses it gives.
#[derive(Default)]
struct Person {
    customer_id: Option<CustomerId>,
    contacts: Vec<(ContactKind, String)>,
    dropped: Vec<&'static str>,
}

impl Person {
    /// By the shop's id, else a pseudonym of the e-mail address, else of the phone number.
    fn read(
        door: &Door<'_>,
        id: Option<String>,
        email: Option<String>,
        phone: Option<String>,
        name: Option<String>,
    ) -> Result<Person, Bad> {
        let mut person = Person::default();
        let email = email.and_then(|raw| Email::parse(&raw).map_err(|_| person.dropped.push("email")).ok());
        let phone = phone.and_then(|raw| Phone::parse(&raw).map_err(|_| person.dropped.push("phone")).ok());
        person.customer_id = match (id, &email, &phone) {
            (Some(raw), ..) => Some(CustomerId::parse(&raw, door.key).map_err(|_| Bad::not_an_id("customer_id"))?),
            (None, Some(email), _) => Some(CustomerId::guest(email.as_str(), door.key)),
            (None, None, Some(phone)) => Some(CustomerId::guest(phone.as_str(), door.key)),
            (None, None, None) => None,
        };
        person.contacts.extend(email.map(|email| (ContactKind::Email, email.as_str().to_string())));
        person.contacts.extend(phone.map(|phone| (ContactKind::Phone, phone.as_str().to_string())));
        person.contacts.extend(name.map(|name| (ContactKind::Name, name)));
        Ok(person)
    }
}

/// 姓名 in the order that is usual where the name is from; greetings take it as it is.
fn full_name(given: Option<String>, family: Option<String>) -> Option<String> {
    match (given, family) {
        (Some(given), Some(family)) if given.is_ascii() && family.is_ascii() => Some(format!("{given} {family}")),
        (Some(given), Some(family)) => Some(format!("{family} {given}")),
        (given, family) => given.or(family),
    }
}

/// The `tsb_m` of a link that led to the shop: our message's id.
fn send_id_of(landing: Option<String>) -> Option<String> {
    let (_, query) = landing.as_deref()?.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tsb_m");
    found
        .map(|(_, value)| value.into_owned())
        .filter(|id| !id.is_empty() && id.len() <= 200 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))
}

fn revision_id<T: serde::Serialize>(record: &T, occurred_at: Instant) -> String {
    let content = serde_json::to_string(record).expect("records are plain JSON");
    hex(&id_bytes(&format!("{}|{content}", occurred_at.timestamp_micros())))
}

/// The object a body is.
fn object(body: &[u8]) -> Result<serde_json::Map<String, serde_json::Value>, Bad> {
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(members)) => Ok(members),
        Ok(_) => Err(Bad::new("not_an_object", "the body is JSON, but no object", "send one object per delivery")),
        Err(_) => Err(Bad::new("not_json", "the body is not JSON", "look at what was sent: it may have been cut short")),
    }
}

/// An order's base whose amounts can be reckoned with, and whose last change is not before its beginning.
fn sound(base: order_document::Base) -> Result<order_document::Base, Bad> {
    let paid = base.gross.minus(base.discount)?;
    paid.plus(base.tax)?.plus(base.shipping)?.plus(base.fee)?;
    if paid < model::Money::ZERO || base.gross < model::Money::ZERO {
        return Err(Bad::new(
            "negative_total",
            format!("the goods of the order come to {} ({} after discounts), below zero", base.gross, paid),
            "send returns as refunds of the order they belong to",
        ));
    }
    Ok(order_document::Base { updated_at: base.updated_at.max(base.ordered_at), ..base })
}
