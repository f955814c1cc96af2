//! Who leaves before the end: by an event, by a condition when the entry is looked at, out of the audience, without consent, erased.

use model::{
    Channel, EntryStatus, Instant, Scenario,
    scenario::{Exit, Matching},
};

use super::{
    Happening, PastSend, base_key,
    conditions::exit_key,
    walk::{Entry, Walk, id},
};
use crate::gates::{self, Gate, Member};

#[derive(Clone)]
pub struct Leave {
    pub at: Instant,
    /// When the exit event happened; `None` if it was none.
    pub happened_at: Option<Instant>,
    pub reason: &'static str,
}

/// Whether an event is one that an exit or a wait of an entry asks for; `condition` is the key of its `where`, if it has one.
pub fn matches(
    happening: &Happening,
    name: &str,
    matching: Matching,
    condition: Option<&str>,
    scenario: &Scenario,
    entry_id: &str,
    entry_key: &str,
) -> bool {
    let is_of_key = || {
        let column = scenario.entry.key.as_deref();
        column.is_none_or(|column| happening.keys.get(column).is_some_and(|key| key == base_key(entry_key)))
    };
    let is_of_send = || {
        let of_step = |step: &model::Step, send_id: &str| {
            step.send.iter().flat_map(|send| &send.channels).any(|channel| id([entry_id, &step.id, channel.name()]) == send_id)
        };
        happening.keys.get("send_id").is_some_and(|send_id| scenario.steps.iter().any(|step| of_step(step, send_id)))
    };
    happening.name == name
        && condition.is_none_or(|condition| happening.fulfils.contains(condition))
        && match matching {
            Matching::Subject => true,
            Matching::Key => is_of_key(),
            Matching::Send => is_of_send(),
        }
}

impl Walk<'_> {
    pub fn leave(&mut self, now: Instant) {
        let leaving: Vec<String> =
            self.open.values().filter(|entry| entry.leaves_by(now)).map(|entry| entry.entry_id.clone()).collect();
        for id in leaving {
            let Some(entry) = self.open.remove(&id) else { continue };
            let Some(leave) = entry.leave.clone() else { continue };
            // What is yet to leave is stopped by delivery.
            let was_sent = |send: &PastSend| send.entry_id == id && !send.ghost && send.at <= now;
            let too_late = |send: &PastSend| was_sent(send) && leave.happened_at.is_some_and(|at| at <= send.at);
            if self.sends.iter().any(too_late) {
                self.plan.late_exits += 1;
            }
            self.note(&entry, EntryStatus::Exited, now, now, Some(leave.reason.into()));
        }
    }

    /// The first reason to leave, of all that will ever be known: it takes effect when it is seen.
    pub fn first_leave(&self, entry: &Entry) -> Option<Leave> {
        let erased = self.customer.erased_at.map(|at| Leave { at: at.max(entry.from), happened_at: None, reason: "erased" });
        let exits = entry.scenario.exits.iter().enumerate();
        let exits = exits.filter_map(|(index, exit)| match exit.leave.as_deref() {
            Some("consent") => {
                (!self.has_consent(entry.scenario)).then_some(Leave { at: entry.from, happened_at: None, reason: "consent" })
            }
            Some("audience") => self.first_absence(entry),
            _ => self.exit_event(entry, exit, index),
        });
        erased.into_iter().chain(exits).min_by_key(|leave| leave.at)
    }

    /// Whether the entry leaves now that it is looked at.
    pub fn leaves_when_looked_at(&self, entry: &Entry, now: Instant) -> bool {
        let mut exits = entry.scenario.exits.iter().enumerate();
        exits.any(|(index, exit)| exit.when.is_some() && self.customer.conditions.is_true(&exit_key(entry.scenario, index), now))
    }

    fn exit_event(&self, entry: &Entry, exit: &Exit, index: usize) -> Option<Leave> {
        let name = exit.on.as_deref()?;
        let reason = if name == entry.scenario.goal.on { "goal" } else { "rule" };
        let condition = exit.condition.as_ref().map(|_| exit_key(entry.scenario, index));
        let matches = |happening: &&Happening| {
            happening.at > entry.entered_at
                && matches(
                    happening,
                    name,
                    exit.matching,
                    condition.as_deref(),
                    entry.scenario,
                    &entry.entry_id,
                    &entry.entry_key,
                )
        };
        let seen = |happening: &Happening| self.window.seen_at(happening.at, happening.known_at).max(entry.from);
        let first = self.customer.happenings.iter().filter(matches).min_by_key(|happening| (seen(happening), happening.at))?;
        Some(Leave { at: seen(first), happened_at: Some(first.at), reason })
    }

    fn first_absence(&self, entry: &Entry) -> Option<Leave> {
        let of_scenario = self.customer.absences.iter().filter(|absence| absence.scenario == entry.scenario.scenario);
        let at = of_scenario.map(|absence| absence.at).filter(|at| *at > entry.entered_at).min()?;
        Some(Leave { at: at.max(entry.from), happened_at: None, reason: "left_audience" })
    }

    /// Whether some send of the scenario is permitted on some channel.
    fn has_consent(&self, scenario: &Scenario) -> bool {
        let member = Member {
            customer: self.customer.id.as_str(),
            reach: &self.customer.reach,
            sends: &[],
            held_out: false,
            tags: &[],
            ignores_caps: false,
        };
        scenario.sends().any(|send| {
            let permits =
                |channel: &Channel| gates::Consent.check(&member, *channel, send.purpose, self.window.to, self.rules).is_none();
            send.channels.iter().any(permits)
        })
    }
}
