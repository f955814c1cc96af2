//! A scenario over a span of the past, by the code that runs it live: ticks and deliveries on a clock of their own, in a workspace of the past
//! that has nobody to send to. What was known at each moment is put in as it became known; nothing of the shop is written.
//!
//! Messages of other scenarios that really left count for caps as they left. What the scenario itself did before the span counts for who may
//! come in again; what it did within the span is left out, and the days on which it really sent are named.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use chrono::{NaiveDate, TimeDelta};
use decide::{
    replay::{self, Left, Summary, WouldSend},
    tick::Window,
};
use model::{
    Channel, ConsentState, ContactKind, CustomerId, EntryStep, Instant, Purpose, Scenario, Send, StopRow, time::rfc3339,
};
use query::{Answer, Desk, Mode, ParamValue, Params, Value};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use state::{ConsentNow, Known, KnownContact, KnownLink, KnownSuppression, RecentSend, SuppressionNow, Unit};

use crate::{
    fault::{Exit, Fault},
    jobs::{due, tick::Rows},
    workspace::{ShopFiles, Workspace},
};

mod outlook;
#[cfg(test)]
mod tests;

use outlook::Outlook;

pub const DAYS_MAX: i64 = 400;
/// A month and a little: as far back as the longest cap asks.
const CAPS_BACK: TimeDelta = TimeDelta::days(32);

#[derive(Debug, Clone)]
pub struct Asked {
    pub scenario: Scenario,
    /// The first day, and the day after the last.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Look when the shop itself planned, and not by the hour.
    pub as_ticked: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub scenario: String,
    pub version: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub summary: Summary,
    /// Spans of days on which real messages of the scenario left: what people did then is not what they do without it.
    pub contaminated: Vec<(NaiveDate, NaiveDate)>,
    /// Before this day nothing of what lets people in was recorded at all, where that lies in the span.
    pub no_data_before: Option<NaiveDate>,
    pub assumed: Assumed,
    /// How often it looked.
    pub ticks: u64,
    #[serde(skip)]
    pub would_sends: Vec<WouldSend>,
    #[serde(skip)]
    pub entries: Vec<EntryStep>,
}

/// What stands on a time or a permission that an import only stated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// Events and orders of the span that the scenario looks at.
    pub facts: u64,
    pub facts_assumed: u64,
    /// Messages that would have left.
    pub sends: u64,
    /// By a consent that is known since an assumed time.
    pub sends_assumed: u64,
}

/// `progress` hears how many looks are done, of how many. Those of which nothing can come are passed over, and what the others ask of the facts
/// is asked once for many.
pub async fn replay(workspace: &Workspace, asked: &Asked, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, Fault> {
    replay_by(workspace, asked, progress, false).await.map(|(report, _)| report)
}

/// The same, and how many looks were held. Where it `holds_every` one, each asks for itself, as live: a test holds that both say the same.
async fn replay_by(
    workspace: &Workspace,
    asked: &Asked,
    progress: &(dyn Fn(u64, u64) + Sync),
    holds_every: bool,
) -> Result<(Report, u64), Fault> {
    let (from, to) = span(workspace, asked)?;
    let mut scenario = asked.scenario.clone();
    scenario.enabled = true;
    let files = ShopFiles { scenarios: vec![scenario.clone()], ..workspace.files.clone() };
    let past = workspace.past(files, &scenario, from).await?;
    let mut permissions = Permissions::read(workspace, to).await?;
    past.state.know(&before(workspace, &scenario, from, to).await?).await?;
    let mut since = from - TimeDelta::microseconds(1);
    past.state.cursors().set(due::TICKED, &rfc3339(since)).await?;

    let ends = match asked.as_ticked {
        true => ticked(workspace, from, to).await?,
        false => replay::ends(workspace.shop(), from, to, replay::apart(&scenario)),
    };
    let grace = workspace.shop().grace.0;
    let mut outlook = Outlook::new(&past, &scenario, &ends);
    // What became known since the last look that was held.
    let mut known = Known::default();
    let mut passed_over = false;
    let mut held = 0;
    for (done, end) in ends.iter().enumerate() {
        if workspace.stopping.load(Ordering::SeqCst) {
            return Err(Fault::new(Exit::Failed, "the replay was stopped").remedy("start it again"));
        }
        progress(done as u64, ends.len() as u64);
        // A decision at a logical time is executed `grace` later, here as live.
        let at = *end + grace;
        let window = Window { run_id: String::new(), from: since, to: *end, grace };
        since = *end;
        let mut new = permissions.up_to(at);
        let mut is_idle = false;
        if !holds_every {
            new.units = permissions.units(&new, at);
            outlook.foresee(&window).await?;
            // At the first look all that was known before is taken in.
            is_idle = done > 0 && permissions.touched(&new).is_some() && outlook.is_idle(&window, &permissions).await?;
        }
        known.add(new);
        if is_idle {
            passed_over = true;
            continue;
        }
        past.clock.set(at);
        let new = std::mem::take(&mut known);
        if !new.is_empty() {
            past.state.know(&new).await?;
            let customers = match holds_every {
                true => new.permissions_alone(),
                false => permissions.touched(&new),
            };
            match customers {
                Some(customers) => past.forget_reachable_of(customers),
                None => past.forget_reachable(),
            }
        }
        if std::mem::take(&mut passed_over) {
            past.state.cursors().set(due::TICKED, &rfc3339(window.from)).await?;
        }
        due::scenarios(&past, at, &mut due::Report::default()).await?;
        held += 1;
        if !holds_every {
            outlook.look().await?;
        }
    }
    if !known.is_empty() {
        past.state.know(&known).await?;
        past.forget_reachable();
    }
    progress(ends.len() as u64, ends.len() as u64);
    let report = report(workspace, &past, asked, &scenario, &permissions, ends.len() as u64).await?;
    Ok((report, held))
}

/// The span's first instant and the one after its last.
fn span(workspace: &Workspace, asked: &Asked) -> Result<(Instant, Instant), Fault> {
    let (first, last) = (asked.from, asked.to);
    let wrong = |message: String, remedy: &str| Err(Fault::new(Exit::Config, message).remedy(remedy));
    if first >= last {
        return wrong(
            format!("{first} is not before {last}"),
            "name the first day with --from, and the day after the last with --to",
        );
    }
    let days = (last - first).num_days();
    if days > DAYS_MAX {
        return wrong(format!("{first} to {last} are {days} days"), &format!("ask for {DAYS_MAX} days at most"));
    }
    let zone = workspace.shop().timezone;
    let (from, to) = (zone.start_of(first), zone.start_of(last));
    match to - TimeDelta::microseconds(1) > workspace.now() {
        true => wrong(format!("{last} lies ahead"), "a replay ends today at the latest: --to is the day after the last"),
        false => Ok((from, to)),
    }
}

/// What the shop's ledger held when the span began, and what other scenarios sent within it.
async fn before(workspace: &Workspace, scenario: &Scenario, from: Instant, to: Instant) -> Result<Known, Fault> {
    let ledger = workspace.state.ledger();
    let name = &scenario.scenario;
    let earlier = ledger.past_entries(name).await?.into_iter().filter(|past| past.entered_at < from);
    let customers: BTreeSet<CustomerId> = earlier.map(|past| past.customer_id).collect();
    let mut entries = ledger.entries_of(&customers.into_iter().collect::<Vec<_>>()).await?;
    entries.retain(|entry| entry.scenario == *name && entry.entered_at < from);
    let mut sends = ledger.recent_sends(None, from - CAPS_BACK).await?;
    sends.retain(|send| send.at < from || (send.at < to && send.scenario != *name));
    Ok(Known { entries, sends, units: workspace.state.units_by(from).await?, ..Known::default() })
}

/// When the shop planned its scenarios, live.
async fn ticked(workspace: &Workspace, from: Instant, to: Instant) -> Result<Vec<Instant>, Fault> {
    let last = to - TimeDelta::microseconds(1);
    let desk = workspace.desk(workspace.now(), Mode::AsHappened).await?;
    let answer = desk.ask("system/ticks_between", &between(from - TimeDelta::microseconds(1), last)).await?;
    let rows = Rows::new(&answer);
    let ends: Vec<Instant> = (0..answer.rows.len()).map(|row| rows.instant(row, "logical_at")).collect::<Result<_, _>>()?;
    if ends.is_empty() {
        return Err(Fault::new(Exit::Config, "the shop planned nothing between these days")
            .remedy("leave --as-ticked out: the replay then looks every hour"));
    }
    Ok(ends)
}

fn between(from: Instant, to: Instant) -> Params {
    [("from_at".to_string(), ParamValue::Instant(from)), ("to_at".to_string(), ParamValue::Instant(to))].into()
}

/// Who may be written to, as it became known.
struct Permissions {
    /// In the order in which they became known.
    facts: Vec<Fact>,
    given: usize,
    /// Customers who have had an address in common, have lost one, or turned out to be one person: what becomes known of their addresses may
    /// change what holds for others.
    entangled: BTreeSet<CustomerId>,
}

struct Fact {
    seen_at: Instant,
    said: Said,
    assumed: bool,
}

enum Said {
    Contact(KnownContact),
    Consent(ConsentNow),
    Suppression(KnownSuppression),
    Link(KnownLink),
}

impl Permissions {
    /// Everything that was known by `to`, and a little later: the last look is executed after it.
    async fn read(workspace: &Workspace, to: Instant) -> Result<Permissions, Fault> {
        let relays = workspace.state.vault().relay_hashes().await?;
        let desk = workspace.desk(to + workspace.shop().grace.0, Mode::AsKnown).await?;
        let answer = desk.ask("system/permission_facts", &Params::new()).await?;
        let rows = Rows::new(&answer);
        let mut facts = Vec::with_capacity(answer.rows.len());
        for row in 0..answer.rows.len() {
            let text = |column| rows.text(row, column).unwrap_or_default();
            let customer_id = CustomerId::stored(rows.needed(row, "customer_id")?);
            let (place, detail) = (text("place"), text("detail"));
            let (is_on, changed_at) = (rows.is_true(row, "is_on"), rows.instant(row, "changed_at")?);
            let said = match text("what").as_str() {
                "contact" => named::<ContactKind>(&place).map(|kind| {
                    let contactable = !relays.contains(&detail);
                    Said::Contact(KnownContact {
                        customer_id,
                        kind,
                        address_hash: detail,
                        active: is_on,
                        contactable,
                        changed_at,
                    })
                }),
                "consent" => Channel::parse(&place).zip(named::<Purpose>(&detail)).map(|(channel, purpose)| {
                    let state = if is_on { ConsentState::Granted } else { ConsentState::Revoked };
                    Said::Consent(ConsentNow { customer_id, channel, purpose, state, changed_at })
                }),
                "suppression" => Channel::parse(&place).map(|channel| {
                    let suppression = SuppressionNow { customer_id, channel, reason: detail, changed_at };
                    Said::Suppression(KnownSuppression { suppression, active: is_on })
                }),
                _ => {
                    let survivor_id = CustomerId::stored(detail);
                    Some(Said::Link(KnownLink { customer_id, survivor_id, linked: is_on, changed_at }))
                }
            };
            if let Some(said) = said {
                facts.push(Fact { seen_at: rows.instant(row, "seen_at")?, said, assumed: rows.is_true(row, "assumed") });
            }
        }
        let entangled = entangled(&facts);
        Ok(Permissions { facts, given: 0, entangled })
    }

    /// What became known since it was asked last, up to and including `at`.
    fn up_to(&mut self, at: Instant) -> Known {
        let mut known = Known::default();
        let new = self.facts[self.given..].iter().take_while(|fact| fact.seen_at <= at);
        for fact in new {
            self.given += 1;
            match &fact.said {
                Said::Contact(contact) => known.contacts.push(contact.clone()),
                Said::Consent(consent) => known.consents.push(consent.clone()),
                Said::Suppression(suppression) => known.suppressions.push(suppression.clone()),
                Said::Link(link) => known.links.push(link.clone()),
            }
        }
        known
    }

    /// Whose permissions change by it; `None` where it may change what holds for others, too.
    fn touched(&self, known: &Known) -> Option<Vec<CustomerId>> {
        let contacts = known.contacts.iter().map(|contact| &contact.customer_id);
        if !known.links.is_empty() || contacts.clone().any(|customer| self.entangled.contains(customer)) {
            return None;
        }
        let consents = known.consents.iter().map(|consent| &consent.customer_id);
        let suppressions = known.suppressions.iter().map(|known| &known.suppression.customer_id);
        let customers: BTreeSet<&CustomerId> = contacts.chain(consents).chain(suppressions).collect();
        Some(customers.into_iter().cloned().collect())
    }

    /// Under whom those are bucketed who have their first address by it and share it with nobody: themselves, from this look on, also where it is
    /// passed over. Whoever is bucketed already stays so.
    fn units(&self, known: &Known, at: Instant) -> Vec<Unit> {
        let customers: BTreeSet<&CustomerId> = known.contacts.iter().map(|contact| &contact.customer_id).collect();
        let alone = customers.into_iter().filter(|customer| !self.entangled.contains(*customer));
        alone.map(|customer| Unit { customer_id: customer.clone(), unit: customer.clone(), since: at }).collect()
    }

    /// Of whom something became known after `from` up to and including `to`.
    fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &CustomerId> {
        let place = |at: Instant| self.facts.partition_point(|fact| fact.seen_at <= at);
        self.facts[place(from)..place(to)].iter().map(Fact::customer)
    }

    /// How many of these messages stand on a consent that is known since an assumed time.
    fn assumed(&self, sends: &[&WouldSend]) -> u64 {
        let mut consents: BTreeMap<(&CustomerId, Channel), Vec<(Instant, bool)>> = BTreeMap::new();
        for fact in &self.facts {
            if let Said::Consent(consent) = &fact.said {
                consents.entry((&consent.customer_id, consent.channel)).or_default().push((fact.seen_at, fact.assumed));
            }
        }
        let stands_on = |send: &WouldSend| {
            let said = consents.get(&(&send.customer, send.channel))?;
            said.iter().rev().find(|(seen_at, _)| *seen_at <= send.at).map(|(_, assumed)| *assumed)
        };
        sends.iter().filter(|send| stands_on(send) == Some(true)).count() as u64
    }
}

impl Fact {
    fn customer(&self) -> &CustomerId {
        match &self.said {
            Said::Contact(contact) => &contact.customer_id,
            Said::Consent(consent) => &consent.customer_id,
            Said::Suppression(known) => &known.suppression.customer_id,
            Said::Link(link) => &link.customer_id,
        }
    }
}

fn entangled(facts: &[Fact]) -> BTreeSet<CustomerId> {
    let mut first_of: BTreeMap<(ContactKind, &str), &CustomerId> = BTreeMap::new();
    let mut entangled: BTreeSet<&CustomerId> = BTreeSet::new();
    for fact in facts {
        match &fact.said {
            Said::Contact(contact) if !contact.active => _ = entangled.insert(&contact.customer_id),
            // Two who have a name in common are not bucketed together.
            Said::Contact(contact) if !matches!(contact.kind, ContactKind::Name | ContactKind::Postal) => {
                let first = *first_of.entry((contact.kind, contact.address_hash.as_str())).or_insert(&contact.customer_id);
                if first != &contact.customer_id {
                    entangled.extend([first, &contact.customer_id]);
                }
            }
            Said::Link(link) => entangled.extend([&link.customer_id, &link.survivor_id]),
            Said::Contact(_) | Said::Consent(_) | Said::Suppression(_) => {}
        }
    }
    entangled.into_iter().cloned().collect()
}

fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(name.into())).ok()
}

async fn report(
    workspace: &Workspace,
    past: &Workspace,
    asked: &Asked,
    scenario: &Scenario,
    permissions: &Permissions,
    ticks: u64,
) -> Result<Report, Fault> {
    let (from, to) = span(workspace, asked)?;
    let (shop, zone, now) = (workspace.shop(), workspace.shop().timezone, workspace.now());
    let mut left = left(past, shop.grace.0).await?;
    let sent = workspace.state.ledger().recent_sends(None, from - CAPS_BACK).await?;
    let left_really = |send: &&RecentSend| !send.ghost && send.at >= from && send.at < to;
    let own = |send: &&RecentSend| send.scenario == scenario.scenario;
    for send in sent.iter().filter(|send| !send.ghost && !own(send)) {
        *left.others.entry((replay::month_of(zone.day(send.at)), send.channel)).or_default() += 1;
    }
    left.known_until = now;
    left.reached = reached(workspace, past, scenario, (from, to)).await?;
    let summary = replay::summary(&left, scenario, shop)
        .map_err(|error| Fault::new(Exit::Config, format!("the cost of the messages cannot be told: {error}")))?;
    let would_sends = replay::would_sends(&left.sends);
    let leaving: Vec<&WouldSend> = would_sends.iter().filter(|send| !send.ghost).collect();

    let desk = workspace.desk(now, Mode::AsHappened).await?;
    let of_entry = scenario.entry.on.as_deref().unwrap_or("order_placed");
    let exits = scenario.exits.iter().filter_map(|exit| exit.on.as_deref());
    let all: BTreeSet<&str> = [of_entry].into_iter().chain(exits).collect();
    let entrance = coverage(&desk, (from, to), of_entry).await?;
    let first = match entrance.get(0, "first_at") {
        Some(Value::Instant(first)) => *first,
        _ => to,
    };
    let known = coverage(&desk, (from, to), &all.into_iter().collect::<Vec<_>>().join(",")).await?;
    let counted = Rows::new(&known);
    Ok(Report {
        scenario: scenario.scenario.clone(),
        version: scenario.version.clone(),
        from: asked.from,
        to: asked.to,
        contaminated: replay::spans(zone, sent.iter().filter(left_really).filter(own).map(|send| send.at)),
        no_data_before: Some(zone.day(first).min(asked.to)).filter(|day| *day > asked.from),
        assumed: Assumed {
            facts: counted.int(0, "facts")? as u64,
            facts_assumed: counted.int(0, "assumed")? as u64,
            sends: leaving.len() as u64,
            sends_assumed: permissions.assumed(&leaving),
        },
        summary,
        ticks,
        would_sends,
        entries: last_moves(left.entries),
    })
}

/// Since when anything of these names is recorded, and how much of the span.
async fn coverage(desk: &Desk, (from, to): (Instant, Instant), names: &str) -> Result<Answer, Fault> {
    let mut params = between(from, to);
    params.insert("names".into(), ParamValue::Text(names.into()));
    Ok(desk.ask("system/replay_coverage", &params).await?)
}

/// The rows that the replay's ledger left.
async fn left(past: &Workspace, grace: TimeDelta) -> Result<Left, Fault> {
    /// A row as it lies in the journal, with its times.
    #[derive(Deserialize)]
    struct Dated<T> {
        #[serde(with = "model::time::instant")]
        occurred_at: Instant,
        #[serde(flatten)]
        row: T,
    }
    fn rows<T: DeserializeOwned>(text: &str) -> Result<Vec<Dated<T>>, Fault> {
        let unreadable = |error: serde_json::Error| {
            Fault::new(Exit::Failed, format!("a row that the replay recorded cannot be read back: {error}"))
        };
        text.lines().map(|line| serde_json::from_str(line).map_err(unreadable)).collect()
    }
    let mut left = Left::default();
    for (table, text) in past.recorded().await? {
        match table.as_str() {
            "entries" => left.entries.extend(rows::<EntryStep>(&text)?.into_iter().map(|dated| dated.row)),
            "stops" => left.stops.extend(rows::<StopRow>(&text)?.into_iter().map(|dated| dated.row)),
            "sends" => left.sends.extend(rows::<Send>(&text)?.into_iter().map(|dated| (dated.occurred_at - grace, dated.row))),
            _ => {}
        }
    }
    Ok(left)
}

/// Each entry as it stood last.
fn last_moves(moves: Vec<EntryStep>) -> Vec<EntryStep> {
    let last: BTreeMap<String, EntryStep> = moves.into_iter().map(|entry| (entry.entry_id.clone(), entry)).collect();
    last.into_values().collect()
}

/// When each customer did what the goal asks for, with all that arrived later, up to the end of the last one's time.
async fn reached(
    workspace: &Workspace,
    past: &Workspace,
    scenario: &Scenario,
    (from, to): (Instant, Instant),
) -> Result<BTreeMap<CustomerId, Vec<Instant>>, Fault> {
    let desk = workspace.desk(workspace.now(), Mode::AsHappened).await?;
    let mut params = between(from, to + scenario.goal.within.0);
    params.insert("names".into(), ParamValue::Text(scenario.goal.on.clone()));
    let answer = desk.ask("system/happenings", &params).await?;
    let rows = Rows::new(&answer);
    let reachable = past.reachable().await?;
    let mut reached: BTreeMap<CustomerId, Vec<Instant>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let customer = reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?));
        reached.entry(customer).or_default().push(rows.instant(row, "occurred_at")?);
    }
    Ok(reached)
}
