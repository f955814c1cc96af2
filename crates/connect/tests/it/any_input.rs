//! Whatever a file holds, an import ends with facts and rejections, and loses no row in silence.

use std::sync::LazyLock;

use connect::{
    collect::Endpoint,
    destinations::{CellKind, Column, Destination, Table, csv::Csv},
    formats::{FORMATS, Layout, Parsed, Row},
    import::Importer,
    mapping::{Kind, Mapping, built_in},
};
use model::IdKey;
use proptest::prelude::*;

use crate::{
    collect::{BROWSER, Case, SERVER},
    mapping, now,
};

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

/// Parsed once: there are many, and many cases.
static MAPPINGS: LazyLock<Vec<Mapping>> = LazyLock::new(|| built_in().values().map(|text| mapping(text)).collect());

proptest! {
    #[test]
    fn every_row_is_accounted_for(rows in prop::collection::vec(prop::collection::vec(cell(), 21), 1..12)) {
        for mapping in MAPPINGS.iter() {
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
            let mut importer = Importer::new(mapping, &header, &IdKey::new(b"secret"), now()).unwrap();
            for (index, row) in rows.iter().enumerate() {
                let cells = row.iter().cycle().take(header.len()).map(|cell| Some(cell.clone())).collect();
                importer.push(Parsed::Row(Row { line: index as u64 + 2, cells, raw: Vec::new() }));
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
                Parsed::Row(row) => row.cells.get(1).map(String::from),
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

    #[test]
    fn no_body_stops_the_collector(body in prop_oneof![bytes(), mangled()]) {
        for case in [&BROWSER, &SERVER, &Case { endpoint: Endpoint::One("identify"), ..SERVER }, &Case { endpoint: Endpoint::Ga4, ..BROWSER }] {
            if let Ok(collected) = case.collect(&body) {
                prop_assert_eq!(collected.taken + collected.refused.len(), collected.given);
                prop_assert!(collected.facts.len() >= collected.taken);
            }
        }
        let _ = connect::collect::write_key(&body);
    }

    /// Whatever a batch holds, each event is a row or refused, its neighbours are there, and its raw bytes are kept.
    #[test]
    fn every_event_is_accounted_for(events in prop::collection::vec(event(), 0..8), context in any_json()) {
        let body = serde_json::json!({ "context": context, "sentAt": "2026-11-24T11:59:59Z", "batch": events }).to_string();
        for case in [&BROWSER, &SERVER] {
            let collected = case.collect(body.as_bytes()).unwrap();
            prop_assert_eq!(collected.given, events.len());
            prop_assert_eq!(collected.facts.iter().filter(|fact| fact.table == "events").count(), collected.taken);
            for refused in &collected.refused {
                let (raw, event) = (String::from_utf8_lossy(&refused.raw), events[refused.index].to_string());
                prop_assert!(raw.ends_with(&format!("\"batch\":[{event}]}}")), "{raw}");
                prop_assert!(!refused.reason.is_empty() && !refused.remedy.is_empty());
            }
            let told: Vec<String> = collected.refused.iter().map(|refused| format!("{refused:?}{}", refused.remedy)).collect();
            let claims = format!("{:?}{:?}", collected.claims, collected.consents);
            for text in collected.facts.iter().map(|fact| &fact.row).chain(&told).chain([&claims]) {
                for canary in ["canary", "090-7777", "Ucafecafe"] {
                    prop_assert!(!text.contains(canary), "{text}");
                }
            }
            for fact in &collected.facts {
                let row: serde_json::Value = serde_json::from_str(&fact.row).unwrap();
                if let Some(properties) = row["properties"].as_str() {
                    serde_json::from_str::<serde_json::Value>(properties).unwrap();
                }
            }
        }
    }

    #[test]
    fn masking_is_settled_after_once(text in prop_oneof![any::<String>(), "[-0-9+ ()@a-z.]{0,40}", "[０-９＠ー0-9%]{0,30}"]) {
        let once = connect::personal::mask(&text).into_owned();
        prop_assert_eq!(connect::personal::mask(&once), once.as_str());
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

/// A body of a client, with some of its bytes replaced, removed or doubled.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let body = serde_json::json!({ "client_id": "1.2", "context": { "traits": { "email": "taro@example.jp" } }, "events": [{ "name": "purchase", "params": { "value": 1 } }],
        "userId": "c", "traits": { "birthday": "1990-01-01", "consents": { "email": true } }, "batch": [
        { "type": "track", "event": "Order Completed", "userId": "c", "timestamp": "2026-11-24T11:00:00Z", "properties": { "total": 1200.5, "products": [{ "price": "1,200" }] } },
        { "type": "alias", "userId": "c", "previousId": "\u{e9}" }] });
    let body = body.to_string().into_bytes();
    prop::collection::vec((0..body.len(), any::<u8>(), 0..3u8), 1..6).prop_map(move |changes| {
        let mut body = body.clone();
        for (at, byte, how) in changes {
            let at = at % body.len();
            match how {
                0 => body[at] = byte,
                1 => {
                    body.remove(at);
                }
                _ => body.insert(at, byte),
            }
        }
        body
    })
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|double| serde_json::json!(double)),
        "[a-zA-Z0-9@.+-]{0,30}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        Just("2026-11-24T11:00:00+09:00".into()),
        prop::sample::select(CANARIES).prop_map(|text| text.to_string().into()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![
            any::<String>(),
            prop::sample::select(CANARIES).prop_map(String::from),
            prop::sample::select(NAMES).prop_map(String::from)
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(name, inner, 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Personal data that may stand anywhere, and must stand nowhere afterwards.
const CANARIES: &[&str] = &[
    "canary@example.jp",
    "x <canary@example.jp>",
    "https://x.example/?m=canary%40example.jp",
    "tel 090-7777-7777",
    "Ucafecafecafecafecafecafecafecafe",
];

const NAMES: &[&str] = &[
    "page", "url", "traits", "email", "consents", "line", "products", "price", "quantity", "currency", "total", "campaign",
    "tsb_m", "device", "id", "_context", "address", "state", "birthday", "phone", "name",
];

fn event() -> impl Strategy<Value = serde_json::Value> {
    const MEMBERS: &[&str] = &[
        "type",
        "event",
        "userId",
        "anonymousId",
        "previousId",
        "groupId",
        "messageId",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "context",
        "properties",
        "traits",
        "name",
        "category",
    ];
    let kind = prop::sample::select(vec!["track", "identify", "page", "screen", "group", "alias"]);
    let name = prop::sample::select(vec!["Order Completed", "Product Added", "LINE Linked", "x"]);
    let known = (kind, name, prop::collection::btree_map(prop::sample::select(MEMBERS), any_json(), 0..4)).prop_map(
        |(kind, name, members)| {
            let mut event = serde_json::json!({ "type": kind, "event": name, "userId": "c", "anonymousId": "v" });
            for (name, value) in members {
                event[name] = value;
            }
            event
        },
    );
    prop_oneof![1 => any_json(), 4 => known]
}
