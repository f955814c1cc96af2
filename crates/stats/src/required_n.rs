//! How many people a test needs before it starts. F18, normal approximation, with ratio r = nB/nA. Proportions:
//! nA = (z_{1-α/2} + z_{1-β})² (pA qA + pB qB/r)/(pB-pA)²; with the pooled variance under "nothing changed", which is the size for
//! the pooled z test: nA = (z_{1-α/2} sqrt(p̄ q̄ (1+1/r)) + z_{1-β} sqrt(pA qA + pB qB/r))²/(pB-pA)². Means:
//! nA = (z_{1-α/2} + z_{1-β})² (1+1/r) σ²/δ² (the exact t test needs about one more).

use crate::{Alpha, NotComputable, normal, not_computable::finite};

/// Above this many people the answer is "not in this shop", and whole numbers stop being exact.
const N_MAX: f64 = 9e15;

/// What the test must be able to see: with probability `power`, at level `alpha` (two-sided), with `ratio` times as many in B as in A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    alpha: Alpha,
    power: f64,
    ratio: f64,
}

impl Plan {
    /// # Errors
    /// `OutOfRange` unless 0 < `power` < 1 and `ratio` is positive and finite.
    pub fn new(alpha: Alpha, power: f64, ratio: f64) -> Result<Self, NotComputable> {
        if !(power > 0.0 && power < 1.0) {
            return Err(NotComputable::OutOfRange { what: "power", value: power, range: "between 0 and 1" });
        }
        if !(ratio > 0.0 && ratio.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "ratio of the arms", value: ratio, range: "positive and finite" });
        }
        Ok(Self { alpha, power, ratio })
    }

    fn z_power(&self) -> Result<f64, NotComputable> {
        normal::quantile(self.power)
    }
}

/// The people each arm needs, rounded up; `a_unrounded` is for comparison with other tools.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequiredN {
    pub a: u64,
    pub b: u64,
    pub a_unrounded: f64,
}

/// To tell rate `p_b` from rate `p_a`; the default for a rate.
///
/// # Errors
/// `OutOfRange` unless both rates are within 0 and 1, `NoDifference` if they are equal, `NoVariance` if one is 0 and the other
/// 1, `Overflow` if the number is beyond 9e15.
pub fn required_n_proportions(p_a: f64, p_b: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    let variance = unpooled_variance(p_a, p_b, plan)?;
    let z = plan.alpha.z()? + plan.z_power()?;
    required(z * variance.sqrt() / (p_b - p_a), plan)
}

/// To tell rate `p_b` from rate `p_a` by the pooled z test ([`crate::two_proportion`]).
///
/// # Errors
/// As [`required_n_proportions`].
pub fn required_n_proportions_pooled(p_a: f64, p_b: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    let variance = unpooled_variance(p_a, p_b, plan)?;
    let pooled = (p_a + plan.ratio * p_b) / (1.0 + plan.ratio);
    let pooled_variance = pooled * (1.0 - pooled) * (1.0 + 1.0 / plan.ratio);
    let scatter = plan.alpha.z()? * pooled_variance.sqrt() + plan.z_power()? * variance.sqrt();
    required(scatter / (p_b - p_a), plan)
}

/// To see a difference `delta` of means, of a metric with standard deviation `sd` (same unit) in both arms.
///
/// # Errors
/// `OutOfRange` unless `sd` is positive and finite and `delta` finite, `NoDifference` if `delta` is 0, `Overflow` as above.
pub fn required_n_means(delta: f64, sd: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    if !(sd > 0.0 && sd.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "standard deviation", value: sd, range: "positive and finite" });
    }
    if !delta.is_finite() {
        return Err(NotComputable::OutOfRange { what: "difference", value: delta, range: "finite" });
    }
    if delta == 0.0 {
        return Err(NotComputable::NoDifference);
    }
    let z = plan.alpha.z()? + plan.z_power()?;
    required(z * (1.0 + 1.0 / plan.ratio).sqrt() * (sd / delta), plan)
}

fn unpooled_variance(p_a: f64, p_b: f64, plan: &Plan) -> Result<f64, NotComputable> {
    for p in [p_a, p_b] {
        if !(0.0..=1.0).contains(&p) {
            return Err(NotComputable::OutOfRange { what: "rate", value: p, range: "within 0 and 1" });
        }
    }
    if p_a == p_b {
        return Err(NotComputable::NoDifference);
    }
    let variance = p_a * (1.0 - p_a) + p_b * (1.0 - p_b) / plan.ratio;
    if variance == 0.0 { Err(NotComputable::NoVariance) } else { Ok(variance) }
}

fn required(root: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    let a = finite(root * root, "number of people")?;
    let b = finite(a * plan.ratio, "number of people")?;
    if a.max(b) > N_MAX {
        return Err(NotComputable::Overflow { what: "number of people" });
    }
    Ok(RequiredN { a: a.ceil() as u64, b: b.ceil() as u64, a_unrounded: a })
}
