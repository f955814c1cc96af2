//! The demo shop's time: 24 months of history, then one live month that is always the same past month, in Japan, whose clock never shifts.
//! For comparisons more of it is lived, up to the same day.
//!
//! Inside the demo a moment is a count of seconds since the shop's first midnight, so a day is a division.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate};
use model::Instant;

use super::draw::{Draws, cumulative};

/// Seconds since the midnight on which the shop opened, 2024-06-01 in Japan.
pub type Moment = i64;

pub const DAY: i64 = 86_400;
pub const HOUR: i64 = 3_600;
/// The live month's first day, counted from the opening: 2026-06-01.
pub const MONTH_FROM: i64 = 730;
pub const MONTH_DAYS: i64 = 30;
/// Life goes on so long after the month that every window opened in it can be seen to its end.
pub const TAIL_DAYS: i64 = 16;
/// The first day about which nothing is known.
pub const END: i64 = MONTH_FROM + MONTH_DAYS + TAIL_DAYS;

const OPENING_UNIX: i64 = 1_717_167_600;
/// People are awake, and the shop counts, from 06:00 to 23:20: no visit crosses midnight.
const AWAKE: std::ops::Range<i64> = 6 * HOUR..23 * HOUR + 20 * 60;

/// How busy each month is: new tea in May, 中元 in July, 歳暮 in December.
const SEASON: [f64; 12] = [0.85, 0.9, 1.0, 1.0, 1.3, 1.0, 1.7, 0.85, 0.9, 1.0, 1.15, 2.1];
pub const SEASON_MAX: f64 = 2.1 * 1.15;
/// Orders by hour from 06:00: lunch breaks and evenings.
const HOURS: [f64; 18] = [1.0, 2.0, 3.0, 4.0, 4.5, 5.0, 7.0, 5.5, 4.5, 4.5, 4.5, 5.0, 5.5, 6.5, 8.5, 9.5, 8.5, 2.0];

/// The days that are lived, not read from files: one month or more, up to the end of June 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first of them.
    pub from: i64,
}

impl Span {
    /// June 2026 alone: what truths are planted for.
    pub const MONTH: Span = Span { from: MONTH_FROM };

    pub fn months(months: u32) -> Span {
        let first = date(MONTH_FROM) - Months::new(months.saturating_sub(1));
        Span { from: (first - date(0)).num_days() }
    }

    pub fn days(self) -> i64 {
        MONTH_FROM + MONTH_DAYS - self.from
    }

    /// Midnight before the first day.
    pub fn start_at(self) -> Instant {
        instant(self.from * DAY)
    }

    /// Visits are remembered from this day on: the shop's tag is younger than the shop.
    pub fn visits_from(self) -> i64 {
        self.from - 60
    }
}

pub fn date(day: i64) -> NaiveDate {
    let opening = NaiveDate::from_ymd_opt(2024, 6, 1).expect("a date");
    if day < 0 { opening - Days::new(day.unsigned_abs()) } else { opening + Days::new(day as u64) }
}

pub fn day_of(at: Moment) -> i64 {
    at.div_euclid(DAY)
}

pub fn instant(at: Moment) -> Instant {
    DateTime::from_timestamp(OPENING_UNIX + at, 0).expect("within a century")
}

/// The moment an instant falls in; its fraction of a second is cut.
pub fn moment(at: Instant) -> Moment {
    at.timestamp() - OPENING_UNIX
}

/// `2026-06-01 09:30:00`, as shops' files have it.
pub fn local_text(at: Moment) -> String {
    let (day, second) = (date(day_of(at)), at.rem_euclid(DAY));
    let (year, month, of_month) = (day.year(), day.month(), day.day());
    format!("{year}-{month:02}-{of_month:02} {:02}:{:02}:{:02}", second / HOUR, second / 60 % 60, second % 60)
}

/// `2026-06-01T09:30:00+09:00`.
pub fn rfc3339_text(at: Moment) -> String {
    format!("{}+09:00", local_text(at).replacen(' ', "T", 1))
}

/// `260601`: how order numbers begin.
pub fn short_date(day: i64) -> String {
    let day = date(day);
    format!("{:02}{:02}{:02}", day.year() % 100, day.month(), day.day())
}

/// A time of a day at which people shop.
pub fn shopping_time(day: i64, draws: &mut Draws) -> Moment {
    let hours = cumulative(HOURS);
    let second = AWAKE.start + draws.weighted(&hours) as i64 * HOUR + draws.between(0, HOUR - 1);
    day * DAY + second.min(AWAKE.end - 1 - draws.between(0, 60))
}

/// The same moment, or if people sleep then, some hours later.
pub fn when_awake(at: Moment) -> Moment {
    match at.rem_euclid(DAY) {
        second if second < AWAKE.start => at + AWAKE.start,
        second if second >= AWAKE.end => at + 7 * HOUR,
        _ => at,
    }
}

/// Which days are lived, and what depends on the day alone, worked out once.
#[derive(Debug)]
pub struct Calendar {
    pub span: Span,
    season: Vec<f64>,
    acquisition: Vec<f64>,
}

impl Calendar {
    pub fn new(span: Span) -> Self {
        let season: Vec<f64> = (0..END)
            .map(|day| {
                let day = date(day);
                let weekend = if day.weekday().num_days_from_monday() >= 5 { 1.15 } else { 1.0 };
                SEASON[day.month0() as usize] * weekend
            })
            .collect();
        // The shop triples in two years, and its new-tea campaign brings most new customers.
        let acquisition = cumulative((0..END).map(|day| {
            let campaign = if date(day).month() == 5 { 1.6 } else { 1.0 };
            season[day as usize] * campaign * (3f64.ln() * day as f64 / MONTH_FROM as f64).exp()
        }));
        Calendar { span, season, acquisition }
    }

    /// How busy a day is, against an ordinary one; nothing is bought past the end.
    pub fn season(&self, day: i64) -> f64 {
        usize::try_from(day).ok().and_then(|day| self.season.get(day)).copied().unwrap_or(0.0)
    }

    /// A day on which somebody buys for the first time.
    pub fn first_day(&self, draws: &mut Draws) -> i64 {
        draws.weighted(&self.acquisition) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_shops_zone() {
        let zone = model::ShopZone::tokyo();
        let check = |at: Moment, expect: &str| {
            assert_eq!(local_text(at), expect);
            assert_eq!(zone.local(instant(at)).format("%Y-%m-%d %H:%M:%S").to_string(), expect);
            assert_eq!(moment(instant(at)), at);
            assert_eq!(zone.day(instant(at)), date(day_of(at)));
        };
        check(0, "2024-06-01 00:00:00");
        check(MONTH_FROM * DAY - 1, "2026-05-31 23:59:59");
        check(MONTH_FROM * DAY + 9 * HOUR + 30 * 60, "2026-06-01 09:30:00");
        for who in 0..2_000 {
            let at = shopping_time(3, &mut Draws::new(1, "time", who));
            assert!(day_of(at) == 3 && when_awake(at) == at, "{at}");
        }
        assert_eq!(local_text(when_awake(2 * HOUR)), "2024-06-01 08:00:00");
    }

    #[test]
    fn what_is_lived_ends_with_june() {
        let check = |months: u32, from: i64, first: &str, days: i64, visits_from: &str| {
            let span = Span::months(months);
            assert_eq!((span.from, span.days()), (from, days), "{months} months");
            assert_eq!(local_text(moment(span.start_at())), format!("{first} 00:00:00"), "{months} months");
            assert_eq!(date(span.visits_from()).to_string(), visits_from, "{months} months");
            assert_eq!(date(span.from + span.days()).to_string(), "2026-07-01", "{months} months");
        };
        assert_eq!(Span::months(1), Span::MONTH);
        check(1, MONTH_FROM, "2026-06-01", MONTH_DAYS, "2026-04-02");
        check(3, 669, "2026-04-01", 91, "2026-01-31");
        check(12, 395, "2025-07-01", 365, "2025-05-02");
    }
}
