//! Whether B is not worse than A by more than a margin. One-sided: the bound of the interval on the bad side is within the margin
//! (Spotify's guardrails; the t of [`crate::welch`] moved by the margin). α here is the one-sided level.

use crate::{NotComputable, Welch, student_t};

/// The direction in which the metric is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Revenue: less is worse.
    Lower,
    /// Unsubscribes: more is worse.
    Higher,
}

/// The evidence on one guardrail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonInferiority {
    /// The worst value the one-sided interval leaves, in the unit of the effect.
    pub bound: f64,
    /// Of "worse by the margin or more": small when B is safe.
    pub p_value: f64,
    pub is_safe: bool,
    /// Of "not worse at all": small when B does harm.
    pub p_harm: f64,
    pub is_harm: bool,
}

/// # Errors
/// `OutOfRange` unless the margin is 0 or more and finite, and 0 < `alpha` < ½.
pub fn non_inferiority(effect: &Welch, margin: f64, harm: Harm, alpha: f64) -> Result<NonInferiority, NotComputable> {
    if !(margin >= 0.0 && margin.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "margin", value: margin, range: "0 or more, and finite" });
    }
    if !(alpha > 0.0 && alpha < 0.5) {
        return Err(NotComputable::OutOfRange { what: "alpha", value: alpha, range: "between 0 and 0.5" });
    }
    // Turned so that more is better.
    let gain = if harm == Harm::Lower { effect.effect } else { -effect.effect };
    let reach = student_t::upper_quantile(alpha, effect.df)? * effect.se;
    let p_value = student_t::sf((gain + margin) / effect.se, effect.df)?;
    let p_harm = student_t::sf(-gain / effect.se, effect.df)?;
    let bound = if harm == Harm::Lower { gain - reach } else { reach - gain };
    Ok(NonInferiority { bound, p_value, is_safe: p_value < alpha, p_harm, is_harm: p_harm < alpha })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Alpha, Summary, welch};

    #[test]
    fn a_guardrail_is_safe_harmed_or_open() {
        let check = |mean_b: f64, margin: f64, harm: Harm, expect: (bool, bool)| {
            let arm = |mean| Summary::new(10_000, mean, 1.0).unwrap();
            let effect = welch(&arm(10.0), &arm(mean_b), Alpha::FIVE_PERCENT).unwrap();
            let got = non_inferiority(&effect, margin, harm, 0.05).unwrap();
            assert_eq!((got.is_safe, got.is_harm), expect, "{mean_b} within {margin}: {got:?}");
            // The bound says the same as the test.
            let within = if harm == Harm::Lower { got.bound > -margin } else { got.bound < margin };
            assert_eq!(within, got.is_safe);
        };
        check(10.0, 0.05, Harm::Lower, (true, false));
        check(9.96, 0.05, Harm::Lower, (false, true));
        check(9.96, 0.10, Harm::Lower, (true, true));
        check(9.99, 0.02, Harm::Lower, (false, false));
        check(10.04, 0.05, Harm::Higher, (false, true));
        check(9.5, 0.0, Harm::Higher, (true, false));
    }
}
