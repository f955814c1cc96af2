//! One value at most, so that one wholesale order does not decide a test. F8: the cap is the percentile of the pooled unit totals of all
//! arms (linear interpolation, "type 7"), or of the non-zero ones; totals of units are cut, not events.

use crate::NotComputable;

/// The cap of all arms together.
///
/// # Errors
/// `Empty` without values (or without non-zero ones), `OutOfRange` unless 0 <= percentile <= 1 and all values are finite.
pub fn cap_at(pooled: &[f64], percentile: f64, ignore_zeros: bool) -> Result<f64, NotComputable> {
    if !(0.0..=1.0).contains(&percentile) {
        return Err(NotComputable::OutOfRange { what: "percentile", value: percentile, range: "within 0 and 1" });
    }
    if let Some(&value) = pooled.iter().find(|value| !value.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "value", value, range: "finite" });
    }
    let mut values: Vec<f64> = pooled.iter().copied().filter(|value| !ignore_zeros || *value != 0.0).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1).ok_or(NotComputable::Empty)?;
    let place = percentile * last as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(last);
    Ok(values[below] + share * (values[above] - values[below]))
}

/// The values, none above the cap, and how many were.
pub fn capped(values: &[f64], cap: f64) -> (Vec<f64>, u64) {
    let above = values.iter().filter(|value| **value > cap).count();
    (values.iter().map(|value| value.min(cap)).collect(), above as u64)
}
