//! The table provider: a pinned Delta version as a plain Parquet scan, united with the journal rows past it.

use std::sync::Arc;

use arrow::{
    array::{AsArray, RecordBatch},
    compute::max,
    datatypes::{DataType, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        ColumnStatistics, DFSchema, Result, ScalarValue, Statistics, config::TableParquetOptions, pruning::PrunableStatistics,
        stats::Precision,
    },
    datasource::{
        TableType,
        listing::PartitionedFile,
        memory::MemorySourceConfig,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource, parquet::CachedParquetFileReaderFactory},
        source::DataSourceExec,
    },
    error::DataFusionError,
    execution::{
        cache::{cache_manager::FileMetadataCache, default_cache::DefaultCache},
        object_store::ObjectStoreUrl,
    },
    logical_expr::{Expr, TableProviderFilterPushDown, utils::conjunction},
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
};
use model::Instant;
use object_store::ObjectStore;
use url::Url;

use crate::{Damaged, tables};

/// One table as one query sees it.
#[derive(Debug)]
pub struct FactTable {
    pub name: &'static str,
    /// The Delta version that is pinned.
    pub version: i64,
    schema: SchemaRef,
    snapshot: Snapshot,
    tail: Vec<RecordBatch>,
    /// Why it cannot be read.
    damaged: Option<Damaged>,
}

/// The files of one Delta version.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub version: i64,
    /// The last journal position in it.
    pub watermark: i64,
    pub files: Arc<Vec<PartitionedFile>>,
    /// Where DataFusion finds the store, and the store itself.
    pub store_url: ObjectStoreUrl,
    pub store: Arc<dyn ObjectStore>,
    pub footers: Footers,
}

/// The footers of files that were read, whichever question read them: a file of the lake never changes.
#[derive(Debug, Clone)]
pub struct Footers(Arc<FileMetadataCache>);

const FOOTERS_BYTES_MAX: usize = 32 << 20;

impl Default for Footers {
    fn default() -> Self {
        Footers(Arc::new(DefaultCache::new(FOOTERS_BYTES_MAX)))
    }
}

impl FactTable {
    pub(crate) fn new(name: &'static str, snapshot: Snapshot, tail: Vec<RecordBatch>) -> Self {
        let schema = tables::schema(tables::find(name).expect("only tables of the list are pinned"));
        FactTable { name, version: snapshot.version, schema, snapshot, tail, damaged: None }
    }

    /// A table without rows.
    pub fn nothing(name: &'static str, schema: SchemaRef) -> Self {
        FactTable::kept(name, schema, Snapshot::empty())
    }

    /// A table that is worked out from facts.
    pub(crate) fn kept(name: &'static str, schema: SchemaRef, snapshot: Snapshot) -> Self {
        FactTable { name, version: snapshot.version, schema, snapshot, tail: Vec::new(), damaged: None }
    }

    /// Rows in memory, as a table.
    pub fn of_rows(name: &'static str, schema: SchemaRef, rows: Vec<RecordBatch>) -> Self {
        FactTable { tail: rows, ..FactTable::nothing(name, schema) }
    }

    /// A table that every question to it is told about.
    pub(crate) fn damaged(name: &'static str, damaged: Damaged) -> Self {
        FactTable { damaged: Some(damaged), ..FactTable::new(name, Snapshot::empty(), Vec::new()) }
    }

    /// The files that may hold rows which pass the filters, by what the log says of each.
    fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let files = &self.snapshot.files;
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(files.to_vec()) };
        let schema = DFSchema::try_from(self.schema.as_ref().clone())?;
        let predicate = state.create_physical_expr(filter, &schema)?;
        // A predicate that cannot be asked of ranges skips nothing.
        let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(self.schema.clone()).try_build(predicate) else {
            return Ok(files.to_vec());
        };
        let bounds: Vec<Arc<Statistics>> = files.iter().map(|file| bounds(file, &self.schema)).collect();
        let keep = predicate.prune(&PrunableStatistics::new(bounds, self.schema.clone()))?;
        Ok(files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file.clone()).collect())
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its rows that are in no file.
    pub fn tail(&self) -> &[RecordBatch] {
        &self.tail
    }

    pub(crate) fn damage(&self) -> Option<&Damaged> {
        self.damaged.as_ref()
    }

    /// The store its files are in, to be registered with the session that reads them.
    pub fn store(&self) -> (Url, Arc<dyn ObjectStore>) {
        let url = Url::parse(self.snapshot.store_url.as_str()).expect("an ObjectStoreUrl is a URL");
        (url, self.snapshot.store.clone())
    }

    /// Whether it has no row at all. Of a damaged one nobody knows.
    pub fn is_empty(&self) -> bool {
        self.damaged.is_none() && self.snapshot.files.is_empty() && self.tail_rows() == 0
    }

    /// Rows of its files and of the tail, as far as the log states them.
    pub fn rows(&self) -> usize {
        self.landed_rows().unwrap_or(0) + self.tail_rows()
    }

    /// The last position of its rows.
    pub fn last_position(&self) -> i64 {
        let positions = self.tail.iter().filter_map(|batch| max(batch.column_by_name("position")?.as_primitive::<Int64Type>()));
        positions.fold(self.snapshot.watermark, i64::max)
    }

    /// Whether rows may lie past a position, or have happened or become known after a moment.
    pub fn may_have_after(&self, position: i64, moment: Instant) -> bool {
        let micros = moment.timestamp_micros();
        let later = |bound: &ScalarValue| match bound {
            ScalarValue::Int64(Some(last)) => *last > position,
            ScalarValue::TimestampMicrosecond(Some(last), _) => *last > micros,
            _ => true,
        };
        let of_file = |file: &PartitionedFile| {
            let Some(known) = &file.statistics else { return true };
            ["position", "occurred_at", "known_at"].iter().any(|name| {
                let column = self.schema.index_of(name).ok().and_then(|index| known.column_statistics.get(index));
                column.and_then(|column| column.max_value.get_value()).is_none_or(later)
            })
        };
        let of_tail = |batch: &RecordBatch| {
            let column = |name: &str| batch.column_by_name(name).expect("every fact has its times and its position");
            max(column("position").as_primitive::<Int64Type>()).is_some_and(|last| last > position)
                || ["occurred_at", "known_at"]
                    .iter()
                    .any(|name| max(column(name).as_primitive::<TimestampMicrosecondType>()).is_some_and(|last| last > micros))
        };
        self.snapshot.files.iter().any(of_file) || self.tail.iter().any(of_tail)
    }

    /// Rows of its files, if the log states them all.
    pub(crate) fn landed_rows(&self) -> Option<usize> {
        let rows = |file: &PartitionedFile| file.statistics.as_ref()?.num_rows.get_value().copied();
        self.snapshot.files.iter().map(rows).sum()
    }

    /// Rows that are not in the lake yet.
    pub fn tail_rows(&self) -> usize {
        self.tail.iter().map(RecordBatch::num_rows).sum()
    }
}

#[async_trait]
impl TableProvider for FactTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The filter stays above: here it skips files, and the optimizer hands it to the Parquet source, which skips row groups.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(damaged) = &self.damaged {
            return Err(DataFusionError::External(Box::new(damaged.clone())));
        }
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let files = self.files(state, filters)?;
        if !files.is_empty() {
            let partitions = state.config().target_partitions().max(1);
            // About how many rows there are decides which side of a join is kept in memory.
            let known: Option<usize> = files.iter().map(|file| file.statistics.as_ref()?.num_rows.get_value().copied()).sum();
            let mut statistics = Statistics::new_unknown(&self.schema);
            statistics.num_rows = known.map_or(Precision::Absent, Precision::Inexact);
            let groups = FileGroup::new(files).split_files(partitions);
            let reader = CachedParquetFileReaderFactory::new(self.snapshot.store.clone(), self.snapshot.footers.0.clone());
            let global = state.config_options().execution.parquet.clone();
            let source = ParquetSource::new(self.schema.clone())
                .with_table_parquet_options(TableParquetOptions { global, ..TableParquetOptions::default() })
                .with_parquet_file_reader_factory(Arc::new(reader));
            let scan = FileScanConfigBuilder::new(self.snapshot.store_url.clone(), Arc::new(source))
                .with_file_groups(groups)
                .with_statistics(statistics)
                .with_projection_indices(projection.cloned())?
                .with_limit(limit)
                .build();
            inputs.push(DataSourceExec::from_data_source(scan));
        }
        if !self.tail.is_empty() {
            inputs.push(MemorySourceConfig::try_new_exec(
                std::slice::from_ref(&self.tail),
                self.schema.clone(),
                projection.cloned(),
            )?);
        }
        match inputs.len() {
            0 => {
                let schema = match projection {
                    Some(columns) => Arc::new(self.schema.project(columns)?),
                    None => self.schema.clone(),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(inputs.remove(0)),
            _ => UnionExec::try_new(inputs),
        }
    }
}

/// What a file spans, for skipping it: the log's bounds hold all values though they need not be among them.
fn bounds(file: &PartitionedFile, schema: &SchemaRef) -> Arc<Statistics> {
    let Some(known) = &file.statistics else { return Arc::new(Statistics::new_unknown(schema)) };
    let exact = |bound: &Precision<ScalarValue>| match bound {
        Precision::Inexact(value) | Precision::Exact(value) => Precision::Exact(value.clone()),
        Precision::Absent => Precision::Absent,
    };
    let column_statistics = known.column_statistics.iter().map(|column| ColumnStatistics {
        min_value: exact(&column.min_value),
        max_value: exact(&column.max_value),
        ..ColumnStatistics::new_unknown()
    });
    Arc::new(Statistics {
        num_rows: Precision::Absent,
        total_byte_size: Precision::Absent,
        column_statistics: column_statistics.collect(),
    })
}

/// What the Delta log says of one file, for skipping it. `min` and `max` are inexact: strings and times are cut short in the log.
pub(crate) fn file_statistics(
    schema: &SchemaRef,
    rows: Option<i64>,
    range: impl Fn(&str) -> Option<(ScalarValue, ScalarValue)>,
) -> Statistics {
    let column = |name: &str, data_type: &DataType| {
        let mut statistics = ColumnStatistics::new_unknown();
        if let Some((min, max)) = range(name)
            && !min.is_null()
            && !max.is_null()
            && let (Ok(min), Ok(max)) = (min.cast_to(data_type), max.cast_to(data_type))
        {
            statistics.min_value = Precision::Inexact(min);
            statistics.max_value = Precision::Inexact(widen(max));
        }
        statistics
    };
    Statistics {
        num_rows: rows.map_or(Precision::Absent, |rows| Precision::Exact(rows as usize)),
        total_byte_size: Precision::Absent,
        column_statistics: schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect(),
    }
}

/// The log keeps times to the millisecond, rounded down.
fn widen(max: ScalarValue) -> ScalarValue {
    match max {
        ScalarValue::TimestampMicrosecond(Some(at), zone) => {
            ScalarValue::TimestampMicrosecond(Some(at.saturating_add(999)), zone)
        }
        other => other,
    }
}

/// Whether a column's statistics can be used to skip files.
pub(crate) fn is_ordered(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::Date32 | DataType::Utf8 | DataType::Timestamp(TimeUnit::Microsecond, _))
}

impl Snapshot {
    pub fn empty() -> Snapshot {
        Snapshot {
            version: 0,
            watermark: 0,
            files: Arc::default(),
            store_url: ObjectStoreUrl::parse("memory://").expect("a URL"),
            store: Arc::new(object_store::memory::InMemory::new()),
            footers: Footers::default(),
        }
    }
}
