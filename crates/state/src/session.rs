//! Who is logged in. The id is 256 random bits that only the browser has; we keep its hash.

use std::time::Duration;

use model::Instant;
use sha2::{Digest, Sha256};

use crate::{
    Account, Secret, StateError,
    account::account,
    db::{Db, get_instant},
    vault::random,
};

#[derive(Clone)]
pub struct Sessions {
    pub(crate) db: Db,
}

/// What the browser gets.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub id: Secret,
    pub csrf: String,
    pub expires_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub account: Account,
    /// Every form carries it: another site cannot know it. It follows from the id, so it is not stored.
    pub csrf: String,
    pub expires_at: Instant,
}

impl Sessions {
    pub async fn start(&self, account: &str, now: Instant, ttl: Duration) -> Result<NewSession, StateError> {
        let id = model::id::hex(&random::<32>("start a session")?);
        let expires_at = now + ttl;
        let mut tx = self.db.begin(format!("start a session of {account}")).await?;
        tx.execute(sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now.timestamp_micros())).await?;
        let statement = sqlx::query("INSERT INTO sessions SELECT $1, name, $3, $4 FROM accounts WHERE name = $2");
        let statement = statement.bind(hash("session", &id)).bind(account);
        let started = tx.execute(statement.bind(now.timestamp_micros()).bind(expires_at.timestamp_micros())).await?;
        tx.commit().await?;
        if started == 0 {
            return Err(StateError::UnknownAccount(account.into()));
        }
        Ok(NewSession { csrf: csrf(&id), id: Secret::new(id), expires_at })
    }

    /// `None` when there is no such session, or its time is over.
    pub async fn find(&self, id: &str, now: Instant) -> Result<Option<Session>, StateError> {
        let statement = sqlx::query(
            "SELECT accounts.name, accounts.role, accounts.created_at, sessions.expires_at
             FROM sessions JOIN accounts ON accounts.name = sessions.account WHERE id_hash = $1 AND expires_at > $2",
        );
        let row = self.db.row("look up a session", statement.bind(hash("session", id)).bind(now.timestamp_micros())).await?;
        let session = |row| Ok(Session { account: account(row)?, csrf: csrf(id), expires_at: get_instant(row, "expires_at")? });
        row.as_ref().map(session).transpose()
    }

    pub async fn revoke(&self, id: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin("end a session").await?;
        tx.execute(sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(hash("session", id))).await?;
        tx.commit().await
    }

    pub async fn revoke_all(&self, account: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("end the sessions of {account}")).await?;
        tx.execute(sqlx::query("DELETE FROM sessions WHERE account = $1").bind(account)).await?;
        tx.commit().await
    }
}

fn csrf(id: &str) -> String {
    model::id::hex(&hash("csrf", id))
}

/// The id is random and long, so a plain hash cannot be guessed back.
fn hash(purpose: &str, id: &str) -> Vec<u8> {
    Sha256::digest(format!("{purpose}|{id}")).to_vec()
}
