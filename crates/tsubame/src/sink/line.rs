//! LINE's push and multicast as the shop's sender meets them, with LINE's rule for retry keys: one acceptance per key within 24 hours.

use chrono::TimeDelta;
use model::Instant;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Door, Ending, Sink, Taken,
    http::{Answered, Asked},
};

const KEY_HOURS: i64 = 24;
const MULTICAST_MAX: usize = 500;
const MESSAGES_PER_CALL_MAX: usize = 5;

/// A call that was accepted under a retry key.
pub struct TakenCall {
    request_id: String,
    at: Instant,
}

#[derive(Deserialize)]
struct Sent {
    to: To,
    messages: Vec<Words>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum To {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Words {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

pub fn take(sink: &Sink, asked: &Asked, at: Instant) -> Answered {
    let mut held = sink.held();
    let fate = held.fate(Door::Line);
    let number = held.next_id();
    let request_id = sink.named("", number);
    let answer = |status: u16, body: serde_json::Value| {
        Answered::json(status, &body, if fate.late { Ending::AnswerLate } else { Ending::Answer })
            .with("X-Line-Request-Id", &request_id)
    };
    let said = |text: &str| json!({ "message": text });
    let kind = match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/v2/bot/message/push") => "push",
        ("POST", "/v2/bot/message/multicast") => "multicast",
        _ => return answer(404, said("Not found")),
    };
    if asked.bearer().is_none() {
        return answer(
            401,
            said(
                "Authentication failed due to the following reason: invalid token. Confirm that the access token in the authorization header is valid.",
            ),
        );
    }
    if fate.throttle {
        held.counts(Door::Line).throttled += 1;
        return answer(429, said("The API rate limit has been exceeded. Try again later."))
            .with("Retry-After", &sink.retry_after.as_secs().to_string());
    }
    let key = asked.header("x-line-retry-key").map(str::to_ascii_lowercase);
    if key.as_ref().is_some_and(|key| !is_uuid(key)) {
        held.counts(Door::Line).refused += 1;
        return answer(400, said("Invalid retry key."));
    }
    if let Some(key) = &key {
        let body = model::id::hex(&Sha256::digest(&asked.body));
        held.counts(Door::Line).bodies.entry(key.replace('-', "")).or_default().insert(body);
        if let Some(before) = held.line.get(key).filter(|before| at - before.at < TimeDelta::hours(KEY_HOURS)) {
            let accepted = before.request_id.clone();
            held.counts(Door::Line).repeated += 1;
            return answer(409, json!({ "message": "The retry key is already accepted", "sentMessages": [] }))
                .with("X-Line-Accepted-Request-Id", &accepted);
        }
    }
    let Some((to, text)) = sent(kind, &asked.body) else {
        held.counts(Door::Line).refused += 1;
        return answer(400, said("The request body has 1 error(s)"));
    };
    if held.refuses(Door::Line, &to[0]) {
        return answer(400, said("Failed to send messages"));
    }
    if let Some(key) = &key {
        held.line.insert(key.clone(), TakenCall { request_id: request_id.clone(), at });
    }
    let taken = Taken {
        id: number,
        kind,
        key: key.map_or_else(|| request_id.clone(), |key| key.replace('-', "")),
        at,
        to,
        text,
        head: asked.head(),
        told: fate.told(),
        ..Taken::default()
    };
    held.keep(Door::Line, taken);
    let sent = json!({ "sentMessages": [{ "id": number.to_string(), "quoteToken": request_id }] });
    let body = match (fate.fail_after, kind) {
        (true, _) => said("Internal server error"),
        (false, "push") => sent,
        (false, _) => json!({}),
    };
    Answered { ending: fate.ending(), ..answer(if fate.fail_after { 500 } else { 200 }, body) }
}

/// To whom and what, if LINE would take it.
fn sent(kind: &str, body: &[u8]) -> Option<(Vec<String>, String)> {
    let Sent { to, messages } = serde_json::from_slice(body).ok()?;
    let to = match (kind, to) {
        ("push", To::One(to)) if !to.is_empty() => vec![to],
        ("multicast", To::Many(to)) if (1..=MULTICAST_MAX).contains(&to.len()) => to,
        _ => return None,
    };
    if !(1..=MESSAGES_PER_CALL_MAX).contains(&messages.len()) {
        return None;
    }
    let text = |words: &Words| match words.kind.as_str() {
        "text" => words.text.clone().filter(|text| !text.is_empty()),
        other => Some(format!("[{other}]")),
    };
    let texts: Vec<String> = messages.iter().map(text).collect::<Option<_>>()?;
    Some((to, texts.join("\n")))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{
        dial,
        http::tests::{asked, at, sink},
    };

    const KEY: &str = "123e4567-e89b-12d3-a456-426614174000";
    const PUSH: &str = r#"{"to":"U1","messages":[{"type":"text","text":"やあ"}]}"#;

    fn push(key: &str, body: &str) -> Asked {
        asked("/v2/bot/message/push", &[("authorization", "Bearer t"), ("x-line-retry-key", key)], body)
    }

    #[test]
    fn a_key_is_accepted_once_in_a_day() {
        let sink = sink(&[("line.fail-after", "next:1"), ("line.drop-answer", "off")]);
        let check = |asked: &Asked, minutes: i64, status: u16, accepted: u64| {
            let answered = take(&sink, asked, at(minutes));
            let count = sink.held().counts[&Door::Line].accepted;
            assert_eq!((answered.status, count), (status, accepted), "{minutes}");
            answered
        };
        let first = check(&push(KEY, PUSH), 0, 500, 1);
        let again = check(&push(KEY, PUSH), 1, 409, 1);
        let id = |answered: &Answered, name: &str| answered.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(id(&again, "X-Line-Accepted-Request-Id"), id(&first, "X-Line-Request-Id"));
        check(&push(&KEY.to_uppercase(), PUSH), 60 * 24 - 1, 409, 1);
        check(&push(KEY, PUSH), 60 * 24, 200, 2);
        check(&push("123e4567", PUSH), 0, 400, 2);
        check(&push("123e4567-e89b-12d3-a456-42661417400g", PUSH), 0, 400, 2);
        let without = asked("/v2/bot/message/push", &[("authorization", "Bearer t")], PUSH);
        check(&without, 0, 200, 3);
        check(&without, 0, 200, 4);
        assert_eq!(sink.held().counts[&Door::Line].keys[&KEY.replace('-', "")], 2);
    }

    #[test]
    fn what_line_does_not_take() {
        let check = |path: &str, token: &str, body: &str, status: u16| {
            let answered = take(&sink(&[]), &asked(path, &[("authorization", token)], body), at(0));
            assert_eq!(answered.status, status, "{path} {body}");
        };
        let many = |n: usize| json!({ "to": vec!["U1"; n], "messages": [{ "type": "text", "text": "x" }] }).to_string();
        check("/v2/bot/message/push", "Bearer t", PUSH, 200);
        check("/v2/bot/message/push", "Basic t", PUSH, 401);
        check("/v2/bot/message/push", "Bearer t", "{}", 400);
        check("/v2/bot/message/push", "Bearer t", &many(1), 400);
        check("/v2/bot/message/multicast", "Bearer t", &many(500), 200);
        check("/v2/bot/message/multicast", "Bearer t", &many(501), 400);
        check("/v2/bot/message/multicast", "Bearer t", &many(0), 400);
        check("/v2/bot/message/broadcast", "Bearer t", PUSH, 404);
    }

    #[test]
    fn dials() {
        let check = |dial: &str, status: u16, ending: Ending, accepted: u64| {
            let sink = sink(&[(dial, "next:1")]);
            let answered = take(&sink, &push(KEY, PUSH), at(0));
            let count = sink.held().counts[&Door::Line].accepted;
            assert_eq!((answered.status, answered.ending, count), (status, ending, accepted), "{dial}");
            assert_eq!(take(&sink, &push(KEY, PUSH), at(1)).status, if accepted == 1 { 409 } else { 200 }, "{dial}");
        };
        check("line.refuse", 400, Ending::Answer, 0);
        check("line.throttle", 429, Ending::Answer, 0);
        check("line.fail-after", 500, Ending::Answer, 1);
        check("line.drop-answer", 200, Ending::HangUp, 1);
        check("line.late", 200, Ending::AnswerLate, 1);
        assert!(dial::parse("line.twice", "1").is_ok());
    }
}
