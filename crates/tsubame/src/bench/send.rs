//! How fast planned messages leave, beside the same calls without a ledger, in turns, in one run.
//!
//! Ours is `jobs::deliver`: claim, look at pauses, quiet hours and validity, addresses out of the vault, words, `handed` on stable storage with address,
//! consent and suppression looked up again, the call, its outcome on stable storage. The reference has its words ready, and makes the calls:
//! the same sender, the same transport, the same far end, as many at once. The far end is the doors of `tsubame dev-sink` in this process
//! (so processor time counts theirs too), or a file on the disk. The shop is an imported one (`members`); each round is a broadcast of its own.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use chrono::TimeDelta;
use connect::senders::{Address, Call, Context, Message};
use futures::future::join_all;
use model::{Channel, Outcome, Purpose, derive_id, shop::SenderSettings};
use serde::Serialize;
use tokio::net::TcpListener;

use super::{
    members::{self, SEGMENT, at},
    server::cpu_seconds,
};
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::{
        deliver::{deliver, variables},
        tick::tick,
    },
    sink::{Door, Sink, http, smtp},
    transport::Transport,
    workspace::{Access, Workspace},
};

/// An hour each, from nine o'clock on, before the quiet hours.
pub const ROUNDS_MAX: u8 = 9;
/// What is wanted of calls that take many messages, as a share of the reference's rate.
const RATIO_WANTED: f64 = 0.5;
/// As many as the product claims at a time.
const CLAIMED_MAX: usize = 500;
/// Everybody's words, so that LINE takes many in a call.
const NOTICE: &str = "[line]\nbody = \"年末年始の営業日のお知らせです。くわしくは店頭の掲示をご覧ください。\"\n";

/// By whom, and how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Appended to a file, up to 500 at a time
    File,
    /// A mail server, one by one
    Smtp,
    /// LINE, one by one: each has words of their own
    Line,
    /// LINE, up to 500 at a time: all have the same words
    LineMulticast,
    /// Twilio, one by one
    Twilio,
}

impl By {
    pub const ALL: [By; 5] = [By::File, By::LineMulticast, By::Smtp, By::Line, By::Twilio];

    fn name(self) -> &'static str {
        match self {
            By::File => "file",
            By::Smtp => "smtp",
            By::Line => "line",
            By::LineMulticast => "line-multicast",
            By::Twilio => "twilio",
        }
    }

    fn channel(self) -> Channel {
        match self {
            By::File | By::Smtp => Channel::Email,
            By::Line | By::LineMulticast => Channel::Line,
            By::Twilio => Channel::Sms,
        }
    }

    /// What marketing needs makes each person's words their own.
    fn purpose(self) -> Purpose {
        match self {
            By::LineMulticast => Purpose::Transactional,
            _ => Purpose::Marketing,
        }
    }

    fn template(self) -> &'static str {
        match self {
            By::LineMulticast => "notice",
            _ => "news",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub sends: u64,
    pub rounds: u8,
    pub by: Vec<By>,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub sends: u64,
    pub rounds: u8,
    pub senders: Vec<Measured>,
}

#[derive(Debug, Serialize)]
pub struct Measured {
    pub sender: &'static str,
    /// Messages in a call of the reference, in the mean.
    pub per_call: f64,
    pub product: Side,
    pub reference: Side,
    /// The product's rate as a share of the reference's.
    pub ratio: f64,
}

#[derive(Debug, Serialize)]
pub struct Side {
    /// The median of the rounds.
    pub sends_per_second: f64,
    /// Of all rounds, the far end's included.
    pub cpu_seconds: f64,
}

/// The doors of the sink, which end with the process.
struct FarEnd {
    smtp: SocketAddr,
    line: SocketAddr,
    twilio: SocketAddr,
}

pub async fn run(folder: &Path, options: &Options) -> Result<Report, Fault> {
    let far = FarEnd::open().await?;
    let mut senders = Vec::new();
    for by in &options.by {
        senders.push(measure(&folder.join(by.name()), *by, options, &far).await?);
    }
    Ok(Report { sends: options.sends, rounds: options.rounds, senders })
}

impl FarEnd {
    async fn open() -> Result<FarEnd, Fault> {
        let sink = Arc::new(Sink::new(1, Duration::from_secs(30), Duration::from_secs(3)));
        let ((smtp_door, smtp), (line_door, line), (twilio_door, twilio)) = (listen().await?, listen().await?, listen().await?);
        tokio::spawn(smtp::serve(smtp_door, sink.clone()));
        tokio::spawn(http::serve(line_door, sink.clone(), Door::Line));
        tokio::spawn(http::serve(twilio_door, sink, Door::Twilio));
        Ok(FarEnd { smtp, line, twilio })
    }

    /// As `tsubame dev-sink` prints it.
    fn settings(&self, by: By) -> String {
        let kind = match by {
            By::File => "kind = \"file\"\npath = \"outbox/email.ndjson\"\n".to_string(),
            By::Smtp => format!(
                "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"Shop <news@shop.example>\"\n",
                self.smtp.port()
            ),
            By::Line | By::LineMulticast => {
                format!("kind = \"line\"\nbase_url = \"http://{}\"\ntoken = \"file:secrets/bench\"\n", self.line)
            }
            By::Twilio => format!(
                "kind = \"twilio\"\nbase_url = \"http://{}\"\naccount_sid = \"ACbench\"\ntoken = \"file:secrets/bench\"\n\
                 from = \"+815012345678\"\n",
                self.twilio
            ),
        };
        format!("\n[[caps]]\nscope = \"all\"\nmax = 100\nper = \"7d\"\n\n[[senders]]\nchannel = \"{}\"\n{kind}", by.channel())
    }
}

async fn listen() -> Result<(TcpListener, SocketAddr), Fault> {
    let failed = |source| Fault::io("could not listen on loopback", source);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The broadcast of a round.
fn broadcast(by: By, round: u8) -> String {
    let purpose = match by.purpose() {
        Purpose::Transactional => "transactional",
        _ => "marketing",
    };
    format!(
        "scenario = \"round-{round}\"\ntitle = {{ ja = \"一斉配信\", en = \"Broadcast\" }}\n\
         entry = {{ segment = \"{SEGMENT}\", once = \"2026-07-02T{hour:02}:00\" }}\n\
         goal = {{ on = \"order_placed\", within = \"3d\" }}\n\
         step = [{{ id = \"s\", send = {{ purpose = \"{purpose}\", try = [\"{channel}\"], template = \"{template}\" }} }}]\n",
        hour = 9 + round,
        channel = by.channel(),
        template = by.template(),
    )
}

/// Makes a shop with one sender, and lets product and reference take turns.
async fn measure(folder: &Path, by: By, options: &Options, far: &FarEnd) -> Result<Measured, Fault> {
    let mut files: Vec<(String, String)> =
        vec![("messages/notice.toml".into(), NOTICE.into()), ("secrets/bench".into(), "bench".into())];
    files.extend((0..options.rounds).map(|round| (format!("scenarios/round-{round}.toml"), broadcast(by, round))));
    members::make(folder, options.sends, |_| [true; 3], &far.settings(by), &files).await?;
    let workspace = Workspace::open(folder, Clock::logical(at(1, 9, 0)), Access::Write).await?;
    let (mut product, mut reference) = (Rates::default(), Rates::default());
    let mut calls = 0;
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", by.name(), round + 1, options.rounds);
        let end = at(2, 9 + u32::from(round), 0);
        workspace.clock.set(end + workspace.shop().grace.0);
        let planned = tick(&workspace, end - TimeDelta::minutes(10), end).await?;
        are_all(options.sends, planned.sends, "planned")?;
        let messages = messages(&workspace, by, round, options.sends)?;
        // Who goes first changes from round to round.
        let product_first = round.is_multiple_of(2);
        for is_product in [product_first, !product_first] {
            let (watch, cpu) = (Stopwatch::now(), cpu_seconds("self"));
            let (rates, accepted) = match is_product {
                true => (&mut product, deliver(&workspace, Some(&planned.run_id)).await?.accepted),
                false => {
                    let (accepted, made) = bare(&workspace, &messages).await?;
                    calls += made;
                    (&mut reference, accepted)
                }
            };
            rates.per_second.push(options.sends as f64 / watch.elapsed().as_secs_f64());
            rates.cpu_seconds += cpu_seconds("self") - cpu;
            are_all(options.sends, accepted, "accepted")?;
        }
    }
    workspace.state.close().await;
    let (product, reference) = (product.side(), reference.side());
    Ok(Measured {
        sender: by.name(),
        per_call: (options.sends * u64::from(options.rounds)) as f64 / calls as f64,
        ratio: product.sends_per_second / reference.sends_per_second,
        product,
        reference,
    })
}

fn are_all(sends: u64, found: u64, what: &str) -> Result<(), Fault> {
    match found == sends {
        true => Ok(()),
        false => Err(Fault::new(Exit::Data, format!("of {sends} messages {found} were {what}"))),
    }
}

#[derive(Default)]
struct Rates {
    per_second: Vec<f64>,
    cpu_seconds: f64,
}

impl Rates {
    fn side(mut self) -> Side {
        self.per_second.sort_by(f64::total_cmp);
        Side { sends_per_second: self.per_second[self.per_second.len() / 2], cpu_seconds: self.cpu_seconds }
    }
}

/// What the reference sends: the same words to the same people, under other ids.
fn messages(workspace: &Workspace, by: By, round: u8, sends: u64) -> Result<Vec<Message>, Fault> {
    let (channel, shop) = (by.channel(), workspace.shop());
    let missing = || Fault::new(Exit::Failed, "a message of the bench is missing");
    let template = workspace.files.templates.get(by.template()).ok_or_else(missing)?;
    (0..sends)
        .map(|member| {
            let send_id = derive_id(&["bare", &round.to_string(), &member.to_string()])?;
            let variables = variables(shop, &send_id, Some("茶々".into()), None);
            let words = template.render(channel, &variables, shop);
            let words = words.map_err(|error| Fault::new(Exit::Failed, error.to_string()))?;
            Ok(Message {
                customer_id: model::CustomerId::stored(format!("m{member:07}")),
                channel,
                purpose: by.purpose(),
                address: Address::new(members::address(channel, member)),
                subject: words.subject,
                body: words.body,
                unsubscribe_url: variables.unsubscribe_url,
                send_id,
            })
        })
        .collect()
}

/// The calls alone. How many were accepted, and how many calls that took.
async fn bare(workspace: &Workspace, messages: &[Message]) -> Result<(u64, u64), Fault> {
    let settings = workspace.shop().senders.first();
    let mut settings = settings.cloned().ok_or_else(|| Fault::new(Exit::Failed, "the shop of the bench has no sender"))?;
    apart(&mut settings);
    let sender = connect::senders::open(&settings).map_err(|problems| Fault::problems(&problems))?;
    let transport = Transport::open(&workspace.folder, &settings)?;
    let now = workspace.now();
    let context = Context { now, seed: 0, token: None };
    let (mut accepted, mut made) = (0, 0);
    for claimed in messages.chunks(CLAIMED_MAX) {
        let batches = claimed.chunks(sender.batch_max().max(1));
        let calls: Vec<Call> = batches.flat_map(|batch| sender.encode(batch, &context)).collect();
        for wave in calls.chunks(settings.at_once) {
            let replies = join_all(wave.iter().map(|call| transport.carry(call, now))).await;
            let outcomes = wave.iter().zip(&replies).flat_map(|(call, reply)| sender.decode(call, reply));
            accepted += outcomes.filter(|outcome| matches!(outcome, Outcome::Accepted { .. })).count() as u64;
        }
        made += calls.len() as u64;
    }
    Ok((accepted, made))
}

/// The reference's file is not the product's.
fn apart(settings: &mut SenderSettings) {
    if settings.options.contains_key("path") {
        settings.options.insert("path".into(), "outbox/reference.ndjson".into());
    }
}

/// The report for people.
pub fn table(report: &Report) -> String {
    let mut lines = vec![
        format!(
            "{} messages, {} rounds in turns: claimed, handed, sent and told, durably; beside the calls alone",
            report.sends, report.rounds
        ),
        format!(
            "  {:<16} {:>10} {:>14} {:>14} {:>7} {:>12} {:>12}",
            "", "per call", "tsubame /s", "calls alone /s", "ratio", "cpu s", "cpu s alone"
        ),
    ];
    for Measured { sender, per_call, product, reference, ratio } in &report.senders {
        lines.push(format!(
            "  {sender:<16} {per_call:>10.0} {:>14.0} {:>14.0} {ratio:>7.2} {:>12.2} {:>12.2}",
            product.sends_per_second, reference.sends_per_second, product.cpu_seconds, reference.cpu_seconds
        ));
    }
    lines.push(format!("  wanted: {RATIO_WANTED} at least where a call takes many messages"));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sender_has_settings_and_sound_scenarios() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let far = FarEnd { smtp: address(1), line: address(2), twilio: address(3) };
        for by in By::ALL {
            let shop = model::Shop::parse("tsubame.toml", &format!("name = \"燕\"\n{}", far.settings(by))).unwrap();
            assert!(connect::senders::open(&shop.senders[0]).is_ok(), "{by:?}");
            assert_eq!(shop.senders[0].channel, by.channel(), "{by:?}");
            for round in [0, ROUNDS_MAX - 1] {
                let scenario = model::Scenario::parse("scenarios/round.toml", &broadcast(by, round));
                assert!(scenario.is_ok(), "{scenario:?}");
            }
        }
    }
}
