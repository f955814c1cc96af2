//! The ledger: plans sealed whole, every transition of a send, and what a restart finds.

use std::time::Duration;

use model::{
    Channel, ConsentState, ContactKind, EntryStatus, EntryStep, Exposure, Instant, Outcome, Purpose, Send, SendState, Stop,
    StopRow,
};
use state::{
    Begun, Claimed, Fence, Frozen, HandOver, Narrow, Recorded, Recovered, Repeated, Resolution, Resolved, Sealed, Secret, SentIn,
    Settling, StateError,
};

use crate::{
    Shop,
    consent::{consent, suppression},
    customer, minute, run, send,
    vault::contact,
};

const LEASE: Duration = Duration::from_secs(300);

fn entry(id: &str, customer_id: &str, step: &str, due_at: Instant) -> EntryStep {
    EntryStep {
        entry_id: id.into(),
        run_id: "r1".into(),
        scenario: "cart-recovery".into(),
        scenario_version: "v1".into(),
        customer_id: customer(customer_id),
        entry_key: "cart-1".into(),
        entered_at: minute(-60),
        status: EntryStatus::Waiting,
        step: step.into(),
        due_at,
        held_out: false,
        reason: None,
        context: serde_json::json!({ "cart_value": "1200" }),
    }
}

/// A shop whose customers a, b and c may be mailed.
async fn shop() -> Shop {
    let shop = Shop::new().await;
    for name in ["a", "b", "c"] {
        let address = contact(name, ContactKind::Email, &format!("{name}@example.jp"));
        shop.state.vault().put(&[address], "file", minute(-90)).await.unwrap();
        shop.state.consents().record_consents(&[consent(name, ConsentState::Granted, minute(-90))], minute(-90)).await.unwrap();
    }
    shop
}

async fn plan(shop: &Shop, run_id: &str, sends: &[Send]) {
    let ledger = shop.state.ledger();
    ledger.begin(&run(run_id)).await.unwrap();
    ledger.record_plan(&run(run_id), &[], sends, &[], &[], minute(0)).await.unwrap();
    ledger.seal(&run(run_id), minute(0)).await.unwrap();
}

async fn claim(shop: &Shop, at: i64) -> Vec<Claimed> {
    shop.state.ledger().claim(minute(at), 100, LEASE, "runner").await.unwrap()
}

fn hand_over(claimed: &Claimed) -> HandOver {
    HandOver { send_id: claimed.send.send_id.clone(), fence: claimed.fence, body_hash: "h".into() }
}

/// Plans and hands over one send to customer a.
async fn handed(shop: &Shop) -> (String, Fence) {
    plan(shop, "r1", &[send("s1", "a", SendState::Planned)]).await;
    let claimed = claim(shop, 0).await.remove(0);
    assert_eq!(shop.state.ledger().hand(&[hand_over(&claimed)], minute(0)).await.unwrap().handed, ["s1"]);
    ("s1".into(), claimed.fence)
}

async fn state_of(shop: &Shop, send_id: &str) -> (SendState, Option<String>) {
    let held = shop.state.ledger().send(send_id).await.unwrap().unwrap();
    (held.send.state, held.send.detail)
}

/// The states the journal tells of, in order.
async fn told(shop: &Shop) -> Vec<String> {
    let rows = shop.journaled("sends").await;
    rows.iter().map(|row| format!("{} {}", row["send_id"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_plan_holds_when_it_is_sealed_and_not_before() {
    let shop = shop().await;
    let ledger = shop.state.ledger();
    assert!(matches!(ledger.record_plan(&run("r1"), &[], &[], &[], &[], minute(0)).await, Err(StateError::NotBegun(_))));
    assert_eq!(ledger.begin(&run("r1")).await.unwrap(), Begun::Fresh);
    let stop = StopRow {
        run_id: "r1".into(),
        entry_id: "e2".into(),
        scenario: "cart-recovery".into(),
        step: "remind".into(),
        customer_id: customer("b"),
        channel: Some(Channel::Line),
        reason: Stop::NoAddress.name().into(),
        detail: None,
    };
    let exposure = Exposure {
        experiment: "cart-recovery".into(),
        version: "v1".into(),
        unit: "a".into(),
        customer_id: Some(customer("a")),
        arm: "treatment".into(),
        scenario: None,
        step: None,
        send_id: None,
        source: "scenario".into(),
    };
    let first = [entry("e1", "a", "wait", minute(0)), entry("e1", "a", "remind", minute(10))];
    let sends = [send("s1", "a", SendState::Planned), send("g1", "b", SendState::Ghost)];
    let record = async |entries: &[EntryStep], sends: &[Send]| {
        ledger
            .record_plan(&run("r1"), entries, sends, std::slice::from_ref(&stop), std::slice::from_ref(&exposure), minute(0))
            .await
    };
    assert_eq!(record(&first, &sends).await.unwrap(), Recorded::Chunk(1));
    assert_eq!(record(&[entry("e2", "b", "wait", minute(20))], &sends).await.unwrap(), Recorded::Chunk(2));
    assert!(matches!(record(&[], &[send("x", "a", SendState::Accepted)]).await, Err(StateError::NotPlannable { .. })));
    assert_eq!((claim(&shop, 5).await, ledger.open_entries(minute(99)).await.unwrap()), (vec![], vec![]), "nobody sees it yet");
    assert_eq!(told(&shop).await, Vec::<String>::new());

    let Sealed::Now(settled) = ledger.seal(&run("r1"), minute(1)).await.unwrap() else { panic!("sealed now") };
    assert_eq!((settled.chunks, settled.entries, settled.sends, settled.known_sends), (2, 3, 2, 2));
    assert_eq!(ledger.seal(&run("r1"), minute(1)).await.unwrap(), Sealed::AlreadySealed);
    assert_eq!(ledger.begin(&run("r1")).await.unwrap(), Begun::AlreadySealed);
    assert_eq!(record(&first, &[send("s9", "a", SendState::Planned)]).await.unwrap(), Recorded::AlreadySealed);

    let steps = |entries: Vec<EntryStep>| entries.into_iter().map(|e| format!("{} {}", e.entry_id, e.step)).collect::<Vec<_>>();
    assert_eq!(steps(ledger.open_entries(minute(10)).await.unwrap()), ["e1 remind"], "the last move stands");
    assert_eq!(steps(ledger.entries_of(&[customer("b"), customer("a")]).await.unwrap()), ["e1 remind", "e2 wait"]);
    let past = ledger.past_entries("cart-recovery").await.unwrap();
    assert_eq!((past.len(), past[0].entry_key.as_str(), past[0].entered_at), (2, "cart-1", minute(-60)));
    let passes = async |scenario| ledger.passes_of(&[customer("b"), customer("z")], &["other", scenario]).await.unwrap();
    assert_eq!((passes("cart-recovery").await.as_slice(), passes("cart").await.as_slice()), (&past[1..], &[][..]));
    assert_eq!(ledger.open_entries(minute(99)).await.unwrap()[0], first[1], "an entry comes back as it was recorded");
    assert_eq!(told(&shop).await, ["s1 planned", "g1 ghost"]);
    assert_eq!(shop.journaled("entries").await.len(), 3);
    let counted =
        [shop.journaled("stops").await.len(), shop.journaled("exposures").await.len(), shop.journaled("runs").await.len()];
    assert_eq!(counted, [1, 1, 1]);
    assert_eq!(ledger.run("r1").await.unwrap(), Some((run("r1"), Some(minute(1)))));
    assert_eq!(claim(&shop, 5).await.len(), 1, "ghosts are never sent");
}

#[tokio::test]
async fn a_run_that_died_is_begun_again_from_nothing() {
    let mut shop = shop().await;
    let chunk = async |shop: &Shop, id: &str| {
        let sends = [send(id, "a", SendState::Planned)];
        shop.state
            .ledger()
            .record_plan(&run("r1"), &[entry("e1", "a", id, minute(0))], &sends, &[], &[], minute(0))
            .await
            .unwrap()
    };
    shop.state.ledger().begin(&run("r1")).await.unwrap();
    chunk(&shop, "s1").await;
    shop = shop.reopen().await;
    assert_eq!(claim(&shop, 5).await, []);
    assert_eq!(shop.state.ledger().begin(&run("r1")).await.unwrap(), Begun::Restarted);
    assert_eq!(chunk(&shop, "s2").await, Recorded::Chunk(1));
    shop.state.ledger().seal(&run("r1"), minute(0)).await.unwrap();
    assert_eq!(told(&shop).await, ["s2 planned"]);
    assert_eq!(shop.state.ledger().send("s1").await.unwrap(), None);
}

#[tokio::test]
async fn a_second_plan_of_a_send_is_a_no_op() {
    let shop = shop().await;
    let (id, fence) = handed(&shop).await;
    shop.state.ledger().outcomes(&[(id, fence, Outcome::Accepted { provider_id: None })], minute(1)).await.unwrap();
    let again = Send { run_id: "r2".into(), state: SendState::Deferred, ..send("s1", "a", SendState::Planned) };
    plan(&shop, "r2", &[again]).await;
    assert_eq!(state_of(&shop, "s1").await.0, SendState::Accepted);
    assert_eq!(told(&shop).await, ["s1 planned", "s1 handed", "s1 accepted"]);
}

#[tokio::test]
async fn due_sends_are_claimed_once_and_an_old_fence_is_refused() {
    let shop = shop().await;
    let later = Send { due_at: minute(30), ..send("s3", "a", SendState::Deferred) };
    plan(&shop, "r1", &[send("s1", "b", SendState::Planned), send("s2", "a", SendState::Planned), later]).await;
    let ledger = shop.state.ledger();
    assert_eq!(ledger.next_due().await.unwrap(), Some(minute(0)));
    let one = ledger.claim(minute(0), 1, LEASE, "slow").await.unwrap();
    assert_eq!((one[0].send.send_id.as_str(), one[0].fence), ("s1", Fence(1)));
    let rest = claim(&shop, 1).await;
    assert_eq!(rest.iter().map(|claimed| claimed.send.send_id.as_str()).collect::<Vec<_>>(), ["s2"]);
    assert_eq!(claim(&shop, 1).await, []);
    assert_eq!(ledger.next_due().await.unwrap(), Some(minute(30)));
    // The lease runs out, another runner takes it, the first one wakes up.
    let taken = ledger.claim(minute(5), 1, LEASE, "fast").await.unwrap();
    assert_eq!((taken[0].send.send_id.as_str(), taken[0].fence), ("s1", Fence(2)));
    let handed = ledger.hand(&[hand_over(&one[0]), hand_over(&rest[0])], minute(5)).await.unwrap();
    assert_eq!((handed.lost, handed.handed), (vec!["s1".to_string()], vec!["s2".to_string()]));
    let narrowed = ledger.narrow(&[("s1".into(), one[0].fence, Narrow::Stop(Stop::Expired))], minute(5)).await.unwrap();
    assert_eq!(narrowed.lost, ["s1"]);
    assert_eq!(ledger.hand(&[hand_over(&taken[0]), hand_over(&taken[0])], minute(5)).await.unwrap().lost, ["s1"], "handed once");
    let accepted = |id: &str, fence| (id.to_string(), fence, Outcome::Accepted { provider_id: Some("p".into()) });
    let error = ledger.outcomes(&[accepted("s1", one[0].fence), accepted("s2", rest[0].fence)], minute(6)).await.unwrap_err();
    assert_eq!(error.to_string(), "someone else acted on s1");
    assert_eq!((state_of(&shop, "s1").await.0, state_of(&shop, "s2").await.0), (SendState::Handed, SendState::Accepted));
    ledger.outcomes(&[accepted("s1", taken[0].fence)], minute(6)).await.unwrap();
    assert!(ledger.outcomes(&[accepted("s1", taken[0].fence)], minute(6)).await.is_err(), "an outcome is final");
    assert_eq!(claim(&shop, 30).await.len(), 1, "the deferred one is due");
}

#[tokio::test]
async fn what_holds_at_the_send_instant_decides() {
    let shop = shop().await;
    let sends = ["a", "b", "c", "nobody"].map(|name| send(&format!("s-{name}"), name, SendState::Planned));
    plan(&shop, "r1", &sends).await;
    let claimed = claim(&shop, 0).await;
    shop.state.consents().record_consents(&[consent("b", ConsentState::Revoked, minute(1))], minute(1)).await.unwrap();
    shop.state.consents().record_suppressions(&[suppression("c", "bounced", true, minute(1))], minute(1)).await.unwrap();
    let overs: Vec<_> = claimed.iter().map(hand_over).collect();
    let handed = shop.state.ledger().hand(&overs, minute(2)).await.unwrap();
    assert_eq!(handed.handed, ["s-a"]);
    let stopped: Vec<_> = handed.stopped.iter().map(|(id, stop)| (id.as_str(), stop.name())).collect();
    assert_eq!(stopped, [("s-b", "no_consent"), ("s-c", "suppressed"), ("s-nobody", "no_address")]);
    assert_eq!(state_of(&shop, "s-c").await, (SendState::Stopped, Some("suppressed: bounced".into())));
    assert_eq!(told(&shop).await[4..], ["s-a handed", "s-b stopped", "s-c stopped", "s-nobody stopped"]);
    assert_eq!(shop.journaled("stops").await.len(), 3, "each with its reason");
    let counts = shop.state.ledger().counts().await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(SendState::Handed, 1), (SendState::Stopped, 3)]);
}

#[tokio::test]
async fn the_caller_may_only_narrow() {
    let shop = shop().await;
    plan(&shop, "r1", &[send("s1", "a", SendState::Planned), send("s2", "b", SendState::Planned)]).await;
    let claimed = claim(&shop, 0).await;
    let quiet = Narrow::Defer { until: minute(600), why: Stop::Quiet { until: minute(600) } };
    let cap = Narrow::Stop(Stop::Cap { sent: 3, max: 3 });
    let narrows = [("s1".to_string(), claimed[0].fence, quiet), ("s2".to_string(), claimed[1].fence, cap)];
    assert_eq!(shop.state.ledger().narrow(&narrows, minute(0)).await.unwrap().done, ["s1", "s2"]);
    assert_eq!(state_of(&shop, "s2").await, (SendState::Stopped, Some("cap: 3 of 3 sent".into())));
    assert_eq!(claim(&shop, 599).await, []);
    assert_eq!(claim(&shop, 600).await[0].fence, Fence(2));
    assert_eq!(shop.journaled("stops").await.len(), 1, "a deferral is no stop");
}

#[tokio::test]
async fn each_answer_has_its_state_and_its_fact() {
    let check = async |outcome: Outcome, state, detail: Option<&str>, claimable_at: Option<i64>| {
        let shop = shop().await;
        let (id, fence) = handed(&shop).await;
        shop.state.ledger().outcomes(&[(id, fence, outcome.clone())], minute(1)).await.unwrap();
        assert_eq!(state_of(&shop, "s1").await, (state, detail.map(String::from)), "{outcome:?}");
        assert_eq!(told(&shop).await.last().unwrap(), &format!("s1 {}", state.name()));
        assert_eq!(shop.state.ledger().next_due().await.unwrap(), claimable_at.map(minute));
    };
    check(Outcome::Accepted { provider_id: Some("p".into()) }, SendState::Accepted, None, None).await;
    check(Outcome::Rejected { reason: "550".into(), bounced: false }, SendState::Failed, Some("550"), None).await;
    check(Outcome::Ambiguous { reason: "timeout".into() }, SendState::Ambiguous, Some("timeout"), None).await;
    let until = Some(minute(7));
    let detail = format!("429; until {}", model::time::rfc3339(minute(7)));
    check(Outcome::Deferred { until, reason: "429".into() }, SendState::Deferred, Some(&detail), Some(7)).await;
    let detail = format!("busy; until {}", model::time::rfc3339(minute(2)));
    check(Outcome::Deferred { until: None, reason: "busy".into() }, SendState::Deferred, Some(&detail), Some(2)).await;
}

#[tokio::test]
async fn an_address_that_bounced_is_not_written_to_again() {
    let check = async |bounced: bool, expect: &[&str]| {
        let shop = shop().await;
        let (id, fence) = handed(&shop).await;
        let refused = Outcome::Rejected { reason: "550 5.1.1".into(), bounced };
        let whose = shop.state.ledger().outcomes(&[(id, fence, refused)], minute(1)).await.unwrap();
        assert_eq!(whose, expect.iter().map(|_| customer("a")).collect::<Vec<_>>());
        let suppressed = shop.state.consents().suppressions_of(&customer("a")).await.unwrap();
        assert_eq!(suppressed.iter().map(|now| now.reason.as_str()).collect::<Vec<_>>(), expect);
        assert_eq!(shop.journaled("suppressions").await.len(), expect.len());
        plan(&shop, "r2", &[send("s2", "a", SendState::Planned)]).await;
        let again = claim(&shop, 2).await.remove(0);
        let over = shop.state.ledger().hand(&[hand_over(&again)], minute(2)).await.unwrap();
        assert_eq!(over.stopped.len(), expect.len());
    };
    check(true, &["bounced"]).await;
    check(false, &[]).await;
}

#[tokio::test]
async fn what_failed_for_good_is_told_with_its_pass() {
    let shop = shop().await;
    let ledger = shop.state.ledger();
    let transactional = |id: &str| Send { purpose: Purpose::Transactional, ..send(id, "b", SendState::Planned) };
    let later = Send { due_at: minute(1), entry_id: "entry-s1".into(), ..send("s5", "a", SendState::Planned) };
    let sends = [send("s1", "a", SendState::Planned), send("s2", "b", SendState::Planned), transactional("s3"), later];
    let entries =
        ["s1", "s2", "s3"].map(|id| entry(&format!("entry-{id}"), if id == "s1" { "a" } else { "b" }, "end", minute(0)));
    ledger.begin(&run("r1")).await.unwrap();
    ledger.record_plan(&run("r1"), &entries, &sends, &[], &[], minute(0)).await.unwrap();
    ledger.seal(&run("r1"), minute(0)).await.unwrap();
    let claimed = claim(&shop, 1).await;
    ledger.hand(&claimed.iter().map(hand_over).collect::<Vec<_>>(), minute(1)).await.unwrap();
    let outcome = |claimed: &Claimed| {
        let outcome = match claimed.send.send_id.as_str() {
            "s1" | "s5" => Outcome::Rejected { reason: "404".into(), bounced: false },
            _ => Outcome::Ambiguous { reason: "reset".into() },
        };
        (claimed.send.send_id.clone(), claimed.fence, outcome)
    };
    ledger.outcomes(&claimed.iter().map(outcome).collect::<Vec<_>>(), minute(2)).await.unwrap();
    for id in ["s2", "s3"] {
        let park = Resolution::Park { reason: "unknown".into() };
        ledger.resolve_ambiguous(id, park, minute(3)).await.unwrap();
    }
    let check = async |since: i64, expect: &[(&str, &str, i64, i64)]| {
        let failed = ledger.failed_sends(minute(since)).await.unwrap();
        let got: Vec<_> = failed
            .iter()
            .map(|failed| (failed.send.send_id.as_str(), failed.entry.entry_id.as_str(), failed.step_due, failed.failed_at))
            .collect();
        let expect: Vec<_> = expect.iter().map(|(send, entry, due, at)| (*send, *entry, minute(*due), minute(*at))).collect();
        assert_eq!(got, expect, "{since}");
    };
    // Nobody knows of s2 either, and it is an advertisement: there it ends.
    check(0, &[("s1", "entry-s1", 0, 2), ("s5", "entry-s1", 0, 2), ("s3", "entry-s3", 0, 3)]).await;
    check(3, &[("s3", "entry-s3", 0, 3)]).await;
    check(4, &[]).await;
}

/// The journal tells of every attempt: none of them is taken for a repetition of an earlier one.
#[tokio::test]
async fn a_second_attempt_is_told_too() {
    let shop = shop().await;
    let (mut id, mut fence) = handed(&shop).await;
    for at in [1, 11] {
        let busy = Outcome::Deferred { until: Some(minute(at + 9)), reason: "busy".into() };
        shop.state.ledger().outcomes(&[(id, fence, busy)], minute(at)).await.unwrap();
        let claimed = claim(&shop, at + 9).await.remove(0);
        shop.state.ledger().hand(&[hand_over(&claimed)], minute(at + 9)).await.unwrap();
        (id, fence) = (claimed.send.send_id, claimed.fence);
    }
    let handed = ["s1 planned", "s1 handed", "s1 deferred", "s1 handed", "s1 deferred", "s1 handed"];
    assert_eq!((told(&shop).await, fence), (handed.map(String::from).to_vec(), Fence(3)));
    assert_eq!(shop.state.ledger().send("s1").await.unwrap().unwrap().attempts, 3);
}

#[tokio::test]
async fn after_a_crash_an_unanswered_send_is_ambiguous_never_planned() {
    let mut shop = shop().await;
    plan(&shop, "r0", &[send("s0", "b", SendState::Planned)]).await;
    claim(&shop, 0).await;
    let (id, fence) = handed(&shop).await;
    shop = shop.reopen().await;
    let ledger = shop.state.ledger();
    assert_eq!(ledger.recover(minute(1)).await.unwrap(), Recovered { ambiguous: 1, released: 1 }, "a start ends every claim");
    assert_eq!(ledger.recover(minute(6)).await.unwrap(), Recovered { ambiguous: 0, released: 0 }, "nothing is left to recover");
    assert_eq!(claim(&shop, 6).await.iter().map(|claimed| claimed.send.send_id.as_str()).collect::<Vec<_>>(), ["s0"]);
    let zombie = ledger.outcomes(&[(id.clone(), fence, Outcome::Accepted { provider_id: None })], minute(7)).await;
    assert!(matches!(zombie, Err(StateError::SomeoneElseActed { .. })));
    let unknown = ledger.ambiguous().await.unwrap();
    assert_eq!((unknown.len(), unknown[0].body_hash.as_deref(), unknown[0].handed_at), (1, Some("h"), Some(minute(0))));
    assert_eq!(unknown[0].send.detail.as_deref(), Some("the program ended before the answer"));
}

#[tokio::test]
async fn an_unknown_outcome_is_cleared_up_or_waits_for_a_person() {
    let ambiguous = async || {
        let shop = shop().await;
        let (id, fence) = handed(&shop).await;
        shop.state.ledger().outcomes(&[(id, fence, Outcome::Ambiguous { reason: "reset".into() })], minute(1)).await.unwrap();
        shop
    };
    let check = async |how: Resolution, state| {
        let shop = ambiguous().await;
        let resolved = shop.state.ledger().resolve_ambiguous("s1", how.clone(), minute(2)).await.unwrap();
        assert_eq!(state_of(&shop, "s1").await.0, state, "{how:?}");
        assert_eq!(told(&shop).await.last().unwrap(), &format!("s1 {}", state.name()));
        (shop, resolved)
    };
    check(Resolution::Accepted { provider_id: Some("p".into()) }, SendState::Accepted).await;
    let (shop, _) = check(Resolution::Absent { until: minute(5) }, SendState::Deferred).await;
    assert_eq!(claim(&shop, 5).await.len(), 1);

    let (shop, resolved) = check(Resolution::HandAgain, SendState::Handed).await;
    let Resolved::Handed(again) = resolved else { panic!("handed again") };
    assert_eq!(again.fence, Fence(2));
    let accepted = Outcome::Accepted { provider_id: None };
    let ledger = shop.state.ledger();
    assert!(ledger.outcomes(&[("s1".into(), Fence(1), accepted.clone())], minute(3)).await.is_err(), "the first attempt is past");
    ledger.outcomes(&[("s1".into(), again.fence, accepted)], minute(3)).await.unwrap();

    let (shop, _) = check(Resolution::Park { reason: "no way to ask".into() }, SendState::Parked).await;
    let ledger = shop.state.ledger();
    assert_eq!(ledger.parked().await.unwrap()[0].send.detail.as_deref(), Some("no way to ask"));
    assert!(ledger.resolve_ambiguous("s1", Resolution::HandAgain, minute(3)).await.is_err(), "parked is for a person");
    let again = ledger.resend("s1", "anna", minute(3)).await.unwrap();
    assert!(matches!(again, Resolved::Handed(claimed) if claimed.fence == Fence(2)));
    assert_eq!(state_of(&shop, "s1").await, (SendState::Handed, Some("sent again by anna (attempt 2)".into())));

    // An opt-out forbids a second attempt as well.
    let shop = ambiguous().await;
    shop.state.consents().record_consents(&[consent("a", ConsentState::Revoked, minute(2))], minute(2)).await.unwrap();
    let resolved = shop.state.ledger().resolve_ambiguous("s1", Resolution::HandAgain, minute(3)).await.unwrap();
    assert_eq!((resolved, state_of(&shop, "s1").await.0), (Resolved::Refused(Stop::NoConsent), SendState::Parked));
    assert_eq!(shop.state.ledger().resend("s1", "anna", minute(3)).await.unwrap(), Resolved::Refused(Stop::NoConsent));
    assert_eq!(state_of(&shop, "s1").await.0, SendState::Stopped);
}

/// Three sends in one call that is kept, handed over, of unknown outcome.
async fn one_call_unknown() -> Shop {
    let shop = shop().await;
    plan(&shop, "r1", &["a", "b", "c"].map(|name| send(&format!("s-{name}"), name, SendState::Planned))).await;
    let claimed = claim(&shop, 0).await;
    let over: Vec<HandOver> = claimed.iter().map(hand_over).collect();
    let freeze = |handed: &[String]| {
        let bytes = Secret::new(b"canary@example.jp".to_vec());
        vec![Frozen { members: handed.iter().rev().cloned().collect(), bytes }]
    };
    let handed = shop.state.ledger().hand_frozen(&over, minute(0), freeze).await.unwrap();
    assert_eq!(handed.handed.len(), 3);
    let shop = shop.reopen().await;
    assert_eq!(shop.state.ledger().recover(minute(1)).await.unwrap().ambiguous, 3);
    shop
}

#[tokio::test]
async fn a_call_is_repeated_as_it_left_or_not_at_all() {
    let shop = one_call_unknown().await;
    let ledger = shop.state.ledger();
    let call = ledger.call_of("s-b").await.unwrap().unwrap();
    assert_eq!((call.call_id.as_str(), call.made_at), ("s-c", minute(0)));
    let Repeated::Handed { members, bytes } = ledger.repeat_call("s-c", minute(2)).await.unwrap() else { panic!("repeated") };
    assert_eq!(members, ["s-c", "s-b", "s-a"].map(|id| (id.to_string(), Fence(2))));
    assert_eq!(bytes.expose(), b"canary@example.jp");
    assert_eq!(ledger.repeat_call("s-c", minute(2)).await.unwrap(), Repeated::Gone, "it is under way");
    let outcomes =
        |outcome: Outcome| members.iter().map(move |(id, fence)| (id.clone(), *fence, outcome.clone())).collect::<Vec<_>>();
    ledger.outcomes(&outcomes(Outcome::Ambiguous { reason: "500".into() }), minute(3)).await.unwrap();
    let held = ledger.send("s-a").await.unwrap().unwrap();
    assert_eq!((held.attempts, held.repeat_at()), (2, minute(4)));
    assert!(matches!(ledger.repeat_call("s-c", minute(4)).await.unwrap(), Repeated::Handed { .. }));
    let late = ledger.outcomes(&outcomes(Outcome::Accepted { provider_id: None }), minute(5)).await;
    assert!(matches!(late, Err(StateError::SomeoneElseActed { .. })), "the fence of the first repetition is past");
    assert!(ledger.call_of("s-a").await.unwrap().is_some(), "who is late forgets nothing");
    let accepted = ["s-a", "s-b", "s-c"].map(|id| (id.to_string(), Fence(3), Outcome::Accepted { provider_id: None }));
    ledger.outcomes(&accepted, minute(5)).await.unwrap();
    assert_eq!(ledger.call_of("s-a").await.unwrap(), None, "what is known is not kept");
}

#[tokio::test]
async fn a_kept_call_is_sealed_and_given_up_with_any_of_its_members() {
    let shop = one_call_unknown().await;
    for entry in std::fs::read_dir(shop.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(17).any(|window| window == b"canary@example.jp"));
    }
    shop.state.consents().record_consents(&[consent("b", ConsentState::Revoked, minute(2))], minute(2)).await.unwrap();
    let repeated = shop.state.ledger().repeat_call("s-c", minute(3)).await.unwrap();
    assert!(matches!(repeated, Repeated::Refused { stop: Stop::NoConsent, members } if members.len() == 3));
    assert_eq!(shop.state.ledger().parked().await.unwrap().len(), 3);
    assert_eq!(shop.state.ledger().call_of("s-a").await.unwrap(), None);

    let shop = one_call_unknown().await;
    assert_eq!(shop.state.vault().erasable(&customer("a")).await.unwrap().calls, 1);
    shop.state.vault().erase(&customer("a"), minute(2)).await.unwrap();
    assert_eq!(shop.state.ledger().repeat_call("s-c", minute(3)).await.unwrap(), Repeated::Gone);

    let shop = one_call_unknown().await;
    let park = Resolution::Park { reason: "the time is over".into() };
    shop.state.ledger().resolve_ambiguous("s-b", park, minute(2)).await.unwrap();
    assert_eq!(shop.state.ledger().repeat_call("s-c", minute(3)).await.unwrap(), Repeated::Gone);
}

#[tokio::test]
async fn what_a_person_says_of_a_parked_send_is_a_fact_and_is_said_once() {
    let check = async |how: Settling, state: SendState, detail: &str, provider_id: Option<&str>| {
        let shop = shop().await;
        let (id, fence) = handed(&shop).await;
        let ledger = shop.state.ledger();
        let early = ledger.settle_parked("s1", how.clone(), "anna", minute(1)).await;
        assert!(matches!(early, Err(StateError::SomeoneElseActed { .. })), "{how:?}: it is not parked");
        ledger.outcomes(&[(id, fence, Outcome::Ambiguous { reason: "reset".into() })], minute(1)).await.unwrap();
        ledger.resolve_ambiguous("s1", Resolution::Park { reason: "no way to ask".into() }, minute(2)).await.unwrap();
        ledger.settle_parked("s1", how.clone(), "anna", minute(3)).await.unwrap();
        assert_eq!(state_of(&shop, "s1").await, (state, Some(detail.into())), "{how:?}");
        let fact = shop.journaled("sends").await.pop().unwrap();
        assert_eq!((fact["state"].as_str(), fact["detail"].as_str()), (Some(state.name()), Some(detail)));
        assert_eq!(fact["provider_id"].as_str(), provider_id, "{how:?}");
        let twice = ledger.settle_parked("s1", how.clone(), "anna", minute(4)).await;
        assert!(matches!(twice, Err(StateError::SomeoneElseActed { .. })), "{how:?}");
        let unknown = ledger.settle_parked("none", how.clone(), "anna", minute(4)).await;
        assert!(matches!(unknown, Err(StateError::UnknownSend(_))), "{how:?}");
        claim(&shop, 5).await.len()
    };
    assert_eq!(check(Settling::Drop, SendState::Stopped, "dropped by anna", None).await, 0);
    let found = Settling::Found { provider_id: Some("p7".into()) };
    assert_eq!(check(found, SendState::Accepted, "found at the provider by anna", Some("p7")).await, 0);
    let until = model::time::rfc3339(minute(3));
    let absent = format!("not at the provider, says anna; until {until}");
    assert_eq!(check(Settling::Absent, SendState::Deferred, &absent, None).await, 1, "it leaves again");
}

#[tokio::test]
async fn what_counts_for_a_cap() {
    let shop = shop().await;
    let at = |id: &str, name: &str, minutes| Send { due_at: minute(minutes), ..send(id, name, SendState::Planned) };
    let ghost = Send { state: SendState::Ghost, ..at("g1", "b", 2) };
    plan(&shop, "r1", &[at("s2", "b", 1), at("s1", "a", 3), at("s0", "a", 0), ghost, at("s3", "c", 2)]).await;
    let claimed = claim(&shop, 2).await;
    let s3 = claimed.iter().find(|claimed| claimed.send.send_id == "s3").unwrap();
    shop.state.ledger().narrow(&[("s3".into(), s3.fence, Narrow::Stop(Stop::Expired))], minute(2)).await.unwrap();
    let check = async |customers: Option<&[&str]>, since, expect: &[&str]| {
        let customers: Option<Vec<_>> = customers.map(|names| names.iter().map(|name| customer(name)).collect());
        let sends = shop.state.ledger().recent_sends(customers.as_deref(), minute(since)).await.unwrap();
        let got: Vec<_> = sends.iter().map(|send| format!("{} {} {}", send.customer_id, send.send_id, send.ghost)).collect();
        assert_eq!(got, expect);
    };
    check(None, -1, &["a s0 false", "a s1 false", "b s2 false", "b g1 true"]).await;
    check(None, 0, &["a s1 false", "b s2 false", "b g1 true"]).await;
    check(Some(&["b", "c"]), 0, &["b s2 false", "b g1 true"]).await;
    // The same by time, whatever became of them; a span ends before its end.
    let ledger = shop.state.ledger();
    let spans = [(minute(0), minute(1)), (minute(2), minute(2)), (minute(1), minute(3))];
    let sent = ledger.sent_in(&spans).await.unwrap();
    let shown = |sent: &[SentIn]| -> Vec<String> {
        let one = |sent: &SentIn| format!("{} {} {} {}", sent.span, sent.channel, sent.state.name(), sent.sends);
        sent.iter().map(one).collect()
    };
    assert_eq!(shown(&sent), ["0 email claimed 1", "2 email claimed 1", "2 email ghost 1", "2 email stopped 1"]);
    assert_eq!(ledger.sent_in(&[]).await.unwrap(), []);
    let tally = ledger.tally(&[sent[0].scenario.clone(), "none".into()]).await.unwrap();
    assert_eq!(shown(&tally), ["0 email claimed 2", "0 email ghost 1", "0 email planned 1", "0 email stopped 1"]);
    assert_eq!(ledger.tally(&["none".into()]).await.unwrap(), []);
}
