//! Statistics of the Delta log are an allow-list: a log repeats them for all to read, and erasing a person does not reach them.

use std::{collections::BTreeSet, path::Path};

use lake::tables::{self, TABLES};
use model::{CustomerId, Fact, Profile, customer::ContactFlag};
use serde_json::{Value, json};

use crate::{noon, open, segment};

const CANARIES: [&str; 5] = ["canary-customer", "1985-04-03", "canary-prefecture", "canary-hash", "canary-attribute"];

fn profile(number: usize) -> Fact {
    let profile = Profile {
        customer_id: CustomerId::stored(format!("canary-customer-{number}")),
        revision_id: format!("r{number}"),
        source: "test".into(),
        birthday: "1985-04-03".parse().ok(),
        gender: Some("female".into()),
        prefecture: Some("canary-prefecture".into()),
        registered_on: "1985-04-03".parse().ok(),
        acquisition: Some("canary-attribute".into()),
        attributes: json!({ "note": "canary-attribute" }),
    };
    Fact::new(&profile, noon(), noon())
}

fn contact(number: usize) -> Fact {
    let flag = ContactFlag {
        customer_id: CustomerId::stored(format!("canary-customer-{number}")),
        kind: "email".into(),
        address_hash: format!("canary-hash-{number}"),
        active: true,
        source: "test".into(),
        changed_at: noon(),
    };
    Fact::new(&flag, noon(), noon())
}

#[tokio::test]
async fn the_log_holds_no_min_or_max_of_a_personal_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for round in 0..3 {
        let first = round as i64 * 2 + 1;
        lake.land(&[segment(first, &[profile(round)]), segment(first + 1, &[contact(round)])]).await.expect("landed");
    }
    assert_eq!(lake.compact(2).await.expect("compacted").len(), 2, "a compacted file has statistics too");
    let check = |table: &str, allowed: &[&str]| {
        let (log, ranges) = log_of(&folder.path().join(table));
        for canary in CANARIES {
            assert!(!log.contains(canary), "the log of {table} holds {canary}");
        }
        let own: BTreeSet<String> = ranges.into_iter().filter(|name| !is_time_or_place(name)).collect();
        assert_eq!(own, allowed.iter().map(|name| name.to_string()).collect(), "{table}");
    };
    check("customers", &[]);
    check("contacts", &["kind"]);
}

#[tokio::test]
async fn statistics_are_what_each_table_allows() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    for table in TABLES {
        lake.land(&[segment(1, &[crate::nouns::sample(table.name())])]).await.expect("landed");
        let (_, ranges) = log_of(&folder.path().join(table.name()));
        let own: BTreeSet<&str> = ranges.iter().map(String::as_str).filter(|name| !is_time_or_place(name)).collect();
        let allowed: BTreeSet<&str> = table.statistics().iter().copied().collect();
        assert_eq!(own, allowed, "{}", table.name());
        for personal in ["customer_id", "address_hash", "birthday", "properties", "attributes", "context", "url", "unit"] {
            assert!(!own.contains(personal), "{} keeps statistics of {personal}", table.name());
        }
    }
}

fn is_time_or_place(name: &str) -> bool {
    tables::TIMES.iter().chain(&tables::LANDED).any(|column| column.name == name)
}

/// The text of a table's log, and the columns whose smallest or largest value it holds.
fn log_of(table: &Path) -> (String, BTreeSet<String>) {
    let mut text = String::new();
    let mut ranges = BTreeSet::new();
    let mut files = 0;
    for entry in std::fs::read_dir(table.join("_delta_log")).expect("a log") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let commit = std::fs::read_to_string(path).expect("a commit");
        for line in commit.lines() {
            let action: Value = serde_json::from_str(line).expect("an action");
            let Some(statistics) = action["add"]["stats"].as_str() else { continue };
            files += 1;
            let statistics: Value = serde_json::from_str(statistics).expect("statistics");
            for bound in ["minValues", "maxValues"] {
                ranges.extend(statistics[bound].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
            }
        }
        text.push_str(&commit);
    }
    assert!(files > 0 && ranges.contains("position"), "{}: statistics were not found where they are looked for", table.display());
    (text, ranges)
}
