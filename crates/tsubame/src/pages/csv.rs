//! An answer as the CSV that Japanese Excel opens: UTF-8 with BOM, CRLF, texts quoted, and no text that a spreadsheet takes for a formula.

use query::{Answer, Value};

/// The same plain values that the marks of a chart carry.
pub fn csv(answer: &Answer) -> Vec<u8> {
    [head(answer), rows(answer)].concat()
}

/// The first line.
pub fn head(answer: &Answer) -> Vec<u8> {
    let mut out = String::from("\u{feff}");
    let header: Vec<String> = answer.columns.iter().map(|column| quoted(&guarded(&column.name))).collect();
    line(&mut out, &header);
    out.into_bytes()
}

/// The other lines.
pub fn rows(answer: &Answer) -> Vec<u8> {
    let mut out = String::new();
    for row in &answer.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        line(&mut out, &cells);
    }
    out.into_bytes()
}

/// Only texts are quoted, which a CSV writer with one quoting style for the whole file cannot do.
fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(&guarded(text)),
        value => value.plain(),
    }
}

fn guarded(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') if text.parse::<f64>().is_err() => {
            format!("'{text}")
        }
        _ => text.into(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn line(out: &mut String, cells: &[String]) {
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::answer;
    use query::Kind;

    #[test]
    fn cells() {
        let check = |value: Value, expect: &str| {
            let bytes = csv(&answer(&[("v", Kind::Text)], &[&[value]]));
            assert_eq!(String::from_utf8(bytes).unwrap(), format!("\u{feff}\"v\"\r\n{expect}\r\n"));
        };
        check(Value::Text("燕, \"a\"\nb".into()), "\"燕, \"\"a\"\"\nb\"");
        check(Value::Text("=1+1".into()), "\"'=1+1\"");
        check(Value::Text("\n=1".into()), "\"'\n=1\"");
        check(Value::Text("＠SUM".into()), "\"'＠SUM\"");
        check(Value::Text("-12.5".into()), "\"-12.5\"");
        check(Value::Text("".into()), "\"\"");
        check(Value::Null, "");
        check(Value::Int(-3), "-3");
        check(Value::Bool(true), "true");
        check(Value::Money(model::Money::parse("1200.5").unwrap()), "1200.5");
    }
}
