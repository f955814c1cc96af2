//! A message to whoever wrote it, at an address that they type: through the sender and the transport of the channel, marked as a test. The
//! ledger, the lake and the vault know nothing of it, so no cap, figure or consent does; the log has all of it but the address.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use connect::{
    senders::{Address, Context, Message},
    template::Rendered,
};
use model::{
    Channel, ContactKind, CustomerId, Email, Instant, LineUserId, Outcome, Phone, Remedy, Scenario, contact::ContactError,
};

use crate::{
    fault::{Exit, Fault},
    jobs::deliver::variables,
    transport::Transport,
    workspace::Workspace,
};

/// So many tests an account may send in a minute.
pub const PER_MINUTE: usize = 5;
const MINUTE_SECONDS: i64 = 60;
/// What no customer is called.
const NOBODY: &str = "test";

/// Which message, and where to.
pub struct Asked<'a> {
    pub scenario: &'a Scenario,
    pub step: &'a str,
    pub template: &'a str,
    pub channel: Channel,
    /// As it was typed.
    pub address: &'a str,
    /// Who asks.
    pub account: &'a str,
}

/// Why no test left.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The scenario has no such message.
    NoSuchMessage,
    NoSender(Channel),
    Address(ContactError),
    /// Too many; again after so many seconds.
    Wait(i64),
    /// It cannot be rendered: why, and what to do.
    Words(String, Option<String>),
    /// The provider did not take it.
    NotTaken(String),
}

/// The tests of the last minute, by account.
#[derive(Debug, Default)]
pub struct Tests(Mutex<BTreeMap<String, Vec<Instant>>>);

impl Tests {
    /// Counts one, unless there were too many: then the seconds to wait.
    pub fn begin(&self, account: &str, now: Instant) -> Result<(), i64> {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for times in tests.values_mut() {
            times.retain(|time| (now - *time).num_seconds() < MINUTE_SECONDS);
        }
        tests.retain(|_, times| !times.is_empty());
        let times = tests.entry(account.into()).or_default();
        match times.first() {
            Some(first) if times.len() >= PER_MINUTE => Err(MINUTE_SECONDS - (now - *first).num_seconds()),
            _ => {
                times.push(now);
                Ok(())
            }
        }
    }
}

/// Sends one message of a scenario to an address. `wall` is people's time, by which they wait.
pub async fn test_send(
    workspace: &Workspace,
    tests: &Tests,
    asked: &Asked<'_>,
    wall: Instant,
) -> Result<Result<(), Refused>, Fault> {
    let sent = attempt(workspace, tests, asked, wall).await?;
    let outcome = match &sent {
        Ok(()) => "accepted",
        Err(Refused::NotTaken(_)) => "not taken",
        Err(_) => "refused",
    };
    tracing::info!(
        scenario = asked.scenario.scenario,
        step = asked.step,
        template = asked.template,
        channel = asked.channel.name(),
        account = asked.account,
        outcome,
        "a test message was asked for"
    );
    Ok(sent)
}

async fn attempt(workspace: &Workspace, tests: &Tests, asked: &Asked<'_>, wall: Instant) -> Result<Result<(), Refused>, Fault> {
    let step = asked.scenario.step(asked.step).and_then(|step| step.send.as_ref());
    let is_of_step = |send: &&model::scenario::SendStep| {
        send.channels.contains(&asked.channel) && send.templates().any(|name| name == asked.template)
    };
    let (Some(send), Some(template)) = (step.filter(is_of_step), workspace.files.templates.get(asked.template)) else {
        return Ok(Err(Refused::NoSuchMessage));
    };
    let Some(settings) = workspace.shop().sender(asked.channel) else {
        return Ok(Err(Refused::NoSender(asked.channel)));
    };
    let address = match address(asked.channel, asked.address) {
        Ok(Some(address)) => address,
        Ok(None) => return Ok(Err(Refused::NoSender(asked.channel))),
        Err(error) => return Ok(Err(Refused::Address(error))),
    };
    if let Err(seconds) = tests.begin(asked.account, wall) {
        return Ok(Err(Refused::Wait(seconds)));
    }
    let send_id = test_id()?;
    let links = variables(workspace.shop(), &send_id, None, None);
    let mut sample = template.sample();
    (sample.link, sample.unsubscribe_url) = (links.link, links.unsubscribe_url);
    let words = match template.render(asked.channel, &sample, workspace.shop()) {
        Ok(words) => marked(words, &workspace.shop().language),
        Err(error) => return Ok(Err(Refused::Words(error.to_string(), error.remedy()))),
    };
    let message = Message {
        send_id,
        customer_id: CustomerId::stored(NOBODY),
        channel: asked.channel,
        purpose: send.purpose,
        address: Address::new(address),
        subject: words.subject,
        body: words.body,
        unsubscribe_url: sample.unsubscribe_url,
    };
    let sender = connect::senders::open(settings).map_err(|problems| Fault::problems(&problems))?;
    let transport = Transport::open(&workspace.folder, settings)?;
    let context = Context { now: workspace.now(), seed: 0, token: None };
    for call in sender.encode(std::slice::from_ref(&message), &context) {
        let reply = transport.carry(&call, workspace.now()).await;
        for outcome in sender.decode(&call, &reply) {
            match outcome {
                Outcome::Accepted { .. } => {}
                Outcome::Rejected { reason, .. } | Outcome::Deferred { reason, .. } | Outcome::Ambiguous { reason } => {
                    return Ok(Err(Refused::NotTaken(reason)));
                }
            }
        }
    }
    Ok(Ok(()))
}

/// What was typed as an address of the channel; nothing where people have none to type.
fn address(channel: Channel, raw: &str) -> Result<Option<String>, ContactError> {
    match channel.contact_kind() {
        Some(ContactKind::Email) => Email::parse(raw).map(|email| Some(email.as_str().into())),
        Some(ContactKind::Phone) => Phone::parse(raw).map(|phone| Some(phone.as_str().into())),
        Some(ContactKind::Line) => LineUserId::parse(raw).map(|line| Some(line.as_str().into())),
        _ => Ok(None),
    }
}

/// Nobody takes it for a message to customers: the subject says what it is, or the first line where there is none.
fn marked(words: Rendered, language: &str) -> Rendered {
    let mark = if language == "en" { "[TEST] " } else { "【テスト】" };
    match words.subject {
        Some(subject) => Rendered { subject: Some(format!("{mark}{subject}")), body: words.body },
        None => Rendered { subject: None, body: format!("{mark}\n{}", words.body) },
    }
}

/// Unlike the id of any send, and of any other test.
fn test_id() -> Result<String, Fault> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Fault::new(Exit::Failed, format!("could not make an id: {error}")))?;
    Ok(format!("test-{}", model::id::hex(&bytes)))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn an_account_sends_five_a_minute() {
        let start = DateTime::from_timestamp(1_795_000_000, 0).expect("an instant");
        let tests = Tests::default();
        let check = |account: &str, second: i64, expect| {
            assert_eq!(tests.begin(account, start + TimeDelta::seconds(second)), expect, "{account} after {second} s");
        };
        for second in 0..5 {
            check("hanako", second, Ok(()));
        }
        check("hanako", 5, Err(55));
        check("taro", 5, Ok(()));
        check("hanako", 59, Err(1));
        check("hanako", 60, Ok(()));
        check("hanako", 60, Err(1));
        check("hanako", 200, Ok(()));
    }

    #[test]
    fn an_address_is_of_its_channel() {
        let check = |channel, raw: &str, expect: Result<Option<&str>, ContactError>| {
            assert_eq!(address(channel, raw), expect.map(|address| address.map(String::from)), "{channel} {raw}");
        };
        check(Channel::Email, " me@Shop.example ", Ok(Some("me@shop.example")));
        check(Channel::Email, "me", Err(ContactError::Email));
        check(Channel::Sms, "090-1234-5678", Ok(Some("+819012345678")));
        check(Channel::Sms, "me@shop.example", Err(ContactError::Phone));
        check(Channel::Line, "U0123456789abcdef0123456789abcdef", Ok(Some("U0123456789abcdef0123456789abcdef")));
        check(Channel::Line, "hanako", Err(ContactError::Line));
        check(Channel::AppPush, "token", Ok(None));
    }

    #[test]
    fn a_test_says_that_it_is_one() {
        let check = |subject: Option<&str>, language: &str, expect: (Option<&str>, &str)| {
            let words = marked(Rendered { subject: subject.map(String::from), body: "本文".into() }, language);
            assert_eq!((words.subject.as_deref(), words.body.as_str()), expect, "{language}");
        };
        check(Some("件名"), "ja", (Some("【テスト】件名"), "本文"));
        check(Some("件名"), "en", (Some("[TEST] 件名"), "本文"));
        check(None, "ja", (None, "【テスト】\n本文"));
    }
}
