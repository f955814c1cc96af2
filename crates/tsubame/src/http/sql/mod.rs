//! SQL over HTTP: `POST /api/sql` for programs, `/sql` for people. Both ask the same door, and what runs under an id is cancelled by it.

mod api;
mod encode;
mod page;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};

use super::App;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/api/sql", post(api::ask)).route("/api/sql/{id}", delete(api::cancel))
}

pub fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/sql", get(page::page).post(page::ask))
        .route("/sql/download", post(page::download))
        .route("/sql/save", post(page::save))
}
