//! Live events: bodies that clients POST, in; facts, addresses, consents and claims of identity, out. Nothing here waits or keeps: what is
//! refused comes back with its bytes.
//!
//! **What becomes of a message.** Each becomes one row of `events`, or is refused; a refused one costs no other. Its `event_id` is the
//! `messageId` (one that is longer than [`MESSAGE_ID_CHARS_MAX`], or holds an address, is replaced by its hash; a missing one is made of the
//! seed and its place), its name the snake case of Segment's ([`commerce::name`]). GA4 and pixels are put into Segment's words first.
//!
//! | member of the event | from |
//! |---|---|
//! | `customer_id`, `visitor_id` | `userId`, `anonymousId` (event, body, header); an address is replaced by its pseudonym |
//! | `session_id` | `context.sessionId`, else `session_id` |
//! | `order_id`, `cart_id` | `order_id`, `cart_id` |
//! | `product_id` | `product_id`, else `sku`, else those of the first of `products` |
//! | `category` | `category`, else that of the first of `products` |
//! | `value` | `value`, else `revenue`, else `total`, else `price` × `quantity`, else the sum of that over `products`; empty in another currency than the shop's, and for `product_removed` unless `value` is given |
//! | `url` | `context.page.url`, else `url` |
//! | `send_id` | `tsb_m` of the URL, of the properties or of `context.campaign` |
//!
//! The rest stays in `properties`, as the client typed it, without personal data ([`crate::personal`]). These members are ours; a client's
//! own of the same name gets one more `_` in front:
//!
//! | property | is |
//! |---|---|
//! | `_original_at` | what the client's clock said (`originalTimestamp`, else `timestamp`) |
//! | `_sent_at` | what it said when it sent; `receivedAt` is the row's `known_at`, the corrected time its `occurred_at` |
//! | `_clamped` | true: the corrected time lay out of bounds (`clock.rs`) and was replaced |
//! | `_event` | the event's name as it came, where it is none of Segment's |
//! | `_context` | `context` without traits, IP address, location, and the ids and tokens of devices |
//! | `_properties` | `properties` where they are no object |
//! | `_rest` | JSON text: the members beyond [`PROPERTIES_MAX`] |
//! | `_unread` | names of traits that could not be read and were dropped |
//! | `_ignored` | what a public key said without effect: `traits`, `customer_alias` |
//!
//! **Whom we believe.** A public key ([`SourceKind::Browser`], [`SourceKind::Ga4`]) can be copied by anyone who opens the shop. It may say
//! what happened, and that a visitor is a customer (a [`Claim`] with `trusted: false`, judged elsewhere); it cannot set an address, a consent
//! or a profile, nor merge two customers. Landing on a link with `tsb_m` gives the event its `send_id` and no claim at all: a link can be
//! passed on, and who follows it need not be who got it.
//!
//! | a trusted (server) source says | becomes |
//! |---|---|
//! | `identify` | a claim visitor → customer (`identify`); contacts, profile and consents of its traits (`traits.rs`) |
//! | `alias` | claims visitor → customer and customer → customer (`alias`): the codec cannot know which `previousId` was |
//! | a LINE id in `identify` or in an event named `LINE Linked` | a contact, and a claim of the id's own customer (`line_link`) |

mod clock;
pub mod commerce;
mod ga4;
mod json;
mod pixel;
mod segment;
mod traits;

use model::{Claim, Consent, Contact, Currency, CustomerId, Fact, IdKey, Instant, ShopZone, Source, SourceKind};

use crate::personal::Found;

/// An event may have so many bytes, with the context it shares with its batch.
pub const EVENT_BYTES_MAX: usize = 32 * 1024;

/// A batch's own `context` is copied into each of its events.
pub const SHARED_CONTEXT_BYTES_MAX: usize = 8 * 1024;

pub const BATCH_EVENTS_MAX: usize = 2_500;

pub const GA4_EVENTS_MAX: usize = 25;

pub const GA4_BYTES_MAX: usize = 130 * 1024;

pub const MESSAGE_ID_CHARS_MAX: usize = 100;

/// Members of `properties`; the others become one text.
pub const PROPERTIES_MAX: usize = 256;

/// One request, its body inflated already.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub source: &'a Source,
    pub endpoint: Endpoint,
    pub body: &'a [u8],
    /// Decoded pairs of the query string.
    pub query: &'a [(String, String)],
    pub received_at: Instant,
    /// The header `SentAt`.
    pub sent_at: Option<&'a str>,
    /// The header `AnonymousId`, as it came (base64).
    pub anonymous_id: Option<&'a str>,
    pub key: &'a IdKey,
    pub currency: &'a Currency,
    pub zone: ShopZone,
    /// See [`model::Shop::relay_domains`].
    pub relay_domains: &'a [String],
    /// Makes ids for events without one: random, or a hash of the request, as the caller wishes.
    pub seed: [u8; 16],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `{"batch": […]}`.
    Batch,
    /// One event, whose type the path names (`track`, `identify`, `page`, `screen`, `group`, `alias`).
    One(&'static str),
    /// One event in the query string.
    Pixel(&'static str),
    Ga4,
}

/// What came of a request.
#[derive(Debug, Default)]
pub struct Collected {
    /// How many events the request held: `taken` + `refused.len()`.
    pub given: usize,
    /// How many became facts.
    pub taken: usize,
    pub facts: Vec<Fact>,
    /// Each with the instant from which it could have been known. Empty for public keys.
    pub contacts: Vec<(Contact, Instant)>,
    pub consents: Vec<(Consent, Instant)>,
    pub claims: Vec<Claim>,
    /// What a trusted source with `orders` says of orders; its events are among the facts too.
    pub orders: Vec<OrderTold>,
    pub refused: Vec<Refused>,
    /// Personal data that was masked in free text.
    pub masked: Found,
}

/// An event from which an order can be made or changed ([`commerce::TELLS_OF_ORDERS`]), whole but for personal data.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTold {
    pub name: String,
    pub event_id: String,
    pub at: Instant,
    pub customer_id: Option<CustomerId>,
    pub send_id: Option<String>,
    pub properties: serde_json::Map<String, serde_json::Value>,
}

/// An event that did not become a fact. `reason` holds no address; `raw` may.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Stable: `no_user_anon_id`, `too_large`, `not_a_time`, ….
    pub code: &'static str,
    pub reason: String,
    pub remedy: String,
    /// A body that holds this event alone, with what it shared with its batch and what headers and path said: collecting it again as
    /// [`Endpoint::Batch`] (of GA4: [`Endpoint::Ga4`]) is a replay.
    pub raw: Vec<u8>,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Refused({}, {}, {})", self.index, self.code, self.reason)
    }
}

/// A body of which nothing can be used: the answer is 400, or 413 for what is too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the body is not {0}")]
    Shape(&'static str),
    #[error("the body holds more than {max} events")]
    TooMany { max: usize },
    #[error("{what} has more than {max} bytes")]
    TooLarge { what: &'static str, max: usize },
}

impl Malformed {
    /// Stable, for the answer's `code`.
    pub fn code(&self) -> &'static str {
        match self {
            Malformed::NotJson => "not_json",
            Malformed::Shape(_) => "not_a_batch",
            Malformed::TooMany { .. } => "too_many",
            Malformed::TooLarge { .. } => "too_large",
        }
    }
}

impl From<json::Wrong> for Malformed {
    fn from(_: json::Wrong) -> Self {
        Malformed::NotJson
    }
}

/// Reads a request. Every event of it is in the answer: as facts, or refused.
pub fn collect(request: &Request<'_>) -> Result<Collected, Malformed> {
    let collected = match request.endpoint {
        Endpoint::Batch => segment::batch(request, without_mark(request.body), None),
        Endpoint::One(kind) => segment::batch(request, without_mark(request.body), Some(kind)),
        Endpoint::Pixel(kind) => Ok(pixel::collect(request, kind)),
        Endpoint::Ga4 => ga4::collect(request, without_mark(request.body)),
    }?;
    assert_eq!(collected.taken + collected.refused.len(), collected.given);
    Ok(collected)
}

/// The `writeKey` of a body, for clients that name themselves nowhere else.
pub fn write_key(body: &[u8]) -> Option<String> {
    let members = json::members(without_mark(body))?;
    for member in members {
        let (name, raw) = member.ok()?;
        if name == "writeKey" {
            return json::read(raw).ok()?.as_str().map(str::to_string);
        }
    }
    None
}

/// Whether what it says of people (addresses, consents, merges) counts.
fn is_trusted(source: &Source) -> bool {
    source.kind == SourceKind::Server
}

/// Some editors and proxies put a byte order mark in front.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// Why an event is refused. Its words hold nothing that a client sent.
struct Flaw {
    code: &'static str,
    reason: String,
    remedy: &'static str,
}

impl Flaw {
    fn new(code: &'static str, reason: impl Into<String>, remedy: &'static str) -> Flaw {
        Flaw { code, reason: reason.into(), remedy }
    }

    fn json(wrong: json::Wrong) -> Flaw {
        match wrong {
            json::Wrong::NotUtf8 => Flaw::new("not_utf8", "the event is not UTF-8", "encode the body as UTF-8"),
            json::Wrong::NotJson => Flaw::new(
                "not_json",
                "the event is not JSON",
                "send null instead of NaN or Infinity, and no bare line breaks in texts",
            ),
            json::Wrong::LoneSurrogate => Flaw::new(
                "lone_surrogate",
                "a text of the event holds half a character",
                "cut texts between characters, not inside one",
            ),
        }
    }

    fn refused(self, index: usize, raw: Vec<u8>) -> Refused {
        Refused { index, code: self.code, reason: self.reason, remedy: self.remedy.into(), raw }
    }
}
