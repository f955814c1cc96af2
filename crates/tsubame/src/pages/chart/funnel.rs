//! A funnel: a bar per step, with its number, its share of the first step and of the step before.

use maud::{Markup, html};

use super::{
    ChartError,
    axis::{Plot, category, fit, text_width},
    data::{Data, hatch_fill, px},
};
use crate::pages::{format::percent, words};

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let points = data.points();
    data.refuse_twice(&points)?;
    let (locale, kind) = (data.locale(), data.kind(data.value));
    let (bar, band) = (26.0, 50.0);
    let names: Vec<String> = points.iter().map(|point| category(data, point.row, data.x)).collect();
    let mut plot = Plot::beside(data, &names, band * points.len() as f64);
    let first = points.first().map_or(0.0, |point| point.value);
    let largest = points.iter().map(|point| point.value.max(0.0)).fold(0.0, f64::max);
    let shown = |value: f64, row: usize| {
        let number = locale.value(kind, data.cell(row, data.value));
        if first > 0.0 { format!("{number}  ({})", percent(value / first)) } else { number }
    };
    plot.right = points.iter().map(|point| text_width(&shown(point.value, point.row))).fold(0.0, f64::max) + 12.0;
    let shapes = html! {
        @for (index, point) in points.iter().enumerate() {
            @let y = index as f64 * band + 2.0;
            @let width = if largest > 0.0 { point.value.max(0.0) / largest * plot.inner_width() } else { 0.0 };
            text class="name" x=(px(plot.left - 10.0)) y=(px(y + bar / 2.0 + 4.0)) text-anchor="end" {
                (fit(&names[index], plot.left - 10.0))
            }
            rect class="track" x=(px(plot.left)) y=(px(y)) width=(px(plot.inner_width())) height=(px(bar)) rx="3" {}
            (data.mark(point.row, "s0", html! {
                rect class="fill" x=(px(plot.left)) y=(px(y)) width=(px(width.max(1.0))) height=(px(bar)) rx="3" {}
                @if point.hatched {
                    rect x=(px(plot.left)) y=(px(y)) width=(px(width.max(1.0))) height=(px(bar)) rx="3" fill=(hatch_fill(data.spec.id)) {}
                }
                text class="value" x=(px(plot.width - plot.right + 10.0)) y=(px(y + bar / 2.0 + 4.0)) { (shown(point.value, point.row)) }
            }))
            @if let Some(next) = points.get(index + 1) && point.value > 0.0 {
                text class="step" x=(px(plot.left + 4.0)) y=(px(y + bar + 16.0)) {
                    "↓ " (percent(next.value / point.value)) " " (words::OF_STEP_BEFORE.get(locale.lang))
                }
            }
        }
    };
    Ok(data.figure(plot.width, plot.height - 20.0, &points, shapes))
}
