//! Where the lake is: a local folder, or an `object_store` URL. `s3://` goes through `object_store` alone, without a vendor's SDK.

use std::{
    hash::{BuildHasher, Hasher},
    path::PathBuf,
    sync::{Arc, Once},
};

use datafusion::execution::object_store::ObjectStoreUrl;
use deltalake_core::{
    DeltaResult, DeltaTable, DeltaTableBuilder,
    logstore::{LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories},
};
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, path::Path};
use url::Url;

use crate::{LakeError, durable::Durable, provider::Footers, seal::Verified};

/// A place for the lake.
#[derive(Debug, Clone)]
pub struct Place {
    pub url: Url,
    /// For all but queries, from the root of the bucket or the file system.
    pub store: Arc<dyn ObjectStore>,
    /// For queries: it checks what it reads.
    pub reading: Arc<Verified>,
    /// Those of data files, as far as queries have read them.
    pub footers: Footers,
    /// Set for a local folder. Conditional writes are known to work there: they are links.
    folder: Option<PathBuf>,
}

impl Place {
    /// Reads a folder or a URL; a folder is created.
    pub fn parse(location: &str) -> Result<Place, LakeError> {
        let bad = || LakeError::Location(location.into());
        if location.contains("://") && !location.starts_with("file://") {
            let url = Url::parse(&format!("{}/", location.trim_end_matches('/'))).map_err(|_| bad())?;
            let options = std::env::vars().filter(|(key, _)| key.starts_with("AWS_"));
            let options = options.map(|(key, value)| (key.to_lowercase(), value));
            let (store, _) = object_store::parse_url_opts(&url, options)
                .map_err(|source| LakeError::Store { location: location.into(), source })?;
            return Ok(Place::on(Arc::from(store), url));
        }
        let folder = PathBuf::from(location.trim_start_matches("file://"));
        std::fs::create_dir_all(&folder).map_err(|source| LakeError::Create { path: location.into(), source })?;
        let folder = folder.canonicalize().map_err(|_| bad())?;
        let url = Url::from_directory_path(&folder).map_err(|()| bad())?;
        Ok(Place { folder: Some(folder), ..Place::on(Arc::new(Durable::default()), url) })
    }

    /// A store that somebody else opened; `url` is the lake's place in it.
    pub fn on(store: Arc<dyn ObjectStore>, url: Url) -> Place {
        register_log_stores();
        let reading = Arc::new(Verified::new(store.clone()));
        Place { url, store, reading, footers: Footers::default(), folder: None }
    }

    fn table_url(&self, name: &str) -> Result<Url, LakeError> {
        self.url.join(&format!("{name}/")).map_err(|_| LakeError::Location(self.url.to_string()))
    }

    /// The folder of a table, from the root of the store.
    pub fn folder(&self, name: &str) -> Result<Path, LakeError> {
        Path::from_url_path(self.table_url(name)?.path()).map_err(|_| LakeError::Location(self.url.to_string()))
    }

    /// How DataFusion names the store, from its root.
    pub fn root(&self) -> Result<ObjectStoreUrl, LakeError> {
        let root = format!("{}://{}/", self.url.scheme(), self.url.host_str().unwrap_or(""));
        ObjectStoreUrl::parse(&root).map_err(|_| LakeError::Location(self.url.to_string()))
    }

    /// The table as it lies there, not loaded yet.
    pub fn table(&self, name: &str) -> Result<DeltaTable, LakeError> {
        if let Some(folder) = &self.folder {
            // Delta takes a folder that is not there for one that cannot be read.
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|source| LakeError::Create { path: path.display().to_string(), source })?;
        }
        let url = self.table_url(name)?;
        DeltaTableBuilder::from_url(url.clone())
            .map(|builder| builder.with_storage_backend(self.store.clone(), url))
            .and_then(DeltaTableBuilder::build)
            .map_err(|source| LakeError::Open { table: name.into(), source: Box::new(source) })
    }

    /// Two conditional writes of one new name: a store in which not exactly one of them succeeds would lose commits of ours, silently.
    pub async fn probe(&self) -> Result<(), LakeError> {
        if self.folder.is_some() {
            return Ok(());
        }
        let failed = |source| LakeError::Store { location: self.url.to_string(), source };
        let root = Path::from_url_path(self.url.path()).map_err(|_| LakeError::Location(self.url.to_string()))?;
        for _ in 0..PROBES {
            let number = std::collections::hash_map::RandomState::new().build_hasher().finish();
            let key = root.clone().join("_probe").join(format!("{number:016x}"));
            let put = |payload: &'static str| self.store.put_opts(&key, payload.into(), PutMode::Create.into());
            let (one, other) = futures::join!(put("one"), put("other"));
            let seen = self.store.get(&key).await;
            let _ = self.store.delete(&key).await;
            match (one, other) {
                (Ok(_), Err(Error::AlreadyExists { .. })) | (Err(Error::AlreadyExists { .. }), Ok(_)) => return Ok(()),
                (Ok(_), Ok(_)) => break,
                // An answer was lost, and its repetition met its own effect. That says nothing of the store: ask again.
                (Err(Error::AlreadyExists { .. }), Err(Error::AlreadyExists { .. })) if seen.is_ok() => {}
                (Err(Error::NotImplemented { .. } | Error::NotSupported { .. }), _) => break,
                (Err(source), _) | (_, Err(source)) => return Err(failed(source)),
            }
        }
        Err(LakeError::Unconditional { location: self.url.to_string() })
    }
}

const PROBES: usize = 3;

/// Delta's ordinary log store, for schemes it does not know by itself.
struct Ordinary;

impl LogStoreFactory for Ordinary {
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

fn register_log_stores() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        logstore_factories().insert(Url::parse("s3://").expect("a URL"), Arc::new(Ordinary));
    });
}
