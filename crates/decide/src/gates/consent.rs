//! The person did not permit this channel for this purpose. A transactional message (an order confirmation) needs no permission.

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

pub struct Consent;

impl Gate for Consent {
    fn name(&self) -> &'static str {
        "consent"
    }

    fn check(&self, member: &Member, channel: Channel, purpose: Purpose, _: Instant, _: &Rules) -> Option<Stop> {
        let given = || member.reach.get(&channel).and_then(|reach| reach.consents.get(&purpose)).copied().unwrap_or(false);
        if purpose == Purpose::Transactional || given() { None } else { Some(Stop::NoConsent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Reach;

    #[test]
    fn consent_is_per_channel_and_purpose() {
        let rules = Rules::of(&model::Shop::default());
        let reach = Reach {
            has_address: true,
            is_relay: false,
            consents: [(Purpose::Marketing, true), (Purpose::Ads, false)].into(),
            suppressed: None,
        };
        let member = Member {
            customer: "c",
            reach: &[(Channel::Email, reach)].into(),
            sends: &[],
            held_out: false,
            tags: &[],
            ignores_caps: false,
        };
        let check = |channel: Channel, purpose: Purpose, expect: Option<Stop>| {
            assert_eq!(Consent.check(&member, channel, purpose, Instant::default(), &rules), expect, "{channel} {purpose:?}");
        };
        check(Channel::Email, Purpose::Marketing, None);
        check(Channel::Email, Purpose::Ads, Some(Stop::NoConsent));
        check(Channel::Sms, Purpose::Marketing, Some(Stop::NoConsent));
        check(Channel::Sms, Purpose::Transactional, None);
    }
}
