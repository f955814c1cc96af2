//! The form over a scenario's files. Form and text area write the same TOML; nothing is written while there is a problem, and nothing over a text
//! that the writer has not seen.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Problem, Scenario};

use super::{App, Failed, Fields, Shared, Visit, by, fields, named, said, title};
use crate::{
    jobs::approval,
    lint,
    pages::{
        Lang,
        scenarios::{
            Place,
            edit::{self as pages, Conflict, Editor, FileText},
        },
        words,
    },
    shop_file::{self, Change, NotSaved, ShopFile, hash},
    workspace::Workspace,
};

pub async fn show(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = named(&workspace, &visit)?;
    let files = on_disk(&workspace, scenario)?;
    let texts = plain(&files);
    let editor = Editor {
        groups: fields::groups(visit.locale.lang, &texts),
        files: files.iter().map(|(file, text)| file_text(file, text, hash_of(text))).collect(),
        notice: match visit.param("done") {
            Some("saved") => Some(words::DESK_SAVED),
            Some("same") => Some(words::DESK_SAME),
            Some("made") => Some(words::DESK_MADE),
            _ => None,
        },
        ..editor(&workspace, &visit, scenario)
    };
    shown(&app, &visit, scenario, &editor).await
}

pub async fn save(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let fields = Fields::own(&visit, fields)?;
    let workspace = app.workspace();
    let scenario = named(&workspace, &visit)?;
    let name = scenario.scenario.as_str();
    let files = on_disk(&workspace, scenario)?;
    let texts = plain(&files);
    let wanted = match fields.text("action") {
        "fields" => fields::changed(&texts, &fields).map_err(|error| {
            // The file changed into something that has no such value: its text is the way.
            Failed::bad_with(
                &format!("フォームの変更を当てはめられません: {error}"),
                &format!("The changes of the form do not fit: {error}"),
                "画面を読み込み直すか、下のファイルを直接編集してください。",
                "Load the page again, or edit the file below.",
            )
        })?,
        _ => typed(&files, &fields),
    };
    let mut changes: Vec<Change> = wanted
        .into_iter()
        .filter(|(file, text)| files.iter().all(|(known, now)| known != file || now.as_deref() != Some(text.as_str())))
        .map(|(file, text)| {
            let expected = fields.given(&format!("hash:{}", file.as_str())).filter(|hash| !hash.is_empty()).map(String::from);
            Change { file, expected, text }
        })
        .collect();
    if changes.is_empty() {
        return Ok(Redirect::to(&format!("{}&done=same", Place::Edit.href(name))).into_response());
    }
    // What a scenario names comes before it.
    changes.sort_by_key(|change| change.file.as_str().starts_with("scenarios/"));
    let saved = match renamed(name, &changes) {
        Some(problem) => Err(NotSaved::Problems(vec![problem])),
        None => shop_file::save_all(&workspace.folder, &changes).await,
    };
    match saved {
        Ok(()) => {
            // A message may be of other scenarios, too.
            for change in &changes {
                approval::saved(&workspace, &change.file, by(&visit)).await?;
            }
            let saved: Vec<&str> = changes.iter().map(|change| change.file.as_str()).collect();
            tracing::info!(scenario = name, account = by(&visit), files = saved.join(" "), "a scenario was saved");
            app.reload().await.map_err(said)?;
            Ok(Redirect::to(&format!("{}&done=saved", Place::Edit.href(name))).into_response())
        }
        Err(NotSaved::Fault(fault)) => Err(said(fault)),
        Err(NotSaved::Conflict { .. }) => {
            let conflicts = conflicts(&workspace, changes)?;
            let body = pages::conflict(&visit.locale, visit.csrf(), name, &conflicts);
            let page = app.page(&visit, &title(scenario, &visit), body).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(NotSaved::Problems(problems)) => {
            let editor = Editor { problems, ..refilled(&workspace, &visit, scenario, &files, &fields, changes) };
            shown(&app, &visit, scenario, &editor).await
        }
    }
}

async fn shown(app: &App, visit: &Visit, scenario: &Scenario, editor: &Editor<'_>) -> Result<Response, Failed> {
    let title = words::DESK_EDIT_TITLE.fill(visit.locale.lang, &[&title(scenario, visit)]);
    Ok(app.page(visit, &title, pages::draw(&visit.locale, editor)).await?.into_response())
}

fn editor<'a>(workspace: &Workspace, visit: &'a Visit, scenario: &'a Scenario) -> Editor<'a> {
    Editor {
        csrf: visit.csrf(),
        name: &scenario.scenario,
        description: described(workspace, scenario, visit.locale.lang),
        warnings: warnings(workspace, scenario, visit.locale.lang),
        ..Editor::default()
    }
}

/// What may be wrong with the words of its messages, and what some of its customers will lack.
fn warnings(workspace: &Workspace, scenario: &Scenario, lang: Lang) -> Vec<Problem> {
    let files = fields::files(scenario);
    let mut warnings = lint::warnings(&workspace.folder, &workspace.files, &workspace.library, lang.name());
    warnings.retain(|warning| files.iter().any(|file| file.as_str() == warning.file));
    warnings
}

/// What it does, in words; segments go by their titles.
pub fn described(workspace: &Workspace, scenario: &Scenario, lang: Lang) -> Vec<String> {
    let title = |name: &str| {
        let short = name.strip_prefix("segments/").unwrap_or(name);
        let query = workspace.library.segment(short)?;
        let titles = workspace.library.forms.get(&query.name).map_or_else(|| query.header.titles(), |form| form.title.clone());
        Some(titles)
    };
    scenario.describe(&title).lines(lang.name())
}

/// The form as it was filled in, with what is on disk beside it.
fn refilled<'a>(
    workspace: &Workspace,
    visit: &'a Visit,
    scenario: &'a Scenario,
    files: &[(ShopFile, Option<String>)],
    fields: &Fields,
    changes: Vec<Change>,
) -> Editor<'a> {
    let lang = visit.locale.lang;
    let mut mine: BTreeMap<ShopFile, String> = changes.into_iter().map(|change| (change.file, change.text)).collect();
    let mut texts = Vec::new();
    let mut shown = Vec::new();
    for (file, text) in files {
        let opened = fields.given(&format!("hash:{}", file.as_str()));
        let hash = opened.map_or_else(|| hash_of(text), String::from);
        let before = text.as_ref().map(|text| fields::groups(lang, &[(file.clone(), text.clone())]));
        let text = mine.remove(file).or_else(|| text.clone()).unwrap_or_default();
        shown.push(FileText { before, ..file_text(file, &Some(text.clone()), hash) });
        texts.push((file.clone(), text));
    }
    Editor { groups: fields::groups(lang, &texts), files: shown, ..editor(workspace, visit, scenario) }
}

/// The scenario's files as they are now. One of another name than its scenario is for an editor of one's own.
fn on_disk(workspace: &Workspace, scenario: &Scenario) -> Result<Vec<(ShopFile, Option<String>)>, Failed> {
    let mut files = Vec::new();
    for file in fields::files(scenario) {
        let text = file.read(&workspace.folder)?;
        files.push((file, text));
    }
    match files.first() {
        Some((_, Some(_))) => Ok(files),
        _ => Err(Failed::bad_with(
            &format!("scenarios/{}.toml がありません。", scenario.scenario),
            &format!("There is no scenarios/{}.toml.", scenario.scenario),
            "シナリオのファイルには、シナリオと同じ名前を付けてください。",
            "Name the file as the scenario is named.",
        )),
    }
}

fn plain(files: &[(ShopFile, Option<String>)]) -> Vec<(ShopFile, String)> {
    files.iter().filter_map(|(file, text)| Some((file.clone(), text.clone()?))).collect()
}

fn hash_of(text: &Option<String>) -> String {
    text.as_deref().map(hash).unwrap_or_default()
}

fn file_text(file: &ShopFile, text: &Option<String>, hash: String) -> FileText {
    FileText { path: file.as_str().into(), hash, text: text.clone().unwrap_or_default(), before: None }
}

/// Whole texts that were typed, of files that are this scenario's.
fn typed(files: &[(ShopFile, Option<String>)], fields: &Fields) -> Vec<(ShopFile, String)> {
    let text = |(file, _): &(ShopFile, Option<String>)| {
        let mut text = fields::lines(fields.given(&format!("text:{}", file.as_str()))?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Some((file.clone(), text))
    };
    files.iter().filter_map(text).collect()
}

/// What was sent goes by the scenario's name, so the name stays.
fn renamed(name: &str, changes: &[Change]) -> Option<Problem> {
    let change = changes.iter().find(|change| change.file.as_str().starts_with("scenarios/"))?;
    let found = Scenario::parse(change.file.as_str(), &change.text).ok()?;
    (found.scenario != name).then(|| {
        Problem::new(change.file.as_str(), 0, format!("the scenario is `{name}`, and the text says `{}`", found.scenario))
            .with_remedy("make a new scenario for another name")
    })
}

fn conflicts(workspace: &Workspace, changes: Vec<Change>) -> Result<Vec<Conflict>, Failed> {
    let mut conflicts = Vec::new();
    for change in changes {
        let theirs = change.file.read(&workspace.folder)?;
        conflicts.push(Conflict { path: change.file.as_str().into(), hash: hash_of(&theirs), theirs, mine: change.text });
    }
    Ok(conflicts)
}
