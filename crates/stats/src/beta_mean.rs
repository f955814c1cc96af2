//! The mean of a function of a share that is Beta(a, b) distributed, for any shapes. The trapezoid rule in the logarithm of the odds, where the
//! integrand is analytic and falls off exponentially on both sides: so it converges geometrically (Trefethen and Weideman 2014, "The
//! exponentially convergent trapezoidal rule", SIAM Review 56), and needs no ln B(a, b), which is lost for large shapes. A small shape has
//! a tail too long for that: there the value at the edge is taken out, which adds 1 to the shape.

/// Below this a shape is raised by 1.
const SHAPE_MIN: f64 = 0.5;
/// Log-weights below the greatest from where on nothing is added.
const REACH: f64 = 42.0;
/// Distance of two nodes: of the spread of the log-odds, and at most.
const STEP_SPREADS: f64 = 0.3;
const STEP_MAX: f64 = 0.2;

/// E[f(p, 1-p)]; `at_0` and `at_1` are f at either edge. Both shapes are positive and finite.
pub(crate) fn beta_mean(f: &dyn Fn(f64, f64) -> f64, at_0: f64, at_1: f64, a: f64, b: f64) -> f64 {
    if b < SHAPE_MIN {
        // f = f(1) + (1-p)·g, and E_{a,b}[(1-p)·g] = b/(a+b)·E_{a,b+1}[g].
        let rest = beta_mean(&|p, q| (f(p, q) - at_1) / q, at_0 - at_1, 0.0, a, b + 1.0);
        return at_1 + b / (a + b) * rest;
    }
    if a < SHAPE_MIN {
        let rest = weighted(&|p, q| (at_0 - f(p, q)) / p, a + 1.0, b);
        return at_0 - a / (a + b) * rest;
    }
    weighted(f, a, b)
}

fn weighted(f: &dyn Fn(f64, f64) -> f64, a: f64, b: f64) -> f64 {
    // By the odds of the side with the smaller shape, so that nothing large cancels: with its mean m = small/(a+b) and odds moved by e^d,
    // the log-weight is small·d - (a+b)·ln(1 + m·(e^d - 1)), which is 0 at its greatest.
    let (small, sum) = (a.min(b), a + b);
    let mean = small / sum;
    let log_weight = |d: f64| small * d - sum * (mean * d.exp_m1()).ln_1p();
    let spread = 1.0 / (small * (1.0 - mean)).sqrt();
    let edge = |side: f64| {
        let mut far = spread;
        while log_weight(side * far) > -REACH {
            far *= 1.25;
        }
        far
    };
    let step = (STEP_SPREADS * spread).min(STEP_MAX);
    let (first, last) = (-(edge(-1.0) / step).ceil() as i64, (edge(1.0) / step).ceil() as i64);
    let (mut total, mut mass) = (0.0, 0.0);
    for node in first..=last {
        let d = node as f64 * step;
        let weight = log_weight(d).exp();
        let scale = 1.0 + mean * d.exp_m1();
        let (share, rest) = (mean * d.exp() / scale, (1.0 - mean) / scale);
        total += weight * if a <= b { f(share, rest) } else { f(rest, share) };
        mass += weight;
    }
    total / mass
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments of a beta distribution are known.
    #[test]
    fn moments_are_met_at_any_shapes() {
        for a in [1e-10, 1e-3, 0.3, 0.5, 0.9, 1.0, 3.0, 80.0, 1e5, 1e10] {
            for b in [1e-10, 1e-3, 0.3, 0.5, 0.9, 1.0, 3.0, 80.0, 1e5, 1e10] {
                let check = |what: &str, got: f64, expect: f64| {
                    assert!(
                        (got - expect).abs() <= 1e-12 * expect.abs() + 1e-16,
                        "{what} of {a} and {b}: {got:e}, not {expect:e}"
                    );
                };
                let sum: f64 = a + b;
                check("p", beta_mean(&|p, _| p, 0.0, 1.0, a, b), a / sum);
                check("1-p", beta_mean(&|_, q| q, 1.0, 0.0, a, b), b / sum);
                check("p²", beta_mean(&|p, _| p * p, 0.0, 1.0, a, b), a / sum * (a + 1.0) / (sum + 1.0));
                check("p(1-p)", beta_mean(&|p, q| p * q, 0.0, 0.0, a, b), a / sum * b / (sum + 1.0));
            }
        }
    }
}
