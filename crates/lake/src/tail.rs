//! What the journal holds past the tables, decoded. It grows by what came since it was last read: nothing is read or decoded twice.

use std::collections::BTreeMap;

use arrow::{
    array::{AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::Int64Type,
};
use model::time::Instant;

use crate::{LakeError, decode::decode, tables};

/// Batches are put together while they have no more rows: what comes by handfuls is few batches all the same.
const JOINED_ROWS: usize = 8_192;

/// Rows of one table in the journal, in order of position.
#[derive(Debug, Clone)]
pub struct TailSegment {
    pub table: String,
    pub first_position: i64,
    pub rows: usize,
    pub ingested_at: Instant,
    /// NDJSON: one object per row.
    pub payload: Vec<u8>,
}

/// The journal's rows past a position, by table, each in order of position. A clone costs little and stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    after: i64,
    up_to: i64,
    tables: BTreeMap<&'static str, Vec<RecordBatch>>,
}

impl Tail {
    /// Of segments that are all there is.
    pub fn of(segments: &[TailSegment]) -> Result<Tail, LakeError> {
        let mut tail = Tail::default();
        tail.add(segments)?;
        Ok(tail)
    }

    /// Where the journal is to be read on, so that all is here that it holds past `after`. What is no longer past it is forgotten.
    pub fn follow(&mut self, after: i64) -> i64 {
        if after < self.after {
            // A table went back: what was forgotten is needed again.
            *self = Tail::default();
        }
        for batches in self.tables.values_mut() {
            *batches = past(batches, after);
        }
        self.after = after;
        self.up_to = self.up_to.max(after);
        self.up_to
    }

    /// Where the journal was read to.
    pub fn up_to(&self) -> i64 {
        self.up_to
    }

    /// Takes all that the journal holds past there. Of a tail that could not be decoded nothing is taken.
    pub fn add(&mut self, segments: &[TailSegment]) -> Result<(), LakeError> {
        let mut by_table: BTreeMap<&str, Vec<&TailSegment>> = BTreeMap::new();
        for segment in segments {
            by_table.entry(&segment.table).or_default().push(segment);
        }
        let mut decoded = Vec::new();
        for (name, parts) in &mut by_table {
            parts.sort_by_key(|segment| segment.first_position);
            let table = tables::find(name).ok_or_else(|| LakeError::UnknownTable((*name).into()))?;
            decoded.push((table, decode(table, parts)?));
        }
        for (table, batch) in decoded {
            let batches = self.tables.entry(table.name()).or_default();
            batches.push(batch);
            join_last(batches);
        }
        let ends = segments.iter().map(|segment| segment.first_position + segment.rows as i64 - 1);
        self.up_to = ends.fold(self.up_to, i64::max);
        Ok(())
    }

    /// A table's rows past a position.
    pub(crate) fn past(&self, table: &str, position: i64) -> Vec<RecordBatch> {
        self.tables.get(table).map_or_else(Vec::new, |batches| past(batches, position))
    }
}

/// Puts the last batches together while the last is not much smaller than the one before: a row is copied a few times, not at each read.
fn join_last(batches: &mut Vec<RecordBatch>) {
    while let [.., before, last] = &batches[..]
        && before.num_rows() <= 2 * last.num_rows()
        && before.num_rows() + last.num_rows() <= JOINED_ROWS
        // Too large for one they stay two.
        && let Ok(joined) = concat_batches(&before.schema(), [before, last])
    {
        batches.truncate(batches.len() - 2);
        batches.push(joined);
    }
}

/// The rows past a position, of batches that are in order of it.
pub(crate) fn past(batches: &[RecordBatch], position: i64) -> Vec<RecordBatch> {
    let rest = batches.iter().map(|batch| {
        let positions = batch.column(batch.num_columns() - 1).as_primitive::<Int64Type>();
        let landed = positions.values().partition_point(|at| *at <= position);
        batch.slice(landed, batch.num_rows() - landed)
    });
    rest.filter(|batch| batch.num_rows() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per position.
    fn segment(first_position: i64, rows: i64) -> TailSegment {
        let row = |at: i64| {
            format!("{{\"occurred_at\":\"2026-06-01T12:00:00Z\",\"known_at\":\"2026-06-01T12:00:00Z\",\"from_id\":\"c{at}\"}}\n")
        };
        TailSegment {
            table: "identities".into(),
            first_position,
            rows: rows as usize,
            ingested_at: Instant::default(),
            payload: (first_position..first_position + rows).map(row).collect::<String>().into_bytes(),
        }
    }

    fn positions(tail: &Tail, position: i64) -> Vec<i64> {
        let of = |batch: &RecordBatch| batch.column(batch.num_columns() - 1).as_primitive::<Int64Type>().values().to_vec();
        tail.past("identities", position).iter().flat_map(of).collect()
    }

    #[test]
    fn a_tail_follows_the_journal() {
        let mut tail = Tail::default();
        assert_eq!(tail.follow(0), 0);
        tail.add(&[segment(4, 2), segment(1, 3)]).expect("rows");
        assert_eq!((tail.follow(0), positions(&tail, 0)), (5, vec![1, 2, 3, 4, 5]));
        let before = tail.clone();
        // Positions of other tables lie between.
        tail.add(&[segment(8, 2)]).expect("rows");
        assert_eq!((tail.follow(3), positions(&tail, 0)), (9, vec![4, 5, 8, 9]));
        assert_eq!(positions(&tail, 6), [8, 9]);
        assert_eq!(positions(&before, 0), [1, 2, 3, 4, 5], "as it was");
        assert!(tail.add(&[segment(10, 1), TailSegment { rows: 2, ..segment(11, 1) }]).is_err());
        assert_eq!((tail.follow(3), positions(&tail, 0)), (9, vec![4, 5, 8, 9]), "nothing of it was taken");
        assert_eq!((tail.follow(20), positions(&tail, 0)), (20, vec![]));
        // A table that was repaired ends earlier than it did.
        assert_eq!((tail.follow(2), positions(&tail, 0)), (2, vec![]));
    }

    #[test]
    fn what_comes_by_handfuls_is_few_batches() {
        let mut tail = Tail::default();
        for first in (1..4_000).step_by(3) {
            tail.add(&[segment(first, 3)]).expect("rows");
        }
        assert_eq!(positions(&tail, 0), (1..=3_999).collect::<Vec<_>>());
        let count = tail.past("identities", 0).len();
        assert!(count <= 12, "{count} batches");
    }
}
