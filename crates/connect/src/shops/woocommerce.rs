//! WooCommerce: webhook payloads, which are answers of its REST API (v3).
//!
//! Times are taken from their GMT twins. Prices of lines are without tax whatever the shop shows (`subtotal`, `total`), so nothing is taken
//! out. A refund is told by its total alone, and is shared over goods, tax and shipping as the order is made up of them.

use model::{Money, OrderStatus, Product, Profile, ShopZone, Stock};
use serde_json::{Map, Value, json};

use super::{
    Delivered, Door, Headers, OrderDelta, OrderDocument, Person, full_name,
    members::{Bad, Members},
    object,
    order_document::{Base, Line, Refund, RefundOf},
    revision_id, send_id_of, sound,
};

/// A webhook's body, by its topic.
pub(super) fn delivery(door: &Door<'_>, headers: Headers<'_>, body: &[u8], out: &mut Delivered) -> Result<(), Bad> {
    let Some(topic) = headers.one("x-wc-webhook-topic") else { return Err(Bad::unknown_topic()) };
    match topic {
        "order.created" | "order.updated" | "order.restored" => order(door, Members(&object(body)?), out),
        "order.deleted" => order_deleted(door, Members(&object(body)?), out),
        "customer.created" | "customer.updated" => customer(door, Members(&object(body)?), out),
        "product.created" | "product.updated" | "product.restored" => product(door, Members(&object(body)?), out),
        "product.deleted" => {
            let product_id = Members(&object(body)?).needed_id("id")?;
            let mut product = Product {
                product_id,
                revision_id: String::new(),
                source: door.source.name.clone(),
                sku: None,
                name: None,
                category: None,
                price: None,
                cost: None,
                url: None,
                image_url: None,
                status: "deleted".into(),
            };
            product.revision_id = revision_id(&product, door.received_at);
            out.fact(door, &product, door.received_at);
            Ok(())
        }
        topic if ["coupon.", "action."].iter().any(|known| topic.starts_with(known)) || topic == "customer.deleted" => {
            out.leave_out("ignored_topic");
            Ok(())
        }
        _ => Err(Bad::unknown_topic()),
    }
}

/// What WooCommerce asks when a webhook is made, before it signs anything: it wants a 200 and tells nothing.
pub fn is_ping(body: &[u8]) -> bool {
    body.strip_prefix(b"webhook_id=").is_some_and(|id| !id.is_empty() && id.len() <= 20 && id.iter().all(u8::is_ascii_digit))
}

fn order(door: &Door<'_>, order: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let status = match order.text("status").as_deref() {
        Some("cancelled" | "failed" | "trash") => OrderStatus::Cancelled,
        Some("refunded") => OrderStatus::Returned,
        // Somebody is still typing, or has not come back from the payment page.
        Some("auto-draft" | "draft" | "checkout-draft") => {
            out.leave_out("draft");
            return Ok(());
        }
        _ => OrderStatus::Completed,
    };
    let order_id = order.needed_id("id")?;
    let ordered_at = gmt(door, order, "date_created")?.ok_or_else(|| Bad::missing("date_created_gmt"))?;
    let updated_at = gmt(door, order, "date_modified")?.unwrap_or(ordered_at);
    let billing = order.object("billing");
    let of_billing = |name: &str| billing.and_then(|billing| billing.text(name));
    let account = order.id("customer_id")?.filter(|id| id != "0");
    let name = full_name(of_billing("first_name"), of_billing("last_name"));
    let person = Person::read(door, account, of_billing("email"), of_billing("phone"), name)?;
    out.addresses(&person, ordered_at);
    let mut lines = Vec::new();
    let (mut gross, mut after) = (Money::ZERO, Money::ZERO);
    for item in order.list("line_items") {
        let quantity = item.count("quantity")?.unwrap_or(1);
        let total = item.amount("total")?;
        let amount = item.money("subtotal")?.unwrap_or(total);
        gross = gross.plus(amount)?;
        after = after.plus(total)?;
        lines.push(Line {
            product_id: item.id("product_id")?,
            sku: item.free("sku"),
            name: item.free("name"),
            category: None,
            quantity,
            unit_price: each(amount, quantity)?,
            amount,
        });
    }
    let mut fee = Money::ZERO;
    let mut discount = gross.minus(after)?;
    for line in order.list("fee_lines") {
        // Plug-ins write discounts and points as fees below zero.
        let amount = line.amount("total")?;
        match amount < Money::ZERO {
            true => discount = discount.minus(amount)?,
            false => fee = fee.plus(amount)?,
        }
    }
    let codes: Vec<String> = order.list("coupon_lines").filter_map(|coupon| coupon.free("code")).collect();
    let meta = |key: &str| order.list("meta_data").find(|pair| pair.text("key").as_deref() == Some(key))?.text("value");
    let base = sound(Base {
        updated_at,
        ordered_at,
        status,
        customer_id: person.customer_id,
        gross,
        discount,
        tax_included: false,
        tax: order.amount("total_tax")?,
        shipping: order.amount("shipping_total")?,
        fee,
        points_used: Money::ZERO,
        total: order.money("total")?,
        currency: match order.text("currency") {
            Some(text) => model::Currency::parse(&text)
                .map_err(|_| Bad::new("not_a_currency", "`currency` is not a currency code", "send three letters (JPY)"))?,
            None => door.currency.clone(),
        },
        coupon: (!codes.is_empty()).then(|| codes.join(",")),
        sales_channel: order.free("created_via"),
        subscription_id: None,
        subscription_count: None,
        send_id: send_id_of(meta("_wc_order_attribution_session_entry")).or_else(|| meta("tsb_m")),
        shipped_on: None,
        lines,
    })?;
    let mut document = OrderDocument { base: Some(base), ..OrderDocument::default() };
    for refund in order.list("refunds") {
        let total = refund.amount("total")?;
        let amount = Money::from_scaled(total.scaled().abs())?;
        // The payload does not say when; that the order changed is what `date_modified_gmt` tells.
        document.refunds.insert(refund.needed_id("id")?, Refund { at: ordered_at, of: RefundOf::Total(amount) });
    }
    out.orders.push(OrderDelta { order_id, document });
    Ok(())
}

/// What is in the trash counts no more. One that is taken out again stays cancelled: nothing tells its deletion from an older one.
fn order_deleted(door: &Door<'_>, payload: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let document = OrderDocument { cancelled_at: Some(door.received_at), ..OrderDocument::default() };
    out.orders.push(OrderDelta { order_id: payload.needed_id("id")?, document });
    Ok(())
}

fn customer(door: &Door<'_>, customer: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let id = customer.needed_id("id")?;
    let created_at = gmt(door, customer, "date_created")?;
    let updated_at = gmt(door, customer, "date_modified")?.or(created_at).ok_or_else(|| Bad::missing("date_modified_gmt"))?;
    let billing = customer.object("billing");
    let of_billing = |name: &str| billing.and_then(|billing| billing.text(name));
    let name = full_name(customer.text("first_name"), customer.text("last_name"))
        .or_else(|| full_name(of_billing("first_name"), of_billing("last_name")));
    let email = customer.text("email").or_else(|| of_billing("email"));
    let person = Person::read(door, Some(id), email, of_billing("phone"), name)?;
    let Some(customer_id) = person.customer_id.clone() else { return Err(Bad::not_an_id("id")) };
    out.addresses(&person, updated_at);
    let mut attributes = Map::new();
    attributes.extend(customer.free("role").map(|role| ("role".into(), json!(role))));
    attributes.extend(of_billing("country").map(|country| ("country".into(), json!(country))));
    let profile = Profile {
        customer_id,
        revision_id: String::new(),
        source: door.source.name.clone(),
        birthday: None,
        gender: None,
        prefecture: of_billing("state"),
        registered_on: created_at.map(|at| door.zone.day(at)),
        acquisition: None,
        attributes: Value::Object(attributes),
    };
    out.profile(door, profile, updated_at);
    Ok(())
}

fn product(door: &Door<'_>, payload: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let product_id = payload.needed_id("id")?;
    let at = gmt(door, payload, "date_modified")?;
    let at = at.map_or_else(|| gmt(door, payload, "date_created"), |at| Ok(Some(at)))?.unwrap_or(door.received_at);
    let sku = payload.free("sku");
    if let Some(quantity) = payload.count("stock_quantity")? {
        let (product_id, source, sku) = (product_id.clone(), door.source.name.clone(), sku.clone());
        out.fact(door, &Stock { product_id, sku, source, location: None, quantity, changed_at: at }, at);
    }
    let mut product = Product {
        product_id,
        revision_id: String::new(),
        source: door.source.name.clone(),
        sku,
        name: payload.free("name"),
        category: payload.list("categories").next().and_then(|category| category.free("name")),
        price: payload.money("price")?,
        cost: None,
        url: payload.free("permalink"),
        image_url: payload.list("images").next().and_then(|image| image.free("src")),
        status: match payload.text("status").as_deref() {
            None | Some("publish") => "active".into(),
            Some("trash") => "deleted".into(),
            Some(_) => "hidden".into(),
        },
    };
    product.revision_id = revision_id(&product, at);
    out.fact(door, &product, at);
    Ok(())
}

/// `date_x_gmt`, which has no offset and needs none, else `date_x` in the shop's time.
fn gmt(door: &Door<'_>, payload: Members<'_>, name: &str) -> Result<Option<model::Instant>, Bad> {
    let utc = ShopZone::parse("UTC").expect("UTC is a zone");
    match payload.instant(&format!("{name}_gmt"), door, utc)? {
        Some(at) => Ok(Some(at)),
        None => payload.at(name, door),
    }
}

/// To the nearest 1/10,000.
pub(super) fn each(amount: Money, quantity: i64) -> Result<Money, Bad> {
    match quantity {
        0 => Ok(amount),
        _ => {
            let (units, count) = (amount.scaled().abs(), quantity.abs());
            let rounded = (units + count / 2) / count * amount.scaled().signum() * quantity.signum();
            Ok(Money::from_scaled(rounded)?)
        }
    }
}
