//! A test of two small proportions that counts tables instead of trusting a normal curve. F4d: hypergeometric probabilities in logs;
//! two-sided p = Σ P(i) over P(i) <= P(observed)·(1 + 1e-7).

use statrs::function::gamma::ln_gamma;

use crate::{NotComputable, Proportion};

#[derive(Debug, Clone, PartialEq)]
pub struct Fisher {
    pub p_two_sided: f64,
    /// One-sided: small when the odds of the first are lower.
    pub p_less: f64,
    /// One-sided: small when the odds of the first are higher.
    pub p_greater: f64,
    /// x₁(n₂-x₂)/(x₂(n₁-x₁)); `ZeroBaseline` where that divides by 0.
    pub odds_ratio: Result<f64, NotComputable>,
}

/// Ties of probabilities are told apart no finer than this.
const SLACK: f64 = 1e-7;

/// Tables are looked at so many deviations about the likeliest; the others add nothing to a float.
const REACH_DEVIATIONS: f64 = 40.0;
const TABLES_MAX: u64 = 20_000_000;

/// # Errors
/// `Overflow` if the counts are beyond what a float counts exactly, or there are more tables than can be counted in a moment.
pub fn fisher(first: Proportion, second: Proportion) -> Result<Fisher, NotComputable> {
    let total = first.n().checked_add(second.n()).filter(|n| *n < 1 << 53).ok_or(NotComputable::Overflow { what: "count" })?;
    let converted = first.x() + second.x();
    let (low, high) = (converted.saturating_sub(second.n()), converted.min(first.n()));
    let (n, share) = (total as f64, converted as f64 / total as f64);
    let mean = first.n() as f64 * share;
    let deviation = (mean * (1.0 - share) * (second.n() as f64 / (n - 1.0).max(1.0))).sqrt();
    let reach = REACH_DEVIATIONS * deviation + REACH_DEVIATIONS;
    let (low, high) = (low.max((mean - reach).max(0.0) as u64), high.min((mean + reach) as u64));
    if high.saturating_sub(low) > TABLES_MAX {
        return Err(NotComputable::Overflow { what: "count" });
    }
    let log_choose = |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
    let whole = log_choose(total, converted);
    let log_p = |x: u64| log_choose(first.n(), x) + log_choose(second.n(), converted - x) - whole;
    let observed = log_p(first.x());
    let (mut two_sided, mut less, mut greater) = (0.0, 0.0, 0.0);
    for x in low..=high {
        let log = log_p(x);
        let p = log.exp();
        if log <= observed + SLACK {
            two_sided += p;
        }
        if x <= first.x() {
            less += p;
        }
        if x >= first.x() {
            greater += p;
        }
    }
    let (a, b) = (first.x() as f64, (first.n() - first.x()) as f64);
    let (c, d) = (second.x() as f64, (second.n() - second.x()) as f64);
    let odds_ratio = if b * c == 0.0 { Err(NotComputable::ZeroBaseline) } else { Ok(a * d / (b * c)) };
    Ok(Fisher { p_two_sided: two_sided.min(1.0), p_less: less.min(1.0), p_greater: greater.min(1.0), odds_ratio })
}
