//! A question about one customer has the rows of all ids that are this customer by now, and looks for these alone.

use query::Mode;

use crate::{desk, noon, order, people::merged, placed, shown, view};

#[tokio::test]
async fn a_customer_is_looked_for_by_every_id_of_theirs() {
    let orders = [
        order("a", "2026-01-05", 100),
        order("m", "2026-01-06", 200),
        order("b", "2026-01-07", 300),
        order("n", "2026-01-08", 400),
        order("c", "2026-01-09", 500),
    ];
    let links = [merged("m", "a", "2026-01-20"), merged("n", "b", "2026-01-25")];
    let facts: Vec<_> = orders.iter().map(placed).chain(links).collect();
    let (_folder, view) = view(&facts).await;
    let check = async |as_of: &str, which: &str, expect: &[&str], looked_for: &[&str]| {
        let desk = desk(&view, noon(as_of), Mode::AsKnown);
        let sql = format!("SELECT customer_id, net FROM orders WHERE customer_id {which} ORDER BY net");
        assert_eq!(shown(&desk.ask_sql(&sql).await.expect("an answer")), expect, "{as_of}: {sql}");
        let plan = shown(&desk.ask_sql(&format!("EXPLAIN {sql}")).await.expect("a plan")).join("\n");
        // Of one there is nothing to look up.
        let is_one = !looked_for.is_empty() && which.starts_with('=');
        assert_eq!(plan.contains("Left Join:"), !is_one, "{as_of}: {sql}\n{plan}");
        for id in looked_for {
            assert!(plan.contains(&format!("= {id}")), "{as_of}: {sql} looks for {id}\n{plan}");
        }
    };
    check("2026-01-15", "= 'a'", &["a 100"], &["a"]).await;
    check("2026-01-21", "= 'a'", &["a 100", "a 200"], &["a", "m"]).await;
    check("2026-01-26", "= 'b'", &["b 300", "b 400"], &["b", "n"]).await;
    check("2026-01-26", "IN ('a', 'c')", &["a 100", "a 200", "c 500"], &["a", "c", "m"]).await;
    check("2026-01-26", "= 'c'", &["c 500"], &["c"]).await;
    // Nobody is this any more.
    check("2026-01-26", "= 'm'", &[], &[]).await;
    check("2026-01-26", "<> 'a'", &["b 300", "b 400", "c 500"], &[]).await;
    // Who joins survivors by something else asks something else.
    let by_rule = "SELECT count(*) FROM (SELECT 'manual' AS customer_id) AS o LEFT JOIN survivors AS s ON s.rule = o.customer_id \
                   WHERE coalesce(s.survivor_id, o.customer_id) = 'a'";
    let desk = desk(&view, noon("2026-01-26"), Mode::AsKnown);
    assert_eq!(shown(&desk.ask_sql(by_rule).await.expect("an answer")), ["1"]);
}
