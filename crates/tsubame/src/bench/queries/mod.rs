//! How fast questions are answered, beside DuckDB: the same questions to the same Parquet files, in turns, in one run, since a machine's
//! speed moves with its neighbours and only a ratio means something. Answers are compared cell by cell.
//!
//! Twenty questions go to all that is recorded (`questions::RAW`), and five screens to what is kept (`questions::KEPT`), for which a lake is
//! made of the same orders. A question's first run, in a fresh process, is its cold one, and shows the most memory it takes.
//!
//! Where all twenty are asked, it tells what is held in memory (`memory`). On request it measures how far all of it goes on: of three times the
//! data (`growth`), in a lake of many files (`files`), and while events come in (`beside`).

use std::path::{Path, PathBuf};

use query::{FileDesk, Limits};
use serde::Serialize;

use crate::fault::{Exit, Fault};

pub mod answer;
mod beside;
mod compare;
pub mod data;
mod files;
mod goals;
mod growth;
mod kept;
mod map;
mod memory;
pub mod peer;
mod questions;
mod shown;

use peer::{Answered, Engine, Peer, Question, Setup};
use questions::{Asked, Bar};
pub use shown::table;

/// What is measured, and how thoroughly.
#[derive(Debug, Clone)]
pub struct Options {
    pub scale: f64,
    pub seed: u64,
    pub rounds: usize,
    /// A folder of Parquet files, and what is in them.
    pub foreign: Option<(PathBuf, PathBuf)>,
    /// Only questions whose name contains this.
    pub only: Option<String>,
    pub threads: usize,
    /// All is asked again of more data. Not where they are somebody's.
    pub grow: bool,
    /// A customer's time line is asked for from the shop's own tables too.
    pub timeline: bool,
    /// A lake of many files is opened beside one of few.
    pub files: bool,
    /// A question is asked while events come in.
    pub beside: bool,
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// 0 where the data are somebody's.
    pub scale: f64,
    pub threads: usize,
    pub raw: Vec<Line>,
    /// Beside ClickHouse, where it is there.
    pub clickhouse: Vec<Line>,
    pub kept: Vec<Line>,
    /// Asked of the shop's own tables.
    pub lake: Vec<Line>,
    pub refresh: Option<kept::Refresh>,
    /// Where every question was asked.
    pub memory: Option<memory::Memory>,
    pub grown: Option<growth::Grown>,
    pub files: Option<files::Files>,
    pub beside: Option<beside::Beside>,
    pub goals: Vec<goals::Goal>,
}

/// One question, by both.
#[derive(Debug, Default, Serialize)]
pub struct Line {
    pub name: String,
    pub rows: usize,
    pub ours: Side,
    /// DuckDB, or ClickHouse.
    pub theirs: Side,
    pub cpu_ratio: f64,
    pub wall_ratio: f64,
    pub must: f64,
    pub aim: f64,
    /// Why the answers differ, or there is none; empty if they are the same.
    pub wrong: Option<String>,
    /// Whether ours could not be run; `wrong` says why.
    pub failed: bool,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    pub wall_ms: f64,
    pub cpu_ms: f64,
    pub cold_wall_ms: f64,
    pub cold_cpu_ms: f64,
    pub peak_mb: f64,
}

pub async fn run(folder: &Path, options: &Options) -> Result<Report, Fault> {
    let first = folder.join("first");
    let setup = match &options.foreign {
        Some((data, file)) => {
            let map = map::Map::read(file)?;
            let tables = map.files(data);
            let setup = Setup { tables, today: map.today, customer: map.customer, threads: options.threads, lake: None };
            let opened = FileDesk::open(&setup.file_tables(), Limits::default()).await;
            opened.map_err(|error| {
                Fault::new(Exit::Config, format!("{} does not fit the files: {error}", file.display()))
                    .remedy("name files that are there, and columns by SQL expressions over theirs")
            })?;
            setup
        }
        None => made(&first, options.scale, options)?,
    };
    let wanted = Wanted::of(&setup, options)?;
    let Answers { setup, raw, kept, lake, shop } = wanted.ask(&first, setup, options.rounds).await?;
    let clickhouse = lines(&asked_of_clickhouse(options), Engine::ClickHouse, &setup, options.rounds)?;
    let mut report = Report {
        scale: if options.foreign.is_some() { 0.0 } else { options.scale },
        threads: options.threads,
        raw,
        clickhouse,
        kept,
        lake,
        ..Report::default()
    };
    if let Some(shop) = shop {
        eprintln!("bringing kept tables up to date");
        report.refresh = Some(shop.refresh(options.rounds).await?);
    }
    if wanted.raw.len() == questions::RAW.len() {
        report.memory = Some(memory::measure(&folder.join("idle"), &setup, &wanted.raw).await?);
    }
    if options.grow {
        // Nobody asks them any more, and three times as much is to come.
        std::fs::remove_dir_all(&first).map_err(|source| Fault::io("could not remove the data", source))?;
        report.grown = Some(growth::measure(&folder.join("grown"), options, &wanted, &report).await?);
    }
    if options.files {
        report.files = Some(files::measure(&folder.join("files"), options).await?);
    }
    if options.beside {
        report.beside = Some(beside::measure(&folder.join("beside")).await?);
    }
    report.goals = goals::of(&report);
    Ok(report)
}

/// Makes the data in a folder.
fn made(folder: &Path, scale: f64, options: &Options) -> Result<Setup, Fault> {
    let data = folder.join("data");
    eprintln!("making the data of scale {scale:.3}");
    data::write(&data, scale, options.seed)?;
    let (tables, today) = (map::made(&data), data::today().to_string());
    Ok(Setup { tables, today, customer: None, threads: options.threads, lake: None })
}

/// Which questions are asked.
pub struct Wanted {
    raw: Vec<Asked>,
    screens: Vec<Asked>,
    lake: Vec<Asked>,
}

/// What both answered, and the lake that was made for it.
struct Answers {
    setup: Setup,
    raw: Vec<Line>,
    kept: Vec<Line>,
    lake: Vec<Line>,
    shop: Option<kept::Shop>,
}

impl Wanted {
    /// Those whose tables there are, and whose names contain what the options say.
    fn of(setup: &Setup, options: &Options) -> Result<Wanted, Fault> {
        let wanted = |asked: &&Asked| asked.tables().all(|table| setup.tables.contains_key(table)) && named(asked, options);
        let raw: Vec<Asked> = questions::RAW.iter().filter(wanted).copied().collect();
        let screens: Vec<Asked> = questions::KEPT.iter().filter(wanted).copied().collect();
        let lake: Vec<Asked> = questions::LAKE.iter().filter(|_| options.timeline).filter(wanted).copied().collect();
        if raw.is_empty() && screens.is_empty() && lake.is_empty() {
            return Err(Fault::new(Exit::Config, "no question is left to ask").remedy("map the table `orders`, or change --only"));
        }
        Ok(Wanted { raw, screens, lake })
    }

    /// Puts them to both; for the screens a lake is made in the folder.
    async fn ask(&self, folder: &Path, mut setup: Setup, rounds: usize) -> Result<Answers, Fault> {
        if setup.customer.is_none() && setup.tables.contains_key("orders") {
            setup.customer = most_faithful(&setup)?;
        }
        let raw = lines(&self.raw, Engine::DuckDb, &setup, rounds)?;
        let lake = match self.lake.is_empty() {
            true => Vec::new(),
            false => {
                eprintln!("making a lake of orders, events and messages");
                let whole = kept::Shop::make(&folder.join("whole"), &setup, true).await?;
                setup.lake = Some(whole.location());
                lines(&self.lake, Engine::DuckDb, &setup, rounds)?
            }
        };
        let mut shop = None;
        if !self.screens.is_empty() {
            eprintln!("making a lake of the orders");
            let made = kept::Shop::make(&folder.join("lake"), &setup, false).await?;
            setup.lake = Some(made.location());
            shop = Some(made);
        }
        let kept = lines(&self.screens, Engine::DuckDb, &setup, rounds)?;
        Ok(Answers { setup, raw, kept, lake, shop })
    }
}

/// What ClickHouse is asked, where it is there: of our own data, for it is told their types.
fn asked_of_clickhouse(options: &Options) -> Vec<Asked> {
    let mut asked: Vec<Asked> = questions::CLICKHOUSE.into_iter().filter(|asked| named(asked, options)).collect();
    if !asked.is_empty() && (options.foreign.is_some() || !Engine::ClickHouse.is_there()) {
        asked.clear();
    }
    asked
}

fn named(asked: &Asked, options: &Options) -> bool {
    options.only.as_deref().is_none_or(|only| asked.name.contains(only))
}

fn most_faithful(setup: &Setup) -> Result<Option<String>, Fault> {
    let sql = "SELECT customer_id FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id ORDER BY count(*) DESC, customer_id LIMIT 1";
    let question = Question { name: "customer".into(), sql: sql.into(), rows: true };
    let answer = Peer::start(Engine::DuckDb, setup)?.ask(&question)?;
    let cell = answer.rows.first().and_then(|row| row.first());
    Ok(cell.map(|cell| cell.as_str().map_or_else(|| cell.to_string(), String::from)))
}

fn lines(asked: &[Asked], them: Engine, setup: &Setup, rounds: usize) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for asked in asked {
        eprintln!("{}", asked.name);
        lines.push(line(asked, them, setup, rounds)?);
    }
    Ok(lines)
}

/// Fresh processes first, then turns.
fn line(asked: &Asked, other: Engine, setup: &Setup, rounds: usize) -> Result<Line, Fault> {
    let put = |sql: &str, rows: bool| Question { name: asked.name.into(), sql: sql.into(), rows };
    let (mut us, mut them) = (Peer::start(Engine::Tsubame, setup)?, Peer::start(other, setup)?);
    let (first, theirs) = (us.ask(&put(asked.ours, true))?, them.ask(&put(asked.theirs, true))?);
    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_runs.push(us.ask(&put(asked.ours, false))?);
        their_runs.push(them.ask(&put(asked.theirs, false))?);
    }
    let failure = error(&first, &our_runs);
    let failed = failure.is_some();
    let wrong = failure
        .or_else(|| error(&theirs, &their_runs).map(|error| format!("{}: {error}", other.name())))
        .or_else(|| compare::difference(&first.rows, &theirs.rows, other.name()));
    let (ours, theirs) = (side(&first, &our_runs), side(&theirs, &their_runs));
    let Bar { must, aim } = asked.bar;
    let (cpu_ratio, wall_ratio) = (ours.cpu_ms / theirs.cpu_ms, ours.wall_ms / theirs.wall_ms);
    Ok(Line { name: asked.name.into(), rows: first.count, ours, theirs, cpu_ratio, wall_ratio, must, aim, wrong, failed })
}

/// Why a question has no answer in some of its runs.
fn error(cold: &Answered, warm: &[Answered]) -> Option<String> {
    std::iter::once(cold).chain(warm).find_map(|run| run.error.clone())
}

pub fn side(cold: &Answered, warm: &[Answered]) -> Side {
    let middle = |value: fn(&Answered) -> f64| median(warm.iter().map(value).collect());
    Side {
        wall_ms: middle(|run| run.wall_ms),
        cpu_ms: middle(|run| run.cpu_ms),
        cold_wall_ms: cold.wall_ms,
        cold_cpu_ms: cold.cpu_ms,
        peak_mb: cold.peak_mb,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// Whether all answers were the same.
pub fn is_right(report: &Report) -> bool {
    let grown = report.grown.iter().flat_map(growth::Grown::all).map(|growth| &growth.line);
    report
        .raw
        .iter()
        .chain(&report.clickhouse)
        .chain(&report.kept)
        .chain(&report.lake)
        .chain(grown)
        .all(|line| line.wrong.is_none())
        && report.refresh.as_ref().is_none_or(|refresh| refresh.differing_rows == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between() {
        let check = |values: &[f64], expect: f64| assert_eq!(median(values.to_vec()), expect, "{values:?}");
        check(&[3.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5);
        check(&[7.0], 7.0);
    }
}
