//! Our own shape of signed JSON, for any cart that can POST. Members are named as our nouns are; amounts are text or numbers; times are RFC
//! 3339, and those without an offset are the shop's.
//!
//! A body is one record or `{"records": [...]}`; each record is taken or refused by itself. `type` says what it is:
//!
//! | type | needed | may have |
//! |---|---|---|
//! | `order` | `order_id`, `ordered_at` | `updated_at`, `status` (`completed`, `cancelled`, `returned`), `cancelled_at`, `customer_id`, `email`, `phone`, `name`, `gross`, `discount`, `points_used`, `tax`, `tax_included`, `shipping`, `fee`, `total`, `currency`, `coupon`, `sales_channel`, `subscription_id`, `subscription_count`, `send_id`, `shipped_on`, `lines`, `refunds`, `test` |
//! | a line | | `product_id`, `sku`, `name`, `category`, `quantity`, `unit_price`, `amount` |
//! | `refund` | `order_id`, `refund_id`, `refunded_at`, and `goods` or `total` | `tax` (on the goods) |
//! | `customer` | `customer_id`, `updated_at` | `email`, `phone`, `line_id`, `name`, `birthday`, `gender`, `prefecture`, `registered_on`, `acquisition`, `attributes`, `consents` |
//! | a consent | `channel`, `state` (`granted`, `revoked`), `changed_at` | `purpose`, `wording`, `evidence` |
//! | `product` | `product_id`, `updated_at` | `sku`, `name`, `category`, `price`, `cost`, `url`, `image_url`, `status` |
//! | `stock` | `product_id`, `quantity`, `changed_at` | `sku`, `location` |
//! | `event` | `event_id`, `name`, `occurred_at` | `customer_id`, `visitor_id`, `session_id`, `cart_id`, `order_id`, `product_id`, `category`, `value`, `url`, `send_id`, `properties` |
//!
//! `gross` is the goods before discounts; where it is missing it is the sum of the lines, else `total` - tax - shipping - fee + discount.
//! With `tax_included` (by default as the source says) `gross`, lines and refunded goods contain their tax. `points_used` is not in
//! `discount`, and comes on top of it.

use model::{
    Channel, Consent, ConsentState, ContactKind, Event, LineUserId, Money, OrderStatus, Product, Profile, Purpose, Stock,
};

use super::{
    Delivered, Door, OrderDelta, OrderDocument, Person,
    members::{Bad, Members},
    object,
    order_document::{Base, Line, Refund, RefundOf},
    revision_id, sound,
    woocommerce::each,
};

pub(super) fn delivery(door: &Door<'_>, body: &[u8], out: &mut Delivered) -> Result<(), Bad> {
    let body = object(body)?;
    let whole = Members(&body);
    let Some(records) = whole.get("records") else { return record(door, whole, out) };
    let Some(records) = records.as_array() else {
        return Err(Bad::new("not_a_list", "`records` is no list", "send {\"records\": [{\"type\": \"order\", …}]}"));
    };
    for (index, item) in records.iter().enumerate() {
        let read = match item.as_object() {
            Some(members) => record(door, Members(members), out),
            None => Err(Bad::new("not_an_object", "`records` holds something that is no object", "send objects alone")),
        };
        if let Err(bad) = read {
            out.refuse(index, bad, item.to_string().as_bytes());
        }
    }
    Ok(())
}

fn record(door: &Door<'_>, record: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    match record.text("type").as_deref() {
        Some("order") => order(door, record, out),
        Some("refund") => {
            let document = OrderDocument { refunds: [refund(door, record)?].into(), ..OrderDocument::default() };
            out.orders.push(OrderDelta { order_id: record.needed_id("order_id")?, document });
            Ok(())
        }
        Some("customer") => customer(door, record, out),
        Some("product") => product(door, record, out),
        Some("stock") => stock(door, record, out),
        Some("event") => event(door, record, out),
        None => Err(Bad::missing("type")),
        Some(_) => Err(Bad::new(
            "unknown_topic",
            "nobody here reads this `type`",
            "send order, refund, customer, product, stock or event",
        )),
    }
}

fn order(door: &Door<'_>, order: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    if order.yes("test") == Some(true) {
        out.leave_out("test_order");
        return Ok(());
    }
    let order_id = order.needed_id("order_id")?;
    let ordered_at = order.at("ordered_at", door)?.ok_or_else(|| Bad::missing("ordered_at"))?;
    let status = match order.text("status") {
        None => OrderStatus::Completed,
        Some(name) => OrderStatus::parse(&name).ok_or_else(|| one_of("status", "completed, cancelled or returned"))?,
    };
    let mut lines = Vec::new();
    for line in order.list("lines") {
        let quantity = line.count("quantity")?.unwrap_or(1);
        let price = line.money("unit_price")?;
        let amount = match (line.money("amount")?, price) {
            (Some(amount), _) => amount,
            (None, Some(price)) => price.times(quantity)?,
            (None, None) => Money::ZERO,
        };
        lines.push(Line {
            product_id: line.id("product_id")?,
            sku: line.free("sku"),
            name: line.free("name"),
            category: line.free("category"),
            quantity,
            unit_price: price.map_or_else(|| each(amount, quantity), Ok)?,
            amount,
        });
    }
    let tax_included = order.yes("tax_included").unwrap_or(door.source.tax_included);
    let (tax, shipping, fee) = (order.amount("tax")?, order.amount("shipping")?, order.amount("fee")?);
    let points_used = order.amount("points_used")?;
    let discount = order.amount("discount")?.plus(points_used)?;
    let total = order.money("total")?;
    let untaxed = |goods: Money| if tax_included { goods.minus(tax) } else { Ok(goods) };
    let gross = match (order.money("gross")?, total) {
        (Some(gross), _) => untaxed(gross)?,
        (None, Some(total)) if lines.is_empty() => total.minus(tax)?.minus(shipping)?.minus(fee)?.plus(discount)?,
        (None, None) if lines.is_empty() => Money::ZERO,
        _ => untaxed(Money::sum(lines.iter().map(|line| line.amount))?)?,
    };
    let person = person(door, order)?;
    out.addresses(&person, ordered_at);
    let base = sound(Base {
        updated_at: order.at("updated_at", door)?.unwrap_or(ordered_at),
        ordered_at,
        status,
        customer_id: person.customer_id,
        gross,
        discount,
        tax_included,
        tax,
        shipping,
        fee,
        points_used,
        total,
        currency: match order.text("currency") {
            Some(text) => model::Currency::parse(&text).map_err(|_| one_of("currency", "a code of three letters (JPY)"))?,
            None => door.currency.clone(),
        },
        coupon: order.free("coupon"),
        sales_channel: order.free("sales_channel"),
        subscription_id: order.id("subscription_id")?,
        subscription_count: order.count("subscription_count")?,
        send_id: order.id("send_id")?,
        shipped_on: order.date("shipped_on")?,
        lines,
    })?;
    let mut document =
        OrderDocument { base: Some(base), cancelled_at: order.at("cancelled_at", door)?, ..OrderDocument::default() };
    for part in order.list("refunds") {
        document.refunds.extend([refund(door, part)?]);
    }
    out.orders.push(OrderDelta { order_id, document });
    Ok(())
}

fn refund(door: &Door<'_>, refund: Members<'_>) -> Result<(String, Refund), Bad> {
    let at = refund.at("refunded_at", door)?.ok_or_else(|| Bad::missing("refunded_at"))?;
    let of = match (refund.money("goods")?, refund.money("total")?) {
        (Some(amount), _) => RefundOf::Goods { amount, tax: refund.money("tax")? },
        (None, Some(total)) => RefundOf::Total(total),
        (None, None) => return Err(Bad::missing("goods")),
    };
    Ok((refund.needed_id("refund_id")?, Refund { at, of }))
}

fn customer(door: &Door<'_>, customer: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let updated_at = customer.at("updated_at", door)?.ok_or_else(|| Bad::missing("updated_at"))?;
    customer.needed_id("customer_id")?;
    let mut person = person(door, customer)?;
    match customer.text("line_id").map(|raw| LineUserId::parse(&raw)) {
        Some(Ok(line)) => person.contacts.push((ContactKind::Line, line.as_str().into())),
        Some(Err(_)) => person.dropped.push("line"),
        None => {}
    }
    let Some(customer_id) = person.customer_id.clone() else { return Err(Bad::missing("customer_id")) };
    let mut consents = Vec::new();
    for told in customer.list("consents") {
        let channel = told.text("channel").and_then(|name| Channel::parse(&name));
        let purpose = match told.text("purpose").as_deref() {
            None | Some("marketing") => Purpose::Marketing,
            Some("transactional") => Purpose::Transactional,
            Some("ads") => Purpose::Ads,
            Some(_) => return Err(one_of("purpose", "marketing, transactional or ads")),
        };
        let state = match told.free("state").as_deref() {
            Some("granted") => ConsentState::Granted,
            Some("revoked") => ConsentState::Revoked,
            _ => return Err(one_of("state", "granted or revoked")),
        };
        let changed_at = told.at("changed_at", door)?.ok_or_else(|| Bad::missing("changed_at"))?;
        let consent = Consent {
            customer_id: customer_id.clone(),
            channel: channel.ok_or_else(|| one_of("channel", "email, line, sms, web_push, app_push or webhook"))?,
            purpose,
            state,
            source: door.source.name.clone(),
            wording: told.free("wording"),
            evidence: told.free("evidence").or_else(|| Some(format!("told by {}", door.source.name))),
            changed_at,
        };
        consents.push((consent, door.received_at.max(changed_at)));
    }
    let gender = match customer.text("gender") {
        Some(name) if !["female", "male", "other"].contains(&name.as_str()) => {
            return Err(one_of("gender", "female, male or other"));
        }
        gender => gender,
    };
    let profile = Profile {
        customer_id,
        revision_id: String::new(),
        source: door.source.name.clone(),
        birthday: customer.date("birthday")?,
        gender,
        prefecture: customer.free("prefecture"),
        registered_on: customer.date("registered_on")?,
        acquisition: customer.free("acquisition"),
        attributes: customer.loose("attributes"),
    };
    // Nothing of a record that is refused may stay.
    out.addresses(&person, updated_at);
    out.consents.extend(consents);
    out.profile(door, profile, updated_at);
    Ok(())
}

fn product(door: &Door<'_>, told: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let at = told.at("updated_at", door)?.ok_or_else(|| Bad::missing("updated_at"))?;
    let status = told.text("status").unwrap_or_else(|| "active".into());
    if !["active", "hidden", "deleted"].contains(&status.as_str()) {
        return Err(one_of("status", "active, hidden or deleted"));
    }
    let mut product = Product {
        product_id: told.needed_id("product_id")?,
        revision_id: String::new(),
        source: door.source.name.clone(),
        sku: told.free("sku"),
        name: told.free("name"),
        category: told.free("category"),
        price: told.money("price")?,
        cost: told.money("cost")?,
        url: told.free("url"),
        image_url: told.free("image_url"),
        status,
    };
    product.revision_id = revision_id(&product, at);
    out.fact(door, &product, at);
    Ok(())
}

fn stock(door: &Door<'_>, told: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let stock = Stock {
        product_id: told.needed_id("product_id")?,
        sku: told.free("sku"),
        source: door.source.name.clone(),
        location: told.id("location")?,
        quantity: told.count("quantity")?.ok_or_else(|| Bad::missing("quantity"))?,
        changed_at: told.at("changed_at", door)?.ok_or_else(|| Bad::missing("changed_at"))?,
    };
    out.fact(door, &stock, stock.changed_at);
    Ok(())
}

fn event(door: &Door<'_>, told: Members<'_>, out: &mut Delivered) -> Result<(), Bad> {
    let at = told.at("occurred_at", door)?.ok_or_else(|| Bad::missing("occurred_at"))?;
    let person = person(door, told)?;
    let event = Event {
        event_id: told.needed_id("event_id")?,
        // The `name` of an event is not a person's.
        name: told.free("name").ok_or_else(|| Bad::missing("name"))?,
        source: door.source.name.clone(),
        customer_id: person.customer_id,
        visitor_id: told.id("visitor_id")?,
        session_id: told.id("session_id")?,
        cart_id: told.id("cart_id")?,
        order_id: told.id("order_id")?,
        product_id: told.id("product_id")?,
        category: told.free("category"),
        value: told.money("value")?,
        url: told.free("url"),
        send_id: told.id("send_id")?,
        properties: told.loose("properties"),
    };
    out.fact(door, &event, at);
    Ok(())
}

fn person(door: &Door<'_>, told: Members<'_>) -> Result<Person, Bad> {
    Person::read(door, told.id("customer_id")?, told.text("email"), told.text("phone"), told.text("name"))
}

fn one_of(name: &str, what: &str) -> Bad {
    Bad::new("not_in_map", format!("`{name}` is not {what}"), format!("send {what}"))
}
