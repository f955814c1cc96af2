//! What a former tool knew of permissions: opt-ins, opt-outs, bounces, LINE links; withdrawn members; addresses of malls.

use connect::{import::Imported, mapping::built_in};
use model::{ConsentState, ContactKind};

use crate::{codes, import, members};

/// Who may be written to and who may not, each as one line. Addresses are compared in the open, which only a test may do.
fn said(imported: &Imported) -> Vec<String> {
    let mut lines = Vec::new();
    for (consent, _) in &imported.consents {
        let state = if consent.state == ConsentState::Granted { "granted" } else { "revoked" };
        let who = if consent.customer_id.as_str().starts_with("h-") { "a guest" } else { consent.customer_id.as_str() };
        lines.push(format!("{who} {state} {} {}", consent.channel, consent.changed_at.timestamp()));
    }
    for (suppression, _) in &imported.suppressions {
        lines.push(format!("{} closed {} {}", suppression.customer_id, suppression.channel, suppression.reason));
    }
    for address in &imported.address_suppressions {
        lines.push(format!("{} closed {} {} {}", address.address, address.channel, address.reason, address.at.timestamp()));
    }
    lines
}

#[test]
fn opt_outs_close_customers_and_addresses() {
    let check = |row: &str, expect: &[&str]| {
        let imported = import(built_in()["generic-opt-outs"], &format!("customer_id,email,line_id,channel,reason,at\n{row}\n"));
        assert_eq!(codes(&imported), [], "{row}");
        assert_eq!(said(&imported), expect, "{row}");
        assert_eq!(imported.counts.contacts, 0, "no contact is made of somebody who wants none");
    };
    check(",A@Example.JP,,,,", &["A@example.jp closed email opted_out 0"]);
    check(
        "c1,a@example.jp,,,opted_out,1970-01-02 09:00:00",
        &["c1 revoked email 86400", "c1 closed email opted_out", "a@example.jp closed email opted_out 86400"],
    );
    check("c1,,,line,blocked,", &["c1 closed line blocked"]);
    check("c1,a@example.jp,,line,blocked,", &["c1 closed line blocked"]);
}

#[test]
fn an_opt_out_that_names_nobody_is_rejected() {
    let check = |row: &str, code: &'static str| {
        let imported = import(built_in()["generic-opt-outs"], &format!("customer_id,email,line_id,channel,reason,at\n{row}\n"));
        assert_eq!(codes(&imported), [(2, code)], "{row}");
        assert!(said(&imported).is_empty(), "{row}");
    };
    check(",kein,,,opted_out,", "not_an_address");
    check(",,,,opted_out,", "nobody");
    check(",a@example.jp,,line,blocked,", "nobody");
    check("c1,,,,ohne Grund,", "not_in_map");
    check("c1,,,,opted_out,2030-01-01", "future");
}

#[test]
fn an_opt_in_without_a_time_is_older_than_any_with_one() {
    let text = built_in()["generic-opt-ins"];
    let csv = "customer_id,email,line_id,channel,state,at\nc1,a@example.jp,,,,\nc1,,,email,revoked,2024-01-01 09:00:00\n\
               c2,,,email,granted,2024-02-01 09:00:00\nc2,,,email,revoked,\nc2,,,email,revoked,\n";
    let imported = import(text, csv);
    assert_eq!(codes(&imported), []);
    assert_eq!(
        said(&imported),
        [
            "c1 granted email 0",
            "c1 revoked email 1704067200",
            "c2 granted email 1706745600",
            "c2 revoked email 0",
            "c2 closed email opted_out",
        ]
    );
    assert_eq!(imported.counts.duplicates, 1);
}

#[test]
fn a_withdrawn_member_keeps_the_profile_and_is_closed_on_every_channel() {
    let text = built_in()["generic-customers"];
    let imported = import(text, "customer_id,status,rank,points,orders_count\nc1,withdrawn,gold,10,3\nc2,active,,,\n");
    assert_eq!(imported.suppressions.len(), model::Channel::ALL.len());
    assert!(imported.suppressions.iter().all(|(closed, _)| closed.customer_id.as_str() == "c1" && closed.reason == "withdrawn"));
    assert_eq!(
        members(&imported, "customers", &["customer_id", "attributes"]),
        ["c1 {\"orders_count\":3,\"rank\":\"gold\",\"member_status\":\"withdrawn\"}", "c2 {\"member_status\":\"active\"}"]
    );
    assert_eq!(members(&imported, "points", &["customer_id", "balance", "change"]), ["c1 10 null"]);
}

#[test]
fn a_member_may_live_in_another_time_zone() {
    let imported = import(built_in()["generic-customers"], "customer_id,timezone\nc1,America/New_York\n");
    assert_eq!(members(&imported, "customers", &["customer_id", "attributes"]), ["c1 {\"timezone\":\"America/New_York\"}"]);
}

#[test]
fn an_address_of_a_mall_makes_a_customer_and_no_contact() {
    let text = built_in()["generic-orders"];
    let csv = "order_id,customer_id,email,phone,name,ordered_at,price\n1,,x1@fw.rakuten.ne.jp,090-0000-0001,買い手,2025-10-01,100\n\
               2,,a@example.jp,090-0000-0001,買い手,2025-10-01,100\n";
    let imported = import(text, csv);
    let people = members(&imported, "orders", &["customer_id"]);
    assert!(people.iter().all(|id| id.starts_with("h-")) && people[0] != people[1], "{people:?}");
    let told: Vec<(&str, ContactKind)> =
        imported.contacts.iter().map(|(contact, _)| (contact.customer_id.as_str(), contact.kind)).collect();
    let own = people[1].as_str();
    assert_eq!(told, [(own, ContactKind::Email), (own, ContactKind::Phone), (own, ContactKind::Name)]);
    assert_eq!(imported.counts.relayed, 1);
}

#[test]
fn a_line_link_is_a_customer_with_a_line_id() {
    let line_id = format!("U{}", "0a".repeat(16));
    let imported = import(
        built_in()["generic-opt-ins"],
        &format!("customer_id,line_id,at\nc1,{line_id},2024-01-01\n,{line_id},2024-01-01\n"),
    );
    assert_eq!(codes(&imported), []);
    assert_eq!(said(&imported), ["c1 granted line 1704034800", "a guest granted line 1704034800"]);
    assert!(imported.contacts.iter().all(|(contact, _)| contact.kind == ContactKind::Line));
}
