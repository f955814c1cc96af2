//! The permissions and suppressions that hold now. They are authoritative here, read again in the transaction that hands a send over;
//! every change leaves for the lake as a fact in the same transaction.

use model::{Channel, Consent, ConsentState, CustomerId, Fact, Instant, Purpose, Stop, Suppression};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, get, get_instant, get_name, json_rows},
    journal::append_in,
};

/// Changes per transaction: the journal gets its turn in between.
const BATCH: usize = 5_000;

#[derive(Clone)]
pub struct Consents {
    pub(crate) db: Db,
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
            let statement = sqlx::query(
                "INSERT INTO consents
                 SELECT value->>'customer', value->>'channel', value->>'purpose', value->>'state', value->>'at'
                 FROM json_each($1) WHERE true
                 ON CONFLICT DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at
                 WHERE excluded.changed_at > changed_at OR excluded.changed_at = changed_at AND excluded.state = 'revoked'",
            );
            tx.execute(statement.bind(json_rows(&rows))).await?;
            let facts = batch.iter().map(|(consent, known_at)| Fact::new(consent, consent.changed_at, *known_at)).collect();
            append_in(&mut tx, facts, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// As [`Consents::record_consents`]. Lifting (`active` false) names the reason it lifts; one in force wins a tie.
    pub async fn record_suppressions(&self, changes: &[(Suppression, Instant)], now: Instant) -> Result<(), StateError> {
        #[derive(Serialize)]
        struct Row<'a> {
            customer: &'a CustomerId,
            channel: Channel,
            reason: &'a str,
            active: bool,
            at: i64,
        }
        for batch in changes.chunks(BATCH) {
            let mut tx = self.db.begin(format!("record {} suppressions", batch.len())).await?;
            let rows: Vec<Row> = batch
                .iter()
                .map(|(suppression, _)| Row {
                    customer: &suppression.customer_id,
                    channel: suppression.channel,
                    reason: &suppression.reason,
                    active: suppression.active,
                    at: suppression.changed_at.timestamp_micros(),
                })
                .collect();
            let statement = sqlx::query(
                "INSERT INTO suppressions
                 SELECT value->>'customer', value->>'channel', value->>'reason', value->>'active', value->>'at'
                 FROM json_each($1) WHERE true
                 ON CONFLICT DO UPDATE SET active = excluded.active, changed_at = excluded.changed_at
                 WHERE excluded.changed_at > changed_at OR excluded.changed_at = changed_at AND excluded.active",
            );
            tx.execute(statement.bind(json_rows(&rows))).await?;
            let facts = batch.iter().map(|(change, known_at)| Fact::new(change, change.changed_at, *known_at)).collect();
            append_in(&mut tx, facts, now).await?;
            tx.commit().await?;
        }
        Ok(())
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
}

/// Whether a send may still be handed over, by what holds now: address, then consent, then suppression (SEMANTICS §5). What is
/// transactional needs no opt-in, but an opt-out stops it too.
pub(crate) fn stop_now(
    channel: Channel,
    purpose: Purpose,
    has_address: bool,
    consent: Option<ConsentState>,
    suppressed: Option<&str>,
) -> Option<Stop> {
    let is_allowed = match consent {
        Some(ConsentState::Granted) => true,
        Some(ConsentState::Revoked) => false,
        None => purpose == Purpose::Transactional,
    };
    if !has_address {
        return Some(Stop::NoAddress);
    }
    if !is_allowed {
        return Some(Stop::NoConsent);
    }
    match suppressed? {
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
        let check = |channel, purpose, has_address, consent, suppressed, expect: Option<&str>| {
            let got = stop_now(channel, purpose, has_address, consent, suppressed);
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
    }
}
