//! The one database file: a single writer, several readers, and the rule that a failed write stops all writing.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::TryStreamExt;
use model::Instant;
use sqlx::{
    ConnectOptions, Row, Sqlite, SqlitePool, Transaction,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use crate::{
    StateError,
    keys::{self, Keys},
};

pub(crate) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

#[derive(Clone)]
pub(crate) struct Db {
    writer: SqlitePool,
    readers: SqlitePool,
    keys: Arc<Mutex<Keys>>,
    untidy: Arc<Notify>,
    /// Held while the write-ahead log is moved: of two that try, one would be told that it is busy.
    moving: Arc<Mutex<()>>,
    stopped: Arc<OnceLock<String>>,
}

/// A write transaction. Dropping it rolls back.
pub(crate) struct Tx {
    inner: Transaction<'static, Sqlite>,
    doing: String,
    keys: Arc<Mutex<Keys>>,
    /// From the first use of the keys until they are told how the transaction ended: the next one must not see them before.
    held: Option<OwnedMutexGuard<Keys>>,
    /// Keys that were claimed and are not stored yet.
    claimed: Vec<u8>,
    untidy: Arc<Notify>,
    stopped: Arc<OnceLock<String>>,
}

impl Db {
    pub async fn open(path: &Path) -> Result<Db, StateError> {
        let failed = |source| StateError::Open { path: path.display().to_string(), source };
        make_private(path).map_err(|error| failed(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("cache_size", "-65536")
            // 64 MiB of log between checkpoints: random pages (keys of facts) are written home once, not once per commit.
            .pragma("wal_autocheckpoint", "16384")
            .pragma("journal_size_limit", "67108864")
            // What is erased is overwritten inside its page.
            .pragma("secure_delete", "FAST")
            // A statement's rows come from a thread of its own: fewer, larger handovers.
            .row_buffer_size(1024)
            .disable_statement_logging();
        // `Db` keeps its connections for good: a pool that closes idle ones would checkpoint at odd moments.
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .acquire_timeout(Duration::from_secs(120))
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(failed)?;
        sqlx::migrate!("./migrations")
            .run(&writer)
            .await
            .map_err(|source| StateError::Migrate { path: path.display().to_string(), source })?;
        // They read each thing once: a cache as large as the writer's would be filled, four times, with journal that nobody asks for again.
        let options = options.pragma("query_only", "ON").pragma("cache_size", "-8192");
        let readers = pool(4).connect_with(options).await.map_err(failed)?;
        let db =
            Db { writer, readers, keys: Arc::default(), untidy: Arc::default(), moving: Arc::default(), stopped: Arc::default() };
        db.move_former_keys().await?;
        Ok(db)
    }

    async fn move_former_keys(&self) -> Result<(), StateError> {
        let doing = "move the keys of facts to where this version looks for them";
        let exists = || sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'fact_keys'");
        if self.row(doing, exists()).await?.is_none() {
            return Ok(());
        }
        let mut tx = self.begin(doing).await?;
        // Another process may have been faster.
        if tx.row(exists()).await?.is_some() {
            keys::move_former(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Waits for the writer. `doing` completes the sentence "could not …".
    pub async fn begin(&self, doing: impl Into<String>) -> Result<Tx, StateError> {
        let doing = doing.into();
        if let Some(cause) = self.stopped.get() {
            return Err(StateError::Stopped { doing, cause: cause.clone() });
        }
        let mut begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        if matches!(begun, Err(sqlx::Error::InvalidSavePointStatement)) {
            // When the disk is full SQLite rolls back by itself, and sqlx goes on counting the transaction: that connection is done for.
            if let Ok(connection) = self.writer.acquire().await {
                let _ = connection.close().await;
            }
            begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        }
        match begun {
            Ok(inner) => Ok(Tx {
                inner,
                doing,
                keys: self.keys.clone(),
                held: None,
                claimed: Vec::new(),
                untidy: self.untidy.clone(),
                stopped: self.stopped.clone(),
            }),
            Err(error) => Err(failure(&doing, error, false, &self.stopped)),
        }
    }

    /// Reads the last committed state.
    pub async fn rows(&self, doing: &str, statement: Statement<'_>) -> Result<Vec<SqliteRow>, StateError> {
        statement.fetch_all(&self.readers).await.map_err(|error| failure(doing, error, false, &self.stopped))
    }

    /// The same, a row at a time: of very many, rows would take several times what is made of them.
    pub async fn each(
        &self,
        doing: &str,
        statement: Statement<'_>,
        mut take: impl FnMut(&SqliteRow) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut rows = statement.fetch(&self.readers);
        while let Some(row) = rows.try_next().await.map_err(|error| failure(doing, error, false, &self.stopped))? {
            take(&row)?;
        }
        Ok(())
    }

    pub async fn row(&self, doing: &str, statement: Statement<'_>) -> Result<Option<SqliteRow>, StateError> {
        statement.fetch_optional(&self.readers).await.map_err(|error| failure(doing, error, false, &self.stopped))
    }

    /// Returns when keys wait to be put in order.
    pub async fn untidy(&self) {
        self.untidy.notified().await;
    }

    /// One step of putting keys in order; after it `untidy` tells whether there is another.
    pub async fn tidy_keys(&self, budget: usize) -> Result<(), StateError> {
        let mut tx = self.begin("put the keys of facts in order").await?;
        let mut keys = tx.hold_keys().await;
        keys.tidy(&mut tx, budget).await?;
        tx.held = Some(keys);
        tx.commit().await
    }

    /// Moves what the write-ahead log holds into the file, as far as nobody reads it, and waits for nobody. The log goes on where it ends.
    pub async fn settle(&self) -> Result<(), StateError> {
        let Ok(_alone) = self.moving.try_lock() else { return Ok(()) };
        self.row("move the write-ahead log of state.db home", sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")).await.map(|_| ())
    }

    /// Moves the write-ahead log into the file and empties it, so that erased bytes do not linger there.
    pub async fn checkpoint(&self) -> Result<(), StateError> {
        let _alone = self.moving.lock().await;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.writer)
            .await
            .map(|_| ())
            .map_err(|error| failure("checkpoint state.db", error, false, &self.stopped))
    }

    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Writes a copy of the last committed state into a new file. It is on stable storage when whoever asked has synced it.
    pub async fn copy_to(&self, path: &str) -> Result<(), StateError> {
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&self.writer)
            .await
            .map(|_| ())
            .map_err(|error| failure(&format!("copy state.db to {path}"), error, false, &OnceLock::new()))
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    #[cfg(test)]
    pub async fn execute_on_writer(&self, sql: &'static str) {
        // The connection may be one that is done for: a transaction replaces it.
        drop(self.begin("change a setting").await.unwrap());
        sqlx::query(sql).execute(&self.writer).await.unwrap();
    }

    #[cfg(test)]
    pub fn stop(&self, cause: &str) {
        self.stopped.get_or_init(|| cause.into());
    }
}

impl Tx {
    /// Runs a statement; the number of rows it changed.
    pub async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StateError> {
        let done = statement.execute(&mut *self.inner).await;
        done.map(|done| done.rows_affected()).map_err(|error| failure(&self.doing, error, false, &self.stopped))
    }

    pub async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, StateError> {
        let rows = statement.fetch_all(&mut *self.inner).await;
        rows.map_err(|error| failure(&self.doing, error, false, &self.stopped))
    }

    pub async fn row(&mut self, statement: Statement<'_>) -> Result<Option<SqliteRow>, StateError> {
        let row = statement.fetch_optional(&mut *self.inner).await;
        row.map_err(|error| failure(&self.doing, error, false, &self.stopped))
    }

    /// For each fact's key whether it is new; from here on it is not. They are stored when the transaction is committed, or by whoever takes
    /// them before.
    pub async fn claim_keys(&mut self, claimed: impl Iterator<Item = [u8; 16]>) -> Result<Vec<bool>, StateError> {
        let mut keys = self.hold_keys().await;
        let claimed = keys.claim(self, claimed).await;
        self.held = Some(keys);
        let (new, bytes) = claimed?;
        self.claimed.extend(bytes);
        Ok(new)
    }

    /// What is to be stored of the keys that were claimed, by a statement that stores more.
    pub fn take_claimed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.claimed)
    }

    async fn hold_keys(&mut self) -> OwnedMutexGuard<Keys> {
        match self.held.take() {
            Some(keys) => keys,
            None => {
                let mut keys = self.keys.clone().lock_owned().await;
                keys.begin();
                keys
            }
        }
    }

    /// Returns when the transaction is on stable storage.
    pub async fn commit(mut self) -> Result<(), StateError> {
        let claimed = self.take_claimed();
        if !claimed.is_empty() {
            self.execute(sqlx::query("INSERT INTO recent_keys (keys) VALUES ($1)").bind(claimed)).await?;
        }
        let Tx { inner, doing, held, untidy, stopped, .. } = self;
        let held = held.map(|mut keys| (keys.committing(), keys));
        inner.commit().await.map_err(|error| failure(&doing, error, true, &stopped))?;
        if let Some((committing, mut keys)) = held
            && keys.committed(committing)
        {
            untidy.notify_one();
        }
        Ok(())
    }
}

/// A column of a row, as `T`.
pub(crate) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, StateError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(column).map_err(|source| unreadable(column, source))
}

/// A time column.
pub(crate) fn get_instant(row: &SqliteRow, column: &'static str) -> Result<Instant, StateError> {
    let micros: i64 = get(row, column)?;
    Instant::from_timestamp_micros(micros).ok_or_else(|| unreadable(column, format!("{micros} µs is no instant")))
}

/// A column that holds one of our nouns as JSON.
pub(crate) fn get_json<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, StateError> {
    serde_json::from_str(get(row, column)?).map_err(|source| unreadable(column, source))
}

/// A column that holds the name of a value of one of our enums.
pub(crate) fn get_name<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, StateError> {
    let name: &str = get(row, column)?;
    T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name))
        .map_err(|source| unreadable(column, source))
}

pub(crate) fn unreadable(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StateError {
    StateError::Unreadable { what: what.into(), source: source.into() }
}

/// Rows as the JSON text that `json_each($1)` takes apart: one statement and one bound value per batch. What is looked up of them is joined by
/// CROSS JOIN, which SQLite does in the order it is written: in an order of its own it once read everybody's addresses to find those of a few.
pub(crate) fn json_rows<T: serde::Serialize + ?Sized>(rows: &T) -> String {
    serde_json::to_string(rows).expect("our rows are plain JSON")
}

/// Names a failure, and stops all writing if the disk can no longer be trusted: any failed commit, any I/O error, any damage.
/// A full disk is not such a case: nothing was promised, and the next attempt writes the same place again.
fn failure(doing: &str, source: sqlx::Error, committing: bool, stopped: &OnceLock<String>) -> StateError {
    const IO: i64 = 10;
    const CORRUPT: i64 = 11;
    const FULL: i64 = 13;
    let extended = source.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i64>().ok());
    let code = extended.map(|code| code & 0xff);
    if code == Some(FULL) {
        return StateError::Full { doing: doing.into() };
    }
    if committing || matches!(code, Some(IO | CORRUPT)) {
        stopped.get_or_init(|| format!("could not {doing}: {source}"));
    }
    StateError::Database { doing: doing.into(), source }
}

/// SQLite gives its write-ahead log the permissions of the database file.
#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commit_stops_writing() {
        let check = |committing, source: sqlx::Error, stops| {
            let stopped = OnceLock::new();
            failure("do it", source, committing, &stopped);
            assert_eq!(stopped.get().is_some(), stops);
        };
        check(false, sqlx::Error::RowNotFound, false);
        check(true, sqlx::Error::WorkerCrashed, true);
    }

    #[tokio::test]
    async fn what_is_asked_of_a_few_is_not_read_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("state.db")).await.unwrap();
        let check = async |sql: &str, reads: &str| {
            let explained = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = sqlx::query(sqlx::AssertSqlSafe(explained));
            for _ in 0..1 + usize::from(sql.contains("$2")) {
                statement = statement.bind("[]");
            }
            let steps: Vec<String> =
                db.rows("explain", statement).await.unwrap().iter().map(|row| get(row, "detail").unwrap()).collect();
            assert!(steps.iter().any(|step| step.ends_with(reads)), "{steps:#?}");
        };
        check(crate::vault::ADDRESSES, "SEARCH contacts USING PRIMARY KEY (customer_id=? AND kind=?)").await;
        check(crate::identity::GUESTS, "SEARCH asked USING PRIMARY KEY (customer_id=? AND kind=?)").await;
        check(crate::vault::PERSON, "SEARCH contacts USING PRIMARY KEY (customer_id=? AND kind=?)").await;
        check(crate::ledger::FAILED, "SEARCH sends USING INDEX sends_by_failure (changed_at>?)").await;
        check(crate::ledger::SENT_IN, "sends_by_state (state=? AND execute_at>? AND execute_at<?)").await;
    }
}
