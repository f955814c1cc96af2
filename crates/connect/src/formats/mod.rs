//! File formats: bytes in, a header and rows of text out. What cannot be read becomes a rejection that keeps its bytes, never a guess.
//!
//! A format says nothing about meaning: [`crate::import::Importer`] takes the same [`Row`]s from every format, also from those that are read
//! elsewhere (Parquet is read by `lake`; its cells arrive here as text).

pub mod csv;
pub mod ndjson;
pub mod spreadsheet;
pub mod tsv;

use std::io::Read;

use model::Remedy;

/// A record longer than this is none: in separated values a quote never closes.
pub(crate) const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One record: as many cells as the header has names.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// 1-based line in the file where the record starts (for formats without lines, the record's number).
    pub line: u64,
    pub cells: Cells,
    /// The record's bytes as they stood in the file, for the dead letter; empty where a format has none.
    pub raw: Vec<u8>,
}

/// A row may hold addresses: only its place is shown.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row(line {}, {} cells)", self.line, self.cells.len())
    }
}

/// The cells of a record. They lie in one text, since there are many of them and each is looked at and forgotten.
#[derive(Clone, Default)]
pub struct Cells {
    text: String,
    /// Where each lies; none for an empty cell.
    places: Vec<Option<(u32, u32)>>,
}

impl Cells {
    pub fn empty(count: usize) -> Cells {
        Cells { text: String::new(), places: vec![None; count] }
    }

    /// Room for `count` cells of so many bytes together.
    pub(crate) fn with_room(count: usize, bytes: usize) -> Cells {
        Cells { text: String::with_capacity(bytes), places: Vec::with_capacity(count) }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn push(&mut self, cell: Option<&str>) {
        self.places.push(None);
        self.set(self.places.len() - 1, cell);
    }

    pub(crate) fn set(&mut self, at: usize, cell: Option<&str>) {
        self.places[at] = cell.map(|cell| {
            let start = self.text.len() as u32;
            self.text.push_str(cell);
            (start, self.text.len() as u32)
        });
    }

    pub fn get(&self, at: usize) -> Option<&str> {
        (*self.places.get(at)?).map(|place| self.at(place))
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.places.iter().map(|place| place.map(|place| self.at(place)))
    }

    fn at(&self, (start, end): (u32, u32)) -> &str {
        &self.text[start as usize..end as usize]
    }
}

/// What is in them, wherever it lies.
impl PartialEq for Cells {
    fn eq(&self, other: &Cells) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Cells {}

impl<T: AsRef<str>> FromIterator<Option<T>> for Cells {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(cells: I) -> Cells {
        let mut row = Cells::default();
        cells.into_iter().for_each(|cell| row.push(cell.as_ref().map(AsRef::as_ref)));
        row
    }
}

/// A record that did not become a fact. `reason` and `remedy` never contain an address; `raw` does, and belongs into the encrypted dead letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    pub line: u64,
    /// The column of the file, where one is to blame.
    pub column: Option<String>,
    /// Stable short name for counting: `not_a_date`, `ragged`, ….
    pub code: &'static str,
    pub reason: String,
    pub remedy: String,
    pub raw: Vec<u8>,
}

impl std::fmt::Debug for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejection")
            .field("line", &self.line)
            .field("column", &self.column)
            .field("code", &self.code)
            .field("reason", &self.reason)
            .field("remedy", &self.remedy)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    Row(Row),
    Rejected(Rejection),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Auto,
    /// Windows-31J: encoding_rs calls it SHIFT_JIS.
    Cp932,
    Utf8,
    EucJp,
}

impl Encoding {
    pub fn parse(name: &str) -> Option<Encoding> {
        match name.to_ascii_lowercase().as_str() {
            "auto" => Some(Encoding::Auto),
            "cp932" | "shift_jis" | "sjis" | "sjis-win" | "windows-31j" => Some(Encoding::Cp932),
            "utf-8" | "utf8" => Some(Encoding::Utf8),
            "euc-jp" | "eucjp" => Some(Encoding::EucJp),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Encoding::Auto => "auto",
            Encoding::Cp932 => "cp932",
            Encoding::Utf8 => "utf-8",
            Encoding::EucJp => "euc-jp",
        }
    }
}

/// How the bytes of a file are laid out, as its mapping says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub encoding: Encoding,
    pub separator: u8,
    /// False: columns are named "1", "2", ….
    pub header: bool,
    pub skip_rows: usize,
    /// The sheet of a spreadsheet; the first when none is named.
    pub sheet: Option<String>,
    /// The columns the mapping reads: a format without a header of its own (NDJSON) has them even where no record shows them early.
    pub wanted: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { encoding: Encoding::Auto, separator: b',', header: true, skip_rows: 0, sheet: None, wanted: Vec::new() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("could not read the file")]
    Read { source: std::io::Error },
    #[error("the file is empty")]
    Empty,
    #[error("the file is in {0}, which is not read here")]
    Encoding(&'static str),
    #[error("the header does not fit the encoding {0}")]
    Header(&'static str),
    #[error("the record that starts at line {line} is longer than {max_bytes} bytes")]
    RecordTooLong { line: u64, max_bytes: usize },
    #[error("no line of the file is a JSON object")]
    NotLines,
    #[error("the spreadsheet could not be read")]
    Spreadsheet { source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the spreadsheet is locked with a password")]
    Protected,
    #[error("the file has no sheet `{wanted}`")]
    Sheet { wanted: String, sheets: Vec<String> },
    #[error("the {what} is larger than {max_bytes} bytes, which is as much of a spreadsheet as is read")]
    TooLarge { what: &'static str, max_bytes: u64 },
}

impl Remedy for FormatError {
    fn remedy(&self) -> Option<String> {
        match self {
            FormatError::Read { .. } => None, // The source already says it.
            FormatError::Empty => Some("export the file again; it should begin with a row of column names".into()),
            FormatError::Encoding(_) => Some("save it as CSV in UTF-8 (\"CSV UTF-8\" in a spreadsheet)".into()),
            FormatError::Header(_) => {
                Some("set encoding in the mapping: cp932 (Windows), utf-8 or euc-jp; or leave it at auto".into())
            }
            FormatError::RecordTooLong { line, .. } => {
                Some(format!("a double quote that opens at line {line} or after is probably never closed"))
            }
            FormatError::NotLines => {
                Some("write one object per line, without a list around them: `jq -c '.[]' FILE > FILE.ndjson`".into())
            }
            FormatError::Spreadsheet { .. } => Some("save it again as .xlsx, or as CSV UTF-8".into()),
            FormatError::Protected => Some("take the password off and save it again".into()),
            FormatError::Sheet { sheets, .. } => Some(format!("`sheet` of the mapping is one of: {}", sheets.join(", "))),
            FormatError::TooLarge { .. } => Some("save the sheet as CSV UTF-8: CSV is read in any size".into()),
        }
    }
}

/// An opened file: its header, and its records one by one.
pub struct Opened<'a> {
    pub header: Vec<String>,
    /// What the encoding turned out to be (`auto` while only ASCII was seen).
    pub encoding: Encoding,
    /// For people: text that was already broken when the file was written.
    pub warnings: Vec<String>,
    pub rows: Box<dyn Iterator<Item = Result<Parsed, FormatError>> + 'a>,
}

/// Turns the bytes of a file into rows. The caller opens the file.
pub trait ImportFormat: Sync {
    /// Stable.
    fn name(&self) -> &'static str;
    /// File name endings, without the dot.
    fn extensions(&self) -> &'static [&'static str];
    /// Whether a file that begins so can be nothing else, whatever its name says.
    fn begins(&self, _head: &[u8]) -> bool {
        false
    }
    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError>;
}

/// Every format, one per file of this folder.
pub static FORMATS: &[&dyn ImportFormat] = &[&csv::Csv, &ndjson::Ndjson, &spreadsheet::Spreadsheet, &tsv::Tsv];

/// The format of a file by its ending.
pub fn by_extension(file_name: &str) -> Option<&'static dyn ImportFormat> {
    let ending = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    FORMATS.iter().copied().find(|format| format.extensions().contains(&ending.as_str()))
}

/// The format of a file by how it begins, else by its ending, else CSV. Carts name CSV and HTML files `.xls`: such a name alone makes no
/// spreadsheet.
pub fn of(file_name: &str, head: &[u8]) -> &'static dyn ImportFormat {
    if let Some(format) = FORMATS.iter().find(|format| format.begins(head)) {
        return *format;
    }
    match by_extension(file_name) {
        Some(format) if format.name() != spreadsheet::Spreadsheet.name() => format,
        _ => FORMATS[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row per line of text: `2: 1|∅`, or `3: !ragged`.
    pub(crate) fn shown<'a>(rows: impl Iterator<Item = Result<Parsed, FormatError>> + 'a) -> Vec<String> {
        rows.map(|parsed| match parsed {
            Ok(Parsed::Row(row)) => {
                let cells: Vec<&str> = row.cells.iter().map(|cell| cell.unwrap_or("∅")).collect();
                format!("{}: {}", row.line, cells.join("|"))
            }
            Ok(Parsed::Rejected(rejection)) => format!("{}: !{}", rejection.line, rejection.code),
            Err(error) => format!("error: {error}"),
        })
        .collect()
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        assert_eq!(names, crate::senders::tests::files_of("src/formats"));
    }

    #[test]
    fn a_file_is_what_it_begins_as() {
        let check = |name: &str, head: &[u8], expect: &str| assert_eq!(of(name, head).name(), expect, "{name}");
        check("a.csv", b"a,b", "csv");
        check("a.TSV", b"a\tb", "tsv");
        check("a.jsonl", b"{}", "ndjson");
        check("a.csv", b"PK\x03\x04", "spreadsheet");
        check("a", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet");
        check("a.xls", b"a\tb", "csv");
        check("a", b"", "csv");
    }
}
