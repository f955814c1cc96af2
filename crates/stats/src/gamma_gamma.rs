//! What a purchase of a customer is worth on average. F23, Gamma-Gamma (Fader and Hardie 2013, note 025), on customers who bought again: value
//! per purchase is independent of how often one buys, which the correlation shows. F24: CLV is the sum over months of expected purchases
//! times value, discounted.

use statrs::function::gamma::ln_gamma;

use crate::{Fit, History, NotComputable, RepeatBuying, minimum::minimum, not_computable::finite};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaGamma {
    pub p: f64,
    pub q: f64,
    pub v: f64,
}

/// Of one customer: repeat purchase days, and the mean of their totals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    pub x: u32,
    pub mean: f64,
}

impl GammaGamma {
    /// The likeliest parameters; customers without a repeat purchase of a positive amount are left out.
    ///
    /// # Errors
    /// `TooFew` below 10 such customers; `OutOfRange` if q <= 1, where the mean of a new customer does not exist.
    pub fn fit(customers: &[Spending]) -> Result<Fit<Self>, NotComputable> {
        let used: Vec<Spending> = customers.iter().copied().filter(|customer| customer.x > 0 && customer.mean > 0.0).collect();
        if used.len() < 10 {
            return Err(NotComputable::TooFew { n: used.len() as u64, needed: 10 });
        }
        // Scaled so that amounts are near 1.
        let scale = used.iter().map(|customer| customer.mean).sum::<f64>() / used.len() as f64;
        let scaled: Vec<Spending> = used.iter().map(|one| Spending { x: one.x, mean: one.mean / scale }).collect();
        let from = |logs: &[f64]| GammaGamma { p: logs[0].exp(), q: logs[1].exp(), v: logs[2].exp() };
        let cost = |logs: &[f64]| {
            if logs.iter().any(|log| log.abs() > 25.0) {
                return f64::INFINITY;
            }
            let params = from(logs);
            let cost = -scaled.iter().map(|one| params.log_likelihood(*one)).sum::<f64>() / scaled.len() as f64;
            if cost.is_nan() { f64::INFINITY } else { cost }
        };
        let best = minimum(&cost, &[[1.0, 1.0, 0.0], [0.0, 0.5, 0.0], [2.0, 1.5, 0.5]])?;
        let mut params = from(&best.at);
        params.v *= scale;
        if params.q <= 1.0 {
            return Err(NotComputable::OutOfRange { what: "shape q", value: params.q, range: "above 1" });
        }
        let log_likelihood = used.iter().map(|one| params.log_likelihood(*one)).sum();
        Ok(Fit {
            params,
            log_likelihood: finite(log_likelihood, "likelihood")?,
            slope_max: best.slope_max,
            on_a_ridge: best.at.iter().any(|log| log.abs() > 9.0),
            customers: used.len() as u64,
        })
    }

    pub fn log_likelihood(&self, Spending { x, mean }: Spending) -> f64 {
        let (Self { p, q, v }, n) = (*self, f64::from(x));
        let px = p * n;
        ln_gamma(px + q) - ln_gamma(px) - ln_gamma(q) + q * v.ln() + (px - 1.0) * mean.ln() + px * n.ln()
            - (px + q) * (n * mean + v).ln()
    }

    /// E[value] of a purchase of this customer; of a new one with x = 0.
    ///
    /// # Errors
    /// `OutOfRange` if q <= 1.
    pub fn expected_value(&self, Spending { x, mean }: Spending) -> Result<f64, NotComputable> {
        if self.q <= 1.0 {
            return Err(NotComputable::OutOfRange { what: "shape q", value: self.q, range: "above 1" });
        }
        let px = self.p * f64::from(x);
        finite((self.v * self.p + px * mean) / (px + self.q - 1.0), "expected value")
    }
}

/// The value of what a customer is expected to buy within so many months of `month` time units each, discounted by `discount` a month.
///
/// # Errors
/// As [`RepeatBuying::expected`]; `OutOfRange` for a discount that leaves nothing or less of an amount.
pub fn clv(
    buying: &RepeatBuying,
    history: History,
    value: f64,
    month: f64,
    months: u32,
    discount: f64,
) -> Result<f64, NotComputable> {
    if discount.is_nan() || discount <= -1.0 {
        return Err(NotComputable::OutOfRange { what: "discount", value: discount, range: "above -1" });
    }
    let (mut sum, mut before) = (0.0, 0.0);
    for nth in 1..=months {
        let bought = buying.expected(history, month * f64::from(nth))?;
        sum += (bought - before) * value / (1.0 + discount).powi(nth as i32);
        before = bought;
    }
    finite(sum, "customer value")
}

/// Pearson's correlation of how often and how much; above about 0.3 the model's first assumption is doubtful.
///
/// # Errors
/// `NoVariance` if either is the same for everybody.
pub fn frequency_value_correlation(customers: &[Spending]) -> Result<f64, NotComputable> {
    let n = customers.len() as f64;
    let mean = |of: &dyn Fn(&Spending) -> f64| customers.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|one| f64::from(one.x)), mean(&|one| one.mean));
    let sum = |of: &dyn Fn(&Spending) -> f64| customers.iter().map(of).sum::<f64>();
    let xy = sum(&|one| (f64::from(one.x) - x) * (one.mean - y));
    let xx = sum(&|one| (f64::from(one.x) - x).powi(2));
    let yy = sum(&|one| (one.mean - y).powi(2));
    if xx > 0.0 && yy > 0.0 { Ok(xy / (xx * yy).sqrt()) } else { Err(NotComputable::NoVariance) }
}
