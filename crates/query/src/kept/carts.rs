//! Events of carts. Whoever is identified in a browser owns what was put into a cart there before, so an identification is news for rows that
//! were kept long ago. Rows that are new or have such news are worked out by the view that defines them, over these rows and whatever may
//! have identified them.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::{concat_batches, filter_record_batch},
    datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType},
};
use chrono::DateTime;
use datafusion::{common::HashSet, logical_expr::col};
use futures::{Stream, StreamExt, TryStreamExt};
use lake::{CART_EVENTS, Kept};
use model::{Instant, kept::search_key};

use super::{
    Current, Since, Touched, share_of,
    states::{has_key, with_key as with_search_key, without_key},
};
use crate::{Desk, ParamValue, Params, QueryError};

/// The view behind the kept rows, and what it is made from.
pub(super) const DEFINITION: &str = "system/views/cart_events_identified";
const EVENTS: &str = "cart_events";
const IDENTIFICATIONS: &str = "identifications";
/// Past so many identifications the view is the cheaper.
const IDENTIFICATIONS_MAX: usize = 500_000;

impl Desk {
    /// The overlay with what came in past what was kept; `None` if it is too much.
    pub(super) async fn cart_change(&self, kept: &Kept) -> Result<Option<RecordBatch>, QueryError> {
        let rows_max = share_of(kept.manifest.base_rows(&CART_EVENTS)) as usize;
        let news = self.clone().since(Since::kept(kept));
        let events = news.stream(&format!("system/views/{EVENTS}"), &Params::new()).await?;
        let Some(fresh) = at_most(rows_max, &events_schema(), events).await? else { return Ok(None) };
        let found = news.stream(&format!("system/views/{IDENTIFICATIONS}"), &Params::new()).await?;
        let Some(found) = at_most(IDENTIFICATIONS_MAX, &identifications_schema(), found).await? else { return Ok(None) };
        let reopened = self.reopened(kept, &found).await?;
        let before = kept.overlay(&CART_EVENTS);
        if fresh.num_rows() + reopened.num_rows() == 0 {
            return Ok(Some(before.clone()));
        }
        if before.num_rows() + fresh.num_rows() + reopened.num_rows() > rows_max {
            return Ok(None);
        }
        // An event may come in after what identifies it did.
        let Some(known) = self.identifications_of(&fresh).await? else { return Ok(None) };
        let events = together(&events_schema(), &[fresh, columns(&reopened, &events_schema())]);
        let identifications = together(&identifications_schema(), &[found, known, identified(&reopened)]);
        let redone = self.identify(events, identifications).await?;
        let positions: HashSet<i64> = positions(&redone).collect();
        let stays: BooleanArray = self::positions(before).map(|position| Some(!positions.contains(&position))).collect();
        Ok(Some(together(&CART_EVENTS.schema(), &[filtered(before, &stays), redone])))
    }

    /// Kept rows of which identifications may say something else: anonymous changes in their browsers that nobody is known to have been
    /// identified after any sooner.
    async fn reopened(&self, kept: &Kept, identifications: &RecordBatch) -> Result<RecordBatch, QueryError> {
        let Some(earliest) = instants(identifications, "occurred_at").flatten().min() else {
            return Ok(RecordBatch::new_empty(CART_EVENTS.schema()));
        };
        let visitors: HashSet<&str> = texts(identifications, "visitor_id").flatten().collect();
        let keys = visitors.iter().map(|visitor| search_key(visitor)).collect();
        let base = self.base_rows(kept, &CART_EVENTS, has_key(keys).call(vec![col("visitor_key")]), &CART_EVENTS.names()).await?;
        let overlay = kept.overlay(&CART_EVENTS);
        let overlaid: HashSet<i64> = positions(overlay).collect();
        let is_open = |rows: &RecordBatch| -> BooleanArray {
            let orders = column(rows, "is_order").as_boolean();
            let visitors = texts(rows, "visitor_id").map(|visitor| visitor.is_some_and(|visitor| visitors.contains(visitor)));
            let anonymous =
                texts(rows, "customer_id").zip(orders).map(|(customer, order)| customer.is_none() && order != Some(true));
            let later = instants(rows, "identified_at").map(|at| at.is_none_or(|at| at >= earliest));
            visitors.zip(anonymous).zip(later).map(|((visitor, anonymous), later)| Some(visitor && anonymous && later)).collect()
        };
        let mut open = vec![filtered(overlay, &is_open(overlay))];
        for rows in &base {
            let in_base: BooleanArray = positions(rows).map(|position| Some(!overlaid.contains(&position))).collect();
            let rows = filtered(rows, &in_base);
            open.push(filtered(&rows, &is_open(&rows)));
        }
        Ok(together(&CART_EVENTS.schema(), &open))
    }

    /// Whatever may identify the anonymous among these events; `None` if it is too much.
    async fn identifications_of(&self, events: &RecordBatch) -> Result<Option<RecordBatch>, QueryError> {
        let anonymous: BooleanArray = texts(events, "customer_id").map(|customer| Some(customer.is_none())).collect();
        let anonymous = filtered(events, &anonymous);
        let Some(from) = instants(&anonymous, "occurred_at").flatten().min() else {
            return Ok(Some(RecordBatch::new_empty(identifications_schema())));
        };
        let visitors: HashSet<&str> = texts(&anonymous, "visitor_id").flatten().collect();
        let from_at: Instant = DateTime::from_timestamp_micros(from).unwrap_or_default();
        let params: Params = [("from_at".into(), ParamValue::Instant(from_at))].into();
        let found = self.stream("system/kept/identifications_from", &params).await?;
        let found = found.map_ok(|rows| {
            let theirs = texts(&rows, "visitor_id").map(|visitor| visitor.map(|visitor| visitors.contains(visitor)));
            let theirs: BooleanArray = theirs.collect();
            filtered(&rows, &theirs)
        });
        at_most(IDENTIFICATIONS_MAX, &identifications_schema(), found).await
    }

    /// The rows of the view over these events and identifications.
    async fn identify(&self, events: RecordBatch, identifications: RecordBatch) -> Result<RecordBatch, QueryError> {
        let desk = self.clone().without_kept().with_table(EVENTS, (events.schema(), vec![events]))?;
        let desk = desk.with_table(IDENTIFICATIONS, (identifications.schema(), vec![identifications]))?;
        let rows = desk.stream(DEFINITION, &Params::new()).await?;
        let rows: Vec<RecordBatch> = rows.map_ok(|rows| with_key(&rows)).try_collect().await?;
        Ok(together(&CART_EVENTS.schema(), &rows))
    }
}

/// The table at a moment: what was kept, and `overlay` for what has changed.
pub(super) fn current(kept: &Kept, overlay: &RecordBatch) -> Current {
    let touched: HashSet<i64> = positions(overlay).collect();
    Current {
        tables: [(CART_EVENTS.name, (kept.base(&CART_EVENTS), without_key(overlay)))].into(),
        touched: Touched::Numbers(Arc::new(touched)),
        id: "position",
    }
}

pub(super) fn with_key(rows: &RecordBatch) -> RecordBatch {
    with_search_key(rows, &CART_EVENTS, "visitor_id")
}

/// All rows of a stream; `None` if they are more than so many.
async fn at_most(
    rows_max: usize,
    schema: &SchemaRef,
    mut stream: impl Stream<Item = Result<RecordBatch, QueryError>> + Unpin,
) -> Result<Option<RecordBatch>, QueryError> {
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        if rows > rows_max {
            return Ok(None);
        }
        batches.push(batch);
    }
    Ok(Some(together(schema, &batches)))
}

/// What kept rows are identified by.
fn identified(rows: &RecordBatch) -> RecordBatch {
    let is_identified: BooleanArray = instants(rows, "identified_at").map(|at| Some(at.is_some())).collect();
    let rows = filtered(rows, &is_identified);
    let columns = ["visitor_id", "identified_as", "identified_at", "identified_by"].map(|name| column(&rows, name).clone());
    RecordBatch::try_new(identifications_schema(), columns.into()).expect("one is of the types of the other")
}

fn events_schema() -> SchemaRef {
    let names = [
        "position",
        "occurred_at",
        "event_id",
        "is_order",
        "cart_id",
        "session_id",
        "visitor_id",
        "customer_id",
        "order_id",
        "value",
    ];
    schema_of(&names)
}

fn identifications_schema() -> SchemaRef {
    schema_of(&["visitor_id", "customer_id", "occurred_at", "position"])
}

/// Columns of the kept table, in this order.
fn schema_of(names: &[&str]) -> SchemaRef {
    let schema = CART_EVENTS.schema();
    let places: Vec<usize> = names.iter().map(|name| schema.index_of(name).expect("a column of the table")).collect();
    Arc::new(schema.project(&places).expect("columns of the table"))
}

fn columns(rows: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| column(rows, field.name()).clone());
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("columns of the table")
}

fn together(schema: &SchemaRef, batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(schema, batches).expect("one schema")
}

fn filtered(rows: &RecordBatch, mask: &BooleanArray) -> RecordBatch {
    filter_record_batch(rows, mask).expect("a mask is as long as its table")
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    rows.column_by_name(name).expect("a column of the table")
}

fn texts<'a>(rows: &'a RecordBatch, name: &str) -> impl Iterator<Item = Option<&'a str>> {
    column(rows, name).as_string::<i32>().iter()
}

fn instants(rows: &RecordBatch, name: &str) -> impl Iterator<Item = Option<i64>> {
    column(rows, name).as_primitive::<TimestampMicrosecondType>().iter()
}

fn positions(rows: &RecordBatch) -> impl Iterator<Item = i64> {
    column(rows, "position").as_primitive::<Int64Type>().iter().flatten()
}
