//! What a unit meets at a step with a test of messages, by what the test has decided so far.

use chrono::Duration;
use model::{
    Arm, Instant,
    automatic::Rollout,
    scenario::{MessageExperiment, SendStep},
};

use crate::{
    automatic::{
        Action, Rule, Taken, bandit,
        rollout::{self, Part},
    },
    bucket,
};

/// A rest that waited as long as declared, and still has no decision, looks again so often.
const LOOK_AGAIN: Duration = Duration::hours(1);

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meets<'a> {
    /// There is no test at the step.
    NoTest,
    /// The unit is in the test.
    Arm(&'a MessageExperiment, &'a Arm),
    /// It gets what the test decided, and does not count for it.
    Rest(&'a Arm),
    Waits {
        until: Instant,
    },
}

/// At `now`, of a step that fell due at `due`.
pub fn meets<'a>(send: &'a SendStep, unit: &str, due: Instant, now: Instant, taken: &[Taken]) -> Meets<'a> {
    let Some(test) = &send.experiment else { return Meets::NoTest };
    let arm = match (&test.rollout, &test.bandit) {
        (Some(rollout), _) => match rollout::part(test, rollout, unit) {
            Part::Rest => return rest(test, rollout, unit, (due, now), taken),
            Part::Test(arm) => Some(arm),
        },
        (None, Some(bandit)) => {
            let weights = known(taken, Rule::Bandit, test, now).filter_map(|taken| match &taken.action {
                Action::Weigh { weights } => Some((taken.at, weights)),
                _ => None,
            });
            let weights = weights.max_by_key(|(at, _)| *at).map(|(_, weights)| weights.as_slice()).unwrap_or_default();
            // Weights of other arms than these are of an older definition.
            let fits = weights.iter().all(|weight| test.arms.iter().any(|arm| arm.id == weight.arm));
            bandit::arm(test, bandit, if fits { weights } else { &[] }, unit)
        }
        (None, None) => bucket::arm(&test.salt, unit, &test.arms),
    };
    arm.map_or(Meets::NoTest, |arm| Meets::Arm(test, arm))
}

fn rest<'a>(
    test: &'a MessageExperiment,
    rollout: &Rollout,
    unit: &str,
    (due, now): (Instant, Instant),
    taken: &[Taken],
) -> Meets<'a> {
    let last =
        known(taken, Rule::Rollout, test, now).max_by_key(|taken| (!matches!(taken.action, Action::Wait { .. }), taken.at));
    // Nothing is decided before the wait is over.
    let again = if due + rollout.wait.0 > now { due + rollout.wait.0 } else { now + LOOK_AGAIN };
    match last.map(|taken| &taken.action) {
        Some(Action::Wait { until }) if *until > now => Meets::Waits { until: *until },
        Some(action) => match rollout::arm_of_rest(test, action, unit) {
            Some(arm) => Meets::Rest(arm),
            None => Meets::Waits { until: again },
        },
        None => Meets::Waits { until: again },
    }
}

/// Those of a test that are known at `now`.
fn known<'t>(taken: &'t [Taken], rule: Rule, test: &MessageExperiment, now: Instant) -> impl Iterator<Item = &'t Taken> {
    let name = test.name.clone();
    taken.iter().filter(move |taken| taken.rule == rule && taken.test == name && taken.at <= now)
}
