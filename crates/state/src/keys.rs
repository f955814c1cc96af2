//! Which facts were ever stored, by their 16-byte keys, for ever.
//!
//! Keys are hashes, so a tree of them is written at random places: a page of 4 KB per key once there are many. Here they are written in
//! order instead. A transaction adds the keys it claims as one row; after [`RECENT_MAX`] of them they become a sorted run, and runs of
//! about one size are merged into a larger one, a slice per transaction, so that nobody waits long. A run never changes, and a key's
//! page in it follows from the key. A filter per run tells for nearly every new key that it is new, without reading.
//!
//! In memory: the recent keys, and the filters (1.5 MB per million keys). They are a copy of what the database says, and are changed
//! only when a transaction is known to be committed; after one of unknown outcome they are read anew.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{
    StateError,
    db::{Tx, get, json_rows, unreadable},
};

/// Keys that become a run: 1 MiB of them.
const RECENT_MAX: usize = if cfg!(test) { 16 } else { 65_536 };
/// Runs of about one size that are merged into one.
const MERGED_RUNS: usize = 8;
/// What a page holds on average. The most that chance makes of it still fits a page of SQLite.
const PAGE_KEYS: u64 = if cfg!(test) { 4 } else { 192 };
/// Pages removed in one transaction.
const REMOVED_PAGES: u64 = if cfg!(test) { 8 } else { 2048 };
const FILTER_BITS_PER_KEY: u64 = 12;
/// A filter's block is one cache line.
const BLOCK_WORDS: usize = 8;
const MARKS: u32 = 6;
/// After this a chunk of an imported file is forgotten. Its facts are not: importing it again stores nothing.
const BATCH_KEPT_MICROS: i64 = 30 * 86_400 * 1_000_000;

/// What is known of the keys, beside the one writer.
#[derive(Default)]
pub(crate) struct Keys {
    /// Absent until it is needed, and while a transaction that changes it is on its way.
    index: Option<Index>,
    /// What the transaction at hand claims.
    claimed: Recent,
}

type Recent = HashSet<u128, BuildHasherDefault<Itself>>;

#[derive(Default)]
struct Index {
    recent: Recent,
    runs: Vec<Run>,
    merge: Option<Merge>,
    /// Runs that are being removed.
    dead: Vec<Pages>,
    next_run: i64,
}

struct Run {
    pages: Pages,
    keys: u64,
    filter: Filter,
}

/// The pages of a run from `next` on.
struct Pages {
    run: i64,
    next: u64,
    count: u64,
}

/// Runs on their way into one.
struct Merge {
    inputs: Vec<i64>,
    output: Run,
}

impl Keys {
    /// As a transaction finds it.
    pub fn begin(&mut self) {
        self.claimed.clear();
    }

    /// For each key whether it is new, and those that are, to be stored by the transaction. A key that comes twice is new the first time.
    pub async fn claim(&mut self, tx: &mut Tx, keys: impl Iterator<Item = [u8; 16]>) -> Result<(Vec<bool>, Vec<u8>), StateError> {
        if self.index.is_none() {
            self.index = Some(Index::load(tx).await?);
        }
        let Keys { index: Some(index), claimed } = self else { unreachable!("it was read above") };
        let keys: Vec<u128> = keys.map(u128::from_be_bytes).collect();
        let mut new: Vec<bool> = keys.iter().map(|key| !index.recent.contains(key) && claimed.insert(*key)).collect();
        let candidates = || keys.iter().zip(&new).filter(|(_, new)| **new).map(|(key, _)| *key);
        let old = index.found(tx, candidates()).await?;
        if !old.is_empty() {
            for (key, new) in keys.iter().zip(&mut new) {
                *new &= !old.contains(key);
            }
            claimed.retain(|key| !old.contains(key));
        }
        let bytes = keys.iter().zip(&new).filter(|(_, new)| **new).flat_map(|(key, _)| key.to_be_bytes()).collect();
        Ok((new, bytes))
    }

    /// One step of putting keys in order: about as much work as `budget` keys are. The transaction has claimed nothing.
    pub async fn tidy(&mut self, tx: &mut Tx, budget: usize) -> Result<(), StateError> {
        // Taken out: after a step that failed, the index is read anew.
        let Some(mut index) = self.index.take() else { return Ok(()) };
        index.step(tx, budget as u64).await?;
        self.index = Some(index);
        Ok(())
    }

    /// To be put back by [`Keys::committed`]. If that is never heard, nobody knows which keys are stored, and they are read anew.
    pub fn committing(&mut self) -> Committing {
        Committing(self.index.take())
    }

    /// Whether there is something to tidy.
    pub fn committed(&mut self, Committing(index): Committing) -> bool {
        self.index = index;
        let Some(index) = &mut self.index else { return false };
        index.recent.extend(self.claimed.drain());
        index.has_work()
    }
}

pub(crate) struct Committing(Option<Index>);

impl Index {
    async fn load(tx: &mut Tx) -> Result<Index, StateError> {
        let mut index = Index { next_run: 1, ..Index::default() };
        for row in tx.rows(sqlx::query("SELECT keys FROM recent_keys")).await? {
            index.recent.extend(keys_of(get(&row, "keys")?)?);
        }
        for row in tx.rows(sqlx::query("SELECT run, live, keys, pages, filter FROM key_runs ORDER BY run")).await? {
            let pages = Pages { run: get(&row, "run")?, next: 0, count: get::<i64>(&row, "pages")? as u64 };
            index.next_run = pages.run + 1;
            if get::<bool>(&row, "live")? {
                let filter = Filter::read(get(&row, "filter")?)?;
                index.runs.push(Run { pages, keys: get::<i64>(&row, "keys")? as u64, filter });
            } else {
                index.dead.push(pages);
            }
        }
        Ok(index)
    }

    /// Those of `keys` that some run has.
    async fn found(&self, tx: &mut Tx, keys: impl Iterator<Item = u128>) -> Result<Recent, StateError> {
        let mut asked: Vec<(i64, u128)> = Vec::new();
        for key in keys {
            asked.extend(self.runs.iter().filter(|run| run.filter.may_have(key)).map(|run| (run.pages.row_of(key), key)));
        }
        let mut found = Recent::default();
        if asked.is_empty() {
            return Ok(found);
        }
        asked.sort_unstable();
        // A page at most once, and not so many at a time that their bytes count.
        for part in asked.chunks(4096) {
            let mut rows: Vec<i64> = part.iter().map(|(row, _)| *row).collect();
            rows.dedup();
            let pages = sqlx::query("SELECT page, keys FROM key_pages WHERE page IN (SELECT value FROM json_each($1))");
            for row in tx.rows(pages.bind(json_rows(&rows))).await? {
                let (page, keys): (i64, &[u8]) = (get(&row, "page")?, get(&row, "keys")?);
                let (keys, _) = keys.as_chunks::<16>();
                let of_page = part.partition_point(|(row, _)| *row < page);
                for (_, key) in part[of_page..].iter().take_while(|(row, _)| *row == page) {
                    if keys.binary_search(&key.to_be_bytes()).is_ok() {
                        found.insert(*key);
                    }
                }
            }
        }
        Ok(found)
    }

    fn has_work(&self) -> bool {
        self.recent.len() >= RECENT_MAX || self.merge.is_some() || !self.dead.is_empty() || !self.to_merge().is_empty()
    }

    async fn step(&mut self, tx: &mut Tx, budget: u64) -> Result<(), StateError> {
        if self.recent.len() >= RECENT_MAX {
            return self.spill(tx).await;
        }
        if let Some(merge) = self.merge.take() {
            return self.merge_slice(tx, merge, budget).await;
        }
        if let Some(dead) = self.dead.pop() {
            return self.remove(tx, dead).await;
        }
        let inputs = self.to_merge();
        if !inputs.is_empty() {
            let keys = self.runs.iter().filter(|run| inputs.contains(&run.pages.run)).map(|run| run.keys).sum();
            let output = self.make(tx, keys).await?;
            self.merge = Some(Merge { inputs, output });
        }
        Ok(())
    }

    /// The recent keys become a run.
    async fn spill(&mut self, tx: &mut Tx) -> Result<(), StateError> {
        // What is deleted below is what is read here, and not what memory thinks it is.
        let mut keys: Vec<u128> = Vec::with_capacity(self.recent.len());
        for row in tx.rows(sqlx::query("SELECT keys FROM recent_keys")).await? {
            keys.extend(keys_of(get(&row, "keys")?)?);
        }
        keys.sort_unstable();
        self.recent.clear();
        let mut run = self.make(tx, keys.len() as u64).await?;
        run.write(tx, &keys).await?;
        run.enliven(tx).await?;
        self.runs.push(run);
        tx.execute(sqlx::query("DELETE FROM recent_keys")).await?;
        let old = sqlx::query("DELETE FROM import_batches WHERE ingested_at < (SELECT last_ingested_at FROM journal_end) - $1");
        tx.execute(old.bind(BATCH_KEPT_MICROS)).await?;
        Ok(())
    }

    /// The smallest runs of about one size, if there are enough of them.
    fn to_merge(&self) -> Vec<i64> {
        // Eight times as many keys is the next size.
        let size = |run: &Run| (run.keys / RECENT_MAX as u64).max(1).ilog2() / MERGED_RUNS.ilog2();
        let of_size = |wanted| self.runs.iter().filter(move |run| size(run) == wanted).map(|run| run.pages.run);
        let sizes = self.runs.iter().map(size).max().map_or(0, |most| most + 1);
        (0..sizes).find(|wanted| of_size(*wanted).count() >= MERGED_RUNS).map_or(Vec::new(), |wanted| of_size(wanted).collect())
    }

    /// A run without keys as yet.
    async fn make(&mut self, tx: &mut Tx, keys: u64) -> Result<Run, StateError> {
        let pages = Pages { run: self.next_run, next: 0, count: keys.div_ceil(PAGE_KEYS).max(1) };
        self.next_run += 1;
        let statement = sqlx::query("INSERT INTO key_runs VALUES ($1, 0, $2, $3, NULL)");
        tx.execute(statement.bind(pages.run).bind(keys as i64).bind(pages.count as i64)).await?;
        Ok(Run { pages, keys, filter: Filter::new(keys) })
    }

    async fn merge_slice(&mut self, tx: &mut Tx, mut merge: Merge, budget: u64) -> Result<(), StateError> {
        let pages = &merge.output.pages;
        let until = (pages.next + (budget / PAGE_KEYS).max(1)).min(pages.count);
        let (from, to) = (pages.start_of(pages.next), pages.start_of(until));
        let mut keys = Vec::with_capacity(2 * budget as usize);
        for input in self.runs.iter().filter(|run| merge.inputs.contains(&run.pages.run)) {
            let (first, last) = (input.pages.row_of(from), input.pages.row_of(to.wrapping_sub(1)));
            let rows = sqlx::query("SELECT keys FROM key_pages WHERE page BETWEEN $1 AND $2 ORDER BY page");
            for row in tx.rows(rows.bind(first).bind(last)).await? {
                // After the last slice `to` is past every key, which is 0 in 128 bits.
                keys.extend(keys_of(get(&row, "keys")?)?.filter(|key| *key >= from && (*key < to || to == 0)));
            }
        }
        keys.sort_unstable();
        merge.output.write(tx, &keys).await?;
        merge.output.pages.next = until;
        if until < merge.output.pages.count {
            self.merge = Some(merge);
            return Ok(());
        }
        merge.output.pages.next = 0;
        merge.output.enliven(tx).await?;
        for input in &merge.inputs {
            tx.execute(sqlx::query("UPDATE key_runs SET live = 0, filter = NULL WHERE run = $1").bind(input)).await?;
        }
        let (dead, live): (Vec<Run>, _) = self.runs.drain(..).partition(|run| merge.inputs.contains(&run.pages.run));
        self.dead.extend(dead.into_iter().map(|run| run.pages));
        self.runs = live;
        self.runs.push(merge.output);
        Ok(())
    }

    async fn remove(&mut self, tx: &mut Tx, mut dead: Pages) -> Result<(), StateError> {
        let until = (dead.next + REMOVED_PAGES).min(dead.count);
        let statement = sqlx::query("DELETE FROM key_pages WHERE page >= $1 AND page < $2");
        tx.execute(statement.bind(dead.row(dead.next)).bind(dead.row(until))).await?;
        dead.next = until;
        if until < dead.count {
            self.dead.push(dead);
        } else {
            tx.execute(sqlx::query("DELETE FROM key_runs WHERE run = $1").bind(dead.run)).await?;
        }
        Ok(())
    }
}

impl Run {
    /// Sorted keys, every one of each page they touch.
    async fn write(&mut self, tx: &mut Tx, keys: &[u128]) -> Result<(), StateError> {
        let mut places: Vec<(i64, usize, usize)> = Vec::with_capacity(keys.len() / PAGE_KEYS as usize + 1);
        let mut bytes = Vec::with_capacity(keys.len() * 16);
        for page in keys.chunk_by(|one, next| self.pages.row_of(*one) == self.pages.row_of(*next)) {
            places.push((self.pages.row_of(page[0]), bytes.len() + 1, page.len() * 16));
            for key in page {
                bytes.extend_from_slice(&key.to_be_bytes());
                self.filter.add(*key);
            }
        }
        let statement =
            sqlx::query("INSERT INTO key_pages SELECT value ->> 0, substr($2, value ->> 1, value ->> 2) FROM json_each($1)");
        tx.execute(statement.bind(json_rows(&places)).bind(bytes)).await?;
        Ok(())
    }

    async fn enliven(&self, tx: &mut Tx) -> Result<(), StateError> {
        let statement = sqlx::query("UPDATE key_runs SET live = 1, filter = $2 WHERE run = $1");
        tx.execute(statement.bind(self.pages.run).bind(self.filter.bytes())).await?;
        Ok(())
    }
}

impl Pages {
    fn row(&self, page: u64) -> i64 {
        (self.run << 32) + page as i64
    }

    /// Where a key is, if it is in this run. Keys are spread evenly, so their order is that of their pages.
    fn row_of(&self, key: u128) -> i64 {
        self.row((((key >> 64) * u128::from(self.count)) >> 64) as u64)
    }

    /// The first key that belongs to a page; 0 for the one after the last.
    fn start_of(&self, page: u64) -> u128 {
        (u128::from(page) << 64).div_ceil(u128::from(self.count)) << 64
    }
}

/// A Bloom filter whose marks for a key lie in one cache line. About one new key in two hundred looks known.
struct Filter {
    blocks: Vec<[u64; BLOCK_WORDS]>,
}

impl Filter {
    fn new(keys: u64) -> Filter {
        let blocks = (keys * FILTER_BITS_PER_KEY).div_ceil(BLOCK_WORDS as u64 * 64).max(1);
        Filter { blocks: vec![[0; BLOCK_WORDS]; blocks as usize] }
    }

    fn read(bytes: &[u8]) -> Result<Filter, StateError> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (blocks, more) = words.as_chunks::<BLOCK_WORDS>();
        if blocks.is_empty() || !rest.is_empty() || !more.is_empty() {
            return Err(unreadable("filter of keys", format!("{} bytes are no filter", bytes.len())));
        }
        Ok(Filter { blocks: blocks.iter().map(|block| block.map(u64::from_le_bytes)).collect() })
    }

    fn bytes(&self) -> Vec<u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn add(&mut self, key: u128) {
        let block = self.block_of(key);
        for mark in marks(key) {
            self.blocks[block][mark / 64] |= 1 << (mark % 64);
        }
    }

    fn may_have(&self, key: u128) -> bool {
        let block = &self.blocks[self.block_of(key)];
        marks(key).all(|mark| block[mark / 64] >> (mark % 64) & 1 == 1)
    }

    fn block_of(&self, key: u128) -> usize {
        ((u128::from(key as u64) * self.blocks.len() as u128) >> 64) as usize
    }
}

/// Nine bits of the key for each mark, none of which chose its block.
fn marks(key: u128) -> impl Iterator<Item = usize> {
    let bits = (key >> 64) as u64;
    (0..MARKS).map(move |mark| (bits >> (9 * mark)) as usize % (BLOCK_WORDS * 64))
}

/// Moves what `fact_keys` holds, the table of former versions, into a run, and drops it.
pub(crate) async fn move_former(tx: &mut Tx) -> Result<(), StateError> {
    let count = tx.row(sqlx::query("SELECT count(*) AS keys FROM fact_keys")).await?;
    let count: i64 = count.as_ref().map_or(Ok(0), |row| get(row, "keys"))?;
    if count > 0 {
        let mut index = Index::load(tx).await?;
        let mut run = index.make(tx, count as u64).await?;
        let mut whole_pages: Vec<u128> = Vec::new();
        let mut after: Vec<u8> = Vec::new();
        loop {
            let statement = sqlx::query("SELECT key FROM fact_keys WHERE key > $1 ORDER BY key LIMIT 65536").bind(after);
            let rows = tx.rows(statement).await?;
            for row in &rows {
                whole_pages.extend(keys_of(get(row, "key")?)?);
            }
            let Some(last) = whole_pages.last().copied().filter(|_| !rows.is_empty()) else { break };
            after = last.to_be_bytes().to_vec();
            // The last page may go on in the next rows.
            let open = whole_pages.partition_point(|key| run.pages.row_of(*key) < run.pages.row_of(last));
            let next = whole_pages.split_off(open);
            run.write(tx, &whole_pages).await?;
            whole_pages = next;
        }
        run.write(tx, &whole_pages).await?;
        run.enliven(tx).await?;
    }
    tx.execute(sqlx::query("DROP TABLE fact_keys")).await?;
    Ok(())
}

fn keys_of(bytes: &[u8]) -> Result<impl Iterator<Item = u128>, StateError> {
    let (keys, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(unreadable("fact key", format!("{} bytes are not a number of keys", bytes.len())));
    }
    Ok(keys.iter().map(|key| u128::from_be_bytes(*key)))
}

/// A key is a hash already.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::db::Db;

    #[derive(Debug, Clone)]
    enum Step {
        Claim(Vec<u16>),
        /// Claimed by a transaction that is rolled back.
        Abandon(Vec<u16>),
        Tidy(usize),
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let numbers = || prop::collection::vec(0..600_u16, 0..40);
        prop_oneof![
            8 => numbers().prop_map(Step::Claim),
            1 => numbers().prop_map(Step::Abandon),
            12 => (1..200_usize).prop_map(Step::Tidy),
            1 => Just(Step::Reopen),
        ]
    }

    fn key(number: u16) -> [u8; 16] {
        model::id_bytes(&number.to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_key_is_new_once(steps in prop::collection::vec(step(), 1..120)) {
            tokio::runtime::Runtime::new().unwrap().block_on(check(&steps));
        }
    }

    async fn check(steps: &[Step]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut db = Db::open(&path).await.unwrap();
        let mut known: BTreeSet<u16> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Claim(numbers) | Step::Abandon(numbers) => {
                    let mut with = known.clone();
                    let expect: Vec<bool> = numbers.iter().map(|number| with.insert(*number)).collect();
                    let mut tx = db.begin("claim").await.unwrap();
                    // In two parts: a transaction also knows what it claimed itself.
                    let (one, two) = numbers.split_at(numbers.len() / 2);
                    let mut new = tx.claim_keys(one.iter().map(|number| key(*number))).await.unwrap();
                    new.extend(tx.claim_keys(two.iter().map(|number| key(*number))).await.unwrap());
                    assert_eq!(new, expect, "{numbers:?}");
                    if matches!(step, Step::Claim(_)) {
                        tx.commit().await.unwrap();
                        known = with;
                    }
                }
                Step::Tidy(budget) => db.tidy_keys(*budget).await.unwrap(),
                Step::Reopen => {
                    db.close().await;
                    db = Db::open(&path).await.unwrap();
                }
            }
        }
        assert_eq!(stored(&db).await, known.iter().map(|number| u128::from_be_bytes(key(*number))).collect());
    }

    /// Every key of a database; each is in one place.
    async fn stored(db: &Db) -> BTreeSet<u128> {
        let live = "SELECT keys FROM recent_keys UNION ALL
                    SELECT key_pages.keys FROM key_pages JOIN key_runs ON run = page >> 32 AND live = 1";
        let mut keys = BTreeSet::new();
        for row in db.rows("read every key", sqlx::query(live)).await.unwrap() {
            for key in keys_of(get(&row, "keys").unwrap()).unwrap() {
                assert!(keys.insert(key), "{key:032x} is there twice");
            }
        }
        keys
    }

    #[tokio::test]
    async fn everything_is_merged_in_the_end_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("state.db")).await.unwrap();
        let numbers: Vec<u16> = (0..(RECENT_MAX * MERGED_RUNS * MERGED_RUNS) as u16).collect();
        for part in numbers.chunks(RECENT_MAX) {
            let mut tx = db.begin("claim").await.unwrap();
            assert!(tx.claim_keys(part.iter().map(|number| key(*number))).await.unwrap().iter().all(|new| *new));
            tx.commit().await.unwrap();
            for _ in 0..20 {
                db.tidy_keys(50).await.unwrap();
            }
        }
        for _ in 0..400 {
            db.tidy_keys(50).await.unwrap();
        }
        let count =
            "SELECT (SELECT count(*) FROM key_runs) AS runs, (SELECT count(DISTINCT page >> 32) FROM key_pages) AS of_pages";
        let row = db.row("count", sqlx::query(count)).await.unwrap().unwrap();
        let (runs, of_pages): (i64, i64) = (get(&row, "runs").unwrap(), get(&row, "of_pages").unwrap());
        assert_eq!((runs, of_pages, stored(&db).await.len()), (1, 1, numbers.len()));
    }

    #[tokio::test]
    async fn what_a_former_version_knew_is_still_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let db = Db::open(&path).await.unwrap();
        let mut tx = db.begin("write as a former version").await.unwrap();
        tx.execute(sqlx::query("CREATE TABLE fact_keys (key BLOB PRIMARY KEY) WITHOUT ROWID")).await.unwrap();
        for number in 0..200 {
            tx.execute(sqlx::query("INSERT INTO fact_keys VALUES ($1)").bind(key(number).to_vec())).await.unwrap();
        }
        tx.commit().await.unwrap();
        db.close().await;
        let db = Db::open(&path).await.unwrap();
        let mut tx = db.begin("claim").await.unwrap();
        let new = tx.claim_keys((0..300).map(key)).await.unwrap();
        assert_eq!(new, (0..300).map(|number| number >= 200).collect::<Vec<_>>());
    }

    #[test]
    fn few_new_keys_look_known() {
        let mut filter = Filter::new(10_000);
        (0..10_000).for_each(|number| filter.add(u128::from_be_bytes(key(number))));
        let filter = Filter::read(&filter.bytes()).unwrap();
        let looks_known =
            |numbers: std::ops::Range<u16>| numbers.filter(|n| filter.may_have(u128::from_be_bytes(key(*n)))).count();
        assert_eq!(looks_known(0..10_000), 10_000);
        assert!(looks_known(20_000..60_000) < 400);
    }
}
