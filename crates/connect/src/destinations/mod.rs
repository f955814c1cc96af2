//! Destinations: an audience as the files a place expects, with the manifest that says what is in them (INTERFACES §5).
//!
//! A destination returns bytes; the caller writes them (temporary name, fsync, rename, `_SUCCESS` last) and gives the hash of each file to
//! the manifest.

pub mod csv;

use std::collections::BTreeMap;

use model::{Instant, time::rfc3339};
use serde::{Deserialize, Serialize};

/// What is exported: a rectangle of text, with the type of each column.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    pub columns: Vec<Column>,
    /// As many cells as columns; `None` is a missing value. Instants are RFC 3339, dates ISO, money and numbers plain decimal.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Rows may hold addresses: only the shape is shown.
impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} columns, {} rows)", self.columns.len(), self.rows.len())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: CellKind,
    /// Personal: the manifest tells the reader to handle it so.
    pub pii: bool,
    /// What people read above it; a machine file has `name`.
    #[serde(skip)]
    pub label: String,
}

/// The kinds of a query's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    Text,
    Int,
    Float,
    Rate,
    Money,
    Date,
    Instant,
    Bool,
}

impl CellKind {
    pub fn is_number(self) -> bool {
        matches!(self, CellKind::Int | CellKind::Float | CellKind::Rate | CellKind::Money)
    }
}

/// One file of an export.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Relative to the run's folder: `part-00000.csv`.
    pub path: String,
    pub bytes: Vec<u8>,
    pub rows: u64,
    pub encoding: &'static str,
    /// Characters the encoding lacks, replaced.
    pub replaced_chars: u64,
}

impl std::fmt::Debug for ExportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExportFile({}, {} bytes, {} rows)", self.path, self.bytes.len(), self.rows)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DestinationError {
    #[error("row {row} has {found} cells, the table {expected} columns")]
    Ragged { row: usize, found: usize, expected: usize },
    #[error("row {row}, column {column}: a character is not in {encoding}")]
    Unencodable { row: usize, column: String, encoding: &'static str },
}

impl model::Remedy for DestinationError {
    fn remedy(&self) -> Option<String> {
        match self {
            DestinationError::Ragged { .. } => None, // A fault of ours.
            DestinationError::Unencodable { .. } => {
                Some("export in UTF-8, or let such characters be replaced (unencodable = \"geta\")".into())
            }
        }
    }
}

/// A place an audience is exported to.
pub trait Destination: Sync {
    /// Stable: manifests and settings name it.
    fn name(&self) -> &'static str;
    fn files(&self, table: &Table) -> Result<Vec<ExportFile>, DestinationError>;
}

/// Every destination with its usual settings, one per file of this folder.
pub static DESTINATIONS: &[&dyn Destination] = &[&csv::Csv::MACHINE];

/// `manifest.json`, written after the files it lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema_version: u32,
    pub name: String,
    pub run_id: String,
    pub logical_date: chrono::NaiveDate,
    pub timezone: String,
    pub sql_sha256: String,
    pub segment_version: String,
    pub input_table_versions: BTreeMap<String, i64>,
    pub rows: u64,
    pub columns: Vec<Column>,
    pub files: Vec<ManifestFile>,
    pub encoding: String,
    pub replaced_chars: u64,
    /// Members left out, by reason.
    pub suppressed: BTreeMap<String, u64>,
    pub started_at: String,
    pub finished_at: String,
    pub tool_version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    pub rows: u64,
}

/// What only the caller knows of a run.
#[derive(Debug, Clone)]
pub struct RunFacts {
    pub name: String,
    pub run_id: String,
    pub logical_date: chrono::NaiveDate,
    pub timezone: String,
    pub sql_sha256: String,
    pub segment_version: String,
    pub input_table_versions: BTreeMap<String, i64>,
    pub suppressed: BTreeMap<String, u64>,
    pub started_at: Instant,
    pub finished_at: Instant,
    pub tool_version: String,
}

impl Manifest {
    /// `files` with the sha256 of their bytes, in hex.
    pub fn new(run: RunFacts, columns: &[Column], files: &[(ExportFile, String)]) -> Manifest {
        Manifest {
            schema_version: 1,
            name: run.name,
            run_id: run.run_id,
            logical_date: run.logical_date,
            timezone: run.timezone,
            sql_sha256: run.sql_sha256,
            segment_version: run.segment_version,
            input_table_versions: run.input_table_versions,
            rows: files.iter().map(|(file, _)| file.rows).sum(),
            columns: columns.to_vec(),
            files: files
                .iter()
                .map(|(file, sha256)| ManifestFile {
                    path: file.path.clone(),
                    bytes: file.bytes.len() as u64,
                    sha256: sha256.clone(),
                    rows: file.rows,
                })
                .collect(),
            encoding: files.first().map_or("utf-8", |(file, _)| file.encoding).into(),
            replaced_chars: files.iter().map(|(file, _)| file.replaced_chars).sum(),
            suppressed: run.suppressed,
            started_at: rfc3339(run.started_at),
            finished_at: rfc3339(run.finished_at),
            tool_version: run.tool_version,
        }
    }

    /// The bytes of `manifest.json`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is plain JSON");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let names: Vec<&str> = DESTINATIONS.iter().map(|destination| destination.name()).collect();
        assert_eq!(names, crate::senders::tests::files_of("src/destinations"));
    }

    #[test]
    fn a_manifest_says_what_is_in_the_files() {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-23T18:00:00Z").unwrap().to_utc();
        let run = RunFacts {
            name: "dormant".into(),
            run_id: "r1".into(),
            logical_date: chrono::NaiveDate::from_ymd_opt(2026, 11, 24).unwrap(),
            timezone: "Asia/Tokyo".into(),
            sql_sha256: "ab".into(),
            segment_version: "cd".into(),
            input_table_versions: [("orders".to_string(), 123)].into(),
            suppressed: [("unsubscribed".to_string(), 2)].into(),
            started_at: at,
            finished_at: at,
            tool_version: "0.1.0".into(),
        };
        let columns = vec![Column { name: "customer_id".into(), kind: CellKind::Text, pii: false, label: "会員ID".into() }];
        let file = ExportFile { path: "part-00000.csv".into(), bytes: vec![0; 7], rows: 3, encoding: "utf-8", replaced_chars: 0 };
        let manifest = Manifest::new(run, &columns, &[(file, "ef".into())]);
        let json: serde_json::Value = serde_json::from_slice(&manifest.to_json()).unwrap();
        assert_eq!(json["files"][0]["sha256"], "ef");
        assert_eq!(json["columns"][0]["type"], "text");
        assert_eq!((&json["rows"], &json["logical_date"]), (&3.into(), &"2026-11-24".into()));
        assert_eq!(serde_json::from_value::<Manifest>(json).unwrap().files, manifest.files);
    }
}
