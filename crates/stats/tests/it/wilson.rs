//! Intervals of one rate against the reference numbers.

use proptest::prelude::*;
use stats::{Alpha, Proportion, agresti_coull, clopper_pearson, jeffreys, wilson};

use crate::reference::check_family;

#[test]
fn intervals_of_a_rate_meet_the_reference() {
    check_family("proportion_intervals", &[], |case, check| {
        let alpha = Alpha::new(case.float("alpha")).unwrap();
        let proportion = Proportion::new(case.count("x"), case.count("n"));
        for (path, interval) in [
            ("/wilson", wilson as fn(Proportion, Alpha) -> _),
            ("/clopper_pearson", clopper_pearson),
            ("/agresti_coull", agresti_coull),
            ("/jeffreys", jeffreys),
        ] {
            check.interval(path, &proportion.clone().and_then(|proportion| interval(proportion, alpha)));
        }
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
