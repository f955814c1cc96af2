//! How fast questions are answered, beside DuckDB: the same questions to the same Parquet files, in turns, in one run, since a machine's
//! speed moves with its neighbours and only a ratio means something. Answers are compared cell by cell.
//!
//! Twenty questions go to all that is recorded (`questions::RAW`), and five screens to what is kept (`questions::KEPT`), for which a lake is
//! made of the same orders. A question's first run, in a fresh process, is its cold one, and shows the most memory it takes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::fault::{Exit, Fault};

pub mod answer;
mod compare;
pub mod data;
mod kept;
mod map;
pub mod peer;
mod questions;

use peer::{Answered, Engine, Peer, Question, Setup};
use questions::{Asked, Bar};

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
}

#[derive(Debug, Serialize)]
pub struct Report {
    /// 0 where the data are somebody's.
    pub scale: f64,
    pub threads: usize,
    pub raw: Vec<Line>,
    pub kept: Vec<Line>,
    pub refresh: Option<kept::Refresh>,
    pub goals: Vec<Goal>,
}

/// One question, by both.
#[derive(Debug, Serialize)]
pub struct Line {
    pub name: String,
    pub rows: usize,
    pub ours: Side,
    pub duckdb: Side,
    pub cpu_ratio: f64,
    pub wall_ratio: f64,
    pub must: f64,
    pub aim: f64,
    /// Why the answers differ, or there is none; empty if they are the same.
    pub wrong: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    pub wall_ms: f64,
    pub cpu_ms: f64,
    pub cold_wall_ms: f64,
    pub cold_cpu_ms: f64,
    pub peak_mb: f64,
}

/// One goal: what it is, what was found.
#[derive(Debug, Serialize)]
pub struct Goal {
    pub name: &'static str,
    pub found: f64,
    pub must: f64,
    pub aim: f64,
}

pub async fn run(folder: &Path, options: &Options) -> Result<Report, Fault> {
    let setup = match &options.foreign {
        Some((data, map)) => {
            let map = map::Map::read(map)?;
            let tables = map.files(data);
            Setup { tables, today: map.today, customer: map.customer, threads: options.threads, lake: None }
        }
        None => {
            let data = folder.join("data");
            eprintln!("making the data");
            data::write(&data, options.scale, options.seed)?;
            let today = chrono::NaiveDate::from_ymd_opt(data::TODAY.0, data::TODAY.1, data::TODAY.2).expect("a day").to_string();
            Setup { tables: map::made(&data), today, customer: None, threads: options.threads, lake: None }
        }
    };
    measure(folder, setup, options).await
}

async fn measure(folder: &Path, mut setup: Setup, options: &Options) -> Result<Report, Fault> {
    let wanted = |asked: &&Asked| {
        asked.tables().all(|table| setup.tables.contains_key(table))
            && options.only.as_ref().is_none_or(|only| asked.name.contains(only.as_str()))
    };
    let raw: Vec<Asked> = questions::RAW.iter().filter(wanted).copied().collect();
    let screens: Vec<Asked> = questions::KEPT.iter().filter(wanted).copied().collect();
    if raw.is_empty() && screens.is_empty() {
        return Err(Fault::new(Exit::Config, "no question is left to ask").remedy("map the table `orders`, or change --only"));
    }
    if setup.customer.is_none() && setup.tables.contains_key("orders") {
        setup.customer = most_faithful(&setup)?;
    }
    let mut lake = None;
    if !screens.is_empty() {
        eprintln!("making a lake of the orders");
        let made = kept::Shop::make(&folder.join("lake"), &setup).await?;
        setup.lake = Some(made.location());
        lake = Some(made);
    }
    let raw = lines(&raw, &setup, options.rounds)?;
    let kept = lines(&screens, &setup, options.rounds)?;
    let refresh = match lake {
        Some(lake) => {
            eprintln!("bringing kept tables up to date");
            Some(lake.refresh(options.rounds).await?)
        }
        None => None,
    };
    let goals = goals(&raw, &kept, refresh.as_ref());
    Ok(Report {
        scale: if options.foreign.is_some() { 0.0 } else { options.scale },
        threads: options.threads,
        raw,
        kept,
        refresh,
        goals,
    })
}

fn most_faithful(setup: &Setup) -> Result<Option<String>, Fault> {
    let sql = "SELECT customer_id FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id ORDER BY count(*) DESC, customer_id LIMIT 1";
    let question = Question { name: "customer".into(), sql: sql.into(), rows: true };
    let answer = Peer::start(Engine::DuckDb, setup)?.ask(&question)?;
    let cell = answer.rows.first().and_then(|row| row.first());
    Ok(cell.map(|cell| cell.as_str().map_or_else(|| cell.to_string(), String::from)))
}

fn lines(asked: &[Asked], setup: &Setup, rounds: usize) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for asked in asked {
        eprintln!("{}", asked.name);
        lines.push(line(asked, setup, rounds)?);
    }
    Ok(lines)
}

/// Fresh processes first, then turns.
fn line(asked: &Asked, setup: &Setup, rounds: usize) -> Result<Line, Fault> {
    let put = |sql: &str, rows: bool| Question { name: asked.name.into(), sql: sql.into(), rows };
    let (mut us, mut them) = (Peer::start(Engine::Tsubame, setup)?, Peer::start(Engine::DuckDb, setup)?);
    let (first, theirs) = (us.ask(&put(asked.ours, true))?, them.ask(&put(asked.theirs, true))?);
    let wrong = match (&first.error, &theirs.error) {
        (Some(error), _) => Some(error.clone()),
        (_, Some(error)) => Some(format!("DuckDB: {error}")),
        _ => compare::difference(&first.rows, &theirs.rows),
    };
    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_runs.push(us.ask(&put(asked.ours, false))?);
        their_runs.push(them.ask(&put(asked.theirs, false))?);
    }
    let (ours, duckdb) = (side(&first, &our_runs), side(&theirs, &their_runs));
    let Bar { must, aim } = asked.bar;
    let (cpu_ratio, wall_ratio) = (ours.cpu_ms / duckdb.cpu_ms, ours.wall_ms / duckdb.wall_ms);
    Ok(Line { name: asked.name.into(), rows: first.count, ours, duckdb, cpu_ratio, wall_ratio, must, aim, wrong })
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

fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = values.map(f64::ln).collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

/// What the lines mean for each goal that they can say something of.
fn goals(raw: &[Line], kept: &[Line], refresh: Option<&kept::Refresh>) -> Vec<Goal> {
    let mut goals = Vec::new();
    let named = |names: &[&str]| -> Vec<&Line> {
        raw.iter().filter(|line| names.is_empty() || names.iter().any(|name| line.name.starts_with(name))).collect()
    };
    let worst = |lines: &[&Line], ratio: fn(&Line) -> f64| lines.iter().map(|line| ratio(line)).fold(f64::NAN, f64::max);
    let mut goal = |name, found: f64, must, aim| {
        if found.is_finite() {
            goals.push(Goal { name, found, must, aim });
        }
    };
    let cpu: fn(&Line) -> f64 = |line| line.cpu_ratio;
    let wall: fn(&Line) -> f64 = |line| line.wall_ratio;
    let memory: fn(&Line) -> f64 = |line| line.ours.peak_mb / line.duckdb.peak_mb;
    if raw.len() == questions::RAW.len() {
        goal("A1 processor time, geometric mean", geometric_mean(raw.iter().map(cpu)), 1.2, 0.9);
    }
    goal("A2 processor time, worst question", worst(&named(&[]), cpu), 2.0, 1.3);
    goal("A3 F2 rate and time to second", worst(&named(&["q03", "q04"]), cpu), 1.3, 0.8);
    goal("A5 attribution", worst(&named(&["q06", "q07", "q08"]), cpu), 1.3, 0.8);
    goal("A6 co-purchase and ranking", worst(&named(&["q14", "q15"]), cpu), 1.3, 1.0);
    goal("A7 audiences, wall time", worst(&named(&["q11", "q12", "q20"]), wall), 1.3, 1.0);
    goal("A8 time line of a customer", worst(&named(&["q17"]), cpu), 0.4, 0.1);
    goal("A9 peak memory, geometric mean", geometric_mean(raw.iter().map(memory)), 1.5, 1.0);
    goal("A9 peak memory, dedup", worst(&named(&["q18"]), memory), 1.5, 1.0);
    goal("B1 screens from kept tables, worst", worst(&kept.iter().collect::<Vec<_>>(), cpu), 0.3, 0.1);
    if let Some(refresh) = refresh {
        goal("B2 refresh after 1 % new orders / anew", refresh.cpu_ratio, 0.1, 0.03);
        goal("B3 rows that differ from facts", refresh.differing_rows as f64, 0.0, 0.0);
    }
    goals
}

/// The report for people.
pub fn table(report: &Report) -> String {
    let mut lines = vec![format!("{} threads; processor and wall time are medians, warm\n", report.threads)];
    for (title, part) in [("from raw Parquet", &report.raw), ("screens from kept tables", &report.kept)] {
        if part.is_empty() {
            continue;
        }
        lines.push(format!(
            "{title:<26} {:>6} {:>19} {:>7} {:>19} {:>7} {:>19} {:>15} {:>5} {:>4}  met",
            "rows", "cpu ms us/duckdb", "ratio", "wall ms us/duckdb", "ratio", "cold cpu us/duckdb", "peak MB", "must", "aim"
        ));
        for line in part {
            let Line { name, rows, ours, duckdb, cpu_ratio, wall_ratio, must, aim, .. } = line;
            let pair = |a: f64, b: f64| format!("{a:.0} / {b:.0}");
            lines.push(format!(
                "  {name:<24} {rows:>6} {:>19} {cpu_ratio:>7.2} {:>19} {wall_ratio:>7.2} {:>19} {:>15} {must:>5} {aim:>4}  {}",
                pair(ours.cpu_ms, duckdb.cpu_ms),
                pair(ours.wall_ms, duckdb.wall_ms),
                pair(ours.cold_cpu_ms, duckdb.cold_cpu_ms),
                pair(ours.peak_mb, duckdb.peak_mb),
                match &line.wrong {
                    Some(_) => "WRONG",
                    None => met(*cpu_ratio, *must, *aim),
                },
            ));
            lines.extend(line.wrong.iter().map(|why| format!("    {why}")));
        }
        lines.push(String::new());
    }
    if let Some(refresh) = &report.refresh {
        lines.push(format!(
            "kept tables of {} orders made anew in {:.0} ms of processor time; brought up to date after 1 % new orders in {:.0} ms",
            refresh.orders, refresh.anew_cpu_ms, refresh.refresh_cpu_ms
        ));
        lines.push(format!("rows of the screens that differ from those of facts alone: {}\n", refresh.differing_rows));
    }
    for goal in &report.goals {
        let Goal { name, found, must, aim } = goal;
        lines.push(format!("{name:<42} {found:>7.3}  must {must:>4}  aim {aim:>4}  {}", met(*found, *must, *aim)));
    }
    lines.push("A4 (24-hour funnel beside ClickHouse) is not measured: ClickHouse is not run".into());
    lines.join("\n") + "\n"
}

fn met(found: f64, must: f64, aim: f64) -> &'static str {
    match found {
        found if found <= aim => "aim",
        found if found <= must => "must",
        _ => "no",
    }
}

/// Whether all answers were the same.
pub fn is_right(report: &Report) -> bool {
    report.raw.iter().chain(&report.kept).all(|line| line.wrong.is_none())
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

    #[test]
    fn a_goal_is_met_or_not() {
        let check = |found, expect| assert_eq!(met(found, 1.3, 0.8), expect, "{found}");
        check(0.8, "aim");
        check(1.0, "must");
        check(1.31, "no");
        check(f64::NAN, "no");
    }
}
