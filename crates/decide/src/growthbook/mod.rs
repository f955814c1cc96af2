//! GrowthBook's evaluation, pure: the same payload and attributes give the same values here as in a stock SDK (specification 0.8.0,
//! written from its description and held to its language-neutral suite).

mod condition;
mod evaluate;
mod hash;
mod javascript;
mod pages;
mod remote;
mod sticky;

#[cfg(test)]
mod suite;

pub use condition::{Groups, meets};
pub use evaluate::{Context, Feature, Outcome, query_override};
pub use hash::{SHA256, bucket_ranges, choose_variation, equal_weights, hash, in_namespace, in_range};
pub use pages::{is_targeted, redirect};
pub use remote::{Evaluated, evaluated};
pub use sticky::Assignments;
