//! Parameters: typed by the header, bound by value. No value ever becomes part of an SQL text.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Expr, expr::Placeholder},
};
use model::{Money, time::Instant};
use serde::{Deserialize, Serialize};

use crate::Moment;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    Int,
    Float,
    Text,
    Date,
    Instant,
    Bool,
    Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamValue {
    Int(i64),
    Float(f64),
    Text(String),
    Date(NaiveDate),
    Instant(Instant),
    Bool(bool),
    Money(Money),
}

/// Values by name.
pub type Params = BTreeMap<String, ParamValue>;

impl ParamKind {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "int" => ParamKind::Int,
            "float" => ParamKind::Float,
            "text" => ParamKind::Text,
            "date" => ParamKind::Date,
            "instant" => ParamKind::Instant,
            "bool" => ParamKind::Bool,
            "money" => ParamKind::Money,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            ParamKind::Int => "int",
            ParamKind::Float => "float",
            ParamKind::Text => "text",
            ParamKind::Date => "date",
            ParamKind::Instant => "instant",
            ParamKind::Bool => "bool",
            ParamKind::Money => "money",
        }
    }

    /// Reads a value as people type it; `None` when it is not of this type.
    pub fn read(self, raw: &str) -> Option<ParamValue> {
        Some(match self {
            ParamKind::Int => ParamValue::Int(raw.parse().ok()?),
            ParamKind::Float => ParamValue::Float(raw.parse().ok().filter(|value: &f64| value.is_finite())?),
            ParamKind::Text => ParamValue::Text(raw.into()),
            ParamKind::Date => ParamValue::Date(raw.parse().ok()?),
            ParamKind::Instant => ParamValue::Instant(DateTime::parse_from_rfc3339(raw).ok()?.with_timezone(&Utc)),
            ParamKind::Bool => ParamValue::Bool(raw.parse().ok()?),
            ParamKind::Money => ParamValue::Money(Money::parse(raw).ok()?),
        })
    }

    /// A value of this type, for planning before any is given.
    pub(crate) fn sample(self, moment: &Moment) -> ParamValue {
        match self {
            ParamKind::Int => ParamValue::Int(1),
            ParamKind::Float => ParamValue::Float(0.5),
            ParamKind::Text => ParamValue::Text(String::new()),
            ParamKind::Date => ParamValue::Date(moment.zone.day(moment.as_of)),
            ParamKind::Instant => ParamValue::Instant(moment.as_of),
            ParamKind::Bool => ParamValue::Bool(false),
            ParamKind::Money => ParamValue::Money(Money::ZERO),
        }
    }

    /// The SQL type a placeholder is cast to, so that planning knows it before any value is there.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            ParamKind::Int => "BIGINT",
            ParamKind::Float => "DOUBLE",
            ParamKind::Text => "VARCHAR",
            ParamKind::Date => "DATE",
            ParamKind::Instant => "TIMESTAMP(6) WITH TIME ZONE",
            ParamKind::Bool => "BOOLEAN",
            ParamKind::Money => "DECIMAL(18, 4)",
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            ParamKind::Int => DataType::Int64,
            ParamKind::Float => DataType::Float64,
            ParamKind::Text => DataType::Utf8,
            ParamKind::Date => DataType::Date32,
            ParamKind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ParamKind::Bool => DataType::Boolean,
            ParamKind::Money => DataType::Decimal128(18, 4),
        }
    }
}

impl ParamValue {
    pub fn kind(&self) -> ParamKind {
        match self {
            ParamValue::Int(_) => ParamKind::Int,
            ParamValue::Float(_) => ParamKind::Float,
            ParamValue::Text(_) => ParamKind::Text,
            ParamValue::Date(_) => ParamKind::Date,
            ParamValue::Instant(_) => ParamKind::Instant,
            ParamValue::Bool(_) => ParamKind::Bool,
            ParamValue::Money(_) => ParamKind::Money,
        }
    }

    /// As people type it: what `ParamKind::read` reads back.
    pub fn plain(&self) -> String {
        match self {
            ParamValue::Int(value) => value.to_string(),
            ParamValue::Float(value) => value.to_string(),
            ParamValue::Text(text) => text.clone(),
            ParamValue::Date(day) => day.to_string(),
            ParamValue::Instant(at) => model::time::rfc3339(*at),
            ParamValue::Bool(value) => value.to_string(),
            ParamValue::Money(money) => money.to_string(),
        }
    }

    pub(crate) fn scalar(&self) -> ScalarValue {
        match self {
            ParamValue::Int(value) => ScalarValue::Int64(Some(*value)),
            ParamValue::Float(value) => ScalarValue::Float64(Some(*value)),
            ParamValue::Text(value) => ScalarValue::Utf8(Some(value.clone())),
            ParamValue::Date(value) => ScalarValue::Date32(Some(value.to_epoch_days())),
            ParamValue::Instant(value) => ScalarValue::TimestampMicrosecond(Some(value.timestamp_micros()), Some("UTC".into())),
            ParamValue::Bool(value) => ScalarValue::Boolean(Some(*value)),
            ParamValue::Money(value) => ScalarValue::Decimal128(Some(value.scaled().into()), 18, 4),
        }
    }
}

impl ParamValue {
    /// The value in a plan.
    pub(crate) fn literal(&self) -> Expr {
        Expr::Literal(self.scalar(), None)
    }

    /// A parameter of this value's type in a plan, before any value is there.
    pub(crate) fn placeholder(&self, name: &str) -> Expr {
        let field = Arc::new(Field::new("", self.scalar().data_type(), true));
        Expr::Placeholder(Placeholder::new_with_field(format!("${name}"), Some(field)))
    }
}
