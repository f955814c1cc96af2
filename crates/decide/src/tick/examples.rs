//! The worked examples of SEMANTICS §15 that a tick decides, by their numbers. Times are shop times in March 2026 (`01T10:00`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use model::{Channel, CustomerId, Instant, Purpose, Scenario, ShopZone};
use serde_json::json;

use super::*;

pub fn at(text: &str) -> Instant {
    let seconds = if text.len() == 8 { ":00" } else { "" };
    ShopZone::tokyo().instant(format!("2026-03-{text}{seconds}").parse().expect("a local time"))
}

pub fn shown_at(at: Instant) -> String {
    ShopZone::tokyo().local(at).format("%dT%H:%M").to_string()
}

pub fn reach(channels: &[Channel]) -> BTreeMap<Channel, Reach> {
    let reach = Reach { has_address: true, is_relay: false, consents: [(Purpose::Marketing, true)].into(), suppressed: None };
    channels.iter().map(|channel| (*channel, reach.clone())).collect()
}

pub fn customer(id: &str, channels: &[Channel]) -> Customer {
    Customer {
        id: CustomerId::stored(id),
        unit: id.into(),
        zone: None,
        reach: reach(channels),
        past_sends: Vec::new(),
        past_entries: Vec::new(),
        open: Vec::new(),
        failures: Vec::new(),
        triggers: Vec::new(),
        happenings: Vec::new(),
        conditions: Conditions::default(),
        absences: Vec::new(),
        dates: Vec::new(),
        clicks: Vec::new(),
        erased_at: None,
    }
}

impl Customer {
    /// An entry event that a scenario listens to.
    pub fn does(mut self, scenario: &str, event: &str, key: &str, when: &str) -> Self {
        self.triggers.push(Trigger {
            scenario: scenario.into(),
            entry_key: key.into(),
            at: at(when),
            known_at: at(when),
            was_in_audience_before: false,
            excluded_by: None,
            context: json!({"key": key}),
        });
        self.happens(event, key, when, when)
    }

    pub fn happens(mut self, event: &str, key: &str, when: &str, known: &str) -> Self {
        let keys = [("cart_id".to_string(), key.to_string())].into();
        self.happenings.push(Happening { name: event.into(), at: at(when), known_at: at(known), keys, fulfils: BTreeSet::new() });
        self
    }

    /// What the ledger would say after `plan`.
    pub fn after(mut self, plan: &Plan, scenarios: &[Scenario]) -> Self {
        for Dated { row, .. } in &plan.entries {
            self.open.retain(|open| open.entry_id != row.entry_id);
            self.open.extend(OpenEntry::of(row));
            let entered =
                PastEntry { scenario: row.scenario.clone(), entry_key: row.entry_key.clone(), entered_at: row.entered_at };
            if !self.past_entries.contains(&entered) {
                self.past_entries.push(entered);
            }
        }
        let step = |row: &Send| {
            let scenario = scenarios.iter().find(|scenario| scenario.scenario == row.scenario);
            scenario.and_then(|scenario| scenario.step(&row.step)?.send.as_ref()).expect("a step that sends")
        };
        self.past_sends.extend(plan.sends.iter().map(|Dated { row, .. }| PastSend {
            entry_id: row.entry_id.clone(),
            channel: row.channel,
            at: row.due_at,
            counts: step(row).counts_for_caps(),
            tags: step(row).tags.clone(),
            ghost: row.state == model::SendState::Ghost,
        }));
        self
    }
}

/// The provider's refusal of a planned send; `entries` are the rows of its entry up to now.
pub fn failure(send: &Send, entries: &[Dated<EntryStep>], when: Instant) -> Failure {
    let last = entries.iter().rfind(|entry| entry.row.entry_id == send.entry_id).expect("its entry");
    let has_left = last.row.status == model::EntryStatus::Exited;
    Failure {
        send: Send { state: model::SendState::Failed, ..send.clone() },
        step_due: send.due_at,
        at: when,
        entry_key: last.row.entry_key.clone(),
        entered_at: last.row.entered_at,
        left: has_left.then(|| (last.at, last.row.reason.clone().unwrap_or_default())),
    }
}

/// A scenario from its parts; title and goal are filled in.
pub fn scenario(id: &str, entry: &str, rest: &str) -> Scenario {
    let text = format!(
        "scenario = \"{id}\"\ntitle = {{ ja = \"{id}\", en = \"{id}\" }}\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n[entry]\n{entry}\n{rest}"
    );
    Scenario::parse(id, &text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn exit_on_order() -> &'static str {
    "[[exit]]\non = \"order_placed\"\n"
}

fn cart(entry: &str, last_steps: &str) -> Scenario {
    let steps = format!(
        "{}[[step]]\nid = \"wait3h\"\nwait = {{ for = \"3h\", since = \"last(cart_updated)\" }}\n\
         [[step]]\nid = \"remind\"\nsend = {{ try = [\"line\", \"email\", \"sms\"], template = \"cart_1\", valid_for = \"12h\" }}\n{last_steps}",
        exit_on_order()
    );
    scenario("cart", &format!("on = \"cart_updated\"\n{entry}"), &steps)
}

pub fn window(from: &str, to: &str) -> Window {
    Window { run_id: "run".into(), from: at(from), to: at(to), grace: Duration::minutes(10) }
}

pub fn rules() -> Rules {
    Rules::of(&model::Shop::default())
}

/// `entered wait3h 01T13:00 waiting`, one line per row of each kind.
pub fn shown(plan: &Plan) -> Vec<String> {
    let entries = plan.entries.iter().map(|Dated { at, row }| {
        let reason = row.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{} {} {} {}{reason}", shown_at(*at), row.status.name(), row.step, shown_at(row.due_at))
    });
    let sends = plan.sends.iter().map(|Dated { row, .. }| {
        format!("{} {} {} {} {}", shown_at(row.due_at), row.state.name(), row.step, row.channel, row.template)
    });
    let stops = plan.stops.iter().map(|Dated { at, row }| {
        format!("{} stop {} {} {}", shown_at(*at), row.step, row.channel.map_or("-", |channel| channel.name()), row.reason)
    });
    entries.chain(sends).chain(stops).collect()
}

#[test]
fn t1_a_debounced_cart_is_reminded_once() {
    let customer = customer("c1", &[Channel::Line]).does("cart", "cart_updated", "k1", "01T10:00").does(
        "cart",
        "cart_updated",
        "k1",
        "01T12:00",
    );
    let plan = plan(&customer, &[cart("key = \"cart_id\"", "")], &rules(), &window("01T00:00", "02T00:00"));
    assert_eq!(
        shown(&plan),
        [
            "01T10:00 waiting wait3h 01T13:00",
            "01T13:00 waiting wait3h 01T15:00",
            "01T15:00 finished remind 01T15:00",
            "01T15:00 planned remind line cart_1"
        ]
    );
}

#[test]
fn t3_a_late_exit_cannot_unsend_and_stops_the_rest() {
    let more = "[[step]]\nid = \"wait1d\"\nwait = { for = \"24h\" }\n[[step]]\nid = \"coupon\"\nsend = { try = [\"line\"], template = \"cart_2\" }\n";
    let check = |ordered: &str, known: &str, expect: &[&str], late: u32| {
        let customer = customer("c1", &[Channel::Line])
            .does("cart", "cart_updated", "k1", "01T10:00")
            .does("cart", "cart_updated", "k1", "01T12:00")
            .happens("order_placed", "", ordered, known);
        let window = window("01T00:00", "03T00:00");
        let plan = plan(&customer, &[cart("key = \"cart_id\"", more)], &rules(), &window);
        assert_eq!(
            (&shown(&plan)[2..], plan.late_exits),
            (&expect.iter().map(|line| line.to_string()).collect::<Vec<_>>()[..], late)
        );
        let executed: Vec<String> = plan.sends.iter().map(|send| shown_at(window.executed_at(send.row.due_at))).collect();
        assert!(executed.is_empty() || executed == ["01T15:10"], "{executed:?}");
    };
    let sent =
        ["01T15:00 waiting wait1d 02T15:00", "01T15:10 exited wait1d 01T15:10 goal", "01T15:00 planned remind line cart_1"];
    check("01T14:58", "01T15:20", &sent, 1);
    // Known within the grace, or at the very instant of the send: the exit wins.
    check("01T14:58", "01T15:08", &["01T14:58 exited wait3h 01T14:58 goal"], 0);
    check("01T15:00", "01T15:10", &["01T15:00 exited wait3h 01T15:00 goal"], 0);
    // After the send it is an exit like any other.
    let after =
        ["01T15:00 waiting wait1d 02T15:00", "01T15:01 exited wait1d 01T15:01 goal", "01T15:00 planned remind line cart_1"];
    check("01T15:01", "01T15:01", &after, 0);
}

#[test]
fn t6_rematch_needs_a_night_outside() {
    let segment = scenario(
        "dormant",
        "segment = \"dormant\"\nreentry = { rule = \"rematch\" }",
        "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"hello\"\nsend = { try = [\"line\"], template = \"t\" }\n",
    );
    let mut customer = customer("c1", &[Channel::Line]);
    let mut before = false;
    for (night, is_in) in [(1, true), (2, true), (3, false), (4, true)] {
        if is_in {
            customer = customer.does("dormant", "-", &format!("2026-03-0{night}"), &format!("0{night}T09:00"));
            customer.triggers.last_mut().expect("a trigger").was_in_audience_before = before;
        }
        before = is_in;
    }
    let plan = plan(&customer, &[segment], &rules(), &window("01T00:00", "05T00:00"));
    let keys: Vec<&str> = plan.entries.iter().map(|entry| entry.row.entry_key.as_str()).collect();
    assert_eq!(keys, ["2026-03-01", "2026-03-04"]);
}

#[test]
fn t7_two_carts_of_one_subject() {
    let check = |concurrency: &str, expect: usize| {
        let customer = customer("c1", &[Channel::Line]).does("cart", "cart_updated", "k1", "01T10:00").does(
            "cart",
            "cart_updated",
            "k2",
            "01T10:30",
        );
        let scenario = cart(&format!("key = \"cart_id\"\nconcurrency = \"{concurrency}\""), "");
        let plan = plan(&customer, &[scenario], &rules(), &window("01T00:00", "02T00:00"));
        let entered: std::collections::BTreeSet<&str> = plan.entries.iter().map(|entry| entry.row.entry_key.as_str()).collect();
        assert_eq!(entered.len(), expect, "{concurrency}");
    };
    check("one_per_key", 2);
    check("one_per_subject", 1);
    check("unlimited", 2);
}

#[test]
fn t8_a_cap_is_a_rolling_window() {
    let shop = model::Shop::parse("t", "quiet = { enabled = false }\n[[caps]]\nscope = \"all\"\nmax = 2\nper = \"7d\"\n")
        .expect("settings");
    let now = scenario(
        "now",
        "on = \"call\"\nkey = \"cart_id\"",
        &format!("{}[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\" }}\n", exit_on_order()),
    );
    // Monday and Thursday at 10:00, then Sunday 09:59 and Monday 10:00.
    let customer = customer("c1", &[Channel::Line])
        .does("now", "call", "1", "02T10:00")
        .does("now", "call", "2", "05T10:00")
        .does("now", "call", "3", "08T09:59")
        .does("now", "call", "4", "09T10:00");
    let plan = plan(&customer, &[now], &Rules::of(&shop), &window("01T00:00", "10T00:00"));
    let of_sends: Vec<String> = shown(&plan).into_iter().filter(|line| !line.contains("finished")).collect();
    assert_eq!(
        of_sends,
        [
            "02T10:00 planned s line t",
            "05T10:00 planned s line t",
            "09T10:00 planned s line t",
            "08T09:59 stop s line cap",
            "08T09:59 stop s - cap"
        ]
    );
}

#[test]
fn t10_quiet_hours_defer_to_the_morning() {
    let now = scenario(
        "now",
        "on = \"call\"",
        &format!("{}[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\" }}\n", exit_on_order()),
    );
    let check = |due: &str, sent: &str, deferred: u32| {
        let customer = customer("c1", &[Channel::Line]).does("now", "call", "c1", due);
        let plan = plan(&customer, std::slice::from_ref(&now), &rules(), &window("01T00:00", "03T00:00"));
        assert_eq!((plan.sends.len(), plan.sends[0].row.due_at, plan.deferred), (1, at(sent), deferred), "{due}");
        assert!(plan.stops.is_empty());
    };
    check("01T20:59:59", "01T20:59:59", 0);
    check("01T21:00:00", "02T08:00:00", 1);
    check("02T07:59:59", "02T08:00:00", 1);
    check("02T08:00:00", "02T08:00:00", 0);
}

#[test]
fn t13_t14_t15_t16_one_channel_and_a_reason_for_each_other() {
    let check = |purpose: &str, blocked: bool, sms: bool, expect: &[&str]| {
        let body = format!(
            "[[exit]]\non = \"order_placed\"\n[[step]]\nid = \"s\"\nsend = {{ purpose = \"{purpose}\", try = [\"line\", \"sms\"], template = \"t\" }}\n"
        );
        let mut customer = customer("c1", &[Channel::Line, Channel::Sms]).does("now", "call", "c1", "01T10:00");
        customer.reach.get_mut(&Channel::Line).expect("reach").suppressed = blocked.then(|| "blocked".into());
        customer.reach.get_mut(&Channel::Sms).expect("reach").consents = [(Purpose::Marketing, sms)].into();
        let plan = plan(&customer, &[scenario("now", "on = \"call\"", &body)], &rules(), &window("01T00:00", "03T00:00"));
        assert_eq!(shown(&plan)[1..], expect.iter().map(|line| line.to_string()).collect::<Vec<_>>()[..]);
    };
    check("marketing", false, true, &["01T10:00 planned s line t"]); // T13, T16
    check("marketing", true, true, &["01T10:00 planned s sms t", "01T10:00 stop s line line_blocked"]);
    check(
        "marketing",
        true,
        false,
        &["01T10:00 stop s line line_blocked", "01T10:00 stop s sms no_consent", "01T10:00 stop s - line_blocked"],
    );
    check("transactional", true, false, &["01T10:00 planned s sms t", "01T10:00 stop s line line_blocked"]);
}

#[test]
fn t37_a_replay() {
    let adds = |id: &str, channels: &[Channel], when: &str| customer(id, channels).does("cart", "cart_updated", "k", when);
    let all = [Channel::Line, Channel::Email];
    let customers = [
        adds("c1", &all, "01T10:00").happens("order_placed", "", "01T12:00", "01T12:00"),
        adds("c2", &all, "01T10:00").happens("order_placed", "", "02T09:00", "02T09:00"),
        adds("c3", &all, "01T20:00").happens("order_placed", "", "02T07:30", "02T07:30"),
        adds("c4", &[Channel::Email], "01T11:00"),
    ];
    let scenario = cart("key = \"cart_id\"", "");
    let plans = customers
        .each_ref()
        .map(|customer| plan(customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "03T00:00")));
    assert_eq!(
        plans.each_ref().map(|plan| shown(plan).join("\n")),
        [
            "01T10:00 waiting wait3h 01T13:00\n01T12:00 exited wait3h 01T12:00 goal",
            "01T10:00 waiting wait3h 01T13:00\n01T13:00 finished remind 01T13:00\n01T13:00 planned remind line cart_1",
            "01T20:00 waiting wait3h 01T23:00\n01T23:00 waiting remind 02T08:00 quiet since 2026-03-01T14:00:00.000000Z\n02T07:30 exited remind 02T07:30 goal",
            "01T11:00 waiting wait3h 01T14:00\n01T14:00 finished remind 01T14:00\n01T14:00 planned remind email cart_1\n01T14:00 stop remind line no_address",
        ]
    );
    let count = |of: fn(&Plan) -> usize| plans.iter().map(of).sum::<usize>();
    let entered: std::collections::BTreeSet<&str> =
        plans.iter().flat_map(|plan| &plan.entries).map(|entry| entry.row.entry_id.as_str()).collect();
    let exited = |plan: &Plan| plan.entries.iter().filter(|entry| entry.row.status == model::EntryStatus::Exited).count();
    assert_eq!((entered.len(), count(exited), count(|plan| plan.sends.len())), (4, 2, 2));
    let bought_anyway = plans.iter().zip(&customers).filter(|(plan, customer)| {
        let within = |sent: Instant, at: Instant| at > sent && at <= sent + Duration::hours(24);
        plan.sends
            .iter()
            .any(|send| customer.happenings.iter().any(|event| event.name == "order_placed" && within(send.at, event.at)))
    });
    assert_eq!(bought_anyway.count(), 1);
}

#[test]
fn held_out_people_walk_the_same_steps() {
    let steps = format!(
        "[holdout]\npercent = 50\nsalt = \"h\"\n{}[[step]]\nid = \"s\"\n[step.send]\ntry = [\"email\", \"line\"]\ntemplate = \"t\"\n\
         [step.send.experiment]\nname = \"subject\"\nsalt = \"x\"\n[[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n\
         [[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\ntemplate = \"t2\"\n",
        exit_on_order()
    );
    let scenario = scenario("now", "on = \"call\"", &steps);
    let plans: Vec<Plan> = (1..=40)
        .map(|n| {
            let customer = customer(&format!("c{n}"), &[Channel::Line]).does("now", "call", "c", "01T10:00");
            plan(&customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "03T00:00"))
        })
        .collect();
    let mut ghosts = 0;
    for plan in &plans {
        let (send, entry) = (&plan.sends[0].row, &plan.entries[0].row);
        let ghost = send.state == model::SendState::Ghost;
        ghosts += usize::from(ghost);
        assert_eq!((send.channel, entry.held_out, plan.exposures.len()), (Channel::Line, ghost, usize::from(!ghost)));
        assert_eq!(send.cost.to_string(), if ghost { "0" } else { "3" });
        assert_eq!(send.template, if send.arm.as_deref() == Some("b") { "t2" } else { "t" });
        assert_eq!(plan.stops.iter().map(|stop| stop.row.reason.as_str()).collect::<Vec<_>>(), ["no_address"]);
    }
    assert!((8..=32).contains(&ghosts), "{ghosts} of 40");
}

#[test]
fn the_rest_of_a_roll_out_waits_for_the_winner() {
    use crate::automatic::{Action, Rule, Taken, Why};
    let steps = |valid: &str| {
        format!(
            "{}[[step]]\nid = \"s\"\n[step.send]\ntry = [\"line\"]\ntemplate = \"t\"\n{valid}[step.send.experiment]\nname = \"subject\"\n\
             salt = \"x\"\nrollout = {{ share = 0.3, wait = \"4h\" }}\n[[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\n\
             [[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\ntemplate = \"t2\"\n",
            exit_on_order()
        )
    };
    let decided = |hour: &str, action: Action| Taken {
        id: String::new(),
        rule: Rule::Rollout,
        test: "subject".into(),
        version: String::new(),
        at: at(hour),
        action,
        why: Why::NotDue,
    };
    let won = decided("01T15:30", Action::SendRest { arm: "b".into() });
    let waits = decided("01T10:30", Action::Wait { until: at("01T15:00") });
    // Sends in the test, to the rest, and those that wait or expired; and when the rest was sent to.
    let check = |valid: &str, taken: &[Taken], expect: (bool, &[&str])| {
        let scenario = scenario("now", "on = \"call\"", &steps(valid));
        let (mut tested, mut rest) = (0, Vec::new());
        for n in 1..=60 {
            let customer = customer(&format!("c{n}"), &[Channel::Line]).does("now", "call", "c", "01T10:00");
            let window = window("01T00:00", "01T16:30");
            let plan = plan_with_decisions(&customer, std::slice::from_ref(&scenario), &rules(), &window, taken);
            match plan.exposures.len() {
                1 => {
                    tested += 1;
                    assert_eq!(shown_at(plan.sends[0].at), "01T10:00");
                    assert_eq!(plan.sends[0].row.arm, Some(plan.exposures[0].row.arm.clone()));
                }
                _ => rest.push(plan),
            }
        }
        assert!((10..28).contains(&tested), "{tested} of 60 are the test");
        for plan in &rest {
            let last = plan.sends.last().map(|send| (send.row.template.as_str(), send.row.arm.clone()));
            assert_eq!(last, expect.0.then_some(("t2", None)), "the winner's words, and no part of the test");
            assert_eq!(shown(plan), expect.1);
        }
    };
    check(
        "",
        &[],
        (
            false,
            &[
                "01T10:00 waiting s 01T14:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T14:00 waiting s 01T15:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T15:00 waiting s 01T16:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T16:00 waiting s 01T17:00 rollout since 2026-03-01T01:00:00.000000Z",
            ],
        ),
    );
    check(
        "",
        &[won.clone(), waits],
        (
            true,
            &[
                "01T10:00 waiting s 01T14:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T14:00 waiting s 01T15:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T15:00 waiting s 01T16:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T16:00 finished s 01T16:00",
                "01T16:00 planned s line t2",
            ],
        ),
    );
    check(
        "valid_for = \"5h\"\n",
        &[won],
        (
            false,
            &[
                "01T10:00 waiting s 01T14:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T14:00 waiting s 01T15:00 rollout since 2026-03-01T01:00:00.000000Z",
                "01T15:00 finished s 01T15:00",
                "01T15:00 stop s - expired",
            ],
        ),
    );
}

#[test]
fn several_due_at_once_go_by_priority_and_the_cap_takes_the_rest() {
    let one = |id: &str, priority: i32, valid: &str| {
        let text = format!(
            "scenario = \"{id}\"\npriority = {priority}\ntitle = {{ ja = \"x\", en = \"x\" }}\n[goal]\non = \"order_placed\"\nwithin = \"5d\"\n\
             [entry]\non = \"call\"\n{}[[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"{id}\"{valid} }}\n",
            exit_on_order()
        );
        Scenario::parse(id, &text).expect("a scenario")
    };
    let scenarios = [
        one("d", 0, ""),
        one("b", 0, ", valid_for = \"2h\""),
        one("a", 0, ", valid_for = \"3h\""),
        one("c", 5, ""),
        one("e", 0, ""),
    ];
    let mut customer = customer("c1", &[Channel::Line]);
    for scenario in &scenarios {
        customer = customer.does(&scenario.scenario, "call", "c1", "01T10:00");
    }
    let plan = plan(&customer, &scenarios, &rules(), &window("01T00:00", "02T00:00"));
    let sent: Vec<&str> = plan.sends.iter().map(|send| send.row.template.as_str()).collect();
    let stopped: Vec<&str> =
        plan.stops.iter().filter(|stop| stop.row.channel.is_none()).map(|stop| stop.row.scenario.as_str()).collect();
    assert_eq!((sent, stopped), (vec!["c", "b", "a"], vec!["d", "e"]));
}

#[test]
fn branches_keys_consent_pauses_and_versions() {
    let split = format!(
        "{}match = \"key\"\n[[exit]]\nleave = \"consent\"\n[[step]]\nid = \"wait\"\nwait = {{ until = \"10:00\" }}\n\
         [[step]]\nid = \"split\"\nbranch = [{{ when = \"vip\", to = \"vip\" }}, {{ else = \"plain\" }}]\n\
         [[step]]\nid = \"plain\"\nsend = {{ try = [\"line\"], template = \"plain\", valid_for = \"6h\" }}\nnext = \"end\"\n\
         [[step]]\nid = \"vip\"\nsend = {{ try = [\"line\"], template = \"vip\" }}\n",
        exit_on_order()
    );
    let scenario = scenario("s", "on = \"cart_updated\"\nkey = \"cart_id\"", &split);
    let base = || customer("c1", &[Channel::Line]).does("s", "cart_updated", "k1", "01T12:00");
    let check = |customer: Customer, scenarios: &[Scenario], expect: &[&str]| {
        let plan = plan(&customer, scenarios, &rules(), &window("01T00:00", "03T00:00"));
        assert_eq!(shown(&plan), expect);
        plan
    };
    let waits = "01T12:00 waiting wait 02T10:00";
    let one = std::slice::from_ref(&scenario);

    check(base(), one, &[waits, "02T10:00 finished plain 02T10:00", "02T10:00 planned plain line plain"]);
    let mut vip = base();
    vip.conditions.note(branch_key(&scenario, "split", 0), at("01T00:00"), true);
    check(vip, one, &[waits, "02T10:00 finished vip 02T10:00", "02T10:00 planned vip line vip"]);

    check(base().happens("order_placed", "k1", "01T13:00", "01T13:00"), one, &[waits, "01T13:00 exited wait 01T13:00 goal"]);
    let other = base().happens("order_placed", "k2", "01T13:00", "01T13:00");
    check(other, one, &[waits, "02T10:00 finished plain 02T10:00", "02T10:00 planned plain line plain"]);

    let mut revoked = base();
    revoked.reach.get_mut(&Channel::Line).expect("reach").consents.clear();
    check(revoked, one, &["01T12:00 exited wait 01T12:00 consent"]);

    // An entry that was open when its scenario was paused: taken up again while still valid, dropped when not.
    let entered = plan(&base(), one, &rules(), &window("01T00:00", "01T20:00"));
    let open = || base().after(&entered, one);
    let paused = Scenario { enabled: false, ..scenario.clone() };
    check(open(), std::slice::from_ref(&paused), &[]);
    let resumed = |from: &str, expect: &[&str]| {
        let plan = plan(&open(), one, &rules(), &window(from, "05T00:00"));
        assert_eq!(shown(&plan), expect);
    };
    resumed("02T16:00", &["02T16:00 finished plain 02T16:00", "02T16:00 stop plain - expired"]);
    resumed("02T15:59", &["02T15:59 finished plain 02T15:59", "02T15:59 planned plain line plain"]);

    let changed = Scenario { version: "changed".into(), ..scenario.clone() };
    check(open(), std::slice::from_ref(&changed), &["01T00:00 exited wait 01T00:00 version_stopped"]);
    let both = [scenario.clone(), changed];
    check(open(), &both, &["02T10:00 finished plain 02T10:00", "02T10:00 planned plain line plain"]);
    check(open(), &[], &[]);
}

#[test]
fn a_loop_whose_waits_are_over_ends() {
    let looping = scenario(
        "s",
        "on = \"call\"",
        &format!(
            "{}[[step]]\nid = \"a\"\nwait = {{ for = \"0h\" }}\n[[step]]\nid = \"b\"\nsend = {{ try = [\"line\"], template = \"t\" }}\nnext = \"a\"\n",
            exit_on_order()
        ),
    );
    let plan = plan(
        &customer("c1", &[Channel::Line]).does("s", "call", "c1", "01T10:00"),
        &[looping],
        &rules(),
        &window("01T00:00", "03T00:00"),
    );
    assert_eq!(plan.entries.last().and_then(|entry| entry.row.reason.as_deref()), Some("loop"));
}

#[test]
fn t19_keys_of_entries_and_sends() {
    let steps =
        format!("{}[[step]]\nid = \"remind\"\nsend = {{ try = [\"line\", \"sms\"], template = \"t\" }}\n", exit_on_order());
    let scenario = scenario("cart-recovery", "on = \"cart_updated\"\nkey = \"cart_id\"", &steps);
    let check = |channel: Channel, send_id: &str| {
        let customer = customer("c-0001", &[channel]).does("cart-recovery", "cart_updated", "cart-77", "01T10:00");
        let plan = plan(&customer, std::slice::from_ref(&scenario), &rules(), &window("01T00:00", "02T00:00"));
        assert_eq!(plan.entries[0].row.entry_id, "a3bc0efc72e1984d8595db30ff285a86");
        assert_eq!(plan.sends[0].row.send_id, send_id);
    };
    check(Channel::Line, "f6a986968992ca7a7e39220fb9cd6397");
    check(Channel::Sms, "6d4845a9db0bcac7ff5599b28f1c48b8");
}

#[test]
fn t20_t21_the_shops_holdout_is_an_arm_of_its_own() {
    let steps = format!(
        "{}[[step]]\nid = \"way\"\n[step.split]\nname = \"exp-cart\"\nsalt = \"exp-cart-01\"\n\
         [[step.split.arm]]\nid = \"a\"\nweight = 0.5\nto = \"s\"\n[[step.split.arm]]\nid = \"b\"\nweight = 0.5\nto = \"end\"\n\
         [[step]]\nid = \"s\"\nsend = {{ try = [\"line\"], template = \"t\" }}\n",
        exit_on_order()
    );
    let scenario = scenario("now", "on = \"call\"", &steps);
    let rules = Rules { holdout: Some(model::Holdout { percent: 5.0, salt: "global-2026q1".into() }), ..rules() };
    let mut whole = Plan::default();
    for n in 1..=1000 {
        let customer = customer(&format!("c-{n:04}"), &[Channel::Line]).does("now", "call", "c", "01T10:00");
        whole.add(plan(&customer, std::slice::from_ref(&scenario), &rules, &window("01T00:00", "02T00:00")));
    }
    let exposed = |experiment: &str, arm: &str| {
        let rows = whole.exposures.iter().filter(|exposure| exposure.row.experiment == experiment);
        rows.filter(|exposure| exposure.row.arm == arm).count()
    };
    let kept_out = whole.entries.iter().filter(|entry| entry.row.reason.as_deref() == Some("global_holdout")).count();
    assert_eq!((kept_out, exposed("global-2026q1", "holdout"), exposed("global-2026q1", "treated")), (54, 54, 946));
    // 502 of the thousand are of arm a; 21 of them are kept out, and so never met it.
    assert_eq!((exposed("exp-cart", "a"), exposed("exp-cart", "b")), (502 - 21, 1000 - 502 - (54 - 21)));
    assert_eq!(whole.sends.len(), 502 - 21);
}
