//! Shipments: what became of each delivery of a contract or an order. Without a number of its own a shipment is the `count`th of its contract, or
//! the shipment of its order; without `status` its dates say it.

use model::Shipment;

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, missing},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("shipment_id", Type::Id),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("subscription_id", Type::Id),
    ("order_id", Type::Id),
    ("count", Type::Count),
    ("status", Type::OneOf(&["planned", "shipped", "delivered", "skipped", "cancelled", "returned"])),
    ("planned_on", Type::Date),
    ("shipped_at", Type::Instant),
    ("delivered_at", Type::Instant),
    ("updated_at", Type::Instant),
];

impl Importer {
    pub(super) fn shipment(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let subscription_id = self.read(row, "subscription_id", Self::id)?;
        let order_id = self.read(row, "order_id", Self::id)?;
        let count = self.read(row, "count", Self::count)?;
        let shipment_id = match (self.read(row, "shipment_id", Self::id)?, &subscription_id, count, &order_id) {
            (Some(id), ..) => id,
            (None, Some(subscription), Some(count), _) => format!("{subscription}-{count}"),
            (None, _, _, Some(order)) => order.clone(),
            (None, _, _, None) => {
                return Err(missing(self.name_of("shipment_id"), "the number of the shipment (or its contract and count)"));
            }
        };
        let planned_on = self.read(row, "planned_on", Self::date)?;
        let shipped_at = self.read(row, "shipped_at", Self::instant)?;
        let delivered_at = self.read(row, "delivered_at", Self::instant)?;
        let updated_at = self.read(row, "updated_at", Self::instant)?;
        for (at, target) in [(shipped_at, "shipped_at"), (delivered_at, "delivered_at"), (updated_at, "updated_at")] {
            if let Some(at) = at {
                self.not_ahead(at, target)?;
            }
        }
        let status = self.read(row, "status", Self::word)?.unwrap_or_else(|| {
            let by_dates = match (delivered_at, shipped_at) {
                (Some(_), _) => "delivered",
                (None, Some(_)) => "shipped",
                (None, None) => "planned",
            };
            by_dates.into()
        });
        // A plan lies ahead; that it is planned does not.
        let planned_at = planned_on.map(|day| self.mapping.zone.start_of(day).min(self.now));
        let occurred_at = updated_at.or(delivered_at).or(shipped_at).or(planned_at).unwrap_or(self.now);
        let mut shipment = Shipment {
            shipment_id: shipment_id.clone(),
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            subscription_id,
            order_id,
            count,
            status,
            planned_on,
            shipped_at,
            delivered_at,
        };
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        if let Some(revision_id) = self.revision(&shipment_id, &shipment, updated_at) {
            shipment.revision_id = revision_id;
            self.fact(&shipment, occurred_at, known_at);
        }
        Ok(())
    }
}
