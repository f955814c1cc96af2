//! A relay that tells when each message arrives: what leaves after everything was stopped, or the scenario was paused, in the middle. One
//! that knows nobody: who is sent an SMS instead, and who is not. One that takes its time: how many calls are under way at once. And a
//! plan that comes late.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use connect::senders::{Reply, SmtpStage};
use futures::FutureExt;
use model::{Consent, ConsentState, Contact, Fact, Instant, Order, Purpose, SendState};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    clock::Clock,
    jobs::{
        made::{MEMBERS, at, customer, shop, sign_up},
        pause::{pause, resume},
        tick::tick,
    },
    workspace::{Access, deep},
};

const SALE: &str = "scenario = \"sale\"\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
    entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\nstep = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

const NEWS: &str = "scenario = \"news\"\ntitle = { ja = \"便り\", en = \"News\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
    entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\nstep = [{ id = \"s\", send = { try = [\"email\", \"sms\"], template = \"c\" } }]\n";
const WORDS: &str = "[email]\nsubject = \"燕\"\nbody = \"{{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}\"\n\
    [sms]\nbody = \"{{ link }} {{ shop.sender_name }} {{ unsubscribe_url }}\"\n";

const WELCOME: &str = "scenario = \"welcome\"\ntitle = { ja = \"歓迎\", en = \"Welcome\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
    entry = { on = \"signed_up\" }\nexit = [{ on = \"order_placed\" }]\nstep = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

/// The demo's settings, with this relay for mail, and so many calls at once.
fn by_relay(port: u16, at_once: usize) -> impl Fn(&str) -> String {
    let file = "[[senders]]\nchannel = \"email\"\nkind = \"file\"\npath = \"outbox/email.ndjson\"\n";
    let smtp = format!(
        "[[senders]]\nchannel = \"email\"\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"shop@shop.example.jp\"\n\
         at_once = {at_once}\n"
    );
    move |own| own.replace(file, &smtp)
}

/// What happens when the first message has arrived and is not acknowledged yet.
type First = Arc<Mutex<Option<tokio::sync::oneshot::Sender<tokio::sync::oneshot::Sender<()>>>>>;

/// Speaks as much SMTP as a relay must, and lets somebody act between the first message and its acknowledgement.
async fn relay(listener: TcpListener, first: First, to_recipient: &'static str) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(conversation(socket, first.clone(), to_recipient));
    }
}

async fn conversation(socket: TcpStream, first: First, to_recipient: &'static str) -> std::io::Result<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 relay\r\n").await?;
    let mut in_message = false;
    while let Some(line) = lines.next_line().await? {
        let answer = match (in_message, line.as_str()) {
            (true, ".") => {
                in_message = false;
                let waiting = first.lock().expect("nobody panics while holding it").take();
                if let Some(waiting) = waiting {
                    let (done, is_done) = tokio::sync::oneshot::channel();
                    if waiting.send(done).is_ok() {
                        let _ = is_done.await;
                    }
                }
                "250 taken\r\n"
            }
            (true, _) => continue,
            (false, "DATA") => {
                in_message = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, recipient) if recipient.starts_with("RCPT") => to_recipient,
            (false, hello) if hello.starts_with("EHLO") => "250-relay\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            _ => "250 fine\r\n",
        };
        writing.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

#[test]
fn a_stop_during_a_wave_stops_the_next() {
    deep(async {
        let check = async |scenario: Option<&str>, at_once: usize| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let files = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(by_relay(port, at_once), &files, at("09:00")).await;
            sign_up(&workspace, 3, 3).await;
            workspace.clock.set(at("12:20"));
            assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 3);

            let (arrived, first_arrived) = tokio::sync::oneshot::channel();
            tokio::spawn(relay(listener, Arc::new(Mutex::new(Some(arrived))), "250 fine\r\n"));
            let stop = async {
                let acknowledge = first_arrived.await.unwrap();
                assert!(pause(&workspace, scenario, "hanako").await.unwrap());
                acknowledge.send(()).unwrap();
            };
            let (report, ()) = tokio::join!(deliver(&workspace, None), stop);
            let under_way = at_once as u64;
            assert_eq!(report.unwrap().accepted, under_way, "{scenario:?}");
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 0, "{scenario:?}");
            assert!(resume(&workspace, scenario, "hanako").await.unwrap());
            // Those that were claimed are free again after their lease, those put off after a while.
            workspace.clock.set(at("12:40"));
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 3 - under_way, "{scenario:?}");
        };
        for at_once in [1, 2] {
            check(None, at_once).await;
            check(Some("sale"), at_once).await;
        }
    });
}

/// What a far end within the process saw.
#[derive(Default)]
struct Seen {
    under_way: usize,
    most: usize,
    /// What the ledger is to say of each send.
    expected: BTreeMap<String, SendState>,
}

/// Answers the first of four calls last, and takes, refuses and loses mails in turn.
fn unhurried(seen: Arc<Mutex<Seen>>) -> Transport {
    let near: crate::transport::Near = Arc::new(move |call: &Call| {
        let (seen, members) = (seen.clone(), call.members.clone());
        async move {
            let nth = {
                let mut seen = seen.lock().expect("nobody panics while holding it");
                let nth = seen.expected.len();
                let state = [SendState::Accepted, SendState::Failed, SendState::Ambiguous][nth % 3];
                seen.expected.extend(members.into_iter().map(|member| (member, state)));
                seen.under_way += 1;
                seen.most = seen.most.max(seen.under_way);
                nth
            };
            tokio::time::sleep(Duration::from_millis(if nth.is_multiple_of(4) { 40 } else { 5 })).await;
            seen.lock().expect("nobody panics while holding it").under_way -= 1;
            let said = |code: u16| Reply::Smtp { stage: SmtpStage::Dot, code, text: String::new() };
            [said(250), said(554), Reply::Unknown { reason: "no answer".into() }][nth % 3].clone()
        }
        .boxed()
    });
    Transport::Near(near)
}

#[test]
fn as_many_calls_as_the_sender_takes_are_under_way_and_each_gets_its_own_outcome() {
    deep(async {
        for at_once in [1, 4, 64] {
            let files = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(by_relay(1, at_once), &files, at("09:00")).await;
            sign_up(&workspace, 10, 10).await;
            workspace.clock.set(at("12:20"));
            assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 10);
            let seen = Arc::new(Mutex::new(Seen::default()));
            let mut outbound = Outbound::open(&workspace).unwrap();
            let mail = outbound.outlets.get_mut(&Channel::Email).unwrap();
            mail.transport = Some(unhurried(seen.clone()));
            let report = deliver_over(&workspace, outbound, None).await.unwrap();
            assert_eq!(report, Report { accepted: 4, failed: 3, unknown: 3, ..Report::default() }, "{at_once}");
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert_eq!((seen.most, seen.under_way, seen.expected.len()), (at_once.min(10), 0, 10), "{at_once}");
            for (send_id, expected) in seen.expected {
                let held = workspace.state.ledger().send(&send_id).await.unwrap().unwrap();
                assert_eq!(held.send.state, expected, "{at_once}");
            }
        }
    });
}

/// As after a crash: the program lives again, at that time.
async fn reopened(workspace: Workspace, now: Instant) -> Workspace {
    let folder = workspace.folder.clone();
    workspace.state.close().await;
    drop(workspace);
    Workspace::open(&folder, Clock::logical(now), Access::Write).await.unwrap()
}

/// The first two have a telephone, and the first of them agreed to be written to on it.
async fn have_phones(workspace: &Workspace) {
    let now = workspace.now();
    let contact = |index: usize| Contact {
        customer_id: customer(index),
        kind: ContactKind::Phone,
        address: format!("+8190000000{index:02}"),
    };
    workspace.state.vault().put(&[contact(0), contact(1)], "made", now).await.unwrap();
    let consent = Consent {
        customer_id: customer(0),
        channel: Channel::Sms,
        purpose: Purpose::Marketing,
        state: ConsentState::Granted,
        source: "made".into(),
        wording: None,
        evidence: None,
        changed_at: now,
    };
    workspace.state.consents().record_consents(&[(consent, now)], now).await.unwrap();
    workspace.forget_reachable();
}

#[test]
fn whom_no_mail_reaches_is_sent_an_sms_once() {
    deep(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(relay(listener, First::default(), "550 5.1.1 no such mailbox\r\n"));
        let files = [("scenarios/news.toml", NEWS), ("messages/c.toml", WORDS), ("queries/segments/members.sql", MEMBERS)];
        let (folder, mut workspace) = shop(by_relay(port, 3), &files, at("09:00")).await;
        sign_up(&workspace, 3, 3).await;
        have_phones(&workspace).await;
        workspace.clock.set(at("12:20"));
        assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 3);
        assert_eq!(deliver(&workspace, None).await.unwrap(), Report { failed: 3, ..Report::default() });

        // Wherever the program ends, the next life goes on.
        workspace = reopened(workspace, at("12:45")).await;
        let ticked = tick(&workspace, at("12:10"), at("12:35")).await.unwrap();
        assert_eq!((ticked.sends, ticked.stops), (1, 2));
        workspace = reopened(workspace, at("12:46")).await;
        assert_eq!(deliver(&workspace, None).await.unwrap(), Report { accepted: 1, ..Report::default() });
        workspace = reopened(workspace, at("12:50")).await;
        assert!(tick(&workspace, at("12:10"), at("12:35")).await.unwrap().was_done);
        assert_eq!(tick(&workspace, at("12:35"), at("12:40")).await.unwrap().sends, 0);
        assert_eq!(deliver(&workspace, None).await.unwrap(), Report::default());
        let lines = std::fs::read_to_string(folder.path().join("outbox/sms.ndjson")).unwrap();
        assert!(lines.lines().count() == 1 && lines.contains(customer(0).as_str()), "{lines}");

        let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
        let cases: [(usize, &[&str]); 3] = [(0, &[]), (1, &["sms no_consent"]), (2, &["sms no_address"])];
        for (index, expect) in cases {
            let bounced = workspace.state.consents().suppressions_of(&customer(index)).await.unwrap();
            assert_eq!(
                bounced.iter().map(|now| (now.channel, now.reason.as_str())).collect::<Vec<_>>(),
                [(Channel::Email, "bounced")]
            );
            let params = Params::from([("customer".to_string(), ParamValue::Text(customer(index).to_string()))]);
            let answer = desk.ask("system/why_stops", &params).await.unwrap();
            let rows = Rows::new(&answer);
            let stop = |row| format!("{} {}", rows.needed(row, "channel").unwrap(), rows.needed(row, "reason").unwrap());
            assert_eq!((0..answer.rows.len()).map(stop).collect::<Vec<_>>(), expect, "{index}");
        }
    });
}

#[test]
fn a_plan_that_comes_late_is_looked_over_before_it_leaves() {
    deep(async {
        // All three signed up at 08:00, and the message is due at once.
        let check = async |ordered: &str, now: &str, expect: Report| {
            let (_folder, workspace) = shop(|own| own.into(), &[("scenarios/welcome.toml", WELCOME)], at("09:00")).await;
            sign_up(&workspace, 3, 3).await;
            let yen = Money::whole(3_000).unwrap();
            let order = Order { customer_id: Some(customer(0)), gross: yen, net: yen, ..Order::new("made", "o1", at(ordered)) };
            workspace.clock.set(at(now));
            let order = Fact::new(&order, at(ordered), at(ordered));
            workspace.state.journal().append(vec![order], workspace.now()).await.unwrap();
            let ticked = tick(&workspace, at("07:00"), workspace.now() - workspace.shop().grace.0).await.unwrap();
            assert_eq!(ticked.sends, 3, "{now}");
            assert_eq!(deliver(&workspace, Some(&ticked.run_id)).await.unwrap(), expect, "{now}");
        };
        check("08:30", "09:30", Report { accepted: 3, ..Report::default() }).await;
        // After some hours without a tick: who bought meanwhile is not written to as if they had not.
        check("10:00", "13:20", Report { accepted: 2, stopped: 1, ..Report::default() }).await;
    });
}
