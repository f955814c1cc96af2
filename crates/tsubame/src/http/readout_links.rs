//! Read-outs behind a link: anybody who has it may look; whoever asks questions of their own may make one and take it back.
//!
//! | Route | Says |
//! |---|---|
//! | `GET /shared/{token}` | the read-out as it was when the link was made |
//! | `GET /readouts/share?experiment=NAME` | its links |
//! | `POST /readouts/share`, `/readouts/unshare` | makes one, takes one back |

use std::sync::Arc;

use axum::{
    Extension, Form, Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use maud::Markup;
use model::{Experiment, Text};
use query::Mode;
use serde::Deserialize;

use super::{App, Shared as AppState, errors::Failed, visit::Visit};
use crate::{
    analysis,
    pages::{Lang, Locale, percent_encode, readout_link as pages, test_report, words},
    pinned,
    readout_link::{DAYS, Shared, links, opened, share, take_back},
};

/// For everybody who has a link.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/shared/{token}", get(shown))
}

/// For those who make them.
pub fn managing() -> Router<Arc<App>> {
    Router::new().route("/readouts/share", get(managed).post(made)).route("/readouts/unshare", post(taken_back))
}

async fn shown(
    State(app): AppState,
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let shared = opened(&workspace, &token, app.wall())?.ok_or(Failed::NotFound)?;
    let title = shared.title.get(visit.locale.lang.name()).to_string();
    let mut response = app.bare(&visit, &title, pages::shown(&visit.locale, &shared)).into_response();
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    Ok(response)
}

async fn managed(State(app): AppState, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let name = visit.param("experiment").unwrap_or_default();
    let test = test(&app, name)?;
    let workspace = app.workspace();
    let links = links(&workspace, name, app.wall())?;
    let body = pages::managed(&visit.locale, visit.csrf(), name, &test.title, &links);
    app.page(&visit, words::SHARE.get(visit.locale.lang), body).await
}

#[derive(Deserialize)]
struct Make {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    experiment: String,
    #[serde(default)]
    days: i64,
}

async fn made(State(app): AppState, Extension(visit): Extension<Arc<Visit>>, Form(form): Form<Make>) -> Result<Response, Failed> {
    if !visit.is_own_form(&form.csrf) {
        return Err(Failed::Forbidden);
    }
    let days = DAYS.into_iter().find(|days| *days == form.days).unwrap_or(DAYS[0]);
    let test = test(&app, &form.experiment)?;
    let workspace = app.workspace();
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let report = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        analysis::report(&desk, &test).await?
    };
    let drawn = |lang: Lang| {
        let locale = Locale::new(lang, workspace.shop().timezone, workspace.shop().currency.clone());
        test_report::draw(&locale, &report).into_string()
    };
    let now = app.wall();
    let shared = Shared {
        experiment: form.experiment.clone(),
        title: test.title.clone(),
        pinned: pinned::keep(&workspace, &desk, &test, &report)?,
        as_of: desk.moment.as_of,
        made_at: now,
        until: now + TimeDelta::days(days),
        by: visit.session.as_ref().map(|session| session.account.name.clone()).unwrap_or_default(),
        body: Text::new(&drawn(Lang::Ja), &drawn(Lang::En)),
    };
    tracing::info!(by = %shared.by, "{} is shared by a link", shared.said());
    share(&workspace, shared)?;
    Ok(to_links(&form.experiment))
}

#[derive(Deserialize)]
struct TakeBack {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    experiment: String,
    #[serde(default)]
    id: String,
}

async fn taken_back(
    State(app): AppState,
    Extension(visit): Extension<Arc<Visit>>,
    Form(form): Form<TakeBack>,
) -> Result<Response, Failed> {
    if !visit.is_own_form(&form.csrf) {
        return Err(Failed::Forbidden);
    }
    let workspace = app.workspace();
    if take_back(&workspace, &form.id)? {
        tracing::info!(experiment = %form.experiment, "a shared read-out was taken back");
    }
    Ok(to_links(&form.experiment))
}

fn to_links(experiment: &str) -> Response {
    Redirect::to(&format!("/readouts/share?experiment={}", percent_encode(experiment))).into_response()
}

/// Only tests of `experiments/` are pinned.
fn test(app: &App, name: &str) -> Result<Experiment, Failed> {
    app.experiments.serving.now().experiment(name).cloned().ok_or(Failed::NotFound)
}
