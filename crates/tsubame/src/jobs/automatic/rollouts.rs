//! Asks what the rest of a test of messages gets, once everybody in the test was followed for the declared wait.

use chrono::{Duration, TimeDelta};
use decide::automatic::{
    Action, Rule, Taken,
    rollout::{Tested, roll_out},
};
use model::{Instant, automatic::Rollout, scenario::MessageExperiment};
use query::{Desk, ParamValue, Params, Value};

use super::{Inside, counted::counted, of_rule};
use crate::{fault::Fault, jobs::tick::Rows};

/// Where nobody knows when the last message of the test will be sent, one looks again so often.
const LOOK_AGAIN: Duration = Duration::minutes(15);

/// Logical times: what is seen of one is known `grace` later.
#[derive(Clone, Copy)]
pub struct Window {
    pub from: Instant,
    pub to: Instant,
    pub grace: Duration,
}

/// `None` where there is nothing to decide yet, or it was decided. `desk` is at the window's end.
pub async fn ask(
    desk: &Desk,
    inside: Inside<'_>,
    rollout: &Rollout,
    known: &[Taken],
    window: Window,
) -> Result<Option<Taken>, Fault> {
    let Inside { scenario, step, test } = inside;
    let taken = || of_rule(known, Rule::Rollout, &test.name);
    let waits = taken().next_back().is_some_and(|last| matches!(last.action, Action::Wait { until } if until > window.to));
    if waits || taken().any(|taken| stands(test, &taken.action)) {
        return Ok(None);
    }
    let sent = sent(desk, &scenario.scenario, step).await?;
    if sent.made + sent.to_go == 0 {
        return Ok(None);
    }
    let sent_until = sent.until.filter(|_| sent.to_go == 0);
    let due = sent_until.map(|at| at + rollout.wait.0).filter(|due| *due <= window.to);
    let (now, arms) = match due {
        Some(due) => {
            // What was planned already is not planned again.
            let now = due.max(window.from + TimeDelta::microseconds(1));
            let mut desk = desk.clone();
            desk.moment.as_of = now + window.grace;
            let mut slices = counted(&desk, test, &rollout.metric, rollout.wait, ("dimensions/none", Params::new())).await?;
            (now, slices.remove("").unwrap_or_default())
        }
        None => (window.to, Vec::new()),
    };
    let asked_again_at = sent.next_due_at.filter(|at| *at > now).unwrap_or(now + LOOK_AGAIN);
    let tested = Tested { sent_until, asked_again_at, arms };
    Ok(Some(roll_out(test, rollout, &scenario.version, &tested, now)))
}

/// Whether it says what the rest gets: to wait does not, nor does an arm that the test has no more.
fn stands(test: &MessageExperiment, action: &Action) -> bool {
    match action {
        Action::SendRest { arm } => test.arms.iter().any(|known| known.id == *arm),
        Action::SplitRest | Action::HoldRest => true,
        _ => false,
    }
}

/// How far the sends of a test have come.
struct Sent {
    made: i64,
    until: Option<Instant>,
    to_go: i64,
    next_due_at: Option<Instant>,
}

async fn sent(desk: &Desk, scenario: &str, step: &str) -> Result<Sent, Fault> {
    let text = |text: &str| ParamValue::Text(text.into());
    let params: Params = [("scenario".to_string(), text(scenario)), ("step".to_string(), text(step))].into();
    let answer = desk.ask("system/test_sent", &params).await?;
    let rows = Rows::new(&answer);
    let instant = |column: &str| match answer.get(0, column) {
        Some(Value::Instant(at)) => Some(*at),
        _ => None,
    };
    Ok(Sent {
        made: rows.int(0, "sent")?,
        until: instant("sent_until"),
        to_go: rows.int(0, "to_go")?,
        next_due_at: instant("next_due_at"),
    })
}
