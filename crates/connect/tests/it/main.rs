//! A file of somebody else, from its bytes to facts: through a format, a mapping and the importer, as an import runs.

mod any_input;
mod bad_input;
mod collect;
mod customers;
mod events;
mod lists;
mod orders;
mod sends;
mod shipped;
mod shops;
mod values;

use connect::{
    formats::{FORMATS, FormatError, Parsed},
    import::{Imported, Importer},
    mapping::Mapping,
};
use model::{IdKey, Instant};

/// The mappings of the demo shop, also used by `tsubame demo`.
pub const DEMO_ORDERS: &str = include_str!("../../../../fixtures/mappings/demo-orders.toml");
pub const DEMO_CUSTOMERS: &str = include_str!("../../../../fixtures/mappings/demo-customers.toml");
pub const DEMO_EVENTS: &str = include_str!("../../../../fixtures/mappings/demo-events.toml");

pub fn at(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub fn now() -> Instant {
    at("2026-11-24T12:00:00Z")
}

pub fn mapping(text: &str) -> Mapping {
    Mapping::parse("m.toml", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub fn try_import(mapping_text: &str, bytes: &[u8]) -> Result<Imported, FormatError> {
    let mapping = mapping(mapping_text);
    let opened = FORMATS[0].open(Box::new(bytes), &mapping.layout)?;
    let importer = Importer::new(&mapping, &opened.header, &IdKey::new(b"secret"), now());
    let mut importer = importer.unwrap_or_else(|problems| panic!("{problems:#?}"));
    for parsed in opened.rows {
        importer.push(parsed?);
    }
    Ok(importer.finish())
}

pub fn import(mapping_text: &str, csv: &str) -> Imported {
    try_import(mapping_text, csv.as_bytes()).unwrap()
}

/// One member of each row of a table, in order.
pub fn members(imported: &Imported, table: &str, names: &[&str]) -> Vec<String> {
    let rows = imported.facts.iter().filter(|fact| fact.table == table);
    let one = |row: serde_json::Value| {
        let parts = names.iter().map(|name| match &row[*name] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    rows.map(|fact| one(serde_json::from_str(&fact.row).unwrap())).collect()
}

pub fn codes(imported: &Imported) -> Vec<(u64, &'static str)> {
    imported.rejections.iter().map(|rejection| (rejection.line, rejection.code)).collect()
}

/// `tsubame import detect` on a file's first rows, from its bytes.
#[test]
fn a_guess_from_a_files_first_rows() {
    let csv = "受注番号;顧客番号;受注日時;合計金額\nA-1;7;2024/04/02 08:20;1,200円\n";
    let layout =
        connect::formats::Layout { separator: connect::formats::csv::guess_separator(csv.as_bytes()), ..Default::default() };
    let opened = FORMATS[0].open(Box::new(csv.as_bytes()), &layout).unwrap();
    let rows = opened.rows.filter_map(|parsed| match parsed {
        Ok(Parsed::Row(row)) => Some(row),
        _ => None,
    });
    let guess = connect::detect::guess("shop-orders", &layout, &opened.header, &rows.take(50).collect::<Vec<_>>());
    assert_eq!((guess.missing.len(), guess.unused.len()), (0, 0), "{}", guess.toml);
    let imported = import(&guess.toml, csv);
    assert_eq!(
        members(&imported, "orders", &["order_id", "customer_id", "net", "ordered_at"]),
        ["A-1 7 1200 2024-04-01T23:20:00.000000Z"]
    );
}

/// The same row given by a format without bytes (Parquet) and by CSV makes the same facts.
#[test]
fn the_importer_does_not_know_the_format() {
    let text = "[source]\nname = \"x\"\nkind = \"orders\"\n[columns]\norder_id = { from = \"id\" }\nordered_at = { from = \"at\" }\ntotal = { from = \"sum\", as = \"float\" }\n";
    let csv = import(text, "id,at,sum\n1,2024-04-02 08:20:54,12.3\n");
    let header = ["id", "at", "sum"].map(String::from);
    let mut importer = Importer::new(&mapping(text), &header, &IdKey::new(b"secret"), now()).unwrap();
    let cells = ["1", "2024-04-02T08:20:54", "12.3"].map(Some).into_iter().collect();
    importer.push(Parsed::Row(connect::formats::Row { line: 1, cells, raw: Vec::new() }));
    assert_eq!(importer.finish().facts, csv.facts);
}
