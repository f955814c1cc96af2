//! What many tests taken together say. Storey (2002), JRSS B 64: of m tests a share π0 = #{p > λ}/((1-λ) m) changed nothing, so π0·α·m
//! of the R that are called significant at α are expected to be chance. And of a single one: Kohavi, Deng and Vermeer (2022), "A/B Testing
//! Intuition Busters": with a prior share of true effects, the risk that a significant result is false is
//! απ0/(απ0 + power·(1-π0)), α being the level on the winning side.

use crate::NotComputable;

/// λ: a test without an effect has a p above it with probability 1 - λ.
const LAMBDA: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FalseDiscovery {
    pub tests: u64,
    pub significant: u64,
    /// The share of tests without an effect, at most 1.
    pub null_share: f64,
    /// Of the significant, those expected to be chance.
    pub expected_false: f64,
    /// Their share, at most 1; `Empty` where none is significant.
    pub rate: Option<f64>,
}

/// # Errors
/// `Empty` without tests; `OutOfRange` for a p outside 0 and 1 or an α outside 0 and 1.
pub fn false_discovery(p_values: &[f64], alpha: f64) -> Result<FalseDiscovery, NotComputable> {
    if p_values.is_empty() {
        return Err(NotComputable::Empty);
    }
    for (what, value) in p_values.iter().map(|p| ("p-value", *p)).chain([("alpha", alpha)]) {
        if !(0.0..=1.0).contains(&value) {
            return Err(NotComputable::OutOfRange { what, value, range: "within 0 and 1" });
        }
    }
    let count = |is: &dyn Fn(f64) -> bool| p_values.iter().filter(|p| is(**p)).count() as f64;
    let tests = p_values.len() as f64;
    let significant = count(&|p| p < alpha);
    let null_share = (count(&|p| p > LAMBDA) / ((1.0 - LAMBDA) * tests)).min(1.0);
    let expected_false = null_share * alpha * tests;
    let rate = (significant > 0.0).then(|| (expected_false / significant).min(1.0));
    Ok(FalseDiscovery { tests: tests as u64, significant: significant as u64, null_share, expected_false, rate })
}

/// The risk that a result significant at two-sided `alpha` is chance, where a share `true_share` of all ideas works and such a test finds
/// those that do with probability `power`.
///
/// # Errors
/// `OutOfRange` for a number outside 0 and 1, or where nothing is ever significant.
pub fn false_positive_risk(alpha: f64, power: f64, true_share: f64) -> Result<f64, NotComputable> {
    for (what, value) in [("alpha", alpha), ("power", power), ("share of ideas that work", true_share)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(NotComputable::OutOfRange { what, value, range: "within 0 and 1" });
        }
    }
    let (chance, found) = (alpha / 2.0 * (1.0 - true_share), power * true_share);
    if chance + found == 0.0 {
        return Err(NotComputable::NoEvent { horizon: 0 });
    }
    Ok(chance / (chance + found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_without_effects_are_all_chance() {
        let even: Vec<f64> = (0..1_000).map(|index| (f64::from(index) + 0.5) / 1_000.0).collect();
        let got = false_discovery(&even, 0.05).unwrap();
        assert_eq!((got.significant, got.null_share, got.rate), (50, 1.0, Some(1.0)));
        let mut mixed = even.clone();
        mixed.extend([1e-6; 250]);
        let got = false_discovery(&mixed, 0.05).unwrap();
        assert_eq!(got.significant, 300);
        assert!((got.null_share - 0.8).abs() < 1e-12 && (got.rate.unwrap() - 50.0 / 300.0).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn rare_successes_make_significance_doubtful() {
        let check = |true_share: f64, expect: f64| {
            let got = 100.0 * false_positive_risk(0.05, 0.8, true_share).unwrap();
            assert!((got - expect).abs() < 0.005, "{true_share}: {got}");
        };
        check(0.5, 3.03); // 0.0125 of 0.4125
        check(0.10, 21.95); // 0.0225 of 0.1025
        check(0.08, 26.44); // 0.023 of 0.087
        check(0.0, 100.0);
    }
}
