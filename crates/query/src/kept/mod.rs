//! What is kept, brought to a desk's moment: the rows of customers whom later facts touched are worked out, all others are read.
//!
//! Kept tables hold the same rows as the views of their names. A desk on an earlier moment than theirs, one whose shop says by views of its
//! own what a purchase is, and one past which too much has happened, ask the views.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    compute::{concat_batches, filter_record_batch},
    datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType},
};
use chrono::{DateTime, NaiveDate};
use datafusion::{
    catalog::TableProvider,
    common::HashSet,
    error::DataFusionError,
    logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, col, create_udf},
    prelude::SessionContext,
};
use futures::{StreamExt, TryStreamExt};
use lake::{
    CART_EVENTS, CUSTOMER_FACTS, FactTable, Kept, KeptTable, Lake, LakeError, Manifest, ORDER_STATES, PURCHASE_DAYS, TOUCHED,
};
use model::{
    Instant, Money, ShopZone,
    kept::{Buyer, Link, News, OrderState, OrderStates, PurchaseDay, buyers, purchase_days, search_key},
};
use sha2::{Digest, Sha256};

use crate::{Desk, Library, Mode, Moment, ParamValue, Params, QueryError, run::planning_error, statement::Tokens};

mod carts;
mod states;

pub(crate) use states::States;

/// What the kept values are defined by. A shop that has one of these for itself is asked from facts.
const DEFINED_BY: [&str; 10] = [
    "survivors",
    "orders",
    "purchases",
    "purchase_days",
    "customer_facts",
    "session_states",
    "cart_states",
    "identifications",
    "cart_events",
    "cart_events_identified",
];
/// What the kept values are made from.
const MADE_FROM: [&str; 3] = ["orders", "identities", "events"];
/// Changes with the kept files themselves.
const FORMAT: u32 = 2;
/// Past this share of all buyers (in hundredths), or of all orders, making anew is the cheaper.
const OVERLAY_PERCENT_MAX: u64 = 10;
/// Small shops are spared the rebuilding.
const OVERLAY_ROWS_MIN: u64 = 2_000;

#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// The shop has views of its own: nothing is kept.
    Undefined,
    /// Nothing has happened since.
    Current,
    /// So many customers were touched.
    Folded(usize),
    /// All anew.
    Rebuilt,
}

/// Kept tables that are brought up to date together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Purchases,
    CartEvents,
    States(States),
}

impl From<States> for Group {
    fn from(states: States) -> Group {
        Group::States(states)
    }
}

impl Group {
    fn all() -> impl Iterator<Item = Group> {
        [Group::Purchases, Group::CartEvents].into_iter().chain(States::ALL.map(Group::States))
    }

    /// The group of a view's kept rows.
    pub fn of(view: &str) -> Option<Group> {
        Group::all().find(|group| group.has(view))
    }

    fn has(self, view: &str) -> bool {
        match self {
            Group::Purchases => [&PURCHASE_DAYS, &CUSTOMER_FACTS].iter().any(|table| table.name == view),
            Group::CartEvents => CART_EVENTS.name == view,
            Group::States(states) => states.table().name == view,
        }
    }

    fn made_from(self) -> &'static [&'static str] {
        match self {
            Group::Purchases => &["orders", "identities"],
            Group::CartEvents => &["events", "identities"],
            Group::States(_) => &["events"],
        }
    }
}

/// What was found at a moment, by group; nothing where the views are asked.
pub(crate) type Found = BTreeMap<Group, (Moment, Option<Arc<Current>>)>;

/// Which rows are news: those past the position of their table, and those that had not happened or were not known at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Since {
    pub positions: BTreeMap<String, i64>,
    pub moment: Instant,
}

impl Since {
    fn kept(kept: &Kept) -> Since {
        Since { positions: kept.manifest.positions.clone(), moment: kept.manifest.as_of }
    }
}

/// Ids whose rows are in the overlay alone.
#[derive(Debug)]
enum Touched {
    Texts(Arc<HashSet<String>>),
    Numbers(Arc<HashSet<i64>>),
}

impl Touched {
    fn nobody() -> Touched {
        Touched::Texts(Arc::default())
    }

    /// Whether the rows of an id are in the base; `None` where all are.
    fn elsewhere(&self) -> Option<ScalarUDF> {
        match self {
            Touched::Texts(ids) => (!ids.is_empty()).then(|| elsewhere(ids.clone())),
            Touched::Numbers(ids) => (!ids.is_empty()).then(|| numbers_elsewhere(ids.clone())),
        }
    }
}

/// Kept tables at a desk's moment.
#[derive(Debug)]
pub(crate) struct Current {
    tables: BTreeMap<&'static str, (Arc<FactTable>, RecordBatch)>,
    touched: Touched,
    /// The column in which the touched ids are.
    id: &'static str,
}

impl Current {
    /// Rows that are no file's.
    fn of_rows(name: &'static str, rows: RecordBatch, id: &'static str) -> Current {
        let nothing = Arc::new(FactTable::nothing(name, rows.schema()));
        Current { tables: [(name, (nothing, rows))].into(), touched: Touched::nobody(), id }
    }

    /// The table as a relation; `None` for names that are not kept.
    pub fn relation(&self, session: &SessionContext, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some((base, overlay)) = self.tables.get(name) else { return Ok(None) };
        let (url, store) = base.store();
        session.register_object_store(&url, store);
        if base.is_empty() {
            return Ok(Some(session.read_batch(overlay.clone())?.into_view()));
        }
        let mut rows = session.read_table(base.clone())?;
        if let Some(elsewhere) = self.touched.elsewhere() {
            rows = rows.filter(elsewhere.call(vec![col(self.id)]))?;
        }
        let columns: Vec<&str> = overlay.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        rows = rows.select_columns(&columns)?;
        if overlay.num_rows() > 0 {
            rows = rows.union(session.read_batch(overlay.clone())?)?;
        }
        Ok(Some(rows.into_view()))
    }
}

/// What facts past the kept ones make of them.
struct Change {
    customers: HashSet<String>,
    /// The last states of the orders that are new or changed.
    states: OrderStates,
    days: Vec<PurchaseDay>,
    buyers: Vec<Buyer>,
}

impl Desk {
    /// Whether kept tables answer for this moment, all of them.
    pub async fn reads_kept(&self) -> Result<bool, QueryError> {
        for group in Group::all() {
            if self.kept(group).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same desk with these kept tables of a group, or without any.
    fn with_kept(mut self, group: Group, kept: Option<Arc<Current>>) -> Desk {
        let mut known = self.known_kept().clone();
        known.insert(group, (self.moment, kept));
        self.kept = Arc::new(Mutex::new(known));
        self
    }

    /// The same desk on facts alone.
    pub(crate) fn without_kept(mut self) -> Desk {
        (self.view.kept, self.kept, self.survivors) = (None, Arc::default(), Arc::default());
        self
    }

    /// The kept tables of a group at this moment; `None` where the views are to be asked. Found out once per desk and moment, except where
    /// two parts of a page ask at the same time.
    pub(crate) async fn kept(&self, group: Group) -> Result<Option<Arc<Current>>, QueryError> {
        if let Some((moment, current)) = self.known_kept().get(&group)
            && *moment == self.moment
        {
            return Ok(current.clone());
        }
        let current = self.find_kept(group).await?.map(Arc::new);
        self.known_kept().insert(group, (self.moment, current.clone()));
        Ok(current)
    }

    fn known_kept(&self) -> MutexGuard<'_, Found> {
        self.kept.lock().expect("nobody panics while holding it")
    }

    async fn find_kept(&self, group: Group) -> Result<Option<Current>, QueryError> {
        let Some(kept) = self.usable_kept() else { return Ok(None) };
        let has_news = self.has_news(&kept, group);
        match group {
            Group::Purchases if has_news => Ok(self.change(&kept).await?.map(|change| current(&kept, Some(&change)))),
            Group::Purchases => Ok(Some(current(&kept, None))),
            Group::CartEvents => {
                let overlay = match has_news {
                    true => self.cart_change(&kept).await?,
                    false => Some(kept.overlay(&CART_EVENTS).clone()),
                };
                Ok(overlay.map(|overlay| carts::current(&kept, &overlay)))
            }
            Group::States(states) => {
                let overlay = match has_news {
                    true => self.states_change(states, &kept).await?,
                    false => Some(kept.overlay(states.table()).clone()),
                };
                Ok(overlay.map(|overlay| self.states_with(states, &kept, overlay)))
            }
        }
    }

    /// What is kept, if it can serve this moment.
    fn usable_kept(&self) -> Option<Arc<Kept>> {
        let kept = self.sound_kept()?;
        (self.moment.as_of >= kept.manifest.as_of).then_some(kept)
    }

    /// What is kept, if it was made by this shop's definitions from these tables.
    fn sound_kept(&self) -> Option<Arc<Kept>> {
        let kept = self.view.kept.clone()?;
        let manifest = &kept.manifest;
        let defined = definition(&self.library, self.moment.zone).is_some_and(|definition| definition == manifest.definition);
        // A lake that was put back to an earlier state has less than what was kept from it.
        let behind = MADE_FROM.iter().any(|name| self.last_position(name) < manifest.positions.get(*name).copied().unwrap_or(0));
        (defined && !behind).then_some(kept)
    }

    fn last_position(&self, table: &str) -> i64 {
        self.view.table(table).map_or(0, |table| table.last_position())
    }

    fn has_news(&self, kept: &Kept, group: Group) -> bool {
        let manifest = &kept.manifest;
        group.made_from().iter().any(|name| {
            let seen = manifest.positions.get(*name).copied().unwrap_or(0);
            self.view.table(name).is_some_and(|table| table.may_have_after(seen, manifest.as_of))
        })
    }

    /// What happened since, worked out for the customers it touches; `None` if that is too much.
    async fn change(&self, kept: &Kept) -> Result<Option<Change>, QueryError> {
        let manifest = &kept.manifest;
        let orders_max = share_of(manifest.base_rows(&ORDER_STATES));
        let since = |table: &str| -> Params {
            let position = manifest.positions.get(table).copied().unwrap_or(0);
            [("position".into(), ParamValue::Int(position)), ("kept_at".into(), ParamValue::Instant(manifest.as_of))].into()
        };
        let mut news = News::default();
        let mut rows = self.stream("system/kept/orders_since", &since("orders")).await?;
        let mut fresh = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            fresh += batch.num_rows() as u64;
            if fresh > orders_max {
                return Ok(None);
            }
            news.orders.extend(order_states(&batch, 0));
        }
        let mut links = self.stream("system/kept/links", &since("identities")).await?;
        while let Some(batch) = links.next().await {
            let batch = batch?;
            let is_fresh = batch.column(5).as_boolean();
            for (row, (from, link)) in self::links(&batch).enumerate() {
                if !is_fresh.value(row) {
                    news.before.learn(from.clone(), link.clone());
                }
                news.after.learn(from, link);
            }
        }
        let owners = |customers: &BTreeSet<String>| -> HashSet<i64> {
            news.owners(customers).iter().map(|owner| search_key(owner)).collect()
        };
        let orders: HashSet<i64> = news.orders.iter().map(|(key, _)| order_search_key(key)).collect();
        // Who had one of these orders is told by two columns, so that one look at all of them finds everything.
        let mut customers = owners(&news.touched(&OrderStates::default()));
        customers.extend(self.owners_before(kept, &orders).await?);
        let mut states = self.kept_states(kept, Wanted { orders, customers: customers.clone() }).await?;
        let touched = news.touched(&states);
        // Unless somebody who had one has other ids by now.
        let more = &owners(&touched) - &customers;
        if !more.is_empty() {
            let found = self.kept_states(kept, Wanted { customers: more, ..Wanted::default() }).await?;
            states.extend(found.iter().map(|(_, state)| state.clone()));
        }
        states.extend(news.orders.iter().map(|(_, state)| state.clone()));
        // News may be late: what is kept of an order is the last of all its states, or whoever had it once would seem to have it still.
        let mut last = OrderStates::default();
        last.extend(news.orders.iter().filter_map(|(key, _)| states.get(key).cloned()));
        let sum = |source: model::money::MoneyError| QueryError::run("kept values", &source.to_string());
        let days = purchase_days(&states, &news.after, &touched).map_err(sum)?;
        let buyers = buyers(&days).map_err(sum)?;
        Ok(Some(Change { customers: touched.into_iter().collect(), states: last, days, buyers }))
    }

    /// Under which customers these orders were kept, by the numbers to search them by.
    async fn owners_before(&self, kept: &Kept, orders: &HashSet<i64>) -> Result<HashSet<i64>, QueryError> {
        let keys = ["customer_key", "order_key"];
        let is_wanted = states::has_key(orders.clone()).call(vec![col("order_key")]);
        let mut found = self.base_rows(kept, &ORDER_STATES, is_wanted, &keys).await?;
        found.push(kept.overlay(&ORDER_STATES).project(&[0, 1]).expect("the first two are the keys"));
        let mut owners = HashSet::new();
        for batch in found {
            let (customers, of) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
            let pairs = customers.iter().zip(of).filter(|(_, order)| order.is_some_and(|order| orders.contains(&order)));
            owners.extend(pairs.filter_map(|(customer, _)| customer));
        }
        Ok(owners)
    }

    /// Kept states of orders that are wanted, and of others; none of those wanted is missing.
    async fn kept_states(&self, kept: &Kept, wanted: Wanted) -> Result<OrderStates, QueryError> {
        let is_wanted = wanted.function().call(vec![col("customer_key"), col("order_key")]);
        let found = self.base_rows(kept, &ORDER_STATES, is_wanted, &ORDER_STATES.names()).await?;
        let mut states = OrderStates::default();
        for batch in found.iter().chain([kept.overlay(&ORDER_STATES)]) {
            states.extend(order_states(batch, 2));
        }
        Ok(states)
    }

    /// These columns of few rows of a table's base.
    async fn base_rows(
        &self,
        kept: &Kept,
        table: &KeptTable,
        wanted: Expr,
        columns: &[&str],
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let failed = |source| planning_error(table.name, source);
        let session = self.session(&Tokens::read("kept", "").expect("nothing to read"), table.name).await?;
        // One row in a hundred is wanted: the others are not even decoded.
        session.state_ref().write().config_mut().options_mut().execution.parquet.pushdown_filters = true;
        let base = kept.base(table);
        let (url, store) = base.store();
        session.register_object_store(&url, store);
        let found = session.read_table(base).and_then(|rows| rows.filter(wanted)?.select_columns(columns)).map_err(failed)?;
        found.collect().await.map_err(failed)
    }

    /// Brings what is kept to this desk's moment, and stores it. Whatever is kept is either all as it was, or all as it is now.
    pub async fn refresh_kept(&self, lake: &Lake) -> Result<Refreshed, KeptError> {
        let Some(mut manifest) = self.manifest() else { return Ok(Refreshed::Undefined) };
        let Some(kept) = self.sound_kept() else { return self.rebuild_kept(lake).await };
        if !lake.kept_is_whole(&kept).await? {
            return self.rebuild_kept(lake).await;
        }
        // It never goes back: an earlier moment is asked from facts.
        if self.moment.as_of < kept.manifest.as_of || !Group::all().any(|group| self.has_news(&kept, group)) {
            return Ok(Refreshed::Current);
        }
        let overlays = self.overlays(&kept).await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was kept cannot be read; it is made again");
            None
        });
        let Some((overlays, customers)) = overlays else { return self.rebuild_kept(lake).await };
        (manifest.base, manifest.overlay) = (kept.manifest.base.clone(), kept.manifest.overlay.clone());
        for (table, rows) in overlays {
            let rows = futures::stream::iter([Ok::<_, LakeError>(rows)]);
            manifest.overlay.insert(table.name.into(), lake.store_kept(table, rows).await?);
        }
        lake.keep(manifest).await?;
        Ok(Refreshed::Folded(customers))
    }

    /// The overlays of all that has changed, and how many customers were touched; `None` if it is too much.
    async fn overlays(&self, kept: &Kept) -> Result<Option<(Vec<(&'static KeptTable, RecordBatch)>, usize)>, QueryError> {
        let (mut overlays, mut customers) = (Vec::new(), 0);
        if self.has_news(kept, Group::Purchases) {
            let Some(change) = self.change(kept).await? else { return Ok(None) };
            customers = change.customers.len();
            if (kept.overlay(&TOUCHED).num_rows() + customers) as u64 > share_of(kept.manifest.base_rows(&CUSTOMER_FACTS)) {
                return Ok(None);
            }
            overlays = overlay(kept, &change);
            // Orders of guests touch nobody, and the few customers of a small shop buy again and again.
            let is_large = |table: &KeptTable, rows: &RecordBatch| {
                [ORDER_STATES.name, PURCHASE_DAYS.name].contains(&table.name)
                    && rows.num_rows() as u64 > share_of(kept.manifest.base_rows(table))
            };
            if overlays.iter().any(|(table, rows)| is_large(table, rows)) {
                return Ok(None);
            }
        }
        if self.has_news(kept, Group::CartEvents) {
            let Some(rows) = self.cart_change(kept).await? else { return Ok(None) };
            overlays.push((&CART_EVENTS, rows));
        }
        for states in States::ALL {
            if self.has_news(kept, states.into()) {
                let Some(rows) = self.states_change(states, kept).await? else { return Ok(None) };
                overlays.push((states.table(), rows));
            }
        }
        Ok(Some((overlays, customers)))
    }

    /// A manifest of this moment that names no files yet.
    fn manifest(&self) -> Option<Manifest> {
        assert_eq!(self.moment.mode, Mode::AsKnown, "what is kept is what is known");
        let definition = definition(&self.library, self.moment.zone)?;
        let positions = MADE_FROM.iter().map(|name| (name.to_string(), self.last_position(name))).collect();
        Some(Manifest::new(definition, self.moment.as_of, positions))
    }

    /// Makes all that is kept anew, from facts alone.
    pub async fn rebuild_kept(&self, lake: &Lake) -> Result<Refreshed, KeptError> {
        let Some(mut manifest) = self.manifest() else { return Ok(Refreshed::Undefined) };
        let from_facts = self.clone().without_kept();
        let states =
            from_facts.stream("system/kept/order_states", &Params::new()).await?.map_ok(|batch| with_search_keys(&batch));
        let states = states.map_err(KeptError::from);
        manifest.base.insert(ORDER_STATES.name.into(), lake.store_kept::<KeptError>(&ORDER_STATES, states).await?);
        let days = from_facts.stream("system/kept/purchase_days", &Params::new()).await?;
        let days = lake.store_kept::<KeptError>(&PURCHASE_DAYS, days.map_err(KeptError::from)).await?;
        // What customers add up to is made from the days just stored.
        let stored = (lake.kept_table(&PURCHASE_DAYS, &days)?, RecordBatch::new_empty(PURCHASE_DAYS.schema()));
        manifest.base.insert(PURCHASE_DAYS.name.into(), days);
        let from_days = Current { tables: [(PURCHASE_DAYS.name, stored)].into(), touched: Touched::nobody(), id: "customer_id" };
        let from_days = from_facts.clone().with_kept(Group::Purchases, Some(Arc::new(from_days)));
        let facts = from_days.stream("system/kept/customer_facts", &Params::new()).await?;
        let facts = lake.store_kept::<KeptError>(&CUSTOMER_FACTS, facts.map_err(KeptError::from)).await?;
        manifest.base.insert(CUSTOMER_FACTS.name.into(), facts);
        for states in States::ALL {
            let table = states.table();
            let rows = from_facts.stream(&format!("system/views/{}", table.name), &Params::new()).await?;
            let rows = rows.map_ok(|batch| states::with_key(&batch, table, states.id())).map_err(KeptError::from);
            manifest.base.insert(table.name.into(), lake.store_kept::<KeptError>(table, rows).await?);
        }
        let rows = from_facts.stream(carts::DEFINITION, &Params::new()).await?;
        let rows = rows.map_ok(|batch| carts::with_key(&batch)).map_err(KeptError::from);
        manifest.base.insert(CART_EVENTS.name.into(), lake.store_kept::<KeptError>(&CART_EVENTS, rows).await?);
        lake.keep(manifest).await?;
        Ok(Refreshed::Rebuilt)
    }
}

/// Changes with all that kept values depend on beside the facts; `None` if the shop has its own say in it.
fn definition(library: &Library, zone: ShopZone) -> Option<String> {
    let mut sum = Sha256::new();
    for name in DEFINED_BY {
        let view = library.built_in_view(name)?;
        sum.update(view.sql.as_bytes());
        // The shop may say otherwise ([definitions]).
        for param in &view.header.params {
            sum.update(format!("{} {:?}", param.name, param.default).as_bytes());
        }
    }
    Some(format!("{FORMAT} {} {}", zone.name(), model::id::hex(&sum.finalize())))
}

fn share_of(rows: u64) -> u64 {
    (rows * OVERLAY_PERCENT_MAX / 100).max(OVERLAY_ROWS_MIN)
}

fn current(kept: &Kept, change: Option<&Change>) -> Current {
    let overlays: BTreeMap<&'static str, RecordBatch> = match change {
        Some(change) => overlay(kept, change).into_iter().map(|(table, rows)| (table.name, rows)).collect(),
        None => [&PURCHASE_DAYS, &CUSTOMER_FACTS, &TOUCHED].map(|table| (table.name, kept.overlay(table).clone())).into(),
    };
    let touched: HashSet<String> =
        overlays[TOUCHED.name].column(0).as_string::<i32>().iter().flatten().map(String::from).collect();
    let table = |table: &KeptTable| (table.name, (kept.base(table), overlays[table.name].clone()));
    let touched = Touched::Texts(Arc::new(touched));
    Current { tables: [&PURCHASE_DAYS, &CUSTOMER_FACTS].map(table).into(), touched, id: "customer_id" }
}

/// The overlay after a change: what it was for customers whom the change does not touch, and what is new.
fn overlay(kept: &Kept, change: &Change) -> Vec<(&'static KeptTable, RecordBatch)> {
    let together = |table: &'static KeptTable, fresh: RecordBatch| {
        let before = kept.overlay(table);
        let ids = before.column_by_name("customer_id").expect("they are told apart by customer").as_string::<i32>();
        let stays: BooleanArray = ids.iter().map(|id| id.map(|id| !change.customers.contains(id))).collect();
        let before = filter_record_batch(before, &stays).expect("a mask is as long as its table");
        (table, concat_batches(&table.schema(), [&before, &fresh]).expect("one schema"))
    };
    let mut states = OrderStates::default();
    states.extend(order_states(kept.overlay(&ORDER_STATES), 2));
    states.extend(change.states.iter().map(|(_, state)| state.clone()));
    let mut customers: Vec<&str> = change.customers.iter().map(String::as_str).collect();
    customers.sort_unstable();
    let touched = vec![Arc::new(StringArray::from(customers)) as ArrayRef];
    vec![
        (&ORDER_STATES, states_batch(&states)),
        together(&PURCHASE_DAYS, days_batch(&change.days)),
        together(&CUSTOMER_FACTS, buyers_batch(&change.buyers)),
        together(&TOUCHED, RecordBatch::try_new(TOUCHED.schema(), touched).expect("one column of texts")),
    ]
}

/// What is looked for in the kept states, by numbers that two texts may share.
#[derive(Debug, Default)]
struct Wanted {
    orders: HashSet<i64>,
    customers: HashSet<i64>,
}

impl Wanted {
    fn function(self) -> ScalarUDF {
        let find = move |args: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
            let columns = ColumnarValue::values_to_arrays(args)?;
            let (customers, orders) = (columns[0].as_primitive::<Int64Type>(), columns[1].as_primitive::<Int64Type>());
            let is_wanted = |(customer, order): (Option<i64>, Option<i64>)| {
                customer.is_some_and(|key| self.customers.contains(&key)) || order.is_some_and(|key| self.orders.contains(&key))
            };
            let found: BooleanArray = customers.iter().zip(orders).map(|row| Some(is_wanted(row))).collect();
            Ok(ColumnarValue::Array(Arc::new(found)))
        };
        create_udf("is_wanted", vec![DataType::Int64; 2], DataType::Boolean, Volatility::Immutable, Arc::new(find))
    }
}

/// Whether the rows of an id are in the base.
fn elsewhere(touched: Arc<HashSet<String>>) -> ScalarUDF {
    let find = move |args: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        let columns = ColumnarValue::values_to_arrays(args)?;
        let ids = columns[0].as_string::<i32>();
        let found: BooleanArray = ids.iter().map(|id| Some(id.is_none_or(|id| !touched.contains(id)))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    };
    create_udf("is_untouched", vec![DataType::Utf8], DataType::Boolean, Volatility::Immutable, Arc::new(find))
}

/// The same of ids that are numbers.
fn numbers_elsewhere(touched: Arc<HashSet<i64>>) -> ScalarUDF {
    let find = move |args: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        let columns = ColumnarValue::values_to_arrays(args)?;
        let ids = columns[0].as_primitive::<Int64Type>();
        let found: BooleanArray = ids.iter().map(|id| Some(id.is_none_or(|id| !touched.contains(&id)))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    };
    create_udf("is_untouched_number", vec![DataType::Int64], DataType::Boolean, Volatility::Immutable, Arc::new(find))
}

fn order_search_key((source, order_id): &(String, String)) -> i64 {
    search_key(&format!("{source}|{order_id}"))
}

/// Rows of `order_states` from the column at which they begin.
fn order_states(batch: &RecordBatch, first: usize) -> impl Iterator<Item = OrderState> {
    let column = |index: usize| batch.column(first + index);
    let (sources, ids, customers) = (column(0).as_string::<i32>(), column(1).as_string::<i32>(), column(2).as_string::<i32>());
    let (occurred, positions) = (column(3).as_primitive::<TimestampMicrosecondType>(), column(4).as_primitive::<Int64Type>());
    let days = column(5).as_primitive::<Date32Type>();
    let (purchases, discounted) = (column(6).as_boolean(), column(7).as_boolean());
    let money = |index: usize| {
        let amounts = column(index).as_primitive::<Decimal128Type>();
        move |row: usize| if amounts.is_null(row) { Money::ZERO } else { money_of(amounts.value(row)) }
    };
    let (gross, net, refunded) = (money(8), money(9), money(10));
    (0..batch.num_rows()).map(move |row| OrderState {
        source: sources.value(row).into(),
        order_id: ids.value(row).into(),
        customer_id: customers.is_valid(row).then(|| customers.value(row).into()),
        occurred_at: DateTime::from_timestamp_micros(occurred.value(row)).unwrap_or_default(),
        position: positions.value(row),
        ordered_on: day_of(days.value(row)),
        purchase: purchases.is_valid(row) && purchases.value(row),
        discounted: discounted.is_valid(row) && discounted.value(row),
        gross: gross(row),
        net: net(row),
        refunded: refunded(row),
    })
}

fn links(batch: &RecordBatch) -> impl Iterator<Item = (String, Link)> {
    let (from, survivors, linked) =
        (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>(), batch.column(2).as_boolean());
    let (occurred, positions) =
        (batch.column(3).as_primitive::<TimestampMicrosecondType>(), batch.column(4).as_primitive::<Int64Type>());
    (0..batch.num_rows()).map(move |row| {
        let link = Link {
            survivor_id: survivors.value(row).into(),
            linked: linked.value(row),
            occurred_at: DateTime::from_timestamp_micros(occurred.value(row)).unwrap_or_default(),
            position: positions.value(row),
        };
        (from.value(row).to_string(), link)
    })
}

/// The columns of a kept state, from those that a question gives.
fn with_search_keys(batch: &RecordBatch) -> RecordBatch {
    let (sources, ids, customers) =
        (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
    let customer_keys: Int64Array = customers.iter().map(|customer| customer.map(search_key)).collect();
    let mut text = String::new();
    let order_keys = sources.iter().zip(ids).map(|(source, id)| {
        text.clear();
        text.extend([source.unwrap_or_default(), "|", id.unwrap_or_default()]);
        search_key(&text)
    });
    let order_keys = Int64Array::from_iter_values(order_keys);
    let columns = [Arc::new(customer_keys) as ArrayRef, Arc::new(order_keys)].into_iter().chain(batch.columns().iter().cloned());
    RecordBatch::try_new(ORDER_STATES.schema(), columns.collect()).expect("the question's columns are those of the table")
}

fn states_batch(states: &OrderStates) -> RecordBatch {
    let rows: Vec<&OrderState> = states.iter().map(|(_, state)| state).collect();
    let fields = ORDER_STATES.schema();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.source.as_str())).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| Some(row.order_id.as_str())).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.customer_id.as_deref()).collect::<StringArray>()),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.occurred_at.timestamp_micros()))
                .with_timezone("UTC"),
        ),
        ints(rows.iter().map(|row| row.position)),
        days(rows.iter().map(|row| Some(row.ordered_on))),
        Arc::new(rows.iter().map(|row| Some(row.purchase)).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|row| Some(row.discounted)).collect::<BooleanArray>()),
        amounts(rows.iter().map(|row| row.gross)),
        amounts(rows.iter().map(|row| row.net)),
        amounts(rows.iter().map(|row| row.refunded)),
    ];
    let schema = Arc::new(fields.project(&(2..fields.fields().len()).collect::<Vec<_>>()).expect("columns of the table"));
    with_search_keys(&RecordBatch::try_new(schema, columns).expect("columns of one length"))
}

fn days_batch(rows: &[PurchaseDay]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.customer_id.as_str())).collect::<StringArray>()),
        days(rows.iter().map(|row| Some(row.ordered_on))),
        ints(rows.iter().map(|row| row.nth)),
        ints(rows.iter().map(|row| row.orders)),
        ints(rows.iter().map(|row| row.discounted_orders)),
        amounts(rows.iter().map(|row| row.gross)),
        amounts(rows.iter().map(|row| row.net)),
        amounts(rows.iter().map(|row| row.refunded)),
        days(rows.iter().map(|row| Some(row.first_ordered_on))),
        days(rows.iter().map(|row| row.previous_ordered_on)),
        days(rows.iter().map(|row| row.next_ordered_on)),
    ];
    RecordBatch::try_new(PURCHASE_DAYS.schema(), columns).expect("columns of the table")
}

fn buyers_batch(rows: &[Buyer]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.customer_id.as_str())).collect::<StringArray>()),
        days(rows.iter().map(|row| Some(row.first_ordered_on))),
        days(rows.iter().map(|row| row.second_ordered_on)),
        days(rows.iter().map(|row| Some(row.last_ordered_on))),
        ints(rows.iter().map(|row| row.orders)),
        ints(rows.iter().map(|row| row.purchase_days)),
        ints(rows.iter().map(|row| row.discounted_orders)),
        amounts(rows.iter().map(|row| row.gross_revenue)),
        amounts(rows.iter().map(|row| row.net_revenue)),
    ];
    RecordBatch::try_new(CUSTOMER_FACTS.schema(), columns).expect("columns of the table")
}

fn ints(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn days(values: impl Iterator<Item = Option<NaiveDate>>) -> ArrayRef {
    Arc::new(values.map(|day| day.map(|day| day.to_epoch_days())).collect::<Date32Array>())
}

fn amounts(values: impl Iterator<Item = Money>) -> ArrayRef {
    let scaled = Decimal128Array::from_iter_values(values.map(|money| i128::from(money.scaled())));
    Arc::new(scaled.with_precision_and_scale(18, 4).expect("money has 18 digits, 4 of them decimals"))
}

fn day_of(days: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(days).unwrap_or_default()
}

fn money_of(scaled: i128) -> Money {
    i64::try_from(scaled).ok().and_then(|scaled| Money::from_scaled(scaled).ok()).unwrap_or_default()
}
