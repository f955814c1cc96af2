//! Whatever a file holds, an import ends with facts and rejections, and loses no row in silence.

use connect::{
    destinations::{CellKind, Column, Destination, Table, csv::Csv},
    formats::{FORMATS, Layout, Parsed, Row},
    import::Importer,
    mapping::{Kind, built_in},
};
use model::IdKey;
use proptest::prelude::*;

use crate::{mapping, now};

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{1,12}",
        "[-+▲(]?[0-9,.]{1,20}",
        "[+-]?[0-9]{4,6}[-/][0-9]{1,2}[-/][0-9]{1,2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?",
        "[CA]?5[0-9]{5}",
        Just(String::new()),
        Just("発送済".to_string()),
        Just("2026-01-02 03:04:05".to_string()),
        Just("2026-01-02T03:04:05Z".to_string()),
    ]
}

/// The facts of which a row of such a file makes one.
fn table_of(kind: Kind) -> &'static str {
    if kind == Kind::Spend { "ad_spend" } else { kind.name() }
}

proptest! {
    #[test]
    fn every_row_is_accounted_for(rows in prop::collection::vec(prop::collection::vec(cell(), 21), 1..12)) {
        for text in built_in().values() {
            let mapping = mapping(text);
            let mut header: Vec<String> = Vec::new();
            for column in mapping.columns.iter().chain(&mapping.items).flat_map(|column| &column.from).chain(&mapping.properties) {
                if !header.contains(column) {
                    header.push(column.clone());
                }
            }
            let of_rows = mapping.columns.iter().flat_map(|column| {
                column.rows.iter().map(|clause| clause.column.clone()).chain(column.times.clone())
            });
            header.extend(of_rows);
            header.extend(mapping.keep_rows.iter().map(|clause| clause.column.clone()));
            let mut importer = Importer::new(&mapping, &header, &IdKey::new(b"secret"), now()).unwrap();
            for (index, row) in rows.iter().enumerate() {
                let fields = row.iter().cycle().take(header.len()).map(|cell| Some(cell.clone())).collect();
                importer.push(Parsed::Row(Row { line: index as u64 + 2, fields, raw: Vec::new() }));
            }
            let done = importer.finish();
            let counts = &done.counts;
            prop_assert_eq!(counts.rows, rows.len() as u64);
            prop_assert_eq!(done.rejections.len() as u64, counts.rejected.values().sum::<u64>());
            if mapping.kind != Kind::Orders {
                let made = counts.made.get(table_of(mapping.kind)).copied().unwrap_or(0);
                prop_assert_eq!(made + counts.duplicates + counts.left_out + done.rejections.len() as u64, counts.rows);
            }
            for rejection in &done.rejections {
                prop_assert!(!rejection.reason.is_empty() && !rejection.remedy.is_empty());
            }
        }
    }

    /// What the CSV destination writes, the CSV format reads.
    #[test]
    fn csv_goes_out_and_comes_back(cells in prop::collection::vec(any::<String>(), 1..9)) {
        let column = |name: &str| Column { name: name.into(), label: String::new(), kind: CellKind::Text, pii: false };
        let rows: Vec<Vec<Option<String>>> = cells.iter().map(|cell| vec![Some("x".to_string()), Some(cell.clone())]).collect();
        let table = Table { columns: vec![column("id"), column("text")], rows };
        let file = Csv::MACHINE.files(&table).unwrap().remove(0);
        let opened = FORMATS[0].open(Box::new(&file.bytes[..]), &Layout::default()).unwrap();
        let read: Vec<Option<String>> = opened
            .rows
            .map(|parsed| match parsed.unwrap() {
                Parsed::Row(row) => row.fields[1].clone(),
                Parsed::Rejected(rejection) => panic!("{rejection:?}"),
            })
            .collect();
        let expect: Vec<Option<String>> = cells.iter().map(|cell| (!cell.is_empty()).then(|| cell.clone())).collect();
        prop_assert_eq!(read, expect);
    }

    #[test]
    fn no_bytes_stop_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(opened) = FORMATS[0].open(Box::new(&bytes[..]), &Layout::default()) {
            let _ = opened.rows.count();
        }
    }
}
