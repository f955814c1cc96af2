//! What tells two answers apart: who is in one alone, and the clause of the other that keeps them out of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Clauses, Falls, Flip};
use crate::{Desk, Params, Query, QueryError, Value};

/// A segment at a moment.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub desk: &'a Desk,
    pub query: &'a Query,
    pub params: &'a Params,
}

/// A customer who is in one of two answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub customer: String,
    /// Only in the second; otherwise only in the first.
    pub came: bool,
    /// The first clause that fails where they are not, after the segments it belongs to: `segment.a: orders >= 2`. `None` where the segment
    /// is not one condition on rows.
    pub clause: Option<String>,
    /// What that clause compares where it fails, and where it holds: the same definition at the other moment.
    pub failed: Vec<(String, Value)>,
    pub held: Vec<(String, Value)>,
}

/// Who is only in the first, and who is only in the second, in order of customer; and how many are in both.
pub async fn difference(first: Side<'_>, second: Side<'_>) -> Result<(Vec<Change>, usize), QueryError> {
    let (one, other) = (first.members().await?, second.members().await?);
    let gone: BTreeSet<String> = one.difference(&other).cloned().collect();
    let came: BTreeSet<String> = other.difference(&one).cloned().collect();
    let both = one.len() - gone.len();
    let mut changes = second.kept_out(first, &gone, false).await?;
    changes.extend(first.kept_out(second, &came, true).await?);
    changes.sort_by(|a, b| a.customer.cmp(&b.customer));
    Ok((changes, both))
}

impl Side<'_> {
    pub async fn members(&self) -> Result<BTreeSet<String>, QueryError> {
        let (schema, batches) = self.desk.batches(self.query, self.params).await?;
        let answer = crate::run::answer(&self.query.file, None, &schema, &batches)?;
        let column = super::nights::customer_column(&self.query.file, answer.column("customer_id"))?;
        // A row without a customer is nobody's.
        let member = |row: &Vec<Value>| match row.get(column) {
            Some(Value::Text(customer)) => Some(customer.clone()),
            _ => None,
        };
        Ok(answer.rows.iter().filter_map(member).collect())
    }

    /// Why each of these is not here, while they are at the other side.
    async fn kept_out(&self, other: Side<'_>, customers: &BTreeSet<String>, came: bool) -> Result<Vec<Change>, QueryError> {
        let is_same = self.query.sql == other.query.sql && self.params == other.params;
        let found = reasons(*self, is_same.then_some(other), customers, "").await?;
        let change = |customer: &String| {
            let (clause, failed, held) = found.get(customer).cloned().unwrap_or_default();
            Change { customer: customer.clone(), came, clause, failed, held }
        };
        Ok(customers.iter().map(change).collect())
    }
}

type Values = Vec<(String, Value)>;
type Reason = (Option<String>, Values, Values);

async fn reasons(
    side: Side<'_>,
    same: Option<Side<'_>>,
    customers: &BTreeSet<String>,
    prefix: &str,
) -> Result<BTreeMap<String, Reason>, QueryError> {
    let mut found = BTreeMap::new();
    let Some(clauses) = Clauses::read(side.query)?.filter(|_| !customers.is_empty()) else { return Ok(found) };
    let flips = clauses.flips(side.desk, side.params, customers).await?;
    let texts = clauses.texts();
    let held = match same {
        Some(same) => held(&clauses, same, &flips).await?,
        None => BTreeMap::new(),
    };
    let mut outside = BTreeSet::new();
    for (customer, flip) in flips {
        match flip.falls {
            Falls::At(clause) => {
                let held = held.get(&customer).cloned().unwrap_or_default();
                found.insert(customer, (Some(format!("{prefix}{}", texts[clause])), flip.values, held));
            }
            Falls::BeforeAny => {
                outside.insert(customer);
            }
            // Two questions to one pinned view cannot disagree.
            Falls::Nowhere => {}
        }
    }
    // Whoever has no row in what it selects from may be kept out by a segment below.
    let below = clauses.inner().and_then(|name| Some((side.desk.library.segment(&name)?, name)));
    if let (Some((query, name)), false) = (below, outside.is_empty()) {
        let none = Params::new();
        let prefix = format!("segment.{name}: ");
        let side = Side { query, params: &none, ..side };
        let same = same.map(|same| Side { query, params: &none, ..same });
        found.extend(Box::pin(reasons(side, same, &outside, &prefix)).await?);
    } else {
        found.extend(
            outside.into_iter().map(|customer| (customer, (Some(format!("{prefix}no row")), Values::new(), Values::new()))),
        );
    }
    Ok(found)
}

/// What the clauses at which customers fall out compare where all of them hold.
async fn held(
    clauses: &Clauses,
    same: Side<'_>,
    flips: &BTreeMap<String, Flip>,
) -> Result<BTreeMap<String, Vec<(String, Value)>>, QueryError> {
    let mut at: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (customer, flip) in flips {
        if let Falls::At(clause) = flip.falls {
            at.entry(clause).or_default().insert(customer.clone());
        }
    }
    let mut found = BTreeMap::new();
    for (clause, customers) in at {
        found.extend(clauses.values(same.desk, same.params, clause, clauses.len(), &customers).await?);
    }
    Ok(found)
}
