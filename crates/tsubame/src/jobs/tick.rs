//! One evaluation of all scenarios over a window of logical time: gather over everyone due, decide per customer, record, seal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, TimeDelta};
use decide::{
    Rules,
    gates::PastSend,
    tick::{self, Absence, Conditions, Customer, Failure, Happening, OpenEntry, PastEntry, Plan, Stir, Trigger, Window},
};
use model::{CustomerId, EntryStatus, EntryStep, Instant, Money, Purpose, Run, Scenario, derive_id};
use query::{Answer, Mode, ParamKind, Params, Value};
use serde_json::{Value as Json, json};
use state::{Begun, FailedSend};

use crate::{
    fault::{Exit, Fault},
    jobs::{approval, pause::pauses},
    reachable::Reachable,
    workspace::Workspace,
};

mod audiences;
pub mod foreseen;
pub mod happened;
mod personal;
pub mod quota;
pub mod told;
pub mod versions;

/// Members per recorded chunk.
const CHUNK: usize = 10_000;
/// An event may arrive this long after it happened and still let somebody in.
pub const LATE_MAX: Duration = Duration::days(2);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub run_id: String,
    pub customers: u64,
    pub entries: u64,
    pub sends: u64,
    pub ghosts: u64,
    pub stops: u64,
    pub deferred: u64,
    pub late_exits: u64,
    /// The run had been sealed before.
    pub was_done: bool,
}

/// The parts of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Everything is asked that is to be known of everybody.
    Gathered,
    /// It is known what becomes of a chunk of them.
    Decided,
    /// That is written down; at last the whole plan holds.
    Recorded,
}

/// Plans logical times in `(from, to]`. A run that was sealed is not planned again. What needs approval and has none is planned as if it were
/// switched off.
pub async fn tick(workspace: &Workspace, from: Instant, to: Instant) -> Result<Report, Fault> {
    tick_by_beats(workspace, from, to, &mut |_| {}).await
}

/// The same, and tells each part as it ends: deciding and recording take turns, a chunk at a time.
pub async fn tick_by_beats(
    workspace: &Workspace,
    from: Instant,
    to: Instant,
    ended: &mut (dyn FnMut(Beat) + Send),
) -> Result<Report, Fault> {
    let held = approval::held(workspace).await?;
    approval::tell(workspace, &held).await?;
    let narrowed = approval::without(workspace, &held);
    let workspace = narrowed.as_ref().unwrap_or(workspace);
    let ledger = workspace.state.ledger();
    let run_id = derive_id(&["tick", &model::time::rfc3339(to)])?;
    let definition: Vec<&str> = workspace.files.scenarios.iter().map(|scenario| scenario.version.as_str()).collect();
    let mut run = Run {
        run_id: run_id.clone(),
        kind: "tick".into(),
        name: "scenarios".into(),
        logical_at: to,
        definition: definition.join(" "),
        members: 0,
        counts: Json::Null,
    };
    if ledger.begin(&run).await? == Begun::AlreadySealed {
        return Ok(Report { run_id, was_done: true, ..Report::default() });
    }
    let window = Window { run_id: run_id.clone(), from, to, grace: workspace.shop().grace.0 };
    let open = ledger.open_entries(Instant::MAX_UTC.min(window.to + TimeDelta::days(3650))).await?;
    let mut rules = Rules { pauses: pauses(workspace).await?, ..Rules::of(workspace.shop()) };
    let failed = ledger.failed_sends(rules.may_wait_since(from)).await?;
    let pinned = open.iter().map(|entry| (entry.scenario.clone(), entry.scenario_version.clone()));
    let failed_by = failed.iter().map(|failed| (failed.send.scenario.clone(), failed.send.scenario_version.clone()));
    let scenarios = versions::known(workspace, pinned.chain(failed_by).collect()).await?;
    let customers = gather(workspace, &window, &scenarios, &open, &failed).await?;
    ended(Beat::Gathered);
    let decisions = crate::jobs::automatic::of_messages(workspace, window.executed_at(to)).await?;
    rules.closed = quota::closed(workspace, &window, &customers, &scenarios, &rules, &decisions).await?;
    let mut report = Report { run_id, customers: customers.len() as u64, ..Report::default() };
    for chunk in customers.chunks(CHUNK) {
        let mut whole = Plan::default();
        for customer in chunk {
            whole.add(tick::plan_with_decisions(customer, &scenarios, &rules, &window, &decisions));
        }
        report.count(&whole);
        let rows = |plan: Plan| {
            (
                plan.entries.into_iter().map(|dated| dated.row).collect::<Vec<_>>(),
                plan.sends.into_iter().map(|dated| dated.row).collect::<Vec<_>>(),
                plan.stops.into_iter().map(|dated| dated.row).collect::<Vec<_>>(),
                plan.exposures.into_iter().map(|dated| dated.row).collect::<Vec<_>>(),
            )
        };
        let (entries, sends, stops, exposures) = rows(whole);
        ended(Beat::Decided);
        ledger.record_plan(&run, &entries, &sends, &stops, &exposures, workspace.now()).await?;
        ended(Beat::Recorded);
    }
    run.members = report.customers as i64;
    run.counts = json!({
        "entries": report.entries, "sends": report.sends, "ghosts": report.ghosts, "stops": report.stops,
        "deferred": report.deferred, "late_exits": report.late_exits,
    });
    ledger.seal(&run, workspace.now()).await?;
    ended(Beat::Recorded);
    Ok(report)
}

impl Report {
    fn count(&mut self, plan: &Plan) {
        let ghosts = plan.sends.iter().filter(|send| send.row.state == model::SendState::Ghost).count() as u64;
        self.entries += plan.entries.len() as u64;
        self.sends += plan.sends.len() as u64 - ghosts;
        self.ghosts += ghosts;
        self.stops += plan.stops.len() as u64;
        self.deferred += u64::from(plan.deferred);
        self.late_exits += u64::from(plan.late_exits);
    }
}

/// The facts of everyone whom the window concerns, in order of customer. One query per source, never one per customer.
pub async fn gather(
    workspace: &Workspace,
    window: &Window,
    known: &[Scenario],
    open: &[EntryStep],
    failed: &[FailedSend],
) -> Result<Vec<Customer>, Fault> {
    // Of those that are paused by their file nobody enters or goes on.
    let is_enabled = |scenario: &&Scenario| versions::current(known, &scenario.scenario).is_some_and(|current| current.enabled);
    let scenarios: Vec<&Scenario> = known.iter().filter(is_enabled).collect();
    let current: Vec<&Scenario> = workspace.files.scenarios.iter().filter(|scenario| scenario.enabled).collect();
    let passes = open.iter().chain(failed.iter().map(|failed| &failed.entry));
    let since = passes.map(|entry| entry.entered_at).min().unwrap_or(window.from).min(window.from - LATE_MAX);
    // Only those who survive are planned for, with what they did under other ids.
    let reachable = workspace.reachable().await?;
    let survivor = |customer: CustomerId| reachable.survivor(customer);
    let mut happened = happened::ask(workspace, window, since, &scenarios).await?;
    if !reachable.merged.is_empty() {
        for row in &mut happened {
            row.customer = survivor(row.customer.clone());
        }
        happened.sort_by(|a, b| (&a.customer, a.happening.at).cmp(&(&b.customer, b.happening.at)));
    }
    let mut triggers: BTreeMap<CustomerId, Vec<Trigger>> = BTreeMap::new();
    let wanted: Vec<BTreeSet<String>> = current.iter().map(|scenario| told::wanted(&workspace.files, scenario)).collect();
    let mut happenings: BTreeMap<CustomerId, Vec<Happening>> = BTreeMap::new();
    for row in &happened {
        for (scenario, wanted) in current.iter().zip(&wanted) {
            let on_entry = scenario.entry.on.as_deref() == Some(row.happening.name.as_str());
            let seen_at = window.seen_at(row.happening.at, row.happening.known_at);
            if on_entry && row.lets_into(scenario) && seen_at > window.from && seen_at <= window.to {
                triggers.entry(row.customer.clone()).or_default().push(row.trigger(scenario, wanted));
            }
        }
    }
    let mut open_of: BTreeMap<CustomerId, Vec<OpenEntry>> = BTreeMap::new();
    for entry in open {
        open_of.entry(survivor(entry.customer_id.clone())).or_default().extend(OpenEntry::of(entry));
    }
    let mut failures: BTreeMap<CustomerId, Vec<Failure>> = BTreeMap::new();
    for failed in failed.iter().filter(|failed| !failed.send.scenario.ends_with(tick::TRIAL)) {
        failures.entry(survivor(failed.send.customer_id.clone())).or_default().push(failure(failed));
    }
    let mut absences: BTreeMap<CustomerId, Vec<Absence>> = BTreeMap::new();
    for scenario in current.iter().filter(|scenario| scenario.entry.segment.is_some()) {
        let is_inside = |open: &OpenEntry| open.scenario == scenario.scenario;
        let inside = open_of.iter().filter(|(_, open)| open.iter().any(is_inside)).map(|(customer, _)| customer.clone());
        let evaluated = audiences::evaluate(workspace, window, scenario, &inside.collect(), &reachable).await?;
        for (customer, trigger) in evaluated.triggers {
            triggers.entry(customer).or_default().push(trigger);
        }
        for (customer, absence) in evaluated.absences {
            absences.entry(customer).or_default().push(absence);
        }
    }
    let mut dates = personal::dates(workspace, window, &scenarios, &reachable).await?;
    let zone = workspace.shop().timezone;
    let dated = dates.iter().filter(|(_, dates)| tick::comes_in_by_date(dates, &workspace.files.scenarios, zone, window));
    let dated: BTreeSet<CustomerId> = dated.map(|(customer, _)| customer.clone()).collect();
    let concerned = triggers.keys().chain(open_of.keys()).chain(failures.keys()).chain(&dated);
    let concerned: BTreeSet<CustomerId> = concerned.cloned().collect();
    for row in happened {
        if concerned.contains(&row.customer) {
            happenings.entry(row.customer).or_default().push(row.happening);
        }
    }
    let erased = personal::erased(workspace, window, since, &reachable).await?;
    let zones = match concerned.is_empty() {
        true => BTreeMap::new(),
        false => workspace.zones(window.executed_at(window.to), &reachable).await?,
    };
    let customer = |id: CustomerId| Customer {
        unit: reachable.unit.get(&id).unwrap_or(&id).to_string(),
        zone: zones.get(&id).copied(),
        reach: reachable.reach.get(&id).cloned().unwrap_or_default(),
        past_sends: Vec::new(),
        past_entries: Vec::new(),
        open: open_of.remove(&id).unwrap_or_default(),
        failures: failures.remove(&id).unwrap_or_default(),
        triggers: triggers.remove(&id).unwrap_or_default(),
        happenings: happenings.remove(&id).unwrap_or_default(),
        conditions: Conditions::default(),
        absences: absences.remove(&id).unwrap_or_default(),
        dates: dates.remove(&id).unwrap_or_default(),
        clicks: Vec::new(),
        erased_at: erased.get(&id).copied(),
        id,
    };
    let mut customers: Vec<Customer> = concerned.into_iter().map(customer).collect();
    // In a past, most windows concern few of those who are under way; the others have an empty plan, whatever else is known of them.
    let narrows = workspace.foreseen().is_some();
    let mut going_on: BTreeSet<CustomerId> = BTreeSet::new();
    if narrows {
        let rules = Rules { pauses: pauses(workspace).await?, ..Rules::of(workspace.shop()) };
        customers.retain(|customer| {
            let stir = tick::stir(customer, known, &rules, window);
            if stir == Stir::GoesOn {
                going_on.insert(customer.id.clone());
            }
            stir != Stir::Nothing
        });
    } else {
        going_on.extend(customers.iter().map(|customer| customer.id.clone()));
    }
    let concerned: BTreeSet<CustomerId> = customers.iter().map(|customer| customer.id.clone()).collect();
    // Under whatever id they did it. Of very many, all is read.
    let ids: Option<Vec<CustomerId>> = (concerned.len() <= CHUNK).then(|| {
        let earlier = reachable.merged.iter().filter(|(_, survivor)| concerned.contains(*survivor)).map(|(earlier, _)| earlier);
        concerned.iter().chain(earlier).cloned().collect()
    });
    let mut past_sends = past_sends(workspace, window, known, &concerned, ids.as_deref(), since, &reachable).await?;
    let mut past_entries: BTreeMap<CustomerId, Vec<PastEntry>> = BTreeMap::new();
    for (scenario, past) in earlier_entries(workspace, &current, ids.as_deref()).await? {
        let customer = survivor(past.customer_id);
        if concerned.contains(&customer) {
            past_entries.entry(customer).or_default().push(PastEntry {
                scenario,
                entry_key: past.entry_key,
                entered_at: past.entered_at,
            });
        }
    }
    let mut conditions = conditions(workspace, window, &scenarios, &going_on).await?;
    let mut clicks = personal::clicks(workspace, window, &scenarios, &reachable).await?;
    for customer in &mut customers {
        let id = &customer.id;
        customer.past_sends = past_sends.remove(id).unwrap_or_default();
        customer.past_entries = past_entries.remove(id).unwrap_or_default();
        customer.conditions = conditions.remove(id).unwrap_or_default();
        customer.clicks = clicks.remove(id).unwrap_or_default();
    }
    Ok(customers)
}

/// Every pass of these customers, or of everybody, through the scenarios: under each one's name.
async fn earlier_entries(
    workspace: &Workspace,
    scenarios: &[&Scenario],
    customers: Option<&[CustomerId]>,
) -> Result<Vec<(String, state::PastEntry)>, Fault> {
    let ledger = workspace.state.ledger();
    let mut found = Vec::new();
    let Some(customers) = customers else {
        for scenario in scenarios {
            let past = ledger.past_entries(&scenario.scenario).await?;
            found.extend(past.into_iter().map(|past| (scenario.scenario.clone(), past)));
        }
        return Ok(found);
    };
    let names: BTreeSet<&str> = scenarios.iter().map(|scenario| scenario.scenario.as_str()).collect();
    for entry in ledger.entries_of(customers).await?.into_iter().filter(|entry| names.contains(entry.scenario.as_str())) {
        let past = state::PastEntry {
            customer_id: entry.customer_id,
            entry_id: entry.entry_id,
            entry_key: entry.entry_key,
            entered_at: entry.entered_at,
            status: entry.status,
        };
        found.push((entry.scenario, past));
    }
    Ok(found)
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

/// Parameters of a TOML file in the types that the query's header declares.
pub fn params_of(query: &query::Query, given: &BTreeMap<String, toml::Value>) -> Result<Params, Fault> {
    let mut params = Params::new();
    for (name, value) in given {
        let kind = query.header.params.iter().find(|param| param.name == *name).map_or(ParamKind::Text, |param| param.kind);
        let text = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let value =
            kind.read(&text).ok_or_else(|| query::QueryError::ParamValue { name: name.clone(), kind: kind.name(), raw: text })?;
        params.insert(name.clone(), value);
    }
    Ok(params)
}

async fn past_sends(
    workspace: &Workspace,
    window: &Window,
    known: &[Scenario],
    concerned: &BTreeSet<CustomerId>,
    ids: Option<&[CustomerId]>,
    oldest_entry: Instant,
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Vec<PastSend>>, Fault> {
    let excluding = known.iter().filter_map(|scenario| Some(scenario.entry.exclude_sent_within?.0));
    let caps = workspace.shop().caps.iter().map(|cap| cap.per.length_max());
    let longest = caps.chain(excluding).max().unwrap_or_else(Duration::zero);
    // Sends of open entries are asked about too, however old: a late exit is one that comes after them.
    let since = oldest_entry.min(window.from - longest - Duration::days(2));
    let mut past: BTreeMap<CustomerId, Vec<PastSend>> = BTreeMap::new();
    for send in workspace.state.ledger().recent_sends(ids, since).await? {
        let customer = reachable.survivor(send.customer_id);
        // What somebody was sent to see how it looks uses nothing up.
        if concerned.contains(&customer) && !send.scenario.ends_with(tick::TRIAL) {
            let step = versions::current(known, &send.scenario).and_then(|scenario| scenario.step(&send.step)?.send.as_ref());
            past.entry(customer).or_default().push(PastSend {
                entry_id: send.entry_id,
                channel: send.channel,
                at: send.at,
                counts: step.map_or(send.purpose != Purpose::Transactional, |step| step.counts_for_caps()),
                tags: step.map(|step| step.tags.clone()).unwrap_or_default(),
                ghost: send.ghost,
            });
        }
    }
    Ok(past)
}

/// What the `when` of each branch and exit says of each customer, at the window's end.
async fn conditions(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    concerned: &BTreeSet<CustomerId>,
) -> Result<BTreeMap<CustomerId, Conditions>, Fault> {
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
    let mut known: BTreeMap<CustomerId, Conditions> = BTreeMap::new();
    if asked.is_empty() || concerned.is_empty() {
        return Ok(known);
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let answer = desk.ask_with_conditions("system/views/customer_ranks", &Params::new(), &asked).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        if concerned.contains(&customer) {
            let conditions = known.entry(customer).or_default();
            for (index, key) in keys.iter().enumerate() {
                conditions.note(key.clone(), window.to, rows.is_true(row, &format!("c{index}")));
            }
        }
    }
    Ok(known)
}

/// Typed access to the rows of our own system queries.
pub struct Rows<'a>(&'a Answer);

impl<'a> Rows<'a> {
    pub fn new(answer: &'a Answer) -> Rows<'a> {
        Rows(answer)
    }

    pub fn text(&self, row: usize, column: &str) -> Option<String> {
        match self.0.get(row, column) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether a condition that was asked beside the query holds.
    pub fn is_true(&self, row: usize, column: &str) -> bool {
        self.0.get(row, column) == Some(&Value::Bool(true))
    }

    pub fn needed(&self, row: usize, column: &str) -> Result<String, Fault> {
        self.text(row, column).ok_or_else(|| missing(row, column))
    }

    pub fn instant(&self, row: usize, column: &str) -> Result<Instant, Fault> {
        match self.0.get(row, column) {
            Some(Value::Instant(at)) => Ok(*at),
            _ => Err(missing(row, column)),
        }
    }

    pub fn money(&self, row: usize, column: &str) -> Result<Money, Fault> {
        match self.0.get(row, column) {
            Some(Value::Money(money)) => Ok(*money),
            _ => Err(missing(row, column)),
        }
    }

    pub fn int(&self, row: usize, column: &str) -> Result<i64, Fault> {
        match self.0.get(row, column) {
            Some(Value::Int(value)) => Ok(*value),
            _ => Err(missing(row, column)),
        }
    }

    pub fn date(&self, row: usize, column: &str) -> Option<chrono::NaiveDate> {
        match self.0.get(row, column) {
            Some(Value::Date(day)) => Some(*day),
            _ => None,
        }
    }
}

fn missing(row: usize, column: &str) -> Fault {
    Fault::new(Exit::Data, format!("row {row} of a system query has no usable `{column}`"))
        .remedy("a file under queries/system in the shop's folder may shadow a built-in one")
}
