//! Whether segments answer differently, and by how much once noise is taken off. F20b: Q = Σ (δ_k-δ̄)²/V_k against χ² with K-1 degrees
//! of freedom (Cochran 1954); the variance between segments τ² by DerSimonian and Laird (1986); each segment's effect shrunk towards the
//! common one by V_k/(V_k+τ²) (empirical Bayes). An "uplift by segment" without these three is noise.

use crate::{NotComputable, chi_square, not_computable::finite};

/// An estimated effect with the variance of the estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    pub effect: f64,
    pub variance: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Heterogeneity {
    pub q: f64,
    pub p_value: f64,
    /// Variance of the true effects between segments; 0 where noise explains all.
    pub tau_squared: f64,
    /// The share of the scatter that is not noise (I², Higgins and Thompson 2002).
    pub i_squared: f64,
    /// The common effect, weighted by precision.
    pub common: f64,
    /// Per segment, in the order given.
    pub shrunk: Vec<Estimated>,
}

/// # Errors
/// `TooFew` below two segments; `NoVariance` if a variance is 0; `OutOfRange` if one is not a number.
pub fn heterogeneity(segments: &[Estimated]) -> Result<Heterogeneity, NotComputable> {
    if segments.len() < 2 {
        return Err(NotComputable::TooFew { n: segments.len() as u64, needed: 2 });
    }
    for segment in segments {
        finite(segment.effect, "effect")?;
        if segment.variance == 0.0 {
            return Err(NotComputable::NoVariance);
        }
        if !(segment.variance > 0.0 && segment.variance.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "variance", value: segment.variance, range: "positive and finite" });
        }
    }
    let weights: Vec<f64> = segments.iter().map(|segment| 1.0 / segment.variance).collect();
    let total: f64 = weights.iter().sum();
    let fixed = weighted(segments, &weights);
    let q = segments.iter().zip(&weights).map(|(segment, weight)| weight * (segment.effect - fixed).powi(2)).sum::<f64>();
    let df = segments.len() as u32 - 1;
    let spread = total - weights.iter().map(|weight| weight * weight).sum::<f64>() / total;
    let tau_squared = ((q - f64::from(df)) / spread).max(0.0);
    let i_squared = if q > 0.0 { ((q - f64::from(df)) / q).max(0.0) } else { 0.0 };
    let random: Vec<f64> = segments.iter().map(|segment| 1.0 / (segment.variance + tau_squared)).collect();
    let common = weighted(segments, &random);
    let shrunk = segments
        .iter()
        .map(|segment| {
            let kept = tau_squared / (tau_squared + segment.variance);
            // With the scatter of the common effect itself.
            let variance = kept * segment.variance + (1.0 - kept).powi(2) / random.iter().sum::<f64>();
            Estimated { effect: common + kept * (segment.effect - common), variance }
        })
        .collect();
    Ok(Heterogeneity { q: finite(q, "Q")?, p_value: chi_square::sf(q, df)?, tau_squared, i_squared, common, shrunk })
}

fn weighted(segments: &[Estimated], weights: &[f64]) -> f64 {
    segments.iter().zip(weights).map(|(segment, weight)| weight * segment.effect).sum::<f64>() / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(f64, f64)]) -> Vec<Estimated> {
        pairs.iter().map(|(effect, variance)| Estimated { effect: *effect, variance: *variance }).collect()
    }

    #[test]
    fn noise_is_shrunk_away_and_a_difference_is_not() {
        let noise = heterogeneity(&of(&[(1.0, 1.0), (2.0, 1.0), (1.5, 1.0)])).unwrap();
        assert_eq!((noise.tau_squared, noise.i_squared), (0.0, 0.0));
        assert!(noise.shrunk.iter().all(|one| (one.effect - 1.5).abs() < 1e-12), "{noise:?}");
        let real = heterogeneity(&of(&[(0.0, 0.01), (10.0, 0.01)])).unwrap();
        assert!(real.p_value < 1e-100 && real.i_squared > 0.99 && real.shrunk[1].effect > 9.99, "{real:?}");
    }

    #[test]
    fn a_hand_computed_case() {
        // Weights 1, ½: δ̄ = (0 + ½·3)/1.5 = 1; Q = 1 + ½·4 = 3; C = 1.5 - 1.25/1.5 = ⅔; τ² = (3-1)/⅔ = 3.
        let got = heterogeneity(&of(&[(0.0, 1.0), (3.0, 2.0)])).unwrap();
        assert!((got.q - 3.0).abs() < 1e-12 && (got.tau_squared - 3.0).abs() < 1e-12);
        // Weights ¼, ⅕: common = 0.6/0.45 = 4/3; kept ¾ and ⅗.
        assert!((got.common - 4.0 / 3.0).abs() < 1e-12);
        assert!((got.shrunk[0].effect - 1.0 / 3.0).abs() < 1e-12 && (got.shrunk[1].effect - 7.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_scatter_is_refused() {
        assert_eq!(heterogeneity(&of(&[(1.0, 1.0)])), Err(NotComputable::TooFew { n: 1, needed: 2 }));
        assert_eq!(heterogeneity(&of(&[(1.0, 1.0), (1.0, 0.0)])), Err(NotComputable::NoVariance));
    }
}
