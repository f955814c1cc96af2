//! Whether two curves of [`crate::KaplanMeier`] are one. Mantel (1966): over the days with events, observed minus expected in the first
//! group, with the hypergeometric variance.

use std::collections::BTreeMap;

use crate::{DayCount, NotComputable, chi_square};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogRank {
    pub chi_square: f64,
    pub p_value: f64,
}

/// # Errors
/// `Empty` without anybody in a group, `NoVariance` if no day tells the groups apart.
pub fn log_rank(a: &[DayCount], b: &[DayCount]) -> Result<LogRank, NotComputable> {
    let mut days: BTreeMap<u32, [(u64, u64); 2]> = BTreeMap::new();
    for (group, counts) in [a, b].into_iter().enumerate() {
        for count in counts {
            let day = &mut days.entry(count.day).or_default()[group];
            *day = (day.0 + count.events, day.1 + count.censored);
        }
    }
    let people = |group: usize| days.values().map(|day| day[group].0 + day[group].1).sum::<u64>();
    let mut at_risk = [people(0), people(1)];
    if at_risk.contains(&0) {
        return Err(NotComputable::Empty);
    }
    let (mut difference, mut variance) = (0.0, 0.0);
    for day in days.values() {
        let (n_a, n) = (at_risk[0] as f64, (at_risk[0] + at_risk[1]) as f64);
        let events = (day[0].0 + day[1].0) as f64;
        if events > 0.0 {
            difference += day[0].0 as f64 - events * n_a / n;
            if n > 1.0 {
                variance += events * (n_a / n) * (1.0 - n_a / n) * (n - events) / (n - 1.0);
            }
        }
        for group in [0, 1] {
            at_risk[group] -= day[group].0 + day[group].1;
        }
    }
    if variance <= 0.0 {
        return Err(NotComputable::NoVariance);
    }
    let chi_square = difference * difference / variance;
    Ok(LogRank { chi_square, p_value: chi_square::sf(chi_square, 1)? })
}
