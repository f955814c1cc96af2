//! The rows of a plan, from where an entry stands.

use model::{Channel, EntryStatus, EntryStep, Instant, Stop, StopRow};

use super::{
    Dated, OpenEntry,
    walk::{Entry, Walk},
};

impl Walk<'_> {
    pub fn note(&mut self, entry: &Entry, status: EntryStatus, at: Instant, due_at: Instant, reason: Option<String>) {
        let row = EntryStep {
            entry_id: entry.entry_id.clone(),
            run_id: self.window.run_id.clone(),
            scenario: entry.scenario.scenario.clone(),
            scenario_version: entry.scenario.version.clone(),
            customer_id: self.customer.id.clone(),
            entry_key: entry.entry_key.clone(),
            entered_at: entry.entered_at,
            status,
            step: entry.step_id.clone(),
            due_at,
            held_out: entry.held_out,
            reason,
            context: entry.context.clone(),
        };
        self.plan.entries.push(Dated { at, row });
    }

    /// The entry that is read back leaves at the window's first instant.
    pub fn end(&mut self, open: &OpenEntry, version: &str, reason: &str) {
        let at = self.window.first_instant();
        let row = EntryStep {
            entry_id: open.entry_id.clone(),
            run_id: self.window.run_id.clone(),
            scenario: open.scenario.clone(),
            scenario_version: version.into(),
            customer_id: self.customer.id.clone(),
            entry_key: open.entry_key.clone(),
            entered_at: open.entered_at,
            status: EntryStatus::Exited,
            step: open.step.clone(),
            due_at: at,
            held_out: open.held_out,
            reason: Some(reason.into()),
            context: open.context.clone(),
        };
        self.plan.entries.push(Dated { at, row });
    }

    pub fn stop(&mut self, entry: &Entry, channel: Option<Channel>, stop: &Stop, at: Instant) {
        let row = StopRow {
            run_id: self.window.run_id.clone(),
            entry_id: entry.entry_id.clone(),
            scenario: entry.scenario.scenario.clone(),
            step: entry.step_id.clone(),
            customer_id: self.customer.id.clone(),
            channel,
            reason: stop.name().into(),
            detail: stop.detail(),
        };
        self.plan.stops.push(Dated { at, row });
    }
}
