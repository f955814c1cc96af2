//! A form as the file it is read from.

use super::{Comparison, Condition, Form, FormValue, Test};

impl Form {
    /// TOML that reads back as this form.
    pub fn toml(&self) -> String {
        let mut out = format!("title = {{ ja = {}, en = {} }}\n", quoted(&self.title.ja), quoted(&self.title.en));
        if !self.description.ja.is_empty() || !self.description.en.is_empty() {
            out += &format!("description = {{ ja = {}, en = {} }}\n", quoted(&self.description.ja), quoted(&self.description.en));
        }
        out.push('\n');
        match &self.condition {
            Condition::All(members) => out += &list("all", members, 0),
            Condition::Any(members) => out += &list("any", members, 0),
            Condition::Not(inner) => out += &format!("not = {}", table(inner, 0)),
            Condition::Is(test) => out += &members(test).join("\n"),
        }
        out + "\n"
    }
}

fn list(name: &str, members: &[Condition], depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let members: String = members.iter().map(|member| format!("{indent}  {},\n", table(member, depth + 1))).collect();
    format!("{name} = [\n{members}{indent}]")
}

fn table(condition: &Condition, depth: usize) -> String {
    match condition {
        Condition::All(members) => format!("{{ {} }}", list("all", members, depth)),
        Condition::Any(members) => format!("{{ {} }}", list("any", members, depth)),
        Condition::Not(inner) => format!("{{ not = {} }}", table(inner, depth)),
        Condition::Is(test) => format!("{{ {} }}", members(test).join(", ")),
    }
}

fn members(test: &Test) -> Vec<String> {
    let attribute = format!("attribute = {}", quoted(test.attribute.name));
    let scope = test.scope.iter().map(|(name, given)| format!("{name} = {}", value(given)));
    let list = |values: &[FormValue]| format!("[{}]", values.iter().map(value).collect::<Vec<_>>().join(", "));
    let compared = match &test.comparison {
        Comparison::Is(yes) | Comparison::Known(yes) => yes.to_string(),
        Comparison::Equals(one)
        | Comparison::NotEquals(one)
        | Comparison::AtLeast(one)
        | Comparison::AtMost(one)
        | Comparison::MoreThan(one)
        | Comparison::LessThan(one) => value(one),
        Comparison::Between(low, high) => list(&[low.clone(), high.clone()]),
        Comparison::OneOf(values) | Comparison::NoneOf(values) => list(values),
        Comparison::Contains(text) | Comparison::StartsWith(text) => quoted(text),
        Comparison::DaysAgoAtLeast(days) | Comparison::DaysAgoAtMost(days) => days.to_string(),
    };
    [attribute].into_iter().chain(scope).chain([format!("{} = {compared}", test.comparison.name())]).collect()
}

fn value(value: &FormValue) -> String {
    match value {
        FormValue::Int(value) => value.to_string(),
        FormValue::Money(value) => value.to_string(),
        FormValue::Rate(value) => toml::Value::Float(*value).to_string(),
        FormValue::Text(text) => quoted(text),
        FormValue::Date(day) => day.to_string(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}
