//! Sufficient statistics of two values per unit: a metric and what was known before, or a numerator and a denominator. Covariances are
//! taken from sums in floating point with a check that digits are left, or from exact sums by [`PairedMoments`].

use crate::{MONEY_SCALE, Moments, NotComputable, Summary};

/// Means, variances and covariance (n - 1) of two values of one arm's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    pub y: Summary,
    pub x: Summary,
    pub covariance: f64,
}

impl Paired {
    /// From sums in floating point.
    ///
    /// # Errors
    /// As [`Summary::from_sums`]; `TooFew` below 2.
    pub fn from_sums(n: u64, y: (f64, f64), x: (f64, f64), products: f64) -> Result<Self, NotComputable> {
        let summary = |(sum, squares): (f64, f64)| match Summary::from_sums(n, sum, squares) {
            // Everybody has the same value: there is no variance to lose.
            Err(NotComputable::Cancelled) if (squares - sum * sum / n as f64).abs() <= 1e-12 * squares => {
                Summary::new(n, sum / n as f64, 0.0)
            }
            other => other,
        };
        let (y_summary, x_summary) = (summary(y)?, summary(x)?);
        Ok(Paired { y: y_summary, x: x_summary, covariance: (products - y.0 * x_summary.mean()) / (n - 1) as f64 })
    }
}

/// Exact sums of both values and of their products, in units of 10^-scale and 10^-(2·scale).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedMoments {
    y: Moments,
    x: Moments,
    /// The moments of y + x: Σxy follows from it exactly, with the same guard against lost digits.
    sum: Moments,
}

impl PairedMoments {
    /// Of nobody yet, in money's decimals.
    pub fn new() -> Self {
        PairedMoments { y: Moments::new(MONEY_SCALE), x: Moments::new(MONEY_SCALE), sum: Moments::new(MONEY_SCALE) }
    }

    /// From sums taken elsewhere, such as in SQL over decimals: Σy, Σy², Σx, Σx², Σxy, in money's decimals and their double.
    ///
    /// # Errors
    /// As [`Moments::from_sums`].
    pub fn from_sums(n: u64, y: (i128, i128), x: (i128, i128), products: i128) -> Result<Self, NotComputable> {
        let overflow = || NotComputable::Overflow { what: "sum of squares" };
        let squares = products.checked_mul(2).and_then(|twice| y.1.checked_add(x.1)?.checked_add(twice)).ok_or_else(overflow)?;
        let sum = y.0.checked_add(x.0).ok_or_else(overflow)?;
        Ok(PairedMoments {
            y: Moments::from_sums(n, y.0, y.1, MONEY_SCALE)?,
            x: Moments::from_sums(n, x.0, x.1, MONEY_SCALE)?,
            sum: Moments::from_sums(n, sum, squares, MONEY_SCALE)?,
        })
    }

    /// # Errors
    /// `Overflow` if a sum does not fit.
    pub fn push(&mut self, y: i128, x: i128) -> Result<(), NotComputable> {
        self.y.push(y)?;
        self.x.push(x)?;
        self.sum.push(y.checked_add(x).ok_or(NotComputable::Overflow { what: "sum" })?)
    }

    /// # Errors
    /// `TooFew` below 2 units, `Overflow` if the sums are too large.
    pub fn paired(&self) -> Result<Paired, NotComputable> {
        let (y, x, sum) = (self.y.summary()?, self.x.summary()?, self.sum.summary()?);
        Ok(Paired { y, x, covariance: (sum.variance() - y.variance() - x.variance()) / 2.0 })
    }
}

impl Default for PairedMoments {
    fn default() -> Self {
        Self::new()
    }
}
