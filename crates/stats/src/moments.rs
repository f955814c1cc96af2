//! Sufficient statistics of one arm, added up exactly. F1: ȳ = Σy/n, s² = (Σy² - (Σy)²/n)/(n-1). In floating point that
//! difference loses every digit once Σy² is large beside the variance, so sums are integers in units of 10^-scale (money is kept
//! in 1/10,000), the difference is taken among integers, and the result is rounded once.

use crate::{NotComputable, Summary};

/// The decimals money is kept with, as in the lake.
pub const MONEY_SCALE: u8 = 4;

/// The most decimals a decimal column can have.
const SCALE_MAX: u8 = 38;

/// Count, sum and sum of squares of whole numbers of 10^-`scale`; `sum_sq` is in units of 10^-(2 × `scale`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    n: u64,
    sum: i128,
    sum_sq: i128,
    scale: u8,
}

impl Moments {
    /// Of nobody yet.
    ///
    /// # Panics
    /// If `scale` is more than 38, which no decimal column has.
    pub fn new(scale: u8) -> Self {
        assert!(scale <= SCALE_MAX, "a scale of {scale} is more than {SCALE_MAX}");
        Self { n: 0, sum: 0, sum_sq: 0, scale }
    }

    /// From sums taken elsewhere, such as in SQL over decimals.
    ///
    /// # Errors
    /// `Inconsistent` if no data has these sums, `Overflow` if they are too large to tell, `OutOfRange` for a scale above 38.
    pub fn from_sums(n: u64, sum: i128, sum_sq: i128, scale: u8) -> Result<Self, NotComputable> {
        if scale > SCALE_MAX {
            return Err(NotComputable::OutOfRange { what: "scale", value: f64::from(scale), range: "at most 38" });
        }
        let moments = Self { n, sum, sum_sq, scale };
        if n == 0 {
            return if sum == 0 && sum_sq == 0 { Ok(moments) } else { Err(NotComputable::Inconsistent) };
        }
        moments.centred_squares().map(|_| moments)
    }

    /// Adds one unit's value, a whole number of 10^-scale.
    ///
    /// # Errors
    /// `Overflow` if a sum does not fit; the moments are then unchanged.
    pub fn push(&mut self, value: i128) -> Result<(), NotComputable> {
        let square = value.checked_mul(value).ok_or(NotComputable::Overflow { what: "sum of squares" })?;
        *self = self.plus(1, value, square)?;
        Ok(())
    }

    /// The moments of both together.
    ///
    /// # Errors
    /// `ScaleMismatch` if the units differ, `Overflow` if a sum does not fit.
    pub fn merge(&self, other: &Self) -> Result<Self, NotComputable> {
        if self.scale != other.scale {
            return Err(NotComputable::ScaleMismatch { left: self.scale, right: other.scale });
        }
        self.plus(other.n, other.sum, other.sum_sq)
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// ȳ, in whole units.
    ///
    /// # Errors
    /// `Empty` if nobody was added.
    pub fn mean(&self) -> Result<f64, NotComputable> {
        if self.n == 0 {
            return Err(NotComputable::Empty);
        }
        Ok(self.sum as f64 / (self.n as f64 * self.unit()))
    }

    /// Size, mean and sample variance (n - 1), in whole units and their square.
    ///
    /// # Errors
    /// `TooFew` below 2 units, `Overflow` if the sums are too large.
    pub fn summary(&self) -> Result<Summary, NotComputable> {
        if self.n < 2 {
            return Err(NotComputable::TooFew { n: self.n, needed: 2 });
        }
        let variance = self.centred_squares()? / ((self.n - 1) as f64 * self.unit() * self.unit());
        Summary::new(self.n, self.mean()?, variance)
    }

    fn unit(&self) -> f64 {
        10f64.powi(i32::from(self.scale))
    }

    fn plus(&self, n: u64, sum: i128, sum_sq: i128) -> Result<Self, NotComputable> {
        let n = self.n.checked_add(n).ok_or(NotComputable::Overflow { what: "count" })?;
        let sum = self.sum.checked_add(sum).ok_or(NotComputable::Overflow { what: "sum" })?;
        let sum_sq = self.sum_sq.checked_add(sum_sq).ok_or(NotComputable::Overflow { what: "sum of squares" })?;
        Ok(Self { n, sum, sum_sq, scale: self.scale })
    }

    /// Σ(y - ȳ)² = Σy² - (Σy)²/n in squared units of 10^-scale, rounded once. With Σy = n·q + r it is Σy² - q·Σy - q·r - r²/n,
    /// whose terms stay near Σy², so that nothing wider than 128 bits is needed.
    fn centred_squares(&self) -> Result<f64, NotComputable> {
        const TOO_LARGE: NotComputable = NotComputable::Overflow { what: "sum of squares" };
        let n = i128::from(self.n);
        let (quotient, remainder) = (self.sum.div_euclid(n), self.sum.rem_euclid(n));
        let by_sum = quotient.checked_mul(self.sum).ok_or(TOO_LARGE)?;
        let by_remainder = quotient.checked_mul(remainder).ok_or(TOO_LARGE)?;
        let whole = self.sum_sq.checked_sub(by_sum).and_then(|rest| rest.checked_sub(by_remainder)).ok_or(TOO_LARGE)?;

        // The remainder is below n, which has 64 bits, so its square fits; r²/n is again below n.
        let square = remainder.unsigned_abs() * remainder.unsigned_abs();
        let (below, part) = ((square / n.unsigned_abs()) as i128, square % n.unsigned_abs());
        let whole = whole.checked_sub(below).ok_or(TOO_LARGE)?;
        let borrow = i128::from(part > 0);
        if whole < borrow {
            return Err(NotComputable::Inconsistent);
        }
        let fraction = if part > 0 { (n.unsigned_abs() - part) as f64 / n as f64 } else { 0.0 };
        Ok((whole - borrow) as f64 + fraction)
    }
}
