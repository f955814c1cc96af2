//! What is left of the monthly quotas when a window begins, and where the window uses them up.

use std::collections::BTreeMap;

use decide::{
    Rules,
    automatic::Taken,
    gates::Closed,
    tick::{Allowance, Customer, Window, closings, month_after, month_of},
};
use model::{Channel, Scenario};

use crate::{fault::Fault, workspace::Workspace};

/// Nothing is asked where no enabled scenario sends by a channel that has a quota.
pub async fn closed(
    workspace: &Workspace,
    window: &Window,
    customers: &[Customer],
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
    if allowances.is_empty() || customers.is_empty() {
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
    Ok(closings(customers, scenarios, rules, window, taken, &allowances))
}
