//! Intervals of the difference of two rates that hold at small counts, where the usual one (in [`crate::TwoProportion`]) is too
//! short, and one of their ratio. Newcombe (1998), Statist. Med. 17, method 10: from the Wilson intervals of both. Agresti and Caffo
//! (2000), Am. Stat. 54: one success and one failure added to each arm. Katz et al. (1978): ln(pB/pA) ± z·sqrt((1-pB)/xB + (1-pA)/xA).

use crate::{Alpha, Interval, NotComputable, Proportion, not_computable::finite, wilson};

/// Of B minus A; the one to show where an arm has few conversions.
///
/// # Errors
/// `OutOfRange` if α is too small to have a quantile.
pub fn newcombe(a: Proportion, b: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let (of_a, of_b) = (wilson(a, alpha)?, wilson(b, alpha)?);
    let difference = b.rate() - a.rate();
    Ok(Interval {
        low: difference - (b.rate() - of_b.low).hypot(of_a.high - a.rate()),
        high: difference + (of_b.high - b.rate()).hypot(a.rate() - of_a.low),
    })
}

/// Of B minus A.
///
/// # Errors
/// As [`newcombe`].
pub fn agresti_caffo(a: Proportion, b: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    let added = |arm: Proportion| {
        let n = arm.n() as f64 + 2.0;
        let rate = (arm.x() as f64 + 1.0) / n;
        (rate, rate * (1.0 - rate) / n)
    };
    let ((rate_a, variance_a), (rate_b, variance_b)) = (added(a), added(b));
    Interval::around(rate_b - rate_a, alpha.z()? * (variance_a + variance_b).sqrt())
}

/// Of pB/pA: 1 is no difference.
///
/// # Errors
/// `ZeroBaseline` if nobody in A converted, `TooFew` if nobody in B did.
pub fn risk_ratio(a: Proportion, b: Proportion, alpha: Alpha) -> Result<Interval, NotComputable> {
    match (a.x(), b.x()) {
        (0, _) => Err(NotComputable::ZeroBaseline),
        (_, 0) => Err(NotComputable::TooFew { n: 0, needed: 1 }),
        (x_a, x_b) => {
            let se = ((1.0 - b.rate()) / x_b as f64 + (1.0 - a.rate()) / x_a as f64).sqrt();
            let (centre, half_width) = ((b.rate() / a.rate()).ln(), alpha.z()? * se);
            Ok(Interval {
                low: finite((centre - half_width).exp(), "ratio")?,
                high: finite((centre + half_width).exp(), "ratio")?,
            })
        }
    }
}
