//! The permissions and suppressions that hold now. They are authoritative here, read again in the transaction that hands a send over;
//! every change leaves for the lake as a fact in the same transaction.

use model::{
    Channel, Consent, ConsentState, ContactKind, CustomerId, Fact, IdKey, Instant, Purpose, Stop, SuppressedAddress, Suppression,
};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, Tx, get, get_instant, get_name, json_rows},
    journal::append_in,
    standing::Standing,
};

/// Changes per transaction: the journal gets its turn in between.
const BATCH: usize = 5_000;

/// Takes in rows of `customer`, `channel`, `purpose`, `state`, `at`.
pub(crate) const LAST_CONSENTS: &str = "INSERT INTO consents
     SELECT value->>'customer', value->>'channel', value->>'purpose', value->>'state', value->>'at'
     FROM json_each($1) WHERE true
     ON CONFLICT DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at
     WHERE excluded.changed_at > changed_at OR excluded.changed_at = changed_at AND excluded.state = 'revoked'";

/// Takes in rows of `customer`, `channel`, `reason`, `active`, `at`.
pub(crate) const LAST_SUPPRESSIONS: &str = "INSERT INTO suppressions
     SELECT value->>'customer', value->>'channel', value->>'reason', value->>'active', value->>'at'
     FROM json_each($1) WHERE true
     ON CONFLICT DO UPDATE SET active = excluded.active, changed_at = excluded.changed_at
     WHERE excluded.changed_at > changed_at OR excluded.changed_at = changed_at AND excluded.active";

#[derive(Clone)]
pub struct Consents {
    pub(crate) db: Db,
    pub(crate) id_key: IdKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentNow {
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub purpose: Purpose,
    pub state: ConsentState,
    pub changed_at: Instant,
}

/// A suppression in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionNow {
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub reason: String,
    pub changed_at: Instant,
}

impl Consents {
    /// Records changes, each with the time it could have been known. The last by `changed_at` holds and a revocation wins a tie, so
    /// the order in which they come does not matter.
    pub async fn record_consents(&self, changes: &[(Consent, Instant)], now: Instant) -> Result<(), StateError> {
        #[derive(Serialize)]
        struct Row<'a> {
            customer: &'a CustomerId,
            channel: Channel,
            purpose: Purpose,
            state: ConsentState,
            at: i64,
        }
        for batch in changes.chunks(BATCH) {
            let mut tx = self.db.begin(format!("record {} consents", batch.len())).await?;
            let rows: Vec<Row> = batch
                .iter()
                .map(|(consent, _)| Row {
                    customer: &consent.customer_id,
                    channel: consent.channel,
                    purpose: consent.purpose,
                    state: consent.state,
                    at: consent.changed_at.timestamp_micros(),
                })
                .collect();
            tx.execute(sqlx::query(LAST_CONSENTS).bind(json_rows(&rows))).await?;
            let facts = batch.iter().map(|(consent, known_at)| Fact::new(consent, consent.changed_at, *known_at)).collect();
            append_in(&mut tx, facts, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// As [`Consents::record_consents`]. Lifting (`active` false) names the reason it lifts; one in force wins a tie.
    pub async fn record_suppressions(&self, changes: &[(Suppression, Instant)], now: Instant) -> Result<(), StateError> {
        for batch in changes.chunks(BATCH) {
            let mut tx = self.db.begin(format!("record {} suppressions", batch.len())).await?;
            suppress(&mut tx, batch, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Blocks addresses on a channel, whoever has them now or later, under any customer. Each customer who has one leaves a suppression as a
    /// fact, now or when they get it. The last word on an address and a reason holds.
    pub async fn suppress_addresses(&self, addresses: &[SuppressedAddress], now: Instant) -> Result<(), StateError> {
        self.address_words(addresses, true, now).await
    }

    /// Takes a block back: a LINE user followed again, a person asked for mail again. It names the reason it lifts.
    pub async fn lift_addresses(&self, addresses: &[SuppressedAddress], now: Instant) -> Result<(), StateError> {
        self.address_words(addresses, false, now).await
    }

    /// Whether the last word on an address is that it must not be written to for this reason.
    pub async fn is_suppressed(&self, word: &SuppressedAddress) -> Result<bool, StateError> {
        let statement = sqlx::query(
            "SELECT 1 FROM suppressed_addresses WHERE kind = $1 AND address_hash = $2 AND channel = $3 AND reason = $4 AND active",
        );
        let statement = statement.bind(word.kind.name()).bind(self.id_key.pseudonym(&word.address));
        let statement = statement.bind(word.channel.name()).bind(&word.reason);
        Ok(self.db.row("read whether an address is blocked", statement).await?.is_some())
    }

    /// The customers who have an address, and whoever is one person with them and has no other one of its kind.
    pub async fn owners(&self, kind: ContactKind, address: &str) -> Result<Vec<CustomerId>, StateError> {
        let statement = sqlx::query(
            "WITH owner (id) AS (SELECT customer_id FROM contacts WHERE kind = $1 AND address_hash = $2),
             survivor (id) AS (
                 SELECT coalesce((SELECT survivor_id FROM merged WHERE customer_id = owner.id AND linked), owner.id) FROM owner),
             person (id) AS (
                 SELECT id FROM survivor
                 UNION SELECT customer_id FROM survivor JOIN merged ON survivor_id = survivor.id AND linked)
             SELECT id FROM person
             WHERE NOT EXISTS (SELECT 1 FROM contacts WHERE customer_id = person.id AND kind = $1 AND address_hash <> $2)
             ORDER BY id",
        );
        let statement = statement.bind(kind.name()).bind(self.id_key.pseudonym(address));
        let rows = self.db.rows("read who has an address", statement).await?;
        rows.iter().map(|row| get::<String>(row, "id").map(CustomerId::stored)).collect()
    }

    /// Every permission that was ever given or taken, as it stands; by customer.
    pub async fn consents_all(&self) -> Result<Vec<ConsentNow>, StateError> {
        let statement = sqlx::query("SELECT * FROM consents ORDER BY customer_id, channel, purpose");
        self.db.rows("read the consents", statement).await?.iter().map(consent_now).collect()
    }

    /// Every suppression in force; by customer.
    pub async fn suppressions_all(&self) -> Result<Vec<SuppressionNow>, StateError> {
        let statement = sqlx::query("SELECT * FROM suppressions WHERE active ORDER BY customer_id, channel, reason");
        self.db.rows("read the suppressions", statement).await?.iter().map(suppression_now).collect()
    }

    /// One customer's permissions, for the page that shows them.
    pub async fn consents_of(&self, customer: &CustomerId) -> Result<Vec<ConsentNow>, StateError> {
        let statement = sqlx::query("SELECT * FROM consents WHERE customer_id = $1 ORDER BY channel, purpose");
        self.db.rows("read a customer's consents", statement.bind(customer.as_str())).await?.iter().map(consent_now).collect()
    }

    pub async fn suppressions_of(&self, customer: &CustomerId) -> Result<Vec<SuppressionNow>, StateError> {
        let statement = sqlx::query("SELECT * FROM suppressions WHERE active AND customer_id = $1 ORDER BY channel, reason");
        let rows = self.db.rows("read a customer's suppressions", statement.bind(customer.as_str())).await?;
        rows.iter().map(suppression_now).collect()
    }

    async fn address_words(&self, addresses: &[SuppressedAddress], active: bool, now: Instant) -> Result<(), StateError> {
        for batch in addresses.chunks(BATCH) {
            let mut tx = self.db.begin(format!("suppress {} addresses", batch.len())).await?;
            let rows: Vec<AddressRow> = batch
                .iter()
                .map(|address| AddressRow {
                    kind: address.kind.name().into(),
                    hash: self.id_key.pseudonym(&address.address),
                    channel: address.channel,
                    reason: address.reason.clone(),
                    active,
                    source: address.source.clone(),
                    at: address.at.timestamp_micros(),
                    of: None,
                })
                .collect();
            let facts = block(&mut tx, &rows, now).await?;
            append_in(&mut tx, facts, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// [`Consents::record_suppressions`] as part of the caller's transaction.
pub(crate) async fn suppress(tx: &mut Tx, changes: &[(Suppression, Instant)], now: Instant) -> Result<(), StateError> {
    #[derive(Serialize)]
    struct Row<'a> {
        customer: &'a CustomerId,
        channel: Channel,
        reason: &'a str,
        active: bool,
        at: i64,
    }
    let rows: Vec<Row> = changes
        .iter()
        .map(|(suppression, _)| Row {
            customer: &suppression.customer_id,
            channel: suppression.channel,
            reason: &suppression.reason,
            active: suppression.active,
            at: suppression.changed_at.timestamp_micros(),
        })
        .collect();
    tx.execute(sqlx::query(LAST_SUPPRESSIONS).bind(json_rows(&rows))).await?;
    let mut facts: Vec<Fact> = changes.iter().map(|(change, known_at)| Fact::new(change, change.changed_at, *known_at)).collect();
    let addresses = addresses_of(tx, changes).await?;
    facts.extend(block(tx, &addresses, now).await?);
    append_in(tx, facts, now).await.map(|_| ())
}

/// A word on an address.
#[derive(Serialize)]
struct AddressRow {
    kind: String,
    hash: String,
    channel: Channel,
    reason: String,
    active: bool,
    source: String,
    at: i64,
    /// Through whom it was learned: their suppression is a fact already.
    of: Option<CustomerId>,
}

/// A bounce, a complaint or a LINE block is of the address that the customer has now, so it holds for others who have it too.
async fn addresses_of(tx: &mut Tx, changes: &[(Suppression, Instant)]) -> Result<Vec<AddressRow>, StateError> {
    let is_of_the_address = |change: &Suppression| {
        matches!(change.reason.as_str(), "bounced" | "complained")
            || change.reason == "blocked" && change.channel == Channel::Line
    };
    let asked: Vec<(usize, &CustomerId, ContactKind)> = changes
        .iter()
        .enumerate()
        .filter(|(_, (change, _))| is_of_the_address(change))
        .filter_map(|(index, (change, _))| Some((index, &change.customer_id, change.channel.contact_kind()?)))
        .collect();
    let statement = sqlx::query(
        "SELECT value->>0 AS place, kind, address_hash FROM json_each($1)
         CROSS JOIN contacts ON customer_id = value->>1 AND kind = value->>2 WHERE contacts.changed_at <= $2",
    );
    let mut rows = Vec::new();
    let newest = changes.iter().map(|(change, _)| change.changed_at.timestamp_micros()).max().unwrap_or_default();
    for row in tx.rows(statement.bind(json_rows(&asked)).bind(newest)).await? {
        let (change, _) = &changes[get::<i64>(&row, "place")? as usize];
        rows.push(AddressRow {
            kind: get(&row, "kind")?,
            hash: get(&row, "address_hash")?,
            channel: change.channel,
            reason: change.reason.clone(),
            active: change.active,
            source: change.source.clone(),
            at: change.changed_at.timestamp_micros(),
            of: Some(change.customer_id.clone()),
        });
    }
    Ok(rows)
}

/// Keeps words on addresses, and returns the facts of the customers whom that changes something for.
async fn block(tx: &mut Tx, rows: &[AddressRow], now: Instant) -> Result<Vec<Fact>, StateError> {
    let statement = sqlx::query(
        "INSERT INTO suppressed_addresses
         SELECT value->>'kind', value->>'hash', value->>'channel', value->>'reason', value->>'active', value->>'source', value->>'at'
         FROM json_each($1) WHERE true
         ON CONFLICT DO UPDATE SET active = excluded.active, source = excluded.source, changed_at = excluded.changed_at
         WHERE (excluded.changed_at, excluded.active) > (changed_at, active)
         RETURNING kind, address_hash, channel, reason, active, changed_at",
    );
    let mut changed = Vec::new();
    for row in tx.rows(statement.bind(json_rows(rows))).await? {
        let of = |column| get::<String>(&row, column);
        let (kind, hash, channel, reason) = (of("kind")?, of("address_hash")?, of("channel")?, of("reason")?);
        let (active, at): (bool, i64) = (get(&row, "active")?, get(&row, "changed_at")?);
        let is_it = |row: &&AddressRow| row.kind == kind && row.hash == hash && row.reason == reason && row.at == at;
        let word = rows.iter().find(is_it);
        changed.push(serde_json::json!({
            "kind": kind, "hash": hash, "channel": channel, "reason": reason, "active": active, "at": at,
            "source": word.map(|word| &word.source), "of": word.and_then(|word| word.of.as_ref()),
        }));
    }
    let statement = sqlx::query(
        "SELECT customer_id, value->>'channel' AS channel, value->>'reason' AS reason, value->>'active' AS active,
                value->>'source' AS source, value->>'at' AS changed_at
         FROM json_each($1) CROSS JOIN contacts ON kind = value->>'kind' AND address_hash = value->>'hash'
         WHERE contacts.active AND customer_id IS NOT value->>'of'",
    );
    tx.rows(statement.bind(json_rows(&changed))).await?.iter().map(|row| suppression_fact(row, now)).collect()
}

/// The facts of customers who got an address that is blocked, or (false) gave one up: a new address is not the old one's bounce.
pub(crate) async fn address_moved(
    tx: &mut Tx,
    moved: &[(CustomerId, ContactKind, String, bool)],
    now: Instant,
) -> Result<Vec<Fact>, StateError> {
    let statement = sqlx::query(
        "SELECT value->>0 AS customer_id, channel, reason, value->>3 AS active, source, $2 AS changed_at
         FROM json_each($1)
         CROSS JOIN suppressed_addresses AS blocked ON kind = value->>1 AND address_hash = value->>2 AND blocked.active
         WHERE value->>3 OR NOT EXISTS (
             SELECT 1 FROM suppressions AS own
             WHERE own.customer_id = value->>0 AND own.channel = blocked.channel AND own.reason = blocked.reason AND own.active)",
    );
    let statement = statement.bind(json_rows(moved)).bind(now.timestamp_micros());
    tx.rows(statement).await?.iter().map(|row| suppression_fact(row, now)).collect()
}

fn suppression_fact(row: &SqliteRow, now: Instant) -> Result<Fact, StateError> {
    let suppression = Suppression {
        customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
        channel: get_name(row, "channel")?,
        reason: get(row, "reason")?,
        active: get(row, "active")?,
        source: get(row, "source")?,
        changed_at: get_instant(row, "changed_at")?,
    };
    Ok(Fact::new(&suppression, suppression.changed_at, suppression.changed_at.max(now)))
}

/// Whether a send may still be handed over, by what holds now: address, then consent, then suppression (SEMANTICS §5). What is
/// transactional needs no opt-in, but an opt-out stops it too.
pub(crate) fn stop_now(channel: Channel, purpose: Purpose, standing: &Standing) -> Option<Stop> {
    let is_allowed = match standing.consents.get(&purpose) {
        Some(ConsentState::Granted) => true,
        Some(ConsentState::Revoked) => false,
        None => purpose == Purpose::Transactional,
    };
    if standing.is_relay {
        return Some(Stop::RelayAddress);
    }
    if !standing.has_address && channel.contact_kind().is_some() {
        return Some(Stop::NoAddress);
    }
    if !is_allowed {
        return Some(Stop::NoConsent);
    }
    match standing.suppressed.as_deref()? {
        "blocked" if channel == Channel::Line => Some(Stop::LineBlocked),
        why => Some(Stop::Suppressed { why: why.into() }),
    }
}

fn consent_now(row: &SqliteRow) -> Result<ConsentNow, StateError> {
    Ok(ConsentNow {
        customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
        channel: get_name(row, "channel")?,
        purpose: get_name(row, "purpose")?,
        state: get_name(row, "state")?,
        changed_at: get_instant(row, "changed_at")?,
    })
}

fn suppression_now(row: &SqliteRow) -> Result<SuppressionNow, StateError> {
    Ok(SuppressionNow {
        customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
        channel: get_name(row, "channel")?,
        reason: get(row, "reason")?,
        changed_at: get_instant(row, "changed_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_given() {
        use ConsentState::*;
        let check = |channel,
                     purpose,
                     has_address,
                     consent: Option<ConsentState>,
                     suppressed: Option<&str>,
                     expect: Option<&str>| {
            let consents = consent.map(|state| (purpose, state)).into_iter().collect();
            let standing = Standing { has_address, is_relay: false, consents, suppressed: suppressed.map(String::from) };
            let got = stop_now(channel, purpose, &standing);
            assert_eq!(got.as_ref().map(Stop::name), expect, "{channel} {purpose:?} {has_address} {consent:?} {suppressed:?}");
        };
        check(Channel::Email, Purpose::Marketing, true, Some(Granted), None, None);
        check(Channel::Email, Purpose::Marketing, true, None, None, Some("no_consent"));
        check(Channel::Email, Purpose::Transactional, true, None, None, None);
        check(Channel::Email, Purpose::Transactional, true, Some(Revoked), None, Some("no_consent"));
        check(Channel::Email, Purpose::Marketing, false, None, Some("bounced"), Some("no_address"));
        check(Channel::Email, Purpose::Marketing, true, Some(Granted), Some("bounced"), Some("suppressed"));
        check(Channel::Line, Purpose::Marketing, true, Some(Granted), Some("blocked"), Some("line_blocked"));
        check(Channel::Email, Purpose::Marketing, true, Some(Granted), Some("blocked"), Some("suppressed"));
        check(Channel::Webhook, Purpose::Transactional, false, None, None, None);
        let relay = Standing { is_relay: true, ..Standing::default() };
        assert_eq!(stop_now(Channel::Email, Purpose::Transactional, &relay), Some(Stop::RelayAddress));
    }
}
