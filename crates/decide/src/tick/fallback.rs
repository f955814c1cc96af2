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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Rules,
        rules::Pause,
        tick::{
            Customer, Plan,
            examples::{at, customer, exit_on_order, failure, rules, scenario, shown, window},
            plan,
        },
    };

    const ALL: [Channel; 3] = [Channel::Email, Channel::Line, Channel::Sms];

    fn now(body: &str) -> Scenario {
        let send = format!("send = {{ try = [\"email\", \"line\", \"sms\"], template = \"t\"{body} }}");
        scenario("now", "on = \"call\"", &format!("{}[[step]]\nid = \"s\"\n{send}\n", exit_on_order()))
    }

    /// What is planned after the first message, of 01T10:00, failed.
    fn after_failure(customer: Customer, scenario: &Scenario, rules: &Rules, when: &str) -> Plan {
        let scenarios = std::slice::from_ref(scenario);
        let first = plan(&customer, scenarios, rules, &window("01T00:00", "01T10:00"));
        assert_eq!(first.sends.len(), 1, "one was sent");
        let mut customer = customer.after(&first, scenarios);
        let failure = failure(&first.sends[0].row, &first.entries, at(when));
        customer.past_sends.retain(|past| !failure.is_of(past));
        customer.failures.push(failure);
        plan(&customer, scenarios, rules, &window("01T10:00", "03T12:00"))
    }

    fn called() -> Customer {
        customer("c1", &ALL).does("now", "call", "c1", "01T10:00")
    }

    fn reaches(change: impl Fn(&mut Customer)) -> Customer {
        let mut customer = called();
        change(&mut customer);
        customer
    }

    #[test]
    fn the_next_channel_is_tried_with_every_check() {
        let check = |body: &str, customer: Customer, when: &str, expect: &[&str]| {
            assert_eq!(shown(&after_failure(customer, &now(body), &rules(), when)), expect, "{body} {when}");
        };
        let line = "01T12:10 planned s line t";
        check("", called(), "01T12:10", &[line]);
        let blocked = |customer: &mut Customer| {
            customer.reach.get_mut(&Channel::Line).expect("reach").suppressed = Some("blocked".into());
        };
        let sms_alone = || reaches(blocked);
        check("", sms_alone(), "01T12:10", &["01T12:10 planned s sms t", "01T12:10 stop s line line_blocked"]);
        let none = || {
            reaches(|customer| {
                blocked(customer);
                customer.reach.get_mut(&Channel::Sms).expect("reach").consents.clear();
            })
        };
        let stops = ["01T12:10 stop s line line_blocked", "01T12:10 stop s sms no_consent"];
        check("", none(), "01T12:10", &stops);
        let transactional = ", purpose = \"transactional\"";
        check(transactional, none(), "01T12:10", &["01T12:10 planned s sms t", stops[0]]);
        // Nothing comes after the last channel.
        let last = reaches(|customer| customer.reach.retain(|channel, _| *channel == Channel::Sms));
        check("", last, "01T12:10", &[]);

        // Who bought by then, known by then, gets nothing; who bought later, the message.
        let bought = |when: &str| called().happens("order_placed", "", when, when);
        check("", bought("01T12:10"), "01T12:10", &["01T12:10 stop s line exited"]);
        check("", bought("01T12:11"), "01T12:10", &[line]);
        let erased = Customer { erased_at: Some(at("01T11:00")), ..called() };
        check("", erased, "01T12:10", &["01T12:10 stop s line exited"]);

        // Of use until 12:00, or 14:00; put off to the morning.
        check(", valid_for = \"2h\"", called(), "01T12:10", &["01T12:10 stop s line expired"]);
        check(", valid_for = \"4h\"", called(), "01T12:10", &[line]);
        check("", called(), "01T23:00", &["02T08:00 planned s line t"]);
        check(", valid_for = \"22h\"", called(), "01T23:00", &["02T08:00 planned s line t"]);
        let too_late = ["01T23:00 stop s line quiet", "01T23:00 stop s line expired"];
        check(", valid_for = \"21h\"", called(), "01T23:00", &too_late);
        check(", on_quiet = \"drop\"", called(), "01T23:00", &too_late[..1]);
        let both = ["01T23:00 stop s line quiet", "01T23:00 stop s sms quiet"];
        check(", on_quiet = \"next_channel\"", called(), "01T23:00", &both);
    }

    #[test]
    fn caps_do_not_count_what_failed() {
        let other = |when: &str| PastSend {
            entry_id: "other".into(),
            channel: Channel::Line,
            at: at(when),
            counts: true,
            tags: Vec::new(),
            ghost: false,
        };
        let check = |body: &str, caps: &str, others: &[&str], expect: &[&str]| {
            let shop = model::Shop::parse("t", &format!("quiet = {{ enabled = false }}\n{caps}")).expect("settings");
            let customer = reaches(|customer| customer.past_sends.extend(others.iter().map(|when| other(when))));
            let planned = after_failure(customer, &now(body), &Rules::of(&shop), "01T12:10");
            assert_eq!(shown(&planned), expect, "{body} {caps} {others:?}");
        };
        let (two, line) =
            ("[[caps]]\nscope = \"all\"\nmax = 2\nper = \"1d\"\n", "[[caps]]\nscope = \"line\"\nmax = 1\nper = \"1d\"\n");
        check("", two, &["01T09:00"], &["01T12:10 planned s line t"]);
        check("", line, &["01T09:00"], &["01T12:10 stop s line cap"]);
        let next = ["01T12:10 planned s sms t", "01T12:10 stop s line cap"];
        check(", on_cap = \"next_channel\"", line, &["01T09:00"], &next);
        check(", on_cap = \"defer\"", line, &["01T09:00"], &["02T09:00 planned s line t"]);
    }

    #[test]
    fn an_entry_goes_on_and_its_end_is_looked_at() {
        let steps = format!(
            "{}[[step]]\nid = \"s\"\nsend = {{ try = [\"email\", \"line\"], template = \"t\" }}\n\
             [[step]]\nid = \"wait\"\nwait = {{ for = \"24h\" }}\n\
             [[step]]\nid = \"more\"\nsend = {{ try = [\"sms\"], template = \"m\" }}\n",
            exit_on_order()
        );
        let scenario = scenario("now", "on = \"call\"", &steps);
        let check = |customer: Customer, expect: &[&str]| {
            assert_eq!(shown(&after_failure(customer, &scenario, &rules(), "01T12:10")), expect);
        };
        let goes_on = ["02T10:00 finished more 02T10:00", "01T12:10 planned s line t", "02T10:00 planned more sms m"];
        check(called(), &goes_on);
        let bought = called().happens("order_placed", "", "01T12:00", "01T12:00");
        check(bought, &["01T12:00 exited wait 01T12:00 goal", "01T12:10 stop s line exited"]);
    }

    #[test]
    fn a_pause_puts_it_off_and_what_is_switched_off_is_left() {
        let check = |pause: Option<Pause>, enabled: bool, expect: &[&str]| {
            let rules = Rules { pauses: pause.into_iter().collect(), ..rules() };
            let scenario = now("");
            let first = plan(&called(), std::slice::from_ref(&scenario), &rules, &window("01T00:00", "01T10:00"));
            let mut customer = called();
            customer.failures.push(failure(&first.sends[0].row, &first.entries, at("01T12:10")));
            let later = [Scenario { enabled, ..scenario }];
            assert_eq!(shown(&plan(&customer, &later, &rules, &window("01T10:00", "03T00:00"))), expect);
        };
        let pause = |until: Option<&str>| Some(Pause { scenario: None, from: at("01T12:00"), until: until.map(at) });
        check(None, true, &["01T12:10 planned s line t"]);
        check(pause(Some("01T15:00")), true, &["01T15:00 planned s line t"]);
        check(pause(None), true, &[]);
        check(None, false, &[]);
    }

    #[test]
    fn t19_its_key_is_of_its_channel_and_the_rest_is_of_the_message_that_failed() {
        let steps =
            format!("{}[[step]]\nid = \"remind\"\nsend = {{ try = [\"line\", \"sms\"], template = \"t\" }}\n", exit_on_order());
        let scenario = [scenario("cart-recovery", "on = \"cart_updated\"\nkey = \"cart_id\"", &steps)];
        let mut customer = customer("c-0001", &ALL).does("cart-recovery", "cart_updated", "cart-77", "01T10:00");
        let first = plan(&customer, &scenario, &rules(), &window("01T00:00", "01T10:00"));
        let mut failure = failure(&first.sends[0].row, &first.entries, at("01T10:10"));
        assert_eq!(failure.send.send_id, "f6a986968992ca7a7e39220fb9cd6397");
        (failure.send.template, failure.send.arm) = ("t2".into(), Some("b".into()));
        customer.failures.push(failure);
        let row = plan(&customer, &scenario, &rules(), &window("01T10:00", "02T00:00")).sends.remove(0).row;
        assert_eq!((row.send_id.as_str(), row.channel), ("6d4845a9db0bcac7ff5599b28f1c48b8", Channel::Sms));
        assert_eq!((row.template.as_str(), row.arm.as_deref(), row.state), ("t2", Some("b"), SendState::Planned));
        assert_eq!((row.cost.to_string().as_str(), row.due_at), ("9", at("01T10:10") + chrono::TimeDelta::microseconds(1)));
    }
}
