//! Two proportions against the reference numbers and T33.

use proptest::prelude::*;
use stats::{Alpha, NotComputable, Proportion, agresti_caffo, newcombe, risk_ratio, two_proportion, welch, welch_lift};

use crate::reference::check_family;

#[test]
fn two_proportion_meets_the_reference() {
    check_family("two_proportion_z", &[], |case, check| {
        let a = Proportion::new(case.count("x_a"), case.count("n_a"));
        let b = Proportion::new(case.count("x_b"), case.count("n_b"));
        let arms = || Ok::<_, NotComputable>((a.clone()?, b.clone()?));
        let alpha = Alpha::new(case.float("alpha")).unwrap();

        let z = arms().and_then(|(a, b)| two_proportion(a, b, alpha));
        check.exactly("/not_computable", z.is_err());
        check.number("/diff", &z.as_ref().map(|z| z.difference));
        check.number("/z_pooled", &z.as_ref().map(|z| z.z_pooled));
        check.number("/p_two_sided", &z.as_ref().map(|z| z.p_two_sided));
        check.number("/p_one_sided_b_greater", &z.as_ref().map(|z| z.p_b_greater));
        check.number("/se_unpooled", &z.as_ref().map(|z| z.se_unpooled));
        check.interval("/ci_wald", &z.clone().map(|z| z.interval));
        check.number("/risk_ratio", &z.clone().and_then(|z| z.relative_lift).map(|lift| 1.0 + lift));

        check.interval("/ci_newcombe", &arms().and_then(|(a, b)| newcombe(a, b, alpha)));
        check.interval("/ci_agresti_caffo", &arms().and_then(|(a, b)| agresti_caffo(a, b, alpha)));
        check.interval("/ci_risk_ratio_log", &arms().and_then(|(a, b)| risk_ratio(a, b, alpha)));

        let absolute = arms().and_then(|(a, b)| welch(&a.summary(), &b.summary(), alpha));
        let relative = arms().and_then(|(a, b)| welch_lift(&a.summary(), &b.summary(), alpha)).map(|lift| lift.welch);
        for (path, welch) in [("/gb_absolute", absolute), ("/gb_relative", relative)] {
            check.number(&format!("{path}/effect"), &welch.as_ref().map(|welch| welch.effect));
            check.number(&format!("{path}/se"), &welch.as_ref().map(|welch| welch.se));
            check.number(&format!("{path}/dof"), &welch.as_ref().map(|welch| welch.df));
            check.number(&format!("{path}/p_value"), &welch.as_ref().map(|welch| welch.p_two_sided));
            check.interval(&format!("{path}/ci"), &welch.map(|welch| welch.interval));
        }
    });
}

#[test]
fn t33_a_holdout_shows_the_lift_of_messages() {
    let holdout = Proportion::new(300, 10_000).unwrap();
    let treated = Proportion::new(3_150, 90_000).unwrap();
    let read_out = two_proportion(holdout, treated, Alpha::FIVE_PERCENT).unwrap();
    let check = |got: f64, digits: usize, expect: &str| assert_eq!(format!("{got:.digits$}"), expect, "{read_out:?}");
    check(100.0 * read_out.difference, 2, "0.50");
    check(100.0 * read_out.relative_lift.clone().unwrap(), 1, "16.7");
    check(read_out.z_pooled, 3, "2.599");
    check(read_out.p_two_sided, 4, "0.0093");
    check(100.0 * read_out.interval.low, 3, "0.145");
    check(100.0 * read_out.interval.high, 3, "0.855");
    check(90_000.0 * read_out.difference, 0, "450");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let check = |(x_a, n_a), (x_b, n_b), expect: &str| {
        let compare =
            || two_proportion(Proportion::new(x_a, n_a)?, Proportion::new(x_b, n_b)?, Alpha::FIVE_PERCENT)?.relative_lift;
        assert_eq!(compare().unwrap_err().to_string(), expect, "{x_a}/{n_a} against {x_b}/{n_b}");
    };
    check((0, 0), (1, 2), "there is nobody to compute it from");
    check((3, 2), (1, 2), "3 of 2 is not a proportion: a part cannot be more than the whole");
    check((0, 500), (0, 480), "everybody has the same value, so there is no scatter to measure a difference against");
    check((50, 50), (60, 60), "everybody has the same value, so there is no scatter to measure a difference against");
    check((0, 500), (7, 480), "the control is 0, so a relative change from it does not exist");
    for alpha in [0.0, 1.0, 5.0, f64::NAN] {
        assert!(matches!(Alpha::new(alpha), Err(NotComputable::OutOfRange { what: "alpha", .. })));
    }
}

proptest! {
    #[test]
    fn swapping_the_arms_turns_the_sign(n_a in 1u64..1_000_000, n_b in 1u64..1_000_000, share_a in 0.0..=1.0f64, share_b in 0.0..=1.0f64) {
        let a = Proportion::new((n_a as f64 * share_a) as u64, n_a).unwrap();
        let b = Proportion::new((n_b as f64 * share_b) as u64, n_b).unwrap();
        let (one, other) = (two_proportion(a, b, Alpha::FIVE_PERCENT), two_proportion(b, a, Alpha::FIVE_PERCENT));
        let (Ok(one), Ok(other)) = (&one, &other) else {
            prop_assert_eq!(one.unwrap_err(), other.unwrap_err());
            return Ok(());
        };
        prop_assert_eq!(one.difference, -other.difference);
        prop_assert!((one.p_two_sided - other.p_two_sided).abs() <= 1e-12);
        prop_assert!((0.0..=1.0).contains(&one.p_two_sided));
        prop_assert!(one.interval.low <= one.difference && one.difference <= one.interval.high);
    }
}
