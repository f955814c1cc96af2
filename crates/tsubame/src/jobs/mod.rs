//! Everything that happens: gather, decide, record, act, record. Each job can be interrupted anywhere and run again.

pub mod approval;
pub mod attribute;
pub mod automatic;
pub mod back_test;
pub mod collect;
pub mod coupon;
pub mod deliver;
pub mod disclose;
pub mod due;
pub mod export;
pub mod expose;
pub mod facts;
pub mod flush;
pub mod identity;
pub mod import;
#[cfg(test)]
pub(crate) mod made;
pub mod maintain;
pub mod parked;
pub mod pause;
pub mod people;
pub mod plan;
pub mod predict;
pub mod preview;
pub mod pull;
pub mod quarantine;
pub mod replay;
pub mod segments;
pub mod switch;
pub mod test_send;
pub mod tick;
pub mod trial;
pub mod webhooks;
pub mod why;
