//! The server that a product is compared with: it reads events, appends them to a file, and answers after one `fdatasync` for everybody
//! who waits. It has no ids, no tables and no questions.

use std::{borrow::Cow, fs::File, io::Write, path::Path};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use serde::{Deserialize, de::IgnoredAny};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::fault::Fault;

/// What the least of servers reads of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read so that the reading is paid for")]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    anonymous_id: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    properties: IgnoredAny,
}

type Append = (Bytes, oneshot::Sender<bool>);

pub async fn serve(listener: TcpListener, path: &Path) -> Result<(), Fault> {
    let file = File::create(path).map_err(|source| Fault::io(format!("could not create {}", path.display()), source))?;
    let (log, waiting) = mpsc::channel(1024);
    std::thread::spawn(move || write(file, waiting));
    let router = Router::new().route("/v1/batch", post(take)).with_state(log);
    axum::serve(listener, router).await.map_err(|source| Fault::io("the reference stopped", source))
}

async fn take(State(log): State<mpsc::Sender<Append>>, body: Bytes) -> StatusCode {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    if lines.map(serde_json::from_slice::<Event>).any(|event| event.is_err()) {
        return StatusCode::BAD_REQUEST;
    }
    let (answer, answered) = oneshot::channel();
    match log.send((body, answer)).await {
        Ok(()) if answered.await == Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn write(mut file: File, mut waiting: mpsc::Receiver<Append>) {
    let mut bytes = Vec::new();
    while let Some((body, answer)) = waiting.blocking_recv() {
        bytes.clear();
        bytes.extend_from_slice(&body);
        let mut answers = vec![answer];
        while let Ok((body, answer)) = waiting.try_recv() {
            bytes.extend_from_slice(&body);
            answers.push(answer);
        }
        let stored = file.write_all(&bytes).and_then(|()| file.sync_data()).is_ok();
        for answer in answers {
            let _ = answer.send(stored);
        }
    }
}
