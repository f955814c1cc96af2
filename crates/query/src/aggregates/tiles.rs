//! `tiles(groups, value, id, measure)`: rows in groups of equal size by value, the largest first, and what each group adds up to.
//!
//! `ntile` sorts all rows with whatever goes along with them. Here the borders between groups are looked for, which takes a few passes over
//! numbers; only where values are equal are ids compared.

use std::{cmp::Ordering, mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray, StructArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Decimal128Type, Field, FieldRef, Fields, Int64Type},
};
use datafusion::{
    common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

/// What a value is counted in, and a sum of them.
const VALUE: DataType = DataType::Decimal128(18, 4);
const TOTAL: DataType = DataType::Decimal128(38, 4);
const GROUPS_MAX: i64 = 10_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Tiles {
    signature: Signature,
}

impl Default for Tiles {
    fn default() -> Self {
        Tiles { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Tiles {
    fn name(&self) -> &str {
        "tiles"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let text = |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        match given {
            [groups, value, id, measure]
                if groups.is_integer() && value.is_numeric() && text(id) && (measure.is_integer() || measure.is_null()) =>
            {
                Ok(vec![DataType::Int64, VALUE, DataType::Utf8, DataType::Int64])
            }
            _ => plan_err!("tiles takes a number of groups, a number, a text and a whole number, not {given:?}"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item(DataType::Struct(fields()))))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, kind: DataType| Field::new(format!("{}[{part}]", args.name), kind, true).into();
        Ok(vec![
            field("groups", DataType::Int64),
            field("values", DataType::List(item(VALUE))),
            field("ids", DataType::List(item(DataType::Utf8))),
            field("measures", DataType::List(item(DataType::Int64))),
        ])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Rows::default()))
    }
}

fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(kind, true))
}

/// The members of a tile, as `functions::tiles` declares them.
fn fields() -> Fields {
    let members = [
        ("tile", DataType::Int64),
        ("count", DataType::Int64),
        ("total", TOTAL),
        ("least", VALUE),
        ("most", VALUE),
        ("mean", DataType::Float64),
    ];
    members.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

/// All rows that have a value.
#[derive(Debug, Default)]
struct Rows {
    groups: Option<i64>,
    values: Vec<i64>,
    /// Of each row where its id ends in `ids`.
    ends: Vec<usize>,
    ids: String,
    measures: Vec<Option<i64>>,
}

/// What a group adds up to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tile {
    count: i64,
    total: i128,
    least: i64,
    most: i64,
    mean: Option<f64>,
}

impl Rows {
    fn learn_groups(&mut self, groups: &Int64Array) -> Result<()> {
        for groups in groups.iter().flatten() {
            match self.groups {
                _ if !(1..=GROUPS_MAX).contains(&groups) => {
                    return exec_err!("tiles takes 1 to {GROUPS_MAX} groups, not {groups}");
                }
                None => self.groups = Some(groups),
                Some(known) if known == groups => {}
                Some(known) => return exec_err!("tiles takes one number of groups, not both {known} and {groups}"),
            }
        }
        Ok(())
    }

    fn learn(&mut self, values: &Decimal128Array, ids: &StringArray, measures: &Int64Array) -> Result<()> {
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let value = i64::try_from(values.value(row));
            self.values.push(value.map_err(|_| exec_datafusion_err!("a value of tiles does not fit 14 digits"))?);
            if ids.is_valid(row) {
                self.ids.push_str(ids.value(row));
            }
            self.ends.push(self.ids.len());
            self.measures.push(measures.is_valid(row).then(|| measures.value(row)));
        }
        Ok(())
    }

    fn id(&self, row: u32) -> &str {
        let row = row as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.ids[start..self.ends[row]]
    }

    /// The better first.
    fn order(&self, one: &(i64, u32), other: &(i64, u32)) -> Ordering {
        other.0.cmp(&one.0).then_with(|| self.id(one.1).cmp(self.id(other.1)))
    }

    fn tiles(&self) -> Vec<Tile> {
        let Some(groups) = self.groups else { return Vec::new() };
        let mut rows: Vec<(i64, u32)> = self.values.iter().copied().zip(0..).collect();
        let (size, larger) = (rows.len() / groups as usize, rows.len() % groups as usize);
        let sizes: Vec<usize> =
            (0..groups as usize).map(|tile| size + usize::from(tile < larger)).filter(|size| *size > 0).collect();
        self.part(&mut rows, &sizes);
        let mut rest = &rows[..];
        let mut tiles = Vec::with_capacity(sizes.len());
        for size in sizes {
            let (tile, others) = rest.split_at(size);
            tiles.push(self.tile(tile));
            rest = others;
        }
        tiles
    }

    /// Puts every row among those of its group, whatever their order within it.
    fn part(&self, rows: &mut [(i64, u32)], sizes: &[usize]) {
        if sizes.len() < 2 {
            return;
        }
        let (before, after) = sizes.split_at(sizes.len() / 2);
        let border: usize = before.iter().sum();
        rows.select_nth_unstable_by(border, |one, other| self.order(one, other));
        let (better, others) = rows.split_at_mut(border);
        self.part(better, before);
        self.part(others, after);
    }

    fn tile(&self, rows: &[(i64, u32)]) -> Tile {
        let values = || rows.iter().map(|(value, _)| *value);
        let (mut sum, mut measured) = (0_i128, 0_u32);
        for measure in rows.iter().filter_map(|(_, row)| self.measures[*row as usize]) {
            sum += i128::from(measure);
            measured += 1;
        }
        Tile {
            count: rows.len() as i64,
            total: values().map(i128::from).sum(),
            least: values().min().unwrap_or_default(),
            most: values().max().unwrap_or_default(),
            mean: (measured > 0).then(|| sum as f64 / f64::from(measured)),
        }
    }
}

impl Accumulator for Rows {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.learn_groups(columns[0].as_primitive::<Int64Type>())?;
        self.learn(
            columns[1].as_primitive::<Decimal128Type>(),
            columns[2].as_string::<i32>(),
            columns[3].as_primitive::<Int64Type>(),
        )
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.learn_groups(states[0].as_primitive::<Int64Type>())?;
        let lists = |column: usize| states[column].as_list::<i32>().iter().flatten();
        for ((values, ids), measures) in lists(1).zip(lists(2)).zip(lists(3)) {
            let (values, measures) = (values.as_primitive::<Decimal128Type>(), measures.as_primitive::<Int64Type>());
            self.learn(values, ids.as_string::<i32>(), measures)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let tiles = self.tiles();
        let amount = |kind: &DataType, amounts: Vec<i128>| Decimal128Array::from(amounts).with_data_type(kind.clone());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values((1..).take(tiles.len()))),
            Arc::new(Int64Array::from_iter_values(tiles.iter().map(|tile| tile.count))),
            Arc::new(amount(&TOTAL, tiles.iter().map(|tile| tile.total).collect())),
            Arc::new(amount(&VALUE, tiles.iter().map(|tile| tile.least.into()).collect())),
            Arc::new(amount(&VALUE, tiles.iter().map(|tile| tile.most.into()).collect())),
            Arc::new(tiles.iter().map(|tile| tile.mean).collect::<Float64Array>()),
        ];
        Ok(list(Arc::new(StructArray::new(fields(), columns, None))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Rows { groups, values, ends, ids, measures } = std::mem::take(self);
        let offsets = OffsetBuffer::from_lengths(ends.iter().scan(0, |start, end| Some(end - std::mem::replace(start, *end))));
        let values: Decimal128Array = values.into_iter().map(i128::from).collect::<Vec<_>>().into();
        Ok(vec![
            ScalarValue::Int64(groups),
            list(Arc::new(values.with_data_type(VALUE))),
            list(Arc::new(StringArray::new(offsets, ids.into_bytes().into(), None))),
            list(Arc::new(Int64Array::from(measures))),
        ])
    }

    fn size(&self) -> usize {
        size_of::<Rows>() + bytes(&self.values) + bytes(&self.ends) + self.ids.capacity() + bytes(&self.measures)
    }
}

fn bytes<T>(of: &Vec<T>) -> usize {
    of.capacity() * size_of::<T>()
}

/// One list of all these.
fn list(values: ArrayRef) -> ScalarValue {
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    ScalarValue::List(Arc::new(ListArray::new(item(values.data_type().clone()), offsets, values, None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(groups: i64, of: &[(i64, &str, Option<i64>)]) -> Rows {
        let mut rows = Rows { groups: Some(groups), ..Rows::default() };
        let values: Decimal128Array = of.iter().map(|(value, ..)| i128::from(*value)).collect::<Vec<_>>().into();
        let ids: StringArray = of.iter().map(|(_, id, _)| Some(*id)).collect();
        rows.learn(&values, &ids, &of.iter().map(|(.., measure)| *measure).collect()).expect("they fit");
        rows
    }

    #[test]
    fn groups_are_those_of_a_sort() {
        let check = |groups: i64, count: u64| {
            // Few values, so that borders fall among equals.
            let number = |row: u64| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as i64;
            let ids: Vec<String> = (0..count).map(|row| format!("c{}", row.wrapping_mul(7_919) % 1_000)).collect();
            let of: Vec<(i64, &str, Option<i64>)> =
                ids.iter().zip(0..).map(|(id, row)| (number(row), id.as_str(), (row % 5 > 0).then_some(row as i64))).collect();
            let mut sorted = of.clone();
            sorted.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
            let mut expect = Vec::new();
            let mut rest = &sorted[..];
            for tile in 0..groups as usize {
                let size = of.len() / groups as usize + usize::from(tile < of.len() % groups as usize);
                let (these, others) = rest.split_at(size);
                rest = others;
                if these.is_empty() {
                    continue;
                }
                let measures: Vec<i64> = these.iter().filter_map(|row| row.2).collect();
                expect.push(Tile {
                    count: size as i64,
                    total: these.iter().map(|row| i128::from(row.0)).sum(),
                    least: these[size - 1].0,
                    most: these[0].0,
                    mean: (!measures.is_empty()).then(|| measures.iter().sum::<i64>() as f64 / measures.len() as f64),
                });
            }
            assert_eq!(rows(groups, &of).tiles(), expect, "{groups} groups of {count}");
            // In two parts, one of which has travelled.
            let (one, other) = of.split_at(of.len() / 3);
            let mut whole = rows(groups, one);
            let state: Vec<ArrayRef> =
                rows(groups, other).state().expect("a state").iter().map(|part| part.to_array().expect("an array")).collect();
            whole.merge_batch(&state).expect("they fit");
            assert_eq!(whole.tiles(), expect, "{groups} groups of {count} in parts");
        };
        check(10, 0);
        check(10, 1);
        check(10, 7);
        check(10, 1_000);
        check(7, 1_000);
        check(1, 30);
        check(30, 30);
    }

    #[test]
    fn a_number_of_groups_is_one() {
        let check = |groups: &[i64], expect: Option<&str>| {
            let said = Rows::default().learn_groups(&Int64Array::from(groups.to_vec())).err().map(|error| error.to_string());
            let is_right = match expect {
                None => said.is_none(),
                Some(words) => said.as_ref().is_some_and(|said| said.contains(words)),
            };
            assert!(is_right, "{groups:?}: {said:?}");
        };
        check(&[10, 10], None);
        check(&[10, 4], Some("not both 10 and 4"));
        check(&[0], Some("1 to 10000 groups"));
        check(&[10_001], Some("1 to 10000 groups"));
    }
}
