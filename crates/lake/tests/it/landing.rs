//! Landing: once per fact, whatever is repeated, cut or reopened.

use arrow::util::pretty::pretty_format_batches;
use lake::{Tail, TailSegment};
use model::Fact;

use crate::{event, events, open, rows, segment};

fn facts(numbers: std::ops::RangeInclusive<i64>) -> Vec<Fact> {
    numbers.map(event).collect()
}

fn numbered(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(|number| format!("{number} e{number}")).collect()
}

#[tokio::test]
async fn the_same_segments_twice_are_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let segments = [segment(1, &facts(1..=2)), segment(3, &facts(3..=3))];
    let first = lake.land(&segments).await.expect("landed");
    assert_eq!((first.rows, first.commits, first.up_to), (3, 1, 3), "one commit a table");
    let second = lake.land(&segments).await.expect("landed");
    assert_eq!((second.rows, second.commits, second.up_to), (0, 0, 3), "the journal may forget them all the same");
    assert_eq!(events(&lake.view(&Tail::default()).await.expect("a view")).await, numbered(1..=3));
}

#[tokio::test]
async fn what_is_left_of_a_segment_lands() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    lake.land(&[segment(1, &facts(1..=2))]).await.expect("landed");
    let whole = [segment(1, &facts(1..=5))];
    assert_eq!(lake.land(&whole).await.expect("landed").rows, 3);
    assert_eq!(events(&lake.view(&Tail::of(&whole).expect("rows")).await.expect("a view")).await, numbered(1..=5));
}

#[tokio::test]
async fn a_view_has_no_gap_and_no_double_at_any_watermark() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let tail: Vec<TailSegment> = vec![segment(1, &facts(1..=3)), segment(4, &facts(4..=4)), segment(5, &facts(5..=6))];
    for watermark in 0..=6 {
        if watermark > 0 {
            assert_eq!(lake.land(&[segment(watermark, &facts(watermark..=watermark))]).await.expect("landed").rows, 1);
        }
        let view = lake.view(&Tail::of(&tail).expect("rows")).await.expect("a view");
        assert_eq!(events(&view).await, numbered(1..=6), "landed up to {watermark}");
        assert_eq!(view.table("events").expect("a table").tail_rows(), 6 - watermark as usize, "landed up to {watermark}");
    }
}

#[tokio::test]
async fn a_view_keeps_what_it_pinned() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    lake.land(&[segment(1, &facts(1..=1))]).await.expect("landed");
    let tail = [segment(2, &facts(2..=2))];
    let view = lake.view(&Tail::of(&tail).expect("rows")).await.expect("a view");
    lake.land(&[segment(2, &facts(2..=2)), segment(3, &facts(3..=3))]).await.expect("landed");
    lake.compact(2).await.expect("compacted");
    assert_eq!(events(&view).await, numbered(1..=2), "as it was when it was taken");
    assert_eq!(events(&lake.view(&Tail::of(&tail).expect("rows")).await.expect("a view")).await, numbered(1..=3));
}

#[tokio::test]
async fn a_lake_opened_again_remembers_what_landed() {
    let folder = tempfile::tempdir().expect("a folder");
    let segments = [segment(1, &facts(1..=2))];
    let versions = {
        let lake = open(folder.path()).await;
        lake.land(&segments).await.expect("landed");
        lake.view(&Tail::default()).await.expect("a view").versions()
    };
    let lake = open(folder.path()).await;
    assert_eq!(lake.view(&Tail::default()).await.expect("a view").versions(), versions, "opening commits nothing");
    let status = lake.status().await.expect("a status");
    let of_events = status.iter().find(|status| status.table == "events").expect("a table");
    assert_eq!((of_events.watermark, of_events.rows, of_events.files), (2, 2, 1));
    assert_eq!(lake.land(&segments).await.expect("landed").rows, 0);
    assert_eq!(events(&lake.view(&Tail::of(&segments).expect("rows")).await.expect("a view")).await, numbered(1..=2));
}

#[tokio::test]
async fn another_process_is_seen_after_a_refresh() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writer, reader) = (open(folder.path()).await, open(folder.path()).await);
    let tail = [segment(1, &facts(1..=2))];
    writer.land(&tail).await.expect("landed");
    assert_eq!(
        events(&reader.view(&Tail::of(&tail).expect("rows")).await.expect("a view")).await,
        numbered(1..=2),
        "from the tail"
    );
    assert_eq!(events(&reader.view(&Tail::default()).await.expect("a view")).await, Vec::<String>::new(), "not seen yet");
    reader.refresh().await.expect("refreshed");
    assert_eq!(
        events(&reader.view(&Tail::of(&tail).expect("rows")).await.expect("a view")).await,
        numbered(1..=2),
        "from the table alone"
    );
}

#[tokio::test]
async fn compaction_keeps_the_rows_and_leaves_fewer_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for number in 1..=5 {
        lake.land(&[segment(number, &facts(number..=number))]).await.expect("landed");
    }
    let before = pretty_format_batches(&[rows(&lake.view(&Tail::default()).await.expect("a view"), "events").await])
        .expect("text")
        .to_string();
    assert_eq!(lake.compact(6).await.expect("compacted"), [], "too few files to be worth it");
    let compacted = lake.compact(5).await.expect("compacted");
    let [events] = compacted.as_slice() else { panic!("{compacted:?}") };
    assert_eq!((events.table, events.files_before, events.files_after), ("events", 5, 1));
    let after = |lake: lake::Lake| async move {
        pretty_format_batches(&[rows(&lake.view(&Tail::default()).await.expect("a view"), "events").await])
            .expect("text")
            .to_string()
    };
    assert_eq!(after(lake).await, before, "every column of every row");
    let lake = open(folder.path()).await;
    assert_eq!(lake.land(&[segment(1, &facts(1..=5))]).await.expect("landed").rows, 0, "the watermark outlives compaction");
    assert_eq!(after(lake).await, before);
}

#[tokio::test]
async fn what_came_in_lately_is_compacted_beside_a_file_that_outweighs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    lake.land(&[segment(1, &facts(1..=30_000))]).await.expect("landed");
    for number in 30_001..=30_004 {
        lake.land(&[segment(number, &facts(number..=number))]).await.expect("landed");
    }
    let compacted = lake.compact_news(4).await.expect("compacted");
    let [events] = compacted.as_slice() else { panic!("{compacted:?}") };
    assert_eq!((events.files_before, events.files_after), (5, 2));
    assert_eq!(lake.compact_news(2).await.expect("compacted"), [], "the large file waits");
    assert_eq!(lake.compact(2).await.expect("compacted")[0].files_after, 1, "all of it, when asked");
    let view = lake.view(&Tail::default()).await.expect("a view");
    assert_eq!(view.table("events").expect("a table").rows(), 30_004);
}
