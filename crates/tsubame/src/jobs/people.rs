//! What is learnt of people, by whichever door it came: addresses into the vault, permissions, guests who turn out to be members, who is
//! gone and who blocks us. Before the facts of the same request or chunk: should we stop in between, it is told again, and nothing that is
//! known lacks its address or consent.

use std::collections::BTreeSet;

use model::{Channel, Consent, ConsentState, CustomerId, EntryStatus, Instant, Purpose, SuppressedAddress, Suppression};
use state::{ConsentNow, ContactChange, Erasure};

use crate::{fault::Fault, jobs::identity, workspace::Workspace};

/// What there is to erase of somebody who asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasable {
    pub of: Erasure,
    /// What they may still be written to for.
    pub granted: Vec<ConsentNow>,
    /// Passes through scenarios that end at the next tick after their addresses are gone.
    pub open: usize,
}

impl Erasable {
    /// As of when they had been erased, if nothing came since.
    pub fn gone_at(&self) -> Option<Instant> {
        self.of.before.filter(|_| self.of.addresses == 0)
    }
}

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

/// The person behind a customer's id, and what the vault holds of them. Whom the shop never knew is refused; whom it erased is not.
pub async fn person(workspace: &Workspace, customer: &CustomerId) -> Result<Erasure, Fault> {
    let of = workspace.state.vault().erasable(customer).await?;
    if of.addresses == 0 && of.before.is_none() {
        identity::refuse_unknown(workspace, customer).await?;
    }
    Ok(of)
}

/// What [`erase_asked`] would take away of a customer, whoever they are one person with included.
pub async fn erasable(workspace: &Workspace, customer: &CustomerId) -> Result<Erasable, Fault> {
    let state = &workspace.state;
    let of = person(workspace, customer).await?;
    let mut granted = Vec::new();
    for customer in &of.customers {
        let consents = state.consents().consents_of(customer).await?;
        granted.extend(consents.into_iter().filter(|consent| consent.state == ConsentState::Granted));
    }
    let entries = match of.addresses {
        // Nothing tells the tick of them.
        0 => Vec::new(),
        _ => state.ledger().entries_of(&of.customers).await?,
    };
    let open = entries.iter().filter(|entry| entry.status == EntryStatus::Waiting).count();
    Ok(Erasable { of, granted, open })
}

/// Erases a customer as a shop's own word on them does (see [`erase`]), because somebody asked the account `by` for it: what they had agreed to
/// is revoked first, which says who erased them, then all their addresses go. Returns what there was; asked again, nothing is.
pub async fn erase_asked(workspace: &Workspace, customer: &CustomerId, by: &str) -> Result<Erasable, Fault> {
    let (state, now) = (&workspace.state, workspace.now());
    let found = erasable(workspace, customer).await?;
    let gone_at = found.gone_at();
    let mut permissions: BTreeSet<(&CustomerId, Channel, Purpose)> =
        found.granted.iter().map(|consent| (&consent.customer_id, consent.channel, consent.purpose)).collect();
    if gone_at.is_none() {
        for customer in &found.of.customers {
            permissions.extend([Channel::Email, Channel::Sms].map(|channel| (customer, channel, Purpose::Marketing)));
        }
    }
    let revoked = |(customer_id, channel, purpose): (&CustomerId, Channel, Purpose)| {
        let consent = Consent {
            customer_id: customer_id.clone(),
            channel,
            purpose,
            state: ConsentState::Revoked,
            source: "erasure".into(),
            wording: None,
            evidence: Some(format!("erased by {by}, who was asked to")),
            changed_at: now,
        };
        (consent, now)
    };
    let revoked: Vec<(Consent, Instant)> = permissions.into_iter().map(revoked).collect();
    state.consents().record_consents(&revoked, now).await?;
    match gone_at {
        Some(at) => _ = erase(workspace, &[(customer.clone(), at)]).await?,
        None => state.vault().erase(customer, now).await?,
    }
    workspace.forget_reachable();
    Ok(found)
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
