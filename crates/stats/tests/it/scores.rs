//! RFM scores and top shares against the reference numbers and T39, T40.

use std::{cmp::Reverse, num::NonZeroU32};

use proptest::prelude::*;
use serde_json::json;
use stats::{in_top_share, ntile, percent_rank_scores, top_shares};

use crate::{
    cdnow,
    reference::{Case, check_family},
};

#[derive(Clone, Copy)]
struct Customer {
    id: u64,
    recency_days: i64,
    frequency: i64,
    monetary: i128,
}

#[test]
fn rfm_meets_the_reference() {
    check_family("rfm_quintiles", &[], |case, check| {
        let customers = customers(case);
        let recency: Vec<_> = customers.iter().map(|it| Reverse(it.recency_days)).collect();
        let frequency: Vec<_> = customers.iter().map(|it| it.frequency).collect();
        let monetary: Vec<_> = customers.iter().map(|it| it.monetary).collect();
        let scores = [percent_rank_scores(&recency), percent_rank_scores(&frequency), percent_rank_scores(&monetary)];

        let ids = customers.iter().map(|it| it.id);
        let by_id = |values: Vec<i128>| {
            let keys: Vec<_> = values.into_iter().zip(ids.clone()).collect();
            ntile(&keys, NonZeroU32::new(5).unwrap()).into_iter().map(|group| group as u8).collect::<Vec<_>>()
        };
        let ntiles = [
            by_id(customers.iter().map(|it| -i128::from(it.recency_days)).collect()),
            by_id(customers.iter().map(|it| i128::from(it.frequency)).collect()),
            by_id(monetary.clone()),
        ];

        for (rule, given) in [("score", &scores), ("ntile", &ntiles)] {
            for (letter, given) in ["R", "F", "M"].iter().zip(given) {
                for score in 1..=5u8 {
                    let count = given.iter().filter(|&&it| it == score).count();
                    check.exactly(&format!("/score_counts_1_to_5/{rule}/{letter}/{}", score - 1), count);
                }
            }
            let digits = |at: usize| format!("{}{}{}", given[0][at], given[1][at], given[2][at]);
            let best = (0..customers.len()).filter(|&at| digits(at) == "555").count();
            check.exactly(&format!("/top_cell_555/{rule}"), best);
            for (row, want) in case.expected["scores"].as_array().unwrap().iter().enumerate() {
                let at = customers.iter().position(|it| json!(it.id) == want["id"]).expect("a customer of the case");
                check.exactly(&format!("/scores/{row}/id"), customers[at].id);
                check.exactly(&format!("/scores/{row}/{rule}"), digits(at));
            }
        }
    });
}

fn customers(case: &Case) -> Vec<Customer> {
    if case.inputs.get("customers").is_some() {
        let number = |it: &serde_json::Value, name: &str| it[name].as_i64().expect("a whole number");
        let customer = |it: &serde_json::Value| Customer {
            id: it["id"].as_u64().unwrap(),
            recency_days: number(it, "recency_days"),
            frequency: number(it, "frequency"),
            monetary: i128::from(number(it, "monetary")),
        };
        return case.list("customers").iter().map(customer).collect();
    }
    let as_of = cdnow::day(case.text("as_of"));
    let mut customers = Vec::new();
    for (id, mut orders) in cdnow::orders(case.text("dataset")) {
        orders.retain(|order| order.day < as_of);
        let Some(last) = orders.last() else { continue };
        customers.push(Customer {
            id,
            recency_days: as_of - last.day,
            frequency: orders.len() as i64,
            monetary: orders.iter().map(|order| order.cents).sum(),
        });
    }
    customers
}

#[test]
fn t39_equal_amounts_get_equal_scores() {
    let check = |amounts: &[i128], expect: &[u8]| assert_eq!(percent_rank_scores(amounts), expect, "{amounts:?}");
    check(&[1000, 1000, 1000, 1000, 5000], &[1, 1, 1, 1, 5]);
    check(&[5000, 1000, 1000, 1000, 1000], &[5, 1, 1, 1, 1]);
    check(&[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 5]);
    check(&[7], &[1]);
    check(&[], &[]);
    assert_eq!(percent_rank_scores(&[Reverse(3), Reverse(300)]), [5, 1], "recency: fewer days are better");
}

#[test]
fn t40_ties_at_the_edge_of_the_top_are_kept() {
    let check = |values: &[i128], q, expect: &[i128]| {
        let inside = in_top_share(values, q).unwrap();
        let mut kept: Vec<_> = values.iter().zip(inside).filter_map(|(&value, inside)| inside.then_some(value)).collect();
        kept.sort_by_key(|&value| Reverse(value));
        assert_eq!(kept, expect, "the top {q} of {values:?}");
    };
    check(&[1, 2, 3, 4, 5, 6, 8, 8, 9, 10], 0.30, &[10, 9, 8, 8]);
    check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.30, &[10, 9, 8]);
    check(&[1, 2, 3], 0.0, &[]);
    check(&[1, 2, 3], 1.0, &[3, 2, 1]);
    check(&[], 0.5, &[]);
    assert_eq!(in_top_share(&[1], 30.0).unwrap_err().to_string(), "the top share 30 is not within 0 and 1");
    assert_eq!(in_top_share(&[1], f64::NAN).unwrap_err().to_string(), "the top share NaN is not within 0 and 1");
}

proptest! {
    #[test]
    fn ranks_are_those_of_counting(values in prop::collection::vec(0i128..20, 1..60)) {
        let n = values.len();
        let (scores, shares) = (percent_rank_scores(&values), top_shares(&values));
        for (at, value) in values.iter().enumerate() {
            let worse = values.iter().filter(|it| *it < value).count();
            let greater = values.iter().filter(|it| *it > value).count();
            let score = if n == 1 { 1 } else { 1 + (5 * worse / (n - 1)).min(4) };
            prop_assert_eq!(usize::from(scores[at]), score);
            prop_assert_eq!(shares[at], greater as f64 / n as f64);
        }
    }
}
