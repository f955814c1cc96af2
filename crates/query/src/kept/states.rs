//! Sessions and carts: what they came to is put together from parts in any order and any number, so new events are a part that is added to
//! what was kept.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch},
    compute::concat_batches,
    datatypes::DataType,
};
use datafusion::{
    common::HashSet,
    logical_expr::{ColumnarValue, ScalarUDF, Volatility, col, create_udf},
    prelude::lit,
};
use futures::{StreamExt, TryStreamExt};
use lake::{CART_STATES, Kept, KeptTable, SESSION_STATES};
use model::kept::search_key;

use super::{Current, Since, Touched, elsewhere, share_of};
use crate::{Desk, Params, QueryError};

/// A table of states: the view that makes them from events, and its kept twin, whose rows are told apart by the first column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum States {
    Sessions,
    Carts,
}

impl States {
    pub const ALL: [States; 2] = [States::Sessions, States::Carts];

    pub fn table(self) -> &'static KeptTable {
        match self {
            States::Sessions => &SESSION_STATES,
            States::Carts => &CART_STATES,
        }
    }

    pub fn id(self) -> &'static str {
        match self {
            States::Sessions => "session_id",
            States::Carts => "customer_id",
        }
    }
}

impl Desk {
    /// The table at this moment: what was kept, and `overlay` for what has changed.
    pub(super) fn states_with(&self, states: States, kept: &Kept, overlay: RecordBatch) -> Current {
        let touched: HashSet<String> = ids(&overlay, states).iter().flatten().map(String::from).collect();
        let overlay = without_key(&overlay);
        Current {
            tables: [(states.table().name, (kept.base(states.table()), overlay))].into(),
            touched: Touched::Texts(Arc::new(touched)),
            id: states.id(),
        }
    }

    /// The overlay with the events past what was kept; `None` if they are too many.
    pub(super) async fn states_change(&self, states: States, kept: &Kept) -> Result<Option<RecordBatch>, QueryError> {
        let table = states.table();
        let rows_max = share_of(kept.manifest.base_rows(table));
        let view = format!("system/views/{}", table.name);
        let mut news = self.clone().since(Since::kept(kept)).stream(&view, &Params::new()).await?;
        let (mut fresh, mut rows) = (Vec::new(), 0);
        while let Some(batch) = news.next().await {
            let batch = with_key(&batch?, table, states.id());
            rows += batch.num_rows() as u64;
            if rows > rows_max {
                return Ok(None);
            }
            fresh.push(batch);
        }
        let before = kept.overlay(table);
        if rows == 0 {
            return Ok(Some(before.clone()));
        }
        if before.num_rows() as u64 + rows > rows_max {
            return Ok(None);
        }
        let fresh = concat_batches(&table.schema(), &fresh).expect("one schema");
        let mut parts = vec![before.clone(), fresh.clone()];
        parts.extend(self.base_of(states, kept, &fresh).await?);
        let parts = concat_batches(&table.schema(), &parts).expect("one schema");
        let merged = self.merged(states, parts).await?;
        Ok(Some(merged))
    }

    /// The rows that were kept of those that have news, unless the overlay has them.
    async fn base_of(&self, states: States, kept: &Kept, fresh: &RecordBatch) -> Result<Vec<RecordBatch>, QueryError> {
        let table = states.table();
        let overlaid = ids(kept.overlay(table), states);
        let overlaid: HashSet<&str> = overlaid.iter().flatten().collect();
        let wanted: HashSet<String> =
            ids(fresh, states).iter().flatten().filter(|id| !overlaid.contains(id)).map(String::from).collect();
        let keys = wanted.iter().map(|id| search_key(id)).collect();
        let is_wanted = has_key(keys).call(vec![col("search_key")]);
        let is_named = elsewhere(Arc::new(wanted)).call(vec![col(states.id())]).eq(lit(false));
        self.base_rows(kept, table, is_wanted.and(is_named), &table.names()).await
    }

    /// Parts put together, one row each.
    async fn merged(&self, states: States, parts: RecordBatch) -> Result<RecordBatch, QueryError> {
        let table = states.table();
        let on_parts = Current::of_rows(table.name, without_key(&parts), states.id());
        let desk = self.clone().with_kept(states.into(), Some(Arc::new(on_parts)));
        let rows = desk.stream(&format!("system/kept/{}", table.name), &Params::new()).await?;
        let rows: Vec<RecordBatch> = rows.map_ok(|batch| with_key(&batch, table, states.id())).try_collect().await?;
        Ok(concat_batches(&table.schema(), &rows).expect("one schema"))
    }
}

fn ids(rows: &RecordBatch, states: States) -> arrow::array::StringArray {
    rows.column_by_name(states.id()).expect("a state has its id").as_string::<i32>().clone()
}

/// The columns of a kept row, from those of the view: a number for the text of one of them is the first.
pub(super) fn with_key(rows: &RecordBatch, table: &KeptTable, of: &str) -> RecordBatch {
    let texts = rows.column_by_name(of).expect("the view has it").as_string::<i32>();
    let keys: Int64Array = texts.iter().map(|text| text.map(search_key)).collect();
    let columns = [Arc::new(keys) as ArrayRef].into_iter().chain(rows.columns().iter().cloned());
    RecordBatch::try_new(table.schema(), columns.collect()).expect("the view's columns are those of the table")
}

pub(super) fn without_key(rows: &RecordBatch) -> RecordBatch {
    let places: Vec<usize> = (1..rows.num_columns()).collect();
    rows.project(&places).expect("columns of the table")
}

pub(super) fn has_key(keys: HashSet<i64>) -> ScalarUDF {
    let find = move |args: &[ColumnarValue]| -> datafusion::error::Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(args)?;
        let column = columns[0].as_primitive::<arrow::datatypes::Int64Type>();
        let found: BooleanArray = column.iter().map(|key| Some(key.is_some_and(|key| keys.contains(&key)))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    };
    create_udf("has_key", vec![DataType::Int64], DataType::Boolean, Volatility::Immutable, Arc::new(find))
}
