//! Every byte of the lake read and compared with what was written.

use crate::{
    LakeError,
    land::Lake,
    log::Log,
    seal::{self, Seal},
    tables,
};

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub table: &'static str,
    pub file: String,
    pub what: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrubbed {
    pub files: u64,
    pub bytes: u64,
    /// Files of older versions, which have no sum in their name; compaction gives them one.
    pub unsealed: u64,
    pub found: Vec<Found>,
}

impl Lake {
    /// Reads every file of every table; `progress` is told after each.
    pub async fn scrub(&self, progress: &mut (dyn FnMut(&Scrubbed) + Send)) -> Result<Scrubbed, LakeError> {
        let mut scrubbed = Scrubbed::default();
        let store = self.place.store.as_ref();
        let store_error = |source| LakeError::Store { location: self.place.url.to_string(), source };
        for table in tables::TABLES {
            let name = table.name();
            let log = Log { store, table: self.place.folder(name)? };
            let logs = log.inspect(usize::MAX).await.map_err(store_error)?;
            let useless =
                logs.useless.iter().map(|file| (file.to_string(), "cannot be used; the next writer puts it aside".into()));
            let damage = logs.damage.iter().map(|damage| (damage.file.clone(), damage.what.to_string()));
            for (file, what) in useless.chain(damage) {
                scrubbed.found.push(Found { table: name, file, what });
            }
            let Ok(snapshot) = self.snapshot(name).await? else { continue };
            for file in snapshot.files.iter() {
                let location = &file.object_meta.location;
                let what = match seal::check(store, location).await {
                    Ok(Seal::Whole) => None,
                    Ok(Seal::Absent) => {
                        scrubbed.unsealed += 1;
                        None
                    }
                    Ok(Seal::Broken) => Some("is damaged: its bytes are not the ones that were written"),
                    Err(object_store::Error::NotFound { .. }) => Some("is missing"),
                    Err(source) => return Err(store_error(source)),
                };
                scrubbed.files += 1;
                scrubbed.bytes += file.object_meta.size;
                if let Some(what) = what {
                    let (file, what) = (location.to_string(), what.to_string());
                    if !scrubbed.found.iter().any(|found| found.file == file) {
                        scrubbed.found.push(Found { table: name, file, what });
                    }
                }
                progress(&scrubbed);
            }
        }
        Ok(scrubbed)
    }
}
