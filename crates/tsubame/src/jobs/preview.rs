//! The messages of a scenario as three of its customers would read them, rendered as delivery renders them. Nothing is recorded, no address
//! is read, and of a name no more is shown than tells whether there is one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use connect::template::{Rendered, Template, Variables};
use model::{Channel, ContactKind, CustomerId, Remedy, Scenario, derive_id};
use query::{Mode, ParamValue, Params};
use serde_json::{Value as Json, json};

use crate::{
    fault::Fault,
    jobs::{
        coupon,
        deliver::variables,
        tick::{Rows, happened, params_of, told},
    },
    segments,
    workspace::Workspace,
};

/// So many are drawn.
pub const DRAWN: usize = 3;
/// How far back an event may lie that makes somebody an example.
const EVENTS_DAYS: i64 = 30;

/// A customer, and each message of the scenario in their words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previewed {
    pub customer: String,
    /// Whether anything is known of them at all.
    pub is_known: bool,
    pub has_name: bool,
    /// Whether a message would have an address, by channel.
    pub has_address: BTreeMap<Channel, bool>,
    pub messages: Vec<Message>,
}

/// One step's message on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub step: String,
    pub template: String,
    pub channel: Channel,
    /// The words, or why there are none and what to do.
    pub words: Result<Rendered, (String, Option<String>)>,
    /// Holes for which this customer has nothing.
    pub missing: Vec<String>,
}

/// Of these customers, or of those whom the scenario's audience gives.
pub async fn preview(workspace: &Workspace, scenario: &Scenario, asked: &[String]) -> Result<Vec<Previewed>, Fault> {
    let mut known = audience(workspace, scenario).await?;
    let chosen: Vec<CustomerId> = match asked {
        [] => drawn(scenario, known.keys()),
        asked => asked.iter().map(|id| CustomerId::stored(id.as_str())).collect(),
    };
    let mut passes = workspace.state.ledger().entries_of(&chosen).await?;
    passes.sort_by_key(|pass| std::cmp::Reverse(pass.entered_at));
    // Whoever came in before was told something then, the last time above all.
    for pass in passes.iter().filter(|pass| pass.scenario == scenario.scenario) {
        known.entry(pass.customer_id.clone()).or_insert_with(|| pass.context.clone());
    }
    let names = workspace.state.vault().addresses(&chosen, ContactKind::Name).await?;
    let reachable = workspace.reachable().await?;
    let one = |customer: &CustomerId| {
        let reach = reachable.reach.get(&reachable.survivor(customer.clone()));
        let name = names.get(customer).map(|name| masked(name.expose())).filter(|name| !name.is_empty());
        let context = known.get(customer);
        let filled = variables(workspace.shop(), "preview", name.clone(), context);
        let channels: BTreeSet<Channel> = scenario.sends().flat_map(|send| send.channels.iter().copied()).collect();
        let has_address = |channel: Channel| reach.and_then(|ways| ways.on(channel)).is_some_and(|reach| reach.has_address);
        Previewed {
            customer: customer.to_string(),
            is_known: context.is_some() || reach.is_some() || name.is_some(),
            has_name: name.is_some(),
            has_address: channels.into_iter().map(|channel| (channel, has_address(channel))).collect(),
            messages: messages(workspace, scenario, &filled),
        }
    };
    Ok(chosen.iter().map(one).collect())
}

fn messages(workspace: &Workspace, scenario: &Scenario, filled: &Variables) -> Vec<Message> {
    let mut messages = Vec::new();
    for step in &scenario.steps {
        let Some(send) = &step.send else { continue };
        let mut filled = filled.clone();
        if let Some(coupon) = &send.coupon {
            coupon::sample(workspace, coupon).fill(&mut filled);
        }
        let names: BTreeSet<&String> = send.templates().collect();
        for (name, channel) in names.iter().flat_map(|name| send.channels.iter().map(move |channel| (*name, *channel))) {
            let Some(template) = workspace.files.templates.get(name) else { continue };
            let words = template.render(channel, &filled, workspace.shop());
            messages.push(Message {
                step: step.id.clone(),
                template: name.clone(),
                channel,
                words: words.map_err(|error| (error.to_string(), error.remedy())),
                missing: missing(template, channel, &filled),
            });
        }
    }
    messages
}

/// The holes without a value. A name that is missing has a word that stands for it, and is told all the same.
fn missing(template: &Template, channel: Channel, filled: &Variables) -> Vec<String> {
    let has = |hole: &str| match hole {
        "name" => filled.name.is_some(),
        "cart_value" => filled.cart_value.is_some(),
        "coupon" => filled.coupon.is_some(),
        "link" | "unsubscribe_url" => true,
        hole if hole == "shop" || hole.starts_with("shop.") => true,
        hole => filled.more.get(hole.split('.').next().unwrap_or(hole)).is_some_and(|value| !value.is_null()),
    };
    template.holes(channel).into_iter().filter(|hole| !has(hole)).collect()
}

/// Who would come in now, or came in before, with what the entry would tell of them.
async fn audience(workspace: &Workspace, scenario: &Scenario) -> Result<BTreeMap<CustomerId, Json>, Fault> {
    let mut known: BTreeMap<CustomerId, Json> = BTreeMap::new();
    let reachable = workspace.reachable().await?;
    let entry = &scenario.entry;
    let wanted = told::wanted(&workspace.files, scenario);
    let now = workspace.now();
    if entry.on.is_some() {
        // They come by time, so the last one stays.
        for row in happened::entries_since(workspace, now - TimeDelta::days(EVENTS_DAYS), scenario).await? {
            known.insert(reachable.survivor(row.customer.clone()), row.trigger(scenario, &wanted).context);
        }
    }
    let desk = workspace.desk(now, Mode::AsKnown).await?;
    if let Some(segment) = &entry.segment {
        let mut asked = vec![(segment, params_of(segments::find(&desk.library, segment)?, &entry.params)?)];
        asked.extend(entry.exclude.iter().map(|segment| (segment, Params::new())));
        for (place, (segment, params)) in asked.into_iter().enumerate() {
            let answer = desk.ask(&segments::find(&desk.library, segment)?.name, &params).await?;
            let rows = Rows::new(&answer);
            for row in 0..answer.rows.len() {
                let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
                match place {
                    0 => _ = known.entry(customer).or_insert_with(|| told::of_segment(&answer, row, &wanted)),
                    _ => _ = known.remove(&customer),
                }
            }
        }
    }
    if let Some(date) = &entry.date {
        let params = Params::from([("names".to_string(), ParamValue::Text(date.of.clone()))]);
        let answer = desk.ask("system/customer_dates", &params).await?;
        let rows = Rows::new(&answer);
        for row in 0..answer.rows.len() {
            known.insert(reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?)), json!({}));
        }
    }
    if known.len() < DRAWN {
        let past: BTreeSet<CustomerId> = workspace
            .state
            .ledger()
            .past_entries(&scenario.scenario)
            .await?
            .into_iter()
            .map(|pass| reachable.survivor(pass.customer_id))
            .filter(|customer| !known.contains_key(customer))
            .collect();
        let past = drawn(scenario, past.iter());
        for pass in workspace.state.ledger().entries_of(&past).await? {
            if pass.scenario == scenario.scenario {
                known.insert(pass.customer_id, pass.context);
            }
        }
    }
    Ok(known)
}

/// The same ones each time, and no more alike than chance has it.
fn drawn<'a>(scenario: &Scenario, customers: impl Iterator<Item = &'a CustomerId>) -> Vec<CustomerId> {
    let place = |customer: &CustomerId| derive_id(&["preview", &scenario.scenario, customer.as_str()]).unwrap_or_default();
    let mut placed: Vec<(String, &CustomerId)> = customers.map(|customer| (place(customer), customer)).collect();
    placed.sort();
    placed.into_iter().take(DRAWN).map(|(_, customer)| customer.clone()).collect()
}

/// Enough of a name to see that it stands in its place.
fn masked(name: &str) -> String {
    name.trim().chars().next().map(|first| format!("{first}••")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_part() {
        let check = |name: &str, expect: &str| assert_eq!(masked(name), expect, "{name}");
        check("山田 太郎", "山••");
        check(" a", "a••");
        check("  ", "");
    }

    #[test]
    fn what_a_customer_lacks_is_named() {
        let text = "variables = [\"ranking\"]\n[line]\nbody = \"{{ name }} {{ cart_value }} {{ coupon }} {{ link }} {{ ranking }} \
            {{ shop.name }} {{ unsubscribe_url }}\"\n";
        let template = Template::parse("t", "t.toml", text).expect("a template");
        let check = |name: Option<&str>, context: Json, expect: &[&str]| {
            let filled = variables(&model::Shop::default(), "preview", name.map(String::from), Some(&context));
            assert_eq!(missing(&template, Channel::Line, &filled), expect, "{context}");
        };
        check(None, json!({}), &["cart_value", "coupon", "name", "ranking"]);
        check(Some("山"), json!({ "cart_value": "1200", "ranking": null }), &["coupon", "ranking"]);
        check(Some("山"), json!({ "cart_value": "1200", "coupon": "C", "ranking": [1] }), &[]);
        // Another channel has no words, so nothing is missing.
        assert_eq!(missing(&template, Channel::Email, &Variables::default()), Vec::<String>::new());
    }
}
