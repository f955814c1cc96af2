//! What sites ask about experiments, in the words of others: GrowthBook's payload and exposures, OFREP's evaluations.

pub mod growthbook;
pub mod ofrep;
