//! The table provider: a pinned Delta version as a plain Parquet scan, united with the journal rows past it.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef, TimeUnit},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{ColumnStatistics, Result, ScalarValue, Statistics, stats::Precision},
    datasource::{
        TableType,
        listing::PartitionedFile,
        memory::MemorySourceConfig,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
    },
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
};
use object_store::ObjectStore;
use url::Url;

use crate::tables;

/// One table as one query sees it.
#[derive(Debug)]
pub struct FactTable {
    pub name: &'static str,
    /// The Delta version that is pinned.
    pub version: i64,
    schema: SchemaRef,
    snapshot: Snapshot,
    tail: Vec<RecordBatch>,
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
}

impl FactTable {
    pub(crate) fn new(name: &'static str, snapshot: Snapshot, tail: Vec<RecordBatch>) -> Self {
        let schema = tables::schema(tables::find(name).expect("only tables of the list are pinned"));
        FactTable { name, version: snapshot.version, schema, snapshot, tail }
    }

    /// The store its files are in, to be registered with the session that reads them.
    pub fn store(&self) -> (Url, Arc<dyn ObjectStore>) {
        let url = Url::parse(self.snapshot.store_url.as_str()).expect("an ObjectStoreUrl is a URL");
        (url, self.snapshot.store.clone())
    }

    /// Whether it has no row at all.
    pub fn is_empty(&self) -> bool {
        self.snapshot.files.is_empty() && self.tail_rows() == 0
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
        // The filter stays above; the physical optimizer hands it to the Parquet source, which skips files and row groups by it.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !self.snapshot.files.is_empty() {
            let partitions = state.config().target_partitions().max(1);
            let groups = FileGroup::new(self.snapshot.files.to_vec()).split_files(partitions);
            let source = Arc::new(ParquetSource::new(self.schema.clone()));
            let scan = FileScanConfigBuilder::new(self.snapshot.store_url.clone(), source)
                .with_file_groups(groups)
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
        }
    }
}
