//! The level of a test and of its interval, checked once, so that no formula has to ask whether 5 meant 5 % or 500 %.

use crate::{NotComputable, normal};

/// The two-sided error rate α of a test, strictly between 0 and 1; its interval covers 1 - α.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alpha(f64);

impl Alpha {
    pub const FIVE_PERCENT: Self = Self(0.05);

    /// # Errors
    /// `OutOfRange` unless 0 < `alpha` < 1.
    pub fn new(alpha: f64) -> Result<Self, NotComputable> {
        if alpha > 0.0 && alpha < 1.0 {
            Ok(Self(alpha))
        } else {
            Err(NotComputable::OutOfRange { what: "alpha", value: alpha, range: "between 0 and 1" })
        }
    }

    pub fn get(self) -> f64 {
        self.0
    }

    /// The normal quantile z of 1 - α/2.
    ///
    /// # Errors
    /// `OutOfRange` if α/2 underflows to 0.
    pub fn z(self) -> Result<f64, NotComputable> {
        normal::upper_quantile(self.0 / 2.0)
    }
}
