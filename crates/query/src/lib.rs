//! Everything we ask: `.sql` files and dashboards, checked by planning, bound and run under limits.

mod aggregates;
pub mod answer;
mod catalog;
mod check;
mod dashboard;
mod desk;
pub mod dictionary;
mod files;
mod flat;
pub mod fold;
pub mod form;
pub mod format;
pub mod functions;
mod header;
mod kept;
mod mistake;
mod params;
mod run;
pub mod segment;
mod settings;
mod share;
pub mod sql;
mod statement;
mod survivors;
pub mod wire;

pub use answer::{Answer, Column, Kind, Value};
pub use catalog::{Library, Query};
pub use check::check;
pub use dashboard::{Dashboard, Panel, ReadoutKind};
pub use desk::{Desk, Mode, Moment};
pub use files::{FileDesk, FileRows, FileTable};
pub use header::{ColumnHeader, Header, Mask, Param};
pub use kept::{KeptError, Refreshed};
pub use mistake::{Mistake, Place};
pub use params::{ParamKind, ParamValue, Params};
pub use run::{Limits, QueryError, ad_hoc};
