//! The page that says why, and the page of messages that wait for a person.

use model::{Consent, ConsentState, Contact, ContactKind, Outcome, Run};
use state::{HandOver, Resolution};

use super::*;

#[test]
fn a_page_says_why() {
    deep(async {
        let site = Site::open(true, made()).await;
        assert_eq!(site.get("/why", "nobody").await.status, 303, "to the sign-in");
        let session = site.signed_in(Role::Marketer).await;
        let check = async |target: &str, parts: &[&str]| {
            let page = site.get(target, &session).await;
            assert_eq!(page.status, 200, "{target}: {}", page.body);
            parts.iter().for_each(|part| assert!(page.body.contains(part), "{target}: {part}: {}", page.body));
        };
        let asked = "/why?customer=c0001&scenario=f2-followup";
        check("/why?lang=en", &["action=\"/why\"", "f2-followup"]).await;
        check(&format!("{asked}&lang=en"), &["How customer c0001 can be reached", "f1_on_day", "first_ordered_on"]).await;
        check(&format!("{asked}&lang=ja"), &["会員 c0001 に届くチャネル", "入ったことがない理由"]).await;
        check("/why?customer=nobody&lang=en", &["role=\"alert\"", "There is no such customer"]).await;
        check("/d/customer?customer=c0001&lang=en", &["/why?customer=c0001"]).await;
    });
}

/// A send that was handed over and never answered.
async fn park(workspace: &Workspace, send_id: &str, purpose: Purpose) {
    let name = CustomerId::stored("c1");
    let contact = Contact { customer_id: name.clone(), kind: ContactKind::Email, address: "canary@example.jp".into() };
    workspace.state.vault().put(&[contact], "made", now()).await.unwrap();
    let consent = Consent {
        customer_id: name.clone(),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        state: ConsentState::Granted,
        source: "made".into(),
        wording: None,
        evidence: None,
        changed_at: now(),
    };
    workspace.state.consents().record_consents(&[(consent, now())], now()).await.unwrap();
    let send = Send {
        send_id: send_id.into(),
        run_id: format!("run-{send_id}"),
        entry_id: format!("entry-{send_id}"),
        scenario: "f2-followup".into(),
        scenario_version: "v".into(),
        step: "invite".into(),
        customer_id: name,
        channel: Channel::Email,
        purpose,
        template: "f2_a".into(),
        arm: None,
        state: SendState::Planned,
        due_at: now(),
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    };
    let run = Run {
        run_id: send.run_id.clone(),
        kind: "tick".into(),
        name: "scenarios".into(),
        logical_at: now(),
        definition: String::new(),
        members: 1,
        counts: serde_json::Value::Null,
    };
    let ledger = workspace.state.ledger();
    ledger.begin(&run).await.unwrap();
    ledger.record_plan(&run, &[], &[send], &[], &[], now()).await.unwrap();
    ledger.seal(&run, now()).await.unwrap();
    let claimed = ledger.claim(now(), 10, std::time::Duration::from_secs(60), "test").await.unwrap();
    let claimed = claimed.into_iter().find(|claimed| claimed.send.send_id == send_id).unwrap();
    let hand = HandOver { send_id: send_id.into(), fence: claimed.fence, body_hash: "h".into() };
    assert_eq!(ledger.hand(&[hand], now()).await.unwrap().handed, [send_id]);
    let reason = "no answer for canary@example.jp".to_string();
    ledger.outcomes(&[(send_id.into(), claimed.fence, Outcome::Ambiguous { reason: reason.clone() })], now()).await.unwrap();
    ledger.resolve_ambiguous(send_id, Resolution::Park { reason }, now()).await.unwrap();
}

#[test]
fn a_person_decides_about_what_nobody_knows() {
    deep(async {
        let site = Site::open(true, Vec::new()).await;
        for id in ["s1", "s2", "s3", "s4"] {
            park(&site.workspace, id, Purpose::Marketing).await;
        }
        let marketer = site.signed_in(Role::Marketer).await;
        assert_eq!(site.get("/sends/parked", &marketer).await.status, 403);
        let session = site.signed_in(Role::Admin).await;
        let page = site.get("/sends/parked?lang=en", &session).await;
        for part in ["s1", "s4", "f2-followup", "Ask the provider", "Send again", "Do not send"] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(!page.body.contains("canary"), "{}", page.body);
        let csrf = page.csrf().to_string();
        let check = async |target: &str, id: &str, csrf: &str, status: u16, done: Option<&str>, state: SendState| {
            let fields = [("csrf", csrf), ("send_id", id), ("provider_id", "p7")];
            let reply = site.post(target, &session, &fields).await;
            let location = done.map(|done| format!("/sends/parked?done={done}"));
            assert_eq!((reply.status, reply.header("location").first().copied()), (status, location.as_deref()), "{target} {id}");
            let held = site.workspace.state.ledger().send(id).await.unwrap().unwrap();
            assert_eq!(held.send.state, state, "{target} {id}");
            held.send.detail.unwrap_or_default()
        };
        let parked = SendState::Parked;
        for target in ["/sends/look-up", "/sends/found", "/sends/absent", "/sends/resend", "/sends/drop"] {
            check(target, "s1", "forged", 403, None, parked).await;
        }
        // Nothing is in its file, which does not tell.
        check("/sends/look-up", "s1", &csrf, 303, Some("cannot-tell"), parked).await;
        assert_eq!(check("/sends/drop", "s1", &csrf, 303, Some("dropped"), SendState::Stopped).await, "dropped by admin");
        check("/sends/drop", "s1", &csrf, 400, None, SendState::Stopped).await;
        let found = check("/sends/found", "s2", &csrf, 303, Some("found"), SendState::Accepted).await;
        assert_eq!(found, "found at the provider by admin");
        let absent = check("/sends/absent", "s3", &csrf, 303, Some("absent"), SendState::Deferred).await;
        assert!(absent.starts_with("not at the provider, says admin"), "{absent}");
        check("/sends/resend", "s4", &csrf, 303, Some("resent"), SendState::Accepted).await;
        // Somebody wrote down what the shop's program found.
        park(&site.workspace, "s5", Purpose::Marketing).await;
        let line = "{\"send_id\":\"s5\",\"to\":\"canary@example.jp\"}\n";
        std::fs::write(site.workspace.path("outbox/email.ndjson"), line).unwrap();
        check("/sends/look-up", "s5", &csrf, 303, Some("found"), SendState::Accepted).await;
        let page = site.get("/sends/parked?lang=en", &session).await;
        assert!(page.body.contains("No message is of unknown outcome"), "{}", page.body);

        // An advertisement is let be when it would be too late; what a customer is owed is not.
        park(&site.workspace, "s6", Purpose::Marketing).await;
        park(&site.workspace, "s7", Purpose::Transactional).await;
        let late = async |days: i64| {
            site.workspace.clock.set(now() + TimeDelta::days(days));
            crate::jobs::parked::drop_late(&site.workspace).await.unwrap()
        };
        assert_eq!((late(0).await, late(30).await, late(60).await), (0, 1, 0));
        let held = site.workspace.state.ledger().send("s6").await.unwrap().unwrap();
        assert_eq!(held.send.detail.as_deref(), Some("dropped by the shop's rule: too late to be of use"));
        let page = site.get("/sends/parked?lang=en", &session).await;
        assert!(page.body.contains("s7") && page.body.contains("somebody decides"), "{}", page.body);
    });
}
