//! An interval and a p-value that may be looked at every day. F13, the asymptotic confidence sequence of Waudby-Smith et al. (2021,
//! arXiv 2103.06476, eq. 9, 155, 161): with z = effect/se and k > 0, half-width = se·√((1+k)/k · ln((1+k)/α²)) and
//! p = min(1, √(1+k)·exp(-k z²/(2(1+k)))). GrowthBook and Eppo take k = N·ρ² with ρ² = (-2 ln α + ln(1 - 2 ln α))/N*; the mixture
//! test of Johari et al. (2017) takes k = τ²/se². N* or τ² is fixed before the first look: then the smallest p so far and the
//! intersection of all intervals so far are valid too.

use crate::{Alpha, Interval, NotComputable, not_computable::finite};

/// How wide the sequence is where: fixed before the first look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tuning {
    /// N*: the number of units, of all arms together, at which the interval is to be tightest.
    PlannedUnits(u64),
    /// τ²: the variance of effects one expects, in the squared unit of the effect.
    EffectVariance(f64),
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub interval: Interval,
    /// Valid whenever one stops.
    pub p_value: f64,
    pub k: f64,
}

/// The look at an effect with its standard error, of `units` in all arms together.
///
/// # Errors
/// `NoVariance` if `se` is 0; `OutOfRange` if a value is not finite, or a tuning or count is not positive.
pub fn confidence_sequence(effect: f64, se: f64, units: u64, tuning: Tuning, alpha: Alpha) -> Result<Look, NotComputable> {
    if !(se >= 0.0 && se.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "standard error", value: se, range: "0 or more, and finite" });
    }
    if se == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let k = match tuning {
        Tuning::PlannedUnits(planned) => units as f64 * rho_squared(planned, alpha)?,
        Tuning::EffectVariance(variance) => variance / se / se,
    };
    if !(k > 0.0 && k.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "tuning", value: k, range: "positive and finite" });
    }
    let z = finite(effect / se, "z")?;
    let half = se * ((1.0 + k) / k * (k.ln_1p() - 2.0 * alpha.get().ln())).sqrt();
    let log_p = 0.5 * k.ln_1p() - k / (1.0 + k) * z * z / 2.0;
    Ok(Look { interval: Interval::around(effect, half)?, p_value: log_p.min(0.0).exp(), k })
}

/// ρ² of a planned number of units.
///
/// # Errors
/// `OutOfRange` if it is 0.
pub fn rho_squared(planned: u64, alpha: Alpha) -> Result<f64, NotComputable> {
    if planned == 0 {
        return Err(NotComputable::OutOfRange { what: "planned number of units", value: 0.0, range: "positive" });
    }
    let spent = -2.0 * alpha.get().ln();
    Ok((spent + spent.ln_1p()) / planned as f64)
}

/// What all looks so far say together: the smallest p, and what every interval has in common.
///
/// # Errors
/// `Empty` without a look; `Inconsistent` if the intervals have nothing in common, which happens in at most a share α of all tests.
pub fn running(looks: &[Look]) -> Result<(f64, Interval), NotComputable> {
    let first = looks.first().ok_or(NotComputable::Empty)?;
    let mut p = first.p_value;
    let mut common = first.interval;
    for look in looks {
        p = p.min(look.p_value);
        common = Interval { low: common.low.max(look.interval.low), high: common.high.min(look.interval.high) };
    }
    if common.low > common.high { Err(NotComputable::Inconsistent) } else { Ok((p, common)) }
}
