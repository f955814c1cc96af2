//! How many people a test needs before it starts. F18, normal approximation, with ratio r = nB/nA. Proportions:
//! nA = (z_{1-α/2} + z_{1-β})² (pA qA + pB qB/r)/(pB-pA)²; with the pooled variance under "nothing changed", which is the size for
//! the pooled z test: nA = (z_{1-α/2} sqrt(p̄ q̄ (1+1/r)) + z_{1-β} sqrt(pA qA + pB qB/r))²/(pB-pA)². Means:
//! nA = (z_{1-α/2} + z_{1-β})² (1+1/r) σ²/δ² (the exact t test needs about one more).

use statrs::function::gamma::ln_gamma;

use crate::{Alpha, NotComputable, normal, not_computable::finite, student_t};

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

/// Cohen's h, the difference of two rates on the scale on which rates scatter alike: 2 asin √pB - 2 asin √pA.
///
/// # Errors
/// `OutOfRange` unless both rates are within 0 and 1.
pub fn cohen_h(p_a: f64, p_b: f64) -> Result<f64, NotComputable> {
    for p in [p_a, p_b] {
        if !(0.0..=1.0).contains(&p) {
            return Err(NotComputable::OutOfRange { what: "rate", value: p, range: "within 0 and 1" });
        }
    }
    Ok(2.0 * p_b.sqrt().asin() - 2.0 * p_a.sqrt().asin())
}

/// To tell rate `p_b` from rate `p_a` on the arcsine scale, as statsmodels' `NormalIndPower` plans it.
///
/// # Errors
/// As [`required_n_proportions`].
pub fn required_n_proportions_arcsine(p_a: f64, p_b: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    let h = cohen_h(p_a, p_b)?;
    let bound = plan.alpha.z()?;
    // The tail on the wrong side counts as power too.
    solved(required_n_means(h, 1.0, plan)?.a_unrounded, plan, |n_a| {
        let shift = h.abs() * (n_a / (1.0 + 1.0 / plan.ratio)).sqrt();
        Ok(normal::sf(bound - shift)? + normal::sf(bound + shift)?)
    })
}

/// As [`required_n_means`], for the t test itself: the power is that of the non-central t.
///
/// # Errors
/// As [`required_n_means`]; `OutOfRange` where fewer than two people per arm would do.
pub fn required_n_means_t(delta: f64, sd: f64, plan: &Plan) -> Result<RequiredN, NotComputable> {
    solved(required_n_means(delta, sd, plan)?.a_unrounded, plan, |n_a| {
        let df = n_a * (1.0 + plan.ratio) - 2.0;
        let shift = (delta / sd).abs() * (n_a / (1.0 + 1.0 / plan.ratio)).sqrt();
        power_of_t(shift, df, student_t::upper_quantile(plan.alpha.get() / 2.0, df)?)
    })
}

/// The people in A with which `power` reaches that of the plan; `near` is about as many.
fn solved(near: f64, plan: &Plan, power: impl Fn(f64) -> Result<f64, NotComputable>) -> Result<RequiredN, NotComputable> {
    let (mut low, mut high) = ((0.5 * near).max(3.0 / (1.0 + plan.ratio)), near + 20.0 * (1.0 + 1.0 / plan.ratio));
    while power(high)? < plan.power {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if power(middle)? < plan.power {
            low = middle;
        } else {
            high = middle;
        }
    }
    required((0.5 * (low + high)).sqrt(), plan)
}

/// P(|T| > bound) of Student's t moved by `shift`: the normal tails averaged over the scatter of the estimated deviation, by Simpson's rule.
fn power_of_t(shift: f64, df: f64, bound: f64) -> Result<f64, NotComputable> {
    const PIECES: usize = 2_000;
    let reach = 12.0 / (2.0 * df).sqrt();
    let (low, high) = ((1.0 - reach).max(1e-12), 1.0 + reach);
    let step = (high - low) / PIECES as f64;
    let half = df / 2.0;
    let log_scale = std::f64::consts::LN_2 + half * half.ln() - ln_gamma(half);
    let (mut sum, mut mass) = (0.0, 0.0);
    for node in 0..=PIECES {
        let s = low + step * node as f64;
        let weight = if node == 0 || node == PIECES { 1.0 } else { 2.0 + 2.0 * (node % 2) as f64 };
        let density = weight * (log_scale + (df - 1.0) * s.ln() - half * s * s).exp();
        sum += density * (normal::sf(bound * s - shift)? + normal::sf(bound * s + shift)?);
        mass += density;
    }
    // Divided by its own mass, so that rounding of the scale cancels.
    finite(sum / mass, "power")
}
