//! Answers as files: CSV, JSON, NDJSON, Parquet, and a table for terminals.

use std::{io::Write, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
        StringArray, TimestampMicrosecondArray,
    },
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
    util::pretty::pretty_format_batches_with_schema,
};
use parquet::arrow::ArrowWriter;

use crate::flat::flat;
use crate::{Answer, Kind, Value};

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

/// Writes an answer that was put together from several questions as [`write`] writes one.
pub fn write_answer(format: Format, answer: &Answer, out: &mut (impl Write + Send)) -> Result<(), ArrowError> {
    let arrays: Vec<ArrayRef> =
        (0..answer.columns.len()).map(|column| array(answer, column)).collect::<Result<_, ArrowError>>()?;
    let fields: Vec<Field> = answer
        .columns
        .iter()
        .zip(&arrays)
        .map(|(column, array)| Field::new(&column.name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(answer.rows.len()));
    let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
    write(format, &schema, &[batch], out)
}

fn array(answer: &Answer, column: usize) -> Result<ArrayRef, ArrowError> {
    let values = || answer.rows.iter().map(|row| row.get(column).unwrap_or(&Value::Null));
    Ok(match answer.columns[column].kind {
        Kind::Text => {
            Arc::new(values().map(|value| Some(value.plain()).filter(|_| *value != Value::Null)).collect::<StringArray>())
        }
        Kind::Int => Arc::new(
            values().map(|value| if let Value::Int(value) = value { Some(*value) } else { None }).collect::<Int64Array>(),
        ),
        Kind::Float | Kind::Rate => Arc::new(values().map(Value::number).collect::<Float64Array>()),
        Kind::Bool => Arc::new(
            values().map(|value| if let Value::Bool(value) = value { Some(*value) } else { None }).collect::<BooleanArray>(),
        ),
        Kind::Money => {
            let scaled =
                values().map(|value| if let Value::Money(value) = value { Some(i128::from(value.scaled())) } else { None });
            Arc::new(scaled.collect::<Decimal128Array>().with_precision_and_scale(18, 4)?)
        }
        Kind::Date => {
            let days = values().map(|value| if let Value::Date(day) = value { Some(day.to_epoch_days()) } else { None });
            Arc::new(days.collect::<Date32Array>())
        }
        Kind::Instant => {
            let micros = values().map(|value| if let Value::Instant(at) = value { Some(at.timestamp_micros()) } else { None });
            Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    })
}
