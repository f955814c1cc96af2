//! The property replays rest on: any number of windows over a period, each given only what could be known by then and what the
//! ledger said after the one before, give the same rows as one window over the period.

use chrono::{Duration, TimeDelta};
use model::{Channel, Instant, Scenario};
use proptest::prelude::*;

use crate::automatic::{Action, Rule, Weight, Why};

use super::{
    examples::{at, customer, exit_on_order, failure, scenario},
    *,
};
use crate::rules::Pause;

const HOURS: i64 = 10 * 24;

fn scenarios() -> Vec<Scenario> {
    let exit = exit_on_order();
    let cart = format!(
        "[holdout]\npercent = 30\nsalt = \"cart\"\n{exit}[[exit]]\nleave = \"consent\"\n\
         [[step]]\nid = \"wait3h\"\nwait = {{ for = \"3h\", since = \"last(cart_updated)\" }}\n\
         [[step]]\nid = \"remind\"\nsend = {{ try = [\"line\", \"email\"], template = \"c1\", valid_for = \"12h\", on_cap = \"skip\" }}\n\
         [[step]]\nid = \"wait1d\"\nwait = {{ for = \"24h\" }}\n\
         [[step]]\nid = \"split\"\nbranch = [{{ when = \"vip\", to = \"vip\" }}, {{ else = \"coupon\" }}]\n\
         [[step]]\nid = \"coupon\"\nsend = {{ try = [\"line\", \"sms\"], template = \"c2\", on_cap = \"next_channel\" }}\nnext = \"end\"\n\
         [[step]]\nid = \"vip\"\nsend = {{ try = [\"email\"], template = \"vip\", on_quiet = \"drop\" }}\n"
    );
    let browse = format!(
        "{exit}match = \"key\"\n[[step]]\nid = \"soon\"\nwait = {{ for = \"1h\" }}\n[[step]]\nid = \"s\"\n[step.send]\ntry = [\"email\", \"line\"]\n\
         template = \"b\"\non_cap = \"defer\"\nvalid_for = \"5d\"\n[step.send.experiment]\nname = \"subject\"\nsalt = \"x\"\n\
         rollout = {{ share = 0.5, wait = \"6h\" }}\n[[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n[[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\n\
         [[step]]\nid = \"again\"\nwait = {{ until = \"12:30\" }}\n[[step]]\nid = \"s2\"\nsend = {{ try = [\"line\"], template = \"b2\", on_cap = \"defer\" }}\n"
    );
    let thanks = "[[step]]\nid = \"thanks\"\nsend = { purpose = \"transactional\", try = [\"email\"], template = \"t\" }\n\
         [[step]]\nid = \"wait2d\"\nwait = { for = \"2d\", since = \"last(order_placed)\" }\n\
         [[step]]\nid = \"review\"\nsend = { purpose = \"transactional\", try = [\"email\"], template = \"r\", on_quiet = \"next_channel\" }\n";
    let again = format!(
        "{exit}[[step]]\nid = \"wait\"\nwait = {{ for = \"30m\" }}\n\
         [[step]]\nid = \"s\"\n[step.send]\ntry = [\"sms\", \"email\"]\ntemplate = \"a\"\non_cap = \"next_channel\"\n\
         [step.send.experiment]\nname = \"words\"\nsalt = \"words\"\nbandit = {{}}\n\
         [[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n[[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\ntemplate = \"a2\"\n"
    );
    // A parcel is waited for, then one of two ways; whoever bought meanwhile hears nothing.
    let parcel = format!(
        "{exit}where = \"value = 0\"\n[[exit]]\nwhen = \"gone\"\n\
         [[step]]\nid = \"parcel\"\nwait = {{ event = \"cart_updated\", match = \"key\", timeout = \"20h\", on_timeout = \"lost\" }}\n\
         [[step]]\nid = \"way\"\n[step.split]\nname = \"way\"\nsalt = \"way\"\n[[step.split.arm]]\nid = \"a\"\nweight = 0.5\nto = \"came\"\n\
         [[step.split.arm]]\nid = \"b\"\nweight = 0.5\nto = \"lost\"\n\
         [[step]]\nid = \"came\"\nsend = {{ try = [\"line\", \"email\"], template = \"c\", tags = [\"news\"], on_cap = \"defer\", valid_for = \"3d\", \
         best_time = {{ name = \"hour\", salt = \"hour\", otherwise = \"10:00\" }}, seasons = {{ early = \"c_early\" }} }}\n\
         [[step]]\nid = \"click\"\nwait = {{ event = \"viewed\", where = \"true\", timeout = \"10h\" }}\n\
         [[step]]\nid = \"lost\"\nsend = {{ try = [\"email\"], template = \"l\", tags = [\"news\"], on_cap = \"next_channel\" }}\n"
    );
    let shipment = format!(
        "{exit}[[step]]\nid = \"before\"\nsend = {{ purpose = \"transactional\", counts = true, try = [\"email\"], template = \"b\" }}\n\
         [[step]]\nid = \"day\"\nwait = {{ date = \"next_shipment\", days = 1, at = \"09:30\", timeout = \"2d\", on_timeout = \"end\" }}\n\
         [[step]]\nid = \"after\"\nsend = {{ try = [\"line\"], template = \"a\" }}\n"
    );
    let moving = format!(
        "{exit}[[step]]\nid = \"day\"\nwait = {{ date = \"next_shipment\", days = -1, timeout = \"30h\", on_timeout = \"unknown\" }}\n\
         [[step]]\nid = \"known\"\nsend = {{ try = [\"line\", \"email\"], template = \"k\" }}\nnext = \"end\"\n\
         [[step]]\nid = \"unknown\"\nsend = {{ try = [\"sms\", \"email\"], template = \"u\" }}\n"
    );
    let dormant = "[[exit]]\nleave = \"audience\"\n[[step]]\nid = \"wait\"\nwait = { for = \"36h\" }\n\
         [[step]]\nid = \"s\"\nsend = { try = [\"line\"], template = \"d\" }\n";
    vec![
        scenario(
            "parcel",
            "on = \"viewed\"\nkey = \"cart_id\"\nconcurrency = \"one_per_key\"\nreentry = { rule = \"cooldown\", elapsed = \"1d\" }",
            &parcel,
        ),
        scenario("shipment", "date = { of = \"next_shipment\", days = -2 }\nconcurrency = \"one_per_key\"", &shipment),
        scenario("moving", "on = \"order_placed\"\nreentry = { rule = \"cooldown\", elapsed = \"1h\" }", &moving),
        scenario("dormant", "segment = \"dormant\"\nreentry = { rule = \"rematch\" }\nseasons = [\"early\"]", dormant),
        scenario(
            "cart",
            "on = \"cart_updated\"\nkey = \"cart_id\"\nconcurrency = \"one_per_key\"\nreentry = { rule = \"cooldown\", elapsed = \"20h\" }",
            &cart,
        ),
        scenario("browse", "on = \"viewed\"\nkey = \"cart_id\"\nreentry = { rule = \"cooldown\", calendar_days = 2 }", &browse),
        scenario(
            "thanks",
            "on = \"order_placed\"\nconcurrency = \"unlimited\"\nreentry = { rule = \"cooldown\", elapsed = \"1h\" }",
            thanks,
        ),
        // Nothing but the window keeps a trigger from letting in twice.
        scenario("again", "on = \"viewed\"\nconcurrency = \"unlimited\"\nreentry = { rule = \"rematch\" }", &again),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    customer: Customer,
    rules: Rules,
    grace: Duration,
    splits: Vec<Instant>,
    /// What the tests of subjects and of words have decided.
    taken: Vec<Taken>,
    /// Of so many sends one fails, so many minutes after it left; none for 0.
    fails: (u64, i64),
}

fn decided(rule: Rule, test: &str, at: Instant, action: Action) -> Taken {
    Taken { id: String::new(), rule, test: test.into(), version: String::new(), at, action, why: Why::NotDue }
}

/// A roll-out that was asked some times and may have a winner; a bandit that was weighed some times.
fn decisions() -> impl Strategy<Value = Vec<Taken>> {
    let asked = prop::collection::vec(instants(), 0..3);
    let weighed = prop::collection::vec((instants(), 0.0..1.0), 0..3);
    (asked, prop::option::of(instants()), weighed).prop_map(|(asked, won, weighed)| {
        let rollout = |at, action| decided(Rule::Rollout, "subject", at, action);
        let wait = |at: Instant| rollout(at, Action::Wait { until: at + Duration::hours(5) });
        let win = |at| rollout(at, Action::SendRest { arm: "b".into() });
        let weigh = |(at, share)| {
            let weights = [("a", share), ("b", 1.0 - share)].map(|(arm, weight)| Weight { arm: arm.into(), weight }).into();
            decided(Rule::Bandit, "words", at, Action::Weigh { weights })
        };
        asked.into_iter().map(wait).chain(won.map(win)).chain(weighed.into_iter().map(weigh)).collect()
    })
}

fn start() -> Instant {
    at("01T00:00")
}

/// Times on a coarse grid, so that things often fall on the same instant, and on window ends.
fn instants() -> impl Strategy<Value = Instant> {
    prop_oneof![
        (0..HOURS).prop_map(|hour| start() + Duration::hours(hour)),
        (0..HOURS * 6).prop_map(|tens| start() + Duration::minutes(tens * 10)),
        (0..HOURS * 3_600_000_000).prop_map(|micros| start() + TimeDelta::microseconds(micros)),
    ]
}

/// What is known of a customer beside their events.
type Around = (Vec<(usize, Option<u8>, Instant, i64)>, Vec<(Instant, i64)>, Vec<bool>, Vec<(Instant, bool)>, Option<Instant>);

fn around() -> impl Strategy<Value = Around> {
    let dates = prop::collection::vec((0usize..2, prop::option::weighted(0.8, 1u8..12), instants(), lags()), 0..5);
    // At few hours, so that one of them is often the best.
    let hours = (0i64..10, prop_oneof![Just(12i64), Just(19)]).prop_map(|(day, hour)| start() + Duration::hours(day * 24 + hour));
    let clicks = prop::collection::vec((hours, lags()), 0..9);
    let nights = prop::collection::vec(any::<bool>(), 10);
    let conditions = prop::collection::vec((instants(), any::<bool>()), 0..3);
    (dates, clicks, nights, conditions, prop::option::weighted(0.1, instants()))
}

fn lags() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0), 1 => Just(10), 1 => 0i64..60, 1 => 0i64..3000]
}

fn surround(customer: &mut Customer, (dates, clicks, nights, conditions, erased_at): Around, scenarios: &[Scenario]) {
    for (key, day, at, lag) in dates {
        let on = day.and_then(|day| chrono::NaiveDate::from_ymd_opt(2026, 3, day.into()));
        let (name, key) = ("next_shipment".into(), ["s1", "s2"][key].into());
        customer.dates.push(CustomerDate { name, key, on, at, known_at: at + Duration::minutes(lag) });
    }
    customer.clicks = clicks.into_iter().map(|(at, lag)| Click { at, known_at: at + Duration::minutes(lag) }).collect();
    let mut before = false;
    for (night, is_in) in nights.into_iter().enumerate() {
        let at = start() + Duration::days(night as i64) + Duration::hours(9);
        if is_in {
            customer.triggers.push(Trigger {
                scenario: "dormant".into(),
                entry_key: format!("night {night}"),
                at,
                known_at: at,
                was_in_audience_before: before,
                excluded_by: None,
                context: serde_json::json!({}),
            });
        } else {
            customer.absences.push(Absence { scenario: "dormant".into(), at });
        }
        before = is_in;
    }
    for (at, is_true) in conditions {
        let of = |name: &str| scenarios.iter().find(|scenario| scenario.scenario == name).expect("a scenario");
        customer.conditions.note(branch_key(of("cart"), "split", 0), at, is_true);
        customer.conditions.note(exit_key(of("parcel"), 1), at, is_true);
    }
    customer.erased_at = erased_at;
}

fn cases() -> impl Strategy<Value = Case> {
    let events = prop::collection::vec((0usize..3, 0usize..2, instants(), lags()), 0..14);
    let reach = prop::collection::vec((prop::bool::weighted(0.8), prop::bool::weighted(0.8), prop::bool::weighted(0.1)), 3);
    let caps = (0u32..4, 1u32..4, any::<bool>(), 1u32..4);
    let splits = prop::collection::vec(instants(), 0..12);
    let pauses = prop::collection::vec((instants(), 0i64..40, prop::option::of(0usize..8)), 0..3);
    let extra =
        (0u32..20, prop_oneof![Just(0i64), Just(10), Just(90)], prop_oneof![Just(0i64), Just(45)], prop::bool::weighted(0.3));
    let fails = (0u64..4, prop_oneof![Just(0i64), 0i64..900]);
    (events, reach, caps, splits, pauses, extra, around(), decisions(), fails).prop_map(
        |(events, reach, (all, line, quiet, news), mut splits, pauses, (unit, grace, spread, holdout), around, taken, fails)| {
            let scenarios = scenarios();
            let mut customer = customer(&format!("c{unit}"), &[Channel::Line, Channel::Email, Channel::Sms]);
            for (entry, (address, consent, suppressed)) in customer.reach.values_mut().zip(reach) {
                entry.has_address = address;
                entry.consents.insert(model::Purpose::Marketing, consent);
                entry.suppressed = suppressed.then(|| "blocked".into());
            }
            surround(&mut customer, around, &scenarios);
            let parcel = scenarios.iter().find(|scenario| scenario.scenario == "parcel").expect("a scenario");
            for (event, key, at, lag) in events {
                let listening: &[&str] = [&["cart"][..], &["browse", "again", "parcel"], &["thanks", "moving"]][event];
                let name = ["cart_updated", "viewed", "order_placed"][event];
                let (key, known_at) = (["k1", "k2"][key].to_string(), at + Duration::minutes(lag));
                for scenario in listening {
                    let keyed = ["cart", "browse", "parcel"].contains(scenario);
                    customer.triggers.push(Trigger {
                        scenario: scenario.to_string(),
                        entry_key: if keyed { key.clone() } else { "self".into() },
                        at,
                        known_at,
                        was_in_audience_before: false,
                        excluded_by: None,
                        context: serde_json::json!({ "key": key, "contract": "s1" }),
                    });
                }
                // Of the second cart, the conditions of exits and waits are true.
                let fulfils = if key == "k2" { vec![exit_key(parcel, 0), wait_key(parcel, "click")] } else { Vec::new() };
                let keys = [("cart_id".to_string(), key)].into();
                customer.happenings.push(Happening { name: name.into(), at, known_at, keys, fulfils: fulfils.into_iter().collect() });
            }
            let text = format!(
                "quiet = {{ enabled = {quiet} }}\n[[caps]]\nscope = \"all\"\nmax = {all}\nper = \"3d\"\n[[caps]]\nscope = \"line\"\nmax = {line}\nper = \"1d\"\n\
                 [[caps]]\nscope = \"tag:news\"\nmax = {news}\nper = \"week\"\n[[seasons]]\nname = \"early\"\nfirst = \"03-01\"\nlast = \"03-05\"\n"
            );
            let shop = model::Shop::parse("t", &text).expect("settings");
            let names: Vec<String> = scenarios.into_iter().map(|scenario| scenario.scenario).collect();
            let pauses = pauses.into_iter().map(|(from, hours, scenario)| Pause {
                scenario: scenario.map(|index| names[index].clone()),
                from,
                until: Some(from + Duration::hours(hours)),
            });
            splits.sort();
            Case {
                customer,
                rules: Rules {
                    spread: Duration::minutes(spread),
                    pauses: pauses.collect(),
                    holdout: holdout.then(|| model::Holdout { percent: 50.0, salt: "all".into() }),
                    ..Rules::of(&shop)
                },
                grace: Duration::minutes(grace),
                splits,
                taken,
                fails,
            }
        },
    )
}

fn window(case: &Case, from: Instant, to: Instant) -> Window {
    Window { run_id: "run".into(), from, to, grace: case.grace }
}

/// What a run at the end of a window could know.
fn known_by(customer: &Customer, window: &Window) -> Customer {
    let known = |at, known_at| window.seen_at(at, known_at) <= window.to;
    let mut customer = customer.clone();
    customer.triggers.retain(|trigger| known(trigger.at, trigger.known_at));
    customer.happenings.retain(|happening| known(happening.at, happening.known_at));
    customer.dates.retain(|date| known(date.at, date.known_at));
    customer.clicks.retain(|click| known(click.at, click.known_at));
    customer.absences.retain(|absence| absence.at <= window.to);
    customer.failures.retain(|failure| failure.seen() <= window.to);
    // The ledger does not count what has failed by now.
    for failure in &customer.failures {
        if let Some(place) = customer.past_sends.iter().position(|past| failure.is_of(past)) {
            customer.past_sends.remove(place);
        }
    }
    customer.failures.reverse();
    customer.erased_at = customer.erased_at.filter(|at| *at <= window.to);
    customer.dates.reverse(); // No order of the facts matters.
    customer.absences.reverse();
    customer.happenings.reverse();
    customer.triggers.reverse();
    customer.open.reverse();
    customer
}

/// Some of the sends that a window ending at `until` planned fail, once they have left; and who left the scenario since is told of.
fn fail(case: &Case, customer: &mut Customer, part: &Plan, parts: &Plan, until: Instant) {
    for exit in part.entries.iter().filter(|entry| entry.row.status == model::EntryStatus::Exited) {
        for failure in customer.failures.iter_mut().filter(|failure| failure.send.entry_id == exit.row.entry_id) {
            failure.left = Some((exit.at, exit.row.reason.clone().unwrap_or_default()));
        }
    }
    let (one_in, lag) = case.fails;
    let fails = |send: &&Dated<Send>| {
        let drawn = u64::from_str_radix(&send.row.send_id[..8], 16).expect("an id is hex");
        // One that is put off may be counted otherwise until it leaves.
        let is_at_once = send.at == send.row.due_at;
        one_in > 0 && is_at_once && send.row.state == model::SendState::Planned && drawn.is_multiple_of(one_in)
    };
    for send in part.sends.iter().filter(fails) {
        let left = send.at.max(until) + case.grace;
        customer.failures.push(failure(&send.row, &parts.entries, left + Duration::minutes(lag)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_windows_are_one_window(case in cases()) {
        let (from, to) = (start() - Duration::hours(1), start() + Duration::hours(HOURS + 200));
        let scenarios = scenarios();
        let mut parts = Plan::default();
        let mut customer = case.customer.clone();
        let ends = case.splits.iter().copied().chain([to]);
        let mut since = from;
        for until in ends {
            let window = window(&case, since, until);
            let known = known_by(&customer, &window);
            let part = plan_with_decisions(&known, &scenarios, &case.rules, &window, &case.taken);
            // Told before everything is known of the customer, and never too little.
            let bare = Customer { conditions: Conditions::default(), past_entries: Vec::new(), ..known };
            match stir(&bare, &scenarios, &case.rules, &window) {
                Stir::Nothing => prop_assert_eq!(&part, &Plan::default()),
                Stir::Leaves => {
                    let blind = plan_with_decisions(&bare, &scenarios, &case.rules, &window, &case.taken);
                    prop_assert_eq!(&part, &blind);
                }
                Stir::GoesOn => {}
            }
            customer = customer.after(&part, &scenarios);
            parts.add(part.clone());
            fail(&case, &mut customer, &part, &parts, until);
            since = until;
        }
        // What the providers said is as it was.
        let whole = Customer { failures: customer.failures, ..case.customer.clone() };
        let whole = plan_with_decisions(&whole, &scenarios, &case.rules, &window(&case, from, to), &case.taken);
        prop_assert_eq!(&parts, &whole);
    }

    #[test]
    fn what_is_planned_may_be_sent(case in cases()) {
        let (from, to) = (start() - Duration::hours(1), start() + Duration::hours(HOURS + 200));
        let plan = plan_with_decisions(&case.customer, &scenarios(), &case.rules, &window(&case, from, to), &case.taken);

        // At most one channel of a step; never within quiet hours unless nothing is quiet; every entry ends or waits after the
        // window.
        let mut steps: Vec<_> = plan.sends.iter().map(|send| (&send.row.entry_id, &send.row.step)).collect();
        steps.sort();
        let before = steps.len();
        steps.dedup();
        prop_assert_eq!(steps.len(), before);
        for send in &plan.sends {
            let hour = model::ShopZone::tokyo().local(send.at).format("%H").to_string();
            prop_assert!(!case.rules.quiet.enabled || ("08".."21").contains(&hour.as_str()), "sent at {}", send.at);
        }
        for send in &plan.sends {
            prop_assert!(case.rules.awake(&send.row.scenario, send.at) == send.at, "sent in a pause, at {}", send.at);
        }
        let open = case.customer.clone().after(&plan, &scenarios()).open;
        prop_assert!(open.iter().all(|open| open.due > to));
        // A cap holds at every planned send: no window of three days has more marketing sends than allowed.
        for ghost in [false, true] {
            let counted = |send: &&Dated<Send>| {
                (send.row.state == model::SendState::Ghost) == ghost && send.row.purpose == model::Purpose::Marketing
            };
            for last in plan.sends.iter().filter(counted) {
                let in_window = |send: &&Dated<Send>| send.at <= last.at && send.at > last.at - Duration::days(3);
                let sent = plan.sends.iter().filter(counted).filter(in_window).count();
                prop_assert!(sent <= case.rules.caps[0].max as usize);
            }
        }
    }
}
