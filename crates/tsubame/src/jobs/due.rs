//! What is due: the scheduler of `serve` and the command `run` call this, and it catches up with whatever was missed.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use model::{Instant, ShopZone};

use crate::{
    fault::Fault,
    jobs::{
        attribute::attribute,
        automatic, deliver,
        export::{Report as Exported, export},
        facts::{facts, keep, keep_if_landed},
        flush::{flush, flush_if_due},
        maintain::maintain,
        predict::predict_if_due,
        segments::segments,
        tick,
    },
    workspace::{Workspace, parse_instant},
};

/// The logical time up to which scenarios were planned.
pub const TICKED: &str = "ticked";
/// Where the window being planned ends. It outlives an interruption, so that the same window is finished and not another begun over it.
const TICKING: &str = "ticking";
/// The last night that was worked.
pub const NIGHT: &str = "night";

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub planned: u64,
    pub ghosts: u64,
    pub entries: u64,
    pub accepted: u64,
    pub stopped: u64,
    pub failed: u64,
    pub deferred: u64,
    /// Handed over, and the outcome is unknown.
    pub unknown: u64,
    pub nights: u64,
    pub exported: u64,
    /// What a night could not do of its own.
    pub undone: BTreeSet<String>,
}

/// Plans and delivers up to `at`, works the nights that ended by then, lets facts land that waited, and brings kept values up to date.
pub async fn run(workspace: &Workspace, at: Instant) -> Result<Report, Fault> {
    let mut report = Report::default();
    let worked = async {
        crate::jobs::pull::pull_due(workspace, at).await?;
        scenarios(workspace, at, &mut report).await?;
        nights(workspace, at, &mut report).await
    };
    let worked = worked.await;
    // Whatever else failed, what came in lands, and is not held in memory for ever.
    let landed = flush_if_due(workspace, at).await;
    // The next ticks ask about moments from here on, and pages about later ones.
    let kept = keep_if_landed(workspace, at - workspace.shop().grace.0).await;
    worked?;
    landed?;
    kept?;
    Ok(report)
}

/// One tick over everything not planned yet, and its delivery.
pub async fn scenarios(workspace: &Workspace, at: Instant, report: &mut Report) -> Result<(), Fault> {
    let cursors = workspace.state.cursors();
    let to = at - workspace.shop().grace.0;
    let from = match cursors.get(TICKED).await? {
        Some(text) => parse_instant(&text)?,
        // A shop's first tick looks at nothing that happened before it: scenarios start with the future.
        None => {
            cursors.set(TICKED, &model::time::rfc3339(to)).await?;
            to
        }
    };
    let begun =
        cursors.get(TICKING).await?.map(|text| parse_instant(&text)).transpose()?.filter(|begun| *begun > from && *begun < to);
    let mut fresh_run = None;
    let mut from = from;
    for to in begun.into_iter().chain([to]) {
        if to > from && workspace.files.scenarios.is_empty() {
            // The first that is put in starts with the future too.
            cursors.set(TICKED, &model::time::rfc3339(to)).await?;
            from = to;
        } else if to > from {
            cursors.set(TICKING, &model::time::rfc3339(to)).await?;
            automatic::roll_outs(workspace, from, to).await?;
            let ticked = tick::tick(workspace, from, to).await?;
            report.planned += ticked.sends;
            report.ghosts += ticked.ghosts;
            report.entries += ticked.entries;
            cursors.set(TICKED, &model::time::rfc3339(to)).await?;
            fresh_run = Some(ticked.run_id);
            from = to;
        }
    }
    let delivered = deliver::deliver(workspace, fresh_run.as_deref()).await?;
    report.accepted += delivered.accepted;
    report.stopped += delivered.stopped;
    report.failed += delivered.failed;
    report.deferred += delivered.deferred;
    report.unknown += delivered.unknown;
    Ok(())
}

/// When nights are worked.
fn night_time() -> NaiveTime {
    NaiveTime::from_hms_opt(3, 0, 0).expect("a time of day")
}

/// The night of a shop day: what is worked in its small hours.
pub fn night_of(zone: ShopZone, day: NaiveDate) -> Instant {
    zone.instant(day.and_time(night_time()))
}

/// Every shop night (at 03:00) that ended by `at` and was not worked: credits, customer facts, predictions, what tests decide by themselves,
/// members of segments, exports, flush, maintenance of the lake.
pub async fn nights(workspace: &Workspace, at: Instant, report: &mut Report) -> Result<(), Fault> {
    let cursors = workspace.state.cursors();
    let zone = workspace.shop().timezone;
    let three = night_time();
    let mut night = match cursors.get(NIGHT).await? {
        Some(text) => zone.next(parse_instant(&text)?, three),
        None => zone.next(at - TimeDelta::days(1), three),
    };
    while night <= at {
        work_night(workspace, night, report).await?;
        cursors.set(NIGHT, &model::time::rfc3339(night)).await?;
        night = zone.next(night, three);
    }
    Ok(())
}

async fn work_night(workspace: &Workspace, night: Instant, report: &mut Report) -> Result<(), Fault> {
    attribute(workspace, night).await?;
    keep(workspace, night).await?;
    facts(workspace, night).await?;
    predict_if_due(workspace, night).await?;
    automatic::night(workspace, night).await?;
    report.undone.extend(segments(workspace, night).await?.1.into_iter().map(|name| format!("segment {name}")));
    for named in &workspace.shop().exports {
        match export(workspace, named, night).await {
            Ok(Exported { held: Some(why), .. }) => tracing::warn!(export = named.name, why, "nothing was exported"),
            Ok(_) => report.exported += 1,
            // One folder that cannot be written must not keep the others from their night.
            Err(fault) => {
                tracing::error!(export = named.name, %fault, "a segment could not be exported");
                report.undone.insert(format!("export {}", named.name));
            }
        }
    }
    flush(workspace).await?;
    // Without a new one: those whose time is over are dropped.
    workspace.state.vault().dead_letter(&[], workspace.now()).await?;
    // What it could not do, it logged; the next night tries again.
    if maintain(workspace).await.is_err() {
        report.undone.insert("the upkeep of the lake".into());
    }
    report.nights += 1;
    Ok(())
}
