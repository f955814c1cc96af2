//! An analyst's SQL on its way into the library: the header it lacks, and the check that every file of the library passes.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use lake::ReadView;
use model::{Problem, ShopZone, Text};

use super::text::Checked;
use crate::{Desk, Header, Kind, Library, Mode, Moment, Param, ParamKind, Query, check::check_query, header, run::kind_of};

/// The parameters of a text other than those that every question is given, with what was typed: as its header declares them, or as their places
/// in it suggest (`placed`, where it was described), or as what was typed looks.
pub fn params_of(sql: &str, typed: &[(String, String)], placed: Option<&SchemaRef>) -> Vec<(Param, String)> {
    let declared = header::params_of(sql);
    let placeholders = Checked::read(sql).map(|text| text.placeholders().into_iter().map(|(name, _)| name.to_string()).collect());
    let names: Vec<String> = placeholders.unwrap_or_default();
    let of = |name: String| {
        let raw = typed.iter().find(|(known, _)| *known == name).map(|(_, raw)| raw.clone()).unwrap_or_default();
        let param = declared.iter().find(|param| param.name == name).cloned();
        let place = || placed.and_then(|fields| self::placed(&name, &raw, fields.field_with_name(&name).ok()?.data_type()));
        (param.or_else(place).unwrap_or_else(|| header::guessed(&name, &raw)), raw)
    };
    names.into_iter().filter(|name| !super::GIVEN.contains(&name.as_str())).map(of).collect()
}

/// Whether a text has parameters that its header does not declare.
pub fn has_undeclared(sql: &str) -> bool {
    let declared = header::params_of(sql);
    params_of(sql, &[], None).iter().any(|(param, _)| declared.iter().all(|known| known.name != param.name))
}

/// A parameter as its place in the SQL suggests, if what was typed fits there.
fn placed(name: &str, raw: &str, found: &DataType) -> Option<Param> {
    let kinds = [
        ParamKind::Int,
        ParamKind::Float,
        ParamKind::Text,
        ParamKind::Date,
        ParamKind::Instant,
        ParamKind::Bool,
        ParamKind::Money,
    ];
    let kind = kinds.into_iter().find(|kind| kind.data_type() == *found)?;
    let default = if raw.is_empty() { None } else { Some(kind.read(raw)?) };
    Some(Param { name: name.into(), kind, default, label: Text::default() })
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
        let declared = header::declaration(param);
        text.push_str(&declared.map_err(|problem| Problem::new("SQL", 0, problem).with_remedy("write it into the SQL"))?);
    }
    for field in columns.fields() {
        if !header::is_name(field.name()) {
            let problem = Problem::new("SQL", 0, format!("the column `{}` has no name of its own", field.name()));
            return Err(problem.with_remedy("give it one: `… AS total`"));
        }
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
    if name.starts_with("segments/")
        && let Some(param) = header.params.iter().find(|param| param.default.is_none())
    {
        let problem = Problem::new(&file, 0, format!("`${}` has no value, and at night nobody gives one", param.name));
        return Err(vec![problem.with_remedy("type a value: it becomes the default")]);
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

    #[test]
    fn a_parameter_is_what_its_place_takes() {
        let fields = [
            Field::new("id", DataType::Utf8, true),
            Field::new("day", ParamKind::Instant.data_type(), true),
            Field::new("least", ParamKind::Money.data_type(), true),
        ];
        let placed: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
        let check = |name: &str, raw: &str, expect: ParamKind| {
            let sql = format!("SELECT ${name}");
            let found = params_of(&sql, &[(name.into(), raw.into())], Some(&placed));
            assert_eq!(found[0].0.kind, expect, "{name} {raw}");
        };
        check("id", "00123", ParamKind::Text);
        check("id", "123", ParamKind::Text);
        check("least", "3000", ParamKind::Money);
        check("least", "", ParamKind::Money);
        // A day where an instant is compared: the engine knows what to do.
        check("day", "2026-06-01", ParamKind::Date);
        check("other", "3", ParamKind::Int);
        assert!(has_undeclared("SELECT $a") && !has_undeclared("-- param a int\nSELECT $a, $today"));
    }

    fn columns(names: &[&str]) -> SchemaRef {
        Arc::new(Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>()))
    }

    #[tokio::test]
    async fn a_text_becomes_a_file_that_passes_the_check() {
        let (library, _) = Library::load(None);
        let library = Arc::new(library);
        let check = async |name: &str, sql: &str, typed: &[(&str, &str)], names: &[&str], expect: Result<&str, &str>| {
            let typed: Vec<_> = typed.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let params: Vec<Param> = params_of(sql, &typed, None).into_iter().map(|(param, _)| param).collect();
            let found = match file_text("秋の顧客", sql, &params, &columns(names)) {
                Ok(text) => {
                    let checked = checked_file(&library, ShopZone::tokyo(), name, &text).await;
                    checked.map(|query| query.sql).map_err(|problems| problems[0].message.clone())
                }
                Err(problem) => Err(problem.message),
            };
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{sql}");
        };
        let file = "-- 秋の顧客\n--\n-- param day date = 2026-09-01\n-- column customer_id text ja:\"customer_id\" en:\"customer_id\"\nSELECT customer_id FROM customers WHERE registered_on > $day\n";
        let sql = "SELECT customer_id FROM customers WHERE registered_on > $day;\n";
        check("segments/autumn", sql, &[("day", "2026-09-01")], &["customer_id"], Ok(file)).await;
        // Its own header stands.
        check("segments/autumn", file, &[], &["customer_id"], Ok(file)).await;
        let empty = Err("`$day` has no value, and at night nobody gives one");
        check("segments/autumn", sql, &[], &["customer_id"], empty).await;
        let unnamed = Err("the column `sum(orders.net)` has no name of its own");
        check("reports/sum", "SELECT sum(net) FROM orders", &[], &["sum(orders.net)"], unnamed).await;
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
