//! What every scenario does about one customer in a window of logical time: a pure function of facts.
//!
//! **Logical time.** A decision at logical time t uses facts that happened at t or before and were known by t + `grace`, and is
//! executed at t + `grace`, live and in a replay alike. So a fact is *seen* from `max(at, known_at - grace)` on; that is when a
//! trigger lets somebody in and when an exit event takes somebody out. A fact seen only after a send that it should have
//! prevented is a late exit: it cannot unsend, so it is counted and the later steps stop.
//!
//! **Windows.** A window is `(from, to]`. Everything that depends on a window's ends is stated as facts (an open entry with its
//! due time), so any number of windows over a period gives the same rows as one window over it.
//!
//! **One instant.** At one instant exits come first, then entries, then sends, these by priority (high first), the end of their
//! validity (early first), scenario id and send key. All scenarios of a customer are planned together, because caps and
//! priorities span them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, NaiveDate, TimeDelta};
use model::{Channel, CustomerId, EntryStep, Exposure, Instant, Scenario, Send, ShopZone, StopRow};
use serde_json::Value;

pub use crate::gates::{PastSend, Reach};
use crate::{Rules, automatic::Taken};

mod best_time;
mod broadcast;
mod conditions;
mod dates;
mod entering;
mod fallback;
mod leaving;
mod migrating;
mod quota;
mod rows;
pub mod schedule;
mod send_step;
mod sending;
mod stir;
mod tested;
mod trial;
mod waiting;
mod walk;

pub use best_time::CLICKS_FOR;
pub use broadcast::duplicates;
pub use conditions::{Conditions, branch_key, exit_key, wait_key};
pub use dates::{comes_in_by_date, triggers as by_date};
pub use entering::base_key;
pub use leaving::matches;
pub use migrating::{Held, Refusal, refusals};
pub use quota::{Allowance, Closings, month_after, month_of};
pub use sending::Spread;
pub use stir::{Stir, stir};
pub use trial::{TRIAL, trial};
pub use walk::SENT_LATELY;

#[cfg(test)]
pub(crate) mod examples;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod ready;
#[cfg(test)]
mod windows;

/// Logical times decided in one run: `(from, to]`. Live, `to` is now - `grace`, and `from` is the `to` of the run before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub run_id: String,
    pub from: Instant,
    pub to: Instant,
    pub grace: Duration,
}

impl Window {
    /// When a send due at `due` is executed.
    pub fn executed_at(&self, due: Instant) -> Instant {
        due + self.grace
    }

    /// The first logical time from which a decision sees a fact.
    pub fn seen_at(&self, at: Instant, known_at: Instant) -> Instant {
        at.max(known_at - self.grace)
    }

    fn first_instant(&self) -> Instant {
        self.from + TimeDelta::microseconds(1)
    }
}

/// The facts about one customer that its scenarios look at. Facts not yet seen at a logical time are ignored there, so giving too
/// many is harmless; lists may be in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    pub id: CustomerId,
    /// What is bucketed: the contact cluster, so that people who share an address meet one arm. Without a cluster, the id.
    pub unit: String,
    /// Where they live, as far as it is known now.
    pub zone: Option<ShopZone>,
    /// As it is now; the gates run again when a send is handed over.
    pub reach: BTreeMap<Channel, Reach>,
    /// As far back as the longest cap and `exclude_sent_within`, and every send of an open entry.
    pub past_sends: Vec<PastSend>,
    /// Every earlier entry, finished ones too; those in `open` may be left out.
    pub past_entries: Vec<PastEntry>,
    pub open: Vec<OpenEntry>,
    /// Sends for which the next channel of their step is tried; as far back as a pause that reaches into the window.
    pub failures: Vec<Failure>,
    pub triggers: Vec<Trigger>,
    pub happenings: Vec<Happening>,
    /// What the `when` of branches and exits says of this customer.
    pub conditions: Conditions,
    /// Evaluations of a scenario's segment that found the customer outside, for exits that ask (`leave = "audience"`).
    pub absences: Vec<Absence>,
    /// Dates that entries and waits go by, as they were known from some moment on; every revision that may still matter.
    pub dates: Vec<CustomerDate>,
    /// Clicks on our messages, for steps that ask for the best time; as far back as [`CLICKS_FOR`] before the oldest send due.
    pub clicks: Vec<Click>,
    /// Since when the person is erased: whatever is open ends, and nothing begins.
    pub erased_at: Option<Instant>,
}

/// A send that will not arrive by its channel: refused for good, or, of a transactional one, of an outcome that nobody can tell. The pass it
/// belongs to may be over by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub send: Send,
    /// When the first send of its step was due: what validity counts from.
    pub step_due: Instant,
    /// When that was written down, and so known.
    pub at: Instant,
    pub entry_key: String,
    pub entered_at: Instant,
    /// When the entry left before its end, and why.
    pub left: Option<(Instant, String)>,
}

impl Failure {
    /// The first logical time from which a decision sees it. What a delivery writes down at the end of a window comes after that window.
    pub fn seen(&self) -> Instant {
        self.at + TimeDelta::microseconds(1)
    }

    /// Whether this is how caps know of it.
    pub fn is_of(&self, past: &PastSend) -> bool {
        let send = &self.send;
        !past.ghost && (&past.entry_id, past.channel, past.at) == (&send.entry_id, send.channel, send.due_at)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    pub scenario: String,
    pub at: Instant,
}

/// One revision of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerDate {
    /// `birthday`, `next_shipment`, `shipped`, ….
    pub name: String,
    /// The contract, order or coupon it belongs to; empty for a date of the person.
    pub key: String,
    /// `None` once there is none any more.
    pub on: Option<NaiveDate>,
    /// When it became so.
    pub at: Instant,
    pub known_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Click {
    pub at: Instant,
    pub known_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEntry {
    pub scenario: String,
    pub entry_key: String,
    pub entered_at: Instant,
}

/// An entry that waits, read back from its last row in `entries`.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenEntry {
    pub entry_id: String,
    pub scenario: String,
    pub version: String,
    pub entry_key: String,
    pub entered_at: Instant,
    pub step: String,
    pub due: Instant,
    pub held_out: bool,
    pub context: Value,
    /// Of a deferred send: what deferred it, and since when it is due.
    pub reason: Option<String>,
}

impl OpenEntry {
    /// The entry as its last row says; `None` once it has left.
    pub fn of(row: &EntryStep) -> Option<OpenEntry> {
        (row.status == model::EntryStatus::Waiting).then(|| OpenEntry {
            entry_id: row.entry_id.clone(),
            scenario: row.scenario.clone(),
            version: row.scenario_version.clone(),
            entry_key: row.entry_key.clone(),
            entered_at: row.entered_at,
            step: row.step.clone(),
            due: row.due_at,
            held_out: row.held_out,
            context: row.context.clone(),
            reason: row.reason.clone(),
        })
    }
}

/// Something that may let the customer into a scenario: its entry event (its `where` already true), or being in its segment at an
/// evaluation. Entries by a date need none.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub scenario: String,
    /// The value of the scenario's key column; without a key the customer's id for an event, the run date for a segment.
    pub entry_key: String,
    pub at: Instant,
    pub known_at: Instant,
    /// The evaluation before this one ([`schedule::evaluation_before`]) had the customer in, too. False for an event.
    pub was_in_audience_before: bool,
    /// The first of the entry's `exclude` segments that has the customer.
    pub excluded_by: Option<String>,
    /// What the message may use, as a JSON object.
    pub context: Value,
}

/// An event of the customer that some exit or `since` names; entry events among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    pub name: String,
    pub at: Instant,
    pub known_at: Instant,
    /// Its values of the key columns of scenarios (`cart_id`), for exits that match by key, and its `send_id`.
    pub keys: BTreeMap<String, String>,
    /// The `where` of exits and waits that are true of it, by [`exit_key`] and [`wait_key`].
    pub fulfils: BTreeSet<String>,
}

/// A row and the logical time of the decision that made it. The decision is executed, and so could be known, `grace` later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    pub at: Instant,
    pub row: T,
}

/// What to record, each kind in the order it was decided. Every send step reached gives exactly one of: a planned send, a ghost,
/// a deferral (the entry waits on at the step), a stop of the whole step (a stop row without a channel). In place of a send that failed
/// there is one more planned send, or the reason against each channel that was left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub entries: Vec<Dated<EntryStep>>,
    /// `planned` or `ghost`; `due_at` is the logical time, or the later one that a message in place of a failed one was put off to.
    pub sends: Vec<Dated<Send>>,
    pub stops: Vec<Dated<StopRow>>,
    /// Of real sends in a step's experiment or best time, of splits, and of the shop's holdout at the entrance. A ghost carries its arm
    /// but met nothing.
    pub exposures: Vec<Dated<Exposure>>,
    pub deferred: u32,
    /// Exit events seen only after a send that they should have prevented, while the entry still had steps to go.
    pub late_exits: u32,
}

impl Plan {
    pub fn add(&mut self, other: Plan) {
        self.entries.extend(other.entries);
        self.sends.extend(other.sends);
        self.stops.extend(other.stops);
        self.exposures.extend(other.exposures);
        self.deferred += other.deferred;
        self.late_exits += other.late_exits;
    }
}

/// Plans one customer across all scenarios.
///
/// Of several versions of a scenario the last in the slice lets people in; the others serve the entries pinned to them, until a
/// version that migrates them is there. An entry whose version is not given, or whose step was migrated to nowhere, leaves as
/// `version_stopped`; one whose scenario is not given at all, or is disabled, stays where it is. A step that fell due meanwhile is
/// taken up at the window's first instant, and its validity counts from when it was due. A pause with a known beginning is better
/// told by [`Rules::pauses`]: it gives the same rows however the windows fall.
pub fn plan(customer: &Customer, scenarios: &[Scenario], rules: &Rules, window: &Window) -> Plan {
    plan_with_decisions(customer, scenarios, rules, window, &[])
}

/// The same where tests of messages have decided by themselves: each decision counts from the moment it was taken. The rest of a roll-out waits
/// as long as there is none, and is no part of the test when it is sent to; a bandit's arms have the shares last set.
pub fn plan_with_decisions(customer: &Customer, scenarios: &[Scenario], rules: &Rules, window: &Window, taken: &[Taken]) -> Plan {
    let dated = dates::triggers(&customer.dates, scenarios, rules.zone, window);
    walk::Walk::new(customer, &dated, scenarios, &rules.of_subject(customer.zone), window, taken).run()
}
