//! The split test that may be looked at every day. F15b: Lindon and Malek (2022), "Anytime-valid inference for multinomial count data":
//! a Dirichlet(c·weights) mixture against the fixed weights; ln BF = lnΓ(Σα) - lnΓ(Σα+N) + Σ[lnΓ(α_i+n_i) - lnΓ(α_i)] - Σ n_i ln w_i,
//! and p = min over looks of min(1, 1/BF).

use statrs::function::gamma::ln_gamma;

use crate::{ArmCount, NotComputable, not_computable::finite};

/// How firmly the mixture believes in the planned weights: Optimizely's value.
pub const CONCENTRATION: f64 = 10_000.0;

/// The evidence against the planned split at one look.
///
/// # Errors
/// As [`crate::srm`]: weights must be positive, and there must be two arms.
pub fn srm_log_bayes_factor(arms: &[ArmCount], concentration: f64) -> Result<f64, NotComputable> {
    if arms.len() < 2 {
        return Err(NotComputable::TooFew { n: arms.len() as u64, needed: 2 });
    }
    if !(concentration > 0.0 && concentration.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "concentration", value: concentration, range: "positive and finite" });
    }
    let total: f64 = arms.iter().map(|arm| arm.weight).sum();
    let (mut seen, mut log_factor) = (0.0, 0.0);
    for arm in arms {
        if !(arm.weight > 0.0 && arm.weight.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "weight", value: arm.weight, range: "positive and finite" });
        }
        let (share, n) = (arm.weight / total, arm.seen as f64);
        let alpha = concentration * share;
        seen += n;
        log_factor += ln_gamma(alpha + n) - ln_gamma(alpha) - n * share.ln();
    }
    finite(log_factor + ln_gamma(concentration) - ln_gamma(concentration + seen), "Bayes factor")
}

/// The p-value after all looks so far.
pub fn srm_running_p(log_bayes_factors: &[f64]) -> f64 {
    log_bayes_factors.iter().fold(1.0, |p: f64, factor| p.min((-factor).exp()))
}
