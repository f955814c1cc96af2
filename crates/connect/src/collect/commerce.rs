//! The e-commerce events of Segment's specification: their names, and the members that queries use as columns.

use model::{Currency, IdKey, Money, money::MoneyError};
use serde_json::{Map, Value};

use super::Flaw;
use crate::personal::{Found, is_plain_id, mask_counted, plain_id};

/// Names by which a client says that a cart has changed. The shop's own `cart_updated` has the cart's value; Segment's `product_added` has
/// the line's (so the cart holds at least that), `product_removed` none, because what is left is not said. Whoever looks for `cart_updated`
/// (scenarios, abandoned carts) means all of these. `cart_viewed` changes nothing.
pub const CART_CHANGES: [&str; 3] = ["cart_updated", "product_added", "product_removed"];

/// Names by which a client says that an order was placed. Orders come from the shop, so these make none.
pub const ORDER_PLACED: [&str; 2] = ["order_completed", "order_placed"];

/// Events of which a trusted source's orders are made, where its `orders` is set.
pub const TELLS_OF_ORDERS: [&str; 4] = ["order_completed", "order_updated", "order_refunded", "order_cancelled"];

/// Segment's events (version 2), by our names; sums of money in them must be readable.
const KNOWN: [&str; 33] = [
    "cart_updated",
    "cart_viewed",
    "checkout_started",
    "checkout_step_completed",
    "checkout_step_viewed",
    "coupon_applied",
    "coupon_denied",
    "coupon_entered",
    "coupon_removed",
    "order_cancelled",
    "order_completed",
    "order_placed",
    "order_refunded",
    "order_updated",
    "payment_info_entered",
    "product_added",
    "product_added_to_wishlist",
    "product_clicked",
    "product_list_filtered",
    "product_list_viewed",
    "product_removed",
    "product_removed_from_wishlist",
    "product_reviewed",
    "product_shared",
    "product_viewed",
    "products_searched",
    "promotion_clicked",
    "promotion_viewed",
    "cart_shared",
    "wishlist_product_added_to_cart",
    "email_opened",
    "email_link_clicked",
    "line_linked",
];

/// Version 1 of Segment's specification put the verb first.
const VERSION_1: [(&str, &str); 22] = [
    ("added_product", "product_added"),
    ("added_product_to_wishlist", "product_added_to_wishlist"),
    ("applied_coupon", "coupon_applied"),
    ("cancelled_order", "order_cancelled"),
    ("canceled_order", "order_cancelled"),
    ("order_canceled", "order_cancelled"),
    ("clicked_product", "product_clicked"),
    ("clicked_promotion", "promotion_clicked"),
    ("completed_checkout_step", "checkout_step_completed"),
    ("completed_order", "order_completed"),
    ("entered_payment_info", "payment_info_entered"),
    ("refunded_order", "order_refunded"),
    ("removed_product", "product_removed"),
    ("searched_products", "products_searched"),
    ("started_checkout", "checkout_started"),
    ("updated_order", "order_updated"),
    ("viewed_cart", "cart_viewed"),
    ("viewed_checkout_step", "checkout_step_viewed"),
    ("viewed_product", "product_viewed"),
    ("viewed_product_category", "product_list_viewed"),
    ("viewed_product_list", "product_list_viewed"),
    ("viewed_promotion", "promotion_viewed"),
];

const GA4: [(&str, &str); 18] = [
    ("add_payment_info", "payment_info_entered"),
    ("add_shipping_info", "checkout_step_completed"),
    ("add_to_cart", "product_added"),
    ("add_to_wishlist", "product_added_to_wishlist"),
    ("begin_checkout", "checkout_started"),
    ("page_view", "page"),
    ("purchase", "order_completed"),
    ("refund", "order_refunded"),
    ("remove_from_cart", "product_removed"),
    ("screen_view", "screen"),
    ("search", "products_searched"),
    ("select_item", "product_clicked"),
    ("select_promotion", "promotion_clicked"),
    ("session_start", "session_started"),
    ("view_cart", "cart_viewed"),
    ("view_item", "product_viewed"),
    ("view_item_list", "product_list_viewed"),
    ("view_promotion", "promotion_viewed"),
];

/// `Product Added`, `productAdded` and `product-added` are `product_added`; the verb-first names of version 1 are turned round.
pub fn name(event: &str) -> String {
    let snake = snake(event);
    match VERSION_1.iter().find(|(old, _)| *old == snake) {
        Some((_, new)) => new.to_string(),
        None => snake,
    }
}

/// A GA4 event's name; one that GA4 does not define is taken as Segment's.
pub(super) fn ga4_name(event: &str) -> String {
    match GA4.iter().find(|(theirs, _)| *theirs == event) {
        Some((_, ours)) => ours.to_string(),
        None => name(event),
    }
}

pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

fn snake(event: &str) -> String {
    let mut out = String::with_capacity(event.len() + 4);
    let mut before = ' ';
    for c in event.trim().chars() {
        if !c.is_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
        } else {
            if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) && !out.ends_with('_') {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        before = c;
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

#[derive(Default)]
pub(super) struct Columns {
    pub session_id: Option<String>,
    pub cart_id: Option<String>,
    pub order_id: Option<String>,
    pub product_id: Option<String>,
    pub category: Option<String>,
    pub value: Option<Money>,
    pub url: Option<String>,
    pub send_id: Option<String>,
}

/// What the columns are made of.
pub(super) struct Shop<'a> {
    pub key: &'a IdKey,
    pub currency: &'a Currency,
}

/// Takes the columns out of `properties`. A member that a column repeats exactly is removed; any other stays, with its own type.
pub(super) fn columns(
    name: &str,
    properties: &mut Map<String, Value>,
    context: &Map<String, Value>,
    shop: &Shop<'_>,
    found: &mut Found,
) -> Result<Columns, Flaw> {
    let mut columns = Columns { value: value(name, properties, shop.currency)?, ..Columns::default() };
    if let (Some(value), Some(Value::Number(number))) = (columns.value, properties.get("value"))
        && Money::parse(&number.to_string()) == Ok(value)
    {
        properties.shift_remove("value");
    }
    let first = |properties: &Map<String, Value>, names: &[&str]| {
        let product = properties.get("products").and_then(|products| products.get(0))?.as_object()?;
        names.iter().find_map(|name| id_text(product.get(*name)?))
    };
    columns.order_id = take_id(properties, &["order_id", "orderId"], shop.key, found);
    columns.cart_id = take_id(properties, &["cart_id", "cartId"], shop.key, found);
    columns.product_id = take_id(properties, &["product_id", "productId", "sku"], shop.key, found)
        .or_else(|| first(properties, &["product_id", "productId", "sku"]).map(|id| plain_id(&id, shop.key, found)));
    columns.category = match properties.get("category").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Some(text.to_string()),
        None => first(properties, &["category"]),
    }
    .map(|text| mask_counted(&text, found).into_owned());
    if columns.category.is_some() && columns.category.as_deref() == properties.get("category").and_then(Value::as_str) {
        properties.shift_remove("category");
    }
    columns.session_id = match context.get("sessionId").and_then(id_text) {
        Some(id) => Some(plain_id(&id, shop.key, found)),
        None => take_id(properties, &["session_id", "sessionId"], shop.key, found),
    };
    let page = context.get("page").and_then(|page| page.get("url")).and_then(Value::as_str).filter(|url| !url.trim().is_empty());
    let own = properties.get("url").and_then(Value::as_str).filter(|url| !url.trim().is_empty());
    columns.send_id = [page, own]
        .into_iter()
        .flatten()
        .find_map(send_of_url)
        .or_else(|| send_id(properties.get("tsb_m")?.as_str()?))
        .or_else(|| send_id(context.get("campaign")?.get("tsb_m")?.as_str()?));
    let is_own = own.is_some() && page.is_none_or(|page| Some(page) == own);
    let url = page.or(own).map(|url| mask_counted(url.trim(), found).into_owned());
    if is_own {
        properties.shift_remove("url");
    }
    columns.url = url;
    Ok(columns)
}

/// An id as text. What is longer than an id stays a property.
pub(super) fn id_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_string(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.chars().count() <= 200).then_some(text)
}

fn take_id(properties: &mut Map<String, Value>, names: &[&str], key: &IdKey, found: &mut Found) -> Option<String> {
    let (name, id) = names.iter().find_map(|name| Some((name, id_text(properties.get(*name)?)?)))?;
    let plain = plain_id(&id, key, found);
    if plain != id || properties[*name].as_str() == Some(&plain) {
        properties.shift_remove(*name);
    }
    Some(plain)
}

/// The event's money. In an event of Segment's specification it must be readable where it is given; in any other, `value` may be anything.
fn value(name: &str, properties: &Map<String, Value>, currency: &Currency) -> Result<Option<Money>, Flaw> {
    let given = |name: &str| properties.get(name).filter(|value| !is_nothing(value));
    if let Some(stated) = given("currency")
        && stated.as_str().and_then(|text| Currency::parse(text).ok()).as_ref() != Some(currency)
    {
        return Ok(None); // Yen and dollars must not be added up; the amount stays a property.
    }
    if !is_known(name) {
        return Ok(given("value").or_else(|| given("revenue")).and_then(|value| money(value).ok()));
    }
    let read = |member: &str, value: &Value| {
        money(value).map_err(|error| match error {
            MoneyError::TooFine(_) => Flaw::new(
                "too_fine",
                format!("`{member}` has more than 4 decimals"),
                "round it to the currency's unit before sending",
            ),
            MoneyError::TooLarge(_) | MoneyError::Overflow => Flaw::new(
                "too_much",
                format!("`{member}` does not fit 14 digits before the decimal point"),
                "look for a missing separator",
            ),
            _ => Flaw::new("not_money", format!("`{member}` is not an amount of money"), "send a number, or leave it out"),
        })
    };
    if let Some(value) = given("value") {
        return read("value", value).map(Some);
    }
    if name == "product_removed" {
        return Ok(None);
    }
    for member in ["revenue", "total"] {
        if let Some(value) = given(member) {
            return read(member, value).map(Some);
        }
    }
    let line = |line: &Map<String, Value>| -> Result<Option<Money>, Flaw> {
        let Some(price) = line.get("price").filter(|value| !is_nothing(value)) else { return Ok(None) };
        let price = read("price", price)?;
        let quantity = match line.get("quantity").filter(|value| !is_nothing(value)) {
            None => 1,
            Some(quantity) => whole(quantity).ok_or_else(|| {
                Flaw::new("not_a_count", "`quantity` is not a whole number", "send a whole number, or leave it out")
            })?,
        };
        price.times(quantity).map(Some).map_err(|_| too_much())
    };
    if let Some(amount) = line(properties)? {
        return Ok(Some(amount));
    }
    let mut sum = None;
    for product in properties.get("products").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        if let Some(amount) = line(product)? {
            sum = Some(amount.plus(sum.unwrap_or_default()).map_err(|_| too_much())?);
        }
    }
    Ok(sum)
}

fn too_much() -> Flaw {
    Flaw::new("too_much", "price and quantity do not fit 14 digits before the decimal point", "look for a missing separator")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn money(value: &Value) -> Result<Money, MoneyError> {
    match value {
        Value::String(text) if text.len() <= 64 => Money::parse(text),
        Value::Number(number) => {
            let text = number.to_string();
            match Money::parse(&text) {
                Ok(money) => Ok(money),
                Err(error) => {
                    // A double of JavaScript: 1080 * 1.1 is 1188.0000000000002. Its noise is rounded away, decimals that mean something are not.
                    let double = number.as_f64().filter(|_| number.is_f64()).ok_or(error)?;
                    if double.abs() >= 1e14 {
                        return Err(MoneyError::TooLarge(text));
                    }
                    let rounded = Money::from_f64(double)?;
                    if (rounded.as_f64() - double).abs() <= double.abs().max(1.0) * 1e-12 {
                        Ok(rounded)
                    } else {
                        Err(MoneyError::TooFine(text))
                    }
                }
            }
        }
        _ => Err(MoneyError::NotMoney(String::new())),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let double = number.as_f64()?;
            (double.fract() == 0.0 && double.abs() < 1e15).then_some(double as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn send_of_url(url: &str) -> Option<String> {
    let query = url.split_once('?')?.1.split('#').next()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tsb_m").and_then(|(_, value)| send_id(&value))
}

fn send_id(text: &str) -> Option<String> {
    let fits =
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (fits && is_plain_id(text)).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_segments_in_snake_case() {
        let check = |event: &str, expect: &str| assert_eq!(name(event), expect, "{event}");
        check("Product Added", "product_added");
        check("productAdded", "product_added");
        check("product-added", "product_added");
        check(" Completed Order ", "order_completed");
        check("Viewed Product Category", "product_list_viewed");
        check("Order Canceled", "order_cancelled");
        check("Product Added to Wishlist", "product_added_to_wishlist");
        check("Cart Updated", "cart_updated");
        check("GTM: click (v2)", "gtm_click_v2");
        check("LINE Linked", "line_linked");
        check("会員登録 完了", "会員登録_完了");
        check("!!!", "");
        assert_eq!(["purchase", "view_item", "sign_up"].map(ga4_name), ["order_completed", "product_viewed", "sign_up"]);
    }

    #[test]
    fn the_value_is_exact_or_refused() {
        let check = |event: &str, properties: Value, expect: &str| {
            let got = value(event, properties.as_object().unwrap(), &Currency::jpy());
            let got =
                got.map(|money| money.map_or("none".into(), |money| money.to_string())).unwrap_or_else(|flaw| flaw.code.into());
            assert_eq!(got, expect, "{event} {properties}");
        };
        check("order_completed", json!({ "value": 1200 }), "1200");
        check("order_completed", json!({ "value": null, "revenue": "", "total": "1,200" }), "1200");
        check("order_completed", json!({ "revenue": "￥１，２００", "total": 1500 }), "1200");
        check("order_completed", json!({ "total": 1188.0000000000002 }), "1188");
        check("order_completed", json!({ "total": 0.1 + 0.2 }), "0.3");
        check("order_completed", json!({ "total": 12345678901234.5 }), "12345678901234.5");
        check("order_completed", json!({ "total": -0.0 }), "0");
        check("order_completed", json!({ "total": 0.00001 }), "too_fine");
        check("order_completed", json!({ "total": 1e300 }), "too_much");
        check("order_completed", json!({ "total": i64::MAX }), "too_much");
        check("order_completed", json!({ "total": "1e400" }), "not_money");
        check("order_completed", json!({ "total": "NaN" }), "not_money");
        check("order_completed", json!({ "total": true }), "not_money");
        check("order_completed", json!({ "total": [1] }), "not_money");
        check("order_completed", json!({ "total": "0.100000000000000000000000000001" }), "too_fine");
        check("order_completed", json!({ "total": 1200, "currency": "jpy" }), "1200");
        check("order_completed", json!({ "total": 1200, "currency": "USD" }), "none");
        check("order_completed", json!({ "total": 1200, "currency": 392 }), "none");
        check("product_added", json!({ "price": "500円", "quantity": "3" }), "1500");
        check("product_added", json!({ "price": 500 }), "500");
        check("product_added", json!({ "price": 500, "quantity": 1.5 }), "not_a_count");
        check("product_added", json!({ "price": 99999999999999u64, "quantity": 2 }), "too_much");
        check("product_removed", json!({ "price": 500, "quantity": 3 }), "none");
        check("product_removed", json!({ "price": 500, "value": 0 }), "0");
        check("cart_viewed", json!({ "products": [{ "price": 500, "quantity": 2 }, { "price": 1 }, {}] }), "1001");
        check("quiz_answered", json!({ "value": "yes" }), "none");
        check("quiz_answered", json!({ "value": 3 }), "3");
    }

    #[test]
    fn the_send_whose_link_led_here() {
        let check = |url: &str, expect: Option<&str>| assert_eq!(send_of_url(url).as_deref(), expect, "{url}");
        check("https://shop.example/a?x=1&tsb_m=f6a9-86#top", Some("f6a9-86"));
        check("/a?tsb_m=f6a9", Some("f6a9"));
        check("/a#?tsb_m=", None);
        check("/a?tsb_m=taro%40example.jp", None);
        check("/a?tsb_m=09012345678", None);
        check("/a", None);
    }
}
