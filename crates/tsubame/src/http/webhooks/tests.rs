//! Deliveries as shops send them: over a socket, signed, against a shop in a temporary folder; and what SQL says of them afterwards.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use hmac::{Hmac, Mac};
use model::{Channel, Contact, ContactKind, CustomerId, Suppression};
use query::Mode;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Handle};

use crate::{
    clock::Clock,
    fault::Exit,
    http::serve,
    jobs::{made::now, people},
    sql::SqlDoor,
    workspace::{Access, Workspace, deep},
};

const SETTINGS: &str = "
[[sources]]
name = \"shopify\"
kind = \"shopify\"
secrets = [\"file:secrets/old\", \"file:secrets/new\"]
shop_domain = \"ours.myshopify.com\"

[[sources]]
name = \"woo\"
kind = \"woocommerce\"
secrets = [\"file:secrets/new\"]

[[sources]]
name = \"cart\"
kind = \"signed_json\"
secrets = [\"file:secrets/new\"]

[[sources]]
name = \"line\"
kind = \"line\"
secrets = [\"file:secrets/old\", \"file:secrets/new\"]

[[sources]]
name = \"lost\"
kind = \"signed_json\"
secrets = [\"file:secrets/none\"]

[[sources]]
name = \"web\"
kind = \"browser\"
write_key = \"public\"
";

/// Said with every delivery; erasures go by it.
const TRIGGERED_AT: &str = "2026-06-15T09:00:00.123456789+09:00";

struct Site {
    address: String,
    client: reqwest::Client,
    workspace: Arc<Workspace>,
    _folder: TempDir,
}

impl Site {
    async fn open() -> Site {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), SETTINGS).unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        for name in ["old", "new", "none"] {
            std::fs::write(folder.path().join("secrets").join(name), format!("{name} secret\n")).unwrap();
        }
        let workspace = Arc::new(Workspace::open(folder.path(), Clock::logical(now()), Access::Write).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let sql = Arc::new(SqlDoor::open(workspace.clone(), Handle::current()));
        tokio::spawn(serve(listener, workspace.clone(), sql, std::future::pending()));
        // A start without a secret is refused; one that goes missing later must not open the door.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        while client.get(format!("{address}/healthz")).send().await.is_err() {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(folder.path().join("secrets/none")).unwrap();
        Site { address, client, workspace, _folder: folder }
    }

    async fn post(&self, source: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
        let mut request = self.client.post(format!("{}/webhooks/{source}", self.address)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    async fn shopify(&self, topic: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let signature = signed("new secret", &[body.as_bytes()]);
        let headers = [
            ("X-Shopify-Topic", topic),
            ("X-Shopify-Shop-Domain", "ours.myshopify.com"),
            ("X-Shopify-Triggered-At", TRIGGERED_AT),
            ("X-Shopify-Hmac-Sha256", &signature),
        ];
        self.post("shopify", &headers, body.as_bytes()).await
    }

    async fn line(&self, events: &Value) -> u16 {
        let body = json!({ "destination": "U0", "events": events }).to_string();
        self.post("line", &[("X-Line-Signature", &signed("old secret", &[body.as_bytes()]))], body.as_bytes()).await
    }

    /// Rows as text.
    async fn ask(&self, sql: &str) -> Vec<String> {
        let answer = self.workspace.desk(now(), Mode::AsHappened).await.unwrap().ask_sql(sql).await.unwrap();
        answer.rows.iter().map(|row| row.iter().map(query::Value::plain).collect::<Vec<_>>().join(" ")).collect()
    }
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn signed(secret: &str, parts: &[&[u8]]) -> String {
    STANDARD.encode(mac(secret, parts))
}

fn order(id: i64, minute: i64, members: Value) -> Value {
    let at = |minute: i64| format!("2026-06-{:02}T10:{:02}:00+09:00", 1 + id % 20, minute);
    let mut order = json!({
        "id": id, "created_at": at(0), "updated_at": at(minute), "currency": "JPY", "taxes_included": true,
        "total_line_items_price": "1100", "total_tax": "100", "total_discounts": "0", "total_price": "1100",
        "customer": { "id": id % 7, "email": format!("c{}@example.jp", id % 7), "updated_at": at(0) },
        "line_items": [{ "product_id": 5, "sku": "A", "title": "茶", "quantity": 2, "price": "550" }],
    });
    order.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    order
}

#[test]
fn only_what_is_signed_is_taken_and_what_is_taken_is_kept() {
    deep(async {
        let site = Site::open().await;
        let body = order(1, 0, json!({})).to_string();
        let good = signed("old secret", &[body.as_bytes()]);
        let ours = ("X-Shopify-Shop-Domain", "ours.myshopify.com");
        let create = ("X-Shopify-Topic", "orders/create");
        fn hmac(signature: &str) -> (&str, &str) {
            ("X-Shopify-Hmac-Sha256", signature)
        }
        let too_long = vec![b' '; super::BODY_BYTES_MAX + 1];
        let check = async |source: &str, headers: &[(&str, &str)], body: &[u8], expect: u16| {
            assert_eq!(site.post(source, headers, body).await, expect, "{source} {headers:?}");
        };
        check("shopify", &[create, ours], body.as_bytes(), 401).await;
        check("shopify", &[create, ours, hmac("")], body.as_bytes(), 401).await;
        check("shopify", &[create, ours, hmac(&good[..20])], body.as_bytes(), 401).await;
        check("shopify", &[create, ours, hmac(&good.to_lowercase())], body.as_bytes(), 401).await;
        check("shopify", &[create, ours, hmac(&good)], body.replace("1100", "1").as_bytes(), 401).await;
        check("shopify", &[create, hmac(&good), ("X-Shopify-Shop-Domain", "theirs.myshopify.com")], body.as_bytes(), 401).await;
        check("nobody", &[create, ours, hmac(&good)], body.as_bytes(), 404).await;
        check("web", &[create, ours, hmac(&good)], body.as_bytes(), 404).await;
        check("lost", &[create, ours, hmac(&good)], body.as_bytes(), 503).await;
        check("shopify", &[create, ours, hmac(&good)], &too_long, 413).await;
        assert_eq!(site.ask("SELECT count(*) FROM orders_history").await, ["0"]);
        check("shopify", &[create, ours, hmac(&good)], body.as_bytes(), 200).await;
        check("shopify", &[create, ours, hmac(&good)], body.as_bytes(), 200).await;
        let line = "SELECT order_id, customer_id, net, status FROM orders_history";
        assert_eq!(site.ask(line).await, ["1 1 1000 completed"]);
        assert_eq!(site.ask("SELECT kind FROM contacts").await, ["email"]);

        // Signed, and nobody here can read it: the shop is content, and a person finds it.
        for body in [&b"{\"id\":"[..], b"[]", b"{}"] {
            let signature = signed("new secret", &[body]);
            check("shopify", &[create, ours, hmac(&signature)], body, 200).await;
            check("shopify", &[("X-Shopify-Topic", "comets/create"), ours, hmac(&signature)], body, 200).await;
        }
        let letters = site.workspace.state.vault().dead_letters(now(), 100).await.unwrap();
        let mut codes: Vec<String> = letters.iter().map(|letter| format!("{} {}", letter.source, letter.code)).collect();
        codes.sort();
        let expect = ["missing", "not_an_object", "not_json", "unknown_topic", "unknown_topic", "unknown_topic"];
        assert_eq!(codes, expect.map(|code| format!("shopify {code}")));
        let metrics = site.client.get(format!("{}/metrics", site.address)).send().await.unwrap().text().await.unwrap();
        for line in [
            "tsubame_webhooks_total{source=\"shopify\",outcome=\"unsigned\"} 6",
            "tsubame_webhooks_total{source=\"shopify\",outcome=\"repeated\"} 1",
            "tsubame_webhooks_refused_total{source=\"shopify\",code=\"unknown_topic\"} 3",
        ] {
            assert!(metrics.contains(line), "{line}\n{metrics}");
        }

        check("woo", &[], b"webhook_id=12", 200).await;
        check("woo", &[], b"webhook_id=12&order=1", 401).await;
        let woo = json!({ "id": 21, "status": "processing", "date_created_gmt": "2026-06-01T01:00:00", "total": "1000",
            "line_items": [{ "subtotal": "1000", "total": "1000", "quantity": 1 }] });
        let woo = woo.to_string();
        let signature = signed("new secret", &[woo.as_bytes()]);
        let signed_woo = [("X-WC-Webhook-Topic", "order.created"), ("X-WC-Webhook-Signature", &signature)];
        check("woo", &signed_woo, woo.as_bytes(), 200).await;

        let cart =
            json!({ "type": "order", "order_id": "A-1", "ordered_at": "2026-06-01T10:00:00", "total": "1100", "tax": "100" });
        let cart = cart.to_string();
        let seconds = |ago: i64| (Clock::Real.now().timestamp() - ago).to_string();
        let timed =
            |time: &str| format!("t={time},v1={}", model::id::hex(&mac("new secret", &[time.as_bytes(), b".", cart.as_bytes()])));
        check("cart", &[("X-Tsubame-Signature", &timed(&seconds(900)))], cart.as_bytes(), 401).await;
        check("cart", &[("X-Tsubame-Signature", &timed(&seconds(0)))], cart.as_bytes(), 200).await;
        let nets = site.ask("SELECT source, order_id, net FROM orders ORDER BY source").await;
        assert_eq!(nets, ["cart A-1 1000", "shopify 1 1000", "woo 21 1000"]);

        // Nothing is acknowledged that cannot be stored.
        site.workspace.state.close().await;
        check("shopify", &[create, ours, hmac(&good)], body.as_bytes(), 503).await;
    });
}

/// What was refused waits for somebody to mend the reason, here a clock.
#[test]
fn a_letter_is_read_again() {
    deep(async {
        let site = Site::open().await;
        let ahead = order(1, 0, json!({ "created_at": "2026-07-04T10:00:00+09:00", "updated_at": "2026-07-04T10:00:00+09:00" }));
        assert_eq!(site.shopify("orders/create", &ahead).await, 200);
        assert_eq!(site.ask("SELECT order_id FROM orders_history").await, Vec::<String>::new());
        let all = state::Letters::default();
        let replayed = crate::jobs::quarantine::replay(&site.workspace, all).await.unwrap();
        assert_eq!((replayed.accepted, replayed.refused), (0, 1));
        let later = DateTime::parse_from_rfc3339("2026-07-04T12:00:00+09:00").unwrap().to_utc();
        site.workspace.clock.set(later);
        let replayed = crate::jobs::quarantine::replay(&site.workspace, all).await.unwrap();
        assert_eq!((replayed.accepted, replayed.refused), (1, 0));
        assert!(site.workspace.state.vault().dead_letters(later, 10).await.unwrap().is_empty());
        let desk = site.workspace.desk(later, Mode::AsKnown).await.unwrap();
        assert_eq!(desk.ask_sql("SELECT net FROM orders").await.unwrap().rows.len(), 1);
    });
}

/// Some 30 orders: made, changed, refunded, cancelled; the rest of 200 are repetitions.
fn deliveries() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for id in 0..30_i64 {
        let refund = json!({ "id": id + 500, "order_id": id, "created_at": format!("2026-06-{:02}T10:20:00+09:00", 1 + id % 20),
            "refund_line_items": [{ "quantity": 1, "subtotal": 110 * (1 + id % 5), "total_tax": 10 * (1 + id % 5) }] });
        all.push(("orders/create", order(id, 0, json!({}))));
        all.push(("orders/updated", order(id, 10, json!({ "total_discounts": "110", "total_tax": "90", "total_price": "990" }))));
        all.push(("orders/updated", order(id, 10, json!({ "source_name": "pos" }))));
        if id % 2 == 0 {
            all.push(("refunds/create", refund.clone()));
            all.push(("orders/updated", order(id, 30, json!({ "refunds": [refund] }))));
        }
        if id % 3 == 0 {
            let cancelled_at = format!("2026-06-{:02}T10:40:00+09:00", 1 + id % 20);
            all.push(("orders/cancelled", order(id, 40, json!({ "cancelled_at": cancelled_at }))));
        }
    }
    let repeated: Vec<_> = all.iter().cycle().skip(5).step_by(3).take(200 - all.len()).cloned().collect();
    all.extend(repeated);
    all
}

#[test]
fn any_order_of_200_deliveries_ends_in_the_same_tables() {
    deep(async {
        let mut known: Option<(Vec<String>, Vec<String>)> = None;
        for seed in [0_u64, 1, 2] {
            let site = Site::open().await;
            let mut all = deliveries();
            assert_eq!(all.len(), 200);
            let mut chance = seed;
            for at in (1..all.len()).rev().filter(|_| seed > 0) {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                all.swap(at, (chance >> 33) as usize % (at + 1));
            }
            // Several at a time, as shops send.
            for some in all.chunks(8) {
                let sent = some.iter().map(|(topic, body)| site.shopify(topic, body));
                assert!(futures::future::join_all(sent).await.iter().all(|status| *status == 200));
            }
            let orders = "SELECT order_id, revision_id, status, gross, discount, refunded, net, tax, total, sales_channel, occurred_at, \
                          ordered_at FROM orders ORDER BY order_id";
            let lines =
                "SELECT order_id, revision_id, line_no, sku, quantity, amount FROM order_lines ORDER BY order_id, line_no";
            let found = (site.ask(orders).await, site.ask(lines).await);
            assert_eq!((found.0.len(), found.1.len()), (30, 30));
            match &known {
                None => known = Some(found),
                Some(known) => assert_eq!(known, &found, "seed {seed}"),
            }
        }
        let (orders, _) = known.unwrap();
        let count = |status: &str| orders.iter().filter(|row| row.contains(status)).count();
        assert_eq!((count("cancelled"), count("completed")), (10, 20), "{orders:#?}");
    });
}

#[test]
fn who_is_redacted_stays_gone_in_any_order() {
    deep(async {
        let customer = json!({ "id": 1, "email": "c1@example.jp", "first_name": "花子", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-06-10T09:00:00+09:00" });
        // They ordered without an account too.
        let as_guest = order(2, 0, json!({ "customer": null, "email": "c1@example.jp" }));
        let told = [
            ("orders/create", order(1, 0, json!({}))),
            ("customers/update", customer.clone()),
            ("orders/create", as_guest),
            ("orders/updated", order(1, 10, json!({}))),
        ];
        let redact = json!({ "shop_id": 1, "customer": { "id": 1, "email": "c1@example.jp" }, "orders_to_redact": [1, 2] });
        for place in 0..=told.len() {
            let site = Site::open().await;
            let mut deliveries = told.to_vec();
            deliveries.insert(place, ("customers/redact", redact.clone()));
            // And all of it once more.
            for (topic, body) in deliveries.iter().chain(&deliveries) {
                assert_eq!(site.shopify(topic, body).await, 200, "{topic}");
            }
            assert_eq!(site.workspace.state.vault().flags().await.unwrap(), [], "redacted at {place}");
            assert_eq!(site.ask("SELECT kind FROM contacts WHERE active").await, Vec::<String>::new());
            assert_eq!(site.ask("SELECT order_id FROM orders ORDER BY order_id").await, ["1", "2"]);
            let consent = "SELECT DISTINCT channel, state FROM consents WHERE customer_id = '1' ORDER BY channel";
            assert_eq!(site.ask(consent).await, ["email revoked", "sms revoked"]);

            // The shop's word on somebody who came back since is news; the old one's repetition is not.
            let mut again = customer.clone();
            again["updated_at"] = json!("2026-06-20T09:00:00+09:00");
            for (topic, body) in [("customers/update", &again), ("customers/redact", &redact)] {
                assert_eq!(site.shopify(topic, body).await, 200, "{topic}");
            }
            let kinds = "SELECT customer_id, kind FROM contacts WHERE active ORDER BY kind";
            assert_eq!(site.ask(kinds).await, ["1 email", "1 name"], "redacted at {place}");
        }
    });
}

#[test]
fn who_asks_us_is_erased_as_who_asks_the_shop() {
    deep(async {
        let site = Site::open().await;
        let (state, member) = (&site.workspace.state, CustomerId::stored("1"));
        let customer = json!({ "id": 1, "email": "c1@example.jp", "first_name": "花子", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-06-10T09:00:00+09:00", "email_marketing_consent": { "state": "subscribed" } });
        // They ordered without an account too.
        let as_guest = order(2, 0, json!({ "customer": null, "email": "c1@example.jp" }));
        let told = [("orders/create", order(1, 0, json!({}))), ("customers/update", customer), ("orders/create", as_guest)];
        for (topic, body) in &told {
            assert_eq!(site.shopify(topic, body).await, 200, "{topic}");
        }
        let held: usize = state.vault().flags().await.unwrap().iter().map(|flags| flags.kinds.len()).sum();
        let found = people::erasable(&site.workspace, &member).await.unwrap();
        assert_eq!((found.of.customers.len(), found.of.addresses, found.of.before), (2, held as u64, None));
        assert_eq!((found.granted.len(), found.open), (1, 0));
        let before = state.journal().last_position().await.unwrap();
        assert_eq!(people::erasable(&site.workspace, &member).await.unwrap(), found);
        assert_eq!(state.journal().last_position().await.unwrap(), before, "to look erases nothing");

        assert_eq!(people::erase_asked(&site.workspace, &member, "anna").await.unwrap(), found);
        let erased = state.journal().last_position().await.unwrap();
        let again = people::erase_asked(&site.workspace, &member, "boris").await.unwrap();
        assert_eq!((again.of.addresses, again.granted.len(), again.gone_at()), (0, 0, Some(now())));
        assert_eq!(state.journal().last_position().await.unwrap(), erased, "asked again, nothing is new");
        // And what is told again of before stays gone.
        for (topic, body) in &told {
            assert_eq!(site.shopify(topic, body).await, 200, "{topic}");
        }
        assert_eq!(state.vault().flags().await.unwrap(), []);
        assert_eq!(site.ask("SELECT kind FROM contacts WHERE active").await, Vec::<String>::new());
        assert_eq!(site.ask("SELECT order_id FROM orders ORDER BY order_id").await, ["1", "2"]);
        let consent = "SELECT DISTINCT channel, state FROM consents WHERE customer_id = '1' ORDER BY channel";
        assert_eq!(site.ask(consent).await, ["email revoked", "sms revoked"]);
        let evidence = "SELECT DISTINCT source, evidence FROM consents_history WHERE state = 'revoked'";
        assert_eq!(site.ask(evidence).await, ["erasure erased by anna, who was asked to"]);

        let fault = people::erase_asked(&site.workspace, &CustomerId::stored("nobody"), "anna").await.unwrap_err();
        assert!(fault.exit == Exit::Data && fault.remedy.is_some(), "{fault}");
    });
}

#[test]
fn what_the_law_asks_of_a_person_waits_for_one() {
    deep(async {
        let site = Site::open().await;
        let request = json!({ "shop_id": 1, "customer": { "id": 1, "email": "c1@example.jp" }, "orders_requested": [1] });
        for (topic, body) in [("customers/data_request", &request), ("shop/redact", &json!({ "shop_id": 1 }))] {
            for _ in 0..2 {
                assert_eq!(site.shopify(topic, body).await, 200, "{topic}");
            }
        }
        let letters = site.workspace.state.vault().dead_letters(now(), 10).await.unwrap();
        assert_eq!(letters.iter().map(|letter| letter.code.as_str()).collect::<Vec<_>>(), ["shop_redact", "data_request"]);
        assert!(letters.iter().all(|letter| !format!("{letter:?}").contains("example.jp")), "{letters:?}");
    });
}

/// An event of a LINE user, so many minutes before now.
fn line_event(kind: &str, user: &str, minutes_ago: i64) -> Value {
    json!({ "type": kind, "mode": "active", "timestamp": now().timestamp_millis() - minutes_ago * 60_000,
        "webhookEventId": format!("01FZ74A0TDDPYRVKNK77{minutes_ago:06}"), "source": { "type": "user", "userId": user },
        "deliveryContext": { "isRedelivery": false }, "follow": { "isUnblocked": true } })
}

/// Every order in which some things can come.
fn orders_of<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = things.split_first() else { return vec![Vec::new()] };
    let with_first = |some: Vec<T>| {
        let at_each_place = |place: usize| [&some[..place], std::slice::from_ref(first), &some[place..]].concat();
        (0..=some.len()).map(at_each_place).collect::<Vec<_>>()
    };
    orders_of(rest).into_iter().flat_map(with_first).collect()
}

/// A customer of their own for each order of deliveries, all of them sent twice; for some the shop tells late whose LINE id it is.
#[test]
fn whoever_blocks_on_line_is_not_written_to_until_they_come_back() {
    deep(async {
        let site = Site::open().await;
        let (state, mut users, mut blocked) = (&site.workspace.state, 0, Vec::new());
        /// Kind and minutes ago of each event, and why nobody is written to at their end.
        type Case<'a> = (&'a [(&'a str, i64)], Option<&'a str>);
        let cases: [Case; 5] = [
            (&[("unfollow", 3)], Some("blocked")),
            (&[("unfollow", 3), ("follow", 2)], None),
            (&[("unfollow", 3), ("follow", 2), ("unfollow", 1)], Some("blocked")),
            (&[("follow", 3), ("unfollow", 2), ("follow", 1)], None),
            // One instant: nobody is written to against their will.
            (&[("follow", 1), ("unfollow", 1)], Some("blocked")),
        ];
        for (events, expect) in cases {
            for order in orders_of(events) {
                for is_known in [true, false] {
                    users += 1;
                    let (customer_id, user) = (CustomerId::stored(format!("c{users:03}")), format!("U{users:032x}"));
                    let contact = Contact { customer_id: customer_id.clone(), kind: ContactKind::Line, address: user.clone() };
                    if is_known {
                        state.vault().put(std::slice::from_ref(&contact), "crm", now()).await.unwrap();
                    }
                    for (kind, minutes_ago) in order.iter().chain(&order) {
                        assert_eq!(site.line(&json!([line_event(kind, &user, *minutes_ago)])).await, 200);
                    }
                    state.vault().put(&[contact], "crm", now()).await.unwrap();
                    site.workspace.forget_reachable();
                    let reachable = site.workspace.reachable().await.unwrap();
                    let line = reachable.reach[&customer_id].on(Channel::Line).unwrap();
                    assert_eq!(line.suppressed.as_deref(), expect, "{order:?}, known first: {is_known}");
                    blocked.extend(expect.map(|reason| format!("{customer_id} line {reason}")));
                }
            }
        }
        let told = "SELECT customer_id, channel, reason FROM suppressions ORDER BY customer_id";
        assert_eq!(site.ask(told).await, blocked);

        // By whatever door the block came, it is over; a complaint is not.
        let (customer_id, user) = (CustomerId::stored("c999"), format!("U{:032x}", 999));
        let contact = Contact { customer_id: customer_id.clone(), kind: ContactKind::Line, address: user.clone() };
        state.vault().put(&[contact], "crm", now()).await.unwrap();
        for (reason, expect) in [("blocked", None), ("complained", Some("complained"))] {
            let changed_at = now() - chrono::TimeDelta::minutes(9);
            let (customer_id, reason) = (customer_id.clone(), reason.to_string());
            let said =
                Suppression { customer_id, channel: Channel::Line, reason, active: true, source: "crm".into(), changed_at };
            state.consents().record_suppressions(&[(said, now())], now()).await.unwrap();
            assert_eq!(site.line(&json!([line_event("follow", &user, 5)])).await, 200);
            site.workspace.forget_reachable();
            let reachable = site.workspace.reachable().await.unwrap();
            let line = reachable.reach[&CustomerId::stored("c999")].on(Channel::Line).unwrap();
            assert_eq!(line.suppressed.as_deref(), expect);
        }
        let letters = state.vault().dead_letters(now(), 10).await.unwrap();
        assert!(letters.is_empty(), "{letters:?}");
    });
}

#[test]
fn only_line_itself_is_believed() {
    deep(async {
        let site = Site::open().await;
        // The console's button.
        assert_eq!(site.line(&json!([])).await, 200);
        let body = json!({ "destination": "U0", "events": [line_event("unfollow", &format!("U{:032x}", 1), 1)] }).to_string();
        let good = signed("new secret", &[body.as_bytes()]);
        let other = signed("other secret", &[body.as_bytes()]);
        let check = async |headers: &[(&str, &str)], body: &str, expect: u16| {
            assert_eq!(site.post("line", headers, body.as_bytes()).await, expect, "{headers:?}");
        };
        check(&[], &body, 401).await;
        check(&[("X-Line-Signature", "")], &body, 401).await;
        check(&[("X-Line-Signature", &other)], &body, 401).await;
        check(&[("X-Shopify-Hmac-Sha256", &good)], &body, 401).await;
        check(&[("X-Line-Signature", &good)], &body.replace("unfollow", "follow"), 401).await;
        check(&[("X-Line-Signature", &good)], &body, 200).await;
        let bad = json!({ "events": [line_event("unfollow", "U1", 1)] }).to_string();
        check(&[("X-Line-Signature", &signed("new secret", &[bad.as_bytes()]))], &bad, 200).await;
        let letters = site.workspace.state.vault().dead_letters(now(), 10).await.unwrap();
        assert_eq!(letters.iter().map(|letter| letter.code.as_str()).collect::<Vec<_>>(), ["not_a_line_id"]);
        let metrics = site.client.get(format!("{}/metrics", site.address)).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("tsubame_webhooks_total{source=\"line\",outcome=\"blocked\"} 1"), "{metrics}");
    });
}

/// Real payloads. No figures are published with them, so ours are held against their own totals.
#[test]
fn the_payloads_of_shopifys_own_client() {
    let here = std::env::var_os("TSUBAME_DATA_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = here.join("shopify-json");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    deep(async move {
        let payload = |file: &str, pointer: &str| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            serde_json::from_str::<Value>(&text).unwrap().pointer(pointer).unwrap().clone()
        };
        let money = "SELECT order_id, gross, discount, refunded, net, tax, shipping, total, gross - discount + tax + shipping + fee - total, \
                     currency, status, customer_id FROM orders";
        let check = async |deliveries: &[(&str, &str, &str)], sql: &str, expect: &[&str]| {
            let site = Site::open().await;
            for (topic, file, pointer) in deliveries {
                assert_eq!(site.shopify(topic, &payload(file, pointer)).await, 200);
            }
            assert_eq!(site.ask(sql).await, expect, "{deliveries:?}");
            let letters = site.workspace.state.vault().dead_letters(now(), 10).await.unwrap();
            assert!(letters.is_empty(), "{letters:?}");
        };
        let order = ("orders/create", "order.json", "/order");
        let refund = ("refunds/create", "refund.json", "/refund");
        check(&[order], money, &["450789469 398 0 0 398 11.94 0 409.94 0 USD completed 207119551"]).await;
        let all_back = ["450789469 398 0 398 0 11.94 0 409.94 0 USD returned 207119551"];
        check(&[order, refund], money, &all_back).await;
        check(&[refund, order, refund], money, &all_back).await;
        let listed = ("orders/updated", "orders.json", "/orders/0");
        check(&[listed], money, &["450789469 597 10 0 587 11.94 0 598.94 0 USD completed 207119551"]).await;
        let lines = "SELECT sku, quantity, unit_price, amount FROM order_lines ORDER BY line_no";
        check(&[order], lines, &["IPOD2008GREEN 1 199 199", "IPOD2008RED 1 199 199", "IPOD2008BLACK 1 199 199"]).await;
        let checkout = ("checkouts/create", "checkouts.json", "/checkouts/0");
        let event = "SELECT name, customer_id, value, cart_id FROM events";
        check(&[checkout, checkout], event, &["checkout_started 207119551 398 68778783ad298f1c80c3bafcddeea02f"]).await;
        let product = ("products/update", "product.json", "/product");
        check(&[product], "SELECT name, price, status FROM products", &["IPod Nano - 8GB 199 active"]).await;
        check(&[product], "SELECT sum(quantity), count(*) FROM stock", &["100 4"]).await;
        let customer = ("customers/update", "customer.json", "/customer");
        check(&[customer], "SELECT customer_id, prefecture, registered_on FROM customers", &["207119551 Kentucky 2015-05-28"])
            .await;
        check(&[customer], "SELECT kind FROM contacts ORDER BY kind", &["email", "name"]).await;
        check(&[customer], "SELECT count(*) FROM consents", &["0"]).await;
    });
}
