//! The person was sent enough. Rules are ANDed; each counts the sends in `(t - per, t]` on its channel, or on all (SEMANTICS §7).
//!
//! Transactional sends are exempt and not counted. A real send counts real sends alone. A ghost counts ghosts too: they are what
//! the subject would have been sent, so later ghosts fall where its twin's sends fall.

use model::{Channel, Instant, Purpose, Stop, shop};

use super::{Gate, Member, PastSend};
use crate::Rules;

pub struct Cap;

impl Gate for Cap {
    fn name(&self) -> &'static str {
        "cap"
    }

    fn check(&self, member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Stop> {
        applying(channel, purpose, rules).find_map(|cap| {
            let sent = counted(member, cap, at).count() as u32;
            (sent >= cap.max).then_some(Stop::Cap { sent, max: cap.max })
        })
    }
}

/// When enough of the counted sends have left the windows of all caps; `None` if they never will (a cap of zero).
pub(crate) fn free_at(member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Instant> {
    let mut free = at;
    for cap in applying(channel, purpose, rules) {
        let mut times: Vec<Instant> = counted(member, cap, at).map(|send| send.at).collect();
        times.sort();
        if let Some(surplus) = times.len().checked_sub(cap.max as usize) {
            free = free.max(*times.get(surplus)? + cap.per.0);
        }
    }
    Some(free)
}

fn applying(channel: Channel, purpose: Purpose, rules: &Rules) -> impl Iterator<Item = &shop::Cap> {
    let in_scope = move |cap: &&shop::Cap| cap.scope == "all" || cap.scope == channel.name();
    rules.caps.iter().filter(in_scope).filter(move |_| purpose != Purpose::Transactional)
}

fn counted<'a>(member: &Member<'a>, cap: &'a shop::Cap, at: Instant) -> impl Iterator<Item = &'a PastSend> {
    let held_out = member.held_out;
    member.sends.iter().filter(move |send| {
        send.purpose != Purpose::Transactional
            && (held_out || !send.ghost)
            && (cap.scope == "all" || cap.scope == send.channel.name())
            && send.at > at - cap.per.0
            && send.at <= at
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::{Span, parse_duration};

    fn at(day: u32, hour: u32) -> Instant {
        format!("2026-03-{day:02}T{hour:02}:00:00Z").parse().expect("an instant")
    }

    fn cap(scope: &str, max: u32) -> shop::Cap {
        shop::Cap { scope: scope.into(), max, per: Span(parse_duration("7d").expect("a duration")) }
    }

    #[test]
    fn t8_the_window_is_open_at_its_old_end() {
        let past =
            |day, hour, channel, purpose, ghost| PastSend { entry_id: "e".into(), channel, at: at(day, hour), purpose, ghost };
        let (email, line) = (Channel::Email, Channel::Line);
        let (marketing, transactional) = (Purpose::Marketing, Purpose::Transactional);
        let twice = [past(2, 10, email, marketing, false), past(5, 10, line, marketing, false)];
        let others = [past(2, 10, email, transactional, false), past(5, 10, line, marketing, true)];
        let check = |cap: shop::Cap, sends: &[PastSend], held_out, purpose, now, stop: Option<(u32, u32)>, free| {
            let rules = Rules { caps: vec![cap], ..Rules::of(&model::Shop::default()) };
            let member = Member { reach: &Default::default(), sends, held_out };
            let expect = stop.map(|(sent, max)| Stop::Cap { sent, max });
            assert_eq!(Cap.check(&member, email, purpose, now, &rules), expect, "{:?}", rules.caps);
            assert_eq!(free_at(&member, email, purpose, now, &rules), free, "{:?}", rules.caps);
        };
        let just_before = at(9, 10) - chrono::Duration::microseconds(1);
        check(cap("all", 2), &twice, false, marketing, just_before, Some((2, 2)), Some(at(9, 10)));
        check(cap("all", 2), &twice, false, marketing, at(9, 10), None, Some(at(9, 10)));
        check(cap("all", 1), &twice, false, marketing, at(8, 10), Some((2, 1)), Some(at(12, 10)));
        check(cap("email", 2), &twice, false, marketing, at(8, 10), None, Some(at(8, 10)));
        check(cap("line", 1), &twice, false, marketing, at(8, 10), None, Some(at(8, 10)));
        check(cap("all", 2), &twice, false, transactional, at(8, 10), None, Some(at(8, 10)));
        check(cap("all", 1), &others, false, marketing, at(8, 10), None, Some(at(8, 10)));
        check(cap("all", 1), &others, true, marketing, at(8, 10), Some((1, 1)), Some(at(12, 10)));
        check(cap("all", 0), &[], false, marketing, at(8, 10), Some((0, 0)), None);
    }
}
