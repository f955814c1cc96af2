//! A ratio of two sums per unit (average order value, opens per send), where the unit is the customer and not the order. F5, the delta
//! method of Deng, Knoblich and Lu (2018): R = m̄/d̄, unit variance = s_m²/d̄² - 2 m̄ s_md/d̄³ + m̄² s_d²/d̄⁴; then F2 to F4 with ȳ = R.

use crate::{NotComputable, Paired, Summary};

/// The ratio as a mean with a variance per unit, for [`crate::welch`] and [`crate::welch_lift`]. `y` is the numerator, `x` the
/// denominator.
///
/// # Errors
/// `ZeroBaseline` if the denominators add up to 0; `OutOfRange` if nothing finite comes of it.
pub fn ratio(parts: &Paired) -> Result<Summary, NotComputable> {
    let (m, d) = (parts.y.mean(), parts.x.mean());
    if d == 0.0 {
        return Err(NotComputable::ZeroBaseline);
    }
    let r = m / d;
    let variance = (parts.y.variance() - 2.0 * r * parts.covariance + r * r * parts.x.variance()) / d / d;
    // Where numerator and denominator move as one, rounding may leave less than nothing.
    Summary::new(parts.y.n(), r, variance.max(0.0))
}
