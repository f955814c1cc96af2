//! The worker: a process that is handed one question with all it needs, answers, and ends. It opens no shop and has no key.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::writer::StreamWriter,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use lake::{Fetch, Handed, Reach, ReadView};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    Bound, OwnSql, SqlError,
    frame::{self, Kind},
};
use crate::{Desk, Library, Limits, Moment};

/// A question, and all that answering it needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Assignment {
    pub own: OwnSql,
    /// To be described, not answered; with the types that are known of its parameters.
    pub describe: Option<Vec<Bound>>,
    pub moment: Moment,
    pub limits: Limits,
    pub bytes_max: u64,
    /// Name, file and text of each query that is not built in.
    pub library: Vec<(String, String, String)>,
    /// What the shop makes the defaults of parameters.
    pub definitions: BTreeMap<String, toml::Value>,
    pub experiments: Vec<model::Experiment>,
    pub handed: Handed,
    /// How many tails follow.
    pub tails: usize,
    /// The server reads the files for the worker.
    pub through: bool,
}

/// How a question ended well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub rows: usize,
    pub scanned_bytes: u64,
    /// Files that were found whole.
    pub seen: Vec<String>,
}

/// Parts of a file, asked of the server.
#[derive(Debug, Serialize, Deserialize)]
pub struct Wanted {
    pub id: u64,
    pub path: String,
    pub ranges: Vec<Range<u64>>,
}

/// Rows of a frame.
const FRAME_ROWS: usize = 8_192;

type Output = Arc<Mutex<dyn Write + Send>>;

/// Answers the one question that `input` brings. The calling thread has a large stack. `gone` is called when the server is no longer there, or
/// no longer wants the answer.
pub fn work(
    handle: &Handle,
    mut input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    gone: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let Some((Kind::Assignment, bytes)) = frame::read(&mut input)? else { return Ok(()) };
    let mut assignment: Assignment = serde_json::from_slice(&bytes)?;
    for _ in 0..assignment.tails {
        match frame::read(&mut input)? {
            Some((Kind::Tail, bytes)) => assignment.handed.tails.push(bytes),
            _ => return Err(io::Error::other("a tail is missing")),
        }
    }
    let output: Output = Arc::new(Mutex::new(output));
    let asking = Arc::new(Asking { output: output.clone(), next: AtomicU64::new(0), pending: Mutex::default() });
    let answers = asking.clone();
    std::thread::spawn(move || {
        while let Ok(Some((Kind::Fetched, bytes))) = frame::read(&mut input) {
            answers.deliver(bytes);
        }
        gone();
    });
    let reach = if assignment.through { Reach::Through(asking) } else { Reach::Folder };
    match handle.block_on(answer(&assignment, reach, &output)) {
        Ok(ended) => say(&output, Kind::End, &serde_json::to_vec(&ended)?),
        Err(Stopped::Error(error)) => say(&output, Kind::Error, &serde_json::to_vec(&error)?),
        Err(Stopped::Pipe(error)) => Err(error),
    }
}

/// Touches what a first question would have to wait for.
pub fn warm(handle: &Handle) {
    let moment = Moment { as_of: Default::default(), mode: Default::default(), zone: model::ShopZone::tokyo() };
    let desk = Desk::new(Arc::new(Library::of_texts(&[])), ReadView::empty(), moment);
    let own =
        OwnSql { sql: "SELECT count(*) FROM (VALUES (1)) AS t (a) WHERE a > 0".into(), params: Vec::new(), personal: false };
    let _ = handle.block_on(async { desk.ask_own(&own).await?.batches.next().await.transpose() });
}

enum Stopped {
    Error(SqlError),
    /// The server is gone.
    Pipe(io::Error),
}

impl From<SqlError> for Stopped {
    fn from(error: SqlError) -> Stopped {
        Stopped::Error(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Stopped {
        Stopped::Pipe(error)
    }
}

impl From<arrow::error::ArrowError> for Stopped {
    fn from(error: arrow::error::ArrowError) -> Stopped {
        Stopped::Error(SqlError::internal(error.to_string()))
    }
}

async fn answer(assignment: &Assignment, reach: Reach, output: &Output) -> Result<Ended, Stopped> {
    let (view, reader) =
        ReadView::from_handed(&assignment.handed, reach).map_err(|error| SqlError::internal(error.to_string()))?;
    let mut library = Library::of_texts(&assignment.library);
    // Whoever handed them over knows their problems.
    let _ = library.define(&assignment.definitions);
    library.experiments = assignment.experiments.clone().into();
    let library = Arc::new(library);
    let mut desk = Desk::new(library, view, assignment.moment);
    desk.limits = assignment.limits;
    if let Some(declared) = &assignment.describe {
        let described = desk.describe_own(&assignment.own.sql, declared).await?;
        // A parameter whose type does not follow has none: null.
        let null = DataType::Null;
        let field = |(name, kind): &(String, Option<DataType>)| Field::new(name, kind.clone().unwrap_or(null.clone()), true);
        let params: SchemaRef = Arc::new(Schema::new(described.params.iter().map(field).collect::<Vec<Field>>()));
        say(output, Kind::Schema, &Stream::open(&described.schema)?.taken())?;
        say(output, Kind::Described, &Stream::open(&params)?.taken())?;
        return Ok(Ended::default());
    }
    let mut answer = desk.ask_own(&assignment.own).await?;
    let mut stream = Stream::open(&answer.schema)?;
    say(output, Kind::Schema, &stream.taken())?;
    let (mut rows, mut bytes) = (0_usize, 0_u64);
    while let Some(batch) = answer.batches.next().await {
        let batch = batch?;
        let left = desk.limits.rows.saturating_sub(rows);
        for first in (0..batch.num_rows().min(left)).step_by(FRAME_ROWS) {
            let part = batch.slice(first, FRAME_ROWS.min(batch.num_rows().min(left) - first));
            let encoded = stream.encoded(&part)?;
            bytes += encoded.len() as u64;
            if bytes > assignment.bytes_max {
                return Err(SqlError::too_many_bytes(assignment.bytes_max).into());
            }
            rows += part.num_rows();
            say(output, Kind::Batch, &encoded)?;
        }
        if batch.num_rows() > left {
            return Err(SqlError::too_many_rows(desk.limits.rows).into());
        }
    }
    Ok(Ended { rows, scanned_bytes: answer.scanned_bytes(), seen: reader.seen() })
}

/// An Arrow IPC stream, taken out piece by piece.
struct Stream(StreamWriter<Vec<u8>>);

impl Stream {
    fn open(schema: &SchemaRef) -> Result<Stream, arrow::error::ArrowError> {
        StreamWriter::try_new(Vec::new(), schema).map(Stream)
    }

    fn encoded(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
        self.0.write(batch)?;
        Ok(self.taken())
    }

    fn taken(&mut self) -> Vec<u8> {
        std::mem::take(self.0.get_mut())
    }
}

fn say(output: &Output, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    frame::write(&mut *output.lock().expect("nobody panics while holding it"), kind, bytes)
}

/// Asks the server for the bytes of files.
struct Asking {
    output: Output,
    next: AtomicU64,
    pending: Mutex<BTreeMap<u64, oneshot::Sender<io::Result<Vec<Bytes>>>>>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server reads")
    }
}

#[async_trait]
impl Fetch for Asking {
    async fn fetch(&self, path: &str, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        self.pending.lock().expect("nobody panics while holding it").insert(id, tell);
        let wanted = serde_json::to_vec(&Wanted { id, path: path.into(), ranges: ranges.to_vec() })?;
        say(&self.output, Kind::Fetch, &wanted)?;
        told.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Asking {
    fn deliver(&self, frame: Vec<u8>) {
        let Some((id, parts)) = fetched(frame) else { return };
        if let Some(tell) = self.pending.lock().expect("nobody panics while holding it").remove(&id) {
            let _ = tell.send(parts);
        }
    }
}

/// A frame with what was asked for: the number, whether it could be read, and the parts with their lengths, or the reason.
pub fn fetched_frame(id: u64, parts: &io::Result<Vec<Bytes>>) -> Vec<u8> {
    let mut frame = id.to_le_bytes().to_vec();
    match parts {
        Ok(parts) => {
            frame.push(1);
            for part in parts {
                frame.extend((part.len() as u64).to_le_bytes());
                frame.extend_from_slice(part);
            }
        }
        Err(error) => {
            frame.push(0);
            frame.extend(error.to_string().into_bytes());
        }
    }
    frame
}

fn fetched(frame: Vec<u8>) -> Option<(u64, io::Result<Vec<Bytes>>)> {
    let mut rest = Bytes::from(frame);
    let number = |rest: &mut Bytes| -> Option<u64> {
        if rest.len() < 8 { None } else { Some(u64::from_le_bytes(rest.split_to(8).as_ref().try_into().ok()?)) }
    };
    let id = number(&mut rest)?;
    let read = rest.first().copied()? == 1;
    let _ = rest.split_to(1);
    if !read {
        return Some((id, Err(io::Error::other(String::from_utf8_lossy(&rest).into_owned()))));
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let length = number(&mut rest)? as usize;
        if length > rest.len() {
            return None;
        }
        parts.push(rest.split_to(length));
    }
    Some((id, Ok(parts)))
}
