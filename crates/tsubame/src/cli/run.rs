//! Does what is due and ends, for shops whose scheduler is not `serve`.

use clap::Args;

use super::ShopFolder;
use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::due,
    workspace::Access,
};

/// Do what is due: plan and send scenarios, and work the nights that ended
///
/// What was missed is caught up with; what was done is not done again. `serve` calls the same once a minute.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tsubame run --shop my-shop\n  tsubame run --at 2026-06-02T09:10:00+09:00")]
pub struct Run {
    /// As if it were this moment: a time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Run {
    pub async fn run(self) -> Result<(), Fault> {
        let mut workspace = self.shop.open(Access::Write).await?;
        let at = super::instant_or_now(&workspace, self.at.as_deref())?;
        super::refuse_future(&workspace, at)?;
        // What is still in time, and when it was sent, is told by the same clock as what is due.
        workspace.clock = Clock::logical(at);
        let report = due::run(&workspace, at).await?;
        workspace.state.close().await;
        println!(
            "planned {} sends and {} ghosts, {} entry moves; accepted {}, stopped {}; nights {}, exports {}",
            report.planned, report.ghosts, report.entries, report.accepted, report.stopped, report.nights, report.exported
        );
        let undone = report.undone.into_iter().collect::<Vec<_>>().join(", ");
        match report.failed + report.deferred + report.unknown {
            0 if !undone.is_empty() => Err(Fault::new(Exit::Partial, format!("a night could not do all of its work: {undone}"))
                .remedy("the log says why; `tsubame check` plans every file, `tsubame doctor` looks at the lake")),
            0 => Ok(()),
            _ => Err(Fault::new(
                Exit::Partial,
                format!(
                    "{} sends failed, {} are deferred, of {} the outcome is unknown",
                    report.failed, report.deferred, report.unknown
                ),
            )
            .remedy("deferred ones are tried again by the next run; `tsubame sends parked` lists those of unknown outcome")),
        }
    }
}
