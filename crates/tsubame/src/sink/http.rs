//! HTTP/1.1 for the doors of LINE and Twilio, by hand: a server that is to hang up without an answer cannot be had from a library.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::Instant;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::{Door, Ending, Sink, line, twilio};
use crate::clock::Clock;

const HEAD_BYTES_MAX: u64 = 16 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;
/// A connection that says nothing for so long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A request that came whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Without its query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What a door says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub ending: Ending,
    /// Forms that are posted afterwards, to whom.
    pub callbacks: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").filter(|token| !token.trim().is_empty())
    }

    /// For people: a credential is no part of it.
    pub fn head(&self) -> String {
        let shown = self.headers.iter().filter(|(name, _)| *name != "authorization");
        shown.map(|(name, value)| format!("{name}: {value}\n")).collect()
    }
}

impl Answered {
    pub fn json(status: u16, body: &serde_json::Value, ending: Ending) -> Answered {
        Answered { status, headers: Vec::new(), body: body.to_string(), ending, callbacks: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Answered {
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, if self.status < 400 { "OK" } else { "No" });
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}

/// The answer of a door that is spoken to by HTTP.
pub fn take(sink: &Sink, door: Door, asked: &Asked, at: Instant) -> Option<Answered> {
    match door {
        Door::Line => Some(line::take(sink, asked, at)),
        Door::Twilio => Some(twilio::take(sink, asked, at)),
        Door::Smtp => None,
    }
}

/// Serves a door for ever.
pub async fn serve(listener: TcpListener, sink: Arc<Sink>, door: Door) {
    // Only for receipts, which go to this machine.
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(SILENCE_MAX).build().ok();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: some are given back soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if sink.is_down(door) {
            continue;
        }
        let (sink, client) = (sink.clone(), client.clone());
        tokio::spawn(async move {
            // A client that breaks off is no business of ours.
            let _ = converse(stream, &sink, door, client).await;
        });
    }
}

async fn converse(stream: TcpStream, sink: &Sink, door: Door, client: Option<reqwest::Client>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let Ok(asked) = tokio::time::timeout(SILENCE_MAX, read(&mut reading)).await else { return Ok(()) };
        let Some(asked) = asked? else { return Ok(()) };
        let Some(answered) = take(sink, door, &asked, Clock::Real.now()) else { return Ok(()) };
        match answered.ending {
            Ending::HangUp => {}
            Ending::Answer => writing.write_all(&answered.bytes()).await?,
            Ending::AnswerLate => {
                tokio::time::sleep(sink.late).await;
                writing.write_all(&answered.bytes()).await?;
            }
        }
        if let Some(client) = client.clone().filter(|_| !answered.callbacks.is_empty()) {
            tokio::spawn(tell(client, answered.callbacks.clone()));
        }
        if answered.ending == Ending::HangUp {
            return Ok(());
        }
    }
}

/// One request. `None`: the other end is gone, or what it says is no request that we take.
async fn read(reading: &mut (impl AsyncRead + AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Asked>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        (&mut *reading).take(HEAD_BYTES_MAX - before as u64).read_until(b'\n', &mut head).await?;
        if head.len() == before {
            return Ok(None);
        }
        if head.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let Some((mut asked, length)) = parse_head(&String::from_utf8_lossy(&head)) else { return Ok(None) };
    if length > BODY_BYTES_MAX {
        return Ok(None);
    }
    asked.body.resize(length, 0);
    reading.read_exact(&mut asked.body).await?;
    Ok(Some(asked))
}

/// A request without its body, and how long that is.
fn parse_head(head: &str) -> Option<(Asked, usize)> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?);
    let path = target.split('?').next().unwrap_or_default().to_string();
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_string()));
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    if headers.contains_key("transfer-encoding") {
        return None;
    }
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    Some((Asked { method, path, headers, body: Vec::new() }, length))
}

/// Receipts go to addresses of this machine: nothing leaves it.
async fn tell(client: reqwest::Client, callbacks: Vec<(String, String)>) {
    for (url, form) in callbacks {
        let is_here = Url::parse(&url).is_ok_and(|url| match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        });
        if is_here {
            let request = client.post(&url).header("Content-Type", "application/x-www-form-urlencoded").body(form);
            // Nobody may listen there: a receipt that cannot be delivered is the other end's loss, as it is a provider's.
            let _ = request.send().await;
        }
    }
}

#[cfg(test)]
pub mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::sink::dial;

    pub fn at(minutes: i64) -> Instant {
        Instant::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    pub fn sink(dials: &[(&str, &str)]) -> Sink {
        let sink = Sink::new(1, Duration::from_secs(7), Duration::ZERO);
        for (name, value) in dials {
            sink.set(dial::parse(name, value).unwrap());
        }
        sink
    }

    pub fn asked(path: &str, headers: &[(&str, &str)], body: &str) -> Asked {
        Asked {
            method: "POST".into(),
            path: path.into(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// What a client that says `said` hears until the other end hangs up.
    async fn hears(dials: &[(&str, &str)], said: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(sink(dials)), Door::Line));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The other end may have hung up already.
        let _ = stream.write_all(said.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        String::from_utf8(heard).unwrap()
    }

    #[tokio::test]
    async fn requests_over_a_socket() {
        let body = r#"{"to":"U1","messages":[{"type":"text","text":"やあ"}]}"#;
        let push = format!(
            "POST /v2/bot/message/push?x=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let check = async |dials: &[(&str, &str)], said: &str, expect: &[u16]| {
            let heard = hears(dials, said).await;
            let statuses: Vec<u16> =
                heard.split("HTTP/1.1 ").skip(1).map(|answer| answer.split(' ').next().unwrap().parse().unwrap()).collect();
            assert_eq!(statuses, expect, "{said}\n{heard}");
        };
        check(&[], &push, &[200]).await;
        check(&[], &push.repeat(3), &[200, 200, 200]).await;
        check(&[("line.drop-answer", "1")], &push.repeat(2), &[]).await;
        check(&[("line.down", "1")], &push, &[]).await;
        check(&[("line.late", "1")], &push, &[200]).await;
        check(&[], &push[..push.len() - 1], &[]).await;
        check(&[], "hello\r\n\r\n", &[]).await;
        check(&[], "GET / HTTP/1.1\r\n\r\n", &[404]).await;
        check(&[], "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", &[]).await;
        check(&[], &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17_000)), &[]).await;
    }
}
