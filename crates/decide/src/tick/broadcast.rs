//! Who of a broadcast's audience would hear it twice: one message per person, then one per address (SEMANTICS §6).

use std::collections::BTreeMap;

use model::{Channel, CustomerId, Scenario};

/// Recipients whose address another recipient has, and who that is. Looked at is the first channel, in the order the broadcast tries
/// them, on which a recipient has an address; of several who share it the first by id is told. Given are the addresses at which they may be
/// written to, perhaps as hashes.
pub fn duplicates(
    scenario: &Scenario,
    recipients: &BTreeMap<CustomerId, BTreeMap<Channel, String>>,
) -> BTreeMap<CustomerId, CustomerId> {
    let channels = scenario.sends().next().map_or(&[][..], |send| &send.channels);
    let mut told: BTreeMap<(Channel, &str), &CustomerId> = BTreeMap::new();
    let mut duplicates = BTreeMap::new();
    for (customer, addresses) in recipients {
        let first = channels.iter().find_map(|channel| Some((*channel, addresses.get(channel)?.as_str())));
        let Some(address) = first else { continue };
        match told.get(&address) {
            Some(earlier) => _ = duplicates.insert(customer.clone(), (*earlier).clone()),
            None => _ = told.insert(address, customer),
        }
    }
    duplicates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::examples::scenario;

    #[test]
    fn an_address_is_written_to_once() {
        let steps = "[[step]]\nid = \"s\"\nsend = { try = [\"line\", \"email\"], template = \"t\" }\n";
        let scenario = scenario("s", "segment = \"x\"\nonce = \"2026-03-05T10:00\"", steps);
        let check = |recipients: &[(&str, &[(Channel, &str)])], expect: &[(&str, &str)]| {
            let addresses = |all: &[(Channel, &str)]| all.iter().map(|(channel, hash)| (*channel, hash.to_string())).collect();
            let recipients = recipients.iter().map(|(id, all)| (CustomerId::stored(*id), addresses(all))).collect();
            let found = duplicates(&scenario, &recipients);
            let found: Vec<(&str, &str)> = found.iter().map(|(one, other)| (one.as_str(), other.as_str())).collect();
            assert_eq!(found, expect);
        };
        let (line, email) = (Channel::Line, Channel::Email);
        check(&[("a", &[(email, "x")]), ("b", &[(email, "x")]), ("c", &[(email, "x")])], &[("b", "a"), ("c", "a")]);
        check(&[("a", &[(email, "x")]), ("b", &[(email, "y")]), ("c", &[])], &[]);
        // Each is told on LINE, where they are two; an e-mail address they share does not matter.
        check(&[("a", &[(line, "1"), (email, "x")]), ("b", &[(line, "2"), (email, "x")])], &[]);
        check(&[("a", &[(Channel::Sms, "1")]), ("b", &[(Channel::Sms, "1")])], &[]);
    }
}
