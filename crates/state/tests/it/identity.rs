//! Who is who: rules merge only what they may, people decide the rest, and every merge can be taken back as if it had not been.

use std::collections::BTreeMap;

use model::{
    Channel, Claim, Consent, ConsentState, ContactKind, CustomerId, Email, Instant, Purpose, SuppressedAddress, Suppression,
    contact::OPTED_OUT,
};
use proptest::prelude::*;
use state::{HandOver, Standing, State};

use crate::{Shop, customer, minute, run, vault::contact};

const MAIL: &str = "hanako@example.jp";
const PHONE: &str = "+819000000001";

fn claim(kind: &'static str, from: &str, to: &str, rule: &'static str, trusted: bool) -> Claim {
    Claim {
        kind,
        from_id: from.into(),
        customer_id: customer(to),
        rule,
        trusted,
        at: minute(0),
        source: "web".into(),
        evidence: None,
    }
}

fn guest_of(state: &State, address: &str) -> CustomerId {
    CustomerId::guest(Email::parse(address).unwrap().as_str(), state.vault().id_key())
}

async fn has(state: &State, name: &str, kind: ContactKind, address: &str) {
    state.vault().put(&[contact(name, kind, address)], "file", minute(-9)).await.unwrap();
}

async fn says(state: &State, name: &str, channel: Channel, consent: ConsentState, at: i64) {
    let consent = Consent {
        customer_id: customer(name),
        channel,
        purpose: Purpose::Marketing,
        state: consent,
        source: "form".into(),
        wording: None,
        evidence: None,
        changed_at: minute(at),
    };
    state.consents().record_consents(&[(consent, minute(at))], minute(at)).await.unwrap();
}

fn blocked(address: &str, reason: &str, at: i64) -> SuppressedAddress {
    SuppressedAddress {
        kind: ContactKind::Email,
        address: address.into(),
        channel: Channel::Email,
        reason: reason.into(),
        at: minute(at),
        source: "former_tool".into(),
    }
}

/// Who is whom, as text.
async fn who(state: &State) -> BTreeMap<String, String> {
    let merged = state.identities().merged_all().await.unwrap();
    merged.into_iter().map(|merged| (merged.customer_id.to_string(), merged.survivor_id.to_string())).collect()
}

fn is(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect()
}

async fn standing(state: &State, name: &str, channel: Channel) -> Standing {
    let standings = state.standings().await.unwrap();
    standings.of.get(&customer(name)).and_then(|of| of.get(&channel)).cloned().unwrap_or_default()
}

/// Why a marketing mail to the customer is stopped when it is handed over, and the same by the standings that a plan reads.
async fn stop(state: &State, name: &str) -> String {
    let id = format!("{name}-{}", state.journal().last_position().await.unwrap());
    let mut run = run(&id);
    run.run_id = id.clone();
    let mut send = crate::send(&id, name, model::SendState::Planned);
    send.run_id = id.clone();
    send.due_at = minute(-60);
    let ledger = state.ledger();
    let at = minute(-60);
    ledger.begin(&run).await.unwrap();
    ledger.record_plan(&run, &[], &[send], &[], &[], at).await.unwrap();
    ledger.seal(&run, at).await.unwrap();
    let claimed = ledger.claim(minute(99), 99, std::time::Duration::from_secs(60), "test").await.unwrap();
    let claimed = claimed.into_iter().find(|claimed| claimed.send.send_id == id).expect("it is due");
    let hand = HandOver { send_id: id, fence: claimed.fence, body_hash: "b".into() };
    let handed = ledger.hand(&[hand], minute(99)).await.unwrap();
    let by_ledger = handed.stopped.first().map_or("none", |(_, stop)| stop.name());
    let standing = standing(state, name, Channel::Email).await;
    let by_standing = match () {
        () if standing.is_relay => "relay_address",
        () if !standing.has_address => "no_address",
        () if standing.consents.get(&Purpose::Marketing) != Some(&ConsentState::Granted) => "no_consent",
        () if standing.suppressed.is_some() => "suppressed",
        () => "none",
    };
    if by_ledger != "exited" {
        assert_eq!(by_ledger, by_standing, "the plan and the hand-over agree on {name}");
    }
    by_ledger.into()
}

#[tokio::test]
async fn relatives_who_share_a_phone_stay_two_until_a_person_merges_them() {
    let Shop { state, folder: _folder } = Shop::new().await;
    for name in ["m-1", "m-2"] {
        has(&state, name, ContactKind::Phone, PHONE).await;
        has(&state, name, ContactKind::Postal, "100-0001東京都千代田区1-2-3").await;
    }
    let identities = state.identities();
    identities.settle(&[customer("m-1"), customer("m-2")], minute(1)).await.unwrap();
    assert_eq!(who(&state).await, is(&[]));
    let proposals = identities.proposals().await.unwrap();
    let shown: Vec<_> = proposals.iter().map(|p| (p.a.as_str(), p.b.as_str(), p.reasons.iter().cloned().collect())).collect();
    assert_eq!(shown, [("m-1", "m-2", vec!["same_phone".to_string(), "same_postal".into()])]);

    identities.decline(&customer("m-2"), &customer("m-1"), "hanako", minute(2)).await.unwrap();
    assert_eq!(identities.proposals().await.unwrap(), [], "a declined pair is not proposed again");
    let survivor = identities.merge(&customer("m-2"), &customer("m-1"), "hanako", None, minute(3)).await.unwrap();
    assert_eq!((survivor.as_str(), who(&state).await), ("m-1", is(&[("m-2", "m-1")])));
    assert_eq!(identities.undo(&customer("m-2"), "hanako", minute(4)).await.unwrap().as_str(), "m-1");
    assert_eq!(who(&state).await, is(&[]));
    assert_eq!(identities.proposals().await.unwrap(), []);
    let facts: Vec<_> = state_rows(&state, "identities").await.iter().map(|row| row["linked"].clone()).collect();
    assert_eq!(facts, [true, false], "each change is a fact");
    assert!(identities.undo(&customer("m-2"), "hanako", minute(5)).await.is_err());
}

async fn state_rows(state: &State, table: &str) -> Vec<serde_json::Value> {
    let mut rows = Vec::new();
    for segment in state.journal().tail_part(0, Some(table), usize::MAX).await.unwrap() {
        let text = String::from_utf8(segment.payload).unwrap();
        rows.extend(text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()));
    }
    rows
}

#[tokio::test]
async fn a_guest_becomes_the_member_of_the_same_mail() {
    let check = async |others: &[(&str, ContactKind, &str)], address: &str, merges: bool| {
        let Shop { state, folder: _folder } = Shop::new().await;
        let state = state.with_relay_domains(&["relay.example.jp".into()]);
        let guest = guest_of(&state, address);
        has(&state, guest.as_str(), ContactKind::Email, address).await;
        let mut asked = vec![guest.clone()];
        for (name, kind, address) in others {
            has(&state, name, *kind, address).await;
            asked.push(customer(name));
        }
        state.identities().settle(&asked, minute(1)).await.unwrap();
        state.identities().settle(&asked, minute(2)).await.unwrap();
        let expect = if merges { is(&[(guest.as_str(), others[0].0)]) } else { is(&[]) };
        assert_eq!(who(&state).await, expect, "{others:?}");
        assert_eq!(state_rows(&state, "identities").await.len(), usize::from(merges), "said once");
    };
    use ContactKind::*;
    check(&[("m-1", Email, MAIL)], MAIL, true).await;
    check(&[("m-1", Email, "other@example.jp")], MAIL, false).await;
    check(&[("m-1", Phone, MAIL)], MAIL, false).await;
    // Whose guest it is nobody can say.
    check(&[("m-1", Email, MAIL), ("m-2", Email, MAIL)], MAIL, false).await;
    check(&[("m-1", Email, "x1@relay.example.jp")], "x1@relay.example.jp", false).await;
    check(&[("m-1", Email, "x1@marketplace.amazon.co.jp")], "x1@marketplace.amazon.co.jp", false).await;
}

#[tokio::test]
async fn a_person_who_was_taken_apart_is_not_merged_by_a_rule_again() {
    let Shop { state, folder: _folder } = Shop::new().await;
    let guest = guest_of(&state, MAIL);
    has(&state, guest.as_str(), ContactKind::Email, MAIL).await;
    has(&state, "m-1", ContactKind::Email, MAIL).await;
    state.identities().settle(&[customer("m-1")], minute(1)).await.unwrap();
    state.identities().undo(&guest, "hanako", minute(2)).await.unwrap();
    state.identities().settle(&[customer("m-1"), guest], minute(3)).await.unwrap();
    assert_eq!(who(&state).await, is(&[]));
}

#[tokio::test]
async fn what_a_claim_may_do() {
    let check = async |claims: &[Claim], expect: &[(&str, &str)], visitor: Option<&str>, proposals: usize| {
        let Shop { state, folder: _folder } = Shop::new().await;
        for name in ["m-1", "m-2"] {
            has(&state, name, ContactKind::Email, &format!("{name}@example.jp")).await;
            says(&state, name, Channel::Email, ConsentState::Granted, -5).await;
        }
        let before = state.standings().await.unwrap();
        state.identities().record(claims, minute(1)).await.unwrap();
        assert_eq!(who(&state).await, is(expect), "{claims:?}");
        let of_visitor = state.identities().customer_of_visitor("v").await.unwrap();
        assert_eq!(of_visitor.as_ref().map(CustomerId::as_str), visitor, "{claims:?}");
        assert_eq!(state.identities().proposals().await.unwrap().len(), proposals, "{claims:?}");
        if expect.is_empty() {
            assert_eq!(state.standings().await.unwrap(), before, "{claims:?}");
        }
    };
    let merged: &[(&str, &str)] = &[("m-2", "m-1")];
    check(&[claim("customer", "m-2", "m-1", "line_link", true)], merged, None, 0).await;
    check(&[claim("customer", "m-2", "m-1", "alias", true)], &[], None, 1).await;
    // A guest of somebody else's address.
    check(&[claim("customer", "h-0000", "m-1", "guest_member", true)], &[], None, 1).await;
    // What a public key says.
    for rule in ["alias", "identify", "line_link", "guest_member", "same_id"] {
        check(&[claim("customer", "m-2", "m-1", rule, false)], &[], None, 0).await;
    }
    check(&[claim("visitor", "v", "m-1", "identify", false)], &[], Some("m-1"), 0).await;
    let trusted = claim("visitor", "v", "m-1", "click", true);
    let forged = Claim { at: minute(1), ..claim("visitor", "v", "m-2", "identify", false) };
    check(&[trusted.clone(), forged.clone()], &[], Some("m-1"), 0).await;
    check(&[forged, trusted], &[], Some("m-1"), 0).await;
}

#[tokio::test]
async fn chains_are_resolved_and_undone_where_they_were_tied() {
    let Shop { state, folder: _folder } = Shop::new().await;
    let identities = state.identities();
    let by = "hanako";
    identities.merge(&customer("m-3"), &customer("m-2"), by, None, minute(1)).await.unwrap();
    identities.merge(&customer("m-2"), &customer("m-1"), by, None, minute(2)).await.unwrap();
    assert_eq!(who(&state).await, is(&[("m-2", "m-1"), ("m-3", "m-1")]));
    identities.undo(&customer("m-2"), by, minute(3)).await.unwrap();
    assert_eq!(who(&state).await, is(&[("m-3", "m-2")]));
    identities.merge(&customer("m-2"), &customer("m-1"), by, None, minute(4)).await.unwrap();
    identities.undo(&customer("m-3"), by, minute(5)).await.unwrap();
    assert_eq!(who(&state).await, is(&[("m-2", "m-1")]));
}

#[tokio::test]
async fn undo_restores_every_reachability() {
    let Shop { state, folder: _folder } = Shop::new().await;
    has(&state, "m-1", ContactKind::Phone, PHONE).await;
    has(&state, "m-2", ContactKind::Email, MAIL).await;
    says(&state, "m-1", Channel::Email, ConsentState::Granted, -5).await;
    says(&state, "m-2", Channel::Email, ConsentState::Granted, -4).await;
    says(&state, "m-2", Channel::Sms, ConsentState::Granted, -4).await;
    let bounce = Suppression {
        customer_id: customer("m-2"),
        channel: Channel::Sms,
        reason: "bounced".into(),
        active: true,
        source: "sms".into(),
        changed_at: minute(-3),
    };
    state.consents().record_suppressions(&[(bounce, minute(-3))], minute(-3)).await.unwrap();
    let addresses = async || {
        let asked = [customer("m-1"), customer("m-2")];
        let found = state.vault().addresses(&asked, ContactKind::Email).await.unwrap();
        found.into_iter().map(|(id, address)| format!("{id} {}", address.expose())).collect::<Vec<_>>()
    };
    let clusters = [(customer("m-1"), customer("m-1")), (customer("m-2"), customer("m-2"))].into();
    let before =
        (state.standings().await.unwrap(), addresses().await, state.identities().units(&clusters, minute(0)).await.unwrap());
    state.identities().merge(&customer("m-1"), &customer("m-2"), "hanako", None, minute(1)).await.unwrap();

    let sms = standing(&state, "m-1", Channel::Sms).await;
    assert_eq!((sms.has_address, sms.suppressed.as_deref()), (true, Some("bounced")), "suppressions are the union");
    assert_eq!(sms.consents.get(&Purpose::Marketing), None, "permissions the intersection");
    assert_eq!(addresses().await, [format!("m-1 {MAIL}"), format!("m-2 {MAIL}")], "the survivor is reached at the other's");
    assert_eq!(stop(&state, "m-1").await, "none");
    assert_eq!(stop(&state, "m-2").await, "exited", "only the survivor is sent to");

    state.identities().undo(&customer("m-2"), "hanako", minute(2)).await.unwrap();
    let after =
        (state.standings().await.unwrap(), addresses().await, state.identities().units(&clusters, minute(3)).await.unwrap());
    assert_eq!(after, before);
}

#[tokio::test]
async fn merged_permissions_are_the_intersection_until_the_person_speaks() {
    use ConsentState::*;
    let check = async |one: Option<ConsentState>, other: Option<ConsentState>, later: &[(&str, ConsentState)], expect: &str| {
        let Shop { state, folder: _folder } = Shop::new().await;
        for (name, word) in [("m-1", one), ("m-2", other)] {
            has(&state, name, ContactKind::Email, &format!("{name}@example.jp")).await;
            if let Some(word) = word {
                says(&state, name, Channel::Email, word, -5).await;
            }
        }
        state.identities().merge(&customer("m-1"), &customer("m-2"), "hanako", None, minute(1)).await.unwrap();
        for (index, (name, word)) in later.iter().enumerate() {
            says(&state, name, Channel::Email, *word, 2 + index as i64).await;
        }
        assert_eq!(stop(&state, "m-1").await, expect, "{one:?} {other:?} {later:?}");
    };
    check(Some(Granted), Some(Granted), &[], "none").await;
    check(Some(Granted), Some(Revoked), &[], "no_consent").await;
    check(Some(Revoked), Some(Granted), &[], "no_consent").await;
    check(Some(Granted), None, &[], "no_consent").await;
    check(None, Some(Granted), &[], "no_consent").await;
    check(None, None, &[], "no_consent").await;
    check(Some(Granted), Some(Revoked), &[("m-1", Granted)], "none").await;
    check(Some(Granted), Some(Revoked), &[("m-2", Granted)], "none").await;
    check(Some(Granted), Some(Granted), &[("m-1", Granted), ("m-2", Revoked)], "no_consent").await;
}

#[tokio::test]
async fn a_guest_who_said_nothing_is_covered_by_the_member() {
    let check = async |guest_says: Option<ConsentState>, expect: &str| {
        let Shop { state, folder: _folder } = Shop::new().await;
        let guest = guest_of(&state, MAIL);
        has(&state, guest.as_str(), ContactKind::Email, MAIL).await;
        has(&state, "m-1", ContactKind::Email, MAIL).await;
        says(&state, "m-1", Channel::Email, ConsentState::Granted, -9).await;
        if let Some(word) = guest_says {
            says(&state, guest.as_str(), Channel::Email, word, -20).await;
        }
        state.identities().settle(&[guest], minute(1)).await.unwrap();
        assert_eq!(stop(&state, "m-1").await, expect, "{guest_says:?}");
    };
    check(None, "none").await;
    check(Some(ConsentState::Granted), "none").await;
    check(Some(ConsentState::Revoked), "no_consent").await;
}

#[tokio::test]
async fn a_blocked_address_stays_blocked_for_whoever_has_it() {
    let check = async |reason: &str, expect: &str| {
        let Shop { state, folder: _folder } = Shop::new().await;
        let guest = guest_of(&state, MAIL);
        state.consents().suppress_addresses(&[blocked(MAIL, reason, -100)], minute(-9)).await.unwrap();
        for name in ["m-1", guest.as_str(), "m-2"] {
            has(&state, name, ContactKind::Email, MAIL).await;
            says(&state, name, Channel::Email, ConsentState::Granted, -5).await;
            assert_eq!(stop(&state, name).await, expect, "{name} has it later");
        }
        let told = state_rows(&state, "suppressions").await;
        assert_eq!(told.iter().map(|row| row["reason"].as_str().unwrap()).collect::<Vec<_>>(), [reason; 3]);
        // Imported again, with a newer permission.
        has(&state, "m-1", ContactKind::Email, MAIL).await;
        says(&state, "m-1", Channel::Email, ConsentState::Granted, -1).await;
        assert_eq!(stop(&state, "m-1").await, expect);
        // A copy of one, merged.
        has(&state, "m-3", ContactKind::Phone, PHONE).await;
        says(&state, "m-3", Channel::Email, ConsentState::Granted, -5).await;
        state.identities().merge(&customer("m-3"), &customer("m-2"), "hanako", None, minute(1)).await.unwrap();
        says(&state, "m-2", Channel::Email, ConsentState::Granted, 5).await;
        assert_eq!(stop(&state, "m-2").await, expect);
        // Another address is not blocked.
        has(&state, "m-4", ContactKind::Email, "new@example.jp").await;
        says(&state, "m-4", Channel::Email, ConsentState::Granted, -5).await;
        assert_eq!(stop(&state, "m-4").await, "none");
        let lift = [blocked(MAIL, reason, 6)];
        state.consents().lift_addresses(&lift, minute(6)).await.unwrap();
        assert_eq!(stop(&state, "m-1").await, "none");
        // An older list does not bring it back.
        state.consents().suppress_addresses(&[blocked(MAIL, reason, -100)], minute(7)).await.unwrap();
        assert_eq!(stop(&state, "m-1").await, "none");
    };
    check(OPTED_OUT, "no_consent").await;
    check("bounced", "suppressed").await;
}

#[tokio::test]
async fn a_bounce_is_of_the_address() {
    let Shop { state, folder: _folder } = Shop::new().await;
    for name in ["m-1", "m-2"] {
        has(&state, name, ContactKind::Email, MAIL).await;
        says(&state, name, Channel::Email, ConsentState::Granted, -5).await;
    }
    let (bounce, at) = crate::consent::suppression("m-1", "bounced", true, minute(1));
    state.consents().record_suppressions(&[(bounce, at)], minute(1)).await.unwrap();
    assert_eq!(stop(&state, "m-2").await, "suppressed", "they share it");
    let told = state_rows(&state, "suppressions").await;
    assert_eq!(told.iter().map(|row| row["customer_id"].as_str().unwrap()).collect::<Vec<_>>(), ["m-1", "m-2"]);
}

#[tokio::test]
async fn a_relay_address_is_not_written_to() {
    let Shop { state, folder: _folder } = Shop::new().await;
    has(&state, "m-1", ContactKind::Email, "x@fw.rakuten.ne.jp").await;
    says(&state, "m-1", Channel::Email, ConsentState::Granted, -5).await;
    assert_eq!(stop(&state, "m-1").await, "relay_address");
    assert!(state.vault().addresses(&[customer("m-1")], ContactKind::Email).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_unit_is_kept_from_first_use() {
    let Shop { state, folder: _folder } = Shop::new().await;
    let units = async |clusters: &[(&str, &str)], at| {
        let clusters = clusters.iter().map(|(name, cluster)| (customer(name), customer(cluster))).collect();
        let units = state.identities().units(&clusters, minute(at)).await.unwrap();
        units.into_iter().map(|(name, unit)| format!("{name} {unit}")).collect::<Vec<_>>()
    };
    assert_eq!(units(&[("m-5", "m-5"), ("m-6", "m-5"), ("m-8", "m-8")], 1).await, ["m-6 m-5"]);
    // A smaller id joins both.
    let joined = [("m-1", "m-1"), ("m-5", "m-1"), ("m-6", "m-1"), ("m-8", "m-8")];
    assert_eq!(units(&joined, 2).await, ["m-1 m-5", "m-6 m-5"]);
    assert_eq!(units(&[("m-2", "m-2"), ("m-8", "m-2")], 3).await, ["m-1 m-5", "m-2 m-8", "m-6 m-5"]);
    assert_eq!(units(&[("m-0", "m-0")], 4).await, ["m-1 m-5", "m-2 m-8", "m-6 m-5"]);
    // Whoever was bucketed first gives the unit, though the smaller id survives.
    state.identities().merge(&customer("m-0"), &customer("m-8"), "hanako", None, minute(5)).await.unwrap();
    assert_eq!(units(&[], 6).await, ["m-0 m-8", "m-1 m-5", "m-2 m-8", "m-6 m-5"]);
    assert_eq!(state.identities().contaminated().await.unwrap(), [(customer("m-8"), customer("m-0"))]);
    state.identities().undo(&customer("m-8"), "hanako", minute(7)).await.unwrap();
    assert_eq!(units(&[], 8).await, ["m-1 m-5", "m-2 m-8", "m-6 m-5"]);
}

#[derive(Debug, Clone)]
enum Word {
    Rule,
    Together,
    Apart,
}

async fn said(words: &[(Word, usize, usize, i64)]) -> BTreeMap<String, String> {
    let Shop { state, folder: _folder } = Shop::new().await;
    let name = |index: usize| format!("m-{index}");
    for (word, a, b, at) in words {
        let (a, b, now): (String, String, Instant) = (name(*a), name(*b), minute(*at));
        let identities = state.identities();
        match word {
            Word::Rule => {
                let claim = Claim { at: now, ..claim("customer", &a, &b, "line_link", true) };
                identities.record(&[claim], minute(100)).await.unwrap();
            }
            Word::Together => {
                identities.merge(&customer(&a), &customer(&b), "hanako", None, now).await.unwrap();
            }
            Word::Apart => identities.decline(&customer(&a), &customer(&b), "hanako", now).await.unwrap(),
        }
    }
    let told = who(&state).await;
    // The last fact on each customer says the same.
    let mut by_facts: BTreeMap<String, String> = BTreeMap::new();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for row in state_rows(&state, "identities").await {
        let text = |column: &str| row[column].as_str().unwrap().to_string();
        let (from, at) = (text("from_id"), text("occurred_at"));
        assert!(last.get(&from).is_none_or(|last| *last <= at), "facts on one customer do not go back in time");
        last.insert(from.clone(), at);
        match row["linked"].as_bool().unwrap() {
            true => by_facts.insert(from, text("survivor_id")),
            false => by_facts.remove(&from),
        };
    }
    assert_eq!(by_facts, told);
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any order of what was said ends in the same people as the order of time. At one instant apart wins.
    #[test]
    fn the_order_in_which_it_was_said_does_not_matter(
        words in prop::collection::vec(
            (prop_oneof![Just(Word::Rule), Just(Word::Together), Just(Word::Apart)], 0usize..5, 0usize..5, 0i64..6), 0..8,
        ).prop_map(|words| words.into_iter().filter(|(_, a, b, _)| a != b).collect::<Vec<_>>()),
        seed in any::<u64>(),
    ) {
        let mut shuffled = words.clone();
        let mut sorted = words;
        sorted.sort_by_key(|(.., at)| *at);
        let mut draw = seed;
        for index in (1..shuffled.len()).rev() {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (draw >> 33) as usize % (index + 1));
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (by_time, by_chance) = runtime.block_on(async { (said(&sorted).await, said(&shuffled).await) });
        prop_assert_eq!(by_time, by_chance);
    }
}
