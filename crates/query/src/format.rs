//! Answers as files: CSV, JSON, NDJSON, Parquet, and a table for terminals.

use std::{io::Write, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
        StringArray, TimestampMicrosecondArray,
    },
    compute::cast,
    csv,
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    json::{WriterBuilder, writer::JsonArray, writer::LineDelimited},
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
    let schema = &if format == Format::Table { schema.clone() } else { with_unique_names(schema) };
    let named = |batch: &RecordBatch| {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
    };
    let batches = &batches.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    match format {
        Format::Table => writeln!(out, "{}", pretty_format_batches_with_schema(schema.clone(), batches)?)?,
        Format::Csv => {
            if batches.is_empty() {
                write_csv(&RecordBatch::new_empty(schema.clone()), true, out)?;
            }
            for (index, batch) in batches.iter().enumerate() {
                write_csv(batch, index == 0, out)?;
            }
        }
        Format::Json => {
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut *out);
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut *out);
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

/// The second `id` becomes `id_2`: JSON, CSV and Parquet readers tell columns apart by name.
pub fn with_unique_names(schema: &SchemaRef) -> SchemaRef {
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

/// Rows as CSV, instants in UTC.
pub fn write_csv(batch: &RecordBatch, with_head: bool, out: &mut impl Write) -> Result<(), ArrowError> {
    let writer = csv::WriterBuilder::new().with_header(with_head).with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".into());
    writer.build(out).write(&in_utc(batch)?)
}

/// A column of instants may be in a zone of its own (`AT TIME ZONE`), and would be written in it.
fn in_utc(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let utc = |data_type: &DataType| match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        other => other.clone(),
    };
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_data_type(utc(field.data_type())));
    let columns = batch.columns().iter().map(|column| cast(column, &utc(column.data_type())));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
    RecordBatch::try_new_with_options(schema, columns.collect::<Result<_, _>>()?, &options)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_any_zone_are_written_in_utc() {
        let midnight = || TimestampMicrosecondArray::from(vec![Some(1_767_225_600_000_000), None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("utc", Arc::new(midnight().with_timezone("UTC"))),
            ("tokyo", Arc::new(midnight().with_timezone("Asia/Tokyo"))),
            ("local", Arc::new(midnight())),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut out = Vec::new();
        write(Format::Csv, &batch.schema(), &[batch.clone(), batch.slice(1, 1)], &mut out).expect("written");
        let day = "2026-01-01T00:00:00.000000";
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            format!("utc,tokyo,local\n{day}Z,{day}Z,2026-01-01T00:00:00\n,,\n,,\n")
        );
    }
}
