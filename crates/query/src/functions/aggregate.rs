//! A declared function of many rows as the engine wants it. What has been seen is kept as sufficient statistics, which travel between
//! threads as whole numbers and are the same in whatever order the rows came.

use std::{fmt::Debug, marker::PhantomData, mem::size_of_val, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Field, FieldRef, Int64Type},
};
use datafusion::{
    common::{Result, ScalarValue, exec_datafusion_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};

use super::{
    Function,
    scalar::{Cell, Row},
    structure,
};

/// What has been seen of one group.
pub(super) trait Fold: Debug + Default + Send + Sync + 'static {
    /// Takes one row. An error says what is wrong with it.
    fn add(&mut self, row: &Row) -> Result<(), String>;

    fn state(&self) -> Vec<i64>;

    /// Takes what another has seen, as its `state` said it.
    fn merge(&mut self, state: &[i64]) -> Result<(), String>;

    /// The declared members; `None` where nothing can be said.
    fn answer(&self) -> Option<Vec<Cell>>;
}

/// An argument that must be the same in every row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Constant(Option<i64>);

impl Constant {
    pub fn set(&mut self, name: &str, value: Option<i64>) -> Result<(), String> {
        match (self.0, value) {
            (_, None) => Ok(()),
            (None, value) => {
                self.0 = value;
                Ok(())
            }
            (Some(known), Some(value)) if known == value => Ok(()),
            _ => Err(format!("`{name}` must be the same in every row of a group")),
        }
    }

    pub fn get(self) -> Option<i64> {
        self.0
    }

    pub fn state(self) -> [i64; 2] {
        [self.0.is_some().into(), self.0.unwrap_or(0)]
    }

    pub fn of(state: &[i64]) -> Option<i64> {
        (state.first() == Some(&1)).then(|| state.get(1).copied())?
    }
}

pub(super) fn aggregate<F: Fold>(function: &'static Function) -> AggregateUDF {
    AggregateUDF::from(Aggregate::<F> { function, signature: function.signature_of_engine(), fold: PhantomData })
}

struct Aggregate<F> {
    function: &'static Function,
    signature: Signature,
    fold: PhantomData<fn() -> F>,
}

impl<F: Fold> AggregateUDFImpl for Aggregate<F> {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.function.accepts(given)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(structure::data_type(&self.function.gives))
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Seen { function: self.function, fold: F::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "seen"), list(), true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)))
}

#[derive(Debug)]
struct Seen<F> {
    function: &'static Function,
    fold: F,
}

impl<F: Fold> Accumulator for Seen<F> {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        for at in 0..rows {
            self.fold.add(&Row { columns, at }).map_err(|why| exec_datafusion_err!("{}: {why}", self.function.name))?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let members = self.function.gives.members();
        Ok(structure::one(members, self.fold.answer()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.fold.state().len() * 16
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state: Vec<ScalarValue> = self.fold.state().into_iter().map(|value| ScalarValue::Int64(Some(value))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&state, &DataType::Int64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_list::<i32>().iter().flatten() {
            let state = state.as_primitive::<Int64Type>();
            self.fold.merge(state.values()).map_err(|why| exec_datafusion_err!("{}: {why}", self.function.name))?;
        }
        Ok(())
    }
}

impl<F> Debug for Aggregate<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}

impl<F> PartialEq for Aggregate<F> {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl<F> Eq for Aggregate<F> {}

impl<F> std::hash::Hash for Aggregate<F> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}
