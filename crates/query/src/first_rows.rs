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
        listing::{FileRange, PartitionedFile},
        physical_plan::{FileGroup, FileScanConfigBuilder, FileSource, ParquetSource},
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

/// Into how many pieces a file is divided, and what the smallest has: about a row group.
const PIECES: i64 = 16;
const PIECE_BYTES: i64 = 2 << 20;

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
            let groups = in_pieces(&config.file_groups, order[0].options.descending);
            let config = FileScanConfigBuilder::from(config.clone()).with_source(inner).with_file_groups(groups).build();
            Ok(Some(DataSourceExec::from_data_source(config)))
        }
        SortOrderPushdownResult::Exact { .. } | SortOrderPushdownResult::Unsupported => Ok(None),
    }
}

/// The same files in small pieces, the last first where the order descends: rows are mostly written as they happen. A piece is looked at when
/// it is opened, by what the sort has until then; a reader that finds no row in one looks at no other of its row groups.
fn in_pieces(groups: &[FileGroup], descending: bool) -> Vec<FileGroup> {
    let mut pieces: Vec<PartitionedFile> = groups.iter().flat_map(FileGroup::iter).flat_map(pieces).collect();
    if descending {
        pieces.reverse();
    }
    let each = pieces.len().div_ceil(groups.len().max(1));
    let mut rest = pieces.into_iter();
    groups.iter().map(|_| FileGroup::new(rest.by_ref().take(each).collect())).collect()
}

fn pieces(file: &PartitionedFile) -> impl Iterator<Item = PartitionedFile> {
    let whole = FileRange { start: 0, end: file.object_meta.size as i64 };
    let bytes = PIECE_BYTES.max(whole.end / PIECES);
    let FileRange { start, end } = file.range.clone().unwrap_or(whole);
    (start..end).step_by(bytes as usize).map(move |start| {
        let mut piece = file.clone();
        piece.range = Some(FileRange { start, end: end.min(start + bytes) });
        piece
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_pieces_from_their_end_or_their_beginning() {
        let file = |name: &str, size: i64| PartitionedFile::new(name, size as u64);
        let of = |name: &str, start: i64, end: i64| file(name, 3 * PIECE_BYTES).with_range(start, end);
        let groups = [
            FileGroup::new(vec![file("a", PIECE_BYTES + 7), of("b", 0, PIECE_BYTES)]),
            FileGroup::new(vec![of("b", PIECE_BYTES, 3 * PIECE_BYTES)]),
        ];
        let shown = |descending| -> Vec<Vec<String>> {
            let piece = |piece: &PartitionedFile| {
                let FileRange { start, end } = piece.range.clone().expect("a piece has its place");
                format!("{} {start}+{}", piece.object_meta.location, end - start)
            };
            in_pieces(&groups, descending).iter().map(|group| group.iter().map(piece).collect()).collect()
        };
        let piece = PIECE_BYTES;
        let [a0, a1] = [format!("a 0+{piece}"), format!("a {piece}+7")];
        let [b0, b1, b2] = [0, piece, 2 * piece].map(|start| format!("b {start}+{piece}"));
        let groups = |groups: [&[&String]; 2]| {
            groups.map(|group| group.iter().map(|piece| piece.to_string()).collect::<Vec<_>>()).to_vec()
        };
        assert_eq!(shown(false), groups([&[&a0, &a1, &b0], &[&b1, &b2]]));
        assert_eq!(shown(true), groups([&[&b2, &b1, &b0], &[&a1, &a0]]));
    }
}
