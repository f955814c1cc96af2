//! `POST /api/sql`: SQL in, rows out as they come, in the format that was asked for. A program signs each request with an account's name and
//! password; a page with its session and the session's token. Errors are JSON, and a limit that was met is named in the answer.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{Stream, StreamExt};
use model::{Instant, Text};
use query::{
    Mode, ParamKind, ParamValue,
    sql::{Bound, SqlError, SqlErrorKind},
};
use serde::Deserialize;
use serde_json::{Value, json};
use state::{Account, Role, Secret};

use super::encode::{Encoder, Format};
use crate::{
    cli,
    http::{App, Shared, visit::Visit},
    sql::{QueryId, Question, Running},
};

const QUERY_ID: HeaderName = HeaderName::from_static("x-tsubame-query-id");
const CSRF: &str = "x-csrf-token";

/// What `POST /api/sql` is asked, as JSON; or the SQL itself as the body, with the rest in the URL.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    sql: String,
    /// By name, or in order (`$1`, `$2`, …).
    params: Value,
    as_of: Option<String>,
    mode: Option<String>,
    format: Option<String>,
    limit: Option<usize>,
    /// Seconds.
    timeout: Option<u64>,
    /// Personal columns as they are, for those to whom they were granted.
    personal: bool,
    /// The plan instead of the rows.
    explain: bool,
}

/// An answer that is no answer.
pub struct Refusal {
    status: StatusCode,
    /// Seconds until it is worth asking again.
    again: Option<u64>,
    body: Box<Value>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        if let Some(seconds) = self.again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Refusal {
    fn new(visit: &Visit, status: StatusCode, code: &str, message: Text, hint: Option<Text>) -> Refusal {
        let lang = visit.locale.lang.name();
        let hint = hint.map(|hint| hint.get(lang).to_string());
        let body = json!({ "code": code, "message": message.get(lang), "hint": hint });
        Refusal { status, again: None, body: Box::new(body) }
    }

    pub fn of(visit: &Visit, error: &SqlError) -> Refusal {
        let status = match error.kind {
            SqlErrorKind::Refused => StatusCode::FORBIDDEN,
            SqlErrorKind::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            SqlErrorKind::Cancelled => StatusCode::CONFLICT,
            SqlErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            kind if kind.limit().is_some() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        };
        let again = match error.kind {
            SqlErrorKind::Busy { seconds } => Some(seconds),
            _ => None,
        };
        Refusal { status, again, body: Box::new(described(visit, error)) }
    }

    fn bad(visit: &Visit, ja: impl Into<String>, en: impl Into<String>) -> Refusal {
        let message = Text { ja: ja.into(), en: en.into() };
        Refusal::new(visit, StatusCode::BAD_REQUEST, "request", message, None)
    }

    /// The browser is not to ask for a name and a password by itself.
    fn sign_in(visit: &Visit) -> Refusal {
        let hint = Text::new(
            "Authorization: Basic にアカウント名とパスワードを付けてください",
            "send an account's name and password as Authorization: Basic",
        );
        let message = Text::new("ログインしていないか、パスワードが違います", "you are not signed in, or the password is wrong");
        Refusal::new(visit, StatusCode::UNAUTHORIZED, "sign_in", message, Some(hint))
    }
}

/// An error as programs read it.
fn described(visit: &Visit, error: &SqlError) -> Value {
    let lang = visit.locale.lang.name();
    let mut body = json!({
        "code": error.kind.code(),
        "message": error.message.get(lang),
        "hint": error.remedy.as_ref().map(|remedy| remedy.get(lang)),
    });
    if let Some(at) = error.at {
        body["line"] = at.line.into();
        body["column"] = at.column.into();
    }
    if let Some(limit) = error.kind.limit() {
        body["limit"] = limit.into();
    }
    body
}

pub async fn ask(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let account = caller(&app, &visit, &headers).await?;
    let asked = read(&visit, &headers, &body)?;
    let format = match &asked.format {
        Some(name) => Format::parse(name),
        None => Format::accepted(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()),
    };
    let format = format.ok_or_else(|| {
        let names = Format::NAMES.join(", ");
        Refusal::bad(&visit, format!("format は {names} のどれかです"), format!("`format` is one of {names}"))
    })?;
    let limit = asked.limit;
    let question = question(&app, &visit, account.name, asked)?;
    let running = app.sql.ask(question).await.map_err(|error| Refusal::of(&visit, &error))?;
    answer(&visit, running, format, limit).map_err(|error| Refusal::of(&visit, &error))
}

/// The rows as a body.
pub fn answer(visit: &Arc<Visit>, running: Running, format: Format, limit: Option<usize>) -> Result<Response, SqlError> {
    let id = running.id.to_string();
    let encoder = Encoder::open(format, &running.schema, &id)?;
    let body = Body::from_stream(encoded(visit.clone(), running, encoder, limit));
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(format.mime()))];
    let mut response = (headers, body).into_response();
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(QUERY_ID, id);
    }
    Ok(response)
}

/// Encodes batch by batch. An error after the first rows is said where the format has a place for it, and else breaks the transfer: half
/// an answer must not look whole.
fn encoded(
    visit: Arc<Visit>,
    running: Running,
    encoder: Encoder,
    limit: Option<usize>,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> {
    let state = Some((running.batches, encoder));
    futures::stream::unfold(state, move |state| {
        let visit = visit.clone();
        async move {
            let (mut batches, encoder) = state?;
            match batches.next().await {
                Some(Ok(batch)) => {
                    // Encoding takes milliseconds of a processor: not those that answer.
                    match tokio::task::spawn_blocking(move || encoder.batch(&batch)).await {
                        Ok(Ok((encoder, bytes))) => Some((Ok(bytes), Some((batches, encoder)))),
                        Ok(Err(error)) => {
                            tracing::error!(kind = ?error.kind, "rows could not be encoded: the answer is cut short");
                            Some((Err(std::io::Error::other(error.to_string())), None))
                        }
                        Err(error) => Some((Err(std::io::Error::other(error.to_string())), None)),
                    }
                }
                Some(Err(error)) if error.kind == SqlErrorKind::Rows && limit.is_some() => {
                    Some((encoder.finish(None, Some("rows"), None), None))
                }
                Some(Err(error)) => Some((encoder.finish(None, error.kind.limit(), Some(described(&visit, &error))), None)),
                None => {
                    let ended = batches.ended().cloned();
                    Some((encoder.finish(ended.as_ref(), None, None), None))
                }
            }
        }
    })
    // What compresses asks once more after the end.
    .fuse()
}

pub async fn cancel(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let account = caller(&app, &visit, &headers).await?;
    let found = QueryId::parse(&id).filter(|id| {
        let asker = app.sql.asker(id);
        asker.is_some_and(|asker| asker == account.name || account.role == Role::Admin) && app.sql.cancel(id)
    });
    match found {
        Some(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        None => {
            let message = Text::new("実行中の問い合わせではありません", "no such question is being answered");
            Err(Refusal::new(&visit, StatusCode::NOT_FOUND, "not_found", message, None))
        }
    }
}

/// Who asks: by session and its token, or by name and password.
async fn caller(app: &App, visit: &Visit, headers: &HeaderMap) -> Result<Account, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let account = match (text("authorization"), &visit.session) {
        (Some(given), _) => by_password(app, visit, given).await?,
        (None, Some(session)) if visit.is_own_form(text(CSRF).unwrap_or_default()) => session.account.clone(),
        (None, Some(_)) => {
            let message = Text::new("X-CSRF-Token がありません", "the header X-CSRF-Token is missing or is not of this session");
            return Err(Refusal::new(visit, StatusCode::FORBIDDEN, "csrf", message, None));
        }
        (None, None) => return Err(Refusal::sign_in(visit)),
    };
    if account.role < Role::Analyst {
        let message = Text::new("アナリストか管理者の権限が必要です", "only analysts and admins ask in SQL");
        return Err(Refusal::new(visit, StatusCode::FORBIDDEN, "role", message, None));
    }
    Ok(account)
}

async fn by_password(app: &App, visit: &Visit, given: &str) -> Result<Account, Refusal> {
    let workspace = app.workspace();
    let decoded = given.strip_prefix("Basic ").and_then(|text| BASE64_STANDARD.decode(text.trim()).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let (name, password) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(|| Refusal::sign_in(visit))?;
    if let Some(seconds) = app.attempts.begin(name, visit.address, app.wall()) {
        let message = Text {
            ja: format!("失敗が続いたため {seconds} 秒待ってください"),
            en: format!("too many failures: wait {seconds} s"),
        };
        let refusal = Refusal::new(visit, StatusCode::TOO_MANY_REQUESTS, "wait", message, None);
        return Err(Refusal { again: Some(seconds), ..refusal });
    }
    match workspace.state.accounts().verify_again(name, &Secret::new(password.into()), app.wall()).await {
        Ok(Some(account)) => {
            app.attempts.succeeded(name, visit.address);
            Ok(account)
        }
        Ok(None) => Err(Refusal::sign_in(visit)),
        Err(error) => {
            tracing::error!(%error, "a password could not be checked");
            let message = Text::new("パスワードを確認できませんでした", "the password could not be checked");
            Err(Refusal::new(visit, StatusCode::INTERNAL_SERVER_ERROR, "internal", message, None))
        }
    }
}

fn read(visit: &Visit, headers: &HeaderMap, body: &[u8]) -> Result<Asked, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let flag = |name: &str| visit.param(name).is_some_and(|value| matches!(value, "1" | "true"));
    if kind.starts_with("application/json") {
        let asked: Asked = serde_json::from_slice(body).map_err(|error| {
            Refusal::bad(visit, format!("JSON を読めません: {error}"), format!("the JSON cannot be read: {error}"))
        })?;
        // Whoever wants the plan adds `?explain=1` to any question.
        return Ok(Asked { explain: asked.explain || flag("explain"), ..asked });
    }
    let sql =
        std::str::from_utf8(body).map_err(|_| Refusal::bad(visit, "SQL は UTF-8 で送ってください", "send the SQL as UTF-8"))?;
    let number = |name: &str| -> Result<Option<u64>, Refusal> {
        let wrong = || Refusal::bad(visit, format!("`{name}` は数です"), format!("`{name}` is a number"));
        visit.param(name).map(|text| text.parse().map_err(|_| wrong())).transpose()
    };
    let text = |name: &str| visit.param(name).map(String::from);
    Ok(Asked {
        sql: sql.into(),
        params: Value::Null,
        as_of: text("as_of"),
        mode: text("mode"),
        format: text("format"),
        limit: number("limit")?.map(|limit| limit as usize),
        timeout: number("timeout")?,
        personal: flag("personal"),
        explain: flag("explain"),
    })
}

fn question(app: &App, visit: &Visit, who: String, asked: Asked) -> Result<Question, Refusal> {
    let mode = match asked.mode.as_deref() {
        None | Some("as_known") => Mode::AsKnown,
        Some("as_happened") => Mode::AsHappened,
        Some(_) => {
            return Err(Refusal::bad(visit, "mode は as_known か as_happened です", "`mode` is as_known or as_happened"));
        }
    };
    let sql = if asked.explain { format!("EXPLAIN {}", asked.sql) } else { asked.sql };
    Ok(Question {
        params: params(visit, &asked.params)?,
        as_of: asked.as_of.map(|text| moment(app, visit, &text)).transpose()?,
        mode,
        personal: asked.personal,
        rows: asked.limit,
        time: asked.timeout.map(Duration::from_secs),
        ..Question::new(who, sql)
    })
}

fn moment(app: &App, visit: &Visit, text: &str) -> Result<Instant, Refusal> {
    let workspace = app.workspace();
    cli::instant(&workspace, text).map_err(|fault| {
        let remedy = fault.remedy.unwrap_or_default();
        Refusal::bad(visit, format!("as_of `{text}` は時刻ではありません"), format!("as_of: {}; {remedy}", fault.message))
    })
}

fn params(visit: &Visit, given: &Value) -> Result<Vec<Bound>, Refusal> {
    let named: Vec<(String, &Value)> = match given {
        Value::Null => Vec::new(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(index, value)| ((index + 1).to_string(), value)).collect(),
        _ => {
            let (ja, en) =
                ("params は名前と値の組か、値の並びです", "`params` is an object of names and values, or a list of values");
            return Err(Refusal::bad(visit, ja, en));
        }
    };
    let read = |(name, value): (String, &Value)| {
        bound(&name, value).ok_or_else(|| {
            let ja = format!("パラメータ `{name}` の値を読めません");
            let en = format!(
                "the value of the parameter `{name}` cannot be read: give a number, a text, true, false, null or \
                 {{\"type\": \"date\", \"value\": \"2026-06-01\"}} (int, float, text, date, instant, bool, money)"
            );
            Refusal::bad(visit, ja, en)
        })
    };
    named.into_iter().map(read).collect()
}

/// A value of JSON, typed by itself or as it says.
fn bound(name: &str, value: &Value) -> Option<Bound> {
    let value = match value {
        Value::Null => return Some(Bound { name: name.into(), kind: ParamKind::Text, value: None }),
        Value::Bool(value) => ParamValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => ParamValue::Int(value),
            None => ParamValue::Float(number.as_f64()?),
        },
        Value::String(text) => ParamValue::Text(text.clone()),
        Value::Object(members) => {
            let kind = ParamKind::parse(members.get("type")?.as_str()?)?;
            return match members.get("value")? {
                Value::Null => Some(Bound { name: name.into(), kind, value: None }),
                Value::String(text) => Some(Bound::new(name, kind.read(text)?)),
                other => Some(Bound::new(name, kind.read(&other.to_string())?)),
            };
        }
        Value::Array(_) => return None,
    };
    Some(Bound::new(name, value))
}
