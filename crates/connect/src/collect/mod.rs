//! Live events: bodies that clients POST, in; facts, addresses, consents and claims of identity, out. Nothing here waits or keeps: what is
//! refused comes back with its bytes.

use model::{Claim, Consent, Contact, Currency, Fact, IdKey, Instant, ShopZone, Source};

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
    pub facts: Vec<Fact>,
    /// Each with the instant from which it could have been known. Empty for public keys.
    pub contacts: Vec<(Contact, Instant)>,
    pub consents: Vec<(Consent, Instant)>,
    pub claims: Vec<Claim>,
    pub refused: Vec<Refused>,
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
    pub raw: Vec<u8>,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Refused({}, {}, {})", self.index, self.code, self.reason)
    }
}

/// A body of which nothing can be used: the answer is 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the body is not {0}")]
    Shape(&'static str),
}

/// Reads a request. Every event of it is in the answer: as facts, or refused.
pub fn collect(request: &Request<'_>) -> Result<Collected, Malformed> {
    let _ = request;
    Ok(Collected::default())
}
