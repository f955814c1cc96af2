//! A query's answer as plain rows: what pages, charts, CSV and JSON are made from. It knows nothing of Arrow.

use chrono::NaiveDate;
use model::{Money, Text, time::Instant};

/// What a column holds, as its query's header declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Float,
    /// A share between 0 and 1, shown in per cent.
    Rate,
    Money,
    Date,
    Instant,
    Bool,
}

impl Kind {
    /// As a header says it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Rate => "rate",
            Kind::Money => "money",
            Kind::Date => "date",
            Kind::Instant => "instant",
            Kind::Bool => "bool",
        }
    }

    pub fn parse(name: &str) -> Option<Kind> {
        Some(match name {
            "text" => Kind::Text,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "rate" => Kind::Rate,
            "money" => Kind::Money,
            "date" => Kind::Date,
            "instant" => Kind::Instant,
            "bool" => Kind::Bool,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Int(i64),
    Float(f64),
    Money(Money),
    Date(NaiveDate),
    Instant(Instant),
    Bool(bool),
}

impl Value {
    /// The value as a number to draw or add, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Money(value) => Some(value.as_f64()),
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Null | Value::Text(_) | Value::Date(_) | Value::Instant(_) => None,
        }
    }

    /// The value as machines read it: plain numbers, ISO dates, RFC 3339 instants, nothing for null.
    pub fn plain(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Text(text) => text.clone(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Money(value) => value.to_string(),
            Value::Date(value) => value.to_string(),
            Value::Instant(value) => model::time::rfc3339(*value),
            Value::Bool(value) => value.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub label: Text,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

impl Answer {
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub fn get(&self, row: usize, column: &str) -> Option<&Value> {
        self.rows.get(row)?.get(self.column(column)?)
    }
}
