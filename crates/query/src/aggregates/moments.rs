//! `exact_moments(y)` and `exact_moments(y, x)`: Σy and Σy², and of pairs Σx, Σx² and Σxy too, exact and in one pass, as a text of whole
//! numbers: sums in ten-thousandths, sums of products in hundred-millionths. What [`crate::fold`] asks; it is told to nobody else.
//!
//! `sum(y * y)` writes a column of 128-bit products for every batch and reads it again. Here a product is added where it arises.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, PrimitiveArray, StringArray},
    datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Int64Type},
};
use datafusion::{
    common::{Result, exec_datafusion_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use super::{OneGroup, passes};

pub(crate) const NAME: &str = "exact_moments";

/// What an amount is counted in.
const AMOUNT: DataType = DataType::Decimal128(18, 4);
/// A 128-bit whole number on its way between threads.
const WHOLE: DataType = DataType::Decimal128(38, 0);

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Moments {
    signature: Signature,
}

impl Default for Moments {
    fn default() -> Self {
        Moments { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Moments {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whole numbers stay as they are; whatever else is a number becomes an amount.
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let fits = |kind: &DataType| kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Null);
        let is_whole = |kind: &DataType| kind.is_integer() || matches!(kind, DataType::Boolean | DataType::Null);
        if !(1..=2).contains(&given.len()) || !given.iter().all(fits) {
            return plan_err!("{NAME} takes one or two columns of numbers, not {given:?}");
        }
        let kind = if given.iter().all(is_whole) { DataType::Int64 } else { AMOUNT };
        Ok(vec![kind; given.len()])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let parts = if args.input_fields.len() == 2 { &PARTS[..] } else { &PARTS[..2] };
        Ok(parts.iter().map(|part| Field::new(format!("{}[{part}]", args.name), WHOLE, true).into()).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(Sums::of(&args))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sums::of(&args)))
    }
}

const PARTS: [&str; 5] = ["y", "yy", "x", "xx", "xy"];

/// What has been added up of each group.
#[derive(Debug, Clone)]
struct Sums {
    /// Of whole numbers; an amount is in ten-thousandths already.
    is_whole: bool,
    has_pairs: bool,
    alone: Vec<[i128; 2]>,
    /// Empty where there are no pairs.
    pairs: Vec<[i128; 3]>,
}

impl Sums {
    fn of(args: &AccumulatorArgs) -> Sums {
        let is_whole = args.expr_fields.first().is_some_and(|field| *field.data_type() == DataType::Int64);
        Sums::new(is_whole, args.exprs.len() == 2)
    }

    fn new(is_whole: bool, has_pairs: bool) -> Sums {
        Sums { is_whole, has_pairs, alone: Vec::new(), pairs: Vec::new() }
    }

    fn resize(&mut self, groups_total: usize) {
        self.alone.resize(groups_total, [0; 2]);
        self.pairs.resize(if self.has_pairs { groups_total } else { 0 }, [0; 3]);
    }

    /// The sums of one column alone go to `alone`, of a second to the first two of `pairs`.
    fn add_column<T>(&mut self, column: &PrimitiveArray<T>, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()>
    where
        T: ArrowPrimitiveType,
        T::Native: TryInto<i64>,
    {
        let sums = &mut self.alone;
        each(column, groups, filter, |group, y| {
            let [sum, squares] = &mut sums[group];
            add(sum, y.into())?;
            add(squares, i128::from(y) * i128::from(y))
        })
    }

    fn add_pairs<T>(
        &mut self,
        ys: &PrimitiveArray<T>,
        xs: &PrimitiveArray<T>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()>
    where
        T: ArrowPrimitiveType,
        T::Native: TryInto<i64>,
    {
        let counted = |row: &usize| xs.is_valid(*row) && passes(filter, *row);
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| counted(row)) {
            let x = small(xs.value(row))?;
            let y = if ys.is_valid(row) { small(ys.value(row))? } else { 0 };
            let [sum, squares, products] = &mut self.pairs[*group];
            add(sum, x.into())?;
            add(squares, i128::from(x) * i128::from(x))?;
            add(products, i128::from(x) * i128::from(y))?;
        }
        Ok(())
    }

    /// Columns of 128-bit numbers: two, or five.
    fn columns(&mut self, emit: EmitTo) -> Vec<Vec<i128>> {
        let alone = emit.take_needed(&mut self.alone);
        let mut columns: Vec<Vec<i128>> = (0..2).map(|part| alone.iter().map(|sums| sums[part]).collect()).collect();
        if self.has_pairs {
            let pairs = emit.take_needed(&mut self.pairs);
            columns.extend((0..3).map(|part| pairs.iter().map(|sums| sums[part]).collect::<Vec<_>>()));
        }
        columns
    }
}

/// Gives every value that counts to `take`, with its group.
fn each<T>(
    column: &PrimitiveArray<T>,
    groups: &[usize],
    filter: Option<&BooleanArray>,
    mut take: impl FnMut(usize, i64) -> Result<()>,
) -> Result<()>
where
    T: ArrowPrimitiveType,
    T::Native: TryInto<i64>,
{
    // Nearly always no value is missing, and then nothing is asked about each.
    if column.null_count() == 0 && filter.is_none() {
        for (value, group) in column.values().iter().zip(groups) {
            take(*group, small(*value)?)?;
        }
        return Ok(());
    }
    if column.null_count() == 0
        && let Some(filter) = filter.filter(|filter| filter.null_count() == 0)
    {
        let bits = filter.values();
        for (row, (value, group)) in column.values().iter().zip(groups).enumerate() {
            if bits.value(row) {
                take(*group, small(*value)?)?;
            }
        }
        return Ok(());
    }
    for (row, group) in groups.iter().enumerate() {
        if column.is_valid(row) && passes(filter, row) {
            take(*group, small(column.value(row))?)?;
        }
    }
    Ok(())
}

/// An amount has 18 digits, so that a product of two is one multiplication.
fn small(value: impl TryInto<i64>) -> Result<i64> {
    value.try_into().map_err(|_| exec_datafusion_err!("an amount of a metric does not fit 14 digits"))
}

fn add(sum: &mut i128, value: i128) -> Result<()> {
    *sum = sum.checked_add(value).ok_or_else(too_large)?;
    Ok(())
}

fn too_large() -> datafusion::error::DataFusionError {
    exec_datafusion_err!("the sum of the squares of a metric does not fit 38 digits")
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        groups_total: usize,
    ) -> Result<()> {
        self.resize(groups_total);
        match (values, self.is_whole) {
            ([], _) => Ok(()),
            ([y], true) => self.add_column(y.as_primitive::<Int64Type>(), groups, filter),
            ([y], false) => self.add_column(y.as_primitive::<Decimal128Type>(), groups, filter),
            ([y, x, ..], true) => {
                let (y, x) = (y.as_primitive::<Int64Type>(), x.as_primitive::<Int64Type>());
                self.add_column(y, groups, filter)?;
                self.add_pairs(y, x, groups, filter)
            }
            ([y, x, ..], false) => {
                let (y, x) = (y.as_primitive::<Decimal128Type>(), x.as_primitive::<Decimal128Type>());
                self.add_column(y, groups, filter)?;
                self.add_pairs(y, x, groups, filter)
            }
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], groups_total: usize) -> Result<()> {
        self.resize(groups_total);
        for (part, column) in states.iter().enumerate() {
            let column = column.as_primitive::<Decimal128Type>();
            for (value, group) in column.values().iter().zip(groups) {
                let sum = match part {
                    0 | 1 => &mut self.alone[*group][part],
                    _ => &mut self.pairs[*group][part - 2],
                };
                add(sum, *value)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        // A whole number is ten thousand ten-thousandths, its square a hundred million hundred-millionths.
        let scale: [i128; 5] = if self.is_whole { [10_000, 100_000_000, 10_000, 100_000_000, 100_000_000] } else { [1; 5] };
        let columns = self.columns(emit);
        let texts = (0..columns[0].len()).map(|group| {
            let numbers = columns.iter().zip(scale).map(|(column, scale)| column[group].checked_mul(scale).ok_or_else(too_large));
            let numbers = numbers.collect::<Result<Vec<i128>>>()?;
            Ok(numbers.iter().map(i128::to_string).collect::<Vec<_>>().join(" "))
        });
        let texts = texts.collect::<Result<Vec<String>>>()?;
        Ok(Arc::new(StringArray::from(texts)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let whole = |column: Vec<i128>| -> Result<ArrayRef> { Ok(Arc::new(Decimal128Array::from(column).with_data_type(WHOLE))) };
        self.columns(emit).into_iter().map(whole).collect()
    }

    /// Every row a group of its own.
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let mut each = Sums::new(self.is_whole, self.has_pairs);
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.alone.capacity() * size_of::<[i128; 2]>() + self.pairs.capacity() * size_of::<[i128; 3]>()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    /// Added up in one go, and in two parts that are merged.
    fn both(y: ArrayRef, x: Option<ArrayRef>, groups: &[usize], filter: Option<&BooleanArray>) -> Vec<String> {
        let columns: Vec<ArrayRef> = std::iter::once(y).chain(x).collect();
        let fresh = || Sums::new(*columns[0].data_type() == DataType::Int64, columns.len() == 2);
        let total = groups.iter().max().map_or(1, |last| last + 1);
        let texts = |mut sums: Sums| {
            let found = sums.evaluate(EmitTo::All).unwrap();
            found.as_string::<i32>().iter().flatten().map(String::from).collect::<Vec<_>>()
        };
        let mut whole = fresh();
        whole.update_batch(&columns, groups, filter, total).unwrap();
        let mut merged = fresh();
        let middle = groups.len() / 2;
        for (from, length) in [(0, middle), (middle, groups.len() - middle)] {
            let part: Vec<ArrayRef> = columns.iter().map(|column| column.slice(from, length)).collect();
            let filter = filter.map(|filter| filter.slice(from, length));
            let mut one = fresh();
            one.update_batch(&part, &groups[from..from + length], filter.as_ref(), total).unwrap();
            let states = one.state(EmitTo::All).unwrap();
            merged.merge_batch(&states, &(0..total).collect::<Vec<_>>(), total).unwrap();
        }
        let (whole, merged) = (texts(whole), texts(merged));
        assert_eq!(whole, merged);
        whole
    }

    #[test]
    fn sums_are_exact_however_rows_come() {
        let ints = |values: &[Option<i64>]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let amounts = |values: &[Option<i128>]| -> ArrayRef {
            Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(18, 4).unwrap())
        };
        let check = |y: ArrayRef, x: Option<ArrayRef>, groups: &[usize], filter: Option<&[bool]>, expect: &[&str]| {
            let filter = filter.map(|bits| BooleanArray::from(bits.to_vec()));
            assert_eq!(both(y, x, groups, filter.as_ref()), expect);
        };
        check(ints(&[Some(1), Some(0), Some(1)]), None, &[0, 0, 1], None, &["10000 100000000", "10000 100000000"]);
        check(ints(&[Some(1), None, Some(3)]), None, &[0, 0, 0], None, &["40000 1000000000"]);
        check(ints(&[Some(1), Some(2), Some(3)]), None, &[0, 0, 0], Some(&[true, false, true]), &["40000 1000000000"]);
        check(amounts(&[Some(12_500), Some(-1)]), None, &[0, 0], None, &["12499 156250001"]);
        check(
            amounts(&[Some(20_000), None, Some(10_000)]),
            Some(amounts(&[Some(30_000), Some(50_000), None])),
            &[0, 0, 0],
            None,
            &["30000 500000000 80000 3400000000 600000000"],
        );
        // 18 nines, squared and added ten times, need every one of the digits.
        let nines = 999_999_999_999_999_999_i128;
        let sum = format!("{} {}", nines * 10, nines * nines * 10);
        check(amounts(&[Some(nines); 10]), None, &[0; 10], None, &[&sum]);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let check = |times: usize, fits: bool| {
            let nines: ArrayRef = Arc::new(
                Decimal128Array::from(vec![999_999_999_999_999_999_i128; times]).with_precision_and_scale(18, 4).unwrap(),
            );
            let mut sums = Sums::new(false, false);
            assert_eq!(sums.update_batch(&[nines], &vec![0; times], None, 1).is_ok(), fits, "{times}");
        };
        check(100, true);
        check(200, false);
    }
}
