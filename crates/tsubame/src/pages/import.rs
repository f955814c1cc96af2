//! Bringing a CSV of orders: drop it, check what we understood, import it, go and look.

use chrono::NaiveDate;
use maud::{Markup, html};
use model::{Money, Text};

use super::{Locale, csrf_field, percent_encode, words};

#[derive(Debug, Clone, Default)]
pub struct ImportStart<'a> {
    pub csrf: &'a str,
    pub size_mb_max: u64,
    /// What was wrong with the file tried before, with its remedy.
    pub problem: Option<(&'a str, Option<&'a str>)>,
}

#[derive(Debug, Clone, Default)]
pub struct ImportPreview {
    pub csrf: String,
    /// Under which the uploaded file waits on the server.
    pub upload: String,
    pub file_name: String,
    pub encoding: String,
    pub delimiter: String,
    pub columns: Vec<GuessedColumn>,
    /// What a column may mean: name and words. Empty: the mapping is shown but cannot be changed here.
    pub fields: Vec<(String, Text)>,
    /// First rows as they stand in the file, one text per column.
    pub rows: Vec<Vec<String>>,
    pub counts: Counts,
    /// Fields an import cannot do without and no column was found for. Not empty: nothing can be imported yet.
    pub missing: Vec<Text>,
    pub rejects: Vec<Reject>,
}

#[derive(Debug, Clone, Default)]
pub struct GuessedColumn {
    pub header: String,
    /// A name of [`ImportPreview::fields`].
    pub field: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// Its values are hidden on the page.
    pub is_personal: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub rows: u64,
    pub orders: u64,
    pub lines: u64,
    pub customers: u64,
    pub unreadable: u64,
    pub net: Option<Money>,
    pub first_day: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
}

#[derive(Debug, Clone, Default)]
pub struct Reject {
    pub line: u64,
    pub reason: String,
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct ImportResult {
    pub file_name: String,
    pub orders_new: u64,
    pub orders_known: u64,
    pub lines: u64,
    pub customers: u64,
    pub rejected: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
    pub rejects_href: Option<String>,
    /// Pages to look at: RFM, F2 cohorts.
    pub links: Vec<(Text, String)>,
}

/// Posts `file` to `/import/preview`.
pub fn start(locale: &Locale, start: &ImportStart) -> Markup {
    let lang = locale.lang;
    html! {
        section class="card import" {
            @if let Some((message, remedy)) = start.problem {
                div class="failed" role="alert" {
                    p { span aria-hidden="true" { "⚠ " } (message) }
                    @if let Some(remedy) = remedy { p { strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                }
            }
            form method="post" action="/import/preview" enctype="multipart/form-data" {
                (csrf_field(start.csrf))
                label class="drop" {
                    span class="drop-title" { (words::DROP_FILE.get(lang)) }
                    span class="note" { (words::DROP_HINT.fill(lang, &[&start.size_mb_max.to_string()])) }
                    input type="file" name="file" accept=".csv,.tsv,.tab,.txt,.ndjson,.jsonl,.json,.xlsx,.xlsm,.xls,.parquet,.gz,text/csv" required;
                }
                p { button class="primary" type="submit" { (words::PREVIEW.get(lang)) } }
            }
            p class="note" { (words::IMPORT_NOTHING_LOST.get(lang)) }
        }
    }
}

/// Posts `upload` to `/import/run`, or with `map_<index>` fields to `/import/preview` to check again.
pub fn preview(locale: &Locale, preview: &ImportPreview) -> Markup {
    let lang = locale.lang;
    let counts = &preview.counts;
    let period = match (counts.first_day, counts.last_day) {
        (Some(first), Some(last)) => words::BETWEEN.fill(lang, &[&locale.date(first), &locale.date(last)]),
        _ => "–".into(),
    };
    html! {
        @if !preview.missing.is_empty() {
            div class="failed" role="alert" {
                @let names: Vec<&str> = preview.missing.iter().map(|field| field.get(lang.name())).collect();
                p { span aria-hidden="true" { "⚠ " } (words::MISSING_FIELDS.fill(lang, &[&names.join(", ")])) }
            }
        }
        section class="card card-wide" {
            dl class="facts" {
                (fact(words::FILE.get(lang), &preview.file_name))
                (fact(words::ENCODING.get(lang), &preview.encoding))
                (fact(words::DELIMITER.get(lang), &preview.delimiter))
                (fact(words::PERIOD.get(lang), &period))
            }
            div class="kpis" {
                (tile(words::ORDERS.get(lang), &locale.count(counts.orders), false))
                (tile(words::ORDER_LINES.get(lang), &locale.count(counts.lines), false))
                (tile(words::CUSTOMERS.get(lang), &locale.count(counts.customers), false))
                @if let Some(net) = counts.net { (tile(words::NET_SALES.get(lang), &locale.money(net), false)) }
                (tile(words::UNREADABLE.get(lang), &locale.count(counts.unreadable), counts.unreadable > 0))
            }
            @if !preview.rejects.is_empty() { (reject_table(locale, &preview.rejects)) }
            form class="actions" method="post" action="/import/run" {
                (csrf_field(&preview.csrf))
                input type="hidden" name="upload" value=(preview.upload);
                @for (index, column) in preview.columns.iter().enumerate() {
                    input type="hidden" name={ "map_" (index) } value=(column.field.as_deref().unwrap_or_default());
                }
                button class="primary" type="submit" disabled[!preview.missing.is_empty() || counts.orders == 0] {
                    (words::IMPORT_NOW.fill(lang, &[&locale.count(counts.orders)]))
                }
                a href="/import" { (words::CHOOSE_OTHER.get(lang)) }
            }
        }
        section class="card card-wide" {
            h2 { (words::GUESSED_MAPPING.get(lang)) }
            form method="post" action="/import/preview" {
                (csrf_field(&preview.csrf))
                input type="hidden" name="upload" value=(preview.upload);
                div class="table-scroll" tabindex="0" {
                    table {
                        thead {
                            tr {
                                @for word in [words::COLUMN, words::FIELD, words::CONFIDENCE, words::SAMPLE] { th scope="col" { (word.get(lang)) } }
                            }
                        }
                        tbody {
                            @for (index, column) in preview.columns.iter().enumerate() { (mapping_row(locale, preview, index, column)) }
                        }
                    }
                }
                @if !preview.fields.is_empty() { p { button type="submit" { (words::UPDATE_PREVIEW.get(lang)) } } }
            }
        }
        section class="card card-wide" {
            h2 { (words::SAMPLE_ROWS.get(lang)) }
            div class="table-scroll" tabindex="0" {
                table {
                    thead { tr { @for column in &preview.columns { th scope="col" { (column.header) } } } }
                    tbody {
                        @for row in &preview.rows {
                            tr {
                                @for (cell, column) in row.iter().zip(&preview.columns) {
                                    td { (if column.is_personal { "•••" } else { cell }) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub fn result(locale: &Locale, result: &ImportResult) -> Markup {
    let lang = locale.lang;
    html! {
        section class="card card-wide" {
            p class="banner good" role="status" {
                span class="banner-icon" aria-hidden="true" { "✓" }
                strong { (words::IMPORTED.get(lang)) }
                " " (result.file_name)
            }
            div class="kpis" {
                (tile(words::NEW_ORDERS.get(lang), &locale.count(result.orders_new), false))
                (tile(words::KNOWN_ORDERS.get(lang), &locale.count(result.orders_known), false))
                (tile(words::ORDER_LINES.get(lang), &locale.count(result.lines), false))
                (tile(words::CUSTOMERS.get(lang), &locale.count(result.customers), false))
                (tile(words::REJECTED.get(lang), &locale.count(result.rejected), result.rejected > 0))
            }
            @if !result.links.is_empty() {
                p class="actions" {
                    (words::LOOK_AT.get(lang)) ": "
                    @for (title, href) in &result.links { a class="button" href=(href) { (title.get(lang.name())) } }
                }
            }
        }
        @if !result.rejects.is_empty() {
            section class="card card-wide" {
                h2 { (words::REJECTED.get(lang)) }
                (reject_table(locale, &result.rejects))
                @if let Some(href) = &result.rejects_href { p { a href=(href) { (words::ALL_REJECTS.get(lang)) } } }
            }
        }
    }
}

fn mapping_row(locale: &Locale, preview: &ImportPreview, index: usize, column: &GuessedColumn) -> Markup {
    let lang = locale.lang;
    let field_words = |name: &str| {
        preview
            .fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or(name.to_string(), |(_, words)| words.get(lang.name()).to_string())
    };
    let (class, word) = match column.confidence {
        _ if column.field.is_none() => ("muted", words::NOT_USED),
        sure if sure >= 0.9 => ("good", words::SURE),
        likely if likely >= 0.6 => ("unclear", words::LIKELY),
        _ => ("bad", words::DOUBTFUL),
    };
    let samples: Vec<&str> = preview
        .rows
        .iter()
        .filter_map(|row| row.get(index))
        .map(String::as_str)
        .filter(|cell| !cell.is_empty())
        .take(3)
        .collect();
    html! {
        tr {
            th scope="row" { (column.header) }
            td {
                @if preview.fields.is_empty() {
                    (column.field.as_deref().map_or_else(|| words::NOT_USED.get(lang).to_string(), field_words))
                } @else {
                    select name={ "map_" (index) } aria-label=(column.header) {
                        option value="" selected[column.field.is_none()] { (words::NOT_USED.get(lang)) }
                        @for (name, words) in &preview.fields {
                            option value=(name) selected[column.field.as_ref() == Some(name)] { (words.get(lang.name())) }
                        }
                    }
                }
            }
            td {
                span class={ "badge " (class) } {
                    (word.get(lang))
                    @if column.field.is_some() { " " (format!("{:.0}%", column.confidence * 100.0)) }
                }
            }
            td class="muted" { @if column.is_personal { (words::PERSONAL.get(lang)) } @else { (samples.join(" / ")) } }
        }
    }
}

fn reject_table(locale: &Locale, rejects: &[Reject]) -> Markup {
    let lang = locale.lang;
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" class="number" { (words::LINE.get(lang)) }
                        th scope="col" { (words::REASON.get(lang)) }
                        th scope="col" { (words::REMEDY.get(lang)) }
                    }
                }
                tbody {
                    @for reject in rejects {
                        tr {
                            td class="number" { (locale.count(reject.line)) }
                            td { (reject.reason) }
                            td { (reject.remedy.as_deref().unwrap_or("–")) }
                        }
                    }
                }
            }
        }
    }
}

fn tile(label: &str, value: &str, is_warning: bool) -> Markup {
    html! {
        div class={ "kpi" @if is_warning { " kpi-warning" } } {
            p class="kpi-label" { (label) }
            p class="kpi-value" { @if is_warning { span aria-hidden="true" { "⚠ " } } (value) }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// The path of a dashboard, for [`ImportResult::links`].
pub fn dashboard_href(stem: &str) -> String {
    format!("/d/{}", percent_encode(stem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::chart::tests::locale;
    use crate::pages::words::Lang;

    const EVIL: &str = "<script>\"x";

    fn shown() -> ImportPreview {
        let column = |header: &str, field: Option<&str>, confidence, is_personal| GuessedColumn {
            header: header.into(),
            field: field.map(String::from),
            confidence,
            is_personal,
        };
        ImportPreview {
            csrf: "t0ken".into(),
            upload: EVIL.into(),
            file_name: EVIL.into(),
            encoding: EVIL.into(),
            delimiter: ",".into(),
            columns: vec![
                column("受注番号", Some("order_id"), 0.98, false),
                column("メール", Some("email"), 0.7, true),
                column(EVIL, None, 0.0, false),
            ],
            fields: vec![("order_id".into(), Text::new("注文番号", "Order id")), ("email".into(), Text::new(EVIL, EVIL))],
            rows: vec![vec!["A-1".into(), "taro@example.jp".into(), EVIL.into()]],
            counts: Counts { rows: 10, orders: 1234, lines: 8, customers: 7, unreadable: 2, ..Counts::default() },
            missing: vec![],
            rejects: vec![Reject { line: 118, reason: EVIL.into(), remedy: Some(EVIL.into()) }],
        }
    }

    #[test]
    fn a_preview_says_what_was_understood_and_hides_people() {
        let check = |lang, parts: &[&str]| {
            let html = preview(&locale(lang), &shown()).into_string();
            for part in ["value=\"t0ken\"", "name=\"map_0\"", "value=\"order_id\" selected"].iter().chain(parts) {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("taro@") && !html.contains("<script"), "{html}");
        };
        check(Lang::Ja, &["1,234件の注文を取り込む", "確実 98%", "おそらく 70%", "使わない", "個人情報"]);
        check(Lang::En, &["Import 1,234 orders", "sure 98%", "not used"]);
    }

    #[test]
    fn nothing_can_be_imported_while_a_required_column_is_missing() {
        let html = preview(&locale(Lang::Ja), &ImportPreview { missing: vec![Text::new("注文日時", "Ordered at")], ..shown() })
            .into_string();
        assert!(html.contains("必要な列が見つかりません: 注文日時") && html.contains(" disabled"), "{html}");
    }

    #[test]
    fn a_result_counts_and_leads_on() {
        let done = ImportResult {
            file_name: EVIL.into(),
            orders_new: 1234,
            rejected: 1,
            rejects: shown().rejects,
            rejects_href: Some("/import/u1/rejects".into()),
            links: vec![(Text::new("RFM分析", "RFM"), dashboard_href("rfm"))],
            ..ImportResult::default()
        };
        for lang in [Lang::Ja, Lang::En] {
            let html = result(&locale(lang), &done).into_string();
            for part in ["1,234", "href=\"/d/rfm\"", "href=\"/import/u1/rejects\"", "118"] {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(!html.contains("<script"), "{html}");
        }
    }

    #[test]
    fn the_first_page_carries_the_token_and_the_problem() {
        let html = start(&locale(Lang::En), &ImportStart { csrf: "t0ken", size_mb_max: 50, problem: Some((EVIL, Some(EVIL))) })
            .into_string();
        assert!(html.contains("value=\"t0ken\"") && html.contains("up to 50 MB") && !html.contains("<script"), "{html}");
    }
}
