//! One variant against the control in one metric. The past is taken off first (CUPED, F10); then the fixed interval (F4), the confidence
//! sequence (F13), the chance to win and the loss of being wrong under a flat prior (F11), and what is left of the effect after shrinking, since
//! the best of several looks better than it is (F9).

use model::experiment::{Rule, TestPlan};
use stats::{
    Alpha, AlphaSpending, Bound, Interval, Look, NotComputable, Paired, Posterior, Prior, Tuning, Welch, bayes_gaussian,
    confidence_sequence, cuped, false_positive_risk, group_sequential,
};

/// Below this many expected conversions, or non-conversions, in an arm the normal approximation does not hold.
const EXPECTED_MIN: f64 = 5.0;
/// What is believed of a relative effect before: nothing, give or take so much. Most changes of a shop do less.
pub const SHRINK_SD: f64 = 0.1;
/// The share of ideas that work, for the risk that a significant result is false.
pub const TRUE_SHARE: f64 = 0.2;

#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub n: [u64; 2],
    /// Per unit, as counted, before the past is taken off.
    pub mean: [f64; 2],
    /// In the unit of the metric, after the past is taken off.
    pub absolute: Welch,
    /// As a share of the control's mean.
    pub relative: Result<Welch, NotComputable>,
    /// The share of the variance that the past explains, per arm.
    pub variance_reduction: [f64; 2],
    /// Valid at every look.
    pub sequence: Result<Look, NotComputable>,
    pub relative_sequence: Result<Look, NotComputable>,
    /// What the declared rule goes by.
    pub decisive: Decisive,
    pub lower_is_better: bool,
    pub chance_to_win: f64,
    /// What is lost on average by choosing this arm, in the unit of the metric.
    pub loss: f64,
    /// The relative effect, less what chance and choice add to it.
    pub shrunk: Result<Posterior, NotComputable>,
    /// That a significant result is chance.
    pub false_positive_risk: f64,
}

/// The evidence by the declared rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Decisive {
    pub rule: Rule,
    /// None before anything may be said.
    pub p: Option<f64>,
    /// In the unit of the metric.
    pub interval: Option<Interval>,
    /// Of a group-sequential plan: the look this is, from 1.
    pub look: Option<u32>,
    /// The plan's units are there.
    pub is_complete: bool,
}

/// How far a test is. A plan counts the units of all arms; two of several arms never have them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Units there, of all arms.
    pub units: u64,
    /// Of the planned units, those of the two arms that are compared.
    pub planned_of_both: u64,
}

/// # Errors
/// `TooFew` with too few conversions to tell, and as [`stats::welch`].
pub fn compare(
    a: &Paired,
    b: &Paired,
    is_rate: bool,
    lower_is_better: bool,
    level: Alpha,
    plan: &TestPlan,
    progress: Progress,
) -> Result<Compared, NotComputable> {
    if is_rate {
        enough_conversions(a, b)?;
    }
    let tested = cuped(a, b, level)?;
    let absolute = tested.absolute.clone()?;
    let relative = tested.relative.clone();
    let (n_a, n_b) = (a.y.n(), b.y.n());
    let tuning = Tuning::PlannedUnits(progress.planned_of_both);
    let sequence = |effect: &Welch| confidence_sequence(effect.effect, effect.se, n_a + n_b, tuning, level);
    let absolute_sequence = sequence(&absolute);
    let decisive = decisive(&absolute, &absolute_sequence, progress.units, level, plan)?;
    let flat = bayes_gaussian(absolute.effect, absolute.se, Prior::Flat, 1.0, lower_is_better, level)?;
    let prior = Prior::Normal { mean: 0.0, variance: SHRINK_SD * SHRINK_SD };
    let shrunk =
        relative.clone().and_then(|relative| bayes_gaussian(relative.effect, relative.se, prior, 1.0, lower_is_better, level));
    Ok(Compared {
        n: [n_a, n_b],
        mean: [a.y.mean(), b.y.mean()],
        relative_sequence: relative.clone().and_then(|relative| sequence(&relative)),
        absolute,
        relative,
        variance_reduction: tested.variance_reduction,
        sequence: absolute_sequence,
        decisive,
        lower_is_better,
        chance_to_win: flat.chance_to_win,
        loss: flat.loss_b,
        shrunk,
        false_positive_risk: false_positive_risk(plan.alpha, plan.power, TRUE_SHARE)?,
    })
}

impl Compared {
    /// The effect, turned so that more is better.
    pub fn gain(&self) -> f64 {
        if self.lower_is_better { -self.absolute.effect } else { self.absolute.effect }
    }
}

fn enough_conversions(a: &Paired, b: &Paired) -> Result<(), NotComputable> {
    let people = (a.y.n() + b.y.n()) as f64;
    let converted = a.y.mean() * a.y.n() as f64 + b.y.mean() * b.y.n() as f64;
    let expected = converted.min(people - converted) * a.y.n().min(b.y.n()) as f64 / people;
    if expected < EXPECTED_MIN {
        return Err(NotComputable::TooFew { n: expected.max(0.0) as u64, needed: EXPECTED_MIN as u64 });
    }
    Ok(())
}

fn decisive(
    absolute: &Welch,
    sequence: &Result<Look, NotComputable>,
    units: u64,
    level: Alpha,
    plan: &TestPlan,
) -> Result<Decisive, NotComputable> {
    let is_complete = units >= plan.units;
    let open = Decisive { rule: plan.rule, p: None, interval: None, look: None, is_complete };
    Ok(match plan.rule {
        Rule::Fixed if is_complete => Decisive { p: Some(absolute.p_two_sided), interval: Some(absolute.interval), ..open },
        Rule::Fixed => open,
        Rule::Anytime => match sequence {
            Ok(look) => Decisive { p: Some(look.p_value), interval: Some(look.interval), ..open },
            Err(_) => open,
        },
        Rule::GroupSequential => match look_of(units, plan) {
            0 => open,
            look => {
                let fractions: Vec<f64> = (1..=look).map(|at| f64::from(at) / f64::from(plan.looks)).collect();
                let bounds = group_sequential(&fractions, level, AlphaSpending::OBrienFleming)?;
                let Some(Bound { z, .. }) = bounds.last() else { return Ok(open) };
                let crossed = (absolute.effect / absolute.se).abs() >= *z;
                // The p that the boundary stands for: below the level exactly when it is crossed.
                let p = stage_p(absolute, &bounds, level)?;
                let half = z * absolute.se;
                debug_assert!(crossed == (p < level.get()) || (absolute.effect / absolute.se).abs() == *z);
                Decisive {
                    p: Some(p),
                    interval: Some(Interval { low: absolute.effect - half, high: absolute.effect + half }),
                    look: Some(look),
                    ..open
                }
            }
        },
    })
}

/// Looks are taken when so many units are there; between two the last one stands.
fn look_of(units: u64, plan: &TestPlan) -> u32 {
    let share = units as f64 / plan.units as f64;
    ((share * f64::from(plan.looks)).floor() as u32).min(plan.looks)
}

/// The two-sided nominal p of the z, scaled so that the boundary of this look is the level: monotone in |z|, and below the level exactly
/// when the boundary is crossed.
fn stage_p(absolute: &Welch, bounds: &[Bound], level: Alpha) -> Result<f64, NotComputable> {
    let Some(bound) = bounds.last() else { return Ok(1.0) };
    let z = (absolute.effect / absolute.se).abs();
    let nominal = 2.0 * stats::normal::sf(z)?;
    Ok((nominal / bound.nominal_p * level.get()).min(1.0))
}
