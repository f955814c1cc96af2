//! A relay that tells when each message arrives: what leaves after everything was stopped, or the scenario was paused, in the middle.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    jobs::{
        made::{MEMBERS, at, shop, sign_up},
        pause::{pause, resume},
        tick::tick,
    },
    workspace::deep,
};

const SALE: &str = "scenario = \"sale\"\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
    entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\nstep = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

/// What happens when the first message has arrived and is not acknowledged yet.
type First = Arc<Mutex<Option<tokio::sync::oneshot::Sender<tokio::sync::oneshot::Sender<()>>>>>;

/// Speaks as much SMTP as a relay must, and lets somebody act between the first message and its acknowledgement.
async fn relay(listener: TcpListener, first: First) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(conversation(socket, first.clone()));
    }
}

async fn conversation(socket: TcpStream, first: First) -> std::io::Result<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 relay\r\n").await?;
    let mut in_message = false;
    while let Some(line) = lines.next_line().await? {
        let answer = match (in_message, line.as_str()) {
            (true, ".") => {
                in_message = false;
                let waiting = first.lock().expect("nobody panics while holding it").take();
                if let Some(waiting) = waiting {
                    let (done, is_done) = tokio::sync::oneshot::channel();
                    if waiting.send(done).is_ok() {
                        let _ = is_done.await;
                    }
                }
                "250 taken\r\n"
            }
            (true, _) => continue,
            (false, "DATA") => {
                in_message = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, hello) if hello.starts_with("EHLO") => "250-relay\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            _ => "250 fine\r\n",
        };
        writing.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

#[test]
fn a_stop_between_two_calls_stops_the_second() {
    deep(async {
        let check = async |scenario: Option<&str>| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let file = "[[senders]]\nchannel = \"email\"\nkind = \"file\"\npath = \"outbox/email.ndjson\"\n";
            let smtp = format!(
                "[[senders]]\nchannel = \"email\"\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"shop@shop.example.jp\"\n"
            );
            let settings = |own: &str| own.replace(file, &smtp);
            let files = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(settings, &files, at("09:00")).await;
            sign_up(&workspace, 3, 3).await;
            workspace.clock.set(at("12:20"));
            assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 3);

            let (arrived, first_arrived) = tokio::sync::oneshot::channel();
            tokio::spawn(relay(listener, Arc::new(Mutex::new(Some(arrived)))));
            let stop = async {
                let acknowledge = first_arrived.await.unwrap();
                assert!(pause(&workspace, scenario, "hanako").await.unwrap());
                acknowledge.send(()).unwrap();
            };
            let (report, ()) = tokio::join!(deliver(&workspace, None), stop);
            assert_eq!(report.unwrap().accepted, 1, "{scenario:?}");
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 0, "{scenario:?}");
            assert!(resume(&workspace, scenario, "hanako").await.unwrap());
            // Those that were claimed are free again after their lease, those put off after a while.
            workspace.clock.set(at("12:40"));
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 2, "{scenario:?}");
        };
        check(None).await;
        check(Some("sale")).await;
    });
}
