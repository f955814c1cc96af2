//! An analyst's SQL on its way into the library: the header it lacks, and the check that every file of the library passes.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use lake::ReadView;
use model::{Problem, ShopZone};

use super::text::Checked;
use crate::{Desk, Header, Kind, Library, Mode, Moment, Param, ParamKind, Query, check::check_query, header, run::kind_of};

/// The parameters of a text other than those that every question is given: declared in its header, or guessed from what was typed.
pub fn params_of(sql: &str, typed: &[(String, String)]) -> Vec<(Param, String)> {
    let declared = header::params_of(sql);
    let placeholders = Checked::read(sql).map(|text| text.placeholders().into_iter().map(|(name, _)| name.to_string()).collect());
    let names: Vec<String> = placeholders.unwrap_or_default();
    let of = |name: String| {
        let raw = typed.iter().find(|(known, _)| *known == name).map(|(_, raw)| raw.clone()).unwrap_or_default();
        let param = declared.iter().find(|param| param.name == name).cloned();
        (param.unwrap_or_else(|| header::guessed(&name, &raw)), raw)
    };
    names.into_iter().filter(|name| !super::GIVEN.contains(&name.as_str())).map(of).collect()
}

/// A parameter of which nothing was typed, as its place in the SQL suggests.
pub fn placed(param: Param, found: &DataType) -> Param {
    let kinds = [ParamKind::Int, ParamKind::Float, ParamKind::Date, ParamKind::Instant, ParamKind::Bool, ParamKind::Money];
    match kinds.into_iter().find(|kind| kind.data_type() == *found) {
        Some(kind) if param.default.is_none() => Param { kind, ..param },
        _ => param,
    }
}

/// The text of a library file. A text that has a header of its own is left as it is.
pub fn file_text(title: &str, sql: &str, params: &[Param], columns: &SchemaRef) -> Result<String, Problem> {
    let sql = sql.trim_end().trim_end_matches(';');
    if sql
        .lines()
        .take_while(|line| line.starts_with("--"))
        .any(|line| line.trim_start_matches('-').trim().starts_with("column "))
    {
        return Ok(format!("{sql}\n"));
    }
    let mut text = format!("-- {}\n--\n", title.replace(['\n', '\r'], " "));
    for param in params {
        let default = param.default.as_ref().map(|value| format!(" = {}", value.plain())).unwrap_or_default();
        let label = match &param.label {
            label if label.get("ja").is_empty() => String::new(),
            label => format!(" ja:\"{}\" en:\"{}\"", label.ja, label.en),
        };
        text.push_str(&format!("-- param {} {}{default}{label}\n", param.name, param.kind.name()));
    }
    for field in columns.fields() {
        let Some(kind) = kind_of(field.data_type()) else {
            let message =
                format!("the column `{}` is of type {}, which a library file cannot return", field.name(), field.data_type());
            return Err(Problem::new("SQL", 0, message).with_remedy("CAST it, or leave it out"));
        };
        text.push_str(&format!("-- column {name} {} ja:\"{name}\" en:\"{name}\"\n", kind.name(), name = field.name()));
    }
    let body: Vec<&str> = sql
        .lines()
        .filter(|line| !line.trim_start_matches('-').trim().starts_with("param ") || !line.starts_with("--"))
        .collect();
    Ok(text + &body.join("\n") + "\n")
}

/// The query that a text would be as a file of the library, or every problem it has.
pub async fn checked_file(library: &Arc<Library>, zone: ShopZone, name: &str, text: &str) -> Result<Query, Vec<Problem>> {
    let file = format!("queries/{name}.sql");
    if let Err(error) = Checked::read(text) {
        return Err(vec![Problem::new(&file, 0, error.to_string())]);
    }
    let header = Header::parse(&file, text)?;
    if name.starts_with("segments/")
        && header.columns.first().is_none_or(|column| column.name != "customer_id" || column.kind != Kind::Text)
    {
        let problem = Problem::new(&file, 0, "a segment returns `customer_id` as its first column");
        return Err(vec![problem.with_remedy("SELECT customer_id, … or save it as a report")]);
    }
    let query = Query { name: name.into(), file, header, sql: text.into() };
    let moment = Moment { as_of: Default::default(), mode: Mode::AsKnown, zone };
    let problems = check_query(&Desk::new(library.clone(), ReadView::empty(), moment), &query).await;
    if problems.is_empty() { Ok(query) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn columns(names: &[&str]) -> SchemaRef {
        Arc::new(Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>()))
    }

    #[tokio::test]
    async fn a_text_becomes_a_file_that_passes_the_check() {
        let (library, _) = Library::load(None);
        let library = Arc::new(library);
        let check = async |name: &str, sql: &str, typed: &[(&str, &str)], names: &[&str], expect: Result<&str, &str>| {
            let typed: Vec<_> = typed.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let params: Vec<Param> = params_of(sql, &typed).into_iter().map(|(param, _)| param).collect();
            let text = file_text("秋の顧客", sql, &params, &columns(names)).unwrap();
            let checked = checked_file(&library, ShopZone::tokyo(), name, &text).await;
            let found = checked.map(|query| query.sql).map_err(|problems| problems[0].message.clone());
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{sql}");
        };
        let file = "-- 秋の顧客\n--\n-- param day date = 2026-09-01\n-- column customer_id text ja:\"customer_id\" en:\"customer_id\"\nSELECT customer_id FROM customers WHERE registered_on > $day\n";
        let sql = "SELECT customer_id FROM customers WHERE registered_on > $day;\n";
        check("segments/autumn", sql, &[("day", "2026-09-01")], &["customer_id"], Ok(file)).await;
        // Its own header stands.
        check("segments/autumn", file, &[], &["customer_id"], Ok(file)).await;
        let refused = Err("a segment returns `customer_id` as its first column");
        check("segments/all", "SELECT status FROM orders", &[], &["status"], refused).await;
        check(
            "reports/all",
            "SELECT status FROM orders",
            &[],
            &["state"],
            Err("column 1 is `state` in the header and `status` in the SELECT"),
        )
        .await;
    }
}
