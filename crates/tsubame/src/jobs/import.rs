//! A file into the journal by its mapping. A line that cannot be used goes to the dead letter and into a list of rejects; the others
//! land. The same file again changes nothing, and a file that was interrupted goes on where it stopped.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use connect::{
    formats::{FormatError, ImportFormat, Layout, Parsed, Rejection, Row, by_extension},
    import::{Imported, Importer},
    mapping::{Mapping, built_in},
};
use lake::ParquetRows;
use model::Fact;
use sha2::{Digest, Sha256};
use state::{ContactChange, DeadLetter, Once};
use tokio::sync::{mpsc, oneshot};

use crate::{
    fault::{Exit, Fault},
    jobs::flush::flush,
    progress::Progress,
    workspace::Workspace,
};

/// Facts per journal append.
const CHUNK: usize = 10_000;
/// Rows that the reading thread hands over at a time.
const READ_AHEAD: usize = 4_096;
/// Journal bytes after which an import lets them land before it goes on.
const PENDING_BYTES_MAX: u64 = 512 << 20;
const SHOWN_REJECTIONS: usize = 50;

#[derive(Debug, Default)]
pub struct Report {
    pub rows: u64,
    /// Facts that were new.
    pub stored: u64,
    /// Facts that were known.
    pub duplicates: u64,
    pub rejected: u64,
    /// Facts by what they are.
    pub made: BTreeMap<String, u64>,
    pub rejects_file: Option<PathBuf>,
    /// Line, reason, remedy of the first ones.
    pub rejections: Vec<(u64, String, String)>,
    /// Oddities that did not cost a row.
    pub notes: Vec<String>,
}

/// A mapping by the name of a built-in one, a file in the shop's `mappings/`, or a path: its name and text.
pub fn mapping_text(folder: &Path, name: &str) -> Result<(String, String), Fault> {
    let candidates = [folder.join("mappings").join(format!("{name}.toml")), PathBuf::from(name)];
    for path in candidates.iter().filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(path).map_err(|source| Fault::io(format!("could not read {}", path.display()), source))?;
        return Ok((path.display().to_string(), text));
    }
    let built_in = built_in();
    match built_in.get(name) {
        Some(text) => Ok((name.into(), text.to_string())),
        None => Err(Fault::new(Exit::Config, format!("there is no mapping `{name}`")).remedy(format!(
            "name a file, or one of {}; `tsubame import detect FILE` writes one",
            built_in.keys().copied().collect::<Vec<_>>().join(", ")
        ))),
    }
}

pub async fn import(workspace: &Workspace, file: &Path, mapping_name: &str, mapping_text: &str, progress: &Progress) -> Result<Report, Fault> {
    let mapping = Mapping::parse(mapping_name, mapping_text).map_err(|problems| Fault::problems(&problems))?;
    let shown = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file_hash = sha256_of(file)?;
    let batch = format!("import|{file_hash}|{}", hex(&Sha256::digest(mapping_text.as_bytes())));
    let mut sink = Sink { workspace, shown, file_hash, source: mapping.name.clone(), batch, chunk: 0, report: Report::default(), rejects: Vec::new() };
    if is_parquet(file)? {
        let mut rows = ParquetRows::open(file)?;
        let mut importer = importer(workspace, &mapping, &rows.header)?;
        let mut line = 0;
        while let Some(batch) = rows.next_rows() {
            for fields in batch? {
                line += 1;
                let raw = fields.iter().map(|field| field.as_deref().unwrap_or("")).collect::<Vec<_>>().join("\t").into_bytes();
                importer.push_row(Row { line, fields, raw });
                progress.add(1);
            }
            sink.drain(&mut importer).await?;
        }
        sink.put(importer.finish()).await?;
    } else {
        let format = by_extension(&file.to_string_lossy()).unwrap_or(connect::formats::FORMATS[0]);
        let bytes = File::open(file).map_err(|source| Fault::io(format!("could not open {}", file.display()), source))?;
        let mut reading = Reading::start(format, bytes, mapping.layout.clone()).await?;
        sink.report.notes.append(&mut reading.warnings);
        let mut importer = importer(workspace, &mapping, &reading.header)?;
        while let Some(rows) = reading.rows.recv().await {
            for parsed in rows? {
                importer.push(parsed);
                progress.add(1);
            }
            sink.drain(&mut importer).await?;
        }
        sink.put(importer.finish()).await?;
    }
    let report = sink.end().await?;
    flush(workspace).await?;
    workspace.forget_reachable();
    Ok(report)
}

/// A file being read by a thread of its own, a few thousand rows ahead.
struct Reading {
    header: Vec<String>,
    warnings: Vec<String>,
    rows: mpsc::Receiver<Result<Vec<Parsed>, FormatError>>,
}

impl Reading {
    async fn start(format: &'static dyn ImportFormat, file: File, layout: Layout) -> Result<Reading, Fault> {
        let (send_head, head) = oneshot::channel();
        let (send_rows, rows) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            let opened = match format.open(Box::new(BufReader::with_capacity(1 << 20, file)), &layout) {
                Ok(opened) => opened,
                Err(error) => return drop(send_head.send(Err(error))),
            };
            if send_head.send(Ok((opened.header, opened.warnings))).is_err() {
                return;
            }
            let mut rows = opened.rows;
            loop {
                let part: Result<Vec<Parsed>, FormatError> = rows.by_ref().take(READ_AHEAD).collect();
                let is_last = part.as_ref().map_or(true, Vec::is_empty);
                // A receiver that is gone has stopped importing.
                if send_rows.blocking_send(part).is_err() || is_last {
                    return;
                }
            }
        });
        let (header, warnings) = head.await.map_err(|_| Fault::new(Exit::Failed, "the thread that reads the file has stopped"))??;
        Ok(Reading { header, warnings, rows })
    }
}

fn importer(workspace: &Workspace, mapping: &Mapping, header: &[String]) -> Result<Importer, Fault> {
    Importer::new(mapping, header, workspace.state.vault().id_key(), workspace.now()).map_err(|problems| Fault::problems(&problems))
}

struct Sink<'a> {
    workspace: &'a Workspace,
    shown: String,
    file_hash: String,
    source: String,
    batch: String,
    chunk: u64,
    report: Report,
    rejects: Vec<Rejection>,
}

impl Sink<'_> {
    async fn drain(&mut self, importer: &mut Importer) -> Result<(), Fault> {
        if importer.ready() >= CHUNK { self.put(importer.take()).await } else { Ok(()) }
    }

    /// One chunk. Its facts are journaled under a key of their own, so that a repeat knows them; what comes before can be repeated.
    async fn put(&mut self, imported: Imported) -> Result<(), Fault> {
        let now = self.workspace.now();
        let state = &self.workspace.state;
        let counts = imported.counts;
        self.report.rows += counts.rows;
        self.report.duplicates += counts.duplicates;
        for (name, count) in &counts.made {
            *self.report.made.entry((*name).into()).or_default() += count;
        }
        for (column, count) in &counts.addresses_dropped {
            self.report.notes.push(format!("{count} unreadable values of `{column}` were left out; their rows were kept"));
        }
        if counts.garbled > 0 {
            self.report.notes.push(format!("{} rows look broken before they were written (文字化け); export the file again", counts.garbled));
        }
        if counts.total_differs > 0 {
            self.report.notes.push(format!("{} orders' totals differ from goods - discount + tax + shipping", counts.total_differs));
        }
        let changes: Vec<ContactChange> = imported
            .contacts
            .into_iter()
            .map(|(contact, known_at)| ContactChange { contact, active: true, changed_at: known_at, known_at })
            .collect();
        if !changes.is_empty() {
            state.vault().put_changes(&changes, &self.source, now).await?;
        }
        if !imported.consents.is_empty() {
            state.consents().record_consents(&imported.consents, now).await?;
        }
        let letters: Vec<DeadLetter> = imported
            .rejections
            .iter()
            .map(|rejection| DeadLetter {
                file: format!("{}#{}", self.shown, &self.file_hash[..8]),
                line: rejection.line as i64,
                column: 0,
                reason: rejection.reason.clone(),
                raw: rejection.raw.clone(),
            })
            .collect();
        self.report.rejected += letters.len() as u64;
        if !letters.is_empty() {
            state.vault().dead_letter(&letters, now).await?;
        }
        self.rejects.extend(imported.rejections);
        for facts in chunks(imported.facts) {
            let count = facts.len() as u64;
            match state.journal().append_once(&format!("{}|{}", self.batch, self.chunk), facts, now).await? {
                Once::Stored(appended) => {
                    self.report.stored += appended.stored as u64;
                    self.report.duplicates += appended.duplicates as u64;
                }
                Once::AlreadyDone => self.report.duplicates += count,
            }
            self.chunk += 1;
        }
        if state.journal().pending_bytes().await? > PENDING_BYTES_MAX {
            flush(self.workspace).await?;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<Report, Fault> {
        let first = self.rejects.iter().take(SHOWN_REJECTIONS);
        self.report.rejections = first.map(|rejection| (rejection.line, rejection.reason.clone(), rejection.remedy.clone())).collect();
        if !self.rejects.is_empty() {
            let folder = self.workspace.path("rejects");
            std::fs::create_dir_all(&folder).map_err(|source| Fault::io(format!("could not create {}", folder.display()), source))?;
            let path = folder.join(format!("{}.rejects.csv", self.shown));
            write_rejects(&path, &self.shown, &self.rejects).map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
            self.report.rejects_file = Some(path);
        }
        self.report.notes.sort();
        self.report.notes.dedup();
        Ok(self.report)
    }
}

fn chunks(facts: Vec<Fact>) -> Vec<Vec<Fact>> {
    let mut facts = facts.into_iter().peekable();
    let mut chunks = Vec::new();
    while facts.peek().is_some() {
        chunks.push(facts.by_ref().take(2 * CHUNK).collect());
    }
    chunks
}

fn write_rejects(path: &Path, file: &str, rejects: &[Rejection]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["file", "line", "column", "code", "reason", "remedy"])?;
    for rejection in rejects {
        let line = rejection.line.to_string();
        let column = rejection.column.as_deref().unwrap_or("");
        writer.write_record([file, &line, column, rejection.code, &rejection.reason, &rejection.remedy])?;
    }
    writer.flush()
}

fn is_parquet(file: &Path) -> Result<bool, Fault> {
    let mut magic = [0; 4];
    let mut opened = File::open(file).map_err(|source| Fault::io(format!("could not open {}", file.display()), source))?;
    Ok(opened.read(&mut magic).map_err(|source| Fault::io(format!("could not read {}", file.display()), source))? == 4 && &magic == b"PAR1")
}

fn sha256_of(file: &Path) -> Result<String, Fault> {
    let could_not = |source| Fault::io(format!("could not read {}", file.display()), source);
    let mut reader = BufReader::with_capacity(1 << 20, File::open(file).map_err(could_not)?);
    let mut hash = Sha256::new();
    std::io::copy(&mut reader, &mut hash).map_err(could_not)?;
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    model::id::hex(bytes)
}
