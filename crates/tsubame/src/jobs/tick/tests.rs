//! However few customers are made and planned at a time, what is written down is what planning everybody at once writes.

use model::{Contact, ContactKind, Fact, Order};

use super::*;
use crate::{
    jobs::made::{MESSAGE, at, customer, shop, sign_up},
    workspace::deep,
};

/// By what they came tells a message.
const SEGMENT: &str = "-- Members\n--\n-- Everybody who signed up.\n--\n-- column customer_id text ja:\"会員ID\" en:\"Customer\"\n\
    -- column event_id text ja:\"イベントID\" en:\"Event\"\n\
    SELECT customer_id, event_id FROM events WHERE name = 'signed_up' ORDER BY event_id\n";
const NEWS: &str = r#"scenario = "news"
title = { ja = "news", en = "news" }
goal = { on = "order_placed", within = "3d" }
entry = { segment = "members", once = "2026-07-01T12:00" }
step = [{ id = "s", send = { try = ["email"], template = "told" } }]
"#;
const WELCOME: &str = r#"scenario = "welcome"
title = { ja = "welcome", en = "welcome" }
goal = { on = "order_placed", within = "3d" }
entry = { on = "signed_up" }
exit = [{ on = "order_placed" }]
step = [
    { id = "hello", send = { try = ["email"], template = "a" } },
    { id = "wait", wait = { for = "24h" } },
    { id = "split", branch = [{ when = "orders > 0", to = "again" }, { else = "end" }] },
    { id = "again", send = { try = ["email"], template = "b" } },
]
"#;

fn bought(index: usize) -> Fact {
    let yen = Money::whole(3_000).unwrap();
    let order = Order {
        customer_id: Some(customer(index)),
        gross: yen,
        net: yen,
        ..Order::new("made", format!("o{index}"), at("07:00"))
    };
    Fact::new(&order, at("07:00"), at("07:00"))
}

/// Two days of a shop: what each tick reports, and every row that both left.
async fn planned(quota: &str, chunk: usize) -> (Vec<Report>, Vec<String>) {
    let told = MESSAGE.replace("{{ shop.contact }}", "{{ shop.contact }} {{ event_id }}");
    let told = format!("variables = [\"event_id\"]\n{told}");
    let files = [
        ("messages/told.toml", told.as_str()),
        ("queries/segments/members.sql", SEGMENT),
        ("scenarios/news.toml", NEWS),
        ("scenarios/welcome.toml", WELCOME),
    ];
    let settings = |own: &str| format!("{quota}{}", own.replacen("max = 3", "max = 2", 1));
    let (_folder, workspace) = shop(settings, &files, at("09:00")).await;
    sign_up(&workspace, 9, 7).await;
    let state = &workspace.state;
    state.journal().append([1, 4].map(bought).into(), workspace.now()).await.unwrap();
    // Two who are one person, and two who share an address.
    state.identities().merge(&customer(6), &customer(2), "test", None, at("08:30")).await.unwrap();
    let shared = Contact { customer_id: customer(3), kind: ContactKind::Email, address: "c0000@example.jp".into() };
    state.vault().put(&[shared], "made", at("08:30")).await.unwrap();
    workspace.forget_reachable();
    let mut reports = Vec::new();
    let (noon, next_day) = (at("12:00"), at("12:00") + TimeDelta::days(1));
    for (from, to) in [(at("07:30"), noon), (noon, next_day)] {
        workspace.clock.set(to + TimeDelta::minutes(11));
        reports.push(in_chunks(&workspace, from, to, chunk, &mut |_| {}).await.unwrap());
    }
    let mut rows = Vec::new();
    for segment in state.journal().tail(0).await.unwrap() {
        if ["entries", "sends", "stops", "exposures", "runs"].contains(&segment.table.as_str()) {
            let text = String::from_utf8(segment.payload).unwrap();
            rows.extend(text.lines().map(|row| format!("{} {row}", segment.table)));
        }
    }
    rows.sort();
    (reports, rows)
}

#[test]
fn few_at_a_time_are_everybody_at_once() {
    deep(async {
        for (quota, is_used_up) in [("", false), ("quota = { email = 3 }\n", true)] {
            let (reports, rows) = planned(quota, CHUNK).await;
            let has = |text: &str| rows.iter().any(|row| row.contains(text));
            // Of all that is gathered something is decided on.
            assert_eq!(has("quota"), is_used_up, "{rows:#?}");
            assert!(has("event_id") && has("the address of c0000"), "{rows:#?}");
            let [first, second] = &reports[..] else { panic!("two ticks") };
            assert!(first.customers > 4 && first.sends >= 3, "{first:?}");
            assert!(second.customers > 4 && second.stops + second.deferred > 0, "{second:?}");
            for chunk in [1, 2] {
                assert_eq!(planned(quota, chunk).await, (reports.clone(), rows.clone()), "{chunk} at a time, {quota}");
            }
        }
    });
}
