//! GA4's measurement protocol, put into Segment's words: `client_id` is the visitor, `params` are properties, `items` are `products`.
//!
//! A request that names both a client and a user says who the visitor is: its events carry both, and it makes one claim.

use chrono::{DateTime, Duration};
use model::{Claim, CustomerId, time::rfc3339};
use serde_json::{Map, Value};

use super::{
    Collected, EVENT_BYTES_MAX, Flaw, GA4_BYTES_MAX, GA4_EVENTS_MAX, Malformed, Request, commerce, is_trusted, json,
    segment::{self, Message},
};

/// Google takes events of the last 72 hours.
const BACK_HOURS_MAX: i64 = 72;

const ITEM: [(&str, &str); 7] = [
    ("item_id", "product_id"),
    ("item_name", "name"),
    ("item_brand", "brand"),
    ("item_category", "category"),
    ("item_variant", "variant"),
    ("item_list_id", "list_id"),
    ("index", "position"),
];

const PARAM: [(&str, &str); 6] = [
    ("transaction_id", "order_id"),
    ("ga_session_id", "session_id"),
    ("search_term", "query"),
    ("item_list_id", "list_id"),
    ("promotion_name", "name"),
    ("creative_name", "creative"),
];

pub(super) fn collect(request: &Request<'_>, body: &[u8]) -> Result<Collected, Malformed> {
    if body.len() > GA4_BYTES_MAX {
        return Err(Malformed::TooLarge { what: "the body", max: GA4_BYTES_MAX });
    }
    let mut shared = Map::new();
    let mut events = None;
    for member in json::members(body).ok_or_else(|| json::no_object(body))? {
        let (name, raw) = member?;
        match name.as_str() {
            "events" => events = Some(raw),
            "client_id" | "app_instance_id" | "user_id" | "timestamp_micros" => {
                shared.insert(name, json::read(raw)?);
            }
            _ => {}
        }
    }
    let elements = events.and_then(json::elements).ok_or(Malformed::Shape("an object with an array of `events`"))?;
    let raws = elements.take(GA4_EVENTS_MAX + 1).collect::<Result<Vec<_>, _>>()?;
    if raws.len() > GA4_EVENTS_MAX {
        return Err(Malformed::TooMany { max: GA4_EVENTS_MAX });
    }
    let mut out = Collected::default();
    for (index, raw) in raws.into_iter().enumerate() {
        let taken = message(raw, &shared).and_then(|message| segment::take(request, &mut out, index, message));
        segment::account(&mut out, taken, index, || {
            let mut body = Value::Object(shared.clone()).to_string().into_bytes();
            body.pop();
            body.extend_from_slice(if shared.is_empty() { b"\"events\":[" } else { b",\"events\":[" });
            body.extend_from_slice(raw);
            body.extend_from_slice(b"]}");
            body
        });
    }
    out.claims.extend(claim(request, &shared).filter(|_| out.taken > 0));
    Ok(out)
}

fn claim(request: &Request<'_>, shared: &Map<String, Value>) -> Option<Claim> {
    let id = |name: &str| CustomerId::parse(&segment::plain_text(shared.get(name)?)?, request.key).ok();
    let visitor = id("client_id").or_else(|| id("app_instance_id"))?;
    Some(Claim {
        kind: "visitor",
        from_id: visitor.as_str().into(),
        customer_id: id("user_id")?,
        rule: "identify",
        trusted: is_trusted(request.source),
        at: model::time::micros(request.received_at),
        source: request.source.name.clone(),
        evidence: Some("ga4 user_id".into()),
    })
}

fn message(raw: &[u8], shared: &Map<String, Value>) -> Result<Message<'static>, Flaw> {
    if raw.len() > EVENT_BYTES_MAX {
        return Err(Flaw::new(
            "too_large",
            format!("the event has {} bytes, {EVENT_BYTES_MAX} are allowed", raw.len()),
            "send less with each event",
        ));
    }
    let Value::Object(mut event) = json::read(raw).map_err(Flaw::json)? else {
        return Err(Flaw::new("not_an_object", "the event is not a JSON object", "send an object with a `name`"));
    };
    let said = event.get("name").and_then(Value::as_str).unwrap_or("");
    let name = commerce::ga4_name(said);
    let mut params = segment::object(event.remove("params"));
    let mut page = Map::new();
    for (theirs, ours) in [("page_location", "url"), ("page_referrer", "referrer"), ("page_title", "title")] {
        if let Some(value) = params.shift_remove(theirs) {
            page.insert(ours.into(), value);
        }
    }
    rename(&mut params, &PARAM);
    if let Some(Value::Array(mut items)) = params.shift_remove("items") {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| rename(item, &ITEM));
        params.insert("products".into(), Value::Array(items));
    }
    let kind = match name.as_str() {
        "page" | "screen" => name.clone(),
        _ => "track".into(),
    };
    let mut members = Map::new();
    members.insert("type".into(), Value::String(kind));
    members.insert("event".into(), Value::String(name));
    for (theirs, ours) in [("user_id", "userId"), ("client_id", "anonymousId"), ("app_instance_id", "anonymousId")] {
        if let Some(value) = shared.get(theirs).filter(|value| !value.is_null() && !members.contains_key(ours)) {
            // GA4's own client ids look like decimals.
            let value = match value {
                Value::Number(number) => Value::String(number.to_string()),
                value => value.clone(),
            };
            members.insert(ours.into(), value);
        }
    }
    if let Some(micros) =
        event.get("timestamp_micros").or_else(|| shared.get("timestamp_micros")).filter(|value| !value.is_null())
    {
        let at = segment::plain_text(micros).and_then(|text| text.parse().ok()).and_then(DateTime::from_timestamp_micros);
        let at = at.ok_or_else(|| {
            Flaw::new("not_a_time", "`timestamp_micros` is no count of microseconds", "send microseconds since 1970 as a number")
        })?;
        members.insert("timestamp".into(), Value::String(rfc3339(at)));
    }
    if !page.is_empty() {
        members.insert("context".into(), Value::Object(Map::from_iter([("page".to_string(), Value::Object(page))])));
    }
    members.insert("properties".into(), Value::Object(params));
    Ok(Message {
        members: members.into(),
        kind: None,
        sent_at: None,
        anonymous_id: None,
        oldest: Some(Duration::hours(BACK_HOURS_MAX)),
        is_translated: true,
    })
}

/// Where both names are given, ours stays.
fn rename(members: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (theirs, ours) in names {
        if !members.contains_key(*ours)
            && let Some(value) = members.shift_remove(*theirs)
        {
            members.insert(ours.to_string(), value);
        }
    }
}
