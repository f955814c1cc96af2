//! It is late. `[from, until)` where the subject lives, else in shop time, and it may cross midnight (SEMANTICS §8).

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
        let time = rules.subject_zone.local(at).time();
        let is_quiet = if from <= until { from <= time && time < until } else { from <= time || time < until };
        is_quiet.then(|| Stop::Quiet { until: rules.subject_zone.next(at, until) })
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
    fn it_is_late_where_the_subject_lives() {
        let shop = Rules::of(&model::Shop::default());
        let zone = |name: &str| ShopZone::parse(name).expect("a zone");
        let check = |lives_in: Option<&str>, now: &str, until: Option<&str>| {
            let member =
                Member { customer: "c", reach: &Default::default(), sends: &[], held_out: false, tags: &[], ignores_caps: false };
            let at = |text: &str| text.parse::<Instant>().expect("an instant");
            let rules = shop.of_subject(lives_in.map(zone));
            let stop = Quiet.check(&member, Channel::Email, Purpose::Marketing, at(now), &rules);
            assert_eq!(stop, until.map(|until| Stop::Quiet { until: at(until) }), "{lives_in:?} {now}");
        };
        let (noon, night) = ("2026-03-01T03:00:00Z", "2026-03-01T14:00:00Z"); // In Tokyo.
        check(None, noon, None);
        check(None, night, Some("2026-03-01T23:00:00Z"));
        check(Some("Asia/Tokyo"), night, Some("2026-03-01T23:00:00Z"));
        check(Some("America/New_York"), noon, Some("2026-03-01T13:00:00Z"));
        check(Some("America/New_York"), night, None);
        check(Some("Asia/Kathmandu"), night, None); // 19:45.
        check(Some("Asia/Kathmandu"), "2026-03-01T15:15:00Z", Some("2026-03-02T02:15:00Z"));
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
