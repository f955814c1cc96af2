//! Messages whose outcome nobody knows: what a person may decide about each. Nothing is sent again by itself, and what is decided is a fact with a
//! name and a time. An advertisement that would be too late to be of use is let be without anybody.

use chrono::TimeDelta;
use connect::senders::{self, Presence};
use model::{Instant, Purpose, Send};
use state::{Held, Settling};

use crate::{
    fault::{Exit, Fault},
    jobs::deliver,
    transport::Transport,
    workspace::Workspace,
};

/// An advertisement whose step does not say how long it is of use waits this long for a person.
const WAITS_MAX: TimeDelta = TimeDelta::days(3);
/// Who lets be what is too late.
const BY_ITSELF: &str = "the shop's rule: too late to be of use";

/// What a look at the provider found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// It has the message, which is written down.
    Found,
    /// It answered, and that does not tell.
    CannotTell,
    /// This sender cannot be asked.
    NoLookUp,
}

/// Asks the provider whether it has the message, where its sender knows how.
pub async fn look_up(workspace: &Workspace, send_id: &str, by: &str) -> Result<Looked, Fault> {
    let send = one(workspace, send_id).await?.send;
    let Some(settings) = workspace.shop().senders.iter().find(|settings| settings.channel == send.channel) else {
        return Ok(Looked::NoLookUp);
    };
    let sender = senders::open(settings).map_err(|problems| Fault::problems(&problems))?;
    let Some(asked) = sender.look_up(send_id) else { return Ok(Looked::NoLookUp) };
    let transport = Transport::open(&workspace.folder, settings)?;
    let answer = transport.look(&asked).await;
    let answer = answer.map_err(|source| Fault::io(format!("could not ask whether send {send_id} arrived"), source))?;
    match answer.map(|answer| sender.presence(send_id, &answer)) {
        Some(Presence::Has { provider_id }) => {
            settle(workspace, send_id, Settling::Found { provider_id }, by).await?;
            Ok(Looked::Found)
        }
        Some(Presence::CannotTell) | None => Ok(Looked::CannotTell),
    }
}

/// Writes down what a person says of it.
pub async fn settle(workspace: &Workspace, send_id: &str, how: Settling, by: &str) -> Result<(), Fault> {
    one(workspace, send_id).await?;
    Ok(workspace.state.ledger().settle_parked(send_id, how, by, workspace.now()).await?)
}

/// Sends it once more, even if it arrives twice.
pub async fn resend(workspace: &Workspace, send_id: &str, by: &str) -> Result<deliver::Report, Fault> {
    one(workspace, send_id).await?;
    deliver::resend(workspace, send_id, by).await
}

/// The send, if it is one that waits for a person.
async fn one(workspace: &Workspace, send_id: &str) -> Result<Held, Fault> {
    let held = workspace.state.ledger().send(send_id).await?;
    held.filter(|held| held.send.state == model::SendState::Parked).ok_or_else(|| {
        Fault::new(Exit::Data, format!("no parked message has the id {send_id}"))
            .remedy("`tsubame sends parked` lists them; somebody may have decided about it already")
    })
}

/// Everything that waits for a person, oldest first, and until when it does: what a customer is owed waits however long.
pub async fn list(workspace: &Workspace) -> Result<Vec<(Held, Option<Instant>)>, Fault> {
    let parked = workspace.state.ledger().parked().await?;
    if parked.is_empty() {
        return Ok(Vec::new());
    }
    let scenarios = deliver::scenarios_of_sends(workspace, parked.iter().map(|held| &held.send)).await?;
    let grace = workspace.shop().grace.0;
    let waits_until = |send: &Send| {
        let of_use = deliver::valid_for(&scenarios, send).unwrap_or(WAITS_MAX);
        (send.purpose != Purpose::Transactional).then(|| send.due_at + of_use + grace)
    };
    Ok(parked.into_iter().map(|held| (waits_until(&held.send), held)).map(|(until, held)| (held, until)).collect())
}

/// Lets advertisements be that would come too late.
pub async fn drop_late(workspace: &Workspace) -> Result<u64, Fault> {
    let now = workspace.now();
    let mut dropped = 0;
    for (held, _) in list(workspace).await?.iter().filter(|(_, until)| until.is_some_and(|until| now > until)) {
        workspace.state.ledger().settle_parked(&held.send.send_id, Settling::Drop, BY_ITSELF, now).await?;
        dropped += 1;
    }
    Ok(dropped)
}
