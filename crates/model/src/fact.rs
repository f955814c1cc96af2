//! What the journal takes and the lake keeps: one row of one table, already encoded.

use serde::Serialize;

use crate::time::Instant;

/// A noun that is remembered as rows of one lake table.
pub trait Record: Serialize {
    /// The lake table.
    const TABLE: &'static str;

    /// Distinguishes this fact from every other of its table: a second fact with the same key is not stored.
    fn key(&self) -> String;
}

/// A fact on its way into the journal. `row` is one JSON object whose members are columns of `table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub table: &'static str,
    pub key: [u8; 16],
    pub row: String,
}

impl Fact {
    /// `known_at` is when the fact could have been known: now for live facts, a stated lag after it happened for imported history.
    pub fn new<R: Record>(record: &R, occurred_at: Instant, known_at: Instant) -> Self {
        #[derive(Serialize)]
        struct Row<'a, R> {
            #[serde(with = "crate::time::instant")]
            occurred_at: Instant,
            #[serde(with = "crate::time::instant")]
            known_at: Instant,
            #[serde(flatten)]
            record: &'a R,
        }
        let row = serde_json::to_string(&Row { occurred_at, known_at, record }).expect("our records are plain JSON objects");
        Fact { table: R::TABLE, key: crate::id_bytes(&format!("{}|{}", R::TABLE, record.key())), row }
    }
}
