//! The worked examples of SEMANTICS §15 that SQL answers, by their numbers.

use chrono::{DateTime, Utc};
use model::{CustomerId, Fact, Money, OrderStatus};
use query::{Mode, ParamValue, Params, ad_hoc};

use crate::{at, columns, desk, noon, order, placed, shown, view};

/// The last microsecond of a shop day.
fn end_of(day: &str) -> DateTime<Utc> {
    at(&format!("{day}T23:59:59.999999+09:00"))
}

#[tokio::test]
async fn t4_an_order_that_arrives_late_is_known_late() {
    let first = order("c", "2025-11-01", 1000);
    let late = order("c", "2026-01-10", 1000);
    let facts = [placed(&first), Fact::new(&late, late.ordered_at, noon("2026-01-12"))];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, mode, expect: &[&str]| {
        let params: Params = [("days".to_string(), ParamValue::Int(30))].into();
        let answer = desk(&view, end_of(as_of), mode).ask("f1_without_f2", &params).await.expect("an answer");
        assert_eq!(columns(&answer, &["customer_id"]), expect, "{as_of} {mode:?}: no purchase for 30 days");
    };
    check("2026-01-11", Mode::AsKnown, &["c"]).await;
    check("2026-01-11", Mode::AsHappened, &[]).await;
    check("2026-01-12", Mode::AsKnown, &[]).await;
    check("2026-01-09", Mode::AsHappened, &["c"]).await;
}

#[tokio::test]
async fn what_lies_before_a_moment_as_a_whole_is_not_asked_row_by_row() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-10", 1000)), placed(&order("c", "2026-01-20", 500))]).await;
    let check = async |as_of: &str, mode, rows: &str, is_asked: bool| {
        let desk = desk(&view, noon(as_of), mode);
        let sql = "SELECT count(net) FROM orders_history";
        assert_eq!(shown(&desk.ask_sql(sql).await.expect("an answer")), [rows], "{as_of}");
        let plan = shown(&desk.ask_sql(&format!("EXPLAIN {sql}")).await.expect("a plan")).join("\n");
        assert_eq!(plan.contains("occurred_at <="), is_asked, "{as_of}: {plan}");
    };
    for mode in [Mode::AsKnown, Mode::AsHappened] {
        check("2026-01-25", mode, "2", false).await;
        check("2026-01-15", mode, "1", true).await;
        check("2026-01-05", mode, "0", true).await;
    }
}

#[tokio::test]
async fn a_damaged_table_is_no_empty_one() {
    let facts = [placed(&order("c", "2026-01-10", 1000)), placed(&order("c", "2026-01-11", 1000))];
    let (folder, _) = view(&facts).await;
    std::fs::write(folder.path().join("orders/_delta_log/00000000000000000001.json"), "{ no commit").expect("written");
    let lake = lake::Lake::open(&folder.path().to_string_lossy()).await.expect("the other tables");
    let view = lake.view(&lake::Tail::default()).await.expect("a view");
    for sql in ["SELECT count(*) FROM orders", "SELECT count(*) FROM customer_facts", "SELECT count(*) FROM orders_history"] {
        let error = desk(&view, noon("2026-02-01"), Mode::AsKnown).ask_sql(sql).await.expect_err(sql);
        assert!(error.to_string().contains("orders"), "{sql}: {error}");
    }
    let answer = desk(&view, noon("2026-02-01"), Mode::AsKnown).ask_sql("SELECT count(*) FROM events").await;
    assert_eq!(shown(&answer.expect("an answer")), ["0"], "the others go on");
}

#[tokio::test]
async fn nothing_after_the_moment_is_seen() {
    let facts = [placed(&order("c", "2026-01-10", 1000)), placed(&order("c", "2026-01-11", 1000))];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, expect: &str| {
        for mode in [Mode::AsKnown, Mode::AsHappened] {
            let answer = desk(&view, at(as_of), mode).ask_sql("SELECT count(*) FROM orders").await.expect("an answer");
            assert_eq!(shown(&answer), [expect], "{as_of} {mode:?}");
        }
    };
    check("2026-01-10T11:59:59.999999+09:00", "0").await;
    check("2026-01-10T12:00:00+09:00", "1").await;
    check("2026-01-11T11:59:59+09:00", "1").await;
    check("2026-01-11T12:00:00+09:00", "2").await;
}

#[tokio::test]
async fn t31_a_cancelled_order_is_no_first_purchase() {
    let first = order("c", "2026-01-05", 1000);
    let mut cancelled = first.clone();
    (cancelled.revision_id, cancelled.status) = ("2".into(), OrderStatus::Cancelled);
    let facts =
        [placed(&first), Fact::new(&cancelled, noon("2026-01-08"), noon("2026-01-08")), placed(&order("c", "2026-02-10", 1000))];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, first: &[&str], net: &str| {
        let desk = desk(&view, end_of(as_of), Mode::AsKnown);
        let facts = desk.ask_sql("SELECT customer_id, first_ordered_on FROM customer_facts").await.expect("an answer");
        assert_eq!(columns(&facts, &["customer_id", "first_ordered_on"]), first, "{as_of}");
        // The anniversary that scenarios go by is of the same day.
        let names = Params::from([("names".to_string(), ParamValue::Text("first_order".into()))]);
        let dates = desk.ask("system/customer_dates", &names).await.expect("an answer");
        assert_eq!(columns(&dates, &["customer_id", "day"]), first, "{as_of}");
        let exposed = ad_hoc(
            "SELECT 'c' AS customer_id, 'treated' AS arm, CAST('2026-01-01T00:00:00Z' AS TIMESTAMP(6) WITH TIME ZONE) AS exposed_at, \
             CAST('2026-01-31T00:00:00Z' AS TIMESTAMP(6) WITH TIME ZONE) AS until, true AS mature",
        );
        let conversion =
            desk.with_relation("exposed", &exposed, Params::new()).ask("conversion", &Params::new()).await.expect("an answer");
        assert_eq!(columns(&conversion, &["value"]), [net], "{as_of}: net conversions of the first order");
    };
    check("2026-01-07", &["c 2026-01-05"], "1").await;
    check("2026-01-09", &[], "0").await;
    check("2026-03-01", &["c 2026-02-10"], "0").await;
    let placed = "SELECT count(DISTINCT order_id) FROM orders_history WHERE status = 'completed' AND ordered_at < CAST('2026-02-01' AS DATE)";
    let gross = desk(&view, end_of("2026-03-01"), Mode::AsKnown).ask_sql(placed).await.expect("an answer");
    assert_eq!(shown(&gross), ["1"], "gross conversions: it was placed");
}

#[tokio::test]
async fn t32_f2_counts_matured_customers_only() {
    let orders = [
        order("A", "2026-01-05", 1000),
        order("A", "2026-01-25", 1000),
        order("B", "2026-01-10", 1000),
        order("B", "2026-02-19", 1000),
        order("C", "2026-01-12", 1000),
        order("D", "2026-01-31", 1000),
    ];
    let facts: Vec<Fact> = orders.iter().map(placed).collect();
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, end_of("2026-03-20"), Mode::AsKnown);
    let params: Params = [("days".to_string(), ParamValue::Int(60))].into();
    let total = desk.ask("f2_total", &params).await.expect("an answer");
    assert_eq!(columns(&total, &["buyers", "matured", "f2"]), ["4 3 2"]);
    let rate = total.get(0, "rate").and_then(|rate| rate.number()).expect("a rate");
    assert!((rate - 2.0 / 3.0).abs() < 1e-12, "{rate}: not 50 %");
    let cohorts = desk.ask("f2_by_cohort", &Params::new()).await.expect("an answer");
    assert_eq!(
        columns(&cohorts, &["cohort", "days", "buyers", "matured", "f2", "immature"]),
        ["2026-01-01 180 4 0 0 true", "2026-01-01 30 4 4 1 false", "2026-01-01 60 4 3 2 true", "2026-01-01 90 4 0 0 true"]
    );
    let nobody_yet = (0..cohorts.rows.len())
        .find(|row| cohorts.get(*row, "days").and_then(|days| days.number()) == Some(90.0))
        .expect("a row");
    assert_eq!(cohorts.get(nobody_yet, "rate"), Some(&query::Value::Null), "no number stands for \"cannot say\"");
}

#[tokio::test]
async fn t32_orders_of_one_shop_day_are_one_purchase() {
    let mut night = order("c", "2026-01-05", 1000);
    // 23:30 in the shop; 14:30 in UTC. An hour later it is another shop day, and in UTC still the same.
    night.ordered_at = at("2026-01-05T23:30:00+09:00");
    let mut same_day = order("c", "2026-01-05", 500);
    (same_day.order_id, same_day.ordered_at) = ("other".into(), at("2026-01-05T08:30:00+09:00"));
    let mut next_day = order("d", "2026-01-06", 700);
    next_day.ordered_at = at("2026-01-06T00:30:00+09:00");
    let mut before = order("d", "2026-01-05", 700);
    before.ordered_at = at("2026-01-05T23:30:00+09:00");
    let facts = [placed(&night), placed(&same_day), placed(&next_day), placed(&before)];
    let (_folder, view) = view(&facts).await;
    let answer = desk(&view, end_of("2026-02-01"), Mode::AsKnown)
        .ask_sql("SELECT customer_id, orders, purchase_days, second_ordered_on, net_revenue FROM customer_facts")
        .await
        .expect("an answer");
    assert_eq!(
        columns(&answer, &["customer_id", "orders", "purchase_days", "second_ordered_on", "net_revenue"]),
        ["c 2 1  1500", "d 2 2 2026-01-06 1400"]
    );
}

#[tokio::test]
async fn t39_equal_amounts_get_equal_scores() {
    let amounts = [1000, 1000, 1000, 1000, 5000];
    let facts: Vec<Fact> =
        amounts.iter().zip(1..).map(|(yen, nth)| placed(&order(&format!("c{nth}"), "2026-01-05", *yen))).collect();
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, end_of("2026-02-01"), Mode::AsKnown);
    let check = async |method: &str, r_and_f: &str| {
        let params: Params = [("method".to_string(), ParamValue::Text(method.into()))].into();
        let answer = desk.ask("rfm_scores", &params).await.expect("an answer");
        assert_eq!(columns(&answer, &["customer_id", "m"]), ["c1 1", "c2 1", "c3 1", "c4 1", "c5 5"], "{method}");
        assert_eq!(columns(&answer, &["r", "f"]), [r_and_f; 5], "{method}");
    };
    // Nobody is worse than anybody; by thresholds each bought once, 27 days ago.
    check("percent_rank", "1 1").await;
    check("thresholds", "5 1").await;
}

#[tokio::test]
async fn t40_ties_at_the_edge_of_the_top_are_kept() {
    let amounts = [1, 2, 3, 4, 5, 6, 8, 8, 9, 10];
    let facts: Vec<Fact> =
        amounts.iter().zip(10..).map(|(yen, nth)| placed(&order(&format!("c{nth}"), "2026-01-05", *yen))).collect();
    let (_folder, view) = view(&facts).await;
    let params: Params = [("days".to_string(), ParamValue::Int(0)), ("top".to_string(), ParamValue::Float(0.3))].into();
    let answer = desk(&view, end_of("2026-02-01"), Mode::AsKnown).ask("dormant_top_ltv", &params).await.expect("an answer");
    assert_eq!(columns(&answer, &["customer_id", "net_revenue"]), ["c16 8", "c17 8", "c18 9", "c19 10"]);
}

#[tokio::test]
async fn a_refund_dates_from_when_it_happened() {
    let first = order("c", "2026-01-05", 1000);
    let mut refunded = first.clone();
    refunded.revision_id = "2".into();
    refunded.refunded = Money::whole(400).expect("an amount");
    refunded.net = Money::whole(600).expect("an amount");
    refunded.customer_id = Some(CustomerId::stored("c"));
    // It arrives before the order itself: the later happening wins, not the later arrival.
    let facts = [Fact::new(&refunded, noon("2026-01-20"), noon("2026-01-20")), placed(&first)];
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, expect: &str| {
        let answer =
            desk(&view, end_of(as_of), Mode::AsKnown).ask_sql("SELECT sum(net) AS net FROM purchases").await.expect("an answer");
        assert_eq!(columns(&answer, &["net"]), [expect], "{as_of}");
    };
    check("2026-01-19", "1000").await;
    check("2026-01-20", "600").await;
}
