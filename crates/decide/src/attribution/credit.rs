//! An amount shared out in whole minor units, so that the parts always add up to it.

use model::Money;

/// Shares `amount` by `weights`: each share is rounded down to `minor`, and spare units go to the largest remainders, ties to the
/// later touch. What is finer than a minor unit goes to the last touch with a weight. A negative amount is shared like its
/// opposite.
///
/// Without any weight the last touch takes all; without touches there is nothing to give to.
pub fn allocate(amount: Money, minor: Money, weights: &[u64]) -> Vec<Money> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let Some(heir) = weights.iter().rposition(|weight| *weight > 0).or(weights.len().checked_sub(1)) else { return Vec::new() };
    let minor = minor.scaled().unsigned_abs().max(1);
    let (units, finer) = (u128::from(amount.scaled().unsigned_abs() / minor), amount.scaled().unsigned_abs() % minor);

    // 60 bits of units and 64 of weight fit 128.
    let (mut shares, mut remainders) = (vec![0u128; weights.len()], Vec::new());
    let mut spare = units;
    for (index, weight) in weights.iter().enumerate().filter(|_| total > 0) {
        let product = units * u128::from(*weight);
        shares[index] = product / total;
        spare -= shares[index];
        remainders.push((product % total, index));
    }
    remainders.sort_by(|a, b| b.cmp(a));
    for (_, index) in remainders {
        let unit = u128::from(spare > 0);
        shares[index] += unit;
        spare -= unit;
    }
    shares[heir] += spare;

    let sign = amount.scaled().signum();
    let money = |(index, share): (usize, u128)| {
        let scaled = share as u64 * minor + if index == heir { finer } else { 0 };
        Money::from_scaled(sign * scaled as i64).expect("a part is no larger than the whole")
    };
    shares.into_iter().enumerate().map(money).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn yen(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    #[test]
    fn spare_units_go_to_the_largest_remainders_then_to_the_later_touch() {
        let check = |amount: &str, minor: &str, weights: &[u64], expect: &[&str]| {
            let parts: Vec<String> = allocate(yen(amount), yen(minor), weights).iter().map(Money::to_string).collect();
            assert_eq!(parts, expect, "{amount} by {weights:?}");
        };
        check("10000", "1", &[1, 1, 1], &["3333", "3333", "3334"]);
        check("-10000", "1", &[1, 1, 1], &["-3333", "-3333", "-3334"]);
        check("2", "1", &[1, 1, 1], &["0", "1", "1"]);
        check("10", "1", &[5, 1, 1], &["7", "1", "2"]);
        check("10", "0.01", &[1, 1, 1], &["3.33", "3.33", "3.34"]);
        check("100.5", "1", &[1, 1, 0], &["50", "50.5", "0"]);
        check("5", "1", &[0, 0], &["0", "5"]);
        check("0", "1", &[1, 2], &["0", "0"]);
        check("5", "1", &[], &[]);
    }

    proptest! {
        #[test]
        fn the_parts_add_up(
            scaled in -999_999_999_999_999_999i64..=999_999_999_999_999_999,
            minor in prop_oneof![Just(10_000i64), Just(100), Just(10), Just(1)],
            weights in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..3], 1..8),
        ) {
            let amount = Money::from_scaled(scaled).expect("it fits");
            let minor = Money::from_scaled(minor).expect("it fits");
            let parts = allocate(amount, minor, &weights);
            prop_assert_eq!(Money::sum(parts.iter().copied()), Ok(amount));
            prop_assert!(parts.iter().all(|part| part.scaled().signum() * scaled.signum() >= 0));
            let negated = allocate(Money::from_scaled(-scaled).expect("it fits"), minor, &weights);
            prop_assert!(negated.iter().zip(&parts).all(|(negated, part)| negated.scaled() == -part.scaled()));
            // No part is off its exact share by a minor unit or more, but for what is finer than one.
            let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights).filter(|_| total > 0) {
                let exact = scaled as f64 * (*weight as f64 / total as f64);
                prop_assert!((part.scaled() as f64 - exact).abs() <= 2.0 * minor.scaled() as f64 + exact.abs() * 1e-12);
            }
        }
    }
}
