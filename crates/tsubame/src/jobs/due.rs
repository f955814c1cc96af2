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
    report.undone.extend(segments(workspace, night).await?.into_iter().map(|name| format!("segment {name}")));
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
    if let Err(fault) = maintain(workspace).await {
        // The next night tries again.
        tracing::error!(%fault, "the lake could not be tended");
        report.undone.insert("the upkeep of the lake".into());
    }
    report.nights += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{Fact, Order};
    use state::DeadLetter;

    use super::*;
    use crate::{
        clock::Clock,
        workspace::{Access, deep},
    };

    async fn open(folder: &std::path::Path, at: Instant) -> Workspace {
        Workspace::open(folder, Clock::logical(at), Access::Write).await.unwrap()
    }

    #[test]
    fn the_first_scenario_starts_with_the_future_however_late_it_is_put_in() {
        deep(async {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("tsubame.toml"), "").unwrap();
            let at = parse_instant("2026-06-01T12:00:00+09:00").unwrap();
            let shop = open(folder.path(), at).await;
            for days in [0, 5] {
                scenarios(&shop, at + TimeDelta::days(days), &mut Report::default()).await.unwrap();
            }
            let ticked = shop.state.cursors().get(TICKED).await.unwrap();
            let expect = at + TimeDelta::days(5) - shop.shop().grace.0;
            assert_eq!(ticked, Some(model::time::rfc3339(expect)));
        });
    }

    #[test]
    fn a_part_of_a_night_fails_by_itself() {
        deep(async {
            let folder = tempfile::tempdir().unwrap();
            let write = |path: &str, text: &str| {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            };
            write("tsubame.toml", "");
            let segment = "-- Broken\n--\n-- column customer_id text ja:\"x\" en:\"x\"\nSELECT customer_id FROM orders WHERE CAST(order_id AS INT) > 0\n";
            write("queries/segments/broken.sql", segment);
            write(
                "queries/segments/whole.sql",
                "-- Whole\n--\n-- column customer_id text ja:\"x\" en:\"x\"\nSELECT customer_id FROM customers\n",
            );
            let at = parse_instant("2026-06-01T12:00:00+09:00").unwrap();
            let shop = open(folder.path(), at).await;
            let order = Order::new("test", "no number", at);
            shop.state.journal().append(vec![Fact::new(&order, at, at)], at).await.unwrap();
            let letter = DeadLetter {
                source: "test".into(),
                file: "in.csv".into(),
                line: 1,
                column: 1,
                code: "not_a_time".into(),
                reason: "not a time".into(),
                remedy: "write a time".into(),
                raw: b"x".to_vec(),
            };
            shop.state.vault().dead_letter(&[letter], at).await.unwrap();
            assert_eq!(shop.state.vault().dead_letters(at, 9).await.unwrap().len(), 1);
            shop.state.close().await;
            drop(shop);
            let later = at + TimeDelta::days(40);
            let shop = open(folder.path(), later).await;
            let report = run(&shop, later).await.unwrap();
            assert_eq!((report.nights, report.undone), (1, BTreeSet::from(["segment broken".to_string()])));
            assert!(shop.lake.watermarks().await["orders"] > 0, "what came in has landed");
            // Asked of the day it came, it would be there if it were kept.
            assert_eq!(shop.state.vault().dead_letters(at, 9).await.unwrap().len(), 0);
        });
    }
}
