//! A scenario's messages as three of its customers would read them, and a test of one of them to whoever asks.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Response},
};
use model::{Channel, contact::ContactError};

use super::{App, Failed, Fields, Shared, Visit, by, named, said, title};
use crate::{
    jobs::{
        preview::{DRAWN, preview},
        test_send::{Asked, Refused, test_send},
    },
    pages::{
        Lang,
        scenarios::{
            channel,
            preview::{self as pages, Choice, Preview, Told},
        },
        words,
    },
};

pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    shown(&app, &visit, None, "").await
}

/// Sends one message to the address that was typed. What was typed is not shown again.
pub async fn test(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let fields = Fields::own(&visit, fields)?;
    let workspace = app.workspace();
    let scenario = named(&workspace, &visit)?;
    let lang = visit.locale.lang;
    let chosen = fields.text("message");
    let mut parts = chosen.splitn(3, '/');
    let (step, channel_name, template) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let told = match (fields.given("mine"), Channel::parse(channel_name)) {
        (None, _) => Told::Refused(words::DESK_TEST_MINE_MISSING.get(lang).into(), None),
        (Some(_), None) => Told::Refused(words::DESK_TEST_NO_MESSAGE.get(lang).into(), None),
        (Some(_), Some(channel)) => {
            let asked = Asked { scenario, step, template, channel, address: fields.text("address"), account: by(&visit) };
            match test_send(&workspace, &app.tests, &asked, app.wall()).await.map_err(said)? {
                Ok(()) => Told::Sent,
                Err(refused) => refusal(lang, refused),
            }
        }
    };
    shown(&app, &visit, Some(told), chosen).await
}

async fn shown(app: &App, visit: &Visit, told: Option<Told>, chosen: &str) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = named(&workspace, visit)?;
    let lang = visit.locale.lang;
    let asked: Vec<String> = visit
        .param("customers")
        .unwrap_or_default()
        .split([',', '、', '，', ' ', '　'])
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .take(DRAWN)
        .map(String::from)
        .collect();
    let previewed = {
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        preview(&workspace, scenario, &asked).await.map_err(said)?
    };
    let mut choices: Vec<Choice> = Vec::new();
    for step in &scenario.steps {
        let Some(send) = &step.send else { continue };
        for template in send.templates() {
            for of in &send.channels {
                let value = format!("{}/{}/{template}", step.id, of.name());
                if choices.iter().all(|known| known.value != value) {
                    choices.push(Choice { label: format!("{} · {template} · {}", step.id, channel(lang, *of)), value });
                }
            }
        }
    }
    let page = Preview {
        csrf: visit.csrf(),
        name: &scenario.scenario,
        customers: &asked.join(", "),
        previewed: &previewed,
        choices: &choices,
        chosen,
        told: told.as_ref(),
    };
    let title = words::DESK_PREVIEW_TITLE.fill(lang, &[&title(scenario, visit)]);
    Ok(app.page(visit, &title, pages::draw(lang, &page)).await?.into_response())
}

fn refusal(lang: Lang, refused: Refused) -> Told {
    let say = |word: words::Word, parts: &[&str]| Told::Refused(word.fill(lang, parts), None);
    match refused {
        Refused::NoSuchMessage => say(words::DESK_TEST_NO_MESSAGE, &[]),
        Refused::NoSender(of) => say(words::DESK_TEST_NO_SENDER, &[channel(lang, of)]),
        Refused::Address(error) => {
            let word = match error {
                ContactError::Phone => words::DESK_TEST_PHONE,
                ContactError::Line => words::DESK_TEST_LINE,
                ContactError::Email | ContactError::Postal => words::DESK_TEST_EMAIL,
            };
            say(word, &[])
        }
        Refused::Wait(seconds) => say(words::DESK_TEST_WAIT, &[&seconds.to_string()]),
        Refused::Words(message, remedy) => Told::Refused(message, remedy),
        Refused::NotTaken(reason) => say(words::DESK_TEST_NOT_TAKEN, &[&reason]),
    }
}
