//! Progress of long work: a bar on a terminal, a plain line now and then elsewhere.

use std::{
    io::IsTerminal,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

pub struct Progress {
    bar: Option<ProgressBar>,
    what: String,
    total: AtomicU64,
    done: AtomicU64,
    started: Instant,
    /// When the last plain line was printed; `None` prints none at all.
    line: Option<Mutex<Instant>>,
}

impl Progress {
    /// `total` counts in `unit`s; 0 when it is not known.
    pub fn new(what: &str, unit: &str, total: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
            let template = match total {
                0 => format!("{{spinner}} {{msg}}  {{human_pos}} {unit}  {{per_sec}}  {{elapsed}}"),
                _ => format!("{{msg}}  {{bar:30}} {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}}"),
            };
            bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what.to_string());
            bar
        });
        let line = bar.is_none().then(|| Mutex::new(Instant::now()));
        Progress { bar, what: what.into(), total: total.into(), done: 0.into(), started: Instant::now(), line }
    }

    pub fn silent() -> Progress {
        Progress { bar: None, what: String::new(), total: 0.into(), done: 0.into(), started: Instant::now(), line: None }
    }

    pub fn add(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
        if let Some(line) = &self.line {
            let mut last = line.lock().expect("nobody panics while holding it");
            if last.elapsed() >= LINE_EVERY {
                *last = Instant::now();
                let total = self.total.load(Ordering::Relaxed);
                let rate = done as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
                match total {
                    0 => eprintln!("{}: {done}, {rate:.0}/s", self.what),
                    total => {
                        let eta = total.saturating_sub(done) as f64 / rate.max(1e-9);
                        eprintln!("{}: {done} of {total}, {rate:.0}/s, {eta:.0} s left", self.what);
                    }
                }
            }
        }
    }

    /// Ends it with a line that stays.
    pub fn finish(self, said: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.bar.is_some() || self.line.is_some() {
            eprintln!("{}: {said} ({seconds:.1} s)", self.what);
        }
    }
}
