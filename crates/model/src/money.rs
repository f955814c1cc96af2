//! Money is exact: an integer count of 1/10,000 of the currency's unit, as `Decimal128(18,4)` in the lake.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

pub const SCALE: i64 = 10_000;
const LIMIT: i64 = 1_000_000_000_000_000_000;
const WHOLE_DIGITS_MAX: usize = 14;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MoneyError {
    #[error("`{0}` is not an amount of money")]
    NotMoney(String),
    #[error("`{0}` has more than 4 decimals")]
    TooFine(String),
    #[error("`{0}` does not fit 14 digits before the decimal point")]
    TooLarge(String),
    #[error("a sum of money does not fit 14 digits before the decimal point")]
    Overflow,
    #[error("`{0}` is not a currency code of three letters")]
    Currency(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    pub const ZERO: Money = Money(0);

    /// `units` of 1/10,000.
    pub fn from_scaled(units: i64) -> Result<Self, MoneyError> {
        if units.abs() < LIMIT { Ok(Money(units)) } else { Err(MoneyError::Overflow) }
    }

    /// Whole currency units, e.g. yen.
    pub fn whole(units: i64) -> Result<Self, MoneyError> {
        units.checked_mul(SCALE).ok_or(MoneyError::Overflow).and_then(Money::from_scaled)
    }

    pub fn scaled(self) -> i64 {
        self.0
    }

    pub fn as_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    pub fn plus(self, other: Money) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).ok_or(MoneyError::Overflow).and_then(Money::from_scaled)
    }

    pub fn minus(self, other: Money) -> Result<Self, MoneyError> {
        self.plus(Money(-other.0))
    }

    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        self.0.checked_mul(count).ok_or(MoneyError::Overflow).and_then(Money::from_scaled)
    }

    pub fn sum(parts: impl IntoIterator<Item = Money>) -> Result<Self, MoneyError> {
        parts.into_iter().try_fold(Money::ZERO, Money::plus)
    }

    /// Reads what shops' files contain: `1,200` `¥1,200` `￥１，２００` `1200円` `▲500` `(500)` `−500` `12.5`.
    pub fn parse(raw: &str) -> Result<Self, MoneyError> {
        // Most amounts are plain digits, and there are many of them.
        if (1..=WHOLE_DIGITS_MAX).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_digit()) {
            return Money::whole(raw.bytes().fold(0, |units, digit| units * 10 + i64::from(digit - b'0')));
        }
        let not_money = || MoneyError::NotMoney(raw.into());
        let text: String = raw.nfkc().filter(|c| !c.is_whitespace()).collect();
        let (text, bracketed) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) => (inner.to_string(), true),
            None => (text, false),
        };
        let text = text.trim_end_matches(['円']).trim_end_matches("JPY");
        let mut negative = bracketed;
        let mut rest = text;
        loop {
            if let Some(after) = rest.strip_prefix(['▲', '△', '-', '−', '‐', '–']) {
                if negative {
                    return Err(not_money());
                }
                negative = true;
                rest = after;
            } else if let Some(after) = rest.strip_prefix(['¥', '￥', '\\', '$', '€', '£', '+']) {
                rest = after;
            } else {
                break;
            }
        }
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let digits: String = whole.chars().filter(|c| *c != ',').collect();
        let grouped_right = !whole.contains(',') || whole.split(',').skip(1).all(|group| group.len() == 3);
        if !grouped_right || whole.starts_with(',') || (digits.is_empty() && fraction.is_empty()) {
            return Err(not_money());
        }
        if !digits.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit()) {
            return Err(not_money());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 4 {
            return Err(MoneyError::TooFine(raw.into()));
        }
        let too_large = || MoneyError::TooLarge(raw.into());
        let whole: i64 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| too_large())? };
        let fraction: i64 = format!("{fraction:0<4}").parse().map_err(|_| not_money())?;
        let units = whole.checked_mul(SCALE).and_then(|units| units.checked_add(fraction)).ok_or_else(too_large)?;
        Money::from_scaled(if negative { -units } else { units }).map_err(|_| too_large())
    }

    /// Reads a binary float as the nearest 1/10,000: for sources that have nothing better (Parquet doubles).
    pub fn from_f64(value: f64) -> Result<Self, MoneyError> {
        let scaled = (value * SCALE as f64).round();
        if !scaled.is_finite() {
            return Err(MoneyError::NotMoney(value.to_string()));
        }
        if scaled.abs() >= LIMIT as f64 { Err(MoneyError::TooLarge(value.to_string())) } else { Ok(Money(scaled as i64)) }
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / SCALE as u64, self.0.unsigned_abs() % SCALE as u64);
        match fraction {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{}", format!("{fraction:04}").trim_end_matches('0')),
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Money::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

impl Currency {
    pub fn parse(raw: &str) -> Result<Self, MoneyError> {
        let code = raw.trim().to_ascii_uppercase();
        if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Currency(code))
        } else {
            Err(MoneyError::Currency(raw.into()))
        }
    }

    pub fn jpy() -> Self {
        Currency("JPY".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The smallest amount that exists, in 1/10,000: credits are rounded to it.
    pub fn minor_unit(&self) -> Money {
        match self.0.as_str() {
            "JPY" | "KRW" | "VND" | "CLP" => Money(SCALE),
            "BHD" | "KWD" | "OMR" | "TND" | "JOD" => Money(SCALE / 1000),
            _ => Money(SCALE / 100),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(raw: String) -> Result<Self, MoneyError> {
        Currency::parse(&raw)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_shops_write_them() {
        let check = |raw: &str, expect: &str| {
            let got = Money::parse(raw).map(|money| money.to_string()).unwrap_or_else(|_| "no".into());
            assert_eq!(got, expect, "{raw}");
        };
        for (raw, expect) in [
            ("1,200", "1200"),
            ("¥1,200", "1200"),
            ("￥１，２００", "1200"),
            ("1200円", "1200"),
            ("▲500", "-500"),
            ("△1,500", "-1500"),
            ("(500)", "-500"),
            ("−500", "-500"),
            ("-0.5", "-0.5"),
            ("12.3400", "12.34"),
            (".5", "0.5"),
            ("0", "0"),
            ("", "no"),
            ("abc", "no"),
            ("1,20", "no"),
            ("1.23456", "no"),
            ("1e5", "no"),
            ("NaN", "no"),
            ("--5", "no"),
            ("99999999999999", "99999999999999"),
            ("100000000000000", "no"),
        ] {
            check(raw, expect);
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let most = Money::parse("99999999999999").unwrap();
        assert_eq!(Money::sum([most, most]), Err(MoneyError::Overflow));
    }
}
