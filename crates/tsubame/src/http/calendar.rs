//! 配信カレンダー: a month of sends on a page, and as a file.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Router, extract::State, response::Response, routing::get};
use chrono::{Datelike, NaiveDate};
use decide::tick::month_of;
use maud::Markup;

use super::{App, Shared, broadcasts::file, errors::Failed, visit::Visit};
use crate::{
    broadcasts::calendar::{Month, gather},
    pages::{Lang, calendar as pages, words},
    workspace::Workspace,
};

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/calendar", get(page)).route("/calendar.csv", get(list))
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let month = month(&app, &workspace, &visit).await?;
    let lang = visit.locale.lang;
    let title = format!("{} {}", words::CALENDAR.get(lang), visit.locale.month(month.first));
    app.page(&visit, &title, pages::draw(&visit.locale, &month, &titles(&workspace, lang))).await
}

async fn list(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let month = month(&app, &workspace, &visit).await?;
    let lang = visit.locale.lang;
    let name = format!("calendar-{}", month.first.format("%Y-%m"));
    Ok(file(&name, &pages::listed(lang, &month, &titles(&workspace, lang))))
}

/// That of `?month=2026-07`; without it this one.
async fn month(app: &App, workspace: &Workspace, visit: &Visit) -> Result<Month, Failed> {
    let first = match visit.param("month") {
        None => month_of(workspace.shop().timezone, workspace.now()),
        Some(text) => format!("{text}-01")
            .parse::<NaiveDate>()
            .ok()
            .filter(|day| (1970..=2999).contains(&day.year()))
            .ok_or_else(|| Failed::bad(words::CALENDAR_BAD_MONTH.ja, words::CALENDAR_BAD_MONTH.en))?,
    };
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    Ok(gather(workspace, first).await?)
}

fn titles(workspace: &Workspace, lang: Lang) -> BTreeMap<String, String> {
    let title = |scenario: &model::Scenario| (scenario.scenario.clone(), scenario.title.get(lang.name()).to_string());
    workspace.files.scenarios.iter().map(title).collect()
}
