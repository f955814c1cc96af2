//! What to do about a test, by rules declared before it began. A higher number alone never decides anything.

use model::experiment::Experiment;
use stats::{Harm, NonInferiority, non_inferiority};

use super::{Counted, Health, Role, Row, compare::Compared};
use crate::readout::PEOPLE_MIN;

#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    Ship {
        arm: String,
    },
    Stop {
        why: StopWhy,
    },
    KeepRunning {
        /// Days until the planned units are there, at the present pace.
        days_left: Option<u64>,
        /// Guardrails that are not shown to be safe, where the goal is won already.
        open: Vec<Guarded>,
    },
    CannotSay {
        why: Refusal,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum StopWhy {
    /// A guardrail is worse, and that is no chance.
    Harm { arm: String, metric: String },
    /// Every variant is worse in the goal.
    Worse { arm: String },
    /// Whatever the effect is, it is smaller than the smallest worth knowing.
    TooSmall,
    /// The planned units are there, and nothing is shown.
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    SplitBroken { chi_square: Option<f64>, p: f64 },
    NotEnoughUnits { arm: String, units: u64, needed: u64 },
    NoGoal,
}

/// What a guardrail says of one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    pub metric: String,
    pub variant: String,
    pub found: Option<NonInferiority>,
}

/// The decision, and nothing else: the words for it are the page's.
pub fn decide(experiment: &Experiment, counted: &Counted, health: &Health, rows: &[Row], variants: usize) -> Decision {
    if health.is_split_broken() {
        let srm = health.srm.as_ref().ok();
        let p = srm.filter(|srm| srm.mismatch).map(|srm| srm.p_value).or(health.srm_running_p).unwrap_or(0.0);
        return Decision::CannotSay { why: Refusal::SplitBroken { chi_square: srm.map(|srm| srm.chi_square), p } };
    }
    if let Some((arm, units)) = &health.smallest {
        return Decision::CannotSay { why: Refusal::NotEnoughUnits { arm: arm.clone(), units: *units, needed: PEOPLE_MIN } };
    }
    let goals: Vec<(&Row, &Compared)> =
        rows.iter().filter(|row| row.role == Role::Goal).filter_map(|row| Some((row, row.compared.as_ref().ok()?))).collect();
    if goals.is_empty() {
        return Decision::CannotSay { why: Refusal::NoGoal };
    }
    let guards = guarded(experiment, rows);
    if let Some(harmed) = harm(experiment, rows, &guards) {
        return Decision::Stop { why: harmed };
    }
    let won = |row: &Row, compared: &Compared| row.significant && compared.gain() > 0.0;
    let mut winners: Vec<(&Row, &Compared)> = goals.iter().copied().filter(|(row, compared)| won(row, compared)).collect();
    winners.sort_by(|(_, one), (_, other)| other.gain().total_cmp(&one.gain()));
    let open_of = |variant: &str| -> Vec<Guarded> {
        guards
            .iter()
            .filter(|guard| guard.variant == variant && !guard.found.is_some_and(|found| found.is_safe))
            .cloned()
            .collect()
    };
    if let Some((row, _)) = winners.iter().find(|(row, _)| open_of(&row.variant).is_empty()) {
        return Decision::Ship { arm: row.variant.clone() };
    }
    let is_complete = goals.iter().all(|(_, compared)| compared.decisive.is_complete);
    if let Some((row, _)) = winners.first() {
        let open = open_of(&row.variant);
        return Decision::KeepRunning { days_left: days_left(experiment, counted), open };
    }
    if goals.len() == variants && goals.iter().all(|(row, compared)| row.significant && compared.gain() < 0.0) {
        return Decision::Stop { why: StopWhy::Worse { arm: goals[0].0.variant.clone() } };
    }
    if goals.len() == variants && goals.iter().all(|(_, compared)| is_too_small(experiment, compared)) {
        return Decision::Stop { why: StopWhy::TooSmall };
    }
    if is_complete {
        return Decision::Stop { why: StopWhy::Nothing };
    }
    Decision::KeepRunning { days_left: days_left(experiment, counted), open: Vec::new() }
}

/// Every guardrail of every variant: safe when the bound of its one-sided interval is within the margin.
pub fn guarded(experiment: &Experiment, rows: &[Row]) -> Vec<Guarded> {
    let variants = experiment.arms.len().saturating_sub(1).max(1);
    // Each variant may ship, so each has its share of the level.
    let level = experiment.plan.alpha / variants as f64;
    rows.iter()
        .filter_map(|row| {
            let Role::Guardrail { margin, .. } = row.role else { return None };
            let found = row.compared.as_ref().ok().and_then(|compared| {
                let harm = if compared.lower_is_better { Harm::Higher } else { Harm::Lower };
                non_inferiority(&compared.absolute, margin * compared.mean[0].abs(), harm, level).ok()
            });
            Some(Guarded { metric: row.metric.clone(), variant: row.variant.clone(), found })
        })
        .collect()
}

/// A guardrail that asks for it stops the test by its confidence sequence, at any look; the others when the test is complete.
fn harm(experiment: &Experiment, rows: &[Row], guards: &[Guarded]) -> Option<StopWhy> {
    rows.iter().zip_guards(guards).find_map(|(row, guard)| {
        let compared = row.compared.as_ref().ok()?;
        let early = is_harm_at_any_look(experiment, row);
        let late = compared.decisive.is_complete && guard.found.is_some_and(|found| found.is_harm && !found.is_safe);
        (early || late).then(|| StopWhy::Harm { arm: row.variant.clone(), metric: row.metric.clone() })
    })
}

/// The guardrail asks for a stop at harm, and its confidence sequence shows some.
pub fn is_harm_at_any_look(experiment: &Experiment, row: &Row) -> bool {
    let (Role::Guardrail { stop_at_harm: true, .. }, Ok(compared)) = (row.role, &row.compared) else { return false };
    compared.gain() < 0.0 && compared.sequence.as_ref().is_ok_and(|look| look.p_value < harm_level(experiment))
}

/// The plan's level, shared by all guardrails and arms that may stop the test: it is stopped for nothing that often, not each of them.
pub fn harm_level(experiment: &Experiment) -> f64 {
    let watching = experiment.guardrails.iter().filter(|guardrail| guardrail.stop_at_harm).count();
    experiment.plan.alpha / (watching * experiment.arms.len().saturating_sub(1)).max(1) as f64
}

/// Rows that are guardrails, each with what was found of it.
trait ZipGuards<'a>: Iterator<Item = &'a Row> + Sized {
    fn zip_guards(self, guards: &'a [Guarded]) -> impl Iterator<Item = (&'a Row, &'a Guarded)> {
        self.filter(|row| matches!(row.role, Role::Guardrail { .. })).zip(guards)
    }
}

impl<'a, I: Iterator<Item = &'a Row>> ZipGuards<'a> for I {}

fn is_too_small(experiment: &Experiment, compared: &Compared) -> bool {
    let worth = experiment.plan.lift_min * compared.mean[0].abs();
    compared.decisive.interval.is_some_and(|interval| interval.low > -worth && interval.high < worth)
}

fn days_left(experiment: &Experiment, counted: &Counted) -> Option<u64> {
    let followed: u64 = counted
        .metrics
        .iter()
        .find(|metric| metric.metric == experiment.goal.metric)?
        .arms
        .iter()
        .map(|arm| arm.as_ref().map_or(0, |arm| arm.y.n()))
        .sum();
    let per_day = counted.per_day.filter(|per_day| *per_day > 0.0)?;
    let days = (experiment.plan.units.saturating_sub(followed) as f64 / per_day).ceil();
    // Beyond ten years a number of days is no answer.
    (days <= 3_650.0).then_some(days as u64)
}
