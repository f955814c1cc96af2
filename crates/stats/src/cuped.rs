//! A test with what was known of each unit before: less scatter, so less time. F10: θ = cov(Y,X)/var(X) pooled over the arms; adjusted
//! mean Ȳ - θX̄, adjusted s² = s_Y² + θ²s_X² - 2θs_XY (Deng et al. 2013). The relative effect takes the delta method with the covariance
//! of both periods, as GrowthBook's engine has it. X is measured before the unit's first exposure; what is measured after it is no
//! covariate.

use crate::{Alpha, NotComputable, Paired, Summary, Welch, welch, welch::tested};

/// What the adjustment did, and the effects after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cuped {
    pub theta: f64,
    pub a: Summary,
    pub b: Summary,
    /// The share of each arm's variance that is gone.
    pub variance_reduction: [f64; 2],
    pub absolute: Result<Welch, NotComputable>,
    pub relative: Result<Welch, NotComputable>,
}

/// Compares two arms by what is left after the time before is accounted for. `y` is the metric, `x` the same metric before.
///
/// # Errors
/// `TooFew` if an arm has fewer than 2 units; `OutOfRange` if nothing finite comes of it.
pub fn cuped(a: &Paired, b: &Paired, alpha: Alpha) -> Result<Cuped, NotComputable> {
    let theta = theta(a, b)?;
    let adjust = |arm: &Paired| -> Result<Summary, NotComputable> {
        let variance = arm.y.variance() + theta * theta * arm.x.variance() - 2.0 * theta * arm.covariance;
        Summary::new(arm.y.n(), arm.y.mean() - theta * arm.x.mean(), variance.max(0.0))
    };
    let (adjusted_a, adjusted_b) = (adjust(a)?, adjust(b)?);
    let reduction = |before: &Summary, after: &Summary| match before.variance() {
        0.0 => 0.0,
        variance => 1.0 - after.variance() / variance,
    };
    let absolute = welch(&adjusted_a, &adjusted_b, alpha);
    Ok(Cuped {
        theta,
        a: adjusted_a,
        b: adjusted_b,
        variance_reduction: [reduction(&a.y, &adjusted_a), reduction(&b.y, &adjusted_b)],
        relative: relative(a, b, theta, &absolute, alpha),
        absolute,
    })
}

fn theta(a: &Paired, b: &Paired) -> Result<f64, NotComputable> {
    // Pooled moments of both arms as one sample: within the arms, and between their means.
    let (n_a, n_b) = (a.y.n() as f64, b.y.n() as f64);
    if a.y.n() < 2 || b.y.n() < 2 {
        return Err(NotComputable::TooFew { n: a.y.n().min(b.y.n()), needed: 2 });
    }
    let between = n_a * n_b / (n_a + n_b);
    let (gap_y, gap_x) = (b.y.mean() - a.y.mean(), b.x.mean() - a.x.mean());
    let variance_x = (n_a - 1.0) * a.x.variance() + (n_b - 1.0) * b.x.variance() + between * gap_x * gap_x;
    let variance_y = (n_a - 1.0) * a.y.variance() + (n_b - 1.0) * b.y.variance() + between * gap_y * gap_y;
    let covariance = (n_a - 1.0) * a.covariance + (n_b - 1.0) * b.covariance + between * gap_x * gap_y;
    Ok(if variance_x <= 0.0 || variance_y <= 0.0 { 0.0 } else { covariance / variance_x })
}

fn relative(
    a: &Paired,
    b: &Paired,
    theta: f64,
    absolute: &Result<Welch, NotComputable>,
    alpha: Alpha,
) -> Result<Welch, NotComputable> {
    let absolute = absolute.as_ref().map_err(NotComputable::clone)?;
    let (mean_a, mean_b) = (a.y.mean(), b.y.mean());
    if mean_a == 0.0 {
        return Err(NotComputable::ZeroBaseline);
    }
    let lift = mean_b / mean_a;
    let of_b = b.y.variance() + theta * theta * b.x.variance() - 2.0 * theta * b.covariance;
    let of_a = a.y.variance() * lift * lift - 2.0 * theta * a.covariance * lift + theta * theta * a.x.variance();
    let variance = (of_b / b.y.n() as f64 + of_a / a.y.n() as f64) / mean_a / mean_a;
    tested(absolute.effect / mean_a.abs(), variance, absolute.df, alpha)
}
