//! `window_funnel(seconds, at, step_1, step_2, …)`: how many steps of a chain were taken in their order within so many seconds of its first.
//!
//! A chain may begin anew with every first step; what is between its steps does not matter. Steps at the same instant count in their order.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit},
};
use datafusion::{
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use super::{OneGroup, ints, passes};

/// A row says by bits which steps it is.
const STEPS_MAX: usize = 16;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WindowFunnel {
    signature: Signature,
}

impl Default for WindowFunnel {
    fn default() -> Self {
        WindowFunnel { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for WindowFunnel {
    fn name(&self) -> &str {
        "window_funnel"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [_, DataType::Timestamp(_, zone), steps @ ..] if (1..=STEPS_MAX).contains(&steps.len()) => {
                let at = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                Ok([DataType::Int64, at].into_iter().chain(steps.iter().map(|_| DataType::Boolean)).collect())
            }
            _ => plan_err!("window_funnel takes seconds, an instant and 1 to {STEPS_MAX} conditions, not {given:?}"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Field::new(format!("{}[seconds]", args.name), DataType::Int64, true).into(),
            Field::new(format!("{}[steps]", args.name), DataType::List(item()), true).into(),
        ])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(Chains::default())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Chains::default()))
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn is_nullable(&self) -> bool {
        false
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Int64, true))
}

/// Which steps a group took, and when: rows of all groups in one list.
#[derive(Debug, Default, Clone)]
struct Chains {
    window: Option<i64>,
    taken: Vec<Taken>,
    groups: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Taken {
    group: u32,
    /// Bits: a row may be several steps at once.
    steps: u32,
    at: i64,
}

impl Chains {
    fn learn_window(&mut self, seconds: &Int64Array) -> Result<()> {
        for window in seconds.iter().flatten() {
            match self.window {
                None => self.window = Some(window),
                Some(known) if known == window => {}
                Some(known) => return exec_err!("window_funnel takes one number of seconds, not both {known} and {window}"),
            }
        }
        Ok(())
    }

    /// The rows of the groups to be given out, by group; the others stay under the numbers they get.
    fn take(&mut self, emit: EmitTo) -> (Vec<Taken>, usize) {
        match emit {
            EmitTo::All => (std::mem::take(&mut self.taken), std::mem::take(&mut self.groups)),
            EmitTo::First(count) => {
                let (given, mut kept): (Vec<Taken>, Vec<Taken>) =
                    self.taken.drain(..).partition(|taken| (taken.group as usize) < count);
                kept.iter_mut().for_each(|taken| taken.group -= count as u32);
                self.taken = kept;
                self.groups -= count;
                (given, count)
            }
        }
    }
}

/// How far the best chain came, of rows in the order of time.
fn level(rows: &[Taken], window: i64) -> i64 {
    // Of all chains that reached a step, the one that began last can go on the longest.
    let mut starts: [Option<i64>; STEPS_MAX] = [None; STEPS_MAX];
    let mut best = 0;
    // Rows of one instant are one: their steps count in the order of the chain.
    for rows in rows.chunk_by(|one, next| one.at == next.at) {
        let at = rows[0].at;
        let mut steps = rows.iter().fold(0, |steps, row| steps | row.steps);
        while steps != 0 {
            let step = steps.trailing_zeros() as usize;
            steps &= steps - 1;
            let start = match step {
                0 => Some(at),
                _ => starts[step - 1].filter(|start| at - start <= window),
            };
            if start.is_some() {
                starts[step] = starts[step].max(start);
                best = best.max(step as i64 + 1);
            }
        }
    }
    best
}

impl GroupsAccumulator for Chains {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        groups_total: usize,
    ) -> Result<()> {
        self.groups = groups_total;
        let [seconds, at, steps @ ..] = values else { return Ok(()) };
        self.learn_window(&ints(seconds)?)?;
        let at = ints(at)?;
        let bits = step_bits(steps, at.len());
        for (row, (steps, group)) in bits.into_iter().zip(groups).enumerate() {
            if steps != 0 && at.is_valid(row) && passes(filter, row) {
                self.taken.push(Taken { group: *group as u32, steps, at: at.value(row) });
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], groups_total: usize) -> Result<()> {
        self.groups = groups_total;
        self.learn_window(&ints(&states[0])?)?;
        let lists = states[1].as_list::<i32>();
        let numbers = lists.values().as_primitive::<Int64Type>().values();
        let offsets = lists.value_offsets();
        for (row, group) in groups.iter().enumerate() {
            let pairs = &numbers[offsets[row] as usize..offsets[row + 1] as usize];
            let taken = pairs.as_chunks::<2>().0.iter();
            self.taken.extend(taken.map(|[at, steps]| Taken { group: *group as u32, steps: *steps as u32, at: *at }));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let window = self.window.unwrap_or(0).saturating_mul(1_000_000);
        let (mut taken, groups) = self.take(emit);
        taken.sort_unstable_by_key(|taken| (taken.group, taken.at, taken.steps));
        let mut levels = vec![0; groups];
        for rows in taken.chunk_by(|a, b| a.group == b.group) {
            levels[rows[0].group as usize] = level(rows, window);
        }
        Ok(Arc::new(Int64Array::from(levels)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (mut taken, groups) = self.take(emit);
        taken.sort_by_key(|taken| taken.group);
        let mut lengths = vec![0; groups];
        let mut numbers = Vec::with_capacity(taken.len() * 2);
        for taken in taken {
            lengths[taken.group as usize] += 2;
            numbers.extend([taken.at, i64::from(taken.steps)]);
        }
        Ok(vec![Arc::new(Int64Array::from(vec![self.window; groups])), lists(numbers, lengths)])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let at = ints(&values[1])?;
        let mut numbers = Vec::with_capacity(at.len() * 2);
        let mut lengths = vec![0; at.len()];
        for (row, steps) in step_bits(&values[2..], at.len()).into_iter().enumerate() {
            if steps != 0 && at.is_valid(row) && passes(filter, row) {
                lengths[row] = 2;
                numbers.extend([at.value(row), i64::from(steps)]);
            }
        }
        Ok(vec![Arc::new(ints(&values[0])?), lists(numbers, lengths)])
    }

    fn size(&self) -> usize {
        self.taken.capacity() * size_of::<Taken>()
    }
}

fn step_bits(steps: &[ArrayRef], rows: usize) -> Vec<u32> {
    let mut bits = vec![0; rows];
    for (step, column) in steps.iter().enumerate() {
        let column = column.as_boolean();
        for (row, bits) in bits.iter_mut().enumerate() {
            *bits |= u32::from(column.is_valid(row) && column.value(row)) << step;
        }
    }
    bits
}

fn lists(numbers: Vec<i64>, lengths: Vec<usize>) -> ArrayRef {
    Arc::new(ListArray::new(item(), OffsetBuffer::from_lengths(lengths), Arc::new(Int64Array::from(numbers)), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_as_long_as_its_window_lets_it() {
        // Each letter is a row at the next ten: a, b, c are the first three steps, capital letters mean both it and the one before.
        let check = |rows: &str, window: i64, expect: i64| {
            let taken: Vec<Taken> = rows
                .bytes()
                .zip((0..).step_by(10))
                .filter(|(letter, _)| letter.is_ascii_alphabetic())
                .map(|(letter, at)| {
                    let step = u32::from(letter.to_ascii_lowercase() - b'a');
                    let steps = if letter.is_ascii_uppercase() { 0b11 << (step - 1) } else { 1 << step };
                    Taken { group: 0, steps, at }
                })
                .collect();
            assert_eq!(level(&taken, window), expect, "{rows} within {window}");
        };
        check("", 100, 0);
        check("bc", 100, 0);
        check("abc", 100, 3);
        check("a.b.c", 100, 3);
        check("acb", 100, 2);
        check("a...b", 30, 1);
        check("a...b", 40, 2);
        // The window is of the whole chain, not of each step.
        check("a..b..c", 40, 2);
        // A later start rescues it, and an earlier one that goes on is not lost.
        check("a...ab", 20, 2);
        check("ab.a.c", 50, 3);
        check("B", 100, 2);
        let at_once =
            |steps: &[u32]| level(&steps.iter().map(|steps| Taken { group: 0, steps: *steps, at: 7 }).collect::<Vec<_>>(), 60);
        assert_eq!(at_once(&[0b010, 0b101]), 3, "whichever row came first");
        assert_eq!(at_once(&[0b100, 0b001]), 1);
    }
}
