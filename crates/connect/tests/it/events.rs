//! Events: given ids and derived ones, properties, lags.

use crate::{DEMO_EVENTS, codes, import, members};

#[test]
fn the_demo_shops_events() {
    let csv = "event_id,name,occurred_at,customer_id,visitor_id,session_id,cart_id,order_id,product_id,category,value,url,send_id\n\
               e1,cart_updated,2026-11-01T10:00:00+09:00,c1,v1,s1,k1,,,,12300,https://shop.example/cart,\n\
               e1,cart_updated,2026-11-01T10:00:00+09:00,c1,v1,s1,k1,,,,12300,https://shop.example/cart,\n\
               e1,cart_updated,2026-11-01T10:00:00+09:00,c1,v1,s1,k1,,,,1,https://shop.example/cart,\n\
               e2,product_viewed,2026-11-01T01:00:00Z,,v1,s1,,,T1,飲料,,,\n";
    let imported = import(DEMO_EVENTS, csv);
    assert_eq!(codes(&imported), [(4, "id_twice")]);
    let events = members(&imported, "events", &["event_id", "name", "customer_id", "cart_id", "value", "occurred_at"]);
    assert_eq!(
        events,
        [
            "e1 cart_updated c1 k1 12300 2026-11-01T01:00:00.000000Z",
            "e2 product_viewed null null null 2026-11-01T01:00:00.000000Z"
        ]
    );
    assert_eq!(imported.counts.duplicates, 1);
}

#[test]
fn an_event_without_an_id_gets_one_from_its_content() {
    let text = connect::mapping::built_in()["complete-journey-coupons"];
    let csv = "household_id,coupon_upc,campaign_id,redemption_date\n1029,51380041013,26,2017-01-01T00:00:00\n1029,51380041313,26,2017-01-01T00:00:00\n1029,51380041013,26,2017-01-01T00:00:00\n";
    let imported = import(text, csv);
    let events = members(&imported, "events", &["name", "customer_id", "properties"]);
    assert_eq!(
        events,
        [
            "coupon_redeemed 1029 {\"coupon_upc\":\"51380041013\",\"campaign_id\":\"26\"}",
            "coupon_redeemed 1029 {\"coupon_upc\":\"51380041313\",\"campaign_id\":\"26\"}",
        ]
    );
    assert_eq!(imported.facts, import(text, csv).facts);
}

#[test]
fn history_is_known_after_its_lag_and_not_after_the_import() {
    let text = "[source]\nname = \"x\"\nkind = \"events\"\nknown_lag = \"1d\"\ntimezone = \"Asia/Tokyo\"\n[columns]\nname = { const = \"x\" }\noccurred_at = { from = \"at\" }\n";
    let imported = import(text, "at\n2026-11-01 09:00:00\n2026-11-24 20:00:00\n");
    let times = members(&imported, "events", &["occurred_at", "known_at"]);
    assert_eq!(
        times,
        ["2026-11-01T00:00:00.000000Z 2026-11-02T00:00:00.000000Z", "2026-11-24T11:00:00.000000Z 2026-11-24T12:00:00.000000Z"]
    );
}
