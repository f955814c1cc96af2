//! Checking the library by planning it: no data is read, and every problem is reported at once, each with its place and what to do.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::sql::sqlparser::{
    ast::{Expr, SelectItem, Spanned, Statement},
    tokenizer::Token,
};
use lake::ReadView;
use model::{Problem, Remedy, ShopZone};

use crate::{
    ColumnHeader, Desk, Kind, Library, Mistake, Mode, Moment, Place, Query, QueryError,
    desk::bind,
    mistake::{nearest, planning},
    run::{holds, kind_of},
    statement::Tokens,
};

/// Plans every query and looks up everything a dashboard names.
pub async fn check(library: &Arc<Library>, zone: ShopZone) -> Vec<Problem> {
    let moment = Moment { as_of: Default::default(), mode: Mode::AsKnown, zone };
    let desk = Desk::new(library.clone(), ReadView::empty(), moment);
    let mut problems: Vec<Problem> = Vec::new();
    for query in library.queries.values() {
        for problem in check_query(&desk, query).await {
            // A view's mistake is met again by whatever reads it.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    for dashboard in library.dashboards.values() {
        let text = std::fs::read_to_string(&dashboard.file).unwrap_or_default();
        problems.extend(dashboard.problems(library, &text));
    }
    problems
}

pub(crate) async fn check_query(desk: &Desk, query: &Query) -> Vec<Problem> {
    match plan(desk, query).await {
        Ok(problems) => problems,
        Err(error) => vec![problem(query, &error)],
    }
}

fn problem(query: &Query, error: &QueryError) -> Problem {
    let shown = error.to_string();
    let problem = match error {
        QueryError::Syntax { file, mistake } | QueryError::Plan { file, mistake } => {
            Problem::new(file, mistake.place.line, &mistake.message).with_excerpt(&mistake.excerpt)
        }
        QueryError::Cycle { path, .. } => {
            let line = path.split(" → ").find_map(|step| names(query, step)).unwrap_or(1);
            Problem::new(&query.file, line, format!("the segment selects from itself: {path}"))
        }
        QueryError::SegmentParam { segment, .. } => {
            let line = names(query, segment).unwrap_or(1);
            Problem::new(&query.file, line, shown.trim_start_matches(&format!("{}: ", query.file)))
        }
        _ => Problem::new(&query.file, 1, shown.trim_start_matches(&format!("{}: ", query.file))),
    };
    error.remedy().into_iter().fold(problem, Problem::with_remedy)
}

/// The first line that names something.
fn names(query: &Query, what: &str) -> Option<usize> {
    query.sql.lines().position(|line| line.contains(what)).map(|index| index + 1)
}

async fn plan(desk: &Desk, query: &Query) -> Result<Vec<Problem>, QueryError> {
    let tokens = Tokens::read(&query.file, &query.sql)?;
    let desk = with_stand_ins(desk.clone(), &tokens);
    let session = desk.session(&tokens, &query.file).await?;
    let values = desk.samples(query);
    let plan = desk.plan(&session, query, &tokens, &values).await?;
    let statement = tokens.statement()?;

    let mut problems = unused(query, &tokens);
    let mut columns = columns(query, &tokens, &statement, plan.schema().fields());
    if columns.is_empty() {
        // What is written as a value is only read while the plan is made better.
        let bound = bind(plan, &values).map_err(|source| desk.planning_error(&session, &tokens, Some(&statement), &source))?;
        session
            .state()
            .create_physical_plan(&bound)
            .await
            .map_err(|source| desk.planning_error(&session, &tokens, Some(&statement), &source))?;
    }
    problems.append(&mut columns);
    let mut say = |mistake: Mistake| {
        let mistake = mistake.within(&query.sql);
        problems.push(
            Problem::new(&query.file, mistake.place.line, mistake.message)
                .with_excerpt(mistake.excerpt)
                .with_remedy(mistake.remedy),
        );
    };
    clock(&tokens).into_iter().chain(null_compared(&tokens)).for_each(&mut say);
    if query.name.starts_with("segments/") {
        segment(&tokens, &statement, plan_names(query)).into_iter().for_each(&mut say);
    }
    Ok(problems)
}

fn plan_names(query: &Query) -> Vec<&str> {
    query.header.columns.iter().map(|column| column.name.as_str()).collect()
}

fn unused(query: &Query, tokens: &Tokens) -> Vec<Problem> {
    let used = tokens.placeholders();
    let unused = query.header.params.iter().filter(|param| !used.contains(&param.name.as_str()));
    unused
        .map(|param| {
            let line = declared_at(query, "param", &param.name);
            Problem::new(&query.file, line, format!("parameter `{}` is not used", param.name))
                .with_remedy(format!("remove it from the header, or write ${} in the SELECT", param.name))
        })
        .collect()
}

/// The header's line that declares a name.
fn declared_at(query: &Query, word: &str, name: &str) -> usize {
    let declares = |line: &str| {
        let mut words = line.trim_start_matches('-').split_whitespace();
        words.next() == Some(word) && words.next() == Some(name)
    };
    query.sql.lines().position(declares).map_or(1, |index| index + 1)
}

/// The columns of the header against those of the SELECT.
fn columns(query: &Query, tokens: &Tokens, statement: &Statement, fields: &[Arc<Field>]) -> Vec<Problem> {
    let header = &query.header.columns;
    if let Some(mistake) = missing_comma(header, tokens, statement) {
        let mistake = mistake.within(&query.sql);
        let problem = Problem::new(&query.file, mistake.place.line, mistake.message);
        return vec![problem.with_excerpt(mistake.excerpt).with_remedy(mistake.remedy)];
    }
    let place = |index: usize| item_place(statement, index, fields.len()).unwrap_or_else(|| tokens.start());
    let mut problems = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match header.get(index) {
            None => {
                let found = place(index);
                problems.push(
                    Problem::new(
                        &query.file,
                        found.line,
                        format!("the SELECT returns `{}`, the header does not declare it", field.name()),
                    )
                    .with_excerpt(crate::mistake::excerpt(&query.sql, found))
                    .with_remedy(format!(
                        "add `-- column {} {} ja:\"…\" en:\"…\"`",
                        field.name(),
                        said(field.data_type())
                    )),
                );
            }
            Some(_) if fields[..index].iter().any(|before| before.name() == field.name()) => {
                let found = place(index);
                problems.push(
                    Problem::new(&query.file, found.line, format!("two columns of the SELECT are named `{}`", field.name()))
                        .with_excerpt(crate::mistake::excerpt(&query.sql, found))
                        .with_remedy("give one of them another name with AS, and declare it"),
                );
            }
            Some(column) if column.name != *field.name() => {
                let other = header.iter().any(|column| column.name == *field.name())
                    || fields.iter().any(|field| *field.name() == column.name);
                let remedy = match nearest(&column.name, [field.name().as_str()]) {
                    Some(_) if !other => format!("spell it alike: `{}` or `{}`", column.name, field.name()),
                    _ if other => "columns stand in the same order in both".into(),
                    _ => format!("name it in the SELECT, … AS {}, or declare `{}`", column.name, field.name()),
                };
                problems.push(
                    Problem::new(
                        &query.file,
                        column.line,
                        format!("column {} is `{}` in the header and `{}` in the SELECT", index + 1, column.name, field.name()),
                    )
                    .with_remedy(remedy),
                );
                if other {
                    // Those behind it are out of their places too.
                    return problems;
                }
            }
            Some(column) if !holds(column.kind, field.data_type()) => {
                let found = said(field.data_type());
                problems.push(
                    Problem::new(
                        &query.file,
                        column.line,
                        format!("column `{}` is {found} in the SELECT, not {}", column.name, column.kind.name()),
                    )
                    .with_remedy(conversion(column.kind, found)),
                );
            }
            Some(_) => {}
        }
    }
    for column in header.iter().skip(fields.len()) {
        problems.push(
            Problem::new(
                &query.file,
                column.line,
                format!("the header declares `{}`, the SELECT does not return it", column.name),
            )
            .with_remedy("remove the line, or select the column"),
        );
    }
    problems
}

fn said(data_type: &DataType) -> &'static str {
    kind_of(data_type).map_or_else(|| planning::type_name(data_type), Kind::name)
}

/// How a value becomes what the header says.
fn conversion(declared: Kind, found: &str) -> String {
    match (declared, found) {
        (_, "struct") => "pick a member: f(…)['name']; `tsubame functions NAME` lists them".into(),
        (_, "list") => "take one of it, or join it into a text: array_to_string(…, ',')".into(),
        (Kind::Money, _) => "CAST(… AS DECIMAL(18, 4)): what is computed from money (a quotient, a product, IFNULL) has other digits or is a float".into(),
        (Kind::Rate | Kind::Float, "int") => {
            "CAST(… AS DOUBLE); a quotient of two ints is an int, so CAST one of them before dividing".into()
        }
        (Kind::Rate | Kind::Float, _) => "CAST(… AS DOUBLE)".into(),
        (Kind::Int, _) => "CAST(… AS BIGINT)".into(),
        (Kind::Date, "instant") => "shop_day(…) is the shop day of an instant; CAST would take the UTC day".into(),
        (Kind::Date, _) => "CAST(… AS DATE)".into(),
        (Kind::Instant, "date") => "shop_midnight(…) is the instant at which a shop day starts".into(),
        (Kind::Instant, _) => "declare what it is, or CAST it".into(),
        (Kind::Text, _) => "declare what it is, or CAST(… AS VARCHAR)".into(),
        (Kind::Bool, _) => "write a condition: … > 0".into(),
    }
}

/// Where a column of the answer is written; unknown behind a `*`.
fn item_place(statement: &Statement, index: usize, columns: usize) -> Option<Place> {
    let (_, select) = planning::outermost(statement)?;
    let items = &select?.projection;
    let item = items.get(index).filter(|_| items.len() == columns)?;
    let span = match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.span,
        item => item.span(),
    };
    (span.start.line > 0).then(|| span.into())
}

/// Two declared columns with only a space between them: the second became the first's name.
fn missing_comma(header: &[ColumnHeader], tokens: &Tokens, statement: &Statement) -> Option<Mistake> {
    let (_, select) = planning::outermost(statement)?;
    let declared = |name: &str| header.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let solid: Vec<_> = tokens.solid().collect();
    for item in &select?.projection {
        let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
        let name = match expr {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(path) => path.last()?,
            _ => continue,
        };
        let at = solid.iter().position(|token| Place::from(token.span) == Place::from(alias.span))?;
        let said_as = at > 0 && matches!(&solid[at - 1].token, Token::Word(word) if word.value.eq_ignore_ascii_case("as"));
        if !said_as && declared(&name.value) && declared(&alias.value) {
            return Some(Mistake::new(
                alias.span.into(),
                format!("`{} {}` is one column: {} under the name {}", name.value, alias.value, name.value, alias.value),
                format!("put a comma between them: {}, {}", name.value, alias.value),
            ));
        }
    }
    None
}

/// What would answer differently tomorrow although nothing has changed.
fn clock(tokens: &Tokens) -> Option<Mistake> {
    let solid: Vec<_> = tokens.solid().collect();
    for (index, token) in solid.iter().enumerate() {
        let Token::Word(word) = &token.token else { continue };
        if word.quote_style.is_some() || index.checked_sub(1).is_some_and(|before| solid[before].token == Token::Period) {
            continue;
        }
        let called = solid.get(index + 1).is_some_and(|next| next.token == Token::LParen);
        let name = word.value.to_lowercase();
        let remedy = match name.as_str() {
            "current_date" | "curdate" => "write $today, the shop day of the moment asked",
            "current_timestamp" | "localtimestamp" => "write $as_of, the moment asked",
            "now" if called => "write $as_of, the moment asked",
            "today" if called => "write $today, the shop day of the moment asked",
            "random" | "rand" | "uuid" if called => "order by a column, or by md5(customer_id), which is as good as chance",
            _ => continue,
        };
        let what = if matches!(name.as_str(), "random" | "rand" | "uuid") { "chance" } else { "the machine's clock" };
        return Some(Mistake::new(
            token.span.into(),
            format!("`{}` asks {what}: the answer of a past moment could not be had again", word.value),
            remedy,
        ));
    }
    None
}

/// `= NULL`, which no row fulfils.
fn null_compared(tokens: &Tokens) -> Option<Mistake> {
    let solid: Vec<_> = tokens.solid().collect();
    let is_null = |token: &Token| matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("null"));
    let pair = solid
        .windows(2)
        .find(|pair| matches!(pair[0].token, Token::Eq | Token::DoubleEq | Token::Neq) && is_null(&pair[1].token))?;
    let (operator, remedy) = match pair[0].token {
        Token::Neq => ("<>", "write IS NOT NULL"),
        _ => ("=", "write IS NULL"),
    };
    Some(Mistake::new(pair[1].span.into(), format!("`{operator} NULL` is never true"), remedy))
}

/// What a segment is not.
fn segment(tokens: &Tokens, statement: &Statement, columns: Vec<&str>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if !columns.contains(&"customer_id") {
        mistakes.push(Mistake::new(
            tokens.start(),
            "the segment returns no `customer_id`",
            "a segment is a question about customers: select `customer_id`, and declare it in the header",
        ));
    }
    if let Some((query, _)) = planning::outermost(statement)
        && query.limit_clause.is_some()
    {
        let place = tokens
            .placed_words()
            .filter(|(word, _)| word == "limit" || word == "fetch")
            .last()
            .map_or_else(|| tokens.start(), |(_, place)| place);
        mistakes.push(Mistake::new(
            place,
            "LIMIT cuts a segment off: who is left out depends on nothing about them",
            "say who by a condition: net_revenue_top < 0.30 is the top 30 % of customer_ranks",
        ));
    }
    mistakes
}

/// Metrics and read-outs are planned over stand-ins for what a read-out supplies: the exposed, a metric of theirs, the same before they were
/// exposed, and what they are told apart by.
fn with_stand_ins(desk: Desk, tokens: &Tokens) -> Desk {
    const SUPPLIED: [(&str, &str); 4] = [
        (
            "exposed",
            "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS VARCHAR) AS arm, CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE) AS exposed_at, CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE) AS until, CAST(NULL AS BOOLEAN) AS mature",
        ),
        ("metric", "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS DECIMAL(18, 4)) AS value"),
        ("before", "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS DECIMAL(18, 4)) AS value"),
        ("dimension", "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS VARCHAR) AS value"),
    ];
    let needed = SUPPLIED.into_iter().filter(|(name, _)| tokens.words().any(|word| word == *name));
    needed.fold(desk, |desk, (name, sql)| desk.with_relation(name, &crate::run::ad_hoc(sql), Default::default()))
}
