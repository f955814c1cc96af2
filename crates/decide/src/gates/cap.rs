//! The person was sent enough. Rules are ANDed; each counts the sends in its window on its channel, of its tag, or all (SEMANTICS §7).
//!
//! Transactional sends are exempt, and counted only where their step says so; a step that ignores caps is exempt and counted. A real send
//! counts real sends alone. A ghost counts ghosts too: they are what the subject would have been sent, so later ghosts fall where its twin's
//! sends fall.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member, PastSend};
use crate::Rules;

pub struct Cap;

impl Gate for Cap {
    fn name(&self) -> &'static str {
        "cap"
    }

    fn check(&self, member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Stop> {
        applying(member, channel, purpose, rules).find_map(|cap| {
            let sent = counted(member, cap, at, rules).count() as u32;
            (sent >= cap.max).then_some(Stop::Cap { sent, max: cap.max })
        })
    }
}

/// A cap that leaves no room, with the sends that use it up and when there is room again in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached<'a> {
    pub cap: &'a model::Cap,
    /// Oldest first.
    pub sent_at: Vec<Instant>,
    pub free_at: Option<Instant>,
}

/// The cap that stops a send at this moment, for whoever asks why.
pub fn reached<'a>(member: &'a Member, channel: Channel, purpose: Purpose, at: Instant, rules: &'a Rules) -> Option<Reached<'a>> {
    applying(member, channel, purpose, rules).find_map(|cap| {
        let mut sent_at: Vec<Instant> = counted(member, cap, at, rules).map(|send| send.at).collect();
        sent_at.sort();
        let free_at = free_at(member, channel, purpose, at, rules);
        (sent_at.len() as u32 >= cap.max).then_some(Reached { cap, sent_at, free_at })
    })
}

/// When enough of the counted sends have left the windows of all caps; `None` if they never will (a cap of zero).
pub(crate) fn free_at(member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Instant> {
    let mut free = at;
    for cap in applying(member, channel, purpose, rules) {
        let mut times: Vec<Instant> = counted(member, cap, at, rules).map(|send| send.at).collect();
        times.sort();
        if let Some(surplus) = times.len().checked_sub(cap.max as usize) {
            free = free.max(cap.per.free_at(*times.get(surplus)?, rules.zone));
        }
    }
    Some(free)
}

fn applying<'a>(
    member: &'a Member,
    channel: Channel,
    purpose: Purpose,
    rules: &'a Rules,
) -> impl Iterator<Item = &'a model::Cap> {
    let is_exempt = member.ignores_caps || purpose == Purpose::Transactional;
    rules.caps.iter().filter(move |cap| !is_exempt && cap.covers(channel, member.tags))
}

fn counted<'a>(member: &'a Member, cap: &'a model::Cap, at: Instant, rules: &Rules) -> impl Iterator<Item = &'a PastSend> {
    let (held_out, zone) = (member.held_out, rules.zone);
    member.sends.iter().filter(move |send| {
        send.counts && (held_out || !send.ghost) && cap.covers(send.channel, &send.tags) && cap.per.counts(send.at, at, zone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::{Span, parse_duration};

    fn at(day: u32, hour: u32) -> Instant {
        format!("2026-03-{day:02}T{hour:02}:00:00Z").parse().expect("an instant")
    }

    fn cap(scope: &str, max: u32) -> model::Cap {
        model::Cap::rolling(scope, max, Span(parse_duration("7d").expect("a duration")))
    }

    #[test]
    fn t8_the_window_is_open_at_its_old_end() {
        let past = |day, hour, channel, purpose, ghost| PastSend {
            entry_id: "e".into(),
            channel,
            at: at(day, hour),
            counts: purpose == Purpose::Marketing,
            tags: Vec::new(),
            ghost,
        };
        let (email, line) = (Channel::Email, Channel::Line);
        let (marketing, transactional) = (Purpose::Marketing, Purpose::Transactional);
        let twice = [past(2, 10, email, marketing, false), past(5, 10, line, marketing, false)];
        let others = [past(2, 10, email, transactional, false), past(5, 10, line, marketing, true)];
        let check = |cap: model::Cap, sends: &[PastSend], held_out, purpose, now, stop: Option<(u32, u32)>, free| {
            let rules = Rules { caps: vec![cap], ..Rules::of(&model::Shop::default()) };
            let member = Member { customer: "c", reach: &Default::default(), sends, held_out, tags: &[], ignores_caps: false };
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
        let rules = Rules { caps: vec![cap("all", 1)], ..Rules::of(&model::Shop::default()) };
        let urgent =
            Member { customer: "c", reach: &Default::default(), sends: &twice, held_out: false, tags: &[], ignores_caps: true };
        assert_eq!(Cap.check(&urgent, email, marketing, at(8, 10), &rules), None);
    }

    #[test]
    fn a_cap_may_be_of_a_tag_and_follow_the_calendar() {
        let sent = |day, hour, tags: &[&str], counts| PastSend {
            entry_id: "e".into(),
            channel: Channel::Email,
            at: at(day, hour),
            counts,
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
            ghost: false,
        };
        // Shop time is nine hours later: Sunday 8 March, 23:00, and Monday.
        let sends = [sent(8, 14, &["coupon"], true), sent(8, 16, &["news"], true), sent(9, 1, &["order"], false)];
        let check = |per: &str, scope: &str, max: u32, tags: &[&str], now, stop: Option<u32>, free: Option<Instant>| {
            let text = format!("[[caps]]\nscope = \"{scope}\"\nmax = {max}\nper = \"{per}\"\n");
            let rules = Rules::of(&model::Shop::parse("t", &text).expect("settings"));
            let tags: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
            let member = Member {
                customer: "c",
                reach: &Default::default(),
                sends: &sends,
                held_out: false,
                tags: &tags,
                ignores_caps: false,
            };
            let got = Cap.check(&member, Channel::Email, Purpose::Marketing, now, &rules);
            assert_eq!(got, stop.map(|sent| Stop::Cap { sent, max }), "{text}");
            assert_eq!(free_at(&member, Channel::Email, Purpose::Marketing, now, &rules), free, "{text}");
        };
        let (monday_11, tuesday_0, next_monday) = (at(9, 2), at(9, 15), at(15, 15));
        check("week", "all", 1, &[], monday_11, Some(1), Some(next_monday));
        check("week", "all", 2, &[], monday_11, None, Some(monday_11));
        check("day", "all", 1, &[], monday_11, Some(1), Some(tuesday_0));
        check("day", "all", 1, &[], tuesday_0, None, Some(tuesday_0));
        check("7d", "all", 2, &[], monday_11, Some(2), Some(at(15, 14)));
        check("7d", "tag:coupon", 1, &["coupon"], monday_11, Some(1), Some(at(15, 14)));
        check("7d", "tag:coupon", 1, &["news"], monday_11, None, Some(monday_11));
        check("week", "tag:coupon", 1, &["coupon"], monday_11, None, Some(monday_11));
        check("month", "tag:news", 1, &["news", "coupon"], monday_11, Some(1), Some(at(31, 15)));
    }
}
