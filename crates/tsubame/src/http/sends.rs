//! Messages whose outcome nobody knows, for the person who decides about them: look up, send again, let be. Each decision is a fact with the
//! account's name.

use std::sync::Arc;

use axum::{
    Extension, Form, Router,
    extract::State,
    response::Redirect,
    routing::{get, post},
};
use maud::Markup;
use serde::Deserialize;
use state::Settling;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs::parked::{self, Looked},
    pages::{
        self,
        parked::{Parked, ParkedPage},
        words,
    },
};

/// What a page says after it has done something: named in its address, and one of these.
const DONE: [(&str, words::Word); 6] = [
    ("resent", words::PARKED_RESENT),
    ("dropped", words::PARKED_DROPPED),
    ("found", words::PARKED_WAS_FOUND),
    ("absent", words::PARKED_LEAVES),
    ("cannot-tell", words::PARKED_CANNOT_TELL),
    ("no-look-up", words::PARKED_NO_LOOK_UP),
];

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sends/parked", get(page))
        .route("/sends/look-up", post(look_up))
        .route("/sends/found", post(found))
        .route("/sends/absent", post(absent))
        .route("/sends/resend", post(resend))
        .route("/sends/drop", post(let_be))
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let parked = parked::list(&workspace).await?.into_iter().map(|(held, waits_until)| Parked {
        customer_id: held.send.customer_id.to_string(),
        channel: held.send.channel.name().into(),
        purpose: held.send.purpose.name().into(),
        due_at: held.send.due_at,
        handed_at: held.handed_at,
        attempts: held.attempts,
        why: held.send.detail.as_deref().map(|why| connect::personal::mask(why).into_owned()).unwrap_or_default(),
        waits_until,
        send_id: held.send.send_id,
        scenario: held.send.scenario,
        step: held.send.step,
    });
    let done = visit.param("done").and_then(|name| DONE.iter().find(|(known, _)| *known == name)).map(|(_, word)| *word);
    let drawn = ParkedPage { csrf: visit.csrf().into(), parked: parked.collect(), done };
    app.page(&visit, words::PARKED.get(visit.locale.lang), pages::parked::draw(&visit.locale, &drawn)).await
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    send_id: String,
    #[serde(default)]
    provider_id: String,
}

async fn look_up(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Failed> {
    let by = decider(&visit, &asked)?;
    let workspace = app.workspace();
    let _working = workspace.working.lock().await;
    let looked = parked::look_up(&workspace, &asked.send_id, by).await.map_err(said)?;
    Ok(done(match looked {
        Looked::Found => "found",
        Looked::CannotTell => "cannot-tell",
        Looked::NoLookUp => "no-look-up",
    }))
}

async fn found(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Failed> {
    let provider_id = Some(asked.provider_id.trim().to_string()).filter(|id| !id.is_empty());
    settle(&app, &visit, &asked, Settling::Found { provider_id }, "found").await
}

async fn absent(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Failed> {
    settle(&app, &visit, &asked, Settling::Absent, "absent").await
}

async fn let_be(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Failed> {
    settle(&app, &visit, &asked, Settling::Drop, "dropped").await
}

/// While nothing else is delivered: a start of that would take the message for one that nobody answered.
async fn resend(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, Failed> {
    let by = decider(&visit, &asked)?;
    let workspace = app.workspace();
    let _working = workspace.working.lock().await;
    parked::resend(&workspace, &asked.send_id, by).await.map_err(said)?;
    Ok(done("resent"))
}

async fn settle(app: &App, visit: &Visit, asked: &Asked, how: Settling, done_as: &str) -> Result<Redirect, Failed> {
    let by = decider(visit, asked)?;
    let workspace = app.workspace();
    let _working = workspace.working.lock().await;
    parked::settle(&workspace, &asked.send_id, how, by).await.map_err(said)?;
    Ok(done(done_as))
}

/// The account that asks by a form of ours.
fn decider<'a>(visit: &'a Visit, asked: &Asked) -> Result<&'a str, Failed> {
    let session = visit.session.as_ref().filter(|_| visit.is_own_form(&asked.csrf)).ok_or(Failed::Forbidden)?;
    Ok(&session.account.name)
}

fn done(how: &str) -> Redirect {
    Redirect::to(&format!("/sends/parked?done={how}"))
}

/// Somebody else was faster, or the page is old: the reader can look again.
fn said(fault: Fault) -> Failed {
    match fault.exit {
        Exit::Data => Failed::bad_with(
            "この配信は、もう判断を待っていません。",
            "This message no longer waits for a decision.",
            "画面を読み込み直してください。",
            "Load the page again.",
        ),
        _ => Failed::from(fault),
    }
}
