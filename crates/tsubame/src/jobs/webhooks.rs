//! What a shop system or LINE told, kept: addresses and consents first, then documents and facts in one transaction, which is what the 200
//! waits for. Should we stop in between, they tell it again, and nothing is there twice.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use connect::{
    collect::OrderTold,
    shops::{
        self, Delivered, Door, Headers, OrderDelta, OrderDocument, StockDelta, StockDocument,
        segment::{OrderEvent, segment_order},
    },
};
use model::{Instant, ShopZone, Source};
use sha2::{Digest, Sha256};
use state::{ContactChange, DeadLetter, DocumentChange, MergedDocument};

use crate::{fault::Fault, jobs::people, workspace::Workspace};

pub const ORDER: &str = "order";
const STOCK_ITEM: &str = "stock_item";
/// How the letters of deliveries are named: then comes the topic.
pub const LETTER: &str = "webhook ";

/// Since when what is told could have been known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Since it came.
    Now,
    /// Since it happened: the past of a shop, fetched once. An order that was not known has a revision per instant it tells of.
    AsItHappened,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Orders and stock items of which something was new.
    pub changed: u64,
    /// Those that had been told before.
    pub repeated: u64,
    /// Facts that were new.
    pub stored: u64,
    pub refused: u64,
    pub left_out: u64,
    /// Orders of which more was refunded than was paid.
    pub refunds_cut: u64,
    pub addresses_dropped: u64,
    /// Customers whose addresses were destroyed.
    pub erased: u64,
    /// Words on addresses, those that had been told before among them.
    pub blocked: u64,
    pub unblocked: u64,
}

impl Kept {
    pub fn add(&mut self, other: &Kept) {
        self.changed += other.changed;
        self.repeated += other.repeated;
        self.stored += other.stored;
        self.refused += other.refused;
        self.left_out += other.left_out;
        self.refunds_cut += other.refunds_cut;
        self.addresses_dropped += other.addresses_dropped;
        self.erased += other.erased;
        self.blocked += other.blocked;
        self.unblocked += other.unblocked;
    }
}

/// What deliveries of a source are read by.
pub fn door<'a>(workspace: &'a Workspace, source: &'a Source, received_at: Instant) -> Door<'a> {
    let shop = workspace.shop();
    Door { source, key: workspace.state.vault().id_key(), currency: &shop.currency, zone: shop.timezone, received_at }
}

/// Returns when all of it is on stable storage.
pub async fn keep(
    workspace: &Workspace,
    source: &Source,
    topic: &str,
    delivered: Delivered,
    known: Known,
) -> Result<Kept, Fault> {
    let (state, now) = (&workspace.state, workspace.now());
    let letters = letters(workspace, source, topic, &delivered);
    let mut kept = Kept {
        refused: letters.len() as u64,
        left_out: delivered.left_out.values().sum(),
        addresses_dropped: delivered.addresses_dropped.values().sum(),
        blocked: delivered.blocked.len() as u64,
        unblocked: delivered.unblocked.len() as u64,
        ..Kept::default()
    };
    let change = |(contact, since)| ContactChange { contact, active: true, changed_at: since, known_at: now.max(since) };
    let contacts: Vec<ContactChange> = delivered.contacts.into_iter().map(change).collect();
    people::learn(workspace, &source.name, contacts, &delivered.consents).await?;
    kept.erased = people::erase(workspace, &delivered.erased).await?;
    people::block(workspace, &delivered.blocked, &delivered.unblocked).await?;
    if !letters.is_empty() {
        state.vault().dead_letter(&letters, now).await?;
    }
    let cut = Arc::new(AtomicU64::new(0));
    let context = Context { source: source.name.clone(), zone: workspace.shop().timezone, known, now, cut: cut.clone() };
    let orders = delivered.orders.into_iter().map(|delta| order_change(&context, delta));
    let stock = delivered.stock.into_iter().map(|delta| stock_change(&context, delta));
    let changes: Vec<DocumentChange> = orders.chain(stock).collect();
    let done = state.documents().update(&source.name, changes, delivered.facts, now).await?;
    kept.changed = done.changed as u64;
    kept.repeated = done.repeated as u64;
    kept.stored = done.stored as u64;
    kept.refunds_cut = cut.load(Ordering::Relaxed);
    Ok(kept)
}

/// The topic of a delivery, by the name of its letter.
pub fn topic_of(file: &str) -> Option<&str> {
    file.strip_prefix(LETTER)?.split(' ').next()
}

/// Reads the bytes of a letter again: what was refused once may be understood by now.
pub fn read_letter(workspace: &Workspace, source: &Source, topic: &str, raw: &[u8]) -> Delivered {
    let headers = ["x-shopify-topic", "x-wc-webhook-topic"].map(|name| (name.to_string(), topic.to_string()));
    shops::read(&door(workspace, source, workspace.now()), Headers(&headers), raw)
}

/// What events of a trusted server say of orders, for the same documents.
pub fn told_by_events(workspace: &Workspace, source: &Source, told: &[OrderTold]) -> Vec<DocumentChange> {
    let (shop, now) = (workspace.shop(), workspace.now());
    let context =
        Context { source: source.name.clone(), zone: shop.timezone, known: Known::Now, now, cut: Arc::new(AtomicU64::new(0)) };
    let delta = |told: &OrderTold| {
        segment_order(&OrderEvent {
            name: &told.name,
            event_id: &told.event_id,
            at: told.at,
            customer_id: told.customer_id.as_ref(),
            properties: &told.properties,
            send_id: told.send_id.as_deref(),
            currency: &shop.currency,
            tax_included: source.tax_included,
        })
    };
    told.iter().filter_map(delta).map(|delta| order_change(&context, delta)).collect()
}

/// What a change of a document needs to know, apart from the change.
#[derive(Clone)]
struct Context {
    source: String,
    zone: ShopZone,
    known: Known,
    now: Instant,
    cut: Arc<AtomicU64>,
}

fn order_change(context: &Context, delta: OrderDelta) -> DocumentChange {
    let context = context.clone();
    let order_id = delta.order_id.clone();
    let merge = move |before: Option<&[u8]>| {
        let before = before.map(OrderDocument::read).transpose()?.unwrap_or_default();
        let is_new = before.base.is_none();
        let merged = before.merge(delta.document);
        let stages = match context.known {
            Known::AsItHappened if is_new => merged.history(),
            Known::AsItHappened | Known::Now => vec![merged.clone()],
        };
        let mut facts = Vec::new();
        for revision in stages.iter().filter_map(|stage| stage.revision(&context.source, &order_id, context.zone)) {
            context.cut.fetch_add(u64::from(revision.refund_cut), Ordering::Relaxed);
            let known_at = match context.known {
                Known::Now => context.now.max(revision.occurred_at),
                Known::AsItHappened => revision.occurred_at,
            };
            facts.extend(revision.facts(known_at));
        }
        Ok(MergedDocument { document: merged.bytes(), facts })
    };
    DocumentChange { kind: ORDER, id: delta.order_id, merge: Box::new(merge) }
}

fn stock_change(context: &Context, delta: StockDelta) -> DocumentChange {
    let context = context.clone();
    let merge = move |before: Option<&[u8]>| {
        let merged = before.map(StockDocument::read).transpose()?.unwrap_or_default().merge(delta.document);
        let facts = merged.facts(&context.source, context.now);
        Ok(MergedDocument { document: merged.bytes(), facts })
    };
    DocumentChange { kind: STOCK_ITEM, id: delta.item_id, merge: Box::new(merge) }
}

/// A letter for each delivery or record that was refused. Equal ones make one letter.
fn letters(workspace: &Workspace, source: &Source, topic: &str, delivered: &Delivered) -> Vec<DeadLetter> {
    let key = workspace.state.vault().id_key();
    // The topic stands in a header, which nobody signs.
    let is_plain = topic.len() <= 60 && topic.bytes().all(|byte| byte.is_ascii_lowercase() || b"/_.".contains(&byte));
    let topic = if is_plain { topic } else { "" };
    delivered
        .refused
        .iter()
        .map(|refused| DeadLetter {
            source: source.name.clone(),
            // The name tells equal bytes, and nothing else without our key.
            file: format!("{LETTER}{topic} {}", key.pseudonym(&model::id::hex(&Sha256::digest(&refused.raw)))),
            line: 0,
            column: 0,
            code: refused.code.into(),
            reason: refused.reason.clone(),
            remedy: refused.remedy.clone(),
            raw: refused.raw.clone(),
        })
        .collect()
}
