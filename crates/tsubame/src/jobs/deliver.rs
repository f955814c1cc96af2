//! Carrying out what is planned: claim, look once more, hand over (durably), send, write down the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use chrono::TimeDelta;
use connect::{
    senders::{Address, Context, Message, Sender},
    template::Variables,
};
use decide::{
    Rules,
    gates::{self, Gate, Member},
    tick::{self, Happening},
};
use model::{Channel, ContactKind, CustomerId, EntryStep, Money, Outcome, Scenario, Send, Stop};
use query::{Mode, ParamValue, Params};
use sha2::{Digest, Sha256};
use state::{Claimed, HandOver, Narrow, Resolution, Resolved};

use crate::{
    fault::Fault,
    jobs::{
        parked, pause,
        tick::{Rows, happened, versions},
    },
    transport::Transport,
    workspace::Workspace,
};

const BATCH: usize = 500;
const LEASE: std::time::Duration = std::time::Duration::from_secs(300);
/// A message of a paused scenario is looked at again after this.
const PAUSED_FOR: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub accepted: u64,
    pub failed: u64,
    pub deferred: u64,
    pub unknown: u64,
    pub stopped: u64,
}

/// Everything due by now. Sends of `fresh_run`, the run that was sealed a moment ago, have just seen all there is to see; for all others
/// exits are looked up again.
pub async fn deliver(workspace: &Workspace, fresh_run: Option<&str>) -> Result<Report, Fault> {
    let ledger = workspace.state.ledger();
    let mut report = Report::default();
    if pause::holds_all(&pause::pauses(workspace).await?) {
        return Ok(report);
    }
    let mut outbound = Outbound::open(workspace)?;
    settle_unknown(workspace, &mut outbound, &mut report).await?;
    parked::drop_late(workspace).await?;
    loop {
        let claimed = ledger.claim(workspace.now(), BATCH, LEASE, "deliver").await?;
        if claimed.is_empty() || workspace.stopping.load(Ordering::SeqCst) {
            return Ok(report);
        }
        let claimed = still_timely(workspace, claimed, &mut report).await?;
        let (mut cleared, older): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|claimed| fresh_run == Some(claimed.send.run_id.as_str()));
        cleared.extend(without_exits(workspace, older, &mut report).await?);
        let prepared = outbound.prepare(cleared, &mut report).await?;
        // Call by call: when the program dies, no more outcomes are unknown than one call has members.
        for call in outbound.calls(prepared) {
            let is_stopped = pause::holds_all(&pause::pauses(workspace).await?);
            if is_stopped || workspace.stopping.load(Ordering::SeqCst) {
                return Ok(report);
            }
            let hand: Vec<HandOver> = call
                .iter()
                .map(|message| HandOver {
                    send_id: message.claimed.send.send_id.clone(),
                    fence: message.claimed.fence,
                    body_hash: message.body_hash(),
                })
                .collect();
            let handed = ledger.hand(&hand, workspace.now()).await?;
            report.stopped += handed.stopped.len() as u64;
            let handed: BTreeSet<String> = handed.handed.into_iter().collect();
            let leaving: Vec<Prepared> =
                call.into_iter().filter(|message| handed.contains(&message.claimed.send.send_id)).collect();
            outbound.send(leaving, &mut report).await?;
        }
    }
}

/// A person, `by` name, decided that a parked message may be sent once more.
pub async fn resend(workspace: &Workspace, send_id: &str, by: &str) -> Result<Report, Fault> {
    let mut report = Report::default();
    let mut outbound = Outbound::open(workspace)?;
    match workspace.state.ledger().resend(send_id, by, workspace.now()).await? {
        Resolved::Handed(claimed) => {
            let prepared = outbound.prepare(vec![*claimed], &mut report).await?;
            outbound.send(prepared, &mut report).await?;
        }
        Resolved::Refused(_) => report.stopped += 1,
        Resolved::Done => {}
    }
    Ok(report)
}

/// Drops what is too late, and puts off what fell into quiet hours or is of a paused scenario: delivery may be later than the plan
/// wanted, by an outage or a retry.
async fn still_timely(workspace: &Workspace, claimed: Vec<Claimed>, report: &mut Report) -> Result<Vec<Claimed>, Fault> {
    let rules = Rules::of(workspace.shop());
    let pauses = pause::pauses(workspace).await?;
    let scenarios = scenarios_of(workspace, &claimed).await?;
    let (reach, sends) = (BTreeMap::new(), []);
    let member = Member { reach: &reach, sends: &sends, held_out: false, tags: &[] };
    // A send due at t is executed at t + grace, and judged as of t.
    let at = workspace.now() - workspace.shop().grace.0;
    let valid_for = |send: &Send| valid_for(&scenarios, send);
    let mut narrowed = Vec::new();
    let mut kept = Vec::new();
    for claimed in claimed {
        let send = &claimed.send;
        // Whoever tries a message out wants it now.
        let is_tried = send.scenario.ends_with(tick::TRIAL);
        let quiet = || gates::Quiet.check(&member, send.channel, send.purpose, at, &rules).filter(|_| !is_tried);
        let narrow = if valid_for(send).is_some_and(|valid_for| at > send.due_at + valid_for) {
            Some(Narrow::Stop(Stop::Expired))
        } else if pause::holds(&pauses, &send.scenario) {
            let why = Stop::Suppressed { why: "paused".into() };
            Some(Narrow::Defer { until: workspace.now() + PAUSED_FOR, why })
        } else {
            match quiet() {
                Some(Stop::Quiet { until }) => Some(Narrow::Defer { until, why: Stop::Quiet { until } }),
                _ => None,
            }
        };
        match narrow {
            Some(narrow) => {
                match narrow {
                    Narrow::Stop(_) => report.stopped += 1,
                    Narrow::Defer { .. } => report.deferred += 1,
                }
                narrowed.push((send.send_id.clone(), claimed.fence, narrow));
            }
            None => kept.push(claimed),
        }
    }
    if !narrowed.is_empty() {
        workspace.state.ledger().narrow(&narrowed, workspace.now()).await?;
    }
    Ok(kept)
}

/// The versions of scenarios that these sends were planned by.
async fn scenarios_of(workspace: &Workspace, claimed: &[Claimed]) -> Result<Vec<Scenario>, Fault> {
    scenarios_of_sends(workspace, claimed.iter().map(|claimed| &claimed.send)).await
}

pub async fn scenarios_of_sends(workspace: &Workspace, sends: impl Iterator<Item = &Send>) -> Result<Vec<Scenario>, Fault> {
    let pinned = sends.map(|send| (send.scenario.clone(), send.scenario_version.clone()));
    let mut scenarios = versions::of(workspace, pinned.collect()).await?;
    scenarios.extend(workspace.files.scenarios.iter().cloned());
    Ok(scenarios)
}

/// How long after it was due a message is of use; nothing where its step does not say.
pub fn valid_for(scenarios: &[Scenario], send: &Send) -> Option<TimeDelta> {
    Some(scenario_of(scenarios, send)?.step(&send.step)?.send.as_ref()?.valid_for?.0)
}

/// That of the send's version, else the current one.
pub fn scenario_of<'a>(scenarios: &'a [Scenario], send: &Send) -> Option<&'a Scenario> {
    let of_version = |scenario: &&Scenario| scenario.scenario == send.scenario && scenario.version == send.scenario_version;
    scenarios.iter().find(of_version).or_else(|| versions::current(scenarios, &send.scenario))
}

/// Sends that were handed over when we stopped: the sender may recognise our key, else a person must look.
async fn settle_unknown(workspace: &Workspace, outbound: &mut Outbound<'_>, report: &mut Report) -> Result<(), Fault> {
    let ledger = workspace.state.ledger();
    let now = workspace.now();
    ledger.recover(now).await?;
    let mut again = Vec::new();
    for held in ledger.ambiguous().await? {
        let window = outbound.senders.get(&held.send.channel).and_then(|(sender, _)| sender.dedupe());
        let first = held.handed_at.unwrap_or(held.changed_at);
        let how = match window {
            Some(window) if now - first < window => Resolution::HandAgain,
            _ => Resolution::Park { reason: "handed over, and no answer is known".into() },
        };
        match ledger.resolve_ambiguous(&held.send.send_id, how, now).await? {
            Resolved::Handed(claimed) => again.push(*claimed),
            Resolved::Done => report.unknown += 1,
            Resolved::Refused(_) => report.stopped += 1,
        }
    }
    let prepared = outbound.prepare(again, report).await?;
    outbound.send(prepared, report).await
}

/// Stops those whose scenario's exit event happened up to now, or whose exit's condition is true.
async fn without_exits(workspace: &Workspace, claimed: Vec<Claimed>, report: &mut Report) -> Result<Vec<Claimed>, Fault> {
    if claimed.is_empty() {
        return Ok(claimed);
    }
    let scenarios = scenarios_of(workspace, &claimed).await?;
    let customers: Vec<CustomerId> = claimed.iter().map(|claimed| claimed.send.customer_id.clone()).collect();
    let entries = workspace.state.ledger().entries_of(&customers).await?;
    let entered: BTreeMap<&str, &EntryStep> = entries.iter().map(|entry| (entry.entry_id.as_str(), entry)).collect();
    let Some(since) = claimed.iter().filter_map(|claimed| Some(entered.get(claimed.send.entry_id.as_str())?.entered_at)).min()
    else {
        return Ok(claimed);
    };
    let reachable = workspace.reachable().await?;
    let mut happened: BTreeMap<CustomerId, Vec<Happening>> = BTreeMap::new();
    for row in happened::until_now(workspace, since, &scenarios).await? {
        happened.entry(reachable.survivor(row.customer)).or_default().push(row.happening);
    }
    let takes_out = |scenario: &Scenario, entry: &EntryStep, happening: &Happening| {
        scenario.exits.iter().enumerate().any(|(index, exit)| {
            let condition = exit.condition.as_ref().map(|_| tick::exit_key(scenario, index));
            let (id, key) = (&entry.entry_id, &entry.entry_key);
            exit.on.as_deref().is_some_and(|name| {
                happening.at > entry.entered_at
                    && tick::matches(happening, name, exit.matching, condition.as_deref(), scenario, id, key)
            })
        })
    };
    let survivors = customers.into_iter().map(|customer| reachable.survivor(customer)).collect();
    let fulfilled = conditions_fulfilled(workspace, &scenarios, &survivors).await?;
    let mut narrowed = Vec::new();
    let mut kept = Vec::new();
    for claimed in claimed {
        let survivor = reachable.survivor(claimed.send.customer_id.clone());
        let known = (scenario_of(&scenarios, &claimed.send), entered.get(claimed.send.entry_id.as_str()));
        let why = match known {
            (Some(scenario), Some(entry)) => {
                let mut happenings = happened.get(&survivor).into_iter().flatten();
                let event = happenings.find(|happening| takes_out(scenario, entry, happening));
                let is_true = |(index, _): &(usize, _)| {
                    fulfilled.get(&survivor).is_some_and(|keys| keys.contains(&tick::exit_key(scenario, *index)))
                };
                let condition = || scenario.exits.iter().enumerate().find(is_true).and_then(|(_, exit)| exit.when.clone());
                event.map(|happening| happening.name.clone()).or_else(condition)
            }
            _ => None,
        };
        match why {
            Some(why) => narrowed.push((claimed.send.send_id.clone(), claimed.fence, Narrow::Stop(Stop::Exited { why }))),
            None => kept.push(claimed),
        }
    }
    report.stopped += narrowed.len() as u64;
    workspace.state.ledger().narrow(&narrowed, workspace.now()).await?;
    Ok(kept)
}

/// The exits by a condition that are true of each of these customers now.
async fn conditions_fulfilled(
    workspace: &Workspace,
    scenarios: &[Scenario],
    customers: &BTreeSet<CustomerId>,
) -> Result<BTreeMap<CustomerId, BTreeSet<String>>, Fault> {
    let exits =
        scenarios.iter().flat_map(|scenario| scenario.exits.iter().enumerate().map(move |(index, exit)| (scenario, index, exit)));
    let asked: Vec<(String, &str)> =
        exits.filter_map(|(scenario, index, exit)| Some((tick::exit_key(scenario, index), exit.when.as_deref()?))).collect();
    let mut fulfilled: BTreeMap<CustomerId, BTreeSet<String>> = BTreeMap::new();
    if asked.is_empty() {
        return Ok(fulfilled);
    }
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let conditions: Vec<&str> = asked.iter().map(|(_, condition)| *condition).collect();
    let answer = desk.ask_with_conditions("system/views/customer_ranks", &Params::new(), &conditions).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        if customers.contains(&customer) {
            let is_true = |index: &usize| rows.is_true(row, &format!("c{index}"));
            let keys = (0..asked.len()).filter(is_true).map(|index| asked[index].0.clone());
            fulfilled.entry(customer).or_default().extend(keys);
        }
    }
    Ok(fulfilled)
}

/// Those whose addresses were erased, of customers who have none.
async fn erased(workspace: &Workspace, customers: &BTreeSet<&CustomerId>) -> Result<BTreeSet<CustomerId>, Fault> {
    if customers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let since = ParamValue::Instant(model::Instant::UNIX_EPOCH);
    let answer = desk.ask("system/erased_since", &Params::from([("from_at".to_string(), since)])).await?;
    let rows = Rows::new(&answer);
    let erased = (0..answer.rows.len()).filter_map(|row| rows.text(row, "customer_id").map(CustomerId::stored));
    Ok(erased.filter(|customer| customers.contains(customer)).collect())
}

/// A send whose words are ready.
struct Prepared {
    claimed: Claimed,
    message: Message,
}

impl Prepared {
    fn body_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.message.subject.as_deref().unwrap_or(""));
        hash.update([0]);
        hash.update(&self.message.body);
        model::id::hex(&hash.finalize())
    }
}

struct Outbound<'a> {
    workspace: &'a Workspace,
    senders: BTreeMap<Channel, (Box<dyn Sender>, Transport)>,
}

impl Outbound<'_> {
    fn open(workspace: &Workspace) -> Result<Outbound<'_>, Fault> {
        let mut senders = BTreeMap::new();
        for settings in &workspace.shop().senders {
            let sender = connect::senders::open(settings).map_err(|problems| Fault::problems(&problems))?;
            senders.insert(settings.channel, (sender, Transport::open(&workspace.folder, settings)?));
        }
        Ok(Outbound { workspace, senders })
    }

    /// Addresses and words. A send that cannot be rendered is stopped, with the reason.
    async fn prepare(&mut self, claimed: Vec<Claimed>, report: &mut Report) -> Result<Vec<Prepared>, Fault> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let vault = self.workspace.state.vault();
        let customers: BTreeSet<CustomerId> = claimed.iter().map(|claimed| claimed.send.customer_id.clone()).collect();
        let customers: Vec<CustomerId> = customers.into_iter().collect();
        let names = vault.addresses(&customers, ContactKind::Name).await?;
        let mut addresses = BTreeMap::new();
        for kind in [ContactKind::Email, ContactKind::Line, ContactKind::Phone, ContactKind::PushToken] {
            if self.senders.keys().any(|channel| channel.contact_kind() == Some(kind)) {
                addresses.insert(kind, vault.addresses(&customers, kind).await?);
            }
        }
        let entries = self.workspace.state.ledger().entries_of(&customers).await?;
        let contexts: BTreeMap<&str, &EntryStep> = entries.iter().map(|entry| (entry.entry_id.as_str(), entry)).collect();
        let mut prepared = Vec::new();
        let mut stopped = Vec::new();
        let address_of = |send: &Send| send.channel.contact_kind().and_then(|kind| addresses.get(&kind)?.get(&send.customer_id));
        let without: BTreeSet<&CustomerId> = claimed
            .iter()
            .map(|claimed| &claimed.send)
            .filter(|send| address_of(send).is_none())
            .map(|send| &send.customer_id)
            .collect();
        let erased = erased(self.workspace, &without).await?;
        for claimed in claimed {
            let send = &claimed.send;
            let address = address_of(send);
            let Some(address) = address.filter(|_| self.senders.contains_key(&send.channel)) else {
                let why = if erased.contains(&send.customer_id) {
                    Stop::Exited { why: "erased".into() }
                } else if self.senders.contains_key(&send.channel) {
                    Stop::NoAddress
                } else {
                    Stop::Suppressed { why: "no sender for this channel".into() }
                };
                stopped.push((send.send_id.clone(), claimed.fence, Narrow::Stop(why)));
                continue;
            };
            let name = names.get(&send.customer_id).map(|name| name.expose().clone());
            let variables = self.variables(&claimed, name, contexts.get(send.entry_id.as_str()).copied());
            let rendered = self
                .workspace
                .files
                .templates
                .get(&send.template)
                .ok_or_else(|| format!("message `{}` is missing", send.template))
                .and_then(|template| {
                    template.render(send.channel, &variables, self.workspace.shop()).map_err(|error| error.to_string())
                });
            match rendered {
                Ok(words) => {
                    let message = Message {
                        send_id: send.send_id.clone(),
                        customer_id: send.customer_id.clone(),
                        channel: send.channel,
                        purpose: send.purpose,
                        address: Address::new(address.expose().clone()),
                        subject: words.subject,
                        body: words.body,
                        unsubscribe_url: variables.unsubscribe_url,
                    };
                    prepared.push(Prepared { claimed, message });
                }
                Err(why) => stopped.push((send.send_id.clone(), claimed.fence, Narrow::Stop(Stop::Suppressed { why }))),
            }
        }
        if !stopped.is_empty() {
            report.stopped += stopped.len() as u64;
            self.workspace.state.ledger().narrow(&stopped, self.workspace.now()).await?;
        }
        Ok(prepared)
    }

    fn variables(&self, claimed: &Claimed, name: Option<String>, entry: Option<&EntryStep>) -> Variables {
        let context = entry.and_then(|entry| entry.context.as_object());
        let text = |key: &str| context.and_then(|context| context.get(key)?.as_str().map(String::from));
        let base = self.workspace.shop().legal.unsubscribe_url.trim_end_matches('/');
        let site = base.rsplit_once('/').map_or(base, |(site, _)| site);
        Variables {
            name,
            cart_value: text("cart_value").and_then(|value| Money::parse(&value).ok()),
            // The send id in a link names its subject without a cookie.
            link: Some(format!("{site}/c/{}", claimed.send.send_id)),
            unsubscribe_url: Some(format!("{base}/{}", claimed.send.send_id)),
            coupon: text("coupon"),
            more: context.map(|context| context.clone().into_iter().collect()).unwrap_or_default(),
        }
    }

    /// Messages as their senders take them: one channel, and no more than one call holds.
    fn calls(&self, prepared: Vec<Prepared>) -> Vec<Vec<Prepared>> {
        let mut by_channel: BTreeMap<Channel, Vec<Prepared>> = BTreeMap::new();
        for message in prepared {
            by_channel.entry(message.message.channel).or_default().push(message);
        }
        let mut calls = Vec::new();
        for (channel, messages) in by_channel {
            let most = self.senders.get(&channel).map_or(1, |(sender, _)| sender.batch_max().max(1));
            let mut messages = messages.into_iter().peekable();
            while messages.peek().is_some() {
                calls.push(messages.by_ref().take(most).collect());
            }
        }
        calls
    }

    async fn send(&mut self, leaving: Vec<Prepared>, report: &mut Report) -> Result<(), Fault> {
        let fences: BTreeMap<String, state::Fence> =
            leaving.iter().map(|message| (message.claimed.send.send_id.clone(), message.claimed.fence)).collect();
        let mut by_channel: BTreeMap<Channel, Vec<Message>> = BTreeMap::new();
        for prepared in leaving {
            by_channel.entry(prepared.message.channel).or_default().push(prepared.message);
        }
        for (channel, messages) in by_channel {
            let Some((sender, transport)) = self.senders.get(&channel) else { continue };
            for batch in messages.chunks(sender.batch_max().max(1)) {
                let context = Context { now: self.workspace.now(), seed: 0, token: None };
                for call in sender.encode(batch, &context) {
                    let reply = transport.carry(&call).await;
                    let outcomes = sender.decode(&call, &reply);
                    for outcome in &outcomes {
                        match outcome {
                            Outcome::Accepted { .. } => report.accepted += 1,
                            Outcome::Rejected { .. } => report.failed += 1,
                            Outcome::Deferred { .. } => report.deferred += 1,
                            Outcome::Ambiguous { .. } => report.unknown += 1,
                        }
                    }
                    let rows: Vec<(String, state::Fence, Outcome)> = call
                        .members
                        .iter()
                        .zip(outcomes)
                        .filter_map(|(send_id, outcome)| Some((send_id.clone(), *fences.get(send_id)?, outcome)))
                        .collect();
                    self.workspace.state.ledger().outcomes(&rows, self.workspace.now()).await?;
                }
            }
        }
        Ok(())
    }
}
