//! How fast facts are acknowledged, beside the least a durable log can do: one `write` and one `fdatasync` per group.
//!
//! `cargo bench -p state`. Absolute numbers are the disk's; the ratio, taken in one run, is ours.

use std::{
    io::Write,
    path::Path,
    time::{Duration, Instant as Clock},
};

use model::{Event, Fact, Instant};
use state::State;
use tokio::sync::{mpsc, oneshot};

const EACH: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    println!("{:>9}  {:>14}  {:>14}  {:>6}", "producers", "journal 1/s", "file 1/s", "ratio");
    for producers in [1, 16, 64] {
        let path = folder.path().join(format!("{producers}.db"));
        let state = State::open(&path, [1; 32]).await.expect("the database opens");
        let journal = state.journal().clone();
        let ours = rate(producers, move |fact| {
            let journal = journal.clone();
            async move { journal.append(vec![fact], Instant::default()).await.map(|_| ()).expect("it is stored") }
        });
        let ours = ours.await;
        let file = start_file(&folder.path().join(format!("{producers}.log")));
        let plain = rate(producers, move |fact| {
            let file = file.clone();
            async move {
                let (answer, answered) = oneshot::channel();
                file.send((fact.row, answer)).await.expect("the writer runs");
                answered.await.expect("it is written");
            }
        });
        let plain = plain.await;
        println!("{producers:>9}  {ours:>14.0}  {plain:>14.0}  {:>6.2}", ours / plain);
    }
    bulk(folder.path()).await;
    batches(folder.path()).await;
}

/// As many clients send batches of 100, to a journal that knows few keys and to one that knows many.
async fn batches(folder: &Path) {
    const BATCH: usize = 100;
    const CLIENTS: usize = 32;
    let state = State::open(&folder.join("batches.db"), [1; 32]).await.expect("the database opens");
    let mut known = 0;
    println!("\n{:>9}  {:>14}  {:>14}", "known", "facts 1/s", "database MB");
    for grow in [0, 1_000_000, 3_000_000] {
        while known < grow {
            // Only the keys count here.
            let facts = (0..50_000).map(|n| Fact { table: "events", key: key(known + n), row: "{}".into() }).collect();
            state.journal().append(facts, Instant::default()).await.expect("it is stored");
            known += 50_000;
        }
        let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(known));
        let started = Clock::now();
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (journal, next) = (state.journal().clone(), next.clone());
                tokio::spawn(async move {
                    while started.elapsed() < EACH {
                        let first = next.fetch_add(BATCH, std::sync::atomic::Ordering::Relaxed);
                        let facts = (first..first + BATCH).map(|n| Fact { key: key(n), ..fact(n) }).collect();
                        journal.append(facts, Instant::default()).await.expect("it is stored");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a client ends");
        }
        let now = next.load(std::sync::atomic::Ordering::Relaxed);
        let rate = (now - known) as f64 / started.elapsed().as_secs_f64();
        let bytes = std::fs::metadata(folder.join("batches.db")).map_or(0, |file| file.len());
        println!("{known:>9}  {rate:>14.0}  {:>14}", bytes / 1_000_000);
        known = now;
        state.journal().trim(i64::MAX).await.expect("it is trimmed");
    }
}

fn key(number: usize) -> [u8; 16] {
    model::id_bytes(&number.to_string())
}

/// Appends per second of `producers` that each wait for their answer.
async fn rate<F, W>(producers: usize, append: F) -> f64
where
    F: Fn(Fact) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let started = Clock::now();
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let append = append.clone();
            tokio::spawn(async move {
                let mut appends = 0;
                while started.elapsed() < EACH {
                    append(fact(producer * 100_000_000 + appends)).await;
                    appends += 1;
                }
                appends
            })
        })
        .collect();
    let mut appends = 0;
    for task in tasks {
        appends += task.await.expect("a producer ends");
    }
    appends as f64 / started.elapsed().as_secs_f64()
}

type Line = (String, oneshot::Sender<()>);

/// The baseline: same channel, same grouping, no table and no keys.
fn start_file(path: &Path) -> mpsc::Sender<Line> {
    let mut file = std::fs::File::create(path).expect("a log file");
    let (sender, mut waiting) = mpsc::channel::<Line>(1024);
    std::thread::spawn(move || {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while let Ok(next) = waiting.try_recv() {
                group.push(next);
            }
            let text: String = group.iter().map(|(row, _)| format!("{row}\n")).collect();
            file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).expect("the disk takes it");
            for (_, answer) in group {
                let _ = answer.send(());
            }
        }
    });
    sender
}

async fn bulk(folder: &Path) {
    const FACTS: usize = 300_000;
    const CHUNK: usize = 10_000;
    let state = State::open(&folder.join("bulk.db"), [1; 32]).await.expect("the database opens");
    let chunks: Vec<Vec<Fact>> = (0..FACTS / CHUNK).map(|chunk| (0..CHUNK).map(|n| fact(chunk * CHUNK + n)).collect()).collect();
    let bytes: usize = chunks.iter().flatten().map(|fact| fact.row.len() + 1).sum();
    let started = Clock::now();
    for chunk in chunks.clone() {
        state.journal().append(chunk, Instant::default()).await.expect("it is stored");
    }
    let journal = started.elapsed().as_secs_f64();
    let started = Clock::now();
    for chunk in chunks.clone() {
        state.journal().append(chunk, Instant::default()).await.expect("it is counted");
    }
    let again = started.elapsed().as_secs_f64();
    let started = Clock::now();
    let tail = state.journal().tail(0).await.expect("it is read");
    let read = started.elapsed().as_secs_f64();
    let mut file = std::fs::File::create(folder.join("bulk.log")).expect("a log file");
    let started = Clock::now();
    for chunk in &chunks {
        let text: String = chunk.iter().map(|fact| format!("{}\n", fact.row)).collect();
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).expect("the disk takes it");
    }
    let plain = started.elapsed().as_secs_f64();
    println!("\n{FACTS} facts, {} MB, {CHUNK} per append:", bytes / 1_000_000);
    println!("journal {journal:.2} s, the same again (all duplicates) {again:.2} s, tail of {} segments {read:.2} s", tail.len());
    println!("file {plain:.2} s, ratio {:.2}", journal / plain);
}

fn fact(number: usize) -> Fact {
    let event = Event {
        event_id: format!("event-{number}"),
        name: "product_viewed".into(),
        source: "web".into(),
        visitor_id: Some(format!("visitor-{}", number % 9973)),
        product_id: Some(format!("product-{}", number % 511)),
        url: Some("https://shop.example/products/1".into()),
        ..Event::default()
    };
    Fact::new(&event, Instant::default(), Instant::default())
}
