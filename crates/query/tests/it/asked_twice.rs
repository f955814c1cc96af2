//! A relation that a question uses twice is worked out once, and every use sees its own columns and rows.

use query::Mode;

use crate::{desk, noon, order, placed, shown, view};

#[tokio::test]
async fn a_relation_used_twice_is_worked_out_once() {
    let orders = [order("a", "2026-01-05", 100), order("a", "2026-01-06", 200), order("b", "2026-01-07", 300)];
    let (_folder, view) = view(&orders.map(|order| placed(&order))).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let check = async |sql: &str, expect: &[&str], shares: bool| {
        assert_eq!(shown(&desk.ask_sql(sql).await.expect(sql)), expect, "{sql}");
        let plan = shown(&desk.ask_sql(&format!("EXPLAIN {sql}")).await.expect(sql)).join("\n");
        assert_eq!(plan.contains("StreamingTableExec"), shares, "{sql}: {plan}");
    };
    let buyers = "WITH buyer AS (SELECT customer_id, count(*) AS orders, sum(net) AS net FROM purchases GROUP BY customer_id) ";
    // Each use has its own filter and its own columns.
    let twice = "SELECT a.customer_id, b.net FROM buyer AS a JOIN buyer AS b ON b.customer_id = a.customer_id \
                 WHERE a.orders > 1 ORDER BY a.customer_id";
    check(&format!("{buyers}{twice}"), &["a 300"], true).await;
    let apart = "SELECT customer_id FROM buyer WHERE orders = 1 UNION ALL SELECT customer_id FROM buyer WHERE orders = 2 ORDER BY customer_id";
    check(&format!("{buyers}{apart}"), &["a", "b"], true).await;
    check(&format!("{buyers}SELECT count(*) FROM buyer AS a CROSS JOIN buyer AS b"), &["4"], true).await;
    check(&format!("{buyers}SELECT customer_id FROM buyer ORDER BY customer_id"), &["a", "b"], false).await;
    // Reading rows twice costs less than keeping them.
    check(
        "WITH o AS (SELECT order_id FROM orders_history) SELECT count(*) FROM o AS a JOIN o AS b ON b.order_id = a.order_id",
        &["3"],
        false,
    )
    .await;
}
