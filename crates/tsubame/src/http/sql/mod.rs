//! SQL over HTTP, for programs: rows in the format they ask for. What runs under an id is cancelled by it.

pub mod api;
pub mod encode;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, post},
};

use super::App;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/api/sql", post(api::ask)).route("/api/sql/{id}", delete(api::cancel))
}
