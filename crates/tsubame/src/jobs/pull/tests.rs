//! The pull against an Admin API that is slow, busy and broken as the real one is.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query as Asked, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing,
};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::Clock,
    jobs::made::now,
    workspace::{Access, deep},
};

type Json = serde_json::Value;

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Busy,
    Broken,
    /// The answer ends in the middle.
    Dropped,
    /// The name of a page is no longer known.
    Forgotten,
}

#[derive(Default)]
struct Fake {
    /// Items of a resource, two per page.
    items: Mutex<BTreeMap<&'static str, Vec<Json>>>,
    /// What goes wrong with the next questions about orders.
    troubles: Mutex<VecDeque<Trouble>>,
    asked: Mutex<Vec<String>>,
}

async fn answered(
    State(fake): State<Arc<Fake>>,
    Path(file): Path<String>,
    Asked(query): Asked<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let shown: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    fake.asked.lock().unwrap().push(format!("{file}?{}", shown.join("&")));
    if headers.get("x-shopify-access-token") != Some(&HeaderValue::from_static("token")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let name = file.trim_end_matches(".json").to_string();
    let trouble = if name == "orders" { fake.troubles.lock().unwrap().pop_front() } else { None };
    match trouble {
        Some(Trouble::Busy) => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0.01")]).into_response(),
        Some(Trouble::Broken) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(Trouble::Dropped) => {
            let parts = [Ok("{\"orders\": ["), Err(std::io::Error::other("dropped"))];
            return Body::from_stream(futures::stream::iter(parts)).into_response();
        }
        Some(Trouble::Forgotten) => return StatusCode::BAD_REQUEST.into_response(),
        None => {}
    }
    let Some(items) = fake.items.lock().unwrap().get(name.as_str()).cloned() else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let at: usize = query.get("page_info").map_or(0, |page| page.parse().unwrap());
    let page: Vec<Json> = items.iter().skip(at).take(2).cloned().collect();
    let mut response = json!({ name: page }).to_string().into_response();
    if at + 2 < items.len() {
        let link = format!(
            "<https://elsewhere.example/x?page_info=0>; rel=\"previous\", <https://elsewhere.example/x?limit=250&page_info={}>; rel=\"next\"",
            at + 2
        );
        response.headers_mut().insert("link", HeaderValue::from_str(&link).unwrap());
    }
    response
}

struct Shop {
    workspace: Workspace,
    fake: Arc<Fake>,
    _folder: TempDir,
}

impl Shop {
    async fn open(token: &str, url: Option<&str>) -> Shop {
        let fake = Arc::new(Fake::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/admin/api/2025-07/{file}", routing::get(answered)).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let url = url.unwrap_or(&address);
        let settings = format!(
            "[[sources]]\nname = \"shopify\"\nkind = \"shopify\"\nsecrets = [\"file:secret\"]\nadmin_token = \"file:token\"\nadmin_url = \"{url}\"\n"
        );
        std::fs::write(folder.path().join("tsubame.toml"), settings).unwrap();
        std::fs::write(folder.path().join("token"), token).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let workspace = Workspace::open(folder.path(), Clock::logical(now()), Access::Write).await.unwrap();
        Shop { workspace, fake, _folder: folder }
    }

    fn source(&self) -> Source {
        self.workspace.shop().sources[0].clone()
    }

    fn has(&self, resource: &'static str, items: Vec<Json>) {
        self.fake.items.lock().unwrap().insert(resource, items);
    }

    async fn pull(&self, pages_max: u32) -> Result<Pulled, Fault> {
        pull(&self.workspace, &self.source(), None, pages_max).await
    }

    async fn ask(&self, sql: &str) -> Vec<String> {
        let answer = self.workspace.desk(now(), Mode::AsKnown).await.unwrap().ask_sql(sql).await.unwrap();
        answer.rows.iter().map(|row| row.iter().map(query::Value::plain).collect::<Vec<_>>().join(" ")).collect()
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.fake.asked.lock().unwrap())
    }
}

fn order(id: i64, day: u32) -> Json {
    json!({ "id": id, "created_at": format!("2026-06-{day:02}T10:00:00+09:00"), "updated_at": format!("2026-06-{day:02}T11:00:00+09:00"),
        "total_line_items_price": "1000", "total_price": "1000", "total_tax": "0" })
}

#[test]
fn every_page_comes_in_once_whatever_goes_wrong_on_the_way() {
    deep(async {
        let shop = Shop::open("token\n", None).await;
        let refunded = {
            let mut order = order(3, 3);
            order["updated_at"] = json!("2026-06-20T10:00:00+09:00");
            order["refunds"] = json!([{ "id": 9, "created_at": "2026-06-20T10:00:00+09:00", "refund_line_items": [{ "quantity": 1, "subtotal": "400", "total_tax": "0" }] }]);
            order
        };
        shop.has("orders", vec![order(1, 1), order(2, 2), refunded, order(4, 4), json!({ "id": 5 })]);
        shop.has(
            "products",
            vec![json!({ "id": 7, "title": "茶", "updated_at": "2026-06-01T00:00:00Z",
            "variants": [{ "sku": "A", "price": "500", "inventory_item_id": 70 }] })],
        );
        shop.has(
            "inventory_levels",
            vec![json!({ "inventory_item_id": 70, "location_id": 1, "available": 12, "updated_at": "2026-06-02T00:00:00Z" })],
        );
        shop.fake.troubles.lock().unwrap().extend([Trouble::Busy, Trouble::Broken, Trouble::Dropped]);
        let pulled = shop.pull(u32::MAX).await.unwrap();
        // Products, their levels, three pages of orders.
        assert_eq!((pulled.pages, pulled.listed, pulled.kept.changed, pulled.kept.refused), (5, 6, 6, 1), "{pulled:?}");
        assert_eq!(pulled.notes, ["customers may not be read with this token: grant read_customers to have them"]);
        assert_eq!(shop.ask("SELECT order_id, net FROM orders ORDER BY order_id").await, ["1 1000", "2 1000", "3 600", "4 1000"]);
        assert_eq!(shop.ask("SELECT product_id, sku, quantity FROM stock").await, ["7 A 12"]);
        // The past is known from when it happened: a question about early June finds the order before its refund.
        let early = parse_instant("2026-06-10T00:00:00+09:00").unwrap();
        let desk = shop.workspace.desk(early, Mode::AsKnown).await.unwrap();
        let answer = desk.ask_sql("SELECT net FROM orders WHERE order_id = '3'").await.unwrap();
        assert_eq!(answer.rows.len(), 1);
        assert_eq!(answer.rows[0][0].plain(), "1000");

        shop.asked();
        let again = shop.pull(u32::MAX).await.unwrap();
        assert_eq!((again.kept.changed, again.kept.stored), (0, 0), "{again:?}");
        let asked = shop.asked();
        let first = asked.iter().find(|question| question.starts_with("orders")).unwrap();
        assert_eq!(first, "orders.json?limit=250&status=any&updated_at_min=2026-06-30T23:50:00.000000Z");
    });
}

#[test]
fn a_pull_that_was_cut_short_goes_on_there() {
    deep(async {
        let shop = Shop::open("token", None).await;
        shop.has("customers", Vec::new());
        shop.has("products", Vec::new());
        shop.has("orders", (1..=6).map(|id| order(id, 1)).collect());
        assert!(shop.pull(3).await.unwrap().is_unfinished);
        assert_eq!(shop.ask("SELECT count(*) FROM orders").await, ["2"]);
        shop.fake.troubles.lock().unwrap().push_back(Trouble::Forgotten);
        shop.asked();
        let done = shop.pull(u32::MAX).await.unwrap();
        assert!(!done.is_unfinished);
        let orders: Vec<String> = shop.asked().into_iter().filter(|question| question.starts_with("orders")).collect();
        // On with the third order; the page's name is forgotten, so from the first one again.
        assert_eq!(orders.len(), 4, "{orders:?}");
        assert_eq!(orders[0], "orders.json?limit=250&page_info=2");
        assert_eq!((done.kept.changed, done.kept.repeated), (4, 2));
    });
}

#[test]
fn the_days_that_differ_are_named() {
    deep(async {
        let shop = Shop::open("token", None).await;
        shop.has("customers", Vec::new());
        shop.has("products", Vec::new());
        shop.has("orders", vec![order(1, 27), order(2, 28), order(3, 28)]);
        shop.pull(u32::MAX).await.unwrap();
        assert_eq!(reconcile(&shop.workspace, &shop.source(), 7).await.unwrap(), []);
        let mut test = order(9, 28);
        test["test"] = json!(true);
        shop.has("orders", vec![order(1, 27), order(2, 28), order(4, 28), order(5, 28), test]);
        let day = NaiveDate::from_ymd_opt(2026, 6, 28).unwrap();
        let (missing, surplus) = (vec!["4".into(), "5".into()], vec!["3".into()]);
        let expect = [Difference { day, at_shop: 3, ours: 2, missing, surplus }];
        assert_eq!(reconcile(&shop.workspace, &shop.source(), 7).await.unwrap(), expect);
    });
}

#[test]
fn a_token_goes_to_the_shop_alone_and_must_be_good() {
    deep(async {
        let shop = Shop::open("stolen", None).await;
        let fault = shop.pull(u32::MAX).await.unwrap_err();
        assert_eq!(fault.exit, Exit::Config, "{fault}");
        assert!(!fault.to_string().contains("stolen"));
        let shop = Shop::open("token", Some("http://shop.example")).await;
        let fault = shop.pull(u32::MAX).await.unwrap_err();
        assert_eq!((fault.exit, fault.message.contains("unencrypted")), (Exit::Config, true), "{fault}");
        let shop = Shop::open("token", None).await;
        shop.fake.troubles.lock().unwrap().extend([Trouble::Broken; 8]);
        shop.has("orders", Vec::new());
        shop.has("customers", Vec::new());
        shop.has("products", Vec::new());
        let fault = shop.pull(u32::MAX).await.unwrap_err();
        assert_eq!((fault.exit, fault.causes.len()), (Exit::Failed, 1), "{fault}");
    });
}
