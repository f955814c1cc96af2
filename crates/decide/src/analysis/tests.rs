//! Decisions as a marketer meets them: what was counted, and what is said.

use chrono::NaiveDate;
use model::Experiment;
use stats::{Paired, Summary};

use super::*;

/// A test of two arms by its lines after the title.
fn experiment(lines: &str) -> Experiment {
    let text = format!(
        "experiment = \"button\"\ntitle = {{ ja = \"ボタン\", en = \"Button\" }}\nstatus = \"running\"\nstart = 2026-11-01T00:00:00+09:00\n\
         goal = {{ metric = \"conversion\" }}\n[[arm]]\nid = \"a\"\nweight = 0.5\n[[arm]]\nid = \"b\"\nweight = 0.5\n{lines}"
    );
    Experiment::parse("button.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn arm(n: u64, mean: f64, sd: f64) -> Result<Paired, NotComputable> {
    let none = Summary::new(n, 0.0, 0.0)?;
    Ok(Paired { y: Summary::new(n, mean, sd * sd)?, x: none, covariance: 0.0 })
}

fn rate(n: u64, rate: f64) -> Result<Paired, NotComputable> {
    arm(n, rate, (rate * (1.0 - rate)).sqrt())
}

fn metric(name: &str, is_rate: bool, arms: Vec<Result<Paired, NotComputable>>) -> MetricCounted {
    MetricCounted { metric: name.into(), is_rate, immature: vec![0; arms.len()], arms, slices: Vec::new() }
}

fn counted(exposed: [u64; 2], metrics: Vec<MetricCounted>) -> Counted {
    Counted {
        exposed: exposed.to_vec(),
        exposed_by_day: vec![exposed.to_vec()],
        contaminated: 0,
        per_day: Some(1_000.0),
        today: NaiveDate::from_ymd_opt(2026, 12, 1).expect("a date"),
        metrics,
    }
}

fn decision(lines: &str, n: u64, rates: [f64; 2], more: Vec<MetricCounted>) -> String {
    let experiment = experiment(lines);
    let mut metrics = vec![metric("conversion", true, vec![rate(n, rates[0]), rate(n, rates[1])])];
    metrics.extend(more);
    match analyse(&experiment, &counted([n, n], metrics)).unwrap().decision {
        Decision::Ship { arm } => format!("ship {arm}"),
        Decision::Stop { why: StopWhy::Harm { arm, metric } } => format!("stop: {arm} harms {metric}"),
        Decision::Stop { why: StopWhy::Worse { .. } } => "stop: worse".into(),
        Decision::Stop { why: StopWhy::TooSmall } => "stop: too small".into(),
        Decision::Stop { why: StopWhy::Nothing } => "stop: nothing shown".into(),
        Decision::KeepRunning { days_left, open } => {
            let open: Vec<String> = open.into_iter().map(|guard| guard.metric).collect();
            format!("run {} more days{}{}", days_left.unwrap_or(0), if open.is_empty() { "" } else { ", open: " }, open.join(","))
        }
        Decision::CannotSay { why: Refusal::SplitBroken { .. } } => "cannot say: split".into(),
        Decision::CannotSay { why: Refusal::NotEnoughUnits { units, .. } } => format!("cannot say: {units} units"),
        Decision::CannotSay { why: Refusal::NoGoal } => "cannot say: no goal".into(),
    }
}

#[test]
fn what_to_do_follows_from_the_declared_rule() {
    let check = |plan: &str, n: u64, rates: [f64; 2], expect: &str| {
        assert_eq!(decision(&format!("[plan]\n{plan}"), n, rates, vec![]), expect, "{plan} {n} {rates:?}");
    };
    let fixed = "units = 40000\nrule = \"fixed\"";
    // p = 0.024 by the fixed test: read before its time it decides nothing.
    check(fixed, 10_000, [0.050, 0.057], "run 20 more days");
    check(fixed, 20_000, [0.050, 0.057], "ship b");
    check(fixed, 20_000, [0.057, 0.050], "stop: worse");
    check(fixed, 20_000, [0.050, 0.051], "stop: nothing shown");
    let anytime = "units = 40000";
    check(anytime, 10_000, [0.050, 0.057], "run 20 more days");
    check(anytime, 10_000, [0.050, 0.063], "ship b");
    check(anytime, 20_000, [0.050, 0.0565], "stop: nothing shown"); // z = 2.9; at the planned size it takes 3.04.
    check(anytime, 400_000, [0.0500, 0.0501], "stop: too small");
    let sequential = "units = 40000\nrule = \"group_sequential\"\nlooks = 4";
    check(sequential, 4_000, [0.050, 0.080], "run 32 more days"); // Before the first look nothing is read.
    check(sequential, 5_000, [0.050, 0.072], "ship b"); // z = 4.6, the first bound is 4.3.
    check(sequential, 5_000, [0.050, 0.066], "run 30 more days"); // z = 3.4.
    check(sequential, 20_000, [0.050, 0.0545], "ship b"); // z = 2.02, the last bound is 2.01.
    check(sequential, 20_000, [0.050, 0.0544], "stop: nothing shown");
    check(anytime, 20, [0.5, 0.5], "cannot say: 20 units");
    check(anytime, 1_000, [0.001, 0.002], "cannot say: no goal"); // 1.5 conversions expected.
}

/// The plan is of all arms: two of three are complete with two thirds of it.
#[test]
fn three_arms_share_the_planned_units() {
    let said = |rule: &str, rates: [f64; 3]| {
        let mut experiment = experiment(&format!("[plan]\nunits = 60000\nrule = \"{rule}\""));
        let third = model::experiment::ExperimentArm { id: "c".into(), ..experiment.arms[1].clone() };
        experiment.arms.push(third);
        experiment.arms.iter_mut().for_each(|arm| arm.weight = 1.0 / 3.0);
        let exposed = vec![20_000; 3];
        let metrics = vec![metric("conversion", true, rates.map(|of| rate(20_000, of)).to_vec())];
        let counted = Counted { exposed_by_day: vec![exposed.clone()], exposed, ..counted([0, 0], metrics) };
        analyse(&experiment, &counted).unwrap().decision
    };
    for rule in ["fixed", "anytime", "group_sequential"] {
        assert_eq!(said(rule, [0.05, 0.05, 0.06]), Decision::Ship { arm: "c".into() }, "{rule}");
        assert_eq!(said(rule, [0.05, 0.0515, 0.05]), Decision::Stop { why: StopWhy::Nothing }, "{rule}");
    }
}

#[test]
fn a_guardrail_must_be_safe_before_anything_ships() {
    let check = |lines: &str, revenue: [f64; 2], expect: &str| {
        let lines = format!("[[guardrail]]\nmetric = \"revenue\"\nmargin = 0.02\n{lines}\n[plan]\nunits = 40000");
        let guardrail = metric("revenue", false, vec![arm(20_000, revenue[0], 100.0), arm(20_000, revenue[1], 100.0)]);
        assert_eq!(decision(&lines, 20_000, [0.05, 0.06], vec![guardrail]), expect, "{lines} {revenue:?}");
    };
    check("", [1_000.0, 1_000.0], "ship b");
    check("", [100.0, 100.0], "ship b"); // 2 within 1.6.
    check("", [50.0, 50.0], "run 0 more days, open: revenue"); // 1 is less than the interval.
    check("", [1_000.0, 970.0], "stop: b harms revenue");
    check("", [1_000.0, 990.0], "ship b"); // Worse, and within the margin.
    // At once, before the planned units are there.
    let early = |stop: &str| {
        let lines = format!("[[guardrail]]\nmetric = \"revenue\"\nmargin = 0.02\n{stop}\n[plan]\nunits = 40000");
        let guardrail = metric("revenue", false, vec![arm(5_000, 1_000.0, 100.0), arm(5_000, 980.0, 100.0)]);
        decision(&lines, 5_000, [0.05, 0.05], vec![guardrail])
    };
    assert_eq!(early("stop_at_harm = true"), "stop: b harms revenue");
    assert_eq!(early(""), "run 30 more days");
}

#[test]
fn a_broken_split_refuses_everything() {
    let experiment = experiment("");
    let metrics = vec![metric("conversion", true, vec![rate(51_000, 0.05), rate(49_000, 0.09)])];
    let analysis = analyse(&experiment, &counted([51_000, 49_000], metrics.clone())).unwrap();
    assert!(matches!(analysis.decision, Decision::CannotSay { why: Refusal::SplitBroken { p, .. } } if p < 1e-9), "{analysis:?}");
    let even = analyse(&experiment, &counted([50_050, 49_950], metrics)).unwrap();
    assert!(!even.health.is_split_broken());
}

#[test]
fn the_planted_split_is_found_and_an_even_one_is_not() {
    // 50.5 to 49.5 of a million, and half and half, at every one of 50 daily looks.
    let run = |share: f64| {
        let by_day: Vec<Vec<u64>> = (1..=50u64)
            .map(|day| {
                let all = 20_000 * day;
                let a = (share * all as f64).round() as u64;
                vec![a, all - a]
            })
            .collect();
        let last = by_day.last().cloned().unwrap_or_default();
        let counted = Counted { exposed: last, exposed_by_day: by_day, ..counted([0, 0], vec![]) };
        health(&experiment(""), &counted).is_split_broken()
    };
    assert!(run(0.505));
    assert!(!run(0.5));
}

#[test]
fn several_metrics_share_the_level_and_guardrails_do_not() {
    let lines = "[[secondary]]\nmetric = \"revenue\"\n[[secondary]]\nmetric = \"items\"\n[[guardrail]]\nmetric = \"returns\"\nmargin = 0.1\n[plan]\nunits = 1000\nrule = \"fixed\"";
    let with = |correction: &str| {
        let experiment = experiment(&format!("{lines}\ncorrection = \"{correction}\""));
        // z = 2.2 in the goal, 2.2 and 0 in the others.
        let two = |gain: f64| vec![arm(2_000, 100.0, 10.0), arm(2_000, 100.0 + gain, 10.0)];
        let metrics = vec![
            metric("conversion", false, two(0.7)),
            metric("revenue", false, two(0.7)),
            metric("items", false, two(0.0)),
            metric("returns", false, two(0.0)),
        ];
        let rows = analyse(&experiment, &counted([2_000, 2_000], metrics)).unwrap().rows;
        rows.iter().map(|row| (row.significant, row.p_adjusted.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(with("none"), [(true, true), (true, true), (false, true), (false, false)]);
    assert_eq!(with("holm"), [(false, true), (false, true), (false, true), (false, false)]);
    assert_eq!(with("benjamini_hochberg"), [(true, true), (true, true), (false, true), (false, false)]);
    // 0.8 of the level for the goal, a tenth for each of the others.
    assert_eq!(with("preferential"), [(true, true), (false, true), (false, true), (false, false)]);
}

#[test]
fn the_past_is_taken_off_and_a_difference_in_it_is_told() {
    let paired = |n: u64, y: f64, x: f64| {
        let summary = |mean: f64| Summary::new(n, mean, 100.0);
        Ok(Paired { y: summary(y)?, x: summary(x)?, covariance: 80.0 })
    };
    let run = |x: f64| {
        let metrics = vec![metric("conversion", false, vec![paired(5_000, 100.0, 50.0), paired(5_000, 100.5, x)])];
        analyse(&experiment("[plan]\nunits = 1000\nrule = \"fixed\""), &counted([5_000, 5_000], metrics)).unwrap()
    };
    let even = run(50.0);
    let compared = even.rows[0].compared.as_ref().unwrap();
    assert!((compared.variance_reduction[0] - 0.64).abs() < 1e-9, "{compared:?}");
    assert!((compared.absolute.effect - 0.5).abs() < 1e-9 && even.rows[0].significant);
    assert!(even.health.differed_before.is_empty());
    let uneven = run(52.0);
    // So much of the difference before is no effect of the test: covariance over variance of both arms together.
    let theta = (80.0 + 0.25 * 2.0) / (100.0 + 0.25 * 4.0);
    let effect = uneven.rows[0].compared.as_ref().unwrap().absolute.effect;
    assert!((effect - (0.5 - 2.0 * theta)).abs() < 0.01, "{effect}");
    assert_eq!(uneven.health.differed_before.len(), 1);
}

/// Half of the visitors take part, so twice as many would meet the winner.
#[test]
fn the_value_at_stake_counts_everybody_who_would_meet_it() {
    let value = |coverage: f64, per_day: Option<f64>| {
        let mut experiment = experiment("[plan]\nunits = 20000\nrule = \"fixed\"");
        experiment.coverage = coverage;
        let metrics = vec![metric("conversion", false, vec![arm(10_000, 1_000.0, 2_000.0), arm(10_000, 1_100.0, 2_000.0)])];
        let counted = Counted { per_day, ..counted([10_000, 10_000], metrics) };
        analyse(&experiment, &counted).unwrap().rows[0].stake.as_ref().map(|stake| stake.value)
    };
    assert_eq!(value(1.0, Some(1_000.0)), Some(3_000_000.0));
    assert_eq!(value(0.5, Some(1_000.0)), Some(6_000_000.0));
    assert_eq!(value(1.0, None), None);
    assert_eq!(value(1.0, Some(0.0)), None);
}

#[test]
fn slices_are_believed_when_they_differ_as_a_whole() {
    let mut experiment = experiment("[plan]\nunits = 1000");
    experiment.dimensions = vec!["device".into(), "rank".into()];
    let slice = |dimension: &str, value: &str, gain: f64| Slice {
        dimension: dimension.into(),
        value: value.into(),
        arms: vec![arm(5_000, 100.0, 10.0), arm(5_000, 100.0 + gain, 10.0)],
    };
    let mut goal = metric("conversion", false, vec![arm(10_000, 100.0, 10.0), arm(10_000, 101.0, 10.0)]);
    goal.slices = vec![
        slice("device", "phone", 2.0),
        slice("device", "desktop", 0.0),
        slice("rank", "gold", 1.1),
        slice("rank", "none", 0.9),
    ];
    let slices = analyse(&experiment, &counted([10_000, 10_000], vec![goal])).unwrap().slices;
    let of = |dimension: &str| slices.iter().find(|sliced| sliced.dimension == dimension).expect("the dimension");
    assert!(of("device").p_adjusted.unwrap() < 1e-6 && of("rank").p_adjusted.unwrap() > 0.3);
    let shrunk = &of("rank").heterogeneity.as_ref().unwrap().shrunk;
    assert!((shrunk[0].effect - shrunk[1].effect).abs() < 1e-9, "noise between ranks is shrunk away");
}

/// Where a table of 2,000 tests without an effect is looked at on each of 50 days, an anytime rule says "ship" or "worse" in at most 5 % of
/// them, and the fixed interval would have far more often.
#[test]
fn peeking_does_no_harm_to_the_anytime_rule() {
    let experiment = experiment("[plan]\nunits = 20000\nalpha = 0.05");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut normal = || (-2.0 * uniform().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    let (mut false_alarms, mut fixed_alarms) = (0, 0);
    for _ in 0..2_000 {
        let mut sums = [0.0; 2];
        let (mut alarm, mut fixed) = (false, false);
        for day in 1..=50u64 {
            let n = 200 * day;
            for sum in &mut sums {
                *sum += normal() * 200f64.sqrt() * 10.0;
            }
            let arms = sums.map(|sum| arm(n, 100.0 + sum / n as f64, 10.0).unwrap());
            let progress = Progress { units: 2 * n, planned_of_both: experiment.plan.units };
            let found = compare(&arms[0], &arms[1], false, false, Alpha::FIVE_PERCENT, &experiment.plan, progress).unwrap();
            alarm |= found.decisive.p.unwrap() < 0.05;
            fixed |= found.absolute.p_two_sided < 0.05;
        }
        false_alarms += u32::from(alarm);
        fixed_alarms += u32::from(fixed);
    }
    println!("2,000 A/A tests, 50 looks each: {false_alarms} false alarms by the sequence, {fixed_alarms} by the fixed interval");
    assert!(false_alarms <= 100, "{false_alarms} of 2,000 is more than 5 %");
    assert!(fixed_alarms > 400, "{fixed_alarms}: these looks are no trap");
}
