//! Wilson intervals against the reference numbers.

use proptest::prelude::*;
use stats::{Alpha, Proportion, wilson};

use crate::reference::check_family;

#[test]
fn wilson_meets_the_reference() {
    // Intervals this crate does not have.
    check_family("proportion_intervals", &["clopper_pearson", "agresti_coull", "jeffreys"], |case, check| {
        let alpha = Alpha::new(case.float("alpha")).unwrap();
        let proportion = Proportion::new(case.count("x"), case.count("n"));
        check.interval("/wilson", &proportion.and_then(|proportion| wilson(proportion, alpha)));
    });
}

proptest! {
    #[test]
    fn wilson_holds_the_rate_and_stays_within_0_and_1(n in 1u64..u64::MAX, share in 0.0..=1.0f64, alpha in 1e-9..0.999f64) {
        let proportion = Proportion::new(((n as f64 * share) as u64).min(n), n).unwrap();
        let interval = wilson(proportion, Alpha::new(alpha).unwrap()).unwrap();
        let bit = 1e-15;
        prop_assert!(0.0 <= interval.low && interval.high <= 1.0, "{interval:?}");
        prop_assert!(interval.low - bit <= proportion.rate() && proportion.rate() <= interval.high + bit, "{interval:?}");
    }
}
