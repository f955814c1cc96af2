//! Who may run a job. A lease runs out by the clock, but what proves the right to act is its fence: the number only rises, and
//! whatever a job writes last is refused under an old one.

use std::time::Duration;

use model::Instant;

use crate::{
    StateError,
    db::{Db, get},
};

/// Proof of a lease. A later holder has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);

#[derive(Clone)]
pub struct Leases {
    pub(crate) db: Db,
}

impl Leases {
    /// `None` while somebody holds it, the same owner included: two runners with one name are still two.
    pub async fn acquire(&self, name: &str, owner: &str, now: Instant, ttl: Duration) -> Result<Option<Fence>, StateError> {
        let mut tx = self.db.begin(format!("acquire lease {name}")).await?;
        let statement = sqlx::query(
            "INSERT INTO leases (name, owner, fence, expires_at) VALUES ($1, $2, 1, $4)
             ON CONFLICT DO UPDATE SET owner = excluded.owner, fence = fence + 1, expires_at = excluded.expires_at
             WHERE expires_at <= $3
             RETURNING fence",
        );
        let statement = statement.bind(name).bind(owner).bind(now.timestamp_micros()).bind((now + ttl).timestamp_micros());
        let row = tx.row(statement).await?;
        tx.commit().await?;
        row.as_ref().map(|row| get(row, "fence").map(Fence)).transpose()
    }

    /// Holds it until `now + ttl`. One that ran out but was taken by nobody is still ours.
    pub async fn renew(&self, name: &str, fence: Fence, now: Instant, ttl: Duration) -> Result<(), StateError> {
        self.change(name, fence, (now + ttl).timestamp_micros(), "renew").await
    }

    pub async fn release(&self, name: &str, fence: Fence) -> Result<(), StateError> {
        self.change(name, fence, 0, "release").await
    }

    /// Frees a lease whose owner is known to be gone. The next holder's fence is greater all the same.
    pub async fn clear(&self, name: &str, owner: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("clear lease {name}")).await?;
        let statement = sqlx::query("UPDATE leases SET expires_at = 0 WHERE name = $1 AND owner = $2");
        tx.execute(statement.bind(name).bind(owner)).await?;
        tx.commit().await
    }

    async fn change(&self, name: &str, fence: Fence, expires_at: i64, doing: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("{doing} lease {name}")).await?;
        // A released lease has expires_at 0 and is nobody's.
        let statement = sqlx::query("UPDATE leases SET expires_at = $3 WHERE name = $1 AND fence = $2 AND expires_at > 0");
        let changed = tx.execute(statement.bind(name).bind(fence.0).bind(expires_at)).await?;
        tx.commit().await?;
        if changed == 1 { Ok(()) } else { Err(StateError::StaleFence { name: name.into(), fence: fence.0 }) }
    }
}
