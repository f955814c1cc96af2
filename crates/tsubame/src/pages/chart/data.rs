//! An answer seen through a chart's roles: which column is x, which the value, and what each row's mark must carry.

use std::collections::BTreeSet;

use maud::{Markup, html};
use query::{Answer, Kind, Value};

use super::{Chart, ChartError, ChartSpec, axis::category};
use crate::pages::{Locale, words};

pub struct Data<'a> {
    pub spec: &'a ChartSpec<'a>,
    pub answer: &'a Answer,
    pub x: Option<usize>,
    pub y: Option<usize>,
    pub series: Option<usize>,
    pub value: Option<usize>,
    pub low: Option<usize>,
    pub high: Option<usize>,
    hatch: Option<usize>,
}

/// A row that has something to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub row: usize,
    pub value: f64,
    /// Place of its series in [`Data::series_names`].
    pub series: usize,
    pub hatched: bool,
}

impl<'a> Data<'a> {
    pub fn bind(spec: &'a ChartSpec<'a>, answer: &'a Answer) -> Result<Self, ChartError> {
        let column = |role: &'static str, name: Option<&str>| match name.filter(|name| !name.is_empty()) {
            None => Ok(None),
            Some(name) => answer.column(name).map(Some).ok_or_else(|| ChartError::Column {
                role,
                name: name.into(),
                have: answer.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
            }),
        };
        let data = Data {
            spec,
            answer,
            x: column("x", spec.x)?,
            y: column("y", spec.y)?,
            series: column("series", spec.series)?,
            value: column("value", spec.value)?,
            low: column("low", spec.low)?,
            high: column("high", spec.high)?,
            hatch: column("hatch_when", spec.hatch_when)?,
        };
        for (role, column) in [("value", data.value), ("low", data.low), ("high", data.high)] {
            data.expect(role, column, "a number", |kind| matches!(kind, Kind::Int | Kind::Float | Kind::Rate | Kind::Money))?;
        }
        data.expect("hatch_when", data.hatch, "true or false", |kind| kind == Kind::Bool)?;
        let label = if data.y.is_some() && matches!(spec.chart, Chart::Interval) { data.y } else { data.x };
        let needs: &[(&'static str, Option<usize>)] = match spec.chart {
            Chart::Table | Chart::Kpi => &[],
            Chart::Line | Chart::Bar | Chart::Funnel => &[("x", data.x), ("value", data.value)],
            Chart::Heatmap => &[("x", data.x), ("y", data.y), ("value", data.value)],
            Chart::Interval => &[("y", label), ("value", data.value), ("low", data.low), ("high", data.high)],
        };
        for (role, column) in needs {
            if column.is_none() {
                return Err(ChartError::Missing { chart: spec.chart.name(), role });
            }
        }
        Ok(data)
    }

    pub fn locale(&self) -> &'a Locale {
        self.spec.locale
    }

    pub fn kind(&self, column: Option<usize>) -> Kind {
        column.map_or(Kind::Text, |column| self.answer.columns[column].kind)
    }

    pub fn cell(&self, row: usize, column: Option<usize>) -> &'a Value {
        column.and_then(|column| self.answer.rows[row].get(column)).unwrap_or(&Value::Null)
    }

    pub fn shown(&self, row: usize, column: Option<usize>) -> String {
        self.locale().value(self.kind(column), self.cell(row, column))
    }

    /// The series in the order they first appear; one nameless series where the chart has none.
    pub fn series_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in 0..self.answer.rows.len() {
            let name = self.series_name(row);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    pub fn series_name(&self, row: usize) -> String {
        self.series.map(|_| category(self, row, self.series)).unwrap_or_default()
    }

    /// The rows that have a finite value.
    pub fn points(&self) -> Vec<Point> {
        let names = self.series_names();
        (0..self.answer.rows.len())
            .filter_map(|row| {
                let value = self.cell(row, self.value).number().filter(|value| value.is_finite())?;
                let name = self.series_name(row);
                let series = names.iter().position(|known| *known == name).unwrap_or(0);
                Some(Point { row, value, series, hatched: self.hatched(row) })
            })
            .collect()
    }

    pub fn hatched(&self, row: usize) -> bool {
        matches!(self.cell(row, self.hatch), Value::Bool(true))
    }

    /// Refuses an answer in which two rows would be drawn at one place: one of them would be hidden.
    pub fn refuse_twice(&self, points: &[Point]) -> Result<(), ChartError> {
        let mut seen = BTreeSet::new();
        for point in points {
            let key: Vec<String> = [self.x, self.y, self.series]
                .into_iter()
                .filter(|column| column.is_some())
                .map(|column| self.cell(point.row, column).plain())
                .collect();
            if !seen.insert(key.clone()) {
                return Err(ChartError::Twice { mark: key.join(", ") });
            }
        }
        Ok(())
    }

    /// The group that stands for a row: its plain values as in the CSV, a tooltip with every column of the row, then the shapes.
    pub fn mark(&self, row: usize, class: &str, shapes: Markup) -> Markup {
        let plain = |column: Option<usize>| column.map(|_| self.cell(row, column).plain());
        html! {
            g class={ "mark " (class) } data-x=[plain(self.x)] data-y=[plain(self.y)] data-series=[plain(self.series)]
                data-value=[plain(self.value)] data-low=[plain(self.low)] data-high=[plain(self.high)]
                data-hatched=[self.hatched(row).then_some("true")] {
                title { (self.tooltip(row)) }
                (shapes)
            }
        }
    }

    pub fn tooltip(&self, row: usize) -> String {
        let mut lines: Vec<String> = self
            .answer
            .columns
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != self.hatch)
            .map(|(index, column)| format!("{}: {}", column.label.get(self.locale().lang.name()), self.shown(row, Some(index))))
            .collect();
        if self.hatched(row) {
            lines.push(words::IMMATURE.get(self.locale().lang).into());
        }
        lines.join("\n")
    }

    /// The figure around a drawing: legend, then the SVG with its accessible name.
    pub fn figure(&self, width: f64, height: f64, points: &[Point], shapes: Markup) -> Markup {
        let lang = self.locale().lang;
        let names = self.series_names();
        let any_hatched = points.iter().any(|point| point.hatched);
        let label = words::CHART_LABEL.fill(lang, &[self.spec.title, &points.len().to_string()]);
        let id = self.spec.id;
        html! {
            figure class={ "chart chart-" (self.spec.chart.name()) @if width > 800.0 { " chart-wide" } } {
                @if self.series.is_some() || any_hatched {
                    ul class="legend" {
                        @if self.series.is_some() {
                            @for (index, name) in names.iter().enumerate() {
                                li data-series=(name) {
                                    svg class={ "swatch " (tone(index)) } viewBox="0 0 14 14" aria-hidden="true" {
                                        @if self.spec.chart == Chart::Line { (super::line::marker(index, 7.0, 7.0, 4.5)) }
                                        @else { rect class="fill" x="1" y="1" width="12" height="12" rx="2" {} }
                                    }
                                    (name)
                                }
                            }
                        }
                        @if any_hatched {
                            li class="legend-hatch" {
                                svg class="swatch" viewBox="0 0 14 14" aria-hidden="true" {
                                    @if self.spec.chart == Chart::Line {
                                        line class="dashed-key" x1="0" y1="7" x2="14" y2="7" {}
                                        circle class="hollow-key" cx="7" cy="7" r="3" {}
                                    } @else {
                                        rect class="hatch-key" x="1" y="1" width="12" height="12" rx="2" {}
                                        rect x="1" y="1" width="12" height="12" fill=(hatch_fill(id)) {}
                                    }
                                }
                                (words::IMMATURE.get(lang))
                            }
                        }
                    }
                }
                figcaption { (self.axes()) }
                svg viewBox={ "0 0 " (px(width)) " " (px(height)) } role="img" aria-label=(label) {
                    @if any_hatched {
                        defs {
                            pattern id={ (id) "-hatch" } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                                line class="hatch-line" x1="1" y1="0" x2="1" y2="6" {}
                                line class="hatch-light" x1="3" y1="0" x2="3" y2="6" {}
                            }
                        }
                    }
                    (shapes)
                }
            }
        }
    }

    /// What stands along which direction.
    fn axes(&self) -> String {
        let lang = self.locale().lang;
        let label = |column: Option<usize>| column.map_or("", |column| self.answer.columns[column].label.get(lang.name()));
        let (x, y, value) = (label(self.x), label(self.y), label(self.value));
        match self.spec.chart {
            Chart::Heatmap => words::AXES_GRID.fill(lang, &[value, y, x]),
            Chart::Line | Chart::Bar => words::AXES.fill(lang, &[value, x]),
            _ => value.into(),
        }
    }

    fn expect(
        &self,
        role: &'static str,
        column: Option<usize>,
        wanted: &'static str,
        fits: impl Fn(Kind) -> bool,
    ) -> Result<(), ChartError> {
        match column {
            Some(column) if !fits(self.answer.columns[column].kind) => Err(ChartError::Kind {
                role,
                name: self.answer.columns[column].name.clone(),
                kind: format!("{:?}", self.answer.columns[column].kind).to_lowercase(),
                wanted,
            }),
            _ => Ok(()),
        }
    }
}

/// The class that gives a series its colour: eight of Okabe and Ito, then again from the first with another dash.
pub fn tone(series: usize) -> String {
    format!("s{}", series % 8)
}

/// The reference to a chart's own hatch pattern.
pub fn hatch_fill(id: &str) -> String {
    format!("url(#{id}-hatch)")
}

/// A coordinate: a tenth of a unit is finer than a screen shows.
pub fn px(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".into() } else { format!("{rounded}") }
}
