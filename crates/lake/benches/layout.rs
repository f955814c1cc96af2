//! Which order of rows, and how many to a row group: the time of a customer's time line and of a week's scan, and the bytes.
//!
//! `cargo test --workspace --bench layout -- --nocapture`. `ROWS=3000000` for more. `src/file.rs` and `src/tables/events.rs` follow what it
//! prints.

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    compute::{SortColumn, lexsort_to_indices, take_record_batch},
};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};

const DAY_US: i64 = 86_400_000_000;

fn main() {
    // `cargo test` without a name would run this in every round.
    if !std::env::args().any(|argument| argument == "--nocapture") {
        return;
    }
    let rows = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let events = events(rows);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{rows} events of 400 days, {} customers", rows / 20);
    println!(
        "{:<26} {:>9} {:>6} {:>12} {:>12} {:>12} {:>12}",
        "order", "group", "bloom", "bytes", "time line", "week", "by name"
    );
    for order in [&["at"][..], &["day", "customer_id", "at"], &["customer_id", "at"]] {
        for (group, bloom) in [(131_072, true), (131_072, false), (1_048_576, true), (32_768, true)] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("events.parquet");
            write(&path, &sorted(&events, order), group, bloom);
            let bytes = std::fs::metadata(&path).expect("it was written").len();
            let times = runtime.block_on(ask(&path, rows));
            println!(
                "{:<26} {group:>9} {bloom:>6} {bytes:>12} {:>9.1} ms {:>9.1} ms {:>9.1} ms",
                order.join(", "),
                times[0],
                times[1],
                times[2]
            );
        }
    }
}

/// Random enough, and the same every time.
fn draw(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn events(rows: i64) -> RecordBatch {
    let mut state = 0x2545_f491_4f6c_dd1d;
    let customers = (rows / 20).max(1) as u64;
    let names = ["page_viewed", "product_viewed", "cart_updated", "order_placed", "email_opened"];
    let (mut at, mut id, mut name, mut customer, mut product, mut url, mut value) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows {
        at.push(1_700_000_000_000_000 + row * (400 * DAY_US / rows) + (draw(&mut state) % 1_000_000) as i64);
        id.push(format!("{:016x}{:016x}", draw(&mut state), draw(&mut state)));
        name.push(names[(draw(&mut state) % 16).min(4) as usize % names.len()]);
        // A few buy much: the square of an even draw.
        let share = (draw(&mut state) % 10_000) as f64 / 10_000.0;
        let member = (share * share * customers as f64) as u64;
        customer.push((!draw(&mut state).is_multiple_of(3)).then(|| format!("c{member:07}")));
        let item = draw(&mut state) % 2_000;
        product.push(format!("p{item:05}"));
        url.push(format!("https://shop.example.jp/products/p{item:05}"));
        value.push((item as i128 * 37 % 20_000 + 100) * 10_000);
    }
    let day: Vec<i64> = at.iter().map(|at| at / DAY_US).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("at", Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))),
        ("day", Arc::new(Int64Array::from(day))),
        ("event_id", Arc::new(StringArray::from(id))),
        ("name", Arc::new(StringArray::from(name))),
        ("customer_id", Arc::new(StringArray::from(customer))),
        ("product_id", Arc::new(StringArray::from(product))),
        ("url", Arc::new(StringArray::from(url))),
        ("value", Arc::new(Decimal128Array::from(value).with_precision_and_scale(18, 4).expect("it fits"))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn sorted(events: &RecordBatch, order: &[&str]) -> RecordBatch {
    let columns: Vec<SortColumn> = order
        .iter()
        .map(|name| SortColumn { values: events.column_by_name(name).expect("a column").clone(), options: None })
        .collect();
    take_record_batch(events, &lexsort_to_indices(&columns, None).expect("sorted")).expect("taken")
}

fn write(path: &std::path::Path, events: &RecordBatch, group: usize, bloom: bool) {
    let customer = ColumnPath::from("customer_id");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("a level")))
        .set_max_row_group_row_count(Some(group))
        .set_column_dictionary_enabled(ColumnPath::from("at"), false)
        .set_column_encoding(ColumnPath::from("at"), Encoding::DELTA_BINARY_PACKED);
    if bloom {
        // A bound turns the filter on, too.
        properties = properties.set_column_bloom_filter_max_ndv(customer, group as u64);
    }
    let properties = properties.build();
    // The day is there to sort by, not to be kept.
    let kept: Vec<usize> = (0..events.num_columns()).filter(|index| *index != 1).collect();
    let events = events.project(&kept).expect("its columns");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, events.schema(), Some(properties)).expect("a writer");
    writer.write(&events).expect("written");
    writer.close().expect("closed");
}

/// Milliseconds of each question, the best of seven.
async fn ask(path: &std::path::Path, rows: i64) -> [f64; 3] {
    let mut config = SessionConfig::new().with_target_partitions(2);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let session = SessionContext::new_with_config(config);
    session.register_parquet("events", path.to_str().expect("a path"), ParquetReadOptions::default()).await.expect("a table");
    let customer = rows / 20 / 3;
    let questions = [
        format!("SELECT at, name, product_id, value FROM events WHERE customer_id = 'c{customer:07}' ORDER BY at"),
        "SELECT count(*), sum(value) FROM events WHERE at >= to_timestamp_micros(1717000000000000) AND at < to_timestamp_micros(1717604800000000)".into(),
        "SELECT name, count(*), sum(value) FROM events GROUP BY name".into(),
    ];
    let mut best = [f64::MAX; 3];
    for _ in 0..7 {
        for (question, best) in questions.iter().zip(&mut best) {
            let begun = Instant::now();
            session.sql(question).await.expect("planned").collect().await.expect("answered");
            *best = best.min(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    best
}
