//! What is learnt of people, by whichever door it came: addresses into the vault, permissions, guests who turn out to be members, and who is
//! gone. Before the facts of the same request or chunk: should we stop in between, it is told again, and nothing that is known lacks its
//! address or consent.

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

/// Destroys the addresses of those who are gone, each as of when; of how many that was news. After what the same delivery tells of them.
pub async fn erase(workspace: &Workspace, erased: &[(CustomerId, Instant)]) -> Result<u64, Fault> {
    let mut news = 0;
    for (customer, at) in erased {
        news += u64::from(workspace.state.vault().erase_as_of(customer, *at, workspace.now()).await?);
    }
    if !erased.is_empty() {
        workspace.forget_reachable();
    }
    Ok(news)
}
