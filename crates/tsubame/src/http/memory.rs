//! What was worked out for a page is answered again at once while nothing has come in: the same files, the same last position, and a moment so near that
//! nobody's window ends between. A page that is read twice has the same bytes, and costs nothing the second time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use model::{Instant, ShopZone};
use query::Library;

use super::{App, errors::Failed};

/// How old an answer may be.
const AGE_MAX: TimeDelta = TimeDelta::seconds(60);
/// Answers that are kept; the one that was asked for longest ago makes room.
const ENTRIES_MAX: usize = 64;

/// What an answer follows from, but for what was asked. It is taken before the answer is worked out: what comes in meanwhile is then asked for again.
#[derive(Clone)]
pub struct Stand {
    library: Arc<Library>,
    /// Of the tests as they are served.
    etag: String,
    /// The last row that was there before it was asked.
    position: i64,
    as_of: Instant,
    zone: ShopZone,
}

impl Stand {
    pub async fn of(app: &App) -> Result<Stand, Failed> {
        let workspace = app.workspace();
        Ok(Stand {
            library: workspace.library.clone(),
            etag: app.experiments.serving.now().etag.clone(),
            position: workspace.state.journal().last_position().await?,
            as_of: workspace.now(),
            zone: workspace.shop().timezone,
        })
    }

    /// Whether what was worked out then is what would be worked out now.
    fn still_holds(&self, now: &Stand) -> bool {
        let age = now.as_of - self.as_of;
        Arc::ptr_eq(&self.library, &now.library)
            && (&self.etag, self.position, self.zone) == (&now.etag, now.position, now.zone)
            && (TimeDelta::zero()..AGE_MAX).contains(&age)
            && self.zone.day(self.as_of) == now.zone.day(now.as_of)
    }
}

pub struct Memory<V> {
    entries: Mutex<Entries<V>>,
}

struct Entries<V> {
    by_key: BTreeMap<String, Entry<V>>,
    asked: u64,
}

struct Entry<V> {
    stand: Stand,
    value: Arc<V>,
    /// When it was asked for last, in questions.
    asked: u64,
}

impl<V> Default for Memory<V> {
    fn default() -> Memory<V> {
        Memory { entries: Mutex::new(Entries { by_key: BTreeMap::new(), asked: 0 }) }
    }
}

impl<V> Memory<V> {
    pub fn find(&self, key: &str, now: &Stand) -> Option<Arc<V>> {
        let mut entries = self.entries.lock().expect("nobody panics while holding it");
        entries.asked += 1;
        let asked = entries.asked;
        let entry = entries.by_key.get_mut(key).filter(|entry| entry.stand.still_holds(now))?;
        entry.asked = asked;
        Some(entry.value.clone())
    }

    pub fn keep(&self, key: String, stand: Stand, value: Arc<V>) {
        let mut entries = self.entries.lock().expect("nobody panics while holding it");
        entries.asked += 1;
        let asked = entries.asked;
        entries.by_key.insert(key, Entry { stand, value, asked });
        if entries.by_key.len() > ENTRIES_MAX
            && let Some(oldest) = entries.by_key.iter().min_by_key(|(_, entry)| entry.asked).map(|(key, _)| key.clone())
        {
            entries.by_key.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(library: &Arc<Library>, etag: &str, position: i64, at: &str) -> Stand {
        let as_of = crate::workspace::parse_instant(at).unwrap();
        Stand { library: library.clone(), etag: etag.into(), position, as_of, zone: ShopZone::tokyo() }
    }

    #[test]
    fn an_answer_holds_while_nothing_has_come_in() {
        let (ours, theirs) = (Arc::new(Library::load(None).0), Arc::new(Library::load(None).0));
        let then = stand(&ours, "a", 7, "2026-11-01T23:59:30+09:00");
        let check = |library: &Arc<Library>, etag: &str, position: i64, at: &str, expect: bool| {
            let memory = Memory::default();
            memory.keep("page".into(), then.clone(), Arc::new(1));
            let now = stand(library, etag, position, at);
            assert_eq!(memory.find("page", &now).is_some(), expect, "{etag} {position} {at}");
            assert!(memory.find("other", &now).is_none());
        };
        check(&ours, "a", 7, "2026-11-01T23:59:30+09:00", true);
        check(&ours, "a", 7, "2026-11-01T23:59:59+09:00", true);
        check(&ours, "a", 8, "2026-11-01T23:59:59+09:00", false);
        check(&ours, "b", 7, "2026-11-01T23:59:59+09:00", false);
        check(&theirs, "a", 7, "2026-11-01T23:59:59+09:00", false);
        // Another day, another minute, and an earlier moment.
        check(&ours, "a", 7, "2026-11-02T00:00:10+09:00", false);
        check(&ours, "a", 7, "2026-11-02T00:00:31+09:00", false);
        check(&ours, "a", 7, "2026-11-01T23:59:29+09:00", false);
    }

    #[test]
    fn what_nobody_asks_for_makes_room() {
        let library = Arc::new(Library::load(None).0);
        let now = stand(&library, "a", 1, "2026-11-01T12:00:00+09:00");
        let memory = Memory::default();
        for number in 0..ENTRIES_MAX {
            memory.keep(number.to_string(), now.clone(), Arc::new(number));
        }
        assert!(memory.find("0", &now).is_some());
        memory.keep("one more".into(), now.clone(), Arc::new(0));
        let check = |key: &str, expect: bool| assert_eq!(memory.find(key, &now).is_some(), expect, "{key}");
        check("0", true);
        check("1", false);
        check("2", true);
        check("one more", true);
    }
}
