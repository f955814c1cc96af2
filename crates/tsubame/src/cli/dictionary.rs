//! What the tables hold and what the shop means by its figures, in a terminal.

use clap::Args;
use query::dictionary::{self, Table};
use serde_json::{Value, json};

use super::{Language, ShopFolder};
use crate::{
    conventions::{Convention, in_force},
    fault::{Exit, Fault},
    workspace::read_files,
};

/// List the tables that SQL can ask, or one's columns, and the definitions in force
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame dictionary\n  tsubame dictionary orders\n  tsubame dictionary --definitions\n  tsubame dictionary --json | jq -r '.tables[].name'"
)]
pub struct Dictionary {
    /// A table's name
    #[arg(conflicts_with = "definitions")]
    table: Option<String>,
    /// What the shop means by its figures: each default and where to change it
    #[arg(long)]
    definitions: bool,
    /// The language of the explanations
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Dictionary {
    pub fn run(self) -> Result<(), Fault> {
        let (files, library, problems) = read_files(&self.shop.folder)?;
        if !problems.is_empty() {
            return Err(Fault::problems(&problems));
        }
        let tables = match &self.table {
            None => dictionary::tables(&library),
            Some(name) => vec![dictionary::find(&library, name).ok_or_else(|| {
                let remedy = match dictionary::nearest(&library, name) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "`tsubame dictionary` lists the tables".into(),
                };
                Fault::new(Exit::Config, format!("there is no table `{name}`")).remedy(remedy)
            })?],
        };
        let conventions = in_force(&files.shop, &library);
        let lang = self.lang.name();
        if self.json {
            let tables: Vec<Value> = tables.iter().map(described).collect();
            let mut list = json!({ "tables": tables });
            if self.table.is_none() {
                list["definitions"] = conventions.iter().map(defined).collect();
            }
            println!("{}", serde_json::to_string_pretty(&list).expect("descriptions are plain JSON"));
        } else if self.definitions {
            print!("{}", definitions_page(&conventions, lang));
        } else if self.table.is_some() {
            tables.iter().for_each(|table| print!("{}", page(table, lang)));
        } else {
            let width = tables.iter().map(|table| table.name.len()).max().unwrap_or(0);
            tables.iter().for_each(|table| println!("{:<width$}  {}", table.name, table.title));
            println!("\n`tsubame dictionary TABLE` lists its columns, `tsubame dictionary --definitions` what the figures mean.");
        }
        Ok(())
    }
}

fn page(table: &Table, lang: &str) -> String {
    let mut page = format!("{}: {}\n\n  {}\n\n", table.name, table.title, table.description);
    let width = table.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    for column in &table.columns {
        let unit = column.unit.get(lang);
        let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
        let personal = if !column.personal {
            ""
        } else if lang == "en" {
            " [personal]"
        } else {
            " [個人]"
        };
        page.push_str(&format!(
            "  {:<width$}  {:<7}  {} ({}{unit}){personal}\n",
            column.name,
            column.kind.name(),
            column.says.get(lang),
            column.label.get(lang),
        ));
    }
    page.push_str(&format!("\n  from {}; {}\n", table.made_from.join(", "), table.file));
    page
}

fn definitions_page(conventions: &[Convention], lang: &str) -> String {
    let line =
        |convention: &Convention| format!("{}: {}\n    {}\n", convention.says.get(lang), convention.value, convention.change);
    conventions.iter().map(line).collect()
}

fn described(table: &Table) -> Value {
    let text = |text: &model::Text| json!({ "ja": text.ja, "en": text.en });
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.kind.name(),
                "label": text(&column.label),
                "unit": text(&column.unit),
                "says": text(&column.says),
                "personal": column.personal,
            })
        })
        .collect();
    json!({
        "name": table.name,
        "title": table.title,
        "description": table.description,
        "made_from": table.made_from,
        "file": table.file,
        "columns": columns,
    })
}

fn defined(convention: &Convention) -> Value {
    json!({
        "says": { "ja": convention.says.ja, "en": convention.says.en },
        "value": convention.value,
        "change": convention.change,
    })
}
