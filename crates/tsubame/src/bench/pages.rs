//! How soon the page of a test answers over HTTP: the first time, and again while nothing has come in. Each page is compared with itself: what is
//! answered from memory must be what was worked out.

use std::{path::Path, time::Instant as Stopwatch};

use serde::Serialize;

use super::server::Server;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    http::session_cookie,
    pages::percent_encode,
    workspace::{Access, Workspace},
};

const SESSION_TIME: std::time::Duration = std::time::Duration::from_secs(3_600);
/// What a warm page may take.
pub const WARM_MS_WANTED: f64 = 300.0;

#[derive(Debug, Serialize)]
pub struct Page {
    pub path: String,
    pub bytes: usize,
    /// The first time.
    pub cold_ms: f64,
    /// Of the others: the middle one, and the slowest.
    pub warm_ms: f64,
    pub warm_max_ms: f64,
    /// Whether every answer had the bytes of the first.
    pub same: bool,
}

/// Asks for the page of every test of a shop, and for the lists of tests.
pub async fn run(shop: &Path, rounds: usize) -> Result<Vec<Page>, Fault> {
    let (cookie, paths) = prepared(shop).await?;
    let server = Server::of(shop)?;
    let client = reqwest::Client::builder().no_proxy().build().map_err(|source| failed("make a client", &source))?;
    let mut pages = Vec::new();
    for path in paths {
        let url = format!("http://{}{path}", server.address);
        let (first, cold_ms) = get(&client, &url, &cookie).await?;
        let (mut warm, mut same) = (Vec::new(), true);
        for _ in 0..rounds {
            let (again, took) = get(&client, &url, &cookie).await?;
            same &= again == first;
            warm.push(took);
        }
        warm.sort_by(f64::total_cmp);
        pages.push(Page {
            path,
            bytes: first.len(),
            cold_ms,
            warm_ms: warm.get(warm.len() / 2).copied().unwrap_or(f64::NAN),
            warm_max_ms: warm.last().copied().unwrap_or(f64::NAN),
            same,
        });
    }
    server.stop()?;
    Ok(pages)
}

/// A session, and the pages there are. Nobody serves the shop yet.
async fn prepared(shop: &Path) -> Result<(String, Vec<String>), Fault> {
    let workspace = Workspace::open(shop, Clock::Real, Access::Write).await?;
    let now = Clock::Real.now();
    workspace.state.accounts().first_admin(now).await?;
    let accounts = workspace.state.accounts().list().await?;
    let account = accounts.first().ok_or_else(|| Fault::new(Exit::Config, "the shop has no account"))?;
    let session = workspace.state.sessions().start(&account.name, now, SESSION_TIME).await?;
    let inside = workspace.files.scenarios.iter().flat_map(|scenario| &scenario.steps);
    let inside = inside.filter_map(|step| Some(step.send.as_ref()?.experiment.as_ref()?.name.as_str()));
    let tests = workspace.files.experiments.iter().map(|test| test.experiment.as_str()).chain(inside);
    let pages = tests.map(|test| format!("/d/experiment?experiment={}", percent_encode(test)));
    let paths = pages.chain(["/experiments".into(), "/experiments/past".into()]).collect();
    Ok((session_cookie(session.id.expose()), paths))
}

async fn get(client: &reqwest::Client, url: &str, cookie: &str) -> Result<(Vec<u8>, f64), Fault> {
    let watch = Stopwatch::now();
    let asked = client.get(url).header("cookie", cookie).header("accept", "text/html").send().await;
    let answer = asked.map_err(|source| failed(url, &source))?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(|source| failed(url, &source))?;
    let took = watch.elapsed().as_secs_f64() * 1e3;
    match status.is_success() {
        true => Ok((bytes.to_vec(), took)),
        false => Err(Fault::new(Exit::Failed, format!("{url} answered {status}"))),
    }
}

fn failed(what: &str, source: &reqwest::Error) -> Fault {
    Fault { causes: vec![source.to_string()], ..Fault::new(Exit::Failed, format!("could not get {what}")) }
}

/// The report for people.
pub fn table(pages: &[Page]) -> String {
    let mut lines = vec![format!("  {:<52} {:>9} {:>9} {:>9} {:>9}", "", "cold ms", "warm ms", "slowest", "bytes")];
    for Page { path, bytes, cold_ms, warm_ms, warm_max_ms, same } in pages {
        let differs = if *same { "" } else { "  DIFFERS" };
        lines.push(format!("  {path:<52} {cold_ms:>9.0} {warm_ms:>9.1} {warm_max_ms:>9.1} {bytes:>9}{differs}"));
    }
    let slowest = pages.iter().map(|page| page.warm_max_ms).fold(0.0, f64::max);
    lines.push(format!("  slowest warm page: {slowest:.0} ms (wanted: {WARM_MS_WANTED:.0} at most)"));
    lines.join("\n") + "\n"
}
