//! What becomes of each planned send (RELIABILITY §3). Every change names the state and the fence it starts from, checks
//! [`SendState::may_become`], and leaves a fact in the same transaction. Carrying out may only narrow a plan.

use std::{collections::BTreeMap, time::Duration};

use model::{CustomerId, Fact, Instant, Outcome, Purpose, ReceiptKind, Send, SendState, Stop, StopRow, Suppression};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use super::{
    Ledger,
    calls::{Frozen, forget},
};
use crate::{
    Fence, StateError,
    consent::{stop_now, suppress},
    db::{Tx, get, get_instant, get_json, get_name, json_rows},
    journal::append_once_made,
    point,
    standing::{Standing, Standings},
};

const BATCH: usize = 1_000;
/// Wait after a first "not now" that names no time; doubled each time.
const RETRY_WAIT_MIN: Duration = Duration::from_secs(60);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(3600);

/// A send that the caller alone may hand over, as long as its fence holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub send: Send,
    pub fence: Fence,
}

/// A send as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// With its present state, provider id and detail.
    pub send: Send,
    pub fence: Fence,
    /// Times it was handed over.
    pub attempts: i64,
    /// As planned, then as deferred.
    pub execute_at: Instant,
    pub handed_at: Option<Instant>,
    pub body_hash: Option<String>,
    pub changed_at: Instant,
}

/// A claimed send whose bytes are ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    pub send_id: String,
    pub fence: Fence,
    /// Of the bytes that will leave.
    pub body_hash: String,
}

/// What [`Ledger::hand`] did with each. Only `handed` may leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handed {
    pub handed: Vec<String>,
    pub stopped: Vec<(String, Stop)>,
    /// Someone else acted on these.
    pub lost: Vec<String>,
}

/// A claimed send that is not to leave now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Narrow {
    Stop(Stop),
    Defer { until: Instant, why: Stop },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    pub done: Vec<String>,
    /// Someone else acted on these.
    pub lost: Vec<String>,
}

/// How an unknown outcome is cleared up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The provider has it.
    Accepted { provider_id: Option<String> },
    /// The provider drops a second one under the same key: the same bytes may leave again.
    HandAgain,
    /// The provider surely does not have it.
    Absent { until: Instant },
    /// Nobody can tell: a person decides.
    Park { reason: String },
}

/// What a person says of a parked send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settling {
    /// Let it be, whether or not it arrived.
    Drop,
    /// The provider has it.
    Found { provider_id: Option<String> },
    /// The provider surely does not have it: it may leave as if for the first time.
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    Done,
    /// Handed over again: the caller sends it now.
    Handed(Box<Claimed>),
    /// What holds now forbids it.
    Refused(Stop),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Handed over and never answered.
    pub ambiguous: usize,
    /// Claimed, and not handed over.
    pub released: usize,
}

impl Ledger {
    /// Takes up to `limit` sends that are due, earliest first and then as they were planned; among them those whose lease ran out before
    /// they were handed.
    pub async fn claim(&self, now: Instant, limit: usize, lease: Duration, owner: &str) -> Result<Vec<Claimed>, StateError> {
        let mut tx = self.db.begin("claim due sends").await?;
        release(&mut tx, now, now).await?;
        let statement = sqlx::query(
            "UPDATE sends SET state = 'claimed', fence = fence + 1, owner = $3, lease_until = $4, changed_at = $1
             WHERE rowid IN (
                 SELECT place FROM (
                     SELECT * FROM (SELECT rowid AS place, execute_at FROM sends WHERE state = 'planned' AND execute_at <= $1
                                    ORDER BY execute_at, rowid LIMIT $2)
                     UNION ALL
                     SELECT * FROM (SELECT rowid AS place, execute_at FROM sends WHERE state = 'deferred' AND execute_at <= $1
                                    ORDER BY execute_at, rowid LIMIT $2))
                 ORDER BY execute_at, place LIMIT $2)
             RETURNING *, rowid AS place",
        );
        let statement = statement.bind(now.timestamp_micros()).bind(limit as i64).bind(owner);
        let rows = tx.rows(statement.bind((now + lease).timestamp_micros())).await?;
        let held = rows.iter().map(|row| Ok((get::<i64>(row, "place")?, Held::read(row)?)));
        let mut held: Vec<(i64, Held)> = held.collect::<Result<_, StateError>>()?;
        tx.commit().await?;
        point::pass("ledger.after_claim");
        held.sort_by_key(|(place, held)| (held.execute_at, *place));
        Ok(held.into_iter().map(|(_, held)| Claimed { send: held.send, fence: held.fence }).collect())
    }

    /// Writes down that these are leaving, before the first byte does. In the same transaction address, consent and suppression are
    /// read again: those who may no longer be sent to are stopped.
    pub async fn hand(&self, sends: &[HandOver], now: Instant) -> Result<Handed, StateError> {
        self.hand_frozen(sends, now, |_| Vec::new()).await
    }

    /// The same, and keeps the calls that `freeze` makes of those who may leave, in the same transaction: until their outcome is known they
    /// can be repeated by the same bytes.
    pub async fn hand_frozen(
        &self,
        sends: &[HandOver],
        now: Instant,
        freeze: impl FnOnce(&[String]) -> Vec<Frozen>,
    ) -> Result<Handed, StateError> {
        let mut tx = self.db.begin(format!("hand over {} sends", sends.len())).await?;
        let ids: Vec<&str> = sends.iter().map(|send| send.send_id.as_str()).collect();
        let mut held = load(&mut tx, &ids).await?;
        let stops = stops_now(&mut tx, held.values()).await?;
        let mut moves = Moves::default();
        let mut handed = Handed::default();
        for HandOver { send_id, fence, body_hash } in sends {
            let Some(mut held) = holding(&mut held, send_id, *fence, SendState::Claimed) else {
                handed.lost.push(send_id.clone());
                continue;
            };
            match stops.get(send_id) {
                Some(stop) => {
                    moves.stop(held, stop, now)?;
                    handed.stopped.push((send_id.clone(), stop.clone()));
                }
                None => {
                    held.body_hash = Some(body_hash.clone());
                    moves.push(held, SendState::Handed, None, now)?;
                    handed.handed.push(send_id.clone());
                }
            }
        }
        moves.save(&mut tx, now).await?;
        self.keep_calls(&mut tx, &freeze(&handed.handed), now).await?;
        point::pass("ledger.before_handed");
        tx.commit().await?;
        point::pass("ledger.after_handed");
        Ok(handed)
    }

    /// Stops or defers claimed sends for reasons the caller sees: an exit event, a cap, quiet hours, an expiry.
    pub async fn narrow(&self, sends: &[(String, Fence, Narrow)], now: Instant) -> Result<Changed, StateError> {
        let mut tx = self.db.begin(format!("narrow {} sends", sends.len())).await?;
        let ids: Vec<&str> = sends.iter().map(|(send_id, ..)| send_id.as_str()).collect();
        let mut held = load(&mut tx, &ids).await?;
        let mut moves = Moves::default();
        let mut changed = Changed::default();
        for (send_id, fence, narrow) in sends {
            let Some(mut held) = holding(&mut held, send_id, *fence, SendState::Claimed) else {
                changed.lost.push(send_id.clone());
                continue;
            };
            match narrow {
                Narrow::Stop(stop) => moves.stop(held, stop, now)?,
                Narrow::Defer { until, why } => {
                    held.execute_at = *until;
                    moves.push(held, SendState::Deferred, Some(deferral(&told(why), *until)), now)?;
                }
            }
            changed.done.push(send_id.clone());
        }
        moves.save(&mut tx, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Writes down what the provider answered. Those that someone else has acted on meanwhile are named in the error; the others are
    /// recorded all the same. An address that bounced is not written to any more; whose it is is returned.
    pub async fn outcomes(&self, outcomes: &[(String, Fence, Outcome)], now: Instant) -> Result<Vec<CustomerId>, StateError> {
        let mut tx = self.db.begin(format!("record {} outcomes", outcomes.len())).await?;
        let ids: Vec<&str> = outcomes.iter().map(|(send_id, ..)| send_id.as_str()).collect();
        let mut held = load(&mut tx, &ids).await?;
        let mut moves = Moves::default();
        let (mut lost, mut bounces) = (Vec::new(), Vec::new());
        for (send_id, fence, outcome) in outcomes {
            let Some(mut held) = holding(&mut held, send_id, *fence, SendState::Handed) else {
                lost.push(send_id.clone());
                continue;
            };
            match outcome {
                Outcome::Accepted { provider_id } => {
                    held.send.provider_id = provider_id.clone();
                    moves.push(held, SendState::Accepted, None, now)?;
                }
                Outcome::Rejected { reason, bounced } => {
                    bounces.extend(bounced.then(|| (bounce(&held.send, now), now)));
                    moves.push(held, SendState::Failed, Some(reason.clone()), now)?;
                }
                Outcome::Ambiguous { reason } => moves.push(held, SendState::Ambiguous, Some(reason.clone()), now)?,
                Outcome::Deferred { until, reason } => {
                    let until = until.unwrap_or(now + retry_wait(held.attempts));
                    held.execute_at = until;
                    moves.push(held, SendState::Deferred, Some(deferral(reason, until)), now)?;
                }
            }
        }
        moves.save(&mut tx, now).await?;
        let is_known = |outcome: &&(String, Fence, Outcome)| !matches!(outcome.2, Outcome::Ambiguous { .. });
        let known: Vec<&str> = outcomes.iter().filter(is_known).map(|outcome| outcome.0.as_str()).collect();
        let known: Vec<&str> = known.into_iter().filter(|id| !lost.iter().any(|lost| lost == id)).collect();
        if !known.is_empty() {
            forget(&mut tx, &known).await?;
        }
        if !bounces.is_empty() {
            suppress(&mut tx, &bounces, now).await?;
        }
        point::pass("ledger.before_outcome");
        tx.commit().await?;
        point::pass("ledger.after_outcome");
        let bounced = bounces.into_iter().map(|(bounce, _)| bounce.customer_id).collect();
        if lost.is_empty() { Ok(bounced) } else { Err(StateError::SomeoneElseActed { sends: lost }) }
    }

    /// After a start, under the delivery lease: what was handed over and never answered is of unknown outcome. It is never planned again.
    pub async fn recover(&self, now: Instant) -> Result<Recovered, StateError> {
        let mut recovered = Recovered::default();
        loop {
            let mut tx = self.db.begin("recover the ledger").await?;
            // One runner holds the shop, so whoever claimed before is gone, whatever its lease says.
            recovered.released += release(&mut tx, now, Instant::MAX_UTC).await?;
            let statement = sqlx::query("SELECT * FROM sends WHERE state = 'handed' LIMIT $1");
            let rows = tx.rows(statement.bind(BATCH as i64)).await?;
            let mut moves = Moves::default();
            for row in &rows {
                let reason = "the program ended before the answer".into();
                moves.push(Held::read(row)?, SendState::Ambiguous, Some(reason), now)?;
            }
            moves.save(&mut tx, now).await?;
            tx.commit().await?;
            recovered.ambiguous += rows.len();
            if rows.len() < BATCH {
                return Ok(recovered);
            }
        }
    }

    pub async fn resolve_ambiguous(&self, send_id: &str, how: Resolution, now: Instant) -> Result<Resolved, StateError> {
        let mut tx = self.db.begin(format!("resolve send {send_id}")).await?;
        let mut held = load_one(&mut tx, send_id, SendState::Ambiguous).await?;
        let mut moves = Moves::default();
        let mut resolved = Resolved::Done;
        // Whoever resolves one send by itself gives up repeating the call that it was in.
        forget(&mut tx, &[send_id]).await?;
        let point = if matches!(how, Resolution::Park { .. }) { "ledger.before_parked" } else { "ledger.before_repeated" };
        match how {
            Resolution::Accepted { provider_id } => {
                held.send.provider_id = provider_id;
                moves.push(held, SendState::Accepted, Some("found at the provider".into()), now)?;
            }
            Resolution::Absent { until } => {
                held.execute_at = until;
                moves.push(held, SendState::Deferred, Some(deferral("not at the provider", until)), now)?;
            }
            Resolution::Park { reason } => moves.push(held, SendState::Parked, Some(reason), now)?,
            Resolution::HandAgain => match stops_now(&mut tx, [&held]).await?.remove(send_id) {
                // It may have been delivered, so it is no stop: a person looks at it.
                Some(stop) => {
                    moves.push(held, SendState::Parked, Some(told(&stop)), now)?;
                    resolved = Resolved::Refused(stop);
                }
                None => resolved = Resolved::Handed(Box::new(moves.hand_again(held, now)?)),
            },
        }
        moves.save(&mut tx, now).await?;
        point::pass(point);
        tx.commit().await?;
        Ok(resolved)
    }

    /// A person, `by` name, says: send the parked one again, even if it arrives twice. Consent and suppression still hold.
    pub async fn resend(&self, send_id: &str, by: &str, now: Instant) -> Result<Resolved, StateError> {
        let mut tx = self.db.begin(format!("resend {send_id}")).await?;
        let held = load_one(&mut tx, send_id, SendState::Parked).await?;
        let mut moves = Moves::default();
        let resolved = match stops_now(&mut tx, [&held]).await?.remove(send_id) {
            Some(stop) => {
                moves.stop(held, &stop, now)?;
                Resolved::Refused(stop)
            }
            None => Resolved::Handed(Box::new(moves.hand_again_for(held, Some(format!("sent again by {by}")), now)?)),
        };
        forget(&mut tx, &[send_id]).await?;
        moves.save(&mut tx, now).await?;
        tx.commit().await?;
        Ok(resolved)
    }

    /// Somebody looked, or knows: what became of the parked one. The fact says who and when.
    pub async fn settle_parked(&self, send_id: &str, how: Settling, by: &str, now: Instant) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("settle send {send_id}")).await?;
        let mut held = load_one(&mut tx, send_id, SendState::Parked).await?;
        let mut moves = Moves::default();
        match how {
            Settling::Drop => moves.push(held, SendState::Stopped, Some(format!("dropped by {by}")), now)?,
            Settling::Found { provider_id } => {
                held.send.provider_id = provider_id.or(held.send.provider_id);
                moves.push(held, SendState::Accepted, Some(format!("found at the provider by {by}")), now)?;
            }
            // All that holds at the send instant is asked again before it leaves.
            Settling::Absent => {
                held.execute_at = now;
                moves.push(held, SendState::Deferred, Some(deferral(&format!("not at the provider, says {by}"), now)), now)?;
            }
        }
        forget(&mut tx, &[send_id]).await?;
        moves.save(&mut tx, now).await?;
        tx.commit().await
    }
}

impl Held {
    /// When a send of unknown outcome may be repeated: at once after the first time, later each time after.
    pub fn repeat_at(&self) -> Instant {
        match self.attempts {
            ..=1 => self.changed_at,
            more => self.changed_at + retry_wait(more - 1),
        }
    }

    pub(super) fn read(row: &SqliteRow) -> Result<Held, StateError> {
        let mut send: Send = get_json(row, "send")?;
        send.state = get_name(row, "state")?;
        send.provider_id = get(row, "provider_id")?;
        send.detail = get(row, "detail")?;
        let handed_at: Option<i64> = get(row, "handed_at")?;
        Ok(Held {
            send,
            fence: Fence(get(row, "fence")?),
            attempts: get(row, "attempts")?,
            execute_at: get_instant(row, "execute_at")?,
            handed_at: handed_at.map(|_| get_instant(row, "handed_at")).transpose()?,
            body_hash: get(row, "body_hash")?,
            changed_at: get_instant(row, "changed_at")?,
        })
    }
}

/// Changes of one transaction, and the facts they leave.
#[derive(Default)]
pub(super) struct Moves {
    rows: Vec<Row>,
    facts: Vec<Fact>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    from_state: SendState,
    from_fence: i64,
    state: SendState,
    fence: i64,
    attempts: i64,
    execute_at: i64,
    handed_at: Option<i64>,
    body_hash: Option<String>,
    provider_id: Option<String>,
    detail: Option<String>,
}

impl Moves {
    pub(super) fn push(&mut self, held: Held, to: SendState, reason: Option<String>, now: Instant) -> Result<(), StateError> {
        let fence = held.fence;
        self.push_fenced(held, to, reason, fence, now).map(|_| ())
    }

    /// A stop at the send instant is listed among the reasons too.
    fn stop(&mut self, held: Held, stop: &Stop, now: Instant) -> Result<(), StateError> {
        let Send { run_id, entry_id, scenario, step, customer_id, channel, .. } = held.send.clone();
        self.push(held, SendState::Stopped, Some(told(stop)), now)?;
        let reason = stop.name().into();
        let row =
            StopRow { run_id, entry_id, scenario, step, customer_id, channel: Some(channel), reason, detail: stop.detail() };
        self.facts.push(Fact::new(&row, now, now));
        Ok(())
    }

    /// With a new fence: whoever handed it over before may no longer say what became of it.
    pub(super) fn hand_again(&mut self, held: Held, now: Instant) -> Result<Claimed, StateError> {
        self.hand_again_for(held, None, now)
    }

    fn hand_again_for(&mut self, held: Held, reason: Option<String>, now: Instant) -> Result<Claimed, StateError> {
        let fence = Fence(held.fence.0 + 1);
        let send = self.push_fenced(held, SendState::Handed, reason, fence, now)?;
        Ok(Claimed { send, fence })
    }

    fn push_fenced(
        &mut self,
        held: Held,
        to: SendState,
        reason: Option<String>,
        fence: Fence,
        now: Instant,
    ) -> Result<Send, StateError> {
        let Held { mut send, fence: from_fence, mut attempts, execute_at, handed_at, body_hash, .. } = held;
        let from_state = send.state;
        if !from_state.may_become(to) {
            return Err(StateError::IllegalTransition { send_id: send.send_id, from: from_state, to });
        }
        let mut handed_at = handed_at.map(|at| at.timestamp_micros());
        if to == SendState::Handed {
            attempts += 1;
            handed_at = Some(now.timestamp_micros());
        }
        send.state = to;
        send.detail = detail(reason, attempts);
        self.facts.push(Fact::new(&send, now, now));
        self.rows.push(Row {
            id: send.send_id.clone(),
            from_state,
            from_fence: from_fence.0,
            state: to,
            fence: fence.0,
            attempts,
            execute_at: execute_at.timestamp_micros(),
            handed_at,
            body_hash,
            provider_id: send.provider_id.clone(),
            detail: send.detail.clone(),
        });
        Ok(send)
    }

    pub(super) async fn save(self, tx: &mut Tx, now: Instant) -> Result<(), StateError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query(
            "UPDATE sends SET state = value->>'state', fence = value->>'fence', attempts = value->>'attempts',
                 execute_at = value->>'execute_at', handed_at = value->>'handed_at', body_hash = value->>'body_hash',
                 provider_id = value->>'provider_id', detail = value->>'detail',
                 owner = NULL, lease_until = NULL, changed_at = $2
             FROM json_each($1)
             WHERE send_id = value->>'id' AND state = value->>'from_state' AND fence = value->>'from_fence'",
        );
        let changed = tx.execute(statement.bind(json_rows(&self.rows)).bind(now.timestamp_micros())).await?;
        assert_eq!(changed, self.rows.len() as u64, "the rows were read in this transaction, and there is one writer");
        append_once_made(tx, self.facts, now).await.map(|_| ())
    }
}

/// What a provider says of an address at once stands as what it says later.
fn bounce(send: &Send, now: Instant) -> Suppression {
    Suppression {
        customer_id: send.customer_id.clone(),
        channel: send.channel,
        reason: ReceiptKind::Bounced.name().into(),
        active: true,
        source: "delivery".into(),
        changed_at: now,
    }
}

/// Claimed, not handed, and the lease is over: planned again.
async fn release(tx: &mut Tx, now: Instant, lease_until: Instant) -> Result<usize, StateError> {
    let statement = sqlx::query(
        "UPDATE sends SET state = 'planned', owner = NULL, lease_until = NULL, changed_at = $1
         WHERE state = 'claimed' AND lease_until <= $2",
    );
    tx.execute(statement.bind(now.timestamp_micros()).bind(lease_until.timestamp_micros()))
        .await
        .map(|released| released as usize)
}

pub(super) async fn load(tx: &mut Tx, ids: &[&str]) -> Result<BTreeMap<String, Held>, StateError> {
    let statement = sqlx::query("SELECT * FROM sends WHERE send_id IN (SELECT value FROM json_each($1))");
    let rows = tx.rows(statement.bind(json_rows(ids))).await?;
    rows.iter().map(|row| Held::read(row).map(|held| (held.send.send_id.clone(), held))).collect()
}

async fn load_one(tx: &mut Tx, send_id: &str, state: SendState) -> Result<Held, StateError> {
    match load(tx, &[send_id]).await?.remove(send_id) {
        None => Err(StateError::UnknownSend(send_id.into())),
        Some(held) if held.send.state == state => Ok(held),
        Some(_) => Err(StateError::SomeoneElseActed { sends: vec![send_id.into()] }),
    }
}

/// Takes the send out if it is as the caller last knew it; so a send named twice is lost the second time.
fn holding(held: &mut BTreeMap<String, Held>, send_id: &str, fence: Fence, state: SendState) -> Option<Held> {
    let found = held.get(send_id)?;
    if found.fence == fence && found.send.state == state { held.remove(send_id) } else { None }
}

/// The sends that what holds now forbids, each with the first reason.
pub(super) async fn stops_now<'a>(
    tx: &mut Tx,
    held: impl IntoIterator<Item = &'a Held>,
) -> Result<BTreeMap<String, Stop>, StateError> {
    let sends: Vec<&Send> = held.into_iter().map(|held| &held.send).collect();
    let standings = Standings::of_some(tx, &sends.iter().map(|send| send.customer_id.clone()).collect()).await?;
    let mut stops = BTreeMap::new();
    for Send { send_id, customer_id: customer, channel, purpose, .. } in sends {
        let standing = standings.of.get(standings.survivor(customer)).and_then(|of| of.get(channel));
        let mut stop = stop_now(*channel, *purpose, standing.unwrap_or(&Standing::default()));
        // The survivor gets messages of their own; what a customer is owed still reaches them.
        if standings.merged.contains_key(customer) && *purpose != Purpose::Transactional {
            stop = stop.or_else(|| Some(Stop::Exited { why: "merged".into() }));
        }
        stops.extend(stop.map(|stop| (send_id.clone(), stop)));
    }
    Ok(stops)
}

/// A stop in one line: `suppressed: bounced`.
pub(super) fn told(stop: &Stop) -> String {
    match stop.detail() {
        None => stop.name().into(),
        Some(detail) => format!("{}: {detail}", stop.name()),
    }
}

fn deferral(reason: &str, until: Instant) -> String {
    format!("{reason}; until {}", model::time::rfc3339(until))
}

/// A second attempt says so: its rows are facts of their own, not repetitions of the first one's.
fn detail(reason: Option<String>, attempts: i64) -> Option<String> {
    match (reason, attempts) {
        (reason, ..=1) => reason,
        (None, attempts) => Some(format!("attempt {attempts}")),
        (Some(reason), attempts) => Some(format!("{reason} (attempt {attempts})")),
    }
}

fn retry_wait(attempts: i64) -> Duration {
    RETRY_WAIT_MIN.saturating_mul(1 << attempts.clamp(1, 16).saturating_sub(1)).min(RETRY_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[test]
    fn waits_double_up_to_an_hour() {
        let check = |attempts, seconds| assert_eq!(retry_wait(attempts).as_secs(), seconds, "{attempts}");
        check(0, 60);
        check(1, 60);
        check(3, 240);
        check(7, 3600);
        check(i64::MAX, 3600);
    }

    /// The statements that change many rows at once name their states in SQL.
    #[test]
    fn states_named_in_sql_are_legal() {
        use SendState::*;
        for (from, to) in [(Planned, Claimed), (Deferred, Claimed), (Claimed, Planned), (Handed, Ambiguous)] {
            assert!(from.may_become(to), "{from:?} -> {to:?}");
        }
    }

    #[tokio::test]
    async fn every_pair_of_states() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("state.db")).await.unwrap();
        let now = Instant::default();
        for from in SendState::ALL {
            for to in SendState::ALL {
                let id = format!("{}-{}", from.name(), to.name());
                let send = Send {
                    send_id: id.clone(),
                    run_id: "r".into(),
                    entry_id: "e".into(),
                    scenario: "s".into(),
                    scenario_version: "v".into(),
                    step: "remind".into(),
                    customer_id: model::CustomerId::stored("c"),
                    channel: model::Channel::Email,
                    purpose: model::Purpose::Marketing,
                    template: "t".into(),
                    arm: None,
                    state: from,
                    due_at: now,
                    cost: model::Money::ZERO,
                    provider_id: None,
                    detail: None,
                };
                let mut tx = db.begin("test").await.unwrap();
                let statement = sqlx::query(
                    "INSERT INTO sends (send_id, customer_id, channel, purpose, scenario, state, execute_at, changed_at, send)
                     VALUES ($1, 'c', 'email', 'marketing', 's', $2, 0, 0, $3)",
                );
                tx.execute(statement.bind(&id).bind(from.name()).bind(json_rows(&send))).await.unwrap();
                let held = load(&mut tx, &[&id]).await.unwrap().remove(&id).unwrap();
                let mut moves = Moves::default();
                let moved = moves.push(held, to, None, now);
                assert_eq!(moved.is_ok(), from.may_become(to), "{from:?} -> {to:?}");
                moves.save(&mut tx, now).await.unwrap();
                let stands = load(&mut tx, &[&id]).await.unwrap()[&id].send.state;
                assert_eq!(stands, if from.may_become(to) { to } else { from });
                if let Err(error) = moved {
                    assert!(matches!(error, StateError::IllegalTransition { .. }), "{error:?}");
                }
                tx.commit().await.unwrap();
            }
        }
    }
}
