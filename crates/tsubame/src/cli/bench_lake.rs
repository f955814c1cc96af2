//! Measures and proves the lake: writers that race for one table, and a report over a year of nights.

use std::time::Instant as Moment;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use lake::{Lake, Tail, TailSegment};
use model::{Event, Fact};
use query::{Desk, Library, Mode, Params, ad_hoc};

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    workspace::Access,
};

/// Measure the lake
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "Examples:\n  tsubame bench-lake commits --url s3://bucket/lake --writer 1 --commits 150\n  tsubame bench-lake nights rfm_grid --shop my-shop"
)]
pub struct BenchLake {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Commit batches of events under an application of one's own, whoever else does
    Commits {
        #[arg(long)]
        url: String,
        #[arg(long)]
        writer: u32,
        #[arg(long, default_value_t = 150)]
        commits: i64,
        #[arg(long, default_value_t = 10)]
        rows: i64,
    },
    /// Count what is there after such writers
    Count {
        #[arg(long)]
        url: String,
    },
    /// Ask a query as of each of the nights before the shop's now
    Nights {
        query: String,
        #[arg(long, default_value_t = 365)]
        nights: i64,
        #[command(flatten)]
        shop: ShopFolder,
    },
}

/// A commit whose outcome is unknown is tried this often; each try first asks the table.
const TRIES_MAX: usize = 50;

impl BenchLake {
    pub async fn run(self) -> Result<(), Fault> {
        match self.what {
            What::Commits { url, writer, commits, rows } => commit(&url, writer, commits, rows).await,
            What::Count { url } => count(&url).await,
            What::Nights { query, nights, shop } => ask_nights(&query, nights, shop).await,
        }
    }
}

async fn commit(url: &str, writer: u32, commits: i64, rows: i64) -> Result<(), Fault> {
    let lake = open(url).await?.as_application(&format!("bench-{writer}")).await?;
    let now = Clock::Real.now();
    let (mut failures, started) = (0, Moment::now());
    for number in 0..commits {
        let facts = (0..rows).map(|row| {
            let event = Event { event_id: format!("{writer}-{number}-{row}"), name: "bench".into(), ..Event::default() };
            Fact::new(&event, now, now).row
        });
        let segment = TailSegment {
            table: "events".into(),
            first_position: number * rows + 1,
            rows: rows as usize,
            ingested_at: now,
            payload: format!("{}\n", facts.collect::<Vec<_>>().join("\n")).into_bytes(),
        };
        let mut tries = 0;
        while let Err(error) = lake.land(std::slice::from_ref(&segment)).await {
            failures += 1;
            tries += 1;
            if tries == TRIES_MAX {
                return Err(error.into());
            }
        }
    }
    println!("writer {writer}: {commits} commits in {:.1} s, {failures} tried again", started.elapsed().as_secs_f64());
    Ok(())
}

/// Opening is reading, so it may simply be done again.
async fn open(url: &str) -> Result<Lake, Fault> {
    let mut tries = 0;
    loop {
        match Lake::open_to_write(url, std::collections::BTreeMap::new()).await {
            Ok(lake) => return Ok(lake),
            Err(error) if tries == TRIES_MAX => return Err(error.into()),
            Err(_) => tries += 1,
        }
    }
}

async fn count(url: &str) -> Result<(), Fault> {
    let lake = Lake::open(url).await?;
    let (library, _) = Library::load(None);
    let zone = model::ShopZone::parse("Asia/Tokyo").map_err(|error| Fault::new(Exit::Failed, error.to_string()))?;
    let moment = query::Moment { as_of: Clock::Real.now() + TimeDelta::days(1), mode: Mode::AsHappened, zone };
    let desk = Desk::new(library.into(), lake.view(&Tail::default()).await?, moment);
    let sql = "SELECT count(*) AS rows, count(DISTINCT event_id) AS events, count(DISTINCT split_part(event_id, '-', 1) || '-' ||
               split_part(event_id, '-', 2)) AS batches FROM events_history";
    let (schema, batches) = desk.batches(&ad_hoc(sql), &Params::new()).await?;
    query::format::write(query::format::Format::Json, &schema, &batches, &mut std::io::stdout())?;
    Ok(())
}

async fn ask_nights(name: &str, nights: i64, shop: ShopFolder) -> Result<(), Fault> {
    let workspace = shop.open(Access::Read).await?;
    let now = workspace.now();
    let view = workspace.desk(now, Mode::AsKnown).await?.view;
    let mut millis = Vec::new();
    let (mut rows, started) = (0, Moment::now());
    for night in 0..nights {
        let moment =
            query::Moment { as_of: now - TimeDelta::days(nights - night), mode: Mode::AsKnown, zone: workspace.shop().timezone };
        let desk = Desk::new(workspace.library.clone(), view.clone(), moment);
        let asked = Moment::now();
        let answer = desk.ask(name, &Params::new()).await?;
        millis.push(asked.elapsed().as_millis());
        rows += answer.rows.len();
    }
    if millis.is_empty() {
        return Err(Fault::new(Exit::Config, "no night to ask about"));
    }
    let total = started.elapsed().as_secs_f64();
    let (first, last) = (millis[0], millis[millis.len() - 1]);
    millis.sort_unstable();
    println!(
        "{name}: {nights} nights in {total:.1} s, {rows} rows; p50 {} ms, p95 {} ms, the first {first} ms, the last {last} ms",
        millis[millis.len() / 2],
        millis[millis.len() * 95 / 100]
    );
    Ok(())
}
