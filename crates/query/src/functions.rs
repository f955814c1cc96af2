//! SQL functions of the shop: its days, and arithmetic on dates and times that plans the same everywhere.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::{
    common::{Result, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use model::ShopZone;

/// All functions, for a session whose shop counts its days in `zone`.
pub fn all(zone: ShopZone) -> Vec<ScalarUDF> {
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let date = || DataType::Date32;
    let int = || DataType::Int64;
    vec![
        function("shop_day", vec![instant()], date(), move |args| shop_day(zone, args)),
        function("shop_midnight", vec![date()], instant(), move |args| shop_midnight(zone, args)),
        function("days_between", vec![date(), date()], int(), days_between),
        function("months_between", vec![date(), date()], int(), months_between),
        function("add_days", vec![date(), int()], date(), add_days),
        function("add_seconds", vec![instant(), int()], instant(), add_seconds),
        function("seconds_between", vec![instant(), instant()], int(), seconds_between),
        function("json_text", vec![DataType::Utf8, DataType::Utf8], DataType::Utf8, json_text),
    ]
}

/// The shop day an instant falls on.
fn shop_day(zone: ShopZone, args: &[ArrayRef]) -> Result<ArrayRef> {
    let at = args[0].as_primitive::<TimestampMicrosecondType>();
    // Neighbouring rows mostly share a day, and a zone look-up costs a hundred times a comparison.
    let mut known: Option<(i64, i64, i32)> = None;
    let days: Date32Array = at
        .iter()
        .map(|at| {
            let at = at?;
            if let Some((from, until, day)) = known
                && (from..until).contains(&at)
            {
                return Some(day);
            }
            let day = zone.day(DateTime::from_timestamp_micros(at)?);
            let (from, until) = (zone.start_of(day).timestamp_micros(), zone.start_of(day.succ_opt()?).timestamp_micros());
            let number = to_days(day);
            known = Some((from, until, number));
            Some(number)
        })
        .collect();
    Ok(Arc::new(days))
}

/// The instant at which a shop day starts.
fn shop_midnight(zone: ShopZone, args: &[ArrayRef]) -> Result<ArrayRef> {
    let days = args[0].as_primitive::<Date32Type>();
    let starts: TimestampMicrosecondArray =
        days.iter().map(|day| Some(zone.start_of(from_days(day?)?).timestamp_micros())).collect();
    Ok(Arc::new(starts.with_timezone("UTC")))
}

/// `b - a` in days.
fn days_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>());
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some(i64::from(b?) - i64::from(a?))).collect::<Int64Array>()))
}

/// Calendar months from the month of `a` to the month of `b`.
fn months_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>());
    let month = |day: Option<i32>| from_days(day?).map(|day| i64::from(day.year()) * 12 + i64::from(day.month0()));
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some(month(b)? - month(a)?)).collect::<Int64Array>()))
}

fn add_days(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (day, count) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Int64Type>());
    let sum = |(day, count): (Option<i32>, Option<i64>)| i32::try_from(i64::from(day?).checked_add(count?)?).ok();
    Ok(Arc::new(day.iter().zip(count).map(sum).collect::<Date32Array>()))
}

fn add_seconds(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (at, count) = (args[0].as_primitive::<TimestampMicrosecondType>(), args[1].as_primitive::<Int64Type>());
    let sum = |(at, count): (Option<i64>, Option<i64>)| at?.checked_add(count?.checked_mul(1_000_000)?);
    Ok(Arc::new(at.iter().zip(count).map(sum).collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
}

/// `b - a` in whole seconds.
fn seconds_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<TimestampMicrosecondType>(), args[1].as_primitive::<TimestampMicrosecondType>());
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some((b? - a?).div_euclid(1_000_000))).collect::<Int64Array>()))
}

/// The member of a JSON object at a path of names with dots, as text: what is no text as JSON.
fn json_text(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (json, path) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let member = |json: &str, path: &str| {
        let mut value: serde_json::Value = serde_json::from_str(json).ok()?;
        for name in path.split('.') {
            value = value.get_mut(name)?.take();
        }
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    };
    Ok(Arc::new(json.iter().zip(path).map(|(json, path)| member(json?, path?)).collect::<StringArray>()))
}

fn to_days(day: NaiveDate) -> i32 {
    day.signed_duration_since(NaiveDate::default()).num_days() as i32
}

fn from_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(days.into()))
}

type Body = Arc<dyn Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync>;

struct Function {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Body,
}

fn function(
    name: &'static str,
    takes: Vec<DataType>,
    returns: DataType,
    body: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    ScalarUDF::from(Function { name, signature: Signature::exact(takes, Volatility::Immutable), returns, body: Arc::new(body) })
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(0, |array| array.len());
        let result = (self.body)(&arrays)?;
        if result.len() != rows {
            return exec_err!("{} returned {} rows for {rows}", self.name, result.len());
        }
        match all_scalar {
            true => datafusion::common::ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(result)),
        }
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
