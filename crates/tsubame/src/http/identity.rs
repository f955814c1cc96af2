//! Who is who: what rules may not decide, people decide here.

use std::sync::Arc;

use axum::{
    Extension, Form, Router,
    extract::{FromRequest, Request, State},
    response::Redirect,
    routing::{get, post},
};
use maud::Markup;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs::identity,
    pages::{self, identity::IdentityPage, words},
};

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/identity", get(show))
        .route("/identity/merge", post(merge))
        .route("/identity/decline", post(decline))
        .route("/identity/undo", post(undo))
}

async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let (proposals, facts, proposed) = identity::compared(&workspace).await?;
    let merged = workspace.state.identities().merged_all().await?;
    let page = IdentityPage { csrf: visit.csrf(), proposals: &proposals, proposed, facts: &facts, merged: &merged };
    let body = pages::identity::draw(&visit.locale, &page);
    app.page(&visit, words::IDENTITY.get(visit.locale.lang), body).await
}

async fn merge(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, request: Request) -> Result<Redirect, Failed> {
    let workspace = app.workspace();
    let form = Asked::read(&visit, request).await?;
    let done = identity::merge(&workspace, form.field("a"), form.field("b"), &form.by).await;
    done.map_err(said)?;
    Ok(Redirect::to("/identity"))
}

async fn decline(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, request: Request) -> Result<Redirect, Failed> {
    let workspace = app.workspace();
    let form = Asked::read(&visit, request).await?;
    identity::decline(&workspace, form.field("a"), form.field("b"), &form.by).await.map_err(said)?;
    Ok(Redirect::to("/identity"))
}

async fn undo(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, request: Request) -> Result<Redirect, Failed> {
    let workspace = app.workspace();
    let form = Asked::read(&visit, request).await?;
    identity::undo(&workspace, form.field("customer"), &form.by).await.map_err(said)?;
    Ok(Redirect::to("/identity"))
}

/// A form of ours, and who sent it.
struct Asked {
    fields: Vec<(String, String)>,
    by: String,
}

impl Asked {
    async fn read(visit: &Visit, request: Request) -> Result<Asked, Failed> {
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, &()).await.map_err(|_| Failed::bad("", ""))?;
        let by = visit.session.as_ref().map(|session| session.account.name.clone()).unwrap_or_default();
        let asked = Asked { fields, by };
        if visit.is_own_form(asked.field("csrf")) { Ok(asked) } else { Err(Failed::Forbidden) }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Somebody else was faster, or the page is old: the reader can look again.
fn said(fault: Fault) -> Failed {
    match fault.exit {
        Exit::Failed | Exit::Busy => Failed::from(fault),
        _ => Failed::bad_with(
            "この二人は、もうこの操作の対象ではありません。",
            "This can no longer be done with these two.",
            "画面を読み込み直してください。",
            "Load the page again.",
        ),
    }
}
