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
}
