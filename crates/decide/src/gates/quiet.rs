//! It is late. `[from, until)` in shop time, and it may cross midnight (SEMANTICS §8).

use model::{Channel, Instant, Purpose, Stop};

use super::{Gate, Member};
use crate::Rules;

pub struct Quiet;

impl Gate for Quiet {
    fn name(&self) -> &'static str {
        "quiet"
    }

    fn check(&self, _: &Member, channel: Channel, _: Purpose, at: Instant, rules: &Rules) -> Option<Stop> {
        let (from, until) = rules.quiet.hours(channel)?;
        let (from, until) = (from.0, until.0);
        let time = rules.zone.local(at).time();
        let is_quiet = if from <= until { from <= time && time < until } else { from <= time || time < until };
        is_quiet.then(|| Stop::Quiet { until: rules.zone.next(at, until) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{
        ShopZone,
        time::{TimeOfDay, parse_time_of_day},
    };

    #[test]
    fn t10_quiet_hours_begin_and_end_on_the_second() {
        let zone = ShopZone::tokyo();
        let shop = |text: &str| zone.instant(text.parse().expect("a local time"));
        let check = |hours: (&str, &str), now: &str, until: Option<&str>| {
            let time = |text| TimeOfDay(parse_time_of_day(text).expect("a time"));
            let quiet = model::shop::Quiet { from: time(hours.0), until: time(hours.1), ..Default::default() };
            let rules = Rules { quiet, ..Rules::of(&model::Shop::default()) };
            let member =
                Member { customer: "c", reach: &Default::default(), sends: &[], held_out: false, tags: &[], ignores_caps: false };
            let stop = Quiet.check(&member, Channel::Email, Purpose::Marketing, shop(now), &rules);
            assert_eq!(stop, until.map(|until| Stop::Quiet { until: shop(until) }), "{now}");
        };
        let night = ("21:00", "08:00");
        check(night, "2026-03-01T20:59:59", None);
        check(night, "2026-03-01T21:00:00", Some("2026-03-02T08:00:00"));
        check(night, "2026-03-02T07:59:59", Some("2026-03-02T08:00:00"));
        check(night, "2026-03-02T08:00:00", None);
        check(("12:00", "13:00"), "2026-03-02T12:30:00", Some("2026-03-02T13:00:00"));
        check(("12:00", "13:00"), "2026-03-02T13:00:00", None);
        check(("08:00", "08:00"), "2026-03-02T08:00:00", None);
    }

    #[test]
    fn a_channel_may_have_hours_of_its_own() {
        let settings = "[quiet]\n[quiet.channels.sms]\nfrom = \"19:00\"\n[quiet.channels.email]\nenabled = false\n";
        let rules = Rules::of(&model::Shop::parse("t", settings).expect("settings"));
        let check = |channel: Channel, now: &str, expect: bool| {
            let member =
                Member { customer: "c", reach: &Default::default(), sends: &[], held_out: false, tags: &[], ignores_caps: false };
            let now = rules.zone.instant(format!("2026-03-01T{now}:00").parse().expect("a local time"));
            assert_eq!(Quiet.check(&member, channel, Purpose::Marketing, now, &rules).is_some(), expect, "{channel} {now}");
        };
        check(Channel::Line, "20:00", false);
        check(Channel::Line, "21:00", true);
        check(Channel::Sms, "19:00", true);
        check(Channel::Sms, "07:59", true);
        check(Channel::Email, "23:00", false);
    }
}
