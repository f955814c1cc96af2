//! A send that failed for good, and the next channel of its step (SEMANTICS §5).
//!
//! No entry waits for what a provider says: by then it is at a later step, or at its end. So the message alone is made up for, and nothing of
//! the entry changes. The channels after the one that failed are tried as of when the failure was seen, by every check of a step, with the
//! words and the arm that the message had. To whoever has left, or should have, nothing is sent. An outcome that nobody can tell is a failure
//! of a transactional message alone: an advertisement might arrive twice.
//!
//! There is no step to wait at either. What quiet hours or a cap put off is planned for then, by all checks as of then as far as is known now;
//! from then on it counts for caps, and delivery looks again. A failure is seen in one window, so the next channel is decided on once, and a
//! send's key is of entry, step and channel, so a repetition changes nothing.

use std::collections::VecDeque;

use model::{Channel, EntryStatus, EntryStep, Instant, Purpose, Scenario, Send, SendState, Stop, scenario::SendStep};
use serde_json::Value;

use super::{
    Dated, Failure, PastSend, Window,
    sending::{self, Spread, Verdict},
    walk::{Entry, Walk, id},
};
use crate::gates::Member;

/// Put off more often than that, a message has no time at which it may leave.
const PUT_OFF_MAX: usize = 10;

/// The failures for which `when` is in the window, the first one first.
pub fn in_window<'a>(
    failures: &'a [Failure],
    window: &Window,
    when: impl Fn(&Failure) -> Instant,
) -> VecDeque<(Instant, &'a Failure)> {
    let mut found: Vec<_> = failures.iter().map(|failure| (when(failure), failure)).collect();
    found.retain(|(at, _)| *at > window.from && *at <= window.to);
    found.sort_by(|(a, one), (b, other)| (a, &one.send.send_id).cmp(&(b, &other.send.send_id)));
    found.into()
}

impl<'a> Walk<'a> {
    /// The ledger says of a send that failed by now that it does not count; until that was seen it did.
    pub fn count_failing(&mut self) {
        let from = self.window.from;
        let earlier = self.failing.iter().map(|(_, failure)| *failure).filter(|failure| failure.send.due_at <= from);
        let counted: Vec<PastSend> = earlier.map(|failure| self.past_send(&failure.send)).collect();
        self.sends.extend(counted);
    }

    pub fn forget_failed(&mut self, now: Instant) {
        while let Some((_, failure)) = self.failing.pop_front_if(|(seen, _)| *seen <= now) {
            if let Some(place) = self.sends.iter().position(|past| failure.is_of(past)) {
                self.sends.remove(place);
            }
        }
    }

    pub fn fall_back(&mut self, now: Instant) {
        while let Some((_, failure)) = self.failed.pop_front_if(|(due, _)| *due <= now) {
            if let Some((entry, step)) = self.entry_of(failure, now) {
                self.try_next(failure, &entry, step, now);
            }
        }
    }

    /// The entry as it stood at the send, by the version of the send, else by the present one.
    fn entry_of(&self, failure: &Failure, now: Instant) -> Option<(Entry<'a>, &'a SendStep)> {
        let send = &failure.send;
        let current = self.current(&send.scenario).filter(|current| current.enabled)?;
        let is_its = |version: &&Scenario| version.scenario == send.scenario && version.version == send.scenario_version;
        let scenario = self.scenarios.iter().find(is_its).unwrap_or(current);
        let step = scenario.steps.iter().position(|step| step.id == send.step)?;
        let entry = Entry {
            scenario,
            entry_id: send.entry_id.clone(),
            entry_key: failure.entry_key.clone(),
            entered_at: failure.entered_at,
            held_out: false,
            context: Value::Null,
            step,
            step_id: send.step.clone(),
            due: now,
            look: None,
            step_due: failure.step_due,
            waiting: false,
            from: failure.entered_at,
            leave: None,
            passed: 0,
        };
        Some((entry, scenario.steps[step].send.as_ref()?))
    }

    fn try_next(&mut self, failure: &Failure, entry: &Entry<'a>, step: &SendStep, now: Instant) {
        let failed = &failure.send;
        let channels = step.channels.iter().copied().skip_while(|channel| *channel != failed.channel).skip(1).collect();
        let step = SendStep { channels, purpose: failed.purpose, ..step.clone() };
        let Some(&first) = step.channels.first() else { return };
        if let Some(why) = self.has_left(failure, entry, now) {
            return self.stop(entry, Some(first), &Stop::Exited { why }, now);
        }
        let member = Member {
            customer: self.customer.id.as_str(),
            reach: &self.customer.reach,
            sends: &self.sends,
            held_out: false,
            tags: &step.tags,
            ignores_caps: step.ignore_caps,
        };
        let spread = Spread { salt: &entry.scenario.scenario, subject: self.customer.id.as_str() };
        let decide = |at: Instant| sending::decide(&step, &member, failure.step_due, at, spread, self.rules);
        let (mut due, mut decision) = (now, decide(now));
        for _ in 0..PUT_OFF_MAX {
            let Verdict::Defer { until, .. } = decision.verdict else { break };
            (due, decision) = (until, decide(until));
        }
        for (channel, stop) in decision.stopped {
            self.stop(entry, Some(channel), &stop, now);
        }
        match decision.verdict {
            Verdict::Send(channel) => self.plan_in_place(failed, channel, due, now),
            // Each channel has its reason; that it is too late is the word on all of them.
            Verdict::Stop(Stop::Expired) | Verdict::Defer { .. } => self.stop(entry, Some(first), &Stop::Expired, now),
            Verdict::Stop(_) => {}
        }
    }

    /// Why the entry is out: it left, in this window or before, or an exit has been fulfilled since it came to its end.
    fn has_left(&self, failure: &Failure, entry: &Entry, now: Instant) -> Option<String> {
        let is_exit = |row: &&Dated<EntryStep>| row.row.entry_id == entry.entry_id && row.row.status == EntryStatus::Exited;
        let here = self.plan.entries.iter().find(is_exit).map(|exit| (exit.at, exit.row.reason.clone().unwrap_or_default()));
        let noted = here.or_else(|| failure.left.clone()).filter(|(at, _)| *at <= now).map(|(_, why)| why);
        let event = || self.first_leave(entry).filter(|leave| leave.at <= now).map(|leave| leave.reason.to_string());
        let condition = || self.leaves_when_looked_at(entry, now).then(|| "rule".to_string());
        noted.or_else(event).or_else(condition)
    }

    fn plan_in_place(&mut self, failed: &Send, channel: Channel, due: Instant, now: Instant) {
        let row = Send {
            send_id: id([&failed.entry_id, &failed.step, channel.name()]),
            run_id: self.window.run_id.clone(),
            customer_id: self.customer.id.clone(),
            channel,
            state: SendState::Planned,
            due_at: due,
            cost: self.rules.cost_of(channel),
            provider_id: None,
            detail: None,
            ..failed.clone()
        };
        self.replaced += 1;
        self.sends.push(self.past_send(&row));
        self.plan.sends.push(Dated { at: now, row });
    }

    /// As the sends of the ledger are told to caps.
    fn past_send(&self, send: &Send) -> PastSend {
        let step = self.current(&send.scenario).and_then(|scenario| scenario.step(&send.step)?.send.as_ref());
        PastSend {
            entry_id: send.entry_id.clone(),
            channel: send.channel,
            at: send.due_at,
            counts: step.map_or(send.purpose != Purpose::Transactional, SendStep::counts_for_caps),
            tags: step.map(|step| step.tags.clone()).unwrap_or_default(),
            ghost: false,
        }
    }
}
