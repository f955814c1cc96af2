//! Measures this machine: how fast facts are acknowledged, beside a server that does nothing else, how fast questions are answered and
//! read-outs are folded, beside DuckDB, how soon the page of a test answers, how fast people are planned for, beside a tenth of them, and how
//! fast messages leave, beside the same calls without a ledger.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::ShopFolder;
use crate::{
    bench::{
        ingest::{self, Report, Side},
        members, pages, plan, queries, readout, reference, send,
    },
    fault::{Exit, Fault},
};

/// Measure how fast events are acknowledged and questions answered here, beside others that do the same
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame bench ingest\n  tsubame bench ingest --seconds 10 --json\n  tsubame bench queries --scale 0.1\n  \
    tsubame bench readout --rows 10000000\n  tsubame bench pages --shop demo-shop\n  tsubame bench plan --members 100000\n  \
    tsubame bench send --sender smtp"
)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ingest(Ingest),
    Queries(Queries),
    Readout(Readout),
    Pages(Pages),
    Plan(Plan),
    Send(Sending),
    /// Plans in a process of its own, run by `bench plan`.
    #[command(hide = true)]
    PlanPart(PlanPart),
    #[command(hide = true)]
    Reference(Reference),
    /// Answers questions that come as lines, run by `bench queries`.
    #[command(hide = true)]
    Answer,
}

/// Ask twenty questions of raw Parquet and five screens of kept tables, and the same of DuckDB, in turns
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame bench queries --scale 0.1\n  tsubame bench queries --scale 3 --json\n  \
    tsubame bench queries --grow --files --beside\n  tsubame bench queries --data my-parquet --map my-parquet.toml\n\n\
    It needs python3 with the packages duckdb and pyarrow on the PATH; with chdb too, ClickHouse is asked for the\n\
    24-hour funnel.")]
struct Queries {
    /// 1 is a million orders, 10 million events and 4.1 million sends
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    scale: f64,
    /// What the data are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often each question is asked of each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Only questions whose name contains this
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Ask of these Parquet files instead
    #[arg(long, value_name = "FOLDER", requires = "map")]
    data: Option<PathBuf>,
    /// What is in them: today's date, and for each table its files and columns
    #[arg(long, value_name = "FILE", requires = "data")]
    map: Option<PathBuf>,
    /// Ask all again of three times the data, and tell how much longer each question takes
    #[arg(long, conflicts_with = "data")]
    grow: bool,
    /// Also land events and messages, and ask for a customer's time line from the shop's own tables
    #[arg(long)]
    timeline: bool,
    /// Also land one table in 100 and in 10,000 files, and compare how long opening and planning take. It takes some minutes
    #[arg(long)]
    files: bool,
    /// Also ask while events come in
    #[arg(long)]
    beside: bool,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    threads: u8,
    /// Where to make the data. They are removed afterwards
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Add up the moments of a read-out over many exposed units, and let DuckDB do the same, in turns
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame bench readout\n  tsubame bench readout --rows 1000000 --rounds 5 --json\n\n\
    20 metrics, 3 arms and 5 dimensions. It needs python3 with the packages duckdb and pyarrow on the PATH, and about a gigabyte of disk\n\
    for ten million units.")]
struct Readout {
    /// Exposed units
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// What the data are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often each is asked
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    threads: u8,
    /// Where to make the data. They are removed afterwards
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Serve a shop, and ask for the page of each of its tests, first cold, then warm
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame demo --dir demo-shop && tsubame bench pages --shop demo-shop\n  tsubame bench pages --rounds 50 --json"
)]
struct Pages {
    /// How often each page is asked for after its first time
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

/// Plan a journey of five steps for many members and for a tenth of them, and a broadcast to all
///
/// The members are imported into a shop made for it, with consents, addresses and an order each; the journey waits, branches by SQL, and sends
/// twice, under caps. It tells gathering, deciding and recording apart, and how long a broadcast takes beside the query of its segment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame bench plan\n  tsubame bench plan --members 20000 --rounds 3 --json\n\n\
    A million members take some gigabytes of disk and of memory: it prints how much.")]
struct Plan {
    /// How many members all are
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=members::MEMBERS_MAX))]
    members: u64,
    /// How often each size is planned for; the middle one is told
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Where to make the shops. They are removed afterwards
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PlanPart {
    #[arg(long, value_enum)]
    part: plan::Part,
    #[arg(long)]
    folder: PathBuf,
}

/// Send planned messages to this machine with their ledger, and make the same calls without it, in turns
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame bench send\n  tsubame bench send --sends 2000 --sender file --sender smtp --json\n\n\
    Nothing leaves this machine: the far end is that of `tsubame dev-sink`, or a file."
)]
struct Sending {
    /// Messages of each round
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=members::MEMBERS_MAX))]
    sends: u64,
    /// How often product and reference take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=i64::from(send::ROUNDS_MAX)))]
    rounds: u8,
    /// By whom; without it, by each
    #[arg(long = "sender", value_enum, value_name = "SENDER")]
    senders: Vec<send::By>,
    /// Where to make the shops: the disk to be measured. They are removed afterwards
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

fn scale(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|scale| (0.001..=100.0).contains(scale)).ok_or_else(|| "a number from 0.001 to 100".into())
}

/// Send events to a shop made for it, and the same to a bare server, in turns
#[derive(Debug, Args)]
struct Ingest {
    /// How long each round of each load lasts
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often product and reference take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Where to make the shop: the disk to be measured. It is removed afterwards
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// The bare server, run by `bench ingest`.
#[derive(Debug, Args)]
struct Reference {
    #[arg(long)]
    log: PathBuf,
}

impl Bench {
    pub async fn run(self) -> Result<(), Fault> {
        match self.what {
            What::Ingest(ingest) => ingest.run().await,
            What::Queries(queries) => queries.run().await,
            What::Readout(readout) => readout.run(),
            What::Pages(pages) => pages.run().await,
            What::Plan(plan) => plan.run().await,
            What::Send(sending) => sending.run().await,
            What::PlanPart(PlanPart { part, folder }) => plan::part(&folder, part).await,
            What::Answer => queries::answer::serve().await,
            What::Reference(reference) => reference.run().await,
        }
    }
}

impl Ingest {
    async fn run(self) -> Result<(), Fault> {
        let folder = folder_in(self.dir.as_deref())?;
        let report = ingest::run(folder.path(), self.rounds.into(), Duration::from_secs(self.seconds)).await?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).expect("numbers are plain JSON") + "\n",
            false => table(&report),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(())
    }
}

impl Queries {
    async fn run(self) -> Result<(), Fault> {
        let folder = folder_in(self.dir.as_deref())?;
        let options = queries::Options {
            scale: self.scale,
            seed: self.seed,
            rounds: self.rounds.into(),
            foreign: self.data.zip(self.map),
            only: self.only,
            threads: self.threads.into(),
            grow: self.grow,
            timeline: self.timeline,
            files: self.files,
            beside: self.beside,
        };
        let report = queries::run(folder.path(), &options).await?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).expect("numbers are plain JSON") + "\n",
            false => queries::table(&report),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        match queries::is_right(&report) {
            true => Ok(()),
            false => Err(Fault::new(Exit::Data, "an answer is not the one that DuckDB or the facts give")),
        }
    }
}

impl Readout {
    fn run(self) -> Result<(), Fault> {
        let folder = folder_in(self.dir.as_deref())?;
        let options =
            readout::Options { rows: self.rows, seed: self.seed, rounds: self.rounds.into(), threads: self.threads.into() };
        let report = readout::run(folder.path(), &options)?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).expect("numbers are plain JSON") + "\n",
            false => readout::table(&report),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        match report.wrong {
            None => Ok(()),
            Some(_) => Err(Fault::new(Exit::Data, "the sums are not those of DuckDB")),
        }
    }
}

impl Pages {
    async fn run(self) -> Result<(), Fault> {
        let found = pages::run(&self.shop.folder, self.rounds.into()).await?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&found).expect("numbers are plain JSON") + "\n",
            false => pages::table(&found),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        match found.iter().find(|page| !page.same) {
            None => Ok(()),
            Some(page) => Err(Fault::new(Exit::Data, format!("{} changed while nothing came in", page.path))),
        }
    }
}

impl Plan {
    async fn run(self) -> Result<(), Fault> {
        let folder = folder_in(self.dir.as_deref())?;
        let options = plan::Options { members: self.members, rounds: self.rounds.into() };
        let report = plan::run(folder.path(), &options).await?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).expect("numbers are plain JSON") + "\n",
            false => plan::table(&report),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(())
    }
}

impl Sending {
    async fn run(self) -> Result<(), Fault> {
        let folder = folder_in(self.dir.as_deref())?;
        let by = if self.senders.is_empty() { send::By::ALL.to_vec() } else { self.senders };
        let options = send::Options { sends: self.sends, rounds: self.rounds, by };
        let report = send::run(folder.path(), &options).await?;
        let text = match self.json {
            true => serde_json::to_string_pretty(&report).expect("numbers are plain JSON") + "\n",
            false => send::table(&report),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(())
    }
}

fn folder_in(dir: Option<&Path>) -> Result<tempfile::TempDir, Fault> {
    let folder = match dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    folder.map_err(|source| Fault::io("could not make a folder to measure in", source))
}

impl Reference {
    async fn run(self) -> Result<(), Fault> {
        let failed = |source| Fault::io("could not listen on loopback", source);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        println!("listening on http://{}", listener.local_addr().map_err(failed)?);
        reference::serve(listener, &self.log).await
    }
}

fn table(report: &Report) -> String {
    let mut lines = Vec::new();
    for load in &report.loads {
        lines.push(format!("{} over {} connections", load.name, load.connections));
        lines.push(format!(
            "  {:<10} {:>12} {:>9} {:>9} {:>14} {:>9} {:>9} {:>14}",
            "", "events/s", "p50 ms", "p99 ms", "p99 half load", "cpu s", "client s", "events/cpu s"
        ));
        for (name, side) in [("reference", &load.reference), ("tsubame", &load.product)] {
            let Side { events_per_second, p50_ms, p99_ms, half_load_p99_ms, server_cpu_seconds, client_cpu_seconds, .. } = side;
            lines.push(format!(
                "  {name:<10} {events_per_second:>12.0} {p50_ms:>9.2} {p99_ms:>9.2} {half_load_p99_ms:>14.2} {server_cpu_seconds:>9.2} \
                 {client_cpu_seconds:>9.2} {:>14.0}",
                side.events_per_server_cpu_second
            ));
        }
        lines.push(format!(
            "  {:<10} {:>12.0}   a file and a wait for the disk per request",
            "floor", load.floor_events_per_second
        ));
        lines
            .push(format!("  ratio {:.2}, p99 at half load {:.1} times the reference's\n", load.ratio, load.half_load_p99_ratio));
    }
    lines.push(format!(
        "straight to Parquet  {:.0} events/s, {:.1} bytes per event",
        report.parquet_events_per_second, report.parquet_bytes_per_event
    ));
    lines.push(format!("lake, compacted      {} events, {:.1} bytes per event", report.lake_events, report.lake_bytes_per_event));
    lines.push(format!(
        "acknowledged to seen by a query: p50 {:.0} ms, most {:.0} ms",
        report.visible_p50_ms, report.visible_max_ms
    ));
    lines.join("\n") + "\n"
}
