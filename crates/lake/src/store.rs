//! Where the lake is: a local folder, or an `object_store` URL. `s3://` goes through `object_store` alone, without a vendor's SDK.

use std::{path::PathBuf, sync::Arc, sync::Once};

use deltalake_core::{
    DeltaResult, DeltaTableError,
    logstore::{
        LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
        object_store_factories,
    },
};
use object_store::path::Path;
use url::Url;

use crate::LakeError;

/// A place for the lake.
#[derive(Debug, Clone)]
pub struct Place {
    pub url: Url,
    /// Set for a local folder, which needs fsync after a commit.
    pub folder: Option<PathBuf>,
}

impl Place {
    /// Reads a folder or a URL; a folder is created.
    pub fn parse(location: &str) -> Result<Place, LakeError> {
        let bad = || LakeError::Location(location.into());
        if location.contains("://") && !location.starts_with("file://") {
            register_s3();
            let url = Url::parse(&format!("{}/", location.trim_end_matches('/'))).map_err(|_| bad())?;
            return Ok(Place { url, folder: None });
        }
        let folder = PathBuf::from(location.trim_start_matches("file://"));
        std::fs::create_dir_all(&folder).map_err(|source| LakeError::Create { path: location.into(), source })?;
        let folder = folder.canonicalize().map_err(|_| bad())?;
        let url = Url::from_directory_path(&folder).map_err(|()| bad())?;
        Ok(Place { url, folder: Some(folder) })
    }

    pub fn table(&self, name: &str) -> Result<Url, LakeError> {
        if let Some(folder) = &self.folder {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|source| LakeError::Create { path: path.display().to_string(), source })?;
        }
        self.url.join(&format!("{name}/")).map_err(|_| LakeError::Location(self.url.to_string()))
    }
}

struct S3;

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(&self, url: &Url, config: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let given = config.raw.iter().map(|(key, value)| (key.to_lowercase(), value.clone()));
        let from_environment =
            std::env::vars().filter(|(key, _)| key.starts_with("AWS_")).map(|(key, value)| (key.to_lowercase(), value));
        let (store, path) = object_store::parse_url_opts(url, from_environment.chain(given)).map_err(DeltaTableError::from)?;
        Ok((Arc::from(store), path))
    }
}

impl LogStoreFactory for S3 {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}

fn register_s3() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let scheme = Url::parse("s3://").expect("a URL");
        object_store_factories().insert(scheme.clone(), Arc::new(S3));
        logstore_factories().insert(scheme, Arc::new(S3));
    });
}
