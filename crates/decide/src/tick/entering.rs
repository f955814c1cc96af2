//! Whether a trigger lets the customer in, and under which key (SEMANTICS §3).
//!
//! Passes are told apart by the scenario's `key` column, or its date; without one everything counts per subject. `once` and `one_per_key`
//! count per key. A cooldown counts per subject under `one_per_subject`, else per key: two carts of one person would otherwise
//! never both get in.
//!
//! Who was in the segment before (`start = "future_only"`) and has not been let in enters when they come into it again: so a scenario
//! starts with nobody, without remembering whom it found.
//!
//! An allowed re-entry needs an entry key of its own, since ids are made from it: the first free of `key`, `key#DATE`,
//! `key#INSTANT` (shop date and UTC instant of the trigger).

use model::{
    Scenario, ShopZone,
    scenario::{Concurrency, Reentry, Start},
    time::rfc3339,
};

use super::{PastEntry, Trigger};

/// The entry key under which the customer enters, or `None`. `past` has every earlier entry, `open` the keys of those still open;
/// both of this scenario alone.
pub fn entry_key(scenario: &Scenario, trigger: &Trigger, past: &[&PastEntry], open: &[&str], zone: ShopZone) -> Option<String> {
    let keyed = scenario.entry.key.is_some() || scenario.entry.date.is_some();
    let same_key = |entry_key: &str| !keyed || base_key(entry_key) == trigger.entry_key;

    let occupied = match scenario.entry.concurrency {
        Concurrency::OnePerSubject => !open.is_empty(),
        Concurrency::OnePerKey => open.iter().any(|key| same_key(key)),
        Concurrency::Unlimited => false,
    };
    let allowed = match &scenario.entry.reentry {
        Reentry::Once => !past.iter().any(|entry| same_key(&entry.entry_key)),
        Reentry::Rematch => !trigger.was_in_audience_before,
        Reentry::Cooldown { calendar_days, elapsed } => {
            let per_subject = scenario.entry.concurrency == Concurrency::OnePerSubject;
            let scope = past.iter().filter(|entry| per_subject || same_key(&entry.entry_key));
            scope.map(|entry| entry.entered_at).max().is_none_or(|last| {
                let days = (zone.day(trigger.at) - zone.day(last)).num_days();
                calendar_days.is_none_or(|needed| days >= needed) && elapsed.is_none_or(|needed| trigger.at - last >= needed.0)
            })
        }
    };
    let is_known = past.iter().any(|entry| same_key(&entry.entry_key));
    let is_current =
        scenario.start == Start::FutureOnly && !scenario.is_broadcast() && trigger.was_in_audience_before && !is_known;
    if occupied || !allowed || is_current {
        return None;
    }
    let candidates = [
        trigger.entry_key.clone(),
        format!("{}#{}", trigger.entry_key, zone.day(trigger.at)),
        format!("{}#{}", trigger.entry_key, rfc3339(trigger.at)),
    ];
    candidates.into_iter().find(|key| !past.iter().any(|entry| entry.entry_key == *key))
}

/// The entry key without what a re-entry appended.
pub fn base_key(entry_key: &str) -> &str {
    let is_suffix = |tail: &str| tail.parse::<chrono::NaiveDate>().is_ok() || tail.parse::<model::Instant>().is_ok();
    match entry_key.rsplit_once('#') {
        Some((key, tail)) if is_suffix(tail) => key,
        _ => entry_key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Instant;
    use serde_json::Value;

    fn scenario(entry: &str) -> Scenario {
        let text = format!(
            "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n\
             [[exit]]\non = \"order_placed\"\n[[step]]\nid = \"wait\"\nwait = {{ for = \"3h\" }}\n[entry]\non = \"cart_updated\"\n{entry}"
        );
        Scenario::parse("s.toml", &text).expect("a scenario")
    }

    fn at(text: &str) -> Instant {
        ShopZone::tokyo().instant(format!("2026-03-{text}:00").parse().expect("a local time"))
    }

    #[test]
    fn who_may_come_in_again() {
        let past = |key: &str, entered: &str| PastEntry { scenario: "s".into(), entry_key: key.into(), entered_at: at(entered) };
        let first = past("k1", "01T08:30");
        let check = |entry: &str, past: &[&PastEntry], open: &[&str], key: &str, now: &str, expect: Option<&str>| {
            let trigger = Trigger {
                scenario: "s".into(),
                entry_key: key.into(),
                at: at(now),
                known_at: at(now),
                was_in_audience_before: false,
                excluded_by: None,
                context: Value::Null,
            };
            let got = entry_key(&scenario(entry), &trigger, past, open, ShopZone::tokyo());
            assert_eq!(got.as_deref(), expect, "{entry} {key} {now}");
        };
        let keyed = "key = \"cart_id\"\n";
        let per_key = "key = \"cart_id\"\nconcurrency = \"one_per_key\"\n";

        check(keyed, &[], &[], "k1", "01T08:30", Some("k1"));
        check(keyed, &[&first], &[], "k1", "09T08:30", None);
        check(keyed, &[&first], &[], "k2", "09T08:30", Some("k2"));
        check(keyed, &[&first], &["k1"], "k2", "09T08:30", None);
        check(per_key, &[&first], &["k1"], "k2", "09T08:30", Some("k2"));
        check("", &[&first], &[], "k2", "09T08:30", None);

        // A calendar cooldown avoids the trap of 08:30 and then 08:00; an elapsed one is exact.
        let calendar = |base: &str| format!("{base}reentry = {{ rule = \"cooldown\", calendar_days = 7 }}\n");
        let elapsed = |base: &str| format!("{base}reentry = {{ rule = \"cooldown\", elapsed = \"7d\" }}\n");
        check(&calendar(keyed), &[&first], &[], "k1", "07T23:00", None);
        check(&calendar(keyed), &[&first], &[], "k1", "08T08:00", Some("k1#2026-03-08"));
        check(&elapsed(keyed), &[&first], &[], "k1", "08T08:29", None);
        check(&elapsed(keyed), &[&first], &[], "k1", "08T08:30", Some("k1#2026-03-08"));
        check(&elapsed(keyed), &[&first], &[], "k2", "02T08:30", None);
        check(&elapsed(per_key), &[&first], &[], "k2", "02T08:30", Some("k2"));

        let again = past("k1#2026-03-08", "08T08:30");
        check(&elapsed(per_key), &[&first, &again], &[], "k1", "09T08:30", None);
        let hourly = format!("{per_key}reentry = {{ rule = \"cooldown\", elapsed = \"1h\" }}\n");
        check(&hourly, &[&first, &again], &[], "k1", "08T09:30", Some("k1#2026-03-08T00:30:00.000000Z"));
    }

    #[test]
    fn the_key_survives_its_suffix() {
        let check = |key: &str, expect: &str| assert_eq!(base_key(key), expect);
        check("k1", "k1");
        check("k#1", "k#1");
        check("k#1#2026-03-08", "k#1");
        check("k1#2026-03-08T00:30:00.000000Z", "k1");
    }
}
