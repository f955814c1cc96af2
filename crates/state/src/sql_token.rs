//! Tokens for programs that speak to us as to a PostgreSQL server. A password of an account is known to us by an Argon2 hash alone, with
//! which the proof of SCRAM-SHA-256 cannot be checked; so the wire has tokens of its own, random and long, known by what RFC 5802 keeps.

use hmac::{Hmac, Mac};
use model::Instant;
use sha2::{Digest, Sha256};

use crate::{
    Account, Role, Secret, StateError,
    account::account,
    db::{Db, get},
    vault::random,
};

const TOKEN_BYTES: usize = 24;
const SALT_BYTES: usize = 16;
/// The least that the RFC allows. Stretching helps passwords that can be guessed; a token is 192 random bits.
const ITERATIONS: u32 = 4096;

type Digest256 = [u8; 32];

#[derive(Clone)]
pub struct SqlTokens {
    pub(crate) db: Db,
    /// What the salts of names without a token follow from, so that they stay the same and nobody can tell them from others.
    pub(crate) nobody: Digest256,
}

/// What a client's proof is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub salt: Vec<u8>,
    pub iterations: u32,
    stored_key: Digest256,
    server_key: Digest256,
}

impl SqlTokens {
    /// Gives the account a token, in place of the one it had. It is shown once.
    pub async fn create(&self, name: &str, now: Instant) -> Result<Secret, StateError> {
        let token = model::id::hex(&random::<TOKEN_BYTES>("make an SQL token")?);
        let verifier = Verifier::derive(token.as_bytes(), &random::<SALT_BYTES>("make an SQL token")?, ITERATIONS);
        let mut tx = self.db.begin(format!("give {name} an SQL token")).await?;
        let known = tx.row(sqlx::query("SELECT name, role, created_at FROM accounts WHERE name = $1").bind(name)).await?;
        let known = known.as_ref().map(account).transpose()?.ok_or_else(|| StateError::UnknownAccount(name.into()))?;
        if known.role < Role::Analyst {
            return Err(StateError::NoSql(name.into()));
        }
        let statement = sqlx::query("INSERT OR REPLACE INTO sql_tokens VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(name)
            .bind(verifier.salt)
            .bind(verifier.iterations)
            .bind(verifier.stored_key.to_vec())
            .bind(verifier.server_key.to_vec())
            .bind(now.timestamp_micros());
        tx.execute(statement).await?;
        tx.commit().await?;
        Ok(Secret::new(token))
    }

    /// Takes the account's token away; whether it had one.
    pub async fn remove(&self, name: &str) -> Result<bool, StateError> {
        let mut tx = self.db.begin(format!("take the SQL token of {name} away")).await?;
        let removed = tx.execute(sqlx::query("DELETE FROM sql_tokens WHERE account = $1").bind(name)).await?;
        tx.commit().await?;
        Ok(removed == 1)
    }

    /// What the proof of whoever calls themselves `name` is checked against, and whose it is. A name without a token gets a verifier that
    /// nobody can satisfy and that is always the same.
    pub async fn verifier(&self, name: &str) -> Result<(Verifier, Option<Account>), StateError> {
        let statement = sqlx::query(
            "SELECT name, role, accounts.created_at, salt, iterations, stored_key, server_key
             FROM sql_tokens JOIN accounts ON accounts.name = sql_tokens.account WHERE name = $1",
        );
        let row = self.db.row("look up an SQL token", statement.bind(name)).await?;
        let Some(row) = row else { return Ok((self.nobodys(name), None)) };
        let verifier = Verifier {
            salt: get(&row, "salt")?,
            iterations: get(&row, "iterations")?,
            stored_key: key(get(&row, "stored_key")?)?,
            server_key: key(get(&row, "server_key")?)?,
        };
        let known = account(&row)?;
        match known.role >= Role::Analyst {
            true => Ok((verifier, Some(known))),
            false => Ok((self.nobodys(name), None)),
        }
    }

    /// Whether what somebody came in with still stands: neither token nor password was changed, nor the account removed.
    pub async fn stands(&self, name: &str, verifier: &Verifier) -> Result<bool, StateError> {
        Ok(self.verifier(name).await?.0 == *verifier)
    }

    fn nobodys(&self, name: &str) -> Verifier {
        let follows = |purpose: &str| hmac(&self.nobody, format!("{purpose}|{name}").as_bytes());
        Verifier {
            salt: follows("salt")[..SALT_BYTES].to_vec(),
            iterations: ITERATIONS,
            stored_key: follows("stored key"),
            server_key: follows("server key"),
        }
    }
}

impl Verifier {
    /// Of a token in the clear (RFC 5802 section 3).
    pub fn derive(token: &[u8], salt: &[u8], iterations: u32) -> Verifier {
        let mut block = hmac(token, &[salt, &1u32.to_be_bytes()].concat());
        let mut salted = block;
        for _ in 1..iterations {
            block = hmac(token, &block);
            salted.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
        }
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        Verifier { salt: salt.to_vec(), iterations, stored_key, server_key: hmac(&salted, b"Server Key") }
    }

    /// Whether the proof of an exchange is that of somebody who knows the token. Takes as long for any proof.
    pub fn is_proven(&self, exchange: &[u8], proof: &[u8]) -> bool {
        let Ok(proof) = Digest256::try_from(proof) else { return false };
        let mut client_key = hmac(&self.stored_key, exchange);
        client_key.iter_mut().zip(proof).for_each(|(byte, of_proof)| *byte ^= of_proof);
        let found: Digest256 = Sha256::digest(client_key).into();
        found.iter().zip(self.stored_key).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }

    /// By which the client knows that we know it too.
    pub fn signature(&self, exchange: &[u8]) -> [u8; 32] {
        hmac(&self.server_key, exchange)
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Digest256 {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("an HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn key(bytes: Vec<u8>) -> Result<Digest256, StateError> {
    let wrong =
        |bytes: Vec<u8>| StateError::Unreadable { what: "SQL token".into(), source: format!("{} bytes", bytes.len()).into() };
    bytes.try_into().map_err(wrong)
}
