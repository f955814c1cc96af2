//! A row of the journal, read back as each of our nouns.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Consent, Event, Identity, Money, Order, OrderLine, Product, Profile, Send, ShopZone, Stock, Subscription};

fuzz_target!(|text: &str| {
    let _ = serde_json::from_str::<Event>(text);
    let _ = serde_json::from_str::<Order>(text);
    let _ = serde_json::from_str::<OrderLine>(text);
    let _ = serde_json::from_str::<Profile>(text);
    let _ = serde_json::from_str::<Consent>(text);
    let _ = serde_json::from_str::<Identity>(text);
    let _ = serde_json::from_str::<(Product, Stock, Subscription, Send)>(text);
    if let Ok(money) = Money::parse(text) {
        // What was read prints as itself.
        assert_eq!(Money::parse(&money.to_string()).ok(), Some(money));
    }
    let formats = ["%Y-%m-%d %H:%M:%S", "rfc3339", "jp_era", "excel_serial", "%Y/%m/%d"].map(String::from);
    let _ = ShopZone::tokyo().parse_instant(text, &formats);
    let _ = model::time::parse_date(text, &formats);
    let _ = model::Email::parse(text);
    let _ = model::Phone::parse(text);
});
