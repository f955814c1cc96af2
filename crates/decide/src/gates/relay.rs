//! The address is a mall's, handed out in the buyer's place: mail there may only be the mall's own, whatever its purpose.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

pub struct Relay;

impl Gate for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn check(&self, member: &Member, channel: Channel, _: Purpose, _: Instant, _: &Rules) -> Option<Stop> {
        member.reach.get(&channel)?.is_relay.then_some(Stop::RelayAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Reach;

    #[test]
    fn a_relay_address_is_for_no_purpose() {
        let rules = Rules::of(&model::Shop::default());
        let check = |is_relay: bool, purpose: Purpose, expect: Option<Stop>| {
            let reach = Reach { has_address: true, is_relay, ..Reach::default() };
            let member = Member {
                customer: "c",
                reach: &[(Channel::Email, reach)].into(),
                sends: &[],
                held_out: false,
                tags: &[],
                ignores_caps: false,
            };
            assert_eq!(Relay.check(&member, Channel::Email, purpose, Instant::default(), &rules), expect);
            assert_eq!(Relay.check(&member, Channel::Line, purpose, Instant::default(), &rules), None);
        };
        check(false, Purpose::Marketing, None);
        check(true, Purpose::Marketing, Some(Stop::RelayAddress));
        check(true, Purpose::Transactional, Some(Stop::RelayAddress));
    }
}
