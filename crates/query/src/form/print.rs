//! The SQL a form stands for. Everything but the values is ours; a value is printed by [`literal`] or [`identifier`] and nowhere else.

use std::fmt::Write;

use super::{
    Attribute, Comparison, Condition, Form, FormValue, Test,
    attributes::{From, Takes},
};
use crate::{ColumnHeader, Header, Query};

impl Form {
    /// The query it is: a segment like any other.
    pub fn query(&self, name: &str, file: &str) -> Query {
        let mut joins = Joins::default();
        let condition = root(&self.condition, &mut joins);
        let mut columns = vec![("customer_id".to_string(), "who.customer_id".to_string(), None)];
        for test in self.condition.tests() {
            let (alias, value) = joins.value(test);
            if !matches!(test.attribute.from, From::Among { .. }) && columns.iter().all(|(name, ..)| *name != alias) {
                columns.push((alias, value, Some(test.attribute)));
            }
        }
        let mut header = Header {
            title: line(&self.title.en),
            title_ja: line(&self.title.ja),
            description: line(&self.description.en),
            description_ja: line(&self.description.ja),
            ..Header::default()
        };
        if header.title.is_empty() {
            header.title = line(&self.title.ja);
        }
        let mut sql = format!("-- {}\n", header.title);
        // The first line in Japanese is the title's.
        let describes_in_ja = !header.description_ja.is_empty() && header.description_ja != header.description;
        if !header.title_ja.is_empty() && (describes_in_ja || header.title_ja != header.title) {
            let _ = writeln!(sql, "-- ja {}", header.title_ja);
        }
        sql.push_str("--\n");
        if !header.description.is_empty() {
            let _ = writeln!(sql, "-- {}", header.description);
        }
        if describes_in_ja && !header.title_ja.is_empty() {
            let _ = writeln!(sql, "-- ja {}", header.description_ja);
        }
        if !header.description.is_empty() || describes_in_ja {
            sql.push_str("--\n");
        }
        let customer = model::Text::new("会員ID", "Customer");
        for (name, _, attribute) in &columns {
            let (kind, label) =
                attribute.map_or((crate::Kind::Text, customer.clone()), |attribute| (attribute.holds.kind(), attribute.label()));
            let line = sql.lines().count() + 1;
            let _ = writeln!(sql, "-- column {name} {} ja:\"{}\" en:\"{}\"", kind.name(), label.ja, label.en);
            header.columns.push(ColumnHeader { name: name.clone(), kind, label, personal: None, line });
        }
        let selected: Vec<String> = columns
            .iter()
            .map(
                |(name, value, _)| {
                    if value.ends_with(&format!(".{name}")) { value.clone() } else { format!("{value} AS {name}") }
                },
            )
            .collect();
        let _ = write!(sql, "SELECT\n    {}\nFROM everybody AS who\n", selected.join(",\n    "));
        for join in &joins.joins {
            let _ =
                writeln!(sql, "LEFT JOIN {} AS {} ON {}.customer_id = who.customer_id", join.relation, join.alias, join.alias);
        }
        let _ = write!(sql, "WHERE {condition}\nORDER BY who.customer_id\n");
        Query { name: name.into(), file: file.into(), header, sql }
    }
}

/// What a form's conditions are about, each relation once.
#[derive(Default)]
struct Joins {
    joins: Vec<Join>,
}

struct Join {
    /// Whose it is; a relation with a row per customer is everybody's.
    of: Option<Test>,
    relation: String,
    alias: String,
}

impl Joins {
    /// The column a test's attribute is shown as, and its value as an expression.
    fn value(&mut self, test: &Test) -> (String, String) {
        let name = test.attribute.name;
        match &test.attribute.from {
            From::Row { relation, alias, value } => {
                if self.joins.iter().all(|join| join.alias != *alias) {
                    self.joins.push(Join { of: None, relation: relation.to_string(), alias: alias.to_string() });
                }
                (name.into(), value.to_string())
            }
            From::Rows { relation, value, otherwise } => {
                let of = alias_of(relation);
                let body = format!(
                    "SELECT {of}.customer_id, {value} AS value\n    FROM {relation}\n    WHERE {of}.customer_id IS NOT NULL"
                );
                let alias = self.narrowed(test, body, &format!("\n    GROUP BY {of}.customer_id"));
                (alias.clone(), format!("coalesce({alias}.value, {otherwise})"))
            }
            From::Among { relation, among } => {
                let of = alias_of(relation);
                let relation = match test.scope.iter().find(|(name, _)| takes(test.attribute, name) == Some(Takes::Segment)) {
                    Some((_, FormValue::Text(segment))) => relation.replacen('?', &identifier(segment), 1),
                    _ => relation.to_string(),
                };
                let mut body =
                    format!("SELECT DISTINCT {of}.customer_id\n    FROM {relation}\n    WHERE {of}.customer_id IS NOT NULL");
                if !among.is_empty() {
                    let _ = write!(body, " AND {among}");
                }
                let alias = self.narrowed(test, body, "");
                (alias.clone(), format!("{alias}.customer_id IS NOT NULL"))
            }
        }
    }

    /// The alias of a relation of the test's own: the same for tests that ask the same.
    fn narrowed(&mut self, test: &Test, mut body: String, end: &str) -> String {
        let same = |join: &&Join| join.of.as_ref().is_some_and(|of| of.attribute == test.attribute && of.scope == test.scope);
        if let Some(join) = self.joins.iter().find(same) {
            return join.alias.clone();
        }
        for (name, value) in &test.scope {
            if let Some(scope) = test.attribute.scopes.iter().find(|scope| scope.name == *name)
                && !scope.sql.is_empty()
            {
                let _ = write!(body, " AND {}", scope.sql.replacen('?', &literal(value), 1));
            }
        }
        let before = self.joins.iter().filter(|join| join.of.as_ref().is_some_and(|of| of.attribute == test.attribute)).count();
        let name = test.attribute.name;
        let alias = if before == 0 { name.to_string() } else { format!("{name}_{}", before + 1) };
        self.joins.push(Join { of: Some(test.clone()), relation: format!("(\n    {body}{end}\n)"), alias: alias.clone() });
        alias
    }
}

fn alias_of(relation: &str) -> &str {
    relation.split(" AS ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or(relation)
}

fn takes(attribute: &Attribute, scope: &str) -> Option<Takes> {
    attribute.scopes.iter().find(|known| known.name == scope).map(|known| known.takes)
}

/// The outermost condition has a line per member.
fn root(condition: &Condition, joins: &mut Joins) -> String {
    let mut lines = |members: &[Condition], between: &str| {
        members.iter().map(|member| inner(member, joins)).collect::<Vec<_>>().join(between)
    };
    match condition {
        Condition::All(members) => lines(members, "\n  AND "),
        Condition::Any(members) => lines(members, "\n   OR "),
        condition => inner(condition, joins),
    }
}

fn inner(condition: &Condition, joins: &mut Joins) -> String {
    let mut joined = |members: &[Condition], between: &str| {
        let members: Vec<String> = members.iter().map(|member| inner(member, joins)).collect();
        format!("({})", members.join(between))
    };
    match condition {
        Condition::All(members) => joined(members, " AND "),
        Condition::Any(members) => joined(members, " OR "),
        Condition::Not(condition) => format!("({}) IS NOT TRUE", inner(condition, joins)),
        Condition::Is(test) => {
            let (_, value) = joins.value(test);
            compared(&value, &test.comparison)
        }
    }
}

fn compared(left: &str, comparison: &Comparison) -> String {
    let list = |values: &[FormValue]| values.iter().map(literal).collect::<Vec<_>>().join(", ");
    match comparison {
        Comparison::Is(true) => left.to_string(),
        Comparison::Is(false) => format!("({left}) IS NOT TRUE"),
        Comparison::Equals(value) => format!("{left} = {}", literal(value)),
        // In parentheses, or an AND after it would be read as part of what stands on the right.
        Comparison::NotEquals(value) => format!("({left} IS DISTINCT FROM {})", literal(value)),
        Comparison::AtLeast(value) => format!("{left} >= {}", literal(value)),
        Comparison::AtMost(value) => format!("{left} <= {}", literal(value)),
        Comparison::MoreThan(value) => format!("{left} > {}", literal(value)),
        Comparison::LessThan(value) => format!("{left} < {}", literal(value)),
        Comparison::Between(low, high) => format!("{left} BETWEEN {} AND {}", literal(low), literal(high)),
        Comparison::OneOf(values) => format!("{left} IN ({})", list(values)),
        Comparison::NoneOf(values) => format!("({left} IN ({})) IS NOT TRUE", list(values)),
        Comparison::Contains(text) => format!("strpos({left}, {}) > 0", quoted(text)),
        Comparison::StartsWith(text) => format!("starts_with({left}, {})", quoted(text)),
        Comparison::DaysAgoAtLeast(days) => format!("{left} <= add_days($today, 0 - {days})"),
        Comparison::DaysAgoAtMost(days) => format!("{left} >= add_days($today, 0 - {days})"),
        Comparison::Known(true) => format!("{left} IS NOT NULL"),
        Comparison::Known(false) => format!("{left} IS NULL"),
    }
}

/// A value as SQL.
fn literal(value: &FormValue) -> String {
    match value {
        FormValue::Int(value) => value.to_string(),
        FormValue::Money(value) => format!("CAST('{value}' AS DECIMAL(18, 4))"),
        FormValue::Rate(value) => format!("CAST('{value}' AS DOUBLE)"),
        FormValue::Text(text) => quoted(text),
        FormValue::Date(day) => format!("CAST('{day}' AS DATE)"),
    }
}

/// In standard SQL a quote is the only character that means something inside quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as one line of a comment.
fn line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}').collect::<Vec<_>>().join(" ").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sql_of_a_form() {
        let text = "title = { ja = \"x\", en = \"Quiet buyers\\nof tea\" }\n\
                    all = [\n\
                    { attribute = \"orders\", at_least = 2 },\n\
                    { any = [{ attribute = \"prefecture\", one_of = [\"東京都\", \"O'Hara\"] }, { attribute = \"net_revenue\", more_than = 9800.5 }] },\n\
                    { not = { attribute = \"orders_within\", days = 30, at_least = 1 } },\n\
                    { attribute = \"consent\", channel = \"line\", purpose = \"marketing\", is = true },\n\
                    { attribute = \"in_segment\", segment = \"dormant_top_ltv\", is = false },\n\
                    ]\n";
        let query = Form::parse("x.toml", text).expect("a form").query("segments/x", "x.toml");
        assert_eq!(
            query.sql,
            "-- Quiet buyers of tea\n\
             -- ja x\n\
             --\n\
             -- column customer_id text ja:\"会員ID\" en:\"Customer\"\n\
             -- column orders int ja:\"注文数\" en:\"Orders\"\n\
             -- column prefecture text ja:\"都道府県\" en:\"Prefecture\"\n\
             -- column net_revenue money ja:\"純売上\" en:\"Net revenue\"\n\
             -- column orders_within int ja:\"期間内の注文数\" en:\"Orders in a period\"\n\
             SELECT\n    \
             who.customer_id,\n    \
             coalesce(rank.orders, 0) AS orders,\n    \
             profile.prefecture,\n    \
             coalesce(rank.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue,\n    \
             coalesce(orders_within.value, 0) AS orders_within\n\
             FROM everybody AS who\n\
             LEFT JOIN customer_ranks AS rank ON rank.customer_id = who.customer_id\n\
             LEFT JOIN customers AS profile ON profile.customer_id = who.customer_id\n\
             LEFT JOIN (\n    \
             SELECT purchase.customer_id, count(*) AS value\n    \
             FROM purchases AS purchase\n    \
             WHERE purchase.customer_id IS NOT NULL AND purchase.ordered_on > add_days($today, 0 - 30)\n    \
             GROUP BY purchase.customer_id\n\
             ) AS orders_within ON orders_within.customer_id = who.customer_id\n\
             LEFT JOIN (\n    \
             SELECT DISTINCT said.customer_id\n    \
             FROM consents AS said\n    \
             WHERE said.customer_id IS NOT NULL AND said.state = 'granted' AND said.channel = 'line' AND said.purpose = 'marketing'\n\
             ) AS consent ON consent.customer_id = who.customer_id\n\
             LEFT JOIN (\n    \
             SELECT DISTINCT said.customer_id\n    \
             FROM segment.\"dormant_top_ltv\" AS said\n    \
             WHERE said.customer_id IS NOT NULL\n\
             ) AS in_segment ON in_segment.customer_id = who.customer_id\n\
             WHERE coalesce(rank.orders, 0) >= 2\n  \
             AND (profile.prefecture IN ('東京都', 'O''Hara') OR coalesce(rank.net_revenue, CAST(0 AS DECIMAL(18, 4))) > CAST('9800.5' AS DECIMAL(18, 4)))\n  \
             AND (coalesce(orders_within.value, 0) >= 1) IS NOT TRUE\n  \
             AND consent.customer_id IS NOT NULL\n  \
             AND (in_segment.customer_id IS NOT NULL) IS NOT TRUE\n\
             ORDER BY who.customer_id\n"
        );
    }
}
