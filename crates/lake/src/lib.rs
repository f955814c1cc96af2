//! What is remembered: Delta tables, written from the journal so that each fact lands once, and read together with the journal's tail.

mod decode;
mod foreign;
mod land;
mod provider;
mod store;
pub mod tables;
mod view;

pub use foreign::{ForeignError, ParquetRows};
pub use land::{Compacted, Lake, Landed, TableStatus};
pub use provider::FactTable;
pub use view::{ReadView, TailSegment};

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("`{0}` is not a place for the lake")]
    Location(String),
    #[error("could not open table `{table}` in the lake")]
    Open { table: String, source: Box<deltalake_core::DeltaTableError> },
    #[error("could not write table `{table}`")]
    Write { table: String, source: Box<deltalake_core::DeltaTableError> },
    #[error("could not read table `{table}`")]
    Read { table: String, source: Box<deltalake_core::DeltaTableError> },
    #[error("the journal holds rows of table `{0}`, which this version does not know")]
    UnknownTable(String),
    #[error("could not decode journal rows {first}.. of table `{table}`")]
    Decode { table: String, first: i64, source: arrow::error::ArrowError },
    #[error("table `{table}` uses the Delta feature `{feature}`, which Tsubame does not read")]
    Feature { table: String, feature: String },
    #[error("could not make `{path}` durable")]
    Sync { path: String, source: std::io::Error },
    #[error("could not create `{path}`")]
    Create { path: String, source: std::io::Error },
}

impl model::Remedy for LakeError {
    fn remedy(&self) -> Option<String> {
        match self {
            LakeError::Location(_) => Some("give a folder or an object_store URL such as s3://bucket/prefix".into()),
            LakeError::Feature { .. } => Some("rewrite the table without it; Tsubame never turns it on".into()),
            LakeError::UnknownTable(_) => Some("start the version that wrote them".into()),
            LakeError::Decode { .. } => Some("keep data/state.db as it is and report this: the rows are still in it".into()),
            _ => None,
        }
    }
}
