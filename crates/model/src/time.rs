//! Instants, shop days and durations. A shop's day starts at its own midnight, whatever the server's zone is.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::narrow;

/// A moment, to the microsecond, in UTC.
pub type Instant = DateTime<Utc>;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    #[error("`{0}` is not a time zone of the IANA database")]
    Zone(String),
    #[error("`{raw}` is not a date and time in any of the formats {formats}")]
    NotATime { raw: String, formats: String },
    #[error("`{0}` is not a date")]
    NotADate(String),
    #[error("`{0}` is not a duration")]
    NotADuration(String),
    #[error("`{0}` is not a time of day")]
    NotATimeOfDay(String),
    #[error("{0} does not exist in {1}")]
    Gap(String, String),
}

/// The zone in which a shop counts its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopZone(chrono_tz::Tz);

impl ShopZone {
    pub fn parse(name: &str) -> Result<Self, TimeError> {
        name.parse().map(ShopZone).map_err(|_| TimeError::Zone(name.into()))
    }

    pub fn tokyo() -> Self {
        ShopZone(chrono_tz::Asia::Tokyo)
    }

    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The shop day an instant falls on.
    pub fn day(&self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    pub fn local(&self, at: Instant) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// The instant of a local time: the first of two in an overlap, the next valid one in a gap.
    pub fn instant(&self, local: NaiveDateTime) -> Instant {
        let mut probe = local;
        loop {
            match self.0.from_local_datetime(&probe) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return at.with_timezone(&Utc),
                LocalResult::None => probe += TimeDelta::minutes(15),
            }
        }
    }

    /// Midnight at the start of a shop day.
    pub fn start_of(&self, day: NaiveDate) -> Instant {
        self.instant(day.and_time(NaiveTime::MIN))
    }

    /// The first instant after `at` whose local time of day is `time`.
    pub fn next(&self, at: Instant, time: NaiveTime) -> Instant {
        let today = self.local(at).date();
        let candidate = self.instant(today.and_time(time));
        if candidate > at { candidate } else { self.instant(today.succ_opt().unwrap_or(today).and_time(time)) }
    }

    /// Reads a date and time by the given `strftime` formats, or `rfc3339`, `excel_serial`, `jp_era`. A text without an offset is local.
    pub fn parse_instant(&self, raw: &str, formats: &[String]) -> Result<Instant, TimeError> {
        let text = narrow(raw);
        let text = text.trim();
        for format in formats {
            let found = match format.as_str() {
                "rfc3339" => DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc)),
                "excel_serial" => excel_serial(text).map(|local| self.instant(local)),
                "jp_era" => parse_date(text, &["jp_era".into()]).ok().map(|day| self.start_of(day)),
                format if format.contains("%z") => DateTime::parse_from_str(text, format).ok().map(|at| at.with_timezone(&Utc)),
                format => NaiveDateTime::parse_from_str(text, format)
                    .ok()
                    .or_else(|| NaiveDate::parse_from_str(text, format).ok().map(|day| day.and_time(NaiveTime::MIN)))
                    .map(|local| self.instant(local)),
            };
            if let Some(at) = found {
                return Ok(micros(at));
            }
        }
        Err(TimeError::NotATime { raw: raw.into(), formats: formats.join(", ") })
    }
}

impl Serialize for ShopZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ShopZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ShopZone::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Cuts to the microsecond that the lake stores.
pub fn micros(at: Instant) -> Instant {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// `2026-11-24T12:00:00.000000Z`: how instants stand in journal rows.
pub fn rfc3339(at: Instant) -> String {
    use chrono::{Datelike, Timelike};
    let (date, time) = (at.date_naive(), at.time());
    if !(0..=9999).contains(&date.year()) {
        return format!("{:04}{}", date.year(), at.format("-%m-%dT%H:%M:%S%.6fZ"));
    }
    // By hand: a format string costs many times as much, and every row has several.
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let micros = time.nanosecond() / 1_000 % 1_000_000;
    let numbers = [
        (0..4, date.year() as u32),
        (5..7, date.month()),
        (8..10, date.day()),
        (11..13, time.hour()),
        (14..16, time.minute()),
        (17..19, time.second()),
        (20..26, micros),
    ];
    for (place, mut number) in numbers {
        for digit in text[place].iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
    text.iter().copied().map(char::from).collect()
}

/// For `#[serde(with = "model::time::instant")]`.
pub mod instant {
    use super::*;
    pub fn serialize<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(*at))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        let raw = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&raw).map(|at| at.with_timezone(&Utc)).map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(with = "model::time::instant_or_none")]`.
pub mod instant_or_none {
    use super::*;
    pub fn serialize<S: Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&rfc3339(*at)),
            None => serializer.serialize_none(),
        }
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
        let raw = Option::<String>::deserialize(deserializer)?;
        let parse = |raw: String| DateTime::parse_from_rfc3339(&raw).map(|at| at.with_timezone(&Utc));
        raw.map(parse).transpose().map_err(serde::de::Error::custom)
    }
}

/// The 1900 date system, with its leap day that never was.
fn excel_serial(text: &str) -> Option<NaiveDateTime> {
    let serial: f64 = text.parse().ok()?;
    if !(1.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let days = serial.floor() as i64;
    let days = if days >= 60 { days - 1 } else { days };
    let seconds = ((serial.fract()) * 86_400.0).round() as i64;
    NaiveDate::from_ymd_opt(1899, 12, 31)?.and_time(NaiveTime::MIN).checked_add_signed(Duration::seconds(days * 86_400 + seconds))
}

/// Reads a date by `strftime` formats or `jp_era` (令和6年4月1日, R6.4.1).
pub fn parse_date(raw: &str, formats: &[String]) -> Result<NaiveDate, TimeError> {
    let text = narrow(raw);
    let text = text.trim();
    formats
        .iter()
        .find_map(|format| match format.as_str() {
            "jp_era" => japanese_era(text),
            "excel_serial" => excel_serial(text).map(|local| local.date()),
            format => NaiveDate::parse_from_str(text, format)
                .ok()
                .or_else(|| NaiveDateTime::parse_from_str(text, format).ok().map(|local| local.date())),
        })
        .ok_or_else(|| TimeError::NotADate(raw.into()))
}

fn japanese_era(text: &str) -> Option<NaiveDate> {
    const ERAS: [(&str, &str, i32); 4] = [("令和", "R", 2018), ("平成", "H", 1988), ("昭和", "S", 1925), ("大正", "T", 1911)];
    let (rest, base) = ERAS.iter().find_map(|(kanji, letter, base)| {
        text.strip_prefix(kanji).or_else(|| text.strip_prefix(letter)).map(|rest| (rest, base))
    })?;
    let mut numbers = rest.split(['年', '月', '日', '.', '/', '-']).filter(|part| !part.is_empty());
    let year = match numbers.next()? {
        "元" => 1,
        year => year.parse().ok()?,
    };
    NaiveDate::from_ymd_opt(base + year, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?)
}

const SECONDS_OF_WEEK: i64 = 604_800;
/// Longer than any shop lives, and added to a time it is still one.
const DURATION_SECONDS_MAX: i64 = 1_000_000 * SECONDS_OF_WEEK;

/// `30m`, `3h`, `5d`, `2w`.
pub fn parse_duration(raw: &str) -> Result<Duration, TimeError> {
    let error = || TimeError::NotADuration(raw.into());
    let raw_trimmed = raw.trim();
    let unit = raw_trimmed.chars().last().ok_or_else(error)?;
    let count: i64 = raw_trimmed[..raw_trimmed.len() - unit.len_utf8()].parse().map_err(|_| error())?;
    let unit_seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => SECONDS_OF_WEEK,
        _ => return Err(error()),
    };
    let seconds = count.checked_mul(unit_seconds).filter(|seconds| (0..=DURATION_SECONDS_MAX).contains(seconds));
    seconds.map(Duration::seconds).ok_or_else(error)
}

/// `09:00`.
pub fn parse_time_of_day(raw: &str) -> Result<NaiveTime, TimeError> {
    NaiveTime::parse_from_str(raw.trim(), "%H:%M").map_err(|_| TimeError::NotATimeOfDay(raw.into()))
}

/// A duration in a TOML file (`"3h"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map(Span).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}s", self.0.num_seconds()))
    }
}

/// A time of day in a TOML file (`"10:00"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub NaiveTime);

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_time_of_day(&String::deserialize(deserializer)?).map(TimeOfDay).map_err(serde::de::Error::custom)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.format("%H:%M").to_string())
    }
}

/// A date and time in a TOML file (`"2026-12-01T10:00"`), shop time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalMoment(pub NaiveDateTime);

impl<'de> Deserialize<'de> for LocalMoment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        NaiveDateTime::parse_from_str(raw.trim(), "%Y-%m-%dT%H:%M")
            .map(LocalMoment)
            .map_err(|_| serde::de::Error::custom(format!("`{raw}` is no date and time: write 2026-12-01T10:00")))
    }
}

impl Serialize for LocalMoment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.format("%Y-%m-%dT%H:%M").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_shops_write_them() {
        let formats: Vec<String> =
            ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S %z", "rfc3339", "excel_serial", "jp_era", "%Y/%m/%d"]
                .map(String::from)
                .to_vec();
        let check = |raw: &str, expect: &str| {
            let got = ShopZone::tokyo().parse_instant(raw, &formats).map(rfc3339).unwrap_or_else(|_| "no".into());
            assert_eq!(got, expect, "{raw}");
        };
        check("2024-04-02 08:20:54", "2024-04-01T23:20:54.000000Z");
        check("2024-04-02 08:20:54 +0900", "2024-04-01T23:20:54.000000Z");
        check("2022/8/10 09:05", "2022-08-10T00:05:00.000000Z");
        check("２０２２/８/１０", "2022-08-09T15:00:00.000000Z");
        check("2024-04-02T00:00:00+09:00", "2024-04-01T15:00:00.000000Z");
        check("45384.3478", "2024-04-01T23:20:50.000000Z");
        check("令和6年4月1日", "2024-03-31T15:00:00.000000Z");
        check("R6.4.1", "2024-03-31T15:00:00.000000Z");
        check("04/02/2024", "no");
        check("", "no");
    }

    #[test]
    fn a_day_starts_at_the_shops_midnight() {
        let zone = ShopZone::tokyo();
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
        assert_eq!(zone.day(at("2026-11-24T14:59:59Z")).to_string(), "2026-11-24");
        assert_eq!(zone.day(at("2026-11-24T15:00:00Z")).to_string(), "2026-11-25");
        assert_eq!(zone.next(at("2026-11-24T00:00:00Z"), parse_time_of_day("09:00").unwrap()), at("2026-11-25T00:00:00Z"));
    }

    #[test]
    fn durations() {
        let check = |raw: &str, hours: Option<i64>| assert_eq!(parse_duration(raw).ok().map(|d| d.num_hours()), hours, "{raw}");
        check("3h", Some(3));
        check("5d", Some(120));
        check("", None);
        check("3", None);
        check("-3h", None);
        check("1209600s", Some(14 * 24));
        check("1000000w", Some(168_000_000));
        check("1000001w", None);
        check("9223372036854775807w", None);
    }
}
