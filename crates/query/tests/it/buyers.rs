//! The reports about buyers against answers that no SQL worked out: a made-up shop of three years (`fixtures/buyers`, whose scripts wrote it
//! and its answers), and the reference numbers of other packages, turned into a shop's orders.

use std::{collections::BTreeMap, fs, sync::Arc};

use arrow::{array::AsArray, datatypes::Float64Type};
use model::{
    AdSpend, Currency, CustomerId, Fact, Identity, Money, Order, OrderLine, OrderStatus, Product, Profile, Subscription,
};
use query::{Answer, Desk, Library, Mode, Moment, ParamValue, Params};
use serde_json::{Value, json};

use crate::{
    at, columns, desk,
    library::{ask, check, fixtures, int, list, read, read_json, reference, rows},
    noon, order, placed, view,
};

fn yen(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_string()).filter(|text| !text.is_empty())
}

/// Everything the shop beside the answers knows, known from before its first order unless it is an order.
fn shop() -> Vec<Fact> {
    let file = |name: &str| read(fixtures(&format!("buyers/{name}.csv")));
    let long_ago = noon("2023-01-01");
    let mut facts = Vec::new();
    let mut ordered_at = BTreeMap::new();
    for row in rows(&file("orders")) {
        let [number, customer, when, status, discount, net, coupon, channel, subscription, count] = row[..] else {
            panic!("{row:?}")
        };
        let (discount, net) = (yen(discount), yen(net));
        let placed_order = Order {
            order_id: number.into(),
            customer_id: some(customer).map(CustomerId::stored),
            ordered_at: at(when),
            status: match status {
                "completed" => OrderStatus::Completed,
                "cancelled" => OrderStatus::Cancelled,
                _ => OrderStatus::Returned,
            },
            gross: net.plus(discount).expect("an amount"),
            discount,
            net,
            coupon: some(coupon),
            sales_channel: some(channel),
            subscription_id: some(subscription),
            subscription_count: count.parse().ok(),
            ..order("", "2026-01-01", 0)
        };
        ordered_at.insert(number.to_string(), placed_order.ordered_at);
        facts.push(placed(&placed_order));
    }
    for row in rows(&file("lines")) {
        let line = OrderLine {
            order_id: row[0].into(),
            revision_id: "1".into(),
            source: "test".into(),
            line_no: row[1].parse().expect("a number"),
            product_id: some(row[2]),
            sku: None,
            name: None,
            category: some(row[3]),
            quantity: row[4].parse().expect("a number"),
            unit_price: yen(row[5]),
            amount: yen(row[6]),
        };
        facts.push(Fact::new(&line, ordered_at[row[0]], ordered_at[row[0]]));
    }
    for row in rows(&file("contracts")) {
        let contract = Subscription {
            subscription_id: row[0].into(),
            revision_id: "1".into(),
            // Another file than that of the orders.
            source: "test-contracts".into(),
            customer_id: Some(CustomerId::stored(row[1])),
            plan: some(row[2]),
            product_id: None,
            status: row[3].into(),
            started_on: row[4].parse().ok(),
            next_shipment_on: None,
            interval_days: row[6].parse().ok(),
            shipments: row[7].parse().ok(),
            amount: None,
            ended_on: row[5].parse().ok(),
            reason: None,
        };
        facts.push(Fact::new(&contract, long_ago, long_ago));
    }
    for row in rows(&file("merges")) {
        let identity = Identity {
            kind: "customer".into(),
            from_id: row[0].into(),
            survivor_id: CustomerId::stored(row[1]),
            rule: "manual".into(),
            linked: true,
            source: "test".into(),
            evidence: None,
            changed_at: long_ago,
        };
        facts.push(Fact::new(&identity, long_ago, long_ago));
    }
    for row in rows(&file("customers")) {
        let profile = Profile {
            customer_id: CustomerId::stored(row[0]),
            revision_id: "1".into(),
            source: "test".into(),
            birthday: None,
            gender: None,
            prefecture: None,
            registered_on: None,
            acquisition: some(row[1]),
            attributes: Value::Null,
        };
        facts.push(Fact::new(&profile, long_ago, long_ago));
    }
    for row in rows(&file("products")) {
        let product = Product {
            product_id: row[0].into(),
            revision_id: "1".into(),
            source: "test".into(),
            sku: None,
            name: None,
            category: some(row[1]),
            price: Some(yen(row[2])),
            cost: Some(yen(row[3])),
            url: None,
            image_url: None,
            status: "active".into(),
        };
        facts.push(Fact::new(&product, long_ago, long_ago));
    }
    for (nth, row) in rows(&file("spend")).iter().enumerate() {
        let spend = AdSpend {
            spend_id: nth.to_string(),
            revision_id: "1".into(),
            source: "test".into(),
            spent_on: row[0].parse().expect("a day"),
            medium: row[1].into(),
            campaign: None,
            cost: yen(row[2]),
            impressions: None,
            clicks: None,
        };
        facts.push(Fact::new(&spend, long_ago, long_ago));
    }
    facts
}

/// A library in which a shop has said what it means.
pub fn defined(definitions: &Value) -> Arc<Library> {
    let (mut library, problems) = Library::load(None);
    assert_eq!(problems, []);
    let definitions = definitions.as_object().into_iter().flatten();
    let definitions =
        definitions.map(|(name, value)| (name.clone(), toml::Value::String(value.as_str().expect("a text").into())));
    assert_eq!(library.define(&definitions.collect()), []);
    Arc::new(library)
}

#[tokio::test]
async fn reports_about_buyers_answer_as_worked_out_in_python() {
    let (_folder, view) = view(&shop()).await;
    let mut asked = 0;
    for file in fs::read_dir(fixtures("buyers/answers")).expect("answers") {
        let path = file.expect("a file").path();
        let (name, case) = (path.display().to_string(), read_json(path));
        let library = defined(&case["definitions"]);
        let query = case["query"].as_str().expect("a query");
        let declared = &library.find(query).expect(query).header.params;
        let given: Params = (case["params"].as_object().into_iter().flatten())
            .map(|(name, value)| {
                let kind = declared.iter().find(|param| param.name == *name).expect("a parameter").kind;
                let raw = value.as_str().map_or_else(|| value.to_string(), String::from);
                (name.clone(), kind.read(&raw).expect("a value"))
            })
            .collect();
        let moment = Moment {
            as_of: noon(case["as_of"].as_str().expect("a day")),
            ..desk(&view, noon("2026-01-01"), Mode::AsKnown).moment
        };
        let answer = Desk::new(library.clone(), view.clone(), moment).ask(query, &given).await.expect(query);
        let columns: Vec<&str> = list(&case, "columns").iter().filter_map(Value::as_str).collect();
        check(&name, &case, &answer, &columns, list(&case, "rows"));
        asked += 1;
    }
    assert!(asked >= 30, "{asked} answers");
}

#[tokio::test]
async fn a_contract_is_stated_by_one_file_or_seen_in_the_orders_of_another() {
    let stated = |number: &str, status: &str, shipments: Option<i64>| {
        let contract = Subscription {
            subscription_id: number.into(),
            revision_id: "1".into(),
            source: "contracts".into(),
            customer_id: Some(CustomerId::stored(format!("of {number}"))),
            plan: None,
            product_id: None,
            status: status.into(),
            started_on: None,
            next_shipment_on: None,
            interval_days: None,
            shipments,
            amount: None,
            ended_on: None,
            reason: None,
        };
        Fact::new(&contract, noon("2026-01-05"), noon("2026-01-05"))
    };
    let shipped = |number: &str, day: &str, subscription_count: Option<i64>| {
        placed(&Order { subscription_id: Some(number.into()), subscription_count, ..order(&format!("of {number}"), day, 1000) })
    };
    let facts = [
        stated("S1", "active", None),
        shipped("S1", "2025-11-01", Some(1)),
        shipped("S1", "2025-12-01", Some(2)),
        stated("S2", "paused", None),
        // The data begin amid it.
        shipped("S3", "2026-01-20", Some(5)),
        shipped("S3", "2026-02-19", Some(6)),
        // The second came back.
        shipped("S4", "2026-01-01", Some(1)),
        shipped("S4", "2026-03-02", Some(3)),
        shipped("S5", "2025-09-01", None),
        shipped("S5", "2025-10-01", None),
        shipped("S6", "2026-03-10", Some(4)),
        // Nobody says when it began; its owner's last order is long ago.
        stated("S7", "active", Some(2)),
        placed(&order("of S7", "2025-01-05", 1000)),
        shipped("S8", "2025-11-05", Some(1)),
        shipped("S8", "2026-01-10", Some(2)),
    ];
    let (_folder, view) = view(&facts).await;
    let desk = desk(&view, noon("2026-03-20"), Mode::AsKnown);
    let check = async |question: &str, params: &[(&str, i64)], names: &[&str], expect: &[&str]| {
        let params: Params = params.iter().map(|(name, value)| (name.to_string(), ParamValue::Int(*value))).collect();
        let answer = match question.starts_with("SELECT") {
            true => desk.ask_sql(question).await,
            false => desk.ask(question, &params).await,
        };
        assert_eq!(columns(&answer.expect(question), names), expect, "{question}");
    };
    check(
        "SELECT subscription_id, status, shipments, interval_days, inferred FROM contracts",
        &[],
        &["subscription_id", "status", "shipments", "interval_days", "inferred"],
        &[
            "S1 active 2 30 false",
            "S2 paused 0 30 false",
            "S3 active 6 30 true",
            "S4 active 3 30 true",
            "S5 cancelled 2 30 true",
            "S6 active 4 30 true",
            "S7 active 2 30 false",
            "S8 active 2 66 true",
        ],
    )
    .await;
    // Who subscribes is neither dormant nor to be won back, however the contract is known.
    check("lifecycle", &[("months", 0)], &["state", "customers"], &["dormant 0", "lapsed 0", "new 2", "repeat 5"]).await;
    check("win_back", &[], &["customer_id", "days_since"], &["of S5 170"]).await;
    // Five owners began with it; the seventh is observed, and never bought again.
    check(
        "subscription_figures",
        &[],
        &["figure", "hits", "people", "open"],
        &["one_off_f2 0 1 0", "pulled_up 0 1 0", "second_shipment 6 6 1"],
    )
    .await;
}

#[tokio::test]
async fn lines_are_of_what_counts_and_have_the_catalogue_s_category() {
    let (paid, free) = (order("a", "2026-01-05", 1000), order("b", "2026-01-06", 0));
    let line = |of: &Order| {
        let line = OrderLine {
            order_id: of.order_id.clone(),
            revision_id: of.revision_id.clone(),
            source: of.source.clone(),
            line_no: 1,
            product_id: None,
            sku: Some("P1".into()),
            name: None,
            category: None,
            quantity: 1,
            unit_price: of.gross,
            amount: of.gross,
        };
        Fact::new(&line, of.ordered_at, of.ordered_at)
    };
    let product = Product {
        product_id: "P1".into(),
        revision_id: "1".into(),
        source: "products".into(),
        sku: None,
        name: None,
        category: Some("茶".into()),
        price: None,
        cost: Some(yen("400")),
        url: None,
        image_url: None,
        status: "active".into(),
    };
    let known = Fact::new(&product, noon("2026-01-01"), noon("2026-01-01"));
    let (_folder, view) = view(&[known, placed(&paid), line(&paid), placed(&free), line(&free)]).await;
    let moment = desk(&view, noon("2026-03-20"), Mode::AsKnown).moment;
    for (count_free, expect) in [("false", &["a-2026-01-05 茶"][..]), ("true", &["a-2026-01-05 茶", "b-2026-01-06 茶"][..])] {
        let desk = Desk::new(defined(&json!({"count_free_orders": count_free})), view.clone(), moment);
        let lines = desk.ask_sql("SELECT order_id, category FROM purchase_lines").await.expect("lines");
        assert_eq!(columns(&lines, &["order_id", "category"]), expect, "{count_free}");
        let by: Params = [("by".to_string(), ParamValue::Text("category".into()))].into();
        let worth = desk.ask("ltv_by_first", &by).await.expect("values");
        let people = expect.len();
        let expect = [format!("茶 0 {people} 1000"), format!("茶 1 {people} 1000")];
        assert_eq!(columns(&worth, &["first", "age", "customers", "net_revenue"]), expect, "{count_free}");
    }
    // Of nothing there is no share: never "not a number", in no format.
    let (_folder, free_alone) = self::view(&[placed(&free), line(&free)]).await;
    let of_nothing = Desk::new(defined(&json!({"count_free_orders": "true"})), free_alone, moment);
    for report in ["decile", "cohort_retention", "ltv_payback"] {
        let query = of_nothing.query(report).expect("a report").clone();
        let (_, batches) = of_nothing.batches(&query, &Params::new()).await.expect(report);
        assert!(batches.iter().any(|batch| batch.num_rows() > 0), "{report}");
        for column in
            batches.iter().flat_map(|batch| batch.columns()).filter_map(|column| column.as_primitive_opt::<Float64Type>())
        {
            assert!(column.iter().flatten().all(f64::is_finite), "{report}: {column:?}");
        }
    }
    let desk = desk(&view, noon("2026-03-20"), Mode::AsKnown);
    let paid_back = desk.ask("ltv_payback", &Params::new()).await.expect("payback");
    assert_eq!(columns(&paid_back, &["basis", "cost_known"]), ["margin 1"]);
}

#[tokio::test]
async fn the_default_scores_leave_no_class_empty() {
    let (_folder, view) = view(&shop()).await;
    let desk = desk(&view, noon("2026-03-20"), Mode::AsKnown);
    let check = async |method: &str, axis: &str, expect: &[&str]| {
        let params: Params = [("method".to_string(), ParamValue::Text(method.into()))].into();
        let answer = desk.ask("rfm_scores", &params).await.expect("scores");
        let mut classes: Vec<String> = (0..answer.rows.len()).map(|row| answer.get(row, axis).expect(axis).plain()).collect();
        classes.sort();
        classes.dedup();
        assert_eq!(classes, expect, "{method} {axis}");
    };
    for axis in ["r", "f", "m"] {
        check("thresholds", axis, &["1", "2", "3", "4", "5"]).await;
    }
    // Two fifths of the buyers bought once, so nobody's rank is in the second fifth.
    check("percent_rank", "f", &["1", "3", "4", "5"]).await;
}

#[test]
fn a_definition_that_defines_nothing_is_said() {
    let check = |text: &str, expect: &[&str]| {
        let (mut library, _) = Library::load(None);
        let definitions = toml::from_str(text).expect("TOML");
        let said: Vec<String> = library.define(&definitions).into_iter().map(|problem| problem.message).collect();
        assert_eq!(said, expect, "{text}");
    };
    check("dormant_days = 120\nrfm_f5 = 12\nfirst_orders_from = \"2024-01-01\"", &[]);
    check("rfm_m5 = \"50000\"\nrfm_m4 = \"20000\"\nrfm_m3 = 9000\nrfm_m2 = 3000", &[]);
    let unsorted = |names: &str, order: &str| format!("[definitions] {names} do not {order} from 5 to 2: a score stays empty");
    check("rfm_m5 = \"50000\"", &[&unsorted("rfm_m5, rfm_m4, rfm_m3, rfm_m2", "fall")]);
    check("rfm_f2 = 6", &[&unsorted("rfm_f5, rfm_f4, rfm_f3, rfm_f2", "fall")]);
    check("rfm_r5 = 100", &[&unsorted("rfm_r5, rfm_r4, rfm_r3, rfm_r2", "rise")]);
    let both = [unsorted("rfm_r5, rfm_r4, rfm_r3, rfm_r2", "rise"), unsorted("rfm_f5, rfm_f4, rfm_f3, rfm_f2", "fall")];
    check("rfm_r5 = 100\nrfm_f2 = 6", &both.each_ref().map(String::as_str));
    check("dormant_day = 120", &["[definitions] sets `dormant_day`, which no query has as a parameter with a default"]);
    check("dormant_days = \"soon\"", &["[definitions] sets `dormant_days` to `soon`, which is no int"]);
}

#[tokio::test]
async fn ranked_scores_are_those_of_the_reference() {
    for case in
        list(&read_json(reference("rfm_quintiles.json")), "cases").iter().filter(|case| case["inputs"]["customers"].is_array())
    {
        let mut facts = Vec::new();
        for customer in list(&case["inputs"], "customers") {
            let (id, orders) = (int(customer, "id"), int(customer, "frequency"));
            let day = noon("2026-03-20") - chrono::TimeDelta::days(int(customer, "recency_days"));
            for nth in 0..orders {
                let yen = if nth == 0 { int(customer, "monetary") - (orders - 1) } else { 1 };
                // Ties go by id as a number in the reference, as a text here.
                let one =
                    Order { order_id: format!("{id}-{nth}"), ordered_at: day, ..order(&format!("{id:04}"), "2026-01-01", yen) };
                facts.push(placed(&one));
            }
        }
        for (method, name) in [("percent_rank", "score"), ("ntile", "ntile")] {
            let (_folder, view) = view(&facts).await;
            let params: Params = [("method".to_string(), ParamValue::Text(method.into()))].into();
            let answer = desk(&view, noon("2026-03-20"), Mode::AsKnown).ask("rfm_scores", &params).await.expect("an answer");
            let text = |row: usize, column: &str| answer.get(row, column).expect("a column").plain();
            let mut got: Vec<(i64, String)> = (0..answer.rows.len())
                .map(|row| {
                    (text(row, "customer_id").parse().expect("an id"), ["r", "f", "m"].map(|axis| text(row, axis)).concat())
                })
                .collect();
            got.sort();
            let expected: Vec<(i64, String)> = list(&case["expected"], "scores")
                .iter()
                .map(|one| (int(one, "id"), one[name].as_str().expect("a score").into()))
                .collect();
            assert_eq!(got, expected, "{} {method}", case["name"]);
        }
    }
}

#[tokio::test]
async fn cohorts_come_back_as_in_the_reference() {
    for case in list(&read_json(reference("cohort_f2.json")), "cases") {
        let mut facts = Vec::new();
        for customer in list(&case["inputs"], "customers") {
            for day in ["first", "second"].iter().filter_map(|name| customer[*name].as_str()) {
                facts.push(placed(&order(&format!("c{}", int(customer, "id")), day, 1)));
            }
        }
        for (days, cohorts) in case["expected"].as_object().expect("horizons") {
            let answer = ask(
                &facts,
                case["inputs"]["as_of"].as_str().expect("a day"),
                "f2_compared",
                &json!({"days": days.parse::<i64>().expect("days")}),
            )
            .await;
            let expected: Vec<Value> = cohorts
                .as_array()
                .expect("cohorts")
                .iter()
                .map(|one| {
                    let cohort = format!("{}-01", one["cohort"].as_str().expect("a month"));
                    let immature = (!one["complete"].as_bool().expect("a word")).to_string();
                    json!([
                        cohort,
                        one["n"],
                        one["naive"],
                        one["matured_n"],
                        one["matured"],
                        one["km"],
                        one["observable_days_max"],
                        immature
                    ])
                })
                .collect();
            check(
                days,
                case,
                &answer,
                &["cohort", "buyers", "naive", "matured", "matured_rate", "km", "observable", "immature"],
                &expected,
            );
        }
    }
}

#[tokio::test]
async fn buying_histories_are_those_of_the_reference() {
    const SQL: &str =
        "SELECT customer_id, repeats, recency_days, age_days, repeat_value FROM buying_histories ORDER BY customer_id";
    for case in list(&read_json(reference("rfm_summary_from_orders.json")), "cases") {
        let (name, inputs) = (case["name"].as_str().expect("a name"), &case["inputs"]);
        let from_file = inputs["dataset"].as_str().map(|path| read(reference(path)));
        let facts: Vec<Fact> = match &from_file {
            Some(text) => rows(text)
                .iter()
                .enumerate()
                .map(|(nth, row)| {
                    let customer = format!("{:05}", row[0].parse::<i64>().expect("an id"));
                    let net = yen(row[3]);
                    placed(&Order {
                        order_id: nth.to_string(),
                        net,
                        gross: net,
                        currency: Currency::jpy(),
                        ..order(&customer, row[1], 1)
                    })
                })
                .collect(),
            None => list(inputs, "orders")
                .iter()
                .enumerate()
                .map(|(nth, row)| {
                    let text = |name: &str| row[name].as_str().map(String::from);
                    let when = text("ordered_at").map_or_else(|| noon(&text("date").expect("a day")), |when| at(&when));
                    let net = Money::whole(int(row, "amount")).expect("an amount");
                    let customer = text("customer_id").expect("an id");
                    placed(&Order {
                        order_id: nth.to_string(),
                        net,
                        gross: net,
                        ordered_at: when,
                        ..order(&customer, "2026-01-01", 1)
                    })
                })
                .collect(),
        };
        let (_folder, view) = view(&facts).await;
        let today = inputs["observation_end"].as_str().expect("a day");
        // To the reference an order of no money is a purchase too.
        let library = defined(&json!({"count_free_orders": "true"}));
        let moment = desk(&view, noon(today), Mode::AsKnown).moment;
        let answer = Desk::new(library, view.clone(), moment).ask_sql(SQL).await.expect("an answer");
        compare_histories(name, case, &answer);
    }
}

/// Against rows, or against the first rows and the sums. Times are in the unit of the case.
fn compare_histories(name: &str, case: &Value, answer: &Answer) {
    let unit = if case["inputs"]["time_unit"].as_str().is_some_and(|unit| unit.starts_with("week")) { 7.0 } else { 1.0 };
    let number = |row: usize, column: &str| answer.get(row, column).and_then(query::Value::number).unwrap_or(0.0);
    let near = |what: &str, got: f64, want: &Value| {
        let want = want.as_f64().expect("a number");
        assert!((got - want).abs() <= (1e-9 * want.abs()).max(1e-12), "{name} {what}: {got}, not {want}");
    };
    let expected = &case["expected"];
    let listed = expected["rows"].as_array().or_else(|| expected["first_rows"].as_array()).expect("rows");
    for (row, want) in listed.iter().enumerate() {
        near("x", number(row, "repeats"), &want["frequency"]);
        near("t_x", number(row, "recency_days") / unit, &want["recency"]);
        near("T", number(row, "age_days") / unit, &want["T"]);
        near("m", number(row, "repeat_value"), &want["monetary_value"]);
    }
    if expected.get("customers").is_some() {
        let sum = |column: &str| (0..answer.rows.len()).map(|row| number(row, column)).sum::<f64>();
        near("customers", answer.rows.len() as f64, &expected["customers"]);
        near("sum x", sum("repeats"), &expected["sum_frequency"]);
        near("sum t_x", sum("recency_days") / unit, &expected["sum_recency"]);
        near("sum T", sum("age_days") / unit, &expected["sum_T"]);
        near("sum m", sum("repeat_value"), &expected["sum_monetary_value"]);
    }
}

#[tokio::test]
async fn a_model_is_applied_to_a_history_in_days() {
    let (_folder, view) = view(&[]).await;
    let desk = desk(&view, noon("2026-03-20"), Mode::AsKnown);
    let model = stats::RepeatBuying { model: stats::BuyingModel::Mbg, r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 };
    let history = stats::History { x: 2, t_x: 30.0, t: 38.0 };
    let worth = stats::GammaGamma { p: 6.25, q: 3.74, v: 15.44 };
    let check = async |call: &str, expect: Option<f64>| {
        let answer = desk.ask_sql(&format!("SELECT {call} AS value")).await.expect(call);
        let got = answer.get(0, "value").and_then(query::Value::number);
        let near = got.zip(expect).is_some_and(|(got, expect)| (got - expect).abs() <= 1e-12 * expect.abs());
        assert!(near || got == expect, "{call}: {got:?}, not {expect:?}");
    };
    let known = "'mbg_nbd', 0.525, 6.183, 0.891, 1.614, 2, 210, 266";
    check(&format!("p_alive({known})"), Some(model.p_alive(history))).await;
    check(&format!("expected_orders({known}, 91)"), model.expected(history, 13.0).ok()).await;
    check(&format!("discounted_orders({known}, 3, 0.01)"), stats::clv(&model, history, 1.0, 30.0 / 7.0, 3, 0.01).ok()).await;
    check("expected_order_value(6.25, 3.74, 15.44, 2, 22.35)", worth.expected_value(stats::Spending { x: 2, mean: 22.35 }).ok())
        .await;
    check("expected_order_value(6.25, 3.74, 15.44, 0, NULL)", Some(15.44 * 6.25 / 2.74)).await;
    // What cannot be said is null: no such model, no such history, no parameters, values without a mean.
    check("p_alive('poisson', 0.525, 6.183, 0.891, 1.614, 2, 210, 266)", None).await;
    check("p_alive('mbg_nbd', 0.525, 6.183, 0.891, 1.614, -1, 210, 266)", None).await;
    check("p_alive('mbg_nbd', NULL, 6.183, 0.891, 1.614, 2, 210, 266)", None).await;
    check("p_alive('mbg_nbd', -0.525, 6.183, 0.891, 1.614, 2, 210, 266)", None).await;
    check("p_alive('mbg_nbd', 0.525, 6.183, 0.891, 1.614, 2, 266, 210)", None).await;
    check("p_alive('mbg_nbd', 0.525, 6.183, 0.891, 1.614, 0, 210, 266)", None).await;
    check("discounted_orders('mbg_nbd', 0.525, 6.183, 0.891, 1.614, 2, 210, 266, 400000000, 0.01)", None).await;
    check(&format!("expected_orders({known}, -1)"), None).await;
    check("expected_order_value(6.25, 0.9, 15.44, 2, 22.35)", None).await;
}
