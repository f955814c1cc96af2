//! Why a member may not be sent to now. One gate, one file, in the order of SEMANTICS §5; the first reason is given.
//!
//! Gates run when a send is planned and again when it is handed over: between the two a gate may only narrow.

use std::collections::BTreeMap;

use model::{Channel, Instant, Purpose, Stop};

use crate::Rules;

mod address;
pub mod cap;
mod consent;
mod quiet;
mod quota;
mod relay;
mod suppression;

pub use address::Address;
pub use cap::Cap;
pub use consent::Consent;
pub use quiet::Quiet;
pub use quota::{Closed, Quota};
pub use relay::Relay;
pub use suppression::Suppression;

/// How a customer can be reached on one channel, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    pub has_address: bool,
    /// The address is one that a mall hands out in the buyer's place.
    pub is_relay: bool,
    /// The current consent by purpose; a purpose that is missing was never consented to.
    pub consents: BTreeMap<Purpose, bool>,
    /// Why the channel must not be used: `blocked`, `bounced`, ….
    pub suppressed: Option<String>,
}

/// A send that a cap may count: planned or further, or a ghost. Failed and stopped ones are left out by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSend {
    pub entry_id: String,
    pub channel: Channel,
    /// The logical time it was due at, which a replay shares; not the time it was handed over.
    pub at: Instant,
    /// Of the step that sent it ([`model::scenario::SendStep::counts_for_caps`]).
    pub counts: bool,
    pub tags: Vec<String>,
    pub ghost: bool,
}

/// Whom a gate looks at, and about what they would hear.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Of several who are due at the instant at which a quota runs out, it goes by their ids.
    pub customer: &'a str,
    pub reach: &'a BTreeMap<Channel, Reach>,
    pub sends: &'a [PastSend],
    /// True when a ghost is decided on.
    pub held_out: bool,
    /// Of the message.
    pub tags: &'a [String],
    /// The message goes out whatever the person was sent before.
    pub ignores_caps: bool,
}

/// May this member be sent to on this channel, for this purpose, at this logical time; else why not.
pub trait Gate: Sync {
    /// The name of its file.
    fn name(&self) -> &'static str;
    fn check(&self, member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Stop>;
}

/// In the order they are asked.
pub static GATES: [&dyn Gate; 7] = [&Address, &Relay, &Consent, &Suppression, &Quota, &Cap, &Quiet];

/// The first reason against, in the order of [`GATES`].
pub fn first_stop(member: &Member, channel: Channel, purpose: Purpose, at: Instant, rules: &Rules) -> Option<Stop> {
    GATES.iter().find_map(|gate| gate.check(member, channel, purpose, at, rules))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let mut names = GATES.map(|gate| gate.name().to_string()).to_vec();
        names.sort();
        assert_eq!(names, crate::gates::tests::modules("src/gates"));
    }

    #[test]
    fn the_first_reason_is_given() {
        let rules = Rules::of(&model::Shop::default());
        let night = "2026-03-01T14:00:00Z".parse().expect("an instant");
        let check = |has_address: bool, consent: bool, suppressed: Option<&str>, expect: &str| {
            let reach = Reach {
                has_address,
                is_relay: false,
                consents: [(Purpose::Marketing, consent)].into(),
                suppressed: suppressed.map(String::from),
            };
            let member = Member {
                customer: "c",
                reach: &[(Channel::Line, reach)].into(),
                sends: &[],
                held_out: false,
                tags: &[],
                ignores_caps: false,
            };
            let stop = first_stop(&member, Channel::Line, Purpose::Marketing, night, &rules);
            assert_eq!(stop.map_or("none", |stop| stop.name()), expect);
        };
        check(false, false, Some("blocked"), "no_address");
        check(true, false, Some("blocked"), "no_consent");
        check(true, true, Some("blocked"), "line_blocked");
        check(true, true, None, "quiet");
    }

    /// The modules of a folder of this crate, without `mod`.
    pub(crate) fn modules(folder: &str) -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("our own sources")
            .filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rs").map(String::from))
            .filter(|name| name != "mod")
            .collect();
        names.sort();
        names
    }
}
