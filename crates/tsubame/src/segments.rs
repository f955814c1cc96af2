//! Segments as people meet them, on the command line and on pages: by name, with what they are made of and where they are used.

use std::collections::{BTreeMap, BTreeSet};

use model::Text;
use query::{
    Answer, Kind, Library, Query, QueryError, Value,
    segment::{Change, Explained, selects_from},
};

use crate::{
    fault::{Exit, Fault},
    jobs::back_test::column,
    workspace::Workspace,
};

/// A segment by its own name or that of its file, or a remedy.
pub fn find<'a>(library: &'a Library, name: &str) -> Result<&'a Query, Fault> {
    let short = short(name);
    named(library, name).ok_or_else(|| {
        let known: Vec<&str> = library.segments().map(|(known, _)| known).collect();
        let close: Vec<&str> = library.similar(short).into_iter().filter_map(|name| name.strip_prefix("segments/")).collect();
        let remedy = if close.is_empty() {
            format!("there are: {}", known.join(", "))
        } else {
            format!("did you mean {}?", close.join(", "))
        };
        Fault::new(Exit::Config, format!("there is no segment `{short}`")).remedy(remedy)
    })
}

/// A segment by its own name or that of its file, whatever other query is called alike.
pub fn named<'a>(library: &'a Library, name: &str) -> Option<&'a Query> {
    library.segment(short(name))
}

fn short(name: &str) -> &str {
    name.strip_prefix("segments/").or_else(|| name.strip_prefix("segment.")).unwrap_or(name)
}

/// What a segment is called, by its own name or that of its file.
pub fn titles(library: &Library, name: &str) -> Option<Text> {
    Some(titles_of(library, named(library, name)?))
}

/// What a segment is used by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    pub scenarios: Vec<String>,
    pub exports: Vec<String>,
    pub segments: Vec<String>,
}

/// By segment; those that nothing uses are missing.
pub fn uses(workspace: &Workspace) -> Result<BTreeMap<String, Uses>, QueryError> {
    let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
    let short = |name: &str| name.strip_prefix("segments/").unwrap_or(name).to_string();
    for scenario in &workspace.files.scenarios {
        if let Some(segment) = &scenario.entry.segment {
            uses.entry(short(segment)).or_default().scenarios.push(scenario.scenario.clone());
        }
    }
    for export in &workspace.shop().exports {
        uses.entry(short(&export.segment)).or_default().exports.push(export.name.clone());
    }
    for (name, query) in workspace.library.segments() {
        for inner in selects_from(&workspace.library, query)? {
            uses.entry(inner).or_default().segments.push(name.into());
        }
    }
    Ok(uses)
}

/// The segments whose members are saved night by night: the shop's own, and those that its scenarios, exports and own segments use. The
/// others of the library are there to be taken up.
pub fn kept(workspace: &Workspace) -> Result<BTreeSet<String>, QueryError> {
    let uses = uses(workspace)?;
    let is_own = |name: &str, query: &Query| !query.file.starts_with(&format!("queries/segments/{name}."));
    let own: BTreeSet<&str> =
        workspace.library.segments().filter(|(name, query)| is_own(name, query)).map(|(name, _)| name).collect();
    let is_used = |name: &str| {
        uses.get(name).is_some_and(|uses| {
            !uses.scenarios.is_empty() || !uses.exports.is_empty() || uses.segments.iter().any(|by| own.contains(by.as_str()))
        })
    };
    let needs_nothing = |query: &Query| query.header.params.iter().all(|param| param.default.is_some());
    let kept = workspace.library.segments().filter(|(name, query)| needs_nothing(query) && (own.contains(name) || is_used(name)));
    Ok(kept.map(|(name, _)| name.to_string()).collect())
}

/// Every segment, what it takes, what it is made of, and what uses it.
pub fn list(workspace: &Workspace) -> Result<Answer, QueryError> {
    let uses = uses(workspace)?;
    let columns = vec![
        column("segment", Kind::Text, "セグメント", "Segment"),
        column("title", Kind::Text, "名称", "Title"),
        column("made_as", Kind::Text, "作り方", "Made as"),
        column("parameters", Kind::Text, "パラメーター", "Parameters"),
        column("selects_from", Kind::Text, "参照先", "Selects from"),
        column("used_by", Kind::Text, "利用先", "Used by"),
    ];
    let mut rows = Vec::new();
    for (name, query) in workspace.library.segments() {
        let params: Vec<String> = query
            .header
            .params
            .iter()
            .map(|param| match &param.default {
                Some(default) => format!("{}:{}={}", param.name, param.kind.name(), plain(default)),
                None => format!("{}:{}", param.name, param.kind.name()),
            })
            .collect();
        let made_as = if workspace.library.forms.contains_key(&query.name) { "form" } else { "sql" };
        let used = uses.get(name).cloned().unwrap_or_default();
        let used: Vec<String> = (used.scenarios.iter().map(|name| format!("scenario {name}")))
            .chain(used.exports.iter().map(|name| format!("export {name}")))
            .chain(used.segments.iter().map(|name| format!("segment {name}")))
            .collect();
        let texts = [
            name.to_string(),
            title(&workspace.library, query, &workspace.shop().language),
            made_as.into(),
            params.join(" "),
            selects_from(&workspace.library, query)?.join(" "),
            used.join(", "),
        ];
        rows.push(texts.into_iter().map(Value::Text).collect());
    }
    Ok(Answer { columns, rows })
}

/// A segment's title in the reader's language.
pub fn title(library: &Library, query: &Query, lang: &str) -> String {
    titles_of(library, query).get(lang).to_string()
}

fn titles_of(library: &Library, query: &Query) -> Text {
    library.forms.get(&query.name).map_or_else(|| query.header.titles(), |form| form.title.clone())
}

/// Clause by clause, those of the segments it is made of after its own.
pub fn explained(explained: &Explained) -> Answer {
    let columns = vec![
        column("segment", Kind::Text, "セグメント", "Segment"),
        column("member", Kind::Bool, "該当", "Member"),
        column("clause", Kind::Text, "条件", "Clause"),
        column("holds", Kind::Bool, "成立", "Holds"),
        column("values", Kind::Text, "値", "Values"),
    ];
    let mut rows = Vec::new();
    let mut left = vec![explained];
    while let Some(one) = left.pop() {
        let mut row = |clause: Value, holds: Value, values: String| {
            rows.push(vec![Value::Text(one.segment.clone()), Value::Bool(one.is_member), clause, holds, Value::Text(values)]);
        };
        match &one.clauses {
            None => row(Value::Null, Value::Null, String::new()),
            Some(clauses) if clauses.is_empty() => {
                row(Value::Text("a row of what it selects from".into()), Value::Bool(one.is_member), String::new())
            }
            Some(clauses) => {
                for held in clauses {
                    row(Value::Text(held.clause.clone()), Value::Bool(held.holds), values(&held.values));
                }
            }
        }
        left.extend(one.inner.iter().rev());
    }
    Answer { columns, rows }
}

/// Who is only in one of two answers, and the clause that tells them apart.
pub fn changes(changes: &[Change], gone: &str, came: &str) -> Answer {
    let columns = vec![
        column("customer_id", Kind::Text, "会員ID", "Customer"),
        column("change", Kind::Text, "変化", "Change"),
        column("clause", Kind::Text, "成立しなくなった・成立した条件", "Clause that flipped"),
        column("failed", Kind::Text, "不成立のときの値", "Where it fails"),
        column("held", Kind::Text, "成立のときの値", "Where it holds"),
    ];
    let row = |change: &Change| {
        vec![
            Value::Text(change.customer.clone()),
            Value::Text(if change.came { came } else { gone }.into()),
            change.clause.clone().map_or(Value::Null, Value::Text),
            Value::Text(values(&change.failed)),
            Value::Text(values(&change.held)),
        ]
    };
    Answer { columns, rows: changes.iter().map(row).collect() }
}

fn values(values: &[(String, Value)]) -> String {
    let shown = |(name, value): &(String, Value)| match value {
        Value::Null => format!("{name} is unknown"),
        value => format!("{name} = {}", value.plain()),
    };
    values.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn plain(value: &query::ParamValue) -> String {
    use query::ParamValue::{Bool, Date, Float, Instant, Int, Money, Text};
    match value {
        Int(value) => value.to_string(),
        Float(value) => value.to_string(),
        Text(value) => value.clone(),
        Date(value) => value.to_string(),
        Instant(value) => model::time::rfc3339(*value),
        Bool(value) => value.to_string(),
        Money(value) => value.to_string(),
    }
}
