//! How long an entry waits at a step, which way it goes on, and when the wait is looked at before it ends.
//!
//! A wait is kept by the instant it ends at alone, so that the row of an open entry says all there is: an event's wait began its
//! `timeout` before, and a date is looked up again.

use chrono::Duration;
use model::{Instant, scenario::Wait};

use super::{
    Happening,
    conditions::wait_key,
    dates,
    leaving::matches,
    schedule,
    walk::{Entry, Walk},
};

/// How long a date that nobody knows yet is waited for, where the step does not say.
const DATE_TIMEOUT: Duration = Duration::days(30);

pub enum Waited {
    /// The wait ends at `until`, unless what is seen at `look` changes that.
    On { until: Instant, look: Option<Instant> },
    /// What comes next fell due at `due`.
    Over { due: Instant, timed_out: bool },
}

impl Walk<'_> {
    pub fn wait(&self, entry: &Entry, wait: &Wait, now: Instant) -> Waited {
        if let Some(event) = &wait.event {
            self.wait_for_event(entry, wait, event, now)
        } else if let Some(date) = &wait.date {
            self.wait_for_date(entry, wait, date, now)
        } else {
            match self.wait_until(entry, wait, now) {
                Some(until) => Waited::On { until, look: None },
                None => Waited::Over { due: entry.due, timed_out: false },
            }
        }
    }

    /// When an entry that waits already is to be looked at, for what is seen after `after`.
    pub fn look(&self, entry: &Entry, wait: &Wait, after: Instant) -> Option<Instant> {
        if let Some(event) = &wait.event {
            let seen = self.event_seen(entry, wait, event, entry.due - timeout_of(wait), entry.due)?;
            (seen <= entry.due).then(|| self.awake(entry, seen).max(entry.from))
        } else {
            self.next_revision(entry, wait.date.as_deref()?, after)
        }
    }

    fn awake(&self, entry: &Entry, at: Instant) -> Instant {
        self.rules.awake(&entry.scenario.scenario, at)
    }

    /// Until when the entry waits here; `None` once the wait is over. An event of `since` restarts a wait that has begun: that is
    /// seen when the wait would end, so a debounced entry has a row per restart that mattered, not per event.
    fn wait_until(&self, entry: &Entry, wait: &Wait, now: Instant) -> Option<Instant> {
        let last = wait.since_event().and_then(|event| self.last(event, entry, now));
        let until = match (wait.duration, last, wait.until) {
            (Some(span), Some(last), _) => last + span.0,
            _ if entry.waiting => entry.due,
            (Some(span), None, _) => now + span.0,
            (None, _, Some(time)) => self.rules.subject_zone.next(now, time.0),
            (None, _, None) => now,
        };
        (until > now).then_some(until)
    }

    /// When the subject last did `event`, as seen at `now`; the event that let the entry in counts.
    fn last(&self, event: &str, entry: &Entry, now: Instant) -> Option<Instant> {
        let is_seen =
            |happening: &&Happening| happening.name == event && self.window.seen_at(happening.at, happening.known_at) <= now;
        let entered = (entry.scenario.entry.on.as_deref() == Some(event)).then_some(entry.entered_at);
        self.customer.happenings.iter().filter(is_seen).map(|happening| happening.at).chain(entered).max()
    }

    /// An event counts from after the wait began up to the instant of the timeout, where it wins.
    fn wait_for_event(&self, entry: &Entry, wait: &Wait, event: &str, now: Instant) -> Waited {
        let until = if entry.waiting { entry.due } else { now + timeout_of(wait) };
        match self.event_seen(entry, wait, event, until - timeout_of(wait), until) {
            Some(seen) if seen <= now => Waited::Over { due: seen, timed_out: false },
            _ if until <= now => Waited::Over { due: until, timed_out: true },
            seen => Waited::On { until, look: seen.filter(|seen| *seen <= until).map(|seen| self.awake(entry, seen)) },
        }
    }

    /// When the first event that ends the wait is seen, of those that happened in `(began, until]`.
    fn event_seen(&self, entry: &Entry, wait: &Wait, event: &str, began: Instant, until: Instant) -> Option<Instant> {
        let condition = wait.condition.as_ref().map(|_| wait_key(entry.scenario, &entry.step_id));
        let ends = |happening: &&Happening| {
            happening.at > began
                && happening.at <= until
                && matches(
                    happening,
                    event,
                    wait.matching,
                    condition.as_deref(),
                    entry.scenario,
                    &entry.entry_id,
                    &entry.entry_key,
                )
        };
        let happenings = self.customer.happenings.iter().filter(ends);
        happenings.map(|happening| self.window.seen_at(happening.at, happening.known_at)).min()
    }

    /// A date that moves is waited for anew. One whose moment was over when it was looked at has been missed.
    fn wait_for_date(&self, entry: &Entry, wait: &Wait, name: &str, now: Instant) -> Waited {
        let look = self.next_revision(entry, name, now);
        let (key, zone) = (super::base_key(&entry.entry_key), self.rules.zone);
        let day = dates::of_entry(&self.customer.dates, name, (entry.entered_at, key, &entry.context), now, self.window, zone);
        let moment =
            day.and_then(|day| dates::shift(day, wait.days)).map(|day| zone.instant(day.and_time(schedule::time_of(wait.at))));
        match moment {
            Some(moment) if moment > now => Waited::On { until: moment, look },
            Some(moment) if moment == now || (entry.waiting && moment == entry.due) => {
                Waited::Over { due: moment, timed_out: false }
            }
            Some(_) => Waited::Over { due: now, timed_out: true },
            None if !entry.waiting => Waited::On { until: now + timeout_of(wait), look },
            None if entry.due > now => Waited::On { until: entry.due, look },
            None => Waited::Over { due: entry.due, timed_out: true },
        }
    }

    /// When the next revision of a date is looked at.
    fn next_revision(&self, entry: &Entry, name: &str, after: Instant) -> Option<Instant> {
        let of_name = self.customer.dates.iter().filter(|date| date.name == name);
        of_name.map(|date| self.awake(entry, self.window.seen_at(date.at, date.known_at))).filter(|look| *look > after).min()
    }
}

fn timeout_of(wait: &Wait) -> Duration {
    let default = if wait.date.is_some() { DATE_TIMEOUT } else { Duration::zero() };
    wait.timeout.map_or(default, |span| span.0)
}
