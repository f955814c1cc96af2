//! One card of a dashboard: a chart, its table twin, its CSV, the SQL behind it, or the error that kept it from being drawn.

use maud::{Markup, html};
use model::Remedy;
use query::Answer;

use super::{
    Locale,
    chart::{self, Chart, ChartSpec},
    table, words,
};

#[derive(Debug)]
pub struct Panel<'a> {
    pub spec: ChartSpec<'a>,
    /// The query's own description.
    pub description: Option<&'a str>,
    pub link: Option<&'a str>,
    pub csv_href: Option<&'a str>,
    pub sql: Option<&'a str>,
    pub content: Content<'a>,
}

#[derive(Debug)]
pub enum Content<'a> {
    Answer(&'a Answer),
    /// Drawn elsewhere: a read-out.
    Drawn(Markup),
    Failed(PanelError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelError {
    pub message: String,
    pub remedy: Option<String>,
}

pub fn draw(panel: &Panel) -> Markup {
    let (spec, lang) = (&panel.spec, panel.spec.locale.lang);
    let (body, twin) = match &panel.content {
        Content::Answer(answer) => answered(panel, answer),
        Content::Drawn(markup) => (markup.clone(), None),
        Content::Failed(error) => (failed(spec.locale, error), None),
    };
    let span = if spec.wide || spec.chart == Chart::Kpi { "card card-wide" } else { "card" };
    html! {
        section class=(span) id=(spec.id) aria-labelledby={ (spec.id) "-title" } {
            header class="card-head" {
                div {
                    h2 id={ (spec.id) "-title" } { (spec.title) }
                    @if let Some(description) = panel.description { p class="note" { (description) } }
                }
                @if let Some(href) = panel.csv_href {
                    a class="csv" href=(href) download aria-label=(words::CSV_TITLE.fill(lang, &[spec.title])) { "↓ " (words::CSV.get(lang)) }
                }
            }
            (body)
            @if twin.is_some() || panel.sql.is_some() {
                div class="card-foot" {
                    @if let Some(twin) = twin { (twin) }
                    @if let Some(sql) = panel.sql {
                        details class="sql" {
                            summary { (words::SQL.get(lang)) }
                            pre tabindex="0" { code { (sql) } }
                        }
                    }
                }
            }
        }
    }
}

/// The state of a panel that could not be drawn: the message, and what to do.
pub fn failed(locale: &Locale, error: &PanelError) -> Markup {
    html! {
        div class="failed" role="alert" {
            p class="failed-title" { span aria-hidden="true" { "⚠ " } (words::PANEL_FAILED.get(locale.lang)) }
            p { (error.message) }
            @if let Some(remedy) = &error.remedy {
                p { strong { (words::REMEDY.get(locale.lang)) ": " } (remedy) }
            }
        }
    }
}

/// The chart and its table twin. A table is its own, and where there is nothing to draw there is nothing to tabulate.
fn answered(panel: &Panel, answer: &Answer) -> (Markup, Option<Markup>) {
    let locale = panel.spec.locale;
    let drawn = match panel.spec.chart {
        Chart::Table => table::draw(locale, answer, panel.link, panel.spec.when_empty).map(|table| (table, None)),
        _ if answer.rows.is_empty() => chart::draw(&panel.spec, answer).map(|empty| (empty, None)),
        _ => chart::draw(&panel.spec, answer)
            .and_then(|chart| table::twin(locale, answer, panel.link).map(|twin| (chart, Some(twin)))),
    };
    drawn.unwrap_or_else(|error| (failed(locale, &PanelError { message: error.to_string(), remedy: error.remedy() }), None))
}
