//! How large a test must be before it starts, how long that takes, and what a given size can see (F18, F19). CUPED takes the share of the
//! variance off that the past explains: σ²(1-ρ²).

pub use stats::NotComputable;
use stats::{Alpha, Baseline, Plan, required_n_means, required_n_proportions, smallest_effect};

/// What is known and wanted before a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    pub metric: MetricBefore,
    /// The smallest relative change worth knowing.
    pub lift: f64,
    pub alpha: f64,
    pub power: f64,
    /// Units in the variant per unit in the control.
    pub ratio: f64,
    /// Of the metric with itself before the test.
    pub correlation: f64,
    /// Units that come in per day, both arms together.
    pub per_day: Option<f64>,
    /// A size to judge, both arms together.
    pub units: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricBefore {
    Rate(f64),
    Mean { mean: f64, sd: f64 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Designed {
    pub control: u64,
    pub variant: u64,
    pub total: u64,
    /// At the pace given; a test runs whole weeks, so that it has every weekday alike.
    pub days: Option<u64>,
    pub weeks: Option<u64>,
    /// What the size given can see: the relative change, and the absolute one in the unit of the metric.
    pub seen: Option<Seen>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub relative: Result<f64, NotComputable>,
    pub absolute: f64,
}

/// # Errors
/// What is out of range, by its name.
pub fn design(of: &Design) -> Result<Designed, NotComputable> {
    let alpha = Alpha::new(of.alpha)?;
    let plan = Plan::new(alpha, of.power, of.ratio)?;
    if !(of.correlation > -1.0 && of.correlation < 1.0) {
        return Err(NotComputable::OutOfRange { what: "correlation", value: of.correlation, range: "between -1 and 1" });
    }
    let kept = 1.0 - of.correlation * of.correlation;
    let (mean, variance, needed) = match of.metric {
        MetricBefore::Rate(rate) => {
            let variance = rate * (1.0 - rate) * kept;
            let needed = match of.correlation == 0.0 {
                true => required_n_proportions(rate, rate * (1.0 + of.lift), &plan),
                false => required_n_means(rate * of.lift, variance.sqrt(), &plan),
            };
            (rate, variance, needed?)
        }
        MetricBefore::Mean { mean, sd } => (mean, sd * sd * kept, required_n_means(mean * of.lift, sd * kept.sqrt(), &plan)?),
    };
    let total = needed.a.saturating_add(needed.b);
    let days = match of.per_day {
        Some(per_day) if per_day > 0.0 => Some((total as f64 / per_day).ceil() as u64),
        Some(per_day) => {
            return Err(NotComputable::OutOfRange { what: "number of units per day", value: per_day, range: "positive" });
        }
        None => None,
    };
    let seen = of.units.map(|units| {
        let control = (units as f64 / (1.0 + of.ratio)).round() as u64;
        let baseline = Baseline { mean, variance, n_a: control, n_b: units.saturating_sub(control) };
        smallest_effect(&baseline, of.power, alpha).map(|seen| Seen { relative: seen.relative, absolute: seen.absolute })
    });
    Ok(Designed {
        control: needed.a,
        variant: needed.b,
        total,
        days,
        weeks: days.map(|days| days.div_ceil(7).max(1)),
        seen: seen.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rate: f64, lift: f64) -> Design {
        Design {
            metric: MetricBefore::Rate(rate),
            lift,
            alpha: 0.05,
            power: 0.8,
            ratio: 1.0,
            correlation: 0.0,
            per_day: Some(5_000.0),
            units: Some(40_000),
        }
    }

    #[test]
    fn a_test_is_sized_and_dated() {
        let got = design(&of(0.05, 0.1)).unwrap();
        assert_eq!((got.control, got.variant, got.days, got.weeks), (31_231, 31_231, Some(13), Some(2)));
        let seen = got.seen.unwrap();
        assert!((seen.absolute - 0.0061059).abs() < 1e-7 && (seen.relative.unwrap() - 0.1303186).abs() < 1e-6);
        // Half of the variance is known from the past: half as many are needed.
        let known = design(&Design { correlation: 0.5f64.sqrt(), ..of(0.05, 0.1) }).unwrap();
        assert!((0.45..0.55).contains(&(known.total as f64 / got.total as f64)), "{}", known.total);
    }

    #[test]
    fn what_cannot_be_planned_says_why() {
        let check = |design: Design, expect: &str| assert_eq!(super::design(&design).unwrap_err().to_string(), expect);
        check(
            Design { lift: 0.0, ..of(0.05, 0.1) },
            "the two values to tell apart are the same, so no number of people is enough",
        );
        check(Design { correlation: 1.0, ..of(0.05, 0.1) }, "the correlation 1 is not between -1 and 1");
        check(Design { per_day: Some(0.0), ..of(0.05, 0.1) }, "the number of units per day 0 is not positive");
        check(Design { metric: MetricBefore::Rate(5.0), ..of(0.05, 0.1) }, "the rate 5 is not within 0 and 1");
    }
}
