//! The earliest touch takes all.

use super::{AttributionModel, Path};

pub struct First;

impl AttributionModel for First {
    fn name(&self) -> &'static str {
        "first"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        (0..path.touches.len()).map(|index| u64::from(index == 0)).collect()
    }
}
