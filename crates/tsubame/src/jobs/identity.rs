//! Who is who, as it arrives and as people decide it: claims are judged in `state`, which must know whom the shop has known longer.

use std::collections::{BTreeMap, BTreeSet};

use model::{Claim, CustomerId, Event, Fact, Instant, Record};
use query::{Mode, ParamValue, Params, Value};
use state::{ClaimsJudged, Proposal};

use super::tick::Rows;
use crate::{
    fault::{Exit, Fault},
    workspace::Workspace,
};

/// Proposals that are shown at once: each has its people's facts beside it.
pub const SHOWN_MAX: usize = 50;

/// What may be told of a customer when people decide whether two are one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub registered_on: Option<chrono::NaiveDate>,
    pub gender: Option<String>,
    pub birthday: Option<chrono::NaiveDate>,
    pub prefecture: Option<String>,
    pub orders: i64,
    pub net_revenue: model::Money,
    pub first_ordered_on: Option<chrono::NaiveDate>,
    pub last_ordered_on: Option<chrono::NaiveDate>,
}

/// Judges claims as they come. Those of a public key tie visitors alone.
pub async fn claims(workspace: &Workspace, claims: Vec<Claim>) -> Result<ClaimsJudged, Fault> {
    if claims.is_empty() {
        return Ok(ClaimsJudged::default());
    }
    let trusted = claims.iter().filter(|claim| claim.kind == "customer" && claim.trusted);
    let customers: BTreeSet<CustomerId> =
        trusted.flat_map(|claim| [CustomerId::stored(claim.from_id.as_str()), claim.customer_id.clone()]).collect();
    remember_since(workspace, &customers).await?;
    let judged = workspace.state.identities().record(&claims, workspace.now()).await?;
    changed(workspace, &judged);
    Ok(judged)
}

/// Guests who turn out to be members by the e-mail address. To be called after addresses of these customers were stored, and only for
/// addresses that came from a source the shop trusts.
pub async fn settle(workspace: &Workspace, customers: &[CustomerId]) -> Result<ClaimsJudged, Fault> {
    let judged = workspace.state.identities().settle(customers, workspace.now()).await?;
    changed(workspace, &judged);
    Ok(judged)
}

/// Visitors who came by a link of ours: the link names the send, and the send its customer. Links are forwarded and can be made up, so a claim
/// of this kind ties a visitor only, and gives way to what a visitor says of themselves.
pub async fn by_links(workspace: &Workspace, facts: &[Fact]) -> Result<Vec<Claim>, Fault> {
    let mut seen = BTreeSet::new();
    let mut claims = Vec::new();
    for fact in facts.iter().filter(|fact| fact.table == Event::TABLE && fact.row.contains("\"send_id\":\"")) {
        let Ok(event) = serde_json::from_str::<Event>(&fact.row) else { continue };
        let (None, Some(visitor_id), Some(send_id)) = (event.customer_id, event.visitor_id, event.send_id) else { continue };
        if !seen.insert((visitor_id.clone(), send_id.clone())) {
            continue;
        }
        let Some(held) = workspace.state.ledger().send(&send_id).await? else { continue };
        claims.push(Claim {
            kind: "visitor",
            from_id: visitor_id,
            customer_id: held.send.customer_id,
            rule: "click",
            trusted: false,
            at: workspace.now(),
            source: event.source,
            evidence: Some(format!("send {send_id}")),
        });
    }
    Ok(claims)
}

/// A person says that the two are one. Returns who survives.
pub async fn merge(workspace: &Workspace, a: &str, b: &str, by: &str) -> Result<CustomerId, Fault> {
    let both = known(workspace, a, b).await?;
    remember_since(workspace, &both.iter().cloned().collect()).await?;
    let survivor = workspace.state.identities().merge(&both[0], &both[1], by, None, workspace.now()).await?;
    workspace.forget_reachable();
    Ok(survivor)
}

/// A person says that the two are not one.
pub async fn decline(workspace: &Workspace, a: &str, b: &str, by: &str) -> Result<(), Fault> {
    let both = known(workspace, a, b).await?;
    workspace.state.identities().decline(&both[0], &both[1], by, workspace.now()).await?;
    workspace.forget_reachable();
    Ok(())
}

/// A person takes a merge back. Returns whom the customer had been merged into.
pub async fn undo(workspace: &Workspace, customer: &str, by: &str) -> Result<CustomerId, Fault> {
    let customer = parsed(workspace, customer)?;
    let survivor = workspace.state.identities().undo(&customer, by, workspace.now()).await?;
    workspace.forget_reachable();
    Ok(survivor)
}

/// The first proposals with what is known of their people, and how many there are.
pub async fn compared(workspace: &Workspace) -> Result<(Vec<Proposal>, BTreeMap<CustomerId, Facts>, usize), Fault> {
    let mut proposals = workspace.state.identities().proposals().await?;
    let count = proposals.len();
    proposals.truncate(SHOWN_MAX);
    let customers: BTreeSet<&str> = proposals.iter().flat_map(|proposal| [proposal.a.as_str(), proposal.b.as_str()]).collect();
    let facts = facts_of(workspace, &customers.into_iter().collect::<Vec<_>>()).await?;
    Ok((proposals, facts, count))
}

/// What is known of customers; those of whom nothing is are missing.
pub async fn facts_of(workspace: &Workspace, customers: &[&str]) -> Result<BTreeMap<CustomerId, Facts>, Fault> {
    if customers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let desk = workspace.desk(workspace.now(), Mode::AsHappened).await?;
    let params: Params = [("customers".to_string(), ParamValue::Text(customers.join(" ")))].into();
    let answer = desk.ask("system/compared", &params).await?;
    let rows = Rows::new(&answer);
    (0..answer.rows.len())
        .map(|row| {
            let facts = Facts {
                registered_on: rows.date(row, "registered_on"),
                gender: rows.text(row, "gender"),
                birthday: rows.date(row, "birthday"),
                prefecture: rows.text(row, "prefecture"),
                orders: rows.int(row, "orders")?,
                net_revenue: rows.money(row, "net_revenue")?,
                first_ordered_on: rows.date(row, "first_ordered_on"),
                last_ordered_on: rows.date(row, "last_ordered_on"),
            };
            Ok((CustomerId::stored(rows.needed(row, "customer_id")?), facts))
        })
        .collect()
}

/// An id as people write it. What is typed is never an address in our answer: an address becomes its pseudonym.
pub fn parsed(workspace: &Workspace, id: &str) -> Result<CustomerId, Fault> {
    CustomerId::parse(id, workspace.state.vault().id_key()).map_err(|error| {
        Fault::new(Exit::Config, format!("this is no customer id: {error}"))
            .remedy("`tsubame query customer_search` finds customers")
    })
}

/// Who is meant by an id as people write it: the customer that it is by now.
pub async fn known_as(workspace: &Workspace, id: &str) -> Result<CustomerId, Fault> {
    let asked = parsed(workspace, id)?;
    let now = workspace.reachable().await?.survivor(asked.clone());
    if now == asked {
        refuse_unknown(workspace, &asked).await?;
    }
    Ok(now)
}

/// A slip of the pen is no customer.
pub async fn refuse_unknown(workspace: &Workspace, customer: &CustomerId) -> Result<(), Fault> {
    match since(workspace, customer).await? {
        Some(_) => Ok(()),
        None => Err(Fault::new(Exit::Data, format!("the shop knows no customer {customer}"))
            .remedy("`tsubame query customer_search -p q=START` lists customers whose ids start so")),
    }
}

fn changed(workspace: &Workspace, judged: &ClaimsJudged) {
    if judged.merged > 0 {
        workspace.forget_reachable();
    }
}

async fn known(workspace: &Workspace, a: &str, b: &str) -> Result<[CustomerId; 2], Fault> {
    let both = [parsed(workspace, a)?, parsed(workspace, b)?];
    for customer in &both {
        refuse_unknown(workspace, customer).await?;
    }
    Ok(both)
}

async fn remember_since(workspace: &Workspace, customers: &BTreeSet<CustomerId>) -> Result<(), Fault> {
    let mut known = Vec::new();
    for customer in customers {
        if let Some(at) = since(workspace, customer).await? {
            known.push((customer.clone(), at));
        }
    }
    if known.is_empty() { Ok(()) } else { Ok(workspace.state.identities().seen(&known).await?) }
}

/// Since when the shop has known a customer.
async fn since(workspace: &Workspace, customer: &CustomerId) -> Result<Option<Instant>, Fault> {
    let desk = workspace.desk(workspace.now(), Mode::AsHappened).await?;
    let params: Params = [("customer".to_string(), ParamValue::Text(customer.to_string()))].into();
    let answer = desk.ask("system/known_since", &params).await?;
    let registered = Rows::new(&answer).date(0, "registered_on").map(|day| workspace.shop().timezone.start_of(day));
    let first = match answer.get(0, "since") {
        Some(Value::Instant(at)) => Some(*at),
        _ => None,
    };
    Ok(registered.into_iter().chain(first).min())
}
