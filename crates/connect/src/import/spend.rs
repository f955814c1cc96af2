//! Ad spend by day and medium. Without an id a row is the spend of its day, medium and campaign, and a later file corrects it; two rows of one
//! file that say different things of the same are rejected, because one of them would be lost.

use model::{AdSpend, derive_id, id::hex, id_bytes};

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, missing},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("spend_id", Type::Id),
    ("spent_on", Type::Date),
    ("medium", Type::Text),
    ("campaign", Type::Text),
    ("cost", Type::Money),
    ("impressions", Type::Count),
    ("clicks", Type::Count),
];

impl Importer {
    pub(super) fn ad_spend(&mut self, row: &Row) -> Result<(), Bad> {
        let spent_on = self.read(row, "spent_on", Self::date)?.ok_or_else(|| missing(self.name_of("spent_on"), "a day"))?;
        let occurred_at = self.mapping.zone.start_of(spent_on);
        self.not_ahead(occurred_at, "spent_on")?;
        let medium = self.read(row, "medium", Self::free)?.ok_or_else(|| missing(self.name_of("medium"), "a medium"))?;
        let campaign = self.read(row, "campaign", Self::free)?;
        let cost = self.read(row, "cost", Self::money)?.ok_or_else(|| missing(self.name_of("cost"), "a cost"))?;
        let spend_id = match self.read(row, "spend_id", Self::id)? {
            Some(id) => id,
            None => {
                let parts = [&spent_on.to_string(), &medium, campaign.as_deref().unwrap_or("")];
                derive_id(&parts.map(|part| part.replace('|', "/")).each_ref().map(String::as_str)).expect("no part holds a `|`")
            }
        };
        let mut spend = AdSpend {
            spend_id,
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            spent_on,
            medium,
            campaign,
            cost,
            impressions: self.read(row, "impressions", Self::count)?,
            clicks: self.read(row, "clicks", Self::count)?,
        };
        let content = hex(&id_bytes(&serde_json::to_string(&spend).expect("our records are plain JSON")));
        if self.is_repeated(&spend.spend_id, &content, "spend_id", "spend of the day, medium and campaign")? {
            return Ok(());
        }
        spend.revision_id = content;
        let known_at = self.known_at(occurred_at);
        self.fact(&spend, occurred_at, known_at);
        Ok(())
    }
}
