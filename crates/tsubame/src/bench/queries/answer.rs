//! Our side of `bench queries`, a process of its own: questions to Parquet files and to a lake, and what each took.

use std::{path::Path, sync::Arc, time::Instant};

use chrono::{NaiveDate, TimeDelta};
use lake::{Lake, ReadView, Tail};
use model::ShopZone;
use query::{Answer, Desk, FileDesk, Library, Limits, Mode, Moment, ParamValue, Params, fold::Cells};
use serde_json::{Value, json};

use super::peer::{Answered, Question, Setup};
use crate::{
    bench::server::{peak_mb, resident_mb},
    fault::{Exit, Fault},
};

pub async fn serve() -> Result<(), Fault> {
    let setup: Setup = read(&next_line().unwrap_or_default())?;
    let today: NaiveDate =
        setup.today.parse().map_err(|_| Fault::new(Exit::Config, format!("`{}` is not a day", setup.today)))?;
    let mut params: Params = [("today".into(), ParamValue::Date(today))].into();
    params.extend(setup.customer.iter().map(|customer| ("customer".into(), ParamValue::Text(customer.clone()))));
    let files = FileDesk::open(&setup.file_tables(), Limits { partitions: setup.threads, ..Limits::default() }).await?;
    let lake = match &setup.lake {
        Some(folder) => Some(Lake::open(folder).await?),
        None => None,
    };
    while let Some(line) = next_line() {
        let question: Question = read(&line)?;
        let (wall, processor) = (Instant::now(), processor_ms());
        let (answered, took) = match (&lake, report(&question.sql)) {
            (Some(lake), Some((name, params))) => {
                let desk = desk(lake, today, setup.threads).await?;
                let rows = desk.ask(name, &params).await;
                (rows.map_err(Fault::from), (wall.elapsed(), processor_ms() - processor))
            }
            (Some(lake), _) if let Some(sql) = question.sql.strip_prefix("lake ") => {
                let customer = setup.customer.as_deref().unwrap_or_default().replace('\'', "''");
                let desk = desk(lake, today, setup.threads).await?;
                let rows = desk.ask_sql(&sql.replace("$customer", &format!("'{customer}'"))).await;
                (rows.map_err(Fault::from), (wall.elapsed(), processor_ms() - processor))
            }
            _ if let Some((dimensions, metrics)) = readout(&question.sql) => {
                let cells = files.fold("units", dimensions, metrics).await;
                let took = (wall.elapsed(), processor_ms() - processor);
                (cells.map(|cells| sums(&cells)).map_err(Fault::from), took)
            }
            _ => {
                let rows = files.run(&question.name, &question.sql, &params).await;
                let took = (wall.elapsed(), processor_ms() - processor);
                (rows.and_then(|rows| rows.answer()).map_err(Fault::from), took)
            }
        };
        let mut answer = match answered {
            Ok(answer) => {
                let rows = if question.rows {
                    answer.rows.iter().map(|row| row.iter().map(plain).collect()).collect()
                } else {
                    Vec::new()
                };
                Answered { rows, count: answer.rows.len(), ..Answered::default() }
            }
            Err(fault) => Answered { error: Some(fault.to_string()), ..Answered::default() },
        };
        (answer.wall_ms, answer.cpu_ms) = (took.0.as_secs_f64() * 1e3, took.1);
        (answer.peak_mb, answer.resident_mb) = (peak_mb("self"), resident_mb("self"));
        println!("{}", serde_json::to_string(&answer).expect("plain JSON"));
    }
    Ok(())
}

/// The next line of the standard input; none at its end.
fn next_line() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_string())
}

/// A question to the product's own reports: `report NAME`, and texts for its parameters as `name=value`.
pub fn report(text: &str) -> Option<(&str, Params)> {
    let mut words = text.strip_prefix("report ")?.split(' ');
    let name = words.next()?;
    let given = words.filter_map(|word| word.split_once('='));
    Some((name, given.map(|(name, value)| (name.into(), ParamValue::Text(value.into()))).collect()))
}

/// A question to the fold of read-outs: `readout DIMENSIONS METRICS`.
fn readout(text: &str) -> Option<(usize, usize)> {
    let (dimensions, metrics) = text.strip_prefix("readout ")?.split_once(' ')?;
    Some((dimensions.parse().ok()?, metrics.parse().ok()?))
}

/// A row per slice and arm: the dimension (−1: everybody), its value, the arm, units, of these followed to the end, and for each metric Σy and Σy².
fn sums(cells: &Cells) -> Answer {
    let text = |number: i128| query::Value::Text(number.to_string());
    let mut rows = Vec::new();
    for ((dimension, value), arms) in cells {
        for (arm, cell) in arms {
            let place = dimension.map_or(-1, |dimension| dimension as i64);
            let mut row = vec![
                query::Value::Int(place),
                query::Value::Text(value.clone()),
                query::Value::Text(arm.clone()),
                query::Value::Int(cell.units as i64),
                query::Value::Int(cell.over as i64),
            ];
            row.extend(cell.sums.iter().flat_map(|sums| [text(sums.y), text(sums.yy)]));
            rows.push(row);
        }
    }
    Answer { columns: Vec::new(), rows }
}

/// A desk on the lake at noon of the day of the questions.
pub async fn desk(lake: &Lake, today: NaiveDate, threads: usize) -> Result<Desk, Fault> {
    let (library, _) = Library::load(None);
    desk_on(lake.view(&Tail::default()).await?, Arc::new(library), today, threads)
}

/// The same on what was pinned before.
pub fn desk_on(view: ReadView, library: Arc<Library>, today: NaiveDate, threads: usize) -> Result<Desk, Fault> {
    let zone = ShopZone::parse("UTC").map_err(|error| Fault::new(Exit::Failed, error.to_string()))?;
    let as_of = zone.start_of(today) + TimeDelta::hours(12);
    let mut desk = Desk::new(library, view, Moment { as_of, mode: Mode::AsKnown, zone });
    desk.limits.partitions = threads;
    Ok(desk)
}

fn read<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, Fault> {
    serde_json::from_str(line).map_err(|error| Fault::new(Exit::Config, format!("a question cannot be read: {error}")))
}

fn plain(value: &query::Value) -> Value {
    match value {
        query::Value::Null => Value::Null,
        query::Value::Int(value) => json!(value),
        query::Value::Float(value) => json!(value),
        query::Value::Bool(value) => json!(value),
        other => Value::String(other.plain()),
    }
}

/// Of all threads of this process, to the nanosecond where Linux says it.
pub fn processor_ms() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let of_one = |thread: &Path| -> Option<f64> {
        std::fs::read_to_string(thread.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    threads.filter_map(Result::ok).filter_map(|thread| of_one(&thread.path())).sum::<f64>() / 1e6
}
