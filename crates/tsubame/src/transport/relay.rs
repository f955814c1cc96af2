//! A mail server, command by command: who is told what was answered to which, knows what surely did not leave. A connection carries one mail at a
//! time, and is kept for the next one.

use std::{
    error::Error as _,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use connect::senders::{Reply, Smtp, SmtpStage, smtp::refusal};
use lettre::{
    Address,
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use model::shop::SenderSettings;
use tokio::{net::TcpStream, time::timeout};

use crate::fault::{Exit, Fault};

const TIMEOUT: Duration = Duration::from_secs(60);
/// RFC 5321 asks for ten minutes after the dot; a relay that takes one has lost its mind or the mail.
const DOT_TIMEOUT: Duration = Duration::from_secs(120);
/// A connection that rested longer is asked first whether it still stands.
const REST_MAX: Duration = Duration::from_secs(2);

pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    /// Those that rest, the last used last; no more of them than mails are sent at once.
    kept: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    at_once: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    StartTls,
    Tls,
}

impl Relay {
    pub fn open(settings: &SenderSettings) -> Result<Relay, Fault> {
        let text = |name: &str| settings.options.get(name).and_then(toml::Value::as_str);
        let wrong =
            |message: String| Fault::new(Exit::Config, format!("sender `{}` on {}: {message}", settings.kind, settings.channel));
        let host = text("host").unwrap_or("localhost");
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        let security = match text("tls").unwrap_or(if is_local { "none" } else { "starttls" }) {
            "none" if is_local => Security::None,
            "none" => {
                return Err(wrong("mail would leave this machine unencrypted".into()).remedy("set tls = \"starttls\" or \"tls\""));
            }
            "starttls" => Security::StartTls,
            "tls" => Security::Tls,
            other => return Err(wrong(format!("there is no tls = \"{other}\"")).remedy("one of none, starttls, tls")),
        };
        let port = match settings.options.get("port").and_then(toml::Value::as_integer).map(u16::try_from) {
            Some(Ok(port)) => port,
            Some(Err(_)) => return Err(wrong("the port is not a port".into())),
            None => match security {
                Security::None => 25,
                Security::StartTls => 587,
                Security::Tls => 465,
            },
        };
        let credentials = match (text("user"), text("password_env")) {
            (Some(user), Some(variable)) => {
                let password = std::env::var(variable).map_err(|_| wrong(format!("the variable {variable} is not set")))?;
                Some(Credentials::new(user.into(), password))
            }
            _ => None,
        };
        Ok(Relay { host: host.into(), port, security, credentials, kept: Mutex::default(), at_once: settings.at_once })
    }

    pub async fn send(&self, mail: &Smtp) -> Reply {
        // The reason must not repeat the address.
        let Some(envelope) = envelope(mail) else {
            return Reply::NotSent { reason: "the address does not fit an SMTP envelope".into() };
        };
        let kept = self.kept().pop();
        let mut connection = match rested(kept).await {
            Some(connection) => connection,
            None => match self.connect().await {
                Ok(connection) => connection,
                Err(reply) => return reply,
            },
        };
        let reply = converse(&mut connection, &envelope, &mail.message).await;
        match &reply {
            Reply::Smtp { stage: SmtpStage::Dot, .. } if !connection.has_broken() => self.keep(connection),
            // Nobody knows what the server expects now.
            _ => {
                let _ = timeout(REST_MAX, connection.abort()).await;
            }
        }
        reply
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.kept();
        if kept.len() < self.at_once {
            kept.push((connection, Instant::now()));
        }
    }

    /// Never held across a conversation.
    fn kept(&self) -> MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.kept.lock().expect("nobody panics while holding it")
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Reply> {
        let hello = ClientId::default();
        let parameters = || TlsParameters::new(self.host.clone());
        let server = (self.host.as_str(), self.port);
        // A message and its end are written apart: the end must not wait until the message is acknowledged, 40 ms later.
        let stream = match self.security {
            Security::Tls => None,
            _ => match timeout(TIMEOUT, TcpStream::connect(server)).await {
                Ok(Ok(stream)) => stream.set_nodelay(true).ok().map(|()| stream),
                Ok(Err(_)) => return Err(not_sent("the relay could not be connected to")),
                Err(_) => return Err(not_sent("the relay took too long to greet")),
            },
        };
        let greet = async {
            let mut connection = match stream {
                Some(stream) => AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?,
                None => {
                    let implicit = if self.security == Security::Tls { Some(parameters()?) } else { None };
                    AsyncSmtpConnection::connect_tokio1(server, Some(TIMEOUT), &hello, implicit, None).await?
                }
            };
            if self.security == Security::StartTls {
                connection.starttls(parameters()?, &hello).await?;
            }
            if let Some(credentials) = &self.credentials {
                connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
            }
            Ok::<_, Error>(connection)
        };
        match timeout(TIMEOUT, greet).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(match error.status() {
                Some(code) => Reply::Smtp { stage: SmtpStage::Session, code: code.into(), text: text_of(&error) },
                None if error.is_client() || error.is_tls() => not_sent("the relay could not be spoken to"),
                None => not_sent("the relay could not be connected to"),
            }),
            Err(_) => Err(not_sent("the relay took too long to greet")),
        }
    }
}

/// The connection, if it still stands.
async fn rested(kept: Option<(AsyncSmtpConnection, Instant)>) -> Option<AsyncSmtpConnection> {
    let (mut connection, since) = kept?;
    if since.elapsed() < REST_MAX {
        return Some(connection);
    }
    timeout(REST_MAX, connection.test_connected()).await.unwrap_or(false).then_some(connection)
}

/// One mail. Until the words are asked for nothing can have been taken; from then on only an answer tells.
async fn converse(connection: &mut AsyncSmtpConnection, envelope: &Envelope, message: &[u8]) -> Reply {
    let mut options = Vec::new();
    if !envelope.from().into_iter().chain(envelope.to()).all(|address| address.to_string().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return not_sent("the relay takes no international addresses");
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !connection.server_info().supports_feature(Extension::EightBitMime) {
            return not_sent("the relay takes no 8-bit mail");
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let asked = async {
        connection.command(Mail::new(envelope.from().cloned(), options)).await?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        connection.command(Data).await
    };
    match timeout(TIMEOUT, asked).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            return match error.status() {
                Some(code) => refusal(code.into(), &text_of(&error)),
                None => not_sent("the relay hung up before the message"),
            };
        }
        Err(_) => return not_sent("the relay took too long before the message"),
    }
    match timeout(DOT_TIMEOUT, connection.message(message)).await {
        Ok(Ok(response)) => Reply::Smtp { stage: SmtpStage::Dot, code: response.code().into(), text: String::new() },
        Ok(Err(error)) => match error.status() {
            Some(code) => Reply::Smtp { stage: SmtpStage::Dot, code: code.into(), text: text_of(&error) },
            None => Reply::Unknown { reason: "no answer came after the message may have left".into() },
        },
        Err(_) => Reply::Unknown { reason: "the relay took too long after the message".into() },
    }
}

fn envelope(mail: &Smtp) -> Option<Envelope> {
    let (from, to) = (mail.from.parse::<Address>().ok()?, mail.to.as_str().parse::<Address>().ok()?);
    Envelope::new(Some(from), vec![to]).ok()
}

/// What the server said beside its code.
fn text_of(error: &Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

fn not_sent(reason: &str) -> Reply {
    Reply::NotSent { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use std::{
        net::SocketAddr,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use model::Channel;
    use tokio::net::TcpListener;

    use super::*;
    use crate::sink::{Door, dial, http::tests::sink, smtp::serve};

    fn mail() -> Smtp {
        Smtp {
            from: "news@shop.example".into(),
            to: connect::senders::Address::new("taro@example.jp"),
            message: "Message-ID: <s1@shop.example>\r\nSubject: x\r\n\r\n.やあ\r\n".into(),
        }
    }

    fn relay(port: u16, more: &str) -> Result<Relay, Fault> {
        let settings = format!("channel = \"email\"\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\n{more}");
        Relay::open(&toml::from_str(&settings).unwrap())
    }

    #[tokio::test]
    async fn what_a_server_does_and_what_it_means() {
        let sink = Arc::new(sink(&[]));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = relay(listener.local_addr().unwrap().port(), "").unwrap();
        tokio::spawn(serve(listener, sink.clone()));
        let check = async |name: &str, expect: &str, taken: usize| {
            if !name.is_empty() {
                sink.set(dial::parse(name, "next:1").unwrap());
            }
            let got = match relay.send(&mail()).await {
                Reply::Smtp { stage, code, .. } => format!("{stage:?} {code}"),
                Reply::NotSent { .. } => "not sent".into(),
                Reply::Unknown { .. } => "unknown".into(),
                other => panic!("{other:?}"),
            };
            assert_eq!((got.as_str(), sink.held().messages.len()), (expect, taken), "{name}");
        };
        check("", "Dot 250", 1).await;
        check("", "Dot 250", 2).await;
        check("smtp.throttle", "Session 451", 2).await;
        check("smtp.down", "not sent", 2).await;
        check("smtp.refuse", "RcptTo 550", 2).await;
        check("smtp.fail-after", "Dot 554", 3).await;
        check("smtp.drop-answer", "unknown", 4).await;
        check("", "Dot 250", 5).await;
        let held = sink.held();
        assert!(held.messages.iter().all(|taken| taken.text.trim_end() == ".やあ" && taken.key == "s1"));
        assert_eq!(held.counts[&Door::Smtp].hidden, 2);
    }

    /// Leads to another port, and counts who comes.
    async fn counted(listener: TcpListener, to: SocketAddr, connections: Arc<AtomicUsize>) {
        while let Ok((mut near, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    }

    #[tokio::test]
    async fn mails_at_once_have_connections_of_their_own_and_leave_some_for_the_next() {
        let sink = Arc::new(sink(&[]));
        let (door, counting) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let relay = relay(counting.local_addr().unwrap().port(), "at_once = 3\n").unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(counted(counting, door.local_addr().unwrap(), connections.clone()));
        tokio::spawn(serve(door, sink.clone()));
        let check = async |mails: usize, expect: usize| {
            let mails: Vec<Smtp> = (0..mails).map(|_| mail()).collect();
            let replies = futures::future::join_all(mails.iter().map(|mail| relay.send(mail))).await;
            assert!(
                replies.iter().all(|reply| matches!(reply, Reply::Smtp { stage: SmtpStage::Dot, code: 250, .. })),
                "{replies:?}"
            );
            assert_eq!(connections.load(Ordering::SeqCst), expect, "{} at once", mails.len());
        };
        check(3, 3).await;
        check(3, 3).await;
        check(5, 5).await;
        check(3, 5).await;
        assert_eq!((sink.held().messages.len(), relay.kept().len()), (14, 3));
    }

    #[tokio::test]
    async fn settings_and_an_empty_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert!(matches!(relay(port, "").unwrap().send(&mail()).await, Reply::NotSent { .. }));
        let check = |more: &str, expect: &str| {
            let wrong = relay(port, more).err().map(|fault| fault.to_string()).unwrap_or_default();
            assert!(wrong.contains(expect), "{more}: {wrong}");
        };
        check("tls = \"maybe\"", "there is no tls");
        check("user = \"x\"\npassword_env = \"TSUBAME_NOT_SET\"", "TSUBAME_NOT_SET is not set");
        let far = SenderSettings {
            channel: Channel::Email,
            kind: "smtp".into(),
            at_once: 1,
            options: [("host", "mail.example"), ("tls", "none")].map(|(name, value)| (name.to_string(), value.into())).into(),
        };
        assert!(Relay::open(&far).err().is_some_and(|fault| fault.to_string().contains("unencrypted")));
    }
}
