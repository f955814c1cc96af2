//! Points: given, used, expired (`change`), or what a member has (`balance`). A change without an id gets one from its content.

use model::{PointChange, id::hex, id_bytes};

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, missing},
        people::nobody,
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("change_id", Type::Id),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("change", Type::Count),
    ("balance", Type::Count),
    ("reason", Type::Text),
    ("order_id", Type::Text),
    ("expires_on", Type::Date),
    ("occurred_at", Type::Instant),
];

impl Importer {
    pub(super) fn point_change(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let stated_at = self.read(row, "occurred_at", Self::instant)?;
        let occurred_at = stated_at.unwrap_or(self.now);
        self.not_ahead(occurred_at, "occurred_at")?;
        let mut change = PointChange {
            change_id: String::new(),
            source: self.mapping.name.clone(),
            customer_id,
            change: self.read(row, "change", Self::count)?,
            balance: self.read(row, "balance", Self::count)?,
            reason: self.read(row, "reason", Self::free)?,
            order_id: self.read(row, "order_id", Self::reference)?,
            expires_on: self.read(row, "expires_on", Self::date)?,
        };
        if change.change.is_none() && change.balance.is_none() {
            let column = self.name_of("change").or_else(|| self.name_of("balance"));
            return Err(missing(column, "the number of points"));
        }
        let canonical = serde_json::to_string(&change).expect("our records are plain JSON");
        let at = stated_at.map(model::time::rfc3339).unwrap_or_default();
        let content = hex(&id_bytes(&format!("{at}|{canonical}")));
        change.change_id = self.read(row, "change_id", Self::id)?.unwrap_or_else(|| content.clone());
        if self.is_repeated(&change.change_id, &content, "change_id", "change of points")? {
            return Ok(());
        }
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        self.fact(&change, occurred_at, known_at);
        Ok(())
    }
}
