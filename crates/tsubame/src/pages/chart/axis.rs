//! Scales and labels: round ticks, dates where calendars have them, and texts that never run into each other.

use chrono::{Datelike, Days, Months, NaiveDate};
use maud::{Markup, html};
use query::{Kind, Value};

use super::data::{Data, px};
use crate::pages::Locale;

pub const FONT: f64 = 11.0;

/// A linear scale with round ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub min: f64,
    pub max: f64,
    pub step: f64,
}

impl Scale {
    /// The smallest round scale that holds `low..=high` in about `count` steps.
    pub fn nice(low: f64, high: f64, count: f64) -> Scale {
        let (low, high) = if high > low {
            (low, high)
        } else if high > 0.0 {
            (0.0, high)
        } else if low < 0.0 {
            (low, 0.0)
        } else {
            (0.0, 1.0)
        };
        let raw = (high - low) / count;
        let power = 10f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= raw * 0.999).unwrap_or(10.0 * power);
        Scale { min: (low / step + 1e-9).floor() * step, max: (high / step - 1e-9).ceil() * step, step }
    }

    /// As [`Scale::nice`], with zero in it, and whole steps for counts.
    pub fn from_zero(values: impl Iterator<Item = f64>, kind: Kind) -> Scale {
        let (low, high) = values.fold((0f64, 0f64), |(low, high), value| (low.min(value), high.max(value)));
        let scale = Scale::nice(low, high, 5.0);
        if matches!(kind, Kind::Int | Kind::Money) && scale.step < 1.0 {
            Scale::nice(low, high.max(low + 4.0), 4.0)
        } else {
            scale
        }
    }

    pub fn ticks(&self) -> Vec<f64> {
        let count = ((self.max - self.min) / self.step).round() as i64;
        // Multiples of the step rather than sums of it, so that zero is exactly zero.
        let first = (self.min / self.step).round() as i64;
        (0..=count).map(|index| (first + index) as f64 * self.step).collect()
    }

    pub fn label(&self, locale: &Locale, kind: Kind, tick: f64) -> String {
        locale.tick(kind, tick, self.step, self.max.abs().max(self.min.abs()))
    }

    pub fn share(&self, value: f64) -> f64 {
        if self.max > self.min { (value - self.min) / (self.max - self.min) } else { 0.5 }
    }
}

/// The rectangle marks are drawn in.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Plot {
    /// A plot whose left margin holds the widest of `labels`.
    pub fn beside(data: &Data, labels: &[String], height: f64) -> Plot {
        let widest = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max);
        let width = if data.spec.wide { 1180.0 } else { 560.0 };
        Plot { width, height, left: (widest + 12.0).min(width * 0.3), right: 14.0, top: 14.0, bottom: 26.0 }
    }

    pub fn inner_width(&self) -> f64 {
        self.width - self.left - self.right
    }

    pub fn inner_height(&self) -> f64 {
        self.height - self.top - self.bottom
    }

    pub fn x(&self, share: f64) -> f64 {
        self.left + share * self.inner_width()
    }

    pub fn y(&self, share: f64) -> f64 {
        self.height - self.bottom - share * self.inner_height()
    }

    /// Horizontal grid lines with their labels, the zero line stronger.
    pub fn y_axis(&self, locale: &Locale, kind: Kind, scale: &Scale) -> Markup {
        html! {
            g class="axis" aria-hidden="true" {
                @for tick in scale.ticks() {
                    @let y = self.y(scale.share(tick));
                    line class={ @if tick == 0.0 { "zero" } @else { "grid" } }
                        x1=(px(self.left)) x2=(px(self.width - self.right)) y1=(px(y)) y2=(px(y)) {}
                    text x=(px(self.left - 8.0)) y=(px(y + 3.8)) text-anchor="end" { (scale.label(locale, kind, tick)) }
                }
            }
        }
    }

    /// Labels under the plot, as many as fit.
    pub fn x_labels(&self, labels: &[(f64, String)]) -> Markup {
        html! {
            g class="axis" aria-hidden="true" {
                @for (x, label) in self.thin(labels) {
                    text x=(px(x)) y=(px(self.height - self.bottom + 17.0)) text-anchor="middle" { (label) }
                }
            }
        }
    }

    /// Every n-th label, n as small as keeps them apart, moved inward at the edges.
    fn thin(&self, labels: &[(f64, String)]) -> Vec<(f64, String)> {
        let place = |label: &str, x: f64| {
            let half = text_width(label) / 2.0;
            x.max(half + 1.0).min((self.width - half - 1.0).max(half + 1.0))
        };
        let all: Vec<(f64, String)> = labels
            .iter()
            .map(|(x, label)| {
                let label = fit(label, self.inner_width().min(150.0));
                (place(&label, *x), label)
            })
            .collect();
        let every = (1..=all.len().max(1))
            .find(|every| {
                let kept: Vec<&(f64, String)> = all.iter().step_by(*every).collect();
                kept.windows(2).all(|pair| {
                    let [(before, first), (after, second)] = [pair[0], pair[1]];
                    after - before >= (text_width(first) + text_width(second)) / 2.0 + 8.0
                })
            })
            .unwrap_or(1);
        all.into_iter().step_by(every).collect()
    }
}

/// Where the rows of a column stand along x.
pub enum Along {
    /// Calendar days since the first, so that gaps show.
    Days {
        first: f64,
        last: f64,
    },
    Numbers(Scale),
    /// Texts in the order of the answer.
    Places(Vec<String>),
}

impl Along {
    pub fn of(data: &Data) -> Along {
        let rows = 0..data.answer.rows.len();
        match data.kind(data.x) {
            Kind::Date | Kind::Instant => {
                let days = rows.filter_map(|row| day_number(data.locale(), data.cell(row, data.x)));
                let (first, last) =
                    days.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), day| (low.min(day), high.max(day)));
                Along::Days { first, last }
            }
            Kind::Int | Kind::Float | Kind::Rate | Kind::Money => {
                let numbers = rows.filter_map(|row| data.cell(row, data.x).number()).filter(|number| number.is_finite());
                let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| (low.min(n), high.max(n)));
                if low > high {
                    Along::Places(vec![])
                } else {
                    Along::Numbers(Scale { step: Scale::nice(low, high, 6.0).step, min: low, max: high })
                }
            }
            Kind::Text | Kind::Bool => Along::Places(distinct(data, data.x)),
        }
    }

    /// The place of a row as a share of the width; none where its x is null.
    pub fn share(&self, data: &Data, row: usize) -> Option<f64> {
        let value = data.cell(row, data.x);
        match self {
            Along::Days { first, last } => {
                let day = day_number(data.locale(), value)?;
                Some(if last > first { (day - first) / (last - first) } else { 0.5 })
            }
            Along::Numbers(scale) => value.number().map(|number| scale.share(number)),
            Along::Places(places) => {
                let place = places.iter().position(|place| *place == value.plain())?;
                Some((place as f64 + 0.5) / places.len() as f64)
            }
        }
    }

    pub fn labels(&self, data: &Data, plot: &Plot) -> Vec<(f64, String)> {
        let locale = data.locale();
        match self {
            Along::Days { first, last } => calendar(locale, *first, *last, plot.inner_width())
                .into_iter()
                .map(|(day, label)| (plot.x(if last > first { (day - first) / (last - first) } else { 0.5 }), label))
                .collect(),
            Along::Numbers(scale) => {
                let start = (scale.min / scale.step - 1e-9).ceil() as i64;
                let end = (scale.max / scale.step + 1e-9).floor() as i64;
                let kind = data.kind(data.x);
                (start..=end)
                    .map(|index| index as f64 * scale.step)
                    .map(|tick| (plot.x(scale.share(tick)), scale.label(locale, kind, tick)))
                    .collect()
            }
            Along::Places(places) => places
                .iter()
                .enumerate()
                .map(|(index, place)| (plot.x((index as f64 + 0.5) / places.len() as f64), place.clone()))
                .collect(),
        }
    }
}

/// The distinct plain values of a column, in the order of the answer.
pub fn distinct(data: &Data, column: Option<usize>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    (0..data.answer.rows.len()).map(|row| data.cell(row, column).plain()).filter(|plain| seen.insert(plain.clone())).collect()
}

/// The label of a category. A column of month starts is shown in months.
pub fn category(data: &Data, row: usize, column: Option<usize>) -> String {
    match data.cell(row, column) {
        Value::Date(day) if is_monthly(data, column) => data.locale().month(*day),
        _ => data.shown(row, column),
    }
}

/// About how wide a text is at the charts' font size: a kanji is an em, a digit a little more than half.
pub fn text_width(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() || c == '¥' || c == '−' || c == '–' { 0.58 } else { 1.0 }).sum::<f64>() * FONT
}

/// Cuts a text that is wider than `room` and says so with an ellipsis.
pub fn fit(text: &str, room: f64) -> String {
    if text_width(text) <= room {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if text_width(&kept) + 2.0 * FONT > room {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// Whether a column holds nothing but month starts.
pub fn is_monthly(data: &Data, column: Option<usize>) -> bool {
    (0..data.answer.rows.len()).all(|row| match data.cell(row, column) {
        Value::Date(day) => day.day() == 1,
        Value::Null => true,
        _ => false,
    })
}

fn day_number(locale: &Locale, value: &Value) -> Option<f64> {
    match value {
        Value::Date(day) => Some(f64::from(day.num_days_from_ce())),
        Value::Instant(at) => {
            let local = locale.zone.local(*at);
            let midnight = local.date().and_time(chrono::NaiveTime::MIN);
            Some(f64::from(local.date().num_days_from_ce()) + (local - midnight).num_seconds() as f64 / 86_400.0)
        }
        _ => None,
    }
}

/// Ticks where a calendar has them: days, Mondays, month starts, years; the finest whose labels fit.
fn calendar(locale: &Locale, first: f64, last: f64, width: f64) -> Vec<(f64, String)> {
    let Some(start) = NaiveDate::from_num_days_from_ce_opt(first.floor() as i32).filter(|_| first.is_finite()) else {
        return vec![];
    };
    let number = |day: NaiveDate| f64::from(day.num_days_from_ce());
    let span = (last - first).max(1.0);
    let room = |days: f64| days / span * width;
    for days in [1u64, 2, 7, 14] {
        if room(days as f64) >= text_width(&locale.day_of_month(start)) + 12.0 {
            let offset = if days >= 7 { (7 - u64::from(start.weekday().num_days_from_monday())) % 7 } else { 0 };
            return std::iter::successors(start.checked_add_days(Days::new(offset)), |day| day.checked_add_days(Days::new(days)))
                .take_while(|day| number(*day) <= last)
                .map(|day| (number(day), locale.day_of_month(day)))
                .collect();
        }
    }
    let month_start = start.with_day(1).unwrap_or(start);
    for months in [1u32, 2, 3, 6, 12, 24, 60, 120] {
        let label = |day: NaiveDate| if months >= 12 { locale.year(day) } else { locale.month(day) };
        if months == 120 || room(30.0 * f64::from(months)) >= text_width(&label(start)) + 12.0 {
            let aligned =
                month_start.with_month(month_start.month0() / months.min(12) * months.min(12) + 1).unwrap_or(month_start);
            return std::iter::successors(Some(aligned), |day| day.checked_add_months(Months::new(months)))
                .take_while(|day| number(*day) <= last)
                .filter(|day| number(*day) >= first)
                .map(|day| (number(day), label(day)))
                .collect();
        }
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_data() {
        let check =
            |low: f64, high: f64, expect: &[f64]| assert_eq!(Scale::nice(low, high, 4.0).ticks(), expect, "{low}..{high}");
        check(0.0, 100.0, &[0.0, 25.0, 50.0, 75.0, 100.0]);
        check(-3.0, 7.0, &[-5.0, -2.5, 0.0, 2.5, 5.0, 7.5]);
        check(0.0, 0.0, &[0.0, 0.25, 0.5, 0.75, 1.0]);
        check(0.0, 1_234_567.0, &[0.0, 500_000.0, 1_000_000.0, 1_500_000.0]);
    }

    #[test]
    fn long_texts_are_cut() {
        let check = |text: &str, room: f64, expect: &str| assert_eq!(fit(text, room), expect);
        check("短い", 100.0, "短い");
        check("とても長いカテゴリの名前です", 60.0, "とても長…");
    }
}
