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

pub mod beta;
pub mod chi_square;
pub mod normal;
pub mod student_t;

mod across_periods;
mod adjust;
mod alpha;
mod bandit;
mod bayes_beta_binomial;
mod bayes_gaussian;
mod best_of;
mod beta_mean;
mod cap;
mod confidence_sequence;
mod continuation;
mod cpm;
mod cuped;
mod decile;
mod difference_intervals;
mod false_discovery;
mod fisher;
mod gamma_gamma;
mod group_sequential;
mod heterogeneity;
mod hypergeometric;
mod interval;
mod kaplan_meier;
mod log_rank;
mod minimum;
mod moments;
mod non_inferiority;
mod not_computable;
mod paired;
mod post_stratified;
mod proportion;
mod quantile_metric;
mod ratio;
mod repeat_buying;
mod required_n;
mod scores;
mod share_intervals;
mod smallest_effect;
mod srm;
mod srm_sequential;
mod summary;
mod two_proportion;
mod welch;
mod wilson;

pub use across_periods::{ArmInPeriod, across_periods};
pub use adjust::{Correction, adjusted, preferential_levels};
pub use alpha::Alpha;
pub use bandit::{Allocation, bandit};
pub use bayes_beta_binomial::{BetaPosterior, bayes_beta_binomial};
pub use bayes_gaussian::{Posterior, Prior, bayes_gaussian};
pub use cap::{cap_at, capped};
pub use confidence_sequence::{Look, Tuning, confidence_sequence, rho_squared, running};
pub use continuation::{Continuation, Contract, continuation};
pub use cpm::{Kind as CpmKind, Thresholds as CpmThresholds, cpm};
pub use cuped::{Cuped, cuped};
pub use decile::{Decile, deciles, ntile};
pub use difference_intervals::{agresti_caffo, newcombe, risk_ratio};
pub use false_discovery::{FalseDiscovery, false_discovery, false_positive_risk};
pub use fisher::{Fisher, fisher};
pub use gamma_gamma::{GammaGamma, Spending, clv, frequency_value_correlation};
pub use group_sequential::{Bound, Spending as AlphaSpending, group_sequential};
pub use heterogeneity::{Estimated, Heterogeneity, heterogeneity};
pub use hypergeometric::hypergeometric;
pub use interval::Interval;
pub use kaplan_meier::{Conversion, DayCount, KaplanMeier, Step};
pub use log_rank::{LogRank, log_rank};
pub use moments::{MONEY_SCALE, Moments};
pub use non_inferiority::{Harm, NonInferiority, non_inferiority};
pub use not_computable::NotComputable;
pub use paired::{Paired, PairedMoments};
pub use post_stratified::{PostStratified, Stratum, post_stratified};
pub use proportion::Proportion;
pub use quantile_metric::{Quantile, quantile_metric};
pub use ratio::ratio;
pub use repeat_buying::{Fit, History, Model as BuyingModel, RepeatBuying};
pub use required_n::{
    Plan, RequiredN, cohen_h, required_n_means, required_n_means_t, required_n_proportions, required_n_proportions_arcsine,
    required_n_proportions_pooled,
};
pub use scores::{in_top_share, percent_rank_scores, top_shares};
pub use share_intervals::{agresti_coull, clopper_pearson, jeffreys};
pub use smallest_effect::{Baseline, SmallestEffect, power_reached, smallest_effect};
pub use srm::{ArmCount, SRM_P_MIN, Srm, srm};
pub use srm_sequential::{CONCENTRATION as SRM_CONCENTRATION, srm_log_bayes_factor, srm_running_p};
pub use summary::Summary;
pub use two_proportion::{TwoProportion, two_proportion};
pub use welch::{Lift, Welch, welch, welch_lift};
pub use wilson::wilson;
