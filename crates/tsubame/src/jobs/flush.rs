//! The journal into the lake: each fact lands once, and leaves the journal only when the lake's files are on stable storage.

use crate::{
    fault::Fault,
    point,
    workspace::{Workspace, tail_segment},
};

/// How much of the journal one round reads into memory.
const ROUND_BYTES_MAX: usize = 256 << 20;

/// Rows that landed.
pub async fn flush(workspace: &Workspace) -> Result<u64, Fault> {
    let journal = workspace.state.journal();
    let mut rows = 0;
    loop {
        let segments = journal.tail_part(0, None, ROUND_BYTES_MAX).await?;
        if segments.is_empty() {
            return Ok(rows);
        }
        let segments: Vec<_> = segments.into_iter().map(tail_segment).collect();
        point::pass("flush.before_land");
        let landed = workspace.lake.land(&segments).await?;
        point::pass("flush.before_trim");
        journal.trim(landed.up_to).await?;
        point::pass("flush.after_trim");
        rows += landed.rows;
    }
}
