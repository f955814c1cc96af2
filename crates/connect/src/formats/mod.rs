//! File formats: bytes in, a header and rows of text out. What cannot be read becomes a rejection that keeps its bytes, never a guess.
//!
//! A format says nothing about meaning: [`crate::import::Importer`] takes the same [`Row`]s from every format, also from those that are read
//! elsewhere (Parquet is read by `query`; its cells arrive here as text).

pub mod csv;

use std::io::Read;

use model::Remedy;

/// One record: as many fields as the header has names. An empty cell is `None`.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// 1-based line in the file where the record starts (for formats without lines, the record's number).
    pub line: u64,
    pub fields: Vec<Option<String>>,
    /// The record's bytes as they stood in the file, for the dead letter; empty where a format has none.
    pub raw: Vec<u8>,
}

/// A row may hold addresses: only its place is shown.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row(line {}, {} fields)", self.line, self.fields.len())
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
}

impl Default for Layout {
    fn default() -> Self {
        Layout { encoding: Encoding::Auto, separator: b',', header: true, skip_rows: 0 }
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
    fn open<'a>(&self, bytes: Box<dyn Read + 'a>, layout: &Layout) -> Result<Opened<'a>, FormatError>;
}

/// Every format, one per file of this folder.
pub static FORMATS: &[&dyn ImportFormat] = &[&csv::Csv];

/// The format of a file by its ending.
pub fn by_extension(file_name: &str) -> Option<&'static dyn ImportFormat> {
    let ending = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    FORMATS.iter().copied().find(|format| format.extensions().contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let names: Vec<&str> = super::FORMATS.iter().map(|format| format.name()).collect();
        assert_eq!(names, crate::senders::tests::files_of("src/formats"));
    }
}
