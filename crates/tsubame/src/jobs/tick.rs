//! One evaluation of all scenarios over a window of logical time: gather over everyone due, decide per customer, record, seal. What is asked once
//! of everybody is small; customers with all that is known of them are made, decided on and recorded a chunk at a time.

use std::collections::BTreeMap;

use chrono::{Duration, TimeDelta};
use decide::{
    Rules,
    tick::{self, Plan, Window},
};
use model::{Instant, Money, Run, derive_id};
use query::{Answer, ParamKind, Params, Value};
use serde_json::{Value as Json, json};
use state::Begun;

use crate::{
    fault::{Exit, Fault},
    jobs::{approval, pause::pauses},
    workspace::Workspace,
};

mod audiences;
mod everybody;
pub mod foreseen;
pub mod happened;
mod personal;
pub mod quota;
#[cfg(test)]
mod tests;
pub mod told;
pub mod versions;

pub use everybody::{CHUNK, Gathered, gather};

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
    /// Everything is asked that is asked of everybody once, or is to be known of a chunk of them.
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

/// The same, and tells each part as it ends: after what is gathered of everybody they take turns, a chunk at a time.
pub async fn tick_by_beats(
    workspace: &Workspace,
    from: Instant,
    to: Instant,
    ended: &mut (dyn FnMut(Beat) + Send),
) -> Result<Report, Fault> {
    in_chunks(workspace, from, to, CHUNK, ended).await
}

async fn in_chunks(
    workspace: &Workspace,
    from: Instant,
    to: Instant,
    chunk: usize,
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
    let everybody = gather(workspace, &window, &scenarios, &open, &failed, chunk).await?;
    ended(Beat::Gathered);
    let decisions = crate::jobs::automatic::of_messages(workspace, window.executed_at(to)).await?;
    rules.closed = quota::closed(workspace, &window, &everybody, &scenarios, &rules, &decisions).await?;
    ended(Beat::Decided);
    let mut report = Report { run_id, customers: everybody.len() as u64, ..Report::default() };
    for chunk in everybody.chunks() {
        let customers = everybody.customers(chunk).await?;
        ended(Beat::Gathered);
        let mut whole = Plan::default();
        for customer in &customers {
            whole.add(tick::plan_with_decisions(customer, &scenarios, &rules, &window, &decisions));
        }
        drop(customers);
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

    /// The columns of so many conditions that were asked beside the query, each with the condition's number.
    pub fn conditions(&self, asked: usize) -> Vec<(usize, usize)> {
        (0..asked).filter_map(|index| Some((index, self.0.column(&format!("c{index}"))?))).collect()
    }

    /// The same as [`Rows::is_true`], by the column's place.
    pub fn holds(&self, row: usize, column: usize) -> bool {
        self.0.rows[row].get(column) == Some(&Value::Bool(true))
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
