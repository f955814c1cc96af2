//! What one send step does: the channels in the order they are tried, each through the gates, then the fallback of SEMANTICS §5.

use chrono::Duration;
use model::{
    Channel, Instant, Stop,
    scenario::{OnCap, OnQuiet, SendStep},
};

use crate::{
    Rules, bucket,
    gates::{GATES, Member, cap, first_stop},
};

/// The verdict on a step, and the first reason of each channel that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    pub stopped: Vec<(Channel, Stop)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Send(Channel),
    /// The whole step, whatever the channel.
    Stop(Stop),
    /// All checks run again at `until`.
    Defer {
        until: Instant,
        gate: &'static str,
    },
}

/// The last instant at which a step due at `due` may still be sent; at it is in time.
pub fn valid_until(step: &SendStep, due: Instant) -> Option<Instant> {
    step.valid_for.map(|span| due + span.0)
}

/// The rest of a roll-out waits for its decision, as long as it may still be sent to then.
pub fn waiting(step: &SendStep, due: Instant, until: Instant) -> Decision {
    let verdict = match valid_until(step, due).is_some_and(|end| until > end) {
        true => Verdict::Stop(Stop::Expired),
        false => Verdict::Defer { until, gate: "rollout" },
    };
    Decision { verdict, stopped: Vec::new() }
}

/// Decides at `now` on a step that fell due at `due`.
pub fn decide(step: &SendStep, member: &Member, due: Instant, now: Instant, spread: Spread, rules: &Rules) -> Decision {
    let is_over = |at: Instant| valid_until(step, due).is_some_and(|end| at > end);
    if is_over(now) {
        return Decision { verdict: Verdict::Stop(Stop::Expired), stopped: Vec::new() };
    }
    let mut stopped = Vec::new();
    let mut verdict = None;
    for &channel in &step.channels {
        let Some(stop) = first_stop(member, channel, step.purpose, now, rules) else {
            verdict = Some(Verdict::Send(channel));
            break;
        };
        let until = match &stop {
            Stop::Quiet { until } => Some(*until + spread.delay(rules.spread)),
            Stop::Cap { .. } => cap::free_at(member, channel, step.purpose, now, rules),
            _ => None,
        };
        verdict = match (&stop, step.on_cap, step.on_quiet) {
            (Stop::Cap { .. }, OnCap::NextChannel, _) | (Stop::Quiet { .. }, _, OnQuiet::NextChannel) => None,
            (Stop::Cap { .. }, OnCap::Defer, _) | (Stop::Quiet { .. }, _, OnQuiet::Defer) => Some(match until {
                Some(until) if is_over(until) => Verdict::Stop(Stop::Expired),
                Some(until) => Verdict::Defer { until, gate: stop.name() },
                None => Verdict::Stop(stop.clone()),
            }),
            (Stop::Cap { .. } | Stop::Quiet { .. }, ..) => Some(Verdict::Stop(stop.clone())),
            _ => None,
        };
        stopped.push((channel, stop));
        if verdict.is_some() {
            break;
        }
    }
    let verdict = verdict.unwrap_or_else(|| Verdict::Stop(nearest(&stopped)));
    if matches!(verdict, Verdict::Defer { .. }) {
        stopped.clear(); // Decided later, with reasons of its own.
    }
    Decision { verdict, stopped }
}

/// `hash(salt, subject) % spread`: the same delay in a replay.
#[derive(Debug, Clone, Copy)]
pub struct Spread<'a> {
    pub salt: &'a str,
    pub subject: &'a str,
}

impl Spread<'_> {
    /// In whole seconds, less than `spread`.
    pub fn delay(self, spread: Duration) -> Duration {
        let seconds = u64::try_from(spread.num_seconds()).unwrap_or(0).max(1);
        Duration::seconds((bucket::hash(self.salt, self.subject) % seconds) as i64)
    }
}

/// The reason for a whole step is that of the channel that came nearest to being sent on: past the most gates, and the first of
/// such.
fn nearest(stopped: &[(Channel, Stop)]) -> Stop {
    let passed = |stop: &Stop| {
        let gate = match stop {
            Stop::NoAddress => "address",
            Stop::RelayAddress => "relay",
            Stop::NoConsent => "consent",
            Stop::Suppressed { .. } | Stop::LineBlocked => "suppression",
            Stop::Quota { .. } => "quota",
            Stop::Cap { .. } => "cap",
            Stop::Quiet { .. } => "quiet",
            Stop::Expired | Stop::Exited { .. } => "",
        };
        GATES.iter().position(|known| known.name() == gate)
    };
    let nearest = stopped.iter().rev().max_by_key(|(_, stop)| passed(stop));
    nearest.map_or(Stop::NoAddress, |(_, stop)| stop.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::gates::{PastSend, Reach};
    use model::{Purpose, scenario::Scenario};

    #[derive(Clone, Copy, Default)]
    struct Can {
        reach: &'static str,
        consent: bool,
        suppressed: Option<&'static str>,
    }

    const ALL: Can = Can { reach: "yes", consent: true, suppressed: None };
    const BLOCKED: Can = Can { reach: "yes", consent: true, suppressed: Some("blocked") };
    const NO_CONSENT: Can = Can { reach: "yes", consent: false, suppressed: None };
    const NOTHING: Can = Can { reach: "", consent: false, suppressed: None };

    fn reach(can: &[(Channel, Can)]) -> BTreeMap<Channel, Reach> {
        let one = |can: &Can| Reach {
            has_address: !can.reach.is_empty(),
            is_relay: false,
            consents: [(Purpose::Marketing, can.consent)].into(),
            suppressed: can.suppressed.map(String::from),
        };
        can.iter().map(|(channel, can)| (*channel, one(can))).collect()
    }

    fn step(body: &str) -> SendStep {
        let text = format!(
            "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n\
             [[exit]]\non = \"order_placed\"\n[entry]\non = \"cart_updated\"\n[[step]]\nid = \"s\"\nsend = {{ template = \"t\", {body} }}"
        );
        Scenario::parse("s.toml", &text).expect("a scenario").steps.remove(0).send.expect("a send")
    }

    fn shown(decision: &Decision) -> String {
        let verdict = match &decision.verdict {
            Verdict::Send(channel) => channel.name().to_string(),
            Verdict::Stop(stop) => format!("stop {}", stop.name()),
            Verdict::Defer { until, gate } => format!("{gate} until {}", until.format("%m-%dT%H:%M")),
        };
        let stopped: Vec<String> = decision.stopped.iter().map(|(channel, stop)| format!("{channel} {}", stop.name())).collect();
        format!("{verdict} [{}]", stopped.join(", "))
    }

    fn decided(body: &str, can: &[(Channel, Can)], sends: &[PastSend], rules: &Rules, due: &str, now: &str) -> String {
        let member = Member { customer: "c", reach: &reach(can), sends, held_out: false, tags: &[], ignores_caps: false };
        let at = |text: &str| text.parse().expect("an instant");
        shown(&decide(&step(body), &member, at(due), at(now), Spread { salt: "s", subject: "c" }, rules))
    }

    #[test]
    fn t13_t14_t15_t16_fallback_by_what_is_known() {
        let rules =
            Rules { quiet: model::shop::Quiet { enabled: false, ..Default::default() }, ..Rules::of(&model::Shop::default()) };
        let noon = "2026-03-01T03:00:00Z";
        let check = |purpose: &str, line: Can, sms: Can, expect: &str| {
            let body = format!("purpose = \"{purpose}\", try = [\"line\", \"sms\"]");
            let got = decided(&body, &[(Channel::Line, line), (Channel::Sms, sms)], &[], &rules, noon, noon);
            assert_eq!(got, expect);
        };
        check("marketing", ALL, ALL, "line []"); // T13
        check("marketing", BLOCKED, ALL, "sms [line line_blocked]"); // T14
        check("marketing", BLOCKED, NO_CONSENT, "stop line_blocked [line line_blocked, sms no_consent]"); // T14
        check("transactional", BLOCKED, NO_CONSENT, "sms [line line_blocked]"); // T15
        check("marketing", ALL, ALL, "line []"); // T16: a block that no unfollow has told us of is none.
        check("marketing", NOTHING, NO_CONSENT, "stop no_consent [line no_address, sms no_consent]");
        check("marketing", NOTHING, NOTHING, "stop no_address [line no_address, sms no_address]");
    }

    #[test]
    fn caps_and_quiet_hours_stop_defer_or_pass_on() {
        let shop = model::Shop::parse("t", "[[caps]]\nscope = \"line\"\nmax = 1\nper = \"7d\"\n").expect("settings");
        let rules = Rules::of(&shop);
        let (noon, night) = ("2026-03-03T03:00:00Z", "2026-03-03T14:00:00Z");
        let sent = PastSend {
            entry_id: "e".into(),
            channel: Channel::Line,
            at: "2026-03-01T03:00:00Z".parse().expect("an instant"),
            counts: true,
            tags: Vec::new(),
            ghost: false,
        };
        let check = |body: &str, now: &str, expect: &str| {
            let body = format!("try = [\"line\", \"email\"], {body}");
            let can = [(Channel::Line, ALL), (Channel::Email, ALL)];
            assert_eq!(decided(&body, &can, std::slice::from_ref(&sent), &rules, noon, now), expect, "{body}");
        };
        check("on_cap = \"skip\"", noon, "stop cap [line cap]");
        check("on_cap = \"next_channel\"", noon, "email [line cap]");
        check("on_cap = \"defer\"", noon, "cap until 03-08T03:00 []");
        check("on_cap = \"defer\", valid_for = \"5d\"", noon, "cap until 03-08T03:00 []");
        check("on_cap = \"defer\", valid_for = \"119h\"", noon, "stop expired [line cap]");
        check("on_cap = \"next_channel\", on_quiet = \"defer\"", night, "quiet until 03-03T23:00 []");
        check("on_cap = \"next_channel\", on_quiet = \"drop\"", night, "stop quiet [line cap, email quiet]");
        check("on_cap = \"next_channel\", on_quiet = \"next_channel\"", night, "stop quiet [line cap, email quiet]");
        check("on_cap = \"next_channel\", valid_for = \"20h\"", night, "quiet until 03-03T23:00 []");
        check("on_cap = \"next_channel\", valid_for = \"19h\"", night, "stop expired [line cap, email quiet]");
        check("valid_for = \"10h\"", night, "stop expired []");
        check("valid_for = \"11h\", on_cap = \"next_channel\", on_quiet = \"drop\"", night, "stop quiet [line cap, email quiet]");
    }

    #[test]
    fn deferred_sends_are_spread_by_subject() {
        let spread = Duration::minutes(30);
        let delay = |subject: &str| Spread { salt: "s", subject }.delay(spread);
        assert_eq!(delay("c-0001"), Duration::seconds((bucket::hash("s", "c-0001") % 1800) as i64));
        assert_ne!(delay("c-0001"), delay("c-0002"));
        assert_eq!(Spread { salt: "s", subject: "c-0001" }.delay(Duration::zero()), Duration::zero());
    }
}
