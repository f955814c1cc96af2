//! Who was in a segment at each of many moments: planned once, over rows read once, and equal to asking once per moment.
//!
//! A segment's plan differs from night to night in two values, `$as_of` and `$today`. They stay parameters while the plan is made and
//! optimised; what it reads is brought into memory as of the last night, as far as it fits, without what no night looks at; then each night
//! is those two values put in and run.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    datasource::{TableType, memory::MemorySourceConfig, provider_as_source, source_as_provider},
    error::DataFusionError,
    logical_expr::{
        Expr, LogicalPlan, TableProviderFilterPushDown,
        expr_rewriter::{NamePreserver, unnormalize_col},
        utils::{conjunction, disjunction},
    },
    physical_plan::ExecutionPlan,
    prelude::SessionContext,
};
use futures::StreamExt;
use lake::FactTable;
use model::time::Instant;

use super::Side;
use crate::{Desk, Kind, Library, ParamValue, Params, Query, QueryError, Value, run::planning_error, statement::Tokens};

/// The members of a segment, night after night.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rosters {
    /// Everybody who was in it, in the order in which they came.
    pub customers: Vec<String>,
    /// Per night the members as places in `customers`, rising.
    pub nights: Vec<Vec<u32>>,
}

impl Rosters {
    pub fn members(&self, night: usize) -> BTreeSet<&str> {
        self.nights[night].iter().map(|place| self.customers[*place as usize].as_str()).collect()
    }
}

/// Rosters in the making.
#[derive(Default)]
struct List {
    rosters: Rosters,
    places: BTreeMap<String, u32>,
}

impl List {
    fn add(&mut self, members: impl IntoIterator<Item = String>) {
        let mut night = Vec::new();
        for customer in members {
            let next = self.rosters.customers.len() as u32;
            night.push(*self.places.entry(customer).or_insert_with_key(|customer| {
                self.rosters.customers.push(customer.clone());
                next
            }));
        }
        night.sort_unstable();
        night.dedup();
        self.rosters.nights.push(night);
    }
}

/// Whether a text, or what it is made of, asks a table as of a moment of its own. A column of that name costs the time of asking one by one.
fn names_another_moment(library: &Library, tokens: &Tokens, seen: &mut BTreeSet<String>) -> Result<bool, QueryError> {
    let segments = tokens.segments().into_iter().filter_map(|name| library.segment(&name));
    let words: Vec<String> = tokens.words().collect();
    if words.iter().any(|word| word == crate::functions::as_of::NAME) {
        return Ok(true);
    }
    for query in segments.chain(words.iter().filter_map(|word| library.view(word))) {
        if seen.insert(query.name.clone()) && names_another_moment(library, &Tokens::read(&query.file, &query.sql)?, seen)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a segment has its customer.
pub(super) fn customer_column(file: &str, found: Option<usize>) -> Result<usize, QueryError> {
    found.ok_or_else(|| QueryError::NoCustomer { file: file.into() })
}

impl Desk {
    /// A segment's members at each of these moments, which rise. The desk's own moment does not matter; `done` hears of each night.
    pub async fn rosters(
        &self,
        query: &Query,
        params: &Params,
        moments: &[Instant],
        done: &(dyn Fn() + Sync),
    ) -> Result<Rosters, QueryError> {
        let file = &query.file;
        let wrong = |source| planning_error(file, source);
        let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return Ok(Rosters::default()) };
        debug_assert!(first <= last);
        // A night has a thread of its own: exchanges between partitions would cost more than they save.
        let at_once = self.limits.partitions.max(1);
        let mut open = self.clone().left_open();
        open.limits.partitions = 1;
        let tokens = Tokens::read(file, &query.sql)?;
        let values = open.values(query, params)?;
        if names_another_moment(&self.library, &tokens, &mut BTreeSet::new())? {
            return self.one_by_one(query, params, moments, done).await;
        }
        let session = open.session(&tokens, file).await?;
        let plan = open.plan(&session, query, &tokens, &values).await?;
        customer_column(file, plan.schema().fields().iter().position(|field| field.name() == "customer_id"))?;
        let plan = open.bound(plan, &values).map_err(wrong)?;
        let frame = session.execute_logical_plan(plan).await.map_err(wrong)?;
        let frame = frame.select_columns(&["customer_id"]).map_err(wrong)?;
        let plan = session.state().optimize(frame.logical_plan()).map_err(wrong)?;
        let plan = self.held(&session, plan, *last, file).await?;

        let mut list = List::default();
        let mut nights = futures::stream::iter(moments.iter().copied())
            .map(|as_of| {
                let mut desk = self.clone();
                desk.moment.as_of = as_of;
                let (session, plan, file) = (session.clone(), plan.clone(), file.clone());
                tokio::spawn(async move { desk.night(&session, plan, &file).await })
            })
            .buffered(at_once);
        while let Some(night) = nights.next().await {
            let failed = |message: String| QueryError::run(file, &message);
            let batches = night.map_err(|panic| failed(panic.to_string()))??;
            let mut members = Vec::new();
            for batch in &batches {
                for value in crate::run::values_of(batch.column(0), Kind::Text).map_err(failed)? {
                    if let Value::Text(customer) = value {
                        members.push(customer);
                    }
                }
            }
            list.add(members);
            done();
        }
        Ok(list.rosters)
    }

    /// Each night by itself: for a segment that looks at other moments, which are fixed when it is planned.
    async fn one_by_one(
        &self,
        query: &Query,
        params: &Params,
        moments: &[Instant],
        done: &(dyn Fn() + Sync),
    ) -> Result<Rosters, QueryError> {
        let mut list = List::default();
        for as_of in moments {
            let desk = self.at(crate::Moment { as_of: *as_of, ..self.moment });
            list.add((Side { desk: &desk, query, params }).members().await?);
            done();
        }
        Ok(list.rosters)
    }

    /// One night: the values that were left open put in, and run.
    async fn night(&self, session: &SessionContext, plan: LogicalPlan, file: &str) -> Result<Vec<RecordBatch>, QueryError> {
        let wrong = |source| planning_error(file, source);
        let plan = bind_some(plan, &self.given()).map_err(wrong)?;
        let state = session.state();
        let plan = state.query_planner().create_physical_plan(&plan, &state).await.map_err(wrong)?;
        let run = datafusion::physical_plan::collect(plan, session.task_ctx());
        match tokio::time::timeout(self.limits.time, run).await {
            Ok(found) => found.map_err(|source| QueryError::run(file, &source.strip_backtrace())),
            Err(_) => Err(QueryError::Timeout { file: file.into(), seconds: self.limits.time.as_secs() }),
        }
    }

    /// The plan over tables in memory, as far as half of the memory holds them.
    async fn held(
        &self,
        session: &SessionContext,
        plan: LogicalPlan,
        last: Instant,
        file: &str,
    ) -> Result<LogicalPlan, QueryError> {
        let wrong = |source| planning_error(file, source);
        let mut left_bytes = self.limits.memory_bytes / 2;
        let mut held: BTreeMap<&'static str, Arc<dyn TableProvider>> = BTreeMap::new();
        for (name, wanted) in wanted(&plan).map_err(wrong)? {
            let read = wanted.read(session, self, last, left_bytes).await;
            let read = read.map_err(|source| QueryError::run(file, &source.strip_backtrace()))?;
            if let Some(table) = read {
                left_bytes -= table.bytes.min(left_bytes);
                held.insert(name, Arc::new(table));
            }
        }
        let swap = |node: LogicalPlan| match node {
            LogicalPlan::TableScan(mut scan) => match fact_table(&scan)?.and_then(|(name, _)| held.get(name)) {
                Some(table) => {
                    scan.source = provider_as_source(table.clone());
                    Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
                }
                None => Ok(Transformed::no(LogicalPlan::TableScan(scan))),
            },
            node => Ok(Transformed::no(node)),
        };
        plan.transform_up_with_subqueries(swap).map(|swapped| swapped.data).map_err(wrong)
    }
}

/// Puts in the values that are known, and leaves other parameters as they are.
pub(crate) fn bind_some(plan: LogicalPlan, values: &Params) -> Result<LogicalPlan> {
    let value = |id: &str| values.get(id.trim_start_matches('$')).map(ParamValue::scalar);
    let bound = plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let bound = expr.transform_up(|expr| match &expr {
                Expr::Placeholder(placeholder) => match value(&placeholder.id) {
                    Some(value) => Ok(Transformed::yes(Expr::Literal(value, None))),
                    None => Ok(Transformed::no(expr)),
                },
                _ => Ok(Transformed::no(expr)),
            })?;
            // Columns above refer to it by the name it had.
            Ok(bound.update_data(|expr| name.restore(expr)))
        })?
        .map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(bound.data)
}

/// What a plan reads of a table.
struct Wanted {
    table: Arc<dyn TableProvider>,
    columns: BTreeSet<usize>,
    /// Per scan, what it filters by on every night; empty where that is nothing.
    filters: Vec<Vec<Expr>>,
}

fn wanted(plan: &LogicalPlan) -> Result<BTreeMap<&'static str, Wanted>> {
    let mut found: BTreeMap<&'static str, Wanted> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some((name, table)) = fact_table(scan)?
        {
            let wanted = found.entry(name).or_insert_with(|| Wanted {
                table: table.clone(),
                columns: BTreeSet::new(),
                filters: Vec::new(),
            });
            match &scan.projection {
                Some(columns) => wanted.columns.extend(columns),
                None => wanted.columns.extend(0..table.schema().fields().len()),
            }
            let mut every_night = Vec::new();
            for filter in &scan.filters {
                if !filter.exists(|expr| Ok(matches!(expr, Expr::Placeholder(_))))? {
                    every_night.push(unnormalize_col(filter.clone()));
                }
            }
            wanted.filters.push(every_night);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn fact_table(scan: &datafusion::logical_expr::TableScan) -> Result<Option<(&'static str, Arc<dyn TableProvider>)>> {
    let provider = source_as_provider(&scan.source)?;
    let any: &dyn Any = provider.as_ref();
    Ok(any.downcast_ref::<FactTable>().map(|table| table.name).map(|name| (name, provider)))
}

impl Wanted {
    /// `None` where it does not fit.
    async fn read(self, session: &SessionContext, desk: &Desk, last: Instant, bytes_max: usize) -> Result<Option<Held>> {
        let full = self.table.schema();
        let names: Vec<&str> = self.columns.iter().map(|column| full.field(*column).name().as_str()).collect();
        let mut rows = session.read_table(self.table)?.filter(desk.past(ParamValue::Instant(last).literal()))?;
        let narrowed: Option<Vec<Expr>> = self.filters.into_iter().map(conjunction).collect();
        if let Some(any) = narrowed.and_then(disjunction) {
            rows = rows.filter(any)?;
        }
        let rows = rows.select_columns(&names)?;
        let kept = Arc::new(rows.schema().as_arrow().clone());
        let mut stream = rows.execute_stream().await?;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            bytes += batch.get_array_memory_size();
            if bytes > bytes_max {
                return Ok(None);
            }
            batches.push(batch);
        }
        Ok(Some(Held { full, kept, columns: self.columns.into_iter().collect(), batches, bytes }))
    }
}

/// A table's rows in memory, of the columns that are asked for.
#[derive(Debug)]
struct Held {
    full: SchemaRef,
    kept: SchemaRef,
    /// The kept columns as places in the full schema, rising.
    columns: Vec<usize>,
    batches: Vec<RecordBatch>,
    bytes: usize,
}

#[async_trait]
impl TableProvider for Held {
    fn schema(&self) -> SchemaRef {
        self.full.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // As the table it stands for: every filter is above it too.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.full.fields().len()).collect());
        let places: Option<Vec<usize>> = asked.iter().map(|column| self.columns.binary_search(column).ok()).collect();
        let places = places.ok_or_else(|| DataFusionError::Internal("a column is asked for that was not read".into()))?;
        Ok(MemorySourceConfig::try_new_exec(std::slice::from_ref(&self.batches), self.kept.clone(), Some(places))?)
    }
}
