//! What a test of means needs to know of one arm. A type of its own, because a mean of yen, a proportion and a published
//! table row reach the same test from different sums.

use crate::{NotComputable, not_computable::finite};

/// Size, mean and sample variance of one arm, in the unit of the metric (variance in its square).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    n: u64,
    mean: f64,
    variance: f64,
}

impl Summary {
    /// # Errors
    /// `Empty` if `n` is 0; `OutOfRange` if the mean is not finite, or the variance is not finite and 0 or more.
    pub fn new(n: u64, mean: f64, variance: f64) -> Result<Self, NotComputable> {
        if n == 0 {
            return Err(NotComputable::Empty);
        }
        if !mean.is_finite() {
            return Err(NotComputable::OutOfRange { what: "mean", value: mean, range: "finite" });
        }
        if !(variance >= 0.0 && variance.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "variance", value: variance, range: "0 or more, and finite" });
        }
        Ok(Self { n, mean, variance })
    }

    /// From sums in floating point, for numbers that are not ours. Sums of our own are exact: [`crate::Moments`].
    ///
    /// # Errors
    /// `TooFew` below 2; `Inconsistent` if `sum_sq` is below sum²/n; `Cancelled` if fewer than about 7 digits of the variance
    /// are left; `Overflow` if a sum or its square is not finite.
    pub fn from_sums(n: u64, sum: f64, sum_sq: f64) -> Result<Self, NotComputable> {
        if n < 2 {
            return Err(NotComputable::TooFew { n, needed: 2 });
        }
        let mean = finite(sum, "sum")? / n as f64;
        let sum_sq = finite(sum_sq, "sum of squares")?;
        let squares = finite(sum_sq - sum * mean, "sum of squares")?;
        if squares < -1e-9 * sum_sq.abs() || sum_sq < 0.0 {
            return Err(NotComputable::Inconsistent);
        }
        if squares <= 1e-9 * sum_sq && sum_sq > 0.0 {
            return Err(NotComputable::Cancelled);
        }
        Self::new(n, mean, squares / (n - 1) as f64)
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// The squared standard error of the mean.
    pub fn variance_of_mean(&self) -> f64 {
        self.variance / self.n as f64
    }
}
