//! The only door to third parties: carries a sender's calls and brings back what was seen. It decides nothing.

use std::{
    error::Error,
    fs::{DirBuilder, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use connect::senders::{Call, LookUp, Reply, Request, Smtp, SmtpStage, smtp::refusal};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope, transport::smtp::authentication::Credentials,
};
use model::shop::SenderSettings;

use crate::fault::{Exit, Fault};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The far end of one configured sender.
pub enum Transport {
    /// Appends to a file in the shop's folder.
    File(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

impl Transport {
    pub fn open(folder: &Path, settings: &SenderSettings) -> Result<Transport, Fault> {
        let text = |name: &str| settings.options.get(name).and_then(toml::Value::as_str);
        let wrong =
            |message: String| Fault::new(Exit::Config, format!("sender `{}` on {}: {message}", settings.kind, settings.channel));
        match settings.kind.as_str() {
            "file" => {
                let path = Path::new(text("path").unwrap_or("outbox/messages.ndjson"));
                if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                    return Err(wrong(format!("`{}` leads out of the shop's folder", path.display()))
                        .remedy("name a file below the folder"));
                }
                Ok(Transport::File(folder.join(path)))
            }
            "smtp" => {
                let host = text("host").unwrap_or("localhost");
                let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
                let tls = text("tls").unwrap_or(if is_local { "none" } else { "starttls" });
                let builder =
                    match tls {
                        "none" if is_local => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
                        "none" => {
                            return Err(wrong("mail would leave this machine unencrypted".into())
                                .remedy("set tls = \"starttls\" or \"tls\""));
                        }
                        "starttls" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host)
                            .map_err(|error| wrong(error.to_string()))?,
                        "tls" => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(|error| wrong(error.to_string()))?,
                        other => return Err(wrong(format!("there is no tls = \"{other}\"")).remedy("one of none, starttls, tls")),
                    };
                let port = settings.options.get("port").and_then(toml::Value::as_integer);
                let builder = match port.map(u16::try_from) {
                    Some(Ok(port)) => builder.port(port),
                    Some(Err(_)) => return Err(wrong("the port is not a port".into())),
                    None => builder,
                };
                let builder = match (text("user"), text("password_env")) {
                    (Some(user), Some(variable)) => {
                        let password =
                            std::env::var(variable).map_err(|_| wrong(format!("the variable {variable} is not set")))?;
                        builder.credentials(Credentials::new(user.into(), password))
                    }
                    _ => builder,
                };
                Ok(Transport::Smtp(Box::new(builder.timeout(Some(TIMEOUT)).build())))
            }
            other => Err(wrong(format!("there is no transport for `{other}`"))),
        }
    }

    /// What a sender asked to read; nothing where the far end has nothing to read, or is not there.
    pub async fn look(&self, asked: &LookUp) -> std::io::Result<Option<Vec<u8>>> {
        match (self, asked) {
            (Transport::File(path), LookUp::Lines(text)) => lines_with(path, text),
            _ => Ok(None),
        }
    }

    pub async fn carry(&self, call: &Call) -> Reply {
        match (self, &call.request) {
            (_, Request::Refused { reason }) => Reply::NotSent { reason: reason.clone() },
            (Transport::File(path), Request::File(bytes)) => append(path, bytes),
            (Transport::Smtp(relay), Request::Smtp(mail)) => send_mail(relay, mail).await,
            _ => Reply::NotSent { reason: "the sender's calls do not fit its transport".into() },
        }
    }
}

/// One write and one fsync. A failed write may have left part of the bytes, so only a failure to open is "not sent". The file holds
/// addresses and words: it is its owner's alone.
fn append(path: &Path, bytes: &[u8]) -> Reply {
    let open = || {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)
    };
    match open() {
        Err(error) => Reply::NotSent { reason: error.to_string() },
        Ok(mut file) => match file.write_all(bytes).and_then(|()| file.sync_data()) {
            Ok(()) => Reply::Written,
            Err(error) => Reply::Unknown { reason: error.to_string() },
        },
    }
}

/// The lines of a file that contain a text, read one by one: the file may be large.
fn lines_with(path: &Path, text: &str) -> std::io::Result<Option<Vec<u8>>> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        if line.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.extend(line);
            found.push(b'\n');
        }
    }
    Ok(Some(found))
}

async fn send_mail(relay: &AsyncSmtpTransport<Tokio1Executor>, mail: &Smtp) -> Reply {
    let envelope = mail
        .from
        .parse::<Address>()
        .and_then(|from| Ok((from, mail.to.as_str().parse::<Address>()?)))
        .ok()
        .and_then(|(from, to)| Envelope::new(Some(from), vec![to]).ok());
    // The reason must not repeat the address.
    let Some(envelope) = envelope else { return Reply::NotSent { reason: "the address does not fit an SMTP envelope".into() } };
    match relay.send_raw(&envelope, &mail.message).await {
        Ok(response) => Reply::Smtp { stage: SmtpStage::Dot, code: response.code().into(), text: String::new() },
        Err(error) => match error.status() {
            // lettre does not tell which command was answered; its source is the server's text.
            Some(code) => refusal(code.into(), &error.source().map(ToString::to_string).unwrap_or_default()),
            None if error.is_timeout() || error.is_response() => {
                Reply::Unknown { reason: "no answer came after the message may have left".into() }
            }
            None if error.is_client() || error.is_tls() => Reply::NotSent { reason: "the relay could not be spoken to".into() },
            None => match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
                Some(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
                    Reply::NotSent { reason: "the relay refused the connection".into() }
                }
                _ => Reply::Unknown { reason: "the connection broke".into() },
            },
        },
    }
}
