//! Sends: messages that another tool sent, so that touches and credits can be made of them.

use model::{Channel, Purpose, Send, SendState, derive_id, id::hex, id_bytes};

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
    ("send_id", Type::Id),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("sent_at", Type::Instant),
    ("channel", Type::Channel),
    ("campaign", Type::Text),
    ("template", Type::Text),
    ("cost", Type::Money),
];

impl Importer {
    /// A message that another tool sent: it counts as accepted, so that touches and credits can be made of it.
    pub(super) fn send(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let Some(customer_id) = person.customer_id.clone() else { return Err(nobody()) };
        let sent_at = self.read(row, "sent_at", Self::instant)?.ok_or_else(|| missing(self.name_of("sent_at"), "a time"))?;
        self.not_ahead(sent_at, "sent_at")?;
        let channel = self.read(row, "channel", Self::text)?.ok_or_else(|| missing(self.name_of("channel"), "a channel"))?;
        let Some(channel) = Channel::parse(&channel) else {
            return Err(self.unmapped("channel", &channel, "email, line, sms, web_push, app_push or webhook"));
        };
        let campaign = self.read(row, "campaign", Self::free)?.ok_or_else(|| missing(self.name_of("campaign"), "a campaign"))?;
        let source = &self.mapping.name;
        let sent = sent_at.timestamp_micros().to_string();
        let entry = derive_id(&[source, &campaign, customer_id.as_str(), &sent]);
        let entry_id = entry.map_err(|_| Bad {
            column: self.name_of("campaign"),
            code: "separator",
            reason: "the campaign contains `|`".into(),
            remedy: "rename it, or map it to another name".into(),
        })?;
        let send_id = match self.read(row, "send_id", Self::id)? {
            Some(send_id) => send_id,
            None => derive_id(&[&entry_id, "import", channel.name()]).expect("hex digits and names hold no `|`"),
        };
        let send = Send {
            run_id: format!("import-{source}"),
            entry_id,
            scenario: campaign,
            scenario_version: "imported".into(),
            step: "import".into(),
            customer_id,
            channel,
            purpose: Purpose::Marketing,
            template: self.read(row, "template", Self::free)?.unwrap_or_default(),
            arm: None,
            state: SendState::Accepted,
            due_at: sent_at,
            cost: self.read(row, "cost", Self::money)?.unwrap_or_default(),
            provider_id: None,
            detail: None,
            send_id,
        };
        let content = hex(&id_bytes(&serde_json::to_string(&send).expect("sends are plain JSON")));
        if self.is_repeated(&send.send_id, &content, "send_id", "send")? {
            return Ok(());
        }
        let known_at = self.known_at(sent_at);
        self.tell(&person, known_at);
        self.fact(&send, sent_at, known_at);
        Ok(())
    }
}
