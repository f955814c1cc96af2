//! Processes that answer the same questions: this program, and DuckDB or ClickHouse in Python. Each reads a line of JSON and writes one.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use query::FileTable;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{Exit, Fault};

const DUCKDB: &str = include_str!("duckdb.py");
const CLICKHOUSE: &str = include_str!("clickhouse.py");

/// What is asked, by both.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    pub tables: BTreeMap<String, Files>,
    pub today: String,
    pub customer: Option<String>,
    pub threads: usize,
    /// A shop's lake of the same orders, for the product's own reports.
    pub lake: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Files {
    pub files: Vec<String>,
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

impl Setup {
    pub fn file_tables(&self) -> BTreeMap<String, FileTable> {
        let table =
            |files: &Files| FileTable { files: files.files.iter().map(Into::into).collect(), columns: files.columns.clone() };
        self.tables.iter().map(|(name, files)| (name.clone(), table(files))).collect()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Question {
    pub name: String,
    pub sql: String,
    /// Whether the answer itself is wanted, and not only what it took.
    pub rows: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answered {
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub rows: Vec<Vec<Value>>,
    #[serde(default)]
    pub count: usize,
    #[serde(default)]
    pub wall_ms: f64,
    #[serde(default)]
    pub cpu_ms: f64,
    /// The most memory the process ever had.
    #[serde(default)]
    pub peak_mb: f64,
    /// What it holds afterwards. DuckDB is not asked for it.
    #[serde(default)]
    pub resident_mb: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Tsubame,
    DuckDb,
    ClickHouse,
}

impl Engine {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Tsubame => "tsubame",
            Engine::DuckDb => "DuckDB",
            Engine::ClickHouse => "ClickHouse",
        }
    }

    /// Whether it can be asked. DuckDB is taken for granted: without it there is nothing to measure beside.
    pub fn is_there(self) -> bool {
        let found = |module: &str| {
            let tried = Command::new("python3").args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        self != Engine::ClickHouse || found("chdb")
    }
}

pub struct Peer {
    child: Child,
    to: BufWriter<ChildStdin>,
    from: BufReader<ChildStdout>,
    engine: Engine,
}

impl Peer {
    pub fn start(engine: Engine, setup: &Setup) -> Result<Peer, Fault> {
        let python = |program: &str| {
            let mut command = Command::new("python3");
            command.args(["-c", program]);
            command
        };
        let mut command = match engine {
            Engine::Tsubame => {
                let program = std::env::current_exe().map_err(|source| Fault::io("could not find this program", source))?;
                let mut command = Command::new(program);
                command.args(["bench", "answer"]);
                command
            }
            Engine::DuckDb => python(DUCKDB),
            Engine::ClickHouse => python(CLICKHOUSE),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Fault::io(format!("could not start {}", engine.name()), source))?;
        let to = BufWriter::new(child.stdin.take().expect("it was piped"));
        let from = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut peer = Peer { child, to, from, engine };
        peer.say(setup)?;
        Ok(peer)
    }

    pub fn ask(&mut self, question: &Question) -> Result<Answered, Fault> {
        self.say(question)?;
        let mut line = String::new();
        self.from
            .read_line(&mut line)
            .map_err(|source| Fault::io(format!("could not read from {}", self.engine.name()), source))?;
        serde_json::from_str(&line).map_err(|_| {
            let fault = Fault::new(Exit::Failed, format!("{} ended at `{}`", self.engine.name(), question.name));
            match self.engine {
                Engine::DuckDb => fault.remedy("python3 with the packages `duckdb` and `pyarrow` is needed on the PATH"),
                _ => fault,
            }
        })
    }

    fn say(&mut self, what: &impl Serialize) -> Result<(), Fault> {
        let line = serde_json::to_string(what).expect("plain JSON") + "\n";
        let said = self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush());
        said.map_err(|source| Fault::io(format!("could not ask {}", self.engine.name()), source))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
