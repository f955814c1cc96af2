//! Chance to win and expected loss under a normal prior. F11: prior N(μ0, σ0²) on the lift (scaled by |ȳA| for absolute effects);
//! posterior precision 1/V + 1/σ0², mean (δ/V + μ0/σ0²)/precision. Expected loss of B: -μΦ(-μ/σ) + σφ(μ/σ); of A: μΦ(μ/σ) + σφ(μ/σ). A flat
//! prior gives N(δ, V). What is valid under peeking is the posterior, not an error rate.

use crate::{Alpha, Interval, NotComputable, normal, not_computable::finite};

/// What is believed of the lift before: mean and variance, in shares of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    Flat,
    Normal { mean: f64, variance: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    pub mean: f64,
    pub sd: f64,
    /// That B is better than A.
    pub chance_to_win: f64,
    pub interval: Interval,
    /// What one loses on average by choosing A, or B, in the unit of the effect.
    pub loss_a: f64,
    pub loss_b: f64,
}

/// Of an effect with its standard error. `scale` is 1 for a relative effect and |ȳA| for an absolute one.
///
/// # Errors
/// `NoVariance` if `se` is 0; `OutOfRange` if a value is not finite or a prior's variance is not positive.
pub fn bayes_gaussian(
    effect: f64,
    se: f64,
    prior: Prior,
    scale: f64,
    lower_is_better: bool,
    alpha: Alpha,
) -> Result<Posterior, NotComputable> {
    let effect = finite(effect, "effect")?;
    if !(se > 0.0 && se.is_finite()) {
        return Err(if se == 0.0 { NotComputable::NoVariance } else { NotComputable::Overflow { what: "standard error" } });
    }
    let (mean, sd) = match prior {
        Prior::Flat => (effect, se),
        Prior::Normal { mean, variance } => {
            let (mean, variance) = (finite(mean * scale, "prior mean")?, variance * scale * scale);
            if !(variance > 0.0 && variance.is_finite()) {
                return Err(NotComputable::OutOfRange { what: "prior variance", value: variance, range: "positive and finite" });
            }
            let precision = 1.0 / se / se + 1.0 / variance;
            ((effect / se / se + mean / variance) / precision, precision.sqrt().recip())
        }
    };
    let z = mean / sd;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let above = mean * normal::cdf(z)? + sd * density;
    let below = -mean * normal::sf(z)? + sd * density;
    let (chance_to_win, loss_a, loss_b) =
        if lower_is_better { (normal::sf(z)?, below, above) } else { (normal::cdf(z)?, above, below) };
    Ok(Posterior { mean, sd, chance_to_win, interval: Interval::around(mean, alpha.z()? * sd)?, loss_a, loss_b })
}
