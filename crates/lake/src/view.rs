//! What one query sees: a version of each table and the journal rows past it, taken together.

use std::{collections::BTreeMap, sync::Arc};

use arrow::array::RecordBatch;
use model::time::Instant;

use crate::{FactTable, Kept, LakeError, decode::decode, land::Lake, provider::Snapshot, tables};

/// Rows of one table in the journal, in order of position.
#[derive(Debug, Clone)]
pub struct TailSegment {
    pub table: String,
    pub first_position: i64,
    pub rows: usize,
    pub ingested_at: Instant,
    /// NDJSON: one object per row.
    pub payload: Vec<u8>,
}

/// Pinned table versions and the tail past each.
#[derive(Debug, Clone)]
pub struct ReadView {
    tables: BTreeMap<&'static str, Arc<FactTable>>,
    /// What is worked out from facts, as far as it goes.
    pub kept: Option<Arc<Kept>>,
}

impl ReadView {
    pub fn table(&self, name: &str) -> Option<Arc<FactTable>> {
        self.tables.get(name).cloned()
    }

    pub fn tables(&self) -> impl Iterator<Item = (&'static str, &Arc<FactTable>)> {
        self.tables.iter().map(|(name, table)| (*name, table))
    }

    /// The version of each table, for read-outs that must be reproducible.
    pub fn versions(&self) -> BTreeMap<&'static str, i64> {
        self.tables.iter().map(|(name, table)| (*name, table.version)).collect()
    }
}

impl Lake {
    /// Pins what the tables hold now. `tail` must have been read from the journal *before* this call: then a row that leaves the
    /// journal meanwhile is found in the table, and a row that is in both is taken from the table alone.
    pub async fn view(&self, tail: &[TailSegment]) -> Result<ReadView, LakeError> {
        // First, so that it is not ahead of the tables.
        let kept = self.kept().await;
        let mut batches: BTreeMap<&str, Vec<(i64, RecordBatch)>> = BTreeMap::new();
        for segment in tail {
            let batch = self.decoded(segment)?;
            batches.entry(segment.table.as_str()).or_default().push((segment.first_position, batch));
        }
        let mut pinned = BTreeMap::new();
        for table in tables::TABLES {
            let snapshot = match self.snapshot(table.name()).await? {
                Ok(snapshot) => snapshot,
                Err(damaged) => {
                    pinned.insert(table.name(), Arc::new(FactTable::damaged(table.name(), damaged)));
                    continue;
                }
            };
            let fresh = batches
                .remove(table.name())
                .unwrap_or_default()
                .into_iter()
                .filter_map(|(first, batch)| {
                    // Rows of a segment have consecutive positions, so the part past the watermark is its end.
                    let landed = (snapshot.watermark + 1 - first).clamp(0, batch.num_rows() as i64) as usize;
                    (landed < batch.num_rows()).then(|| batch.slice(landed, batch.num_rows() - landed))
                })
                .collect();
            pinned.insert(table.name(), Arc::new(FactTable::new(table.name(), snapshot, fresh)));
        }
        Ok(ReadView { tables: pinned, kept })
    }

    /// A decoded segment, kept while the segment stays in the journal.
    fn decoded(&self, segment: &TailSegment) -> Result<RecordBatch, LakeError> {
        let key = segment.first_position;
        if let Some(batch) = self.memory.lock().expect("nobody panics while holding it").get(&key) {
            return Ok(batch.clone());
        }
        let batch = decode(segment)?;
        self.memory.lock().expect("nobody panics while holding it").insert(key, batch.clone());
        Ok(batch)
    }
}

impl ReadView {
    /// Every table, empty: for planning without data.
    pub fn empty() -> ReadView {
        let tables = tables::TABLES
            .iter()
            .map(|table| (table.name(), Arc::new(FactTable::new(table.name(), Snapshot::empty(), Vec::new()))));
        ReadView { tables: tables.collect(), kept: None }
    }

    /// Puts a table where the one of its name was.
    pub(crate) fn pin(&mut self, table: FactTable) {
        self.tables.insert(table.name, Arc::new(table));
    }
}
