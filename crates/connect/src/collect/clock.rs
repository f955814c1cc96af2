//! When an event happened: the client's clock, corrected by how wrong it was when it sent.
//!
//! `occurred = received - (sent - original)`. Without a time of sending the original counts as it stands, without an original the time of
//! receipt. More than [`AHEAD_HOURS_MAX`] ahead of the receipt becomes the receipt; further back than an endpoint allows becomes the oldest
//! it allows; both are flagged. A time that cannot be read is refused, because an event at a wrong time spoils more than a missing one; an
//! unreadable time of *sending* only leaves the clock uncorrected.

use chrono::{DateTime, Datelike, Duration};
use model::{Instant, ShopZone, time::micros};

use super::Flaw;

pub(super) const AHEAD_HOURS_MAX: i64 = 24;

/// 1970: nothing a shop sells was clicked before it, and clocks that were never set say so.
const EARLIEST: Instant = DateTime::UNIX_EPOCH;

pub(super) struct Clock {
    pub occurred: Instant,
    pub original: Option<Instant>,
    pub sent: Option<Instant>,
    pub is_clamped: bool,
}

impl Clock {
    pub(super) fn set(
        received: Instant,
        original: Option<&str>,
        sent: Option<&str>,
        oldest: Option<Duration>,
        zone: ShopZone,
    ) -> Result<Clock, Flaw> {
        let received = micros(received);
        let original = original
            .map(|text| {
                read(text, zone).ok_or_else(|| {
                    Flaw::new("not_a_time", "the event's time cannot be read", "send RFC 3339, as 2026-01-02T03:04:05.678Z")
                })
            })
            .transpose()?;
        let sent = sent.and_then(|text| read(text, zone));
        let mut occurred = match (original, sent) {
            (None, _) => received,
            (Some(original), None) => original,
            (Some(original), Some(sent)) => received.checked_sub_signed(sent - original).unwrap_or(original),
        };
        let mut is_clamped = false;
        if occurred > received + Duration::hours(AHEAD_HOURS_MAX) {
            (occurred, is_clamped) = (received, true);
        }
        if let Some(oldest) = oldest.map(|back| received - back)
            && occurred < oldest
        {
            (occurred, is_clamped) = (oldest, true);
        }
        if occurred < EARLIEST {
            return Err(Flaw::new(
                "not_a_time",
                "the event's time lies before 1970",
                "set the clock of the sender, or leave the time out",
            ));
        }
        Ok(Clock { occurred, original, sent, is_clamped })
    }
}

/// RFC 3339 with any offset, ISO 8601 with `+0900`, or (in the shop's zone) without an offset.
pub(super) fn read(text: &str, zone: ShopZone) -> Option<Instant> {
    const FORMATS: [&str; 4] =
        ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let text = text.trim();
    // A year of five digits would not come back from the lake.
    if text.len() > 40
        || !text.get(..5).is_some_and(|year| year.ends_with('-') && year[..4].bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let found = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => zone.parse_instant(text, &FORMATS.map(String::from)).ok()?,
    };
    let fits = (1..=9_999).contains(&found.year());
    fits.then(|| micros(found))
}

#[cfg(test)]
mod tests {
    use model::time::rfc3339;

    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn the_clients_clock_is_corrected() {
        let check = |original: Option<&str>, sent: Option<&str>, oldest_hours: Option<i64>, expect: &str| {
            let got =
                Clock::set(at("2026-11-24T12:00:00Z"), original, sent, oldest_hours.map(Duration::hours), ShopZone::tokyo());
            let got =
                got.map(|clock| format!("{}{}", &rfc3339(clock.occurred)[..23], if clock.is_clamped { " clamped" } else { "" }));
            assert_eq!(got.unwrap_or_else(|flaw| flaw.code.into()), expect, "{original:?} {sent:?}");
        };
        check(Some("2026-11-24T11:59:00Z"), Some("2026-11-24T11:59:30Z"), None, "2026-11-24T11:59:30.000");
        // Nine hours fast, and a clock that was never set: the difference is what counts.
        check(Some("2026-11-24T21:00:00.250Z"), Some("2026-11-24T21:00:10.250Z"), None, "2026-11-24T11:59:50.000");
        check(Some("1970-01-01T00:00:05Z"), Some("1970-01-01T00:00:15Z"), None, "2026-11-24T11:59:50.000");
        check(Some("2026-11-24T20:59:00+09:00"), Some("2026-11-24T11:59:30Z"), None, "2026-11-24T11:59:30.000");
        check(Some("2026-11-24T20:59:00.123456+0900"), None, None, "2026-11-24T11:59:00.123");
        check(Some("2026-11-24T20:59:00"), None, None, "2026-11-24T11:59:00.000");
        check(Some("2024-01-01T00:00:00Z"), None, None, "2024-01-01T00:00:00.000");
        check(None, Some("2026-11-24T11:00:00Z"), None, "2026-11-24T12:00:00.000");
        check(None, None, None, "2026-11-24T12:00:00.000");
        check(Some("2026-11-24T11:00:00Z"), Some("yesterday"), None, "2026-11-24T11:00:00.000");
        check(Some("2026-11-25T11:59:59Z"), None, None, "2026-11-25T11:59:59.000");
        check(Some("2026-11-25T12:00:01Z"), None, None, "2026-11-24T12:00:00.000 clamped");
        check(Some("2026-11-30T00:00:00Z"), Some("2026-11-24T12:00:00Z"), None, "2026-11-24T12:00:00.000 clamped");
        check(Some("2026-11-20T12:00:00Z"), None, Some(72), "2026-11-21T12:00:00.000 clamped");
        for wrong in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T00:00:00Z",
            "1764000000",
        ] {
            check(Some(wrong), None, None, "not_a_time");
        }
        check(Some("0001-01-03T00:00:00Z"), Some("9999-12-29T00:00:00Z"), None, "not_a_time");
        check(Some("9999-12-29T00:00:00Z"), Some("0001-01-03T00:00:00Z"), None, "2026-11-24T12:00:00.000 clamped");
    }
}
