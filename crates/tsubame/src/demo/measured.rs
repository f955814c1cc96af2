//! The demo shop measured from outside: its files are read, its month is lived with the plainest code there is, and what is found is held
//! against what was planted.

use std::{collections::BTreeMap, time::Instant as Clock};

use chrono::{Datelike, TimeDelta};
use model::{Channel, Instant, OrderStatus, ReceiptKind, ShopZone};

use super::{
    calendar::{DAY, MONTH_DAYS, MONTH_FROM, date, day_of, instant, moment},
    world::DayActivity,
    *,
};

/// Orders as a reader of the files and of the live month knows them, by number.
type Orders = BTreeMap<String, Known>;

#[derive(Debug, Clone)]
struct Known {
    customer: String,
    at: Instant,
    counts: bool,
    discounted: bool,
    shipment: Option<i64>,
}

struct Month {
    orders: Orders,
    /// Customer, when first sent to (or a ghost), whether held out.
    carts: Vec<(String, Instant, bool)>,
    /// Customer, when, arm.
    follow_ups: Vec<(String, Instant, Option<&'static str>)>,
    events: usize,
    receipts: BTreeMap<ReceiptKind, usize>,
}

/// The columns of a CSV file, by name.
fn read(bytes: &[u8], wanted: &[&str], mut each: impl FnMut(&[&str])) {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().unwrap().clone();
    let columns: Vec<usize> = wanted.iter().map(|name| header.iter().position(|column| column == *name).unwrap()).collect();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).unwrap() {
        each(&columns.iter().map(|column| &record[*column]).collect::<Vec<_>>());
    }
}

fn orders_of(bytes: &[u8]) -> Orders {
    let mut orders = Orders::new();
    read(
        bytes,
        &["注文番号", "会員ID", "受注日", "対応状況", "小計", "値引き", "返金額", "定期回数"],
        |row| {
            let yen = |at: usize| row[at].parse::<i64>().unwrap();
            let at = ShopZone::tokyo().parse_instant(row[2], &["%Y-%m-%d %H:%M:%S".into()]).unwrap();
            let counts = row[3] == "発送済" && yen(4) - yen(5) - yen(6) > 0;
            orders.insert(
                row[0].into(),
                Known { customer: row[1].into(), at, counts, discounted: yen(5) > 0, shipment: row[7].parse().ok() },
            );
        },
    );
    orders
}

/// SEMANTICS §10.
fn bucket(salt: &str, unit: &str) -> u64 {
    u64::from_be_bytes(model::id_bytes(&format!("{salt}:{unit}"))[..8].try_into().unwrap()) % 10_000
}

/// Lives the month and its tail: carts are reminded after three hours, first buyers on the 30th day at 10:00.
fn live(world: &World) -> Month {
    let (mut orders_csv, mut customers_csv) = (Vec::new(), Vec::new());
    world.write_orders(&mut orders_csv, &mut |_| {}).unwrap();
    world.write_customers(&mut customers_csv, &mut |_| {}).unwrap();
    let mut reach: BTreeMap<String, Channel> = BTreeMap::new();
    read(&customers_csv, &["会員ID", "LINE同意", "メール同意", "SMS同意"], |row| {
        let channels = [Channel::Line, Channel::Email, Channel::Sms];
        if let Some(channel) = (0..3).find(|index| row[index + 1] == "1").map(|index| channels[index]) {
            reach.insert(row[0].into(), channel);
        }
    });
    let mut month =
        Month { orders: orders_of(&orders_csv), carts: Vec::new(), follow_ups: Vec::new(), events: 0, receipts: BTreeMap::new() };
    // First buyers of the days before the month: they are asked on day 30, before anything of that day is known.
    let mut days: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for order in month.orders.values().filter(|order| order.counts) {
        days.entry(order.customer.clone()).or_default().push(day_of(moment(order.at)));
    }
    days.values_mut().for_each(|days| days.sort_unstable());
    let mut entered: BTreeMap<String, Instant> = BTreeMap::new();
    let mut waiting: BTreeMap<String, Instant> = BTreeMap::new();
    for day in 0..(MONTH_DAYS + TAIL_DAYS) as u32 {
        let activity = world.day(day);
        let mut stream: Vec<(Instant, &str, bool)> = Vec::new();
        let midnight = instant((MONTH_FROM + i64::from(day)) * DAY);
        for (at, event) in &activity.events {
            assert_eq!(ShopZone::tokyo().day(*at), world.date(day));
            if day < MONTH_DAYS as u32 {
                month.events += 1;
            }
            if let (Some(customer), "cart_updated") = (&event.customer_id, event.name.as_str()) {
                stream.push((*at, customer.as_str(), true));
            }
        }
        for placed in &activity.orders {
            assert_eq!(ShopZone::tokyo().day(placed.occurred_at), world.date(day));
            stream.push((placed.occurred_at, placed.order.customer_id.as_ref().unwrap().as_str(), false));
        }
        stream.sort();
        let mut sent: Vec<SentMessage> = Vec::new();
        let mut due = |waiting: &mut BTreeMap<String, Instant>, now: Instant, sent: &mut Vec<SentMessage>| {
            let ready: Vec<(String, Instant)> = waiting
                .iter()
                .map(|(who, last)| (who.clone(), *last + TimeDelta::hours(3)))
                .filter(|(_, due)| *due <= now)
                .collect();
            for (customer, due) in ready {
                waiting.remove(&customer);
                let Some(channel) = reach.get(&customer).filter(|_| day < MONTH_DAYS as u32) else { continue };
                let held = bucket("cart-recovery-2026-06", &customer) < 3_000;
                month.carts.push((customer.clone(), due, held));
                if !held {
                    sent.push(message("cart-recovery", "remind", &customer, *channel, due, None));
                }
            }
        };
        for (at, customer, is_cart) in stream {
            due(&mut waiting, at, &mut sent);
            if !is_cart {
                waiting.remove(customer);
            } else if waiting.contains_key(customer) {
                waiting.insert(customer.into(), at);
            } else if entered.get(customer).is_none_or(|last| day_of(moment(at)) - day_of(moment(*last)) >= 7) {
                entered.insert(customer.into(), at);
                waiting.insert(customer.into(), at);
            }
        }
        due(&mut waiting, midnight + TimeDelta::hours(24), &mut sent);
        let ten = midnight + TimeDelta::hours(10);
        let first_day = MONTH_FROM + i64::from(day) - 30;
        for (customer, days) in days.iter().filter(|(_, days)| day < 30 && days[0] == first_day) {
            let Some(channel) = reach.get(customer).filter(|_| days.iter().all(|day| *day == first_day)) else { continue };
            let held = bucket("f2-followup-2026-06", customer) < 1_000;
            let arm = if bucket("f2-subject-2026-06", customer) < 5_000 { "a" } else { "b" };
            month.follow_ups.push((customer.clone(), ten, (!held).then_some(arm)));
            if !held {
                sent.push(message("f2-followup", "invite", customer, *channel, ten, Some(arm)));
            }
        }
        for placed in activity.orders.iter().chain(&activity.revisions) {
            month.know(placed);
            if placed.order.status == OrderStatus::Completed {
                let customer = placed.order.customer_id.as_ref().unwrap().to_string();
                let days = days.entry(customer).or_default();
                days.push(MONTH_FROM + i64::from(day));
                days.sort_unstable();
            }
        }
        for message in &sent {
            let responses = world.respond(message);
            assert_eq!(responses, world.respond(message));
            for response in &responses {
                assert!(response.at() > message.sent_at, "{response:?}");
                match response {
                    Response::Order(placed) => month.know(placed),
                    Response::Receipt(_, receipt) => *month.receipts.entry(receipt.kind).or_default() += 1,
                    Response::Event(_, event) => assert_ne!(event.name, "cart_updated"),
                }
            }
        }
    }
    month
}

fn message(scenario: &str, step: &str, customer: &str, channel: Channel, at: Instant, arm: Option<&str>) -> SentMessage {
    SentMessage {
        send_id: model::derive_id(&[scenario, customer, step]).unwrap(),
        customer_id: model::CustomerId::stored(customer),
        scenario: scenario.into(),
        step: step.into(),
        arm: arm.map(String::from),
        channel,
        sent_at: at + TimeDelta::minutes(10),
        accepted: true,
    }
}

impl Month {
    fn know(&mut self, placed: &PlacedOrder) {
        let order = &placed.order;
        let known = Known {
            customer: order.customer_id.as_ref().unwrap().to_string(),
            at: order.ordered_at,
            counts: order.status == OrderStatus::Completed && order.net > model::Money::ZERO,
            discounted: order.discount > model::Money::ZERO,
            shipment: order.subscription_count,
        };
        self.orders.insert(order.order_id.clone(), known);
    }

    fn by_customer(&self) -> BTreeMap<&str, Vec<&Known>> {
        let mut by: BTreeMap<&str, Vec<&Known>> = BTreeMap::new();
        for order in self.orders.values().filter(|order| order.counts) {
            by.entry(&order.customer).or_default().push(order);
        }
        by.values_mut().for_each(|orders| orders.sort_by_key(|order| order.at));
        by
    }
}

/// Successes and trials.
type Count = (f64, f64);

fn wilson((successes, n): Count) -> (f64, f64) {
    let (z, p) = (1.959_964_f64, successes / n);
    let (centre, half) = (p + z * z / (2.0 * n), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
    ((centre - half) / (1.0 + z * z / n), (centre + half) / (1.0 + z * z / n))
}

fn difference((a, n): Count, (b, m): Count) -> (f64, f64) {
    let (p, q) = (a / n, b / m);
    let half = 1.959_964 * (p * (1.0 - p) / n + q * (1.0 - q) / m).sqrt();
    (p - q - half, p - q + half)
}

/// The intervals, in the order of the truths, and the sizes of what they stand on.
fn measure(month: &Month) -> ([(f64, f64); 7], String) {
    let by = month.by_customer();
    let count = |hits: &mut Count, hit: bool| *hits = (hits.0 + f64::from(u8::from(hit)), hits.1 + 1.0);
    let (mut f2, mut discount) = ((0.0, 0.0), (0.0, 0.0));
    let (mut one_off, mut pulled_up, mut second_shipment) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    for orders in by.values() {
        let days: Vec<i64> = orders.iter().map(|order| day_of(moment(order.at))).collect();
        if days[0] <= MONTH_FROM - 90 {
            let second = days.iter().find(|day| **day > days[0]);
            count(&mut f2, second.is_some_and(|second| second - days[0] <= 90));
        }
        // Days on which a shipment of a subscription was ordered, of the days before the month.
        let shipments: Vec<i64> =
            orders.iter().zip(&days).filter(|(order, _)| order.shipment.is_some()).map(|(_, day)| *day).collect();
        if days[0] <= MONTH_FROM - 90 && shipments.first() != Some(&days[0]) {
            let second = days.iter().find(|day| **day > days[0]).filter(|second| **second - days[0] <= 90);
            count(&mut one_off, second.is_some_and(|second| !shipments.contains(second)));
            count(&mut pulled_up, shipments.first().is_some_and(|begun| begun - days[0] <= 90));
        }
        if let Some(begun) = shipments.first().filter(|begun| **begun < MONTH_FROM - 46) {
            count(&mut second_shipment, shipments.iter().any(|day| *day > *begun && *day <= begun + 45));
        }
        if orders.len() >= 2 {
            count(&mut discount, orders.iter().all(|order| order.discounted));
        }
    }
    let converted = |customer: &str, from: Instant, days: i64| {
        let until = from + TimeDelta::days(days);
        by.get(customer).is_some_and(|orders| orders.iter().any(|order| (from..until).contains(&order.at)))
    };
    let mut arms: BTreeMap<&str, Count> = BTreeMap::new();
    for (customer, at, held) in &month.carts {
        count(arms.entry(if *held { "cart held" } else { "cart sent" }).or_default(), converted(customer, *at, 5));
    }
    for (customer, at, arm) in &month.follow_ups {
        count(arms.entry(arm.unwrap_or("f2 held")).or_default(), converted(customer, *at, 14));
    }
    let intervals = [
        wilson(f2),
        difference(arms["cart sent"], arms["cart held"]),
        difference(arms["b"], arms["a"]),
        wilson(discount),
        wilson(one_off),
        wilson(pulled_up),
        wilson(second_shipment),
    ];
    let subscribed = format!("one-off {one_off:?} pulled up {pulled_up:?} second shipment {second_shipment:?}");
    (intervals, format!("f2 {f2:?} discount {discount:?} {subscribed} {arms:?}"))
}

#[test]
fn what_was_planted_is_found_again() {
    let customers = 6_000;
    let mut misses = 0;
    let mut effects_seen = 0;
    for seed in 1..=20 {
        let (intervals, sizes) = measure(&live(&World::new(seed, customers, Span::MONTH)));
        for (truth, (low, high)) in truths().iter().zip(intervals) {
            let missed = truth.value < low || truth.value > high;
            misses += usize::from(missed);
            let said = if missed { "MISSED by" } else { "within" };
            println!("seed {seed}: {} = {} {said} {low:.4}..{high:.4}", truth.name, truth.value);
        }
        println!("seed {seed}: {sizes}");
        effects_seen += usize::from(intervals[1].0 > 0.0);
    }
    println!(
        "{customers} customers: {misses} of 140 intervals miss; the scenario's effect excludes zero in {effects_seen} of 20 seeds"
    );
    assert!(misses <= 14, "{misses} of 140 intervals miss");
}

#[test]
fn the_same_seed_is_the_same_shop() {
    let written = |seed: u64, customers: u32| {
        let (world, mut bytes) = (World::new(seed, customers, Span::MONTH), Vec::new());
        world.write_customers(&mut bytes, &mut |_| {}).unwrap();
        world.write_orders(&mut bytes, &mut |_| {}).unwrap();
        world.write_events(&mut bytes, &mut |_| {}).unwrap();
        (bytes, (0..46).map(|day| world.day(day)).collect::<Vec<_>>())
    };
    assert!(written(1, 300) == written(1, 300));
    assert!(written(1, 300) != written(2, 300));
    // A customer's life does not depend on how many others there are.
    let id = |world: &World| (0..100).map(|who| world.life(who)).collect::<Vec<_>>();
    assert_eq!(id(&World::new(1, 100, Span::MONTH)), id(&World::new(1, 200, Span::MONTH)));
    assert_eq!(World::new(1, 100, Span::MONTH).day(46), DayActivity::default());
}

/// However much is lived, the past ends the day before, what is lived ends with June and its tail, and every order is in one of them.
#[test]
fn the_past_ends_where_life_begins() {
    let check = |months: u32, first: &str, visits_from: &str| {
        let world = World::new(1, 300, Span::months(months));
        let days = world.calendar.span.days() as u32;
        assert_eq!([world.date(0).to_string(), world.date(days).to_string()], [first, "2026-07-01"], "{months} months");
        let (mut orders, mut events) = (Vec::new(), Vec::new());
        world.write_orders(&mut orders, &mut |_| {}).unwrap();
        world.write_events(&mut events, &mut |_| {}).unwrap();
        // Somebody without a name comes every day, so the first and the last day of the file are those of the past.
        let mut visited: Vec<String> = Vec::new();
        read(&events, &["occurred_at"], |row| visited.push(row[0][..10].to_string()));
        let (first, last) = (visits_from.to_string(), date(world.calendar.span.from - 1).to_string());
        assert_eq!([visited.iter().min(), visited.iter().max()], [Some(&first), Some(&last)], "{months} months");
        let mut placed = orders_of(&orders).len();
        for day in 0..days + TAIL_DAYS as u32 {
            let activity = world.day(day);
            assert!(!activity.events.is_empty(), "{months} months: nothing on day {day}");
            assert!(activity.orders.iter().all(|order| ShopZone::tokyo().day(order.occurred_at) == world.date(day)));
            placed += activity.orders.len();
        }
        assert_eq!(world.day(days + TAIL_DAYS as u32), DayActivity::default(), "{months} months");
        assert_eq!(placed, (0..300).map(|who| world.life(who).purchases.len()).sum::<usize>(), "{months} months");
    };
    check(1, "2026-06-01", "2026-04-02");
    check(3, "2026-04-01", "2026-01-31");
}

#[test]
fn ids_are_unique() {
    let world = World::new(4, 3_000, Span::MONTH);
    let mut ids: Vec<String> = Vec::new();
    let mut csv = Vec::new();
    world.write_events(&mut csv, &mut |_| {}).unwrap();
    read(&csv, &["event_id"], |row| ids.push(row[0].into()));
    let mut orders = Vec::new();
    world.write_orders(&mut orders, &mut |_| {}).unwrap();
    read(&orders, &["注文番号", "明細番号"], |row| ids.push(row.join("#")));
    for day in 0..46 {
        let activity = world.day(day);
        ids.extend(activity.events.into_iter().map(|(_, event)| event.event_id));
        ids.extend(
            activity.orders.iter().flat_map(|placed| &placed.lines).map(|line| format!("{}#{}", line.order_id, line.line_no)),
        );
    }
    let total = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), total);
}

/// The default size: a second or two, so it is an ordinary test.
#[test]
fn the_default_shop_is_large_heavy_tailed_and_seasonal() {
    let clock = Clock::now();
    let world = World::new(42, CUSTOMERS_DEFAULT, Span::MONTH);
    let made = clock.elapsed();
    let folder = std::env::temp_dir().join(format!("tsubame-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let written = world.write_history(&folder, &mut |_, _| {}).unwrap();
    let wrote = clock.elapsed();
    let size: u64 = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let orders = orders_of(&std::fs::read(folder.join("orders.csv")).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    println!("{written:?}, {size} bytes; made in {made:?}, written in {:?}", wrote - made);
    let clock = Clock::now();
    let month = live(&world);
    println!(
        "month lived in {:?}: {} events, {} carts, {} follow-ups",
        clock.elapsed(),
        month.events,
        month.carts.len(),
        month.follow_ups.len()
    );
    println!("{:?}\n{}", month.receipts, measure(&month).1);
    assert!(written.orders >= 60_000 && written.events + month.events as u64 >= 300_000, "{written:?} and {}", month.events);
    assert!(month.carts.len() >= 3_000, "{} carts", month.carts.len());
    assert!(month.follow_ups.len() >= 1_200, "{} follow-ups", month.follow_ups.len());
    let by = month.by_customer();
    let mut counts: Vec<usize> = by.values().map(Vec::len).collect();
    counts.sort_unstable();
    let top: usize = counts.iter().rev().take(counts.len() / 10).sum();
    let share = top as f64 / counts.iter().sum::<usize>() as f64;
    println!(
        "buyers {}, median {}, most {}, share of the top tenth {share:.2}",
        counts.len(),
        counts[counts.len() / 2],
        counts[counts.len() - 1]
    );
    assert!(share > 0.35 && counts[counts.len() / 2] <= 2 && counts[counts.len() - 1] > 30);
    let mut months: BTreeMap<(i32, u32), usize> = BTreeMap::new();
    for order in orders.values() {
        let day = date(day_of(moment(order.at)));
        *months.entry((day.year(), day.month())).or_default() += 1;
    }
    println!("{months:?}");
    for year in [2024, 2025] {
        assert!(months[&(year, 7)] * 10 > months[&(year, 8)] * 13 && months[&(year, 12)] * 10 > months[&(year, 11)] * 13);
    }
}
