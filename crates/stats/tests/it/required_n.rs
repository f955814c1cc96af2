//! Sample sizes against the reference numbers.

use stats::{
    Alpha, Baseline, NotComputable, Plan, RequiredN, cohen_h, power_reached, required_n_means, required_n_means_t,
    required_n_proportions, required_n_proportions_arcsine, required_n_proportions_pooled, smallest_effect,
};

use crate::reference::check_family;

#[test]
fn required_n_meets_the_reference() {
    check_family("power_sample_size", &[], |case, check| {
        let alpha = Alpha::new(case.float("alpha_two_sided")).unwrap();
        let plan = || Plan::new(alpha, case.float("power"), case.float("ratio_b_to_a")).unwrap();
        let unrounded = |got: Result<RequiredN, NotComputable>| got.map(|got| got.a_unrounded);
        match case.text("kind") {
            "proportions" => {
                let (p_a, p_b) = (case.float("p_a"), case.float("p_b"));
                check.number("/n_a_unpooled", &unrounded(required_n_proportions(p_a, p_b, &plan())));
                check.number("/n_a_arcsine", &unrounded(required_n_proportions_arcsine(p_a, p_b, &plan())));
                check.number("/cohen_h", &cohen_h(p_a, p_b));
                check.number("/n_a_pooled_null", &unrounded(required_n_proportions_pooled(p_a, p_b, &plan())));
            }
            "means" => {
                check.number("/n_a_normal", &unrounded(required_n_means(case.float("cohen_d"), 1.0, &plan())));
                check.number("/n_a_t", &unrounded(required_n_means_t(case.float("cohen_d"), 1.0, &plan())));
            }
            "mde" => {
                let (mean, variance) = (case.float("mean"), case.float("variance"));
                let baseline = Baseline { mean, variance, n_a: case.count("n_a"), n_b: case.count("n_b") };
                let got = smallest_effect(&baseline, case.float("power"), alpha);
                check.number("/mde_absolute", &got.as_ref().map(|got| got.absolute));
                check.number("/mde_relative_simple", &got.clone().and_then(|got| got.relative_simple));
                check.number("/mde_relative_delta", &got.and_then(|got| got.relative));
            }
            "achieved" => check.number("/power", &power_reached(case.float("effect"), case.float("se"), alpha)),
            unknown => panic!("{unknown} is not a kind we know"),
        }
    });
}

#[test]
fn arms_are_rounded_up() {
    let check = |ratio, expect| {
        let plan = Plan::new(Alpha::FIVE_PERCENT, 0.8, ratio).unwrap();
        let got = required_n_proportions(0.05, 0.055, &plan).unwrap();
        assert_eq!((got.a, got.b), expect, "{got:?}");
    };
    check(1.0, (31_231, 31_231));
    check(0.5, (47_549, 23_775));
}

#[test]
fn what_cannot_be_planned_says_why() {
    let plan = Plan::new(Alpha::FIVE_PERCENT, 0.8, 1.0).unwrap();
    let check = |got: Result<RequiredN, NotComputable>, expect: &str| assert_eq!(got.unwrap_err().to_string(), expect);
    check(required_n_proportions(0.1, 0.1, &plan), "the two values to tell apart are the same, so no number of people is enough");
    check(required_n_proportions(5.0, 0.1, &plan), "the rate 5 is not within 0 and 1");
    check(
        required_n_proportions(0.0, 1.0, &plan),
        "everybody has the same value, so there is no scatter to measure a difference against",
    );
    check(required_n_proportions(0.1, 0.1 + 1e-12, &plan), "the number of people does not fit");
    check(required_n_means(0.0, 1.0, &plan), "the two values to tell apart are the same, so no number of people is enough");
    check(required_n_means(1.0, f64::NAN, &plan), "the standard deviation NaN is not positive and finite");
    assert_eq!(Plan::new(Alpha::FIVE_PERCENT, 1.0, 1.0).unwrap_err().to_string(), "the power 1 is not between 0 and 1");
    assert_eq!(
        Plan::new(Alpha::FIVE_PERCENT, 0.8, 0.0).unwrap_err().to_string(),
        "the ratio of the arms 0 is not positive and finite"
    );
}
