//! What all past tests add up to: how many won and lost, and how many of those that looked like something are expected to be chance.

use stats::{FalseDiscovery, NotComputable, false_discovery, false_positive_risk};

/// The goal of one variant of a test that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// `None` where nothing could be said.
    pub p: Option<f64>,
    /// The variant was better, if only by chance.
    pub is_better: bool,
    pub is_significant: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub compared: u64,
    pub won: u64,
    pub lost: u64,
    /// Storey's view of all p-values.
    pub false_discovery: Result<FalseDiscovery, NotComputable>,
    /// The risk that the next winner is chance, if as few ideas work as so far and its test sees them with this power.
    pub next_winner_false: Result<f64, NotComputable>,
}

/// `alpha` and `power` are those the tests were planned with.
pub fn past(ended: &[Ended], alpha: f64, power: f64) -> Past {
    let count = |is_better: bool| ended.iter().filter(|test| test.is_significant && test.is_better == is_better).count() as u64;
    let p_values: Vec<f64> = ended.iter().filter_map(|test| test.p).collect();
    let found = false_discovery(&p_values, alpha);
    let next_winner_false = match &found {
        Ok(found) => false_positive_risk(alpha, power, 1.0 - found.null_share),
        Err(why) => Err(why.clone()),
    };
    Past { compared: ended.len() as u64, won: count(true), lost: count(false), false_discovery: found, next_winner_false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(p: f64, is_better: bool) -> Ended {
        Ended { p: Some(p), is_better, is_significant: p < 0.05 }
    }

    #[test]
    fn winners_losers_and_chance_are_told_apart() {
        // Ten that did nothing, of which one looks as if it did, and three that work.
        let mut ended: Vec<Ended> = (0..10).map(|index| test(0.045 + 0.1 * f64::from(index), index % 2 == 0)).collect();
        ended.extend([test(1e-6, true), test(1e-4, true), test(1e-3, false)]);
        ended.push(Ended { p: None, is_better: false, is_significant: false });
        let past = past(&ended, 0.05, 0.8);
        assert_eq!((past.compared, past.won, past.lost), (14, 3, 1));
        let found = past.false_discovery.unwrap();
        assert_eq!((found.tests, found.significant), (13, 4));
        assert!((found.null_share - 10.0 / 13.0).abs() < 1e-12 && (found.rate.unwrap() - 0.125).abs() < 1e-12, "{found:?}");
        assert!((past.next_winner_false.unwrap() - 0.094_339_622_641_509).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let past = past(&[Ended { p: None, is_better: false, is_significant: false }], 0.05, 0.8);
        assert_eq!((past.compared, past.false_discovery), (1, Err(NotComputable::Empty)));
    }
}
