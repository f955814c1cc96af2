//! Members of a JSON object, as what we need: each absent, right, or refused with a reason that does not repeat it.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime};
use model::{Instant, Money, ShopZone, id::refuse_scientific, money::MoneyError, time::micros};
use serde_json::{Map, Value};

use super::{AHEAD_HOURS_MAX, Door};
use crate::personal::{Found, mask, mask_json};

/// Why a payload, or one of its records, cannot be used.
#[derive(Debug)]
pub(crate) struct Bad {
    pub code: &'static str,
    pub reason: String,
    pub remedy: String,
}

impl Bad {
    pub fn new(code: &'static str, reason: impl Into<String>, remedy: impl Into<String>) -> Bad {
        Bad { code, reason: reason.into(), remedy: remedy.into() }
    }

    pub fn unknown_topic() -> Bad {
        Bad::new(
            "unknown_topic",
            "nobody here reads this topic",
            "take the topic out of the subscription, or keep it: it costs nothing",
        )
    }

    pub fn missing(name: &str) -> Bad {
        Bad::new("missing", format!("`{name}` is missing"), format!("send `{name}`"))
    }

    pub fn not_an_id(name: &str) -> Bad {
        let reason = format!("`{name}` is empty, longer than 200 characters, a rounded number, or contains `|`");
        Bad::new("not_an_id", reason, "send the id as text, as the shop has it")
    }

    pub fn too_large() -> Bad {
        Bad::new("too_large", "the amounts do not fit 14 digits before the decimal point", "look for a missing separator")
    }
}

impl From<MoneyError> for Bad {
    fn from(_: MoneyError) -> Bad {
        Bad::too_large()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(pub &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn object(&self, name: &str) -> Option<Members<'a>> {
        self.get(name).and_then(Value::as_object).map(Members)
    }

    /// The objects of a list; what is no object is passed over.
    pub fn list(&self, name: &str) -> impl Iterator<Item = Members<'a>> + use<'a> {
        let items = self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_object).map(Members)
    }

    pub fn yes(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// A text that is not empty, or a number as it is written. Control characters would travel on unseen.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = match self.get(name)? {
            Value::String(text) => text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let text = text.trim();
        (!text.is_empty()).then(|| text.into())
    }

    /// A text that anybody may have written anything into, without the addresses in it.
    pub fn free(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| mask(&text).into_owned())
    }

    /// An object of members that have no fixed meaning, without the addresses in them.
    pub fn loose(&self, name: &str) -> Value {
        let mut value = self.get(name).filter(|value| value.is_object()).cloned().unwrap_or(Value::Null);
        mask_json(&mut value, &mut Found::default());
        value
    }

    pub fn id(&self, name: &str) -> Result<Option<String>, Bad> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let is_rounded = self.get(name).is_some_and(|value| value.is_f64()) || refuse_scientific(&text).is_err();
        match text.contains('|') || text.chars().count() > 200 || is_rounded {
            true => Err(Bad::not_an_id(name)),
            false => Ok(Some(text)),
        }
    }

    pub fn needed_id(&self, name: &str) -> Result<String, Bad> {
        self.id(name)?.ok_or_else(|| Bad::missing(name))
    }

    pub fn money(&self, name: &str) -> Result<Option<Money>, Bad> {
        let parsed = match self.get(name) {
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => Money::parse(text),
            // `Display` of a number may be scientific; its value is not.
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(units), _) => Money::whole(units),
                (None, Some(value)) => Money::from_f64(value),
                (None, None) => Err(MoneyError::Overflow),
            },
            Some(_) => Err(MoneyError::NotMoney(String::new())),
            None => return Ok(None),
        };
        parsed.map(Some).map_err(|error| match error {
            MoneyError::TooLarge(_) | MoneyError::Overflow => Bad::too_large(),
            MoneyError::TooFine(_) => Bad::new("too_fine", format!("`{name}` has more than 4 decimals"), "round it"),
            _ => Bad::new("not_money", format!("`{name}` is not an amount of money"), "send \"1200\" or \"12.50\""),
        })
    }

    /// Zero where nothing is said.
    pub fn amount(&self, name: &str) -> Result<Money, Bad> {
        Ok(self.money(name)?.unwrap_or_default())
    }

    pub fn count(&self, name: &str) -> Result<Option<i64>, Bad> {
        let whole = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64().or_else(|| {
                let value = number.as_f64()?;
                (value.fract() == 0.0 && value.abs() <= 1e9).then_some(value as i64)
            }),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        // A quantity multiplies money: a bound keeps the product inside its type.
        match whole {
            Some(count) if count.abs() <= 1_000_000_000 => Ok(Some(count)),
            _ => Err(Bad::new(
                "not_a_count",
                format!("`{name}` is not a whole number"),
                "send it without unit and without decimals",
            )),
        }
    }

    /// RFC 3339; what has no offset is in `zone`.
    pub fn instant(&self, name: &str, door: &Door<'_>, zone: ShopZone) -> Result<Option<Instant>, Bad> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let at = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).ok().or_else(|| {
            let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
            // More than four digits of a year have no place in a zone's reckoning.
            let local = local.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok());
            local.filter(|_| text.as_bytes().get(4) == Some(&b'-')).map(|local| zone.instant(local))
        });
        let wrong = || Bad::new("not_a_time", format!("`{name}` is not a time"), "send it as 2026-06-01T09:00:00+09:00");
        let at = at.filter(|at| at.timestamp() > -2_208_988_800).ok_or_else(wrong)?;
        match at > door.received_at + Duration::hours(AHEAD_HOURS_MAX) {
            true => Err(Bad::new(
                "future",
                format!("`{name}` lies more than {AHEAD_HOURS_MAX} hours ahead"),
                "set the clock of the machine that sends",
            )),
            false => Ok(Some(micros(at))),
        }
    }

    /// A time with its offset, as most shops send them.
    pub fn at(&self, name: &str, door: &Door<'_>) -> Result<Option<Instant>, Bad> {
        self.instant(name, door, door.zone)
    }

    pub fn date(&self, name: &str) -> Result<Option<NaiveDate>, Bad> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = |_| Bad::new("not_a_date", format!("`{name}` is not a date"), "send it as 2026-06-01");
        NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(Some).map_err(wrong)
    }
}
