//! The scenarios of a shop and the ready-made ones: what there is, what each does in words, and its file.

use std::{collections::BTreeMap, io::Write};

use clap::{Args, Subcommand};
use model::{Instant, scenario::SendStep};
use query::Library;
use serde_json::{Value, json};

use super::{Language, ShopFolder};
use crate::{
    fault::{Exit, Fault},
    jobs::{due::TICKED, pause},
    ready, segments,
    workspace::{Access, Workspace},
};

/// List the scenarios of a shop, or the ready-made ones, and show one
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame scenario list --shop my-shop\n  tsubame scenario list --ready --lang ja\n  tsubame scenario show cart"
)]
pub struct Scenario {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    shop: ShopFolder,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every scenario: whether it is on, who comes in, and how many are under way
    #[command(after_help = "Examples:\n  tsubame scenario list --shop my-shop\n  tsubame scenario list --ready --json")]
    List {
        /// The ready-made ones instead, with what each needs; add them with `tsubame new SHOP --with NAME`
        #[arg(long)]
        ready: bool,
        #[arg(long, value_enum, default_value = "en")]
        lang: Language,
        #[arg(long)]
        json: bool,
    },
    /// What a scenario does, in words, and its file
    #[command(after_help = "Example:\n  tsubame scenario show cart-recovery --lang ja")]
    Show {
        /// One of the shop, else a ready-made one
        name: String,
        #[arg(long, value_enum, default_value = "en")]
        lang: Language,
    },
}

impl Scenario {
    pub async fn run(self) -> Result<(), Fault> {
        match &self.what {
            What::List { ready: true, lang, json } => print(&ready_made(lang.name()), *json, |row| ready_lines(row, *lang)),
            What::List { ready: false, lang, json } => {
                let workspace = self.shop.open(Access::Read).await?;
                let list = of_shop(&workspace, lang.name()).await;
                workspace.state.close().await;
                print(&list?, *json, |row| shop_lines(row, *lang))
            }
            What::Show { name, lang } => self.show(name, lang.name()),
        }
    }

    /// The words stand before the file as comments, so that what is printed is the file still.
    fn show(&self, name: &str, lang: &str) -> Result<(), Fault> {
        let of_shop = ready::of_shop(&self.shop.folder)?.into_iter().find(|(_, scenario)| scenario.scenario == name);
        let (scenario, text, library) = match of_shop {
            Some((path, scenario)) => {
                let text = std::fs::read_to_string(self.shop.folder.join(&path))
                    .map_err(|source| Fault::io(format!("could not read {path}"), source))?;
                (scenario, text, Library::load(Some(&self.shop.folder)).0)
            }
            None => {
                let ready = ready::find(name).map_err(|_| {
                    Fault::new(Exit::Config, format!("there is no scenario `{name}`, neither in the shop nor ready-made"))
                        .remedy("`tsubame scenario list` and `tsubame scenario list --ready` name them")
                })?;
                (ready.scenario.clone(), ready.text.clone(), Library::load(None).0)
            }
        };
        let mut out = std::io::stdout().lock();
        for line in scenario.describe(&|name| segments::titles(&library, name)).lines(lang) {
            let _ = writeln!(out, "# {line}");
        }
        let _ = write!(out, "\n{text}");
        Ok(())
    }
}

fn ready_made(lang: &str) -> Vec<Value> {
    let library = Library::load(None).0;
    let row = |ready: &ready::Ready| {
        let scenario = &ready.scenario;
        let channels: Vec<&str> = channels(scenario);
        json!({
            "name": scenario.scenario, "title": scenario.title.get(lang), "description": scenario.description.get(lang),
            "entry": scenario.describe(&|name| segments::titles(&library, name)).entry.get(lang),
            "needs": ready.needs.get(lang), "channels": channels,
            "messages": scenario.sends().flat_map(SendStep::templates).collect::<std::collections::BTreeSet<_>>(),
        })
    };
    ready::all().iter().map(row).collect()
}

fn channels(scenario: &model::Scenario) -> Vec<&'static str> {
    let mut channels: Vec<_> = scenario.sends().flat_map(|send| send.channels.iter().copied()).collect();
    channels.sort();
    channels.dedup();
    channels.into_iter().map(|channel| channel.name()).collect()
}

async fn of_shop(workspace: &Workspace, lang: &str) -> Result<Vec<Value>, Fault> {
    let pauses = pause::pauses(workspace).await?;
    let last_run = workspace.state.cursors().get(TICKED).await?;
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    for entry in workspace.state.ledger().open_entries(Instant::MAX_UTC).await? {
        *open.entry(entry.scenario).or_default() += 1;
    }
    let row = |scenario: &model::Scenario| {
        let state = match (scenario.enabled, pause::holds(&pauses, &scenario.scenario)) {
            (false, _) => "draft",
            (true, true) => "paused",
            (true, false) => "on",
        };
        json!({
            "name": scenario.scenario, "title": scenario.title.get(lang), "state": state,
            "entry": scenario.describe(&|name| segments::titles(&workspace.library, name)).entry.get(lang),
            "under_way": open.get(&scenario.scenario).copied().unwrap_or(0),
            // Drafts are never asked about.
            "last_run": if scenario.enabled { last_run.clone() } else { None },
            "channels": channels(scenario),
        })
    };
    Ok(workspace.files.scenarios.iter().map(row).collect())
}

fn print(list: &[Value], json: bool, lines: impl Fn(&Value) -> Vec<String>) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    if json {
        let _ = writeln!(out, "{}", serde_json::to_string_pretty(list).expect("a list is plain JSON"));
        return Ok(());
    }
    for row in list {
        for line in lines(row) {
            let _ = writeln!(out, "{line}");
        }
    }
    Ok(())
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("")
}

fn listed(row: &Value, name: &str) -> String {
    let words = row[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
}

fn ready_lines(row: &Value, lang: Language) -> Vec<String> {
    let [enters, needs, channels] = match lang {
        Language::Ja => ["対象", "必要なもの", "チャネル"],
        Language::En => ["enters", "needs", "channels"],
    };
    vec![
        format!("{}: {}", text(row, "name"), text(row, "title")),
        format!("    {}", text(row, "description")),
        format!("    {enters}: {}", text(row, "entry")),
        format!("    {needs}: {}; {channels}: {}", text(row, "needs"), listed(row, "channels")),
    ]
}

fn shop_lines(row: &Value, lang: Language) -> Vec<String> {
    let [enters, under_way, last_run, never, channels] = match lang {
        Language::Ja => ["対象", "進行中", "直近の実行", "なし", "チャネル"],
        Language::En => ["enters", "under way", "last run", "never", "channels"],
    };
    let state = match (lang, text(row, "state")) {
        (Language::Ja, "draft") => "下書き",
        (Language::Ja, "paused") => "一時停止中",
        (Language::Ja, "on") => "配信中",
        (_, state) => state,
    };
    let last = row["last_run"].as_str().unwrap_or(never);
    vec![
        format!("{}: {} ({state})", text(row, "name"), text(row, "title")),
        format!("    {enters}: {}", text(row, "entry")),
        format!("    {under_way}: {}; {last_run}: {last}; {channels}: {}", row["under_way"], listed(row, "channels")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_made_scenario_is_listed_and_described() {
        for lang in [Language::Ja, Language::En] {
            let list = ready_made(lang.name());
            let names: Vec<&str> = list.iter().map(|row| text(row, "name")).collect();
            assert_eq!(names, ready::all().iter().map(|ready| ready.scenario.scenario.as_str()).collect::<Vec<_>>());
            for row in &list {
                let lines = ready_lines(row, lang);
                assert!(lines.iter().all(|line| !line.trim().is_empty()), "{lines:?}");
                assert!(!listed(row, "channels").is_empty() && !text(row, "needs").is_empty(), "{lines:?}");
            }
        }
    }
}
