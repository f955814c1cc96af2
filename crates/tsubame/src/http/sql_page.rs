//! The SQL page: a form that asks the door, shows what came of it, and saves what is worth keeping into the shop's own `queries/`.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Form, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use model::Text;
use query::{
    Mode, Param,
    sql::{Bound, SqlError, SqlErrorKind, answer_of, checked_file, file_text, has_undeclared, params_of},
};

use super::{
    App, Shared,
    errors::Failed,
    sql::{api, encode::Format},
    visit::Visit,
};
use crate::{
    cli,
    pages::{
        sql::{self, Asked, FOLDERS, Outcome, Saved, SqlPage},
        table::ROWS_MAX,
        words,
    },
    shop_file::{self, ShopFile},
    sql::Question,
};

/// A page is answered, or says that it took too long, before its request is given up.
const PAGE_TIME: Duration = Duration::from_secs(45);

type Fields = Vec<(String, String)>;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/sql", get(page).post(ask)).route("/sql/download", post(download)).route("/sql/save", post(save))
}

async fn page(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failed> {
    let asked = Asked { sql: visit.param("sql").unwrap_or_default().into(), ..Asked::default() };
    shown(&app, &visit, StatusCode::OK, asked, None, None).await
}

async fn ask(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failed> {
    let asked = read(&visit, fields)?;
    let begun = std::time::Instant::now();
    let outcome = match rows(&app, &visit, &asked).await {
        Ok((answer, cut)) => Outcome::Rows { answer: Box::new(answer), ms: begun.elapsed().as_millis() as u64, cut },
        Err(error) => Outcome::Failed(error),
    };
    shown(&app, &visit, StatusCode::OK, asked, Some(outcome), None).await
}

async fn download(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failed> {
    let asked = read(&visit, fields)?;
    let format = visit.param("format").and_then(Format::parse).unwrap_or(Format::Spreadsheet);
    let answered = async {
        let running = app.sql.ask(question(&app, &visit, &asked).await?).await?;
        // A browser shows nothing of a file that breaks off: what is wrong at once is said on the page.
        api::answer(&visit, running, format, false, PAGE_TIME).await
    };
    match answered.await {
        Ok(mut response) => {
            let name = format!("attachment; filename=\"sql.{}\"", format.extension());
            let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
            Ok(response)
        }
        Err(error) => shown(&app, &visit, StatusCode::BAD_REQUEST, asked, Some(Outcome::Failed(error)), None).await,
    }
}

async fn save(
    State(app): Shared,
    Extension(visit): Extension<Arc<Visit>>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failed> {
    let asked = read(&visit, fields)?;
    let (status, outcome, saved) = match saved(&app, &visit, &asked).await {
        Ok(file) => {
            tracing::info!(file, account = who(&visit), "SQL saved");
            (StatusCode::OK, None, Some(Saved::As { file }))
        }
        Err(NotSaved::Sql(error)) => (StatusCode::BAD_REQUEST, Some(Outcome::Failed(error)), None),
        Err(NotSaved::Because(message, remedy)) => {
            let lang = visit.locale.lang.name();
            let remedy = remedy.map(|remedy| remedy.get(lang).to_string());
            (StatusCode::CONFLICT, None, Some(Saved::Refused { message: message.get(lang).into(), remedy }))
        }
    };
    shown(&app, &visit, status, asked, outcome, saved).await
}

async fn shown(
    app: &App,
    visit: &Visit,
    status: StatusCode,
    mut asked: Asked,
    outcome: Option<Outcome>,
    saved: Option<Saved>,
) -> Result<Response, Failed> {
    let workspace = app.workspace();
    asked.params = params_of(&asked.sql, &asked.params, None)
        .into_iter()
        .map(|(param, raw)| match (raw.is_empty(), &param.default) {
            (true, Some(default)) => (param.name, default.plain()),
            _ => (param.name, raw),
        })
        .collect();
    let relations = workspace.library.relations();
    let page = SqlPage { csrf: visit.csrf(), relations: &relations, asked, outcome, saved };
    let body = sql::draw(&visit.locale, &page);
    let visit = Visit { path: "/sql".into(), ..visit.clone() };
    Ok((status, app.page(&visit, words::SQL_PAGE.get(visit.locale.lang), body).await?).into_response())
}

fn read(visit: &Visit, fields: Fields) -> Result<Asked, Failed> {
    let mut asked = Asked::default();
    let mut csrf = String::new();
    for (name, value) in fields {
        match name.as_str() {
            "csrf" => csrf = value,
            // A browser sends CRLF.
            "sql" => asked.sql = value.replace("\r\n", "\n"),
            "as_of" => asked.as_of = value.trim().into(),
            "mode" => asked.as_happened = value == "as_happened",
            "chart" => asked.chart = value,
            "x" => asked.x = value,
            "value" => asked.value = value,
            "folder" => asked.folder = value,
            "name" => asked.name = value.trim().into(),
            "title" => asked.title = value.trim().into(),
            _ => match name.strip_prefix("p.") {
                Some(param) => asked.params.push((param.into(), value)),
                None => return Err(Failed::bad("知らない項目があります。", "The form has a field that is not ours.")),
            },
        }
    }
    if visit.is_own_form(&csrf) { Ok(asked) } else { Err(Failed::Forbidden) }
}

fn who(visit: &Visit) -> &str {
    visit.session.as_ref().map_or("", |session| &session.account.name)
}

async fn question(app: &App, visit: &Visit, asked: &Asked) -> Result<Question, SqlError> {
    let params = bound(params(app, visit, asked).await?)?;
    Ok(Question { params, ..unbound(app, visit, asked)? })
}

fn unbound(app: &App, visit: &Visit, asked: &Asked) -> Result<Question, SqlError> {
    let workspace = app.workspace();
    let as_of = match asked.as_of.as_str() {
        "" => None,
        text => Some(cli::instant(&workspace, text).map_err(|_| {
            SqlError::new(SqlErrorKind::Parameter, format!("時点 `{text}` を読めません"), format!("`{text}` is not a time"))
                .with_remedy(
                    "2026-06-01 か 2026-06-01T09:00:00+09:00 のように書きます",
                    "write 2026-06-01 or 2026-06-01T09:00:00+09:00",
                )
        })?),
    };
    Ok(Question {
        as_of,
        mode: if asked.as_happened { Mode::AsHappened } else { Mode::AsKnown },
        time: Some(PAGE_TIME),
        ..Question::new(who(visit), asked.sql.as_str())
    })
}

/// The parameters with what was typed for each. Of those that no header declares the SQL is asked what their places take.
async fn params(app: &App, visit: &Visit, asked: &Asked) -> Result<Vec<(Param, String)>, SqlError> {
    if !has_undeclared(&asked.sql) {
        return Ok(params_of(&asked.sql, &asked.params, None));
    }
    // What is wrong with it is said when it is asked.
    let described = app.sql.describe(unbound(app, visit, asked)?).await.ok();
    Ok(params_of(&asked.sql, &asked.params, described.as_ref().map(|described| &described.params)))
}

/// What was typed for each parameter; its default where nothing was.
fn bound(params: Vec<(Param, String)>) -> Result<Vec<Bound>, SqlError> {
    let mut bound = Vec::new();
    for (param, raw) in params {
        let value = match raw.is_empty() {
            true => param.default.clone(),
            false => Some(param.kind.read(&raw).ok_or_else(|| {
                SqlError::new(
                    SqlErrorKind::Parameter,
                    format!("`${}` の `{raw}` は {} ではありません", param.name, param.kind.name()),
                    format!("`{raw}` of `${}` is not of type {}", param.name, param.kind.name()),
                )
            })?),
        };
        bound.extend(value.map(|value| Bound::new(param.name, value)));
    }
    Ok(bound)
}

async fn rows(app: &App, visit: &Visit, asked: &Asked) -> Result<(query::Answer, bool), SqlError> {
    let question = Question { rows: Some(ROWS_MAX), ..question(app, visit, asked).await? };
    let mut running = app.sql.ask(question).await?;
    let (mut batches, mut cut) = (Vec::new(), false);
    while let Some(batch) = running.batches.next().await {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) if error.kind == SqlErrorKind::Rows => cut = true,
            Err(error) => return Err(error),
        }
    }
    Ok((answer_of(&running.schema, &batches)?, cut))
}

enum NotSaved {
    Sql(SqlError),
    Because(Text, Option<Text>),
}

impl From<SqlError> for NotSaved {
    fn from(error: SqlError) -> NotSaved {
        NotSaved::Sql(error)
    }
}

/// Writes a new file of the shop's library, checked as every file is. What is there stays.
async fn saved(app: &App, visit: &Visit, asked: &Asked) -> Result<String, NotSaved> {
    let workspace = app.workspace();
    let because = |ja: &str, en: &str, remedy: Option<(&str, &str)>| {
        NotSaved::Because(Text::new(ja, en), remedy.map(|(ja, en)| Text::new(ja, en)))
    };
    let folder = FOLDERS.into_iter().find(|folder| *folder == asked.folder).unwrap_or(FOLDERS[0]);
    let is_name = asked.name.len() <= 63
        && asked.name.starts_with(|c: char| c.is_ascii_lowercase())
        && asked.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name {
        let remedy = ("英小文字で始まる、英小文字・数字・_ の名前を付けてください", "begin with a-z; use a-z, 0-9 and _");
        return Err(because("この名前では保存できません", "it cannot be saved under this name", Some(remedy)));
    }
    let name = format!("{folder}/{}", asked.name);
    let taken = || {
        let remedy = ("別の名前を付けてください。既にあるものは上書きしません", "choose another name: nothing is overwritten");
        because(&format!("{name} は既にあります"), &format!("{name} is there already"), Some(remedy))
    };
    if workspace.library.queries.contains_key(&name) {
        return Err(taken());
    }
    let params = params(app, visit, asked).await?;
    let typed = bound(params.clone())?;
    let described = app.sql.describe(Question { params: typed, ..unbound(app, visit, asked)? }).await?;
    let title = if asked.title.is_empty() { asked.name.replace('_', " ") } else { asked.title.clone() };
    let params: Vec<Param> = params.into_iter().map(|(param, _)| param).collect();
    let text = file_text(&title, &asked.sql, &params, &described.schema).map_err(|problem| of_problems(&[problem]))?;
    let zone = workspace.shop().timezone;
    checked_file(&workspace.library, zone, &name, &text).await.map_err(|problems| of_problems(&problems))?;
    let file = format!("queries/{name}.sql");
    let saved = async { shop_file::save(&workspace.folder, &ShopFile::parse(&file)?, None, &text).await };
    match saved.await {
        Ok(_) => {}
        Err(shop_file::NotSaved::Conflict { .. }) => return Err(taken()),
        Err(shop_file::NotSaved::Problems(problems)) => return Err(of_problems(&problems)),
        Err(shop_file::NotSaved::Fault(fault)) => {
            tracing::error!(file, %fault, "SQL could not be saved");
            return Err(because(&format!("{file} を書けませんでした"), &format!("{file} could not be written"), None));
        }
    }
    if let Err(fault) = app.reload().await {
        tracing::error!(%fault, "the shop's files could not be read again");
    }
    Ok(file)
}

fn of_problems(problems: &[model::Problem]) -> NotSaved {
    let messages: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
    let remedy = problems.iter().find_map(|problem| problem.remedy.clone());
    let message = messages.join("; ");
    NotSaved::Because(Text::new(&message, &message), remedy.map(|remedy| Text::new(&remedy, &remedy)))
}
