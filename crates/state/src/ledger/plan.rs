//! A plan is recorded whole before any of it is carried out: chunks lie aside until the run is sealed, so a run that died half-way is
//! begun again from the state it had found, and nothing of the first attempt is left.

use model::{EntryStep, Exposure, Fact, Instant, Record, Run, Send, SendState, StopRow};
use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::{
    StateError,
    db::{Tx, get, get_instant, get_json, json_rows},
    journal::{append_in, append_once_made},
    point,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    Fresh,
    /// An earlier attempt was not sealed; its chunks are gone.
    Restarted,
    /// Nothing is left to do.
    AlreadySealed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Chunk(i64),
    /// Nothing was recorded.
    AlreadySealed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    Now(Settled),
    AlreadySealed,
}

/// What moved from sealed plans into the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    pub chunks: usize,
    pub entries: usize,
    pub sends: usize,
    /// Sends that were in the ledger before: left as they are.
    pub known_sends: usize,
}

#[derive(Serialize)]
struct PlanText<'a> {
    entries: &'a [EntryStep],
    sends: &'a [Send],
    stops: &'a [StopRow],
    exposures: &'a [Exposure],
}

#[derive(Deserialize)]
struct Plan {
    entries: Vec<EntryStep>,
    sends: Vec<Send>,
    stops: Vec<StopRow>,
    exposures: Vec<Exposure>,
}

impl Ledger {
    /// Starts a run, or starts it over. Only the holder of the run's lease may call this.
    pub async fn begin(&self, run: &Run) -> Result<Begun, StateError> {
        let mut tx = self.db.begin(format!("begin run {}", run.run_id)).await?;
        let begun = match is_sealed(&mut tx, &run.run_id).await? {
            Some(true) => return Ok(Begun::AlreadySealed),
            Some(false) => Begun::Restarted,
            None => Begun::Fresh,
        };
        tx.execute(sqlx::query("DELETE FROM plan_chunks WHERE run_id = $1").bind(&run.run_id)).await?;
        put_run(&mut tx, run, None).await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// Lays aside a chunk of a run's plan. Its sends are planned, deferred (until their `due_at`) or ghosts.
    pub async fn record_plan(
        &self,
        run: &Run,
        entries: &[EntryStep],
        sends: &[Send],
        stops: &[StopRow],
        exposures: &[Exposure],
        now: Instant,
    ) -> Result<Recorded, StateError> {
        let is_plannable = |state| matches!(state, SendState::Planned | SendState::Deferred | SendState::Ghost);
        if let Some(send) = sends.iter().find(|send| !is_plannable(send.state)) {
            return Err(StateError::NotPlannable { send_id: send.send_id.clone(), state: send.state });
        }
        let mut tx = self.db.begin(format!("record a plan of run {}", run.run_id)).await?;
        match is_sealed(&mut tx, &run.run_id).await? {
            Some(true) => return Ok(Recorded::AlreadySealed),
            Some(false) => {}
            None => return Err(StateError::NotBegun(run.run_id.clone())),
        }
        let statement = sqlx::query(
            "INSERT INTO plan_chunks SELECT $1, coalesce(max(chunk), 0) + 1, $2, $3 FROM plan_chunks WHERE run_id = $1 RETURNING chunk",
        );
        let plan = json_rows(&PlanText { entries, sends, stops, exposures });
        let row = tx.row(statement.bind(&run.run_id).bind(now.timestamp_micros()).bind(plan)).await?;
        let chunk = row.as_ref().map_or(Ok(0), |row| get(row, "chunk"))?;
        tx.commit().await?;
        Ok(Recorded::Chunk(chunk))
    }

    /// From here the plan holds: `run` (with its final counts) is a fact, and what was laid aside moves into the ledger and the journal,
    /// a chunk per transaction. If that is cut short, the next start goes on with it.
    pub async fn seal(&self, run: &Run, now: Instant) -> Result<Sealed, StateError> {
        let mut tx = self.db.begin(format!("seal run {}", run.run_id)).await?;
        match is_sealed(&mut tx, &run.run_id).await? {
            Some(true) => return Ok(Sealed::AlreadySealed),
            Some(false) => {}
            None => return Err(StateError::NotBegun(run.run_id.clone())),
        }
        put_run(&mut tx, run, Some(now)).await?;
        append_in(&mut tx, vec![Fact::new(run, run.logical_at, now)], now).await?;
        point::pass("ledger.before_sealed");
        tx.commit().await?;
        point::pass("ledger.after_sealed");
        Ok(Sealed::Now(self.settle().await?))
    }

    /// Moves what sealed runs have laid aside into the ledger. Called at every start of who writes.
    pub(crate) async fn settle(&self) -> Result<Settled, StateError> {
        let mut settled = Settled::default();
        loop {
            let mut tx = self.db.begin("settle a sealed plan").await?;
            let statement = sqlx::query(
                "SELECT run_id, chunk, planned_at, plan FROM plan_chunks JOIN runs USING (run_id) WHERE sealed_at IS NOT NULL
                 ORDER BY sealed_at, run_id, chunk LIMIT 1",
            );
            let Some(row) = tx.row(statement).await? else { return Ok(settled) };
            let (run_id, chunk): (String, i64) = (get(&row, "run_id")?, get(&row, "chunk")?);
            let done = settle_chunk(&mut tx, get_json(&row, "plan")?, get_instant(&row, "planned_at")?).await?;
            let statement = sqlx::query("DELETE FROM plan_chunks WHERE run_id = $1 AND chunk = $2");
            tx.execute(statement.bind(run_id).bind(chunk)).await?;
            tx.commit().await?;
            settled.chunks += 1;
            settled.entries += done.entries;
            settled.sends += done.sends;
            settled.known_sends += done.known_sends;
        }
    }
}

/// `None` when the run is unknown.
async fn is_sealed(tx: &mut Tx, run_id: &str) -> Result<Option<bool>, StateError> {
    let row = tx.row(sqlx::query("SELECT sealed_at FROM runs WHERE run_id = $1").bind(run_id)).await?;
    row.as_ref().map(|row| get::<Option<i64>>(row, "sealed_at").map(|at| at.is_some())).transpose()
}

async fn put_run(tx: &mut Tx, run: &Run, sealed_at: Option<Instant>) -> Result<(), StateError> {
    let statement = sqlx::query(
        "INSERT INTO runs VALUES ($1, $2, $3) ON CONFLICT DO UPDATE SET run = excluded.run, sealed_at = excluded.sealed_at",
    );
    let sealed_at = sealed_at.map(|at| at.timestamp_micros());
    tx.execute(statement.bind(&run.run_id).bind(json_rows(run)).bind(sealed_at)).await.map(|_| ())
}

async fn settle_chunk(tx: &mut Tx, plan: Plan, planned_at: Instant) -> Result<Settled, StateError> {
    let entries: Vec<_> =
        plan.entries.iter().map(|entry| (entry.entered_at.timestamp_micros(), entry.due_at.timestamp_micros(), entry)).collect();
    // The last row of an entry that moved more than once stays.
    let statement = sqlx::query(
        "INSERT OR REPLACE INTO entries
         SELECT value->>'$[2].entry_id', value->>'$[2].customer_id', value->>'$[2].scenario', value->>'$[2].entry_key',
                value->>0, value->>'$[2].status', value->>1, value->>'$[2]'
         FROM json_each($1)",
    );
    tx.execute(statement.bind(json_rows(&entries))).await?;
    let sends: Vec<_> = plan.sends.iter().map(|send| (send.due_at.timestamp_micros(), send)).collect();
    let statement = sqlx::query(
        "INSERT OR IGNORE INTO sends
             (send_id, customer_id, channel, purpose, scenario, state, execute_at, changed_at, provider_id, detail, send)
         SELECT value->>'$[1].send_id', value->>'$[1].customer_id', value->>'$[1].channel', value->>'$[1].purpose',
                value->>'$[1].scenario', value->>'$[1].state', value->>0, $2,
                value->>'$[1].provider_id', value->>'$[1].detail', value->>'$[1]'
         FROM json_each($1)
         RETURNING send_id",
    );
    let new = tx.rows(statement.bind(json_rows(&sends)).bind(planned_at.timestamp_micros())).await?;
    let new: std::collections::BTreeSet<&str> = new.iter().map(|row| get(row, "send_id")).collect::<Result<_, _>>()?;
    let new_sends: Vec<&Send> = plan.sends.iter().filter(|send| new.contains(send.send_id.as_str())).collect();
    let mut facts = Vec::new();
    facts.extend(plan.entries.iter().map(|entry| fact(entry, planned_at)));
    facts.extend(plan.stops.iter().map(|stop| fact(stop, planned_at)));
    facts.extend(plan.exposures.iter().map(|exposure| fact(exposure, planned_at)));
    append_in(tx, facts, planned_at).await?;
    append_once_made(tx, new_sends.iter().map(|send| fact(*send, planned_at)).collect(), planned_at).await?;
    Ok(Settled { chunks: 1, entries: plan.entries.len(), sends: new.len(), known_sends: plan.sends.len() - new.len() })
}

fn fact<R: Record>(record: &R, at: Instant) -> Fact {
    Fact::new(record, at, at)
}
