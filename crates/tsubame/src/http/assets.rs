//! Style and script. They are part of the binary, so their tag is the hash of what they are.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::App;
use crate::pages::{SCRIPT, SQL_SCRIPT, STYLE};

pub(super) struct Asset {
    kind: &'static str,
    cache: &'static str,
    text: &'static str,
    tag: String,
}

/// Asked about again soon, as an address does not change with its content.
const CACHE: &str = "public, max-age=300";

static STYLE_ASSET: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/css; charset=utf-8", CACHE, STYLE));
static SCRIPT_ASSET: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", CACHE, SCRIPT));

static SQL_SCRIPT_ASSET: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", CACHE, SQL_SCRIPT));

impl Asset {
    pub fn new(kind: &'static str, cache: &'static str, text: &'static str) -> Asset {
        Asset { kind, cache, text, tag: format!("\"{}\"", model::id::hex(&Sha256::digest(text.as_bytes())[..8])) }
    }

    pub fn answer(&self, request: &HeaderMap) -> Response {
        let tag = HeaderValue::from_str(&self.tag).expect("hex digits in quotes");
        let is_known = request.get(header::IF_NONE_MATCH).is_some_and(|known| {
            known.to_str().is_ok_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == self.tag))
        });
        let headers = [
            (header::ETAG, tag),
            (header::CACHE_CONTROL, HeaderValue::from_static(self.cache)),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        match is_known {
            true => (StatusCode::NOT_MODIFIED, headers).into_response(),
            false => (headers, [(header::CONTENT_TYPE, self.kind)], self.text).into_response(),
        }
    }
}

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/assets/style.css", get(|headers: HeaderMap| async move { STYLE_ASSET.answer(&headers) }))
        .route("/assets/script.js", get(|headers: HeaderMap| async move { SCRIPT_ASSET.answer(&headers) }))
        .route("/assets/sql.js", get(|headers: HeaderMap| async move { SQL_SCRIPT_ASSET.answer(&headers) }))
}
