//! A file into the journal by its mapping. A line that cannot be used goes to the dead letter and into a list of rejects; the others
//! land. The same file again changes nothing, and one that was interrupted lands what is missing when it is imported again.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::DateTime;
use connect::{
    detect,
    formats::{self, Encoding, FormatError, ImportFormat, Layout, Parsed, Rejection, Row, csv::guess_separator, spreadsheet},
    import::{Imported, Importer},
    mapping::{Kind, Mapping, built_in},
};
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use lake::ParquetRows;
use model::{Fact, Instant};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use state::{ContactChange, DeadLetter};
use tokio::sync::{mpsc, oneshot};

use crate::{
    fault::{Exit, Fault},
    jobs::{flush::flush, people},
    progress::Progress,
    workspace::Workspace,
};

/// Facts per journal append.
const CHUNK: usize = 10_000;
/// Rows after which what waits is taken, even if few of them became facts: rejections wait as well.
const ROWS_WAITING_MAX: usize = 5 * CHUNK;
/// Journal bytes after which an import lets them land before it goes on.
const PENDING_BYTES_MAX: u64 = 64 << 20;
const SHOWN_REJECTIONS: usize = 50;
/// Rows that a mapping is guessed from.
const SAMPLE_ROWS: usize = 200;
/// Bytes that the format and the separator are guessed from.
const HEAD_BYTES: u64 = 64 << 10;
/// What a compressed file may become: this many times its size, beyond a first allowance. Tables of text rarely pass a tenth of it.
const INFLATED_TIMES_MAX: u64 = 200;
const INFLATED_ALLOWANCE_BYTES: u64 = 64 << 20;
/// Bytes of a shared text at least, with its tags, in a spreadsheet's list of texts.
const SHARED_TEXT_BYTES_MIN: u64 = 5;
/// `uniqueCount`, and its digits after blanks.
const ANNOUNCEMENT_BYTES_MAX: usize = 256;
const GZIP: &[u8] = b"\x1f\x8b";
const PARQUET: &[u8] = b"PAR1";

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

/// A file's records, whatever its format.
pub struct Records {
    /// Stable name of the format.
    pub format: &'static str,
    pub header: Vec<String>,
    pub encoding: Encoding,
    pub warnings: Vec<String>,
    pub rows: Box<dyn Iterator<Item = Result<Parsed, Fault>>>,
}

/// How a file begins: what a mapping is guessed from.
pub struct Sample {
    pub format: &'static str,
    pub layout: Layout,
    pub header: Vec<String>,
    pub encoding: Encoding,
    pub warnings: Vec<String>,
    pub rows: Vec<Row>,
}

/// Whether a file name ends as a format's does, also before `.gz`.
pub fn has_known_ending(name: &str) -> bool {
    let (name, is_packed) = unpacked_name(name);
    formats::by_extension(name).is_some() || (!is_packed && name.to_ascii_lowercase().ends_with(".parquet"))
}

/// How a mapping says that a file is laid out, with the columns it asks for.
pub fn layout_of(mapping: &Mapping) -> Layout {
    let columns = mapping.columns.iter().chain(&mapping.items).flat_map(|column| &column.from);
    let conditions = mapping.keep_rows.iter().map(|clause| &clause.column);
    let named = columns.chain(conditions).chain(&mapping.group_by).chain(&mapping.properties);
    let mut wanted = Vec::new();
    for name in named {
        if !wanted.contains(name) {
            wanted.push(name.clone());
        }
    }
    Layout { wanted, ..mapping.layout.clone() }
}

/// Opens a file by how it begins, else by its ending, else as CSV; one that is compressed by gzip as what lies inside.
pub fn open(file: &Path, layout: &Layout) -> Result<Records, Fault> {
    open_counted(file, layout, &Arc::default())
}

/// `read` is kept at the bytes of the file that were read.
fn open_counted(file: &Path, layout: &Layout, read: &Arc<AtomicU64>) -> Result<Records, Fault> {
    let could_not = |source| Fault::io(format!("could not open {}", file.display()), source);
    let opened = File::open(file).map_err(could_not)?;
    let size = opened.metadata().map_err(could_not)?.len();
    let begin = Begin::of(file)?;
    if begin.is_parquet() {
        return open_parquet(file, size, read);
    }
    let format = begin.format(file);
    if format.name() == spreadsheet::Spreadsheet.name() {
        check_inflated(file, begin.is_packed)?;
    }
    let counted = Counted { inner: opened, read: read.clone() };
    let bytes: Box<dyn Read> = match begin.is_packed {
        true => Box::new(Bounded::gzip(counted, size)),
        false => Box::new(counted),
    };
    let opened = format.open(bytes, layout)?;
    let rows = opened.rows.map(|parsed| parsed.map_err(Fault::from));
    Ok(Records {
        format: format.name(),
        header: opened.header,
        encoding: opened.encoding,
        warnings: opened.warnings,
        rows: Box::new(rows),
    })
}

/// The first rows of a file nobody has described yet.
pub fn sample(file: &Path) -> Result<Sample, Fault> {
    let begin = Begin::of(file)?;
    let mut layout = Layout::default();
    if !begin.is_parquet() && begin.format(file).name() == formats::csv::Csv.name() {
        layout.separator = guess_separator(&begin.head);
    }
    let Records { format, header, encoding, warnings, rows: records } = open(file, &layout)?;
    if format == formats::tsv::Tsv.name() {
        layout.separator = b'\t';
    }
    let mut rows = Vec::new();
    for parsed in records.take(SAMPLE_ROWS) {
        if let Parsed::Row(row) = parsed? {
            rows.push(row);
        }
    }
    Ok(Sample { format, layout, header, encoding, warnings, rows })
}

/// How a file begins, after its compression.
struct Begin {
    head: Vec<u8>,
    is_packed: bool,
}

impl Begin {
    fn of(file: &Path) -> Result<Begin, Fault> {
        let could_not = |source| Fault::io(format!("could not read {}", file.display()), source);
        let read = |bytes: &mut dyn Read| -> std::io::Result<Vec<u8>> {
            let mut head = Vec::new();
            bytes.take(HEAD_BYTES).read_to_end(&mut head)?;
            Ok(head)
        };
        let mut opened = File::open(file).map_err(|source| Fault::io(format!("could not open {}", file.display()), source))?;
        let head = read(&mut opened).map_err(could_not)?;
        if !head.starts_with(GZIP) {
            return Ok(Begin { head, is_packed: false });
        }
        let mut inside = MultiGzDecoder::new(File::open(file).map_err(could_not)?);
        Ok(Begin { head: read(&mut inside).map_err(could_not)?, is_packed: true })
    }

    fn is_parquet(&self) -> bool {
        !self.is_packed && self.head.starts_with(PARQUET)
    }

    fn format(&self, file: &Path) -> &'static dyn ImportFormat {
        formats::of(unpacked_name(&file.to_string_lossy()).0, &self.head)
    }
}

/// A name without the ending of a compressed file, and whether it had one.
fn unpacked_name(name: &str) -> (&str, bool) {
    match name.len().checked_sub(3).filter(|at| name.is_char_boundary(*at)) {
        Some(at) if name[at..].eq_ignore_ascii_case(".gz") => (&name[..at], true),
        _ => (name, false),
    }
}

/// Counts what is read of a file, for the progress.
struct Counted {
    inner: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What a compressed file becomes, up to a bound.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Bounded<MultiGzDecoder<BufReader<R>>> {
    fn gzip(packed: R, size: u64) -> Self {
        let left = size.saturating_mul(INFLATED_TIMES_MAX).saturating_add(INFLATED_ALLOWANCE_BYTES);
        Bounded { inner: MultiGzDecoder::new(BufReader::with_capacity(1 << 18, packed)), left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            std::io::Error::other(format!("it becomes more than {INFLATED_TIMES_MAX} times its size when it is unpacked"))
        })?;
        Ok(count)
    }
}

/// Unpacks every part of an XLSX file once, keeping nothing: a part that becomes more than the archive's directory declares is never given
/// to the reader, which would hold it, and neither is a list of texts that announces more of them than fit into it.
fn check_inflated(file: &Path, is_packed: bool) -> Result<(), Fault> {
    let could_not = |source| Fault::io(format!("could not read {}", file.display()), source);
    let opened = File::open(file).map_err(could_not)?;
    let bytes: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(opened)) } else { Box::new(opened) };
    let mut archive = Vec::new();
    bytes.take(spreadsheet::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut archive).map_err(could_not)?;
    if !archive.starts_with(b"PK") || archive.len() > spreadsheet::FILE_BYTES_MAX {
        return Ok(()); // No archive, or one that the format refuses.
    }
    let lies = |what: &str| Fault::from(FormatError::Spreadsheet { source: what.into() });
    for part in spreadsheet::parts(&archive)? {
        let mut inside: Box<dyn Read> =
            if part.is_deflated { Box::new(DeflateDecoder::new(part.bytes)) } else { Box::new(part.bytes) };
        let has_texts = part.name.to_ascii_lowercase().ends_with(b"sharedstrings.xml");
        let (mut length, mut seen) = (0, Vec::new());
        loop {
            let kept = seen.len();
            let read = inside.by_ref().take(HEAD_BYTES).read_to_end(&mut seen).map_err(|source| lies(&source.to_string()))?;
            length += read as u64;
            if length > part.inflated || (read == 0 && length < part.inflated) {
                return Err(lies("a part of its archive is not as long as declared"));
            }
            if has_texts && announced(&seen).is_some_and(|count| count > part.inflated / SHARED_TEXT_BYTES_MIN) {
                return Err(lies("its list of texts announces more than it holds"));
            }
            if read == 0 {
                break;
            }
            // What may have been cut in two is looked at again with what follows.
            seen.drain(..(kept + read).saturating_sub(ANNOUNCEMENT_BYTES_MAX));
        }
    }
    Ok(())
}

/// How many texts a spreadsheet's list of texts says that it has.
fn announced(part: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"uniqueCount";
    let at = part.windows(NAME.len()).position(|window| window == NAME)?;
    let digits: String = part[at + NAME.len()..]
        .iter()
        .skip_while(|byte| byte.is_ascii_whitespace() || b"=\"'".contains(byte))
        .take_while(|byte| byte.is_ascii_digit())
        .map(|byte| char::from(*byte))
        .collect();
    let is_cut = digits.is_empty() && part.len() - at < ANNOUNCEMENT_BYTES_MAX / 2;
    (!is_cut).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// A mapping by the name of a built-in one, a file in the shop's `mappings/`, or a path: its name and text.
pub fn mapping_text(folder: &Path, name: &str) -> Result<(String, String), Fault> {
    let candidates = [folder.join("mappings").join(format!("{name}.toml")), PathBuf::from(name)];
    if let Some(path) = candidates.iter().find(|path| path.is_file()) {
        let text =
            std::fs::read_to_string(path).map_err(|source| Fault::io(format!("could not read {}", path.display()), source))?;
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

pub async fn import(
    workspace: &Workspace,
    file: &Path,
    mapping_name: &str,
    mapping_text: &str,
    progress: &Progress,
) -> Result<Report, Fault> {
    let mapping = Mapping::parse(mapping_name, mapping_text).map_err(|problems| Fault::problems(&problems))?;
    let mut sink = Sink::new(workspace, file, &mapping);
    let kind = mapping.kind;
    let mut reading = match Reading::start(workspace, file.into(), mapping).await {
        Ok(reading) => reading,
        Err(fault) => return Err(with_the_likelier_kind(fault, file, kind)),
    };
    sink.report.notes.append(&mut reading.warnings);
    while let Some(imported) = reading.chunks.recv().await {
        let imported = imported?;
        progress.read(imported.counts.rows, reading.bytes.load(Ordering::Relaxed));
        sink.put(imported).await?;
    }
    let report = sink.end()?;
    flush(workspace).await?;
    workspace.forget_reachable();
    Ok(report)
}

/// Files (each with its mapping's name and text) as if everything in them had come in within the hour from which it could be known: a shop that
/// lived through its history, for proofs. It moves the workspace's clock, which must be a logical one that begins after all of it, and holds all of
/// it at once.
pub async fn import_as_it_came(workspace: &Workspace, files: &[(PathBuf, String, String)]) -> Result<Vec<Report>, Fault> {
    let mut sinks = Vec::new();
    let mut hours = Hours::new();
    for (index, (file, mapping_name, mapping_text)) in files.iter().enumerate() {
        let mapping = Mapping::parse(mapping_name, mapping_text).map_err(|problems| Fault::problems(&problems))?;
        sinks.push(Sink::new(workspace, file, &mapping));
        let mut reading = Reading::start(workspace, file.clone(), mapping).await?;
        while let Some(imported) = reading.chunks.recv().await {
            by_hour(imported?, index, &mut hours)?;
        }
    }
    for ((hour, index), imported) in hours {
        workspace.clock.set(hour);
        sinks[index].put(imported).await?;
    }
    let reports = sinks.into_iter().map(Sink::end).collect::<Result<Vec<Report>, Fault>>()?;
    flush(workspace).await?;
    workspace.forget_reachable();
    Ok(reports)
}

/// What came in until the end of an hour, by which of the files.
type Hours = BTreeMap<(Instant, usize), Imported>;

/// Lays each thing under the hour from which it was known.
fn by_hour(imported: Imported, file: usize, hours: &mut Hours) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Known {
        #[serde(with = "model::time::instant")]
        known_at: Instant,
    }
    let Imported { facts, contacts, consents, suppressions, address_suppressions, rejections, counts } = imported;
    if !rejections.is_empty() || !address_suppressions.is_empty() {
        return Err(Fault::new(Exit::Data, "a line is rejected, or has no time at which it could have come"));
    }
    let mut last = Instant::UNIX_EPOCH;
    for contact in contacts {
        last = contact.1;
        hour(hours, file, last).contacts.push(contact);
    }
    for consent in consents {
        last = consent.1;
        hour(hours, file, last).consents.push(consent);
    }
    for suppression in suppressions {
        last = suppression.1;
        hour(hours, file, last).suppressions.push(suppression);
    }
    for fact in facts {
        let known: Known = serde_json::from_str(&fact.row)
            .map_err(|error| Fault::new(Exit::Failed, format!("a fact of an import cannot be read back: {error}")))?;
        last = known.known_at;
        hour(hours, file, last).facts.push(fact);
    }
    hour(hours, file, last).counts.add(&counts);
    Ok(())
}

fn hour(hours: &mut Hours, file: usize, known_at: Instant) -> &mut Imported {
    const HOUR_MICROS: i64 = 3_600_000_000;
    let micros = known_at.timestamp_micros();
    let end = DateTime::from_timestamp_micros(micros - micros.rem_euclid(HOUR_MICROS) + HOUR_MICROS - 1);
    hours.entry((end.unwrap_or(known_at), file)).or_default()
}

fn open_parquet(file: &Path, size: u64, read: &Arc<AtomicU64>) -> Result<Records, Fault> {
    let mut parquet = ParquetRows::open(file)?;
    let header = std::mem::take(&mut parquet.header);
    let (total, read, mut done) = (parquet.rows.max(1), read.clone(), 0);
    let rows = std::iter::from_fn(move || parquet.next_rows())
        .flat_map(move |batch| match batch {
            Ok(rows) => {
                done += rows.len() as u64;
                // Parquet is not read from front to back: its rows tell how far it is.
                read.store((u128::from(size) * u128::from(done) / u128::from(total)) as u64, Ordering::Relaxed);
                rows.into_iter().map(Ok).collect::<Vec<_>>()
            }
            Err(error) => vec![Err(Fault::from(error))],
        })
        .enumerate()
        .map(|(index, fields)| -> Result<Parsed, Fault> {
            let fields = fields?;
            let raw = fields.iter().map(|field| field.as_deref().unwrap_or("")).collect::<Vec<_>>().join("\t").into_bytes();
            Ok(Parsed::Row(Row { line: index as u64 + 1, cells: fields.into_iter().collect(), raw }))
        });
    Ok(Records { format: "parquet", header, encoding: Encoding::Utf8, warnings: Vec::new(), rows: Box::new(rows) })
}

/// Columns that are not there may mean that the mapping is for another kind of file.
fn with_the_likelier_kind(mut fault: Fault, file: &Path, kind: Kind) -> Fault {
    let Ok(sample) = sample(file) else { return fault };
    let guess = detect::guess("file", &sample.layout, &sample.header, &sample.rows);
    if guess.kind != kind && guess.missing.is_empty() {
        let hint = format!("the mapping is for {}, and this looks like a file of {}", kind.name(), guess.kind.name());
        fault.remedy = Some(fault.remedy.map_or(hint.clone(), |remedy| format!("{remedy}; {hint}")));
    }
    fault
}

/// A file being read and made facts of by a thread of its own, a chunk ahead of the journal. A row is used where it was read: handing rows
/// from thread to thread costs more than reading them.
struct Reading {
    warnings: Vec<String>,
    chunks: mpsc::Receiver<Result<Imported, Fault>>,
    /// Of the file, read so far.
    bytes: Arc<AtomicU64>,
}

impl Reading {
    async fn start(workspace: &Workspace, file: PathBuf, mapping: Mapping) -> Result<Reading, Fault> {
        let key = workspace.state.vault().id_key().clone();
        let relays = workspace.shop().relay_domains.clone();
        let now = workspace.now();
        let (send_head, head) = oneshot::channel();
        let (send_chunk, chunks) = mpsc::channel(1);
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = bytes.clone();
        tokio::task::spawn_blocking(move || {
            let begun = || -> Result<_, Fault> {
                let opened = open_counted(&file, &layout_of(&mapping), &counted)?;
                let importer = Importer::new(&mapping, &opened.header, &key, now);
                let importer = importer.map_err(|problems| Fault::problems(&problems))?.relay_domains(&relays);
                Ok((opened, importer))
            };
            let (opened, mut importer) = match begun() {
                Ok(begun) => begun,
                Err(error) => return drop(send_head.send(Err(error))),
            };
            if send_head.send(Ok(opened.warnings)).is_err() {
                return;
            }
            let mut waiting = 0;
            for parsed in opened.rows {
                match parsed {
                    Ok(parsed) => importer.push(parsed),
                    // What was read before the file broke off lands.
                    Err(fault) => {
                        let _ = send_chunk.blocking_send(Ok(importer.take()));
                        let _ = send_chunk.blocking_send(Err(fault));
                        return;
                    }
                }
                waiting += 1;
                if importer.ready() >= CHUNK || waiting >= ROWS_WAITING_MAX {
                    waiting = 0;
                    // A receiver that is gone has stopped importing.
                    if send_chunk.blocking_send(Ok(importer.take())).is_err() {
                        return;
                    }
                }
            }
            let _ = send_chunk.blocking_send(Ok(importer.finish()));
        });
        let stopped = || Fault::new(Exit::Failed, "the thread that reads the file has stopped");
        Ok(Reading { warnings: head.await.map_err(|_| stopped())??, chunks, bytes })
    }
}

struct Sink<'a> {
    workspace: &'a Workspace,
    path: PathBuf,
    shown: String,
    /// Taken at the first rejection: a file without any is read once.
    file_hash: Option<String>,
    source: String,
    report: Report,
    rejects: Rejects,
}

impl<'a> Sink<'a> {
    fn new(workspace: &'a Workspace, file: &Path, mapping: &Mapping) -> Sink<'a> {
        let shown = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Sink {
            workspace,
            path: file.into(),
            rejects: Rejects::new(workspace.path("rejects"), &shown),
            shown,
            file_hash: None,
            source: mapping.name.clone(),
            report: Report::default(),
        }
    }

    /// One chunk. Each fact is journaled under its own key, so that a repeat knows it; what comes before can be repeated.
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
        if counts.relayed > 0 {
            self.report
                .notes
                .push(format!("{} rows have an address that a mall hands out: no contact was made of it", counts.relayed));
        }
        if counts.garbled > 0 {
            self.report
                .notes
                .push(format!("{} rows look broken before they were written (文字化け); export the file again", counts.garbled));
        }
        if counts.total_differs > 0 {
            self.report
                .notes
                .push(format!("{} orders' totals differ from goods - discount + tax + shipping", counts.total_differs));
        }
        let changes: Vec<ContactChange> = imported
            .contacts
            .into_iter()
            .map(|(contact, known_at)| ContactChange { contact, active: true, changed_at: known_at, known_at })
            .collect();
        // What forbids comes before what permits.
        if !imported.suppressions.is_empty() {
            state.consents().record_suppressions(&imported.suppressions, now).await?;
        }
        if !imported.address_suppressions.is_empty() {
            state.consents().suppress_addresses(&imported.address_suppressions, now).await?;
        }
        people::learn(self.workspace, &self.source, changes, &imported.consents).await?;
        self.report.rejected += imported.rejections.len() as u64;
        let mut file = String::new();
        if !imported.rejections.is_empty() {
            let hash = self.hash()?;
            self.rejects.write(&hash, &imported.rejections)?;
            file = format!("{}#{hash}", self.shown);
        }
        let shown = SHOWN_REJECTIONS.saturating_sub(self.report.rejections.len());
        for rejection in imported.rejections.iter().take(shown) {
            self.report.rejections.push((rejection.line, rejection.reason.clone(), rejection.remedy.clone()));
        }
        let letters: Vec<DeadLetter> = imported
            .rejections
            .into_iter()
            .map(|rejection| DeadLetter {
                source: self.source.clone(),
                file: file.clone(),
                line: rejection.line as i64,
                column: 0,
                code: rejection.code.into(),
                reason: rejection.reason,
                remedy: rejection.remedy,
                raw: rejection.raw,
            })
            .collect();
        if !letters.is_empty() {
            state.vault().dead_letter(&letters, now).await?;
        }
        for facts in chunks(imported.facts) {
            let appended = state.journal().append(facts, now).await?;
            self.report.stored += appended.stored as u64;
            self.report.duplicates += appended.duplicates as u64;
        }
        if state.journal().bytes_after(self.workspace.landed_from().await?).await? > PENDING_BYTES_MAX {
            flush(self.workspace).await?;
        }
        Ok(())
    }

    /// Which of the files of one name this is.
    fn hash(&mut self) -> Result<String, Fault> {
        if self.file_hash.is_none() {
            self.file_hash = Some(sha256_of(&self.path)?[..8].to_string());
        }
        Ok(self.file_hash.clone().unwrap_or_default())
    }

    fn end(mut self) -> Result<Report, Fault> {
        self.report.rejects_file = self.rejects.end()?;
        self.report.notes.sort();
        self.report.notes.dedup();
        Ok(self.report)
    }
}

/// The list of what was not imported, written as it comes and given its name at the end. Two files of one name have two lists.
struct Rejects {
    file: String,
    folder: PathBuf,
    /// Opened by the first rejection.
    open: Option<OpenRejects>,
}

struct OpenRejects {
    path: PathBuf,
    part: PathBuf,
    writer: csv::Writer<File>,
}

impl Rejects {
    fn new(folder: PathBuf, file: &str) -> Rejects {
        Rejects { file: file.into(), folder, open: None }
    }

    fn write(&mut self, hash: &str, rejections: &[Rejection]) -> Result<(), Fault> {
        let name = format!("{}.{hash}.rejects.csv", self.file);
        let part = self.folder.join(format!("{name}.part"));
        let could_not = |source| Fault::io(format!("could not write {}", part.display()), source);
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let begun = || -> std::io::Result<csv::Writer<File>> {
                    std::fs::create_dir_all(&self.folder)?;
                    let mut writer = csv::Writer::from_path(&part)?;
                    writer.write_record(["file", "line", "column", "code", "reason", "remedy"])?;
                    Ok(writer)
                };
                let writer = begun().map_err(could_not)?;
                self.open.insert(OpenRejects { path: self.folder.join(&name), part: part.clone(), writer })
            }
        };
        for rejection in rejections {
            let line = rejection.line.to_string();
            let column = rejection.column.as_deref().unwrap_or("");
            let record = [self.file.as_str(), &line, column, rejection.code, &rejection.reason, &rejection.remedy];
            open.writer.write_record(record).map_err(|source| could_not(source.into()))?;
        }
        Ok(())
    }

    /// The finished list, if there is anything in it.
    fn end(self) -> Result<Option<PathBuf>, Fault> {
        let Some(mut open) = self.open else { return self.sweep().map(|()| None) };
        open.writer
            .flush()
            .and_then(|()| std::fs::rename(&open.part, &open.path))
            .map_err(|source| Fault::io(format!("could not write {}", open.path.display()), source))?;
        Ok(Some(open.path))
    }

    /// Removes what imports of this file that were cut short have left.
    fn sweep(&self) -> Result<(), Fault> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours =
                name.strip_prefix(&self.file).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".rejects.csv.part"));
            if is_ours {
                let path = entry.path();
                std::fs::remove_file(&path)
                    .map_err(|source| Fault::io(format!("could not remove {}", path.display()), source))?;
            }
        }
        Ok(())
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

fn sha256_of(file: &Path) -> Result<String, Fault> {
    let could_not = |source| Fault::io(format!("could not read {}", file.display()), source);
    let mut reader = BufReader::with_capacity(1 << 20, File::open(file).map_err(could_not)?);
    let mut hash = Sha256::new();
    std::io::copy(&mut reader, &mut hash).map_err(could_not)?;
    Ok(model::id::hex(&hash.finalize()))
}
