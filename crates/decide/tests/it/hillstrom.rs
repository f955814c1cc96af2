//! MineThatData's e-mail test (Hillstrom 2008): 64,000 customers, an e-mail for men, one for women, or none.

use decide::analysis::{Decision, PairedMoments};

use crate::published::{experiment, metric, near, read_out, row, rows, units};

const ARMS: [&str; 3] = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"];

#[test]
fn three_arms_three_outcomes() {
    let Some(rows) = rows("hillstrom-email/hillstrom.csv.gz") else { return };
    // recency, history_segment, history, mens, womens, zip_code, newbie, channel, segment, visit, conversion, spend
    let (history, segment, outcomes) = (2, 8, ["visit", "conversion", "spend"]);
    let mut exposed = vec![0; 3];
    let mut sums = [[PairedMoments::new(); 3]; 3];
    for row in &rows {
        let arm = ARMS.iter().position(|arm| *arm == &row[segment]).expect("an arm");
        exposed[arm] += 1;
        for outcome in 0..3 {
            sums[outcome][arm].push(units(&row[9 + outcome]), units(&row[history])).expect("sums");
        }
    }
    assert_eq!((rows.len(), exposed.as_slice()), (64_000, &[21_306, 21_307, 21_387][..]));
    let metrics = || (0..3).map(|at| metric(outcomes[at], outcomes[at] != "spend", &sums[at])).collect();
    let plan = "[plan]\nunits = 64000\nrule = \"fixed\"";
    let lines = format!("[[secondary]]\nmetric = \"conversion\"\n[[secondary]]\nmetric = \"spend\"\n{plan}");
    let analysis = read_out(&experiment(&ARMS, "visit", &lines), exposed, metrics()).unwrap();
    assert!(!analysis.health.is_split_broken() && analysis.health.differed_before.is_empty(), "{:?}", analysis.health);

    // Published: per cent and USD per customer, and against none in points and USD.
    let check = |outcome: &str, arm: &str, means: [f64; 2], difference: f64, scale: f64| {
        let found = row(&analysis, outcome, arm);
        let compared = found.compared.as_ref().unwrap();
        near(&format!("{outcome} without"), scale * compared.mean[0], means[0], 2);
        near(&format!("{outcome} {arm}"), scale * compared.mean[1], means[1], 2);
        let plain = compared.mean[1] - compared.mean[0];
        near(&format!("{outcome} {arm} - none"), scale * plain, difference, 2);
        // Taking off what they spent in the year before moves little: the arms were alike.
        assert!((compared.absolute.effect - plain).abs() < compared.absolute.se / 4.0, "{compared:?}");
        assert!(compared.variance_reduction.iter().all(|share| (0.0..0.1).contains(share)), "{compared:?}");
        assert!(found.significant, "{outcome} {arm}: Holm's p is {:?}", found.p_adjusted);
        println!(
            "{outcome}, {arm}: {:.4} ± {:.4}, p {:.1e} after Holm",
            compared.absolute.effect,
            (compared.absolute.interval.high - compared.absolute.interval.low) / 2.0,
            found.p_adjusted.unwrap()
        );
    };
    check("visit", "Mens E-Mail", [10.62, 18.28], 7.66, 100.0);
    check("visit", "Womens E-Mail", [10.62, 15.14], 4.52, 100.0);
    check("conversion", "Mens E-Mail", [0.57, 1.25], 0.68, 100.0);
    check("conversion", "Womens E-Mail", [0.57, 0.88], 0.31, 100.0);
    check("spend", "Mens E-Mail", [0.65, 1.42], 0.77, 1.0);
    check("spend", "Womens E-Mail", [0.65, 1.08], 0.42, 1.0);

    // Published: the Welch p of spend, without the year before.
    let spend = |arm: usize| sums[2][arm].paired().unwrap().y;
    let p = |arm: usize| stats::welch(&spend(0), &spend(arm), stats::Alpha::FIVE_PERCENT).unwrap().p_two_sided;
    near("p of spend, men's", p(1) * 1e7, 1.2, 1);
    near("p of spend, women's", p(2) * 1e4, 11.0, 0);

    // Published over all: visit 0.14678, conversion 0.00903, spend 1.05091.
    for (at, published) in [0.14678, 0.00903, 1.05091].into_iter().enumerate() {
        let all: f64 = (0..3).map(|arm| sums[at][arm].paired().unwrap().y).map(|arm| arm.mean() * arm.n() as f64).sum();
        near(outcomes[at], all / 64_000.0, published, 5);
    }
    assert_eq!(analysis.decision, Decision::Ship { arm: "Mens E-Mail".into() });
}
