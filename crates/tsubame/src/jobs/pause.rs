//! Pausing one scenario, or everything (全停止): nothing is decided and nothing leaves until it is resumed.

use decide::Pause;
use model::Instant;
use state::{Act, Subject};

use super::approval;
use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// The cursor that holds every pause there was.
const PAUSES: &str = "pauses";
/// Under which it is noted who stopped everything.
pub const EVERYTHING: &str = "";

pub async fn pauses(workspace: &Workspace) -> Result<Vec<Pause>, Fault> {
    read(workspace.state.cursors().get(PAUSES).await?.as_deref())
}

/// Pauses a scenario, or all of them. Nothing changes if it is paused already.
pub async fn pause(workspace: &Workspace, scenario: Option<&str>, by: &str) -> Result<bool, Fault> {
    if let Some(name) = scenario {
        workspace.scenario(name)?;
    }
    let pause = Pause { scenario: scenario.map(String::from), from: logical_now(workspace), until: None };
    let paused = change(workspace, |pauses| {
        let is_paused = pauses.iter().any(|pause| is_open(pause, scenario));
        if !is_paused {
            pauses.push(pause);
        }
        !is_paused
    });
    note(workspace, scenario, Act::Paused, by, paused.await?).await
}

/// Resumes what [`pause`] stopped; what fell due meanwhile goes on if it is still valid.
pub async fn resume(workspace: &Workspace, scenario: Option<&str>, by: &str) -> Result<bool, Fault> {
    let until = logical_now(workspace);
    let resumed = change(workspace, |pauses| {
        let running = pauses.iter_mut().filter(|pause| is_open(pause, scenario));
        running.map(|pause| pause.until = Some(until)).count() > 0
    });
    note(workspace, scenario, Act::Resumed, by, resumed.await?).await
}

fn is_open(pause: &Pause, scenario: Option<&str>) -> bool {
    pause.until.is_none() && pause.scenario.as_deref() == scenario
}

/// Pauses are one text, which a server and a command may change at once. Whether it was changed.
async fn change(workspace: &Workspace, change: impl FnOnce(&mut Vec<Pause>) -> bool + std::marker::Send) -> Result<bool, Fault> {
    let mut unreadable = None;
    let changed = workspace.state.cursors().change(PAUSES, |text| match read(text) {
        Ok(mut pauses) => change(&mut pauses).then(|| serde_json::to_string(&pauses).expect("pauses are plain JSON")),
        Err(fault) => {
            unreadable = Some(fault);
            None
        }
    });
    let changed = changed.await?;
    unreadable.map_or(Ok(changed), Err)
}

fn read(text: Option<&str>) -> Result<Vec<Pause>, Fault> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| Fault::new(Exit::Data, format!("the pauses cannot be read back: {error}")))
}

async fn note(workspace: &Workspace, scenario: Option<&str>, act: Act, by: &str, has_changed: bool) -> Result<bool, Fault> {
    if has_changed {
        let name = scenario.unwrap_or(EVERYTHING);
        approval::note(workspace, name, act, by, Subject::default(), None).await?;
        tracing::info!(scenario = name, by, "{}", act.name());
    }
    Ok(has_changed)
}

/// Whether messages of a scenario must not leave now.
pub fn holds(pauses: &[Pause], scenario: &str) -> bool {
    let is_of = |pause: &Pause| pause.scenario.as_deref().is_none_or(|paused| paused == scenario);
    pauses.iter().any(|pause| pause.until.is_none() && is_of(pause))
}

/// Whether everything is stopped.
pub fn holds_all(pauses: &[Pause]) -> bool {
    pauses.iter().any(|pause| pause.until.is_none() && pause.scenario.is_none())
}

/// The logical time of what would be decided now.
fn logical_now(workspace: &Workspace) -> Instant {
    workspace.now() - workspace.shop().grace.0
}
