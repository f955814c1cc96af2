//! RFM scores and "the top 30 %", by rank among customers. F28: score = 1 + min(4, floor(5·worse/(n-1))) with worse = customers
//! strictly worse, in integers; equal values get equal scores, which NTILE ([`crate::ntile`]) does not give. Top share q = rows
//! where (count strictly greater)/n < q, so that ties at the edge are all kept.

use std::ops::Range;

use crate::NotComputable;

/// The score 1 to 5 (5 is best) of each value, in input order; the greatest value is best. Where less is better, as days since the
/// last order, pass [`std::cmp::Reverse`]. A customer alone has nobody to be better than: score 1, as SQL's `percent_rank`.
pub fn percent_rank_scores<T: Ord>(values: &[T]) -> Vec<u8> {
    let others = values.len().saturating_sub(1).max(1) as u128;
    by_ties(values, |ties| 1 + (5 * ties.start as u128 / others).min(4) as u8)
}

/// (count strictly greater)/n of each value, in input order: 0 for the greatest. Below q means "among the top q".
pub fn top_shares<T: Ord>(values: &[T]) -> Vec<f64> {
    let n = values.len();
    by_ties(values, |ties| (n - ties.end) as f64 / n as f64)
}

/// Whether each value is among the top `q` (0.3 is 30 %), in input order. Division of whole numbers is correctly rounded, so a
/// share that equals `q` compares as equal and is outside.
///
/// # Errors
/// `OutOfRange` unless `q` is within 0 and 1.
pub fn in_top_share<T: Ord>(values: &[T], q: f64) -> Result<Vec<bool>, NotComputable> {
    if !(0.0..=1.0).contains(&q) {
        return Err(NotComputable::OutOfRange { what: "top share", value: q, range: "within 0 and 1" });
    }
    Ok(top_shares(values).into_iter().map(|share| share < q).collect())
}

/// Gives each value, in input order, the answer for its run of equal values in ascending order.
fn by_ties<T: Ord, R: Clone + Default>(values: &[T], answer: impl Fn(Range<usize>) -> R) -> Vec<R> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].cmp(&values[right]));
    let mut answers = vec![R::default(); values.len()];
    let mut start = 0;
    for ties in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let given = answer(start..start + ties.len());
        for &index in ties {
            answers[index] = given.clone();
        }
        start += ties.len();
    }
    answers
}
