//! Welch's test against the reference numbers.

use proptest::prelude::*;
use stats::{Alpha, Moments, NotComputable, Summary, welch, welch_lift};

use crate::reference::{Case, Check, check_family};

#[test]
fn welch_meets_the_reference() {
    check_family("welch_t", &[], |case, check| {
        let alpha = Alpha::new(case.float("alpha")).unwrap();
        if case.inputs.get("mean_a").is_some() {
            let [a, b] = ["a", "b"].map(|arm| {
                let sd = case.float(&format!("sd_{arm}"));
                Summary::new(case.count(&format!("n_{arm}")), case.float(&format!("mean_{arm}")), sd * sd).unwrap()
            });
            check_welch(check, &a, &b, alpha);
        } else {
            let [a, b] = ["a", "b"].map(|arm| exact(case, arm));
            check_welch(check, &a, &b, alpha);
            let [a, b] = ["a", "b"].map(|arm| sums(case, arm, check));
            check_welch(check, &a, &b, alpha);
        }
    });
}

fn check_welch(check: &mut Check, a: &Summary, b: &Summary, alpha: Alpha) {
    let got = welch(a, b, alpha);
    check.number("/diff", &got.as_ref().map(|got| got.effect));
    check.number("/se", &got.as_ref().map(|got| got.se));
    check.number("/t", &got.as_ref().map(|got| got.t));
    check.number("/df", &got.as_ref().map(|got| got.df));
    check.number("/p_two_sided", &got.as_ref().map(|got| got.p_two_sided));
    check.number("/p_one_sided_b_greater", &got.as_ref().map(|got| got.p_b_greater));
    check.interval("/ci", &got.map(|got| got.interval));
}

/// From the array, through exact sums with eight decimals.
fn exact(case: &Case, arm: &str) -> Summary {
    let mut moments = Moments::new(8);
    for value in case.list(arm) {
        moments.push((value.as_f64().unwrap() * 1e8).round() as i128).unwrap();
    }
    moments.summary().unwrap()
}

/// From the sums of the array in floating point, which are themselves expected.
fn sums(case: &Case, arm: &str, check: &mut Check) -> Summary {
    let values: Vec<f64> = case.list(arm).iter().map(|value| value.as_f64().unwrap()).collect();
    let (sum, sum_sq) = (values.iter().sum(), values.iter().map(|value| value * value).sum());
    check.exactly(&format!("/sums_{arm}/n"), values.len());
    check.number(&format!("/sums_{arm}/sum"), &Ok::<_, NotComputable>(sum));
    check.number(&format!("/sums_{arm}/sum_squares"), &Ok::<_, NotComputable>(sum_sq));
    Summary::from_sums(values.len() as u64, sum, sum_sq).unwrap()
}

#[test]
fn what_cannot_be_compared_says_why() {
    let check = |a: (u64, f64, f64), b: (u64, f64, f64), expect: &str| {
        let lift = || welch_lift(&Summary::new(a.0, a.1, a.2)?, &Summary::new(b.0, b.1, b.2)?, Alpha::FIVE_PERCENT);
        assert_eq!(lift().unwrap_err().to_string(), expect, "{a:?} against {b:?}");
    };
    check((0, 1.0, 1.0), (9, 1.0, 1.0), "there is nobody to compute it from");
    check((1, 1.0, 1.0), (9, 1.0, 1.0), "it needs at least 2, and there are only 1");
    check((9, 0.0, 1.0), (9, 1.0, 1.0), "the control is 0, so a relative change from it does not exist");
    check((9, 1.0, 0.0), (9, 2.0, 0.0), "everybody has the same value, so there is no scatter to measure a difference against");
    check((9, 1.0, f64::NAN), (9, 2.0, 0.0), "the variance NaN is not 0 or more, and finite");
    check((9, f64::INFINITY, 1.0), (9, 2.0, 0.0), "the mean inf is not finite");
    check((9, 1e-300, 1.0), (9, 1e300, 1.0), "the effect does not fit");
}

#[test]
fn a_control_near_0_is_marked() {
    let check = |mean, expect| {
        let (a, b) = (Summary::new(100, mean, 1.0).unwrap(), Summary::new(100, 1.0, 1.0).unwrap());
        assert_eq!(welch_lift(&a, &b, Alpha::FIVE_PERCENT).unwrap().weak_baseline, expect, "a control of {mean}");
    };
    check(0.49, true);
    check(-0.49, true);
    check(0.51, false);
}

proptest! {
    #[test]
    fn nothing_but_numbers_comes_out(
        n_a in 0u64..u64::MAX, n_b in 0u64..u64::MAX, mean_a in any::<f64>(), mean_b in any::<f64>(),
        variance_a in any::<f64>(), variance_b in any::<f64>(),
    ) {
        let arms = || Ok::<_, NotComputable>((Summary::new(n_a, mean_a, variance_a.abs())?, Summary::new(n_b, mean_b, variance_b.abs())?));
        let Ok((a, b)) = arms() else { return Ok(()) };
        for got in [welch(&a, &b, Alpha::FIVE_PERCENT), welch_lift(&a, &b, Alpha::FIVE_PERCENT).map(|lift| lift.welch)].into_iter().flatten() {
            let numbers = [got.effect, got.se, got.t, got.df, got.p_two_sided, got.p_b_greater, got.interval.low, got.interval.high];
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{got:?}");
            prop_assert!((0.0..=1.0).contains(&got.p_two_sided), "{got:?}");
        }
    }
}
