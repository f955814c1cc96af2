//! Two answers, cell by cell.

use chrono::NaiveDateTime;
use serde_json::Value;

/// Numbers differ by no more than this part of themselves.
const RELATIVE: f64 = 1e-9;

/// The first difference, in words; `None` if there is none.
pub fn difference(ours: &[Vec<Value>], theirs: &[Vec<Value>], them: &str) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} rows where {them} has {}", ours.len(), theirs.len()));
    }
    for (number, (our, their)) in (1..).zip(ours.iter().zip(theirs)) {
        if our.len() != their.len() {
            return Some(format!("row {number} has {} cells where {them}'s has {}", our.len(), their.len()));
        }
        for (column, (a, b)) in (1..).zip(our.iter().zip(their)) {
            if !same(a, b) {
                return Some(format!("row {number}, column {column} is {a} where {them} has {b}"));
            }
        }
    }
    None
}

fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= RELATIVE * a.abs().max(b.abs()),
        _ => moment(a).is_some_and(|moment_of_a| moment(b) == Some(moment_of_a)),
    }
}

/// A moment, whether its zone (always UTC here) is said or not.
fn moment(value: &Value) -> Option<NaiveDateTime> {
    let text = value.as_str()?.trim_end_matches('Z').replacen('T', " ", 1);
    NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()
}

/// A number, also one that is exact and therefore written as a text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_wrong_cell_is_found() {
        let check = |ours: Value, theirs: Value, expect: Option<&str>| {
            let rows = |value: &Value| serde_json::from_value::<Vec<Vec<Value>>>(value.clone()).unwrap();
            assert_eq!(difference(&rows(&ours), &rows(&theirs), "DuckDB").as_deref(), expect, "{ours} {theirs}");
        };
        check(json!([]), json!([]), None);
        check(json!([["a", 1, null]]), json!([["a", 1, null]]), None);
        check(json!([["1200.5000"]]), json!([[1200.5]]), None);
        check(json!([[3.0]]), json!([[3]]), None);
        check(json!([["2026-10-31 22:54:30.025"]]), json!([["2026-10-31T22:54:30.025000Z"]]), None);
        let later = json!([["2026-10-31T22:54:30.026000Z"]]);
        let why = "row 1, column 1 is \"2026-10-31 22:54:30.025\" where DuckDB has \"2026-10-31T22:54:30.026000Z\"";
        check(json!([["2026-10-31 22:54:30.025"]]), later, Some(why));
        check(json!([[1.0]]), json!([[1.000_000_000_1]]), None);
        check(json!([[1.0]]), json!([[1.000_001]]), Some("row 1, column 1 is 1.0 where DuckDB has 1.000001"));
        check(json!([[0]]), json!([[null]]), Some("row 1, column 1 is 0 where DuckDB has null"));
        check(json!([["a"]]), json!([["b"]]), Some("row 1, column 1 is \"a\" where DuckDB has \"b\""));
        check(json!([["a"]]), json!([]), Some("1 rows where DuckDB has 0"));
        check(json!([["a", 1]]), json!([["a"]]), Some("row 1 has 2 cells where DuckDB's has 1"));
    }
}
