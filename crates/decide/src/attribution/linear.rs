//! Every touch takes the same.

use super::{AttributionModel, Path};

pub struct Linear;

impl AttributionModel for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        vec![1; path.touches.len()]
    }
}
