//! A mail server as small as a relay's client needs: EHLO, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT. It takes any credential.

use std::{sync::Arc, time::Duration};

use model::Instant;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{
    Door, Ending, Fate, Sink, Taken,
    mime::{Mail, words},
};
use crate::clock::Clock;

const LINE_BYTES_MAX: u64 = 64 << 10;
const MAIL_BYTES_MAX: usize = 16 << 20;
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// What the server says to one mail.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Of the recipient, before the words are asked for; `None`: it is welcome.
    pub to_recipient: Option<String>,
    /// After the final dot.
    pub to_mail: String,
    pub ending: Ending,
}

/// The server's mind about one mail. The message is read if the recipient is welcome; then it is kept. For proofs
/// that need no socket.
#[cfg(test)]
pub fn take(sink: &Sink, from: &str, to: &str, message: &[u8], at: Instant) -> Said {
    let fate = fate(sink);
    match refusal(sink, fate, to) {
        Some(refusal) => Said { to_recipient: Some(refusal), to_mail: String::new(), ending: Ending::Answer },
        None => {
            Said { to_recipient: None, to_mail: keep(sink, fate, from, &[to.to_string()], message, at), ending: fate.ending() }
        }
    }
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, sink: Arc<Sink>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: some are given back soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if sink.is_down(Door::Smtp) {
            continue;
        }
        let sink = sink.clone();
        tokio::spawn(async move {
            // A client that breaks off is no business of ours.
            let _ = converse(stream, &sink).await;
        });
    }
}

fn fate(sink: &Sink) -> Fate {
    sink.held().fate(Door::Smtp)
}

/// Of a recipient.
fn refusal(sink: &Sink, fate: Fate, to: &str) -> Option<String> {
    let mut held = sink.held();
    if fate.throttle {
        held.counts(Door::Smtp).throttled += 1;
        return Some(format!("451 4.7.1 come again in {} s", sink.retry_after.as_secs()));
    }
    held.refuses(Door::Smtp, to).then(|| "550 5.1.1 no such mailbox".to_string())
}

/// Keeps a mail; the answer to its dot.
fn keep(sink: &Sink, fate: Fate, from: &str, to: &[String], message: &[u8], at: Instant) -> String {
    let mail = Mail::read(message);
    let mut held = sink.held();
    let id = held.next_id();
    let message_id = mail.header("message-id").map(|id| id.trim_matches(['<', '>']));
    let key = message_id.and_then(|id| id.split('@').next()).filter(|key| !key.is_empty());
    let key = key.map_or_else(|| sink.named("mail", id), String::from);
    let taken = Taken {
        id,
        kind: "mail",
        key,
        at,
        from: from.to_string(),
        to: to.to_vec(),
        subject: mail.header("subject").map(words),
        text: mail.text.clone(),
        head: mail.head.clone(),
        told: fate.told(),
        ..Taken::default()
    };
    held.keep(Door::Smtp, taken);
    if fate.fail_after { "554 5.3.0 transaction failed".into() } else { format!("250 2.0.0 taken as {id}") }
}

async fn converse(stream: TcpStream, sink: &Sink) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    writing.write_all(b"220 dev-sink ESMTP\r\n").await?;
    let (mut from, mut to, mut of_mail) = (String::new(), Vec::new(), None);
    loop {
        let Some(line) = read_line(&mut reading).await? else { return Ok(()) };
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match command.as_str() {
            "EHLO" => {
                "250-dev-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN".to_string()
            }
            "HELO" => "250 dev-sink".into(),
            "AUTH" => {
                authenticate(&line, &mut reading, &mut writing).await?;
                "235 2.7.0 welcome".into()
            }
            "MAIL" => {
                (from, to, of_mail) = (mailbox(&line), Vec::new(), None);
                "250 2.1.0 OK".into()
            }
            "RCPT" => {
                let drawn = *of_mail.get_or_insert_with(|| fate(sink));
                let recipient = mailbox(&line);
                match refusal(sink, drawn, &recipient) {
                    Some(refusal) => refusal,
                    None => {
                        to.push(recipient);
                        "250 2.1.5 OK".into()
                    }
                }
            }
            "DATA" => match of_mail.take().filter(|_| !to.is_empty()) {
                None => "503 5.5.1 nobody to send it to".into(),
                Some(drawn) => {
                    writing.write_all(b"354 go on, end with a dot\r\n").await?;
                    let Some(message) = read_message(&mut reading).await? else { return Ok(()) };
                    let answer = keep(sink, drawn, &from, &std::mem::take(&mut to), &message, Clock::Real.now());
                    match drawn.ending() {
                        Ending::HangUp => return Ok(()),
                        Ending::AnswerLate => tokio::time::sleep(sink.late).await,
                        Ending::Answer => {}
                    }
                    answer
                }
            },
            "RSET" => {
                (from, to, of_mail) = (String::new(), Vec::new(), None);
                "250 2.0.0 OK".into()
            }
            "NOOP" => "250 2.0.0 OK".into(),
            "QUIT" => return writing.write_all(b"221 2.0.0 bye\r\n").await,
            _ => "502 5.5.2 not understood".into(),
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// PLAIN in one line or two, LOGIN in three: whatever they say is right.
async fn authenticate(
    line: &str,
    reading: &mut (impl AsyncBufReadExt + Unpin),
    writing: &mut (impl AsyncWriteExt + Unpin),
) -> std::io::Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let questions: &[&str] = match (words.get(1).map(|name| name.to_ascii_uppercase()).as_deref(), words.len()) {
        (Some("LOGIN"), 2) => &["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"],
        (Some("LOGIN"), _) => &["334 UGFzc3dvcmQ6\r\n"],
        (_, 2) => &["334 \r\n"],
        _ => &[],
    };
    for question in questions {
        writing.write_all(question.as_bytes()).await?;
        read_line(reading).await?;
    }
    Ok(())
}

async fn read_line(reading: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut limited = (&mut *reading).take(LINE_BYTES_MAX);
    let read = limited.read_until(b'\n', &mut line);
    match tokio::time::timeout(SILENCE_MAX, read).await {
        Ok(read) => Ok((read? > 0 && line.ends_with(b"\n")).then_some(line)),
        Err(_) => Ok(None),
    }
}

/// Up to the final dot, which is no part of it; a dot that was put before a line's first one is taken away.
async fn read_message(reading: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    loop {
        let Some(line) = read_line(reading).await? else { return Ok(None) };
        if matches!(line.as_slice(), b".\r\n" | b".\n") {
            return Ok(Some(message));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        if message.len() > MAIL_BYTES_MAX {
            return Ok(None);
        }
    }
}

/// `MAIL FROM:<a@b> BODY=8BITMIME`.
fn mailbox(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>')).map_or("", |(mailbox, _)| mailbox).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{
        Told,
        http::tests::{at, sink},
    };

    /// What a client hears that says its lines one after the other, each when the last was answered.
    async fn hears(sink: Sink, said: &[&str]) -> (Vec<String>, Arc<Sink>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sink = Arc::new(sink);
        tokio::spawn(serve(listener, sink.clone()));
        let (reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        let mut reading = BufReader::new(reading);
        let mut heard = Vec::new();
        for said in [&[""][..], said].concat() {
            if !said.is_empty() {
                // The other end may have hung up.
                let _ = writing.write_all(format!("{said}\r\n").as_bytes()).await;
            }
            let mut line = String::new();
            loop {
                line.clear();
                let _ = reading.read_line(&mut line).await;
                if line.as_bytes().get(3) != Some(&b'-') {
                    break;
                }
            }
            heard.push(line.chars().take(3).collect());
        }
        (heard, sink)
    }

    #[tokio::test]
    async fn a_mail_over_a_socket() {
        let mail = "Message-ID: <s1@shop.example>\r\nSubject: =?utf-8?b?44KE44GC?=\r\n\r\n..stuffed\r\nend\r\n.";
        let check = async |dial: &str, expect: [&str; 6], accepted: usize, told: Told| {
            let sink = sink(&[(dial, "next:1")]);
            let said = ["EHLO x", "MAIL FROM:<a@shop.example> BODY=8BITMIME", "RCPT TO:<taro@example.jp>", "DATA", mail];
            let (heard, sink) = hears(sink, &said).await;
            assert_eq!(heard, expect, "{dial}");
            let held = sink.held();
            assert_eq!(held.messages.len(), accepted, "{dial}");
            for taken in &held.messages {
                assert_eq!((taken.key.as_str(), taken.subject.as_deref(), taken.told), ("s1", Some("やあ"), told), "{dial}");
                assert_eq!(
                    (taken.text.as_str(), &taken.to),
                    (".stuffed\r\nend\r\n".replace("\r\n", "\n").as_str(), &vec!["taro@example.jp".to_string()])
                );
            }
        };
        check("line.refuse", ["220", "250", "250", "250", "354", "250"], 1, Told::Accepted).await;
        check("smtp.refuse", ["220", "250", "250", "550", "503", "502"], 0, Told::Accepted).await;
        check("smtp.throttle", ["220", "250", "250", "451", "503", "502"], 0, Told::Accepted).await;
        check("smtp.fail-after", ["220", "250", "250", "250", "354", "554"], 1, Told::Failed).await;
        check("smtp.drop-answer", ["220", "250", "250", "250", "354", ""], 1, Told::Nothing).await;
        check("smtp.late", ["220", "250", "250", "250", "354", "250"], 1, Told::Accepted).await;
        check("smtp.down", ["", "", "", "", "", ""], 0, Told::Accepted).await;
    }

    #[tokio::test]
    async fn any_credential_is_right() {
        let check = async |said: &[&str], expect: &[&str]| assert_eq!(hears(sink(&[]), said).await.0[1..], *expect, "{said:?}");
        check(&["AUTH PLAIN AHgAeQ=="], &["235"]).await;
        check(&["AUTH PLAIN", "AHgAeQ=="], &["334", "235"]).await;
        check(&["AUTH LOGIN", "eA==", "eQ=="], &["334", "334", "235"]).await;
        check(&["NOOP", "RSET", "WHAT", "DATA", "QUIT"], &["250", "250", "502", "503", "221"]).await;
    }

    #[test]
    fn the_same_without_a_socket() {
        let check = |dial: &str, expect: (Option<&str>, &str, Ending)| {
            let said = take(&sink(&[(dial, "1")]), "a@b", "c@d", b"Subject: x\r\n\r\n", at(0));
            let got = (said.to_recipient.as_deref().map(|text| &text[..3]), said.to_mail.get(..3).unwrap_or(""), said.ending);
            assert_eq!(got, expect, "{dial}");
        };
        check("line.refuse", (None, "250", Ending::Answer));
        check("smtp.refuse", (Some("550"), "", Ending::Answer));
        check("smtp.throttle", (Some("451"), "", Ending::Answer));
        check("smtp.fail-after", (None, "554", Ending::Answer));
        check("smtp.drop-answer", (None, "250", Ending::HangUp));
    }
}
