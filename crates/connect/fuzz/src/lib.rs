//! What the targets share: a source, a key, a moment.

use model::{Currency, IdKey, Instant, ShopZone, Source, SourceKind};

pub fn source(kind: SourceKind) -> Source {
    Source {
        name: "fuzz".into(),
        kind,
        write_key: "key".into(),
        secrets: Vec::new(),
        origins: Vec::new(),
        events_per_second: 1_000,
        orders: true,
        tax_included: true,
        shop_domain: "ours.myshopify.com".into(),
        admin_token: String::new(),
        admin_url: String::new(),
        experiments: Default::default(),
    }
}

pub fn key() -> IdKey {
    IdKey::new(b"secret")
}

pub fn currency() -> Currency {
    Currency::jpy()
}

pub fn zone() -> ShopZone {
    ShopZone::tokyo()
}

pub fn now() -> Instant {
    Instant::from_timestamp(1_790_000_000, 0).expect("a moment")
}
