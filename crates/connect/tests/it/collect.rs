//! Live events as stock clients send them: every trap seen on the wire, whom we believe, and that no event is lost without a word.

use base64::{Engine, engine::general_purpose::STANDARD};
use connect::collect::{
    BATCH_EVENTS_MAX, Collected, EVENT_BYTES_MAX, Endpoint, GA4_EVENTS_MAX, Malformed, PROPERTIES_MAX, Request, collect,
    write_key,
};
use model::{Currency, IdKey, ShopZone, Source, SourceKind};
use serde_json::{Value, json};

use crate::now;

/// A request, but for what a case changes.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub kind: SourceKind,
    pub endpoint: Endpoint,
    pub query: &'a [(String, String)],
    pub sent_at: Option<&'static str>,
    pub anonymous_id: Option<&'static str>,
}

pub const BROWSER: Case<'static> =
    Case { kind: SourceKind::Browser, endpoint: Endpoint::Batch, query: &[], sent_at: None, anonymous_id: None };
pub const SERVER: Case<'static> = Case { kind: SourceKind::Server, ..BROWSER };
const TRACK: Case<'static> = Case { endpoint: Endpoint::One("track"), ..BROWSER };
const IDENTIFY: Case<'static> = Case { endpoint: Endpoint::One("identify"), ..SERVER };
const GA4: Case<'static> = Case { kind: SourceKind::Ga4, endpoint: Endpoint::Ga4, ..BROWSER };

impl Case<'_> {
    pub fn collect(&self, body: &[u8]) -> Result<Collected, Malformed> {
        let source = Source {
            name: "web".into(),
            kind: self.kind,
            write_key: String::new(),
            secrets: Vec::new(),
            origins: Vec::new(),
            events_per_second: 1,
            orders: true,
            tax_included: true,
            shop_domain: String::new(),
            admin_token: String::new(),
            admin_url: String::new(),
            experiments: Default::default(),
        };
        let request = Request {
            source: &source,
            endpoint: self.endpoint,
            body,
            query: self.query,
            received_at: now(),
            sent_at: self.sent_at,
            anonymous_id: self.anonymous_id,
            key: &IdKey::new(b"secret"),
            currency: &Currency::jpy(),
            zone: ShopZone::tokyo(),
            relay_domains: &[],
            seed: [7; 16],
        };
        collect(&request)
    }

    fn of(&self, body: Value) -> Collected {
        self.collect(body.to_string().as_bytes()).unwrap()
    }
}

fn rows(collected: &Collected, table: &str) -> Vec<Value> {
    let row = |fact: &model::Fact| {
        let mut row: Value = serde_json::from_str(&fact.row).unwrap();
        for name in ["properties", "attributes"] {
            if let Some(text) = row[name].as_str() {
                row[name] = serde_json::from_str(text).unwrap();
            }
        }
        row
    };
    collected.facts.iter().filter(|fact| fact.table == table).map(row).collect()
}

fn event(collected: &Collected) -> Value {
    assert!(collected.refused.is_empty(), "{:?}", collected.refused);
    let mut rows = rows(collected, "events");
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// The members of a row that a case names; the others it does not mind.
fn check(row: &Value, expect: Value) {
    for (name, value) in expect.as_object().unwrap() {
        assert_eq!(&row[name], value, "{name} of {row:#}");
    }
}

fn codes(collected: &Collected) -> Vec<(usize, &'static str)> {
    collected.refused.iter().map(|refused| (refused.index, refused.code)).collect()
}

fn track(id: &str) -> Value {
    json!({ "type": "track", "event": "Product Viewed", "anonymousId": "v1", "messageId": id })
}

#[test]
fn a_batch_of_a_browser() {
    let collected = BROWSER.of(json!({
        "writeKey": "wk", "sentAt": "2026-11-24T11:59:50.000Z", "context": { "library": { "name": "analytics.js" }, "locale": "ja" },
        "batch": [{
            "type": "track", "event": "Product Added", "userId": "c1", "anonymousId": "v1", "messageId": "m1",
            "timestamp": "2026-11-24T11:59:40.000Z",
            "context": { "locale": "ja-JP", "sessionId": 1764000000000u64, "ip": "203.0.113.7", "userAgent": "x",
                "page": { "url": "https://shop.example/tea?tsb_m=f6a986968992ca7a&mail=taro%40example.jp", "title": "Tea" } },
            "properties": { "product_id": "T1", "cart_id": "k1", "category": "飲料", "price": 500, "quantity": 2, "brand": "x" }
        }, track("m2")]
    }));
    assert_eq!((collected.given, collected.taken, collected.facts.len()), (2, 2, 2));
    let rows = rows(&collected, "events");
    check(
        &rows[0],
        json!({
            "event_id": "m1", "name": "product_added", "source": "web", "customer_id": "c1", "visitor_id": "v1",
            "session_id": "1764000000000", "cart_id": "k1", "product_id": "T1", "category": "飲料", "value": "1000",
            "url": "https://shop.example/tea?tsb_m=f6a986968992ca7a&mail=[email]", "send_id": "f6a986968992ca7a",
            "occurred_at": "2026-11-24T11:59:50.000000Z", "known_at": "2026-11-24T12:00:00.000000Z",
            "properties": {
                "price": 500, "quantity": 2, "brand": "x",
                "_context": { "library": { "name": "analytics.js" }, "locale": "ja-JP", "userAgent": "x", "page": { "title": "Tea" } },
                "_original_at": "2026-11-24T11:59:40.000000Z", "_sent_at": "2026-11-24T11:59:50.000000Z"
            }
        }),
    );
    check(&rows[1], json!({ "event_id": "m2", "occurred_at": "2026-11-24T12:00:00.000000Z" }));
    assert_eq!(collected.masked.email, 1);
    // Landing on our link says nothing of who landed.
    assert!(collected.claims.is_empty() && collected.contacts.is_empty());
}

#[test]
fn traps_met_on_the_wire() {
    let header = Case { sent_at: Some("2026-11-24T11:00:00Z"), anonymous_id: Some("djE="), ..TRACK };
    // Rudder JS: the time of sending and the visitor stand in headers, the event's own time in originalTimestamp.
    let row =
        event(&header.of(
            json!({ "event": "Cart Viewed", "originalTimestamp": "2026-11-24T10:59:00Z", "timestamp": "2020-01-01T00:00:00Z" }),
        ));
    check(&row, json!({ "visitor_id": "v1", "occurred_at": "2026-11-24T11:59:00.000000Z", "name": "cart_viewed" }));
    // The event's own sentAt comes before the header's.
    let row =
        event(&header.of(json!({ "event": "x", "sentAt": "2026-11-24T11:30:00Z", "originalTimestamp": "2026-11-24T11:29:00Z" })));
    check(&row, json!({ "occurred_at": "2026-11-24T11:59:00.000000Z" }));
    // Segment Python: null is absent, and times have offsets.
    let row = event(
        &BROWSER
            .of(json!({ "batch": [{ "type": "page", "userId": "c1", "anonymousId": null, "messageId": null, "properties": null,
        "context": null, "timestamp": "2026-11-24T20:00:00.123456+09:00" }], "sentAt": null })),
    );
    check(&row, json!({ "visitor_id": null, "customer_id": "c1", "occurred_at": "2026-11-24T11:00:00.123456Z", "name": "page" }));
    // rudder-sdk-python: traits in the context alone. The event's own come first, and null hides none.
    let identified = IDENTIFY.of(json!({ "userId": "c1", "context": { "traits": { "email": "taro@example.jp", "plan": "a" } }, "traits": { "plan": "b", "email": null } }));
    assert_eq!(identified.contacts.len(), 1);
    check(&rows(&identified, "customers")[0], json!({ "attributes": { "plan": "b" } }));
    // PHP writes an empty object as an array.
    let row = event(&BROWSER.of(
        json!({ "context": [], "batch": [{ "type": "track", "event": "x", "userId": 42, "properties": [], "context": [] }] }),
    ));
    check(&row, json!({ "customer_id": "42", "properties": null }));
    // A batch sent to the path of a single event, and a single one to that of batches.
    assert_eq!(TRACK.of(json!({ "batch": [track("a"), track("b")] })).facts.len(), 2);
    assert_eq!(event(&BROWSER.of(track("a")))["event_id"], "a");
    // A byte order mark, and space around.
    assert_eq!(TRACK.collect(b"\xEF\xBB\xBF {\"event\":\"x\",\"userId\":\"c\"}\n").unwrap().facts.len(), 1);
    // Text that stands for nobody.
    assert_eq!(codes(&TRACK.of(json!({ "event": "x", "userId": "undefined", "anonymousId": " " }))), [(0, "no_user_anon_id")]);
    // The key of a client that names itself in the body alone.
    assert_eq!(write_key(b"{\"batch\":[{\"writeKey\":\"no\"}],\"writeKey\":\"wk\"}").as_deref(), Some("wk"));
    assert_eq!(write_key(b"{\"batch\":[}"), None);
}

#[test]
fn what_cannot_be_an_event_is_refused_with_its_reason() {
    let check = |event: Value, code: &str| assert_eq!(codes(&BROWSER.of(json!({ "batch": [event] }))), [(0, code)], "{event}");
    check(json!(1), "not_an_object");
    check(json!({ "userId": "c" }), "no_type");
    check(json!({ "type": "import", "userId": "c" }), "unknown_type");
    check(json!({ "type": "track", "userId": "c" }), "no_event");
    check(json!({ "type": "track", "userId": "c", "event": "!!!" }), "no_event");
    check(json!({ "type": "track", "userId": "c", "event": "x".repeat(201) }), "long_name");
    check(json!({ "type": "track", "event": "x" }), "no_user_anon_id");
    check(json!({ "type": "track", "event": "x", "userId": { "id": 1 } }), "bad_id");
    check(json!({ "type": "track", "event": "x", "userId": 1.5 }), "bad_id");
    check(json!({ "type": "track", "event": "x", "userId": "a|b" }), "bad_id");
    check(json!({ "type": "track", "event": "x", "userId": "1.23E+17" }), "bad_id");
    check(json!({ "type": "track", "event": "x", "userId": "c\u{0}d" }), "bad_id");
    check(json!({ "type": "alias", "userId": "c" }), "no_previous_id");
    check(json!({ "type": "alias", "anonymousId": "v", "previousId": "v" }), "no_user_id");
    check(json!({ "type": "track", "event": "x", "userId": "c", "timestamp": "yesterday" }), "not_a_time");
    check(json!({ "type": "track", "event": "Order Completed", "userId": "c", "properties": { "total": "NaN" } }), "not_money");
    check(
        json!({ "type": "track", "event": "x", "userId": "c", "properties": { "a": "x".repeat(EVENT_BYTES_MAX) } }),
        "too_large",
    );
}

#[test]
fn a_body_that_is_no_batch_is_malformed() {
    let check = |case: &Case<'_>, body: &[u8], code: &str| {
        assert_eq!(case.collect(body).unwrap_err().code(), code, "{:?}", String::from_utf8_lossy(body))
    };
    for body in [&b""[..], b"{", b"x", b"{\"batch\":[{}]", b"{\"batch\":[{}]}}", b"event=x&userId=c", b"\x1f\x8b\x08"] {
        check(&BROWSER, body, "not_json");
        check(&GA4, body, "not_json");
    }
    for body in [&b"[]"[..], b"1", b"{}", b"{\"batch\":{}}", b"{\"batch\":[],\"batch\":[]}"] {
        check(&BROWSER, body, "not_a_batch");
    }
    check(&GA4, b"{}", "not_a_batch");
    let many = |count: usize, name: &str| json!({ name: vec![json!({}); count] }).to_string();
    check(&BROWSER, many(BATCH_EVENTS_MAX + 1, "batch").as_bytes(), "too_many");
    check(&GA4, many(GA4_EVENTS_MAX + 1, "events").as_bytes(), "too_many");
    check(&BROWSER, json!({ "context": { "a": "x".repeat(9_000) }, "batch": [] }).to_string().as_bytes(), "too_large");
    check(&GA4, json!({ "x": "x".repeat(140_000), "events": [] }).to_string().as_bytes(), "too_large");
    assert_eq!(BROWSER.collect(many(BATCH_EVENTS_MAX, "batch").as_bytes()).unwrap().refused.len(), BATCH_EVENTS_MAX);
    assert_eq!(BROWSER.collect(b"{\"batch\":[]}").unwrap().given, 0);
}

/// Events that poison a batch, as bytes: each costs itself alone.
fn poisons() -> Vec<Vec<u8>> {
    let deep = format!("{{\"userId\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let mut poisons: Vec<Vec<u8>> = [
        "NaN", "Infinity", "-Infinity", "undefined", "nul", "01", "+1", "1e", "'x'", "\"\\ud800\"", "\"\\x\"", "\"\\u12\"", "\"a\tb\"", "null",
        "true", "0", "1e400", "\"\"", "[]", "[1,]", "{}", "{\"type\":1}", "{\"type\":\"track\"}", "{\"a\":NaN}", "{\"a\":}", "{a:1}", "{\"a\" 1}",
        "{\"type\":\"track\",\"event\":{},\"userId\":\"c\"}", "{\"type\":\"track\",\"event\":\"x\",\"userId\":[]}", "{\"type\":\"delete\",\"userId\":\"c\"}",
        "{\"type\":\"track\",\"event\":\"x\",\"userId\":\"\\udfff\"}", "{\"type\":\"track\",\"event\":\"x\",\"userId\":\"c\",\"timestamp\":[]}x",
        "{\"type\":\"track\",\"event\":\"x\",\"userId\":\"c\",\"timestamp\":\"\\u0000\"}",
        "{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"c\",\"properties\":{\"total\":1e400}}",
        "{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"c\",\"properties\":{\"products\":[{\"price\":1,\"quantity\":{}}]}}",
        "{\"type\":\"alias\",\"userId\":\"c\"}", "[{]}", "{\"a\":[}]", "{\"userId\":\"\\u0000|\"}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    poisons.push(deep.into_bytes());
    poisons.push(b"\"\xff\"".to_vec());
    poisons.push(b"{\"a\":\"\x83\x5c\xfe\"}".to_vec());
    poisons.push(format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_BYTES_MAX)).into_bytes());
    poisons
}

#[test]
fn a_poisonous_event_costs_itself_alone() {
    let poisons = poisons();
    assert!(poisons.len() >= 40);
    for poison in &poisons {
        let shown = String::from_utf8_lossy(&poison[..poison.len().min(60)]).into_owned();
        for place in 0..4 {
            let mut events: Vec<Vec<u8>> = (0..3).map(|n| track(&format!("m{n}")).to_string().into_bytes()).collect();
            events.insert(place, poison.clone());
            let body = [&b"{\"sentAt\":\"2026-11-24T11:59:50Z\",\"batch\":["[..], &events.join(&b","[..]), b"]}"].concat();
            let Ok(collected) = BROWSER.collect(&body) else {
                panic!("{shown}: the whole batch was refused");
            };
            assert_eq!((collected.given, collected.taken), (4, 3), "{shown}");
            assert_eq!(collected.refused[0].index, place, "{shown}");
            // Kept with its bytes, refused again for the same reason, and the same once it is whole.
            let raw = &collected.refused[0].raw;
            assert!(raw.windows(poison.len()).any(|window| window == &poison[..]), "{shown}");
            let again = BROWSER.collect(raw).unwrap();
            assert_eq!((codes(&again), &again.refused[0].raw), (vec![(0, collected.refused[0].code)], raw), "{shown}");
        }
    }
}

/// Fixing a refused event and collecting it again makes what the event would have made at once.
#[test]
fn a_refused_event_can_be_replayed() {
    let replay = |case: &Case<'_>, body: Value, wrong: &str, right: &str| {
        let once = case.of(serde_json::from_str(&body.to_string().replace(wrong, right)).unwrap());
        let refused = case.of(body);
        assert_eq!((refused.taken, refused.refused.len()), (0, 1));
        let fixed = String::from_utf8(refused.refused[0].raw.clone()).unwrap().replace(wrong, right);
        let endpoint = if case.endpoint == Endpoint::Ga4 { Endpoint::Ga4 } else { Endpoint::Batch };
        let again = Case { kind: case.kind, endpoint, query: &[], sent_at: None, anonymous_id: None };
        assert_eq!(again.collect(fixed.as_bytes()).unwrap().facts, once.facts);
    };
    let context = json!({ "locale": "ja" });
    replay(
        &BROWSER,
        json!({ "sentAt": "2026-11-24T11:00:00Z", "context": context, "batch": [{ "type": "page", "userId": "a|b", "timestamp": "2026-11-24T10:00:00Z" }] }),
        "a|b",
        "ab",
    );
    let header = Case { sent_at: Some("2026-11-24T11:00:00Z"), anonymous_id: Some("djE="), ..TRACK };
    replay(
        &header,
        json!({ "event": "x", "type": "page", "userId": "a|b", "originalTimestamp": "2026-11-24T10:00:00Z" }),
        "a|b",
        "ab",
    );
    replay(
        &GA4,
        json!({ "client_id": "1.2", "timestamp_micros": 1795521500000000u64, "events": [{ "name": "purchase", "params": { "value": "x" } }] }),
        "\"value\":\"x\"",
        "\"value\":12",
    );
}

#[test]
fn message_ids() {
    let id = |message_id: Value| {
        event(&TRACK.of(json!({ "event": "x", "userId": "c", "messageId": message_id })))["event_id"]
            .as_str()
            .unwrap()
            .to_string()
    };
    assert_eq!(id(json!("m-1")), "m-1");
    assert_eq!(id(json!(17)), "17");
    assert_eq!(id(json!("x".repeat(100))), "x".repeat(100));
    // A longer one is not refused: its hash dedupes as well.
    let long = id(json!("x".repeat(101)));
    assert_eq!((long.len(), &long), (34, &id(json!("x".repeat(101)))));
    assert!(id(json!("taro@example.jp")).starts_with("h-"));
    let filled = BROWSER.of(json!({ "batch": [{ "type": "page", "userId": "c" }, { "type": "page", "userId": "c" }] }));
    assert_ne!(filled.facts[0].key, filled.facts[1].key);
    assert_eq!(
        filled.facts,
        BROWSER.of(json!({ "batch": [{ "type": "page", "userId": "c" }, { "type": "page", "userId": "c" }] })).facts
    );
    // The same event by another batch is the same fact.
    assert_eq!(BROWSER.of(json!({ "batch": [track("m")] })).facts[0].key, TRACK.of(track("m")).facts[0].key);
}

#[test]
fn a_public_key_sets_nothing_of_people() {
    let traits = json!({ "email": "taro@example.jp", "phone": "090-1234-5678", "birthday": "1990-05-17", "email_opt_in": true, "plan": "pro" });
    for case in [&BROWSER, &Case { kind: SourceKind::Ga4, ..BROWSER }] {
        let collected = case.of(json!({ "batch": [
            { "type": "identify", "userId": "c1", "anonymousId": "v1", "messageId": "m1", "traits": traits },
            { "type": "alias", "userId": "c1", "previousId": "c2", "messageId": "m2" },
            { "type": "track", "event": "identify", "userId": "c1", "anonymousId": "v1", "properties": traits },
            { "type": "track", "event": "LINE Linked", "userId": "c1", "anonymousId": "v1", "properties": { "line_id": "U0123456789abcdef0123456789abcdef" } },
        ] }));
        assert_eq!((collected.taken, collected.facts.len()), (4, 4));
        assert!(collected.contacts.is_empty() && collected.consents.is_empty());
        let claims: Vec<_> = collected
            .claims
            .iter()
            .map(|claim| (claim.kind, claim.from_id.as_str(), claim.customer_id.as_str(), claim.rule, claim.trusted))
            .collect();
        assert_eq!(claims, [("visitor", "v1", "c1", "identify", false), ("visitor", "c2", "c1", "alias", false)]);
        let rows = rows(&collected, "events");
        check(&rows[0], json!({ "name": "identify", "properties": { "_ignored": ["traits"] } }));
        check(&rows[1], json!({ "name": "alias", "properties": { "previous_id": "c2", "_ignored": ["customer_alias"] } }));
        check(&rows[2], json!({ "name": "track_identify" }));
        check(&rows[3], json!({ "name": "line_linked", "properties": { "line_id": "[line]" } }));
        let all: String = collected.facts.iter().map(|fact| fact.row.as_str()).collect();
        assert!(!all.contains("example.jp") && !all.contains("1234-5678"), "{all}");
    }
}

#[test]
fn a_server_says_who_somebody_is() {
    let line = "U0123456789abcdef0123456789abcdef";
    let collected = IDENTIFY.of(json!({
        "userId": "c1", "anonymousId": "v1", "messageId": "m1", "timestamp": "2026-11-24T11:00:00Z",
        "traits": {
            "email": " Taro@Example.JP ", "phone": "090-1234-5678", "lineUserId": line, "lastName": "見本", "firstName": "太郎",
            "birthday": "1990-05-16T15:00:00.000Z", "gender": "女性", "address": { "state": "東京都", "street": "1-2-3", "postalCode": "100-0001" },
            "createdAt": "2020-04-01", "consents": { "email": true, "sms": { "marketing": false, "ads": true }, "fax": true }, "line_opt_in": true,
            "app_push_opt_out": false, "consent_wording": "v3", "plan": "pro", "memo": "電話 03-1234-5678", "shipping": { "name": "花子", "zone": 3 }, "age": 36
        }
    }));
    let contacts: Vec<_> = collected
        .contacts
        .iter()
        .map(|(contact, _)| (contact.customer_id.as_str(), contact.kind.name(), contact.address.as_str()))
        .collect();
    assert_eq!(
        contacts,
        [("c1", "email", "Taro@example.jp"), ("c1", "phone", "+819012345678"), ("c1", "line", line), ("c1", "name", "見本 太郎")]
    );
    let consents: Vec<_> = collected
        .consents
        .iter()
        .map(|(consent, _)| format!("{} {} {:?} {:?}", consent.channel, consent.purpose.name(), consent.state, consent.wording))
        .collect();
    assert_eq!(
        consents,
        [
            "email marketing Granted Some(\"v3\")",
            "line marketing Granted Some(\"v3\")",
            "sms marketing Revoked Some(\"v3\")",
            "sms ads Granted Some(\"v3\")"
        ]
    );
    let claims: Vec<_> =
        collected.claims.iter().map(|claim| (claim.kind, &claim.from_id[..2], claim.rule, claim.trusted)).collect();
    assert_eq!(claims, [("visitor", "v1", "identify", true), ("customer", "h-", "line_link", true)]);
    check(
        &rows(&collected, "customers")[0],
        json!({
            "customer_id": "c1", "birthday": "1990-05-17", "gender": "female", "prefecture": "東京都", "registered_on": "2020-04-01",
            "occurred_at": "2026-11-24T11:00:00.000000Z", "revision_id": "m1",
            "attributes": { "plan": "pro", "memo": "電話 [phone]", "shipping": { "zone": 3 }, "age": 36 }
        }),
    );
    check(
        &event_of(&collected),
        json!({ "properties": { "_original_at": "2026-11-24T11:00:00.000000Z", "_unread": ["consents"] } }),
    );
    let all: String = collected.facts.iter().map(|fact| fact.row.as_str()).collect();
    for personal in ["xample", "1234", "見本", "花子", line, "100-0001"] {
        assert!(!all.contains(personal), "{personal} in {all}");
    }
}

fn event_of(collected: &Collected) -> Value {
    rows(collected, "events").remove(0)
}

#[test]
fn what_a_server_says_of_nobody_is_the_guests() {
    let collected = IDENTIFY.of(json!({ "anonymousId": "v1", "traits": { "email": "taro@example.jp", "sms_opt_in": "yes", "phone": "none", "birthday": "2999-01-01" } }));
    let row = event_of(&collected);
    assert!(row["customer_id"].as_str().unwrap().starts_with("h-"));
    check(&row["properties"], json!({ "_unread": ["phone", "birthday", "sms_opt_in"] }));
    assert_eq!((collected.claims.len(), collected.contacts.len(), collected.consents.len()), (1, 1, 0));
    // An address as userId is the guest of that address; its claim holds no address.
    let by_id = IDENTIFY.of(json!({ "anonymousId": "v1", "userId": "Taro@EXAMPLE.jp", "traits": {} }));
    assert!(by_id.claims[0].customer_id.as_str().starts_with("h-") && rows(&by_id, "customers").is_empty());
    let alias = SERVER.of(json!({ "batch": [{ "type": "alias", "userId": "c1", "previousId": "taro@example.jp" }, { "type": "alias", "userId": "c1", "previousId": "v1", "anonymousId": "v1" }] }));
    let kinds: Vec<_> = alias.claims.iter().map(|claim| (claim.kind, claim.from_id.starts_with("h-"), claim.trusted)).collect();
    assert_eq!(kinds, [("customer", true, true), ("visitor", false, true)]);
    let linked = SERVER.of(json!({ "batch": [{ "type": "track", "event": "LINE Linked", "userId": "c1", "anonymousId": "v1", "properties": { "line_user_id": "U0123456789abcdef0123456789abcdef" } }] }));
    let rules: Vec<_> = linked.claims.iter().map(|claim| (claim.kind, claim.rule)).collect();
    assert_eq!((rules, linked.contacts.len()), (vec![("visitor", "line_link"), ("customer", "line_link")], 1));
    assert!(!linked.facts[0].row.contains("U0123"));
}

#[test]
fn schemas_drift() {
    let properties = |properties: Value| {
        event(&TRACK.of(json!({ "event": "Product Viewed", "userId": "c", "messageId": "m", "properties": properties })))
    };
    // Types stay as they are; a column repeats what it can.
    check(
        &properties(json!({ "product_id": 7, "Product_ID": "x", "category": ["a"], "order_id": { "a": 1 } })),
        json!({
            "product_id": "7", "category": null, "order_id": null,
            "properties": { "product_id": 7, "Product_ID": "x", "category": ["a"], "order_id": { "a": 1 } }
        }),
    );
    // A member with our name keeps its value under another.
    check(
        &properties(json!({ "_context": 1, "_clamped": true })),
        json!({ "properties": { "__clamped": true, "__context": 1 } }),
    );
    check(
        &event(&TRACK.of(json!({ "event": "x", "userId": "c", "properties": "text" }))),
        json!({ "properties": { "_properties": "text" } }),
    );
    // Two thousand keys become two hundred and fifty-six and a text; nothing is lost.
    let many: serde_json::Map<String, Value> = (0..2_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let row = properties(Value::Object(many));
    let kept = row["properties"].as_object().unwrap();
    let rest: Value = serde_json::from_str(kept["_rest"].as_str().unwrap()).unwrap();
    assert_eq!(
        (kept.len(), rest.as_object().unwrap().len(), &rest["k1999"]),
        (PROPERTIES_MAX + 1, 2_000 - PROPERTIES_MAX, &json!(1999))
    );
    // Two hundred levels become thirty-two and a text.
    let deep = format!(
        "{{\"type\":\"track\",\"event\":\"x\",\"userId\":\"c\",\"properties\":{{\"a\":{}taro{}}}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    let deep = deep.replace("taro", "\"taro@example.jp\"");
    let collected = BROWSER.collect(deep.as_bytes()).unwrap();
    assert!(event(&collected)["properties"].to_string().contains("[email]"));
    // Numbers that no double holds stay as they were written; text is kept whatever it holds.
    let raw = "{\"event\":\"x\",\"userId\":\"c\",\"properties\":{\"a\":1e400,\"b\":12345678901234567890123,\"c\":-0,\"d\":\"\\u0000\\u202e\",\"e\":\"ｶﾞ\"}}";
    check(
        &event(&TRACK.collect(raw.as_bytes()).unwrap()),
        json!({ "properties": { "a": "1e400", "b": "12345678901234567890123", "c": 0, "d": "\0\u{202e}", "e": "ｶﾞ" } }),
    );
}

#[test]
fn other_types_of_message() {
    let collected = BROWSER.of(json!({ "batch": [
        { "type": "page", "anonymousId": "v", "name": "Home", "category": "top", "properties": { "url": "https://shop.example/" } },
        { "type": "screen", "anonymousId": "v", "name": "Cart" },
        { "type": "group", "userId": "c", "groupId": "g1", "traits": { "plan": "a", "mail": "taro@example.jp" } },
        { "type": "track", "anonymousId": "v", "event": "アンケート 回答" },
        { "type": "track", "anonymousId": "v", "event": "Order Completed", "properties": { "order_id": "o1", "total": 1200, "products": [{ "sku": "T1", "category": "茶" }] } },
    ] }));
    let rows = rows(&collected, "events");
    check(
        &rows[0],
        json!({ "name": "page", "url": "https://shop.example/", "category": "top", "properties": { "name": "Home" } }),
    );
    check(&rows[1], json!({ "name": "screen", "properties": { "name": "Cart" } }));
    check(&rows[2], json!({ "name": "group", "properties": { "group_id": "g1", "traits": { "plan": "a", "mail": "[email]" } } }));
    check(&rows[3], json!({ "name": "アンケート_回答", "properties": { "_event": "アンケート 回答" } }));
    check(
        &rows[4],
        json!({ "name": "order_completed", "order_id": "o1", "value": "1200", "product_id": "T1", "category": "茶" }),
    );
}

/// A trusted source's orders are told whole, with what the columns took; nobody else's are.
#[test]
fn orders_told_by_a_server() {
    let body = json!({ "batch": [
        { "type": "track", "userId": "c", "messageId": "m", "event": "Completed Order", "properties": { "order_id": "o1", "total": 1200, "note": "a@example.jp" } },
        track("n")
    ] });
    let told = SERVER.of(body.clone()).orders;
    assert_eq!((told.len(), told[0].name.as_str(), told[0].event_id.as_str()), (1, "order_completed", "m"));
    assert_eq!(Value::Object(told[0].properties.clone()), json!({ "order_id": "o1", "total": 1200, "note": "[email]" }));
    assert!(BROWSER.of(body).orders.is_empty());
}

#[test]
fn ga4s_measurement_protocol() {
    let collected = GA4.of(json!({
        "client_id": "1234567890.1764000000", "user_id": "c1", "timestamp_micros": "1795521000000000",
        "events": [
            { "name": "purchase", "params": { "transaction_id": "T-1", "value": 1200, "currency": "JPY", "ga_session_id": 17, "page_location": "https://shop.example/thanks?tsb_m=abc",
                "items": [{ "item_id": "SKU1", "item_name": "茶", "item_category": "飲料", "price": 600, "quantity": 2 }] } },
            { "name": "page_view", "params": { "page_location": "https://shop.example/", "page_title": "Top" }, "timestamp_micros": 1 },
            { "name": "sign_up", "params": {} },
            { "params": {} }
        ]
    }));
    assert_eq!((collected.given, codes(&collected)), (4, vec![(3, "no_event")]));
    let rows = rows(&collected, "events");
    check(
        &rows[0],
        json!({
            "name": "order_completed", "customer_id": "c1", "visitor_id": "1234567890.1764000000", "order_id": "T-1", "value": "1200", "product_id": "SKU1",
            "category": "飲料", "session_id": "17", "url": "https://shop.example/thanks?tsb_m=abc", "send_id": "abc", "occurred_at": "2026-11-24T11:50:00.000000Z"
        }),
    );
    check(&rows[0]["properties"]["products"][0], json!({ "product_id": "SKU1", "name": "茶", "quantity": 2 }));
    check(&rows[1], json!({ "name": "page", "occurred_at": "2026-11-21T12:00:00.000000Z" }));
    check(&rows[1]["properties"], json!({ "_clamped": true, "_context": { "page": { "title": "Top" } } }));
    check(&rows[2], json!({ "name": "sign_up" }));
    let claims: Vec<_> =
        collected.claims.iter().map(|claim| (claim.from_id.as_str(), claim.customer_id.as_str(), claim.trusted)).collect();
    assert_eq!(claims, [("1234567890.1764000000", "c1", false)]);
}

#[test]
fn a_pixel_is_an_event_in_a_query() {
    let pixel = |kind, pairs: &[(&str, &str)]| {
        let query: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Case { endpoint: Endpoint::Pixel(kind), query: &query, ..BROWSER }.collect(b"").unwrap()
    };
    let row = event(&pixel(
        "track",
        &[
            ("writeKey", "wk"),
            ("anonymousId", "v1"),
            ("event", "Email Opened"),
            ("properties.email_id", "e1"),
            ("properties.price", "1,200"),
            ("context.page.url", "https://shop.example/?tsb_m=abc"),
            ("properties", "lost?"),
            ("a.b.c.d.e.f.g.h.i", "deep"),
        ],
    ));
    check(&row, json!({ "name": "email_opened", "visitor_id": "v1", "value": null, "send_id": "abc" }));
    let row = event(&pixel("page", &[("userId", "c1"), ("messageId", "m1")]));
    check(&row, json!({ "name": "page", "customer_id": "c1", "event_id": "m1" }));
    let data =
        STANDARD.encode(json!({ "event": "Email Opened", "userId": "c1", "properties": { "campaign_id": "x" } }).to_string());
    for data in [data.as_str(), data.trim_end_matches('=')] {
        check(
            &event(&pixel("track", &[("data", data)])),
            json!({ "name": "email_opened", "customer_id": "c1", "properties": { "campaign_id": "x" } }),
        );
    }
    assert_eq!(codes(&pixel("track", &[("data", "###")])), [(0, "not_base64")]);
    assert_eq!(codes(&pixel("page", &[])), [(0, "no_user_anon_id")]);
    let refused = pixel("page", &[("writeKey", "wk"), ("a.b", "c")]);
    assert_eq!(refused.refused[0].raw, b"{\"batch\":[{\"type\":\"page\",\"a.b\":\"c\"}]}");
}

/// Every way in which an amount arrives, in every member that becomes money: exact, or refused, or (not given) empty.
#[test]
fn money_is_exact_or_refused() {
    let table: &[(&str, &str)] = &[
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1", "1"),
        ("-1", "-1"),
        ("1200", "1200"),
        ("1200.0", "1200"),
        ("1200.5", "1200.5"),
        ("0.0001", "0.0001"),
        ("1e3", "1000"),
        ("1.5E+2", "150"),
        ("12e-1", "1.2"),
        ("99999999999999", "99999999999999"),
        ("99999999999.9999", "99999999999.9999"),
        ("1188.0000000000002", "1188"),
        ("0.30000000000000004", "0.3"),
        ("59.970000000000006", "59.97"),
        ("0.00001", "too_fine"),
        ("0.12345", "too_fine"),
        ("1e-7", "too_fine"),
        ("1e-400", "not_money"),
        ("0.100000000000000000000000000001", "too_fine"),
        ("100000000000000", "too_much"),
        ("9223372036854775807", "too_much"),
        ("9223372036854775808", "too_much"),
        ("18446744073709551616", "too_much"),
        ("-9223372036854775808", "too_much"),
        ("1e14", "too_much"),
        ("1e21", "too_much"),
        ("1e308", "too_much"),
        ("1e400", "not_money"),
        ("-1e400", "not_money"),
        ("\"1200\"", "1200"),
        ("\"1,200\"", "1200"),
        ("\"￥１，２００\"", "1200"),
        ("\"¥1,200\"", "1200"),
        ("\"1200円\"", "1200"),
        ("\" 1200 \"", "1200"),
        ("\"▲500\"", "-500"),
        ("\"(500)\"", "-500"),
        ("\"12.3400\"", "12.34"),
        ("\"1,20\"", "not_money"),
        ("\"1.200,00\"", "not_money"),
        ("\"1e5\"", "not_money"),
        ("\"NaN\"", "not_money"),
        ("\"Infinity\"", "not_money"),
        ("\"-\"", "not_money"),
        ("\"abc\"", "not_money"),
        ("\"1 200 JPY\"", "1200"),
        ("\"1.23456\"", "too_fine"),
        ("\"100000000000000\"", "too_much"),
        ("true", "not_money"),
        ("[1]", "not_money"),
        ("{\"amount\":1}", "not_money"),
        ("null", "none"),
        ("\"\"", "none"),
        ("\" \"", "none"),
        ("NaN", "not_json"),
        ("Infinity", "not_json"),
        ("01", "not_json"),
        ("1.", "not_json"),
        ("+1", "not_json"),
        ("0x10", "not_json"),
        ("1_000", "not_json"),
    ];
    for (written, expect) in table {
        for place in [
            "\"value\":#",
            "\"revenue\":#",
            "\"total\":#",
            "\"price\":#",
            "\"price\":#,\"quantity\":1",
            "\"products\":[{\"price\":#}]",
        ] {
            let properties = place.replace('#', written);
            let body = format!(
                "{{\"batch\":[{{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"c\",\"properties\":{{{properties}}}}}]}}"
            );
            let collected = BROWSER.collect(body.as_bytes()).unwrap();
            let got = match collected.refused.first() {
                Some(refused) => refused.code.to_string(),
                None => event(&collected)["value"].as_str().unwrap_or("none").to_string(),
            };
            assert_eq!(got, *expect, "{properties}");
        }
    }
}
