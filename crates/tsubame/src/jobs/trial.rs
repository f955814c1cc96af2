//! What a scenario would do, by the planner itself and without a trace: its next evaluation by what is known now. A plan that is made at that
//! moment, from the same facts, comes to the same numbers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use decide::{
    Rules,
    gates::{Address, Consent, Gate, Member, Reach, Relay, Suppression},
    tick::{self, Customer, Plan, Window, schedule},
};
use model::{Channel, Instant, Purpose, Scenario, SendState};

use super::{
    approval, pause,
    tick::{CHUNK, gather, happened, quota, versions},
};
use crate::{broadcasts::reason, fault::Fault, reachable::Ways, workspace::Workspace};

/// How far people who come in by events are counted back, and those who come in by a date ahead.
const DAYS: i64 = 30;
/// Beyond every wait.
pub const FAR: TimeDelta = TimeDelta::days(3650);
/// No schedule lets more days pass between two evaluations.
const AHEAD_MAX: TimeDelta = TimeDelta::days(62);

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The segment's evaluation at this logical time: the next one, or the only one.
    Evaluation(Instant),
    /// Whose event would have let them in within so many days: nobody knows whose will.
    LastDays(i64),
    /// Whose date falls within so many days.
    NextDays(i64),
}

/// What a scenario would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub basis: Basis,
    /// Everybody in the audience (対象).
    pub audience: u64,
    /// Those of them who come in: not excluded, not kept out, and let in again if they were in before.
    pub enters: u64,
    /// Of those who come in: who has an address on the channel, has consented and is not suppressed (LINE可, メール可, SMS可).
    pub reachable: BTreeMap<Channel, u64>,
    /// Messages of the steps that are due at once, by the channel they would go by.
    pub sends: BTreeMap<Channel, u64>,
    /// In a holdout of the scenario: planned, and not sent.
    pub ghosts: u64,
    /// Put off by quiet hours, caps or the best time.
    pub deferred: u64,
    /// Who is not sent to, by reason (除外理由): `excluded…`, `global_holdout`, or the gate's.
    pub stops: BTreeMap<String, u64>,
}

impl Trial {
    fn of(basis: Basis) -> Trial {
        Trial {
            basis,
            audience: 0,
            enters: 0,
            reachable: BTreeMap::new(),
            sends: BTreeMap::new(),
            ghosts: 0,
            deferred: 0,
            stops: BTreeMap::new(),
        }
    }

    /// How many messages the steps that are due at once come to.
    pub fn messages(&self) -> u64 {
        self.sends.values().sum()
    }
}

/// What this scenario would do if it were switched on. It need not be one of the shop's files: a page asks about one that is being edited.
pub async fn trial(workspace: &Workspace, scenario: &Scenario) -> Result<Trial, Fault> {
    let (zone, grace) = (workspace.shop().timezone, workspace.shop().grace.0);
    let now = workspace.now() - grace;
    let window = |from: Instant, to: Instant| Window { run_id: "trial".into(), from, to, grace };
    if scenario.entry.on.is_some() {
        return of_events(workspace, scenario, &window(now - TimeDelta::days(DAYS), now)).await;
    }
    let (basis, window) = if scenario.entry.date.is_some() {
        (Basis::NextDays(DAYS), window(now, now + TimeDelta::days(DAYS)))
    } else {
        let next = || schedule::evaluations(&scenario.entry, zone, now, now + AHEAD_MAX).into_iter().next();
        // That of a broadcast that is over is counted all the same: it may be the one that is being planned.
        let at = scenario.entry.once.map(|once| zone.instant(once.0)).or_else(next).unwrap_or(now);
        (Basis::Evaluation(at), window(at - TimeDelta::microseconds(1), at))
    };
    let alone = alone(workspace, scenario);
    let open = workspace.state.ledger().open_entries(now + FAR).await?;
    let open: Vec<_> = open.into_iter().filter(|entry| entry.scenario == scenario.scenario).collect();
    let pinned = open.iter().map(|entry| (entry.scenario.clone(), entry.scenario_version.clone()));
    let mut known = versions::of(&alone, pinned.collect()).await?;
    known.extend(alone.files.scenarios.iter().cloned());
    let everybody = gather(&alone, &window, &known, &open, &[], CHUNK).await?;
    let mut rules = Rules::of(workspace.shop());
    let decisions = crate::jobs::automatic::of_messages(&alone, window.executed_at(window.to)).await?;
    rules.closed = quota::closed(&alone, &window, &everybody, &known, &rules, &decisions).await?;
    let mut trial = Trial::of(basis);
    for chunk in everybody.chunks() {
        for customer in &everybody.customers(chunk).await? {
            let plan = tick::plan_with_decisions(customer, &known, &rules, &window, &decisions);
            trial.count(customer, scenario, &plan, &window, &rules);
        }
    }
    Ok(trial)
}

/// The messages that would leave within a day, by scenario and channel, if nothing more happened: all scenarios together, as a tick plans them.
pub async fn next_day(workspace: &Workspace) -> Result<BTreeMap<String, BTreeMap<Channel, u64>>, Fault> {
    let grace = workspace.shop().grace.0;
    let from = workspace.now() - grace;
    let window = Window { run_id: "trial".into(), from, to: from + TimeDelta::days(1), grace };
    let narrowed = approval::without(workspace, &approval::held(workspace).await?);
    let workspace = narrowed.as_ref().unwrap_or(workspace);
    let open = workspace.state.ledger().open_entries(from + FAR).await?;
    let pinned = open.iter().map(|entry| (entry.scenario.clone(), entry.scenario_version.clone()));
    let mut known = versions::of(workspace, pinned.collect()).await?;
    known.extend(workspace.files.scenarios.iter().cloned());
    let everybody = gather(workspace, &window, &known, &open, &[], CHUNK).await?;
    let mut rules = Rules { pauses: pause::pauses(workspace).await?, ..Rules::of(workspace.shop()) };
    let decisions = crate::jobs::automatic::of_messages(workspace, window.executed_at(window.to)).await?;
    rules.closed = quota::closed(workspace, &window, &everybody, &known, &rules, &decisions).await?;
    let mut sends: BTreeMap<String, BTreeMap<Channel, u64>> = BTreeMap::new();
    for chunk in everybody.chunks() {
        for customer in &everybody.customers(chunk).await? {
            let plan = tick::plan_with_decisions(customer, &known, &rules, &window, &decisions);
            for send in plan.sends.iter().filter(|send| send.row.state != SendState::Ghost) {
                *sends.entry(send.row.scenario.clone()).or_default().entry(send.row.channel).or_default() += 1;
            }
        }
    }
    Ok(sends)
}

/// The shop with this scenario switched on and no other: what others send until then is not foreseen, what they sent counts for the caps.
fn alone(workspace: &Workspace, scenario: &Scenario) -> Workspace {
    let mut alone = workspace.clone();
    alone.files.scenarios.retain(|known| known.scenario != scenario.scenario);
    alone.files.scenarios.iter_mut().for_each(|other| other.enabled = false);
    alone.files.scenarios.push(Scenario { enabled: true, ..scenario.clone() });
    alone
}

/// How many people did what lets them in. Which of them would still have come in, and been sent to, a replay tells.
async fn of_events(workspace: &Workspace, scenario: &Scenario, window: &Window) -> Result<Trial, Fault> {
    let reachable = workspace.reachable().await?;
    let mut people = BTreeSet::new();
    for row in happened::ask(workspace, window, window.from, &[scenario]).await? {
        if row.lets_into(scenario) {
            people.insert(reachable.survivor(row.customer));
        }
    }
    let mut trial = Trial::of(Basis::LastDays(DAYS));
    trial.audience = people.len() as u64;
    trial.enters = trial.audience;
    let rules = Rules::of(workspace.shop());
    for person in &people {
        let reach = reachable.reach.get(person).map(Ways::all).unwrap_or_default();
        trial.reach(&reach, scenario, window.to, &rules);
    }
    Ok(trial)
}

impl Trial {
    fn count(&mut self, customer: &Customer, scenario: &Scenario, plan: &Plan, window: &Window, rules: &Rules) {
        let name = scenario.scenario.as_str();
        let is_triggered = customer.triggers.iter().any(|trigger| trigger.scenario == name);
        // By entry, what became of it last.
        let fresh = plan.entries.iter().filter(|entry| entry.row.scenario == name && entry.row.entered_at > window.from);
        let fresh: BTreeMap<&str, Option<&str>> =
            fresh.map(|entry| (entry.row.entry_id.as_str(), entry.row.reason.as_deref())).collect();
        if is_triggered || !fresh.is_empty() {
            self.audience += 1;
        }
        let mut comes_in = false;
        for why in fresh.values() {
            match why {
                Some(why) if why.starts_with("excluded by ") => self.stop(&reason(why)),
                Some("global_holdout") => self.stop("global_holdout"),
                _ => comes_in = true,
            }
        }
        if comes_in {
            self.enters += 1;
            self.reach(&customer.reach, scenario, window.to, rules);
        }
        for send in plan.sends.iter().filter(|send| fresh.contains_key(send.row.entry_id.as_str())) {
            match send.row.state {
                SendState::Ghost => self.ghosts += 1,
                _ => *self.sends.entry(send.row.channel).or_default() += 1,
            }
        }
        for stop in plan.stops.iter().filter(|stop| stop.row.channel.is_none() && fresh.contains_key(stop.row.entry_id.as_str()))
        {
            self.stop(&stop.row.reason);
        }
        if !fresh.is_empty() {
            self.deferred += u64::from(plan.deferred);
        }
    }

    fn stop(&mut self, reason: &str) {
        *self.stops.entry(reason.into()).or_default() += 1;
    }

    fn reach(&mut self, reach: &BTreeMap<Channel, Reach>, scenario: &Scenario, at: Instant, rules: &Rules) {
        let gates: [&dyn Gate; 4] = [&Address, &Relay, &Consent, &Suppression];
        let member = Member { customer: "", reach, sends: &[], held_out: false, tags: &[], ignores_caps: false };
        let mut channels: BTreeMap<Channel, Purpose> = BTreeMap::new();
        for send in scenario.sends() {
            for channel in &send.channels {
                channels.entry(*channel).or_insert(send.purpose);
            }
        }
        for (channel, purpose) in channels {
            let is_open = gates.iter().all(|gate| gate.check(&member, channel, purpose, at, rules).is_none());
            *self.reachable.entry(channel).or_default() += u64::from(is_open);
        }
    }
}
