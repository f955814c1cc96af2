//! What one query sees: a version of each table and the journal rows past it, taken together.

use std::{collections::BTreeMap, sync::Arc};

use crate::{FactTable, Kept, LakeError, Tail, land::Lake, provider::Snapshot, tables};

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
    pub async fn view(&self, tail: &Tail) -> Result<ReadView, LakeError> {
        // First, so that it is not ahead of the tables.
        let kept = self.kept().await;
        let mut pinned = BTreeMap::new();
        for table in tables::TABLES {
            let table = match self.snapshot(table.name()).await? {
                Ok(snapshot) => {
                    let fresh = tail.past(table.name(), snapshot.watermark);
                    FactTable::new(table.name(), snapshot, fresh)
                }
                Err(damaged) => FactTable::damaged(table.name(), damaged),
            };
            pinned.insert(table.name, Arc::new(table));
        }
        Ok(ReadView { tables: pinned, kept })
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
