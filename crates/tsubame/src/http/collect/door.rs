//! The sources of a shop, opened: who may come in by which, from which pages, and how fast.

use std::{collections::BTreeMap, path::Path, sync::Mutex, time::Instant as Stopwatch};

use model::{Shop, Source, SourceKind};
use sha2::{Digest, Sha256};
use state::Secret;

use super::super::visit::same;
use crate::{fault::Fault, secrets};

/// Times `events_per_second` that may come at once.
const BURST: f64 = 10.0;
/// What one source may put into the quarantine at once, and in a day: a public key must not fill the disk.
const QUARANTINE_BYTES: f64 = (64 << 20) as f64;
const DAY_SECONDS: f64 = 86_400.0;

pub struct Doors {
    doors: Vec<Door>,
    /// By the hash of the write key, so that the time of a search tells nothing of a key.
    by_key: BTreeMap<[u8; 32], usize>,
}

pub struct Door {
    pub source: Source,
    pub write_key: Secret,
    secrets: Vec<Secret>,
    /// Of events.
    pub rate: Bucket,
    /// Of bytes into the quarantine.
    pub quarantine: Bucket,
}

impl Doors {
    /// Refuses a shop of which a secret is missing.
    pub fn open(folder: &Path, shop: &Shop) -> Result<Doors, Fault> {
        let mut opened = Doors { doors: Vec::new(), by_key: BTreeMap::new() };
        for source in &shop.sources {
            let secrets::Keys { write_key, secrets } = secrets::of_source(folder, source)?;
            let Some(write_key) = write_key else { continue };
            opened.by_key.insert(hash(write_key.expose()), opened.doors.len());
            let rate = f64::from(source.events_per_second);
            opened.doors.push(Door {
                source: source.clone(),
                write_key,
                secrets,
                rate: Bucket::new(rate, rate * BURST),
                quarantine: Bucket::new(QUARANTINE_BYTES / DAY_SECONDS, QUARANTINE_BYTES),
            });
        }
        Ok(opened)
    }

    pub fn find(&self, key: &str) -> Option<&Door> {
        self.by_key.get(&hash(key)).map(|index| &self.doors[*index])
    }

    /// Whether any source is sent to from this page: what a browser asks before it says a key.
    pub fn know_origin(&self, origin: &str) -> bool {
        self.doors.iter().any(|door| door.allows(origin))
    }
}

impl Door {
    /// Whether pages of `origin` may send here.
    pub fn allows(&self, origin: &str) -> bool {
        let origins = &self.source.origins;
        let is = |allowed: &String| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin);
        origins.is_empty() || origins.iter().any(is)
    }

    pub fn is_ga4(&self) -> bool {
        self.source.kind == SourceKind::Ga4
    }

    /// Whether one of its secrets is this one. A source without secrets asks for none.
    pub fn has_secret(&self, secret: &str) -> bool {
        // All are compared, so that the time does not tell which.
        let fitting = self.secrets.iter().filter(|known| same(known.expose(), secret)).count();
        self.secrets.is_empty() || fitting > 0
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// So much per second in the long run, and a store of it for bursts. What is larger than the store is let in and owed for: no batch is
/// too large to ever come in.
pub struct Bucket {
    per_second: f64,
    most: f64,
    /// What is left, and when that was.
    left: Mutex<(f64, Stopwatch)>,
}

impl Bucket {
    pub fn new(per_second: f64, most: f64) -> Bucket {
        Bucket { per_second, most, left: Mutex::new((most, Stopwatch::now())) }
    }

    /// Seconds after which there is something left again, where there is nothing now.
    pub fn wait(&self, now: Stopwatch) -> Option<u64> {
        let left = self.filled(now).0;
        (left < 1.0).then(|| ((1.0 - left) / self.per_second).ceil().max(1.0) as u64)
    }

    pub fn take(&self, amount: usize, now: Stopwatch) {
        self.filled(now).0 -= amount as f64;
    }

    fn filled(&self, now: Stopwatch) -> std::sync::MutexGuard<'_, (f64, Stopwatch)> {
        let mut left = self.left.lock().expect("nobody panics while holding it");
        let passed = now.saturating_duration_since(left.1).as_secs_f64();
        *left = ((left.0 + passed * self.per_second).min(self.most), now.max(left.1));
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_taken_and_the_rest_waits() {
        let start = Stopwatch::now();
        let bucket = Bucket { left: Mutex::new((20.0, start)), ..Bucket::new(2.0, 20.0) };
        let check = |seconds: f64, expect, take: usize| {
            let now = start + Duration::from_secs_f64(seconds);
            assert_eq!(bucket.wait(now), expect, "at {seconds} s");
            bucket.take(take, now);
        };
        check(0.0, None, 19);
        check(0.0, None, 1);
        check(0.0, Some(1), 0);
        check(0.5, None, 101); // Larger than the store: owed for.
        check(1.0, Some(50), 0);
        check(51.0, None, 0);
        check(1000.0, None, 20); // Never more than the store.
        check(1000.0, Some(1), 0);
        check(900.0, Some(1), 0); // A late thread does not turn time back.
    }

    #[test]
    fn pages_and_secrets_are_those_of_the_source() {
        let shop = "[[sources]]\nname = \"web\"\nkind = \"browser\"\nwrite_key = \"w\"\norigins = [\"https://shop.example/\"]\n\
                    [[sources]]\nname = \"ga\"\nkind = \"ga4\"\nwrite_key = \"G-1\"\nsecrets = [\"file:old\", \"file:new\"]";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("old"), "s1\n").unwrap();
        let shop = Shop::parse("tsubame.toml", shop).unwrap();
        let missing = Doors::open(folder.path(), &shop).err().unwrap();
        assert!(missing.message.contains("source `ga` cannot be served"), "{missing}");
        std::fs::write(folder.path().join("new"), "s2\n").unwrap();
        let doors = Doors::open(folder.path(), &shop).unwrap();
        let check = |key: &str, origin: &str, secret: &str, expect| {
            let found = doors.find(key).map(|door| (door.source.name.as_str(), door.allows(origin), door.has_secret(secret)));
            assert_eq!(found, expect, "{key} {origin}");
        };
        check("w", "https://shop.example", "", Some(("web", true, true)));
        check("w", "https://SHOP.example", "", Some(("web", true, true)));
        check("w", "https://evil.example", "", Some(("web", false, true)));
        check("w", "null", "", Some(("web", false, true)));
        check("G-1", "https://evil.example", "s1", Some(("ga", true, true)));
        check("G-1", "", "s2", Some(("ga", true, true)));
        check("G-1", "", "s3", Some(("ga", true, false)));
        check("W", "", "", None);
        check("", "", "", None);
    }
}
