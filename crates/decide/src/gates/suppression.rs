//! The channel must not be used: the address bounced, the person complained, or blocked the LINE account. A LINE block is known
//! only from the `unfollow` webhook, and is an opt-out of LINE alone.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

pub struct Suppression;

impl Gate for Suppression {
    fn name(&self) -> &'static str {
        "suppression"
    }

    fn check(&self, member: &Member, channel: Channel, _: Purpose, _: Instant, _: &Rules) -> Option<Stop> {
        let why = member.reach.get(&channel)?.suppressed.as_deref()?;
        Some(match (channel, why) {
            (Channel::Line, "blocked") => Stop::LineBlocked,
            _ => Stop::Suppressed { why: why.into() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Reach;

    #[test]
    fn a_line_block_has_a_name_of_its_own() {
        let rules = Rules::of(&model::Shop::default());
        let check = |channel: Channel, why: Option<&str>, expect: Option<Stop>| {
            let reach = Reach { has_address: true, suppressed: why.map(String::from), ..Reach::default() };
            let member = Member {
                customer: "c",
                reach: &[(channel, reach)].into(),
                sends: &[],
                held_out: false,
                tags: &[],
                ignores_caps: false,
            };
            assert_eq!(Suppression.check(&member, channel, Purpose::Transactional, Instant::default(), &rules), expect);
        };
        check(Channel::Line, None, None);
        check(Channel::Line, Some("blocked"), Some(Stop::LineBlocked));
        check(Channel::Line, Some("manual"), Some(Stop::Suppressed { why: "manual".into() }));
        check(Channel::Email, Some("bounced"), Some(Stop::Suppressed { why: "bounced".into() }));
    }
}
