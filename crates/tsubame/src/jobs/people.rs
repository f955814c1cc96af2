//! What is learnt of people, by whichever door it came: addresses into the vault, permissions, guests who turn out to be members, who is
//! gone and who blocks us. Before the facts of the same request or chunk: should we stop in between, it is told again, and nothing that is
//! known lacks its address or consent.

use std::collections::BTreeSet;

use model::{Consent, CustomerId, Instant, SuppressedAddress, Suppression};
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

/// Blocks addresses, and takes blocks back: each word as of its own time, and the last one holds. A block that was told of a customer (by a
/// receipt, by a file) is over for those who have the address.
pub async fn block(workspace: &Workspace, blocked: &[SuppressedAddress], unblocked: &[SuppressedAddress]) -> Result<(), Fault> {
    if blocked.is_empty() && unblocked.is_empty() {
        return Ok(());
    }
    let (consents, now) = (workspace.state.consents(), workspace.now());
    consents.suppress_addresses(blocked, now).await?;
    consents.lift_addresses(unblocked, now).await?;
    let mut owners = BTreeSet::new();
    for word in blocked {
        owners.extend(consents.owners(word.kind, &word.address).await?);
    }
    let mut lifted = Vec::new();
    for word in unblocked {
        let those = consents.owners(word.kind, &word.address).await?;
        owners.extend(those.iter().cloned());
        // It may have been told after a later block.
        if consents.is_suppressed(word).await? {
            continue;
        }
        lifted.extend(those.into_iter().map(|customer_id| {
            let suppression = Suppression {
                customer_id,
                channel: word.channel,
                reason: word.reason.clone(),
                active: false,
                source: word.source.clone(),
                changed_at: word.at,
            };
            (suppression, now.max(word.at))
        }));
    }
    consents.record_suppressions(&lifted, now).await?;
    workspace.forget_reachable_of(owners);
    Ok(())
}
