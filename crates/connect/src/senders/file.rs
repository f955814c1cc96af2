//! Messages as lines of a file: one JSON object each, for tests, for the demo, and for a program of the shop that sends by itself.
//!
//! A line carries its `send_id`; whoever reads the file keeps the first line of each, so writing a line again does no harm. Options: `path`.
//! The file holds addresses: it belongs where the vault is.

use chrono::Duration;
use model::{Channel, CustomerId, Instant, Outcome, Receipt, ReceiptKind, shop::SenderSettings, time::rfc3339};
use serde::{Deserialize, Serialize};

use super::{Call, CallbackError, Context, LookUp, Message, Opened, Presence, Received, Reply, Request, Sender, option};

pub struct File {
    channel: Channel,
}

impl File {
    pub fn open(settings: &SenderSettings) -> Opened {
        let mut problems = Vec::new();
        option(settings, "path", Some("outbox/email.jsonl"), &mut problems);
        if problems.is_empty() { Ok(Box::new(File { channel: settings.channel })) } else { Err(problems) }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    send_id: &'a str,
    customer_id: &'a str,
    channel: &'a str,
    purpose: &'a str,
    to: &'a str,
    subject: Option<&'a str>,
    body: &'a str,
    unsubscribe_url: Option<&'a str>,
    at: String,
}

/// One line of the answer file: what became of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    receipt_id: String,
    send_id: String,
    customer_id: String,
    kind: ReceiptKind,
    #[serde(default)]
    human: bool,
    link: Option<String>,
    #[serde(with = "model::time::instant")]
    at: Instant,
}

impl Sender for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn batch_max(&self) -> usize {
        1_000
    }

    /// As long as the file exists.
    fn dedupe(&self) -> Option<Duration> {
        Some(Duration::days(36_500))
    }

    fn encode(&self, batch: &[Message], context: &Context) -> Vec<Call> {
        let call = |messages: &[Message]| {
            let mut bytes = Vec::new();
            for message in messages {
                let line = Line {
                    send_id: &message.send_id,
                    customer_id: message.customer_id.as_str(),
                    channel: message.channel.name(),
                    purpose: message.purpose.name(),
                    to: message.address.as_str(),
                    subject: message.subject.as_deref(),
                    body: &message.body,
                    unsubscribe_url: message.unsubscribe_url.as_deref(),
                    at: rfc3339(context.now),
                };
                bytes.extend(serde_json::to_vec(&line).expect("a line is plain JSON"));
                bytes.push(b'\n');
            }
            Call { members: messages.iter().map(|message| message.send_id.clone()).collect(), request: Request::File(bytes) }
        };
        batch.chunks(self.batch_max()).map(call).collect()
    }

    fn decode(&self, call: &Call, reply: &Reply) -> Vec<Outcome> {
        let outcome = match reply {
            Reply::Written => Outcome::Accepted { provider_id: None },
            Reply::NotSent { reason } => Outcome::Deferred { until: None, reason: reason.clone() },
            Reply::Unknown { reason } => Outcome::Ambiguous { reason: reason.clone() },
            Reply::Smtp { .. } | Reply::Http { .. } => Outcome::Ambiguous { reason: "the answer is not of a file".into() },
        };
        vec![outcome; call.members.len()]
    }

    fn look_up(&self, send_id: &str) -> Option<LookUp> {
        Some(LookUp::Lines(send_id.into()))
    }

    /// A whole line is there; that none is does not tell, as the shop's program may have taken it away.
    fn presence(&self, send_id: &str, answer: &[u8]) -> Presence {
        #[derive(Deserialize)]
        struct Known {
            send_id: String,
        }
        let lines = answer.split(|byte| *byte == b'\n');
        let mut known = lines.filter_map(|line| serde_json::from_slice::<Known>(line).ok());
        match known.any(|line| line.send_id == send_id) {
            true => Presence::Has { provider_id: None },
            false => Presence::CannotTell,
        }
    }

    /// JSON lines: `{"receipt_id", "send_id", "customer_id", "kind", "human", "link", "at"}`.
    fn receipts(&self, callback: &[u8]) -> Result<Vec<Received>, CallbackError> {
        let lines = callback.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
        let one = |(index, line): (usize, &[u8])| {
            let answer: Answer = serde_json::from_slice(line).map_err(|error| {
                // Only the place: serde's message may quote the line.
                let reason = format!("line {}, column {} is no receipt", index + 1, error.column());
                CallbackError { sender: "file", reason }
            })?;
            let receipt = Receipt {
                receipt_id: answer.receipt_id,
                send_id: answer.send_id,
                customer_id: CustomerId::stored(answer.customer_id),
                channel: self.channel,
                kind: answer.kind,
                human: answer.human,
                link: answer.link,
                source: "file".into(),
            };
            Ok(Received { receipt, occurred_at: answer.at })
        };
        lines.map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders::tests::{context, message, settings};

    fn sender() -> Box<dyn Sender> {
        File::open(&settings("channel = \"email\"\nkind = \"file\"\npath = \"outbox.jsonl\""))
            .unwrap_or_else(|_| panic!("settings"))
    }

    #[test]
    fn one_line_per_message() {
        let messages: Vec<Message> = (0..1_001).map(|n| message(&format!("s{n}"), "taro@example.jp")).collect();
        let calls = sender().encode(&messages, &context());
        assert_eq!(calls.iter().map(|call| call.members.len()).collect::<Vec<_>>(), [1_000, 1]);
        let Request::File(bytes) = &calls[1].request else { panic!("not a file") };
        let line: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!((line["send_id"].as_str(), line["to"].as_str()), (Some("s1000"), Some("taro@example.jp")));
        assert_eq!(line["at"].as_str(), Some("2026-11-24T00:00:00.000000Z"));
        let outcomes = sender().decode(&calls[0], &Reply::Written);
        assert_eq!(outcomes, vec![Outcome::Accepted { provider_id: None }; 1_000]);
    }

    #[test]
    fn a_message_is_looked_up_among_its_lines() {
        assert_eq!(sender().look_up("s1"), Some(LookUp::Lines("s1".into())));
        let check = |answer: &str, expect| assert_eq!(sender().presence("s1", answer.as_bytes()), expect, "{answer}");
        let has = || Presence::Has { provider_id: None };
        check("{\"send_id\":\"s10\",\"to\":\"x\"}\n{\"send_id\":\"s1\",\"to\":\"x\"}\n", has());
        check("{\"send_id\":\"s10\",\"body\":\"s1\"}\n", Presence::CannotTell);
        // What was cut off while it was written did not arrive whole.
        check("{\"send_id\":\"s1\",\"to\":", Presence::CannotTell);
        check("", Presence::CannotTell);
    }

    #[test]
    fn answers_are_read_line_by_line() {
        let line = r#"{"receipt_id":"r1","send_id":"s1","customer_id":"c1","kind":"clicked","human":true,"link":"x","at":"2026-11-24T01:00:00Z"}"#;
        let received = sender().receipts(format!("{line}\n\n").as_bytes()).unwrap();
        assert_eq!((received.len(), received[0].receipt.kind), (1, ReceiptKind::Clicked));
        let error = sender().receipts(format!("{line}\n{{\"to\":\"canary@example.jp\"}}").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 2") && !error.to_string().contains("canary"), "{error}");
    }
}
