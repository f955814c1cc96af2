//! Small named texts that outlive a restart: the last tick, how far a feed was read.

use crate::{
    StateError,
    db::{Db, get},
};

#[derive(Clone)]
pub struct Cursors {
    pub(crate) db: Db,
}

impl Cursors {
    pub async fn get(&self, name: &str) -> Result<Option<String>, StateError> {
        let statement = sqlx::query("SELECT value FROM cursors WHERE name = $1");
        let row = self.db.row(&format!("read cursor {name}"), statement.bind(name)).await?;
        row.as_ref().map(|row| get(row, "value")).transpose()
    }

    pub async fn set(&self, name: &str, value: &str) -> Result<(), StateError> {
        let mut tx = self.db.begin(format!("set cursor {name}")).await?;
        let statement = sqlx::query("INSERT INTO cursors VALUES ($1, $2) ON CONFLICT DO UPDATE SET value = excluded.value");
        tx.execute(statement.bind(name).bind(value)).await?;
        tx.commit().await
    }

    /// Sets a cursor to what follows from what it says: of two that change it at once, in whatever processes, the second sees what the first made of
    /// it. `None` leaves it as it is. Whether it was set.
    pub async fn change(
        &self,
        name: &str,
        change: impl FnOnce(Option<&str>) -> Option<String> + Send,
    ) -> Result<bool, StateError> {
        let mut tx = self.db.begin(format!("change cursor {name}")).await?;
        let row = tx.row(sqlx::query("SELECT value FROM cursors WHERE name = $1").bind(name)).await?;
        let before: Option<String> = row.as_ref().map(|row| get(row, "value")).transpose()?;
        let Some(value) = change(before.as_deref()) else { return Ok(false) };
        let statement = sqlx::query("INSERT INTO cursors VALUES ($1, $2) ON CONFLICT DO UPDATE SET value = excluded.value");
        tx.execute(statement.bind(name).bind(value)).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn two_processes_change_one_after_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        let (one, other) = (crate::State::open(&path, [7; 32]).await, crate::State::open(&path, [7; 32]).await);
        let (one, other) = (one.expect("a state"), other.expect("a state"));
        let add = |state: crate::State, letter: char| async move {
            for _ in 0..20 {
                let longer = |before: Option<&str>| Some(format!("{}{letter}", before.unwrap_or_default()));
                assert!(state.cursors().change("c", longer).await.expect("changed"));
            }
        };
        tokio::join!(add(one.clone(), 'a'), add(other, 'b'));
        assert!(!one.cursors().change("c", |_| None).await.expect("left"));
        let letters = one.cursors().get("c").await.expect("read").unwrap_or_default();
        assert_eq!((letters.matches('a').count(), letters.matches('b').count()), (20, 20));
    }
}
