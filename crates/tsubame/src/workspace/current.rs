//! The workspace whose files are those of now: a server takes it anew for every request and every round of work, so that what a page saved or
//! somebody wrote into the folder holds without a restart.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::Workspace;
use crate::{conditions, fault::Fault, secrets, shop_file::files_of};

/// Clones are the same.
#[derive(Clone)]
pub struct Current(Arc<Held>);

struct Held {
    now: RwLock<Arc<Workspace>>,
    edition: AtomicU64,
    /// The files as they were when they were read last, with or without a problem. Held while they are read.
    seen: tokio::sync::Mutex<Stamps>,
}

/// Path, size and time of each file.
type Stamps = Vec<(PathBuf, u64, SystemTime)>;

impl From<Arc<Workspace>> for Current {
    fn from(workspace: Arc<Workspace>) -> Current {
        let seen = tokio::sync::Mutex::new(stamps(&workspace.folder));
        Current(Arc::new(Held { now: RwLock::new(workspace), edition: AtomicU64::default(), seen }))
    }
}

impl Current {
    pub fn workspace(&self) -> Arc<Workspace> {
        self.0.now.read().expect("nobody panics while holding it").clone()
    }

    /// Another one whenever other files came into force.
    pub fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::SeqCst)
    }

    /// Reads the files again. With a problem in any of them everything goes on as before.
    pub async fn reload(&self) -> Result<(), Fault> {
        let mut seen = self.0.seen.lock().await;
        *seen = stamps(&self.workspace().folder);
        self.read_again().await
    }

    /// Reads the files again if they are not those of last time. Whether they were; of a problem is told once.
    pub async fn look(&self) -> Result<bool, Fault> {
        let mut seen = self.0.seen.lock().await;
        // Before they are read: a change in between is seen next time.
        let found = stamps(&self.workspace().folder);
        if *seen == found {
            return Ok(false);
        }
        *seen = found;
        self.read_again().await.map(|()| true)
    }

    async fn read_again(&self) -> Result<(), Fault> {
        let before = self.workspace();
        let workspace = before.read_again()?;
        let text_of = |file: &str| std::fs::read_to_string(workspace.path(file)).unwrap_or_default();
        let wrong = conditions::problems(&workspace.files, &workspace.library, text_of).await;
        if !wrong.is_empty() {
            return Err(Fault::problems(&wrong));
        }
        let (old, new) = (before.shop(), workspace.shop());
        if old != new {
            let missing = secrets::problems(&workspace.folder, new);
            if !missing.is_empty() {
                return Err(Fault::problems(&missing));
            }
            if (&old.lake, &old.sources, &old.sql) != (&new.lake, &new.sources, &new.sql) {
                tracing::warn!("a change of `lake`, [[sources]] or [sql] in tsubame.toml holds from the next start on");
            }
        }
        *self.0.now.write().expect("nobody panics while holding it") = Arc::new(workspace);
        self.0.edition.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn stamps(folder: &Path) -> Stamps {
    let stamp = |path: PathBuf| {
        let about = std::fs::metadata(&path).ok()?;
        Some((path, about.len(), about.modified().ok()?))
    };
    files_of(folder).into_iter().filter_map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        workspace::{Access, deep},
    };

    #[test]
    fn files_that_changed_are_read_again_and_wrong_ones_change_nothing() {
        deep(changes());
    }

    async fn changes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tsubame.toml"), "name = \"first\"\n").unwrap();
        let at = model::Instant::default();
        let workspace = Workspace::open(folder.path(), Clock::logical(at), Access::Write).await.unwrap();
        let current = Current::from(Arc::new(workspace));
        let before = current.workspace();
        let check = async |file: &str, text: &str, expect: Result<bool, ()>, name: &str, scenarios: usize| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            let edition = current.edition();
            assert_eq!(current.look().await.map_err(|_| ()), expect, "{file}: {text}");
            assert_eq!(current.edition() != edition, expect == Ok(true), "{file}: {text}");
            // Of what is wrong is told once.
            assert_eq!(current.look().await.map_err(|_| ()), Ok(false), "{file}: {text}");
            let now = current.workspace();
            assert_eq!((now.shop().name.as_str(), now.files.scenarios.len()), (name, scenarios), "{file}: {text}");
        };
        let scenario = "scenario = \"s\"\ntitle = { ja = \"s\", en = \"s\" }\ngoal = { on = \"order_placed\", within = \"5d\" }\n\
            step = [{ id = \"s\", wait = { for = \"1h\" } }]\nexit = [{ on = \"order_placed\" }]\nentry = { on = \"signed_up\" }\n";
        check("tsubame.toml", "name = \"the second\"\n", Ok(true), "the second", 0).await;
        check("scenarios/s.toml", scenario, Ok(true), "the second", 1).await;
        check("scenarios/.s.toml.part", "half", Ok(false), "the second", 1).await;
        check("scenarios/s.toml", "scenario = \"s\"\n", Err(()), "the second", 1).await;
        check("tsubame.toml", "name = \"no more\"\n", Err(()), "the second", 1).await;
        let wrong = scenario.replace("signed_up\"", "signed_up\", where = \"no_such_column = 1\"");
        check("scenarios/s.toml", &wrong, Err(()), "the second", 1).await;
        check("scenarios/s.toml", &format!("{scenario}# a note\n"), Ok(true), "no more", 1).await;
        // Whoever took it before has it as it was.
        assert_eq!((before.shop().name.as_str(), before.files.scenarios.len()), ("first", 0));
        assert!(before.writes() && current.workspace().writes());
    }
}
