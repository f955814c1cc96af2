//! Calls kept as they left, for senders whose provider recognises our key: what may have arrived is repeated by the same bytes under the
//! same key, to the same people, or not at all.

use model::{Instant, SendState, Stop, id::hex};

use super::{
    Ledger,
    delivery::{Moves, load, stops_now, told},
};
use crate::{
    Fence, Secret, StateError,
    db::{Tx, get, get_instant, json_rows},
    point,
    vault::{random, seal, unseal},
};

/// A call that is about to leave. Its bytes hold addresses and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Send ids, in the order of the call.
    pub members: Vec<String>,
    pub bytes: Secret<Vec<u8>>,
}

/// Which kept call a send is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCall {
    pub call_id: String,
    /// Before its first byte left for the first time.
    pub made_at: Instant,
}

/// What became of a call that was to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// Its members are handed over again: the caller sends the bytes now.
    Handed { members: Vec<(String, Fence)>, bytes: Secret<Vec<u8>> },
    /// What holds now forbids it for one of its members: all of them wait for a person.
    Refused { stop: Stop, members: Vec<String> },
    /// It is no longer kept.
    Gone,
}

impl Ledger {
    pub async fn call_of(&self, send_id: &str) -> Result<Option<KeptCall>, StateError> {
        let statement = sqlx::query("SELECT call_id, made_at FROM call_members JOIN calls USING (call_id) WHERE send_id = $1");
        let row = self.db.row(&format!("look for the call of send {send_id}"), statement.bind(send_id)).await?;
        row.map(|row| Ok(KeptCall { call_id: get(&row, "call_id")?, made_at: get_instant(&row, "made_at")? })).transpose()
    }

    /// Hands a kept call over once more, with new fences. All of its members must be of unknown outcome.
    pub async fn repeat_call(&self, call_id: &str, now: Instant) -> Result<Repeated, StateError> {
        let mut tx = self.db.begin(format!("repeat the call of send {call_id}")).await?;
        let statement = sqlx::query("SELECT made_at, sealed FROM calls WHERE call_id = $1");
        let Some(row) = tx.row(statement.bind(call_id)).await? else { return Ok(Repeated::Gone) };
        let belongs = belongs(call_id, get_instant(&row, "made_at")?);
        let bytes = unseal(&self.master, get(&row, "sealed")?, &belongs)
            .ok_or_else(|| StateError::Sealed { what: "call", of: format!("send {call_id}") })?;
        let statement = sqlx::query("SELECT send_id FROM call_members WHERE call_id = $1 ORDER BY place");
        let rows = tx.rows(statement.bind(call_id)).await?;
        let members: Vec<String> = rows.iter().map(|row| get(row, "send_id")).collect::<Result<_, _>>()?;
        let ids: Vec<&str> = members.iter().map(String::as_str).collect();
        let mut held = load(&mut tx, &ids).await?;
        if !members.iter().all(|id| held.get(id).is_some_and(|held| held.send.state == SendState::Ambiguous)) {
            return Ok(Repeated::Gone);
        }
        let stop = stops_now(&mut tx, held.values()).await?.into_values().next();
        let mut moves = Moves::default();
        let mut again = Vec::new();
        for id in &members {
            let Some(held) = held.remove(id) else { continue };
            match &stop {
                Some(stop) => moves.push(held, SendState::Parked, Some(told(stop)), now)?,
                None => again.push((id.clone(), moves.hand_again(held, now)?.fence)),
            }
        }
        moves.save(&mut tx, now).await?;
        let repeated = match stop {
            Some(stop) => {
                forget(&mut tx, &ids).await?;
                point::pass("ledger.before_parked");
                Repeated::Refused { stop, members }
            }
            None => {
                point::pass("ledger.before_repeated");
                Repeated::Handed { members: again, bytes: Secret::new(bytes) }
            }
        };
        tx.commit().await?;
        Ok(repeated)
    }

    /// Keeps calls in the transaction that hands their members over.
    pub(super) async fn keep_calls(&self, tx: &mut Tx, calls: &[Frozen], now: Instant) -> Result<(), StateError> {
        // Earlier calls of theirs are over.
        let ids: Vec<&str> = calls.iter().flat_map(|call| &call.members).map(String::as_str).collect();
        if ids.is_empty() {
            return Ok(());
        }
        forget(tx, &ids).await?;
        let (mut kept, mut places) = (Vec::new(), Vec::new());
        for Frozen { members, bytes } in calls {
            let Some(call_id) = members.first() else { continue };
            let sealed = seal(&self.master, bytes.expose(), &belongs(call_id, now), random("seal a call")?);
            kept.push((call_id, hex(&sealed)));
            places.extend(members.iter().enumerate().map(|(place, send_id)| (send_id, call_id, place)));
        }
        let statement = sqlx::query("INSERT INTO calls SELECT value->>0, $2, unhex(value->>1) FROM json_each($1)");
        tx.execute(statement.bind(json_rows(&kept)).bind(now.timestamp_micros())).await?;
        let statement = sqlx::query("INSERT INTO call_members SELECT value->>0, value->>1, value->>2 FROM json_each($1)");
        tx.execute(statement.bind(json_rows(&places))).await?;
        Ok(())
    }
}

/// The calls of these sends need no repetition any more.
pub(super) async fn forget(tx: &mut Tx, ids: &[&str]) -> Result<(), StateError> {
    let statement = sqlx::query(
        "DELETE FROM calls
         WHERE call_id IN (SELECT call_id FROM call_members WHERE send_id IN (SELECT value FROM json_each($1)))",
    );
    tx.execute(statement.bind(json_rows(ids))).await.map(|_| ())
}

fn belongs(call_id: &str, made_at: Instant) -> String {
    format!("call|{call_id}|{}", made_at.timestamp_micros())
}
