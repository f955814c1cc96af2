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
    /// Of a file.
    rows: AtomicU64,
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
        Progress { bar, what: what.into(), total: total.into(), done: 0.into(), rows: 0.into(), started: Instant::now(), line }
    }

    /// Of a file of `bytes`, told by [`Progress::read`].
    pub fn of_file(what: &str, bytes: u64) -> Progress {
        let progress = Progress::new(what, "rows", bytes.max(1));
        if let Some(bar) = &progress.bar {
            let template = "{prefix}  {bar:30} {bytes}/{total_bytes}  {msg}  {eta} left";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what.to_string());
            bar.set_message("");
        }
        progress
    }

    pub fn silent() -> Progress {
        Progress {
            bar: None,
            what: String::new(),
            total: 0.into(),
            done: 0.into(),
            rows: 0.into(),
            started: Instant::now(),
            line: None,
        }
    }

    /// So many more rows of a file, of which `bytes` are read by now.
    pub fn read(&self, rows: u64, bytes: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        self.done.store(bytes, Ordering::Relaxed);
        let rate = rows as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(format!("{rows} rows  {rate:.0}/s"));
        }
        if self.is_line_due() {
            let (total, seconds) = (self.total.load(Ordering::Relaxed), self.started.elapsed().as_secs_f64());
            let left = total.saturating_sub(bytes) as f64 / bytes.max(1) as f64 * seconds;
            let (read, whole) = (bytes as f64 / 1e6, total as f64 / 1e6);
            eprintln!("{}: {rows} rows, {read:.1} of {whole:.1} MB, {rate:.0} rows/s, {left:.0} s left", self.what);
        }
    }

    pub fn add(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
        if self.is_line_due() {
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

    /// Whether it is time for a plain line; asking counts as printing it.
    fn is_line_due(&self) -> bool {
        let Some(line) = &self.line else { return false };
        let mut last = line.lock().expect("nobody panics while holding it");
        let is_due = last.elapsed() >= LINE_EVERY;
        if is_due {
            *last = Instant::now();
        }
        is_due
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
