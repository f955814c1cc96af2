//! The lake that stays: damage is noticed, named, and made good where the journal can; nothing differs without a word.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use lake::{Access, Lake, Tail, TailSegment};
use object_store::{ObjectStore, memory::InMemory};

use crate::{event, events, open, rows, said, segment};

fn facts(numbers: std::ops::RangeInclusive<i64>) -> TailSegment {
    segment(*numbers.start(), &numbers.map(event).collect::<Vec<_>>())
}

fn numbered(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(|number| format!("{number} e{number}")).collect()
}

async fn write_again(folder: &Path, kept_after: i64) -> Lake {
    let kept = lake::tables::TABLES
        .iter()
        .map(|table| (table.name().to_string(), if table.name() == "events" { kept_after } else { 0 }));
    Lake::open_to_write(&folder.to_string_lossy(), kept.collect()).await.expect("a lake")
}

fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("events").join("_delta_log").join(name)
}

type Damage = fn(&mut Vec<u8>);

/// The ways a file goes wrong.
const WAYS: [(&str, Damage); 6] = [
    ("emptied", |bytes| bytes.clear()),
    ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("without its end", |bytes| bytes.truncate(bytes.len() - 1)),
    ("zeroed", |bytes| bytes.fill(0)),
    ("with garbage after it", |bytes| bytes.extend_from_slice(b"\n{\"add\":")),
    ("with another file in it", |bytes| {
        let at = bytes.windows(9).position(|part| part == b"\"add\":{\"p").expect("it adds a file") + 20;
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    }),
];

/// Two that make the tables at the same moment: one of them is second, and that is no damage.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lake_is_made_by_several_at_once() {
    for round in 0..4 {
        let folder = tempfile::tempdir().expect("a folder");
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let path = folder.path().to_path_buf();
                tokio::spawn(async move { write_again(&path, 0).await })
            })
            .collect();
        for (opened, number) in opening.into_iter().zip(1..) {
            let lake = opened.await.expect("no panic").as_application(&format!("writer {number}")).await.expect("a writer");
            lake.land(&[facts(number..=number)])
                .await
                .unwrap_or_else(|error| panic!("round {round}, writer {number}: {}", said(&error)));
        }
        assert_eq!(
            events(&open(folder.path()).await.view(&Tail::default()).await.expect("a view")).await.len(),
            4,
            "round {round}"
        );
    }
}

#[tokio::test]
async fn a_damaged_newest_commit_is_made_again_from_the_journal() {
    for (way, damage) in WAYS {
        for newest in 1..=4 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path();
            {
                let lake = open(path).await;
                for number in 1..=newest {
                    lake.land(&[facts(number..=number)]).await.expect("landed");
                }
            }
            let file = log_file(path, &format!("{newest:020}.json"));
            let mut bytes = fs::read(&file).expect("a commit");
            damage(&mut bytes);
            fs::write(&file, bytes).expect("damaged");

            let reader = open(path).await;
            assert_eq!(reader.damaged().await.len(), 1, "{way}, {newest}");
            let view = reader.view(&Tail::default()).await.expect("the other tables");
            let error =
                SessionContext::new().read_table(view.table("events").expect("there")).expect("a relation").collect().await;
            let error = said(&error.expect_err("not read as if nothing were"));
            assert!(
                error.contains("table `events` is damaged from version") && error.contains(&format!("{newest:020}.json")),
                "{error}"
            );
            assert_eq!(rows(&view, "orders").await.num_rows(), 0, "the others are read");

            let tail = [facts(1..=newest)];
            let lake = write_again(path, newest - 1).await;
            assert_eq!(lake.damaged().await, [], "{way}, {newest}");
            assert_eq!(
                events(&lake.view(&Tail::of(&tail).expect("rows")).await.expect("a view")).await,
                numbered(1..=newest),
                "{way}: the tail has it"
            );
            lake.land(&tail).await.expect("landed");
            assert_eq!(
                events(&lake.view(&Tail::default()).await.expect("a view")).await,
                numbered(1..=newest),
                "{way}: the table has it"
            );
            assert_eq!(
                events(&open(path).await.view(&Tail::default()).await.expect("a view")).await,
                numbered(1..=newest),
                "{way}"
            );
            assert!(path.join("events/_quarantine").exists(), "{way}: nothing is thrown away");
        }
    }
}

/// A log whose end is gone looks like a shorter one: only whoever knows what had landed can tell.
#[tokio::test]
async fn a_reader_misses_the_lost_end_of_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for number in 1..=4 {
        lake.land(&[facts(number..=number)]).await.expect("landed");
    }
    let check = async |landed: i64, expect: usize| {
        let reader = open(folder.path()).await;
        reader.expect_landed(&BTreeMap::from([("events".to_string(), landed)])).await;
        assert_eq!(reader.damaged().await.len(), expect, "{landed}");
        let asked = reader.view(&Tail::default()).await.expect("the other tables").table("events").expect("there");
        let read = SessionContext::new().read_table(asked).expect("a relation").collect().await;
        assert_eq!(read.is_err(), expect > 0, "{landed}");
    };
    check(4, 0).await;
    fs::remove_file(log_file(folder.path(), "00000000000000000004.json")).expect("removed");
    check(3, 0).await;
    check(4, 1).await;
    fs::remove_dir_all(folder.path().join("events/_delta_log")).expect("removed");
    check(4, 1).await;
}

#[tokio::test]
async fn a_damaged_file_keeps_no_other_table_from_being_compacted() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for number in 1..=2 {
        let at = crate::noon();
        let order = segment(2 * number, &[model::Fact::new(&model::Order::new("test", number.to_string(), at), at, at)]);
        lake.land(&[facts(2 * number - 1..=2 * number - 1), order]).await.expect("landed");
    }
    let is_data = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    let mut files = fs::read_dir(folder.path().join("events")).expect("a folder").map(|file| file.expect("a file").path());
    let file = files.find(is_data).expect("a data file");
    let mut bytes = fs::read(&file).expect("read");
    bytes[20] ^= 1;
    fs::write(&file, bytes).expect("damaged");
    let lake = write_again(folder.path(), 0).await;
    let error = said(&lake.compact(2).await.expect_err("a file is damaged"));
    assert!(error.contains("events"), "{error}");
    let files: BTreeMap<&str, usize> =
        lake.status().await.expect("a status").into_iter().map(|table| (table.table, table.files)).collect();
    assert_eq!((files["orders"], files["events"]), (1, 2));
}

#[tokio::test]
async fn a_table_that_cannot_land_keeps_no_other_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    lake.land(&[facts(1..=2)]).await.expect("landed");
    fs::write(log_file(folder.path(), "00000000000000000001.json"), "{ no commit").expect("written");
    let lake = write_again(folder.path(), 2).await;
    assert_eq!(lake.damaged().await.len(), 1);
    let at = crate::noon();
    let other = segment(4, &[model::Fact::new(&model::Order::new("test", "1", at), at, at)]);
    let landed = lake.land_each(&[facts(3..=3), other]).await.expect("the others");
    let failed: Vec<&str> = landed.failed.iter().map(|(table, _)| *table).collect();
    assert_eq!((landed.rows, landed.up_to, failed), (1, 4, vec!["events"]));
}

#[tokio::test]
async fn what_the_journal_no_longer_has_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    for number in 1..=3 {
        open(path).await.land(&[facts(number..=number)]).await.expect("landed");
    }
    let check = async |file: PathBuf, change: &dyn Fn(&Path), kept_after: i64, expect: &[&str]| {
        let before = fs::read(&file).expect("a file");
        change(&file);
        let lake = write_again(path, kept_after).await;
        let damaged = lake.damaged().await;
        let shown = damaged.iter().map(|damaged| format!("{damaged}; {}", damaged.remedy)).collect::<Vec<_>>().join("\n");
        for expect in expect {
            assert!(shown.contains(expect), "{shown}");
        }
        assert!(lake.land(&[facts(4..=4)]).await.is_err(), "nothing is written over it");
        fs::write(&file, before).expect("put back");
        assert_eq!(events(&write_again(path, 3).await.view(&Tail::default()).await.expect("a view")).await, numbered(1..=3));
    };
    let commit = |version: i64| log_file(path, &format!("{version:020}.json"));
    let remove: &dyn Fn(&Path) = &|file| fs::remove_file(file).expect("removed");
    let empty: &dyn Fn(&Path) = &|file| fs::write(file, b"").expect("emptied");
    check(commit(3), empty, 3, &["version 3", "is empty", "positions 3 to 3 are lost"]).await;
    check(commit(2), remove, 2, &["version 2", "is missing", "positions 2 to 2 are lost"]).await;
    check(commit(3), remove, 3, &["ends at position 2, although rows up to 3 had landed"]).await;
    let data = data_files(path).into_iter().max().expect("the newest");
    check(data.clone(), remove, 3, &["version 3", "is missing", "000000000003"]).await;
    check(data, empty, 3, &["version 3", "has the wrong size"]).await;
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("events")).expect("a table").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

#[tokio::test]
async fn no_bit_of_a_data_file_changes_unseen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    open(path).await.land(&[facts(1..=200)]).await.expect("landed");
    let file = data_files(path).remove(0);
    let whole = fs::read(&file).expect("a file");
    let bits = whole.len() * 8;
    let (mut seen, mut silent) = (0, 0);
    for flip in 0..300 {
        // A stride that is prime to the size meets every part of the file.
        let bit = flip * 7919 % bits;
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, bytes).expect("damaged");
        let lake = Lake::open(&path.to_string_lossy()).await.expect("a lake");
        let table = lake.view(&Tail::default()).await.expect("a view").table("events").expect("a table");
        let session = SessionContext::new();
        let (url, store) = table.store();
        session.register_object_store(&url, store);
        match session.read_table(table).expect("a relation").collect().await {
            Ok(_) => silent += 1,
            Err(error) => {
                let error = said(&error);
                assert!(error.contains("is damaged") && error.contains(".parquet"), "bit {bit}: {error}");
                seen += 1;
            }
        }
    }
    assert_eq!((seen, silent), (300, 0));
    let scrubbed = open(path).await.scrub(&mut |_| {}).await.expect("scrubbed");
    assert_eq!((scrubbed.files, scrubbed.found.len(), scrubbed.unsealed), (1, 1, 0), "{scrubbed:?}");
    fs::write(&file, whole).expect("put back");
    let scrubbed = open(path).await.scrub(&mut |_| {}).await.expect("scrubbed");
    assert_eq!((scrubbed.files, scrubbed.found.len()), (1, 0), "{scrubbed:?}");
    assert_eq!(events(&open(path).await.view(&Tail::default()).await.expect("a view")).await, numbered(1..=200));
}

#[tokio::test]
async fn a_damaged_checkpoint_is_put_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    {
        let lake = write_again(path, 0).await;
        for number in 1..=51 {
            lake.land(&[facts(number..=number)]).await.expect("landed");
        }
        let tended = lake.tend(false).await.expect("tended");
        assert!(tended.iter().any(|tended| tended.table == "events" && tended.checkpoint), "{tended:?}");
        lake.land(&[facts(52..=52)]).await.expect("landed");
    }
    let check = async |name: &str, damage: Damage| {
        let file = log_file(path, name);
        let mut bytes = fs::read(&file).expect("a file");
        damage(&mut bytes);
        fs::write(&file, &bytes).expect("damaged");
        let lake = write_again(path, 52).await;
        assert_eq!(lake.damaged().await, [], "{name}");
        assert_eq!(events(&lake.view(&Tail::default()).await.expect("a view")).await, numbered(1..=52), "{name}");
        assert!(!file.exists(), "{name}");
    };
    check("_last_checkpoint", |bytes| bytes.clear()).await;
    let middle: Damage = |bytes| {
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
    };
    check("00000000000000000051.checkpoint.parquet", middle).await;
}

#[tokio::test]
async fn compaction_sorts_what_it_joins() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for number in (1..=6).rev() {
        lake.land(&[segment(7 - number, &[event(number)])]).await.expect("landed");
    }
    let shown = |batch: arrow::array::RecordBatch| pretty_format_batches(&[batch]).expect("text").to_string();
    let before = shown(rows(&lake.view(&Tail::default()).await.expect("a view"), "events").await);
    lake.compact(2).await.expect("compacted");
    assert_eq!(shown(rows(&lake.view(&Tail::default()).await.expect("a view"), "events").await), before);
    let status = lake.status().await.expect("a status");
    assert_eq!(status.iter().find(|status| status.table == "events").map(|status| (status.files, status.rows)), Some((1, 6)));
}

#[tokio::test]
async fn a_table_of_another_version_is_read_and_brought_up_to_date() {
    use deltalake_core::{
        DeltaTableBuilder,
        kernel::{StructField, StructType, engine::arrow_conversion::TryIntoKernel},
    };
    let all = lake::tables::schema(lake::tables::find("events").expect("a table"));
    let check = async |left_out: &[&str], added: Option<&str>| {
        let folder = tempfile::tempdir().expect("a folder");
        let kept =
            all.fields().iter().filter(|field| !left_out.contains(&field.name().as_str())).map(|field| field.as_ref().clone());
        let more = added.map(|name| arrow::datatypes::Field::new(name, arrow::datatypes::DataType::Utf8, true));
        let schema = arrow::datatypes::Schema::new(kept.chain(more).collect::<Vec<_>>());
        let kernel: StructType = (&schema).try_into_kernel().expect("a schema");
        let fields: Vec<StructField> = kernel.fields().cloned().collect();
        let url = url::Url::from_directory_path(folder.path().join("events")).expect("a URL");
        let table = DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build).expect("a table");
        let table = table.create().with_columns(fields).await.expect("made by another version");
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            "event_id" => std::sync::Arc::new(arrow::array::StringArray::from(vec!["e0"])) as arrow::array::ArrayRef,
            "position" => std::sync::Arc::new(arrow::array::Int64Array::from(vec![0])),
            _ => arrow::array::new_null_array(field.data_type(), 1),
        });
        let batch = arrow::array::RecordBatch::try_new(std::sync::Arc::new(schema.clone()), columns.collect()).expect("a row");
        table.write([batch]).await.expect("written by another version");

        let reader = open(folder.path()).await;
        let read = rows(&reader.view(&Tail::default()).await.expect("a view"), "events").await;
        assert_eq!((read.num_rows(), read.schema().fields().len()), (1, all.fields().len()), "{left_out:?}: nulls fill in");
        let lake = write_again(folder.path(), 0).await;
        lake.land(&[facts(1..=2)]).await.expect("landed");
        let compacted = lake.compact(2).await.expect("compacted");
        assert_eq!(compacted.is_empty(), added.is_some(), "a column of a newer version is not lost: {compacted:?}");
        assert_eq!(
            events(&lake.view(&Tail::default()).await.expect("a view")).await,
            ["0 e0", "1 e1", "2 e2"],
            "{left_out:?} {added:?}"
        );
        assert_eq!(open(folder.path()).await.damaged().await, []);
    };
    check(&[], None).await;
    check(&["url", "send_id", "value"], None).await;
    check(&[], Some("zodiac")).await;
    check(&["properties"], Some("zodiac")).await;
}

#[tokio::test]
async fn a_past_moment_opens_only_files_that_were_known_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for month in 1..=9 {
        let at = crate::at(&format!("2026-0{month}-01T00:00:00.000500Z"));
        let event = model::Event { event_id: format!("e{month}"), name: "product_viewed".into(), ..model::Event::default() };
        lake.land(&[segment(month, &[model::Fact::new(&event, at, at)])]).await.expect("landed");
    }
    let table = lake.view(&Tail::default()).await.expect("a view").table("events").expect("a table");
    let session = SessionContext::new();
    let (url, store) = table.store();
    session.register_object_store(&url, store);
    session.register_table("events", table).expect("a relation");
    let check = async |condition: &str, files: usize, expect: usize| {
        let asked = |what: &str| format!("{what} SELECT event_id FROM events WHERE {condition}");
        let plan = session.sql(&asked("EXPLAIN")).await.expect("planned").collect().await.expect("a plan");
        let plan = pretty_format_batches(&plan).expect("text").to_string();
        assert_eq!(plan.matches(".parquet").count(), files, "{condition}: {plan}");
        let rows = session.sql(&asked("")).await.expect("planned").collect().await.expect("rows");
        assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), expect, "{condition}");
    };
    check("known_at <= TIMESTAMP '2026-03-01T00:00:00.000500Z'", 3, 3).await;
    check("known_at <= TIMESTAMP '2026-03-01T00:00:00.000499Z'", 3, 2).await;
    check("known_at < TIMESTAMP '2026-01-01T00:00:00Z'", 0, 0).await;
    check("occurred_at >= TIMESTAMP '2026-09-01T00:00:00.000500Z'", 1, 1).await;
    check("occurred_at > TIMESTAMP '2026-09-01T00:00:00.000500Z'", 1, 0).await;
    check("name = 'product_viewed'", 9, 9).await;
    check("name = 'zzz'", 0, 0).await;
}

/// A store that forgets the condition of a write.
#[derive(Debug)]
struct Forgetful(InMemory);

impl std::fmt::Display for Forgetful {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forgetful")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Forgetful {
    async fn put_opts(
        &self,
        location: &object_store::path::Path,
        payload: object_store::PutPayload,
        _: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        self.0.put_opts(location, payload, object_store::PutOptions::default()).await
    }

    async fn put_multipart_opts(
        &self,
        location: &object_store::path::Path,
        options: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &object_store::path::Path,
        options: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.0.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: futures::stream::BoxStream<'static, object_store::Result<object_store::path::Path>>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<object_store::path::Path>> {
        self.0.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&object_store::path::Path>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&object_store::path::Path>,
    ) -> object_store::Result<object_store::ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &object_store::path::Path,
        to: &object_store::path::Path,
        options: object_store::CopyOptions,
    ) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused() {
    let url = || url::Url::parse("memory:///lake/").expect("a URL");
    let write = || Access::Write { kept_after: BTreeMap::new() };
    let refused = Lake::open_on(std::sync::Arc::new(Forgetful(InMemory::new())), url(), write()).await;
    let error = refused.err().expect("refused");
    assert!(error.to_string().contains("lets two writers create one file"), "{error}");
    assert!(model::Remedy::remedy(&error).is_some_and(|remedy| remedy.contains("If-None-Match")), "{error}");
    let lake = Lake::open_on(std::sync::Arc::new(InMemory::new()), url(), write()).await.expect("a store that keeps its word");
    lake.land(&[facts(1..=3)]).await.expect("landed");
    assert_eq!(events(&lake.view(&Tail::default()).await.expect("a view")).await, numbered(1..=3));
}
