//! Tests of `experiments/` on pages: the list, what past ones add up to, and the calculator.

use std::sync::Arc;

use axum::{Extension, Router, extract::State, routing::get};
use decide::{
    design::{Design, MetricBefore, design},
    past::{Ended, past},
};
use maud::Markup;
use model::{Experiment, experiment::Status};
use query::Params;

use super::{App, Shared, dashboards, errors::Failed, memory::Stand, visit::Visit};
use crate::{
    analysis::Report,
    jobs::tick::Rows,
    pages::{
        Lang,
        experiments::{self as pages, Calculator, EndedRow, Listed},
        words,
    },
};

/// Each is read out for the page of past tests: the last ones.
const PAST_MAX: usize = 50;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/experiments", get(list))
        .route("/experiments/past", get(ended))
        .route("/experiments/design", get(calculator))
}

async fn list(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let lang = visit.locale.lang;
    let desk = dashboards::desk(&app).await?;
    let answer = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        desk.ask("system/experiment_units", &Params::new()).await?
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
    let all: Vec<Listed> = app.experiments.serving.now().experiments.iter().map(listed).collect();
    app.page(&visit, words::TESTS.get(lang), pages::list(&visit.locale, &all)).await
}

async fn ended(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let lang = visit.locale.lang;
    let stand = Stand::of(&app).await?;
    let desk = dashboards::desk(&app).await?;
    let served = app.experiments.serving.now();
    let mut tests: Vec<&Experiment> = served.experiments.iter().filter(|test| test.status == Status::Stopped).collect();
    tests.sort_by_key(|test| std::cmp::Reverse((test.start, &test.experiment)));
    tests.truncate(PAST_MAX);
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for test in &tests {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        let report = dashboards::report(&app, &stand, &desk, test).await?;
        for (row, ended) in goals(test, &report, lang) {
            rows.push(row);
            found.push(ended);
        }
    }
    let (alpha, power) = tests.first().map_or((0.05, 0.8), |test| (test.plan.alpha, test.plan.power));
    app.page(&visit, words::TESTS_PAST.get(lang), pages::past(&visit.locale, &rows, &past(&found, alpha, power))).await
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
    let lang = visit.locale.lang;
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
    match planned(&of, lang) {
        Ok(answers) => of.answers = answers,
        Err(problem) => of.problem = Some(problem),
    }
    app.page(&visit, words::TEST_DESIGN.get(lang), pages::design(&visit.locale, &of)).await
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
