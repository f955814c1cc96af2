//! Segments that let people into scenarios: who is in one at each of its evaluations, who has left it, and whom a broadcast leaves out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use decide::tick::{Absence, Trigger, Window, duplicates, schedule};
use model::{
    Channel, CustomerId, EntryStatus, EntryStep, Instant, Purpose, Scenario,
    scenario::{Reentry, Start},
};
use query::{Answer, Mode, Value};

use super::{Rows, params_of, told};
use crate::{fault::Fault, reachable::Reachable, segments, workspace::Workspace};

/// What a scenario's segment was at one of its evaluations. Its answer is kept as it came: what an entry tells is made when it is asked for.
pub struct Evaluation<'a> {
    scenario: &'a Scenario,
    at: Instant,
    /// The shop's day of it: the key of passes that have no other.
    day: String,
    wanted: Arc<BTreeSet<String>>,
    answer: Answer,
    /// By customer and key.
    pub came: Vec<(CustomerId, Came)>,
    /// Those under way in the scenario whom it found outside, if the scenario asks.
    pub absent: Vec<CustomerId>,
}

/// That a customer was in the segment.
pub struct Came {
    /// Of the answer.
    row: usize,
    /// What tells their passes apart, where the entry has a `key`.
    key: Option<Box<str>>,
    was_in_audience_before: bool,
    excluded_by: Option<Arc<str>>,
}

impl Evaluation<'_> {
    pub fn trigger(&self, came: &Came) -> Trigger {
        Trigger {
            scenario: self.scenario.scenario.clone(),
            entry_key: came.key.as_deref().unwrap_or(&self.day).into(),
            at: self.at,
            known_at: self.at,
            was_in_audience_before: came.was_in_audience_before,
            excluded_by: came.excluded_by.as_deref().map(String::from),
            context: told::of_segment(&self.answer, came.row, &self.wanted),
        }
    }

    pub fn absence(&self) -> Absence {
        Absence { scenario: self.scenario.scenario.clone(), at: self.at }
    }
}

/// A scenario's segment at each of its evaluations in the window. `open` are those who are under way, in whichever scenario.
pub async fn evaluate<'a>(
    workspace: &Workspace,
    window: &Window,
    scenario: &'a Scenario,
    open: &[EntryStep],
    reachable: &Reachable,
) -> Result<Vec<Evaluation<'a>>, Fault> {
    let zone = workspace.shop().timezone;
    let entry = &scenario.entry;
    let may_leave = scenario.exits.iter().any(|exit| exit.leave.as_deref() == Some("audience"));
    // Whether they were in it before matters to those who come in again, and to a scenario that starts with nobody.
    let asks_before = entry.reentry == Reentry::Rematch || scenario.start == Start::FutureOnly;
    let wanted = Arc::new(told::wanted(&workspace.files, scenario));
    let mut evaluations = Vec::new();
    for at in schedule::evaluations(entry, zone, window.from, window.to) {
        let (mut answer, mut came) = entering(workspace, scenario, window.executed_at(at), reachable).await?;
        if wanted.is_empty() {
            answer.rows = Vec::new();
        }
        if let Some(before) = schedule::evaluation_before(entry, zone, at).filter(|_| asks_before) {
            let before = entering_keys(workspace, scenario, window.executed_at(before), reachable).await?;
            for (customer, came) in &mut came {
                let member = (&*customer, came.key.as_deref());
                let place = before.binary_search_by(|(customer, key)| (customer, key.as_deref()).cmp(&member));
                came.was_in_audience_before = place.is_ok();
            }
        }
        for segment in &entry.exclude {
            let named: Arc<str> = segment.as_str().into();
            for customer in members(workspace, segment, &BTreeMap::new(), window.executed_at(at), reachable).await? {
                exclude(&mut came, &customer, &named);
            }
        }
        if scenario.is_broadcast() {
            for (customer, other) in duplicates(scenario, &addresses(workspace, scenario, &came, reachable).await?) {
                exclude(&mut came, &customer, &format!("the address of {other}").into());
            }
        }
        let mut absent = match may_leave {
            true => outside(open, &evaluations, scenario, &came, reachable),
            false => Vec::new(),
        };
        absent.sort();
        absent.dedup();
        evaluations.push(Evaluation {
            scenario,
            at,
            day: zone.day(at).to_string(),
            wanted: wanted.clone(),
            answer,
            came,
            absent,
        });
    }
    Ok(evaluations)
}

/// The first reason stays.
fn exclude(came: &mut [(CustomerId, Came)], customer: &CustomerId, why: &Arc<str>) {
    let from = came.partition_point(|(other, _)| other < customer);
    for (_, came) in came[from..].iter_mut().take_while(|(other, _)| other == customer) {
        came.excluded_by.get_or_insert_with(|| why.clone());
    }
}

/// Who is under way and not in it, also of those who came in earlier in the window.
fn outside(
    open: &[EntryStep],
    before: &[Evaluation<'_>],
    scenario: &Scenario,
    came: &[(CustomerId, Came)],
    reachable: &Reachable,
) -> Vec<CustomerId> {
    let inside = open.iter().filter(|entry| entry.scenario == scenario.scenario && entry.status == EntryStatus::Waiting);
    let inside = inside.map(|entry| reachable.survivor(entry.customer_id.clone()));
    let entered = before.iter().flat_map(|evaluation| evaluation.came.iter().map(|(customer, _)| customer.clone()));
    let is_outside = |customer: &CustomerId| came.binary_search_by(|(other, _)| other.cmp(customer)).is_err();
    inside.chain(entered).filter(is_outside).collect()
}

/// A customer in a segment, and what tells their passes apart where the entry has a `key`.
pub type Member = (CustomerId, Option<String>);

/// The answer of the entry's segment, and who is in it, by customer and key. Where the entry has a key, a row without one lets nobody in; of several
/// rows of one customer and key the first counts.
async fn entering(
    workspace: &Workspace,
    scenario: &Scenario,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<(Answer, Vec<(CustomerId, Came)>), Fault> {
    let entry = &scenario.entry;
    let segment = entry.segment.as_deref().unwrap_or_default();
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let query = segments::find(&desk.library, segment)?;
    let params = params_of(query, &entry.params)?;
    let answer = desk.ask(&query.name, &params).await?;
    let rows = Rows::new(&answer);
    let foreseen = workspace.foreseen();
    let mut members: Vec<Member> = Vec::new();
    let mut entering = Vec::with_capacity(answer.rows.len());
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        let key = entry.key.as_ref().map(|key| answer.get(row, key).and_then(key_of));
        if key != Some(None) {
            let key = key.flatten();
            if foreseen.is_some() {
                members.push((customer.clone(), key.clone()));
            }
            let key = key.map(String::into_boxed_str);
            let came = Came { row, key, was_in_audience_before: false, excluded_by: None };
            entering.push((reachable.survivor(customer), came));
        }
    }
    if let Some(foreseen) = foreseen {
        foreseen.keep_members(scenario, as_of, members);
    }
    entering.sort_by(|(one, came), (other, also)| (one, &came.key).cmp(&(other, &also.key)));
    entering.dedup_by(|(later, also), (first, came)| later == first && also.key == came.key);
    Ok((answer, entering))
}

/// Who was in it, in order.
async fn entering_keys(
    workspace: &Workspace,
    scenario: &Scenario,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<Vec<Member>, Fault> {
    // An evaluation before was made by an earlier window, and nothing of a past that is foreseen has changed since.
    if let Some(members) = workspace.foreseen().and_then(|foreseen| foreseen.members(scenario, as_of)) {
        let mut members: Vec<Member> = members.into_iter().map(|(customer, key)| (reachable.survivor(customer), key)).collect();
        members.sort();
        return Ok(members);
    }
    let (_, entering) = entering(workspace, scenario, as_of, reachable).await?;
    Ok(entering.into_iter().map(|(customer, came)| (customer, came.key.map(String::from))).collect())
}

/// A value that can be a key. `|` separates the parts that ids are made of.
fn key_of(value: &Value) -> Option<String> {
    let key = match value {
        Value::Text(text) => text.replace('|', "/"),
        Value::Int(number) => number.to_string(),
        Value::Date(day) => day.to_string(),
        _ => return None,
    };
    (!key.is_empty()).then_some(key)
}

async fn members(
    workspace: &Workspace,
    segment: &str,
    params: &BTreeMap<String, toml::Value>,
    as_of: Instant,
    reachable: &Reachable,
) -> Result<BTreeSet<CustomerId>, Fault> {
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let query = segments::find(&desk.library, segment)?;
    let params = params_of(query, params)?;
    let answer = desk.ask(&query.name, &params).await?;
    let rows = Rows::new(&answer);
    let member = |row| rows.needed(row, "customer_id").map(|id| reachable.survivor(CustomerId::stored(id)));
    (0..answer.rows.len()).map(member).collect()
}

/// The addresses at which recipients may be written to, as hashes, on the channels that the broadcast tries: of those who share one with somebody,
/// since nobody else hears anything twice. Who has not agreed to it does not stand in for somebody who has.
async fn addresses(
    workspace: &Workspace,
    scenario: &Scenario,
    came: &[(CustomerId, Came)],
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, BTreeMap<Channel, String>>, Fault> {
    let is_recipient = |customer: &CustomerId| {
        let place = came.binary_search_by(|(other, _)| other.cmp(customer));
        place.is_ok_and(|place| came[place].1.excluded_by.is_none())
    };
    let channels: BTreeSet<Channel> = scenario.sends().flat_map(|send| send.channels.iter().copied()).collect();
    let purpose = scenario.sends().next().map_or(Purpose::Marketing, |send| send.purpose);
    let may_hear = |customer: &CustomerId, channel: Channel| {
        let reach = reachable.reach.get(customer).and_then(|ways| ways.on(channel));
        reach.is_some_and(|reach| {
            let permits = purpose == Purpose::Transactional || reach.consents.get(&purpose) == Some(&true);
            permits && !reach.is_relay && reach.suppressed.is_none()
        })
    };
    let vault = workspace.state.vault();
    let sharing: BTreeSet<CustomerId> = vault.sharing().await?.into_iter().flatten().collect();
    let mut addresses: BTreeMap<CustomerId, BTreeMap<Channel, String>> = BTreeMap::new();
    for flags in vault.flags_of(&sharing).await? {
        let customer = reachable.survivor(flags.customer_id.clone());
        if !is_recipient(&customer) {
            continue;
        }
        let is_own = customer == flags.customer_id;
        let hash = |channel: &Channel| Some((*channel, flags.kinds.get(&channel.contact_kind()?)?.clone()));
        let heard: Vec<_> = channels.iter().filter(|channel| may_hear(&customer, **channel)).filter_map(hash).collect();
        let known = addresses.entry(customer).or_default();
        for (channel, hash) in heard {
            // What a person has under their present id goes before what they had under an earlier one.
            if is_own {
                known.insert(channel, hash);
            } else {
                known.entry(channel).or_insert(hash);
            }
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use model::{Consent, ConsentState, Contact, ContactKind, SendState};

    use crate::{
        broadcasts::{Became, became},
        jobs::{
            made::{MEMBERS, at, customer, shop, sign_up},
            tick::tick,
        },
        workspace::deep,
    };

    use super::*;

    const SALE: &str = "scenario = \"sale\"\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
        entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\nstep = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

    #[test]
    fn of_a_family_one_who_agreed_is_told() {
        deep(async {
            let files = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(|own| own.into(), &files, at("09:00")).await;
            sign_up(&workspace, 3, 0).await;
            let now = workspace.now();
            let contact = |index: usize| Contact {
                customer_id: customer(index),
                kind: ContactKind::Email,
                address: "family@example.jp".into(),
            };
            workspace.state.vault().put(&[0, 1, 2].map(contact), "made", now).await.unwrap();
            let consent = |index: usize| Consent {
                customer_id: customer(index),
                channel: Channel::Email,
                purpose: Purpose::Marketing,
                state: ConsentState::Granted,
                source: "made".into(),
                wording: None,
                evidence: None,
                changed_at: now,
            };
            workspace.state.consents().record_consents(&[1, 2].map(|index| (consent(index), now)), now).await.unwrap();
            workspace.forget_reachable();
            workspace.clock.set(at("12:20"));
            tick(&workspace, at("11:50"), at("12:10")).await.unwrap();
            let outcomes = became(&workspace, &[workspace.scenario("sale").unwrap()]).await.unwrap();
            let stops = [("no_consent", 1), ("excluded_same_address", 1)];
            let expect = Became {
                sends: [((Channel::Email, SendState::Planned), 1)].into(),
                stops: stops.map(|(reason, people)| (reason.to_string(), people)).into(),
            };
            assert_eq!(outcomes["sale"], expect);
        });
    }
}
