//! What the shop holds about one person, for whoever asks for it (開示請求): a question for each part, all on one desk, and what is in the
//! vault. Addresses are told only to somebody whose name is written down first.

use model::CustomerId;
use query::{Answer, Mode, ParamValue, Params, Value};
use serde_json::{Map, Value as Json, json};
use state::HeldContact;

use crate::{clock::Clock, fault::Fault, jobs::people, workspace::Workspace};

/// The members of the document, and the question that each is the answer of.
const ASKED: [(&str, &str); 16] = [
    ("ids", "system/disclosed_ids"),
    ("profile", "system/disclosed_profile"),
    ("figures", "reports/customer_card"),
    ("predictions", "system/disclosed_predictions"),
    ("consents", "system/disclosed_consents"),
    ("suppressions", "system/disclosed_suppressions"),
    ("orders", "system/disclosed_orders"),
    ("subscriptions", "system/disclosed_subscriptions"),
    ("shipments", "system/disclosed_shipments"),
    ("points", "system/disclosed_points"),
    ("coupons", "system/disclosed_coupons"),
    ("entries", "system/why_entries"),
    ("messages", "system/why_sends"),
    ("receipts", "system/why_receipts"),
    ("stops", "system/why_stops"),
    ("events", "system/disclosed_events"),
];

/// All that is held about a customer and whoever was merged into them. For an account `by` with their addresses, which is noted; without it
/// these are masked, and so is whatever looks like one in free text.
pub async fn disclosed(workspace: &Workspace, customer: &CustomerId, by: Option<&str>) -> Result<Json, Fault> {
    let (state, now) = (&workspace.state, workspace.now());
    let person = people::person(workspace, customer).await?;
    let survivor = state.identities().survivor_of(customer).await?;
    let merged = state.identities().merged_into(&survivor).await?;
    let ids: Vec<CustomerId> = merged.into_iter().map(|merged| merged.customer_id).chain([survivor.clone()]).collect();
    if let Some(by) = by {
        state.grants().note_read(by, &format!("all addresses of {survivor}, who asked for them"), Clock::Real.now()).await?;
    }
    let contacts = state.vault().contacts_of(&ids).await?;

    let erased_at = person.before.filter(|_| contacts.is_empty()).map(model::time::rfc3339);
    let contacts: Vec<Json> = contacts.iter().map(|held| contact(held, by.is_some())).collect();
    let mut document = Map::new();
    document.insert("customer_id".into(), json!(survivor));
    document.insert("as_of".into(), json!(model::time::rfc3339(now)));
    document.insert("erased_at".into(), json!(erased_at));
    document.insert("contacts".into(), json!(contacts));
    let desk = workspace.desk(now, Mode::AsHappened).await?;
    let params: Params = [("customer".to_string(), ParamValue::Text(survivor.to_string()))].into();
    for (member, question) in ASKED {
        document.insert(member.into(), Json::Array(rows(&desk.ask(question, &params).await?)));
    }
    if let Some(Json::Array(orders)) = document.get_mut("orders") {
        put_lines(orders, &rows(&desk.ask("system/disclosed_order_lines", &params).await?));
    }
    if by.is_none() {
        connect::personal::mask_members(&mut document, &mut connect::personal::Found::default());
    }
    Ok(Json::Object(document))
}

fn contact(held: &HeldContact, is_told: bool) -> Json {
    let kind = held.kind.name();
    let address = if is_told { held.address.expose().clone() } else { format!("[{kind}]") };
    let changed_at = model::time::rfc3339(held.changed_at);
    json!({ "customer_id": held.customer_id, "kind": kind, "address": address, "active": held.active, "changed_at": changed_at })
}

fn rows(answer: &Answer) -> Vec<Json> {
    let row = |row: &Vec<Value>| {
        let members = answer.columns.iter().zip(row).map(|(column, value)| (column.name.clone(), json_of(&column.name, value)));
        Json::Object(members.collect())
    };
    answer.rows.iter().map(row).collect()
}

fn json_of(name: &str, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) if matches!(name, "attributes" | "properties") => {
            serde_json::from_str(text).unwrap_or_else(|_| json!(text))
        }
        Value::Text(text) => json!(text),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Money(money) => json!(money),
        Value::Date(day) => json!(day),
        Value::Instant(at) => json!(model::time::rfc3339(*at)),
        Value::Bool(yes) => json!(yes),
    }
}

/// Each order with its lines; two sources may have the same order number.
fn put_lines(orders: &mut [Json], lines: &[Json]) {
    for order in orders {
        let is_own = |line: &&Json| line["order_id"] == order["order_id"] && line["source"] == order["source"];
        let own: Vec<Json> = lines.iter().filter(is_own).cloned().collect();
        order["lines"] = Json::Array(own);
    }
}
