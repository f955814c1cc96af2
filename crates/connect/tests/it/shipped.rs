//! Every shipped mapping imports a file of its columns (`fixtures/imports`), in UTF-8 and in CP932, and finds in it what was put there.

use std::collections::BTreeMap;

use connect::{import::Imported, mapping::built_in};
use model::Money;
use serde::Deserialize;

use crate::{members, try_import};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_bytes!(concat!("../../../../fixtures/imports/", $name, ".csv")),
            include_bytes!(concat!("../../../../fixtures/imports/", $name, ".cp932.csv")),
        )),*]
    };
}

/// Mapping, its file in UTF-8, the same in CP932.
const FILES: [(&str, &[u8], &[u8]); 16] = files![
    "eccube4-customers",
    "eccube4-orders",
    "ecforce-orders",
    "generic-customers",
    "generic-opt-ins",
    "generic-opt-outs",
    "generic-orders",
    "generic-points",
    "generic-products",
    "generic-shipments",
    "generic-spend",
    "generic-subscriptions",
    "makeshop-orders",
    "next-engine-orders",
    "shopify-orders",
    "woocommerce-orders",
];

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expected {
    rows: u64,
    made: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
    /// Sums of the orders' members, in whole yen.
    money: BTreeMap<String, i64>,
    statuses: BTreeMap<String, u64>,
    total_differs: u64,
    consents: u64,
    suppressions: u64,
    contacts: Option<u64>,
}

#[test]
fn each_finds_what_was_put_there() {
    let expected: BTreeMap<String, Expected> =
        serde_json::from_str(include_str!("../../../../fixtures/imports/expected.json")).unwrap();
    assert_eq!(expected.keys().map(String::as_str).collect::<Vec<_>>(), FILES.map(|(name, ..)| name));
    for (name, utf8, cp932) in FILES {
        let imported = [utf8, cp932].map(|bytes| try_import(built_in()[name], bytes).unwrap());
        let expect = &expected[name];
        for one in &imported {
            assert_eq!(found(one, expect), *expect, "{name} {:#?}", one.rejections);
        }
        let [utf8, cp932] = imported;
        assert_eq!(utf8.facts, cp932.facts, "{name}: the encoding changes nothing");
        assert_eq!((utf8.contacts, utf8.consents), (cp932.contacts, cp932.consents), "{name}");
    }
}

/// A shop system's mapping is not shipped without a file that proves it.
#[test]
fn every_mapping_of_a_shop_system_has_a_file() {
    let ours = ["complete-journey", "demo", "online-retail", "superstore", "snowplow"];
    let shipped = built_in().into_keys().filter(|name| !ours.iter().any(|prefix| name.starts_with(prefix)));
    assert_eq!(shipped.collect::<Vec<_>>(), FILES.map(|(name, ..)| name));
}

fn found(imported: &Imported, expect: &Expected) -> Expected {
    let counts = &imported.counts;
    let named = |counts: &BTreeMap<&'static str, u64>| counts.iter().map(|(name, count)| (name.to_string(), *count)).collect();
    let sum = |member: &String| {
        let amounts = members(imported, "orders", &[member]);
        let sum = Money::sum(amounts.iter().filter(|amount| *amount != "null").map(|amount| Money::parse(amount).unwrap()));
        (member.clone(), sum.unwrap().scaled() / model::money::SCALE)
    };
    let mut statuses = BTreeMap::new();
    for status in members(imported, "orders", &["status"]) {
        *statuses.entry(status).or_default() += 1;
    }
    for status in expect.statuses.keys() {
        statuses.entry(status.clone()).or_default();
    }
    Expected {
        rows: counts.rows,
        made: named(&counts.made),
        rejected: named(&counts.rejected),
        money: expect.money.keys().map(sum).collect(),
        statuses,
        total_differs: counts.total_differs,
        consents: counts.consents,
        suppressions: counts.suppressions,
        contacts: expect.contacts.map(|_| counts.contacts),
    }
}
