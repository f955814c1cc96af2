//! Journal rows (NDJSON) to Arrow, in one pass: a row's members stand in the order of the table's columns, so each is written into its
//! column where it is read.

use std::{fmt, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Array, Int64Builder, RecordBatch,
        StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
    },
    compute::{
        SortColumn, concat, interleave_record_batch,
        kernels::cast_utils::{Parser, string_to_datetime},
        lexsort_to_indices,
    },
    datatypes::Date32Type,
    error::ArrowError,
};
use chrono::Utc;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::{
    LakeError, tables,
    tables::{Kind, Table},
    tail::TailSegment,
};

/// What a text takes, about: room is made for so many bytes at first.
const TEXT_BYTES: usize = 16;
/// Rows that are put in order at a time.
const ORDERED_ROWS: usize = 8_192;
const MONEY_DIGITS: u32 = 18;
const MONEY_DECIMALS: usize = 4;

/// The rows of a table's segments, in their order, as a batch in its schema.
pub fn decode(table: &dyn Table, segments: &[&TailSegment]) -> Result<RecordBatch, LakeError> {
    let rows = segments.iter().map(|segment| segment.rows).sum();
    let mut columns: Vec<Cells> = tables::row_columns(table).map(|column| Cells::new(column, rows)).collect();
    let (mut ingested, mut positions) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let failed = |first, source| LakeError::Decode { table: table.name().into(), first, source };
    for segment in segments {
        let first = segment.first_position;
        read_rows(&mut columns, positions.len(), segment).map_err(|source| failed(first, source))?;
        ingested.resize(ingested.len() + segment.rows, segment.ingested_at.timestamp_micros());
        positions.extend((0..segment.rows as i64).map(|offset| first + offset));
    }
    let mut arrays: Vec<ArrayRef> = columns.into_iter().map(Cells::finish).collect();
    arrays.push(Arc::new(TimestampMicrosecondArray::from(ingested).with_timezone("UTC")));
    arrays.push(Arc::new(Int64Array::from(positions)));
    let first = segments.first().map_or(0, |segment| segment.first_position);
    RecordBatch::try_new(tables::schema(table), arrays).map_err(|source| failed(first, source))
}

/// Writes a segment's rows into the columns, which have so many already.
fn read_rows(columns: &mut [Cells], before: usize, segment: &TailSegment) -> Result<(), ArrowError> {
    let text = std::str::from_utf8(&segment.payload).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let mut count = 0;
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let mut reader = serde_json::Deserializer::from_str(line);
        let read = Row { columns, number: before + count }.deserialize(&mut reader).and_then(|()| reader.end());
        read.map_err(|error| ArrowError::JsonError(format!("row {count}: {error}")))?;
        count += 1;
    }
    match count == segment.rows {
        true => Ok(()),
        false => Err(ArrowError::JsonError(format!("{count} rows where {} were written", segment.rows))),
    }
}

/// One column on its way.
struct Cells {
    name: &'static str,
    values: Values,
}

enum Values {
    Text(StringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Money(Decimal128Builder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
}

/// The same call on the builder of whatever kind.
macro_rules! of_each {
    ($values:expr, $builder:ident => $call:expr) => {
        match $values {
            Values::Text($builder) => $call,
            Values::Int($builder) => $call,
            Values::Float($builder) => $call,
            Values::Bool($builder) => $call,
            Values::Money($builder) => $call,
            Values::Date($builder) => $call,
            Values::Instant($builder) => $call,
        }
    };
}

impl Cells {
    fn new(column: &tables::Column, rows: usize) -> Cells {
        let values = match column.kind {
            Kind::Text => Values::Text(StringBuilder::with_capacity(rows, rows * TEXT_BYTES)),
            Kind::Int => Values::Int(Int64Builder::with_capacity(rows)),
            Kind::Float => Values::Float(Float64Builder::with_capacity(rows)),
            Kind::Bool => Values::Bool(BooleanBuilder::with_capacity(rows)),
            Kind::Money => Values::Money(Decimal128Builder::with_capacity(rows).with_data_type(column.kind.data_type())),
            Kind::Date => Values::Date(Date32Builder::with_capacity(rows)),
            Kind::Instant => {
                Values::Instant(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(column.kind.data_type()))
            }
        };
        Cells { name: column.name, values }
    }

    fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        of_each!(&self.values, builder => builder.len())
    }

    fn append_null(&mut self) {
        of_each!(&mut self.values, builder => builder.append_null());
    }

    fn finish(self) -> ArrayRef {
        of_each!(self.values, builder => {
            let mut builder = builder;
            Arc::new(builder.finish())
        })
    }

    fn unfit<E: Error>(&self, what: impl fmt::Display) -> E {
        let kind = match self.values {
            Values::Text(_) => "a text",
            Values::Int(_) => "a whole number",
            Values::Float(_) => "a number",
            Values::Bool(_) => "true or false",
            Values::Money(_) => "an amount of money",
            Values::Date(_) => "a day",
            Values::Instant(_) => "a time",
        };
        E::custom(format!("`{}` is {what}, which is not {kind}", self.name))
    }
}

/// One row, read into the columns.
struct Row<'a> {
    columns: &'a mut [Cells],
    /// From 0: as many cells as every column has before it.
    number: usize,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (mut next, mut in_order) = (0, true);
        while let Some(at) = members.next_key_seed(Place { columns: self.columns, next })? {
            members.next_value_seed(&mut self.columns[at])?;
            in_order &= at == next;
            next = at + 1;
        }
        if in_order && next == self.columns.len() {
            return Ok(());
        }
        for column in self.columns {
            match column.len() - self.number {
                0 => column.append_null(),
                1 => {}
                _ => return Err(A::Error::custom(format!("`{}` stands there twice", column.name))),
            }
        }
        Ok(())
    }
}

/// Which column a member's name means; the `next` one nearly always.
struct Place<'a> {
    columns: &'a [Cells],
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<usize, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.columns.get(self.next).is_some_and(|column| column.name == name) {
            return Ok(self.next);
        }
        let place = self.columns.iter().position(|column| column.name == name);
        place.ok_or_else(|| E::custom(format!("the table has no column `{name}`")))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Cells {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Visitor<'_> for &mut Cells {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one value for `{}`", self.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.append_null();
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match &mut self.values {
            Values::Bool(values) => values.append_value(value),
            _ => return Err(self.unfit(value)),
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match &mut self.values {
            Values::Int(values) => values.append_value(value),
            Values::Float(values) => values.append_value(value as f64),
            _ => return Err(self.unfit(value)),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match &mut self.values {
            Values::Float(values) => values.append_value(value),
            _ => return Err(self.unfit(value)),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(self.unfit(value)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let fits = match &mut self.values {
            Values::Text(values) => {
                values.append_value(value);
                true
            }
            Values::Money(values) => money(value).map(|value| values.append_value(value)).is_some(),
            Values::Date(values) => Date32Type::parse(value).map(|value| values.append_value(value)).is_some(),
            Values::Instant(values) => instant(value).map(|value| values.append_value(value)).is_some(),
            Values::Int(_) | Values::Float(_) | Values::Bool(_) => false,
        };
        if fits { Ok(()) } else { Err(self.unfit(format_args!("`{value}`"))) }
    }
}

/// An amount as [`model::Money`] writes it, in 1/10,000.
fn money(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || decimals.len() > MONEY_DECIMALS || digits.ends_with('.') {
        return None;
    }
    let mut value: i128 = 0;
    for byte in whole.bytes().chain(decimals.bytes()) {
        if !byte.is_ascii_digit() || value >= 10_i128.pow(MONEY_DIGITS) {
            return None;
        }
        value = value * 10 + i128::from(byte - b'0');
    }
    value *= 10_i128.pow((MONEY_DECIMALS - decimals.len()) as u32);
    (value < 10_i128.pow(MONEY_DIGITS)).then_some(if negative { -value } else { value })
}

/// In µs.
fn instant(text: &str) -> Option<i64> {
    string_to_datetime(&Utc, text).ok().map(|at| at.timestamp_micros())
}

/// Hands on the rows of several batches in the table's order, a few at a time, so that they are not there twice.
pub fn in_order<E: From<ArrowError>>(
    table: &dyn Table,
    batches: &[RecordBatch],
    mut take: impl FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let keys = table.sort().iter().map(|name| {
        let parts: Vec<&dyn arrow::array::Array> =
            batches.iter().filter_map(|batch| batch.column_by_name(name)).map(AsRef::as_ref).collect();
        Ok(SortColumn { values: concat(&parts)?, options: None })
    });
    let order = lexsort_to_indices(&keys.collect::<Result<Vec<_>, ArrowError>>()?, None)?;
    let places: Vec<(usize, usize)> =
        batches.iter().enumerate().flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch, row))).collect();
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    for part in order.values().chunks(ORDERED_ROWS) {
        let part: Vec<(usize, usize)> = part.iter().map(|index| places[*index as usize]).collect();
        take(&interleave_record_batch(&batches, &part)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let check = |text: &str, expect: Option<i128>| assert_eq!(money(text), expect, "{text}");
        check("0", Some(0));
        check("1200", Some(12_000_000));
        check("-0.5", Some(-5_000));
        check("1188.0001", Some(11_880_001));
        check("99999999999999.9999", Some(999_999_999_999_999_999));
        check("-99999999999999.9999", Some(-999_999_999_999_999_999));
        for wrong in ["", "-", "1.", ".5", "1.00001", "1,200", "+1", "1e3", "--1", "100000000000000", "9".repeat(60).as_str()] {
            check(wrong, None);
        }
    }
}
