//! What could not be answered, as a page: handlers return [`Failed`], and one place draws it in the reader's language. A cause is logged
//! under a number, and the page shows the number alone.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use model::Text;

use super::{
    App,
    visit::{Visit, said},
};
use crate::{
    fault::Fault,
    pages::{
        error::{self, Failure},
        percent_encode,
    },
};

/// Why a request was not answered.
#[derive(Debug, Clone)]
pub enum Failed {
    NotFound,
    /// Not signed in.
    SignIn,
    Forbidden,
    /// The reader can do something about it: what, and what to do.
    BadRequest {
        message: Text,
        remedy: Option<Text>,
    },
    /// For the log.
    Internal {
        cause: Arc<str>,
    },
}

impl Failed {
    pub fn bad(ja: &str, en: &str) -> Failed {
        Failed::BadRequest { message: Text::new(ja, en), remedy: None }
    }

    pub fn bad_with(ja: &str, en: &str, remedy_ja: &str, remedy_en: &str) -> Failed {
        Failed::BadRequest { message: Text::new(ja, en), remedy: Some(Text::new(remedy_ja, remedy_en)) }
    }

    /// Of words that are in the reader's language already, or have only one.
    pub fn bad_as_said(message: &str, remedy: Option<&str>) -> Failed {
        Failed::BadRequest { message: Text::new(message, message), remedy: remedy.map(|remedy| Text::new(remedy, remedy)) }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = match &self {
            Failed::NotFound => StatusCode::NOT_FOUND,
            Failed::SignIn => StatusCode::UNAUTHORIZED,
            Failed::Forbidden => StatusCode::FORBIDDEN,
            Failed::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Failed::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Internal { cause: fault.to_string().into() }
    }
}

impl From<state::StateError> for Failed {
    fn from(error: state::StateError) -> Failed {
        Fault::from(error).into()
    }
}

impl From<query::QueryError> for Failed {
    fn from(error: query::QueryError) -> Failed {
        Fault::from(error).into()
    }
}

pub async fn not_found() -> Failed {
    Failed::NotFound
}

/// Draws every failure that leaves a handler, and those of axum itself (a body too large, a form that is none).
pub async fn as_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let visit = request.extensions().get::<Arc<Visit>>().cloned();
    // What was posted cannot be fetched: after signing in one is where the form was.
    let came_from = (request.method() == Method::POST).then(|| form_of(request.headers()));
    let response = next.run(request).await;
    let status = response.status();
    let failed = match response.extensions().get::<Failed>() {
        Some(failed) => failed.clone(),
        None if status.is_client_error() || status.is_server_error() => {
            match (status, response.headers().get(header::CONTENT_TYPE)) {
                // A page already, or an error for programs.
                (_, Some(kind))
                    if [&b"text/html"[..], b"application/json"].iter().any(|known| kind.as_bytes().starts_with(known)) =>
                {
                    return response;
                }
                (StatusCode::PAYLOAD_TOO_LARGE, _) => {
                    Failed::bad("リクエストが大きすぎます。", "The request is larger than is taken here.")
                }
                (status, _) if status.is_client_error() => Failed::bad("", ""),
                (status, _) => Failed::Internal { cause: format!("a handler answered {status}").into() },
            }
        }
        None => return response,
    };
    match visit {
        Some(visit) if is_for_programs(&visit.path) => for_programs(&visit, status, &failed),
        Some(visit) => drawn(&app, &visit, status, failed, came_from).await,
        None => (status, "something went wrong\n").into_response(),
    }
}

fn is_for_programs(path: &str) -> bool {
    path == "/api/sql" || path.starts_with("/api/sql/")
}

/// As the door of SQL says its own errors.
fn for_programs(visit: &Visit, status: StatusCode, failed: &Failed) -> Response {
    let text = |ja: &str, en: &str| Text::new(ja, en);
    let (code, message) = match (failed, status) {
        (Failed::Internal { .. }, _) => ("internal", text("サーバーで問題が起きました", "something went wrong")),
        (_, StatusCode::METHOD_NOT_ALLOWED) => ("method", text("POST で送ってください", "send it by POST")),
        (_, StatusCode::PAYLOAD_TOO_LARGE) => {
            ("too_large", text("リクエストが大きすぎます", "the request is larger than is taken here"))
        }
        (_, StatusCode::NOT_FOUND) => ("not_found", text("見つかりません", "there is nothing of that name")),
        (Failed::BadRequest { message, .. }, _) if !message.get("en").is_empty() => ("request", message.clone()),
        _ => ("request", text("リクエストを読めません", "the request cannot be read")),
    };
    let hint = noted(visit, failed).map(|incident| format!("the log has it under {incident}"));
    let body = serde_json::json!({ "code": code, "message": message.get(visit.locale.lang.name()), "hint": hint });
    (status, axum::Json(body)).into_response()
}

/// Under which number the log has a defect.
fn noted(visit: &Visit, failed: &Failed) -> Option<String> {
    let Failed::Internal { cause } = failed else { return None };
    let incident = incident();
    tracing::error!(incident, path = said(&visit.path), %cause, "a request failed");
    Some(incident)
}

async fn drawn(app: &App, visit: &Visit, status: StatusCode, failed: Failed, came_from: Option<String>) -> Response {
    let incident = noted(visit, &failed);
    let (failure, message, remedy) = match &failed {
        Failed::SignIn if visit.wants_page => return Redirect::to(&sign_in_href(visit, came_from)).into_response(),
        Failed::SignIn | Failed::Forbidden => (Failure::Forbidden, None, None),
        Failed::NotFound => (Failure::NotFound, None, None),
        Failed::BadRequest { message, remedy } => {
            let said = message.get(visit.locale.lang.name());
            (
                Failure::BadRequest,
                Some(said).filter(|said| !said.is_empty()),
                remedy.as_ref().map(|remedy| remedy.get(visit.locale.lang.name())),
            )
        }
        Failed::Internal { .. } => (Failure::Internal, None, None),
    };
    if !visit.wants_page {
        let text = match (&failed, &incident) {
            (Failed::SignIn, _) => "sign in first\n".to_string(),
            (_, Some(incident)) => format!("something went wrong; the log has it under {incident}\n"),
            _ => format!("{}\n", message.unwrap_or(failure.title(&visit.locale))),
        };
        return (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text).into_response();
    }
    let title = failure.title(&visit.locale);
    let body = error::draw(&visit.locale, failure, message, remedy, incident.as_deref());
    let page = match &visit.session {
        Some(_) => match app.page(visit, title, body.clone()).await {
            Ok(page) => page,
            Err(_) => app.bare(visit, title, body),
        },
        None => app.bare(visit, title, body),
    };
    (status, page).into_response()
}

/// The path of the page that a form was on; the start page where the browser does not say.
fn form_of(headers: &HeaderMap) -> String {
    let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok()).unwrap_or_default();
    let path = page.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
    path.unwrap_or("/").to_string()
}

/// The sign-in page, which leads back here.
fn sign_in_href(visit: &Visit, came_from: Option<String>) -> String {
    let query: Vec<String> =
        visit.query.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    let here = came_from
        .unwrap_or_else(|| if query.is_empty() { visit.path.clone() } else { format!("{}?{}", visit.path, query.join("&")) });
    if here == "/" { "/login".into() } else { format!("/login?next={}", percent_encode(&here)) }
}

/// Under which the log has a cause.
pub fn incident() -> String {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => model::id::hex(&bytes),
        Err(_) => "unnumbered".into(),
    }
}
