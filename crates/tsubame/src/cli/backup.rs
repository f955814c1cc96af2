//! A copy of a shop from which it starts again: while it runs, and never half.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use super::ShopFolder;
use crate::{
    fault::{Exit, Fault},
    jobs::maintain::alone,
    workspace::{Access, Workspace},
};

/// Copy a shop, while it runs, into a new folder
///
/// The copy is a shop's folder: start it with `--shop`. It holds everything acknowledged up to a moment during the copying, and nothing by
/// halves. The master key is not in it: keep that apart, without it nobody's address can be read. A copy with `cp` is as good while no
/// process has the shop.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame backup /backups/2026-06-01 --shop my-shop\n  TSUBAME_MASTER_KEY_FILE=/keys/my-shop tsubame doctor --scrub --shop /backups/2026-06-01"
)]
pub struct Backup {
    /// The folder to make; it must not be there yet
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    shop: ShopFolder,
}

/// Landing takes the lake for moments at a time, a compaction for a while.
const WAIT: Duration = Duration::from_millis(250);
const WAITS_MAX: usize = 240;

impl Backup {
    pub async fn run(self) -> Result<(), Fault> {
        if self.to.exists() {
            return Err(Fault::new(Exit::Config, format!("{} is there already", self.to.display())).remedy("name a new folder"));
        }
        let workspace = self.shop.open(Access::Read).await?;
        let partial = self.to.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        let doing = |path: &Path| format!("could not write {}", path.display());
        fs::create_dir_all(partial.join("data")).map_err(|source| Fault::io(doing(&partial), source))?;
        // What people wrote; neither the data, which is copied below, nor the key.
        copy_files(&workspace.folder, &partial)?;
        let partial = partial.canonicalize().map_err(|source| Fault::io(doing(&partial), source))?;
        // Nothing lands meanwhile: whatever the lake lacks is in the journal, and the journal is copied after it.
        let mut copied = None;
        for _ in 0..WAITS_MAX {
            copied = alone(&workspace, Box::pin(copy_data(&workspace, &partial))).await?;
            if copied.is_some() {
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
        let Some((files, bytes)) = copied else {
            let _ = fs::remove_dir_all(&partial);
            return Err(Fault::new(Exit::Busy, "another job has the lake").remedy("try again in a minute"));
        };
        fs::rename(&partial, &self.to)
            .and_then(|()| sync(self.to.canonicalize()?.parent().unwrap_or(Path::new("/"))))
            .map_err(|source| Fault::io(doing(&self.to), source))?;
        println!("{} files of the lake ({bytes} bytes) and the state: {}", files, self.to.display());
        if !workspace.shop().lake.is_empty() {
            println!("the lake's copy is in data/lake: to start from it, take the line `lake` out of the copy's tsubame.toml");
        }
        Ok(())
    }
}

async fn copy_data(workspace: &Workspace, to: &Path) -> Result<(u64, u64), Fault> {
    // Another process may have let rows land since we opened it.
    workspace.lake.refresh().await?;
    let copied = workspace.lake.copy_to(&to.join("data").join("lake")).await?;
    let state = to.join("data").join("state.db");
    workspace.state.copy_to(&state).await?;
    sync(&state)
        .and_then(|()| sync(&to.join("data")))
        .and_then(|()| sync(to))
        .map_err(|source| Fault::io(format!("could not make {} durable", state.display()), source))?;
    Ok(copied)
}

fn copy_files(from: &Path, to: &Path) -> Result<(), Fault> {
    let failed = |source| Fault::io(format!("could not copy {}", from.display()), source);
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if ["data", "secrets", "exports"].iter().any(|left| entry.file_name() == *left) || path == to {
            continue;
        }
        if path.is_dir() {
            fs::create_dir_all(&target).map_err(failed)?;
            copy_files(&path, &target)?;
        } else {
            fs::copy(&path, &target).and_then(|_| sync(&target)).map_err(failed)?;
        }
    }
    Ok(())
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
