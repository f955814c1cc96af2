//! One evaluation of all scenarios over a window of logical time: gather over everyone due, decide per customer, record, seal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, TimeDelta};
use decide::{
    Rules,
    gates::PastSend,
    tick::{self, Customer, Happening, OpenEntry, PastEntry, Plan, Trigger, Window},
};
use model::{CustomerId, Instant, Money, Run, Scenario, derive_id, scenario::Reentry};
use query::{Answer, Mode, ParamKind, ParamValue, Params, Value};
use serde_json::{Value as Json, json};
use state::Begun;

use crate::{
    fault::{Exit, Fault},
    workspace::{Reachable, Workspace},
};

/// Members per recorded chunk.
const CHUNK: usize = 10_000;
/// An event may arrive this long after it happened and still let somebody in.
const LATE_MAX: Duration = Duration::days(2);

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

/// Plans logical times in `(from, to]`. A run that was sealed is not planned again.
pub async fn tick(workspace: &Workspace, from: Instant, to: Instant) -> Result<Report, Fault> {
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
    let customers = gather(workspace, &window).await?;
    let rules = Rules::of(workspace.shop());
    let decisions = crate::jobs::automatic::of_messages(workspace, window.executed_at(to)).await?;
    let mut report = Report { run_id, customers: customers.len() as u64, ..Report::default() };
    for chunk in customers.chunks(CHUNK) {
        let mut whole = Plan::default();
        for customer in chunk {
            let plan = tick::plan_with_decisions(customer, &workspace.files.scenarios, &rules, &window, &decisions);
            whole.entries.extend(plan.entries);
            whole.sends.extend(plan.sends);
            whole.stops.extend(plan.stops);
            whole.exposures.extend(plan.exposures);
            whole.deferred += plan.deferred;
            whole.late_exits += plan.late_exits;
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
        ledger.record_plan(&run, &entries, &sends, &stops, &exposures, workspace.now()).await?;
    }
    run.members = report.customers as i64;
    run.counts = json!({
        "entries": report.entries, "sends": report.sends, "ghosts": report.ghosts, "stops": report.stops,
        "deferred": report.deferred, "late_exits": report.late_exits,
    });
    ledger.seal(&run, workspace.now()).await?;
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
async fn gather(workspace: &Workspace, window: &Window) -> Result<Vec<Customer>, Fault> {
    let scenarios: Vec<&Scenario> = workspace.files.scenarios.iter().filter(|scenario| scenario.enabled).collect();
    let ledger = workspace.state.ledger();
    let open = ledger.open_entries(Instant::MAX_UTC.min(window.to + TimeDelta::days(3650))).await?;
    let names: BTreeSet<&str> = scenarios.iter().flat_map(|scenario| names_of(scenario)).collect();
    let since = open.iter().map(|entry| entry.entered_at).min().unwrap_or(window.from).min(window.from - LATE_MAX);
    // Only those who survive are planned for, with what they did under other ids.
    let reachable = workspace.reachable().await?;
    let survivor = |customer: CustomerId| reachable.survivor(customer);
    let mut happened = ask_happenings(workspace, window, since, &names, &scenarios).await?;
    if !reachable.merged.is_empty() {
        for row in &mut happened {
            row.customer = survivor(row.customer.clone());
        }
        happened.sort_by(|a, b| (&a.customer, a.happening.at).cmp(&(&b.customer, b.happening.at)));
    }
    let mut triggers: BTreeMap<CustomerId, Vec<Trigger>> = BTreeMap::new();
    let mut happenings: BTreeMap<CustomerId, Vec<Happening>> = BTreeMap::new();
    for row in &happened {
        for (scenario, is_entry) in scenarios.iter().zip(&row.conditions) {
            let on_entry = scenario.entry.on.as_deref() == Some(row.happening.name.as_str());
            let seen_at = window.seen_at(row.happening.at, row.happening.known_at);
            if on_entry && *is_entry && seen_at > window.from && seen_at <= window.to {
                triggers.entry(row.customer.clone()).or_default().push(row.trigger(scenario));
            }
        }
    }
    for scenario in scenarios.iter().filter(|scenario| scenario.entry.segment.is_some()) {
        for trigger in segment_triggers(workspace, window, scenario).await? {
            triggers.entry(survivor(trigger.0)).or_default().push(trigger.1);
        }
    }
    let mut open_of: BTreeMap<CustomerId, Vec<OpenEntry>> = BTreeMap::new();
    for entry in &open {
        open_of.entry(survivor(entry.customer_id.clone())).or_default().extend(OpenEntry::of(entry));
    }
    let concerned: BTreeSet<CustomerId> = triggers.keys().chain(open_of.keys()).cloned().collect();
    for row in happened {
        if concerned.contains(&row.customer) {
            happenings.entry(row.customer).or_default().push(row.happening);
        }
    }
    let mut past_sends = past_sends(workspace, window, &concerned, since, &reachable).await?;
    let mut past_entries: BTreeMap<CustomerId, Vec<PastEntry>> = BTreeMap::new();
    for scenario in &scenarios {
        for past in ledger.past_entries(&scenario.scenario).await? {
            let customer = survivor(past.customer_id);
            if concerned.contains(&customer) {
                past_entries.entry(customer).or_default().push(PastEntry {
                    scenario: scenario.scenario.clone(),
                    entry_key: past.entry_key,
                    entered_at: past.entered_at,
                });
            }
        }
    }
    let mut conditions = branch_conditions(workspace, window, &scenarios, &concerned).await?;
    let customer = |id: CustomerId| Customer {
        unit: reachable.unit.get(&id).unwrap_or(&id).to_string(),
        reach: reachable.reach.get(&id).cloned().unwrap_or_default(),
        past_sends: past_sends.remove(&id).unwrap_or_default(),
        past_entries: past_entries.remove(&id).unwrap_or_default(),
        open: open_of.remove(&id).unwrap_or_default(),
        triggers: triggers.remove(&id).unwrap_or_default(),
        happenings: happenings.remove(&id).unwrap_or_default(),
        conditions: conditions.remove(&id).unwrap_or_default(),
        id,
    };
    Ok(concerned.into_iter().map(customer).collect())
}

/// The events a scenario looks at: its entry, its exits, and what its waits count from.
fn names_of(scenario: &Scenario) -> Vec<&str> {
    let waits = scenario.steps.iter().filter_map(|step| step.wait.as_ref()?.since_event());
    scenario
        .entry
        .on
        .as_deref()
        .into_iter()
        .chain(scenario.exits.iter().filter_map(|exit| exit.on.as_deref()))
        .chain(waits)
        .collect()
}

/// A row of `system/happenings`, and whether it fulfils each scenario's `where`.
struct Happened {
    customer: CustomerId,
    happening: Happening,
    conditions: Vec<bool>,
    value: Option<Money>,
}

impl Happened {
    fn trigger(&self, scenario: &Scenario) -> Trigger {
        let key = scenario.entry.key.as_ref().and_then(|column| self.happening.keys.get(column));
        let mut context = serde_json::Map::new();
        if let Some(value) = self.value {
            context.insert("cart_value".into(), json!(value));
        }
        for (column, value) in &self.happening.keys {
            context.insert(column.clone(), json!(value));
        }
        Trigger {
            scenario: scenario.scenario.clone(),
            entry_key: key.cloned().unwrap_or_else(|| self.customer.to_string()),
            at: self.happening.at,
            known_at: self.happening.known_at,
            was_in_audience_before: false,
            context: Json::Object(context),
        }
    }
}

async fn ask_happenings(
    workspace: &Workspace,
    window: &Window,
    since: Instant,
    names: &BTreeSet<&str>,
    scenarios: &[&Scenario],
) -> Result<Vec<Happened>, Fault> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let params: Params = [
        ("from_at".to_string(), ParamValue::Instant(since)),
        ("to_at".to_string(), ParamValue::Instant(window.to + TimeDelta::microseconds(1))),
        ("names".to_string(), ParamValue::Text(names.iter().copied().collect::<Vec<_>>().join(","))),
    ]
    .into();
    let conditions: Vec<&str> = scenarios.iter().map(|scenario| scenario.entry.condition.as_deref().unwrap_or("true")).collect();
    let answer = desk.ask_with_conditions("system/happenings", &params, &conditions).await?;
    let rows = Rows::new(&answer);
    let keys: BTreeSet<&str> = scenarios.iter().filter_map(|scenario| scenario.entry.key.as_deref()).collect();
    (0..answer.rows.len())
        .map(|row| {
            let mut values = BTreeMap::new();
            for key in &keys {
                if let Some(value) = rows.text(row, key) {
                    values.insert(key.to_string(), value);
                }
            }
            Ok(Happened {
                customer: CustomerId::stored(rows.needed(row, "customer_id")?),
                happening: Happening {
                    name: rows.needed(row, "name")?,
                    at: rows.instant(row, "occurred_at")?,
                    known_at: rows.instant(row, "known_at")?,
                    keys: values,
                },
                conditions: (0..conditions.len())
                    .map(|index| answer.get(row, &format!("c{index}")) == Some(&Value::Bool(true)))
                    .collect(),
                value: match answer.get(row, "value") {
                    Some(Value::Money(value)) => Some(*value),
                    _ => None,
                },
            })
        })
        .collect()
}

/// A segment's members at each of its evaluation times in the window.
async fn segment_triggers(
    workspace: &Workspace,
    window: &Window,
    scenario: &Scenario,
) -> Result<Vec<(CustomerId, Trigger)>, Fault> {
    let zone = workspace.shop().timezone;
    let time = scenario.entry.at.map_or_else(|| chrono::NaiveTime::from_hms_opt(9, 0, 0).expect("a time of day"), |at| at.0);
    let segment = scenario.entry.segment.as_deref().unwrap_or_default();
    let mut triggers = Vec::new();
    let mut at = zone.next(window.from, time);
    while at <= window.to {
        let members = segment_members(workspace, segment, scenario, window.executed_at(at)).await?;
        let before = match scenario.entry.reentry {
            Reentry::Rematch => {
                segment_members(workspace, segment, scenario, window.executed_at(zone.next(at - TimeDelta::days(2), time)))
                    .await?
            }
            _ => BTreeSet::new(),
        };
        let key = zone.day(at).to_string();
        triggers.extend(members.into_iter().map(|customer| {
            let trigger = Trigger {
                scenario: scenario.scenario.clone(),
                entry_key: key.clone(),
                at,
                known_at: at,
                was_in_audience_before: before.contains(&customer),
                context: json!({}),
            };
            (customer, trigger)
        }));
        at = zone.next(at, time);
    }
    Ok(triggers)
}

async fn segment_members(
    workspace: &Workspace,
    segment: &str,
    scenario: &Scenario,
    as_of: Instant,
) -> Result<BTreeSet<CustomerId>, Fault> {
    let desk = workspace.desk(as_of, Mode::AsKnown).await?;
    let query = desk.query(segment)?;
    let params = params_of(query, &scenario.entry.params)?;
    let answer = desk.ask(segment, &params).await?;
    let rows = Rows::new(&answer);
    (0..answer.rows.len()).map(|row| rows.needed(row, "customer_id").map(CustomerId::stored)).collect()
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
    concerned: &BTreeSet<CustomerId>,
    oldest_entry: Instant,
    reachable: &Reachable,
) -> Result<BTreeMap<CustomerId, Vec<PastSend>>, Fault> {
    let longest = workspace.shop().caps.iter().map(|cap| cap.per.0).max().unwrap_or_else(Duration::zero);
    // Sends of open entries are asked about too, however old: a late exit is one that comes after them.
    let since = oldest_entry.min(window.from - longest - Duration::days(2));
    let mut past: BTreeMap<CustomerId, Vec<PastSend>> = BTreeMap::new();
    for send in workspace.state.ledger().recent_sends(None, since).await? {
        let customer = reachable.survivor(send.customer_id);
        if concerned.contains(&customer) {
            past.entry(customer).or_default().push(PastSend {
                entry_id: send.entry_id,
                channel: send.channel,
                at: send.at,
                purpose: send.purpose,
                ghost: send.ghost,
            });
        }
    }
    Ok(past)
}

/// What each branch's `when` says of each customer, at the window's end.
async fn branch_conditions(
    workspace: &Workspace,
    window: &Window,
    scenarios: &[&Scenario],
    concerned: &BTreeSet<CustomerId>,
) -> Result<BTreeMap<CustomerId, BTreeMap<String, bool>>, Fault> {
    let mut keys = Vec::new();
    let mut conditions = Vec::new();
    for scenario in scenarios {
        for step in &scenario.steps {
            for (arm, when) in
                step.branch.iter().flatten().enumerate().filter_map(|(arm, branch)| Some((arm, branch.when.as_deref()?)))
            {
                keys.push(tick::condition_key(&scenario.scenario, &step.id, arm));
                conditions.push(when);
            }
        }
    }
    let mut known: BTreeMap<CustomerId, BTreeMap<String, bool>> = BTreeMap::new();
    if conditions.is_empty() || concerned.is_empty() {
        return Ok(known);
    }
    let desk = workspace.desk(window.executed_at(window.to), Mode::AsKnown).await?;
    let answer = desk.ask_with_conditions("system/views/customer_ranks", &Params::new(), &conditions).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        let customer = CustomerId::stored(rows.needed(row, "customer_id")?);
        if concerned.contains(&customer) {
            let flags = keys
                .iter()
                .enumerate()
                .map(|(index, key)| (key.clone(), answer.get(row, &format!("c{index}")) == Some(&Value::Bool(true))));
            known.insert(customer, flags.collect());
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
