//! The library's reports against answers that no SQL worked out: a small shop full of traps (`fixtures/library`, whose script wrote
//! `fixtures/answers`), and the reference numbers of other packages, turned into a shop's orders and contracts.

use std::{collections::BTreeMap, fs, path::PathBuf};

use chrono::{Days, NaiveDate};
use model::{CustomerId, Fact, Identity, Money, Order, OrderStatus, Subscription};
use query::{Answer, Mode, ParamValue, Params};
use serde_json::{Value, json};

use crate::{at, desk, noon, order, placed, view};

const TODAY: &str = "2026-03-20";

fn fixtures(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

fn reference(path: &str) -> PathBuf {
    std::env::var_os("TSUBAME_REFERENCE_DIR").map_or_else(|| fixtures("reference"), PathBuf::from).join(path)
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_str(&read(path)).expect("JSON")
}

/// The rows of a file with a line of names, by position.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

fn days_before(days: i64) -> String {
    let today: NaiveDate = TODAY.parse().expect("a day");
    (today - Days::new(days.unsigned_abs())).to_string()
}

fn int(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("no list {name} in {value}"))
}

fn params(given: &Value) -> Params {
    let read = |value: &Value| match value {
        Value::Number(number) => ParamValue::Int(number.as_i64().expect("a whole number")),
        Value::String(text) => text
            .parse()
            .map(ParamValue::Date)
            .unwrap_or_else(|_| ParamValue::Money(Money::whole(text.parse().expect("an amount")).expect("an amount"))),
        other => panic!("{other} is no parameter"),
    };
    given.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), read(value))).collect()
}

/// Some columns of an answer against rows as data: empty is null, text is equal, a number is as near as the case asks.
pub(crate) fn check(name: &str, case: &Value, answer: &Answer, columns: &[&str], expected: &[Value]) {
    let tolerance = |of: &str| case["tolerance"][of].as_f64().unwrap_or_else(|| panic!("{name}: no tolerance {of}"));
    let (relative, absolute) = (tolerance("rel"), tolerance("abs"));
    assert_eq!(answer.rows.len(), expected.len(), "{name}: rows {:?}", answer.rows);
    for (row, want) in expected.iter().enumerate() {
        for (place, column) in columns.iter().enumerate() {
            let got = answer.get(row, column).unwrap_or_else(|| panic!("{name}: no column {column}"));
            let right = match &want[place] {
                Value::Null => *got == query::Value::Null,
                Value::Number(want) => {
                    let want = want.as_f64().expect("a number");
                    got.number().is_some_and(|got| (got - want).abs() <= (want.abs() * relative).max(absolute))
                }
                want => Some(got.plain().as_str()) == want.as_str(),
            };
            assert!(right, "{name}: row {row}, {column}: {got:?}, not {}", want[place]);
        }
    }
}

async fn ask(facts: &[Fact], today: &str, query: &str, given: &Value) -> Answer {
    let (_folder, view) = view(facts).await;
    desk(&view, noon(today), Mode::AsKnown).ask(query, &params(given)).await.expect(query)
}

#[tokio::test]
async fn reports_answer_as_worked_out_by_hand() {
    let mut facts: Vec<Fact> = Vec::new();
    for row in rows(&read(fixtures("library/orders.csv"))) {
        let placed_order = Order {
            order_id: row[0].into(),
            customer_id: Some(row[1]).filter(|id| !id.is_empty()).map(CustomerId::stored),
            ordered_at: at(row[2]),
            status: match row[3] {
                "completed" => OrderStatus::Completed,
                "cancelled" => OrderStatus::Cancelled,
                "returned" => OrderStatus::Returned,
                other => panic!("no status {other}"),
            },
            ..order("", TODAY, row[4].parse().expect("an amount"))
        };
        facts.push(placed(&placed_order));
    }
    for row in rows(&read(fixtures("library/merges.csv"))) {
        let identity = Identity {
            kind: "customer".into(),
            from_id: row[0].into(),
            survivor_id: CustomerId::stored(row[1]),
            rule: "manual".into(),
            linked: true,
            source: "test".into(),
            evidence: None,
            changed_at: noon("2026-03-01"),
        };
        facts.push(Fact::new(&identity, noon("2026-03-01"), noon("2026-03-01")));
    }
    let mut asked = 0;
    for file in fs::read_dir(fixtures("answers")).expect("answers") {
        let path = file.expect("a file").path();
        let name = path.display().to_string();
        let case = read_json(path);
        let answer =
            ask(&facts, case["as_of"].as_str().expect("a day"), case["query"].as_str().expect("a query"), &case["params"]).await;
        let columns: Vec<&str> = list(&case, "columns").iter().filter_map(Value::as_str).collect();
        check(&name, &case, &answer, &columns, list(&case, "rows"));
        asked += 1;
    }
    assert!(asked > 0, "there are answers");
}

#[tokio::test]
async fn cpm_types_are_those_of_the_reference() {
    for case in list(&read_json(reference("cpm.json")), "cases") {
        let limits = &case["inputs"]["thresholds"];
        let given = json!({
            "lapse_days": limits["lapse_days"], "infant_days": limits["infant_tenure_days"],
            "good_days": limits["good_tenure_days"], "good_amount": limits["good_amount"].to_string(),
        });
        let customers = list(&case["inputs"], "customers");
        let mut facts = Vec::new();
        let mut held: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (nth, (customer, class)) in customers.iter().zip(list(&case["expected"], "segments")).enumerate() {
            let (orders, since) = (int(customer, "orders"), int(customer, "days_since_last"));
            for step in 0..orders {
                // The last order is on the last day and all others on the first, of one yen each but for the very first.
                let day = days_before(since + if step + 1 == orders { 0 } else { int(customer, "tenure_days") });
                let yen = if step == 0 { int(customer, "amount") - (orders - 1) } else { 1 };
                let one = Order { order_id: format!("{nth}-{step}"), ..order(&format!("c{nth}"), &day, yen) };
                facts.push(placed(&one));
            }
            let of_class = held.entry(class.as_str().expect("a class").into()).or_default();
            *of_class = (of_class.0 + 1, of_class.1 + int(customer, "amount"));
        }
        let answer = ask(&facts, TODAY, "cpm_portfolio", &given).await;
        let expected: Vec<Value> = ["first", "infant", "steady", "trend", "good"]
            .iter()
            .flat_map(|kind| ["active", "lapsed"].map(|state| (kind, state)))
            .map(|(kind, state)| {
                let (customers, net) = held.get(&format!("{kind}_{state}")).copied().unwrap_or_default();
                json!([kind, state, customers, net])
            })
            .collect();
        check("cpm", case, &answer, &["type", "state", "customers", "net_revenue"], &expected);
    }
}

/// The orders of a data set of the reference, at one yen each: what was paid is not asked here.
fn data_set(path: &str) -> Vec<Fact> {
    let text = read(reference(path));
    rows(&text)
        .iter()
        .enumerate()
        .map(|(nth, row)| placed(&Order { order_id: nth.to_string(), ..order(row[0], row[1], 1) }))
        .collect()
}

#[tokio::test]
async fn the_time_to_f2_is_that_of_the_reference() {
    for case in list(&read_json(reference("f2_kaplan_meier.json")), "cases") {
        let (name, inputs) = (case["name"].as_str().expect("a name"), &case["inputs"]);
        let (facts, today) = match inputs["dataset"].as_str() {
            Some(path) => (data_set(path), inputs["observation_end"].as_str().expect("a day")),
            None => {
                let mut facts = Vec::new();
                for (nth, (days, event)) in list(inputs, "durations").iter().zip(list(inputs, "events")).enumerate() {
                    let customer = format!("c{nth}");
                    facts.push(placed(&order(&customer, &days_before(days.as_i64().expect("days")), 1)));
                    if event.as_i64() == Some(1) {
                        facts.push(placed(&order(&customer, TODAY, 1)));
                    }
                }
                (facts, TODAY)
            }
        };
        let given = match inputs["cohort"].as_str().and_then(|cohort| cohort.strip_prefix("first purchase in ")) {
            Some(month) => {
                let from: NaiveDate = format!("{month}-01").parse().expect("a month");
                json!({"from": from.to_string(), "to": (from + chrono::Months::new(1)).to_string()})
            }
            None => json!({}),
        };
        let curve = ask(&facts, today, "second_purchase_survival", &given).await;
        let day = |row: usize| curve.get(row, "day").and_then(query::Value::number).expect("a day");
        for want in list(&case["expected"], "at") {
            // The curve is a step function, and one until the first step.
            let last = (0..curve.rows.len()).take_while(|row| day(*row) <= want["horizon"].as_f64().expect("days")).last();
            let Some(row) = last else {
                assert_eq!(want["converted"], json!(0.0), "{name}: before the first step");
                continue;
            };
            let at = Answer { columns: curve.columns.clone(), rows: vec![curve.rows[row].clone()] };
            let expected = json!([
                want["converted"],
                want["greenwood_se"],
                want["ci95_loglog"][0],
                want["ci95_loglog"][1],
                case["expected"]["median"],
            ]);
            check(name, case, &at, &["converted", "se", "low", "high", "median_days"], &[expected]);
        }
        let sum = |column: &str| (0..curve.rows.len()).filter_map(|row| curve.get(row, column)?.number()).sum::<f64>();
        assert_eq!(case["expected"]["events"].as_f64(), Some(sum("events")), "{name}");
        assert_eq!(case["expected"]["n"].as_f64(), Some(sum("events") + sum("censored")), "{name}");
    }
}

#[tokio::test]
async fn steps_are_those_of_the_reference() {
    for case in list(&read_json(reference("f_steps.json")), "cases") {
        let inputs = &case["inputs"];
        let days = int(inputs, "horizon_days");
        let expected = list(&case["expected"], "steps");
        let facts = data_set(inputs["dataset"].as_str().expect("a data set"));
        let given = json!({"days": days, "steps": expected.len()});
        let answer = ask(&facts, inputs["as_of"].as_str().expect("a day"), "f_steps", &given).await;
        let converted = format!("converted_within_{days}");
        let expected: Vec<Value> = expected
            .iter()
            .map(|step| {
                let of = |name: &str| step[name].clone();
                json!([of("from"), of("to"), of("reached"), of("eligible"), of(&converted), of("rate"), of("median_gap_days")])
            })
            .collect();
        check(
            "f_steps",
            case,
            &answer,
            &["step", "next_step", "reached", "eligible", "converted", "rate", "median_gap"],
            &expected,
        );
    }
}

#[tokio::test]
async fn contracts_continue_as_in_the_reference() {
    for case in list(&read_json(reference("subscription_continuation.json")), "cases") {
        let facts: Vec<Fact> = list(&case["inputs"], "contracts")
            .iter()
            .map(|contract| {
                let contract = Subscription {
                    subscription_id: int(contract, "contract_id").to_string(),
                    revision_id: "1".into(),
                    source: "test".into(),
                    customer_id: Some(CustomerId::stored(int(contract, "customer_id").to_string())),
                    plan: None,
                    product_id: None,
                    status: contract["status"].as_str().expect("a status").into(),
                    started_on: None,
                    next_shipment_on: None,
                    interval_days: None,
                    shipments: Some(int(contract, "shipments")),
                    amount: None,
                    ended_on: None,
                    reason: None,
                };
                Fact::new(&contract, noon("2026-01-05"), noon("2026-01-05"))
            })
            .collect();
        let answer = ask(&facts, TODAY, "subscription_continuation", &json!({})).await;
        let names = ["from", "to", "continued", "cancelled", "censored", "continuation", "naive", "survival_to_next"];
        let expected: Vec<Value> =
            list(&case["expected"], "rates").iter().map(|rate| names.iter().map(|name| rate[*name].clone()).collect()).collect();
        let columns = ["shipment", "next_one", "continued", "cancelled", "censored", "rate", "naive", "survival"];
        check("subscription_continuation", case, &answer, &columns, &expected);
    }
}
