//! Broadcasts on pages: all of them, the form, one with its numbers, and what may be done about it. What is saved are the two files that somebody
//! with an editor would write.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Form as Fields, Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use maud::Markup;
use model::{Channel, Scenario};
use query::{Answer, ParamValue, Params};
use state::{Act, Acted};

use super::{App, Shared, dashboards, errors::Failed, visit::Visit};
use crate::{
    broadcasts::{
        self, Became, cost, cost_of,
        form::{CHANNELS, Form},
        leaves_at,
    },
    fault::{Exit, Fault},
    jobs::{
        approval::{self, Approval},
        pause, switch,
        tick::Rows,
        trial::{Trial, trial},
    },
    pages::{
        broadcasts::{
            self as pages, List, Listed,
            form::{Choice, Editor},
            one::{self, One},
        },
        csv, words,
    },
    segments,
    shop_file::{self, Change, NotSaved, ShopFile},
    workspace::Workspace,
};

/// A page has this path, so no broadcast may.
const RESERVED_NAME: &str = "new";

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/broadcasts", get(list).post(all))
        .route("/broadcasts/new", get(open_new).post(save_new))
        .route("/broadcasts/{name}", get(shown).post(act))
        .route("/broadcasts/{name}/edit", get(open).post(save))
        .route("/broadcasts/{name}/count.csv", get(count_csv))
        .route("/broadcasts/{name}/reached.csv", get(reached_csv))
}

async fn list(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let pauses = pause::pauses(&workspace).await?;
    let broadcasts = broadcasts::all(&workspace);
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let outcomes = broadcasts::became(&workspace, &broadcasts).await?;
    let mut listed = Vec::new();
    for scenario in broadcasts {
        let name = &scenario.scenario;
        let became = outcomes.get(name).cloned().unwrap_or_default();
        let approval = approval::status(&workspace, name).await?;
        let is_over = broadcasts::is_over(&workspace, scenario);
        let spent = became.paid().into_iter().map(|(channel, sends)| cost(workspace.shop(), channel, 0, sends));
        listed.push(Listed {
            name: name.clone(),
            title: scenario.title.get(lang.name()).into(),
            stage: broadcasts::stage(scenario, &approval, pause::holds(&pauses, name), &became, is_over),
            leaves_at: leaves_at(&workspace, scenario),
            segment: scenario.entry.segment.clone().unwrap_or_default(),
            planned: became.planned(),
            accepted: became.accepted(),
            stopped: became.stopped(),
            cost: model::Money::sum(spent.collect::<Result<Vec<_>, _>>()?).map_err(Fault::from)?,
        });
    }
    let list = List { csrf: visit.csrf().into(), broadcasts: listed, is_stopped: pause::holds_all(&pauses) };
    app.page(&visit, words::BROADCASTS.get(lang), pages::list(&visit.locale, &list)).await
}

/// Stops everything, or lets it go on.
async fn all(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Redirect, Failed> {
    let given = own(&visit, &fields)?;
    let (workspace, by) = (app.workspace(), account(&visit));
    match given("action") {
        "stop_all" => pause::pause(&workspace, None, by).await?,
        "resume_all" => pause::resume(&workspace, None, by).await?,
        _ => return Err(Failed::NotFound),
    };
    Ok(Redirect::to("/broadcasts"))
}

async fn shown(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = find(&workspace, &name)?;
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let approval = approval::status(&workspace, &name).await?;
    let is_paused = broadcasts::is_paused(&workspace, scenario).await?;
    let is_over = broadcasts::is_over(&workspace, scenario);
    let outcomes = broadcasts::became(&workspace, &[scenario]).await?;
    let became: &Became = outcomes.get(&name).ok_or(Failed::NotFound)?;
    let counted = match became.planned() > 0 || is_over {
        true => None,
        false => Some(trial(&workspace, scenario).await?),
    };
    let sent = sent_in_month(&workspace, scenario).await?;
    let cost = match &counted {
        Some(trial) => cost_of(workspace.shop(), trial, &sent)?,
        None => model::Money::ZERO,
    };
    let history = approval::history(&workspace, &name).await?;
    let segment = scenario.entry.segment.as_deref().unwrap_or_default();
    let send = scenario.sends().next();
    let one = One {
        csrf: visit.csrf(),
        name: &name,
        stage: broadcasts::stage(scenario, &approval, is_paused, became, is_over),
        is_enabled: scenario.enabled,
        is_over,
        is_paused,
        leaves_at: leaves_at(&workspace, scenario),
        segment,
        exclude: &scenario.entry.exclude,
        channels: send.map(|send| send.channels.clone()).unwrap_or_default(),
        template: send.map_or("", |send| send.template.as_str()),
        sql: segments::find(&workspace.library, segment).ok().map(|query| query.sql.as_str()),
        approval: &approval,
        may_approve: may_approve(&approval, &history, account(&visit)),
        history: &history,
        trial: counted.as_ref(),
        became,
        cost,
        months: months(&workspace, scenario, &sent),
        is_form: form_of(&workspace, scenario)?.is_some(),
    };
    let title = scenario.title.get(visit.locale.lang.name());
    Ok(app.page(&visit, title, one::draw(&visit.locale, &one)).await?.into_response())
}

/// Asks, approves, reserves, cancels, stops, resumes; or keeps those who have it already as a segment.
async fn act(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Redirect, Failed> {
    let given = own(&visit, &fields)?;
    let (workspace, by) = (app.workspace(), account(&visit));
    let scenario = find(&workspace, &name)?;
    let over = broadcasts::is_over(&workspace, scenario);
    let action = given("action");
    let done: Result<(), Fault> = match action {
        "ask" => approval::ask(&workspace, &name, by).await.map(|_| ()),
        "approve" => approval::approve(&workspace, &name, by).await.map(|_| ()),
        "withdraw" => approval::withdraw(&workspace, &name, by).await.map(|_| ()),
        "stop" => pause::pause(&workspace, Some(&name), by).await.map(|_| ()),
        "resume" => pause::resume(&workspace, Some(&name), by).await.map(|_| ()),
        "reserve" if over => return Err(past()),
        "reserve" | "cancel" => {
            let switched = match action {
                "reserve" => switch::switch_on(&workspace, &name, by).await,
                _ => switch::switch_off(&workspace, &name, by).await,
            };
            match switched {
                Ok(_) => app.reload().await,
                Err(NotSaved::Conflict { .. }) => return Err(changed()),
                Err(not_saved) => Err(not_saved.into()),
            }
        }
        "reached" => {
            keep_reached(&app, &workspace, scenario).await?;
            return Ok(Redirect::to(&format!("/segments/{}", reached_name(&name))));
        }
        _ => return Err(Failed::NotFound),
    };
    match done {
        Ok(()) => Ok(Redirect::to(&pages::href(&name))),
        Err(fault) if fault.exit == Exit::Data && action == "approve" => Err(Failed::bad_with(
            "このアカウントでは承認できません。依頼した人や最後に編集した人は承認できず、依頼の後に変更があれば承認は無効になります。",
            &fault.message,
            "別のアカウントでログインして承認するか、もう一度承認を依頼してください。",
            fault.remedy.as_deref().unwrap_or("Sign in as somebody else, or ask for approval again."),
        )),
        Err(fault) if fault.exit == Exit::Data && action == "reserve" => Err(Failed::bad_with(
            "承認がないため、予約できません。",
            &fault.message,
            "承認を依頼し、別のアカウントで承認してください。",
            fault.remedy.as_deref().unwrap_or("Ask for approval, and let a second account give it."),
        )),
        Err(fault) => Err(said(&fault)),
    }
}

/// The segment of those who have it already, under a name of its own; there it may be left out of what comes next.
async fn keep_reached(app: &App, workspace: &Workspace, scenario: &Scenario) -> Result<(), Failed> {
    let name = &scenario.scenario;
    let file = ShopFile::parse(&format!("queries/segments/{}.sql", reached_name(name)))?;
    let title = |lang: &str| scenario.title.get(lang).replace(['\n', '\r'], " ");
    let text = format!(
        "-- {}\n-- ja {}\n--\n-- Who was sent it, or may have been.\n-- ja 配信された人、または配信された可能性のある人です。\n--\n\
         -- column customer_id  text  ja:\"会員ID\"  en:\"Customer\"\n\
         SELECT DISTINCT customer_id\nFROM sends\nWHERE scenario = '{name}' AND state IN ('accepted', 'handed', 'ambiguous', 'parked')\n\
         ORDER BY customer_id\n",
        words::REACHED_TITLE.fill(crate::pages::Lang::En, &[&title("en")]),
        words::REACHED_TITLE.fill(crate::pages::Lang::Ja, &[&title("ja")]),
    );
    let theirs = file.read(&workspace.folder)?;
    if theirs.as_deref() == Some(text.as_str()) {
        return Ok(());
    }
    match shop_file::save(&workspace.folder, &file, theirs.as_deref().map(shop_file::hash).as_deref(), &text).await {
        Ok(_) => Ok(app.reload().await?),
        Err(NotSaved::Conflict { .. }) => Err(changed()),
        Err(not_saved) => Err(said(&not_saved.into())),
    }
}

fn reached_name(name: &str) -> String {
    format!("reached_{}", name.replace('-', "_"))
}

async fn open_new(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let form = Form { segment: visit.param("segment").unwrap_or_default().into(), ..Form::default() };
    drawn(&app, &visit, Editor { form, ..Editor::default() }).await
}

async fn save_new(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    saved(&app, &visit, &fields, None).await
}

async fn open(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, Path(name): Path<String>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = find(&workspace, &name)?;
    let form = form_of(&workspace, scenario)?.ok_or_else(|| {
        Failed::bad_with(
            "フォームで表せない内容があります。",
            "It says more than the form can show.",
            "scenarios/ のファイルを編集してください。",
            "Edit the file in scenarios/.",
        )
    })?;
    let hash_of = |file: ShopFile| -> Result<String, Fault> {
        Ok(file.read(&workspace.folder)?.as_deref().map(shop_file::hash).unwrap_or_default())
    };
    let editor = Editor {
        of: Some(name.clone()),
        started: hash_of(ShopFile::of_scenario(&name)?)?,
        started_message: hash_of(ShopFile::of_message(&form.own_message())?)?,
        form,
        ..Editor::default()
    };
    drawn(&app, &visit, editor).await
}

async fn save(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    saved(&app, &visit, &fields, Some(name)).await
}

/// Writes both files or none, never over a text that its writer has not seen. What is wrong is shown beside what was typed.
async fn saved(app: &App, visit: &Visit, fields: &[(String, String)], of: Option<String>) -> Result<Response, Failed> {
    let given = own(visit, fields)?;
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let mut form = read(fields);
    if let Some(name) = &of {
        // What the form does not show stays as it is.
        let known = form_of(&workspace, find(&workspace, name)?)?.ok_or(Failed::NotFound)?;
        (form.name, form.head, form.enabled) = (known.name, known.head, known.enabled);
    }
    let mut editor = Editor {
        of: of.clone(),
        form,
        started: given("started").into(),
        started_message: given("started_message").into(),
        ..Editor::default()
    };
    let form = &editor.form;
    let mut refuse = |word: words::Word, remedy: words::Word| {
        editor.problems.push((word.get(lang).into(), Some(remedy.get(lang).into())));
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !form.name.starts_with(|c: char| c.is_ascii_lowercase()) || !form.name.chars().all(is_plain) || form.name.len() > 64 {
        refuse(words::BROADCAST_NAME, words::BROADCAST_TAKEN_REMEDY);
    }
    let is_known = workspace.files.scenarios.iter().any(|known| known.scenario == form.name);
    if of.is_none() && (is_known || form.name == RESERVED_NAME) {
        refuse(words::BROADCAST_TAKEN, words::BROADCAST_TAKEN_REMEDY);
    }
    match Scenario::parse(&format!("scenarios/{}.toml", form.name), &form.scenario()) {
        Err(problems) => editor.problems.extend(problems.into_iter().map(|problem| (problem.message, problem.remedy))),
        Ok(scenario) if broadcasts::is_over(&workspace, &scenario) => {
            refuse(words::BROADCAST_PAST, words::BROADCAST_PAST_REMEDY);
        }
        Ok(_) => {}
    }
    if !editor.problems.is_empty() {
        return drawn(app, visit, editor).await;
    }
    let expected = |hash: &str| (!hash.is_empty()).then(|| hash.to_string());
    let form = &editor.form;
    let mut changes = Vec::new();
    if form.template.is_empty() {
        let file = ShopFile::of_message(&form.own_message())?;
        changes.push(Change { file, expected: expected(&editor.started_message), text: form.message() });
    }
    let file = ShopFile::of_scenario(&form.name)?;
    changes.push(Change { file, expected: expected(&editor.started), text: form.scenario() });
    match shop_file::save_all(&workspace.folder, &changes).await {
        Ok(()) => {
            let name = form.name.clone();
            app.reload().await?;
            approval::edited(&app.workspace(), &name, account(visit)).await?;
            Ok(Redirect::to(&pages::href(&name)).into_response())
        }
        Err(NotSaved::Conflict { file, theirs }) => {
            editor.conflict = Some((file.as_str().into(), theirs.unwrap_or_default()));
            drawn(app, visit, editor).await
        }
        Err(NotSaved::Problems(problems)) => {
            editor.problems = problems.into_iter().map(|problem| (problem.message, problem.remedy)).collect();
            drawn(app, visit, editor).await
        }
        Err(NotSaved::Fault(fault)) => Err(said(&fault)),
    }
}

async fn drawn(app: &App, visit: &Visit, mut editor: Editor) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    editor.csrf = visit.csrf().into();
    let answer = {
        let desk = dashboards::desk(app).await?;
        let _permit = app.asking.acquire().await.expect("nobody closes it");
        desk.ask("reports/segments_list", &Params::new()).await?
    };
    let rows = Rows::new(&answer);
    let sizes: BTreeMap<String, u64> = (0..answer.rows.len())
        .filter_map(|row| Some((rows.text(row, "segment")?, u64::try_from(rows.int(row, "members").ok()?).ok()?)))
        .collect();
    let choices = workspace.library.segments().map(|(name, query)| Choice {
        name: name.into(),
        title: segments::title(&workspace.library, query, lang.name()),
        members: sizes.get(name).copied(),
    });
    editor.segments = choices.collect();
    let own = editor.form.own_message();
    editor.templates = workspace.files.templates.keys().filter(|name| **name != own).cloned().collect();
    let title = match &editor.of {
        Some(name) => format!("{}: {name}", words::BROADCAST_EDIT.get(lang)),
        None => words::BROADCAST_NEW.get(lang).to_string(),
    };
    Ok(app.page(visit, &title, pages::form::draw(&visit.locale, &editor)).await?.into_response())
}

fn read(fields: &[(String, String)]) -> Form {
    let find = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let text = |name: &str| find(name).unwrap_or_default().trim().to_string();
    // A browser ends lines as a typewriter does.
    let whole = |name: &str| find(name).unwrap_or_default().replace("\r\n", "\n");
    Form {
        name: text("name"),
        title_ja: text("title_ja"),
        title_en: text("title_en"),
        segment: text("segment"),
        exclude: fields
            .iter()
            .filter(|(name, value)| name == "exclude" && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect(),
        sent_within_days: text("sent_within_days"),
        channels: [0, 1, 2].map(|place| text(&format!("channel_{place}"))),
        template: text("template"),
        words: CHANNELS
            .into_iter()
            .map(|channel| (channel, (text(&format!("subject_{channel}")), whole(&format!("body_{channel}")))))
            .collect(),
        day: text("day"),
        time: text("time").chars().take("10:00".len()).collect(),
        valid_for_hours: text("valid_for_hours"),
        priority: text("priority"),
        ignore_caps: find("ignore_caps").is_some(),
        on_cap: text("on_cap"),
        on_quiet: text("on_quiet"),
        test_list: text("test_list"),
        goal_days: text("goal_days"),
        ..Form::default()
    }
}

async fn count_csv(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Path(name): Path<String>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let scenario = find(&workspace, &name)?;
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let trial: Trial = trial(&workspace, scenario).await?;
    Ok(file(&format!("{name}-count"), &one::counted(visit.locale.lang, &trial)))
}

/// Those who have it already, after a stop as well.
async fn reached_csv(State(app): Shared, Path(name): Path<String>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    find(&workspace, &name)?;
    let desk = dashboards::desk(&app).await?;
    let _permit = app.asking.acquire().await.expect("nobody closes it");
    let params = Params::from([("scenario".to_string(), ParamValue::Text(name.clone()))]);
    let answer = desk.ask("reports/reached_by_scenario", &params).await?;
    Ok(file(&format!("{name}-reached"), &answer))
}

/// A CSV to be kept.
pub(super) fn file(name: &str, answer: &Answer) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, csv::csv(answer)).into_response()
}

fn find<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Scenario, Failed> {
    workspace.files.scenarios.iter().find(|known| known.scenario == name && known.is_broadcast()).ok_or(Failed::NotFound)
}

/// The form of a broadcast, as its files are in force.
fn form_of(workspace: &Workspace, scenario: &Scenario) -> Result<Option<Form>, Fault> {
    let text = ShopFile::of_scenario(&scenario.scenario)?.read(&workspace.folder)?.unwrap_or_default();
    let template = scenario.sends().next().and_then(|send| workspace.files.templates.get(&send.template));
    Ok(Form::of(scenario, &text, template))
}

/// What the month in which it goes out has sent so far.
async fn sent_in_month(workspace: &Workspace, scenario: &Scenario) -> Result<BTreeMap<Channel, u64>, Fault> {
    let zone = workspace.shop().timezone;
    let Some(at) = leaves_at(workspace, scenario) else { return Ok(BTreeMap::new()) };
    let month = decide::tick::month_of(zone, at);
    let span = (zone.start_of(month), zone.start_of(decide::tick::month_after(month)));
    let mut sent = BTreeMap::new();
    for one in workspace.state.ledger().sent_in(&[span]).await?.into_iter().filter(|one| one.state.counts_for_cap()) {
        *sent.entry(one.channel).or_default() += one.sends;
    }
    Ok(sent)
}

/// Of the channels it tries that are limited: what its month has sent, and what the month takes or includes.
fn months(workspace: &Workspace, scenario: &Scenario, sent: &BTreeMap<Channel, u64>) -> Vec<(Channel, u64, u64)> {
    let shop = workspace.shop();
    let channels = scenario.sends().flat_map(|send| send.channels.iter().copied());
    channels
        .filter_map(|channel| {
            let included = || shop.plans.get(channel.name()).map(|plan| plan.included);
            Some((channel, sent.get(&channel).copied().unwrap_or(0), shop.quota_of(channel).or_else(included)?))
        })
        .collect()
}

/// Neither who asked nor who edited last.
fn may_approve(approval: &Approval, history: &[Acted], account: &str) -> bool {
    let edited = history.iter().rev().find(|acted| acted.act == Act::Edited);
    matches!(approval, Approval::Asked { by, .. } if by != account) && edited.is_none_or(|acted| acted.by != account)
}

/// The fields of a form that was made for this session.
fn own<'a>(visit: &Visit, fields: &'a [(String, String)]) -> Result<impl Fn(&str) -> &'a str, Failed> {
    let given = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    if visit.is_own_form(given("csrf")) { Ok(given) } else { Err(Failed::Forbidden) }
}

fn account(visit: &Visit) -> &str {
    visit.session.as_ref().map_or("", |session| &session.account.name)
}

fn past() -> Failed {
    let (word, remedy) = (words::BROADCAST_PAST, words::BROADCAST_PAST_REMEDY);
    Failed::bad_with(word.ja, word.en, remedy.ja, remedy.en)
}

/// Somebody wrote the file since it was read.
fn changed() -> Failed {
    Failed::bad_with(
        "ファイルが変更されているため、何もしていません。",
        "The file has changed, so nothing was done.",
        "編集画面で内容を確かめてから、もう一度お試しください。",
        "Look at it on the page for editing, and try again.",
    )
}

/// What the reader can do something about is told; the rest is logged.
fn said(fault: &Fault) -> Failed {
    match fault.exit {
        Exit::Config | Exit::Data => Failed::bad_as_said(&fault.message, fault.remedy.as_deref()),
        _ => Failed::Internal { cause: fault.to_string().into() },
    }
}
