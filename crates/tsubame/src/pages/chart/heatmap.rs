//! A grid with the number in every cell, on one sequential scale. A cell without a row, or whose value is null, stays empty: that is
//! what makes a cohort table a triangle.

use maud::{Markup, html};
use query::Kind;

use super::{
    ChartError,
    axis::{category, distinct, fit, text_width},
    data::{Data, hatch_fill, px},
};

/// How many steps the colour scale of `style.css` has.
const STEPS: f64 = 9.0;

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let points = data.points();
    data.refuse_twice(&points)?;
    let (columns, rows) = (ordered(data, data.x), ordered_rows(data));
    let (locale, kind) = (data.locale(), data.kind(data.value));
    let (low, high) = points
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.value), high.max(point.value)));
    let step = |value: f64| if high > low { (((value - low) / (high - low)) * (STEPS - 1.0)).round() as usize } else { 4 };
    let widest = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| text_width(&text)).fold(0.0, f64::max);
    let left = (widest(&mut rows.iter().map(|(_, label)| label.clone())) + 14.0).clamp(48.0, 190.0);
    let cell_min = widest(&mut points.iter().map(|point| locale.short(kind, point.value)))
        .max(widest(&mut columns.iter().map(|(_, label)| label.clone())).min(90.0))
        + 8.0;
    let full: f64 = if data.spec.wide { 1180.0 } else { 560.0 };
    let cell = ((full - left - 2.0) / columns.len() as f64).clamp(cell_min, cell_min.max(130.0));
    let (width, height, top, line) = (full.max(left + cell * columns.len() as f64 + 2.0), 30.0, 24.0, 28.0_f64);
    let shapes = html! {
        g class="axis" aria-hidden="true" {
            @for (index, (_, label)) in columns.iter().enumerate() {
                text x=(px(left + (index as f64 + 0.5) * cell)) y="15" text-anchor="middle" { (fit(label, cell - 4.0)) }
            }
            @for (index, (_, label)) in rows.iter().enumerate() {
                text class="name" x=(px(left - 8.0)) y=(px(top + (index as f64 + 0.5) * line + 4.0)) text-anchor="end" {
                    (fit(label, left - 10.0))
                }
            }
        }
        @for point in &points {
            @let x = left + position(&columns, &data.cell(point.row, data.x).plain()) * cell;
            @let y = top + position(&rows, &data.cell(point.row, data.y).plain()) * line;
            (data.mark(point.row, &format!("cell q{}", step(point.value)), html! {
                rect class="tile" x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(cell - 2.0)) height=(px(line - 2.0)) rx="3" {}
                @if point.hatched {
                    rect x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(cell - 2.0)) height=(px(line - 2.0)) rx="3"
                        fill=(hatch_fill(data.spec.id)) {}
                    // The number stands on a plain ground, or the hatching would strike it out.
                    @let ground = text_width(&locale.short(kind, point.value)) + 8.0;
                    rect class="tile" x=(px(x + (cell - ground) / 2.0)) y=(px(y + 6.0)) width=(px(ground)) height=(px(line - 12.0))
                        rx="3" {}
                }
                text x=(px(x + cell / 2.0)) y=(px(y + line / 2.0 + 4.0)) text-anchor="middle" { (locale.short(kind, point.value)) }
            }))
        }
    };
    Ok(data.figure(width, height - 4.0 + line * rows.len() as f64, &points, shapes))
}

fn position(places: &[(String, String)], plain: &str) -> f64 {
    places.iter().position(|(place, _)| place == plain).unwrap_or(0) as f64
}

/// Plain value and label of each distinct value, in the order of the answer.
fn ordered_rows(data: &Data) -> Vec<(String, String)> {
    labelled(data, data.y)
}

/// As the rows, but numbers and dates run from small to large whatever the order of the answer.
fn ordered(data: &Data, column: Option<usize>) -> Vec<(String, String)> {
    let mut places = labelled(data, column);
    match data.kind(column) {
        Kind::Int | Kind::Float | Kind::Rate | Kind::Money => {
            places.sort_by(|a, b| a.0.parse::<f64>().unwrap_or(f64::NAN).total_cmp(&b.0.parse::<f64>().unwrap_or(f64::NAN)));
        }
        Kind::Date | Kind::Instant => places.sort(),
        Kind::Text | Kind::Bool => {}
    }
    places
}

fn labelled(data: &Data, column: Option<usize>) -> Vec<(String, String)> {
    distinct(data, column)
        .into_iter()
        .map(|plain| {
            let row = (0..data.answer.rows.len()).find(|row| data.cell(*row, column).plain() == plain);
            let label = row.map(|row| category(data, row, column)).unwrap_or_default();
            (plain, label)
        })
        .collect()
}
