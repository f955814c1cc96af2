//! The lake tended: many small files into few large ones in the table's order, checkpoints of the log, old files removed.
//!
//! A rewrite sorts what it joins; Delta's own puts files end to end, and row groups that span everything skip nothing.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    datasource::listing::PartitionedFile,
    error::DataFusionError,
    execution::{
        SessionStateBuilder, disk_manager::DiskManagerBuilder, memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder,
    },
    prelude::{SessionConfig, SessionContext, col},
};
use deltalake_core::{
    DeltaTable, DeltaTableError,
    kernel::{Action, transaction::CommitProperties},
    operations::vacuum::VacuumMode,
    protocol::DeltaOperation,
};
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use object_store::ObjectStoreExt;

use crate::{
    LakeError,
    file::{FileWriter, Sealed},
    land::{Handle, Lake, WRITTEN_TOGETHER, commit, now_ms, pin, read_error, write_error},
    log::Log,
    provider::FactTable,
    seal,
    tables::{self, Table},
};

/// A file of this size is left alone.
const SMALL_BYTES: i64 = 64 << 20;
/// A file this many times as large as all smaller ones together waits until they have grown, so that a row is rewritten a few times and not
/// every night.
const OUTWEIGHS: i64 = 4;
/// A rewritten file is about this large at most.
const FILE_BYTES_MAX: usize = 128 << 20;
/// What the sort may hold; the rest goes to disk.
const MEMORY_BYTES: usize = 256 << 20;
/// Commits that a reader has to follow one by one, at most.
const COMMITS_PAST_CHECKPOINT: i64 = 50;
const COMMITS_MAX: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    pub table: &'static str,
    pub files_before: usize,
    pub files_after: usize,
}

/// What was done for a table beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tended {
    pub table: &'static str,
    pub checkpoint: bool,
    pub logs_removed: usize,
    pub files_removed: usize,
}

impl Lake {
    /// Rewrites many small files as few large ones. Rows do not change, and neither landing nor reading waits for it.
    pub async fn compact(&self, min_files: usize) -> Result<Vec<Compacted>, LakeError> {
        self.compact_tables(min_files, i64::MAX).await
    }

    /// The same for what came in lately: files that outweigh it are left alone.
    pub async fn compact_news(&self, min_files: usize) -> Result<Vec<Compacted>, LakeError> {
        self.compact_tables(min_files, OUTWEIGHS).await
    }

    async fn compact_tables(&self, min_files: usize, outweighs: i64) -> Result<Vec<Compacted>, LakeError> {
        let (mut compacted, mut failed) = (Vec::new(), None);
        for table in tables::TABLES {
            match self.compact_table(*table, min_files.max(2), outweighs).await {
                Ok(done) => compacted.extend(done),
                // A file that cannot be read keeps no other table from its turn.
                Err(error) => {
                    tracing::error!(
                        table = table.name(),
                        error = &error as &dyn std::error::Error,
                        "a table could not be compacted"
                    );
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(compacted), Err)
    }

    async fn compact_table(
        &self,
        table: &'static dyn Table,
        min_files: usize,
        outweighs: i64,
    ) -> Result<Option<Compacted>, LakeError> {
        let name = table.name();
        let (delta, watermark) = {
            let handle = self.handle(name).read().await;
            if handle.damaged.is_some() || handle.unsure {
                return Ok(None);
            }
            (handle.table.clone(), handle.watermark)
        };
        let read_error = |source| read_error(name, source);
        let state = delta.snapshot().map_err(read_error)?;
        let own = tables::schema(table);
        if state.schema().fields().any(|field| own.index_of(field.name()).is_err()) {
            // A newer version of this program wrote some of its files: a rewrite by ours would lose what they have more.
            return Ok(None);
        }
        let files_before = state.log_data().num_files();
        let sizes = state.log_data().iter().map(|view| view.size()).filter(|size| *size < SMALL_BYTES).collect();
        let Some(largest) = largest_to_join(sizes, min_files, outweighs) else { return Ok(None) };
        let mut small = BTreeSet::new();
        let mut actions = Vec::new();
        for view in state.log_data().iter().filter(|view| view.size() <= largest) {
            small.insert(view.path().to_string());
            actions.push(Action::Remove(view.remove_action(false)));
        }
        let mut chosen = pin(name, &self.place, &delta, watermark).map_err(read_error)?;
        let is_small = |file: &&PartitionedFile| file.object_meta.location.filename().is_some_and(|name| small.contains(name));
        chosen.files = Arc::new(chosen.files.iter().filter(is_small).cloned().collect());
        let rewrite_error = |source| LakeError::Rewrite { table: name.into(), source: Box::new(source) };
        let sealed = self.rewrite(table, FactTable::new(name, chosen, Vec::new())).await.map_err(rewrite_error)?;
        self.store(name, &sealed).await?;
        actions.extend(sealed.iter().map(|file| Action::Add(file.add(now_ms(), true))));
        let files_after = self.replace(name, actions, &sealed).await?;
        Ok(Some(Compacted { table: name, files_before, files_after }))
    }

    /// Reads files, each checked against its sum, sorts their rows and makes new files of them.
    async fn rewrite(&self, table: &'static dyn Table, chosen: FactTable) -> Result<Vec<Sealed>, DataFusionError> {
        let rows_before = chosen.landed_rows();
        let mut config = SessionConfig::new().with_target_partitions(1);
        config.options_mut().execution.parquet.schema_force_view_types = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY_BYTES)))
            .with_disk_manager_builder(DiskManagerBuilder::default())
            .build_arc()?;
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        let session = SessionContext::new_with_state(state);
        let (url, store) = chosen.store();
        session.register_object_store(&url, store);
        // The position last: it tells equals apart, so the same rows make the same file.
        let order = table.sort().iter().chain(&["position"]).map(|name| col(*name).sort(true, true)).collect();
        let mut stream = session.read_table(Arc::new(chosen))?.sort(order)?.execute_stream().await?;
        let (mut sealed, mut writer, mut rows) = (Vec::new(), FileWriter::new(table, rows_before)?, 0);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            rows += batch.num_rows();
            writer.write(&batch)?;
            if writer.bytes() >= FILE_BYTES_MAX {
                sealed.push(std::mem::replace(&mut writer, FileWriter::new(table, None)?).finish()?);
            }
        }
        sealed.push(writer.finish()?);
        match rows_before {
            Some(before) if before != rows => {
                Err(DataFusionError::Execution(format!("{rows} rows were read where the log states {before}")))
            }
            _ => Ok(sealed),
        }
    }

    /// Commits the exchange; the files of the table afterwards.
    async fn replace(&self, name: &'static str, actions: Vec<Action>, sealed: &[Sealed]) -> Result<usize, LakeError> {
        let write_error = |source| write_error(name, source);
        let mut handle = self.handle(name).write().await;
        let mut failure = None;
        for _ in 0..COMMITS_MAX {
            let operation = DeltaOperation::Optimize { predicate: None, target_size: FILE_BYTES_MAX as i64 };
            let done = commit(&mut handle.table, actions.clone(), Vec::new(), operation).await;
            handle.pinned = None;
            if let Err(source) = done {
                // Its names are its content: if they are in the table, the exchange landed though its answer was lost.
                handle.table.update_state().await.map_err(write_error)?;
                if !holds(&handle.table, sealed).map_err(write_error)? {
                    failure = Some(source);
                    continue;
                }
            }
            return handle.table.snapshot().map(|state| state.log_data().num_files()).map_err(write_error);
        }
        Err(write_error(failure.expect("every attempt failed")))
    }

    /// Checkpoints logs that have grown, and removes what nobody needs any more: logs after 30 days, replaced files after 7.
    pub async fn tend(&self, vacuum: bool) -> Result<Vec<Tended>, LakeError> {
        let mut tending: Vec<BoxFuture<'_, Result<Tended, LakeError>>> = Vec::new();
        for table in tables::TABLES {
            tending.push(Box::pin(self.tend_table(table.name(), vacuum)));
        }
        let (mut tended, mut failed) = (Vec::new(), None);
        let mut tending = stream::iter(tending).buffered(WRITTEN_TOGETHER);
        while let Some(done) = tending.next().await {
            match done {
                Ok(done) if (done.checkpoint, done.files_removed) != (false, 0) => tended.push(done),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a table could not be tended");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(tended), Err)
    }

    async fn tend_table(&self, name: &'static str, vacuum: bool) -> Result<Tended, LakeError> {
        let mut handle = self.handle(name).write().await;
        let mut done = Tended { table: name, ..Tended::default() };
        if handle.damaged.is_some() {
            return Ok(done);
        }
        if vacuum {
            done.files_removed = remove_replaced(&mut handle).await.map_err(|source| write_error(name, source))?;
        }
        let version = handle.table.version().map_or(-1, |version| version as i64);
        if version - handle.checkpoint >= COMMITS_PAST_CHECKPOINT || (vacuum && version - handle.checkpoint >= 10) {
            done.logs_removed = self.checkpoint(name, version, &mut handle).await?;
            done.checkpoint = true;
        }
        Ok(done)
    }

    async fn checkpoint(&self, name: &'static str, version: i64, handle: &mut Handle) -> Result<usize, LakeError> {
        let store = self.place.store.as_ref();
        let log = Log { store, table: self.place.folder(name)? };
        let failed = |source: object_store::Error| write_error(name, source.into());
        deltalake_core::checkpoints::create_checkpoint(&handle.table, None).await.map_err(|source| write_error(name, source))?;
        let bytes = store.get(&log.checkpoint(version)).await.map_err(failed)?.bytes().await.map_err(failed)?;
        store.put(&log.sum_of_checkpoint(version), seal::sum(&bytes).into()).await.map_err(failed)?;
        let removed = deltalake_core::checkpoints::cleanup_metadata(&handle.table, None);
        let removed = removed.await.map_err(|source| write_error(name, source))?;
        // A handle keeps what it read of every commit; a fresh one keeps the checkpoint alone.
        let mut fresh = self.place.table(name)?;
        fresh.load().await.map_err(|source| read_error(name, source))?;
        (handle.table, handle.pinned, handle.checkpoint) = (fresh, None, version);
        let sums: Vec<_> = store.list(Some(&log.table.clone().join("_checksums"))).try_collect().await.map_err(failed)?;
        for sum in sums {
            let sum = sum.location;
            if sum == log.sum_of_checkpoint(version) {
                continue;
            }
            let of = sum.filename().and_then(|name| name.get(..20)).and_then(|digits| digits.parse().ok()).unwrap_or(-1);
            if matches!(store.head(&log.checkpoint(of)).await, Err(object_store::Error::NotFound { .. })) {
                store.delete(&sum).await.map_err(failed)?;
            }
        }
        Ok(removed)
    }
}

/// Up to which size files are joined, if there are enough of them: a file that outweighs all smaller ones together is none of them.
fn largest_to_join(mut sizes: Vec<i64>, min_files: usize, outweighs: i64) -> Option<i64> {
    sizes.sort_unstable();
    while sizes.len() >= min_files {
        let (largest, smaller) = sizes.split_last()?;
        if *largest <= smaller.iter().sum::<i64>().saturating_mul(outweighs) {
            return Some(*largest);
        }
        sizes.pop();
    }
    None
}

/// Deletes replaced files that are past the table's retention; the number of them. "Lite": only what the log names, so that a file whose
/// commit is under way is never among them.
async fn remove_replaced(handle: &mut Handle) -> Result<usize, DeltaTableError> {
    let properties = CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false));
    let vacuum = handle.table.clone().vacuum().with_mode(VacuumMode::Lite).with_commit_properties(properties);
    let (table, done) = vacuum.await?;
    (handle.table, handle.pinned) = (table, None);
    Ok(done.files_deleted.len())
}

fn holds(table: &DeltaTable, sealed: &[Sealed]) -> Result<bool, DeltaTableError> {
    let there: BTreeSet<String> = table.snapshot()?.log_data().iter().map(|view| view.path().to_string()).collect();
    Ok(sealed.iter().all(|file| there.contains(&file.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_outweighs_the_news_waits() {
        let check = |sizes: &[i64], outweighs: i64, expect: Option<i64>| {
            assert_eq!(largest_to_join(sizes.to_vec(), 3, outweighs), expect, "{sizes:?} {outweighs}");
        };
        check(&[10, 12, 11], OUTWEIGHS, Some(12));
        check(&[10, 12], OUTWEIGHS, None);
        check(&[1_000, 10, 12, 11], OUTWEIGHS, Some(12));
        check(&[1_000, 10, 12], OUTWEIGHS, None);
        check(&[1_000, 10, 12], i64::MAX, Some(1_000));
        // Grown to a quarter of it, they are joined with it.
        check(&[1_000, 120, 120, 10], OUTWEIGHS, Some(1_000));
        check(&[50_000, 1_000, 120, 120, 10], OUTWEIGHS, Some(1_000));
        check(&[0, 0, 0], OUTWEIGHS, Some(0));
        check(&[], OUTWEIGHS, None);
    }
}
