//! A worker process as the server sees it: started ahead of its question, given the question, read until it ends, and killed if it must be.

use std::{
    io::{BufReader, BufWriter, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::Duration,
};

use arrow::{
    array::RecordBatch,
    buffer::Buffer,
    datatypes::SchemaRef,
    ipc::reader::{StreamDecoder, StreamReader},
};
use query::sql::{
    SqlError,
    frame::{self, Kind},
    worker::{Assignment, Ended, Wanted, fetched_frame},
};
use tempfile::TempDir;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
};

use super::{Held, worker::Bounds};
use crate::{processors, workspace::Workspace};

/// How often one looks whether a worker that was killed is gone.
const REAPED_EVERY: Duration = Duration::from_millis(2);
/// Where workers spill, in the shop's folder.
const SPILL: &str = "data/spill";

/// What a worker says.
pub enum Said {
    Schema(SchemaRef),
    /// The parameters.
    Described(SchemaRef),
    Batch(RecordBatch),
    Ended(Ended),
    Error(SqlError),
}

/// A worker that waits for its question. Dropped, it ends: nobody is at the other end of its pipe.
pub struct Idle {
    child: Waited,
    input: ChildStdin,
    output: ChildStdout,
    spill: TempDir,
}

/// A process that is waited for where nobody takes it: it would be there, dead, as long as we are.
struct Waited(Option<Child>);

impl Drop for Waited {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A worker at its question. Dropped, it is killed.
pub struct Job(Arc<Worker>);

struct Worker {
    child: Mutex<Child>,
    why: Mutex<Option<SqlError>>,
    killed: watch::Sender<bool>,
    /// What there was no room to say, because nobody read what had been said before.
    unsaid: Mutex<Option<SqlError>>,
}

/// Removes what workers of a server that was killed left behind.
pub fn clear_spill(workspace: &Workspace) {
    let _ = std::fs::remove_dir_all(workspace.path(SPILL));
}

impl Idle {
    pub fn start(program: &Path, workspace: &Workspace) -> Result<Idle, SqlError> {
        let failed = |what: &str, error: std::io::Error| SqlError::internal(format!("{what}: {error}"));
        let folder = workspace.path(SPILL);
        let spill = std::fs::create_dir_all(&folder)
            .and_then(|()| folder.canonicalize())
            .and_then(|folder| tempfile::Builder::new().prefix("worker-").tempdir_in(folder))
            .map_err(|error| failed("could not make a folder for a SQL worker", error))?;
        let mut child = behind_others(program)
            .arg("worker")
            .args(Bounds::of(&workspace.shop().sql).args())
            // Nothing of ours: neither keys nor settings.
            .env_clear()
            .env("TMPDIR", spill.path())
            .current_dir(spill.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // What interrupts the server is not for the worker, which ends with its pipe.
            .process_group(0)
            .spawn()
            .map_err(|error| failed("could not start a SQL worker", error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            drop(Waited(Some(child)));
            return Err(SqlError::internal("a SQL worker has no pipes"));
        };
        Ok(Idle { child: Waited(Some(child)), input, output, spill })
    }

    /// Hands the question over, and whatever the worker says to `tell`, on a thread of the runtime `apart`. `place` is given back when the worker is
    /// gone, whoever still reads.
    pub fn work(
        self,
        assignment: Assignment,
        time: Duration,
        tell: mpsc::Sender<Said>,
        workspace: Arc<Workspace>,
        place: Held,
        apart: &Handle,
    ) -> Arc<Job> {
        let Idle { mut child, input, output, spill } = self;
        let child = Mutex::new(child.0.take().expect("it is taken once"));
        let worker =
            Arc::new(Worker { child, why: Mutex::default(), killed: watch::Sender::default(), unsaid: Mutex::default() });
        let late = worker.clone();
        let time_over = tokio::spawn(async move {
            tokio::time::sleep(time).await;
            late.kill(SqlError::out_of_time(time.as_secs()));
        });
        let job = Arc::new(Job(worker.clone()));
        let handle = Handle::current();
        let read = move || {
            let input = Arc::new(Mutex::new(BufWriter::new(input)));
            let conversation = Conversation { input, tell, killed: worker.killed.subscribe(), workspace, handle };
            let heard = conversation.hold(assignment, BufReader::new(output));
            time_over.abort();
            let ended = worker.reap();
            if let Err(problem) = heard {
                let why = worker.why.lock().expect("nobody panics while holding it").take();
                let error = why.unwrap_or_else(|| match problem {
                    Problem::Said(error) => error,
                    Problem::Broken(said) => died(ended, &said),
                });
                if let Err(TrySendError::Full(Said::Error(error))) = conversation.tell.try_send(Said::Error(error)) {
                    worker.unsaid.lock().expect("nobody panics while holding it").get_or_insert(error);
                }
            }
            drop((spill, place));
        };
        apart.spawn_blocking(read);
        job
    }
}

/// Where no processor is left to those who answer events and pages, a worker weighs less than they do.
fn behind_others(program: &Path) -> Command {
    const LESS: [&str; 3] = ["/usr/bin/nice", "-n", "10"];
    static WEIGHS_LESS: LazyLock<bool> = LazyLock::new(|| !processors::is_left() && works(LESS));
    if !*WEIGHS_LESS {
        return Command::new(program);
    }
    let mut command = Command::new(LESS[0]);
    command.args(&LESS[1..]).arg(program);
    command
}

/// A sandbox may forbid what is installed, and a worker that does not start answers nobody.
fn works([first, rest @ ..]: [&str; 3]) -> bool {
    let mut tried = Command::new(first);
    tried.args(rest).arg("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tried.status().is_ok_and(|ended| ended.success())
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.kill(SqlError::cancelled());
    }
}

impl Job {
    pub fn cancel(&self) {
        self.0.kill(SqlError::cancelled());
    }

    /// Why it ended, where there was no room to say so.
    pub fn unsaid(&self) -> Option<SqlError> {
        self.0.unsaid.lock().expect("nobody panics while holding it").take()
    }
}

impl Worker {
    /// SIGKILL: a worker starts no processes, so it is its whole group. Who is killed is not waited for: that takes the system as long as there
    /// is memory to give back, and whoever kills answers others.
    fn kill(&self, why: SqlError) {
        self.why.lock().expect("nobody panics while holding it").get_or_insert(why);
        let _ = self.child().kill();
        self.killed.send_replace(true);
    }

    /// Waits for the end, which has come: the worker's output is closed. It is held for a moment at a time, so that nobody who kills has to wait.
    fn reap(&self) -> Option<ExitStatus> {
        let _ = self.child().kill();
        loop {
            let ended = self.child().try_wait();
            match ended {
                Ok(None) => std::thread::sleep(REAPED_EVERY),
                Ok(ended) => return ended,
                Err(_) => return None,
            }
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().expect("nobody panics while holding it")
    }
}

enum Problem {
    /// The worker said it.
    Said(SqlError),
    /// The pipe broke, or carried what is no answer.
    Broken(String),
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Problem {
        Problem::Broken(error.to_string())
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Problem {
        Problem::Broken(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for Problem {
    fn from(error: arrow::error::ArrowError) -> Problem {
        Problem::Broken(error.to_string())
    }
}

struct Conversation {
    input: Arc<Mutex<BufWriter<ChildStdin>>>,
    tell: mpsc::Sender<Said>,
    killed: watch::Receiver<bool>,
    workspace: Arc<Workspace>,
    handle: Handle,
}

impl Conversation {
    /// Until the worker ends, or nobody listens any more.
    fn hold(&self, mut assignment: Assignment, mut output: BufReader<ChildStdout>) -> Result<(), Problem> {
        {
            let mut input = self.input.lock().expect("nobody panics while holding it");
            frame::write(&mut *input, Kind::Assignment, &serde_json::to_vec(&assignment)?)?;
            for tail in std::mem::take(&mut assignment.handed.tails) {
                frame::write(&mut *input, Kind::Tail, &tail)?;
            }
        }
        let handed = Arc::new(assignment.handed);
        let mut decoder = StreamDecoder::new();
        let mut bytes_left = assignment.bytes_max.saturating_add(BYTES_SLACK);
        while let Some((kind, bytes)) = frame::read(&mut output)? {
            bytes_left = bytes_left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| Problem::Said(SqlError::too_many_bytes(assignment.bytes_max)))?;
            match kind {
                Kind::Schema => {
                    self.say(Said::Schema(columns(&bytes)?))?;
                    decoder.decode(&mut Buffer::from_vec(bytes))?;
                }
                Kind::Described => {
                    self.say(Said::Described(columns(&bytes)?))?;
                }
                Kind::Batch => {
                    let mut rest = Buffer::from_vec(bytes);
                    while let Some(batch) = decoder.decode(&mut rest)? {
                        self.say(Said::Batch(batch))?;
                    }
                }
                Kind::Fetch => self.fetch(serde_json::from_slice(&bytes)?, handed.clone()),
                Kind::End => {
                    // A message without a body is only taken when something follows it.
                    let mut rest = Buffer::from_vec(END_OF_STREAM.to_vec());
                    while let Some(batch) = decoder.decode(&mut rest)? {
                        self.say(Said::Batch(batch))?;
                    }
                    let ended: Ended = serde_json::from_slice(&bytes)?;
                    self.workspace.lake.were_seen(&handed, &ended.seen);
                    return self.say(Said::Ended(ended));
                }
                Kind::Error => return Err(Problem::Said(serde_json::from_slice(&bytes)?)),
                Kind::Assignment | Kind::Tail | Kind::Fetched => {
                    return Err(Problem::Broken("a frame that is ours to send".into()));
                }
            }
        }
        Err(Problem::Broken("it ended in the middle".into()))
    }

    fn say(&self, said: Said) -> Result<(), Problem> {
        let said = match self.tell.try_send(said) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(said)) => said,
            Err(TrySendError::Closed(_)) => return Err(Problem::Said(SqlError::cancelled())),
        };
        // Whoever reads slowly, or no longer, keeps no worker's place once the worker is gone.
        let mut killed = self.killed.clone();
        let sent = self.handle.block_on(async {
            tokio::select! {
                sent = self.tell.send(said) => sent.is_ok(),
                _ = killed.wait_for(|killed| *killed) => false,
            }
        });
        if sent { Ok(()) } else { Err(Problem::Said(SqlError::cancelled())) }
    }

    /// Reads for the worker, which has no key.
    fn fetch(&self, wanted: Wanted, handed: Arc<lake::Handed>) {
        let (input, workspace) = (self.input.clone(), self.workspace.clone());
        self.handle.spawn(async move {
            let parts = workspace.lake.read_ranges(&handed, &wanted.path, &wanted.ranges).await;
            let frame = fetched_frame(wanted.id, &parts);
            let write = move || {
                let mut input = input.lock().expect("nobody panics while holding it");
                // A worker that is gone needs nothing.
                let _ = frame::write(&mut *input, Kind::Fetched, &frame).and_then(|()| input.flush());
            };
            let _ = tokio::task::spawn_blocking(write).await;
        });
    }
}

/// As an Arrow IPC stream ends.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// The columns that the beginning of an Arrow IPC stream tells of.
fn columns(stream: &[u8]) -> Result<SchemaRef, arrow::error::ArrowError> {
    Ok(StreamReader::try_new(stream, None)?.schema())
}

/// Beside its rows a worker says little.
const BYTES_SLACK: u64 = 16 << 20;

/// What a worker's end tells, where it said nothing itself.
fn died(status: Option<ExitStatus>, said: &str) -> SqlError {
    const SIGABRT: i32 = 6;
    const SIGSEGV: i32 = 11;
    const SIGXCPU: i32 = 24;
    const SIGXFSZ: i32 = 25;
    match status.and_then(|status| status.signal()) {
        // An allocation that fails ends the process.
        Some(SIGABRT) => SqlError::out_of_memory(),
        Some(SIGXCPU) => {
            SqlError::new(query::sql::SqlErrorKind::Time, "計算時間の上限に達しました", "the question used up its processor time")
        }
        Some(SIGXFSZ) => SqlError::new(
            query::sql::SqlErrorKind::Spill,
            "一時ファイルの上限に達しました",
            "the question used up its space on disk",
        ),
        Some(SIGSEGV) => {
            SqlError::new(query::sql::SqlErrorKind::TooComplex, "式が複雑すぎます", "the question is nested too deeply")
        }
        status => {
            tracing::error!(?status, said, "a SQL worker died");
            SqlError::internal("the worker died; the log says how")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, workspace::Access};

    #[tokio::test]
    async fn a_worker_that_nobody_asked_is_gone_and_not_only_dead() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
        let workspace = Workspace::open(folder.path(), Clock::Real, Access::Write).await.unwrap();
        let idle = Idle::start(&super::super::program(), &workspace).unwrap();
        let process = format!("/proc/{}", idle.child.0.as_ref().unwrap().id());
        assert!(Path::new(&process).exists(), "{process}");
        drop(idle);
        assert!(!Path::new(&process).exists(), "{process} is left");
    }
}
