//! The only way in for facts. A fact is acknowledged when the transaction that holds it is on stable storage, and not before.
//!
//! One task commits for everybody: it takes what is waiting, writes it in one transaction and answers all of them (group commit). While
//! a commit runs the next group gathers, so there is no artificial wait.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant as Stopwatch,
};

use model::{Fact, Instant};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    StateError,
    db::{Db, Tx, get, get_instant, json_rows},
    point,
};

/// A fact's place in the journal: unique, increasing, never given twice.
pub type Position = i64;

const SEGMENT_ROWS_MAX: usize = 10_000;
const SEGMENT_BYTES_MAX: usize = 16 << 20;
/// What is read at a time: it is in memory twice while it is.
const READ_BYTES_MAX: usize = 4 << 20;
/// What one transaction of a trim gives back, or a single segment.
const TRIMMED_BYTES_MAX: i64 = 512 << 10;
/// While others append, a trim rests so many times as long as each of its transactions took: hardly anybody waits for one.
const TRIM_RESTS: u32 = 9;
/// Journaled bytes after which the write-ahead log is moved home, beside the appends.
const SETTLED_BYTES: usize = 4 << 20;
/// Facts after which a group is closed, so that one commit does not keep early callers waiting for late ones.
const GROUP_FACTS_MAX: usize = 50_000;
/// Appends that may wait; the next caller waits for a place, which slows the door and not the committer.
const WAITING_MAX: usize = 1024;
/// Keys put in order after a group, per fact of it: more than merging writes a key, so that it keeps up, and a small group stays quick.
const TIDY_PER_FACT: usize = 16;
const TIDY_KEYS_MIN: usize = 4_096;
const TIDY_KEYS_MAX: usize = 16_384;

#[derive(Clone)]
pub struct Journal {
    db: Db,
    committer: mpsc::Sender<Append>,
    /// Groups that were committed.
    groups: Arc<AtomicU64>,
}

/// What an append stored. `first` and `last` are the lowest and highest position of its own facts; with none stored both are the end of
/// the journal, where every duplicate already lies behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub first: Position,
    pub last: Position,
    pub stored: usize,
    /// Facts whose key was there before, or came twice.
    pub duplicates: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    Stored(Appended),
    AlreadyDone,
}

/// Facts of one table at consecutive positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub first_position: Position,
    pub table: String,
    pub rows: usize,
    pub ingested_at: Instant,
    /// NDJSON: one object per fact, in order of position.
    pub payload: Vec<u8>,
}

impl Segment {
    pub fn last_position(&self) -> Position {
        self.first_position + self.rows as i64 - 1
    }
}

/// Segments that are read together, by the positions with which the first and the last begin.
struct Range {
    first: Position,
    last: Position,
    bytes: usize,
}

struct Append {
    facts: Vec<Fact>,
    ingested_at: Instant,
    /// Set for [`Journal::append_once`].
    batch_key: Option<String>,
    answer: oneshot::Sender<Result<Once, StateError>>,
}

impl Journal {
    /// Starts the committer; it ends when the last clone is dropped. Needs a running tokio runtime.
    pub(crate) fn start(db: Db) -> Journal {
        let (committer, waiting) = mpsc::channel(WAITING_MAX);
        let groups = Arc::<AtomicU64>::default();
        tokio::spawn(commit_groups(db.clone(), waiting, groups.clone()));
        Journal { db, committer, groups }
    }

    /// Returns when the facts are on stable storage. Facts that are there already are counted, not stored.
    pub async fn append(&self, facts: Vec<Fact>, ingested_at: Instant) -> Result<Appended, StateError> {
        match self.ask(facts, ingested_at, None).await? {
            Once::Stored(appended) => Ok(appended),
            Once::AlreadyDone => unreachable!("only an append with a batch key can have been done before"),
        }
    }

    /// As [`Journal::append`], but a second call with the same `batch_key` (file hash and chunk number) does nothing.
    pub async fn append_once(&self, batch_key: &str, facts: Vec<Fact>, ingested_at: Instant) -> Result<Once, StateError> {
        self.ask(facts, ingested_at, Some(batch_key.into())).await
    }

    /// Every fact past `after`, in order of position.
    pub async fn tail(&self, after: Position) -> Result<Vec<Segment>, StateError> {
        self.tail_part(after, None, usize::MAX).await
    }

    /// As [`Journal::tail`], of one table and of about `bytes_max` bytes (at least one segment, if there is any).
    pub async fn tail_part(&self, after: Position, table: Option<&str>, bytes_max: usize) -> Result<Vec<Segment>, StateError> {
        let doing = "read the journal";
        // Sizes first: the payloads of what is left out are not read. The segment that starts last at or before `after` may reach past it.
        let sizes = sqlx::query(
            "SELECT first_position, length(payload) AS bytes FROM journal
             WHERE first_position >= coalesce((SELECT max(first_position) FROM journal WHERE first_position <= $1), 0)
               AND first_position + rows - 1 > $1 AND ($2 IS NULL OR table_name = $2)
             ORDER BY first_position",
        );
        let (mut bytes, mut ranges): (usize, Vec<Range>) = (0, Vec::new());
        for row in self.db.rows(doing, sizes.bind(after).bind(table)).await? {
            let (first, size) = (get(&row, "first_position")?, get::<i64>(&row, "bytes")? as usize);
            bytes = bytes.saturating_add(size);
            if !ranges.is_empty() && bytes > bytes_max {
                break;
            }
            match ranges.last_mut().filter(|range| range.bytes + size <= READ_BYTES_MAX) {
                Some(range) => (range.last, range.bytes) = (first, range.bytes + size),
                None => ranges.push(Range { first, last: first, bytes: size }),
            }
        }
        let mut segments = Vec::new();
        for range in ranges {
            let statement = sqlx::query(
                "SELECT first_position, table_name, rows, ingested_at, payload FROM journal
                 WHERE first_position BETWEEN $1 AND $2 AND ($3 IS NULL OR table_name = $3) ORDER BY first_position",
            );
            for row in self.db.rows(doing, statement.bind(range.first).bind(range.last).bind(table)).await? {
                let segment = Segment {
                    first_position: get(&row, "first_position")?,
                    table: get(&row, "table_name")?,
                    rows: get::<i64>(&row, "rows")? as usize,
                    ingested_at: get_instant(&row, "ingested_at")?,
                    payload: get(&row, "payload")?,
                };
                segments.push(past(segment, after));
            }
        }
        Ok(segments)
    }

    /// The position of the last fact ever stored; 0 when there is none.
    pub async fn last_position(&self) -> Result<Position, StateError> {
        let row = self.db.row("read the end of the journal", sqlx::query("SELECT last_position FROM journal_end")).await?;
        row.as_ref().map_or(Ok(0), |row| get(row, "last_position"))
    }

    /// Drops the segments that lie wholly at or before `up_to`; the number dropped. Their keys stay: a fact is never stored twice.
    pub async fn trim(&self, up_to: Position) -> Result<u64, StateError> {
        self.drop_segments(|_, last| last <= up_to).await
    }

    /// As [`Journal::trim`], a table at a time: each forgets what lies at or before its own position.
    pub async fn trim_tables(&self, up_to: &BTreeMap<String, Position>) -> Result<u64, StateError> {
        self.drop_segments(|table, last| up_to.get(table).is_some_and(|up_to| last <= *up_to)).await
    }

    /// A few at a time: a large segment is many pages to give back, and those who append wait meanwhile.
    async fn drop_segments(&self, is_done: impl Fn(&str, Position) -> bool) -> Result<u64, StateError> {
        let doing = "trim the journal";
        let statement = sqlx::query(
            "SELECT first_position, table_name, first_position + rows - 1 AS last_position, length(payload) AS bytes
             FROM journal ORDER BY first_position",
        );
        let mut parts: Vec<Vec<Position>> = Vec::new();
        let mut room = 0;
        for row in self.db.rows(doing, statement).await? {
            if is_done(get(&row, "table_name")?, get(&row, "last_position")?) {
                let bytes: i64 = get(&row, "bytes")?;
                if parts.is_empty() || bytes > room {
                    parts.push(Vec::new());
                    room = TRIMMED_BYTES_MAX;
                }
                room -= bytes;
                parts.last_mut().expect("one was pushed if there was none").push(get(&row, "first_position")?);
            }
        }
        let mut dropped = 0;
        let mut groups = self.groups.load(Ordering::Relaxed);
        for part in parts {
            let mut tx = self.db.begin(doing).await?;
            let watch = Stopwatch::now();
            let statement = sqlx::query("DELETE FROM journal WHERE first_position IN (SELECT value FROM json_each($1))");
            dropped += tx.execute(statement.bind(json_rows(&part))).await?;
            tx.commit().await?;
            let before = std::mem::replace(&mut groups, self.groups.load(Ordering::Relaxed));
            if groups != before {
                tokio::time::sleep(watch.elapsed() * TRIM_RESTS).await;
            }
        }
        Ok(dropped)
    }

    /// Positions up to here are never given again: a lake that is newer than this journal has them.
    pub async fn never_below(&self, position: Position) -> Result<(), StateError> {
        if self.last_position().await? >= position {
            return Ok(());
        }
        let mut tx = self.db.begin(format!("move the end of the journal to {position}")).await?;
        tx.execute(sqlx::query("UPDATE journal_end SET last_position = max(last_position, $1)").bind(position)).await?;
        tx.commit().await
    }

    /// Bytes of segments that reach past a position.
    pub async fn bytes_after(&self, after: Position) -> Result<u64, StateError> {
        let statement = sqlx::query(
            "SELECT coalesce(sum(length(payload)), 0) AS bytes FROM journal
             WHERE first_position >= coalesce((SELECT max(first_position) FROM journal WHERE first_position <= $1), 0)
               AND first_position + rows - 1 > $1",
        );
        let row = self.db.row("measure the journal", statement.bind(after)).await?;
        Ok(row.as_ref().map_or(Ok(0), |row| get::<i64>(row, "bytes"))? as u64)
    }

    /// Bytes that wait for the lake.
    pub async fn pending_bytes(&self) -> Result<u64, StateError> {
        let statement = sqlx::query("SELECT coalesce(sum(length(payload)), 0) AS bytes FROM journal");
        let row = self.db.row("measure the journal", statement).await?;
        Ok(row.as_ref().map_or(Ok(0), |row| get::<i64>(row, "bytes"))? as u64)
    }

    async fn ask(&self, facts: Vec<Fact>, ingested_at: Instant, batch_key: Option<String>) -> Result<Once, StateError> {
        let stopped = || StateError::Stopped { doing: "append to the journal".into(), cause: "the program is ending".into() };
        let (answer, answered) = oneshot::channel();
        self.committer.send(Append { facts, ingested_at, batch_key, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Puts facts into the journal as part of the caller's transaction: how ledger, vault and consents let their changes out.
pub(crate) async fn append_in(tx: &mut Tx, facts: Vec<Fact>, ingested_at: Instant) -> Result<Appended, StateError> {
    Ok(store(tx, vec![facts], ingested_at, Keys::Claimed).await?.remove(0))
}

/// As [`append_in`], for facts that the caller's own tables make exactly once (a transition of a send, a change of a contact). Their keys
/// are not kept: a random key per row is the dearest part of a small transaction.
pub(crate) async fn append_once_made(tx: &mut Tx, facts: Vec<Fact>, ingested_at: Instant) -> Result<Appended, StateError> {
    Ok(store(tx, vec![facts], ingested_at, Keys::NotKept).await?.remove(0))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Claimed,
    NotKept,
}

async fn commit_groups(db: Db, mut waiting: mpsc::Receiver<Append>, groups: Arc<AtomicU64>) {
    let mut settling = Settling::default();
    loop {
        let first = tokio::select! {
            biased;
            // One step between two groups: those who wait pay for the keys they bring, a little each.
            () = db.untidy() => match waiting.try_recv() {
                Ok(first) => {
                    let facts = answer_group(&db, first, &mut waiting, &mut settling, &groups).await;
                    tidy(&db, (facts * TIDY_PER_FACT).clamp(TIDY_KEYS_MIN, TIDY_KEYS_MAX)).await;
                    continue;
                }
                Err(mpsc::error::TryRecvError::Empty) => {
                    tidy(&db, TIDY_KEYS_MAX).await;
                    continue;
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return,
            },
            first = waiting.recv() => first,
        };
        let Some(first) = first else { return };
        answer_group(&db, first, &mut waiting, &mut settling, &groups).await;
    }
}

/// Moves home what was committed, while the next groups gather: a commit that finds the whole log to move holds everybody up.
#[derive(Default)]
struct Settling {
    bytes: usize,
    at_work: Option<JoinHandle<()>>,
}

impl Settling {
    fn committed(&mut self, db: &Db, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= SETTLED_BYTES && self.at_work.as_ref().is_none_or(JoinHandle::is_finished) {
            self.bytes = 0;
            let db = db.clone();
            self.at_work = Some(tokio::spawn(async move {
                // Whatever is left is moved by a later commit, once the log is long.
                if let Err(error) = db.settle().await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the write-ahead log could not be moved home");
                }
            }));
        }
    }
}

async fn tidy(db: &Db, budget: usize) {
    // Nobody waits for it, and nothing is lost: the keys stay where they are until there is space again.
    if let Err(error) = db.tidy_keys(budget).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the keys of facts could not be put in order");
    }
}

/// Commits what waits, and answers; the number of facts.
async fn answer_group(
    db: &Db,
    first: Append,
    waiting: &mut mpsc::Receiver<Append>,
    settling: &mut Settling,
    groups: &AtomicU64,
) -> usize {
    let mut facts = first.facts.len();
    let mut group = vec![first];
    while facts < GROUP_FACTS_MAX
        && let Ok(next) = waiting.try_recv()
    {
        facts += next.facts.len();
        group.push(next);
    }
    let (requests, answers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|append| ((append.facts, append.ingested_at, append.batch_key), append.answer)).unzip();
    let bytes = requests.iter().flat_map(|(facts, ..)| facts).map(|fact| fact.row.len()).sum();
    // A caller that went away has dropped its receiver; its facts are stored all the same.
    match commit_group(db, requests).await {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                let _ = answer.send(Ok(result));
            }
            groups.fetch_add(1, Ordering::Relaxed);
            settling.committed(db, bytes);
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, facts, "the journal could not store a group");
            let source = Arc::new(error);
            for answer in answers {
                let _ = answer.send(Err(StateError::Append { facts, source: source.clone() }));
            }
        }
    }
    facts
}

type Request = (Vec<Fact>, Instant, Option<String>);

async fn commit_group(db: &Db, requests: Vec<Request>) -> Result<Vec<Once>, StateError> {
    let mut tx = db.begin("append to the journal").await?;
    let ingested_at = requests.iter().map(|(_, at, _)| *at).max().unwrap_or_default();
    let mut batches = Vec::with_capacity(requests.len());
    let mut repeats = Vec::with_capacity(requests.len());
    for (facts, _, batch_key) in requests {
        let repeat = match batch_key {
            None => false,
            Some(key) => {
                let statement = sqlx::query("INSERT INTO import_batches VALUES ($1, $2) ON CONFLICT DO NOTHING");
                tx.execute(statement.bind(key).bind(ingested_at.timestamp_micros())).await? == 0
            }
        };
        repeats.push(repeat);
        batches.push(if repeat { Vec::new() } else { facts });
    }
    let appended = store(&mut tx, batches, ingested_at, Keys::Claimed).await?;
    point::pass("journal.before_commit");
    tx.commit().await?;
    point::pass("journal.after_commit");
    Ok(appended
        .into_iter()
        .zip(repeats)
        .map(|(done, repeat)| if repeat { Once::AlreadyDone } else { Once::Stored(done) })
        .collect())
}

/// Stores the facts whose keys are new, or all of them; one answer per batch.
async fn store(tx: &mut Tx, batches: Vec<Vec<Fact>>, ingested_at: Instant, keys: Keys) -> Result<Vec<Appended>, StateError> {
    let mut new = match keys {
        Keys::Claimed => tx.claim_keys(batches.iter().flatten().map(|fact| fact.key)).await?,
        Keys::NotKept => vec![true; batches.iter().map(Vec::len).sum()],
    }
    .into_iter();
    let mut tables: Vec<Building> = Vec::new();
    let mut appended = Vec::with_capacity(batches.len());
    for (batch, facts) in batches.iter().enumerate() {
        let mut stored = 0;
        for fact in facts {
            if !new.next().expect("one answer per fact") {
                continue;
            }
            stored += 1;
            let index = tables.iter().position(|building| building.table == fact.table).unwrap_or_else(|| {
                tables.push(Building { table: fact.table, segments: Vec::new(), rows_per_batch: Vec::new() });
                tables.len() - 1
            });
            tables[index].push(batch, &fact.row);
        }
        appended.push(Appended { first: 0, last: 0, stored, duplicates: facts.len() - stored });
    }
    let stored: usize = appended.iter().map(|done| done.stored).sum();
    // Each segment by its place after the end so far, its table and rows, and where its bytes are among those of all.
    let (mut segments, mut payload, mut rows_before) = (Vec::new(), Vec::new(), 0);
    for building in &mut tables {
        for (rows, bytes) in building.segments.drain(..) {
            segments.push((1 + rows_before, building.table, rows, 1 + payload.len(), bytes.len()));
            rows_before += rows;
            // Mostly there is one.
            if payload.is_empty() { payload = bytes } else { payload.extend(bytes) }
        }
    }
    assert_eq!(rows_before, stored, "every stored fact has its position");
    // At once: whoever appends waits for the database's thread as often as it is asked.
    let statement = sqlx::query(
        "INSERT INTO recent_keys (keys) SELECT $1 WHERE length($1) > 0;
         UPDATE journal_end SET last_position = last_position + $2, last_ingested_at = max(last_ingested_at, $3)
         RETURNING last_position;
         INSERT INTO journal
         SELECT last_position - $2 + (value ->> 0), value ->> 1, value ->> 2, last_ingested_at, substr($5, value ->> 3, value ->> 4)
         FROM json_each($4), journal_end",
    );
    let statement = statement.bind(tx.take_claimed()).bind(stored as i64).bind(ingested_at.timestamp_micros());
    let end = tx.rows(statement.bind(json_rows(&segments)).bind(payload)).await?;
    let end = end.first().ok_or_else(|| crate::db::unreadable("journal_end", "its one row is missing"))?;
    let last: Position = get(end, "last_position")?;
    for done in &mut appended {
        (done.first, done.last) = if done.stored == 0 { (last, last) } else { (Position::MAX, 0) };
    }
    let mut next = last - stored as i64 + 1;
    for (batch, rows) in tables.into_iter().flat_map(|building| building.rows_per_batch) {
        let done: &mut Appended = &mut appended[batch];
        done.first = done.first.min(next);
        done.last = done.last.max(next + rows - 1);
        next += rows;
    }
    Ok(appended)
}

/// The new facts of one table.
struct Building {
    table: &'static str,
    /// Rows and NDJSON of each segment.
    segments: Vec<(usize, Vec<u8>)>,
    /// (batch, rows), in order.
    rows_per_batch: Vec<(usize, i64)>,
}

impl Building {
    fn push(&mut self, batch: usize, row: &str) {
        match self.rows_per_batch.last_mut() {
            Some((last, rows)) if *last == batch => *rows += 1,
            _ => self.rows_per_batch.push((batch, 1)),
        }
        let is_full = |(rows, payload): &(usize, Vec<u8>)| *rows >= SEGMENT_ROWS_MAX || payload.len() >= SEGMENT_BYTES_MAX;
        if self.segments.last().is_none_or(is_full) {
            self.segments.push((0, Vec::new()));
        }
        let (rows, payload) = self.segments.last_mut().expect("one was pushed if there was none");
        *rows += 1;
        payload.extend_from_slice(row.as_bytes());
        payload.push(b'\n');
    }
}

/// The rows of a segment past `after`.
fn past(mut segment: Segment, after: Position) -> Segment {
    let skip = (after - segment.first_position + 1).max(0) as usize;
    if skip > 0 {
        let mut ends = segment.payload.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index);
        let start = ends.nth(skip - 1).map_or(segment.payload.len(), |index| index + 1);
        segment.payload.drain(..start);
        segment.first_position += skip as i64;
        segment.rows -= skip;
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_may_start_inside_a_segment() {
        let check = |after, first_position, rows, payload: &str| {
            let at = Instant::default();
            let whole =
                Segment { first_position: 5, table: "t".into(), rows: 3, ingested_at: at, payload: b"a\nb\nc\n".to_vec() };
            let expect = Segment { first_position, rows, payload: payload.into(), ..whole.clone() };
            assert_eq!(past(whole, after), expect, "after {after}");
        };
        check(0, 5, 3, "a\nb\nc\n");
        check(4, 5, 3, "a\nb\nc\n");
        check(5, 6, 2, "b\nc\n");
        check(6, 7, 1, "c\n");
    }

    #[tokio::test]
    async fn a_full_disk_heals() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("state.db")).await.unwrap();
        let journal = Journal::start(db.clone());
        let fact = |key| Fact { table: "events", key: [key; 16], row: "x".repeat(100_000) };
        journal.append(vec![fact(1)], Instant::default()).await.unwrap();
        let pages = |most: &'static str| db.execute_on_writer(most);
        // No page more than there are: SQLite says then what it says of a full disk.
        pages("PRAGMA max_page_count = 1").await;
        for key in 2..5 {
            let error = journal.append(vec![fact(key)], Instant::default()).await.unwrap_err();
            assert!(
                matches!(&error, StateError::Append { source, .. } if matches!(**source, StateError::Full { .. })),
                "{error:?}"
            );
            pages("PRAGMA max_page_count = 1").await;
        }
        pages("PRAGMA max_page_count = 1000000").await;
        let done = journal.append(vec![fact(1), fact(2), fact(3)], Instant::default()).await.unwrap();
        assert_eq!((done.stored, done.duplicates, done.first), (2, 1, 2), "what was refused is not known");
    }

    #[tokio::test]
    async fn after_a_failed_write_appends_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("state.db")).await.unwrap();
        let journal = Journal::start(db.clone());
        let fact = |key| Fact { table: "events", key: [key; 16], row: "{}".into() };
        journal.append(vec![fact(1)], Instant::default()).await.unwrap();
        db.stop("could not commit");
        let error = journal.append(vec![fact(2)], Instant::default()).await.unwrap_err();
        assert!(
            matches!(&error, StateError::Append { source, .. } if matches!(**source, StateError::Stopped { .. })),
            "{error:?}"
        );
        assert_eq!(journal.last_position().await.unwrap(), 1);
        assert_eq!(db.stopped(), Some("could not commit"));
    }
}
