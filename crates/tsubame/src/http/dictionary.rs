//! The data dictionary and the functions, for whoever writes or reads a question. They tell of tables, never of what is in them.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, State},
    routing::get,
};
use maud::Markup;
use query::dictionary;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    conventions::in_force,
    pages::{dictionary as drawn, words},
};

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/dictionary", get(tables)).route("/dictionary/{table}", get(table)).route("/functions", get(functions))
}

async fn tables(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let library = &workspace.library;
    let body = drawn::tables(&visit.locale, &dictionary::tables(library), &in_force(workspace.shop(), library));
    app.page(&visit, words::DICTIONARY.get(visit.locale.lang), body).await
}

async fn table(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Path(name): Path<String>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let table = dictionary::find(&workspace.library, &name).ok_or(Failed::NotFound)?;
    app.page(&visit, &format!("{}: {}", table.name, table.title), drawn::table(&visit.locale, &table)).await
}

async fn functions(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    app.page(&visit, words::FUNCTIONS.get(visit.locale.lang), drawn::functions(&visit.locale, query::functions::all())).await
}
