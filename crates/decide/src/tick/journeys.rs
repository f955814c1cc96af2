//! What became of each customer, by what they did and how the scenario is written. Times are shop times in March 2026 (`01T10:00`).

use chrono::{Duration, NaiveDate};
use model::{Channel, Scenario, scenario::Migrate};

use super::{
    examples::{at, customer, exit_on_order, rules, scenario, shown, window},
    *,
};
use crate::rules::Pause;

/// Everything that is planned for the customer in March.
fn became(customer: &Customer, scenario: &Scenario, rules: &Rules) -> Vec<String> {
    shown(&plan(customer, std::slice::from_ref(scenario), rules, &window("01T00:00", "31T00:00")))
}

fn send(id: &str) -> String {
    format!("[[step]]\nid = \"{id}\"\nsend = {{ try = [\"line\"], template = \"{id}\" }}\nnext = \"end\"\n")
}

fn called(when: &str) -> Customer {
    customer("c1", &[Channel::Line]).does("s", "call", "k1", when)
}

impl Customer {
    fn has_date(mut self, name: &str, key: &str, on: Option<&str>, known: &str) -> Self {
        let on = on.map(|day| format!("2026-03-{day}").parse().expect("a date"));
        self.dates.push(CustomerDate { name: name.into(), key: key.into(), on, at: at(known), known_at: at(known) });
        self
    }

    /// In the segment of `s` on the given nights, and out of it on all others up to the last.
    fn among_on(mut self, nights: &[u32]) -> Self {
        let mut before = false;
        for night in 1..=nights.iter().copied().max().unwrap_or(0) + 1 {
            let when = format!("{night:02}T09:00");
            let is_in = nights.contains(&night);
            if is_in {
                self = self.does("s", "-", &format!("2026-03-{night:02}"), &when);
                self.triggers.last_mut().expect("a trigger").was_in_audience_before = before;
            } else {
                self.absences.push(Absence { scenario: "s".into(), at: at(&when) });
            }
            before = is_in;
        }
        self
    }
}

#[test]
fn an_event_is_waited_for_and_there_are_two_ways_onward() {
    let of = |wait: &str| {
        let steps = format!("{}[[step]]\nid = \"wait\"\nwait = {{ {wait} }}\n{}{}", exit_on_order(), send("came"), send("lost"));
        scenario("s", "on = \"call\"\nkey = \"cart_id\"", &steps)
    };
    let check =
        |wait: &str, customer: Customer, expect: &[&str]| assert_eq!(became(&customer, &of(wait), &rules()), expect, "{wait}");
    let wait = "event = \"shipped\", timeout = \"24h\", on_timeout = \"lost\"";
    let waits = "01T10:00 waiting wait 02T10:00";
    let came = |when: &str| [format!("{when} finished came {when}"), format!("{when} planned came line came")];
    let lost = ["02T10:00 finished lost 02T10:00", "02T10:00 planned lost line lost"];
    let ends = |lines: &[String]| -> Vec<String> { [&[waits.to_string()], lines].concat() };
    let check_came = |wait: &str, customer: Customer, when: &str| {
        assert_eq!(became(&customer, &of(wait), &rules()), ends(&came(when)), "{wait}");
    };

    check(wait, called("01T10:00"), &[waits, lost[0], lost[1]]);
    check_came(wait, called("01T10:00").happens("shipped", "k1", "01T15:00", "01T15:00"), "01T15:00");
    // At the very instant of the timeout the event wins, known by the grace; a second later it does not, nor if it is known later.
    check_came(wait, called("01T10:00").happens("shipped", "k1", "02T10:00", "02T10:10"), "02T10:00");
    check(wait, called("01T10:00").happens("shipped", "k1", "02T10:00:01", "02T10:00:01"), &[waits, lost[0], lost[1]]);
    check(wait, called("01T10:00").happens("shipped", "k1", "02T09:00", "02T10:11"), &[waits, lost[0], lost[1]]);
    // What happened before the wait began does not count, and what is known late counts when it is seen.
    check(wait, called("01T10:00").happens("shipped", "k1", "01T10:00", "01T10:00"), &[waits, lost[0], lost[1]]);
    check_came(wait, called("01T10:00").happens("shipped", "k1", "01T12:00", "01T15:10"), "01T15:00");
    // By the key, by a condition, by a message of the entry's own.
    let keyed = format!("{wait}, match = \"key\"");
    check(&keyed, called("01T10:00").happens("shipped", "k2", "01T15:00", "01T15:00"), &[waits, lost[0], lost[1]]);
    check_came(&keyed, called("01T10:00").happens("shipped", "k1", "01T15:00", "01T15:00"), "01T15:00");
    let fast = format!("{wait}, where = \"carrier = 'swallow'\"");
    let mut swallow = called("01T10:00").happens("shipped", "k1", "01T15:00", "01T15:00");
    check(&fast, swallow.clone(), &[waits, lost[0], lost[1]]);
    swallow.happenings.last_mut().expect("an event").fulfils.insert(wait_key(&of(&fast), "wait"));
    check_came(&fast, swallow, "01T15:00");
    // Without a second way both lead on.
    let steps = format!(
        "{}[[step]]\nid = \"wait\"\nwait = {{ event = \"shipped\", timeout = \"24h\" }}\n{}",
        exit_on_order(),
        send("came")
    );
    let one_way = scenario("s", "on = \"call\"", &steps);
    let [finished, planned] = came("02T10:00");
    assert_eq!(became(&called("01T10:00"), &one_way, &rules()), [waits.to_string(), finished, planned]);
}

#[test]
fn no_click_within_a_day_leads_to_another_channel() {
    let steps = format!(
        "{}[[step]]\nid = \"line\"\nsend = {{ try = [\"line\"], template = \"l\" }}\n\
         [[step]]\nid = \"click\"\nwait = {{ event = \"visited\", match = \"send\", timeout = \"24h\", on_timeout = \"sms\" }}\nnext = \"end\"\n\
         [[step]]\nid = \"sms\"\nsend = {{ try = [\"sms\"], template = \"s\" }}\n",
        exit_on_order()
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    let reached = || customer("c1", &[Channel::Line, Channel::Sms]).does("s", "call", "c1", "01T10:00");
    let sent =
        plan(&reached(), std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "01T10:00")).sends[0].row.send_id.clone();
    let check = |send_id: &str, expect: &[&str]| {
        let mut customer = reached().happens("visited", "", "01T20:00", "01T20:00");
        customer.happenings.last_mut().expect("an event").keys.insert("send_id".into(), send_id.into());
        let plan = plan(&customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "31T00:00"));
        let channels: Vec<&str> = plan.sends.iter().map(|send| send.row.channel.name()).collect();
        assert_eq!(channels, expect, "{send_id}");
    };
    check(&sent, &["line"]);
    check("of another message", &["line", "sms"]);
}

#[test]
fn a_wait_counts_to_a_date() {
    let of = |wait: &str| {
        let steps =
            format!("{}[[step]]\nid = \"wait\"\nwait = {{ {wait} }}\n{}{}", exit_on_order(), send("known"), send("unknown"));
        scenario("s", "on = \"call\"", &steps)
    };
    let check = |wait: &str, customer: Customer, expect: &[&str]| {
        let wait = format!("{wait}, at = \"10:00\", on_timeout = \"unknown\"");
        assert_eq!(became(&customer, &of(&wait), &rules()), expect, "{wait}");
    };
    let waits = |until: &str| format!("01T12:00 waiting wait {until}");
    let goes = |step: &str, when: &str| [format!("{when} finished {step} {when}"), format!("{when} planned {step} line {step}")];
    let all = |first: &[String], last: &[String]| [first, last].concat();
    let check = |wait: &str, customer: Customer, expect: &[String]| {
        check(wait, customer, &expect.iter().map(String::as_str).collect::<Vec<_>>())
    };

    // What the trigger told: three days before the coupon ends, a day or a moment.
    let told = |value: &str| {
        let mut customer = called("01T12:00");
        customer.triggers[0].context = serde_json::json!({ "coupon_expires": value });
        customer
    };
    let before_end = "date = \"coupon_expires\", days = -3";
    check(before_end, told("2026-03-20"), &all(&[waits("17T10:00")], &goes("known", "17T10:00")));
    check(before_end, told("2026-03-19T15:30:00Z"), &all(&[waits("17T10:00")], &goes("known", "17T10:00")));
    check(before_end, told("2026-03-03"), &goes("unknown", "01T12:00"));

    // A date of the customer's that is known already, moves, becomes known, goes away, is past.
    let shipment = "date = \"next_shipment\", days = -2";
    let next = |on: Option<&str>, known: &str| called("01T12:00").has_date("next_shipment", "", on, known);
    check(shipment, next(Some("10"), "01T00:00"), &all(&[waits("08T10:00")], &goes("known", "08T10:00")));
    let later = next(Some("10"), "01T00:00").has_date("next_shipment", "", Some("15"), "05T00:00");
    check(shipment, later, &all(&[waits("08T10:00"), "05T00:00 waiting wait 13T10:00".into()], &goes("known", "13T10:00")));
    let sooner = next(Some("15"), "01T00:00").has_date("next_shipment", "", Some("10"), "05T00:00");
    check(shipment, sooner, &all(&[waits("13T10:00"), "05T00:00 waiting wait 08T10:00".into()], &goes("known", "08T10:00")));
    // Its moment is over when it is heard of: at midnight, so what comes next has to wait for the morning.
    let missed = next(Some("15"), "01T00:00").has_date("next_shipment", "", Some("06"), "05T00:00");
    let put_off = "05T00:00 waiting unknown 05T08:00 quiet since 2026-03-04T15:00:00.000000Z".to_string();
    check(shipment, missed, &all(&[waits("13T10:00"), put_off], &goes("unknown", "05T08:00")));
    let cancelled = next(Some("15"), "01T00:00").has_date("next_shipment", "", None, "05T00:00");
    check(shipment, cancelled, &all(&[waits("13T10:00")], &goes("unknown", "13T10:00")));
    let unknown = "date = \"next_shipment\", days = -2, timeout = \"5d\"";
    check(unknown, called("01T12:00"), &all(&[waits("06T12:00")], &goes("unknown", "06T12:00")));
    check(
        unknown,
        next(Some("10"), "03T00:00"),
        &all(&[waits("06T12:00"), "03T00:00 waiting wait 08T10:00".into()], &goes("known", "08T10:00")),
    );
    check(unknown, next(Some("10"), "07T00:00"), &all(&[waits("06T12:00")], &goes("unknown", "06T12:00")));

    // Two contracts: the entry's own, else the next one.
    let two = || {
        called("01T12:00").has_date("next_shipment", "a", Some("20"), "01T00:00").has_date(
            "next_shipment",
            "b",
            Some("10"),
            "01T00:00",
        )
    };
    check(shipment, two(), &all(&[waits("08T10:00")], &goes("known", "08T10:00")));
    let mut of_contract = two();
    of_contract.triggers[0].context = serde_json::json!({ "contract": "a" });
    check(shipment, of_contract, &all(&[waits("18T10:00")], &goes("known", "18T10:00")));

    // Steps are counted from the first order (S59) also of who comes in later; one whose moment is over has been missed.
    let bought = |on: &str| called("01T12:00").has_date("first_order", "", Some(on), "01T00:00");
    let since_first = "date = \"first_order\", days = 30";
    let february = |day: u32| {
        let mut customer = bought("01");
        customer.dates[0].on = NaiveDate::from_ymd_opt(2026, 2, day);
        customer
    };
    check(since_first, february(10), &all(&[waits("12T10:00")], &goes("known", "12T10:00")));
    check("date = \"first_order\", days = 7", bought("01"), &all(&[waits("08T10:00")], &goes("known", "08T10:00")));
    check("date = \"first_order\", days = 7", february(10), &goes("unknown", "01T12:00"));
    let born = |on: &str| {
        let mut customer = called("01T12:00").has_date("birthday", "", Some("01"), "01T00:00");
        customer.dates[0].on = on.parse().ok();
        customer
    };
    check("date = \"birthday\", days = -2", born("1990-03-10"), &all(&[waits("08T10:00")], &goes("known", "08T10:00")));
    check("date = \"birthday\"", born("1990-03-01"), &goes("unknown", "01T12:00"));
    check("date = \"birthday\", days = 3", born("1990-03-01"), &all(&[waits("04T10:00")], &goes("known", "04T10:00")));

    // Two days after delivery, which nobody knows yet.
    let delivered = called("01T12:00").has_date("delivered", "", Some("04"), "04T15:00");
    check(
        "date = \"delivered\", days = 2",
        delivered,
        &all(&[waits("31T12:00"), "04T15:00 waiting wait 06T10:00".into()], &goes("known", "06T10:00")),
    );
}

#[test]
fn people_come_in_by_a_date_of_theirs() {
    let steps = format!("{}{}", exit_on_order(), send("hello"));
    let check = |date: &str, dates: &[(&str, &str, Option<&str>, &str)], expect: &[(&str, &str)]| {
        let scenario = scenario("s", &format!("date = {{ {date} }}\nat = \"10:00\"\nconcurrency = \"one_per_key\""), &steps);
        let mut customer = customer("c1", &[Channel::Line]);
        for (name, key, on, known) in dates {
            let on = on.map(|on| on.parse::<NaiveDate>().expect("a date"));
            customer.dates.push(CustomerDate {
                name: name.to_string(),
                key: key.to_string(),
                on,
                at: at(known),
                known_at: at(known),
            });
        }
        let plan = plan(&customer, &[scenario], &rules(), &window("01T00:00", "31T00:00"));
        let found: Vec<(String, String)> =
            plan.entries.iter().map(|entry| (super::examples::shown_at(entry.at), entry.row.entry_key.clone())).collect();
        let expect: Vec<(String, String)> = expect.iter().map(|(at, key)| (at.to_string(), key.to_string())).collect();
        assert_eq!(found, expect, "{date} {dates:?}");
    };
    let born = |on: &'static str| ("birthday", "", Some(on), "01T00:00");
    check("of = \"birthday\"", &[born("1990-03-10")], &[("10T10:00", "2026-03-10")]);
    check("of = \"birthday\", days = -7", &[born("1990-03-10")], &[("03T10:00", "2026-03-10")]);
    check("of = \"birthday\", days = 2", &[born("1992-02-29")], &[("02T10:00", "2026-02-28")]);
    check("of = \"birthday\"", &[born("1990-04-10")], &[]);
    // Known too late, and known in time by the grace.
    check("of = \"birthday\"", &[("birthday", "", Some("1990-03-10"), "10T10:11")], &[]);
    check("of = \"birthday\"", &[("birthday", "", Some("1990-03-10"), "10T10:00")], &[("10T10:00", "2026-03-10")]);
    // Each shipment of each contract; one that is put off counts by where it is put.
    let next = |key: &'static str, on: Option<&'static str>, known: &'static str| ("next_shipment", key, on, known);
    let two = [next("a", Some("2026-03-10"), "01T00:00"), next("b", Some("2026-03-12"), "01T00:00")];
    check("of = \"next_shipment\", days = -3", &two, &[("07T10:00", "a@2026-03-10"), ("09T10:00", "b@2026-03-12")]);
    let put_off = [next("a", Some("2026-03-10"), "01T00:00"), next("a", Some("2026-03-20"), "05T00:00")];
    check("of = \"next_shipment\", days = -3", &put_off, &[("17T10:00", "a@2026-03-20")]);
    let cancelled = [next("a", Some("2026-03-10"), "01T00:00"), next("a", None, "05T00:00")];
    check("of = \"next_shipment\", days = -3", &cancelled, &[]);
    check("of = \"registration\"", &[("registration", "", Some("2026-03-10"), "10T09:00")], &[]);
    check("of = \"registration\"", &[("registration", "", Some("2024-03-10"), "01T00:00")], &[("10T10:00", "2026-03-10")]);
}

#[test]
fn a_scenario_starts_with_nobody_or_with_all() {
    let steps = format!("{}{}", exit_on_order(), send("hello"));
    let check = |entry: &str, start: &str, was_in: bool, nights: &[u32], expect: &[&str]| {
        let mut scenario = scenario("s", &format!("segment = \"x\"\n{entry}"), &steps);
        scenario.start = if start == "include_current" { model::scenario::Start::IncludeCurrent } else { Default::default() };
        let mut customer = customer("c1", &[Channel::Line]).among_on(nights);
        if was_in {
            customer.triggers[0].was_in_audience_before = true;
        }
        let plan = plan(&customer, &[scenario], &rules(), &window("01T00:00", "31T00:00"));
        let entered: Vec<&str> = plan.entries.iter().map(|entry| &entry.row.entry_key[8..]).collect();
        assert_eq!(entered, expect, "{entry} {start} {was_in} {nights:?}");
    };
    check("", "future_only", true, &[1, 2, 3], &[]);
    check("", "include_current", true, &[1, 2, 3], &["01"]);
    check("", "future_only", false, &[1, 2, 3], &["01"]);
    // Out for a night and in again: they have come into it.
    check("", "future_only", true, &[1, 2, 4], &["04"]);
    // Once inside, the rule of re-entry alone says when again.
    let weekly = "reentry = { rule = \"cooldown\", calendar_days = 2 }";
    check(weekly, "future_only", false, &[1, 2, 3, 4, 5], &["01", "03", "05"]);
    check("reentry = { rule = \"rematch\" }", "include_current", true, &[1, 2, 4], &["04"]);
}

#[test]
fn who_is_no_longer_in_the_audience_leaves() {
    let steps = format!("[[exit]]\nleave = \"audience\"\n[[step]]\nid = \"wait\"\nwait = {{ for = \"50h\" }}\n{}", send("hello"));
    let scenario = scenario("s", "segment = \"x\"", &steps);
    let check = |nights: &[u32], expect: &[&str]| {
        assert_eq!(became(&customer("c1", &[Channel::Line]).among_on(nights), &scenario, &rules()), expect, "{nights:?}");
    };
    let enters = "01T09:00 waiting wait 03T11:00";
    check(&[1], &[enters, "02T09:00 exited wait 02T09:00 left_audience"]);
    check(&[1, 2], &[enters, "03T09:00 exited wait 03T09:00 left_audience"]);
    check(&[1, 2, 3], &[enters, "03T11:00 finished hello 03T11:00", "03T11:00 planned hello line hello"]);
}

#[test]
fn a_condition_is_looked_at_whenever_the_entry_is() {
    let steps =
        format!("[[exit]]\nwhen = \"cart_value = 0\"\n[[step]]\nid = \"wait\"\nwait = {{ for = \"3h\" }}\n{}", send("hello"));
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |is: &[(&str, bool)], expect: &[&str]| {
        let mut customer = called("01T10:00");
        for (when, is) in is {
            customer.conditions.note(exit_key(&scenario, 0), at(when), *is);
        }
        assert_eq!(became(&customer, &scenario, &rules()), expect, "{is:?}");
    };
    let sent = ["01T10:00 waiting wait 01T13:00", "01T13:00 finished hello 01T13:00", "01T13:00 planned hello line hello"];
    check(&[], &sent);
    check(&[("01T00:00", false)], &sent);
    check(&[("01T00:00", true)], &["01T10:00 exited wait 01T10:00 rule"]);
    // At the send instant itself, and not a moment after.
    check(&[("01T00:00", false), ("01T13:00", true)], &[sent[0], "01T13:00 exited wait 01T13:00 rule"]);
    check(&[("01T00:00", false), ("01T13:00:01", true)], &sent);
    check(&[("01T00:00", false), ("01T11:00", true), ("01T12:00", false)], &sent);
}

#[test]
fn an_exit_may_ask_about_its_event() {
    let steps = format!(
        "[[exit]]\non = \"cart_updated\"\nwhere = \"value = 0\"\n[[step]]\nid = \"wait\"\nwait = {{ for = \"3h\" }}\n{}",
        send("hello")
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |is_empty: bool, expect: &str| {
        let mut customer = called("01T10:00").happens("cart_updated", "k1", "01T11:00", "01T11:00");
        if is_empty {
            customer.happenings[1].fulfils.insert(exit_key(&scenario, 0));
        }
        assert_eq!(became(&customer, &scenario, &rules())[1], expect);
    };
    check(true, "01T11:00 exited wait 01T11:00 rule");
    check(false, "01T13:00 finished hello 01T13:00");
}

#[test]
fn the_erased_leave_and_do_not_come_in() {
    let steps = format!("{}[[step]]\nid = \"wait\"\nwait = {{ for = \"3h\" }}\n{}", exit_on_order(), send("hello"));
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |erased: &str, expect: &[&str]| {
        let customer = Customer { erased_at: Some(at(erased)), ..called("01T10:00") };
        assert_eq!(became(&customer, &scenario, &rules()), expect, "{erased}");
    };
    check("01T09:00", &[]);
    check("01T12:00", &["01T10:00 waiting wait 01T13:00", "01T12:00 exited wait 01T12:00 erased"]);
    check("01T13:00", &["01T10:00 waiting wait 01T13:00", "01T13:00 exited wait 01T13:00 erased"]);
}

#[test]
fn a_pause_holds_what_is_due_and_lets_nobody_in() {
    let steps = format!(
        "{}[[step]]\nid = \"wait\"\nwait = {{ for = \"3h\" }}\n[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\", valid_for = \"6h\" }}\n",
        exit_on_order()
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |which: Option<&str>, from: &str, until: Option<&str>, customer: Customer, expect: &[&str]| {
        let pauses = vec![Pause { scenario: which.map(String::from), from: at(from), until: until.map(at) }];
        assert_eq!(became(&customer, &scenario, &Rules { pauses, ..rules() }), expect, "{which:?} {from} {until:?}");
    };
    let waits = "01T10:00 waiting wait 01T13:00";
    let sent = |when: &str| [waits.to_string(), format!("{when} finished s {when}"), format!("{when} planned s line t")];
    let bought = || called("01T10:00").happens("order_placed", "", "01T14:00", "01T14:00");
    for which in [Some("s"), None] {
        let [a, b, c] = sent("01T19:00");
        check(which, "01T12:00", Some("01T19:00"), called("01T10:00"), &[&a, &b, &c]);
        check(
            which,
            "01T12:00",
            Some("01T19:01"),
            called("01T10:00"),
            &[waits, "01T19:01 finished s 01T19:01", "01T19:01 stop s - expired"],
        );
        check(which, "01T12:00", None, called("01T10:00"), &[waits]);
        check(which, "01T12:00", Some("01T19:00"), bought(), &[waits, "01T14:00 exited wait 01T14:00 goal"]);
        check(which, "01T10:00", Some("01T12:00"), called("01T10:00"), &[]);
    }
    let [a, b, c] = sent("01T13:00");
    check(Some("other"), "01T12:00", None, called("01T10:00"), &[&a, &b, &c]);
    check(None, "01T13:00:01", None, called("01T10:00"), &[&a, &b, &c]);
}

#[test]
fn what_is_seen_in_a_pause_has_its_effect_at_the_end() {
    let wait = |wait: &str| {
        let steps = format!("{}[[step]]\nid = \"wait\"\nwait = {{ {wait} }}\n{}{}", exit_on_order(), send("yes"), send("no"));
        scenario("s", "on = \"call\"", &steps)
    };
    let pauses = vec![Pause { scenario: None, from: at("02T00:00"), until: Some(at("05T12:00")) }];
    let rules = Rules { pauses, ..rules() };
    let check = |body: &str, customer: Customer, expect: &[&str]| assert_eq!(became(&customer, &wait(body), &rules), expect);
    let (event, date) =
        ("event = \"shipped\", timeout = \"48h\", on_timeout = \"no\"", "date = \"next_shipment\", on_timeout = \"no\"");
    let (yes, no) = (
        ["05T12:00 finished yes 05T12:00", "05T12:00 planned yes line yes"],
        ["05T12:00 finished no 05T12:00", "05T12:00 planned no line no"],
    );
    let waits = "01T10:00 waiting wait 03T10:00";
    check(event, called("01T10:00").happens("shipped", "", "02T10:00", "02T10:00"), &[waits, yes[0], yes[1]]);
    check(event, called("01T10:00").happens("shipped", "", "03T10:01", "03T10:01"), &[waits, no[0], no[1]]);
    let next = |on: &str| {
        called("01T10:00").has_date("next_shipment", "", Some("20"), "01T00:00").has_date(
            "next_shipment",
            "",
            Some(on),
            "03T00:00",
        )
    };
    let waits = "01T10:00 waiting wait 20T09:00";
    check(date, next("04"), &[waits, no[0], no[1]]);
    let moved = ["05T12:00 waiting wait 10T09:00", "10T09:00 finished yes 10T09:00", "10T09:00 planned yes line yes"];
    check(date, next("10"), &[waits, moved[0], moved[1], moved[2]]);
}

#[test]
fn arms_of_a_split_go_different_ways() {
    let steps = format!(
        "[holdout]\npercent = 20\nsalt = \"h\"\n{}[[step]]\nid = \"way\"\n[step.split]\nname = \"one-or-two\"\nsalt = \"x\"\n\
         [[step.split.arm]]\nid = \"one\"\nweight = 0.3\nto = \"one\"\n[[step.split.arm]]\nid = \"two\"\nweight = 0.7\nto = \"two\"\n{}{}",
        exit_on_order(),
        send("one"),
        send("two")
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    let mut counts = BTreeMap::new();
    for n in 1..=1000 {
        let customer = customer(&format!("c{n}"), &[Channel::Line]).does("s", "call", "c", "01T10:00");
        let plan = plan(&customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "02T00:00"));
        let send = &plan.sends[0].row;
        let exposed: Vec<&str> = plan.exposures.iter().map(|exposure| exposure.row.arm.as_str()).collect();
        let held_out = send.state == model::SendState::Ghost;
        assert_eq!(exposed, if held_out { vec![] } else { vec![send.step.as_str()] });
        *counts.entry((send.step.clone(), held_out)).or_insert(0) += 1;
    }
    let of = |step: &str, held_out: bool| counts[&(step.to_string(), held_out)];
    assert!((205..=275).contains(&of("one", false)), "{counts:?}");
    assert!((520..=600).contains(&of("two", false)), "{counts:?}");
    assert!((40..=80).contains(&of("one", true)) && (110..=170).contains(&of("two", true)), "{counts:?}");
}

#[test]
fn entries_go_over_into_the_version_that_takes_them() {
    let steps =
        |extra: &str| format!("{}[[step]]\nid = \"wait\"\nwait = {{ for = \"24h\" }}\n{extra}{}", exit_on_order(), send("hello"));
    let old = scenario("s", "on = \"call\"", &steps(""));
    let entered = plan(&called("01T10:00"), std::slice::from_ref(&old), &rules(), &window("01T00:00", "01T12:00"));
    let open = || called("01T10:00").after(&entered, std::slice::from_ref(&old));
    let new = |map: &[(&str, &str)]| {
        let rest = format!("{}[[step]]\nid = \"pause\"\nwait = {{ for = \"48h\" }}\n{}", exit_on_order(), send("bye"));
        let step_map = map.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        Scenario { migrate: Some(Migrate { from: old.version.clone(), step_map }), ..scenario("s", "on = \"call\"", &rest) }
    };
    let check = |scenarios: &[Scenario], expect: &[&str]| {
        let plan = plan(&open(), scenarios, &rules(), &window("01T12:00", "05T00:00"));
        assert_eq!(shown(&plan), expect);
        let versions: BTreeSet<&String> = plan.entries.iter().map(|entry| &entry.row.scenario_version).collect();
        assert_eq!(versions.len(), 1);
        versions.into_iter().next().expect("a row").clone()
    };
    let plain = Scenario { migrate: None, ..new(&[]) };
    let finished = ["02T10:00 finished hello 02T10:00", "02T10:00 planned hello line hello"];
    assert_eq!(check(&[old.clone(), plain.clone()], &finished), old.version);
    // It keeps when it is due.
    let over = new(&[("wait", "pause")]);
    assert_eq!(
        check(std::slice::from_ref(&over), &["02T10:00 finished bye 02T10:00", "02T10:00 planned bye line bye"]),
        over.version
    );
    check(&[new(&[("wait", "bye")])], &["02T10:00 finished bye 02T10:00", "02T10:00 planned bye line bye"]);
    check(&[new(&[("wait", "end")])], &["01T12:00 exited wait 01T12:00 migrated"]);
    check(&[new(&[])], &["01T12:00 exited wait 01T12:00 version_stopped"]);
    check(std::slice::from_ref(&plain), &["01T12:00 exited wait 01T12:00 version_stopped"]);
    // A pause is not the time to stop anybody for good.
    let pauses = vec![Pause { scenario: None, from: at("01T12:00"), until: None }];
    let paused = plan(&open(), &[plain], &Rules { pauses, ..rules() }, &window("01T12:00", "05T00:00"));
    assert_eq!(paused, Plan::default());
}

#[test]
fn hours_are_those_of_where_the_customer_lives() {
    let steps = format!("{}[[step]]\nid = \"wait\"\nwait = {{ until = \"10:00\" }}\n{}", exit_on_order(), send("hello"));
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |zone: Option<&str>, until: &str| {
        let zone = zone.map(|name| model::ShopZone::parse(name).expect("a zone"));
        let customer = Customer { zone, ..called("01T12:00") };
        let expect = [
            format!("01T12:00 waiting wait {until}"),
            format!("{until} finished hello {until}"),
            format!("{until} planned hello line hello"),
        ];
        assert_eq!(became(&customer, &scenario, &rules()), expect, "{zone:?}");
    };
    check(None, "02T10:00");
    // Ten in the morning is midnight in Tokyo, where it would be quiet.
    check(Some("America/New_York"), "02T00:00");
}

#[test]
fn who_heard_from_us_lately_stays_out() {
    let steps = "[[step]]\nid = \"news\"\nsend = { try = [\"line\"], template = \"n\" }\n";
    let once = "once = \"2026-03-05T10:00\"\nexclude_sent_within = \"3d\"";
    let broadcast = scenario("s", &format!("segment = \"x\"\n{once}"), steps);
    let daily =
        scenario("s", "segment = \"x\"\nat = \"10:00\"\nexclude_sent_within = \"3d\"", &format!("{}{steps}", exit_on_order()));
    let sent = |when: &str, counts: bool, ghost: bool| PastSend {
        entry_id: "e".into(),
        channel: Channel::Email,
        at: at(when),
        counts,
        tags: Vec::new(),
        ghost,
    };
    let check = |sent: PastSend, scenario: &Scenario, expect: &[&str]| {
        let member = customer("c1", &[Channel::Line]).does("s", "-", "2026-03-05", "05T10:00");
        assert_eq!(became(&Customer { past_sends: vec![sent], ..member }, scenario, &rules()), expect);
    };
    let comes = ["05T10:00 finished news 05T10:00", "05T10:00 planned news line n"];
    check(sent("02T10:00:01", true, false), &broadcast, &["05T10:00 exited news 05T10:00 excluded by a message not long ago"]);
    check(sent("02T10:00:01", true, false), &daily, &[]);
    check(sent("02T10:00", true, false), &broadcast, &comes);
    check(sent("04T10:00", false, false), &broadcast, &comes);
    check(sent("04T10:00", true, true), &broadcast, &comes);
    check(sent("04T10:00", false, false), &daily, &comes);
}

#[test]
fn a_broadcast_accounts_for_everybody_once() {
    let steps = "[[step]]\nid = \"news\"\nsend = { try = [\"line\"], template = \"n\", tags = [\"news\"] }\n";
    let scenario = scenario("s", "segment = \"x\"\nonce = \"2026-03-05T10:00\"\nexclude = [\"vip\"]", steps);
    let evaluations = schedule::evaluations(&scenario.entry, rules().zone, at("01T00:00"), at("31T00:00"));
    assert_eq!(evaluations, [at("05T10:00")]);
    let member = || customer("c1", &[Channel::Line]).does("s", "-", "2026-03-05", "05T10:00");
    let check = |customer: Customer, rules: &Rules, expect: &[&str]| assert_eq!(became(&customer, &scenario, rules), expect);
    check(member(), &rules(), &["05T10:00 finished news 05T10:00", "05T10:00 planned news line n"]);
    let mut excluded = member();
    excluded.triggers[0].excluded_by = Some("vip".into());
    check(excluded, &rules(), &["05T10:00 exited news 05T10:00 excluded by vip"]);
    let blocked = Customer { reach: BTreeMap::new(), ..member() };
    let none = ["05T10:00 finished news 05T10:00", "05T10:00 stop news line no_address", "05T10:00 stop news - no_address"];
    check(blocked, &rules(), &none);
    let holdout = Rules { holdout: Some(model::Holdout { percent: 50.0, salt: "global-2026q1".into() }), ..rules() };
    let kept_out = Customer { unit: "c-0002".into(), ..member() }; // Bucket 980.
    check(kept_out, &holdout, &["05T10:00 exited news 05T10:00 global_holdout"]);
}

#[test]
fn seasons_let_in_and_choose_the_words() {
    let text = "[[seasons]]\nname = \"sale\"\nfirst = \"2026-03-05\"\nlast = \"2026-03-06\"\n\
                [[seasons]]\nname = \"spring\"\nfirst = \"03-06\"\nlast = \"05-31\"\n";
    let rules = Rules::of(&model::Shop::parse("t", text).expect("settings"));
    let steps = "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"s\"\nsend = { try = [\"line\"], template = \"plain\", seasons = { spring = \"cherry\", sale = \"bargain\" } }\n";
    let check = |seasons: &str, when: &str, expect: Option<&str>| {
        let scenario = scenario("s", &format!("on = \"call\"\nseasons = [{seasons}]"), steps);
        let plan = plan(&called(when), &[scenario], &rules, &window("01T00:00", "31T00:00"));
        assert_eq!(plan.sends.first().map(|send| send.row.template.as_str()), expect, "{seasons} {when}");
    };
    check("", "04T10:00", Some("plain"));
    check("", "05T10:00", Some("bargain"));
    check("", "06T20:59", Some("bargain")); // Both are on; the shop's list says which goes first.
    check("", "07T10:00", Some("cherry"));
    check("\"spring\"", "05T10:00", None);
    check("\"spring\", \"sale\"", "05T10:00", Some("bargain"));
    check("\"spring\"", "07T10:00", Some("cherry"));
}

#[test]
fn a_message_leaves_at_the_best_time_and_shows_what_it_was_worth() {
    let steps = format!(
        "{}[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\", best_time = {{ name = \"hour\", salt = \"h\", otherwise = \"10:00\" }} }}\n",
        exit_on_order()
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    let check = |id: &str, clicks: usize, expect: &[&str], exposed: &[&str]| {
        let mut customer = customer(id, &[Channel::Line]).does("s", "call", "k", "05T09:00");
        customer.clicks = (1..=clicks).map(|day| at(&format!("0{day}T19:15"))).map(|at| Click { at, known_at: at }).collect();
        let plan = plan(&customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "31T00:00"));
        assert_eq!(shown(&plan), expect, "{id} {clicks}");
        assert_eq!(plan.exposures.iter().map(|exposure| exposure.row.arm.as_str()).collect::<Vec<_>>(), exposed);
        assert_eq!(plan.deferred, 1);
    };
    let since = "since 2026-03-05T00:00:00.000000Z";
    let at_ten =
        [&format!("05T09:00 waiting s 05T10:00 best_time {since}"), "05T10:00 finished s 05T10:00", "05T10:00 planned s line t"];
    let at_seven =
        [&format!("05T09:00 waiting s 05T19:00 best_time {since}"), "05T19:00 finished s 05T19:00", "05T19:00 planned s line t"];
    check("c2", 3, &at_seven, &["best"]);
    check("c1", 3, &at_ten, &["usual"]);
    check("c2", 2, &at_ten, &[]);
}

#[test]
fn whoever_tests_a_scenario_gets_every_message_of_it() {
    let steps = format!(
        "[holdout]\npercent = 50\nsalt = \"global-2026q1\"\n{}[[step]]\nid = \"wait\"\nwait = {{ for = \"3d\" }}\n{}{}",
        exit_on_order(),
        send("one"),
        send("two")
    )
    .replacen("next = \"end\"\n", "", 1);
    let scenario = scenario("s", "on = \"call\"\nkey = \"cart_id\"", &steps);
    let check = |customer: Customer, expect: &[&str]| {
        let plan = trial(&customer, &scenario, &rules(), serde_json::json!({}), "run", at("05T23:00"));
        assert_eq!(shown(&plan), expect);
        assert!(plan.sends.iter().all(|send| send.row.scenario == "s/test") && plan.exposures.is_empty());
    };
    let tester = || customer("c-0002", &[Channel::Line]);
    check(tester(), &["05T23:00 finished two 05T23:00", "05T23:00 planned one line one", "05T23:00 planned two line two"]);
    let mut revoked = tester();
    revoked.reach.get_mut(&Channel::Line).expect("reach").consents.clear();
    let plan = trial(&revoked, &scenario, &rules(), serde_json::json!({}), "run", at("05T23:00"));
    assert_eq!((plan.sends.len(), plan.stops.len()), (0, 4));
}

#[test]
fn whoever_tests_a_roll_out_does_not_wait_for_its_winner() {
    let steps = format!(
        "{}[[step]]\nid = \"s\"\n[step.send]\ntry = [\"line\"]\ntemplate = \"t\"\n[step.send.experiment]\nname = \"subject\"\nsalt = \"x\"\n\
         rollout = {{ share = 0.01 }}\n[[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n\
         [[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\ntemplate = \"t2\"\n",
        exit_on_order()
    );
    let scenario = scenario("s", "on = \"call\"", &steps);
    for n in 1..=20 {
        let tester = customer(&format!("c{n}"), &[Channel::Line]);
        let plan = trial(&tester, &scenario, &rules(), serde_json::json!({}), "run", at("05T23:00"));
        assert_eq!((plan.sends.len(), plan.deferred), (1, 0), "c{n}");
    }
}

#[test]
fn a_deferred_message_does_not_make_the_next_one_late() {
    let steps = format!(
        "{}[[step]]\nid = \"one\"\nsend = {{ try = [\"line\"], template = \"one\" }}\n\
         [[step]]\nid = \"two\"\nsend = {{ try = [\"line\"], template = \"two\", valid_for = \"2h\" }}\n",
        exit_on_order()
    );
    let plan = plan(&called("01T22:00"), &[scenario("s", "on = \"call\"", &steps)], &rules(), &window("01T00:00", "31T00:00"));
    assert_eq!(plan.sends.iter().map(|send| send.at).collect::<Vec<_>>(), [at("02T08:00"), at("02T08:00")]);
    assert!(plan.sends.iter().all(|send| send.at - at("01T22:00") == Duration::hours(10)));
}
