//! Whatever changes the lake's files runs here, one job at a time under one lease: landing, compaction, checkpoints, vacuum, and the copy that
//! a backup is.

use std::{future::Future, pin::Pin, time::Duration};

use crate::{clock::Clock, fault::Fault, point, workspace::Workspace};

pub const LEASE: &str = "lake";
/// Whoever holds the shop's lock. It is one process, so what an earlier one left is cleared when the next opens.
pub const WRITER: &str = "writer";
const LEASE_TTL: Duration = Duration::from_secs(60);
const RENEWED_EVERY: Duration = Duration::from_secs(20);
/// Tables with fewer small files are left alone at night.
const FILES_MIN: usize = 16;

/// What one job does.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Runs `work` while nobody else works on the lake; `None` while somebody does. By the real clock, for two processes share it.
pub async fn alone<T>(workspace: &Workspace, mut work: Work<'_, T>) -> Result<Option<T>, Fault> {
    let leases = workspace.state.leases();
    let owner = if workspace.writes() { WRITER } else { "reader" };
    let Some(fence) = leases.acquire(LEASE, owner, Clock::Real.now(), LEASE_TTL).await? else {
        tracing::info!("another job has the lake");
        return Ok(None);
    };
    // Beside the work and not in its place: a renewal waits for the one writer of the state, which the work may hold.
    let renewing = async {
        let mut renewal = tokio::time::interval(RENEWED_EVERY);
        loop {
            renewal.tick().await;
            if let Err(error) = leases.renew(LEASE, fence, Clock::Real.now(), LEASE_TTL).await {
                return error;
            }
        }
    };
    let done = tokio::select! {
        done = &mut work => done,
        // Without the lease nothing more is written.
        error = renewing => return Err(error.into()),
    };
    let released = leases.release(LEASE, fence).await;
    let done = done?;
    released?;
    Ok(Some(done))
}

/// Tables of which what came in lately was rewritten as fewer files.
pub async fn compact(workspace: &Workspace, files_min: usize) -> Result<usize, Fault> {
    let work = async { rewritten(workspace, files_min).await };
    Ok(alone(workspace, Box::pin(work)).await?.unwrap_or(0))
}

/// The night's work on the lake: few large files, short logs, nothing kept that nobody needs.
pub async fn maintain(workspace: &Workspace) -> Result<usize, Fault> {
    let work = async {
        let compacted = rewritten(workspace, FILES_MIN).await;
        // A file that cannot be rewritten keeps no log from being cut.
        for tended in workspace.lake.tend(true).await? {
            tracing::debug!(?tended, "tended a table");
        }
        compacted
    };
    Ok(alone(workspace, Box::pin(work)).await?.unwrap_or(0))
}

async fn rewritten(workspace: &Workspace, files_min: usize) -> Result<usize, Fault> {
    point::pass("compact.before");
    let tables = workspace.lake.compact_news(files_min).await?;
    point::pass("compact.after");
    Ok(tables.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Access;

    #[tokio::test]
    async fn work_that_writes_at_length_does_not_wait_for_its_own_lease() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
        let workspace = Workspace::open(folder.path(), Clock::Real, Access::Write).await.unwrap();
        let cursors = workspace.state.cursors();
        // Each write holds the one writer while the first renewal falls due.
        for _ in 0..50 {
            let work = async {
                for value in 0..20 {
                    cursors.set("test", &value.to_string()).await?;
                }
                Ok(())
            };
            assert_eq!(alone(&workspace, Box::pin(work)).await.unwrap(), Some(()));
        }
        assert_eq!(cursors.get("test").await.unwrap().as_deref(), Some("19"));
    }
}
