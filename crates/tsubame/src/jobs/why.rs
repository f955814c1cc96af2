//! Gathers what is known of one customer, so that `decide::why` can say what became of them and why not more. Free text of others (evidence,
//! a provider's reason) is masked on the way: the answer never has an address.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use decide::{
    Rules,
    tick::{CustomerDate, Window, schedule},
    why::{Around, ChannelFacts, Clause, Facts, Noticed, Paragraph, Pass, Question, Received, Said, Sent, Stopped, tell},
};
use model::{Channel, CustomerId, EntryStatus, Instant, Purpose, Scenario, SendState};
use query::{Answer, Desk, Mode, ParamValue, Params, Value, segment::Explained};

use crate::{
    fault::{Exit, Fault},
    jobs::{
        approval, identity,
        pause::pauses,
        tick::{Rows, happened, params_of, versions},
    },
    reachable::Reachable,
    segments,
    workspace::Workspace,
};

/// So far back events are looked for that might have let somebody in.
const LOOK_BACK: TimeDelta = TimeDelta::days(30);

/// What became of a customer, as known at `as_of` (now without it), in all scenarios or in one.
pub async fn why(
    workspace: &Workspace,
    customer: &str,
    scenario: Option<&str>,
    as_of: Option<Instant>,
) -> Result<Vec<Paragraph>, Fault> {
    let asked = identity::parsed(workspace, customer)?;
    let only = scenario.map(|name| workspace.scenario(name)).transpose()?;
    let now = as_of.unwrap_or_else(|| workspace.now());
    let desk = workspace.desk(now, Mode::AsKnown).await?;
    let reachable = workspace.reachable().await?;
    let subject = reachable.survivor(asked.clone());
    let facts = facts(workspace, &desk, &reachable, &asked, &subject, as_of.is_none()).await?;
    let has_nothing =
        facts.passes.is_empty() && facts.channels.iter().all(|channel| !channel.has_address && channel.consent.is_none());
    if has_nothing && !is_known(&desk, &subject).await? {
        return Err(Fault::new(Exit::Data, format!("the shop knows no customer {asked}"))
            .remedy("`tsubame query customer_search -p q=START` lists customers whose ids start so"));
    }
    let pinned: BTreeSet<(String, String)> =
        facts.passes.iter().map(|pass| (pass.scenario.clone(), pass.version.clone())).collect();
    let mut scenarios = versions::of(workspace, pinned).await?;
    scenarios.extend(workspace.files.scenarios.iter().cloned());
    let rules = Rules { pauses: pauses(workspace).await?, ..Rules::of(workspace.shop()) };
    let around = match only {
        Some(scenario) => Some(around(workspace, &desk, &reachable, scenario, &subject).await?),
        None => None,
    };
    let question = Question {
        facts: &facts,
        scenarios: &scenarios,
        rules: &rules,
        grace: workspace.shop().grace.0,
        now,
        only: only.zip(around.as_ref()),
    };
    Ok(tell(&question))
}

async fn is_known(desk: &Desk, customer: &CustomerId) -> Result<bool, Fault> {
    let answer = desk.ask("system/known_since", &of(customer)).await?;
    let rows = Rows::new(&answer);
    Ok(rows.date(0, "registered_on").is_some() || rows.instant(0, "since").is_ok())
}

async fn facts(
    workspace: &Workspace,
    desk: &Desk,
    reachable: &Reachable,
    asked: &CustomerId,
    subject: &CustomerId,
    is_now: bool,
) -> Result<Facts, Fault> {
    let params = of(subject);
    let channels = channels(workspace, &desk.ask("system/why_channels", &params).await?, |channel| {
        // Which address is a mall's is known of the present alone.
        is_now && reachable.reach.get(subject).and_then(|ways| ways.on(channel)).is_some_and(|reach| reach.is_relay)
    })?;
    Ok(Facts {
        customer: asked.clone(),
        survivor: (asked != subject).then(|| subject.clone()),
        unit: reachable.unit.get(subject).unwrap_or(subject).to_string(),
        erased_at: erased_at(desk, subject, &channels).await?,
        channels,
        passes: passes(&desk.ask("system/why_entries", &params).await?)?,
        sends: sends(&desk.ask("system/why_sends", &params).await?)?,
        stops: stops(&desk.ask("system/why_stops", &params).await?)?,
        receipts: receipts(&desk.ask("system/why_receipts", &params).await?)?,
    })
}

fn of(customer: &CustomerId) -> Params {
    [("customer".to_string(), ParamValue::Text(customer.to_string()))].into()
}

/// Of every channel that the shop sends on or a scenario tries.
fn channels(workspace: &Workspace, answer: &Answer, is_relay: impl Fn(Channel) -> bool) -> Result<Vec<ChannelFacts>, Fault> {
    let senders = workspace.shop().senders.iter().map(|sender| sender.channel);
    let steps = workspace.files.scenarios.iter().flat_map(Scenario::sends).flat_map(|send| send.channels.iter().copied());
    let asked: BTreeSet<Channel> = senders.chain(steps).filter(|channel| channel.contact_kind().is_some()).collect();
    let rows = Rows::new(answer);
    let mut channels: Vec<ChannelFacts> = asked
        .into_iter()
        .map(|channel| ChannelFacts {
            channel,
            has_address: false,
            is_relay: is_relay(channel),
            consent: None,
            suppressions: Vec::new(),
        })
        .collect();
    for row in 0..answer.rows.len() {
        let name = rows.needed(row, "channel")?;
        let Some(facts) = channels.iter_mut().find(|facts| facts.channel.name() == name) else { continue };
        let said = Said {
            what: rows.needed(row, "what")?,
            since: rows.instant(row, "changed_at")?,
            source: masked(&rows.needed(row, "source")?),
            wording: rows.text(row, "wording").as_deref().map(masked),
            evidence: rows.text(row, "evidence").as_deref().map(masked),
        };
        match rows.needed(row, "kind")?.as_str() {
            "address" => facts.has_address = true,
            "consent" => facts.consent = Some(said),
            _ => facts.suppressions.push(said),
        }
    }
    Ok(channels)
}

async fn erased_at(desk: &Desk, subject: &CustomerId, channels: &[ChannelFacts]) -> Result<Option<Instant>, Fault> {
    if channels.iter().any(|channel| channel.has_address) {
        return Ok(None);
    }
    let params = [("from_at".to_string(), ParamValue::Instant(Instant::UNIX_EPOCH))].into();
    let answer = desk.ask("system/erased_since", &params).await?;
    let rows = Rows::new(&answer);
    let theirs = (0..answer.rows.len()).find(|row| rows.text(*row, "customer_id").as_deref() == Some(subject.as_str()));
    theirs.map(|row| rows.instant(row, "erased_at")).transpose()
}

fn passes(answer: &Answer) -> Result<Vec<Pass>, Fault> {
    let rows = Rows::new(answer);
    let status = |name: &str| {
        let all = [EntryStatus::Waiting, EntryStatus::Exited, EntryStatus::Finished];
        all.into_iter().find(|status| status.name() == name)
    };
    let one = |row| {
        Ok(Pass {
            entry_id: rows.needed(row, "entry_id")?,
            scenario: rows.needed(row, "scenario")?,
            version: rows.needed(row, "scenario_version")?,
            entry_key: masked(&rows.needed(row, "entry_key")?),
            entered_at: rows.instant(row, "entered_at")?,
            status: known(status(&rows.needed(row, "status")?), "status")?,
            step: rows.needed(row, "step")?,
            due_at: rows.instant(row, "due_at")?,
            held_out: rows.is_true(row, "held_out"),
            reason: rows.text(row, "reason"),
            moved_at: rows.instant(row, "occurred_at")?,
        })
    };
    (0..answer.rows.len()).map(one).collect()
}

fn sends(answer: &Answer) -> Result<Vec<Sent>, Fault> {
    let rows = Rows::new(answer);
    let purpose = |name: &str| {
        let all = [Purpose::Marketing, Purpose::Transactional, Purpose::Ads];
        all.into_iter().find(|purpose| purpose.name() == name)
    };
    let one = |row| {
        Ok(Sent {
            send_id: rows.needed(row, "send_id")?,
            entry_id: rows.needed(row, "entry_id")?,
            scenario: rows.needed(row, "scenario")?,
            step: rows.needed(row, "step")?,
            channel: known(Channel::parse(&rows.needed(row, "channel")?), "channel")?,
            purpose: known(purpose(&rows.needed(row, "purpose")?), "purpose")?,
            template: rows.needed(row, "template")?,
            arm: rows.text(row, "arm"),
            state: known(SendState::parse(&rows.needed(row, "state")?), "state")?,
            due_at: rows.instant(row, "due_at")?,
            detail: rows.text(row, "detail").as_deref().map(masked),
            handed_at: rows.instant(row, "handed_at").ok(),
            accepted_at: rows.instant(row, "accepted_at").ok(),
            changed_at: rows.instant(row, "occurred_at")?,
        })
    };
    (0..answer.rows.len()).map(one).collect()
}

fn stops(answer: &Answer) -> Result<Vec<Stopped>, Fault> {
    let rows = Rows::new(answer);
    let one = |row| {
        Ok(Stopped {
            entry_id: rows.needed(row, "entry_id")?,
            step: rows.needed(row, "step")?,
            channel: rows.text(row, "channel").as_deref().and_then(Channel::parse),
            reason: rows.needed(row, "reason")?,
            detail: rows.text(row, "detail").as_deref().map(masked),
            at: rows.instant(row, "occurred_at")?,
        })
    };
    (0..answer.rows.len()).map(one).collect()
}

fn receipts(answer: &Answer) -> Result<Vec<Received>, Fault> {
    let rows = Rows::new(answer);
    let one = |row| {
        Ok(Received {
            send_id: rows.needed(row, "send_id")?,
            kind: rows.needed(row, "kind")?,
            human: rows.is_true(row, "human"),
            at: rows.instant(row, "occurred_at")?,
        })
    };
    (0..answer.rows.len()).map(one).collect()
}

fn known<T>(value: Option<T>, column: &str) -> Result<T, Fault> {
    value.ok_or_else(|| {
        Fault::new(Exit::Data, format!("a row of what happened to a customer has a `{column}` that this version does not know"))
            .remedy("if a newer version wrote this folder, run that version")
    })
}

fn masked(text: &str) -> String {
    connect::personal::mask(text).into_owned()
}

/// What is found of the customer at the scenario's entrance.
async fn around(
    workspace: &Workspace,
    desk: &Desk,
    reachable: &Reachable,
    scenario: &Scenario,
    subject: &CustomerId,
) -> Result<Around, Fault> {
    let now = desk.moment.as_of;
    let entry = &scenario.entry;
    let mut around = Around::default();
    if entry.on.is_some() {
        let since = now - LOOK_BACK;
        let window = Window { run_id: String::new(), from: since, to: now, grace: TimeDelta::zero() };
        around.noticed_since = Some(since);
        for row in happened::ask(workspace, &window, since, &[scenario]).await? {
            let is_entry = entry.on.as_deref() == Some(&*row.name);
            if is_entry && reachable.survivor(row.customer.clone()) == *subject {
                let lets_in = row.lets_into(scenario);
                around.noticed.push(Noticed { at: row.at, known_at: row.known_at, lets_in });
            }
        }
    } else if let Some(segment) = &entry.segment {
        let (zone, grace) = (workspace.shop().timezone, workspace.shop().grace.0);
        // A broadcast asked once, and of others the question is whether they would come in now.
        let once = entry.once.map(|once| zone.instant(once.0) + grace).filter(|at| *at <= now);
        let asked_at = once.unwrap_or(now);
        around.asked_at = Some(asked_at);
        let explained = explained(workspace, desk, segment, scenario, subject, asked_at).await?;
        around.is_member = explained.is_member;
        around.is_whole = explained.clauses.is_none();
        clauses(&explained, &mut around.clauses);
        if around.is_member {
            let next = schedule::evaluations(entry, zone, now - grace, now + TimeDelta::days(62)).first().copied();
            if let Some(before) = schedule::evaluation_before(entry, zone, next.unwrap_or(now)) {
                let before = self::explained(workspace, desk, segment, scenario, subject, before + grace).await?;
                around.was_member_before = before.is_member;
            }
            for excluded in &entry.exclude {
                if is_excluded(workspace, desk, excluded, subject, asked_at).await? {
                    around.excluded_by = Some(excluded.clone());
                    break;
                }
            }
        }
    } else if let Some(date) = &entry.date {
        let params = [("names".to_string(), ParamValue::Text(date.of.clone()))].into();
        let answer = desk.ask("system/customer_dates", &params).await?;
        let rows = Rows::new(&answer);
        for row in 0..answer.rows.len() {
            if reachable.survivor(CustomerId::stored(rows.needed(row, "customer_id")?)) == *subject {
                around.dates.push(CustomerDate {
                    name: rows.needed(row, "name")?,
                    key: rows.text(row, "of_what").unwrap_or_default(),
                    on: rows.date(row, "day"),
                    at: rows.instant(row, "occurred_at")?,
                    known_at: rows.instant(row, "known_at")?,
                });
            }
        }
    }
    around.awaits_approval = approval::held(workspace).await?.contains_key(&scenario.scenario);
    Ok(around)
}

async fn explained(
    workspace: &Workspace,
    desk: &Desk,
    segment: &str,
    scenario: &Scenario,
    subject: &CustomerId,
    at: Instant,
) -> Result<Explained, Fault> {
    let query = segments::find(&workspace.library, segment)?;
    let params = params_of(query, &scenario.entry.params)?;
    Ok(query::segment::explain(&as_of(desk, at), query, &params, subject.as_str()).await?)
}

async fn is_excluded(
    workspace: &Workspace,
    desk: &Desk,
    segment: &str,
    subject: &CustomerId,
    at: Instant,
) -> Result<bool, Fault> {
    let query = segments::find(&workspace.library, segment)?;
    Ok(query::segment::explain(&as_of(desk, at), query, &Params::new(), subject.as_str()).await?.is_member)
}

fn as_of(desk: &Desk, at: Instant) -> Desk {
    let mut desk = desk.clone();
    desk.moment.as_of = at;
    desk
}

/// A segment's own clauses, and then those of the segment whose members it chooses from: of others it may ask that somebody is in none.
fn clauses(explained: &Explained, found: &mut Vec<Clause>) {
    for held in explained.clauses.iter().flatten() {
        let shown = |(name, value): &(String, Value)| match value {
            Value::Null => format!("{name} = ?"),
            value => format!("{name} = {}", value.plain()),
        };
        found.push(Clause {
            segment: explained.segment.clone(),
            clause: held.clause.clone(),
            holds: held.holds,
            values: masked(&held.values.iter().map(shown).collect::<Vec<_>>().join(", ")),
        });
    }
    let chosen_from = explained.inner.iter().filter(|inner| Some(&inner.segment) == explained.is_part_of.as_ref());
    chosen_from.for_each(|inner| clauses(inner, found));
}

#[cfg(test)]
mod tests;
