//! Rows as bytes, batch by batch, in each format a program may ask for.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
    ipc,
    json::{WriterBuilder, writer::JsonArray, writer::LineDelimited},
};
use parquet::{arrow::ArrowWriter, errors::ParquetError, file::properties::WriterProperties};
use query::{
    format::write_csv,
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

    /// The first format that an Accept header names; JSON for anything else.
    pub fn accepted(accept: &str) -> Option<Format> {
        let named = accept.split(',').find_map(|part| match part.split(';').next().unwrap_or_default().trim() {
            "application/json" => Some(Format::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
            "text/csv" => Some(Format::Csv),
            "application/vnd.apache.parquet" => Some(Format::Parquet),
            "application/vnd.apache.arrow.stream" => Some(Format::Arrow),
            _ => None,
        });
        Some(named.unwrap_or(Format::Json))
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
        let schema = with_unique_names(schema);
        if let Format::Csv | Format::Spreadsheet = format
            && let Some(field) = schema.fields().iter().find(|field| field.data_type().is_nested())
        {
            return Err(SqlError::new(
                SqlErrorKind::Invalid,
                format!("列 `{}` は CSV に書けません（{}）", field.name(), field.data_type()),
                format!("the column `{}` cannot be written as CSV ({})", field.name(), field.data_type()),
            )
            .with_remedy("format を json か parquet にしてください", "ask for the format json or parquet"));
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
        // Its columns may have other names than theirs: of two that are called alike, the second is renamed.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), batch.columns().to_vec(), &options);
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

/// The second `id` becomes `id_2`: JSON, CSV and Parquet readers tell columns apart by name.
fn with_unique_names(schema: &SchemaRef) -> SchemaRef {
    let mut names: Vec<String> = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        names.push(name);
    }
    let fields = schema.fields().iter().zip(names).map(|(field, name)| field.as_ref().clone().with_name(name));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}

fn of_arrow(error: ArrowError) -> SqlError {
    SqlError::internal(error.to_string())
}

fn of_parquet(error: ParquetError) -> SqlError {
    SqlError::internal(error.to_string())
}
