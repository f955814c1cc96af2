//! Questions that fail while they are answered: a value that does not convert, a division, a sum, a limit.

use crate::aside;

/// What a value did, and what to do; `None` for what is no fault of a value.
pub(crate) fn value(text: &str) -> Option<(String, String)> {
    let quoted = |start: &str| -> Option<&str> { Some(text.split_once(start)?.1.split_once('\'')?.0) };
    let said = |message: String, remedy: &str| Some((message, remedy.to_string()));
    let lower = text.to_lowercase();
    if let Some(value) = quoted("Cannot cast string '") {
        let to = text.split("value of ").nth(1).and_then(|rest| rest.split(" type").next()).map(super::planning::plain_types);
        let to = to.unwrap_or_else(|| "the type it is compared with".into());
        let remedy = match to.as_str() {
            "date" => "write a date as '2026-06-01'",
            "instant" => "write an instant as '2026-06-01T00:00:00+09:00'",
            "bool" => "write true or false",
            _ => "TRY_CAST(x AS type) gives null where a text is none",
        };
        return said(format!("`{value}` is no {to}"), remedy);
    }
    if lower.contains("error parsing timestamp from '") || lower.contains("error parsing date from '") {
        let value = quoted("from '")?;
        return said(
            format!("`{value}` is no date or instant"),
            "write a date as '2026-06-01', an instant as '2026-06-01T00:00:00+09:00'",
        );
    }
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return said("something is divided by zero".into(), "write x / nullif(y, 0): the answer is null where y is 0");
    }
    if lower.contains("overflow") || lower.contains("too large to store") || lower.contains("out of range") {
        return said("a number does not fit its type".into(), "sum as DECIMAL(38, 4) or DOUBLE, and CAST the answer");
    }
    if lower.contains("returned more than one row") || lower.contains("more than one row") {
        return said(
            "a question within an expression answered with more than one row".into(),
            "make it answer with one: max(x), or LIMIT 1 with an ORDER BY",
        );
    }
    None
}

/// A failure while answering, in plain words.
pub(crate) fn failure(text: &str) -> (String, Option<String>) {
    if let Some((message, remedy)) = value(text) {
        return (message, Some(remedy));
    }
    if text.contains("Resources exhausted") {
        return (
            "it needs more memory than a question may use".into(),
            Some("narrow the time range, group earlier, or select fewer columns".into()),
        );
    }
    if text.contains("No space left") || text.contains(aside::TOO_MANY) {
        return ("it needs more disk than a question may use".into(), Some("narrow the time range, or group earlier".into()));
    }
    (text.trim_start_matches("Execution error: ").trim_start_matches("Arrow error: ").into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_said_plainly() {
        let check = |text: &str, message: &str, remedy: &str| {
            let (said, to_do) = failure(text);
            assert_eq!(said, message, "{text}");
            assert!(to_do.unwrap_or_default().contains(remedy), "{text}");
        };
        check("Arrow error: Divide by zero error", "something is divided by zero", "nullif");
        check("Arrow error: Cast error: Cannot cast string 'abc' to value of Int64 type", "`abc` is no int", "TRY_CAST");
        check("Cast error: Cannot cast string 'soon' to value of Date32 type", "`soon` is no date", "2026-06-01");
        check(
            "Parser error: Error parsing timestamp from 'x': error parsing date",
            "`x` is no date or instant",
            "DATE".to_lowercase().as_str(),
        );
        check(
            "Resources exhausted: Failed to allocate additional 10 MB",
            "it needs more memory than a question may use",
            "narrow",
        );
        check(
            "Arrow error: IO error: rows put aside need more disk than 8192 MB",
            "it needs more disk than a question may use",
            "group earlier",
        );
        check("Execution error: kaplan_meier: -3 is no number of days", "kaplan_meier: -3 is no number of days", "");
    }
}
