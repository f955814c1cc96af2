//! Customers: the profile, and apart from it addresses, consents, a balance of points.
//!
//! What has no column of its own is kept under `attributes`. Some have names there that queries know:
//!
//! | attribute | target | is |
//! |---|---|---|
//! | `first_ordered_on`, `last_ordered_on` | the same | days (`2024-04-02`) of purchases that may lie before the orders we have |
//! | `orders_count` | the same | how many purchases the shop counts |
//! | `rank` | the same | 会員ランク |
//! | `member_status` | `status` | `provisional`, `active`, `withdrawn` |
//!
//! `points` is a balance, a fact of its own. A member who has withdrawn keeps the profile and is suppressed on every channel. A yes or no without a
//! time of its own counts from the registration, a no from the last change of the profile.

use model::{Channel, Consent, ConsentState, PointChange, Profile, Purpose, Suppression, derive_id};
use serde_json::Value;

use crate::{
    formats::Row,
    import::{ALWAYS, Importer, cells::Bad, people::nobody},
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("name", Type::Text),
    ("birthday", Type::Date),
    ("gender", Type::Gender),
    ("prefecture", Type::Text),
    ("registered_on", Type::Date),
    ("updated_at", Type::Instant),
    ("acquisition", Type::Text),
    ("status", Type::OneOf(&["provisional", "active", "withdrawn"])),
    ("rank", Type::Text),
    ("points", Type::Count),
    ("first_ordered_on", Type::Date),
    ("last_ordered_on", Type::Date),
    ("orders_count", Type::Count),
    ("consent_email", Type::Yes),
    ("consent_line", Type::Yes),
    ("consent_sms", Type::Yes),
    ("consent_at", Type::Instant),
    ("consent_wording", Type::Text),
];

impl Importer {
    pub(super) fn customer(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let registered_on = self.read(row, "registered_on", Self::date)?;
        let updated_at = self.read(row, "updated_at", Self::instant)?;
        let consent_at = self.read(row, "consent_at", Self::instant)?;
        let start = registered_on.map(|day| self.mapping.zone.start_of(day));
        let occurred_at = updated_at.or(start).unwrap_or(self.now);
        self.not_ahead(occurred_at, if updated_at.is_some() { "updated_at" } else { "registered_on" })?;
        if let Some(at) = consent_at {
            self.not_ahead(at, "consent_at")?;
        }
        let status = self.read(row, "status", Self::word)?;
        let attributes = self.attributes(row, status.as_deref())?;
        let points = self.read(row, "points", Self::count)?;
        let mut profile = Profile {
            customer_id: customer_id.clone(),
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            birthday: self.read(row, "birthday", Self::date)?,
            gender: self.read(row, "gender", Self::gender)?,
            prefecture: self.read(row, "prefecture", Self::free)?,
            registered_on,
            acquisition: self.read(row, "acquisition", Self::free)?,
            attributes: if attributes.is_empty() { Value::Null } else { Value::Object(attributes) },
        };
        let wording = self.read(row, "consent_wording", Self::free)?;
        let mut consents = Vec::new();
        for (target, channel) in
            [("consent_email", Channel::Email), ("consent_line", Channel::Line), ("consent_sms", Channel::Sms)]
        {
            let Some(yes) = self.read(row, target, Self::yes)? else { continue };
            // What a mall hands out may not be written to, whatever the list says.
            if person.is_relayed && channel == Channel::Email && yes {
                continue;
            }
            let assumed_at = if yes { start } else { updated_at.or(start) };
            consents.push(Consent {
                customer_id: customer_id.clone(),
                channel,
                purpose: Purpose::Marketing,
                state: if yes { ConsentState::Granted } else { ConsentState::Revoked },
                source: self.mapping.name.clone(),
                wording: wording.clone(),
                evidence: Some(format!("imported from {}, line {}", self.mapping.name, row.line)),
                changed_at: consent_at.or(assumed_at).unwrap_or(occurred_at),
            });
        }
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        for consent in consents {
            self.out.counts.consents += 1;
            let known_at = self.known_at(consent.changed_at);
            self.out.consents.push((consent, known_at));
        }
        if status.as_deref() == Some("withdrawn") {
            for channel in Channel::ALL {
                self.suppress(Suppression {
                    customer_id: customer_id.clone(),
                    channel,
                    reason: "withdrawn".into(),
                    active: true,
                    source: self.mapping.name.clone(),
                    changed_at: updated_at.unwrap_or(ALWAYS),
                });
            }
        }
        if let Some(balance) = points {
            self.balance(&customer_id, balance, updated_at, occurred_at);
        }
        if let Some(revision_id) = self.revision(customer_id.as_str(), &profile, None) {
            profile.revision_id = revision_id;
            self.fact(&profile, occurred_at, known_at);
        }
        Ok(())
    }

    fn attributes(&self, row: &Row, status: Option<&str>) -> Result<serde_json::Map<String, Value>, Bad> {
        let mut attributes = serde_json::Map::new();
        for column in self.bound.columns.iter().filter(|bound| bound.column.target.starts_with("attributes.")) {
            if let Some(text) = self.free(column, row)? {
                attributes.insert(column.column.target["attributes.".len()..].to_string(), Value::String(text));
            }
        }
        for name in ["first_ordered_on", "last_ordered_on"] {
            if let Some(day) = self.read(row, name, Self::date)? {
                attributes.insert(name.into(), Value::String(day.to_string()));
            }
        }
        if let Some(count) = self.read(row, "orders_count", Self::count)? {
            attributes.insert("orders_count".into(), Value::from(count));
        }
        if let Some(rank) = self.read(row, "rank", Self::free)? {
            attributes.insert("rank".into(), Value::String(rank));
        }
        if let Some(status) = status {
            attributes.insert("member_status".into(), Value::String(status.into()));
        }
        Ok(attributes)
    }

    /// The points a member has, as the file states it.
    fn balance(
        &mut self,
        customer_id: &model::CustomerId,
        balance: i64,
        updated_at: Option<model::Instant>,
        occurred_at: model::Instant,
    ) {
        let at = updated_at.map(model::time::rfc3339).unwrap_or_default();
        let change_id =
            derive_id(&["balance", customer_id.as_str(), &balance.to_string(), &at]).expect("none of them holds a `|`");
        // The same row again is told once.
        let (key, change) = (super::cells::short(&format!("balance|{customer_id}")), super::cells::short(&change_id));
        if self.told.put(key, change, 0).is_some_and(|(before, _)| before == change) {
            return;
        }
        let change = PointChange {
            change_id,
            source: self.mapping.name.clone(),
            customer_id: customer_id.clone(),
            change: None,
            balance: Some(balance),
            reason: Some("balance".into()),
            order_id: None,
            expires_on: None,
        };
        let known_at = self.known_at(occurred_at);
        self.fact(&change, occurred_at, known_at);
    }
}
