//! Every data file carries the SHA-256 of its bytes in its name. So the sum is wherever the file is, a copy of a table proves itself, and
//! other readers see a name like any other. A file is checked when a process first opens it, and by `tsubame doctor --scrub`.

use std::{
    collections::BTreeMap,
    fmt,
    io::Read,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// The SHA-256 of some bytes, in hexadecimal.
pub fn sum(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// The name of a data file: the positions it spans, and its sum.
pub fn file_name(first: i64, last: i64, bytes: &[u8]) -> String {
    format!("{first:012}-{last:012}-{}.parquet", sum(bytes))
}

/// The sum a file's name states; `None` for files that others named.
pub fn stated(location: &Path) -> Option<&str> {
    let stem = location.filename()?.strip_suffix(".parquet")?;
    let (_, sum) = stem.rsplit_once('-')?;
    (sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sum)
}

/// Bytes that are not those that were written.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{file}` is damaged: its bytes are not the ones that were written. Remedy: put the file back from a backup; `tsubame doctor --scrub` \
     names every damaged file"
)]
pub struct DamagedFile {
    pub file: String,
}

/// What reading a whole file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Whole,
    Broken,
    /// Its name states no sum.
    Absent,
}

/// Reads all of a file and compares.
pub async fn check(store: &dyn ObjectStore, location: &Path) -> Result<Seal> {
    let Some(stated) = stated(location) else { return Ok(Seal::Absent) };
    let result = store.get(location).await?;
    let found = match result.payload {
        GetResultPayload::File(mut file, _) => tokio::task::spawn_blocking(move || -> std::io::Result<String> {
            let mut sum = Sha256::new();
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(hex(sum.finalize().as_slice())),
                    read => sum.update(&buffer[..read]),
                }
            }
        })
        .await?
        .map_err(|source| Error::Generic { store: "folder", source: format!("could not read {location}: {source}").into() })?,
        GetResultPayload::Stream(mut parts) => {
            let mut sum = Sha256::new();
            while let Some(part) = parts.next().await {
                sum.update(&part?);
            }
            hex(sum.finalize().as_slice())
        }
    };
    Ok(if found == stated { Seal::Whole } else { Seal::Broken })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A store for queries: the first read of a file reads all of it, and fails if it is not what was written.
#[derive(Debug)]
pub struct Verified {
    inner: Arc<dyn ObjectStore>,
    seen: Mutex<BTreeMap<Path, Arc<OnceCell<()>>>>,
}

impl Verified {
    pub fn new(inner: Arc<dyn ObjectStore>) -> Verified {
        Verified { inner, seen: Mutex::default() }
    }

    /// Whether a file was found whole.
    pub fn has_seen(&self, location: &Path) -> bool {
        self.seen.lock().expect("nobody panics while holding it").get(location).is_some_and(|cell| cell.initialized())
    }

    /// Somebody else found the file whole.
    pub fn saw(&self, location: &Path) {
        let cell = Arc::new(OnceCell::new_with(Some(())));
        self.seen.lock().expect("nobody panics while holding it").entry(location.clone()).or_insert(cell);
    }

    /// The files that were found whole.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        seen.iter().filter(|(_, cell)| cell.initialized()).map(|(location, _)| location.to_string()).collect()
    }

    async fn verify(&self, location: &Path) -> Result<()> {
        if stated(location).is_none() {
            return Ok(());
        }
        let cell = self.seen.lock().expect("nobody panics while holding it").entry(location.clone()).or_default().clone();
        // Whoever comes second waits for the first; a failure is tried again, for the file may be put back.
        cell.get_or_try_init(|| async {
            match check(self.inner.as_ref(), location).await? {
                Seal::Broken => {
                    tracing::error!(file = %location, "a data file is damaged");
                    let source = DamagedFile { file: location.to_string() };
                    Err(Error::Generic { store: "lake", source: Box::new(source) })
                }
                Seal::Whole | Seal::Absent => Ok(()),
            }
        })
        .await
        .map(|_| ())
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Verified {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !options.head {
            self.verify(location).await?;
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<Bytes>> {
        self.verify(location).await?;
        self.inner.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
