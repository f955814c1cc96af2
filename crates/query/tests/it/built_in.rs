//! The built-in library against the engine: no file may fail to plan.

use std::sync::Arc;

use model::ShopZone;
use query::{Library, check};

#[tokio::test]
async fn every_built_in_query_and_dashboard_plans() {
    let (library, mut problems) = Library::load(None);
    problems.extend(check(&Arc::new(library), ShopZone::tokyo()).await);
    let report: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(report.is_empty(), "{}", report.join("\n"));
}
