//! A touch halves in weight with every 7 days before the order.

use super::{AttributionModel, Path};

const HALF_LIFE_US: f64 = 7.0 * 86_400.0 * 1e6;

pub struct TimeDecay;

impl AttributionModel for TimeDecay {
    fn name(&self) -> &'static str {
        "time_decay"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        // Relative to the youngest touch, so that an old path keeps its proportions; in whole 2^-40, so that no machine's last
        // bit shows.
        let age = |touch: &&model::Touch| (path.ordered_at - touch.touched_at).num_microseconds().unwrap_or(i64::MAX) as f64;
        let youngest = path.touches.iter().map(age).fold(f64::INFINITY, f64::min);
        let weight = |touch| ((youngest - age(touch)) / HALF_LIFE_US).exp2() * (1u64 << 40) as f64;
        path.touches.iter().map(|touch| weight(touch).round() as u64).collect()
    }
}
