//! Everything we ask: `.sql` files and dashboards, checked by planning, bound and run under limits.

pub mod answer;
mod catalog;
mod check;
mod dashboard;
mod desk;
pub mod dictionary;
mod flat;
pub mod format;
pub mod functions;
mod header;
mod mistake;
mod params;
mod run;
pub mod segment;
pub mod sql;
pub mod wire;
mod statement;

pub use answer::{Answer, Column, Kind, Value};
pub use catalog::{Library, Query};
pub use check::check;
pub use dashboard::{Dashboard, Panel, ReadoutKind};
pub use desk::{Desk, Mode, Moment};
pub use header::{ColumnHeader, Header, Mask, Param};
pub use header::{ColumnHeader, Header, Param};
pub use mistake::{Mistake, Place};
pub use params::{ParamKind, ParamValue, Params};
pub use run::{Limits, QueryError, ad_hoc};
