//! The run: floor, Parquet, then reference and product in turns, half load, and how soon an event can be asked for.

use std::{
    ffi::OsStr,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::Engine;
use query::{Mode, ParamValue, Params, Value};
use serde::Serialize;

use super::{
    floor,
    load::{self, Connection, Load, Told},
    sample::{Body, Form},
    server::{self, Server},
};
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::flush::flush,
    workspace::{Access, Workspace},
};

/// The name and the key of the source.
const KEY: &str = "bench";
const SOURCE: &str =
    "\n[[sources]]\nname = \"bench\"\nkind = \"server\"\nwrite_key = \"file:secrets/bench\"\nevents_per_second = 400000000\n";
/// Events asked for one after the other.
const ASKED: i64 = 30;
const PARQUET_EVENTS: u64 = 300_000;

/// (name, connections, events per request)
const LOADS: [(&str, usize, usize); 2] = [("batches of 100", 32, 100), ("single events", 64, 1)];

#[derive(Debug, Serialize)]
pub struct Report {
    pub parquet_events_per_second: f64,
    pub parquet_bytes_per_event: f64,
    pub loads: Vec<LoadReport>,
    /// From the acknowledgement until a query sees the event, in ms.
    pub visible_p50_ms: f64,
    pub visible_max_ms: f64,
    pub lake_events: u64,
    pub lake_bytes_per_event: f64,
}

#[derive(Debug, Serialize)]
pub struct LoadReport {
    pub name: &'static str,
    pub connections: usize,
    /// Appended to a file by nobody's leave, a wait for the disk per request.
    pub floor_events_per_second: f64,
    pub reference: Side,
    pub product: Side,
    /// The product's rate as a share of the reference's.
    pub ratio: f64,
    /// The product's p99 at half its rate, by the reference's at the same rate.
    pub half_load_p99_ratio: f64,
}

#[derive(Debug, Default, Serialize)]
pub struct Side {
    /// The median of the rounds.
    pub events_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub server_cpu_seconds: f64,
    pub events_per_server_cpu_second: f64,
    pub client_cpu_seconds: f64,
    pub half_load_p99_ms: f64,
}

struct Peer {
    server: Server,
    form: Form,
    next: Arc<AtomicU64>,
}

pub async fn run(folder: &Path, rounds: usize, lasts: Duration) -> Result<Report, Fault> {
    let at = model::time::rfc3339(Clock::Real.now());
    let parquet = floor::parquet(&folder.join("events.parquet"), PARQUET_EVENTS, &at)?;
    let shop = folder.join("shop");
    new_shop(&shop)?;
    let log = folder.join("reference.log");
    let peer = |server, form| Peer { server, form, next: Arc::default() };
    let reference = Server::start::<&OsStr>(&["bench".as_ref(), "reference".as_ref(), "--log".as_ref(), log.as_ref()])?;
    let reference = peer(reference, Form::Lines);
    let product = peer(Server::of(&shop)?, Form::Batch);
    let mut seen = visible(&product, &shop, &at).await?;
    seen.sort_by(f64::total_cmp);
    let mut loads = Vec::new();
    for (name, connections, events) in LOADS {
        let floor_events_per_second = floor::file(&folder.join("floor.log"), events, lasts, &at)?;
        let load = |peer: &Peer, pace| Load {
            address: peer.server.address,
            form: peer.form,
            authorization: authorization(),
            connections,
            events,
            lasts,
            pace,
            at: at.clone(),
        };
        let (mut of_reference, mut of_product) = (Rounds::default(), Rounds::default());
        for _ in 0..rounds {
            of_reference.measure(&reference, &load(&reference, None)).await?;
            of_product.measure(&product, &load(&product, None)).await?;
        }
        let (mut one, mut other) = (of_reference.side(), of_product.side());
        let half = Some(other.events_per_second.min(one.events_per_second) / 2.0);
        one.half_load_p99_ms = load::run(&load(&reference, half), &reference.next).await?.wait_at(0.99);
        other.half_load_p99_ms = load::run(&load(&product, half), &product.next).await?.wait_at(0.99);
        loads.push(LoadReport {
            name,
            connections,
            floor_events_per_second,
            ratio: other.events_per_second / one.events_per_second,
            half_load_p99_ratio: other.half_load_p99_ms / one.half_load_p99_ms,
            reference: one,
            product: other,
        });
    }
    reference.server.stop()?;
    product.server.stop()?;
    let (lake_events, lake_bytes) = landed(&shop).await?;
    let sent = product.next.load(Ordering::SeqCst);
    if lake_events != sent {
        return Err(Fault::new(Exit::Data, format!("{sent} events were acknowledged, and {lake_events} are in the lake")));
    }
    Ok(Report {
        parquet_events_per_second: parquet.events_per_second,
        parquet_bytes_per_event: parquet.bytes_per_event,
        loads,
        visible_p50_ms: seen[seen.len() / 2],
        visible_max_ms: seen[seen.len() - 1],
        lake_events,
        lake_bytes_per_event: lake_bytes as f64 / lake_events as f64,
    })
}

#[derive(Default)]
struct Rounds {
    told: Vec<Told>,
    server_cpu_seconds: f64,
    client_cpu_seconds: f64,
}

impl Rounds {
    async fn measure(&mut self, peer: &Peer, load: &Load) -> Result<(), Fault> {
        let (server, client) = (peer.server.cpu_seconds(), server::cpu_seconds("self"));
        self.told.push(load::run(load, &peer.next).await?);
        self.server_cpu_seconds += peer.server.cpu_seconds() - server;
        self.client_cpu_seconds += server::cpu_seconds("self") - client;
        Ok(())
    }

    fn side(&self) -> Side {
        let mut rates: Vec<f64> = self.told.iter().map(Told::per_second).collect();
        rates.sort_by(f64::total_cmp);
        let mut all = Told { waits: self.told.iter().flat_map(|told| told.waits.iter().copied()).collect(), ..Told::default() };
        all.waits.sort_unstable();
        let events: u64 = self.told.iter().map(|told| told.events).sum();
        Side {
            events_per_second: rates[rates.len() / 2],
            p50_ms: all.wait_at(0.5),
            p99_ms: all.wait_at(0.99),
            server_cpu_seconds: self.server_cpu_seconds,
            events_per_server_cpu_second: events as f64 / self.server_cpu_seconds,
            client_cpu_seconds: self.client_cpu_seconds,
            half_load_p99_ms: f64::NAN,
        }
    }
}

/// The header of the source.
pub fn authorization() -> String {
    basic(KEY, "")
}

/// The header by which a program shows a name and a password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

/// A shop as `tsubame new` makes it, with a source.
pub fn new_shop(shop: &Path) -> Result<(), Fault> {
    let failed = |source| Fault::io(format!("could not make {}", shop.display()), source);
    let program = std::env::current_exe().map_err(failed)?;
    let made = Command::new(program).arg("new").arg(shop).output().map_err(failed)?;
    if !made.status.success() {
        return Err(Fault::new(Exit::Failed, format!("`tsubame new` ended with {}", made.status)));
    }
    let settings = shop.join("tsubame.toml");
    let text = std::fs::read_to_string(&settings).map_err(failed)?;
    std::fs::write(&settings, text + SOURCE).map_err(failed)?;
    std::fs::create_dir_all(shop.join("secrets")).map_err(failed)?;
    std::fs::write(shop.join("secrets").join(KEY), KEY).map_err(failed)
}

/// How long each of some events took from its acknowledgement until a query of another process counted it, in ms.
async fn visible(product: &Peer, shop: &Path, at: &str) -> Result<Vec<f64>, Fault> {
    let reader = Workspace::open(shop, Clock::Real, Access::Read).await?;
    let mut connection = Connection::open(product.server.address, &authorization()).await?;
    let mut body = Body::new(product.form, 1, at);
    let mut seen = Vec::new();
    for asked in 0..ASKED {
        connection.post(body.numbered(product.next.fetch_add(1, Ordering::SeqCst))).await?;
        let acknowledged = Instant::now();
        loop {
            let desk = reader.desk(reader.now(), Mode::AsKnown).await?;
            let params = Params::from([("source".into(), ParamValue::Text(KEY.into()))]);
            match desk.ask("system/events_counted", &params).await?.get(0, "events") {
                Some(Value::Int(counted)) if *counted > asked => break,
                _ => {}
            }
        }
        seen.push(acknowledged.elapsed().as_secs_f64() * 1e3);
    }
    reader.state.close().await;
    Ok(seen)
}

/// The events in the lake and the bytes of their files, after all of them landed and were compacted.
pub async fn landed(shop: &Path) -> Result<(u64, u64), Fault> {
    let workspace = Workspace::open(shop, Clock::Real, Access::Write).await?;
    flush(&workspace).await?;
    workspace.lake.compact(2).await?;
    let status = workspace.lake.status().await?;
    workspace.state.close().await;
    let events = status.iter().find(|table| table.table == "events");
    Ok(events.map_or((0, 0), |events| (events.rows as u64, events.bytes)))
}
