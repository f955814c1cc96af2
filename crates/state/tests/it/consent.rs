//! Permissions and suppressions: the last word wins, and a revocation wins a tie.

use model::{Channel, Consent, ConsentState, Instant, Purpose, Suppression};

use crate::{Shop, customer, minute};

pub fn consent(name: &str, state: ConsentState, changed_at: Instant) -> (Consent, Instant) {
    let consent = Consent {
        customer_id: customer(name),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        state,
        source: "form".into(),
        wording: Some("2026-01".into()),
        evidence: None,
        changed_at,
    };
    (consent, changed_at)
}

pub fn suppression(name: &str, reason: &str, active: bool, changed_at: Instant) -> (Suppression, Instant) {
    let channel = Channel::Email;
    let suppression =
        Suppression { customer_id: customer(name), channel, reason: reason.into(), active, source: "smtp".into(), changed_at };
    (suppression, changed_at)
}

#[tokio::test]
async fn the_last_change_holds_and_a_revocation_wins_a_tie() {
    use ConsentState::*;
    let shop = Shop::new().await;
    let mut customers = 0;
    let mut check = async |changes: &[(ConsentState, i64)], expect| {
        customers += 1;
        let name = format!("c-{customers}");
        for (state, at) in changes {
            shop.state.consents().record_consents(&[consent(&name, *state, minute(*at))], minute(9)).await.unwrap();
        }
        let one_by_one = shop.state.consents().consents_of(&customer(&name)).await.unwrap();
        assert_eq!(one_by_one.iter().map(|now| now.state).collect::<Vec<_>>(), [expect], "{changes:?}");
        // In one batch, and backwards.
        let name = format!("{name}-backwards");
        let batch: Vec<_> = changes.iter().rev().map(|(state, at)| consent(&name, *state, minute(*at))).collect();
        shop.state.consents().record_consents(&batch, minute(9)).await.unwrap();
        let at_once = shop.state.consents().consents_of(&customer(&name)).await.unwrap();
        assert_eq!(at_once.iter().map(|now| now.state).collect::<Vec<_>>(), [expect], "{changes:?} backwards");
    };
    check(&[(Granted, 1)], Granted).await;
    check(&[(Granted, 1), (Revoked, 2)], Revoked).await;
    check(&[(Revoked, 2), (Granted, 1)], Revoked).await;
    check(&[(Revoked, 1), (Granted, 2)], Granted).await;
    check(&[(Granted, 1), (Revoked, 1)], Revoked).await;
    check(&[(Revoked, 1), (Granted, 1)], Revoked).await;
    assert_eq!(shop.state.consents().consents_all().await.unwrap().len(), 12);
    assert_eq!(shop.journaled("consents").await.len(), 22, "every change is a fact");
}

#[tokio::test]
async fn lifting_a_suppression_lifts_its_reason_alone() {
    let shop = Shop::new().await;
    let consents = shop.state.consents();
    let reasons = async || {
        let all = consents.suppressions_all().await.unwrap();
        all.into_iter().map(|now| format!("{} {}", now.customer_id, now.reason)).collect::<Vec<_>>()
    };
    let changes = [
        suppression("b", "bounced", true, minute(1)),
        suppression("a", "complained", true, minute(1)),
        suppression("b", "manual", true, minute(2)),
    ];
    consents.record_suppressions(&changes, minute(2)).await.unwrap();
    assert_eq!(reasons().await, ["a complained", "b bounced", "b manual"]);
    consents.record_suppressions(&[suppression("b", "bounced", false, minute(1))], minute(3)).await.unwrap();
    assert_eq!(reasons().await, ["a complained", "b bounced", "b manual"], "in force wins a tie");
    consents.record_suppressions(&[suppression("b", "bounced", false, minute(2))], minute(3)).await.unwrap();
    assert_eq!(reasons().await, ["a complained", "b manual"]);
}
