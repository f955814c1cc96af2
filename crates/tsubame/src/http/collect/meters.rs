//! What came in, counted for whoever watches. Labels are codes of ours: nothing that a client sent becomes a label.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use connect::collect::Refused;

use crate::jobs::collect::Kept;

/// The answers that are counted, in their order.
const STATUSES: [u16; 11] = [200, 204, 400, 401, 403, 404, 405, 408, 413, 429, 503];

#[derive(Default)]
pub struct Meters {
    bytes: AtomicU64,
    stored: AtomicU64,
    duplicates: AtomicU64,
    answers: [AtomicU64; STATUSES.len()],
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Meters {
    pub fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn kept(&self, kept: Kept) {
        self.stored.fetch_add(kept.stored, Ordering::Relaxed);
        self.duplicates.fetch_add(kept.duplicates, Ordering::Relaxed);
    }

    pub fn refused(&self, refused: &[Refused]) {
        let mut counts = self.refused.lock().expect("nobody panics while holding it");
        refused.iter().for_each(|refused| *counts.entry(refused.code).or_default() += 1);
    }

    pub fn answered(&self, status: u16) {
        if let Some(index) = STATUSES.iter().position(|known| *known == status) {
            self.answers[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// In the text format of Prometheus.
    pub fn write(&self, text: &mut String) {
        let mut counter = |name: &str, help: &str, values: &[(String, u64)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let of = |meter: &AtomicU64| meter.load(Ordering::Relaxed);
        counter("tsubame_collect_bytes_total", "Bytes of bodies, as they came.", &[(String::new(), of(&self.bytes))]);
        let facts = [("stored", &self.stored), ("duplicate", &self.duplicates)];
        let facts = facts.map(|(name, meter)| (format!("{{was=\"{name}\"}}"), of(meter)));
        counter("tsubame_collect_facts_total", "Facts of live events: new ones, and those that were there already.", &facts);
        let refused = self.refused.lock().expect("nobody panics while holding it");
        let refused: Vec<_> = refused.iter().map(|(code, count)| (format!("{{code=\"{code}\"}}"), *count)).collect();
        counter("tsubame_collect_refused_total", "Events put into the quarantine, by code.", &refused);
        let answers = STATUSES.iter().zip(&self.answers);
        let answers: Vec<_> = answers.map(|(status, meter)| (format!("{{status=\"{status}\"}}"), of(meter))).collect();
        counter("tsubame_collect_answers_total", "Answers to clients, by status.", &answers);
    }
}
