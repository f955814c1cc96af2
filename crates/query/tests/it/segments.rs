//! Why somebody is in a segment or not.

use std::collections::BTreeSet;

use query::{
    Mode, ParamValue, Params,
    segment::{Clauses, Falls},
};

use crate::{desk, noon, order, placed, view};

#[tokio::test]
async fn the_first_clause_that_fails_is_named() {
    let orders = [
        order("in", "2026-01-01", 1000),
        order("twice", "2026-01-01", 1000),
        order("twice", "2026-01-05", 1000),
        order("young", "2026-02-25", 1000),
        order("old", "2025-06-01", 1000),
    ];
    let facts: Vec<_> = orders.iter().map(placed).collect();
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, noon("2026-03-01"), Mode::AsKnown);
    let params: Params = [("days".to_string(), ParamValue::Int(30)), ("days_max".to_string(), ParamValue::Int(100))].into();
    let clauses = Clauses::read(desk.query("f1_without_f2").expect("built in")).expect("readable").expect("plain");
    let check = async |customer: &str, expect: Falls, holding: &[bool]| {
        let asked = BTreeSet::from([customer.to_string()]);
        let falls = clauses.falls(&desk, &params, &asked).await.expect("an answer");
        assert_eq!(falls.get(customer), Some(&expect), "{customer}");
        let explained = clauses.explain(&desk, &params, customer).await.expect("an answer");
        assert_eq!(explained.iter().map(|clause| clause.holds).collect::<Vec<_>>(), holding, "{customer}");
    };
    check("in", Falls::Nowhere, &[true, true, true]).await;
    check("twice", Falls::At(0), &[false, false, false]).await;
    check("young", Falls::At(1), &[true, false, false]).await;
    check("old", Falls::At(2), &[true, true, false]).await;
    check("nobody", Falls::BeforeAny, &[]).await;
    let young = clauses.explain(&desk, &params, "young").await.expect("an answer");
    let values: Vec<String> = young[1].values.iter().map(|(_, value)| value.plain()).collect();
    assert_eq!(values, ["2026-02-25", "2026-01-30"]);
}
