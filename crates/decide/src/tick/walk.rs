//! One customer's way through a window, instant by instant: whoever must leave leaves, whoever may enter enters, whoever is due
//! proceeds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
};

use model::{
    Channel, EntryStatus, EntryStep, Exposure, Instant, Money, Scenario, Send, SendState, Step, Stop, StopRow, derive_id,
    scenario::{END, Exit, Matching, SendStep, Wait},
    time::rfc3339,
};
use serde_json::Value;

use super::{
    Customer, Dated, Happening, OpenEntry, PastEntry, PastSend, Plan, Trigger, Window, condition_key, entering,
    sending::{self, Decision, Spread, Verdict},
    tested::{Meets, meets},
};
use crate::{
    Rules,
    automatic::Taken,
    bucket,
    gates::{self, Gate, Member},
};

pub struct Walk<'a> {
    customer: &'a Customer,
    scenarios: &'a [Scenario],
    rules: &'a Rules,
    window: &'a Window,
    /// What tests have decided by themselves.
    taken: &'a [Taken],
    /// By the time they are seen, the next one first.
    triggers: VecDeque<(Instant, &'a Trigger)>,
    /// By entry id, so that no order of the input matters.
    open: BTreeMap<String, Entry<'a>>,
    past_entries: Vec<PastEntry>,
    sends: Vec<PastSend>,
    plan: Plan,
    reached: usize,
}

#[derive(Clone)]
struct Entry<'a> {
    scenario: &'a Scenario,
    entry_id: String,
    entry_key: String,
    entered_at: Instant,
    held_out: bool,
    context: Value,
    /// Index into the scenario's steps; past the end it has finished.
    step: usize,
    /// The step it stands at, or the last one it stood at.
    step_id: String,
    /// When it is looked at next.
    due: Instant,
    /// When the step it stands at fell due: what validity counts from. Differs from `due` after a deferral or a pause.
    step_due: Instant,
    /// At a wait that has begun, and ends at `due`.
    waiting: bool,
    /// Nothing happens to it before: it was not here, or was looked at in an earlier window.
    from: Instant,
    leave: Option<Leave>,
    /// Steps passed at this instant: more than there are is a loop whose waits are over.
    passed: usize,
}

#[derive(Clone)]
struct Leave {
    at: Instant,
    /// When the exit event happened; `None` if it was none.
    happened_at: Option<Instant>,
    reason: &'static str,
}

enum Place {
    AtSend,
    Waits,
    Ended,
}

impl<'a> Walk<'a> {
    pub fn new(
        customer: &'a Customer,
        scenarios: &'a [Scenario],
        rules: &'a Rules,
        window: &'a Window,
        taken: &'a [Taken],
    ) -> Self {
        let seen = |trigger: &'a Trigger| (window.seen_at(trigger.at, trigger.known_at), trigger);
        let mut triggers: Vec<_> = customer.triggers.iter().map(seen).collect();
        triggers.retain(|(at, _)| *at > window.from && *at <= window.to);
        // To the last member, so that of two at one instant the same one always gets in.
        triggers.sort_by_cached_key(|(seen, trigger)| {
            let context = trigger.context.to_string();
            (*seen, &trigger.scenario, trigger.at, &trigger.entry_key, trigger.was_in_audience_before, context)
        });

        let as_past = |open: &OpenEntry| PastEntry {
            scenario: open.scenario.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
        };
        let mut past_entries = customer.past_entries.clone();
        past_entries.extend(customer.open.iter().map(as_past));

        let (sends, triggers) = (customer.past_sends.clone(), triggers.into());
        let plan = Plan::default();
        let mut walk = Walk {
            customer,
            scenarios,
            rules,
            window,
            taken,
            triggers,
            open: BTreeMap::new(),
            past_entries,
            sends,
            plan,
            reached: 0,
        };
        for open in &customer.open {
            walk.take_up(open);
        }
        walk
    }

    pub fn run(mut self) -> Plan {
        while let Some(now) = self.next_at().filter(|now| *now <= self.window.to) {
            self.leave(now);
            self.enter(now);
            self.leave(now); // Whoever entered late may have had to leave already.
            self.proceed(now);
        }
        let stopped = self.plan.stops.iter().filter(|stop| stop.row.channel.is_none()).count();
        let decided = self.plan.sends.len() + stopped + self.plan.deferred as usize;
        assert_eq!(decided, self.reached, "every send step reached has exactly one outcome");
        self.plan
    }

    fn take_up(&mut self, open: &OpenEntry) {
        let mut versions = self.scenarios.iter().filter(|scenario| scenario.scenario == open.scenario).peekable();
        if versions.peek().is_none() {
            return; // Not asked about.
        }
        let pinned = versions.find(|scenario| scenario.version == open.version);
        let found = pinned.and_then(|scenario| Some((scenario, scenario.steps.iter().position(|step| step.id == open.step)?)));
        let Some((scenario, step)) = found else {
            return self.stop_version(open);
        };
        if !self.current(&open.scenario).is_some_and(|current| current.enabled) {
            return;
        }
        let from = self.window.first_instant();
        let mut entry = Entry {
            scenario,
            entry_id: open.entry_id.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
            held_out: open.held_out,
            context: open.context.clone(),
            step,
            step_id: open.step.clone(),
            due: open.due,
            step_due: open.reason.as_deref().and_then(deferred_since).unwrap_or(open.due),
            waiting: true,
            from,
            leave: None,
            passed: 0,
        };
        entry.leave = self.first_leave(&entry);
        self.open.insert(entry.entry_id.clone(), entry);
    }

    /// The version that lets people in.
    fn current(&self, scenario: &str) -> Option<&'a Scenario> {
        self.scenarios.iter().rev().find(|known| known.scenario == scenario)
    }

    fn next_at(&self) -> Option<Instant> {
        let trigger = self.triggers.front().map(|(seen, _)| *seen);
        self.open.values().map(Entry::next_at).chain(trigger).min()
    }

    // Leaving.

    fn leave(&mut self, now: Instant) {
        let leaving: Vec<String> =
            self.open.values().filter(|entry| entry.leaves_by(now)).map(|entry| entry.entry_id.clone()).collect();
        for id in leaving {
            let Some(entry) = self.open.remove(&id) else { continue };
            let Some(leave) = entry.leave.clone() else { continue };
            let too_late =
                |send: &PastSend| send.entry_id == id && !send.ghost && leave.happened_at.is_some_and(|at| at <= send.at);
            if self.sends.iter().any(too_late) {
                self.plan.late_exits += 1;
            }
            self.note(&entry, EntryStatus::Exited, now, now, Some(leave.reason.into()));
        }
    }

    /// The first reason to leave, of all that will ever be known: it takes effect when it is seen.
    fn first_leave(&self, entry: &Entry) -> Option<Leave> {
        let exits = entry.scenario.exits.iter().filter_map(|exit| match exit.leave.as_deref() {
            Some("consent") => {
                (!self.has_consent(entry.scenario)).then_some(Leave { at: entry.from, happened_at: None, reason: "consent" })
            }
            _ => self.exit_event(entry, exit),
        });
        exits.min_by_key(|leave| leave.at)
    }

    fn exit_event(&self, entry: &Entry, exit: &Exit) -> Option<Leave> {
        let name = exit.on.as_deref()?;
        let reason = if name == entry.scenario.goal.on { "goal" } else { "rule" };
        let key_column = entry.scenario.entry.key.as_deref();
        let matches = |happening: &&Happening| {
            happening.name == name
                && happening.at > entry.entered_at
                && match (exit.matching, key_column) {
                    (Matching::Key, Some(column)) => {
                        happening.keys.get(column).is_some_and(|key| key == entering::base_key(&entry.entry_key))
                    }
                    _ => true,
                }
        };
        let seen = |happening: &Happening| self.window.seen_at(happening.at, happening.known_at).max(entry.from);
        let first = self.customer.happenings.iter().filter(matches).min_by_key(|happening| (seen(happening), happening.at))?;
        Some(Leave { at: seen(first), happened_at: Some(first.at), reason })
    }

    /// Whether some send of the scenario is permitted on some channel.
    fn has_consent(&self, scenario: &Scenario) -> bool {
        let member = Member { reach: &self.customer.reach, sends: &[], held_out: false };
        let mut sends = scenario.steps.iter().filter_map(|step| step.send.as_ref());
        sends.any(|send| {
            let permits =
                |channel: &Channel| gates::Consent.check(&member, *channel, send.purpose, self.window.to, self.rules).is_none();
            send.channels.iter().any(permits)
        })
    }

    // Entering.

    fn enter(&mut self, now: Instant) {
        while let Some((_, trigger)) = self.triggers.pop_front_if(|(seen, _)| *seen <= now) {
            let Some(scenario) = self.current(&trigger.scenario).filter(|scenario| scenario.enabled) else { continue };
            let past: Vec<&PastEntry> = self.past_entries.iter().filter(|past| past.scenario == trigger.scenario).collect();
            let of_scenario = self.open.values().filter(|open| open.scenario.scenario == trigger.scenario);
            let open: Vec<&str> = of_scenario.map(|open| open.entry_key.as_str()).collect();
            if let Some(entry_key) = entering::entry_key(scenario, trigger, &past, &open, self.rules.zone) {
                self.begin(scenario, trigger, entry_key, now);
            }
        }
    }

    fn begin(&mut self, scenario: &'a Scenario, trigger: &Trigger, entry_key: String, now: Instant) {
        let mut entry = Entry {
            scenario,
            entry_id: id([&scenario.scenario, self.customer.id.as_str(), &entry_key]),
            entry_key,
            entered_at: trigger.at,
            held_out: scenario.holdout.as_ref().is_some_and(|holdout| bucket::held_out(holdout, &self.customer.unit)),
            context: trigger.context.clone(),
            step: 0,
            step_id: scenario.steps.first().map_or(END, |step| &step.id).into(),
            due: now,
            step_due: now,
            waiting: false,
            from: now,
            leave: None,
            passed: 0,
        };
        entry.leave = self.first_leave(&entry);
        self.past_entries.push(PastEntry {
            scenario: scenario.scenario.clone(),
            entry_key: entry.entry_key.clone(),
            entered_at: trigger.at,
        });
        self.open.insert(entry.entry_id.clone(), entry);
    }

    // Proceeding.

    fn proceed(&mut self, now: Instant) {
        let is_due = |entry: &&Entry| entry.due <= now;
        let due: Vec<String> = self.open.values().filter(is_due).map(|entry| entry.entry_id.clone()).collect();
        let mut at_send = Vec::new();
        for id in due {
            let Some(mut entry) = self.open.remove(&id) else { continue };
            entry.passed = 0;
            at_send.extend(self.walk_on(entry, now));
        }
        while let Some(first) = (0..at_send.len()).min_by_key(|index| self.order(&at_send[*index])) {
            let entry = at_send.swap_remove(first);
            at_send.extend(self.send(entry, now));
        }
    }

    /// What goes first when several sends are due at once.
    fn order(&self, entry: &Entry) -> (Reverse<i32>, Instant, String, String) {
        let step = &entry.scenario.steps[entry.step];
        let send = step.send.as_ref().expect("only entries at a send are ordered");
        let valid_until = sending::valid_until(send, entry.step_due).unwrap_or(Instant::MAX_UTC);
        let send_key = send.channels.first().map_or(String::new(), |channel| id([&entry.entry_id, &step.id, channel.name()]));
        (Reverse(entry.scenario.priority), valid_until, entry.scenario.scenario.clone(), send_key)
    }

    /// Lets an entry go as far as it goes without a send; it is given back if it stands at one.
    fn walk_on(&mut self, mut entry: Entry<'a>, now: Instant) -> Option<Entry<'a>> {
        match self.walk(&mut entry, now) {
            Place::AtSend => return Some(entry),
            Place::Waits => _ = self.open.insert(entry.entry_id.clone(), entry),
            Place::Ended => {}
        }
        None
    }

    fn walk(&mut self, entry: &mut Entry<'a>, now: Instant) -> Place {
        loop {
            let Some(step) = entry.scenario.steps.get(entry.step) else {
                self.note(entry, EntryStatus::Finished, now, now, None);
                return Place::Ended;
            };
            entry.step_id.clone_from(&step.id);
            if entry.passed > entry.scenario.steps.len() {
                self.note(entry, EntryStatus::Exited, now, now, Some("loop".into()));
                return Place::Ended;
            }
            if step.send.is_some() {
                return Place::AtSend;
            }
            if let Some(wait) = &step.wait {
                if let Some(until) = self.wait_until(entry, wait, now) {
                    (entry.due, entry.waiting) = (until, true);
                    self.note(entry, EntryStatus::Waiting, now, until, None);
                    return Place::Waits;
                }
                if entry.waiting {
                    entry.step_due = entry.due;
                }
            }
            self.pass(entry, step);
        }
    }

    fn pass(&self, entry: &mut Entry, step: &Step) {
        entry.step = self.follower(entry.scenario, entry.step, step);
        entry.waiting = false;
        entry.passed += 1;
    }

    /// Until when the entry waits here; `None` once the wait is over. An event of `since` restarts a wait that has begun: that is
    /// seen when the wait would end, so a debounced entry has a row per restart that mattered, not per event.
    fn wait_until(&self, entry: &Entry, wait: &Wait, now: Instant) -> Option<Instant> {
        let last = wait.since_event().and_then(|event| self.last(event, entry, now));
        let until = match (wait.duration, last, wait.until) {
            (Some(span), Some(last), _) => last + span.0,
            _ if entry.waiting => entry.due,
            (Some(span), None, _) => now + span.0,
            (None, _, Some(time)) => self.rules.zone.next(now, time.0),
            (None, _, None) => now,
        };
        (until > now).then_some(until)
    }

    /// When the subject last did `event`, as seen at `now`; the event that let the entry in counts.
    fn last(&self, event: &str, entry: &Entry, now: Instant) -> Option<Instant> {
        let is_seen =
            |happening: &&Happening| happening.name == event && self.window.seen_at(happening.at, happening.known_at) <= now;
        let entered = (entry.scenario.entry.on.as_deref() == Some(event)).then_some(entry.entered_at);
        self.customer.happenings.iter().filter(is_seen).map(|happening| happening.at).chain(entered).max()
    }

    fn follower(&self, scenario: &Scenario, index: usize, step: &Step) -> usize {
        let chosen = match &step.branch {
            None => step.next.as_deref(),
            Some(arms) => {
                let is_true =
                    |arm: usize| self.customer.conditions.get(&condition_key(&scenario.scenario, &step.id, arm)) == Some(&true);
                let arm = arms.iter().enumerate().find(|(arm, row)| row.when.is_none() || is_true(*arm));
                arm.and_then(|(_, row)| row.to.as_deref().or(row.otherwise.as_deref()))
            }
        };
        match chosen {
            None => index + 1,
            Some(id) => scenario.steps.iter().position(|step| step.id == id).unwrap_or(scenario.steps.len()),
        }
    }

    // Sending.

    /// Decides on the send the entry stands at. It is given back if it then stands at another one at the same instant.
    fn send(&mut self, mut entry: Entry<'a>, now: Instant) -> Option<Entry<'a>> {
        let step = &entry.scenario.steps[entry.step];
        let send = step.send.as_ref().expect("the entry stands at a send");
        self.reached += 1;

        let member = Member { reach: &self.customer.reach, sends: &self.sends, held_out: entry.held_out };
        let spread = Spread { salt: &entry.scenario.scenario, subject: self.customer.id.as_str() };
        let met = meets(send, &self.customer.unit, entry.step_due, now, self.taken);
        let Decision { verdict, stopped } = match met {
            Meets::Waits { until } => sending::waiting(send, entry.step_due, until),
            _ => sending::decide(send, &member, entry.step_due, now, spread, self.rules),
        };
        for (channel, stop) in stopped {
            self.stop(&entry, Some(channel), &stop, now);
        }
        match verdict {
            Verdict::Defer { until, gate } => {
                self.plan.deferred += 1;
                entry.due = until;
                let reason = deferral(gate, entry.step_due);
                self.note(&entry, EntryStatus::Waiting, now, until, Some(reason));
                self.open.insert(entry.entry_id.clone(), entry);
                return None;
            }
            Verdict::Stop(stop) => self.stop(&entry, None, &stop, now),
            Verdict::Send(channel) => self.plan_send(&entry, step, send, met, channel, now),
        }
        self.pass(&mut entry, step);
        self.walk_on(entry, now)
    }

    fn plan_send(&mut self, entry: &Entry, step: &Step, send: &SendStep, met: Meets, channel: Channel, now: Instant) {
        let send_id = id([&entry.entry_id, &step.id, channel.name()]);
        let (arm, words) = match met {
            Meets::Arm(_, arm) => (Some(arm), Some(arm)),
            Meets::Rest(arm) => (None, Some(arm)),
            Meets::NoTest | Meets::Waits { .. } => (None, None),
        };
        if let (Meets::Arm(experiment, arm), false) = (met, entry.held_out) {
            let row = Exposure {
                experiment: experiment.name.clone(),
                version: entry.scenario.version.clone(),
                unit: self.customer.unit.clone(),
                customer_id: Some(self.customer.id.clone()),
                arm: arm.id.clone(),
                scenario: Some(entry.scenario.scenario.clone()),
                step: Some(step.id.clone()),
                send_id: Some(send_id.clone()),
                source: "scenario".into(),
            };
            self.plan.exposures.push(Dated { at: now, row });
        }
        let row = Send {
            send_id,
            run_id: self.window.run_id.clone(),
            entry_id: entry.entry_id.clone(),
            scenario: entry.scenario.scenario.clone(),
            scenario_version: entry.scenario.version.clone(),
            step: step.id.clone(),
            customer_id: self.customer.id.clone(),
            channel,
            purpose: send.purpose,
            template: words.and_then(|arm| arm.template.as_ref()).unwrap_or(&send.template).clone(),
            arm: arm.map(|arm| arm.id.clone()),
            state: if entry.held_out { SendState::Ghost } else { SendState::Planned },
            due_at: now,
            cost: if entry.held_out { Money::ZERO } else { self.rules.cost_of(channel) },
            provider_id: None,
            detail: None,
        };
        self.plan.sends.push(Dated { at: now, row });
        self.sends.push(PastSend {
            entry_id: entry.entry_id.clone(),
            channel,
            at: now,
            purpose: send.purpose,
            ghost: entry.held_out,
        });
    }

    // Rows.

    fn note(&mut self, entry: &Entry, status: EntryStatus, at: Instant, due_at: Instant, reason: Option<String>) {
        let row = EntryStep {
            entry_id: entry.entry_id.clone(),
            run_id: self.window.run_id.clone(),
            scenario: entry.scenario.scenario.clone(),
            scenario_version: entry.scenario.version.clone(),
            customer_id: self.customer.id.clone(),
            entry_key: entry.entry_key.clone(),
            entered_at: entry.entered_at,
            status,
            step: entry.step_id.clone(),
            due_at,
            held_out: entry.held_out,
            reason,
            context: entry.context.clone(),
        };
        self.plan.entries.push(Dated { at, row });
    }

    fn stop_version(&mut self, open: &OpenEntry) {
        let at = self.window.first_instant();
        let row = EntryStep {
            entry_id: open.entry_id.clone(),
            run_id: self.window.run_id.clone(),
            scenario: open.scenario.clone(),
            scenario_version: open.version.clone(),
            customer_id: self.customer.id.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
            status: EntryStatus::Exited,
            step: open.step.clone(),
            due_at: at,
            held_out: open.held_out,
            reason: Some("version_stopped".into()),
            context: open.context.clone(),
        };
        self.plan.entries.push(Dated { at, row });
    }

    fn stop(&mut self, entry: &Entry, channel: Option<Channel>, stop: &Stop, at: Instant) {
        let row = StopRow {
            run_id: self.window.run_id.clone(),
            entry_id: entry.entry_id.clone(),
            scenario: entry.scenario.scenario.clone(),
            step: entry.step_id.clone(),
            customer_id: self.customer.id.clone(),
            channel,
            reason: stop.name().into(),
            detail: stop.detail(),
        };
        self.plan.stops.push(Dated { at, row });
    }
}

impl Entry<'_> {
    fn next_at(&self) -> Instant {
        let due = self.due.max(self.from);
        self.leave.as_ref().map_or(due, |leave| leave.at.min(due))
    }

    fn leaves_by(&self, now: Instant) -> bool {
        self.leave.as_ref().is_some_and(|leave| leave.at <= now)
    }
}

/// What an entry that waits at a send says: which gate deferred it, and since when it is due (its validity counts from there).
fn deferral(gate: &str, due: Instant) -> String {
    format!("{gate} since {}", rfc3339(due))
}

fn deferred_since(reason: &str) -> Option<Instant> {
    reason.split_once(" since ")?.1.parse().ok()
}

/// An id of parts of which some come from data: a `|` in one is spelled out, as [`derive_id`] refuses it.
fn id<const N: usize>(parts: [&str; N]) -> String {
    let parts = parts.map(|part| part.replace('|', "%7C"));
    derive_id(&parts.each_ref().map(String::as_str)).expect("no part has a `|`")
}
