//! What the shop's relations do not have: keys, indexes, defaults, sequences, triggers. Clients ask for them all, in statements that go far
//! beyond what the engine plans. But nothing comes out of nothing: a SELECT from relations that are empty is replaced by one that is empty,
//! with the same columns, before anything is planned.

use std::{collections::BTreeSet, ops::ControlFlow};

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, JoinOperator,
        ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use crate::statement::placeholder;

/// Relations of `pg_catalog` that say nothing of a relation of the shop.
const EMPTY: [&str; 17] = [
    "pg_attrdef",
    "pg_collation",
    "pg_constraint",
    "pg_enum",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_sequence",
    "pg_statistic_ext",
    "pg_subscription",
    "pg_trigger",
];

/// They make one row of none, where nothing is grouped by.
const AGGREGATES: [&str; 8] = ["count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_or"];

/// Columns that hold the name of a function; where there is none the catalogue says `-`, and clients compare with 0.
const FUNCTIONS: [&str; 7] = ["typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze"];

/// Columns that the catalogue here does not have: nobody has set an option of a relation, or granted it to somebody.
const COLUMNS: [&str; 2] = ["reloptions", "relacl"];

/// A setting that drivers look for before they ask for keys, beside those that the catalogue has.
const SETTINGS: &str = "(SELECT * FROM pg_catalog.pg_settings UNION ALL SELECT 'max_index_keys', '32', NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
                        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";

pub(super) fn leave_out(statement: &mut Statement) {
    let mut absent = Absent::default();
    loop {
        let known = absent.named.len();
        let _ = VisitMut::visit(statement, &mut absent);
        if absent.named.len() == known {
            return;
        }
        absent.settings_are_said = true;
    }
}

#[derive(Default)]
struct Absent {
    /// What a WITH names that has no rows; what is asked of it is looked at again.
    named: BTreeSet<String>,
    /// Set for a second look: what stands there for the settings names them too.
    settings_are_said: bool,
}

impl VisitorMut for Absent {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && COLUMNS.contains(&name(expr).as_str())
                && let Some(null) = nothing(item)
            {
                *item = null;
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.from.iter().any(|from| is_empty(from, &self.named))
            && !makes_a_row(select)
            && let Some(projection) = select.projection.iter().map(nothing).collect::<Option<Vec<_>>>()
        {
            select.projection = distinct(projection);
            select.from = Vec::new();
            select.selection = Some(Expr::value(Value::Boolean(false)));
            select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
            (select.distinct, select.having, select.qualify) = (None, None, None);
            select.sort_by = Vec::new();
        }
        let is_null_without_name = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(expr) if is_null(expr));
        if select.projection.iter().filter(|item| is_null_without_name(item)).count() > 1 {
            let items = std::mem::take(&mut select.projection).into_iter();
            let named = items.map(|item| if is_null_without_name(&item) { nothing(&item).unwrap_or(item) } else { item });
            select.projection = distinct(named.collect());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, alias, .. } = table
            && !self.settings_are_said
            && last(name).is_some_and(|name| name == "pg_settings")
        {
            let alias = alias.as_ref().map_or("pg_settings".into(), |alias| alias.name.to_string());
            let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(&format!("{SETTINGS} AS {alias}"));
            if let Ok(derived) = parsed.and_then(|mut parser| parser.parse_table_factor()) {
                *table = derived;
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        // What it was ordered by may be gone.
        if is_nothing(query) {
            query.order_by = None;
        }
        let named = query.with.iter().flat_map(|with| &with.cte_tables).filter(|named| is_nothing(&named.query));
        self.named.extend(named.map(|named| named.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|last| COLUMNS.contains(&last.value.as_str())) => {
                *expr = Expr::value(Value::Null);
            }
            Expr::Subquery(query) if is_nothing(query) => *expr = Expr::value(Value::Null),
            Expr::Subquery(query) => at_most_one(query),
            Expr::Function(function) => {
                if let Some(found) = said_otherwise(function) {
                    *expr = found;
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } if is_null(left) || is_null(right) => {
                *expr = Expr::value(Value::Null);
            }
            Expr::Exists { subquery, negated } if is_nothing(subquery) => *expr = Expr::value(Value::Boolean(*negated)),
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
                if is_function(left) && is_zero(right) =>
            {
                **right = Expr::value(Value::SingleQuotedString("-".into()));
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } if is_function(left) => {
                if let Some(named) = function_named(right) {
                    **right = named;
                }
            }
            Expr::Case { conditions, else_result, .. }
                if conditions.iter().all(|when| is_null(&when.result)) && else_result.as_deref().is_none_or(is_null) =>
            {
                *expr = Expr::value(Value::Null);
            }
            // The engine escapes by a backslash alone.
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                let escape = match escape_char.as_ref().map(|escape| &escape.value) {
                    Some(Value::SingleQuotedString(escape)) if escape.chars().count() == 1 => escape.clone(),
                    _ => return ControlFlow::Continue(()),
                };
                *escape_char = None;
                if escape != "\\"
                    && let Some(escaped) = parsed(&format!("replace({pattern}, '{}', '\\')", escape.replace('\'', "''")))
                {
                    **pattern = escaped;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn parsed(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

/// A call that the engine cannot answer, where it can be told what is meant.
fn said_otherwise(call: &Function) -> Option<Expr> {
    let args: Vec<&Expr> = match &call.args {
        FunctionArguments::List(list) => list.args.iter().filter_map(given).collect(),
        FunctionArguments::Subquery(_) | FunctionArguments::None => Vec::new(),
    };
    match (last(&call.name)?.as_str(), &args[..], &call.args) {
        ("array", [], FunctionArguments::Subquery(query)) if is_nothing(query) => Some(Expr::value(Value::Null)),
        ("array_to_string", [list, ..], _) if is_null(list) => Some(Expr::value(Value::Null)),
        // `relkind = ANY($1)`: the list comes as its text, `{"r", "v"}`.
        ("array_contains", [list, item], _) if placeholder(list).is_some() => {
            let list = format!("replace(replace(btrim({list}, '{{}}'), '\"', ''), ', ', ',')");
            parsed(&format!("strpos(concat(',', {list}, ','), concat(',', {item}, ',')) > 0"))
        }
        _ => None,
    }
}

fn given(arg: &FunctionArg) -> Option<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// A subquery that stands for a value has one row at most. The engine wants that said.
fn at_most_one(query: &mut Query) {
    // One that says itself which row it means is left alone.
    if query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    if is_grouped || select.distinct.is_some() || select.having.is_some() {
        return;
    }
    let [SelectItem::UnnamedExpr(value)] = &mut select.projection[..] else { return };
    let most = match value {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Case { .. } => "max",
        Expr::BinaryOp { op: BinaryOperator::Eq | BinaryOperator::NotEq, .. } => "bool_or",
        _ => return,
    };
    if let Some(wrapped) = parsed(&format!("{most}({value})")) {
        *value = wrapped;
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

fn is_empty(from: &TableWithJoins, named: &BTreeSet<String>) -> bool {
    // An outer join from the right keeps rows that the left has not.
    let keeps_left = from.joins.iter().all(|join| {
        use JoinOperator::*;
        matches!(join.join_operator, Join(_) | Inner(_) | Left(_) | LeftOuter(_) | CrossJoin(_))
    });
    let inner = from.joins.iter().filter(|join| {
        use JoinOperator::*;
        matches!(join.join_operator, Join(_) | Inner(_) | CrossJoin(_))
    });
    let mut relations = std::iter::once(&from.relation).chain(inner.map(|join| &join.relation));
    keeps_left && relations.any(|table| is_empty_table(table, named))
}

fn is_empty_table(table: &TableFactor, named: &BTreeSet<String>) -> bool {
    match table {
        TableFactor::Table { name, args: None, .. } => {
            last(name).is_some_and(|name| EMPTY.contains(&name.as_str()) || named.contains(&name))
        }
        TableFactor::Table { name, args: Some(args), .. } => {
            last(name).is_some_and(|name| name == "unnest") && args.args.iter().all(|arg| given(arg).is_some_and(is_null))
        }
        TableFactor::Derived { subquery, .. } => is_nothing(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => is_empty(table_with_joins, named),
        _ => false,
    }
}

/// Whether a query is one that was replaced.
fn is_nothing(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            select.from.is_empty()
                && matches!(&select.selection, Some(Expr::Value(value)) if value.value == Value::Boolean(false))
        }
        _ => false,
    }
}

fn makes_a_row(select: &Select) -> bool {
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let is_aggregate = |expr: &Expr| {
        let name = match expr {
            Expr::Function(function) => last(&function.name),
            _ => None,
        };
        name.is_some_and(|name| AGGREGATES.contains(&name.as_str()))
    };
    let mut found = false;
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = datafusion::sql::sqlparser::ast::visit_expressions(expr, |expr| {
                found |= is_aggregate(expr) && !matches!(expr, Expr::Function(function) if function.over.is_some());
                ControlFlow::<()>::Continue(())
            });
        }
    }
    found && !is_grouped
}

/// The column without a value; `None` where its name cannot be told.
fn nothing(item: &SelectItem) -> Option<SelectItem> {
    let alias = match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
        SelectItem::UnnamedExpr(expr) => Ident::with_quote('"', name(expr)),
        _ => return None,
    };
    Some(SelectItem::ExprWithAlias { expr: Expr::value(Value::Null), alias })
}

/// As PostgreSQL names a column that has no alias.
fn name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()).unwrap_or_default(),
        Expr::Function(function) if !matches!(function.args, FunctionArguments::Subquery(_)) => {
            last(&function.name).unwrap_or_default()
        }
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name(expr),
        Expr::Case { .. } => "case".into(),
        _ => "?column?".into(),
    }
}

/// The engine wants every column to have a name of its own.
fn distinct(projection: Vec<SelectItem>) -> Vec<SelectItem> {
    let mut seen = BTreeSet::new();
    let mut kept = projection;
    for (index, item) in kept.iter_mut().enumerate() {
        if let SelectItem::ExprWithAlias { alias, .. } = item
            && !seen.insert(alias.value.to_lowercase())
        {
            *alias = Ident::with_quote('"', format!("{}_{index}", alias.value));
        }
    }
    kept
}

fn is_function(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    name.is_some_and(|name| FUNCTIONS.contains(&name.value.to_lowercase().as_str()))
}

/// The name in `'array_in'::regproc`, of which the parser has made a look for its number.
fn function_named(expr: &Expr) -> Option<Expr> {
    let Expr::Subquery(query) = expr else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match &select.selection {
        Some(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) if name(left) == "proname" => Some(right.as_ref().clone()),
        _ => None,
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number == "0"))
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(|ident| ident.value.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_out_of_nothing() {
        let check = |sql: &str, expect: &str| {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
            leave_out(&mut statement);
            assert_eq!(statement.to_string(), expect, "{sql}");
        };
        check(
            "SELECT conname, a.b AS c FROM pg_catalog.pg_constraint AS a ORDER BY 1",
            "SELECT NULL AS \"conname\", NULL AS c WHERE false",
        );
        check(
            "SELECT c.reloptions, array_to_string(c.reloptions, ',') AS o FROM pg_class AS c",
            "SELECT NULL AS \"reloptions\", NULL AS o FROM pg_class AS c",
        );
        check("SELECT relname FROM pg_class JOIN pg_index ON oid = indrelid", "SELECT NULL AS \"relname\" WHERE false");
        check(
            "SELECT unnest(conkey), max(x), max(y) FROM pg_constraint GROUP BY 1",
            "SELECT NULL AS \"unnest\", NULL AS \"max\", NULL AS \"max_2\" WHERE false",
        );
        // The catalogue of a relation without an index is not empty.
        let kept = "SELECT relname FROM pg_class LEFT JOIN pg_index ON oid = indrelid";
        check(kept, kept);
        let kept = "SELECT count(*) FROM pg_trigger";
        check(kept, kept);
        let kept = "SELECT * FROM pg_trigger";
        check(kept, kept);
        check(
            "SELECT relname, (SELECT adbin FROM pg_attrdef WHERE adrelid = oid) AS d FROM pg_class",
            "SELECT relname, NULL AS d FROM pg_class",
        );
        check(
            "SELECT relname FROM pg_class WHERE NOT EXISTS (SELECT 1 FROM pg_inherits)",
            "SELECT relname FROM pg_class WHERE true",
        );
        check(
            "SELECT result.x FROM (SELECT indkey AS x FROM pg_index) AS result WHERE result.a = (result.keys).x",
            "SELECT NULL AS \"x\" WHERE false",
        );
        check(
            "SELECT oid FROM pg_type WHERE (typreceive != 0 OR typsend <> 0) AND typrelid != 0",
            "SELECT oid FROM pg_type WHERE (typreceive <> '-' OR typsend <> '-') AND typrelid <> 0",
        );
        // ADBC's constraints.
        check(
            "WITH k AS (SELECT conname, unnest(conkey) AS key FROM pg_constraint), n AS (SELECT k.conname FROM k JOIN pg_class ON true) SELECT n.conname FROM n",
            "WITH k AS (SELECT NULL AS \"conname\", NULL AS key WHERE false), n AS (SELECT NULL AS \"conname\" WHERE false) SELECT NULL AS \"conname\" WHERE false",
        );
        // JDBC's types.
        check(
            "SELECT typinput = (SELECT oid FROM pg_catalog.pg_proc WHERE proname = 'array_in') AS is_array FROM pg_type",
            "SELECT typinput = 'array_in' AS is_array FROM pg_type",
        );
        // psql's \\d+.
        check(
            "SELECT array_to_string(c.reloptions || array(select 'toast.' || x from pg_catalog.unnest(tc.reloptions) x), ', ') FROM pg_class c",
            "SELECT NULL FROM pg_class c",
        );
    }

    #[test]
    fn what_the_engine_has_no_words_for_is_said_otherwise() {
        let check = |sql: &str, expect: &str| {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
            leave_out(&mut statement);
            assert_eq!(statement.to_string(), expect, "{sql}");
        };
        check(
            "SELECT oid FROM pg_type AS t WHERE (SELECT c.relkind = 'c' FROM pg_class AS c WHERE c.oid = t.typrelid)",
            "SELECT oid FROM pg_type AS t WHERE (SELECT bool_or(c.relkind = 'c') FROM pg_class AS c WHERE c.oid = t.typrelid)",
        );
        check(
            "SELECT (SELECT CASE WHEN b.oid = 16 THEN 1 ELSE 2 END FROM pg_type AS b WHERE b.oid = t.typbasetype) FROM pg_type AS t",
            "SELECT (SELECT max(CASE WHEN b.oid = 16 THEN 1 ELSE 2 END) FROM pg_type AS b WHERE b.oid = t.typbasetype) FROM pg_type AS t",
        );
        for kept in [
            "SELECT (SELECT typname FROM pg_type AS t WHERE t.typrelid = c.oid ORDER BY oid LIMIT 1) FROM pg_class AS c",
            "SELECT (SELECT typname FROM pg_type AS t GROUP BY typname) FROM pg_class AS c",
            "SELECT (SELECT count(*) FROM pg_type AS t) FROM pg_class AS c",
        ] {
            check(kept, kept);
        }
        check(
            "SELECT relname FROM pg_class WHERE array_contains($2, relkind)",
            "SELECT relname FROM pg_class WHERE strpos(concat(',', replace(replace(btrim($2, '{}'), '\"', ''), ', ', ','), ','), concat(',', relkind, ',')) > 0",
        );
        check("SELECT relname LIKE $1 ESCAPE '/' FROM pg_class", "SELECT relname LIKE replace($1, '/', '\\') FROM pg_class");
        check(
            "SELECT proname, NULL, NULL FROM pg_proc",
            "SELECT proname, NULL AS \"?column?\", NULL AS \"?column?_2\" FROM pg_proc",
        );
    }

    #[test]
    fn a_driver_finds_its_setting() {
        let sql = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_index_keys'";
        let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
        leave_out(&mut statement);
        let said = statement.to_string();
        assert!(
            said.contains("UNION ALL SELECT 'max_index_keys', '32'") && said.ends_with("WHERE name = 'max_index_keys'"),
            "{said}"
        );
    }
}
