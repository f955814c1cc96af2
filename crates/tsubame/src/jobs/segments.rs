//! Nightly: who entered each segment and who left it, so that who was in it on a night can be asked ever after. A night is saved once, as it
//! was known: what comes in late changes the nights to come.

use std::collections::{BTreeMap, BTreeSet};

use model::{CustomerId, Fact, Instant, Run, SegmentChange, derive_id};
use query::{Desk, Mode, ParamValue, Params, Query, segment::Side};
use serde_json::json;

use crate::{fault::Fault, jobs::tick::Rows, workspace::Workspace};

/// Saves them; those whose night could not be saved.
pub async fn segments(workspace: &Workspace, night: Instant) -> Result<Vec<String>, Fault> {
    let desk = workspace.desk(night, Mode::AsKnown).await?;
    let mut newest = desk.clone();
    // A night that was saved is known as of itself; one that comes after is known too.
    newest.moment.as_of = workspace.now().max(night);
    let done = names(&newest, night).await?;
    let mut before = saved(&newest).await?;
    let mut unsaved = Vec::new();
    for name in crate::segments::kept(workspace)? {
        let name = name.as_str();
        let Some(query) = workspace.library.segment(name).filter(|_| !done.contains(name)) else { continue };
        let members = match (Side { desk: &desk, query, params: &Params::new() }).members().await {
            Ok(members) => members,
            // One wrong file must not keep the others, and the exports after them, from their night.
            Err(error) => {
                tracing::error!(segment = name, %error, "the night's members could not be saved");
                unsaved.push(name.to_string());
                continue;
            }
        };
        let facts = changes(name, query, &before.remove(name).unwrap_or_default(), &members, night)?;
        workspace.state.journal().append(facts, workspace.now()).await?;
    }
    Ok(unsaved)
}

/// The run and its changes, in one append: both are in the journal or neither.
fn changes(
    name: &str,
    query: &Query,
    before: &BTreeSet<String>,
    members: &BTreeSet<String>,
    night: Instant,
) -> Result<Vec<Fact>, Fault> {
    let definition = query.hash();
    let run_id = derive_id(&["segment", name, &model::time::rfc3339(night)])?;
    let change = |customer: &String, entered: bool| {
        let change = SegmentChange {
            run_id: run_id.clone(),
            segment: name.into(),
            definition: definition.clone(),
            as_of: night,
            customer_id: CustomerId::stored(customer.clone()),
            entered,
        };
        Fact::new(&change, night, night)
    };
    let mut facts: Vec<Fact> = members.difference(before).map(|customer| change(customer, true)).collect();
    let entered = facts.len();
    facts.extend(before.difference(members).map(|customer| change(customer, false)));
    let run = Run {
        run_id: run_id.clone(),
        kind: "segment".into(),
        name: name.into(),
        logical_at: night,
        definition: definition.clone(),
        members: members.len() as i64,
        counts: json!({ "members": members.len(), "entered": entered, "left": facts.len() - entered }),
    };
    facts.push(Fact::new(&run, night, night));
    Ok(facts)
}

async fn names(desk: &Desk, night: Instant) -> Result<BTreeSet<String>, Fault> {
    let params: Params = [("night".to_string(), ParamValue::Instant(night))].into();
    let answer = desk.ask("system/segments_saved_at", &params).await?;
    let rows = Rows::new(&answer);
    (0..answer.rows.len()).map(|row| rows.needed(row, "segment")).collect()
}

/// Who is in each segment by what was saved last.
async fn saved(desk: &Desk) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
    let answer = desk.ask("system/segments_saved", &Params::new()).await?;
    let rows = Rows::new(&answer);
    let mut saved: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        saved.entry(rows.needed(row, "segment")?).or_default().insert(rows.needed(row, "customer_id")?);
    }
    Ok(saved)
}
