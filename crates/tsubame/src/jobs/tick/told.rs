//! What let somebody into a scenario, as far as its messages and waits ask for it: columns of the segment, or of the event and its properties.
//! It is written down with the entry, so it is no more than is asked for.

use std::collections::BTreeSet;

use connect::template::MONEY;
use model::{Scenario, scenario::SendStep};
use query::{Answer, Value};
use serde_json::{Map, Value as Json, json};

use crate::workspace::ShopFiles;

/// A longer text is no word of a message.
const TEXT_MAX: usize = 500;

/// The names of what a scenario's messages are filled in from, and of the dates that its waits count to.
pub fn wanted(files: &ShopFiles, scenario: &Scenario) -> BTreeSet<String> {
    let templates = scenario.sends().flat_map(SendStep::templates).filter_map(|name| files.templates.get(name));
    let of_templates = templates.flat_map(|template| {
        let usual = ["cart_value", "coupon", "coupon_expires_on"]
            .into_iter()
            .filter(move |name| template.words.values().any(|words| words.body.contains(name)));
        template.variables.iter().cloned().chain(usual.map(String::from))
    });
    let dates = scenario.steps.iter().filter_map(|step| step.wait.as_ref()?.date.clone());
    of_templates.chain(dates).collect()
}

/// The wanted columns of a row of a segment. What it lacks is left out.
pub fn of_segment(answer: &Answer, row: usize, wanted: &BTreeSet<String>) -> Json {
    let told = wanted.iter().filter_map(|name| Some((name.clone(), json_of(name, answer.get(row, name)?)?)));
    Json::Object(told.collect())
}

/// The wanted columns of an event, and the wanted members of its properties.
pub fn of_event(answer: &Answer, row: usize, wanted: &BTreeSet<String>) -> Map<String, Json> {
    let mut told = Map::new();
    if wanted.is_empty() {
        return told;
    }
    if let Some(Value::Text(properties)) = answer.get(row, "properties")
        && let Ok(Json::Object(properties)) = serde_json::from_str(properties)
    {
        let is_word = |value: &Json| match value {
            Json::String(text) => text.len() <= TEXT_MAX,
            Json::Number(_) | Json::Bool(_) => true,
            _ => false,
        };
        told.extend(properties.into_iter().filter(|(name, value)| wanted.contains(name) && is_word(value)));
    }
    for name in wanted {
        if let Some(value) = answer.get(row, name).and_then(|value| json_of(name, value)) {
            told.insert(name.clone(), value);
        }
    }
    told
}

fn json_of(name: &str, value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => json!(text),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        // A cart's value has a hole of its own.
        Value::Money(money) if name == "cart_value" => json!(money),
        Value::Money(money) => json!({ MONEY: money }),
        Value::Date(day) => json!(day),
        Value::Instant(at) => json!(model::time::rfc3339(*at)),
        Value::Bool(yes) => json!(yes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ready;
    use connect::template::Template;
    use model::Money;

    #[test]
    fn no_more_than_is_asked_for() {
        let check = |name: &str, expect: &[&str]| {
            let scenario = &ready::find(name).expect("a scenario").scenario;
            let mut files = ShopFiles::default();
            for template in scenario.sends().flat_map(SendStep::templates) {
                let text = ready::message(template, "ja").expect("a message");
                files.templates.insert(template.clone(), Template::parse(template, template, &text).expect("a template"));
            }
            assert_eq!(wanted(&files, scenario).into_iter().collect::<Vec<_>>(), expect, "{name}");
        };
        check("birthday", &[]);
        check("cart", &["cart_value"]);
        check("points-expire", &["balance", "expires_on"]);
        check("price-drop", &["former_price", "price", "product_name"]);
        check("coupon-expires", &["coupon", "expires_on"]);
    }

    #[test]
    fn values_as_messages_take_them() {
        let check = |name: &str, value: Value, expect: Option<Json>| assert_eq!(json_of(name, &value), expect, "{name}");
        let money = || Value::Money(Money::whole(1980).expect("an amount"));
        check("x", Value::Null, None);
        check("x", Value::Text("煎茶".into()), Some(json!("煎茶")));
        check("x", Value::Int(3), Some(json!(3)));
        check("price", money(), Some(json!({"money": "1980"})));
        check("cart_value", money(), Some(json!("1980")));
        check("x", Value::Date("2026-03-05".parse().expect("a date")), Some(json!("2026-03-05")));
    }
}
