//! The lake against real Delta tables in a temporary folder: facts land once, reads see every row once, and nothing personal is repeated
//! in a log.

mod damage;
mod handed;
mod landing;
mod lasting;
mod nouns;
mod statistics;

use std::path::Path;

use arrow::{
    array::{AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::Int64Type,
};
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use lake::{Lake, ReadView, TailSegment};
use model::{Event, Fact, Instant};

fn at(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc)
}

fn noon() -> Instant {
    at("2026-06-01T12:00:00Z")
}

/// An event with a number that shows again in its row.
fn event(number: i64) -> Fact {
    let event =
        Event { event_id: format!("e{number}"), name: "product_viewed".into(), source: "test".into(), ..Event::default() };
    Fact::new(&event, noon(), noon())
}

/// Facts of one table as the journal hands them over.
fn segment(first_position: i64, facts: &[Fact]) -> TailSegment {
    let rows: Vec<&str> = facts.iter().map(|fact| fact.row.as_str()).collect();
    raw_segment(facts[0].table, first_position, facts.len(), &format!("{}\n", rows.join("\n")))
}

fn raw_segment(table: &str, first_position: i64, rows: usize, payload: &str) -> TailSegment {
    TailSegment { table: table.into(), first_position, rows, ingested_at: noon(), payload: payload.as_bytes().to_vec() }
}

async fn open(folder: &Path) -> Lake {
    Lake::open(&folder.to_string_lossy()).await.expect("a lake")
}

/// All rows of a table as a query sees them, in order of position.
async fn rows(view: &ReadView, table: &str) -> RecordBatch {
    let table = view.table(table).expect("a table of the list");
    let session = SessionContext::new();
    let (url, store) = table.store();
    session.register_object_store(&url, store);
    let frame = session.read_table(table).expect("a relation");
    let frame = frame.sort(vec![datafusion::prelude::col("position").sort(true, false)]).expect("it has a position");
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    concat_batches(&schema, &frame.collect().await.expect("a scan")).expect("one schema")
}

/// `position event_id` of every event.
async fn events(view: &ReadView) -> Vec<String> {
    let rows = rows(view, "events").await;
    let positions = rows.column_by_name("position").expect("a column").as_primitive::<Int64Type>();
    let ids = rows.column_by_name("event_id").expect("a column").as_string::<i32>();
    positions.values().iter().zip(ids).map(|(position, id)| format!("{position} {}", id.unwrap_or("-"))).collect()
}

/// What a failure says, with its causes.
fn said(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", said(source)),
        None => error.to_string(),
    }
}
