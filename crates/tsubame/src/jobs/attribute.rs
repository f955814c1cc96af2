//! Nightly credit: receipts and visits become touches, and orders revised since the last night are shared among them, and the unique coupons they were
//! placed with, under every model.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use decide::attribution::{Known, MODELS, Revision, Settings, coupon_uses, credits};
use model::{
    Channel, Coupon, Credit, Currency, CustomerId, Fact, Instant, Order, OrderStatus, Run, Touch, TouchKind, derive_id,
    shop::{Attribution, CreditClock},
    time::Span,
};
use query::{Desk, Mode, ParamValue, Params};
use serde_json::json;

use crate::{
    fault::{Exit, Fault},
    jobs::tick::Rows,
    workspace::{Workspace, parse_instant},
};

const CURSOR: &str = "attribute";

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub touches: u64,
    pub credits: u64,
}

/// Books credit for order revisions that arrived after the last night and up to `until`, whenever they happened: a file of yesterday's
/// orders that is imported today is booked tonight. An order is credited once, with the touches known then: a click that is told later
/// earns nothing of it, so that a booked night never changes.
pub async fn attribute(workspace: &Workspace, until: Instant) -> Result<Report, Fault> {
    let cursors = workspace.state.cursors();
    let since = cursors.get(CURSOR).await?.map(|at| parse_instant(&at)).transpose()?;
    if since.is_some_and(|since| since >= until) {
        return Ok(Report::default());
    }
    let arrived = window(since, until);
    let touches = touches(workspace, until, &arrived).await?;
    let journal = workspace.state.journal();
    let mut report = Report::default();
    let facts: Vec<Fact> = touches.iter().map(|(touch, known_at)| Fact::new(touch, touch.touched_at, *known_at)).collect();
    if !facts.is_empty() {
        report.touches = journal.append(facts, workspace.now()).await?.stored as u64;
    }
    let Booked { credits, mut uses } = book(workspace, since, until, &arrived).await?;
    report.credits = credits.len() as u64;
    uses.extend(credits);
    if !uses.is_empty() {
        journal.append(uses, workspace.now()).await?;
    }
    let run = Run {
        run_id: derive_id(&["attribute", &model::time::rfc3339(until)])?,
        kind: "attribute".into(),
        name: "credits".into(),
        logical_at: until,
        definition: MODELS.iter().map(|model| format!("{} {}", model.name(), model.version())).collect::<Vec<_>>().join(", "),
        members: report.credits as i64,
        counts: json!({ "touches": report.touches, "credits": report.credits }),
    };
    journal.append(vec![Fact::new(&run, until, workspace.now())], workspace.now()).await?;
    cursors.set(CURSOR, &model::time::rfc3339(until)).await?;
    Ok(report)
}

/// What arrived after the last night and up to this one.
fn window(since: Option<Instant>, until: Instant) -> Params {
    let since = since.unwrap_or(Instant::UNIX_EPOCH);
    Params::from([("since".to_string(), ParamValue::Instant(since)), ("until".to_string(), ParamValue::Instant(until))])
}

/// Receipts that are contacts, and visits that messages led to, each with when it was known.
async fn touches(workspace: &Workspace, until: Instant, arrived: &Params) -> Result<Vec<(Touch, Instant)>, Fault> {
    let windows = &workspace.shop().attribution;
    let channels = |of: &BTreeMap<String, Span>| ParamValue::Text(of.keys().map(String::as_str).collect::<Vec<_>>().join(","));
    let desk = workspace.desk(until, Mode::AsKnown).await?;
    let mut params = arrived.clone();
    params.insert("delivered_channels".into(), channels(&windows.delivered_window));
    params.insert("opened_channels".into(), channels(&windows.opened_window));
    let answer = desk.ask("system/touches_arrived", &params).await?;
    let rows = Rows::new(&answer);
    let mut touches = Vec::new();
    for row in 0..answer.rows.len() {
        let channel = channel_of(&rows.needed(row, "channel")?)?;
        let kind = touch_kind(&rows.needed(row, "kind")?);
        let (touched_at, sent_at) = (rows.instant(row, "touched_at")?, rows.instant(row, "sent_at")?);
        let Some(credit_until) = credit_until(windows, channel, kind, touched_at, sent_at) else { continue };
        let touch = Touch {
            touch_id: derive_id(&["touch", &rows.needed(row, "contact_id")?.replace('|', "/")])?,
            customer_id: CustomerId::stored(rows.needed(row, "customer_id")?),
            send_id: rows.needed(row, "send_id")?,
            scenario: rows.needed(row, "scenario")?,
            channel,
            kind,
            touched_at,
            sent_at,
            credit_until,
        };
        touches.push((touch, rows.instant(row, "known_at")?));
    }
    Ok(touches)
}

/// The last instant at which an order may credit a touch; `None` for one that earns nothing on its channel.
fn credit_until(
    windows: &Attribution,
    channel: Channel,
    kind: TouchKind,
    touched_at: Instant,
    sent_at: Instant,
) -> Option<Instant> {
    let of = |windows: &BTreeMap<String, Span>| windows.get(channel.name()).map(|span| span.0);
    let window = match kind {
        TouchKind::Delivered => of(&windows.delivered_window)?,
        TouchKind::Opened => of(&windows.opened_window)?,
        TouchKind::Clicked | TouchKind::Coupon => of(&windows.click_window).unwrap_or(TimeDelta::days(5)),
    };
    Some(match (kind, windows.clock) {
        (TouchKind::Delivered, _) | (_, CreditClock::Touch) => touched_at + window,
        (_, CreditClock::Delivery) => sent_at + window,
    })
}

/// What a night writes down: credits, and the orders that were placed with coupons.
#[derive(Default)]
struct Booked {
    credits: Vec<Fact>,
    uses: Vec<Fact>,
}

async fn book(workspace: &Workspace, since: Option<Instant>, until: Instant, arrived: &Params) -> Result<Booked, Fault> {
    let desk = workspace.desk(until, Mode::AsKnown).await?;
    let answer = desk.ask("system/attribution_touches", arrived).await?;
    let rows = Rows::new(&answer);
    let mut touches: BTreeMap<String, Vec<Touch>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let customer = rows.needed(row, "customer_id")?;
        touches.entry(customer.clone()).or_default().push(Touch {
            touch_id: rows.needed(row, "touch_id")?,
            customer_id: CustomerId::stored(customer),
            send_id: rows.needed(row, "send_id")?,
            scenario: rows.needed(row, "scenario")?,
            channel: channel_of(&rows.needed(row, "channel")?)?,
            kind: touch_kind(&rows.needed(row, "kind")?),
            touched_at: rows.instant(row, "touched_at")?,
            sent_at: rows.instant(row, "sent_at")?,
            credit_until: rows.instant(row, "credit_until")?,
        });
    }
    let issued = issued(&desk).await?;
    let mut params = arrived.clone();
    params.insert("issued".into(), ParamValue::Int(issued.len() as i64));
    let answer = desk.ask("system/attribution_orders", &params).await?;
    let rows = Rows::new(&answer);
    let mut orders: BTreeMap<(String, String), Vec<(Revision, bool)>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let order = order(&rows, row, &workspace.shop().currency)?;
        let arrived_at = rows.instant(row, "arrived_at")?;
        if arrived_at > until {
            continue; // The next night's, though it tells of an earlier time.
        }
        let is_fresh = since.is_none_or(|since| arrived_at > since);
        let key = (order.source.clone(), order.order_id.clone());
        orders.entry(key).or_default().push((Revision { at: rows.instant(row, "revised_at")?, order }, is_fresh));
    }
    let ledger = ledger(&desk, workspace, until, arrived).await?;
    let (zone, coupon) = (workspace.shop().timezone, workspace.shop().attribution.coupon);
    let settings = Settings { zone, channels: &[Channel::Line, Channel::Email, Channel::Sms], coupon };
    let mut booked = Booked::default();
    for ((_, order_id), revisions) in &orders {
        let fresh: BTreeMap<&str, Instant> =
            revisions.iter().filter(|(_, is_fresh)| *is_fresh).map(|(new, _)| (new.order.revision_id.as_str(), new.at)).collect();
        if fresh.is_empty() {
            continue;
        }
        let all: Vec<Revision> = revisions.iter().map(|(revision, _)| revision.clone()).collect();
        // Two sources may have an order of one number: a credit is of the revision it was booked with. One of tonight's is no news to a
        // night that is worked again.
        let is_of_it = |credit: &&Credit| {
            let revision_id = credit.revision_id.as_str();
            !fresh.contains_key(revision_id) && all.iter().any(|revision| revision.order.revision_id == revision_id)
        };
        let known = Known {
            revisions: all.iter().collect(),
            fresh: fresh.keys().copied().collect(),
            booked: ledger.get(order_id).into_iter().flatten().filter(is_of_it).cloned().collect(),
        };
        let touches = known.owner().and_then(|customer| touches.get(customer.as_str())).map(Vec::as_slice).unwrap_or_default();
        let uses = coupon_uses(&all, &issued, zone);
        for credit in credits(&known, touches, &uses, &MODELS, settings)? {
            let at = fresh.get(credit.revision_id.as_str()).copied().unwrap_or(until);
            booked.credits.push(Fact::new(&credit, at, workspace.now()));
        }
        booked.uses.extend(uses.iter().map(|used| Fact::new(used, used.ordered_at, workspace.now())));
    }
    Ok(booked)
}

/// What was booked for orders of which something arrived since, by the order's number.
async fn ledger(
    desk: &Desk,
    workspace: &Workspace,
    until: Instant,
    arrived: &Params,
) -> Result<BTreeMap<String, Vec<Credit>>, Fault> {
    let mut newest = desk.clone();
    // A night that is caught up with is booked later than it is of.
    newest.moment.as_of = workspace.now().max(until);
    let answer = newest.ask("system/attribution_booked", arrived).await?;
    let rows = Rows::new(&answer);
    let mut ledger: BTreeMap<String, Vec<Credit>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let credit = Credit {
            order_id: rows.needed(row, "order_id")?,
            revision_id: rows.needed(row, "revision_id")?,
            touch_id: rows.needed(row, "touch_id")?,
            send_id: rows.needed(row, "send_id")?,
            customer_id: CustomerId::stored(rows.needed(row, "customer_id")?),
            scenario: rows.needed(row, "scenario")?,
            channel: channel_of(&rows.needed(row, "channel")?)?,
            model: rows.needed(row, "model")?,
            model_version: rows.needed(row, "model_version")?,
            gross: rows.money(row, "gross")?,
            net: rows.money(row, "net")?,
            booked_on: Default::default(),
            ordered_at: Instant::UNIX_EPOCH,
        };
        ledger.entry(credit.order_id.clone()).or_default().push(credit);
    }
    Ok(ledger)
}

/// Every code that a send told its customer, by the code.
async fn issued(desk: &Desk) -> Result<BTreeMap<String, Coupon>, Fault> {
    let answer = desk.ask("system/attribution_coupons", &Params::new()).await?;
    let rows = Rows::new(&answer);
    let mut issued = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let Some(expires_on) = rows.date(row, "expires_on") else { continue };
        let code = rows.needed(row, "code")?;
        let coupon = Coupon {
            code: code.clone(),
            send_id: rows.needed(row, "send_id")?,
            scenario: rows.needed(row, "scenario")?,
            step: rows.needed(row, "step")?,
            customer_id: CustomerId::stored(rows.needed(row, "customer_id")?),
            channel: channel_of(&rows.needed(row, "channel")?)?,
            issued_at: rows.instant(row, "issued_at")?,
            expires_on,
        };
        issued.insert(code, coupon);
    }
    Ok(issued)
}

fn order(rows: &Rows<'_>, row: usize, currency: &Currency) -> Result<Order, Fault> {
    Ok(Order {
        revision_id: rows.needed(row, "revision_id")?,
        customer_id: rows.text(row, "customer_id").map(CustomerId::stored),
        status: OrderStatus::parse(&rows.needed(row, "status")?).unwrap_or(OrderStatus::Cancelled),
        gross: rows.money(row, "gross")?,
        discount: rows.money(row, "discount")?,
        net: rows.money(row, "net")?,
        currency: currency.clone(),
        coupon: rows.text(row, "coupon"),
        send_id: rows.text(row, "send_id"),
        ..Order::new(rows.needed(row, "source")?, rows.needed(row, "order_id")?, rows.instant(row, "ordered_at")?)
    })
}

fn touch_kind(name: &str) -> TouchKind {
    match name {
        "delivered" => TouchKind::Delivered,
        "opened" => TouchKind::Opened,
        "coupon" => TouchKind::Coupon,
        _ => TouchKind::Clicked,
    }
}

fn channel_of(name: &str) -> Result<Channel, Fault> {
    Channel::parse(name).ok_or_else(|| Fault::new(Exit::Data, format!("`{name}` is no channel")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        jobs::{
            deliver::deliver,
            made::{MEMBERS, at, customer, shop, sign_up},
            tick::tick,
        },
        workspace::deep,
    };

    #[test]
    fn how_long_a_touch_earns() {
        let at = |hours: i64| Instant::default() + TimeDelta::hours(hours);
        let check = |settings: &str, channel: Channel, kind: TouchKind, expect: Option<i64>| {
            let shop = model::Shop::parse("t", &format!("[attribution]\n{settings}\n")).expect("settings");
            // Sent ten hours before it was touched.
            let until = credit_until(&shop.attribution, channel, kind, at(10), at(0));
            assert_eq!(until, expect.map(at), "{settings} {channel} {kind:?}");
        };
        let (clicked, opened, delivered) = (TouchKind::Clicked, TouchKind::Opened, TouchKind::Delivered);
        for channel in [Channel::Email, Channel::Line, Channel::Sms] {
            check("", channel, clicked, Some(10 + 120));
            check("", channel, opened, None);
            check("clock = \"delivery\"", channel, clicked, Some(120));
        }
        check("", Channel::AppPush, opened, Some(10 + 24));
        check("", Channel::Sms, delivered, Some(10 + 12));
        check("", Channel::Line, delivered, None);
        check("", Channel::Email, delivered, None);
        check("clock = \"delivery\"", Channel::Sms, delivered, Some(10 + 12));
        check("click_window = { line = \"1d\" }", Channel::Line, clicked, Some(10 + 24));
        check("opened_window = { email = \"1h\" }", Channel::Email, opened, Some(11));
    }

    const SALE: &str = "scenario = \"sale\"\ntitle = { ja = \"セール\", en = \"Sale\" }\ngoal = { on = \"order_placed\", within = \"3d\" }\n\
        entry = { segment = \"members\", once = \"2026-07-01T12:00\" }\n\
        step = [{ id = \"s\", send = { try = [\"email\"], template = \"a\" } }]\n";

    /// Net of the last touch: message's customer and amount.
    async fn credited(workspace: &Workspace) -> Vec<String> {
        let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
        let answer = desk.ask("system/attribution_booked", &window(None, workspace.now())).await.unwrap();
        let rows = Rows::new(&answer);
        let of_last = (0..answer.rows.len()).filter(|row| rows.needed(*row, "model").unwrap() == "last");
        of_last
            .map(|row| {
                let text = |column| rows.needed(row, column).unwrap();
                format!("{} {} {}", text("customer_id"), text("revision_id"), rows.money(row, "net").unwrap())
            })
            .collect()
    }

    #[test]
    fn a_visit_is_a_touch_and_a_night_books_what_had_arrived_by_then() {
        deep(async {
            let files = [("scenarios/sale.toml", SALE), ("queries/segments/members.sql", MEMBERS)];
            let (_folder, workspace) = shop(|own| own.into(), &files, at("09:00")).await;
            sign_up(&workspace, 3, 3).await;
            workspace.clock.set(at("12:20"));
            assert_eq!(tick(&workspace, at("11:50"), at("12:10")).await.unwrap().sends, 3);
            assert_eq!(deliver(&workspace, None).await.unwrap().accepted, 3);
            let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
            let since = Params::from([("from_at".to_string(), ParamValue::Instant(at("12:00")))]);
            let answer = desk.ask("system/accepted_since", &since).await.unwrap();
            let rows = Rows::new(&answer);
            let text = |row, column| rows.needed(row, column).unwrap();
            let sends: BTreeMap<String, String> =
                (0..answer.rows.len()).map(|row| (text(row, "customer_id"), text(row, "send_id"))).collect();
            let visit = |number: usize, of: usize, by: Option<usize>, session: &str| {
                let event = model::Event {
                    event_id: format!("v{number}"),
                    name: "page_viewed".into(),
                    source: "made".into(),
                    customer_id: by.map(customer),
                    session_id: Some(session.into()),
                    send_id: Some(sends[customer(of).as_str()].clone()),
                    ..model::Event::default()
                };
                Fact::new(&event, at("13:00"), at("13:00"))
            };
            // Nobody's yet, twice in one session; and a link of the second's that the third followed.
            let visits = vec![visit(0, 0, None, "a|1"), visit(1, 0, Some(0), "a|1"), visit(2, 1, Some(2), "b")];
            workspace.state.journal().append(visits, at("13:01")).await.unwrap();
            let revised = |number: &str, by: usize, revision: &str, net: i64, time: &str| {
                let yen = model::Money::whole(net).unwrap();
                let order = Order {
                    revision_id: revision.into(),
                    customer_id: Some(customer(by)),
                    gross: yen,
                    net: yen,
                    ..Order::new("made", number, at("14:00"))
                };
                Fact::new(&order, at(time), at(time))
            };
            let journal = workspace.state.journal();
            let placed = (0..3).map(|by| revised(&by.to_string(), by, &format!("r{by}"), 3_000, "14:00")).collect();
            journal.append(placed, at("14:01")).await.unwrap();
            // They tell of an earlier time than the night's, and come after it.
            workspace.clock.set(at("16:00"));
            let late = vec![revised("0", 0, "late", 2_000, "14:30"), visit(3, 1, Some(1), "c")];
            journal.append(late, workspace.now()).await.unwrap();
            let booked = attribute(&workspace, at("15:00")).await.unwrap();
            assert_eq!((booked.touches, booked.credits), (1, MODELS.len() as u64));
            assert_eq!(credited(&workspace).await, ["c0000 r0 3000"]);
            workspace.clock.set(at("17:00"));
            let booked = attribute(&workspace, at("17:00")).await.unwrap();
            // The second's touch is told of after their order was decided on.
            assert_eq!((booked.touches, booked.credits), (1, MODELS.len() as u64));
            assert_eq!(credited(&workspace).await, ["c0000 late -1000", "c0000 r0 3000"]);
            workspace.clock.set(at("18:00"));
            assert_eq!(attribute(&workspace, at("18:00")).await.unwrap(), Report::default());
        });
    }
}
