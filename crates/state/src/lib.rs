//! What is in flight: the journal of accepted facts, the send ledger, the vault of addresses, permissions, leases and accounts.
//!
//! One SQLite file per shop. Everything is in it, so that a change of the ledger and the fact that tells of it are one transaction.
//! The time is always given by the caller: a replay runs on a clock of its own.

mod account;
mod consent;
mod cursor;
mod db;
mod error;
mod journal;
mod lease;
mod ledger;
mod session;
mod vault;

use std::path::Path;

pub use account::{Account, Accounts, Role};
pub use consent::{ConsentNow, Consents, SuppressionNow};
pub use cursor::Cursors;
pub use error::StateError;
pub use journal::{Appended, Journal, Once, Position, Segment};
pub use lease::{Fence, Leases};
pub use ledger::{
    Begun, Changed, Claimed, HandOver, Handed, Held, Ledger, Narrow, PastEntry, RecentSend, Recorded, Recovered, Resolution,
    Resolved, Sealed, Settled,
};
pub use session::{NewSession, Session, Sessions};
pub use vault::{ContactChange, ContactFlags, DeadLetter, DeadLetterSummary, Secret, Vault};

/// The parts of one `state.db`. Clones share it.
#[derive(Clone)]
pub struct State {
    db: db::Db,
    journal: Journal,
    ledger: Ledger,
    vault: Vault,
    consents: Consents,
    leases: Leases,
    accounts: Accounts,
    sessions: Sessions,
    cursors: Cursors,
}

impl State {
    /// Opens or makes the file, brings its tables to this version, and finishes plans that were sealed but not yet settled. The
    /// journal's committer runs on the tokio runtime that calls this.
    pub async fn open(path: &Path, master_key: [u8; 32]) -> Result<State, StateError> {
        let db = db::Db::open(path).await?;
        let vault = Vault::open(db.clone(), master_key).await?;
        let ledger = Ledger::new(db.clone());
        ledger.settle().await?;
        Ok(State {
            journal: Journal::start(db.clone()),
            ledger,
            vault,
            consents: Consents { db: db.clone() },
            leases: Leases { db: db.clone() },
            accounts: Accounts::new(db.clone()),
            sessions: Sessions { db: db.clone() },
            cursors: Cursors { db: db.clone() },
            db,
        })
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub fn consents(&self) -> &Consents {
        &self.consents
    }

    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// Writes a copy of the last committed state into a new file, while others go on writing. The copy is not synced yet.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StateError> {
        self.db.copy_to(&path.to_string_lossy()).await
    }

    /// Waits for what is being written and closes the file. Dropping every clone is as safe, only less tidy.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
