//! Broadcasts (一斉配信): scenarios whose entry is one moment. How far each has come, what it would do or did, and what that costs.

use std::collections::BTreeMap;

use decide::tick::SENT_LATELY;
use model::{Channel, Instant, Money, Scenario, SendState, Shop};
use query::{Mode, ParamValue, Params};

use crate::{
    fault::Fault,
    jobs::{approval::Approval, pause, tick::Rows, trial::Trial},
    workspace::Workspace,
};

pub mod calendar;
pub mod form;

/// How far a broadcast has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Draft,
    /// Somebody has to approve it, or it was changed since.
    Waiting,
    /// It goes out by itself at its moment.
    Reserved,
    Sending,
    /// Held while some of it had not left yet, or at its moment.
    Stopped,
    Sent,
    /// Its moment passed while it was not reserved.
    Missed,
}

/// What became of the members of a broadcast's audience, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Became {
    /// Sends by channel and state.
    pub sends: BTreeMap<(Channel, SendState), u64>,
    /// Not sent to, by reason: people.
    pub stops: BTreeMap<String, u64>,
}

impl Became {
    /// Sends that were decided on, ghosts apart.
    pub fn planned(&self) -> u64 {
        self.count(|state| state != SendState::Ghost)
    }

    pub fn accepted(&self) -> u64 {
        self.count(|state| state == SendState::Accepted)
    }

    /// By the plan, and at delivery.
    pub fn stopped(&self) -> u64 {
        self.stops.values().sum::<u64>() + self.count(|state| matches!(state, SendState::Stopped | SendState::Failed))
    }

    /// Yet to leave.
    pub fn waiting(&self) -> u64 {
        self.count(|state| matches!(state, SendState::Planned | SendState::Claimed | SendState::Deferred | SendState::Handed))
    }

    /// What uses up quotas and costs money, by channel.
    pub fn paid(&self) -> BTreeMap<Channel, u64> {
        let mut paid = BTreeMap::new();
        for ((channel, state), sends) in &self.sends {
            if state.counts_for_cap() {
                *paid.entry(*channel).or_default() += sends;
            }
        }
        paid
    }

    fn count(&self, is_meant: impl Fn(SendState) -> bool) -> u64 {
        self.sends.iter().filter(|((_, state), _)| is_meant(*state)).map(|(_, sends)| sends).sum()
    }
}

/// What was done about a broadcast so far decides, and whether its moment is over.
pub fn stage(scenario: &Scenario, approval: &Approval, is_paused: bool, became: &Became, is_over: bool) -> Stage {
    let is_asked = matches!(approval, Approval::Asked { .. } | Approval::Void { .. });
    let has_begun = became.planned() > 0 || !became.stops.is_empty();
    match (has_begun, is_over) {
        (true, _) if became.waiting() == 0 => Stage::Sent,
        (true, _) if is_paused => Stage::Stopped,
        (true, _) => Stage::Sending,
        (false, true) => Stage::Missed,
        (false, false) if scenario.enabled && !approval.lets_send() => Stage::Waiting,
        (false, false) if scenario.enabled && is_paused => Stage::Stopped,
        (false, false) if scenario.enabled => Stage::Reserved,
        (false, false) if is_asked => Stage::Waiting,
        (false, false) => Stage::Draft,
    }
}

/// When it goes out: its moment, and the grace that every decision waits.
pub fn leaves_at(workspace: &Workspace, scenario: &Scenario) -> Option<Instant> {
    scenario.entry.once.map(|once| workspace.shop().timezone.instant(once.0) + workspace.shop().grace.0)
}

/// Whether no tick evaluates it any more. A tick may be late, so a little is waited.
pub fn is_over(workspace: &Workspace, scenario: &Scenario) -> bool {
    let ticks_within = chrono::TimeDelta::minutes(5);
    leaves_at(workspace, scenario).is_none_or(|at| at + ticks_within < workspace.now())
}

/// Whether nothing of it leaves now.
pub async fn is_paused(workspace: &Workspace, scenario: &Scenario) -> Result<bool, Fault> {
    Ok(pause::holds(&pause::pauses(workspace).await?, &scenario.scenario))
}

/// The broadcasts of the shop, the next to go out or last to have gone out first.
pub fn all(workspace: &Workspace) -> Vec<&Scenario> {
    let mut all: Vec<&Scenario> = workspace.files.scenarios.iter().filter(|scenario| scenario.is_broadcast()).collect();
    all.sort_by_key(|scenario| (std::cmp::Reverse(scenario.entry.once), scenario.scenario.clone()));
    all
}

/// What became of these, each in one question over all.
pub async fn became(workspace: &Workspace, broadcasts: &[&Scenario]) -> Result<BTreeMap<String, Became>, Fault> {
    let names: Vec<String> = broadcasts.iter().map(|scenario| scenario.scenario.clone()).collect();
    let mut became: BTreeMap<String, Became> = names.iter().map(|name| (name.clone(), Became::default())).collect();
    if names.is_empty() {
        return Ok(became);
    }
    for sent in workspace.state.ledger().tally(&names).await? {
        if let Some(became) = became.get_mut(&sent.scenario) {
            became.sends.insert((sent.channel, sent.state), sent.sends);
        }
    }
    let desk = workspace.desk(workspace.now(), Mode::AsKnown).await?;
    let params = Params::from([("names".to_string(), ParamValue::Text(names.join(",")))]);
    let answer = desk.ask("system/stopped_by_plan", &params).await?;
    let rows = Rows::new(&answer);
    for row in 0..answer.rows.len() {
        if let Some(became) = became.get_mut(&rows.needed(row, "scenario")?) {
            let people = u64::try_from(rows.int(row, "customers")?).unwrap_or(0);
            *became.stops.entry(reason(&rows.needed(row, "reason")?)).or_default() += people;
        }
    }
    Ok(became)
}

/// A reason without the segment that it names: those who were told at the same address, and those who heard from us lately, apart.
pub fn reason(reason: &str) -> String {
    match reason.strip_prefix("excluded by ") {
        Some(SENT_LATELY) => "excluded_sent_lately".into(),
        Some(what) if what.starts_with("the address of ") => "excluded_same_address".into(),
        Some(_) => "excluded".into(),
        None => reason.into(),
    }
}

/// What `more` messages cost in a month in which `sent` leave anyway: by the plan that the provider sells, else by the price of one.
pub fn cost(shop: &Shop, channel: Channel, sent: u64, more: u64) -> Result<Money, Fault> {
    match shop.plans.get(channel.name()) {
        Some(plan) => Ok(decide::cost::of_more(plan, sent, more)?),
        None => Ok(shop.cost_of(channel).times(i64::try_from(more).unwrap_or(i64::MAX))?),
    }
}

/// What a broadcast's trial comes to in money, after what the month has sent by then.
pub fn cost_of(shop: &Shop, trial: &Trial, sent: &BTreeMap<Channel, u64>) -> Result<Money, Fault> {
    let costs = trial.sends.iter().map(|(channel, more)| cost(shop, *channel, sent.get(channel).copied().unwrap_or(0), *more));
    Ok(Money::sum(costs.collect::<Result<Vec<_>, _>>()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_broadcast_has_come() {
        let text = "scenario = \"s\"\ntitle = { ja = \"s\", en = \"s\" }\ngoal = { on = \"order_placed\", within = \"5d\" }\n\
            entry = { segment = \"x\", once = \"2026-07-10T10:00\" }\nstep = [{ id = \"s\", send = { try = [\"line\"], template = \"t\" } }]\n";
        let check = |enabled, approval: &Approval, is_paused, sends: &[(SendState, u64)], stops: u64, is_over, expect| {
            let scenario = Scenario { enabled, ..Scenario::parse("s.toml", text).expect("a scenario") };
            let sends = sends.iter().map(|(state, count)| ((Channel::Line, *state), *count)).collect();
            let stops = (stops > 0).then(|| ("no_consent".to_string(), stops)).into_iter().collect();
            let became = Became { sends, stops };
            assert_eq!(stage(&scenario, approval, is_paused, &became, is_over), expect, "{enabled} {approval:?} {became:?}");
        };
        let at = Instant::default();
        let (none, needed) = (Approval::NotNeeded, Approval::Needed { recipients: 9 });
        let asked = Approval::Asked { by: "a".into(), at, recipients: 9 };
        let void = Approval::Void { changed: Vec::new(), recipients: 9 };
        let approved = Approval::Approved { by: "b".into(), at };
        check(false, &none, false, &[], 0, false, Stage::Draft);
        check(false, &needed, false, &[], 0, false, Stage::Draft);
        check(false, &approved, false, &[], 0, false, Stage::Draft);
        check(false, &asked, false, &[], 0, false, Stage::Waiting);
        check(true, &void, false, &[], 0, false, Stage::Waiting);
        check(true, &approved, false, &[], 0, false, Stage::Reserved);
        check(true, &none, true, &[], 0, false, Stage::Stopped);
        check(true, &none, false, &[], 0, true, Stage::Missed);
        check(true, &none, false, &[], 5, true, Stage::Sent);
        check(true, &none, false, &[(SendState::Planned, 1), (SendState::Accepted, 9)], 0, true, Stage::Sending);
        check(true, &none, true, &[(SendState::Deferred, 1), (SendState::Accepted, 9)], 0, true, Stage::Stopped);
        check(false, &void, true, &[(SendState::Stopped, 1), (SendState::Accepted, 9)], 0, true, Stage::Sent);
    }

    #[test]
    fn what_became_of_them_adds_up() {
        let sends = [
            (SendState::Planned, 1),
            (SendState::Accepted, 10),
            (SendState::Stopped, 100),
            (SendState::Ghost, 1_000),
            (SendState::Failed, 10_000),
            (SendState::Parked, 100_000),
        ];
        let became = Became {
            sends: sends.into_iter().map(|(state, count)| ((Channel::Line, state), count)).collect(),
            stops: [("no_consent".to_string(), 7)].into(),
        };
        assert_eq!((became.planned(), became.accepted(), became.stopped(), became.waiting()), (110_111, 10, 10_107, 1));
        assert_eq!(became.paid(), [(Channel::Line, 100_011)].into());
    }

    #[test]
    fn reasons_are_told_without_names() {
        let check = |raw: &str, expect: &str| assert_eq!(reason(raw), expect);
        check("excluded by vip", "excluded");
        check("excluded by the address of c0001", "excluded_same_address");
        check("excluded by a message not long ago", "excluded_sent_lately");
        check("no_consent", "no_consent");
    }
}
