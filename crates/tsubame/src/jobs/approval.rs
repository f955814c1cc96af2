//! Approval by a second account: what goes to more people than the shop says is sent after somebody else has looked at it, and not otherwise. It holds
//! for the texts as they were looked at; whoever changes one asks again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use model::{Instant, Remedy, Scenario};
use query::segment::selects_from;
use serde::{Deserialize, Serialize};
use state::{Act, Acted, ApprovalState, Subject};

use super::trial::trial;
use crate::{
    fault::{Exit, Fault},
    shop_file::{ShopFile, hash},
    workspace::{Workspace, parse_instant},
};

/// How long the number of recipients is taken for known.
const COUNT_HOLDS: TimeDelta = TimeDelta::hours(1);
/// The cursor that says which scenarios are held back, so that a change of them is told once.
const HELD: &str = "held for approval";

/// How far the approval of a scenario or broadcast has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The shop asks for none, or not for so few.
    NotNeeded,
    Needed {
        recipients: u64,
    },
    Asked {
        by: String,
        at: Instant,
        recipients: u64,
    },
    Approved {
        by: String,
        at: Instant,
    },
    /// It was asked for or given, and these files have changed since: it is to be asked for again.
    Void {
        changed: Vec<String>,
        recipients: u64,
    },
}

impl Approval {
    /// Whether it may send.
    pub fn lets_send(&self) -> bool {
        matches!(self, Approval::NotNeeded | Approval::Approved { .. })
    }

    /// In English, for the terminal and the log.
    pub fn said(&self) -> String {
        match self {
            Approval::NotNeeded => "no approval is needed".into(),
            Approval::Needed { recipients } => format!("it goes to about {recipients} people and needs approval"),
            Approval::Asked { by, recipients, .. } => format!("{by} has asked for approval, for about {recipients} people"),
            Approval::Approved { by, at } => format!("approved by {by} at {}", model::time::rfc3339(*at)),
            Approval::Void { changed, .. } => format!("the approval is void, because of changes in {}", changed.join(", ")),
        }
    }
}

pub async fn status(workspace: &Workspace, name: &str) -> Result<Approval, Fault> {
    of(workspace, workspace.scenario(name)?).await
}

/// Everything that was done to a scenario, the oldest first.
pub async fn history(workspace: &Workspace, name: &str) -> Result<Vec<Acted>, Fault> {
    Ok(workspace.state.approvals().of(name).await?)
}

/// Asks for approval of the scenario as its files are now.
pub async fn ask(workspace: &Workspace, name: &str, by: &str) -> Result<Approval, Fault> {
    let scenario = workspace.scenario(name)?;
    let subject = subject(workspace, scenario)?;
    let recipients = recipients(workspace, scenario, &subject).await?;
    note(workspace, name, Act::Asked, by, subject, Some(recipients)).await?;
    status(workspace, name).await
}

/// Approves what was asked about. Neither who asked nor who edited last may; nor may anybody once a file has changed.
pub async fn approve(workspace: &Workspace, name: &str, by: &str) -> Result<Approval, Fault> {
    let subject = subject(workspace, workspace.scenario(name)?)?;
    let given = workspace.state.approvals().approve(name, &subject, by, people_now()).await?;
    if let Err(refused) = given {
        let fault = Fault::new(Exit::Data, refused.to_string());
        return Err(match refused.remedy() {
            Some(remedy) => fault.remedy(remedy),
            None => fault,
        });
    }
    status(workspace, name).await
}

/// Takes a request or an approval back.
pub async fn withdraw(workspace: &Workspace, name: &str, by: &str) -> Result<Approval, Fault> {
    let subject = subject(workspace, workspace.scenario(name)?)?;
    note(workspace, name, Act::Withdrawn, by, subject, None).await?;
    status(workspace, name).await
}

/// Who edited last does not approve.
pub async fn edited(workspace: &Workspace, name: &str, by: &str) -> Result<(), Fault> {
    note(workspace, name, Act::Edited, by, Subject::default(), None).await
}

/// To be called after an account saved a file and the shop's files were read again: it has edited every scenario that is made of it.
pub async fn saved(workspace: &Workspace, file: &ShopFile, by: &str) -> Result<(), Fault> {
    let segment = file.as_str().strip_prefix("queries/segments/").and_then(|name| name.rsplit_once('.'));
    let part = segment.map_or_else(|| file.as_str().to_string(), |(name, _)| format!("segment {name}"));
    for scenario in &workspace.files.scenarios {
        if subject(workspace, scenario)?.parts.contains_key(&part) {
            edited(workspace, &scenario.scenario, by).await?;
        }
    }
    Ok(())
}

/// Notes what was done to a scenario, by whom.
pub async fn note(
    workspace: &Workspace,
    name: &str,
    act: Act,
    by: &str,
    subject: Subject,
    recipients: Option<u64>,
) -> Result<(), Fault> {
    let acted = Acted { act, by: by.into(), at: people_now(), subject, recipients };
    Ok(workspace.state.approvals().note(name, &acted).await?)
}

/// People act in their own time, also where the shop lives in another.
fn people_now() -> Instant {
    crate::clock::Clock::Real.now()
}

/// The scenarios that are switched on and may not send, with the reason.
pub async fn held(workspace: &Workspace) -> Result<BTreeMap<String, Approval>, Fault> {
    let mut held = BTreeMap::new();
    if workspace.shop().approval.above.is_none() {
        return Ok(held);
    }
    for scenario in workspace.files.scenarios.iter().filter(|scenario| scenario.enabled) {
        let approval = of(workspace, scenario).await?;
        if !approval.lets_send() {
            held.insert(scenario.scenario.clone(), approval);
        }
    }
    Ok(held)
}

/// The shop with those switched off that are held back: nobody enters them, nothing of theirs is decided. `None` where none is.
pub fn without(workspace: &Workspace, held: &BTreeMap<String, Approval>) -> Option<Workspace> {
    if held.is_empty() {
        return None;
    }
    let mut narrowed = workspace.clone();
    for scenario in narrowed.files.scenarios.iter_mut().filter(|scenario| held.contains_key(&scenario.scenario)) {
        scenario.enabled = false;
    }
    Some(narrowed)
}

/// Logs what is held back when that changes.
pub async fn tell(workspace: &Workspace, held: &BTreeMap<String, Approval>) -> Result<(), Fault> {
    if workspace.shop().approval.above.is_none() {
        return Ok(());
    }
    let cursors = workspace.state.cursors();
    let names = held.keys().cloned().collect::<Vec<_>>().join(" ");
    if cursors.get(HELD).await?.unwrap_or_default() == names {
        return Ok(());
    }
    for (scenario, approval) in held {
        tracing::warn!(scenario, "nothing is sent: {}", approval.said());
    }
    Ok(cursors.set(HELD, &names).await?)
}

async fn of(workspace: &Workspace, scenario: &Scenario) -> Result<Approval, Fault> {
    let Some(above) = workspace.shop().approval.above else { return Ok(Approval::NotNeeded) };
    if scenario.sends().next().is_none() {
        return Ok(Approval::NotNeeded);
    }
    let subject = subject(workspace, scenario)?;
    let acts = workspace.state.approvals().of(&scenario.scenario).await?;
    let standing = state::approval_state(&acts, &subject);
    if let ApprovalState::Approved { by, at } = standing {
        return Ok(Approval::Approved { by, at });
    }
    let recipients = recipients(workspace, scenario, &subject).await?;
    if recipients <= above {
        return Ok(Approval::NotNeeded);
    }
    Ok(match standing {
        ApprovalState::Asked { by, at, recipients } => Approval::Asked { by, at, recipients },
        ApprovalState::Void { changed, .. } => Approval::Void { changed, recipients },
        ApprovalState::NotAsked | ApprovalState::Approved { .. } => Approval::Needed { recipients },
    })
}

/// Everything that an approval holds for: the scenario but for its switch and its testers, its messages, its segments and exclusions with those
/// they select from, and the shop's own definitions where there is a segment.
pub fn subject(workspace: &Workspace, scenario: &Scenario) -> Result<Subject, Fault> {
    let looked_at = Scenario { enabled: true, test_list: Vec::new(), ..scenario.clone() };
    let mut parts = BTreeMap::from([(format!("scenarios/{}.toml", scenario.scenario), hash(&looked_at.kept()))]);
    for name in scenario.sends().flat_map(|send| send.templates()) {
        if let Some(template) = workspace.files.templates.get(name) {
            parts.insert(template.file.clone(), template.version.clone());
        }
    }
    let short = |name: &str| name.strip_prefix("segments/").unwrap_or(name).to_string();
    let mut wanted: Vec<String> = scenario.entry.segment.iter().chain(&scenario.entry.exclude).map(|name| short(name)).collect();
    if !wanted.is_empty() && !workspace.shop().definitions.is_empty() {
        let definitions: Vec<String> =
            workspace.shop().definitions.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        parts.insert("[definitions] in tsubame.toml".into(), hash(&definitions.join("\n")));
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if seen.insert(name.clone())
            && let Some(query) = workspace.library.segment(&name)
        {
            parts.insert(format!("segment {name}"), hash(&query.sql));
            wanted.extend(selects_from(&workspace.library, query)?);
        }
    }
    let whole: Vec<String> = parts.iter().map(|(file, hash)| format!("{file} {hash}")).collect();
    Ok(Subject { fingerprint: hash(&whole.join("\n")), parts })
}

/// To how many people it goes, as far as can be said now. Counted anew when a text changes, and every hour.
async fn recipients(workspace: &Workspace, scenario: &Scenario, subject: &Subject) -> Result<u64, Fault> {
    #[derive(Serialize, Deserialize)]
    struct Counted {
        fingerprint: String,
        recipients: u64,
        at: String,
    }
    let (cursors, now) = (workspace.state.cursors(), workspace.now());
    let name = format!("recipients {}", scenario.scenario);
    let counted: Option<Counted> = cursors.get(&name).await?.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(counted) = counted.filter(|counted| counted.fingerprint == subject.fingerprint) {
        let at = parse_instant(&counted.at)?;
        if at <= now && now - at < COUNT_HOLDS {
            return Ok(counted.recipients);
        }
    }
    let trial = trial(workspace, scenario).await?;
    // Who was told already does not come in again: of a broadcast all are counted whom it is for.
    let excluded = trial.stops.get("excluded").copied().unwrap_or(0);
    let recipients = match scenario.is_broadcast() {
        true => trial.audience - excluded.min(trial.audience),
        false => trial.enters,
    };
    let counted = Counted { fingerprint: subject.fingerprint.clone(), recipients, at: model::time::rfc3339(now) };
    cursors.set(&name, &serde_json::to_string(&counted).expect("plain JSON")).await?;
    Ok(recipients)
}

#[cfg(test)]
mod tests;
