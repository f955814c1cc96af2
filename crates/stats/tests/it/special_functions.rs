//! Normal, Student t and chi-square against the reference numbers, to df 5e8.

use proptest::prelude::*;
use stats::{beta, chi_square, hypergeometric, normal, student_t};

use crate::reference::check_family;

#[test]
fn special_functions_meet_the_reference() {
    // Those of statrs are right and used as they are; this crate does not offer them.
    const LATER: [&str; 2] = ["ln_gamma", "digamma"];
    let checked = std::cell::RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    // A case of this family expects one number without a name; every function is either computed or in the list above.
    check_family("special_functions", &[""], |case, check| {
        let args: Vec<f64> = case.list("args").iter().map(|arg| arg.as_f64().expect("a number")).collect();
        let got = match (case.text("fn"), args.as_slice()) {
            ("norm_cdf", &[x]) => normal::cdf(x),
            ("norm_sf", &[x]) => normal::sf(x),
            ("norm_ppf", &[p]) => normal::quantile(p),
            ("t_sf", &[t, df]) => student_t::sf(t, df),
            ("t_ppf", &[p, df]) => student_t::quantile(p, df),
            ("chi2_sf", &[x, df]) => chi_square::sf(x, df as u32),
            ("beta_cdf", &[x, a, b]) => beta::cdf(x, a, b),
            ("beta_ppf", &[p, a, b]) => beta::quantile(p, a, b),
            ("ln_beta", &[a, b]) => Ok(beta::ln_beta(a, b)),
            ("hyp2f1", &[a, b, c, z]) => hypergeometric(a, b, c, z),
            (later, _) if LATER.contains(&later) => return,
            (unknown, _) => panic!("{unknown} is not a function we know"),
        };
        check.number("", &got);
        *checked.borrow_mut().entry(case.text("fn").to_string()).or_default() += 1;
    });
    println!("special_functions by function: {:?}", checked.borrow());
}

#[test]
fn what_has_no_answer_is_refused() {
    let check = |got: Result<f64, stats::NotComputable>, expect: &str| assert_eq!(got.unwrap_err().to_string(), expect);
    check(normal::cdf(f64::NAN), "the normal deviate NaN is not a number");
    check(normal::quantile(0.0), "the probability 0 is not between 0 and 1");
    check(student_t::sf(1.0, 0.0), "the degrees of freedom 0 is not positive and finite");
    check(student_t::sf(1.0, f64::INFINITY), "the degrees of freedom inf is not positive and finite");
    check(student_t::quantile(1.0, 10.0), "the probability 1 is not between 0 and 1");
    check(student_t::quantile(1e-300, 0.5), "the t quantile does not fit");
    check(chi_square::sf(-1.0, 1), "the chi-square -1 is not 0 or more, and finite");
    check(chi_square::sf(1.0, 0), "the degrees of freedom 0 is not positive");
}

#[test]
fn the_far_tail_of_t_is_continuous() {
    // From 40-digit arithmetic, around every place where one formula takes over from another.
    let check = |t: f64, df: f64, expect: f64| {
        let got = student_t::sf(t, df).unwrap();
        assert!((got / expect - 1.0).abs() <= 1e-10, "t {t}, df {df}: got {got:e}, want {expect:e}");
    };
    check(9.99, 0.5, 0.10138923206919642);
    check(10.01, 0.5, 0.1012881961021177);
    check(38.00, 0.5, 0.0520218663373753);
    check(9.99, 1.0, 0.031757064495483364);
    check(10.01, 1.0, 0.031694032773269126);
    check(38.00, 1.0, 0.008374643104305376);
    check(9.99, 30.0, 2.3415442849957186e-11);
    check(10.01, 30.0, 2.2349776663907763e-11);
    check(38.00, 30.0, 3.106498610995128e-27);
    check(9.99, 1000.0, 9.136415628672298e-23);
    check(10.01, 1000.0, 7.603965307805312e-23);
    check(38.00, 1000.0, 1.4593789211300192e-196);
    check(9.99, 1001.0, 9.116015519194771e-23);
    check(10.01, 1001.0, 7.586860364938169e-23);
    check(38.00, 1001.0, 1.2540803739936235e-196);
    check(9.99, 9999.0, 1.0848347769439792e-23);
    check(10.01, 9999.0, 8.882216368353424e-24);
    check(38.00, 9999.0, 1.4546247181235617e-295);
    check(9.99, 10001.0, 1.0847803971709752e-23);
    check(10.01, 10001.0, 8.881767609840046e-24);
    check(38.00, 10001.0, 1.4420049965475633e-295);
    check(9.99, 1000000.0, 8.45052020098102e-24);
    check(10.01, 1000000.0, 6.905279986273387e-24);
    check(3.0e10, 1.0, 1.0610329539459689e-11);
    check(1.0e60, 2.5, 7.193397190831724e-151);
    check(1.0e200, 1.0, 3.1830988618379067e-201);
    check(1.0e300, 0.5, 3.207009754142229e-151);
}

proptest! {
    #[test]
    fn t_quantile_undoes_the_tail(log_q in -300.0..-0.4f64, log_df in 0.0..8.7f64) {
        let (q, df) = (10f64.powf(log_q), 10f64.powf(log_df));
        let t = student_t::upper_quantile(q, df).unwrap();
        let back = student_t::sf(t, df).unwrap();
        // The tail multiplies an error of t by up to t² at large df, and 1e-15 of t is all a double has.
        prop_assert!((back / q - 1.0).abs() <= 1e-7, "q {q:e}, df {df}: t {t}, back {back:e}");
        prop_assert_eq!(student_t::quantile(1.0 - 0.25, df).unwrap(), -student_t::quantile(0.25, df).unwrap());
    }

    #[test]
    fn tails_of_both_sides_sum_to_one(t in -40.0..40.0f64, log_df in 0.0..8.7f64) {
        let df = 10f64.powf(log_df);
        let sum = student_t::sf(t, df).unwrap() + student_t::sf(-t, df).unwrap();
        prop_assert!((sum - 1.0).abs() <= 1e-15);
    }
}
