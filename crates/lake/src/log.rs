//! A table's log looked over before it is believed: Delta takes a newest commit of no bytes for one that is not there, and a torn one for
//! the end of the table.
//!
//! Our commits carry the SHA-256 of their actions, so a garbled one is told from a whole one. What is damaged is moved into the table's
//! `_quarantine`, never deleted.

use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::kernel::{Action, Transaction};
use futures::TryStreamExt;
use object_store::{Error, ObjectStore, ObjectStoreExt, path::Path};
use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::Value;

use crate::seal;

/// The key of a commit's own sum among what it says of itself.
pub const SEAL: &str = "tsubameSeal";
/// Commits that are read whole at every opening.
pub const NEWEST: usize = 4;

pub struct Log<'a> {
    pub store: &'a dyn ObjectStore,
    /// The table's folder.
    pub table: Path,
}

/// What is wrong from some version on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub version: i64,
    pub file: String,
    pub what: &'static str,
}

#[derive(Debug, Default)]
pub struct Inspection {
    pub damage: Option<Damage>,
    /// The newest checkpoint that can be read.
    pub checkpoint: Option<i64>,
    pub versions: BTreeSet<i64>,
    /// Checkpoints, or the pointer to one, that are worse than none.
    pub useless: Vec<Path>,
    all: BTreeMap<Path, i64>,
}

impl Log<'_> {
    /// Looks at which versions there are, at the newest checkpoint, and into the `newest` commits past it.
    pub async fn inspect(&self, newest: usize) -> Result<Inspection, Error> {
        let mut found = Inspection::default();
        let mut checkpoints: BTreeMap<i64, Vec<Path>> = BTreeMap::new();
        let mut pointer = None;
        let entries: Vec<_> = self.store.list(Some(&self.folder())).try_collect().await?;
        for entry in entries {
            let name = entry.location.filename().unwrap_or_default().to_string();
            let version = name.get(..20).and_then(|digits| digits.parse::<i64>().ok());
            match version {
                Some(version) if name.len() == 25 && name.ends_with(".json") => {
                    found.versions.insert(version);
                    found.all.insert(entry.location, version);
                }
                Some(version) if name.contains(".checkpoint") => {
                    checkpoints.entry(version).or_default().push(entry.location.clone());
                    found.all.insert(entry.location, version);
                }
                _ if name == "_last_checkpoint" => pointer = Some(entry.location),
                _ => {}
            }
        }
        for (version, files) in checkpoints.iter().rev() {
            let mut whole = true;
            for file in files {
                whole &= self.is_whole_checkpoint(file).await?;
            }
            if whole {
                found.checkpoint = Some(*version);
                break;
            }
            found.useless.extend(files.iter().cloned());
        }
        if let Some(pointer) = pointer {
            let named =
                serde_json::from_slice::<Value>(&self.read(&pointer).await?).ok().and_then(|hint| hint["version"].as_i64());
            if named.is_none() || named != found.checkpoint {
                found.useless.push(pointer);
            }
        }
        found.damage = self.first_damage(&found, newest).await?;
        Ok(found)
    }

    /// Puts files where nobody reads them. A copy first: a cut leaves both, and the next start moves it again.
    pub async fn quarantine(&self, files: &[Path]) -> Result<(), Error> {
        for file in files {
            let place = self.table.clone().join("_quarantine").join(file.filename().unwrap_or_default());
            let mut number = 0;
            let mut kept = place.clone();
            while self.store.head(&kept).await.is_ok() {
                number += 1;
                kept = Path::from(format!("{place}.{number}"));
            }
            tracing::warn!(%file, %kept, "a damaged file of the log is put aside");
            self.store.copy(file, &kept).await?;
            self.store.delete(file).await?;
        }
        Ok(())
    }

    /// The files of the log that say anything of a version or a later one.
    pub async fn files_from(&self, version: i64, found: &Inspection) -> Vec<Path> {
        let pointer = self.folder().join("_last_checkpoint");
        let newest_first = found.all.iter().filter(|(_, of)| **of >= version).map(|(file, _)| file.clone()).rev();
        let pointed = found.checkpoint.is_some_and(|checkpoint| checkpoint >= version);
        // From the end: a cut leaves a log that is shorter, not one with a hole.
        newest_first.chain(pointed.then_some(pointer)).collect()
    }

    /// Where the sum of a checkpoint is kept. The checkpoint's name is Delta's, so it cannot hold it.
    pub fn sum_of_checkpoint(&self, version: i64) -> Path {
        self.table.clone().join("_checksums").join(format!("{version:020}.checkpoint.sha256"))
    }

    pub fn checkpoint(&self, version: i64) -> Path {
        self.folder().join(format!("{version:020}.checkpoint.parquet"))
    }

    fn folder(&self) -> Path {
        self.table.clone().join("_delta_log")
    }

    async fn read(&self, file: &Path) -> Result<bytes::Bytes, Error> {
        self.store.get(file).await?.bytes().await
    }

    async fn is_whole_checkpoint(&self, file: &Path) -> Result<bool, Error> {
        let bytes = self.read(file).await?;
        let version = file.filename().and_then(|name| name.get(..20)).and_then(|digits| digits.parse().ok()).unwrap_or(-1);
        if *file == self.checkpoint(version) {
            match self.store.get(&self.sum_of_checkpoint(version)).await {
                Ok(sum) => return Ok(sum.bytes().await? == seal::sum(&bytes).as_bytes()),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(!file.as_ref().ends_with(".parquet") || ParquetMetaDataReader::new().parse_and_finish(&bytes).is_ok())
    }

    async fn first_damage(&self, found: &Inspection, newest: usize) -> Result<Option<Damage>, Error> {
        let first = found.checkpoint.map_or(0, |version| version + 1);
        let Some(last) = found.versions.last().copied().filter(|last| *last >= first) else { return Ok(None) };
        let mut damage = None;
        let mut removed: BTreeSet<String> = BTreeSet::new();
        for version in (first..=last).rev() {
            let file = self.folder().join(format!("{version:020}.json"));
            let mut wrong = |what| damage = Some(Damage { version, file: file.to_string(), what });
            if !found.versions.contains(&version) {
                wrong("is missing");
                continue;
            }
            if (last - version) as usize >= newest {
                continue;
            }
            match read_commit(&self.read(&file).await?) {
                Err(what) => wrong(what),
                Ok(commit) => {
                    for (path, size) in &commit.added {
                        if removed.contains(path) {
                            continue;
                        }
                        let data = Path::from(format!("{}/{path}", self.table));
                        let what = match self.store.head(&data).await {
                            Ok(meta) if meta.size == *size => continue,
                            Ok(_) => "has the wrong size",
                            Err(Error::NotFound { .. }) => "is missing",
                            Err(error) => return Err(error),
                        };
                        damage = Some(Damage { version, file: data.to_string(), what });
                    }
                    removed.extend(commit.removed);
                }
            }
        }
        Ok(damage)
    }
}

/// What a commit does to the files of a table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Commit {
    added: Vec<(String, u64)>,
    removed: Vec<String>,
}

fn read_commit(bytes: &[u8]) -> Result<Commit, &'static str> {
    if bytes.is_empty() {
        return Err("is empty");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not text")?;
    let mut commit = Commit::default();
    let mut stated = None;
    let mut actions = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let action: Value = serde_json::from_str(line).map_err(|_| "is cut short or not JSON")?;
        let Some((kind, body)) = action.as_object().and_then(|action| action.iter().next()) else {
            return Err("is cut short or not JSON");
        };
        match kind.as_str() {
            "commitInfo" => {
                stated = body[SEAL].as_str().map(String::from);
                continue;
            }
            "add" => commit.added.push((text_of(body, "path")?, body["size"].as_u64().ok_or("states a file without its size")?)),
            "remove" => commit.removed.push(text_of(body, "path")?),
            _ => {}
        }
        actions.push(line);
    }
    match stated {
        Some(stated) if stated != seal::sum(actions.join("\n").as_bytes()) => Err("is garbled"),
        _ => Ok(commit),
    }
}

fn text_of(body: &Value, key: &str) -> Result<String, &'static str> {
    body[key].as_str().map(String::from).ok_or("states a file without its path")
}

/// The sum of a commit that consists of these actions and transactions, in this order.
pub fn seal_of(actions: &[Action], transactions: &[Transaction]) -> String {
    let transactions = transactions.iter().map(|transaction| Action::Txn(transaction.clone()));
    let lines: Vec<String> = actions
        .iter()
        .cloned()
        .chain(transactions)
        .map(|action| serde_json::to_string(&action).expect("an action is plain JSON"))
        .collect();
    seal::sum(lines.join("\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_whole_or_not() {
        let action = r#"{"add":{"path":"a.parquet","size":3}}"#;
        let sum = seal::sum(action.as_bytes());
        let sealed = format!("{{\"commitInfo\":{{\"{SEAL}\":\"{sum}\"}}}}\n{action}");
        let check = |text: &str, expect: Result<usize, &str>| {
            assert_eq!(read_commit(text.as_bytes()).map(|commit| commit.added.len()), expect, "{text}");
        };
        check(&sealed, Ok(1));
        check(action, Ok(1));
        check("", Err("is empty"));
        check(&sealed[..sealed.len() - 4], Err("is cut short or not JSON"));
        check(&sealed.replace("a.parquet", "b.parquet"), Err("is garbled"));
        check(&sealed.replace("\"size\":3", "\"size\":4"), Err("is garbled"));
        check(&sealed.replace(&sum[..4], "zzzz"), Err("is garbled"));
        check("\0\0\0\0", Err("is cut short or not JSON"));
    }
}
