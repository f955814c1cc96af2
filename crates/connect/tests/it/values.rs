//! Numbers as files have them, in every field that holds one: each is read exactly, or its row is rejected with the reason.

use connect::mapping::built_in;

use crate::{codes, import, members};

/// What may stand for an amount of yen, and the amount.
fn readable() -> Vec<(String, String)> {
    let mut values = Vec::new();
    for (digits, grouped, wide) in [
        ("0", "0", "０"),
        ("7", "7", "７"),
        ("500", "500", "５００"),
        ("1200", "1,200", "１，２００"),
        ("98765432", "98,765,432", "９８，７６５，４３２"),
        ("99999999999999", "99,999,999,999,999", "９９，９９９，９９９，９９９，９９９"),
    ] {
        let negative = if digits == "0" { "0".to_string() } else { format!("-{digits}") };
        for text in [
            digits.to_string(),
            grouped.to_string(),
            wide.to_string(),
            format!(" {grouped} "),
            format!("¥{grouped}"),
            format!("￥{wide}"),
            format!("{grouped}円"),
            format!("{digits}.00"),
            format!("{digits}.0000000000"),
            format!("{digits}."),
        ] {
            values.push((text, digits.to_string()));
        }
        for text in [
            format!("▲{grouped}"),
            format!("△{digits}"),
            format!("({grouped})"),
            format!("（{wide}）"),
            format!("−{digits}"),
            format!("-{digits}.0"),
        ] {
            values.push((text, negative.clone()));
        }
    }
    values.extend(
        [("12.5", "12.5"), (".5", "0.5"), ("0.0001", "0.0001"), ("-0.0", "0"), ("+5", "5")]
            .map(|(text, expect)| (text.into(), expect.into())),
    );
    values
}

/// What is no amount of yen, and the code of its rejection.
const UNREADABLE: &[(&str, &str)] = &[
    ("NaN", "not_money"),
    ("nan", "not_money"),
    ("Infinity", "not_money"),
    ("-Infinity", "not_money"),
    ("inf", "not_money"),
    ("1e400", "not_money"),
    ("1E5", "not_money"),
    ("1.23E+17", "not_money"),
    ("0x10", "not_money"),
    ("abc", "not_money"),
    ("無料", "not_money"),
    ("-", "not_money"),
    ("▲", "not_money"),
    ("()", "not_money"),
    ("円", "not_money"),
    (".", "not_money"),
    ("--5", "not_money"),
    ("▲-5", "not_money"),
    ("(▲5)", "not_money"),
    ("1.2.3", "not_money"),
    ("1,20", "not_money"),
    ("1,2000", "not_money"),
    (",100", "not_money"),
    ("1 200 x", "not_money"),
    ("090-1234-5678", "not_money"),
    ("0312345678", "not_money"),
    ("+81312345678", "not_money"),
    ("$5", "other_currency"),
    ("€5", "other_currency"),
    ("£5", "other_currency"),
    ("1.23456", "too_fine"),
    ("0.000000000000000000000000000001", "too_fine"),
    ("100000000000000", "too_large"),
    ("9223372036854775807", "too_large"),
    ("9223372036854775808", "too_large"),
    ("-9223372036854775809", "too_large"),
    ("99999999999999999999999999999999999999999999", "too_large"),
];

/// Mapping, table, field, a row of the other columns that are needed.
const FIELDS: &[(&str, &str, &str, &str, &str)] = &[
    ("generic-orders", "orders", "shipping", "order_id,ordered_at,subtotal", "1,2025-10-01,100"),
    ("generic-orders", "orders", "fee", "order_id,ordered_at,subtotal", "1,2025-10-01,100"),
    ("generic-orders", "orders", "tax", "order_id,ordered_at,subtotal", "1,2025-10-01,100"),
    ("generic-orders", "orders", "total", "order_id,ordered_at,subtotal", "1,2025-10-01,100"),
    ("generic-products", "products", "price", "sku", "1"),
    ("generic-products", "products", "cost", "sku", "1"),
    ("generic-subscriptions", "subscriptions", "amount", "subscription_id", "1"),
    ("generic-spend", "ad_spend", "cost", "spent_on,medium", "2025-10-01,x"),
    (
        "demo-events",
        "events",
        "value",
        "event_id,name,occurred_at,customer_id,visitor_id,session_id,cart_id,order_id,product_id,category,url,send_id",
        "1,x,2025-10-01T00:00:00Z,,,,,,,,,",
    ),
];

#[test]
fn amounts() {
    let readable = readable();
    assert!(readable.len() + UNREADABLE.len() >= 120);
    for (name, table, field, columns, cells) in FIELDS {
        let found = |value: &str| import(built_in()[name], &format!("{columns},{field}\n{cells},\"{value}\"\n"));
        for (value, expect) in &readable {
            // Such an amount leaves no room for the rest of the order.
            let adds_up = *table == "orders" && *field != "total" && expect.ends_with("99999999999999");
            let imported = found(value);
            if adds_up && !expect.starts_with('-') {
                assert_eq!(codes(&imported), [(2, "too_large")], "{field} {value}");
            } else {
                assert_eq!(members(&imported, table, &[field]), [expect.as_str()], "{field} {value} {:?}", imported.rejections);
            }
        }
        for (value, code) in UNREADABLE {
            let imported = found(value);
            assert_eq!(codes(&imported), [(2, *code)], "{field} {value}");
            assert!(imported.facts.is_empty(), "{field} {value}");
        }
    }
}

#[test]
fn counts() {
    let check = |value: &str, expect: Result<&str, &'static str>| {
        let imported = import(built_in()["generic-points"], &format!("customer_id,change\nc,\"{value}\"\n"));
        match expect {
            Ok(count) => assert_eq!(members(&imported, "points", &["change"]), [count], "{value} {:?}", imported.rejections),
            Err(code) => assert_eq!(codes(&imported), [(2, code)], "{value}"),
        }
    };
    for (value, count) in
        [("0", "0"), ("12", "12"), ("1,200", "1200"), ("１２", "12"), ("3.0", "3"), ("▲5", "-5"), ("-5", "-5"), ("−5", "-5")]
    {
        check(value, Ok(count));
    }
    for value in ["NaN", "1e400", "1E5", "1.5", "abc", "5個", "9223372036854775808", "99999999999", "--5"] {
        check(value, Err("not_a_count"));
    }
}

#[test]
fn dates() {
    let check = |value: &str, expect: Option<&str>| {
        let imported = import(built_in()["generic-spend"], &format!("spent_on,medium,cost\n\"{value}\",x,1\n"));
        match expect {
            Some(day) => assert_eq!(members(&imported, "ad_spend", &["spent_on"]), [day], "{value} {:?}", imported.rejections),
            None => assert_eq!(codes(&imported), [(2, "not_a_date")], "{value}"),
        }
    };
    for value in [
        "2024-04-01",
        "2024/4/1",
        "2024/04/01",
        "２０２４／０４／０１",
        "2024年4月1日",
        "令和6年4月1日",
        "R6.4.1",
        "R6/4/1",
        "2024-04-01 08:20:54",
        "20240401",
    ] {
        check(value, Some("2024-04-01"));
    }
    check("令和元年5月1日", Some("2019-05-01"));
    check("平成31年4月30日", Some("2019-04-30"));
    for value in ["4月1日", "04/05/2024", "5/4/24", "2024-02-30", "令和6年", "明日", "0000-00-00"] {
        check(value, None);
    }
}

#[test]
fn ids_that_a_spreadsheet_cut_short_are_refused() {
    let check = |value: &str, code: Option<&'static str>| {
        let imported = import(built_in()["generic-products"], &format!("sku,price\n{value},1\n"));
        assert_eq!(codes(&imported).first().map(|(_, code)| *code), code, "{value}");
    };
    check("1.23E+17", Some("scientific_id"));
    check("4.90123E+12", Some("scientific_id"));
    check("4901230000000", None);
    check("E-17", None);
}

/// Money that adds up beyond its type is an error of its order, never a wrong sum.
#[test]
fn sums_that_do_not_fit() {
    let text = built_in()["generic-orders"];
    let csv = "order_id,ordered_at,price,quantity\n1,2025-10-01,99999999999999,1\n1,2025-10-01,99999999999999,1\n2,2025-10-01,99999999999999,1000000000\n3,2025-10-01,1,1\n";
    let imported = import(text, csv);
    assert_eq!(members(&imported, "orders", &["order_id"]), ["3"]);
    assert_eq!(codes(&imported).iter().filter(|(_, code)| *code == "too_large").count(), 2, "{:?}", imported.rejections);
}

#[test]
fn a_state_that_comes_back_is_a_third_revision() {
    let far = |from: usize| (from..from + 65).map(|n| format!("x{n},2025-10-01,,5,\n")).collect::<String>();
    for updated in [["", "", ""], ["2025-10-02", "2025-10-03", "2025-10-04"]] {
        let state = |n: usize, total: &str| format!("o,2025-10-01,{},{total},\n", updated[n]);
        let csv = format!(
            "order_id,ordered_at,updated_at,total,coupon\n{}{}{}{}{}",
            state(0, "100"),
            far(0),
            state(1, "200"),
            far(100),
            state(2, "100")
        );
        let imported = import(built_in()["generic-orders"], &csv);
        let mut keys: Vec<[u8; 16]> = imported
            .facts
            .iter()
            .filter(|fact| fact.table == "orders" && fact.row.contains("\"order_id\":\"o\""))
            .map(|fact| fact.key)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 3, "{updated:?}");
        assert_eq!(imported.facts, import(built_in()["generic-orders"], &csv).facts);
    }
}
