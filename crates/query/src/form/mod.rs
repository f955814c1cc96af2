//! A segment as data: conditions over declared attributes under AND, OR and NOT, read from `queries/segments/*.toml`, printed as the SQL it
//! runs. A value becomes SQL in one place, [`print`], and nothing but a value does.

pub mod attributes;
mod parse;
mod print;
mod write;

use chrono::NaiveDate;
use model::{Money, Text};

pub use attributes::{ATTRIBUTES, Attribute, Holds, Scope};

#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub title: Text,
    pub description: Text,
    pub condition: Condition,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// Where the other does not hold, which includes where it cannot be told.
    Not(Box<Condition>),
    Is(Test),
}

/// One attribute of a customer compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub attribute: &'static Attribute,
    /// What the attribute is narrowed to, by the names its [`Scope`]s declare.
    pub scope: Vec<(&'static str, FormValue)>,
    pub comparison: Comparison,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// A yes or a no.
    Is(bool),
    Equals(FormValue),
    /// Where it cannot be told, too.
    NotEquals(FormValue),
    AtLeast(FormValue),
    AtMost(FormValue),
    MoreThan(FormValue),
    LessThan(FormValue),
    Between(FormValue, FormValue),
    OneOf(Vec<FormValue>),
    /// Where it cannot be told, too.
    NoneOf(Vec<FormValue>),
    Contains(String),
    StartsWith(String),
    DaysAgoAtLeast(i64),
    DaysAgoAtMost(i64),
    /// Whether there is a value at all.
    Known(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub enum FormValue {
    Int(i64),
    Money(Money),
    Rate(f64),
    Text(String),
    Date(NaiveDate),
}

impl FormValue {
    /// As people type it.
    pub fn plain(&self) -> String {
        match self {
            FormValue::Int(value) => value.to_string(),
            FormValue::Money(value) => value.to_string(),
            FormValue::Rate(value) => value.to_string(),
            FormValue::Text(text) => text.clone(),
            FormValue::Date(day) => day.to_string(),
        }
    }
}

impl Comparison {
    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Comparison::Is(_) => "is",
            Comparison::Equals(_) => "equals",
            Comparison::NotEquals(_) => "not_equals",
            Comparison::AtLeast(_) => "at_least",
            Comparison::AtMost(_) => "at_most",
            Comparison::MoreThan(_) => "more_than",
            Comparison::LessThan(_) => "less_than",
            Comparison::Between(..) => "between",
            Comparison::OneOf(_) => "one_of",
            Comparison::NoneOf(_) => "none_of",
            Comparison::Contains(_) => "contains",
            Comparison::StartsWith(_) => "starts_with",
            Comparison::DaysAgoAtLeast(_) => "days_ago_at_least",
            Comparison::DaysAgoAtMost(_) => "days_ago_at_most",
            Comparison::Known(_) => "known",
        }
    }
}

impl Condition {
    /// Every comparison in it, in the order of the file.
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Condition::All(members) | Condition::Any(members) => members.iter().flat_map(Condition::tests).collect(),
            Condition::Not(inner) => inner.tests(),
            Condition::Is(test) => vec![test],
        }
    }
}

/// The names of the comparisons of a kind of value, as files and forms have them.
pub fn comparisons(holds: Holds) -> &'static [&'static str] {
    match holds {
        Holds::Bool => &["is"],
        Holds::Int | Holds::Money | Holds::Rate => {
            &["equals", "not_equals", "at_least", "at_most", "more_than", "less_than", "between", "one_of", "none_of", "known"]
        }
        Holds::Text => &["equals", "not_equals", "one_of", "none_of", "contains", "starts_with", "known"],
        Holds::Date => &["equals", "at_least", "at_most", "between", "days_ago_at_least", "days_ago_at_most", "known"],
    }
}
