//! Which arm converts best, exactly. F12: posteriors Beta(a0+x, b0+n-x); P(i best) and E[max] by one rule on the union of the arms' far
//! tails (no Monte Carlo); loss_i = E[max] - E[p_i].

use statrs::function::gamma::ln_gamma;

use crate::{NotComputable, Proportion, best_of::best_of};

/// The posterior of one arm's rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaPosterior {
    pub alpha: f64,
    pub beta: f64,
    /// That this arm's rate is the greatest.
    pub best: f64,
    /// What is lost on average by choosing this arm, in shares of one.
    pub loss: f64,
}

impl BetaPosterior {
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// How far from its mean, in standard deviations, a posterior still has mass to speak of.
const REACH: f64 = 40.0;

/// One posterior per arm, under the same Beta(alpha, beta) prior.
///
/// # Errors
/// `TooFew` below two arms, `OutOfRange` unless both parameters of the prior are positive.
pub fn bayes_beta_binomial(arms: &[Proportion], prior: (f64, f64)) -> Result<(Vec<BetaPosterior>, f64), NotComputable> {
    if arms.len() < 2 {
        return Err(NotComputable::TooFew { n: arms.len() as u64, needed: 2 });
    }
    for value in [prior.0, prior.1] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "parameter of the prior", value, range: "positive and finite" });
        }
    }
    let shapes: Vec<(f64, f64)> =
        arms.iter().map(|arm| (prior.0 + arm.x() as f64, prior.1 + (arm.n() - arm.x()) as f64)).collect();
    let spread = |&(alpha, beta): &(f64, f64)| {
        let total = alpha + beta;
        let mean = alpha / total;
        (mean, (mean * (1.0 - mean) / (total + 1.0)).sqrt())
    };
    // Small shapes have heavy tails: there the whole of [0, 1] is the range.
    let mut reach = (1.0f64, 0.0f64);
    for shape in &shapes {
        let (mean, sd) = spread(shape);
        let far = if shape.0 < 50.0 || shape.1 < 50.0 { REACH } else { 12.0 };
        reach = (reach.0.min(mean - far * sd), reach.1.max(mean + far * sd));
    }
    let (low, high) = (reach.0.max(0.0), reach.1.min(1.0));
    let densities: Vec<Box<dyn Fn(f64) -> f64>> = shapes
        .iter()
        .map(|&(alpha, beta)| {
            let log_beta = ln_gamma(alpha) + ln_gamma(beta) - ln_gamma(alpha + beta);
            Box::new(move |x: f64| (alpha - 1.0) * x.ln() + (beta - 1.0) * (-x).ln_1p() - log_beta) as Box<dyn Fn(f64) -> f64>
        })
        .collect();
    let best = best_of(&densities.iter().map(AsRef::as_ref).collect::<Vec<_>>(), low, high);
    let posteriors = shapes
        .iter()
        .zip(&best.first)
        .map(|(&(alpha, beta), &first)| {
            let mean = alpha / (alpha + beta);
            BetaPosterior { alpha, beta, best: first, loss: (best.expected_max - mean).max(0.0) }
        })
        .collect();
    Ok((posteriors, best.expected_max))
}
