//! What a replay knows of its looks before it holds them: which can be passed over because nothing can come of them.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use decide::{
    replay::{self, Ahead},
    tick::Window,
};
use model::{CustomerId, Instant, Scenario};

use super::Permissions;
use crate::{
    fault::Fault,
    jobs::tick::{
        LATE_MAX,
        foreseen::{Foreseen, Seen},
    },
    workspace::Workspace,
};

/// What happened is asked for so much of the span at once: all of a year would not lie in memory.
const STRETCH: TimeDelta = TimeDelta::days(31);

pub struct Outlook<'a> {
    past: &'a Workspace,
    scenario: &'a Scenario,
    ends: &'a [Instant],
    /// The end of the last window that was asked for.
    until: Option<Instant>,
    /// What the windows up to there see, by time; `None` where that cannot be told before.
    seen: Option<Vec<Seen>>,
    /// As it was after the last look that was held.
    under_way: BTreeSet<CustomerId>,
    entered_at: Option<Instant>,
    goes_on_at: Option<Instant>,
    leaves_at: Option<Instant>,
}

impl<'a> Outlook<'a> {
    pub fn new(past: &'a Workspace, scenario: &'a Scenario, ends: &'a [Instant]) -> Self {
        Outlook {
            past,
            scenario,
            ends,
            until: None,
            seen: None,
            under_way: BTreeSet::new(),
            entered_at: None,
            goes_on_at: None,
            leaves_at: None,
        }
    }

    /// Asks what happened in the stretch that begins with the window, if it is not in one that was asked for.
    pub async fn foresee(&mut self, window: &Window) -> Result<(), Fault> {
        // What it records itself, it only sees by looking.
        if self.past.sees_itself() || self.until.is_some_and(|until| window.to <= until) {
            return Ok(());
        }
        let in_stretch = |end: &&Instant| **end <= window.from + STRETCH;
        let last = self.ends.iter().rev().find(in_stretch).copied().unwrap_or(window.to).max(window.to);
        let since = (window.from - LATE_MAX).min(self.entered_at.unwrap_or(window.from));
        let foreseen = Foreseen::read(self.past, self.scenario, since, (window.from, last)).await?;
        self.until = Some(last);
        self.seen = foreseen.as_ref().map(|foreseen| foreseen.seen(self.scenario, window.grace));
        self.past.foresee(foreseen.map(Arc::new));
        Ok(())
    }

    /// Whether nothing can come of the window.
    pub(super) async fn is_idle(&self, window: &Window, permissions: &Permissions) -> Result<bool, Fault> {
        let Some(seen) = &self.seen else { return Ok(false) };
        let reachable = self.past.reachable().await?;
        let is_under_way = |customer: &CustomerId| self.under_way.contains(reachable.merged.get(customer).unwrap_or(customer));
        let place = |at: Instant| seen.partition_point(|seen| seen.at <= at);
        let seen = &seen[place(window.from)..place(window.to)];
        // An erasure that was known before the window began may take somebody out in it.
        let mut permitted = permissions.between(window.from, window.executed_at(window.to));
        let ahead = Ahead {
            goes_on_at: self.goes_on_at,
            leaves_at: self.leaves_at,
            lets_in: seen.iter().any(|seen| seen.lets_in),
            concerns: seen.iter().any(|seen| is_under_way(&seen.customer)) || permitted.any(is_under_way),
        };
        Ok(replay::is_idle(self.scenario, self.past.shop().timezone, window, &ahead))
    }

    /// After a look was held.
    pub async fn look(&mut self) -> Result<(), Fault> {
        let ledger = self.past.state.ledger();
        let waiting = ledger.under_way().await?;
        let reachable = self.past.reachable().await?;
        self.entered_at = waiting.iter().map(|entry| entry.entered_at).min();
        self.goes_on_at = waiting.iter().map(|entry| entry.due_at).min();
        self.under_way = waiting.into_iter().map(|entry| reachable.survivor(entry.customer_id)).collect();
        self.leaves_at = ledger.next_due().await?;
        Ok(())
    }
}
