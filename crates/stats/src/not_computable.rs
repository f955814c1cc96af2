//! Why a number cannot be given. A report shows these words where the number would have stood: no number stands for "cannot say".

/// The reason an estimate does not exist, in words for the person who asked for it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotComputable {
    #[error("there is nobody to compute it from")]
    Empty,
    #[error("it needs at least {needed}, and there are only {n}")]
    TooFew { n: u64, needed: u64 },
    #[error("{x} of {n} is not a proportion: a part cannot be more than the whole")]
    PartAboveWhole { x: u64, n: u64 },
    #[error("everybody has the same value, so there is no scatter to measure a difference against")]
    NoVariance,
    #[error("the control is 0, so a relative change from it does not exist")]
    ZeroBaseline,
    #[error("the two values to tell apart are the same, so no number of people is enough")]
    NoDifference,
    #[error("the amounts do not add up to more than 0, so nobody has a share of them")]
    NoAmount,
    #[error("nobody was followed to day {horizon} (the longest is day {longest}): it is at least {at_least:.4}")]
    NotFollowed { horizon: u32, longest: u32, at_least: f64 },
    #[error("nothing happened by day {horizon}, so the estimate has no interval")]
    NoEvent { horizon: u32 },
    #[error("it has happened to everybody still followed by day {horizon}, so the estimate has no interval")]
    NobodyLeft { horizon: u32 },
    #[error("half was never reached: by day {longest} it had happened to {converted:.4} of them")]
    MedianNotReached { longest: u32, converted: f64 },
    #[error("the {what} {value} is not {range}")]
    OutOfRange { what: &'static str, value: f64, range: &'static str },
    #[error("the sum of squares is smaller than the sum and the count allow, so the three are not of the same data")]
    Inconsistent,
    #[error("the values are so close to each other for their size that these sums have lost the variance: add them up exactly")]
    Cancelled,
    #[error("the {what} does not fit")]
    Overflow { what: &'static str },
    #[error("amounts with {left} and {right} decimals cannot be added")]
    ScaleMismatch { left: u8, right: u8 },
}

/// The value if it is a number a report may show.
pub(crate) fn finite(value: f64, what: &'static str) -> Result<f64, NotComputable> {
    if value.is_finite() { Ok(value) } else { Err(NotComputable::Overflow { what }) }
}
