//! A line per series over x. Points not yet mature are hollow and reached by a dashed line.

use maud::{Markup, html};

use super::{
    ChartError,
    axis::{Along, Plot, Scale},
    data::{Data, Point, px, tone},
};

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let along = Along::of(data);
    let points: Vec<Point> = data.points().into_iter().filter(|point| along.share(data, point.row).is_some()).collect();
    data.refuse_twice(&points)?;
    let kind = data.kind(data.value);
    let scale = Scale::from_zero(points.iter().map(|point| point.value), kind);
    let ticks: Vec<String> = scale.ticks().into_iter().map(|tick| scale.label(data.locale(), kind, tick)).collect();
    let plot = Plot::beside(data, &ticks, 250.0);
    let place = |point: &Point| (plot.x(along.share(data, point.row).unwrap_or(0.5)), plot.y(scale.share(point.value)));
    let series_count = data.series_names().len();
    let radius = if points.len() > 120 {
        1.4
    } else if points.len() > 40 {
        2.2
    } else {
        3.2
    };
    let shapes = html! {
        (plot.y_axis(data.locale(), kind, &scale))
        (plot.x_labels(&along.labels(data, &plot)))
        @for series in 0..series_count {
            @let path = paths(data, &points, series, &place);
            @if series_count == 1 && scale.min >= 0.0 && path.gaps == 0 {
                path class={ "area " (tone(series)) } d=(area(&points, &place, plot.y(scale.share(0.0)))) {}
            }
            path class={ "line " (tone(series)) @if series >= 8 { " again" } } data-series=(series) d=(path.solid) {}
            @if !path.dashed.is_empty() { path class={ "line dashed " (tone(series)) } d=(path.dashed) {} }
        }
        @for point in &points {
            @let (x, y) = place(point);
            (data.mark(point.row, &format!("{}{}", tone(point.series), if point.hatched { " hollow" } else { "" }), html! {
                circle class="hit" cx=(px(x)) cy=(px(y)) r="9" {}
                (marker(point.series, x, y, radius))
            }))
        }
    };
    Ok(data.figure(plot.width, plot.height, &points, shapes))
}

/// A series' own shape, so that lines are told apart without colour.
pub fn marker(series: usize, x: f64, y: f64, r: f64) -> Markup {
    let path = |d: String| html! { path class="dot" d=(d) {} };
    match series % 4 {
        0 => html! { circle class="dot" cx=(px(x)) cy=(px(y)) r=(px(r)) {} },
        1 => path(format!("M{} {}h{}v{}h-{}z", px(x - r), px(y - r), px(2.0 * r), px(2.0 * r), px(2.0 * r))),
        2 => {
            path(format!("M{} {}L{} {}L{} {}z", px(x), px(y - 1.25 * r), px(x + 1.2 * r), px(y + r), px(x - 1.2 * r), px(y + r)))
        }
        _ => path(format!(
            "M{} {}L{} {}L{} {}L{} {}z",
            px(x),
            px(y - 1.35 * r),
            px(x + 1.35 * r),
            px(y),
            px(x),
            px(y + 1.35 * r),
            px(x - 1.35 * r),
            px(y)
        )),
    }
}

struct Paths {
    solid: String,
    dashed: String,
    gaps: usize,
}

/// The lines of one series. A row without a value breaks the line: no number is guessed in between.
fn paths(data: &Data, points: &[Point], series: usize, place: &dyn Fn(&Point) -> (f64, f64)) -> Paths {
    let names = data.series_names();
    let own_rows: Vec<usize> =
        (0..data.answer.rows.len()).filter(|row| data.series.is_none() || data.series_name(*row) == names[series]).collect();
    let mut own: Vec<&Point> = points.iter().filter(|point| point.series == series).collect();
    own.sort_by(|a, b| place(a).0.total_cmp(&place(b).0));
    let mut paths = Paths { solid: String::new(), dashed: String::new(), gaps: 0 };
    for pair in own.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (low, high) = (from.row.min(to.row), from.row.max(to.row));
        if own_rows.iter().any(|row| low < *row && *row < high && !points.iter().any(|point| point.row == *row)) {
            paths.gaps += 1;
            continue;
        }
        let ((x1, y1), (x2, y2)) = (place(from), place(to));
        let into = if from.hatched || to.hatched { &mut paths.dashed } else { &mut paths.solid };
        let start = format!("M{} {}", px(x1), px(y1));
        let joins = into.rsplit_once('L').is_some_and(|(_, end)| start[1..] == *end);
        into.push_str(&if joins { format!("L{} {}", px(x2), px(y2)) } else { format!("{start}L{} {}", px(x2), px(y2)) });
    }
    paths
}

fn area(points: &[Point], place: &dyn Fn(&Point) -> (f64, f64), base: f64) -> String {
    let mut places: Vec<(f64, f64)> = points.iter().map(place).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return String::new() };
    let line: String = places.iter().map(|(x, y)| format!("L{} {}", px(*x), px(*y))).collect();
    format!("M{} {}{line}L{} {}z", px(first.0), px(base), px(last.0), px(base))
}
