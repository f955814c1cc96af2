//! What the shop's files said when they were last applied: what a plan compares them with.

use std::collections::BTreeMap;

use model::Instant;

use crate::{
    StateError,
    db::{Db, get},
};

#[derive(Clone)]
pub struct Applied {
    pub(crate) db: Db,
}

impl Applied {
    /// By file. Empty before anything was applied.
    pub async fn all(&self) -> Result<BTreeMap<String, String>, StateError> {
        let rows = self.db.rows("read what was last applied", sqlx::query("SELECT file, text FROM applied")).await?;
        rows.iter().map(|row| Ok((get(row, "file")?, get(row, "text")?))).collect()
    }

    /// These files are in force from now on, and no others.
    pub async fn replace(&self, files: &BTreeMap<String, String>, now: Instant) -> Result<(), StateError> {
        let mut tx = self.db.begin("note what is applied").await?;
        tx.execute(sqlx::query("DELETE FROM applied")).await?;
        for (file, text) in files {
            let statement = sqlx::query("INSERT INTO applied VALUES ($1, $2, $3)");
            tx.execute(statement.bind(file).bind(text).bind(now.timestamp_micros())).await?;
        }
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_files_are_those_in_force() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = crate::State::open(&folder.path().join("state.db"), [7; 32]).await.expect("a state");
        let check = async |files: &[(&str, &str)]| {
            let files: BTreeMap<String, String> = files.iter().map(|(file, text)| (file.to_string(), text.to_string())).collect();
            state.applied().replace(&files, Instant::default()).await.expect("noted");
            assert_eq!(state.applied().all().await.expect("read"), files);
        };
        assert_eq!(state.applied().all().await.expect("read"), BTreeMap::new());
        check(&[("scenarios/a.toml", "1"), ("scenarios/b.toml", "1")]).await;
        check(&[("scenarios/a.toml", "2")]).await;
        check(&[]).await;
    }
}
