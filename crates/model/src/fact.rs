//! What the journal takes and the lake keeps: one row of one table, already encoded.

use serde::Serialize;

use crate::time::{Instant, rfc3339};

/// What the two times with which a row begins take, about.
const TIMES_BYTES: usize = 88;

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
        let mut members = Vec::with_capacity(512);
        serde_json::to_writer(&mut members, record).expect("our records are plain JSON");
        Fact::written::<R>(&record.key(), &String::from_utf8(members).expect("JSON is UTF-8"), occurred_at, known_at)
    }

    /// As [`Fact::new`], of a record whose key is known and whose `members` are JSON already.
    pub fn written<R: Record>(key: &str, members: &str, occurred_at: Instant, known_at: Instant) -> Self {
        let members = members.strip_prefix('{').expect("our records are JSON objects");
        let mut row = String::with_capacity(TIMES_BYTES + members.len());
        for part in ["{\"occurred_at\":\"", &rfc3339(occurred_at), "\",\"known_at\":\"", &rfc3339(known_at), "\",", members] {
            row.push_str(part);
        }
        Fact { table: R::TABLE, key: crate::id_bytes(&[R::TABLE, "|", key].concat()), row }
    }

    /// The same fact, known only from `known_at` on: it came in late.
    pub fn known_from(mut self, known_at: Instant) -> Self {
        const MEMBER: &str = "\"known_at\":\"";
        let start = self.row.find(MEMBER).expect("a row begins with its times") + MEMBER.len();
        let end = start + self.row[start..].find('"').expect("a text ends");
        self.row.replace_range(start..end, &rfc3339(known_at));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Noun {
        known_at: &'static str,
    }

    impl Record for Noun {
        const TABLE: &'static str = "nouns";
        fn key(&self) -> String {
            "1".into()
        }
    }

    #[test]
    fn what_came_late_was_not_known_before() {
        let at = |day: i64| chrono::DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let early = Fact::new(&Noun { known_at: "mine" }, at(1), at(2));
        let late = early.clone().known_from(at(3));
        assert_eq!((late.key, late.table), (early.key, early.table));
        assert_eq!(late.row, Fact::new(&Noun { known_at: "mine" }, at(1), at(3)).row);
        assert_ne!(late.row, early.row);
    }
}
