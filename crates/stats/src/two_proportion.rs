//! The read-out of a conversion rate with and without. F4b: z = (pB-pA)/sqrt(p̄(1-p̄)(1/nA+1/nB)) with the pooled rate p̄ (the
//! variance if nothing had changed), the interval from the unpooled variance (the variance as seen). Its p is of the difference;
//! that of the lift ([`crate::welch_lift`]) is another number, so a report names which one it shows.

use crate::{Alpha, Interval, NotComputable, Proportion, normal};

/// B minus A, in shares of one (0.005 is half a point).
#[derive(Debug, Clone, PartialEq)]
pub struct TwoProportion {
    pub difference: f64,
    pub se_unpooled: f64,
    pub z_pooled: f64,
    pub p_two_sided: f64,
    /// One-sided: small when B is greater than A.
    pub p_b_greater: f64,
    pub interval: Interval,
    /// (pB - pA)/pA; `ZeroBaseline` if nobody in A converted.
    pub relative_lift: Result<f64, NotComputable>,
}

/// Compares two rates.
///
/// # Errors
/// `NoVariance` if nobody converted in either arm, or everybody in both.
pub fn two_proportion(a: Proportion, b: Proportion, alpha: Alpha) -> Result<TwoProportion, NotComputable> {
    let (n_a, n_b) = (a.n() as f64, b.n() as f64);
    let difference = b.rate() - a.rate();

    let converted = a.x() as f64 + b.x() as f64;
    let stayed = (a.n() - a.x()) as f64 + (b.n() - b.x()) as f64;
    let total = n_a + n_b;
    let se_pooled = (converted / total * (stayed / total) * (1.0 / n_a + 1.0 / n_b)).sqrt();
    if se_pooled == 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let z_pooled = difference / se_pooled;

    let se_unpooled = (a.variance() / n_a + b.variance() / n_b).sqrt();
    Ok(TwoProportion {
        difference,
        se_unpooled,
        z_pooled,
        p_two_sided: 2.0 * normal::sf(z_pooled.abs())?,
        p_b_greater: normal::sf(z_pooled)?,
        interval: Interval::around(difference, alpha.z()? * se_unpooled)?,
        relative_lift: if a.x() == 0 { Err(NotComputable::ZeroBaseline) } else { Ok(difference / a.rate()) },
    })
}
