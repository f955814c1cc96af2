//! The provider takes no more messages on the channel this month, whoever they are for and whatever they say.
//!
//! A quota is of the whole shop, and a gate looks at one member: when the quota runs out is found over everybody (`tick/quota.rs`), and
//! from there to the end of the month it is closed. Who is held out is stopped as their twin is, and uses nothing up.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

/// A channel whose quota is used up from some send on until the month ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub channel: Channel,
    /// The quota that ran out.
    pub month_max: u64,
    /// When it runs out.
    pub from: Instant,
    /// Of those due at that instant, the one with whom it runs out: smaller ids are sent to, larger ones are not.
    pub customer: String,
    /// So many sends at that instant are left for this customer.
    pub room: usize,
    /// The first instant of the next month.
    pub until: Instant,
}

impl Closed {
    fn stops(&self, member: &Member, channel: Channel, at: Instant) -> bool {
        if channel != self.channel || at < self.from || at >= self.until {
            return false;
        }
        match (at == self.from).then(|| member.customer.cmp(self.customer.as_str())) {
            None | Some(std::cmp::Ordering::Greater) => true,
            Some(std::cmp::Ordering::Less) => false,
            Some(std::cmp::Ordering::Equal) => {
                let sent = member.sends.iter().filter(|send| !send.ghost && send.channel == channel && send.at == at);
                sent.count() >= self.room
            }
        }
    }
}

pub struct Quota;

impl Gate for Quota {
    fn name(&self) -> &'static str {
        "quota"
    }

    fn check(&self, member: &Member, channel: Channel, _: Purpose, at: Instant, rules: &Rules) -> Option<Stop> {
        let closed = rules.closed.iter().find(|closed| closed.stops(member, channel, at))?;
        Some(Stop::Quota { month_max: closed.month_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::PastSend;

    #[test]
    fn it_is_closed_from_one_send_on_until_the_month_ends() {
        let at = |text: &str| text.parse::<Instant>().expect("an instant");
        let noon = at("2026-03-20T03:00:00Z");
        let closed = Closed {
            channel: Channel::Line,
            month_max: 5000,
            from: noon,
            customer: "c5".into(),
            room: 1,
            until: at("2026-03-31T15:00:00Z"),
        };
        let rules = Rules { closed: vec![closed], ..Rules::of(&model::Shop::default()) };
        let sent = |channel, ghost| PastSend { entry_id: "e".into(), channel, at: noon, counts: true, tags: Vec::new(), ghost };
        let check = |customer: &str, channel, sends: &[PastSend], held_out: bool, now: &str, expect: bool| {
            let member = Member { customer, reach: &Default::default(), sends, held_out, tags: &[], ignores_caps: false };
            for purpose in [Purpose::Marketing, Purpose::Transactional] {
                let stop = Quota.check(&member, channel, purpose, at(now), &rules);
                let expect = expect.then_some(Stop::Quota { month_max: 5000 });
                assert_eq!(stop, expect, "{customer} {channel} {purpose:?} {now}");
            }
        };
        let line = Channel::Line;
        check("c9", line, &[], false, "2026-03-20T02:59:59Z", false);
        check("c4", line, &[], false, "2026-03-20T03:00:00Z", false);
        check("c5", line, &[], false, "2026-03-20T03:00:00Z", false);
        check("c5", line, &[sent(line, true), sent(Channel::Email, false)], false, "2026-03-20T03:00:00Z", false);
        check("c5", line, &[sent(line, false)], false, "2026-03-20T03:00:00Z", true);
        check("c6", line, &[], false, "2026-03-20T03:00:00Z", true);
        check("c6", line, &[], true, "2026-03-20T03:00:00Z", true);
        check("c6", Channel::Email, &[], false, "2026-03-20T03:00:00Z", false);
        check("c4", line, &[], false, "2026-03-31T14:59:59Z", true);
        check("c4", line, &[], false, "2026-03-31T15:00:00Z", false);
    }
}
