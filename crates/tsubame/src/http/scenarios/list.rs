//! All scenarios with how each stands and what it did in the last days.

use std::sync::Arc;

use axum::{Extension, extract::State};
use maud::Markup;
use query::{ParamValue, Params};

use super::{Failed, Shared, Visit, dashboards, standing, title};
use crate::{
    jobs::{pause, tick::Rows},
    pages::{
        scenarios::{DAYS, list as pages},
        words,
    },
};

pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let answer = {
        let desk = dashboards::desk(&app).await?;
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        let days = ParamValue::Int(DAYS);
        desk.ask("system/scenario_recent", &Params::from([("days".to_string(), days)])).await?
    };
    let rows = Rows::new(&answer);
    let count = |name: &str, column: &str| {
        let row = (0..answer.rows.len()).find(|row| rows.text(*row, "scenario").as_deref() == Some(name));
        row.and_then(|row| rows.int(row, column).ok()).map_or(0, i64::unsigned_abs)
    };
    let mut listed = Vec::new();
    for scenario in &workspace.files.scenarios {
        let (standing, ..) = standing(&workspace, scenario).await?;
        listed.push(pages::Listed {
            name: scenario.scenario.clone(),
            title: title(scenario, &visit),
            standing,
            sends: count(&scenario.scenario, "sends"),
            stops: count(&scenario.scenario, "stops"),
        });
    }
    let is_halted = pause::holds_all(&pause::pauses(&workspace).await?);
    let body = pages::draw(&visit.locale, &listed, is_halted);
    app.page(&visit, words::DESK.get(visit.locale.lang), body).await
}
