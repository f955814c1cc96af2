//! What the days of a month send (配信カレンダー): what has left, what is reserved, and what may be expected of scenarios that run by themselves.
//!
//! Nobody knows whom an event lets in, so a running scenario is expected to send on a day what it sent on the days like it: the mean of the
//! last four of the same weekday, or, where it runs on days of the month, of the same day of the last three months. That is an estimate, and
//! is marked as one.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use model::{Channel, Scenario};

const WEEKS: i64 = 4;
const MONTHS: u32 = 3;

/// Messages by channel.
pub type Sends = BTreeMap<Channel, u64>;

/// What one scenario does on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub day: NaiveDate,
    pub scenario: String,
    /// Planned or gone out.
    pub sent: Sends,
    /// Yet to come that day.
    pub expected: Sends,
    /// What is expected is the mean of days like it; a broadcast's is counted.
    pub is_estimate: bool,
}

/// A broadcast that is reserved, and whom it would go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    pub scenario: String,
    pub day: NaiveDate,
    pub sends: Sends,
}

/// The days on which a scenario did what it will do on `day`, of those that are over.
pub fn days_like(scenario: &Scenario, day: NaiveDate, today: NaiveDate) -> Vec<NaiveDate> {
    if !scenario.entry.days.is_empty() {
        // So far back that all of them are over.
        let months = (1..=MONTHS + 2).filter_map(|back| day.checked_sub_months(Months::new(back)));
        return months.filter(|like| *like < today && like.day() == day.day()).take(MONTHS as usize).collect();
    }
    let weeks_ahead = ((day - today).num_days().max(0) + 6) / 7;
    let weeks = (1..=weeks_ahead + WEEKS).map(|back| day - TimeDelta::weeks(back));
    weeks.filter(|like| *like < today).take(WEEKS as usize).collect()
}

/// A line per day of the month and scenario that sends on it, in this order. `sent` are the sends by day and scenario, as far back as
/// [`days_like`] asks; `running` the scenarios that go on by themselves.
pub fn month(
    month: NaiveDate,
    today: NaiveDate,
    sent: &BTreeMap<(NaiveDate, String), Sends>,
    running: &[&Scenario],
    reserved: &[Reserved],
) -> Vec<Line> {
    let days = month.iter_days().take_while(|day| day.month() == month.month());
    let mut lines: BTreeMap<(NaiveDate, String), Line> = BTreeMap::new();
    let line = |day: NaiveDate, scenario: &str| Line {
        day,
        scenario: scenario.into(),
        sent: Sends::new(),
        expected: Sends::new(),
        is_estimate: false,
    };
    for day in days {
        for ((_, scenario), sends) in sent.range((day, String::new())..).take_while(|((at, _), _)| *at == day) {
            lines.entry((day, scenario.clone())).or_insert_with(|| line(day, scenario)).sent = sends.clone();
        }
        for scenario in running.iter().filter(|_| day >= today) {
            let name = &scenario.scenario;
            let expected = expected(scenario, day, today, sent);
            let so_far = sent.get(&(day, name.clone()));
            let left = expected.into_iter().filter_map(|(channel, expected)| {
                let gone = so_far.and_then(|sent| sent.get(&channel)).copied().unwrap_or(0);
                Some((channel, expected.checked_sub(gone).filter(|left| *left > 0)?))
            });
            let left: Sends = left.collect();
            if !left.is_empty() {
                let of_day = lines.entry((day, name.clone())).or_insert_with(|| line(day, name));
                (of_day.expected, of_day.is_estimate) = (left, true);
            }
        }
        for broadcast in reserved.iter().filter(|broadcast| broadcast.day == day) {
            let name = &broadcast.scenario;
            lines.entry((day, name.clone())).or_insert_with(|| line(day, name)).expected = broadcast.sends.clone();
        }
    }
    lines.into_values().collect()
}

fn expected(scenario: &Scenario, day: NaiveDate, today: NaiveDate, sent: &BTreeMap<(NaiveDate, String), Sends>) -> Sends {
    let like = days_like(scenario, day, today);
    let mut sums = Sends::new();
    for like in &like {
        for (channel, sends) in sent.get(&(*like, scenario.scenario.clone())).into_iter().flatten() {
            *sums.entry(*channel).or_default() += sends;
        }
    }
    let count = like.len().max(1) as u64;
    // Halves are rounded up.
    sums.into_iter().map(|(channel, sum)| (channel, (2 * sum + count) / (2 * count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        format!("2026-{text}").parse().expect("a day")
    }

    fn scenario(id: &str, entry: &str) -> Scenario {
        let text = format!(
            "scenario = \"{id}\"\ntitle = {{ ja = \"s\", en = \"s\" }}\ngoal = {{ on = \"order_placed\", within = \"5d\" }}\n\
             exit = [{{ on = \"order_placed\" }}]\nstep = [{{ id = \"s\", send = {{ try = [\"line\"], template = \"t\" }} }}]\n[entry]\n{entry}"
        );
        Scenario::parse("s.toml", &text).expect("a scenario")
    }

    #[test]
    fn days_like_it_are_over() {
        let check = |entry: &str, of: &str, today: &str, expect: &[&str]| {
            let like = days_like(&scenario("s", entry), day(of), day(today));
            assert_eq!(like, expect.iter().map(|text| day(text)).collect::<Vec<_>>(), "{entry} {of} as of {today}");
        };
        let daily = "segment = \"x\"";
        check(daily, "06-29", "06-29", &["06-22", "06-15", "06-08", "06-01"]);
        check(daily, "07-06", "06-29", &["06-22", "06-15", "06-08", "06-01"]);
        check(daily, "07-07", "06-29", &["06-23", "06-16", "06-09", "06-02"]);
        check("on = \"cart_updated\"", "06-30", "06-29", &["06-23", "06-16", "06-09", "06-02"]);
        check("segment = \"x\"\ndays = [1, 31]", "07-01", "06-29", &["06-01", "05-01", "04-01"]);
        // A month that has no such day says nothing.
        check("segment = \"x\"\ndays = [1, 31]", "07-31", "06-29", &["05-31", "03-31"]);
    }

    #[test]
    fn a_day_has_what_left_what_is_reserved_and_what_is_expected() {
        let (line, email) = (Channel::Line, Channel::Email);
        let mut sent: BTreeMap<(NaiveDate, String), Sends> = BTreeMap::new();
        for (date, name, channel, sends) in [
            ("06-01", "daily", line, 10),
            ("06-08", "daily", line, 11),
            ("06-15", "daily", line, 12),
            ("06-15", "daily", email, 2),
            ("06-22", "daily", line, 13),
            ("06-29", "daily", line, 9),
            ("06-03", "gone", email, 5),
        ] {
            sent.entry((day(date), name.into())).or_default().insert(channel, sends);
        }
        let daily = scenario("daily", "segment = \"x\"");
        let reserved = [Reserved { scenario: "sale".into(), day: day("06-30"), sends: [(line, 700)].into() }];
        let lines = month(day("06-01"), day("06-29"), &sent, &[&daily], &reserved);
        let shown: Vec<String> = lines
            .iter()
            .map(|line| {
                let sends = |sends: &Sends| {
                    sends.iter().map(|(channel, sends)| format!("{channel} {sends}")).collect::<Vec<_>>().join(" ")
                };
                let mark = if line.is_estimate { "~" } else { "" };
                format!("{} {}: {} + {}{mark}", line.day.format("%m-%d"), line.scenario, sends(&line.sent), sends(&line.expected))
            })
            .collect();
        let expect = [
            "06-01 daily: line 10 + ",
            "06-03 gone: email 5 + ",
            "06-08 daily: line 11 + ",
            "06-15 daily: email 2 line 12 + ",
            "06-22 daily: line 13 + ",
            // 11.5 and 0.5 are expected, and 9 have left.
            "06-29 daily: line 9 + email 1 line 3~",
            "06-30 sale:  + line 700",
        ];
        assert_eq!(shown, expect);
        // The next month has what is expected alone.
        let july = month(day("07-01"), day("06-29"), &sent, &[&daily], &reserved);
        let mondays: Vec<(NaiveDate, Sends)> = july.into_iter().map(|line| (line.day, line.expected)).collect();
        let expect = [(line, 12), (email, 1)].into();
        assert_eq!(mondays, ["07-06", "07-13", "07-20", "07-27"].map(|date| (day(date), Sends::clone(&expect))));
    }
}
