//! What a question needs of the engine that others do not: decided on its plan, before it runs.

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    dataframe::DataFrame,
    error::Result,
    logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator},
    prelude::SessionContext,
};

/// A plan ready to run, in a session set for it.
pub(crate) async fn suited(session: &SessionContext, plan: LogicalPlan) -> Result<DataFrame> {
    // Rows that are not looked for are not decoded: a tenth of the work where one id is, half as much again where most rows are.
    let looks_up = looks_up(&plan);
    session.state_ref().write().config_mut().options_mut().execution.parquet.pushdown_filters = looks_up;
    session.execute_logical_plan(plan).await
}

/// The same for files that nobody knows, which lie in the order of time: pages that were chosen cannot be left out any more as a sort learns what
/// it needs.
pub(crate) async fn suited_to_files(session: &SessionContext, plan: LogicalPlan) -> Result<DataFrame> {
    let chosen = !wants_first_rows(&plan);
    session.state_ref().write().config_mut().options_mut().execution.parquet.enable_page_index = chosen;
    suited(session, plan).await
}

/// Whether only the first rows of an order are wanted.
fn wants_first_rows(plan: &LogicalPlan) -> bool {
    plan.exists(|node| {
        let LogicalPlan::Limit(limit) = node else { return Ok(false) };
        let mut below = limit.input.as_ref();
        while let LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) = below {
            below = below.inputs()[0];
        }
        Ok(matches!(below, LogicalPlan::Sort(_)))
    })
    .unwrap_or(false)
}

/// Whether rows of one id are looked for.
fn looks_up(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Filter(filter) = node {
            found |= names_an_id(&filter.predicate);
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

fn names_an_id(predicate: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = predicate else { return false };
    match op {
        Operator::And => names_an_id(left) || names_an_id(right),
        Operator::Eq => (is_id(left) && is_value(right)) || (is_id(right) && is_value(left)),
        _ => false,
    }
}

fn is_id(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name.ends_with("_id"))
}

fn is_value(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(..) | Expr::Placeholder(_) => true,
        Expr::Cast(cast) => is_value(&cast.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};

    use super::*;

    #[test]
    fn an_id_that_equals_a_value_is_looked_up() {
        let check = |predicate: Expr, expect| assert_eq!(names_an_id(&predicate), expect, "{predicate}");
        check(col("customer_id").eq(lit("c")), true);
        check(lit("c").eq(col("customer_id")), true);
        check(col("net").gt(lit(0)).and(col("order_id").eq(lit("o"))), true);
        check(col("status").eq(lit("completed")), false);
        check(col("customer_id").eq(col("survivor_id")), false);
        check(col("customer_id").eq(lit("c")).or(col("net").gt(lit(0))), false);
    }

    #[test]
    fn the_first_rows_of_an_order_are_known_by_a_limit_on_a_sort() {
        let rows = || LogicalPlanBuilder::values(vec![vec![lit(1)]]).expect("rows");
        let sorted = || rows().sort_by([col("column1")]).expect("sorted");
        let check = |plan: Result<LogicalPlanBuilder>, expect| {
            let plan = plan.and_then(LogicalPlanBuilder::build).expect("a plan");
            assert_eq!(wants_first_rows(&plan), expect, "{}", plan.display_indent());
        };
        check(sorted().limit(0, Some(1)), true);
        check(sorted().alias("a").and_then(|all| all.project([col("column1")])?.limit(0, Some(1))), true);
        check(Ok(sorted()), false);
        check(rows().limit(0, Some(1)), false);
        check(sorted().distinct().and_then(|all| all.limit(0, Some(1))), false);
    }
}
