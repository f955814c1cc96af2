//! Everything that happens: gather, decide, record, act, record. Each job can be interrupted anywhere and run again.

pub mod attribute;
pub mod automatic;
pub mod back_test;
pub mod collect;
pub mod deliver;
pub mod due;
pub mod export;
pub mod expose;
pub mod facts;
pub mod flush;
pub mod identity;
pub mod import;
pub mod maintain;
pub mod parked;
pub mod pause;
pub mod people;
pub mod predict;
pub mod pull;
pub mod quarantine;
pub mod segments;
pub mod tick;
pub mod webhooks;
pub mod why;
