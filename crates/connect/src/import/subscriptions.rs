//! Subscriptions: 定期 contracts, each change of one a revision. Where the file does not say when that was, an end counts from its day, anything
//! else from the start of the contract.

use model::Subscription;

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, missing},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("subscription_id", Type::Id),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("plan", Type::Text),
    ("product_id", Type::Text),
    ("status", Type::OneOf(&["active", "paused", "cancelled", "finished"])),
    ("started_on", Type::Date),
    ("next_shipment_on", Type::Date),
    ("interval_days", Type::Count),
    ("shipments", Type::Count),
    ("amount", Type::Money),
    ("ended_on", Type::Date),
    ("reason", Type::Text),
    ("updated_at", Type::Instant),
];

impl Importer {
    pub(super) fn subscription(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let subscription_id = self.read(row, "subscription_id", Self::id)?;
        let subscription_id =
            subscription_id.ok_or_else(|| missing(self.name_of("subscription_id"), "the number of the contract"))?;
        let started_on = self.read(row, "started_on", Self::date)?;
        let ended_on = self.read(row, "ended_on", Self::date)?;
        let updated_at = self.read(row, "updated_at", Self::instant)?;
        let start_of = |day| self.mapping.zone.start_of(day);
        // A contract may be known to end next month; that it is known is not in the future.
        let ended_at = ended_on.map(start_of).filter(|at| *at <= self.now);
        let occurred_at = updated_at.or(ended_at).or(started_on.map(start_of)).unwrap_or(self.now);
        self.not_ahead(occurred_at, if updated_at.is_some() { "updated_at" } else { "started_on" })?;
        let status = self.read(row, "status", Self::word)?;
        let status = status.unwrap_or_else(|| if ended_at.is_some() { "cancelled".into() } else { "active".into() });
        let mut subscription = Subscription {
            subscription_id: subscription_id.clone(),
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            plan: self.read(row, "plan", Self::free)?,
            product_id: self.read(row, "product_id", Self::reference)?,
            status,
            started_on,
            next_shipment_on: self.read(row, "next_shipment_on", Self::date)?,
            interval_days: self.read(row, "interval_days", Self::count)?,
            shipments: self.read(row, "shipments", Self::count)?,
            amount: self.read(row, "amount", Self::money)?,
            ended_on,
            reason: self.read(row, "reason", Self::free)?,
        };
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        if let Some(revision_id) = self.revision(&subscription_id, &subscription, updated_at) {
            subscription.revision_id = revision_id;
            self.fact(&subscription, occurred_at, known_at);
        }
        Ok(())
    }
}
