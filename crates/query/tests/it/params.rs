//! Parameters: values by type, and never a part of the SQL.

use model::Remedy;
use query::{Mode, ParamValue, Params, QueryError};

use crate::{columns, desk, noon, order, placed, view};

fn params(given: &[(&str, ParamValue)]) -> Params {
    given.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

#[tokio::test]
async fn a_value_is_just_text() {
    let names = ["plain", "x' OR 1=1 --", "'; DROP TABLE orders; --", "$days", "a\"b\\c", "\u{0}", "名前"];
    let facts: Vec<_> = names.iter().map(|name| placed(&order(name, "2026-01-05", 1000))).collect();
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    for name in names {
        let answer = desk.ask("customer_card", &params(&[("customer", ParamValue::Text(name.into()))])).await.expect(name);
        assert_eq!(columns(&answer, &["customer_id"]), [name], "that customer and no other");
    }
    for absent in ["x' OR '1'='1", "plain' OR 1=1 --", "%", "plai_"] {
        let answer = desk.ask("customer_card", &params(&[("customer", ParamValue::Text(absent.into()))])).await.expect(absent);
        assert_eq!(columns(&answer, &["customer_id"]), Vec::<String>::new(), "{absent}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_named_with_a_remedy() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let check = async |query: &str, given: &[(&str, ParamValue)], expect: &str, remedy: Option<&str>| {
        let error = desk.ask(query, &params(given)).await.expect_err(expect);
        assert_eq!((error.to_string().as_str(), error.remedy().as_deref()), (expect, remedy), "{error:?}");
        error
    };
    let error = check(
        "f2_total",
        &[("days", ParamValue::Text("90".into()))],
        "parameter `days` of query `reports/f2_total` is of type int, not text",
        None,
    )
    .await;
    assert!(matches!(error, QueryError::ParamType { .. }));
    let error = check(
        "customer_card",
        &[],
        "query `reports/customer_card` needs the parameter `customer` (text)",
        Some("give it with -p customer=VALUE"),
    )
    .await;
    assert!(matches!(error, QueryError::MissingParam { .. }));
    let error = check(
        "f2_total",
        &[("day", ParamValue::Int(90))],
        "query `reports/f2_total` has no parameter `day`",
        Some("it takes days, from, to"),
    )
    .await;
    assert!(matches!(error, QueryError::UnknownParam { .. }));
    check(
        "f2_by_cohort",
        &[("n", ParamValue::Int(1))],
        "query `reports/f2_by_cohort` has no parameter `n`",
        Some("it takes none"),
    )
    .await;
    let error = desk.ask("f2_totl", &Params::new()).await.expect_err("no such query");
    assert!(matches!(error, QueryError::NotFound { .. }));
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("reports/f2_total")), "{:?}", error.remedy());
    let error = desk.ask("revenue_by_dya", &Params::new()).await.expect_err("no such query");
    assert!(error.remedy().is_some_and(|remedy| remedy.starts_with("did you mean reports/revenue_by_")), "{:?}", error.remedy());
    let error = desk.ask("horoscope", &Params::new()).await.expect_err("no such query");
    assert_eq!(error.remedy().as_deref(), Some("`tsubame query --list` shows all"));
}
