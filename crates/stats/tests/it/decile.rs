//! Deciles against the reference numbers.

use std::num::NonZeroU32;

use proptest::prelude::*;
use stats::{NotComputable, deciles, ntile};

use crate::{
    cdnow,
    reference::{Case, check_family},
};

#[test]
fn deciles_meet_the_reference() {
    check_family("decile", &[], |case, check| {
        let rows = deciles(&customers(case)).unwrap();
        assert_eq!(rows.len(), case.expected["deciles"].as_array().unwrap().len());
        for (at, row) in rows.iter().enumerate() {
            check.exactly(&format!("/deciles/{at}/decile"), row.decile);
            check.exactly(&format!("/deciles/{at}/customers"), row.customers);
            check.exactly(&format!("/deciles/{at}/amount"), row.amount as i64);
            check.exactly(&format!("/deciles/{at}/min"), row.min as i64);
            check.exactly(&format!("/deciles/{at}/max"), row.max as i64);
            check.number(&format!("/deciles/{at}/share"), &Ok::<_, NotComputable>(row.share));
            check.number(&format!("/deciles/{at}/cumulative_share"), &Ok::<_, NotComputable>(row.cumulative_share));
            check.number(&format!("/deciles/{at}/per_customer"), &Ok::<_, NotComputable>(row.per_customer));
        }
    });
}

fn customers(case: &Case) -> Vec<(u64, i128)> {
    if case.inputs.get("customers").is_some() {
        let customer = |it: &serde_json::Value| (it["id"].as_u64().unwrap(), i128::from(it["amount"].as_i64().unwrap()));
        return case.list("customers").iter().map(customer).collect();
    }
    let as_of = cdnow::day(case.text("as_of"));
    let mut customers = Vec::new();
    for (id, mut orders) in cdnow::orders(case.text("dataset")) {
        orders.retain(|order| order.day < as_of);
        if !orders.is_empty() {
            customers.push((id, orders.iter().map(|order| order.cents).sum()));
        }
    }
    customers
}

#[test]
fn groups_are_those_of_ntile() {
    let check = |n: u32, groups, expect: &[u32]| {
        let keys: Vec<u32> = (0..n).collect();
        assert_eq!(ntile(&keys, NonZeroU32::new(groups).unwrap()), expect, "{n} in {groups}");
    };
    check(7, 3, &[1, 1, 1, 2, 2, 3, 3]);
    check(3, 10, &[1, 2, 3]);
    check(4, 2, &[1, 1, 2, 2]);
    check(0, 10, &[]);
}

#[test]
fn what_has_no_shares_says_why() {
    let check = |amounts: &[i128], expect: &str| {
        let customers: Vec<_> = amounts.iter().copied().enumerate().collect();
        assert_eq!(deciles(&customers).unwrap_err().to_string(), expect, "{amounts:?}");
    };
    check(&[], "there is nobody to compute it from");
    check(&[0, 0], "the amounts do not add up to more than 0, so nobody has a share of them");
    check(&[100, -200], "the amounts do not add up to more than 0, so nobody has a share of them");
    check(&[i128::MAX, 1], "the sum of the amounts does not fit");
}

proptest! {
    #[test]
    fn everybody_is_in_one_row(amounts in prop::collection::vec(0i128..1000, 1..80)) {
        let customers: Vec<_> = amounts.iter().copied().enumerate().collect();
        let Ok(rows) = deciles(&customers) else { return Ok(()) };
        prop_assert_eq!(rows.iter().map(|row| row.customers).sum::<u64>(), amounts.len() as u64);
        prop_assert_eq!(rows.iter().map(|row| row.amount).sum::<i128>(), amounts.iter().sum::<i128>());
        prop_assert_eq!(rows[rows.len() - 1].cumulative_share, 1.0);
        prop_assert!(rows.windows(2).all(|pair| pair[0].min >= pair[1].max));
    }
}
