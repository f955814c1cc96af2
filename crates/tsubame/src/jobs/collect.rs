//! What arrives: events and orders from the shop, receipts from providers. A receipt may also change what we may send. What a client
//! sent and we could not use waits, sealed, in the quarantine.

use connect::collect::{Collected, Endpoint, Malformed, Refused, Request};
use model::{Channel, Consent, ConsentState, Fact, Instant, Purpose, Receipt, ReceiptKind, Source, SourceKind, Suppression};
use sha2::{Digest, Sha256};
use state::{ContactChange, DeadLetter};

use crate::{
    fault::Fault,
    jobs::{identity, people, webhooks},
    workspace::Workspace,
};

/// Facts into the journal. Returns how many were new.
pub async fn facts(workspace: &Workspace, facts: Vec<Fact>) -> Result<u64, Fault> {
    Ok(append(workspace, facts).await?.stored)
}

/// What became of a request's facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    pub stored: u64,
    /// They were there already: the client sent them twice.
    pub duplicates: u64,
}

/// A request of a client, apart from how it came.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    pub endpoint: Endpoint,
    /// Inflated.
    pub body: &'a [u8],
    pub query: &'a [(String, String)],
    pub sent_at: Option<&'a str>,
    pub anonymous_id: Option<&'a str>,
    pub received_at: Instant,
    pub seed: [u8; 16],
}

/// Facts, addresses, consents and claims of a request.
pub fn read(workspace: &Workspace, source: &Source, arrived: &Arrived) -> Result<Collected, Malformed> {
    let shop = workspace.shop();
    connect::collect::collect(&Request {
        source,
        endpoint: arrived.endpoint,
        body: arrived.body,
        query: arrived.query,
        received_at: arrived.received_at,
        sent_at: arrived.sent_at,
        anonymous_id: arrived.anonymous_id,
        key: workspace.state.vault().id_key(),
        currency: &shop.currency,
        zone: shop.timezone,
        relay_domains: &shop.relay_domains,
        seed: arrived.seed,
    })
}

/// Keeps what was read; returns when all of it is on stable storage. Facts come last: should we stop before, the client sends again, and
/// nothing that is known lacks its address or consent.
pub async fn keep(workspace: &Workspace, source: &Source, collected: Collected, letters: Vec<DeadLetter>) -> Result<Kept, Fault> {
    let (state, now) = (&workspace.state, workspace.now());
    let changes: Vec<ContactChange> = collected
        .contacts
        .into_iter()
        .map(|(contact, known_at)| ContactChange { contact, active: true, changed_at: known_at, known_at })
        .collect();
    people::learn(workspace, &source.name, changes, &collected.consents).await?;
    if !letters.is_empty() {
        state.vault().dead_letter(&letters, now).await?;
    }
    let mut claims = identity::by_links(workspace, &collected.facts).await?;
    claims.extend(collected.claims);
    if !claims.is_empty() {
        identity::claims(workspace, claims).await?;
    }
    let facts = collected.facts;
    let orders = webhooks::told_by_events(workspace, source, &collected.orders);
    if orders.is_empty() {
        return append(workspace, facts).await;
    }
    let done = state.documents().update(&source.name, orders, facts, now).await?;
    Ok(Kept { stored: done.stored as u64, duplicates: done.duplicates as u64 })
}

async fn append(workspace: &Workspace, facts: Vec<Fact>) -> Result<Kept, Fault> {
    if facts.is_empty() {
        return Ok(Kept::default());
    }
    let appended = workspace.state.journal().append(facts, workspace.now()).await?;
    Ok(Kept { stored: appended.stored as u64, duplicates: appended.duplicates as u64 })
}

/// Where the letters of live events are kept, as opposed to those of files.
pub const LIVE: &str = "live ";

/// A letter for each event that was refused. Equal events make one letter.
pub fn letters(workspace: &Workspace, source: &Source, refused: &[Refused]) -> Vec<DeadLetter> {
    let key = workspace.state.vault().id_key();
    // The name tells equal events, and nothing else without our key.
    let named = |raw: &[u8]| format!("{LIVE}{}", key.pseudonym(&model::id::hex(&Sha256::digest(raw))));
    let letter = |refused: &Refused| DeadLetter {
        source: source.name.clone(),
        file: named(&refused.raw),
        line: 0,
        column: 0,
        code: refused.code.into(),
        reason: refused.reason.clone(),
        remedy: refused.remedy.clone(),
        raw: refused.raw.clone(),
    };
    refused.iter().map(letter).collect()
}

/// Reads the bytes of a letter again, as of the time it arrived. An event without an id gets the same one each time.
pub fn read_letter(workspace: &Workspace, source: &Source, raw: &[u8], received_at: Instant) -> Result<Collected, Malformed> {
    let seed = Sha256::digest(raw)[..16].try_into().expect("16 of 32 bytes");
    let endpoint = if source.kind == SourceKind::Ga4 { Endpoint::Ga4 } else { Endpoint::Batch };
    let arrived = Arrived { endpoint, body: raw, query: &[], sent_at: None, anonymous_id: None, received_at, seed };
    read(workspace, source, &arrived)
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
    let of_consents = consents.iter().map(|(consent, _)| consent.customer_id.clone());
    workspace.forget_reachable_of(of_consents.chain(suppressions.iter().map(|(suppression, _)| suppression.customer_id.clone())));
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
