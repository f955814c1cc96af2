//! SMS by Twilio's Messages API: one form per message. Twilio recognises no key, so nothing unknown is sent again.
//!
//! Options under `[[senders]]`: `account_sid`, `token` (`env:NAME` or `file:PATH`; the transport's), `from` (`+81…`) or `messaging_service_sid`,
//! and optionally `base_url` and `status_callback`, an address that gets the send id: by it one finds out later what became of a message.

use chrono::Duration;
use model::{Channel, Outcome, Problem, shop::SenderSettings};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{Call, Context, Http, Message, Opened, Reply, Request, SETTINGS, Sender, named_secret, only_on, option, web_address};

pub const BASE_URL: &str = "https://api.twilio.com";
const TEXT_CHARS_MAX: usize = 1_600;
/// Errors that say of a number that it does not exist, or that it takes no SMS.
const NO_NUMBER: [u32; 2] = [21211, 21614];

pub struct Twilio {
    messages_url: String,
    /// The field of the form, and its value.
    from: (&'static str, String),
    status_callback: Option<String>,
}

impl Twilio {
    pub fn open(settings: &SenderSettings) -> Opened {
        let mut problems = Vec::new();
        only_on(settings, Channel::Sms, &mut problems);
        named_secret(settings, "token", "env:TWILIO_TOKEN", &mut problems);
        let account = option(settings, "account_sid", Some("AC…"), &mut problems);
        if account.as_ref().is_some_and(|sid| !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            let problem = Problem::new(SETTINGS, 0, "`account_sid` of the sender `twilio` is no account");
            problems.push(problem.with_remedy("write the SID that the console shows: AC and 32 digits"));
        }
        let service = option(settings, "messaging_service_sid", None, &mut problems);
        let number = option(settings, "from", service.is_none().then_some("+815012345678"), &mut problems);
        let from = service.map(|sid| ("MessagingServiceSid", sid)).or_else(|| number.map(|number| ("From", number)));
        let base_url = web_address(settings, "base_url", Some(BASE_URL), &mut problems);
        let status_callback = web_address(settings, "status_callback", None, &mut problems);
        match (base_url, account, from, problems.is_empty()) {
            (Some(base_url), Some(account), Some(from), true) => {
                let messages_url = format!("{base_url}/2010-04-01/Accounts/{account}/Messages.json");
                Ok(Box::new(Twilio { messages_url, from, status_callback }))
            }
            _ => Err(problems),
        }
    }

    fn request(&self, message: &Message) -> Request {
        if message.body.trim().is_empty() {
            return Request::Refused { reason: "an SMS needs words".into() };
        }
        if message.body.chars().count() > TEXT_CHARS_MAX {
            return Request::Refused { reason: format!("an SMS has more than {TEXT_CHARS_MAX} characters") };
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", message.address.as_str())
            .append_pair(self.from.0, &self.from.1)
            .append_pair("Body", &message.body);
        if let Some(mut url) = self.status_callback.as_deref().and_then(|url| Url::parse(url).ok()) {
            url.query_pairs_mut().append_pair("send_id", &message.send_id);
            form.append_pair("StatusCallback", url.as_str());
        }
        Request::Http(Http {
            url: self.messages_url.clone(),
            headers: [("Content-Type".to_string(), "application/x-www-form-urlencoded".to_string())].into(),
            body: form.finish(),
        })
    }
}

/// What an answer says beside its status.
#[derive(Default, Deserialize)]
struct Said {
    sid: Option<String>,
    /// Of an error.
    code: Option<u32>,
}

impl Sender for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn batch_max(&self) -> usize {
        1
    }

    fn dedupe(&self) -> Option<Duration> {
        None
    }

    fn encode(&self, batch: &[Message], _: &Context) -> Vec<Call> {
        batch.iter().map(|message| Call { members: vec![message.send_id.clone()], request: self.request(message) }).collect()
    }

    fn decode(&self, call: &Call, reply: &Reply) -> Vec<Outcome> {
        let outcome = match (&call.request, reply) {
            (Request::Refused { reason }, _) => Outcome::Rejected { reason: reason.clone(), bounced: false },
            (_, Reply::NotSent { reason }) => Outcome::Deferred { until: None, reason: reason.clone() },
            (_, Reply::Unknown { reason }) => Outcome::Ambiguous { reason: reason.clone() },
            (_, Reply::Http { status, retry_after, body, .. }) => {
                let Said { sid, code } = serde_json::from_slice(body).unwrap_or_default();
                let said = code.map_or(status.to_string(), |code| format!("{status} {code}"));
                match *status {
                    // The status is the answer, whatever became of the body.
                    200..=299 => Outcome::Accepted { provider_id: sid },
                    429 => Outcome::Deferred { until: *retry_after, reason: said },
                    // The credentials are the shop's: no person loses a message by them.
                    401 => Outcome::Deferred { until: None, reason: format!("channel: {said}") },
                    408 => Outcome::Ambiguous { reason: said },
                    400..=499 => Outcome::Rejected { reason: said, bounced: code.is_some_and(|code| NO_NUMBER.contains(&code)) },
                    _ => Outcome::Ambiguous { reason: said },
                }
            }
            (_, Reply::Smtp { .. } | Reply::Written) => Outcome::Ambiguous { reason: "the answer is not of Twilio".into() },
        };
        vec![outcome; call.members.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders::tests::{context, message, settings};

    fn opened(lines: &str) -> Opened {
        Twilio::open(&settings(&format!("channel = \"sms\"\nkind = \"twilio\"\ntoken = \"env:TWILIO_TOKEN\"\n{lines}")))
    }

    fn sender(lines: &str) -> Box<dyn Sender> {
        opened(lines).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn sms(body: &str) -> Message {
        Message { body: body.into(), ..message("s1", "+819012345678") }
    }

    #[test]
    fn the_form_of_a_message() {
        let check = |lines: &str, url: &str, body: &str| {
            let calls = sender(lines).encode(&[sms("停止 & go")], &context());
            let Request::Http(http) = &calls[0].request else { panic!("{calls:?}") };
            assert_eq!((http.url.as_str(), http.body.as_str()), (url, body));
        };
        check(
            "account_sid = \"AC1\"\nfrom = \"+815012345678\"",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            "To=%2B819012345678&From=%2B815012345678&Body=%E5%81%9C%E6%AD%A2+%26+go",
        );
        check(
            "account_sid = \"AC1\"\nmessaging_service_sid = \"MG1\"\nbase_url = \"http://127.0.0.1:8027\"\n\
             status_callback = \"https://shop.example/twilio?k=1\"",
            "http://127.0.0.1:8027/2010-04-01/Accounts/AC1/Messages.json",
            "To=%2B819012345678&MessagingServiceSid=MG1&Body=%E5%81%9C%E6%AD%A2+%26+go\
             &StatusCallback=https%3A%2F%2Fshop.example%2Ftwilio%3Fk%3D1%26send_id%3Ds1",
        );
    }

    #[test]
    fn settings_that_do_not_do() {
        let check = |lines: &str, expect: &str| {
            let problems = opened(lines).err().unwrap_or_default();
            assert!(problems.len() == 1 && problems[0].to_string().contains(expect), "{lines}: {problems:?}");
        };
        check("account_sid = \"AC1\"", "has no `from`");
        check("from = \"+8150\"", "has no `account_sid`");
        check("account_sid = \"AC1/../x\"\nfrom = \"+8150\"", "is no account");
        check("account_sid = \"AC1\"\nfrom = \"+8150\"\nstatus_callback = \"http://shop.example\"", "`status_callback`");
    }

    #[test]
    fn answers() {
        let sender = sender("account_sid = \"AC1\"\nfrom = \"+815012345678\"");
        let calls = sender.encode(&[sms("x")], &context());
        let check = |status: u16, body: &str, expect: &str| {
            let reply = Reply::Http {
                status,
                retry_after: Some(context().now),
                headers: Default::default(),
                body: body.as_bytes().to_vec(),
            };
            let got = match &sender.decode(&calls[0], &reply)[0] {
                Outcome::Accepted { provider_id } => format!("accepted {}", provider_id.as_deref().unwrap_or("?")),
                Outcome::Rejected { reason, bounced: true } => format!("bounced {reason}"),
                Outcome::Rejected { reason, .. } => format!("rejected {reason}"),
                Outcome::Deferred { until, reason } => format!("deferred {reason} {}", until.is_some()),
                Outcome::Ambiguous { reason } => format!("ambiguous {reason}"),
            };
            assert_eq!(got, expect, "{status} {body}");
        };
        check(201, r#"{"sid":"SM1","status":"queued"}"#, "accepted SM1");
        check(201, "{\"sid\":\"SM", "accepted ?");
        check(400, r#"{"code":21211,"message":"'To' number +819012345678 is not valid"}"#, "bounced 400 21211");
        check(404, "", "rejected 404");
        check(401, r#"{"code":20003}"#, "deferred channel: 401 20003 false");
        check(429, r#"{"code":20429}"#, "deferred 429 20429 true");
        check(408, "", "ambiguous 408");
        check(500, "", "ambiguous 500");
        check(302, "", "ambiguous 302");
        let too_long = sender.encode(&[sms(&"あ".repeat(1_601))], &context());
        let refused = sender.decode(&too_long[0], &Reply::NotSent { reason: String::new() });
        assert!(matches!(refused[0], Outcome::Rejected { .. }));
    }
}
