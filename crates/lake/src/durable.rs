//! A local folder as an object store whose writes survive a power cut: `object_store` leaves bytes and names in the page cache.
//!
//! Bytes are on stable storage before they get their name, so a commit is there whole or not at all; then the folder that holds the name.

use std::{
    fmt,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result, UploadPart,
    local::LocalFileSystem, path::Path,
};

#[derive(Debug, Default)]
pub struct Durable {
    inner: LocalFileSystem,
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return self.inner.put_opts(location, payload, options).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || {
            write_named(&path, create, |file| payload.iter().try_for_each(|part| file.write_all(part)))
                .map_err(|source| named(&path, source))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, path }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // A name that comes back after a power cut is deleted again by whoever deletes it.
        self.inner.delete_stream(locations)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    /// A log is listed from its last checkpoint at every commit: what lies before is not looked at.
    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        blocking(move || {
            let copied = File::open(&from).map_err(|source| named(&from, source))?;
            let create = matches!(options.mode, CopyMode::Create);
            write_named(&to, create, |file| io::copy(&mut &copied, file).map(|_| ())).map_err(|source| named(&to, source))
        })
        .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (old, new) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        if matches!(options.target_mode, RenameTargetMode::Create) {
            return self.inner.rename_opts(from, to, options).await;
        }
        blocking(move || {
            make_parents(&new)
                .and_then(|()| fs::rename(&old, &new))
                .and_then(|()| sync_parent(&new))
                .and_then(|()| sync_parent(&old))
                .map_err(|source| named(&old, source))
        })
        .await
    }
}

/// An upload in parts that is durable when it is complete.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        self.upload.put_part(part)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        let path = self.path.clone();
        blocking(move || {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .and_then(|()| sync_parent(&path))
                .map_err(|source| named(&path, source))
        })
        .await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

/// Writes and syncs under a passing name that a listing leaves out, then gives the file its own and syncs the folder.
fn write_named(path: &FilePath, create: bool, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    static STAGED: AtomicU64 = AtomicU64::new(0);
    make_parents(path)?;
    let number = STAGED.fetch_add(1, Ordering::Relaxed);
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{}{number:06}", std::process::id()));
    let staged = PathBuf::from(staged);
    let mut file = File::create(&staged)?;
    let done = write(&mut file).and_then(|()| file.sync_all()).and_then(|()| match create {
        true => fs::hard_link(&staged, path),
        false => fs::rename(&staged, path),
    });
    if create || done.is_err() {
        let _ = fs::remove_file(&staged);
    }
    done?;
    sync_parent(path)
}

/// Makes the folders that are missing, each durable in the one above it.
fn make_parents(path: &FilePath) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    make_parents(folder)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(folder),
    }
}

fn sync_parent(path: &FilePath) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn named(path: &FilePath, source: io::Error) -> Error {
    let path = path.display().to_string();
    match source.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: source.into() },
        ErrorKind::NotFound => Error::NotFound { path, source: source.into() },
        _ => Error::Generic { store: "folder", source: format!("could not write {path}: {source}").into() },
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}
