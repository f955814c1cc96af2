//! One binary: the reference numbers of other packages, the worked examples by number, and properties that hold for any input.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // The reference folder is read from disk.

mod cdnow;
mod chance;
mod coverage;
mod customer_value;
mod decile;
mod experiments;
mod false_alarms;
mod kaplan_meier;
mod moments;
mod reference;
mod required_n;
mod scores;
mod special_functions;
mod srm;
mod two_proportion;
mod welch;
mod wilson;
