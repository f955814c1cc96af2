//! Sufficient statistics stay exact at sizes where floating sums cancel.

use proptest::prelude::*;
use stats::{MONEY_SCALE, Moments, NotComputable, Proportion, Summary};

#[test]
fn sums_are_exact_where_floating_point_is_not() {
    let check = |values: &[i128], scale, mean: f64, variance: f64| {
        let mut moments = Moments::new(scale);
        values.iter().for_each(|&value| moments.push(value).unwrap());
        let summary = moments.summary().unwrap();
        assert_eq!((summary.mean(), summary.variance()), (mean, variance), "{values:?}");
    };
    check(&[0, 1], 0, 0.5, 0.5);
    check(&[10_000, 30_000], MONEY_SCALE, 2.0, 2.0);
    check(&[-3, -1, 1, 3], 0, 0.0, 20.0 / 3.0);
    check(&[5, 5, 5], 0, 5.0, 0.0);
    // A billion yen each, one 1/10,000 apart: Σy² is 1e26 times the variance.
    check(&[10_000_000_000_000, 10_000_000_000_001, 10_000_000_000_002], MONEY_SCALE, 1e9 + 1e-4, 1e-8);
    // A hundred million people of whom all but one did: s² = (n-1)/n / (n-1).
    let almost_all = Moments::from_sums(100_000_000, 99_999_999, 99_999_999, 0).unwrap().summary().unwrap();
    assert_eq!(almost_all.variance(), 1e-8);
}

#[test]
fn what_has_no_variance_says_why() {
    let check = |got: Result<Summary, NotComputable>, expect: &str| assert_eq!(got.unwrap_err().to_string(), expect);
    let exact = |n, sum, sum_sq| Moments::from_sums(n, sum, sum_sq, 0)?.summary();
    check(exact(0, 0, 0), "it needs at least 2, and there are only 0");
    check(exact(1, 5, 25), "it needs at least 2, and there are only 1");
    let inconsistent = "the sum of squares is smaller than the sum and the count allow, so the three are not of the same data";
    check(exact(0, 1, 1), inconsistent);
    check(exact(2, 10, 49), inconsistent);
    check(exact(2, 1, 0), inconsistent);
    check(exact(2, i128::MAX, i128::MAX), "the sum of squares does not fit");
    check(Summary::from_sums(2, 10.0, 49.0), inconsistent);
    check(
        Summary::from_sums(3, 3e13, 3e26),
        "the values are so close to each other for their size that these sums have lost the variance: add them up exactly",
    );
    check(Summary::from_sums(3, f64::NAN, 1.0), "the sum does not fit");
    assert_eq!(Moments::new(0).mean(), Err(NotComputable::Empty));
    assert_eq!(Moments::new(0).merge(&Moments::new(4)).unwrap_err().to_string(), "amounts with 0 and 4 decimals cannot be added");
    let mut full = Moments::new(0);
    assert_eq!(full.push(i128::MAX), Err(NotComputable::Overflow { what: "sum of squares" }));
    assert_eq!(full, Moments::new(0), "a refused value changes nothing");
}

proptest! {
    #[test]
    fn parts_added_together_are_the_whole(left in prop::collection::vec(-1_000_000_000_000i128..1_000_000_000_000, 0..40), right in prop::collection::vec(-1_000_000_000_000i128..1_000_000_000_000, 2..40)) {
        let of = |values: &[i128]| {
            let mut moments = Moments::new(MONEY_SCALE);
            values.iter().for_each(|&value| moments.push(value).unwrap());
            moments
        };
        let whole = of(&[left.clone(), right.clone()].concat());
        prop_assert_eq!(of(&left).merge(&of(&right)).unwrap(), whole);

        // Against two passes over the values, whole numbers of 1/10,000.
        let n = whole.n() as f64;
        let values = || left.iter().chain(&right).map(|&value| value as f64 / 1e4);
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let got = whole.summary().unwrap();
        prop_assert!((got.mean() - mean).abs() <= 1e-4);
        prop_assert!((got.variance() / variance - 1.0).abs() <= 1e-9);
    }

    #[test]
    fn a_proportion_has_its_variance_from_n(n in 2u64..1_000_000_000, share in 0.0..=1.0f64) {
        let proportion = Proportion::new((n as f64 * share) as u64, n).unwrap();
        let ones = i128::from(proportion.x());
        let exact = Moments::from_sums(n, ones, ones, 0).unwrap().summary().unwrap();
        let from_n = exact.variance() * (n - 1) as f64 / n as f64;
        prop_assert!((proportion.variance() - from_n).abs() <= 1e-15);
        prop_assert_eq!(proportion.summary().mean(), exact.mean());
    }
}
