//! Keeps a shop running: its pages for people, and the minute's and the night's work beside them.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use clap::Args;
use tokio::net::TcpListener;

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    http,
    jobs::due,
    pg, processors, secrets,
    sql::SqlDoor,
    workspace::{Access, Current, Workspace},
};

/// Serve the shop's pages, and do what is due every minute
///
/// Listens on this machine alone unless told otherwise. The first start creates the account `admin` and prints its password once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame serve --shop my-shop\n  tsubame serve --listen 127.0.0.1:9000 --pg 127.0.0.1:5433")]
pub struct Serve {
    #[arg(long, default_value = "127.0.0.1:8710")]
    listen: SocketAddr,
    /// Also listen for psql, drivers and BI tools here, for example 127.0.0.1:5433 (`pg` under [sql] in tsubame.toml does the same)
    ///
    /// This machine alone: what is said is not encrypted. Who may come in has a token (`tsubame account sql-token NAME`).
    #[arg(long, value_name = "ADDRESS")]
    pg: Option<SocketAddr>,
    #[command(flatten)]
    shop: ShopFolder,
}

const EVERY: Duration = Duration::from_secs(60);
/// How often one looks whether writing has failed, and how long requests in flight are answered after that.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LAST_ANSWERS: Duration = Duration::from_secs(2);

const JOB_THREADS: usize = 1;

impl Serve {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        serve(workspace, self.listen, self.pg).await
    }
}

pub async fn serve(workspace: Workspace, listen: SocketAddr, pg: Option<SocketAddr>) -> Result<(), Fault> {
    let missing = secrets::problems(&workspace.folder, workspace.shop());
    if !missing.is_empty() {
        return Err(Fault::problems(&missing));
    }
    // The port first: a password that is printed once must not be lost to a port that is taken.
    let listener = TcpListener::bind(listen).await.map_err(|source| {
        Fault::io(format!("could not listen on {listen}"), source)
            .remedy("another program uses the port: stop it, or choose another with --listen")
    })?;
    let wire = match pg.map_or_else(|| pg_of_shop(workspace.shop()), |pg| Ok(Some(pg)))? {
        Some(address) => Some(pg::listen(address).await?),
        None => None,
    };
    let address = listener.local_addr().map_err(|source| Fault::io("could not read the address listened on", source))?;
    if let Some((account, password)) = workspace.state.accounts().first_admin(Clock::Real.now()).await? {
        say(&format!("{} password: {}", account.name, password.expose()));
    }
    say(&format!("listening on http://{address}"));
    if let Some(address) = wire.as_ref().and_then(|wire| wire.local_addr().ok()) {
        say(&format!("listening for psql on postgres://{address}/tsubame"));
    }
    let workspace = Arc::new(workspace);
    let shop = Current::from(workspace.clone());
    // What computes for long stretches (landing, handing questions over) would be time of those that answer.
    let apart = processors::runtime("apart", JOB_THREADS)
        .map_err(|source| Fault::io("could not start the threads of the jobs", source))?;
    let scheduler = apart.spawn(schedule(shop.clone()));
    let asked_or_failed = {
        let workspace = workspace.clone();
        async move {
            tokio::select! {
                () = stopped() => {}
                _ = failed(&workspace) => {}
            }
        }
    };
    let sql = Arc::new(SqlDoor::open(shop.clone(), apart.handle().clone()));
    sql.prepare();
    // It ends with the process; who is connected is told by the broken connection.
    let _wire = wire.map(|wire| tokio::spawn(pg::serve(wire, shop.clone(), sql.clone())));
    let ended = tokio::select! {
        served = http::serve(listener, shop, sql, asked_or_failed) => served,
        // Whoever keeps a connection open does not keep a server alive that can store nothing.
        () = async { failed(&workspace).await; tokio::time::sleep(LAST_ANSWERS).await } => Ok(()),
        // It never ends by itself: a shop whose pages answer while nothing is sent would deceive everybody.
        defect = scheduler => Err(Fault::new(Exit::Failed, format!("what is due is no longer done: {defect:?}")).remedy("start it again, and report this")),
    };
    // Work stops between two messages, so that none is left of unknown outcome.
    workspace.stopping.store(true, Ordering::SeqCst);
    let _last = workspace.working.lock().await;
    workspace.state.close().await;
    apart.shutdown_background();
    match workspace.state.stopped() {
        Some(cause) => Err(Fault::new(Exit::Failed, format!("nothing can be written any more: {cause}"))
            .remedy("check the disk and start again: what was acknowledged is recovered")),
        None => ended,
    }
}

/// Where the shop's settings have the Postgres wire; empty is nowhere.
fn pg_of_shop(shop: &model::Shop) -> Result<Option<SocketAddr>, Fault> {
    if shop.sql.pg.is_empty() {
        return Ok(None);
    }
    shop.sql.pg.parse().map(Some).map_err(|_| {
        Fault::new(Exit::Config, format!("`pg` under [sql] is `{}`, which is no address", shop.sql.pg))
            .remedy("write an address and a port, for example \"127.0.0.1:5433\"")
    })
}

/// Returns when a write has failed: nobody knows then what is on the disk, and a second attempt may lie. What comes in meanwhile is
/// answered with 503.
async fn failed(workspace: &Workspace) {
    while workspace.state.stopped().is_none() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whoever started us may have stopped listening; that is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn schedule(shop: Current) {
    let mut minute = tokio::time::interval(EVERY);
    loop {
        minute.tick().await;
        match shop.look().await {
            Ok(true) => tracing::info!("the shop's files have changed, and are in force"),
            Ok(false) => {}
            Err(fault) => {
                tracing::error!(%fault, "the shop goes on as before, because its files have changed and cannot be used")
            }
        }
        // One round goes by one state of the files.
        let workspace = shop.workspace();
        let _working = workspace.working.lock().await;
        if workspace.stopping.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        // A demo shop's time stands still: nothing falls due in it.
        if matches!(workspace.clock, Clock::Logical(_)) {
            continue;
        }
        match due::run(&workspace, workspace.now()).await {
            Ok(report) if report != due::Report::default() => tracing::info!(?report, "did what was due"),
            Ok(_) => {}
            Err(fault) => tracing::error!(%fault, "could not do what is due"),
        }
    }
}

async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}
