//! Everybody whom a window concerns. What is asked of all of them is asked once and kept as small as it comes; customers as they are decided on
//! are made of it some at a time, with what the ledger says of these. So however many there are, few of them lie in memory whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use chrono::Duration;
use decide::{
    Rules,
    gates::PastSend,
    tick::{self, Click, Conditions, Customer, CustomerDate, Failure, OpenEntry, PastEntry, Stir, Trigger, Window},
};
use model::{CustomerId, EntryStatus, EntryStep, Instant, Purpose, Scenario, ShopZone};
use query::{Mode, Params};
use state::FailedSend;

use super::{
    LATE_MAX, Rows,
    audiences::{self, Came, Evaluation},
    happened::{self, Happened},
    personal, told, versions,
};
use crate::{
    fault::Fault,
    jobs::pause::pauses,
    reachable::{Reachable, Ways},
    workspace::Workspace,
};

/// Customers who are made, planned and recorded at a time.
pub const CHUNK: usize = 2_500;

/// What was asked once.
pub struct Gathered<'a> {
    workspace: &'a Workspace,
    window: &'a Window,
    known: &'a [Scenario],
    /// Those that let people in, each with what is told of whom it lets in.
    current: Vec<(&'a Scenario, BTreeSet<String>)>,
    open: &'a [EntryStep],
    failed: &'a [FailedSend],
    reachable: Arc<Reachable>,
    chunk: usize,
    /// By id.
    concerned: Vec<CustomerId>,
    /// Those of whom anything may come, by their places among the concerned.
    due: Vec<u32>,
    /// Sends are looked at from here on.
    sent_since: Instant,
    happened: Placed<Happened>,
    evaluations: Vec<Evaluation<'a>>,
    /// The index of the evaluation, and how they were found in it.
    came: Placed<(u32, Came)>,
    absent: Placed<u32>,
    /// Indices into `open`.
    entries: Placed<u32>,
    /// Indices into `failed`.
    failures: Placed<u32>,
    dates: Placed<CustomerDate>,
    clicks: Placed<Click>,
    /// Which conditions are true, by their indices.
    conditions: Placed<u32>,
    condition_keys: Vec<String>,
    erased: BTreeMap<CustomerId, Instant>,
    zones: BTreeMap<CustomerId, ShopZone>,
}

/// What is known of customers, by their places among those concerned; of one customer in the order in which it came.
struct Placed<T>(Vec<(u32, T)>);

impl<T> Placed<T> {
    /// Of those concerned; what is known of others is dropped.
    fn of(concerned: &[CustomerId], rows: impl IntoIterator<Item = (CustomerId, T)>) -> Placed<T> {
        let place = |customer: &CustomerId| concerned.binary_search(customer).ok().map(|place| place as u32);
        let mut placed: Vec<(u32, T)> = rows.into_iter().filter_map(|(customer, row)| Some((place(&customer)?, row))).collect();
        placed.sort_by_key(|(place, _)| *place);
        Placed(placed)
    }

    fn none() -> Placed<T> {
        Placed(Vec::new())
    }

    fn at(&self, place: u32) -> impl Iterator<Item = &T> {
        let from = self.0.partition_point(|(other, _)| *other < place);
        self.0[from..].iter().take_while(move |(other, _)| *other == place).map(|(_, row)| row)
    }
}

/// Asks what is to be known of everybody whom the window concerns. One query per source, never one per customer.
pub async fn gather<'a>(
    workspace: &'a Workspace,
    window: &'a Window,
    known: &'a [Scenario],
    open: &'a [EntryStep],
    failed: &'a [FailedSend],
    chunk: usize,
) -> Result<Gathered<'a>, Fault> {
    // Of those that are paused by their file nobody enters or goes on.
    let is_enabled = |scenario: &&Scenario| versions::current(known, &scenario.scenario).is_some_and(|current| current.enabled);
    let scenarios: Vec<&Scenario> = known.iter().filter(is_enabled).collect();
    let files = &workspace.files;
    let enabled = files.scenarios.iter().filter(|scenario| scenario.enabled);
    let current: Vec<(&Scenario, BTreeSet<String>)> = enabled.map(|scenario| (scenario, told::wanted(files, scenario))).collect();
    let passes = open.iter().chain(failed.iter().map(|failed| &failed.entry));
    let since = passes.map(|entry| entry.entered_at).min().unwrap_or(window.from).min(window.from - LATE_MAX);
    // Only those who survive are planned for, with what they did under other ids.
    let reachable = workspace.reachable().await?;
    let survivor = |customer: &CustomerId| reachable.survivor(customer.clone());
    let mut happened = happened::ask(workspace, window, since, &scenarios).await?;
    if !reachable.merged.is_empty() {
        for row in &mut happened {
            row.customer = survivor(&row.customer);
        }
        happened.sort_by(|a, b| (&a.customer, a.at).cmp(&(&b.customer, b.at)));
    }
    let mut evaluations = Vec::new();
    for (scenario, _) in current.iter().filter(|(scenario, _)| scenario.entry.segment.is_some()) {
        evaluations.extend(audiences::evaluate(workspace, window, scenario, open, &reachable).await?);
    }
    let dates = personal::dates(workspace, window, &scenarios, &reachable).await?;
    let entries: Vec<(CustomerId, u32)> =
        open.iter().zip(0..).map(|(entry, index)| (survivor(&entry.customer_id), index)).collect();
    let failures = failed.iter().zip(0..).filter(|(failed, _)| !failed.send.scenario.ends_with(tick::TRIAL));
    let failures: Vec<(CustomerId, u32)> = failures.map(|(failed, index)| (survivor(&failed.send.customer_id), index)).collect();

    let lets_in = |row: &&Happened| current.iter().any(|(scenario, _)| row.enters(scenario, window));
    let mut concerned: Vec<CustomerId> = happened.iter().filter(lets_in).map(|row| row.customer.clone()).collect();
    for evaluation in &evaluations {
        concerned.extend(evaluation.came.iter().map(|(customer, _)| customer.clone()));
    }
    concerned.extend(entries.iter().chain(&failures).map(|(customer, _)| customer.clone()));
    concerned.extend(personal::dated(workspace, window, &dates));
    concerned.sort_unstable();
    concerned.dedup();
    concerned.shrink_to_fit();

    let (mut came, mut absent) = (Vec::new(), Vec::new());
    for (evaluation, index) in evaluations.iter_mut().zip(0..) {
        came.extend(std::mem::take(&mut evaluation.came).into_iter().map(|(customer, came)| (customer, (index, came))));
        absent.extend(std::mem::take(&mut evaluation.absent).into_iter().map(|customer| (customer, index)));
    }
    let zones = match concerned.is_empty() {
        true => BTreeMap::new(),
        false => workspace.zones(window.executed_at(window.to), &reachable).await?,
    };
    let erased = personal::erased(workspace, window, since, &reachable).await?;
    let mut gathered = Gathered {
        workspace,
        window,
        known,
        open,
        failed,
        chunk,
        due: (0..concerned.len() as u32).collect(),
        sent_since: sent_since(workspace, window, known, since),
        happened: Placed::of(&concerned, happened.into_iter().map(|row| (row.customer.clone(), row))),
        evaluations,
        came: Placed::of(&concerned, came),
        absent: Placed::of(&concerned, absent),
        entries: Placed::of(&concerned, entries),
        failures: Placed::of(&concerned, failures),
        dates: Placed::of(&concerned, dates),
        clicks: Placed::none(),
        conditions: Placed::none(),
        condition_keys: Vec::new(),
        erased,
        zones,
        current,
        reachable,
        concerned,
    };
    if gathered.narrow().await? {
        let conditions = conditions(workspace, window, &scenarios).await?;
        gathered.conditions = Placed::of(&gathered.concerned, conditions.of);
        gathered.condition_keys = conditions.keys;
    }
    let clicks = personal::clicks(workspace, window, &scenarios, &gathered.reachable).await?;
    gathered.clicks = Placed::of(&gathered.concerned, clicks);
    Ok(gathered)
}

impl Gathered<'_> {
    /// How many are planned for.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Their places, some at a time, in order of customer.
    pub fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (all, chunk) = (self.due.len(), self.chunk);
        (0..all).step_by(chunk).map(move |from| from..all.min(from + chunk))
    }

    /// The facts of some of them. So many questions to the ledger, however many they are; whatever else there is to know was asked before.
    pub async fn customers(&self, chunk: Range<usize>) -> Result<Vec<Customer>, Fault> {
        let mut customers: Vec<Customer> = self.due[chunk].iter().map(|place| self.customer(*place)).collect();
        let ids = self.ids_of(&customers);
        let mut past_sends = self.past_sends(&ids).await?;
        let mut past_entries = self.past_entries(&ids).await?;
        for customer in &mut customers {
            customer.past_sends = past_sends.remove(&customer.id).unwrap_or_default();
            customer.past_entries = past_entries.remove(&customer.id).unwrap_or_default();
        }
        Ok(customers)
    }

    /// In a past, most windows concern few of those who are under way; the others have an empty plan, whatever else is known of them. Whether
    /// anybody comes in or goes on.
    async fn narrow(&mut self) -> Result<bool, Fault> {
        if self.workspace.foreseen().is_none() {
            return Ok(!self.is_empty());
        }
        let rules = Rules { pauses: pauses(self.workspace).await?, ..Rules::of(self.workspace.shop()) };
        let stirs: Vec<Stir> =
            self.due.iter().map(|place| tick::stir(&self.customer(*place), self.known, &rules, self.window)).collect();
        self.due.retain(|place| stirs[*place as usize] != Stir::Nothing);
        Ok(stirs.contains(&Stir::GoesOn))
    }

    /// All but what the ledger says of their past.
    fn customer(&self, place: u32) -> Customer {
        let id = &self.concerned[place as usize];
        let mut conditions = Conditions::default();
        for condition in self.conditions.at(place) {
            conditions.note(self.condition_keys[*condition as usize].as_str(), self.window.to, true);
        }
        Customer {
            id: id.clone(),
            unit: self.reachable.unit.get(id).unwrap_or(id).to_string(),
            zone: self.zones.get(id).copied(),
            reach: self.reachable.reach.get(id).map(Ways::all).unwrap_or_default(),
            past_sends: Vec::new(),
            past_entries: Vec::new(),
            open: self.entries.at(place).filter_map(|index| OpenEntry::of(&self.open[*index as usize])).collect(),
            failures: self.failures.at(place).map(|index| failure(&self.failed[*index as usize])).collect(),
            triggers: self.triggers(place),
            happenings: self.happened.at(place).map(Happened::happening).collect(),
            conditions,
            absences: self.absent.at(place).map(|index| self.evaluations[*index as usize].absence()).collect(),
            dates: self.dates.at(place).cloned().collect(),
            clicks: self.clicks.at(place).copied().collect(),
            erased_at: self.erased.get(id).copied(),
        }
    }

    fn triggers(&self, place: u32) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        for row in self.happened.at(place) {
            let entered = self.current.iter().filter(|(scenario, _)| row.enters(scenario, self.window));
            triggers.extend(entered.map(|(scenario, wanted)| row.trigger(scenario, wanted)));
        }
        triggers.extend(self.came.at(place).map(|(index, came)| self.evaluations[*index as usize].trigger(came)));
        triggers
    }

    /// Under which the ledger may know them.
    fn ids_of(&self, customers: &[Customer]) -> Vec<CustomerId> {
        let ids: BTreeSet<&CustomerId> = customers.iter().map(|customer| &customer.id).collect();
        let merged = self.reachable.merged.iter().filter(|(_, survivor)| ids.contains(survivor));
        ids.iter().copied().chain(merged.map(|(earlier, _)| earlier)).cloned().collect()
    }

    async fn past_sends(&self, ids: &[CustomerId]) -> Result<BTreeMap<CustomerId, Vec<PastSend>>, Fault> {
        let mut past: BTreeMap<CustomerId, Vec<PastSend>> = BTreeMap::new();
        for send in self.workspace.state.ledger().recent_sends(Some(ids), self.sent_since).await? {
            // What somebody was sent to see how it looks uses nothing up.
            if send.scenario.ends_with(tick::TRIAL) {
                continue;
            }
            let scenario = versions::current(self.known, &send.scenario);
            let step = scenario.and_then(|scenario| scenario.step(&send.step)?.send.as_ref());
            past.entry(self.reachable.survivor(send.customer_id)).or_default().push(PastSend {
                entry_id: send.entry_id,
                channel: send.channel,
                at: send.at,
                counts: step.map_or(send.purpose != Purpose::Transactional, |step| step.counts_for_caps()),
                tags: step.map(|step| step.tags.clone()).unwrap_or_default(),
                ghost: send.ghost,
            });
        }
        Ok(past)
    }

    /// Every pass through the scenarios that let people in.
    async fn past_entries(&self, ids: &[CustomerId]) -> Result<BTreeMap<CustomerId, Vec<PastEntry>>, Fault> {
        let scenarios: Vec<&str> = self.current.iter().map(|(scenario, _)| scenario.scenario.as_str()).collect();
        let mut past: BTreeMap<CustomerId, Vec<PastEntry>> = BTreeMap::new();
        for pass in self.workspace.state.ledger().passes_of(ids, &scenarios).await? {
            past.entry(self.reachable.survivor(pass.customer_id)).or_default().push(PastEntry {
                scenario: pass.scenario,
                entry_key: pass.entry_key,
                entered_at: pass.entered_at,
            });
        }
        Ok(past)
    }
}

fn failure(failed: &FailedSend) -> Failure {
    let entry = &failed.entry;
    // An entry that leaves is due no more: its last row says when it left.
    let has_left = entry.status == EntryStatus::Exited;
    Failure {
        send: failed.send.clone(),
        step_due: failed.step_due,
        at: failed.failed_at,
        entry_key: entry.entry_key.clone(),
        entered_at: entry.entered_at,
        left: has_left.then(|| (entry.due_at, entry.reason.clone().unwrap_or_default())),
    }
}

/// Sends of open entries are asked about too, however old: a late exit is one that comes after them.
fn sent_since(workspace: &Workspace, window: &Window, known: &[Scenario], oldest_entry: Instant) -> Instant {
    let excluding = known.iter().filter_map(|scenario| Some(scenario.entry.exclude_sent_within?.0));
    let caps = workspace.shop().caps.iter().map(|cap| cap.per.length_max());
    let longest = caps.chain(excluding).max().unwrap_or_else(Duration::zero);
    oldest_entry.min(window.from - longest - Duration::days(2))
}

/// The `when` of branches and exits.
struct Asked {
    /// By these they are looked up.
    keys: Vec<String>,
    /// Of whom which are true, by index.
    of: Vec<(CustomerId, u32)>,
}

/// What the `when` of each branch and exit says of each customer, at the window's end.
async fn conditions(workspace: &Workspace, window: &Window, scenarios: &[&Scenario]) -> Result<Asked, Fault> {
    let (mut keys, mut asked) = (Vec::new(), Vec::new());
    for scenario in scenarios {
        for step in &scenario.steps {
            for (arm, branch) in step.branch.iter().flatten().enumerate() {
                if let Some(when) = &branch.when {
                    keys.push(tick::branch_key(scenario, &step.id, arm));
                    asked.push(when.as_str());
                }
            }
        }
        for (index, exit) in scenario.exits.iter().enumerate() {
            if let Some(when) = &exit.when {
                keys.push(tick::exit_key(scenario, index));
                asked.push(when.as_str());
            }
        }
    }
    let mut of = Vec::new();
    if asked.is_empty() {
        return Ok(Asked { keys, of });
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let answer = desk.ask_with_conditions("system/views/customer_ranks", &Params::new(), &asked, &["customer_id"]).await?;
    let rows = Rows::new(&answer);
    let columns = rows.conditions(asked.len());
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        let holds = columns.iter().filter(|(_, column)| rows.holds(row, *column));
        of.extend(holds.map(|(index, _)| (customer.clone(), *index as u32)));
    }
    Ok(Asked { keys, of })
}
