//! The CDNOW orders the reference numbers of customer analytics are computed from.

use std::collections::BTreeMap;

use crate::reference::folder;

pub struct Order {
    /// Days since 1970-01-01.
    pub day: i64,
    pub cents: i128,
}

/// Orders by customer, in time order.
pub fn orders(dataset: &str) -> BTreeMap<u64, Vec<Order>> {
    let path = folder().join(dataset);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()));
    let mut customers: BTreeMap<u64, Vec<Order>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [customer, date, _units, amount] = line.split(',').collect::<Vec<_>>().try_into().expect("four columns");
        let (whole, cents) = amount.split_once('.').expect("dollars and cents");
        assert_eq!(cents.len(), 2, "{line}");
        let cents = whole.parse::<i128>().expect("dollars") * 100 + cents.parse::<i128>().expect("cents");
        customers.entry(customer.parse().expect("an id")).or_default().push(Order { day: day(date), cents });
    }
    for orders in customers.values_mut() {
        orders.sort_by_key(|order| order.day);
    }
    customers
}

/// Days since 1970-01-01 of a date such as 1998-06-30 (Hinnant, "days_from_civil").
pub fn day(date: &str) -> i64 {
    let [year, month, day] =
        date.split('-').map(|part| part.parse::<i64>().expect("a date")).collect::<Vec<_>>().try_into().expect("a date");
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[test]
fn days_are_counted_from_1970() {
    let check = |date, expect| assert_eq!(day(date), expect, "{date}");
    check("1970-01-01", 0);
    check("1997-01-01", 9_862);
    check("2000-02-29", 11_016);
    check("2000-03-01", 11_017);
}
