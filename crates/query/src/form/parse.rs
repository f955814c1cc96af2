//! Reading a form's file: every problem at once, each with its line and the path to it.

use std::ops::Range;

use chrono::NaiveDate;
use model::{Money, Problem, Text};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Attribute, Comparison, Condition, Form, FormValue, Holds, Test,
    attributes::{self, Takes},
    comparisons,
};

const DEPTH_MAX: usize = 8;
const CONDITIONS_MAX: usize = 100;
/// Far more than any count or window of days, and exact in every type that SQL may turn it into.
const INT_MAX: i64 = 1_000_000_000_000_000;
const DAYS_MAX: i64 = 36_500;

impl Form {
    pub fn parse(file: &str, text: &str) -> Result<Form, Vec<Problem>> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_at(text, span.start));
            vec![Problem::new(file, line, error.message().to_string()).with_remedy("the file is to be TOML")]
        })?;
        let mut reader = Reader { file, text, problems: Vec::new(), conditions: 0 };
        let root = table.get_ref();
        let title = reader.words(root, "title");
        let description = reader.words(root, "description");
        if title == Text::default() {
            reader.say(0..0, "the segment has no title".into(), "add `title = { ja = \"…\", en = \"…\" }`".into());
        }
        let rest: Vec<(&str, &Spanned<DeValue>)> =
            entries(root).filter(|(name, _)| !["title", "description"].contains(name)).collect();
        let condition = reader.condition(&rest, 0..0, "", 0);
        match condition {
            Some(condition) if reader.problems.is_empty() => Ok(Form { title, description, condition }),
            _ => Err(reader.problems),
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    conditions: usize,
}

type Members<'t, 'i> = [(&'t str, &'t Spanned<DeValue<'i>>)];

impl Reader<'_> {
    fn say(&mut self, span: Range<usize>, message: String, remedy: String) {
        let line = if span == (0..0) { 0 } else { line_at(self.text, span.start) };
        self.problems.push(Problem::new(self.file, line, message).with_remedy(remedy));
    }

    fn words(&mut self, root: &DeTable, name: &str) -> Text {
        let Some(value) = root.get(name) else { return Text::default() };
        let text = |value: &DeValue| value.as_str().map(String::from);
        match value.get_ref() {
            DeValue::String(words) => Text::new(words, words),
            DeValue::Table(table)
                if entries(table).all(|(lang, words)| ["ja", "en"].contains(&lang) && text(words.get_ref()).is_some()) =>
            {
                let word = |lang: &str| table.get(lang).and_then(|words| text(words.get_ref())).unwrap_or_default();
                Text::new(&word("ja"), &word("en"))
            }
            _ => {
                self.say(
                    value.span(),
                    format!("`{name}` is not a text in ja and en"),
                    format!("write `{name} = {{ ja = \"…\", en = \"…\" }}`"),
                );
                Text::default()
            }
        }
    }

    /// A condition: `all`, `any`, `not`, or an attribute compared. `None` after a problem was said.
    fn condition(&mut self, members: &Members, span: Range<usize>, path: &str, depth: usize) -> Option<Condition> {
        const SHAPES: [&str; 4] = ["all", "any", "not", "attribute"];
        let at = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        let here = if path.is_empty() { "the segment" } else { path };
        let shapes: Vec<&str> = SHAPES.into_iter().filter(|shape| members.iter().any(|(name, _)| name == shape)).collect();
        if depth > DEPTH_MAX {
            self.say(
                span,
                format!("{here} is nested more than {DEPTH_MAX} deep"),
                "put a part of it into a segment of its own, and ask `in_segment`".into(),
            );
            return None;
        }
        self.conditions += 1;
        if self.conditions == CONDITIONS_MAX + 1 {
            self.say(
                span.clone(),
                format!("there are more than {CONDITIONS_MAX} conditions"),
                "put a part into a segment of its own, and ask `in_segment`".into(),
            );
        }
        let [shape] = shapes[..] else {
            let found =
                if shapes.is_empty() { "has no condition".into() } else { format!("has {} at once", shapes.join(" and ")) };
            self.say(
                span,
                format!("{here} {found}"),
                "write one of `all = […]`, `any = […]`, `not = {…}` and `attribute = \"…\"`".into(),
            );
            return None;
        };
        if shape == "attribute" {
            return self.test(members, span, path).map(Condition::Is);
        }
        for (name, value) in members.iter().filter(|(name, _)| *name != shape) {
            self.say(
                value.span(),
                format!("{} means nothing beside `{shape}`", at(name)),
                format!("remove it, or move it into `{shape}`"),
            );
        }
        let (_, value) = members.iter().find(|(name, _)| *name == shape)?;
        if shape == "not" {
            let DeValue::Table(table) = value.get_ref() else {
                self.say(
                    value.span(),
                    format!("{} is not a condition", at(shape)),
                    "write `not = { attribute = \"…\", … }`".into(),
                );
                return None;
            };
            let inner: Vec<_> = entries(table).collect();
            return self.condition(&inner, value.span(), &at(shape), depth + 1).map(|inner| Condition::Not(Box::new(inner)));
        }
        let list = match value.get_ref() {
            DeValue::Array(list) if !list.is_empty() => list,
            _ => {
                self.say(
                    value.span(),
                    format!("{} is not a list of conditions", at(shape)),
                    format!("write `{shape} = [{{ attribute = \"…\", … }}, …]`"),
                );
                return None;
            }
        };
        let mut conditions = Vec::new();
        for (index, member) in list.iter().enumerate() {
            let path = at(&format!("{shape}[{index}]"));
            match member.get_ref() {
                DeValue::Table(table) => {
                    let inner: Vec<_> = entries(table).collect();
                    conditions.push(self.condition(&inner, member.span(), &path, depth + 1));
                }
                _ => {
                    self.say(member.span(), format!("{path} is not a condition"), "write `{ attribute = \"…\", … }`".into());
                    conditions.push(None);
                }
            }
        }
        let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
        Some(if shape == "all" { Condition::All(conditions) } else { Condition::Any(conditions) })
    }

    fn test(&mut self, members: &Members, span: Range<usize>, path: &str) -> Option<Test> {
        let at = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        let (_, named) = members.iter().find(|(name, _)| *name == "attribute")?;
        let name = named.get_ref().as_str().unwrap_or_default();
        let Some(attribute) = attributes::find(name) else {
            let known: Vec<&str> = super::ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
            self.say(
                named.span(),
                format!("{}: there is no attribute `{name}`", at("attribute")),
                format!("one of {}", known.join(", ")),
            );
            return None;
        };
        let before = self.problems.len();
        let known = comparisons(attribute.holds);
        let mut scope = Vec::new();
        for declared in attribute.scopes {
            match members.iter().find(|(name, _)| *name == declared.name) {
                Some((_, value)) => {
                    scope.extend(self.scope(declared.takes, value, &at(declared.name)).map(|value| (declared.name, value)))
                }
                None if declared.required => {
                    let example = match declared.takes {
                        Takes::Days => "30".into(),
                        Takes::Word(words) => format!("\"{}\"", words[0]),
                        Takes::Text | Takes::Segment => "\"…\"".to_string(),
                    };
                    self.say(
                        span.clone(),
                        format!("{path}: `{name}` needs `{}`", declared.name),
                        format!("add `{} = {example}`", declared.name),
                    );
                }
                None => {}
            }
        }
        let compared: Vec<_> = members.iter().filter(|(name, _)| known.contains(name)).collect();
        for (other, value) in members.iter() {
            let is_known =
                *other == "attribute" || known.contains(other) || attribute.scopes.iter().any(|scope| scope.name == *other);
            if !is_known {
                let may: Vec<&str> = attribute.scopes.iter().map(|scope| scope.name).chain(known.iter().copied()).collect();
                self.say(
                    value.span(),
                    format!("{} means nothing for `{name}`", at(other)),
                    format!("it takes {}", may.join(", ")),
                );
            }
        }
        let comparison = match compared[..] {
            [(comparison, value)] => self.comparison(attribute, comparison, value, &at(comparison)),
            [] => {
                self.say(span, format!("{path}: `{name}` is compared with nothing"), format!("add one of {}", known.join(", ")));
                None
            }
            _ => {
                let found: Vec<&str> = compared.iter().map(|(name, _)| *name).collect();
                self.say(
                    span,
                    format!("{path}: `{name}` has {} at once", found.join(" and ")),
                    "write a condition for each, in `all` or `any`".into(),
                );
                None
            }
        };
        comparison.filter(|_| self.problems.len() == before).map(|comparison| Test { attribute, scope, comparison })
    }

    fn scope(&mut self, takes: Takes, value: &Spanned<DeValue>, path: &str) -> Option<FormValue> {
        let text = value.get_ref().as_str();
        let (found, remedy) = match takes {
            Takes::Days => (
                int(value.get_ref()).filter(|days| (1..=DAYS_MAX).contains(days)).map(FormValue::Int),
                format!("a whole number from 1 to {DAYS_MAX}"),
            ),
            Takes::Text => (text.filter(|text| !text.is_empty()).map(|text| FormValue::Text(text.into())), "a text".to_string()),
            Takes::Word(words) => (
                text.filter(|text| words.contains(text)).map(|text| FormValue::Text(text.into())),
                format!("one of {}", words.join(", ")),
            ),
            Takes::Segment => (
                text.filter(|text| {
                    !text.is_empty() && !text.contains(['"', '\'', '/', '\\']) && !text.contains(char::is_control)
                })
                .map(|text| FormValue::Text(text.into())),
                "the name of a segment: `tsubame segment list` shows all".into(),
            ),
        };
        if found.is_none() {
            self.say(value.span(), format!("{path}: {} is not what is expected", shown(value.get_ref())), remedy);
        }
        found
    }

    fn comparison(&mut self, attribute: &Attribute, name: &str, value: &Spanned<DeValue>, path: &str) -> Option<Comparison> {
        let one = |reader: &mut Self| reader.value(attribute.holds, value, path);
        let days = |reader: &mut Self| {
            let days = int(value.get_ref()).filter(|days| (0..=DAYS_MAX).contains(days));
            if days.is_none() {
                reader.say(
                    value.span(),
                    format!("{path}: {} is no number of days", shown(value.get_ref())),
                    format!("a whole number from 0 to {DAYS_MAX}"),
                );
            }
            days
        };
        let yes = |reader: &mut Self| match value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            other => {
                reader.say(
                    value.span(),
                    format!("{path}: {} is neither true nor false", shown(other)),
                    "write true or false".into(),
                );
                None
            }
        };
        let text = |reader: &mut Self| match one(reader) {
            Some(FormValue::Text(text)) => Some(text),
            _ => None,
        };
        match name {
            "is" => yes(self).map(Comparison::Is),
            "known" => yes(self).map(Comparison::Known),
            "equals" => one(self).map(Comparison::Equals),
            "not_equals" => one(self).map(Comparison::NotEquals),
            "at_least" => one(self).map(Comparison::AtLeast),
            "at_most" => one(self).map(Comparison::AtMost),
            "more_than" => one(self).map(Comparison::MoreThan),
            "less_than" => one(self).map(Comparison::LessThan),
            "contains" => text(self).map(Comparison::Contains),
            "starts_with" => text(self).map(Comparison::StartsWith),
            "days_ago_at_least" => days(self).map(Comparison::DaysAgoAtLeast),
            "days_ago_at_most" => days(self).map(Comparison::DaysAgoAtMost),
            "between" => match &self.list(attribute.holds, value, path)?[..] {
                [low, high] if is_more(low, high) => {
                    self.say(
                        value.span(),
                        format!("{path}: nothing lies between {} and {}", low.plain(), high.plain()),
                        "write the lowest first, then the highest: `between = [1, 9]`".into(),
                    );
                    None
                }
                [low, high] => Some(Comparison::Between(low.clone(), high.clone())),
                other => {
                    self.say(
                        value.span(),
                        format!("{path} has {} values", other.len()),
                        "write the lowest and the highest: `between = [1, 9]`".into(),
                    );
                    None
                }
            },
            "one_of" => self.list(attribute.holds, value, path).map(Comparison::OneOf),
            "none_of" => self.list(attribute.holds, value, path).map(Comparison::NoneOf),
            _ => None,
        }
    }

    fn list(&mut self, holds: Holds, value: &Spanned<DeValue>, path: &str) -> Option<Vec<FormValue>> {
        match value.get_ref() {
            DeValue::Array(list) if !list.is_empty() => {
                let values: Vec<_> =
                    list.iter().enumerate().map(|(index, value)| self.value(holds, value, &format!("{path}[{index}]"))).collect();
                values.into_iter().collect()
            }
            _ => {
                self.say(value.span(), format!("{path} is not a list of values"), "write it in brackets: `[…, …]`".into());
                None
            }
        }
    }

    fn value(&mut self, holds: Holds, value: &Spanned<DeValue>, path: &str) -> Option<FormValue> {
        let found = value.get_ref();
        let text = found.as_str();
        let number = number(found);
        let (read, remedy) = match holds {
            Holds::Int => (int(found).map(FormValue::Int), "a whole number"),
            Holds::Money => {
                (number.and_then(|number| Money::parse(&number).ok()).map(FormValue::Money), "an amount such as 9800 or 12.5")
            }
            Holds::Rate => (
                number
                    .and_then(|number| number.parse().ok())
                    .filter(|rate: &f64| (0.0..=1.0).contains(rate))
                    .map(FormValue::Rate),
                "a share from 0 to 1: the top 30 % are those below 0.3",
            ),
            Holds::Text => (text.map(|text| FormValue::Text(text.into())), "a text in quotes"),
            Holds::Date => {
                let day = match found {
                    DeValue::Datetime(at) => at.to_string().parse::<NaiveDate>().ok(),
                    _ => text.and_then(|text| text.parse().ok()),
                };
                (day.map(FormValue::Date), "a date such as 2026-06-01")
            }
            Holds::Bool => (None, "true or false"),
        };
        if read.is_none() {
            self.say(value.span(), format!("{path}: {} is not of the attribute's type", shown(found)), format!("write {remedy}"));
        }
        read
    }
}

fn entries<'t, 'i>(table: &'t DeTable<'i>) -> impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'i>>)> {
    table.iter().map(|(name, value)| (name.get_ref().as_ref(), value))
}

fn number(value: &DeValue) -> Option<String> {
    match value {
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().into()),
        DeValue::Float(float) => Some(float.as_str().into()),
        _ => None,
    }
}

fn int(value: &DeValue) -> Option<i64> {
    match value {
        DeValue::Integer(_) => number(value)?.parse().ok().filter(|value: &i64| value.abs() <= INT_MAX),
        _ => None,
    }
}

/// A wrong value as a message may have it: it may be long, and it may be anything.
fn is_more(one: &FormValue, other: &FormValue) -> bool {
    match (one, other) {
        (FormValue::Int(one), FormValue::Int(other)) => one > other,
        (FormValue::Money(one), FormValue::Money(other)) => one > other,
        (FormValue::Rate(one), FormValue::Rate(other)) => one > other,
        (FormValue::Date(one), FormValue::Date(other)) => one > other,
        _ => false,
    }
}

fn shown(value: &DeValue) -> String {
    const CHARS_MAX: usize = 40;
    let text = match value {
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(at) => at.to_string(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    };
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "title = { ja = \"x\", en = \"x\" }\n";

    #[test]
    fn every_problem_with_its_line_and_path() {
        let check = |body: &str, expect: &[&str]| {
            let problems = Form::parse("x.toml", &format!("{HEAD}{body}")).err().unwrap_or_default();
            let found: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
            assert_eq!(found, expect, "{body}");
            assert!(problems.iter().all(|problem| problem.remedy.is_some()), "{problems:?}");
        };
        check("all = [{ attribute = \"orders\", at_least = 2 }]", &[]);
        check("", &["0: the segment has no condition"]);
        check("all = []", &["2: all is not a list of conditions"]);
        check("all = [3]", &["2: all[0] is not a condition"]);
        check(
            "attribute = \"orders\"\nat_least = 1\nall = [{ attribute = \"r\", equals = 5 }]",
            &["0: the segment has all and attribute at once"],
        );
        check("all = [{ attribute = \"oders\", at_least = 2 }]", &["2: all[0].attribute: there is no attribute `oders`"]);
        check(
            "all = [\n  { attribute = \"orders\", at_least = \"two\" },\n  { any = [{ attribute = \"gender\", equals = 3 }] },\n]",
            &[
                "3: all[0].at_least: \"two\" is not of the attribute's type",
                "4: all[1].any[0].equals: 3 is not of the attribute's type",
            ],
        );
        check("all = [{ attribute = \"orders_within\", at_least = 1 }]", &["2: all[0]: `orders_within` needs `days`"]);
        check("all = [{ attribute = \"orders\" }]", &["2: all[0]: `orders` is compared with nothing"]);
        check(
            "all = [{ attribute = \"orders\", at_least = 1, at_most = 2 }]",
            &["2: all[0]: `orders` has at_least and at_most at once"],
        );
        check(
            "all = [{ attribute = \"orders\", contains = \"x\" }]",
            &["2: all[0].contains means nothing for `orders`", "2: all[0]: `orders` is compared with nothing"],
        );
        check(
            "not = { attribute = \"consent\", channel = \"pigeon\", purpose = \"ads\", is = true }",
            &["2: not.channel: \"pigeon\" is not what is expected"],
        );
        check(
            "all = [{ attribute = \"net_revenue_top\", less_than = 30 }]",
            &["2: all[0].less_than: 30 is not of the attribute's type"],
        );
        check("all = [{ attribute = \"orders\", between = [1, 2, 3] }]", &["2: all[0].between has 3 values"]);
        check("all = [{ attribute = \"last_ordered_on\", at_least = 2026-06-01 }]", &[]);
        check(
            "all = [{ attribute = \"last_ordered_on\", at_least = 2026-06-01T00:00:00Z }]",
            &["2: all[0].at_least: 2026-06-01T00:00:00Z is not of the attribute's type"],
        );
        check(
            "all = [{ attribute = \"orders\", at_least = 9223372036854775807 }]",
            &["2: all[0].at_least: 9223372036854775807 is not of the attribute's type"],
        );
        check("al = [1]", &["0: the segment has no condition"]);
        let deep = format!("{}{{ attribute = \"orders\", at_least = 1 }}{}", "{ not = ".repeat(9), " }".repeat(9));
        check(&format!("not = {deep}"), &["2: not.not.not.not.not.not.not.not.not is nested more than 8 deep"]);
        let untitled = Form::parse("x.toml", "attribute = \"orders\"\nat_least = 1").err().unwrap_or_default();
        assert_eq!(untitled[0].message, "the segment has no title");
    }
}
