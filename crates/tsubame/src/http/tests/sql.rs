//! SQL over HTTP, as a program asks and as the page does. Each question is answered by a worker of the built binary.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::*;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

impl Site {
    async fn sql(&self, user: &str, body: Value) -> (Reply, Value) {
        self.sql_with("lang=en", user, body).await
    }

    async fn sql_with(&self, asked: &str, user: &str, body: Value) -> (Reply, Value) {
        let headers = [("Authorization", basic(user, PASSWORD)), ("Content-Type", "application/json".into())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = self.ask("POST", &format!("/api/sql?{asked}"), &headers, body.to_string().as_bytes()).await;
        let said = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
        (reply, said)
    }
}

#[test]
fn a_program_asks_in_sql() {
    deep(async {
        let site = Site::open(true, made()).await;
        let check = async |body: Value, status: u16, expect: Value| {
            let (reply, said) = site.sql("analyst", body.clone()).await;
            assert_eq!(reply.status, status, "{body}: {}", reply.body);
            for (member, value) in expect.as_object().unwrap() {
                assert_eq!(said[member], *value, "{body}: {}", reply.body);
            }
        };
        let sql = "SELECT status, count(*) AS n FROM orders WHERE net >= $least GROUP BY status";
        let rows = json!([{ "status": "completed", "n": 1275 }]);
        let columns = json!([{ "name": "status", "type": "Utf8" }, { "name": "n", "type": "Int64" }]);
        check(
            json!({ "sql": sql, "params": { "least": 3000 } }),
            200,
            json!({ "rows": rows, "row_count": 1, "columns": columns, "limit_hit": null }),
        )
        .await;
        check(json!({ "sql": sql, "params": { "least": 3001 } }), 200, json!({ "rows": [], "row_count": 0 })).await;
        check(
            json!({ "sql": "SELECT $1 AS a, $2 AS b", "params": [null, "x"] }),
            200,
            json!({ "rows": [{ "a": null, "b": "x" }] }),
        )
        .await;
        let dated = json!({ "day": { "type": "date", "value": "2026-06-01" } });
        check(json!({ "sql": "SELECT $day - 1 AS d", "params": dated }), 200, json!({ "rows": [{ "d": "2026-05-31" }] })).await;
        // The limit that was asked for cuts; it is named.
        check(json!({ "sql": "SELECT order_id FROM orders", "limit": 3 }), 200, json!({ "row_count": 3, "limit_hit": "rows" }))
            .await;
        let long = "SELECT count(*) AS n FROM generate_series(1, 30000) AS a, generate_series(1, 30000) AS b WHERE a.value * b.value = -1";
        check(json!({ "sql": long, "timeout": 1 }), 200, json!({ "limit_hit": "time" })).await;
        check(json!({ "sql": "SELECT *\nFROM ordres" }), 400, json!({ "code": "unknown_table", "line": 2, "column": 6 })).await;
        check(json!({ "sql": "DROP TABLE orders" }), 403, json!({ "code": "refused" })).await;
        check(json!({ "sql": "SELECT $x" }), 400, json!({ "code": "parameter", "column": 8 })).await;
        check(json!({ "sql": "SELECT 1", "format": "xml" }), 400, json!({ "code": "request" })).await;
        check(json!({ "sql": "SELECT 1", "as_of": "soon" }), 400, json!({ "code": "request" })).await;
        check(json!({ "sql": "SELECT 1", "surprise": 1 }), 400, json!({ "code": "request" })).await;
        // What is wrong before the first row is no answer, in any format.
        for format in ["json", "ndjson", "csv", "spreadsheet", "parquet", "arrow"] {
            check(json!({ "sql": "SELECT net / 0 FROM orders", "format": format }), 400, json!({ "code": "data" })).await;
        }
        check(json!({ "sql": "SELECT $1", "params": [9_223_372_036_854_775_808_u64] }), 400, json!({ "code": "request" })).await;
        check(json!({ "sql": "SELECT $as_of", "params": { "as_of": "2020-01-01" } }), 400, json!({ "code": "parameter" })).await;
        check(json!({ "sql": "SELECT nope FROM orders", "explain": true }), 400, json!({ "line": 1, "column": 8 })).await;
        check(json!({ "sql": "SELEC 1" }), 400, json!({ "code": "syntax", "hint": "did you mean SELECT?" })).await;
        check(json!({ "sql": "SELECT TOP 3 net FROM orders" }), 400, json!({ "hint": "write LIMIT at the end" })).await;
        check(json!({ "sql": "SELECT net FROM order" }), 400, json!({ "hint": "did you mean orders?" })).await;
        check(
            json!({ "sql": "SELECT net FROM ordres" }),
            400,
            json!({ "code": "unknown_table", "hint": "did you mean orders?" }),
        )
        .await;
        check(json!({ "sql": "SELECT named_struct('a', 1, 'b', 'x') AS s", "format": "csv" }), 200, json!({})).await;
        // A body that is JSON is read as such, whatever it is called; the URL adds to it, and has nothing else.
        let auth = basic("analyst", PASSWORD);
        let raw = async |method: &str, path: &str, body: &str| {
            site.ask(method, path, &[("Authorization", &auth)], body.as_bytes()).await
        };
        let reply = raw("POST", "/api/sql?limit=1&format=csv", "{\"sql\": \"SELECT order_id FROM orders ORDER BY 1\"}").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "order_id\nfirst-0\n"));
        assert_eq!(raw("POST", "/api/sql?limt=1", "SELECT 1").await.status, 400);
        assert_eq!(raw("POST", "/api/sql?explain=maybe", "SELECT 1").await.status, 400);
        let reply = raw("GET", "/api/sql", "").await;
        assert_eq!((reply.status, reply.body.contains("\"code\":\"method\"")), (405, true), "{}", reply.body);
        // The plan is asked for in the body or in the URL.
        for (with, body) in [
            ("lang=en", json!({ "sql": "SELECT 1 AS a", "explain": true })),
            ("lang=en&explain=1", json!({ "sql": "SELECT 1 AS a" })),
        ] {
            let (reply, said) = site.sql_with(with, "analyst", body).await;
            assert_eq!((reply.status, &said["columns"][0]["name"]), (200, &json!("plan_type")), "{with}: {}", reply.body);
        }
        // Before the first order there was none.
        check(json!({ "sql": "SELECT count(*) AS n FROM orders", "as_of": "2020-01-01" }), 200, json!({ "rows": [{ "n": 0 }] }))
            .await;
    });
}

#[test]
fn rows_come_in_the_format_that_was_asked_for() {
    deep(async {
        let site = Site::open(false, made()).await;
        let get = async |format: &str| {
            let sql = "SELECT a.order_id, a.net, '=1' AS text, b.order_id FROM orders AS a JOIN orders AS b USING (order_id)
                WHERE a.order_id < 'first-10' ORDER BY 1";
            let headers = [("Authorization", basic("analyst", PASSWORD)), ("Accept", format.into())];
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let reply = site.ask("POST", "/api/sql", &headers, sql.as_bytes()).await;
            assert_eq!(reply.status, 200, "{format}: {}", reply.body);
            assert_eq!(reply.header("x-tsubame-query-id").len(), 1);
            (reply.header("content-type")[0].to_string(), reply.body)
        };
        let (kind, body) = get("text/csv").await;
        assert_eq!(
            (kind.as_str(), body.as_str()),
            (
                "text/csv; charset=utf-8",
                "order_id,net,text,order_id_2\nfirst-0,3000.0000,=1,first-0\nfirst-1,3000.0000,=1,first-1\n"
            )
        );
        let (kind, body) = get("application/x-ndjson").await;
        assert_eq!((kind.as_str(), body.lines().count()), ("application/x-ndjson", 2), "{body}");
        assert!(
            body.starts_with("{\"order_id\":\"first-0\",\"net\":3000.0000,\"text\":\"=1\",\"order_id_2\":\"first-0\"}"),
            "{body}"
        );
    });
}

/// Whoever asks for more than the shop gives is not told that this was all.
#[test]
fn a_cut_answer_does_not_look_whole() {
    deep(async {
        let site = Site::open_set(false, made(), |settings| settings.replace("rows = 1000000", "rows = 100")).await;
        let auth = basic("analyst", PASSWORD);
        let check = async |asked: &str, status: u16, lines: usize, part: &str| {
            let path = format!("/api/sql?{asked}");
            let reply = site.ask("POST", &path, &[("Authorization", &auth)], b"SELECT order_id FROM orders ORDER BY 1").await;
            assert_eq!((reply.status, reply.body.lines().count()), (status, lines), "{asked}: {}", reply.body);
            assert!(reply.body.contains(part), "{asked}: {}", reply.body);
        };
        check("format=csv&limit=50", 200, 51, "order_id").await;
        check("format=csv&limit=900", 422, 1, "\"code\":\"cut_off\"").await;
        check("format=csv", 422, 1, "\"code\":\"cut_off\"").await;
        check("format=json&limit=900", 200, 1, "\"limit_hit\":\"rows\"").await;
    });
}

#[test]
fn binary_formats_are_read_back() {
    deep(async {
        let site = Site::open(false, made()).await;
        let get_as = async |format: &str, encoding: &str| {
            let mut stream = TcpStream::connect(site.address).await.unwrap();
            let body = json!({ "sql": "SELECT order_id, net, ordered_at FROM orders", "format": format }).to_string();
            let head = format!(
                "POST /api/sql HTTP/1.0\r\nHost: localhost\r\nAuthorization: {}\r\nAccept-Encoding: {encoding}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                basic("admin", PASSWORD),
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body.as_bytes()).await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            let start = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
            bytes::Bytes::from(bytes.split_off(start))
        };
        let get = async |format: &str| get_as(format, "identity").await;
        // What is compressed comes to its end.
        let mut text = String::new();
        let zipped = get_as("json", "gzip").await;
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(zipped.as_ref()), &mut text).expect("gzip");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["row_count"], json!(1275));
        let parquet = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(get("parquet").await).unwrap();
        let rows = |batches: Vec<arrow::array::RecordBatch>| batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
        assert_eq!(rows(parquet.build().unwrap().map(|batch| batch.unwrap()).collect()), 1275);
        let arrow = get("arrow").await;
        let arrow = arrow::ipc::reader::StreamReader::try_new(arrow.as_ref(), None).unwrap();
        assert_eq!(rows(arrow.map(|batch| batch.unwrap()).collect()), 1275);
    });
}

#[test]
fn who_may_ask_and_what_is_masked() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let one = json!({ "sql": "SELECT 1 AS one" });
        let check = async |user: &str, status: u16| {
            assert_eq!(site.sql(user, one.clone()).await.0.status, status, "{user}");
        };
        check("admin", 200).await;
        check("analyst", 200).await;
        check("marketer", 403).await;
        check("nobody", 401).await;
        let wrong = basic("analyst", "wrong");
        assert_eq!(site.ask("POST", "/api/sql", &[("Authorization", &wrong)], b"SELECT 1").await.status, 401);
        assert_eq!(site.ask("POST", "/api/sql", &[], b"SELECT 1").await.status, 401);
        // A session asks with its token.
        let session = site.signed_in(Role::Analyst).await;
        let cookie = format!("{}={session}", auth::COOKIE);
        let page = site.get("/sql", &session).await;
        let asked = async |token: &str| {
            site.ask("POST", "/api/sql", &[("Cookie", &cookie), ("X-CSRF-Token", token)], b"SELECT 1").await.status
        };
        assert_eq!((asked("forged").await, asked(page.csrf()).await), (403, 200));
        assert_eq!(site.get("/sql", &site.signed_in(Role::Marketer).await).await.status, 403);
        // Personal columns are masked, granted for a time, and each use is written down.
        let personal = json!({ "sql": "SELECT birthday FROM customers", "personal": true });
        let (reply, said) = site.sql("analyst", personal.clone()).await;
        assert_eq!((reply.status, &said["code"]), (403, &json!("refused")), "{}", reply.body);
        let grants = site.workspace.state.grants();
        let wall = Clock::Real.now();
        let grant = state::Grant { account: "analyst".into(), until: wall + TimeDelta::hours(1), reason: "birthdays".into() };
        grants.grant(&grant, wall).await.unwrap();
        assert_eq!(site.sql("analyst", personal.clone()).await.0.status, 200);
        assert_eq!(site.sql("admin", personal.clone()).await.0.status, 403);
        assert!(grants.withdraw("analyst", wall).await.unwrap());
        assert_eq!(site.sql("analyst", personal).await.0.status, 403);
        let log: Vec<String> =
            grants.log(10).await.unwrap().into_iter().map(|noted| format!("{} {}", noted.act, noted.detail)).collect();
        assert!(log.len() == 3 && log[0].starts_with("granted until") && log[0].ends_with(": birthdays"), "{log:?}");
        assert!(log[1].starts_with("read customers.attributes, customers.birthday: SELECT birthday"), "{log:?}");
        assert!(grants.grant(&state::Grant { account: "marketer".into(), ..grant }, wall).await.is_err());
    });
}

#[test]
fn a_question_is_cancelled_by_its_id_and_by_hanging_up() {
    deep(async {
        let site = Site::open(false, Vec::new()).await;
        let endless = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let begin = async || {
            let mut stream = TcpStream::connect(site.address).await.unwrap();
            let head = format!(
                "POST /api/sql?format=ndjson&limit=100000000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{endless}",
                basic("analyst", PASSWORD),
                endless.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut bytes = vec![0; 1024];
            let read = stream.read(&mut bytes).await.unwrap();
            let head = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let id = between(&head, "x-tsubame-query-id: ", "\r\n").unwrap_or_else(|| panic!("{head}")).to_string();
            (stream, id)
        };
        let delete = async |id: &str, user: &str| {
            site.ask("DELETE", &format!("/api/sql/{id}"), &[("Authorization", &basic(user, PASSWORD))], b"").await.status
        };
        let (stream, id) = begin().await;
        assert_eq!(delete("q0000000000000000", "analyst").await, 404);
        assert_eq!(delete(&id, "admin").await, 204);
        drop(stream);
        let (stream, id) = begin().await;
        drop(stream);
        // Its worker is killed once the connection is seen to be gone.
        for _ in 0..600 {
            if delete(&id, "analyst").await == 404 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("a question outlives its asker");
    });
}

#[test]
fn the_page_asks_shows_and_saves() {
    deep(async {
        let site = Site::open(false, made()).await;
        let session = site.signed_in(Role::Analyst).await;
        let page = site.get("/sql?lang=en", &session).await;
        assert!(page.status == 200 && page.body.contains("<code>customer_facts</code>"), "{}", page.body);
        let csrf = page.csrf().to_string();
        let post = async |path: &str, fields: &[(&str, &str)]| {
            let fields: Vec<(&str, &str)> = [&[("csrf", csrf.as_str())], fields].concat();
            site.post(&format!("{path}?lang=en"), &session, &fields).await
        };
        let sql = "SELECT customer_id, count(*) AS orders\r\nFROM orders\r\nWHERE net >= $least\r\nGROUP BY customer_id";
        let asked = post("/sql", &[("sql", sql), ("p.least", "3000")]).await;
        assert!(asked.status == 200 && asked.body.contains("1,000") && asked.body.contains("c0001"), "{}", asked.body);
        // An id of digits is a text where a text is compared, and what is shown is what came.
        let ids = post("/sql", &[("sql", "SELECT customer_id FROM customers WHERE customer_id = $c"), ("p.c", "00123")]).await;
        assert!(ids.status == 200 && !ids.body.contains("role=\"alert\""), "{}", ids.body);
        let shown = "SELECT CAST(12.25 AS DECIMAL(10, 2)) AS a, 0.0042::double AS b, timestamp '2026-06-01 10:00:00' AS c, interval '1 day' AS d";
        let shown = post("/sql", &[("sql", shown)]).await;
        for cell in ["12.25", "0.0042", "2026-06-01 10:00:00", "1 days"] {
            assert!(shown.body.contains(cell), "{cell}: {}", shown.body);
        }
        let wrong = post("/sql", &[("sql", sql), ("p.least", "many")]).await;
        assert!(wrong.body.contains("data-line") || wrong.body.contains("role=\"alert\""), "{}", wrong.body);
        assert_eq!(site.post("/sql", &session, &[("csrf", "forged"), ("sql", sql)]).await.status, 403);
        let file = post("/sql/download", &[("sql", sql), ("p.least", "3000")]).await;
        assert!(
            file.body.starts_with("\u{feff}\"customer_id\",\"orders\"\r\n") && file.body.lines().count() == 1001,
            "{}",
            &file.body[..200]
        );
        assert_eq!(file.header("x-tsubame-rows"), ["1000"]);
        assert_eq!(file.header("x-tsubame-scanned-bytes").len(), 1);
        let fields = [("sql", sql), ("p.least", "3000"), ("folder", "segments"), ("name", "buyers"), ("title", "買った人")];
        let saved = post("/sql/save", &fields).await;
        assert!(saved.status == 200 && saved.body.contains("queries/segments/buyers.sql"), "{}", saved.body);
        let text = std::fs::read_to_string(site.workspace.path("queries/segments/buyers.sql")).unwrap();
        assert!(text.starts_with("-- 買った人\n--\n-- param least money = 3000\n-- column customer_id text"), "{text}");
        let again = post("/sql/save", &fields).await;
        assert!(again.status == 409 && again.body.contains("nothing is overwritten"), "{}", again.body);
        for name in ["", "../up", "Buyers", "a/b"] {
            assert_eq!(post("/sql/save", &[("sql", sql), ("p.least", "1"), ("name", name)]).await.status, 409, "{name}");
        }
        assert_eq!(std::fs::read_dir(site.workspace.path("queries/segments")).unwrap().count(), 1);
        // What tells of a person is in no file that anybody may fetch.
        let personal = "SELECT customer_id, birthday FROM customers WHERE birthday IS NOT NULL OR customer_id <> ''";
        let saved = post("/sql/save", &[("sql", personal), ("folder", "segments"), ("name", "born")]).await;
        assert_eq!(saved.status, 200, "{}", saved.body);
        let file = site.get("/segments/born/members.csv", &session).await;
        assert!(file.body.starts_with("\u{feff}\"customer_id\",\"birthday\"\r\n"), "{}", file.body);
        assert!(file.body.lines().skip(1).all(|line| line.ends_with(',')), "{}", file.body);
    });
}
