//! Deliveries of shop systems and of LINE: `POST /webhooks/SOURCE`. The signature is checked over the bytes as they came, before anything
//! reads them; the answer is 200 when all of it is on stable storage, and not before.
//!
//! A signed delivery that cannot be read is 200 too: the shop cannot mend it, and takes a subscription away that keeps failing. Its bytes
//! wait, sealed, for a person. Only what the shop should send again is answered otherwise: 401 for a wrong signature, 503 for a busy or
//! broken machine of ours.

use std::{
    collections::BTreeMap,
    fmt::Write,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use connect::shops::{self, Headers, woocommerce};
use futures::FutureExt;
use model::{Source, SourceKind};
use tokio::sync::Semaphore;

use super::{App, Shared};
use crate::{
    clock::Clock,
    jobs::webhooks::{Kept, Known, door, keep},
    secrets,
};

/// Orders of many lines come to some hundred kilobytes.
const BODY_BYTES_MAX: usize = 5 << 20;
/// Shops send their bodies at once; who does not is no shop.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// Deliveries at work at once. Those above it come again: every shop tries for hours.
const AT_ONCE: usize = 64;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/webhooks/{source}", post(deliver))
}

/// What came and what became of it, for `/metrics`.
pub struct Deliveries {
    at_once: Semaphore,
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
    refused: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Default for Deliveries {
    fn default() -> Deliveries {
        Deliveries { at_once: Semaphore::new(AT_ONCE), counts: Mutex::default(), refused: Mutex::default() }
    }
}

impl Deliveries {
    fn count(&self, source: &str, outcome: &'static str, by: u64) {
        if by > 0 {
            *self.counts.lock().expect("nobody panics while holding it").entry((source.into(), outcome)).or_default() += by;
        }
    }

    pub fn write(&self, text: &mut String) {
        let mut metric = |name: &str, help: &str, label: &str, counts: &Mutex<BTreeMap<(String, &'static str), u64>>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for ((source, of), count) in counts.lock().expect("nobody panics while holding it").iter() {
                let _ = writeln!(text, "{name}{{source=\"{source}\",{label}=\"{of}\"}} {count}");
            }
        };
        metric(
            "tsubame_webhooks_total",
            "Deliveries of shops and LINE, and what they held, by outcome.",
            "outcome",
            &self.counts,
        );
        metric("tsubame_webhooks_refused_total", "Deliveries in the quarantine, by code.", "code", &self.refused);
    }
}

async fn deliver(State(app): Shared, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let workspace = app.workspace();
    let is_signed = |source: &&Source| {
        matches!(source.kind, SourceKind::Shopify | SourceKind::Woocommerce | SourceKind::SignedJson | SourceKind::Line)
    };
    let Some(source) = workspace.shop().sources.iter().filter(is_signed).find(|source| source.name == name) else {
        return answer(StatusCode::NOT_FOUND, "unknown_source", "nobody delivers here");
    };
    let answered = AssertUnwindSafe(taken(&app, source, &headers, body)).catch_unwind().await;
    // The panic's own words are in the log already.
    let response = answered.unwrap_or_else(|_| unavailable("a defect"));
    if response.status() != StatusCode::OK {
        tracing::warn!(source = name, status = response.status().as_u16(), "a delivery was not taken");
    }
    let outcome = match response.status() {
        StatusCode::OK => "taken",
        StatusCode::UNAUTHORIZED => "unsigned",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "malformed",
    };
    app.deliveries.count(&source.name, outcome, 1);
    response
}

async fn taken(app: &App, source: &Source, headers: &HeaderMap, body: Body) -> Response {
    let workspace = app.workspace();
    let Ok(_place) = app.deliveries.at_once.try_acquire() else { return unavailable("too much at once") };
    let body = match tokio::time::timeout(BODY_TIME_MAX, axum::body::to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "a body has at most 5 MiB"),
        Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come"),
    };
    let text =
        |(name, value): (&header::HeaderName, &HeaderValue)| Some((name.as_str().to_string(), value.to_str().ok()?.into()));
    let headers: Vec<(String, String)> = headers.iter().filter_map(text).collect();
    let headers = Headers(&headers);
    let is_unsigned_ping = source.kind == SourceKind::Woocommerce && headers.one("x-wc-webhook-signature").is_none();
    if is_unsigned_ping && woocommerce::is_ping(&body) {
        return answer(StatusCode::OK, "pong", "waiting for deliveries");
    }
    // Read again for each delivery: a secret that is replaced holds from the next one on.
    let secrets: Result<Vec<String>, _> = source
        .secrets
        .iter()
        .map(|reference| secrets::resolve(&workspace.folder, reference).map(|secret| secret.expose().clone()))
        .collect();
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(fault) => {
            tracing::error!(source = source.name, %fault, "a delivery could not be checked");
            return unavailable("the source's secret is not there");
        }
    };
    // Signatures are made by the clocks of others, also where the shop itself lives in its own time.
    let wall = Clock::Real.now();
    if let Err(unsigned) = shops::verify(source.kind, &source.shop_domain, &secrets, headers, &body, wall) {
        tracing::warn!(source = source.name, %unsigned, "a delivery was refused");
        return answer(StatusCode::UNAUTHORIZED, "signature", &unsigned.to_string());
    }
    let topics = ["x-shopify-topic", "shopify-topic", "x-wc-webhook-topic"];
    let topic = topics.iter().find_map(|name| headers.one(name)).unwrap_or_default();
    let delivered = shops::read(&door(&workspace, source, workspace.now()), headers, &body);
    {
        let mut refused = app.deliveries.refused.lock().expect("nobody panics while holding it");
        for one in &delivered.refused {
            tracing::warn!(source = source.name, code = one.code, "a delivery waits in the quarantine");
            *refused.entry((source.name.clone(), one.code)).or_default() += 1;
        }
    }
    match keep(&workspace, source, topic, delivered, Known::Now).await {
        Ok(kept) => {
            count(&app.deliveries, &source.name, &kept);
            answer(StatusCode::OK, "taken", "kept")
        }
        Err(fault) => {
            tracing::error!(source = source.name, %fault, "a delivery could not be kept");
            unavailable("the journal")
        }
    }
}

fn count(deliveries: &Deliveries, source: &str, kept: &Kept) {
    let counts = [
        ("changed", kept.changed),
        ("repeated", kept.repeated),
        ("refused", kept.refused),
        ("left_out", kept.left_out),
        ("refund_cut", kept.refunds_cut),
        ("address_dropped", kept.addresses_dropped),
        ("erased", kept.erased),
        ("blocked", kept.blocked),
        ("unblocked", kept.unblocked),
    ];
    counts.into_iter().for_each(|(outcome, by)| deliveries.count(source, outcome, by));
}

fn unavailable(why: &str) -> Response {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &format!("send it again later: {why}"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response
}

fn answer(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "success": status == StatusCode::OK, "code": code, "message": message });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests;
