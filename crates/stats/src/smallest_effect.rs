//! What a test of this size can see. F19: κ = z_{1-α/2} + z_{power}; the smallest visible difference is κ·σ·sqrt(1/nA + 1/nB). As a
//! share of the control's mean, whose own scatter counts too: with c = σ²/N and N = min(nA, nB),
//! μB = (μ + sqrt(μ² - (1-cκ²/μ²)(μ²-κ²c)))/(1-cκ²/μ²), and the effect is μB/μ - 1 (GrowthBook's power documentation). A difference of
//! z scatters is found with probability Φ(|z| - z_{1-α/2}) + Φ(-|z| - z_{1-α/2}).

use crate::{Alpha, NotComputable, normal, not_computable::finite};

/// The metric before the test: mean and variance, alike in both arms, and the people of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    pub mean: f64,
    pub variance: f64,
    pub n_a: u64,
    pub n_b: u64,
}

/// The smallest effects that are seen with the power asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallestEffect {
    /// In the unit of the metric.
    pub absolute: f64,
    /// The same as a share of the control's mean, as if that were known exactly.
    pub relative_simple: Result<f64, NotComputable>,
    /// As a share of the control's mean as it is known: the one that the test of the lift can see. `TooFew` stands for "no lift is large enough".
    pub relative: Result<f64, NotComputable>,
}

/// # Errors
/// `Empty` for an arm of nobody; `NoVariance` where the variance is 0; `OutOfRange` for a power outside 0 and 1, or a variance or mean that is none.
pub fn smallest_effect(baseline: &Baseline, power: f64, alpha: Alpha) -> Result<SmallestEffect, NotComputable> {
    let Baseline { mean, variance, n_a, n_b } = *baseline;
    if n_a == 0 || n_b == 0 {
        return Err(NotComputable::Empty);
    }
    if !(variance >= 0.0 && variance.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "variance", value: variance, range: "0 or more, and finite" });
    }
    if variance == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let mean = finite(mean, "mean")?;
    let kappa = alpha.z()? + normal::quantile(power)?;
    let absolute = kappa * (variance * (1.0 / n_a as f64 + 1.0 / n_b as f64)).sqrt();
    let relative_simple = if mean == 0.0 { Err(NotComputable::ZeroBaseline) } else { Ok(absolute / mean.abs()) };
    let relative =
        if mean == 0.0 { Err(NotComputable::ZeroBaseline) } else { relative(mean.abs(), variance, n_a.min(n_b), kappa) };
    Ok(SmallestEffect { absolute, relative_simple, relative })
}

fn relative(mean: f64, variance: f64, n: u64, kappa: f64) -> Result<f64, NotComputable> {
    let spread = variance / n as f64 * kappa * kappa;
    let rest = 1.0 - spread / mean / mean;
    if rest <= 0.0 {
        // The control's mean itself cannot be told from 0.
        let needed = (variance * kappa * kappa / mean / mean).ceil() + 1.0;
        return Err(NotComputable::TooFew { n, needed: needed.min(9e15) as u64 });
    }
    finite((mean + (mean * mean - rest * (mean * mean - spread)).sqrt()) / rest / mean - 1.0, "smallest effect")
}

/// The probability that a test of level α finds an effect that is this large beside its standard error.
///
/// # Errors
/// `NoVariance` if `se` is 0, `OutOfRange` if a number is not finite.
pub fn power_reached(effect: f64, se: f64, alpha: Alpha) -> Result<f64, NotComputable> {
    if se == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let (z, bound) = (finite(effect / se, "effect")?.abs(), alpha.z()?);
    Ok(normal::cdf(z - bound)? + normal::cdf(-z - bound)?)
}
