//! What can go wrong with what is in flight. Messages name sends, leases and accounts; never an address.

use std::sync::Arc;

use model::{Remedy, SendState};

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("could not open {path}")]
    Open { path: String, source: sqlx::Error },
    #[error("could not bring {path} to this version's tables")]
    Migrate { path: String, source: sqlx::migrate::MigrateError },
    #[error("could not {doing}")]
    Database { doing: String, source: sqlx::Error },
    #[error("could not {doing}: the disk is full")]
    Full { doing: String },
    /// Fail stop: after a failed write nobody knows what is on the disk, and a second fsync may lie.
    #[error("could not {doing}: writing stopped after an earlier failure ({cause})")]
    Stopped { doing: String, cause: String },
    /// One commit serves many callers, so they share its failure.
    #[error("could not append {facts} facts to the journal")]
    Append { facts: usize, source: Arc<StateError> },
    #[error("state.db holds a {what} that cannot be read")]
    Unreadable { what: String, source: Box<dyn std::error::Error + std::marker::Send + Sync> },
    #[error("the master key is not the one this vault was made with")]
    WrongMasterKey,
    #[error("could not open the sealed {what} of {of}")]
    Sealed { what: &'static str, of: String },
    #[error("the operating system gave no random bytes to {doing}")]
    Random { doing: &'static str, source: getrandom::Error },
    #[error("run {0} was not begun")]
    NotBegun(String),
    #[error("a plan may not contain send {send_id} as {}", .state.name())]
    NotPlannable { send_id: String, state: SendState },
    #[error("send {0} is not in the ledger")]
    UnknownSend(String),
    #[error("send {send_id} may not go from {} to {}", .from.name(), .to.name())]
    IllegalTransition { send_id: String, from: SendState, to: SendState },
    #[error("someone else acted on {}", sends.join(", "))]
    SomeoneElseActed { sends: Vec<String> },
    #[error("lease {name} is no longer held under fence {fence}")]
    StaleFence { name: String, fence: i64 },
    #[error("customer {0} is not merged into anybody")]
    NotMerged(String),
    #[error("{0} cannot be merged with, or kept apart from, themselves")]
    OneCustomer(String),
    #[error("there is already an account {0}")]
    AccountExists(String),
    #[error("there is no account {0}")]
    UnknownAccount(String),
    /// Not shown: somebody may have typed an address.
    #[error("an account name has 1 to 64 letters, digits, `.`, `-` or `_`")]
    AccountName,
    #[error("{0} may not ask questions in SQL: only analysts and admins may")]
    NoSql(String),
    #[error("a password has {min} to {max} characters")]
    PasswordLength { min: usize, max: usize },
    #[error("could not hash a password: {0}")]
    Hash(String),
}

impl Remedy for StateError {
    fn remedy(&self) -> Option<String> {
        let text = match self {
            StateError::Open { .. } => "check that the shop's folder exists and is writable",
            StateError::Migrate { .. } => "if a newer version wrote this folder, run that version",
            StateError::Full { .. } => "free some space; nothing was stored, so sending it again is safe",
            StateError::Stopped { .. } => "check the disk and restart: what was acknowledged is recovered",
            StateError::Append { source, .. } => return source.remedy(),
            StateError::WrongMasterKey => "put back the master key file that belongs to this shop",
            StateError::Sealed { .. } => "the row was damaged or copied from another shop; import the address again",
            StateError::NotBegun(_) => "call `begin` before recording its plan",
            StateError::SomeoneElseActed { .. } => "look at the sends' states before doing anything else with them",
            StateError::NotMerged(_) => "`tsubame identity list` shows who was merged",
            StateError::OneCustomer(_) => "name two customers",
            StateError::AccountExists(_) => "choose another name, or give it a new password: `tsubame account password NAME`",
            StateError::UnknownAccount(_) => "`tsubame account list` shows the accounts",
            StateError::NoSql(_) => "add another account with `tsubame account add NAME --role analyst`",
            StateError::StaleFence { .. } => "stop this job; another runner has taken over",
            _ => return None,
        };
        Some(text.into())
    }
}
