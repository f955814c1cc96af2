//! A mail server, LINE and Twilio on this machine, for trying out what a shop sends.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::net::TcpListener;

use crate::{
    fault::{Exit, Fault},
    sink::{Door, Sink, dial, http, inbox, smtp},
};

/// Stand in for a mail server, LINE and Twilio on this machine, with an inbox to look at
///
/// What is sent to it stays here. Dials make it behave as providers do on bad days; turn them by --dial, on the inbox's page, or by
/// `curl -d line.refuse=next:3 http://127.0.0.1:8025/dials`. It prints the lines to paste into tsubame.toml.
///
/// Dials, each for smtp, line and twilio: refuse (no, for good), throttle (later), fail-after (takes it, says it failed), drop-answer (takes it,
/// hangs up), late (answers late), twice (receipts come twice), down (hangs up at once). A position is a share (0.2), the next few (next:3) or off.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame dev-sink\n  tsubame dev-sink --dial line.fail-after=0.2 --dial twilio.drop-answer=next:1\n  tsubame dev-sink --inbox 0 --smtp 0 --line 0 --twilio 0 --dial smtp.throttle=0.5 --seed 7\n  curl -s http://127.0.0.1:8025/messages.json"
)]
pub struct DevSink {
    /// The port of the inbox; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8025)]
    inbox: u16,
    /// The port of the mail server
    #[arg(long, value_name = "PORT", default_value_t = 2525)]
    smtp: u16,
    /// The port of LINE
    #[arg(long, value_name = "PORT", default_value_t = 8026)]
    line: u16,
    /// The port of Twilio
    #[arg(long, value_name = "PORT", default_value_t = 8027)]
    twilio: u16,
    /// How often a door behaves so: `line.refuse=0.2`, `smtp.down=next:3`
    #[arg(long = "dial", value_name = "DOOR.DIAL=POSITION")]
    dials: Vec<String>,
    /// By which dials strike: the same seed and requests give the same answers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a throttled sender is told to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    retry_after: u64,
    /// How late a late answer is
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3_000)]
    late_ms: u64,
}

impl DevSink {
    pub async fn run(self) -> Result<(), Fault> {
        let sink = Sink::new(self.seed, Duration::from_secs(self.retry_after), Duration::from_millis(self.late_ms));
        for dial in &self.dials {
            let turned = dial
                .split_once('=')
                .ok_or_else(|| format!("`{dial}` has no position"))
                .and_then(|(name, value)| dial::parse(name, value));
            match turned {
                Ok(turned) => sink.set(turned),
                Err(why) => {
                    return Err(Fault::new(Exit::Config, format!("--dial {dial}: {why}")).remedy("write --dial line.refuse=0.2"));
                }
            }
        }
        let sink = Arc::new(sink);
        let (inbox_door, inbox) = listen("inbox", self.inbox).await?;
        let (smtp_door, smtp_at) = listen("smtp", self.smtp).await?;
        let (line_door, line_at) = listen("line", self.line).await?;
        let (twilio_door, twilio_at) = listen("twilio", self.twilio).await?;
        println!("{}", pasted(inbox, smtp_at, line_at, twilio_at));
        // They end with the process.
        tokio::spawn(smtp::serve(smtp_door, sink.clone()));
        tokio::spawn(http::serve(line_door, sink.clone(), Door::Line));
        tokio::spawn(http::serve(twilio_door, sink.clone(), Door::Twilio));
        let interrupted = async {
            let _ = tokio::signal::ctrl_c().await;
        };
        inbox::serve(inbox_door, sink, interrupted).await
    }
}

/// This machine alone: whoever speaks to it could read what was sent.
async fn listen(option: &str, port: u16) -> Result<(TcpListener, SocketAddr), Fault> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|source| {
        Fault::io(format!("could not listen on {address}"), source)
            .remedy(format!("another program uses the port: stop it, or choose another with --{option}"))
    })?;
    let address = listener.local_addr().map_err(|source| Fault::io("could not read the address listened on", source))?;
    Ok((listener, address))
}

fn pasted(inbox: SocketAddr, smtp: SocketAddr, line: SocketAddr, twilio: SocketAddr) -> String {
    format!(
        "inbox  http://{inbox}
smtp   {smtp}
line   http://{line}
twilio http://{twilio}

In tsubame.toml, in place of the shop's own senders (any token will do: export DEV_SINK_TOKEN=x):

[[senders]]
channel = \"email\"
kind = \"smtp\"
host = \"127.0.0.1\"
port = {}
from = \"Shop <news@shop.example>\"

[[senders]]
channel = \"line\"
kind = \"line\"
base_url = \"http://{line}\"
token = \"env:DEV_SINK_TOKEN\"

[[senders]]
channel = \"sms\"
kind = \"twilio\"
base_url = \"http://{twilio}\"
account_sid = \"ACdev\"
token = \"env:DEV_SINK_TOKEN\"
from = \"+815012345678\"
status_callback = \"http://{inbox}/receipts/twilio\"
",
        smtp.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_pasted() {
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let printed = pasted(at(1), at(2), at(3), at(4));
        let (_, settings) = printed.split_once("DEV_SINK_TOKEN=x):").unwrap();
        let shop = model::Shop::parse("tsubame.toml", &format!("name = \"燕\"\n{settings}")).unwrap();
        for (door, sender) in Door::ALL.into_iter().zip(&shop.senders) {
            assert_eq!(door.name(), sender.kind);
            assert!(connect::senders::open(sender).is_ok(), "{}", sender.kind);
        }
        assert_eq!(shop.senders.len(), Door::ALL.len());
    }
}
