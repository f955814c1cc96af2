//! Approval and the switch: what the scenario would do now, who approved it, and the buttons. What sends to people, or stops it for all, is asked once
//! more before it is done.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use model::Scenario;
use query::Params;

use super::{App, Failed, Fields, Shared, Visit, by, dashboards, named, said, standing, title};
use crate::{
    fault::Exit,
    jobs::{
        approval, pause, switch,
        tick::Rows,
        trial::{Basis, trial},
    },
    pages::{
        Lang,
        scenarios::{
            Place,
            switch::{self as pages, Act, Counted, Noted, Switch},
        },
        words,
    },
    shop_file::NotSaved,
};

/// Acts that are shown, the newest first.
const HISTORY_MAX: usize = 20;

/// The page of a scenario; with `?act=` the question whether it is meant.
pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    match visit.param("act").and_then(Act::parse) {
        Some(act) => confirm(&app, &visit, act).await,
        None => shown(&app, &visit).await,
    }
}

pub async fn act(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let fields = Fields::own(&visit, fields)?;
    let act = Act::parse(fields.text("act")).ok_or(Failed::NotFound)?;
    if act.is_grave() && fields.given("sure").is_none() {
        return confirm(&app, &visit, act).await;
    }
    let workspace = app.workspace();
    if act.is_of_all() {
        match act {
            Act::Halt => pause::pause(&workspace, None, by(&visit)).await?,
            _ => pause::resume(&workspace, None, by(&visit)).await?,
        };
        return Ok(Redirect::to("/scenarios").into_response());
    }
    let scenario = named(&workspace, &visit)?;
    let (name, by) = (scenario.scenario.as_str(), by(&visit));
    let done = match act {
        Act::Ask => approval::ask(&workspace, name, by).await.map(|_| ()),
        Act::Approve => approval::approve(&workspace, name, by).await.map(|_| ()),
        Act::Withdraw => approval::withdraw(&workspace, name, by).await.map(|_| ()),
        Act::Pause => pause::pause(&workspace, Some(name), by).await.map(|_| ()),
        Act::Resume => pause::resume(&workspace, Some(name), by).await.map(|_| ()),
        Act::On | Act::Off | Act::Halt | Act::ResumeAll => {
            let switched = match act {
                Act::On => switch::switch_on(&workspace, name, by).await,
                _ => switch::switch_off(&workspace, name, by).await,
            };
            match switched {
                Ok(_) => app.reload().await,
                Err(NotSaved::Conflict { .. }) => return Err(changed()),
                Err(not_saved) => Err(not_saved.into()),
            }
        }
    };
    match done {
        Ok(()) => Ok(Redirect::to(&Place::Switch.href(name)).into_response()),
        // Those that a reader meets are told in the reader's language.
        Err(fault) if fault.exit == Exit::Data && act == Act::Approve => Err(Failed::bad_with(
            "このアカウントでは承認できません。依頼した人や最後に編集した人は承認できず、依頼の後に変更があれば承認は無効になります。",
            &fault.message,
            "別のアカウントでログインして承認するか、もう一度承認を依頼してください。",
            fault.remedy.as_deref().unwrap_or("Sign in as somebody else, or ask for approval again."),
        )),
        Err(fault) if fault.exit == Exit::Data && act == Act::On => Err(Failed::bad_with(
            "承認がないため、配信を開始できません。",
            &fault.message,
            "承認を依頼し、別のアカウントで承認してください。",
            fault.remedy.as_deref().unwrap_or("Ask for approval, and let a second account give it."),
        )),
        Err(fault) => Err(said(fault)),
    }
}

/// Somebody wrote the file since it was read.
fn changed() -> Failed {
    Failed::bad_with(
        "ファイルが変更されているため、切り替えられません。",
        "The file has changed, so the switch was left alone.",
        "編集画面で内容を確かめてから、もう一度お試しください。",
        "Look at it on the page for editing, and try again.",
    )
}

async fn confirm(app: &App, visit: &Visit, act: Act) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let scenario = match act.is_of_all() {
        true => None,
        false => Some(named(&workspace, visit)?),
    };
    let name = scenario.map(|scenario| scenario.scenario.as_str());
    let recipients = match (act, scenario) {
        (Act::On, Some(scenario)) => {
            let _permit = app.asking.acquire().await.expect("nobody closes it");
            Some(trial(&workspace, scenario).await.map_err(said)?.enters)
        }
        _ => None,
    };
    let of = scenario.map_or_else(|| words::DESK_ALL.get(lang).to_string(), |scenario| title(scenario, visit));
    let body = pages::confirm(&visit.locale, visit.csrf(), act, name, &of, recipients);
    Ok(app.page(visit, act.word().get(lang), body).await?.into_response())
}

async fn shown(app: &App, visit: &Visit) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario: &Scenario = named(&workspace, visit)?;
    let lang = visit.locale.lang;
    let counted = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        trial(&workspace, scenario).await
    };
    let reasons = reasons(app, lang).await?;
    let counted = counted.map(|trial| Counted {
        basis: match trial.basis {
            Basis::Evaluation(at) => words::DESK_BASIS_AT.fill(lang, &[&visit.locale.instant(at)]),
            Basis::LastDays(days) => words::DESK_BASIS_LAST.fill(lang, &[&days.to_string()]),
            Basis::NextDays(days) => words::DESK_BASIS_NEXT.fill(lang, &[&days.to_string()]),
        },
        audience: trial.audience,
        enters: trial.enters,
        reachable: trial.reachable.into_iter().collect(),
        sends: trial.sends.into_iter().collect(),
        ghosts: trial.ghosts,
        deferred: trial.deferred,
        stops: trial.stops.into_iter().map(|(reason, count)| (reasons.get(&reason).cloned().unwrap_or(reason), count)).collect(),
    });
    let (standing, approval, history) = standing(&workspace, scenario).await?;
    let note = |acted: &state::Acted| Noted { act: acted.act, by: acted.by.clone(), at: acted.at, recipients: acted.recipients };
    let page = Switch {
        csrf: visit.csrf(),
        name: &scenario.scenario,
        standing,
        approval: &approval,
        counted: counted.map_err(|fault| (fault.message, fault.remedy)),
        history: history.iter().rev().take(HISTORY_MAX).map(note).collect(),
        is_enabled: scenario.enabled,
        is_halted: pause::holds_all(&pause::pauses(&workspace).await?),
        above: workspace.shop().approval.above,
    };
    let title = words::DESK_SWITCH_TITLE.fill(lang, &[&title(scenario, visit)]);
    Ok(app.page(visit, &title, pages::draw(&visit.locale, &page)).await?.into_response())
}

/// The words for the reasons why people are not sent to.
async fn reasons(app: &App, lang: Lang) -> Result<BTreeMap<String, String>, Failed> {
    let desk = dashboards::desk(app).await?;
    let answer = desk.ask("system/views/stop_reasons", &Params::new()).await?;
    let rows = Rows::new(&answer);
    let column = if lang == Lang::Ja { "reason_ja" } else { "reason_en" };
    let mut reasons: BTreeMap<String, String> =
        (0..answer.rows.len()).filter_map(|row| Some((rows.text(row, "reason")?, rows.text(row, column)?))).collect();
    // Whom a plan accounts for, and no gate was asked about.
    for (reason, word) in [("excluded", words::DESK_EXCLUDED), ("global_holdout", words::DESK_GLOBAL_HOLDOUT)] {
        reasons.entry(reason.into()).or_insert_with(|| word.get(lang).into());
    }
    Ok(reasons)
}
