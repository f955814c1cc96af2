//! SQL functions that apply a fitted model of repeat buying (`ltv_model`) to one customer's history. Histories are in shop days, the
//! parameters in weeks. What cannot be computed is null.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Float64Type, Int64Type},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf},
};
use stats::{BuyingModel, GammaGamma, History, RepeatBuying, Spending, clv};

const WEEK: f64 = 7.0;
/// Months of customer value are of 30 days.
const MONTH: f64 = 30.0 / WEEK;

pub fn all() -> Vec<ScalarUDF> {
    use DataType::{Float64, Int64, Utf8};
    let model = [Utf8, Float64, Float64, Float64, Float64, Int64, Int64, Int64];
    let with = |more: &[DataType]| [&model[..], more].concat();
    vec![
        // (kind, r, alpha, a, b, repeats, recency_days, age_days)
        udf("p_alive", with(&[]), |args, row| Some(buying(args, row)?.p_alive(history(args, row)?))),
        // … and the days ahead.
        udf("expected_orders", with(&[Int64]), |args, row| {
            buying(args, row)?.expected(history(args, row)?, int(args, 8, row)? as f64 / WEEK).ok()
        }),
        // … and the months of 30 days ahead, and the discount of a month.
        udf("discounted_orders", with(&[Int64, Float64]), |args, row| {
            let months = u32::try_from(int(args, 8, row)?).ok()?;
            clv(&buying(args, row)?, history(args, row)?, 1.0, MONTH, months, float(args, 9, row)?).ok()
        }),
        // (p, q, v, repeats, mean value of a repeat): of somebody who bought once, the mean may be null.
        udf("expected_order_value", vec![Float64, Float64, Float64, Int64, Float64], |args, row| {
            let model = GammaGamma { p: float(args, 0, row)?, q: float(args, 1, row)?, v: float(args, 2, row)? };
            let x = u32::try_from(int(args, 3, row)?).ok()?;
            let mean = if x == 0 { 0.0 } else { float(args, 4, row)? };
            model.expected_value(Spending { x, mean }).ok()
        }),
    ]
}

fn buying(args: &[ArrayRef], row: usize) -> Option<RepeatBuying> {
    let kind = args[0].as_string::<i32>();
    let model = match kind.is_valid(row).then(|| kind.value(row))? {
        "mbg_nbd" => BuyingModel::Mbg,
        "bg_nbd" => BuyingModel::Bg,
        _ => return None,
    };
    Some(RepeatBuying {
        model,
        r: float(args, 1, row)?,
        alpha: float(args, 2, row)?,
        a: float(args, 3, row)?,
        b: float(args, 4, row)?,
    })
}

fn history(args: &[ArrayRef], row: usize) -> Option<History> {
    let weeks = |at: usize| Some(int(args, at, row)? as f64 / WEEK);
    Some(History { x: u32::try_from(int(args, 5, row)?).ok()?, t_x: weeks(6)?, t: weeks(7)? })
}

fn int(args: &[ArrayRef], at: usize, row: usize) -> Option<i64> {
    let values = args[at].as_primitive::<Int64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn float(args: &[ArrayRef], at: usize, row: usize) -> Option<f64> {
    let values = args[at].as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn udf(name: &str, takes: Vec<DataType>, one: fn(&[ArrayRef], usize) -> Option<f64>) -> ScalarUDF {
    let body = move |args: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(args)?;
        let rows = arrays.first().map_or(0, |array| array.len());
        let value = |row| one(&arrays, row).filter(|value| value.is_finite());
        if args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
            return Ok(ColumnarValue::Scalar(ScalarValue::Float64(value(0))));
        }
        Ok(ColumnarValue::Array(Arc::new((0..rows).map(value).collect::<Float64Array>())))
    };
    create_udf(name, takes, DataType::Float64, Volatility::Immutable, Arc::new(body))
}
