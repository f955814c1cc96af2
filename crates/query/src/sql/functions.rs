//! The functions of an analyst's session. Those whose answer may be far larger than what they are given are measured before they run: the
//! memory pool does not see what a function allocates.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, FieldRef, Int64Type, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider},
    common::{DataFusionError, Result, ScalarValue},
    datasource::TableType,
    logical_expr::{
        ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    },
    physical_plan::ExecutionPlan,
};

use super::{SqlError, SqlErrorKind};

/// What one call makes of one batch of rows.
const CALL_MB_MAX: u32 = 64;
/// Rows of `generate_series` as a table: they are made as they are read.
const SERIES_ROWS_MAX: f64 = 1e7;

/// Functions that tell of files.
const WITHHELD: &[&str] = &["input_file_name", "file_row_index"];

pub(crate) fn is_withheld(name: &str) -> bool {
    WITHHELD.contains(&name)
}

/// What is offered of a session's functions: all but those that are withheld, the explosive ones measured.
pub(crate) fn offered<'a>(functions: impl Iterator<Item = &'a Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    // A session knows a function by its name and by each of its aliases.
    let by_name: BTreeMap<&str, &Arc<ScalarUDF>> = functions.map(|function| (function.name(), function)).collect();
    let offered = by_name.into_values().filter(|function| !is_withheld(function.name()));
    offered.map(|function| measure(function.name()).map_or(function.clone(), |measure| measured(function, measure))).collect()
}

/// A session's table functions, the endless ones bounded.
pub(crate) fn bounded_tables(functions: &HashMap<String, Arc<TableFunction>>) -> HashMap<String, Arc<TableFunction>> {
    let bound = |name: &str, function: &Arc<TableFunction>| match name {
        "range" | "generate_series" => {
            let bounded = Bounded { name: name.into(), inner: function.function().clone() };
            Arc::new(TableFunction::new(name.into(), Arc::new(bounded)))
        }
        _ => function.clone(),
    };
    functions.iter().map(|(name, function)| (name.clone(), bound(name, function))).collect()
}

/// About how many bytes a call would make, from its arguments, all of one length.
type Measure = fn(&[ArrayRef]) -> Result<f64>;

fn measure(name: &str) -> Option<Measure> {
    Some(match name {
        "repeat" => |args: &[ArrayRef]| times(args.first(), args.get(1)),
        "lpad" | "rpad" => |args: &[ArrayRef]| Ok(numbers(args.get(1))?.into_iter().sum::<f64>() * 4.0),
        "array_repeat" => |args: &[ArrayRef]| times(args.first(), args.get(1)),
        "array_resize" => |args: &[ArrayRef]| Ok(numbers(args.get(1))?.into_iter().sum::<f64>() * 8.0),
        "range" | "generate_series" => |args: &[ArrayRef]| {
            let rows = args.first().map_or(0, |array| array.len());
            let mut elements = 0.0;
            for row in 0..rows {
                let values = args.iter().map(|array| ScalarValue::try_from_array(array, row)).collect::<Result<Vec<_>>>()?;
                elements += series_length(&values);
            }
            Ok(elements * 8.0)
        },
        "replace" => |args: &[ArrayRef]| {
            let (text, from, to) = (lengths(args.first())?, lengths(args.get(1))?, lengths(args.get(2))?);
            let grown = text.iter().zip(&from).zip(&to).map(|((text, from), to)| text * (to / from.max(1.0)).max(1.0));
            Ok(grown.sum::<f64>() / 4.0)
        },
        _ => return None,
    })
}

fn numbers(array: Option<&ArrayRef>) -> Result<Vec<f64>> {
    let Some(array) = array else { return Ok(Vec::new()) };
    let array = cast(array, &DataType::Int64)?;
    Ok(array.as_primitive::<Int64Type>().iter().map(|value| value.unwrap_or(0).max(0) as f64).collect())
}

fn lengths(array: Option<&ArrayRef>) -> Result<Vec<f64>> {
    let Some(array) = array else { return Ok(Vec::new()) };
    let array = cast(array, &DataType::Utf8)?;
    Ok(array.as_string::<i32>().iter().map(|text| text.map_or(0.0, |text| text.len() as f64)).collect())
}

/// Each value, as often as the count beside it says.
fn times(values: Option<&ArrayRef>, counts: Option<&ArrayRef>) -> Result<f64> {
    let (Some(values), counts) = (values, numbers(counts)?) else { return Ok(0.0) };
    let sizes = match values.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => lengths(Some(values))?,
        _ => vec![(values.get_array_memory_size() as f64 / values.len().max(1) as f64).min(1e12); values.len()],
    };
    Ok(sizes.iter().zip(&counts).map(|(size, count)| size.max(1.0) * count).sum())
}

/// How many values `[end]`, `[start, end]` or `[start, end, step]` spans.
fn series_length(args: &[ScalarValue]) -> f64 {
    let number = |value: &ScalarValue| -> f64 {
        match value {
            ScalarValue::Int64(Some(value)) => *value as f64,
            ScalarValue::Date32(Some(days)) => f64::from(*days) * DAY_NS,
            ScalarValue::TimestampSecond(Some(at), _) => *at as f64 * 1e9,
            ScalarValue::TimestampMillisecond(Some(at), _) => *at as f64 * 1e6,
            ScalarValue::TimestampMicrosecond(Some(at), _) => *at as f64 * 1e3,
            ScalarValue::TimestampNanosecond(Some(at), _) => *at as f64,
            ScalarValue::IntervalMonthDayNano(Some(span)) => {
                (f64::from(span.months) * 28.0 + f64::from(span.days)) * DAY_NS + span.nanoseconds as f64
            }
            ScalarValue::IntervalDayTime(Some(span)) => f64::from(span.days) * DAY_NS + f64::from(span.milliseconds) * 1e6,
            ScalarValue::IntervalYearMonth(Some(months)) => f64::from(*months) * 28.0 * DAY_NS,
            _ => 0.0,
        }
    };
    let step_without = |start: &ScalarValue| if matches!(start, ScalarValue::Int64(_)) { 1.0 } else { DAY_NS };
    let (start, end, step) = match args {
        [end] => (0.0, number(end), 1.0),
        [start, end] => (number(start), number(end), step_without(start)),
        [start, end, step, ..] => (number(start), number(end), number(step)),
        [] => return 0.0,
    };
    // A step of nothing is the function's own error.
    if step == 0.0 || (end - start) / step < 0.0 { 0.0 } else { (end - start) / step + 1.0 }
}

const DAY_NS: f64 = 86_400e9;

fn too_large(name: &str, amount: &str) -> DataFusionError {
    let error = SqlError::new(
        SqlErrorKind::TooComplex,
        format!("関数 `{name}` の結果が大きすぎます（{amount} まで）"),
        format!("`{name}` would make too much at once ({amount} at most)"),
    );
    DataFusionError::External(Box::new(error.with_remedy("回数や長さを減らしてください", "ask for a smaller count or length")))
}

fn measured(inner: &Arc<ScalarUDF>, measure: Measure) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Measured { inner: inner.inner().clone(), measure, mb_max: CALL_MB_MAX }))
}

/// A function that takes so many megabytes at once, and no more.
pub(crate) fn fed_little(inner: &ScalarUDF, mb_max: u32) -> ScalarUDF {
    let measure = |args: &[ArrayRef]| {
        let bytes = args.iter().map(|array| array.to_data().get_slice_memory_size()).sum::<Result<usize, _>>()?;
        Ok(bytes as f64)
    };
    ScalarUDF::new_from_impl(Measured { inner: inner.inner().clone(), measure, mb_max })
}

/// A function that is measured before each call.
struct Measured {
    inner: Arc<dyn ScalarUDFImpl>,
    measure: Measure,
    mb_max: u32,
}

impl ScalarUDFImpl for Measured {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        self.inner.return_type(args)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, args: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A call on scalars alone makes one value, whatever the batch.
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        if (self.measure)(&arrays)? > f64::from(self.mb_max << 20) {
            return Err(too_large(self.name(), &format!("{} MB", self.mb_max)));
        }
        self.inner.invoke_with_args(args)
    }
}

impl std::fmt::Debug for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "measured {}", self.name())
    }
}

impl PartialEq for Measured {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Measured {}

impl std::hash::Hash for Measured {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

#[derive(Debug)]
struct Bounded {
    name: String,
    inner: Arc<dyn TableFunctionImpl>,
}

impl TableFunctionImpl for Bounded {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let literals: Vec<ScalarValue> = args
            .exprs()
            .iter()
            .map(|arg| match arg {
                Expr::Literal(value, _) => value.clone(),
                // The function itself says that it takes values alone.
                _ => ScalarValue::Null,
            })
            .collect();
        let rows = series_length(&literals);
        if rows > SERIES_ROWS_MAX {
            return Err(too_large(&self.name, "10,000,000"));
        }
        Ok(Arc::new(Series { inner: self.inner.call_with_args(args)?, rows }))
    }
}

/// A table that is a series, with its length.
#[derive(Debug)]
struct Series {
    inner: Arc<dyn TableProvider>,
    rows: f64,
}

/// The length of a series.
pub(crate) fn series_rows(provider: &Arc<dyn TableProvider>) -> Option<f64> {
    provider.downcast_ref::<Series>().map(|series| series.rows)
}

#[async_trait]
impl TableProvider for Series {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.inner.scan(state, projection, filters, limit).await
    }
}
