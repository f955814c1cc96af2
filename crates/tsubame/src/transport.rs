//! The only door to third parties: carries a sender's calls and brings back what was seen. It decides nothing.

mod relay;

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;
use connect::senders::{Call, Http, LookUp, Reply, Request};
use model::{Instant, shop::SenderSettings};
use relay::Relay;
use reqwest::header::HeaderMap;
use state::Secret;

use crate::{
    fault::{Exit, Fault},
    secrets,
};

const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than what providers keep a silent connection open for: a call that meets a closed one would be of unknown outcome.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// Of an answer: more is no provider's.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The far end of one configured sender.
pub enum Transport {
    /// Appends to a file in the shop's folder.
    File(PathBuf),
    Smtp(Box<Relay>),
    Http(Box<Web>),
    /// A far end within the process, for proofs.
    #[cfg(test)]
    Near(Near),
}

#[cfg(test)]
pub type Near = std::sync::Arc<dyn Fn(&Call) -> futures::future::BoxFuture<'static, Reply> + Send + Sync>;

/// A provider on the web, and what we prove ourselves by.
pub struct Web {
    client: reqwest::Client,
    credential: Credential,
}

enum Credential {
    Bearer(Secret),
    Basic { user: String, password: Secret },
}

impl Transport {
    pub fn open(folder: &Path, settings: &SenderSettings) -> Result<Transport, Fault> {
        let text = |name: &str| settings.options.get(name).and_then(toml::Value::as_str);
        let wrong =
            |message: String| Fault::new(Exit::Config, format!("sender `{}` on {}: {message}", settings.kind, settings.channel));
        match settings.kind.as_str() {
            "file" => {
                let path = Path::new(text("path").unwrap_or("outbox/messages.ndjson"));
                if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                    return Err(wrong(format!("`{}` leads out of the shop's folder", path.display()))
                        .remedy("name a file below the folder"));
                }
                Ok(Transport::File(folder.join(path)))
            }
            "smtp" => Ok(Transport::Smtp(Box::new(Relay::open(settings)?))),
            "line" | "twilio" => {
                let token = secrets::resolve(folder, text("token").unwrap_or_default()).map_err(|fault| Fault {
                    message: format!("sender `{}` on {} cannot be used: {}", settings.kind, settings.channel, fault.message),
                    ..fault
                })?;
                let credential = match text("account_sid") {
                    Some(sid) => Credential::Basic { user: sid.into(), password: token },
                    None => Credential::Bearer(token),
                };
                // Unencrypted is this machine alone, as the sender has checked, and no proxy's business.
                let is_here = text("base_url").is_some_and(|url| url.starts_with("http://"));
                Ok(Transport::Http(Box::new(Web { client: client(is_here)?, credential })))
            }
            other => Err(wrong(format!("there is no transport for `{other}`"))),
        }
    }

    /// What a sender asked to read; nothing where the far end has nothing to read, or is not there.
    pub async fn look(&self, asked: &LookUp) -> std::io::Result<Option<Vec<u8>>> {
        match (self, asked) {
            (Transport::File(path), LookUp::Lines(text)) => lines_with(path, text),
            _ => Ok(None),
        }
    }

    /// `now` is by which clock a provider's "in so many seconds" becomes a time.
    pub async fn carry(&self, call: &Call, now: Instant) -> Reply {
        match (self, &call.request) {
            (_, Request::Refused { reason }) => Reply::NotSent { reason: reason.clone() },
            (Transport::File(path), Request::File(bytes)) => append(path, bytes),
            (Transport::Smtp(relay), Request::Smtp(mail)) => relay.send(mail).await,
            (Transport::Http(web), Request::Http(http)) => post(web, http, now).await,
            #[cfg(test)]
            (Transport::Near(near), _) => near(call).await,
            _ => Reply::NotSent { reason: "the sender's calls do not fit its transport".into() },
        }
    }
}

/// One write and one fsync. A failed write may have left part of the bytes, so only a failure to open is "not sent". The file holds
/// addresses and words: it is its owner's alone.
fn append(path: &Path, bytes: &[u8]) -> Reply {
    let open = || {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)
    };
    match open() {
        Err(error) => Reply::NotSent { reason: error.to_string() },
        Ok(mut file) => match file.write_all(bytes).and_then(|()| file.sync_data()) {
            Ok(()) => Reply::Written,
            Err(error) => Reply::Unknown { reason: error.to_string() },
        },
    }
}

/// The lines of a file that contain a text, read one by one: the file may be large.
fn lines_with(path: &Path, text: &str) -> std::io::Result<Option<Vec<u8>>> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        if line.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.extend(line);
            found.push(b'\n');
        }
    }
    Ok(Some(found))
}

fn client(is_here: bool) -> Result<reqwest::Client, Fault> {
    let builder = reqwest::Client::builder();
    let builder = if is_here { builder.no_proxy() } else { builder };
    builder
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .pool_idle_timeout(IDLE_MAX)
        // A token goes where it was meant to go.
        .redirect(reqwest::redirect::Policy::none())
        // What was sent once is sent again by the ledger, or by nobody.
        .retry(reqwest::retry::never())
        .user_agent("tsubame")
        .build()
        .map_err(|_| Fault::new(Exit::Failed, "could not set up an HTTP client"))
}

/// The senders have checked that the address is https or of this machine. Errors are told without it: it names an account.
async fn post(web: &Web, http: &Http, now: Instant) -> Reply {
    let mut request = web.client.post(&http.url).body(http.body.clone());
    for (name, value) in &http.headers {
        request = request.header(name, value);
    }
    request = match &web.credential {
        Credential::Bearer(token) => request.bearer_auth(token.expose()),
        Credential::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
    };
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Reply::NotSent { reason: "the provider could not be connected to".into() },
        Err(error) if error.is_builder() => return Reply::NotSent { reason: "the request could not be made".into() },
        Err(error) if error.is_timeout() => return Reply::Unknown { reason: "the provider took too long".into() },
        Err(_) => return Reply::Unknown { reason: "the connection broke".into() },
    };
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        Some((name.as_str().to_string(), value.to_str().ok()?.to_string()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    let mut body = Vec::new();
    // The status is the answer; a body that breaks off does not take it back.
    while let Ok(Some(part)) = response.chunk().await {
        if body.len() + part.len() > ANSWER_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&part);
    }
    Reply::Http { status, retry_after, headers, body }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0 * 7.0).contains(&seconds) => {
            Some(now + TimeDelta::milliseconds((seconds * 1_000.0).ceil() as i64))
        }
        Ok(_) => None,
        Err(_) => chrono::DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_says_when_to_come_again() {
        let now = crate::workspace::parse_instant("2026-07-01T00:00:00Z").unwrap();
        let check = |text: &str, expect: Option<&str>| {
            let headers = [("retry-after".parse().unwrap(), text.parse().unwrap())].into_iter().collect();
            assert_eq!(retry_after(&headers, now).map(model::time::rfc3339).as_deref(), expect, "{text}");
        };
        check("90", Some("2026-07-01T00:01:30.000000Z"));
        check("0.5", Some("2026-07-01T00:00:00.500000Z"));
        check("Wed, 01 Jul 2026 00:02:00 GMT", Some("2026-07-01T00:02:00.000000Z"));
        check("-1", None);
        check("1e12", None);
        check("soon", None);
    }
}
