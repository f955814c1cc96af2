//! What the disk and the format alone cost: the same bytes appended to a file, a wait for the disk per batch; and the same events as a
//! Parquet file.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, Float64Builder, StringBuilder, TimestampMicrosecondBuilder},
    record_batch::RecordBatch,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde::Deserialize;

use super::sample::{Body, Form};
use crate::fault::Fault;

/// Events per second.
pub fn file(path: &Path, events: usize, lasts: Duration, at: &str) -> Result<f64, Fault> {
    let failed = |source| Fault::io(format!("could not write {}", path.display()), source);
    let mut file = File::create(path).map_err(failed)?;
    let mut body = Body::new(Form::Lines, events, at);
    let started = Instant::now();
    let mut written = 0;
    while started.elapsed() < lasts {
        file.write_all(body.numbered(written)).and_then(|()| file.sync_data()).map_err(failed)?;
        written += events as u64;
    }
    Ok(written as f64 / started.elapsed().as_secs_f64())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    event: &'a str,
    message_id: &'a str,
    anonymous_id: &'a str,
    timestamp: chrono::DateTime<chrono::Utc>,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    product_id: &'a str,
    category: &'a str,
    price: f64,
    url: &'a str,
}

pub struct Parquet {
    pub events_per_second: f64,
    pub bytes_per_event: f64,
}

/// Parsed, and written as columns with zstd.
pub fn parquet(path: &Path, events: u64, at: &str) -> Result<Parquet, Fault> {
    const ROWS: u64 = 10_000;
    let failed = |source: parquet::errors::ParquetError| {
        Fault::io(format!("could not write {}", path.display()), std::io::Error::other(source))
    };
    let mut body = Body::new(Form::Lines, ROWS as usize, at);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let started = Instant::now();
    let mut writer: Option<ArrowWriter<File>> = None;
    for first in (0..events).step_by(ROWS as usize) {
        let rows = rows(body.numbered(first));
        if writer.is_none() {
            let file = File::create(path).map_err(|source| Fault::io(format!("could not create {}", path.display()), source))?;
            writer = Some(ArrowWriter::try_new(file, rows.schema(), Some(properties.clone())).map_err(failed)?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&rows).map_err(failed)?;
        }
    }
    if let Some(writer) = writer {
        writer.close().map_err(failed)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(Parquet { events_per_second: events as f64 / seconds, bytes_per_event: bytes as f64 / events as f64 })
}

fn rows(lines: &[u8]) -> RecordBatch {
    let mut texts: [StringBuilder; 6] = Default::default();
    let (mut at, mut price) = (TimestampMicrosecondBuilder::new(), Float64Builder::new());
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Event = serde_json::from_slice(line).expect("our own sample is read");
        let Properties { product_id, category, url, .. } = event.properties;
        let values = [event.event, event.message_id, event.anonymous_id, product_id, category, url];
        for (text, value) in texts.iter_mut().zip(values) {
            text.append_value(value);
        }
        at.append_value(event.timestamp.timestamp_micros());
        price.append_value(event.properties.price);
    }
    let names = ["event", "message_id", "anonymous_id", "product_id", "category", "url"];
    let mut columns: Vec<(&str, ArrayRef)> =
        names.into_iter().zip(&mut texts).map(|(name, text)| (name, Arc::new(text.finish()) as ArrayRef)).collect();
    columns.push(("occurred_at", Arc::new(at.finish())));
    columns.push(("price", Arc::new(price.finish())));
    RecordBatch::try_from_iter(columns).expect("the columns are of one length")
}
