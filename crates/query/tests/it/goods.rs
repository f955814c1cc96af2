//! The library's reports and segments on the small shop of `fixtures/goods` (products, baskets, visits, carts, messages), against answers that its
//! plain Python script worked out without any SQL.

use std::{fs, io::BufReader, path::PathBuf, sync::Arc};

use arrow::{
    array::{Array, AsArray},
    csv::ReaderBuilder,
    datatypes::{DataType, Field, Schema},
};
use lake::{
    Lake, ReadView, Tail, TailSegment,
    tables::{Kind, TABLES},
};
use query::{Mode, Params};
use serde_json::{Map, Value, json};

use crate::{at, desk, library, noon};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goods")
}

/// The rows of a table's file as the journal has them: texts, but for numbers and truths. An empty cell is nothing.
fn facts(table: &dyn lake::tables::Table) -> Vec<String> {
    let Ok(file) = fs::File::open(folder().join(format!("{}.csv", table.name()))) else { return Vec::new() };
    let mut text = BufReader::new(file);
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (inferred, _) = format.infer_schema(&mut text, None).expect("a header");
    let names: Vec<&str> = inferred.fields().iter().map(|field| field.name().as_str()).collect();
    let schema = Arc::new(Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>()));
    let kinds: Vec<Kind> = names
        .iter()
        .map(|name| {
            lake::tables::all_columns(table)
                .find(|column| column.name == *name)
                .unwrap_or_else(|| panic!("{}: {name}", table.name()))
                .kind
        })
        .collect();
    let file = fs::File::open(folder().join(format!("{}.csv", table.name()))).expect("the file");
    let mut rows = Vec::new();
    for batch in ReaderBuilder::new(schema).with_header(true).build(file).expect("CSV") {
        let batch = batch.expect("CSV");
        for row in 0..batch.num_rows() {
            let mut members = Map::new();
            for ((name, kind), column) in names.iter().zip(&kinds).zip(batch.columns()) {
                let column = column.as_string::<i32>();
                if column.is_null(row) || column.value(row).is_empty() {
                    continue;
                }
                let text = column.value(row);
                let value = match kind {
                    Kind::Int => json!(text.parse::<i64>().expect("a whole number")),
                    Kind::Float => json!(text.parse::<f64>().expect("a number")),
                    Kind::Bool => json!(text == "true"),
                    Kind::Instant => json!(model::time::rfc3339(at(text))),
                    Kind::Text | Kind::Money | Kind::Date => json!(text),
                };
                members.insert((*name).into(), value);
            }
            members.insert("known_at".into(), members["occurred_at"].clone());
            rows.push(Value::Object(members).to_string());
        }
    }
    rows
}

/// The first half of each table in the lake, the rest in the tail: a question must not see the seam.
async fn view() -> (tempfile::TempDir, ReadView) {
    let mut halves: [Vec<TailSegment>; 2] = Default::default();
    let mut first_position = 1;
    let tables: Vec<_> = TABLES.iter().map(|table| (table.name(), facts(*table))).collect();
    for (half, segments) in halves.iter_mut().enumerate() {
        for (table, rows) in &tables {
            let (first, second) = rows.split_at(rows.len() / 2);
            let rows = [first, second][half];
            if !rows.is_empty() {
                let payload = rows.join("\n").into_bytes();
                segments.push(TailSegment {
                    table: (*table).into(),
                    first_position,
                    rows: rows.len(),
                    ingested_at: noon("2026-12-01"),
                    payload,
                });
                first_position += rows.len() as i64;
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy()).await.expect("a lake");
    lake.land(&halves[0]).await.expect("landed");
    let view = lake.view(&Tail::of(&halves.concat()).expect("rows")).await.expect("a view");
    (folder, view)
}

#[tokio::test]
async fn reports_and_segments_answer_as_worked_out_without_sql() {
    let (_folder, view) = view().await;
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder().join("answers")).expect("answers").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there are answers");
    for path in files {
        let name = path.display().to_string();
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
        let desk = desk(&view, noon(case["as_of"].as_str().expect("a day")), Mode::AsKnown);
        let query = desk.query(case["query"].as_str().expect("a query")).expect("built in");
        let given = case["params"].as_object().into_iter().flatten().map(|(param, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), String::from);
            let kind = query.header.params.iter().find(|declared| declared.name == *param).map(|declared| declared.kind);
            (param.clone(), kind.and_then(|kind| kind.read(&text)).unwrap_or_else(|| panic!("{name}: {param} = {text}")))
        });
        let params: Params = given.collect();
        let answer = desk.ask(&query.name, &params).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let columns: Vec<&str> = case["columns"].as_array().expect("columns").iter().filter_map(Value::as_str).collect();
        library::check(&name, &case, &answer, &columns, case["rows"].as_array().expect("rows"));
    }
}
