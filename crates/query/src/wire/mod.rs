//! The Postgres wire: psql, drivers and BI tools ask here as they would ask a PostgreSQL server. What a connection may do is written out in
//! this folder; who may come in, and how a question about the shop's data is answered, is the house's business, whose door this is.
//!
//! | file | is |
//! |---|---|
//! | `act` | what a statement asks of us, told by its words |
//! | `settings` | what SET and SHOW know |
//! | `copy` | COPY (…) TO STDOUT |
//! | `bound` | parameters |
//! | `rows` | answers as rows |
//! | `absent` | what the catalogue of a shop does not have, left out of statements |
//! | `catalogue` | `pg_catalog`, `information_schema`, `version()` |
//! | `connection` | one connection: coming in, then question after question |
//! | `failure` | what is said when something is refused or fails |

mod absent;
mod act;
mod bound;
mod catalogue;
mod connection;
mod copy;
mod failure;
mod rows;
mod set_functions;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, FieldRef, SchemaRef},
};
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::RandomPidSecretKeyGenerator;
use futures::stream::BoxStream;
use tokio::{
    net::TcpStream,
    sync::{OnceCell, Semaphore, watch},
};

pub use failure::{Failure, code, position};

use crate::{
    ParamKind,
    sql::{Bound, Relation},
};
use catalogue::Catalogue;

/// So many may be in at once.
const GUESTS_MAX: usize = 32;

/// What stands behind the door.
#[async_trait]
pub trait House: Send + Sync + 'static {
    /// What is kept between the two messages of a client that proves who it is.
    type Exchange: Send + 'static;
    /// Somebody who came in.
    type Guest: Clone + Send + Sync + 'static;

    /// Answers the first message of SCRAM-SHA-256 (RFC 5802) of a client that calls itself `user`.
    async fn greet(&self, user: &str, peer: IpAddr, client_first: &str) -> Result<(String, Self::Exchange), Failure>;

    /// Answers the last, and lets in whoever has proven themselves.
    async fn admit(&self, exchange: Self::Exchange, client_final: &str) -> Result<(String, Self::Guest), Failure>;

    /// Whether what the guest came in with still stands. Asked before each statement.
    async fn may_stay(&self, guest: &Self::Guest) -> Result<bool, Failure>;

    /// Another one whenever what can be asked may have changed.
    fn edition(&self) -> u64;

    /// Every relation that can be asked.
    fn relations(&self) -> Vec<Relation>;

    /// What a question would answer, without asking it. `declared` are the kinds of those of its parameters that are known: the first is `$1`.
    async fn describe(&self, guest: &Self::Guest, sql: &str, declared: &[Option<ParamKind>]) -> Result<Described, Failure>;

    /// Asks. Dropping the answer ends the work for it.
    async fn ask(&self, guest: &Self::Guest, sql: &str, params: Vec<Bound>) -> Result<Answering, Failure>;
}

/// Columns of an answer, and what is known of the types of a question's parameters `$1`, `$2`, ….
#[derive(Debug, Clone)]
pub struct Described {
    pub columns: SchemaRef,
    pub params: Vec<Option<DataType>>,
}

impl Described {
    /// `params` are named by their numbers, and of type `Null` where nothing is known.
    pub fn numbered(columns: SchemaRef, named: &[FieldRef]) -> Result<Described, Failure> {
        let mut params = Vec::new();
        for field in named {
            let number = field.name().parse().ok().filter(|number| (1..=bound::PARAMS_MAX).contains(number));
            let Some(number) = number else {
                return Err(Failure::new(code::UNDEFINED_PARAMETER, format!("a parameter is named ${}", field.name()))
                    .hint("over this door parameters are numbered: $1, $2, …"));
            };
            if params.len() < number {
                params.resize(number, None);
            }
            params[number - 1] = Some(field.data_type().clone()).filter(|data_type| *data_type != DataType::Null);
        }
        Ok(Described { columns, params })
    }
}

pub struct Answering {
    pub schema: SchemaRef,
    pub batches: BoxStream<'static, Result<RecordBatch, Failure>>,
}

/// What all connections share.
pub struct Door<H: House> {
    house: H,
    catalogue: OnceCell<Catalogue>,
    described: Mutex<BTreeMap<String, Described>>,
    places: Arc<Semaphore>,
    cancels: Cancels,
    numbers: RandomPidSecretKeyGenerator,
}

impl<H: House> Door<H> {
    pub fn new(house: H) -> Arc<Door<H>> {
        Arc::new(Door {
            house,
            catalogue: OnceCell::new(),
            described: Mutex::default(),
            places: Arc::new(Semaphore::new(GUESTS_MAX)),
            cancels: Cancels::default(),
            numbers: Default::default(),
        })
    }

    /// Talks to one client until one of the two ends it.
    pub async fn open(self: &Arc<Self>, socket: TcpStream) -> std::io::Result<()> {
        connection::converse(socket, self.clone()).await
    }

    /// Read when somebody first asks for it.
    async fn catalogue(&self) -> Result<&Catalogue, Failure> {
        let open = || async { Catalogue::open(&self.house.relations()).map_err(|error| Failure::of("", &error)) };
        self.catalogue.get_or_try_init(open).await
    }
}

/// Connections by the number and key that a client shows to cancel what runs on one.
#[derive(Default)]
struct Cancels(Mutex<BTreeMap<CancelKey, watch::Sender<()>>>);

/// A connection's number, and the secret that only its client knows.
type CancelKey = (i32, Vec<u8>);

impl Cancels {
    fn add(&self, number: i32, key: Vec<u8>, cancel: watch::Sender<()>) {
        self.0.lock().expect("nobody panics while holding it").insert((number, key), cancel);
    }

    fn remove(&self, number: i32, key: Vec<u8>) {
        self.0.lock().expect("nobody panics while holding it").remove(&(number, key));
    }

    /// What runs on the connection ends; nobody is told whether there was one.
    fn cancel(&self, number: i32, key: Vec<u8>) {
        if let Some(cancel) = self.0.lock().expect("nobody panics while holding it").get(&(number, key)) {
            cancel.send_replace(());
        }
    }
}
