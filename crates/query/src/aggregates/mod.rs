//! Aggregates of our own, for questions about what each customer did and in which order. A window per customer costs a few microseconds for
//! each customer and expression; these keep a few numbers per customer and go over the rows once.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array},
    compute::cast,
    datatypes::{DataType, Int64Type, TimeUnit},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, EmitTo, GroupsAccumulator},
};

pub(crate) mod moments;
mod second_min;
mod tiles;
mod window_funnel;

pub(crate) use moments::Moments;
pub(crate) use second_min::SecondMin;
pub(crate) use tiles::Tiles;
pub(crate) use window_funnel::WindowFunnel;

/// Whole numbers behind a date, an instant or a number.
fn ints(values: &ArrayRef) -> Result<Int64Array> {
    let values = match values.data_type() {
        DataType::Date32 => cast(&cast(values, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(values, &DataType::Int64)?,
    };
    Ok(values.as_primitive::<Int64Type>().clone())
}

fn from_ints(values: Int64Array, to: &DataType) -> Result<ArrayRef> {
    let values: ArrayRef = Arc::new(values);
    Ok(match to {
        DataType::Date32 => cast(&cast(&values, &DataType::Int32)?, to)?,
        _ => cast(&values, to)?,
    })
}

fn counts(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _))
}

/// Rows that count: those a filter lets through.
fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

/// An aggregate over one group, as the one group of many: asked where there is no GROUP BY.
#[derive(Debug)]
struct OneGroup<G>(G);

impl<G: GroupsAccumulator + Clone + std::fmt::Debug + Sync + 'static> Accumulator for OneGroup<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values.first().map_or(0, |column| column.len())];
        self.0.update_batch(values, &groups, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states.first().map_or(0, |column| column.len())];
        self.0.merge_batch(states, &groups, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // A group that no row reached is there all the same.
        self.0.update_batch(&[], &[], None, 1)?;
        // A window that grows asks after each row, and goes on.
        ScalarValue::try_from_array(&self.0.clone().evaluate(EmitTo::All)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.update_batch(&[], &[], None, 1)?;
        self.0.state(EmitTo::All)?.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
