//! `POST /api/sql`: SQL in, rows out as they come, in the format that was asked for. A program signs each request with an account's name and
//! password; a page with its session and the session's token. Errors are JSON, and a limit that was met is named in the answer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use arrow::array::RecordBatch;
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
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
/// Of an answer that was whole before its head was sent.
const ROWS: HeaderName = HeaderName::from_static("x-tsubame-rows");
const SCANNED_BYTES: HeaderName = HeaderName::from_static("x-tsubame-scanned-bytes");
const CSRF: &str = "x-csrf-token";
/// What may stand in the URL.
const IN_URL: [&str; 8] = ["as_of", "mode", "format", "limit", "timeout", "personal", "explain", "lang"];
/// How long the answer's head waits for so many rows: of fewer it says how many they are, and it has the id by which the question is cancelled.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const FIRST_ROWS: usize = 10_000;

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
    version: Version,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let account = caller(&app, &visit, &headers).await?;
    let asked = read(&visit, &headers, &body)?;
    let accepts = || headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let format = match &asked.format {
        Some(name) => Format::parse(name),
        None => Some(Format::accepted(&accepts().collect::<Vec<_>>().join(","))),
    };
    let format = format.ok_or_else(|| {
        let names = Format::NAMES.join(", ");
        Refusal::bad(&visit, format!("format は {names} のどれかです"), format!("`format` is one of {names}"))
    })?;
    let settings = app.workspace().shop().sql.clone();
    let is_cut = asked.limit.is_some_and(|limit| limit as u64 <= settings.rows);
    let lines_before = u64::from(is_explained_here(&asked));
    let question = question(&app, &visit, account.name, asked)?;
    let refused = |mut error: SqlError| {
        if let Some(at) = &mut error.at {
            at.line = at.line.saturating_sub(lines_before).max(1);
        }
        Refusal::of(&visit, &error)
    };
    let running = app.sql.ask(question).await.map_err(&refused)?;
    let response = answer(&visit, running, format, is_cut, FIRST_WAIT).await.map_err(&refused)?;
    match version {
        Version::HTTP_09 | Version::HTTP_10 => whole(&visit, response, (settings.answer_mb as usize) << 20).await,
        _ => Ok(response),
    }
}

/// The rows as a body. What goes wrong among the first of them, within `wait`, is an answer of its own. `is_cut` says that whoever asks knows
/// how many rows come at most.
pub async fn answer(
    visit: &Arc<Visit>,
    mut running: Running,
    format: Format,
    is_cut: bool,
    wait: Duration,
) -> Result<Response, SqlError> {
    let id = running.id.to_string();
    let encoder = Encoder::open(format, &running.schema, &id)?;
    let mut begun = VecDeque::new();
    let (mut rows, mut is_whole) = (0, false);
    let until = tokio::time::Instant::now() + wait;
    while rows < FIRST_ROWS {
        match tokio::time::timeout_at(until, running.batches.next()).await {
            Ok(Some(Ok(batch))) => {
                rows += batch.num_rows();
                begun.push_back(Ok(batch));
            }
            Ok(Some(Err(error)))
                if error.kind.limit().is_some() && (format == Format::Json || error.kind == SqlErrorKind::Rows) =>
            {
                begun.push_back(Err(error));
                break;
            }
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) => {
                is_whole = true;
                break;
            }
            Err(_) => break,
        }
    }
    let scanned_bytes = running.batches.ended().map(|ended| ended.scanned_bytes);
    let body = Body::from_stream(encoded(visit.clone(), running, encoder, begun, is_cut));
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(format.mime()))];
    let mut response = (headers, body).into_response();
    let head = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        head.insert(QUERY_ID, id);
    }
    if is_whole {
        head.insert(ROWS, HeaderValue::from(rows));
        head.extend(scanned_bytes.map(|bytes| (SCANNED_BYTES, HeaderValue::from(bytes))));
    }
    Ok(response)
}

/// The answer with its length. Who speaks HTTP/1.0, as many a proxy does, could not tell one that was cut off from a whole one.
async fn whole(visit: &Visit, response: Response, bytes_max: usize) -> Result<Response, Refusal> {
    let (parts, body) = response.into_parts();
    // What is encoded as text is longer than what the worker said.
    match axum::body::to_bytes(body, bytes_max.saturating_mul(4)).await {
        Ok(bytes) => Ok(Response::from_parts(parts, Body::from(bytes))),
        Err(error) => {
            let text = error.to_string();
            let message =
                Text { ja: format!("途中で打ち切られました: {text}"), en: format!("the answer was cut off: {text}") };
            let hint = Text::new("行や列を減らすか、HTTP/1.1 で送ってください", "ask for fewer rows or columns, or by HTTP/1.1");
            Err(Refusal::new(visit, StatusCode::UNPROCESSABLE_ENTITY, "cut_off", message, Some(hint)))
        }
    }
}

/// Encodes batch by batch. An error after the first rows is said where the format has a place for it, and else breaks the transfer: half
/// an answer must not look whole.
fn encoded(
    visit: Arc<Visit>,
    running: Running,
    encoder: Encoder,
    begun: VecDeque<Result<RecordBatch, SqlError>>,
    is_cut: bool,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> {
    let state = Some((running.batches, encoder, begun));
    futures::stream::unfold(state, move |state| {
        let visit = visit.clone();
        async move {
            let (mut batches, encoder, mut begun) = state?;
            let batch = match begun.pop_front() {
                Some(batch) => Some(batch),
                None => batches.next().await,
            };
            match batch {
                Some(Ok(batch)) => {
                    // Encoding takes milliseconds of a processor: not those that answer.
                    match tokio::task::spawn_blocking(move || encoder.batch(&batch)).await {
                        Ok(Ok((encoder, bytes))) => Some((Ok(bytes), Some((batches, encoder, begun)))),
                        Ok(Err(error)) => {
                            tracing::error!(kind = ?error.kind, "rows could not be encoded: the answer is cut short");
                            Some((Err(std::io::Error::other(error.to_string())), None))
                        }
                        Err(error) => Some((Err(std::io::Error::other(error.to_string())), None)),
                    }
                }
                Some(Err(error)) if error.kind == SqlErrorKind::Rows && is_cut => {
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
    let basic = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = basic.and_then(|(_, text)| BASE64_STANDARD.decode(text.trim()).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let (name, password) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(|| Refusal::sign_in(visit))?;
    // One after the other: the requests of one program begin together, and none of them guesses.
    let _turn = app.proving.lock().await;
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
    // A statement begins with no brace, and some programs say that all they send is a form.
    let is_json = kind.to_ascii_lowercase().starts_with("application/json") || body.trim_ascii_start().starts_with(b"{");
    let said: Asked = match is_json {
        true => serde_json::from_slice(body).map_err(|error| {
            Refusal::bad(visit, format!("JSON を読めません: {error}"), format!("the JSON cannot be read: {error}"))
        })?,
        false => {
            let wrong = |_| Refusal::bad(visit, "SQL は UTF-8 で送ってください", "send the SQL as UTF-8");
            Asked { sql: std::str::from_utf8(body).map_err(wrong)?.into(), ..Asked::default() }
        }
    };
    if let Some((name, _)) = visit.query.iter().find(|(name, _)| !IN_URL.contains(&name.as_str())) {
        let known = IN_URL.join(", ");
        return Err(Refusal::bad(
            visit,
            format!("URL の `{name}` は使えません（{known}）"),
            format!("the URL has `{name}`, and may have {known}"),
        ));
    }
    let number = |name: &str| -> Result<Option<u64>, Refusal> {
        let wrong = || Refusal::bad(visit, format!("`{name}` は数です"), format!("`{name}` is a number"));
        visit.param(name).map(|text| text.parse().map_err(|_| wrong())).transpose()
    };
    let flag = |name: &str| match visit.param(name).map(str::to_ascii_lowercase).as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true" | "") => Ok(true),
        Some(_) => Err(Refusal::bad(visit, format!("`{name}` は 1 か 0 です"), format!("`{name}` is 1 or 0"))),
    };
    let text = |name: &str| visit.param(name).map(String::from);
    // What the body says goes first.
    Ok(Asked {
        as_of: said.as_of.or_else(|| text("as_of")),
        mode: said.mode.or_else(|| text("mode")),
        format: said.format.or_else(|| text("format")),
        limit: said.limit.or(number("limit")?.map(|limit| limit as usize)),
        timeout: said.timeout.or(number("timeout")?),
        personal: said.personal || flag("personal")?,
        explain: said.explain || flag("explain")?,
        ..said
    })
}

/// Whether EXPLAIN is put before it, on a line of its own.
fn is_explained_here(asked: &Asked) -> bool {
    asked.explain && !query::sql::opens_with(&asked.sql, "EXPLAIN")
}

fn question(app: &App, visit: &Visit, who: String, asked: Asked) -> Result<Question, Refusal> {
    let mode = match asked.mode.as_deref() {
        None | Some("as_known") => Mode::AsKnown,
        Some("as_happened") => Mode::AsHappened,
        Some(_) => {
            return Err(Refusal::bad(visit, "mode は as_known か as_happened です", "`mode` is as_known or as_happened"));
        }
    };
    let sql = if is_explained_here(&asked) { format!("EXPLAIN\n{}", asked.sql) } else { asked.sql };
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

fn digits(number: &serde_json::Number) -> usize {
    number.to_string().chars().filter(char::is_ascii_digit).count()
}

/// A value of JSON, typed by itself or as it says.
fn bound(name: &str, value: &Value) -> Option<Bound> {
    let value = match value {
        Value::Null => return Some(Bound { name: name.into(), kind: ParamKind::Text, value: None }),
        Value::Bool(value) => ParamValue::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => ParamValue::Int(value),
            // It would lose digits: as a text it has them.
            (None, Some(_)) => return None,
            (None, None) => ParamValue::Float(number.as_f64()?),
        },
        Value::String(text) => ParamValue::Text(text.clone()),
        Value::Object(members) => {
            let kind = ParamKind::parse(members.get("type")?.as_str()?)?;
            return match members.get("value")? {
                Value::Null => Some(Bound { name: name.into(), kind, value: None }),
                Value::String(text) => Some(Bound::new(name, kind.read(text)?)),
                // More digits than a number of JSON is sure to keep.
                Value::Number(number) if kind == ParamKind::Money && digits(number) > 15 => None,
                other => Some(Bound::new(name, kind.read(&other.to_string())?)),
            };
        }
        Value::Array(_) => return None,
    };
    Some(Bound::new(name, value))
}
