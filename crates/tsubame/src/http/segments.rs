//! Segments on pages: all of them, one, its members as a file, and a test on past nights.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{Datelike, NaiveDate, TimeDelta};
use futures::TryStreamExt;
use maud::{Markup, html};
use query::{
    Answer, Kind, ParamValue, Params, Query, Value,
    segment::{Explained, explain},
    sql::{OwnSql, SqlError, answer_of},
};

use super::{App, Shared, dashboards, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs::{
        back_test::{Asked, Report, back_test, column},
        identity,
        tick::Rows,
    },
    pages::{
        Lang,
        chart::{Chart, ChartSpec},
        csv,
        panel::{self, Content, PanelError},
        segments::{self as pages, Listed, Saved, Shown},
        table, words,
    },
    segments,
};

const WINDOW_DAYS: i64 = 30;
/// More are for the command line, which has no reader waiting.
const NIGHTS_MAX: i64 = 92;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/segments", get(list))
        .route("/segments/{name}", get(one))
        .route("/segments/{name}/members.csv", get(members))
        .route("/segments/{name}/back-test", get(test))
}

async fn list(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let desk = dashboards::desk(&app).await?;
    let answer = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        desk.ask("reports/segments_list", &Params::new()).await?
    };
    let rows = Rows::new(&answer);
    let row_of = |name: &str| (0..answer.rows.len()).find(|row| rows.text(*row, "segment").as_deref() == Some(name));
    let uses = segments::uses(&workspace)?;
    let mut listed = Vec::new();
    for (name, query) in workspace.library.segments() {
        let row = row_of(name);
        let count = |row: usize, column: &str| rows.int(row, column).ok().map(|count| count as u64);
        let saved = row.and_then(|row| {
            let change = (count(row, "nights")? > 1).then_some((count(row, "entered")?, count(row, "left")?));
            Some(Saved { as_of: rows.instant(row, "as_of").ok()?, members: count(row, "members")?, change })
        });
        listed.push(Listed {
            name: name.into(),
            title: segments::title(&workspace.library, query, lang.name()),
            saved,
            exported_at: row.and_then(|row| rows.instant(row, "exported_at").ok()),
            used_by: used_by(uses.get(name), lang),
        });
    }
    app.page(&visit, words::SEGMENTS.get(lang), pages::list(&visit.locale, &listed)).await
}

async fn one(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Path(name): Path<String>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let query = workspace.library.segment(&name).ok_or(Failed::NotFound)?;
    let desk = dashboards::desk(&app).await?;
    let params: Params = [("segment".to_string(), ParamValue::Text(name.clone()))].into();
    let mut cards = Vec::new();
    for (report, title, chart) in [
        ("reports/segment_size", words::SEGMENT_SIZE, Chart::Line),
        ("reports/segment_overlap", words::SEGMENT_OVERLAP, Chart::Table),
        ("reports/segment_sample", words::SEGMENT_SAMPLE, Chart::Table),
    ] {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        let mut answer = desk.ask(report, &params).await.map_err(said);
        if let Ok(answer) = &mut answer {
            mask(answer);
        }
        let id = report.trim_start_matches("reports/").to_string();
        let spec = ChartSpec {
            x: (chart == Chart::Line).then_some("night"),
            value: (chart == Chart::Line).then_some("members"),
            ..ChartSpec::new(&id, chart, title.get(lang), &visit.locale)
        };
        cards.push(card(spec, answer.as_ref()));
    }
    let customer = visit.param("customer").map(str::trim).unwrap_or_default();
    let explained = match customer {
        "" => None,
        customer => {
            let _permit = app.asking.acquire().await.expect("nobody closes it");
            let told = |fault: Fault| PanelError { message: fault.message, remedy: fault.remedy };
            let found = match identity::known_as(&workspace, customer).await {
                Ok(customer) => explain(&desk, query, &Params::new(), customer.as_str()).await.map_err(said),
                Err(fault) => Err(told(fault)),
            };
            Some(explanation(&visit, found))
        }
    };
    let uses = segments::uses(&workspace)?;
    let used_by = used_by(uses.get(name.as_str()), lang);
    let description = description(&app, query, lang);
    let zone = workspace.shop().timezone;
    // A window of the usual length is over by the last of these nights.
    let to = zone.day(workspace.now()) - TimeDelta::days(WINDOW_DAYS);
    let shown = Shown {
        name: &name,
        description: &description,
        used_by: &used_by,
        is_form: workspace.library.forms.contains_key(&query.name),
        sql: &query.sql,
        customer,
        explained,
        from: (to - TimeDelta::days(59)).to_string(),
        to: to.to_string(),
        window_days: WINDOW_DAYS,
        cards,
    };
    let title = segments::title(&workspace.library, query, lang.name());
    app.page(&visit, &title, pages::one(&visit.locale, &shown)).await
}

/// Everybody in it now, with its columns as the door of SQL shows them: what tells of a person needs a grant there.
async fn members(State(app): Shared, Path(name): Path<String>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    workspace.library.segment(&name).ok_or(Failed::NotFound)?;
    let desk = dashboards::desk(&app).await?;
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let sql = format!("SELECT * FROM segment.\"{name}\"");
    let failed = |error: SqlError| Failed::bad_as_said(&error.message.en, error.remedy.as_ref().map(|remedy| remedy.en.as_str()));
    let asked = desk.ask_own(&OwnSql { sql, params: Vec::new(), personal: false }).await.map_err(failed)?;
    let schema = asked.schema.clone();
    let batches: Vec<_> = asked.batches.try_collect().await.map_err(failed)?;
    let answer = answer_of(&schema, &batches).map_err(failed)?;
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.csv\"")),
    ];
    Ok((headers, csv::csv(&answer)).into_response())
}

async fn test(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Path(name): Path<String>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let query = workspace.library.segment(&name).ok_or(Failed::NotFound)?;
    let day = |name: &str| {
        visit.param(name).and_then(|text| text.parse::<NaiveDate>().ok()).filter(|day| (1970..=2999).contains(&day.year()))
    };
    let window_days = visit.param("window").map_or(Some(WINDOW_DAYS), |text| text.parse().ok());
    let (Some(from), Some(to), Some(window_days)) = (day("from"), day("to"), window_days) else {
        return Err(Failed::bad_with(
            "期間か日数が読み取れません。",
            "The nights or the days cannot be read.",
            "日付は2026-06-01の形で、日数は整数で入力してください。",
            "Write dates as 2026-06-01 and days as a whole number.",
        ));
    };
    if (to - from).num_days() >= NIGHTS_MAX {
        return Err(Failed::bad_with(
            &format!("ページでは{NIGHTS_MAX}夜までです。"),
            &format!("A page tests up to {NIGHTS_MAX} nights."),
            "期間を短くするか、コマンド `tsubame segment back-test` を使ってください。",
            "Choose fewer, or use the command `tsubame segment back-test`.",
        ));
    }
    let asked =
        Asked { segment: name.clone(), params: Params::new(), from, to, window_days, as_happened: true, overlaps_all: false };
    let report = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        back_test(&workspace, &asked, &|| {}).await.map_err(|fault| bad(&fault))?
    };
    let shown = Shown {
        name: &name,
        from: from.to_string(),
        to: to.to_string(),
        window_days,
        cards: report_cards(&app, &visit, &report),
        ..Shown::default()
    };
    let title = format!("{}: {}", words::SEGMENT_BACK_TEST.get(lang), segments::title(&workspace.library, query, lang.name()));
    Ok(app.page(&visit, &title, pages::back_test(&visit.locale, &shown)).await?.into_response())
}

fn report_cards(app: &App, visit: &Visit, report: &Report) -> Vec<Markup> {
    let locale = &visit.locale;
    let words = |word: words::Word| word.get(locale.lang);
    let spec = |id, chart, word| ChartSpec::new(id, chart, words(word), locale);
    let (size, outcome) = (sizes(app, report, locale.lang), outcome(report, locale.lang));
    let lines = ChartSpec {
        x: Some("night"),
        value: Some("members"),
        series: Some("reading"),
        wide: true,
        ..spec("size", Chart::Line, words::SEGMENT_SIZE)
    };
    vec![
        card(spec("outcome", Chart::Table, words::SEGMENT_OUTCOME), Ok(&outcome)),
        card(lines, Ok(&size)),
        card(spec("overlap", Chart::Table, words::SEGMENT_OVERLAP), Ok(&report.overlaps_table())),
        card(ChartSpec { wide: true, ..spec("nights", Chart::Table, words::SEGMENT_NIGHTS) }, Ok(&report.nights_table())),
    ]
}

/// A line for what was known, and one for what had happened.
fn sizes(app: &App, report: &Report, lang: Lang) -> Answer {
    let workspace = app.workspace();
    let zone = workspace.shop().timezone;
    let columns = vec![
        column("night", Kind::Date, "日付", "Night"),
        column("reading", Kind::Text, "読み方", "Reading"),
        column("members", Kind::Int, "人数", "Members"),
    ];
    let mut rows = Vec::new();
    for night in &report.nights {
        let mut row = |reading: words::Word, members: u64| {
            rows.push(vec![
                Value::Date(zone.day(night.as_of)),
                Value::Text(reading.get(lang).into()),
                Value::Int(members as i64),
            ]);
        };
        row(words::SEGMENT_AS_KNOWN, night.members);
        if let Some(late) = night.late {
            row(words::SEGMENT_AS_HAPPENED, late.members);
        }
    }
    Answer { columns, rows }
}

fn outcome(report: &Report, lang: Lang) -> Answer {
    let mut answer = report.outcome_table();
    for (row, word) in answer.rows.iter_mut().zip([words::SEGMENT_IN, words::SEGMENT_OTHERS]) {
        row[0] = Value::Text(word.get(lang).into());
    }
    answer
}

fn card(spec: ChartSpec, answer: Result<&Answer, &PanelError>) -> Markup {
    let content = match answer {
        Ok(answer) => Content::Answer(answer),
        Err(error) => Content::Failed(error.clone()),
    };
    panel::draw(&panel::Panel { spec, description: None, link: None, csv_href: None, sql: None, content })
}

fn explanation(visit: &Visit, found: Result<Explained, PanelError>) -> Markup {
    let (locale, lang) = (&visit.locale, visit.locale.lang);
    let explained = match found {
        Ok(explained) => explained,
        Err(error) => return panel::failed(locale, &error),
    };
    let verdict = if explained.is_member { words::SEGMENT_IS_IN } else { words::SEGMENT_IS_OUT };
    let drawn = table::draw(locale, &segments::explained(&explained), None, None);
    html! {
        p role="status" { strong { (verdict.get(lang)) } }
        @if explained.clauses.is_none() { p class="note" { (words::SEGMENT_NOT_ONE_CONDITION.get(lang)) } }
        @match drawn {
            Ok(table) => { (table) },
            Err(error) => { (panel::failed(locale, &PanelError { message: error.to_string(), remedy: None })) },
        }
    }
}

fn mask(answer: &mut Answer) {
    let Some(column) = answer.column("customer_id") else { return };
    for row in &mut answer.rows {
        if let Value::Text(id) = &row[column] {
            row[column] = Value::Text(pages::masked(id));
        }
    }
}

fn used_by(uses: Option<&segments::Uses>, lang: Lang) -> Vec<String> {
    let Some(uses) = uses else { return Vec::new() };
    let of = |word: words::Word, names: &[String]| names.iter().map(|name| word.fill(lang, &[name])).collect::<Vec<_>>();
    [
        of(words::SEGMENT_USED_SCENARIO, &uses.scenarios),
        of(words::SEGMENT_USED_EXPORT, &uses.exports),
        of(words::SEGMENT_USED_SEGMENT, &uses.segments),
    ]
    .concat()
}

/// What it says of itself; in the other language where it says nothing in the reader's.
fn description(app: &App, query: &Query, lang: Lang) -> String {
    let workspace = app.workspace();
    let form = workspace.library.forms.get(&query.name);
    form.map_or_else(|| query.header.descriptions(), |form| form.description.clone()).get(lang.name()).to_string()
}

fn said(error: query::QueryError) -> PanelError {
    let fault = Fault::from(error);
    PanelError { message: fault.message, remedy: fault.remedy }
}

/// What the reader can do something about is told; the rest is logged.
fn bad(fault: &Fault) -> Failed {
    match fault.exit {
        Exit::Config | Exit::Data => Failed::bad_as_said(&fault.message, fault.remedy.as_deref()),
        _ => Failed::Internal { cause: fault.to_string().into() },
    }
}
