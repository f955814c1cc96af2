//! Runs, each customer's progress through each scenario, and every attempt to send.
//!
//! A plan is written whole (`plan`), then carried out send by send (`delivery`). Work recorded here is committed exactly once; work at a
//! provider's boundary can only be made at most once, or repeated under a key the provider knows.

mod calls;
mod delivery;
mod plan;

use std::collections::BTreeMap;

use chacha20poly1305::XChaCha20Poly1305;
use model::{Channel, CustomerId, EntryStatus, EntryStep, Instant, Purpose, Run, Send, SendState};
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, get, get_instant, get_json, get_name, json_rows, unreadable},
};

pub use calls::{Frozen, KeptCall, Repeated};
pub use delivery::{Changed, Claimed, HandOver, Handed, Held, Narrow, Recovered, Resolution, Resolved, Settling};
pub use plan::{Begun, Recorded, Sealed, Settled};

/// The sends that failed at $1 or later, and where they stand in their scenario. The states are those of the index.
pub(crate) const FAILED: &str = "SELECT sends.*, entry
     FROM sends INDEXED BY sends_by_failure
     JOIN entries ON entries.entry_id = sends.send ->> 'entry_id'
     WHERE sends.changed_at >= $1 AND sends.state IN ('failed', 'parked')
       AND (sends.state = 'failed' OR sends.purpose = 'transactional')
     ORDER BY sends.customer_id, sends.changed_at, sends.send_id";

/// The sends in each span of the list $1, by scenario, channel and state. Every state is named in the list $2, so that the
/// index on state and time serves each span.
pub(crate) const SENT_IN: &str = "SELECT span.key AS span, scenario, channel, state, count(*) AS sends
     FROM json_each($1) AS span
     CROSS JOIN sends ON execute_at >= (span.value ->> 0) AND execute_at < (span.value ->> 1)
     WHERE state IN (SELECT value FROM json_each($2))
     GROUP BY span.key, scenario, channel, state
     ORDER BY span.key, scenario, channel, state";

#[derive(Clone)]
pub struct Ledger {
    db: Db,
    /// Calls that may be repeated are sealed as dead letters are.
    master: XChaCha20Poly1305,
}

/// One pass of a customer through a scenario, as far as re-entry asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEntry {
    pub customer_id: CustomerId,
    pub scenario: String,
    pub entry_id: String,
    pub entry_key: String,
    pub entered_at: Instant,
    pub status: EntryStatus,
}

/// A send or ghost as far as frequency caps ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentSend {
    pub customer_id: CustomerId,
    pub send_id: String,
    pub entry_id: String,
    pub scenario: String,
    pub step: String,
    pub channel: Channel,
    pub purpose: Purpose,
    /// When it was to leave by the plan and its deferrals, not when the provider answered: a replay sees the same time.
    pub at: Instant,
    pub ghost: bool,
}

/// A send that will not arrive by its channel, and the pass it belongs to, as that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedSend {
    pub send: Send,
    pub entry: EntryStep,
    /// When its step first sent.
    pub step_due: Instant,
    pub failed_at: Instant,
}

/// An entry that waits, as far as it says when somebody is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    pub customer_id: CustomerId,
    pub entered_at: Instant,
    pub due_at: Instant,
}

/// How many sends of a scenario are to leave, or left, by a channel within a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentIn {
    /// Index of the span that was asked about.
    pub span: usize,
    pub scenario: String,
    pub channel: Channel,
    pub state: SendState,
    pub sends: u64,
}

impl Ledger {
    pub(crate) fn new(db: Db, master: XChaCha20Poly1305) -> Self {
        Ledger { db, master }
    }

    /// Entries that wait and are due; by customer.
    pub async fn open_entries(&self, due_to: Instant) -> Result<Vec<EntryStep>, StateError> {
        let statement =
            sqlx::query("SELECT entry FROM entries WHERE status = 'waiting' AND due_at <= $1 ORDER BY customer_id, entry_id");
        let mut entries = Vec::new();
        let doing = "read the entries that are due";
        self.db
            .each(doing, statement.bind(due_to.timestamp_micros()), |row| {
                entries.push(get_json(row, "entry")?);
                Ok(())
            })
            .await?;
        Ok(entries)
    }

    /// Everybody who waits, whenever they are due; by customer.
    pub async fn under_way(&self) -> Result<Vec<UnderWay>, StateError> {
        let statement = sqlx::query(
            "SELECT customer_id, entered_at, due_at FROM entries WHERE status = 'waiting' ORDER BY customer_id, entry_id",
        );
        let rows = self.db.rows("read who is under way", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(UnderWay {
                    customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
                    entered_at: get_instant(row, "entered_at")?,
                    due_at: get_instant(row, "due_at")?,
                })
            })
            .collect()
    }

    /// Every entry, past and present, of the given customers; by customer.
    pub async fn entries_of(&self, customers: &[CustomerId]) -> Result<Vec<EntryStep>, StateError> {
        let statement = sqlx::query(
            "SELECT entry FROM entries WHERE customer_id IN (SELECT value FROM json_each($1)) ORDER BY customer_id, entry_id",
        );
        let rows = self.db.rows("read customers' entries", statement.bind(json_rows(customers))).await?;
        rows.iter().map(|row| get_json(row, "entry")).collect()
    }

    /// Every pass of everybody through a scenario; by customer.
    pub async fn past_entries(&self, scenario: &str) -> Result<Vec<PastEntry>, StateError> {
        let statement = sqlx::query(
            "SELECT customer_id, scenario, entry_id, entry_key, entered_at, status FROM entries
             WHERE scenario = $1 ORDER BY customer_id, entry_id",
        );
        let rows = self.db.rows(&format!("read the past entries of {scenario}"), statement.bind(scenario)).await?;
        rows.iter().map(PastEntry::read).collect()
    }

    /// Every pass of these customers through these scenarios; by customer.
    pub async fn passes_of(&self, customers: &[CustomerId], scenarios: &[&str]) -> Result<Vec<PastEntry>, StateError> {
        let statement = sqlx::query(
            "SELECT customer_id, scenario, entry_id, entry_key, entered_at, status FROM entries
             WHERE customer_id IN (SELECT value FROM json_each($1)) AND +scenario IN (SELECT value FROM json_each($2))
             ORDER BY customer_id, entry_id",
        );
        let statement = statement.bind(json_rows(customers)).bind(json_rows(scenarios));
        let rows = self.db.rows("read customers' past entries", statement).await?;
        rows.iter().map(PastEntry::read).collect()
    }

    /// Sends that failed for good at `since` or later, and transactional ones of which nobody can tell whether they arrived; by customer, then
    /// time.
    pub async fn failed_sends(&self, since: Instant) -> Result<Vec<FailedSend>, StateError> {
        let rows = self.db.rows("read the sends that failed", sqlx::query(FAILED).bind(since.timestamp_micros())).await?;
        let failed = rows.iter().map(|row| Ok((Held::read(row)?, get_json(row, "entry")?)));
        let failed: Vec<(Held, EntryStep)> = failed.collect::<Result<_, StateError>>()?;
        let ids: Vec<&str> = failed.iter().map(|(held, _)| held.send.send_id.as_str()).collect();
        let steps_due = self.steps_due(&ids).await?;
        let failed = failed.into_iter().map(|(held, entry)| {
            let step_due = steps_due.get(&held.send.send_id).copied().unwrap_or(held.send.due_at);
            FailedSend { entry, step_due, failed_at: held.changed_at, send: held.send }
        });
        Ok(failed.collect())
    }

    /// When the step of each of these sends first sent: earlier than the send was due where it takes the place of one that failed.
    pub async fn steps_due(&self, send_ids: &[&str]) -> Result<BTreeMap<String, Instant>, StateError> {
        let statement = sqlx::query(
            "SELECT mine.send_id AS send_id, min(step.send ->> 'due_at') AS step_due
             FROM json_each($1)
             CROSS JOIN sends AS mine ON mine.send_id = json_each.value
             JOIN sends AS step ON step.customer_id = mine.customer_id AND step.send ->> 'entry_id' = mine.send ->> 'entry_id'
                 AND step.send ->> 'step' = mine.send ->> 'step' AND (step.send_id = mine.send_id OR step.state IN ('failed', 'parked'))
             GROUP BY mine.send_id",
        );
        let rows = self.db.rows("read when steps were due", statement.bind(json_rows(send_ids))).await?;
        rows.iter()
            .map(|row| {
                let due: String = get(row, "step_due")?;
                let due = due.parse::<Instant>().map_err(|source| unreadable("step_due", source))?;
                Ok((get::<String>(row, "send_id")?, due))
            })
            .collect()
    }

    /// What counts for a frequency cap, and ghosts, after `since`; of the given customers or of all; by customer, then time.
    pub async fn recent_sends(&self, customers: Option<&[CustomerId]>, since: Instant) -> Result<Vec<RecentSend>, StateError> {
        let counted = |state: &SendState| state.counts_for_cap() || *state == SendState::Ghost;
        let states: Vec<&str> = SendState::ALL.into_iter().filter(counted).map(SendState::name).collect();
        let statement = match customers {
            None => sqlx::query(
                "SELECT send_id, send ->> 'entry_id' AS entry_id, customer_id, scenario, send ->> 'step' AS step, channel, purpose, state,
                    execute_at
                 FROM sends
                 WHERE execute_at > $1 AND state IN (SELECT value FROM json_each($2))
                 ORDER BY customer_id, execute_at, send_id",
            ),
            Some(_) => sqlx::query(
                "SELECT send_id, send ->> 'entry_id' AS entry_id, customer_id, scenario, send ->> 'step' AS step, channel, purpose, state,
                    execute_at
                 FROM sends
                 WHERE execute_at > $1 AND +state IN (SELECT value FROM json_each($2))
                   AND customer_id IN (SELECT value FROM json_each($3))
                 ORDER BY customer_id, execute_at, send_id",
            ),
        };
        let statement = statement.bind(since.timestamp_micros()).bind(json_rows(&states));
        let statement = match customers {
            None => statement,
            Some(customers) => statement.bind(json_rows(customers)),
        };
        let rows = self.db.rows("read the recent sends", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(RecentSend {
                    customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
                    send_id: get(row, "send_id")?,
                    entry_id: get(row, "entry_id")?,
                    scenario: get(row, "scenario")?,
                    step: get(row, "step")?,
                    channel: get_name(row, "channel")?,
                    purpose: get_name(row, "purpose")?,
                    at: get_instant(row, "execute_at")?,
                    ghost: get_name::<SendState>(row, "state")? == SendState::Ghost,
                })
            })
            .collect()
    }

    /// What every scenario sends in each of the spans `[from, to)`: all at once, whatever became of the sends.
    pub async fn sent_in(&self, spans: &[(Instant, Instant)]) -> Result<Vec<SentIn>, StateError> {
        let bounds: Vec<(i64, i64)> = spans.iter().map(|(from, to)| (from.timestamp_micros(), to.timestamp_micros())).collect();
        let states: Vec<&str> = SendState::ALL.map(SendState::name).to_vec();
        let statement = sqlx::query(SENT_IN).bind(json_rows(&bounds)).bind(json_rows(&states));
        let rows = self.db.rows("count the sends by time", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(SentIn {
                    span: get::<i64>(row, "span")? as usize,
                    scenario: get(row, "scenario")?,
                    channel: get_name(row, "channel")?,
                    state: get_name(row, "state")?,
                    sends: get::<i64>(row, "sends")? as u64,
                })
            })
            .collect()
    }

    /// What became of all sends of these scenarios, by scenario, channel and state.
    pub async fn tally(&self, scenarios: &[String]) -> Result<Vec<SentIn>, StateError> {
        let statement = sqlx::query(
            "SELECT scenario, channel, state, count(*) AS sends FROM sends
             WHERE scenario IN (SELECT value FROM json_each($1)) GROUP BY scenario, channel, state ORDER BY scenario, channel, state",
        );
        let rows = self.db.rows("count what became of the sends", statement.bind(json_rows(scenarios))).await?;
        rows.iter()
            .map(|row| {
                Ok(SentIn {
                    span: 0,
                    scenario: get(row, "scenario")?,
                    channel: get_name(row, "channel")?,
                    state: get_name(row, "state")?,
                    sends: get::<i64>(row, "sends")? as u64,
                })
            })
            .collect()
    }

    /// A send as it stands.
    pub async fn send(&self, send_id: &str) -> Result<Option<Held>, StateError> {
        let statement = sqlx::query("SELECT * FROM sends WHERE send_id = $1");
        let row = self.db.row(&format!("read send {send_id}"), statement.bind(send_id)).await?;
        row.as_ref().map(Held::read).transpose()
    }

    /// Sends whose outcome is unknown; oldest first.
    pub async fn ambiguous(&self) -> Result<Vec<Held>, StateError> {
        self.in_state(SendState::Ambiguous).await
    }

    /// Sends that wait for a person; oldest first.
    pub async fn parked(&self) -> Result<Vec<Held>, StateError> {
        self.in_state(SendState::Parked).await
    }

    pub async fn counts(&self) -> Result<BTreeMap<SendState, u64>, StateError> {
        let statement = sqlx::query("SELECT state, count(*) AS sends FROM sends GROUP BY state");
        let rows = self.db.rows("count the sends", statement).await?;
        rows.iter().map(|row| Ok((get_name(row, "state")?, get::<i64>(row, "sends")? as u64))).collect()
    }

    /// When the next send is to leave, if any waits.
    pub async fn next_due(&self) -> Result<Option<Instant>, StateError> {
        let statement = sqlx::query(
            "SELECT min(at) AS at FROM (SELECT min(execute_at) AS at FROM sends WHERE state = 'planned'
             UNION ALL SELECT min(execute_at) FROM sends WHERE state = 'deferred') WHERE at IS NOT NULL HAVING count(*) > 0",
        );
        let row = self.db.row("look for the next send", statement).await?;
        row.as_ref().map(|row| get_instant(row, "at")).transpose()
    }

    /// A run, and when it was sealed.
    pub async fn run(&self, run_id: &str) -> Result<Option<(Run, Option<Instant>)>, StateError> {
        let statement = sqlx::query("SELECT run, sealed_at FROM runs WHERE run_id = $1");
        let row = self.db.row(&format!("read run {run_id}"), statement.bind(run_id)).await?;
        row.as_ref().map(run).transpose()
    }

    async fn in_state(&self, state: SendState) -> Result<Vec<Held>, StateError> {
        let statement = sqlx::query("SELECT * FROM sends WHERE state = $1 ORDER BY changed_at, send_id");
        let rows = self.db.rows(&format!("list the {} sends", state.name()), statement.bind(state.name())).await?;
        rows.iter().map(Held::read).collect()
    }
}

impl PastEntry {
    fn read(row: &SqliteRow) -> Result<PastEntry, StateError> {
        Ok(PastEntry {
            customer_id: CustomerId::stored(get::<String>(row, "customer_id")?),
            scenario: get(row, "scenario")?,
            entry_id: get(row, "entry_id")?,
            entry_key: get(row, "entry_key")?,
            entered_at: get_instant(row, "entered_at")?,
            status: get_name(row, "status")?,
        })
    }
}

fn run(row: &SqliteRow) -> Result<(Run, Option<Instant>), StateError> {
    let sealed_at: Option<i64> = get(row, "sealed_at")?;
    Ok((get_json(row, "run")?, sealed_at.map(|_| get_instant(row, "sealed_at")).transpose()?))
}
