//! Landing: journal rows become Delta commits, each marked with the journal position it reaches, so that a repeat changes nothing.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    num::NonZeroU64,
    path::Path,
    sync::{Arc, Mutex},
};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::Int64Type,
};
use datafusion::{common::ScalarValue, datasource::listing::PartitionedFile, execution::object_store::ObjectStoreUrl};
use deltalake_core::{
    DeltaTable, DeltaTableBuilder, DeltaTableError,
    kernel::{
        Action, StructField, StructType, Transaction, engine::arrow_conversion::TryIntoKernel, transaction::CommitProperties,
    },
    protocol::SaveMode,
};
use parquet::{
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use tokio::sync::RwLock;
use url::Url;

use crate::{
    LakeError,
    decode::{decode, sorted},
    provider::{Snapshot, file_statistics, is_ordered},
    store::Place,
    tables::{self, Table},
    view::TailSegment,
};

/// The application id of our commits: `txn.version` is the last journal position in the table.
const APPLICATION: &str = "tsubame-journal";

/// The tables of one shop. One process writes them: the holder of the shop's lock.
pub struct Lake {
    place: Place,
    handles: BTreeMap<&'static str, RwLock<Handle>>,
    pub(crate) memory: Mutex<BTreeMap<i64, RecordBatch>>,
}

struct Handle {
    table: DeltaTable,
    watermark: i64,
    pinned: Option<Snapshot>,
}

/// What one flush wrote.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Landed {
    pub rows: u64,
    pub commits: u32,
    /// Everything up to here is in the tables, on stable storage: the journal may forget it.
    pub up_to: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    pub table: &'static str,
    pub files_before: usize,
    pub files_after: usize,
}

/// A table's state, for people.
#[derive(Debug, Clone)]
pub struct TableStatus {
    pub table: &'static str,
    pub version: i64,
    pub watermark: i64,
    pub files: usize,
    pub rows: i64,
    pub bytes: u64,
}

impl Lake {
    /// Opens the tables under a folder or URL, creating those that do not exist.
    pub async fn open(location: &str) -> Result<Lake, LakeError> {
        let place = Place::parse(location)?;
        let mut handles = BTreeMap::new();
        for table in tables::TABLES {
            handles.insert(table.name(), RwLock::new(open_table(&place, *table).await?));
        }
        Ok(Lake { place, handles, memory: Mutex::default() })
    }

    pub fn url(&self) -> &Url {
        &self.place.url
    }

    /// Writes journal rows into their tables, one commit per table, and makes the commits durable. Rows that already landed are skipped.
    /// `segments` must be all the journal holds up to some position.
    pub async fn land(&self, segments: &[TailSegment]) -> Result<Landed, LakeError> {
        let mut by_table: BTreeMap<&str, Vec<&TailSegment>> = BTreeMap::new();
        let mut landed = Landed::default();
        for segment in segments {
            landed.up_to = landed.up_to.max(segment.first_position + segment.rows as i64 - 1);
            by_table.entry(&segment.table).or_default().push(segment);
        }
        for (name, mut parts) in by_table {
            parts.sort_by_key(|segment| segment.first_position);
            let table = tables::find(name).ok_or_else(|| LakeError::UnknownTable(name.into()))?;
            let rows = self.land_table(table, &parts).await?;
            landed.rows += rows;
            landed.commits += u32::from(rows > 0);
        }
        self.memory.lock().expect("nobody panics while holding it").retain(|first, _| *first > landed.up_to);
        Ok(landed)
    }

    async fn land_table(&self, table: &'static dyn Table, parts: &[&TailSegment]) -> Result<u64, LakeError> {
        let name = table.name();
        let mut handle = self.handle(name).write().await;
        let mut batches = Vec::new();
        let mut last = handle.watermark;
        for segment in parts {
            let batch = decode(segment)?;
            let skip = (handle.watermark + 1 - segment.first_position).clamp(0, batch.num_rows() as i64) as usize;
            batches.push(batch.slice(skip, batch.num_rows() - skip));
            last = last.max(segment.first_position + segment.rows as i64 - 1);
        }
        let arrow_error = |source| LakeError::Decode { table: name.into(), first: parts[0].first_position, source };
        let batch = concat_batches(&tables::schema(table), &batches).map_err(arrow_error)?;
        if batch.num_rows() == 0 {
            return Ok(0);
        }
        let rows = batch.num_rows() as u64;
        let batch = sorted(table, batch).map_err(arrow_error)?;
        let written = handle
            .table
            .clone()
            .write([batch])
            .with_save_mode(SaveMode::Append)
            .with_writer_properties(writer_properties())
            .with_commit_properties(
                CommitProperties::default()
                    .with_application_transaction(Transaction::new(APPLICATION, last))
                    .with_max_retries(100),
            )
            .await;
        match written {
            Ok(table) => handle.table = table,
            // The answer may have been lost while the commit landed: the table itself knows.
            Err(source) => {
                let write_error = |source| LakeError::Write { table: name.into(), source: Box::new(source) };
                handle.table.update_state().await.map_err(write_error)?;
                if watermark(&handle.table).await.map_err(write_error)? < last {
                    return Err(write_error(source));
                }
            }
        }
        handle.watermark = last;
        handle.pinned = None;
        if let Some(folder) = &self.place.folder {
            sync_commit(&folder.join(name), handle.table.version().unwrap_or_default() as i64)?;
        }
        Ok(rows)
    }

    /// Rewrites many small files as few large ones. Rows do not change.
    pub async fn compact(&self, min_files: usize) -> Result<Vec<Compacted>, LakeError> {
        let mut compacted = Vec::new();
        for table in tables::TABLES {
            let name = table.name();
            let mut handle = self.handle(name).write().await;
            let write_error = |source| LakeError::Write { table: name.into(), source: Box::new(source) };
            let files = |table: &DeltaTable| table.snapshot().map(|state| state.log_data().num_files());
            let before = files(&handle.table).map_err(write_error)?;
            if before < min_files {
                continue;
            }
            let (table, _) = handle
                .table
                .clone()
                .optimize()
                .with_target_size(NonZeroU64::new(128 << 20).expect("not zero"))
                .with_writer_properties(writer_properties())
                .await
                .map_err(write_error)?;
            handle.table = table;
            handle.pinned = None;
            if let Some(folder) = &self.place.folder {
                sync_commit(&folder.join(name), handle.table.version().unwrap_or_default() as i64)?;
            }
            compacted.push(Compacted {
                table: name,
                files_before: before,
                files_after: files(&handle.table).map_err(write_error)?,
            });
        }
        Ok(compacted)
    }

    /// Sees what other processes committed.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        for (name, handle) in &self.handles {
            let read_error = |source| LakeError::Read { table: name.to_string(), source: Box::new(source) };
            let mut handle = handle.write().await;
            let before = handle.table.version();
            handle.table.update_incremental(None).await.map_err(read_error)?;
            if handle.table.version() != before {
                handle.watermark = watermark(&handle.table).await.map_err(read_error)?;
                handle.pinned = None;
            }
        }
        Ok(())
    }

    pub async fn status(&self) -> Result<Vec<TableStatus>, LakeError> {
        let mut statuses = Vec::new();
        for table in tables::TABLES {
            let snapshot = self.snapshot(table.name()).await?;
            let rows = |file: &PartitionedFile| {
                file.statistics.as_ref().and_then(|statistics| statistics.num_rows.get_value().copied()).unwrap_or(0)
            };
            statuses.push(TableStatus {
                table: table.name(),
                version: snapshot.version,
                watermark: snapshot.watermark,
                files: snapshot.files.len(),
                rows: snapshot.files.iter().map(|file| rows(file) as i64).sum(),
                bytes: snapshot.files.iter().map(|file| file.object_meta.size).sum(),
            });
        }
        Ok(statuses)
    }

    fn handle(&self, name: &str) -> &RwLock<Handle> {
        self.handles.get(name).expect("every table of the list was opened")
    }

    pub(crate) async fn snapshot(&self, name: &'static str) -> Result<Snapshot, LakeError> {
        if let Some(pinned) = &self.handle(name).read().await.pinned {
            return Ok(pinned.clone());
        }
        let mut handle = self.handle(name).write().await;
        let pinned = pin(name, &handle.table, handle.watermark)
            .map_err(|source| LakeError::Read { table: name.into(), source: Box::new(source) })?;
        handle.pinned = Some(pinned.clone());
        Ok(pinned)
    }
}

async fn open_table(place: &Place, table: &dyn Table) -> Result<Handle, LakeError> {
    let name = table.name();
    let url = place.table(name)?;
    let open_error = |source| LakeError::Open { table: name.into(), source: Box::new(source) };
    let mut delta = DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build).map_err(open_error)?;
    match delta.load().await {
        Ok(()) => {}
        Err(DeltaTableError::NotATable(_)) => delta = create(delta, table).await.map_err(open_error)?,
        Err(source) => return Err(open_error(source)),
    }
    let features = delta.snapshot().map_err(open_error)?.protocol().reader_features().unwrap_or_default().to_vec();
    for feature in ["deletionVectors", "columnMapping"] {
        if features.iter().any(|found| found.to_string() == feature) {
            return Err(LakeError::Feature { table: name.into(), feature: feature.into() });
        }
    }
    let watermark = watermark(&delta).await.map_err(open_error)?;
    Ok(Handle { table: delta, watermark, pinned: None })
}

async fn create(table: DeltaTable, definition: &dyn Table) -> Result<DeltaTable, DeltaTableError> {
    let schema: StructType = tables::schema(definition).as_ref().try_into_kernel()?;
    let fields: Vec<StructField> = schema.fields().cloned().collect();
    let times = tables::TIMES.iter().chain(&tables::LANDED).map(|column| column.name);
    let statistics: Vec<&str> = times.chain(definition.statistics().iter().copied()).collect();
    let configuration: HashMap<String, Option<String>> = [
        ("delta.dataSkippingStatsColumns", statistics.join(",")),
        ("delta.checkpointInterval", "50".into()),
        ("delta.deletedFileRetentionDuration", "interval 7 days".into()),
        ("delta.logRetentionDuration", "interval 30 days".into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), Some(value)))
    .collect();
    table
        .create()
        .with_table_name(definition.name())
        .with_columns(fields)
        .with_configuration(configuration)
        .with_save_mode(SaveMode::Ignore)
        .await
}

async fn watermark(table: &DeltaTable) -> Result<i64, DeltaTableError> {
    let log_store = table.log_store();
    Ok(table.snapshot()?.transaction_version(log_store.as_ref(), APPLICATION).await?.unwrap_or(0))
}

fn writer_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("a level of zstd")))
        .set_max_row_group_row_count(Some(131_072))
        .build()
}

/// Reads the files of a version out of the log, with the statistics that let a scan skip them.
fn pin(name: &'static str, table: &DeltaTable, watermark: i64) -> Result<Snapshot, DeltaTableError> {
    let schema = tables::schema(tables::find(name).expect("only tables of the list are opened"));
    let state = table.snapshot()?;
    let adds = state.add_actions_table(true)?;
    let mut files = Vec::new();
    if adds.num_rows() > 0 {
        let paths = adds.column_by_name("path").expect("the log names its files");
        let paths = arrow::compute::cast(paths, &arrow::datatypes::DataType::Utf8)?;
        let paths = paths.as_string::<i32>();
        let sizes = adds.column_by_name("size_bytes").expect("the log sizes its files").as_primitive::<Int64Type>();
        let counts = adds.column_by_name("num_records").map(|column| column.as_primitive::<Int64Type>());
        for row in 0..adds.num_rows() {
            let path = object_store::path::Path::from_url_path(format!(
                "{}{}",
                table.table_url().path().trim_start_matches('/'),
                paths.value(row)
            ))
            .map_err(|error| DeltaTableError::Generic(error.to_string()))?;
            let value = |column: &str| ScalarValue::try_from_array(adds.column_by_name(column)?, row).ok();
            let range = |column: &str| {
                let ordered = schema.field_with_name(column).is_ok_and(|field| is_ordered(field.data_type()));
                if ordered { Some((value(&format!("min.{column}"))?, value(&format!("max.{column}"))?)) } else { None }
            };
            let rows = counts.filter(|counts| counts.is_valid(row)).map(|counts| counts.value(row));
            files.push(
                PartitionedFile::new(path.to_string(), sizes.value(row) as u64)
                    .with_statistics(Arc::new(file_statistics(&schema, rows, range))),
            );
        }
    }
    // The provider addresses files from the root of the store that holds the table.
    let url = table.table_url();
    let root = format!("{}://{}/", url.scheme(), url.host_str().unwrap_or(""));
    let store_url = ObjectStoreUrl::parse(&root).map_err(|error| DeltaTableError::Generic(error.to_string()))?;
    let store = table.log_store().root_object_store(None);
    Ok(Snapshot { version: state.version() as i64, watermark, files: Arc::new(files), store_url, store })
}

/// A Delta commit on a local disk is links and renames without fsync; a power cut could take it after the journal forgot its rows.
fn sync_commit(table: &Path, version: i64) -> Result<(), LakeError> {
    let log = table.join("_delta_log");
    let commit = log.join(format!("{version:020}.json"));
    let sync = |path: &Path| {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|source| LakeError::Sync { path: path.display().to_string(), source })
    };
    let text =
        std::fs::read_to_string(&commit).map_err(|source| LakeError::Sync { path: commit.display().to_string(), source })?;
    for action in text.lines().filter_map(|line| serde_json::from_str::<Action>(line).ok()) {
        if let Action::Add(add) = action {
            sync(&table.join(&add.path))?;
        }
    }
    sync(&commit)?;
    for checkpoint in [log.join(format!("{version:020}.checkpoint.parquet")), log.join("_last_checkpoint")] {
        if checkpoint.exists() {
            sync(&checkpoint)?;
        }
    }
    sync(&log)?;
    sync(table)?;
    // A table's first commit comes with a new folder.
    table.parent().map_or(Ok(()), sync)
}
