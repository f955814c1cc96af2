//! What processes hold in memory when nobody asks: the server of a new shop, and our side after it answered every question.

use std::{path::Path, time::Duration};

use serde::Serialize;

use super::{
    peer::{Engine, Peer, Question, Setup},
    questions::Asked,
};
use crate::{
    bench::{ingest::new_shop, server::Server},
    fault::Fault,
};

/// After that a server has done what it does at its start, and its SQL worker waits.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
pub struct Memory {
    /// MB of the server of a new shop.
    pub idle_server_mb: f64,
    /// MB of the SQL worker that waits beside it, with what both share.
    pub idle_worker_mb: f64,
    /// MB of a process that answered each question once, after the last of them.
    pub answered_mb: f64,
}

/// Makes a shop in a folder that is not there yet.
pub async fn measure(shop: &Path, setup: &Setup, asked: &[Asked]) -> Result<Memory, Fault> {
    eprintln!("serving a new shop");
    new_shop(shop)?;
    let server = Server::of(shop)?;
    tokio::time::sleep(SETTLED).await;
    let (idle_server_mb, idle_worker_mb) = (server.resident_mb(), server.children_resident_mb());
    server.stop()?;
    eprintln!("asking all in one process");
    let mut us = Peer::start(Engine::Tsubame, setup)?;
    let mut answered_mb = f64::NAN;
    for asked in asked {
        answered_mb = us.ask(&Question { name: asked.name.into(), sql: asked.ours.into(), rows: false })?.resident_mb;
    }
    Ok(Memory { idle_server_mb, idle_worker_mb, answered_mb })
}
