//! A document and the facts of it are one: both there, or neither; and a second telling changes nothing.

use model::Fact;
use state::{DocumentChange, MergedDocument, StateError};

use crate::{Shop, event, minute};

/// A document of bytes in order, each once; a fact for each state it has.
fn add(id: &str, byte: u8) -> DocumentChange {
    let name = id.to_string();
    DocumentChange {
        kind: "order",
        id: id.into(),
        merge: Box::new(move |before| {
            let mut document = before.unwrap_or_default().to_vec();
            if !document.contains(&byte) {
                document.push(byte);
                document.sort();
            }
            let facts = vec![event(format!("{name} {document:?}"))];
            Ok(MergedDocument { document, facts })
        }),
    }
}

async fn states(shop: &Shop) -> Vec<String> {
    let rows = shop.journaled("events").await;
    rows.iter().map(|row| row["event_id"].as_str().unwrap().to_string()).collect()
}

#[tokio::test]
async fn what_came_is_joined_once_and_outlives_a_restart() {
    let shop = Shop::new().await;
    let update = async |shop: &Shop, changes: Vec<DocumentChange>, others: Vec<Fact>| {
        let done = shop.state.documents().update("shop", changes, others, minute(0)).await.unwrap();
        (done.changed, done.repeated, done.stored)
    };
    assert_eq!(update(&shop, vec![add("a", 2), add("b", 7)], vec![event("other")]).await, (2, 0, 3));
    let shop = shop.reopen().await;
    assert_eq!(update(&shop, vec![add("a", 1), add("a", 2)], vec![event("other")]).await, (1, 1, 1));
    assert_eq!(update(&shop, vec![add("a", 1)], Vec::new()).await, (0, 1, 0));
    assert_eq!(update(&shop, Vec::new(), Vec::new()).await, (0, 0, 0));
    assert_eq!(states(&shop).await, ["other", "a [2]", "b [7]", "a [1, 2]"]);
    assert_eq!(shop.state.documents().count("shop", "order").await.unwrap(), 2);
    assert_eq!(shop.state.documents().count("other shop", "order").await.unwrap(), 0);
}

#[tokio::test]
async fn a_change_that_fails_leaves_nothing_of_the_others() {
    let shop = Shop::new().await;
    let failing = DocumentChange { kind: "order", id: "b".into(), merge: Box::new(|_| Err("no such shape".into())) };
    let done = shop.state.documents().update("shop", vec![add("a", 1), failing], vec![event("other")], minute(0)).await;
    assert!(matches!(done, Err(StateError::Unreadable { .. })), "{done:?}");
    assert_eq!((states(&shop).await.len(), shop.state.documents().count("shop", "order").await.unwrap()), (0, 0));
    // Writing goes on: the disk is not to blame.
    shop.state.documents().update("shop", vec![add("a", 1)], Vec::new(), minute(0)).await.unwrap();
    assert_eq!(states(&shop).await, ["a [1]"]);
}

#[tokio::test]
async fn deliveries_at_once_lose_nothing() {
    let shop = Shop::new().await;
    let all = (0..40_u8).map(|byte| {
        let documents = shop.state.documents().clone();
        tokio::spawn(async move { documents.update("shop", vec![add("a", byte)], Vec::new(), minute(0)).await.unwrap() })
    });
    for task in all.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap().changed, 1);
    }
    let expect: Vec<u8> = (0..40).collect();
    assert_eq!(states(&shop).await.last().unwrap(), &format!("a {expect:?}"));
}

/// Documents name people.
#[tokio::test]
async fn a_document_lies_sealed() {
    let shop = Shop::new().await;
    let told = DocumentChange {
        kind: "order",
        id: "a".into(),
        merge: Box::new(|_| Ok(MergedDocument { document: b"hanako at example.jp".to_vec(), facts: Vec::new() })),
    };
    shop.state.documents().update("shop", vec![told], Vec::new(), minute(0)).await.unwrap();
    let found = ["state.db", "state.db-wal"].into_iter().any(|name| {
        let bytes = std::fs::read(shop.folder.path().join(name)).unwrap_or_default();
        bytes.windows(6).any(|window| window == b"hanako")
    });
    assert!(!found);
}
