//! Rows put aside on disk while a question has no memory for them. The engine's own temporary files are held open for as long as they are
//! there; of these there may be thousands, and a process of an analyst may open few.

use std::{
    fmt,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use datafusion::{
    error::{DataFusionError, Result},
    execution::{SpillFile, SpillWriter, TempFileFactory},
};
use futures::{Stream, TryStreamExt, stream};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

const CHUNK_BYTES: usize = 128 << 10;

/// What an error says if the rows put aside need more disk than they may have.
pub(crate) const TOO_MANY: &str = "rows put aside need more disk than";

/// Where a question's rows are put aside: a folder of its own, made when the first are, and gone with the question.
pub(crate) struct Aside {
    folder: OnceLock<Arc<TempDir>>,
    names: AtomicU64,
    space: Arc<Space>,
}

struct Space {
    bytes_max: u64,
    bytes: AtomicU64,
}

impl Aside {
    pub(crate) fn new(bytes_max: u64) -> Aside {
        Aside {
            folder: OnceLock::new(),
            names: AtomicU64::new(0),
            space: Arc::new(Space { bytes_max, bytes: AtomicU64::new(0) }),
        }
    }

    fn folder(&self) -> Result<Arc<TempDir>> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder.clone());
        }
        // Where two make one at once, one of them goes as it came.
        let made = Arc::new(TempDir::new()?);
        Ok(self.folder.get_or_init(|| made).clone())
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Aside({} bytes)", self.space.bytes.load(Ordering::Relaxed))
    }
}

impl TempFileFactory for Aside {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        let folder = self.folder()?;
        let path = folder.path().join(self.names.fetch_add(1, Ordering::Relaxed).to_string());
        File::create_new(&path)?;
        Ok(Arc::new(AsideFile { path, bytes: Arc::default(), space: self.space.clone(), _folder: folder }))
    }
}

struct AsideFile {
    path: PathBuf,
    bytes: Arc<AtomicU64>,
    space: Arc<Space>,
    _folder: Arc<TempDir>,
}

impl Drop for AsideFile {
    fn drop(&mut self) {
        // If it cannot be removed, its folder is later.
        let _ = std::fs::remove_file(&self.path);
        self.space.bytes.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl SpillFile for AsideFile {
    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let path = self.path.clone();
        let opened = stream::once(async move { tokio::fs::File::open(path).await.map_err(DataFusionError::IoError) });
        Ok(Box::pin(opened.map_ok(chunks).try_flatten()))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        let file = File::options().append(true).open(&self.path)?;
        Ok(Box::new(AsideWriter { file, bytes: self.bytes.clone(), space: self.space.clone() }))
    }
}

fn chunks(file: tokio::fs::File) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold(file, async |mut file| {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        file.read_buf(&mut chunk).await?;
        Ok((!chunk.is_empty()).then(|| (chunk.freeze(), file)))
    })
}

struct AsideWriter {
    file: File,
    bytes: Arc<AtomicU64>,
    space: Arc<Space>,
}

impl Write for AsideWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let more = bytes.len() as u64;
        if self.space.bytes.fetch_add(more, Ordering::Relaxed) + more > self.space.bytes_max {
            self.space.bytes.fetch_sub(more, Ordering::Relaxed);
            return Err(std::io::Error::other(format!("{TOO_MANY} {} MB", self.space.bytes_max >> 20)));
        }
        self.bytes.fetch_add(more, Ordering::Relaxed);
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl SpillWriter for AsideWriter {
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_put_aside_is_read_again_and_gone_afterwards() {
        let aside = Aside::new(300_000);
        let rows: Vec<u8> = (0..200_000_u32).map(|byte| byte as u8).collect();
        let file = aside.create_temp_file("a test").expect("a file");
        let path = file.path().expect("a path").to_owned();
        let mut writer = file.open_writer().expect("a writer");
        writer.write_all(&rows).expect("written");
        writer.finish().expect("finished");
        let parts: Vec<Bytes> = file.read_stream().expect("a stream").try_collect().await.expect("read");
        assert_eq!((parts.concat(), file.size()), (rows.clone(), Some(200_000)));

        let second = aside.create_temp_file("a test").expect("a file");
        let mut writer = second.open_writer().expect("a writer");
        let error = writer.write_all(&rows).expect_err("there is no room for it").to_string();
        assert!(error.starts_with(TOO_MANY), "{error}");
        drop(file);
        writer.write_all(&rows).expect("the first is gone");
        assert!(!path.exists());
        let folder = path.parent().expect("a folder");
        assert!(folder.exists());
        drop((writer, second, aside));
        assert!(!folder.exists());
    }
}
