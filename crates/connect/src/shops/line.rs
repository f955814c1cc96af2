//! LINE: webhook events of the Messaging API. Who blocks the shop's account (`unfollow`), and who adds it or unblocks it (`follow`).
//!
//! A message to somebody who has blocked the account is answered 200 like any other, so a block is known from here alone. It is an opt-out of
//! LINE and of nothing else; a `follow` takes back this block and no other reason, whether it unblocks (`follow.isUnblocked`) or is the first.
//!
//! **Order and repetition.** Each event is a word on the user's id, as of its own `timestamp`. The last word holds; at one instant the block.
//! A redelivery (`deliveryContext.isRedelivery`) has the `webhookEventId` and `timestamp` of the first, so it says nothing new, and no id of
//! an event needs to be remembered.
//!
//! **Users nobody knows.** A word is kept by the hash of the user's id, whoever has it now or later. So a user whom no customer has yet is
//! acknowledged like any other: nothing waits in the quarantine, and the block is the customer's as soon as the shop tells who that is.
//!
//! All other events are passed over, and nothing of them is kept: what people write is for the shop's chat. `accountLink` carries a nonce that
//! the shop's own page made and that is known there alone; the shop tells whose LINE id it is as it tells any address.

use model::{Channel, ContactKind, Instant, LineUserId, SuppressedAddress};
use serde_json::{Value, json};

use super::{
    AHEAD_HOURS_MAX, Delivered, Door,
    members::{Bad, Members},
    object,
};

/// LINE began in 2011.
const FIRST_SECOND: i64 = 1_293_840_000;

/// A webhook's body. The console's button "Verify" sends no events.
pub(super) fn delivery(door: &Door<'_>, body: &[u8], out: &mut Delivered) -> Result<(), Bad> {
    let body = object(body)?;
    let body = Members(&body);
    if !body.get("events").is_some_and(Value::is_array) {
        return Err(Bad::missing("events"));
    }
    for (index, told) in body.list("events").enumerate() {
        if let Err(bad) = event(door, told, out) {
            // A body of its own, so that it can be read again.
            out.refuse(index, bad, json!({ "events": [told.0] }).to_string().as_bytes());
        }
    }
    Ok(())
}

fn event(door: &Door<'_>, event: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let words = match event.text("type").as_deref() {
        Some("unfollow") => &mut out.blocked,
        Some("follow") => &mut out.unblocked,
        _ => {
            out.leave_out("ignored_event");
            return Ok(());
        }
    };
    let user = event.object("source").and_then(|source| source.text("userId")).ok_or_else(|| Bad::missing("userId"))?;
    let user = LineUserId::parse(&user)
        .map_err(|_| Bad::new("not_a_line_id", "`userId` is no LINE user id", "report this: LINE sends U and 32 hex digits"))?;
    words.push(SuppressedAddress {
        kind: ContactKind::Line,
        address: user.as_str().into(),
        channel: Channel::Line,
        reason: "blocked".into(),
        at: timestamp(door, event)?,
        source: door.source.name.clone(),
    });
    Ok(())
}

/// Milliseconds since 1970.
fn timestamp(door: &Door<'_>, event: Members<'_>) -> Result<Instant, Bad> {
    let millis = event.get("timestamp").ok_or_else(|| Bad::missing("timestamp"))?.as_i64();
    let at = millis.and_then(Instant::from_timestamp_millis).filter(|at| at.timestamp() >= FIRST_SECOND);
    let at = at.ok_or_else(|| Bad::new("not_a_time", "`timestamp` is not a time", "report this: LINE sends milliseconds"))?;
    match at > door.received_at + chrono::Duration::hours(AHEAD_HOURS_MAX) {
        true => Err(Bad::new(
            "future",
            format!("`timestamp` lies more than {AHEAD_HOURS_MAX} hours ahead"),
            "set this machine's clock",
        )),
        false => Ok(at),
    }
}
