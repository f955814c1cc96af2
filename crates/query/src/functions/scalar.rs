//! A declared function of one row as the engine wants it: arguments come in the declared types, one Rust value at a time.

use std::sync::Arc;

use super::{Function, Gives, Type, structure};
use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, StringArray},
    datatypes::{DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature},
};

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Date(NaiveDate),
}

/// A number as it came: whole numbers of 10^-scale, or a float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Exact { value: i128, scale: u8 },
    Float(f64),
}

/// The arguments of one row.
pub(super) struct Row<'a> {
    pub columns: &'a [ArrayRef],
    pub at: usize,
}

pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn floats() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

impl Type {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Type::Bool => DataType::Boolean,
            Type::Int => DataType::Int64,
            Type::Float | Type::Number => DataType::Float64,
            Type::Text => DataType::Utf8,
            Type::Date => DataType::Date32,
            Type::Instant | Type::Moment => instant(),
            Type::Floats => floats(),
        }
    }
}

/// What an argument of this type is cast to; `None` where casting would only seem to help: a date is no instant until somebody says whose midnight.
pub(super) fn cast_to(of: Type, given: &DataType) -> Option<DataType> {
    let text = matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let fits = *given == DataType::Null
        || match of {
            Type::Bool => *given == DataType::Boolean,
            Type::Int => given.is_integer(),
            Type::Float | Type::Number => given.is_numeric(),
            Type::Text => text,
            Type::Date => text || matches!(given, DataType::Date32),
            Type::Instant | Type::Moment => text || matches!(given, DataType::Timestamp(..)),
            Type::Floats => match given {
                DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
                    inner.data_type().is_numeric() || *inner.data_type() == DataType::Null
                }
                _ => false,
            },
        };
    fits.then(|| match (of, given) {
        // An exact number stays exact.
        (Type::Number, DataType::Decimal128(..)) => given.clone(),
        (Type::Number, given) if given.is_integer() => DataType::Int64,
        _ => of.data_type(),
    })
}

impl Row<'_> {
    /// How many arguments were given.
    pub fn given(&self) -> usize {
        self.columns.len()
    }

    fn column(&self, index: usize) -> Option<&ArrayRef> {
        self.columns.get(index).filter(|column| !column.is_null(self.at))
    }

    pub fn int(&self, index: usize) -> Option<i64> {
        self.column(index).map(|column| column.as_primitive::<Int64Type>().value(self.at))
    }

    /// A count; negative ones are none.
    pub fn count(&self, index: usize) -> Option<u64> {
        self.int(index)?.try_into().ok()
    }

    pub fn float(&self, index: usize) -> Option<f64> {
        self.column(index).map(|column| column.as_primitive::<Float64Type>().value(self.at))
    }

    /// A number that may be left out; `None` where null was given.
    pub fn float_or(&self, index: usize, default: f64) -> Option<f64> {
        if index < self.given() { self.float(index) } else { Some(default) }
    }

    pub fn text(&self, index: usize) -> Option<&str> {
        self.column(index).map(|column| column.as_string::<i32>().value(self.at))
    }

    pub fn date(&self, index: usize) -> Option<NaiveDate> {
        self.column(index).and_then(|column| NaiveDate::from_epoch_days(column.as_primitive::<Date32Type>().value(self.at)))
    }

    pub fn instant(&self, index: usize) -> Option<DateTime<Utc>> {
        let micros = self.column(index)?.as_primitive::<TimestampMicrosecondType>().value(self.at);
        DateTime::from_timestamp_micros(micros)
    }

    /// A number of any type, exact where its type is.
    pub fn number(&self, index: usize) -> Option<Number> {
        let column = self.column(index)?;
        Some(match column.data_type() {
            DataType::Decimal128(_, scale) => {
                Number::Exact { value: column.as_primitive::<Decimal128Type>().value(self.at), scale: u8::try_from(*scale).ok()? }
            }
            DataType::Int64 => Number::Exact { value: self.int(index)?.into(), scale: 0 },
            _ => Number::Float(self.float(index)?),
        })
    }

    pub fn bool(&self, index: usize) -> Option<bool> {
        self.column(index).map(|column| column.as_boolean().value(self.at))
    }

    /// The members of a list; `None` where one of them is null.
    pub fn floats(&self, index: usize) -> Option<Vec<f64>> {
        let list = self.column(index)?.as_list::<i32>().value(self.at);
        list.as_primitive::<Float64Type>().iter().collect()
    }
}

/// A column of a declared type.
pub(super) fn column(of: Type, cells: impl Iterator<Item = Cell>) -> ArrayRef {
    macro_rules! collect {
        ($array:ty, $kind:path, $value:expr) => {
            cells
                .map(|cell| match cell {
                    $kind(value) => Some($value(value)),
                    _ => None,
                })
                .collect::<$array>()
        };
    }
    match of {
        Type::Int => Arc::new(collect!(Int64Array, Cell::Int, |value| value)),
        Type::Text => Arc::new(collect!(StringArray, Cell::Text, |value| value)),
        Type::Date => Arc::new(collect!(Date32Array, Cell::Date, |day: NaiveDate| day.to_epoch_days())),
        // A number that is none is no number.
        Type::Float => Arc::new(
            cells
                .map(|cell| match cell {
                    Cell::Float(value) => Some(value).filter(|value| value.is_finite()),
                    _ => None,
                })
                .collect::<Float64Array>(),
        ),
        other => unreachable!("no function gives a {}", other.name()),
    }
}

/// A function that gives one value per row.
pub(super) fn one(function: &'static Function, body: impl Fn(&Row) -> Option<Cell> + Send + Sync + 'static) -> ScalarUDF {
    let Gives::One(of) = function.gives else { unreachable!("{} gives members", function.name) };
    of_columns(function, move |columns, rows| {
        Ok(column(of, (0..rows).map(|at| body(&Row { columns, at }).unwrap_or(Cell::Null))))
    })
}

/// A function that gives several values per row, in the order of its declared members.
pub(super) fn several(
    function: &'static Function,
    body: impl Fn(&Row) -> Option<Vec<Cell>> + Send + Sync + 'static,
) -> ScalarUDF {
    let members = function.gives.members();
    of_columns(function, move |columns, rows| {
        Ok(Arc::new(structure::rows(members, (0..rows).map(|at| body(&Row { columns, at })))))
    })
}

/// A function over whole columns, where a row at a time would be slow.
pub(super) fn of_columns(
    function: &'static Function,
    body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = function.signature_of_engine();
    ScalarUDF::from(Scalar { function, signature, body: Arc::new(body) })
}

type Body = Arc<dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync>;

struct Scalar {
    function: &'static Function,
    signature: Signature,
    body: Body,
}

impl ScalarUDFImpl for Scalar {
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

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(1, |array| array.len());
        let result = (self.body)(&arrays, rows)?;
        match all_scalar {
            true => ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(result)),
        }
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for Scalar {}

impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}
