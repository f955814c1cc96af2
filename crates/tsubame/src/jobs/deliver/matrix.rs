//! The crash matrix of RELIABILITY §3: the real ledger and the real delivery die at each of fifteen points while the far end accepts, refuses,
//! throttles, fails after accepting or drops its answer; then a restart goes on. Nobody may be lost, nobody may get a message twice,
//! whatever is unknown must be listed, and a crash leaves no more unknown than was under way.
//!
//! A test runs a small grid (every point, every behaviour, one seed, 12 sends). The full one (20 seeds, 200 sends) takes most of an hour:
//! `cargo test -p tsubame crash_matrix -- --ignored --nocapture`.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta};
use connect::senders::{Reply, SmtpStage, smtp::refusal};
use futures::FutureExt;
use model::{Consent, ConsentState, Contact, Instant, Purpose, Receipt, ReceiptKind, Run, SendState};
use state::State;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::{
    clock::Clock,
    fault::Fault,
    jobs::collect,
    point::near::{self, Crash},
    sink::{
        Door, Ending, Sink,
        dial::{Behaviour, Dial},
        http::{self, Asked},
        smtp,
    },
    workspace::Access,
};

const MASTER_KEY: [u8; 32] = [7; 32];
const SETTINGS: &str = r#"
name = "燕"
[quiet]
enabled = false
[legal]
sender_name = "燕"
postal_address = "架空県"
contact = "shop@shop.example"
unsubscribe_url = "https://shop.example/unsubscribe"
[[senders]]
channel = "email"
kind = "smtp"
at_once = 4
host = "127.0.0.1"
from = "Shop <news@shop.example>"
[[senders]]
channel = "line"
kind = "line"
at_once = 4
base_url = "http://127.0.0.1:1"
token = "env:UNUSED"
[[senders]]
channel = "sms"
kind = "twilio"
at_once = 4
base_url = "http://127.0.0.1:1"
account_sid = "ACdev"
token = "env:UNUSED"
from = "+815012345678"
status_callback = "http://127.0.0.1:1/receipts"
"#;
/// Each person's words are their own, so that LINE is asked by pushes.
const PERSONAL: &str = "[email]\nsubject = \"燕\"\nbody = \"{{ link }} {{ shop.sender_name }} {{ shop.postal_address }} {{ shop.contact }} {{ unsubscribe_url }}\"\n[line]\nbody = \"{{ link }}\"\n[sms]\nbody = \"{{ link }} {{ shop.sender_name }} {{ unsubscribe_url }}\"\n";
/// Equal words go to many in one call.
const EQUAL: &str = "[line]\nbody = \"燕の日\"\n";
/// As somebody changes them between a crash and the restart: what is repeated must not notice.
const CHANGED: &str = "[line]\nbody = \"another {{ link }}\"\n";

/// Lives of the program after which something would be waiting for ever.
const LIVES_MAX: usize = 60;

/// Where it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// At a named point of our own.
    Named(&'static str),
    /// At the far end: nothing of the message was taken.
    Untaken,
    /// At the far end: the message was taken, and nothing was heard.
    Taken,
    /// At a named point, while what an earlier crash at the far end left unknown is cleared up.
    Clearing(&'static str),
    /// After delivery, when a receipt has come and is not written down.
    Receipt,
    /// It does not die: it stands still across its lease, and another one takes over.
    Stopped,
}

/// C1 to C15.
const POINTS: [(&str, Point); 15] = [
    ("C1 planned, not committed", Point::Named("ledger.before_sealed")),
    ("C2 planned, committed", Point::Named("ledger.after_sealed")),
    ("C3 claimed", Point::Named("ledger.after_claim")),
    ("C4 handed, socket not open", Point::Named("ledger.after_handed")),
    ("C5 headers sent", Point::Untaken),
    ("C6 half a body sent", Point::Untaken),
    ("C7 last byte sent", Point::Untaken),
    ("C8 accepted, no answer", Point::Taken),
    ("C9 answer half read", Point::Taken),
    ("C10 answer read, not written", Point::Named("send.after_call")),
    ("C11 outcome written", Point::Named("ledger.after_outcome")),
    ("C12 receipt, not applied", Point::Receipt),
    ("C13 while resolving", Point::Clearing("ledger.before_repeated")),
    ("C14 while parking", Point::Clearing("ledger.before_parked")),
    ("C15 stopped across the lease", Point::Stopped),
];

/// What the provider does, half of the time.
const BEHAVIOURS: [(&str, Option<Behaviour>); 5] = [
    ("accepts", None),
    ("refuses", Some(Behaviour::Refuse)),
    ("throttles", Some(Behaviour::Throttle)),
    ("fails after accepting", Some(Behaviour::FailAfter)),
    ("drops the answer", Some(Behaviour::DropAnswer)),
];

/// How the sends leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    name: &'static str,
    door: Door,
    channel: Channel,
    kind: ContactKind,
    template: &'static str,
    keyed: bool,
}

const PUSH: Way = Way {
    name: "line push",
    door: Door::Line,
    channel: Channel::Line,
    kind: ContactKind::Line,
    template: "personal",
    keyed: true,
};
const MULTICAST: Way = Way { name: "line multicast", template: "equal", ..PUSH };
const MAIL: Way =
    Way { name: "smtp", door: Door::Smtp, channel: Channel::Email, kind: ContactKind::Email, template: "personal", keyed: false };
const SMS: Way = Way {
    name: "twilio",
    door: Door::Twilio,
    channel: Channel::Sms,
    kind: ContactKind::Phone,
    template: "personal",
    keyed: false,
};

/// The far end, and what is to happen at one of its calls.
struct Far {
    sink: Sink,
    clock: Clock,
    door: Door,
    calls: Mutex<u64>,
    doom: Mutex<Option<(Point, u64)>>,
    standing: Notify,
    go_on: Notify,
}

impl Far {
    /// What happens at this call, if anything; it happens once.
    fn doomed(&self) -> Option<Point> {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        let mut doom = self.doom.lock().unwrap();
        let due = doom.filter(|(_, nth)| *nth <= *calls)?;
        *doom = None;
        Some(due.0)
    }

    /// How many messages each address has got, and how many keys came with more than one body.
    fn seen(&self) -> (BTreeMap<String, usize>, usize) {
        let held = self.sink.held();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for to in held.messages.iter().flat_map(|message| &message.to) {
            *taken.entry(to.clone()).or_default() += 1;
        }
        let rewritten = |counts: &crate::sink::Counts| counts.bodies.values().filter(|bodies| bodies.len() > 1).count();
        (taken, held.counts.get(&self.door).map_or(0, rewritten))
    }

    fn exchange(&self, request: &Request) -> Reply {
        let now = self.clock.now();
        match request {
            Request::Http(sent) => {
                let credential = if self.door == Door::Line { "Bearer t" } else { "Basic QUNkZXY6dA==" };
                let mut headers: BTreeMap<String, String> =
                    sent.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
                headers.insert("authorization".into(), credential.into());
                let path = url::Url::parse(&sent.url).unwrap().path().to_string();
                let asked = Asked { method: "POST".into(), path, headers, body: sent.body.clone().into_bytes() };
                let answered = http::take(&self.sink, self.door, &asked, now).expect("a door of the web");
                if answered.ending == Ending::HangUp {
                    return Reply::Unknown { reason: "the connection broke".into() };
                }
                let headers: BTreeMap<String, String> =
                    answered.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
                let wait = headers.get("retry-after").and_then(|seconds| seconds.parse().ok());
                let retry_after = wait.map(|seconds| now + TimeDelta::seconds(seconds));
                Reply::Http { status: answered.status, retry_after, headers, body: answered.body.into_bytes() }
            }
            Request::Smtp(mail) => {
                let said = smtp::take(&self.sink, &mail.from, mail.to.as_str(), &mail.message, now);
                let parts = |text: &str| (text[..3].parse::<u16>().unwrap(), text[4..].to_string());
                match said.to_recipient.as_deref().map(parts) {
                    Some((code, text)) => refusal(code, &text),
                    None if said.ending == Ending::HangUp => Reply::Unknown { reason: "no answer after the dot".into() },
                    None => {
                        let (code, text) = parts(&said.to_mail);
                        Reply::Smtp { stage: SmtpStage::Dot, code, text }
                    }
                }
            }
            Request::File(_) | Request::Refused { .. } => Reply::NotSent { reason: "nothing for this far end".into() },
        }
    }
}

/// Senders of the settings, all of which speak to the far end.
fn outbound<'a>(workspace: &'a Workspace, far: &Arc<Far>) -> Outbound<'a> {
    let outlets = workspace.shop().senders.iter().map(|settings| {
        let far = far.clone();
        let near: crate::transport::Near = Arc::new(move |call: &Call| {
            let (far, request) = (far.clone(), call.request.clone());
            async move {
                match far.doomed() {
                    Some(Point::Untaken) => std::panic::resume_unwind(Box::new(Crash)),
                    Some(Point::Taken) => {
                        far.exchange(&request);
                        std::panic::resume_unwind(Box::new(Crash))
                    }
                    Some(Point::Stopped) => {
                        far.standing.notify_one();
                        far.go_on.notified().await;
                    }
                    _ => {}
                }
                far.exchange(&request)
            }
            .boxed()
        });
        let sender = connect::senders::open(settings).unwrap_or_else(|problems| panic!("{problems:?}"));
        (settings.channel, Outlet { sender, transport: Some(Transport::Near(near)), at_once: settings.at_once })
    });
    Outbound { workspace, outlets: outlets.collect() }
}

struct Bench {
    workspace: Workspace,
    clock: Clock,
    way: Way,
    sends: usize,
    /// A state in which everybody may be sent to.
    template: PathBuf,
    _folder: TempDir,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    cases: usize,
    planned: usize,
    accepted: usize,
    failed: usize,
    parked: usize,
    /// Parked ones that had been accepted.
    taken_and_parked: usize,
    crashes: usize,
}

fn begin() -> Instant {
    DateTime::parse_from_rfc3339("2026-07-01T09:00:00+09:00").unwrap().to_utc()
}

fn customer(index: usize) -> CustomerId {
    CustomerId::stored(format!("c{index:04}"))
}

/// What the vault has of them; the sink counts by it.
fn address(way: Way, index: usize) -> String {
    match way.kind {
        ContactKind::Email => format!("c{index:04}@mail.example"),
        ContactKind::Line => format!("U{index:032x}"),
        _ => format!("+8190{index:08}"),
    }
}

impl Bench {
    async fn new(way: Way, sends: usize) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("tsubame.toml", SETTINGS),
            ("messages/personal.toml", PERSONAL),
            ("messages/equal.toml", EQUAL),
            ("messages/changed.toml", CHANGED),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let clock = Clock::logical(begin());
        let workspace = Workspace::open(folder.path(), clock.clone(), Access::Write).await.unwrap();
        workspace.state.close().await;
        let template = folder.path().join("template.db");
        let state = State::open(&template, MASTER_KEY).await.unwrap();
        let contacts: Vec<Contact> =
            (0..sends).map(|n| Contact { customer_id: customer(n), kind: way.kind, address: address(way, n) }).collect();
        state.vault().put(&contacts, "file", begin()).await.unwrap();
        let consents: Vec<(Consent, Instant)> = (0..sends).map(|n| (consent(way, n), begin())).collect();
        state.consents().record_consents(&consents, begin()).await.unwrap();
        state.close().await;
        Bench { workspace, clock, way, sends, template, _folder: folder }
    }

    /// One case: from the plan to the end, with one crash.
    async fn case(&mut self, (name, point): (&str, Point), (does, behaviour): (&str, Option<Behaviour>), seed: u64) -> Sum {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        std::fs::copy(&self.template, &path).unwrap();
        self.clock.set(begin());
        self.open(&path).await;
        let sink = Sink::new(seed, Duration::from_secs(90), Duration::ZERO);
        if let Some(behaviour) = behaviour {
            sink.set((self.way.door, behaviour, Dial { share: 0.5, next: 0 }));
        }
        // Anywhere in the run; a multicast is one call.
        let nth = if self.way == MULTICAST { 1 } else { 1 + seed * 7 % (self.sends as u64 / 2) };
        let far = Arc::new(Far {
            sink,
            clock: self.clock.clone(),
            door: self.way.door,
            calls: Mutex::default(),
            doom: Mutex::default(),
            standing: Notify::new(),
            go_on: Notify::new(),
        });
        let what = format!("{} · {name} · {does} · seed {seed}", self.way.name);
        let mut crashes = 0;
        match point {
            Point::Named(named) => near::arm(named, self.pass(named, nth)),
            Point::Clearing(_) => *far.doom.lock().unwrap() = Some((Point::Taken, nth)),
            Point::Untaken | Point::Taken | Point::Stopped => *far.doom.lock().unwrap() = Some((point, nth)),
            Point::Receipt => {}
        }
        let sends: Vec<Send> = (0..self.sends).map(|n| planned(self.way, n)).collect();
        while let Err(payload) = AssertUnwindSafe(self.plan(&sends)).catch_unwind().await {
            only_a_crash(payload);
            crashes += 1;
            self.restart(&path).await;
        }
        let mut lives = 0;
        loop {
            lives += 1;
            assert!(lives < LIVES_MAX, "{what}: something waits for ever: {:?}", self.counts().await);
            let delivered = match point == Point::Stopped && lives == 1 {
                true => AssertUnwindSafe(self.stopped(&far)).catch_unwind().await,
                false => {
                    AssertUnwindSafe(deliver_over(&self.workspace, outbound(&self.workspace, &far), None)).catch_unwind().await
                }
            };
            match delivered {
                Ok(Ok(_)) => {}
                Ok(Err(fault)) => panic!("{what}: {fault}"),
                Err(payload) => {
                    only_a_crash(payload);
                    crashes += 1;
                    self.restart(&path).await;
                    let unknown = self.counts().await.get(&SendState::Handed).copied().unwrap_or_default();
                    assert!(unknown <= self.under_way_max(), "{what}: {unknown} were handed over and not answered");
                    if let (1, Point::Clearing(named)) = (crashes, point) {
                        near::arm(named, 1);
                        // What a key cannot clear up any more is parked.
                        if self.way.keyed && named == "ledger.before_parked" {
                            self.clock.set(self.clock.now() + TimeDelta::hours(21));
                        }
                    }
                }
            }
            if self.is_over().await {
                break;
            }
            self.clock.set(self.clock.now() + TimeDelta::minutes(61));
        }
        let still_armed = near::disarm();
        let never_passed = matches!(point, Point::Clearing("ledger.before_repeated")) && !self.way.keyed;
        assert_eq!(still_armed, never_passed, "{what}: the point was passed");
        if point == Point::Receipt {
            self.receipts(&path, &what).await;
            crashes += 1;
        }
        let expected = match point {
            Point::Clearing(_) if !never_passed => 2,
            Point::Stopped => 0,
            _ => 1,
        };
        assert_eq!(crashes, expected, "{what}: crashes");
        Sum { cases: 1, crashes, ..self.judge(&far, point, behaviour, &what).await }
    }

    /// Messages that leave side by side.
    fn under_way_max(&self) -> u64 {
        let sender = self.workspace.shop().sender(self.way.channel).expect("each way has a sender");
        if self.way == MULTICAST { self.sends as u64 } else { sender.at_once as u64 }
    }

    /// Which pass of a point is the one of the n-th call.
    fn pass(&self, named: &str, nth: u64) -> u64 {
        match named {
            "ledger.before_sealed" | "ledger.after_sealed" | "ledger.after_claim" => 1,
            "send.before_call" | "send.after_call" => nth,
            // Those of a wave are passed once in it; here any wave will do.
            _ => 1 + (nth - 1) % (self.sends as u64).div_ceil(self.under_way_max()),
        }
    }

    /// The plan as a run records it; nothing, when it is sealed.
    async fn plan(&self, sends: &[Send]) {
        let ledger = self.workspace.state.ledger();
        let run = Run {
            run_id: "r1".into(),
            kind: "tick".into(),
            name: "all".into(),
            logical_at: begin(),
            definition: "d".into(),
            members: sends.len() as i64,
            counts: serde_json::Value::Null,
        };
        if ledger.begin(&run).await.unwrap() == state::Begun::AlreadySealed {
            return;
        }
        for chunk in sends.chunks(sends.len().div_ceil(2)) {
            ledger.record_plan(&run, &[], chunk, &[], &[], begin()).await.unwrap();
        }
        ledger.seal(&run, begin()).await.unwrap();
    }

    /// The program stands still at a call; another takes over after its lease; then the first goes on.
    async fn stopped(&self, far: &Arc<Far>) -> Result<Report, Fault> {
        let mut first = std::pin::pin!(deliver_over(&self.workspace, outbound(&self.workspace, far), None));
        tokio::select! {
            biased;
            done = &mut first => panic!("it never stood still: {done:?}"),
            () = far.standing.notified() => {}
        }
        self.clock.set(self.clock.now() + TimeDelta::from_std(LEASE).unwrap() + TimeDelta::seconds(1));
        let second = deliver_over(&self.workspace, outbound(&self.workspace, far), None).await;
        far.go_on.notify_one();
        let late = first.await;
        assert!(late.is_err_and(|fault| fault.to_string().contains("someone else acted")), "who is late may write nothing");
        second
    }

    /// One program at a time has the state: what the last one left behind is over first.
    async fn open(&mut self, path: &Path) {
        self.workspace.state.close().await;
        self.workspace.state = State::open(path, MASTER_KEY).await.unwrap();
    }

    async fn restart(&mut self, path: &Path) {
        self.open(path).await;
        let templates = &mut self.workspace.files.templates;
        let changed = templates["changed"].words[&Channel::Line].clone();
        for name in ["personal", "equal"] {
            if let Some(template) = templates.get_mut(name) {
                template.words.insert(Channel::Line, changed.clone());
            }
        }
    }

    async fn counts(&self) -> BTreeMap<SendState, u64> {
        self.workspace.state.ledger().counts().await.unwrap()
    }

    async fn is_over(&self) -> bool {
        self.counts().await.keys().all(|state| state.is_terminal())
    }

    /// Every receipt comes, is lost in a crash, and comes twice more.
    async fn receipts(&mut self, path: &Path, what: &str) {
        let mut receipts = Vec::new();
        for n in 0..self.sends {
            let send = self.workspace.state.ledger().send(&send_id(self.way, n)).await.unwrap().unwrap().send;
            if send.state == SendState::Accepted {
                let receipt = Receipt {
                    receipt_id: format!("{}-delivered", send.send_id),
                    send_id: send.send_id,
                    customer_id: send.customer_id,
                    channel: send.channel,
                    kind: ReceiptKind::Delivered,
                    human: false,
                    link: None,
                    source: "sink".into(),
                };
                receipts.push((begin(), receipt));
            }
        }
        // Polled once and dropped: it may have been written down or not.
        let _ = collect::receipts(&self.workspace, &receipts).now_or_never();
        self.restart(path).await;
        for _ in 0..2 {
            collect::receipts(&self.workspace, &receipts).await.unwrap();
        }
        let segments = self.workspace.state.journal().tail_part(0, Some("receipts"), usize::MAX).await.unwrap();
        let kept: usize = segments.iter().map(|segment| segment.rows).sum();
        assert_eq!(kept, receipts.len(), "{what}: receipts");
    }

    /// What the far end took, against what the ledger says.
    async fn judge(&self, far: &Far, point: Point, behaviour: Option<Behaviour>, what: &str) -> Sum {
        let (taken, rewritten) = far.seen();
        let ledger = self.workspace.state.ledger();
        let listed: BTreeSet<String> = ledger.parked().await.unwrap().into_iter().map(|held| held.send.send_id).collect();
        let waits_for_nobody = self.way.keyed && point != Point::Clearing("ledger.before_parked");
        let mut sum = Sum { planned: self.sends, ..Sum::default() };
        for n in 0..self.sends {
            let id = send_id(self.way, n);
            let held = ledger.send(&id).await.unwrap().unwrap_or_else(|| panic!("{what}: send {n} is lost"));
            let copies = taken.get(&address(self.way, n)).copied().unwrap_or(0);
            assert!(copies <= 1, "{what}: send {n} was accepted {copies} times");
            match held.send.state {
                SendState::Accepted => {
                    sum.accepted += 1;
                    assert_eq!(copies, 1, "{what}: send {n} is accepted");
                }
                SendState::Parked => {
                    sum.parked += 1;
                    sum.taken_and_parked += copies;
                    assert!(listed.contains(&id), "{what}: send {n} is not listed");
                    assert!(!waits_for_nobody, "{what}: send {n} has a key and waits for a person");
                }
                SendState::Failed => {
                    sum.failed += 1;
                    // A mail server that takes a mail and answers 554 lies, and nobody can tell; the mail is not sent again.
                    let lied = self.way == MAIL && behaviour == Some(Behaviour::FailAfter);
                    assert!(copies == 0 || lied, "{what}: send {n} was refused and accepted");
                }
                other => panic!("{what}: send {n} ended as {}", other.name()),
            }
        }
        assert_eq!(sum.accepted + sum.failed + sum.parked, self.sends, "{what}");
        // A provider that always answers leaves unknown only what was under way at the crash.
        if !self.way.keyed && !matches!(behaviour, Some(Behaviour::FailAfter | Behaviour::DropAnswer)) {
            assert!(sum.parked as u64 <= self.under_way_max(), "{what}: {} are unknown", sum.parked);
        }
        assert_eq!(rewritten, 0, "{what}: a call was repeated with other bytes");
        sum
    }
}

/// Anything else that unwinds is a defect.
fn only_a_crash(payload: Box<dyn std::any::Any + std::marker::Send>) {
    if !payload.is::<Crash>() {
        std::panic::resume_unwind(payload);
    }
}

fn consent(way: Way, n: usize) -> Consent {
    Consent {
        customer_id: customer(n),
        channel: way.channel,
        purpose: Purpose::Marketing,
        state: ConsentState::Granted,
        source: "form".into(),
        wording: None,
        evidence: None,
        changed_at: begin(),
    }
}

fn send_id(way: Way, n: usize) -> String {
    model::derive_id(&["matrix", &n.to_string(), way.name]).unwrap()
}

fn planned(way: Way, n: usize) -> Send {
    Send {
        send_id: send_id(way, n),
        run_id: "r1".into(),
        entry_id: format!("e{n}"),
        scenario: "matrix".into(),
        scenario_version: "v1".into(),
        step: "send".into(),
        customer_id: customer(n),
        channel: way.channel,
        purpose: Purpose::Marketing,
        template: way.template.into(),
        arm: None,
        state: SendState::Planned,
        due_at: begin(),
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    }
}

/// Every point and behaviour, so many seeds and sends.
fn grid(way: Way, seeds: u64, sends: usize) -> Sum {
    let on_a_deep_stack = move || {
        // A lake wants threads; points unwind on the thread that passes them, so the cases have one.
        let wide = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_stack_size(16 << 20)
            .enable_all()
            .build()
            .unwrap();
        let mut bench = wide.block_on(Bench::new(way, sends));
        let narrow = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        narrow.block_on(async {
            let words = bench.workspace.files.templates.clone();
            let mut sum = Sum::default();
            for point in POINTS {
                for behaviour in BEHAVIOURS {
                    for seed in 1..=seeds {
                        bench.workspace.files.templates = words.clone();
                        let one = bench.case(point, behaviour, seed).await;
                        sum.cases += one.cases;
                        sum.planned += one.planned;
                        sum.accepted += one.accepted;
                        sum.failed += one.failed;
                        sum.parked += one.parked;
                        sum.taken_and_parked += one.taken_and_parked;
                        sum.crashes += one.crashes;
                    }
                }
            }
            bench.workspace.state.close().await;
            sum
        })
    };
    let sum = std::thread::Builder::new().stack_size(16 << 20).spawn(on_a_deep_stack).unwrap().join().unwrap();
    println!(
        "{}: {} cases, {} crashes, {} sends: {} accepted once, {} failed, {} unknown and listed ({} of them had been accepted), 0 twice, 0 lost",
        way.name, sum.cases, sum.crashes, sum.planned, sum.accepted, sum.failed, sum.parked, sum.taken_and_parked
    );
    assert_eq!(sum.accepted + sum.failed + sum.parked, sum.planned);
    sum
}

#[test]
fn crash_matrix_of_pushes() {
    assert!(grid(PUSH, 1, 12).accepted > 0);
}

#[test]
fn crash_matrix_of_multicasts() {
    assert!(grid(MULTICAST, 1, 12).accepted > 0);
}

#[test]
fn crash_matrix_of_mail() {
    let sum = grid(MAIL, 1, 12);
    assert!(sum.accepted > 0 && sum.parked > 0, "{sum:?}");
}

#[test]
fn crash_matrix_of_sms() {
    let sum = grid(SMS, 1, 12);
    assert!(sum.accepted > 0 && sum.parked > 0, "{sum:?}");
}

#[test]
#[ignore = "some minutes: 15 points, 5 behaviours, 20 seeds, 200 sends, 4 ways"]
fn crash_matrix_in_full() {
    for way in [PUSH, MULTICAST, MAIL, SMS] {
        assert_eq!(grid(way, 20, 200).cases, 15 * 5 * 20);
    }
}
