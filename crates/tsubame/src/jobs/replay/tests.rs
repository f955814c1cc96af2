//! Small shops whose customers ignore every message: what a replay says of a week is what the week was, lived; however often and whenever it was
//! planned, and whether the facts came at once or years later.

use std::{collections::BTreeMap, future::Future, path::Path, pin::pin, task::Poll};

use chrono::DateTime;
use decide::replay::Bought;
use model::{Consent, Contact, Event, Fact as Row, Money, Order, Suppression};
use state::ContactChange;
use tempfile::TempDir;

use super::*;
use crate::{
    jobs::{
        made::{demo_settings, open, shop_of},
        tick,
    },
    workspace::deep,
};

const MESSAGE: &str = "[email]\nsubject = \"燕\"\nbody = \"{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}\"\n\
     [line]\nbody = \"{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}\"\n";

/// A time of March 2026, in the shop's zone.
fn at(day: u32, time: &str) -> Instant {
    DateTime::parse_from_rfc3339(&format!("2026-03-{day:02}T{time}:00+09:00")).unwrap().to_utc()
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

/// A cart left for three hours is reminded of, and once more a day later.
fn cart(extra: &str, more_steps: &str) -> String {
    format!(
        "scenario = \"cart\"\ntitle = {{ ja = \"カゴ\", en = \"Cart\" }}\n{extra}[entry]\non = \"cart_updated\"\nkey = \"cart_id\"\n\
         concurrency = \"one_per_key\"\n[[exit]]\non = \"order_placed\"\n[[exit]]\nleave = \"consent\"\n\
         [goal]\non = \"order_placed\"\nwithin = \"24h\"\n[[step]]\nid = \"wait3h\"\nwait = {{ for = \"3h\" }}\n\
         [[step]]\nid = \"remind\"\nsend = {{ purpose = \"marketing\", try = [\"line\", \"email\"], template = \"m\", valid_for = \"12h\", \
         on_cap = \"skip\", on_quiet = \"defer\" }}\n{more_steps}"
    )
}

const AGAIN: &str = "[[step]]\nid = \"wait1d\"\nwait = { for = \"24h\" }\n[[step]]\nid = \"again\"\n\
     send = { purpose = \"marketing\", try = [\"email\", \"line\"], template = \"m\", on_cap = \"skip\", on_quiet = \"defer\" }\n";

async fn shop(scenario: &str, now: Instant) -> (TempDir, Workspace) {
    shop_of(&[("tsubame.toml", demo_settings()), ("messages/m.toml", MESSAGE), ("scenarios/cart.toml", scenario)], now).await
}

/// Something that a shop comes to know.
#[derive(Clone)]
enum News {
    Row(Row),
    Address(ContactKind, String),
    Consent(Channel, ConsentState),
    Bounced(Channel),
}

/// When, of whom, what.
type Told = (Instant, CustomerId, News);

fn customer(name: &str) -> CustomerId {
    CustomerId::stored(name)
}

fn left_cart(name: &str, key: &str, at: Instant) -> Told {
    let event = Event {
        event_id: format!("e-{key}-{}", at.timestamp()),
        name: "cart_updated".into(),
        source: "test".into(),
        customer_id: Some(customer(name)),
        visitor_id: None,
        session_id: None,
        cart_id: Some(key.into()),
        order_id: None,
        product_id: None,
        category: None,
        value: Some(Money::whole(3_000).unwrap()),
        url: None,
        send_id: None,
        properties: serde_json::Value::Null,
    };
    (at, customer(name), News::Row(Row::new(&event, at, at)))
}

fn bought(name: &str, at: Instant) -> Told {
    let yen = Money::whole(3_000).unwrap();
    let order = Order {
        customer_id: Some(customer(name)),
        gross: yen,
        net: yen,
        ..Order::new("test", format!("o-{name}-{}", at.timestamp()), at)
    };
    (at, customer(name), News::Row(Row::new(&order, at, at)))
}

/// An address on the channel and the permission to write to it.
fn reachable(name: &str, channel: Channel, at: Instant) -> [Told; 2] {
    let (kind, address) = match channel {
        Channel::Line => (ContactKind::Line, format!("U{:0>32}", hex(name))),
        _ => (ContactKind::Email, format!("{name}@example.jp")),
    };
    let who = || customer(name);
    [(at, who(), News::Address(kind, address)), (at, who(), News::Consent(channel, ConsentState::Granted))]
}

fn hex(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Lets the shop know of something that became known when it happened, whenever it comes in.
async fn tell(workspace: &Workspace, told: &[Told]) {
    let state = &workspace.state;
    let now = workspace.now();
    for (at, who, news) in told.iter().cloned() {
        match news {
            News::Row(row) => _ = state.journal().append(vec![row], now).await.unwrap(),
            News::Address(kind, address) => {
                let contact = Contact { customer_id: who, kind, address };
                let change = ContactChange { contact, active: true, changed_at: at, known_at: at };
                state.vault().put_changes(&[change], "test", now).await.unwrap();
            }
            News::Consent(channel, to) => {
                let consent = Consent {
                    customer_id: who,
                    channel,
                    purpose: Purpose::Marketing,
                    state: to,
                    source: "test".into(),
                    wording: None,
                    evidence: None,
                    changed_at: at,
                };
                state.consents().record_consents(&[(consent, at)], now).await.unwrap();
            }
            News::Bounced(channel) => {
                let suppression = Suppression {
                    customer_id: who,
                    channel,
                    reason: "bounced".into(),
                    active: true,
                    source: "test".into(),
                    changed_at: at,
                };
                state.consents().record_suppressions(&[(suppression, at)], now).await.unwrap();
            }
        }
    }
    workspace.forget_reachable();
}

/// A week of carts: bought, left, at night, twice in a week, without an address, of people who change their mind.
fn week() -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let long_ago = at(1, "00:00") - TimeDelta::days(40);
    for name in ["buys", "ignores", "late", "leaves", "bounces", "again", "back"] {
        told.extend(reachable(name, Channel::Line, long_ago));
    }
    for name in ["ignores", "mail", "bounces", "again"] {
        told.extend(reachable(name, Channel::Email, long_ago));
    }
    // Known from the middle of the week on.
    told.extend(reachable("new", Channel::Email, at(3, "09:20")));
    let says = |name: &str, channel, state, at| (at, customer(name), News::Consent(channel, state));
    told.extend([
        left_cart("buys", "k1", at(1, "10:00")),
        bought("buys", at(1, "12:00")),
        left_cart("ignores", "k2", at(1, "10:03")),
        left_cart("late", "k3", at(1, "20:00")),
        left_cart("mail", "k4", at(1, "11:17")),
        left_cart("nobody", "k5", at(2, "09:00")),
        left_cart("leaves", "k6", at(2, "10:00")),
        says("leaves", Channel::Line, ConsentState::Revoked, at(2, "12:30")),
        left_cart("bounces", "k7", at(2, "13:00")),
        (at(2, "14:40"), customer("bounces"), News::Bounced(Channel::Line)),
        left_cart("new", "k8", at(2, "15:00")),
        left_cart("new", "k9", at(3, "10:00")),
        left_cart("again", "k10", at(1, "09:00")),
        left_cart("again", "k11", at(3, "09:00")),
        left_cart("again", "k12", at(4, "09:00")),
        says("back", Channel::Line, ConsentState::Revoked, at(1, "08:00")),
        says("back", Channel::Line, ConsentState::Granted, at(3, "10:10")),
        left_cart("back", "k13", at(4, "08:30")),
        bought("late", at(2, "07:30")),
        bought("mail", at(2, "16:00")),
        // Still under way when the week is over.
        left_cart("ignores", "k14", at(7, "22:00")),
    ]);
    told.sort_by_key(|(at, ..)| *at);
    told
}

/// When a shop's server looked: now and then by day, and once more when the week is over.
fn looks() -> Vec<Instant> {
    let times = ["08:10", "10:10", "12:10", "14:10", "16:10", "18:10", "20:10", "21:05"];
    let mut looks: Vec<Instant> = (1..=7).flat_map(|day| times.map(|time| at(day, time))).collect();
    looks.push(at(8, "00:10") - TimeDelta::microseconds(1));
    looks
}

/// The week as it comes.
async fn live(workspace: &Workspace, told: &[Told]) {
    workspace.state.cursors().set(due::TICKED, &rfc3339(at(1, "00:00") - TimeDelta::microseconds(1))).await.unwrap();
    let mut since = 0;
    for look in looks() {
        workspace.clock.set(look);
        let until = told.partition_point(|(at, ..)| *at <= look);
        tell(workspace, &told[since..until]).await;
        since = until;
        due::scenarios(workspace, look, &mut due::Report::default()).await.unwrap();
    }
    workspace.clock.set(at(12, "09:00"));
    tell(workspace, &told[since..]).await;
}

async fn replayed(workspace: &Workspace, as_ticked: bool) -> Report {
    let scenario = workspace.files.scenarios[0].clone();
    let asked = Asked { scenario, from: date(1), to: date(8), as_ticked };
    replay(workspace, &asked, &|_, _| {}).await.unwrap()
}

/// `again email 05T09:00 again`, by customer, then time; and where each entry stood at the end.
fn shown(sends: &[(CustomerId, Channel, Instant, String)], entries: &[EntryStep]) -> Vec<String> {
    let zone = model::ShopZone::tokyo();
    let when = |at: Instant| zone.local(at).format("%dT%H:%M").to_string();
    let mut shown: Vec<String> =
        sends.iter().map(|(who, channel, at, step)| format!("{who} {channel} {} {step}", when(*at))).collect();
    shown.extend(entries.iter().map(|entry| {
        let reason = entry.reason.as_deref().unwrap_or("-");
        format!(
            "{} {} entered {} {} {} {reason}",
            entry.customer_id,
            entry.entry_key,
            when(entry.entered_at),
            entry.status.name(),
            entry.step
        )
    }));
    shown.sort();
    shown
}

fn of_report(report: &Report) -> Vec<String> {
    let leaving = report.would_sends.iter().filter(|send| !send.ghost);
    let sends: Vec<_> = leaving.map(|send| (send.customer.clone(), send.channel, send.at, send.step.clone())).collect();
    shown(&sends, &report.entries)
}

/// What a shop's own ledger says of the week.
async fn of_ledger(workspace: &Workspace) -> Vec<String> {
    let ledger = workspace.state.ledger();
    let sends = ledger.recent_sends(None, at(1, "00:00") - TimeDelta::days(1)).await.unwrap();
    let sends: Vec<_> = sends.into_iter().map(|send| (send.customer_id, send.channel, send.at, send.step)).collect();
    let entered: Vec<CustomerId> = ledger.past_entries("cart").await.unwrap().into_iter().map(|past| past.customer_id).collect();
    shown(&sends, &ledger.entries_of(&entered).await.unwrap())
}

#[test]
fn t37_four_carts() {
    deep(async {
        let (folder, workspace) = shop(&cart("", ""), at(10, "09:00")).await;
        let long_ago = at(1, "00:00") - TimeDelta::days(40);
        let mut told: Vec<Told> = Vec::new();
        for name in ["c1", "c2", "c3"] {
            told.extend(reachable(name, Channel::Line, long_ago));
        }
        told.extend(reachable("c4", Channel::Email, long_ago));
        told.extend([
            left_cart("c1", "k1", at(1, "10:00")),
            bought("c1", at(1, "12:00")),
            left_cart("c2", "k2", at(1, "10:00")),
            bought("c2", at(2, "09:00")),
            left_cart("c3", "k3", at(1, "20:00")),
            bought("c3", at(2, "07:30")),
            left_cart("c4", "k4", at(1, "11:00")),
        ]);
        tell(&workspace, &told).await;
        let before = (workspace.state.journal().last_position().await.unwrap(), files(folder.path()));

        let report = replayed(&workspace, false).await;
        let sent: Vec<String> = of_report(&report).into_iter().filter(|line| !line.contains("entered")).collect();
        assert_eq!(sent, ["c2 line 01T13:00 remind", "c4 email 01T14:00 remind"]);
        let summary = &report.summary;
        assert_eq!((summary.entries, summary.exits.iter().map(|exit| exit.count).sum::<u64>()), (4, 2));
        assert_eq!(summary.bought_if_sent, Bought { passes: 2, bought: 1, unknown: 0 });
        assert_eq!((report.no_data_before, report.contaminated.len()), (None, 0));
        // What came in nine days later than it is said to have been known is assumed.
        assert_eq!((report.assumed.facts, report.assumed.facts_assumed), (7, 7));
        assert_eq!((report.assumed.sends, report.assumed.sends_assumed), (2, 2));

        // Nothing of the shop was touched.
        let state = &workspace.state;
        let after = (state.journal().last_position().await.unwrap(), files(folder.path()));
        assert_eq!(before, after);
        assert_eq!(state.cursors().get(due::TICKED).await.unwrap(), None);
        assert!(state.ledger().counts().await.unwrap().is_empty());
    });
}

/// Every file of a shop's folder but those that a database keeps beside itself while it is open.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path.to_string_lossy().into_owned()) }
        }
    }
    found.retain(|path| !path.ends_with("-wal") && !path.ends_with("-shm"));
    found.sort();
    found
}

#[test]
fn a_replayed_week_is_the_week_as_it_was_lived() {
    deep(async {
        let start = at(1, "00:00");
        let (_on, lived) = shop(&cart("", AGAIN), start).await;
        live(&lived, &week()).await;
        let expect = of_ledger(&lived).await;
        // The week has everything in it that is to be compared.
        for part in ["ignores line 01T13:03 remind", "new email 03T13:00 remind", "late k3 entered 01T20:00 exited", "waiting"] {
            assert!(expect.iter().any(|line| line.contains(part)), "{part}: {expect:#?}");
        }

        let (_off, idle) = shop(&cart("enabled = false\n", AGAIN), start).await;
        live(&idle, &week()).await;
        assert!(idle.state.ledger().counts().await.unwrap().is_empty());
        assert_eq!(of_report(&replayed(&idle, true).await), expect);
        // By the hour it is the same as by the looks of a server.
        assert_eq!(of_report(&replayed(&idle, false).await), expect);

        // Where it really ran, that is said; what it did then is no part of the replay.
        let again = replayed(&lived, true).await;
        assert_eq!(of_report(&again), expect);
        assert!(!again.contaminated.is_empty());
    });
}

#[test]
fn facts_that_were_imported_later_replay_as_those_that_came_live() {
    deep(async {
        let scenario = cart("enabled = false\n", AGAIN);
        let (_live, live_shop) = shop(&scenario, at(1, "00:00")).await;
        live(&live_shop, &week()).await;
        let (_late, imported) = shop(&scenario, at(12, "09:00")).await;
        tell(&imported, &week()).await;
        let (live, late) = (replayed(&live_shop, false).await, replayed(&imported, false).await);
        assert_eq!(of_report(&late), of_report(&live));
        let counted = |report: &Report| {
            let sends = report.summary.channels.iter().map(|channel| (channel.channel, channel.sends));
            (report.summary.entries, sends.collect::<Vec<_>>(), report.summary.bought_if_sent)
        };
        assert_eq!(counted(&late), counted(&live));
        assert_eq!(live.assumed.facts_assumed, 0);
        assert_eq!((late.assumed.facts_assumed, late.assumed.facts), (live.assumed.facts, live.assumed.facts));
        assert_eq!(late.assumed.sends_assumed, late.assumed.sends);
    });
}

/// First buyers on the day after, and once more in the evening of the next.
const SECOND: &str = "scenario = \"cart\"\ntitle = { ja = \"F2\", en = \"F2\" }\n[entry]\nsegment = \"f2_step\"\nparams = { days = 1 }\n\
     at = \"10:00\"\nreentry = { rule = \"once\" }\n[[exit]]\non = \"order_placed\"\n[[exit]]\nleave = \"consent\"\n\
     [goal]\non = \"order_placed\"\nwithin = \"5d\"\n[holdout]\npercent = 30\nsalt = \"s\"\n\
     [[step]]\nid = \"first\"\nsend = { purpose = \"marketing\", try = [\"email\", \"line\"], template = \"m\", valid_for = \"1d\", \
     on_cap = \"skip\", on_quiet = \"defer\" }\n[[step]]\nid = \"wait\"\nwait = { for = \"36h\" }\n\
     [[step]]\nid = \"who\"\nbranch = [{ when = \"net_revenue_top < 0.30\", to = \"dear\" }, { else = \"again\" }]\n\
     [[step]]\nid = \"dear\"\nsend = { purpose = \"marketing\", try = [\"line\"], template = \"m\", on_cap = \"skip\", on_quiet = \"defer\" }\n\
     next = \"end\"\n[[step]]\nid = \"again\"\nsend = { purpose = \"marketing\", try = [\"email\", \"line\"], template = \"m\", \
     on_cap = \"skip\", on_quiet = \"defer\" }\n";

/// Members of a family who come to know the shop one after the other, by one address and by their own.
fn family() -> Vec<Told> {
    let mut told = Vec::new();
    for (name, day, time) in [("z-first", 2, "09:10"), ("a-second", 2, "11:10"), ("m-third", 4, "11:50")] {
        told.extend(reachable(name, Channel::Line, at(day, time)));
        told.push((at(day, time), customer(name), News::Address(ContactKind::Email, "family@example.jp".into())));
        told.push((at(day, time), customer(name), News::Consent(Channel::Email, ConsentState::Granted)));
        told.push(left_cart(name, &format!("k-{name}"), at(day, time) + TimeDelta::minutes(5)));
        told.push(bought(name, at(day + 1, "06:00")));
    }
    told.push((at(3, "15:00"), customer("z-first"), News::Consent(Channel::Email, ConsentState::Revoked)));
    told
}

#[test]
fn looks_that_are_passed_over_would_have_changed_nothing() {
    deep(async {
        let event = cart("[holdout]\npercent = 30\nsalt = \"s\"\n", AGAIN);
        let waits = "[[step]]\nid = \"until\"\nwait = { event = \"cart_updated\", timeout = \"30h\", on_timeout = \"again\" }\n\
             next = \"end\"\n";
        let waits = event.replace("[[step]]\nid = \"wait1d\"\nwait = { for = \"24h\" }\n", waits);
        assert_ne!(waits, event);
        for (scenario, shared) in [(event.as_str(), 1), (waits.as_str(), 1), (SECOND, 3)] {
            let (_folder, workspace) = shop(scenario, at(12, "09:00")).await;
            let mut told = week();
            told.extend(family());
            // Somebody buys for the second time while they wait, and somebody for the first.
            told.extend([bought("buys", at(3, "14:20")), bought("again", at(4, "13:00")), bought("ignores", at(5, "13:00"))]);
            told.sort_by_key(|(at, ..)| *at);
            tell(&workspace, &told).await;
            let asked = Asked { scenario: workspace.files.scenarios[0].clone(), from: date(1), to: date(8), as_ticked: false };
            let (every, all) = replay_by(&workspace, &asked, &|_, _| {}, true).await.unwrap();
            let (some, held) = replay_by(&workspace, &asked, &|_, _| {}, false).await.unwrap();
            assert_eq!(of_report(&some), of_report(&every), "{scenario}");
            assert_eq!(some, every, "{scenario}");
            // There was something to be said, and not at every look.
            assert!(every.would_sends.len() > 4 && !every.summary.exits.is_empty(), "{every:#?}");
            assert_eq!(all, every.ticks);
            assert!(held * shared < all, "{held} of {all}: {scenario}");
        }
    });
}

#[test]
fn a_span_that_cannot_be_replayed_is_refused() {
    deep(async {
        let (_folder, workspace) = shop(&cart("", ""), at(10, "09:00")).await;
        let refused = [
            (date(2), date(2), false, "is not before"),
            (date(1), date(20), false, "lies ahead"),
            (date(1) - TimeDelta::days(500), date(1), false, "are 500 days"),
            (date(1), date(3), true, "planned nothing"),
        ];
        for (from, to, as_ticked, expect) in refused {
            let asked = Asked { scenario: workspace.files.scenarios[0].clone(), from, to, as_ticked };
            let fault = replay(&workspace, &asked, &|_, _| {}).await.unwrap_err();
            assert!(fault.message.contains(expect) && fault.remedy.is_some(), "{fault}");
        }
    });
}

/// Runs a future until it is done, or drops it after so many turns, as a loss of power would.
async fn at_most<F: Future>(turns: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut taken = 0;
    std::future::poll_fn(|context| {
        taken += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if taken >= turns => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// What ticks have recorded, without which run it was and when it was written down.
async fn planned(workspace: &Workspace) -> Vec<String> {
    let mut rows = Vec::new();
    for segment in workspace.state.journal().tail(0).await.unwrap() {
        if !["entries", "sends", "stops", "exposures"].contains(&segment.table.as_str()) {
            continue;
        }
        for line in String::from_utf8(segment.payload).unwrap().lines() {
            let mut row: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            for written in ["run_id", "occurred_at", "known_at"] {
                row.remove(written);
            }
            rows.push(format!("{} {}", segment.table, serde_json::to_string(&row).unwrap()));
        }
    }
    rows.sort();
    rows
}

/// First buyers on the day after, as long as they are those of yesterday.
const YESTERDAY: &str = "scenario = \"cart\"\ntitle = { ja = \"F2\", en = \"F2\" }\n[entry]\nsegment = \"f2_step\"\nparams = { days = 1 }\n\
     at = \"10:00\"\n[[exit]]\nleave = \"audience\"\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n\
     [[step]]\nid = \"wait\"\nwait = { for = \"36h\" }\n[[step]]\nid = \"late\"\n\
     send = { purpose = \"marketing\", try = [\"line\", \"email\"], template = \"m\", on_cap = \"skip\", on_quiet = \"defer\" }\n";

#[test]
fn many_nights_are_one_run_over_them_also_where_some_are_cut_short() {
    deep(async {
        let carts = cart("[holdout]\npercent = 30\nsalt = \"s\"\n", AGAIN);
        let grace = TimeDelta::minutes(10);
        let nights: Vec<Instant> = (2..=9).map(|day| at(day, "03:00")).collect();
        let (first, last) = (at(1, "00:00"), nights[nights.len() - 1]);
        // Permissions are as of now for every run, so they are all told before.
        let told: Vec<Told> = week();
        for (scenario, expect) in [
            (carts.as_str(), [("sends", "ghost"), ("stops", "")]),
            (YESTERDAY, [("entries", "waiting"), ("entries", "left_audience")]),
        ] {
            let mut found = Vec::new();
            for (ends, turns) in [(vec![last], None), (nights.clone(), None), (nights.clone(), Some([1, 3, 7, 15, 40]))] {
                let (folder, mut workspace) = shop(scenario, last + grace).await;
                tell(&workspace, &told).await;
                let mut since = first;
                let mut cut = 0;
                for end in ends {
                    for turns in turns.iter().flatten() {
                        if at_most(*turns, tick::tick(&workspace, since, end)).await.is_none() {
                            cut += 1;
                            workspace.state.close().await;
                            drop(workspace);
                            workspace = open(folder.path(), last + grace).await;
                        }
                    }
                    tick::tick(&workspace, since, end).await.unwrap();
                    since = end;
                }
                assert_eq!(cut > 0, turns.is_some());
                found.push(planned(&workspace).await);
            }
            for (table, part) in expect {
                assert!(found[0].iter().any(|row| row.starts_with(table) && row.contains(part)), "{part}: {:#?}", found[0]);
            }
            assert_eq!(found[0], found[1]);
            assert_eq!(found[0], found[2]);
        }
    });
}
