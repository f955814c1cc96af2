//! Twilio's Messages as the shop's sender meets them: every form that is taken is a message, however often it comes.

use base64::{Engine, prelude::BASE64_STANDARD};
use model::Instant;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::{
    Door, Ending, Sink, Taken,
    dial::Behaviour,
    http::{Answered, Asked},
};

pub fn take(sink: &Sink, asked: &Asked, at: Instant) -> Answered {
    let mut held = sink.held();
    let fate = held.fate(Door::Twilio);
    let number = held.next_id();
    let answer = |status: u16, body: serde_json::Value| {
        Answered::json(status, &body, if fate.late { Ending::AnswerLate } else { Ending::Answer })
    };
    let said = |status: u16, code: u32, text: &str| answer(status, json!({ "code": code, "message": text, "status": status }));
    let account = asked.path.strip_prefix("/2010-04-01/Accounts/").and_then(|rest| rest.strip_suffix("/Messages.json"));
    let Some(account) = account.filter(|_| asked.method == "POST") else {
        return said(404, 20404, "The requested resource was not found");
    };
    if user(asked).as_deref() != Some(account) {
        return said(401, 20003, "Authenticate");
    }
    if fate.throttle {
        held.counts(Door::Twilio).throttled += 1;
        return said(429, 20429, "Too Many Requests").with("Retry-After", &sink.retry_after.as_secs().to_string());
    }
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(&asked.body);
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    };
    let parts = (field("To"), field("From").or_else(|| field("MessagingServiceSid")), field("Body"));
    let (to, from, text) = match parts {
        (Some(to), Some(from), Some(text)) => (to, from, text),
        parts => {
            held.counts(Door::Twilio).refused += 1;
            return match parts {
                (None, ..) => said(400, 21604, "A 'To' phone number is required."),
                (_, None, _) => said(400, 21603, "A 'From' phone number is required."),
                _ => said(400, 21602, "Message body is required."),
            };
        }
    };
    if held.refuses(Door::Twilio, &to) {
        return said(400, 21211, "The 'To' number is not a valid phone number.");
    }
    let sid = sink.named("SM", number);
    let callback = field("StatusCallback").and_then(|url| Url::parse(&url).ok());
    let send_id = callback
        .as_ref()
        .and_then(|url| url.query_pairs().find(|(name, _)| name == "send_id").map(|(_, value)| value.into_owned()));
    let twice = held.dials.strikes(Door::Twilio, Behaviour::Twice);
    let taken = Taken {
        id: number,
        kind: "sms",
        key: send_id.unwrap_or_else(|| sid.clone()),
        at,
        from,
        to: vec![to],
        text,
        head: asked.head(),
        told: fate.told(),
        ..Taken::default()
    };
    held.keep(Door::Twilio, taken);
    let callbacks = callback.into_iter().flat_map(|url| {
        let form = format!("MessageSid={sid}&MessageStatus=delivered");
        std::iter::repeat_n((url.to_string(), form), if twice { 2 } else { 1 })
    });
    let callbacks = callbacks.collect();
    let answered = match fate.fail_after {
        true => said(500, 20500, "Internal Server Error"),
        false => answer(201, json!({ "sid": sid, "account_sid": account, "status": "queued" })),
    };
    Answered { ending: fate.ending(), callbacks, ..answered }
}

fn user(asked: &Asked) -> Option<String> {
    let encoded = asked.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    (!password.is_empty()).then(|| user.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::http::tests::{asked, at, sink};

    const FORM: &str = "To=%2B819012345678&From=%2B815012345678&Body=%E5%81%9C%E6%AD%A2&StatusCallback=http%3A%2F%2F127.0.0.1%3A1%2Fr%3Fsend_id%3Ds1";
    const PATH: &str = "/2010-04-01/Accounts/AC1/Messages.json";

    fn sms(path: &str, body: &str) -> Asked {
        asked(path, &[("authorization", &format!("Basic {}", BASE64_STANDARD.encode("AC1:token")))], body)
    }

    #[test]
    fn every_form_that_is_taken_is_a_message() {
        let sink = sink(&[]);
        for _ in 0..2 {
            assert_eq!(take(&sink, &sms(PATH, FORM), at(0)).status, 201);
        }
        let held = sink.held();
        assert_eq!((held.counts[&Door::Twilio].keys["s1"], held.messages.len()), (2, 2));
        assert_eq!((held.messages[0].text.as_str(), held.messages[0].to[0].as_str()), ("停止", "+819012345678"));
    }

    #[test]
    fn what_twilio_does_not_take() {
        let check = |asked: Asked, status: u16, code: u32| {
            let answered = take(&sink(&[]), &asked, at(0));
            let body: serde_json::Value = serde_json::from_str(&answered.body).unwrap();
            assert_eq!((answered.status, body["code"].as_u64()), (status, Some(u64::from(code))), "{}", asked.path);
        };
        check(sms(PATH, "From=x&Body=y"), 400, 21604);
        check(sms(PATH, "To=x&Body=y"), 400, 21603);
        check(sms(PATH, "To=x&From=y"), 400, 21602);
        check(sms("/2010-04-01/Accounts/AC2/Messages.json", FORM), 401, 20003);
        check(asked(PATH, &[], FORM), 401, 20003);
        check(sms("/2010-04-01/Accounts/AC1/Calls.json", FORM), 404, 20404);
    }

    #[test]
    fn dials() {
        let check = |dial: &str, status: u16, ending: Ending, accepted: u64, receipts: usize| {
            let sink = sink(&[(dial, "next:1")]);
            let answered = take(&sink, &sms(PATH, FORM), at(0));
            let count = sink.held().counts[&Door::Twilio].accepted;
            assert_eq!(
                (answered.status, answered.ending, count, answered.callbacks.len()),
                (status, ending, accepted, receipts),
                "{dial}"
            );
        };
        check("twilio.refuse", 400, Ending::Answer, 0, 0);
        check("twilio.throttle", 429, Ending::Answer, 0, 0);
        check("twilio.fail-after", 500, Ending::Answer, 1, 1);
        check("twilio.drop-answer", 201, Ending::HangUp, 1, 1);
        check("twilio.late", 201, Ending::AnswerLate, 1, 1);
        check("twilio.twice", 201, Ending::Answer, 1, 2);
    }
}
