//! Segment's and RudderStack's messages: a batch or one, whatever the Content-Type says.

use chrono::Duration;
use model::{
    Claim, CustomerId, Event, Fact, Instant,
    id::{IdError, hex},
    id_bytes,
    time::rfc3339,
};
use serde_json::{Map, Value};

use super::{
    BATCH_EVENTS_MAX, Collected, EVENT_BYTES_MAX, Flaw, MESSAGE_ID_CHARS_MAX, Malformed, OrderTold, PROPERTIES_MAX, Request,
    SHARED_CONTEXT_BYTES_MAX,
    clock::Clock,
    commerce::{self, Shop},
    is_trusted, json, traits,
};
use crate::personal::{Found, is_plain_id, mask_counted, mask_members};

/// Names of properties that are ours.
const RESERVED: [&str; 9] =
    ["_original_at", "_sent_at", "_clamped", "_event", "_context", "_properties", "_rest", "_unread", "_ignored"];

/// What a batch says once for all its events.
#[derive(Default)]
struct Envelope<'a> {
    events: Option<&'a [u8]>,
    context: Map<String, Value>,
    context_bytes: &'a [u8],
    sent_at: Option<String>,
    /// Of a body that a refused event was kept in.
    kind: Option<String>,
    anonymous_id: Option<String>,
}

/// One message, and what its surroundings say of it.
pub(super) struct Message<'a> {
    pub members: json::Fields<'a>,
    /// What the path says it is.
    pub kind: Option<&'a str>,
    pub sent_at: Option<String>,
    pub anonymous_id: Option<String>,
    /// How far back it may lie.
    pub oldest: Option<Duration>,
    /// Its name is ours already.
    pub is_translated: bool,
}

/// `kind` is what the path of a single event says. A batch is known by its `batch`, wherever it was sent.
pub(super) fn batch(request: &Request<'_>, body: &[u8], kind: Option<&'static str>) -> Result<Collected, Malformed> {
    let mut envelope = envelope(body)?;
    let header = request.anonymous_id.and_then(from_base64);
    let mut out = Collected::default();
    let Some(events) = envelope.events else {
        if kind.is_none() && envelope.kind.is_none() {
            return Err(Malformed::Shape("an object with a `batch`"));
        }
        // A single event: what stands beside it is its own.
        let single = Envelope {
            sent_at: request.sent_at.map(str::to_string),
            kind: kind.map(str::to_string),
            anonymous_id: header,
            ..Envelope::default()
        };
        take_raw(request, &mut out, &single, 0, body.trim_ascii());
        return Ok(out);
    };
    if kind.is_some() {
        envelope.kind = None; // The body's own `type` would be a batch's.
    }
    envelope.sent_at = envelope.sent_at.or_else(|| request.sent_at.map(str::to_string));
    envelope.anonymous_id = envelope.anonymous_id.or(header);
    let elements = json::elements(events).ok_or(Malformed::Shape("an object whose `batch` is an array"))?;
    let mut raws = Vec::new();
    for raw in elements {
        if raws.len() == BATCH_EVENTS_MAX {
            return Err(Malformed::TooMany { max: BATCH_EVENTS_MAX });
        }
        raws.push(raw?);
    }
    for (index, raw) in raws.into_iter().enumerate() {
        take_raw(request, &mut out, &envelope, index, raw);
    }
    Ok(out)
}

fn envelope(body: &[u8]) -> Result<Envelope<'_>, Malformed> {
    let members = json::members(body).ok_or_else(|| json::no_object(body))?;
    let mut envelope = Envelope::default();
    let text = |raw: &[u8]| json::read(raw).ok().as_ref().and_then(plain_text);
    for member in members {
        let (name, raw) = member?;
        match name.as_str() {
            "batch" if envelope.events.is_some() => return Err(Malformed::Shape("an object with one `batch`")),
            "batch" if raw != b"null" => envelope.events = Some(raw),
            "context" => envelope.context_bytes = raw,
            "sentAt" => envelope.sent_at = text(raw),
            "type" => envelope.kind = text(raw),
            "anonymousId" => envelope.anonymous_id = text(raw),
            _ => {}
        }
    }
    if envelope.events.is_some() && !envelope.context_bytes.is_empty() {
        if envelope.context_bytes.len() > SHARED_CONTEXT_BYTES_MAX {
            return Err(Malformed::TooLarge { what: "the batch's `context`", max: SHARED_CONTEXT_BYTES_MAX });
        }
        if let Ok(Value::Object(context)) = json::read(envelope.context_bytes) {
            envelope.context = context;
        } else {
            envelope.context_bytes = b""; // PHP writes an empty object as `[]`.
        }
    }
    Ok(envelope)
}

fn take_raw(request: &Request<'_>, out: &mut Collected, envelope: &Envelope<'_>, index: usize, raw: &[u8]) {
    let read = || -> Result<Message<'_>, Flaw> {
        if raw.len() + envelope.context_bytes.len() > EVENT_BYTES_MAX {
            let reason =
                format!("the event has {} bytes, {EVENT_BYTES_MAX} are allowed", raw.len() + envelope.context_bytes.len());
            return Err(Flaw::new("too_large", reason, "send less with each event"));
        }
        let Some(mut members) = json::Fields::read(raw).map_err(Flaw::json)? else {
            return Err(Flaw::new("not_an_object", "the event is not a JSON object", "send an object with a `type`"));
        };
        if !envelope.context.is_empty() {
            let mut context = envelope.context.clone();
            if let Some(Value::Object(own)) = members.take("context") {
                lay_over(&mut context, own);
            }
            members.put("context", Value::Object(context));
        }
        Ok(Message {
            members,
            kind: envelope.kind.as_deref(),
            sent_at: envelope.sent_at.clone(),
            anonymous_id: envelope.anonymous_id.clone(),
            oldest: None,
            is_translated: false,
        })
    };
    let taken = read().and_then(|message| take(request, out, index, message));
    account(out, taken, index, || enclosed(envelope, raw));
}

/// Counts an event, and keeps it if it was refused.
pub(super) fn account(out: &mut Collected, taken: Result<(), Flaw>, index: usize, raw: impl FnOnce() -> Vec<u8>) {
    out.given += 1;
    match taken {
        Ok(()) => out.taken += 1,
        Err(flaw) => out.refused.push(flaw.refused(index, raw())),
    }
}

/// A batch of the one event, with what its surroundings said.
fn enclosed(envelope: &Envelope<'_>, raw: &[u8]) -> Vec<u8> {
    let mut body = b"{".to_vec();
    let mut put = |name: &str, value: &[u8]| {
        body.extend_from_slice(format!("\"{name}\":").as_bytes());
        body.extend_from_slice(value);
        body.push(b',');
    };
    for (name, text) in [("type", &envelope.kind), ("sentAt", &envelope.sent_at), ("anonymousId", &envelope.anonymous_id)] {
        if let Some(text) = text {
            put(name, Value::String(text.clone()).to_string().as_bytes());
        }
    }
    if !envelope.context.is_empty() {
        put("context", envelope.context_bytes);
    }
    body.extend_from_slice(b"\"batch\":[");
    body.extend_from_slice(raw);
    body.extend_from_slice(b"]}");
    body
}

/// Makes facts of a message, all of them or none.
pub(super) fn take(request: &Request<'_>, out: &mut Collected, index: usize, message: Message<'_>) -> Result<(), Flaw> {
    let mut members = message.members;
    let kind = message.kind.map(str::to_string).or_else(|| members.get("type").and_then(plain_text));
    let Some(kind) = kind else {
        return Err(Flaw::new("no_type", "the event has no `type`", "send track, identify, page, screen, group or alias"));
    };
    let mut found = Found::default();
    let context = object(members.take("context"));
    let mut said = traits_of(&mut members, &context);
    let (mut properties, odd) = match members.take("properties") {
        Some(Value::Object(properties)) => (properties, None),
        Some(Value::Array(items)) if items.is_empty() => (Map::new(), None),
        Some(other) => (Map::new(), Some(other)),
        None => (Map::new(), None),
    };
    rename_reserved(&mut properties);
    let (name, original_name) = name_of(&kind, &members, &mut properties, message.is_translated, &mut found)?;
    let user_id = id(&members, "userId")?;
    let anonymous_id = match id(&members, "anonymousId")? {
        Some(id) => Some(id),
        None => message.anonymous_id.filter(|id| !is_nobody(id)),
    };
    if user_id.is_none() && anonymous_id.is_none() {
        let reason = "the event has neither a userId nor an anonymousId";
        return Err(Flaw::new("no_user_anon_id", reason, "send one of them: somebody did it"));
    }
    let text = |name: &str| members.get(name).and_then(plain_text);
    let original = text("originalTimestamp").or_else(|| text("timestamp"));
    let sent = text("sentAt").or(message.sent_at);
    let clock = Clock::set(request.received_at, original.as_deref(), sent.as_deref(), message.oldest, request.zone)?;
    let customer_id = user_id.as_deref().map(|raw| parse_id(raw, "userId", request)).transpose()?;
    let visitor_id = anonymous_id.as_deref().map(|raw| parse_id(raw, "anonymousId", request)).transpose()?;
    let visitor_id = visitor_id.map(|id| id.as_str().to_string());
    let event_id = event_id(&members, request, index);
    let is_trusted = is_trusted(request.source);
    let mut marks = Map::new();
    let mut person = traits::Person::default();
    let mut claims = Vec::new();
    let claim = |kind, from_id: &str, customer_id: &CustomerId, rule| Claim {
        kind,
        from_id: from_id.into(),
        customer_id: customer_id.clone(),
        rule,
        trusted: is_trusted,
        at: clock.occurred,
        source: request.source.name.clone(),
        evidence: Some(format!("{kind_said} {event_id}", kind_said = kind_word(&name))),
    };
    let mut customer_id = customer_id;
    match name.as_str() {
        "identify" if is_trusted => {
            person = traits::read(&mut said, customer_id.as_ref(), request, &clock, &event_id, &mut found);
            customer_id = customer_id.or_else(|| person.customer_id.clone());
        }
        "identify" if !said.is_empty() => {
            marks.insert("_ignored".into(), serde_json::json!(["traits"]));
        }
        "line_linked" if is_trusted => {
            let mut only_line = properties.clone();
            only_line.retain(|name, _| traits::is_line_id(name));
            person = traits::read(&mut only_line, customer_id.as_ref(), request, &clock, &event_id, &mut found);
            person.profile = None;
            customer_id = customer_id.or_else(|| person.customer_id.clone());
            properties.retain(|name, _| !traits::is_line_id(name));
        }
        "group" => {
            if let Some(group) = members.get("groupId").and_then(commerce::id_text) {
                properties.insert("group_id".into(), Value::String(group));
            }
            if !said.is_empty() {
                properties.insert("traits".into(), Value::Object(std::mem::take(&mut said)));
            }
        }
        _ => {}
    }
    match name.as_str() {
        "identify" | "line_linked" => {
            let rule = if name == "identify" { "identify" } else { "line_link" };
            if let (Some(visitor), Some(customer)) = (&visitor_id, &customer_id)
                && (name == "identify" || person.line_guest.is_some())
            {
                claims.push(claim("visitor", visitor, customer, rule));
            }
            if let (Some(guest), Some(customer)) = (&person.line_guest, &customer_id)
                && guest != customer
            {
                claims.push(claim("customer", guest.as_str(), customer, "line_link"));
            }
        }
        "alias" => {
            let raw = id(&members, "previousId")?
                .ok_or_else(|| Flaw::new("no_previous_id", "the alias has no previousId", "send previousId and userId"))?;
            let Some(customer) = &customer_id else {
                return Err(Flaw::new("no_user_id", "the alias has no userId", "send previousId and userId"));
            };
            let previous = parse_id(&raw, "previousId", request)?;
            let is_address = previous.as_str() != raw.trim();
            if previous != *customer && !is_address {
                claims.push(claim("visitor", previous.as_str(), customer, "alias"));
            }
            if previous != *customer && visitor_id.as_deref() != Some(previous.as_str()) {
                if is_trusted {
                    claims.push(claim("customer", previous.as_str(), customer, "alias"));
                } else {
                    marks.insert("_ignored".into(), serde_json::json!(["customer_alias"]));
                }
            }
            properties.insert("previous_id".into(), Value::String(previous.as_str().into()));
        }
        _ => {}
    }
    let told = (is_trusted && request.source.orders && commerce::TELLS_OF_ORDERS.contains(&name.as_str())).then(|| {
        let mut properties = properties.clone();
        mask_members(&mut properties, &mut Found::default());
        properties
    });
    let shop = Shop { key: request.key, currency: request.currency };
    let columns = commerce::columns(&name, &mut properties, &context, &shop, &mut found)?;
    if properties.len() > PROPERTIES_MAX {
        let rest: Map<String, Value> = std::mem::take(&mut properties)
            .into_iter()
            .enumerate()
            .filter_map(|(place, (name, value))| {
                if place < PROPERTIES_MAX {
                    properties.insert(name, value);
                    None
                } else {
                    Some((name, value))
                }
            })
            .collect();
        let mut rest = rest;
        mask_members(&mut rest, &mut found);
        marks.insert("_rest".into(), Value::String(Value::Object(rest).to_string()));
    }
    mask_members(&mut properties, &mut found);
    if let Some(odd) = odd {
        let mut odd = Map::from_iter([("_properties".to_string(), odd)]);
        mask_members(&mut odd, &mut found);
        marks.append(&mut odd);
    }
    if let Some(original_name) = original_name {
        marks.insert("_event".into(), Value::String(original_name));
    }
    let mut context = without_devices(context);
    if !context.is_empty() {
        mask_members(&mut context, &mut found);
        marks.insert("_context".into(), Value::Object(context));
    }
    for (name, at) in [("_original_at", clock.original), ("_sent_at", clock.sent)] {
        if let Some(at) = at {
            marks.insert(name.into(), Value::String(rfc3339(at)));
        }
    }
    if clock.is_clamped {
        marks.insert("_clamped".into(), Value::Bool(true));
    }
    if !person.unread.is_empty() {
        marks.insert("_unread".into(), person.unread.into());
    }
    properties.append(&mut marks);
    let event = Event {
        event_id,
        name,
        source: request.source.name.clone(),
        customer_id,
        visitor_id,
        session_id: columns.session_id,
        cart_id: columns.cart_id,
        order_id: columns.order_id,
        product_id: columns.product_id,
        category: columns.category,
        value: columns.value,
        url: columns.url,
        send_id: columns.send_id,
        properties: if properties.is_empty() { Value::Null } else { Value::Object(properties) },
    };
    // From here on nothing can fail.
    out.orders.extend(told.map(|properties| OrderTold {
        name: event.name.clone(),
        event_id: event.event_id.clone(),
        at: clock.occurred,
        customer_id: event.customer_id.clone(),
        send_id: event.send_id.clone(),
        properties,
    }));
    let known = received(request);
    out.facts.push(Fact::new(&event, clock.occurred, known));
    if let Some(profile) = person.profile {
        out.facts.push(Fact::new(&profile, clock.occurred, known));
    }
    out.contacts.extend(person.contacts.into_iter().map(|contact| (contact, known)));
    out.consents.extend(person.consents.into_iter().map(|consent| (consent, known)));
    out.claims.append(&mut claims);
    out.masked.add(&found);
    Ok(())
}

fn kind_word(name: &str) -> &str {
    match name {
        "identify" | "alias" => name,
        _ => "event",
    }
}

fn received(request: &Request<'_>) -> Instant {
    model::time::micros(request.received_at)
}

/// The event's name, and how it came where that cannot be told from ours.
fn name_of(
    kind: &str,
    members: &json::Fields<'_>,
    properties: &mut Map<String, Value>,
    is_translated: bool,
    found: &mut Found,
) -> Result<(String, Option<String>), Flaw> {
    match kind {
        "track" => {
            let no_name =
                || Flaw::new("no_event", "the track call has no name of an event", "send `event`, as \"Product Viewed\"");
            let said = members
                .get("event")
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .ok_or_else(no_name)?;
            if said.chars().count() > 200 {
                return Err(Flaw::new(
                    "long_name",
                    "the event's name has more than 200 characters",
                    "name the kind of event; put what differs into properties",
                ));
            }
            let said = mask_counted(said, found).into_owned();
            let name = if is_translated { said.clone() } else { commerce::name(&said) };
            match name.as_str() {
                "" => return Err(no_name()),
                // A public key must not say by an event's name what it cannot say by its type.
                "identify" | "alias" | "group" => return Ok((format!("track_{name}"), Some(said))),
                _ => {}
            }
            let original = (!is_translated && !commerce::is_known(&name) && name != said).then_some(said);
            Ok((name, original))
        }
        "page" | "screen" => {
            for member in ["name", "category"] {
                if let Some(text) = members.get(member).and_then(plain_text) {
                    properties.entry(member).or_insert(Value::String(text));
                }
            }
            Ok((kind.into(), None))
        }
        "identify" | "group" | "alias" => Ok((kind.into(), None)),
        _ => Err(Flaw::new(
            "unknown_type",
            "the event's `type` is none that is known",
            "send track, identify, page, screen, group or alias",
        )),
    }
}

/// `traits`, and beneath them `context.traits`: some clients send those alone.
fn traits_of(members: &mut json::Fields<'_>, context: &Map<String, Value>) -> Map<String, Value> {
    let mut traits = object(context.get("traits").cloned());
    let mut own = object(members.take("traits"));
    own.retain(|_, value| !value.is_null());
    traits.retain(|_, value| !value.is_null());
    for (name, value) in own {
        traits.insert(name, value);
    }
    traits
}

fn rename_reserved(properties: &mut Map<String, Value>) {
    if !properties.keys().any(|name| name.starts_with('_')) {
        return;
    }
    for reserved in RESERVED {
        if let Some(value) = properties.shift_remove(reserved) {
            let mut name = format!("_{reserved}");
            while properties.contains_key(&name) {
                name.insert(0, '_');
            }
            properties.insert(name, value);
        }
    }
}

/// What identifies a device or a place is as personal as an address, and no query needs it.
fn without_devices(mut context: Map<String, Value>) -> Map<String, Value> {
    for name in ["traits", "ip", "location", "externalIds", "externalId", "sessionId", "sessionStart"] {
        context.shift_remove(name);
    }
    if let Some(Value::Object(device)) = context.get_mut("device") {
        for name in ["id", "advertisingId", "adTrackingEnabled", "token", "name"] {
            device.shift_remove(name);
        }
    }
    if let Some(Value::Object(page)) = context.get_mut("page") {
        page.shift_remove("url");
    }
    context
}

fn event_id(members: &json::Fields<'_>, request: &Request<'_>, index: usize) -> String {
    let Some(id) = members.get("messageId").and_then(plain_text) else {
        return hex(&id_bytes(&format!("{}|{index}", hex(&request.seed))));
    };
    let is_plain = id.chars().count() <= MESSAGE_ID_CHARS_MAX && !id.chars().any(char::is_control) && is_plain_id(&id);
    if is_plain { id } else { format!("h-{}", request.key.pseudonym(&id)) }
}

/// An id of a person, if there is one. Text that stands for nobody in some client's language is nobody: else all of these would be one person.
fn id(members: &json::Fields<'_>, name: &'static str) -> Result<Option<String>, Flaw> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok((!is_nobody(text)).then(|| text.clone())),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        Some(_) => Err(Flaw::new("bad_id", format!("`{name}` is neither text nor a whole number"), "send the id as text")),
    }
}

fn is_nobody(id: &str) -> bool {
    matches!(id.trim(), "" | "null" | "undefined" | "NaN" | "None" | "nil" | "[object Object]")
}

fn parse_id(raw: &str, name: &'static str, request: &Request<'_>) -> Result<CustomerId, Flaw> {
    if raw.trim().chars().any(char::is_control) {
        return Err(Flaw::new("bad_id", format!("`{name}` contains a control character"), "send the shop's id of the person"));
    }
    let id = CustomerId::parse(raw, request.key).map_err(|error| {
        let (reason, remedy) = match error {
            IdError::Separator(_) => ("contains `|`", "send an id without it"),
            IdError::CustomerId => ("is longer than 200 characters", "send the shop's id of the person"),
            IdError::Scientific(_) => {
                ("is a number in scientific notation", "send the id as text; a spreadsheet has cut it short")
            }
        };
        Flaw::new("bad_id", format!("`{name}` {reason}"), remedy)
    })?;
    // `taro <taro@example.jp>` is no address, and holds one.
    Ok(if is_plain_id(id.as_str()) { id } else { CustomerId::guest(id.as_str(), request.key) })
}

pub(super) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_string()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Objects within each other are merged; anything else of `over` replaces.
fn lay_over(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (Some(_), Value::Null) => {}
            (_, value) => {
                under.insert(name, value);
            }
        }
    }
}

pub(super) fn from_base64(text: &str) -> Option<String> {
    use base64::{
        Engine,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [base64::alphabet::STANDARD, base64::alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
}
