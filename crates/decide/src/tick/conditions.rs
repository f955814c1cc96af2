//! What the conditions of scenario files say: evaluated elsewhere, looked up here as of the moment of a decision.

use std::collections::BTreeMap;

use model::{Instant, Scenario};

/// Whether each condition is true of one customer, as of the moments at which it was evaluated. What is true holds from its moment to
/// the next; the first holds before it, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions(BTreeMap<String, Vec<(Instant, bool)>>);

impl Conditions {
    pub fn note(&mut self, key: impl Into<String>, as_of: Instant, is_true: bool) {
        let known = self.0.entry(key.into()).or_default();
        let place = known.partition_point(|(at, _)| *at <= as_of);
        known.insert(place, (as_of, is_true));
    }

    /// One that was never evaluated is not true.
    pub fn is_true(&self, key: &str, at: Instant) -> bool {
        let Some(known) = self.0.get(key) else { return false };
        let last = known.partition_point(|(as_of, _)| *as_of <= at).saturating_sub(1);
        known.get(last).is_some_and(|(_, is_true)| *is_true)
    }
}

/// The `when` of a branch's arm, arms counted from 0. Versions of a scenario may ask differently, so the version is in it.
pub fn branch_key(scenario: &Scenario, step: &str, arm: usize) -> String {
    format!("{}@{}/{step}/{arm}", scenario.scenario, scenario.version)
}

/// The `when` or `where` of an exit, exits counted from 0.
pub fn exit_key(scenario: &Scenario, exit: usize) -> String {
    format!("{}@{}//{exit}", scenario.scenario, scenario.version)
}

/// The `where` of a wait for an event.
pub fn wait_key(scenario: &Scenario, step: &str) -> String {
    format!("{}@{}/{step}/", scenario.scenario, scenario.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    #[test]
    fn what_is_true_holds_until_it_is_evaluated_again() {
        let at = |hour: i64| Instant::default() + Duration::hours(hour);
        let mut conditions = Conditions::default();
        for (hour, is_true) in [(5, false), (3, true)] {
            conditions.note("vip", at(hour), is_true);
        }
        let check = |key: &str, hour: i64, expect: bool| assert_eq!(conditions.is_true(key, at(hour)), expect, "{key} {hour}");
        check("vip", 0, true);
        check("vip", 3, true);
        check("vip", 4, true);
        check("vip", 5, false);
        check("vip", 9, false);
        check("other", 9, false);
    }
}
