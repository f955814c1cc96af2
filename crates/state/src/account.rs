//! People who may log in, what they may do, and the hash of their password.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier, password_hash::SaltString};
use hmac::{Hmac, Mac};
use model::Instant;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sqlx::sqlite::SqliteRow;
use tokio::sync::Semaphore;

use crate::{
    Secret, StateError,
    db::{Db, get, get_instant, get_name},
    vault::random,
};

const PASSWORD_CHARS_MIN: usize = 8;
const PASSWORD_CHARS_MAX: usize = 512;
/// A hash takes 19 MiB: a flood of logins must not take all memory.
const HASHES_AT_ONCE: usize = 2;
/// For so long a program that signs each request is known again without a hash.
const KNOWN_FOR: Duration = Duration::from_secs(300);

/// What somebody may do. Each may do what the ones below may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads pages, approves scenarios.
    Marketer,
    /// Asks questions of their own.
    Analyst,
    /// Accounts, erasures, parked sends.
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Marketer, Role::Analyst, Role::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Role::Marketer => "marketer",
            Role::Analyst => "analyst",
            Role::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub role: Role,
    pub created_at: Instant,
}

#[derive(Clone)]
pub struct Accounts {
    db: Db,
    hashing: Arc<Semaphore>,
    /// Checked when there is no such account, so that an answer takes as long as for one.
    nobody: Arc<OnceLock<String>>,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

/// A password that was right: not it, but its tag under a key that this process alone has.
#[derive(Clone)]
struct Known {
    key: [u8; 32],
    tag: Vec<u8>,
    until: Instant,
}

impl Known {
    fn new(hash: &str, password: &Secret, until: Instant) -> Result<Known, StateError> {
        let key = random("remember a password")?;
        Ok(Known { key, tag: mac(&key, hash, password).finalize().into_bytes().to_vec(), until })
    }

    /// Takes as long for any password.
    fn is(&self, hash: &str, password: &Secret) -> bool {
        mac(&self.key, hash, password).verify_slice(&self.tag).is_ok()
    }
}

/// The stored hash is in it: another password or another account of the same name has another tag.
fn mac(key: &[u8; 32], hash: &str, password: &Secret) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("an HMAC takes a key of any length");
    mac.chain_update(hash).chain_update([0u8]).chain_update(password.expose())
}

impl Accounts {
    pub(crate) fn new(db: Db) -> Self {
        let hashing = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        Accounts { db, hashing, nobody: Arc::default(), known: Arc::default() }
    }

    pub async fn create(&self, name: &str, role: Role, password: &Secret, now: Instant) -> Result<Account, StateError> {
        let name_ok = (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !name_ok {
            return Err(StateError::AccountName);
        }
        let hash = self.hash(password).await?;
        let mut tx = self.db.begin(format!("create account {name}")).await?;
        let statement = sqlx::query("INSERT INTO accounts VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
        let statement = statement.bind(name).bind(role.name()).bind(hash).bind(now.timestamp_micros());
        let created = tx.execute(statement).await?;
        tx.commit().await?;
        if created == 0 {
            return Err(StateError::AccountExists(name.into()));
        }
        Ok(Account { name: name.into(), role, created_at: model::time::micros(now) })
    }

    /// The account, if the password is its. "No such account" and "wrong password" look alike and take as long.
    pub async fn verify(&self, name: &str, password: &Secret) -> Result<Option<Account>, StateError> {
        let row = self.find(name).await?;
        self.check(row, password).await
    }

    /// The same for programs that sign each request: a password that was right is known again for five minutes, as long as it is still the account's. A
    /// wrong one takes as long as ever.
    pub async fn verify_again(&self, name: &str, password: &Secret, now: Instant) -> Result<Option<Account>, StateError> {
        let row = self.find(name).await?;
        let Some(found) = &row else { return self.check(None, password).await };
        let hash: String = get(found, "hash")?;
        let known = self.known.lock().expect("nobody panics while holding it").get(name).cloned();
        if known.is_some_and(|known| now < known.until && known.is(&hash, password)) {
            return account(found).map(Some);
        }
        let account = self.check(row, password).await?;
        if account.is_some() {
            let known = Known::new(&hash, password, now + KNOWN_FOR)?;
            self.known.lock().expect("nobody panics while holding it").insert(name.into(), known);
        }
        Ok(account)
    }

    async fn find(&self, name: &str) -> Result<Option<SqliteRow>, StateError> {
        let statement = sqlx::query("SELECT name, role, created_at, hash FROM accounts WHERE name = $1");
        self.db.row("check a password", statement.bind(name)).await
    }

    async fn check(&self, row: Option<SqliteRow>, password: &Secret) -> Result<Option<Account>, StateError> {
        let hash = match &row {
            Some(row) => get(row, "hash")?,
            None => self.nobodys_hash().await?,
        };
        let password = password.clone();
        let is_right = self
            .with_argon2(move |argon2| {
                let is_short = password.expose().chars().count() <= PASSWORD_CHARS_MAX;
                let hash = PasswordHash::new(&hash).map_err(|error| StateError::Hash(error.to_string()))?;
                Ok(is_short && argon2.verify_password(password.expose().as_bytes(), &hash).is_ok())
            })
            .await?;
        match row {
            Some(row) if is_right => account(&row).map(Some),
            _ => Ok(None),
        }
    }

    /// Ends every session of the account, and takes its SQL token away.
    pub async fn change_password(&self, name: &str, password: &Secret) -> Result<(), StateError> {
        let hash = self.hash(password).await?;
        let mut tx = self.db.begin(format!("change the password of {name}")).await?;
        let changed = tx.execute(sqlx::query("UPDATE accounts SET hash = $2 WHERE name = $1").bind(name).bind(hash)).await?;
        tx.execute(sqlx::query("DELETE FROM sessions WHERE account = $1").bind(name)).await?;
        tx.execute(sqlx::query("DELETE FROM sql_tokens WHERE account = $1").bind(name)).await?;
        tx.commit().await?;
        if changed == 1 { Ok(()) } else { Err(StateError::UnknownAccount(name.into())) }
    }

    /// Removes the account, its sessions and its SQL token.
    pub async fn remove(&self, name: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("remove account {name}")).await?;
        let removed = tx.execute(sqlx::query("DELETE FROM accounts WHERE name = $1").bind(name)).await?;
        tx.commit().await?;
        if removed == 1 { Ok(()) } else { Err(StateError::UnknownAccount(name.into())) }
    }

    pub async fn list(&self) -> Result<Vec<Account>, StateError> {
        let statement = sqlx::query("SELECT name, role, created_at FROM accounts ORDER BY name");
        self.db.rows("list the accounts", statement).await?.iter().map(account).collect()
    }

    /// Makes the account `admin` with a random password where there is no account yet; shown once, kept nowhere.
    pub async fn first_admin(&self, now: Instant) -> Result<Option<(Account, Secret)>, StateError> {
        if !self.list().await?.is_empty() {
            return Ok(None);
        }
        let password = Secret::new(model::id::hex(&random::<12>("make the first password")?));
        match self.create("admin", Role::Admin, &password, now).await {
            Ok(account) => Ok(Some((account, password))),
            // Another process was faster.
            Err(StateError::AccountExists(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn hash(&self, password: &Secret) -> Result<String, StateError> {
        if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.expose().chars().count()) {
            return Err(StateError::PasswordLength { min: PASSWORD_CHARS_MIN, max: PASSWORD_CHARS_MAX });
        }
        let salt: [u8; 16] = random("hash a password")?;
        let password = password.clone();
        self.with_argon2(move |argon2| {
            let hash = SaltString::encode_b64(&salt)
                .and_then(|salt| argon2.hash_password(password.expose().as_bytes(), &salt).map(|hash| hash.to_string()));
            hash.map_err(|error| StateError::Hash(error.to_string()))
        })
        .await
    }

    async fn nobodys_hash(&self) -> Result<String, StateError> {
        if let Some(hash) = self.nobody.get() {
            return Ok(hash.clone());
        }
        let hash = self.hash(&Secret::new("nobody has this password".into())).await?;
        Ok(self.nobody.get_or_init(|| hash).clone())
    }

    /// Runs on a thread that may block: a hash takes tens of milliseconds.
    async fn with_argon2<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let _permit = self.hashing.acquire().await.map_err(|error| StateError::Hash(error.to_string()))?;
        tokio::task::spawn_blocking(|| work(Argon2::default())).await.map_err(|error| StateError::Hash(error.to_string()))?
    }
}

pub(crate) fn account(row: &SqliteRow) -> Result<Account, StateError> {
    Ok(Account { name: get(row, "name")?, role: get_name(row, "role")?, created_at: get_instant(row, "created_at")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_is_known_of_this_hash_and_password_alone() {
        let secret = |text: &str| Secret::new(text.to_string());
        let known = Known::new("hash", &secret("word"), Instant::UNIX_EPOCH).unwrap();
        let tried = [("hash", "word"), ("hash", "other"), ("another", "word"), ("has", "hword"), ("hash", "")];
        assert_eq!(tried.map(|(hash, word)| known.is(hash, &secret(word))), [true, false, false, false, false]);
    }

    #[test]
    fn roles_are_stored_by_name() {
        for role in Role::ALL {
            assert_eq!(
                (Role::parse(role.name()), serde_json::to_string(&role).unwrap()),
                (Some(role), format!("{:?}", role.name()))
            );
        }
    }
}
