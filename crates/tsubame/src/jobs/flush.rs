//! The journal into the lake: each fact lands once. The journal keeps the rows of each table's last landings, so that a newest commit which
//! is damaged later, by a power cut or a failing disk, is made again from them.

use std::collections::BTreeMap;

use lake::LakeError;
use model::Instant;
use serde::{Deserialize, Serialize};
use state::{Journal, State};

use crate::{
    fault::Fault,
    jobs::maintain::alone,
    point,
    workspace::{Workspace, parse_instant, tail_segment},
};

/// How much of the journal one round reads into memory.
const ROUND_BYTES_MAX: usize = 32 << 20;
/// A table's landings whose rows stay in the journal.
const LANDINGS_KEPT: usize = 2;
/// Rows wait for the lake no longer than this, and no more of them. They can be asked for from the first moment.
const WAIT_MINUTES_MAX: i64 = 10;
const WAIT_BYTES_MAX: u64 = 32 << 20;
/// Small files of one table after which a flush is followed by a compaction: a day at the pace above stays below a hundred.
const FILES_MAX: usize = 96;

const LANDINGS: &str = "landings";
const FLUSHED: &str = "flushed";

/// How far the lake has got, by table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landings {
    /// Everything up to here had landed.
    pub up_to: i64,
    /// Where the table ended after each of its last landings, oldest first: the journal has its rows past the first of them.
    pub tables: BTreeMap<String, Vec<i64>>,
    /// Tables that could not take their rows, and from where on they lack them.
    #[serde(default)]
    pub behind: BTreeMap<String, i64>,
}

impl Landings {
    pub async fn read(state: &State) -> Result<Option<Landings>, Fault> {
        let Some(text) = state.cursors().get(LANDINGS).await? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Fault::new(crate::fault::Exit::Failed, format!("the cursor `{LANDINGS}` in state.db cannot be read: {error}"))
                .remedy("restore data/ from a backup")
        })
    }

    /// The position of each table past which the journal has every row.
    pub fn kept_after(&self) -> BTreeMap<String, i64> {
        self.tables.iter().filter_map(|(table, ends)| Some((table.clone(), *ends.first()?))).collect()
    }

    /// Where reading the journal begins. A table that was repaired ends earlier than it did.
    pub fn begin(&self, watermarks: &BTreeMap<&'static str, i64>) -> i64 {
        let went_back = self.tables.iter().filter_map(|(table, ends)| {
            let now = watermarks.get(table.as_str())?;
            (now < ends.last()?).then_some(*now)
        });
        went_back.chain(self.behind.values().copied()).fold(self.up_to, i64::min)
    }

    fn landed(&mut self, up_to: i64, watermarks: &BTreeMap<&'static str, i64>) {
        self.up_to = self.up_to.max(up_to);
        for (table, end) in watermarks {
            let ends = self.tables.entry((*table).into()).or_default();
            if ends.last().is_none_or(|last| last < end) {
                ends.push(*end);
            }
            if ends.len() > LANDINGS_KEPT + 1 {
                ends.remove(0);
            }
        }
    }
}

/// The position of each table past which the journal has every row, whatever was flushed so far.
pub async fn kept_after(state: &State) -> Result<BTreeMap<String, i64>, Fault> {
    match Landings::read(state).await? {
        Some(landings) => Ok(landings.kept_after()),
        None if is_whole(state.journal()).await? => {
            Ok(lake::tables::TABLES.iter().map(|table| (table.name().to_string(), 0)).collect())
        }
        None => Ok(BTreeMap::new()),
    }
}

/// Whether nothing ever left the journal.
async fn is_whole(journal: &Journal) -> Result<bool, Fault> {
    let first = journal.tail_part(0, None, 1).await?.first().map(|segment| segment.first_position);
    Ok(first == Some(1) || (first.is_none() && journal.last_position().await? == 0))
}

/// Rows that landed. None land while another job has the lake; they stay in the journal, where questions find them.
pub async fn flush(workspace: &Workspace) -> Result<u64, Fault> {
    Ok(alone(workspace, Box::pin(land(workspace))).await?.unwrap_or(0))
}

/// [`flush`], if rows wait long enough or are many enough.
pub async fn flush_if_due(workspace: &Workspace, at: Instant) -> Result<u64, Fault> {
    let cursors = workspace.state.cursors();
    let last = cursors.get(FLUSHED).await?.map(|text| parse_instant(&text)).transpose()?;
    let waiting = workspace.state.journal().bytes_after(workspace.landed_from().await?).await?;
    let long = last.is_none_or(|last| (at - last).num_minutes() >= WAIT_MINUTES_MAX);
    if waiting == 0 || !(long || waiting >= WAIT_BYTES_MAX) {
        return Ok(0);
    }
    let rows = flush(workspace).await?;
    cursors.set(FLUSHED, &model::time::rfc3339(at)).await?;
    if let Err(fault) = super::maintain::compact(workspace, FILES_MAX).await {
        // What landed has landed; a night tries again.
        tracing::error!(%fault, "the lake could not be compacted");
    }
    Ok(rows)
}

async fn land(workspace: &Workspace) -> Result<u64, Fault> {
    let journal = workspace.state.journal();
    let watermarks = workspace.lake.watermarks().await;
    let mut landings = match Landings::read(&workspace.state).await? {
        Some(landings) => landings,
        None => {
            let whole = is_whole(journal).await?;
            let ends = watermarks.iter().map(|(table, end)| (table.to_string(), vec![if whole { 0 } else { *end }]));
            Landings { tables: ends.collect(), ..Landings::default() }
        }
    };
    let mut from = landings.begin(&watermarks);
    let mut rows = 0;
    // Of this turn. Its later rows wait with the first that could not land, for they would seem to have landed with the others.
    let mut failed: BTreeMap<&'static str, LakeError> = BTreeMap::new();
    loop {
        let segments = journal.tail_part(from, None, ROUND_BYTES_MAX).await?;
        let Some(up_to) = segments.iter().map(|segment| segment.first_position + segment.rows as i64 - 1).max() else { break };
        let segments: Vec<_> =
            segments.into_iter().filter(|part| !failed.contains_key(part.table.as_str())).map(tail_segment).collect();
        point::pass("flush.before_land");
        let landed = workspace.lake.land_each(&segments).await?;
        for (table, error) in landed.failed {
            landings.behind.entry(table.into()).or_insert(from);
            failed.insert(table, error);
        }
        landings.landed(up_to, &workspace.lake.watermarks().await);
        // First what is kept, then what goes: a cut between the two leaves more than is needed.
        let text = serde_json::to_string(&landings).expect("positions are plain JSON");
        workspace.state.cursors().set(LANDINGS, &text).await?;
        point::pass("flush.before_trim");
        journal.trim_tables(&landings.kept_after()).await?;
        point::pass("flush.after_trim");
        from = up_to;
        rows += landed.rows;
    }
    let is_behind = landings.behind.len();
    landings.behind.retain(|table, _| failed.contains_key(table.as_str()));
    if landings.behind.len() < is_behind {
        let text = serde_json::to_string(&landings).expect("positions are plain JSON");
        workspace.state.cursors().set(LANDINGS, &text).await?;
    }
    match failed.into_values().next() {
        Some(error) => Err(error.into()),
        None => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use model::{Event, Fact, Order};

    use super::*;
    use crate::{
        clock::Clock,
        workspace::{Access, deep},
    };

    #[test]
    fn a_table_that_cannot_take_its_rows_keeps_no_other_from_landing() {
        deep(async {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
            let open = async || Workspace::open(folder.path(), Clock::Real, Access::Write).await.unwrap();
            let came = async |shop: &Workspace, fact: Fact| {
                shop.state.journal().append(vec![fact], shop.now()).await.unwrap();
            };
            let at = Instant::UNIX_EPOCH;
            let order = |number: i64| Fact::new(&Order::new("test", number.to_string(), at), at, at);
            let event = |number: i64| {
                let event = Event { event_id: format!("e{number}"), name: "x".into(), source: "test".into(), ..Event::default() };
                Fact::new(&event, at, at)
            };
            let shop = open().await;
            for number in 1..=5 {
                came(&shop, order(number)).await;
                flush(&shop).await.unwrap();
            }
            shop.state.close().await;
            drop(shop);
            // The journal has no longer what it told of.
            let commit = folder.path().join("data/lake/orders/_delta_log/00000000000000000001.json");
            let sound = std::fs::read(&commit).unwrap();
            std::fs::write(&commit, "{ no commit").unwrap();
            let shop = open().await;
            for (number, last) in [(6, 7), (8, 9)] {
                came(&shop, order(number)).await;
                came(&shop, event(number)).await;
                let fault = flush(&shop).await.unwrap_err();
                assert!(fault.to_string().contains("orders"), "{fault}");
                assert_eq!(shop.lake.watermarks().await["events"], last);
                let landings = Landings::read(&shop.state).await.unwrap().unwrap();
                assert_eq!((landings.up_to, landings.behind["orders"]), (last, 5));
            }
            shop.state.close().await;
            drop(shop);
            std::fs::write(&commit, sound).unwrap();
            let shop = open().await;
            assert_eq!(flush(&shop).await.unwrap(), 2, "the two that waited, and nothing twice");
            assert_eq!(shop.lake.watermarks().await["orders"], 8);
            assert!(Landings::read(&shop.state).await.unwrap().unwrap().behind.is_empty());
        });
    }

    #[test]
    fn the_journal_keeps_the_last_landings_of_each_table() {
        let tables = [("events".into(), vec![0]), ("orders".into(), vec![0])].into();
        let mut landings = Landings { tables, ..Landings::default() };
        let mut check = |up_to: i64, events: i64, orders: i64, kept: [i64; 2]| {
            landings.landed(up_to, &[("events", events), ("orders", orders)].into());
            assert_eq!(landings.kept_after().into_values().collect::<Vec<_>>(), kept, "{landings:?}");
        };
        check(10, 10, 4, [0, 0]);
        check(20, 20, 4, [0, 0]);
        check(30, 30, 4, [10, 0]);
        check(40, 40, 35, [20, 0]);
        check(50, 50, 45, [30, 4]);
    }

    #[test]
    fn reading_begins_where_the_shortest_repaired_table_ends() {
        let tables = [("events".into(), vec![30, 40, 50]), ("orders".into(), vec![4])].into();
        let mut landings = Landings { up_to: 50, tables, ..Landings::default() };
        let check = |events, orders, expect| {
            assert_eq!(landings.begin(&[("events", events), ("orders", orders)].into()), expect, "{events} {orders}");
        };
        check(50, 4, 50);
        check(40, 4, 40);
        check(50, 0, 0);
        check(60, 4, 50);
        // A table that could not take its rows has them read again.
        landings.behind.insert("orders".into(), 20);
        assert_eq!(landings.begin(&[("events", 50), ("orders", 4)].into()), 20);
    }
}
