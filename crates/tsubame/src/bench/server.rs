//! This program run a second time as a server, so that what it takes of the processor can be told from what the client takes.

use std::{
    ffi::OsStr,
    fs::DirEntry,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::fault::{Exit, Fault};

const SPOKEN: &str = "listening on http://";

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Serves a shop on a free port. Returns when it listens.
    pub fn of(shop: &Path) -> Result<Server, Fault> {
        Server::start::<&OsStr>(&[
            "serve".as_ref(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
            "--shop".as_ref(),
            shop.as_ref(),
        ])
    }

    /// Returns when it listens.
    pub fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Result<Server, Fault> {
        let failed = |source| Fault::io("could not start the server to be measured", source);
        let program = std::env::current_exe().map_err(failed)?;
        let mut child =
            Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let said = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let address = said.filter_map(|line| line.strip_prefix(SPOKEN)?.parse().ok()).next();
        match address {
            Some(address) => Ok(Server { child, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Fault::new(Exit::Failed, "the server to be measured ended before it listened"))
            }
        }
    }

    /// Seconds of processor time since it started.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// MB that it holds now.
    pub fn resident_mb(&self) -> f64 {
        resident_mb(&self.child.id().to_string())
    }

    /// MB that the processes which it started hold now, together. What all of them share is counted for each.
    pub fn children_resident_mb(&self) -> f64 {
        children(&self.child.id().to_string()).iter().map(|child| resident_mb(child)).sum()
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> Result<(), Fault> {
        let failed = |source| Fault::io("could not stop the measured server", source);
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().map_err(failed)?;
        if !asked.success() {
            self.child.kill().map_err(failed)?;
        }
        self.child.wait().map(|_| ()).map_err(failed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of a process, by what Linux says of it; 0 elsewhere.
pub fn cpu_seconds(process: &str) -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may hold spaces.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// MB that a process holds now, by what Linux says of it; 0 elsewhere.
pub fn resident_mb(process: &str) -> f64 {
    memory_mb(process, "VmRSS:")
}

/// The most MB that a process has held at once; 0 where Linux does not say it.
pub fn peak_mb(process: &str) -> f64 {
    memory_mb(process, "VmHWM:")
}

fn memory_mb(process: &str, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Those that a process started: each of its threads has a list of its own.
fn children(process: &str) -> Vec<String> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let of_thread = |thread: DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let lists: Vec<String> = threads.filter_map(Result::ok).map(of_thread).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(String::from).collect()
}
