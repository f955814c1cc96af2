//! How often a customer will buy again, and whether they still will: BG/NBD (Fader, Hardie and Lee 2005) and MBG/NBD (Batislam et al. 2007;
//! Wagner and Hoppe 2008). MBG/NBD is the default: BG/NBD calls everybody who bought once alive. F21 is the likelihood, F22 the predictions
//! as Euler's transform of the published ₂F₁, whose parameters do not grow with the history. A fit may run along a ridge to shapes of 1e10,
//! where every history has the same chance to drop out; there no series ends, and the predictions are means over that chance instead.

use std::collections::BTreeMap;

use statrs::function::gamma::ln_gamma;

use crate::{NotComputable, beta_mean::beta_mean, hypergeometric, minimum::minimum, not_computable::finite};

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

/// The terms of ℓ that depend on the number of repeats alone, the costly ones.
struct OfCount {
    bought: f64,
    stayed: f64,
    /// The odds to drop out just then.
    dropped: f64,
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
        // Scaled so that the longest is 1, and grouped; by their counts, of which there are few.
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
            let mut of_count = (0, params.of_count(0));
            let mut weighed = |(history, weight): &(History, f64)| {
                if history.x != of_count.0 {
                    of_count = (history.x, params.of_count(history.x));
                }
                weight * params.of_times(&of_count.1, *history)
            };
            let sum: f64 = groups.iter().map(&mut weighed).sum();
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
    pub fn log_likelihood(&self, history: History) -> f64 {
        self.of_times(&self.of_count(history.x), history)
    }

    fn of_count(&self, x: u32) -> OfCount {
        let (Self { r, alpha, a, b, model }, n) = (*self, f64::from(x));
        let (stays, dropped) = match model {
            Model::Bg => (x, a.ln() - (b + n - 1.0).ln()),
            Model::Mbg => (x + 1, a.ln() - (b + n).ln()),
        };
        OfCount { bought: rising_log(r, x) + r * alpha.ln(), stayed: stayed_log(a, b, stays), dropped }
    }

    fn of_times(&self, OfCount { bought, stayed, dropped }: &OfCount, History { x, t_x, t }: History) -> f64 {
        let (Self { r, alpha, model, .. }, n) = (*self, f64::from(x));
        let alive = -(r + n) * (alpha + t).ln();
        if x == 0 && model == Model::Bg {
            return bought + stayed + alive;
        }
        let dropped = dropped - (r + n) * (alpha + t_x).ln();
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
        let kept = match model {
            Model::Bg => b + n,
            Model::Mbg => b + n + 1.0,
        };
        Ok(purchases(r + n, (a, kept), ahead, alpha + history.t)? / self.doubt(history))
    }

    /// Purchases expected within `ahead` after the first, of somebody who has just bought for the first time.
    ///
    /// # Errors
    /// As [`RepeatBuying::expected`].
    pub fn expected_of_new(&self, ahead: f64) -> Result<f64, NotComputable> {
        let Self { r, alpha, a, b, model } = *self;
        match model {
            Model::Bg => purchases(r, (a, b), ahead, alpha),
            // Some are gone after the first already.
            Model::Mbg => Ok(purchases(r, (a, b + 1.0), ahead, alpha)? * (b / (a + b))),
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
        let stays = match model {
            Model::Bg => n,
            Model::Mbg => n + 1,
        };
        let stayed = stayed_log(a, b, stays).exp() * negative_binomial(n);
        let Some(leaves) = stays.checked_sub(1) else { return finite(stayed, "chance") };
        let reached = 1.0 - (0..n).map(negative_binomial).sum::<f64>();
        // B(a+1, b+k)/B(a, b): stays so often, then leaves.
        let left = stayed_log(a + 1.0, b, leaves).exp() * (a / (a + b));
        finite(stayed + left * reached.max(0.0), "chance")
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

/// Up to these the series of Euler's transform ends soon and loses nothing.
const SERIES_SHARE_MAX: f64 = 0.9;
const SERIES_SHAPE_MAX: f64 = 50.0;
/// Nearer than this to 1 the shape's two terms cancel.
const SERIES_GAP_MIN: f64 = 1e-3;

/// Purchases within `ahead` of somebody alive: E[(1 - e^{-λpt})/p] over λ ~ Gamma(`shape`, `behind`) and p ~ Beta(a, b) `dropping`.
/// With w = t/behind the mean over λ is f(p) = (1 - (1+pw)^{-shape})/p; with z = w/(1+w) and q = a+b-1 the mean over both is F22's
/// q/(a-1)·[1 - (1-z)^{a-1}·₂F₁(q-shape, a-1; q; z)].
fn purchases(shape: f64, dropping: (f64, f64), ahead: f64, behind: f64) -> Result<f64, NotComputable> {
    let (a, b) = dropping;
    let z = ahead_share(ahead, behind)?;
    let (low, q) = (a - 1.0, a + b - 1.0);
    let fits = |parameter: f64| parameter.abs() <= SERIES_SHAPE_MAX;
    if z <= SERIES_SHARE_MAX && low.abs() >= SERIES_GAP_MIN && fits(low) && fits(q - shape) && q.abs() >= SERIES_GAP_MIN {
        let kept = (1.0 - z).powf(low) * hypergeometric(q - shape, low, q, z)?;
        return finite(q / low * (1.0 - kept), "expectation");
    }
    let w = ahead / behind;
    let f = |p: f64| -(-shape * (p * w).ln_1p()).exp_m1() / p;
    finite(beta_mean(&|p, _| f(p), shape * w, f(1.0), a, b), "expectation")
}

fn ahead_share(ahead: f64, behind: f64) -> Result<f64, NotComputable> {
    if !(ahead >= 0.0 && ahead.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "time ahead", value: ahead, range: "0 or more, and finite" });
    }
    Ok(ahead / (behind + ahead))
}

/// Below this many steps a sum is exact and quick.
const STEPS_SUMMED: u32 = 20;
/// From here on ln Γ loses digits of a difference, and Stirling's series has them all.
const STIRLING_MIN: f64 = 1e5;

/// ln of B(a, b+x)/B(a, b): the chance to stay `x` times.
fn stayed_log(a: f64, b: f64, x: u32) -> f64 {
    if x < STEPS_SUMMED {
        return -(0..x).map(|step| (a / (b + f64::from(step))).ln_1p()).sum::<f64>();
    }
    rising_log(b, x) - rising_log(a + b, x)
}

/// ln Γ(r+x) - ln Γ(r), where the difference would cancel as a sum or by Stirling's series of both.
fn rising_log(r: f64, x: u32) -> f64 {
    if x < STEPS_SUMMED {
        return (0..x).map(|step| (r + f64::from(step)).ln()).sum();
    }
    let n = f64::from(x);
    if r < STIRLING_MIN {
        return ln_gamma(r + n) - ln_gamma(r);
    }
    n * (r + n).ln() + (r - 0.5) * (n / r).ln_1p() - n + (1.0 / (r + n) - 1.0 / r) / 12.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: [Model; 2] = [Model::Mbg, Model::Bg];

    fn near(what: &str, got: f64, expect: f64, rel: f64) {
        assert!((got - expect).abs() <= rel * expect.abs(), "{what}: {got:e}, not {expect:e}");
    }

    /// Both ways of the same number, where both are possible.
    #[test]
    fn the_series_and_the_mean_agree() {
        for (shape, a, b, w) in
            [(0.2, 0.8, 2.4, 0.3), (5.2, 0.8, 7.4, 8.0), (0.5, 1.3, 0.4, 2.0), (220.2, 0.9, 222.0, 0.1), (3.0, 40.0, 9.0, 1.5)]
        {
            let series = purchases(shape, (a, b), w, 1.0).unwrap();
            let f = |p: f64| -(-shape * (p * w).ln_1p()).exp_m1() / p;
            near(&format!("{shape} {a} {b} {w}"), beta_mean(&|p, _| f(p), shape * w, f(1.0), a, b), series, 1e-11);
        }
    }

    /// With a/(a+b) fixed and both without end, everybody drops out with one chance p: E = (1 - (1+pw)^{-(r+x)})/p.
    #[test]
    fn on_a_ridge_predictions_stay() {
        for model in MODELS {
            let history = History { x: 2, t_x: 20.0, t: 30.0 };
            for scale in [1e5, 1e8, 7e10] {
                let buying = RepeatBuying { model, r: 0.5, alpha: 6.0, a: 0.2 * scale, b: 0.8 * scale };
                let (p, w) = (0.2f64, 10.0 / 36.0);
                let alone = (1.0 - (1.0 + p * w).powf(-2.5)) / p;
                let got = buying.expected(history, 10.0).unwrap() / buying.p_alive(history);
                near("known", got, alone, 10.0 / scale);
                let new = (1.0 - (1.0 + p * 10.0 / 6.0).powf(-0.5)) / p * if model == Model::Mbg { 0.8 } else { 1.0 };
                near("new", buying.expected_of_new(10.0).unwrap(), new, 10.0 / scale);
                near("none", (0..60).map(|n| buying.chance_of_new(n, 10.0).unwrap()).sum(), 1.0, 1e-9);
                near("likelihood", buying.log_likelihood(history), buying_alone(model, p, history), 10.0 / scale);
            }
            // Nobody drops out: the purchases are a negative binomial's, whose mean is (r+x)·w.
            let never = RepeatBuying { model, r: 0.5, alpha: 6.0, a: 1e-11, b: 1.0 };
            near("never", never.expected(history, 10.0).unwrap(), 2.5 * 10.0 / 36.0, 1e-9);
            // Everybody drops out at once.
            let once = RepeatBuying { model, r: 0.5, alpha: 6.0, a: 1e10, b: 1e-10 };
            assert!(once.expected_of_new(10.0).unwrap() >= 0.0);
        }
    }

    /// ℓ with one chance to drop out for everybody.
    fn buying_alone(model: Model, p: f64, History { x, t_x, t }: History) -> f64 {
        let (r, alpha, n) = (0.5f64, 6.0f64, f64::from(x));
        let bought = ln_gamma(r + n) - ln_gamma(r) + r * alpha.ln();
        let (stays, leaves) = match model {
            Model::Bg => (n, n - 1.0),
            Model::Mbg => (n + 1.0, n),
        };
        bought
            + ((1.0 - p).powf(stays) * (alpha + t).powf(-(r + n)) + p * (1.0 - p).powf(leaves) * (alpha + t_x).powf(-(r + n)))
                .ln()
    }

    /// Everybody leaves with the same chance: the fit runs along the ridge, ends, and foretells.
    #[test]
    fn a_fit_that_runs_along_the_ridge_is_told_and_used() {
        let histories: Vec<History> = (0..300u32)
            .map(|who| {
                let (t, x) = (f64::from(200 + who % 160), [0, 0, 0, 1, 0, 2, 5][who as usize % 7]);
                let t_x = if x == 0 { 0.0 } else { 20.0 + f64::from(who * 37 % (170 + who % 160)) };
                History { x, t_x: t_x / 7.0, t: t / 7.0 }
            })
            .collect();
        let fit = RepeatBuying::fit(&histories, Model::Mbg).unwrap();
        assert!(fit.on_a_ridge && fit.slope_max < 1e-3, "{fit:?}");
        let foretold: f64 = histories.iter().map(|history| fit.params.expected(*history, 10.0).unwrap()).sum();
        assert!(foretold > 0.0 && foretold < 1_000.0, "{foretold}");
    }

    #[test]
    fn a_long_way_ahead_of_a_short_past_is_foretold() {
        for model in MODELS {
            let buying = RepeatBuying { model, r: 0.3, alpha: 1e-4, a: 0.8, b: 2.4 };
            let got: Vec<f64> = [1.0, 10.0, 100.0, 1e4].iter().map(|ahead| buying.expected_of_new(*ahead).unwrap()).collect();
            assert!(got.windows(2).all(|pair| pair[0] < pair[1]) && got[3].is_finite(), "{got:?}");
        }
    }
}
