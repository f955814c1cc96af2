//! How fast facts are acknowledged, beside what could be had without us: in one run, since a disk's speed moves twentyfold with its
//! neighbours and only a ratio means something.
//!
//! The reference acknowledges the same events with the same promise and does nothing else (`reference`), the floor appends them to a file
//! without a server, and Parquet shows what it costs to write them so that they can be asked (`floor`). The same client (`load`) sends
//! the same bytes to the reference and to a shop served by this program; both are processes of their own, and take turns.
//!
//! So are the others: `queries` and `readout` beside DuckDB, `plan` beside a tenth of its members, `send` beside the same calls without a ledger.

pub mod floor;
pub mod ingest;
pub mod load;
pub mod members;
pub mod pages;
pub mod plan;
pub mod queries;
pub mod readout;
pub mod reference;
pub mod sample;
pub mod send;
pub mod server;
