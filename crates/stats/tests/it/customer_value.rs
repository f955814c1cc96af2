//! Repeat buying, value per purchase, contracts and portfolios, against the reference numbers.

use proptest::prelude::*;
use serde_json::Value;
use stats::{
    BuyingModel, Contract, CpmKind, CpmThresholds, DayCount, GammaGamma, History, NotComputable, RepeatBuying, Spending, clv,
    continuation, cpm, frequency_value_correlation, log_rank,
};

use crate::{
    cdnow::{day, orders},
    reference::{Case, check_family, folder},
};

fn model(case: &Case) -> BuyingModel {
    if case.text("model") == "bg_nbd" { BuyingModel::Bg } else { BuyingModel::Mbg }
}

fn buying(model: BuyingModel, params: &Value) -> RepeatBuying {
    let number = |name: &str| params[name].as_f64().expect("a parameter");
    RepeatBuying { model, r: number("r"), alpha: number("alpha"), a: number("a"), b: number("b") }
}

/// Histories in weeks and repeat spending of the customers of a data set, purchases of one day as one.
fn histories(dataset: &str, end: &str) -> Vec<(History, Spending)> {
    let end = day(end);
    let mut all = Vec::new();
    for bought in orders(dataset).into_values() {
        let mut days: Vec<(i64, i128)> = Vec::new();
        for order in bought.into_iter().filter(|order| order.day <= end) {
            match days.last_mut() {
                Some((day, cents)) if *day == order.day => *cents += order.cents,
                _ => days.push((order.day, order.cents)),
            }
        }
        let Some(&(first, _)) = days.first() else { continue };
        let last = days.last().expect("a day").0;
        let x = days.len() as u32 - 1;
        let cents: i128 = days[1..].iter().map(|(_, cents)| cents).sum();
        let mean = if x == 0 { 0.0 } else { cents as f64 / 100.0 / f64::from(x) };
        all.push((History { x, t_x: (last - first) as f64 / 7.0, t: (end - first) as f64 / 7.0 }, Spending { x, mean }));
    }
    all
}

#[test]
fn fits_meet_the_reference() {
    // The parameters' tolerances differ from the family's: checked here by hand.
    let text = std::fs::read_to_string(folder().join("ltv_fit.json")).expect("the family");
    let family: Value = serde_json::from_str(&text).expect("JSON");
    let mut fitted = 0;
    for case in family["cases"].as_array().expect("cases") {
        let (inputs, expected) = (&case["inputs"], &case["expected"]);
        let all = histories(inputs["dataset"].as_str().unwrap(), inputs["observation_end"].as_str().unwrap());
        let rel = case["tolerance"]["params"]["rel"].as_f64().expect("a tolerance");
        let check = |name: &str, got: f64| {
            let want = expected["params_mle"][name].as_f64().expect("a parameter");
            assert!((got - want).abs() <= rel * want.abs(), "{} {name}: got {got}, want {want}", case["name"]);
        };
        let least = expected["log_likelihood"].as_f64().unwrap() - case["tolerance"]["log_likelihood"]["abs"].as_f64().unwrap();
        if inputs["model"] == "gamma_gamma" {
            let spending: Vec<Spending> = all.iter().map(|(_, spending)| *spending).collect();
            let fit = GammaGamma::fit(&spending).unwrap();
            check("p", fit.params.p);
            check("q", fit.params.q);
            check("v", fit.params.v);
            assert!(fit.log_likelihood >= least && fit.slope_max < 1e-4, "{fit:?}");
            assert_eq!(fit.customers, expected["customers_used"].as_u64().unwrap());
            let repeated: Vec<Spending> = spending.into_iter().filter(|one| one.x > 0 && one.mean > 0.0).collect();
            let want = expected["pearson_frequency_monetary"].as_f64().unwrap();
            assert!((frequency_value_correlation(&repeated).unwrap() - want).abs() < 1e-9);
        } else {
            let which = if inputs["model"] == "bg_nbd" { BuyingModel::Bg } else { BuyingModel::Mbg };
            let fit = RepeatBuying::fit(&all.iter().map(|(history, _)| *history).collect::<Vec<_>>(), which).unwrap();
            check("r", fit.params.r);
            check("alpha", fit.params.alpha);
            check("a", fit.params.a);
            check("b", fit.params.b);
            assert!(fit.log_likelihood >= least && fit.slope_max < 1e-4 && !fit.on_a_ridge, "{fit:?}");
        }
        fitted += 1;
    }
    assert!(fitted > 0, "nothing was fitted");
}

#[test]
fn predictions_meet_the_reference() {
    check_family("ltv_predict", &[], |case, check| {
        let params = &case.inputs["params"];
        if case.text("model") == "gamma_gamma" {
            let number = |name: &str| params[name].as_f64().expect("a parameter");
            let worth = GammaGamma { p: number("p"), q: number("q"), v: number("v") };
            let x = case.float("frequency") as u32;
            let value = worth.expected_value(Spending { x, mean: case.float("monetary_value") });
            check.number("/conditional_expected_average_value", &value);
            let buying = buying(BuyingModel::Bg, &case.inputs["bg_params"]);
            let history = History { x, t_x: case.float("recency"), t: case.float("T") };
            for (unit, month) in [("W", 4.345), ("D", 30.0)] {
                for (months, discount, name) in [(12, 0.01, "12m_d0.01"), (3, 0.0, "3m_d0.0")] {
                    let got = value.clone().and_then(|value| clv(&buying, history, value, month, months, discount));
                    check.number(&format!("/clv_{unit}_{name}"), &got);
                }
            }
            return;
        }
        let buying = buying(model(case), params);
        let horizons: Vec<f64> = case.list("horizons").iter().map(|one| one.as_f64().unwrap()).collect();
        if case.inputs.get("frequency").is_none() {
            for (at, ahead) in horizons.iter().enumerate() {
                check.number(&format!("/expected_purchases_new_customer/{at}"), &buying.expected_of_new(*ahead));
                for n in 0..=case.count("n_max") {
                    check.number(&format!("/p_n_purchases/{at}/{n}"), &buying.chance_of_new(n as u32, *ahead));
                }
            }
            return;
        }
        let history = History { x: case.count("frequency") as u32, t_x: case.float("recency"), t: case.float("T") };
        check.number::<()>("/p_alive", &Ok(buying.p_alive(history)));
        for (at, ahead) in horizons.iter().enumerate() {
            check.number(&format!("/expected_purchases/{at}"), &buying.expected(history, *ahead));
        }
    });
}

#[test]
fn nobody_bought_again_is_said() {
    let check = |histories: &[History], expect: &str| {
        assert_eq!(RepeatBuying::fit(histories, BuyingModel::Mbg).unwrap_err().to_string(), expect);
    };
    let once = History { x: 0, t_x: 0.0, t: 30.0 };
    check(&[once; 9], "it needs at least 10, and there are only 9");
    check(&[once; 10], "nothing happened by day 30, so the estimate has no interval");
    check(
        &[History { x: 1, t_x: 31.0, t: 30.0 }; 10],
        "the last purchase 31 is not 0 for who bought once, else after the first purchase and before the end",
    );
}

#[test]
fn log_rank_meets_the_reference() {
    check_family("logrank", &[], |case, check| {
        let group = |name: &str| -> Vec<DayCount> {
            let of = |part: &str| case.inputs[name][part].as_array().expect("a list").clone();
            let pairs = of("durations").into_iter().zip(of("events"));
            pairs
                .map(|(day, event)| {
                    let event = event.as_u64().unwrap_or_else(|| u64::from(event.as_bool().expect("an event")));
                    DayCount { day: day.as_u64().unwrap() as u32, events: event, censored: 1 - event }
                })
                .collect()
        };
        let got = log_rank(&group("a"), &group("b"));
        check.number("/z_squared", &got.as_ref().map(|got| got.chi_square));
        check.number("/p_two_sided", &got.as_ref().map(|got| got.p_value));
    });
}

#[test]
fn continuation_meets_the_reference() {
    check_family("subscription_continuation", &[], |case, check| {
        let contracts: Vec<Contract> = case
            .list("contracts")
            .iter()
            .map(|contract| Contract {
                shipments: contract["shipments"].as_u64().unwrap() as u32,
                is_cancelled: contract["status"] == "cancelled",
            })
            .collect();
        for (at, row) in continuation(&contracts).into_iter().enumerate() {
            check.exactly(&format!("/rates/{at}/from"), row.from);
            check.exactly(&format!("/rates/{at}/to"), row.from + 1);
            check.exactly(&format!("/rates/{at}/continued"), row.continued);
            check.exactly(&format!("/rates/{at}/cancelled"), row.cancelled);
            check.exactly(&format!("/rates/{at}/censored"), row.censored);
            check.number(&format!("/rates/{at}/continuation"), &row.rate.ok_or(NotComputable::Empty));
            check.number::<()>(&format!("/rates/{at}/naive"), &Ok(row.naive));
            check.number::<()>(&format!("/rates/{at}/survival_to_next"), &Ok(row.survival));
        }
    });
}

#[test]
fn portfolios_meet_the_reference() {
    check_family("cpm", &[], |case, check| {
        let of = |name: &str| case.inputs["thresholds"][name].as_i64().expect("a threshold");
        let thresholds = CpmThresholds {
            lapse_days: of("lapse_days"),
            infant_tenure_days: of("infant_tenure_days"),
            good_tenure_days: of("good_tenure_days"),
            good_amount: of("good_amount") as f64,
        };
        for (at, customer) in case.list("customers").iter().enumerate() {
            let number = |name: &str| customer[name].as_i64().expect("a number");
            let (kind, lapsed) = cpm(
                number("orders") as u64,
                number("tenure_days"),
                number("days_since_last"),
                number("amount") as f64,
                &thresholds,
            );
            let name = match kind {
                CpmKind::First => "first",
                CpmKind::Infant => "infant",
                CpmKind::Steady => "steady",
                CpmKind::Trend => "trend",
                CpmKind::Good => "good",
            };
            check.exactly(&format!("/segments/{at}"), format!("{name}_{}", if lapsed { "lapsed" } else { "active" }));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Wherever a fit may end, on a ridge or at an edge: what is foretold is a number, grows with the time ahead, and is no more than somebody who
    /// never drops out would buy.
    #[test]
    fn predictions_are_numbers_for_any_parameters(
        logs in prop::collection::vec(-25.0..25.0f64, 4),
        (x, t_x, after) in (0u32..300, 0.001..100.0f64, 0.0..400.0f64),
        is_bg in any::<bool>(),
    ) {
        let [r, alpha, a, b] = [0, 1, 2, 3].map(|at| logs[at].exp());
        let buying = RepeatBuying { model: if is_bg { BuyingModel::Bg } else { BuyingModel::Mbg }, r, alpha, a, b };
        let t_x = if x == 0 { 0.0 } else { t_x };
        let history = History { x, t_x, t: t_x + after };
        prop_assert!((0.0..=1.0).contains(&buying.p_alive(history)), "{buying:?} {history:?}");
        prop_assert!(!buying.log_likelihood(history).is_nan());
        let slack = 1.0 + 1e-9;
        let (mut before, mut before_of_new) = (0.0, 0.0);
        for ahead in [0.0, 0.1, 4.0, 52.0, 1_000.0] {
            let known = buying.expected(history, ahead).unwrap();
            let new = buying.expected_of_new(ahead).unwrap();
            let most = (r + f64::from(x)) * ahead / (alpha + history.t);
            prop_assert!(before <= known * slack + 1e-12 && known <= most * slack + 1e-12, "{buying:?} {history:?} {ahead}: {known} of {most}");
            let most = r * ahead / alpha;
            prop_assert!(before_of_new <= new * slack + 1e-12 && new <= most * slack + 1e-12, "{buying:?} {ahead}: {new} of {most}");
            (before, before_of_new) = (known, new);
        }
    }
}
