//! Estimates with their intervals. Where any of them reaches below zero they are differences: the plot is centred on zero and each
//! says in a word, a sign and a colour whether the interval excludes it.

use maud::{Markup, html};
use query::Kind;

use super::{
    ChartError,
    axis::{Plot, Scale, category, fit, text_width},
    data::{Data, Point, hatch_fill, px},
};
use crate::pages::{Locale, words};

/// What an interval says about zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Up,
    Down,
    Unclear,
}

impl Verdict {
    pub fn of(low: f64, high: f64) -> Verdict {
        match (low, high) {
            (low, _) if low > 0.0 => Verdict::Up,
            (_, high) if high < 0.0 => Verdict::Down,
            _ => Verdict::Unclear,
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Verdict::Up => "▲",
            Verdict::Down => "▼",
            Verdict::Unclear => "＝",
        }
    }

    pub fn words(self, locale: &Locale) -> &'static str {
        match self {
            Verdict::Up => words::UP,
            Verdict::Down => words::DOWN,
            Verdict::Unclear => words::UNCLEAR,
        }
        .get(locale.lang)
    }

    /// The class that gives it its colour. A fall is good news where lower is better.
    pub fn class(self, lower_is_better: bool) -> &'static str {
        match (self, lower_is_better) {
            (Verdict::Up, false) | (Verdict::Down, true) => "good",
            (Verdict::Down, false) | (Verdict::Up, true) => "bad",
            (Verdict::Unclear, _) => "unclear",
        }
    }
}

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let bounds = |point: &Point| {
        let bound = |column| data.cell(point.row, column).number().filter(|number| number.is_finite());
        Some((bound(data.low)?, bound(data.high)?))
    };
    let points: Vec<Point> = data.points().into_iter().filter(|point| bounds(point).is_some()).collect();
    data.refuse_twice(&points)?;
    let (locale, kind) = (data.locale(), data.kind(data.value));
    let edge = |point: &Point| bounds(point).unwrap_or((point.value, point.value));
    let is_difference = points.iter().any(|point| edge(point).0 < 0.0);
    let scale = if is_difference {
        let reach = points.iter().map(|point| edge(point).0.abs().max(edge(point).1.abs())).fold(0.0, f64::max);
        Scale::nice(-reach, reach, 6.0)
    } else {
        Scale::from_zero(points.iter().map(|point| edge(point).1), kind)
    };
    let label = if data.y.is_some() { data.y } else { data.x };
    let names: Vec<String> = points
        .iter()
        .map(|point| {
            let name = category(data, point.row, label);
            if data.series.is_some() { format!("{name} · {}", data.shown(point.row, data.series)) } else { name }
        })
        .collect();
    let band = 34.0;
    let mut plot = Plot::beside(data, &names, band * points.len() as f64 + 32.0);
    plot.top = 4.0;
    let said = |point: &Point| {
        let number = if is_difference { locale.difference(kind, point.value) } else { locale.number(kind, point.value) };
        let (low, high) = edge(point);
        if is_difference {
            format!("{} {number} {}", Verdict::of(low, high).sign(), Verdict::of(low, high).words(locale))
        } else {
            number
        }
    };
    plot.right = points.iter().map(|point| text_width(&said(point))).fold(0.0, f64::max).min(plot.width * 0.4) + 14.0;
    let ticks: Vec<(f64, String)> =
        scale.ticks().into_iter().map(|tick| (plot.x(scale.share(tick)), scale.label(locale, kind, tick))).collect();
    let shapes = html! {
        g class="axis" aria-hidden="true" {
            @for tick in scale.ticks() {
                @let x = plot.x(scale.share(tick));
                line class={ @if tick == 0.0 { "zero" } @else { "grid" } }
                    x1=(px(x)) x2=(px(x)) y1=(px(plot.top)) y2=(px(plot.height - plot.bottom)) {}
            }
        }
        (plot.x_labels(&ticks))
        @for (index, point) in points.iter().enumerate() {
            @let y = plot.top + (index as f64 + 0.5) * band;
            @let (low, high) = edge(point);
            @let class = if is_difference { Verdict::of(low, high).class(false) } else { "s0" };
            text class="name" x=(px(plot.left - 10.0)) y=(px(y + 4.0)) text-anchor="end" {
                (fit(&names[index], plot.left - 10.0))
            }
            (data.mark(point.row, class, html! {
                (whisker([plot.x(scale.share(low)), plot.x(scale.share(point.value)), plot.x(scale.share(high))], y))
                @if point.hatched {
                    rect x=(px(plot.x(scale.share(low)))) y=(px(y - 7.0)) width=(px((high - low) / (scale.max - scale.min) * plot.inner_width()))
                        height="14" fill=(hatch_fill(data.spec.id)) {}
                }
                text class="value" x=(px(plot.width - plot.right + 10.0)) y=(px(y + 4.0)) { (said(point)) }
            }))
        }
    };
    Ok(data.figure(plot.width, plot.height, &points, shapes))
}

/// One interval on a scale shared by a table's rows, for a cell of a read-out.
pub fn in_cell(locale: &Locale, kind: Kind, [low, value, high]: [f64; 3], reach: f64, lower_is_better: bool) -> Markup {
    let (width, height) = (220.0, 30.0);
    let scale = Scale { min: -reach, max: reach, step: reach };
    let x = |number: f64| 6.0 + scale.share(number).clamp(0.0, 1.0) * (width - 12.0);
    let verdict = Verdict::of(low, high);
    let label = format!(
        "{} ({} – {}) {}",
        locale.difference(kind, value),
        locale.difference(kind, low),
        locale.difference(kind, high),
        verdict.words(locale)
    );
    html! {
        svg class="in-cell" viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(label) {
            line class="zero" x1=(px(x(0.0))) x2=(px(x(0.0))) y1="0" y2=(height) {}
            g class={ "mark " (verdict.class(lower_is_better)) } data-value=(value) data-low=(low) data-high=(high) {
                title { (label) }
                (whisker([x(low), x(value), x(high)], height / 2.0))
            }
        }
    }
}

fn whisker([low, value, high]: [f64; 3], y: f64) -> Markup {
    html! {
        rect class="band" x=(px(low)) y=(px(y - 5.0)) width=(px((high - low).max(1.0))) height="10" rx="5" {}
        path class="line"
            d={ "M" (px(low)) " " (px(y)) "H" (px(high)) "M" (px(low)) " " (px(y - 5.0)) "v10M" (px(high)) " " (px(y - 5.0)) "v10" } {}
        circle class="dot" cx=(px(value)) cy=(px(y)) r="4" {}
    }
}
