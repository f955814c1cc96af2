//! The per-customer values: kept for questions of today as facts land, and nightly as a table that other engines read. Only customers whose
//! values changed are worked out, and only those get a new revision.

use model::{CustomerId, Fact, Instant, customer::CustomerFacts, derive_id};
use query::{Mode, Params, Refreshed};

use crate::{
    fault::Fault,
    jobs::{maintain::alone, tick::Rows},
    workspace::Workspace,
};

const CHUNK: usize = 10_000;
/// So far may what has landed be ahead of what is kept, in positions of the journal, between two nights.
const NEWS_MAX: i64 = 10_000;

/// Brings what is kept per customer to a moment, unless another job has the lake.
pub async fn keep(workspace: &Workspace, until: Instant) -> Result<Option<Refreshed>, Fault> {
    let work = async {
        let desk = workspace.desk(until, Mode::AsKnown).await?;
        let refreshed = desk.refresh_kept(&workspace.lake).await?;
        tracing::debug!(?refreshed, "kept values");
        Ok(refreshed)
    };
    alone(workspace, Box::pin(work)).await
}

/// [`keep`], if many facts have landed since. Fewer are worked out by each question for itself, in less time than keeping them takes.
pub async fn keep_if_landed(workspace: &Workspace, until: Instant) -> Result<(), Fault> {
    let kept = workspace.lake.kept().await;
    let landed = workspace.lake.watermarks().await;
    let seen = |table: &str| kept.as_ref().map_or(0, |kept| kept.manifest.positions.get(table).copied().unwrap_or(0));
    if ["orders", "identities", "events"]
        .iter()
        .any(|table| landed.get(table).is_some_and(|landed| *landed > seen(table) + NEWS_MAX))
    {
        keep(workspace, until).await?;
    }
    Ok(())
}

/// Revisions appended.
pub async fn facts(workspace: &Workspace, until: Instant) -> Result<u64, Fault> {
    let desk = workspace.desk(until, Mode::AsKnown).await?;
    let answer = desk.ask("system/customer_facts_changed", &Params::new()).await?;
    let rows = Rows::new(&answer);
    let mut facts = Vec::new();
    for row in 0..answer.rows.len() {
        let mut revision = CustomerFacts {
            customer_id: CustomerId::stored(rows.needed(row, "customer_id")?),
            revision_id: String::new(),
            first_ordered_on: rows.date(row, "first_ordered_on"),
            second_ordered_on: rows.date(row, "second_ordered_on"),
            last_ordered_on: rows.date(row, "last_ordered_on"),
            orders: rows.int(row, "orders")?,
            purchase_days: rows.int(row, "purchase_days")?,
            discounted_orders: rows.int(row, "discounted_orders")?,
            gross_revenue: rows.money(row, "gross_revenue")?,
            net_revenue: rows.money(row, "net_revenue")?,
        };
        // The night belongs to the id: values may come back to what they were.
        revision.revision_id = derive_id(&["facts", revision.customer_id.as_str(), &model::time::rfc3339(until)])?;
        facts.push(Fact::new(&revision, until, until));
    }
    let mut stored = 0;
    for chunk in facts.chunks(CHUNK) {
        stored += workspace.state.journal().append(chunk.to_vec(), workspace.now()).await?.stored as u64;
    }
    Ok(stored)
}
