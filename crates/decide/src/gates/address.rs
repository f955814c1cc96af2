//! There is nowhere to send to.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

pub struct Address;

impl Gate for Address {
    fn name(&self) -> &'static str {
        "address"
    }

    fn check(&self, member: &Member, channel: Channel, _: Purpose, _: Instant, _: &Rules) -> Option<Stop> {
        let needs_none = channel.contact_kind().is_none();
        let has_one = member.reach.get(&channel).is_some_and(|reach| reach.has_address);
        if needs_none || has_one { None } else { Some(Stop::NoAddress) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Reach;

    #[test]
    fn a_channel_with_contacts_needs_an_address() {
        let rules = Rules::of(&model::Shop::default());
        let check = |channel: Channel, has_address: Option<bool>, expect: Option<Stop>| {
            let reach = has_address.map(|has_address| (channel, Reach { has_address, ..Reach::default() }));
            let member = Member {
                customer: "c",
                reach: &reach.into_iter().collect(),
                sends: &[],
                held_out: false,
                tags: &[],
                ignores_caps: false,
            };
            assert_eq!(Address.check(&member, channel, Purpose::Marketing, Instant::default(), &rules), expect);
        };
        check(Channel::Line, Some(true), None);
        check(Channel::Line, Some(false), Some(Stop::NoAddress));
        check(Channel::Line, None, Some(Stop::NoAddress));
        check(Channel::Webhook, None, None);
    }
}
