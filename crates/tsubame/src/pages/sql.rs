//! The page on which analysts ask in SQL: the relations beside, the text with its parameters, and below the rows, a chart of them, or what
//! was wrong and where. It works without the script, which adds the keys one expects of an editor.

use maud::{Markup, html};
use query::{
    Answer,
    sql::{Relation, SqlError, sql_type},
};

use super::{
    Locale,
    chart::{self, Chart, ChartSpec},
    csrf_field, panel, table,
    words::{self, Word},
};

#[derive(Debug, Default)]
pub struct SqlPage<'a> {
    pub csrf: &'a str,
    pub relations: &'a [Relation],
    pub asked: Asked,
    pub outcome: Option<Outcome>,
    pub saved: Option<Saved>,
}

/// The form as it was filled in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    pub sql: String,
    /// The placeholders of the text, with what was typed for each.
    pub params: Vec<(String, String)>,
    pub as_of: String,
    pub as_happened: bool,
    pub chart: String,
    pub x: String,
    pub value: String,
    pub folder: String,
    pub name: String,
    pub title: String,
}

#[derive(Debug)]
pub enum Outcome {
    Rows { answer: Box<Answer>, ms: u64, cut: bool },
    Failed(SqlError),
}

#[derive(Debug)]
pub enum Saved {
    As { file: String },
    Refused { message: String, remedy: Option<String> },
}

/// Charts of any answer: others need more columns than a stranger's answer may have.
pub const CHARTS: [Chart; 2] = [Chart::Bar, Chart::Line];
pub const FOLDERS: [&str; 2] = ["segments", "reports"];

/// What stands in the editor of somebody who has not asked yet.
const EXAMPLE: &str = "SELECT status, count(*) AS orders, sum(net) AS net\nFROM orders\nGROUP BY status\nORDER BY net DESC";

pub fn draw(locale: &Locale, page: &SqlPage) -> Markup {
    let lang = locale.lang;
    html! {
        div class="sql-page" {
            (browser(locale, page.relations))
            div class="sql-main" {
                form class="card sql-form" method="post" action="/sql" {
                    (csrf_field(page.csrf))
                    (editor(locale, page))
                    (parameters(locale, &page.asked))
                    div class="sql-acts" {
                        button class="primary" type="submit" { (words::SQL_RUN.get(lang)) }
                        button type="submit" formaction="/sql/download?format=spreadsheet" { "↓ " (words::CSV.get(lang)) }
                        button type="submit" formaction="/sql/download?format=parquet" { "↓ Parquet" }
                        span class="muted sql-keys" { (words::SQL_KEYS.get(lang)) }
                    }
                    (save(locale, page))
                    (chart_choice(locale, page))
                }
                @match &page.outcome {
                    None => {},
                    Some(Outcome::Failed(error)) => { (failed(locale, &page.asked.sql, error)) },
                    Some(Outcome::Rows { answer, ms, cut }) => { (rows(locale, &page.asked, answer, *ms, *cut)) },
                }
            }
        }
        script src="/assets/sql.js" defer {}
    }
}

fn browser(locale: &Locale, relations: &[Relation]) -> Markup {
    let lang = locale.lang;
    html! {
        aside class="card sql-browser" aria-label=(words::SQL_TABLES.get(lang)) {
            h2 { (words::SQL_TABLES.get(lang)) }
            @for relation in relations {
                details {
                    summary { code { (relation.name) } }
                    p class="note" { strong { (relation.title) } " " (relation.description) }
                    ul class="sql-columns" {
                        @for column in &relation.columns {
                            li {
                                button class="quiet" type="button" data-insert=(column.name) { code { (column.name) } }
                                span class="muted" { (sql_type(column.kind).to_lowercase()) " · " (column.label.get(lang.name())) }
                                @if column.personal.is_some() {
                                    span class="badge" title=(words::SQL_MASKED_NOTE.get(lang)) { (words::SQL_MASKED.get(lang)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn editor(locale: &Locale, page: &SqlPage) -> Markup {
    let at = match &page.outcome {
        Some(Outcome::Failed(error)) => error.at,
        _ => None,
    };
    let text = if page.asked.sql.is_empty() { EXAMPLE } else { &page.asked.sql };
    let lines = text.lines().count().clamp(8, 30);
    html! {
        label class="sql-label" for="sql" { "SQL" }
        textarea id="sql" name="sql" rows=(lines) spellcheck="false" autocapitalize="off" autocomplete="off" autofocus
            data-example=[page.asked.sql.is_empty().then_some("")]
            aria-invalid=[at.map(|_| "true")] data-line=[at.map(|at| at.line)] data-column=[at.map(|at| at.column)]
            aria-describedby="sql-keys" { (text) }
        p id="sql-keys" class="note" { (words::SQL_NOTE.get(locale.lang)) }
    }
}

fn parameters(locale: &Locale, asked: &Asked) -> Markup {
    let lang = locale.lang;
    html! {
        div class="filters" {
            @for (name, value) in &asked.params {
                label { span { "$" (name) } input type="text" name={ "p." (name) } value=(value); }
            }
            label {
                span { (words::SQL_AS_OF.get(lang)) }
                input type="text" name="as_of" value=(asked.as_of) placeholder="2026-06-01" autocomplete="off";
            }
            label {
                span { (words::SQL_MODE.get(lang)) }
                select name="mode" {
                    option value="as_known" selected[!asked.as_happened] { (words::SQL_AS_KNOWN.get(lang)) }
                    option value="as_happened" selected[asked.as_happened] { (words::SQL_AS_HAPPENED.get(lang)) }
                }
            }
        }
    }
}

fn save(locale: &Locale, page: &SqlPage) -> Markup {
    let (lang, asked) = (locale.lang, &page.asked);
    let label = |folder: &str| match folder {
        "segments" => words::SQL_SEGMENT.get(lang),
        _ => words::SQL_REPORT.get(lang),
    };
    html! {
        details open[page.saved.is_some()] {
            summary { (words::SQL_SAVE.get(lang)) }
            div class="filters" data-enter="" {
                label {
                    span { (words::SQL_SAVE_AS.get(lang)) }
                    select name="folder" {
                        @for folder in FOLDERS { option value=(folder) selected[asked.folder == folder] { (label(folder)) } }
                    }
                }
                label {
                    span { (words::SQL_NAME.get(lang)) }
                    input type="text" name="name" value=(asked.name) placeholder="loyal_in_autumn" autocomplete="off";
                }
                label {
                    span { (words::SQL_TITLE.get(lang)) }
                    input type="text" name="title" value=(asked.title) autocomplete="off";
                }
                button type="submit" formaction="/sql/save" { (words::SQL_SAVE_NOW.get(lang)) }
            }
            @match &page.saved {
                None => {},
                Some(Saved::As { file }) => {
                    p class="sql-saved" role="status" { "✓ " (words::SQL_SAVED.fill(lang, &[file])) }
                },
                Some(Saved::Refused { message, remedy }) => {
                    div class="failed" role="alert" {
                        p { "⚠ " (message) }
                        @if let Some(remedy) = remedy { p { strong { (words::REMEDY.get(lang)) ": " } (remedy) } }
                    }
                },
            }
        }
    }
}

/// Which columns to draw, once there are some.
fn chart_choice(locale: &Locale, page: &SqlPage) -> Markup {
    let Some(Outcome::Rows { answer, .. }) = &page.outcome else { return html! {} };
    let (lang, asked) = (locale.lang, &page.asked);
    let numbers = answer.columns.iter().filter(|column| table::is_number(column.kind));
    let name = |chart: Chart| -> Word {
        match chart {
            Chart::Line => words::SQL_LINE,
            _ => words::SQL_BAR,
        }
    };
    html! {
        details open[!asked.chart.is_empty()] {
            summary { (words::SQL_CHART.get(lang)) }
            div class="filters" {
                label {
                    span { (words::SQL_CHART.get(lang)) }
                    select name="chart" {
                        option value="" { "–" }
                        @for chart in CHARTS { option value=(chart.name()) selected[asked.chart == chart.name()] { (name(chart).get(lang)) } }
                    }
                }
                label {
                    span { (words::SQL_ACROSS.get(lang)) }
                    select name="x" {
                        @for column in &answer.columns { option value=(column.name) selected[asked.x == column.name] { (column.name) } }
                    }
                }
                label {
                    span { (words::SQL_UP.get(lang)) }
                    select name="value" {
                        @for column in numbers { option value=(column.name) selected[asked.value == column.name] { (column.name) } }
                    }
                }
                button type="submit" { (words::SQL_DRAW.get(lang)) }
            }
        }
    }
}

fn rows(locale: &Locale, asked: &Asked, answer: &Answer, ms: u64, cut: bool) -> Markup {
    let lang = locale.lang;
    let count = locale.count(answer.rows.len() as u64);
    let drawn = drawn(locale, asked, answer);
    html! {
        section class="card" aria-labelledby="sql-rows" {
            header class="card-head" {
                h2 id="sql-rows" tabindex="-1" { (words::ROWS.fill(lang, &[&count])) }
                span class="muted" { (ms) " ms" }
            }
            @if cut { p class="note" role="status" { (words::SQL_CUT.fill(lang, &[&count])) } }
            @if let Some(chart) = drawn { (chart) }
            @if answer.rows.is_empty() { p class="muted" { (words::SQL_NO_ROWS.get(lang)) } }
            @else {
                @match table::draw(locale, answer, None, None) {
                    Ok(table) => { (table) },
                    Err(error) => { p { (error) } },
                }
            }
        }
    }
}

fn drawn(locale: &Locale, asked: &Asked, answer: &Answer) -> Option<Markup> {
    let chart = CHARTS.into_iter().find(|chart| chart.name() == asked.chart)?;
    let spec = ChartSpec {
        x: Some(&asked.x),
        value: Some(&asked.value),
        wide: true,
        ..ChartSpec::new("sql-chart", chart, &asked.value, locale)
    };
    Some(chart::draw(&spec, answer).unwrap_or_else(|error| {
        let remedy = Some(words::SQL_CHART_REMEDY.get(locale.lang).into());
        panel::failed(locale, &panel::PanelError { message: error.to_string(), remedy })
    }))
}

/// What was wrong, with the line it stands on.
fn failed(locale: &Locale, sql: &str, error: &SqlError) -> Markup {
    let lang = locale.lang;
    let marked = error.at.and_then(|at| Some((at, sql.lines().nth((at.line as usize).checked_sub(1)?)?)));
    html! {
        section class="card" {
            div class="failed" role="alert" {
                p class="failed-title" { "⚠ " (error.message.get(lang.name())) }
                @if let Some((at, line)) = marked {
                    p { (words::SQL_AT.fill(lang, &[&at.line.to_string(), &at.column.to_string()])) }
                    pre class="sql-mark" { code { (line) "\n" (caret(line, at.column)) } }
                }
                @if let Some(remedy) = &error.remedy {
                    p { strong { (words::REMEDY.get(lang)) ": " } (remedy.get(lang.name())) }
                }
            }
        }
    }
}

/// A pointer beneath a column, as wide a way in as the characters before it are.
fn caret(line: &str, column: u64) -> String {
    let before = line.chars().take((column as usize).saturating_sub(1));
    let pad: String = before
        .map(|c| {
            if c == '\t' {
                '\t'
            } else if c.is_ascii() {
                ' '
            } else {
                '\u{3000}'
            }
        })
        .collect();
    pad + "^"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{
        chart::tests::{answer, locale},
        words::Lang,
    };
    use query::{
        Kind, Value,
        sql::{Place, SqlErrorKind},
    };

    fn page(outcome: Outcome, chart: &str) -> String {
        let asked = Asked {
            sql: "SELECT\n  顧客, <b> FROM t".into(),
            params: vec![("days".into(), "\"30".into())],
            chart: chart.into(),
            x: "k".into(),
            value: "n".into(),
            ..Asked::default()
        };
        draw(&locale(Lang::Ja), &SqlPage { csrf: "t0ken", asked, outcome: Some(outcome), ..SqlPage::default() }).into_string()
    }

    #[test]
    fn an_error_marks_its_line() {
        let error = SqlError {
            at: Some(Place { line: 2, column: 7 }),
            ..SqlError::new(SqlErrorKind::UnknownColumn, "列がありません", "no column").with_remedy("直す", "mend it")
        };
        let html = page(Outcome::Failed(error), "");
        for part in [
            "data-line=\"2\"",
            "2行目の7文字目",
            "<code>  顧客, &lt;b&gt; FROM t\n  \u{3000}\u{3000}  ^</code>",
            "列がありません",
            "直す",
            "name=\"p.days\" value=\"&quot;30\"",
            "value=\"t0ken\"",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn rows_are_shown_and_drawn() {
        let rows = |cut| {
            let rows: [&[Value]; 2] = [&[Value::Text("<a>".into()), Value::Int(3)], &[Value::Text("b".into()), Value::Int(5)]];
            Outcome::Rows { answer: Box::new(answer(&[("k", Kind::Text), ("n", Kind::Int)], &rows)), ms: 12, cut }
        };
        let html = page(rows(true), "bar");
        for part in ["&lt;a&gt;", "<svg", "12 ms", "最初の2行"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<a>") && !page(rows(false), "").contains("<svg class=\"chart"));
    }
}
