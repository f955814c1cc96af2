//! What a state is told by somebody who knows it from facts: a replay's state holds what the shop's held at a moment of the past. Nothing of
//! it is a new fact, so nothing is journalled, and there are no addresses: where one was, its hash is.

use model::{ContactKind, CustomerId, EntryStep, Instant};
use serde::Serialize;

use crate::{
    ConsentNow, RecentSend, State, StateError, SuppressionNow,
    consent::{LAST_CONSENTS, LAST_SUPPRESSIONS},
    db::{Tx, get, get_instant, json_rows},
};

/// Rows per transaction.
const BATCH: usize = 5_000;

/// Facts that became known, in any order; of those about one thing the last by its time holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub contacts: Vec<KnownContact>,
    pub consents: Vec<ConsentNow>,
    pub suppressions: Vec<KnownSuppression>,
    pub links: Vec<KnownLink>,
    pub units: Vec<Unit>,
    /// Passes that are over, however they stood: whoever is told of them does not go on with them.
    pub entries: Vec<EntryStep>,
    /// Messages that left, or ghosts: they count for caps, and nobody sends them.
    pub sends: Vec<RecentSend>,
}

/// That somebody had, or no longer had, an address of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownContact {
    pub customer_id: CustomerId,
    pub kind: ContactKind,
    pub address_hash: String,
    pub active: bool,
    /// False for a mall's relay address.
    pub contactable: bool,
    pub changed_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSuppression {
    pub suppression: SuppressionNow,
    /// Otherwise it was lifted.
    pub active: bool,
}

/// That one customer was another's earlier self, or (`linked` false) was so no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLink {
    pub customer_id: CustomerId,
    pub survivor_id: CustomerId,
    pub linked: bool,
    pub changed_at: Instant,
}

/// Under whom a person is bucketed, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub customer_id: CustomerId,
    pub unit: CustomerId,
    pub since: Instant,
}

impl State {
    /// Takes it in. What is known already is left as it is.
    pub async fn know(&self, known: &Known) -> Result<(), StateError> {
        const CONTACTS: &str = "INSERT INTO contacts (customer_id, kind, address_hash, active, contactable, changed_at, sealed)
             SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, x'' FROM json_each($1) WHERE true
             ON CONFLICT DO UPDATE SET address_hash = excluded.address_hash, active = excluded.active,
                 contactable = excluded.contactable, changed_at = excluded.changed_at
             WHERE excluded.changed_at >= changed_at";
        let row = |contact: &KnownContact| {
            let KnownContact { customer_id, kind, address_hash, active, contactable, changed_at } = contact;
            (customer_id.clone(), kind.name(), address_hash.clone(), *active, *contactable, changed_at.timestamp_micros())
        };
        self.take_in(CONTACTS, known.contacts.iter().map(row)).await?;

        let row = |consent: &ConsentNow| {
            let ConsentNow { customer_id, channel, purpose, state, changed_at } = consent;
            serde_json::json!({
                "customer": customer_id, "channel": channel, "purpose": purpose, "state": state, "at": changed_at.timestamp_micros(),
            })
        };
        self.take_in(LAST_CONSENTS, known.consents.iter().map(row)).await?;

        let row = |KnownSuppression { suppression, active }: &KnownSuppression| {
            let SuppressionNow { customer_id, channel, reason, changed_at } = suppression;
            serde_json::json!({
                "customer": customer_id, "channel": channel, "reason": reason, "active": active, "at": changed_at.timestamp_micros(),
            })
        };
        self.take_in(LAST_SUPPRESSIONS, known.suppressions.iter().map(row)).await?;

        const LINKS: &str = "INSERT INTO merged (customer_id, survivor_id, linked, rule, source, changed_at)
             SELECT value->>0, value->>1, value->>2, '', '', value->>3 FROM json_each($1) WHERE true
             ON CONFLICT DO UPDATE SET survivor_id = excluded.survivor_id, linked = excluded.linked, changed_at = excluded.changed_at
             WHERE excluded.changed_at >= changed_at";
        let row = |link: &KnownLink| {
            (link.customer_id.clone(), link.survivor_id.clone(), link.linked, link.changed_at.timestamp_micros())
        };
        self.take_in(LINKS, known.links.iter().map(row)).await?;

        const UNITS: &str = "INSERT OR IGNORE INTO units SELECT value->>0, value->>1, value->>2 FROM json_each($1)";
        let row = |unit: &Unit| (unit.customer_id.clone(), unit.unit.clone(), unit.since.timestamp_micros());
        self.take_in(UNITS, known.units.iter().map(row)).await?;

        const ENTRIES: &str = "INSERT OR IGNORE INTO entries
             SELECT value->>'$[2].entry_id', value->>'$[2].customer_id', value->>'$[2].scenario', value->>'$[2].entry_key', value->>0,
                    'finished', value->>1, value->>'$[2]'
             FROM json_each($1)";
        let row = |entry: &EntryStep| (entry.entered_at.timestamp_micros(), entry.due_at.timestamp_micros(), entry.clone());
        self.take_in(ENTRIES, known.entries.iter().map(row)).await?;

        // Of a send that is only counted, the entry and the step are all that anybody asks for.
        const SENDS: &str =
            "INSERT OR IGNORE INTO sends (send_id, customer_id, channel, purpose, scenario, state, execute_at, changed_at, send)
             SELECT value->>'id', value->>'customer', value->>'channel', value->>'purpose', value->>'scenario', value->>'state',
                    value->>'at', value->>'at', value->>'send'
             FROM json_each($1)";
        let row = |send: &RecentSend| {
            let state = if send.ghost { model::SendState::Ghost } else { model::SendState::Accepted };
            serde_json::json!({
                "id": send.send_id, "customer": send.customer_id, "channel": send.channel, "purpose": send.purpose, "scenario": send.scenario,
                "state": state, "at": send.at.timestamp_micros(), "send": {"entry_id": send.entry_id, "step": send.step},
            })
        };
        self.take_in(SENDS, known.sends.iter().map(row)).await
    }

    /// How people are bucketed who were so at a moment.
    pub async fn units_by(&self, at: Instant) -> Result<Vec<Unit>, StateError> {
        let statement = sqlx::query("SELECT customer_id, unit, since FROM units WHERE since <= $1 ORDER BY customer_id");
        let rows = self.db.rows("read the bucketing units", statement.bind(at.timestamp_micros())).await?;
        let id = |row, column| get::<String>(row, column).map(CustomerId::stored);
        rows.iter()
            .map(|row| {
                Ok(Unit { customer_id: id(row, "customer_id")?, unit: id(row, "unit")?, since: get_instant(row, "since")? })
            })
            .collect()
    }

    async fn take_in<R: Serialize>(&self, sql: &'static str, rows: impl Iterator<Item = R>) -> Result<(), StateError> {
        let rows: Vec<R> = rows.collect();
        for batch in rows.chunks(BATCH) {
            let mut tx: Tx = self.db.begin("take in what was known").await?;
            tx.execute(sqlx::query(sql).bind(json_rows(batch))).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Known {
    /// What became known after this.
    pub fn add(&mut self, later: Known) {
        self.contacts.extend(later.contacts);
        self.consents.extend(later.consents);
        self.suppressions.extend(later.suppressions);
        self.links.extend(later.links);
        self.units.extend(later.units);
        self.entries.extend(later.entries);
        self.sends.extend(later.sends);
    }

    pub fn is_empty(&self) -> bool {
        *self == Known::default()
    }

    /// Whose permissions change by it, where nothing else does: addresses and links concern others too.
    pub fn permissions_alone(&self) -> Option<Vec<CustomerId>> {
        let others = self.contacts.is_empty() && self.links.is_empty() && self.units.is_empty();
        let consents = self.consents.iter().map(|consent| consent.customer_id.clone());
        let suppressions = self.suppressions.iter().map(|known| known.suppression.customer_id.clone());
        others.then(|| consents.chain(suppressions).collect::<std::collections::BTreeSet<_>>().into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use model::{Channel, ConsentState, Purpose};

    use super::*;

    fn at(second: i64) -> Instant {
        Instant::default() + TimeDelta::seconds(second)
    }

    /// What was told late of an earlier time changes nothing, and nothing is journalled.
    #[tokio::test]
    async fn the_last_word_by_its_time_holds() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.db"), [7; 32]).await.unwrap();
        let customer = || CustomerId::stored("c1");
        let contact = |hash: &str, active, second| KnownContact {
            customer_id: customer(),
            kind: ContactKind::Email,
            address_hash: hash.into(),
            active,
            contactable: true,
            changed_at: at(second),
        };
        let consent = |state, second| ConsentNow {
            customer_id: customer(),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            state,
            changed_at: at(second),
        };
        let bounce = |active, second| KnownSuppression {
            suppression: SuppressionNow {
                customer_id: customer(),
                channel: Channel::Email,
                reason: "bounced".into(),
                changed_at: at(second),
            },
            active,
        };
        let check = async |known: Known, expect: &str| {
            state.know(&known).await.unwrap();
            let standing = state.standings().await.unwrap().of.remove(&customer()).unwrap_or_default().remove(&Channel::Email);
            let standing = standing.unwrap_or_default();
            let consent = standing.consents.get(&Purpose::Marketing).map_or("-".into(), |state| format!("{state:?}"));
            assert_eq!(format!("{} {consent} {}", standing.has_address, standing.suppressed.unwrap_or("-".into())), expect);
        };
        check(Known { contacts: vec![contact("a", true, 5)], ..Known::default() }, "true - -").await;
        check(Known { contacts: vec![contact("", false, 4)], ..Known::default() }, "true - -").await;
        let given = vec![consent(ConsentState::Granted, 5), consent(ConsentState::Revoked, 3)];
        check(Known { consents: given, ..Known::default() }, "true Granted -").await;
        check(Known { suppressions: vec![bounce(true, 6)], ..Known::default() }, "true Granted bounced").await;
        check(Known { suppressions: vec![bounce(false, 7)], ..Known::default() }, "true Granted -").await;
        let last = Known {
            contacts: vec![contact("", false, 8)],
            consents: vec![consent(ConsentState::Revoked, 5)],
            ..Known::default()
        };
        check(last, "false Revoked -").await;
        assert_eq!(state.journal().last_position().await.unwrap(), 0);
    }

    /// They count for caps and for coming in again, and nothing is due.
    #[tokio::test]
    async fn what_is_over_is_counted_and_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.db"), [7; 32]).await.unwrap();
        let entry = EntryStep {
            entry_id: "e".into(),
            run_id: "r".into(),
            scenario: "s".into(),
            scenario_version: "v".into(),
            customer_id: CustomerId::stored("c1"),
            entry_key: "k".into(),
            entered_at: at(1),
            status: model::EntryStatus::Waiting,
            step: "wait".into(),
            due_at: at(2),
            held_out: false,
            reason: None,
            context: serde_json::Value::Null,
        };
        let send = |id: &str, ghost| RecentSend {
            customer_id: CustomerId::stored("c1"),
            send_id: id.into(),
            entry_id: "e".into(),
            scenario: "s".into(),
            step: "hello".into(),
            channel: Channel::Line,
            purpose: Purpose::Marketing,
            at: at(2),
            ghost,
        };
        let known = Known { entries: vec![entry], sends: vec![send("a", false), send("b", true)], ..Known::default() };
        state.know(&known).await.unwrap();
        let ledger = state.ledger();
        let keys: Vec<String> = ledger.past_entries("s").await.unwrap().into_iter().map(|past| past.entry_key).collect();
        assert_eq!(keys, ["k"]);
        assert_eq!(ledger.recent_sends(None, at(0)).await.unwrap(), known.sends);
        assert_eq!((ledger.open_entries(at(9)).await.unwrap().len(), ledger.next_due().await.unwrap()), (0, None));
        let kept = state.units_by(at(9)).await.unwrap();
        assert_eq!(kept, []);
    }
}
