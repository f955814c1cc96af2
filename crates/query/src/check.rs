//! Checking the library by planning it: no data is read, and every problem is reported at once.

use std::sync::Arc;

use lake::ReadView;
use model::{Problem, Remedy, ShopZone};

use crate::{
    Desk, Library, Mode, Moment, Query, QueryError,
    params::Tokens,
    run::{holds, kind_of},
};

/// Plans every query and looks up everything a dashboard names.
pub async fn check(library: &Arc<Library>, zone: ShopZone) -> Vec<Problem> {
    let moment = Moment { as_of: Default::default(), mode: Mode::AsKnown, zone };
    let desk = Desk::new(library.clone(), ReadView::empty(), moment);
    let mut problems = Vec::new();
    for query in library.queries.values() {
        problems.extend(check_query(&desk, query).await);
    }
    for dashboard in library.dashboards.values() {
        let text = std::fs::read_to_string(&dashboard.file).unwrap_or_default();
        problems.extend(dashboard.problems(library, &text));
    }
    problems
}

async fn check_query(desk: &Desk, query: &Query) -> Vec<Problem> {
    let desk = with_stand_ins(desk.clone(), query);
    match plan(&desk, query).await {
        Ok(problems) => problems,
        Err(error) => {
            let line = match &error {
                QueryError::UndeclaredParam { name, .. } => line_of(query, &format!("${name}")),
                QueryError::SegmentParam { segment, .. } => line_of(query, segment),
                QueryError::Cycle { path, .. } => path.split(" → ").map(|step| line_of(query, step)).max().unwrap_or(0),
                QueryError::Syntax { message, .. } | QueryError::Plan { message, .. } => line_in(message),
                _ => 0,
            };
            let mut problem =
                Problem::new(&query.file, line, error.to_string().trim_start_matches(&format!("{}: ", query.file)).to_string());
            problem.remedy = error.remedy();
            vec![problem]
        }
    }
}

async fn plan(desk: &Desk, query: &Query) -> Result<Vec<Problem>, QueryError> {
    let tokens = Tokens::read(&query.sql)
        .map_err(|source| QueryError::Syntax { file: query.file.clone(), message: source.to_string() })?;
    let session = desk.session(&tokens, &query.file).await?;
    let plan = desk.plan(&session, query, &tokens).await?;
    let mut problems = Vec::new();
    let used = tokens.placeholders();
    for param in query.header.params.iter().filter(|param| !used.contains(&param.name.as_str())) {
        problems.push(
            Problem::new(
                &query.file,
                line_of(query, &format!("param {}", param.name)),
                format!("parameter `{}` is not used", param.name),
            )
            .with_remedy("remove it from the header"),
        );
    }
    let fields = plan.schema().fields();
    for (index, field) in fields.iter().enumerate() {
        match query.header.columns.get(index) {
            None => problems.push(
                Problem::new(&query.file, 0, format!("the SELECT returns `{}`, the header does not declare it", field.name()))
                    .with_remedy(format!("add `-- column {} <kind> ja:\"…\" en:\"…\"`", field.name())),
            ),
            Some(column) if column.name != *field.name() => problems.push(
                Problem::new(
                    &query.file,
                    column.line,
                    format!("column {} is `{}` in the header and `{}` in the SELECT", index + 1, column.name, field.name()),
                )
                .with_remedy("columns stand in the same order in both"),
            ),
            Some(column) if !holds(column.kind, field.data_type()) => {
                let found = kind_of(field.data_type())
                    .map_or_else(|| field.data_type().to_string(), |kind| format!("{kind:?}").to_lowercase());
                problems.push(
                    Problem::new(
                        &query.file,
                        column.line,
                        format!("column `{}` is {} in the SELECT, not {:?}", column.name, found, column.kind),
                    )
                    .with_remedy("declare what it is, or CAST it"),
                );
            }
            Some(_) => {}
        }
    }
    if query.name.starts_with(crate::catalog::SEGMENTS) && fields.iter().all(|field| field.name() != "customer_id") {
        let error = QueryError::NoCustomer { file: query.file.clone() };
        let problem = Problem::new(&query.file, 0, "the segment returns no `customer_id`");
        problems.push(error.remedy().into_iter().fold(problem, Problem::with_remedy));
    }
    for column in query.header.columns.iter().skip(fields.len()) {
        problems.push(
            Problem::new(
                &query.file,
                column.line,
                format!("the header declares `{}`, the SELECT does not return it", column.name),
            )
            .with_remedy("remove the line, or select the column"),
        );
    }
    Ok(problems)
}

/// Metrics are planned over a stand-in for the exposed customers that a read-out supplies.
fn with_stand_ins(desk: Desk, query: &Query) -> Desk {
    let needs = |name: &str| query.sql.contains(name);
    let stand_in = |sql: &str| crate::run::ad_hoc(sql);
    let exposed = "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS VARCHAR) AS arm, CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE) AS exposed_at, CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE) AS until, CAST(NULL AS BOOLEAN) AS mature";
    let metric = "SELECT CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS DECIMAL(18, 4)) AS value";
    let desk = if needs("exposed") { desk.with_relation("exposed", &stand_in(exposed), Default::default()) } else { desk };
    if needs("metric") { desk.with_relation("metric", &stand_in(metric), Default::default()) } else { desk }
}

fn line_of(query: &Query, needle: &str) -> usize {
    query.sql.lines().position(|line| line.contains(needle)).map_or(0, |index| index + 1)
}

/// The parser says `… at Line: 12, Column: 3`.
fn line_in(message: &str) -> usize {
    message.split("Line: ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).unwrap_or(0)
}
