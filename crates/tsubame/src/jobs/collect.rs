//! What arrives: events and orders from the shop, receipts from providers. A receipt may also change what we may send.

use model::{Channel, Consent, ConsentState, Fact, Instant, Purpose, Receipt, ReceiptKind, Suppression};

use crate::{fault::Fault, workspace::Workspace};

/// Facts into the journal. Returns how many were new.
pub async fn facts(workspace: &Workspace, facts: Vec<Fact>) -> Result<u64, Fault> {
    if facts.is_empty() {
        return Ok(0);
    }
    let appended = workspace.state.journal().append(facts, workspace.now()).await?;
    Ok(appended.stored as u64)
}

/// Receipts into the journal, and their consequences into consents and suppressions, which come first: if we stop in between, the
/// receipt is told again, and nobody is sent to against their will meanwhile.
pub async fn receipts(workspace: &Workspace, receipts: &[(Instant, Receipt)]) -> Result<u64, Fault> {
    let now = workspace.now();
    let mut consents = Vec::new();
    let mut suppressions = Vec::new();
    for (at, receipt) in receipts {
        match receipt.kind {
            ReceiptKind::Unsubscribed => consents.push((revocation(receipt, *at), *at)),
            ReceiptKind::Blocked | ReceiptKind::Bounced | ReceiptKind::Complained => {
                suppressions.push((suppression(receipt, *at), *at))
            }
            ReceiptKind::Delivered | ReceiptKind::Opened | ReceiptKind::Clicked => {}
        }
    }
    if !consents.is_empty() {
        workspace.state.consents().record_consents(&consents, now).await?;
    }
    if !suppressions.is_empty() {
        workspace.state.consents().record_suppressions(&suppressions, now).await?;
    }
    if !consents.is_empty() || !suppressions.is_empty() {
        workspace.forget_reachable();
    }
    facts(workspace, receipts.iter().map(|(at, receipt)| Fact::new(receipt, *at, *at)).collect()).await
}

fn revocation(receipt: &Receipt, at: Instant) -> Consent {
    Consent {
        customer_id: receipt.customer_id.clone(),
        channel: receipt.channel,
        purpose: Purpose::Marketing,
        state: ConsentState::Revoked,
        source: receipt.source.clone(),
        wording: None,
        evidence: Some(format!("receipt {}", receipt.receipt_id)),
        changed_at: at,
    }
}

fn suppression(receipt: &Receipt, at: Instant) -> Suppression {
    let reason = match receipt.channel {
        Channel::Line if receipt.kind == ReceiptKind::Blocked => "blocked",
        _ => receipt.kind.name(),
    };
    Suppression {
        customer_id: receipt.customer_id.clone(),
        channel: receipt.channel,
        reason: reason.into(),
        active: true,
        source: receipt.source.clone(),
        changed_at: at,
    }
}
