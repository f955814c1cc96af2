//! What is in flight: the journal of accepted facts, the send ledger, the vault of addresses, permissions, leases and accounts.
//!
//! One SQLite file per shop. Everything is in it, so that a change of the ledger and the fact that tells of it are one transaction.
//! The time is always given by the caller: a replay runs on a clock of its own.

mod account;
mod applied;
mod approval;
mod consent;
mod cursor;
mod db;
mod document;
mod error;
mod grant;
mod identity;
mod journal;
mod keys;
mod known;
mod lease;
mod ledger;
mod point;
mod session;
mod signer;
mod sql_token;
mod standing;
mod vault;

use std::{collections::BTreeSet, path::Path};

use model::CustomerId;

pub use account::{Account, Accounts, Role};
pub use applied::Applied;
pub use approval::{Act, Acted, ApprovalState, Approvals, Subject, Unapproved, approval_state};
pub use consent::{ConsentNow, Consents, SuppressionNow};
pub use cursor::Cursors;
pub use document::{DocumentChange, Documents, DocumentsChanged, Merge, MergedDocument};
pub use error::StateError;
pub use grant::{Grant, Grants, Noted};
pub use identity::{ClaimsJudged, Identities, Merged, Proposal};
pub use journal::{Appended, Journal, Once, Position, Segment};
pub use known::{Known, KnownContact, KnownLink, KnownSuppression, Unit};
pub use lease::{Fence, Leases};
pub use ledger::{
    Begun, Changed, Claimed, FailedSend, Frozen, HandOver, Handed, Held, KeptCall, Ledger, Narrow, PastEntry, RecentSend,
    Recorded, Recovered, Repeated, Resolution, Resolved, Sealed, SentIn, Settled, Settling, UnderWay,
};
pub use point::at_each_point;
pub use session::{NewSession, Session, Sessions};
pub use signer::Signer;
pub use sql_token::{SqlTokens, Verifier};
pub use standing::{Standing, Standings};
pub use vault::{
    ContactChange, ContactFlags, DEAD_LETTER_DAYS, DeadLetter, DeadLetterSummary, Erasure, HeldContact, LetterCount, Letters,
    Newest, Secret, Vault,
};

/// The parts of one `state.db`. Clones share it.
#[derive(Clone)]
pub struct State {
    db: db::Db,
    journal: Journal,
    ledger: Ledger,
    vault: Vault,
    consents: Consents,
    identities: Identities,
    leases: Leases,
    accounts: Accounts,
    grants: Grants,
    sessions: Sessions,
    sql_tokens: SqlTokens,
    signer: Signer,
    cursors: Cursors,
    approvals: Approvals,
    applied: Applied,
    documents: Documents,
}

impl State {
    /// For who has the shop: as [`State::open_to_read`], and finishes plans that were sealed but not yet settled.
    pub async fn open(path: &Path, master_key: [u8; 32]) -> Result<State, StateError> {
        let state = State::open_to_read(path, master_key).await?;
        state.ledger.settle().await?;
        Ok(state)
    }

    /// Opens or makes the file and brings its tables to this version. Beside a writer: what it has sealed is its to settle. The
    /// journal's committer runs on the tokio runtime that calls this.
    pub async fn open_to_read(path: &Path, master_key: [u8; 32]) -> Result<State, StateError> {
        let db = db::Db::open(path).await?;
        let vault = Vault::open(db.clone(), master_key).await?;
        let ledger = vault.ledger();
        Ok(State {
            documents: vault.documents(),
            journal: Journal::start(db.clone()),
            ledger,
            consents: Consents { db: db.clone(), id_key: vault.id_key().clone() },
            vault,
            identities: Identities { db: db.clone() },
            leases: Leases { db: db.clone() },
            accounts: Accounts::new(db.clone()),
            grants: Grants::new(db.clone()),
            sessions: Sessions { db: db.clone() },
            sql_tokens: SqlTokens { db: db.clone(), nobody: vault::derived(&master_key, b"tsubame sql tokens 1") },
            signer: Signer { key: vault::derived(&master_key, b"tsubame signer 1") },
            cursors: Cursors { db: db.clone() },
            approvals: Approvals { db: db.clone() },
            applied: Applied { db: db.clone() },
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

    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Who may be sent to on which channel.
    pub async fn standings(&self) -> Result<Standings, StateError> {
        Standings::all(&self.db).await
    }

    /// The same, some people at a time: of very many.
    pub async fn each_standings(&self, take: impl FnMut(Standings)) -> Result<(), StateError> {
        Standings::each(&self.db, standing::PAGE_ROWS, take).await
    }

    /// The same of some customers, whoever is one person with them, and whoever has an address of theirs.
    pub async fn standings_of(&self, customers: &BTreeSet<CustomerId>) -> Result<Standings, StateError> {
        let mut tx = self.db.begin("read how some customers can be reached").await?;
        let sharing = Standings::sharing(&mut tx, customers).await?;
        Standings::of_some(&mut tx, &sharing).await
    }

    /// Names the domains of relay addresses beside the known malls'.
    pub fn with_relay_domains(mut self, domains: &[String]) -> State {
        self.vault = self.vault.with_relay_domains(domains);
        self
    }

    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Knows again what was handed out.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Who may see personal columns.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub fn sql_tokens(&self) -> &SqlTokens {
        &self.sql_tokens
    }

    pub fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// Who did what to a scenario, and what is approved.
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Why nothing is written any more, once a write has failed: the process is to end, and its next start recovers.
    pub fn stopped(&self) -> Option<&str> {
        self.db.stopped()
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
