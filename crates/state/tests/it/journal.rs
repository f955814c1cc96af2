//! The journal: what was acknowledged is there once, in order, after a reopening and after a kill.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use model::{CustomerId, Fact, Suppression};
use state::{Once, State};

use crate::{MASTER_KEY, Shop, event, minute};

#[tokio::test]
async fn a_fact_is_stored_once_and_gets_one_position() {
    let shop = Shop::new().await;
    let journal = shop.state.journal();
    let check = async |ids: &[&str], stored, duplicates, first, last| {
        let done = journal.append(ids.iter().map(event).collect(), minute(0)).await.unwrap();
        assert_eq!((done.stored, done.duplicates, done.first, done.last), (stored, duplicates, first, last), "{ids:?}");
    };
    check(&["a", "b", "a"], 2, 1, 1, 2).await;
    check(&["b", "a"], 0, 2, 2, 2).await;
    check(&["c", "b", "d"], 2, 1, 3, 4).await;
    check(&[], 0, 0, 4, 4).await;
    let tail = journal.tail(1).await.unwrap();
    assert_eq!(tail.iter().map(|segment| (segment.first_position, segment.rows)).collect::<Vec<_>>(), [(2, 1), (3, 2)]);
    assert_eq!(journal.tail(4).await.unwrap(), []);
    assert_eq!(
        journal.pending_bytes().await.unwrap(),
        shop.journaled("events").await.len() as u64 * (event("a").row.len() as u64 + 1)
    );
}

#[tokio::test]
async fn positions_are_not_given_again_after_a_trim() {
    let mut shop = Shop::new().await;
    shop.state.journal().append(vec![event("a"), event("b")], minute(0)).await.unwrap();
    shop.state.journal().append(vec![event("c")], minute(0)).await.unwrap();
    assert_eq!(shop.state.journal().trim(1).await.unwrap(), 0, "a segment goes as a whole");
    assert_eq!(shop.state.journal().trim(2).await.unwrap(), 1);
    assert_eq!(shop.state.journal().tail(0).await.unwrap()[0].first_position, 3);
    assert_eq!(shop.state.journal().trim(3).await.unwrap(), 1);
    shop = shop.reopen().await;
    let journal = shop.state.journal();
    assert_eq!((journal.last_position().await.unwrap(), journal.pending_bytes().await.unwrap()), (3, 0));
    let done = journal.append(vec![event("a"), event("d")], minute(0)).await.unwrap();
    assert_eq!((done.stored, done.duplicates, done.first), (1, 1, 4), "keys outlive the trim");
}

#[tokio::test]
async fn facts_of_several_tables_are_kept_apart() {
    let shop = Shop::new().await;
    let suppression = Suppression {
        customer_id: CustomerId::stored("c"),
        channel: model::Channel::Line,
        reason: "blocked".into(),
        active: true,
        source: "line".into(),
        changed_at: minute(0),
    };
    let facts = vec![event("a"), Fact::new(&suppression, minute(0), minute(0)), event("b")];
    let done = shop.state.journal().append(facts, minute(5)).await.unwrap();
    assert_eq!((done.first, done.last), (1, 3));
    let tail = shop.state.journal().tail(0).await.unwrap();
    let got: Vec<_> = tail.iter().map(|s| (s.table.as_str(), s.first_position, s.rows, s.ingested_at)).collect();
    assert_eq!(got, [("events", 1, 2, minute(5)), ("suppressions", 3, 1, minute(5))]);
    shop.state.journal().append(vec![event("c")], minute(1)).await.unwrap();
    assert_eq!(shop.state.journal().tail(3).await.unwrap()[0].ingested_at, minute(5), "ingest time never goes back");
    let part = shop.state.journal().tail_part(0, Some("events"), 1).await.unwrap();
    assert_eq!(part.iter().map(|s| s.first_position).collect::<Vec<_>>(), [1], "at least one segment, then the limit");
}

#[tokio::test]
async fn large_appends_are_cut_into_segments() {
    let shop = Shop::new().await;
    let facts = (0..25_000).map(event).collect();
    shop.state.journal().append(facts, minute(0)).await.unwrap();
    let tail = shop.state.journal().tail(0).await.unwrap();
    assert_eq!(
        tail.iter().map(|s| (s.first_position, s.rows)).collect::<Vec<_>>(),
        [(1, 10_000), (10_001, 10_000), (20_001, 5_000)]
    );
    let text = String::from_utf8(tail[2].payload.clone()).unwrap();
    assert!(text.lines().count() == 5_000 && text.lines().last().unwrap().contains("\"24999\""));
}

#[tokio::test]
async fn a_file_chunk_is_imported_once() {
    let mut shop = Shop::new().await;
    let once = async |shop: &Shop, key: &str, ids: &[&str]| {
        shop.state.journal().append_once(key, ids.iter().map(event).collect(), minute(0)).await.unwrap()
    };
    assert!(matches!(once(&shop, "file-1", &["a", "b"]).await, Once::Stored(done) if done.stored == 2));
    assert_eq!(once(&shop, "file-1", &["a", "b"]).await, Once::AlreadyDone);
    assert!(matches!(once(&shop, "file-2", &["b", "c"]).await, Once::Stored(done) if (done.stored, done.duplicates) == (1, 1)));
    shop = shop.reopen().await;
    assert_eq!(once(&shop, "file-2", &["z"]).await, Once::AlreadyDone);
    assert_eq!(shop.state.journal().last_position().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_found_once() {
    let mut shop = Shop::new().await;
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let journal = shop.state.journal().clone();
            tokio::spawn(async move {
                let mut positions = Vec::new();
                for round in 0..20 {
                    // Its own, and one that all tasks bring.
                    let facts = vec![event(format!("{task}-{round}")), event(format!("shared-{round}"))];
                    let done = journal.append(facts, minute(round)).await.unwrap();
                    assert_eq!(done.stored + done.duplicates, 2);
                    assert_eq!(done.last - done.first + 1, done.stored as i64);
                    positions.extend(done.first..=done.last);
                }
                positions
            })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    let stored = 64 * 20 + 20;
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len(), "no position is given twice");
    given.sort_unstable();
    assert_eq!(given, (1..=stored).collect::<Vec<i64>>());
    shop = shop.reopen().await;
    let rows = shop.journaled("events").await;
    let ids: BTreeSet<_> = rows.iter().map(|row| row["event_id"].to_string()).collect();
    assert_eq!((rows.len(), ids.len()), (stored as usize, stored as usize));
}

/// Killed in the middle of appending, everything it had acknowledged is there.
#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut last = 0;
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::child_that_appends_until_killed", "--ignored", "--nocapture"])
            .env("STATE_TEST_DATABASE", &path)
            .env("STATE_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledged = lines.filter_map(|line| line.strip_prefix("acknowledged ").and_then(|n| n.parse::<i64>().ok()));
        last = acknowledged.nth(100).expect("the child appends");
        child.kill().unwrap();
        child.wait().unwrap();
        let state = State::open(&path, MASTER_KEY).await.unwrap();
        assert!(state.journal().last_position().await.unwrap() >= last, "round {round}");
        state.close().await;
    }
    let state = State::open(&path, MASTER_KEY).await.unwrap();
    let rows: usize = state.journal().tail(0).await.unwrap().iter().map(|segment| segment.rows).sum();
    assert_eq!(rows as i64, state.journal().last_position().await.unwrap());
    assert!(last > 300);
}

#[tokio::test]
#[ignore = "run by the test above as a process of its own"]
async fn child_that_appends_until_killed() {
    let Ok(path) = std::env::var("STATE_TEST_DATABASE") else { return };
    let round = std::env::var("STATE_TEST_ROUND").unwrap();
    let state = State::open(path.as_ref(), MASTER_KEY).await.unwrap();
    for number in 0.. {
        let done = state.journal().append(vec![event(format!("{round}-{number}"))], minute(0)).await.unwrap();
        println!("\nacknowledged {}", done.last);
    }
}
