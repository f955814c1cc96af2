//! E-mail by SMTP: one message per call, one-click unsubscribe (RFC 8058), and the answers of a mail server as outcomes.
//!
//! Options under `[[senders]]`: `host` (and `port`, `user`, … for the transport), `from` (`店の名前 <news@shop.example>`), and optionally
//! `reply_to`, `unsubscribe_mailto`, `message_id_domain` (else the domain of `from`). SMTP recognises no key, so nothing unknown is sent again;
//! the Message-ID comes from the send id to make duplicates findable. DKIM is the relay's, which must cover both List-Unsubscribe headers.

use std::time::SystemTime;

use chrono::Duration;
use lettre::{
    address::Envelope,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};
use model::{Channel, Outcome, Problem, Purpose, shop::SenderSettings};

use super::{Call, Context, Message, Opened, Reply, Request, SETTINGS, Sender, Smtp, SmtpStage, option};

pub struct SmtpSender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    unsubscribe_mailto: Option<String>,
    message_id_domain: String,
}

impl SmtpSender {
    pub fn open(settings: &SenderSettings) -> Opened {
        let mut problems = Vec::new();
        if settings.channel != Channel::Email {
            let message = format!("the sender `smtp` cannot serve the channel {}", settings.channel);
            problems.push(Problem::new(SETTINGS, 0, message).with_remedy("write channel = \"email\""));
        }
        option(settings, "host", Some("localhost"), &mut problems);
        let mut mailbox = |name: &str, needed: Option<&str>| {
            let text = option(settings, name, needed, &mut problems)?;
            let parsed = text.parse::<Mailbox>();
            if parsed.is_err() {
                let message = format!("`{name}` of the sender `smtp` is not a mailbox");
                problems.push(Problem::new(SETTINGS, 0, message).with_remedy("write \"Shop name <news@shop.example>\""));
            }
            parsed.ok()
        };
        let from = mailbox("from", Some("Shop name <news@shop.example>"));
        let reply_to = mailbox("reply_to", None);
        let unsubscribe_mailto = mailbox("unsubscribe_mailto", None).map(|mailbox| mailbox.email.to_string());
        let domain = option(settings, "message_id_domain", None, &mut problems);
        match (from, problems.is_empty()) {
            (Some(from), true) => {
                let message_id_domain = domain.unwrap_or_else(|| from.email.domain().to_string());
                Ok(Box::new(SmtpSender { from, reply_to, unsubscribe_mailto, message_id_domain }))
            }
            _ => Err(problems),
        }
    }

    fn message(&self, message: &Message, context: &Context) -> Result<Smtp, String> {
        let to = recipient(message.address.as_str()).ok_or("the address does not fit into an e-mail header")?;
        let subject = message.subject.as_deref().unwrap_or("");
        if subject.is_empty() {
            return Err("an e-mail needs a subject".into());
        }
        if subject.contains(['\r', '\n']) {
            return Err("the subject contains a line break".into());
        }
        let mut builder = lettre::Message::builder()
            .envelope(Envelope::new(Some(self.from.email.clone()), vec![to.clone()]).map_err(|_| "the envelope cannot be made")?)
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .header(MIME_VERSION_1_0)
            .date(SystemTime::from(context.now))
            .message_id(Some(format!("<{}@{}>", message.send_id, self.message_id_domain)));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        match &message.unsubscribe_url {
            Some(url) => {
                if !url.is_ascii() || url.contains(['<', '>', ' ', '\r', '\n']) || !url.starts_with("https://") {
                    return Err("the unsubscribe address is not an https URL".into());
                }
                let mailto = self.unsubscribe_mailto.as_ref().map(|to| format!(", <mailto:{to}?subject=unsubscribe>"));
                let value = format!("<{url}>{}", mailto.unwrap_or_default());
                builder = builder
                    .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("List-Unsubscribe"), value))
                    .raw_header(HeaderValue::new(
                        HeaderName::new_from_ascii_str("List-Unsubscribe-Post"),
                        "List-Unsubscribe=One-Click".into(),
                    ));
            }
            None if message.purpose == Purpose::Marketing => return Err("marketing e-mail needs an unsubscribe address".into()),
            None => {}
        }
        let body = message.body.replace("\r\n", "\n").replace('\n', "\r\n");
        let built = builder.header(ContentType::TEXT_PLAIN).body(body).map_err(|_| "the message cannot be built")?;
        Ok(Smtp { from: self.from.email.to_string(), to: super::Address::new(to.to_string()), message: built.formatted() })
    }
}

impl Sender for SmtpSender {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn batch_max(&self) -> usize {
        1
    }

    fn dedupe(&self) -> Option<Duration> {
        None
    }

    fn encode(&self, batch: &[Message], context: &Context) -> Vec<Call> {
        let request = |message: &Message| match self.message(message, context) {
            Ok(smtp) => Request::Smtp(smtp),
            Err(reason) => Request::Refused { reason },
        };
        batch.iter().map(|message| Call { members: vec![message.send_id.clone()], request: request(message) }).collect()
    }

    fn decode(&self, call: &Call, reply: &Reply) -> Vec<Outcome> {
        let outcome = match (&call.request, reply) {
            (Request::Refused { reason }, _) => Outcome::Rejected { reason: reason.clone(), bounced: false },
            (_, Reply::NotSent { reason }) => Outcome::Deferred { until: None, reason: reason.clone() },
            (_, Reply::Smtp { stage, code, text }) => answered(*stage, *code, text),
            (_, Reply::Unknown { reason }) => Outcome::Ambiguous { reason: reason.clone() },
            (_, Reply::Http { .. } | Reply::Written) => {
                Outcome::Ambiguous { reason: "the answer is not of a mail server".into() }
            }
        };
        vec![outcome; call.members.len()]
    }
}

/// The refusal of a server where nobody knows what it refused. Only what speaks of the recipient's mailbox counts against a person; the
/// rest is about the channel, so that it is put off and seen. Of the text the enhanced code is kept alone.
pub fn refusal(code: u16, text: &str) -> Reply {
    let enhanced = enhanced(text);
    let is_mailbox = match enhanced {
        Some("5.1.7" | "5.1.8") => false, // The sender's address.
        Some(enhanced) => enhanced.starts_with("5.1.") || enhanced.starts_with("5.2."),
        None => matches!(code, 550..=553),
    };
    let stage = if is_mailbox { SmtpStage::RcptTo } else { SmtpStage::Session };
    Reply::Smtp { stage, code, text: enhanced.unwrap_or_default().into() }
}

/// INTERFACES §3.1. The reason is the code and the enhanced code alone: a server's text quotes addresses.
fn answered(stage: SmtpStage, code: u16, text: &str) -> Outcome {
    let enhanced = enhanced(text);
    let said = enhanced.map_or(format!("{code}"), |enhanced| format!("{code} {enhanced}"));
    match code {
        200..=299 if stage == SmtpStage::Dot => Outcome::Accepted { provider_id: None },
        400..=499 => Outcome::Deferred { until: None, reason: said },
        // 530, 535 and a refused sender are the shop's settings: no person loses a message by them.
        500..=599 if matches!(stage, SmtpStage::Session | SmtpStage::MailFrom) || matches!(code, 530 | 535) => {
            Outcome::Deferred { until: None, reason: format!("channel: {said}") }
        }
        500..=599 if enhanced.is_some_and(|enhanced| enhanced.starts_with("5.7.")) => {
            Outcome::Rejected { reason: format!("blocked: {said}"), bounced: false }
        }
        500..=599 => Outcome::Rejected { reason: said, bounced: enhanced.is_some_and(has_no_mailbox) },
        // A positive answer before the dot is no end; after the dot anything else is no answer we know.
        _ if stage == SmtpStage::Dot => Outcome::Ambiguous { reason: said },
        _ => Outcome::Deferred { until: None, reason: said },
    }
}

/// Whether an enhanced code says that there is no such mailbox, or none any more. A plain 550 may as well be a policy against whoever sends.
fn has_no_mailbox(enhanced: &str) -> bool {
    matches!(enhanced, "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1")
}

/// The enhanced code that a server's text begins with (RFC 3463).
fn enhanced(text: &str) -> Option<&str> {
    text.split_whitespace().next().filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3
            && parts.iter().all(|part| !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Legacy carrier addresses (`abc..def@docomo.ne.jp`) are written with a quoted local part.
fn recipient(address: &str) -> Option<lettre::Address> {
    let (local, domain) = address.rsplit_once('@')?;
    let dotted = local.contains("..") || local.starts_with('.') || local.ends_with('.');
    if !dotted {
        return lettre::Address::new(local, domain).ok();
    }
    // lettre knows no quoted local part, so its letters are checked here and the domain there.
    let safe = local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{}~.".contains(&byte));
    let domain_ok = lettre::Address::new("a", domain).is_ok();
    (safe && domain_ok).then(|| lettre::Address::new_dangerous(format!("\"{local}\""), domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders::tests::{context, message, settings};

    fn sender(extra: &str) -> Box<dyn Sender> {
        let toml =
            format!("channel = \"email\"\nkind = \"smtp\"\nhost = \"localhost\"\nfrom = \"燕商店 <news@shop.example>\"\n{extra}");
        SmtpSender::open(&settings(&toml)).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn a_message_as_it_leaves() {
        let sender = sender("reply_to = \"help@shop.example\"\nunsubscribe_mailto = \"out@shop.example\"");
        let encode = || sender.encode(&[message("a1b2", "taro@example.jp")], &context());
        let calls = encode();
        assert_eq!(calls, encode(), "the same message gives the same bytes");
        let Request::Smtp(smtp) = &calls[0].request else { panic!("{calls:?}") };
        assert_eq!((smtp.from.as_str(), smtp.to.as_str()), ("news@shop.example", "taro@example.jp"));
        let text = String::from_utf8(smtp.message.clone()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        for line in [
            "Message-ID: <a1b2@shop.example>",
            "Date: Tue, 24 Nov 2026 00:00:00 +0000",
            "To: taro@example.jp",
            "Reply-To: help@shop.example",
            "List-Unsubscribe: <https://shop.example/u/abc>, <mailto:out@shop.example?subject=unsubscribe>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Content-Type: text/plain; charset=utf-8",
            "MIME-Version: 1.0",
        ] {
            assert!(head.lines().any(|have| have == line), "{line}\n---\n{head}");
        }
        assert!(head.contains("Subject: =?utf-8?b?"), "{head}");
    }

    #[test]
    fn a_long_unsubscribe_address_stays_whole() {
        let mut message = message("s", "abc..def@docomo.ne.jp");
        message.unsubscribe_url = Some(format!("https://shop.example/u/{}", "x".repeat(150)));
        let calls = sender("").encode(std::slice::from_ref(&message), &context());
        let Request::Smtp(smtp) = &calls[0].request else { panic!("{calls:?}") };
        let text = String::from_utf8(smtp.message.clone()).unwrap();
        assert!(text.contains(&format!("<{}>", message.unsubscribe_url.unwrap())), "{text}");
        assert!(text.contains("To: \"abc..def\"@docomo.ne.jp\r\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_said_is_refused_and_nothing_leaves() {
        let check = |change: &dyn Fn(&mut Message), expect: Option<&str>| {
            let mut message = message("s", "taro@example.jp");
            change(&mut message);
            let sender = sender("");
            let calls = sender.encode(&[message], &context());
            let refused = matches!(&calls[0].request, Request::Refused { .. });
            assert_eq!(refused, expect.is_some(), "{calls:?}");
            if let Some(expect) = expect {
                let outcomes = sender.decode(&calls[0], &Reply::NotSent { reason: String::new() });
                assert_eq!(outcomes, [Outcome::Rejected { reason: expect.into(), bounced: false }]);
            }
        };
        check(&|_| {}, None);
        check(&|message| message.address = crate::senders::Address::new("abc..def@docomo.ne.jp"), None);
        check(
            &|message| message.address = crate::senders::Address::new("a..\"\r\n@docomo.ne.jp"),
            Some("the address does not fit into an e-mail header"),
        );
        check(&|message| message.subject = Some("a\r\nBcc: x@y.example".into()), Some("the subject contains a line break"));
        check(&|message| message.subject = None, Some("an e-mail needs a subject"));
        check(&|message| message.unsubscribe_url = None, Some("marketing e-mail needs an unsubscribe address"));
        check(
            &|message| message.unsubscribe_url = Some("http://a>\r\nX: y".into()),
            Some("the unsubscribe address is not an https URL"),
        );
        check(&|message| (message.unsubscribe_url, message.purpose) = (None, Purpose::Transactional), None);
        check(
            &|message| message.address = crate::senders::Address::new("a@b\r\nBcc: x@y.example"),
            Some("the address does not fit into an e-mail header"),
        );
    }

    #[test]
    fn answers_of_mail_servers() {
        let sender = sender("");
        let calls = sender.encode(&[message("s", "taro@example.jp")], &context());
        let check = |reply: Reply, expect: &str| {
            let got = match &sender.decode(&calls[0], &reply)[0] {
                Outcome::Accepted { .. } => "accepted".into(),
                Outcome::Rejected { reason, bounced: true } => format!("bounced {reason}"),
                Outcome::Rejected { reason, .. } => format!("rejected {reason}"),
                Outcome::Deferred { reason, .. } => format!("deferred {reason}"),
                Outcome::Ambiguous { reason } => format!("ambiguous {reason}"),
            };
            assert_eq!(got, expect, "{reply:?}");
        };
        let smtp = |stage, code, text: &str| Reply::Smtp { stage, code, text: text.into() };
        check(smtp(SmtpStage::Dot, 250, "2.0.0 queued"), "accepted");
        check(smtp(SmtpStage::RcptTo, 452, "4.2.2 full"), "deferred 452 4.2.2");
        check(smtp(SmtpStage::Dot, 451, "later"), "deferred 451");
        check(smtp(SmtpStage::RcptTo, 550, "5.1.1 <taro@example.jp> unknown"), "bounced 550 5.1.1");
        check(smtp(SmtpStage::Dot, 554, "5.7.1 policy"), "rejected blocked: 554 5.7.1");
        check(smtp(SmtpStage::Session, 535, "5.7.8 bad password"), "deferred channel: 535 5.7.8");
        check(smtp(SmtpStage::MailFrom, 550, "no"), "deferred channel: 550");
        check(smtp(SmtpStage::Data, 354, "go on"), "deferred 354");
        check(refusal(550, "5.1.1 <taro@example.jp> unknown"), "bounced 550 5.1.1");
        check(refusal(552, "5.2.2 full"), "rejected 552 5.2.2");
        check(refusal(550, "no such user"), "rejected 550");
        check(refusal(553, ""), "rejected 553");
        check(refusal(554, "no service for you"), "deferred channel: 554"); // The greeting.
        check(refusal(550, "5.1.8 sender domain does not exist"), "deferred channel: 550 5.1.8");
        check(refusal(550, "5.4.5 daily quota exceeded"), "deferred channel: 550 5.4.5");
        check(refusal(550, "5.7.1 policy"), "deferred channel: 550 5.7.1");
        check(refusal(535, "5.7.8 bad password"), "deferred channel: 535 5.7.8");
        check(refusal(530, ""), "deferred channel: 530");
        check(refusal(451, "4.7.1 greylisted"), "deferred 451 4.7.1");
        check(Reply::NotSent { reason: "connection refused".into() }, "deferred connection refused");
        check(Reply::Unknown { reason: "no answer after the dot".into() }, "ambiguous no answer after the dot");
    }
}
