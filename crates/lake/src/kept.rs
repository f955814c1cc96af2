//! What is kept beside the facts: tables worked out from them, so that a screen reads a small table and not all that ever happened.
//!
//! Each table is a base in the order of its customers, and an overlay of the rows of customers whom later facts touched: an overlay's
//! customers are read from it alone. One small file says which files these are and up to where facts are in them; it is replaced whole, so
//! the tables change together or not at all. Nothing here is a fact: the folder may be deleted, and is made again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
};
use datafusion::datasource::listing::PartitionedFile;
use futures::{Stream, StreamExt, TryStreamExt};
use model::Instant;
use object_store::{ObjectStoreExt, path::Path};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};
use serde::{Deserialize, Serialize};

use crate::{
    FactTable, LakeError,
    file::GROUP_ROWS,
    land::Lake,
    provider::{Snapshot, file_statistics},
    seal,
    tables::Kind::{self, *},
};

const FOLDER: &str = "kept";
const MANIFEST: &str = "kept.json";
/// A file is about this large at most.
const FILE_BYTES_MAX: usize = 128 << 20;

/// One kept table: a name, and its columns.
#[derive(Debug, PartialEq, Eq)]
pub struct KeptTable {
    pub name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

/// Every order at its last revision, with numbers to search by for its customer and itself.
pub const ORDER_STATES: KeptTable = KeptTable {
    name: "order_states",
    columns: &[
        ("customer_key", Int),
        ("order_key", Int),
        ("source", Text),
        ("order_id", Text),
        ("customer_id", Text),
        ("occurred_at", Instant),
        ("position", Int),
        ("ordered_on", Date),
        ("purchase", Bool),
        ("discounted", Bool),
        ("gross", Money),
        ("net", Money),
        ("refunded", Money),
    ],
};

pub const PURCHASE_DAYS: KeptTable = KeptTable {
    name: "purchase_days",
    columns: &[
        ("customer_id", Text),
        ("ordered_on", Date),
        ("nth", Int),
        ("orders", Int),
        ("discounted_orders", Int),
        ("gross", Money),
        ("net", Money),
        ("refunded", Money),
        ("first_ordered_on", Date),
        ("previous_ordered_on", Date),
        ("next_ordered_on", Date),
    ],
};

pub const CUSTOMER_FACTS: KeptTable = KeptTable {
    name: "customer_facts",
    columns: &[
        ("customer_id", Text),
        ("first_ordered_on", Date),
        ("second_ordered_on", Date),
        ("last_ordered_on", Date),
        ("orders", Int),
        ("purchase_days", Int),
        ("discounted_orders", Int),
        ("gross_revenue", Money),
        ("net_revenue", Money),
    ],
};

/// What each session came to, and a number to search its id by.
pub const SESSION_STATES: KeptTable = KeptTable {
    name: "session_states",
    columns: &[
        ("search_key", Int),
        ("session_id", Text),
        ("customer_id", Text),
        ("viewed", Int),
        ("carted", Int),
        ("checkout_at", Instant),
        ("ordered", Int),
        ("first_at", Instant),
        ("last_at", Instant),
        ("last_view_at", Instant),
        ("last_cart_at", Instant),
        ("last_order_at", Instant),
    ],
};

/// The last change of each customer's cart.
pub const CART_STATES: KeptTable = KeptTable {
    name: "cart_states",
    columns: &[
        ("search_key", Int),
        ("customer_id", Text),
        ("cart_id", Text),
        ("value", Money),
        ("updated_at", Instant),
        ("position", Int),
    ],
};

/// Events of carts with who was identified next in their browsers, and a number to search these by.
pub const CART_EVENTS: KeptTable = KeptTable {
    name: "cart_events_identified",
    columns: &[
        ("visitor_key", Int),
        ("position", Int),
        ("occurred_at", Instant),
        ("event_id", Text),
        ("is_order", Bool),
        ("cart_id", Text),
        ("session_id", Text),
        ("visitor_id", Text),
        ("customer_id", Text),
        ("order_id", Text),
        ("value", Money),
        ("identified_as", Text),
        ("identified_at", Instant),
        ("identified_by", Int),
    ],
};

/// In an overlay: whom it speaks for. A customer who has no row any more is named here too.
pub const TOUCHED: KeptTable = KeptTable { name: "touched", columns: &[("customer_id", Text)] };

const KEPT: [&KeptTable; 7] =
    [&ORDER_STATES, &PURCHASE_DAYS, &CUSTOMER_FACTS, &TOUCHED, &SESSION_STATES, &CART_STATES, &CART_EVENTS];

impl KeptTable {
    pub fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    pub fn schema(&self) -> SchemaRef {
        let field = |(name, kind): &(&str, Kind)| Field::new(*name, kind.data_type(), true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

/// A file of a kept table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    file: String,
    bytes: u64,
    pub rows: u64,
}

/// Which files are kept, what they are made by and from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Changes with whatever the values depend on beside the facts.
    pub definition: String,
    /// The moment up to which facts are in them.
    #[serde(with = "model::time::instant")]
    pub as_of: Instant,
    /// The last position of each table they are made from.
    pub positions: BTreeMap<String, i64>,
    pub base: BTreeMap<String, Vec<KeptFile>>,
    pub overlay: BTreeMap<String, Vec<KeptFile>>,
    /// Files of the manifest before this one, which a reader may still be at.
    #[serde(default)]
    replaced: BTreeSet<String>,
}

impl Manifest {
    pub fn new(definition: String, as_of: Instant, positions: BTreeMap<String, i64>) -> Manifest {
        let (base, overlay, replaced) = Default::default();
        Manifest { definition, as_of, positions, base, overlay, replaced }
    }

    fn files(&self) -> BTreeSet<String> {
        self.base.values().chain(self.overlay.values()).flatten().map(|file| file.file.clone()).collect()
    }

    /// Rows of a table's base.
    pub fn base_rows(&self, table: &KeptTable) -> u64 {
        self.base.get(table.name).into_iter().flatten().map(|file| file.rows).sum()
    }
}

/// What is kept, pinned: one manifest and its overlay in memory.
#[derive(Debug)]
pub struct Kept {
    pub manifest: Manifest,
    base: BTreeMap<&'static str, Arc<FactTable>>,
    overlay: BTreeMap<&'static str, RecordBatch>,
}

impl Kept {
    pub fn base(&self, table: &KeptTable) -> Arc<FactTable> {
        self.base[table.name].clone()
    }

    pub fn overlay(&self, table: &KeptTable) -> &RecordBatch {
        &self.overlay[table.name]
    }
}

impl Lake {
    /// Writes rows of a kept table. Nobody reads the files before a manifest names them.
    pub async fn store_kept<E: From<LakeError>>(
        &self,
        table: &KeptTable,
        mut rows: impl Stream<Item = Result<RecordBatch, E>> + Unpin,
    ) -> Result<Vec<KeptFile>, E> {
        let failed = |source: ParquetError| LakeError::Write { table: table.name.into(), source: Box::new(source.into()) };
        let mut files = Vec::new();
        let mut writer = None;
        let mut written = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns =
                RecordBatch::try_new(table.schema(), batch.columns().to_vec()).map_err(ParquetError::from).map_err(failed)?;
            let open: &mut ArrowWriter<Vec<u8>> = match &mut writer {
                Some(open) => open,
                None => writer.insert(ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties())).map_err(failed)?),
            };
            open.write(&columns).map_err(failed)?;
            written += columns.num_rows() as u64;
            if open.bytes_written() + open.in_progress_size() >= FILE_BYTES_MAX
                && let Some(full) = writer.take()
            {
                files.push(self.put_kept(table, full.into_inner().map_err(failed)?, std::mem::take(&mut written)).await?);
            }
        }
        if let Some(last) = writer {
            files.push(self.put_kept(table, last.into_inner().map_err(failed)?, written).await?);
        }
        Ok(files)
    }

    async fn put_kept(&self, table: &KeptTable, bytes: Vec<u8>, rows: u64) -> Result<KeptFile, LakeError> {
        let file = format!("{}-{}.parquet", table.name, seal::sum(&bytes));
        let kept = KeptFile { bytes: bytes.len() as u64, rows, file };
        let put = self.place.store.put(&self.kept_path(&kept.file)?, bytes.into()).await;
        put.map_err(|source| self.kept_error(source))?;
        Ok(kept)
    }

    /// From here on, this is what is kept. Files that neither it nor the one before names are removed.
    pub async fn keep(&self, mut manifest: Manifest) -> Result<(), LakeError> {
        let before = self.kept.read().await.as_ref().map(|kept| kept.manifest.files());
        manifest.replaced = &before.unwrap_or_default() - &manifest.files();
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain JSON");
        let kept = self.load_kept(manifest).await?;
        let put = self.place.store.put(&self.kept_path(MANIFEST)?, text.into()).await;
        put.map_err(|source| self.kept_error(source))?;
        *self.kept.write().await = Some(Arc::new(kept));
        self.sweep_kept().await
    }

    /// What is kept; `None` while nothing is.
    pub async fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.read().await.clone()
    }

    /// Reads what is kept now. What cannot be read is not kept: it is made again.
    pub(crate) async fn refresh_kept(&self) -> Result<(), LakeError> {
        let bytes = match self.place.store.get(&self.kept_path(MANIFEST)?).await {
            Ok(found) => found.bytes().await.map_err(|source| self.kept_error(source))?,
            Err(object_store::Error::NotFound { .. }) => {
                *self.kept.write().await = None;
                return Ok(());
            }
            Err(source) => return Err(self.kept_error(source)),
        };
        let manifest: Option<Manifest> = serde_json::from_slice(&bytes).ok();
        if manifest.is_some() && self.kept.read().await.as_ref().map(|kept| &kept.manifest) == manifest.as_ref() {
            return Ok(());
        }
        let kept = match manifest {
            Some(manifest) => self.load_kept(manifest).await.map_err(|error| error.to_string()),
            None => Err(format!("{FOLDER}/{MANIFEST} cannot be read")),
        };
        if let Err(why) = &kept {
            tracing::warn!(why, "what was kept is left aside, and is made again by the next night");
        }
        *self.kept.write().await = kept.ok().map(Arc::new);
        Ok(())
    }

    async fn load_kept(&self, manifest: Manifest) -> Result<Kept, LakeError> {
        let (mut base, mut overlay) = (BTreeMap::new(), BTreeMap::new());
        for table in KEPT {
            let files = manifest.base.get(table.name).map_or(&[][..], Vec::as_slice);
            for file in files {
                self.place.store.head(&self.kept_path(&file.file)?).await.map_err(|source| self.kept_error(source))?;
            }
            base.insert(table.name, self.kept_table(table, files)?);
            let mut batches = Vec::new();
            for file in manifest.overlay.get(table.name).into_iter().flatten() {
                let got = self.place.reading.get(&self.kept_path(&file.file)?).await.map_err(|source| self.kept_error(source))?;
                let bytes = got.bytes().await.map_err(|source| self.kept_error(source))?;
                let failed = |source: ParquetError| LakeError::Read { table: table.name.into(), source: Box::new(source.into()) };
                let rows = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|rows| rows.build()).map_err(failed)?;
                // Another version's rows may have other columns.
                let of_table = |rows: RecordBatch| RecordBatch::try_new(table.schema(), rows.columns().to_vec());
                let rows: Result<Vec<RecordBatch>, ArrowError> = rows.map(|rows| rows.and_then(of_table)).collect();
                batches.extend(rows.map_err(ParquetError::from).map_err(failed)?);
            }
            let rows = concat_batches(&table.schema(), &batches).map_err(ParquetError::from);
            let rows = rows.map_err(|source| LakeError::Read { table: table.name.into(), source: Box::new(source.into()) })?;
            overlay.insert(table.name, rows);
        }
        Ok(Kept { manifest, base, overlay })
    }

    /// Whether the files of what is kept are what was written. Each is read whole, once.
    pub async fn kept_is_whole(&self, kept: &Kept) -> Result<bool, LakeError> {
        for file in kept.manifest.base.values().flatten() {
            let path = self.kept_path(&file.file)?;
            if self.place.reading.has_seen(&path) {
                continue;
            }
            // Whatever is read of a file first, all of it is checked.
            if let Err(error) = self.place.reading.get_range(&path, 0..1).await {
                tracing::warn!(file = file.file, %error, "a file of what was kept is damaged");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Files of a kept table as a table to read.
    pub fn kept_table(&self, table: &KeptTable, files: &[KeptFile]) -> Result<Arc<FactTable>, LakeError> {
        let file = |file: &KeptFile| {
            let statistics = file_statistics(&table.schema(), Some(file.rows as i64), |_| None);
            let path = self.kept_path(&file.file)?.to_string();
            Ok(PartitionedFile::new(path, file.bytes).with_statistics(Arc::new(statistics)))
        };
        let files: Result<Vec<_>, LakeError> = files.iter().map(file).collect();
        let (store_url, store, footers) = (self.place.root()?, self.place.reading.clone(), self.place.footers.clone());
        let snapshot = Snapshot { files: Arc::new(files?), store_url, store, footers, ..Snapshot::empty() };
        Ok(Arc::new(FactTable::kept(table.name, table.schema(), snapshot)))
    }

    async fn sweep_kept(&self) -> Result<(), LakeError> {
        let Some(kept) = self.kept().await else { return Ok(()) };
        let needed = &kept.manifest.files() | &kept.manifest.replaced;
        let folder = self.place.folder(FOLDER)?;
        let listed: Vec<_> =
            self.place.store.list(Some(&folder)).try_collect().await.map_err(|source| self.kept_error(source))?;
        for file in listed {
            let name = file.location.filename().unwrap_or_default();
            if name.ends_with(".parquet") && !needed.contains(name) {
                self.place.store.delete(&file.location).await.map_err(|source| self.kept_error(source))?;
            }
        }
        Ok(())
    }

    fn kept_path(&self, file: &str) -> Result<Path, LakeError> {
        Ok(self.place.folder(FOLDER)?.join(file))
    }

    fn kept_error(&self, source: object_store::Error) -> LakeError {
        LakeError::Store { location: format!("{}{FOLDER}/", self.place.url), source }
    }
}

/// Written often and read once a screen: the quickest level of Zstandard.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build()
}
