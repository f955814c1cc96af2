//! What a read-out is made of, against the reference numbers: one test per family.

use serde_json::Value;
use stats::{
    Alpha, AlphaSpending, ArmCount, Correction, NotComputable, Paired, Prior, Proportion, Summary, Tuning, Welch, adjusted,
    bandit, bayes_beta_binomial, bayes_gaussian, cap_at, capped, confidence_sequence, cuped, fisher, group_sequential,
    quantile_metric, ratio, rho_squared, srm_log_bayes_factor, srm_running_p, welch, welch_lift,
};

use crate::reference::{Case, Check, check_family};

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn alpha(case: &Case) -> Alpha {
    Alpha::new(case.float("alpha")).expect("a level")
}

/// An arm of a case: a proportion, or sums.
fn arm(value: &Value) -> Result<Summary, NotComputable> {
    let n = value["n"].as_u64().expect("a count");
    let sum = value["sum"].as_f64().expect("a sum");
    match value["type"].as_str() {
        Some("proportion") => Ok(Proportion::new(sum as u64, n)?.summary()),
        _ => Summary::from_sums(n, sum, value["sum_squares"].as_f64().expect("a sum of squares")),
    }
}

fn effect(check: &mut Check, path: &str, got: &Result<Welch, NotComputable>) {
    let got = got.as_ref();
    check.number(&format!("{path}/effect"), &got.map(|got| got.effect));
    check.number(&format!("{path}/se"), &got.map(|got| got.se));
    check.number(&format!("{path}/dof"), &got.map(|got| got.df));
    check.number(&format!("{path}/p_value"), &got.map(|got| got.p_two_sided));
    check.interval(&format!("{path}/ci"), &got.map(|got| got.interval).map_err(NotComputable::clone));
}

/// Both effects of two arms.
fn effects(check: &mut Check, paths: [&str; 2], arms: &Result<(Summary, Summary), NotComputable>, level: Alpha) {
    let both = arms.clone();
    effect(check, paths[0], &both.clone().and_then(|(a, b)| welch(&a, &b, level)));
    effect(check, paths[1], &both.and_then(|(a, b)| welch_lift(&a, &b, level)).map(|lift| lift.welch));
}

#[test]
fn confidence_sequences_meet_the_reference() {
    check_family("sequential_asympcs", &[], |case, check| {
        let (a, b) = (arm(&case.inputs["a"]).unwrap(), arm(&case.inputs["b"]).unwrap());
        let of = match case.text("difference_type") {
            "relative" => welch_lift(&a, &b, alpha(case)).unwrap().welch,
            _ => welch(&a, &b, alpha(case)).unwrap(),
        };
        let planned = case.count("tuning_n");
        let look = confidence_sequence(of.effect, of.se, a.n() + b.n(), Tuning::PlannedUnits(planned), alpha(case));
        check.number::<NotComputable>("/effect", &Ok(of.effect));
        check.number::<NotComputable>("/se", &Ok(of.se));
        check.number("/rho", &rho_squared(planned, alpha(case)).map(f64::sqrt));
        check.number("/k", &look.as_ref().map(|look| look.k));
        check.number("/p_value", &look.as_ref().map(|look| look.p_value));
        check.interval("/ci", &look.clone().map(|look| look.interval));
        // The mixture test is the same formula: τ² = k·se² gives the same look.
        let k = look.as_ref().unwrap().k;
        let mixture = confidence_sequence(of.effect, of.se, 0, Tuning::EffectVariance(k * of.se * of.se), alpha(case)).unwrap();
        assert!((mixture.p_value - look.unwrap().p_value).abs() < 1e-12);
    });
}

#[test]
fn group_sequential_bounds_meet_the_reference() {
    check_family("group_sequential", &[], |case, check| {
        let spending = match case.text("spending") {
            "obrien_fleming_type" => AlphaSpending::OBrienFleming,
            "pocock_type" => AlphaSpending::Pocock,
            power => AlphaSpending::Power(power.strip_prefix("power_phi_").expect("a power").parse().expect("a number")),
        };
        let level = Alpha::new(case.float("alpha_two_sided")).unwrap();
        let fractions = numbers(&case.inputs["information_fractions"]);
        for (at, bound) in group_sequential(&fractions, level, spending).unwrap().iter().enumerate() {
            check.number::<()>(&format!("/cumulative_alpha_per_side/{at}"), &Ok(bound.alpha_spent));
            check.number::<()>(&format!("/z_bounds/{at}"), &Ok(bound.z));
            check.number::<()>(&format!("/nominal_p_two_sided/{at}"), &Ok(bound.nominal_p));
        }
    });
}

#[test]
fn adjusted_p_values_meet_the_reference() {
    check_family("multiple_comparisons", &[], |case, check| {
        let p_values = numbers(&case.inputs["p_values"]);
        for (name, correction) in [
            ("bonferroni", Correction::Bonferroni),
            ("holm", Correction::Holm),
            ("benjamini_hochberg", Correction::BenjaminiHochberg),
            ("benjamini_yekutieli", Correction::BenjaminiYekutieli),
        ] {
            for (at, p) in adjusted(&p_values, correction).unwrap().into_iter().enumerate() {
                check.number::<()>(&format!("/{name}/adjusted/{at}"), &Ok(p));
                check.exactly(&format!("/{name}/reject_at_0_05/{at}"), p <= 0.05);
            }
        }
    });
}

#[test]
fn the_anytime_split_test_meets_the_reference() {
    check_family("srm_sequential", &[], |case, check| {
        let weights = numbers(&case.inputs["weights"]);
        let concentration = case.float("dirichlet_concentration");
        let mut factors = Vec::new();
        for (at, counts) in case.list("cumulative_counts").iter().enumerate() {
            let arms =
                numbers(counts).into_iter().zip(&weights).map(|(seen, weight)| ArmCount { seen: seen as u64, weight: *weight });
            factors.push(srm_log_bayes_factor(&arms.collect::<Vec<_>>(), concentration).unwrap());
            check.number::<()>(&format!("/looks/{at}/log_bayes_factor"), &Ok(factors[at]));
            check.number::<()>(&format!("/looks/{at}/p_running"), &Ok(srm_running_p(&factors)));
        }
    });
}

#[test]
fn cuped_meets_the_reference() {
    // The older package's approximation, and a term of expectation zero: for information.
    check_family("cuped", &["relative_gbstats_0_8_0", "se_full_gradient"], |case, check| {
        let pair = |arm: &Value| {
            let number = |name: &str| arm[name].as_f64().expect("a sum");
            Paired::from_sums(
                arm["n"].as_u64().expect("a count"),
                (number("post_sum"), number("post_sum_squares")),
                (number("pre_sum"), number("pre_sum_squares")),
                number("post_pre_sum_products"),
            )
        };
        let (a, b) = (pair(&case.inputs["a"]).unwrap(), pair(&case.inputs["b"]).unwrap());
        let got = cuped(&a, &b, alpha(case)).unwrap();
        check.number::<()>("/theta", &Ok(got.theta));
        check.number::<()>("/adj_mean_a", &Ok(got.a.mean()));
        check.number::<()>("/adj_mean_b", &Ok(got.b.mean()));
        check.number::<()>("/adj_var_a", &Ok(got.a.variance()));
        check.number::<()>("/adj_var_b", &Ok(got.b.variance()));
        check.number::<()>("/variance_reduction_a", &Ok(got.variance_reduction[0]));
        check.number::<()>("/variance_reduction_b", &Ok(got.variance_reduction[1]));
        effect(check, "/absolute", &got.absolute);
        effect(check, "/relative_current", &got.relative);
        effects(check, ["/unadjusted/absolute", "/unadjusted/relative"], &Ok((a.y, b.y)), alpha(case));
    });
}

#[test]
fn ratio_metrics_meet_the_reference() {
    check_family("ratio_delta", &[], |case, check| {
        let pair = |arm: &Value| {
            let number = |name: &str| arm[name].as_f64().expect("a sum");
            Paired::from_sums(
                arm["n"].as_u64().expect("a count"),
                (number("m_sum"), number("m_sum_squares")),
                (number("d_sum"), number("d_sum_squares")),
                number("md_sum_products"),
            )
        };
        let mut arms = Vec::new();
        for name in ["a", "b"] {
            let parts = pair(&case.inputs[name]).unwrap();
            let got = ratio(&parts).unwrap();
            check.number::<()>(&format!("/{name}/mean"), &Ok(got.mean()));
            check.number::<()>(&format!("/{name}/unit_variance"), &Ok(got.variance()));
            check.number::<()>(&format!("/{name}/covariance"), &Ok(parts.covariance));
            arms.push(got);
        }
        effects(check, ["/absolute", "/relative"], &Ok((arms[0], arms[1])), alpha(case));
    });
}

#[test]
fn quantile_metrics_meet_the_reference() {
    check_family("quantile_metric", &[], |case, check| {
        let mut arms = Vec::new();
        for name in ["a", "b"] {
            let got = quantile_metric(&numbers(&case.inputs[name]), case.float("nu")).unwrap();
            check.number::<()>(&format!("/{name}/quantile"), &Ok(got.summary.mean()));
            check.number::<()>(&format!("/{name}/lower"), &Ok(got.lower));
            check.number::<()>(&format!("/{name}/upper"), &Ok(got.upper));
            check.number::<()>(&format!("/{name}/unit_variance"), &Ok(got.summary.variance()));
            arms.push(got.summary);
        }
        effects(check, ["/absolute", "/relative"], &Ok((arms[0], arms[1])), alpha(case));
    });
}

#[test]
fn capping_meets_the_reference() {
    check_family("winsorize", &[], |case, check| {
        let (a, b) = (numbers(&case.inputs["a"]), numbers(&case.inputs["b"]));
        let pooled: Vec<f64> = a.iter().chain(&b).copied().collect();
        let cap = cap_at(&pooled, case.float("percentile"), case.inputs["ignore_zeros"].as_bool().unwrap()).unwrap();
        check.number::<()>("/cap", &Ok(cap));
        let mut arms = Vec::new();
        for (name, values) in [("a", &a), ("b", &b)] {
            let (values, above) = capped(values, cap);
            check.exactly(&format!("/n_capped_{name}"), above);
            let (n, sum) = (values.len() as u64, values.iter().sum::<f64>());
            let mean = sum / n as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
            check.number::<()>(&format!("/mean_{name}"), &Ok(mean));
            check.number::<()>(&format!("/var_{name}"), &Ok(variance));
            arms.push(Summary::new(n, mean, variance).unwrap());
        }
        let got = welch(&arms[0], &arms[1], Alpha::FIVE_PERCENT).unwrap();
        check.number::<()>("/welch_t", &Ok(got.t));
        check.number::<()>("/welch_p", &Ok(got.p_two_sided));
    });
}

#[test]
fn gaussian_posteriors_meet_the_reference() {
    check_family("bayes_gaussian", &[], |case, check| {
        let (a, b) = (arm(&case.inputs["a"]).unwrap(), arm(&case.inputs["b"]).unwrap());
        let (of, scale) = match case.text("difference_type") {
            "relative" => (welch_lift(&a, &b, alpha(case)).unwrap().welch, 1.0),
            _ => (welch(&a, &b, alpha(case)).unwrap(), a.mean().abs()),
        };
        let given = &case.inputs["prior"];
        let prior = match given["proper"].as_bool().unwrap() {
            true => Prior::Normal { mean: given["mean"].as_f64().unwrap(), variance: given["variance"].as_f64().unwrap() },
            false => Prior::Flat,
        };
        let lower_is_better = case.inputs["lower_is_better"].as_bool().unwrap();
        let got = bayes_gaussian(of.effect, of.se, prior, scale, lower_is_better, alpha(case));
        check.number("/posterior_mean", &got.as_ref().map(|got| got.mean));
        check.number("/posterior_sd", &got.as_ref().map(|got| got.sd));
        check.number("/chance_to_win", &got.as_ref().map(|got| got.chance_to_win));
        check.number("/risk_control", &got.as_ref().map(|got| got.loss_a));
        check.number("/risk_treatment", &got.as_ref().map(|got| got.loss_b));
        check.interval("/ci", &got.map(|got| got.interval));
    });
}

#[test]
fn beta_binomial_posteriors_meet_the_reference() {
    check_family("bayes_beta_binomial", &[], |case, check| {
        let arms: Vec<Proportion> = case
            .list("arms")
            .iter()
            .map(|arm| Proportion::new(arm["x"].as_u64().unwrap(), arm["n"].as_u64().unwrap()).unwrap())
            .collect();
        let prior = (case.float("prior_alpha"), case.float("prior_beta"));
        let (posteriors, expected_max) = bayes_beta_binomial(&arms, prior).unwrap();
        check.number::<()>("/expected_max", &Ok(expected_max));
        for (at, posterior) in posteriors.iter().enumerate() {
            check.number::<()>(&format!("/posterior/{at}/alpha"), &Ok(posterior.alpha));
            check.number::<()>(&format!("/posterior/{at}/beta"), &Ok(posterior.beta));
            check.number::<()>(&format!("/posterior/{at}/mean"), &Ok(posterior.mean()));
            for (end, p) in [(0, 0.025), (1, 0.975)] {
                check.number(&format!("/posterior/{at}/ci95/{end}"), &stats::beta::quantile(p, posterior.alpha, posterior.beta));
            }
            check.number::<()>(&format!("/prob_best/{at}"), &Ok(posterior.best));
            check.number::<()>(&format!("/expected_loss/{at}"), &Ok(posterior.loss));
        }
    });
}

#[test]
fn bandit_weights_meet_the_reference() {
    check_family("bandit_thompson", &[], |case, check| {
        let means = numbers(&case.inputs["posterior_means"]);
        let variances = numbers(&case.inputs["posterior_variances"]);
        let posteriors: Vec<(f64, f64)> = means.into_iter().zip(variances).collect();
        let got = bandit(&posteriors, case.float("min_weight")).unwrap();
        let turned: Vec<(f64, f64)> = posteriors.iter().map(|(mean, variance)| (-mean, *variance)).collect();
        let lower = bandit(&turned, case.float("min_weight")).unwrap();
        for (name, list) in [
            ("prob_best", &got.best),
            ("prob_second", &got.second),
            ("weights_thompson", &got.thompson),
            ("weights_top_two", &got.top_two),
            ("prob_best_lower_is_better", &lower.best),
        ] {
            for (at, value) in list.iter().enumerate() {
                check.number::<()>(&format!("/{name}/{at}"), &Ok(*value));
            }
        }
    });
}

#[test]
fn fishers_test_meets_the_reference() {
    check_family("fisher_exact", &[], |case, check| {
        let row = |at: usize| numbers(&case.list("table")[at]);
        let proportion = |row: Vec<f64>| Proportion::new(row[0] as u64, (row[0] + row[1]) as u64).unwrap();
        let got = fisher(proportion(row(0)), proportion(row(1))).unwrap();
        check.number::<()>("/p_two_sided", &Ok(got.p_two_sided));
        check.number::<()>("/p_less", &Ok(got.p_less));
        check.number::<()>("/p_greater", &Ok(got.p_greater));
        check.number("/odds_ratio", &got.odds_ratio);
    });
}

#[test]
fn a_look_every_day_is_still_a_test_of_its_level() {
    // 400 tests without an effect, looked at 50 times each: at most 5 % may ever say there is one, and the fixed interval says it far more often.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut normal = || {
        let mut sum = -6.0;
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += (state >> 11) as f64 / (1u64 << 53) as f64;
        }
        sum
    };
    let (mut sequence, mut fixed) = (0, 0);
    for _ in 0..400 {
        let (mut sum, mut n, mut said, mut fixed_said) = (0.0, 0u64, false, false);
        for _ in 0..50 {
            sum += normal() * 100f64.sqrt();
            n += 100;
            let (effect, se) = (sum / n as f64, 1.0 / (n as f64).sqrt());
            let look = confidence_sequence(effect, se, n, Tuning::PlannedUnits(5_000), Alpha::FIVE_PERCENT).unwrap();
            said |= look.p_value < 0.05;
            fixed_said |= (effect / se).abs() > 1.96;
        }
        sequence += u32::from(said);
        fixed += u32::from(fixed_said);
    }
    assert!(sequence <= 20, "{sequence} of 400 false alarms");
    assert!(fixed > 60, "the fixed test raised {fixed} of 400: the looks are not a peeking trap");
}
