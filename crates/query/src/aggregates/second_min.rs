//! `second_min(x)`: the second smallest of the different values of a column, so `second_min(ordered_on)` is the day of the second purchase.

use std::mem::size_of;

use arrow::{
    array::{ArrayRef, BooleanArray, Int64Array},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    common::{Result, plan_err},
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use super::{OneGroup, counts, from_ints, ints, passes};

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SecondMin {
    signature: Signature,
}

impl Default for SecondMin {
    fn default() -> Self {
        SecondMin { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for SecondMin {
    fn name(&self) -> &str {
        "second_min"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [kind] if counts(kind) => Ok(vec![kind.clone()]),
            [kind] if kind.is_integer() || *kind == DataType::Null => Ok(vec![DataType::Int64]),
            _ => plan_err!("second_min takes one column of dates, instants or whole numbers, not {given:?}"),
        }
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str| Field::new(format!("{}[{part}]", args.name), args.return_type().clone(), true).into();
        Ok(vec![field("first"), field("second")])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(Smallest::new(args.return_field.data_type()))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Smallest::new(args.return_field.data_type())))
    }
}

/// The two smallest different values of each group.
#[derive(Debug, Clone)]
struct Smallest {
    kind: DataType,
    two: Vec<[Option<i64>; 2]>,
}

impl Smallest {
    fn new(kind: &DataType) -> Smallest {
        Smallest { kind: kind.clone(), two: Vec::new() }
    }

    fn see(two: &mut [Option<i64>; 2], value: i64) {
        match two {
            [Some(first), _] if value == *first => {}
            [Some(first), second] if value < *first => (*first, *second) = (value, Some(*first)),
            [Some(_), second] => *second = Some(second.map_or(value, |second| second.min(value))),
            [first, _] => *first = Some(value),
        }
    }

    fn both(&self, two: Vec<[Option<i64>; 2]>) -> Result<Vec<ArrayRef>> {
        let part = |index: usize| from_ints(two.iter().map(|two| two[index]).collect(), &self.kind);
        Ok(vec![part(0)?, part(1)?])
    }
}

impl GroupsAccumulator for Smallest {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        groups_total: usize,
    ) -> Result<()> {
        self.two.resize(groups_total, [None; 2]);
        for column in values {
            let column: Int64Array = ints(column)?;
            for (row, (value, group)) in column.iter().zip(groups).enumerate() {
                if let Some(value) = value
                    && passes(filter, row)
                {
                    Smallest::see(&mut self.two[*group], value);
                }
            }
        }
        Ok(())
    }

    /// Each of the two is one more value.
    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], groups_total: usize) -> Result<()> {
        self.update_batch(states, groups, None, groups_total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let two = emit.take_needed(&mut self.two);
        Ok(self.both(two)?.remove(1))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let two = emit.take_needed(&mut self.two);
        self.both(two)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let column = ints(&values[0])?;
        self.both(column.iter().enumerate().map(|(row, value)| [value.filter(|_| passes(filter, row)), None]).collect())
    }

    fn size(&self) -> usize {
        self.two.capacity() * size_of::<[Option<i64>; 2]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_the_different_values() {
        let check = |values: &[i64], expect: [Option<i64>; 2]| {
            // Whatever the order in which they come.
            let (mut there, mut back) = ([None; 2], [None; 2]);
            values.iter().for_each(|value| Smallest::see(&mut there, *value));
            values.iter().rev().for_each(|value| Smallest::see(&mut back, *value));
            assert_eq!((there, back), (expect, expect), "{values:?}");
        };
        check(&[], [None, None]);
        check(&[5], [Some(5), None]);
        check(&[5, 5], [Some(5), None]);
        check(&[5, 3, 5, 9], [Some(3), Some(5)]);
        check(&[3, 3, 9, 5, 3], [Some(3), Some(5)]);
    }
}
