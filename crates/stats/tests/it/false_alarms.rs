//! Tests without an effect and splits without a fault: how often something is said of them all the same.

use stats::{
    Alpha, ArmCount, SRM_CONCENTRATION, SRM_P_MIN, Tuning, confidence_sequence, srm, srm_log_bayes_factor, srm_running_p, welch,
};

use crate::chance::{Chance, Revenue, Sums};

/// Skewed revenue, 2,000 times the same in both arms, looked at on each of 50 days.
#[test]
fn peeking_at_2000_tests_of_nothing() {
    let mut chance = Chance(20_261_108);
    let (mut anytime, mut peeked, mut once) = (0, 0, 0);
    for _ in 0..2_000 {
        let mut arms = [Sums::default(); 2];
        let (mut any, mut peek, mut last) = (false, false, false);
        for day in 1..=50u64 {
            for arm in &mut arms {
                (0..100).for_each(|_| arm.push(Revenue::SHOP.draw(&mut chance), 0.0));
            }
            let found = welch(&arms[0].summary(), &arms[1].summary(), Alpha::FIVE_PERCENT).unwrap();
            let tuning = Tuning::PlannedUnits(10_000);
            let look = confidence_sequence(found.effect, found.se, 200 * day, tuning, Alpha::FIVE_PERCENT).unwrap();
            assert_eq!(look.p_value < 0.05, !(look.interval.low..=look.interval.high).contains(&0.0), "p and interval agree");
            any |= look.p_value < 0.05;
            last = found.p_two_sided < 0.05;
            peek |= last;
        }
        (anytime, peeked, once) = (anytime + u32::from(any), peeked + u32::from(peek), once + u32::from(last));
    }
    println!(
        "false alarms of 2,000: {anytime} by the sequence at 50 looks, {peeked} by the fixed test at 50 looks, {once} at the last alone"
    );
    assert!(anytime <= 100, "{anytime} is more than 5 %");
    assert!(peeked > 400, "{peeked}: these looks are no trap");
    assert!((70..=130).contains(&once), "{once} is not 5 %");
}

/// A million units, 20,000 a day.
#[test]
fn a_planted_split_is_found_and_an_even_one_is_not() {
    let mut chance = Chance(20_261_109);
    let run = |chance: &mut Chance, share: f64| {
        let (mut a, mut factors, mut first) = (0, Vec::new(), None);
        for day in 1..=50u64 {
            a += chance.binomial(20_000, share);
            let arms = [a, 20_000 * day - a].map(|seen| ArmCount { seen, weight: 0.5 });
            factors.push(srm_log_bayes_factor(&arms, SRM_CONCENTRATION).unwrap());
            if first.is_none() && srm_running_p(&factors) < SRM_P_MIN {
                first = Some(day);
            }
        }
        let arms = [a, 1_000_000 - a].map(|seen| ArmCount { seen, weight: 0.5 });
        (srm(&arms).unwrap(), first)
    };
    for _ in 0..20 {
        let (split, day) = run(&mut chance, 0.505);
        assert!(split.mismatch && day.is_some(), "{split:?}");
        let (split, day) = run(&mut chance, 0.5);
        assert!(!split.mismatch && day.is_none(), "{split:?}");
    }
    let (split, day) = run(&mut chance, 0.505);
    println!(
        "50.5 to 49.5 of a million: chi-square {:.1}, p {:.1e}; the running test said so on day {day:?} of 50",
        split.chi_square, split.p_value
    );
}
