//! Why one customer is in a segment or not, and in the segments it is made of.

use super::{Clauses, Held, selects_from};
use crate::{Desk, Params, Query, QueryError, Value};

/// A segment as it stands to one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub segment: String,
    pub is_member: bool,
    /// Every clause; none where no row of what it selects from is the customer's, `None` where it is not one condition on rows.
    pub clauses: Option<Vec<Held>>,
    /// The segments it selects from.
    pub inner: Vec<Explained>,
}

/// Every clause of a segment for one customer, and those of the segments it is made of.
pub async fn explain(desk: &Desk, query: &Query, params: &Params, customer: &str) -> Result<Explained, QueryError> {
    let segment = query.name.rsplit('/').next().unwrap_or(&query.name).to_string();
    let clauses = match Clauses::read(query)? {
        Some(clauses) => Some((clauses.explain(desk, params, customer).await?, clauses.len())),
        None => None,
    };
    let is_member = match &clauses {
        // Each says whether a row is left for which it and all before it hold; without a clause every row is.
        Some((held, count)) if *count > 0 => held.last().is_some_and(|last| last.holds),
        _ => is_among(desk, query, params, customer).await?,
    };
    let mut inner = Vec::new();
    for name in selects_from(&desk.library, query)? {
        if let Some(query) = desk.library.segment(&name) {
            inner.push(Box::pin(explain(desk, query, &Params::new(), customer)).await?);
        }
    }
    Ok(Explained { segment, is_member, clauses: clauses.map(|(held, _)| held), inner })
}

async fn is_among(desk: &Desk, query: &Query, params: &Params, customer: &str) -> Result<bool, QueryError> {
    let (schema, batches) = desk.batches(query, params).await?;
    let answer = crate::run::answer(&query.file, None, &schema, &batches)?;
    let column = super::nights::customer_column(&query.file, answer.column("customer_id"))?;
    Ok(answer.rows.iter().any(|row| row.get(column) == Some(&Value::Text(customer.into()))))
}
