//! Sums of very many groups are formed a part of the groups at a time. The engine deals rows out by their groups to as many
//! tables as there are threads; where these would be large, rows are dealt out finer, and each thread fills its tables one after the other.
//! Rows that wait for their table's turn are what the engine puts on disk first when memory is short.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties, StatisticsArgs,
        StatisticsContext,
        aggregates::{AggregateExec, AggregateMode},
        execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions},
        filter_pushdown::{FilterDescription, FilterPushdownPhase},
        repartition::RepartitionExec,
        replace_children_if_necessary,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{TryStreamExt, stream};

/// A table of about this many groups is filled at a time.
const GROUPS: usize = 1 << 19;
const TURNS_MAX: usize = 32;

#[derive(Debug)]
pub(crate) struct LargeSumsInTurn;

impl PhysicalOptimizerRule for LargeSumsInTurn {
    fn name(&self) -> &str {
        "large_sums_in_turn"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match finer(&node)? {
            Some(finer) => Ok(Transformed::yes(finer)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }
}

/// The same sums with their rows dealt out finer, where there are many rows.
fn finer(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sums) = node.downcast_ref::<AggregateExec>() else { return Ok(None) };
    if !matches!(sums.mode(), AggregateMode::FinalPartitioned | AggregateMode::SinglePartitioned) {
        return Ok(None);
    }
    let Some(dealt) = sums.input().downcast_ref::<RepartitionExec>().filter(|dealt| !dealt.preserve_order()) else {
        return Ok(None);
    };
    let Partitioning::Hash(keys, parts) = dealt.partitioning() else { return Ok(None) };
    let known = StatisticsContext::new().compute(dealt.input().as_ref(), &StatisticsArgs::new())?;
    let turns = turns(known.num_rows.get_value().copied().unwrap_or(0), *parts);
    if turns < 2 {
        return Ok(None);
    }
    let dealt = RepartitionExec::try_new(dealt.input().clone(), Partitioning::Hash(keys.clone(), parts * turns))?;
    let sums = replace_children_if_necessary(node.clone(), vec![Arc::new(dealt)])?;
    Ok(Some(Arc::new(InTurn::new(sums, *parts))))
}

/// Into how many tables each of so many parts of the rows is divided.
fn turns(rows: usize, parts: usize) -> usize {
    (rows / parts.max(1) / GROUPS).next_power_of_two().min(TURNS_MAX)
}

/// Gives the partitions of what it reads one after the other: the nth of so many parts has every partition whose number leaves that remainder.
/// Where rows were dealt out by hash they are where they were if they had been dealt out to so many in the first place.
#[derive(Debug)]
struct InTurn {
    input: Arc<dyn ExecutionPlan>,
    parts: usize,
    properties: Arc<PlanProperties>,
}

impl InTurn {
    fn new(input: Arc<dyn ExecutionPlan>, parts: usize) -> InTurn {
        let partitioning = match input.output_partitioning() {
            Partitioning::Hash(keys, _) => Partitioning::Hash(keys.clone(), parts),
            _ => Partitioning::UnknownPartitioning(parts),
        };
        let mut known = input.equivalence_properties().clone();
        known.clear_orderings();
        let properties = PlanProperties::new(known, partitioning, input.pipeline_behavior(), input.boundedness());
        InTurn { input, parts, properties: Arc::new(properties) }
    }
}

impl DisplayAs for InTurn {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "InTurn: parts={}, turns={}",
            self.parts,
            self.input.output_partitioning().partition_count() / self.parts
        )
    }
}

impl ExecutionPlan for InTurn {
    fn name(&self) -> &str {
        "InTurn"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(InTurn::new(children.swap_remove(0), self.parts)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn execute(&self, part: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.clone();
        let turns = (part..input.output_partitioning().partition_count()).step_by(self.parts);
        // Each is begun when the one before has ended, for a table that is begun has its share of the memory.
        let rows = stream::iter(turns.map(move |turn| input.execute(turn, context.clone()))).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{ArrayRef, AsArray, Int64Array, RecordBatch},
        datatypes::Int64Type,
    };
    use datafusion::{
        datasource::memory::MemorySourceConfig, physical_expr::expressions::Column, physical_plan::collect_partitioned,
    };

    use super::*;

    #[tokio::test]
    async fn rows_are_where_they_were_if_they_had_been_dealt_out_to_so_many() {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
        let rows = RecordBatch::try_from_iter([("key", keys)]).expect("a batch");
        let dealt = |parts| {
            let rows = MemorySourceConfig::try_new_exec(&[vec![rows.clone()]], rows.schema(), None).expect("a source");
            let by_key = Partitioning::Hash(vec![Arc::new(Column::new("key", 0))], parts);
            Arc::new(RepartitionExec::try_new(rows, by_key).expect("dealt out"))
        };
        let parts = async |plan: Arc<dyn ExecutionPlan>| -> Vec<Vec<i64>> {
            let parts = collect_partitioned(plan, Arc::default()).await.expect("rows");
            let keys = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
            let sorted = |part: &Vec<RecordBatch>| {
                let mut keys: Vec<i64> = part.iter().flat_map(keys).collect();
                keys.sort_unstable();
                keys
            };
            parts.iter().map(sorted).collect()
        };
        for (count, turns) in [(2, 8), (3, 4), (4, 32)] {
            let finer = InTurn::new(dealt(count * turns), count);
            assert_eq!(finer.properties().output_partitioning().partition_count(), count);
            assert_eq!(parts(Arc::new(finer)).await, parts(dealt(count)).await, "{turns} turns of {count}");
        }
    }

    #[test]
    fn rows_are_dealt_out_finer_the_more_there_are() {
        let check = |rows, parts, expect| assert_eq!(turns(rows, parts), expect, "{rows} rows to {parts}");
        check(0, 2, 1);
        check(1_000_000, 2, 1);
        check(3 * GROUPS, 1, 4);
        check(10_000_000, 2, 16);
        check(10_000_000, 8, 2);
        check(1_000_000_000, 2, TURNS_MAX);
    }
}
