//! How long a night takes in the ledger: 300,000 customers kept, planned, claimed, handed over, answered, and read back.
//!
//! `cargo bench -p state --bench ledger`.

use std::time::{Duration, Instant as Clock};

use model::{
    Channel, Consent, ConsentState, Contact, ContactKind, CustomerId, EntryStatus, EntryStep, Instant, Money, Outcome, Purpose,
    Run, Send, SendState,
};
use state::{HandOver, State};

const CUSTOMERS: usize = 300_000;
const CHUNK: usize = 10_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let state = State::open(&folder.path().join("state.db"), [1; 32]).await.expect("the database opens");
    let now = Instant::from_timestamp(1_790_000_000, 0).expect("an instant");
    let ids: Vec<CustomerId> = (0..CUSTOMERS).map(|n| CustomerId::stored(format!("c-{n:07}"))).collect();

    let mut clock = Clock::now();
    let mut lap = |what: &str| {
        println!("{what:<48} {:>6.2} s", clock.elapsed().as_secs_f64());
        clock = Clock::now();
    };
    let contacts: Vec<Contact> = ids
        .iter()
        .map(|id| Contact { customer_id: id.clone(), kind: ContactKind::Email, address: format!("{id}@example.jp") })
        .collect();
    state.vault().put(&contacts, "file", now).await.expect("kept");
    lap("vault: keep 300,000 addresses");
    state.vault().put(&contacts, "file", now).await.expect("kept");
    lap("vault: the same again");
    let consents: Vec<(Consent, Instant)> = ids.iter().map(|id| (consent(id, now), now)).collect();
    state.consents().record_consents(&consents, now).await.expect("recorded");
    lap("consents: record 300,000");
    let count = state.consents().consents_all().await.expect("read").len() + state.vault().flags().await.expect("read").len();
    assert_eq!(count, 2 * CUSTOMERS);
    lap("read all consents and contact flags");

    let ledger = state.ledger();
    let run = run(now);
    ledger.begin(&run).await.expect("begun");
    for chunk in ids.chunks(CHUNK) {
        let entries: Vec<EntryStep> = chunk.iter().map(|id| entry(id, now)).collect();
        let sends: Vec<Send> = chunk.iter().map(|id| send(id, now)).collect();
        ledger.record_plan(&run, &entries, &sends, &[], &[], now).await.expect("recorded");
    }
    lap("plan: record 300,000 entries and sends");
    ledger.seal(&run, now).await.expect("sealed");
    lap("plan: seal");
    assert_eq!(ledger.recent_sends(None, now - Duration::from_secs(1)).await.expect("read").len(), CUSTOMERS);
    lap("read the recent sends of all");
    assert_eq!(ledger.open_entries(now).await.expect("read").len(), CUSTOMERS);
    lap("read the open entries of all");
    let mut sent = 0;
    loop {
        let claimed = ledger.claim(now, 500, Duration::from_secs(300), "bench").await.expect("claimed");
        if claimed.is_empty() {
            break;
        }
        let over: Vec<HandOver> = claimed
            .iter()
            .map(|claimed| HandOver { send_id: claimed.send.send_id.clone(), fence: claimed.fence, body_hash: "hash".into() })
            .collect();
        sent += ledger.hand(&over, now).await.expect("handed").handed.len();
        let accepted = |over: HandOver| (over.send_id, over.fence, Outcome::Accepted { provider_id: Some("provider".into()) });
        ledger.outcomes(&over.into_iter().map(accepted).collect::<Vec<_>>(), now).await.expect("recorded");
    }
    assert_eq!(sent, CUSTOMERS);
    lap("deliver: claim, hand over, answer, 500 at a time");
}

fn run(now: Instant) -> Run {
    Run {
        run_id: "run".into(),
        kind: "tick".into(),
        name: "all".into(),
        logical_at: now,
        definition: "d".into(),
        members: CUSTOMERS as i64,
        counts: serde_json::Value::Null,
    }
}

fn consent(id: &CustomerId, now: Instant) -> Consent {
    Consent {
        customer_id: id.clone(),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        state: ConsentState::Granted,
        source: "form".into(),
        wording: Some("2026-01".into()),
        evidence: None,
        changed_at: now,
    }
}

fn derived(parts: &[&str]) -> String {
    model::derive_id(parts).expect("parts without a bar")
}

fn entry(id: &CustomerId, now: Instant) -> EntryStep {
    EntryStep {
        entry_id: derived(&["cart-recovery", id.as_str(), "cart-1"]),
        run_id: "run".into(),
        scenario: "cart-recovery".into(),
        scenario_version: "0123456789abcdef".into(),
        customer_id: id.clone(),
        entry_key: "cart-1".into(),
        entered_at: now,
        status: EntryStatus::Waiting,
        step: "remind".into(),
        due_at: now,
        held_out: false,
        reason: None,
        context: serde_json::json!({ "cart_value": "1200" }),
    }
}

fn send(id: &CustomerId, now: Instant) -> Send {
    let entry_id = derived(&["cart-recovery", id.as_str(), "cart-1"]);
    Send {
        send_id: derived(&[&entry_id, "remind", "email"]),
        run_id: "run".into(),
        entry_id,
        scenario: "cart-recovery".into(),
        scenario_version: "0123456789abcdef".into(),
        step: "remind".into(),
        customer_id: id.clone(),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        template: "cart_1".into(),
        arm: None,
        state: SendState::Planned,
        due_at: now,
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    }
}
