//! The Upworthy Research Archive (Matias et al. 2021), exploratory part: 4,873 tests of headlines, seen together. Three questions that a shop
//! asks of all its past tests: were the splits what they should be, how many had a difference at all, and how many winners were luck.

use std::collections::BTreeMap;

use decide::analysis::{Decision, MetricCounted, Paired, Refusal};
use stats::{ArmCount, Correction, Proportion, Summary, adjusted, chi_square, false_discovery, srm};

use crate::published::{experiment, read_out, rows};

struct Headline {
    seen: u64,
    clicks: u64,
}

/// The week and the arms of each test.
fn tests() -> Option<BTreeMap<String, (u32, Vec<Headline>)>> {
    let mut tests: BTreeMap<String, (u32, Vec<Headline>)> = BTreeMap::new();
    for row in rows("upworthy-headline-tests/packages.csv.gz")? {
        let number = |at: usize| row[at].parse::<u64>().expect("a count");
        let test = tests.entry(row[1].to_string()).or_insert((number(0) as u32, Vec::new()));
        test.1.push(Headline { seen: number(2), clicks: number(3) });
    }
    Some(tests)
}

/// Whether clicks differ between the arms at all: chi-square with one degree of freedom less than arms.
fn p_of(arms: &[Headline]) -> f64 {
    let total = |of: fn(&Headline) -> u64| arms.iter().map(of).sum::<u64>() as f64;
    let rate = total(|arm| arm.clicks) / total(|arm| arm.seen);
    if rate == 0.0 {
        return 1.0;
    }
    let off = |arm: &Headline| (arm.clicks as f64 - arm.seen as f64 * rate).powi(2) / (arm.seen as f64 * rate * (1.0 - rate));
    chi_square::sf(arms.iter().map(off).sum(), arms.len() as u32 - 1).unwrap()
}

#[test]
fn thousands_of_tests_together() {
    let Some(tests) = tests() else { return };
    let arms = || tests.values().flat_map(|(_, arms)| arms);
    let counts =
        (tests.len(), arms().count(), arms().map(|arm| arm.seen).sum::<u64>(), arms().map(|arm| arm.clicks).sum::<u64>());
    assert_eq!(counts, (4_873, 22_666, 81_024_151, 1_231_208), "as published");

    // Every test meant to show its headlines equally often. The archive's authors found in 2024 that a cache had kept those of 2013-06-25 to
    // 2014-01-10, 22 % of all, from being random (correction to Scientific Data 8, 195).
    let broken: Vec<u32> = tests
        .values()
        .filter(|(_, arms)| {
            let arms: Vec<ArmCount> = arms.iter().map(|arm| ArmCount { seen: arm.seen, weight: 1.0 }).collect();
            srm(&arms).unwrap().mismatch
        })
        .map(|(week, _)| *week)
        .collect();
    let early = broken.iter().filter(|week| (201_326..=201_402).contains(*week)).count();
    let in_those_weeks = tests.values().filter(|(week, _)| (201_326..=201_402).contains(week)).count();
    println!(
        "splits: {} of 4,873 are broken, {early} of them among the {in_those_weeks} tests of weeks 2013-26 to 2014-02",
        broken.len()
    );
    assert_eq!((broken.len(), in_those_weeks), (753, 1_055), "as computed independently; 1,055 are 22 %");
    assert!(early * 10 > broken.len() * 9, "{early}");

    let p_values: Vec<f64> = tests.values().map(|(_, arms)| p_of(arms)).collect();
    let seen = false_discovery(&p_values, 0.05).unwrap();
    println!(
        "of {} tests {} differ at 5 %; {:.1} % had nothing to find; {:.0} of those found are expected to be chance ({:.1} %)",
        seen.tests,
        seen.significant,
        100.0 * seen.null_share,
        seen.expected_false,
        100.0 * seen.rate.unwrap()
    );
    // As computed independently, in Python with exact chi-square tails.
    assert_eq!((seen.tests, seen.significant), (4_873, 2_203));
    assert!((seen.null_share - 0.358_300_841_4).abs() < 1e-9 && (seen.rate.unwrap() - 0.039_627_780_3).abs() < 1e-9, "{seen:?}");
    let kept = |correction| adjusted(&p_values, correction).unwrap().iter().filter(|p| **p < 0.05).count();
    assert_eq!((kept(Correction::BenjaminiHochberg), kept(Correction::Bonferroni)), (1_711, 487));
}

/// The same through the read-out of one test after the other, as a page of past tests would have them.
#[test]
fn each_test_read_out() {
    let Some(tests) = tests() else { return };
    let mut said: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, arms) in tests.values() {
        let ids: Vec<String> = (0..arms.len()).map(|at| format!("h{at}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let exposed: Vec<u64> = arms.iter().map(|arm| arm.seen).collect();
        let plan = format!("[plan]\nunits = {}\nrule = \"fixed\"", exposed.iter().sum::<u64>());
        let arms = arms.iter().map(|arm| {
            let y = Proportion::new(arm.clicks, arm.seen)?.summary();
            Ok(Paired { y, x: Summary::new(arm.seen, 0.0, 0.0)?, covariance: 0.0 })
        });
        let clicks = MetricCounted {
            metric: "clicks".into(),
            is_rate: true,
            immature: vec![0; exposed.len()],
            arms: arms.collect(),
            slices: Vec::new(),
        };
        let analysis = read_out(&experiment(&ids, "clicks", &plan), exposed, vec![clicks]).unwrap();
        let word = match analysis.decision {
            Decision::Ship { .. } => "ship",
            Decision::Stop { .. } => "stop",
            Decision::KeepRunning { .. } => "keep running",
            Decision::CannotSay { why: Refusal::SplitBroken { .. } } => "split broken",
            Decision::CannotSay { .. } => "cannot say",
        };
        *said.entry(word).or_default() += 1;
    }
    println!("{said:?}");
    assert_eq!((said.values().sum::<u32>(), said["split broken"]), (4_873, 753));
    assert!(!said.contains_key("keep running"), "the planned units are there: {said:?}");
}
