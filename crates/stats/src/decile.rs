//! Decile analysis: a tenth of the customers in each row, best first, and how much of the money is theirs. F29: SQL's NTILE(10)
//! over amount descending, ties by id. The cut-offs split ties, so two customers with the same amount may be in two rows: a report
//! says so, and scores use [`crate::percent_rank_scores`] instead.

use std::{cmp::Reverse, num::NonZeroU32};

use crate::NotComputable;

const TENTHS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// One row; amounts are in the unit of the input. Shares are of the whole, in shares of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decile {
    /// 1 is the best.
    pub decile: u32,
    pub customers: u64,
    pub amount: i128,
    pub min: i128,
    pub max: i128,
    pub share: f64,
    pub cumulative_share: f64,
    pub per_customer: f64,
}

/// The decile table of customers (id, amount); fewer than ten rows if there are fewer than ten customers.
///
/// # Errors
/// `Empty` without customers, `NoAmount` if the amounts do not add up to more than 0, `Overflow` if they do not fit.
pub fn deciles<I: Ord + Copy>(customers: &[(I, i128)]) -> Result<Vec<Decile>, NotComputable> {
    if customers.is_empty() {
        return Err(NotComputable::Empty);
    }
    let keys: Vec<_> = customers.iter().map(|&(id, amount)| (Reverse(amount), id)).collect();
    let mut rows: Vec<Decile> = Vec::new();
    let mut total: i128 = 0;
    let mut placed: Vec<(u32, i128)> =
        ntile(&keys, TENTHS).into_iter().zip(customers.iter().map(|&(_, amount)| amount)).collect();
    placed.sort_unstable();
    for group in placed.chunk_by(|left, right| left.0 == right.0) {
        let amount = group.iter().try_fold(0i128, |sum, &(_, amount)| sum.checked_add(amount));
        let amount = amount.ok_or(NotComputable::Overflow { what: "sum of the amounts" })?;
        total = total.checked_add(amount).ok_or(NotComputable::Overflow { what: "sum of the amounts" })?;
        rows.push(Decile {
            decile: group[0].0,
            customers: group.len() as u64,
            amount,
            min: group[0].1,
            max: group[group.len() - 1].1,
            share: 0.0,
            cumulative_share: 0.0,
            per_customer: amount as f64 / group.len() as f64,
        });
    }
    if total <= 0 {
        return Err(NotComputable::NoAmount);
    }
    let mut so_far: i128 = 0;
    for row in &mut rows {
        so_far += row.amount;
        row.share = row.amount as f64 / total as f64;
        row.cumulative_share = so_far as f64 / total as f64;
    }
    Ok(rows)
}

/// SQL's NTILE over ascending keys: the group, from 1, of each key in input order. Groups differ in size by at most one, the first
/// ones larger. Make keys distinct (add the id) for an answer that does not depend on the order of the input.
pub fn ntile<T: Ord>(keys: &[T], groups: NonZeroU32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&left, &right| keys[left].cmp(&keys[right]));
    let (size, larger) = (keys.len() / groups.get() as usize, keys.len() % groups.get() as usize);
    let in_larger = larger * (size + 1);
    let mut answers = vec![0; keys.len()];
    for (place, index) in order.into_iter().enumerate() {
        // With a size of 0 every place is in a larger group, so there is no division by 0.
        let group = if place < in_larger { place / (size + 1) } else { larger + (place - in_larger) / size };
        answers[index] = group as u32 + 1;
    }
    answers
}
