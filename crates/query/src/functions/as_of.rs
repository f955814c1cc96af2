//! `FROM as_of('orders', moment)`: a table as it was at another moment than the one asked. It is taken out of the statement before planning
//! and stands there as a relation of that moment, so that a question may compare two.

use std::{ops::ControlFlow, sync::Arc};

use arrow::{
    array::AsArray,
    datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use datafusion::{
    common::{DFSchema, TableReference},
    error::DataFusionError,
    logical_expr::LogicalPlanBuilder,
    prelude::SessionContext,
    sql::sqlparser::ast::{
        Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, Ident, ObjectName, Spanned, Statement, TableAlias, TableFactor, Value,
        VisitMut, VisitorMut,
    },
};
use model::{ShopZone, time::Instant};

use super::{
    Function, Gives, Kind, Make,
    Type::{Moment as When, Text},
    arg, example, optional, words,
};
use crate::{
    Desk, Mode, Moment, Params, QueryError,
    desk::bind,
    mistake::{Mistake, Place},
    statement::{Tokens, type_placeholders},
};

pub(crate) const NAME: &str = "as_of";

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: NAME,
    kind: Kind::Table,
    takes: &[
        arg("table", Text, "表の名前（文字列）", "the name of a table, as text"),
        arg(
            "moment",
            When,
            "時点。日付はその日の終わり、ゾーンのない時刻はショップの時刻",
            "a moment; a date means its end, a time without a zone is the shop's",
        ),
        optional(
            "reading",
            Text,
            "the one asked",
            "'as_known'（当時判明）または'as_happened'（後から判明した分を含む）",
            "'as_known' (what was known then) or 'as_happened' (with what arrived later)",
        ),
    ],
    gives: Gives::Rows,
    says: words(
        "別の時点での表。尋ねている時点より後は指定できない。時点は行ごとに変えられない。",
        "A table as it was at another moment, not later than the one asked. The moment is one for all rows: a date, an instant, a parameter or \
         an expression of these.",
    ),
    nulls: words("時点が空値なら誤り。", "A null moment is an error."),
    source: "SEMANTICS §2: as known (both times up to the moment) or as happened (when it happened alone)",
    examples: &[
        example("SELECT count(*) FROM as_of('orders', '2026-01-10') AS before", "1"),
        example(
            "SELECT now.orders - before.orders AS since FROM (SELECT count(*) AS orders FROM orders) AS now CROSS JOIN \
                 (SELECT count(*) AS orders FROM as_of('orders', add_days($today, -20))) AS before",
            "1",
        ),
    ],
    make: Make::Before,
}];

/// A use of it in a statement.
struct Call {
    table: String,
    when: Expr,
    mode: Option<Mode>,
    place: Place,
    /// What stands in its place.
    relation: String,
}

/// Makes every `as_of` of a statement a relation of the session.
pub(crate) async fn resolve(
    desk: &Desk,
    session: &SessionContext,
    tokens: &Tokens,
    statement: &mut Statement,
    values: &Params,
) -> Result<(), QueryError> {
    // Nearly no question has one, and walking a statement costs more than looking at its words.
    if !tokens.words().any(|word| word == NAME) {
        return Ok(());
    }
    // Tables are only ever added to a session, so their number makes a name that is not taken.
    let taken =
        session.catalog("datafusion").and_then(|catalog| catalog.schema("public")).map_or(0, |schema| schema.table_names().len());
    let mut calls = Calls { taken, found: Vec::new(), wrong: None };
    let _ = statement.visit(&mut calls);
    if let Some(mistake) = calls.wrong {
        return Err(tokens.mistake(mistake));
    }
    for call in calls.found {
        let moment = moment(desk, session, tokens, &call, values).await?;
        let past = desk.at(moment);
        // A session of its own: there the names stand for that moment.
        let table = Tokens::read(&tokens.file, &format!("\"{}\"", call.table.replace('"', "")))?;
        let there = past.session_with(session.runtime_env(), &table, &tokens.file).await?;
        let Ok(provider) = there.table_provider(call.table.as_str()).await else {
            let relations = desk.relation_names();
            let remedy = match crate::mistake::nearest(&call.table, relations.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "`tsubame dictionary` lists the tables".into(),
            };
            return Err(tokens.mistake(Mistake::new(call.place, format!("there is no table `{}`", call.table), remedy)));
        };
        let name = TableReference::bare(call.relation.as_str());
        session
            .register_table(name, provider)
            .map_err(|source| desk.planning_error(session, tokens, Some(statement), &source))?;
    }
    Ok(())
}

/// Finds the calls and puts the relations in their places.
struct Calls {
    taken: usize,
    found: Vec<Call>,
    wrong: Option<Mistake>,
}

impl VisitorMut for Calls {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let (Some(given), true) = (args.as_ref(), name.to_string().eq_ignore_ascii_case(NAME)) else {
            return ControlFlow::Continue(());
        };
        let place = Place::from(name.span());
        match call(&given.args, place, self.taken + self.found.len()) {
            Ok(call) => {
                *args = None;
                *name = ObjectName::from(Ident::with_quote('"', &call.relation));
                if alias.is_none() {
                    *alias = Some(TableAlias {
                        explicit: true,
                        name: Ident::with_quote('"', &call.table),
                        columns: Vec::new(),
                        at: None,
                    });
                }
                self.found.push(call);
                ControlFlow::Continue(())
            }
            Err(mistake) => {
                self.wrong = Some(mistake);
                ControlFlow::Break(())
            }
        }
    }
}

fn call(args: &[FunctionArg], place: Place, number: usize) -> Result<Call, Mistake> {
    let wrong = |message: &str| {
        Mistake::new(place, message, "write as_of('orders', '2026-01-31'), or as_of('orders', add_days($today, -30), 'as_known')")
    };
    let mut plain = Vec::new();
    for arg in args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => plain.push(expr.clone()),
            _ => return Err(wrong("as_of takes a table's name and a moment")),
        }
    }
    let text = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    let (table, when, mode) = match &plain[..] {
        [table, when] => (table, when, None),
        [table, when, mode] => {
            let mode = match text(mode).as_deref() {
                Some("as_known") => Mode::AsKnown,
                Some("as_happened") => Mode::AsHappened,
                _ => return Err(wrong("the reading of as_of is 'as_known' or 'as_happened'")),
            };
            (table, when, Some(mode))
        }
        _ => return Err(wrong("as_of takes a table's name and a moment")),
    };
    let table = text(table).ok_or_else(|| wrong("as_of takes the table's name as a text"))?.to_lowercase();
    let relation = format!("{table} {NAME} {number}");
    Ok(Call { table, when: when.clone(), mode, place, relation })
}

/// The moment a call names, computed before anything is read.
async fn moment(
    desk: &Desk,
    session: &SessionContext,
    tokens: &Tokens,
    call: &Call,
    values: &Params,
) -> Result<Moment, QueryError> {
    let fail = |message: String, remedy: &str| tokens.mistake(Mistake::new(call.place, message, remedy));
    let mut expr = call.when.clone();
    type_placeholders(&mut expr, |name| values.get(name).map(crate::ParamValue::kind));
    let state = session.state();
    let computed = async {
        let expr = state.create_logical_expr_from_sql_expr(ExprWithAlias { expr, alias: None }, &DFSchema::empty())?;
        let plan = LogicalPlanBuilder::empty(true).project(vec![expr.alias("moment")])?.build()?;
        session.execute_logical_plan(bind(plan, values)?).await?.collect().await
    };
    let batches = computed.await.map_err(|source| {
        let why = match source.find_root() {
            DataFusionError::SchemaError(..) => "it is computed once, and cannot look at a row".into(),
            _ => crate::mistake::running::failure(&source.strip_backtrace()).0,
        };
        fail(
            format!("the moment of as_of cannot be computed: {}", why.lines().next().unwrap_or_default()),
            "write a date, an instant, a parameter or an expression of these",
        )
    })?;
    let column = batches.first().filter(|batch| batch.num_rows() == 1).map(|batch| batch.column(0).clone());
    let at = column.filter(|column| !column.is_null(0)).and_then(|column| instant(desk.moment.zone, &column));
    let Some(as_of) = at else {
        return Err(fail(
            "the moment of as_of is no date and no instant".into(),
            "write '2026-01-31', or '2026-01-31T12:00:00+09:00'",
        ));
    };
    if as_of > desk.moment.as_of {
        let asked = model::time::rfc3339(desk.moment.as_of);
        return Err(fail(
            format!("as_of names {}, which is later than the moment asked, {asked}", model::time::rfc3339(as_of)),
            "name an earlier one, or ask at a later moment",
        ));
    }
    Ok(Moment { as_of, mode: call.mode.unwrap_or(desk.moment.mode), zone: desk.moment.zone })
}

fn instant(zone: ShopZone, column: &Arc<dyn arrow::array::Array>) -> Option<Instant> {
    match column.data_type() {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
            read(zone, arrow::compute::cast(column, &DataType::Utf8).ok()?.as_string::<i32>().value(0))
        }
        DataType::Date32 => end_of(zone, NaiveDate::from_epoch_days(column.as_primitive::<Date32Type>().value(0))?),
        DataType::Timestamp(_, with_zone) => {
            let micros = arrow::compute::cast(column, &DataType::Timestamp(TimeUnit::Microsecond, with_zone.clone())).ok()?;
            let at = DateTime::from_timestamp_micros(micros.as_primitive::<TimestampMicrosecondType>().value(0))?;
            Some(if with_zone.is_some() { at } else { zone.instant(at.naive_utc()) })
        }
        _ => None,
    }
}

fn read(zone: ShopZone, text: &str) -> Option<Instant> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return end_of(zone, day);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()).map(|local| zone.instant(local))
}

/// The last microsecond of a shop day, as `--as-of` has it.
fn end_of(zone: ShopZone, day: NaiveDate) -> Option<Instant> {
    Some(zone.instant(day.succ_opt()?.and_time(NaiveTime::MIN)) - TimeDelta::microseconds(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_people_write_them() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(read(ShopZone::tokyo(), text).map(model::time::rfc3339).as_deref(), expect, "{text}");
        };
        check("2026-01-31", Some("2026-01-31T14:59:59.999999Z"));
        check("2026-01-31T12:00:00+09:00", Some("2026-01-31T03:00:00.000000Z"));
        check("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00.000000Z"));
        check("2026-01-31 12:00:00", Some("2026-01-31T03:00:00.000000Z"));
        check("2026-01-31 12:00", Some("2026-01-31T03:00:00.000000Z"));
        check("yesterday", None);
    }
}
