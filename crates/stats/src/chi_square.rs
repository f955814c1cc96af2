//! The upper tail of the chi-square distribution. That of statrs 0.19.1 is right to 1e-15 and is used; what this file adds is that
//! 0 has a tail of exactly 1 and that NaN is refused.

use statrs::function::gamma::checked_gamma_ur;

use crate::NotComputable;

/// The probability of a value above `x` with `df` degrees of freedom, as the tail itself.
///
/// # Errors
/// `OutOfRange` if `x` is negative or not finite, or `df` is 0.
pub fn sf(x: f64, df: u32) -> Result<f64, NotComputable> {
    if df == 0 {
        return Err(NotComputable::OutOfRange { what: "degrees of freedom", value: 0.0, range: "positive" });
    }
    if x == 0.0 {
        return Ok(1.0);
    }
    let out_of_range = NotComputable::OutOfRange { what: "chi-square", value: x, range: "0 or more, and finite" };
    if !x.is_finite() {
        return Err(out_of_range);
    }
    checked_gamma_ur(f64::from(df) / 2.0, x / 2.0).map_err(|_| out_of_range)
}
