//! The newest rows of a time line are read first, and what is older than the last one wanted is not read.

use std::{collections::BTreeMap, fs::File, ops::RangeInclusive, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
use query::{FileDesk, FileTable, Limits, Params};

use crate::shown;

/// Five row groups of a hundred rows, one per moment, the oldest first; every tenth is of `a`.
fn write(file: &Path, time: &str, from: i64) {
    let schema = Schema::new(vec![Field::new("customer_id", DataType::Utf8, false), Field::new(time, DataType::Int64, false)]);
    let times: Vec<i64> = (from..from + 500).collect();
    let customers = times.iter().map(|time| if time % 10 == 0 { "a".to_string() } else { format!("c{time}") });
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(customers)), Arc::new(Int64Array::from(times))];
    let schema = Arc::new(schema);
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(100)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(file).expect("a file"), schema.clone(), Some(properties)).expect("a writer");
    writer.write(&RecordBatch::try_new(schema, columns).expect("a batch")).expect("written");
    writer.close().expect("closed");
}

#[tokio::test]
async fn what_is_older_than_the_last_row_wanted_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, time: &str, from: i64| {
        let file = folder.path().join(name);
        write(&file, time, from);
        file
    };
    let orders = vec![file("orders-1.parquet", "ordered_at", 0), file("orders-2.parquet", "ordered_at", 500)];
    let events = vec![file("events.parquet", "occurred_at", 500)];
    let tables: BTreeMap<String, FileTable> = [("orders", orders), ("events", events)]
        .map(|(name, files)| (name.to_string(), FileTable { files, columns: BTreeMap::new() }))
        .into();
    let desk = FileDesk::open(&tables, Limits { partitions: 1, ..Limits::default() }).await.expect("a desk");
    let ask = async |sql: &str| {
        let rows = desk.run("timeline", sql, &Params::new()).await.expect(sql);
        shown(&rows.answer().expect(sql))
    };
    let check = async |sql: &str, expect: &[&str], looked_at: RangeInclusive<usize>| {
        assert_eq!(ask(sql).await, expect, "{sql}");
        let plan = ask(&format!("EXPLAIN ANALYZE {sql}")).await.join("\n");
        let counted =
            |name: &str| plan.split(name).skip(1).filter_map(|text| text.split(',').next()?.parse::<usize>().ok()).sum::<usize>();
        let rows = counted("pushdown_rows_matched=") + counted("pushdown_rows_pruned=");
        assert!(looked_at.contains(&rows), "{rows} of 1,500 rows were looked at: {sql}\n{plan}");
    };
    let timeline = "SELECT kind, at FROM (SELECT 'order' AS kind, ordered_at AS at FROM orders WHERE customer_id = 'a' UNION ALL \
                    SELECT 'event' AS kind, occurred_at AS at FROM events WHERE customer_id = 'a') AS happening";
    check(&format!("{timeline} ORDER BY at DESC, kind LIMIT 3"), &["event 990", "order 990", "event 980"], 1..=600).await;
    check(&format!("{timeline} ORDER BY at, kind LIMIT 3"), &["order 0", "order 10", "order 20"], 1..=600).await;
    let all: Vec<String> = (0..100).rev().map(|nth| format!("order {}", nth * 10)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    check(
        "SELECT kind, at FROM (SELECT 'order' AS kind, ordered_at AS at FROM orders WHERE customer_id = 'a') AS o ORDER BY at DESC, kind",
        &all,
        1_000..=1_000,
    )
    .await;
}
