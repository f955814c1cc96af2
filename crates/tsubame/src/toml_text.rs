//! Changes values inside a TOML text and leaves every other byte as it was: the comments, order and layout of a file that people keep are
//! theirs. What a change was meant to do is checked by reading the text again.

use std::{collections::BTreeMap, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use toml::Spanned;

/// A value that a form can show and change.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl Scalar {
    /// As it is shown in a field.
    pub fn plain(&self) -> String {
        match self {
            Scalar::Text(text) => text.clone(),
            Scalar::Int(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Bool(yes) => yes.to_string(),
        }
    }

    /// What was typed in the place of this value: of its kind where it can be read so, else as text, so that whoever reads the file says what
    /// it is not.
    pub fn typed(&self, raw: &str) -> Scalar {
        let number = raw.trim();
        let read = match self {
            Scalar::Text(_) => None,
            Scalar::Int(_) | Scalar::Float(_) => {
                let float = || number.parse::<f64>().ok().filter(|number| number.is_finite()).map(Scalar::Float);
                number.parse().ok().map(Scalar::Int).or_else(float)
            }
            Scalar::Bool(_) => number.parse().ok().map(Scalar::Bool),
        };
        read.unwrap_or_else(|| Scalar::Text(raw.into()))
    }
}

/// A value and where it stands: `step.0.wait.for`.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub path: String,
    pub value: Scalar,
    span: Range<usize>,
}

/// Why a text was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    #[error("the text is not TOML")]
    NotToml,
    #[error("there is no value `{0}` in the text")]
    NoSuchValue(String),
    #[error("`{0}` could not be changed without touching something else")]
    Touched(String),
}

/// Every text, number and yes-or-no of a TOML text, in the order in which they stand.
pub fn leaves(text: &str) -> Result<Vec<Leaf>, NotChanged> {
    let document: BTreeMap<String, Spanned<Item>> = toml::from_str(text).map_err(|_| NotChanged::NotToml)?;
    let mut found = Vec::new();
    for (name, item) in document {
        collect(name, item, &mut found);
    }
    found.sort_by_key(|leaf| leaf.span.start);
    Ok(found)
}

/// The text with these values in the place of those it has.
pub fn replace(text: &str, changes: &BTreeMap<String, Scalar>) -> Result<String, NotChanged> {
    let before = leaves(text)?;
    if let Some(path) = changes.keys().find(|path| !before.iter().any(|leaf| leaf.path == **path)) {
        return Err(NotChanged::NoSuchValue(path.clone()));
    }
    let mut changed = text.to_string();
    // From the end, so that places before stay where they are.
    for leaf in before.iter().rev() {
        if let Some(value) = changes.get(&leaf.path).filter(|value| **value != leaf.value) {
            changed.replace_range(leaf.span.clone(), &written(value));
        }
    }
    let wanted: BTreeMap<&str, &Scalar> =
        before.iter().map(|leaf| (leaf.path.as_str(), changes.get(&leaf.path).unwrap_or(&leaf.value))).collect();
    let after = leaves(&changed).unwrap_or_default();
    let found: BTreeMap<&str, &Scalar> = after.iter().map(|leaf| (leaf.path.as_str(), &leaf.value)).collect();
    match wanted.iter().find(|(path, value)| found.get(*path) != Some(value)) {
        Some((path, _)) => Err(NotChanged::Touched(path.to_string())),
        None if found.len() != wanted.len() => Err(NotChanged::Touched(changes.keys().cloned().collect::<Vec<_>>().join(", "))),
        None => Ok(changed),
    }
}

/// A value as it is written into a TOML file.
pub fn written(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => quoted(text),
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) if number.fract() == 0.0 => format!("{number:.1}"),
        Scalar::Float(number) => number.to_string(),
        Scalar::Bool(yes) => yes.to_string(),
    }
}

/// Over several lines where it has several, so that a message reads in its file as it will be read.
fn quoted(text: &str) -> String {
    let has_lines = text.contains('\n');
    let mut inner = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => inner.push_str("\\\\"),
            // Three in a row would end the text, and so would one at its end.
            '"' if !has_lines || inner.ends_with('"') || chars.peek().is_none() => inner.push_str("\\\""),
            '\n' | '\t' if has_lines => inner.push(c),
            '\n' => inner.push_str("\\n"),
            '\t' => inner.push_str("\\t"),
            c if c.is_control() => inner.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => inner.push(c),
        }
    }
    // The first line break belongs to the quotes.
    if has_lines { format!("\"\"\"\n{inner}\"\"\"") } else { format!("\"{inner}\"") }
}

fn collect(path: String, item: Spanned<Item>, found: &mut Vec<Leaf>) {
    let span = item.span();
    match item.into_inner() {
        Item::Scalar(value) => found.push(Leaf { path, value, span }),
        Item::List(members) => {
            for (index, member) in members.into_iter().enumerate() {
                collect(format!("{path}.{index}"), member, found);
            }
        }
        Item::Table(members) => {
            for (name, member) in members {
                collect(format!("{path}.{name}"), member, found);
            }
        }
        Item::Other => {}
    }
}

/// A TOML value whose parts know where they stand.
enum Item {
    Scalar(Scalar),
    List(Vec<Spanned<Item>>),
    Table(BTreeMap<String, Spanned<Item>>),
    /// A date or a time: no file of ours has one that is not a text.
    Other,
}

/// As which member the reader hands over a date.
const DATE: &str = "$__toml_private_datetime";

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Item;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a TOML value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Scalar(Scalar::Text(text.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Item, E> {
        Ok(Item::Scalar(Scalar::Int(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Item, E> {
        Ok(Item::Scalar(Scalar::Float(number)))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Item, E> {
        Ok(Item::Scalar(Scalar::Bool(yes)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element()? {
            list.push(member);
        }
        Ok(Item::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        let mut table = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == DATE {
                members.next_value::<String>()?;
                return Ok(Item::Other);
            }
            table.insert(name, members.next_value()?);
        }
        Ok(Item::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = r#"# Why it is there.
scenario = "cart"   # its name
priority = 10
[holdout]
percent = 30.5
[entry]
date = 2026-01-01
[[step]]
id = 'a'
wait = { for = "3h", since = "last(cart_updated)" } # three hours
[[step]]
id = "b"
send = { try = ["line", "email"], template = "cart_1" }
[email]
body = """
{{ name }}様

"quoted" C:\\path
"""
"#;

    #[test]
    fn values_are_found_where_they_stand() {
        let found: Vec<(String, String)> =
            leaves(SCENARIO).expect("TOML").into_iter().map(|leaf| (leaf.path, leaf.value.plain())).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        let expect = [
            ("scenario", "cart"),
            ("priority", "10"),
            ("holdout.percent", "30.5"),
            ("step.0.id", "a"),
            ("step.0.wait.for", "3h"),
            ("step.0.wait.since", "last(cart_updated)"),
            ("step.1.id", "b"),
            ("step.1.send.try.0", "line"),
            ("step.1.send.try.1", "email"),
            ("step.1.send.template", "cart_1"),
            ("email.body", "{{ name }}様\n\n\"quoted\" C:\\path\n"),
        ];
        assert_eq!(found, expect);
    }

    #[test]
    fn a_value_changes_and_nothing_else_does() {
        let check = |path: &str, raw: &str, before: &str, after: &str| {
            let leaf = leaves(SCENARIO).expect("TOML").into_iter().find(|leaf| leaf.path == path).expect(path);
            let changed = replace(SCENARIO, &[(path.to_string(), leaf.value.typed(raw))].into());
            assert_eq!(changed, Ok(SCENARIO.replacen(before, after, 1)), "{path} = {raw}");
        };
        check("step.0.wait.for", "90m", "\"3h\"", "\"90m\"");
        check("step.0.id", "it's", "'a'", "\"it's\"");
        check("priority", " 12 ", "10", "12");
        check("priority", "many", "10", "\"many\"");
        check("holdout.percent", "5", "30.5", "5");
        check("holdout.percent", "2.50", "30.5", "2.5");
        check("step.1.send.template", "a\"b\\c\u{7}", "\"cart_1\"", "\"a\\\"b\\\\c\\u0007\"");
        check("scenario", "cart", "never there", "never there");
        let body = "\"\"\"\n{{ name }}様\n\n\"quoted\" C:\\\\path\n\"\"\"";
        check("email.body", "one line", body, "\"one line\"");
        check("email.body", "\n\"\"\"\"x\\\n\"", body, "\"\"\"\n\n\"\\\"\\\"\\\"x\\\\\n\\\"\"\"\"");
        // Whatever is typed comes back as it was typed.
        for text in ["", "\"", "\"\"\"", "\n", "\r\n", "a\n\"\"\"\n\"\"", "\\u0041", "燕 # x", "\u{0}\n\u{7f}", "'''\n'''"] {
            let changes = [("email.body".to_string(), Scalar::Text(text.into()))].into();
            let changed = replace(SCENARIO, &changes).expect(text);
            let body = leaves(&changed).expect("TOML").pop().expect("a body");
            assert_eq!((body.path.as_str(), body.value), ("email.body", Scalar::Text(text.into())), "{changed}");
        }
    }

    #[test]
    fn what_cannot_be_changed_is_said() {
        let one = |path: &str| [(path.to_string(), Scalar::Int(1))].into();
        assert_eq!(replace("a = [", &one("a")), Err(NotChanged::NotToml));
        assert_eq!(replace("a = 1", &one("a.b")), Err(NotChanged::NoSuchValue("a.b".into())));
        assert_eq!(replace("a = 2026-01-01", &one("a")), Err(NotChanged::NoSuchValue("a".into())));
    }
}
