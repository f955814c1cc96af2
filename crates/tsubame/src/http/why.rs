//! Why a customer was sent what they were, and not more: for whoever answers their question.

use std::sync::Arc;

use axum::{Extension, Router, extract::State, routing::get};
use maud::Markup;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    fault::Exit,
    jobs::why,
    pages::{self, why::Why, words},
};

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/why", get(page))
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let customer = visit.param("customer").map(str::trim).unwrap_or_default();
    let scenario = visit.param("scenario").unwrap_or_default();
    let listed = workspace.files.scenarios.iter();
    let scenarios = listed.map(|known| (known.scenario.clone(), known.title.get(lang.name()).to_string())).collect();
    let mut shown = Why { customer, scenario, scenarios, ..Why::default() };
    let answered = match customer {
        "" => None,
        customer => {
            let _permit = app.asking.acquire().await.expect("nobody closes it");
            Some(why::why(&workspace, customer, Some(scenario).filter(|name| !name.is_empty()), None).await)
        }
    };
    match &answered {
        None => {}
        Some(Ok(paragraphs)) => shown.paragraphs = Some(paragraphs),
        // A slip of the pen: the reader can do something about it.
        Some(Err(fault)) if matches!(fault.exit, Exit::Config | Exit::Data) => {
            shown.refused = Some((words::WHY_UNKNOWN.get(lang).into(), Some(words::WHY_UNKNOWN_REMEDY.get(lang).into())));
        }
        Some(Err(fault)) => return Err(Failed::Internal { cause: fault.to_string().into() }),
    }
    app.page(&visit, words::WHY.get(lang), pages::why::draw(&visit.locale, &shown)).await
}
