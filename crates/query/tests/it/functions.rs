//! The functions of the shop, by what is said of them.

use query::{Mode, Value, functions, functions::Kind};

use crate::{at, desk, noon, order, placed, shown, view};

/// Every example of every function gives the answer that stands beside it.
#[tokio::test]
async fn examples_are_true() {
    let orders = [order("early", "2026-01-05", 1000), order("late", "2026-01-20", 1000)];
    let (_folder, view) = view(&orders.map(|order| placed(&order))).await;
    let mut desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let mut library = (*desk.library).clone();
    library.experiments = [example_test()].into();
    desk.library = library.into();
    for function in functions::all() {
        assert!(!function.examples.is_empty(), "{} has no example", function.name);
        assert!(
            !function.says.ja.is_empty() && !function.nulls.ja.is_empty() && !function.source.is_empty(),
            "{}",
            function.name
        );
        for example in function.examples {
            let sql = match example.sql.starts_with("SELECT") {
                true => example.sql.to_string(),
                false => format!("SELECT {} AS answer", example.sql),
            };
            let answer = desk.ask_sql(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let rows: Vec<String> =
                answer.rows.iter().map(|row| row.iter().map(Value::plain).collect::<Vec<_>>().join(" | ")).collect();
            assert_eq!(rows.join("\n"), example.answer, "{sql}");
        }
    }
}

/// A test that takes in everybody who is not known to be elsewhere.
fn example_test() -> model::Experiment {
    let text = "experiment = \"example\"\ntitle = { ja = \"例\", en = \"Example\" }\nstatus = \"running\"\nstart = 2026-01-01T00:00:00+09:00\n\
                targeting = { country = { \"$ne\" = \"US\" } }\ngoal = { metric = \"metrics/conversion\" }\n\
                [[arm]]\nid = \"a\"\nweight = 0.5\n[[arm]]\nid = \"b\"\nweight = 0.5\n";
    model::Experiment::parse("example.toml", text).expect("a test")
}

/// A null argument gives null, whichever it is, and never an error or a number.
#[tokio::test]
async fn nothing_is_computed_from_nothing() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let mut asked = 0;
    for function in functions::all().filter(|function| function.kind == Kind::Scalar) {
        let value = |arg: &functions::Arg| match arg.of {
            functions::Type::Bool => "true",
            functions::Type::Int => "2",
            functions::Type::Float | functions::Type::Number => "0.5",
            functions::Type::Text => "'x'",
            functions::Type::Date => "DATE '2026-01-05'",
            functions::Type::Instant | functions::Type::Moment => "$as_of",
            functions::Type::Floats => "make_array(1.0, 2.0)",
        };
        for null in 0..function.takes.len() {
            let args: Vec<&str> =
                function.takes.iter().enumerate().map(|(index, arg)| if index == null { "NULL" } else { value(arg) }).collect();
            let sql = format!("SELECT {}({}) AS answer", function.name, args.join(", "));
            let answer = desk.ask_sql(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(answer.rows[0].iter().all(|value| *value == Value::Null), "{sql}: {:?}", answer.rows);
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}

/// The same answer whether rows come at once, in several threads or by groups, and from an empty table none.
#[tokio::test]
async fn an_aggregate_is_the_same_in_parts() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let mut desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let rows = "(SELECT i % 97 AS days, i % 3 = 0 AS bought, i % 2 = 0 AS in_b, CAST(i * 7 % 1013 AS DECIMAL(18, 4)) AS spent, i * 0.37 AS score \
                FROM generate_series(1, 20000) AS t (i)) AS buyer";
    let calls =
        ["kaplan_meier(days, bought, 60)", "log_rank(days, bought, in_b)", "welch(spent, in_b)", "welch(score, in_b, 0.1)"];
    for call in calls {
        let mut answers = Vec::new();
        for partitions in [1, 4] {
            desk.limits.partitions = partitions;
            let answer = desk.ask_sql(&format!("SELECT {call} AS x FROM {rows}")).await.expect(call);
            answers.push(answer.rows[0].iter().map(|value| value.number().expect("a number")).collect::<Vec<_>>());
        }
        let near = answers[0].iter().zip(&answers[1]).all(|(one, other)| (one - other).abs() <= 1e-9 * one.abs().max(1.0));
        assert!(near, "{call}: {answers:?}");
        let grouped = desk.ask_sql(&format!("SELECT in_b, {call} AS x FROM {rows} GROUP BY in_b")).await.expect(call);
        assert_eq!(grouped.rows.len(), 2, "{call}");
        let nobody = desk.ask_sql(&format!("SELECT {call} AS x FROM {rows} WHERE days < 0")).await.expect(call);
        let told = nobody.rows[0].iter().filter(|value| !matches!(value, Value::Null | Value::Int(0))).count();
        assert_eq!(told, 0, "{call} of nobody: {:?}", nobody.rows);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let check = async |sql: &str, parts: &[&str]| {
        let error = desk.ask_sql(sql).await.expect_err(sql);
        let said = format!("{error} {}", model::Remedy::remedy(&error).unwrap_or_default());
        parts.iter().for_each(|part| assert!(said.contains(part), "{sql}: {said}"));
    };
    check("SELECT days_between($today)", &["days_between(date)", "days_between(a date, b date) → int"]).await;
    check("SELECT shop_day(ordered_on) FROM purchases", &["shop_day(date)", "shop_midnight(date)"]).await;
    check("SELECT shop_weekday(ordered_at) FROM orders", &["shop_weekday(instant)", "shop_day(instant) is an instant's day"])
        .await;
    check("SELECT kaplan_meier(d, true, 30) FROM (VALUES (-3)) AS t (d)", &["-3 is no number of days"]).await;
    check("SELECT kaplan_meier(d, true, d) FROM (VALUES (3), (4)) AS t (d)", &["`at` must be the same in every row"]).await;
    check("SELECT experiment_arm('nothing', 'u')", &["there is no test `nothing` in experiments/"]).await;
    check("SELECT * FROM as_of('ordres', '2026-01-10')", &["there is no table `ordres`", "did you mean orders?"]).await;
    check("SELECT * FROM as_of('orders', '2026-03-10')", &["later than the moment asked"]).await;
    check("SELECT * FROM as_of('orders', 'soon')", &["no date and no instant", "2026-01-31"]).await;
    check("SELECT * FROM as_of('orders')", &["as_of takes a table's name and a moment"]).await;
    check("SELECT * FROM as_of('orders', ordered_at)", &["the moment of as_of cannot be computed"]).await;
    check("SELECT * FROM as_of('orders', '2026-01-10', 'as_dreamt')", &["'as_known' or 'as_happened'"]).await;
}

/// What no model or history has is null, and whatever is asked ends.
#[tokio::test]
async fn impossible_arguments_are_answered_by_nothing() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let check = async |sql: &str, expect: &str| {
        let answer = desk.ask_sql(&format!("SELECT {sql}")).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.rows[0][0].plain(), expect, "{sql}");
    };
    check("expected_orders('mbg_nbd', 0.5, 6, 1e50, 1e50, 1, 120, 200, 365)", "").await;
    check("p_alive('mbg_nbd', 0.5, 6, 0.8, 2.4, 100, 1, 10)", "").await;
    check("expected_order_value(6.25, 3.74, 15.44, 2, -500)", "").await;
    check("discounted_orders('mbg_nbd', 0.5, 6, 0.8, 2.4, 2, 120, 200, 12, -1.5)", "").await;
    check("round(fisher(100000000, 200000000, 100010000, 200000000), 2)", "0.32").await;
    check("fisher(1000000000000000, 2000000000000000, 1000000000000000, 2000000000000000)", "").await;
}

/// A table at another moment is what a question of that moment would have seen.
#[tokio::test]
async fn a_table_as_it_was() {
    let late = order("late", "2026-01-20", 500);
    let facts = [
        placed(&order("early", "2026-01-05", 1000)),
        placed(&late),
        model::Fact::new(&order("untold", "2026-01-06", 70), noon("2026-01-06"), noon("2026-01-25")),
    ];
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, at("2026-02-01T12:00:00+09:00"), Mode::AsKnown);
    let check = async |sql: &str, expect: &[&str]| {
        assert_eq!(shown(&desk.ask_sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))), expect, "{sql}");
    };
    check("SELECT count(*) FROM as_of('orders', '2026-01-10') AS o", &["1"]).await;
    check("SELECT count(*) FROM as_of('orders', '2026-01-10', 'as_happened') AS o", &["2"]).await;
    check("SELECT count(*) FROM as_of('orders', TIMESTAMP '2026-01-20 11:59:00') AS o", &["1"]).await;
    check("SELECT count(*) FROM as_of('orders', TIMESTAMP '2026-01-20 12:00:00') AS o", &["2"]).await;
    check("SELECT count(*) FROM as_of('orders', $as_of) AS o", &["3"]).await;
    check("SELECT orders.customer_id FROM as_of('orders', DATE '2026-01-10') WHERE orders.net > 0", &["early"]).await;
    check("SELECT now.orders, before.orders FROM customer_facts AS now JOIN as_of('customer_facts', '2026-01-31') AS before ON before.customer_id = now.customer_id ORDER BY now.customer_id", &["1 1", "1 1", "1 1"]).await;
    check("WITH past AS (SELECT * FROM as_of('purchases', add_days($today, -20))) SELECT count(*) FROM past", &["1"]).await;
}

#[tokio::test]
async fn a_member_is_picked() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let answer = desk.ask_sql("SELECT wilson(1, 4)['rate'] AS rate, wilson(1, 4) AS whole").await.expect("an answer");
    let names: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["rate", "whole.rate", "whole.low", "whole.high"]);
    assert_eq!(answer.rows[0][0], Value::Float(0.25));
    let query = query::ad_hoc("SELECT wilson(1, 0) AS none, wilson(1, 4) AS some");
    let (schema, batches) = desk.batches(&query, &Default::default()).await.expect("batches");
    let write = |format| {
        let mut out = Vec::new();
        query::format::write(format, &schema, &batches, &mut out).expect("a file");
        String::from_utf8(out).expect("text")
    };
    assert!(write(query::format::Format::Csv).starts_with("none.rate,none.low,none.high,some.rate,some.low,some.high\n,,,0.25,"));
    assert!(write(query::format::Format::Json).contains("\"some\":{\"rate\":0.25"));
}

/// The function and the report written out in SQL are one estimate.
#[tokio::test]
async fn survival_is_that_of_the_report() {
    let mut facts = Vec::new();
    for customer in 0..24_u32 {
        let first = format!("2025-{:02}-{:02}", 1 + customer % 12, 1 + customer);
        facts.push(placed(&order(&format!("c{customer}"), &first, 1000)));
        if customer % 3 != 0 {
            let again = first.parse::<chrono::NaiveDate>().expect("a date") + chrono::Days::new(u64::from(7 + customer * 5 % 80));
            facts.push(placed(&order(&format!("c{customer}"), &again.to_string(), 500)));
        }
    }
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, noon("2026-01-10"), Mode::AsKnown);
    let report = desk.ask("second_purchase_survival", &Default::default()).await.expect("a report");
    assert!(report.rows.len() > 10, "{report:?}");
    for row in 0..report.rows.len() {
        let of_report = |name: &str| report.get(row, name).and_then(Value::number);
        let day = of_report("day").expect("a day");
        let sql = format!(
            "SELECT kaplan_meier(coalesce(days_between(first_ordered_on, second_ordered_on), days_between(first_ordered_on, $today)), \
             second_ordered_on IS NOT NULL, {day}) AS f2 FROM customer_facts"
        );
        let answer = desk.ask_sql(&sql).await.expect("an answer");
        let pairs = [
            ("converted", "f2.converted"),
            ("low", "f2.converted_low"),
            ("high", "f2.converted_high"),
            ("median_days", "f2.median"),
        ];
        for (theirs, ours) in pairs {
            let (theirs, ours) = (of_report(theirs), answer.get(0, ours).and_then(Value::number));
            let near = match (theirs, ours) {
                (Some(theirs), Some(ours)) => (theirs - ours).abs() < 1e-9,
                (theirs, ours) => theirs == ours,
            };
            assert!(near, "day {day}: {theirs:?} in the report, {ours:?} by the function");
        }
    }
}
