//! How values are shown to people: numbers, money, dates and axis labels in the reader's language, the shop's zone and its currency.

use chrono::{Datelike, Duration, NaiveDate, Timelike, Weekday};
use model::{Currency, Money, ShopZone, time::Instant};
use query::{Kind, Value};

use super::words::{self, Lang};

/// What a page needs to know of its reader and its shop to show a value.
#[derive(Debug, Clone)]
pub struct Locale {
    pub lang: Lang,
    pub zone: ShopZone,
    pub currency: Currency,
}

impl Locale {
    pub fn new(lang: Lang, zone: ShopZone, currency: Currency) -> Self {
        Locale { lang, zone, currency }
    }

    /// The words of a value in a column of that kind. Null is a dash.
    pub fn value(&self, kind: Kind, value: &Value) -> String {
        match value {
            Value::Null => "–".into(),
            Value::Text(text) => text.clone(),
            Value::Bool(true) => words::YES.get(self.lang).into(),
            Value::Bool(false) => words::NO.get(self.lang).into(),
            Value::Date(day) => self.date(*day),
            Value::Instant(at) => self.instant(*at),
            Value::Money(amount) => self.money(*amount),
            Value::Int(count) if kind == Kind::Rate => percent(*count as f64),
            Value::Int(count) if kind == Kind::Money => self.amount(*count as f64),
            Value::Int(count) => integer(*count),
            Value::Float(number) => self.number(kind, *number),
        }
    }

    /// A number of that kind, in full.
    pub fn number(&self, kind: Kind, number: f64) -> String {
        match kind {
            _ if !number.is_finite() => "–".into(),
            Kind::Rate => percent(number),
            Kind::Money => self.amount(number),
            Kind::Int => grouped(number, 0),
            _ => trimmed(&grouped(number, decimals_in_full(number))),
        }
    }

    /// A number of that kind, short enough for a cell or an axis: `12.3万`, `¥1.2億`; `123k`, `¥1.2M`.
    pub fn short(&self, kind: Kind, number: f64) -> String {
        match kind {
            _ if !number.is_finite() => "–".into(),
            Kind::Rate => percent(number),
            Kind::Money => signed(number, &format!("{}{}", self.symbol(), self.scaled(number.abs()))),
            _ => signed(number, &self.scaled(number.abs())),
        }
    }

    /// The label of an axis tick, in the unit of the `largest` and with as many decimals as ticks `step` apart need.
    pub fn tick(&self, kind: Kind, number: f64, step: f64, largest: f64) -> String {
        if kind == Kind::Rate {
            return format!("{}%", grouped(number * 100.0, decimals_of(step * 100.0)));
        }
        let (unit, suffix) = self.unit(largest.abs());
        let symbol = if kind == Kind::Money { self.symbol() } else { String::new() };
        if number == 0.0 {
            return format!("{symbol}0");
        }
        signed(number, &format!("{symbol}{}{suffix}", grouped(number.abs() / unit, decimals_of(step / unit).min(3))))
    }

    /// A difference with its sign; a difference of rates is in points.
    pub fn difference(&self, kind: Kind, number: f64) -> String {
        let sign = if number > 0.0 { "+" } else { "" };
        match kind {
            _ if !number.is_finite() => "–".into(),
            Kind::Rate => format!("{sign}{} {}", minus(&format!("{:.2}", number * 100.0)), words::POINTS.get(self.lang)),
            _ => format!("{sign}{}", self.number(kind, number)),
        }
    }

    pub fn money(&self, amount: Money) -> String {
        self.amount(amount.as_f64())
    }

    pub fn count(&self, count: u64) -> String {
        integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub fn date(&self, day: NaiveDate) -> String {
        match self.lang {
            Lang::Ja => day.format("%Y/%m/%d").to_string(),
            Lang::En => day.format("%Y-%m-%d").to_string(),
        }
    }

    /// A date in a sentence, with its weekday: `2026年11月23日(月)`, `Mon 23 Nov 2026`.
    pub fn long_date(&self, day: NaiveDate) -> String {
        match self.lang {
            Lang::Ja => format!("{}年{}月{}日({})", day.year(), day.month(), day.day(), weekday(day.weekday())),
            Lang::En => day.format("%a %-d %b %Y").to_string(),
        }
    }

    pub fn month(&self, day: NaiveDate) -> String {
        match self.lang {
            Lang::Ja => day.format("%Y/%m").to_string(),
            Lang::En => day.format("%b %Y").to_string(),
        }
    }

    pub fn day_of_month(&self, day: NaiveDate) -> String {
        match self.lang {
            Lang::Ja => format!("{}/{}", day.month(), day.day()),
            Lang::En => day.format("%-d %b").to_string(),
        }
    }

    pub fn year(&self, day: NaiveDate) -> String {
        match self.lang {
            Lang::Ja => format!("{}年", day.year()),
            Lang::En => day.year().to_string(),
        }
    }

    pub fn instant(&self, at: Instant) -> String {
        let local = self.zone.local(at);
        format!("{} {:02}:{:02}", self.date(local.date()), local.hour(), local.minute())
    }

    /// How long ago something was, in one unit.
    pub fn ago(&self, past: Duration) -> String {
        let (count, unit) = match past {
            past if past < Duration::minutes(1) => return words::JUST_NOW.get(self.lang).into(),
            past if past < Duration::hours(1) => (past.num_minutes(), words::MINUTES_AGO),
            past if past < Duration::days(2) => (past.num_hours(), words::HOURS_AGO),
            past => (past.num_days(), words::DAYS_AGO),
        };
        unit.fill(self.lang, &[&integer(count)])
    }

    fn amount(&self, number: f64) -> String {
        let decimals = match self.currency.minor_unit().scaled() {
            unit if unit >= model::money::SCALE => 0,
            unit if unit >= model::money::SCALE / 100 => 2,
            _ => 3,
        };
        signed(number, &format!("{}{}", self.symbol(), grouped(number.abs(), decimals)))
    }

    fn symbol(&self) -> String {
        match self.currency.as_str() {
            "JPY" => "¥".into(),
            "USD" => "$".into(),
            "EUR" => "€".into(),
            "GBP" => "£".into(),
            code => format!("{code} "),
        }
    }

    fn scaled(&self, size: f64) -> String {
        let (unit, suffix) = self.unit(size);
        let share = size / unit;
        let decimals = match share {
            _ if suffix.is_empty() && size.fract() == 0.0 => 0,
            share if share < 10.0 => 2,
            share if share < 100.0 => 1,
            _ => 0,
        };
        let text = grouped(share, decimals);
        // With a unit all keep three digits, so that a column of them reads evenly.
        if suffix.is_empty() { trimmed(&text) } else { format!("{text}{suffix}") }
    }

    /// The unit a number of that size is counted in. Japanese counts in 10,000s.
    fn unit(&self, size: f64) -> (f64, &'static str) {
        match self.lang {
            Lang::Ja if size >= 1e12 => (1e12, "兆"),
            Lang::Ja if size >= 1e8 => (1e8, "億"),
            Lang::Ja if size >= 1e4 => (1e4, "万"),
            Lang::En if size >= 1e9 => (1e9, "B"),
            Lang::En if size >= 1e6 => (1e6, "M"),
            Lang::En if size >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        }
    }
}

/// Two, and of what is small so many that it shows three digits.
fn decimals_in_full(number: f64) -> usize {
    match number.abs() {
        size if (1e-12..0.1).contains(&size) => (2.0 - size.log10().floor()) as usize,
        _ => 2,
    }
}

/// `0.123` as `12.3%`.
pub fn percent(share: f64) -> String {
    format!("{}%", minus(&grouped_plain(share * 100.0, 1)))
}

/// A p-value as it is printed: never a zero.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

pub fn integer(count: i64) -> String {
    let digits = group(&count.unsigned_abs().to_string());
    if count < 0 { format!("−{digits}") } else { digits }
}

fn grouped(number: f64, decimals: usize) -> String {
    minus(&grouped_plain(number, decimals))
}

fn grouped_plain(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if number < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c)) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", group(whole))
}

fn group(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn trimmed(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text.into() }
}

/// The true minus sign, which is as wide as a digit.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

fn signed(number: f64, size: &str) -> String {
    let shows_digits = size.chars().any(|c| ('1'..='9').contains(&c));
    if number < 0.0 && shows_digits { format!("−{size}") } else { size.into() }
}

fn decimals_of(step: f64) -> usize {
    (0..=4)
        .find(|decimals| {
            let scaled = step * 10f64.powi(*decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-9)
        })
        .unwrap_or(4) as usize
}

fn weekday(day: Weekday) -> &'static str {
    ["月", "火", "水", "木", "金", "土", "日"][day.num_days_from_monday() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(lang: Lang) -> Locale {
        Locale::new(lang, ShopZone::tokyo(), Currency::jpy())
    }

    #[test]
    fn values_in_two_languages() {
        let check = |kind, value: Value, ja: &str, en: &str| {
            assert_eq!(locale(Lang::Ja).value(kind, &value), ja);
            assert_eq!(locale(Lang::En).value(kind, &value), en);
        };
        check(Kind::Money, Value::Money(Money::whole(1_234_567).unwrap()), "¥1,234,567", "¥1,234,567");
        check(Kind::Money, Value::Money(Money::whole(-500).unwrap()), "−¥500", "−¥500");
        check(Kind::Money, Value::Float(0.2), "¥0", "¥0");
        check(Kind::Int, Value::Int(-1234), "−1,234", "−1,234");
        check(Kind::Rate, Value::Float(0.12345), "12.3%", "12.3%");
        check(Kind::Float, Value::Float(1234.5), "1,234.5", "1,234.5");
        check(Kind::Float, Value::Float(0.42), "0.42", "0.42");
        check(Kind::Float, Value::Float(-0.0042), "−0.0042", "−0.0042");
        check(Kind::Float, Value::Float(0.0), "0", "0");
        check(Kind::Bool, Value::Bool(true), "はい", "Yes");
        check(Kind::Date, Value::Date(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()), "2026/11/23", "2026-11-23");
        check(Kind::Text, Value::Null, "–", "–");
    }

    #[test]
    fn short_numbers_and_ticks() {
        let check = |kind, number, ja: &str, en: &str| {
            assert_eq!(locale(Lang::Ja).short(kind, number), ja);
            assert_eq!(locale(Lang::En).short(kind, number), en);
        };
        check(Kind::Money, 123_456.0, "¥12.3万", "¥123k");
        check(Kind::Money, 123_456_789.0, "¥1.23億", "¥123M");
        check(Kind::Int, 9_999.0, "9,999", "9,999");
        check(Kind::Money, -25_000.0, "−¥2.50万", "−¥25.0k");
        let tick = |kind, number, step, largest, ja: &str, en: &str| {
            assert_eq!(locale(Lang::Ja).tick(kind, number, step, largest), ja);
            assert_eq!(locale(Lang::En).tick(kind, number, step, largest), en);
        };
        tick(Kind::Money, 5_000.0, 5_000.0, 15_000.0, "¥0.5万", "¥5k");
        tick(Kind::Rate, 0.05, 0.025, 0.1, "5.0%", "5.0%");
        tick(Kind::Int, 0.0, 5.0, 20.0, "0", "0");
        tick(Kind::Float, -0.4, 0.2, 0.6, "−0.4", "−0.4");
    }

    #[test]
    fn dates_and_ages() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let check = |lang, date: &str, age: &str| {
            assert_eq!(locale(lang).long_date(day), date);
            assert_eq!(locale(lang).ago(Duration::hours(3)), age);
        };
        check(Lang::Ja, "2026年11月23日(月)", "3時間前");
        check(Lang::En, "Mon 23 Nov 2026", "3 h ago");
        assert_eq!(p_value(0.00001), "< 0.001");
    }
}
