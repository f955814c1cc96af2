//! Why somebody is in a segment or is not: its condition taken apart into clauses, asked for one more at a time, so that an answer names
//! the first that fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Distinct, Expr, GroupByExpr, Ident, Query as Ast, Select, SelectItem, SetExpr, Statement, TableFactor,
        visit_expressions,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::Tokenizer,
};

use crate::{Desk, Header, Param, ParamKind, ParamValue, Params, Query, QueryError, Value};

/// A segment whose last SELECT is a plain one: rows, less those for which a clause does not hold.
#[derive(Debug, Clone)]
pub struct Clauses {
    query: Query,
    ast: Ast,
    select: Select,
    customer: Expr,
    clauses: Vec<Expr>,
}

/// One clause and one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub clause: String,
    /// It holds in a row of the customer: in one for which all clauses before it hold, where there is one, else in any.
    pub holds: bool,
    /// What it compares, in the customer's rows, as SQL and value.
    pub values: Vec<(String, Value)>,
}

/// Where a customer falls out of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Falls {
    /// No row of what it selects from is the customer's.
    BeforeAny,
    /// At this clause, counted from 0.
    At(usize),
    /// Every clause holds.
    Nowhere,
}

/// Where a customer falls out, and what the clause there compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    pub falls: Falls,
    pub values: Vec<(String, Value)>,
}

impl Clauses {
    /// `None` where the last SELECT is not one condition on rows: a union, a grouping, a limit.
    pub fn read(query: &Query) -> Result<Option<Clauses>, QueryError> {
        // What is wrong with it is said from here.
        crate::statement::Tokens::read(&query.file, &query.sql)?.statement()?;
        let dialect = PostgreSqlDialect {};
        // Unescaped text would be printed back without its escapes.
        let tokens = Tokenizer::new(&dialect, &query.sql).with_unescape(false).tokenize().unwrap_or_default();
        let Ok(statement) = Parser::new(&dialect).with_tokens(tokens).parse_statement() else { return Ok(None) };
        let Statement::Query(ast) = statement else { return Ok(None) };
        let SetExpr::Select(select) = ast.body.as_ref() else { return Ok(None) };
        let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty()) || select.having.is_some();
        // It keeps one row of several, whoever else is in them.
        let one_of_several = matches!(select.distinct, Some(Distinct::On(_)));
        if grouped || one_of_several || select.qualify.is_some() || ast.limit_clause.is_some() || ast.fetch.is_some() {
            return Ok(None);
        }
        let customer = select.projection.iter().find_map(customer).filter(is_of_a_row);
        let Some(customer) = customer else { return Ok(None) };
        let mut clauses = Vec::new();
        if let Some(condition) = &select.selection {
            split(condition, &mut clauses);
        }
        Ok(Some(Clauses { query: query.clone(), select: (**select).clone(), ast: *ast, customer, clauses }))
    }

    /// The clauses as SQL, in the order of the file.
    pub fn texts(&self) -> Vec<String> {
        self.clauses.iter().map(ToString::to_string).collect()
    }

    /// Where each of these customers falls out, at the desk's moment.
    pub async fn falls(
        &self,
        desk: &Desk,
        params: &Params,
        customers: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Falls>, QueryError> {
        let mut left = customers.clone();
        let mut found = BTreeMap::new();
        for held in 0..=self.clauses.len() {
            if left.is_empty() {
                break;
            }
            let rows = self.ask(desk, params, &self.clauses[..held], &[], None).await?;
            let there: BTreeSet<String> = rows.iter().filter_map(|row| row.first()).map(Value::plain).collect();
            let falls = held.checked_sub(1).map_or(Falls::BeforeAny, Falls::At);
            found.extend(left.iter().filter(|customer| !there.contains(*customer)).map(|customer| (customer.clone(), falls)));
            left.retain(|customer| there.contains(customer));
        }
        found.extend(left.into_iter().map(|customer| (customer, Falls::Nowhere)));
        Ok(found)
    }

    /// Where each of these customers falls out, with the values of the clause that fails there.
    pub async fn flips(
        &self,
        desk: &Desk,
        params: &Params,
        customers: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Flip>, QueryError> {
        let falls = self.falls(desk, params, customers).await?;
        let mut at: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (customer, falls) in &falls {
            if let Falls::At(clause) = falls {
                at.entry(*clause).or_default().insert(customer.clone());
            }
        }
        let mut values = BTreeMap::new();
        for (clause, customers) in &at {
            // They have a row for which all clauses before this one hold.
            values.extend(self.values(desk, params, *clause, *clause, customers).await?);
        }
        let flip = |(customer, falls): (String, Falls)| {
            let values = values.remove(&customer).unwrap_or_default();
            (customer, Flip { falls, values })
        };
        Ok(falls.into_iter().map(flip).collect())
    }

    /// What a clause compares for each of these customers, in a row for which the first `held` clauses hold.
    pub(super) async fn values(
        &self,
        desk: &Desk,
        params: &Params,
        clause: usize,
        held: usize,
        customers: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<(String, Value)>>, QueryError> {
        let mut compared = Vec::new();
        operands(&self.clauses[clause], &mut compared);
        if compared.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut found = BTreeMap::new();
        for row in self.ask(desk, params, &self.clauses[..held], &compared, None).await? {
            let mut row = row.into_iter();
            let customer = row.next().map(|customer| customer.plain()).unwrap_or_default();
            if customers.contains(&customer) {
                found.entry(customer).or_insert_with(|| compared.iter().map(ToString::to_string).zip(row).collect());
            }
        }
        Ok(found)
    }

    pub fn len(&self) -> usize {
        self.clauses.len()
    }

    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The segment whose members this one's rows are, where that is what it selects from.
    pub fn inner(&self) -> Option<String> {
        let [from] = &self.select.from[..] else { return None };
        if !from.joins.is_empty() {
            return None;
        }
        let TableFactor::Table { name, .. } = &from.relation else { return None };
        let names: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        match names[..] {
            [schema, name] if schema.value.eq_ignore_ascii_case(crate::desk::SEGMENT_SCHEMA) => {
                Some(if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() })
            }
            _ => None,
        }
    }

    /// Every clause for one customer, and whether a row is left for which all hold; nothing where no row is the customer's.
    pub async fn explain(&self, desk: &Desk, params: &Params, customer: &str) -> Result<(Vec<Held>, bool), QueryError> {
        let mut explained = Vec::new();
        // Whether a row is left for which all clauses so far hold.
        let mut is_left = !self.ask(desk, params, &[], &[], Some(customer)).await?.is_empty();
        if !is_left {
            return Ok((explained, false));
        }
        for (index, clause) in self.clauses.iter().enumerate() {
            let mut compared = Vec::new();
            operands(clause, &mut compared);
            // The rows that came as far as this clause; once there are none, all of theirs.
            let before = if is_left { &self.clauses[..index] } else { &[] };
            let reached: Vec<Expr> = before.iter().chain([clause]).cloned().collect();
            let holds = !self.ask(desk, params, &reached, &[], Some(customer)).await?.is_empty();
            let rows = self.ask(desk, params, if holds { &reached[..] } else { before }, &compared, Some(customer)).await?;
            let row = rows.into_iter().next().unwrap_or_default();
            let values = compared.iter().map(ToString::to_string).zip(row.into_iter().skip(1)).collect();
            explained.push(Held { clause: clause.to_string(), holds, values });
            is_left &= holds;
        }
        Ok((explained, is_left))
    }

    /// The segment's rows under some of its clauses: the customer, then `columns`. The customer asked for is a bound value.
    async fn ask(
        &self,
        desk: &Desk,
        params: &Params,
        clauses: &[Expr],
        columns: &[Expr],
        only: Option<&str>,
    ) -> Result<Vec<Vec<Value>>, QueryError> {
        const ONLY: &str = "explained_customer";
        let alias = |expr: &Expr, name: String| SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(name) };
        let mut select = self.select.clone();
        select.projection = vec![alias(&self.customer, "customer_id".into())];
        select.projection.extend(columns.iter().enumerate().map(|(index, column)| alias(column, format!("v{index}"))));
        let mut condition = clauses.iter().map(|clause| Expr::Nested(Box::new(clause.clone()))).reduce(and);
        let mut header = Header { params: self.query.header.params.clone(), ..Header::default() };
        let mut params = params.clone();
        if let Some(customer) = only {
            let placeholder = Expr::Identifier(Ident::new(format!("${ONLY}")));
            let equal =
                Expr::BinaryOp { left: Box::new(self.customer.clone()), op: BinaryOperator::Eq, right: Box::new(placeholder) };
            condition = Some(condition.map_or(equal.clone(), |condition| and(condition, equal)));
            header.params.push(Param { name: ONLY.into(), kind: ParamKind::Text, default: None, label: Default::default() });
            params.insert(ONLY.into(), ParamValue::Text(customer.into()));
        }
        select.selection = condition;
        let mut ast = self.ast.clone();
        ast.order_by = None;
        *ast.body = SetExpr::Select(Box::new(select));
        let query = Query { header, sql: ast.to_string(), ..self.query.clone() };
        let (schema, batches) = desk.batches(&query, &params).await?;
        crate::run::answer(&query.file, None, &schema, &batches).map(|answer| answer.rows)
    }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

fn customer(item: &SelectItem) -> Option<Expr> {
    let named = |name: &Ident| name.value.eq_ignore_ascii_case("customer_id");
    match item {
        SelectItem::UnnamedExpr(expr @ Expr::Identifier(name)) if named(name) => Some(expr.clone()),
        SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(path)) if path.last().is_some_and(named) => Some(expr.clone()),
        SelectItem::ExprWithAlias { expr, alias } if named(alias) => Some(expr.clone()),
        _ => None,
    }
}

/// Not of several rows, as an aggregate is; of functions only one that is sure to be none.
fn is_of_a_row(customer: &Expr) -> bool {
    let found = visit_expressions(customer, |part| match part {
        Expr::Function(call) if !call.name.to_string().eq_ignore_ascii_case("coalesce") => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_continue()
}

/// The members of a conjunction, through brackets.
fn split(condition: &Expr, into: &mut Vec<Expr>) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            split(left, into);
            split(right, into);
        }
        Expr::Nested(inner) => split(inner, into),
        clause => into.push(clause.clone()),
    }
}

/// What a clause compares: both sides of a comparison, unless a side is a constant or a question of its own.
fn operands(clause: &Expr, into: &mut Vec<Expr>) {
    match clause {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            operands(left, into);
            operands(right, into);
        }
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner) => operands(inner, into),
        Expr::BinaryOp { left, right, .. } | Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            into.extend(sides([left, right]));
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => into.extend(sides([inner])),
        Expr::Between { expr, low, high, .. } => into.extend(sides([expr, low, high])),
        Expr::InList { expr, .. } | Expr::Like { expr, .. } => into.extend(sides([expr])),
        _ => {}
    }
}

fn sides<'a>(of: impl IntoIterator<Item = &'a Box<Expr>>) -> Vec<Expr> {
    let shown = |expr: &&Expr| !matches!(expr, Expr::Value(_)) && !asks(expr);
    of.into_iter().map(Box::as_ref).filter(shown).cloned().collect()
}

/// A question of its own is somewhere inside.
fn asks(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |expr| match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clause_compares_can_be_shown() {
        let check = |clause: &str, expect: &[&str]| {
            let query = crate::ad_hoc(&format!("SELECT customer_id FROM t WHERE {clause}"));
            let clauses = Clauses::read(&query).expect("readable").expect("plain");
            let mut compared = Vec::new();
            operands(&clauses.clauses[0], &mut compared);
            assert_eq!(compared.iter().map(ToString::to_string).collect::<Vec<_>>(), expect, "{clause}");
        };
        check("a < add_days($today, 3)", &["a", "add_days($today, 3)"]);
        check("a = 'SELECT'", &["a"]);
        check("a || 'SELECT' = b", &["a || 'SELECT'", "b"]);
        check("a > (SELECT max(b) FROM u)", &["a"]);
        check("EXISTS (SELECT 1 FROM u)", &[]);
        check("a IN (1, 2) OR NOT b IS NULL", &["a", "b"]);
        check("(a > 3) IS NOT TRUE", &["a"]);
        check("a IS DISTINCT FROM 'x'", &["a"]);
    }

    #[test]
    fn a_condition_is_taken_apart() {
        let check = |sql: &str, expect: Option<&[&str]>| {
            let clauses = Clauses::read(&crate::ad_hoc(sql)).expect("readable");
            assert_eq!(
                clauses.map(|clauses| clauses.texts()).as_deref(),
                expect.map(|list| list.iter().map(|text| text.to_string()).collect::<Vec<_>>()).as_deref(),
                "{sql}"
            );
        };
        check("SELECT customer_id FROM t WHERE a = 1 AND (b < $n AND (c OR d))", Some(&["a = 1", "b < $n", "c OR d"]));
        check("SELECT x.customer_id FROM t AS x WHERE a = 'it''s'", Some(&["a = 'it''s'"]));
        check("SELECT id AS customer_id FROM t ORDER BY 1", Some(&[]));
        check("SELECT customer_id FROM t WHERE a BETWEEN 1 AND 2", Some(&["a BETWEEN 1 AND 2"]));
        check("SELECT customer_id FROM t GROUP BY customer_id", None);
        check("SELECT customer_id FROM t UNION SELECT customer_id FROM u", None);
        check("SELECT customer_id FROM t LIMIT 3", None);
        check("SELECT DISTINCT customer_id FROM t WHERE a = 1", Some(&["a = 1"]));
        check("SELECT DISTINCT ON (a) customer_id FROM t WHERE a = 1", None);
        check("SELECT max(customer_id) AS customer_id FROM t", None);
        check("SELECT first_value(customer_id) OVER (ORDER BY a) AS customer_id FROM t", None);
        check("SELECT coalesce(a, b) AS customer_id FROM t", Some(&[]));
        check("SELECT other FROM t", None);
    }

    #[test]
    fn the_segment_it_selects_from() {
        let check = |from: &str, expect: Option<&str>| {
            let query = crate::ad_hoc(&format!("SELECT x.customer_id FROM {from} AS x WHERE a = 1"));
            let clauses = Clauses::read(&query).expect("readable").expect("plain");
            assert_eq!(clauses.inner().as_deref(), expect, "{from}");
        };
        check("segment.dormant", Some("dormant"));
        check("Segment.\"Own\"", Some("Own"));
        check("customers", None);
        check("other.dormant", None);
    }
}
