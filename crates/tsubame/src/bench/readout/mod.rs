//! How fast the moments of a read-out are added up, beside DuckDB: twenty metrics, three arms and five dimensions over one row per exposed
//! unit, from the same Parquet file, in turns, in one run. Ours is the fold that read-outs use (`query::fold`). DuckDB is asked in two ways, for
//! all slices at once and for all combinations first, and the ratio is to the better of the two. Sums are compared digit by digit.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use serde::Serialize;
use serde_json::Value;

use super::queries::{
    Side,
    peer::{Answered, Engine, Files, Peer, Question, Setup},
    side,
};
use crate::{analysis::scaled, fault::Fault};

mod data;

pub const METRICS: usize = 20;
pub const DIMENSIONS: usize = 5;

#[derive(Debug, Clone)]
pub struct Options {
    pub rows: u64,
    pub seed: u64,
    pub rounds: usize,
    pub threads: usize,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub rows: u64,
    pub metrics: usize,
    pub arms: usize,
    pub dimensions: usize,
    pub threads: usize,
    /// Slices and arms that have sums.
    pub sums: usize,
    pub ours: Side,
    pub duckdb: Vec<Form>,
    /// To DuckDB's better form.
    pub cpu_ratio: f64,
    pub wall_ratio: f64,
    pub memory_ratio: f64,
    /// Why the sums differ, or there are none; empty if they are the same.
    pub wrong: Option<String>,
}

/// One way to ask DuckDB.
#[derive(Debug, Serialize)]
pub struct Form {
    pub name: &'static str,
    #[serde(flatten)]
    pub side: Side,
}

pub fn run(folder: &Path, options: &Options) -> Result<Report, Fault> {
    let data = folder.join("data");
    eprintln!("making {} units", options.rows);
    data::write(&data, options.rows, options.seed)?;
    let units = Files { files: vec![data.join("units.parquet").to_string_lossy().into_owned()], columns: BTreeMap::new() };
    let setup = Setup {
        tables: [("units".into(), units)].into(),
        today: "2026-11-01".into(),
        customer: None,
        threads: options.threads,
        lake: None,
    };
    let ask = |sql: &str, rows: bool| Question { name: "moments".into(), sql: sql.into(), rows };
    let ours = format!("readout {DIMENSIONS} {METRICS}");
    let forms = [("all slices at once", slices_at_once()), ("combinations first", combinations_first())];
    // Fresh processes show the most memory that one question takes.
    let mut us = Peer::start(Engine::Tsubame, &setup)?;
    let cold = us.ask(&ask(&ours, true))?;
    let mut wrong = cold.error.clone();
    let found = own(&cold.rows);
    let mut peers = Vec::new();
    for (name, sql) in &forms {
        let mut peer = Peer::start(Engine::DuckDb, &setup)?;
        let first = peer.ask(&ask(sql, true))?;
        wrong = wrong.or_else(|| match &first.error {
            Some(error) => Some(format!("DuckDB, {name}: {error}")),
            None => difference(&found, &theirs(&first.rows)).map(|why| format!("{name}: {why}")),
        });
        peers.push((*name, sql, peer, first, Vec::<Answered>::new()));
    }
    let mut our_runs = Vec::new();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        our_runs.push(us.ask(&ask(&ours, false))?);
        for (_, sql, peer, _, runs) in &mut peers {
            runs.push(peer.ask(&ask(sql, false))?);
        }
    }
    let ours = side(&cold, &our_runs);
    let duckdb: Vec<Form> = peers.iter().map(|(name, _, _, first, runs)| Form { name, side: side(first, runs) }).collect();
    let least = |value: fn(&Side) -> f64| duckdb.iter().map(|form| value(&form.side)).fold(f64::INFINITY, f64::min);
    Ok(Report {
        rows: options.rows,
        metrics: METRICS,
        arms: data::ARMS.len(),
        dimensions: DIMENSIONS,
        threads: options.threads,
        sums: found.len(),
        cpu_ratio: ours.cpu_ms / least(|side| side.cpu_ms),
        wall_ratio: ours.wall_ms / least(|side| side.wall_ms),
        memory_ratio: ours.peak_mb / least(|side| side.peak_mb),
        ours,
        duckdb,
        wrong,
    })
}

/// What every column of the answer is made of, per metric.
fn columns(sum: impl Fn(usize, &str) -> String) -> String {
    let mut columns = String::new();
    for metric in 0..METRICS {
        let _ = write!(columns, ", CAST({} AS VARCHAR), CAST({} AS VARCHAR)", sum(metric, "y"), sum(metric, "yy"));
    }
    columns
}

/// The dimension of a grouping set, and its value.
fn place() -> String {
    let mut which = "CASE".to_string();
    let mut value = "CASE".to_string();
    for dimension in 0..DIMENSIONS {
        let _ = write!(which, " WHEN grouping(d{dimension}) = 0 THEN {dimension}");
        let _ = write!(value, " WHEN grouping(d{dimension}) = 0 THEN d{dimension}");
    }
    format!("{which} ELSE -1 END, {value} ELSE '' END, arm, mature")
}

fn sets() -> String {
    let each: String = (0..DIMENSIONS).map(|dimension| format!(", (arm, mature, d{dimension})")).collect();
    format!("GROUPING SETS ((arm, mature){each})")
}

fn slices_at_once() -> String {
    let sums = columns(|metric, part| match part {
        "y" => format!("sum(y{metric})"),
        _ => format!("sum(y{metric} * y{metric})"),
    });
    format!("SELECT {}, count(*){sums} FROM units GROUP BY {}", place(), sets())
}

fn combinations_first() -> String {
    let keys: String = (0..DIMENSIONS).map(|dimension| format!(", d{dimension}")).collect();
    let sums: String =
        (0..METRICS).map(|metric| format!(", sum(y{metric}) AS y{metric}, sum(y{metric} * y{metric}) AS yy{metric}")).collect();
    let outer = columns(|metric, part| format!("sum({part}{metric})"));
    format!(
        "WITH cell AS MATERIALIZED (SELECT arm, mature{keys}, count(*) AS units{sums} FROM units GROUP BY arm, mature{keys}) \
         SELECT {}, CAST(sum(units) AS BIGINT){outer} FROM cell GROUP BY {}",
        place(),
        sets()
    )
}

/// Units, those followed to the end, and the sums of these, by dimension, value and arm.
type Found = BTreeMap<(i64, String, String), Vec<i128>>;

/// Our rows: whole numbers already.
fn own(rows: &[Vec<Value>]) -> Found {
    rows.iter().map(|row| (key(row), row[3..].iter().map(|number| whole(number, 0)).collect())).collect()
}

/// DuckDB's rows: one for those who were followed to the end and one for the others, in decimals.
fn theirs(rows: &[Vec<Value>]) -> Found {
    let mut found = Found::new();
    for row in rows {
        let into = found.entry(key(row)).or_insert_with(|| vec![0; 2 + 2 * METRICS]);
        let units = whole(&row[4], 0);
        into[0] += units;
        if row[3] == Value::Bool(true) {
            into[1] += units;
            for (place, number) in row[5..].iter().enumerate() {
                into[2 + place] += whole(number, if place % 2 == 0 { 4 } else { 8 });
            }
        }
    }
    found
}

fn key(row: &[Value]) -> (i64, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    (row[0].as_i64().unwrap_or_default(), text(&row[1]), text(&row[2]))
}

/// `12.5` with four decimals is 125000. What is no number is a sum that nothing has.
fn whole(value: &Value, decimals: usize) -> i128 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
    scaled(&text, decimals).unwrap_or(i128::MIN)
}

fn difference(ours: &Found, theirs: &Found) -> Option<String> {
    if let Some(key) = ours.keys().find(|key| !theirs.contains_key(*key)).or(theirs.keys().find(|key| !ours.contains_key(*key))) {
        return Some(format!("only one of the two has {key:?}"));
    }
    ours.iter().zip(theirs).find_map(|((key, our), (_, their))| {
        let column = our.iter().zip(their).position(|(a, b)| a != b).or((our.len() != their.len()).then_some(our.len()))?;
        Some(format!("number {column} of {key:?} is {:?} where DuckDB has {:?}", our.get(column), their.get(column)))
    })
}

/// The report for people.
pub fn table(report: &Report) -> String {
    let Report { rows, metrics, arms, dimensions, threads, sums, ours, duckdb, cpu_ratio, wall_ratio, memory_ratio, wrong } =
        report;
    let mut lines = vec![
        format!(
            "{metrics} metrics × {arms} arms × {dimensions} dimensions over {rows} exposed units, {threads} threads; medians, warm"
        ),
        format!("  {:<28} {:>10} {:>10} {:>12} {:>9}", "", "wall ms", "cpu ms", "cold wall ms", "peak MB"),
    ];
    let line = |name: &str, side: &Side| {
        let Side { wall_ms, cpu_ms, cold_wall_ms, peak_mb, .. } = side;
        format!("  {name:<28} {wall_ms:>10.0} {cpu_ms:>10.0} {cold_wall_ms:>12.0} {peak_mb:>9.0}")
    };
    lines.push(line("tsubame", ours));
    lines.extend(duckdb.iter().map(|form| line(&format!("duckdb, {}", form.name), &form.side)));
    lines.push(format!("  ratio to the better of both: wall {wall_ratio:.2}, cpu {cpu_ratio:.2}, peak memory {memory_ratio:.2} (wanted: 1.0 at most)"));
    lines.push(match wrong {
        Some(why) => format!("  WRONG: {why}"),
        None => format!("  the same {sums} rows of sums, to the last digit"),
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_wrong_digit_is_found() {
        let metrics = |y: &str, yy: &str| -> Vec<Value> { (0..METRICS).flat_map(|_| [json!(y), json!(yy)]).collect() };
        let check = |ours: Value, sums: (&str, &str), theirs_rows: &[(Value, (&str, &str))], expect: Option<&str>| {
            let mut row = ours.as_array().unwrap().clone();
            row.extend(metrics(sums.0, sums.1));
            let rows: Vec<Vec<Value>> = theirs_rows
                .iter()
                .map(|(start, sums)| start.as_array().unwrap().iter().cloned().chain(metrics(sums.0, sums.1)).collect())
                .collect();
            let found = difference(&own(&[row]), &theirs(&rows));
            assert_eq!(found.is_some(), expect.is_some(), "{found:?}");
            assert!(expect.is_none_or(|part| found.as_deref().is_some_and(|found| found.contains(part))), "{found:?}");
        };
        let ours = json!([-1, "", "control", 3, 2]);
        let over = json!([-1, "", "control", true, 2]);
        let open = json!([-1, "", "control", false, 1]);
        let right = ("12.5000", "78.12500000");
        let both = [(over.clone(), right), (open.clone(), ("9.0000", "9.00000000"))];
        check(ours.clone(), ("125000", "7812500000"), &both, None);
        check(ours.clone(), ("125000", "7812500001"), &both, Some("number 3"));
        check(ours.clone(), ("125000", "7812500000"), &both[..1], Some("number 0"));
        check(ours, ("125000", "7812500000"), &[(json!([0, "x", "control", true, 2]), right)], Some("only one"));
    }
}
