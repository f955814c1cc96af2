//! The demo shop つばめ茶舗: a made-up shop for tea and sweets whose whole past and one live month come from a seed. For comparisons it can live
//! up to a year; the truths are those of the month.
//!
//! It exists so that every page can be checked against what is true. Seven truths are planted ([`truth`]); each is decided by draws of its
//! own compared with probabilities, and nothing else may decide it. Customers answer messages through the same doors as real ones: receipts,
//! events and orders.
//!
//! | module | is |
//! |---|---|
//! | [`draw`] | chance as a function of seed, purpose and subject |
//! | [`calendar`] | the shop's time and its seasons |
//! | [`names`], [`catalogue`] | people's names and prefectures; goods and prices |
//! | [`person`], [`life`] | who a customer is; when they buy, leave a cart, come back or do not |
//! | [`basket`], [`visit`] | an order with its money; a visit with its events |
//! | [`history`] | the past as CSV files |
//! | [`world`], [`respond`] | each day of the live month; what follows from a message |
//! | [`truth`] | what is planted |
//! | [`live`], [`report`] | living the month through the real jobs; what came of it |
//! | [`journey`] | a real shop beside it |
//! | [`files`] | the shop's settings, scenarios and messages |

pub mod basket;
pub mod calendar;
pub mod catalogue;
pub mod draw;
pub mod files;
pub mod history;
pub mod journey;
pub mod life;
pub mod live;
pub mod names;
pub mod person;
pub mod report;
pub mod respond;
pub mod truth;
pub mod visit;
pub mod world;

#[cfg(test)]
mod measured;

pub use basket::PlacedOrder;
pub use calendar::{Span, TAIL_DAYS};
pub use files::FILES;
pub use history::DemoError;
pub use respond::{Response, SentMessage};
pub use truth::truths;
pub use world::{CUSTOMERS_DEFAULT, World};
