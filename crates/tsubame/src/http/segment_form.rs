//! The form a segment is built with: its fields become the conditions of a file, by the reader that reads such files, so that a mistake is
//! told in the same words. Saving writes the file into the shop's folder.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Form, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use query::{
    Params, Query,
    form::{self, Comparison, Condition, FormValue, Holds, Test, attributes::Takes, comparisons},
    segment::Side,
};
use state::Role;
use toml::{Table, Value};
use unicode_normalization::UnicodeNormalization;

use super::{App, Shared, dashboards, errors::Failed, visit::Visit};
use crate::{
    fault::Fault,
    jobs::approval,
    pages::{
        panel::PanelError,
        segment_form::{self as pages, Editor, GROUPS, Preview, Row},
        words,
    },
    shop_file::{self, NotSaved, ShopFile},
};

const ROWS_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 64;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/segment-form", get(open).post(fill))
}

/// An empty form, or that of a segment which is one.
async fn open(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let mut editor = match visit.param("name") {
        None => Editor::default(),
        Some(name) => {
            let form = workspace.library.forms.get(&format!("segments/{name}")).ok_or(Failed::NotFound)?;
            let (is_any, rows) = rows_of(&form.condition).ok_or_else(|| {
                Failed::bad_with(
                    "条件の入れ子が深いか、数が多いか、前後に空白のある文字を含むため、このフォームでは編集できません。",
                    "Its conditions are nested deeper than this form can show, or are too many, or have a text with spaces about it.",
                    "queries/segments/ のファイルを編集してください。",
                    "Edit the file in queries/segments/.",
                )
            })?;
            let (title_ja, title_en) = (form.title.ja.clone(), form.title.en.clone());
            let (description_ja, description_en) = (form.description.ja.clone(), form.description.en.clone());
            let started = started(name, ShopFile::parse(&file(name))?.read(&workspace.folder)?.as_deref());
            Editor {
                name: name.into(),
                started,
                title_ja,
                title_en,
                description_ja,
                description_en,
                is_any,
                rows,
                ..Editor::default()
            }
        }
    };
    shown(&app, &visit, &mut editor).await
}

async fn fill(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let fields: BTreeMap<String, String> = fields.into_iter().collect();
    if !visit.is_own_form(fields.get("csrf").map_or("", String::as_str)) {
        return Err(Failed::Forbidden);
    }
    let mut editor = read(&fields);
    let action = fields.get("action").map_or("preview", String::as_str);
    match action {
        "add" => {
            let wanted = fields.get("new_attribute").map_or("", String::as_str);
            if let Some(attribute) = form::attributes::find(wanted).filter(|_| editor.rows.len() < ROWS_MAX) {
                let scopes = attribute
                    .scopes
                    .iter()
                    .map(|scope| if scope.takes == Takes::Days { "30".into() } else { String::new() })
                    .collect();
                editor.rows.push(Row {
                    attribute,
                    is_not: false,
                    group: String::new(),
                    comparison: comparisons(attribute.holds)[0].into(),
                    value: String::new(),
                    scopes,
                });
            }
        }
        action if action.starts_with("remove_") => {
            if let Some(index) = action["remove_".len()..].parse().ok().filter(|index| *index < editor.rows.len()) {
                editor.rows.remove(index);
            }
        }
        action => match form::Form::parse(&file(&editor.name), &toml(&editor)) {
            Err(problems) => editor.problems = problems.into_iter().map(|problem| (problem.message, problem.remedy)).collect(),
            Ok(form) => {
                let query = form.query(&format!("segments/{}", editor.name), &file(&editor.name));
                editor.preview = Some(preview(&app, &query).await?);
                if action == "save" {
                    save(&app, &visit, &mut editor, &form).await?;
                }
            }
        },
    }
    shown(&app, &visit, &mut editor).await
}

async fn shown(app: &App, visit: &Visit, editor: &mut Editor) -> Result<Response, Failed> {
    editor.csrf = visit.csrf().into();
    editor.may_save = may_save(visit);
    Ok(app.page(visit, words::SEGMENT_FORM.get(visit.locale.lang), pages::draw(&visit.locale, editor)).await?.into_response())
}

/// Segments are read as code is: those who write them put them in place.
fn may_save(visit: &Visit) -> bool {
    visit.session.as_ref().is_some_and(|session| session.account.role >= Role::Analyst)
}

fn read(fields: &BTreeMap<String, String>) -> Editor {
    let text = |name: &str| fields.get(name).map(|value| value.trim().to_string()).unwrap_or_default();
    let mut rows = Vec::new();
    for index in 0..ROWS_MAX {
        let Some(attribute) = fields.get(&format!("attribute_{index}")).and_then(|name| form::attributes::find(name)) else {
            break;
        };
        rows.push(Row {
            attribute,
            is_not: fields.contains_key(&format!("not_{index}")),
            group: text(&format!("group_{index}")),
            comparison: text(&format!("comparison_{index}")),
            value: text(&format!("value_{index}")),
            scopes: (0..attribute.scopes.len()).map(|place| text(&format!("scope{place}_{index}"))).collect(),
        });
    }
    Editor {
        name: text("name"),
        started: text("started"),
        title_ja: text("title_ja"),
        title_en: text("title_en"),
        description_ja: text("description_ja"),
        description_en: text("description_en"),
        is_any: text("match") == "any",
        rows,
        ..Editor::default()
    }
}

fn file(name: &str) -> String {
    format!("queries/segments/{name}.toml")
}

/// What a form remembers of the file it was opened with: nothing where it was none of the shop's own.
fn started(name: &str, text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("{name}:{}", shop_file::hash(text)))
}

/// The form as the file it would be, right or wrong: conditions of a group are joined the other way.
fn toml(editor: &Editor) -> String {
    let (outer, inner) = if editor.is_any { ("any", "all") } else { ("all", "any") };
    let mut members: Vec<Value> = Vec::new();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &editor.rows {
        let condition = Value::Table(condition(row));
        let Some(group) = GROUPS.into_iter().find(|group| *group == row.group) else {
            members.push(condition);
            continue;
        };
        if let Some(place) = groups.get(group)
            && let Some(Value::Array(list)) = members[*place].get_mut(inner)
        {
            list.push(condition);
        } else {
            groups.insert(group, members.len());
            members.push(Value::Table([(inner.to_string(), Value::Array(vec![condition]))].into_iter().collect()));
        }
    }
    let words = |ja: &String, en: &String| -> Table {
        [("ja", ja), ("en", en)].map(|(lang, text)| (lang.to_string(), Value::String(text.clone()))).into_iter().collect()
    };
    let title = words(&editor.title_ja, &editor.title_en);
    let description = words(&editor.description_ja, &editor.description_en);
    let whole: Table = [
        ("title".to_string(), Value::Table(title)),
        ("description".to_string(), Value::Table(description)),
        (outer.to_string(), Value::Array(members)),
    ]
    .into_iter()
    .collect();
    whole.to_string()
}

fn condition(row: &Row) -> Table {
    let mut table = Table::new();
    table.insert("attribute".into(), Value::String(row.attribute.name.into()));
    for (scope, raw) in row.attribute.scopes.iter().zip(&row.scopes).filter(|(_, raw)| !raw.is_empty()) {
        let holds = if scope.takes == Takes::Days { Holds::Int } else { Holds::Text };
        table.insert(scope.name.into(), typed(holds, raw));
    }
    let holds = match row.comparison.as_str() {
        "known" => Holds::Bool,
        "days_ago_at_least" | "days_ago_at_most" => Holds::Int,
        _ => row.attribute.holds,
    };
    let value = match row.comparison.as_str() {
        "one_of" | "none_of" | "between" => {
            let parts = row.value.split([',', '、', '，']).map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| typed(holds, part)).collect())
        }
        _ => typed(holds, &row.value),
    };
    table.insert(row.comparison.clone(), value);
    match row.is_not {
        true => [("not".to_string(), Value::Table(table))].into_iter().collect(),
        false => table,
    }
}

/// What was typed as what is wanted; as text where it is none, so that the reader says what it is not.
fn typed(holds: Holds, raw: &str) -> Value {
    let plain: String = raw.nfkc().filter(|c| !c.is_whitespace()).collect();
    let number = plain.replace(',', "");
    let read = match holds {
        Holds::Int | Holds::Money | Holds::Rate => {
            let share = number.strip_suffix('%').filter(|_| holds == Holds::Rate).and_then(|percent| percent.parse::<f64>().ok());
            let float = || number.parse::<f64>().ok().filter(|value| value.is_finite());
            number
                .parse()
                .ok()
                .map(Value::Integer)
                .or_else(|| share.map(|percent| Value::Float(percent / 100.0)))
                .or_else(|| float().map(Value::Float))
        }
        Holds::Bool => match plain.as_str() {
            "true" | "yes" | "はい" | "1" => Some(Value::Boolean(true)),
            "false" | "no" | "いいえ" | "0" => Some(Value::Boolean(false)),
            _ => None,
        },
        Holds::Date => Some(Value::String(plain.replace('/', "-"))),
        Holds::Text => None,
    };
    read.unwrap_or_else(|| Value::String(raw.into()))
}

/// The rows of a condition that has no more than groups of comparisons.
fn rows_of(condition: &Condition) -> Option<(bool, Vec<Row>)> {
    let (is_any, members) = match condition {
        Condition::All(members) => (false, members.as_slice()),
        Condition::Any(members) => (true, members.as_slice()),
        one => (false, std::slice::from_ref(one)),
    };
    let mut rows = Vec::new();
    let mut groups = GROUPS.iter();
    for member in members {
        match (member, is_any) {
            (Condition::Any(inner), false) | (Condition::All(inner), true) => {
                let group = groups.next()?;
                for member in inner {
                    rows.push(row_of(member, group)?);
                }
            }
            (member, _) => rows.push(row_of(member, "")?),
        }
    }
    // What has no row would be gone when it is saved.
    (rows.len() <= ROWS_MAX).then_some((is_any, rows))
}

fn row_of(condition: &Condition, group: &str) -> Option<Row> {
    let (is_not, test): (bool, &Test) = match condition {
        Condition::Is(test) => (false, test),
        Condition::Not(inner) => match inner.as_ref() {
            Condition::Is(test) => (true, test),
            _ => return None,
        },
        _ => return None,
    };
    let scopes =
        test.attribute.scopes.iter().map(|scope| {
            test.scope.iter().find(|(name, _)| *name == scope.name).map(|(_, value)| value.plain()).unwrap_or_default()
        });
    // A field has no spaces about what is typed, and no text of none.
    let is_typed = |text: &str| !text.is_empty() && text.trim() == text;
    let is_whole = match &test.comparison {
        Comparison::Equals(one) | Comparison::NotEquals(one) => is_typed(&one.plain()),
        Comparison::OneOf(values) | Comparison::NoneOf(values) => values.iter().all(|value| is_typed(&value.plain())),
        Comparison::Contains(text) | Comparison::StartsWith(text) => is_typed(text),
        _ => true,
    };
    if !is_whole || !test.scope.iter().all(|(_, value)| is_typed(&value.plain())) {
        return None;
    }
    let list = |values: &[FormValue]| values.iter().map(FormValue::plain).collect::<Vec<_>>().join(", ");
    let value = match &test.comparison {
        Comparison::Is(yes) | Comparison::Known(yes) => yes.to_string(),
        Comparison::Equals(one)
        | Comparison::NotEquals(one)
        | Comparison::AtLeast(one)
        | Comparison::AtMost(one)
        | Comparison::MoreThan(one)
        | Comparison::LessThan(one) => one.plain(),
        Comparison::Between(low, high) => list(&[low.clone(), high.clone()]),
        // A text with a comma in it would come back as two.
        Comparison::OneOf(values) | Comparison::NoneOf(values)
            if values.iter().all(|value| !value.plain().contains([',', '、', '，'])) =>
        {
            list(values)
        }
        Comparison::OneOf(_) | Comparison::NoneOf(_) => return None,
        Comparison::Contains(text) | Comparison::StartsWith(text) => text.clone(),
        Comparison::DaysAgoAtLeast(days) | Comparison::DaysAgoAtMost(days) => days.to_string(),
    };
    Some(Row {
        attribute: test.attribute,
        is_not,
        group: group.into(),
        comparison: test.comparison.name().into(),
        value,
        scopes: scopes.collect(),
    })
}

async fn preview(app: &App, query: &Query) -> Result<Preview, Failed> {
    let mut desk = dashboards::desk(app).await?;
    // As it would be: a segment that it asks may ask this one.
    let mut library = desk.library.as_ref().clone();
    library.queries.insert(query.name.clone(), query.clone());
    desk.library = Arc::new(library);
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let asked = (Side { desk: &desk, query, params: &Params::new() }).members().await;
    let members = asked.map(|members| members.len() as u64).map_err(|error| {
        let fault = Fault::from(error);
        PanelError { message: fault.message, remedy: fault.remedy }
    });
    Ok(Preview { sql: query.sql.clone(), members })
}

/// Never over a segment that is SQL, nor over what somebody else wrote meanwhile.
async fn save(app: &App, visit: &Visit, editor: &mut Editor, form: &form::Form) -> Result<(), Failed> {
    let workspace = app.workspace();
    if !may_save(visit) {
        return Err(Failed::Forbidden);
    }
    let lang = visit.locale.lang;
    let mut refuse =
        |word: words::Word, remedy: words::Word| editor.problems.push((word.get(lang).into(), Some(remedy.get(lang).into())));
    let name = editor.name.clone();
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !is_plain {
        refuse(words::SEGMENT_FORM_BAD_NAME, words::SEGMENT_FORM_BAD_NAME_REMEDY);
        return Ok(());
    }
    if matches!(&editor.preview, Some(Preview { members: Err(_), .. })) {
        // What cannot be run is not put where a night would run it; the preview says why.
        return Ok(());
    }
    let library = &workspace.library;
    let full = format!("segments/{name}");
    if workspace.path(&format!("queries/segments/{name}.sql")).exists()
        || (library.queries.contains_key(&full) && !library.forms.contains_key(&full))
    {
        refuse(words::SEGMENT_FORM_TAKEN, words::SEGMENT_FORM_TAKEN_REMEDY);
        return Ok(());
    }
    let opened = editor.started.split_once(':').filter(|(opened, _)| *opened == name);
    let expected = opened.map(|(_, hash)| hash.to_string());
    let text = form.toml();
    let saved = ShopFile::parse(&file(&name))?;
    match shop_file::save(&workspace.folder, &saved, expected.as_deref(), &text).await {
        Ok(_) => {
            editor.started = started(&name, Some(&text));
            editor.saved_as = Some(file(&name));
            app.reload().await?;
            let by = visit.session.as_ref().map_or("", |session| &session.account.name);
            approval::saved(&app.workspace(), &saved, by).await?;
        }
        Err(NotSaved::Conflict { .. }) => refuse(words::SEGMENT_FORM_CONFLICT, words::SEGMENT_FORM_CONFLICT_REMEDY),
        Err(NotSaved::Problems(problems)) => {
            editor.problems.extend(problems.into_iter().map(|problem| (problem.message, problem.remedy)));
        }
        Err(NotSaved::Fault(fault)) => return Err(fault.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(attribute: &str, comparison: &str, value: &str, scopes: &[&str]) -> Row {
        Row {
            attribute: form::attributes::find(attribute).expect("an attribute"),
            is_not: false,
            group: String::new(),
            comparison: comparison.into(),
            value: value.into(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_is_typed_is_read_as_what_is_wanted() {
        let check = |row: Row, expect: Result<Comparison, &str>| {
            let shown = format!("{row:?}");
            let editor = Editor { title_ja: "x".into(), rows: vec![row], ..Editor::default() };
            let found = form::Form::parse("x.toml", &toml(&editor)).map_err(|problems| problems[0].message.clone());
            let found = found.map(|form| form.condition.tests()[0].comparison.clone());
            assert_eq!(found, expect.map_err(String::from), "{shown}");
        };
        let text = |text: &str| FormValue::Text(text.into());
        check(row("orders", "at_least", "１,２００", &[]), Ok(Comparison::AtLeast(FormValue::Int(1200))));
        check(row("net_revenue_top", "less_than", "30%", &[]), Ok(Comparison::LessThan(FormValue::Rate(0.3))));
        check(
            row("prefecture", "one_of", "東京都、大阪府, O'Hara", &[]),
            Ok(Comparison::OneOf(vec![text("東京都"), text("大阪府"), text("O'Hara")])),
        );
        check(row("prefecture", "equals", "\"; x = 1\nall = []", &[]), Ok(Comparison::Equals(text("\"; x = 1\nall = []"))));
        check(row("last_ordered_on", "days_ago_at_least", "30", &[]), Ok(Comparison::DaysAgoAtLeast(30)));
        check(
            row("first_ordered_on", "equals", "2026/06/01", &[]),
            Ok(Comparison::Equals(FormValue::Date("2026-06-01".parse().expect("a day")))),
        );
        check(row("orders_within", "between", "1, 3", &["90"]), Ok(Comparison::Between(FormValue::Int(1), FormValue::Int(3))));
        check(row("consent", "is", "false", &["line", "marketing"]), Ok(Comparison::Is(false)));
        check(row("orders", "at_least", "two", &[]), Err("all[0].at_least: \"two\" is not of the attribute's type"));
        check(row("orders", "at_least", "", &[]), Err("all[0].at_least: \"\" is not of the attribute's type"));
        check(row("orders_within", "at_least", "1", &[""]), Err("all[0]: `orders_within` needs `days`"));
        check(row("orders", "attribute", "x", &[]), Err("all[0].attribute: there is no attribute `x`"));
    }

    #[test]
    fn groups_are_joined_the_other_way_and_come_back() {
        let mut rows =
            vec![row("orders", "at_least", "2", &[]), row("gender", "equals", "female", &[]), row("r", "equals", "5", &[])];
        (rows[1].group, rows[2].group, rows[2].is_not) = ("A".into(), "A".into(), true);
        for is_any in [false, true] {
            let editor = Editor { title_ja: "x".into(), is_any, rows: rows.clone(), ..Editor::default() };
            let form = form::Form::parse("x.toml", &toml(&editor)).expect("a form");
            let is_joined = matches!((&form.condition, is_any),
                (Condition::All(members), false) if matches!(&members[1], Condition::Any(inner) if inner.len() == 2))
                || matches!((&form.condition, is_any),
                    (Condition::Any(members), true) if matches!(&members[1], Condition::All(inner) if inner.len() == 2));
            assert!(is_joined, "{form:?}");
            assert_eq!(rows_of(&form.condition), Some((is_any, rows.clone())));
        }
        let deep = "title = \"x\"\nall = [{ any = [{ all = [{ attribute = \"r\", equals = 5 }] }] }]";
        let is_shown = |text: &str| rows_of(&form::Form::parse("x.toml", text).expect("a form").condition).is_some();
        assert!(!is_shown(deep));
        // What a row cannot hold, or has no row, would be gone when it is saved.
        let many =
            |count: usize| format!("title = \"x\"\nall = [{}]", ["{ attribute = \"r\", equals = 5 }"; 60][..count].join(", "));
        assert!(is_shown(&many(ROWS_MAX)) && !is_shown(&many(ROWS_MAX + 1)));
        for value in ["one_of = [\"\", \"東京都\"]", "equals = \" 東京都\""] {
            assert!(!is_shown(&format!("title = \"x\"\nattribute = \"prefecture\"\n{value}")), "{value}");
        }
    }
}
