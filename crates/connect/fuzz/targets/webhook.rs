//! A delivery of a shop system or of LINE: its first byte says which and on what.
#![no_main]

use connect::shops::{self, Door, Headers, OrderDocument};
use connect_fuzz::{currency, key, now, source, zone};
use libfuzzer_sys::fuzz_target;
use model::SourceKind;

const TOPICS: [&str; 9] = [
    "orders/updated",
    "refunds/create",
    "customers/update",
    "checkouts/update",
    "products/update",
    "inventory_levels/update",
    "order.updated",
    "customer.updated",
    "product.updated",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let kinds = [SourceKind::Shopify, SourceKind::Woocommerce, SourceKind::SignedJson, SourceKind::Line];
    let kind = kinds[usize::from(first % 4)];
    let topic = TOPICS[usize::from(first / 4) % TOPICS.len()];
    let headers = ["x-shopify-topic", "x-wc-webhook-topic"].map(|name| (name.to_string(), topic.to_string()));
    let (source, key, currency) = (source(kind), key(), currency());
    let door = Door { source: &source, key: &key, currency: &currency, zone: zone(), received_at: now() };
    let delivered = shops::read(&door, Headers(&headers), body);
    for delta in delivered.orders {
        // Twice is once.
        let once = OrderDocument::default().merge(delta.document.clone());
        assert_eq!(once.clone().merge(delta.document).bytes(), once.bytes());
    }
});
