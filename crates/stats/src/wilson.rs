//! The interval shown beside a single rate: it stays within 0 and 1 and has width at 0 of n, where the usual one has none.
//! F4c: Wilson (1927), "Probable inference", JASA 22; without continuity correction.

use crate::{Alpha, Interval, NotComputable, Proportion};

/// The Wilson score interval of a rate.
///
/// # Errors
/// `OutOfRange` if α is too small to have a quantile.
pub fn wilson(proportion: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let z = alpha.z()?;
    let n = proportion.n() as f64;
    let shrink = 1.0 + z * z / n;
    let centre = (proportion.rate() + z * z / (2.0 * n)) / shrink;
    let half_width = z * (proportion.variance() / n + z * z / (4.0 * n * n)).sqrt() / shrink;
    // Both ends are within 0 and 1 but for the last bit of the subtraction.
    Ok(Interval { low: (centre - half_width).max(0.0), high: (centre + half_width).min(1.0) })
}
