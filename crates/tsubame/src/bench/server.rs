//! This program run a second time as a server, so that what it takes of the processor can be told from what the client takes.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::fault::{Exit, Fault};

const SPOKEN: &str = "listening on http://";

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
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
