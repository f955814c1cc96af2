//! The mean of an arm whose share of the units changed from period to period, as a bandit's does. Plain means then compare other times, not
//! other arms: what was sent more on good days looks good. Each period counts by all of its units (F14; inverse-probability weights, by
//! period): ȳ = Σ (N_p/N) ȳ_p, with variance Σ (N_p/N)² s²_p/n_p. Periods without the arm are left out.

use crate::{NotComputable, Summary, not_computable::finite};

/// One period: the units of all arms, and what the arm did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmInPeriod {
    pub units_of_all: u64,
    pub arm: Summary,
}

/// Mean and variance of the mean.
///
/// # Errors
/// `Empty` without a period; `OutOfRange` if a period has fewer units than the arm has in it.
pub fn across_periods(periods: &[ArmInPeriod]) -> Result<(f64, f64), NotComputable> {
    let all: f64 = periods.iter().map(|period| period.units_of_all as f64).sum();
    if periods.is_empty() {
        return Err(NotComputable::Empty);
    }
    let (mut mean, mut variance) = (0.0, 0.0);
    for ArmInPeriod { units_of_all, arm } in periods {
        if *units_of_all < arm.n() {
            return Err(NotComputable::OutOfRange {
                what: "number of units",
                value: *units_of_all as f64,
                range: "at least that of the arm",
            });
        }
        let share = *units_of_all as f64 / all;
        mean += share * arm.mean();
        variance += share * share * arm.variance_of_mean();
    }
    Ok((finite(mean, "mean")?, finite(variance, "variance")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(units_of_all: u64, n: u64, mean: f64) -> ArmInPeriod {
        ArmInPeriod { units_of_all, arm: Summary::new(n, mean, 4.0).unwrap() }
    }

    #[test]
    fn a_good_week_does_not_make_a_good_arm() {
        // Both arms bring 10 in a bad week and 20 in a good one; B has most of the good week.
        let a = across_periods(&[period(1_000, 500, 10.0), period(1_000, 100, 20.0)]).unwrap();
        let b = across_periods(&[period(1_000, 500, 10.0), period(1_000, 900, 20.0)]).unwrap();
        assert_eq!((a.0, b.0), (15.0, 15.0));
        assert!((a.1 - (4.0 / 500.0 + 4.0 / 100.0) / 4.0).abs() < 1e-15 && a.1 > b.1);
    }

    #[test]
    fn one_period_is_the_mean() {
        assert_eq!(across_periods(&[period(1_000, 400, 7.0)]), Ok((7.0, 0.01)));
        assert_eq!(across_periods(&[]), Err(NotComputable::Empty));
        assert!(across_periods(&[period(10, 400, 7.0)]).is_err());
    }
}
