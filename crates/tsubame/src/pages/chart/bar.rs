//! Bars: one per category, side by side per series. Over dates, series are stacked: the whole is what a shop looks at first.
//! Long names lie beside horizontal bars instead of being cut under vertical ones.

use chrono::NaiveDate;
use maud::{Markup, html};
use query::{Kind, Value};

use super::{
    ChartError,
    axis::{Plot, Scale, category, distinct, fit, is_monthly, text_width},
    data::{Data, Point, hatch_fill, px, tone},
};

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let points = data.points();
    data.refuse_twice(&points)?;
    let places = distinct(data, data.x);
    let labels = labels(data, &places);
    let series_count = data.series_names().len();
    let room = (if data.spec.wide { 1100.0 } else { 500.0 }) / places.len() as f64;
    let is_text = matches!(data.kind(data.x), Kind::Text | Kind::Bool);
    let too_long = labels.iter().any(|label| text_width(label) > room - 6.0);
    if is_text && too_long && places.len() * series_count <= 40 {
        Ok(horizontal(data, &points, &places, &labels, series_count))
    } else {
        Ok(vertical(data, &points, &places, &labels, series_count))
    }
}

fn vertical(data: &Data, points: &[Point], places: &[String], labels: &[String], series_count: usize) -> Markup {
    let (locale, kind) = (data.locale(), data.kind(data.value));
    let is_stacked = series_count > 1
        && matches!(data.kind(data.x), Kind::Date | Kind::Instant)
        && points.iter().all(|point| point.value >= 0.0);
    let mut tops = vec![0.0; places.len()];
    let bars: Vec<(&Point, usize, f64)> = points
        .iter()
        .map(|point| {
            let place = place_of(data, places, point);
            let base = if is_stacked { tops[place] } else { 0.0 };
            tops[place] = base + point.value;
            (point, place, base)
        })
        .collect();
    let scale = Scale::from_zero(bars.iter().map(|(point, _, base)| base + point.value), kind);
    let ticks: Vec<String> = scale.ticks().into_iter().map(|tick| scale.label(locale, kind, tick)).collect();
    let plot = Plot::beside(data, &ticks, 250.0);
    let band = plot.inner_width() / places.len() as f64;
    let slots = if is_stacked { 1.0 } else { series_count as f64 };
    let width = (band * if band > 8.0 { 0.72 } else { 0.9 } / slots).min(56.0);
    let says_value = !is_stacked
        && points.iter().all(|point| text_width(&locale.short(kind, point.value)) <= (width + 6.0).max(band / slots - 4.0));
    let centres: Vec<(f64, String)> =
        labels.iter().enumerate().map(|(index, label)| (plot.left + (index as f64 + 0.5) * band, label.clone())).collect();
    let shapes = html! {
        (plot.y_axis(locale, kind, &scale))
        (plot.x_labels(&centres))
        @for (point, place, base) in bars {
            @let slot = if is_stacked { 0.0 } else { point.series as f64 };
            @let x = centres[place].0 + (slot - slots / 2.0) * width;
            @let (from, to) = (plot.y(scale.share(base)), plot.y(scale.share(base + point.value)));
            @let gap = if width > 6.0 { 1.0 } else { 0.0 };
            (data.mark(point.row, &tone(point.series), html! {
                (block(data, point, [x + gap / 2.0, from.min(to), width - gap, (from - to).abs()]))
                @if says_value {
                    @let above = if point.value < 0.0 { to + 12.0 } else { to - 4.0 };
                    text class="value" x=(px(x + width / 2.0)) y=(px(above)) text-anchor="middle" {
                        (locale.short(kind, point.value))
                    }
                }
            }))
        }
    };
    data.figure(plot.width, plot.height, points, shapes)
}

fn horizontal(data: &Data, points: &[Point], places: &[String], labels: &[String], series_count: usize) -> Markup {
    let (locale, kind) = (data.locale(), data.kind(data.value));
    let scale = Scale::from_zero(points.iter().map(|point| point.value), kind);
    let bar = if series_count > 1 { 15.0 } else { 20.0 };
    let band = bar * series_count as f64 + 10.0;
    let mut plot = Plot::beside(data, labels, band * places.len() as f64 + 8.0);
    plot.top = 4.0;
    plot.bottom = 4.0;
    let shown = |point: &Point| locale.value(kind, data.cell(point.row, data.value));
    plot.right = points.iter().map(|point| text_width(&shown(point))).fold(0.0, f64::max) + 12.0;
    let has_negative = scale.min < 0.0;
    let shapes = html! {
        g class="axis" aria-hidden="true" {
            line class="zero" x1=(px(plot.x(scale.share(0.0)))) x2=(px(plot.x(scale.share(0.0)))) y1="0" y2=(px(plot.height)) {}
            @for (index, label) in labels.iter().enumerate() {
                text class="name" x=(px(plot.left - 10.0)) y=(px(plot.top + (index as f64 + 0.5) * band + 4.0)) text-anchor="end" {
                    (fit(label, plot.left - 10.0))
                }
            }
        }
        @for point in points {
            @let place = place_of(data, places, point);
            @let y = plot.top + place as f64 * band + 5.0 + point.series as f64 * bar;
            @let (from, to) = (plot.x(scale.share(0.0)), plot.x(scale.share(point.value)));
            (data.mark(point.row, &tone(point.series), html! {
                (block(data, point, [from.min(to), y + 1.0, (to - from).abs(), bar - 2.0]))
                @let beside = if has_negative { plot.width - plot.right + 6.0 } else { to + 6.0 };
                text class="value" x=(px(beside)) y=(px(y + bar / 2.0 + 4.0)) { (shown(point)) }
            }))
        }
    };
    data.figure(plot.width, plot.height, points, shapes)
}

fn block(data: &Data, point: &Point, [x, y, width, height]: [f64; 4]) -> Markup {
    let radius = if width.min(height) > 8.0 { "2" } else { "0" };
    html! {
        rect class="fill" x=(px(x)) y=(px(y)) width=(px(width.max(0.5))) height=(px(height)) rx=(radius) {}
        @if point.hatched {
            rect x=(px(x)) y=(px(y)) width=(px(width.max(0.5))) height=(px(height)) fill=(hatch_fill(data.spec.id)) {}
        }
    }
}

fn place_of(data: &Data, places: &[String], point: &Point) -> usize {
    let plain = data.cell(point.row, data.x).plain();
    places.iter().position(|place| *place == plain).unwrap_or(0)
}

fn labels(data: &Data, places: &[String]) -> Vec<String> {
    let days: Vec<NaiveDate> = (0..data.answer.rows.len())
        .filter_map(|row| match data.cell(row, data.x) {
            Value::Date(day) => Some(*day),
            _ => None,
        })
        .collect();
    // Within a year the year says nothing.
    let is_short = days.iter().max().zip(days.iter().min()).is_some_and(|(last, first)| (*last - *first).num_days() < 360);
    places
        .iter()
        .map(|place| {
            let row = (0..data.answer.rows.len()).find(|row| data.cell(*row, data.x).plain() == *place);
            row.map(|row| place_label(data, row, is_short)).unwrap_or_default()
        })
        .collect()
}

fn place_label(data: &Data, row: usize, is_short: bool) -> String {
    match (data.cell(row, data.x), is_short && !is_monthly(data, data.x)) {
        (Value::Date(day), true) => data.locale().day_of_month(*day),
        _ => category(data, row, data.x),
    }
}
