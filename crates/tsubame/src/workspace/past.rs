//! A shop's past as a workspace of its own: the shop's files and facts, and beside them a state and a clock that belong to nobody else. Jobs
//! run in it as they run in the shop, and what they record lies in a temporary folder: nothing of the shop is written.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use lake::{Lake, ReadView};
use model::{Instant, Scenario};
use query::Library;
use state::State;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{ShopFiles, Workspace, lake_place};
use crate::{clock::Clock, fault::Fault, jobs::tick::foreseen::Foreseen};

/// Where the positions of its own facts begin: past everything the shop will have recorded by the time it is gone.
const POSITIONS_FROM: i64 = 1 << 48;
/// What a ledger leaves: questions that read these see what the replay itself recorded.
const OF_THE_LEDGER: [&str; 6] = ["sends", "stops", "entries", "exposures", "decisions", "runs"];

/// What makes a workspace one of the past.
#[derive(Clone)]
pub struct Past {
    /// Whether what it records is asked about; otherwise it is left aside, which is quicker.
    sees_itself: bool,
    /// Of a past that does not see itself, once it was asked for: nothing of it changes.
    view: Arc<OnceCell<ReadView>>,
    /// What windows need not ask for themselves.
    foreseen: Arc<Mutex<Option<Arc<Foreseen>>>>,
    _folder: Arc<TempDir>,
}

impl Workspace {
    /// The shop at a moment of its past, with these files. `scenario` says which questions will be asked in it.
    pub async fn past(&self, files: ShopFiles, scenario: &Scenario, at: Instant) -> Result<Workspace, Fault> {
        let made = tempfile::Builder::new().prefix("tsubame-past").tempdir();
        let folder = made.map_err(|source| Fault::io("could not make a temporary folder for a replay", source))?;
        // It has no addresses, so nobody needs this key again.
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Fault::new(crate::fault::Exit::Failed, format!("no chance to be had: {error}")))?;
        let state = State::open(&folder.path().join("state.db"), key).await?;
        state.journal().never_below(POSITIONS_FROM).await?;
        // The tail first: what leaves it meanwhile is in the tables that are opened after it.
        let tail = self.tail().await?;
        let lake = Lake::open(&lake_place(&self.folder, self.shop())).await?;
        let past = Past {
            sees_itself: sees_itself(&self.library, scenario),
            view: Arc::default(),
            foreseen: Arc::default(),
            _folder: Arc::new(folder),
        };
        Ok(Workspace {
            folder: self.folder.clone(),
            files,
            library: self.library.clone(),
            state,
            lake: Arc::new(lake),
            clock: Clock::logical(at),
            reach: Default::default(),
            zones: Default::default(),
            stopping: Default::default(),
            working: Default::default(),
            stops: Default::default(),
            lock: None,
            tail: Arc::new(tokio::sync::Mutex::new(tail)),
            past: Some(past),
        })
    }

    /// Whether nothing may leave it.
    pub fn is_past(&self) -> bool {
        self.past.is_some()
    }

    /// Whether what is recorded in it changes what is asked of it.
    pub fn sees_itself(&self) -> bool {
        self.past.as_ref().is_some_and(|past| past.sees_itself)
    }

    /// What is known of windows before they are planned.
    pub fn foreseen(&self) -> Option<Arc<Foreseen>> {
        self.past.as_ref()?.foreseen.lock().expect("nobody panics while holding it").clone()
    }

    pub fn foresee(&self, foreseen: Option<Arc<Foreseen>>) {
        if let Some(past) = &self.past {
            *past.foreseen.lock().expect("nobody panics while holding it") = foreseen;
        }
    }

    pub(super) async fn view_of_past(&self, past: &Past) -> Result<ReadView, Fault> {
        if past.sees_itself {
            return Ok(self.lake.view(&self.tail().await?).await?);
        }
        let begun = async || self.lake.view(&*self.tail.lock().await).await;
        Ok(past.view.get_or_try_init(begun).await?.clone())
    }

    /// Everything that was recorded in it, in order: the table and its rows.
    pub async fn recorded(&self) -> Result<Vec<(String, String)>, Fault> {
        let segments = self.state.journal().tail(POSITIONS_FROM).await?;
        Ok(segments.into_iter().map(|segment| (segment.table, String::from_utf8_lossy(&segment.payload).into_owned())).collect())
    }
}

/// Whether a question of the scenario reads what ledgers leave, itself or by a view.
fn sees_itself(library: &Library, scenario: &Scenario) -> bool {
    // A test that decides by itself looks at what was sent.
    let decides = |test: &model::scenario::MessageExperiment| test.rollout.is_some() || test.bandit.is_some();
    if scenario.sends().filter_map(|send| send.experiment.as_ref()).any(decides) {
        return true;
    }
    let exits = scenario.exits.iter().flat_map(|exit| exit.when.iter().chain(&exit.condition));
    let steps = scenario.steps.iter();
    let branches = steps.clone().flat_map(|step| step.branch.iter().flatten()).filter_map(|branch| branch.when.as_ref());
    let waits = steps.filter_map(|step| step.wait.as_ref()?.condition.as_ref());
    let mut texts: Vec<String> = exits.chain(branches).chain(waits).chain(&scenario.entry.condition).cloned().collect();
    let segments = scenario.entry.segment.iter().chain(&scenario.entry.exclude);
    texts.extend(segments.filter_map(|name| library.find(name)).map(|query| query.sql.clone()));
    let mut seen = BTreeSet::new();
    while let Some(text) = texts.pop() {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let table = word.strip_suffix("_history").unwrap_or(word);
            if OF_THE_LEDGER.contains(&table) {
                return true;
            }
            if seen.insert(word.to_string()) {
                let view = library.find(&format!("system/views/{word}"));
                let segment = library.segment(word);
                texts.extend(view.into_iter().chain(segment).map(|query| query.sql.clone()));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_that_read_a_ledger_are_known_by_their_text() {
        let (library, problems) = Library::load(None);
        assert!(problems.is_empty(), "{problems:?}");
        let check = |exit: &str, expect: bool| {
            let text = format!(
                "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n[entry]\non = \"cart_updated\"\n\
                 [[exit]]\n{exit}\n[[step]]\nid = \"s\"\nsend = {{ try = [\"email\"], template = \"t\" }}\n"
            );
            let scenario = Scenario::parse("s.toml", &text).expect("a scenario");
            assert_eq!(sees_itself(&library, &scenario), expect, "{exit}");
        };
        check("on = \"order_placed\"", false);
        check("when = \"orders_count > 3\"", false);
        check("when = \"customer_id IN (SELECT customer_id FROM sends)\"", true);
        // By a view.
        check("when = \"customer_id IN (SELECT customer_id FROM contaminated)\"", true);
    }
}
