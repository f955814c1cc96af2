//! The other intervals of a single rate, for reports that must agree with another tool. Beside [`crate::wilson`], which is ours.
//! Clopper and Pearson (1934), exact: beta quantiles of (x, n-x+1) and (x+1, n-x). Agresti and Coull (1998): Wald around Wilson's
//! centre. Jeffreys: beta quantiles of (x+½, n-x+½) (Brown, Cai and DasGupta 2001, "Interval Estimation for a Binomial Proportion").

use crate::{Alpha, Interval, NotComputable, Proportion, beta};

/// Covers at least 1 - α whatever the rate, and is wider than it need be.
///
/// # Errors
/// `OutOfRange` if α/2 underflows.
pub fn clopper_pearson(proportion: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let (x, rest, tail) = (proportion.x() as f64, (proportion.n() - proportion.x()) as f64, alpha.get() / 2.0);
    let low = if x == 0.0 { 0.0 } else { beta::quantile(tail, x, rest + 1.0)? };
    let high = if rest == 0.0 { 1.0 } else { 1.0 - beta::quantile(tail, rest, x + 1.0)? };
    Ok(Interval { low, high })
}

/// # Errors
/// `OutOfRange` if α/2 underflows.
pub fn agresti_coull(proportion: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let z = alpha.z()?;
    let n = proportion.n() as f64 + z * z;
    let centre = (proportion.x() as f64 + z * z / 2.0) / n;
    let half_width = z * (centre * (1.0 - centre) / n).sqrt();
    Ok(Interval { low: (centre - half_width).max(0.0), high: (centre + half_width).min(1.0) })
}

/// # Errors
/// `OutOfRange` if α/2 underflows.
pub fn jeffreys(proportion: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let (x, rest, tail) = (proportion.x() as f64, (proportion.n() - proportion.x()) as f64, alpha.get() / 2.0);
    let low = beta::quantile(tail, x + 0.5, rest + 0.5)?;
    Ok(Interval { low, high: 1.0 - beta::quantile(tail, rest + 0.5, x + 0.5)? })
}
