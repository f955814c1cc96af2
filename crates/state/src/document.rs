//! What is known of a thing of a source, put together from deliveries that come in any order and any number of times.
//!
//! A document is read, joined with what came, and written in the very transaction that journals the facts of it. So neither can be lost
//! without the other, and two deliveries of one order can't both begin from the state before: there is one writer.

use chacha20poly1305::XChaCha20Poly1305;
use model::{Fact, Instant};

use crate::{
    StateError,
    db::{Db, get},
    journal::append_in,
    vault::{random, seal, unseal},
};

/// How a document changes: the bytes there were, if any, to what there is now.
pub type Merge = Box<dyn FnOnce(Option<&[u8]>) -> Result<MergedDocument, Box<dyn std::error::Error + Send + Sync>> + Send>;

/// One document that something came for.
pub struct DocumentChange {
    pub kind: &'static str,
    pub id: String,
    pub merge: Merge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedDocument {
    /// Equal bytes mean that nothing was new: then its facts are not looked at.
    pub document: Vec<u8>,
    pub facts: Vec<Fact>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DocumentsChanged {
    pub changed: usize,
    /// Changes that told nothing new.
    pub repeated: usize,
    /// Facts that were new.
    pub stored: usize,
    /// Facts whose key was there before.
    pub duplicates: usize,
}

#[derive(Clone)]
pub struct Documents {
    pub(crate) db: Db,
    pub(crate) master: XChaCha20Poly1305,
}

impl Documents {
    /// Returns when the documents and all facts, theirs and `others`, are on stable storage together. Changes of one document are joined
    /// one after the other.
    pub async fn update(
        &self,
        source: &str,
        changes: Vec<DocumentChange>,
        others: Vec<Fact>,
        now: Instant,
    ) -> Result<DocumentsChanged, StateError> {
        let mut done = DocumentsChanged::default();
        if changes.is_empty() && others.is_empty() {
            return Ok(done);
        }
        let mut tx = self.db.begin(format!("change {} documents of {source}", changes.len())).await?;
        let mut facts = others;
        for DocumentChange { kind, id, merge } in changes {
            let statement = sqlx::query("SELECT sealed FROM documents WHERE source = $1 AND kind = $2 AND id = $3");
            let row = tx.row(statement.bind(source).bind(kind).bind(&id)).await?;
            let belongs = format!("document|{source}|{kind}|{id}");
            let before = row
                .map(|row| {
                    unseal(&self.master, get(&row, "sealed")?, &belongs)
                        .ok_or_else(|| StateError::Sealed { what: "document", of: format!("{kind} {id} of {source}") })
                })
                .transpose()?;
            let merged = merge(before.as_deref())
                .map_err(|cause| crate::db::unreadable(format!("document ({kind} {id} of {source})"), cause))?;
            if before.as_deref() == Some(&merged.document[..]) {
                done.repeated += 1;
                continue;
            }
            done.changed += 1;
            facts.extend(merged.facts);
            let sealed = seal(&self.master, &merged.document, &belongs, random("seal a document")?);
            let statement = sqlx::query(
                "INSERT INTO documents VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO UPDATE SET changed_at = excluded.changed_at, sealed = excluded.sealed",
            );
            tx.execute(statement.bind(source).bind(kind).bind(&id).bind(now.timestamp_micros()).bind(sealed)).await?;
        }
        if !facts.is_empty() {
            let appended = append_in(&mut tx, facts, now).await?;
            (done.stored, done.duplicates) = (appended.stored, appended.duplicates);
        }
        tx.commit().await?;
        Ok(done)
    }

    /// How many documents of a kind a source has.
    pub async fn count(&self, source: &str, kind: &str) -> Result<u64, StateError> {
        let statement = sqlx::query("SELECT count(*) AS documents FROM documents WHERE source = $1 AND kind = $2");
        let row = self.db.row("count the documents", statement.bind(source).bind(kind)).await?;
        Ok(row.as_ref().map_or(Ok(0), |row| get::<i64>(row, "documents"))? as u64)
    }
}
