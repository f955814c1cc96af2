//! The split test against the reference numbers and T35.

use proptest::prelude::*;
use stats::{ArmCount, srm};

use crate::reference::check_family;

#[test]
fn srm_meets_the_reference() {
    check_family("srm_chi_square", &[], |case, check| {
        let arms = case.list("observed").iter().zip(case.list("weights"));
        let arms: Vec<_> = arms.map(|(seen, weight)| arm(seen.as_u64().unwrap(), weight.as_f64().unwrap())).collect();
        let got = srm(&arms);
        check.number("/chi2", &got.as_ref().map(|got| got.chi_square));
        check.number("/p_value", &got.as_ref().map(|got| got.p_value));
        check.number("/min_expected", &got.as_ref().map(|got| got.expected_min));
        if let Ok(got) = got {
            check.exactly("/df", got.df);
            check.exactly("/srm_at_0_001", got.mismatch);
        }
    });
}

#[test]
fn t35_a_broken_split_stops_the_read_out() {
    let got = srm(&[arm(90_600, 90.0), arm(9_400, 10.0)]).unwrap();
    assert_eq!(format!("{:.1} {:.1e} {}", got.chi_square, got.p_value, got.mismatch), "40.0 2.5e-10 true");
}

#[test]
fn what_cannot_be_tested_says_why() {
    let check = |arms: &[(u64, f64)], expect: &str| {
        let arms: Vec<_> = arms.iter().map(|&(seen, weight)| arm(seen, weight)).collect();
        assert_eq!(srm(&arms).unwrap_err().to_string(), expect, "{arms:?}");
    };
    check(&[], "it needs at least 2, and there are only 0");
    check(&[(5, 1.0), (0, 0.0)], "it needs at least 2, and there are only 1");
    check(&[(0, 1.0), (0, 1.0)], "there is nobody to compute it from");
    check(&[(5, 1.0), (5, -1.0)], "the weight -1 is not 0 or more, and finite");
    check(&[(5, 1.0), (5, f64::NAN)], "the weight NaN is not 0 or more, and finite");
    check(&[(5, f64::MAX), (5, f64::MAX)], "the sum of weights does not fit");
    check(&[(u64::MAX, 1.0), (1, 1.0)], "the count does not fit");
}

#[test]
fn an_arm_of_weight_0_is_left_out_and_counted() {
    let got = srm(&[arm(50, 1.0), arm(50, 1.0), arm(3, 0.0)]).unwrap();
    assert_eq!((got.chi_square, got.df, got.p_value, got.left_out), (0.0, 1, 1.0, 3));
}

fn arm(seen: u64, weight: f64) -> ArmCount {
    ArmCount { seen, weight }
}

proptest! {
    #[test]
    fn the_scale_of_the_weights_does_not_matter(seen in prop::collection::vec(1u64..1_000_000, 2..6), scale in 0.001..1000.0f64) {
        let one: Vec<_> = seen.iter().map(|&seen| arm(seen, 1.0)).collect();
        let other: Vec<_> = seen.iter().map(|&seen| arm(seen, scale)).collect();
        let (one, other) = (srm(&one).unwrap(), srm(&other).unwrap());
        prop_assert!((one.p_value - other.p_value).abs() <= 1e-9, "{one:?} {other:?}");
        prop_assert!((0.0..=1.0).contains(&one.p_value));
    }
}
