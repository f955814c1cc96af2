//! Senders: messages into a provider's words, its answer into ours. A sender never does I/O; `tsubame` carries the calls.
//!
//! The rule of RELIABILITY §3 stands in [`Reply`]: what surely did not reach the provider may be sent again; what may have reached it may
//! not, unless the sender says that the provider recognises our key ([`Sender::dedupe`]).

pub mod file;
pub mod line;
pub mod smtp;
pub mod twilio;

use std::collections::BTreeMap;

use chrono::Duration;
use model::{Channel, CustomerId, Instant, Outcome, Problem, Purpose, Receipt, shop::SenderSettings};
use serde::{Deserialize, Serialize};
use url::Url;

/// Words for one person, rendered. Neither the address nor the words print themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub send_id: String,
    pub customer_id: CustomerId,
    pub channel: Channel,
    pub purpose: Purpose,
    pub address: Address,
    /// Where the channel has one.
    pub subject: Option<String>,
    pub body: String,
    /// This person's own one-click page; marketing e-mail is not encoded without it.
    pub unsubscribe_url: Option<String>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, {}, {}, …)", self.send_id, self.customer_id, self.channel)
    }
}

/// Normalised text of an address from the vault.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    pub fn new(normalised: impl Into<String>) -> Self {
        Address(normalised.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A credential. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What encoding may use of the world. The same messages and context give the same bytes.
#[derive(Debug, Clone)]
pub struct Context {
    pub now: Instant,
    /// Stands for chance.
    pub seed: u64,
    pub token: Option<Secret>,
}

/// One exchange with a provider. `members` are send ids: one outcome each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub members: Vec<String>,
    pub request: Request,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    Http(Http),
    Smtp(Smtp),
    /// Bytes to append to the file of the sender's settings.
    File(Vec<u8>),
    /// The messages cannot be put into the provider's words: nothing is to be sent, `decode` rejects them whatever the reply.
    Refused {
        reason: String,
    },
}

/// A POST. It has no credential: the transport adds that, so that a request can be kept for a repetition.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    /// JSON, or a form.
    pub body: String,
}

/// One message of one envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Smtp {
    pub from: String,
    pub to: Address,
    /// RFC 5322, CRLF.
    pub message: Vec<u8>,
}

/// Requests hold addresses and words: only their size is shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Request::Http(http) => write!(f, "Http({} bytes)", http.body.len()),
            Request::Smtp(smtp) => write!(f, "Smtp({} bytes)", smtp.message.len()),
            Request::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Request::Refused { reason } => write!(f, "Refused({reason})"),
        }
    }
}

/// What the transport saw.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// Name, connection, TLS or an early hang-up: the provider surely did not get the message.
    NotSent { reason: String },
    /// An answer of an SMTP server, and to what.
    Smtp { stage: SmtpStage, code: u16, text: String },
    Http {
        status: u16,
        retry_after: Option<Instant>,
        /// Names in lower case.
        headers: BTreeMap<String, String>,
        body: Vec<u8>,
    },
    /// The bytes are in the file, on stable storage.
    Written,
    /// The last byte may have left, and no answer came.
    Unknown { reason: String },
}

/// A server's text may quote the address, so it is not shown.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::NotSent { reason } => write!(f, "NotSent({reason})"),
            Reply::Smtp { stage, code, .. } => write!(f, "Smtp({stage:?}, {code})"),
            Reply::Http { status, .. } => write!(f, "Http({status})"),
            Reply::Written => f.write_str("Written"),
            Reply::Unknown { reason } => write!(f, "Unknown({reason})"),
        }
    }
}

/// What the server answered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpStage {
    /// Greeting, EHLO, STARTTLS, AUTH: about the connection, not about a person.
    Session,
    MailFrom,
    RcptTo,
    Data,
    /// The final dot: only here may the message have been taken.
    Dot,
}

/// A question whether a provider has a message: what of its answers is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The lines of the sender's file that contain this.
    Lines(String),
}

/// Whether a provider has a message, as far as its answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    Has { provider_id: Option<String> },
    CannotTell,
}

/// What a provider said later, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub receipt: Receipt,
    pub occurred_at: Instant,
}

/// A callback that is not in the provider's words.
#[derive(Debug, thiserror::Error)]
#[error("could not read a callback of {sender}: {reason}")]
pub struct CallbackError {
    pub sender: &'static str,
    pub reason: String,
}

/// Puts messages into a provider's words and its reply into ours. Never does I/O.
pub trait Sender: Sync + std::marker::Send {
    /// Stable: the ledger stores it.
    fn name(&self) -> &'static str;
    fn channel(&self) -> Channel;
    /// How many messages one call can take.
    fn batch_max(&self) -> usize;
    /// How long after the first attempt the provider recognises our key, so that the same call may be made again. `None`: not at all.
    fn dedupe(&self) -> Option<Duration>;
    /// Whether a repetition must be the very bytes of the first call: whoever sends keeps them before the first byte leaves.
    fn freezes(&self) -> bool {
        false
    }
    /// Whether two messages can be in one call.
    fn share_a_call(&self, _one: &Message, _other: &Message) -> bool {
        true
    }
    /// Every message is in exactly one call.
    fn encode(&self, batch: &[Message], context: &Context) -> Vec<Call>;
    /// One outcome per member of the call, in its order.
    fn decode(&self, call: &Call, reply: &Reply) -> Vec<Outcome>;
    /// How the provider is asked whether it has a message; `None` where it cannot be.
    fn look_up(&self, _send_id: &str) -> Option<LookUp> {
        None
    }
    /// What the answer to that says.
    fn presence(&self, _send_id: &str, _answer: &[u8]) -> Presence {
        Presence::CannotTell
    }
    /// What a provider's callback (its raw body) says. Signatures are checked before.
    fn receipts(&self, _callback: &[u8]) -> Result<Vec<Received>, CallbackError> {
        Ok(Vec::new())
    }
}

/// A kind of sender, and how one is made from its settings.
pub struct SenderKind {
    /// The `kind` of `[[senders]]`.
    pub name: &'static str,
    pub open: fn(&SenderSettings) -> Opened,
}

/// A sender, or every problem of its settings.
pub type Opened = Result<Box<dyn Sender>, Vec<Problem>>;

/// Every sender, one per file of this folder.
pub static SENDERS: &[SenderKind] = &[
    SenderKind { name: "file", open: file::File::open },
    SenderKind { name: "line", open: line::Line::open },
    SenderKind { name: "smtp", open: smtp::SmtpSender::open },
    SenderKind { name: "twilio", open: twilio::Twilio::open },
];

/// The sender of a shop's settings, checked.
pub fn open(settings: &SenderSettings) -> Opened {
    match SENDERS.iter().find(|kind| kind.name == settings.kind) {
        Some(kind) => (kind.open)(settings),
        None => {
            let names: Vec<&str> = SENDERS.iter().map(|kind| kind.name).collect();
            let message = format!("there is no sender of the kind `{}`", settings.kind);
            Err(vec![Problem::new(SETTINGS, 0, message).with_remedy(format!("use one of {}", names.join(", ")))])
        }
    }
}

/// The file that holds `[[senders]]`, for messages.
const SETTINGS: &str = "tsubame.toml";

/// A text option; a missing one is a problem when `needed`.
fn option(settings: &SenderSettings, name: &str, needed: Option<&str>, problems: &mut Vec<Problem>) -> Option<String> {
    match settings.options.get(name) {
        Some(toml::Value::String(text)) if !text.is_empty() => return Some(text.clone()),
        Some(_) => {
            let message = format!("`{name}` of the sender `{}` is not a text", settings.kind);
            problems.push(Problem::new(SETTINGS, 0, message).with_remedy(format!("write {name} = \"…\"")));
        }
        None => {
            if let Some(example) = needed {
                let message = format!("the sender `{}` has no `{name}`", settings.kind);
                problems.push(
                    Problem::new(SETTINGS, 0, message).with_remedy(format!("add {name} = \"{example}\" under [[senders]]")),
                );
            }
        }
    }
    None
}

/// The sender serves one channel.
fn only_on(settings: &SenderSettings, channel: Channel, problems: &mut Vec<Problem>) {
    if settings.channel != channel {
        let message = format!("the sender `{}` cannot serve the channel {}", settings.kind, settings.channel);
        problems.push(Problem::new(SETTINGS, 0, message).with_remedy(format!("write channel = \"{channel}\"")));
    }
}

/// An address on the web that credentials may travel to: https, or this machine. Without a `/` at its end.
fn web_address(settings: &SenderSettings, name: &str, default: Option<&str>, problems: &mut Vec<Problem>) -> Option<String> {
    let text = option(settings, name, None, problems).or_else(|| default.map(String::from))?;
    let is_safe = Url::parse(&text).is_ok_and(|url| {
        let is_here = match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        is_plain && (url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_here)
    });
    if !is_safe {
        let message = format!("`{name}` of the sender `{}` is no https address", settings.kind);
        let remedy = "write https://…; http:// is for this machine alone (`tsubame dev-sink`)";
        problems.push(Problem::new(SETTINGS, 0, message).with_remedy(remedy));
    }
    is_safe.then(|| text.trim_end_matches('/').to_string())
}

/// A credential is named, not written: settings are kept in git.
fn named_secret(settings: &SenderSettings, name: &str, example: &str, problems: &mut Vec<Problem>) {
    let Some(text) = option(settings, name, Some(example), problems) else { return };
    let is_reference = ["env:", "file:"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if !is_reference {
        let message = format!("`{name}` of the sender `{}` is written out", settings.kind);
        problems.push(Problem::new(SETTINGS, 0, message).with_remedy(format!("name it: {name} = \"{example}\", or file:PATH")));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The stems of a folder's files, without `mod`.
    pub(crate) fn files_of(folder: &str) -> Vec<String> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
        let entries = std::fs::read_dir(format!("{root}{folder}")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "mod.rs");
        names.sort();
        names.into_iter().map(|name| name.trim_end_matches(".rs").to_string()).collect()
    }

    pub(crate) fn settings(toml: &str) -> SenderSettings {
        toml::from_str(toml).unwrap()
    }

    pub(crate) fn message(send_id: &str, address: &str) -> Message {
        Message {
            send_id: send_id.into(),
            customer_id: CustomerId::stored("c-1"),
            channel: Channel::Email,
            purpose: Purpose::Marketing,
            address: Address::new(address),
            subject: Some("カートに商品が残っています".into()),
            body: "山田太郎様\n\n合計 12,300円\n".into(),
            unsubscribe_url: Some("https://shop.example/u/abc".into()),
        }
    }

    pub(crate) fn context() -> Context {
        let now = chrono::DateTime::parse_from_rfc3339("2026-11-24T00:00:00Z").unwrap().to_utc();
        Context { now, seed: 1, token: None }
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let names: Vec<&str> = SENDERS.iter().map(|kind| kind.name).collect();
        assert_eq!(names, files_of("src/senders"));
    }

    #[test]
    fn credentials_go_to_https_or_to_this_machine_and_are_not_written_out() {
        let check = |line: &str, expect: Option<&str>| {
            let token = if line.starts_with("token") { "" } else { "token = \"env:LINE_TOKEN\"\n" };
            let opened = open(&settings(&format!("channel = \"line\"\nkind = \"line\"\n{token}{line}")));
            let problem = opened.err().map(|problems| problems[0].to_string());
            assert_eq!(problem.is_some(), expect.is_some(), "{line}: {problem:?}");
            assert!(problem.unwrap_or_default().contains(expect.unwrap_or_default()), "{line}");
        };
        check("", None);
        check("base_url = \"https://api.line.example/\"", None);
        check("base_url = \"http://127.0.0.1:8026\"", None);
        check("base_url = \"http://localhost:8026\"", None);
        check("base_url = \"http://api.line.example\"", Some("`base_url` of the sender `line` is no https address"));
        check("base_url = \"https://a:b@api.line.example\"", Some("no https address"));
        check("base_url = \"api.line.example\"", Some("no https address"));
        check("base_url = 3", Some("is not a text"));
        check("token = \"canary\"", Some("`token` of the sender `line` is written out"));
        check("token = \"file:\"", Some("is written out"));
        check("token = \"file:secrets/line\"", None);
        let written = open(&settings("channel = \"line\"\nkind = \"line\"\ntoken = \"canary\"")).err().unwrap();
        assert!(!format!("{written:?}").contains("canary"), "{written:?}");
    }

    #[test]
    fn a_sender_that_is_not_there_is_met_with_those_that_are() {
        let problems = open(&settings("channel = \"email\"\nkind = \"pigeon\"")).err().unwrap();
        assert!(problems[0].remedy.as_ref().unwrap().contains("smtp"), "{}", problems[0]);
        let problems = open(&settings("channel = \"line\"\nkind = \"smtp\"\nfrom = \"shop\"")).err().unwrap();
        assert_eq!(problems.len(), 3, "channel, from and host: {problems:?}");
    }

    #[test]
    fn neither_addresses_nor_words_print_themselves() {
        let message = message("s1", "canary@example.jp");
        let sender =
            open(&settings("channel = \"email\"\nkind = \"smtp\"\nhost = \"localhost\"\nfrom = \"a@shop.example\"")).unwrap();
        let calls = sender.encode(std::slice::from_ref(&message), &context());
        let reply = Reply::Smtp { stage: SmtpStage::RcptTo, code: 550, text: "5.1.1 <canary@example.jp> unknown".into() };
        let outcomes = sender.decode(&calls[0], &reply);
        let printed = format!("{message:?} {calls:?} {reply:?} {outcomes:?}");
        assert!(!printed.contains("canary") && !printed.contains("山田"), "{printed}");
    }
}
