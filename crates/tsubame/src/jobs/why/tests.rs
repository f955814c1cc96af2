//! What happens to a customer between the plan and the send decides: who unsubscribes, blocks, buys or is erased gets nothing, and both the
//! timeline and `why` say for what reason. And the answer's other half: why somebody never came in.

use decide::why::Paragraph;
use model::{Consent, ConsentState, Contact, ContactKind, Event, Fact, Money, Order, Suppression};
use tempfile::TempDir;

use super::*;
use crate::{
    jobs::{
        deliver,
        made::{at, demo_settings, shop_of},
        people, tick, webhooks,
    },
    workspace::deep,
};

const SCENARIO: &str = "scenario = \"welcome\"\ntitle = { ja = \"歓迎\", en = \"Welcome\" }\n[entry]\non = \"signed_up\"\n\
    [[exit]]\non = \"order_placed\"\n[goal]\non = \"order_placed\"\nwithin = \"3d\"\n[[step]]\nid = \"hello\"\n\
    [step.send]\ntry = [\"line\", \"email\"]\ntemplate = \"a\"\nvalid_for = \"24h\"\n";
/// Whoever has bought is in its segment.
const BUYERS: &str = "scenario = \"buyers\"\ntitle = { ja = \"購入者\", en = \"Buyers\" }\n[entry]\nsegment = \"buyers\"\n\
    [[exit]]\non = \"order_placed\"\n[goal]\non = \"order_placed\"\nwithin = \"3d\"\n[[step]]\nid = \"thanks\"\n\
    [step.send]\ntry = [\"email\"]\ntemplate = \"a\"\n";
const SEGMENT: &str = "-- Buyers\n--\n-- Whoever has bought.\n--\n-- column customer_id text ja:\"会員ID\" en:\"Customer\"\nSELECT customer_id FROM customer_facts WHERE orders > 0\n";
const WORDS: &str = "{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}";

fn customer(name: &str) -> CustomerId {
    CustomerId::stored(name)
}

/// The demo's settings with two scenarios, and these customers; each has an e-mail address, and LINE too where somebody blocks it.
async fn shop(names: &[&str]) -> (TempDir, Workspace) {
    let message = format!("[email]\nsubject = \"燕\"\nbody = \"{WORDS}\"\n[line]\nbody = \"{WORDS}\"\n");
    let files = [
        ("tsubame.toml", demo_settings()),
        ("scenarios/welcome.toml", SCENARIO),
        ("scenarios/buyers.toml", BUYERS),
        ("queries/segments/buyers.sql", SEGMENT),
        ("messages/a.toml", message.as_str()),
    ];
    let (folder, workspace) = shop_of(&files, at("09:00")).await;
    let mut contacts = Vec::new();
    let mut consents = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let mut has = |channel: Channel, kind: ContactKind, address: String| {
            contacts.push(Contact { customer_id: customer(name), kind, address });
            let consent = consent(name, channel, ConsentState::Granted, at("09:00"));
            consents.push((consent, at("09:00")));
        };
        has(Channel::Email, ContactKind::Email, format!("canary-{name}@example.jp"));
        if names.contains(&"blocks") {
            has(Channel::Line, ContactKind::Line, format!("U{place:032x}"));
        }
    }
    workspace.state.vault().put(&contacts, "made", at("09:00")).await.unwrap();
    workspace.state.consents().record_consents(&consents, at("09:00")).await.unwrap();
    workspace.forget_reachable();
    (folder, workspace)
}

fn consent(name: &str, channel: Channel, state: ConsentState, at: Instant) -> Consent {
    Consent {
        customer_id: customer(name),
        channel,
        purpose: Purpose::Marketing,
        state,
        source: "form".into(),
        wording: None,
        evidence: Some("told by canary@example.jp".into()),
        changed_at: at,
    }
}

fn signed_up(name: &str) -> Fact {
    let event = Event {
        event_id: format!("e-{name}"),
        name: "signed_up".into(),
        source: "made".into(),
        customer_id: Some(customer(name)),
        ..Event::default()
    };
    Fact::new(&event, at("09:55"), at("09:55"))
}

fn order(name: &str, at: Instant) -> Fact {
    let yen = Money::whole(3_000).unwrap();
    let order = Order { customer_id: Some(customer(name)), gross: yen, net: yen, ..Order::new("made", format!("o-{name}"), at) };
    Fact::new(&order, at, at)
}

/// What the timeline says of messages, oldest first.
async fn timeline(workspace: &Workspace, name: &str) -> Vec<String> {
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
    let answer = desk.ask("reports/customer_timeline", &of(&customer(name))).await.unwrap();
    let rows = Rows::new(&answer);
    let is_message = |row: &usize| matches!(rows.text(*row, "kind").as_deref(), Some("send" | "stop"));
    let mut lines: Vec<String> = (0..answer.rows.len()).filter(is_message).filter_map(|row| rows.text(row, "what_en")).collect();
    lines.sort();
    lines
}

async fn told(workspace: &Workspace, name: &str, scenario: &str) -> Vec<String> {
    let paragraphs = why(workspace, name, Some(scenario), None).await.unwrap();
    let all = |lang: &str| {
        let of = |paragraph: &Paragraph| {
            let lines: Vec<String> = paragraph.lines.iter().map(|line| line.get(lang).to_string()).collect();
            [vec![paragraph.heading.get(lang).to_string()], lines].concat()
        };
        paragraphs.iter().flat_map(of).collect::<Vec<_>>()
    };
    for line in all("ja").iter().chain(&all("en")) {
        assert!(!line.contains("canary"), "{line}");
    }
    all("en")
}

#[test]
fn what_happens_between_plan_and_send_decides() {
    deep(async {
        let names = ["asks", "blocks", "buys", "erased", "stays", "unsubscribes"];
        let (folder, workspace) = shop(&names).await;
        workspace.state.journal().append(names.map(signed_up).into(), at("09:56")).await.unwrap();
        workspace.clock.set(at("10:05"));
        let planned = tick::tick(&workspace, at("09:50"), at("09:55")).await.unwrap();
        assert_eq!((planned.sends, planned.stops), (6, 0), "{planned:?}");

        let (state, then) = (&workspace.state, at("10:05"));
        let revoked = consent("unsubscribes", Channel::Line, ConsentState::Revoked, then);
        state.consents().record_consents(&[(revoked, then)], then).await.unwrap();
        let blocked = Suppression {
            customer_id: customer("blocks"),
            channel: Channel::Line,
            reason: "blocked".into(),
            active: true,
            source: "line".into(),
            changed_at: then,
        };
        state.consents().record_suppressions(&[(blocked, then)], then).await.unwrap();
        state.journal().append(vec![order("buys", then)], then).await.unwrap();
        let shopify: model::Source = toml::from_str("name = \"shopify\"\nkind = \"shopify\"\n").unwrap();
        let redact = webhooks::read_letter(&workspace, &shopify, "customers/redact", br#"{"customer": {"id": "erased"}}"#);
        webhooks::keep(&workspace, &shopify, "customers/redact", redact, webhooks::Known::Now).await.unwrap();
        let erased = people::erase_asked(&workspace, &customer("asks"), "anna").await.unwrap();
        assert_eq!((erased.of.addresses, erased.granted.len()), (2, 2));
        workspace.forget_reachable();

        workspace.clock.set(at("10:06"));
        let delivered = deliver::deliver(&workspace, None).await.unwrap();
        assert_eq!((delivered.accepted, delivered.stopped), (1, 5), "{delivered:?}");
        let outbox = std::fs::read_to_string(folder.path().join("outbox/line.ndjson")).unwrap();
        assert!(outbox.lines().count() == 1 && outbox.contains("\"stays\""), "{outbox}");
        assert!(!folder.path().join("outbox/email.ndjson").exists());

        let stopped = "Stopped just before sending: a";
        let check = async |name: &str, lines: &[String], said: &str| {
            assert_eq!(timeline(&workspace, name).await, lines, "{name}");
            let told = told(&workspace, name, "welcome").await;
            assert!(told.iter().any(|line| line.contains(said)), "{name}: {told:#?}");
        };
        check("stays", &["Sent: a".to_string()], "LINE (step hello, a): accepted by the provider").await;
        check(
            "unsubscribes",
            &["Not sent: No consent, step hello".to_string(), format!("{stopped} no_consent")],
            "stopped just before it left, there is no consent",
        )
        .await;
        check(
            "blocks",
            &["Not sent: LINE is blocked, step hello".to_string(), format!("{stopped} line_blocked")],
            "LINE (step hello, a): stopped just before it left, LINE is blocked",
        )
        .await;
        check(
            "buys",
            &[
                "Not sent: Left the scenario (bought, …) (order_placed), step hello".to_string(),
                format!("{stopped} exited: order_placed"),
            ],
            "stopped just before it left, they had left by `order_placed`",
        )
        .await;
        for name in ["asks", "erased"] {
            let left = "Not sent: Left the scenario (bought, …) (erased), step hello";
            let said = "The person was erased on 2026-07-01 10:05: nothing is sent to them";
            check(name, &[left.to_string(), format!("{stopped} exited: erased")], said).await;
        }
    });
}

#[test]
fn why_somebody_never_came_in() {
    deep(async {
        let (_folder, workspace) = shop(&["quiet"]).await;
        workspace.state.journal().append(vec![order("bought", at("09:30"))], at("09:31")).await.unwrap();
        workspace.clock.set(at("10:00"));
        let check = async |name: &str, scenario: &str, expect: &str| {
            let told = told(&workspace, name, scenario).await;
            assert!(told.iter().any(|line| line.contains(expect)), "{expect}: {told:#?}");
        };
        check("quiet", "welcome", "Not triggered: no `signed_up` of theirs is known since 2026-06-01").await;
        check("quiet", "welcome", "e-mail: may be written to; consent of 2026-07-01 09:00").await;
        check("quiet", "buyers", "nothing that the segment `buyers` selects from is of them").await;
        check("bought", "buyers", "The segment `buyers` has them; it is evaluated next on 2026-07-02 09:10").await;
        check("bought", "buyers", "e-mail: no marketing, as there is no address").await;

        let fault = why(&workspace, "nobody", None, None).await.unwrap_err();
        assert!(fault.exit == Exit::Data && fault.to_string().contains("knows no customer nobody"), "{fault}");
        let fault = why(&workspace, "quiet", Some("none"), None).await.unwrap_err();
        assert!(fault.exit == Exit::Config && fault.to_string().contains("the shop has: buyers, welcome"), "{fault}");
        // Before anything was known.
        assert!(why(&workspace, "quiet", None, Some(at("08:00"))).await.is_err());
    });
}
