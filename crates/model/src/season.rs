//! The shop's year: named spans of days, for entries that belong to a season and templates prepared for one.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of shop days, both ends included: of one year (`2026-11-20`), or of every year (`11-20`), over new year if `last` is earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Season {
    pub name: String,
    pub first: SeasonDay,
    pub last: SeasonDay,
}

impl Season {
    pub fn contains(&self, day: NaiveDate) -> bool {
        match (self.first, self.last) {
            (SeasonDay::Of(first), SeasonDay::Of(last)) => first <= day && day <= last,
            (SeasonDay::EachYear(first), SeasonDay::EachYear(last)) => {
                let day = (day.month(), day.day());
                if first <= last { first <= day && day <= last } else { first <= day || day <= last }
            }
            _ => false,
        }
    }

    /// One end is of a year and the other of every year, or the last day comes before the first.
    pub fn is_odd(&self) -> bool {
        match (self.first, self.last) {
            (SeasonDay::Of(first), SeasonDay::Of(last)) => last < first,
            (SeasonDay::EachYear(_), SeasonDay::EachYear(_)) => false,
            _ => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonDay {
    Of(NaiveDate),
    /// Month and day.
    EachYear((u32, u32)),
}

impl SeasonDay {
    pub fn parse(raw: &str) -> Option<SeasonDay> {
        if let Ok(day) = NaiveDate::parse_from_str(raw, "%Y-%m-%d") {
            return Some(SeasonDay::Of(day));
        }
        // A leap year knows every day.
        let day = NaiveDate::parse_from_str(&format!("2000-{raw}"), "%Y-%m-%d").ok()?;
        Some(SeasonDay::EachYear((day.month(), day.day())))
    }
}

impl<'de> Deserialize<'de> for SeasonDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        SeasonDay::parse(&raw).ok_or_else(|| serde::de::Error::custom(format!("`{raw}` is no day: write 11-20 or 2026-11-20")))
    }
}

impl Serialize for SeasonDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SeasonDay::Of(day) => serializer.serialize_str(&day.to_string()),
            SeasonDay::EachYear((month, day)) => serializer.serialize_str(&format!("{month:02}-{day:02}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_of_a_year_or_of_every_year() {
        let check = |first: &str, last: &str, day: &str, expect: bool| {
            let end = |raw: &str| SeasonDay::parse(raw).expect("a day");
            let season = Season { name: "s".into(), first: end(first), last: end(last) };
            assert_eq!(season.contains(day.parse().expect("a date")), expect, "{first}..{last} {day}");
        };
        check("2026-11-20", "2026-12-25", "2026-12-25", true);
        check("2026-11-20", "2026-12-25", "2027-12-01", false);
        check("11-20", "12-25", "2027-11-20", true);
        check("11-20", "12-25", "2027-12-26", false);
        check("12-26", "01-07", "2027-01-07", true);
        check("12-26", "01-07", "2027-01-08", false);
        check("02-29", "02-29", "2028-02-29", true);
        check("11-20", "2026-12-25", "2026-12-01", false);
        assert_eq!(SeasonDay::parse("13-01"), None);
    }
}
