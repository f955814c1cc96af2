//! That units met their arms, as sites tell it: the first per experiment and unit becomes a fact, the others change nothing.

use connect::serving::growthbook::Viewed;
use model::{CustomerId, Experiment, Exposure, Fact, Instant, experiment::Unit};

use crate::{fault::Fault, serving::Served, workspace::Workspace};

/// What became of a request's exposures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposed {
    pub kept: u64,
    /// Met before.
    pub repeated: u64,
    /// Of no experiment, arm or unit of ours.
    pub unknown: u64,
}

/// On stable storage when it returns.
pub async fn exposed(
    workspace: &Workspace,
    served: &Served,
    source: &str,
    viewed: &[Viewed],
    at: Instant,
) -> Result<Exposed, Fault> {
    let facts: Vec<Fact> = viewed
        .iter()
        .filter_map(|viewed| {
            let experiment = served.experiment(&viewed.experiment)?;
            Some(Fact::new(&exposure(workspace, experiment, source, viewed)?, at, at))
        })
        .collect();
    let mut exposed = Exposed { unknown: (viewed.len() - facts.len()) as u64, ..Exposed::default() };
    if facts.is_empty() {
        return Ok(exposed);
    }
    let appended = workspace.state.journal().append(facts, workspace.now()).await?;
    (exposed.kept, exposed.repeated) = (appended.stored as u64, appended.duplicates as u64);
    Ok(exposed)
}

fn exposure(workspace: &Workspace, experiment: &Experiment, source: &str, viewed: &Viewed) -> Option<Exposure> {
    let arm = experiment.arm(&viewed.arm)?;
    if viewed.attribute != experiment.attribute {
        return None;
    }
    // A unit that is an address is replaced by its pseudonym, as everywhere.
    let unit = CustomerId::parse(&viewed.unit, workspace.state.vault().id_key()).ok()?;
    Some(Exposure {
        experiment: experiment.experiment.clone(),
        version: experiment.version.clone(),
        unit: unit.as_str().into(),
        customer_id: (experiment.unit == Unit::Customer).then_some(unit),
        arm: arm.id.clone(),
        scenario: None,
        step: None,
        send_id: None,
        source: source.into(),
    })
}
