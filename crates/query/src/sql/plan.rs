//! The plan of an analyst's question, walked before it runs: only nodes that read, only functions of this door, no join whose pairs nobody
//! would live to see.

use std::sync::Arc;

use datafusion::{
    catalog::TableProvider,
    common::{
        JoinType, ScalarValue,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    datasource::source_as_provider,
    logical_expr::{Expr, FetchType, LogicalPlan, Operator, SkipType, utils::split_conjunction},
};
use lake::FactTable;

use super::{SqlError, SqlErrorKind, functions};
use crate::share;

/// A join without a key looks at every pair: so many in about ten seconds.
pub(crate) const PAIRS_MAX: f64 = 1e9;
/// Rows of what cannot say how many it has.
const ROWS_UNKNOWN: f64 = 1_000.0;

/// Lets through what only reads. A kind of statement can hide behind another, a node of a plan cannot.
pub(crate) fn only_reads(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        refused = refused_node(node);
        if refused.is_none() {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    refused = refused_function(expr);
                    Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
                })
            })?;
        }
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    match (refused, walked) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(()),
        (None, Err(error)) => Err(SqlError::internal(error.strip_backtrace())),
    }
}

fn refused_node(node: &LogicalPlan) -> Option<SqlError> {
    let name = match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => return None,
        LogicalPlan::Statement(statement) => statement.name(),
        LogicalPlan::Dml(dml) => dml.name(),
        LogicalPlan::Ddl(ddl) => ddl.name(),
        LogicalPlan::Copy(_) => "COPY",
        LogicalPlan::DescribeTable(_) => "DESCRIBE",
        LogicalPlan::Extension(_) => "Extension",
    };
    Some(
        SqlError::new(
            SqlErrorKind::Refused,
            format!("`{name}` は実行できません。この窓口は読み取り専用です"),
            format!("`{name}` is refused: this door only reads"),
        )
        .with_remedy("SELECT だけで書いてください", "write it with SELECT alone"),
    )
}

fn refused_function(expr: &Expr) -> Option<SqlError> {
    let Expr::ScalarFunction(call) = expr else { return None };
    functions::is_withheld(call.func.name()).then(|| {
        SqlError::new(
            SqlErrorKind::Refused,
            format!("関数 `{}` はここでは使えません", call.func.name()),
            format!("the function `{}` is not offered here", call.func.name()),
        )
    })
}

/// Refuses joins without a key that would look at too many pairs. `plan` is optimized: a key that stood in the WHERE is in its join.
pub(crate) fn few_pairs(plan: &LogicalPlan, pairs_max: f64) -> Result<(), SqlError> {
    let mut worst = 0.0_f64;
    if let Err(error) = most_pairs(plan, &mut worst) {
        return Err(SqlError::internal(error.strip_backtrace()));
    }
    if worst <= pairs_max {
        return Ok(());
    }
    Err(SqlError::new(
        SqlErrorKind::TooComplex,
        format!("結合条件に等号がなく、約 {worst:.0e} 組を比べることになります（上限 {pairs_max:.0e}）"),
        format!("a join without an equality would compare about {worst:.0e} pairs, {pairs_max:.0e} are allowed"),
    )
    .with_remedy(
        "ON に等号の条件を書くか、先に集計・絞り込みをしてください",
        "join ON an equality, or aggregate and filter before the join",
    ))
}

fn most_pairs(plan: &LogicalPlan, worst: &mut f64) -> datafusion::common::Result<()> {
    let walked = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Join(join) if join.on.is_empty() => *worst = worst.max(rows(&join.left) * rows(&join.right)),
            LogicalPlan::TableScan(scan) => {
                if let Some(shared) = share::plan_of(&source_as_provider(&scan.source)?) {
                    most_pairs(shared, worst)?;
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map(|_| ())
}

/// How many rows a plan may have: an estimate that follows what the log says of the files.
fn rows(plan: &LogicalPlan) -> f64 {
    let of = |input: &LogicalPlan| rows(input);
    match plan {
        LogicalPlan::TableScan(scan) => {
            let all = source_as_provider(&scan.source).map_or(ROWS_UNKNOWN, |provider| of_table(&provider));
            let kept = scan.filters.iter().map(passing).product::<f64>() * all;
            scan.fetch.map_or(kept, |fetch| kept.min(fetch as f64)).max(1.0)
        }
        LogicalPlan::EmptyRelation(empty) => f64::from(u8::from(empty.produce_one_row)),
        LogicalPlan::Values(values) => values.values.len() as f64,
        LogicalPlan::Filter(filter) => (of(&filter.input) * passing(&filter.predicate)).max(1.0),
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => 1.0,
        LogicalPlan::Sort(sort) => sort.fetch.map_or(of(&sort.input), |fetch| of(&sort.input).min(fetch as f64)),
        LogicalPlan::Limit(limit) => match (limit.get_fetch_type(), limit.get_skip_type()) {
            (Ok(FetchType::Literal(Some(fetch))), Ok(SkipType::Literal(_))) => of(&limit.input).min(fetch as f64),
            _ => of(&limit.input),
        },
        LogicalPlan::Join(join) => {
            let (left, right) = (of(&join.left), of(&join.right));
            let kept = join.filter.as_ref().map_or(1.0, passing);
            match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
                // A key mostly leads to one row of the other side.
                _ if !join.on.is_empty() => left.max(right),
                JoinType::Inner => (left * right * kept).max(1.0),
                _ => (left * right * kept).max(left).max(right),
            }
        }
        LogicalPlan::Union(union) => union.inputs.iter().map(|input| rows(input)).sum(),
        // Lists of a few each; a recursion of a few turns.
        LogicalPlan::Unnest(unnest) => of(&unnest.input) * 10.0,
        LogicalPlan::RecursiveQuery(query) => of(&query.static_term) * 100.0,
        other => other.inputs().into_iter().map(rows).fold(0.0, f64::max),
    }
}

fn of_table(provider: &Arc<dyn TableProvider>) -> f64 {
    if let Some(table) = provider.downcast_ref::<FactTable>() {
        return table.rows() as f64;
    }
    // What it is worked out by passes filters of which an estimate knows little.
    let shared = share::plan_of(provider).map(|plan| rows(plan).max(ROWS_UNKNOWN));
    shared.or_else(|| functions::series_rows(provider)).unwrap_or(ROWS_UNKNOWN)
}

/// The share of rows that may pass: one in a hundred for what equals a value, a third for anything else.
fn passing(predicate: &Expr) -> f64 {
    let share = |part: &Expr| match part {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let is_value = |side: &Expr| matches!(side, Expr::Literal(value, _) if !matches!(value, ScalarValue::Boolean(_)));
            if is_value(&binary.left) || is_value(&binary.right) { 0.01 } else { 1.0 / 3.0 }
        }
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => 1.0,
        _ => 1.0 / 3.0,
    };
    split_conjunction(predicate).into_iter().map(share).product()
}
