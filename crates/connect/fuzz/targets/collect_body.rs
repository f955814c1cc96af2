//! A body of live events: its first byte says by which door and from whom. Every event must be accounted for.
#![no_main]

use connect::collect::{Endpoint, Request, collect};
use connect_fuzz::{currency, key, now, source, zone};
use libfuzzer_sys::fuzz_target;
use model::SourceKind;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let kind = [SourceKind::Browser, SourceKind::Server, SourceKind::Ga4][usize::from(first % 3)];
    let endpoint = match first / 3 % 5 {
        0 => Endpoint::Batch,
        1 => Endpoint::One("track"),
        2 => Endpoint::One("identify"),
        3 => Endpoint::Pixel("page"),
        _ => Endpoint::Ga4,
    };
    let query = [("data".to_string(), String::from_utf8_lossy(body).into_owned())];
    let (source, key, currency) = (source(kind), key(), currency());
    let request = Request {
        source: &source,
        endpoint,
        body,
        query: &query,
        received_at: now(),
        sent_at: None,
        anonymous_id: None,
        key: &key,
        currency: &currency,
        zone: zone(),
        relay_domains: &[],
        seed: [7; 16],
    };
    if let Ok(collected) = collect(&request) {
        assert_eq!(collected.given, collected.taken + collected.refused.len());
    }
});
