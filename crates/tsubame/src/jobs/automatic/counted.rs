//! What came of a test inside a step: the units of each arm by the arm they met first, each followed equally long.

use std::collections::BTreeMap;

use decide::{
    analysis::NotComputable,
    automatic::{Outcome, Seen},
};
use model::{scenario::MessageExperiment, time::Span};
use query::{Desk, ParamValue, Params};

use crate::{
    analysis::{ArmSums, is_rate, sums},
    fault::Fault,
};

/// By slice of a dimension, a query with its parameters; arms in the order of the test, then those that are no arms of it.
pub async fn counted(
    desk: &Desk,
    test: &MessageExperiment,
    metric: &str,
    within: Span,
    (dimension, params): (&str, Params),
) -> Result<BTreeMap<String, Vec<Seen>>, Fault> {
    let of_test: Params = [
        ("experiment".to_string(), ParamValue::Text(test.name.clone())),
        ("within_seconds".to_string(), ParamValue::Int(within.0.num_seconds())),
    ]
    .into();
    let exposed = desk.batches(desk.query("system/exposed_experiment")?, &of_test).await?;
    let desk = desk.clone().with_table("exposed", exposed)?;
    let query = desk.query(metric)?.clone();
    let told = desk.batches(&query, &Params::new()).await?;
    let nothing = (told.0.clone(), Vec::new());
    let desk = desk.with_table("metric", told)?.with_table("before", nothing)?;
    let sums = sums(&desk, dimension, params).await?;
    let is_rate = is_rate(&desk, metric, &sums)?;
    let mut slices: BTreeMap<&str, BTreeMap<&str, &ArmSums>> = BTreeMap::new();
    for ((arm, slice), of) in &sums {
        slices.entry(slice).or_default().insert(arm, of);
    }
    let seen_in = |(slice, mut arms): (&str, BTreeMap<&str, &ArmSums>)| {
        let known: Vec<Seen> = test.arms.iter().map(|arm| seen(&arm.id, arms.remove(arm.id.as_str()), is_rate)).collect();
        let strange = arms.into_iter().map(|(arm, of)| seen(arm, Some(of), is_rate));
        (slice.to_string(), known.into_iter().chain(strange).collect::<Vec<_>>())
    };
    Ok(slices.into_iter().map(seen_in).collect())
}

fn seen(arm: &str, of: Option<&ArmSums>, is_rate: bool) -> Seen {
    let outcome = of.map_or(Err(NotComputable::Empty), |of| of.paired.clone());
    Seen {
        arm: arm.into(),
        sent: of.map_or(0, |of| of.open + of.over),
        outcome: outcome.and_then(|paired| Outcome::of(paired.y, is_rate)),
    }
}
