//! Whether the arms have the sizes they were meant to have. If they have not, the read-out is refused: whatever kept people out of
//! one arm also moved its metric. F15: Pearson's χ² = Σ(O-E)²/E over arms with a positive weight, df = arms - 1, stop at
//! p < 0.001 (GrowthBook, Eppo).

use crate::{NotComputable, chi_square, not_computable::finite};

/// Below this p the split is broken and the read-out stops.
pub const SRM_P_MIN: f64 = 0.001;

/// One arm: the units seen in it and its planned weight. Weights are relative and need not sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmCount {
    pub seen: u64,
    pub weight: f64,
}

/// The test of the split (sample ratio mismatch).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Srm {
    pub chi_square: f64,
    pub df: u32,
    pub p_value: f64,
    /// The read-out must stop.
    pub mismatch: bool,
    /// The fewest units expected in an arm; below about 5 the test is rough.
    pub expected_min: f64,
    /// Units seen in arms of weight 0, which the test leaves out.
    pub left_out: u64,
}

/// Tests the sizes of the arms against their weights.
///
/// # Errors
/// `OutOfRange` for a negative or infinite weight, `TooFew` with fewer than two arms of positive weight, `Empty` if nobody was
/// seen in them, `Overflow` if the counts or weights do not add up.
pub fn srm(arms: &[ArmCount]) -> Result<Srm, NotComputable> {
    let (mut seen, mut left_out, mut weight, mut weighted) = (0u64, 0u64, 0.0, 0u32);
    for arm in arms {
        if !(arm.weight >= 0.0 && arm.weight.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "weight", value: arm.weight, range: "0 or more, and finite" });
        }
        let count = if arm.weight > 0.0 { &mut seen } else { &mut left_out };
        *count = count.checked_add(arm.seen).ok_or(NotComputable::Overflow { what: "count" })?;
        weight += arm.weight;
        weighted += u32::from(arm.weight > 0.0);
    }
    if weighted < 2 {
        return Err(NotComputable::TooFew { n: u64::from(weighted), needed: 2 });
    }
    if seen == 0 {
        return Err(NotComputable::Empty);
    }
    let weight = finite(weight, "sum of weights")?;

    let (mut chi_square, mut expected_min) = (0.0, f64::INFINITY);
    for arm in arms.iter().filter(|arm| arm.weight > 0.0) {
        let expected = arm.weight / weight * seen as f64;
        let off = arm.seen as f64 - expected;
        chi_square += off * (off / expected);
        expected_min = expected_min.min(expected);
    }
    let chi_square = finite(chi_square, "chi-square")?;
    let df = weighted - 1;
    let p_value = chi_square::sf(chi_square, df)?;
    Ok(Srm { chi_square, df, p_value, mismatch: p_value < SRM_P_MIN, expected_min, left_out })
}
