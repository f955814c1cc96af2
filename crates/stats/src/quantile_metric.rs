//! A test of a quantile of units (the median basket). F6: q̂ is the inverted-CDF sample quantile; L and U are the quantiles at
//! ν ∓ 1.96·√(ν(1-ν)/n); unit variance = (n-1)·((U-L)/(2·1.95996))² (Deng et al. 2018; GrowthBook).

use crate::{NotComputable, Summary};

const Z: f64 = 1.959_963_984_540_054;

/// The quantile ν of one arm, with what a test needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The quantile as a mean with a variance per unit, for [`crate::welch`].
    pub summary: Summary,
    pub lower: f64,
    pub upper: f64,
}

/// Of the values of an arm's units.
///
/// # Errors
/// `TooFew` unless n > 3.84·max(ν/(1-ν), (1-ν)/ν); `OutOfRange` unless 0 < ν < 1 and all values are finite.
pub fn quantile_metric(values: &[f64], nu: f64) -> Result<Quantile, NotComputable> {
    if !(nu > 0.0 && nu < 1.0) {
        return Err(NotComputable::OutOfRange { what: "quantile", value: nu, range: "between 0 and 1" });
    }
    if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "value", value, range: "finite" });
    }
    let n = values.len() as u64;
    let needed = (Z * Z * (nu / (1.0 - nu)).max((1.0 - nu) / nu)).floor() as u64 + 1;
    if n < needed {
        return Err(NotComputable::TooFew { n, needed });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        // The smallest value whose share of values at or below it reaches `share`; a product that is a whole number but for its last bit is one.
        let place = share * n as f64;
        let rank = if (place - place.round()).abs() < 1e-9 { place.round() } else { place.ceil() };
        sorted[(rank.max(1.0) as usize - 1).min(sorted.len() - 1)]
    };
    let reach = Z * (nu * (1.0 - nu) / n as f64).sqrt();
    let (lower, upper) = (at(nu - reach), at(nu + reach));
    let sd = (upper - lower) / (2.0 * Z);
    Ok(Quantile { summary: Summary::new(n, at(nu), (n - 1) as f64 * sd * sd)?, lower, upper })
}
