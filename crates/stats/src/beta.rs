//! The beta distribution at the sizes of arms: that of statrs 0.19.1 is 3 % off at shapes of 1e6 and 9e6, because its scale is a difference
//! of large logarithms. Here the scale is Loader's (2000, "Fast and accurate computation of binomial probabilities"), by deviances
//! that do not cancel, and the rest is the continued fraction of Didonato and Morris (1992) by Lentz's method.

use statrs::function::gamma::ln_gamma;

use crate::NotComputable;

/// Enough for shapes of 1e9: the fraction needs about the square root of the larger shape.
const STEPS_MAX: usize = 200_000;

/// ln B(a, b), in which equal parts of large logarithms do not meet.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    if small < 10.0 && large < 1e5 {
        return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    }
    if small < 10.0 {
        // ln Γ(large) - ln Γ(large + small) by Stirling's series of both.
        let sum = large + small;
        let difference =
            -(small * sum.ln()) - (large - 0.5) * (small / large).ln_1p() + small + stirling_rest(large) - stirling_rest(sum);
        return ln_gamma(small) + difference;
    }
    let sum = a + b;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (a - 0.5) * (a / sum).ln() + (b - 0.5) * (b / sum).ln() - 0.5 * sum.ln()
        + stirling_rest(a)
        + stirling_rest(b)
        - stirling_rest(sum)
}

/// The probability of a value of at most `x`.
///
/// # Errors
/// `OutOfRange` unless 0 <= x <= 1 and both shapes are positive and finite.
pub fn cdf(x: f64, a: f64, b: f64) -> Result<f64, NotComputable> {
    if !(0.0..=1.0).contains(&x) {
        return Err(NotComputable::OutOfRange { what: "share", value: x, range: "within 0 and 1" });
    }
    for value in [a, b] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(NotComputable::OutOfRange { what: "shape", value, range: "positive and finite" });
        }
    }
    if x == 0.0 || x == 1.0 {
        return Ok(x);
    }
    if x <= a / (a + b) { lower(x, a, b) } else { lower(1.0 - x, b, a).map(|upper| 1.0 - upper) }
}

/// The value with a probability `p` of one of at most it.
///
/// # Errors
/// As [`cdf`]; `OutOfRange` unless 0 < p < 1.
pub fn quantile(p: f64, a: f64, b: f64) -> Result<f64, NotComputable> {
    if !(p > 0.0 && p < 1.0) {
        return Err(NotComputable::OutOfRange { what: "probability", value: p, range: "between 0 and 1" });
    }
    let (mut low, mut high) = (0.0, 1.0);
    let mut x = a / (a + b);
    for _ in 0..400 {
        let reached = cdf(x, a, b)?;
        if reached > p {
            high = x;
        } else {
            low = x;
        }
        let newton = x + (p - reached) / log_density(x, a, b).exp();
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 4.0 * f64::EPSILON * x || next == low && next == high {
            return Ok(next);
        }
        x = next;
    }
    Ok(x)
}

/// ln of the density.
pub(crate) fn log_density(x: f64, a: f64, b: f64) -> f64 {
    if a < 10.0 || b < 10.0 {
        return (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - ln_beta(a, b);
    }
    log_power(x, a, b) - x.ln() - (-x).ln_1p()
}

/// ln of x^a (1-x)^b / B(a, b).
fn log_power(x: f64, a: f64, b: f64) -> f64 {
    if a < 10.0 || b < 10.0 {
        return a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b);
    }
    let sum = a + b;
    let mean = a / sum;
    // Deviances of the two parts, whose linear terms cancel exactly: a·ln(x/m) + b·ln((1-x)/(1-m)).
    let gap = x - mean;
    let deviance = a * less_linear(gap / mean) + b * less_linear(-gap / (1.0 - mean));
    deviance + 0.5 * (a * (b / sum) / (2.0 * std::f64::consts::PI)).ln() - stirling_rest(a) - stirling_rest(b)
        + stirling_rest(sum)
}

/// ln(1+u) - u, without cancellation near 0.
fn less_linear(u: f64) -> f64 {
    if u.abs() > 0.1 {
        return u.ln_1p() - u;
    }
    let mut term = -u * u;
    let (mut sum, mut n) = (term / 2.0, 2.0);
    loop {
        term *= -u;
        n += 1.0;
        let next = sum + term / n;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

/// ln Γ(x) - ((x - ½) ln x - x + ½ ln 2π).
fn stirling_rest(x: f64) -> f64 {
    if x < 10.0 {
        return ln_gamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln());
    }
    let square = 1.0 / (x * x);
    (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0)))) / x
}

/// I_x(a, b) for x at or below the mean.
fn lower(x: f64, a: f64, b: f64) -> Result<f64, NotComputable> {
    const TINY: f64 = 1e-300;
    let (mut c, mut d) = (1.0, 1.0 - (a + b) * x / (a + 1.0));
    if d.abs() < TINY {
        d = TINY;
    }
    d = 1.0 / d;
    let mut fraction = d;
    for step in 1..=STEPS_MAX {
        let m = step as f64;
        for numerator in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 + numerator * d;
            c = 1.0 + numerator / c;
            if d.abs() < TINY {
                d = TINY;
            }
            if c.abs() < TINY {
                c = TINY;
            }
            d = 1.0 / d;
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() <= f64::EPSILON {
            return Ok((log_power(x, a, b).exp() / a * fraction).clamp(0.0, 1.0));
        }
    }
    Err(NotComputable::Overflow { what: "incomplete beta function" })
}
