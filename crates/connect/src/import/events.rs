//! Events: what visitors and customers did. One without an id gets one from its content; an id that comes again with other content is
//! rejected.

use model::{Event, Fact, Record, id::hex, id_bytes};
use serde_json::Value;

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, beginning, free_text, missing},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("event_id", Type::Id),
    ("name", Type::Text),
    ("occurred_at", Type::Instant),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("visitor_id", Type::Text),
    ("session_id", Type::Text),
    ("cart_id", Type::Text),
    ("order_id", Type::Text),
    ("product_id", Type::Text),
    ("category", Type::Text),
    ("value", Type::Money),
    ("url", Type::Text),
    ("send_id", Type::Text),
];

/// How an event's members begin, and how without an id.
const BEGIN: &str = "{\"event_id\":";
const UNNAMED: &str = "{\"event_id\":\"\"";

impl Importer {
    pub(super) fn event(&mut self, row: &Row) -> Result<(), Bad> {
        let person = self.person_of(row)?;
        let occurred_at = self.read(row, "occurred_at", Self::instant)?;
        let occurred_at = occurred_at.ok_or_else(|| missing(self.name_of("occurred_at"), "a time"))?;
        self.not_ahead(occurred_at, "occurred_at")?;
        let name = self.read(row, "name", Self::free)?.ok_or_else(|| missing(self.name_of("name"), "an event name"))?;
        let mut properties = serde_json::Map::new();
        for (at, name) in &self.bound.properties {
            if let Some(text) = row.cells.get(*at).map(str::trim).filter(|text| !text.is_empty()) {
                properties.insert(name.clone(), Value::String(free_text(text)));
            }
        }
        let mut event = Event {
            event_id: String::new(),
            name,
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            visitor_id: self.read(row, "visitor_id", Self::reference)?,
            session_id: self.read(row, "session_id", Self::reference)?,
            cart_id: self.read(row, "cart_id", Self::reference)?,
            order_id: self.read(row, "order_id", Self::reference)?,
            product_id: self.read(row, "product_id", Self::reference)?,
            category: self.read(row, "category", Self::free)?,
            value: self.read(row, "value", Self::money)?,
            url: self.read(row, "url", Self::free)?,
            send_id: self.read(row, "send_id", Self::reference)?,
            properties: if properties.is_empty() { Value::Null } else { Value::Object(properties) },
        };
        let event_id = self.read(row, "event_id", Self::id)?;
        // Written once: hashed without an id, stored with it.
        let mut written = model::time::rfc3339(occurred_at);
        written.push('|');
        let start = written.len();
        written.push_str(&serde_json::to_string(&event).expect("events are plain JSON"));
        let content = id_bytes(&written);
        event.event_id = event_id.unwrap_or_else(|| hex(&content));
        if self.is_known(&event.event_id, beginning(content), "event_id", "event")? {
            return Ok(());
        }
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        self.made(Event::TABLE);
        let named = serde_json::to_string(&event.event_id).expect("a text is plain JSON");
        let rest = written[start..].strip_prefix(UNNAMED).expect("an event begins with its id");
        let members = [BEGIN, &named, rest].concat();
        self.out.facts.push(Fact::written::<Event>(&event.key(), &members, occurred_at, known_at));
        Ok(())
    }
}
