//! The door of analysts' own SQL: HTTP and the Postgres wire ask here. A question is handed to a worker, a process of its own that is killed
//! when its time is up, when nobody wants the answer any more, or when it takes what it may not have; the server only passes rows on.

mod process;
pub mod worker;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use futures::Stream;
use model::{Instant, Sql};
use query::{
    Limits, Mode,
    sql::{
        Bound, OwnSql, SqlError, SqlErrorKind,
        worker::{Assignment, Ended},
    },
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use crate::{
    clock::Clock,
    workspace::{Current, Workspace},
};
use process::{Idle, Job, Said};

/// How long a question waits for a worker before its asker is told to come back.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// When to come back.
const AGAIN_SECONDS: u64 = 5;
/// Of one account at once: nobody takes all workers for long.
const OF_ACCOUNT_MAX: usize = 4;
/// Batches that wait for a slow reader.
const BATCHES_AHEAD: usize = 4;
/// Describing only plans.
const DESCRIBE_TIME: Duration = Duration::from_secs(15);

/// A question in SQL, and who asks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub sql: String,
    pub params: Vec<Bound>,
    /// `None` is now.
    pub as_of: Option<Instant>,
    pub mode: Mode,
    pub who: String,
    /// Personal columns as they are: it needs a grant, and is written down.
    pub personal: bool,
    /// Less than the shop's limits; never more.
    pub rows: Option<usize>,
    pub time: Option<Duration>,
}

impl Question {
    pub fn new(who: impl Into<String>, sql: impl Into<String>) -> Question {
        Question {
            sql: sql.into(),
            params: Vec::new(),
            as_of: None,
            mode: Mode::AsKnown,
            who: who.into(),
            personal: false,
            rows: None,
            time: None,
        }
    }
}

/// By which a question that runs is named, to cancel it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(String);

impl QueryId {
    pub fn parse(text: &str) -> Option<QueryId> {
        let is_ours = text.len() == 17 && text.starts_with('q') && text[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
        is_ours.then(|| QueryId(text.into()))
    }

    fn draw() -> Result<QueryId, SqlError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| SqlError::internal(format!("could not draw an id: {error}")))?;
        Ok(QueryId(format!("q{}", model::id::hex(&bytes))))
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A question that is being answered. Dropping it kills the worker.
pub struct Running {
    pub id: QueryId,
    pub schema: SchemaRef,
    pub batches: Batches,
}

/// The rows as they come. After an error there are no more; a limit that was met is an error after the rows up to it.
pub struct Batches {
    said: mpsc::Receiver<Said>,
    ended: Option<Ended>,
    rows: usize,
    over: bool,
    who: String,
    begun: std::time::Instant,
    id: QueryId,
    job: Arc<Job>,
    _place: Held,
}

impl Batches {
    /// How it ended, once the rows are through.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }
}

impl Stream for Batches {
    type Item = Result<RecordBatch, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        loop {
            let Poll::Ready(said) = self.said.poll_recv(context) else { return Poll::Pending };
            let error = match said {
                Some(Said::Batch(batch)) => {
                    self.rows += batch.num_rows();
                    return Poll::Ready(Some(Ok(batch)));
                }
                Some(Said::Ended(ended)) => {
                    self.ended = Some(ended);
                    None
                }
                Some(Said::Error(error)) => Some(error),
                Some(Said::Schema(_) | Said::Described(_)) => continue,
                None => Some(self.job.unsaid().unwrap_or_else(|| SqlError::internal("the worker ended without a word"))),
            };
            self.over = true;
            let outcome = error.as_ref().map_or("answered", |error| error.kind.code());
            let ms = self.begun.elapsed().as_millis() as u64;
            tracing::info!(query = %self.id, account = self.who, rows = self.rows, ms, outcome, "SQL");
            return Poll::Ready(error.map(Err));
        }
    }
}

/// What a question would answer: its columns, and each parameter with its type where that follows from the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    pub schema: SchemaRef,
    /// Of type `Null` where it does not follow.
    pub params: SchemaRef,
}

pub struct SqlDoor {
    current: Current,
    program: PathBuf,
    /// For what computes for milliseconds: those that answer are few.
    apart: Handle,
    /// One worker waits for the next question.
    idle: Arc<Mutex<Option<Idle>>>,
    slots: Arc<Semaphore>,
    running: Arc<Mutex<BTreeMap<QueryId, Asked>>>,
}

struct Asked {
    who: String,
    job: Option<Arc<Job>>,
}

/// A question's place among those that wait or run.
struct Place {
    id: QueryId,
    running: Arc<Mutex<BTreeMap<QueryId, Asked>>>,
    /// Once it runs.
    _slot: Option<OwnedSemaphorePermit>,
}

/// A place that its asker and its worker hold: it is free when the first of them is done.
#[derive(Clone)]
struct Held(Arc<Mutex<Option<Place>>>);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.lock().expect("nobody panics while holding it").take());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.lock().expect("nobody panics while holding it").remove(&self.id);
    }
}

impl SqlDoor {
    /// Workers are this program again. They are started, and questions handed over, on threads of the runtime `apart`.
    pub fn open(shop: impl Into<Current>, apart: Handle) -> SqlDoor {
        let current = shop.into();
        let workspace = current.workspace();
        process::clear_spill(&workspace);
        let slots = Arc::new(Semaphore::new(workspace.shop().sql.at_once as usize));
        SqlDoor { current, program: program(), apart, idle: Arc::default(), slots, running: Arc::default() }
    }

    /// Starts to answer: returns when the columns are known, or why there is no answer.
    pub async fn ask(&self, question: Question) -> Result<Running, SqlError> {
        let begun = std::time::Instant::now();
        let id = QueryId::draw()?;
        let (who, time) = (question.who.clone(), self.time(question.time));
        let refused = |error: SqlError| {
            let ms = begun.elapsed().as_millis() as u64;
            tracing::info!(query = %id, account = who, ms, outcome = error.kind.code(), "SQL");
            error
        };
        // What its words forbid needs no worker.
        query::sql::look_over(&question.sql).map_err(refused)?;
        let place = self.place(&id, &question.who).await?;
        let (job, mut said) = self.begin(question, None, time, &id, &place).await.map_err(refused)?;
        match said.recv().await {
            Some(Said::Schema(schema)) => {
                let batches = Batches { said, ended: None, rows: 0, over: false, who, begun, id: id.clone(), job, _place: place };
                Ok(Running { id, schema, batches })
            }
            Some(Said::Error(error)) => Err(refused(error)),
            _ => Err(refused(SqlError::internal("the worker ended without a word"))),
        }
    }

    /// Plans without running; `params` of the question are those whose type is known.
    pub async fn describe(&self, question: Question) -> Result<Description, SqlError> {
        let id = QueryId::draw()?;
        let place = self.place(&id, &question.who).await?;
        let declared = question.params.clone();
        let (_job, mut said) = self.begin(question, Some(declared), DESCRIBE_TIME, &id, &place).await?;
        let mut schema = None;
        loop {
            match said.recv().await {
                Some(Said::Schema(found)) => schema = Some(found),
                Some(Said::Described(params)) => {
                    let schema = schema.ok_or_else(|| SqlError::internal("the worker described no columns"))?;
                    return Ok(Description { schema, params });
                }
                Some(Said::Error(error)) => return Err(error),
                Some(Said::Batch(_) | Said::Ended(_)) | None => {
                    return Err(SqlError::internal("the worker described nothing"));
                }
            }
        }
    }

    /// Ends a question that runs; whether there was one.
    pub fn cancel(&self, id: &QueryId) -> bool {
        let running = self.running.lock().expect("nobody panics while holding it");
        let Some(asked) = running.get(id) else { return false };
        if let Some(job) = &asked.job {
            job.cancel();
        }
        true
    }

    /// Whose question it is that runs under this id.
    pub fn asker(&self, id: &QueryId) -> Option<String> {
        self.running.lock().expect("nobody panics while holding it").get(id).map(|asked| asked.who.clone())
    }

    fn settings(&self) -> Sql {
        self.current.workspace().shop().sql.clone()
    }

    fn time(&self, asked: Option<Duration>) -> Duration {
        let most = Duration::from_secs(self.settings().seconds);
        asked.map_or(most, |asked| asked.min(most))
    }

    /// Waits for a worker's slot. One account has so many questions at once, and no more wait.
    async fn place(&self, id: &QueryId, who: &str) -> Result<Held, SqlError> {
        let busy = || {
            SqlError::new(
                SqlErrorKind::Busy { seconds: AGAIN_SECONDS },
                "同時に実行できる数を超えました",
                "too many questions are being answered",
            )
            .with_remedy(format!("{AGAIN_SECONDS} 秒後にもう一度"), format!("ask again in {AGAIN_SECONDS} s"))
        };
        {
            let mut running = self.running.lock().expect("nobody panics while holding it");
            if running.values().filter(|asked| asked.who == who).count() >= OF_ACCOUNT_MAX {
                return Err(busy());
            }
            running.insert(id.clone(), Asked { who: who.into(), job: None });
        }
        // Before it waits: whoever gives up meanwhile leaves no place taken.
        let mut place = Place { id: id.clone(), running: self.running.clone(), _slot: None };
        let slot = tokio::time::timeout(WAIT_MAX, self.slots.clone().acquire_owned()).await;
        place._slot = Some(slot.map_err(|_| busy())?.map_err(|_| busy())?);
        Ok(Held(Arc::new(Mutex::new(Some(place)))))
    }

    async fn begin(
        &self,
        question: Question,
        describe: Option<Vec<Bound>>,
        time: Duration,
        id: &QueryId,
        place: &Held,
    ) -> Result<(Arc<Job>, mpsc::Receiver<Said>), SqlError> {
        let workspace = self.current.workspace();
        // Rows that have not landed are decoded for it.
        let (of, handle) = (workspace.clone(), Handle::current());
        let made = move || handle.block_on(assignment(&of, question, describe, time));
        let assignment = self.run_apart(made).await??;
        let idle = self.idle.lock().expect("nobody panics while holding it").take();
        let worker = match idle {
            Some(worker) => worker,
            None => {
                let (program, workspace) = (self.program.clone(), workspace.clone());
                self.run_apart(move || Idle::start(&program, &workspace)).await??
            }
        };
        let (tell, said) = mpsc::channel(BATCHES_AHEAD);
        let job = worker.work(assignment, time, tell, workspace, place.clone(), &self.apart);
        // It may be gone by now.
        if let Some(asked) = self.running.lock().expect("nobody panics while holding it").get_mut(id) {
            asked.job = Some(job.clone());
        }
        self.prepare();
        Ok((job, said))
    }

    async fn run_apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, SqlError> {
        let done = self.apart.spawn_blocking(work).await;
        done.map_err(|defect| SqlError::internal(format!("a part of a question died: {defect}")))
    }

    /// Has a worker wait for the next question.
    pub fn prepare(&self) {
        let (idle, program, workspace) = (self.idle.clone(), self.program.clone(), self.current.workspace());
        self.apart.spawn_blocking(move || {
            if idle.lock().expect("nobody panics while holding it").is_some() {
                return;
            }
            match Idle::start(&program, &workspace) {
                // Another may have been started meanwhile: one of them ends here.
                Ok(worker) => {
                    let other = idle.lock().expect("nobody panics while holding it").replace(worker);
                    drop(other);
                }
                Err(error) => tracing::warn!(%error, "no SQL worker waits"),
            }
        });
    }
}

/// What a worker is handed for a question.
async fn assignment(
    workspace: &Workspace,
    question: Question,
    describe: Option<Vec<Bound>>,
    time: Duration,
) -> Result<Assignment, SqlError> {
    let settings = &workspace.shop().sql;
    let as_of = question.as_of.unwrap_or_else(|| workspace.now());
    let desk = workspace.desk(as_of, question.mode).await.map_err(|fault| {
        tracing::error!(%fault, "the lake could not be read");
        SqlError::internal("the lake could not be read; the log says why")
    })?;
    if question.personal {
        allow_personal(workspace, &question, &desk.personal_of(&question.sql)?).await?;
    }
    let lake = &workspace.lake;
    let tables = desk.tables_of(&question.sql)?;
    let handed = lake.hand_over(&desk.view, &tables).map_err(|error| SqlError::internal(error.to_string()))?;
    let rows = settings.rows as usize;
    let limits = Limits {
        memory_bytes: (settings.memory_mb as usize) << 20,
        spill_bytes: settings.spill_mb << 20,
        rows: question.rows.map_or(rows, |asked| asked.min(rows)),
        time,
        ..Limits::default()
    };
    Ok(Assignment {
        own: OwnSql { sql: question.sql, params: question.params, personal: question.personal },
        describe,
        moment: desk.moment,
        limits,
        bytes_max: settings.answer_mb << 20,
        library: workspace.library.own_texts(),
        definitions: workspace.shop().definitions.clone(),
        experiments: workspace.files.experiments.clone(),
        tails: handed.tails.len(),
        through: !lake.is_folder(),
        handed,
    })
}

/// Whether somebody may see these columns as they are; written down before they are read.
async fn allow_personal(workspace: &Workspace, question: &Question, columns: &[String]) -> Result<(), SqlError> {
    if columns.is_empty() {
        return Ok(());
    }
    let (grants, now) = (workspace.state.grants(), Clock::Real.now());
    let failed = |error: state::StateError| {
        tracing::error!(%error, "a grant could not be looked up or its use noted");
        SqlError::internal("the use of personal columns could not be written down")
    };
    if grants.find(&question.who, now).await.map_err(failed)?.is_none() {
        return Err(SqlError::new(
            SqlErrorKind::Refused,
            format!("個人情報の列（{}）を見る許可がありません", columns.join(", ")),
            format!("the personal columns ({}) are not granted to {}", columns.join(", "), question.who),
        )
        .with_remedy(
            format!("管理者に `tsubame account grant {} --hours 8 --reason …` を頼んでください", question.who),
            format!("ask whoever runs the shop for `tsubame account grant {} --hours 8 --reason …`", question.who),
        ));
    }
    let detail = format!("{}: {}", columns.join(", "), connect::personal::mask(&question.sql));
    grants.note_read(&question.who, &detail, now).await.map_err(failed)
}

/// This program; for its own tests, which are another, the one beside them.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tsubame"));
    match own.parent() {
        Some(folder) if folder.ends_with("deps") => folder.with_file_name("tsubame"),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant as Stopwatch;

    use futures::StreamExt;
    use tempfile::TempDir;

    use super::*;
    use crate::workspace::Access;

    async fn door() -> (SqlDoor, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
        let workspace = Workspace::open(folder.path(), Clock::Real, Access::Write).await.unwrap();
        (SqlDoor::open(Arc::new(workspace), Handle::current()), folder)
    }

    impl SqlDoor {
        fn are_running(&self) -> usize {
            self.running.lock().unwrap().len()
        }
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_no_place_taken() {
        let (door, _folder) = door().await;
        let all = door.slots.available_permits() as u32;
        let _taken = door.slots.clone().acquire_many_owned(all).await.unwrap();
        for _ in 0..=OF_ACCOUNT_MAX {
            let asked = door.ask(Question::new("somebody", "SELECT 1"));
            assert!(tokio::time::timeout(Duration::from_millis(5), asked).await.is_err(), "it waits");
        }
        assert_eq!(door.are_running(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_read_keeps_no_place_once_the_time_is_over() {
        let (door, _folder) = door().await;
        let sql = "SELECT value, repeat('x', 1000) AS long FROM generate_series(1, 500000)";
        let question = Question { time: Some(Duration::from_secs(1)), ..Question::new("somebody", sql) };
        let mut asked = door.ask(question).await.unwrap();
        let watch = Stopwatch::now();
        while door.are_running() > 0 {
            assert!(watch.elapsed() < Duration::from_secs(20), "its place is still taken");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut last = None;
        while let Some(batch) = asked.batches.next().await {
            last = Some(batch);
        }
        assert_eq!(last.expect("a word").expect_err("it was cut off").kind, SqlErrorKind::Time);
    }
}
