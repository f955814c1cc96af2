//! The versions of scenarios that people are still under way in: an entry finishes on the version it entered, however the file moved on.

use std::collections::BTreeSet;

use model::Scenario;

use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// Every version of those names and versions, or that one is migrated through, then those of the files; and keeps the latter.
pub async fn known(workspace: &Workspace, pinned: BTreeSet<(String, String)>) -> Result<Vec<Scenario>, Fault> {
    let files = &workspace.files.scenarios;
    keep(workspace, files).await?;
    let mut earlier = of(workspace, pinned).await?;
    earlier.extend(files.iter().cloned());
    Ok(earlier)
}

/// The kept versions of that name and version, and those they are migrated through; the files' own are left out, and so is a scenario
/// whose file is gone: whoever is under way in it stays where they are.
pub async fn of(workspace: &Workspace, pinned: BTreeSet<(String, String)>) -> Result<Vec<Scenario>, Fault> {
    let files = &workspace.files.scenarios;
    let migrated_from = |scenario: &Scenario| Some((scenario.scenario.clone(), scenario.migrate.as_ref()?.from.clone()));
    let has_file = |(name, _): &(String, String)| files.iter().any(|scenario| scenario.scenario == *name);
    let pinned = pinned.into_iter().filter(has_file);
    let mut wanted: Vec<(String, String)> = pinned.chain(files.iter().filter_map(migrated_from)).collect();
    let mut seen: BTreeSet<(String, String)> =
        files.iter().map(|scenario| (scenario.scenario.clone(), scenario.version.clone())).collect();
    let mut found = Vec::new();
    while let Some((name, version)) = wanted.pop() {
        if !seen.insert((name.clone(), version.clone())) {
            continue;
        }
        let Some(kept) = workspace.state.cursors().get(&kept_as(&name, &version)).await? else { continue };
        let scenario = Scenario::read_kept(&version, &kept).map_err(|error| {
            Fault::new(Exit::Data, format!("version {version} of scenario `{name}` cannot be read back: {error}"))
        })?;
        wanted.extend(migrated_from(&scenario));
        found.push(scenario);
    }
    found.sort_by(|a, b| (&a.scenario, &a.version).cmp(&(&b.scenario, &b.version)));
    Ok(found)
}

/// The version that lets people in.
pub fn current<'a>(known: &'a [Scenario], name: &str) -> Option<&'a Scenario> {
    known.iter().rev().find(|scenario| scenario.scenario == name)
}

async fn keep(workspace: &Workspace, scenarios: &[Scenario]) -> Result<(), Fault> {
    let cursors = workspace.state.cursors();
    for scenario in scenarios {
        let (name, kept) = (kept_as(&scenario.scenario, &scenario.version), scenario.kept());
        if cursors.get(&name).await?.as_ref() != Some(&kept) {
            cursors.set(&name, &kept).await?;
        }
    }
    Ok(())
}

fn kept_as(scenario: &str, version: &str) -> String {
    format!("scenario {scenario} {version}")
}
