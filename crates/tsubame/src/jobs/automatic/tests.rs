//! Shops with planted outcomes: the winner goes to the rest, a test that harms ends, a better message is sent to more; and a second look
//! changes nothing.

use chrono::TimeDelta;
use decide::automatic::{
    Action, Why,
    rollout::{Part, part},
};
use model::{Channel, Exposure, Money, Order, Purpose, Send, SendState};

use super::*;
use crate::{
    analysis,
    jobs::{
        due,
        made::{self, customer, open, opt_in, shop, signed_up},
    },
    workspace::{Stops, deep},
};

/// A time of 1 July 2026 and of the days around it, in the shop's zone.
fn at(day: i64, time: &str) -> Instant {
    made::at(time) + TimeDelta::days(day - 1)
}

/// Whoever signs up is greeted, by one of two messages.
fn greeting(rule: &str) -> String {
    format!(
        "scenario = \"welcome\"\ntitle = {{ ja = \"歓迎\", en = \"Welcome\" }}\n[entry]\non = \"signed_up\"\n[[exit]]\non = \"order_placed\"\n\
         [goal]\non = \"order_placed\"\nwithin = \"3d\"\n[[step]]\nid = \"hello\"\n[step.send]\ntry = [\"email\"]\ntemplate = \"a\"\n\
         valid_for = \"24h\"\n[step.send.experiment]\nname = \"subject\"\nsalt = \"s\"\n{rule}\n\
         [[step.send.experiment.arm]]\nid = \"a\"\nweight = 0.5\ntemplate = \"a\"\n\
         [[step.send.experiment.arm]]\nid = \"b\"\nweight = 0.5\ntemplate = \"b\"\n"
    )
}

fn order(index: usize, yen: i64, at: Instant) -> Fact {
    let yen = Money::whole(yen).unwrap();
    let order = Order { customer_id: Some(customer(index)), gross: yen, net: yen, ..Order::new("made", format!("o{index}"), at) };
    Fact::new(&order, at, at)
}

fn exposure(experiment: &str, version: &str, index: usize, arm: &str, send_id: Option<String>, at: Instant) -> Fact {
    let exposure = Exposure {
        experiment: experiment.into(),
        version: version.into(),
        unit: customer(index).to_string(),
        customer_id: Some(customer(index)),
        arm: arm.into(),
        scenario: None,
        step: None,
        send_id,
        source: "made".into(),
    };
    Fact::new(&exposure, at, at)
}

/// A message that went out ten minutes after it was due, and that somebody met an arm by it.
fn met(index: usize, arm: &str, due_at: Instant) -> [Fact; 2] {
    let send = Send {
        send_id: format!("s{index}"),
        run_id: "run".into(),
        entry_id: format!("entry-{index}"),
        scenario: "welcome".into(),
        scenario_version: "v".into(),
        step: "hello".into(),
        customer_id: customer(index),
        channel: Channel::Email,
        purpose: Purpose::Marketing,
        template: arm.into(),
        arm: Some(arm.into()),
        state: SendState::Accepted,
        due_at,
        cost: Money::ZERO,
        provider_id: None,
        detail: None,
    };
    let at = due_at + TimeDelta::minutes(10);
    [Fact::new(&send, at, at), exposure("subject", "v", index, arm, Some(send.send_id.clone()), at)]
}

async fn plant(workspace: &Workspace, facts: Vec<Fact>) {
    workspace.state.journal().append(facts, workspace.now()).await.unwrap();
}

async fn recorded(workspace: &Workspace) -> Vec<Taken> {
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
    decided(&desk, "").await.unwrap()
}

/// Rows of an SQL text, as text.
async fn ask(workspace: &Workspace, sql: &str) -> Vec<String> {
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
    let answer = desk.ask_sql(sql).await.unwrap();
    answer.rows.iter().map(|row| row.iter().map(|value| value.plain()).collect::<Vec<_>>().join(",")).collect()
}

async fn tick(workspace: &Workspace, time: &str) -> due::Report {
    workspace.clock.set(at(1, time));
    let mut report = due::Report::default();
    due::scenarios(workspace, at(1, time), &mut report).await.unwrap();
    report
}

#[test]
fn the_winner_goes_to_the_rest() {
    deep(async {
        let scenario = greeting("rollout = { share = 0.5, wait = \"2h\" }");
        let (_folder, workspace) = shop(|own| own.into(), &[("scenarios/welcome.toml", scenario.as_str())], at(1, "09:00")).await;
        opt_in(&workspace, 400, at(1, "09:00")).await;
        tick(&workspace, "10:00").await;
        plant(&workspace, (0..400).map(|index| signed_up(index, at(1, "09:55"))).collect()).await;
        let first = tick(&workspace, "10:10").await;
        let test = workspace.files.scenarios[0].steps[0].send.clone().unwrap().experiment.unwrap();
        let rollout = test.rollout.clone().unwrap();
        let arm_of = |index: usize| match part(&test, &rollout, customer(index).as_str()) {
            Part::Test(arm) => Some(arm.id.clone()),
            Part::Rest => None,
        };
        let tested = (0..400).filter(|index| arm_of(*index).is_some()).count() as u64;
        assert_eq!((first.planned, first.accepted), (tested, tested));
        // B sells to every second, A to every tenth.
        let buys = |index: &usize| match arm_of(*index).as_deref() {
            Some("a") => index.is_multiple_of(10),
            Some(_) => index.is_multiple_of(2),
            None => false,
        };
        plant(&workspace, (0..400).filter(buys).map(|index| order(index, 3_000, at(1, "11:00"))).collect()).await;

        tick(&workspace, "10:30").await;
        let waiting = recorded(&workspace).await;
        let [Taken { action: Action::Wait { until }, .. }] = waiting.as_slice() else { panic!("{waiting:?}") };
        // The last of the test was sent at 10:10.
        assert_eq!(*until, at(1, "12:10"));
        let early = tick(&workspace, "12:00").await;
        assert_eq!((early.planned, recorded(&workspace).await.len()), (0, 1));

        let last = tick(&workspace, "12:30").await;
        assert_eq!(last.planned, 400 - tested);
        let known = recorded(&workspace).await;
        let [_, Taken { at: decided_at, action, why: Why::Won { arm, by }, .. }] = known.as_slice() else { panic!("{known:?}") };
        assert_eq!((*decided_at, action, arm.as_str()), (at(1, "12:10"), &Action::SendRest { arm: "b".into() }, "b"));
        assert_eq!(by.arms.iter().map(|arm| arm.units).sum::<u64>(), tested);
        let sent = "SELECT template, arm IS NULL AS rest, state, count(*) AS sends FROM sends GROUP BY template, arm IS NULL, state \
                    ORDER BY rest, template";
        let sent = ask(&workspace, sent).await;
        assert_eq!(sent[2..], [format!("b,true,accepted,{}", 400 - tested)], "{sent:?}");
        // The rest is no part of the test.
        assert_eq!(ask(&workspace, "SELECT count(*) AS met FROM exposures").await, [tested.to_string()]);

        roll_outs(&workspace, at(1, "12:00"), at(1, "12:20")).await.unwrap();
        let again = tick(&workspace, "14:00").await;
        assert_eq!((again.planned, recorded(&workspace).await), (0, known));
    });
}

const BUTTON: &str = "experiment = \"button\"\ntitle = { ja = \"ボタン\", en = \"Button\" }\nstatus = \"running\"\nunit = \"customer\"\n\
    start = 2026-06-01T00:00:00+09:00\ngoal = { metric = \"metrics/conversion\" }\n[[arm]]\nid = \"a\"\nweight = 0.5\n\
    [[arm]]\nid = \"b\"\nweight = 0.5\n[[guardrail]]\nmetric = \"metrics/net_revenue\"\nmargin = 0.02\nstop_at_harm = true\n";

#[test]
fn a_test_that_harms_ends() {
    deep(async {
        let night_of = |day| at(day, "03:00");
        let (folder, workspace) = shop(|own| own.into(), &[("experiments/button.toml", BUTTON)], at(1, "04:00")).await;
        let version = workspace.files.experiments[0].version.clone();
        let met = at(1, "12:00") - TimeDelta::days(25);
        let mut facts = Vec::new();
        for index in 0..600 {
            let (arm, yen) = if index % 2 == 0 { ("a", 3_000) } else { ("b", 1_000) };
            facts.push(exposure("button", &version, index, arm, None, met));
            if index % 7 != 0 {
                facts.push(order(index, yen + 100 * (index as i64 % 5), met + TimeDelta::days(1)));
            }
        }
        plant(&workspace, facts).await;
        // Nobody was followed to the end yet.
        night(&workspace, night_of(-15)).await.unwrap();
        night(&workspace, night_of(-14)).await.unwrap();
        let kept = recorded(&workspace).await;
        let [Taken { action: Action::Keep, why: Why::TooFew { .. }, .. }] = kept.as_slice() else { panic!("{kept:?}") };
        assert!(workspace.stops.borrow().is_empty());

        night(&workspace, night_of(1)).await.unwrap();
        let known = recorded(&workspace).await;
        let [_, Taken { rule: Rule::StopAtHarm, action: Action::Stop, why: Why::Harm(harm), .. }] = known.as_slice() else {
            panic!("{known:?}")
        };
        assert_eq!((harm.metric.as_str(), harm.arm.as_str(), harm.units), ("metrics/net_revenue", "b", [300, 300]));
        assert!(harm.high < 0.0 && harm.p < harm.level, "{harm:?}");
        let stops = workspace.stops.borrow().clone();
        assert_eq!(stops, Stops::from([("button".to_string(), version)]));

        // The same night, and the next one.
        night(&workspace, night_of(1)).await.unwrap();
        workspace.clock.set(at(2, "04:00"));
        night(&workspace, night_of(2)).await.unwrap();
        assert_eq!(recorded(&workspace).await, known);

        let desk = workspace.desk(workspace.now(), Mode::AsKnown).await.unwrap();
        let report = analysis::report(&desk, &workspace.files.experiments[0]).await.unwrap();
        let stopped = report.stopped.expect("the read-out says so");
        assert!(stopped.at == night_of(1) && stopped.why.en.contains("b harms the guardrail metrics/net_revenue"), "{stopped:?}");

        // A program that starts later knows it.
        workspace.state.close().await;
        drop(workspace);
        let later = open(folder.path(), at(3, "09:00")).await;
        remember_stops(&later).await.unwrap();
        assert_eq!(*later.stops.borrow(), stops);
        // What a person changed is another test.
        std::fs::write(folder.path().join("experiments/button.toml"), BUTTON.replace("0.02", "0.03")).unwrap();
        night(&later, night_of(3)).await.unwrap();
        assert_eq!(recorded(&later).await.iter().filter(|taken| decided::stops(taken)).count(), 2);
    });
}

#[test]
fn the_better_message_is_sent_to_more() {
    deep(async {
        let scenario = greeting("bandit = { every = \"1d\" }");
        let (_folder, workspace) = shop(|own| own.into(), &[("scenarios/welcome.toml", scenario.as_str())], at(1, "04:00")).await;
        // 200 a day for 8 days: every fifth buys after A, two of five after B. Those of the last three days are still followed.
        let mut facts = Vec::new();
        for index in 0..1_600 {
            let due_at = at(1, "12:00") - TimeDelta::days(1 + (index / 200) as i64);
            let (arm, of_five) = if index % 2 == 0 { ("a", 1) } else { ("b", 2) };
            facts.extend(met(index, arm, due_at));
            if index / 2 % 5 < of_five {
                facts.push(order(index, 3_000, due_at + TimeDelta::hours(1)));
            }
        }
        plant(&workspace, facts).await;
        night(&workspace, at(1, "03:00")).await.unwrap();
        night(&workspace, at(1, "03:00")).await.unwrap();
        let known = recorded(&workspace).await;
        let [Taken { at: weighed_at, action: Action::Weigh { weights }, why: Why::Learned { arms }, .. }] = known.as_slice()
        else {
            panic!("{known:?}")
        };
        assert_eq!((*weighed_at, weights[1].arm.as_str(), arms[0].units, arms[1].units), (at(1, "03:00"), "b", 500, 500));
        assert!(weights[1].weight > 0.9 && (arms[0].mean - 0.2).abs() < 1e-9 && (arms[1].mean - 0.4).abs() < 1e-9, "{known:?}");

        // Ticks go by it.
        assert_eq!(of_messages(&workspace, at(1, "04:00")).await.unwrap(), known);
        // Whose message was due before the change was sent by the old weights, though it went out later.
        let mut facts: Vec<Fact> = Vec::new();
        for index in 1_600..1_700 {
            facts.extend(met(index, if index.is_multiple_of(2) { "a" } else { "b" }, at(1, "02:55")));
            // 14 of 15 get B.
            facts.extend(met(index + 100, if index % 15 == 0 { "a" } else { "b" }, at(1, "03:00")));
        }
        plant(&workspace, facts).await;
        workspace.clock.set(at(2, "04:00"));
        let desk = workspace.desk(at(2, "03:00"), Mode::AsKnown).await.unwrap();
        let inside = inside(&workspace).next().unwrap();
        let params = [("test".to_string(), query::ParamValue::Text("subject".into()))].into();
        let metric = &inside.test.bandit.as_ref().unwrap().metric;
        let counted = counted::counted(&desk, inside.test, metric, inside.scenario.goal.within, ("system/test_periods", params));
        let sent: Vec<(String, Vec<u64>)> = counted
            .await
            .unwrap()
            .into_iter()
            .map(|(period, arms)| (period, arms.iter().map(|seen| seen.sent).collect()))
            .collect();
        assert_eq!(sent, [("0".to_string(), vec![850, 850]), ("1".to_string(), vec![7, 93])]);
        night(&workspace, at(2, "03:00")).await.unwrap();
        let known = recorded(&workspace).await;
        let [_, Taken { action: Action::Weigh { weights: next }, .. }] = known.as_slice() else { panic!("{known:?}") };
        assert!(next[1].weight > 0.9 && next.len() == 2, "{known:?}");
    });
}
