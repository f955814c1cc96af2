//! Whether the numbers of a test may be believed at all. A split that is not the planned one refuses everything: whatever kept units out of an
//! arm also moved its metric (F15). The split is tested once, and as a running test that daily looks do not wear out (F15b).

use model::experiment::Experiment;
use stats::{ArmCount, NotComputable, SRM_CONCENTRATION, SRM_P_MIN, Srm, srm, srm_log_bayes_factor, srm_running_p, welch};

use super::Counted;
use crate::readout::PEOPLE_MIN;

/// Units in several arms are worth a warning from this share, and this number, on.
const CONTAMINATED_SHARE: f64 = 0.01;
const CONTAMINATED_MIN: u64 = 10;
/// A difference before the test below this p, over all comparisons, is a warning.
const BEFORE_P_MIN: f64 = 0.001;

#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub srm: Result<Srm, NotComputable>,
    /// The running p of the split: broken below [`SRM_P_MIN`], at whatever look.
    pub srm_running_p: Option<f64>,
    /// Units that met several arms, and their share of all.
    pub contaminated: u64,
    pub contaminated_share: f64,
    pub is_contaminated: bool,
    /// Metrics and variants that differed from the control before the test.
    pub differed_before: Vec<DifferedBefore>,
    /// Of all exposed, the share whose window is not over, in the goal metric.
    pub immature_share: f64,
    /// An arm with fewer than [`PEOPLE_MIN`] followed units.
    pub smallest: Option<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DifferedBefore {
    pub metric: String,
    pub variant: String,
    pub p: f64,
}

impl Health {
    /// The split is not the planned one.
    pub fn is_split_broken(&self) -> bool {
        self.srm.as_ref().is_ok_and(|srm| srm.mismatch) || self.srm_running_p.is_some_and(|p| p < SRM_P_MIN)
    }
}

pub fn health(experiment: &Experiment, counted: &Counted) -> Health {
    let arms = |seen: &[u64]| -> Vec<ArmCount> {
        experiment.arms.iter().zip(seen).map(|(arm, seen)| ArmCount { seen: *seen, weight: arm.weight }).collect()
    };
    let factors: Option<Vec<f64>> = counted
        .exposed_by_day
        .iter()
        .filter(|seen| seen.iter().any(|count| *count > 0))
        .map(|seen| srm_log_bayes_factor(&arms(seen), SRM_CONCENTRATION).ok())
        .collect();
    let exposed: u64 = counted.exposed.iter().sum();
    let contaminated_share = match exposed + counted.contaminated {
        0 => 0.0,
        all => counted.contaminated as f64 / all as f64,
    };
    let goal = counted.metrics.iter().find(|metric| metric.metric == experiment.goal.metric);
    let immature: u64 = goal.map_or(0, |goal| goal.immature.iter().sum());
    let followed = |index: usize| goal.and_then(|goal| goal.arms.get(index)?.as_ref().ok()).map_or(0, |arm| arm.y.n());
    let smallest = experiment
        .arms
        .iter()
        .enumerate()
        .map(|(index, arm)| (arm.id.clone(), followed(index)))
        .min_by_key(|(_, units)| *units)
        .filter(|(_, units)| *units < PEOPLE_MIN);
    Health {
        srm: srm(&arms(&counted.exposed)),
        srm_running_p: factors.filter(|factors| !factors.is_empty()).map(|factors| srm_running_p(&factors)),
        contaminated: counted.contaminated,
        contaminated_share,
        is_contaminated: contaminated_share >= CONTAMINATED_SHARE && counted.contaminated >= CONTAMINATED_MIN,
        differed_before: differed_before(experiment, counted),
        immature_share: if exposed == 0 { 0.0 } else { immature as f64 / exposed as f64 },
        smallest,
    }
}

fn differed_before(experiment: &Experiment, counted: &Counted) -> Vec<DifferedBefore> {
    let mut tested = Vec::new();
    for metric in &counted.metrics {
        for (index, arm) in experiment.arms.iter().enumerate().skip(1) {
            let (Some(Ok(a)), Some(Ok(b))) = (metric.arms.first(), metric.arms.get(index)) else { continue };
            if let Ok(found) = welch(&a.x, &b.x, stats::Alpha::FIVE_PERCENT) {
                tested.push(DifferedBefore { metric: metric.metric.clone(), variant: arm.id.clone(), p: found.p_two_sided });
            }
        }
    }
    let level = BEFORE_P_MIN / tested.len().max(1) as f64;
    tested.retain(|found| found.p < level);
    tested
}
