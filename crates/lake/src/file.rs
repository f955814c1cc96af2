//! One data file: rows in the table's order become Parquet, a sealed name and the log's entry for it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::{max, max_string, min, min_string},
    datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use deltalake_core::kernel::Add;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};
use serde_json::{Map, Value, json};

use crate::{
    seal,
    tables::{self, Kind, Table},
};

/// Rows of a row group. Of 3 M events (`benches/layout.rs`): a customer's time line takes 3 ms with groups of this size and 5 ms with a
/// quarter of it, which also costs 9 % more bytes; eight times as many save 3 % and make the whole scan slower.
pub const GROUP_ROWS: usize = 131_072;
/// A file of fewer rows is soon joined with others: it is written quickly, for to begin with zstd costs more than to compress so few.
const FEW_ROWS: usize = 4_096;
/// A text in the log is cut to this: it is there to skip files by.
const TEXT_CHARS_MAX: usize = 32;

/// A file that is finished and not stored yet.
pub struct Sealed {
    pub name: String,
    pub bytes: Bytes,
    stats: String,
}

impl Sealed {
    /// The log's entry. `moved` rows were in the table before.
    pub fn add(&self, written_at_ms: i64, moved: bool) -> Add {
        Add {
            path: self.name.clone(),
            partition_values: std::collections::HashMap::new(),
            size: self.bytes.len() as i64,
            modification_time: written_at_ms,
            data_change: !moved,
            stats: Some(self.stats.clone()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }
}

/// Takes batches in the table's order.
pub struct FileWriter {
    writer: ArrowWriter<Vec<u8>>,
    rows: i64,
    positions: Option<(i64, i64)>,
    ranges: BTreeMap<&'static str, Range>,
}

impl FileWriter {
    /// `rows` is how many there will be, if that is known.
    pub fn new(table: &dyn Table, rows: Option<usize>) -> Result<FileWriter, ParquetError> {
        let properties = properties(table, rows.unwrap_or(usize::MAX));
        let writer = ArrowWriter::try_new(Vec::new(), tables::schema(table), Some(properties))?;
        let allowed = table.statistics().iter().copied();
        let times = tables::TIMES.iter().chain(&tables::LANDED).map(|column| column.name);
        let ranges = allowed.chain(times).map(|name| (name, Range::default())).collect();
        Ok(FileWriter { writer, rows: 0, positions: None, ranges })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.rows += batch.num_rows() as i64;
        for (name, range) in &mut self.ranges {
            range.widen(batch.column_by_name(name).expect("every batch has the table's columns"));
        }
        let positions = batch.column_by_name("position").expect("every table has positions").as_primitive::<Int64Type>();
        if let (Some(low), Some(high)) = (min(positions), max(positions)) {
            let (first, last) = self.positions.unwrap_or((low, high));
            self.positions = Some((first.min(low), last.max(high)));
        }
        self.writer.write(batch)
    }

    /// Bytes so far, about.
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    pub fn finish(self) -> Result<Sealed, ParquetError> {
        let bytes = Bytes::from(self.writer.into_inner()?);
        let (first, last) = self.positions.unwrap_or_default();
        let mut stats = Map::new();
        let (mut low, mut high, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (name, range) in self.ranges {
            low.extend(range.min.as_ref().and_then(Bound::lower).map(|value| (name.to_string(), value)));
            high.extend(range.max.as_ref().and_then(Bound::upper).map(|value| (name.to_string(), value)));
            nulls.insert(name.into(), json!(range.nulls));
        }
        stats.insert("numRecords".into(), json!(self.rows));
        stats.insert("minValues".into(), Value::Object(low));
        stats.insert("maxValues".into(), Value::Object(high));
        stats.insert("nullCount".into(), Value::Object(nulls));
        Ok(Sealed { name: seal::file_name(first, last, &bytes), bytes, stats: Value::Object(stats).to_string() })
    }
}

/// Zstandard; a bloom filter where one value is looked up (it takes a customer's time line from 49 ms to 3 for half a percent of bytes, in
/// files that are sorted by time); times and positions as differences; no dictionary for values that never repeat.
fn properties(table: &dyn Table, rows: usize) -> WriterProperties {
    let compression = match rows < FEW_ROWS {
        true => Compression::SNAPPY,
        false => Compression::ZSTD(ZstdLevel::try_new(3).expect("a level of zstd")),
    };
    let mut properties = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(GROUP_ROWS));
    let looked_up: BTreeSet<&str> = table.looked_up().iter().copied().collect();
    for column in tables::all_columns(table) {
        let path = ColumnPath::from(column.name);
        if looked_up.contains(column.name) {
            // Sized for a whole group, and folded down to what the values need.
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_max_ndv(path.clone(), rows.clamp(1, GROUP_ROWS) as u64);
        }
        if matches!(column.kind, Kind::Instant) || column.name == "position" {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// What one column of a file spans.
#[derive(Debug, Default)]
struct Range {
    min: Option<Bound>,
    max: Option<Bound>,
    nulls: usize,
}

#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Bound {
    Int(i64),
    Day(i32),
    Instant(i64),
    Text(String),
}

impl Range {
    fn widen(&mut self, column: &ArrayRef) {
        self.nulls += column.null_count();
        let (low, high) = match column.data_type() {
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>();
                (min(values).map(Bound::Int), max(values).map(Bound::Int))
            }
            DataType::Date32 => {
                let values = column.as_primitive::<Date32Type>();
                (min(values).map(Bound::Day), max(values).map(Bound::Day))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let values = column.as_primitive::<TimestampMicrosecondType>();
                (min(values).map(Bound::Instant), max(values).map(Bound::Instant))
            }
            DataType::Utf8 => {
                let values = column.as_string::<i32>();
                let text = |text: &str| Bound::Text(text.into());
                (min_string(values).map(text), max_string(values).map(text))
            }
            _ => (None, None),
        };
        if let Some(low) = low
            && self.min.as_ref().is_none_or(|min| low < *min)
        {
            self.min = Some(low);
        }
        if let Some(high) = high
            && self.max.as_ref().is_none_or(|max| high > *max)
        {
            self.max = Some(high);
        }
    }
}

impl Bound {
    fn lower(&self) -> Option<Value> {
        match self {
            Bound::Text(text) => Some(text.chars().take(TEXT_CHARS_MAX).collect::<String>().into()),
            _ => self.shown(),
        }
    }

    /// A text that is too long has no upper bound that would be shorter and still be one of its kind.
    fn upper(&self) -> Option<Value> {
        match self {
            Bound::Text(text) if text.chars().count() > TEXT_CHARS_MAX => None,
            Bound::Text(text) => Some(text.as_str().into()),
            _ => self.shown(),
        }
    }

    fn shown(&self) -> Option<Value> {
        match self {
            Bound::Int(value) => Some(json!(value)),
            Bound::Day(days) => NaiveDate::from_ymd_opt(1970, 1, 1)?
                .checked_add_signed(TimeDelta::days(i64::from(*days)))
                .map(|day| day.to_string().into()),
            // Delta keeps times to the millisecond, rounded down; a reader widens the upper one.
            Bound::Instant(micros) => {
                let at = DateTime::from_timestamp_millis(micros.div_euclid(1000))?;
                Some(at.to_rfc3339_opts(SecondsFormat::Millis, true).into())
            }
            Bound::Text(_) => None,
        }
    }
}
