//! Many small files of the lake into few large ones: a nightly flush leaves one file per table and night.

use crate::{fault::Fault, point, workspace::Workspace};

/// Tables with fewer files are left alone.
const FILES_MIN: usize = 16;

/// Tables that were rewritten.
pub async fn compact(workspace: &Workspace) -> Result<usize, Fault> {
    point::pass("compact.before");
    let tables = workspace.lake.compact(FILES_MIN).await?;
    point::pass("compact.after");
    Ok(tables.len())
}
