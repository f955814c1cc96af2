//! Answers as files: CSV, JSON, NDJSON, Parquet, and a table for terminals.

use std::io::Write;

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError, util::pretty::pretty_format_batches_with_schema};
use parquet::arrow::ArrowWriter;

use crate::flat::flat;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Table,
    Csv,
    Json,
    Ndjson,
    Parquet,
}

/// Writes batches in a format. JSON is one array; NDJSON one object a line.
pub fn write(
    format: Format,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    out: &mut (impl Write + Send),
) -> Result<(), ArrowError> {
    // Neither has a place for members; the other formats keep them together.
    let spread = matches!(format, Format::Table | Format::Csv).then(|| flat(schema, batches)).transpose()?;
    let (schema, batches) = spread.as_ref().map_or((schema, batches), |(schema, batches)| (schema, batches.as_slice()));
    match format {
        Format::Table => writeln!(out, "{}", pretty_format_batches_with_schema(schema.clone(), batches)?)?,
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new()
                .with_header(true)
                .with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".into())
                .build(&mut *out);
            if batches.is_empty() {
                writer.write(&RecordBatch::new_empty(schema.clone()))?;
            }
            for batch in batches {
                writer.write(batch)?;
            }
        }
        Format::Json => {
            let mut writer = arrow::json::ArrayWriter::new(&mut *out);
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            let mut writer = arrow::json::LineDelimitedWriter::new(&mut *out);
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()?;
        }
        Format::Parquet => {
            let parquet = |error: parquet::errors::ParquetError| ArrowError::ParquetError(error.to_string());
            let mut writer = ArrowWriter::try_new(&mut *out, schema.clone(), None).map_err(parquet)?;
            for batch in batches {
                writer.write(batch).map_err(parquet)?;
            }
            writer.close().map_err(parquet)?;
        }
    }
    Ok(())
}
