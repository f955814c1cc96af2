//! One connection: a client proves who it is, then asks question after question, in the simple form or in parts (parse, bind, execute).
//!
//! The messages and their order are pgwire's; what is ours are the steps in which a stranger could take memory or time: no message is larger
//! than a limit, rows are sent as they come and never gathered, and a connection ends after a fatal error whatever else was sent.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, SchemaRef},
};
use async_trait::async_trait;
use datafusion_postgres::pgwire::{
    api::{
        ClientInfo, ClientPortalStore, DEFAULT_NAME, METADATA_USER, PgWireConnectionState, PidSecretKeyGenerator, Type,
        auth::{
            ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
            save_startup_parameters_to_metadata,
        },
        cancel::CancelHandler,
        copy::CopyHandler,
        portal::{Format, Portal, PortalExecutionState},
        query::{ExtendedQueryHandler, SimpleQueryHandler},
        results::{FieldFormat, FieldInfo, QueryResponse, Response, Tag},
        stmt::{QueryParser, StoredStatement},
        store::{Entry, PortalStore},
    },
    error::{ErrorInfo, PgWireError, PgWireResult},
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage,
        cancel::CancelRequest,
        copy::{CopyData, CopyDone, CopyOutResponse},
        data::{DataRow, RowDescription},
        extendedquery::{
            Bind, BindComplete, Close, CloseComplete, Execute, Parse, ParseComplete, PortalSuspended, Sync as PgSync,
            TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
        },
        response::{EmptyQueryResponse, NoticeResponse, ReadyForQuery, TransactionStatus},
        simplequery::Query,
        startup::{Authentication, ParameterStatus, PasswordMessageFamily},
    },
    tokio::server::{negotiate_tls, process_error, process_message},
};
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, future::Either, stream};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};

use super::{
    Answering, Described, Door, House,
    act::{self, Act, Statement},
    bound::{self, PARAMS_MAX},
    catalogue::Planned,
    copy::Copy,
    failure::{Failure, code},
    rows::Shape,
    settings::{Settings, TOLD_AT_START, Told},
};
use crate::{ParamKind, sql::Bound};

/// A client that has not come in by then is a stranger.
const COME_IN_TIME_MAX: Duration = Duration::from_secs(20);
/// What a stranger may say at once, and a guest: the longest statement, and parameters with it.
const STRANGERS_BYTES_MAX: usize = 16 << 10;
const GUESTS_BYTES_MAX: usize = 4 << 20;
/// A client that takes no row for so long is gone.
const SEND_TIME_MAX: Duration = Duration::from_secs(60);
/// Questions whose columns are remembered, and how long they may be.
const DESCRIBED_MAX: usize = 500;
const DESCRIBED_BYTES_MAX: usize = 8 << 10;
/// Prepared statements and portals that a connection may keep, and what it sent with them.
const NAMES_MAX: usize = 1_000;
const KEPT_BYTES_MAX: usize = 16 << 20;

pub(super) async fn converse<H: House>(socket: TcpStream, door: Arc<Door<H>>) -> std::io::Result<()> {
    let peer = socket.peer_addr()?.ip();
    let (cancel, _) = watch::channel(());
    let connection = Arc::new(Connection {
        door,
        peer,
        stage: Mutex::new(Stage::Stranger),
        settings: Mutex::default(),
        names: Mutex::default(),
        cancel,
        number: Mutex::new(None),
    });
    let talk = Arc::new(Talk(connection.clone()));
    let until = tokio::time::Instant::now() + COME_IN_TIME_MAX;
    let Ok(negotiated) = tokio::time::timeout_at(until, negotiate_tls::<Prepared>(socket, None)).await else { return Ok(()) };
    let Some(mut socket) = negotiated? else { return Ok(()) };
    loop {
        let is_in = connection.is_in();
        let bytes_max = if is_in { GUESTS_BYTES_MAX } else { STRANGERS_BYTES_MAX };
        let next = std::future::poll_fn(|context| {
            let polled = socket.poll_next_unpin(context);
            // Ends as if nothing more had come.
            if polled.is_pending() && socket.read_buffer().len() > bytes_max { std::task::Poll::Ready(None) } else { polled }
        });
        let message = match is_in {
            true => next.await,
            false => tokio::time::timeout_at(until, next).await.unwrap_or(None),
        };
        let Some(Ok(message)) = message else { return Ok(()) };
        if matches!(message, PgWireFrontendMessage::Terminate(_)) {
            return Ok(());
        }
        let in_parts = message.is_extended_query();
        let handler = || talk.clone();
        let handled = process_message(message, &mut socket, handler(), handler(), handler(), handler(), handler()).await;
        if let Err(error) = handled {
            let mut info = ErrorInfo::from(error);
            // A stranger gets no second chance on this connection, whatever went wrong.
            if !connection.is_in() {
                info.severity = "FATAL".into();
            }
            if info.is_fatal() {
                socket.send(PgWireBackendMessage::ErrorResponse(info.into())).await?;
                return socket.close().await;
            }
            process_error(&mut socket, PgWireError::UserError(Box::new(info)), in_parts).await?;
        }
    }
}

struct Connection<H: House> {
    door: Arc<Door<H>>,
    peer: IpAddr,
    stage: Mutex<Stage<H>>,
    settings: Mutex<Settings>,
    /// Of prepared statements and portals.
    names: Mutex<BTreeMap<(u8, String), usize>>,
    cancel: watch::Sender<()>,
    /// By which it is cancelled.
    number: Mutex<Option<(i32, Vec<u8>)>>,
}

/// The connection as pgwire calls it.
struct Talk<H: House>(Arc<Connection<H>>);

enum Stage<H: House> {
    Stranger,
    /// Its name is known, its proof is awaited.
    Named(String),
    Greeted(String, H::Exchange),
    In(H::Guest, #[allow(dead_code, reason = "held as long as the guest is in")] OwnedSemaphorePermit),
    Gone,
}

impl<H: House> Drop for Connection<H> {
    fn drop(&mut self) {
        if let Some((number, key)) = self.number.lock().expect("nobody panics while holding it").take() {
            self.door.cancels.remove(number, key);
        }
    }
}

/// A statement that can be executed, more than once.
#[derive(Clone)]
struct Prepared(Arc<Ready>);

struct Ready {
    statement: Statement,
    kind: Kind,
}

enum Kind {
    Question(Described),
    Catalogue(Box<Planned>),
    Shown(RecordBatch),
    /// No rows, or (COPY) none that are described.
    Other,
}

/// What a statement is answered with.
enum Reply {
    Rows(Shape, Rows, &'static str),
    Copy(Copy, Shape, Rows),
    Done(Tag),
}

type Rows = futures::stream::BoxStream<'static, PgWireResult<DataRow>>;

/// Until when a statement may take, and whether somebody wants it to end.
struct Bounds {
    until: Option<tokio::time::Instant>,
    cancelled: watch::Receiver<()>,
}

impl Bounds {
    async fn within<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let until = self.until;
        let late = async move {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => Ok(done),
            _ = self.cancelled.changed() => Err(Failure::new(code::CANCELED, "the statement was cancelled as you asked")),
            () = late => Err(Failure::new(code::CANCELED, "the statement took longer than statement_timeout").hint("SET statement_timeout TO 0 lets it take as long as anybody's")),
        }
    }
}

impl<H: House> Connection<H> {
    fn is_in(&self) -> bool {
        matches!(*self.stage.lock().expect("nobody panics while holding it"), Stage::In(..))
    }

    fn settings(&self) -> Settings {
        self.settings.lock().expect("nobody panics while holding it").clone()
    }

    /// Who asks, if they still may.
    async fn guest(&self) -> Result<H::Guest, Failure> {
        let guest = match &*self.stage.lock().expect("nobody panics while holding it") {
            Stage::In(guest, _) => guest.clone(),
            _ => return Err(Failure::new(code::PROTOCOL, "nobody has come in on this connection").fatal()),
        };
        match self.door.house.may_stay(&guest).await? {
            true => Ok(guest),
            false => Err(Failure::new(code::INVALID_AUTHORIZATION, "the token this connection came in with is no longer good")
                .hint("connect again with the new one (`tsubame account sql-token NAME` makes it)")
                .fatal()),
        }
    }

    fn bounds(&self) -> Bounds {
        let time = self.settings().statement_time();
        Bounds { until: time.map(|time| tokio::time::Instant::now() + time), cancelled: self.cancel.subscribe() }
    }

    /// Before a statement or a portal is kept under a name, with so many bytes of text or of parameters.
    fn keep_name(&self, of: u8, name: &str, bytes: usize) -> Result<(), Failure> {
        let mut names = self.names.lock().expect("nobody panics while holding it");
        let too = |most: String| {
            Err(Failure::new("53400", format!("a connection keeps up to {most} prepared statements and portals"))
                .hint("close those that are no longer used"))
        };
        let key = (of, name.to_string());
        let others = names.iter().filter(|(kept, _)| **kept != key);
        let (count, kept) = others.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        let bytes = bytes + name.len();
        if count >= NAMES_MAX {
            return too(NAMES_MAX.to_string());
        }
        if kept + bytes > KEPT_BYTES_MAX {
            return too(format!("{} MB of", KEPT_BYTES_MAX >> 20));
        }
        names.insert(key, bytes);
        Ok(())
    }

    fn forget_portals(&self) {
        self.names.lock().expect("nobody panics while holding it").retain(|(of, _), _| *of != TARGET_TYPE_BYTE_PORTAL);
    }

    fn forget_name(&self, of: u8, name: &str) {
        self.names.lock().expect("nobody panics while holding it").remove(&(of, name.into()));
    }

    /// Looks into a statement that will be executed in parts. `said` are the client's own types of its parameters.
    async fn prepare(&self, statement: Statement, said: &[Option<Type>]) -> Result<Ready, Failure> {
        let guest = self.guest().await?;
        let settings = self.settings();
        let declared: Vec<Option<ParamKind>> = said.iter().map(|said| said.as_ref().and_then(bound::declared)).collect();
        let kind = match &statement.act {
            Act::Question => {
                let mut described = self.describe(&guest, &statement.sql, &declared).await?;
                if described.params.iter().any(Option::is_none) {
                    // What follows from nothing is a text, unless it counts rows.
                    let counting = bound::counting(&statement.sql);
                    let known = |(index, data_type): (usize, &Option<DataType>)| match data_type {
                        Some(data_type) => Some(bound::kind(data_type)),
                        None if counting.contains(&(index + 1)) => Some(ParamKind::Int),
                        None => Some(ParamKind::Text),
                    };
                    let declared: Vec<_> = described.params.iter().enumerate().map(known).collect();
                    described = self.describe(&guest, &statement.sql, &declared).await?;
                }
                Kind::Question(described)
            }
            Act::Catalogue => Kind::Catalogue(Box::new(self.planned(&statement.sql, &declared, &settings).await?)),
            Act::Show(name) => Kind::Shown(shown(&settings, name)?),
            _ => Kind::Other,
        };
        Ok(Ready { statement, kind })
    }

    async fn describe(&self, guest: &H::Guest, sql: &str, declared: &[Option<ParamKind>]) -> Result<Described, Failure> {
        // Drivers prepare the same ones again and again.
        let key = format!("{} {declared:?} {sql}", self.door.house.edition());
        let known = || self.door.described.lock().expect("nobody panics while holding it");
        if let Some(described) = known().get(&key) {
            return Ok(described.clone());
        }
        let described = self.bounds().within(self.door.house.describe(guest, sql, declared)).await??;
        let mut known = known();
        if known.len() >= DESCRIBED_MAX {
            known.clear();
        }
        if key.len() <= DESCRIBED_BYTES_MAX {
            known.insert(key, described.clone());
        }
        Ok(described)
    }

    async fn planned(&self, sql: &str, declared: &[Option<ParamKind>], settings: &Settings) -> Result<Planned, Failure> {
        self.door.catalogue().await?.plan(sql, declared, settings).await
    }

    /// Does what a statement asks. Rows are not fetched yet.
    async fn reply<C>(
        &self,
        client: &mut C,
        statement: &Statement,
        ready: Option<&Kind>,
        params: Vec<Bound>,
        formats: &Format,
    ) -> Result<Reply, Failure>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let guest = self.guest().await?;
        let settings = self.settings();
        let status = client.transaction_status();
        if is_aborted(status, &statement.act) {
            return Err(aborted());
        }
        let done = |tag: &str| Ok(Reply::Done(Tag::new(tag)));
        let mut bounds = self.bounds();
        match &statement.act {
            Act::Question => {
                let answering = bounds.within(self.door.house.ask(&guest, &statement.sql, params)).await??;
                // A client reads the rows as their columns were described to it.
                let columns = ready.and_then(described).map_or(&answering.schema, |described| &described.columns);
                let names = |columns: &SchemaRef| columns.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                if names(columns) != names(&answering.schema) {
                    // In words that drivers know: they prepare it again.
                    return Err(Failure::new(code::NOT_SUPPORTED, "cached plan must not change result type")
                        .hint("what it asks has other columns by now: prepare it again"));
                }
                let shape = Shape::new(columns, formats, &settings)?;
                let tag = if statement.sql.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("explain")) {
                    "EXPLAIN"
                } else {
                    "SELECT"
                };
                Ok(Reply::Rows(shape.clone(), rows(answering, shape, bounds), tag))
            }
            Act::Catalogue => {
                let planned = match ready {
                    Some(Kind::Catalogue(planned)) => planned.clone(),
                    _ => Box::new(self.planned(&statement.sql, &[], &settings).await?),
                };
                let answering = bounds.within(self.door.catalogue().await?.ask(&planned, &params)).await??;
                let shape = Shape::new(&planned.described.columns, formats, &settings)?;
                Ok(Reply::Rows(shape.clone(), rows(answering, shape, bounds), "SELECT"))
            }
            Act::Copy(copy) => {
                let answering =
                    self.copied(&guest, copy, &settings, &mut bounds).await.map_err(|failure| failure.after(copy.after))?;
                let format = if copy.format.is_binary() { FieldFormat::Binary } else { FieldFormat::Text };
                let shape = Shape::new(&answering.schema, &Format::UnifiedText, &settings)?.in_format(format);
                Ok(Reply::Copy(copy.clone(), shape.clone(), rows(answering, shape, bounds)))
            }
            Act::Show(name) => {
                let batch = shown(&settings, name)?;
                let shape = Shape::new(&batch.schema(), formats, &settings)?;
                let answering = Answering { schema: batch.schema(), batches: stream::iter([Ok(batch)]).boxed() };
                Ok(Reply::Rows(shape.clone(), rows(answering, shape, bounds), "SHOW"))
            }
            Act::Begin => {
                client.set_transaction_status(TransactionStatus::Transaction);
                done("BEGIN")
            }
            Act::Commit | Act::Rollback => {
                client.set_transaction_status(TransactionStatus::Idle);
                client.portal_store().clear_portals();
                self.forget_portals();
                done(if statement.act == Act::Commit && status != TransactionStatus::Error { "COMMIT" } else { "ROLLBACK" })
            }
            Act::RollbackTo => {
                if status == TransactionStatus::Error {
                    client.set_transaction_status(TransactionStatus::Transaction);
                }
                done("ROLLBACK")
            }
            Act::Nothing(tag) => done(tag),
            Act::Set { name, value } => {
                let told = self.settings.lock().expect("nobody panics while holding it").set(name, value.as_deref())?;
                self.tell(client, told).await?;
                done(if value.is_none() { "RESET" } else { "SET" })
            }
            Act::ResetAll => {
                self.settings.lock().expect("nobody panics while holding it").reset();
                done("RESET")
            }
            Act::Deallocate(name) => {
                let mut names = self.names.lock().expect("nobody panics while holding it");
                let are_meant =
                    |of: u8, kept: &str| of == TARGET_TYPE_BYTE_STATEMENT && name.as_deref().is_none_or(|name| name == kept);
                for (_, kept) in names.keys().filter(|(of, kept)| are_meant(*of, kept)) {
                    client.portal_store().rm_statement(kept);
                }
                names.retain(|(of, kept), _| !are_meant(*of, kept));
                done(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
            }
        }
    }

    /// What a COPY copies.
    async fn copied(
        &self,
        guest: &H::Guest,
        copy: &Copy,
        settings: &Settings,
        bounds: &mut Bounds,
    ) -> Result<Answering, Failure> {
        let mut statements = act::read(&copy.question)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(Statement { act: Act::Question, sql, .. }), true) => {
                bounds.within(self.door.house.ask(guest, &sql, Vec::new())).await?
            }
            (Some(Statement { act: Act::Catalogue, sql, .. }), true) => {
                let planned = self.planned(&sql, &[], settings).await?;
                bounds.within(self.door.catalogue().await?.ask(&planned, &[])).await?
            }
            _ => Err(Failure::new(code::SYNTAX, "COPY copies the answer of one SELECT")),
        }
    }

    /// Tells the client of a setting that changed.
    async fn tell<C>(&self, client: &mut C, told: Option<Told>) -> Result<(), Failure>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let Some(Told { name, value }) = told else { return Ok(()) };
        let lost = |error: PgWireError| Failure::new(code::PROTOCOL, error.to_string()).fatal();
        if name == "TimeZone" && value != "UTC" {
            let mut info = ErrorInfo::new(
                "NOTICE".into(),
                "00000".into(),
                format!("instants are shown in {value}; SQL counts days and hours in UTC"),
            );
            info.hint = Some("shop_day(instant) is the shop's day".into());
            feed(client, PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info))).await.map_err(lost)?;
        }
        feed(client, PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.into(), value))).await.map_err(lost)
    }

    /// Sends a whole answer, its columns first where the client did not ask for them apart.
    async fn send<C>(&self, client: &mut C, reply: Reply, describes: bool) -> PgWireResult<()>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let tag = match reply {
            Reply::Done(tag) => tag,
            Reply::Rows(shape, mut rows, tag) => {
                if describes {
                    let described = RowDescription::new(shape.fields.iter().map(Into::into).collect());
                    feed(client, PgWireBackendMessage::RowDescription(described)).await?;
                }
                let mut sent = 0;
                while let Some(row) = next_row(client, &mut rows).await? {
                    feed(client, PgWireBackendMessage::DataRow(row)).await?;
                    sent += 1;
                }
                ended_by(tag, sent)
            }
            Reply::Copy(copy, shape, mut rows) => {
                let names = shape.names();
                let format = i16::from(copy.format.is_binary());
                let out = CopyOutResponse::new(format as i8, names.len() as i16, vec![format; names.len()]);
                feed(client, PgWireBackendMessage::CopyOutResponse(out)).await?;
                let mut before = copy.format.head(&names);
                let mut sent = 0;
                // Clients that read a binary COPY look for its head in the first message; a line of text is a message.
                if !copy.format.is_binary() && !before.is_empty() {
                    feed(client, PgWireBackendMessage::CopyData(CopyData::new(std::mem::take(&mut before).into()))).await?;
                }
                while let Some(row) = next_row(client, &mut rows).await? {
                    let mut data = std::mem::take(&mut before);
                    data.extend(copy.format.row(&row, &names));
                    feed(client, PgWireBackendMessage::CopyData(CopyData::new(data.into()))).await?;
                    sent += 1;
                }
                before.extend(copy.format.tail());
                if !before.is_empty() {
                    feed(client, PgWireBackendMessage::CopyData(CopyData::new(before.into()))).await?;
                }
                feed(client, PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
                Tag::new("COPY").with_rows(sent)
            }
        };
        feed(client, PgWireBackendMessage::CommandComplete(tag.into())).await
    }

    /// The parameters of a portal.
    fn params(&self, portal: &Portal<Prepared>) -> Result<Vec<Bound>, Failure> {
        let described = described(&portal.statement.statement.0.kind);
        let count = described.map_or(0, |described| described.params.len());
        if portal.parameters.len() != count {
            let message = format!("{} parameters were sent, the statement has {count}", portal.parameters.len());
            return Err(Failure::new(code::PROTOCOL, message));
        }
        let wanted = |index: usize| described.and_then(|described| described.params[index].as_ref()).map(bound::kind);
        let said = |index: usize| portal.statement.parameter_types.get(index).and_then(Option::as_ref);
        let params = portal.parameters.iter().enumerate();
        params
            .map(|(index, bytes)| {
                bound::read(index + 1, said(index), wanted(index), portal.parameter_format.is_binary(index), bytes.as_deref())
            })
            .collect()
    }
}

fn described(kind: &Kind) -> Option<&Described> {
    match kind {
        Kind::Question(described) => Some(described),
        Kind::Catalogue(planned) => Some(&planned.described),
        Kind::Shown(_) | Kind::Other => None,
    }
}

fn is_aborted(status: TransactionStatus, act: &Act) -> bool {
    status == TransactionStatus::Error && !matches!(act, Act::Commit | Act::Rollback | Act::RollbackTo)
}

fn aborted() -> Failure {
    Failure::new(code::ABORTED, "an earlier statement of this transaction failed: nothing is answered until it ends")
        .hint("ROLLBACK")
}

/// The answer of SHOW.
fn shown(settings: &Settings, name: &str) -> Result<RecordBatch, Failure> {
    let texts = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let columns = match name {
        "all" => {
            let (names, values) = settings.all().into_iter().unzip();
            vec![("name", texts(names)), ("setting", texts(values))]
        }
        _ => vec![(Settings::title(name)?, texts(vec![settings.get(name)?]))],
    };
    RecordBatch::try_from_iter(columns).map_err(|error| Failure::new(code::INTERNAL, error.to_string()))
}

/// The rows of an answer, each when it is asked for.
fn rows(answering: Answering, shape: Shape, bounds: Bounds) -> Rows {
    let batches = stream::unfold(Some((answering.batches, bounds)), |state| async move {
        let (mut batches, mut bounds) = state?;
        match bounds.within(batches.next()).await {
            Ok(Some(Ok(batch))) => Some((Ok(batch), Some((batches, bounds)))),
            Ok(None) => None,
            Ok(Some(Err(failure))) | Err(failure) => Some((Err(failure), None)),
        }
    });
    let rows = batches.map(move |batch| match batch.and_then(|batch| shape.rows(&batch)) {
        Ok(rows) => Either::Left(stream::iter(rows)),
        Err(failure) => {
            let failed: PgWireResult<DataRow> = Err(failure.into());
            Either::Right(stream::iter([failed]))
        }
    });
    rows.flatten().boxed()
}

/// The next row. While it is waited for, the client has all those before it.
async fn next_row<C, R>(client: &mut C, rows: &mut R) -> PgWireResult<Option<DataRow>>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    R: Stream<Item = PgWireResult<DataRow>> + Unpin,
{
    let row = match rows.next().now_or_never() {
        Some(row) => row,
        None => {
            flush(client).await?;
            rows.next().await
        }
    };
    row.transpose()
}

/// How a statement that answered with rows ended: of SELECT alone their number is told.
fn ended_by(tag: &str, sent: usize) -> Tag {
    if tag == "SELECT" { Tag::new(tag).with_rows(sent) } else { Tag::new(tag) }
}

async fn flush<C>(client: &mut C) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    match tokio::time::timeout(SEND_TIME_MAX, client.flush()).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(gone()),
    }
}

fn gone() -> PgWireError {
    Failure::new("08006", "the client takes nothing any more").fatal().into()
}

async fn feed<C>(client: &mut C, message: PgWireBackendMessage) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    match tokio::time::timeout(SEND_TIME_MAX, client.feed(message)).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(gone()),
    }
}

#[async_trait]
impl<H: House> StartupHandler for Talk<H> {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let stage = std::mem::replace(&mut *self.0.stage.lock().expect("nobody panics while holding it"), Stage::Gone);
        let (stage, is_in) = match (stage, message) {
            (Stage::Stranger, PgWireFrontendMessage::Startup(startup)) => {
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                let user = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
                if user.is_empty() {
                    return Err(Failure::new(code::INVALID_AUTHORIZATION, "no user was named")
                        .hint("user=NAME of an account")
                        .fatal()
                        .into());
                }
                if client.metadata().contains_key("replication") {
                    return Err(Failure::new(code::NOT_SUPPORTED, "there is nothing to replicate here").fatal().into());
                }
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                client.send(PgWireBackendMessage::Authentication(Authentication::SASL(vec![MECHANISM.into()]))).await?;
                (Stage::Named(user), false)
            }
            (Stage::Named(user), PgWireFrontendMessage::PasswordMessageFamily(message)) => {
                let first = client_first(message)?;
                let first = text(&first)?;
                let (answer, exchange) = self.0.door.house.greet(&user, self.0.peer, first).await.map_err(Failure::fatal)?;
                client.send(PgWireBackendMessage::Authentication(Authentication::SASLContinue(answer.into()))).await?;
                (Stage::Greeted(user, exchange), false)
            }
            (Stage::Greeted(user, exchange), PgWireFrontendMessage::PasswordMessageFamily(message)) => {
                let message = message.into_sasl_response()?;
                let (answer, guest) = self.0.door.house.admit(exchange, text(&message.data)?).await.map_err(Failure::fatal)?;
                let place = self.0.door.places.clone().try_acquire_owned().map_err(|_| {
                    Failure::new(code::TOO_MANY_CONNECTIONS, "too many are connected already")
                        .hint("close a connection, or come back later")
                        .fatal()
                })?;
                *self.0.settings.lock().expect("nobody panics while holding it") = Settings::begin(&user, client.metadata());
                client.send(PgWireBackendMessage::Authentication(Authentication::SASLFinal(answer.into()))).await?;
                (Stage::In(guest, place), true)
            }
            _ => return Err(Failure::new(code::PROTOCOL, "a message came out of turn").fatal().into()),
        };
        *self.0.stage.lock().expect("nobody panics while holding it") = stage;
        if is_in {
            let (number, key) = self.0.door.numbers.generate(client);
            let bytes = key.to_bytes().to_vec();
            client.set_pid_and_secret_key(number, key);
            self.0.door.cancels.add(number, bytes.clone(), self.0.cancel.clone());
            *self.0.number.lock().expect("nobody panics while holding it") = Some((number, bytes));
            finish_authentication(client, self).await?;
        }
        Ok(())
    }
}

/// The only way in: the client proves that it knows a token, and never says it.
const MECHANISM: &str = "SCRAM-SHA-256";

/// The first message of the exchange. Measured here, because pgwire panics at one that is shorter than it says.
fn client_first(message: PasswordMessageFamily) -> Result<Vec<u8>, Failure> {
    let PasswordMessageFamily::Raw(body) = message else {
        return Err(Failure::new(code::PROTOCOL, "a message came out of turn").fatal());
    };
    let mechanism = body.as_ref().split(|byte: &u8| *byte == 0).next().unwrap_or_default();
    if mechanism != MECHANISM.as_bytes() {
        return Err(Failure::new(code::INVALID_AUTHORIZATION, format!("only {MECHANISM} is spoken here")).fatal());
    }
    let broken = || Failure::new(code::PROTOCOL, format!("a message of {MECHANISM} is not as long as it says")).fatal();
    let (length, first) = body.get(mechanism.len() + 1..).and_then(|rest| rest.split_first_chunk::<4>()).ok_or_else(broken)?;
    match i32::from_be_bytes(*length) {
        -1 if first.is_empty() => Ok(Vec::new()),
        length if usize::try_from(length) == Ok(first.len()) => Ok(first.to_vec()),
        _ => Err(broken()),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::new(code::PROTOCOL, "a message of SCRAM-SHA-256 is no text").fatal())
}

impl<H: House> ServerParameterProvider for Talk<H> {
    fn server_parameters<C: ClientInfo>(&self, _: &C) -> Option<HashMap<String, String>> {
        let settings = self.0.settings();
        let told = TOLD_AT_START.iter().filter_map(|name| Some((name.to_string(), settings.get(name).ok()?.to_string())));
        Some(told.collect())
    }
}

#[async_trait]
impl<H: House> CancelHandler for Talk<H> {
    async fn on_cancel_request(&self, request: CancelRequest) {
        self.0.door.cancels.cancel(request.pid, request.secret_key.to_bytes().to_vec());
    }
}

/// Nothing is copied in.
#[async_trait]
impl<H: House> CopyHandler for Talk<H> {
    async fn on_copy_data<C>(&self, _: &mut C, _: CopyData) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(out_of_turn())
    }

    async fn on_copy_done<C>(&self, _: &mut C, _: CopyDone) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(out_of_turn())
    }
}

fn out_of_turn() -> PgWireError {
    Failure::new(code::PROTOCOL, "a message came out of turn").into()
}

#[async_trait]
impl<H: House> SimpleQueryHandler for Talk<H> {
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.0.guest().await?;
        // All are read before any is done.
        let statements = act::read(&query.query)?;
        if statements.is_empty() {
            feed(client, PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        for statement in statements {
            let reply = self.0.reply(client, &statement, None, Vec::new(), &Format::UnifiedText).await;
            let reply = reply.map_err(|failure| failure.after(statement.after))?;
            self.0.send(client, reply, true).await?;
        }
        feed(client, PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(client.transaction_status()))).await?;
        flush(client).await
    }

    /// Not called: `on_query` answers one statement after the other, each when the one before it is sent.
    async fn do_query<C>(&self, _: &mut C, _: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(out_of_turn())
    }
}

#[async_trait]
impl<H: House> QueryParser for Connection<H> {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, client: &C, sql: &str, said: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        self.guest().await?;
        let mut statements = act::read(sql)?;
        let Some(statement) = statements.pop() else { return Ok(None) };
        if !statements.is_empty() {
            return Err(Failure::new(code::SYNTAX, "a prepared statement is one statement").at(statement.after + 1).into());
        }
        if is_aborted(client.transaction_status(), &statement.act) {
            return Err(aborted().into());
        }
        let after = statement.after;
        let ready = self.prepare(statement, said).await.map_err(|failure| failure.after(after))?;
        Ok(Some(Prepared(Arc::new(ready))))
    }

    fn get_parameter_types(&self, prepared: &Prepared) -> PgWireResult<Vec<Type>> {
        let params = described(&prepared.0.kind).map_or(&[][..], |described| &described.params);
        Ok(params.iter().map(|wanted| bound::told(wanted.as_ref().map_or(ParamKind::Text, bound::kind))).collect())
    }

    fn get_result_schema(&self, prepared: &Prepared, formats: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        let columns = match &prepared.0.kind {
            Kind::Shown(batch) => batch.schema(),
            kind => match described(kind) {
                Some(described) => described.columns.clone(),
                None => return Ok(Vec::new()),
            },
        };
        let shape = Shape::new(&columns, formats.unwrap_or(&Format::UnifiedText), &self.settings())?;
        Ok(shape.fields.to_vec())
    }
}

#[async_trait]
impl<H: House> ExtendedQueryHandler for Talk<H> {
    type Statement = Prepared;
    type QueryParser = Connection<H>;

    fn query_parser(&self) -> Arc<Connection<H>> {
        self.0.clone()
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        if message.type_oids.len() > PARAMS_MAX {
            return Err(Failure::new(code::TOO_LARGE, format!("a statement has up to {PARAMS_MAX} parameters")).into());
        }
        let statement = StoredStatement::parse(client, &message, self.query_parser()).await?;
        self.0.keep_name(TARGET_TYPE_BYTE_STATEMENT, name, message.query.len())?;
        match statement {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(name),
        }
        feed(client, PgWireBackendMessage::ParseComplete(ParseComplete::new())).await
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal_name = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        match client.portal_store().get_statement(name) {
            Some(Entry::Value(statement)) => {
                // One format for all, or one for each.
                let formats = message.parameter_format_codes.len();
                if formats > 1 && formats != message.parameters.len() {
                    let message = format!("formats of {formats} parameters were sent with {} of them", message.parameters.len());
                    return Err(Failure::new(code::PROTOCOL, message).into());
                }
                let portal = Portal::try_new(&message, statement)?;
                self.0.params(&portal)?;
                self.0.get_result_schema(&portal.statement.statement, Some(&portal.result_column_format))?;
                let bytes = message.parameters.iter().flatten().map(|value| value.len()).sum();
                self.0.keep_name(TARGET_TYPE_BYTE_PORTAL, portal_name, bytes)?;
                client.portal_store().put_portal(Arc::new(portal));
            }
            Some(Entry::Empty) => {
                self.0.keep_name(TARGET_TYPE_BYTE_PORTAL, portal_name, 0)?;
                client.portal_store().put_empty_portal(portal_name);
            }
            None => return Err(Failure::new("26000", format!("there is no prepared statement {name}")).into()),
        }
        feed(client, PgWireBackendMessage::BindComplete(BindComplete::new())).await
    }

    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = match client.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) => portal,
            Some(Entry::Empty) => return feed(client, PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await,
            None => return Err(Failure::new("34000", format!("there is no portal {name}")).into()),
        };
        let state = portal.state();
        let mut state = state.lock().await;
        if matches!(*state, PortalExecutionState::Initial) {
            let Ready { statement, kind } = &*portal.statement.statement.0;
            let params = self.0.params(&portal)?;
            let reply = self.0.reply(client, statement, Some(kind), params, &portal.result_column_format).await;
            match reply.map_err(|failure| failure.after(statement.after))? {
                Reply::Rows(shape, rows, tag) => {
                    let mut response = QueryResponse::new(shape.fields, rows);
                    response.set_command_tag(tag);
                    *state = PortalExecutionState::Suspended(response);
                }
                reply => {
                    *state = PortalExecutionState::Finished;
                    return self.0.send(client, reply, false).await;
                }
            }
        }
        // A client may ask for so many rows now and more later; none or fewer than none means all.
        let most = usize::try_from(message.max_rows).ok().filter(|most| *most > 0);
        let PortalExecutionState::Suspended(response) = &mut *state else {
            return feed(client, PgWireBackendMessage::CommandComplete(Tag::new("SELECT").with_rows(0).into())).await;
        };
        let tag = response.command_tag().to_string();
        let mut sent = 0;
        let ended = loop {
            if most.is_some_and(|most| sent >= most) {
                break None;
            }
            match next_row(client, response.data_rows()).await {
                Ok(Some(row)) => feed(client, PgWireBackendMessage::DataRow(row)).await?,
                Ok(None) => break Some(Ok(())),
                Err(error) => break Some(Err(error)),
            }
            sent += 1;
        };
        match ended {
            None => feed(client, PgWireBackendMessage::PortalSuspended(PortalSuspended::new())).await,
            Some(ended) => {
                *state = PortalExecutionState::Finished;
                ended?;
                feed(client, PgWireBackendMessage::CommandComplete(ended_by(&tag, sent).into())).await
            }
        }
    }

    async fn on_sync<C>(&self, client: &mut C, _: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        // A portal lasts as long as its transaction, and holds what works for it.
        if client.transaction_status() == TransactionStatus::Idle {
            client.portal_store().clear_portals();
            self.0.forget_portals();
        } else {
            client.portal_store().rm_portal(DEFAULT_NAME);
            self.0.forget_name(TARGET_TYPE_BYTE_PORTAL, DEFAULT_NAME);
        }
        feed(client, PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(client.transaction_status()))).await?;
        flush(client).await
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        match message.target_type {
            TARGET_TYPE_BYTE_PORTAL => client.portal_store().rm_portal(name),
            _ => client.portal_store().rm_statement(name),
        }
        self.0.forget_name(message.target_type, name);
        feed(client, PgWireBackendMessage::CloseComplete(CloseComplete::new())).await
    }

    /// Not called: `on_execute` sends rows as they come.
    async fn do_query<C>(&self, _: &mut C, _: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(out_of_turn())
    }
}
