//! How often a customer will buy again, and whether they still will: BG/NBD (Fader, Hardie and Lee 2005) and MBG/NBD (Batislam et al. 2007;
//! Wagner and Hoppe 2008). MBG/NBD is the default: BG/NBD calls everybody who bought once alive. F21 is the likelihood, F22 the predictions
//! as Euler's transform of the published ₂F₁, whose parameters do not grow with the history.

use std::collections::BTreeMap;

use statrs::function::gamma::ln_gamma;

use crate::{NotComputable, beta::ln_beta, hypergeometric, minimum::minimum, not_computable::finite};

/// What a customer did: repeat purchase days `x`, last - first `t_x`, end - first `t`; times in one unit, 0 <= t_x <= t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct History {
    pub x: u32,
    pub t_x: f64,
    pub t: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    Mbg,
    Bg,
}

/// Rates of buying are Gamma(r, α), chances to drop out Beta(a, b).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RepeatBuying {
    pub model: Model,
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

/// A fit, with what tells whether to believe it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit<P> {
    pub params: P,
    /// Of all customers.
    pub log_likelihood: f64,
    /// The largest slope of the mean log-likelihood in the logarithms of the parameters: near 0 at an optimum.
    pub slope_max: f64,
    /// The chance to drop out ran to an edge: no drop-out is visible in these histories.
    pub on_a_ridge: bool,
    pub customers: u64,
}

/// Where the logarithm of a parameter counts as run away.
const RIDGE: f64 = 1e4;
/// Two customers with equal histories to this share of the longest are one with weight 2.
const GRID: f64 = 1e-9;

impl RepeatBuying {
    /// The likeliest parameters.
    ///
    /// # Errors
    /// `TooFew` below 10 customers; `NoEvent` if nobody bought again; `OutOfRange` for times that do not fit each other.
    pub fn fit(histories: &[History], model: Model) -> Result<Fit<Self>, NotComputable> {
        if histories.len() < 10 {
            return Err(NotComputable::TooFew { n: histories.len() as u64, needed: 10 });
        }
        let longest = histories.iter().fold(0.0f64, |longest, history| longest.max(history.t));
        for history in histories {
            if !(history.t_x >= 0.0
                && history.t_x <= history.t
                && history.t.is_finite()
                && (history.x == 0) == (history.t_x == 0.0))
            {
                return Err(NotComputable::OutOfRange {
                    what: "last purchase",
                    value: history.t_x,
                    range: "0 for who bought once, else after the first purchase and before the end",
                });
            }
        }
        if histories.iter().all(|history| history.x == 0) || longest == 0.0 {
            return Err(NotComputable::NoEvent { horizon: longest as u32 });
        }
        // Scaled so that the longest is 1, and grouped.
        let mut grouped: BTreeMap<(u32, u64, u64), (History, f64)> = BTreeMap::new();
        for history in histories {
            let scaled = History { x: history.x, t_x: history.t_x / longest, t: history.t / longest };
            let key = (scaled.x, (scaled.t_x / GRID).round() as u64, (scaled.t / GRID).round() as u64);
            grouped.entry(key).or_insert((scaled, 0.0)).1 += 1.0;
        }
        let groups: Vec<(History, f64)> = grouped.into_values().collect();
        let people = histories.len() as f64;
        let from =
            |logs: &[f64]| RepeatBuying { model, r: logs[0].exp(), alpha: logs[1].exp(), a: logs[2].exp(), b: logs[3].exp() };
        let cost = |logs: &[f64]| {
            if logs.iter().any(|log| log.abs() > 25.0) {
                return f64::INFINITY;
            }
            let params = from(logs);
            let sum: f64 = groups.iter().map(|(history, weight)| weight * params.log_likelihood(*history)).sum();
            let cost = -sum / people;
            if cost.is_nan() { f64::INFINITY } else { cost }
        };
        let starts = [[0.0, -1.0, 0.0, 0.0], [-1.4, -2.0, -0.2, 0.9], [-0.7, -2.0, 0.0, 0.5], [0.5, 0.0, -1.0, 1.5]];
        let best = minimum(&cost, &starts)?;
        let mut params = from(&best.at);
        params.alpha *= longest;
        let log_likelihood = histories.iter().map(|history| params.log_likelihood(*history)).sum();
        Ok(Fit {
            params,
            log_likelihood: finite(log_likelihood, "likelihood")?,
            slope_max: best.slope_max,
            on_a_ridge: params.a + params.b > RIDGE || params.a < 1.0 / RIDGE,
            customers: histories.len() as u64,
        })
    }

    /// ℓ of one customer.
    pub fn log_likelihood(&self, History { x, t_x, t }: History) -> f64 {
        let (Self { r, alpha, a, b, model }, n) = (*self, f64::from(x));
        let bought = rising_log(r, x) + r * alpha.ln();
        let gone = match model {
            Model::Bg => n,
            Model::Mbg => n + 1.0,
        };
        let stayed = ln_gamma(a + b) + ln_gamma(b + gone) - ln_gamma(b) - ln_gamma(a + b + gone);
        let alive = -(r + n) * (alpha + t).ln();
        if x == 0 && model == Model::Bg {
            return bought + stayed + alive;
        }
        let dropped = match model {
            Model::Bg => a.ln() - (b + n - 1.0).ln(),
            Model::Mbg => a.ln() - (b + n).ln(),
        } - (r + n) * (alpha + t_x).ln();
        let top = alive.max(dropped);
        bought + stayed + top + ((alive - top).exp() + (dropped - top).exp()).ln()
    }

    /// The chance that the customer will buy again at all.
    pub fn p_alive(&self, history: History) -> f64 {
        1.0 / self.doubt(history)
    }

    /// Purchases expected within `ahead` after the end of the history.
    ///
    /// # Errors
    /// `OutOfRange` if `ahead` is negative or not finite; `Overflow` if nothing finite comes of it.
    pub fn expected(&self, history: History, ahead: f64) -> Result<f64, NotComputable> {
        let Self { r, alpha, a, b, model } = *self;
        let n = f64::from(history.x);
        let z = ahead_share(ahead, alpha + history.t)?;
        let shape = match model {
            Model::Bg => (a + b + n - 1.0, a + b - 1.0 - r),
            Model::Mbg => (a + b + n, a + b - r),
        };
        Ok(finite(growth(shape.1, shape.0, a, z)? * shape.0, "expectation")? / self.doubt(history))
    }

    /// Purchases expected within `ahead` after the first, of somebody who has just bought for the first time.
    ///
    /// # Errors
    /// As [`RepeatBuying::expected`].
    pub fn expected_of_new(&self, ahead: f64) -> Result<f64, NotComputable> {
        let Self { r, alpha, a, b, model } = *self;
        let z = ahead_share(ahead, alpha)?;
        match model {
            Model::Bg => finite((a + b - 1.0) * growth(a + b - 1.0 - r, a + b - 1.0, a, z)?, "expectation"),
            Model::Mbg => finite(b * growth(a + b - r, a + b, a, z)?, "expectation"),
        }
    }

    /// The chance of exactly `n` purchases within `ahead` after the first, of somebody who has just bought for the first time.
    ///
    /// # Errors
    /// `OutOfRange` if `ahead` is negative or not finite.
    pub fn chance_of_new(&self, n: u32, ahead: f64) -> Result<f64, NotComputable> {
        let Self { r, alpha, a, b, model } = *self;
        let z = ahead_share(ahead, alpha)?;
        // Negative binomial: so many purchases if nobody dropped out.
        let log_kept = r * (-z).ln_1p();
        let negative_binomial = |count: u32| {
            let count_f = f64::from(count);
            let power = if count == 0 { 0.0 } else { count_f * z.ln() };
            (rising_log(r, count) - ln_gamma(count_f + 1.0) + log_kept + power).exp()
        };
        let n_f = f64::from(n);
        let (stays, leaves) = match model {
            Model::Bg => (n_f, n_f - 1.0),
            Model::Mbg => (n_f + 1.0, n_f),
        };
        let stayed = (ln_beta(a, b + stays) - ln_beta(a, b)).exp() * negative_binomial(n);
        if n == 0 && model == Model::Bg {
            return finite(stayed, "chance");
        }
        let reached = 1.0 - (0..n).map(negative_binomial).sum::<f64>();
        finite(stayed + (ln_beta(a + 1.0, b + leaves) - ln_beta(a, b)).exp() * reached.max(0.0), "chance")
    }

    /// 1/P(alive), with its power in logs.
    fn doubt(&self, History { x, t_x, t }: History) -> f64 {
        let n = f64::from(x);
        let odds = match self.model {
            Model::Bg if x == 0 => return 1.0,
            Model::Bg => self.a / (self.b + n - 1.0),
            Model::Mbg => self.a / (self.b + n),
        };
        1.0 + (odds.ln() + (self.r + n) * ((self.alpha + t) / (self.alpha + t_x)).ln()).exp()
    }
}

/// [1 - (1-z)^{a-1}·₂F₁(p, a-1; q; z)]/(a-1), which is continuous at a = 1.
fn growth(p: f64, q: f64, a: f64, z: f64) -> Result<f64, NotComputable> {
    let at = |a: f64| -> Result<f64, NotComputable> {
        Ok((1.0 - (1.0 - z).powf(a - 1.0) * hypergeometric(p, a - 1.0, q, z)?) / (a - 1.0))
    };
    if (a - 1.0).abs() < 1e-6 { Ok((at(1.0 - 1e-6)? + at(1.0 + 1e-6)?) / 2.0) } else { at(a) }
}

fn ahead_share(ahead: f64, behind: f64) -> Result<f64, NotComputable> {
    if !(ahead >= 0.0 && ahead.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "time ahead", value: ahead, range: "0 or more, and finite" });
    }
    Ok(ahead / (behind + ahead))
}

/// ln Γ(r+x) - ln Γ(r), as a sum where the difference would cancel.
fn rising_log(r: f64, x: u32) -> f64 {
    if x < 20 { (0..x).map(|step| (r + f64::from(step)).ln()).sum() } else { ln_gamma(r + f64::from(x)) - ln_gamma(r) }
}
