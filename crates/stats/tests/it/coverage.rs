//! How often an interval of 95 % holds the truth, over 2,000 made-up tests or more: for every kind we ship, on what customers of a shop spend
//! (most nothing, the others log-normally) and on rates of a few per cent. The table is printed by the test.
//!
//! Where a method promises 95 %, it keeps it within 1.5 points; where it promises at least 95 %, it is never less. Each promise ends somewhere,
//! and the last tests hold that it does, so that nobody takes it for more than it is:
//!
//! | interval | promises | does not hold |
//! |---|---|---|
//! | Welch, CUPED, post-stratified, non-inferiority | 95 %, for arms that are alike in size or have thousands of units | a small arm beside a large one and heavy tails: the large orders that carry the mean are not in the sample yet |
//! | relative (F3), ratio (F5) | 95 %, where the control's mean is 5 standard errors from 0 | a weak baseline, which is flagged: too often at few units |
//! | difference of rates (F4b), ratio of rates | 95 % from 5 conversions expected in each arm | few conversions in a small arm: take Newcombe's |
//! | Newcombe, Agresti-Caffo, Wilson, Agresti-Coull, Jeffreys | 95 % on average over rates | any single rate: counts are whole, so it goes up and down with the rate |
//! | Clopper-Pearson | at least 95 % | no less, often more |
//! | quantile (F6) | 95 %, where values differ around the quantile | a quantile inside the zeros has no interval: not computable |
//! | credible, flat prior (F11) | 95 %, as Welch | as Welch; and not at a moment chosen by looking |
//! | credible, prior of effects (F11) | 95 % of effects that come from the prior | one large effect: it is shrunk, on purpose |
//! | confidence sequence (F13) | at least 95 %, at all looks together, from a few hundred units per arm on | no less, more at any one look |
//! | group-sequential (F13b) | 95 %, at all planned looks together | a look that was not planned |
//! | Kaplan-Meier (F26) | 95 %, while some dozens are still followed | no events, or nobody left: not computable |

use stats::{
    Alpha, AlphaSpending, DayCount, Harm, Interval, KaplanMeier, NotComputable, Paired, Prior, Proportion, Stratum, Tuning,
    agresti_caffo, agresti_coull, bayes_gaussian, clopper_pearson, confidence_sequence, cuped, group_sequential, jeffreys,
    newcombe, non_inferiority, post_stratified, quantile_metric, ratio, risk_ratio, two_proportion, welch, welch_lift, wilson,
};

use crate::chance::{Chance, Revenue, Sums};

const TESTS: u32 = 2_000;
const ALPHA: Alpha = Alpha::FIVE_PERCENT;

/// Counts how often each kind holds its truth.
#[derive(Default)]
struct Held(Vec<(&'static str, u32, u32)>);

impl Held {
    fn count(&mut self, kind: &'static str, interval: Result<Interval, NotComputable>, truth: f64) {
        let holds = interval.map(|interval| interval.low <= truth && truth <= interval.high);
        self.add(kind, holds.unwrap_or_else(|why| panic!("{kind}: {why}")));
    }

    fn add(&mut self, kind: &'static str, holds: bool) {
        let at = self.0.iter().position(|(known, ..)| *known == kind).unwrap_or_else(|| {
            self.0.push((kind, 0, 0));
            self.0.len() - 1
        });
        self.0[at].1 += u32::from(holds);
        self.0[at].2 += 1;
    }

    fn share(&self, kind: &str) -> f64 {
        let found = self.0.iter().find(|(known, ..)| *known == kind).unwrap_or_else(|| panic!("no {kind}"));
        100.0 * f64::from(found.1) / f64::from(found.2)
    }

    /// Each kind is within `low..=high`, and none is forgotten.
    fn check(&self, expect: &[(&str, f64, f64)]) {
        for (kind, holds, tests) in &self.0 {
            println!("{:6.2} % of {tests}: {kind}", 100.0 * f64::from(*holds) / f64::from(*tests));
        }
        for (kind, low, high) in expect {
            let share = self.share(kind);
            assert!(*low <= share && share <= *high, "{kind}: {share} % is outside {low} and {high}");
        }
        assert_eq!(self.0.len(), expect.len(), "a kind without an expectation");
    }
}

const EXACT: (f64, f64) = (93.5, 96.5);
const AT_LEAST: (f64, f64) = (95.0, 100.0);

/// A customer before and in the test: who bought before buys again more often, and large buyers stay large.
fn customer(chance: &mut Chance, of: Revenue) -> (f64, f64, usize) {
    let before = Revenue::SHOP;
    let taste = chance.normal();
    let amount = |chance: &mut Chance, of: Revenue| of.typical * (of.sigma * (0.96 * taste + 0.28 * chance.normal())).exp();
    let bought = chance.is(before.buyers);
    let x = if bought { amount(chance, before) } else { 0.0 };
    // Those who bought before buy again five times as often as the others.
    let share = of.buyers * if bought { 5.0 } else { 1.0 } / (1.0 + 4.0 * before.buyers);
    let y = if chance.is(share) { amount(chance, of) } else { 0.0 };
    let stratum = if !bought {
        0
    } else if x < before.typical {
        1
    } else {
        2
    };
    (y, x, stratum)
}

#[test]
fn money_per_customer() {
    let mut chance = Chance(20_261_101);
    let mut held = Held::default();
    let (of_a, of_b) = (Revenue::SHOP, Revenue { buyers: 0.33, typical: 3_100.0, ..Revenue::SHOP });
    let (truth, relative) = (of_b.mean() - of_a.mean(), of_b.mean() / of_a.mean() - 1.0);
    let mut explained = 0.0;
    for _ in 0..TESTS {
        let (mut arms, mut strata) = ([Sums::default(); 2], [[Sums::default(); 3]; 2]);
        for (arm, of) in [of_a, of_b].into_iter().enumerate() {
            for _ in 0..1_500 {
                let (y, x, stratum) = customer(&mut chance, of);
                arms[arm].push(y, x);
                strata[arm][stratum].push(y, x);
            }
        }
        let (a, b) = (arms[0].paired(), arms[1].paired());
        let plain = welch(&a.y, &b.y, ALPHA).unwrap();
        let lift = welch_lift(&a.y, &b.y, ALPHA).unwrap();
        held.count("Welch, difference", Ok(plain.interval), truth);
        held.count("Welch, relative", Ok(lift.welch.interval), relative);
        let adjusted = cuped(&a, &b, ALPHA).unwrap();
        explained += adjusted.variance_reduction[0] / f64::from(TESTS);
        held.count("CUPED, difference", adjusted.absolute.map(|effect| effect.interval), truth);
        held.count("CUPED, relative", adjusted.relative.map(|effect| effect.interval), relative);
        let strata: Vec<Stratum> = (0..3).map(|at| Stratum { a: strata[0][at].summary(), b: strata[1][at].summary() }).collect();
        let stratified = post_stratified(&strata, ALPHA).unwrap();
        held.count("post-stratified, difference", Ok(stratified.absolute.interval), truth);
        held.count("post-stratified, relative", stratified.relative.map(|effect| effect.interval), relative);
        let flat = bayes_gaussian(plain.effect, plain.se, Prior::Flat, 1.0, false, ALPHA);
        held.count("credible, flat prior", flat.map(|found| found.interval), truth);
        let sequence = confidence_sequence(plain.effect, plain.se, 3_000, Tuning::PlannedUnits(3_000), ALPHA);
        held.count("confidence sequence, one look", sequence.map(|look| look.interval), truth);
        let safe = non_inferiority(&plain, 0.0, Harm::Lower, 0.05).unwrap();
        held.add("non-inferiority, one side", safe.bound <= truth);
    }
    println!("the past explains {:.0} % of the variance", 100.0 * explained);
    assert!(explained > 0.2, "the past says too little to try CUPED on: {explained}");
    held.check(&[
        ("Welch, difference", EXACT.0, EXACT.1),
        ("Welch, relative", EXACT.0, EXACT.1),
        ("CUPED, difference", EXACT.0, EXACT.1),
        ("CUPED, relative", EXACT.0, EXACT.1),
        ("post-stratified, difference", EXACT.0, EXACT.1),
        ("post-stratified, relative", EXACT.0, EXACT.1),
        ("credible, flat prior", EXACT.0, EXACT.1),
        ("confidence sequence, one look", AT_LEAST.0, AT_LEAST.1),
        ("non-inferiority, one side", EXACT.0, EXACT.1),
    ]);
}

/// Order value per customer: more orders are larger ones, so orders are no units.
#[test]
fn ratios_and_quantiles() {
    let mut chance = Chance(20_261_102);
    let mut held = Held::default();
    let orders = [0.7, 0.9, 0.97, 1.0];
    let (sigma, typical) = (0.8f64, [3_000.0, 3_150.0]);
    let per_order = typical.map(|typical| {
        let weighted = |power: i32| (1..4).map(|k| (orders[k] - orders[k - 1]) * (k as f64).powi(power)).sum::<f64>();
        typical * (sigma * sigma / 2.0).exp() * (weighted(1) + 0.1 * weighted(2)) / weighted(1)
    });
    // Of all customers nine in ten spend no more: of the three in ten who buy, two thirds.
    let ninth = [3_000.0, 3_300.0].map(|typical: f64| typical * (0.430_727_299_295_457_5f64 * sigma).exp());
    for _ in 0..TESTS {
        let (mut arms, mut spent) = ([Sums::default(); 2], [Vec::new(), Vec::new()]);
        for arm in 0..2 {
            for _ in 0..1_500 {
                let u = chance.uniform();
                let count = orders.iter().position(|until| u < *until).unwrap_or(3);
                let size = typical[arm] * (1.0 + 0.1 * count as f64);
                let amount: f64 = (0..count).map(|_| size * (sigma * chance.normal()).exp()).sum();
                arms[arm].push(amount, count as f64);
                spent[arm].push(Revenue { buyers: 0.3, typical: [3_000.0, 3_300.0][arm], sigma }.draw(&mut chance));
            }
        }
        let per_unit = |arm: usize| ratio(&arms[arm].paired()).unwrap();
        let (a, b) = (per_unit(0), per_unit(1));
        held.count("ratio, difference", welch(&a, &b, ALPHA).map(|found| found.interval), per_order[1] - per_order[0]);
        let relative = per_order[1] / per_order[0] - 1.0;
        held.count("ratio, relative", welch_lift(&a, &b, ALPHA).map(|found| found.welch.interval), relative);
        let quantile = |arm: usize| quantile_metric(&spent[arm], 0.9).unwrap();
        let (a, b) = (quantile(0), quantile(1));
        held.count("quantile 0.9", Ok(Interval { low: a.lower, high: a.upper }), ninth[0]);
        let tested = welch(&a.summary, &b.summary, ALPHA);
        held.count("quantile 0.9, difference", tested.map(|found| found.interval), ninth[1] - ninth[0]);
        // Seven in ten are zero: all of the median's neighbours are alike.
        let median = |arm: usize| quantile_metric(&spent[arm], 0.5).unwrap().summary;
        assert_eq!(welch(&median(0), &median(1), ALPHA), Err(NotComputable::NoVariance));
    }
    held.check(&[
        ("ratio, difference", EXACT.0, EXACT.1),
        ("ratio, relative", EXACT.0, EXACT.1),
        ("quantile 0.9", EXACT.0, EXACT.1),
        ("quantile 0.9, difference", EXACT.0, EXACT.1),
    ]);
}

#[test]
fn rates() {
    let mut chance = Chance(20_261_103);
    let mut held = Held::default();
    // Whole counts make coverage jump from rate to rate, and these are quick.
    for _ in 0..5 * TESTS {
        let p = [0.02 + 0.06 * chance.uniform(), 0.02 + 0.06 * chance.uniform()];
        let (x, n) = (p.map(|p| chance.binomial(1_000, p)), 1_000);
        let (a, b) = (Proportion::new(x[0], n).unwrap(), Proportion::new(x[1], n).unwrap());
        held.count("Wilson", wilson(a, ALPHA), p[0]);
        held.count("Clopper-Pearson", clopper_pearson(a, ALPHA), p[0]);
        held.count("Agresti-Coull", agresti_coull(a, ALPHA), p[0]);
        held.count("Jeffreys", jeffreys(a, ALPHA), p[0]);
        held.count("difference of rates", two_proportion(a, b, ALPHA).map(|found| found.interval), p[1] - p[0]);
        held.count("Newcombe", newcombe(a, b, ALPHA), p[1] - p[0]);
        held.count("Agresti-Caffo", agresti_caffo(a, b, ALPHA), p[1] - p[0]);
        held.count("ratio of rates", risk_ratio(a, b, ALPHA), p[1] / p[0]);
    }
    held.check(&[
        ("Wilson", EXACT.0, EXACT.1),
        ("Clopper-Pearson", AT_LEAST.0, AT_LEAST.1),
        ("Agresti-Coull", EXACT.0, EXACT.1),
        ("Jeffreys", EXACT.0, EXACT.1),
        ("difference of rates", EXACT.0, EXACT.1),
        ("Newcombe", EXACT.0, EXACT.1),
        ("Agresti-Caffo", EXACT.0, EXACT.1),
        ("ratio of rates", EXACT.0, EXACT.1),
    ]);
}

/// All looks of one test together.
#[test]
fn at_every_look() {
    let mut chance = Chance(20_261_104);
    let mut held = Held::default();
    let (of_a, of_b) = (Revenue::SHOP, Revenue { typical: 3_150.0, ..Revenue::SHOP });
    let truth = of_b.mean() - of_a.mean();
    let bounds = group_sequential(&[0.2, 0.4, 0.6, 0.8, 1.0], ALPHA, AlphaSpending::OBrienFleming).unwrap();
    for _ in 0..TESTS {
        let mut arms = [Sums::default(); 2];
        let (mut sequence, mut planned, mut fixed) = (true, true, true);
        for look in 1..=20u64 {
            for (arm, of) in arms.iter_mut().zip([of_a, of_b]) {
                (0..200).for_each(|_| arm.push(of.draw(&mut chance), 0.0));
            }
            let found = welch(&arms[0].summary(), &arms[1].summary(), ALPHA).unwrap();
            let holds = |interval: Interval| interval.low <= truth && truth <= interval.high;
            let tuned = confidence_sequence(found.effect, found.se, 400 * look, Tuning::PlannedUnits(8_000), ALPHA).unwrap();
            sequence &= holds(tuned.interval);
            fixed &= holds(found.interval);
            if look % 4 == 0 {
                planned &= (found.effect - truth).abs() <= bounds[look as usize / 4 - 1].z * found.se;
            }
        }
        held.add("confidence sequence, 20 looks", sequence);
        held.add("group-sequential, 5 looks", planned);
        held.add("Welch, 20 looks", fixed);
    }
    held.check(&[
        ("confidence sequence, 20 looks", AT_LEAST.0, AT_LEAST.1),
        ("group-sequential, 5 looks", EXACT.0, EXACT.1),
        ("Welch, 20 looks", 0.0, 85.0),
    ]);
}

/// The second purchase by day 90, of customers who came on any of the last 180 days.
#[test]
fn second_purchases() {
    let mut chance = Chance(20_261_105);
    let mut held = Held::default();
    let daily: f64 = 0.004;
    let truth = 1.0 - (1.0 - daily).powi(90);
    for _ in 0..TESTS {
        let counts = (0..400).map(|_| {
            let (followed, day) = (1 + chance.bits() % 180, ((1.0 - chance.uniform()).ln() / (1.0 - daily).ln()).ceil() as u64);
            let bought = u64::from(day <= followed);
            DayCount { day: day.min(followed) as u32, events: bought, censored: 1 - bought }
        });
        let curve = KaplanMeier::new(counts).unwrap();
        held.count("Kaplan-Meier, day 90", curve.conversion_at(90, ALPHA).and_then(|found| found.interval), truth);
    }
    held.check(&[("Kaplan-Meier, day 90", EXACT.0, EXACT.1)]);
}

/// Effects come from where the prior says, or one large one.
#[test]
fn believing_before() {
    let mut chance = Chance(20_261_106);
    let mut held = Held::default();
    let (prior, sd, se) = (Prior::Normal { mean: 0.0, variance: 0.01 }, 0.1, 0.06);
    for _ in 0..TESTS {
        let drawn = sd * chance.normal();
        let seen = |truth: f64, chance: &mut Chance| bayes_gaussian(truth + se * chance.normal(), se, prior, 1.0, false, ALPHA);
        held.count("credible, effects of the prior", seen(drawn, &mut chance).map(|found| found.interval), drawn);
        held.count("credible, one effect of 3 sd", seen(0.3, &mut chance).map(|found| found.interval), 0.3);
    }
    held.check(&[("credible, effects of the prior", EXACT.0, EXACT.1), ("credible, one effect of 3 sd", 0.0, 90.0)]);
}

/// The right column of the table.
#[test]
fn where_the_promise_ends() {
    let mut chance = Chance(20_261_107);
    let mut held = Held::default();
    let heavy = Revenue { buyers: 0.1, typical: 3_000.0, sigma: 1.5 };
    let mut weak = 0;
    for _ in 0..TESTS {
        let arm = |chance: &mut Chance, n: u64, of: Revenue| {
            let mut sums = Sums::default();
            (0..n).for_each(|_| sums.push(of.draw(chance), 0.0));
            sums
        };
        // A holdout of 200 beside 3,000.
        let uneven: [Paired; 2] = [3_000, 200].map(|n| arm(&mut chance, n, heavy).paired());
        held.count("Welch, 200 beside 3,000", welch(&uneven[0].y, &uneven[1].y, ALPHA).map(|found| found.interval), 0.0);
        let few = [arm(&mut chance, 60, heavy).paired(), arm(&mut chance, 60, heavy).paired()];
        if let Ok(lift) = welch_lift(&few[0].y, &few[1].y, ALPHA) {
            weak += u32::from(lift.weak_baseline);
            held.count("relative, weak baseline", Ok(lift.welch.interval), 0.0);
        }
        let p = 0.004;
        let x = [chance.binomial(5_000, p), chance.binomial(500, p)];
        let (a, b) = (Proportion::new(x[0], 5_000).unwrap(), Proportion::new(x[1], 500).unwrap());
        held.count("difference of rates, 2 expected", two_proportion(a, b, ALPHA).map(|found| found.interval), 0.0);
        held.count("Newcombe, 2 expected", newcombe(a, b, ALPHA), 0.0);
    }
    println!("{weak} of {TESTS} weak baselines were flagged");
    held.check(&[
        ("Welch, 200 beside 3,000", 0.0, 93.5),
        ("relative, weak baseline", 0.0, 93.5),
        ("difference of rates, 2 expected", 0.0, 93.5),
        ("Newcombe, 2 expected", EXACT.0, EXACT.1),
    ]);
    assert!(weak > TESTS * 9 / 10);
}
