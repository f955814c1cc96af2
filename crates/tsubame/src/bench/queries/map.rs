//! Which files the questions are put to: those just made, or a folder of somebody's with a mapping.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::peer::Files;
use crate::fault::{Exit, Fault};

/// The tables that questions name.
pub const TABLES: [&str; 5] = ["orders", "order_items", "events", "sends", "exposures"];

/// A mapping file.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The day on which questions are asked.
    pub today: String,
    /// Whose time line is asked for; the most faithful customer if nobody is named.
    pub customer: Option<String>,
    #[serde(default)]
    pub tables: BTreeMap<String, MapTable>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct MapTable {
    /// Files of the data folder.
    pub files: Vec<String>,
    /// Our columns as SQL over theirs; without any, theirs have our names.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

impl Map {
    pub fn read(path: &Path) -> Result<Map, Fault> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Fault::io(format!("could not read {}", path.display()), source))?;
        Map::parse(&text).map_err(|why| {
            Fault::new(Exit::Config, format!("{} is not a mapping: {why}", path.display())).remedy(
                "write today = \"2026-11-01\", and for each table [tables.orders] files = [\"orders.parquet\"] and \
                 [tables.orders.columns] order_id = \"id\"",
            )
        })
    }

    fn parse(text: &str) -> Result<Map, String> {
        let map: Map = toml::from_str(text).map_err(|error| error.to_string())?;
        map.today.parse::<chrono::NaiveDate>().map_err(|_| format!("`{}` is not a day", map.today))?;
        match map.tables.keys().find(|name| !TABLES.contains(&name.as_str())) {
            Some(unknown) => Err(format!("there is no table `{unknown}`; there are {}", TABLES.join(", "))),
            None => Ok(map),
        }
    }

    pub fn files(&self, folder: &Path) -> BTreeMap<String, Files> {
        let files = |table: &MapTable| Files {
            files: table.files.iter().map(|file| folder.join(file).to_string_lossy().into_owned()).collect(),
            columns: table.columns.clone(),
        };
        self.tables.iter().map(|(name, table)| (name.clone(), files(table))).collect()
    }
}

/// The files that `data::write` makes.
pub fn made(folder: &Path) -> BTreeMap<String, Files> {
    let file = |name: &str| folder.join(format!("{name}.parquet")).to_string_lossy().into_owned();
    TABLES.iter().map(|name| (name.to_string(), Files { files: vec![file(name)], columns: BTreeMap::new() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_days_tables_and_columns() {
        let check = |text: &str, expect: Result<&[&str], &str>| match (Map::parse(text), expect) {
            (Ok(map), Ok(tables)) => assert_eq!(map.tables.keys().collect::<Vec<_>>(), tables, "{text}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        let orders = "today = \"2011-12-10\"\n[tables.orders]\nfiles = [\"a.parquet\"]\n";
        check(orders, Ok(&["orders"]));
        check(&format!("{orders}[tables.orders.columns]\norder_id = \"id\"\n"), Ok(&["orders"]));
        check("today = \"yesterday\"", Err("is not a day"));
        check("today = \"2011-12-10\"\n[tables.baskets]\nfiles = []\n", Err("there is no table `baskets`"));
        check("today = \"2011-12-10\"\n[tables.orders]\nfile = \"a\"\n", Err("unknown field"));
    }
}
