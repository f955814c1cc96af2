//! Landing: journal rows become Delta commits, each marked with the journal position it reaches, so that a repeat changes nothing.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::Int64Type,
};
use datafusion::{common::ScalarValue, datasource::listing::PartitionedFile};
use deltalake_core::{
    DeltaTable, DeltaTableError,
    kernel::{
        Action, Transaction,
        transaction::{CommitBuilder, CommitProperties, TableReference},
    },
    protocol::{DeltaOperation, SaveMode},
};
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::RwLock;
use url::Url;

use crate::{
    Damaged, LakeError,
    decode::{decode, in_order},
    file::{FileWriter, Sealed},
    kept::Kept,
    log::{SEAL, seal_of},
    open::{Access, lost_end, open_table},
    provider::{Snapshot, file_statistics, is_ordered},
    store::Place,
    tables::{self, Table},
    tail::{TailSegment, past},
};

/// The application id of our commits: `txn.version` is the last journal position in the table.
pub(crate) const APPLICATION: &str = "tsubame-journal";
/// How often a commit is tried whose outcome was read back as "it did not land".
const COMMITS_MAX: usize = 5;
/// Tables that are written side by side: each waits for the disk several times.
pub(crate) const WRITTEN_TOGETHER: usize = 4;
/// How often one try may lose the race for a version.
const RACES_MAX: usize = 100;

/// The tables of one shop. One process writes them: the holder of the shop's lock.
pub struct Lake {
    pub(crate) place: Place,
    application: String,
    handles: BTreeMap<&'static str, RwLock<Handle>>,
    pub(crate) kept: RwLock<Option<Arc<Kept>>>,
}

#[derive(Debug)]
pub(crate) struct Handle {
    pub table: DeltaTable,
    pub watermark: i64,
    pub pinned: Option<Snapshot>,
    /// The last checkpoint; -1 for none.
    pub checkpoint: i64,
    /// A commit ended in an error that could not be read back: what the table holds is to be asked first.
    pub unsure: bool,
    pub damaged: Option<Damaged>,
}

/// What one flush wrote.
#[derive(Debug, Default)]
pub struct Landed {
    pub rows: u64,
    pub commits: u32,
    /// Everything up to here is in the tables, on stable storage, but for rows of those that failed: the journal may forget it.
    pub up_to: i64,
    pub failed: Vec<(&'static str, LakeError)>,
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
    /// Opens the tables under a folder or URL, creating those that do not exist. Damaged tables are named when they are read.
    pub async fn open(location: &str) -> Result<Lake, LakeError> {
        Lake::open_at(Place::parse(location)?, Access::Read).await
    }

    /// Opens the tables to write them: damage at the end of a log is repaired where the journal has what is lost. `kept_after` says of
    /// each table from which position on that is; of a table it does not name, nothing is kept.
    pub async fn open_to_write(location: &str, kept_after: BTreeMap<String, i64>) -> Result<Lake, LakeError> {
        Lake::open_at(Place::parse(location)?, Access::Write { kept_after }).await
    }

    /// Opens the tables in a store that somebody else opened.
    pub async fn open_on(store: Arc<dyn ObjectStore>, url: Url, access: Access) -> Result<Lake, LakeError> {
        Lake::open_at(Place::on(store, url), access).await
    }

    async fn open_at(place: Place, access: Access) -> Result<Lake, LakeError> {
        if matches!(access, Access::Write { .. }) {
            place.probe().await?;
        }
        let (place_of, access_of) = (&place, &access);
        let mut opening: Vec<BoxFuture<'_, Result<Opened, LakeError>>> = Vec::new();
        for table in tables::TABLES.iter().copied() {
            opening.push(Box::pin(async move {
                let handle = open_table(place_of, table, access_of, APPLICATION).await?;
                Ok((table.name(), RwLock::new(handle)))
            }));
        }
        let handles = futures::stream::iter(opening).buffer_unordered(OPENED_TOGETHER).try_collect().await?;
        let lake = Lake { place, application: APPLICATION.into(), handles, kept: RwLock::default() };
        lake.refresh_kept().await?;
        Ok(lake)
    }

    /// The same tables as another writer of them: its positions are its own.
    pub async fn as_application(mut self, application: &str) -> Result<Lake, LakeError> {
        self.application = application.into();
        for (name, handle) in &self.handles {
            let mut handle = handle.write().await;
            if handle.damaged.is_none() {
                handle.watermark = watermark(&handle.table, application).await.map_err(|source| read_error(name, source))?;
            }
        }
        Ok(self)
    }

    pub fn url(&self) -> &Url {
        &self.place.url
    }

    /// The last journal position in each table that can be read.
    pub async fn watermarks(&self) -> BTreeMap<&'static str, i64> {
        let mut watermarks = BTreeMap::new();
        for (name, handle) in &self.handles {
            let handle = handle.read().await;
            if handle.damaged.is_none() {
                watermarks.insert(*name, handle.watermark);
            }
        }
        watermarks
    }

    /// The tables that cannot be read, and why.
    pub async fn damaged(&self) -> Vec<Damaged> {
        let mut damaged = Vec::new();
        for handle in self.handles.values() {
            damaged.extend(handle.read().await.damaged.clone());
        }
        damaged
    }

    /// [`Lake::land_each`], or why one of the tables could not take its rows.
    pub async fn land(&self, segments: &[TailSegment]) -> Result<Landed, LakeError> {
        let mut landed = self.land_each(segments).await?;
        match landed.failed.pop() {
            Some((_, error)) => Err(error),
            None => Ok(landed),
        }
    }

    /// Writes journal rows into their tables, one commit per table, durably. Rows that already landed are skipped. A table that fails
    /// does not keep the others from their rows. `segments` must be all the journal holds of a table between two positions.
    pub async fn land_each(&self, segments: &[TailSegment]) -> Result<Landed, LakeError> {
        let mut by_table: BTreeMap<&str, Vec<&TailSegment>> = BTreeMap::new();
        let mut landed = Landed::default();
        for segment in segments {
            landed.up_to = landed.up_to.max(segment.first_position + segment.rows as i64 - 1);
            by_table.entry(&segment.table).or_default().push(segment);
        }
        let mut landings: Vec<BoxFuture<'_, (&'static str, Result<u64, LakeError>)>> = Vec::new();
        for (name, mut parts) in by_table {
            parts.sort_by_key(|segment| segment.first_position);
            let table = tables::find(name).ok_or_else(|| LakeError::UnknownTable(name.into()))?;
            landings.push(Box::pin(async move { (table.name(), self.land_table(table, &parts).await) }));
        }
        let mut landings = stream::iter(landings).buffered(WRITTEN_TOGETHER);
        while let Some((name, done)) = landings.next().await {
            match done {
                Ok(rows) => {
                    landed.rows += rows;
                    landed.commits += u32::from(rows > 0);
                }
                Err(error) => {
                    tracing::error!(table = name, error = &error as &dyn std::error::Error, "rows could not land");
                    landed.failed.push((name, error));
                }
            }
        }
        drop(landings);
        Ok(landed)
    }

    /// Sets tables aside that end before what had landed in them: a log may lose its end without a trace.
    pub async fn expect_landed(&self, kept_after: &BTreeMap<String, i64>) {
        for (name, handle) in &self.handles {
            let mut handle = handle.write().await;
            if handle.damaged.is_none()
                && let Some(damaged) = lost_end(&self.place, name, &handle, kept_after)
            {
                tracing::error!(%damaged, "a table is left aside");
                (handle.watermark, handle.pinned, handle.damaged) = (0, None, Some(damaged));
            }
        }
    }

    async fn land_table(&self, table: &'static dyn Table, parts: &[&TailSegment]) -> Result<u64, LakeError> {
        let name = table.name();
        let write_error = |source| write_error(name, source);
        let mut handle = self.handle(name).write().await;
        if let Some(damaged) = &handle.damaged {
            return Err(damaged.clone().into());
        }
        let last = parts.iter().map(|segment| segment.first_position + segment.rows as i64 - 1).max().unwrap_or(0);
        let mut failure = None;
        for attempt in 0..COMMITS_MAX {
            if handle.unsure {
                pause(attempt).await;
                handle.table.update_state().await.map_err(write_error)?;
                handle.watermark = watermark(&handle.table, &self.application).await.map_err(write_error)?;
                (handle.pinned, handle.unsure) = (None, false);
            }
            let Some((rows, sealed)) = unlanded(table, parts, handle.watermark)? else {
                // It had landed before, or what failed did land after all.
                return Ok(0);
            };
            self.store(name, std::slice::from_ref(&sealed)).await?;
            let add = sealed.add(now_ms(), false);
            let transaction = Transaction::new(&self.application, last);
            let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
            handle.unsure = true;
            match commit(&mut handle.table, vec![Action::Add(add)], vec![transaction], operation).await {
                Ok(()) => {
                    (handle.watermark, handle.pinned, handle.unsure) = (last, None, false);
                    return Ok(rows);
                }
                // The answer may have been lost while the commit landed: the table itself knows.
                Err(source) => {
                    tracing::warn!(table = name, attempt, error = %source, "a commit failed; the table is asked whether it landed");
                    if watermark_now(&mut handle, &self.application).await.map_err(write_error)? >= last {
                        return Ok(rows);
                    }
                    failure = Some(source);
                }
            }
        }
        Err(write_error(failure.expect("every attempt failed")))
    }

    /// Puts finished files where the table is. Their names are their content, so a repeat changes nothing.
    pub(crate) async fn store(&self, table: &str, files: &[Sealed]) -> Result<(), LakeError> {
        let folder = self.place.folder(table)?;
        for sealed in files {
            let path = folder.clone().join(sealed.name.as_str());
            let put = self.place.store.put(&path, sealed.bytes.clone().into()).await;
            put.map_err(|source| write_error(table, source.into()))?;
        }
        Ok(())
    }

    /// Sees what other processes committed.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        for (name, handle) in &self.handles {
            let read_error = |source| read_error(name, source);
            let mut handle = handle.write().await;
            if handle.damaged.is_some() {
                continue;
            }
            let before = handle.table.version();
            handle.table.update_incremental(None).await.map_err(read_error)?;
            if handle.table.version() != before {
                handle.watermark = watermark(&handle.table, &self.application).await.map_err(read_error)?;
                handle.pinned = None;
            }
        }
        self.refresh_kept().await
    }

    /// Of the tables that can be read.
    pub async fn status(&self) -> Result<Vec<TableStatus>, LakeError> {
        let mut statuses = Vec::new();
        for table in tables::TABLES {
            let Ok(snapshot) = self.snapshot(table.name()).await? else { continue };
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

    pub(crate) fn handle(&self, name: &str) -> &RwLock<Handle> {
        self.handles.get(name).expect("every table of the list was opened")
    }

    pub(crate) async fn snapshot(&self, name: &'static str) -> Result<Result<Snapshot, Damaged>, LakeError> {
        {
            let handle = self.handle(name).read().await;
            if let Some(damaged) = &handle.damaged {
                return Ok(Err(damaged.clone()));
            }
            if let Some(pinned) = &handle.pinned {
                return Ok(Ok(pinned.clone()));
            }
        }
        let mut handle = self.handle(name).write().await;
        let pinned = pin(name, &self.place, &handle.table, handle.watermark).map_err(|source| read_error(name, source))?;
        handle.pinned = Some(pinned.clone());
        Ok(Ok(pinned))
    }
}

const OPENED_TOGETHER: usize = 8;

type Opened = (&'static str, RwLock<Handle>);

/// The rows past the watermark as one file; `None` if there are none.
fn unlanded(table: &'static dyn Table, parts: &[&TailSegment], watermark: i64) -> Result<Option<(u64, Sealed)>, LakeError> {
    let name = table.name();
    let batches = past(&[decode(table, parts)?], watermark);
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows == 0 {
        return Ok(None);
    }
    let write = || {
        let mut writer = FileWriter::new(table, Some(rows))?;
        in_order(table, &batches, |batch| writer.write(batch))?;
        writer.finish()
    };
    let sealed = write().map_err(|source| write_error(name, source.into()))?;
    Ok(Some((rows as u64, sealed)))
}

/// Commits with a sum over what it does. On an error the outcome is unknown.
pub(crate) async fn commit(
    table: &mut DeltaTable,
    actions: Vec<Action>,
    transactions: Vec<Transaction>,
    operation: DeltaOperation,
) -> Result<(), DeltaTableError> {
    let seal = seal_of(&actions, &transactions);
    let properties = CommitProperties::default()
        .with_metadata([(SEAL.to_string(), seal.into())])
        .with_application_transactions(transactions)
        .with_max_retries(RACES_MAX)
        // Checkpoints are made, and old logs removed, where maintenance is: never between a commit and its answer.
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false));
    let log_store = table.log_store();
    let state: &dyn TableReference = table.snapshot()?;
    let done = CommitBuilder::from(properties).with_actions(actions).build(Some(state), log_store, operation).await?;
    table.state = Some(done.snapshot());
    Ok(())
}

/// Reads the table anew; afterwards it is known what it holds.
async fn watermark_now(handle: &mut Handle, application: &str) -> Result<i64, DeltaTableError> {
    handle.table.update_state().await?;
    handle.watermark = watermark(&handle.table, application).await?;
    (handle.pinned, handle.unsure) = (None, false);
    Ok(handle.watermark)
}

pub(crate) async fn watermark(table: &DeltaTable, application: &str) -> Result<i64, DeltaTableError> {
    let log_store = table.log_store();
    Ok(table.snapshot()?.transaction_version(log_store.as_ref(), application).await?.unwrap_or(0))
}

/// Longer each time, so that a store that is down is not hammered.
async fn pause(attempt: usize) {
    tokio::time::sleep(std::time::Duration::from_millis(50 << attempt.min(6))).await;
}

/// For the log's own bookkeeping: no decision depends on it.
pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

pub(crate) fn write_error(table: &str, source: DeltaTableError) -> LakeError {
    LakeError::Write { table: table.into(), source: Box::new(source) }
}

pub(crate) fn read_error(table: &str, source: DeltaTableError) -> LakeError {
    LakeError::Read { table: table.into(), source: Box::new(source) }
}

/// Reads the files of a version out of the log, with the statistics that let a scan skip them.
pub(crate) fn pin(name: &'static str, place: &Place, table: &DeltaTable, watermark: i64) -> Result<Snapshot, DeltaTableError> {
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
    let store_url = place.root().map_err(|error| DeltaTableError::Generic(error.to_string()))?;
    let (store, footers) = (place.reading.clone(), place.footers.clone());
    Ok(Snapshot { version: state.version() as i64, watermark, files: Arc::new(files), store_url, store, footers })
}
