//! The test of two means whose variances differ, which is every metric of a shop. F2: δ = ȳB - ȳA, V = sB²/nB + sA²/nA.
//! F4: t = δ/√V, with Welch's degrees of freedom (Welch 1947, Biometrika 34). F3: the lift by the delta method,
//! δr = (ȳB - ȳA)/|ȳA|, Vr = sB²/(nB ȳA²) + sA² ȳB²/(nA ȳA⁴), with the degrees of freedom of the difference, as GrowthBook and
//! PostHog have it.

use crate::{Alpha, Interval, NotComputable, Summary, not_computable::finite, student_t};

/// Below this many standard errors from 0 a control mean makes the normal approximation of the lift unreliable.
const BASELINE_SE_MIN: f64 = 5.0;

/// An effect of B against A, with its t test; in the unit of the metric, or of one if relative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    pub effect: f64,
    pub se: f64,
    pub t: f64,
    pub df: f64,
    pub p_two_sided: f64,
    /// One-sided: small when B is greater than A.
    pub p_b_greater: f64,
    pub interval: Interval,
}

/// A relative effect (0.125 is 12.5 % up).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    pub welch: Welch,
    /// The control mean is within 5 standard errors of 0: show the difference instead, or warn.
    pub weak_baseline: bool,
}

/// The difference of two means, B minus A.
///
/// # Errors
/// `TooFew` if an arm has fewer than 2 units, `NoVariance` if neither arm has any.
pub fn welch(a: &Summary, b: &Summary, alpha: Alpha) -> Result<Welch, NotComputable> {
    let df = welch_df(a, b)?;
    tested(b.mean() - a.mean(), a.variance_of_mean() + b.variance_of_mean(), df, alpha)
}

/// The difference of two means as a share of the control's.
///
/// # Errors
/// As [`welch`]; `ZeroBaseline` if the control mean is 0.
pub fn welch_lift(a: &Summary, b: &Summary, alpha: Alpha) -> Result<Lift, NotComputable> {
    if a.mean() == 0.0 {
        return Err(NotComputable::ZeroBaseline);
    }
    let df = welch_df(a, b)?;
    let effect = (b.mean() - a.mean()) / a.mean().abs();
    let ratio = b.mean() / a.mean();
    // Divided twice, so that the square of a small mean does not underflow.
    let relative_a = a.variance_of_mean() / a.mean() / a.mean();
    let relative_b = b.variance_of_mean() / a.mean() / a.mean();
    let welch = tested(effect, relative_b + relative_a * ratio * ratio, df, alpha)?;
    Ok(Lift { welch, weak_baseline: a.mean().abs() < BASELINE_SE_MIN * a.variance_of_mean().sqrt() })
}

/// ν = (vA + vB)² / (vA²/(nA-1) + vB²/(nB-1)) with v = s²/n, from the shares of the two, which cannot overflow.
fn welch_df(a: &Summary, b: &Summary) -> Result<f64, NotComputable> {
    for arm in [a, b] {
        if arm.n() < 2 {
            return Err(NotComputable::TooFew { n: arm.n(), needed: 2 });
        }
    }
    let total = finite(a.variance_of_mean() + b.variance_of_mean(), "variance")?;
    if total == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let (share_a, share_b) = (a.variance_of_mean() / total, b.variance_of_mean() / total);
    Ok(1.0 / (share_a * share_a / (a.n() - 1) as f64 + share_b * share_b / (b.n() - 1) as f64))
}

/// An effect with its variance as a t test.
pub(crate) fn tested(effect: f64, variance: f64, df: f64, alpha: Alpha) -> Result<Welch, NotComputable> {
    let effect = finite(effect, "effect")?;
    let se = finite(variance.sqrt(), "standard error")?;
    if se == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let t = finite(effect / se, "t")?;
    Ok(Welch {
        effect,
        se,
        t,
        df,
        p_two_sided: 2.0 * student_t::sf(t.abs(), df)?,
        p_b_greater: student_t::sf(t, df)?,
        interval: Interval::around(effect, student_t::upper_quantile(alpha.get() / 2.0, df)? * se)?,
    })
}
