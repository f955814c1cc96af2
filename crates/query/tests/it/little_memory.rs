//! A question that needs more memory than it may have comes to its end: with its answer, by way of the disk, or with the reason.

use std::{collections::BTreeMap, fs::File, sync::Arc, time::Duration};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
use query::{FileDesk, FileTable, Limits, Params};

use crate::shown;

const ROWS: i64 = 400_000;
const MEGABYTES: [usize; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_short_of_memory_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("visits.parquet");
    let fields = [Field::new("page", DataType::Int64, false), Field::new("visit_id", DataType::Utf8, false)];
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(20_000)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(&file).expect("a file"), schema.clone(), Some(properties)).expect("a writer");
    let pages = Int64Array::from_iter_values((0..ROWS).map(|row| row % 7));
    let visits = StringArray::from_iter_values(
        (0..ROWS).map(|row| format!("visit-{:016x}", (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))),
    );
    let columns: Vec<ArrayRef> = vec![Arc::new(pages), Arc::new(visits)];
    writer.write(&RecordBatch::try_new(schema, columns).expect("a batch")).expect("written");
    writer.close().expect("closed");

    let tables: BTreeMap<String, FileTable> =
        [("visits".to_string(), FileTable { files: vec![file], columns: BTreeMap::new() })].into();
    let distinct = "SELECT page, count(DISTINCT visit_id) AS visits FROM visits GROUP BY page ORDER BY page";
    let pages: Vec<String> = (0..7).map(|page| format!("{page} {}", (ROWS - page + 6) / 7)).collect();
    let twice = "WITH visit AS (SELECT visit_id, page, count(*) AS rows FROM visits GROUP BY visit_id, page), \
                 first AS (SELECT visit_id, min(page) AS page FROM visit GROUP BY visit_id) \
                 SELECT first.page, count(*) AS visits FROM visit JOIN first ON first.visit_id = visit.visit_id \
                 GROUP BY first.page ORDER BY first.page";
    let mut answered = 0;
    for (sql, megabytes) in [distinct, twice].into_iter().flat_map(|sql| MEGABYTES.map(|megabytes| (sql, megabytes))) {
        let limits = Limits { memory_bytes: megabytes << 20, ..Limits::default() };
        let desk = FileDesk::open(&tables, limits).await.expect("a desk");
        let asked = tokio::time::timeout(Duration::from_secs(60), async { desk.run("visits", sql, &Params::new()).await });
        match asked.await.unwrap_or_else(|_| panic!("with {megabytes} MB this does not end: {sql}")) {
            Ok(rows) => {
                assert_eq!(shown(&rows.answer().expect("an answer")), pages, "with {megabytes} MB: {sql}");
                answered += 1;
            }
            Err(error) => assert!(error.to_string().contains("memory"), "with {megabytes} MB: {error}"),
        }
    }
    assert!(answered > 0, "some answers fit");

    let desk = FileDesk::open(&tables, Limits { memory_bytes: 16 << 20, spill_bytes: 1 << 20, ..Limits::default() });
    let Err(error) = desk.await.expect("a desk").run("visits", distinct, &Params::new()).await else {
        panic!("more was put aside than may be")
    };
    assert!(error.to_string().contains("more disk than a question may use"), "{error}");
}
