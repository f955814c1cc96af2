//! The property replays rest on: any number of windows over a period, each given only what could be known by then and what the
//! ledger said after the one before, give the same rows as one window over the period.

use chrono::{Duration, TimeDelta};
use model::{Channel, Instant, Scenario};
use proptest::prelude::*;

use crate::automatic::{Action, Rule, Why};

use super::{
    examples::{at, customer, exit_on_order, scenario},
    *,
};

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
         [[step]]\nid = \"s\"\nsend = {{ try = [\"sms\", \"email\"], template = \"a\", on_cap = \"next_channel\" }}\n"
    );
    vec![
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
    /// What the test of subjects has decided.
    taken: Vec<Taken>,
}

fn decided(at: Instant, arm: Option<&str>) -> Taken {
    let action = match arm {
        Some(arm) => Action::SendRest { arm: arm.into() },
        None => Action::Wait { until: at + Duration::hours(5) },
    };
    let (rule, test) = (Rule::Rollout, "subject".to_string());
    Taken { id: String::new(), rule, test, version: String::new(), at, action, why: Why::NotDue }
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

fn cases() -> impl Strategy<Value = Case> {
    let lag = prop_oneof![3 => Just(0), 1 => Just(10), 1 => 0i64..60, 1 => 0i64..3000];
    let events = prop::collection::vec((0usize..3, 0usize..2, instants(), lag), 0..14);
    let reach = prop::collection::vec((prop::bool::weighted(0.8), prop::bool::weighted(0.8), prop::bool::weighted(0.1)), 3);
    let caps = (0u32..4, 1u32..4, any::<bool>());
    let splits = prop::collection::vec(instants(), 0..12);
    let extra = (0u32..20, any::<bool>(), prop_oneof![Just(0i64), Just(10), Just(90)], prop_oneof![Just(0i64), Just(45)]);
    let taken = (prop::collection::vec(instants(), 0..3), prop::option::of(instants()));
    let all = (events, reach, caps, splits, extra, taken);
    all.prop_map(|(events, reach, (all, line, quiet), mut splits, (unit, vip, grace, spread), (asked, won))| {
        let mut customer = customer(&format!("c{unit}"), &[Channel::Line, Channel::Email, Channel::Sms]);
        for (entry, (address, consent, suppressed)) in customer.reach.values_mut().zip(reach) {
            entry.has_address = address;
            entry.consents.insert(model::Purpose::Marketing, consent);
            entry.suppressed = suppressed.then(|| "blocked".into());
        }
        customer.conditions.insert(condition_key("cart", "split", 0), vip);
        for (event, key, at, lag) in events {
            let (name, scenario) = [("cart_updated", "cart"), ("viewed", "browse"), ("order_placed", "thanks")][event];
            let (key, known_at) = (["k1", "k2"][key].to_string(), at + Duration::minutes(lag));
            let mut triggers = |scenario: &str, entry_key: &str| {
                customer.triggers.push(Trigger {
                    scenario: scenario.into(),
                    entry_key: entry_key.into(),
                    at,
                    known_at,
                    was_in_audience_before: false,
                    context: serde_json::json!({ "key": key }),
                })
            };
            triggers(scenario, if scenario == "thanks" { "self" } else { &key });
            if scenario == "browse" {
                triggers("again", "self");
            }
            customer.happenings.push(Happening { name: name.into(), at, known_at, keys: [("cart_id".to_string(), key)].into() });
        }
        let text = format!(
            "quiet = {{ enabled = {quiet} }}\n[[caps]]\nscope = \"all\"\nmax = {all}\nper = \"3d\"\n[[caps]]\nscope = \"line\"\nmax = {line}\nper = \"1d\"\n"
        );
        let shop = model::Shop::parse("t", &text).expect("settings");
        splits.sort();
        Case {
            customer,
            rules: Rules { spread: Duration::minutes(spread), ..Rules::of(&shop) },
            grace: Duration::minutes(grace),
            splits,
            taken: asked.into_iter().map(|at| decided(at, None)).chain(won.map(|at| decided(at, Some("b")))).collect(),
        }
    })
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
    customer.happenings.reverse(); // No order of the facts matters.
    customer.triggers.reverse();
    customer.open.reverse();
    customer
}

fn add(sum: &mut Plan, plan: Plan) {
    sum.entries.extend(plan.entries);
    sum.sends.extend(plan.sends);
    sum.stops.extend(plan.stops);
    sum.exposures.extend(plan.exposures);
    sum.deferred += plan.deferred;
    sum.late_exits += plan.late_exits;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_windows_are_one_window(case in cases()) {
        let (from, to) = (start() - Duration::hours(1), start() + Duration::hours(HOURS + 200));
        let scenarios = scenarios();
        let whole = plan_with_decisions(&case.customer, &scenarios, &case.rules, &window(&case, from, to), &case.taken);

        let mut parts = Plan::default();
        let mut customer = case.customer.clone();
        let ends = case.splits.iter().copied().chain([to]);
        let mut since = from;
        for until in ends {
            let window = window(&case, since, until);
            let part = plan_with_decisions(&known_by(&customer, &window), &scenarios, &case.rules, &window, &case.taken);
            customer = customer.after(&part);
            add(&mut parts, part);
            since = until;
        }
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
        let open = case.customer.clone().after(&plan).open;
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
