//! Pixels: one event in a query string, where nothing but an image can be asked for. `context.page.url=…` is the member `url` of `page` of
//! `context`; `data` is, as Segment has it, the whole event as base64. All values are text.

use serde_json::{Map, Value};

use super::{Collected, EVENT_BYTES_MAX, Flaw, Request, json, segment};

/// `a.b.c` may name so many levels.
const LEVELS_MAX: usize = 8;

pub(super) fn collect(request: &Request<'_>, kind: &'static str) -> Collected {
    let mut out = Collected::default();
    let pairs = || request.query.iter().filter(|(name, _)| name != "writeKey");
    let read = || -> Result<segment::Message<'_>, Flaw> {
        let bytes: usize = pairs().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > EVENT_BYTES_MAX {
            return Err(Flaw::new(
                "too_large",
                format!("the query has {bytes} bytes, {EVENT_BYTES_MAX} are allowed"),
                "send less in it",
            ));
        }
        let mut members = Map::new();
        for (name, value) in pairs() {
            if name == "data" {
                let text = segment::from_base64(value).ok_or_else(|| {
                    Flaw::new("not_base64", "`data` is not base64 of UTF-8", "encode the event's JSON as base64")
                })?;
                let Value::Object(event) = json::read(text.as_bytes()).map_err(Flaw::json)? else {
                    return Err(Flaw::new("not_an_object", "`data` is not a JSON object", "send an event"));
                };
                for (name, value) in event {
                    members.insert(name, value);
                }
            } else {
                put(&mut members, name, value);
            }
        }
        Ok(segment::Message {
            members: members.into(),
            kind: Some(kind),
            sent_at: None,
            anonymous_id: request.anonymous_id.and_then(segment::from_base64),
            oldest: None,
            is_translated: false,
        })
    };
    let taken = read().and_then(|message| segment::take(request, &mut out, 0, message));
    segment::account(&mut out, taken, 0, || {
        let mut event = Map::from_iter([("type".to_string(), Value::String(kind.into()))]);
        event.extend(pairs().map(|(name, value)| (name.clone(), Value::String(value.clone()))));
        serde_json::json!({ "batch": [event] }).to_string().into_bytes()
    });
    out
}

/// A name that would lie within a text, or too deep, stays whole.
fn put(members: &mut Map<String, Value>, name: &str, value: &str) {
    let text = || Value::String(value.to_string());
    let levels: Vec<&str> = name.split('.').collect();
    let (Some((last, path)), true) = (levels.split_last(), levels.len() <= LEVELS_MAX) else {
        members.insert(name.into(), text());
        return;
    };
    let mut at = &mut *members;
    for level in path {
        let inner = at.entry(level.to_string()).or_insert_with(|| Value::Object(Map::new()));
        match inner {
            Value::Object(inner) => at = inner,
            _ => return,
        }
    }
    at.insert(last.to_string(), text());
}
