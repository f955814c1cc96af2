//! Approval of what is sent to many: one account asks, another approves, and it holds for exactly the texts that were asked about. Everything that
//! was done to a scenario is kept, in order.

use std::collections::{BTreeMap, BTreeSet};

use model::Instant;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use crate::{
    StateError,
    db::{Db, Tx, get, get_instant, get_json, get_name, json_rows},
};

#[derive(Clone)]
pub struct Approvals {
    pub(crate) db: Db,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Edited,
    Asked,
    Approved,
    Withdrawn,
    SwitchedOn,
    SwitchedOff,
    Paused,
    Resumed,
}

impl Act {
    pub const ALL: [Act; 8] =
        [Act::Edited, Act::Asked, Act::Approved, Act::Withdrawn, Act::SwitchedOn, Act::SwitchedOff, Act::Paused, Act::Resumed];

    pub fn name(self) -> &'static str {
        match self {
            Act::Edited => "edited",
            Act::Asked => "asked",
            Act::Approved => "approved",
            Act::Withdrawn => "withdrawn",
            Act::SwitchedOn => "switched_on",
            Act::SwitchedOff => "switched_off",
            Act::Paused => "paused",
            Act::Resumed => "resumed",
        }
    }
}

/// Something that somebody did to a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    pub act: Act,
    pub by: String,
    pub at: Instant,
    /// Of what it was done to; that of an edit is empty.
    pub subject: Subject,
    /// How many it was asked for.
    pub recipients: Option<u64>,
}

/// Everything that an approval holds for: by file, the hash of what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub fingerprint: String,
    pub parts: BTreeMap<String, String>,
}

impl Subject {
    /// What differs between two, by file.
    pub fn differences(&self, other: &Subject) -> Vec<String> {
        let files: BTreeSet<&String> = self.parts.keys().chain(other.parts.keys()).collect();
        files.into_iter().filter(|file| self.parts.get(*file) != other.parts.get(*file)).cloned().collect()
    }
}

/// How far approval has come, for a subject as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalState {
    NotAsked,
    Asked {
        by: String,
        at: Instant,
        recipients: u64,
    },
    Approved {
        by: String,
        at: Instant,
    },
    /// It was asked for or approved, and these files have changed since.
    Void {
        changed: Vec<String>,
        by: String,
        at: Instant,
    },
}

/// Why somebody's approval does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unapproved {
    #[error("nobody has asked for the approval of {0}")]
    NotAsked(String),
    #[error("{by} asked for the approval of {name}: a second account approves")]
    OwnRequest { name: String, by: String },
    #[error("{by} was the last to edit {name}: a second account approves")]
    OwnEdit { name: String, by: String },
    #[error("{name} has changed since its approval was asked for: {}", changed.join(", "))]
    Changed { name: String, changed: Vec<String> },
}

impl model::Remedy for Unapproved {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Unapproved::NotAsked(_) | Unapproved::Changed { .. } => {
                "ask for it on the scenario's page, or with `tsubame approve NAME --by ACCOUNT --ask`".into()
            }
            Unapproved::OwnRequest { .. } | Unapproved::OwnEdit { .. } => {
                "let somebody else look at it, and approve it as themselves".into()
            }
        })
    }
}

impl Approvals {
    /// Notes what was done. An approval is given by [`Approvals::approve`] alone.
    pub async fn note(&self, name: &str, acted: &Acted) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("note that {name} was {}", acted.act.name())).await?;
        insert(&mut tx, name, acted).await?;
        tx.commit().await
    }

    /// A second account's approval of what was asked about; refused if that is not what there is now.
    pub async fn approve(
        &self,
        name: &str,
        subject: &Subject,
        by: &str,
        now: Instant,
    ) -> Result<Result<(), Unapproved>, StateError> {
        let mut tx = self.db.begin(format!("approve {name}")).await?;
        let rows = tx.rows(sqlx::query(OF).bind(name)).await?;
        let acts = rows.iter().map(acted).collect::<Result<Vec<_>, _>>()?;
        if let Err(refused) = may_approve(name, &acts, subject, by) {
            return Ok(Err(refused));
        }
        let acted = Acted { act: Act::Approved, by: by.into(), at: now, subject: subject.clone(), recipients: None };
        insert(&mut tx, name, &acted).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Everything that was done to a scenario, the oldest first.
    pub async fn of(&self, name: &str) -> Result<Vec<Acted>, StateError> {
        let rows = self.db.rows(&format!("read what was done to {name}"), sqlx::query(OF).bind(name)).await?;
        rows.iter().map(acted).collect()
    }
}

const OF: &str = "SELECT act, account, at, fingerprint, parts, recipients FROM scenario_acts WHERE name = $1 ORDER BY id";

/// What these acts come to for a subject as it is now. Of two approvals the last counts, and asking again asks anew.
pub fn approval_state(acts: &[Acted], subject: &Subject) -> ApprovalState {
    let is_of_approval = |acted: &&Acted| matches!(acted.act, Act::Asked | Act::Approved | Act::Withdrawn);
    let Some(last) = acts.iter().rev().find(is_of_approval).filter(|last| last.act != Act::Withdrawn) else {
        return ApprovalState::NotAsked;
    };
    let (by, at) = (last.by.clone(), last.at);
    match last.act {
        _ if last.subject.fingerprint != subject.fingerprint => {
            ApprovalState::Void { changed: last.subject.differences(subject), by, at }
        }
        Act::Approved => ApprovalState::Approved { by, at },
        _ => ApprovalState::Asked { by, at, recipients: last.recipients.unwrap_or(0) },
    }
}

/// Who asked and who edited last are not the second account.
fn may_approve(name: &str, acts: &[Acted], subject: &Subject, by: &str) -> Result<(), Unapproved> {
    let name = name.to_string();
    match approval_state(acts, subject) {
        ApprovalState::NotAsked | ApprovalState::Approved { .. } => return Err(Unapproved::NotAsked(name)),
        ApprovalState::Void { changed, .. } => return Err(Unapproved::Changed { name, changed }),
        ApprovalState::Asked { by: asked, .. } if asked == by => return Err(Unapproved::OwnRequest { name, by: asked }),
        ApprovalState::Asked { .. } => {}
    }
    match acts.iter().rev().find(|acted| acted.act == Act::Edited) {
        Some(edited) if edited.by == by => Err(Unapproved::OwnEdit { name, by: by.into() }),
        _ => Ok(()),
    }
}

async fn insert(tx: &mut Tx, name: &str, acted: &Acted) -> Result<(), StateError> {
    let statement = sqlx::query(
        "INSERT INTO scenario_acts (name, act, account, at, fingerprint, parts, recipients) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let statement = statement
        .bind(name)
        .bind(acted.act.name())
        .bind(&acted.by)
        .bind(acted.at.timestamp_micros())
        .bind(&acted.subject.fingerprint)
        .bind(json_rows(&acted.subject.parts))
        .bind(acted.recipients.map(|recipients| recipients as i64));
    tx.execute(statement).await.map(|_| ())
}

fn acted(row: &SqliteRow) -> Result<Acted, StateError> {
    let recipients: Option<i64> = get(row, "recipients")?;
    Ok(Acted {
        act: get_name(row, "act")?,
        by: get(row, "account")?,
        at: get_instant(row, "at")?,
        subject: Subject { fingerprint: get(row, "fingerprint")?, parts: get_json(row, "parts")? },
        recipients: recipients.map(|recipients| recipients.max(0) as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_780_000_000 + second, 0).expect("an instant")
    }

    fn subject(parts: &[(&str, &str)]) -> Subject {
        let parts: BTreeMap<String, String> = parts.iter().map(|(file, hash)| (file.to_string(), hash.to_string())).collect();
        Subject { fingerprint: format!("{parts:?}"), parts }
    }

    #[test]
    fn acts_are_stored_by_name() {
        for act in Act::ALL {
            assert_eq!(serde_json::to_string(&act).unwrap(), format!("{:?}", act.name()));
        }
    }

    /// Each act as `ACCOUNT did VERSION`: the version is what the one file said then.
    #[tokio::test]
    async fn a_second_account_approves_and_a_change_voids() {
        let check = async |acts: &[&str], now: &str, stands: &str, approves: &[(&str, &str)]| {
            let folder = tempfile::tempdir().expect("a folder");
            let state = crate::State::open(&folder.path().join("state.db"), [7; 32]).await.expect("a state");
            let approvals = state.approvals();
            let one = |version: &str| subject(&[("scenarios/s.toml", version), ("messages/m.toml", "same")]);
            for (second, act) in acts.iter().enumerate() {
                let parts: Vec<&str> = act.split(' ').collect();
                let [by, act, version] = parts[..] else { panic!("{act}") };
                let act = Act::ALL.into_iter().find(|known| known.name() == act).expect("an act");
                let acted = Acted { act, by: by.into(), at: at(second as i64), subject: one(version), recipients: Some(9) };
                approvals.note("s", &acted).await.expect("noted");
            }
            let shown = |standing: ApprovalState| match standing {
                ApprovalState::NotAsked => "not asked".to_string(),
                ApprovalState::Asked { by, recipients, .. } => format!("asked by {by} for {recipients}"),
                ApprovalState::Approved { by, .. } => format!("approved by {by}"),
                ApprovalState::Void { changed, .. } => format!("void: {}", changed.join(" ")),
            };
            let known = approvals.of("s").await.expect("acts");
            assert_eq!(shown(approval_state(&known, &one(now))), stands, "{acts:?}");
            assert_eq!(approvals.of("other").await.expect("acts"), []);
            for (by, expect) in approves {
                let given = approvals.approve("s", &one(now), by, at(99)).await.expect("an answer");
                let said = match given {
                    Ok(()) => {
                        let known = approvals.of("s").await.expect("acts");
                        shown(approval_state(&known, &one(now)))
                    }
                    Err(refused) => refused.to_string(),
                };
                assert_eq!(said, *expect, "{acts:?}: {by}");
            }
        };
        let not_asked = "nobody has asked for the approval of s";
        let own_edit = "b was the last to edit s: a second account approves";
        let own = "a asked for the approval of s: a second account approves";
        check(&[], "1", "not asked", &[("b", not_asked)]).await;
        check(&["b edited 1"], "1", "not asked", &[("a", not_asked)]).await;
        check(&["a asked 1"], "1", "asked by a for 9", &[("a", own), ("b", "approved by b"), ("c", not_asked)]).await;
        check(&["b edited 1", "a asked 1"], "1", "asked by a for 9", &[("b", own_edit), ("c", "approved by c")]).await;
        check(&["b edited 1", "a edited 1", "a asked 1"], "1", "asked by a for 9", &[("b", "approved by b")]).await;
        let changed = "s has changed since its approval was asked for: scenarios/s.toml";
        check(&["a asked 1"], "2", "void: scenarios/s.toml", &[("b", changed)]).await;
        check(&["a asked 1", "b approved 1"], "1", "approved by b", &[]).await;
        check(&["a asked 1", "b approved 1"], "2", "void: scenarios/s.toml", &[("b", changed)]).await;
        check(&["a asked 1", "b approved 1", "a asked 2"], "2", "asked by a for 9", &[("b", "approved by b")]).await;
        // Put back as it was, it is what was approved.
        check(&["a asked 1", "b approved 1", "a edited 2", "a edited 1"], "1", "approved by b", &[]).await;
        check(&["a asked 1", "a withdrawn 1"], "1", "not asked", &[("b", not_asked)]).await;
        check(&["a asked 1", "b approved 1", "c withdrawn 1"], "1", "not asked", &[]).await;
        check(&["a asked 1", "b approved 1", "a switched_on 1"], "1", "approved by b", &[]).await;
    }

    #[test]
    fn differences_are_told_by_file() {
        let check = |one: &[(&str, &str)], other: &[(&str, &str)], expect: &[&str]| {
            assert_eq!(subject(one).differences(&subject(other)), expect);
        };
        check(&[("a", "1"), ("b", "1")], &[("a", "1"), ("b", "1")], &[]);
        check(&[("a", "1"), ("b", "1")], &[("a", "2"), ("c", "1")], &["a", "b", "c"]);
    }
}
