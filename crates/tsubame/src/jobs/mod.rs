//! Everything that happens: gather, decide, record, act, record. Each job can be interrupted anywhere and run again.

pub mod attribute;
pub mod collect;
pub mod compact;
pub mod deliver;
pub mod due;
pub mod export;
pub mod facts;
pub mod flush;
pub mod import;
pub mod pull;
pub mod tick;
pub mod webhooks;
