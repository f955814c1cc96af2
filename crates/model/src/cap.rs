//! How many messages a person may get (SEMANTICS §7).

use chrono::{Datelike, Duration, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::{
    Channel,
    time::{Instant, ShopZone, Span, parse_duration},
};

/// At most `max` sends per `per`, on one channel, of one tag (`tag:NAME`), or (`all`) of any kind.
///
/// `per = "7d"` rolls: it counts the sends in `(t - per, t]`. `per = "day"`, `"week"` or `"month"` with `window = "calendar"` counts those
/// since the shop's midnight, Monday or first of the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Cap {
    pub scope: String,
    pub max: u32,
    pub per: Period,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Rolling(Span),
    Day,
    /// Begins on Monday, as in ISO 8601.
    Week,
    Month,
}

impl Cap {
    pub fn rolling(scope: &str, max: u32, per: Span) -> Cap {
        Cap { scope: scope.into(), max, per: Period::Rolling(per) }
    }

    /// The tag of `tag:NAME`.
    pub fn tag(&self) -> Option<&str> {
        self.scope.strip_prefix("tag:").filter(|tag| !tag.is_empty())
    }

    /// Whether the scope is one that can be.
    pub fn is_known(&self) -> bool {
        self.scope == "all" || self.tag().is_some() || Channel::parse(&self.scope).is_some()
    }

    /// Whether it counts a message on this channel with these tags.
    pub fn covers(&self, channel: Channel, tags: &[String]) -> bool {
        self.scope == "all" || self.scope == channel.name() || self.tag().is_some_and(|tag| tags.iter().any(|known| known == tag))
    }
}

impl Period {
    /// Whether a send at `sent` counts at `at`.
    pub fn counts(self, sent: Instant, at: Instant, zone: ShopZone) -> bool {
        sent <= at
            && match self {
                Period::Rolling(span) => sent > at - span.0,
                Period::Day | Period::Week | Period::Month => sent >= self.start(at, zone),
            }
    }

    /// When a send at `sent` counts no more.
    pub fn free_at(self, sent: Instant, zone: ShopZone) -> Instant {
        let day = zone.day(sent);
        let next = match self {
            Period::Rolling(span) => return sent + span.0,
            Period::Day => day.succ_opt(),
            Period::Week => monday(day).checked_add_signed(TimeDelta::days(7)),
            Period::Month => day.with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1))),
        };
        zone.start_of(next.unwrap_or(NaiveDate::MAX))
    }

    /// No send older than this counts.
    pub fn length_max(self) -> Duration {
        match self {
            Period::Rolling(span) => span.0,
            Period::Day => Duration::days(2),
            Period::Week => Duration::days(8),
            Period::Month => Duration::days(32),
        }
    }

    fn start(self, at: Instant, zone: ShopZone) -> Instant {
        let day = zone.day(at);
        zone.start_of(match self {
            Period::Week => monday(day),
            Period::Month => day.with_day(1).unwrap_or(day),
            Period::Rolling(_) | Period::Day => day,
        })
    }
}

/// The Monday of the day's week.
fn monday(day: NaiveDate) -> NaiveDate {
    day - TimeDelta::days(day.weekday().num_days_from_monday().into())
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Period::Rolling(span) => write!(f, "{}", span_text(*span)),
            Period::Day => f.write_str("day"),
            Period::Week => f.write_str("week"),
            Period::Month => f.write_str("month"),
        }
    }
}

/// `7d`, `12h`, `90m`: as it may be written.
fn span_text(span: Span) -> String {
    let seconds = span.0.num_seconds();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let unit = units.into_iter().find(|(_, unit)| seconds > 0 && seconds % unit == 0);
    unit.map_or(format!("{seconds}s"), |(name, unit)| format!("{}{name}", seconds / unit))
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    scope: String,
    max: u32,
    per: String,
    #[serde(default)]
    window: Option<Window>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Window {
    Rolling,
    Calendar,
}

impl TryFrom<Written> for Cap {
    type Error = String;

    fn try_from(written: Written) -> Result<Cap, String> {
        let per = match written.per.as_str() {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            other => Period::Rolling(Span(parse_duration(other).map_err(|error| error.to_string())?)),
        };
        let fits = match written.window {
            None => true,
            Some(window) => (window == Window::Rolling) == matches!(per, Period::Rolling(_)),
        };
        if !fits {
            return Err("a rolling cap is per \"7d\", one by the calendar per \"day\", \"week\" or \"month\"".into());
        }
        Ok(Cap { scope: written.scope, max: written.max, per })
    }
}

impl From<Cap> for Written {
    fn from(cap: Cap) -> Written {
        let window = if matches!(cap.per, Period::Rolling(_)) { Window::Rolling } else { Window::Calendar };
        Written { scope: cap.scope, max: cap.max, per: cap.per.to_string(), window: Some(window) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_rolls_or_follows_the_calendar() {
        let zone = ShopZone::tokyo();
        let at = |text: &str| zone.instant(format!("2026-{text}:00").parse().expect("a local time"));
        let check = |per: &str, sent: &str, now: &str, counts: bool, free: &str| {
            let cap: Cap = toml::from_str(&format!("scope = \"all\"\nmax = 1\nper = \"{per}\"")).expect("a cap");
            assert_eq!(cap.per.counts(at(sent), at(now), zone), counts, "{per} {sent} {now}");
            assert_eq!(cap.per.free_at(at(sent), zone), at(free), "{per} {sent}");
            assert!(at(free) - at(sent) <= cap.per.length_max());
            assert_eq!(cap.per.to_string(), per);
        };
        check("7d", "03-02T10:00", "03-09T09:59", true, "03-09T10:00");
        check("7d", "03-02T10:00", "03-09T10:00", false, "03-09T10:00");
        check("day", "03-02T23:59", "03-02T23:59", true, "03-03T00:00");
        check("day", "03-02T23:59", "03-03T00:00", false, "03-03T00:00");
        // 2 March 2026 is a Monday.
        check("week", "03-02T00:00", "03-08T23:59", true, "03-09T00:00");
        check("week", "03-01T23:59", "03-02T00:00", false, "03-02T00:00");
        check("month", "02-01T00:00", "02-28T23:59", true, "03-01T00:00");
        check("month", "02-28T23:59", "03-01T00:00", false, "03-01T00:00");
    }

    #[test]
    fn a_scope_is_a_channel_a_tag_or_all() {
        let tags = ["coupon".to_string()];
        let check = |scope: &str, known: bool, covers: bool| {
            let cap = Cap { scope: scope.into(), max: 1, per: Period::Day };
            assert_eq!((cap.is_known(), cap.covers(Channel::Line, &tags)), (known, covers), "{scope}");
        };
        check("all", true, true);
        check("line", true, true);
        check("email", true, false);
        check("tag:coupon", true, true);
        check("tag:news", true, false);
        check("tag:", false, false);
        check("fax", false, false);
    }

    #[test]
    fn the_window_and_the_period_agree() {
        let check = |per: &str, window: &str, expect: bool| {
            let text = format!("scope = \"all\"\nmax = 1\nper = \"{per}\"\nwindow = \"{window}\"");
            assert_eq!(toml::from_str::<Cap>(&text).is_ok(), expect, "{per} {window}");
        };
        check("7d", "rolling", true);
        check("7d", "calendar", false);
        check("week", "calendar", true);
        check("week", "rolling", false);
        check("year", "calendar", false);
    }
}
