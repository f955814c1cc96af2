//! The library against the SQL engine: every built-in file plans, wrong files say what is wrong, values stay values, and the past is read
//! as it was known or as it happened.

mod asked_twice;
mod built_in;
mod buyers;
mod examples;
mod first_rows;
mod functions;
mod goods;
mod kept;
mod library;
mod little_memory;
mod one_customer;
mod params;
mod past;
mod people;
mod read_only;
mod segments;
mod wrong_files;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lake::{Lake, ReadView, Tail, TailSegment};
use model::{CustomerId, Fact, Instant, Money, Order, ShopZone};
use query::{Answer, Desk, Library, Mode, Moment};

fn at(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc)
}

/// Noon of a shop day.
fn noon(day: &str) -> Instant {
    at(&format!("{day}T12:00:00+09:00"))
}

/// A completed order of so many yen, placed at noon of a shop day.
fn order(customer: &str, day: &str, yen: i64) -> Order {
    let net = Money::whole(yen).expect("an amount");
    Order {
        customer_id: Some(CustomerId::stored(customer)),
        gross: net,
        net,
        ..Order::new("test", format!("{customer}-{day}"), noon(day))
    }
}

/// The order as a fact that was known when it was placed.
fn placed(order: &Order) -> Fact {
    Fact::new(order, order.ordered_at, order.ordered_at)
}

/// The first half of the facts in a lake, the rest in the tail: a question must not see the seam.
async fn view(facts: &[Fact]) -> (tempfile::TempDir, ReadView) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy()).await.expect("a lake");
    let segments: Vec<TailSegment> = facts
        .iter()
        .zip(1..)
        .map(|(fact, first_position)| TailSegment {
            table: fact.table.into(),
            first_position,
            rows: 1,
            ingested_at: noon("2026-12-01"),
            payload: fact.row.clone().into_bytes(),
        })
        .collect();
    lake.land(&segments[..facts.len() / 2]).await.expect("landed");
    let view = lake.view(&Tail::of(&segments).expect("rows")).await.expect("a view");
    (folder, view)
}

fn desk(view: &ReadView, as_of: Instant, mode: Mode) -> Desk {
    let (library, problems) = Library::load(None);
    assert_eq!(problems, []);
    Desk::new(Arc::new(library), view.clone(), Moment { as_of, mode, zone: ShopZone::tokyo() })
}

/// Rows as plain text, in the order they came.
fn shown(answer: &Answer) -> Vec<String> {
    answer.rows.iter().map(|row| row.iter().map(|value| value.plain()).collect::<Vec<_>>().join(" ")).collect()
}

/// The rows of some columns, sorted.
fn columns(answer: &Answer, names: &[&str]) -> Vec<String> {
    let row =
        |row: usize| names.iter().map(|name| answer.get(row, name).expect("a column").plain()).collect::<Vec<_>>().join(" ");
    let mut rows: Vec<String> = (0..answer.rows.len()).map(row).collect();
    rows.sort();
    rows
}
