//! Who may see personal columns in SQL: for a time, for a reason, and each use written down before it is answered.

use model::Instant;

use crate::{
    StateError,
    db::{Db, get, get_instant},
};

#[derive(Clone)]
pub struct Grants {
    db: Db,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub account: String,
    pub until: Instant,
    pub reason: String,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub at: Instant,
    pub account: String,
    /// `granted`, `withdrawn` or `read`.
    pub act: String,
    pub detail: String,
}

impl Grants {
    pub(crate) fn new(db: Db) -> Self {
        Grants { db }
    }

    /// In place of a grant the account may have.
    pub async fn grant(&self, grant: &Grant, now: Instant) -> Result<(), StateError> {
        let Grant { account, until, reason } = grant;
        let mut tx = self.db.begin(format!("grant personal columns to {account}")).await?;
        let statement = sqlx::query(
            "INSERT INTO personal_grants SELECT name, $2, $3, $4 FROM accounts WHERE name = $1 AND role IN ('analyst', 'admin')
             ON CONFLICT (account) DO UPDATE SET until = $2, reason = $3, granted_at = $4",
        );
        let statement = statement.bind(account).bind(until.timestamp_micros()).bind(reason).bind(now.timestamp_micros());
        if tx.execute(statement).await? == 0 {
            return Err(StateError::UnknownAccount(account.clone()));
        }
        let detail = format!("until {}: {reason}", model::time::rfc3339(*until));
        tx.execute(note(now, account, "granted", &detail)).await?;
        tx.commit().await
    }

    /// Whether there was a grant.
    pub async fn withdraw(&self, account: &str, now: Instant) -> Result<bool, StateError> {
        let mut tx = self.db.begin(format!("withdraw personal columns from {account}")).await?;
        let removed = tx.execute(sqlx::query("DELETE FROM personal_grants WHERE account = $1").bind(account)).await?;
        if removed > 0 {
            tx.execute(note(now, account, "withdrawn", "")).await?;
        }
        tx.commit().await?;
        Ok(removed > 0)
    }

    /// The grant that is good now.
    pub async fn find(&self, account: &str, now: Instant) -> Result<Option<Grant>, StateError> {
        let statement = sqlx::query("SELECT until, reason FROM personal_grants WHERE account = $1 AND until > $2");
        let row = self.db.row("look up a grant", statement.bind(account).bind(now.timestamp_micros())).await?;
        let grant = |row| Ok(Grant { account: account.into(), until: get_instant(row, "until")?, reason: get(row, "reason")? });
        row.as_ref().map(grant).transpose()
    }

    /// Notes a use. Whoever answers waits for it.
    pub async fn note_read(&self, account: &str, columns: &str, now: Instant) -> Result<(), StateError> {
        let mut tx = self.db.begin("note that personal columns are read").await?;
        tx.execute(note(now, account, "read", columns)).await?;
        tx.commit().await
    }

    /// The newest lines, oldest first.
    pub async fn log(&self, most: u32) -> Result<Vec<Noted>, StateError> {
        let statement = sqlx::query(
            "SELECT at, account, act, detail FROM (SELECT * FROM personal_log ORDER BY id DESC LIMIT $1) ORDER BY id",
        );
        let rows = self.db.rows("list the uses of personal columns", statement.bind(most)).await?;
        let noted = |row| {
            Ok(Noted {
                at: get_instant(row, "at")?,
                account: get(row, "account")?,
                act: get(row, "act")?,
                detail: get(row, "detail")?,
            })
        };
        rows.iter().map(noted).collect()
    }
}

fn note<'q>(at: Instant, account: &'q str, act: &'q str, detail: &'q str) -> crate::db::Statement<'q> {
    let statement = sqlx::query("INSERT INTO personal_log (at, account, act, detail) VALUES ($1, $2, $3, $4)");
    statement.bind(at.timestamp_micros()).bind(account).bind(act).bind(detail)
}
