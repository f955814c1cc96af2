//! Consents: the opt-in list of a former tool, with its evidence. By customer id, or by an address whose pseudonym is then the customer; a LINE
//! user id beside a customer id is a LINE link.
//!
//! `state` is `granted` where it is missing. `channel` is that of the address given, where it is missing. An opt-in without a time is older than
//! any that has one, so that every dated word about the same permission stands against it. An opt-out without a time counts from always and
//! is a suppression too, as those of `suppressions` are: an imported opt-out wins.

use model::{Channel, Consent, ConsentState, ContactKind, Purpose, Suppression};

use crate::{
    formats::Row,
    import::{
        ALWAYS, Importer,
        cells::{Bad, missing},
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
    ("purpose", Type::OneOf(&["marketing", "transactional", "ads"])),
    ("state", Type::OneOf(&["granted", "revoked"])),
    ("at", Type::Instant),
    ("wording", Type::Text),
    ("evidence", Type::Text),
];

impl Importer {
    pub(super) fn consent(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let Some(channel) = self.read(row, "channel", Self::channel)?.or_else(|| channels_of(&person).first().copied()) else {
            return Err(missing(self.name_of("channel"), "a channel"));
        };
        let purpose = match self.read(row, "purpose", Self::word)?.as_deref() {
            Some("transactional") => Purpose::Transactional,
            Some("ads") => Purpose::Ads,
            _ => Purpose::Marketing,
        };
        let is_granted = self.read(row, "state", Self::word)?.is_none_or(|state| state == "granted");
        if is_granted && person.is_relayed && channel == Channel::Email {
            return Err(Bad {
                column: self.name_of("email"),
                code: "relay_address",
                reason: "a mall hands this address out in the buyer's place: it may not be written to".into(),
                remedy: "leave it out; the buyer can give an address of their own".into(),
            });
        }
        let at = self.read(row, "at", Self::instant)?;
        if let Some(at) = at {
            self.not_ahead(at, "at")?;
        }
        let consent = Consent {
            customer_id: customer_id.clone(),
            channel,
            purpose,
            state: if is_granted { ConsentState::Granted } else { ConsentState::Revoked },
            source: self.mapping.name.clone(),
            wording: self.read(row, "wording", Self::free)?,
            evidence: Some(match self.read(row, "evidence", Self::free)? {
                Some(evidence) => evidence,
                None => format!("imported from {}, line {}", self.mapping.name, row.line),
            }),
            changed_at: at.unwrap_or(ALWAYS),
        };
        let id = format!("{customer_id}|{channel}|{}|{is_granted}|{}", purpose.name(), consent.changed_at.timestamp_micros());
        if self.is_repeated(&id, "", "customer_id", "consent")? {
            return Ok(());
        }
        let known_at = self.known_at(consent.changed_at);
        if is_granted {
            self.tell(&person, known_at);
        } else if at.is_none() {
            self.suppress(Suppression {
                customer_id,
                channel,
                reason: "opted_out".into(),
                active: true,
                source: self.mapping.name.clone(),
                changed_at: ALWAYS,
            });
            self.suppress_addresses(&person, &[channel], "opted_out", ALWAYS);
        }
        self.out.counts.consents += 1;
        self.made("consents");
        self.out.consents.push((consent, known_at));
        Ok(())
    }
}

/// The channels that the addresses given belong to.
pub(super) fn channels_of(person: &Person) -> Vec<Channel> {
    let of_email = person.email.is_some().then_some(Channel::Email);
    let of_phone = person.phone.is_some().then_some(Channel::Sms);
    let of_line = person.line.is_some().then_some(Channel::Line);
    [of_email, of_phone, of_line].into_iter().flatten().collect()
}

/// The address that a channel goes to.
pub(super) fn address_on(person: &Person, channel: Channel) -> Option<(ContactKind, &str)> {
    let kind = channel.contact_kind()?;
    let address = match kind {
        ContactKind::Email => person.email.as_ref()?.as_str(),
        ContactKind::Phone => person.phone.as_ref()?.as_str(),
        ContactKind::Line => person.line.as_ref()?.as_str(),
        ContactKind::PushToken | ContactKind::Name | ContactKind::Postal => return None,
    };
    Some((kind, address))
}
