//! How often a metric cries wolf: past units are split in two by many salts, as a test would split them, though nothing was done to either half. Each
//! difference that is then significant is a false one, and there should be as many as the level says.

use model::experiment::HashKind;
pub use stats::{Alpha, NotComputable};
use stats::{Interval, Moments, Proportion, welch, wilson};

use crate::growthbook::{SHA256, hash};

/// Values are whole numbers of ten-thousandths.
const SCALE: u8 = 4;
/// A split says something of the level only if it could have been significant.
const SPLITS_MIN: u64 = 20;

/// Of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct FalsePositives {
    /// Splits in which the difference could be computed.
    pub splits: u64,
    /// In which it was significant.
    pub found: u64,
    pub rate: f64,
    /// 95 % of the rate.
    pub interval: Interval,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The level is within the interval.
    Sound,
    /// More than the level: the metric promises more than it keeps.
    TooMany,
    /// Fewer: nothing false is said, but true differences are missed.
    TooFew,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Sound => "sound",
            Verdict::TooMany => "too_many",
            Verdict::TooFew => "too_few",
        }
    }
}

/// Splits the units by `salt-0`, `salt-1`, … and compares both halves in every metric, whose values stand in the order of the units.
pub fn false_positives(
    units: &[&str],
    metrics: &[&[i128]],
    (salt, kind): (&str, HashKind),
    splits: u32,
    alpha: Alpha,
) -> Vec<Result<FalsePositives, NotComputable>> {
    let version = match kind {
        HashKind::GrowthBook2 => 2,
        HashKind::Sha256 => SHA256,
    };
    let mut counts = vec![(0, 0); metrics.len()];
    for split in 0..splits {
        let seed = format!("{salt}-{split}");
        let halves: Vec<bool> = units.iter().map(|unit| hash(&seed, unit, version).is_some_and(|point| point < 0.5)).collect();
        for (values, (computed, found)) in metrics.iter().zip(&mut counts) {
            if let Ok(p) = p_value(values, &halves, alpha) {
                *computed += 1;
                *found += u64::from(p < alpha.get());
            }
        }
    }
    counts.into_iter().map(|(computed, found)| counted(computed, found, alpha)).collect()
}

fn p_value(values: &[i128], halves: &[bool], alpha: Alpha) -> Result<f64, NotComputable> {
    let mut sides = [Moments::new(SCALE), Moments::new(SCALE)];
    for (value, half) in values.iter().zip(halves) {
        sides[usize::from(*half)].push(*value)?;
    }
    welch(&sides[0].summary()?, &sides[1].summary()?, alpha).map(|found| found.p_two_sided)
}

fn counted(splits: u64, found: u64, alpha: Alpha) -> Result<FalsePositives, NotComputable> {
    if splits < SPLITS_MIN {
        return Err(NotComputable::TooFew { n: splits, needed: SPLITS_MIN });
    }
    let proportion = Proportion::new(found, splits)?;
    let interval = wilson(proportion, Alpha::new(0.05)?)?;
    let verdict = match alpha.get() {
        level if interval.low > level => Verdict::TooMany,
        level if interval.high < level => Verdict::TooFew,
        _ => Verdict::Sound,
    };
    Ok(FalsePositives { splits, found, rate: proportion.rate(), interval, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_judged_by_its_interval() {
        let alpha = Alpha::new(0.05).unwrap();
        let check = |splits, found, expect: Option<Verdict>| {
            assert_eq!(counted(splits, found, alpha).ok().map(|found| found.verdict), expect, "{found} of {splits}");
        };
        check(19, 1, None);
        check(200, 10, Some(Verdict::Sound));
        // Wilson's interval of 16 begins at 4.98 %, of 17 at 5.37 %.
        check(200, 16, Some(Verdict::Sound));
        check(200, 17, Some(Verdict::TooMany));
        check(200, 30, Some(Verdict::TooMany));
        check(200, 0, Some(Verdict::TooFew));
        check(20, 0, Some(Verdict::Sound));
    }

    #[test]
    fn a_sound_metric_is_sound_and_one_that_has_few_buyers_is_not_said_to_be() {
        let ids: Vec<String> = (0..2_000).map(|number| format!("c{number}")).collect();
        let units: Vec<&str> = ids.iter().map(String::as_str).collect();
        let alpha = Alpha::new(0.05).unwrap();
        let tenth: Vec<i128> = (0..2_000).map(|number| if number % 10 == 0 { 10_000 } else { 0 }).collect();
        let amounts: Vec<i128> = (0..2_000).map(|number| i128::from(number * 7_919 % 1_000) * 10_000).collect();
        let nothing = vec![0; 2_000];
        for kind in [HashKind::GrowthBook2, HashKind::Sha256] {
            let found = false_positives(&units, &[&tenth, &amounts, &nothing], ("aa", kind), 400, alpha);
            let check = |place: usize, expect: Option<Verdict>| {
                let found = &found[place];
                assert_eq!(found.as_ref().ok().map(|found| found.verdict), expect, "{kind:?} {place} {found:?}");
            };
            check(0, Some(Verdict::Sound));
            check(1, Some(Verdict::Sound));
            check(2, None);
        }
        // The same salts give the same answer.
        let once = false_positives(&units, &[&amounts], ("aa", HashKind::Sha256), 50, alpha);
        assert_eq!(once, false_positives(&units, &[&amounts], ("aa", HashKind::Sha256), 50, alpha));
    }
}
