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

/// Whether only the first rows of an order are wanted.
pub(crate) fn wants_first_rows(plan: &LogicalPlan) -> bool {
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
    use datafusion::logical_expr::{col, lit};

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
}
