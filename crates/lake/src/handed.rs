//! A view as another process gets it: which files are pinned and what the log says of them, and the journal's tail as Arrow. That process
//! opens no table and reads these files alone; of a lake that is not a folder it asks us for the bytes, so that it needs no key.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use datafusion::{
    common::{ColumnStatistics, ScalarValue, Statistics, stats::Precision},
    datasource::listing::PartitionedFile,
    execution::object_store::ObjectStoreUrl,
};
use futures::stream::BoxStream;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem, path::Path,
};
use serde::{Deserialize, Serialize};

use crate::{
    Damaged, FactTable, Lake, LakeError, ReadView,
    provider::{Footers, Snapshot},
    seal::Verified,
    tables,
};

/// Some tables of a view.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Handed {
    tables: Vec<HandedTable>,
    /// Arrow IPC streams, one for each table that has a tail. They travel beside, not in this text.
    #[serde(skip)]
    pub tails: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct HandedTable {
    name: String,
    version: i64,
    watermark: i64,
    store_url: String,
    files: Vec<HandedFile>,
    has_tail: bool,
    damaged: Option<Damaged>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct HandedFile {
    path: String,
    bytes: u64,
    rows: Option<usize>,
    /// Its seal was checked here already.
    checked: bool,
    /// Column, lowest, highest.
    bounds: Vec<(usize, Bound, Bound)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Bound {
    Text(String),
    Int(i64),
    Day(i32),
    Instant(i64),
}

/// How the other process reads the files.
#[derive(Debug, Clone)]
pub enum Reach {
    /// They are in folders of this machine.
    Folder,
    /// Somebody with the key reads for it.
    Through(Arc<dyn Fetch>),
}

/// Reads parts of a file that was handed over.
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync {
    async fn fetch(&self, path: &str, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>>;
}

impl Lake {
    /// What another process needs to read `names` as this view shows them.
    pub fn hand_over(&self, view: &ReadView, names: &BTreeSet<String>) -> Result<Handed, LakeError> {
        let mut handed = Handed::default();
        for (name, table) in view.tables().filter(|(name, _)| names.contains(*name)) {
            let tail = table.tail();
            if !tail.is_empty() {
                let encoded = encode(tail).map_err(|source| LakeError::Decode { table: name.into(), first: 0, source })?;
                handed.tails.push(encoded);
            }
            let snapshot = table.snapshot();
            let file = |file: &PartitionedFile| HandedFile {
                path: file.object_meta.location.to_string(),
                bytes: file.object_meta.size,
                rows: file.statistics.as_ref().and_then(|known| known.num_rows.get_value().copied()),
                checked: self.place.reading.has_seen(&file.object_meta.location),
                bounds: file.statistics.as_ref().map(|known| bounds(known)).unwrap_or_default(),
            };
            handed.tables.push(HandedTable {
                name: name.into(),
                version: snapshot.version,
                watermark: snapshot.watermark,
                store_url: snapshot.store_url.as_str().into(),
                files: snapshot.files.iter().map(file).collect(),
                has_tail: !tail.is_empty(),
                damaged: table.damage().cloned(),
            });
        }
        Ok(handed)
    }

    /// Whether another process can read the files by itself.
    pub fn is_folder(&self) -> bool {
        self.place.url.scheme() == "file"
    }

    /// Reads for another process, from a file that was handed over to it.
    pub async fn read_ranges(&self, handed: &Handed, path: &str, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>> {
        if !handed.tables.iter().flat_map(|table| &table.files).any(|file| file.path == path) {
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the file was not handed over"));
        }
        self.place.reading.get_ranges(&Path::from(path), ranges).await.map_err(std::io::Error::other)
    }

    /// Another process read these files whole, and they are what was written.
    pub fn were_seen(&self, handed: &Handed, paths: &[String]) {
        for file in handed.tables.iter().flat_map(|table| &table.files).filter(|file| paths.contains(&file.path)) {
            self.place.reading.saw(&Path::from(file.path.as_str()));
        }
    }
}

/// What was read of the files of a handed view.
#[derive(Debug, Clone)]
pub struct Reader(Option<Arc<Verified>>);

impl Reader {
    /// The files whose seal was checked here.
    pub fn seen(&self) -> Vec<String> {
        self.0.as_ref().map_or_else(Vec::new, |verified| verified.seen())
    }
}

impl ReadView {
    /// The view as it was handed over; tables that were not are empty.
    pub fn from_handed(handed: &Handed, reach: Reach) -> Result<(ReadView, Reader), LakeError> {
        let files = handed.tables.iter().flat_map(|table| &table.files);
        let sizes: BTreeMap<Path, u64> = files.clone().map(|file| (Path::from(file.path.as_str()), file.bytes)).collect();
        let (store, reader): (Arc<dyn ObjectStore>, Reader) = match reach {
            Reach::Folder => {
                let only = Arc::new(Only { sizes, origin: Origin::Folder(LocalFileSystem::new()) });
                let verified = Arc::new(Verified::new(only));
                files.filter(|file| file.checked).for_each(|file| verified.saw(&Path::from(file.path.as_str())));
                (verified.clone() as Arc<dyn ObjectStore>, Reader(Some(verified)))
            }
            Reach::Through(fetch) => (Arc::new(Only { sizes, origin: Origin::Fetch(fetch) }), Reader(None)),
        };
        let (mut tails, footers) = (handed.tails.iter(), Footers::default());
        let mut view = ReadView::empty();
        for table in &handed.tables {
            let Some(known) = tables::find(&table.name) else { return Err(LakeError::UnknownTable(table.name.clone())) };
            let name = known.name();
            let schema = tables::schema(known);
            let tail = match table.has_tail.then(|| tails.next()).flatten() {
                Some(bytes) => decode(bytes).map_err(|source| LakeError::Decode { table: name.into(), first: 0, source })?,
                None => Vec::new(),
            };
            let file = |file: &HandedFile| {
                let mut statistics = Statistics {
                    num_rows: file.rows.map_or(Precision::Absent, Precision::Exact),
                    total_byte_size: Precision::Absent,
                    column_statistics: vec![ColumnStatistics::new_unknown(); schema.fields().len()],
                };
                for (column, low, high) in &file.bounds {
                    if let Some(column) = statistics.column_statistics.get_mut(*column) {
                        column.min_value = Precision::Inexact(low.scalar());
                        column.max_value = Precision::Inexact(high.scalar());
                    }
                }
                PartitionedFile::new(file.path.clone(), file.bytes).with_statistics(Arc::new(statistics))
            };
            let snapshot = Snapshot {
                version: table.version,
                watermark: table.watermark,
                files: Arc::new(table.files.iter().map(file).collect()),
                store_url: ObjectStoreUrl::parse(&table.store_url).map_err(|_| LakeError::Location(table.store_url.clone()))?,
                store: store.clone(),
                footers: footers.clone(),
            };
            view.pin(match &table.damaged {
                Some(damaged) => FactTable::damaged(name, damaged.clone()),
                None => FactTable::new(name, snapshot, tail),
            });
        }
        Ok((view, reader))
    }
}

fn bounds(statistics: &Statistics) -> Vec<(usize, Bound, Bound)> {
    let columns = statistics.column_statistics.iter().enumerate();
    let bound = |value: &Precision<ScalarValue>| value.get_value().and_then(Bound::of);
    columns.filter_map(|(at, column)| Some((at, bound(&column.min_value)?, bound(&column.max_value)?))).collect()
}

impl Bound {
    fn of(value: &ScalarValue) -> Option<Bound> {
        Some(match value {
            ScalarValue::Utf8(Some(text)) => Bound::Text(text.clone()),
            ScalarValue::Int64(Some(value)) => Bound::Int(*value),
            ScalarValue::Date32(Some(days)) => Bound::Day(*days),
            ScalarValue::TimestampMicrosecond(Some(at), _) => Bound::Instant(*at),
            _ => return None,
        })
    }

    fn scalar(&self) -> ScalarValue {
        match self {
            Bound::Text(text) => ScalarValue::Utf8(Some(text.clone())),
            Bound::Int(value) => ScalarValue::Int64(Some(*value)),
            Bound::Day(days) => ScalarValue::Date32(Some(*days)),
            Bound::Instant(at) => ScalarValue::TimestampMicrosecond(Some(*at), Some("UTC".into())),
        }
    }
}

fn encode(batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let bytes = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let mut writer = StreamWriter::try_new(Vec::with_capacity(bytes), &batches[0].schema())?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.into_inner()
}

fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(bytes, None)?.collect()
}

/// A store that holds the files that were handed over, and can only be read.
#[derive(Debug)]
struct Only {
    sizes: BTreeMap<Path, u64>,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Folder(LocalFileSystem),
    Fetch(Arc<dyn Fetch>),
}

impl Only {
    fn size(&self, location: &Path) -> Result<u64> {
        self.sizes
            .get(location)
            .copied()
            .ok_or_else(|| Error::NotFound { path: location.to_string(), source: "the file was not handed over".into() })
    }
}

fn refused<T>(operation: &str) -> Result<T> {
    Err(Error::NotSupported { source: format!("{operation}: the files that were handed over can only be read").into() })
}

impl fmt::Display for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files that were handed over", self.sizes.len())
    }
}

#[async_trait]
impl ObjectStore for Only {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let size = self.size(location)?;
        let fetch = match &self.origin {
            Origin::Folder(folder) => return folder.get_opts(location, options).await,
            Origin::Fetch(fetch) => fetch,
        };
        let range = match options.range {
            None => 0..size,
            Some(GetRange::Bounded(range)) => range.start..range.end.min(size),
            Some(GetRange::Offset(from)) => from.min(size)..size,
            Some(GetRange::Suffix(length)) => size.saturating_sub(length)..size,
        };
        let bytes = match options.head {
            true => Vec::new(),
            false => fetched(fetch.as_ref(), location, std::slice::from_ref(&range)).await?,
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(Box::pin(futures::stream::iter(bytes.into_iter().map(Ok)))),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: DateTime::UNIX_EPOCH,
                size,
                e_tag: None,
                version: None,
            },
            range,
            attributes: Attributes::new(),
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.size(location)?;
        match &self.origin {
            Origin::Folder(folder) => folder.get_ranges(location, ranges).await,
            Origin::Fetch(fetch) => fetched(fetch.as_ref(), location, ranges).await,
        }
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused("put")
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refused("put")
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures::stream::iter([refused("delete")]))
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Box::pin(futures::stream::iter([refused("list")]))
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        refused("list")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        refused("copy")
    }
}

async fn fetched(fetch: &dyn Fetch, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let failed = |source: std::io::Error| Error::Generic { store: "lake", source: Box::new(source) };
    fetch.fetch(location.as_ref(), ranges).await.map_err(failed)
}
