//! The Postgres wire's socket and its door keeper: who may come in, and where questions go. The protocol itself is `query::wire`.

mod scram;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use query::{
    ParamKind,
    sql::{Bound, Relation, SqlError, SqlErrorKind},
    wire::{self, Answering, Described, Door, Failure, House, code},
};
use state::{Account, Verifier};
use tokio::{net::TcpListener, sync::Semaphore};

use self::scram::{Exchange, Wrong};
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    http::Attempts,
    sql::{Question, Running, SqlDoor},
    workspace::Current,
};

/// Connections, those of strangers counted. More are closed without a word.
const CONNECTIONS_MAX: usize = 64;

/// The port, taken before anything else is done.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Fault> {
    if !address.ip().is_loopback() {
        return Err(Fault::new(Exit::Config, format!("the Postgres wire cannot listen on {address}: it is not encrypted"))
            .remedy("let it listen on 127.0.0.1 and come in through `ssh -L 5433:127.0.0.1:5433 HOST`"));
    }
    TcpListener::bind(address).await.map_err(|source| {
        Fault::io(format!("could not listen on {address} for the Postgres wire"), source)
            .remedy("another program uses the port: stop it, or choose another with --pg")
    })
}

/// Lets clients in until the process ends.
pub async fn serve(listener: TcpListener, shop: Current, sql: Arc<SqlDoor>) {
    let door = Door::new(Keeper { current: shop, sql, attempts: Attempts::default() });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of descriptors, mostly: they come back.
                tracing::warn!(%error, "could not take a connection of the Postgres wire");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let door = door.clone();
        tokio::spawn(async move {
            if let Err(error) = door.open(socket).await {
                tracing::debug!(%error, "a connection of the Postgres wire broke");
            }
            drop(place);
        });
    }
}

struct Keeper {
    current: Current,
    sql: Arc<SqlDoor>,
    attempts: Attempts,
}

/// Somebody who proved that they know a token.
#[derive(Clone)]
struct Guest {
    account: Account,
    verifier: Verifier,
}

/// An exchange, whose it is if it succeeds, and from where.
struct Proving {
    exchange: Exchange,
    account: Option<Account>,
    peer: IpAddr,
}

fn fault(fault: Fault) -> Failure {
    tracing::error!(%fault, "the Postgres wire could not answer");
    let failure = Failure::new(code::INTERNAL, fault.message);
    match fault.remedy {
        Some(remedy) => failure.hint(remedy),
        None => failure,
    }
}

fn refused(user: &str) -> Failure {
    Failure::new(code::INVALID_PASSWORD, format!("password authentication failed for user \"{user}\""))
        .hint("the password is a token of its own, made by `tsubame account sql-token NAME`; that of the pages is not taken here")
}

#[async_trait]
impl House for Keeper {
    type Exchange = Proving;
    type Guest = Guest;

    async fn greet(&self, user: &str, peer: IpAddr, client_first: &str) -> Result<(String, Proving), Failure> {
        if let Some(seconds) = self.attempts.wait(user, peer, Clock::Real.now()) {
            let failure = Failure::new(code::INVALID_AUTHORIZATION, "too many failed attempts to come in");
            return Err(failure.hint(format!("try again in {seconds} s")));
        }
        let workspace = self.current.workspace();
        let (verifier, account) = workspace.state.sql_tokens().verifier(user).await.map_err(|error| fault(error.into()))?;
        let mut ours = [0; 18];
        getrandom::fill(&mut ours).map_err(|error| Failure::new(code::INTERNAL, format!("could not make a nonce: {error}")))?;
        let (answer, exchange) =
            Exchange::begin(user, verifier, client_first, &STANDARD.encode(ours)).map_err(|wrong| wrong.failure(user))?;
        Ok((answer, Proving { exchange, account, peer }))
    }

    async fn admit(&self, proving: Proving, client_final: &str) -> Result<(String, Guest), Failure> {
        let Proving { exchange, account, peer } = proving;
        match (exchange.end(client_final), account) {
            (Ok(answer), Some(account)) => {
                self.attempts.succeeded(&exchange.user, peer);
                tracing::info!(account = account.name, address = %peer, "came in by the Postgres wire");
                Ok((answer, Guest { account, verifier: exchange.verifier }))
            }
            (ended, _) => {
                // Counted when it failed: the connections of one program's pool begin together, and none of them guesses.
                self.attempts.begin(&exchange.user, peer, Clock::Real.now());
                tracing::warn!(address = %peer, "a sign-in by the Postgres wire failed");
                Err(ended.err().unwrap_or(Wrong::Proof).failure(&exchange.user))
            }
        }
    }

    async fn may_stay(&self, guest: &Guest) -> Result<bool, Failure> {
        let workspace = self.current.workspace();
        let tokens = workspace.state.sql_tokens();
        tokens.stands(&guest.account.name, &guest.verifier).await.map_err(|error| fault(error.into()))
    }

    fn edition(&self) -> u64 {
        self.current.edition()
    }

    fn relations(&self) -> Vec<Relation> {
        self.current.workspace().library.relations()
    }

    async fn describe(&self, guest: &Guest, sql: &str, declared: &[Option<ParamKind>]) -> Result<Described, Failure> {
        let known = declared.iter().enumerate();
        let params = known.filter_map(|(index, kind)| Some(Bound { name: (index + 1).to_string(), kind: (*kind)?, value: None }));
        let question = Question { params: params.collect(), ..Question::new(&guest.account.name, sql) };
        let description = self.sql.describe(question).await.map_err(|error| failure(sql, error))?;
        Described::numbered(description.schema, description.params.fields())
    }

    async fn ask(&self, guest: &Guest, sql: &str, params: Vec<Bound>) -> Result<Answering, Failure> {
        let question = Question { params, ..Question::new(&guest.account.name, sql) };
        let Running { schema, batches, .. } = self.sql.ask(question).await.map_err(|error| failure(sql, error))?;
        let asked: Arc<str> = sql.into();
        let batches = batches.map(move |batch| batch.map_err(|error| failure(&asked, error)));
        Ok(Answering { schema, batches: batches.boxed() })
    }
}

/// What the door of SQL says, as PostgreSQL would.
fn failure(sql: &str, error: SqlError) -> Failure {
    let code = match error.kind {
        SqlErrorKind::Syntax => code::SYNTAX,
        SqlErrorKind::UnknownTable => code::UNDEFINED_TABLE,
        SqlErrorKind::UnknownColumn => code::UNDEFINED_COLUMN,
        SqlErrorKind::UnknownFunction => code::UNDEFINED_FUNCTION,
        SqlErrorKind::Parameter => code::UNDEFINED_PARAMETER,
        SqlErrorKind::Invalid => code::DATATYPE,
        SqlErrorKind::Refused => code::INSUFFICIENT_PRIVILEGE,
        SqlErrorKind::TooComplex => code::TOO_COMPLEX,
        SqlErrorKind::Data => code::DATA,
        SqlErrorKind::Memory => code::OUT_OF_MEMORY,
        SqlErrorKind::Spill => code::DISK_FULL,
        SqlErrorKind::Time | SqlErrorKind::Cancelled => code::CANCELED,
        SqlErrorKind::Rows | SqlErrorKind::Bytes => code::TOO_LARGE,
        SqlErrorKind::Busy { .. } => code::TOO_MANY_CONNECTIONS,
        SqlErrorKind::Internal => code::INTERNAL,
    };
    let position = error.at.and_then(|place| wire::position(sql, place.line as usize, place.column as usize));
    Failure { hint: error.remedy.map(|remedy| remedy.en), ..Failure::new(code, error.message.en).at(position) }
}

impl Wrong {
    fn failure(self, user: &str) -> Failure {
        match self {
            Wrong::Proof => refused(user),
            Wrong::Message(about) => Failure::new(code::PROTOCOL, format!("a message of SCRAM-SHA-256 is wrong: {about}")),
        }
    }
}
