//! The worker's own side: its bounds, which are set before anything runs, and its threads.

use std::io::{BufReader, BufWriter};

use clap::Args;
use model::Sql;
use rlimit::Resource;

use crate::fault::{Exit, Fault};

/// Answer one question handed over on stdin (what `tsubame serve` starts for each)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tsubame worker --memory-mb 1024 --spill-mb 8192 --seconds 60")]
pub struct Bounds {
    /// Memory of the query; the process may map as much again as it needs beside that
    #[arg(long)]
    memory_mb: u64,
    /// Size of a file that it writes
    #[arg(long)]
    spill_mb: u64,
    /// Time of the query; the processors may be busy for as long on each thread
    #[arg(long)]
    seconds: u64,
}

/// Stacks, code, the allocator's reserve, what functions allocate beside the pool.
const BESIDE_MB: u64 = 3_072;
const OPEN_FILES: u64 = 512;
/// Threads that compute.
const THREADS: usize = 2;
/// Files are read on these.
const READING_THREADS: usize = 8;
const THREAD_STACK_BYTES: usize = 16 << 20;
/// Parsing and planning recurse as deep as a text may be: 1,000 operators.
const PLANNING_STACK_BYTES: usize = 512 << 20;

impl Bounds {
    pub fn of(settings: &Sql) -> Bounds {
        Bounds { memory_mb: settings.memory_mb, spill_mb: settings.spill_mb, seconds: settings.seconds }
    }

    pub fn args(&self) -> Vec<String> {
        let of = |name: &str, value: u64| [format!("--{name}"), value.to_string()];
        [of("memory-mb", self.memory_mb), of("spill-mb", self.spill_mb), of("seconds", self.seconds)].concat()
    }

    /// Takes from this process what it may not have, for good.
    fn set(&self) -> std::io::Result<()> {
        let processors = THREADS as u64 + 1;
        for (resource, most) in [
            (Resource::AS, (self.memory_mb + BESIDE_MB) << 20),
            (Resource::CPU, self.seconds * processors + 10),
            (Resource::FSIZE, self.spill_mb << 20),
            (Resource::NOFILE, OPEN_FILES),
            (Resource::CORE, 0),
        ] {
            // Where less is allowed already, that stays.
            let (_, hard) = rlimit::getrlimit(resource)?;
            let most = most.min(hard);
            rlimit::setrlimit(resource, most, most)?;
        }
        Ok(())
    }

    /// Runs before there is any thread.
    pub fn run(&self) -> Result<(), Fault> {
        let failed = |what: &str| {
            let what = what.to_string();
            move |error| Fault::io(what, error)
        };
        self.set().map_err(failed("could not bound the process"))?;
        // What it panics with may quote values.
        std::panic::set_hook(Box::new(|_| {}));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(READING_THREADS)
            .thread_stack_size(THREAD_STACK_BYTES)
            .enable_all()
            .build()
            .map_err(failed("could not start the worker's threads"))?;
        let handle = runtime.handle().clone();
        let answering = std::thread::Builder::new().stack_size(PLANNING_STACK_BYTES).spawn(move || {
            query::sql::worker::warm(&handle);
            let (input, output) = (BufReader::new(std::io::stdin()), BufWriter::new(std::io::stdout()));
            query::sql::worker::work(&handle, input, output, || std::process::exit(0))
        });
        let answered = answering.map_err(failed("could not start the worker's thread"))?.join();
        // Whatever still runs in the background ends with the process.
        runtime.shutdown_background();
        match answered {
            Ok(Ok(())) => Ok(()),
            // The server is gone, or does not listen any more.
            Ok(Err(_)) => Err(Fault::new(Exit::Failed, "the answer was not wanted any more")),
            Err(_) => Err(Fault::new(Exit::Failed, "stopped by a defect")),
        }
    }
}
