//! What is learnt of people, by whichever door it came: addresses into the vault, permissions, and guests who turn out to be members. Before the facts
//! of the same request or chunk: should we stop in between, it is told again, and nothing that is known lacks its address or consent.

use std::collections::BTreeSet;

use model::{Consent, CustomerId, Instant};
use state::ContactChange;

use crate::{fault::Fault, jobs::identity, workspace::Workspace};

/// Returns when all of it is on stable storage. Addresses must come from a source that the shop trusts: equal ones may make two people one.
pub async fn learn(
    workspace: &Workspace,
    source: &str,
    contacts: Vec<ContactChange>,
    consents: &[(Consent, Instant)],
) -> Result<(), Fault> {
    let (state, now) = (&workspace.state, workspace.now());
    let mut is_changed = !consents.is_empty();
    if !contacts.is_empty() {
        is_changed |= state.vault().put_changes(&contacts, source, now).await? > 0;
    }
    if !consents.is_empty() {
        state.consents().record_consents(consents, now).await?;
    }
    if is_changed {
        workspace.forget_reachable();
    }
    let told: BTreeSet<CustomerId> = contacts.into_iter().map(|change| change.contact.customer_id).collect();
    if !told.is_empty() {
        identity::settle(workspace, &told.into_iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}
