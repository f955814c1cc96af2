//! Charts: SVG drawn from an [`Answer`], each mark carrying the row it stands for. We draw them ourselves, because charts-rs 2.3.0 keeps
//! values as `f32` (inexact above 16,777,216) and colours as RGBA bytes (no CSS variables) and has no fill patterns. kuva 0.6.0 hatches only
//! in a whole-figure black-and-white mode, gives heatmap cells, funnels and intervals no data attributes, and gives them to bars only with
//! an inline `<style>` and `<script>`, which our Content-Security-Policy refuses.

mod axis;
mod bar;
mod data;
mod funnel;
mod heatmap;
pub mod interval;
mod kpi;
mod line;

use maud::{Markup, html};
use model::Remedy;
use query::Answer;

use super::{Locale, table, words};
use data::Data;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    Kpi,
    Table,
    Line,
    Bar,
    Heatmap,
    Funnel,
    Interval,
}

impl Chart {
    pub const ALL: [Chart; 7] =
        [Chart::Kpi, Chart::Table, Chart::Line, Chart::Bar, Chart::Heatmap, Chart::Funnel, Chart::Interval];

    pub fn name(self) -> &'static str {
        match self {
            Chart::Kpi => "kpi",
            Chart::Table => "table",
            Chart::Line => "line",
            Chart::Bar => "bar",
            Chart::Heatmap => "heatmap",
            Chart::Funnel => "funnel",
            Chart::Interval => "interval",
        }
    }

    pub fn parse(name: &str) -> Option<Chart> {
        Chart::ALL.into_iter().find(|chart| chart.name() == name)
    }
}

/// Which columns of an answer a chart shows, and how. The names are those of the dashboard file.
#[derive(Debug, Clone)]
pub struct ChartSpec<'a> {
    /// Unique on the page: ids inside the SVG start with it.
    pub id: &'a str,
    pub chart: Chart,
    pub title: &'a str,
    pub x: Option<&'a str>,
    pub y: Option<&'a str>,
    pub series: Option<&'a str>,
    pub value: Option<&'a str>,
    pub low: Option<&'a str>,
    pub high: Option<&'a str>,
    pub hatch_when: Option<&'a str>,
    pub wide: bool,
    /// What to do where there are no rows, in place of importing orders.
    pub when_empty: Option<&'a str>,
    pub locale: &'a Locale,
}

impl<'a> ChartSpec<'a> {
    pub fn new(id: &'a str, chart: Chart, title: &'a str, locale: &'a Locale) -> Self {
        ChartSpec {
            id,
            chart,
            title,
            x: None,
            y: None,
            series: None,
            value: None,
            low: None,
            high: None,
            hatch_when: None,
            wide: false,
            when_empty: None,
            locale,
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChartError {
    #[error("a {chart} chart needs `{role}`, and the panel does not give it")]
    Missing { chart: &'static str, role: &'static str },
    #[error("`{role} = \"{name}\"` names no column of the answer, which has {have}")]
    Column { role: &'static str, name: String, have: String },
    #[error("`{role} = \"{name}\"` is a column of kind {kind}, which cannot be drawn as {wanted}")]
    Kind { role: &'static str, name: String, kind: String, wanted: &'static str },
    #[error("two rows of the answer stand for the same mark: {mark}")]
    Twice { mark: String },
    #[error("the link `{link}` {why}")]
    Link { link: String, why: String },
}

impl Remedy for ChartError {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ChartError::Missing { role, .. } => format!("add `{role} = \"<column>\"` to the panel"),
            ChartError::Column { role, .. } => format!("give `{role}` one of these names, or add the column to the query"),
            ChartError::Kind { wanted, .. } => {
                format!("name a column that is {wanted}, or correct its kind in the query's header")
            }
            ChartError::Twice { .. } => "return one row per mark (group the query), or give the panel `series`".into(),
            ChartError::Link { .. } => {
                "write a path on this site with `{column}` placeholders, such as `/d/customer?customer={customer_id}`".into()
            }
        })
    }
}

/// Draws an answer. A row whose value is null has no mark; an answer without rows says what to do.
pub fn draw(spec: &ChartSpec, answer: &Answer) -> Result<Markup, ChartError> {
    let data = Data::bind(spec, answer)?;
    if answer.rows.is_empty() {
        return Ok(empty(spec.locale, spec.when_empty));
    }
    match spec.chart {
        Chart::Table => table::draw(spec.locale, answer, None, spec.when_empty),
        Chart::Kpi => kpi::draw(&data),
        Chart::Line => line::draw(&data),
        Chart::Bar => bar::draw(&data),
        Chart::Heatmap => heatmap::draw(&data),
        Chart::Funnel => funnel::draw(&data),
        Chart::Interval => interval::draw(&data),
    }
}

/// The state of a panel whose answer has no rows, and what to do: `remedy`, or to import orders.
pub fn empty(locale: &Locale, remedy: Option<&str>) -> Markup {
    html! {
        div class="empty" {
            p class="empty-title" { (words::NO_DATA.get(locale.lang)) }
            @if let Some(remedy) = remedy { p { (remedy) } } @else {
                p { (words::NO_DATA_REMEDY.get(locale.lang)) }
                p { a href="/import" { (words::IMPORT_ORDERS.get(locale.lang)) } }
            }
        }
    }
}

#[cfg(test)]
pub mod tests;
