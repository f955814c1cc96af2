//! One binary: what others published of their experiments is found again by the read-out of this crate.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // The data is read from disk.

mod campaign;
mod headlines;
mod hillstrom;
mod published;
