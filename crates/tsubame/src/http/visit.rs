//! What is known of a request before anybody answers it: who asks, in which language, from where. Also the line it leaves in the log.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant as Stopwatch,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use state::Session;

use super::{App, auth, errors::Failed};
use crate::pages::{Lang, Locale};

const LANG_COOKIE: &str = "lang";
const YEAR_SECONDS: u32 = 31_536_000;

/// A request, gathered. Handlers take it as an `Extension<Arc<Visit>>`.
#[derive(Debug, Clone)]
pub struct Visit {
    pub locale: Locale,
    pub session: Option<Session>,
    /// The session cookie as it came: needed to end the session.
    pub session_id: Option<String>,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub address: IpAddr,
    /// A person's browser, as opposed to a program that asks for data.
    pub wants_page: bool,
    /// The browser reached us, or the proxy before us, by https.
    pub is_secure: bool,
}

impl Visit {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.csrf)
    }

    /// Whether a form was made for this session. Compared as a whole, so that the time tells nothing of a prefix.
    pub fn is_own_form(&self, token: &str) -> bool {
        self.session.as_ref().is_some_and(|session| same(token, &session.csrf))
    }
}

/// Equality that takes as long for a near miss as for a far one.
pub fn same(left: &str, right: &str) -> bool {
    let differing = left.bytes().zip(right.bytes()).fold(0, |bits, (left, right)| bits | (left ^ right));
    left.len() == right.len() && !left.is_empty() && differing == 0
}

pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';'));
    cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
}

/// Gathers, and logs the answer: the path without its query, which may name a customer.
pub async fn gather(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let workspace = app.workspace();
    let watch = Stopwatch::now();
    let (method, path) = (request.method().clone(), said(request.uri().path()));
    let mut visit = read(&app, &request);
    let needs_nobody = path.starts_with("/assets/") || path == "/healthz";
    if let Some(id) = visit.session_id.as_ref().filter(|_| !needs_nobody) {
        match workspace.state.sessions().find(id, app.wall()).await {
            Ok(session) => visit.session = session,
            // Without the state nobody can be known; the answer is plain.
            Err(error) => {
                tracing::error!(%error, path, "a session could not be looked up");
                return Failed::from(error).into_response();
            }
        }
    }
    let visit = Arc::new(visit);
    let chosen = visit.param(LANG_COOKIE).and_then(Lang::parse);
    request.extensions_mut().insert(visit);
    let mut response = next.run(request).await;
    if let Some(lang) = chosen {
        let cookie = format!("{LANG_COOKIE}={}; Path=/; Max-Age={YEAR_SECONDS}; SameSite=Lax", lang.name());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    tracing::info!(%method, path, status = response.status().as_u16(), ms = watch.elapsed().as_millis() as u64, "answered");
    response
}

/// A path as logs have it: what opens a shared read-out is told to nobody.
pub fn said(path: &str) -> String {
    if path.starts_with("/shared/") { "/shared/…".into() } else { path.to_string() }
}

/// All but the session, which has to be looked up.
fn read(app: &App, request: &Request) -> Visit {
    let workspace = app.workspace();
    let (headers, uri) = (request.headers(), request.uri());
    let path = uri.path().to_string();
    let query: Vec<(String, String)> = match axum::extract::Query::try_from_uri(uri) {
        Ok(axum::extract::Query(query)) => query,
        Err(_) => Vec::new(),
    };
    let session_id = cookie(headers, auth::COOKIE).filter(|id| !id.is_empty());
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let peer =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let asked = query.iter().find(|(name, _)| name == LANG_COOKIE).and_then(|(_, value)| Lang::parse(value));
    let lang = asked
        .or_else(|| Lang::parse(&cookie(headers, LANG_COOKIE)?))
        .or_else(|| text(header::ACCEPT_LANGUAGE).and_then(accepted))
        .or_else(|| Lang::parse(&workspace.shop().language))
        .unwrap_or(Lang::Ja);
    let wants_json = text(header::ACCEPT).is_some_and(|accept| accept.contains("json") && !accept.contains("html"));
    Visit {
        locale: Locale::new(lang, workspace.shop().timezone, workspace.shop().currency.clone()),
        session: None,
        session_id,
        address: address(peer, text(header::HeaderName::from_static("x-forwarded-for"))),
        wants_page: !wants_json && !path.ends_with(".csv") && !matches!(path.as_str(), "/healthz" | "/metrics"),
        is_secure: text(header::HeaderName::from_static("x-forwarded-proto")) == Some("https"),
        path,
        query,
    }
}

/// Whose request it is. A proxy on this machine says for whom it asks; anybody else could say anything.
fn address(peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
    match forwarded_for.and_then(|list| list.rsplit(',').next()) {
        Some(last) if peer.is_loopback() => last.trim().parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        _ => peer,
    }
}

/// The language a browser asks for, if it is one of ours.
fn accepted(header: &str) -> Option<Lang> {
    let names_ours = header.split(',').any(|part| matches!(part.trim().get(..2), Some("ja" | "en" | "JA" | "EN")));
    names_ours.then(|| Lang::accepted(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_on_this_machine_speaks_for_others() {
        let check = |peer: &str, forwarded: Option<&str>, expect: &str| {
            assert_eq!(address(peer.parse().unwrap(), forwarded).to_string(), expect, "{peer} {forwarded:?}");
        };
        check("127.0.0.1", None, "127.0.0.1");
        check("127.0.0.1", Some("10.1.1.1, 203.0.113.7"), "203.0.113.7");
        check("127.0.0.1", Some("nonsense"), "0.0.0.0");
        check("203.0.113.9", Some("127.0.0.1"), "203.0.113.9");
    }

    #[test]
    fn a_token_is_compared_whole() {
        let check = |left: &str, right: &str, expect| assert_eq!(same(left, right), expect, "{left} {right}");
        check("abc", "abc", true);
        check("abc", "abd", false);
        check("abc", "abcd", false);
        check("", "", false);
    }

    #[test]
    fn a_browser_that_wants_neither_language_gets_the_shops() {
        let check = |header: &str, expect| assert_eq!(accepted(header), expect, "{header}");
        check("en-US,en;q=0.9", Some(Lang::En));
        check("fr, ja;q=0.5", Some(Lang::Ja));
        check("fr, de", None);
        check("*", None);
    }
}
