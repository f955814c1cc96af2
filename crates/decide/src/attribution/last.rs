//! The touch nearest to the order takes all.

use super::{AttributionModel, Path};

pub struct Last;

impl AttributionModel for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        let last = path.touches.len().saturating_sub(1);
        (0..path.touches.len()).map(|index| u64::from(index == last)).collect()
    }
}
