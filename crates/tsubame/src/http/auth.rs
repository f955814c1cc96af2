//! Signing in and out. A session is 256 random bits in a cookie, known to us by their hash; a form carries a token that follows from
//! them. Nobody learns whether a name exists: not by the words, not by the time, not by when guessing has to wait.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension, Form, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use model::Instant;
use serde::Deserialize;
use state::Secret;

use super::{
    Access, App, Shared,
    errors::Failed,
    visit::{Visit, cookie, same},
};
use crate::{
    fault::{Exit, Fault},
    pages::{
        login::{self, Login, LoginProblem},
        words,
    },
};

pub const COOKIE: &str = "tsubame_session";
/// Proves that the sign-in form came from here, before there is a session.
const FORM_COOKIE: &str = "tsubame_form";
const SESSION_TIME: Duration = Duration::from_secs(12 * 3600);

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/login", get(form).post(sign_in)).route("/logout", post(sign_out))
}

/// Lets a request through to a resource, or not.
pub async fn guard(access: Access, request: Request, next: Next) -> Response {
    let session = request.extensions().get::<Arc<Visit>>().and_then(|visit| visit.session.as_ref());
    match (access, session) {
        (Access::Everybody | Access::Clients, _) | (Access::SignedIn, Some(_)) => next.run(request).await,
        (Access::AtLeast(role), Some(session)) if session.account.role >= role => next.run(request).await,
        (Access::AtLeast(_), Some(_)) => Failed::Forbidden.into_response(),
        (_, None) => Failed::SignIn.into_response(),
    }
}

async fn form(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let next = safe_next(visit.param("next").unwrap_or_default());
    if visit.session.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    let login = Login { next, ..Login::default() };
    answer(&app, &visit, StatusCode::OK, login)
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let expected = cookie(&headers, FORM_COOKIE).unwrap_or_default();
    if !same(&form.csrf, &expected) {
        return Err(Failed::Forbidden);
    }
    let next = safe_next(&form.next);
    let now = app.wall();
    if let Some(seconds) = app.attempts.begin(&form.user, visit.address, now) {
        let problem = Some(LoginProblem::Wait { seconds });
        let mut response =
            answer(&app, &visit, StatusCode::TOO_MANY_REQUESTS, Login { user: &form.user, next, problem, csrf: "" })?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let account = workspace.state.accounts().verify(&form.user, &Secret::new(form.password)).await?;
    let Some(account) = account else {
        tracing::warn!(address = %visit.address, "a sign-in failed");
        let problem = Some(LoginProblem::Wrong);
        return answer(&app, &visit, StatusCode::UNAUTHORIZED, Login { user: &form.user, next, problem, csrf: "" });
    };
    app.attempts.succeeded(&form.user, visit.address);
    // A new id at each sign-in: one that somebody planted before is worth nothing.
    let session = workspace.state.sessions().start(&account.name, now, SESSION_TIME).await?;
    if let Some(old) = &visit.session_id {
        workspace.state.sessions().revoke(old).await?;
    }
    tracing::info!(account = account.name, address = %visit.address, "signed in");
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, &visit, COOKIE, session.id.expose(), "/", Some(SESSION_TIME))?;
    set_cookie(&mut response, &visit, FORM_COOKIE, "", "/login", Some(Duration::ZERO))?;
    Ok(response)
}

#[derive(Deserialize)]
struct SignOut {
    #[serde(default)]
    csrf: String,
}

async fn sign_out(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(form): Form<SignOut>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    if visit.session.is_some() && !visit.is_own_form(&form.csrf) {
        return Err(Failed::Forbidden);
    }
    if let Some(id) = &visit.session_id {
        workspace.state.sessions().revoke(id).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    set_cookie(&mut response, &visit, COOKIE, "", "/", Some(Duration::ZERO))?;
    Ok(response)
}

/// The sign-in page with a fresh token.
fn answer(app: &App, visit: &Visit, status: StatusCode, login: Login) -> Result<Response, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Fault::new(Exit::Failed, format!("could not make a token: {error}")))?;
    let token = model::id::hex(&bytes);
    let body = login::draw(&visit.locale, &Login { csrf: &token, ..login });
    // The language switch goes back to the page, not to where the form was posted.
    let query = if login.next == "/" { Vec::new() } else { vec![("next".to_string(), login.next.to_string())] };
    let page = app.bare(&Visit { path: "/login".into(), query, ..visit.clone() }, words::SIGN_IN.get(visit.locale.lang), body);
    let mut response = (status, page).into_response();
    set_cookie(&mut response, visit, FORM_COOKIE, &token, "/login", None)?;
    Ok(response)
}

fn set_cookie(
    response: &mut Response,
    visit: &Visit,
    name: &str,
    value: &str,
    path: &str,
    time: Option<Duration>,
) -> Result<(), Failed> {
    let age = time.map(|time| format!("; Max-Age={}", time.as_secs())).unwrap_or_default();
    let secure = if visit.is_secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{age}{secure}");
    let cookie =
        HeaderValue::from_str(&cookie).map_err(|_| Fault::new(Exit::Failed, format!("cookie {name} cannot be written")))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}

/// Where to go after signing in: a path of this site and nothing else.
fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next[1..].starts_with(['/', '\\']) && !next.chars().any(char::is_control);
    if is_path && !next.starts_with("/login") && !next.starts_with("/logout") { next } else { "/" }
}

/// Failed sign-ins, by name and by address. An attempt counts when it begins, so that many at once do not slip through together.
#[derive(Default)]
pub struct Attempts {
    failures: Mutex<BTreeMap<Key, Failures>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

const NAME_FAILURES_MAX: u32 = 5;
const ADDRESS_FAILURES_MAX: u32 = 20;
/// How long one has to wait after too many, and after how long everything is forgotten.
const WAIT_SECONDS: i64 = 60;
const FORGET_SECONDS: i64 = 900;
/// So many names and addresses are remembered. Past that those who are unknown wait until others are forgotten.
const REMEMBERED_MAX: usize = 10_000;

impl Attempts {
    /// The seconds to wait where there were too many.
    pub fn wait(&self, name: &str, address: IpAddr, now: Instant) -> Option<u64> {
        wait(&mut self.failures.lock().expect("nobody panics while holding it"), name, address, now)
    }

    /// Counts an attempt, unless one has to wait.
    pub fn begin(&self, name: &str, address: IpAddr, now: Instant) -> Option<u64> {
        let mut failures = self.failures.lock().expect("nobody panics while holding it");
        if let Some(wait) = wait(&mut failures, name, address, now) {
            return Some(wait);
        }
        let mut is_full = false;
        for (key, _) in keys(name, address) {
            if failures.len() >= REMEMBERED_MAX && !failures.contains_key(&key) {
                is_full = true;
                continue;
            }
            let known = failures.entry(key).or_insert(Failures { count: 0, last: now });
            *known = Failures { count: known.count + 1, last: now };
        }
        is_full.then_some(WAIT_SECONDS as u64)
    }

    /// The attempt that just began was no failure.
    pub fn succeeded(&self, name: &str, address: IpAddr) {
        let mut failures = self.failures.lock().expect("nobody panics while holding it");
        failures.remove(&Key::of_name(name));
        if let Some(known) = failures.get_mut(&Key::Address(address)) {
            known.count = known.count.saturating_sub(1);
        }
    }
}

fn wait(failures: &mut BTreeMap<Key, Failures>, name: &str, address: IpAddr, now: Instant) -> Option<u64> {
    failures.retain(|_, known| (now - known.last).num_seconds() < FORGET_SECONDS);
    let waits = keys(name, address).into_iter().filter_map(|(key, most)| {
        let known = failures.get(&key).filter(|known| known.count >= most)?;
        Some(WAIT_SECONDS - (now - known.last).num_seconds()).filter(|wait| *wait > 0)
    });
    waits.max().map(|wait| wait as u64)
}

/// By what an attempt is remembered, and how many may fail.
fn keys(name: &str, address: IpAddr) -> [(Key, u32); 2] {
    [(Key::of_name(name), NAME_FAILURES_MAX), (Key::Address(address), ADDRESS_FAILURES_MAX)]
}

impl Key {
    /// Of a name that somebody typed: cut, so that nobody fills the memory.
    fn of_name(name: &str) -> Key {
        Key::Name(name.chars().take(64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn one_goes_on_only_within_the_site() {
        let check = |next: &str, expect: &str| assert_eq!(safe_next(next), expect, "{next}");
        check("/d/rfm?days=90", "/d/rfm?days=90");
        check("", "/");
        check("https://example.com", "/");
        check("//example.com", "/");
        check("/\\example.com", "/");
        check("/d\r\nSet-Cookie: x", "/");
        check("/login?next=/login", "/");
    }

    #[test]
    fn guessing_has_to_wait() {
        let start = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let (here, there): (IpAddr, IpAddr) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        let attempts = Attempts::default();
        let check = |name: &str, address, seconds: i64, expect| {
            assert_eq!(attempts.begin(name, address, start + TimeDelta::seconds(seconds)), expect, "{name} after {seconds} s");
        };
        for second in 0..5 {
            check("admin", here, second, None);
        }
        check("admin", here, 5, Some(59));
        check("admin", there, 6, Some(58)); // The name waits wherever it comes from,
        check("nobody", here, 7, None); // and other names do not.
        check("admin", here, 64, None);
        check("admin", here, 65, Some(59));
        attempts.succeeded("admin", here);
        check("admin", here, 66, None);
        for second in 0..13 {
            check(&format!("guess-{second}"), here, 70 + second, None);
        }
        check("another", here, 90, Some(52)); // Twenty from one address.
        check("another", there, 90, None);
    }

    #[test]
    fn a_full_memory_does_not_stop_the_counting() {
        let start = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let (here, there): (IpAddr, IpAddr) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        let attempts = Attempts::default();
        let others = (2..REMEMBERED_MAX).map(|index| (Key::Name(format!("guess-{index}")), Failures { count: 1, last: start }));
        attempts.failures.lock().unwrap().extend(others);
        let check = |name: &str, address, seconds: i64, expect| {
            assert_eq!(attempts.begin(name, address, start + TimeDelta::seconds(seconds)), expect, "{name} after {seconds} s");
        };
        for second in 0..5 {
            check("admin", here, second, None); // The last two places.
        }
        check("admin", here, 5, Some(59));
        check("somebody", here, 6, Some(60));
        check("guess-2", there, 7, Some(60));
        check("somebody", there, 907, None); // All is forgotten.
    }
}
