//! Everything we choose: facts and a logical time in; plans, shares and read-outs out.
//!
//! Everything here is pure (`clippy.toml` bans clock, chance, environment, files, sockets and hash maps): the same facts give the
//! same rows on every machine, live and in a replay. `tsubame` gathers, records and acts.
//!
//! - [`tick`]: what every scenario does about one customer in a window of logical time
//! - [`gates`]: why a member may not be sent to now
//! - [`calendar`]: what the days of a month send, and may be expected to
//! - [`analysis`]: what an experiment of any metrics, arms and slices has shown, and what to do
//! - [`automatic`]: what a test decides by itself, by rules it declared, with the evidence
//! - [`attribution`]: which touches an order is credited to, and with how much
//! - [`readout`]: what a holdout or an experiment has shown, or why it cannot say
//! - [`design`]: how large a test must be before it starts
//! - [`replay`]: what a scenario would have done in the past, counted
//! - [`cost`]: what messages cost by a provider's plan
//! - [`experiment`]: which arm of an experiment a unit meets, and why it meets none
//! - [`aa`]: how often a metric finds a difference where there is none
//! - [`past`]: what all tests that ended add up to
//! - [`back_test`]: what a segment's members did on past nights, against everybody else
//! - [`prediction`]: how often buyers will buy again and what that is worth, or why it cannot be said
//! - [`growthbook`]: what a stock SDK would decide for a unit
//! - [`why`]: what became of one customer in the scenarios, and why not, in plain words
//! - [`bucket`]: who is held out, and which arm a unit meets

pub mod aa;
pub mod analysis;
pub mod attribution;
pub mod automatic;
pub mod back_test;
pub mod bucket;
pub mod calendar;
pub mod cost;
pub mod design;
pub mod experiment;
pub mod gates;
pub mod growthbook;
pub mod past;
pub mod prediction;
pub mod readout;
pub mod replay;
pub mod rules;
pub mod tick;
pub mod why;

pub use rules::{Pause, Rules};
