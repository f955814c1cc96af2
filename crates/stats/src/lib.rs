//! The arithmetic of experiments and customer analytics: sufficient statistics in, estimates out.
//!
//! Everything here is pure: no clock, chance, environment, file, socket or hash map (`clippy.toml` bans them), so the same
//! facts always give the same numbers. One file per statistic; each opens with the source of its formula.
//!
//! Three conventions hold throughout:
//!
//! - Arms are A (control) and B, and an effect is B minus A. A rate is a share of one, never per cent.
//! - A p-value is a survival function computed directly, never `1 - cdf`: it may underflow to 0, it never rounds to 0 early.
//! - What cannot be computed is a [`NotComputable`] with its reason. No NaN and no infinity ever leaves this crate.

pub mod chi_square;
pub mod normal;
pub mod student_t;

mod alpha;
mod decile;
mod interval;
mod kaplan_meier;
mod moments;
mod not_computable;
mod proportion;
mod required_n;
mod scores;
mod srm;
mod summary;
mod two_proportion;
mod welch;
mod wilson;

pub use alpha::Alpha;
pub use decile::{Decile, deciles, ntile};
pub use interval::Interval;
pub use kaplan_meier::{Conversion, DayCount, KaplanMeier, Step};
pub use moments::{MONEY_SCALE, Moments};
pub use not_computable::NotComputable;
pub use proportion::Proportion;
pub use required_n::{Plan, RequiredN, required_n_means, required_n_proportions, required_n_proportions_pooled};
pub use scores::{in_top_share, percent_rank_scores, top_shares};
pub use srm::{ArmCount, SRM_P_MIN, Srm, srm};
pub use summary::Summary;
pub use two_proportion::{TwoProportion, two_proportion};
pub use welch::{Lift, Welch, welch, welch_lift};
pub use wilson::wilson;
