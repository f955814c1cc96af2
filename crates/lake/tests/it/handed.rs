//! A view that is handed to another process: the same rows, from the files that were handed over and no others.

use std::{collections::BTreeSet, ops::Range, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use lake::{Fetch, Handed, Lake, Reach, ReadView, Tail};
use object_store::{ObjectStoreExt, path::Path as Place};

use crate::{event, events, open, segment};

/// Three events in the table and two past it.
async fn filled(folder: &Path) -> (Lake, ReadView) {
    let lake = open(folder).await;
    let landed = segment(1, &[event(1), event(2), event(3)]);
    lake.land(std::slice::from_ref(&landed)).await.unwrap();
    let tail = [landed, segment(4, &[event(4), event(5)])];
    let view = lake.view(&Tail::of(&tail).expect("rows")).await.unwrap();
    (lake, view)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// As it is on the other side of a pipe.
fn sent(handed: Handed) -> Handed {
    let text = serde_json::to_string(&handed).unwrap();
    let mut there: Handed = serde_json::from_str(&text).unwrap();
    there.tails = handed.tails;
    there
}

#[tokio::test]
async fn another_process_sees_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, view) = filled(folder.path()).await;
    let handed = sent(lake.hand_over(&view, &names(&["events"])).unwrap());
    let (other, reader) = ReadView::from_handed(&handed, Reach::Folder).unwrap();
    assert_eq!(events(&other).await, events(&view).await);
    assert_eq!(other.table("events").unwrap().rows(), 5);
    assert_eq!(reader.seen().len(), 1, "its seal was checked there");
    // What was not handed over is empty.
    let (nothing, _) = ReadView::from_handed(&sent(lake.hand_over(&view, &names(&["orders"])).unwrap()), Reach::Folder).unwrap();
    assert_eq!(events(&nothing).await, [""; 0]);
}

#[tokio::test]
async fn a_seal_is_checked_once_on_either_side() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, view) = filled(folder.path()).await;
    let handed = lake.hand_over(&view, &names(&["events"])).unwrap();
    let (other, reader) = ReadView::from_handed(&handed, Reach::Folder).unwrap();
    events(&other).await;
    lake.were_seen(&handed, &reader.seen());
    lake.were_seen(&handed, &["tmp/another.parquet".into()]);
    let text = serde_json::to_string(&lake.hand_over(&view, &names(&["events"])).unwrap()).unwrap();
    assert!(text.contains("\"checked\":true") && !text.contains("\"checked\":false"), "{text}");
}

#[tokio::test]
async fn only_what_was_handed_over_can_be_read_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, view) = filled(folder.path()).await;
    std::fs::write(folder.path().join("secret.csv"), "secret").unwrap();
    let handed = lake.hand_over(&view, &names(&["events"])).unwrap();
    let (other, _) = ReadView::from_handed(&handed, Reach::Folder).unwrap();
    let (_, store) = other.table("events").unwrap().store();
    let secret = Place::from_absolute_path(folder.path().join("secret.csv")).unwrap();
    assert!(store.get(&secret).await.is_err() && store.head(&secret).await.is_err());
    assert!(store.put(&secret, "other".into()).await.is_err() && store.delete(&secret).await.is_err());
    assert_eq!(std::fs::read_to_string(folder.path().join("secret.csv")).unwrap(), "secret");
    assert!(lake.read_ranges(&handed, secret.as_ref(), std::slice::from_ref(&(0..6))).await.is_err());
}

/// The other end of the pipe.
struct Asked {
    lake: Lake,
    handed: Handed,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("asked")
    }
}

#[async_trait]
impl Fetch for Asked {
    async fn fetch(&self, path: &str, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>> {
        self.lake.read_ranges(&self.handed, path, ranges).await
    }
}

#[tokio::test]
async fn a_process_without_a_key_has_the_bytes_read_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, view) = filled(folder.path()).await;
    let expected = events(&view).await;
    let handed = lake.hand_over(&view, &names(&["events"])).unwrap();
    let fetch = Arc::new(Asked { handed: handed.clone(), lake });
    let (other, reader) = ReadView::from_handed(&handed, Reach::Through(fetch)).unwrap();
    assert_eq!(events(&other).await, expected);
    assert_eq!(reader.seen(), [""; 0], "whoever reads checks");
}
