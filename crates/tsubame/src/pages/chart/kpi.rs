//! Big numbers. One row without `x`: a tile per numeric column. With `x` of texts: a tile per row. With `x` of dates: one tile, the last
//! row in big and all rows as a small line.

use maud::{Markup, html};
use query::{Kind, Value};

use super::{
    ChartError,
    axis::{Along, Scale},
    data::{Data, px},
};
use crate::pages::words;

pub fn draw(data: &Data) -> Result<Markup, ChartError> {
    let tiles = match (data.x, data.kind(data.x)) {
        (None, _) => columns(data),
        (Some(_), _) if data.value.is_none() => return Err(ChartError::Missing { chart: "kpi", role: "value" }),
        (Some(_), Kind::Date | Kind::Instant) => series(data)?,
        (Some(_), _) => rows(data)?,
    };
    Ok(html! { div class="kpis" { (tiles) } })
}

fn columns(data: &Data) -> Markup {
    let (locale, answer) = (data.locale(), data.answer);
    let is_shown = |index: usize, kind: Kind| match data.value {
        Some(value) => index == value,
        None => !matches!(kind, Kind::Text | Kind::Bool),
    };
    html! {
        @for row in 0..answer.rows.len() {
            @for (index, column) in answer.columns.iter().enumerate().filter(|(index, column)| is_shown(*index, column.kind)) {
                @let value = data.cell(row, Some(index));
                @let class = if matches!(value, Value::Null) { "kpi" } else { "kpi mark" };
                div class=(class) data-x=(column.name) data-value=(value.plain()) {
                    p class="kpi-label" { (column.label.get(locale.lang.name())) }
                    p class="kpi-value" { (locale.value(column.kind, value)) }
                    @if data.value.is_some() { (range(data, row)) }
                    @if data.hatched(row) { p class="kpi-note immature" { (words::IMMATURE.get(locale.lang)) } }
                }
            }
        }
    }
}

fn rows(data: &Data) -> Result<Markup, ChartError> {
    data.refuse_twice(&data.points())?;
    Ok(html! {
        @for row in 0..data.answer.rows.len() {
            @let value = data.cell(row, data.value);
            @let class = if matches!(value, Value::Null) { "kpi" } else { "kpi mark" };
            div class=(class) data-x=(data.cell(row, data.x).plain()) data-value=(value.plain()) data-low=[bound(data, row, data.low)]
                data-high=[bound(data, row, data.high)] title=(data.tooltip(row)) {
                p class="kpi-label" {
                    (data.shown(row, data.x))
                    @if data.series.is_some() { " · " (data.shown(row, data.series)) }
                }
                p class="kpi-value" { (data.shown(row, data.value)) }
                (range(data, row))
                @if data.hatched(row) { p class="kpi-note immature" { (words::IMMATURE.get(data.locale().lang)) } }
            }
        }
    })
}

fn series(data: &Data) -> Result<Markup, ChartError> {
    let (locale, along) = (data.locale(), Along::of(data));
    let mut points = data.points();
    data.refuse_twice(&points)?;
    points.retain(|point| along.share(data, point.row).is_some());
    let share = |row: usize| along.share(data, row).unwrap_or(0.5);
    points.sort_by(|a, b| share(a.row).total_cmp(&share(b.row)));
    let Some(last) = points.last() else { return Ok(super::empty(locale, data.spec.when_empty)) };
    let kind = data.kind(data.value);
    let scale = Scale::from_zero(points.iter().map(|point| point.value), kind);
    let place = |row: usize, value: f64| (4.0 + share(row) * 212.0, 44.0 - scale.share(value) * 40.0);
    let line: String = points
        .iter()
        .enumerate()
        .map(|(index, point)| {
            let (x, y) = place(point.row, point.value);
            format!("{}{} {}", if index == 0 { "M" } else { "L" }, px(x), px(y))
        })
        .collect();
    let column = data.value.map(|value| data.answer.columns[value].label.get(locale.lang.name())).unwrap_or_default();
    let before = points.len().checked_sub(2).and_then(|index| points.get(index)).filter(|before| before.value != 0.0);
    Ok(html! {
        div class="kpi" {
            p class="kpi-label" { (column) " · " (data.shown(last.row, data.x)) }
            p class="kpi-value" { (data.shown(last.row, data.value)) }
            @if let Some(before) = before {
                @let change = (last.value - before.value) / before.value.abs();
                p class="kpi-note" {
                    @if change >= 0.0 { "▲ +" } @else { "▼ " }
                    (crate::pages::format::percent(change)) " " (words::AGAINST.fill(locale.lang, &[&data.shown(before.row, data.x)]))
                }
            }
            svg class="spark" viewBox="0 0 220 48" role="img"
                aria-label=(words::CHART_LABEL.fill(locale.lang, &[data.spec.title, &points.len().to_string()])) {
                path class="line s0" d=(line) {}
                @for point in &points {
                    @let (x, y) = place(point.row, point.value);
                    @let class = if point.row == last.row { "s0 last" } else { "s0" };
                    (data.mark(point.row, class, html! {
                        circle class="hit" cx=(px(x)) cy=(px(y)) r="6" {}
                        circle class="dot" cx=(px(x)) cy=(px(y)) r=(if point.row == last.row { "3" } else { "1.2" }) {}
                    }))
                }
            }
        }
    })
}

fn bound(data: &Data, row: usize, column: Option<usize>) -> Option<String> {
    column.map(|_| data.cell(row, column).plain())
}

fn range(data: &Data, row: usize) -> Markup {
    let (low, high) = (data.cell(row, data.low), data.cell(row, data.high));
    let is_known = !matches!(low, Value::Null) && !matches!(high, Value::Null);
    html! {
        @if data.low.is_some() && data.high.is_some() && is_known {
            p class="kpi-note" {
                (words::INTERVAL_95.get(data.locale().lang)) " " (data.shown(row, data.low)) " – " (data.shown(row, data.high))
            }
        }
    }
}
