//! One customer's way through a window, instant by instant: whoever must leave leaves, whoever may enter enters, whoever is due
//! proceeds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
};

use model::{
    EntryStatus, Instant, Scenario, Step, derive_id,
    scenario::{END, Split},
};
use serde_json::Value;

use super::{
    Customer, Failure, OpenEntry, PastEntry, PastSend, Plan, Trigger, Window, branch_key, entering,
    fallback::in_window,
    leaving::Leave,
    migrating::{self, Place},
    send_step::deferred_since,
    sending,
    stir::Stir,
    waiting::Waited,
};
use crate::{Rules, automatic::Taken, bucket};

/// By what somebody is excluded who was sent an advertisement not long ago; no segment is named so.
pub const SENT_LATELY: &str = "a message not long ago";

pub struct Walk<'a> {
    pub customer: &'a Customer,
    pub scenarios: &'a [Scenario],
    pub rules: &'a Rules,
    pub window: &'a Window,
    /// What tests have decided by themselves.
    pub taken: &'a [Taken],
    /// By the time they are seen, the next one first.
    triggers: VecDeque<(Instant, &'a Trigger)>,
    /// By entry id, so that no order of the input matters.
    pub open: BTreeMap<String, Entry<'a>>,
    past_entries: Vec<PastEntry>,
    pub sends: Vec<PastSend>,
    /// Sends that count until it is seen that they failed, by that time.
    pub failing: VecDeque<(Instant, &'a Failure)>,
    /// The same, by the time at which the next channel is tried.
    pub failed: VecDeque<(Instant, &'a Failure)>,
    pub plan: Plan,
    /// Send steps decided on.
    pub reached: usize,
    /// Sends planned in place of such that failed.
    pub replaced: usize,
    /// In the shop's holdout.
    pub kept_out: bool,
}

#[derive(Clone)]
pub struct Entry<'a> {
    pub scenario: &'a Scenario,
    pub entry_id: String,
    pub entry_key: String,
    pub entered_at: Instant,
    pub held_out: bool,
    pub context: Value,
    /// Index into the scenario's steps; past the end it has finished.
    pub step: usize,
    /// The step it stands at, or the last one it stood at.
    pub step_id: String,
    /// When it goes on.
    pub due: Instant,
    /// When it is looked at before that: something was seen that may end its wait, or move it.
    pub look: Option<Instant>,
    /// When the step it stands at fell due: what validity counts from. Differs from `due` after a deferral or a pause.
    pub step_due: Instant,
    /// At a wait that has begun, and ends at `due`.
    pub waiting: bool,
    /// Nothing happens to it before: it was not here, or was looked at in an earlier window.
    pub from: Instant,
    pub leave: Option<Leave>,
    /// Steps passed at this instant: more than there are is a loop whose waits are over.
    pub passed: usize,
}

enum Stand {
    AtSend,
    Waits,
    Ended,
}

impl<'a> Walk<'a> {
    /// `dated` are the triggers that the customer's dates are.
    pub fn new(
        customer: &'a Customer,
        dated: &'a [Trigger],
        scenarios: &'a [Scenario],
        rules: &'a Rules,
        window: &'a Window,
        taken: &'a [Taken],
    ) -> Self {
        let seen = |trigger: &'a Trigger| (window.seen_at(trigger.at, trigger.known_at), trigger);
        let mut triggers: Vec<_> = customer.triggers.iter().chain(dated).map(seen).collect();
        triggers.retain(|(at, _)| *at > window.from && *at <= window.to);
        // To the last member, so that of two at one instant the same one always gets in.
        triggers.sort_by_cached_key(|(seen, trigger)| {
            let context = trigger.context.to_string();
            let flags = (trigger.was_in_audience_before, &trigger.excluded_by);
            (*seen, &trigger.scenario, trigger.at, &trigger.entry_key, flags, context)
        });

        let as_past = |open: &OpenEntry| PastEntry {
            scenario: open.scenario.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
        };
        let mut past_entries = customer.past_entries.clone();
        past_entries.extend(customer.open.iter().map(as_past));

        let (sends, triggers) = (customer.past_sends.clone(), triggers.into());
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
            failing: in_window(&customer.failures, window, Failure::seen),
            failed: in_window(&customer.failures, window, |failure| rules.awake(&failure.send.scenario, failure.seen())),
            plan: Plan::default(),
            reached: 0,
            replaced: 0,
            kept_out: rules.holdout.as_ref().is_some_and(|holdout| bucket::held_out(holdout, &customer.unit)),
        };
        for open in &customer.open {
            walk.take_up(open);
        }
        walk.count_failing();
        walk
    }

    pub fn run(mut self) -> Plan {
        while let Some(now) = self.next_at().filter(|now| *now <= self.window.to) {
            self.forget_failed(now);
            self.leave(now);
            self.enter(now);
            self.leave(now); // Whoever entered late may have had to leave already.
            self.fall_back(now);
            self.proceed(now);
        }
        let stopped = self.plan.stops.iter().filter(|stop| stop.row.channel.is_none()).count();
        let decided = self.plan.sends.len() - self.replaced + stopped + self.plan.deferred as usize;
        assert_eq!(decided, self.reached, "every send step reached has exactly one outcome");
        self.plan
    }

    /// What a run would come to.
    pub fn stir(&self) -> Stir {
        let end = self.window.to;
        let goes_on = |entry: &Entry| {
            let at = entry.look.into_iter().fold(self.goes_on_at(entry), Instant::min);
            // At one instant whoever must leave leaves first.
            at <= end && entry.leave.as_ref().is_none_or(|leave| leave.at > at)
        };
        if !self.triggers.is_empty() || !self.failed.is_empty() || self.open.values().any(goes_on) {
            Stir::GoesOn
        } else if !self.plan.entries.is_empty() || self.open.values().any(|entry| self.next_of(entry) <= end) {
            Stir::Leaves
        } else {
            Stir::Nothing
        }
    }

    fn take_up(&mut self, open: &OpenEntry) {
        let Some(current) = self.current(&open.scenario) else { return }; // Not asked about.
        if !current.enabled {
            return;
        }
        let from = self.window.first_instant();
        let is_paused = || self.rules.awake(&open.scenario, from) != from;
        let (scenario, step) = match migrating::place(self.scenarios, open) {
            Place::At(scenario, step) => (scenario, step),
            _ if is_paused() => return,
            Place::End(scenario) => return self.end(open, &scenario.version, "migrated"),
            Place::Nowhere => return self.end(open, &open.version, "version_stopped"),
        };
        let mut entry = Entry {
            scenario,
            entry_id: open.entry_id.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
            held_out: open.held_out,
            context: open.context.clone(),
            step,
            step_id: scenario.steps[step].id.clone(),
            due: open.due,
            look: None,
            step_due: open.reason.as_deref().and_then(deferred_since).unwrap_or(open.due),
            waiting: true,
            from,
            leave: None,
            passed: 0,
        };
        entry.look = scenario.steps[step].wait.as_ref().and_then(|wait| self.look(&entry, wait, self.window.from));
        entry.leave = self.first_leave(&entry);
        self.open.insert(entry.entry_id.clone(), entry);
    }

    /// The version that lets people in.
    pub fn current(&self, scenario: &str) -> Option<&'a Scenario> {
        self.scenarios.iter().rev().find(|known| known.scenario == scenario)
    }

    fn next_at(&self) -> Option<Instant> {
        let trigger = self.triggers.front().map(|(seen, _)| *seen);
        let failed = self.failed.front().map(|(due, _)| *due);
        self.open.values().map(|entry| self.next_of(entry)).chain(trigger).chain(failed).min()
    }

    /// When something happens to the entry next.
    fn next_of(&self, entry: &Entry) -> Instant {
        let leave = entry.leave.as_ref().map(|leave| leave.at);
        leave.into_iter().chain(entry.look).fold(self.goes_on_at(entry), Instant::min)
    }

    fn goes_on_at(&self, entry: &Entry) -> Instant {
        self.rules.awake(&entry.scenario.scenario, entry.due.max(entry.from))
    }

    // Entering.

    fn enter(&mut self, now: Instant) {
        while let Some((_, trigger)) = self.triggers.pop_front_if(|(seen, _)| *seen <= now) {
            let Some(scenario) = self.current(&trigger.scenario).filter(|scenario| self.takes(scenario, trigger, now)) else {
                continue;
            };
            let past: Vec<&PastEntry> = self.past_entries.iter().filter(|past| past.scenario == trigger.scenario).collect();
            let of_scenario = self.open.values().filter(|open| open.scenario.scenario == trigger.scenario);
            let open: Vec<&str> = of_scenario.map(|open| open.entry_key.as_str()).collect();
            if let Some(entry_key) = entering::entry_key(scenario, trigger, &past, &open, self.rules.zone) {
                self.begin(scenario, trigger, entry_key, now);
            }
        }
    }

    /// Whether anybody enters now. Who is excluded from a broadcast is let in as far as to be accounted for.
    fn takes(&self, scenario: &Scenario, trigger: &Trigger, now: Instant) -> bool {
        scenario.enabled
            && self.rules.awake(&scenario.scenario, now) == now
            && self.customer.erased_at.is_none_or(|at| at > now)
            && self.rules.is_in_season(&scenario.entry.seasons, self.rules.zone.day(trigger.at))
            && (scenario.is_broadcast() || self.excluded_by(scenario, trigger, now).is_none())
    }

    /// What keeps the customer out: a segment that has them, or an advertisement not long ago.
    fn excluded_by(&self, scenario: &Scenario, trigger: &Trigger, now: Instant) -> Option<String> {
        if let Some(segment) = &trigger.excluded_by {
            return Some(segment.clone());
        }
        let within = scenario.entry.exclude_sent_within?;
        let is_recent = |send: &&PastSend| send.counts && !send.ghost && send.at > now - within.0 && send.at <= now;
        self.sends.iter().any(|send| is_recent(&send)).then(|| SENT_LATELY.into())
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
            look: None,
            step_due: now,
            waiting: false,
            from: now,
            leave: None,
            passed: 0,
        };
        self.past_entries.push(PastEntry {
            scenario: scenario.scenario.clone(),
            entry_key: entry.entry_key.clone(),
            entered_at: trigger.at,
        });
        if let Some(what) = self.excluded_by(scenario, trigger, now) {
            entry.held_out = false;
            return self.note(&entry, EntryStatus::Exited, now, now, Some(format!("excluded by {what}")));
        }
        if let Some(holdout) = self.rules.holdout.as_ref().filter(|_| scenario.is_marketing()) {
            // An arm of its own, met at the entrance: no holdout or test further in knows of those who are kept out.
            let (experiment, arm) = (holdout.salt.clone(), if self.kept_out { "holdout" } else { "treated" });
            self.expose(&entry, &experiment, arm, None, now);
            if self.kept_out {
                entry.held_out = false;
                return self.note(&entry, EntryStatus::Exited, now, now, Some("global_holdout".into()));
            }
        }
        entry.leave = self.first_leave(&entry);
        self.open.insert(entry.entry_id.clone(), entry);
    }

    // Proceeding.

    fn proceed(&mut self, now: Instant) {
        let is_due = |entry: &&Entry| self.goes_on_at(entry) <= now || entry.look.is_some_and(|look| look <= now);
        let due: Vec<String> = self.open.values().filter(is_due).map(|entry| entry.entry_id.clone()).collect();
        let mut at_send = Vec::new();
        for id in due {
            let Some(mut entry) = self.open.remove(&id) else { continue };
            entry.passed = 0;
            if self.leaves_when_looked_at(&entry, now) {
                self.note(&entry, EntryStatus::Exited, now, now, Some("rule".into()));
                continue;
            }
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
    pub fn walk_on(&mut self, mut entry: Entry<'a>, now: Instant) -> Option<Entry<'a>> {
        match self.walk(&mut entry, now) {
            Stand::AtSend => return Some(entry),
            Stand::Waits => _ = self.open.insert(entry.entry_id.clone(), entry),
            Stand::Ended => {}
        }
        None
    }

    fn walk(&mut self, entry: &mut Entry<'a>, now: Instant) -> Stand {
        loop {
            let Some(step) = entry.scenario.steps.get(entry.step) else {
                self.note(entry, EntryStatus::Finished, now, now, None);
                return Stand::Ended;
            };
            entry.step_id.clone_from(&step.id);
            if entry.passed > entry.scenario.steps.len() {
                self.note(entry, EntryStatus::Exited, now, now, Some("loop".into()));
                return Stand::Ended;
            }
            if step.send.is_some() {
                return Stand::AtSend;
            }
            if let Some(wait) = &step.wait {
                match self.wait(entry, wait, now) {
                    Waited::On { until, look } => {
                        let is_new = !entry.waiting || entry.due != until;
                        (entry.due, entry.look, entry.waiting) = (until, look, true);
                        if is_new {
                            self.note(entry, EntryStatus::Waiting, now, until, None);
                        }
                        return Stand::Waits;
                    }
                    Waited::Over { due, timed_out } => {
                        if entry.waiting {
                            entry.step_due = due;
                        }
                        let way = wait.on_timeout.as_deref().filter(|_| timed_out);
                        let next = way.map_or_else(
                            || self.follower(entry.scenario, entry.step, step, now),
                            |way| index_of(entry.scenario, way),
                        );
                        entry.pass(next);
                    }
                }
            } else if let Some(split) = &step.split {
                let next = self.split(entry, split, now);
                entry.pass(next);
            } else {
                entry.pass(self.follower(entry.scenario, entry.step, step, now));
            }
        }
    }

    /// The step after one that leads on by itself, or by its branch.
    pub fn follower(&self, scenario: &Scenario, index: usize, step: &Step, now: Instant) -> usize {
        let chosen = match &step.branch {
            None => step.next.as_deref(),
            Some(arms) => {
                let is_true = |arm: usize| self.customer.conditions.is_true(&branch_key(scenario, &step.id, arm), now);
                let arm = arms.iter().enumerate().find(|(arm, row)| row.when.is_none() || is_true(*arm));
                arm.and_then(|(_, row)| row.to.as_deref().or(row.otherwise.as_deref()))
            }
        };
        chosen.map_or(index + 1, |id| index_of(scenario, id))
    }

    /// Which way the unit's arm leads. The held out walk it too, and met nothing.
    fn split(&mut self, entry: &Entry, split: &Split, now: Instant) -> usize {
        let Some(arm) = bucket::weighted(&split.salt, &self.customer.unit, &split.arms, |arm| arm.weight) else {
            return entry.step + 1;
        };
        if !entry.held_out && !self.kept_out {
            self.expose(entry, &split.name, &arm.id, None, now);
        }
        index_of(entry.scenario, &arm.to)
    }
}

impl Entry<'_> {
    pub fn leaves_by(&self, now: Instant) -> bool {
        self.leave.as_ref().is_some_and(|leave| leave.at <= now)
    }

    pub fn pass(&mut self, next: usize) {
        self.step = next;
        (self.look, self.waiting) = (None, false);
        self.passed += 1;
    }
}

/// Past the end for `end`.
fn index_of(scenario: &Scenario, step: &str) -> usize {
    scenario.steps.iter().position(|known| known.id == step).unwrap_or(scenario.steps.len())
}

/// An id of parts of which some come from data: a `|` in one is spelled out, as [`derive_id`] refuses it.
pub fn id<const N: usize>(parts: [&str; N]) -> String {
    let parts = parts.map(|part| part.replace('|', "%7C"));
    derive_id(&parts.each_ref().map(String::as_str)).expect("no part has a `|`")
}
