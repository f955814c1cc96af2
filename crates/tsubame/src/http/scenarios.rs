//! Scenarios as marketers work on them: all of them with how they stand, a new one from a ready-made one, the form over its files, its messages
//! as customers read them, approval and switch, and why messages were not sent. One page per file; what they share is here.

mod edit;
mod fields;
mod list;
mod new;
mod preview;
mod stops;
mod switch;

use std::sync::Arc;

use axum::{Router, routing::get};
use model::Scenario;
use state::{Act, Acted};

use super::{App, Shared, dashboards, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs::{
        approval::{self, Approval},
        pause,
    },
    pages::scenarios::Standing,
    workspace::Workspace,
};

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/scenarios", get(list::show))
        .route("/scenarios/new", get(new::show).post(new::make))
        .route("/scenarios/edit", get(edit::show).post(edit::save))
        .route("/scenarios/preview", get(preview::show).post(preview::test))
        .route("/scenarios/switch", get(switch::show).post(switch::act))
        .route("/scenarios/stops", get(stops::show))
        .route("/scenarios/stops.csv", get(stops::file))
}

/// The fields of a form of ours.
struct Fields(Vec<(String, String)>);

impl Fields {
    /// Of a form that was made for this session, or nothing at all.
    fn own(visit: &Visit, fields: Vec<(String, String)>) -> Result<Fields, Failed> {
        let fields = Fields(fields);
        if visit.is_own_form(fields.text("csrf")) { Ok(fields) } else { Err(Failed::Forbidden) }
    }

    fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Who asks.
fn by(visit: &Visit) -> &str {
    visit.session.as_ref().map_or("", |session| &session.account.name)
}

/// The scenario of `?name=`.
fn named<'a>(workspace: &'a Workspace, visit: &Visit) -> Result<&'a Scenario, Failed> {
    let name = visit.param("name").ok_or(Failed::NotFound)?;
    workspace.files.scenarios.iter().find(|scenario| scenario.scenario == name).ok_or(Failed::NotFound)
}

fn title(scenario: &Scenario, visit: &Visit) -> String {
    scenario.title.get(visit.locale.lang.name()).to_string()
}

/// How a scenario stands, with what is known of its approval and what was done to it.
async fn standing(workspace: &Workspace, scenario: &Scenario) -> Result<(Standing, Approval, Vec<Acted>), Fault> {
    let name = &scenario.scenario;
    let approval = approval::status(workspace, name).await?;
    let history = approval::history(workspace, name).await?;
    let pauses = pause::pauses(workspace).await?;
    let is_paused = pauses.iter().any(|pause| pause.until.is_none() && pause.scenario.as_deref() == Some(name));
    let ran = history.iter().any(|acted| acted.act == Act::SwitchedOn);
    let standing = match (scenario.enabled, &approval) {
        (true, _) if is_paused => Standing::Paused,
        (true, approval) if approval.lets_send() => Standing::On,
        (_, Approval::Asked { .. }) => Standing::Waiting,
        (true, _) => Standing::Held,
        (false, Approval::Approved { .. }) => Standing::Approved,
        (false, _) if ran => Standing::Stopped,
        (false, _) => Standing::Draft,
    };
    Ok((standing, approval, history))
}

/// What the reader can do something about is told; the rest is logged.
fn said(fault: Fault) -> Failed {
    match fault.exit {
        Exit::Config | Exit::Data => {
            let causes: String = fault.causes.iter().map(|cause| format!("\n{cause}")).collect();
            Failed::bad_as_said(&format!("{}{causes}", fault.message), fault.remedy.as_deref())
        }
        _ => Failed::from(fault),
    }
}
