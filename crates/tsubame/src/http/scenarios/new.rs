//! A new scenario from a ready-made one: a copy under a name of one's own, switched off, with messages that nobody else uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Extension, Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use model::Problem;

use super::{App, Failed, Fields, Shared, Visit, by, edit::described, said};
use crate::{
    fault::{Exit, Fault},
    jobs::{approval, switch::with_enabled},
    pages::{
        scenarios::{
            Place,
            new::{self as pages, Card, New},
        },
        words,
    },
    ready::{self, Ready},
    shop_file::{self, Change, NotSaved, ShopFile},
    toml_text::{Scalar, leaves, replace},
    workspace::Workspace,
};

const NAME_CHARS_MAX: usize = 40;

pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    shown(&app, &visit, "", "", Vec::new()).await
}

pub async fn make(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let fields = Fields::own(&visit, fields)?;
    let workspace = app.workspace();
    let chosen = fields.text("ready");
    let ready = ready::all().iter().find(|ready| ready.scenario.scenario == chosen).ok_or(Failed::NotFound)?;
    let name = fields.text("name").trim();
    let lang = visit.locale.lang;
    let refuse = |word: words::Word, remedy: words::Word| {
        vec![Problem::new("", 0, word.fill(lang, &[name])).with_remedy(remedy.get(lang))]
    };
    if !is_name(name) {
        let problems = refuse(words::DESK_BAD_NAME, words::DESK_BAD_NAME_REMEDY);
        return shown(&app, &visit, chosen, name, problems).await;
    }
    let is_taken = workspace.files.scenarios.iter().any(|scenario| scenario.scenario == name)
        || workspace.path(&format!("scenarios/{name}.toml")).exists();
    if is_taken {
        let problems = refuse(words::DESK_TAKEN, words::DESK_TAKEN_REMEDY);
        return shown(&app, &visit, chosen, name, problems).await;
    }
    let changes = drafted(&workspace, ready, name, fields.text("language")).map_err(said)?;
    match shop_file::save_all(&workspace.folder, &changes).await {
        Ok(()) => {
            approval::edited(&workspace, name, by(&visit)).await?;
            tracing::info!(scenario = name, ready = chosen, account = by(&visit), "a scenario was made from a ready-made one");
            app.reload().await.map_err(said)?;
            Ok(Redirect::to(&format!("{}&done=made", Place::Edit.href(name))).into_response())
        }
        Err(NotSaved::Problems(problems)) => shown(&app, &visit, chosen, name, problems).await,
        Err(not_saved) => Err(said(not_saved.into())),
    }
}

async fn shown(app: &App, visit: &Visit, chosen: &str, name: &str, problems: Vec<Problem>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let card = |ready: &'static Ready| Card {
        name: &ready.scenario.scenario,
        title: ready.scenario.title.get(lang.name()),
        description: ready.scenario.description.get(lang.name()),
        needs: ready.needs.get(lang.name()),
        does: described(&workspace, &ready.scenario, lang),
    };
    let cards = ready::all().iter().map(card).collect();
    let page = New { csrf: visit.csrf(), cards, chosen, name, language: &workspace.shop().language, problems };
    Ok(app.page(visit, words::DESK_NEW.get(lang), pages::draw(lang, &page)).await?.into_response())
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The files of the copy, messages first. Where a message of the name is there already, the copy gets one of its own.
fn drafted(workspace: &Workspace, ready: &Ready, name: &str, language: &str) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    let mut called: BTreeMap<&str, String> = BTreeMap::new();
    let messages: BTreeSet<&String> = ready.scenario.sends().flat_map(|send| send.templates()).collect();
    for message in messages {
        let text = ready::message(message, language).ok_or_else(|| {
            Fault::new(Exit::Config, format!("`{}` has no message `{message}` in `{language}`", ready.scenario.scenario))
        })?;
        let own = match ShopFile::of_message(message)?.read(&workspace.folder)? {
            None => message.clone(),
            Some(_) => format!("{}_{message}", name.replace('-', "_")),
        };
        changes.push(Change { file: ShopFile::of_message(&own)?, expected: None, text });
        called.insert(message, own);
    }
    let text = copied(&ready.text, name, &called);
    changes.push(Change { file: ShopFile::of_scenario(name)?, expected: None, text });
    Ok(changes)
}

/// The text under another name, switched off. Whoever is drawn by a salt is drawn anew, and tests go by names of their own.
fn copied(text: &str, name: &str, called: &BTreeMap<&str, String>) -> String {
    let found = leaves(text).unwrap_or_default();
    let is_same = found.iter().any(|leaf| leaf.path == "scenario" && leaf.value == Scalar::Text(name.into()));
    let mut changes = BTreeMap::new();
    for leaf in found {
        let Scalar::Text(known) = &leaf.value else { continue };
        let parts: Vec<&str> = leaf.path.split('.').collect();
        let is_test = parts.iter().any(|part| matches!(*part, "experiment" | "split" | "best_time"));
        let is_drawn = match parts.last() {
            Some(&"salt") => true,
            Some(&"name") => is_test && !parts.contains(&"arm"),
            _ => false,
        };
        let value = match parts.as_slice() {
            ["scenario"] => Some(name.to_string()),
            [.., "template"] | [.., "seasons", _] => called.get(known.as_str()).cloned(),
            _ if is_drawn && !is_same => Some(format!("{known}-{name}")),
            _ => None,
        };
        changes.extend(value.map(|value| (leaf.path.clone(), Scalar::Text(value))));
    }
    let copy = replace(text, &changes).unwrap_or_else(|_| text.to_string());
    with_enabled(&copy, false).unwrap_or(copy)
}

#[cfg(test)]
mod tests {
    use model::Scenario;

    use super::*;

    #[test]
    fn names_of_scenarios() {
        let check = |name: &str, expect: bool| assert_eq!(is_name(name), expect, "{name}");
        for name in ["a", "birthday-2027", "cart-recovery"] {
            check(name, true);
        }
        for name in ["", "2027", "-a", "Birthday", "a_b", "a b", "誕生日", "../x", &"a".repeat(41)] {
            check(name, false);
        }
    }

    #[test]
    fn a_copy_goes_by_its_own_name_and_is_off() {
        for ready in ready::all() {
            let name = &ready.scenario.scenario;
            let messages = ready.scenario.sends().flat_map(|send| send.templates());
            let called: BTreeMap<&str, String> = messages.map(|message| (message.as_str(), format!("x_{message}"))).collect();
            let text = copied(&ready.text, "copy-of-it", &called);
            let copy = Scenario::parse("copy.toml", &text).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
            let known = &ready.scenario;
            assert_eq!((copy.scenario.as_str(), copy.enabled, copy.steps.len()), ("copy-of-it", false, known.steps.len()));
            let named = |scenario: &Scenario| -> Vec<String> {
                let tests = scenario.tests().into_iter().flat_map(|test| [test.name, test.salt]);
                tests.chain(scenario.holdout.iter().map(|holdout| holdout.salt.clone())).collect()
            };
            for (copy, known) in named(&copy).iter().zip(named(known)) {
                assert_eq!(*copy, format!("{known}-copy-of-it"), "{name}");
            }
            assert!(copy.sends().flat_map(|send| send.templates()).all(|name| name.starts_with("x_")), "{text}");
            // Comments are kept.
            let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
            assert_eq!(comments(&text), comments(&ready.text), "{name}");
        }
    }
}
