//! Our own tag, for shops without a client of another maker: one small file that pages of the shop load from here.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use tower_http::compression::CompressionLayer;

use super::{App, assets::Asset};

const TAG: &str = include_str!("tag.js");

/// Browsers ask again after an hour, so that a new version is everywhere within a day.
static TAG_ASSET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", "public, max-age=3600, stale-while-revalidate=86400", TAG));

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/t.js", get(tag)).layer(CompressionLayer::new())
}

/// For pages of any host: it is public, and says nothing about anybody.
async fn tag(request: HeaderMap) -> impl IntoResponse {
    let mut response = TAG_ASSET.answer(&request);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_tag_is_small_and_calls_nobody_else() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(TAG.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap().len();
        assert!(bytes <= 8 << 10, "{bytes} bytes");
        // Every address in it is in its opening words.
        let code = TAG.split_once("(function () {").unwrap().1;
        assert!(!code.contains("://"), "an address of somebody else");
    }
}
