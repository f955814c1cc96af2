//! A subscription service's campaign (DataCamp, "Analyzing Marketing Campaigns with pandas"): e-mail with and without personalisation.

use std::collections::BTreeMap;

use decide::analysis::{Decision, PairedMoments, Refusal};
use stats::{Alpha, student_t, welch};

use crate::published::{experiment, metric, near, read_out, row, rows, units};

#[test]
fn personalised_mail() {
    let Some(rows) = rows("channel-campaign/datasets_marketing.csv.gz") else { return };
    let mut channels: BTreeMap<&str, u32> = BTreeMap::new();
    // The course takes a row per user and variant, converted if any of its rows is.
    let mut mailed: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for row in &rows {
        *channels.entry(&row[2]).or_default() += 1;
        if &row[2] == "Email" {
            *mailed.entry((&row[0], &row[3])).or_default() |= &row[4] == "TRUE";
        }
    }
    assert_eq!(rows.len(), 10_037);
    let published = [("", 15), ("Email", 565), ("Facebook", 1_860), ("House Ads", 4_733), ("Instagram", 1_871), ("Push", 993)];
    assert_eq!(channels.into_iter().collect::<Vec<_>>(), published);

    let arms = ["control", "personalization"];
    let mut sums = [PairedMoments::new(); 2];
    let mut exposed = vec![0; 2];
    for ((_, variant), converted) in mailed {
        let arm = arms.iter().position(|arm| *arm == variant).expect("an arm");
        sums[arm].push(units(if converted { "1" } else { "0" }), 0).expect("sums");
        exposed[arm] += 1;
    }
    assert_eq!(exposed, [270, 284]);
    let test = experiment(&arms, "conversion", "[plan]\nunits = 500\nrule = \"fixed\"");
    let analysis = read_out(&test, exposed, vec![metric("conversion", true, &sums)]).unwrap();
    let found = row(&analysis, "conversion", "personalization").compared.as_ref().unwrap();
    near("control", found.mean[0], 0.2815, 4);
    near("personalisation", found.mean[1], 0.3908, 4);
    near("lift", 100.0 * found.relative.as_ref().unwrap().effect, 38.85, 2);

    // The course takes Student's test, with one variance for both arms, of the control less the other.
    let [a, b] = [0, 1].map(|arm| sums[arm].paired().unwrap().y);
    let (n_a, n_b) = (a.n() as f64, b.n() as f64);
    let df = n_a + n_b - 2.0;
    let pooled = ((n_a - 1.0) * a.variance() + (n_b - 1.0) * b.variance()) / df;
    let t = (a.mean() - b.mean()) / (pooled * (1.0 / n_a + 1.0 / n_b)).sqrt();
    near("t", t, -2.734330, 6);
    near("p", 2.0 * student_t::sf(t.abs(), df).unwrap(), 0.00645149, 8);
    // Ours lets the variances differ, which changes the third digit.
    let ours = welch(&a, &b, Alpha::FIVE_PERCENT).unwrap();
    near("Welch's t", ours.t, 2.739963, 6);
    assert!((ours.p_two_sided - found.absolute.p_two_sided).abs() < 1e-15 && (0.006..0.0065).contains(&ours.p_two_sided));
    println!("{:?}; lift {:.4}, p {:.5}", analysis.decision, found.relative.as_ref().unwrap().effect, ours.p_two_sided);
    assert!(!matches!(analysis.decision, Decision::CannotSay { why: Refusal::SplitBroken { .. } }));
    assert_eq!(analysis.decision, Decision::Ship { arm: "personalization".into() });
}
