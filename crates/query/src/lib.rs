//! Everything we ask: `.sql` files and dashboards, checked by planning, bound and run under limits.

pub mod answer;
mod buying;
mod catalog;
mod check;
mod dashboard;
mod desk;
pub mod format;
mod functions;
mod header;
mod params;
mod run;
pub mod segment;

pub use answer::{Answer, Column, Kind, Value};
pub use catalog::{Library, Query};
pub use check::check;
pub use dashboard::{Dashboard, Panel, ReadoutKind};
pub use desk::{Desk, Mode, Moment};
pub use header::{ColumnHeader, Header, Param};
pub use params::{ParamKind, ParamValue, Params};
pub use run::{Limits, QueryError, ad_hoc};
