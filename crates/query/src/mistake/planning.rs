//! Questions that can be read and not be answered: names that do not exist, types that do not fit, rows and groups mixed up.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Column, SchemaError,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    logical_expr::{Expr, LogicalPlan},
    sql::sqlparser::{
        ast::{Ident, Select, SelectItem, SetExpr, Statement, TableFactor, Visit, Visitor},
        tokenizer::Token,
    },
};

use super::{Mistake, Place, dialect, listed, nearest, running};
use crate::{functions, statement::Tokens};

/// What a text says of itself: what it names, and what may be named.
pub(crate) struct Scene<'a> {
    pub tokens: &'a Tokens,
    /// Read from the tokens; missing where they are no statement.
    pub statement: Option<&'a Statement>,
    pub relations: &'a [String],
    pub functions: &'a [String],
}

/// The planner's error as a mistake of the text.
pub(crate) fn mistake(scene: &Scene, error: &DataFusionError) -> Mistake {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(Place::from);
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema, _) = root {
        return names(scene, schema, span);
    }
    let text = root.strip_backtrace();
    let text = strip(&text);
    if let Some((function, call)) = functions::misfit(&error.strip_backtrace()) {
        return call_misfit(scene, function, call);
    }
    relation(scene, text, span)
        .or_else(|| unknown_function(scene, text, span))
        .or_else(|| other_misfit(scene, text))
        .or_else(|| groups(scene, text, span))
        .or_else(|| shape(scene, text))
        .or_else(|| types(scene, text, span))
        .or_else(|| values(scene, text))
        .unwrap_or_else(|| {
            let first = text.lines().next().unwrap_or(text);
            Mistake::new(
                span.unwrap_or_else(|| scene.tokens.start()),
                plain_types(first),
                "`tsubame dictionary TABLE` lists the columns with their types, `tsubame functions` what can be computed from them",
            )
        })
}

/// Without the engine's prefixes.
fn strip(text: &str) -> &str {
    const PREFIXES: [&str; 9] = [
        "Error during planning: ",
        "Execution error: ",
        "Schema error: ",
        "Arrow error: ",
        "Optimizer rule 'simplify_expressions' failed\ncaused by\n",
        "This feature is not implemented: ",
        "type_coercion\ncaused by\n",
        "Invalid or Unsupported Configuration: ",
        "SQL error: ",
    ];
    let mut text = text.trim();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest.trim();
    }
    text
}

fn names(scene: &Scene, error: &SchemaError, span: Option<Place>) -> Mistake {
    let word = |name: &str| span.or_else(|| scene.find(name)).unwrap_or_else(|| scene.tokens.start());
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let place = word(&field.name);
            let (message, remedy) = missing(scene, field, valid_fields, place);
            Mistake::new(place, message, remedy)
        }
        SchemaError::AmbiguousReference { field } => {
            let name = &field.name;
            let qualified: Vec<String> = scene.sources().iter().map(|source| format!("{}.{name}", source.called)).collect();
            let remedy = match qualified.is_empty() {
                true => format!("say which table's: t.{name}"),
                false => format!("say which table's: {}", qualified.join(" or ")),
            };
            Mistake::new(word(name), format!("`{name}` is a column of more than one table here"), remedy)
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => twice(scene, name),
    }
}

fn missing(scene: &Scene, field: &Column, valid: &[Column], place: Place) -> (String, String) {
    let name = field.name.as_str();
    let quoted = scene.token_at(place).is_some_and(|token| matches!(token, Token::Word(word) if word.quote_style == Some('"')));
    let near = nearest(name, valid.iter().map(|column| column.name.as_str()));
    if let Some(relation) = &field.relation {
        let table = relation.table();
        let of_table: Vec<&str> = valid
            .iter()
            .filter(|column| column.relation.as_ref().is_some_and(|other| other.table() == table))
            .map(|column| column.name.as_str())
            .collect();
        if !of_table.is_empty() {
            let remedy = match nearest(name, of_table.iter().copied()) {
                Some(near) => format!("did you mean {table}.{near}?"),
                None => format!("it has {}", listed(of_table, 12)),
            };
            return (format!("`{table}` has no column `{name}`"), remedy);
        }
        let sources = scene.sources();
        if let Some(source) = sources.iter().find(|source| source.table == table && source.called != table) {
            return (format!("`{table}` is called `{}` here", source.called), format!("write {}.{name}", source.called));
        }
        let called = sources.iter().map(|source| source.called.as_str());
        let remedy = match nearest(table, called.clone()) {
            Some(near) => format!("did you mean {near}.{name}?"),
            None if sources.is_empty() => format!("add `{table}` to FROM"),
            None => format!("FROM has {}", listed(called, 12)),
        };
        return (format!("there is no table `{table}` in FROM"), remedy);
    }
    if quoted && near.is_none() {
        return (
            format!("\"{name}\" in double quotes is a column, and there is none of that name"),
            format!("a text takes single quotes: '{name}'"),
        );
    }
    if matches!(name, "curdate" | "getdate" | "sysdate")
        && let Some(call) = dialect::instead(name)
    {
        return (format!("there is no function `{name}`"), call.into());
    }
    if let Some(clause) = scene.alias_before_its_time(name, place) {
        return (
            format!("`{name}` is named by this SELECT, and {clause} comes before it"),
            "repeat what it stands for, or put the SELECT into brackets: SELECT … FROM (SELECT …) AS t WHERE …".into(),
        );
    }
    if valid.is_empty() {
        return (
            format!("`{name}` is a column of no table: there is no FROM before it"),
            "add FROM, or write a text in single quotes".into(),
        );
    }
    let remedy = match near {
        Some(near) => format!("did you mean {near}?"),
        None => {
            let mut columns: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
            columns.dedup();
            format!("there is {}", listed(columns, 12))
        }
    };
    (format!("there is no column `{name}`"), remedy)
}

fn twice(scene: &Scene, name: &str) -> Mistake {
    let place = scene.all(name).last().copied().unwrap_or_else(|| scene.tokens.start());
    Mistake::new(place, format!("two columns are named `{name}`"), "give one of them another name with AS")
}

fn relation(scene: &Scene, text: &str, span: Option<Place>) -> Option<Mistake> {
    let name = text.strip_prefix("table '")?.split_once("' not found")?.0;
    let is_segment = name.contains(".segment.");
    let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
    let place = span.or_else(|| scene.find(name)).unwrap_or_else(|| scene.tokens.start());
    if is_segment {
        let known = scene.relations.iter().filter_map(|known| known.strip_prefix("segment."));
        let remedy = match nearest(name, known) {
            // What is not in lower case takes quotes.
            Some(near) if near.to_lowercase() != near => format!("did you mean segment.\"{near}\"?"),
            Some(near) => format!("did you mean segment.{near}?"),
            None => "`tsubame segment list` shows all segments".into(),
        };
        return Some(Mistake::new(place, format!("there is no segment `{name}`"), remedy));
    }
    if scene.relations.iter().any(|known| known.strip_prefix("segment.") == Some(name)) {
        return Some(Mistake::new(
            place,
            format!("there is no table `{name}`"),
            format!("the segment of that name is segment.{name}"),
        ));
    }
    let remedy = match nearest(name, scene.relations.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => "`tsubame dictionary` lists the tables".into(),
    };
    Some(Mistake::new(place, format!("there is no table `{name}`"), remedy))
}

fn unknown_function(scene: &Scene, text: &str, span: Option<Place>) -> Option<Mistake> {
    let (name, _) = text.strip_prefix("Invalid function '").and_then(|rest| rest.split_once('\''))?;
    let place = span.or_else(|| scene.find(name)).unwrap_or_else(|| scene.tokens.start());
    if scene.functions.iter().any(|known| known == name) {
        return Some(Mistake::new(
            place,
            format!("`{name}` looks at other rows, and nothing says in which order"),
            format!("write {name}() OVER (ORDER BY …)"),
        ));
    }
    let remedy = match dialect::instead(&name.to_lowercase()) {
        Some(remedy) => remedy.into(),
        None => match nearest(name, scene.functions.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "`tsubame functions` lists those of the shop; the others are PostgreSQL's".into(),
        },
    };
    Some(Mistake::new(place, format!("there is no function `{name}`"), remedy))
}

/// One of our functions, called with what it does not take.
fn call_misfit(scene: &Scene, function: &functions::Function, call: &str) -> Mistake {
    let place = scene.find(function.name).unwrap_or_else(|| scene.tokens.start());
    let mut remedy = format!("it is {}", function.signature());
    let given = call.split_once('(').map_or("", |(_, given)| given.trim_end_matches(')'));
    let wants = |of: functions::Type| function.takes.iter().any(|arg| arg.of == of);
    if given.contains("instant") && wants(functions::Type::Date) && !wants(functions::Type::Instant) {
        remedy.push_str("; shop_day(instant) is an instant's day");
    } else if given.split(", ").any(|of| of == "date") && wants(functions::Type::Instant) && !wants(functions::Type::Date) {
        remedy.push_str("; shop_midnight(date) is the instant at which a day starts");
    }
    Mistake::new(place, format!("{call} does not exist: the function takes something else"), remedy)
}

/// Another function, called with what it does not take.
fn other_misfit(scene: &Scene, text: &str) -> Option<Mistake> {
    let name = quoted_after(text, "call to '")
        .or_else(|| quoted_after(text, "call to the '"))
        .or_else(|| text.contains("does not support zero arguments").then(|| quoted_after(text, "'")).flatten())
        .or_else(|| quoted_after(text, "argument types '").and_then(|call| call.split('(').next()))
        .or_else(|| quoted_after(text, "Function '"))
        .or_else(|| text.contains("function").then(|| quoted_after(text, "'")).flatten())?;
    if !text.contains("oerce") && !text.contains("argument") && !text.contains("coercion") {
        return None;
    }
    let place = scene.find(name).unwrap_or_else(|| scene.tokens.start());
    let given = quoted_after(text, "argument types '").map(plain_types);
    let message = match &given {
        Some(call) => format!("{call} does not exist: the function takes something else"),
        None => format!("{name} does not take what it is given here"),
    };
    let mut candidates: Vec<String> = Vec::new();
    for line in text.split_once("Candidate functions:").map_or("", |(_, list)| list).lines() {
        let candidate = plain_types(line.trim());
        if !candidate.is_empty() && !candidates.contains(&candidate) && candidates.len() < 3 {
            candidates.push(candidate);
        }
    }
    let remedy = match candidates.is_empty() {
        true => "give it as many values as it takes, or CAST them to the types it takes".into(),
        false => format!("there is {}; CAST what does not fit", candidates.join(" or ")),
    };
    Some(Mistake::new(place, message, remedy))
}

fn quoted_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once('\'')?.0)
}

/// A condition on rows that asks a window function, which is computed after it. The planner lets it pass.
pub(crate) fn window_in_condition(tokens: &Tokens, plan: &LogicalPlan) -> Option<Mistake> {
    let mut found = false;
    let _ = plan.apply(|node| {
        if let LogicalPlan::Filter(filter) = node {
            found |= filter.predicate.exists(|expr| Ok(matches!(expr, Expr::WindowFunction(_))))?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    let words: Vec<(String, Place)> = tokens.placed_words().collect();
    let clause = words.iter().position(|(word, _)| matches!(word.as_str(), "where" | "having")).unwrap_or(0);
    let over = words[clause..].iter().find(|(word, _)| word == "over").map_or_else(|| tokens.start(), |(_, place)| *place);
    found.then(|| {
        Mistake::new(
            over,
            "a window function is computed after WHERE, GROUP BY and HAVING",
            "write the condition in QUALIFY behind them: QUALIFY row_number() OVER (…) = 1",
        )
    })
}

/// Rows and groups mixed up.
fn groups(scene: &Scene, text: &str, span: Option<Place>) -> Option<Mistake> {
    if text.contains("must appear in the GROUP BY clause") {
        let column = text.split("column \"").nth(1)?.split('"').next()?;
        let name = column.rsplit('.').next().unwrap_or(column);
        let clause = if text.starts_with("Column in HAVING") {
            "HAVING"
        } else if text.starts_with("Column in ORDER BY") {
            "ORDER BY"
        } else {
            "SELECT"
        };
        return Some(Mistake::new(
            span.or_else(|| scene.find(name)).unwrap_or_else(|| scene.tokens.start()),
            format!("`{column}` differs within a group, and {clause} has one row per group"),
            match clause {
                "HAVING" => "write a condition on rows in WHERE; HAVING is one on groups, such as count(*) > 1".into(),
                _ => format!("add it to GROUP BY, or take one of its values: max({name})"),
            },
        ));
    }
    let lower = text.to_lowercase();
    if lower.contains("cannot be nested") || lower.contains("cannot contain") && lower.contains("function calls") {
        let place = span.or_else(|| scene.nested_aggregate()).unwrap_or_else(|| scene.tokens.start());
        return Some(Mistake::new(
            place,
            "an aggregate stands within another",
            "aggregate in a question of its own first: SELECT avg(n) FROM (SELECT count(*) AS n FROM … GROUP BY …) AS t",
        ));
    }
    if lower.contains("aggregate") && (lower.contains("where") || lower.contains("filter") || lower.contains("not allowed")) {
        let place = span.or_else(|| scene.aggregate_in_where()).unwrap_or_else(|| scene.tokens.start());
        return Some(Mistake::new(
            place,
            "WHERE looks at one row, an aggregate at many",
            "write the condition in HAVING, behind GROUP BY",
        ));
    }
    None
}

/// Questions joined that do not have the same columns, and the like.
fn shape(scene: &Scene, text: &str) -> Option<Mistake> {
    let at = |name: &str| scene.find(name).unwrap_or_else(|| scene.tokens.start());
    if text.starts_with("Dot access not supported") {
        return Some(Mistake::new(
            scene.tokens.start(),
            "a member is not picked with a dot",
            "write it in brackets: wilson(x, n)['low']",
        ));
    }
    if text.starts_with("The window") && text.contains("is not defined") {
        return Some(Mistake::new(at("over"), "OVER says nothing", "write OVER (PARTITION BY … ORDER BY …), or OVER ()"));
    }
    if text == "TOP" {
        return Some(Mistake::new(at("top"), "TOP is not understood", "write LIMIT at the end"));
    }
    if text.contains("Physical plan does not support logical expression")
        && ["Subquery", "Exists", "OuterReference"].iter().any(|kind| text.contains(kind))
    {
        let place = scene.subquery().unwrap_or_else(|| scene.tokens.start());
        return Some(Mistake::new(
            place,
            "a question in brackets that looks at the row around it cannot be answered here",
            "write it as a JOIN: JOIN (SELECT customer_id, … GROUP BY customer_id) AS t ON t.customer_id = …",
        ));
    }
    if text.contains("Projections require unique expression names") {
        let name = text.split("expression \"").nth(1)?.split('"').next()?;
        let name = name.rsplit([' ', '.']).next().unwrap_or(name);
        return Some(twice(scene, name));
    }
    if text.contains("UNION") && text.contains("columns") || text.contains("queries have different number of columns") {
        return Some(Mistake::new(
            at("union"),
            "the two sides of UNION have different columns",
            "select as many on both sides, in the same order",
        ));
    }
    if text.contains("should only return one column")
        || text.contains("Too many columns")
        || text.contains("must return exactly one column")
        || text.contains("only return one column")
    {
        let place = scene.subquery().unwrap_or_else(|| scene.tokens.start());
        return Some(Mistake::new(
            place,
            "a question within a condition must have one column",
            "select the one that is compared",
        ));
    }
    if text.contains("ORDER BY position")
        || text.contains("Order by column out of bounds")
        || text.contains("out of bounds") && text.contains("rder")
    {
        return Some(Mistake::new(at("order"), "ORDER BY counts further than there are columns", "name the column"));
    }
    if text.contains("HAVING clause references") || text.contains("HAVING") && text.contains("aggregate") {
        return Some(Mistake::new(
            at("having"),
            "HAVING is a condition on groups, and there are none",
            "write the condition in WHERE, or add GROUP BY",
        ));
    }
    None
}

/// Comparisons and arithmetic of things that do not go together.
fn types(scene: &Scene, text: &str, span: Option<Place>) -> Option<Mistake> {
    let (left, operator, right) = if let Some(rest) = text.split("Cannot coerce arithmetic expression ").nth(1) {
        operands(rest.split(" to valid types").next()?)?
    } else if let Some(rest) = text.split("comparison operation ").nth(1) {
        operands(rest)?
    } else if let Some(rest) = text.split("logical boolean operation ").nth(1) {
        operands(rest)?
    } else {
        return None;
    };
    let place = span.or_else(|| scene.operator(&operator)).unwrap_or_else(|| scene.tokens.start());
    let either = |one: &str, other: &str| (left == one && right == other) || (left == other && right == one);
    let message = match operator.as_str() {
        "+" | "-" | "*" | "/" | "%" => format!("{left} {operator} {right} cannot be computed"),
        "AND" | "OR" => format!("{operator} joins conditions, not {left} and {right}"),
        _ => format!("{left} {operator} {right}: the two cannot be compared"),
    };
    let remedy = if matches!(operator.as_str(), "AND" | "OR") {
        "write a condition on both sides, such as x > 0"
    } else if either("instant", "int") {
        "write add_seconds(instant, 3600), or seconds_between(a, b)"
    } else if either("date", "int") || either("date", "float") {
        "write add_days(date, 30), or days_between(a, b)"
    } else if either("date", "text") || either("instant", "text") {
        "write a date as DATE '2026-06-01', an instant as '2026-06-01T00:00:00+09:00'"
    } else if either("text", "int") || either("text", "money") || either("text", "float") {
        "a text is no number: CAST(x AS BIGINT), or compare it with a text in single quotes"
    } else {
        "CAST one of them to the other's type"
    };
    Some(Mistake::new(place, message, remedy))
}

fn operands(text: &str) -> Option<(String, String, String)> {
    let plain = plain_types(text.lines().next()?.trim());
    let mut words = plain.split_whitespace();
    let (left, operator) = (words.next()?, words.next()?);
    let right = words.next()?.trim_end_matches('.');
    Some((left.into(), operator.into(), right.into()))
}

/// Values that are not what they are taken for: found while planning, because they are written in the text.
fn values(scene: &Scene, text: &str) -> Option<Mistake> {
    let (message, remedy) = running::value(text)?;
    let shown = message.split('`').nth(1).and_then(|value| scene.literal(value));
    Some(Mistake::new(shown.unwrap_or_else(|| scene.tokens.start()), message, remedy))
}

/// The engine's names of types as ours.
pub(crate) fn plain_types(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    'next: while !rest.is_empty() {
        for (name, ours) in [
            ("Timestamp(", "instant"),
            ("Decimal128(", "money"),
            ("Decimal256(", "number"),
            ("Time64(", "time"),
            ("Interval(", "interval"),
            ("Duration(", "duration"),
        ] {
            if let Some(inside) = rest.strip_prefix(name)
                && let Some((_, after)) = inside.split_once(')')
            {
                plain.push_str(ours);
                rest = after;
                continue 'next;
            }
        }
        for (name, ours) in [
            ("LargeUtf8", "text"),
            ("Utf8View", "text"),
            ("Utf8", "text"),
            ("UInt64", "int"),
            ("Int64", "int"),
            ("Int32", "int"),
            ("Int16", "int"),
            ("Int8", "int"),
            ("Float64", "float"),
            ("Float32", "float"),
            ("Date32", "date"),
            ("Date64", "date"),
            ("Boolean", "bool"),
            ("Decimal", "money"),
            ("String", "text"),
            ("Null", "null"),
        ] {
            if let Some(after) = rest.strip_prefix(name)
                && !plain.ends_with(|letter: char| letter.is_alphanumeric())
            {
                plain.push_str(ours);
                rest = after;
                continue 'next;
            }
        }
        let letter = rest.chars().next().unwrap_or_default();
        plain.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    plain
}

/// A type by the name people write.
pub(crate) fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Null => "null",
        DataType::Boolean => "bool",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "instant",
        DataType::Decimal128(_, scale) if *scale <= 4 => "money",
        data_type if data_type.is_integer() => "int",
        data_type if data_type.is_numeric() => "float",
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "list",
        DataType::Struct(_) => "struct",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        _ => "another type",
    }
}

/// What FROM has: the table, and what it is called.
struct SourceOf {
    table: String,
    called: String,
}

impl Scene<'_> {
    fn all(&self, name: &str) -> Vec<Place> {
        self.tokens.placed_words().filter(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, place)| place).collect()
    }

    fn find(&self, name: &str) -> Option<Place> {
        self.all(name).first().copied()
    }

    fn token_at(&self, place: Place) -> Option<&Token> {
        self.tokens.solid().find(|token| Place::from(token.span) == place).map(|token| &token.token)
    }

    fn literal(&self, value: &str) -> Option<Place> {
        let found = self.tokens.solid().find(|token| match &token.token {
            Token::SingleQuotedString(text) => text == value,
            Token::Number(text, _) => text == value,
            _ => false,
        });
        found.map(|token| token.span.into())
    }

    fn operator(&self, operator: &str) -> Option<Place> {
        self.tokens.solid().find(|token| token.token.to_string().eq_ignore_ascii_case(operator)).map(|token| token.span.into())
    }

    fn sources(&self) -> Vec<SourceOf> {
        struct Sources(Vec<SourceOf>);
        impl Visitor for Sources {
            type Break = ();
            fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
                let (table, alias) = match factor {
                    TableFactor::Table { name, alias, .. } => (name.0.last().and_then(|part| part.as_ident()).map(fold), alias),
                    TableFactor::Derived { alias, .. } => (None, alias),
                    _ => return ControlFlow::Continue(()),
                };
                let called = alias.as_ref().map(|alias| fold(&alias.name)).or_else(|| table.clone());
                if let Some(called) = called {
                    self.0.push(SourceOf { table: table.unwrap_or_default(), called });
                }
                ControlFlow::Continue(())
            }
        }
        let mut sources = Sources(Vec::new());
        if let Some(statement) = self.statement {
            let _ = statement.visit(&mut sources);
        }
        sources.0
    }

    /// The clause in which an alias of the SELECT is used too early.
    fn alias_before_its_time(&self, name: &str, place: Place) -> Option<&'static str> {
        struct Aliases<'a> {
            name: &'a str,
            found: bool,
        }
        impl Visitor for Aliases<'_> {
            type Break = ();
            fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
                self.found |= select
                    .projection
                    .iter()
                    .any(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if fold(alias) == self.name));
                ControlFlow::Continue(())
            }
        }
        let mut aliases = Aliases { name, found: false };
        let _ = self.statement?.visit(&mut aliases);
        if !aliases.found {
            return None;
        }
        let before = self.tokens.placed_words().take_while(|(_, other)| (other.line, other.column) < (place.line, place.column));
        let clause = before
            .filter_map(|(word, _)| ["where", "on", "having", "group", "select"].into_iter().find(|clause| *clause == word))
            .last()?;
        match clause {
            "where" => Some("WHERE"),
            "on" => Some("ON"),
            "having" => Some("HAVING"),
            "group" => Some("GROUP BY"),
            _ => Some("the rest of it"),
        }
    }

    /// The first aggregate behind WHERE.
    fn aggregate_in_where(&self) -> Option<Place> {
        let words: Vec<(String, Place)> = self.tokens.placed_words().collect();
        let clause = words.iter().position(|(word, _)| word == "where")?;
        words[clause..].iter().find(|(word, _)| is_aggregate(word)).map(|(_, place)| *place)
    }

    /// The aggregate that stands in another's brackets.
    fn nested_aggregate(&self) -> Option<Place> {
        let tokens: Vec<_> = self.tokens.solid().collect();
        let mut open: Vec<bool> = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let word = match &token.token {
                Token::Word(word) => word.value.to_lowercase(),
                Token::LParen => {
                    let before = index.checked_sub(1).and_then(|before| match &tokens[before].token {
                        Token::Word(word) => Some(is_aggregate(&word.value.to_lowercase())),
                        _ => None,
                    });
                    open.push(before.unwrap_or(false));
                    continue;
                }
                Token::RParen => {
                    open.pop();
                    continue;
                }
                _ => continue,
            };
            if is_aggregate(&word) && open.contains(&true) {
                return Some(token.span.into());
            }
        }
        None
    }

    /// The first question in brackets.
    fn subquery(&self) -> Option<Place> {
        let tokens: Vec<_> = self.tokens.solid().collect();
        let pair = tokens.windows(2).find(|pair| {
            pair[0].token == Token::LParen
                && matches!(&pair[1].token, Token::Word(word) if word.value.eq_ignore_ascii_case("select"))
        });
        pair.map(|pair| pair[1].span.into())
    }
}

fn is_aggregate(word: &str) -> bool {
    matches!(word, "count" | "sum" | "avg" | "min" | "max" | "median" | "stddev" | "array_agg" | "string_agg")
        || functions::find(word).is_some_and(|function| function.kind == functions::Kind::Aggregate)
}

fn fold(name: &Ident) -> String {
    if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() }
}

/// Whether a statement is one SELECT, and that SELECT.
pub(crate) fn outermost(statement: &Statement) -> Option<(&datafusion::sql::sqlparser::ast::Query, Option<&Select>)> {
    let Statement::Query(query) = statement else { return None };
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => Some(select.as_ref()),
        _ => None,
    };
    Some((query, select))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_our_names() {
        let check = |text: &str, expect: &str| assert_eq!(plain_types(text), expect);
        check("Timestamp(µs, \"UTC\") - Int64", "instant - int");
        check("abs(Utf8, Decimal128(18, 4))", "abs(text, money)");
        check("Date32 > Boolean", "date > bool");
        check("MyUtf8", "MyUtf8");
    }
}
