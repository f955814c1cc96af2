//! What is left of the monthly quotas when a window begins, and where the window uses them up.

use std::collections::BTreeMap;

use decide::{
    Rules,
    automatic::Taken,
    gates::Closed,
    tick::{Allowance, Closings, Window, month_after, month_of},
};
use model::{Channel, Scenario};

use super::Gathered;
use crate::{fault::Fault, workspace::Workspace};

/// Nothing is asked, and nobody planned for twice, where no enabled scenario sends by a channel that has a quota.
pub async fn closed(
    workspace: &Workspace,
    window: &Window,
    everybody: &Gathered<'_>,
    scenarios: &[Scenario],
    rules: &Rules,
    taken: &[Taken],
) -> Result<Vec<Closed>, Fault> {
    let shop = workspace.shop();
    let sends_by = |channel: Channel| scenarios.iter().flat_map(Scenario::sends).any(|send| send.channels.contains(&channel));
    let limited = Channel::ALL.into_iter().filter(|channel| sends_by(*channel));
    let mut allowances: Vec<Allowance> = limited
        .filter_map(|channel| Some(Allowance { channel, month_max: shop.quota_of(channel)?, used: BTreeMap::new() }))
        .collect();
    if allowances.is_empty() || everybody.is_empty() {
        return Ok(Vec::new());
    }
    let mut months = vec![month_of(rules.zone, window.from)];
    while let Some(next) = months.last().map(|month| month_after(*month)).filter(|next| rules.zone.start_of(*next) <= window.to) {
        months.push(next);
    }
    let spans: Vec<_> =
        months.iter().map(|month| (rules.zone.start_of(*month), rules.zone.start_of(month_after(*month)))).collect();
    for sent in workspace.state.ledger().sent_in(&spans).await?.into_iter().filter(|sent| sent.state.counts_for_cap()) {
        for allowance in allowances.iter_mut().filter(|allowance| allowance.channel == sent.channel) {
            *allowance.used.entry(months[sent.span]).or_default() += sent.sends;
        }
    }
    let mut closings = Closings::new(rules, allowances);
    loop {
        for chunk in everybody.chunks() {
            closings.add(&everybody.customers(chunk).await?, scenarios, window, taken);
        }
        if !closings.pass_ends() {
            return Ok(closings.closed());
        }
    }
}

#[cfg(test)]
mod tests {
    use model::SendState;

    use super::*;
    use crate::{
        broadcasts::{Became, became},
        jobs::{
            made::{MEMBERS, at, shop, sign_up},
            tick::tick,
            trial::trial,
        },
        workspace::deep,
    };

    fn broadcast(name: &str, once: &str) -> String {
        format!(
            "scenario = \"{name}\"\ntitle = {{ ja = \"{name}\", en = \"{name}\" }}\ngoal = {{ on = \"order_placed\", within = \"3d\" }}\n\
             entry = {{ segment = \"members\", once = \"{once}\" }}\nstep = [{{ id = \"s\", send = {{ try = [\"email\"], template = \"a\" }} }}]\n"
        )
    }

    #[test]
    fn a_month_takes_so_many_and_the_trial_says_so_before() {
        deep(async {
            let texts = [("noon", "2026-07-01T12:00"), ("later", "2026-07-01T13:00"), ("august", "2026-08-01T12:00")]
                .map(|(name, once)| (format!("scenarios/{name}.toml"), broadcast(name, once)));
            let mut files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            files.push(("queries/segments/members.sql", MEMBERS));
            let (_folder, workspace) = shop(|own| format!("quota = {{ email = 3 }}\n{own}"), &files, at("09:00")).await;
            sign_up(&workspace, 5, 4).await;
            let month_later = at("12:00") + chrono::TimeDelta::days(31);
            for (name, moment, sends, stops) in [
                ("noon", at("12:00"), 3, vec![("no_address", 1), ("quota", 1)]),
                ("later", at("13:00"), 0, vec![("no_address", 1), ("quota", 4)]),
                ("august", month_later, 3, vec![("no_address", 1), ("quota", 1)]),
            ] {
                let scenario = workspace.scenario(name).unwrap();
                let tried = trial(&workspace, scenario).await.unwrap();
                workspace.clock.set(moment + chrono::TimeDelta::minutes(11));
                tick(&workspace, moment - chrono::TimeDelta::minutes(1), moment).await.unwrap();
                let outcomes = became(&workspace, &[scenario]).await.unwrap();
                let expect = Became {
                    sends: (sends > 0).then_some(((Channel::Email, SendState::Planned), sends)).into_iter().collect(),
                    stops: stops.into_iter().map(|(reason, people)| (reason.to_string(), people)).collect(),
                };
                assert_eq!(outcomes[name], expect, "{name}");
                assert_eq!((tried.messages(), &tried.stops), (sends, &expect.stops), "{name}");
                assert_eq!(tried.audience, sends + expect.stops.values().sum::<u64>(), "{name}");
            }
        });
    }
}
