//! How much longer it takes to open a lake, and to plan a question to it, where its rows lie in many files: the same orders in a hundred and in ten
//! thousand, landed as journals are and never compacted. What a log has grown by is put into checkpoints, as it is by night.

use std::{path::Path, sync::Arc, time::Instant as Stopwatch};

use chrono::TimeDelta;
use lake::{Lake, Tail};
use model::{CustomerId, Fact, Instant, Money, Order};
use query::{Library, Value};
use serde::Serialize;

use super::{Options, answer::desk_on, data, kept::segment, median};
use crate::fault::{Exit, Fault};

const FEW: usize = 100;
const MANY: usize = 10_000;
/// In each of the two lakes.
const ROWS: usize = 20_000;
const MINUTES_APART: i64 = 15;
const CUSTOMERS: usize = 500;
const CHECKPOINT_EVERY: usize = 100;
const TOLD_EVERY: usize = 1_000;

/// The orders of one customer. No range in the log tells where they are: whoever asks looks into each file.
const SQL: &str = "SELECT count(*) AS orders FROM orders WHERE customer_id = 'c0000007'";

#[derive(Debug, Serialize)]
pub struct Files {
    pub few: Opened,
    pub many: Opened,
    /// Opening and planning with many files by the same with few, in wall time.
    pub ratio: f64,
}

/// What one lake took: medians of wall time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Opened {
    pub files: usize,
    /// Opening the lake and pinning what its tables hold.
    pub opening_ms: f64,
    /// Planning the question, to the list of files to be read.
    pub planning_ms: f64,
    /// Planning it again, and reading.
    pub asking_ms: f64,
}

pub async fn measure(folder: &Path, options: &Options) -> Result<Files, Fault> {
    let (few, many) = (folder.join("few"), folder.join("many"));
    land(&few, FEW).await?;
    land(&many, MANY).await?;
    eprintln!("opening both lakes");
    let (library, _) = Library::load(None);
    let library = Arc::new(library);
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        of_few.push(opened(&few, FEW, &library, options.threads).await?);
        of_many.push(opened(&many, MANY, &library, options.threads).await?);
    }
    let (few, many) = (middle(&of_few), middle(&of_many));
    let ratio = (many.opening_ms + many.planning_ms) / (few.opening_ms + few.planning_ms);
    Ok(Files { few, many, ratio })
}

/// Lands the orders, so many times the same number of them.
async fn land(folder: &Path, files: usize) -> Result<(), Fault> {
    eprintln!("landing {ROWS} orders in {files} files");
    let lake = Lake::open(&folder.to_string_lossy()).await?;
    let rows = ROWS / files;
    for commit in 0..files {
        let first = commit * rows;
        let facts = (first..first + rows).map(order).collect::<Result<Vec<Fact>, Fault>>()?;
        let rows: Vec<&str> = facts.iter().map(|fact| fact.row.as_str()).collect();
        lake.land(&[segment("orders", first as i64 + 1, &rows, last_at())]).await?;
        let landed = commit + 1;
        if landed % CHECKPOINT_EVERY == 0 {
            lake.tend(false).await?;
        }
        if landed % TOLD_EVERY == 0 {
            eprintln!("{landed} files");
        }
    }
    let status = lake.status().await?;
    let found = status.iter().find(|table| table.table == "orders").map_or(0, |table| table.files);
    match found == files {
        true => Ok(()),
        false => Err(Fault::new(Exit::Failed, format!("{files} files were landed, and the lake has {found}"))),
    }
}

/// The last order, before the moment of the question.
fn last_at() -> Instant {
    data::today().and_time(Default::default()).and_utc()
}

fn order(number: usize) -> Result<Fact, Fault> {
    let at = last_at() - TimeDelta::minutes(MINUTES_APART * (ROWS - 1 - number) as i64);
    let mut order = Order::new("bench", number.to_string(), at);
    order.customer_id = Some(CustomerId::stored(format!("c{:07}", number % CUSTOMERS)));
    (order.gross, order.net) = (Money::whole(1_000)?, Money::whole(1_000)?);
    Ok(Fact::new(&order, at, at))
}

async fn opened(folder: &Path, files: usize, library: &Arc<Library>, threads: usize) -> Result<Opened, Fault> {
    let watch = Stopwatch::now();
    let lake = Lake::open(&folder.to_string_lossy()).await?;
    let view = lake.view(&Tail::default()).await?;
    let opening_ms = ms(watch);
    let desk = desk_on(view, library.clone(), data::today(), threads)?;
    let watch = Stopwatch::now();
    desk.ask_sql(&format!("EXPLAIN {SQL}")).await?;
    let planning_ms = ms(watch);
    let watch = Stopwatch::now();
    let answer = desk.ask_sql(SQL).await?;
    let asking_ms = ms(watch);
    match answer.get(0, "orders") {
        Some(Value::Int(orders)) if *orders == (ROWS / CUSTOMERS) as i64 => {
            Ok(Opened { files, opening_ms, planning_ms, asking_ms })
        }
        found => Err(Fault::new(Exit::Data, format!("of {} orders {found:?} were found in {files} files", ROWS / CUSTOMERS))),
    }
}

fn ms(since: Stopwatch) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Of the rounds of one lake.
fn middle(rounds: &[Opened]) -> Opened {
    let of = |value: fn(&Opened) -> f64| median(rounds.iter().map(value).collect());
    Opened {
        files: rounds.first().map_or(0, |round| round.files),
        opening_ms: of(|round| round.opening_ms),
        planning_ms: of(|round| round.planning_ms),
        asking_ms: of(|round| round.asking_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_middle() {
        let round = |opening_ms: f64, planning_ms: f64, asking_ms: f64| Opened { files: 100, opening_ms, planning_ms, asking_ms };
        let check = |rounds: &[Opened], expect: Opened| assert_eq!(middle(rounds), expect, "{rounds:?}");
        check(&[round(3.0, 10.0, 7.0), round(1.0, 30.0, 8.0), round(2.0, 20.0, 9.0)], round(2.0, 20.0, 8.0));
        check(&[round(4.0, 5.0, 6.0)], round(4.0, 5.0, 6.0));
    }
}
