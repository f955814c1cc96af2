//! What a question says once and uses twice is worked out once. A `WITH` and a view are copied into the plan wherever they are named; where
//! such a copy joins or adds up, its rows are kept in memory for the others, as far as the question's memory goes.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        Column, Result, resources_err,
        runtime::JoinSet,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
        utils::memory::RecordBatchMemoryCounter,
    },
    datasource::{TableType, provider_as_source, source_as_provider},
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream, SessionState, TaskContext,
        memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation},
    },
    logical_expr::{
        Expr, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, TableProviderFilterPushDown, TableScanBuilder,
        utils::{conjunction, disjunction},
    },
    optimizer::{OptimizerConfig, OptimizerRule},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, execute_stream_partitioned,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

pub(crate) const RULE: &str = "share_repeated_relations";

#[derive(Debug)]
pub(crate) struct Share;

impl OptimizerRule for Share {
    fn name(&self) -> &str {
        RULE
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        // What a recursion reads differs from turn to turn, though it is named alike.
        if plan.exists(|node| Ok(matches!(node, LogicalPlan::RecursiveQuery(_))))? {
            return Ok(Transformed::no(plan));
        }
        let mut named: Vec<(Arc<LogicalPlan>, usize)> = Vec::new();
        plan.apply(|node| {
            if let LogicalPlan::SubqueryAlias(alias) = node
                && is_work(&alias.input)
            {
                match named.iter_mut().find(|(known, _)| same(known, &alias.input)) {
                    Some((_, times)) => *times += 1,
                    None => named.push((alias.input.clone(), 1)),
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        named.retain(|(_, times)| *times > 1);
        if named.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let tables = named.into_iter().map(|(plan, _)| (plan.clone(), Arc::new(Shared::new(plan)))).collect::<Vec<_>>();
        plan.transform_down(|node| {
            let LogicalPlan::SubqueryAlias(alias) = &node else { return Ok(Transformed::no(node)) };
            let Some((_, table)) = tables.iter().find(|(known, _)| same(known, &alias.input)) else {
                return Ok(Transformed::no(node));
            };
            let source = provider_as_source(Arc::new(SharedTable(table.clone())));
            let scan = TableScanBuilder::new("shared", source).build()?;
            let alias = SubqueryAlias::try_new(Arc::new(LogicalPlan::TableScan(scan)), alias.alias.clone())?;
            Ok(Transformed::new(LogicalPlan::SubqueryAlias(alias), true, TreeNodeRecursion::Jump))
        })
    }
}

/// Whether doing it twice would cost more than keeping its rows.
fn is_work(plan: &LogicalPlan) -> bool {
    plan.exists(|node| {
        let is_work =
            matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Join(_) | LogicalPlan::Window(_) | LogicalPlan::Distinct(_));
        Ok(is_work)
    })
    .unwrap_or(false)
}

/// Whether two plans are the same, down to the tables: plans compare these by name alone.
fn same(one: &LogicalPlan, other: &LogicalPlan) -> bool {
    one == other && tables(one).iter().zip(tables(other)).all(|(one, other)| Arc::ptr_eq(one, &other))
}

fn tables(plan: &LogicalPlan) -> Vec<Arc<dyn TableProvider>> {
    let mut tables = Vec::new();
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.extend(source_as_provider(&scan.source));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    tables
}

/// A relation that several parts of one question read.
#[derive(Debug)]
struct Shared {
    plan: Arc<LogicalPlan>,
    schema: SchemaRef,
    /// What each reader needs: columns, and the rows it looks for. All are known before the first row is read.
    needs: Mutex<Vec<(BTreeSet<usize>, Option<Expr>)>>,
    state: OnceLock<SessionState>,
    rows: OnceCell<Rows>,
}

#[derive(Debug)]
enum Rows {
    /// By partition; with what they take of the question's memory.
    Kept { columns: Vec<usize>, parts: Vec<Vec<RecordBatch>>, _memory: MemoryReservation },
    /// They do not fit: every reader works them out.
    TooMany,
}

impl Shared {
    fn new(plan: Arc<LogicalPlan>) -> Shared {
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Shared { plan, schema, needs: Mutex::default(), state: OnceLock::new(), rows: OnceCell::new() }
    }

    /// The plan for rows that some reader looks for, and these columns.
    async fn planned(&self, columns: &[usize], filter: Option<Expr>) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.state.get().expect("a table that is read was scanned");
        let mut plan = LogicalPlanBuilder::from(self.plan.as_ref().clone()).alias("shared")?;
        if let Some(filter) = filter {
            plan = plan.filter(filter)?;
        }
        let named = |column: &usize| Expr::Column(Column::from(plan.schema().qualified_field(*column)));
        // Rows that are only counted need a column to be rows of.
        let projected: Vec<Expr> = if columns.is_empty() { vec![named(&0)] } else { columns.iter().map(named).collect() };
        state.create_physical_plan(&plan.project(projected)?.build()?).await
    }

    async fn rows(&self, context: &Arc<TaskContext>) -> Result<&Rows> {
        self.rows.get_or_try_init(|| self.read(context)).await
    }

    async fn read(&self, context: &Arc<TaskContext>) -> Result<Rows> {
        let (columns, filter) = {
            let needs = self.needs.lock().expect("nobody panics while holding it");
            let columns: BTreeSet<usize> = needs.iter().flat_map(|(columns, _)| columns).copied().collect();
            let filters: Option<Vec<Expr>> = needs.iter().map(|(_, filter)| filter.clone()).collect();
            (columns.into_iter().collect::<Vec<_>>(), filters.and_then(disjunction))
        };
        let plan = self.planned(&columns, filter).await?;
        let memory = MemoryConsumer::new("shared relation").register(context.memory_pool());
        // What reads them needs memory too.
        let most = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / 2,
            _ => usize::MAX,
        };
        let memory = Arc::new(Mutex::new(memory));
        let mut tasks = JoinSet::new();
        for (part, mut rows) in execute_stream_partitioned(plan, context.clone())?.into_iter().enumerate() {
            let memory = memory.clone();
            tasks.spawn(async move {
                // What adds up gives one large batch as many slices: each of its buffers is held once.
                let (mut batches, mut held) = (Vec::new(), RecordBatchMemoryCounter::new());
                while let Some(batch) = rows.next().await {
                    let batch = batch?;
                    let memory = memory.lock().expect("nobody panics while holding it");
                    memory.try_grow(held.count_batch(&batch))?;
                    if memory.size() > most {
                        return resources_err!("a shared relation of more than {most} bytes");
                    }
                    batches.push(batch);
                }
                Ok::<_, DataFusionError>((part, batches))
            });
        }
        let mut parts = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done.map_err(|error| DataFusionError::External(Box::new(error)))? {
                Ok(part) => parts.push(part),
                Err(error) if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) => {
                    tracing::debug!("a shared relation does not fit the question's memory; each reader works it out");
                    return Ok(Rows::TooMany);
                }
                Err(error) => return Err(error),
            }
        }
        parts.sort_by_key(|(part, _)| *part);
        let parts = parts.into_iter().map(|(_, batches)| batches).collect();
        let memory = Arc::into_inner(memory).expect("every task has ended").into_inner().expect("nobody panics while holding it");
        Ok(Rows::Kept { columns, parts, _memory: memory })
    }
}

/// What a shared relation is worked out by.
pub(crate) fn plan_of(provider: &Arc<dyn TableProvider>) -> Option<&LogicalPlan> {
    provider.downcast_ref::<SharedTable>().map(|table| table.0.plan.as_ref())
}

/// One place of the plan that reads a shared relation.
#[derive(Debug)]
struct SharedTable(Arc<Shared>);

#[async_trait]
impl TableProvider for SharedTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Another reader may look for other rows, so each filters for itself too.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let whole = state.as_any().downcast_ref::<SessionState>();
        let whole = whole.ok_or_else(|| DataFusionError::Internal("a shared relation needs a whole session".into()))?;
        self.0.state.get_or_init(|| whole.clone());
        let columns = projection.cloned().unwrap_or_else(|| (0..self.0.schema.fields().len()).collect());
        let filter = conjunction(filters.iter().cloned().map(unqualified).collect::<Result<Vec<_>>>()?);
        let needs = (columns.iter().copied().collect(), filter.clone());
        self.0.needs.lock().expect("nobody panics while holding it").push(needs);
        let schema: SchemaRef = Arc::new(self.0.schema.project(&columns)?);
        let reader = Arc::new(Reader { shared: self.0.clone(), schema: schema.clone(), columns, filter, own: OnceCell::new() });
        let parts = state.config().target_partitions().max(1);
        let part = |part| Arc::new(Part { reader: reader.clone(), part, parts }) as Arc<dyn PartitionStream>;
        Ok(Arc::new(StreamingTableExec::try_new(schema, (0..parts).map(part).collect(), None, None, false, None)?))
    }
}

fn unqualified(expression: Expr) -> Result<Expr> {
    let name = |expression| match expression {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))),
        other => Ok(Transformed::no(other)),
    };
    expression.transform(name).map(|done| done.data)
}

#[derive(Debug)]
struct Reader {
    shared: Arc<Shared>,
    schema: SchemaRef,
    columns: Vec<usize>,
    filter: Option<Expr>,
    /// Its own plan, where rows are not kept.
    own: OnceCell<Arc<dyn ExecutionPlan>>,
}

#[derive(Debug)]
struct Part {
    reader: Arc<Reader>,
    part: usize,
    parts: usize,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.reader.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (reader, part, parts) = (self.reader.clone(), self.part, self.parts);
        let schema = reader.schema.clone();
        let rows = stream::once(async move { reader.rows_of(part, parts, context).await }).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }
}

impl Reader {
    async fn rows_of(&self, part: usize, parts: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        match self.shared.rows(&context).await? {
            Rows::Kept { columns, parts: kept, .. } => {
                let place = |column: &usize| columns.binary_search(column).expect("every reader's columns were read");
                let places: Vec<usize> = self.columns.iter().map(place).collect();
                let mine = kept.iter().skip(part).step_by(parts).flatten();
                let rows: Vec<Result<RecordBatch>> = mine.map(|batch| Ok(batch.project(&places)?)).collect();
                Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream::iter(rows))))
            }
            Rows::TooMany => {
                let plan = self.own.get_or_try_init(|| self.shared.planned(&self.columns, self.filter.clone())).await?;
                let count = plan.output_partitioning().partition_count();
                let mine = (part..count).step_by(parts).map(|part| plan.execute(part, context.clone()));
                let places: Vec<usize> = (0..self.columns.len()).collect();
                let rows = stream::iter(mine.collect::<Result<Vec<_>>>()?).flatten();
                let rows = rows.map(move |batch: Result<RecordBatch>| -> Result<RecordBatch> { Ok(batch?.project(&places)?) });
                Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows)))
            }
        }
    }
}
