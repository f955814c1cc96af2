//! What a holdout or an experiment has shown, or why it cannot say. The split is tested first: if it is broken, whatever broke it
//! also moved the numbers, so none is given. A difference counts by its test alone, never by a higher rate (SEMANTICS §10).
//!
//! Two-proportion z for conversion (F4b), Welch for money per customer (F4). With several variants the level is divided among the
//! comparisons (Bonferroni), tests and intervals alike. Everything is control against variant, and an effect is variant minus
//! control.

use chrono::{Days, NaiveDate};
/// What read-outs are given and what they answer in: whoever asks for one needs no other crate.
pub use stats::{Alpha, Interval, MONEY_SCALE, Moments, NotComputable};
use stats::{
    ArmCount, Plan, Proportion, Srm, TwoProportion, Welch, required_n_proportions_pooled, srm, two_proportion, welch, wilson,
};

/// Fewer matured people in an arm than this say nothing, whatever they did.
pub const PEOPLE_MIN: u64 = 30;
/// Below this many expected conversions, or expected non-conversions, in an arm the normal approximation does not hold.
pub const EXPECTED_MIN: f64 = 5.0;
/// The chance of seeing a difference of `lift_min` that a needed number of people is computed for.
pub const POWER: f64 = 0.8;

/// What is known of one arm, over the same window for all.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmInput {
    pub name: String,
    /// The planned share; relative to the other arms.
    pub weight: f64,
    /// People whose window is over; the numbers below are theirs.
    pub people: u64,
    pub conversions: u64,
    /// Net revenue per person, zero rows included: its `n` is `people`.
    pub revenue: Moments,
    /// People whose window is not over. They count for the split, and for nothing else.
    pub immature: u64,
}

/// How sure, how small and how soon.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    pub alpha: Alpha,
    /// The smallest relative change of the conversion rate worth knowing (0.1 is 10 % up or down).
    pub lift_min: f64,
    /// People who mature per day, all arms together, if known; with `today` it dates the answer.
    pub people_per_day: Option<f64>,
    pub today: NaiveDate,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentInput {
    pub control: ArmInput,
    pub variants: Vec<ArmInput>,
    pub terms: Terms,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioInput {
    /// Weighted `percent`.
    pub holdout: ArmInput,
    /// Weighted `100 - percent`.
    pub treated: ArmInput,
    /// What the shown attribution model credits the scenario with, over the same people and window.
    pub attributed: Option<f64>,
    pub terms: Terms,
}

/// The arms as they are, the split, and either a refusal or a comparison per variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Readout {
    /// Control first.
    pub arms: Vec<Arm>,
    pub srm: Result<Srm, NotComputable>,
    /// Empty exactly when refused.
    pub comparisons: Vec<Comparison>,
    pub refused: Option<Refusal>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    pub name: String,
    pub people: u64,
    pub immature: u64,
    pub conversions: u64,
}

/// A variant against the control.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub variant: String,
    pub verdict: Verdict,
    pub control_rate: Rate,
    pub variant_rate: Rate,
    pub conversion: TwoProportion,
    /// Per customer.
    pub revenue: Result<Welch, NotComputable>,
}

/// A rate with its Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub rate: f64,
    pub interval: Interval,
}

/// What may be said of a variant's conversion rate.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Refused {
        why: Refusal,
    },
    /// Neither a difference nor its absence is shown.
    CannotSayYet {
        /// People needed in all arms of the comparison together; `None` if no number is enough.
        needed: Option<u64>,
        /// When they will be there at the present pace.
        by: Option<NaiveDate>,
    },
    Effect {
        direction: Direction,
    },
    /// The whole interval is smaller than the smallest change worth knowing.
    TooSmallToMatter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Better,
    Worse,
}

/// Why no number is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The arms do not have the sizes they were meant to have.
    SplitBroken {
        chi_square: f64,
        p_value: f64,
    },
    NotEnoughPeople {
        arm: String,
        people: u64,
        needed: u64,
    },
    /// Of conversions or of non-conversions.
    NotEnoughConversions {
        arm: String,
        expected: f64,
        needed: f64,
    },
    NotComputable {
        what: NotComputable,
    },
}

/// A scenario against its holdout: the read-out, and what it means for the shop.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioReadout {
    pub readout: Readout,
    /// `None` exactly when the read-out is refused.
    pub impact: Option<Impact>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// Treated people × the difference.
    pub conversions: Estimate,
    pub revenue: Result<Estimate, NotComputable>,
    /// Held-out people × the difference: the price of knowing.
    pub holdout_cost: Result<Estimate, NotComputable>,
    /// Incremental / attributed revenue: what a yen of attributed revenue was worth. `None` without attributed revenue.
    pub calibration: Option<Estimate>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub interval: Interval,
}

/// A share with its Wilson interval: `part` of `whole`.
///
/// # Errors
/// When `whole` is zero or smaller than `part`.
pub fn share(part: u64, whole: u64, alpha: Alpha) -> Result<Rate, NotComputable> {
    let proportion = Proportion::new(part, whole)?;
    Ok(Rate { rate: proportion.rate(), interval: wilson(proportion, alpha)? })
}

/// Compares each variant with the control.
pub fn experiment(input: &ExperimentInput) -> Readout {
    let arms: Vec<&ArmInput> = std::iter::once(&input.control).chain(&input.variants).collect();
    let counts: Vec<ArmCount> =
        arms.iter().map(|arm| ArmCount { seen: arm.people.saturating_add(arm.immature), weight: arm.weight }).collect();
    let srm = srm(&counts);
    let comparisons = match refusal(&arms, &srm) {
        Some(why) => Err(why),
        None => compare_all(input).map_err(|what| Refusal::NotComputable { what }),
    };
    let shown = |arm: &&ArmInput| Arm {
        name: arm.name.clone(),
        people: arm.people,
        immature: arm.immature,
        conversions: arm.conversions,
    };
    let (comparisons, refused) = match comparisons {
        Ok(comparisons) => (comparisons, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    Readout { arms: arms.iter().map(shown).collect(), srm, comparisons, refused }
}

/// Compares those who were sent to (or would have been, had a gate not stopped them) with those held out.
pub fn scenario_effect(input: &ScenarioInput) -> ScenarioReadout {
    let readout = experiment(&ExperimentInput {
        control: input.holdout.clone(),
        variants: vec![input.treated.clone()],
        terms: input.terms.clone(),
    });
    let impact = readout.comparisons.first().map(|comparison| impact(input, comparison));
    ScenarioReadout { readout, impact }
}

impl Readout {
    /// The verdict on a variant, the refusal included.
    pub fn verdict(&self, variant: &str) -> Option<Verdict> {
        let found = self.comparisons.iter().find(|comparison| comparison.variant == variant).map(|found| found.verdict.clone());
        found.or(self.refused.clone().map(|why| Verdict::Refused { why }))
    }
}

fn refusal(arms: &[&ArmInput], srm: &Result<Srm, NotComputable>) -> Option<Refusal> {
    match srm {
        Ok(srm) if srm.mismatch => {
            return Some(Refusal::SplitBroken { chi_square: srm.chi_square, p_value: srm.p_value });
        }
        // Nobody yet is said in people, below.
        Ok(_) | Err(NotComputable::Empty) => {}
        Err(what) => return Some(Refusal::NotComputable { what: what.clone() }),
    }
    if let Some(arm) = arms.iter().find(|arm| arm.people < PEOPLE_MIN) {
        return Some(Refusal::NotEnoughPeople { arm: arm.name.clone(), people: arm.people, needed: PEOPLE_MIN });
    }
    for arm in arms {
        // Sums of other people than those counted.
        let consistent = if arm.revenue.n() == arm.people { Ok(()) } else { Err(NotComputable::Inconsistent) };
        if let Err(what) = consistent.and(Proportion::new(arm.conversions, arm.people)) {
            return Some(Refusal::NotComputable { what });
        }
    }
    let total = |of: fn(&ArmInput) -> u64| arms.iter().map(|arm| of(arm) as f64).sum::<f64>();
    let (people, conversions) = (total(|arm| arm.people), total(|arm| arm.conversions));
    let smallest = arms.iter().min_by_key(|arm| arm.people)?;
    let expected = conversions.min(people - conversions) * smallest.people as f64 / people;
    (expected < EXPECTED_MIN).then(|| Refusal::NotEnoughConversions {
        arm: smallest.name.clone(),
        expected,
        needed: EXPECTED_MIN,
    })
}

fn compare_all(input: &ExperimentInput) -> Result<Vec<Comparison>, NotComputable> {
    let alpha = Alpha::new(input.terms.alpha.get() / input.variants.len() as f64)?;
    input.variants.iter().map(|variant| compare(&input.control, variant, alpha, &input.terms)).collect()
}

fn compare(control: &ArmInput, variant: &ArmInput, alpha: Alpha, terms: &Terms) -> Result<Comparison, NotComputable> {
    let (a, b) = (Proportion::new(control.conversions, control.people)?, Proportion::new(variant.conversions, variant.people)?);
    let conversion = two_proportion(a, b, alpha)?;
    let revenue = control.revenue.summary().and_then(|a| welch(&a, &variant.revenue.summary()?, alpha));
    let worth = terms.lift_min * a.rate();
    let verdict = if conversion.p_two_sided < alpha.get() {
        Verdict::Effect { direction: if conversion.difference > 0.0 { Direction::Better } else { Direction::Worse } }
    } else if conversion.interval.low > -worth && conversion.interval.high < worth {
        Verdict::TooSmallToMatter
    } else {
        let people = control.people.saturating_add(variant.people);
        let needed = needed(a, b, variant.weight / control.weight, alpha, terms, people);
        Verdict::CannotSayYet { needed, by: needed.and_then(|needed| by(needed.saturating_sub(people), terms)) }
    };
    let rate = |proportion: Proportion| Ok(Rate { rate: proportion.rate(), interval: wilson(proportion, alpha)? });
    Ok(Comparison { variant: variant.name.clone(), verdict, control_rate: rate(a)?, variant_rate: rate(b)?, conversion, revenue })
}

/// To see the smallest change worth knowing; if there are that many people already, to see a change as small as the one seen.
fn needed(a: Proportion, b: Proportion, ratio: f64, alpha: Alpha, terms: &Terms, people: u64) -> Option<u64> {
    let plan = Plan::new(alpha, POWER, ratio).ok()?;
    let to_see = |rate: f64| {
        let needed = required_n_proportions_pooled(a.rate(), rate, &plan).ok()?;
        needed.a.checked_add(needed.b)
    };
    let up = a.rate() * (1.0 + terms.lift_min);
    let planned = to_see(if up <= 1.0 { up } else { a.rate() * (1.0 - terms.lift_min) });
    planned.filter(|planned| *planned > people).or_else(|| to_see(b.rate()).filter(|seen| *seen > people))
}

fn by(missing: u64, terms: &Terms) -> Option<NaiveDate> {
    let per_day = terms.people_per_day.filter(|per_day| *per_day > 0.0)?;
    let days = (missing as f64 / per_day).ceil();
    // Beyond ten years a date is no answer.
    if days <= 3650.0 { terms.today.checked_add_days(Days::new(days as u64)) } else { None }
}

fn impact(input: &ScenarioInput, comparison: &Comparison) -> Impact {
    let times = |value: f64, interval: Interval, count: f64| Estimate {
        value: value * count,
        interval: Interval { low: interval.low * count, high: interval.high * count },
    };
    let money = |people: u64| {
        comparison.revenue.as_ref().map(|welch| times(welch.effect, welch.interval, people as f64)).map_err(Clone::clone)
    };
    let revenue = money(input.treated.people);
    let attributed = input.attributed.filter(|attributed| *attributed > 0.0);
    Impact {
        conversions: times(comparison.conversion.difference, comparison.conversion.interval, input.treated.people as f64),
        holdout_cost: money(input.holdout.people),
        calibration: attributed
            .zip(revenue.as_ref().ok())
            .map(|(attributed, revenue)| times(revenue.value, revenue.interval, 1.0 / attributed)),
        revenue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An arm whose converters each brought the same.
    fn arm(name: &str, weight: f64, people: u64, conversions: u64, each: i128) -> ArmInput {
        let (count, each) = (i128::from(conversions), each * 10_000);
        let revenue = Moments::from_sums(people, count * each, count * each * each, stats::MONEY_SCALE).expect("consistent sums");
        ArmInput { name: name.into(), weight, people, conversions, revenue, immature: 0 }
    }

    fn terms() -> Terms {
        let today = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a date");
        Terms { alpha: Alpha::FIVE_PERCENT, lift_min: 0.1, people_per_day: Some(1000.0), today }
    }

    fn t33() -> ScenarioInput {
        // 26,550,000 yen of 3,150 orders is no whole number each: the last one takes the rest.
        let mut treated = arm("treated", 90.0, 90_000, 3_150, 8_428);
        let rest: i128 = (26_550_000 - 3_150 * 8_428) * 10_000;
        let (each, count) = (8_428 * 10_000i128, 3_150i128);
        let sum_sq = (count - 1) * each * each + (each + rest) * (each + rest);
        treated.revenue = Moments::from_sums(90_000, 26_550_000 * 10_000, sum_sq, stats::MONEY_SCALE).expect("consistent sums");
        ScenarioInput {
            holdout: arm("holdout", 10.0, 10_000, 300, 8_000),
            treated,
            attributed: Some(9_000_000.0),
            terms: terms(),
        }
    }

    fn near(got: f64, expect: f64, digits: i32) {
        assert!((got - expect).abs() < 0.5 * 10f64.powi(-digits) + 1e-9, "{got} is not {expect}");
    }

    #[test]
    fn t33_t34_a_scenario_and_its_holdout() {
        let ScenarioReadout { readout, impact } = scenario_effect(&t33());
        let (comparison, impact) = (&readout.comparisons[0], impact.expect("numbers"));
        assert_eq!(comparison.verdict, Verdict::Effect { direction: Direction::Better });
        let conversion = &comparison.conversion;
        near(conversion.difference, 0.005, 9);
        near(conversion.relative_lift.clone().expect("a lift"), 0.167, 3);
        near(conversion.z_pooled, 2.599, 3);
        near(conversion.p_two_sided, 0.0093, 4);
        near(conversion.interval.low * 100.0, 0.145, 3);
        near(conversion.interval.high * 100.0, 0.855, 3);
        near(impact.conversions.value, 450.0, 6);
        near(impact.conversions.interval.low, 130.0, 0);
        near(impact.conversions.interval.high, 770.0, 0);
        near(comparison.revenue.clone().expect("money").effect, 55.0, 6);
        near(impact.revenue.expect("money").value, 4_950_000.0, 2);
        near(impact.holdout_cost.expect("money").value, 550_000.0, 2);
        near(impact.calibration.expect("attributed").value, 0.55, 6); // T34
    }

    #[test]
    fn t35_a_broken_split_is_refused_with_its_numbers() {
        let mut input = t33();
        (input.treated.immature, input.holdout.people) = (600, 9_400);
        input.holdout.revenue = arm("", 1.0, 9_400, 300, 8_000).revenue;
        let ScenarioReadout { readout, impact } = scenario_effect(&input);
        let Some(Refusal::SplitBroken { chi_square, p_value }) = readout.refused.clone() else { panic!("{:?}", readout.refused) };
        near(chi_square, 40.0, 6);
        near(p_value * 1e10, 2.5, 1);
        assert!(readout.comparisons.is_empty() && impact.is_none());
        assert!(matches!(readout.verdict("treated"), Some(Verdict::Refused { why: Refusal::SplitBroken { .. } })));
    }

    #[test]
    fn a_readout_says_what_it_may() {
        let check = |control: (u64, u64), variant: (u64, u64), expect: &str| {
            let input = ExperimentInput {
                control: arm("a", 0.5, control.0, control.1, 1_000),
                variants: vec![arm("b", 0.5, variant.0, variant.1, 1_000)],
                terms: terms(),
            };
            let said = match experiment(&input).verdict("b").expect("a verdict") {
                Verdict::Refused { why: Refusal::NotEnoughPeople { arm, people, .. } } => format!("{people} in {arm}"),
                Verdict::Refused { why: Refusal::NotEnoughConversions { expected, .. } } => format!("{expected} expected"),
                Verdict::CannotSayYet { needed, by } => {
                    let shown = (needed.map(|needed| needed.to_string()), by.map(|by| by.to_string()));
                    format!("{} by {}", shown.0.unwrap_or("never".into()), shown.1.unwrap_or("never".into()))
                }
                Verdict::Effect { direction } => format!("{direction:?}"),
                other => format!("{other:?}"),
            };
            assert_eq!(said, expect, "{control:?} {variant:?}");
        };
        check((0, 0), (0, 0), "0 in a");
        check((29, 5), (30, 5), "29 in a");
        check((100, 4), (100, 4), "4 expected");
        check((100, 96), (100, 96), "4 expected");
        // A higher rate alone is no winner.
        check((1_000, 50), (1_000, 60), "62468 by 2026-05-01");
        check((1_000, 50), (1_000, 90), "Better");
        check((1_000, 90), (1_000, 50), "Worse");
        check((1_000_000, 50_000), (1_000_000, 50_050), "TooSmallToMatter");
        check((40_000, 2_000), (40_000, 2_100), "244248 by 2026-08-13");
        check((35_000, 1_750), (35_000, 1_750), "TooSmallToMatter");
    }

    #[test]
    fn several_variants_share_the_level() {
        let input = |variants: u64| ExperimentInput {
            control: arm("a", 1.0, 10_000, 500, 1_000),
            variants: (0..variants).map(|index| arm(&index.to_string(), 1.0, 10_000, 565, 1_000)).collect(),
            terms: terms(),
        };
        let check = |variants: u64, better: bool| {
            let verdict = experiment(&input(variants)).verdict("0");
            assert_eq!(verdict == Some(Verdict::Effect { direction: Direction::Better }), better, "{variants}: {verdict:?}");
        };
        check(1, true); // p = 0.041
        check(2, false);
    }

    proptest! {
        #[test]
        fn there_are_numbers_exactly_when_nothing_is_refused(
            control in (0u64..2_000, 0.0f64..=1.0),
            variant in (0u64..2_000, 0.0f64..=1.0),
            immature in 0u64..50,
        ) {
            let arm = |name, (people, rate): (u64, f64)| arm(name, 0.5, people, (people as f64 * rate) as u64, 1_000);
            let (holdout, treated) = (arm("a", control), arm("b", variant));
            let mut input = ScenarioInput { holdout, treated, attributed: None, terms: terms() };
            input.treated.immature = immature;
            let ScenarioReadout { readout, impact } = scenario_effect(&input);
            prop_assert_eq!(readout.comparisons.len(), usize::from(readout.refused.is_none()));
            prop_assert_eq!(impact.is_some(), readout.refused.is_none());
            if let Some(comparison) = readout.comparisons.first() {
                let Interval { low, high } = comparison.conversion.interval;
                prop_assert!(low <= comparison.conversion.difference && comparison.conversion.difference <= high);
                if let Verdict::CannotSayYet { needed: Some(needed), .. } = comparison.verdict {
                    prop_assert!(needed > input.holdout.people + input.treated.people);
                }
            }
        }
    }
}
