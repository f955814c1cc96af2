//! Pausing one scenario, or everything (全停止): nothing is decided and nothing leaves until it is resumed.

use decide::Pause;
use model::Instant;

use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// The cursor that holds every pause there was.
const PAUSES: &str = "pauses";

pub async fn pauses(workspace: &Workspace) -> Result<Vec<Pause>, Fault> {
    let Some(text) = workspace.state.cursors().get(PAUSES).await? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|error| Fault::new(Exit::Data, format!("the pauses cannot be read back: {error}")))
}

/// Pauses a scenario, or all of them. Nothing changes if it is paused already.
pub async fn pause(workspace: &Workspace, scenario: Option<&str>) -> Result<bool, Fault> {
    if let Some(name) = scenario {
        workspace.scenario(name)?;
    }
    let mut pauses = pauses(workspace).await?;
    if pauses.iter().any(|pause| pause.until.is_none() && pause.scenario.as_deref() == scenario) {
        return Ok(false);
    }
    pauses.push(Pause { scenario: scenario.map(String::from), from: logical_now(workspace), until: None });
    keep(workspace, &pauses).await?;
    Ok(true)
}

/// Resumes what [`pause`] stopped; what fell due meanwhile goes on if it is still valid.
pub async fn resume(workspace: &Workspace, scenario: Option<&str>) -> Result<bool, Fault> {
    let mut pauses = pauses(workspace).await?;
    let until = logical_now(workspace);
    let running = pauses.iter_mut().filter(|pause| pause.until.is_none() && pause.scenario.as_deref() == scenario);
    let resumed = running.map(|pause| pause.until = Some(until)).count() > 0;
    keep(workspace, &pauses).await?;
    Ok(resumed)
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

async fn keep(workspace: &Workspace, pauses: &[Pause]) -> Result<(), Fault> {
    let text = serde_json::to_string(pauses).expect("pauses are plain JSON");
    Ok(workspace.state.cursors().set(PAUSES, &text).await?)
}
