//! The month of the 配信カレンダー: gathered once for everybody, priced day by day by what the month has sent until then.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use decide::{
    calendar::{Line, Reserved, Sends, days_like, month},
    tick::month_after,
};
use model::{Channel, Money, Scenario, Shop};

use super::{Stage, became, cost, is_over, stage};
use crate::{
    fault::Fault,
    jobs::{approval, pause, trial::trial},
    workspace::Workspace,
};

/// What one scenario does on one day, with what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    pub line: Line,
    /// Of a broadcast.
    pub stage: Option<Stage>,
    /// A draft goes out only if somebody reserves it: it is shown, and in no sum.
    pub is_counted: bool,
    pub cost: Money,
}

/// What a channel sends in the month.
#[derive(Debug, Clone, PartialEq)]
pub struct OfChannel {
    pub channel: Channel,
    pub sent: u64,
    pub expected: u64,
    /// Messages within the plan's fee.
    pub included: Option<u64>,
    /// Messages that the provider takes at most.
    pub quota: Option<u64>,
    /// Of the month, whatever is sent.
    pub fee: Money,
    /// With the fee.
    pub cost: Money,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    pub first: NaiveDate,
    pub today: NaiveDate,
    pub lines: Vec<Priced>,
    pub channels: Vec<OfChannel>,
}

/// Everything that left, is reserved, or may be expected in the month of `first`.
pub async fn gather(workspace: &Workspace, first: NaiveDate) -> Result<Month, Fault> {
    let zone = workspace.shop().timezone;
    let today = zone.day(workspace.now());
    let pauses = pause::pauses(workspace).await?;
    let held = approval::held(workspace).await?;
    let runs = |scenario: &&Scenario| {
        let name = &scenario.scenario;
        !scenario.is_broadcast() && scenario.enabled && !held.contains_key(name) && !pause::holds(&pauses, name)
    };
    let running: Vec<&Scenario> = workspace.files.scenarios.iter().filter(runs).collect();
    let of_month: Vec<NaiveDate> = first.iter_days().take_while(|day| day.month() == first.month()).collect();
    let mut days: BTreeSet<NaiveDate> = of_month.iter().copied().collect();
    for day in of_month.iter().filter(|day| **day >= today) {
        days.extend(running.iter().flat_map(|scenario| days_like(scenario, *day, today)));
    }
    let days: Vec<NaiveDate> = days.into_iter().collect();
    let next = |day: NaiveDate| day.succ_opt().unwrap_or(NaiveDate::MAX);
    let spans: Vec<_> = days.iter().map(|day| (zone.start_of(*day), zone.start_of(next(*day)))).collect();
    let mut sent: BTreeMap<(NaiveDate, String), Sends> = BTreeMap::new();
    for one in workspace.state.ledger().sent_in(&spans).await?.into_iter().filter(|one| one.state.counts_for_cap()) {
        *sent.entry((days[one.span], one.scenario)).or_default().entry(one.channel).or_default() += one.sends;
    }
    let mut reserved = Vec::new();
    let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
    let in_month = |scenario: &&&Scenario| {
        scenario.entry.once.is_some_and(|once| once.0.date() >= first && once.0.date() < month_after(first))
    };
    let broadcasts = super::all(workspace);
    let broadcasts: Vec<&Scenario> = broadcasts.iter().filter(in_month).copied().collect();
    let outcomes = became(workspace, &broadcasts).await?;
    for scenario in broadcasts {
        let name = &scenario.scenario;
        let Some(once) = scenario.entry.once else { continue };
        let approval = approval::status(workspace, name).await?;
        let outcome = outcomes.get(name).cloned().unwrap_or_default();
        let stage = stage(scenario, &approval, pause::holds(&pauses, name), &outcome, is_over(workspace, scenario));
        stages.insert(name.clone(), stage);
        if matches!(stage, Stage::Draft | Stage::Waiting | Stage::Reserved) {
            reserved.push(Reserved {
                scenario: name.clone(),
                day: once.0.date(),
                sends: trial(workspace, scenario).await?.sends,
            });
        } else if stage == Stage::Missed || stage == Stage::Stopped {
            reserved.push(Reserved { scenario: name.clone(), day: once.0.date(), sends: Sends::new() });
        }
    }
    let lines = month(first, today, &sent, &running, &reserved);
    priced(workspace.shop(), first, today, lines, &stages)
}

/// The lines with their costs, one after the other: a plan's included messages go to who is sent to first.
fn priced(
    shop: &Shop,
    first: NaiveDate,
    today: NaiveDate,
    lines: Vec<Line>,
    stages: &BTreeMap<String, Stage>,
) -> Result<Month, Fault> {
    let mut sums: BTreeMap<Channel, (u64, u64)> =
        shop.plans.keys().chain(shop.quota.keys()).filter_map(|name| Some((Channel::parse(name)?, (0, 0)))).collect();
    let mut costs: BTreeMap<Channel, Money> = BTreeMap::new();
    let mut of_lines = Vec::new();
    for line in lines {
        let stage = stages.get(&line.scenario).copied();
        let is_counted = !matches!(stage, Some(Stage::Draft | Stage::Waiting));
        let channels: BTreeSet<Channel> = line.sent.keys().chain(line.expected.keys()).copied().collect();
        let mut of_line = Money::ZERO;
        for channel in channels {
            let (sent, expected) = sums.get(&channel).copied().unwrap_or_default();
            let sends = |sends: &Sends| sends.get(&channel).copied().unwrap_or(0);
            let more = (sends(&line.sent), sends(&line.expected));
            let price = cost(shop, channel, sent + expected, more.0 + more.1)?;
            of_line = of_line.plus(price)?;
            if is_counted {
                sums.insert(channel, (sent + more.0, expected + more.1));
                let of_channel = costs.entry(channel).or_insert(Money::ZERO);
                *of_channel = of_channel.plus(price)?;
            }
        }
        of_lines.push(Priced { line, stage, is_counted, cost: of_line });
    }
    let of_channel = |(channel, (sent, expected)): (Channel, (u64, u64))| -> Result<OfChannel, Fault> {
        let plan = shop.plans.get(channel.name());
        let fee = plan.map_or(Money::ZERO, |plan| plan.fee);
        let cost = costs.get(&channel).copied().unwrap_or(Money::ZERO).plus(fee)?;
        let included = plan.map(|plan| plan.included);
        Ok(OfChannel { channel, sent, expected, included, quota: shop.quota_of(channel), fee, cost })
    };
    let channels = sums.into_iter().map(of_channel).collect::<Result<Vec<_>, _>>()?;
    Ok(Month { first, today, lines: of_lines, channels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t42_a_month_costs_what_its_plan_says_however_it_is_spent() {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 7, day).expect("a day");
        let line = |on: u32, scenario: &str, sent: u64, expected: u64, email: u64| Line {
            day: day(on),
            scenario: scenario.into(),
            sent: [(Channel::Line, sent)].into(),
            expected: [(Channel::Line, expected), (Channel::Email, email)].into(),
            is_estimate: false,
        };
        let lines = vec![
            line(1, "a", 29_000, 0, 10),
            line(2, "b", 0, 2_000, 0),
            line(3, "draft", 0, 1_000, 0),
            line(4, "c", 0, 69_000, 0),
        ];
        let shop = Shop::parse("t", "quota = { line = 90000 }\n").expect("settings");
        let stages = [("draft".to_string(), Stage::Draft), ("b".to_string(), Stage::Reserved)].into();
        let month = priced(&shop, day(1), day(2), lines, &stages).expect("a month");
        let yen = |text: &str| Money::parse(text).expect("an amount");
        let costs: Vec<Money> = month.lines.iter().map(|priced| priced.cost).collect();
        // 10 mails of 0.3; 1,000 beyond the plan; a draft of 1,000 more; 49,000 at 3.0 and 20,000 at 2.8.
        assert_eq!(costs, [yen("3"), yen("3000"), yen("3000"), yen("203000")]);
        assert_eq!(month.lines.iter().filter(|priced| !priced.is_counted).count(), 1);
        let of = |channel: Channel| month.channels.iter().find(|of| of.channel == channel).expect("a channel");
        // 100,000 messages are 221,000 yen.
        let line = of(Channel::Line);
        assert_eq!((line.sent, line.expected, line.cost, line.fee), (29_000, 71_000, yen("221000"), yen("15000")));
        assert_eq!((line.included, line.quota), (Some(30_000), Some(90_000)));
        assert_eq!((of(Channel::Email).expected, of(Channel::Email).cost, of(Channel::Email).included), (10, yen("3"), None));
    }
}
