//! What an experiment has shown: every metric, arm and slice, whether the numbers may be believed, and what to do. Health comes first and
//! may refuse everything; corrections come last; the decision follows from rules that were declared before the start, never from a look.
//!
//! | part | says |
//! |---|---|
//! | [`health`] | the split (fixed and anytime), a difference before the test, units in two arms, who is still being followed |
//! | [`compare`] | one variant against the control in one metric: differences with intervals, chance to win, what is left after shrinking |
//! | [`stake`] | what choosing it is worth over the next days |
//! | [`verdict`] | ship, stop, keep running or cannot say, and why |

pub mod compare;
pub mod health;
pub mod stake;
pub mod verdict;

use chrono::NaiveDate;
use model::experiment::{Correction as Declared, Experiment, Metric};
use stats::{Alpha, Correction, Estimated, Heterogeneity, adjusted, heterogeneity, preferential_levels};
pub use stats::{Interval, NotComputable, Paired, PairedMoments};

pub use compare::{Compared, Progress, compare};
pub use health::{Health, health};
pub use stake::{Shrunk, Stake, stake};
pub use verdict::{Decision, Refusal, StopWhy, decide};

/// What was counted, in the order of the experiment's arms; the first is the control.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Units that met each arm.
    pub exposed: Vec<u64>,
    /// The same at the end of each day so far.
    pub exposed_by_day: Vec<Vec<u64>>,
    /// Units that met several arms: left out everywhere, counted here.
    pub contaminated: u64,
    /// Units that mature per day at the present pace.
    pub per_day: Option<f64>,
    pub today: NaiveDate,
    pub metrics: Vec<MetricCounted>,
}

/// One metric's sums per arm, of units whose window is over.
#[derive(Debug, Clone)]
pub struct MetricCounted {
    pub metric: String,
    /// 0 or 1 per unit.
    pub is_rate: bool,
    /// The metric, paired with the same before the first exposure (zeros without a lookback).
    pub arms: Vec<Result<Paired, NotComputable>>,
    pub immature: Vec<u64>,
    pub slices: Vec<Slice>,
}

/// The same of one value of one dimension.
#[derive(Debug, Clone)]
pub struct Slice {
    pub dimension: String,
    pub value: String,
    pub arms: Vec<Result<Paired, NotComputable>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    pub health: Health,
    /// Metric by metric, variant by variant.
    pub rows: Vec<Row>,
    pub slices: Vec<Sliced>,
    pub decision: Decision,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub metric: String,
    pub role: Role,
    /// The arm compared with the control.
    pub variant: String,
    /// `Err` where it cannot be computed.
    pub compared: Result<Compared, NotComputable>,
    /// After the declared correction over goal metrics × variants; guardrails are outside it.
    pub p_adjusted: Option<f64>,
    /// By the declared rule, at the declared level.
    pub significant: bool,
    /// Where the pace is known.
    pub stake: Option<Stake>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    Goal,
    Secondary,
    Guardrail { margin: f64, stop_at_harm: bool },
}

/// A variant's effect by the values of one dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Sliced {
    pub metric: String,
    pub variant: String,
    pub dimension: String,
    pub values: Vec<(String, Result<Compared, NotComputable>)>,
    /// Whether the values differ at all; its p is corrected over dimensions, its shrunk effects are in the order of `values` that have one.
    pub heterogeneity: Result<Heterogeneity, NotComputable>,
    pub p_adjusted: Option<f64>,
}

/// A share of 0.8 of the level goes to the goal (F17).
const PREFERENCE: f64 = 0.8;

/// Reads out an experiment.
///
/// # Errors
/// When the plan's level cannot be used, or an arm is missing from what was counted.
pub fn analyse(experiment: &Experiment, counted: &Counted) -> Result<Analysis, NotComputable> {
    let alpha = Alpha::new(experiment.plan.alpha)?;
    let health = health(experiment, counted);
    let variants = experiment.arms.len().saturating_sub(1);
    let mut rows = Vec::new();
    for (metric, role, lower_is_better) in roles(experiment) {
        let Some(found) = counted.metrics.iter().find(|found| found.metric == metric) else { continue };
        let level = level(experiment, role, alpha)?;
        for (index, arm) in experiment.arms.iter().enumerate().skip(1) {
            let compared = pair(&found.arms, index).and_then(|(a, b)| {
                let progress = progress(experiment, &found.arms, index);
                compare(a, b, found.is_rate, lower_is_better, level, &experiment.plan, progress)
            });
            let with_pace = compared.as_ref().ok().zip(eligible_per_day(experiment, counted));
            let stake = with_pace.and_then(|(compared, per_day)| stake(compared, per_day, stake::DAYS).ok());
            rows.push(Row {
                metric: metric.into(),
                role,
                variant: arm.id.clone(),
                compared,
                p_adjusted: None,
                significant: false,
                stake,
            });
        }
    }
    correct(experiment, &mut rows)?;
    let slices = sliced(experiment, counted, alpha)?;
    let decision = decide(experiment, counted, &health, &rows, variants);
    Ok(Analysis { health, rows, slices, decision })
}

/// Every metric with its role: the goal, the others, the guardrails.
fn roles(experiment: &Experiment) -> Vec<(&str, Role, bool)> {
    let of = |metric: &'_ Metric| metric.lower_is_better;
    let goal = (experiment.goal.metric.as_str(), Role::Goal, of(&experiment.goal));
    let secondary = experiment.secondary.iter().map(|metric| (metric.metric.as_str(), Role::Secondary, of(metric)));
    let guardrails = experiment.guardrails.iter().map(|guardrail| {
        let role = Role::Guardrail { margin: guardrail.margin, stop_at_harm: guardrail.stop_at_harm };
        (guardrail.metric.as_str(), role, guardrail.lower_is_better)
    });
    std::iter::once(goal).chain(secondary).chain(guardrails).collect()
}

/// The level of one row's intervals: divided by preference where that was declared, so that they are honest; else the whole.
fn level(experiment: &Experiment, role: Role, alpha: Alpha) -> Result<Alpha, NotComputable> {
    if experiment.plan.correction != Declared::Preferential || matches!(role, Role::Guardrail { .. }) {
        return Ok(alpha);
    }
    let (metrics, variants) = (1 + experiment.secondary.len() as u32, experiment.arms.len() as u32 - 1);
    let (goal, other) = preferential_levels(alpha.get(), PREFERENCE, metrics, variants)?;
    Alpha::new(if role == Role::Goal { goal } else { other })
}

fn correct(experiment: &Experiment, rows: &mut [Row]) -> Result<(), NotComputable> {
    let family: Vec<usize> = (0..rows.len()).filter(|row| !matches!(rows[*row].role, Role::Guardrail { .. })).collect();
    let known: Vec<(usize, f64)> =
        family.into_iter().filter_map(|row| Some((row, rows[row].compared.as_ref().ok()?.decisive.p?))).collect();
    let p_values: Vec<f64> = known.iter().map(|(_, p)| *p).collect();
    let adjusted = match experiment.plan.correction {
        Declared::None | Declared::Preferential => p_values,
        Declared::Holm => adjusted(&p_values, Correction::Holm)?,
        Declared::BenjaminiHochberg => adjusted(&p_values, Correction::BenjaminiHochberg)?,
    };
    for ((row, _), p) in known.into_iter().zip(adjusted) {
        let level = level(experiment, rows[row].role, Alpha::new(experiment.plan.alpha)?)?;
        rows[row].p_adjusted = Some(p);
        rows[row].significant = p < level.get();
    }
    Ok(())
}

fn sliced(experiment: &Experiment, counted: &Counted, alpha: Alpha) -> Result<Vec<Sliced>, NotComputable> {
    let mut slices: Vec<Sliced> = Vec::new();
    for (metric, role, lower_is_better) in roles(experiment) {
        // A guardrail has its say as a whole.
        let Some(found) = counted.metrics.iter().find(|found| found.metric == metric) else { continue };
        if matches!(role, Role::Guardrail { .. }) {
            continue;
        }
        for dimension in &experiment.dimensions {
            let of: Vec<&Slice> = found.slices.iter().filter(|slice| slice.dimension == *dimension).collect();
            for (index, arm) in experiment.arms.iter().enumerate().skip(1) {
                let values: Vec<(String, Result<Compared, NotComputable>)> = of
                    .iter()
                    .map(|slice| {
                        let compared = pair(&slice.arms, index).and_then(|(a, b)| {
                            let progress = progress(experiment, &slice.arms, index);
                            compare(a, b, found.is_rate, lower_is_better, alpha, &experiment.plan, progress)
                        });
                        (slice.value.clone(), compared)
                    })
                    .collect();
                let estimated: Vec<Estimated> = values
                    .iter()
                    .filter_map(|(_, compared)| compared.as_ref().ok())
                    .map(|compared| Estimated { effect: compared.absolute.effect, variance: compared.absolute.se.powi(2) })
                    .collect();
                slices.push(Sliced {
                    metric: metric.into(),
                    variant: arm.id.clone(),
                    dimension: dimension.clone(),
                    values,
                    heterogeneity: heterogeneity(&estimated),
                    p_adjusted: None,
                });
            }
        }
    }
    let known: Vec<(usize, f64)> =
        slices.iter().enumerate().filter_map(|(at, sliced)| Some((at, sliced.heterogeneity.as_ref().ok()?.p_value))).collect();
    let p_values: Vec<f64> = known.iter().map(|(_, p)| *p).collect();
    for ((at, _), p) in known.into_iter().zip(adjusted(&p_values, Correction::BenjaminiHochberg)?) {
        slices[at].p_adjusted = Some(p);
    }
    Ok(slices)
}

/// Everybody whom the variant would meet: those who take part, and those whom the coverage leaves out.
fn eligible_per_day(experiment: &Experiment, counted: &Counted) -> Option<f64> {
    counted.per_day.filter(|_| experiment.coverage > 0.0).map(|per_day| per_day / experiment.coverage)
}

/// How far the test is when one of its variants is compared with the control.
fn progress(experiment: &Experiment, arms: &[Result<Paired, NotComputable>], index: usize) -> Progress {
    let weight = |index: usize| experiment.arms.get(index).map_or(0.0, |arm| arm.weight);
    let share = (weight(0) + weight(index)) / experiment.arms.iter().map(|arm| arm.weight).sum::<f64>();
    Progress {
        units: arms.iter().flatten().map(|arm| arm.y.n()).sum(),
        planned_of_both: ((experiment.plan.units as f64 * share).round() as u64).max(1),
    }
}

fn pair(arms: &[Result<Paired, NotComputable>], index: usize) -> Result<(&Paired, &Paired), NotComputable> {
    let of = |index: usize| arms.get(index).ok_or(NotComputable::Empty)?.as_ref().map_err(Clone::clone);
    Ok((of(0)?, of(index)?))
}

#[cfg(test)]
mod tests;
