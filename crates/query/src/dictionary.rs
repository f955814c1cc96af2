//! The data dictionary: every table of the SQL environment with its columns, made from the views themselves and from what is written beside
//! them, so that nothing can be in a query and not in it.

use std::{collections::BTreeMap, sync::LazyLock};

use model::Text;
use serde::Deserialize;

use crate::{Kind, Library, ParamValue, Query, statement::Tokens};

/// One table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub name: String,
    /// The view's file.
    pub file: String,
    pub title: String,
    pub description: String,
    pub columns: Vec<Described>,
    /// The tables it is made from; a `…_history` holds facts as they came.
    pub made_from: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    pub name: String,
    pub kind: Kind,
    pub label: Text,
    pub unit: Text,
    pub says: Text,
    /// It tells of a person.
    pub personal: bool,
}

/// What the shop means by its figures: a parameter's default, and who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub name: String,
    pub value: ParamValue,
    /// The queries that take it.
    pub used_by: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    ja: String,
    en: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    personal: bool,
}

/// What columns mean, as it is written beside this file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meanings {
    column: BTreeMap<String, Meaning>,
    #[serde(rename = "in")]
    within: BTreeMap<String, BTreeMap<String, Meaning>>,
}

static MEANINGS: LazyLock<Meanings> =
    LazyLock::new(|| toml::from_str(include_str!("dictionary.toml")).expect("a test reads the file"));

impl Meanings {
    fn of(&self, table: &str, column: &str) -> Option<&Meaning> {
        self.within.get(table).and_then(|columns| columns.get(column)).or_else(|| self.column.get(column))
    }

    /// What is described and is not there.
    #[cfg(test)]
    fn strays(&self, library: &Library) -> Vec<String> {
        let has = |table: &Query, name: &str| table.header.columns.iter().any(|column| column.name == name);
        let common = self.column.keys().filter(|name| !library.views().any(|(_, view)| has(view, name))).cloned();
        let within = self.within.iter().flat_map(|(table, columns)| columns.keys().map(move |name| (table, name)));
        let within = within.filter(|(table, name)| library.view(table).is_none_or(|view| !has(view, name)));
        common.chain(within.map(|(table, name)| format!("{table}.{name}"))).collect()
    }
}

/// Every table, by name.
pub fn tables(library: &Library) -> Vec<Table> {
    library.views().map(|(_, view)| table(library, view)).collect()
}

/// One table by name.
pub fn find(library: &Library, name: &str) -> Option<Table> {
    library.view(name).map(|view| table(library, view))
}

/// The table that was probably meant.
pub fn nearest<'a>(library: &'a Library, name: &str) -> Option<&'a str> {
    crate::mistake::nearest(name, library.views().map(|(name, _)| name))
}

fn short(view: &Query) -> &str {
    view.name.rsplit('/').next().unwrap_or(&view.name)
}

fn table(library: &Library, view: &Query) -> Table {
    let name = short(view);
    let described = view.header.columns.iter().map(|column| {
        let meaning = MEANINGS.of(name, &column.name);
        Described {
            name: column.name.clone(),
            kind: column.kind,
            label: column.label.clone(),
            unit: unit(column.kind, meaning.map_or("", |meaning| meaning.unit.as_str())),
            says: meaning.map_or_else(Text::default, |meaning| Text::new(&meaning.ja, &meaning.en)),
            // What analysts' sessions mask is of a person in any case.
            personal: column.personal.is_some() || meaning.is_some_and(|meaning| meaning.personal),
        }
    });
    let mut made_from: Vec<String> = Vec::new();
    let words = Tokens::read(&view.file, &view.sql).map(|tokens| tokens.words().collect::<Vec<_>>()).unwrap_or_default();
    for word in words {
        let is_fact = word.strip_suffix("_history").is_some_and(|table| lake::tables::find(table).is_some());
        if (is_fact || library.view(&word).is_some()) && word != name && !made_from.contains(&word) {
            made_from.push(word);
        }
    }
    Table {
        name: name.into(),
        file: view.file.clone(),
        title: view.header.title.clone(),
        description: view.header.description.clone(),
        columns: described.collect(),
        made_from,
    }
}

fn unit(kind: Kind, said: &str) -> Text {
    match (said, kind) {
        ("", Kind::Money) => Text::new("ショップの通貨", "the shop's currency"),
        ("", Kind::Rate) => Text::new("割合（1が100%）", "share of one"),
        ("", Kind::Instant) => Text::new("UTC、マイクロ秒まで", "UTC, to the microsecond"),
        ("", Kind::Date) => Text::new("ショップの日", "shop day"),
        ("", _) => Text::default(),
        ("days", _) => Text::new("日", "days"),
        ("people", _) => Text::new("人", "people"),
        ("orders", _) => Text::new("件", "orders"),
        ("points", _) => Text::new("ポイント", "points"),
        ("pieces", _) => Text::new("個", "pieces"),
        ("messages", _) => Text::new("通", "messages"),
        ("shipments", _) => Text::new("回", "shipments"),
        ("times" | "clicks" | "views", _) => Text::new("回", said),
        ("months", _) => Text::new("か月", "months"),
        (said, _) => Text::new(said, said),
    }
}

/// The parameters' defaults that more than one question shares, as they are in force: what a figure means in this shop.
pub fn definitions(library: &Library) -> Vec<Definition> {
    let mut found: BTreeMap<&str, Vec<(&ParamValue, &Query)>> = BTreeMap::new();
    for query in library.queries.values() {
        for param in &query.header.params {
            if let Some(value) = &param.default {
                found.entry(&param.name).or_default().push((value, query));
            }
        }
    }
    let mut definitions = Vec::new();
    for (name, uses) in found {
        let mut values: Vec<&ParamValue> = Vec::new();
        for (value, _) in &uses {
            if !values.contains(value) {
                values.push(value);
            }
        }
        for value in values {
            let used_by = uses.iter().filter(|(other, _)| *other == value).map(|(_, query)| query.name.clone()).collect();
            definitions.push(Definition { name: name.into(), value: value.clone(), used_by });
        }
    }
    definitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_described_and_nothing_else() {
        let (library, problems) = Library::load(None);
        assert_eq!(problems, []);
        let bare: Vec<String> = tables(&library)
            .iter()
            .flat_map(|table| {
                let bare = table.columns.iter().filter(|column| column.says.ja.is_empty() || column.says.en.is_empty());
                bare.map(|column| format!("{}.{}", table.name, column.name)).collect::<Vec<_>>()
            })
            .collect();
        assert!(bare.is_empty(), "no words in dictionary.toml for {bare:?}");
        assert_eq!(MEANINGS.strays(&library), Vec::<String>::new(), "described in dictionary.toml, and no column");
    }

    #[test]
    fn a_table_says_what_it_is_made_from() {
        let (library, _) = Library::load(None);
        let check = |name: &str, expect: &[&str]| {
            assert_eq!(find(&library, name).map(|table| table.made_from).unwrap_or_default(), expect, "{name}");
        };
        check("orders", &["orders_history", "survivors"]);
        check("purchases", &["orders"]);
        check("nothing", &[]);
        assert_eq!(nearest(&library, "custmers"), Some("customers"));
    }
}
