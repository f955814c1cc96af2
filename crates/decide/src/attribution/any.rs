//! Every touch takes the whole order. What it says is how much each had a part in; its sums are more than what was bought.

use super::{AttributionModel, Path};

pub struct Any;

impl AttributionModel for Any {
    fn name(&self) -> &'static str {
        "any"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        vec![1; path.touches.len()]
    }

    fn is_additive(&self) -> bool {
        false
    }
}
