//! Live events, as the clients of Segment, RudderStack and GA4 send them: the same paths, the same replies, so that a shop changes a host
//! and nothing else. An answer of 200 leaves after the events are on stable storage and says which of them were not taken.
//!
//! Nothing of what pages need is done for these requests: they are many, and each is worth little time. What waits for the journal is
//! bounded in number and bytes; beyond that the answer is 503, and clients come again.

mod body;
pub(super) mod door;
mod meters;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant as Stopwatch},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use connect::collect::{Collected, Endpoint, Malformed, Refused};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{App, Shared};
use crate::{
    fault::Fault,
    jobs::collect::{self as job, Arrived},
    workspace::Workspace,
};
use door::{Door, Doors};
use meters::Meters;

/// Requests that wait for the journal at once, and bytes that bodies take together.
const WAITING_MAX: usize = 1024;
const MEMORY_BYTES_MAX: usize = 64 << 20;
/// The journal answers within a second or not at all; a client that is left may send again without harm.
const KEEP_TIME_MAX: Duration = Duration::from_secs(20);
/// What clients are told to wait when there was no place for them.
const BUSY_SECONDS: u64 = 1;
const STOPPED_SECONDS: u64 = 10;
/// Bodies from here on are read on a thread of their own, so that they hold nobody up.
const LARGE_BYTES: usize = 128 << 10;

const PREFLIGHT_SECONDS: &str = "86400";

/// The types of event that have a path of their own, also by their first letter.
const EVENT_TYPES: [&str; 6] = ["track", "identify", "page", "screen", "group", "alias"];

/// Of each path the form without a slash at its end.
const PATHS: [&str; 22] = [
    "/v1/batch",
    "/v1/import",
    "/v1/b",
    "/v1/m",
    "/v1/track",
    "/v1/identify",
    "/v1/page",
    "/v1/screen",
    "/v1/group",
    "/v1/alias",
    "/v1/t",
    "/v1/i",
    "/v1/p",
    "/v1/s",
    "/v1/g",
    "/v1/a",
    "/v1/projects/{key}/settings",
    "/sourceConfig",
    "/beacon/v1/batch",
    "/pixel/v1/{type}",
    "/mp/collect",
    "/debug/mp/collect",
];

pub fn routes() -> Router<Arc<App>> {
    PATHS.iter().fold(Router::new(), |router, path| router.route(path, any(answer)).route(&format!("{path}/"), any(answer)))
}

/// What requests share.
pub struct Collecting {
    doors: Doors,
    pub meters: Meters,
    waiting: Semaphore,
    memory: Arc<Semaphore>,
    body_time_max: Duration,
    /// When a failure was logged last: thousands of requests may meet the same full disk.
    logged: Mutex<Option<Stopwatch>>,
}

impl Collecting {
    pub fn open(workspace: &Workspace) -> Result<Collecting, Fault> {
        Ok(Collecting {
            doors: Doors::open(&workspace.folder, workspace.shop())?,
            meters: Meters::default(),
            waiting: Semaphore::new(WAITING_MAX),
            memory: Arc::new(Semaphore::new(MEMORY_BYTES_MAX)),
            body_time_max: body::READ_TIME_MAX,
            logged: Mutex::default(),
        })
    }

    /// The source of a write key.
    pub fn door(&self, key: &str) -> Option<&Door> {
        self.doors.find(key)
    }

    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// A body as it came, within the limits of all bodies.
    pub async fn body(&self, body: Body) -> Result<bytes::Bytes, Refusal> {
        Ok(body::read(body, &self.memory, self.body_time_max).await?.bytes)
    }
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Events(Endpoint),
    /// What the client thinks of itself: not ours to keep.
    OwnMetrics,
    /// Of Segment's browser client, by write key.
    Settings(String),
    /// Of RudderStack's browser client.
    SourceConfig,
    /// GA4's check of a body, which keeps nothing.
    Validation,
}

impl Asked {
    fn of(path: &str) -> Option<Asked> {
        let path = path.trim_end_matches('/');
        let event_type =
            |name: &str| EVENT_TYPES.into_iter().find(|kind| *kind == name || (name.len() == 1 && kind.starts_with(name)));
        Some(match path {
            "/v1/batch" | "/v1/import" | "/v1/b" | "/beacon/v1/batch" => Asked::Events(Endpoint::Batch),
            "/v1/m" => Asked::OwnMetrics,
            "/sourceConfig" => Asked::SourceConfig,
            "/mp/collect" => Asked::Events(Endpoint::Ga4),
            "/debug/mp/collect" => Asked::Validation,
            path => match path.strip_prefix("/pixel/v1/") {
                Some("track") => Asked::Events(Endpoint::Pixel("track")),
                Some("page") => Asked::Events(Endpoint::Pixel("page")),
                Some(_) => return None,
                None => match path.strip_prefix("/v1/projects/").and_then(|rest| rest.strip_suffix("/settings")) {
                    Some(key) => Asked::Settings(key.into()),
                    None => Asked::Events(Endpoint::One(event_type(path.strip_prefix("/v1/")?)?)),
                },
            },
        })
    }

    fn method(&self) -> Method {
        match self {
            Asked::Events(Endpoint::Pixel(_)) | Asked::Settings(_) | Asked::SourceConfig => Method::GET,
            _ => Method::POST,
        }
    }
}

/// Why a request got nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    UnknownKey,
    Origin,
    NotFound,
    Method(Method),
    Malformed(String),
    Unreadable(Malformed),
    TooLarge(String),
    Slow,
    TooFast {
        wait_seconds: u64,
    },
    /// Too much waits already.
    Busy,
    /// The events could not be stored.
    NotStored {
        wait_seconds: u64,
    },
}

impl Refusal {
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::Unreadable(Malformed::TooMany { .. } | Malformed::TooLarge { .. }) | Refusal::TooLarge(_) => 413,
            Refusal::Unreadable(_) => 400,
            Refusal::UnknownKey => 401,
            Refusal::Origin => 403,
            Refusal::NotFound => 404,
            Refusal::Method(_) => 405,
            Refusal::Slow => 408,
            Refusal::TooFast { .. } => 429,
            Refusal::Busy | Refusal::NotStored { .. } => 503,
        }
    }

    fn said(&self) -> (&'static str, String) {
        match self {
            Refusal::UnknownKey => ("unknown_key", "no source has this write key: compare it with tsubame.toml".into()),
            Refusal::Origin => ("origin_not_allowed", "the source takes nothing from this page: add it to `origins`".into()),
            Refusal::NotFound => ("not_found", "there is nothing at this path".into()),
            Refusal::Method(method) => ("method_not_allowed", format!("this path takes {method}")),
            Refusal::Malformed(why) => ("malformed", why.clone()),
            Refusal::Unreadable(malformed) => (malformed.code(), malformed.to_string()),
            Refusal::TooLarge(why) => ("too_large", why.clone()),
            Refusal::Slow => ("too_slow", "the body did not come in time: send it again".into()),
            Refusal::TooFast { .. } => {
                ("too_fast", "the source takes so many events per second and no more: send it later".into())
            }
            Refusal::Busy => ("busy", "too much waits to be stored: send it again later".into()),
            Refusal::NotStored { .. } => ("not_stored", "nothing was stored: send it again later".into()),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Refusal::TooFast { wait_seconds } | Refusal::NotStored { wait_seconds } => Some(*wait_seconds),
            Refusal::Busy => Some(BUSY_SECONDS),
            _ => None,
        }
    }
}

/// Every request of a client, answered.
async fn answer(State(app): Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match (Asked::of(parts.uri.path()), &parts.method) {
        (None, _) => refused(Refusal::NotFound),
        (Some(_), &Method::OPTIONS) => preflight(&parts.headers),
        (Some(asked), method) if asked.method() != *method => refused(Refusal::Method(asked.method())),
        (Some(asked), _) => match got(&app, asked, &parts, body).await {
            Ok(response) => response,
            Err(refusal) => refused(refusal),
        },
    };
    allow_origin(&app.collecting.doors, &parts.headers, response.headers_mut());
    app.collecting.meters.answered(response.status().as_u16());
    response
}

async fn got(app: &Arc<App>, asked: Asked, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let workspace = app.workspace();
    let query = pairs(parts);
    let (endpoint, keeps) = match asked {
        Asked::OwnMetrics => return Ok(said(StatusCode::OK, SUCCESS.into())),
        Asked::Settings(key) => return settings(app, parts, &key),
        Asked::SourceConfig => return source_config(app, parts, &query),
        Asked::Validation => (Endpoint::Ga4, false),
        Asked::Events(endpoint) => (endpoint, true),
    };
    let collecting = &app.collecting;
    // Who says its key before its body is judged before it.
    let mut known = match named(&collecting.doors, endpoint, parts, &query) {
        Some(door) => Some(let_in(door, endpoint, parts, &query)?),
        None if matches!(endpoint, Endpoint::Pixel(_) | Endpoint::Ga4) => return Err(Refusal::UnknownKey),
        None => None,
    };
    let mut held = body::read(body, &collecting.memory, collecting.body_time_max).await?;
    collecting.meters.read(held.bytes.len());
    if body::is_gzip(&held.bytes) {
        let wire = held.bytes.clone();
        let most = body::inflated_bytes_max(wire.len());
        held.reserve(most, &collecting.memory)?;
        let inflated = match wire.len() * 8 >= LARGE_BYTES {
            true => apart(move || body::inflate(&wire)).await?,
            false => body::inflate(&wire)?,
        };
        held.release(most - inflated.len());
        held.bytes = inflated.into();
    }
    if known.is_none() {
        let key = connect::collect::write_key(&held.bytes).ok_or(Refusal::UnknownKey)?;
        let door = collecting.doors.find(&key).ok_or(Refusal::UnknownKey)?;
        known = Some(let_in(door, endpoint, parts, &query)?);
    }
    let door = known.ok_or(Refusal::UnknownKey)?;
    let arriving = Arriving::new(parts, endpoint, query)?;
    let collected = match held.bytes.len() >= LARGE_BYTES {
        true => {
            let (bytes, source) = (held.bytes.clone(), door.source.clone());
            apart(move || arriving.read(&workspace, &source, &bytes)).await?
        }
        false => arriving.read(&workspace, &door.source, &held.bytes)?,
    };
    if !keeps {
        return Ok(validation(&collected.refused));
    }
    door.rate.take(collected.given.max(1), Stopwatch::now());
    let refused = keep(app, door, collected).await?;
    Ok(match endpoint {
        Endpoint::Pixel(_) => pixel(),
        Endpoint::Ga4 => said(StatusCode::NO_CONTENT, String::new()),
        Endpoint::Batch | Endpoint::One(_) => said(StatusCode::OK, success(&refused)),
    })
}

/// What a request says of its events beside its body.
struct Arriving {
    endpoint: Endpoint,
    query: Vec<(String, String)>,
    sent_at: Option<String>,
    anonymous_id: Option<String>,
    seed: [u8; 16],
}

impl Arriving {
    fn new(parts: &Parts, endpoint: Endpoint, query: Vec<(String, String)>) -> Result<Arriving, Refusal> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|_| Refusal::Busy)?;
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(String::from);
        Ok(Arriving { endpoint, query, sent_at: header("sentat"), anonymous_id: header("anonymousid"), seed })
    }

    fn read(&self, workspace: &Workspace, source: &model::Source, body: &[u8]) -> Result<Collected, Refusal> {
        let arrived = Arrived {
            endpoint: self.endpoint,
            body,
            query: &self.query,
            sent_at: self.sent_at.as_deref(),
            anonymous_id: self.anonymous_id.as_deref(),
            received_at: workspace.now(),
            seed: self.seed,
        };
        job::read(workspace, source, &arrived).map_err(Refusal::Unreadable)
    }
}

/// Runs what takes long away from the threads that answer.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Malformed("the body cannot be read".into())))
}

/// On stable storage when it returns; what was refused comes back.
async fn keep(app: &App, door: &Door, collected: Collected) -> Result<Vec<Refused>, Refusal> {
    let workspace = app.workspace();
    let collecting = &app.collecting;
    let Ok(_place) = collecting.waiting.try_acquire() else { return Err(Refusal::Busy) };
    let refused = collected.refused.clone();
    let mut letters = job::letters(&workspace, &door.source, &refused);
    for letter in &mut letters {
        let now = Stopwatch::now();
        match door.quarantine.wait(now) {
            None => door.quarantine.take(letter.raw.len(), now),
            // That it came and why it was refused stays, once for each reason.
            Some(_) => {
                letter.file = format!("{}beyond the quarantine's size", job::LIVE);
                letter.raw = Vec::new();
            }
        }
    }
    let fault = match tokio::time::timeout(KEEP_TIME_MAX, job::keep(&workspace, &door.source, collected, letters)).await {
        Ok(Ok(kept)) => {
            collecting.meters.kept(kept);
            collecting.meters.refused(&refused);
            return Ok(refused);
        }
        Ok(Err(fault)) => fault.to_string(),
        Err(_) => format!("it took longer than {} s", KEEP_TIME_MAX.as_secs()),
    };
    let mut logged = collecting.logged.lock().expect("nobody panics while holding it");
    if logged.is_none_or(|last| last.elapsed() > Duration::from_secs(1)) {
        *logged = Some(Stopwatch::now());
        tracing::error!(source = door.source.name, fault, "live events could not be stored");
    }
    // Where writing stopped the process is about to end; another one takes a while to start.
    let wait_seconds = if workspace.state.stopped().is_some() { STOPPED_SECONDS } else { BUSY_SECONDS };
    Err(Refusal::NotStored { wait_seconds })
}

/// The source that a request names by header or address.
fn named<'a>(doors: &'a Doors, endpoint: Endpoint, parts: &Parts, query: &[(String, String)]) -> Option<&'a Door> {
    let name = if endpoint == Endpoint::Ga4 { "measurement_id" } else { "writeKey" };
    let of_query = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // A token of OAuth is no key of ours: the body has one then.
    [of_query, authorization.and_then(key_of)].into_iter().flatten().find_map(|key| doors.find(&key))
}

/// `Basic` has the key as the user's name, `Bearer` as it is.
fn key_of(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            let user = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
            Some(user.split_once(':').map_or(user.clone(), |(key, _)| key.to_string()))
        }
        "bearer" => Some(rest.trim().to_string()),
        _ => None,
    }
}

/// Lets a request in by its source's door, or says why not.
fn let_in<'a>(door: &'a Door, endpoint: Endpoint, parts: &Parts, query: &[(String, String)]) -> Result<&'a Door, Refusal> {
    let is_ga4 = endpoint == Endpoint::Ga4;
    let secret = query.iter().find(|(name, _)| name == "api_secret").map_or("", |(_, value)| value);
    if door.is_ga4() != is_ga4 || is_ga4 && !door.has_secret(secret) {
        return Err(Refusal::UnknownKey);
    }
    check_origin(door, parts)?;
    match door.rate.wait(Stopwatch::now()) {
        Some(wait_seconds) => Err(Refusal::TooFast { wait_seconds }),
        None => Ok(door),
    }
}

fn check_origin(door: &Door, parts: &Parts) -> Result<(), Refusal> {
    match parts.headers.get(header::ORIGIN) {
        Some(origin) if !origin.to_str().is_ok_and(|origin| door.allows(origin)) => Err(Refusal::Origin),
        _ => Ok(()),
    }
}

pub(super) fn pairs(parts: &Parts) -> Vec<(String, String)> {
    let query = parts.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// What Segment's browser client asks before it sends: where to.
fn settings(app: &App, parts: &Parts, key: &str) -> Result<Response, Refusal> {
    let door = app.collecting.doors.find(key).ok_or(Refusal::UnknownKey)?;
    check_origin(door, parts)?;
    let (host, protocol) = own_address(&parts.headers);
    let reply = json!({
        "integrations": { "Segment.io": { "apiKey": key, "apiHost": format!("{host}/v1"), "protocol": protocol } },
        "plan": {},
    });
    Ok(said(StatusCode::OK, reply.to_string()))
}

/// What RudderStack's browser client asks before it sends: whether it may, and which third parties it should tell. None.
fn source_config(app: &App, parts: &Parts, query: &[(String, String)]) -> Result<Response, Refusal> {
    let workspace = app.workspace();
    let door = named(&app.collecting.doors, Endpoint::Batch, parts, query).ok_or(Refusal::UnknownKey)?;
    check_origin(door, parts)?;
    let source = &door.source.name;
    let reply = json!({ "source": {
        "id": source,
        "name": source,
        "writeKey": door.write_key.expose(),
        "enabled": true,
        "workspaceId": workspace.shop().name,
        "destinations": [],
        "connections": [],
        "dataplanes": {},
        "config": { "statsCollection": { "errors": { "enabled": false }, "metrics": { "enabled": false } } },
    } });
    Ok(said(StatusCode::OK, reply.to_string()))
}

/// How the client reaches us, as it says itself. A host that has a name stands behind TLS, unless its proxy says otherwise.
fn own_address(headers: &HeaderMap) -> (String, &'static str) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    let host = text("host").filter(is_plain).unwrap_or("localhost");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_name = name != "localhost" && !name.starts_with('[') && name.parse::<std::net::Ipv4Addr>().is_err();
    let protocol = match text("x-forwarded-proto") {
        Some("https") => "https",
        Some("http") => "http",
        _ if is_name => "https",
        _ => "http",
    };
    (host.into(), protocol)
}

/// What a browser asks before it sends with headers of its own. Which headers those are differs by client and by attempt, so whatever it
/// asks for is allowed: none of them means anything here but the key.
pub(super) fn preflight(request: &HeaderMap) -> Response {
    let mut response = said(StatusCode::NO_CONTENT, String::new());
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    response
}

/// A page that some source knows may read the answer, also one that says no: its client is to know whether to come again.
pub(super) fn allow_origin(doors: &Doors, request: &HeaderMap, response: &mut HeaderMap) {
    let Some(origin) = request.get(header::ORIGIN) else { return };
    response.insert(header::VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
    if origin.to_str().is_ok_and(|origin| doors.know_origin(origin)) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    }
}

const SUCCESS: &str = "{\"success\":true}";

fn success(refused: &[Refused]) -> String {
    if refused.is_empty() {
        return SUCCESS.into();
    }
    let rejected: Vec<_> =
        refused.iter().map(|refused| json!({ "index": refused.index, "code": refused.code, "reason": refused.reason })).collect();
    json!({ "success": true, "rejected": rejected }).to_string()
}

/// GA4's own words for what it would not take.
fn validation(refused: &[Refused]) -> Response {
    let message = |refused: &Refused| {
        json!({
            "fieldPath": format!("events[{}]", refused.index),
            "description": refused.reason,
            "validationCode": refused.code.to_ascii_uppercase(),
        })
    };
    let messages: Vec<_> = refused.iter().map(message).collect();
    said(StatusCode::OK, json!({ "validationMessages": messages }).to_string())
}

/// One transparent point.
fn pixel() -> Response {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let mut response = said(StatusCode::OK, String::new());
    *response.body_mut() = Body::from(GIF);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    response
}

pub(super) fn refused(refusal: Refusal) -> Response {
    let (code, message) = refusal.said();
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = said(status, json!({ "code": code, "message": message }).to_string());
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Refusal::Method(method) = &refusal
        && let Ok(allowed) = HeaderValue::from_str(&format!("{method}, OPTIONS"))
    {
        headers.insert(header::ALLOW, allowed);
    }
    response
}

fn said(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
