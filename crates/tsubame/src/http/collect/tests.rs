//! The door as stock clients meet it: over a socket, with the bodies and headers they were seen to send.

use std::{io::Write, net::SocketAddr};

use chrono::DateTime;
use model::Instant;
use query::{Mode, ParamValue, Params};
use serde_json::Value;
use state::{Letters, Newest};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

use super::*;
use crate::{
    clock::Clock,
    http::router,
    jobs::{made::now, quarantine},
    sql::SqlDoor,
    workspace::{Access, deep},
};

const SHOP: &str = r#"
name = "つばめ"

[[sources]]
name = "web"
kind = "browser"
write_key = "web-key"
origins = ["https://shop.example"]

[[sources]]
name = "api"
kind = "server"
write_key = "file:secrets/api"

[[sources]]
name = "ga"
kind = "ga4"
write_key = "G-1"
secrets = ["file:secrets/ga"]

[[sources]]
name = "narrow"
kind = "browser"
write_key = "narrow-key"
events_per_second = 1
"#;

/// Nobody's, and to be found nowhere.
const CANARY: &str = "canary.person@example.jp";

struct Shop {
    address: SocketAddr,
    workspace: Arc<Workspace>,
    folder: TempDir,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Shop {
    async fn open() -> Shop {
        Shop::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut Collecting)) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), SHOP).unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        std::fs::write(folder.path().join("secrets/api"), "api-key\n").unwrap();
        std::fs::write(folder.path().join("secrets/ga"), "ga-secret\n").unwrap();
        let workspace = Arc::new(Workspace::open(folder.path(), Clock::logical(now()), Access::Write).await.unwrap());
        let mut app = App::open(workspace.clone(), Arc::new(SqlDoor::open(workspace.clone(), Handle::current()))).unwrap();
        change(&mut app.collecting);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(Arc::new(app)).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Shop { address, workspace, folder }
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str("Host: 127.0.0.1:8710\r\n");
        }
        if !headers.iter().any(|(name, _)| *name == "Transfer-Encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        // A refusal may come before the body was taken.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Reply { status, head: head.into(), body: body.into() }
    }

    async fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.ask("POST", target, headers, body.as_bytes()).await
    }

    /// Every row in the journal, with the name of its table.
    async fn rows(&self) -> Vec<(String, Value)> {
        let mut rows = Vec::new();
        for segment in self.workspace.state.journal().tail(0).await.unwrap() {
            for line in segment.payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                rows.push((segment.table.clone(), serde_json::from_slice(line).unwrap()));
            }
        }
        rows
    }

    async fn events(&self) -> Vec<Value> {
        self.rows().await.into_iter().filter(|(table, _)| table == "events").map(|(_, row)| row).collect()
    }
}

fn basic(key: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{key}:")))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn viewed(id: &str) -> String {
    format!(
        r#"{{"type":"track","event":"Product Viewed","messageId":"{id}","anonymousId":"v1","properties":{{"product_id":"P-1"}}}}"#
    )
}

fn batch(events: &[String]) -> String {
    format!(r#"{{"batch":[{}],"sentAt":"2026-07-01T00:00:00Z"}}"#, events.join(","))
}

#[test]
fn every_path_takes_what_its_clients_send() {
    deep(async {
        let shop = Shop::open().await;
        let api = basic("api-key");
        let auth = [("Authorization", api.as_str())];
        let one = |id: &str| format!(r#"{{"event":"Product Viewed","messageId":"{id}","userId":"c1","writeKey":"web-key"}}"#);
        let mut seen = 0;
        let mut check = async |method: &str, target: &str, headers: &[(&str, &str)], body: String, status: u16, made: usize| {
            let reply = shop.ask(method, target, headers, body.as_bytes()).await;
            assert_eq!(reply.status, status, "{method} {target}: {}", reply.body);
            let events = shop.events().await.len();
            assert_eq!(events - seen, made, "{method} {target}: {}", reply.body);
            seen = events;
            if status == 200 && method == "POST" && !target.contains("/debug/") {
                assert_eq!(reply.body, SUCCESS, "{target}");
            }
            reply
        };
        // Server clients, with and without a slash at the end, and those who say the key in the body or as a token.
        check("POST", "/v1/batch", &auth, batch(&[viewed("a1"), viewed("a2")]), 200, 2).await;
        check("POST", "/v1/batch/", &auth, batch(&[viewed("a3")]), 200, 1).await;
        check("POST", "/v1/import", &auth, batch(&[viewed("a4")]), 200, 1).await;
        check("POST", "/v1/batch", &[("Authorization", "Bearer api-key")], batch(&[viewed("a5")]), 200, 1).await;
        let keyed = batch(&[viewed("a6")]).replace("\"sentAt\"", "\"writeKey\":\"api-key\",\"sentAt\"");
        check("POST", "/v1/batch", &[("Authorization", "Bearer token-of-oauth")], keyed, 200, 1).await;
        // Single events: long and short paths, as text, with the key in the body.
        let text = [("Content-Type", "text/plain"), ("Origin", "https://shop.example")];
        for (index, path) in ["track", "t"].into_iter().enumerate() {
            check("POST", &format!("/v1/{path}"), &text, one(&format!("b{index}")), 200, 1).await;
        }
        for (index, path) in ["identify", "i", "page", "p", "screen", "s", "group", "g"].into_iter().enumerate() {
            let body = format!(
                r#"{{"messageId":"c{index}","userId":"c1","anonymousId":"v1","groupId":"g1","name":"Home","writeKey":"web-key"}}"#
            );
            check("POST", &format!("/v1/{path}"), &text, body, 200, 1).await;
        }
        for (index, path) in ["alias", "a"].into_iter().enumerate() {
            let body = format!(r#"{{"messageId":"d{index}","previousId":"v1","userId":"c1","writeKey":"web-key"}}"#);
            check("POST", &format!("/v1/{path}"), &text, body, 200, 1).await;
        }
        check(
            "POST",
            "/v1/b",
            &text,
            batch(&[viewed("e1")]).replace("\"sentAt\"", "\"writeKey\":\"web-key\",\"sentAt\""),
            200,
            1,
        )
        .await;
        check("POST", "/v1/m", &text, "{\"series\":[]}".into(), 200, 0).await;
        check("POST", "/beacon/v1/batch?writeKey=web-key", &text, batch(&[viewed("e2")]), 200, 1).await;
        for (kind, more) in [("page", "&name=Home"), ("track", "&event=Email%20Opened")] {
            let target = format!("/pixel/v1/{kind}?writeKey=web-key&anonymousId=v1&userId=c1{more}");
            let reply = check("GET", &target, &[], String::new(), 200, 1).await;
            assert_eq!(reply.header("content-type"), Some("image/gif"));
            assert!(reply.body.starts_with("GIF89a"), "{kind}");
        }
        let ga = r#"{"client_id":"v1.2","events":[{"name":"view_item","params":{"items":[{"item_id":"P-1"}]}}]}"#;
        check("POST", "/mp/collect?measurement_id=G-1&api_secret=ga-secret", &[], ga.into(), 204, 1).await;
        let reply = check("POST", "/debug/mp/collect?measurement_id=G-1&api_secret=ga-secret", &[], ga.into(), 200, 0).await;
        assert_eq!(reply.body, r#"{"validationMessages":[]}"#);
    });
}

#[test]
fn browser_clients_are_told_where_to_send() {
    deep(async {
        let shop = Shop::open().await;
        let check = async |target: &str, headers: &[(&str, &str)], expect: Value| {
            let reply = shop.ask("GET", target, headers, b"").await;
            assert_eq!(reply.status, 200, "{target}: {}", reply.body);
            let got: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(got, expect, "{target}");
        };
        let settings = |host: &str, protocol: &str| {
            json!({
                "integrations": { "Segment.io": { "apiKey": "web-key", "apiHost": format!("{host}/v1"), "protocol": protocol } },
                "plan": {},
            })
        };
        let target = "/v1/projects/web-key/settings";
        check(target, &[], settings("127.0.0.1:8710", "http")).await;
        check(target, &[("Host", "t.shop.example")], settings("t.shop.example", "https")).await;
        check(target, &[("Host", "t.shop.example"), ("X-Forwarded-Proto", "http")], settings("t.shop.example", "http")).await;
        check(target, &[("Host", "evil\"/x")], settings("localhost", "http")).await;
        let source = json!({ "source": {
            "id": "web", "name": "web", "writeKey": "web-key", "enabled": true, "workspaceId": "つばめ", "destinations": [],
            "connections": [], "dataplanes": {},
            "config": { "statsCollection": { "errors": { "enabled": false }, "metrics": { "enabled": false } } },
        } });
        let web = basic("web-key");
        check("/sourceConfig/?p=npm&v=3.34.1&writeKey=web-key", &[("Authorization", &web)], source.clone()).await;
        check("/sourceConfig?p=npm", &[("Authorization", &web)], source).await;
    });
}

#[test]
fn every_answer_that_says_no() {
    deep(async {
        let shop = Shop::open().await;
        let (api, web, wrong) = (basic("api-key"), basic("web-key"), basic("wrong"));
        let good = batch(&[viewed("x1")]);
        let large = " ".repeat(body::WIRE_BYTES_MAX + 1);
        let check = async |method: &str, target: &str, headers: &[(&str, &str)], body: &[u8], status: u16, code: &str| {
            let reply = shop.ask(method, target, headers, body).await;
            assert_eq!(reply.status, status, "{method} {target} {headers:?}: {}", reply.body);
            let said: Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{target}: {}", reply.body));
            assert_eq!(said["code"], code, "{target} {headers:?}");
            assert!(said["message"].as_str().is_some_and(|message| !message.is_empty()), "{target}");
            assert_eq!(reply.header("retry-after").is_some(), matches!(status, 429 | 503), "{target}");
            assert!(reply.header("location").is_none());
        };
        check("POST", "/v1/batch", &[], good.as_bytes(), 401, "unknown_key").await;
        check("POST", "/v1/batch", &[("Authorization", &wrong)], good.as_bytes(), 401, "unknown_key").await;
        check("POST", "/v1/batch", &[("Authorization", "Basic !!")], good.as_bytes(), 401, "unknown_key").await;
        check("POST", "/v1/t", &[], br#"{"event":"x","userId":"c","writeKey":"wrong"}"#, 401, "unknown_key").await;
        check("POST", "/beacon/v1/batch?writeKey=wrong", &[], good.as_bytes(), 401, "unknown_key").await;
        check("GET", "/pixel/v1/page?writeKey=wrong&anonymousId=v", &[], b"", 401, "unknown_key").await;
        check("GET", "/v1/projects/wrong/settings", &[], b"", 401, "unknown_key").await;
        check("GET", "/sourceConfig/?writeKey=wrong", &[], b"", 401, "unknown_key").await;
        // A key of one kind opens no door of another.
        check("POST", "/mp/collect?measurement_id=G-1&api_secret=wrong", &[], b"{}", 401, "unknown_key").await;
        check("POST", "/mp/collect?measurement_id=web-key", &[], b"{}", 401, "unknown_key").await;
        check("POST", "/v1/batch", &[("Authorization", &basic("G-1"))], good.as_bytes(), 401, "unknown_key").await;
        for origin in ["https://evil.example", "null"] {
            check(
                "POST",
                "/v1/batch",
                &[("Authorization", &web), ("Origin", origin)],
                good.as_bytes(),
                403,
                "origin_not_allowed",
            )
            .await;
        }
        check("GET", "/v1/projects/web-key/settings", &[("Origin", "https://evil.example")], b"", 403, "origin_not_allowed")
            .await;
        check("GET", "/pixel/v1/alias?writeKey=web-key", &[], b"", 404, "not_found").await;
        check("GET", "/v1/batch", &[("Authorization", &api)], b"", 405, "method_not_allowed").await;
        check("POST", "/pixel/v1/page?writeKey=web-key", &[], b"", 405, "method_not_allowed").await;
        let auth = [("Authorization", api.as_str())];
        check("POST", "/v1/batch", &auth, b"{\"batch\":[", 400, "not_json").await;
        check("POST", "/v1/batch", &auth, b"", 400, "not_json").await;
        check("POST", "/v1/batch", &auth, b"{\"event\":1}", 400, "not_a_batch").await;
        check("POST", "/v1/batch", &auth, &[0x1f, 0x8b, 0xff, 0xff], 400, "malformed").await;
        check("POST", "/v1/batch", &auth, large.as_bytes(), 413, "too_large").await;
        check("POST", "/v1/batch", &auth, &gzip(&vec![b' '; 100 << 20]), 413, "too_large").await;
        let many = batch(&vec!["{}".to_string(); 2_501]);
        check("POST", "/v1/batch", &auth, many.as_bytes(), 413, "too_many").await;
        // One event a second, ten at once: the eleventh waits, and is not lost by it.
        let ten: Vec<String> = (0..10).map(|index| viewed(&format!("n{index}"))).collect();
        let narrow = basic("narrow-key");
        let narrow = [("Authorization", narrow.as_str())];
        assert_eq!(shop.post("/v1/batch", &narrow, &batch(&ten)).await.status, 200);
        check("POST", "/v1/batch", &narrow, good.as_bytes(), 429, "too_fast").await;
        assert_eq!(shop.events().await.len(), 10);
    });
}

#[test]
fn when_nothing_can_be_kept_nothing_is_acknowledged() {
    deep(async {
        let api = basic("api-key");
        let auth = [("Authorization", api.as_str())];
        let full = Shop::open_with(|collecting| collecting.waiting = Semaphore::new(0)).await;
        let reply = full.post("/v1/batch", &auth, &batch(&[viewed("a")])).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
        let crowded = Shop::open_with(|collecting| collecting.memory = Arc::new(Semaphore::new(10))).await;
        assert_eq!(crowded.post("/v1/batch", &auth, &batch(&[viewed("a")])).await.status, 503);
        let hasty = Shop::open_with(|collecting| collecting.body_time_max = Duration::from_millis(30)).await;
        let reply = hasty.ask("POST", "/v1/batch", &[auth[0], ("Transfer-Encoding", "chunked")], b"5\r\n{\"bat\r\n").await;
        assert_eq!(reply.status, 408, "{}", reply.body);
        let closed = Shop::open().await;
        closed.workspace.state.close().await;
        let reply = closed.post("/v1/batch", &auth, &batch(&[viewed("a")])).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
    });
}

#[test]
fn a_browser_may_send_what_its_client_wants_to() {
    deep(async {
        let shop = Shop::open().await;
        let retry = "anonymousid,authorization,content-type,rsa-retry-attempt,rsa-retry-reason,sentat";
        for target in
            ["/v1/batch", "/v1/t", "/v1/m", "/beacon/v1/batch", "/sourceConfig/", "/v1/projects/web-key/settings", "/mp/collect"]
        {
            let asked = [
                ("Origin", "https://shop.example"),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", retry),
            ];
            let reply = shop.ask("OPTIONS", target, &asked, b"").await;
            let got =
                ["origin", "headers", "methods", "credentials"].map(|name| reply.header(&format!("access-control-allow-{name}")));
            let expect = [Some("https://shop.example"), Some(retry), Some("GET, POST, OPTIONS"), Some("true")];
            assert_eq!((reply.status, got), (204, expect), "{target}");
            assert_eq!(reply.header("access-control-max-age"), Some("86400"), "{target}");
            assert!(reply.header("vary").is_some_and(|vary| vary.contains("Origin")), "{target}");
        }
        // What was sent, and what was refused, can be read by the page's client.
        let headers = [("Origin", "https://shop.example"), ("Content-Type", "text/plain")];
        for (body, status) in [(r#"{"event":"x","userId":"c1","writeKey":"web-key"}"#, 200), (r#"{"writeKey":"wrong"}"#, 401)] {
            let reply = shop.post("/v1/t", &headers, body).await;
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, Some("https://shop.example")));
        }
    });
}

#[test]
fn traps_of_stock_clients() {
    deep(async {
        let shop = Shop::open().await;
        let api = basic("api-key");
        // RudderStack for Node: gzip JSON that calls itself a form.
        let body = gzip(batch(&[viewed("t1")]).as_bytes());
        let form = [
            ("Authorization", api.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Encoding", "gzip"),
        ];
        assert_eq!(shop.ask("POST", "/v1/batch", &form, &body).await.status, 200);
        // A proxy inflated it and left the header.
        assert_eq!(shop.ask("POST", "/v1/batch", &form, batch(&[viewed("t2")]).as_bytes()).await.status, 200);
        // RudderStack in browsers: the time of sending and the visitor are in headers. The client's clock is an hour slow.
        let web = basic("web-key");
        let visitor = BASE64.encode("visitor-9");
        let headers = [("Authorization", web.as_str()), ("SentAt", "2026-06-30T23:00:00.000Z"), ("AnonymousId", &visitor)];
        let event = r#"{"type":"track","event":"Product Viewed","messageId":"t3","anonymousId":null,"originalTimestamp":"2026-06-30T22:59:50.000Z"}"#;
        assert_eq!(shop.post("/v1/track", &headers, event).await.status, 200);
        // In pieces.
        let chunked = [("Authorization", api.as_str()), ("Transfer-Encoding", "chunked")];
        let whole = batch(&[viewed("t4")]);
        let (first, second) = whole.split_at(20);
        let pieces = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
        assert_eq!(shop.post("/v1/batch", &chunked, &pieces).await.status, 200);
        let events = shop.events().await;
        let ids: Vec<&str> = events.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["t1", "t2", "t3", "t4"]);
        let of_headers = &events[2];
        assert_eq!(of_headers["visitor_id"], "visitor-9");
        let at: Instant = DateTime::parse_from_rfc3339(of_headers["occurred_at"].as_str().unwrap()).unwrap().to_utc();
        assert_eq!(now() - at, chrono::TimeDelta::seconds(10));
    });
}

#[test]
fn a_batch_that_is_sent_twice_counts_once() {
    deep(async {
        let shop = Shop::open().await;
        let api = basic("api-key");
        let hundred: Vec<String> = (0..100).map(|index| viewed(&format!("m{index}"))).collect();
        for _ in 0..2 {
            let reply = shop.post("/v1/batch", &[("Authorization", &api)], &batch(&hundred)).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, SUCCESS));
        }
        assert_eq!(shop.events().await.len(), 100);
        // Another source may use the same ids.
        let web = basic("web-key");
        assert_eq!(shop.post("/v1/batch", &[("Authorization", &web)], &batch(&hundred[..1])).await.status, 200);
        assert_eq!(shop.events().await.len(), 101);
    });
}

#[test]
fn a_poisoned_event_costs_no_other() {
    deep(async {
        let shop = Shop::open().await;
        let api = basic("api-key");
        let poison = [
            format!(r#"{{"type":"track","event":"x","messageId":"p0","properties":{{"email":"{CANARY}"}}}}"#),
            "42".into(),
            "null".into(),
            format!(r#"{{"type":"track","messageId":"p3","userId":"{CANARY}"}}"#),
            format!(
                r#"{{"type":"track","event":"Order Completed","messageId":"p4","userId":"c1","properties":{{"value":"{CANARY}"}}}}"#
            ),
            format!(
                r#"{{"type":"track","event":"x","messageId":"p5","userId":"c1","properties":{{"x":"{}"}}}}"#,
                "y".repeat(33_000)
            ),
            format!(r#"{{"type":"track","event":"x","messageId":"p6","userId":"c1","timestamp":"{CANARY}"}}"#),
        ];
        let mut kept = 0;
        for place in 0..3 {
            for (index, poison) in poison.iter().enumerate() {
                let mut events: Vec<String> = (0..2).map(|other| viewed(&format!("{place}-{index}-{other}"))).collect();
                events.insert(place, poison.clone());
                for _ in 0..2 {
                    let reply = shop.post("/v1/batch", &[("Authorization", &api)], &batch(&events)).await;
                    assert_eq!(reply.status, 200, "{poison}");
                    let said: Value = serde_json::from_str(&reply.body).unwrap();
                    assert_eq!(
                        (&said["success"], &said["rejected"][0]["index"]),
                        (&json!(true), &json!(place)),
                        "{poison}: {said}"
                    );
                    assert!(said["rejected"][0]["code"].is_string() && said["rejected"][0]["reason"].is_string(), "{said}");
                    assert_eq!(said["rejected"].as_array().unwrap().len(), 1, "{said}");
                    assert!(!reply.body.contains("canary"), "{}", reply.body);
                }
                kept += 2;
                assert_eq!(shop.events().await.len(), kept, "{poison} at {place}");
            }
        }
        // Sent six times in all, each poison is one letter, sealed, with its bytes.
        let vault = shop.workspace.state.vault();
        let letters = vault.letters(Letters::default(), Newest::Last, now(), 100).await.unwrap();
        assert_eq!(letters.len(), poison.len());
        for (letter, poison) in letters.iter().zip(&poison) {
            assert_eq!((letter.source.as_str(), letter.remedy.is_empty()), ("api", false), "{letter:?}");
            assert!(!format!("{letter:?}").contains("canary"), "{letter:?}");
            let raw = String::from_utf8(vault.reveal(letter.id, now()).await.unwrap().unwrap().expose().clone()).unwrap();
            assert!(raw.contains(poison.get(..20).unwrap_or(poison)), "{raw}");
        }
        let metrics = shop.ask("GET", "/metrics", &[], b"").await.body;
        assert!(metrics.contains("tsubame_collect_refused_total{code=\"too_large\"} 6\n"), "{metrics}");
        assert!(metrics.contains("tsubame_collect_answers_total{status=\"200\"} 42\n"), "{metrics}");
        assert!(!metrics.contains("canary"), "{metrics}");
        for entry in std::fs::read_dir(shop.folder.path().join("data")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(13).any(|window| window == b"canary.person"), "{}", path.display());
            }
        }
    });
}

#[test]
fn what_was_refused_comes_in_once_its_cause_is_mended() {
    deep(async {
        let shop = Shop::open().await;
        let source = shop.workspace.shop().sources[1].clone();
        let letter = |code: &'static str, raw: &str| Refused {
            index: 0,
            code,
            reason: "an older version did not know it".into(),
            remedy: "take it again".into(),
            raw: raw.into(),
        };
        let (good, bad) = (batch(&[viewed("r1")]), r#"{"batch":[{"type":"track","event":"x"}]}"#);
        let refused = [letter("unknown_event", &good), letter("unknown_event", bad), letter("other", &batch(&[viewed("r2")]))];
        let vault = shop.workspace.state.vault();
        vault.dead_letter(&job::letters(&shop.workspace, &source, &refused), now() - chrono::TimeDelta::days(2)).await.unwrap();
        let of_file =
            state::DeadLetter { file: "orders.csv#1".into(), line: 3, code: "unknown_event".into(), ..Default::default() };
        vault.dead_letter(&[of_file], now()).await.unwrap();
        let which = Letters { code: Some("unknown_event"), ..Letters::default() };
        let done = quarantine::replay(&shop.workspace, which).await.unwrap();
        assert_eq!(done, quarantine::Replayed { accepted: 1, refused: 1, of_files: 1 });
        let events = shop.events().await;
        assert_eq!(events.len(), 1);
        // It happened when it came, and is known from today.
        let day = |name: &str| events[0][name].as_str().unwrap()[..10].to_string();
        assert_eq!((day("occurred_at"), day("known_at")), ("2026-06-29".into(), "2026-07-01".into()));
        let left = vault.letters(Letters::default(), Newest::Last, now(), 10).await.unwrap();
        let left: Vec<&str> = left.iter().map(|letter| letter.code.as_str()).collect();
        assert_eq!(left, ["no_user_anon_id", "other", "unknown_event"]);
        // Again and again: nothing twice.
        quarantine::replay(&shop.workspace, Letters::default()).await.unwrap();
        quarantine::replay(&shop.workspace, Letters::default()).await.unwrap();
        assert_eq!(shop.events().await.len(), 2);
    });
}

#[test]
fn addresses_of_servers_are_sealed_before_their_events_are_known() {
    deep(async {
        let shop = Shop::open().await;
        let identify = |key: &str| {
            format!(
                r#"{{"userId":"c1","anonymousId":"v1","messageId":"{key}","traits":{{"email":"{CANARY}"}},"writeKey":"{key}"}}"#
            )
        };
        // A public key says who somebody is and sets no address.
        assert_eq!(shop.post("/v1/identify", &[], &identify("web-key")).await.status, 200);
        assert_eq!(shop.workspace.state.vault().flags().await.unwrap().len(), 0);
        assert_eq!(shop.post("/v1/identify", &[], &identify("api-key")).await.status, 200);
        let flags = shop.workspace.state.vault().flags().await.unwrap();
        assert_eq!((flags.len(), flags[0].customer_id.as_str()), (1, "c1"));
        let rows = shop.rows().await;
        let tables: Vec<&str> = rows.iter().map(|(table, _)| table.as_str()).collect();
        assert!(tables.contains(&"identities") && tables.contains(&"contacts"), "{tables:?}");
        assert!(rows.iter().all(|(_, row)| !row.to_string().contains("canary")), "{rows:?}");
    });
}

#[test]
fn a_cart_that_a_client_changed_was_updated() {
    deep(async {
        let shop = Shop::open().await;
        let event = |id: usize, name: &str, properties: &str| {
            format!(r#"{{"type":"track","event":"{name}","messageId":"k{id}","userId":"c1","properties":{properties}}}"#)
        };
        let events = [
            event(0, "Product Added", r#"{"product_id":"P-1","price":1200,"quantity":2,"cart_id":"k"}"#),
            event(1, "Product Removed", r#"{"product_id":"P-1","cart_id":"k"}"#),
            event(2, "Cart Viewed", r#"{"cart_id":"k","value":3400}"#),
            event(3, "Cart Viewed", r#"{"cart_id":"k","products":[]}"#),
            event(4, "Product Viewed", r#"{"product_id":"P-1"}"#),
        ];
        let api = basic("api-key");
        assert_eq!(shop.post("/v1/batch", &[("Authorization", &api)], &batch(&events)).await.body, SUCCESS);
        let desk = shop.workspace.desk(now(), Mode::AsKnown).await.unwrap();
        let check = async |names: &str, expect: &[(&str, &str, Option<i64>)]| {
            let mut params = Params::new();
            params.insert("from_at".into(), ParamValue::Instant(now() - chrono::TimeDelta::days(1)));
            params.insert("to_at".into(), ParamValue::Instant(now() + chrono::TimeDelta::days(1)));
            params.insert("names".into(), ParamValue::Text(names.into()));
            let answer = desk.ask("system/happenings", &params).await.unwrap();
            let mut got: Vec<(String, String, Option<String>)> = (0..answer.rows.len())
                .map(|row| {
                    let text = |name: &str| answer.get(row, name).map(query::Value::plain).unwrap_or_default();
                    (text("event_id"), text("name"), Some(text("value")).filter(|value| !value.is_empty()))
                })
                .collect();
            got.sort();
            let expect: Vec<_> = expect
                .iter()
                .map(|(id, name, value)| (id.to_string(), name.to_string(), value.map(|value| value.to_string())))
                .collect();
            assert_eq!(got, expect, "{names}");
        };
        check(
            "cart_updated",
            &[("k0", "cart_updated", Some(2400)), ("k1", "cart_updated", None), ("k2", "cart_updated", Some(3400))],
        )
        .await;
        check("product_added", &[("k0", "product_added", Some(2400))]).await;
        let both = [
            ("k0", "cart_updated", Some(2400)),
            ("k0", "product_added", Some(2400)),
            ("k1", "cart_updated", None),
            ("k2", "cart_updated", Some(3400)),
        ];
        check("cart_updated,product_added", &both).await;
        check("product_viewed", &[("k4", "product_viewed", None)]).await;
    });
}

#[test]
fn the_tag_may_be_loaded_by_any_page() {
    deep(async {
        let shop = Shop::open().await;
        let reply = shop.ask("GET", "/t.js", &[("Origin", "https://shop.example")], b"").await;
        let got = ["content-type", "access-control-allow-origin", "cross-origin-resource-policy"].map(|name| reply.header(name));
        assert_eq!(got, [Some("text/javascript; charset=utf-8"), Some("*"), Some("cross-origin")]);
        assert!(reply.header("cache-control").is_some_and(|cache| cache.starts_with("public")));
        let tag = reply.header("etag").unwrap().to_string();
        assert_eq!(shop.ask("GET", "/t.js", &[("If-None-Match", &tag)], b"").await.status, 304);
    });
}
