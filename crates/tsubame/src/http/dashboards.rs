//! The pages of `dashboards/*.toml`: their parameters come from the URL and are bound by value; their panels are asked together on one
//! desk, so that all numbers of a page are of the same moment.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use chrono::Datelike;
use maud::{Markup, html};
use model::{Experiment, Remedy, Scenario, Text};
use query::{
    Answer, Column, Dashboard, Desk, Limits, Mode, Panel, Param, ParamKind, ParamValue, Params, Query, QueryError, ReadoutKind,
    Value,
};
use state::Role;

use super::{
    App, Shared,
    errors::{Failed, incident},
    memory::Stand,
    visit::Visit,
};
use crate::{
    analysis,
    fault::Fault,
    pages::{
        Lang,
        chart::{Chart, ChartSpec},
        csv,
        dashboard::{self, Filter, FilterKind},
        panel::{self, Content, PanelError},
        percent_encode, readout as drawn_readout, test_report, words,
    },
    readout,
};

/// What one panel may use. It stops before its page does, so that the other panels are still seen.
const PANEL_TIME_MAX: Duration = Duration::from_secs(45);
const PANEL_BYTES_MAX: usize = 512 << 20;
const PANEL_ROWS_MAX: usize = 1_000_000;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(first)).route("/d/{name}", get(page)).route("/d/{name}/{file}", get(panel_csv))
}

pub fn href(name: &str) -> String {
    format!("/d/{}", percent_encode(name))
}

/// The first page of the navigation.
async fn first(State(app): Shared) -> Result<Redirect, Failed> {
    super::navigation(&app.workspace()).first().map(|item| Redirect::to(&item.href)).ok_or(Failed::NotFound)
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Path(name): Path<String>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let dashboard = workspace.library.dashboards.get(&name).ok_or(Failed::NotFound)?;
    let given = Given::read(&app, &visit, dashboard);
    let answers = answers(&app, dashboard, &given).await?;
    let cards: Vec<Markup> = dashboard
        .panels
        .iter()
        .zip(answers.iter())
        .enumerate()
        .map(|(index, (panel, answer))| card(&app, &visit, &given, dashboard, index, panel, answer))
        .collect();
    let lang = visit.locale.lang.name();
    let intro = Some(dashboard.intro.get(lang)).filter(|intro| !intro.is_empty());
    let body = dashboard::draw(&visit.locale, intro, &given.filters(&app, &visit, dashboard), &cards);
    app.page(&visit, dashboard.title.get(lang), body).await
}

/// What the marks of a panel carry, as a file.
async fn panel_csv(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let dashboard = workspace.library.dashboards.get(&name).ok_or(Failed::NotFound)?;
    let index: usize = file.strip_suffix(".csv").and_then(|index| index.parse().ok()).ok_or(Failed::NotFound)?;
    let panel = dashboard.panels.get(index).ok_or(Failed::NotFound)?;
    let given = Given::read(&app, &visit, dashboard);
    let stand = Stand::of(&app).await?;
    let answer = match app.read_pages.find(&key(dashboard, &given), &stand) {
        Some(answers) => rows(&answers[index])?,
        None => rows(&ask(&app, &stand, &desk(&app).await?, &given, panel).await)?,
    };
    let names: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{names}-{index}.csv\"")),
    ];
    Ok((headers, csv::csv(&answer)).into_response())
}

/// One view of everything that is known now, under the limits of a page.
pub(super) async fn desk(app: &App) -> Result<Desk, Fault> {
    let workspace = app.workspace();
    let mut desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    desk.limits = Limits { memory_bytes: PANEL_BYTES_MAX, time: PANEL_TIME_MAX, rows: PANEL_ROWS_MAX, ..desk.limits };
    Ok(desk)
}

/// Of a page's panels, in their order.
pub(super) type Answers = Vec<Result<Asked, PanelError>>;

/// Every panel, asked on one desk. A page with a read-out is remembered: it is what takes long, and is looked at again and again.
async fn answers(app: &App, dashboard: &Dashboard, given: &Given) -> Result<Arc<Answers>, Failed> {
    let is_remembered = dashboard.panels.iter().any(|panel| panel.readout.is_some());
    let stand = Stand::of(app).await?;
    let key = key(dashboard, given);
    if let Some(answers) = app.read_pages.find(&key, &stand).filter(|_| is_remembered) {
        return Ok(answers);
    }
    let desk = desk(app).await?;
    let asked = dashboard.panels.iter().map(|panel| ask(app, &stand, &desk, given, panel));
    let answers = Arc::new(futures::future::join_all(asked).await);
    if is_remembered && answers.iter().all(Result::is_ok) {
        app.read_pages.keep(key, stand, answers.clone());
    }
    Ok(answers)
}

/// What was asked for.
fn key(dashboard: &Dashboard, given: &Given) -> String {
    serde_json::to_string(&(&dashboard.name, given.lang.name(), &given.values)).expect("texts are plain JSON")
}

fn rows(answer: &Result<Asked, PanelError>) -> Result<Answer, Failed> {
    match answer {
        Ok(Asked::Rows(answer)) => Ok(answer.clone()),
        Ok(Asked::Scenario(view)) => Ok(view.table()),
        Ok(Asked::Experiment(view)) => Ok(view.table()),
        Ok(Asked::Test(report)) => Ok(report.table()),
        Err(error) => Err(Failed::bad_as_said(&error.message, error.remedy.as_deref())),
    }
}

/// A read-out of a test, as it was worked out last if that still holds.
pub(super) async fn report(app: &App, stand: &Stand, desk: &Desk, test: &Experiment) -> Result<Arc<analysis::Report>, Fault> {
    let key = serde_json::to_string(&(&test.experiment, &test.version)).expect("texts are plain JSON");
    if let Some(report) = app.reports.find(&key, stand) {
        return Ok(report);
    }
    let report = Arc::new(analysis::report(desk, test).await?);
    app.reports.keep(key, stand.clone(), report.clone());
    Ok(report)
}

/// What a panel was answered.
pub(super) enum Asked {
    Rows(Answer),
    Scenario(Box<readout::ScenarioView>),
    Experiment(Box<readout::ExperimentView>),
    /// Of `experiments/`.
    Test(Arc<analysis::Report>),
}

async fn ask(app: &App, stand: &Stand, desk: &Desk, given: &Given, panel: &Panel) -> Result<Asked, PanelError> {
    let lang = given.lang;
    let workspace = &app.workspace();
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    match panel.readout {
        Some(ReadoutKind::Scenario) => {
            let name = given.value("scenario").unwrap_or_default();
            let Some(scenario) = workspace.files.scenarios.iter().find(|scenario| scenario.scenario == name) else {
                return Err(unknown_scenario(lang, name));
            };
            let view = readout::scenario(desk, workspace.shop(), scenario).await.map_err(|fault| logged(lang, &fault))?;
            Ok(Asked::Scenario(Box::new(view)))
        }
        Some(ReadoutKind::Experiment) => {
            let name = given.value("experiment").unwrap_or_default();
            if let Some(test) = app.experiments.serving.now().experiment(name) {
                return Ok(Asked::Test(report(app, stand, desk, test).await.map_err(|fault| logged(lang, &fault))?));
            }
            if is_holdout(app, name) {
                let view = readout::holdout(desk, workspace.shop(), readout::HOLDOUT_DAYS).await;
                return Ok(Asked::Experiment(Box::new(view.map_err(|fault| logged(lang, &fault))?)));
            }
            if readout::find(&workspace.files.scenarios, name).is_none() {
                return Err(unknown_experiment(lang, name));
            }
            let view = readout::experiment(desk, &workspace.files.scenarios, name).await.map_err(|fault| logged(lang, &fault))?;
            Ok(Asked::Experiment(Box::new(view)))
        }
        None => {
            let query = desk.query(&panel.query).map_err(|error| query_error(lang, error))?;
            let params = given.params(panel, query)?;
            let answer = desk.ask(&query.name, &params).await.map_err(|error| query_error(lang, error))?;
            Ok(Asked::Rows(in_language(answer, lang)))
        }
    }
}

fn card(
    app: &App,
    visit: &Visit,
    given: &Given,
    dashboard: &Dashboard,
    index: usize,
    panel: &Panel,
    answer: &Result<Asked, PanelError>,
) -> Markup {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let id = format!("p{index}");
    let query = workspace.library.find(&panel.query);
    let title = match (panel.title.get(lang.name()), query) {
        ("", Some(query)) => query.header.title.as_str(),
        ("", None) => dashboard.title.get(lang.name()),
        (title, _) => title,
    };
    // A query describes itself in English; the panel's own words come first.
    let description = match (panel.note.get(lang.name()), lang, query) {
        ("", Lang::En, Some(query)) => Some(query.header.description.as_str()).filter(|text| !text.is_empty()),
        ("", ..) => None,
        (note, ..) => Some(note),
    };
    fn role(name: &str) -> Option<&str> {
        Some(name).filter(|name| !name.is_empty())
    }
    let spec = ChartSpec {
        x: role(&panel.x),
        y: role(&panel.y),
        series: role(&panel.series),
        value: role(&panel.value),
        low: role(&panel.low),
        high: role(&panel.high),
        hatch_when: role(&panel.hatch_when),
        wide: panel.wide,
        when_empty: role(panel.empty.get(lang.name())),
        ..ChartSpec::new(&id, Chart::parse(&panel.chart).unwrap_or(Chart::Table), title, &visit.locale)
    };
    let content = match answer {
        Ok(Asked::Rows(answer)) => Content::Answer(answer),
        Ok(Asked::Scenario(view)) => Content::Drawn(drawn_readout::scenario(&visit.locale, &view.value)),
        Ok(Asked::Experiment(view)) => Content::Drawn(drawn_readout::experiment(&visit.locale, &view.readout)),
        Ok(Asked::Test(report)) => Content::Drawn(html! {
            (test_report::draw(&visit.locale, report))
            @if visit.session.as_ref().is_some_and(|session| session.account.role >= Role::Analyst) {
                p class="note" {
                    a href={ "/readouts/share?experiment=" (percent_encode(&report.experiment)) } { (words::SHARE.get(lang)) }
                }
            }
        }),
        Err(error) => Content::Failed(error.clone()),
    };
    let csv_href = format!("{}/{index}.csv?{}", href(&dashboard.name), given.query_string());
    let sql = sql_behind(app, panel, answer);
    panel::draw(&panel::Panel {
        spec,
        description,
        link: panel.link.as_deref(),
        csv_href: answer.is_ok().then_some(csv_href.as_str()),
        sql: sql.as_deref(),
        content,
    })
}

/// The text that was run; of a read-out all that it asked.
fn sql_behind(app: &App, panel: &Panel, answer: &Result<Asked, PanelError>) -> Option<String> {
    let workspace = app.workspace();
    let library = &workspace.library;
    if let Ok(Asked::Test(report)) = answer {
        let texts: Vec<&str> =
            report.queries.keys().filter_map(|name| library.find(name)).map(|query| query.sql.trim_end()).collect();
        return Some(texts.join("\n\n"));
    }
    let exposed = match panel.readout {
        None => return library.find(&panel.query).map(|query| query.sql.clone()),
        Some(ReadoutKind::Scenario) => "system/exposed_scenario",
        Some(ReadoutKind::Experiment) => "system/exposed_experiment",
    };
    let names = [exposed, "metrics/conversion", "metrics/net_revenue", "system/moments"];
    let texts: Vec<&str> = names.iter().filter_map(|name| library.find(name)).map(|query| query.sql.trim_end()).collect();
    Some(texts.join("\n\n"))
}

/// The parameters of a page: those of the URL, and those that follow from them.
struct Given {
    lang: Lang,
    values: Vec<(String, String)>,
    within_seconds: Option<i64>,
    model: String,
}

impl Given {
    fn read(app: &App, visit: &Visit, dashboard: &Dashboard) -> Given {
        let workspace = &app.workspace();
        let mut values: Vec<(String, String)> = visit.query.iter().filter(|(name, _)| name != "lang").cloned().collect();
        // A page about one scenario, experiment or segment opens with the first.
        let names = names_needed(app, dashboard);
        for (name, choices) in
            [("scenario", scenario_names(app)), ("experiment", experiment_names(app)), ("segment", segment_names(app))]
        {
            let is_given = values.iter().any(|(known, value)| known == name && !value.is_empty());
            if !is_given
                && names.iter().any(|needed| needed == name)
                && let Some((first, _)) = choices.into_iter().next()
            {
                values.retain(|(known, _)| known != name);
                values.push((name.into(), first));
            }
        }
        let mut given = Given {
            lang: visit.locale.lang,
            values,
            within_seconds: None,
            model: workspace.shop().attribution.default_model.clone(),
        };
        let scenario: Option<&Scenario> = match (given.value("scenario"), given.value("experiment")) {
            (Some(name), _) => workspace.files.scenarios.iter().find(|scenario| scenario.scenario == name),
            (None, Some(name)) => readout::find(&workspace.files.scenarios, name).map(|(scenario, _)| scenario),
            (None, None) => None,
        };
        given.within_seconds = scenario.map(|scenario| scenario.goal.within.0.num_seconds());
        if given.value("experiment").is_some_and(|name| is_holdout(app, name)) {
            given.within_seconds = Some(readout::HOLDOUT_DAYS * 86_400);
        }
        given
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The values that a panel's query declares, typed. A value that is not of its type is the panel's error.
    fn params(&self, panel: &Panel, query: &Query) -> Result<Params, PanelError> {
        let mut params = Params::new();
        for param in &query.header.params {
            let raw = match panel.params.get(&param.name) {
                Some(toml::Value::String(text)) => Some(text.clone()),
                Some(fixed) => Some(fixed.to_string()),
                // An empty field of the form is a field not filled in.
                None => self.value(&param.name).map(str::trim).filter(|raw| !raw.is_empty()).map(String::from),
            };
            let value = match raw {
                Some(raw) => param.kind.read(&raw).ok_or_else(|| wrong_value(self.lang, param, &raw))?,
                None => match (param.name.as_str(), param.kind, self.within_seconds) {
                    ("within_seconds", ParamKind::Int, Some(seconds)) => ParamValue::Int(seconds),
                    ("model", ParamKind::Text, _) => ParamValue::Text(self.model.clone()),
                    _ if param.default.is_none() => return Err(missing_value(self.lang, param)),
                    _ => continue,
                },
            };
            params.insert(param.name.clone(), value);
        }
        Ok(params)
    }

    /// A field for each parameter that the page's queries take and no panel fixes.
    fn filters(&self, app: &App, visit: &Visit, dashboard: &Dashboard) -> Vec<Filter> {
        let workspace = app.workspace();
        let mut filters: Vec<Filter> = Vec::new();
        let mut add = |name: &str, kind: ParamKind, default: Option<&ParamValue>, words: &Text| {
            if name == "within_seconds" || filters.iter().any(|filter| filter.name == name) {
                return;
            }
            let default = match default {
                _ if name == "model" => self.model.clone(),
                // The ends of time stand for "no limit": an empty field says it better.
                Some(ParamValue::Date(day)) if !(1990..2100).contains(&day.year()) => String::new(),
                default => default.map(ParamValue::plain).unwrap_or_default(),
            };
            let value = self.value(name).filter(|value| !value.is_empty()).map_or(default, String::from);
            let kind = match choices(app, visit.locale.lang, name) {
                Some(mut choices) => {
                    if !choices.iter().any(|(known, _)| *known == value) {
                        choices.insert(0, (value.clone(), value.clone()));
                    }
                    FilterKind::Choice(choices)
                }
                None => match kind {
                    ParamKind::Int | ParamKind::Float | ParamKind::Money => FilterKind::Number,
                    ParamKind::Date => FilterKind::Date,
                    ParamKind::Bool => FilterKind::Choice(["true", "false"].map(|word| (word.into(), word.into())).into()),
                    ParamKind::Text | ParamKind::Instant => FilterKind::Text,
                },
            };
            filters.push(Filter { name: name.into(), label: label(visit.locale.lang, name, words), kind, value });
        };
        for panel in &dashboard.panels {
            match panel.readout {
                Some(ReadoutKind::Scenario) => add("scenario", ParamKind::Text, None, &Text::default()),
                Some(ReadoutKind::Experiment) => add("experiment", ParamKind::Text, None, &Text::default()),
                None => {
                    let query = workspace.library.find(&panel.query);
                    let free = query
                        .iter()
                        .flat_map(|query| &query.header.params)
                        .filter(|param| !panel.params.contains_key(&param.name));
                    free.for_each(|param| add(&param.name, param.kind, param.default.as_ref(), &param.label));
                }
            }
        }
        filters
    }

    /// The same page again, with everything that was filled in.
    fn query_string(&self) -> String {
        let mut parts: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
        parts.push(format!("lang={}", self.lang.name()));
        parts.join("&")
    }
}

fn names_needed(app: &App, dashboard: &Dashboard) -> Vec<String> {
    let workspace = app.workspace();
    let mut names = Vec::new();
    for panel in &dashboard.panels {
        match panel.readout {
            Some(ReadoutKind::Scenario) => names.push("scenario".to_string()),
            Some(ReadoutKind::Experiment) => names.push("experiment".to_string()),
            None => {
                let query = workspace.library.find(&panel.query);
                let needed = query.iter().flat_map(|query| &query.header.params).filter(|param| param.default.is_none());
                names.extend(needed.map(|param| param.name.clone()));
            }
        }
    }
    names
}

/// Value and words of what a parameter may be, where there are only so many.
fn choices(app: &App, lang: Lang, name: &str) -> Option<Vec<(String, String)>> {
    let of = |known: Vec<(String, Text)>| {
        let shown = known.into_iter().map(|(value, words)| {
            let words = Some(words.get(lang.name())).filter(|words| !words.is_empty()).map_or(value.clone(), String::from);
            (value, words)
        });
        Some(shown.collect())
    };
    match name {
        "scenario" => of(scenario_names(app)),
        "experiment" => of(experiment_names(app)),
        "segment" => of(segment_names(app)),
        "method" => of(vec![
            ("thresholds".into(), Text::new("しきい値", "By thresholds")),
            ("percent_rank".into(), Text::new("順位（同値は同点）", "By rank, equals alike")),
            ("ntile".into(), Text::new("五等分", "Fifths of equal size")),
        ]),
        "model" => of(decide::attribution::MODELS
            .iter()
            .map(|model| (model.name().to_string(), readout::model_words(model.name())))
            .collect()),
        _ => None,
    }
}

fn scenario_names(app: &App) -> Vec<(String, Text)> {
    let workspace = app.workspace();
    workspace.files.scenarios.iter().map(|scenario| (scenario.scenario.clone(), scenario.title.clone())).collect()
}

/// The shop's own holdout is read out as a test by the name of its salt.
fn is_holdout(app: &App, name: &str) -> bool {
    app.workspace().shop().holdout.as_ref().is_some_and(|holdout| holdout.salt == name)
}

fn experiment_names(app: &App) -> Vec<(String, Text)> {
    let workspace = app.workspace();
    let served = app.experiments.serving.now();
    let holdout = workspace.shop().holdout.iter();
    let holdout = holdout.map(|holdout| (holdout.salt.clone(), Text::new("ショップ全体のホールドアウト", "The shop's holdout")));
    let tests = served.experiments.iter().map(|test| (test.experiment.clone(), test.title.clone()));
    let messages =
        readout::experiments(&workspace.files.scenarios).into_iter().map(|(_, test)| (test.name.clone(), Text::default()));
    messages.chain(tests).chain(holdout).collect()
}

/// The exported segments first: they have audiences.
fn segment_names(app: &App) -> Vec<(String, Text)> {
    let workspace = app.workspace();
    let exported = workspace.shop().exports.iter().map(|export| export.segment.clone());
    let all = workspace.library.queries.keys().filter_map(|name| name.strip_prefix("segments/")).map(String::from);
    let mut names: Vec<String> = Vec::new();
    for name in exported.chain(all) {
        let name = name.strip_prefix("segments/").map(String::from).unwrap_or(name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let titles = |name: String| {
        let words = workspace.library.find(&format!("segments/{name}")).map(|query| query.header.titles());
        (name, words.unwrap_or_default())
    };
    names.into_iter().map(titles).collect()
}

/// What a parameter is called on a page: as its query says, or as such parameters are called; else it goes by its name.
fn label(lang: Lang, name: &str, words: &Text) -> String {
    let words = words.get(lang.name());
    if !words.is_empty() {
        return words.into();
    }
    let known = match name {
        "scenario" => ("シナリオ", "Scenario"),
        "experiment" => ("実験", "Experiment"),
        "segment" => ("セグメント", "Segment"),
        "customer" => ("会員ID", "Customer id"),
        "q" => ("会員IDの先頭", "Customer id starts with"),
        "model" => ("貢献モデル", "Attribution model"),
        "days" => ("日数", "Days"),
        "from" => ("開始日", "From"),
        "to" => ("終了日", "To"),
        "arm" => ("グループ", "Arm"),
        "months" => ("月数", "Months"),
        "method" => ("評価方法", "Scoring"),
        "margin" => ("粗利率", "Margin"),
        "discount" => ("割引率（月）", "Discount per month"),
        "product" => ("商品ID", "Product id"),
        "category" => ("カテゴリ", "Category"),
        "rows" | "limit" | "top" => ("行数", "Rows"),
        name => return name.into(),
    };
    Text::new(known.0, known.1).get(lang.name()).into()
}

/// One column per meaning in the reader's language: `reason` has the words of `reason_ja`; `what_ja` and `what_en` alone become `what`.
pub(super) fn in_language(answer: Answer, lang: Lang) -> Answer {
    let base_of = |column: &Column| {
        let base = column.name.strip_suffix("_ja").or_else(|| column.name.strip_suffix("_en"))?;
        let has = |suffix: &str| answer.column(&format!("{base}_{suffix}"));
        has("ja").zip(has("en")).map(|(ja, en)| (base.to_string(), ja, en))
    };
    // For each column to show: its description, where its words are, and where its value is if it has no words.
    let mut plan: Vec<(Column, usize, Option<usize>)> = Vec::new();
    for (index, column) in answer.columns.iter().enumerate() {
        let words = |ja, en| if lang == Lang::Ja { ja } else { en };
        match base_of(column) {
            Some((base, ja, en)) => {
                let is_first = index == ja.min(en);
                if is_first && answer.column(&base).is_none() {
                    let label = Text {
                        ja: without_bracket(&answer.columns[ja].label.ja),
                        en: without_bracket(&answer.columns[en].label.en),
                    };
                    plan.push((Column { name: base, kind: column.kind, label }, words(ja, en), None));
                }
            }
            None => {
                let translated = answer.column(&format!("{}_ja", column.name)).zip(answer.column(&format!("{}_en", column.name)));
                match translated {
                    Some((ja, en)) => plan.push((column.clone(), words(ja, en), Some(index))),
                    None => plan.push((column.clone(), index, None)),
                }
            }
        }
    }
    if plan.len() == answer.columns.len() {
        return answer;
    }
    let cell = |row: &[Value], at: usize, otherwise: Option<usize>| match (&row[at], otherwise) {
        (Value::Null, Some(otherwise)) => row[otherwise].clone(),
        (Value::Text(text), Some(otherwise)) if text.is_empty() => row[otherwise].clone(),
        (value, _) => value.clone(),
    };
    let rows = answer.rows.iter().map(|row| plan.iter().map(|(_, at, otherwise)| cell(row, *at, *otherwise)).collect()).collect();
    Answer { rows, columns: plan.into_iter().map(|(column, ..)| column).collect() }
}

/// `内容（日本語）` and `What (English)` without their brackets.
fn without_bracket(label: &str) -> String {
    label.split(['（', '(']).next().unwrap_or(label).trim_end().into()
}

fn wrong_value(lang: Lang, param: &Param, raw: &str) -> PanelError {
    let name = label(lang, &param.name, &param.label);
    let kind = match (param.kind, lang) {
        (ParamKind::Int, Lang::Ja) => "整数",
        (ParamKind::Int, Lang::En) => "a whole number",
        (ParamKind::Float | ParamKind::Money, Lang::Ja) => "数値",
        (ParamKind::Float | ParamKind::Money, Lang::En) => "a number",
        (ParamKind::Date, Lang::Ja) => "2026-06-01 の形の日付",
        (ParamKind::Date, Lang::En) => "a date such as 2026-06-01",
        (ParamKind::Instant, Lang::Ja) => "2026-06-01T09:00:00+09:00 の形の日時",
        (ParamKind::Instant, Lang::En) => "a time such as 2026-06-01T09:00:00+09:00",
        (ParamKind::Bool, _) => "true / false",
        (ParamKind::Text, Lang::Ja) => "文字列",
        (ParamKind::Text, Lang::En) => "a text",
    };
    let (message, remedy) = match lang {
        Lang::Ja => (format!("「{name}」の値「{raw}」を読めません。"), format!("{kind}を入力してください。")),
        Lang::En => (format!("The value `{raw}` of “{name}” cannot be read."), format!("Enter {kind}.")),
    };
    PanelError { message, remedy: Some(remedy) }
}

fn missing_value(lang: Lang, param: &Param) -> PanelError {
    let name = label(lang, &param.name, &param.label);
    let (message, remedy) = match lang {
        Lang::Ja => (format!("「{name}」が指定されていません。"), "上の欄に入力して「適用」を押してください。"),
        Lang::En => (format!("“{name}” is not given."), "Fill in the field above and press Apply."),
    };
    PanelError { message, remedy: Some(remedy.into()) }
}

fn unknown_scenario(lang: Lang, name: &str) -> PanelError {
    let (message, remedy) = match (lang, name) {
        (Lang::Ja, "") => ("シナリオがまだありません。".into(), "scenarios/ にファイルを置くと、ここに効果が出ます。"),
        (Lang::En, "") => ("There is no scenario yet.".into(), "Put a file into scenarios/, and its effect will be here."),
        (Lang::Ja, name) => (format!("シナリオ「{name}」はありません。"), "上の欄から選んでください。"),
        (Lang::En, name) => (format!("There is no scenario “{name}”."), "Choose one in the field above."),
    };
    PanelError { message, remedy: Some(remedy.into()) }
}

fn unknown_experiment(lang: Lang, name: &str) -> PanelError {
    let (message, remedy) = match (lang, name) {
        (Lang::Ja, "") => ("実験がまだありません。".into(), "シナリオの send に experiment を加えると、ここに結果が出ます。"),
        (Lang::En, "") => {
            ("There is no experiment yet.".into(), "Add one to a send step of a scenario, and its result will be here.")
        }
        (Lang::Ja, name) => (format!("実験「{name}」はありません。"), "上の欄から選んでください。"),
        (Lang::En, name) => (format!("There is no experiment “{name}”."), "Choose one in the field above."),
    };
    PanelError { message, remedy: Some(remedy.into()) }
}

/// What a query's author can do something about is shown. Where something broke, words of the engine may quote a customer's data: they
/// go to the log, and the page has their number.
fn query_error(lang: Lang, error: QueryError) -> PanelError {
    match &error {
        QueryError::Run { .. } => logged(lang, &error.into()),
        QueryError::Timeout { seconds, .. } => {
            let message = match lang {
                Lang::Ja => format!("{seconds}秒で終わらなかったため、中断しました。"),
                Lang::En => format!("Stopped after {seconds} s."),
            };
            PanelError { message, remedy: error.remedy() }
        }
        _ => PanelError { message: error.to_string(), remedy: error.remedy() },
    }
}

fn logged(lang: Lang, fault: &Fault) -> PanelError {
    let incident = incident();
    tracing::error!(incident, cause = %fault, "a panel could not be drawn");
    PanelError {
        message: format!("{} ({}: {incident})", words::FAILED.get(lang), words::INCIDENT.get(lang)),
        remedy: fault.remedy.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::Kind;

    #[test]
    fn a_reader_sees_one_column_per_meaning() {
        let check = |lang, columns: &[&str], row: &[&str], expect: &[(&str, &str)]| {
            let columns: Vec<Column> = columns
                .iter()
                .map(|name| Column {
                    name: name.to_string(),
                    kind: Kind::Text,
                    label: Text::new("理由（日本語）", "Reason (English)"),
                })
                .collect();
            let row = row.iter().map(|text| if text.is_empty() { Value::Null } else { Value::Text(text.to_string()) }).collect();
            let shown = in_language(Answer { columns, rows: vec![row] }, lang);
            let found: Vec<(String, String)> =
                shown.columns.iter().zip(&shown.rows[0]).map(|(column, value)| (column.name.clone(), value.plain())).collect();
            let expect: Vec<(String, String)> =
                expect.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(found, expect);
        };
        let reason = ["n", "reason", "reason_ja", "reason_en"];
        check(Lang::Ja, &reason, &["1", "cap", "上限", "Cap"], &[("n", "1"), ("reason", "上限")]);
        check(Lang::En, &reason, &["1", "cap", "上限", "Cap"], &[("n", "1"), ("reason", "Cap")]);
        check(Lang::En, &reason, &["1", "cap", "上限", ""], &[("n", "1"), ("reason", "cap")]);
        check(Lang::En, &["what_ja", "what_en", "x"], &["送信", "Sent", "1"], &[("what", "Sent"), ("x", "1")]);
        check(Lang::En, &["x_ja", "y_en"], &["1", "2"], &[("x_ja", "1"), ("y_en", "2")]);
        assert_eq!((without_bracket("理由（日本語）"), without_bracket("Reason (English)")), ("理由".into(), "Reason".into()));
    }
}
