//! Answers as PostgreSQL's rows: names, types and values, in text or binary form.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, timezone::Tz},
    compute::cast,
    datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use chrono::{NaiveDateTime, Offset};
use datafusion_postgres::{
    arrow_pg::{datatypes::field_into_pg_type, row_encoder::RowEncoder},
    pgwire::{
        api::{
            Type,
            portal::Format,
            results::{FieldFormat, FieldInfo},
        },
        error::PgWireResult,
        messages::data::DataRow,
        types::format::FormatOptions,
    },
};

use super::{
    failure::{Failure, code},
    settings::Settings,
};

/// Columns of an answer as a client is told of them, and how their values are made.
#[derive(Clone)]
pub(super) struct Shape {
    pub fields: Arc<Vec<FieldInfo>>,
    schema: SchemaRef,
}

impl Shape {
    /// `formats` is what the client asked for at Bind; a simple question gets text.
    pub fn new(schema: &SchemaRef, formats: &Format, settings: &Settings) -> Result<Shape, Failure> {
        if let Format::Individual(codes) = formats
            && codes.len() != schema.fields().len()
        {
            let message = format!("formats of {} columns were asked for, the answer has {}", codes.len(), schema.fields().len());
            return Err(Failure::new(code::PROTOCOL, message));
        }
        let mut options = FormatOptions::default();
        if let Ok(style) = settings.get("bytea_output") {
            options.bytea_output = style.into();
        }
        let options = Arc::new(options);
        let shown: Vec<Field> = schema.fields().iter().map(|field| shown(field, settings.zone())).collect();
        let mut fields = Vec::new();
        for (index, field) in shown.iter().enumerate() {
            let pg_type = field_into_pg_type(&Arc::new(field.clone())).map_err(|_| {
                let message = format!("column {} is of the type {}, which cannot be sent", field.name(), field.data_type());
                Failure::new(code::NOT_SUPPORTED, message).hint("cast it, for example to text")
            })?;
            let format = formats.format_for(index);
            fields.push(
                FieldInfo::new(field.name().clone(), None, None, pg_type.clone(), format)
                    .with_format_options(options.clone())
                    .with_type_size(size(&pg_type))
                    .with_type_modifier(modifier(field.data_type())),
            );
        }
        Ok(Shape { fields: Arc::new(fields), schema: Arc::new(Schema::new(shown)) })
    }

    /// The same columns, all in binary form.
    pub fn in_format(&self, format: FieldFormat) -> Shape {
        let fields = self.fields.iter().map(|field| {
            FieldInfo::new(field.name().into(), None, None, field.datatype().clone(), format)
                .with_format_options(field.format_options().clone())
                .with_type_size(field.type_size())
                .with_type_modifier(field.type_modifier())
        });
        Shape { fields: Arc::new(fields.collect()), schema: self.schema.clone() }
    }

    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(FieldInfo::name).collect()
    }

    pub fn rows(&self, batch: &RecordBatch) -> Result<impl Iterator<Item = PgWireResult<DataRow>> + Send + use<>, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(code::INTERNAL, format!("an answer has another form than was said: {error}"))
        };
        if batch.num_columns() != self.fields.len() {
            return Err(wrong(&format!("{} columns", batch.num_columns())));
        }
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for ((column, field), told) in batch.columns().iter().zip(self.schema.fields()).zip(self.fields.iter()) {
            let column = match column.data_type() == field.data_type() {
                true => column.clone(),
                false => cast(column, field.data_type()).map_err(|error| wrong(&error))?,
            };
            let column = match told.format() {
                FieldFormat::Text => written(&column).unwrap_or(column),
                FieldFormat::Binary => column,
            };
            fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        let batch = batch.map_err(|error| wrong(&error))?;
        let mut rows = RowEncoder::new(batch, self.fields.clone());
        Ok(std::iter::from_fn(move || rows.next_row()))
    }
}

/// A column as it is sent. An instant is shown in the connection's zone; spans of time, of which there are many kinds, are text.
fn shown(field: &Field, zone: &str) -> Field {
    match field.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            field.clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into())))
        }
        DataType::Timestamp(..) => field.clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None)),
        DataType::Interval(_) | DataType::Duration(_) => field.clone().with_data_type(DataType::Utf8),
        DataType::Dictionary(_, values) => field.clone().with_data_type(values.as_ref().clone()),
        _ => field.clone(),
    }
}

/// A column as texts, where PostgreSQL writes its values otherwise than the encoder does.
fn written(column: &ArrayRef) -> Option<ArrayRef> {
    let texts: StringArray = match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            let zone: Option<Tz> = zone.as_ref().and_then(|zone| zone.parse().ok());
            let text = |row: usize| match zone {
                Some(zone) => {
                    let at = values.value_as_datetime_with_tz(row, zone)?;
                    Some(instant(at.naive_local(), Some(at.offset().fix().local_minus_utc())))
                }
                None => Some(instant(values.value_as_datetime(row)?, None)),
            };
            (0..values.len()).map(|row| values.is_valid(row).then(|| text(row)).flatten()).collect()
        }
        DataType::Float64 => column.as_primitive::<Float64Type>().iter().map(|number| number.map(float)).collect(),
        _ => return None,
    };
    Some(Arc::new(texts))
}

/// Without zeros at the end of the second, and with minutes of the offset only where there are some.
fn instant(at: NaiveDateTime, offset_seconds: Option<i32>) -> String {
    let fraction = at.format("%.6f").to_string();
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let offset = offset_seconds.map_or(String::new(), |seconds| {
        let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
        let sign = if seconds < 0 { '-' } else { '+' };
        if minutes == 0 { format!("{sign}{hours:02}") } else { format!("{sign}{hours:02}:{minutes:02}") }
    });
    format!("{}{fraction}{offset}", at.format("%Y-%m-%d %H:%M:%S"))
}

fn float(number: f64) -> String {
    match () {
        () if number.is_finite() => number.to_string(),
        () if number.is_nan() => "NaN".into(),
        () if number > 0.0 => "Infinity".into(),
        () => "-Infinity".into(),
    }
}

/// How many bytes a value takes; -1 where that differs.
fn size(pg_type: &Type) -> i16 {
    match *pg_type {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        _ => -1,
    }
}

/// Digits and places of a number, as PostgreSQL packs them: clients pad by it.
fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal128(digits, places) if *places >= 0 => ((i32::from(*digits) << 16) | i32::from(*places)) + 4,
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, DurationSecondArray, Float64Array, Int64Array, TimestampMicrosecondArray,
    };

    use super::*;

    fn batch() -> RecordBatch {
        let at = TimestampMicrosecondArray::from(vec![Some(1_793_923_200_000_000), None]).with_timezone("UTC");
        RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int64Array::from(vec![Some(-1), None])) as ArrayRef, true),
            ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN])), true),
            ("net", Arc::new(Decimal128Array::from(vec![Some(12_345_000), None]).with_precision_and_scale(18, 4).unwrap()), true),
            ("text", Arc::new(StringArray::from(vec!["燕", ""])), true),
            ("yes", Arc::new(BooleanArray::from(vec![Some(true), None])), true),
            ("day", Arc::new(Date32Array::from(vec![Some(20_758), None])), true),
            ("at", Arc::new(at), true),
            ("span", Arc::new(DurationSecondArray::from(vec![Some(90), None])), true),
        ])
        .unwrap()
    }

    fn values(row: &DataRow) -> Vec<Option<Vec<u8>>> {
        let mut rest = &row.data[..];
        let mut values = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            values.push(length.map(|length| after[..length].to_vec()));
            rest = &after[length.unwrap_or(0)..];
        }
        values
    }

    #[test]
    fn values_are_written_as_postgresql_writes_them() {
        let mut settings = Settings::default();
        let check = |settings: &Settings, row: usize, expect: &[Option<&str>]| {
            let batch = batch();
            let shape = Shape::new(&batch.schema(), &Format::UnifiedText, settings).unwrap();
            let row = shape.rows(&batch).unwrap().nth(row).unwrap().unwrap();
            let found: Vec<_> =
                values(&row).into_iter().map(|value| value.map(|value| String::from_utf8(value).unwrap())).collect();
            assert_eq!(found, expect.iter().map(|value| value.map(String::from)).collect::<Vec<_>>());
        };
        let utc = "2026-11-06 00:00:00+00";
        check(
            &settings,
            0,
            &[Some("-1"), Some("0.1"), Some("1234.5000"), Some("燕"), Some("t"), Some("2026-11-01"), Some(utc), Some("PT90S")],
        );
        check(&settings, 1, &[None, Some("NaN"), None, Some(""), None, None, None, None]);
        settings.set("TimeZone", Some("Asia/Tokyo")).unwrap();
        let tokyo = "2026-11-06 09:00:00+09";
        check(
            &settings,
            0,
            &[Some("-1"), Some("0.1"), Some("1234.5000"), Some("燕"), Some("t"), Some("2026-11-01"), Some(tokyo), Some("PT90S")],
        );
    }

    #[test]
    fn fractions_and_offsets_are_short() {
        let check = |text: &str, offset, expect: &str| {
            assert_eq!(instant(text.parse().unwrap(), offset), expect);
        };
        check("2026-11-06T09:00:00", None, "2026-11-06 09:00:00");
        check("2026-11-06T09:00:00.120", Some(0), "2026-11-06 09:00:00.12+00");
        check("2026-11-06T09:00:00.000001", Some(-34_200), "2026-11-06 09:00:00.000001-09:30");
        for (number, expect) in
            [(1.0, "1"), (0.1, "0.1"), (-2.5e-7, "-0.00000025"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
        {
            assert_eq!(float(number), expect);
        }
    }

    #[test]
    fn columns_have_types_sizes_and_places() {
        let batch = batch();
        let shape = Shape::new(&batch.schema(), &Format::UnifiedBinary, &Settings::default()).unwrap();
        let found: Vec<_> =
            shape.fields.iter().map(|field| (field.datatype().name(), field.type_size(), field.type_modifier())).collect();
        let expect = [
            ("int8", 8, -1),
            ("float8", 8, -1),
            ("numeric", -1, (18 << 16 | 4) + 4),
            ("text", -1, -1),
            ("bool", 1, -1),
            ("date", 4, -1),
            ("timestamptz", 8, -1),
            ("text", -1, -1),
        ];
        assert_eq!(found, expect);
        let row = values(&shape.rows(&batch).unwrap().next().unwrap().unwrap());
        assert_eq!(row[0].as_deref(), Some(&(-1i64).to_be_bytes()[..]));
        assert_eq!(row[5].as_deref(), Some(&9801i32.to_be_bytes()[..]), "days since 2000");
        let since_2000 = 1_793_923_200_000_000i64 - 946_684_800_000_000;
        assert_eq!(row[6].as_deref(), Some(&since_2000.to_be_bytes()[..]));
        let wrong = Shape::new(&batch.schema(), &Format::Individual(vec![0, 1]), &Settings::default());
        assert_eq!(wrong.err().map(|failure| failure.code), Some(code::PROTOCOL));
    }
}
