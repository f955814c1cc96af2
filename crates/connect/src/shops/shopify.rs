//! Shopify: webhook payloads and pages of the Admin REST API, which have the same shapes.
//!
//! **Money.** `total_line_items_price` is the goods before discounts (the sum of the lines where it is missing); with `taxes_included` the
//! tax on goods is taken out of it, and the tax on shipping out of shipping. `total_discounts` counts discounts of shipping too: they lower
//! shipping, not goods. Tips and duties are fees. What stands in `total_price` is then gross - discount + tax + shipping + fee.
//!
//! **Refunds** come inside orders and alone, and are one refund by their id. Goods count by `refund_line_items`; a `refund_discrepancy` is
//! what was given back beyond (negative) or short of them; shipping is not goods. A refund that names neither is of the whole order.
//!
//! **Consent.** `not_subscribed` is nobody's word, so it is no consent and no revocation. A permission holds from when it was given: where
//! Shopify does not say when, from when the customer was made, so that it never overrides somebody who unsubscribed here since.
//!
//! **Requests of the law.** Whom the shop redacts or deletes is erased. Data requests and the erasure of a whole shop are for a person: they are
//! answered 200 and wait in the quarantine.

use std::collections::BTreeSet;

use model::{
    Channel, Consent, ConsentState, CustomerId, Event, Instant, Money, OrderStatus, Product, Profile, Purpose, Stock, derive_id,
    time::micros,
};
use serde_json::{Map, Value, json};

use super::{
    Delivered, Door, Headers, OrderDelta, OrderDocument, Person, StockDelta, StockDocument, full_name,
    members::{Bad, Members},
    object,
    order_document::{Base, Line, Refund, RefundOf, Shipped},
    revision_id, send_id_of, sound,
    stock_document::{Item, Level},
};

/// A webhook's body, by its topic.
pub(super) fn delivery(door: &Door<'_>, headers: Headers<'_>, body: &[u8], out: &mut Delivered) -> Result<(), Bad> {
    let header = |name: &str| headers.one(&format!("x-shopify-{name}")).or_else(|| headers.one(&format!("shopify-{name}")));
    let Some(topic) = header("topic") else { return Err(Bad::unknown_topic()) };
    let read: fn(&Door<'_>, Members<'_>, &mut Delivered) -> Result<(), Bad> = match topic {
        "orders/create"
        | "orders/updated"
        | "orders/paid"
        | "orders/cancelled"
        | "orders/fulfilled"
        | "orders/partially_fulfilled" => order,
        "refunds/create" => refund_alone,
        "fulfillments/create" | "fulfillments/update" => fulfillment_alone,
        "customers/create" | "customers/update" | "customers/enable" | "customers/disable" => customer,
        "customers_email_marketing_consent/update" | "customers_marketing_consent/update" => consent_alone,
        "checkouts/create" | "checkouts/update" => checkout,
        "products/create" | "products/update" => product,
        "inventory_levels/update" | "inventory_levels/connect" => inventory_level,
        "customers/delete" | "customers/redact" => {
            let gone_at = header("triggered-at").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
            let gone_at = gone_at.map_or(door.received_at, |at| micros(at.to_utc()).min(door.received_at));
            return customer_gone(door, Members(&object(body)?), gone_at, out);
        }
        "products/delete" => {
            let gone = Members(&object(body)?).needed_id("id")?;
            product_fact(door, gone, None, door.received_at, "deleted", out);
            return Ok(());
        }
        // The law gives an answer 30 days, as long as a letter waits. A person makes it.
        "customers/data_request" => {
            return Err(Bad::new(
                "data_request",
                "a customer asked the shop for all that is known of them",
                "see who with `tsubame quarantine show ID`, answer them within 30 days with `tsubame customer show`, then drop the letter",
            ));
        }
        "shop/redact" => {
            return Err(Bad::new(
                "shop_redact",
                "Shopify asks to erase what is known of the shop, which took the app out two days ago; nothing was erased",
                "if the shop has left for good, delete its folder, lake and backups; else drop the letter",
            ));
        }
        // They change nothing that is kept here; what they announce comes by the topics above too.
        "orders/edited"
        | "orders/delete"
        | "checkouts/delete"
        | "app/uninstalled"
        | "shop/update"
        | "carts/create"
        | "carts/update"
        | "inventory_items/create"
        | "inventory_items/update"
        | "inventory_items/delete"
        | "inventory_levels/disconnect" => {
            out.leave_out("ignored_topic");
            return Ok(());
        }
        _ => return Err(Bad::unknown_topic()),
    };
    read(door, Members(&object(body)?), out)
}

/// The resources that are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Customers,
    Products,
    Orders,
    InventoryLevels,
}

impl Resource {
    /// The name in paths, and of the list in a page.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Customers => "customers",
            Resource::Products => "products",
            Resource::Orders => "orders",
            Resource::InventoryLevels => "inventory_levels",
        }
    }
}

/// A page of the Admin API: how many it lists, and what came of them. One that cannot be read costs itself alone.
pub fn page(door: &Door<'_>, resource: Resource, body: &[u8]) -> Option<(usize, Delivered)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let items = body.get(resource.name())?.as_array()?;
    let mut out = Delivered::default();
    let read: fn(&Door<'_>, Members<'_>, &mut Delivered) -> Result<(), Bad> = match resource {
        Resource::Customers => customer,
        Resource::Products => product,
        Resource::Orders => order,
        Resource::InventoryLevels => inventory_level,
    };
    for (index, item) in items.iter().enumerate() {
        let read = match item.as_object() {
            Some(members) => read(door, Members(members), &mut out),
            None => Err(Bad::new("not_an_object", "the list holds something that is no object", "report this")),
        };
        if let Err(bad) = read {
            out.refuse(index, bad, item.to_string().as_bytes());
        }
    }
    Some((items.len(), out))
}

fn order(door: &Door<'_>, order: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    if order.yes("test") == Some(true) {
        out.leave_out("test_order");
        return Ok(());
    }
    let order_id = order.needed_id("id")?;
    // Orders brought from elsewhere were made when they were brought and processed when they were placed.
    let created_at = order.at("created_at", door)?;
    let ordered_at = order.at("processed_at", door)?.or(created_at).ok_or_else(|| Bad::missing("created_at"))?;
    let updated_at = order.at("updated_at", door)?.unwrap_or(ordered_at);
    let person = order_person(door, order, ordered_at, out)?;
    let lines = order.list("line_items").map(line).collect::<Result<Vec<_>, _>>()?;
    let tax_included = order.yes("taxes_included").unwrap_or(door.source.tax_included);
    let tax = order.amount("total_tax")?;
    let (mut shipping, mut shipping_discount, mut shipping_tax) = (Money::ZERO, Money::ZERO, Money::ZERO);
    match order.get("shipping_lines") {
        Some(_) => {
            for line in order.list("shipping_lines").filter(|line| line.yes("is_removed") != Some(true)) {
                let price = line.amount("price")?;
                let paid = line.money("discounted_price")?.unwrap_or(price);
                shipping = shipping.plus(paid)?;
                shipping_discount = shipping_discount.plus(price.minus(paid)?)?;
                for tax in line.list("tax_lines") {
                    shipping_tax = shipping_tax.plus(tax.amount("price")?)?;
                }
            }
        }
        None => shipping = set_amount(order, "total_shipping_price_set")?,
    }
    let discount = order.amount("total_discounts")?.minus(shipping_discount)?.max(Money::ZERO);
    let goods = match (order.money("total_line_items_price")?, order.money("subtotal_price")?) {
        (Some(goods), _) => goods,
        (None, Some(after)) if lines.is_empty() => after.plus(discount)?,
        _ => Money::sum(lines.iter().map(|line| line.amount))?,
    };
    let (goods_tax, shipping_tax) =
        if tax_included { (tax.minus(shipping_tax)?, shipping_tax) } else { (Money::ZERO, Money::ZERO) };
    let codes: Vec<String> = order.list("discount_codes").filter_map(|code| code.free("code")).collect();
    let attributes = || order.list("note_attributes").find(|pair| pair.text("name").as_deref() == Some("tsb_m"));
    let fee = [
        order.amount("total_tip_received")?,
        set_amount(order, "original_total_duties_set")?,
        set_amount(order, "original_total_additional_fees_set")?,
    ];
    let base = sound(Base {
        updated_at,
        ordered_at,
        status: match order.text("financial_status").as_deref() {
            Some("voided") => OrderStatus::Cancelled,
            Some("refunded") => OrderStatus::Returned,
            _ => OrderStatus::Completed,
        },
        customer_id: person,
        gross: goods.minus(goods_tax)?,
        discount,
        tax_included,
        tax,
        shipping: shipping.minus(shipping_tax)?,
        fee: Money::sum(fee)?,
        points_used: Money::ZERO,
        total: order.money("total_price")?,
        currency: currency(door, order)?,
        coupon: (!codes.is_empty()).then(|| codes.join(",")),
        sales_channel: order.free("source_name"),
        subscription_id: None,
        subscription_count: None,
        send_id: send_id_of(order.text("landing_site")).or_else(|| attributes()?.id("value").ok()?),
        shipped_on: None,
        lines,
    })?;
    let mut document =
        OrderDocument { base: Some(base), cancelled_at: order.at("cancelled_at", door)?, ..OrderDocument::default() };
    for part in order.list("refunds") {
        document.refunds.extend([refund(door, part)?]);
    }
    for part in order.list("fulfillments") {
        document.shipments.extend([fulfillment(door, part)?]);
    }
    out.orders.push(OrderDelta { order_id, document });
    Ok(())
}

fn line(line: Members<'_>) -> Result<Line, Bad> {
    let quantity = line.count("quantity")?.unwrap_or(1);
    let unit_price = line.amount("price")?;
    let name = match (line.free("title"), line.free("variant_title")) {
        (Some(title), Some(variant)) => Some(format!("{title} - {variant}")),
        (title, variant) => title.or_else(|| line.free("name")).or(variant),
    };
    Ok(Line {
        product_id: line.id("product_id")?,
        sku: line.free("sku"),
        name,
        category: None,
        quantity,
        unit_price,
        amount: unit_price.times(quantity)?,
    })
}

/// Who ordered, telling their addresses: the account's as of the account's last change, a guest's as of the order.
fn order_person(
    door: &Door<'_>,
    order: Members<'_>,
    ordered_at: Instant,
    out: &mut Delivered,
) -> Result<Option<CustomerId>, Bad> {
    let account = order.object("customer");
    let of_account = |name: &str| account.and_then(|account| account.text(name));
    let since = match account {
        Some(account) if account.text("email").is_some() => account.at("updated_at", door)?.unwrap_or(ordered_at),
        _ => ordered_at,
    };
    let person = Person::read(
        door,
        account.map(|account| account.id("id")).transpose()?.flatten(),
        of_account("email").or_else(|| order.text("email")).or_else(|| order.text("contact_email")),
        of_account("phone").or_else(|| order.text("phone")),
        full_name(of_account("first_name"), of_account("last_name")),
    )?;
    out.addresses(&person, since);
    Ok(person.customer_id)
}

fn refund_alone(door: &Door<'_>, payload: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let order_id = payload.needed_id("order_id")?;
    let is_test = payload.list("transactions").any(|transaction| transaction.yes("test") == Some(true));
    if is_test {
        out.leave_out("test_order");
        return Ok(());
    }
    let document = OrderDocument { refunds: [refund(door, payload)?].into(), ..OrderDocument::default() };
    out.orders.push(OrderDelta { order_id, document });
    Ok(())
}

fn refund(door: &Door<'_>, refund: Members<'_>) -> Result<(String, Refund), Bad> {
    let id = refund.needed_id("id")?;
    let at = refund.at("created_at", door)?.ok_or_else(|| Bad::missing("created_at"))?;
    let (mut amount, mut tax, mut has_goods) = (Money::ZERO, Money::ZERO, false);
    for part in refund.list("refund_line_items") {
        has_goods = true;
        let quantity = part.count("quantity")?.unwrap_or(1);
        let line = part.object("line_item");
        let of_line = line.map_or(Ok(None), |line| line.count("quantity"))?.unwrap_or(quantity).max(1);
        // What is told of the whole line, for the pieces of it that came back.
        let pieces = |money: Money| {
            let units = (i128::from(money.scaled()) * i128::from(quantity)).div_euclid(i128::from(of_line));
            i64::try_from(units).map_err(|_| Bad::too_large()).and_then(|units| Ok(Money::from_scaled(units)?))
        };
        amount = amount.plus(match (part.money("subtotal")?, line) {
            (Some(subtotal), _) => subtotal,
            (None, Some(line)) => line.amount("price")?.times(quantity)?.minus(pieces(line.amount("total_discount")?)?)?,
            (None, None) => Money::ZERO,
        })?;
        tax = tax.plus(match (part.money("total_tax")?, line) {
            (Some(tax), _) => tax,
            (None, Some(line)) => {
                let taxes = line.list("tax_lines").map(|tax| tax.amount("price")).collect::<Result<Vec<_>, _>>()?;
                pieces(Money::sum(taxes)?)?
            }
            (None, None) => Money::ZERO,
        })?;
    }
    for adjustment in refund.list("order_adjustments") {
        has_goods = true;
        if adjustment.text("kind").as_deref() == Some("refund_discrepancy") {
            amount = amount.minus(adjustment.amount("amount")?)?;
            tax = tax.minus(adjustment.amount("tax_amount")?)?;
        }
    }
    if has_goods {
        return Ok((id, Refund { at, of: RefundOf::Goods { amount, tax: Some(tax) } }));
    }
    let is = |transaction: &Members<'_>, name: &str, value: &str| transaction.text(name).is_none_or(|text| text == value);
    let paid_back = refund
        .list("transactions")
        .filter(|transaction| is(transaction, "kind", "refund") && is(transaction, "status", "success"))
        .map(|transaction| transaction.amount("amount"))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((id, Refund { at, of: RefundOf::Total(Money::sum(paid_back)?) }))
}

fn fulfillment_alone(door: &Door<'_>, payload: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let order_id = payload.needed_id("order_id")?;
    let document = OrderDocument { shipments: [fulfillment(door, payload)?].into(), ..OrderDocument::default() };
    out.orders.push(OrderDelta { order_id, document });
    Ok(())
}

fn fulfillment(door: &Door<'_>, payload: Members<'_>) -> Result<(String, Shipped), Bad> {
    let at = payload.at("created_at", door)?.ok_or_else(|| Bad::missing("created_at"))?;
    let updated_at = payload.at("updated_at", door)?.unwrap_or(at).max(at);
    let counts = !matches!(payload.text("status").as_deref(), Some("cancelled" | "error" | "failure"));
    Ok((payload.needed_id("id")?, Shipped { at, updated_at, counts }))
}

fn customer(door: &Door<'_>, customer: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let id = customer.needed_id("id")?;
    let created_at = customer.at("created_at", door)?;
    let updated_at = customer.at("updated_at", door)?.or(created_at).ok_or_else(|| Bad::missing("updated_at"))?;
    let name = full_name(customer.text("first_name"), customer.text("last_name"));
    let person = Person::read(door, Some(id), customer.text("email"), customer.text("phone"), name)?;
    let Some(customer_id) = person.customer_id.clone() else { return Err(Bad::not_an_id("id")) };
    out.addresses(&person, updated_at);
    let address = customer.object("default_address");
    let mut attributes = Map::new();
    for (name, value) in [("state", customer.free("state")), ("language", customer.free("locale"))] {
        attributes.extend(value.map(|value| (name.to_string(), json!(value))));
    }
    attributes.extend(address.and_then(|address| address.free("country_code")).map(|code| ("country".into(), json!(code))));
    let tags = customer.free("tags").unwrap_or_default();
    let tags: Vec<&str> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    if !tags.is_empty() {
        attributes.insert("tags".into(), json!(tags));
    }
    let profile = Profile {
        customer_id: customer_id.clone(),
        revision_id: String::new(),
        source: door.source.name.clone(),
        birthday: None,
        gender: None,
        prefecture: address.and_then(|address| address.free("province")),
        registered_on: created_at.map(|at| door.zone.day(at)),
        acquisition: None,
        attributes: Value::Object(attributes),
    };
    out.profile(door, profile, updated_at);
    let made_at = created_at.unwrap_or(updated_at);
    match customer.object("email_marketing_consent") {
        Some(state) => consent(door, &customer_id, Channel::Email, state, made_at, out)?,
        // Older versions of the API.
        None => {
            let told_at = customer.at("accepts_marketing_updated_at", door)?;
            match customer.yes("accepts_marketing") {
                Some(true) => {
                    record(door, &customer_id, Channel::Email, ConsentState::Granted, told_at.unwrap_or(made_at), None, out)
                }
                Some(false) if told_at.is_some() => {
                    record(door, &customer_id, Channel::Email, ConsentState::Revoked, told_at.unwrap_or(made_at), None, out);
                }
                _ => {}
            }
        }
    }
    if let Some(state) = customer.object("sms_marketing_consent") {
        consent(door, &customer_id, Channel::Sms, state, made_at, out)?;
    }
    Ok(())
}

fn consent_alone(door: &Door<'_>, payload: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let id = payload.needed_id("customer_id")?;
    let customer_id = CustomerId::parse(&id, door.key).map_err(|_| Bad::not_an_id("customer_id"))?;
    for (name, channel) in [("email_marketing_consent", Channel::Email), ("sms_marketing_consent", Channel::Sms)] {
        if let Some(state) = payload.object(name) {
            consent(door, &customer_id, channel, state, door.received_at, out)?;
        }
    }
    Ok(())
}

fn consent(
    door: &Door<'_>,
    customer_id: &CustomerId,
    channel: Channel,
    told: Members<'_>,
    otherwise_at: Instant,
    out: &mut Delivered,
) -> Result<(), Bad> {
    let at = told.at("consent_updated_at", door)?.unwrap_or(otherwise_at);
    let state = match told.free("state").as_deref() {
        Some("subscribed") => ConsentState::Granted,
        Some("unsubscribed" | "redacted") => ConsentState::Revoked,
        _ => return Ok(()),
    };
    let how = [told.text("opt_in_level"), told.text("consent_collected_from")].into_iter().flatten().collect::<Vec<_>>();
    record(door, customer_id, channel, state, at, (!how.is_empty()).then(|| how.join(", ")), out);
    Ok(())
}

fn record(
    door: &Door<'_>,
    customer_id: &CustomerId,
    channel: Channel,
    state: ConsentState,
    changed_at: Instant,
    how: Option<String>,
    out: &mut Delivered,
) {
    let consent = Consent {
        customer_id: customer_id.clone(),
        channel,
        purpose: Purpose::Marketing,
        state,
        source: door.source.name.clone(),
        wording: None,
        evidence: Some(format!("Shopify{}", how.map(|how| format!(": {how}")).unwrap_or_default())),
        changed_at,
    };
    out.consents.push((consent, door.received_at.max(changed_at)));
}

/// Who is gone at the shop is erased here, by both topics: `customers/redact` comes days after somebody asked the shop for it,
/// `customers/delete` at once when the shop itself deletes them, which at Shopify takes their data away too. Neither may be written to any more.
/// What a redact says of addresses is used to find the guest who ordered without an account, and is not kept.
fn customer_gone(door: &Door<'_>, payload: Members<'_>, at: Instant, out: &mut Delivered) -> Result<(), Bad> {
    let gone = payload.object("customer").unwrap_or(payload);
    let person = Person::read(door, gone.id("id")?, gone.text("email"), gone.text("phone"), None)?;
    let guests = person.contacts.iter().map(|(_, address)| CustomerId::guest(address, door.key));
    let ids: BTreeSet<CustomerId> = person.customer_id.iter().cloned().chain(guests).collect();
    if ids.is_empty() {
        return Err(Bad::missing("id"));
    }
    for customer_id in ids {
        for channel in [Channel::Email, Channel::Sms] {
            record(door, &customer_id, channel, ConsentState::Revoked, at, Some("customer deleted".into()), out);
        }
        out.erased.push((customer_id, at));
    }
    Ok(())
}

/// A cart with an address. Its link (`abandoned_checkout_url`) opens the address to whoever has it, so it is not kept.
fn checkout(door: &Door<'_>, checkout: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let token = checkout.id("token")?.map_or_else(|| checkout.needed_id("id"), Ok)?;
    let created_at = checkout.at("created_at", door)?.ok_or_else(|| Bad::missing("created_at"))?;
    let updated_at = checkout.at("updated_at", door)?.unwrap_or(created_at);
    let completed_at = checkout.at("completed_at", door)?;
    let person = order_person(door, checkout, updated_at, out)?;
    let items = checkout.list("line_items");
    let products: Vec<Value> = items
        .map(|item| json!({ "product_id": item.text("product_id"), "sku": item.free("sku"), "quantity": item.count("quantity").ok().flatten() }))
        .collect();
    let value = match checkout.money("subtotal_price")? {
        Some(value) => Some(value),
        None => checkout.money("total_price")?,
    };
    let mut told = |name: &str, at: Instant, mark: &str| -> Result<(), Bad> {
        let event = Event {
            event_id: derive_id(&["checkout", &token, mark]).map_err(|_| Bad::not_an_id("token"))?,
            name: name.into(),
            source: door.source.name.clone(),
            customer_id: person.clone(),
            cart_id: checkout.free("cart_token").or_else(|| Some(token.clone())),
            order_id: checkout.id("order_id")?,
            value,
            send_id: send_id_of(checkout.text("landing_site")),
            properties: json!({ "checkout_id": token, "products": products }),
            ..Event::default()
        };
        out.fact(door, &event, at);
        Ok(())
    };
    told("checkout_started", created_at, "started")?;
    if updated_at > created_at {
        told("cart_updated", updated_at, &updated_at.timestamp_micros().to_string())?;
    }
    if let Some(at) = completed_at {
        told("checkout_completed", at, "completed")?;
    }
    Ok(())
}

fn product(door: &Door<'_>, product: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let product_id = product.needed_id("id")?;
    let at = product.at("updated_at", door)?;
    let at = at.map_or_else(|| product.at("created_at", door), |at| Ok(Some(at)))?.unwrap_or(door.received_at);
    for variant in product.list("variants") {
        let sku = variant.free("sku");
        match (variant.id("inventory_item_id")?, variant.count("inventory_quantity")?) {
            (Some(item_id), _) => {
                let item = Some(Item { at, product_id: product_id.clone(), sku });
                out.stock.push(StockDelta { item_id, document: StockDocument { item, ..StockDocument::default() } });
            }
            // Older versions of the API have one number for all places, and no items.
            (None, Some(quantity)) => {
                let changed_at = variant.at("updated_at", door)?.unwrap_or(at);
                let source = door.source.name.clone();
                let stock = Stock { product_id: product_id.clone(), sku, source, location: None, quantity, changed_at };
                out.fact(door, &stock, changed_at);
            }
            (None, None) => {}
        }
    }
    let status = match product.text("status").as_deref() {
        Some("draft" | "archived" | "unlisted") => "hidden",
        Some(_) => "active",
        None if product.0.contains_key("published_at") && product.get("published_at").is_none() => "hidden",
        None => "active",
    };
    product_fact(door, product_id, Some(product), at, status, out);
    Ok(())
}

fn product_fact(door: &Door<'_>, product_id: String, told: Option<Members<'_>>, at: Instant, status: &str, out: &mut Delivered) {
    let variants = || told.into_iter().flat_map(|told| told.list("variants"));
    let image = told.and_then(|told| told.object("image").or_else(|| told.list("images").next()));
    let mut product = Product {
        product_id,
        revision_id: String::new(),
        source: door.source.name.clone(),
        sku: variants().next().filter(|_| variants().count() == 1).and_then(|variant| variant.free("sku")),
        name: told.and_then(|told| told.free("title")),
        category: told.and_then(|told| told.free("product_type")),
        price: variants().filter_map(|variant| variant.money("price").ok().flatten()).min(),
        cost: None,
        url: told.and_then(|told| told.text("handle")).map(|handle| match door.source.shop_domain.as_str() {
            "" => format!("/products/{handle}"),
            domain => format!("https://{domain}/products/{handle}"),
        }),
        image_url: image.and_then(|image| image.free("src")),
        status: status.into(),
    };
    product.revision_id = revision_id(&product, at);
    out.fact(door, &product, at);
}

fn inventory_level(door: &Door<'_>, level: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let item_id = level.needed_id("inventory_item_id")?;
    let place = level.needed_id("location_id")?;
    // An item that is not counted has no level.
    let Some(quantity) = level.count("available")? else { return Ok(()) };
    let at = level.at("updated_at", door)?.unwrap_or(door.received_at);
    let document = StockDocument { item: None, levels: [(place, Level { at, quantity })].into() };
    out.stock.push(StockDelta { item_id, document });
    Ok(())
}

/// The shop's own currency of a `…_set`.
fn set_amount(order: Members<'_>, name: &str) -> Result<Money, Bad> {
    order.object(name).and_then(|set| set.object("shop_money")).map_or(Ok(Money::ZERO), |money| money.amount("amount"))
}

fn currency(door: &Door<'_>, order: Members<'_>) -> Result<model::Currency, Bad> {
    let Some(text) = order.text("currency") else { return Ok(door.currency.clone()) };
    let wrong = |_| Bad::new("not_a_currency", "`currency` is not a currency code", "send three letters (JPY)");
    model::Currency::parse(&text).map_err(wrong)
}
