//! Bringing orders in by hand: a file is dropped, understood, shown, and only then imported. Between the two it waits in `data/uploads`,
//! readable by the server alone, for a day at most: what is older is removed when the server starts and, while it runs, at each upload.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Form, Router,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State, multipart::Field},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::NaiveDate;
use connect::{
    detect::{self, Guess},
    formats::{Rejection, Row},
    import::Importer,
    mapping::{ITEM_TARGETS, Kind, Mapping, plain},
};
use maud::Markup;
use model::{Email, Instant, Money, Phone, Problem, Shop, Text};
use query::{Mode, ParamValue, Params, Value};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::{App, Shared, errors::Failed, visit::Visit};
use crate::{
    fault::{Exit, Fault},
    jobs,
    pages::{
        self, Lang,
        import::{Counts, GuessedColumn, ImportPreview, ImportResult, ImportStart, Reject},
        words,
    },
    progress::Progress,
};

const UPLOAD_MB_MAX: u64 = 200;
/// The form around the file.
const FORM_BYTES: usize = 64 << 10;
const UPLOAD_KEPT: Duration = Duration::from_secs(24 * 3600);
/// The `source` of orders that come this way. It does not follow the file's name: the same order in next month's file must be the same.
const SOURCE: &str = "orders-csv";
const SHOWN_ROWS: usize = 8;
const SHOWN_REJECTS: usize = 50;

pub fn routes() -> Router<Arc<App>> {
    let upload = DefaultBodyLimit::max((UPLOAD_MB_MAX as usize) << 20 | FORM_BYTES);
    Router::new()
        .route("/import", get(start))
        .route("/import/preview", post(preview).layer(upload))
        .route("/import/run", post(run))
        .route("/import/rejects/{name}", get(rejects))
}

async fn start(State(app): Shared, Extension(visit): Extension<Arc<Visit>>) -> Result<Markup, Failed> {
    start_page(&app, &visit, None).await
}

async fn start_page(app: &App, visit: &Visit, problem: Option<(&str, Option<&str>)>) -> Result<Markup, Failed> {
    let body = pages::import::start(&visit.locale, &ImportStart { csrf: visit.csrf(), size_mb_max: UPLOAD_MB_MAX, problem });
    // A page that was posted to cannot be asked for again: the language switch leads to the first one.
    app.page(&at_start(visit), words::IMPORT_TITLE.get(visit.locale.lang), body).await
}

/// A file to look at, or the fields of a preview that somebody corrected.
async fn preview(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, request: Request) -> Result<Response, Failed> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (upload, choices) = if kind.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, &()).await.map_err(|_| Failed::bad("", ""))?;
        (received(&app, &visit, form).await?, None)
    } else {
        let form = Chosen::read(&visit, request).await?;
        (Upload::find(&app, &form.upload)?, Some(form.choices))
    };
    let shown = match examined(&app, &upload, choices).await? {
        Ok(shown) => shown,
        Err(problem) => {
            upload.remove();
            return Ok(start_page(&app, &visit, Some((&problem.0, problem.1.as_deref()))).await?.into_response());
        }
    };
    if let Some(kind) = shown.other_kind {
        upload.remove();
        let problem = other_kind(visit.locale.lang, kind);
        return Ok(start_page(&app, &visit, Some((&problem.0, problem.1.as_deref()))).await?.into_response());
    }
    let page =
        ImportPreview { csrf: visit.csrf().into(), upload: upload.id.clone(), file_name: upload.name.clone(), ..shown.page };
    let body = pages::import::preview(&visit.locale, &page);
    Ok(app.page(&at_start(&visit), words::PREVIEW_TITLE.get(visit.locale.lang), body).await?.into_response())
}

async fn run(State(app): Shared, Extension(visit): Extension<Arc<Visit>>, request: Request) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let lang = visit.locale.lang;
    let form = Chosen::read(&visit, request).await?;
    let upload = Upload::find(&app, &form.upload)?;
    let shown = match examined(&app, &upload, Some(form.choices)).await? {
        Ok(shown) if shown.page.missing.is_empty() && shown.other_kind.is_none() => shown,
        Ok(_) => {
            let (ja, en) = ("この対応では取り込めません。", "The file cannot be imported with this mapping.");
            return Err(Failed::bad_with(ja, en, "確認の画面をもう一度見てください。", "Look at the preview again."));
        }
        Err((message, remedy)) => return Err(Failed::bad_as_said(&message, remedy.as_deref())),
    };
    // A task of its own: a browser that goes away does not stop an import half-way.
    let job = {
        let (app, workspace, path) = (app.clone(), workspace.clone(), upload.path());
        tokio::spawn(async move {
            let _one_at_a_time = app.importing.lock().await;
            let before = orders_of(&app, &shown.source).await?;
            let report = jobs::import::import(&workspace, &path, "upload", &shown.mapping, &Progress::silent()).await?;
            let after = orders_of(&app, &shown.source).await?;
            Ok::<_, Fault>((report, after.saturating_sub(before), shown.page.counts))
        })
    };
    let done = job.await.map_err(|error| Fault::new(Exit::Failed, format!("the import stopped: {error}")))?;
    let (report, orders_new, counts) = match done {
        Ok(done) => done,
        Err(fault) if matches!(fault.exit, Exit::Config | Exit::Data) => {
            let message = std::iter::once(&fault.message).chain(&fault.causes).cloned().collect::<Vec<_>>().join(": ");
            return Ok(start_page(&app, &visit, Some((&message, fault.remedy.as_deref()))).await?.into_response());
        }
        Err(fault) => return Err(fault.into()),
    };
    upload.remove();
    let made = |name: &str| report.made.get(name).copied().unwrap_or(0);
    let rejects_name = report.rejects_file.as_ref().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let links = [
        ("rfm", words_of("RFM分析", "RFM")),
        ("cohorts", words_of("F2・LTV", "F2 and LTV")),
        ("overview", words_of("概況", "Overview")),
    ];
    let result = ImportResult {
        file_name: upload.name.clone(),
        orders_new,
        orders_known: made("orders").saturating_sub(orders_new),
        lines: made("order_lines"),
        customers: counts.customers,
        rejected: report.rejected,
        rejects: report
            .rejections
            .iter()
            .map(|(line, reason, remedy)| Reject { line: *line, reason: reason.clone(), remedy: Some(remedy.clone()) })
            .collect(),
        rejects_href: rejects_name.map(|name| format!("/import/rejects/{}", pages::percent_encode(&name))),
        links: links
            .into_iter()
            .filter(|(stem, _)| workspace.library.dashboards.contains_key(*stem))
            .map(|(stem, title)| (title, pages::import::dashboard_href(stem)))
            .collect(),
    };
    let body = pages::import::result(&visit.locale, &result);
    Ok(app.page(&at_start(&visit), words::RESULT_TITLE.get(lang), body).await?.into_response())
}

/// The list of what was not imported. It has places and reasons; the lines themselves are in the dead letter, encrypted.
async fn rejects(State(app): Shared, Path(name): Path<String>) -> Result<Response, Failed> {
    let workspace = app.workspace();
    let is_plain = name.ends_with(".rejects.csv") && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
    if !is_plain {
        return Err(Failed::NotFound);
    }
    let bytes = tokio::fs::read(workspace.path("rejects").join(&name)).await.map_err(|_| Failed::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"rejects.csv\""),
    ];
    Ok((headers, bytes).into_response())
}

/// How many orders there are of a source.
async fn orders_of(app: &App, source: &str) -> Result<u64, Fault> {
    let workspace = app.workspace();
    let desk = workspace.desk(workspace.now(), Mode::AsHappened).await?;
    let params: Params = [("source".into(), ParamValue::Text(source.into()))].into();
    match desk.ask("system/orders_of_source", &params).await?.get(0, "orders") {
        Some(Value::Int(count)) => Ok((*count).max(0) as u64),
        _ => Ok(0),
    }
}

fn at_start(visit: &Visit) -> Visit {
    Visit { path: "/import".into(), query: Vec::new(), ..visit.clone() }
}

/// The fields of a preview: which upload, and what each of its columns is to mean.
struct Chosen {
    upload: String,
    choices: BTreeMap<usize, String>,
}

impl Chosen {
    async fn read(visit: &Visit, request: Request) -> Result<Chosen, Failed> {
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, &()).await.map_err(|_| Failed::bad("", ""))?;
        let field =
            |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default();
        if !visit.is_own_form(field("csrf")) {
            return Err(Failed::Forbidden);
        }
        let choices =
            fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("map_")?.parse().ok()?, value.clone()))).collect();
        Ok(Chosen { upload: field("upload").into(), choices })
    }
}

/// A file that waits. Its folder has a random name, and nothing of what a browser said is part of a path but harmless characters.
struct Upload {
    id: String,
    folder: PathBuf,
    name: String,
}

impl Upload {
    fn new(app: &App, name: &str) -> Result<Upload, Failed> {
        let workspace = app.workspace();
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Fault::new(Exit::Failed, format!("could not name an upload: {error}")))?;
        let id = model::id::hex(&bytes);
        let folder = workspace.path("data/uploads").join(&id);
        std::fs::create_dir_all(&folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
        Ok(Upload { id, folder, name: safe_name(name) })
    }

    fn find(app: &App, id: &str) -> Result<Upload, Failed> {
        let workspace = app.workspace();
        let gone = || {
            let (ja, en) = (
                "このファイルは、もうありません（取込済みか、期限切れです）。",
                "This upload is gone: it was imported, or it expired.",
            );
            Failed::bad_with(ja, en, "もう一度ファイルを選んでください。", "Choose the file again.")
        };
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(gone());
        }
        let folder = workspace.path("data/uploads").join(id);
        let entry = std::fs::read_dir(&folder).map_err(|_| gone())?.filter_map(Result::ok).next().ok_or_else(gone)?;
        Ok(Upload { id: id.into(), folder, name: entry.file_name().to_string_lossy().into_owned() })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "an upload could not be removed");
        }
    }
}

/// Letters, digits, `.`, `-` and `_` of a name; it ends as one of the formats does.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).take(60).collect();
    let kept = kept.trim_start_matches('.');
    match kept {
        "" => "upload.csv".into(),
        kept if jobs::import::has_known_ending(kept) => kept.into(),
        kept => format!("{kept}.csv"),
    }
}

/// Takes the form apart. Its token comes first: without it no byte of the file is kept.
async fn received(app: &App, visit: &Visit, mut form: Multipart) -> Result<Upload, Failed> {
    let mut is_own = false;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("csrf") => is_own = visit.is_own_form(&field.text().await.map_err(unreadable)?),
            Some("file") if is_own => {
                remove_old(app);
                let upload = Upload::new(app, field.file_name().unwrap_or_default())?;
                return match written(&upload, field).await {
                    Ok(()) => Ok(upload),
                    Err(failed) => {
                        upload.remove();
                        Err(failed)
                    }
                };
            }
            Some("file") => return Err(Failed::Forbidden),
            _ => {}
        }
    }
    let (ja, en) = ("ファイルが選ばれていません。", "No file was chosen.");
    Err(if is_own { Failed::bad(ja, en) } else { Failed::Forbidden })
}

fn unreadable(_: axum::extract::multipart::MultipartError) -> Failed {
    Failed::bad_with(
        "ファイルを受け取れませんでした。",
        "The file could not be received.",
        &format!("{UPLOAD_MB_MAX} MBを超えるファイルは `tsubame import` で取り込んでください。"),
        &format!("A file of more than {UPLOAD_MB_MAX} MB can be imported with `tsubame import`."),
    )
}

async fn written(upload: &Upload, mut field: Field<'_>) -> Result<(), Failed> {
    let could_not = |source| Failed::from(Fault::io("could not keep an upload", source));
    let mut file =
        tokio::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(upload.path()).await.map_err(could_not)?;
    while let Some(bytes) = field.chunk().await.map_err(unreadable)? {
        file.write_all(&bytes).await.map_err(could_not)?;
    }
    file.flush().await.map_err(could_not)
}

/// Uploads that nobody imported hold addresses: they do not stay.
pub fn remove_old(app: &App) {
    let workspace = app.workspace();
    let Ok(entries) = std::fs::read_dir(workspace.path("data/uploads")) else { return };
    for entry in entries.filter_map(Result::ok) {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > UPLOAD_KEPT)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "an old upload could not be removed");
        }
    }
}

/// What a file seems to be, and what would come of it.
struct Examined {
    page: ImportPreview,
    mapping: String,
    source: String,
    /// It is surely no file of orders.
    other_kind: Option<Kind>,
}

type Problematic = (String, Option<String>);

/// Reads the whole file as an import would, and keeps nothing of it.
async fn examined(
    app: &App,
    upload: &Upload,
    choices: Option<BTreeMap<usize, String>>,
) -> Result<Result<Examined, Problematic>, Failed> {
    let workspace = app.workspace();
    let (path, shop, now) = (upload.path(), workspace.shop().clone(), workspace.now());
    let key = workspace.state.vault().id_key().clone();
    let job = tokio::task::spawn_blocking(move || examine(&path, choices, &shop, &key, now));
    Ok(job.await.map_err(|error| Fault::new(Exit::Failed, format!("the preview stopped: {error}")))?)
}

fn examine(
    path: &FilePath,
    choices: Option<BTreeMap<usize, String>>,
    shop: &Shop,
    key: &model::IdKey,
    now: Instant,
) -> Result<Examined, Problematic> {
    let jobs::import::Sample { format, layout, header, encoding, rows: sample, .. } =
        jobs::import::sample(path).map_err(|fault| problematic(fault, path))?;
    let guess = detect::guess(SOURCE, &layout, &header, &sample);
    let is_orders = guess.kind == Kind::Orders;
    let other_kind = (!is_orders && guess.missing.is_empty() && choices.is_none()).then_some(guess.kind);
    let guessed = Places::of(&guess, &header);
    let chosen = match choices {
        Some(choices) if guess.built_in.is_none() => choices,
        _ => guessed.by_column.iter().map(|(at, (field, _))| (*at, field.clone())).collect(),
    };
    let text = mapping_text(&guess, &guessed, &chosen, &header, shop);
    let taken: BTreeSet<&str> = chosen.values().map(String::as_str).collect();
    let missing: Vec<Text> =
        ["order_id", "ordered_at"].iter().filter(|field| !taken.contains(*field)).map(|field| field_words(field)).collect();
    let columns: Vec<GuessedColumn> = header
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let field = chosen.get(&at).filter(|field| !field.is_empty()).cloned();
            let confidence = match (&field, guessed.by_column.get(&at)) {
                (Some(field), Some((guessed, confidence))) if field == guessed => *confidence,
                // A person said so.
                (Some(_), _) => 1.0,
                (None, _) => 0.0,
            };
            let is_personal = is_personal(name, field.as_deref(), at, &sample);
            GuessedColumn { header: name.clone(), field, confidence, is_personal }
        })
        .collect();
    let shown_rows =
        sample.iter().take(SHOWN_ROWS).map(|row| row.cells.iter().map(|cell| cell.unwrap_or_default().to_string()).collect());
    let mut page = ImportPreview {
        encoding: encoding.name().to_uppercase(),
        delimiter: match (format, layout.separator) {
            ("csv" | "tsv", b'\t') => "TAB".into(),
            ("csv" | "tsv", separator) => char::from(separator).to_string(),
            (format, _) => format.into(),
        },
        columns,
        fields: if guess.built_in.is_some() { Vec::new() } else { fields() },
        rows: shown_rows.collect(),
        missing,
        ..ImportPreview::default()
    };
    let mut source = SOURCE.to_string();
    if page.missing.is_empty() {
        match tried(path, &text, shop, key, now) {
            Ok((name, counts, rejects)) => {
                source = name;
                (page.counts, page.rejects) = (counts, rejects);
            }
            Err(problems) => page.rejects = problems,
        }
    }
    Ok(Examined { page, mapping: text, source, other_kind })
}

/// What went wrong with a file, without the folder: a page does not say where the server keeps things.
fn problematic(fault: Fault, path: &FilePath) -> Problematic {
    let message = std::iter::once(&fault.message).chain(&fault.causes).cloned().collect::<Vec<_>>().join(": ");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (message.replace(&*path.to_string_lossy(), &name), fault.remedy)
}

/// Where a guess puts each field: `items.` before those of a line.
struct Places {
    /// By place in the header: field and confidence.
    by_column: BTreeMap<usize, (String, f64)>,
    /// The mapping's own entry of a field, and its places.
    entries: BTreeMap<String, (toml::Value, Vec<usize>)>,
    document: toml::Table,
}

impl Places {
    fn of(guess: &Guess, header: &[String]) -> Places {
        let document: toml::Table = guess.toml.parse().unwrap_or_default();
        let mut places = Places { by_column: BTreeMap::new(), entries: BTreeMap::new(), document };
        let orders: BTreeSet<&str> = Kind::Orders.targets().iter().map(|(target, _)| *target).collect();
        for (section, before) in [("columns", ""), ("items", "items.")] {
            let Some(toml::Value::Table(entries)) = places.document.get(section) else { continue };
            for (target, entry) in entries.clone() {
                // A guess at another kind may still have found a customer.
                if before.is_empty() && !orders.contains(target.as_str()) {
                    continue;
                }
                let nth = entry.get("nth").and_then(toml::Value::as_integer).unwrap_or(1).max(1) as usize;
                let from: Vec<&str> = match entry.get("from") {
                    Some(toml::Value::String(one)) => vec![one],
                    Some(toml::Value::Array(many)) => many.iter().filter_map(toml::Value::as_str).collect(),
                    _ => continue,
                };
                let field = format!("{before}{target}");
                let known = guess.columns.iter().find(|column| column.target == target && column.item != before.is_empty());
                let confidence = known.map_or(1.0, |column| column.confidence);
                let at: Vec<usize> = from.iter().filter_map(|name| place(header, name, nth)).collect();
                for column in &at {
                    places.by_column.entry(*column).or_insert((field.clone(), confidence));
                }
                places.entries.insert(field, (entry, at));
            }
        }
        places
    }
}

fn place(header: &[String], name: &str, nth: usize) -> Option<usize> {
    header.iter().enumerate().filter(|(_, known)| plain(known) == plain(name)).map(|(at, _)| at).nth(nth - 1)
}

/// The mapping file of what was chosen: entries that were guessed so keep their formats, the others are read as their type says.
fn mapping_text(guess: &Guess, guessed: &Places, chosen: &BTreeMap<usize, String>, header: &[String], shop: &Shop) -> String {
    if guess.built_in.is_some() {
        return guess.toml.clone();
    }
    let known: BTreeSet<String> = fields().into_iter().map(|(name, _)| name).collect();
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, field) in chosen.iter().filter(|(at, field)| **at < header.len() && known.contains(*field)) {
        places.entry(field).or_default().push(*at);
    }
    let text = |text: &str| toml::Value::String(text.into());
    let (mut columns, mut items) = (toml::Table::new(), toml::Table::new());
    for (field, at) in &places {
        let entry = match guessed.entries.get(*field) {
            Some((entry, guessed_at)) if guessed_at.iter().collect::<BTreeSet<_>>() == at.iter().collect::<BTreeSet<_>>() => {
                entry.clone()
            }
            _ => {
                let mut entry = toml::Table::new();
                let names: Vec<toml::Value> = at.iter().map(|at| text(&header[*at])).collect();
                if let [one] = at.as_slice() {
                    let nth = header[..=*one].iter().filter(|name| plain(name) == plain(&header[*one])).count();
                    entry.insert("nth".into(), toml::Value::Integer(nth as i64));
                    entry.insert("from".into(), names[0].clone());
                } else {
                    entry.insert("from".into(), toml::Value::Array(names));
                }
                if *field == "status" {
                    entry.insert("map".into(), toml::Value::Table([("*".to_string(), text("completed"))].into_iter().collect()));
                }
                toml::Value::Table(entry)
            }
        };
        match field.strip_prefix("items.") {
            Some(target) => items.insert(target.into(), entry),
            None => columns.insert((*field).into(), entry),
        };
    }
    let mut document = guessed.document.clone();
    let source = document.entry("source").or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(source) = source {
        source.insert("name".into(), text(SOURCE));
        source.insert("kind".into(), text(Kind::Orders.name()));
        source.insert("timezone".into(), text(shop.timezone.name()));
        source.insert("currency".into(), text(shop.currency.as_str()));
        source.remove("group_by");
        if let (false, Some([order, ..])) = (items.is_empty(), places.get("order_id").map(Vec::as_slice)) {
            source.insert("group_by".into(), toml::Value::Array(vec![text(&header[*order])]));
        }
    }
    document.insert("columns".into(), toml::Value::Table(columns));
    document.remove("items");
    if !items.is_empty() {
        document.insert("items".into(), toml::Value::Table(items));
    }
    document.to_string()
}

/// What an order's row says, as far as a preview adds it up.
#[derive(Deserialize)]
struct OrderRow {
    customer_id: Option<String>,
    status: String,
    net: Money,
    #[serde(with = "model::time::instant")]
    ordered_at: Instant,
}

/// Imports without keeping: the source's name, the counts, and the first rows that would be rejected.
fn tried(
    path: &FilePath,
    text: &str,
    shop: &Shop,
    key: &model::IdKey,
    now: Instant,
) -> Result<(String, Counts, Vec<Reject>), Vec<Reject>> {
    let of_problems = |problems: Vec<Problem>| -> Vec<Reject> {
        problems
            .into_iter()
            .map(|problem| Reject { line: problem.line as u64, reason: problem.message, remedy: problem.remedy })
            .collect()
    };
    let of_fault = |fault: Fault| {
        let (reason, remedy) = problematic(fault, path);
        vec![Reject { line: 0, reason, remedy }]
    };
    let mapping = Mapping::parse("mapping", text).map_err(of_problems)?;
    let opened = jobs::import::open(path, &jobs::import::layout_of(&mapping)).map_err(of_fault)?;
    let mut importer = Importer::new(&mapping, &opened.header, key, now).map_err(of_problems)?;
    let (mut counts, mut rejects, mut customers) = (Counts::default(), Vec::new(), BTreeSet::new());
    let mut add = |imported: connect::import::Imported| {
        counts.rows += imported.counts.rows;
        counts.orders += imported.counts.made.get("orders").copied().unwrap_or(0);
        counts.lines += imported.counts.made.get("order_lines").copied().unwrap_or(0);
        counts.unreadable += imported.rejections.len() as u64;
        rejects.extend(imported.rejections.into_iter().map(shown_reject).take(SHOWN_REJECTS.saturating_sub(rejects.len())));
        for row in imported
            .facts
            .iter()
            .filter(|fact| fact.table == "orders")
            .filter_map(|fact| serde_json::from_str::<OrderRow>(&fact.row).ok())
        {
            customers.extend(row.customer_id.map(|id| model::id_bytes(&id)));
            let day = shop.timezone.day(row.ordered_at);
            counts.first_day = Some(counts.first_day.map_or(day, |known: NaiveDate| known.min(day)));
            counts.last_day = Some(counts.last_day.map_or(day, |known: NaiveDate| known.max(day)));
            if row.status == "completed" {
                counts.net = counts.net.unwrap_or(Money::ZERO).plus(row.net).ok();
            }
        }
    };
    for parsed in opened.rows {
        importer.push(parsed.map_err(of_fault)?);
        if importer.ready() >= 10_000 {
            add(importer.take());
        }
    }
    add(importer.finish());
    counts.customers = customers.len() as u64;
    Ok((mapping.name, counts, rejects))
}

fn shown_reject(rejection: Rejection) -> Reject {
    let reason = match rejection.column {
        Some(column) => format!("{column}: {}", rejection.reason),
        None => rejection.reason,
    };
    Reject { line: rejection.line, reason, remedy: Some(rejection.remedy) }
}

/// Whether a column's cells are hidden: by what it means, by its name, or because they look like addresses. What it is mapped to takes
/// none of these back, but that orders and products have names too.
fn is_personal(name: &str, field: Option<&str>, at: usize, sample: &[Row]) -> bool {
    const NAMES: [&str; 18] = [
        "名前",
        "氏名",
        "姓",
        "カナ",
        "住所",
        "番地",
        "建物",
        "郵便",
        "電話",
        "tel",
        "fax",
        "メール",
        "mail",
        "phone",
        "address",
        "zip",
        "postal",
        "birth",
    ];
    let is_meant = matches!(field, Some("email" | "phone" | "name" | "line_id"));
    let is_of_thing = field.is_some_and(|field| field == "order_id" || field.starts_with("items."));
    let plain_name = plain(name);
    let cells = || sample.iter().filter_map(|row| row.cells.get(at)).filter(|cell| !cell.trim().is_empty()).take(50);
    let looks_personal = cells().any(|cell| Email::parse(cell).is_ok())
        || (cells().next().is_some() && cells().all(|cell| Phone::parse(cell).is_ok()));
    let is_named = NAMES.iter().any(|part| plain_name.contains(part)) || (plain_name.ends_with("name") && !is_of_thing);
    is_meant || is_named || looks_personal
}

/// What a column may mean.
fn fields() -> Vec<(String, Text)> {
    let of_order = Kind::Orders.targets().iter().map(|(target, _)| target.to_string());
    let of_line = ITEM_TARGETS.iter().map(|(target, _)| format!("items.{target}"));
    of_order.chain(of_line).map(|name| (name.clone(), field_words(&name))).collect()
}

fn field_words(name: &str) -> Text {
    let (ja, en) = match name {
        "order_id" => ("注文番号", "Order number"),
        "customer_id" => ("会員ID", "Customer id"),
        "email" => ("メールアドレス", "E-mail address"),
        "phone" => ("電話番号", "Phone number"),
        "line_id" => ("LINE ユーザーID", "LINE user id"),
        "name" => ("氏名", "Name"),
        "ordered_at" => ("注文日時", "Ordered at"),
        "updated_at" => ("更新日時", "Updated at"),
        "status" => ("対応状況", "Status"),
        "subtotal" => ("商品小計（値引前）", "Subtotal before discount"),
        "subtotal_discounted" => ("商品小計（値引後）", "Subtotal after discount"),
        "discount" => ("値引き", "Discount"),
        "points_used" => ("利用ポイント", "Points used"),
        "shipping" => ("送料", "Shipping"),
        "fee" => ("手数料", "Fees"),
        "shipped_on" => ("発送日", "Shipped on"),
        "tax" => ("税", "Tax"),
        "total" => ("支払合計", "Total paid"),
        "refunded" => ("返金額", "Refunded"),
        "currency" => ("通貨", "Currency"),
        "coupon" => ("クーポン", "Coupon"),
        "sales_channel" => ("販売経路", "Sales channel"),
        "subscription_id" => ("定期契約番号", "Subscription"),
        "subscription_count" => ("定期回数", "Subscription shipment no."),
        "send_id" => ("配信ID", "Send id"),
        "items.sku" => ("明細: 商品コード", "Line: SKU"),
        "items.product_id" => ("明細: 商品ID", "Line: product id"),
        "items.name" => ("明細: 商品名", "Line: product name"),
        "items.category" => ("明細: カテゴリ", "Line: category"),
        "items.price" => ("明細: 単価", "Line: unit price"),
        "items.quantity" => ("明細: 数量", "Line: quantity"),
        "items.amount" => ("明細: 金額", "Line: amount"),
        "items.discount" => ("明細: 値引き", "Line: discount"),
        "items.tax_rate" => ("明細: 税率", "Line: tax rate"),
        other => (other, other),
    };
    words_of(ja, en)
}

fn words_of(ja: &str, en: &str) -> Text {
    Text::new(ja, en)
}

fn other_kind(lang: Lang, kind: Kind) -> Problematic {
    let Text { ja, en } = kind.title();
    match lang {
        Lang::Ja => (
            format!("注文ではなく、{ja}のファイルのようです。この画面で取り込めるのは注文だけです。"),
            Some("`tsubame import detect ファイル名` で対応表を作り、`tsubame import` で取り込んでください。".into()),
        ),
        Lang::En => (
            format!("This looks like a file of {en}; only orders can be imported here."),
            Some("Make a mapping with `tsubame import detect FILE`, then use `tsubame import`.".into()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use connect::formats::Cells;

    use super::*;

    #[test]
    fn names_of_files_become_harmless() {
        let check = |name: &str, expect: &str| assert_eq!(safe_name(name), expect, "{name}");
        check("orders.csv", "orders.csv");
        check("../../etc/passwd", "passwd.csv");
        check("C:\\orders\\受注 6月.CSV", "受注_6月.CSV");
        check("..", "upload.csv");
        check("", "upload.csv");
        check("a\0b\n.csv", "a_b_.csv");
        check("orders.csv.gz", "orders.csv.gz");
        check("orders.xlsx", "orders.xlsx");
        check("orders.parquet", "orders.parquet");
        check("orders.gz", "orders.gz.csv");
    }

    #[test]
    fn addresses_are_hidden_whatever_their_column_is_mapped_to() {
        let check = |name: &str, field: Option<&str>, cells: &[&str], expect: bool| {
            let row = |cell: &&str| Row { line: 1, cells: Cells::from_iter([Some(cell)]), raw: Vec::new() };
            let sample: Vec<Row> = cells.iter().map(row).collect();
            assert_eq!(is_personal(name, field, 0, &sample), expect, "{name} as {field:?}: {cells:?}");
        };
        check("会員", Some("customer_id"), &["c1", "taro@example.jp"], true);
        check("会員", Some("customer_id"), &["090-1234-5678"], true);
        check("会員", Some("customer_id"), &["c1", "c2"], false);
        check("メールアドレス", Some("customer_id"), &["c1"], true);
        check("連絡先", Some("email"), &[], true);
        check("備考", None, &["taro@example.jp"], true);
        check("Customer name", Some("customer_id"), &["c1"], true);
        check("Lineitem name", Some("items.name"), &["Green tea"], false);
        check("注文日時", Some("ordered_at"), &["2026-06-01 10:00:00"], false);
        check("合計", Some("total"), &["1200", "800"], false);
    }

    #[test]
    fn a_corrected_mapping_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("orders.csv");
        std::fs::write(&path, "番号,日,客,合計\nA-1,2026-06-01 10:00,c1,1200\nA-2,2026-06-02 11:00,c2,800\nA-3,きのう,c2,1\n")
            .unwrap();
        let check = |chosen: &[&str], expect: (usize, u64, u64)| {
            let choices = chosen.iter().enumerate().map(|(at, field)| (at, field.to_string())).collect();
            let now = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
            let found = examine(&path, Some(choices), &Shop::default(), &model::IdKey::new(b"k"), now).unwrap();
            let counts = &found.page.counts;
            assert_eq!(
                (found.page.missing.len(), counts.orders, counts.unreadable),
                expect,
                "{chosen:?}: {}\n{:?}",
                found.mapping,
                found.page.rejects
            );
        };
        check(&["", "", "", ""], (2, 0, 0));
        check(&["order_id", "ordered_at", "customer_id", "total"], (0, 2, 1));
        check(&["order_id", "ordered_at", "customer_id", "items.amount"], (0, 2, 1));
    }
}
