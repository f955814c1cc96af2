//! What the ready-made scenarios do about a few people: who comes in, what is sent when, and who leaves. Times are shop times in March 2026.

use chrono::{Duration, TimeDelta};
use model::{Channel, Scenario};

use super::{
    examples::{at, customer, rules, shown},
    *,
};

const FILES: [(&str, &str); 6] = [
    ("cart", include_str!("../../../../fixtures/scenarios/cart.toml")),
    ("f2", include_str!("../../../../fixtures/scenarios/f2.toml")),
    ("win-back", include_str!("../../../../fixtures/scenarios/win-back.toml")),
    ("birthday", include_str!("../../../../fixtures/scenarios/birthday.toml")),
    ("restock", include_str!("../../../../fixtures/scenarios/restock.toml")),
    ("repurchase", include_str!("../../../../fixtures/scenarios/repurchase.toml")),
];

/// Switched on.
fn ready(name: &str) -> Scenario {
    let text = FILES.iter().find(|(file, _)| *file == name).expect("a file").1;
    let scenario = Scenario::parse(name, text).unwrap_or_else(|problems| panic!("{problems:?}"));
    Scenario { enabled: true, ..scenario }
}

/// Bucket 1000 and more for each of the scenarios' holdouts: is sent to.
fn treated() -> Customer {
    customer("c2", &[Channel::Line, Channel::Email])
}

fn became(name: &str, customer: &Customer) -> Vec<String> {
    let to = at("01T00:00") + TimeDelta::days(180);
    let window = Window { run_id: "run".into(), from: at("01T00:00"), to, grace: Duration::minutes(10) };
    shown(&plan(customer, &[ready(name)], &rules(), &window))
}

#[test]
fn a_cart_left() {
    let left = |id: &str| customer(id, &[Channel::Line, Channel::Email]).does("cart", "cart_updated", "k1", "02T10:00");
    let waits = ["02T10:00 waiting wait3h 02T13:00", "02T13:00 waiting wait2d 04T13:00", "04T13:00 finished again 04T13:00"];
    let check = |customer: Customer, expect: &[&str]| assert_eq!(became("cart", &customer), expect);
    let sent = ["02T13:00 planned remind email cart-1", "04T13:00 planned again line cart-2"];
    check(left("c2"), &[&waits[..], &sent[..]].concat());
    // Of the holdout (bucket 307): the same way, and nothing leaves.
    let ghosts = ["02T13:00 ghost remind email cart-1", "04T13:00 ghost again line cart-2"];
    check(left("c1"), &[&waits[..], &ghosts[..]].concat());
    // Changed again: three hours from there. Bought: nothing.
    let again = left("c2").does("cart", "cart_updated", "k1", "02T12:00").happens("order_placed", "", "02T14:00", "02T14:00");
    check(
        again,
        &["02T10:00 waiting wait3h 02T13:00", "02T13:00 waiting wait3h 02T15:00", "02T14:00 exited wait3h 02T14:00 goal"],
    );
    // Bought after the first reminder: no second one.
    check(
        left("c2").happens("order_placed", "", "03T09:00", "03T09:00"),
        &[waits[0], waits[1], "03T09:00 exited wait2d 03T09:00 goal", sent[0]],
    );
}

#[test]
fn a_first_purchase_without_a_second() {
    let check = |customer: Customer, expect: &[&str]| assert_eq!(became("f2", &customer), expect);
    let day_7 = || treated().does("f2", "-", "2026-03-05", "05T10:00");
    let first = ["05T10:00 waiting wait7d 12T10:00", "12T10:00 waiting wait16d 28T10:00"];
    let sent = ["05T10:00 planned day7 email f2-1", "12T10:00 planned day14 line f2-2", "28T10:00 planned day30 line f2-3"];
    check(day_7(), &[&first[..], &["28T10:00 finished day30 28T10:00"][..], &sent[..]].concat());
    let bought = day_7().happens("order_placed", "", "20T09:00", "20T09:00");
    check(bought, &[&first[..], &["20T09:00 exited wait16d 20T09:00 goal"][..], &sent[..2]].concat());
}

#[test]
fn whoever_stays_away() {
    let scenario = ready("win-back");
    let check = |is_dear: bool, expect: &[&str]| {
        let mut customer = treated().does("win-back", "-", "2026-03-02", "02T11:00");
        customer.conditions.note(branch_key(&scenario, "who", 0), at("01T00:00"), is_dear);
        let days: Vec<String> = became("win-back", &customer);
        assert_eq!(days, expect, "{is_dear}");
    };
    // 2 March, 1 April, 30 June.
    let waits = ["02T11:00 waiting wait30d 01T11:00", "01T11:00 waiting wait90d 30T11:00", "30T11:00 finished last 30T11:00"];
    let ends = ["02T11:00 planned hello email win-back-1", "30T11:00 planned last email win-back-3"];
    check(true, &[&waits[..], &[ends[0], "01T11:00 planned dear line win-back-dear", ends[1]][..]].concat());
    check(false, &[&waits[..], &[ends[0], "01T11:00 planned again line win-back-2", ends[1]][..]].concat());
}

#[test]
fn a_birthday_comes_round() {
    let born = |day: &str, known: &str| {
        let mut customer = treated();
        let on = Some(day.parse().expect("a date"));
        customer.dates.push(CustomerDate { name: "birthday".into(), key: String::new(), on, at: at(known), known_at: at(known) });
        customer
    };
    let check = |customer: Customer, expect: &[&str]| assert_eq!(became("birthday", &customer), expect);
    check(born("1990-03-10", "01T00:00"), &["10T10:00 finished wish 10T10:00", "10T10:00 planned wish line birthday-1"]);
    // Told too late for this year.
    check(born("1990-03-10", "10T12:00"), &[]);
    check(born("1990-12-24", "01T00:00"), &[]);
}

#[test]
fn each_product_that_is_back_is_told_of_once() {
    let back = |customer: Customer, product: &str, when: &str, before: bool| {
        let mut customer = customer.does("restock", "-", product, when);
        customer.triggers.last_mut().expect("a trigger").was_in_audience_before = before;
        customer
    };
    let check = |customer: Customer, expect: &[(&str, &str)]| {
        let window = super::examples::window("01T00:00", "31T00:00");
        let plan = plan(&customer, &[ready("restock")], &rules(), &window);
        let told: Vec<(&str, String)> =
            plan.entries.iter().map(|entry| (entry.row.entry_key.as_str(), super::examples::shown_at(entry.at))).collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(key, at)| (*key, at.as_str())).collect();
        assert_eq!(told, expect);
        assert_eq!(plan.sends.len(), expect.len());
    };
    // In the segment for half a day: the first evaluation tells.
    let tea = back(treated(), "tea", "05T10:00", false);
    let tea = back(back(tea, "tea", "05T12:00", true), "tea", "05T14:00", true);
    check(tea.clone(), &[("tea", "05T10:00")]);
    // Another product is another entry, at the same moment or while the first is known; the same one waits for thirty days.
    check(back(tea.clone(), "cup", "05T12:00", false), &[("tea", "05T10:00"), ("cup", "05T12:00")]);
    check(back(tea, "tea", "20T10:00", false), &[("tea", "05T10:00")]);
    // What was back before the scenario was there is no news.
    check(back(treated(), "tea", "05T10:00", true), &[]);
    let later = back(back(treated(), "cup", "02T10:00", false), "tea", "05T10:00", true);
    check(later, &[("cup", "02T10:00")]);
}

#[test]
fn an_order_ends_the_wait_for_the_next_and_begins_it() {
    let customer =
        treated().does("repurchase", "order_placed", "o1", "01T15:00").does("repurchase", "order_placed", "o2", "20T12:00");
    let rows = became("repurchase", &customer);
    let of_march: Vec<&str> = rows.iter().take(5).map(String::as_str).collect();
    assert_eq!(
        of_march,
        [
            "01T15:00 waiting wait14d 15T15:00",
            "15T15:00 waiting morning 16T10:00",
            "16T10:00 waiting wait16d 01T10:00",
            "20T12:00 exited wait16d 20T12:00 goal",
            "20T12:00 waiting wait14d 03T12:00",
        ]
    );
    let sends = rows.iter().filter(|row| row.contains("planned")).count();
    // One for the first order, three for the second, whom nothing followed.
    assert_eq!(sends, 4, "{rows:?}");
}
