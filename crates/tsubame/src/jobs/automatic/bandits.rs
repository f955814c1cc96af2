//! Asks for new shares of the arms of a message that is sent for ever, by what came of each period between two changes.

use decide::automatic::{
    Action, Rule, Taken, Weight,
    bandit::{Period, reweigh, shares},
};
use model::{Instant, automatic::Bandit};
use query::{Desk, ParamValue, Params};

use super::{Inside, counted::counted, of_rule};
use crate::fault::Fault;

/// `None` where it is not due, or nobody has met the test. Units are followed as long as the scenario's goal says.
pub async fn ask(
    desk: &Desk,
    inside: Inside<'_>,
    bandit: &Bandit,
    known: &[Taken],
    now: Instant,
) -> Result<Option<Taken>, Fault> {
    let Inside { scenario, test, .. } = inside;
    let set: Vec<(Instant, &[Weight])> = of_rule(known, Rule::Bandit, &test.name)
        .filter_map(|taken| match &taken.action {
            Action::Weigh { weights } => Some((taken.at, weights.as_slice())),
            _ => None,
        })
        .collect();
    let changed_at = set.last().map(|(at, _)| *at);
    // The rule would say so too, after everything was counted for it.
    if changed_at.is_some_and(|at| now < at + bandit.every.0) {
        return Ok(None);
    }
    let params: Params = [("test".to_string(), ParamValue::Text(test.name.clone()))].into();
    let mut counted = counted(desk, test, &bandit.metric, scenario.goal.within, ("system/test_periods", params)).await?;
    let none: &[Weight] = &[];
    let in_force = std::iter::once(none).chain(set.iter().map(|(_, weights)| *weights));
    let periods: Vec<Period> = in_force
        .enumerate()
        .filter_map(|(nth, weights)| {
            let arms = counted.remove(&nth.to_string())?;
            // Weights of other arms than these are of an older definition, and ticks went by the declared ones.
            let fits = weights.iter().all(|weight| test.arms.iter().any(|arm| arm.id == weight.arm));
            Some(Period { weights: shares(test, bandit, if fits { weights } else { none }), arms })
        })
        .collect();
    if periods.is_empty() {
        return Ok(None);
    }
    Ok(Some(reweigh(test, bandit, &scenario.version, &periods, changed_at, now)))
}
