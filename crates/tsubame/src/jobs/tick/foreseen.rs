//! What a replay asks once for many windows: the facts of a past are pinned, so what a window may see of them is a part of what its last window
//! sees. Where that cannot be said there is nothing foreseen, and each window asks for itself.

use std::{collections::BTreeMap, sync::Mutex};

use chrono::Duration;
use decide::tick::Window;
use model::{CustomerId, Instant, Scenario};
use query::{Mode, ParamValue, Params};

use super::{
    Rows,
    audiences::Member,
    happened::{self, Happened, conditions_of},
};
use crate::{fault::Fault, workspace::Workspace};

pub struct Foreseen {
    /// Of the scenario.
    version: String,
    since: Instant,
    until: Instant,
    /// By customer and time.
    happened: Vec<Happened>,
    /// No window up to the last one knows of anybody who was erased since.
    nobody_erased: bool,
    /// Who was in the entry's segment at its last evaluations, under the ids of then.
    members: Mutex<BTreeMap<Instant, Vec<Member>>>,
}

/// An evaluation, and the one before.
const EVALUATIONS: usize = 2;

/// Something that a scenario looks at, when a window sees it.
pub struct Seen {
    pub at: Instant,
    pub customer: CustomerId,
    /// It may let somebody in.
    pub lets_in: bool,
}

impl Foreseen {
    /// For the windows from one that begins at `first` to one that ends at `last`; what happened since `since` will be asked for.
    pub async fn read(
        past: &Workspace,
        scenario: &Scenario,
        since: Instant,
        (first, last): (Instant, Instant),
    ) -> Result<Option<Foreseen>, Fault> {
        // A question in a condition would be asked as of the last window.
        if conditions_of(scenario).iter().any(|(_, condition)| condition.to_ascii_lowercase().contains("select")) {
            return Ok(None);
        }
        let as_of = last + past.shop().grace.0;
        let desk = past.desk(as_of, Mode::AsKnown).await?;
        let from = |at: Instant| Params::from([("from_at".to_string(), ParamValue::Instant(at))]);
        let late = desk.ask("system/orders_known_late", &from(first)).await?;
        if Rows::new(&late).int(0, "revisions")? > 0 {
            return Ok(None);
        }
        let erased = desk.ask("system/erased_since", &from(since)).await?;
        Ok(Some(Foreseen {
            version: scenario.version.clone(),
            since,
            until: last,
            happened: happened::until(past, as_of, (since, last), scenario).await?,
            nobody_erased: erased.rows.is_empty(),
            members: Mutex::default(),
        }))
    }

    /// What a window sees that asks for what happened since `since`, if it is foreseen.
    pub fn happened(&self, window: &Window, since: Instant, scenarios: &[&Scenario]) -> Option<Vec<Happened>> {
        let is_of = |scenario: &&Scenario| scenario.version == self.version;
        if scenarios.len() != 1 || !scenarios.iter().all(is_of) || since < self.since || window.to > self.until {
            return None;
        }
        let is_known = |row: &&Happened| row.at >= since && row.at <= window.to && row.known_at <= window.executed_at(window.to);
        Some(self.happened.iter().filter(is_known).cloned().collect())
    }

    /// When which of it is seen, by time.
    pub fn seen(&self, scenario: &Scenario, grace: Duration) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::with_capacity(self.happened.len());
        for row in &self.happened {
            seen.push(Seen {
                at: row.at.max(row.known_at - grace),
                customer: row.customer.clone(),
                lets_in: row.lets_into(scenario),
            });
        }
        seen.sort_by_key(|seen| seen.at);
        seen
    }

    /// Whether a window that ends at `until` knows of nobody who was erased since `since`.
    pub fn nobody_erased(&self, (since, until): (Instant, Instant)) -> bool {
        self.nobody_erased && since >= self.since && until <= self.until
    }

    /// Who was in the segment of the scenario's entry, if that was asked lately.
    pub fn members(&self, scenario: &Scenario, as_of: Instant) -> Option<Vec<Member>> {
        let members = self.members.lock().expect("nobody panics while holding it");
        members.get(&as_of).filter(|_| scenario.version == self.version).cloned()
    }

    pub fn keep_members(&self, scenario: &Scenario, as_of: Instant, members: Vec<Member>) {
        if scenario.version == self.version {
            let mut kept = self.members.lock().expect("nobody panics while holding it");
            kept.insert(as_of, members);
            while kept.len() > EVALUATIONS {
                kept.pop_first();
            }
        }
    }
}
