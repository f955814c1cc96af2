use std::{net::SocketAddr, sync::Arc, time::Duration};

use clap::Args;
use tokio::net::TcpListener;

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::Fault,
    http,
    jobs::due,
    workspace::{Access, Workspace},
};

/// Serve the shop's pages, and do what is due every minute
///
/// Listens on this machine alone unless told otherwise. The first start creates the account `admin` and prints its password once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame serve --shop my-shop\n  tsubame serve --listen 127.0.0.1:9000")]
pub struct Serve {
    #[arg(long, default_value = "127.0.0.1:8710")]
    listen: SocketAddr,
    #[command(flatten)]
    shop: ShopFolder,
}

const EVERY: Duration = Duration::from_secs(60);

impl Serve {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        serve(workspace, self.listen).await
    }
}

pub async fn serve(workspace: Workspace, listen: SocketAddr) -> Result<(), Fault> {
    // The port first: a password that is printed once must not be lost to a port that is taken.
    let listener = TcpListener::bind(listen).await.map_err(|source| {
        Fault::io(format!("could not listen on {listen}"), source)
            .remedy("another program uses the port: stop it, or choose another with --listen")
    })?;
    let address = listener.local_addr().map_err(|source| Fault::io("could not read the address listened on", source))?;
    if let Some((account, password)) = workspace.state.accounts().first_admin(chrono::Utc::now()).await? {
        println!("{} password: {}", account.name, password.expose());
    }
    println!("listening on http://{address}");
    let workspace = Arc::new(workspace);
    // A demo shop's time stands still: nothing falls due in it.
    let scheduler = matches!(workspace.clock, Clock::Real).then(|| tokio::spawn(schedule(workspace.clone())));
    let served = http::serve(listener, workspace.clone(), stopped()).await;
    if let Some(scheduler) = scheduler {
        scheduler.abort();
    }
    workspace.state.close().await;
    served
}

async fn schedule(workspace: Arc<Workspace>) {
    let mut minute = tokio::time::interval(EVERY);
    loop {
        minute.tick().await;
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
