//! Parameters: typed by the header, bound by value. No value ever becomes part of an SQL text.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::Field;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Expr, expr::Placeholder},
    sql::sqlparser::{
        dialect::PostgreSqlDialect,
        tokenizer::{Token, Tokenizer, TokenizerError},
    },
};
use model::{Money, time::Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    Int,
    Float,
    Text,
    Date,
    Instant,
    Bool,
    Money,
}

#[derive(Debug, Clone, PartialEq)]
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

    /// The SQL type a placeholder is cast to, so that planning knows it before any value is there.
    fn sql(self) -> &'static str {
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

    pub(crate) fn scalar(&self) -> ScalarValue {
        match self {
            ParamValue::Int(value) => ScalarValue::Int64(Some(*value)),
            ParamValue::Float(value) => ScalarValue::Float64(Some(*value)),
            ParamValue::Text(value) => ScalarValue::Utf8(Some(value.clone())),
            ParamValue::Date(value) => {
                ScalarValue::Date32(Some(value.signed_duration_since(NaiveDate::default()).num_days() as i32))
            }
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

/// An SQL text as tokens: the placeholders and words in it, and the text with typed placeholders.
pub(crate) struct Tokens(Vec<Token>);

impl Tokens {
    pub fn read(sql: &str) -> Result<Tokens, TokenizerError> {
        // Unescaped text would be printed back without its escapes.
        Tokenizer::new(&PostgreSqlDialect {}, sql).with_unescape(false).tokenize().map(Tokens)
    }

    /// Names of the `$placeholders`, once each, in order of appearance.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for token in &self.0 {
            if let Token::Placeholder(text) = token
                && let name = text.trim_start_matches('$')
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Identifiers that may name a relation.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|token| match token {
            // As the planner does: what is not quoted is in lower case.
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            Token::Word(word) => Some(word.value.clone()),
            _ => None,
        })
    }

    /// Names of the segments it selects from: what follows `segment.`, once each.
    pub fn segments(&self) -> Vec<String> {
        let mut names = Vec::new();
        let solid: Vec<&Token> = self.0.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        for three in solid.windows(3) {
            if let [Token::Word(schema), Token::Period, Token::Word(name)] = three
                && schema.quote_style.is_none()
                && schema.value.eq_ignore_ascii_case("segment")
            {
                let name = if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The text with each placeholder cast to its declared type. Lines stay where they are.
    pub fn typed(&self, kind: impl Fn(&str) -> Option<ParamKind>) -> String {
        self.0
            .iter()
            .map(|token| match token {
                Token::Placeholder(text) => match kind(text.trim_start_matches('$')) {
                    Some(kind) => format!("CAST({text} AS {})", kind.sql()),
                    None => text.clone(),
                },
                token => token.to_string(),
            })
            .collect()
    }
}
