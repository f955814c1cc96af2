//! What is remembered: Delta tables, written from the journal so that each fact lands once, and read together with the journal's tail.

mod compact;
mod copy;
mod decode;
mod durable;
mod file;
mod foreign;
mod handed;
mod kept;
mod land;
mod log;
mod open;
mod provider;
mod scrub;
mod seal;
mod store;
pub mod tables;
mod tail;
mod view;

pub use compact::{Compacted, Tended};
pub use foreign::{ForeignError, ParquetRows};
pub use handed::{Fetch, Handed, Reach, Reader};
pub use kept::{
    CART_EVENTS, CART_STATES, CUSTOMER_FACTS, Kept, KeptFile, KeptTable, Manifest, ORDER_STATES, PURCHASE_DAYS, SESSION_STATES,
    TOUCHED,
};
pub use land::{Lake, Landed, TableStatus};
pub use open::Access;
pub use provider::FactTable;
pub use scrub::{Found, Scrubbed};
pub use tail::{Tail, TailSegment};
pub use view::ReadView;

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
    #[error("table `{table}` has a column `{column}` of type {found}, where this version has {expected}")]
    Column { table: String, column: String, found: String, expected: String },
    #[error("could not read or write the lake at `{location}`")]
    Store { location: String, source: object_store::Error },
    #[error("the store at `{location}` lets two writers create one file: commits in it would be lost without a word")]
    Unconditional { location: String },
    #[error("could not rewrite table `{table}`")]
    Rewrite { table: String, source: Box<datafusion::error::DataFusionError> },
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("could not create `{path}`")]
    Create { path: String, source: std::io::Error },
}

/// A table that is left aside: the others can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("table `{table}` is damaged from version {version} on: `{file}` {what}")]
pub struct Damaged {
    pub table: String,
    pub version: i64,
    pub file: String,
    pub what: String,
    pub remedy: String,
}

impl model::Remedy for LakeError {
    fn remedy(&self) -> Option<String> {
        match self {
            LakeError::Location(_) => Some("give a folder or an object_store URL such as s3://bucket/prefix".into()),
            LakeError::Feature { .. } => Some("rewrite the table without it; Tsubame never turns it on".into()),
            LakeError::UnknownTable(_) => Some("start the version that wrote them".into()),
            LakeError::Decode { .. } => Some("keep data/state.db as it is and report this: the rows are still in it".into()),
            LakeError::Unconditional { .. } => {
                Some("use a store that honours `If-None-Match: *`, such as S3 itself or SeaweedFS, or a local folder".into())
            }
            LakeError::Column { .. } => Some("start the version that wrote the table".into()),
            LakeError::Damaged(damaged) => Some(damaged.remedy.clone()),
            _ => None,
        }
    }
}
