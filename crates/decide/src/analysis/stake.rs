//! What choosing a variant is worth over the next days: the difference times the units that will come (F9). The best of several looks better
//! than it is (the winner's curse), so the value stands beside the shrunk one, that of F11 under a prior of small effects; a plan of the shop
//! should go by that. The interval is that of the declared rule, so a value read before the end is no more certain than the test.

use stats::{Interval, NotComputable, Posterior};

use super::compare::Compared;

/// Values are said for so many days.
pub const DAYS: u32 = 30;

/// In the unit of the metric, for all units of the days; more is better where the metric says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Stake {
    pub days: u32,
    /// Units that come in them.
    pub units: f64,
    /// The difference as seen, and what the interval of the declared rule leaves.
    pub value: f64,
    pub interval: Interval,
    /// Less what chance and choice add to it.
    pub shrunk: Result<Shrunk, NotComputable>,
    /// What is lost on average if the variant is chosen and is worse.
    pub loss: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunk {
    pub value: f64,
    pub interval: Interval,
}

/// Of so many units a day.
///
/// # Errors
/// `OutOfRange` unless there are units; as the confidence sequence, where nothing else stands for the interval.
pub fn stake(compared: &Compared, per_day: f64, days: u32) -> Result<Stake, NotComputable> {
    if !(per_day > 0.0 && per_day.is_finite()) {
        return Err(NotComputable::OutOfRange { what: "number of units per day", value: per_day, range: "positive and finite" });
    }
    let units = per_day * f64::from(days);
    let times = |interval: Interval, by: f64| Interval { low: interval.low * by, high: interval.high * by };
    // Before the declared look the sequence is what may be read.
    let interval = match compared.decisive.interval {
        Some(interval) => interval,
        None => compared.sequence.clone()?.interval,
    };
    let of = |posterior: &Posterior| {
        let by = compared.mean[0].abs() * units;
        Shrunk { value: posterior.mean * by, interval: times(posterior.interval, by) }
    };
    Ok(Stake {
        days,
        units,
        value: compared.absolute.effect * units,
        interval: times(interval, units),
        shrunk: compared.shrunk.as_ref().map(of).map_err(Clone::clone),
        loss: compared.loss * units,
    })
}

#[cfg(test)]
mod tests {
    use model::experiment::TestPlan;
    use stats::{Alpha, Paired, Summary};

    use super::*;
    use crate::analysis::{Progress, compare};

    fn compared(means: [f64; 2], units: u64) -> Compared {
        let arm = |mean| Paired {
            y: Summary::new(10_000, mean, 4_000_000.0).unwrap(),
            x: Summary::new(10_000, 0.0, 0.0).unwrap(),
            covariance: 0.0,
        };
        let plan = TestPlan { units, rule: model::experiment::Rule::Fixed, ..TestPlan::default() };
        let progress = Progress { units: 20_000, planned_of_both: units };
        compare(&arm(means[0]), &arm(means[1]), false, false, Alpha::FIVE_PERCENT, &plan, progress).unwrap()
    }

    #[test]
    fn a_difference_is_worth_what_it_brings_to_those_who_come() {
        // 1,000 yen per unit and 1,060; the error of the difference is √800 = 28.3 yen, of the lift about 2.9 %.
        let got = stake(&compared([1_000.0, 1_060.0], 20_000), 500.0, 30).unwrap();
        assert_eq!((got.days, got.units), (30, 15_000.0));
        assert!((got.value - 900_000.0).abs() < 1e-6, "{got:?}");
        let half = 15_000.0 * 1.96 * 800f64.sqrt();
        assert!((got.interval.low - (900_000.0 - half)).abs() < 300.0 && (got.interval.high - (900_000.0 + half)).abs() < 300.0);
        // The prior of 10 % takes V/(V + 0.01) of the lift off: V = 4e-4·(1 + 1.06²) and so 7.8 %.
        let shrunk = got.shrunk.unwrap();
        let kept = 0.01 / (0.01 + 4e-4 * (1.0 + 1.06 * 1.06));
        assert!((shrunk.value - 900_000.0 * kept).abs() < 1.0, "{shrunk:?}");
        assert!(shrunk.interval.low < shrunk.value && shrunk.value < shrunk.interval.high && got.loss > 0.0);
    }

    #[test]
    fn before_the_end_the_sequence_stands_for_the_interval() {
        let (early, late) = (compared([1_000.0, 1_060.0], 40_000), compared([1_000.0, 1_060.0], 20_000));
        let width = |compared: &Compared| {
            let Interval { low, high } = stake(compared, 500.0, 30).unwrap().interval;
            high - low
        };
        assert!(early.decisive.interval.is_none() && width(&early) > 1.5 * width(&late));
    }

    #[test]
    fn without_units_there_is_no_value() {
        let none = stake(&compared([1_000.0, 1_060.0], 20_000), 0.0, 30).unwrap_err();
        assert_eq!(none.to_string(), "the number of units per day 0 is not positive and finite");
    }
}
