//! A confidence interval, as one noun, so that low and high never change places between two crates.

use crate::{NotComputable, not_computable::finite};

/// From `low` to `high`, in the unit of the estimate it belongs to; `low <= high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Interval {
    pub(crate) fn around(centre: f64, half_width: f64) -> Result<Self, NotComputable> {
        Ok(Self { low: finite(centre - half_width, "interval")?, high: finite(centre + half_width, "interval")? })
    }
}
