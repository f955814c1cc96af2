//! Carrying out what is planned: claim, look once more, hand over (durably), send, write down the answer. Calls leave in waves: as many as their
//! senders take at once are handed over together, carried side by side and written down together, so that a wave costs two commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use chrono::TimeDelta;
use connect::{
    senders::{Address, Call, Context, Message, Request, Sender},
    template::Variables,
};
use decide::{
    Pause, Rules,
    gates::{self, Gate, Member},
    tick::{self, Happening, Spread},
};
use futures::future::join_all;
use model::{Channel, ContactKind, CustomerId, EntryStep, Money, Outcome, Scenario, Send, Shop, ShopZone, Stop};
use query::{Mode, ParamValue, Params};
use sha2::{Digest, Sha256};
use state::{Claimed, Fence, Frozen, HandOver, Held, Narrow, Repeated, Resolution, Resolved, Secret};

use crate::{
    fault::Fault,
    jobs::{
        approval, coupon, parked, pause,
        tick::{Rows, happened, versions},
    },
    point,
    transport::Transport,
    workspace::Workspace,
};

const BATCH: usize = 500;
const LEASE: std::time::Duration = std::time::Duration::from_secs(300);
/// A plan made later than this after a message fell due (by an outage, or a clock that seldom calls) is not fresh: much may have happened since.
const FRESH_FOR: TimeDelta = TimeDelta::hours(2);
/// A message of a scenario that is paused or waits for approval is looked at again after this.
const PAUSED_FOR: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub accepted: u64,
    pub failed: u64,
    pub deferred: u64,
    pub unknown: u64,
    pub stopped: u64,
}

/// Everything due by now. Sends of `fresh_run`, the run that was sealed a moment ago, have just seen all there is to see, where they did not fall
/// due long ago; for all others exits are looked up again.
pub async fn deliver(workspace: &Workspace, fresh_run: Option<&str>) -> Result<Report, Fault> {
    if pause::holds_all(&pause::pauses(workspace).await?) {
        return Ok(Report::default());
    }
    deliver_over(workspace, Outbound::open(workspace)?, fresh_run).await
}

async fn deliver_over(workspace: &Workspace, mut outbound: Outbound<'_>, fresh_run: Option<&str>) -> Result<Report, Fault> {
    let ledger = workspace.state.ledger();
    let mut report = Report::default();
    settle_unknown(workspace, &mut outbound, &mut report).await?;
    parked::drop_late(workspace).await?;
    let mut known_zones = None;
    loop {
        let claimed = ledger.claim(workspace.now(), BATCH, LEASE, "deliver").await?;
        if claimed.is_empty() || workspace.stopping.load(Ordering::SeqCst) {
            return Ok(report);
        }
        let zones = match known_zones.take() {
            Some(zones) => zones,
            None => zones(workspace).await?,
        };
        let claimed = still_timely(workspace, claimed, &zones, &mut report).await?;
        known_zones = Some(zones);
        // What fell due at t was decided on by what there was at t, and is executed at t + grace where nothing is late.
        let fresh_since = workspace.now() - workspace.shop().grace.0 - FRESH_FOR;
        let is_fresh = |claimed: &Claimed| fresh_run == Some(claimed.send.run_id.as_str()) && claimed.send.due_at >= fresh_since;
        let (mut cleared, older): (Vec<_>, Vec<_>) = claimed.into_iter().partition(is_fresh);
        cleared.extend(without_exits(workspace, older, &mut report).await?);
        let prepared = outbound.prepare(cleared, &mut report).await?;
        // Wave by wave: when the program dies, no more outcomes are unknown than were under way.
        for wave in outbound.waves(prepared) {
            let pauses = pause::pauses(workspace).await?;
            if pause::holds_all(&pauses) || workspace.stopping.load(Ordering::SeqCst) {
                return Ok(report);
            }
            let wave = without_paused(workspace, wave, &pauses, &mut report).await?;
            if wave.is_empty() {
                continue;
            }
            let leaving = outbound.hand(wave, &mut report).await?;
            outbound.carry(leaving, &mut report).await?;
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
            for leaving in outbound.encode(prepared) {
                outbound.carry(vec![leaving], &mut report).await?;
            }
        }
        Resolved::Refused(_) => report.stopped += 1,
        Resolved::Done => {}
    }
    Ok(report)
}

/// Puts off the messages of scenarios that were paused since they were claimed.
async fn without_paused(workspace: &Workspace, wave: Wave, pauses: &[Pause], report: &mut Report) -> Result<Wave, Fault> {
    let (mut paused, mut leaving) = (Vec::new(), Wave::new());
    for call in wave {
        let (held, free): (Vec<_>, Vec<_>) =
            call.into_iter().partition(|message| pause::holds(pauses, &message.claimed.send.scenario));
        paused.extend(held);
        if !free.is_empty() {
            leaving.push(free);
        }
    }
    if !paused.is_empty() {
        let until = workspace.now() + PAUSED_FOR;
        let put_off = |message: &Prepared| {
            let why = Stop::Suppressed { why: "paused".into() };
            (message.claimed.send.send_id.clone(), message.claimed.fence, Narrow::Defer { until, why })
        };
        report.deferred += paused.len() as u64;
        workspace.state.ledger().narrow(&paused.iter().map(put_off).collect::<Vec<_>>(), workspace.now()).await?;
    }
    Ok(leaving)
}

/// Where customers live, if anything is quiet anywhere.
async fn zones(workspace: &Workspace) -> Result<BTreeMap<CustomerId, ShopZone>, Fault> {
    let quiet = &workspace.shop().quiet;
    if Channel::ALL.into_iter().all(|channel| quiet.hours(channel).is_none()) {
        return Ok(BTreeMap::new());
    }
    let reachable = workspace.reachable().await?;
    workspace.zones(workspace.now(), &reachable).await
}

/// Drops what is too late, and puts off what fell into quiet hours, is of a paused scenario or waits for approval: delivery may be later than the plan
/// wanted, by an outage or a retry.
async fn still_timely(
    workspace: &Workspace,
    claimed: Vec<Claimed>,
    zones: &BTreeMap<CustomerId, ShopZone>,
    report: &mut Report,
) -> Result<Vec<Claimed>, Fault> {
    let rules = Rules::of(workspace.shop());
    let pauses = pause::pauses(workspace).await?;
    let held = approval::held(workspace).await?;
    let scenarios = scenarios_of(workspace, &claimed).await?;
    let (reach, sends) = (BTreeMap::new(), []);
    let member = Member { customer: "", reach: &reach, sends: &sends, held_out: false, tags: &[], ignores_caps: false };
    // A send due at t is executed at t + grace, and judged as of t.
    let grace = workspace.shop().grace.0;
    let at = workspace.now() - grace;
    let valid_for = |send: &Send| valid_for(&scenarios, send);
    let ids = claimed.iter().map(|claimed| &claimed.send).filter(|send| valid_for(send).is_some());
    let ids: Vec<&str> = ids.map(|send| send.send_id.as_str()).collect();
    let steps_due = workspace.state.ledger().steps_due(&ids).await?;
    let mut narrowed = Vec::new();
    let mut kept = Vec::new();
    for claimed in claimed {
        let send = &claimed.send;
        let due_at = steps_due.get(&send.send_id).copied().unwrap_or(send.due_at);
        // Whoever tries a message out wants it now.
        let is_tried = send.scenario.ends_with(tick::TRIAL);
        let rules = rules.of_subject(zones.get(&send.customer_id).copied());
        let quiet = || gates::Quiet.check(&member, send.channel, send.purpose, at, &rules).filter(|_| !is_tried);
        let narrow = if valid_for(send).is_some_and(|valid_for| at > due_at + valid_for) {
            Some(Narrow::Stop(Stop::Expired))
        } else if pause::holds(&pauses, &send.scenario) {
            let why = Stop::Suppressed { why: "paused".into() };
            Some(Narrow::Defer { until: workspace.now() + PAUSED_FOR, why })
        } else if held.contains_key(&send.scenario) {
            let why = Stop::Suppressed { why: "waits for approval".into() };
            Some(Narrow::Defer { until: workspace.now() + PAUSED_FOR, why })
        } else {
            match quiet() {
                Some(Stop::Quiet { until }) => {
                    let spread = Spread { salt: &send.scenario, subject: send.customer_id.as_str() };
                    Some(Narrow::Defer { until: until + grace + spread.delay(rules.spread), why: Stop::Quiet { until } })
                }
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
    ledger.recover(workspace.now()).await?;
    let mut again = Vec::new();
    let mut settled = BTreeSet::new();
    for held in ledger.ambiguous().await? {
        if settled.contains(&held.send.send_id) {
            continue;
        }
        if workspace.stopping.load(Ordering::SeqCst) {
            break;
        }
        let now = workspace.now();
        let sender = outbound.outlets.get(&held.send.channel).map(|outlet| &outlet.sender);
        let freezes = sender.is_some_and(|sender| sender.freezes());
        let window = sender.and_then(|sender| sender.dedupe());
        if let (true, Some(window)) = (freezes, window)
            && let Some(members) = outbound.repeat(&held, window, report).await?
        {
            settled.extend(members);
            continue;
        }
        let first = held.handed_at.unwrap_or(held.changed_at);
        let how = match window {
            Some(window) if !freezes && now - first < window => Resolution::HandAgain,
            _ => Resolution::Park { reason: "handed over, and no answer is known".into() },
        };
        match ledger.resolve_ambiguous(&held.send.send_id, how, now).await? {
            Resolved::Handed(claimed) => again.push(*claimed),
            Resolved::Done => report.unknown += 1,
            Resolved::Refused(_) => report.stopped += 1,
        }
    }
    let prepared = outbound.prepare(again, report).await?;
    for leaving in outbound.encode(prepared) {
        outbound.carry(vec![leaving], report).await?;
    }
    Ok(())
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
        let happening = row.happening();
        happened.entry(reachable.survivor(row.customer)).or_default().push(happening);
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
    let answer = desk.ask_with_conditions("system/views/customer_ranks", &Params::new(), &conditions, &["customer_id"]).await?;
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

/// Calls that are handed over together and carried side by side, each with its messages.
type Wave = Vec<Vec<Prepared>>;

/// A call in the provider's words, with the fence of each member.
struct Leaving {
    channel: Channel,
    call: Call,
    fences: Vec<Fence>,
    /// What becomes of this try says nothing of the one before.
    is_repeated: bool,
}

/// What the holes of a message are filled with: what was told when the person came in, and links that name the send.
pub fn variables(shop: &Shop, send_id: &str, name: Option<String>, context: Option<&serde_json::Value>) -> Variables {
    let context = context.and_then(serde_json::Value::as_object);
    let text = |key: &str| context.and_then(|context| context.get(key)?.as_str().map(String::from));
    let base = shop.legal.unsubscribe_url.trim_end_matches('/');
    let site = base.rsplit_once('/').map_or(base, |(site, _)| site);
    Variables {
        name,
        cart_value: text("cart_value").and_then(|value| Money::parse(&value).ok()),
        // The send id in a link names its subject without a cookie.
        link: Some(format!("{site}/c/{send_id}")),
        unsubscribe_url: Some(format!("{base}/{send_id}")),
        coupon: text("coupon"),
        more: context.map(|context| context.clone().into_iter().collect()).unwrap_or_default(),
    }
}

struct Outbound<'a> {
    workspace: &'a Workspace,
    outlets: BTreeMap<Channel, Outlet>,
}

/// A configured sender, and the way to its provider.
struct Outlet {
    sender: Box<dyn Sender>,
    /// Nothing leads out of a shop's past: there everything is accepted by nobody.
    transport: Option<Transport>,
    /// Calls of a wave.
    at_once: usize,
}

impl Outbound<'_> {
    fn open(workspace: &Workspace) -> Result<Outbound<'_>, Fault> {
        let mut outlets = BTreeMap::new();
        for settings in &workspace.shop().senders {
            let sender = connect::senders::open(settings).map_err(|problems| Fault::problems(&problems))?;
            let (transport, at_once) = match workspace.is_past() {
                // No call is made, so none can be of unknown outcome.
                true => (None, BATCH),
                false => (Some(Transport::open(&workspace.folder, settings)?), settings.at_once),
            };
            outlets.insert(settings.channel, Outlet { sender, transport, at_once });
        }
        Ok(Outbound { workspace, outlets })
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
            if self.outlets.keys().any(|channel| channel.contact_kind() == Some(kind)) {
                addresses.insert(kind, vault.addresses(&customers, kind).await?);
            }
        }
        let entries = self.workspace.state.ledger().entries_of(&customers).await?;
        let contexts: BTreeMap<&str, &EntryStep> = entries.iter().map(|entry| (entry.entry_id.as_str(), entry)).collect();
        let scenarios = scenarios_of(self.workspace, &claimed).await?;
        let mut issued = Vec::new();
        let mut prepared = Vec::new();
        let mut stopped = Vec::new();
        // Nobody's address is known in the past, only that there was one: whether there was is looked up when it is handed over.
        let is_past = self.workspace.is_past();
        let address_of = |send: &Send| -> Option<String> {
            let kind = send.channel.contact_kind()?;
            match is_past {
                true => Some(String::new()),
                false => Some(addresses.get(&kind)?.get(&send.customer_id)?.expose().clone()),
            }
        };
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
            let Some(address) = address.filter(|_| self.outlets.contains_key(&send.channel)) else {
                let why = if erased.contains(&send.customer_id) {
                    Stop::Exited { why: "erased".into() }
                } else if self.outlets.contains_key(&send.channel) {
                    Stop::NoAddress
                } else {
                    Stop::Suppressed { why: "no sender for this channel".into() }
                };
                stopped.push((send.send_id.clone(), claimed.fence, Narrow::Stop(why)));
                continue;
            };
            let name = names.get(&send.customer_id).map(|name| name.expose().clone());
            let context = contexts.get(send.entry_id.as_str()).map(|entry| &entry.context);
            let mut variables = variables(self.workspace.shop(), &send.send_id, name, context);
            let coupon = coupon::of_send(self.workspace, &scenarios, send);
            if let Some(coupon) = &coupon {
                coupon.fill(&mut variables);
            }
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
                        address: Address::new(address),
                        subject: words.subject,
                        body: words.body,
                        unsubscribe_url: variables.unsubscribe_url,
                    };
                    prepared.push(Prepared { claimed, message });
                    issued.extend(coupon.and_then(|coupon| coupon.issued));
                }
                Err(why) => stopped.push((send.send_id.clone(), claimed.fence, Narrow::Stop(Stop::Suppressed { why }))),
            }
        }
        // Known before anybody reads them.
        if !issued.is_empty() && !is_past {
            self.workspace.state.journal().append(issued, self.workspace.now()).await?;
        }
        if !stopped.is_empty() {
            report.stopped += stopped.len() as u64;
            self.workspace.state.ledger().narrow(&stopped, self.workspace.now()).await?;
        }
        Ok(prepared)
    }

    /// Calls as their senders take them, of each channel as many together as its sender takes at once. No wave has more members than were
    /// claimed.
    fn waves(&self, prepared: Vec<Prepared>) -> Vec<Wave> {
        let mut by_channel: BTreeMap<Channel, Vec<Prepared>> = BTreeMap::new();
        for message in prepared {
            by_channel.entry(message.message.channel).or_default().push(message);
        }
        let mut waves: Vec<Wave> = Vec::new();
        for (channel, messages) in by_channel {
            let Some(outlet) = self.outlets.get(&channel) else { continue };
            for (nth, call) in outlet.calls(messages).into_iter().enumerate() {
                let place = nth / outlet.at_once.max(1);
                if waves.len() == place {
                    waves.push(Wave::new());
                }
                waves[place].push(call);
            }
        }
        waves
    }

    /// Writes down that these leave, and what may have to be repeated as it leaves; those who may, in the provider's words.
    async fn hand(&self, wave: Wave, report: &mut Report) -> Result<Vec<Leaving>, Fault> {
        let over: Vec<HandOver> = wave
            .iter()
            .flatten()
            .map(|message| HandOver {
                send_id: message.claimed.send.send_id.clone(),
                fence: message.claimed.fence,
                body_hash: message.body_hash(),
            })
            .collect();
        let mut leaving: Vec<Leaving> = Vec::new();
        let freeze = |handed: &[String]| {
            let handed: BTreeSet<&String> = handed.iter().collect();
            for call in wave {
                let may_leave = call.into_iter().filter(|one| handed.contains(&one.claimed.send.send_id));
                leaving.extend(self.encode(may_leave.collect()));
            }
            leaving.iter().filter_map(|leaving| self.frozen(leaving)).collect()
        };
        let handed = self.workspace.state.ledger().hand_frozen(&over, self.workspace.now(), freeze).await?;
        report.stopped += handed.stopped.len() as u64;
        Ok(leaving)
    }

    fn encode(&self, messages: Vec<Prepared>) -> Vec<Leaving> {
        let mut fences: BTreeMap<String, Fence> = BTreeMap::new();
        let mut by_channel: BTreeMap<Channel, Vec<Message>> = BTreeMap::new();
        for Prepared { claimed, message } in messages {
            fences.insert(message.send_id.clone(), claimed.fence);
            by_channel.entry(message.channel).or_default().push(message);
        }
        let context = Context { now: self.workspace.now(), seed: 0, token: None };
        let mut leaving = Vec::new();
        for (channel, messages) in by_channel {
            let Some(Outlet { sender, .. }) = self.outlets.get(&channel) else { continue };
            for batch in messages.chunks(sender.batch_max().max(1)) {
                for call in sender.encode(batch, &context) {
                    let of = |send_id: &String| fences.get(send_id).copied();
                    leaving.push(Leaving {
                        channel,
                        fences: call.members.iter().filter_map(of).collect(),
                        call,
                        is_repeated: false,
                    });
                }
            }
        }
        leaving
    }

    fn frozen(&self, leaving: &Leaving) -> Option<Frozen> {
        let Outlet { sender, transport, .. } = self.outlets.get(&leaving.channel)?;
        transport.as_ref()?;
        let Request::Http(http) = &leaving.call.request else { return None };
        let bytes = || serde_json::to_vec(http).expect("a request is plain JSON");
        sender.freezes().then(|| Frozen { members: leaving.call.members.clone(), bytes: Secret::new(bytes()) })
    }

    /// Makes the call of a send again, by the bytes it had, while the provider remembers its key; those who were in it. `None`: it cannot be.
    async fn repeat(&self, held: &Held, window: TimeDelta, report: &mut Report) -> Result<Option<Vec<String>>, Fault> {
        let (ledger, now) = (self.workspace.state.ledger(), self.workspace.now());
        let Some(call) = ledger.call_of(&held.send.send_id).await?.filter(|call| now - call.made_at < window) else {
            return Ok(None);
        };
        if now < held.repeat_at() {
            report.unknown += 1;
            return Ok(Some(vec![held.send.send_id.clone()]));
        }
        match ledger.repeat_call(&call.call_id, now).await? {
            Repeated::Handed { members, bytes } => {
                let (members, fences): (Vec<String>, Vec<Fence>) = members.into_iter().unzip();
                let Ok(http) = serde_json::from_slice(bytes.expose()) else {
                    // Of another version of this program: it waits for the window to end, and then for a person.
                    let unread = Outcome::Ambiguous { reason: "the kept call cannot be read".into() };
                    let row = |(send_id, fence): (&String, Fence)| (send_id.clone(), fence, unread.clone());
                    ledger.outcomes(&members.iter().zip(fences).map(row).collect::<Vec<_>>(), now).await?;
                    report.unknown += members.len() as u64;
                    return Ok(Some(members));
                };
                let call = Call { members: members.clone(), request: Request::Http(http) };
                self.carry(vec![Leaving { channel: held.send.channel, call, fences, is_repeated: true }], report).await?;
                Ok(Some(members))
            }
            Repeated::Refused { members, .. } => {
                report.stopped += members.len() as u64;
                Ok(Some(members))
            }
            Repeated::Gone => Ok(None),
        }
    }

    /// Makes the calls side by side. What became of them is written down once all of them have ended.
    async fn carry(&self, wave: Vec<Leaving>, report: &mut Report) -> Result<(), Fault> {
        let ended = join_all(wave.into_iter().map(|leaving| self.call(leaving))).await;
        let rows: Vec<(String, Fence, Outcome)> = ended.into_iter().flatten().collect();
        if rows.is_empty() {
            return Ok(());
        }
        for (_, _, outcome) in &rows {
            match outcome {
                Outcome::Accepted { .. } => report.accepted += 1,
                Outcome::Rejected { .. } => report.failed += 1,
                Outcome::Deferred { .. } => report.deferred += 1,
                Outcome::Ambiguous { .. } => report.unknown += 1,
            }
        }
        let written = self.workspace.state.ledger().outcomes(&rows, self.workspace.now()).await;
        let bounced = written.inspect_err(|_| self.workspace.forget_reachable())?;
        self.workspace.forget_reachable_of(bounced);
        Ok(())
    }

    /// Makes one call; what became of each of its members.
    async fn call(&self, leaving: Leaving) -> Vec<(String, Fence, Outcome)> {
        let Leaving { channel, call, fences, is_repeated } = leaving;
        let Some(Outlet { sender, transport, .. }) = self.outlets.get(&channel) else { return Vec::new() };
        point::pass("send.before_call");
        let mut outcomes = match transport {
            Some(transport) => sender.decode(&call, &transport.carry(&call, self.workspace.now()).await),
            None => vec![Outcome::Accepted { provider_id: None }; call.members.len()],
        };
        point::pass("send.after_call");
        for outcome in &mut outcomes {
            // "Not now" leaves open what became of the earlier try.
            if let (true, Outcome::Deferred { reason, .. }) = (is_repeated, &*outcome) {
                *outcome = Outcome::Ambiguous { reason: format!("repeated, and put off: {reason}") };
            }
        }
        let members = call.members.into_iter().zip(fences).zip(outcomes);
        members.map(|((send_id, fence), outcome)| (send_id, fence, outcome)).collect()
    }
}

impl Outlet {
    /// What can be in one call is together, up to as much as one holds.
    fn calls(&self, messages: Vec<Prepared>) -> Vec<Vec<Prepared>> {
        let mut calls = Vec::new();
        let mut call: Vec<Prepared> = Vec::new();
        for message in messages {
            let is_other = call.last().is_some_and(|last| !self.sender.share_a_call(&last.message, &message.message));
            if is_other || call.len() == self.sender.batch_max().max(1) {
                calls.push(std::mem::take(&mut call));
            }
            call.push(message);
        }
        if !call.is_empty() {
            calls.push(call);
        }
        calls
    }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
