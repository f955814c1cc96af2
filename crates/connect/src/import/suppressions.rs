//! Suppressions: the opt-outs, hard bounces, complaints and LINE blocks of a former tool. By customer id, by address, or both.
//!
//! They are final: one closes the channel whatever an opt-in list says, and one without a time counts from always. An address is suppressed
//! whoever has it, now or later, so that neither a member of the same address nor a merged copy is written to. No contact is made of it.
//! Without a `channel` it is the channels of the addresses given; of a customer id alone, all.

use model::{Channel, Consent, ConsentState, CustomerId, Instant, Purpose, SuppressedAddress, Suppression};

use crate::{
    formats::Row,
    import::{
        ALWAYS, Importer,
        cells::Bad,
        consents::{address_on, channels_of},
        people::{Person, nobody},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("channel", Type::Channel),
    ("reason", Type::OneOf(&["opted_out", "bounced", "complained", "blocked", "manual"])),
    ("at", Type::Instant),
];

impl Importer {
    pub(super) fn suppression(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let id = self.read(row, "customer_id", Self::text)?;
        let customer_id = id.and_then(|id| CustomerId::parse(&id, &self.key).ok());
        let channels = match self.read(row, "channel", Self::channel)? {
            Some(channel) => vec![channel],
            None => match channels_of(&person) {
                channels if !channels.is_empty() => channels,
                _ => Channel::ALL.to_vec(),
            },
        };
        let has_address = channels.iter().any(|channel| address_on(&person, *channel).is_some());
        // An opt-out that names nobody we could recognise must not pass for one that was heeded.
        if customer_id.is_none() && !has_address {
            return Err(match person.dropped.first() {
                Some(column) => Bad {
                    column: Some(column.clone()),
                    code: "not_an_address",
                    reason: "the address cannot be read, so nobody can be kept from being written to by it".into(),
                    remedy: "correct the address, or give the customer id".into(),
                },
                None => nobody(),
            });
        }
        let reason = self.read(row, "reason", Self::word)?.unwrap_or_else(|| "opted_out".into());
        let at = self.read(row, "at", Self::instant)?;
        if let Some(at) = at {
            self.not_ahead(at, "at")?;
        }
        let at = at.unwrap_or(ALWAYS);
        // The id of what was said: of whom, on which channels, why and when.
        let who = (customer_id.as_ref().map(CustomerId::as_str), person.customer_id.as_ref().map(CustomerId::as_str));
        let id = format!("{who:?}|{channels:?}|{reason}|{}", at.timestamp_micros());
        if self.is_repeated(&id, "", "customer_id", "suppression")? {
            return Ok(());
        }
        if let Some(customer_id) = customer_id {
            for channel in &channels {
                self.suppress(Suppression {
                    customer_id: customer_id.clone(),
                    channel: *channel,
                    reason: reason.clone(),
                    active: true,
                    source: self.mapping.name.clone(),
                    changed_at: at,
                });
                if reason == "opted_out" {
                    self.revoke(&customer_id, *channel, at, row.line);
                }
            }
        }
        self.suppress_addresses(&person, &channels, &reason, at);
        self.made("suppressions");
        Ok(())
    }

    pub(super) fn suppress(&mut self, suppression: Suppression) {
        self.out.counts.suppressions += 1;
        let known_at = self.known_at(suppression.changed_at);
        self.out.suppressions.push((suppression, known_at));
    }

    /// The person's addresses on these channels.
    pub(super) fn suppress_addresses(&mut self, person: &Person, channels: &[Channel], reason: &str, at: Instant) {
        for channel in channels {
            let Some((kind, address)) = address_on(person, *channel) else { continue };
            self.out.counts.suppressions += 1;
            self.out.address_suppressions.push(SuppressedAddress {
                kind,
                address: address.into(),
                channel: *channel,
                reason: reason.into(),
                at,
                source: self.mapping.name.clone(),
            });
        }
    }

    /// The permission's own history has the opt-out too.
    fn revoke(&mut self, customer_id: &CustomerId, channel: Channel, at: Instant, line: u64) {
        let consent = Consent {
            customer_id: customer_id.clone(),
            channel,
            purpose: Purpose::Marketing,
            state: ConsentState::Revoked,
            source: self.mapping.name.clone(),
            wording: None,
            evidence: Some(format!("imported from {}, line {line}", self.mapping.name)),
            changed_at: at,
        };
        self.out.counts.consents += 1;
        let known_at = self.known_at(at);
        self.out.consents.push((consent, known_at));
    }
}
