//! A page as a file: panels that name queries and how to draw them.

use std::collections::BTreeMap;

use model::{Problem, Text};
use serde::Deserialize;

use crate::Library;

#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    pub name: String,
    pub file: String,
    pub title: Text,
    /// Its place in the navigation; without one it is not listed.
    pub order: Option<i64>,
    pub intro: Text,
    pub panels: Vec<Panel>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    #[serde(default)]
    pub title: Text,
    #[serde(default)]
    pub note: Text,
    /// What to do where there are no rows, if more orders would not help.
    #[serde(default)]
    pub empty: Text,
    #[serde(default)]
    pub query: String,
    #[serde(default = "table")]
    pub chart: String,
    pub readout: Option<ReadoutKind>,
    #[serde(default)]
    pub x: String,
    #[serde(default)]
    pub y: String,
    #[serde(default)]
    pub series: String,
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub low: String,
    #[serde(default)]
    pub high: String,
    #[serde(default)]
    pub hatch_when: String,
    #[serde(default)]
    pub params: BTreeMap<String, toml::Value>,
    /// The first column links here; `{column}` is replaced.
    pub link: Option<String>,
    #[serde(default)]
    pub wide: bool,
}

/// A panel whose numbers need more than SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadoutKind {
    Scenario,
    Experiment,
}

fn table() -> String {
    "table".into()
}

const CHARTS: [&str; 7] = ["kpi", "table", "line", "bar", "heatmap", "funnel", "interval"];

impl Dashboard {
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Dashboard, Vec<Problem>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            title: Text,
            order: Option<i64>,
            #[serde(default)]
            intro: Text,
            #[serde(rename = "panel")]
            panels: Vec<Panel>,
        }
        let parsed: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            vec![Problem::new(file, line, error.message().to_string()).with_remedy(
                "compare it with a built-in dashboard: `tsubame new` copies none, `dashboards/` of the source has all",
            )]
        })?;
        Ok(Dashboard {
            name: name.into(),
            file: file.into(),
            title: parsed.title,
            order: parsed.order,
            intro: parsed.intro,
            panels: parsed.panels,
        })
    }

    /// What the file names that does not exist, every problem at once.
    pub fn problems(&self, library: &Library, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for panel in self.panels.iter().filter(|panel| panel.readout.is_none()) {
            let line = text.lines().position(|line| line.contains(&format!("\"{}\"", panel.query))).map_or(0, |index| index + 1);
            let mut say =
                |message: String, remedy: String| problems.push(Problem::new(&self.file, line, message).with_remedy(remedy));
            if !CHARTS.contains(&panel.chart.as_str()) {
                say(format!("there is no chart `{}`", panel.chart), format!("one of {}", CHARTS.join(", ")));
            }
            let Some(query) = library.find(&panel.query) else {
                let similar = library.similar(&panel.query);
                let remedy = if similar.is_empty() {
                    "`tsubame query --list` shows all".into()
                } else {
                    format!("did you mean {}?", similar.join(", "))
                };
                say(format!("there is no query `{}`", panel.query), remedy);
                continue;
            };
            let columns: Vec<&str> = query.header.columns.iter().map(|column| column.name.as_str()).collect();
            for name in [&panel.x, &panel.y, &panel.series, &panel.value, &panel.low, &panel.high, &panel.hatch_when] {
                if !name.is_empty() && !columns.contains(&name.as_str()) {
                    say(format!("query `{}` has no column `{name}`", panel.query), format!("one of {}", columns.join(", ")));
                }
            }
            for name in panel.params.keys() {
                if !query.header.params.iter().any(|param| param.name == *name) {
                    say(format!("query `{}` has no parameter `{name}`", panel.query), "see the query's header".into());
                }
            }
        }
        problems
    }
}
