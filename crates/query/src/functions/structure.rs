//! Answers of several members: structs, whose members are null where the whole is, so that picking one needs no look at the other.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StructArray},
    buffer::NullBuffer,
    datatypes::{DataType, Field, Fields},
};
use datafusion::common::ScalarValue;

use super::{
    Gives, Member,
    scalar::{Cell, column},
};

pub(super) fn fields(members: &[Member]) -> Fields {
    members.iter().map(|member| Field::new(member.name, member.of.data_type(), true)).collect()
}

pub(super) fn data_type(gives: &Gives) -> DataType {
    match gives {
        Gives::One(of) => of.data_type(),
        Gives::Members(members) => DataType::Struct(fields(members)),
        Gives::Each(members) => DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields(members)), true))),
        Gives::Rows => DataType::Null,
    }
}

/// A struct per row, in the order of the members.
pub(super) fn rows(members: &'static [Member], rows: impl Iterator<Item = Option<Vec<Cell>>>) -> StructArray {
    let rows: Vec<Option<Vec<Cell>>> = rows.collect();
    let cell = |row: &Option<Vec<Cell>>, index: usize| row.as_ref().and_then(|row| row.get(index).cloned()).unwrap_or(Cell::Null);
    let columns: Vec<ArrayRef> =
        members.iter().enumerate().map(|(index, member)| column(member.of, rows.iter().map(|row| cell(row, index)))).collect();
    let there = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    StructArray::new(fields(members), columns, Some(there))
}

/// One struct, as an aggregate gives.
pub(super) fn one(members: &'static [Member], row: Option<Vec<Cell>>) -> ScalarValue {
    ScalarValue::Struct(Arc::new(rows(members, std::iter::once(row))))
}

/// A number that may not be computable: empty then, never a stand-in.
pub(super) fn float<E>(value: Result<f64, E>) -> Cell {
    value.map_or(Cell::Null, Cell::Float)
}

pub(super) fn int(value: u64) -> Cell {
    i64::try_from(value).map_or(Cell::Null, Cell::Int)
}
