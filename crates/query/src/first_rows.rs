//! Where only the first rows of an order are asked for, files and their row groups are read about in that order. The engine does so for a sort
//! right above a scan; this reaches through unions, filters and renamed columns, which is where a time line's newest rows are. Once as many
//! rows are there as were asked for, what lies past the last of them is not read at all.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    datasource::{
        physical_plan::{FileScanConfigBuilder, FileSource, ParquetSource},
        source::DataSourceExec,
    },
    physical_expr::{EquivalenceProperties, PhysicalSortExpr, expressions::Column},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, SortOrderPushdownResult, coalesce_partitions::CoalescePartitionsExec, filter::FilterExec,
        projection::ProjectionExec, repartition::RepartitionExec, replace_children_if_necessary, sorts::sort::SortExec,
        union::UnionExec,
    },
};

#[derive(Debug)]
pub(crate) struct FirstRows;

impl PhysicalOptimizerRule for FirstRows {
    fn name(&self) -> &str {
        "first_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|node| {
            let Some(sort) = node.downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_some()) else {
                return Ok(Transformed::no(node));
            };
            let first = sort.expr().first();
            let Some(column) = first.expr.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
            match read_by(sort.input(), column.index(), first, options.execution.parquet.enable_page_index)? {
                Some(input) => replace_children_if_necessary(node.clone(), vec![input]).map(Transformed::yes),
                None => Ok(Transformed::no(node)),
            }
        })
        .data()
    }
}

/// The same rows, with the files below read about in the order of this column of them, and by their pages or not; `None` where no file can be.
fn read_by(
    plan: &Arc<dyn ExecutionPlan>,
    column: usize,
    order: &PhysicalSortExpr,
    pages: bool,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return files_by(scan, column, order, pages);
    }
    let Some(column) = column_below(plan, column) else { return Ok(None) };
    let mut found = false;
    let mut children = Vec::new();
    for child in plan.children() {
        let read = read_by(child, column, order, pages)?;
        found |= read.is_some();
        children.push(read.unwrap_or_else(|| child.clone()));
    }
    if found { replace_children_if_necessary(plan.clone(), children).map(Some) } else { Ok(None) }
}

/// Which column of what a node reads is this one of what it gives, where it gives rows as it reads them.
fn column_below(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Option<usize> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return projection.expr()[column].expr.downcast_ref::<Column>().map(Column::index);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return Some(filter.projection().as_ref().map_or(column, |given| given[column]));
    }
    let as_read = plan.is::<UnionExec>() || plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>();
    as_read.then_some(column)
}

fn files_by(
    scan: &DataSourceExec,
    column: usize,
    order: &PhysicalSortExpr,
    pages: bool,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some((config, source)) = scan.downcast_to_file_source::<ParquetSource>() else { return Ok(None) };
    if !config.output_ordering.is_empty() {
        return Ok(None);
    }
    // A scan may rename its columns; what a footer says of them, it says by the file's names.
    let own = match source.projection() {
        Some(given) => given.as_ref()[column].expr.downcast_ref::<Column>().cloned(),
        None => Some(Column::new(scan.schema().field(column).name(), column)),
    };
    let Some(own) = own else { return Ok(None) };
    let order = [PhysicalSortExpr { expr: Arc::new(own), options: order.options }];
    let promised = EquivalenceProperties::new(source.table_schema().table_schema().clone());
    // A table of files was registered with the setting of that time.
    match source.clone().with_enable_page_index(pages).try_pushdown_sort(&order, &promised)? {
        SortOrderPushdownResult::Inexact { inner } => {
            let config = FileScanConfigBuilder::from(config.clone()).with_source(inner).build();
            Ok(Some(DataSourceExec::from_data_source(config)))
        }
        SortOrderPushdownResult::Exact { .. } | SortOrderPushdownResult::Unsupported => Ok(None),
    }
}
