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
    /// Which of them its rows are the members of: who is not in that one is not in this.
    pub is_part_of: Option<String>,
}

/// Every clause of a segment for one customer, and those of the segments it is made of.
pub async fn explain(desk: &Desk, query: &Query, params: &Params, customer: &str) -> Result<Explained, QueryError> {
    let segment = query.name.rsplit('/').next().unwrap_or(&query.name).to_string();
    // What is wrong with it is said of its own text, and not of the questions that are made of it.
    desk.plan_of(query, params).await?;
    let read = Clauses::read(query)?;
    let is_part_of = read.as_ref().and_then(Clauses::inner);
    let (clauses, is_member) = match read {
        Some(clauses) => {
            let (held, is_member) = clauses.explain(desk, params, customer).await?;
            (Some(held), is_member)
        }
        None => (None, is_among(desk, query, params, customer).await?),
    };
    let mut inner = Vec::new();
    for name in selects_from(&desk.library, query)? {
        if let Some(query) = desk.library.segment(&name) {
            inner.push(Box::pin(explain(desk, query, &Params::new(), customer)).await?);
        }
    }
    Ok(Explained { segment, is_member, clauses, inner, is_part_of })
}

async fn is_among(desk: &Desk, query: &Query, params: &Params, customer: &str) -> Result<bool, QueryError> {
    let (schema, batches) = desk.batches(query, params).await?;
    let answer = crate::run::answer(&query.file, None, &schema, &batches)?;
    let column = super::nights::customer_column(&query.file, answer.column("customer_id"))?;
    Ok(answer.rows.iter().any(|row| row.get(column) == Some(&Value::Text(customer.into()))))
}
