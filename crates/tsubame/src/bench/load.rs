//! Clients on loopback that send as fast as they are answered, or at a given pace.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::sample::{Body, Form};
use crate::fault::{Exit, Fault};

#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub form: Form,
    /// The value of `Authorization`.
    pub authorization: String,
    pub connections: usize,
    /// Per request.
    pub events: usize,
    pub lasts: Duration,
    /// Events per second of all connections together; none means as fast as they are answered.
    pub pace: Option<f64>,
    /// When the events happened.
    pub at: String,
}

/// What was acknowledged.
#[derive(Debug, Default, Clone)]
pub struct Told {
    pub events: u64,
    pub seconds: f64,
    /// Of each request, in µs, sorted.
    pub waits: Vec<u32>,
}

impl Told {
    pub fn per_second(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// In ms.
    pub fn wait_at(&self, share: f64) -> f64 {
        let index = (self.waits.len() as f64 * share) as usize;
        self.waits.get(index.min(self.waits.len().saturating_sub(1))).map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
    }
}

/// Sends events numbered from `next` on.
pub async fn run(load: &Load, next: &Arc<AtomicU64>) -> Result<Told, Fault> {
    let started = Instant::now();
    let clients: Vec<_> =
        (0..load.connections).map(|client| tokio::spawn(send(load.clone(), client, started, next.clone()))).collect();
    let mut told = Told::default();
    for client in clients {
        let waits = client.await.map_err(|defect| Fault::new(Exit::Failed, format!("a client ended: {defect}")))??;
        told.waits.extend(waits);
    }
    told.seconds = started.elapsed().as_secs_f64();
    told.events = (told.waits.len() * load.events) as u64;
    told.waits.sort_unstable();
    Ok(told)
}

async fn send(load: Load, client: usize, started: Instant, next: Arc<AtomicU64>) -> Result<Vec<u32>, Fault> {
    let mut body = Body::new(load.form, load.events, &load.at);
    let mut connection = Connection::open(load.address, &load.authorization).await?;
    let every = load.pace.map(|pace| Duration::from_secs_f64((load.connections * load.events) as f64 / pace));
    // Paced clients begin one after the other.
    let mut due = started + every.unwrap_or_default() * client as u32 / load.connections as u32;
    let mut waits = Vec::new();
    while started.elapsed() < load.lasts {
        if let Some(every) = every {
            tokio::time::sleep_until(due.into()).await;
            // A late answer makes the next request late, and that wait is counted too.
            due += every;
        }
        let since = every.map_or_else(Instant::now, |every| due - every);
        connection.post(body.numbered(next.fetch_add(load.events as u64, Ordering::Relaxed))).await?;
        waits.push(since.elapsed().as_micros() as u32);
    }
    Ok(waits)
}

/// A kept connection. By hand, since a client library would take more of the processor than the servers that are measured.
pub struct Connection {
    stream: TcpStream,
    head: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr, authorization: &str) -> Result<Connection, Fault> {
        let failed = |source| Fault::io(format!("could not connect to {address}"), source);
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let head = format!(
            "POST /v1/batch HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\nContent-Length: "
        );
        Ok(Connection { stream, head, request: Vec::new(), answer: Vec::new() })
    }

    /// Returns when it was answered 200.
    pub async fn post(&mut self, body: &[u8]) -> Result<(), Fault> {
        let failed = |source| Fault::io("a request was not answered", source);
        self.request.clear();
        self.request.extend_from_slice(self.head.as_bytes());
        self.request.extend_from_slice(format!("{}\r\n\r\n", body.len()).as_bytes());
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await.map_err(failed)?;
        self.answer.clear();
        while !is_whole(&self.answer) {
            if self.stream.read_buf(&mut self.answer).await.map_err(failed)? == 0 {
                return Err(Fault::new(Exit::Failed, "a connection was closed before the answer"));
            }
        }
        match self.answer.starts_with(b"HTTP/1.1 200") {
            true => Ok(()),
            false => {
                let answer = String::from_utf8_lossy(&self.answer);
                Err(Fault::new(Exit::Failed, format!("a request was answered {}", answer.lines().next().unwrap_or_default())))
            }
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    answer.len() >= end + 4 + length.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let check = |answer: &str, expect| assert_eq!(is_whole(answer.as_bytes()), expect, "{answer:?}");
        check("HTTP/1.1 200 OK\r\ncontent-le", false);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false);
        check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", true);
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true);
    }

    #[test]
    fn waits_are_told_by_share() {
        let told = Told { waits: (1..=1000).collect(), ..Told::default() };
        assert_eq!((told.wait_at(0.5), told.wait_at(0.99), told.wait_at(1.0)), (0.501, 0.991, 1.0));
    }
}
