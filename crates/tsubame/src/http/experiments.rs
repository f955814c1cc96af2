//! Experiments for sites: GrowthBook's endpoints, so that a stock SDK has this server for its API host, and OpenFeature's OFREP. A client
//! names itself by the write key of a source, as for events.
//!
//! | path | answers |
//! |---|---|
//! | `GET /api/features/{key}` | the payload, with `ETag`; 400 for a source that is served `remote` |
//! | `GET /sub/{key}` | the payload again whenever it changes (server-sent events) |
//! | `POST /api/eval/{key}` | the payload evaluated for one unit, for a source that is served `remote` |
//! | `POST /track?client_key={key}` | exposures: kept before it answers |
//! | `POST /ofrep/v1/evaluate/flags[/{flag}]` | one flag or all; a single flag that was decided by chance is an exposure |

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    time::{Duration, Instant as Stopwatch},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{any, get, post},
};
use connect::serving::{
    growthbook::{EvalRequest, Viewed, tracked},
    ofrep::{self, Evaluated, Refusal as Unanswered},
};
use decide::growthbook::{self, Context, Outcome, evaluated};
use futures::{Stream, stream};
use model::{experiment::Status, id::hex, shop::ServedAs};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    App, Shared,
    collect::{Refusal, allow_origin, door::Door, pairs, preflight, refused},
};
use crate::{
    jobs::expose::exposed,
    serving::{Served, Serving},
};

/// Open streams of changes; one more is told to ask again later.
const STREAMS_MAX: usize = 2_000;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How soon a client whose stream ended comes again.
const RETRY: Duration = Duration::from_secs(10);
/// A stream is closed after this long, so that clients spread over servers and a lost one does not stay for ever.
const STREAM_TIME_MAX: Duration = Duration::from_secs(3_600);
const CACHED: &str = "public, max-age=30, stale-while-revalidate=3600, stale-if-error=36000";

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/features/{key}", get(features).options(asked))
        .route("/sub/{key}", get(changes).options(asked))
        .route("/api/eval/{key}", post(eval).options(asked))
        .route("/track", any(track))
        .route("/ofrep/v1/evaluate/flags", post(flags).options(asked))
        .route("/ofrep/v1/evaluate/flags/{flag}", post(flag).options(asked))
}

/// What requests share.
pub struct Experiments {
    pub serving: Arc<Serving>,
    streams: Arc<Semaphore>,
}

impl Experiments {
    pub fn open(workspace: &crate::workspace::Workspace) -> Experiments {
        let declared = workspace.files.experiments.clone();
        let serving = Arc::new(Serving::open(&workspace.folder, declared, workspace.stops.subscribe()));
        Experiments { serving, streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }

    /// Looks at the files from here on.
    pub fn watched(&self) -> Weak<Serving> {
        Arc::downgrade(&self.serving)
    }
}

async fn asked(headers: HeaderMap) -> Response {
    open_to_all(preflight(&headers))
}

async fn features(State(app): Shared, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let Some(door) = app.collecting.door(&key) else { return unknown_key() };
    if door.source.experiments == ServedAs::Remote {
        return not_this_way("this key is evaluated remotely: POST to /api/eval/{key}");
    }
    let served = app.experiments.serving.now();
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if known.as_bytes() == served.etag.as_bytes() || known.as_bytes() == weak(&served.etag).as_bytes() => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        _ => json_text(StatusCode::OK, served.payload.clone()),
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHED));
    if let Ok(etag) = HeaderValue::from_str(&served.etag) {
        out.insert(header::ETAG, etag);
    }
    streamed(open_to_all(response))
}

async fn changes(State(app): Shared, Path(key): Path<String>) -> Response {
    let Some(door) = app.collecting.door(&key) else { return unknown_key() };
    let Ok(permit) = app.experiments.streams.clone().try_acquire_owned() else { return open_to_all(refused(Refusal::Busy)) };
    let remote = door.source.experiments == ServedAs::Remote;
    let stream = told(app.experiments.serving.changes(), remote, permit);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("");
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    open_to_all(response)
}

/// First when to come again, then every change. A client that is evaluated remotely is told to ask, not what changed.
fn told(
    changes: watch::Receiver<Arc<Served>>,
    remote: bool,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let until = tokio::time::Instant::now() + STREAM_TIME_MAX;
    stream::unfold((changes, permit, 0u64), move |(mut changes, permit, number)| async move {
        if number == 0 {
            changes.borrow_and_update();
            return Some((Ok(Event::default().retry(RETRY)), (changes, permit, 1)));
        }
        if !matches!(tokio::time::timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
            return None;
        }
        let served = changes.borrow_and_update().clone();
        let event = Event::default().id(number.to_string());
        let event = match remote {
            true => event.event("features-updated").data(""),
            false => event.event("features").data(&served.payload),
        };
        Some((Ok(event), (changes, permit, number + 1)))
    })
}

async fn eval(State(app): Shared, Path(key): Path<String>, request: Request) -> Response {
    let Some(door) = app.collecting.door(&key) else { return unknown_key() };
    if door.source.experiments != ServedAs::Remote {
        return not_this_way(
            "this key is not evaluated remotely: GET /api/features/{key}, or set `experiments = \"remote\"` for its source",
        );
    }
    let bytes = match app.collecting.body(request.into_body()).await {
        Ok(bytes) => bytes,
        Err(refusal) => return open_to_all(refused(refusal)),
    };
    let Some(asked) = EvalRequest::read(&bytes) else {
        return not_this_way("the body is not {\"attributes\": {…}} of at most 1,000 members");
    };
    let served = app.experiments.serving.now();
    let context = Context {
        attributes: Value::Object(asked.attributes),
        features: served.features.clone(),
        forced: asked.forced_variations,
        url: asked.url,
        sticky: asked.sticky_bucket_assignment_docs,
        ..Context::default()
    };
    let forced: Map<String, Value> = asked.forced_features.into_iter().collect();
    let growthbook::Evaluated { features, kept } = evaluated(&context, &forced);
    let mut body = served.evaluated(features);
    if let Some(kept) = kept {
        body["stickyBucketAssignmentDocs"] = kept.into();
    }
    let mut response = json_text(StatusCode::OK, body.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    streamed(open_to_all(response))
}

async fn track(State(app): Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match parts.method.as_str() {
        "OPTIONS" => preflight(&parts.headers),
        "POST" => tracked_or_refused(&app, &parts, body).await.unwrap_or_else(refused),
        _ => refused(Refusal::Method(axum::http::Method::POST)),
    };
    allow_origin(app.collecting.doors(), &parts.headers, response.headers_mut());
    response
}

async fn tracked_or_refused(app: &Arc<App>, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let key = pairs(parts).into_iter().find(|(name, _)| name == "client_key").map(|(_, key)| key).unwrap_or_default();
    let door = app.collecting.door(&key).ok_or(Refusal::UnknownKey)?;
    let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| !door.allows(origin)) {
        return Err(Refusal::Origin);
    }
    if let Some(wait_seconds) = door.rate.wait(Stopwatch::now()) {
        return Err(Refusal::TooFast { wait_seconds });
    }
    let bytes = app.collecting.body(body).await?;
    let read = tracked(&bytes).map_err(|wrong| Refusal::Malformed(wrong.to_string()))?;
    door.rate.take((read.viewed.len() + read.other + read.refused.len()).max(1), Stopwatch::now());
    let kept = keep(app, door, &read.viewed).await?;
    let refused: Vec<Value> = read.refused.iter().map(|(index, reason)| json!({ "index": index, "reason": reason })).collect();
    let body = json!({
        "success": true, "kept": kept.kept, "repeated": kept.repeated, "unknown": kept.unknown, "other": read.other, "rejected": refused,
    });
    Ok(json_text(StatusCode::OK, body.to_string()))
}

async fn keep(app: &App, door: &Door, viewed: &[Viewed]) -> Result<crate::jobs::expose::Exposed, Refusal> {
    let served = app.experiments.serving.now();
    let workspace = &app.workspace();
    exposed(workspace, &served, &door.source.name, viewed, workspace.now()).await.map_err(|fault| {
        tracing::error!("exposures could not be stored: {fault}");
        Refusal::NotStored { wait_seconds: 10 }
    })
}

/// The source of an OFREP request: `Authorization: Bearer KEY`, or `X-API-Key`.
fn source_of<'a>(app: &'a App, headers: &HeaderMap) -> Option<&'a Door> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer ").or(value.strip_prefix("bearer ")));
    app.collecting.door(bearer.or(text("x-api-key"))?.trim())
}

async fn flag(State(app): Shared, Path(flag): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(door) = source_of(&app, &parts.headers) else { return open_to_all(StatusCode::UNAUTHORIZED.into_response()) };
    let answered = async {
        let bytes = app.collecting.body(body).await.map_err(|_| Unanswered::Parse)?;
        let asked = ofrep::context(&bytes)?;
        let served = app.experiments.serving.now();
        let (evaluated, outcome) = one(&served, &asked, &flag).ok_or(Unanswered::FlagNotFound)?;
        Ok::<_, Unanswered>((evaluated, outcome))
    };
    let response = match answered.await {
        Err(why) => {
            json_text(StatusCode::from_u16(why.status()).unwrap_or(StatusCode::BAD_REQUEST), why.body(Some(&flag)).to_string())
        }
        Ok((evaluated, outcome)) => {
            let viewed: Vec<Viewed> = outcome.into_iter().collect();
            match keep(&app, door, &viewed).await {
                Ok(_) => json_text(StatusCode::OK, evaluated.body().to_string()),
                Err(refusal) => refused(refusal),
            }
        }
    };
    open_to_all(response)
}

async fn flags(State(app): Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if source_of(&app, &parts.headers).is_none() {
        return open_to_all(StatusCode::UNAUTHORIZED.into_response());
    }
    let answered = async {
        let bytes = app.collecting.body(body).await.map_err(|_| Unanswered::Parse)?;
        let asked = ofrep::context(&bytes)?;
        let served = app.experiments.serving.now();
        let all: Vec<Evaluated> =
            served.features.keys().filter_map(|flag| one(&served, &asked, flag)).map(|(evaluated, _)| evaluated).collect();
        Ok::<_, Unanswered>(ofrep::all(&all).to_string())
    };
    let response = match answered.await {
        Err(why) => json_text(StatusCode::from_u16(why.status()).unwrap_or(StatusCode::BAD_REQUEST), why.body(None).to_string()),
        Ok(body) => {
            let etag = format!("\"{}\"", hex(&Sha256::digest(&body)[..12]));
            let is_known = parts.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
            let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { json_text(StatusCode::OK, body) };
            if let Ok(etag) = HeaderValue::from_str(&etag) {
                response.headers_mut().insert(header::ETAG, etag);
            }
            response
        }
    };
    open_to_all(response)
}

/// One flag for one unit, and the exposure if chance decided. The unit stands under the attribute of every experiment that does not have a
/// value of its own.
fn one(served: &Served, asked: &ofrep::Context, flag: &str) -> Option<(Evaluated, Option<Viewed>)> {
    served.features.get(flag)?;
    let mut attributes = asked.attributes.clone();
    for attribute in served.experiments.iter().map(|experiment| experiment.attribute.as_str()).chain(["id"]) {
        attributes.entry(attribute).or_insert_with(|| asked.unit.clone().into());
    }
    let context = Context { attributes: Value::Object(attributes), features: served.features.clone(), ..Context::default() };
    let feature = context.feature(flag);
    let running = served.running(flag);
    let reason = match (feature.source, running) {
        ("experiment", _) => "SPLIT",
        ("force", _) => "TARGETING_MATCH",
        (_, None) if served.experiments.iter().any(|test| test.feature() == flag && test.status == Status::Draft) => "DISABLED",
        _ => "STATIC",
    };
    let viewed = feature.outcome.as_ref().zip(running).map(|(outcome, test)| viewed(outcome, &test.experiment));
    let evaluated = Evaluated {
        key: flag.into(),
        value: feature.value,
        reason,
        variant: feature.outcome.map(|outcome| outcome.key),
        experiment: running.map(|test| test.experiment.clone()),
    };
    Some((evaluated, viewed))
}

fn viewed(outcome: &Outcome, experiment: &str) -> Viewed {
    let unit = match &outcome.hash_value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Viewed {
        experiment: experiment.into(),
        arm: outcome.key.clone(),
        attribute: outcome.hash_attribute.clone(),
        unit,
        user_id: None,
    }
}

fn json_text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn unknown_key() -> Response {
    not_this_way("no source has this client key: compare it with tsubame.toml")
}

/// In the words of GrowthBook's API, whose SDKs print them.
fn not_this_way(why: &str) -> Response {
    open_to_all(json_text(StatusCode::BAD_REQUEST, json!({ "status": 400, "error": why }).to_string()))
}

/// What is served to browsers is nobody's own: pages of any host may read it.
fn open_to_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.entry(header::ACCESS_CONTROL_EXPOSE_HEADERS).or_insert(HeaderValue::from_static("x-sse-support, ETag"));
    response
}

/// Tells an SDK that changes are streamed.
fn streamed(mut response: Response) -> Response {
    response.headers_mut().insert("x-sse-support", HeaderValue::from_static("enabled"));
    response
}

fn weak(etag: &str) -> String {
    format!("W/{etag}")
}
