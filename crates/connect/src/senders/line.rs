//! LINE messages by the Messaging API: push for one person, multicast where the words are the same for all of a batch.
//!
//! Options under `[[senders]]`: `token` (`env:NAME` or `file:PATH`; the transport's), optionally `base_url`. Every call has a retry key from its
//! first try on, derived from its send ids: LINE takes one call per key within 24 hours and answers 409 to the others, so a call of unknown
//! outcome is made again with the same key and the same bytes. A person who has blocked the account is answered 200 like anyone else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use model::{Channel, Outcome, id::hex, id_bytes, shop::SenderSettings};
use serde_json::json;

use super::{Call, Context, Http, Message, Opened, Reply, Request, Sender, named_secret, only_on, web_address};

/// Of the transport too.
pub const BASE_URL: &str = "https://api.line.me";
pub const RETRY_KEY: &str = "X-Line-Retry-Key";
const MULTICAST_MAX: usize = 500;
/// LINE counts UTF-16 code units.
const TEXT_UNITS_MAX: usize = 5_000;
/// A key is known for 24 hours; the last try must be over by then, whatever the clocks say.
const RETRY_HOURS: i64 = 20;

pub struct Line {
    base_url: String,
}

impl Line {
    pub fn open(settings: &SenderSettings) -> Opened {
        let mut problems = Vec::new();
        only_on(settings, Channel::Line, &mut problems);
        named_secret(settings, "token", "env:LINE_TOKEN", &mut problems);
        let base_url = web_address(settings, "base_url", Some(BASE_URL), &mut problems);
        match (base_url, problems.is_empty()) {
            (Some(base_url), true) => Ok(Box::new(Line { base_url })),
            _ => Err(problems),
        }
    }

    fn request(&self, batch: &[Message]) -> Request {
        let Some(first) = batch.first() else { return Request::Refused { reason: "no message is in the call".into() } };
        if first.body.trim().is_empty() {
            return Request::Refused { reason: "a LINE message needs words".into() };
        }
        if first.body.encode_utf16().count() > TEXT_UNITS_MAX {
            return Request::Refused { reason: format!("a LINE message has more than {TEXT_UNITS_MAX} characters") };
        }
        // Two customers may have one account, and LINE takes each once.
        let mut seen = BTreeSet::new();
        let to: Vec<&str> = batch.iter().map(|message| message.address.as_str()).filter(|to| seen.insert(*to)).collect();
        let messages = json!([{ "type": "text", "text": first.body }]);
        let (path, body) = match batch {
            [_] => ("push", json!({ "to": to[0], "messages": messages })),
            _ => ("multicast", json!({ "to": to, "messages": messages })),
        };
        let headers = [("Content-Type", "application/json".to_string()), (RETRY_KEY, retry_key(batch))];
        Request::Http(Http {
            url: format!("{}/v2/bot/message/{path}", self.base_url),
            headers: headers.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
            body: body.to_string(),
        })
    }
}

impl Sender for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn channel(&self) -> Channel {
        Channel::Line
    }

    fn batch_max(&self) -> usize {
        MULTICAST_MAX
    }

    fn dedupe(&self) -> Option<Duration> {
        Some(Duration::hours(RETRY_HOURS))
    }

    fn freezes(&self) -> bool {
        true
    }

    fn share_a_call(&self, one: &Message, other: &Message) -> bool {
        one.body == other.body
    }

    fn encode(&self, batch: &[Message], _: &Context) -> Vec<Call> {
        let runs = batch.chunk_by(|one, other| self.share_a_call(one, other));
        let calls = runs.flat_map(|run| run.chunks(MULTICAST_MAX));
        calls
            .map(|messages| Call {
                members: messages.iter().map(|message| message.send_id.clone()).collect(),
                request: self.request(messages),
            })
            .collect()
    }

    fn decode(&self, call: &Call, reply: &Reply) -> Vec<Outcome> {
        let outcome = match (&call.request, reply) {
            (Request::Refused { reason }, _) => Outcome::Rejected { reason: reason.clone(), bounced: false },
            (_, Reply::NotSent { reason }) => Outcome::Deferred { until: None, reason: reason.clone() },
            (_, Reply::Unknown { reason }) => Outcome::Ambiguous { reason: reason.clone() },
            (_, Reply::Http { status, retry_after, headers, .. }) => match *status {
                200..=299 => Outcome::Accepted { provider_id: text_of(headers, "x-line-request-id") },
                // An earlier try of ours was taken.
                409 => Outcome::Accepted { provider_id: text_of(headers, "x-line-accepted-request-id") },
                429 => Outcome::Deferred { until: *retry_after, reason: "429".into() },
                // The token is the shop's: no person loses a message by it.
                401 => Outcome::Deferred { until: None, reason: "channel: 401".into() },
                408 => Outcome::Ambiguous { reason: "408".into() },
                // The text is not kept: it may quote the id. Whether it is about the id cannot be told.
                400..=499 => Outcome::Rejected { reason: status.to_string(), bounced: false },
                _ => Outcome::Ambiguous { reason: status.to_string() },
            },
            (_, Reply::Smtp { .. } | Reply::Written) => Outcome::Ambiguous { reason: "the answer is not of LINE".into() },
        };
        vec![outcome; call.members.len()]
    }
}

/// A send id has as many digits as a UUID, so that of one message is its send id; that of more follows from all of them.
fn retry_key(batch: &[Message]) -> String {
    let digits = match batch {
        [only] if only.send_id.len() == 32 && only.send_id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            only.send_id.to_ascii_lowercase()
        }
        _ => {
            let ids: Vec<&str> = batch.iter().map(|message| message.send_id.as_str()).collect();
            hex(&id_bytes(&ids.join("|")))
        }
    };
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn text_of(headers: &BTreeMap<String, String>, name: &str) -> Option<String> {
    headers.get(name).filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders::tests::{context, message, settings};

    fn sender() -> Box<dyn Sender> {
        Line::open(&settings(
            "channel = \"line\"\nkind = \"line\"\ntoken = \"env:LINE_TOKEN\"\nbase_url = \"http://127.0.0.1:1/\"",
        ))
        .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn words(send_id: &str, to: &str, body: &str) -> Message {
        Message { body: body.into(), ..message(send_id, to) }
    }

    fn http(call: &Call) -> &Http {
        let Request::Http(http) = &call.request else { panic!("{call:?}") };
        http
    }

    #[test]
    fn one_person_is_pushed_to_and_equal_words_go_to_many() {
        let check = |batch: &[(&str, &str)], expect: &[(&str, usize, &str)]| {
            let messages: Vec<Message> =
                batch.iter().enumerate().map(|(n, (to, body))| words(&format!("s{n}"), to, body)).collect();
            let calls = sender().encode(&messages, &context());
            assert_eq!(calls, sender().encode(&messages, &context()), "the same messages give the same bytes");
            let members: Vec<String> = calls.iter().flat_map(|call| call.members.clone()).collect();
            assert_eq!(members, messages.iter().map(|message| message.send_id.clone()).collect::<Vec<_>>());
            let got: Vec<(&str, usize, String)> = calls
                .iter()
                .map(|call| {
                    let body: serde_json::Value = serde_json::from_str(&http(call).body).unwrap();
                    let path = http(call).url.strip_prefix("http://127.0.0.1:1/v2/bot/message/").unwrap();
                    (path, call.members.len(), body["to"].to_string())
                })
                .collect();
            let expect: Vec<(&str, usize, String)> = expect.iter().map(|(path, n, to)| (*path, *n, to.to_string())).collect();
            assert_eq!(got, expect);
        };
        check(&[("Ua", "x")], &[("push", 1, "\"Ua\"")]);
        check(&[("Ua", "x"), ("Ub", "x")], &[("multicast", 2, "[\"Ua\",\"Ub\"]")]);
        check(&[("Ua", "x"), ("Ub", "y"), ("Uc", "y")], &[("push", 1, "\"Ua\""), ("multicast", 2, "[\"Ub\",\"Uc\"]")]);
        check(&[("Ua", "x"), ("Ua", "x")], &[("multicast", 2, "[\"Ua\"]")]);
        check(&[], &[]);
        let many: Vec<Message> = (0..501).map(|n| words(&format!("s{n}"), &format!("U{n}"), "x")).collect();
        let sizes: Vec<usize> = sender().encode(&many, &context()).iter().map(|call| call.members.len()).collect();
        assert_eq!(sizes, [500, 1]);
    }

    #[test]
    fn the_bytes_of_a_push() {
        let call = &sender().encode(&[words("f6a986968992ca7a7e39220fb9cd6397", "U1", "やあ\n\"x\"")], &context())[0];
        assert_eq!(http(call).body, r#"{"to":"U1","messages":[{"type":"text","text":"やあ\n\"x\""}]}"#);
        let headers: Vec<String> = http(call).headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(headers, ["Content-Type: application/json", "X-Line-Retry-Key: f6a98696-8992-ca7a-7e39-220fb9cd6397"]);
    }

    #[test]
    fn a_key_is_of_its_members() {
        let key = |ids: &[&str]| retry_key(&ids.iter().map(|id| words(id, "U", "x")).collect::<Vec<_>>());
        let keys: BTreeSet<String> = [&["a"][..], &["b"], &["a", "b"], &["b", "a"]].into_iter().map(key).collect();
        assert_eq!(keys.len(), 4);
        for key in keys {
            let lengths: Vec<usize> = key.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{key}");
        }
    }

    #[test]
    fn words_that_line_does_not_take_are_not_sent() {
        let check = |body: String, refused: bool| {
            let calls = sender().encode(&[words("s", "U1", &body)], &context());
            let outcome = &sender().decode(&calls[0], &Reply::NotSent { reason: "nothing to send".into() })[0];
            assert_eq!(matches!(outcome, Outcome::Rejected { .. }), refused, "{outcome:?}");
        };
        check("あ".repeat(5_000), false);
        check("あ".repeat(5_001), true);
        check("🍵".repeat(2_501), true);
        check(" \n".into(), true);
    }

    #[test]
    fn answers() {
        let calls = sender().encode(&[words("s0", "Ua", "x"), words("s1", "Ub", "x")], &context());
        let check = |status: u16, header: &str, expect: &str| {
            let headers = [(header.to_string(), "r-1".to_string())].into();
            let until = Some(context().now);
            let reply = Reply::Http { status, retry_after: until, headers, body: b"{\"message\":\"Ua\"}".to_vec() };
            let outcomes = sender().decode(&calls[0], &reply);
            let got: Vec<String> = outcomes
                .iter()
                .map(|outcome| match outcome {
                    Outcome::Accepted { provider_id } => format!("accepted {}", provider_id.as_deref().unwrap_or("?")),
                    Outcome::Rejected { reason, .. } => format!("rejected {reason}"),
                    Outcome::Deferred { until, reason } => format!("deferred {reason} {}", until.is_some()),
                    Outcome::Ambiguous { reason } => format!("ambiguous {reason}"),
                })
                .collect();
            assert_eq!(got, [expect, expect], "{status}");
        };
        check(200, "x-line-request-id", "accepted r-1");
        check(200, "date", "accepted ?");
        check(409, "x-line-accepted-request-id", "accepted r-1");
        check(429, "date", "deferred 429 true");
        check(401, "date", "deferred channel: 401 false");
        check(400, "date", "rejected 400");
        check(403, "date", "rejected 403");
        check(404, "date", "rejected 404");
        check(408, "date", "ambiguous 408");
        check(500, "date", "ambiguous 500");
        check(503, "date", "ambiguous 503");
        check(302, "date", "ambiguous 302");
    }
}
