//! What somebody of the test list is sent when a scenario or broadcast is tried out: each of its messages, at once.

use chrono::TimeDelta;
use model::{Instant, Scenario, time::rfc3339};
use serde_json::Value;

use super::{Conditions, Customer, Plan, Trigger, Window, plan};
use crate::Rules;

/// What the name of a scenario ends with when it is tried out.
pub const TRIAL: &str = "/test";

/// Plans every message of the scenario for one customer at `window.to`, whatever its steps, holdouts, caps and quiet hours say. Address,
/// consent and suppression hold. The rows are of the scenario `NAME/test`, so that neither figures nor caps of `NAME` know of them
/// (no other scenario can be named so); nobody is exposed to a test.
pub fn trial(customer: &Customer, scenario: &Scenario, rules: &Rules, context: Value, run_id: &str, at: Instant) -> Plan {
    let mut tried = Scenario {
        scenario: format!("{}{TRIAL}", scenario.scenario),
        enabled: true,
        exits: Vec::new(),
        holdout: None,
        migrate: None,
        ..scenario.clone()
    };
    (tried.entry.date, tried.entry.once) = (None, None);
    tried.entry.seasons.clear();
    tried.steps.retain(|step| step.send.is_some());
    for step in &mut tried.steps {
        step.next = None;
        if let Some(send) = &mut step.send {
            (send.valid_for, send.best_time) = (None, None);
            if let Some(test) = &mut send.experiment {
                (test.rollout, test.bandit) = (None, None); // A rest that waits would see nothing.
            }
        }
    }
    let mut quiet = rules.quiet.clone();
    quiet.enabled = false;
    quiet.channels.clear();
    let rules = Rules { quiet, caps: Vec::new(), holdout: None, pauses: Vec::new(), ..rules.clone() };
    let trigger = Trigger {
        scenario: tried.scenario.clone(),
        entry_key: rfc3339(at),
        at,
        known_at: at,
        was_in_audience_before: false,
        excluded_by: None,
        context,
    };
    let customer = Customer {
        past_sends: Vec::new(),
        past_entries: Vec::new(),
        open: Vec::new(),
        failures: Vec::new(),
        triggers: vec![trigger],
        happenings: Vec::new(),
        conditions: Conditions::default(),
        absences: Vec::new(),
        ..customer.clone()
    };
    let window = Window { run_id: run_id.into(), from: at - TimeDelta::microseconds(1), to: at, grace: TimeDelta::zero() };
    let mut plan = plan(&customer, &[tried], &rules, &window);
    plan.exposures.clear();
    plan
}
