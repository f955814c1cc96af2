//! Gauss's ₂F₁ as its power series: after Euler's transform (F22) the parameters that occur are small, so nothing more is needed.

use crate::{NotComputable, not_computable::finite};

const TERMS_MAX: usize = 1_000_000;

/// ₂F₁(a, b; c; z).
///
/// # Errors
/// `OutOfRange` unless 0 <= z < 1 and c is not 0 or a negative whole number; `Overflow` if the series does not end.
pub fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> Result<f64, NotComputable> {
    if !(0.0..1.0).contains(&z) {
        return Err(NotComputable::OutOfRange { what: "argument", value: z, range: "at least 0 and below 1" });
    }
    if c <= 0.0 && c.fract() == 0.0 {
        return Err(NotComputable::OutOfRange { what: "parameter", value: c, range: "positive, or not a whole number" });
    }
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 0..TERMS_MAX {
        let n = n as f64;
        term *= (a + n) * (b + n) / (c + n) * (z / (n + 1.0));
        let next = sum + term;
        // Terms first may grow: past their peak they shrink by less than z each.
        if term == 0.0 || (next - sum).abs() <= f64::EPSILON * 0.25 * next.abs() && n > a.abs().max(b.abs()) {
            return finite(next, "hypergeometric function");
        }
        sum = next;
    }
    Err(NotComputable::Overflow { what: "hypergeometric function" })
}
