//! Student's t at the degrees of freedom shops reach. statrs 0.19.1 loses the upper tail from df 1e4 on (1.4e-8 at 1e8), and its
//! quantile is wrong from 1e4 and does not return at 5e7, so both are written here.
//!
//! Tail: the incomplete beta function of statrs for few degrees of freedom, else Hill (1970), "Algorithm 395: Student's
//! t-distribution", CACM 13(10), which turns t into a normal deviate. Against 40-digit arithmetic Hill is within 4e-14 at
//! df > 1,000 and |t| <= 10, and within 8e-13 at df > 10,000 and |t| <= 38; between them the beta function serves the far tail.
//! Quantile: the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5, two terms: 3e-12 at df 1e4), else Newton's method on the
//! logarithm of the tail, kept inside a bracket.

use statrs::function::{beta::checked_beta_reg, gamma::ln_gamma};

use crate::{NotComputable, normal};

const HILL_DF_MIN: f64 = 1_000.0;
const HILL_T_MAX: f64 = 10.0;
const FAR_TAIL_HILL_DF_MIN: f64 = 10_000.0;
/// t/√df from where the tail is its leading power to the last bit, and where df/(df + t²) would soon underflow.
const POWER_LAW_RATIO_MIN: f64 = 1e10;
const CORNISH_FISHER_DF_MIN: f64 = 10_000.0;
const CORNISH_FISHER_Z_MAX: f64 = 8.0;

/// The probability of a value above `t`, as the tail itself. `df` may be fractional (Welch).
///
/// # Errors
/// `OutOfRange` if `t` is NaN or `df` is not positive and finite.
pub fn sf(t: f64, df: f64) -> Result<f64, NotComputable> {
    check_df(df)?;
    if t.is_nan() {
        return Err(NotComputable::OutOfRange { what: "t", value: t, range: "a number" });
    }
    let tail = upper_tail(t.abs(), df)?;
    Ok(if t < 0.0 { 1.0 - tail } else { tail })
}

/// The `t` with a probability `p` of a value of at most `t`.
///
/// # Errors
/// `OutOfRange` unless 0 < `p` < 1 and `df` is positive and finite; `Overflow` if the quantile is beyond the largest number.
pub fn quantile(p: f64, df: f64) -> Result<f64, NotComputable> {
    check_probability(p)?;
    if p <= 0.5 { upper_quantile(p, df).map(|t| -t) } else { upper_quantile(1.0 - p, df) }
}

/// The `t` with a probability `q` of a value above `t`: keeps the digits of a small upper tail, which `quantile(1 - q)` loses.
///
/// # Errors
/// As [`quantile`].
pub fn upper_quantile(q: f64, df: f64) -> Result<f64, NotComputable> {
    check_df(df)?;
    check_probability(q)?;
    if q > 0.5 {
        return upper_quantile(1.0 - q, df).map(|t| -t);
    }
    let z = normal::upper_quantile(q)?;
    if df > CORNISH_FISHER_DF_MIN && z <= CORNISH_FISHER_Z_MAX { Ok(cornish_fisher(z, df)) } else { solve(q, df) }
}

fn check_df(df: f64) -> Result<(), NotComputable> {
    if df > 0.0 && df.is_finite() {
        Ok(())
    } else {
        Err(NotComputable::OutOfRange { what: "degrees of freedom", value: df, range: "positive and finite" })
    }
}

fn check_probability(p: f64) -> Result<(), NotComputable> {
    if p > 0.0 && p < 1.0 {
        Ok(())
    } else {
        Err(NotComputable::OutOfRange { what: "probability", value: p, range: "between 0 and 1" })
    }
}

fn upper_tail(t: f64, df: f64) -> Result<f64, NotComputable> {
    if df > HILL_DF_MIN && (t <= HILL_T_MAX || df > FAR_TAIL_HILL_DF_MIN) {
        return normal::sf(hill(t, df));
    }
    let ratio = t / df.sqrt();
    if ratio > POWER_LAW_RATIO_MIN {
        return Ok((log_density_at_0(df) - df * ratio.ln() - 0.5 * df.ln()).exp());
    }
    let tail = checked_beta_reg(df / 2.0, 0.5, 1.0 / (1.0 + ratio * ratio));
    tail.map(|tail| 0.5 * tail).map_err(|_| NotComputable::OutOfRange { what: "t", value: t, range: "a number" })
}

/// The normal deviate with the tail of `t`.
fn hill(t: f64, df: f64) -> f64 {
    let a = df - 0.5;
    let b = 48.0 * a * a;
    let y = a * (t * t / df).ln_1p();
    let correction = (((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b);
    y.sqrt() * (1.0 + (y + 3.0 + correction) / b)
}

fn cornish_fisher(z: f64, df: f64) -> f64 {
    let z2 = z * z;
    z + z * (z2 + 1.0) / (4.0 * df) + z * ((5.0 * z2 + 16.0) * z2 + 3.0) / (96.0 * df * df)
}

fn solve(q: f64, df: f64) -> Result<f64, NotComputable> {
    if q == 0.5 {
        return Ok(0.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while upper_tail(high, df)? > q {
        (low, high) = (high, high * 2.0);
        if high.is_infinite() {
            return Err(NotComputable::Overflow { what: "t quantile" });
        }
    }
    let log_density = log_density_at_0(df);
    let mut t: f64 = 0.5 * (low + high);
    for _ in 0..200 {
        let tail = upper_tail(t, df)?;
        if tail > q {
            low = t;
        } else {
            high = t;
        }
        let ratio = t / df.sqrt();
        let density = (log_density - 0.5 * (df + 1.0) * (ratio * ratio).ln_1p()).exp();
        let newton = t + (tail / q).ln() * tail / density;
        // Not a number (a tail or density of 0) or out of the bracket: halve instead.
        let next = if newton > low && newton < high { newton } else { low + 0.5 * (high - low) };
        if (next - t).abs() <= 2.0 * f64::EPSILON * t {
            return Ok(next);
        }
        t = next;
    }
    Ok(t)
}

/// ln of Γ((ν+1)/2) / (Γ(ν/2) √(νπ)).
fn log_density_at_0(df: f64) -> f64 {
    ln_gamma((df + 1.0) / 2.0) - ln_gamma(df / 2.0) - 0.5 * (df * std::f64::consts::PI).ln()
}
