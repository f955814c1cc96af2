//! How much longer a question takes while events come in at half the rate that the server can take: an analyst's question over HTTP, asked again
//! and again. It goes to what landed and to what has not yet. The latter grows while events come in, so that the question takes longer afterwards
//! too: alone, it is asked before and after, and the mean of both is what the time beside ingest is compared with.
//!
//! The events are sent from this process, on the same processors.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant as Stopwatch},
};

use serde::Serialize;
use serde_json::{Value, json};
use state::{Role, Secret};

use super::median;
use crate::{
    bench::{
        ingest::{authorization, basic, landed, new_shop},
        load::{self, Load},
        sample::Form,
        server::Server,
    },
    clock::Clock,
    fault::{Exit, Fault},
    workspace::{Access, Workspace},
};

const ACCOUNT: &str = "analyst";
const PASSWORD: &str = "asks-beside-ingest";
const SQL: &str = "SELECT product_id, count(*) AS looks, count(DISTINCT visitor_id) AS visitors FROM events \
    GROUP BY product_id ORDER BY looks DESC, product_id LIMIT 20";

/// Events that land before the question is asked, at least.
const EVENTS_BEFORE: u64 = 100_000;
const CONNECTIONS: usize = 32;
const EVENTS_PER_REQUEST: usize = 100;
/// How often the capacity is measured, at least, and how long each time.
const CAPACITY_ROUNDS: usize = 3;
const CAPACITY_LASTS: Duration = Duration::from_secs(1);
/// How long one asks before anything is measured, and each time it is.
const WARMING_LASTS: Duration = Duration::from_secs(1);
const ASKING_LASTS: Duration = Duration::from_secs(8);
/// Events come in so long before the question is asked beside them, and after.
const AROUND: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
pub struct Beside {
    /// In the lake before the question is asked.
    pub landed_events: u64,
    /// Events acknowledged per second when they are sent as fast as they are.
    pub capacity_per_second: f64,
    /// Events acknowledged per second beside the question; half the capacity was sent.
    pub beside_per_second: f64,
    /// Medians of the question's wall time.
    pub before_ms: f64,
    pub beside_ms: f64,
    pub after_ms: f64,
    /// How often it was asked beside ingest.
    pub asked_beside: usize,
    /// Beside ingest by the mean of before and after.
    pub ratio: f64,
}

/// Makes a shop in a folder that is not there yet.
pub async fn measure(shop: &Path) -> Result<Beside, Fault> {
    eprintln!("asking beside ingest");
    new_shop(shop)?;
    let workspace = Workspace::open(shop, Clock::Real, Access::Write).await?;
    let now = Clock::Real.now();
    workspace.state.accounts().create(ACCOUNT, Role::Analyst, &Secret::new(PASSWORD.into()), now).await?;
    workspace.state.close().await;
    drop(workspace);

    let next = Arc::new(AtomicU64::new(0));
    let at = model::time::rfc3339(now);
    let load = |server: &Server, lasts: Duration, pace: Option<f64>| Load {
        address: server.address,
        form: Form::Batch,
        authorization: authorization(),
        connections: CONNECTIONS,
        events: EVENTS_PER_REQUEST,
        lasts,
        pace,
        at: at.clone(),
    };
    let server = Server::of(shop)?;
    let mut rates = Vec::new();
    while rates.len() < CAPACITY_ROUNDS || next.load(Ordering::Relaxed) < EVENTS_BEFORE {
        rates.push(load::run(&load(&server, CAPACITY_LASTS, None), &next).await?.per_second());
    }
    let capacity_per_second = median(rates);
    server.stop()?;
    let (landed_events, _) = landed(shop).await?;

    let server = Server::of(shop)?;
    let asker = Asker::of(&server)?;
    asker.repeated(WARMING_LASTS).await?;
    let before_ms = median(asker.repeated(ASKING_LASTS).await?);
    let paced = load(&server, AROUND + ASKING_LASTS + AROUND, Some(capacity_per_second / 2.0));
    let sending = tokio::spawn({
        let next = next.clone();
        async move { load::run(&paced, &next).await }
    });
    tokio::time::sleep(AROUND).await;
    let beside = asker.repeated(ASKING_LASTS).await?;
    let told = sending.await.map_err(|defect| Fault::new(Exit::Failed, format!("the clients ended: {defect}")))??;
    let after_ms = median(asker.repeated(ASKING_LASTS).await?);
    server.stop()?;
    let (asked_beside, beside_ms) = (beside.len(), median(beside));
    Ok(Beside {
        landed_events,
        capacity_per_second,
        beside_per_second: told.per_second(),
        before_ms,
        beside_ms,
        after_ms,
        asked_beside,
        ratio: ratio(before_ms, beside_ms, after_ms),
    })
}

fn ratio(before_ms: f64, beside_ms: f64, after_ms: f64) -> f64 {
    beside_ms / ((before_ms + after_ms) / 2.0)
}

struct Asker {
    client: reqwest::Client,
    url: String,
    authorization: String,
}

impl Asker {
    fn of(server: &Server) -> Result<Asker, Fault> {
        let url = format!("http://{}/api/sql", server.address);
        let client = reqwest::Client::builder().no_proxy().build().map_err(|source| unasked(&url, &source))?;
        Ok(Asker { client, url, authorization: basic(ACCOUNT, PASSWORD) })
    }

    /// Asks one question after the other; ms of each.
    async fn repeated(&self, lasts: Duration) -> Result<Vec<f64>, Fault> {
        let begun = Stopwatch::now();
        let mut took = Vec::new();
        while took.is_empty() || begun.elapsed() < lasts {
            let watch = Stopwatch::now();
            self.ask().await?;
            took.push(watch.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    }

    /// Returns when the whole answer is there.
    async fn ask(&self) -> Result<(), Fault> {
        let failed = |source: reqwest::Error| unasked(&self.url, &source);
        let request = self.client.post(&self.url).header("authorization", self.authorization.as_str());
        let request = request.header("content-type", "application/json").body(json!({ "sql": SQL }).to_string());
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        match status.is_success() && is_whole(&body) {
            true => Ok(()),
            false => {
                let body = String::from_utf8_lossy(&body);
                Err(Fault::new(Exit::Failed, format!("{} answered {status}: {}", self.url, body.trim_end())))
            }
        }
    }
}

/// Whether there are rows, and nothing cut them short.
fn is_whole(answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return false };
    let has_rows = answer["rows"].as_array().is_some_and(|rows| !rows.is_empty());
    has_rows && answer["limit_hit"].is_null() && answer["error"].is_null()
}

fn unasked(url: &str, source: &reqwest::Error) -> Fault {
    Fault { causes: vec![source.to_string()], ..Fault::new(Exit::Failed, format!("could not ask {url}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_is_none() {
        let check = |answer: &str, expect: bool| assert_eq!(is_whole(answer.as_bytes()), expect, "{answer}");
        check(r#"{"rows":[{"n":1}],"row_count":1,"limit_hit":null}"#, true);
        check(r#"{"rows":[],"row_count":0,"limit_hit":null}"#, false);
        check(r#"{"rows":[{"n":1}],"row_count":1,"limit_hit":"time"}"#, false);
        check(r#"{"rows":[{"n":1}],"row_count":1,"limit_hit":null,"error":{"code":"internal"}}"#, false);
        check(r#"{"rows":[{"n":1}"#, false);
    }

    #[test]
    fn what_grows_meanwhile_is_no_fault_of_ingest() {
        let check = |before, beside, after, expect: f64| assert_eq!(ratio(before, beside, after), expect);
        check(100.0, 100.0, 100.0, 1.0);
        check(100.0, 200.0, 100.0, 2.0);
        check(100.0, 200.0, 300.0, 1.0);
    }
}
