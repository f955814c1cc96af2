//! Rows as bytes, batch by batch, in each format a program may ask for.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{DataType, IntervalUnit, SchemaRef},
    error::ArrowError,
    ipc,
    json::{WriterBuilder, writer::JsonArray, writer::LineDelimited},
};
use parquet::{arrow::ArrowWriter, errors::ParquetError, file::properties::WriterProperties};
use query::{
    flat::flat,
    format::{with_unique_names, write_csv},
    sql::{SqlError, SqlErrorKind, answer_of, worker::Ended},
};
use serde_json::{Value, json};

use crate::pages::csv as spreadsheet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Ndjson,
    Csv,
    /// CSV as spreadsheets open it: with a BOM, and no text that would become a formula.
    Spreadsheet,
    Parquet,
    Arrow,
}

impl Format {
    pub const NAMES: [&str; 6] = ["json", "ndjson", "csv", "spreadsheet", "parquet", "arrow"];

    pub fn parse(name: &str) -> Option<Format> {
        Some(match name {
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "csv" => Format::Csv,
            "spreadsheet" => Format::Spreadsheet,
            "parquet" => Format::Parquet,
            "arrow" => Format::Arrow,
            _ => return None,
        })
    }

    /// The format that an Accept header likes best, the first of several; JSON for anything else.
    pub fn accepted(accept: &str) -> Format {
        let mut best = (0.0, Format::Json);
        for part in accept.to_ascii_lowercase().split(',') {
            let (kind, about) = part.split_once(';').unwrap_or((part, ""));
            let format = match kind.trim() {
                "application/json" => Format::Json,
                "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Format::Ndjson,
                "text/csv" => Format::Csv,
                "application/vnd.apache.parquet" => Format::Parquet,
                "application/vnd.apache.arrow.stream" => Format::Arrow,
                _ => continue,
            };
            let liked = about.split(';').find_map(|about| about.trim().strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
            if liked > best.0 {
                best = (liked, format);
            }
        }
        best.1
    }

    pub fn mime(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv | Format::Spreadsheet => "text/csv; charset=utf-8",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv | Format::Spreadsheet => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }
}

/// Writes what it is given; what it wrote is taken out after each batch.
pub struct Encoder {
    format: Format,
    schema: SchemaRef,
    writer: Writer,
    /// Not taken out yet.
    head: Vec<u8>,
    rows: usize,
    begun: std::time::Instant,
}

enum Writer {
    /// JSON, NDJSON and CSV have none: each batch stands for itself.
    None,
    Parquet(Box<ArrowWriter<Shared>>, Shared),
    Arrow(Box<ipc::writer::StreamWriter<Vec<u8>>>),
}

/// Rows of a row group: what is kept until it is full.
const GROUP_ROWS: usize = 65_536;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while holding it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics while holding it"))
    }
}

impl Encoder {
    /// Refuses columns that the format cannot hold.
    pub fn open(format: Format, schema: &SchemaRef, id: &str) -> Result<Encoder, SqlError> {
        let schema = match format {
            // Neither has a place for members.
            Format::Csv | Format::Spreadsheet => with_unique_names(&flat(schema, &[]).map_err(of_arrow)?.0),
            _ => with_unique_names(schema),
        };
        let is_refused = |of: &DataType| match format {
            Format::Csv => of.is_nested(),
            Format::Parquet => matches!(of, DataType::Interval(IntervalUnit::MonthDayNano)),
            _ => false,
        };
        if let Some(field) = schema.fields().iter().find(|field| is_refused(field.data_type())) {
            let (name, of, format) = (field.name(), field.data_type(), format.extension().to_uppercase());
            return Err(SqlError::new(
                SqlErrorKind::Invalid,
                format!("列 `{name}` は {format} に書けません（{of}）"),
                format!("the column `{name}` cannot be written as {format} ({of})"),
            )
            .with_remedy("CAST するか、format を json にしてください", "CAST it, or ask for the format json"));
        }
        let mut head = Vec::new();
        let writer = match format {
            Format::Json => {
                let columns =
                    schema.fields().iter().map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }));
                let columns = Value::Array(columns.collect());
                head = format!("{{\"query_id\":{},\"columns\":{columns},\"rows\":[", json!(id)).into_bytes();
                Writer::None
            }
            Format::Ndjson | Format::Csv => Writer::None,
            Format::Spreadsheet => {
                head = spreadsheet::head(&answer_of(&schema, &[])?);
                Writer::None
            }
            Format::Parquet => {
                let shared = Shared::default();
                let properties = WriterProperties::builder().set_max_row_group_row_count(Some(GROUP_ROWS)).build();
                let writer = ArrowWriter::try_new(shared.clone(), schema.clone(), Some(properties)).map_err(of_parquet)?;
                Writer::Parquet(Box::new(writer), shared)
            }
            Format::Arrow => Writer::Arrow(Box::new(ipc::writer::StreamWriter::try_new(Vec::new(), &schema).map_err(of_arrow)?)),
        };
        Ok(Encoder { format, schema, writer, head, rows: 0, begun: std::time::Instant::now() })
    }

    pub fn batch(mut self, batch: &RecordBatch) -> Result<(Encoder, Vec<u8>), SqlError> {
        let mut out = std::mem::take(&mut self.head);
        let spread = match self.format {
            Format::Csv | Format::Spreadsheet => flat(&batch.schema(), std::slice::from_ref(batch)).map_err(of_arrow)?.1,
            _ => vec![batch.clone()],
        };
        let columns = spread.iter().flat_map(|batch| batch.columns().to_vec()).collect();
        // Its columns may have other names than theirs: of two that are called alike, the second is renamed.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
        let batch = batch.map_err(of_arrow)?;
        match (&mut self.writer, self.format) {
            (Writer::Parquet(writer, shared), _) => {
                writer.write(&batch).map_err(of_parquet)?;
                out.extend(shared.taken());
            }
            (Writer::Arrow(writer), _) => {
                writer.write(&batch).map_err(of_arrow)?;
                out.append(writer.get_mut());
            }
            (Writer::None, Format::Json) if batch.num_rows() > 0 => {
                let mut rows = Vec::new();
                let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut rows);
                writer.write(&batch).and_then(|()| writer.finish()).map_err(of_arrow)?;
                if self.rows > 0 {
                    out.push(b',');
                }
                // Without the brackets of this batch alone.
                out.extend(rows.strip_prefix(b"[").and_then(|rows| rows.strip_suffix(b"]")).unwrap_or_default());
            }
            (Writer::None, Format::Ndjson) => {
                let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut out);
                writer.write(&batch).and_then(|()| writer.finish()).map_err(of_arrow)?;
            }
            (Writer::None, Format::Csv) => write_csv(&batch, self.rows == 0, &mut out).map_err(of_arrow)?,
            (Writer::None, Format::Spreadsheet) => {
                out.extend(spreadsheet::rows(&answer_of(&self.schema, std::slice::from_ref(&batch))?))
            }
            (Writer::None, _) => {}
        }
        self.rows += batch.num_rows();
        Ok((self, out))
    }

    /// The end of the body: what is left of it, and how it went.
    pub fn finish(mut self, ended: Option<&Ended>, limit: Option<&str>, error: Option<Value>) -> io::Result<Vec<u8>> {
        let mut out = std::mem::take(&mut self.head);
        if self.format == Format::Json {
            let mut end = json!({
                "row_count": self.rows,
                "limit_hit": limit,
                "scanned_bytes": ended.map(|ended| ended.scanned_bytes),
                "elapsed_ms": self.begun.elapsed().as_millis() as u64,
            });
            if let Some(error) = error {
                end["error"] = error;
            }
            out.extend(b"],");
            out.extend(end.to_string().trim_start_matches('{').bytes());
            out.push(b'\n');
            return Ok(out);
        }
        if let Some(error) = error {
            if self.format != Format::Ndjson {
                return Err(io::Error::other(error["message"].to_string()));
            }
            out.extend(format!("{}\n", json!({ "error": error })).into_bytes());
            return Ok(out);
        }
        if self.format == Format::Csv && self.rows == 0 {
            write_csv(&RecordBatch::new_empty(self.schema.clone()), true, &mut out).map_err(io::Error::other)?;
        }
        match self.writer {
            Writer::None => {}
            Writer::Parquet(writer, shared) => {
                writer.close().map_err(io::Error::other)?;
                out.extend(shared.taken());
            }
            Writer::Arrow(mut writer) => {
                writer.finish().map_err(io::Error::other)?;
                out.append(writer.get_mut());
            }
        }
        Ok(out)
    }
}

fn of_arrow(error: ArrowError) -> SqlError {
    SqlError::internal(error.to_string())
}

fn of_parquet(error: ParquetError) -> SqlError {
    SqlError::internal(error.to_string())
}
