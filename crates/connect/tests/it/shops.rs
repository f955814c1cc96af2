//! Shops' deliveries from their bytes to orders: what each payload means, and that neither order nor repetition matters.

use std::collections::BTreeMap;

use connect::shops::{self, Delivered, Door, Headers, OrderDocument, StockDocument};
use model::{Currency, IdKey, ShopZone, Source, SourceKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::now;

fn source(kind: SourceKind, name: &str) -> Source {
    Source {
        name: name.into(),
        kind,
        write_key: String::new(),
        secrets: Vec::new(),
        origins: Vec::new(),
        events_per_second: 1000,
        orders: false,
        tax_included: true,
        shop_domain: "ours.myshopify.com".into(),
        admin_token: String::new(),
        admin_url: String::new(),
        experiments: Default::default(),
    }
}

fn read(kind: SourceKind, topic: &str, body: &[u8]) -> Delivered {
    let source = source(kind, "shop");
    let (key, currency) = (IdKey::new(b"secret"), Currency::jpy());
    let door = Door { source: &source, key: &key, currency: &currency, zone: ShopZone::tokyo(), received_at: now() };
    let headers = ["x-shopify-topic", "x-wc-webhook-topic"].map(|name| (name.to_string(), topic.to_string()));
    shops::read(&door, Headers(&headers), body)
}

/// The current orders that deliveries come to, as text.
#[derive(Default)]
struct Shop {
    orders: BTreeMap<String, OrderDocument>,
    stock: BTreeMap<String, StockDocument>,
    codes: Vec<&'static str>,
}

impl Shop {
    fn take(&mut self, kind: SourceKind, topic: &str, body: &Value) {
        let delivered = read(kind, topic, body.to_string().as_bytes());
        for delta in delivered.orders {
            let known = self.orders.remove(&delta.order_id).unwrap_or_default();
            self.orders.insert(delta.order_id, known.merge(delta.document));
        }
        for delta in delivered.stock {
            let known = self.stock.remove(&delta.item_id).unwrap_or_default();
            self.stock.insert(delta.item_id, known.merge(delta.document));
        }
        self.codes.extend(delivered.refused.iter().map(|refused| refused.code));
        self.codes.extend(delivered.left_out.keys());
    }

    /// gross-discount-refunded=net +tax +shipping +fee, total, status.
    fn shown(&self) -> Vec<String> {
        let shown = |(id, document): (&String, &OrderDocument)| {
            let Some(revision) = document.revision("shop", id, ShopZone::tokyo()) else { return format!("{id}: nothing yet") };
            let order = revision.order;
            // What the shop asks for is what it is made of.
            if let Some(total) = order.total {
                let parts = [order.gross, order.tax, order.shipping, order.fee].map(|money| money.scaled()).iter().sum::<i64>();
                assert_eq!(parts - order.discount.scaled(), total.scaled(), "{id}");
            }
            let cut = if revision.refund_cut { " cut" } else { "" };
            let shipped = order.shipped_on.map(|day| format!(" {day}")).unwrap_or_default();
            let customer = order.customer_id.as_ref().map_or("-", |id| &id.as_str()[..id.as_str().len().min(2)]);
            format!(
                "{id}: {}-{}-{}={} +{} +{} +{} {} {:?} {} lines{cut}{shipped}",
                order.gross,
                order.discount,
                order.refunded,
                order.net,
                order.tax,
                order.shipping,
                order.fee,
                customer,
                order.status,
                revision.lines.len()
            )
        };
        self.orders.iter().map(shown).collect()
    }
}

fn with(base: &Value, members: Value) -> Value {
    let mut changed = base.clone();
    changed.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    changed
}

/// 1,100 yen of goods with 100 yen tax in them, 550 yen shipping with 50, 220 yen off the goods (20 of it tax).
fn order() -> Value {
    json!({
        "id": 1001, "created_at": "2026-06-01T10:00:00+09:00", "updated_at": "2026-06-01T10:00:00+09:00", "currency": "JPY",
        "taxes_included": true, "total_line_items_price": "1100", "total_discounts": "220", "total_tax": "130", "total_price": "1430",
        "shipping_lines": [{ "price": "550", "discounted_price": "550", "tax_lines": [{ "price": "50" }] }],
        "customer": { "id": 7, "email": "hanako@example.jp", "updated_at": "2026-06-01T10:00:00+09:00" },
        "line_items": [{ "id": 1, "product_id": 5, "sku": "A", "title": "茶", "quantity": 2, "price": "550" }],
        "landing_site": "/?utm_source=mail&tsb_m=0123abcd",
    })
}

#[test]
fn what_shopifys_orders_mean() {
    let check = |deliveries: &[(&str, Value)], expect: &[&str]| {
        let mut shop = Shop::default();
        deliveries.iter().for_each(|(topic, body)| shop.take(SourceKind::Shopify, topic, body));
        let got: Vec<String> = shop.shown().into_iter().chain(shop.codes.iter().map(|code| code.to_string())).collect();
        assert_eq!(got, expect, "{deliveries:?}");
    };
    let order = order();
    let create = || ("orders/create", order.clone());
    check(&[create()], &["1001: 1020-220-0=800 +130 +500 +0 7 Completed 1 lines"]);
    let refund = json!({ "id": 9, "order_id": 1001, "created_at": "2026-06-03T10:00:00+09:00",
        "refund_line_items": [{ "quantity": 1, "subtotal": "440", "total_tax": "40" }],
        "order_adjustments": [{ "kind": "shipping_refund", "amount": "-550", "tax_amount": "-50" }] });
    let refunded = ("refunds/create", refund.clone());
    let half = "1001: 1020-220-400=400 +130 +500 +0 7 Completed 1 lines";
    check(&[create(), refunded.clone()], &[half]);
    check(&[refunded.clone(), create()], &[half]);
    // The same refund inside an order is no second one.
    let inside = with(&order, json!({ "updated_at": "2026-06-03T10:00:01+09:00", "refunds": [refund] }));
    check(&[create(), refunded.clone(), ("orders/updated", inside)], &[half]);
    check(&[refunded], &["1001: nothing yet"]);
    let more = json!({ "id": 9, "order_id": 1001, "created_at": "2026-06-03T10:00:00+09:00",
        "order_adjustments": [{ "kind": "refund_discrepancy", "amount": "-2000", "tax_amount": "0" }] });
    check(&[create(), ("refunds/create", more)], &["1001: 1020-220-800=0 +130 +500 +0 7 Returned 1 lines cut"]);
    // Money alone, of all that was paid: 143 of 1,430 is a tenth.
    let money = json!({ "id": 9, "order_id": 1001, "created_at": "2026-06-03T10:00:00+09:00",
        "transactions": [{ "kind": "refund", "status": "success", "amount": "143" }, { "kind": "refund", "status": "failure", "amount": "9" }] });
    check(&[create(), ("refunds/create", money)], &["1001: 1020-220-80=720 +130 +500 +0 7 Completed 1 lines"]);
    let cancelled =
        with(&order, json!({ "cancelled_at": "2026-06-02T10:00:00+09:00", "updated_at": "2026-06-02T10:00:00+09:00" }));
    let gone = "1001: 1020-220-0=800 +130 +500 +0 7 Cancelled 1 lines";
    check(&[("orders/cancelled", cancelled.clone()), create()], &[gone]);
    check(&[create(), ("orders/cancelled", cancelled)], &[gone]);
    let shipped = with(
        &order,
        json!({ "updated_at": "2026-06-02T10:00:00+09:00", "fulfillments": [
        { "id": 1, "created_at": "2026-06-01T23:30:00Z", "status": "success" }, { "id": 2, "created_at": "2026-06-01T11:00:00+09:00", "status": "cancelled" }] }),
    );
    check(&[("orders/fulfilled", shipped), create()], &["1001: 1020-220-0=800 +130 +500 +0 7 Completed 1 lines 2026-06-02"]);
    // Free shipping counts as a discount in Shopify's total of discounts, and is none on goods.
    let free = with(
        &order,
        json!({ "total_discounts": "770", "total_tax": "80", "total_price": "880",
        "shipping_lines": [{ "price": "550", "discounted_price": "0", "tax_lines": [] }] }),
    );
    check(&[("orders/create", free)], &["1001: 1020-220-0=800 +80 +0 +0 7 Completed 1 lines"]);
    let abroad = with(&order, json!({ "taxes_included": false, "total_price": "1560", "total_tip_received": "0" }));
    check(&[("orders/create", abroad)], &["1001: 1100-220-0=880 +130 +550 +0 7 Completed 1 lines"]);
    let guest = with(&order, json!({ "customer": null, "email": "taro@example.jp" }));
    check(&[("orders/create", guest)], &["1001: 1020-220-0=800 +130 +500 +0 h- Completed 1 lines"]);
    let free_of_charge = json!({ "id": 2, "created_at": "2026-06-01T10:00:00+09:00", "total_price": "0.00" });
    check(&[("orders/create", free_of_charge)], &["2: 0-0-0=0 +0 +0 +0 - Completed 0 lines"]);
    check(&[("orders/create", with(&order, json!({ "test": true })))], &["test_order"]);
    check(&[("orders/create", with(&order, json!({ "total_discounts": "5000" })))], &["negative_total"]);
    check(&[("orders/create", with(&order, json!({ "id": 1.5e20 })))], &["not_an_id"]);
    check(&[("orders/create", with(&order, json!({ "total_tax": "a lot" })))], &["not_money"]);
    check(&[("orders/create", with(&order, json!({ "created_at": "2027-06-01T10:00:00+09:00" })))], &["future"]);
    check(&[("orders/create", json!({ "id": 3 }))], &["missing"]);
    check(&[("orders/create", json!([]))], &["not_an_object"]);
    check(&[("comets/create", json!({}))], &["unknown_topic"]);
    check(&[("app/uninstalled", json!({}))], &["ignored_topic"]);
}

#[test]
fn a_link_of_ours_names_its_send() {
    let delivered = read(SourceKind::Shopify, "orders/create", order().to_string().as_bytes());
    let base = delivered.orders[0].document.base.clone().unwrap();
    assert_eq!(base.send_id.as_deref(), Some("0123abcd"));
}

#[test]
fn an_order_that_changes_back_is_three_revisions() {
    let revision = |members: Value| {
        let delivered = read(SourceKind::Shopify, "orders/updated", with(&order(), members).to_string().as_bytes());
        delivered.orders[0].document.revision("shop", "1001", ShopZone::tokyo()).unwrap().order.revision_id
    };
    let at = |minute: u32, discounts: &str, total: &str| {
        revision(
            json!({ "updated_at": format!("2026-06-01T10:0{minute}:00+09:00"), "total_discounts": discounts, "total_price": total }),
        )
    };
    let [first, second, third] = [at(1, "220", "1430"), at(2, "0", "1650"), at(3, "220", "1430")];
    assert!(first != second && second != third && first != third);
    assert_eq!(first, at(1, "220", "1430"));
}

#[test]
fn what_woocommerces_orders_mean() {
    let check = |topic: &str, members: Value, expect: &str| {
        let order = json!({ "id": 21, "status": "processing", "currency": "JPY", "date_created_gmt": "2026-06-01T01:00:00",
            "date_modified_gmt": "2026-06-01T01:00:00", "total": "1480", "total_tax": "130", "shipping_total": "500", "customer_id": 7,
            "billing": { "email": "taro@example.jp", "first_name": "太郎", "last_name": "田中" },
            "line_items": [{ "product_id": 5, "quantity": 2, "subtotal": "1000", "total": "800", "name": "茶" }],
            "fee_lines": [{ "total": "50" }], "coupon_lines": [{ "code": "hatsu" }] });
        let mut shop = Shop::default();
        shop.take(SourceKind::Woocommerce, topic, &with(&order, members));
        let got: Vec<String> = shop.shown().into_iter().chain(shop.codes.iter().map(|code| code.to_string())).collect();
        assert_eq!(got.join("; "), expect, "{topic}");
    };
    check("order.created", json!({}), "21: 1000-200-0=800 +130 +500 +50 7 Completed 1 lines");
    check("order.updated", json!({ "status": "cancelled" }), "21: 1000-200-0=800 +130 +500 +50 7 Cancelled 1 lines");
    check("order.updated", json!({ "status": "refunded" }), "21: 1000-200-800=0 +130 +500 +50 7 Returned 1 lines");
    check(
        "order.updated",
        json!({ "refunds": [{ "id": 1, "total": "-148" }] }),
        "21: 1000-200-80=720 +130 +500 +50 7 Completed 1 lines",
    );
    check("order.created", json!({ "status": "checkout-draft" }), "draft");
    let points = json!({ "fee_lines": [{ "total": "-100" }], "total": "1330" });
    check("order.created", points, "21: 1000-300-0=700 +130 +500 +0 7 Completed 1 lines");
    check("coupon.created", json!({}), "ignored_topic");
    check("order.imagined", json!({}), "unknown_topic");
}

#[test]
fn what_signed_json_means() {
    let records = json!({ "records": [
        { "type": "order", "order_id": "A-1", "ordered_at": "2026-06-01 10:00:00", "customer_id": "c1", "discount": 100, "points_used": 50,
          "tax": 95, "shipping": 500, "fee": 330, "total": 1780, "lines": [{ "sku": "A", "quantity": 2, "unit_price": 550 }] },
        { "type": "refund", "order_id": "A-1", "refund_id": "r", "refunded_at": "2026-06-02T10:00:00+09:00", "goods": 550, "tax": 50 },
        { "type": "customer", "customer_id": "c1", "updated_at": "2026-06-01T10:00:00+09:00", "email": "hanako@example.jp",
          "consents": [{ "channel": "line", "state": "granted", "changed_at": "2026-06-01T10:00:00+09:00" }] },
        { "type": "product", "product_id": "p", "updated_at": "2026-06-01T10:00:00+09:00", "price": "550" },
        { "type": "stock", "product_id": "p", "quantity": 3, "changed_at": "2026-06-01T10:00:00+09:00" },
        { "type": "event", "event_id": "e", "name": "review_written", "occurred_at": "2026-06-01T10:00:00+09:00" },
        { "type": "wish" }, { "type": "order" }, 5,
    ] });
    let mut shop = Shop::default();
    shop.take(SourceKind::SignedJson, "", &records);
    assert_eq!(shop.shown(), ["A-1: 1005-150-500=355 +95 +500 +330 c1 Completed 1 lines"]);
    assert_eq!(shop.codes, ["unknown_topic", "missing", "not_an_object"]);
    let delivered = read(SourceKind::SignedJson, "", records.to_string().as_bytes());
    let tables: Vec<&str> = delivered.facts.iter().map(|fact| fact.table).collect();
    assert_eq!(tables, ["customers", "products", "stock", "events"]);
    assert_eq!((delivered.contacts.len(), delivered.consents.len()), (1, 1));
}

/// Anybody may write anything into a coupon, a tag or a property.
#[test]
fn no_address_in_free_text_gets_through() {
    let addressed = json!({ "records": [
        { "type": "order", "order_id": "A-1", "ordered_at": "2026-06-01T10:00:00", "coupon": "for hanako@example.jp",
          "lines": [{ "name": "皿 (hanako@example.jp)", "unit_price": 500 }] },
        { "type": "event", "event_id": "e", "name": "asked", "occurred_at": "2026-06-01T10:00:00", "properties": { "by": "hanako@example.jp" } },
        { "type": "customer", "customer_id": "hanako@example.jp", "updated_at": "2026-06-01T10:00:00", "attributes": { "call": "090-1234-5678" } },
    ] });
    let mut delivered = read(SourceKind::SignedJson, "", addressed.to_string().as_bytes());
    let document = String::from_utf8(delivered.orders.remove(0).document.bytes()).unwrap();
    let rows = delivered.facts.iter().map(|fact| fact.row.as_str()).collect::<Vec<_>>().join("\n");
    for text in [&document, &rows] {
        assert!(!text.contains("hanako") && !text.contains("1234") && text.contains('['), "{text}");
    }
    assert_eq!((delivered.facts.len(), delivered.refused.len()), (2, 0));
}

#[test]
fn consent_is_somebodys_word_and_holds_from_when_it_was_given() {
    let check = |members: Value, expect: &[&str]| {
        let customer = json!({ "id": 7, "email": "hanako@example.jp", "first_name": "花子", "last_name": "田中",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-06-01T00:00:00Z" });
        let delivered = read(SourceKind::Shopify, "customers/update", with(&customer, members).to_string().as_bytes());
        let shown = |(consent, _): &(model::Consent, model::Instant)| {
            format!("{} {:?} {}", consent.channel, consent.state, consent.changed_at.date_naive())
        };
        assert_eq!(delivered.consents.iter().map(shown).collect::<Vec<_>>(), expect);
        assert_eq!(delivered.contacts.len(), 2);
    };
    let email =
        |state: &str, at: Option<&str>| json!({ "email_marketing_consent": { "state": state, "consent_updated_at": at } });
    check(email("subscribed", Some("2026-05-01T00:00:00Z")), &["email Granted 2026-05-01"]);
    check(email("subscribed", None), &["email Granted 2026-01-01"]);
    check(email("unsubscribed", Some("2026-05-02T00:00:00Z")), &["email Revoked 2026-05-02"]);
    check(email("not_subscribed", None), &[]);
    check(email("pending", Some("2026-05-02T00:00:00Z")), &[]);
    check(json!({ "accepts_marketing": true }), &["email Granted 2026-01-01"]);
    check(json!({ "accepts_marketing": false }), &[]);
    check(
        json!({ "sms_marketing_consent": { "state": "subscribed", "consent_updated_at": "2026-03-01T00:00:00Z" } }),
        &["sms Granted 2026-03-01"],
    );
}

#[test]
fn who_is_gone_at_the_shop_is_erased() {
    let check = |topic: &str, body: Value, erased: &[&str], codes: &[&str]| {
        let delivered = read(SourceKind::Shopify, topic, body.to_string().as_bytes());
        let shown: Vec<&str> = delivered.erased.iter().map(|(id, _)| if id.as_str() == "7" { "7" } else { "guest" }).collect();
        assert_eq!(shown, erased, "{topic} {body}");
        assert_eq!(delivered.refused.iter().map(|refused| refused.code).collect::<Vec<_>>(), codes, "{topic} {body}");
        assert_eq!(delivered.consents.len(), 2 * erased.len());
        assert!(delivered.contacts.is_empty() && delivered.facts.is_empty());
        for refused in &delivered.refused {
            assert!(!format!("{} {}", refused.reason, refused.remedy).contains("hanako"), "{topic}");
        }
    };
    let redact = |customer: Value| json!({ "shop_id": 1, "shop_domain": "ours.myshopify.com", "customer": customer });
    let addresses = json!({ "id": 7, "email": "hanako@example.jp", "phone": "+81 90-1234-5678" });
    check("customers/redact", redact(addresses.clone()), &["7", "guest", "guest"], &[]);
    check("customers/redact", redact(json!({ "id": null, "email": "hanako@example.jp" })), &["guest"], &[]);
    check("customers/redact", redact(json!({ "email": "hanako" })), &[], &["missing"]);
    check("customers/delete", json!({ "id": 7, "phone": null, "addresses": [] }), &["7"], &[]);
    check("customers/data_request", redact(addresses), &[], &["data_request"]);
    check("shop/redact", json!({ "shop_id": 1, "shop_domain": "ours.myshopify.com" }), &[], &["shop_redact"]);
}

/// An event as LINE sends it; more members take the place of its own.
fn line_event(kind: &str, members: Value) -> Value {
    let event = json!({ "type": kind, "mode": "active", "timestamp": now().timestamp_millis(), "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
        "source": { "type": "user", "userId": "U4af4980629abcdef0123456789abcdef" }, "deliveryContext": { "isRedelivery": false } });
    with(&event, members)
}

#[test]
fn a_line_block_is_a_word_on_the_user() {
    let check = |body: Value, expect: &[&str]| {
        let delivered = read(SourceKind::Line, "", body.to_string().as_bytes());
        let words = |sign: &str, words: &[model::SuppressedAddress]| -> Vec<String> {
            words.iter().map(|word| format!("{sign} {} {} {}", word.channel, word.reason, word.at == now())).collect()
        };
        let refused = delivered.refused.iter().map(|refused| refused.code.to_string());
        let left_out = delivered.left_out.iter().map(|(why, count)| format!("{why} {count}"));
        let told: Vec<String> = [words("-", &delivered.blocked), words("+", &delivered.unblocked)].concat();
        assert_eq!(told.into_iter().chain(refused).chain(left_out).collect::<Vec<_>>(), expect, "{body}");
        // What was refused is a body that can be read again.
        for refused in &delivered.refused {
            let again = read(SourceKind::Line, "", &refused.raw);
            assert_eq!(again.refused.iter().map(|one| one.code).collect::<Vec<_>>(), [refused.code]);
        }
        assert!(!format!("{delivered:?}").contains("4af4980629abcdef"));
    };
    let one = |kind: &str, members: Value| json!({ "destination": "U0", "events": [line_event(kind, members)] });
    check(json!({ "destination": "U0", "events": [] }), &[]);
    check(one("unfollow", json!({})), &["- line blocked true"]);
    check(one("unfollow", json!({ "deliveryContext": { "isRedelivery": true } })), &["- line blocked true"]);
    check(one("follow", json!({ "follow": { "isUnblocked": true } })), &["+ line blocked true"]);
    check(one("follow", json!({ "follow": { "isUnblocked": false } })), &["+ line blocked true"]);
    check(one("message", json!({ "message": { "type": "text", "text": "hanako@example.jp" } })), &["ignored_event 1"]);
    check(one("accountLink", json!({ "link": { "result": "ok", "nonce": "n" } })), &["ignored_event 1"]);
    check(one("unfollow", json!({ "source": { "type": "user", "userId": "U1" } })), &["not_a_line_id"]);
    check(one("unfollow", json!({ "source": { "type": "user" } })), &["missing"]);
    check(one("unfollow", json!({ "timestamp": "yesterday" })), &["not_a_time"]);
    check(one("unfollow", json!({ "timestamp": now().timestamp_millis() + 25 * 3_600_000 })), &["future"]);
    check(json!({ "destination": "U0" }), &["missing"]);
    let several =
        json!({ "events": [line_event("follow", json!({})), line_event("join", json!({})), line_event("unfollow", json!({}))] });
    check(several, &["- line blocked true", "+ line blocked true", "ignored_event 1"]);
}

#[test]
fn stock_finds_its_product_whichever_comes_first() {
    let product = json!({ "id": 5, "title": "茶", "updated_at": "2026-06-01T00:00:00Z", "status": "active",
        "variants": [{ "id": 51, "sku": "A", "price": "550", "inventory_item_id": 900 }] });
    let level = |quantity: i64, minute: u32| json!({ "inventory_item_id": 900, "location_id": 1, "available": quantity, "updated_at": format!("2026-06-01T00:0{minute}:00Z") });
    let check = |deliveries: &[(&str, &Value)]| {
        let mut shop = Shop::default();
        deliveries.iter().for_each(|(topic, body)| shop.take(SourceKind::Shopify, topic, body));
        let facts = shop.stock["900"].facts("shop", now());
        let row: Value = serde_json::from_str(&facts[0].row).unwrap();
        assert_eq!((facts.len(), &row["product_id"], &row["sku"], &row["quantity"]), (1, &json!("5"), &json!("A"), &json!(2)));
    };
    let (early, late) = (("inventory_levels/update", &level(3, 1)), ("inventory_levels/update", &level(2, 2)));
    let product = ("products/update", &product);
    check(&[product, early, late]);
    check(&[late, early, product]);
    check(&[late, product, early, late]);
}

/// Deliveries of some 30 orders: made, changed, refunded twice, cancelled, shipped; with their repetitions 200.
fn deliveries() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for id in 0..30_i64 {
        let time = |minute: i64| format!("2026-06-{:02}T{:02}:{:02}:00+09:00", 1 + id % 20, 9 + minute / 60, minute % 60);
        let order = with(&order(), json!({ "id": id, "created_at": time(0), "updated_at": time(0) }));
        let refund = |no: i64| {
            json!({ "id": id * 10 + no, "order_id": id, "created_at": time(20 + no),
            "refund_line_items": [{ "quantity": 1, "subtotal": (no + 1) * 110 * (1 + id % 5), "total_tax": (no + 1) * 10 * (1 + id % 5) }] })
        };
        all.push(("orders/create", order.clone()));
        // Two different payloads at one instant: the clock of a shop ticks in seconds.
        all.push((
            "orders/updated",
            with(&order, json!({ "updated_at": time(10), "total_discounts": "0", "total_price": "1650" })),
        ));
        all.push(("orders/updated", with(&order, json!({ "updated_at": time(10) }))));
        if id % 2 == 0 {
            all.push(("refunds/create", refund(0)));
            all.push(("orders/updated", with(&order, json!({ "updated_at": time(25), "refunds": [refund(0), refund(1)] }))));
        }
        if id % 3 == 0 {
            all.push(("orders/cancelled", with(&order, json!({ "updated_at": time(30), "cancelled_at": time(30) }))));
        }
        if id % 5 == 0 {
            let fulfillments = json!([{ "id": id, "created_at": time(40), "status": "success" }]);
            all.push(("orders/fulfilled", with(&order, json!({ "updated_at": time(40), "fulfillments": fulfillments }))));
        }
    }
    let repeated: Vec<_> = all.iter().cycle().skip(7).step_by(3).take(200 - all.len()).cloned().collect();
    all.extend(repeated);
    all
}

fn settled(deliveries: &[(&'static str, Value)]) -> (BTreeMap<String, OrderDocument>, Vec<String>) {
    let mut shop = Shop::default();
    // The current revision as the lake has it: the one that happened last, of two the one that came last.
    let mut current: BTreeMap<String, (model::Instant, String)> = BTreeMap::new();
    for (topic, body) in deliveries {
        shop.take(SourceKind::Shopify, topic, body);
        for (id, document) in &shop.orders {
            let Some(revision) = document.revision("shop", id, ShopZone::tokyo()) else { continue };
            let shown = format!("{:?} {:?}", revision.order, revision.lines);
            let known = current.entry(id.clone()).or_insert((revision.occurred_at, shown.clone()));
            if revision.occurred_at >= known.0 {
                *known = (revision.occurred_at, shown);
            }
        }
    }
    assert_eq!(shop.codes, Vec::<&str>::new());
    (shop.orders, current.into_values().map(|(_, shown)| shown).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_permutation_and_repetition_ends_in_the_same_orders(shuffled in Just(deliveries()).prop_shuffle(), again in 0_usize..200) {
        let expect = settled(&deliveries());
        prop_assert_eq!(expect.0.len(), 30);
        let repeated: Vec<_> = shuffled.iter().chain(&shuffled[..again]).cloned().collect();
        prop_assert_eq!(settled(&repeated), expect);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-06-01T10:00:00+09:00")),
        Just(json!("99999999999999")),
    ];
    let name = prop_oneof![
        proptest::sample::select(
            [
                "type",
                "id",
                "order_id",
                "refund_id",
                "created_at",
                "updated_at",
                "ordered_at",
                "refunded_at",
                "cancelled_at",
                "total",
                "goods",
                "tax",
                "line_items",
                "lines",
                "refunds",
                "refund_line_items",
                "price",
                "quantity",
                "subtotal",
                "total_tax",
                "total_price",
                "shipping_lines",
                "customer",
                "billing",
                "date_created_gmt",
                "variants",
                "records",
                "available",
                "inventory_item_id",
                "location_id",
                "discount",
                "total_discounts",
                "fee_lines",
                "status",
                "email",
                "events",
                "source",
                "userId",
                "timestamp",
            ]
            .to_vec()
        )
        .prop_map(String::from),
        "[a-z_]{1,8}",
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever is signed, it is read or refused.
    #[test]
    fn any_payload_is_taken_or_refused(mut body in json_value(), which in 0_usize..12, kind in 0_usize..8) {
        const TOPICS: [&str; 12] = [
            "orders/create", "refunds/create", "fulfillments/create", "customers/update", "checkouts/update", "products/update",
            "inventory_levels/update", "customers_email_marketing_consent/update", "order.updated", "customer.updated", "product.updated",
            "products/delete",
        ];
        const KINDS: [&str; 8] = ["order", "refund", "customer", "product", "stock", "event", "follow", "unfollow"];
        if let Some(members) = body.as_object_mut() {
            members.insert("type".into(), json!(KINDS[kind]));
        }
        for kind in [SourceKind::Shopify, SourceKind::Woocommerce, SourceKind::SignedJson, SourceKind::Line] {
            let delivered = read(kind, TOPICS[which], body.to_string().as_bytes());
            for delta in delivered.orders {
                let _ = delta.document.revision("shop", &delta.order_id, ShopZone::tokyo());
                let _ = delta.document.history();
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in [SourceKind::Shopify, SourceKind::Woocommerce, SourceKind::SignedJson, SourceKind::Line] {
            read(kind, "orders/create", &body);
        }
    }
}
