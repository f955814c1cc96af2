//! Tests of `experiments/` on pages: the list, what past ones add up to, and the calculator.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use decide::{
    design::{Design, MetricBefore, design},
    past::{Ended, past},
};
use maud::Markup;
use model::{
    Experiment, Text,
    experiment::{Mode, Status},
};
use query::{Answer, Column, Kind, Library, Params, Value};

use super::{App, Shared, dashboards, errors::Failed, memory::Stand, visit::Visit};
use crate::{
    analysis::Report,
    jobs::tick::Rows,
    pages::{
        Lang, csv,
        experiments::{self as pages, Calculator, EndedRow, Listed},
        words,
    },
};

/// Each is read out for the page of past tests: the last ones.
const PAST_MAX: usize = 50;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/experiments", get(list))
        .route("/experiments.csv", get(list_csv))
        .route("/experiments/past", get(ended))
        .route("/experiments/past.csv", get(ended_csv))
        .route("/experiments/design", get(calculator))
        .route("/experiments/design.csv", get(calculator_csv))
}

/// Which questions the pages ask.
const UNITS: &str = "system/experiment_units";
const EXPOSED: &str = "system/exposed_test";

async fn list(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let lang = visit.locale.lang;
    let all = listed(&app, lang).await?;
    let workspace = app.workspace();
    app.page(&visit, words::TESTS.get(lang), pages::list(&visit.locale, &all, &texts(&workspace.library, [UNITS]))).await
}

async fn list_csv(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    Ok(file("experiments", &list_table(&listed(&app, visit.locale.lang).await?)))
}

async fn listed(app: &App, lang: Lang) -> Result<Vec<Listed>, Failed> {
    let desk = dashboards::desk(app).await?;
    let answer = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        desk.ask(UNITS, &Params::new()).await?
    };
    let rows = Rows::new(&answer);
    let units = |name: &str| {
        let row = (0..answer.rows.len()).find(|row| rows.text(*row, "experiment").as_deref() == Some(name))?;
        rows.int(row, "units").ok().and_then(|units| u64::try_from(units).ok())
    };
    let listed = |test: &Experiment| Listed {
        name: test.experiment.clone(),
        title: test.title.get(lang.name()).into(),
        status: test.status,
        start: test.start,
        arms: test.arms.iter().map(|arm| (arm.id.clone(), arm.weight)).collect(),
        units: units(&test.experiment),
        winner: test.winner.clone(),
    };
    Ok(app.experiments.serving.now().experiments.iter().map(listed).collect())
}

fn list_table(listed: &[Listed]) -> Answer {
    let columns = vec![
        column("experiment", Kind::Text, "テスト", "Test"),
        column("title", Kind::Text, "名前", "Title"),
        column("status", Kind::Text, "状態", "State"),
        column("start", Kind::Instant, "開始", "Start"),
        column("units", Kind::Int, "人数", "Units"),
        column("arms", Kind::Text, "グループ", "Arms"),
        column("winner", Kind::Text, "採用", "Winner"),
    ];
    let row = |test: &Listed| {
        let arms: Vec<String> = test.arms.iter().map(|(arm, weight)| format!("{arm} {weight}")).collect();
        vec![
            Value::Text(test.name.clone()),
            Value::Text(test.title.clone()),
            Value::Text(
                match test.status {
                    Status::Draft => "draft",
                    Status::Running => "running",
                    Status::Stopped => "stopped",
                }
                .into(),
            ),
            test.start.map_or(Value::Null, Value::Instant),
            test.units.map_or(Value::Null, |units| Value::Int(units as i64)),
            Value::Text(arms.join(", ")),
            test.winner.clone().map_or(Value::Null, Value::Text),
        ]
    };
    Answer { columns, rows: listed.iter().map(row).collect() }
}

async fn ended(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let lang = visit.locale.lang;
    let Past { rows, found, alpha, power, metrics } = past_tests(&app, lang).await?;
    let workspace = app.workspace();
    let asked = std::iter::once(EXPOSED).chain(metrics.iter().map(String::as_str));
    let sql = texts(&workspace.library, asked);
    let body = pages::past(&visit.locale, &rows, &past(&found, alpha, power), &sql);
    app.page(&visit, words::TESTS_PAST.get(lang), body).await
}

async fn ended_csv(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    Ok(file("past-experiments", &past_table(&past_tests(&app, visit.locale.lang).await?.rows)))
}

/// What the tests that ended have shown, the last ones first.
struct Past {
    rows: Vec<EndedRow>,
    found: Vec<Ended>,
    alpha: f64,
    power: f64,
    /// Their goals.
    metrics: BTreeSet<String>,
}

/// Nobody wins a test whose arms are all the same: those are left out.
async fn past_tests(app: &App, lang: Lang) -> Result<Past, Failed> {
    let stand = Stand::of(app).await?;
    let served = app.experiments.serving.now();
    let is_past = |test: &&Experiment| test.status == Status::Stopped && test.mode == Mode::Ab;
    let mut tests: Vec<&Experiment> = served.experiments.iter().filter(is_past).collect();
    tests.sort_by_key(|test| std::cmp::Reverse((test.start, &test.experiment)));
    tests.truncate(PAST_MAX);
    let (alpha, power) = tests.first().map_or((0.05, 0.8), |test| (test.plan.alpha, test.plan.power));
    let metrics = tests.iter().map(|test| test.goal.metric.clone()).collect();
    let mut past = Past { rows: Vec::new(), found: Vec::new(), alpha, power, metrics };
    let desk = dashboards::desk(app).await?;
    for test in &tests {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        let report = dashboards::report(app, &stand, &desk, test).await?;
        for (row, ended) in goals(test, &report, lang) {
            past.rows.push(row);
            past.found.push(ended);
        }
    }
    Ok(past)
}

fn past_table(rows: &[EndedRow]) -> Answer {
    let columns = vec![
        column("experiment", Kind::Text, "テスト", "Test"),
        column("title", Kind::Text, "名前", "Title"),
        column("arm", Kind::Text, "グループ", "Arm"),
        column("lift", Kind::Float, "基準比", "Lift"),
        column("p", Kind::Float, "p値", "p"),
        column("decision", Kind::Text, "判定", "Decision"),
    ];
    let number = |number: Option<f64>| number.map_or(Value::Null, Value::Float);
    let row = |row: &EndedRow| {
        vec![
            Value::Text(row.name.clone()),
            Value::Text(row.title.clone()),
            Value::Text(row.variant.clone()),
            number(row.lift),
            number(row.p),
            Value::Text(row.decision.into()),
        ]
    };
    Answer { columns, rows: rows.iter().map(row).collect() }
}

fn column(name: &str, kind: Kind, ja: &str, en: &str) -> Column {
    Column { name: name.into(), kind, label: Text::new(ja, en) }
}

/// The texts of questions of the library.
fn texts<'a>(library: &'a Library, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    names.into_iter().filter_map(|name| library.find(name)).map(|query| query.sql.trim_end()).collect()
}

fn file(name: &str, table: &Answer) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, csv::csv(table)).into_response()
}

/// The goal of each variant of a test.
fn goals<'a>(test: &'a Experiment, report: &'a Report, lang: Lang) -> impl Iterator<Item = (EndedRow, Ended)> + 'a {
    report.rows.iter().filter(|row| row.role == "goal").map(move |row| {
        let numbers = row.numbers.as_ref();
        let p = row.p_adjusted.or_else(|| numbers.map(|numbers| numbers.p.unwrap_or(numbers.p_fixed)));
        let difference = numbers.map_or(0.0, |numbers| numbers.difference);
        let is_better = if test.goal.lower_is_better { difference < 0.0 } else { difference > 0.0 };
        let shown = EndedRow {
            name: test.experiment.clone(),
            title: test.title.get(lang.name()).into(),
            variant: row.variant.clone(),
            lift: numbers.and_then(|numbers| numbers.lift),
            p,
            decision: report.decision.decision,
        };
        (shown, Ended { p, is_better, is_significant: row.significant })
    })
}

async fn calculator(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let of = calculated(&visit);
    app.page(&visit, words::TEST_DESIGN.get(visit.locale.lang), pages::design(&visit.locale, &of)).await
}

async fn calculator_csv(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let of = calculated(&visit);
    match &of.problem {
        None => Ok(file("experiment-design", &design_table(&of.answers))),
        Some(problem) => Err(Failed::bad_as_said(problem, None)),
    }
}

/// The calculator as it was filled in, with its answers.
fn calculated(visit: &Visit) -> Calculator {
    let filled = |name: &str, default: &str| visit.param(name).map(str::trim).unwrap_or(default).to_string();
    let mut of = Calculator {
        kind: filled("kind", "rate"),
        rate: filled("rate", "3"),
        mean: filled("mean", "5000"),
        sd: filled("sd", "12000"),
        lift: filled("lift", "10"),
        alpha: filled("alpha", "5"),
        power: filled("power", "80"),
        per_day: filled("per_day", ""),
        correlation: filled("correlation", "0"),
        answers: Vec::new(),
        problem: None,
    };
    match planned(&of, visit.locale.lang) {
        Ok(answers) => of.answers = answers,
        Err(problem) => of.problem = Some(problem),
    }
    of
}

fn design_table(answers: &[(f64, Result<decide::design::Designed, decide::design::NotComputable>)]) -> Answer {
    let columns = vec![
        column("lift_percent", Kind::Float, "変化率（%）", "Change (%)"),
        column("control", Kind::Int, "基準の人数", "Control units"),
        column("variant", Kind::Int, "変更後の人数", "Variant units"),
        column("total", Kind::Int, "合計", "Total"),
        column("days", Kind::Int, "日数", "Days"),
        column("weeks", Kind::Int, "週", "Weeks"),
    ];
    let count = |count: Option<u64>| count.map_or(Value::Null, |count| Value::Int(count as i64));
    let row = |(lift, found): &(f64, Result<decide::design::Designed, decide::design::NotComputable>)| {
        let of = |number: fn(&decide::design::Designed) -> Option<u64>| count(found.as_ref().ok().and_then(number));
        vec![
            Value::Float(*lift),
            of(|found| Some(found.control)),
            of(|found| Some(found.variant)),
            of(|found| Some(found.total)),
            of(|found| found.days),
            of(|found| found.weeks),
        ]
    };
    Answer { columns, rows: answers.iter().map(row).collect() }
}

type Answers = Vec<(f64, Result<decide::design::Designed, decide::design::NotComputable>)>;

/// The change asked for, and half and twice as much beside it.
fn planned(of: &Calculator, lang: Lang) -> Result<Answers, String> {
    let number = |text: &str, word: words::Word| -> Result<f64, String> {
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| words::DESIGN_WRONG.fill(lang, &[word.get(lang), text]))
    };
    let metric = match of.kind.as_str() {
        "mean" => MetricBefore::Mean { mean: number(&of.mean, words::DESIGN_MEAN_NOW)?, sd: number(&of.sd, words::DESIGN_SD)? },
        _ => MetricBefore::Rate(number(&of.rate, words::DESIGN_RATE_NOW)? / 100.0),
    };
    let per_day = match of.per_day.as_str() {
        "" => None,
        text => Some(number(text, words::DESIGN_PER_DAY)?),
    };
    let lift = number(&of.lift, words::DESIGN_LIFT)?;
    let one = |lift: f64| -> Result<Design, String> {
        Ok(Design {
            metric,
            lift: lift / 100.0,
            alpha: number(&of.alpha, words::DESIGN_ALPHA)? / 100.0,
            power: number(&of.power, words::DESIGN_POWER)? / 100.0,
            ratio: 1.0,
            correlation: number(&of.correlation, words::DESIGN_CORRELATION)?,
            per_day,
            units: None,
        })
    };
    [0.5, 1.0, 2.0].into_iter().map(|times| one(lift * times).map(|of| (lift * times, design(&of)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_pages_are_files_too() {
        let check = |table: Answer, expect: &str| {
            let text = String::from_utf8(csv::csv(&table)).unwrap();
            assert_eq!(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"), expect);
        };
        let test = Listed {
            name: "button".into(),
            title: "=evil".into(),
            status: Status::Stopped,
            start: None,
            arms: vec![("a".into(), 0.5), ("b".into(), 0.5)],
            units: Some(12),
            winner: Some("b".into()),
        };
        check(
            list_table(&[test]),
            "\"experiment\",\"title\",\"status\",\"start\",\"units\",\"arms\",\"winner\"\n\
             \"button\",\"'=evil\",\"stopped\",,12,\"a 0.5, b 0.5\",\"b\"\n",
        );
        let row =
            EndedRow { name: "x".into(), title: "X".into(), variant: "b".into(), lift: Some(0.5), p: None, decision: "ship" };
        check(
            past_table(&[row]),
            "\"experiment\",\"title\",\"arm\",\"lift\",\"p\",\"decision\"\n\"x\",\"X\",\"b\",0.5,,\"ship\"\n",
        );
        let failed = (10.0, Err(decide::design::NotComputable::Empty));
        check(design_table(&[failed]), "\"lift_percent\",\"control\",\"variant\",\"total\",\"days\",\"weeks\"\n10,,,,,\n");
    }
}
