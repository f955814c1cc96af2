//! An answer as a table: beneath each chart, and as a panel of its own.

use maud::{Markup, html};
use query::{Answer, Kind, Value};

use super::{
    Locale,
    chart::{self, ChartError},
    percent_encode, words,
};

/// More rows than this make a page slow to open; the CSV has them all.
pub const ROWS_MAX: usize = 1000;

/// The table; its first column links to `link`, a path in which `{column}` stands for that row's value. Without rows, `when_empty`.
pub fn draw(locale: &Locale, answer: &Answer, link: Option<&str>, when_empty: Option<&str>) -> Result<Markup, ChartError> {
    if let Some(link) = link {
        check_link(link, answer)?;
    }
    if answer.rows.is_empty() {
        return Ok(chart::empty(locale, when_empty));
    }
    let lang = locale.lang;
    let class = |kind: Kind| if is_number(kind) { "number" } else { "text" };
    Ok(html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        @for column in &answer.columns {
                            th scope="col" class=(class(column.kind)) { (column.label.get(lang.name())) }
                        }
                    }
                }
                tbody {
                    @for row in answer.rows.iter().take(ROWS_MAX) {
                        tr {
                            @for (index, (column, value)) in answer.columns.iter().zip(row).enumerate() {
                                td class={ (class(column.kind)) @if *value == Value::Null { " null" } } {
                                    @match (index, link) {
                                        (0, Some(link)) => { a href=(filled(link, answer, row)) { (locale.value(column.kind, value)) } },
                                        _ => { (locale.value(column.kind, value)) },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if answer.rows.len() > ROWS_MAX {
            p class="note" { (words::MORE_ROWS.fill(lang, &[&locale.count(ROWS_MAX as u64), &locale.count(answer.rows.len() as u64)])) }
        }
    })
}

/// The table folded beneath its chart.
pub fn twin(locale: &Locale, answer: &Answer, link: Option<&str>) -> Result<Markup, ChartError> {
    let table = draw(locale, answer, link, None)?;
    Ok(html! {
        details class="twin" {
            summary {
                (words::TABLE.get(locale.lang))
                span class="muted" { " " (words::ROWS.fill(locale.lang, &[&locale.count(answer.rows.len() as u64)])) }
            }
            (table)
        }
    })
}

pub fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Float | Kind::Rate | Kind::Money)
}

/// A link may only lead to a path of this site: a value of the data must not choose the host or the scheme.
fn check_link(link: &str, answer: &Answer) -> Result<(), ChartError> {
    let error = |why: String| ChartError::Link { link: link.into(), why };
    if !link.starts_with('/') || link.starts_with("//") || link.starts_with("/\\") {
        return Err(error("is not a path on this site".into()));
    }
    for part in link.split('{').skip(1) {
        let name = part.split_once('}').map(|(name, _)| name).ok_or_else(|| error("opens a `{` that is not closed".into()))?;
        if answer.column(name).is_none() {
            return Err(error(format!("names the column `{name}`, which the answer has not")));
        }
    }
    Ok(())
}

fn filled(link: &str, answer: &Answer, row: &[Value]) -> String {
    let mut parts = link.split('{');
    let mut href = parts.next().unwrap_or_default().to_string();
    for part in parts {
        if let Some((name, rest)) = part.split_once('}') {
            let value = answer.column(name).and_then(|column| row.get(column)).map(Value::plain).unwrap_or_default();
            href.push_str(&percent_encode(&value));
            href.push_str(rest);
        }
    }
    href
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::{answer, locale};
    use crate::pages::words::Lang;

    fn page(link: Option<&str>) -> Result<String, ChartError> {
        let answer = answer(
            &[("customer_id", Kind::Text), ("net", Kind::Money)],
            &[&[Value::Text("c 1&<x>".into()), Value::Float(1200.0)], &[Value::Text("c-2".into()), Value::Null]],
        );
        draw(&locale(Lang::Ja), &answer, link, None).map(|markup| markup.into_string())
    }

    #[test]
    fn the_first_column_links_with_encoded_values() {
        let table = page(Some("/d/customer?customer={customer_id}&v={net}")).unwrap();
        assert!(table.contains("href=\"/d/customer?customer=c%201%26%3Cx%3E&amp;v=1200\""), "{table}");
        assert!(table.contains("¥1,200") && table.contains("class=\"number null\""), "{table}");
    }

    #[test]
    fn a_link_that_leaves_the_site_is_refused() {
        let check = |link: &str| assert!(matches!(page(Some(link)), Err(ChartError::Link { .. })), "{link}");
        check("javascript:alert(1)");
        check("https://example.com/{customer_id}");
        check("//example.com");
        check("/d/{nothing}");
        check("/d/{customer_id");
    }
}
