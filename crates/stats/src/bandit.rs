//! How many of the next units each arm gets, by what is known so far. F14: posteriors N(m_i, v_i); P(i best) by quadrature; top-two
//! weights (P(best) + P(second))/2; an additive floor f + (1 - n·f)·w keeps the order.

use crate::{NotComputable, best_of::best_of};

#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    pub best: Vec<f64>,
    pub second: Vec<f64>,
    pub thompson: Vec<f64>,
    pub top_two: Vec<f64>,
}

const REACH: f64 = 12.0;

/// Of the posterior mean and variance of each arm; greater is better.
///
/// # Errors
/// `TooFew` below two arms; `OutOfRange` unless variances are positive and the floor leaves something to give.
pub fn bandit(posteriors: &[(f64, f64)], floor: f64) -> Result<Allocation, NotComputable> {
    let arms = posteriors.len() as f64;
    if posteriors.len() < 2 {
        return Err(NotComputable::TooFew { n: posteriors.len() as u64, needed: 2 });
    }
    if !(floor >= 0.0 && floor * arms <= 1.0) {
        return Err(NotComputable::OutOfRange { what: "floor", value: floor, range: "0 or more, and at most an equal share" });
    }
    for &(mean, variance) in posteriors {
        if !(mean.is_finite() && variance > 0.0 && variance.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "posterior variance", value: variance, range: "positive and finite" });
        }
    }
    let low = posteriors.iter().map(|(mean, variance)| mean - REACH * variance.sqrt()).fold(f64::INFINITY, f64::min);
    let high = posteriors.iter().map(|(mean, variance)| mean + REACH * variance.sqrt()).fold(f64::NEG_INFINITY, f64::max);
    let densities: Vec<Box<dyn Fn(f64) -> f64>> = posteriors
        .iter()
        .map(|&(mean, variance)| {
            let log_scale = 0.5 * (2.0 * std::f64::consts::PI * variance).ln();
            Box::new(move |x: f64| -(x - mean) * (x - mean) / (2.0 * variance) - log_scale) as Box<dyn Fn(f64) -> f64>
        })
        .collect();
    let best = best_of(&densities.iter().map(AsRef::as_ref).collect::<Vec<_>>(), low, high);
    let floored =
        |weights: Vec<f64>| -> Vec<f64> { weights.into_iter().map(|weight| floor + (1.0 - arms * floor) * weight).collect() };
    let top_two = best.first.iter().zip(&best.second).map(|(first, second)| (first + second) / 2.0).collect();
    Ok(Allocation { thompson: floored(best.first.clone()), top_two: floored(top_two), best: best.first, second: best.second })
}
