//! Parameters: what a client sends, whatever type it says it is, becomes a value of the type that the question wants.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use datafusion::sql::sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer},
};
use datafusion_postgres::pgwire::api::Type;
use model::Money;

use super::failure::{Failure, code};
use crate::{ParamKind, ParamValue, sql::Bound};

/// More than this is no question.
pub(super) const PARAMS_MAX: usize = 1_000;

/// The kind that stands for a type of the engine.
pub(super) fn kind(data_type: &DataType) -> ParamKind {
    match data_type {
        DataType::Boolean => ParamKind::Bool,
        DataType::Date32 | DataType::Date64 => ParamKind::Date,
        DataType::Timestamp(..) => ParamKind::Instant,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            ParamKind::Money
        }
        data_type if data_type.is_integer() => ParamKind::Int,
        data_type if data_type.is_floating() => ParamKind::Float,
        _ => ParamKind::Text,
    }
}

/// The kind that stands for a type of the client's; `None` where it says no more than that it is some text.
pub(super) fn declared(said: &Type) -> Option<ParamKind> {
    Some(match *said {
        Type::BOOL => ParamKind::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ParamKind::Int,
        Type::FLOAT4 | Type::FLOAT8 => ParamKind::Float,
        Type::NUMERIC => ParamKind::Money,
        Type::DATE => ParamKind::Date,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => ParamKind::Instant,
        // Drivers say of a date, too, that it is a text.
        _ => return None,
    })
}

/// The parameters that say how many rows are wanted, by number: `LIMIT $2 OFFSET $3`. What they are follows from nothing else.
pub(super) fn counting(sql: &str) -> BTreeSet<usize> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).with_unescape(false).tokenize() else { return BTreeSet::new() };
    let words: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let counted = words.windows(2).filter_map(|pair| match pair {
        [Token::Word(word), Token::Placeholder(name)] if matches!(word.keyword, Keyword::LIMIT | Keyword::OFFSET) => {
            name.trim_start_matches('$').parse().ok()
        }
        _ => None,
    });
    counted.collect()
}

/// The type by which a client is told of a kind.
pub(super) fn told(kind: ParamKind) -> Type {
    match kind {
        ParamKind::Bool => Type::BOOL,
        ParamKind::Int => Type::INT8,
        ParamKind::Float => Type::FLOAT8,
        ParamKind::Text => Type::TEXT,
        ParamKind::Date => Type::DATE,
        ParamKind::Instant => Type::TIMESTAMPTZ,
        ParamKind::Money => Type::NUMERIC,
    }
}

/// Parameter `number` (from 1): `said` is the client's type for it, `wanted` the question's.
pub(super) fn read(
    number: usize,
    said: Option<&Type>,
    wanted: Option<ParamKind>,
    is_binary: bool,
    bytes: Option<&[u8]>,
) -> Result<Bound, Failure> {
    // A client that says no type writes as it was told to.
    let sent = said.filter(|said| **said != Type::UNKNOWN).cloned().or(wanted.map(told)).unwrap_or(Type::TEXT);
    let mut kind = wanted.or_else(|| declared(&sent)).unwrap_or(ParamKind::Text);
    let name = number.to_string();
    let Some(bytes) = bytes else { return Ok(Bound { name, kind, value: None }) };
    let text = match is_binary {
        true => from_binary(&sent, bytes),
        false => std::str::from_utf8(bytes).ok().map(str::to_string),
    };
    let text = text.ok_or_else(|| {
        Failure::new(
            code::NOT_SUPPORTED,
            format!("parameter ${number} is of the type {}, which is not understood here", sent.name()),
        )
        .hint("send it as a text, a number, a date or a time; a list as one parameter per member")
    })?;
    // More places than money has: near enough to compare with.
    if kind == ParamKind::Money && value(kind, &text).is_none() && value(ParamKind::Float, &text).is_some() {
        kind = ParamKind::Float;
    }
    // The value is not said again: it may be somebody's address.
    let value = value(kind, &text).ok_or_else(|| {
        Failure::new(code::INVALID_TEXT, format!("parameter ${number} cannot be read as {}", kind.name())).hint(match kind {
            ParamKind::Instant => "for example 2026-11-01T09:00:00+09:00",
            ParamKind::Date => "for example 2026-11-01",
            _ => "cast the parameter to the type you mean, for example $1::text",
        })
    })?;
    Ok(Bound { name, kind, value: Some(value) })
}

fn value(kind: ParamKind, text: &str) -> Option<ParamValue> {
    let text = if kind == ParamKind::Text { text } else { text.trim() };
    Some(match kind {
        ParamKind::Bool => ParamValue::Bool(match text.to_lowercase().as_str() {
            "t" | "true" | "on" | "yes" | "y" | "1" => true,
            "f" | "false" | "off" | "no" | "n" | "0" => false,
            _ => return None,
        }),
        // `1e3` and `12.0` are whole numbers too.
        ParamKind::Int => ParamValue::Int(text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
        })?),
        ParamKind::Float => ParamValue::Float(text.parse().ok().filter(|number: &f64| number.is_finite())?),
        ParamKind::Text => ParamValue::Text(text.into()),
        ParamKind::Date => ParamValue::Date(text.parse().ok().or_else(|| instant(text).map(|at| at.date_naive()))?),
        ParamKind::Instant => ParamValue::Instant(instant(text)?),
        ParamKind::Money => ParamValue::Money(Money::parse(text).ok().or_else(|| Money::parse(&plain(text)?).ok())?),
    })
}

/// A number without exponent and without zeros at its end.
fn plain(text: &str) -> Option<String> {
    let text = match text.contains(['e', 'E']) {
        true => text.parse::<f64>().ok().filter(|number| number.is_finite())?.to_string(),
        false => text.to_string(),
    };
    Some(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text })
}

/// What PostgreSQL and its clients write; without a zone it is UTC, as the engine counts.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().trim_end_matches('Z').replacen('T', " ", 1);
    let zoned = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
    if let Some(at) = zoned.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok()) {
        return Some(at.with_timezone(&Utc));
    }
    let bare = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok();
    bare.or_else(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)).map(|at| at.and_utc())
}

/// The text of a value in PostgreSQL's binary form; `None` for types that are not understood.
fn from_binary(sent: &Type, bytes: &[u8]) -> Option<String> {
    Some(match *sent {
        Type::BOOL => (*bytes.first()? != 0).to_string(),
        Type::INT2 => i16::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::INT4 => i32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::INT8 => i64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::OID => u32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::FLOAT4 => f32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::FLOAT8 => f64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        Type::NUMERIC => numeric(bytes)?,
        // Days and microseconds since the year 2000.
        Type::DATE => {
            let days = TimeDelta::try_days(i32::from_be_bytes(bytes.try_into().ok()?).into())?;
            NaiveDate::from_ymd_opt(2000, 1, 1)?.checked_add_signed(days)?.to_string()
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let since = TimeDelta::microseconds(i64::from_be_bytes(bytes.try_into().ok()?));
            let begin = NaiveDate::from_ymd_opt(2000, 1, 1)?.and_hms_opt(0, 0, 0)?;
            begin.checked_add_signed(since)?.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
        }
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
            std::str::from_utf8(bytes).ok()?.into()
        }
        _ => return None,
    })
}

/// Groups of four digits: how many, the power of 10,000 of the first, the sign, the digits shown after the point, the groups.
fn numeric(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, shown) =
        (words.next()?, i32::from(words.next()?), words.next()?, usize::try_from(words.next()?).ok()?);
    let groups: Vec<i16> = words.collect();
    if groups.len() != usize::try_from(count).ok()?
        || groups.iter().any(|group| !(0..10_000).contains(group))
        || weight.abs() > 1_000
    {
        return None;
    }
    let group = |power: i32| groups.get(usize::try_from(weight - power).ok()?).copied();
    let sign = match sign as u16 {
        0 => "",
        0x4000 => "-",
        _ => return None, // Not a number, or infinite.
    };
    let whole: String = (0..=weight.max(0)).rev().map(|power| format!("{:04}", group(power).unwrap_or(0))).collect();
    let part: String = (1..=shown.div_ceil(4) as i32).map(|power| format!("{:04}", group(-power).unwrap_or(0))).collect();
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if shown == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &part[..shown]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_rows_is_a_whole_number() {
        let check = |sql: &str, expect: &[usize]| assert_eq!(counting(sql), expect.iter().copied().collect(), "{sql}");
        check("SELECT a FROM b WHERE c = $1 LIMIT $2", &[2]);
        check("SELECT a FROM b limit\n$1 OFFSET /* rows */ $3", &[1, 3]);
        check("SELECT 'LIMIT $1', \"LIMIT\" FROM b", &[]);
        check("SELECT 'open", &[]);
    }

    #[test]
    fn a_parameter_becomes_what_the_question_wants() {
        let money = |text: &str| ParamValue::Money(Money::parse(text).unwrap());
        let at = |text: &str| ParamValue::Instant(text.parse().unwrap());
        let check = |said: Type, wanted: Option<ParamKind>, bytes: &[u8], is_binary, expect: ParamValue| {
            let found = read(1, Some(&said), wanted, is_binary, Some(bytes))
                .unwrap_or_else(|failure| panic!("{said} {bytes:?}: {failure:?}"));
            assert_eq!(found, Bound::new("1", expect), "{said} {bytes:?}");
        };
        // A number of any width against an amount of money.
        check(Type::INT2, Some(ParamKind::Money), &[0, 5], true, money("5"));
        check(Type::INT8, Some(ParamKind::Money), b"5000", false, money("5000"));
        check(Type::FLOAT8, Some(ParamKind::Money), &1.25f64.to_be_bytes(), true, money("1.25"));
        check(Type::FLOAT8, Some(ParamKind::Money), b"1e3", false, money("1000"));
        check(Type::NUMERIC, Some(ParamKind::Money), b"12.500000", false, money("12.5"));
        check(Type::NUMERIC, Some(ParamKind::Float), b"12.5", false, ParamValue::Float(12.5));
        check(Type::NUMERIC, None, &[0, 2, 0, 1, 0x40, 0, 0, 0, 0, 1, 0x09, 0x29], true, money("-12345"));
        check(Type::NUMERIC, None, &[0, 2, 0, 0, 0, 0, 0, 3, 0, 7, 0x04, 0xd8], true, money("7.124"));
        check(Type::NUMERIC, None, &[0, 1, 0xff, 0xff, 0, 0, 0, 2, 0x13, 0x88], true, money("0.5"));
        check(Type::NUMERIC, Some(ParamKind::Money), b"1.23456", false, ParamValue::Float(1.23456));
        check(Type::INT4, Some(ParamKind::Float), &[0, 0, 1, 0], true, ParamValue::Float(256.0));
        check(Type::INT4, None, &[0, 0, 1, 0], true, ParamValue::Int(256));
        check(Type::FLOAT8, Some(ParamKind::Int), b"12.0", false, ParamValue::Int(12));
        check(Type::UNKNOWN, Some(ParamKind::Date), b"2026-11-01", false, ParamValue::Date("2026-11-01".parse().unwrap()));
        check(Type::UNKNOWN, None, " 燕 ".as_bytes(), false, ParamValue::Text(" 燕 ".into()));
        check(Type::DATE, Some(ParamKind::Instant), &9801i32.to_be_bytes(), true, at("2026-11-01T00:00:00Z"));
        check(Type::TIMESTAMPTZ, None, b"2026-11-01 09:00:00.5+09", false, at("2026-11-01T00:00:00.5Z"));
        check(Type::TIMESTAMPTZ, None, b"2026-11-01 09:00:00 +09:00", false, at("2026-11-01T00:00:00Z"));
        check(Type::TIMESTAMP, None, b"2026-11-01T09:00:00Z", false, at("2026-11-01T09:00:00Z"));
        check(
            Type::TIMESTAMPTZ,
            Some(ParamKind::Date),
            b"2026-11-01 23:00:00+00",
            false,
            ParamValue::Date("2026-11-01".parse().unwrap()),
        );
        check(Type::BOOL, None, &[1], true, ParamValue::Bool(true));
        check(Type::UNKNOWN, Some(ParamKind::Bool), b"f", false, ParamValue::Bool(false));
        let null = Bound { name: "1".into(), kind: ParamKind::Money, value: None };
        assert_eq!(read(1, None, Some(ParamKind::Money), true, None).unwrap(), null);
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let check = |said: Type, wanted, bytes: &[u8], is_binary, code: &str, message: &str| {
            let failure = read(2, Some(&said), wanted, is_binary, Some(bytes)).unwrap_err();
            assert_eq!((failure.code, failure.message.as_str()), (code, message), "{said} {bytes:?}");
        };
        check(
            Type::UNKNOWN,
            Some(ParamKind::Int),
            b"hanako@example.com",
            false,
            code::INVALID_TEXT,
            "parameter $2 cannot be read as int",
        );
        check(Type::NUMERIC, Some(ParamKind::Money), b"NaN", false, code::INVALID_TEXT, "parameter $2 cannot be read as money");
        check(Type::FLOAT8, Some(ParamKind::Int), b"12.5", false, code::INVALID_TEXT, "parameter $2 cannot be read as int");
        let array = "parameter $2 is of the type _int4, which is not understood here";
        check(Type::INT4_ARRAY, Some(ParamKind::Int), &[0; 12], true, code::NOT_SUPPORTED, array);
        let short = "parameter $2 is of the type int8, which is not understood here";
        check(Type::INT8, None, &[0; 3], true, code::NOT_SUPPORTED, short);
    }
}
