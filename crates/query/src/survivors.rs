//! Who is somebody's earlier self, found out once per desk, and what that lets a question about one customer leave unread.
//!
//! Views say of every row whose it is by now: `coalesce(who.survivor_id, this.customer_id)`. No file can be asked for that. But the ids that
//! are one customer by now are few, and files can be asked for these.

use std::sync::{Arc, Mutex, MutexGuard};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::DataType,
};
use datafusion::{
    common::{
        Column, ExprSchema, Result, ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    datasource::source_as_provider,
    error::DataFusionError,
    logical_expr::{
        BinaryExpr, Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, expr::InList, in_list, lit,
        utils::split_conjunction, when,
    },
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};
use futures::StreamExt;
use lake::FactTable;

use crate::{Desk, Moment, Params, QueryError};

pub(crate) const VIEW: &str = "survivors";
/// More are worked out where they are needed.
const ROWS_MAX: usize = 200_000;

/// What was found at a moment; nothing where the view is asked.
pub(crate) type Found = Arc<Mutex<Option<(Moment, Option<Arc<FactTable>>)>>>;

impl Desk {
    /// The rows of the view at this moment, read once; `None` where the view is to be asked: they are too many, the shop says for itself who is
    /// whose earlier self, or nobody ever was.
    pub(crate) async fn survivors(&self) -> Result<Option<Arc<FactTable>>, QueryError> {
        let nobody = self.view.table("identities").is_none_or(|links| links.is_empty());
        if nobody || self.library.built_in_view(VIEW).is_none() {
            return Ok(None);
        }
        if let Some((moment, rows)) = self.known_survivors().as_ref()
            && *moment == self.moment
        {
            return Ok(rows.clone());
        }
        let rows = self.read_survivors().await?;
        *self.known_survivors() = Some((self.moment, rows.clone()));
        Ok(rows)
    }

    async fn read_survivors(&self) -> Result<Option<Arc<FactTable>>, QueryError> {
        let (file, frame) = self.planned(&format!("system/views/{VIEW}"), &Params::new()).await?;
        let failed = |source: DataFusionError| QueryError::run(&file, &source.strip_backtrace());
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let mut rows = frame.execute_stream().await.map_err(failed)?;
        let (mut batches, mut count) = (Vec::new(), 0);
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(failed)?;
            count += batch.num_rows();
            if count > ROWS_MAX {
                return Ok(None);
            }
            batches.push(batch);
        }
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        Ok(Some(Arc::new(FactTable::of_rows(VIEW, schema, batches))))
    }

    fn known_survivors(&self) -> MutexGuard<'_, Option<(Moment, Option<Arc<FactTable>>)>> {
        self.survivors.lock().expect("nobody panics while holding it")
    }
}

/// Where rows of one customer are looked for, those of the ids that this customer is by now are read.
#[derive(Debug)]
pub(crate) struct OneCustomer;

impl OptimizerRule for OneCustomer {
    fn name(&self) -> &str {
        "one_customer"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else { return Ok(Transformed::no(plan)) };
        let Some(Asked { join, own, wanted, earlier }) = asked(filter) else { return Ok(Transformed::no(plan)) };
        let of_one = match &wanted[..] {
            [id] => columns_of_one(join, own, id, &earlier),
            _ => None,
        };
        if of_one.is_none() && is_narrowed(&join.left, own) {
            return Ok(Transformed::no(plan));
        }
        let ids = wanted.iter().chain(&earlier).map(lit).collect();
        let left = LogicalPlanBuilder::from(join.left.as_ref().clone()).filter(in_list(Expr::Column(own.clone()), ids, false))?;
        let input = match of_one {
            Some(columns) => left.project(columns)?.build()?,
            None => LogicalPlan::Join(Join { left: Arc::new(left.build()?), ..join.clone() }),
        };
        Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(input))?)))
    }
}

/// A join with survivors below a filter that asks for some customers: the ids they have, and those of their earlier selves.
struct Asked<'a> {
    join: &'a Join,
    /// Whose a row is as it was written.
    own: &'a Column,
    wanted: Vec<String>,
    earlier: Vec<String>,
}

/// What a join with survivors gives of rows that are all one customer's by now: nothing needs to be looked up for that, and what reads the rows
/// sees them as they come. `None` where more is wanted of survivors than who they are (until the optimizer has left out what nobody asks for), or
/// where the customer is somebody's earlier self.
fn columns_of_one(join: &Join, own: &Column, id: &str, earlier: &[String]) -> Option<Vec<Expr>> {
    if join.filter.is_some() || survivors_in(&join.right)?.iter().any(|batch| holds(batch, "customer_id", id)) {
        return None;
    }
    let own_type = join.left.schema().data_type(own).ok()?;
    let mut columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    for (relation, field) in join.right.schema().iter() {
        let nothing = Expr::Literal(ScalarValue::try_from(field.data_type()).ok()?, None);
        let of_earlier = match field.name().as_str() {
            _ if field.data_type() != own_type => return None,
            "customer_id" => Expr::Column(own.clone()),
            "survivor_id" => Expr::Literal(ScalarValue::from(id).cast_to(field.data_type()).ok()?, None),
            _ => return None,
        };
        let value = match earlier {
            [] => nothing,
            _ => when(Expr::Column(own.clone()).eq(lit(id)), nothing).otherwise(of_earlier).ok()?,
        };
        columns.push(value.alias_qualified(relation.cloned(), field.name()));
    }
    Some(columns)
}

fn asked(filter: &Filter) -> Option<Asked<'_>> {
    let LogicalPlan::Join(join) = filter.input.as_ref() else { return None };
    let [(Expr::Column(own), Expr::Column(earlier))] = &join.on[..] else { return None };
    if join.join_type != JoinType::Left || earlier.name != "customer_id" {
        return None;
    }
    let survivors = survivors_in(&join.right)?;
    let wanted = split_conjunction(&filter.predicate).into_iter().find_map(|part| customers(part, own))?;
    let earlier = earlier_selves(&survivors, &wanted);
    Some(Asked { join, own, wanted, earlier })
}

fn survivors_in(plan: &LogicalPlan) -> Option<Vec<RecordBatch>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            let table = provider.downcast_ref::<FactTable>().filter(|table| table.name == VIEW)?;
            Some(table.tail().to_vec())
        }
        LogicalPlan::SubqueryAlias(alias) => survivors_in(&alias.input),
        // Of the same columns, by their names.
        LogicalPlan::Projection(projection) if projection.expr.iter().all(|column| matches!(column, Expr::Column(_))) => {
            survivors_in(&projection.input)
        }
        _ => None,
    }
}

/// The customers that a condition asks for, by who they are now.
fn customers(condition: &Expr, own: &Column) -> Option<Vec<String>> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (text(left), text(right)) {
            (None, Some(id)) if is_who_now(left, own) => Some(vec![id]),
            (Some(id), None) if is_who_now(right, own) => Some(vec![id]),
            _ => None,
        },
        // As the engine writes a short list.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some([customers(left, own)?, customers(right, own)?].concat())
        }
        Expr::InList(InList { expr, list, negated: false }) if is_who_now(expr, own) => list.iter().map(text).collect(),
        _ => None,
    }
}

/// Whether this is `coalesce(who.survivor_id, own)`, which the engine may have written as a CASE.
fn is_who_now(expression: &Expr, own: &Column) -> bool {
    let is_survivor = |part: &Expr| matches!(part, Expr::Column(column) if column.name == "survivor_id");
    let is_own = |part: &Expr| matches!(part, Expr::Column(column) if column == own);
    match expression {
        Expr::ScalarFunction(call) => {
            call.func.name() == "coalesce" && matches!(&call.args[..], [survivor, rest] if is_survivor(survivor) && is_own(rest))
        }
        Expr::Case(case) => {
            let [(when, then)] = &case.when_then_expr[..] else { return false };
            let asks = matches!(when.as_ref(), Expr::IsNotNull(survivor) if is_survivor(survivor));
            case.expr.is_none() && asks && is_survivor(then) && case.else_expr.as_deref().is_some_and(is_own)
        }
        _ => false,
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Some(text.clone()),
        _ => None,
    }
}

/// The ids that are one of these customers by now.
fn earlier_selves(survivors: &[RecordBatch], wanted: &[String]) -> Vec<String> {
    let mut ids = Vec::new();
    for batch in survivors {
        let column = |name| batch.column_by_name(name).filter(|column| *column.data_type() == DataType::Utf8);
        let (Some(from), Some(to)) = (column("customer_id"), column("survivor_id")) else { continue };
        let pairs = from.as_string::<i32>().iter().zip(to.as_string::<i32>());
        let found = pairs.filter(|(_, to)| to.is_some_and(|to| wanted.iter().any(|wanted| wanted == to)));
        ids.extend(found.filter_map(|(from, _)| from).map(String::from));
    }
    ids
}

fn holds(batch: &RecordBatch, column: &str, id: &str) -> bool {
    let Some(column) = batch.column_by_name(column).filter(|column| *column.data_type() == DataType::Utf8) else { return true };
    column.as_string::<i32>().iter().any(|found| found == Some(id))
}

/// Whether rows are looked for by this column already: the optimizer comes by several times.
fn is_narrowed(plan: &LogicalPlan, own: &Column) -> bool {
    let asks = |part: &Expr| {
        let columns = part.column_refs();
        let has_text = part.exists(|node| Ok(text(node).is_some())).unwrap_or(false);
        has_text && !columns.is_empty() && columns.iter().all(|column| column.name == own.name)
    };
    let found = plan.exists(|node| {
        Ok(match node {
            LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate).into_iter().any(asks),
            LogicalPlan::TableScan(scan) => scan.filters.iter().flat_map(split_conjunction).any(asks),
            _ => false,
        })
    });
    found.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use datafusion::{functions::core::expr_fn::coalesce, logical_expr::col};

    use super::*;

    #[test]
    fn a_condition_on_who_it_is_now_is_found() {
        let own = Column::from_qualified_name("this.customer_id");
        let now = || coalesce(vec![col("who.survivor_id"), col("this.customer_id")]);
        let cased = || {
            when(col("who.survivor_id").is_not_null(), col("who.survivor_id")).otherwise(col("this.customer_id")).expect("a CASE")
        };
        let check = |condition: Expr, expect: &[&str]| {
            let found = customers(&condition, &own).unwrap_or_default();
            assert_eq!(found, expect, "{condition}");
        };
        check(now().eq(lit("c")), &["c"]);
        check(lit("c").eq(now()), &["c"]);
        check(cased().eq(lit("c")), &["c"]);
        check(now().in_list(vec![lit("c"), lit("d")], false), &["c", "d"]);
        check(now().eq(lit("c")).or(now().eq(lit("d"))), &["c", "d"]);
        check(now().eq(lit("c")).or(col("net").gt(lit(0))), &[]);
        check(now().in_list(vec![lit("c")], true), &[]);
        check(now().not_eq(lit("c")), &[]);
        check(now().eq(col("other")), &[]);
        check(col("this.customer_id").eq(lit("c")), &[]);
        check(coalesce(vec![col("who.survivor_id"), col("other.customer_id")]).eq(lit("c")), &[]);
    }
}
