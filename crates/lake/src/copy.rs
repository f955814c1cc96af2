//! A copy of the whole lake in a folder, each data file checked as it is read: a backup of a damaged file would replace a good one.

use std::path::Path as FilePath;

use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, path::Path};

use crate::{LakeError, durable::Durable, land::Lake, tables};

impl Lake {
    /// Copies every table into a folder, durably; the files and bytes copied. Nobody may change the lake meanwhile.
    pub async fn copy_to(&self, folder: &FilePath) -> Result<(u64, u64), LakeError> {
        let store_error = |source| LakeError::Store { location: self.place.url.to_string(), source };
        std::fs::create_dir_all(folder).map_err(|source| LakeError::Create { path: folder.display().to_string(), source })?;
        let target = Durable::default();
        let root = Path::from_absolute_path(folder).map_err(|_| LakeError::Location(folder.display().to_string()))?;
        let (mut files, mut bytes) = (0, 0);
        for table in tables::TABLES {
            let from = self.place.folder(table.name())?;
            let mut listed: Vec<_> = self.place.store.list(Some(&from)).try_collect().await.map_err(store_error)?;
            // The log last: a copy that is cut short is an older table, not a log of files that are not there.
            listed.sort_by_key(|meta| (meta.location.as_ref().contains("/_delta_log/"), meta.location.clone()));
            for meta in listed {
                let Some(inside) = meta.location.prefix_match(&from) else { continue };
                let to: Path = root.parts().chain([table.name().into()]).chain(inside).collect();
                let mut parts =
                    self.place.reading.get_opts(&meta.location, GetOptions::default()).await.map_err(store_error)?.into_stream();
                let mut upload = target.put_multipart(&to).await.map_err(store_error)?;
                while let Some(part) = parts.next().await {
                    upload.put_part(part.map_err(store_error)?.into()).await.map_err(store_error)?;
                }
                upload.complete().await.map_err(store_error)?;
                files += 1;
                bytes += meta.size;
            }
        }
        Ok((files, bytes))
    }
}
