//! What a send step leaves behind: a planned send or a ghost, a deferral, or a stop; and the exposure of whoever met an arm.

use model::{Channel, EntryStatus, Exposure, Instant, Money, Purpose, Send, SendState, Step, scenario::SendStep, time::rfc3339};

use super::{
    Dated, PastSend, best_time,
    sending::{self, Decision, Spread, Verdict},
    tested::{Meets, meets},
    walk::{Entry, Walk, id},
};
use crate::gates::Member;

impl<'a> Walk<'a> {
    /// Decides on the send the entry stands at. It is given back if it then stands at another one at the same instant.
    pub fn send(&mut self, mut entry: Entry<'a>, now: Instant) -> Option<Entry<'a>> {
        let step = &entry.scenario.steps[entry.step];
        let send = step.send.as_ref().expect("the entry stands at a send");
        self.reached += 1;

        // The rest of a roll-out waits for the words first, then for the hour.
        let met = meets(send, &self.customer.unit, entry.step_due, now, self.taken);
        let (best, _) = self.best_time(send, &entry);
        if best > now && !matches!(met, Meets::Waits { .. }) {
            self.put_off(entry, best, "best_time", now);
            return None;
        }
        let held_out = self.is_ghost(&entry, send);
        let member = Member {
            customer: self.customer.id.as_str(),
            reach: &self.customer.reach,
            sends: &self.sends,
            held_out,
            tags: &send.tags,
            ignores_caps: send.ignore_caps,
        };
        let spread = Spread { salt: &entry.scenario.scenario, subject: self.customer.id.as_str() };
        let Decision { verdict, stopped } = match met {
            Meets::Waits { until } => sending::waiting(send, entry.step_due, until),
            _ => sending::decide(send, &member, entry.step_due, now, spread, self.rules),
        };
        for (channel, stop) in stopped {
            self.stop(&entry, Some(channel), &stop, now);
        }
        match verdict {
            Verdict::Defer { until, gate } => {
                self.put_off(entry, until, gate, now);
                return None;
            }
            Verdict::Stop(stop) => self.stop(&entry, None, &stop, now),
            Verdict::Send(channel) => self.plan_send(&entry, step, send, met, channel, now),
        }
        let follower = self.follower(entry.scenario, entry.step, step, now);
        entry.pass(follower);
        entry.step_due = now;
        self.walk_on(entry, now)
    }

    /// The send is decided on at `until`.
    fn put_off(&mut self, mut entry: Entry<'a>, until: Instant, why: &str, now: Instant) {
        self.plan.deferred += 1;
        entry.due = until;
        self.note(&entry, EntryStatus::Waiting, now, until, Some(deferral(why, entry.step_due)));
        self.open.insert(entry.entry_id.clone(), entry);
    }

    fn best_time(&self, send: &SendStep, entry: &Entry) -> (Instant, Option<&'static str>) {
        best_time::of_step(send, self.customer, entry.step_due, self.window, self.rules)
    }

    /// Who is in the shop's holdout gets no advertisement either from a scenario that also has other messages.
    fn is_ghost(&self, entry: &Entry, send: &SendStep) -> bool {
        entry.held_out || (self.kept_out && send.purpose != Purpose::Transactional)
    }

    fn plan_send(&mut self, entry: &Entry, step: &Step, send: &SendStep, met: Meets, channel: Channel, now: Instant) {
        let send_id = id([&entry.entry_id, &step.id, channel.name()]);
        let ghost = self.is_ghost(entry, send);
        let (arm, words) = match met {
            Meets::Arm(_, arm) => (Some(arm), Some(arm)),
            Meets::Rest(arm) => (None, Some(arm)),
            Meets::NoTest | Meets::Waits { .. } => (None, None),
        };
        if !ghost {
            if let Meets::Arm(experiment, arm) = met {
                self.expose(entry, &experiment.name, &arm.id, Some(send_id.clone()), now);
            }
            if let (Some(best), (_, Some(arm))) = (&send.best_time, self.best_time(send, entry)) {
                self.expose(entry, &best.name, arm, Some(send_id.clone()), now);
            }
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
            template: words.and_then(|arm| arm.template.as_ref()).unwrap_or_else(|| self.template(send, now)).clone(),
            arm: arm.map(|arm| arm.id.clone()),
            state: if ghost { SendState::Ghost } else { SendState::Planned },
            due_at: now,
            cost: if ghost { Money::ZERO } else { self.rules.cost_of(channel) },
            provider_id: None,
            detail: None,
        };
        self.plan.sends.push(Dated { at: now, row });
        self.sends.push(PastSend {
            entry_id: entry.entry_id.clone(),
            channel,
            at: now,
            counts: send.counts_for_caps(),
            tags: send.tags.clone(),
            ghost,
        });
    }

    /// That of the first season of the shop's list that has the day and a template of its own.
    fn template<'s>(&self, send: &'s SendStep, now: Instant) -> &'s String {
        let day = self.rules.zone.day(now);
        let in_season = self.rules.seasons.iter().filter(|season| season.contains(day));
        in_season.filter_map(|season| send.seasons.get(&season.name)).next().unwrap_or(&send.template)
    }

    pub fn expose(&mut self, entry: &Entry, experiment: &str, arm: &str, send_id: Option<String>, now: Instant) {
        let row = Exposure {
            experiment: experiment.into(),
            version: entry.scenario.version.clone(),
            unit: self.customer.unit.clone(),
            customer_id: Some(self.customer.id.clone()),
            arm: arm.into(),
            scenario: Some(entry.scenario.scenario.clone()),
            step: Some(entry.step_id.clone()),
            send_id,
            source: "scenario".into(),
        };
        self.plan.exposures.push(Dated { at: now, row });
    }
}

/// What an entry that waits at a send says: what put it off, and since when it is due (its validity counts from there).
fn deferral(why: &str, due: Instant) -> String {
    format!("{why} since {}", rfc3339(due))
}

pub fn deferred_since(reason: &str) -> Option<Instant> {
    reason.split_once(" since ")?.1.parse().ok()
}
